//! Following: rows that come by themselves are seen at once, reach the tables once, and nothing is lost or doubled by whatever kills the process.

use crate::workload::{Project, told};
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const EVENTS: &str = r#"
event_time = "at"

[source]
connector = "tail"
path = "events.jsonl"
poll_ms = 20

[columns.id]
type = "int"
required = true
[columns.at]
type = "timestamp"
required = true
[columns.kind]
type = "text"
[columns.amount]
type = "double"
min = 0

[[clean]]
rule = "text"
column = "kind"
case = "lower"

[[clean]]
rule = "duplicates"
key = ["id"]
keep = "first"

[[clean]]
rule = "missing"
column = "amount"
with = "median"
"#;

const BY_MINUTE: &str = "--! materialized = \"live\"\n--! lateness = \"5s\"\nSELECT date_bin(INTERVAL '1 minute', at) AS minute, kind, count(*) AS events, sum(amount) AS total\nFROM events GROUP BY date_bin(INTERVAL '1 minute', at), kind\n";
const LARGE: &str = "--! materialized = \"live\"\nSELECT id, at, amount FROM events WHERE amount > 90\n";

pub fn project() -> Project {
    let project = Project::of(&[("tables/events.toml", EVENTS), ("views/by_minute.sql", BY_MINUTE), ("views/large.sql", LARGE)]);
    append(&project, 0..0);
    project
}

/// Event `n`: a second after the one before, its kind and amount by its number; every hundredth breaks the contract, every fiftieth is there twice.
fn line(n: u64) -> String {
    let (minute, second) = (n / 60, n % 60);
    // Days enough for a kill after another, hundreds of times.
    let at = format!("2024-01-{:02}T{:02}:{:02}:{second:02}Z", 1 + minute / (24 * 60), (minute / 60) % 24, minute % 60);
    let amount = if n % 100 == 99 { -1.0 } else { ((n * 37) % 1000) as f64 / 10.0 };
    let kind = ["View", "cart", "BUY"][(n % 3) as usize];
    let one = format!("{{\"id\":{n},\"at\":\"{at}\",\"kind\":\"{kind}\",\"amount\":{amount}}}\n");
    if n % 50 == 7 { one.repeat(2) } else { one }
}

pub fn append(project: &Project, numbers: std::ops::Range<u64>) {
    let path = project.dir().join("events.jsonl");
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the file that grows");
    let text: String = numbers.map(line).collect();
    file.write_all(text.as_bytes()).expect("it takes lines");
}

/// What must be there after events 0 to `n`: rows read, set aside, repeated, clean.
fn wanted(n: u64) -> (u64, u64, u64, u64) {
    let (mut read, mut aside, mut repeated) = (0, 0, 0);
    for i in 0..n {
        let copies = if i % 50 == 7 { 2 } else { 1 };
        read += copies;
        if i % 100 == 99 {
            aside += copies;
        } else {
            repeated += copies - 1;
        }
    }
    (read, aside, repeated, read - aside - repeated)
}

const COUNTS: &str = "SELECT (SELECT count(*) FROM raw.events) AS r, (SELECT count(*) FROM quarantine.events) AS q, (SELECT count(*) FROM events) AS c, \
    (SELECT count(DISTINCT id) FROM events) AS i, (SELECT sum(events) FROM by_minute) AS m, (SELECT count(*) FROM large) AS l";

fn counts(n: u64) -> String {
    let (read, aside, _, clean) = wanted(n);
    let large = (0..n).filter(|i| i % 100 != 99 && (i * 37) % 1000 > 900).count();
    format!("{},{aside},{clean},{clean},{clean},{large}", read - aside)
}

/// What differs between a live view and its SQL over the table: nothing.
const UNEQUAL: &str = "SELECT count(*) FROM ((SELECT minute, kind, events, round(total, 6) AS total FROM by_minute EXCEPT ALL \
    SELECT date_bin(INTERVAL '1 minute', at) AS minute, kind, count(*) AS events, round(sum(amount), 6) AS total FROM events GROUP BY 1, 2) UNION ALL \
    (SELECT date_bin(INTERVAL '1 minute', at) AS minute, kind, count(*) AS events, round(sum(amount), 6) AS total FROM events GROUP BY 1, 2 EXCEPT ALL \
    SELECT minute, kind, events, round(total, 6) FROM by_minute))";

/// A served project; killed when it goes.
pub struct Served(Child);

