//! State of live views and moments of a whole project: `plan` says what becomes of the state and the next start does it; a savepoint brings tables,
//! positions and state back, and what follows is as if nothing had happened.

use crate::live::{Served, until};
use crate::workload::{Project, told};
use serde_json::Value;

const ITEMS: &str = "[source]\npath = \"in/*.csv\"\nfollow = true\npoll_ms = 20\n[columns.id]\ntype = \"int\"\nrequired = true\n\
    [columns.kind]\ntype = \"text\"\n";
const PER_KIND: &str = "--! materialized = \"live\"\n--! state_limit = \"1000 rows\"\n\
    SELECT kind, count(*) AS n, sum(id) AS s FROM items GROUP BY kind\n";
const TOTAL: &str = "--! materialized = \"live\"\nSELECT count(*) AS n, sum(id) AS s FROM items\n";

fn project() -> Project {
    Project::of(&[("tables/items.toml", ITEMS), ("views/per_kind.sql", PER_KIND), ("views/total.sql", TOTAL)])
}

/// Items, and one that can't be read.
fn csv(ids: std::ops::Range<u64>, bad: bool) -> String {
    let kind = |i: u64| ["a", "b", "c"][(i % 3) as usize];
    let text = ids.fold("id,kind\n".to_string(), |text, i| format!("{text}{i},{}\n", kind(i)));
    if bad { format!("{text}x,bad\n") } else { text }
}

/// What `plan` says of a live view's state.
fn planned(project: &Project, view: &str) -> Value {
    let plan = project.json(&["plan"]);
    let nodes = plan["nodes"].as_array().expect("nodes");
    nodes.iter().find(|n| n["node"] == view).unwrap_or_else(|| panic!("{plan}"))["live"].clone()
}

/// What a run says.
fn run(project: &Project) -> String {
    let output = project.tidemill(&["run"]);
    assert!(output.status.success(), "{}", told(&output));
    told(&output)
}

/// The counts of rows, of those that are different and set aside, and what the live views say of them.
const COUNTS: &str = "SELECT (SELECT count(*) FROM items) AS a, (SELECT count(DISTINCT id) FROM items) AS b, (SELECT count(*) FROM quarantine.items) AS q, \
    (SELECT n FROM total) AS c, (SELECT s FROM total) AS d, (SELECT sum(n) FROM per_kind) AS e, (SELECT sum(s) FROM per_kind) AS f";

fn counts(n: u64, bad: u64) -> String {
    let s = n * (n - 1) / 2;
    format!("{n},{n},{bad},{n},{s},{n},{s}")
}

fn balanced(project: &Project) {
    let audit = project.audit();
    assert_eq!(audit["balanced"], true, "{audit}");
}

const REBUILT: &str = "its state is rebuilt";

