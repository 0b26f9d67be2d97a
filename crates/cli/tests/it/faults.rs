//! A run that is killed, at a random moment or at an edge of a commit, and run again: every table, the quarantine and the exported file are
//! what an undisturbed run leaves, the audit balances, and later changes of the sources are taken up as if nothing had happened.

use crate::cargo;
use crate::workload::{Content, Numbers, Project, STATES, assert_same};
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// What the tables hold after each state of the sources, one after the other and undisturbed.
struct Reference {
    contents: Vec<Content>,
    tables: Vec<String>,
    /// The project after the first state.
    built: Project,
    /// How long the first run took.
    duration: Duration,
}

#[allow(clippy::disallowed_methods)] // the moments of kills are measured
fn reference(rows: u64, exact: bool) -> Reference {
    let project = Project::new(rows);
    let began = Instant::now();
    project.run();
    let duration = began.elapsed();
    let built = project.copy();
    let mut contents = vec![project.content(exact)];
    for state in 1..STATES.len() {
        project.state(state);
        project.run();
        contents.push(project.content(exact));
    }
    for (name, rows) in &contents[0] {
        assert!(!rows.is_empty(), "{name} holds nothing, so nothing is shown");
    }
    assert_ne!(contents[0], contents[1]);
    Reference { contents, tables: project.tables(), built, duration }
}

/// That the project is what an undisturbed one is.
fn assert_whole(project: &Project, wanted: &Content, exact: bool, after: &str) {
    assert_same(&project.content(exact), wanted, after);
    let audit = project.audit();
    assert_eq!(audit["balanced"], true, "{after}: {audit:#}");
}

/// Dies at an edge; whether that was reached.
fn dies_at(project: &Project, edge: &str) -> bool {
    let output = project.run_to(edge).output().expect("tidemill starts");
    match output.status.signal() {
        Some(SIGABRT) => true,
        None if output.status.success() => false,
        _ => panic!("{edge}: {:?}\n{}", output.status, crate::workload::told(&output)),
    }
}

/// Does every piece of work, two at a time; one that fails does not keep the others from being tried.
fn all<T: Send>(work: Vec<T>, doing: impl Fn(T) + Sync) {
    let queue = Mutex::new(work.into_iter());
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("not poisoned").next();
                    let Some(next) = next else { break };
                    if catch_unwind(AssertUnwindSafe(|| doing(next))).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 0, "see above");
}

#[test]
fn fifty_kills_at_random_moments_leave_nothing_to_repair() {
    const KILLS: u64 = 50;
    const ROWS: u64 = 8_000;
    let reference = reference(ROWS, false);
    let hits = Mutex::new(0);
    // Half of the kills in fresh projects, half in one that lives on, its sources changing all the time.
    let work: Vec<Vec<u64>> = (0..2).map(|half| (half..KILLS).step_by(2).collect()).collect();
    all(work, |kills| {
        let is_fresh = kills[0] == 0;
        let mut numbers = Numbers(kills[0]);
        let mut project = Project::new(ROWS);
        let mut state = 0;
        for kill in kills {
            // As a share of the run's length, which is known better once one has ended before its kill.
            let mut share = (kill * 20 + numbers.below(20)) as f64 / (KILLS * 20) as f64;
            let mut moment = reference.duration.mul_f64(share);
            for _ in 0..20 {
                if is_fresh {
                    project = Project::new(ROWS);
                } else {
                    state = (state + 1) % STATES.len();
                    project.state(state);
                }
                let Some(took) = killed_after(&project, moment) else {
                    *hits.lock().expect("not poisoned") += 1;
                    break;
                };
                // It was done before that.
                moment = took.mul_f64(share);
                share *= 0.75;
            }
            // Every other time the sources have changed again before the next run.
            let next = if kill % 4 < 2 { state } else { (state + 1) % STATES.len() };
            project.state(next);
            project.run();
            assert_whole(
                &project,
                &reference.contents[next],
                false,
                &format!("kill {kill} of state {state} after {moment:?}, then state {next}"),
            );
            state = if is_fresh { 0 } else { next };
        }
    });
    let hits = *hits.lock().expect("not poisoned");
    println!("{hits} of {KILLS} kills hit a run");
    assert!(hits >= 40, "only {hits} of {KILLS} kills hit a run");
}

/// Kills a run; how long it took, if it had ended before.
#[allow(clippy::disallowed_methods)] // the moments of kills are measured
fn killed_after(project: &Project, moment: Duration) -> Option<Duration> {
    let began = Instant::now();
    let mut run = project.start(project.command(&["run", "--quiet"]));
    loop {
        if let Some(status) = run.try_wait().expect("its state") {
            assert!(status.success(), "{status:?}");
            return Some(began.elapsed());
        }
        let left = moment.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(Duration::from_millis(2)));
    }
    run.kill().expect("it is ours to kill");
    let status = run.wait().expect("it ends");
    assert!(status.signal() == Some(SIGKILL) || status.success(), "{status:?}");
    (status.signal() != Some(SIGKILL)).then(|| began.elapsed())
}

/// How closely a project is looked at between its runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// After every run, and after a third one over sources changed once more, which finds what it needs of the first two.
    Closely,
    /// After both runs that died were finished.
    Once,
}

