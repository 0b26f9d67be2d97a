//! `tidemill profile` on files whose facts are known, and on a project's tables.

use crate::cargo;
use std::path::PathBuf;
use std::process::{Command, Output};

fn tidemill(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemill")).args(args).env("NO_COLOR", "1").output().expect("tidemill runs")
}

fn json(args: &[&str]) -> serde_json::Value {
    let out = tidemill(&[&["profile", "--format", "json"], args].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

/// A file of the shared folder, or the one that the project ships.
fn data(name: &str) -> Option<PathBuf> {
    let places = [Some(cargo::root().join("projects/marketing/data")), cargo::shared_data()];
    let found = places.iter().flatten().map(|p| p.join(name)).find(|p| p.exists());
    if found.is_none() {
        println!("skipped: {name}, because the file is not at hand");
    }
    found
}

fn texts(p: &serde_json::Value) -> Vec<String> {
    p["findings"].as_array().expect("findings").iter().filter_map(|f| f["text"].as_str().map(String::from)).collect()
}

fn column<'a>(p: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    p["columns"].as_array().and_then(|c| c.iter().find(|c| c["name"] == name)).unwrap_or(&serde_json::Value::Null)
}

#[test]
fn the_campaign_file_shows_its_known_facts() {
    let Some(file) = data("marketing_campaign.csv") else { return };
    let p = json(&[&file.display().to_string(), "--target", "Response"]);
    assert_eq!((p["rows"].as_u64(), p["rejected"].as_u64()), (Some(2240), Some(0)));
    assert_eq!(p["columns"].as_array().map(Vec::len), Some(29));
    let told = texts(&p);
    for fact in [
        "182 rows repeat another when `id` is ignored",
        "`income` is missing in 24 rows",
        "`z_costcontact` is \"3\" in every row",
        "`z_revenue` is \"11\" in every row",
    ] {
        assert!(told.iter().any(|t| t.contains(fact)), "{fact}: {told:#?}");
    }
    assert!(told.iter().all(|t| !t.contains("missing in") || t.contains("`income`")), "nothing else is missing: {told:#?}");
    let income = column(&p, "income");
    assert_eq!((income["numbers"]["max"].as_f64(), income["numbers"]["quantiles"][3]["value"].as_f64()), (Some(666666.0), Some(51381.5)));
    assert!(income["suspicious"].as_array().is_some_and(|s| s.iter().any(|s| s["value"] == "666666")), "{income:#}");
    let status: Vec<&str> =
        column(&p, "marital_status")["suspicious"].as_array().expect("list").iter().filter_map(|s| s["value"].as_str()).collect();
    assert!(["Absurd", "YOLO", "Alone"].iter().all(|v| status.contains(v)), "{status:?}");
    assert_eq!(p["keys"][0]["columns"], serde_json::json!(["id"]));
    assert_eq!((p["target"]["value"].as_str(), p["target"]["rows"].as_u64()), (Some("1"), Some(2240)));
    assert!((p["target"]["overall"].as_f64().unwrap_or(0.0) - 334.0 / 2240.0).abs() < 1e-12);
}

#[test]
fn small_files_show_their_known_facts() {
    if let Some(file) = data("payment_fraud.csv") {
        let p = json(&[&file.display().to_string()]);
        assert_eq!((p["rows"].as_u64(), p["duplicates"]["exact"].as_u64()), (Some(39_221), Some(5_726)));
    }
    if let Some(file) = data("AirPassengers.csv") {
        let p = json(&[&file.display().to_string()]);
        let t = &p["time"][0];
        assert_eq!((t["unit"].as_str(), t["units"].as_u64(), t["empty_units"].as_u64()), (Some("month"), Some(144), Some(0)));
    }
    if let Some(file) = data("dirty/beers/dirty.csv") {
        let p = json(&[&file.display().to_string()]);
        let decides =
            |a: &str, b: &str| p["dependencies"].as_array().expect("list").iter().any(|d| d["determinant"][0] == a && d["dependent"] == b);
        assert!(decides("brewery_id", "brewery_name"), "{:#}", p["dependencies"]);
        // Units in several notations are read as what they are.
        assert_eq!((column(&p, "ounces")["type"].as_str(), column(&p, "ounces")["numbers"]["max"].as_f64()), (Some("double"), Some(32.0)));
    }
}

#[test]
fn a_page_is_written_and_columns_can_be_chosen() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("sales.csv"), "Id;Town;Amount\n1;Ulm;10\n2;Bonn;20\n3;Ulm;x\n4;;5\n").expect("written");
    let out = tidemill(&["profile", &at("sales.csv"), "--columns", "Town,Amount", "--html", &at("p.html"), "--output", &at("p.txt")]);
    assert!(out.status.success() && out.stdout.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let page = std::fs::read_to_string(at("p.html")).expect("page");
    assert!(page.starts_with("<!doctype html>") && page.contains("Bonn") && page.trim_end().ends_with("</html>"));
    let text = std::fs::read_to_string(at("p.txt")).expect("text");
    assert!(text.contains("4 rows × 2 columns") && text.contains("town") && !text.contains(" id "), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
    let csv = tidemill(&["profile", &at("sales.csv"), "--format", "csv"]);
    assert!(String::from_utf8_lossy(&csv.stdout).starts_with("column,label,type,rows,missing,distinct"));
}

#[test]
fn what_is_not_there_is_told_with_what_may_be_meant() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("orders.csv"), "a,b\n1,2\n").expect("written");
    let said = |args: &[&str]| {
        let out = tidemill(args);
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    let wrong = dir.path().join("order.csv").display().to_string();
    assert!(said(&["profile", &wrong]).contains("orders.csv"));
    let file = dir.path().join("orders.csv").display().to_string();
    assert!(said(&["profile", &file, "--columns", "bb"]).contains("did you mean `b`?"));
    assert!(said(&["profile", "orders"]).contains("clean.orders"));
}

#[test]
fn tables_and_views_of_a_project_are_profiled() {
    let dir = tempfile::tempdir().expect("a directory");
    let shop = dir.path().join("shop").display().to_string();
    for args in [&["init", &shop][..], &["-C", &shop, "run", "-q"]] {
        let out = tidemill(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    let listed = tidemill(&[
        "-C",
        &shop,
        "query",
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('clean', 'public')",
        "--format",
        "csv",
    ]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut seen = 0;
    for line in listed.lines().skip(1) {
        let Some((schema, name)) = line.split_once(',') else { continue };
        let full = if schema == "public" { name.to_string() } else { format!("{schema}.{name}") };
        let p = json(&["-C", &shop, &full]);
        assert_eq!(p["name"], full);
        let count = tidemill(&["-C", &shop, "query", &format!("SELECT count(*) AS n FROM {full}"), "--format", "csv"]);
        assert_eq!(String::from_utf8_lossy(&count.stdout).lines().nth(1), Some(p["rows"].to_string().as_str()));
        assert!(p["columns"].as_array().is_some_and(|c| c.iter().all(|c| c["name"] != "_file")));
        seen += 1;
    }
    assert!(seen >= 2, "{listed}");
    let out = tidemill(&["-C", &shop, "profile", "clean.nothing"]);
    assert_eq!(out.status.code(), Some(2));
}
