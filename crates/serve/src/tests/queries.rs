//! Queries by name: what they take, what is refused, what is kept.

use super::*;

#[tokio::test]
async fn queries_are_listed_with_what_they_take() {
    let (_, listed) = shop().json("/api/queries").await;
    let query = &listed["queries"][0];
    assert_eq!((&query["name"], &query["description"]), (&json!("sales"), &json!("Sales of a country.")));
    assert_eq!(
        query["params"],
        json!([
            { "name": "country", "type": "text", "required": false, "default": "DE", "description": "two letters" },
            { "name": "least", "type": "integer", "required": false, "default": null, "description": "" }
        ])
    );
    assert_eq!(query["columns"][2], json!({ "name": "revenue", "type": "number" }));
}

#[tokio::test]
async fn values_are_bound_and_never_sql() {
    let shop = shop();
    let (status, rows) = shop.json("/api/queries/sales?country=%27%3B+DROP+TABLE+sales%3B+--&least=007").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&rows["columns"][1], &rows["truncated"]), (&json!({ "name": "country", "type": "text" }), &json!(false)));
    let (sql, params) = shop.asked().pop().expect("it was asked");
    assert_eq!(params, ["'; DROP TABLE sales; --", "7"]);
    assert_eq!(
        sql.trim(),
        "SELECT * FROM sales WHERE country = CAST($1 AS VARCHAR) AND (CAST($2 AS BIGINT) IS NULL OR orders >= CAST($2 AS BIGINT))"
    );
    // What is left out is its default, or NULL.
    assert_eq!(shop.json("/api/queries/sales").await.0, StatusCode::OK);
    let (sql, params) = shop.asked().pop().expect("it was asked");
    assert_eq!(params, ["DE"]);
    assert!(sql.contains("CAST(NULL AS BIGINT) IS NULL"), "{sql}");
}

#[tokio::test]
async fn values_that_make_no_sense_are_told_and_not_asked() {
    let shop = shop();
    let many: String = (0..501).map(|n| format!("v{n}=1&")).collect();
    let long = format!("country={}", "x".repeat(20_000));
    for query in ["least=many", "least=1.5", "least=99999999999999999999", "least=", "colour=red", "country=a&country=b", "=", &many, &long]
    {
        let (status, said) = shop.json(&format!("/api/queries/sales?{query}")).await;
        let shown = &query[..query.len().min(40)];
        assert_eq!((status, &said["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("bad_value")), "{shown}");
        assert!(said["error"]["message"].as_str().expect("a message").len() < 300, "{shown}");
    }
    for name in ["none", "..%2f..%2ftidemill", "%00", "%F0%9F%8C%8A", "query.sales"] {
        assert_eq!(shop.json(&format!("/api/queries/{name}")).await.0, StatusCode::NOT_FOUND, "{name}");
    }
    assert!(shop.asked().is_empty());
}

#[tokio::test]
async fn the_same_values_are_asked_once_until_the_data_changes() {
    let shop = shop();
    for query in ["?least=5", "?least=05", "?country=DE&least=5"] {
        assert_eq!(shop.json(&format!("/api/queries/sales{query}")).await.0, StatusCode::OK);
    }
    assert_eq!(shop.asked().len(), 1);
    shop.fake.version.store(2, Ordering::SeqCst);
    assert_eq!(shop.json("/api/queries/sales?least=5").await.1["version"], "2");
    assert_eq!(shop.asked().len(), 1);
}
