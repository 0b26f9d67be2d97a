//! The OpenAPI document, and whether what is answered is what it says.

use super::*;
use crate::openapi::{document, writes};
use std::path::Path;

#[tokio::test]
async fn the_document_lists_every_route_and_what_is_answered_has_its_shapes() {
    let shop = shop();
    let (_, document) = shop.json("/api/openapi.json").await;
    for route in asked_routes() {
        assert!(document["paths"][route.path]["get"].is_object(), "{}", route.path);
        let path = route
            .path
            .replace("{name}", "sales")
            .replace("runs/{id}", "runs/latest")
            .replace("{id}", "0")
            .replace("{column}", "orders")
            .replace("{table}", "orders")
            .replace("{entity}", "country")
            .replace("{key}", "DE");
        if path == "/api/events" {
            continue;
        }
        let response = shop.get(&path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        if let Some(schema) = document["paths"][route.path]["get"]["responses"]["200"]["content"]["application/json"]["schema"].as_object()
        {
            let body = serde_json::from_slice(&bytes(response).await).expect("JSON");
            fits(&body, &Value::Object(schema.clone()), &document, &path);
        }
    }
    let (_, refused) = shop.json("/api/dashboards/none").await;
    fits(&refused, &json!({ "$ref": "#/components/schemas/Problem" }), &document, "a refusal");
}

/// The types of the page are made of that file. `UPDATE=1` writes it; then `npm run types` in web/.
#[test]
fn the_page_has_this_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
    let now = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{now:#}\n")).expect("web/ can be written");
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).expect("web/openapi.json")).expect("JSON");
    assert!(kept == now, "web/openapi.json is another document: `UPDATE=1` with this test, then `npm run types` in web/");
}

/// As far as this document goes into JSON Schema.
fn fits(value: &Value, schema: &Value, document: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(value, &document["components"]["schemas"][name.rsplit('/').next().expect("a name")], document, at);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return if value.is_null() { assert_eq!(any[1]["type"], "null", "{at}") } else { fits(value, &any[0], document, at) };
    }
    match schema["type"].as_str() {
        Some("object") => {
            let members = value.as_object().unwrap_or_else(|| panic!("{at} is no object"));
            for name in schema["required"].as_array().expect("a list") {
                assert!(members.contains_key(name.as_str().expect("text")), "{at} lacks {name}");
            }
            for (name, value) in members {
                let of = &schema["properties"][name];
                assert!(of.is_object(), "{at}: {name} is in no shape");
                fits(value, of, document, &format!("{at}.{name}"));
            }
        }
        Some("array") => {
            value.as_array().unwrap_or_else(|| panic!("{at} is no list")).iter().for_each(|v| fits(v, &schema["items"], document, at))
        }
        Some("string") => assert!(value.is_string(), "{at}: {value}"),
        Some("integer") => assert!(value.is_i64() || value.is_u64(), "{at}: {value}"),
        Some("number") => assert!(value.is_number(), "{at}: {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}: {value}"),
        Some(other) => panic!("{at}: {other}"),
        None => {}
    }
}

#[test]
fn every_refusal_and_path_of_the_document_is_well_formed() {
    let document = document();
    assert_eq!(document["paths"].as_object().expect("paths").len(), asked_routes().count() + writes().count());
    let shapes = document["components"]["schemas"].as_object().expect("shapes");
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(shapes.contains_key(name), "there is no shape {name}");
    }
}
