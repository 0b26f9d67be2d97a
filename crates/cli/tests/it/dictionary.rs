//! The data dictionary of the shipped marketing project, in every form. The Markdown is compared with a golden file, which `UPDATE=1` writes
//! anew.

use crate::cargo;
use crate::workload::Project;
use std::path::Path;
use std::process::{Command, Output};

fn tidemill(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.arg("-C").arg(dir).args(arguments).env_remove("TIDEMILL_ENV").env("NO_COLOR", "1");
    command.output().expect("tidemill starts")
}

fn good(dir: &Path, arguments: &[&str]) -> String {
    let output = tidemill(dir, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_marketing_project_describes_itself_without_a_run() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path().join("marketing");
    crate::marketing::copy(&cargo::root().join("projects/marketing"), &dir);
    let said = good(&dir, &["dictionary", "--out", "docs/data.md"]);
    assert!(said.contains("described"), "{said}");
    assert!(!dir.join("lake").exists(), "asking made a lake");

    let markdown = std::fs::read_to_string(dir.join("docs/data.md")).expect("the dictionary");
    let golden = cargo::root().join("crates/cli/tests/golden/marketing-dictionary.md");
    if std::env::var_os("UPDATE").is_some_and(|v| v == "1") {
        std::fs::create_dir_all(golden.parent().expect("a folder")).expect("the folder");
        std::fs::write(&golden, &markdown).expect("the golden file");
    }
    assert_eq!(markdown, std::fs::read_to_string(&golden).expect("the golden file"), "UPDATE=1 writes it anew");

    // Every relation and column is in every form.
    let json: serde_json::Value = serde_json::from_str(&good(&dir, &["dictionary", "--format", "json"])).expect("JSON");
    let page = {
        good(&dir, &["dictionary", "--out", "data.html"]);
        std::fs::read_to_string(dir.join("data.html")).expect("the page")
    };
    let human = good(&dir, &["dictionary"]);
    let csv = good(&dir, &["dictionary", "--format", "csv"]);
    for kind in ["tables", "views"] {
        for entry in json[kind].as_array().expect("entries") {
            let name = entry["name"].as_str().expect("a name");
            for column in entry["columns"].as_array().expect("columns") {
                let column = column["name"].as_str().expect("a name");
                assert!(markdown.contains(&format!("| `{column}` |")), "{name}.{column} is not in the Markdown");
                assert!(page.contains(&format!("<td><code>{column}</code></td>")), "{name}.{column} is not on the page");
                assert!(human.contains(column), "{name}.{column} is not on the terminal");
                assert!(csv.contains(&format!("{name},{column},")), "{name}.{column} is not in the CSV");
            }
        }
    }
    assert!(json["tables"][0]["columns"].as_array().is_some_and(|c| c.len() == 80), "every column of the clean table");
    // One page, which asks for nothing from elsewhere.
    for from_elsewhere in ["http://", "https://", "src=", "<link", "@import"] {
        assert!(!page.contains(from_elsewhere), "the page asks for {from_elsewhere}");
    }
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("id=\"search\""), "by day and by night, with a search box");
}

#[test]
fn after_a_run_there_are_rows_and_versions_and_nothing_in_it_is_markup() {
    let project = Project::of(&[
        ("tables/items.toml", "description = \"<b>Items</b> & more\"\n[source]\npath = \"data/items.csv\"\n[columns.id]\ntype = \"int\"\n"),
        ("data/items.csv", "id\n1\n2\n"),
        ("views/twice.sql", "--! materialized = \"table\"\nSELECT id * 2 AS twice FROM items WHERE id < 2\n"),
    ]);
    project.run();
    let json = project.json(&["dictionary"]);
    assert_eq!(json["tables"][0]["stored"]["rows"], 2);
    assert_eq!(json["views"][0]["stored"]["rows"], 1);
    assert_eq!(json["views"][0]["columns"][0]["from"][0]["relation"], "clean.items");
    assert!(json["last_run"]["epoch"].as_u64().is_some_and(|e| e > 0), "{json}");
    project.good(&["dictionary", "--out", "d.html"]);
    let page = std::fs::read_to_string(project.dir().join("d.html")).expect("the page");
    assert!(page.contains("&lt;b&gt;Items&lt;/b&gt; &amp; more") && !page.contains("<b>Items"), "{page}");

    let only = project.json(&["dictionary", "twice"]);
    assert_eq!((only["tables"].as_array().map(Vec::len), only["views"].as_array().map(Vec::len)), (Some(0), Some(1)));
    assert!(project.ends(2, &["dictionary", "twise"]).contains("did you mean `twice`?"));
    assert!(project.ends(2, &["dictionary", "--out", "d.pdf"]).contains("end it in .md or .html"));
}
