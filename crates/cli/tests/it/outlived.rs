//! A served project outlives its broker: killed and restarted again and again while rows come and go into a Delta table, it loses none, doubles none, and
//! keeps those of a key in order. And it may be there before what it reads.

use crate::broker::{kafka, own_kafka};
use crate::live::{Served, until};
use crate::workload::Project;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// So many each second.
const RATE: &str = "1500/s";
const KEYS: u64 = 23;

#[test]
fn a_broker_killed_again_and_again_costs_the_delta_table_nothing() {
    let kills: u64 = std::env::var("TIDEMILL_TEST_BROKER_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(2);
    let Some(broker) = own_kafka("outlived", &[]) else { return };
    let ours = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.args(arguments).env("TIDEMILL_KAFKA_BROKERS", &broker.bootstrap).env("NO_COLOR", "1");
        command
    };
    assert!(ours(&["topics", "create", "load", "--partitions", "3"]).output().expect("tidemill starts").status.success());
    let table = format!(
        "[source]\nconnector = \"kafka\"\nbrokers = \"{}\"\ntopic = \"load\"\ngroup = \"keeper\"\n[columns.n]\ntype = \"int\"\nrequired = true\n\
         [columns.key]\nfrom = \"@key\"\ntype = \"text\"\n",
        broker.bootstrap
    );
    let by_key =
        "--! materialized = \"live\"\n--! state_limit = \"1000 rows\"\nSELECT key, count(*) AS n, sum(n) AS s FROM load GROUP BY key\n";
    let project = Project::of(&[("tables/load.toml", &table), ("views/by_key.sql", by_key)]);
    let mut served = Served::start(&project, None);

    let produce = ["topics", "produce", "load", "--from", "-", "--rate", RATE, "--key", "k", "--format", "json"];
    let mut producer = ours(&produce).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tidemill starts");
    let mut stdin = producer.stdin.take().expect("a pipe");
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let writer = std::thread::spawn(move || {
        let mut n = 0u64;
        while !over.load(Ordering::Relaxed) {
            writeln!(stdin, "{{\"n\":{n},\"k\":\"k{}\"}}", n % KEYS).expect("it takes lines");
            n += 1;
        }
        n
    });
    let (mut killed_at, mut slowest) = (0u64, Duration::ZERO);
    for _ in 0..kills {
        until(&project, &format!("SELECT count(*) > {} AS enough FROM load", killed_at + 1000), "true", &mut served);
        broker.kill();
        let began = Instant::now();
        broker.restart();
        let stored = project.ask("SELECT count(*) FROM load").parse().expect("a number");
        // Rows come again.
        until(&project, &format!("SELECT count(*) > {stored} AS more FROM load"), "true", &mut served);
        slowest = slowest.max(began.elapsed());
        killed_at = stored;
    }
    is_over.store(true, Ordering::Relaxed);
    let sent = writer.join().expect("no panic");
    let told = producer.wait_with_output().expect("an end");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    until(&project, "SELECT count(*) AS n FROM load", &sent.to_string(), &mut served);
    served.stop();
    println!("{kills} kills, {sent} messages, at most {slowest:?} from a kill to the next row");

    // Of the Delta tables, now that nobody serves.
    let whole = "SELECT count(*) AS n, count(DISTINCT n) AS different, min(n) AS least, max(n) AS most FROM raw.load";
    assert_eq!(project.ask(whole), format!("{sent},{sent},0,{}", sent - 1));
    let order = "SELECT count(*) FILTER (WHERE n <= before) AS wrong FROM (SELECT n, lag(n) OVER (PARTITION BY key ORDER BY _file, _line) AS before FROM raw.load) q";
    assert_eq!(project.ask(order), "0", "the rows of a key are not in order");
    assert_eq!(project.ask("SELECT max(c) FROM (SELECT count(DISTINCT _file) AS c FROM raw.load GROUP BY key) q"), "1");
    let view = "SELECT count(*) FROM ((SELECT * FROM by_key EXCEPT ALL SELECT key, count(*) AS n, sum(n) AS s FROM load GROUP BY key) UNION ALL \
        (SELECT key, count(*) AS n, sum(n) AS s FROM load GROUP BY key EXCEPT ALL SELECT * FROM by_key)) q";
    assert_eq!(project.ask(view), "0");
    assert_eq!(project.audit()["balanced"], true);
    // Kafka's own tools see that all of it is stored.
    let lag = ours(&["topics", "lag", "--group", "keeper", "load", "--format", "json"]).output().expect("tidemill starts");
    let lag: serde_json::Value = serde_json::from_slice(&lag.stdout).expect("JSON");
    assert!(lag.as_array().is_some_and(|l| l.len() == 3 && l.iter().all(|p| p["lag"] == 0)), "{lag}");
}

#[test]
fn what_is_served_before_its_topic_is_there_waits_for_it() {
    let Some(broker) = kafka("served before its topic") else { return };
    let table = format!(
        "[source]\nconnector = \"kafka\"\nbrokers = \"{}\"\ntopic = \"to_come\"\n[columns.n]\ntype = \"int\"\nrequired = true\n",
        broker.bootstrap
    );
    let sum = "--! materialized = \"live\"\nSELECT sum(n) AS s FROM to_come\n";
    let project = Project::of(&[("tables/to_come.toml", &table), ("views/total.sql", sum)]);
    let mut served = Served::start(&project, None);
    // It is there, and says what it waits for.
    until(&project, "SELECT count(*) AS n FROM system.streams WHERE trouble LIKE '%unknown topic%'", "1", &mut served);
    broker.good(&["topics", "create", "to_come", "--partitions", "2"]);
    broker.send("to_come", (1..=100).map(|n| format!("{{\"n\":{n}}}")));
    until(&project, "SELECT s FROM total", "5050", &mut served);
    served.stop();
    assert_eq!(project.ask("SELECT count(*) AS n FROM raw.to_come"), "100");
    broker.good(&["topics", "delete", "to_come"]);
}
