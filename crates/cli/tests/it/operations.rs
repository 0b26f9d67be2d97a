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
    // The work of steps that run no query is told by its parts, from what is made durable down to what was read.
    assert_eq!(
        plan(step("raw.items", "ingest")),
        [("Commit", "", 3, None), ("Write", "", 3, Some("Commit")), ("Decode", "", 3, Some("Write")), ("Read", "", 3, Some("Decode"))]
    );
    let read =
        project.ask("SELECT bytes_read || ' of ' || files_read FROM system.operators WHERE node = 'raw.items' AND operator = 'Read'");
    assert_eq!(read, "26 of 1");
    let fit = step("clean.items", "fit");
    assert_eq!(
        plan(fit),
        [("Rule missing", "on amount_paid", 3, None), ("Decode", "", 3, Some("Rule missing")), ("Read", "", 3, Some("Decode"))]
    );
    let applied = plan(step("clean.items", "apply"));
    // Rows that the fit read are in memory.
    let wanted = [
        ("Commit", "", 3, None),
        ("Write", "", 3, Some("Commit")),
        ("Rule missing", "on amount_paid", 3, Some("Write")),
        ("Memory", "rows decoded before", 3, Some("Rule missing")),
    ];
    assert_eq!(applied, wanted);
    let written = "SELECT count(*) FROM system.operators o JOIN system.steps s ON o.run_id = s.run_id AND o.step_id = s.step_id \
        WHERE o.operator = 'Write' AND o.bytes_written = s.bytes_written AND s.bytes_written > 0";
    assert_eq!(project.ask(written), "4", "of the raw, the clean and the stored table, and the export");
    // The same as a table.
    let of_table = project.ask("SELECT count(*) FROM system.operators WHERE node = 'sorted'");
    assert_eq!(of_table, operators.len().to_string());
    assert!(!site.json("/api/dashboards/runs/panels/1")["rows"].as_array().expect("rows").is_empty());
    site.stop();
}

/// Of each operator: its name, what it works on, rows, and which one takes them.
fn plan(step: &Value) -> Vec<(&str, &str, u64, Option<&str>)> {
    let all = step["operators"].as_array().expect("operators");
    let name = |id: u64| all.iter().find(|o| o["id"] == id).and_then(|o| o["operator"].as_str());
    let one = |o: &'_ Value| o["parent"].as_u64().and_then(name);
    all.iter()
        .map(|o| {
            let (operator, detail) = (o["operator"].as_str().expect("a name"), o["detail"].as_str().expect("a text"));
            (operator, detail, o["rows"].as_u64().expect("rows"), one(o))
        })
        .collect()
}

const MESSY: &str = "load = \"upsert\"\nkey = [\"id\"]\n[source]\npath = \"visits/*.csv\"\n[columns.id]\ntype = \"int\"\n[columns.pages]\ntype = \"int\"\nmin = 0\n\
    [[clean]]\nrule = \"filter\"\nwhere = \"pages > 0\"\n[[clean]]\nrule = \"missing\"\ncolumn = \"pages\"\nwith = \"median\"\n";

/// Rows that break the contract, rows merged by key, rules that remove rows: each part of the work is told, with the rows that it gave on.
#[test]
fn the_parts_of_a_load_by_key_are_told() {
    let project = Project::of(&[
        ("tables/visits.toml", MESSY),
        ("visits/a.csv", "id,pages\n1,5\n2,0\n3,-7\n4,many\n"),
        ("visits/b.csv", "id,pages\n2,9\n5,1\n"),
    ]);
    project.run();
    let of = |node: &str, stage: &str| {
        let sql = format!(
            "SELECT o.operator AS operator, o.rows AS rows, p.operator AS reader FROM system.operators o \
             LEFT JOIN system.operators p ON o.run_id = p.run_id AND o.step_id = p.step_id AND o.parent_id = p.operator_id \
             WHERE o.node = '{node}' AND o.stage = '{stage}' ORDER BY o.operator_id"
        );
        let told = project.json(&["query", "--limit", "0", &sql]);
        let rows = told.as_array().expect("rows").iter();
        rows.map(|r| format!("{} {} {}", r["operator"].as_str().expect("a name"), r["rows"], r["reader"].as_str().unwrap_or("-")))
            .collect::<Vec<_>>()
    };
    let ingest = of("raw.visits", "ingest");
    // One line can't be decoded, one breaks the contract, one is the newer state of another.
    for wanted in [
        "Commit 3 -",
        "SetAside 2 Commit",
        "Write 3 Commit",
        "Compare 0 Write",
        "Stage 4 Write",
        "Contract 4 Stage",
        "Decode 5 Contract",
        "Read 6 Decode",
    ] {
        assert!(ingest.iter().any(|o| o == wanted), "{wanted}: {ingest:?}");
    }
    // Between them is the plan that merges.
    assert!(ingest.iter().any(|o| o.contains("Join ")), "{ingest:?}");
    let applied = of("clean.visits", "apply");
    assert_eq!(applied[0], "Commit 3 -", "{applied:?}");
    assert!(applied.iter().any(|o| o == "Unique 3 Write") && applied.iter().any(|o| o.starts_with("Rule missing 3 ")), "{applied:?}");
    let fitted = of("clean.visits", "fit");
    assert!(fitted.iter().any(|o| o.starts_with("Rule filter 3 ")), "{fitted:?}");
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
