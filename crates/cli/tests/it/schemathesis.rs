//! The OpenAPI document and what is really answered, held together by somebody else: Schemathesis makes requests from the document, good ones and bad ones.

use crate::dashboard::Site;
use crate::marketing::python;
use crate::workload::Project;
use std::process::Command;

const ITEMS: &str = "load = \"replace\"\nkey = [\"id\"]\n[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.name]\ntype = \"text\"\n[columns.at]\ntype = \"timestamp\"\n";
const PAGE: &str = "title = \"Item\"\nentity = \"id\"\n[[filters]]\ncolumn = \"name\"\n[[filters]]\ncolumn = \"at\"\n[[panels]]\nkind = \"bar\"\nview = \"items\"\nx = \"name\"\n\
    y = \"count(*)\"\n[[panels]]\nkind = \"histogram\"\nview = \"items\"\nx = \"id\"\n[[panels]]\nkind = \"table\"\nview = \"items\"\n";
const QUERY: &str = "--! [params]\n--! since = { type = \"timestamp\", optional = true }\n--! least = { type = \"int\", default = 0 }\n--! price = { type = \"decimal(10, 2)\", default = 1.5 }\n\
    SELECT id, name, $price * id AS price FROM items WHERE id >= $least AND ($since IS NULL OR at >= $since)\n";

#[test]
fn no_request_that_the_document_leads_to_is_a_server_error() {
    let Some(python) = python("schemathesis", "schemathesis") else { return };
    let csv: String = (0..50).map(|n| format!("{n},name {},2024-01-{:02}T00:00:00Z\n", n % 7, 1 + n % 28)).collect();
    let project = Project::of(&[
        ("tables/items.toml", ITEMS),
        ("dashboards/item.toml", PAGE),
        ("queries/item.sql", QUERY),
        ("items.csv", &format!("id,name,at\n{csv}")),
    ]);
    let site = Site::start(&project);
    // Names that are there, so that requests reach further than to a 404.
    let document = site.json("/api/openapi.json").to_string();
    let names = [("name", "item"), ("id", "0"), ("column", "name"), ("entity", "id"), ("key", "7")];
    let document = names.iter().fold(document, |document, (name, value)| {
        let described = format!("\"in\":\"path\",\"name\":\"{name}\",\"required\":true,\"schema\":{{\"type\":\"string\"}}");
        assert!(document.contains(&described), "{described}\n{document}");
        let with = format!("\"example\":\"{value}\",{described}");
        document.replace(&described, &with)
    });
    let file = project.dir().join("openapi.json");
    std::fs::write(&file, document).expect("the document");
    let output = Command::new(python.with_file_name("schemathesis"))
        .arg("run")
        .arg(&file)
        .args(["--url", &format!("http://{}", site.host)])
        .args(["--header", &format!("Authorization:Bearer {}", site.token)])
        // Event streams do not end.
        .args(["--exclude-path", "/api/events"])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--max-time", "40", "--seed", "1", "--no-shrink"])
        .args(["--continue-on-failure", "--no-color", "--generation-database", "none", "--warnings", "off"])
        .current_dir(project.dir())
        .output()
        .expect("schemathesis starts");
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("test cases") || said.contains("Test cases"), "it tested nothing:\n{said}");
    site.stop();
}
