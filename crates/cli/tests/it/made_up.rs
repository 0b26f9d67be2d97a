//! Made-up rows as a source: a table is filled by a run, or as time goes while it is served, and every row is there once whatever happens meanwhile.

use crate::live::{Served, until};
use crate::workload::Project;

fn project(more: &str) -> Project {
    let table = format!(
        "event_time = \"ts\"\n[source]\nconnector = \"generator\"\nkind = \"sensors\"\n{more}\n[columns.id]\ntype = \"text\"\n[columns.ts]\ntype = \"timestamp\"\n\
         required = true\n[columns.value]\ntype = \"double\"\n[columns.status]\ntype = \"text\"\n"
    );
    let total = "--! materialized = \"live\"\nSELECT count(*) AS n FROM sensors\n";
    Project::of(&[("tables/sensors.toml", &table), ("views/total.sql", total)])
}

#[test]
fn a_run_takes_all_rows_once() {
    let project = project("rows = 5000\nseed = 3");
    project.good(&["generate", "sensors", "--rows", "5000", "--seed", "3", "--as", "jsonl", "--out", "made"]);
    let made = std::fs::read_to_string(project.dir().join("made/sensors.jsonl")).expect("the same rows in a file");
    let lines = made.lines().count();
    let all = "SELECT (SELECT count(*) FROM raw.sensors) + (SELECT count(*) FROM quarantine.sensors) AS n";
    for _ in 0..2 {
        project.run();
        assert_eq!(project.ask(all), lines.to_string());
        assert_eq!(project.ask("SELECT (SELECT n FROM total) = count(*) AS same FROM sensors"), "true");
        assert_eq!(project.audit()["balanced"], true);
    }
    // What was set aside stands under its own line.
    let line: usize = project.ask("SELECT min(line) FROM quarantine.sensors").parse().expect("a number");
    let stood = made.lines().nth(line - 1).expect("the line").replace('\'', "''");
    assert_eq!(project.ask(&format!("SELECT count(*) FROM quarantine.sensors WHERE line = {line} AND raw = '{stood}'")), "1");
}

#[test]
fn rows_come_as_time_goes_and_none_is_lost_or_doubled_by_kills() {
    let project = project("rate = \"1000/s\"\nerrors = \"none\"");
    let mut served = Served::start(&project, None);
    for round in 1..=4u64 {
        until(&project, &format!("SELECT count(*) > {} AS enough FROM sensors", round * 500), "true", &mut served);
        // What they tell of happens now.
        until(&project, "SELECT max(ts) > now() - INTERVAL '5 seconds' AS fresh FROM sensors", "true", &mut served);
        served.kill();
        served = Served::start(&project, None);
    }
    until(&project, "SELECT count(*) > 2500 AS enough FROM sensors", "true", &mut served);
    served.stop();
    let same = "SELECT count(*) = max(_line) AS whole, count(*) = count(DISTINCT _line) AS once FROM raw.sensors";
    assert_eq!(project.ask(same), "true,true");
    assert_eq!(project.ask("SELECT (SELECT n FROM total) = count(*) AS same FROM sensors"), "true");
    // A run takes what fell due meanwhile, and ends.
    let before: u64 = project.ask("SELECT count(*) FROM sensors").parse().expect("a number");
    project.run();
    let after: u64 = project.ask("SELECT count(*) FROM sensors").parse().expect("a number");
    assert!(after > before);
    assert_eq!(project.ask(same), "true,true");
    assert_eq!(project.audit()["balanced"], true);
}
