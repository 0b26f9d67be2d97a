//! Look-ups by key over a served project: what all views say of one thing, from a file of its own, as new as its word says.

use crate::dashboard::Site;
use crate::workload::Project;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ITEMS: &str =
    "load = \"replace\"\nkey = [\"id\"]\n[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.name]\ntype = \"text\"\n";
const PRICES: &str = "--! materialized = \"table\"\n--! tests = [{ unique = \"id\" }]\nSELECT id, CAST(id AS DOUBLE) * 1.5 AS price FROM items WHERE id <> 2\n";
const NOT_UNIQUE: &str = "SELECT id, 1 AS one FROM items\n";
const PAGE: &str = "title = \"Item\"\nentity = \"id\"\n[[panels]]\nkind = \"table\"\nview = \"items\"\n";

fn project() -> Project {
    Project::of(&[
        ("tables/items.toml", ITEMS),
        ("views/prices.sql", PRICES),
        ("views/loose.sql", NOT_UNIQUE),
        ("dashboards/item.toml", PAGE),
        ("items.csv", "id,name\n1,a\n2,b\n10,c\n"),
    ])
}

fn kept(site: &Site) -> f64 {
    let metrics = site.get("/metrics").body;
    let line = metrics.lines().find(|l| l.starts_with("tidemill_profiles_kept_total ")).unwrap_or_else(|| panic!("{metrics}"));
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

/// Until an answer is this, or it has taken too long.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_is_known_of_one_thing_is_looked_up_by_its_key() {
    let project = project();
    let site = Site::start(&project);
    assert_eq!(
        site.json("/api/entities")["entities"],
        json!([{ "name": "id", "label": "id", "dashboard": "item", "profiles": ["items", "prices"] }])
    );
    let rows = |key: &str| -> Vec<Value> {
        let one = site.json(&format!("/api/entities/id/{key}"));
        one["profiles"].as_array().expect("profiles").iter().map(|p| p["row"].clone()).collect()
    };
    // Before anything is kept, and after.
    for _ in 0..2 {
        assert_eq!(rows("1"), [json!([1, "a"]), json!([1, 1.5])]);
        assert_eq!(rows("2"), [json!([2, "b"]), Value::Null]);
        assert_eq!(site.json("/api/entities/id?q=1")["values"], json!(["1", "10"]));
        for nothing in ["3", "01", "1%27", "a", "%00", "1%20OR%20true"] {
            assert_eq!(site.get(&format!("/api/entities/id/{nothing}")).status, 404, "{nothing}");
        }
        let before = kept(&site);
        until("nothing was kept", || {
            rows("1");
            kept(&site) >= before + 2.0
        });
    }
    assert_eq!(site.asked_with("/api/entities/id/1", "").status, 401);

    // A run beside it is seen, and every answer says of when it is.
    let old = site.json("/api/entities/id/1");
    project.write("items.csv", "id,name\n1,A\n10,c\n11,d\n");
    project.run();
    until("the new rows were not seen", || rows("1") == [json!([1, "A"]), json!([1, 1.5])]);
    until("it says to be as old as before", || {
        let new = site.json("/api/entities/id/1");
        new["as_of"].as_str() > old["as_of"].as_str() && new["version"] != old["version"]
    });
    until("the row that went is still there", || site.get("/api/entities/id/2").status == 404);
    until("the row that came is not found", || site.json("/api/entities/id?q=11")["values"] == json!(["11"]));

    // Another process at the same time asks the views.
    let beside = Site::start(&project);
    assert_eq!(beside.json("/api/entities/id/11")["profiles"][1]["row"], json!([11, 16.5]));
    beside.stop();
    site.stop();

    // A file that was damaged is made anew.
    let file = project.dir().join("lake/_tidemill/profiles.redb");
    let mut bytes = std::fs::read(&file).expect("the file");
    for at in (0..bytes.len()).step_by(97) {
        bytes[at] ^= 0x5a;
    }
    std::fs::write(&file, bytes).expect("the file");
    let site = Site::start(&project);
    let before = kept(&site);
    until("nothing was kept again", || {
        assert_eq!(site.json("/api/entities/id/10")["profiles"][0]["row"], json!([10, "c"]));
        kept(&site) > before
    });
    site.stop();
}