impl Served {
    pub fn start(project: &Project, edge: Option<&str>) -> Served {
        let mut command = project.command(&["serve", "--headless", "--quiet"]);
        if let Some(edge) = edge {
            command.env("TIDEMILL_FAILPOINT", edge);
        }
        let log = std::fs::File::create(project.dir().join("serve.log")).expect("a log");
        Served(command.stdout(Stdio::null()).stderr(log).spawn().expect("tidemill starts"))
    }

    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        // SAFETY: kill of our own child.
        unsafe { libc::kill(self.0.id() as i32, libc::SIGTERM) };
        let status = self.0.wait().expect("it ends");
        assert!(status.success(), "{status:?}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until a question has this answer.
#[allow(clippy::disallowed_methods)] // a test that waits for another process has to
pub fn until(project: &Project, sql: &str, wanted: &str, served: &mut Served) {
    let began = Instant::now();
    loop {
        let output = project.tidemill(&["query", "--format", "csv", sql]);
        let text = String::from_utf8_lossy(&output.stdout).lines().skip(1).collect::<Vec<_>>().join(" ");
        if text == wanted {
            return;
        }
        let log = || std::fs::read_to_string(project.dir().join("serve.log")).unwrap_or_default();
        if let Ok(Some(status)) = served.0.try_wait() {
            panic!("it ended: {status:?}\n{}\n{}", log(), told(&output));
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{sql}: wanted {wanted}, got {text}\n{}\n{}", told(&output), log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn check(project: &Project, n: u64) {
    assert_eq!(project.ask(COUNTS), counts(n));
    assert_eq!(project.ask(UNEQUAL), "0");
    let audit = project.audit();
    assert_eq!(audit["balanced"], true, "{audit}");
}

#[test]
fn a_run_takes_in_what_has_come() {
    let project = project();
    append(&project, 0..500);
    project.run();
    check(&project, 500);
    append(&project, 500..1200);
    project.run();
    check(&project, 1200);
    // Nothing new, nothing done.
    project.run();
    check(&project, 1200);
    let plan = project.json(&["plan"]);
    assert!(plan.to_string().contains("followed"), "{plan}");
}

#[test]
fn rows_are_seen_at_once_and_stay_after_the_end() {
    let project = project();
    append(&project, 0..100);
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(100), &mut served);
    append(&project, 100..1000);
    until(&project, COUNTS, &counts(1000), &mut served);
    assert_eq!(project.ask(UNEQUAL), "0");
    let top = project.json(&["top", "--once"]);
    assert_eq!(top["streams"][0]["table"], "events", "{top}");
    assert_eq!(project.ask("SELECT count(*) FROM system.live_views"), "2");
    served.stop();
    check(&project, 1000);
    // And again from where it was.
    let mut served = Served::start(&project, None);
    append(&project, 1000..1500);
    until(&project, COUNTS, &counts(1500), &mut served);
    served.stop();
    check(&project, 1500);
}

/// Every edge of an epoch's commit, and every one of giving an epoch up.
const EDGES: &[&str] = &[
    "manifest.before",
    "manifest.after",
    "data.written",
    "commit.raw.events.before",
    "commit.raw.events.after",
    "commit.quarantine.events.before",
    "commit.quarantine.events.after",
    "commit.clean.events.before",
    "commit.clean.events.after",
    "commit.public.by_minute.before",
    "commit.public.by_minute.after",
    "commit.public.large.before",
    "commit.public.large.after",
    "state.outcomes",
    "state.live",
    "done.before",
    "done.after",
];

#[test]
#[cfg(debug_assertions)]
fn a_death_at_any_edge_loses_and_doubles_nothing() {
    let project = project();
    append(&project, 0..100);
    project.run();
    let mut n = 100;
    for edge in EDGES {
        append(&project, n..n + 100);
        n += 100;
        let mut served = Served::start(&project, Some(edge));
        let began = Instant::now();
        loop {
            if let Some(status) = served.0.try_wait().expect("it can be asked") {
                assert!(!status.success(), "{edge}: {status:?}");
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{edge} was never met");
            std::thread::yield_now();
        }
        project.run();
        check(&project, n);
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // a test that kills at random moments waits for them
fn killed_at_random_moments_under_load_it_loses_and_doubles_nothing() {
    let kills: u64 = std::env::var("TIDEMILL_TEST_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(12);
    let project = project();
    append(&project, 0..200);
    project.run();
    let mut n = 200;
    let mut random = 88172645463325252u64;
    for kill in 0..kills {
        let mut served = Served::start(&project, None);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let moment = Duration::from_millis(100 + random % 1500);
        let began = Instant::now();
        while began.elapsed() < moment {
            append(&project, n..n + 20);
            n += 20;
            std::thread::sleep(Duration::from_millis(5));
        }
        served.kill();
        if kill % 4 == 3 {
            project.run();
            check(&project, n);
        }
    }
    project.run();
    check(&project, n);
    // Each run comes after a kill, and of those that were served some lived long enough to keep what their recovery took.
    let told = project.ask("SELECT round(recovery_ms) FROM system.recoveries ORDER BY recovery_ms");
    let took: Vec<f64> = told.split_whitespace().map(|ms| ms.parse().expect("milliseconds")).collect();
    assert!(took.len() as u64 >= kills / 4, "{told}");
    let at = |part: f64| took[((took.len() - 1) as f64 * part).round() as usize];
    println!("{} recoveries after {kills} kills: median {} ms, p90 {} ms, longest {} ms", took.len(), at(0.5), at(0.9), at(1.0));
}

#[test]
fn a_view_at_its_limit_stops_and_everything_else_goes_on() {
    let project = project();
    project.write(
        "views/each.sql",
        "--! materialized = \"live\"\n--! state_limit = \"150 rows\"\nSELECT id, count(*) AS n FROM events GROUP BY id\n",
    );
    append(&project, 0..100);
    project.run();
    project.run();
    append(&project, 100..200);
    // It stops while rows come, and again at the next start, over the same rows.
    for _ in 0..2 {
        let said = told(&project.tidemill(&["run"]));
        assert!(said.contains("each: the view reached its limit and stopped"), "{said}");
        check(&project, 200);
    }
    project.write("views/each.sql", &std::fs::read_to_string(project.dir().join("views/each.sql")).expect("it").replace("150", "1000"));
    project.run();
    assert_eq!(project.ask("SELECT count(*) AS n, sum(n) AS s FROM each"), format!("{0},{0}", wanted(200).3));
    check(&project, 200);
}

#[test]
#[cfg(debug_assertions)]
fn a_start_after_a_death_says_what_it_cost() {
    let project = project();
    append(&project, 0..100);
    project.run();
    project.run();
    append(&project, 100..200);
    let mut served = Served::start(&project, Some("commit.clean.events.after"));
    assert!(!served.0.wait().expect("it ends").success());
    let output = project.tidemill(&["run"]);
    let said = told(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("recovered in") && said.contains("undone in") && said.contains("rows from sources"), "{said}");
    let kept = "SELECT count(*) AS n, count(epoch) AS e, min(states_kept) AS k, min(rows_from_sources) AS r FROM system.recoveries";
    assert_eq!(project.ask(kept), format!("1,1,2,{}", wanted(200).0 - wanted(100).0));
    // Ended by itself: nothing to recover from.
    project.run();
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(200), &mut served);
    served.stop();
    project.run();
    assert_eq!(project.ask("SELECT count(*) FROM system.recoveries"), "1");
    // Killed between epochs: there is no epoch to undo.
    let mut served = Served::start(&project, None);
    until(&project, "SELECT count(*) FROM system.streams", "1", &mut served);
    served.kill();
    project.run();
    assert_eq!(project.ask("SELECT count(*) AS n, count(epoch) AS e FROM system.recoveries"), "2,1");
    check(&project, 200);
}

#[test]
#[cfg(debug_assertions)]
fn a_run_that_died_is_finished_before_rows_are_taken_in() {
    let project = project();
    append(&project, 0..100);
    // The raw rows are in; the run that fits the rules dies.
    let mut dies = project.run_to("commit.clean.events.before");
    assert!(!dies.output().expect("tidemill starts").status.success());
    append(&project, 100..200);
    project.run();
    check(&project, 200);
}

/// The lines of the files that a sink wrote into a directory, in order.
fn sent(project: &Project, directory: &str) -> Vec<serde_json::Value> {
    let mut files: Vec<_> = std::fs::read_dir(project.dir().join(directory)).into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.sort();
    let text: String = files.iter().map(|f| std::fs::read_to_string(f).expect("a file of lines")).collect();
    text.lines().map(|l| serde_json::from_str(l).expect("an object a line")).collect()
}

#[test]
fn alerts_are_raised_told_again_and_resolved_and_changes_are_sent_on() {
    let project = project();
    project.write(
        "alerts/dear.sql",
        "--! severity = \"critical\"\n--! key = \"id\"\n--! renotify = \"300ms\"\n--! resolve_after = \"1s\"\n\
         --! actions = [\"log\", { connector = \"files\", path = \"word\" }]\nSELECT id, amount FROM events WHERE amount > 99\n",
    );
    project.write(
        "alerts/many.sql",
        "--! key = \"kind\"\n--! every = \"200ms\"\nSELECT kind, count(*) AS n FROM events GROUP BY kind HAVING count(*) BETWEEN 40 AND 60\n",
    );
    project.write("views/large.sql", &LARGE.replace("\nSELECT", "\n--! sink = { connector = \"files\", path = \"large\" }\nSELECT"));
    append(&project, 0..100);
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(100), &mut served);
    append(&project, 100..150);
    until(&project, COUNTS, &counts(150), &mut served);
    // Nobody was there to hear of what came before.
    let dear: Vec<u64> = (100..150).filter(|n| n % 100 != 99 && (n * 37) % 1000 > 990).collect();
    let (raised, resolved) = (dear.len(), dear.len());
    let word = "SELECT count(*) FILTER (WHERE event = 'raised') AS raised, count(*) FILTER (WHERE event = 'resolved') AS resolved, \
        count(*) FILTER (WHERE event = 'renotified') > 0 AS again FROM system.alerts WHERE alert = 'dear'";
    until(&project, word, &format!("{raised},{resolved},{}", raised > 0), &mut served);
    // 49 or 50 events of each kind: raised; then more than 60: resolved.
    let many = "SELECT count(*) FILTER (WHERE event = 'raised') AS raised, count(*) FILTER (WHERE event = 'resolved') AS resolved FROM system.alerts WHERE alert = 'many'";
    until(&project, many, "3,0", &mut served);
    append(&project, 150..240);
    until(&project, many, "3,3", &mut served);
    served.stop();
    let told = sent(&project, "word");
    let dear = (100..240).filter(|n| n % 100 != 99 && (n * 37) % 1000 > 990).count();
    assert_eq!(told.iter().filter(|w| w["event"] == "raised").count(), dear);
    let large = sent(&project, "large");
    let wanted: Vec<u64> = (100..240).filter(|i| i % 100 != 99 && (i * 37) % 1000 > 900).collect();
    let mut ids: Vec<u64> = large.iter().map(|r| r["id"].as_u64().expect("an id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, wanted);
}

#[test]
fn rows_that_come_too_late_are_counted_and_listed_and_stay_in_their_table() {
    let project = project();
    project.write(
        "views/by_minute.sql",
        "--! materialized = \"live\"\n--! lateness = \"5s\"\n--! late = \"list\"\n--! emit = \"final\"\nSELECT window_start, count(*) AS events\n\
         FROM tumble(events, at, INTERVAL '1 minute') GROUP BY window_start\n",
    );
    append(&project, 0..100);
    let mut served = Served::start(&project, None);
    until(&project, "SELECT count(*) AS n FROM events", "99", &mut served);
    append(&project, 100..400);
    // Minutes 0 to 5 are over once the watermark has passed 00:06:00.
    until(&project, "SELECT count(*) AS minutes, sum(events) AS events FROM by_minute", "6,357", &mut served);
    append(&project, 10_000..10_001);
    until(&project, "SELECT count(*) AS n FROM events WHERE id = 10000", "1", &mut served);
    append(&project, 900..902);
    until(&project, "SELECT count(*) AS n, min(\"view\") AS v FROM system.late_rows", "2,by_minute", &mut served);
    until(&project, "SELECT late FROM system.live_views WHERE \"view\" = 'by_minute'", "2", &mut served);
    // A table has come as far as the view that reads it; and both are as far behind the clock as they say.
    let marks = "SELECT s.watermark = v.watermark AND s.watermark_behind_seconds = v.watermark_behind_seconds AND v.watermark_behind_seconds > 0 AND \
        abs(date_part('epoch', v.at) - date_part('epoch', v.watermark) - v.watermark_behind_seconds) < 0.001 AS same \
        FROM system.streams s, system.live_views v WHERE s.\"table\" = 'events' AND v.\"view\" = 'by_minute'";
    assert_eq!(project.ask(marks), "true");
    assert_eq!(project.ask("SELECT count(*) AS n FROM events WHERE id IN (900, 901)"), "2");
    served.stop();
    assert_eq!(project.audit()["balanced"], true);
}

/// A sender whose clock is wrong makes no other's rows late; nor does it after a restart.
#[test]
fn a_row_from_the_future_makes_no_other_late() {
    let project = project();
    let mut n = 0;
    let mut send = |ahead: &str| {
        let at = project.ask(&format!("SELECT CAST(now() + INTERVAL '{ahead}' AS TEXT) AS at"));
        let line = format!("{{\"id\":{n},\"at\":\"{at}\",\"kind\":\"view\",\"amount\":1}}\n");
        n += 1;
        let mut file = OpenOptions::new().append(true).open(project.dir().join("events.jsonl")).expect("the file that grows");
        file.write_all(line.as_bytes()).expect("it takes lines");
        n
    };
    send("0 hours");
    project.run();
    for _ in 0..2 {
        let mut served = Served::start(&project, None);
        for ahead in ["2 hours", "0 hours", "3 seconds", "0 hours"] {
            let sent = send(ahead);
            until(&project, "SELECT sum(events) AS n FROM by_minute", &sent.to_string(), &mut served);
        }
        assert_eq!(project.ask("SELECT late FROM system.live_views WHERE \"view\" = 'by_minute'"), "0");
        served.stop();
    }
    assert_eq!(project.ask(UNEQUAL), "0");
}
