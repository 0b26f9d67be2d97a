//! What pages show: their descriptions, values of every type, what is selected.

use super::*;

#[tokio::test]
async fn a_dashboard_is_described() {
    let shop = shop();
    let (_, project) = shop.json("/api/project").await;
    assert_eq!(
        project["dashboards"],
        json!([
            { "name": "sales", "title": "Sales", "description": "", "entity": null, "live": true },
            { "name": "country", "title": "Country", "description": "", "entity": "country", "live": true }
        ])
    );
    let (_, sales) = shop.json("/api/dashboards/sales").await;
    assert_eq!(
        sales["filters"],
        json!([{ "column": "country", "label": "country", "kind": "select", "default": ["DE"] },
            { "column": "day", "label": "day", "kind": "time", "default": "90d" }])
    );
    let panel = &sales["panels"][0];
    assert_eq!(panel["x"], json!({ "column": "day", "label": "day", "type": "time", "bucket": null }));
    assert_eq!(panel["y"][0], json!({ "name": "y0", "label": "Revenue", "format": "money", "unit": "€" }));
    assert_eq!((&panel["live"], &sales["panels"][2]["live"]), (&json!(true), &json!(false)));
    let twice = json!({ "name": "c1", "label": "Twice", "type": "number", "format": "number" });
    assert_eq!(sales["panels"][1]["columns"][1], twice);
    assert_eq!(shop.json("/api/dashboards/none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn values_of_every_type_come_as_json() {
    let (status, shown) = shop().json("/api/dashboards/sales/panels/0").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        shown["rows"],
        json!([
            ["1970-01-01T00:00:00Z", "=1+1", 1.5, -3, true],
            ["1970-01-01T00:00:01.500Z", "a \"b\", c", null, 0, null],
            [null, null, null, null, null]
        ])
    );
    assert_eq!(shown["columns"][0], json!({ "name": "day", "type": "time" }));
    assert_eq!((&shown["truncated"], &shown["version"], &shown["as_of"]), (&json!(false), &json!("1"), &json!("1970-01-01T00:00:00Z")));
}

#[tokio::test]
async fn what_is_selected_is_a_value_and_never_sql() {
    let shop = shop();
    let evil = "'; DROP TABLE sales; --";
    let s = escaped(&json!({ "country": [evil, null], "day": { "from": "2024-01", "to": null } }));
    assert_eq!(shop.json(&format!("/api/dashboards/sales/panels/0?s={s}")).await.0, StatusCode::OK);
    let (sql, params) = shop.asked().pop().expect("it was asked");
    assert!(sql.contains("$1") && !sql.contains("DROP"), "{sql}");
    assert!(params.contains(&evil.to_string()), "{params:?}");
    // A column that only other panels have does not apply, and is no mistake.
    assert_eq!(shop.json(&format!("/api/dashboards/sales/panels/2?s={s}")).await.0, StatusCode::OK);
    assert!(shop.asked().pop().expect("it was asked").1.is_empty());
}

#[tokio::test]
async fn a_selection_that_makes_no_sense_is_told() {
    let shop = shop();
    for wrong in [
        json!("x"),
        json!({ "colour": ["red"] }),
        json!({ "country": "DE" }),
        json!({ "country": [["DE"]] }),
        json!({ "day": { "from": "2024-01", "until": "2024-02" } }),
        json!({ "day": { "from": "yesterday" } }),
        json!({ "orders": ["many"] }),
        json!({ "country": vec!["DE"; 501] }),
    ] {
        let (status, said) = shop.json(&format!("/api/dashboards/sales/panels/0?s={}", escaped(&wrong))).await;
        assert_eq!((status, &said["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("bad_selection")), "{wrong}");
    }
    for path in ["panels/0?s=%7B", "panels/0?t=1", "panels/0/rows?limit=x", "panels/0/rows?limit=-1"] {
        assert_eq!(shop.json(&format!("/api/dashboards/sales/{path}")).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let long = "x".repeat(20_000);
    assert_eq!(shop.json(&format!("/api/dashboards/sales/panels/0?s={long}")).await.0, StatusCode::BAD_REQUEST);
    for path in ["panels/3", "panels/-1", "panels/00", "panels/99999999999999999999", "filters/colour"] {
        assert_eq!(shop.json(&format!("/api/dashboards/sales/{path}")).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(shop.asked().is_empty(), "nothing of this is asked of the data");
}

#[tokio::test]
async fn formulas_are_text_in_a_file() {
    let response = shop().get("/api/dashboards/sales/panels/0/csv").await;
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"sales-0.csv\"");
    let text = String::from_utf8(bytes(response).await).expect("text");
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines[1], "1970-01-01T00:00:00Z,'=1+1,1.5,-3,true", "a negative number is a number");
    assert_eq!(lines[2], "1970-01-01T00:00:01.500Z,\"a \"\"b\"\", c\",NaN,0,");
    assert_eq!(lines[3], ",,,,");
}