#[test]
fn plan_says_what_becomes_of_state_and_the_next_start_does_it() {
    let project = project();
    project.write("in/0.csv", &csv(0..100, false));
    project.run();
    let state = planned(&project, "per_kind");
    assert_eq!((&state["state"], &state["why"]), (&"rebuilt".into(), &"it was never kept live".into()), "{state}");
    run(&project);
    for view in ["per_kind", "total"] {
        let state = planned(&project, view);
        assert_eq!(state["state"], "kept", "{state}");
        assert!(state["operators"].as_array().expect("operators").iter().all(|o| o["state"] == "kept"), "{state}");
    }
    assert!(!run(&project).contains(REBUILT));

    // A filter above the aggregate: the aggregate is what it was, but state is kept whole or not at all.
    let filtered = "SELECT kind, n, s FROM (SELECT kind, count(*) AS n, sum(id) AS s FROM items GROUP BY kind) t WHERE n > 1\n";
    project.write("views/per_kind.sql", &format!("--! materialized = \"live\"\n--! state_limit = \"1000 rows\"\n{filtered}"));
    let state = planned(&project, "per_kind");
    assert_eq!(state["state"], "rebuilt", "{state}");
    assert!(state["why"].as_str().expect("a reason").contains("its SQL"), "{state}");
    let operators = state["operators"].as_array().expect("operators");
    assert!(operators.iter().any(|o| o["why"].as_str().is_some_and(|w| w.starts_with("it is as it was"))), "{state}");
    assert_eq!(planned(&project, "total")["state"], "kept");
    let human = project.good(&["plan"]);
    assert!(human.contains("rebuilt") && human.contains("kept"), "{human}");
    let said = run(&project);
    assert!(said.contains("per_kind: its state is rebuilt from the tables: its SQL") && !said.contains("total: its state"), "{said}");
    assert_eq!(project.ask(COUNTS), counts(100, 0));

    // Another expression in the aggregate.
    project.write("views/per_kind.sql", &PER_KIND.replace("sum(id)", "sum(id + 0 * 2)"));
    let state = planned(&project, "per_kind");
    assert!(
        state["operators"].as_array().expect("operators").iter().all(|o| o["why"].as_str().is_some_and(|w| w.contains("changed"))),
        "{state}"
    );
    run(&project);
    assert_eq!(planned(&project, "per_kind")["state"], "kept");
    assert_eq!(project.ask(COUNTS), counts(100, 0));
    // How much may be kept says nothing of what is.
    project.write("views/per_kind.sql", &PER_KIND.replace("sum(id)", "sum(id + 0 * 2)").replace("1000 rows", "2000 rows"));
    assert_eq!(planned(&project, "per_kind")["state"], "kept");
    assert!(!run(&project).contains(REBUILT));

    // Rows that came since the checkpoint, and checkpoints that are gone or torn.
    project.write("in/1.csv", &csv(100..150, false));
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(150, 0), &mut served);
    served.stop();
    assert_eq!(planned(&project, "total")["state"], "kept");
    let checkpoints = project.dir().join("lake/_tidemill/live");
    for entry in std::fs::read_dir(&checkpoints).expect("a directory") {
        let path = entry.expect("a checkpoint").path();
        if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("total.")) {
            let bytes = std::fs::read(&path).expect("bytes");
            std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("a torn one");
        }
    }
    let state = planned(&project, "total");
    assert_eq!((&state["state"], &state["why"]), (&"rebuilt".into(), &"there is no whole checkpoint".into()), "{state}");
    let said = run(&project);
    assert!(
        said.contains("total: its state is rebuilt from the tables: there is no whole checkpoint") && !said.contains("per_kind: its"),
        "{said}"
    );

    // A rule of the table: its rows are made anew, and what is kept of them.
    project.write("tables/items.toml", &format!("{ITEMS}[[clean]]\nrule = \"text\"\ncolumn = \"kind\"\ncase = \"upper\"\n"));
    let state = planned(&project, "per_kind");
    assert!(state["why"].as_str().expect("a reason").starts_with("clean.items is made anew first"), "{state}");
    run(&project);
    assert_eq!(project.ask("SELECT string_agg(kind, '' ORDER BY kind) FROM per_kind"), "ABC");
    assert_eq!(project.ask(COUNTS), counts(150, 0));
    assert_eq!(planned(&project, "per_kind")["state"], "rebuilt");
    run(&project);
    assert_eq!(planned(&project, "per_kind")["state"], "kept");
    assert_eq!(project.ask(COUNTS), counts(150, 0));
    balanced(&project);
}

