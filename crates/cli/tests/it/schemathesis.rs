//! The OpenAPI document and what is really answered, held together by somebody else: Schemathesis makes requests from the document, good ones and bad ones.

use crate::dashboard::Site;
use crate::marketing::python;
use crate::workload::Project;
use serde_json::{Value, json};
use std::process::Command;

const ITEMS: &str = "load = \"replace\"\nkey = [\"id\"]\n[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\nmax = 1000\n[columns.name]\ntype = \"text\"\n[columns.at]\ntype = \"timestamp\"\n";
const PAGE: &str = "title = \"Item\"\nentity = \"id\"\n[[filters]]\ncolumn = \"name\"\n[[filters]]\ncolumn = \"at\"\n[[panels]]\nkind = \"bar\"\nview = \"items\"\nx = \"name\"\n\
    y = \"count(*)\"\n[[panels]]\nkind = \"histogram\"\nview = \"items\"\nx = \"id\"\n[[panels]]\nkind = \"table\"\nview = \"items\"\n";
const QUERY: &str = "--! [params]\n--! since = { type = \"timestamp\", optional = true }\n--! least = { type = \"int\", default = 0 }\n--! price = { type = \"decimal(10, 2)\", default = 1.5 }\n\
    SELECT id, name, $price * id AS price FROM items WHERE id >= $least AND ($since IS NULL OR at >= $since)\n";

/// Names that are there, for each of a path: beside these, names are made up.
fn there(path: &str, name: &str, run: &str) -> Vec<String> {
    let names: &[&str] = match name {
        "name" => &["item"],
        "id" if path.starts_with("/api/runs") => &["latest", run],
        "id" => &["0", "1", "2"],
        "column" => &["name", "at"],
        "entity" => &["id"],
        "key" => &["7", "49"],
        "table" => &["items"],
        other => panic!("{path}: what is there by the name of `{other}`?"),
    };
    names.iter().map(|n| (*n).to_string()).collect()
}

/// The operations of the document but for event streams, which do not end; their paths get names that are there.
fn with_names(document: &mut Value, run: &str) -> Vec<(String, String)> {
    let mut operations = Vec::new();
    let paths = document["paths"].as_object_mut().expect("paths");
    paths.remove("/api/events").expect("events");
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().expect("methods") {
            operations.push((method.to_uppercase(), path.clone()));
            let parameters = operation["parameters"].as_array_mut().expect("parameters").iter_mut();
            for parameter in parameters.filter(|p| p["in"] == "path") {
                let names = there(path, parameter["name"].as_str().expect("a name"), run);
                let examples = names.iter().map(|n| (n.clone(), json!({ "value": n }))).collect::<serde_json::Map<_, _>>();
                parameter["schema"] = json!({ "anyOf": [{ "enum": names }, { "type": "string" }] });
                parameter["examples"] = examples.into();
            }
        }
    }
    operations
}

/// Whether a path is one of those of an operation.
fn is_of(path: &str, operation: &str) -> bool {
    let (mut parts, mut wanted) = (path.split('/'), operation.split('/'));
    loop {
        match (parts.next(), wanted.next()) {
            (None, None) => return true,
            (Some(part), Some(wanted)) if part == wanted || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[test]
fn no_request_that_the_document_leads_to_is_a_server_error() {
    let Some(python) = python("schemathesis", "schemathesis") else { return };
    let csv: String = (0..50).map(|n| format!("{n},name {},2024-01-{:02}T00:00:00Z\n", n % 7, 1 + n % 28)).collect();
    let project = Project::of(&[
        ("tables/items.toml", ITEMS),
        ("dashboards/item.toml", PAGE),
        ("queries/item.sql", QUERY),
        // Two rows that are set aside, one of which can be tried again.
        ("items.csv", &format!("id,name,at\n{csv}many,x,2024-01-01T00:00:00Z\n2000,y,2024-01-01T00:00:00Z\n")),
    ]);
    let site = Site::start(&project);
    assert_eq!(site.json("/api/quarantine/items")["total"], 2);
    let run = site.json("/api/runs")["runs"][0]["run_id"].as_str().expect("a run").to_string();
    let mut document = site.json("/api/openapi.json");
    let operations = with_names(&mut document, &run);
    assert!(operations.iter().any(|(method, _)| method == "POST"), "{operations:?}");
    let file = project.dir().join("openapi.json");
    std::fs::write(&file, document.to_string()).expect("the document");
    let output = Command::new(python.with_file_name("schemathesis"))
        .arg("run")
        .arg(&file)
        .args(["--url", &format!("http://{}", site.host)])
        .args(["--header", &format!("Authorization:Bearer {}", site.token)])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--max-time", "60", "--seed", "1", "--no-shrink"])
        .args(["--continue-on-failure", "--no-color", "--generation-database", "none", "--warnings", "off"])
        .args(["--report", "har", "--report-har-path", "requests.har"])
        .current_dir(project.dir())
        .output()
        .expect("schemathesis starts");
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");

    // It went through every door, with names that are there and with others.
    let requests = std::fs::read_to_string(project.dir().join("requests.har")).expect("what was asked");
    let requests: Value = serde_json::from_str(&requests).expect("JSON");
    let requests: Vec<(&str, &str, u64)> = requests["log"]["entries"].as_array().expect("requests").iter().map(request).collect();
    let mut unknown = Vec::new();
    for (method, operation) in &operations {
        let of: Vec<u64> =
            requests.iter().filter(|(m, path, _)| m == method && is_of(path, operation)).map(|(_, _, status)| *status).collect();
        assert!(of.contains(&200), "{method} {operation} was never answered: {of:?}");
        if operation.contains('{') && !of.contains(&404) {
            unknown.push(format!("{method} {operation}"));
        }
    }
    // How far it gets in its time differs: with names that are not there it comes to most of them.
    assert!(unknown.len() <= operations.len() / 3, "asked only with names that are there: {unknown:?}");
    assert!(requests.iter().any(|(_, path, status)| *path == format!("/api/runs/{run}") && *status == 200));
    site.stop();
}

/// Method, path and what came of it.
fn request(entry: &Value) -> (&str, &str, u64) {
    let url = entry["request"]["url"].as_str().expect("a URL");
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(host, _)| &rest[host.len()..]));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    (entry["request"]["method"].as_str().expect("a method"), path, entry["response"]["status"].as_u64().unwrap_or(0))
}
