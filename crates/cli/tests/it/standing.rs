//! What stands between two runs, and what the next run makes of it: tests that failed, rows taken back, versions restored, frozen recipes.

use crate::workload::Project;

const ITEMS: &str = "[source]\npath = \"data/*.csv\"\n[columns.id]\ntype = \"int\"\n[columns.amount]\ntype = \"double\"\n";
const PER_ID: &str =
    "--! materialized = \"table\"\n--! tests = [{ unique = \"id\" }]\nSELECT id, sum(amount) AS amount FROM items GROUP BY id, amount\n";

fn action(project: &Project, node: &str) -> (String, String) {
    let plan = project.json(&["plan"]);
    let node = plan["nodes"].as_array().and_then(|n| n.iter().find(|n| n["node"] == node)).unwrap_or_else(|| panic!("{node}: {plan}"));
    (node["action"].as_str().unwrap_or_default().into(), node["reason"].as_str().unwrap_or_default().into())
}

fn balanced(project: &Project) -> String {
    let audit = project.audit();
    assert_eq!(audit["balanced"], true, "{audit:#}");
    audit["edges"]
        .as_array()
        .expect("edges")
        .iter()
        .filter_map(|e| e["remark"].as_str())
        .filter(|r| !r.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn a_test_that_failed_is_tried_again_by_every_run_until_it_holds() {
    for kind in ["table", "view"] {
        let project = Project::of(&[
            ("tables/items.toml", ITEMS),
            ("views/per_id.sql", &PER_ID.replace("\"table\"", &format!("\"{kind}\""))),
            ("views/on_top.sql", "--! materialized = \"table\"\nSELECT count(*) AS n FROM per_id\n"),
            ("data/1.csv", "id,amount\n1,5\n1,6\n"),
        ]);
        let first = project.ends(1, &["run"]);
        assert!(first.contains("unique(id)"), "{first}");
        let (action, reason) = action(&project, "per_id");
        assert_eq!((action.as_str(), reason.as_str()), ("test", "failed when last tested: unique(id)"), "{kind}");
        assert!(project.good(&["plan"]).contains("1 view to look at"), "{}", project.good(&["plan"]));
        let again = project.ends(1, &["run"]);
        assert!(again.contains("unique(id)"), "{again}");
        assert_eq!(project.ask("SELECT count(DISTINCT stage) FROM system.steps WHERE stage IN ('view', 'test') AND run_id = (SELECT max(run_id) FROM system.runs)"), "1", "nothing was built");
        assert_eq!(project.ask("SELECT status FROM system.runs ORDER BY started_at"), "failed failed");
        assert_eq!(project.ask("SELECT status FROM system.tests WHERE view = 'per_id'"), "failed failed");
        // Not asked for, not tested.
        project.good(&["run", "-s", "clean.items"]);
        project.write("data/1.csv", "id,amount\n1,5\n2,6\n");
        project.run();
        project.run();
        assert_eq!(project.ask("SELECT count(*) FROM system.runs"), "3", "nothing is left to do");
        assert!(project.good(&["plan"]).contains("everything is up to date"));
    }
}

#[test]
fn the_record_of_a_run_that_failed_has_its_commit_as_done() {
    let project = Project::of(&[("tables/items.toml", ITEMS), ("views/per_id.sql", PER_ID), ("data/1.csv", "id,amount\n1,5\n1,6\n")]);
    project.ends(1, &["run"]);
    let commit = "SELECT status, progress, ended_at IS NOT NULL FROM system.steps WHERE stage = 'commit'";
    assert_eq!(project.ask(commit), "succeeded,1.0,true");
    assert_eq!(
        project.ask(
            "SELECT r.status, r.ended_at >= s.ended_at FROM system.runs r JOIN system.steps s ON r.run_id = s.run_id AND s.stage = 'commit'"
        ),
        "failed,true"
    );
    let logs = project.good(&["runs", "logs"]);
    assert!(logs.lines().last().is_some_and(|l| l.contains("run failed")), "the run ends after its last step: {logs}");
}

#[test]
fn the_audit_balances_between_a_replay_and_the_next_run() {
    let project = Project::of(&[
        ("tables/items.toml", &format!("{ITEMS}max = 10\n")),
        ("views/total.sql", "--! materialized = \"table\"\nSELECT sum(amount) AS s FROM items\n"),
        ("data/1.csv", "id,amount\n1,5\n2,60\n3,7\n"),
    ]);
    project.run();
    assert_eq!(balanced(&project), "");
    project.write("tables/items.toml", &format!("{ITEMS}max = 100\n"));
    project.good(&["quarantine", "replay", "items"]);
    let remark = balanced(&project);
    assert!(remark.contains("raw.items has changed since clean.items was made"), "{remark}");
    assert_eq!(project.ask("SELECT (SELECT count(*) FROM raw.items) AS r, (SELECT count(*) FROM clean.items) AS c"), "3,2");
    project.run();
    assert_eq!(balanced(&project), "");
    assert_eq!(project.ask("SELECT s FROM total"), "72.0");
}

#[test]
fn a_restored_table_stays_so_until_its_sources_or_rules_change() {
    let project = Project::of(&[
        ("tables/items.toml", ITEMS),
        ("views/total.sql", "--! materialized = \"table\"\nSELECT sum(amount) AS s FROM items\n"),
        ("data/1.csv", "id,amount\n1,5\n2,6\n"),
    ]);
    project.run();
    project.write("data/2.csv", "id,amount\n3,1000\n,x\n");
    project.run();
    assert_eq!(project.ask("SELECT s FROM total"), "1011.0");

    // The raw table: what was read in the meantime stays out, what depends on it follows.
    let said = project.good(&["snapshot", "restore", "raw.items", "0"]);
    assert!(said.contains("until its sources or its rules change") && said.contains("clean.items, total"), "{said}");
    let remark = balanced(&project);
    assert!(remark.contains("stands at version 0 on purpose"), "{remark}");
    assert_eq!(action(&project, "raw.items").0, "keep");
    project.run();
    assert_eq!(project.ask("SELECT s FROM total"), "11.0");
    balanced(&project);
    assert!(project.good(&["run"]).contains("everything is up to date"));
    // A new file is added to what was restored; a changed one replaces its rows.
    project.write("data/3.csv", "id,amount\n4,100\n");
    project.run();
    assert_eq!(project.ask("SELECT s FROM total"), "111.0");
    project.write("data/2.csv", "id,amount\n3,1\n");
    project.run();
    assert_eq!(project.ask("SELECT s FROM total"), "112.0");
    balanced(&project);

    // The clean table: the raw one is as it was.
    project.good(&["snapshot", "restore", "clean.items", "0"]);
    balanced(&project);
    project.run();
    assert_eq!(project.ask("SELECT (SELECT s FROM total) AS s, (SELECT count(*) FROM raw.items) AS n"), "11.0,4");
    balanced(&project);
    // A changed rule makes it anew.
    project.write("tables/items.toml", &format!("{ITEMS}\n[[clean]]\nrule = \"filter\"\nwhere = \"amount > 1\"\n"));
    project.run();
    assert_eq!(project.ask("SELECT s FROM total"), "111.0");
    balanced(&project);

    // A view kept as a table.
    project.good(&["snapshot", "restore", "total", "0"]);
    project.run();
    assert_eq!(project.ask("SELECT s FROM total"), "11.0");
    project.good(&["run", "--full"]);
    assert_eq!(project.ask("SELECT s FROM total"), "111.0");
    let refused = project.ends(78, &["snapshot", "restore", "quarantine.items", "0"]);
    assert!(refused.contains("can't be restored alone"), "{refused}");
}

#[test]
fn restored_rows_stay_where_the_source_no_longer_has_their_file() {
    let project = Project::of(&[
        ("tables/items.toml", &format!("load = \"replace\"\n{ITEMS}")),
        ("data/1.csv", "id,amount\n1,5\n"),
        ("data/2.csv", "id,amount\n2,6\n"),
    ]);
    project.run();
    project.remove("data/2.csv");
    project.run();
    assert_eq!(project.ask("SELECT sum(amount) FROM items"), "5.0");
    project.good(&["snapshot", "restore", "raw.items", "0"]);
    project.run();
    project.run();
    assert_eq!(project.ask("SELECT sum(amount) FROM items"), "11.0");
    balanced(&project);
    project.good(&["run", "--full"]);
    assert_eq!(project.ask("SELECT sum(amount) FROM items"), "5.0");
    balanced(&project);
}

#[test]
fn a_plain_run_fits_what_a_frozen_one_did_not() {
    let scale = "\n[[clean]]\nrule = \"missing\"\ncolumn = \"amount\"\nwith = \"mean\"\n";
    let project = Project::of(&[("tables/items.toml", &format!("{ITEMS}{scale}")), ("data/1.csv", "id,amount\n1,2\n2,4\n3,\n")]);
    let filled = "SELECT amount FROM items WHERE id = 3";
    project.run();
    assert_eq!(project.ask(filled), "3.0");
    project.write("data/2.csv", "id,amount\n4,300\n");
    project.good(&["run", "--frozen"]);
    assert_eq!(project.ask(filled), "3.0");
    assert!(project.good(&["run", "--frozen"]).contains("everything is up to date"));
    let (action, reason) = action(&project, "clean.items");
    assert_eq!((action.as_str(), reason.as_str()), ("build", "its recipe was fitted before its rows came (--frozen)"));
    project.run();
    assert_eq!(project.ask(filled), "102.0");
    assert!(project.good(&["run"]).contains("everything is up to date"));
    assert!(project.good(&["run", "--frozen"]).contains("everything is up to date"));
}
