//! Topics without Kafka's scripts: made, filled, looked at and removed; and a shipped project whose rows come in bulk and from a topic.

use crate::broker::kafka;
use crate::orders::Ran;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn topics_are_made_changed_filled_looked_at_and_removed() {
    let Some(broker) = kafka("topics_are_made") else { return };
    broker.good(&["topics", "create", "handled", "--partitions", "2", "--retention", "7d", "--config", "compression.type=lz4"]);
    assert!(broker.ends(1, &["topics", "create", "handled"]).contains("already exists"));
    broker.good(&["topics", "create", "handled", "--if-missing"]);
    broker.good(&["topics", "alter", "handled", "--retention", "12h"]);
    let about = broker.json(&["topics", "describe", "handled"]);
    assert_eq!(about["partitions"].as_array().map(Vec::len), Some(2));
    assert_eq!(about["configs"]["retention.ms"], "43200000");
    assert_eq!(about["configs"]["compression.type"], "lz4", "what was not named stays: {about}");
    assert!(broker.ends(78, &["topics", "alter", "handled", "--partitions", "1"]).contains("takes none away"));
    assert!(broker.ends(2, &["topics", "alter", "handled"]).contains("nothing is to be changed"));

    let home = tempfile::tempdir().expect("a directory");
    let csv = home.path().join("rows.csv");
    std::fs::write(&csv, "id,name\n1,Ann\n2,\"B, C\"\n3,\n").expect("a file");
    let file = csv.to_str().expect("a path");
    let sent = broker.json(&["topics", "produce", "handled", "--from", file, "--key", "id"]);
    assert_eq!((&sent["messages"], &sent["rejected"]), (&3.into(), &0.into()));
    let again = broker.json(&["topics", "produce", "handled", "--from", file, "--loop", "--rows", "7", "--typed"]);
    assert_eq!(again["messages"], 7);
    assert!(broker.ends(78, &["topics", "produce", "handled", "--from", file, "--key", "idd"]).contains("did you mean `id`?"));
    let tail = broker.json(&["topics", "tail", "handled", "--from", "earliest", "--limit", "0"]);
    let messages = tail.as_array().expect("an array");
    assert_eq!(messages.len(), 10);
    let first: Vec<&Value> = messages.iter().filter(|m| m["key"] == "2").collect();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["value"], r#"{"id":"2","name":"B, C"}"#);
    assert!(messages.iter().any(|m| m["value"] == r#"{"id":3,"name":null}"#), "{tail}");
    assert_eq!(broker.good(&["topics", "tail", "handled", "--limit", "4", "--format", "csv"]).lines().count(), 5);

    let listed = broker.json(&["topics", "ls"]);
    let line = listed.as_array().expect("rows").iter().find(|t| t["topic"] == "handled").expect("the topic");
    assert_eq!((&line["partitions"], &line["messages"]), (&2.into(), &10.into()));
    broker.good(&["topics", "delete", "handled"]);
    assert!(broker.ends(78, &["topics", "describe", "handled"]).contains("unknown topic"));
    assert!(broker.ends(78, &["topics", "produce", "handled", "--from", file]).contains("topics create"));
}

/// The broker writes what it gets as its topic says, whatever the producer did.
#[test]
fn messages_are_read_however_they_are_compressed() {
    let Some(broker) = kafka("messages_are_read") else { return };
    for codec in ["uncompressed", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("as_{codec}");
        broker.good(&["topics", "create", &topic, "--config", &format!("compression.type={codec}")]);
        broker.send(&topic, (0..500).map(|n| format!("{{\"n\":{n},\"text\":\"the same words again and again\"}}")));
        let tail = broker.json(&["topics", "tail", &topic, "--from", "earliest", "--limit", "0"]);
        assert_eq!(tail.as_array().map(Vec::len), Some(500), "{codec}");
        broker.good(&["topics", "delete", &topic]);
    }
}

#[test]
fn generated_rows_are_counted_when_the_brokers_have_them() {
    let Some(broker) = kafka("generated_rows") else { return };
    broker.good(&["topics", "create", "generated", "--partitions", "2"]);
    let to = format!("kafka://{}/generated", broker.bootstrap);
    let made = broker.json(&["generate", "transactions", "--rows", "5000", "--to", &to, "--key", "CustomerID"]);
    let about = broker.json(&["topics", "describe", "generated"]);
    assert_eq!(made["messages"], about["messages"]);
    assert!(made["messages"].as_i64() >= Some(5000), "{made}");
    let live = broker.json(&["generate", "sensors", "--rows", "300", "--rate", "1000/s", "--as", "csv", "--to", &to]);
    let lines = live["messages"].as_i64().expect("a number");
    assert!(lines >= 300);
    let tail = broker.json(&["topics", "tail", "generated", "--limit", "1"]);
    assert!(!tail[0]["value"].as_str().expect("text").starts_with('{'), "a line of CSV: {tail}");
    let wrong = broker.ends(2, &["generate", "transactions", "--rows", "10", "--to", &to, "--key", "account"]);
    assert!(wrong.contains("there is no column `account`"), "{wrong}");
    assert!(broker.ends(2, &["generate", "transactions", "--to", "kafka:/oops"]).contains("kafka://localhost:9092/TOPIC"));
}

/// Orders of a file, and the same ones and more through Kafka: what all of them in files come to is what is wanted.
#[test]
fn an_order_that_came_in_a_file_and_through_kafka_is_there_once() {
    let Some(broker) = kafka("orders in bulk and as a stream") else { return };
    let ran = Ran::new("orders", "4000", "5");
    let wanted = keys(&ran, &[]);
    assert!(wanted.len() > 3900, "{}", wanted.len());
    let file = ran.dir().join("data/orders.csv");
    let whole = std::fs::read_to_string(&file).expect("orders");
    let lines: Vec<&str> = whole.lines().collect();
    let part = |lines: &[&str], path: &Path| std::fs::write(path, lines.join("\n") + "\n").expect("a file");
    // The last 500 of the file are sent again.
    let (bulk, streamed) = (1..2500, 2000..lines.len());
    part(&[&lines[..1], &lines[bulk]].concat(), &file);
    let sent = ran.home.path().join("sent.csv");
    part(&[&lines[..1], &lines[streamed]].concat(), &sent);
    std::fs::remove_dir_all(ran.dir().join("lake")).expect("begins anew");
    ran.tidemill(&["run"]);
    let loaded = keys(&ran, &[]);
    assert!(loaded.len() < wanted.len() && loaded.is_subset(&wanted), "{} of {}", loaded.len(), wanted.len());

    broker.good(&["topics", "create", "customer_orders", "--partitions", "4"]);
    broker.good(&["topics", "produce", "customer_orders", "--from", sent.to_str().expect("UTF-8"), "--key", "row_key"]);
    let stream = [("KAFKA_BROKERS", broker.bootstrap.as_str()), ("TIDEMILL_ENV", "stream")];
    ran.with_env(&["run"], &stream);
    assert_eq!(keys(&ran, &stream), wanted);
    // Days that nothing tells are in no month; the tests of the views hold (or the run would have failed), and nothing comes twice.
    let again = ran.with_env(&["run"], &stream);
    assert!(again.contains("up to date"), "{again}");
    let audit = ran.with_env(&["audit"], &stream);
    assert!(audit.contains("balanced at epoch"), "{audit}");
    broker.good(&["topics", "delete", "customer_orders"]);
}

/// The table's keys, which must all be different.
fn keys(ran: &Ran, env: &[(&str, &str)]) -> BTreeSet<String> {
    let told = ran.with_env(&["query", "SELECT row_key FROM orders", "--format", "csv"], env);
    let keys: BTreeSet<String> = told.lines().skip(1).map(str::to_string).collect();
    assert_eq!(keys.len(), told.lines().count() - 1, "a row_key is there twice");
    keys
}