/// One project: its first run dies at the first edge, and is run again; its second run, over changed sources, likewise at the second one.
/// Whether the edges were there.
fn dies_twice(reference: &Reference, edges: &[String; 2], look: Look) -> bool {
    let project = Project::new(SMALL);
    for (state, edge) in edges.iter().enumerate() {
        project.state(state);
        if !dies_at(&project, edge) {
            return false;
        }
        project.run();
        if look == Look::Closely || state == 1 {
            assert_whole(&project, &reference.contents[state], true, &format!("{edge} in state {state}"));
        }
    }
    if look == Look::Closely {
        project.state(2);
        project.run();
        assert_same(&project.content(true), &reference.contents[2], &format!("the run after {edges:?}"));
    }
    true
}

const SMALL: u64 = 400;

#[test]
fn a_run_that_dies_at_the_edge_of_a_commit_is_finished_by_the_next() {
    let reference = reference(SMALL, true);
    let mut edges = Vec::new();
    for side in ["before", "after"] {
        edges.extend(["manifest", "done", "export"].map(|edge| format!("{edge}.{side}")));
        edges.extend(reference.tables.iter().filter(|t| !t.starts_with("system.")).map(|table| format!("commit.{table}.{side}")));
        // The rows that preparation sets aside, after those of ingest.
        edges.push(format!("commit.quarantine.orders.{side}:2"));
    }
    let mut work: Vec<_> = edges.into_iter().map(|edge| ([edge.clone(), edge], Look::Closely)).collect();
    // What the record of work holds decides nothing, so there a look at the end will do.
    let records = reference.tables.iter().filter(|t| t.starts_with("system."));
    work.extend(records.map(|t| ([format!("commit.{t}.before"), format!("commit.{t}.after")], Look::Once)));
    all(work, |(edges, look)| assert!(dies_twice(&reference, &edges, look), "{edges:?} was not passed"));
}

#[test]
fn a_run_that_dies_at_a_file_that_no_commit_names_is_finished_by_the_next() {
    let reference = reference(SMALL, true);
    // As often as it is passed: the odd times in the first run, the even ones in the second. Of the journal's many lines some.
    let work: Vec<_> = ["data.written", "state.outcomes", "state.recipes", "state.nodes", "state.logs", "journal"].into();
    all(work, |edge| {
        let mut n = 1;
        while dies_twice(&reference, &[n, n + 1].map(|n| format!("{edge}:{n}")), Look::Once) {
            n += if edge == "journal" { 3 * n } else { 2 };
        }
        // Once more where the first run has it and the second does not.
        assert!(n > 1 || dies_twice(&reference, &[1, 1].map(|n| format!("{edge}:{n}")), Look::Once), "{edge} was not passed");
    });
}

/// An epoch that cannot be finished, since the sources changed again, is given up: also when that is interrupted, and when the sources then are
/// what they were before.
#[test]
fn a_run_that_dies_while_it_gives_an_epoch_up_is_finished_by_the_next() {
    let reference = reference(SMALL, false);
    let mut work = Vec::new();
    for edge in ["abandon.begun", "commit.raw.orders.after", "commit.quarantine.orders.after", "abandon.undone", "abandon.after"] {
        for (built, then) in [(false, 0), (true, 1)] {
            work.push((edge, built, then));
        }
    }
    all(work, |(edge, built, then)| {
        let project = if built { reference.built.copy() } else { Project::new(SMALL) };
        project.state(usize::from(built));
        assert!(dies_at(&project, "commit.clean.orders.before"));
        project.state(2);
        assert!(dies_at(&project, edge), "{edge}");
        project.state(then);
        project.run();
        assert_whole(&project, &reference.contents[then], false, &format!("{edge}, then state {then}"));
        project.state(2);
        project.run();
        assert_whole(&project, &reference.contents[2], false, &format!("the run after {edge}, then state {then}"));
    });
}

/// Asked for in full, everything is work again; what the dead run committed must not be taken a second time all the same.
#[test]
fn a_full_run_that_dies_is_finished_by_another_full_run() {
    let reference = reference(SMALL, false);
    let edges = vec!["commit.raw.orders.after", "commit.clean.orders.after", "commit.public.by_city.after", "done.before"];
    all(edges, |edge| {
        let project = reference.built.copy();
        let full = ["run", "--quiet", "--full"];
        let died = project.command(&full).env("TIDEMILL_FAILPOINT", edge).output().expect("tidemill starts");
        assert_eq!(died.status.signal(), Some(SIGABRT), "{edge}");
        project.good(&full);
        assert_whole(&project, &reference.contents[0], false, &format!("{edge} in a full run"));
        project.state(1);
        project.run();
        assert_whole(&project, &reference.contents[1], false, &format!("the run after {edge} in a full run"));
    });
}

/// The edges above are all there are.
#[test]
fn every_edge_in_the_source_is_died_at() {
    let mut found = BTreeSet::new();
    let mut directories = vec![cargo::root().join("crates")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("tests") {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("failpoint.rs") {
                edges_in(&path, &mut found);
            }
        }
    }
    let known = [
        "abandon.after",
        "abandon.begun",
        "abandon.undone",
        "commit.{name}.after",
        "commit.{name}.before",
        "data.written",
        "done.after",
        "done.before",
        "export.after",
        "export.before",
        "journal",
        "manifest.after",
        "manifest.before",
        "state.{}",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

fn edges_in(path: &Path, found: &mut BTreeSet<String>) {
    let text = std::fs::read_to_string(path).expect("source");
    for (at, call) in text.match_indices("failpoint(") {
        let rest = &text[at + call.len()..];
        let rest = rest.strip_prefix("&format!(").unwrap_or(rest);
        if let Some(name) = rest.strip_prefix('"').and_then(|r| r.split('"').next()) {
            found.insert(name.to_string());
        }
    }
}
