//! Functions of the user's own: those that give a value and those that give rows, called from views, rules, exports and each other.

use crate::workload::Project;

const ITEMS: &str = "[source]\npath = \"data/items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.kind]\ntype = \"text\"\n[columns.amount]\ntype = \"double\"\n";
const ROWS: &str = "id,kind,amount\n1,a,5\n2,a,7\n3,b,1\n4,b,2\n5,b,9\n";
const LARGEST: &str = "--! description = \"The largest items of a kind.\"\n--! [parameters]\n--! wanted = \"which kind\"\n\
    CREATE FUNCTION largest(wanted TEXT, n INT DEFAULT 1) RETURNS TABLE (id BIGINT, amount DOUBLE)\n\
    RETURN\nSELECT id, doubled(amount) FROM items WHERE kind = wanted ORDER BY amount DESC LIMIT n;\n";
const DOUBLED: &str = "CREATE FUNCTION doubled(x DOUBLE) RETURNS DOUBLE RETURN x * 2\n";

fn project() -> Project {
    Project::of(&[
        ("tables/items.toml", ITEMS),
        ("data/items.csv", ROWS),
        // `doubled` comes later in the alphabet's order of files than who calls it only by chance: both orders must do.
        ("functions/doubled.sql", DOUBLED),
        (
            "functions/all_doubled.sql",
            "CREATE FUNCTION all_doubled() RETURNS TABLE (amount DOUBLE) BEGIN ATOMIC SELECT doubled(amount) FROM items; END;\n",
        ),
        ("functions/largest.sql", LARGEST),
        ("views/best.sql", "--! materialized = \"table\"\nSELECT 'b' AS kind, l.id, l.amount FROM largest('b', n => 2) l\n"),
        ("views/total.sql", "--! materialized = \"table\"\nSELECT sum(amount) AS amount FROM items\n"),
        ("exports/all.toml", "sql = \"SELECT * FROM all_doubled() ORDER BY amount\"\n[to]\npath = \"out/all.csv\"\n"),
    ])
}

fn action(project: &Project, node: &str) -> (String, String) {
    let plan = project.json(&["plan"]);
    let node = plan["nodes"].as_array().and_then(|n| n.iter().find(|n| n["node"] == node)).unwrap_or_else(|| panic!("{node}: {plan}"));
    (node["action"].as_str().unwrap_or_default().into(), node["reason"].as_str().unwrap_or_default().into())
}

#[test]
fn a_function_that_gives_rows_is_part_of_the_graph() {
    let project = project();
    project.run();
    assert_eq!(project.ask("SELECT id, amount FROM best ORDER BY id"), "4,4.0 5,18.0");
    assert_eq!(project.ask("SELECT * FROM largest('a')"), "2,14.0");
    assert_eq!(
        project.ask("SELECT count(*) FROM information_schema.routines WHERE routine_schema = 'public' AND data_type = 'TABLE'"),
        "2"
    );
    let out = std::fs::read_to_string(project.dir().join("out/all.csv")).expect("the export");
    assert_eq!(out, "amount\n2.0\n4.0\n10.0\n14.0\n18.0\n");
    // Seen through the call: the column, and what decides on the rows.
    let lineage = "SELECT source, source_column, kind FROM system.lineage WHERE target = 'best' AND target_column = ";
    assert_eq!(project.ask(&format!("{lineage}'amount'")), "clean.items,amount,derived");
    assert_eq!(project.ask(&format!("{lineage}'*' AND kind = 'filter'")), "clean.items,kind,filter");
    // What the function reads has changed, and so has what its caller is made of.
    project.write("data/items.csv", "id,kind,amount\n1,a,5\n6,b,50\n");
    assert_eq!(action(&project, "best").0, "build");
    project.run();
    assert_eq!(project.ask("SELECT id, amount FROM best ORDER BY id"), "6,100.0");
}

#[test]
fn a_changed_function_rebuilds_those_that_call_it_and_no_others() {
    let project = project();
    project.run();
    project.write("functions/largest.sql", &LARGEST.replace("DESC", "ASC"));
    assert_eq!(action(&project, "best"), ("build".into(), "functions changed".into()));
    assert_eq!(action(&project, "total").0, "keep");
    assert_eq!(action(&project, "export.all").0, "keep");
    project.run();
    assert_eq!(project.ask("SELECT id FROM best ORDER BY id"), "3 4");
    // Through another function, and in an export.
    project.write("functions/doubled.sql", &DOUBLED.replace("* 2", "* 10"));
    assert_eq!(action(&project, "best"), ("build".into(), "functions changed".into()));
    assert_eq!(action(&project, "export.all"), ("build".into(), "functions changed".into()));
    assert_eq!(action(&project, "total").0, "keep");
    project.run();
    assert_eq!(project.ask("SELECT max(amount) FROM best"), "20.0");
}

