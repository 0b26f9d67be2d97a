//! How a project is doing, as its pages show it: a run while it goes on, what each step was busy with, and where every column comes from.

use crate::dashboard::Site;
use crate::owners::Held;
use crate::workload::Project;
use serde_json::{Value, json};

/// Rows enough that a step is worth a word.
const SORTED: &str = "--! materialized = \"table\"\n--! tests = [{ not_null = \"n\" }]\nSELECT a.value AS n, sum(a.value) OVER (ORDER BY a.value % 1000, a.value) AS s \
    FROM generate_series(1, 200000) a ORDER BY n\n";
const PAGE: &str = "title = \"Runs\"\n[[panels]]\ntitle = \"Under way\"\nkind = \"number\"\nview = \"system.runs\"\nwhere = \"status = 'running'\"\ny = \"count(*)\"\n\
    [[panels]]\ntitle = \"Operators\"\nkind = \"bar\"\nview = \"system.operators\"\nx = \"operator\"\ny = \"sum(seconds)\"\n";
const ITEMS: &str = "[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.amount_paid]\ntype = \"int\"\n[[clean]]\nrule = \"missing\"\n\
    column = \"amount_paid\"\nwith = \"median\"\n";

fn project() -> Project {
    Project::of(&[
        ("tables/items.toml", ITEMS),
        ("views/sorted.sql", SORTED),
        (
            "views/per_item.sql",
            "SELECT i.id, i.amount_paid + s.s AS total FROM items i JOIN sorted s ON s.n = i.id WHERE i.amount_paid > 0\n",
        ),
        ("exports/items.toml", "from = \"per_item\"\n[to]\npath = \"out.csv\"\n"),
        ("dashboards/runs.toml", PAGE),
        ("items.csv", "id,Amount paid\n1,5\n2,\n3,7\n"),
    ])
}

fn statuses(run: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().expect("a text").to_string();
    run["nodes"].as_array().expect("nodes").iter().map(|n| (text(&n["name"]), text(&n["status"]))).collect()
}

