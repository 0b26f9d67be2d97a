//! Two processes on one project: one owner writes, any number read, and what they read is of one epoch.

use crate::workload::{Project, told};
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

const ROWS: u64 = 2_000;
/// Rows of the raw, the clean and the derived tables, all of one statement.
const COUNTS: &str = "SELECT (SELECT count(*) FROM raw.orders) AS taken, (SELECT count(*) FROM clean.orders) AS cleaned, \
    (SELECT sum(orders) FROM by_city) AS counted, (SELECT orders FROM totals) AS viewed, \
    (SELECT count(*) FROM quarantine.orders WHERE status = 'open') AS aside";

/// A run that waits at an edge for its end.
pub struct Held(Child);

impl Held {
    /// Once `sign` is there the run is at the edge, or about to be: it cannot come any further.
    #[allow(clippy::disallowed_methods)] // a test that waits for another process has to
    pub fn at(project: &Project, edge: &str, sign: &str) -> Held {
        let held = Held(project.start(project.run_to(&format!("{edge}:hold"))));
        let began = Instant::now();
        while !project.dir().join(sign).exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "no {sign}");
            std::thread::sleep(Duration::from_millis(10));
        }
        held
    }

    pub fn kill(mut self) {
        self.0.kill().expect("it is ours to kill");
        let status = self.0.wait().expect("it ends");
        assert_eq!(status.signal(), Some(9), "it was still there: {status:?}");
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn counts(project: &Project) -> String {
    project.good(&["query", "--format", "csv", COUNTS])
}

fn log_entry(table: &str, version: u32) -> String {
    format!("lake/{table}/_delta_log/{version:020}.json")
}

/// A project after its first run, what it then counts, and its sources changed.
fn changed() -> (Project, String) {
    let project = Project::new(ROWS);
    project.run();
    let before = counts(&project);
    project.state(1);
    (project, before)
}

#[test]
#[allow(clippy::disallowed_methods)] // how long a refusal takes is what is asked
fn a_second_owner_is_refused_and_told_who_the_first_is() {
    let (project, before) = changed();
    let held = Held::at(&project, "commit.clean.orders.before", &log_entry("raw/orders", 1));
    for command in [&["run"][..], &["run", "--full"], &["quarantine", "replay", "orders"]] {
        let began = Instant::now();
        let output = project.tidemill(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {}", told(&output));
        assert!(began.elapsed() < Duration::from_secs(10), "{command:?} waited");
        let text = told(&output);
        assert!(text.contains("in use by `tidemill run`") && text.contains(&format!("process {}", held.0.id())), "{command:?}: {text}");
    }
    // Who only looks is not refused, and sees the epoch before.
    assert_eq!(counts(&project), before);
    let audit = project.audit();
    assert_eq!((&audit["balanced"], &audit["epoch"]), (&true.into(), &1.into()), "{audit:#}");
    let plan = project.good(&["plan"]);
    assert!(plan.contains("clean.orders"), "{plan}");
    let runs = project.good(&["runs", "ls", "--format", "csv"]);
    assert!(runs.lines().nth(1).is_some_and(|l| l.contains("running")), "{runs}");

    held.kill();
    let runs = project.good(&["runs", "ls", "--format", "csv"]);
    assert!(runs.lines().nth(1).is_some_and(|l| l.contains("interrupted")), "{runs}");
    project.run();
    let undisturbed = changed().0;
    undisturbed.run();
    assert_eq!(counts(&project), counts(&undisturbed));
    assert_eq!(project.audit()["balanced"], true);
}

#[test]
fn readers_see_the_last_finished_epoch_wherever_the_owner_is() {
    let (project, before) = changed();
    let edges = [
        ("manifest.after", "lake/_tidemill/epochs/00000000000000000002.manifest.json".to_string()),
        ("commit.quarantine.orders.after", log_entry("quarantine/orders", 2)),
        ("commit.raw.orders.after", log_entry("raw/orders", 1)),
        ("commit.clean.orders.after", log_entry("clean/orders", 1)),
        ("commit.public.by_city.after", log_entry("public/by_city", 1)),
        ("commit.public.shares.after", log_entry("public/shares", 1)),
        ("commit.system.runs.after", log_entry("system/runs", 1)),
    ];
    for (edge, sign) in edges {
        let held = Held::at(&project, edge, &sign);
        for _ in 0..2 {
            assert_eq!(counts(&project), before, "{edge}");
        }
        assert_eq!(project.audit()["balanced"], true, "{edge}");
        held.kill();
        assert_eq!(counts(&project), before, "{edge}, killed");
    }
    let held = Held::at(&project, "done.after", "lake/_tidemill/epochs/00000000000000000002.done.json");
    let after = counts(&project);
    assert_ne!(after, before);
    held.kill();
    assert_eq!(counts(&project), after);
    project.run();
    assert_eq!(counts(&project), after);
    assert_eq!(project.audit()["balanced"], true);
}

#[test]
fn readers_of_a_run_at_full_speed_see_whole_epochs() {
    let (project, before) = changed();
    let wanted = {
        let undisturbed = project.copy();
        undisturbed.run();
        counts(&undisturbed)
    };
    let (mut polled, mut seen) = (0, BTreeSet::new());
    let mut last = before.clone();
    for state in [1, 0, 1, 0, 1] {
        project.state(state);
        let mut run = project.start(project.command(&["run", "--quiet"]));
        while run.try_wait().expect("its state").is_none() {
            let there = counts(&project);
            assert!(there == before || there == wanted, "neither epoch:\n{there}before:\n{before}after:\n{wanted}");
            let this = if state == 1 { &wanted } else { &before };
            assert!(&there == this || there == last, "an epoch that was over:\n{there}");
            last = there.clone();
            polled += 1;
            seen.insert(there);
        }
        last = counts(&project);
        assert_eq!(&last, if state == 1 { &wanted } else { &before });
    }
    assert!(polled >= 5 && seen.len() == 2, "{polled} polls saw {} epochs", seen.len());
}