#[test]
fn a_rule_and_a_check_are_made_anew_when_their_function_changes() {
    let project = Project::of(&[
        (
            "tables/items.toml",
            &format!("{ITEMS}check = \"is_small(amount)\"\n[[clean]]\nrule = \"derive\"\ncolumn = \"twice\"\nsql = \"doubled(amount)\"\n"),
        ),
        ("data/items.csv", ROWS),
        ("functions/doubled.sql", DOUBLED),
        ("functions/is_small.sql", "CREATE FUNCTION is_small(x DOUBLE) RETURNS BOOLEAN RETURN x < 8\n"),
    ]);
    project.run();
    assert_eq!(project.ask("SELECT sum(twice) FROM items"), "30.0");
    project.write("functions/doubled.sql", &DOUBLED.replace("* 2", "* 10"));
    project.run();
    assert_eq!(project.ask("SELECT sum(twice) FROM items"), "150.0");
    project.write("functions/is_small.sql", "CREATE FUNCTION is_small(x DOUBLE) RETURNS BOOLEAN RETURN x < 6\n");
    project.run();
    assert_eq!(project.ask("SELECT sum(twice) FROM items"), "80.0");
}

#[test]
fn a_table_that_reads_the_clock_is_built_by_every_run() {
    let project = Project::of(&[
        ("tables/items.toml", ITEMS),
        ("data/items.csv", ROWS),
        ("views/now.sql", "--! materialized = \"table\"\nSELECT id, now() AS asked FROM items\n"),
    ]);
    project.run();
    assert_eq!(action(&project, "now"), ("build".into(), "it reads the clock or randomness".into()));
}

#[test]
fn functions_are_held_to_their_tests_when_they_or_what_they_read_change() {
    let tests = "--! tests = [\n--!   { call = \"doubled(2.5)\", equals = 5 },\n--!   { call = \"doubled(NULL)\", equals = \"NULL\" },\n--!   { call = \"doubled(0.1) + 0.2\", equals = \"0.4\" },\n--! ]\n";
    let few = "--! tests = [{ name = \"few\", sql = \"SELECT * FROM largest('b', 9) WHERE amount > 100\" }]\n";
    let project = Project::of(&[
        ("tables/items.toml", ITEMS),
        ("data/items.csv", ROWS),
        ("functions/doubled.sql", &format!("{tests}{DOUBLED}")),
        ("functions/largest.sql", &format!("{few}{LARGEST}")),
    ]);
    project.run();
    assert_eq!(project.ask("SELECT count(*) FROM system.tests WHERE status = 'passed'"), "4");
    assert_eq!(project.ask("SELECT test FROM system.tests WHERE view = 'largest()'"), "few");
    assert_eq!(action(&project, "largest()").0, "keep");
    assert!(project.good(&["plan"]).contains("everything is up to date"));
    // What it reads has changed: the function is tested again, and others are not.
    project.write("data/items.csv", "id,kind,amount\n1,b,60\n2,b,70\n");
    assert_eq!((action(&project, "largest()").0.as_str(), action(&project, "doubled()").0.as_str()), ("test", "keep"));
    let said = project.ends(1, &["run"]);
    assert!(said.contains("largest()") && said.contains("few"), "{said}");
    assert_eq!(project.ask("SELECT status, failures FROM system.tests WHERE view = 'largest()' ORDER BY at DESC LIMIT 1"), "failed,2");
    assert_eq!(project.ask("SELECT count(*) FROM system.test_failures WHERE test = 'few'"), "2");
    // It is tried by every run until it holds.
    project.ends(1, &["run"]);
    project.write("functions/largest.sql", &format!("{}{LARGEST}", few.replace("100", "1000")));
    project.run();
    assert!(project.good(&["plan"]).contains("everything is up to date"));
    // A call that needs no data is tried before anything is run.
    project.write("functions/doubled.sql", &format!("{tests}{}", DOUBLED.replace("* 2", "* 3")));
    let said = project.ends(78, &["run"]);
    assert!(said.contains("`doubled(2.5)` is 7.5, and the test wants 5") && said.contains("functions/doubled.sql:2:41"), "{said}");
}