#[test]
fn a_run_of_another_process_is_followed_while_it_goes_on() {
    let project = project();
    let site = Site::start(&project);
    let running = || site.json("/api/dashboards/runs/panels/0")["rows"][0][0].clone();
    assert_eq!(running(), json!(0));
    let before = site.json("/api/runs/latest");
    assert_eq!((&before["run"]["status"], &before["run"]["progress"]), (&json!("succeeded"), &json!(1.0)), "{before}");

    let mut events = site.listen("/api/events?dashboard=runs");
    project.write("items.csv", "id,Amount paid\n1,5\n2,\n3,7\n4,8\n");
    let manifest = format!("lake/_tidemill/epochs/{:020}.manifest.json", 2);
    let held = Held::at(&project, "commit.clean.items", &manifest);
    // The page is told, and sees it.
    while running() != json!(1) {
        events.next("changed");
    }
    let latest = || site.json("/api/runs/latest");
    while !statuses(&latest()).contains(&("raw.items".to_string(), "succeeded".to_string())) {
        events.next("changed");
    }
    let run = latest();
    assert_eq!(run["run"]["status"], "running");
    assert_ne!(run["run"]["run_id"], before["run"]["run_id"]);
    assert!(run["run"]["ended_at"].is_null(), "{}", run["run"]);
    // It has lasted until now, not until the last run ended.
    let mut looks = 0;
    while latest()["run"]["seconds"].as_f64().is_none_or(|s| s <= 0.0) {
        looks += 1;
        assert!(looks < 200, "{}", latest()["run"]);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(run["run"]["progress"].as_f64().is_some_and(|p| p > 0.0 && p < 1.0), "{}", run["run"]);
    let wanted = [
        ("source.items", "succeeded"),
        ("raw.items", "succeeded"),
        ("clean.items", "running"),
        ("per_item", "up_to_date"),
        ("sorted", "up_to_date"),
        ("export.items", "waiting"),
    ];
    for (node, status) in wanted {
        let all = statuses(&latest());
        assert!(all.iter().any(|(n, s)| n == node && (s == status || node == "per_item")), "{node} is not {status}: {all:?}");
    }
    assert_eq!(site.json("/api/runs?limit=1")["runs"][0]["status"], "running");
    let told = project.json(&["runs", "ls"]);
    assert_eq!(told[0]["status"], "running", "{told}");

    // It dies, and is told so.
    held.kill();
    while running() != json!(0) {
        events.next("changed");
    }
    assert_eq!(latest()["run"]["status"], "interrupted");
    project.run();
    let ended = || latest()["run"]["status"] == "succeeded";
    while !ended() {
        events.next("changed");
    }
    site.stop();
}

#[test]
fn each_step_tells_what_it_was_busy_with() {
    let project = project();
    let site = Site::start(&project);
    let run = site.json("/api/runs/latest");
    let steps = run["steps"].as_array().expect("steps");
    let step = |node: &str, stage: &str| {
        steps.iter().find(|s| s["node"] == node && s["stage"] == stage).unwrap_or_else(|| panic!("{node} {stage}: {run}"))
    };
    let sorted = step("sorted", "view");
    let operators = sorted["operators"].as_array().expect("operators");
    assert_eq!(
        (&operators[0]["operator"], &operators[0]["rows"], &operators[0]["parent"]),
        (&json!("Write"), &json!(200_000), &Value::Null)
    );
    let names: Vec<&str> = operators.iter().map(|o| o["operator"].as_str().expect("a name")).collect();
    assert!(names.contains(&"Sort") && names.iter().any(|n| n.contains("Window")), "{names:?}");
    let share: f64 = operators.iter().map(|o| o["share"].as_f64().expect("a share")).sum();
    assert!((share - 1.0).abs() < 1e-6, "{share}");
    for o in &operators[1..] {
        assert!(o["parent"].as_u64().is_some_and(|p| p < o["id"].as_u64().expect("an id")), "{o}");
    }
    // How long it took depends on the machine; the words on how long it took.
    let slow = sorted["seconds"].as_f64().is_some_and(|s| s >= 0.6);
    assert!(!slow || sorted["why"].as_str().is_some_and(|w| w.contains("200,000 rows")), "{sorted}");
    let seconds = sorted["seconds"].as_f64().expect("a time");
    assert!(seconds >= 0.4 || sorted["why"].is_null(), "{sorted}");
    assert!(!step("export.items", "export")["operators"].as_array().expect("operators").is_empty());
    assert_eq!(step("raw.items", "ingest")["operators"], json!([]));
    // The same as a table.
    let of_table = project.ask("SELECT count(*) FROM system.operators WHERE node = 'sorted'");
    assert_eq!(of_table, operators.len().to_string());
    assert!(!site.json("/api/dashboards/runs/panels/1")["rows"].as_array().expect("rows").is_empty());
    site.stop();
}

#[test]
fn every_column_is_followed_down_to_its_source() {
    let project = project();
    let site = Site::start(&project);
    let lineage = site.json("/api/lineage");
    let kinds: Vec<(String, String)> = lineage["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|n| (n["name"].as_str().expect("a name").to_string(), n["kind"].as_str().expect("a kind").to_string()))
        .collect();
    for (name, kind) in [
        ("source.items", "source"),
        ("raw.items", "raw"),
        ("clean.items", "clean"),
        ("sorted", "table"),
        ("per_item", "view"),
        ("export.items", "export"),
    ] {
        assert!(kinds.contains(&(name.to_string(), kind.to_string())), "{kinds:?}");
    }
    let edges = lineage["edges"].as_array().expect("edges");
    let text = |v: &Value| v.as_str().expect("a text").to_string();
    let mut above = vec![("export.items".to_string(), "total".to_string())];
    let mut seen = Vec::new();
    while let Some(column) = above.pop() {
        let from = edges.iter().filter(|e| {
            (text(&e["to"]), text(&e["to_column"])) == column && !matches!(e["kind"].as_str(), Some("filter" | "join" | "group"))
        });
        above.extend(from.map(|e| (text(&e["from"]), text(&e["from_column"]))));
        seen.push(column);
    }
    assert!(seen.contains(&("source.items".to_string(), "Amount paid".to_string())), "{seen:?}");
    assert!(!seen.contains(&("source.items".to_string(), "id".to_string())), "{seen:?}");
    let decides = |kind: &str, column: &str| {
        edges.iter().any(|e| e["kind"] == kind && e["from_column"] == column && e["to"] == "per_item" && e["to_column"] == "*")
    };
    assert!(decides("filter", "amount_paid") && decides("join", "id") && decides("join", "n"), "{edges:?}");
    site.stop();
}