#[test]
fn from_a_savepoint_everything_goes_on_as_if_nothing_had_happened() {
    let project = project();
    assert!(project.ends(78, &["savepoint", "create", "early"]).contains("nothing has been run"));
    project.write("in/0.csv", &csv(0..50, false));
    project.run();
    // Nobody serves: what stands.
    let made = project.json(&["savepoint", "create", "early"]);
    assert_eq!((&made["tables"], &made["splits"]), (&4.into(), &1.into()), "{made}");
    let mut served = Served::start(&project, None);
    project.write("in/1.csv", &csv(50..100, true));
    until(&project, COUNTS, &counts(100, 1), &mut served);
    // Who serves makes one, of rows that no epoch has perhaps.
    let made = project.json(&["savepoint", "create", "middle"]);
    assert_eq!((&made["tables"], &made["splits"], &made["states"]), (&5.into(), &2.into(), &2.into()), "{made}");
    assert!(project.ends(1, &["savepoint", "create", "middle"]).contains("already"));
    assert!(project.ends(78, &["savepoint", "create", "../x"]).contains("not a name"));
    for file in 2..6u64 {
        project.write(&format!("in/{file}.csv"), &csv(file * 50..file * 50 + 50, true));
    }
    until(&project, COUNTS, &counts(300, 5), &mut served);
    assert!(project.ends(1, &["savepoint", "restore", "middle"]).contains("in use"));
    served.stop();
    assert_eq!(project.ask(COUNTS), counts(300, 5));
    let rows = "SELECT id, kind, _file, _line FROM raw.items ORDER BY id";
    let (control, kinds) = (project.ask(rows), project.ask("SELECT * FROM per_kind ORDER BY kind"));

    let ls = project.json(&["savepoint", "ls"]);
    assert_eq!(ls.as_array().map(Vec::len), Some(2), "{ls}");
    assert!(project.ends(78, &["savepoint", "restore", "midle"]).contains("middle"));
    for (name, n, bad, state) in [("middle", 100, 1, "kept"), ("early", 50, 0, "rebuilt"), ("middle", 100, 1, "kept")] {
        project.good(&["savepoint", "restore", name]);
        assert_eq!(project.ask(COUNTS), counts(n, bad), "{name}");
        balanced(&project);
        for view in ["per_kind", "total"] {
            let planned = planned(&project, view);
            assert_eq!(planned["state"], state, "{name}: {planned}");
        }
        let mut served = Served::start(&project, None);
        until(&project, COUNTS, &counts(300, 5), &mut served);
        served.stop();
        assert_eq!(project.ask(rows), control, "{name}");
        assert_eq!(project.ask("SELECT * FROM per_kind ORDER BY kind"), kinds, "{name}");
        balanced(&project);
    }
    // `run` goes on from there too.
    project.good(&["savepoint", "restore", "middle"]);
    project.run();
    assert_eq!(project.ask(COUNTS), counts(300, 5));
    balanced(&project);
    project.good(&["savepoint", "rm", "middle"]);
    project.good(&["savepoint", "rm", "early"]);
    assert!(project.ends(78, &["savepoint", "restore", "middle"]).contains("there is no savepoint"));
    let left = std::fs::read_dir(project.dir().join("lake/_tidemill/savepoints/middle")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
#[cfg(debug_assertions)]
fn a_restore_that_dies_is_all_or_nothing() {
    let project = project();
    project.write("in/0.csv", &csv(0..50, true));
    project.run();
    project.run();
    project.good(&["savepoint", "create", "here"]);
    project.write("in/1.csv", &csv(50..100, true));
    project.run();
    for edge in ["manifest.after", "commit.raw.items.after", "commit.public.total.before", "state.live", "done.before", "done.after"] {
        let mut command = project.command(&["savepoint", "restore", "here"]);
        let output = command.env("TIDEMILL_FAILPOINT", edge).output().expect("tidemill starts");
        assert!(!output.status.success(), "{edge}: {}", told(&output));
        if edge == "done.after" {
            assert_eq!(project.ask(COUNTS), counts(50, 1), "{edge}");
        } else {
            assert_eq!(project.ask(COUNTS), counts(100, 2), "{edge}");
        }
        project.run();
        assert_eq!(project.ask(COUNTS), counts(100, 2), "{edge}");
        balanced(&project);
    }
    project.good(&["savepoint", "restore", "here"]);
    assert_eq!(project.ask(COUNTS), counts(50, 1));
}
