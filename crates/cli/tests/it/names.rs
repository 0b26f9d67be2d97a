//! Names of a served project: with its schema and without it a name means the same, and things of several kinds that are called alike are kept apart.

use crate::dashboard::Site;
use crate::workload::Project;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ITEMS: &str =
    "load = \"replace\"\nkey = [\"id\"]\n[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.name]\ntype = \"text\"\n";
const TOTAL: &str = "--! materialized = \"table\"\n--! tests = [{ unique = \"id\" }]\nSELECT count(*) AS n, 1 AS id FROM items\n";
/// Called as the view is.
const FUNCTION: &str = "CREATE FUNCTION total(x BIGINT) RETURNS BIGINT RETURN x + 1\n";
const CLOCK: &str = "SELECT date_part('epoch', now()) AS at, count(*) AS n FROM items\n";
const OVER: &str = "SELECT total(n) AS n, at FROM \"public\".\"clock\"\n";
const RUNS: &str = "SELECT count(*) AS n FROM \"system\".\"runs\"\n";
const COUNTED: &str = "CREATE FUNCTION counted() RETURNS TABLE (n BIGINT) RETURN SELECT count(*) FROM system.runs\n";

/// One number after another, of these.
const PANELS: [(&str, &str); 9] = [
    ("total", "sum(n)"),
    ("public.total", "sum(n)"),
    ("items", "count(*)"),
    ("clean.items", "count(*)"),
    ("clock", "sum(at)"),
    ("public.clock", "sum(at)"),
    ("over", "sum(at)"),
    ("runs", "sum(n)"),
    ("called", "sum(n)"),
];

fn project() -> Project {
    let panel = |(view, y): &(&str, &str)| format!("[[panels]]\nkind = \"number\"\nview = \"{view}\"\ny = \"{y}\"\n");
    let page = format!("title = \"Names\"\n{}", PANELS.iter().map(panel).collect::<String>());
    Project::of(&[
        ("tables/items.toml", ITEMS),
        ("views/total.sql", TOTAL),
        ("functions/total.sql", FUNCTION),
        ("views/clock.sql", CLOCK),
        ("views/over.sql", OVER),
        ("views/runs.sql", RUNS),
        ("functions/counted.sql", COUNTED),
        ("views/called.sql", "SELECT n FROM counted()\n"),
        ("dashboards/names.toml", &page),
        ("dashboards/item.toml", "title = \"Item\"\nentity = \"id\"\n[[panels]]\nkind = \"table\"\nview = \"public.total\"\n"),
        ("items.csv", "id,name\n1,a\n2,b\n"),
    ])
}

/// Until all of these are so, or it has taken too long.
fn until(site: &Site, wanted: impl Fn(&[f64]) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let shown = shown(site);
        if wanted(&shown) {
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", PANELS.iter().zip(&shown).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn shown(site: &Site) -> Vec<f64> {
    let number = |i: usize| site.json(&format!("/api/dashboards/names/panels/{i}"))["rows"][0][0].as_f64().expect("a number");
    (0..PANELS.len()).map(number).collect()
}

#[test]
fn a_name_means_the_same_with_its_schema_and_nothing_is_taken_for_what_is_called_alike() {
    let project = project();
    let site = Site::start(&project);
    let before = shown(&site);
    assert_eq!(before[..4], [2.0; 4]);

    // What is behind each is known: an answer is kept no longer than until that is another.
    project.write("items.csv", "id,name\n1,a\n2,b\n3,c\n");
    project.run();
    until(&site, |now| now[..4] == [3.0; 4] && now[4..7].iter().zip(&before[4..7]).all(|(now, before)| now > before));
    until(&site, |now| now[7] > before[7] && now[8] == now[7]);

    // Panels are counted by what they show, whatever they call it.
    let lineage = site.json("/api/lineage");
    let panels = |node: &str| -> Value {
        let nodes = lineage["nodes"].as_array().expect("nodes");
        nodes.iter().find(|n| n["name"] == node).unwrap_or_else(|| panic!("no {node}: {lineage}"))["dashboard_panels"].clone()
    };
    assert_eq!((panels("total"), panels("clean.items"), panels("clock")), (json!(3), json!(2), json!(2)));
    assert_eq!(panels("raw.items"), json!(0));

    // Each has its own row of a key; what is kept may be told for a while after it has changed.
    let rows = || -> Value {
        let one = site.json("/api/entities/id/1");
        one["profiles"].as_array().expect("profiles").iter().map(|p| json!([p["view"], p["row"]])).collect()
    };
    let (wanted, deadline) = (json!([["items", [1, "a"]], ["total", [3, 1]]]), Instant::now() + Duration::from_secs(60));
    while rows() != wanted {
        assert!(Instant::now() < deadline, "{}", rows());
        std::thread::sleep(Duration::from_millis(50));
    }
    site.stop();
}
