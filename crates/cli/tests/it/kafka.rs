//! Real Kafka, with a real producer and consumer of another language: what was produced is what is decoded, nothing lost, nothing twice.

use crate::broker::{Broker, kafka, own_kafka, python};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tidemill_connect::kafka::Kafka;
use tidemill_connect::{Budget, OptionValue, Options, Positions, Pulled, SinkConnector, StreamConnector, StreamSource};
use tidemill_core::{ColumnRead, ErrorKind, Reject};

/// No test waits longer.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn what_python_produces_is_what_is_read_with_keys_in_order_and_poison_set_aside() {
    let test = "what_python_produces";
    let (Some(broker), Some(python)) = (kafka(test), python(test)) else { return };
    // The messages are of 2023.
    broker.good(&["topics", "create", "produced", "--partitions", "4", "--retention", "forever"]);
    let script = r#"
import json, sys
from kafka import KafkaProducer
p = KafkaProducer(bootstrap_servers=sys.argv[1], acks="all", linger_ms=5)
sent = []
for i in range(3000):
    key = "k%d" % (i % 37)
    value = json.dumps({"n": i, "key": key, "text": "Zeile \u00fc %d\n\"x\"" % i, "nested": {"a": i / 4}, "skip": [1, 2]})
    if i % 500 == 7: value = "{broken " + str(i)
    if i % 500 == 9: value = None
    if i % 500 == 11: value = json.dumps({"n": "many", "key": key})
    meta = p.send("produced", key=key.encode(), value=None if value is None else value.encode(), headers=[("trace", b"t%d" % i)], timestamp_ms=1700000000000 + i).get(30)
    sent.append([meta.partition, meta.offset, key, i, value])
print(json.dumps(sent))
"#;
    let sent: Vec<Value> = serde_json::from_str(&run(&python, script, &[&broker.bootstrap])).expect("JSON");
    let mut columns = vec![int("n"), text("key"), text("text"), label("nested.a", DataType::Float64)];
    columns.extend([
        label("@key", DataType::Utf8),
        label("@timestamp", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        label("@partition", DataType::Int32),
        label("@offset", DataType::Int64),
        label("@header.trace", DataType::Utf8),
        label("@topic", DataType::Utf8),
    ]);
    let mut source = open(broker, &[("topic", "produced")], &columns, &Positions::new());
    let read = drain(&mut *source, 3000);
    assert_eq!(read.rows + read.rejects.len(), 3000);

    let (mut good, mut poison) = (BTreeMap::new(), BTreeMap::new());
    for s in &sent {
        let place = (s[0].as_i64().expect("a partition"), s[1].as_i64().expect("an offset"));
        let n = s[3].as_i64().expect("a number");
        if [7, 9, 11].contains(&(n % 500)) {
            poison.insert(place, s.clone())
        } else {
            good.insert(place, s.clone())
        };
    }
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    for (split, batch, lines) in &read.batches {
        let number: i64 = split.strip_prefix("produced/").and_then(|p| p.parse().ok()).expect("a partition");
        for (row, line) in lines.iter().enumerate() {
            let place = (number, *line as i64);
            let s = good.remove(&place).unwrap_or_else(|| panic!("{place:?} was not sent, or came twice"));
            let n = s[3].as_i64().expect("a number");
            assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(row), n);
            let key = batch.column(1).as_string::<i32>().value(row);
            assert_eq!(batch.column(2).as_string::<i32>().value(row), format!("Zeile \u{fc} {n}\n\"x\""));
            assert_eq!(batch.column(4).as_string::<i32>().value(row), key);
            assert_eq!(batch.column(5).as_primitive::<TimestampMicrosecondType>().value(row), (1_700_000_000_000 + n) * 1000);
            assert_eq!(i64::from(batch.column(6).as_primitive::<Int32Type>().value(row)), number);
            assert_eq!(batch.column(7).as_primitive::<Int64Type>().value(row), place.1);
            assert_eq!(batch.column(8).as_string::<i32>().value(row), format!("t{n}"));
            assert_eq!(batch.column(9).as_string::<i32>().value(row), "produced");
            let before = newest.insert(key.to_string(), n);
            assert!(before.is_none_or(|b| b < n), "{key}: {n} came after {before:?}");
        }
    }
    assert!(good.is_empty(), "{} rows are missing", good.len());
    for reject in &read.rejects {
        let number: i64 = reject.split.strip_prefix("produced/").and_then(|p| p.parse().ok()).expect("a partition");
        let s = poison.remove(&(number, reject.offset as i64)).unwrap_or_else(|| panic!("{reject:?}"));
        let (code, raw) = match s[3].as_i64().expect("a number") % 500 {
            7 => ("json", s[4].as_str().expect("text")),
            9 => ("empty", ""),
            _ => ("type", s[4].as_str().expect("text")),
        };
        assert_eq!((reject.code, reject.raw.as_str()), (code, raw));
    }
    assert!(poison.is_empty());
    until("no lag", || source.lag().iter().all(|l| l.behind == Some(0)));
}

#[test]
fn reading_goes_on_where_it_stood_takes_new_partitions_and_tells_the_group() {
    let test = "reading_goes_on";
    let (Some(broker), Some(python)) = (kafka(test), python(test)) else { return };
    broker.good(&["topics", "create", "goes-on", "--partitions", "2"]);
    let options = [("topic", "goes-on"), ("group", "goes-on-group")];
    broker.send("goes-on", (0..100).map(|n| format!("{{\"n\":{n}}}")));
    let mut source = open(broker, &options, &[int("n")], &Positions::new());
    let first = drain(&mut *source, 100);
    assert_eq!(first.positions.len(), 2, "a position for each partition, whether it has rows or not: {:?}", first.positions);
    source.confirm(&first.positions).expect("told");
    drop(source);
    // Another language's view of the group, and ours.
    let script = r#"
import sys
from kafka import KafkaConsumer, TopicPartition
c = KafkaConsumer(bootstrap_servers=sys.argv[1], group_id="goes-on-group", enable_auto_commit=False)
print(sum(c.committed(TopicPartition("goes-on", p)) or 0 for p in range(2)))
"#;
    assert_eq!(run(&python, script, &[&broker.bootstrap]).trim(), "100");
    broker.send("goes-on", (100..150).map(|n| format!("{{\"n\":{n}}}")));
    let lag = broker.json(&["topics", "lag", "--group", "goes-on-group", "goes-on"]);
    let behind: i64 = lag.as_array().expect("rows").iter().map(|l| l["lag"].as_i64().expect("a number")).sum();
    assert_eq!(behind, 50, "{lag}");

    let mut source = open(broker, &options, &[int("n")], &first.positions);
    let mut numbers = drain(&mut *source, 50).numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (100..150).collect::<Vec<_>>(), "what comes after the positions, and nothing else");

    broker.good(&["topics", "alter", "goes-on", "--partitions", "5"]);
    broker.send("goes-on", (150..400).map(|n| format!("{{\"n\":{n}}}")));
    let read = drain(&mut *source, 250);
    let mut numbers = read.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (150..400).collect::<Vec<_>>());
    assert!(read.positions.len() >= 3, "rows of new partitions: {:?}", read.positions);
}

#[test]
fn where_reading_begins_is_as_the_options_say() {
    let Some(broker) = kafka("where_reading_begins") else { return };
    broker.good(&["topics", "create", "begins"]);
    broker.send("begins", (0..10).map(|n| format!("{{\"n\":{n}}}")));
    let mut latest = open(broker, &[("topic", "begins"), ("from", "latest")], &[int("n")], &Positions::new());
    let nothing = drain_until(&mut *latest, |r| !r.positions.is_empty());
    assert_eq!((nothing.rows, nothing.positions.get("begins/0").map(String::as_str)), (0, Some("10")));
    broker.send("begins", (10..12).map(|n| format!("{{\"n\":{n}}}")));
    assert_eq!(drain(&mut *latest, 2).numbers(), [10, 11]);
    let mut later = open(broker, &[("topic", "begins"), ("from", "2999-01-01T00:00:00Z")], &[int("n")], &Positions::new());
    assert_eq!(drain_until(&mut *later, |r| !r.positions.is_empty()).positions["begins/0"], "12");
    let mut early = open(broker, &[("topic", "begins"), ("from", "2001-01-01T00:00:00Z")], &[int("n")], &Positions::new());
    assert_eq!(drain(&mut *early, 12).rows, 12);
    let committed = [("topic", "begins"), ("from", "committed"), ("group", "begins-group")];
    let mut source = open(broker, &committed, &[int("n")], &Positions::new());
    assert_eq!(drain(&mut *source, 12).rows, 12, "a group that has told nothing begins at the oldest");
    source.confirm(&Positions::from([("begins/0".to_string(), "7".to_string())])).expect("told");
    drop(source);
    let mut source = open(broker, &committed, &[int("n")], &Positions::new());
    assert_eq!(drain(&mut *source, 5).numbers(), [7, 8, 9, 10, 11]);
}

#[test]
fn messages_that_are_gone_stop_the_reader_by_name() {
    let test = "messages_that_are_gone";
    let (Some(broker), Some(python)) = (kafka(test), python(test)) else { return };
    broker.good(&["topics", "create", "gone"]);
    broker.send("gone", (0..100).map(|n| format!("{{\"n\":{n}}}")));
    let script = r#"
import sys
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
KafkaAdminClient(bootstrap_servers=sys.argv[1]).delete_records({TopicPartition("gone", 0): 40})
"#;
    run(&python, script, &[&broker.bootstrap]);
    let at = |n: i64| Positions::from([("gone/0".to_string(), n.to_string())]);
    for (position, says) in [(10, "30 messages are gone unread"), (101, "ends at 100")] {
        let mut source = open(broker, &[("topic", "gone")], &[int("n")], &at(position));
        let failed = fails(&mut *source);
        assert_eq!((failed.kind, failed.place.as_str()), (ErrorKind::Data, "gone/0"));
        assert!(failed.what.contains(says) && failed.help.is_some(), "{failed}");
    }
    let mut source = open(broker, &[("topic", "gone")], &[int("n")], &at(40));
    assert_eq!(drain(&mut *source, 60).numbers(), (40..100).collect::<Vec<_>>());
}

#[test]
fn messages_of_transactions_that_were_given_up_are_no_rows() {
    let test = "messages_of_transactions";
    let (Some(broker), Some(python)) = (kafka(test), python(test)) else { return };
    broker.good(&["topics", "create", "transactions"]);
    let script = r#"
import sys
from kafka import KafkaProducer
p = KafkaProducer(bootstrap_servers=sys.argv[1], transactional_id="t", acks="all")
p.init_transactions()
for part in range(6):
    p.begin_transaction()
    for i in range(10):
        p.send("transactions", b'{"n":%d}' % (part * 10 + i))
    p.flush()
    if part % 2: p.abort_transaction()
    else: p.commit_transaction()
p.close()
"#;
    run(&python, script, &[&broker.bootstrap]);
    let mut source = open(broker, &[("topic", "transactions")], &[int("n")], &Positions::new());
    let kept: Vec<i64> = (0..60).filter(|n| n / 10 % 2 == 0).collect();
    assert_eq!(drain(&mut *source, 30).numbers(), kept);
    // The marks of transactions are no messages that are waited for.
    until("no lag", || {
        assert!(matches!(pull(&mut *source), Pulled::Idle));
        source.lag().iter().all(|l| l.behind == Some(0))
    });
    let mut all = open(broker, &[("topic", "transactions"), ("isolation", "read_uncommitted")], &[int("n")], &Positions::new());
    assert_eq!(drain(&mut *all, 60).rows, 60);
}

#[test]
fn a_broker_that_dies_and_comes_again_costs_nothing() {
    let test = "a_broker_that_dies";
    let Some(broker) = own_kafka("dies", &[]) else { return };
    broker.good(&["topics", "create", "dies", "--partitions", "3"]);
    let rows = 30_000;
    let mut producer = broker.tidemill(&["topics", "produce", "dies", "--from", "-", "--rate", "3000/s", "--key", "n", "--format", "json"]);
    let mut producer = producer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("tidemill starts");
    let mut stdin = producer.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || (0..rows).try_for_each(|n| writeln!(stdin, "{{\"n\":{n}}}")));
    let mut source = open(&broker, &[("topic", "dies")], &[int("n")], &Positions::new());
    let mut seen = vec![0u8; rows];
    let (mut count, mut kills, mut heard) = (0, 0, false);
    let began = Instant::now();
    while count < rows {
        assert!(began.elapsed() < PATIENCE * 2, "{count} of {rows} rows; {:?}", source.trouble());
        if kills < 3 && count > (kills + 1) * rows / 5 {
            broker.kill();
            kills += 1;
            // While nobody is there, that is said.
            until("trouble", || {
                count += count_numbers(&pull(&mut *source), &mut seen);
                source.trouble().is_some()
            });
            heard = true;
            broker.restart();
        }
        count += count_numbers(&pull(&mut *source), &mut seen);
    }
    // What was fetched ahead may have been all that was left.
    assert!(heard && kills >= 2, "{kills}");
    assert!(seen.iter().all(|n| *n == 1), "some came twice or never: {:?}", seen.iter().position(|n| *n != 1));
    writer.join().expect("no panic").expect("written");
    let told = producer.wait_with_output().expect("an end");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|e| panic!("{test}: {e}"));
    assert_eq!(told["messages"], rows);
    until("no trouble", || {
        assert_eq!(count_numbers(&pull(&mut *source), &mut seen), 0);
        source.trouble().is_none()
    });
}

#[test]
fn rows_sent_to_a_topic_are_read_by_another_language_with_their_keys_and_ids() {
    let test = "rows_sent_to_a_topic";
    let (Some(broker), Some(python)) = (kafka(test), python(test)) else { return };
    broker.good(&["topics", "create", "sunk", "--partitions", "3"]);
    let id = arrow::array::Int64Array::from_iter_values(0..500);
    let name = arrow::array::StringArray::from_iter((0..500).map(|n| (n % 7 > 0).then(|| format!("Übung \"{}\"", n % 5))));
    let rows = RecordBatch::try_from_iter([("id", std::sync::Arc::new(id) as _), ("name", std::sync::Arc::new(name) as _)]).expect("rows");
    let options = broker.options(&[("topic", "sunk"), ("key", "name")]);
    assert!(SinkConnector::check(&Kafka, &options, Path::new(".")).is_empty());
    let mut sink = SinkConnector::open(&Kafka, &options, Path::new("."), &rows.schema()).expect("a sink");
    let ids: Vec<String> = (0..500).map(|n| format!("e7-{n}")).collect();
    sink.write(&rows, &ids).expect("taken");
    sink.flush().expect("delivered");
    let script = r#"
import json, sys
from kafka import KafkaConsumer
c = KafkaConsumer("sunk", bootstrap_servers=sys.argv[1], auto_offset_reset="earliest", consumer_timeout_ms=5000)
partitions = {}
n = 0
for m in c:
    row = json.loads(m.value)
    assert dict(m.headers)["id"] == b"e7-%d" % row["id"], m
    assert (m.key is None) == (row["name"] is None), m
    if m.key is not None:
        assert m.key.decode() == row["name"], m
        assert partitions.setdefault(m.key, m.partition) == m.partition, "a key in two partitions"
    n += 1
    if n == 500: break
print(n)
"#;
    assert_eq!(run(&python, script, &[&broker.bootstrap]).trim(), "500");
}

/// A registry of schemas, two schemas of a topic's rows (the second has one more column), a damaged message, and a reader of what we write.
const AVRO: &str = r#"
import io, json, sys, threading
import fastavro
from http.server import BaseHTTPRequestHandler, HTTPServer
from kafka import KafkaConsumer, KafkaProducer
schemas = {}
class Registry(BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status); self.end_headers(); self.wfile.write(json.dumps(body).encode())
    def do_GET(self):
        n = int(self.path.split("/")[-1])
        self.answer(200, {"schema": schemas[n]}) if n in schemas else self.answer(404, {"error_code": 40403})
    def do_POST(self):
        assert self.path == "/subjects/avro-out-value/versions", self.path
        schemas[77] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["schema"]
        self.answer(200, {"id": 77})
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Registry)
threading.Thread(target=server.serve_forever, daemon=True).start()
fields = [{"name": "n", "type": "long"}, {"name": "name", "type": ["null", "string"]}]
more = fields + [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]
for n, f in [(5, fields), (6, more)]:
    schemas[n] = json.dumps({"type": "record", "name": "row", "fields": f})
p = KafkaProducer(bootstrap_servers=sys.argv[1])
def value(number, row):
    out = io.BytesIO(); out.write(b"\0" + number.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schemas[number])), row)
    return out.getvalue()
for n in range(300):
    row = {"n": n, "name": None if n % 5 == 0 else "name %d" % n, "at": 1700000000000000 + n}
    p.send("avro-in", value(5 if n < 150 else 6, row))
    if n == 200:
        p.send("avro-in", value(6, row)[:-3])
        p.send("avro-in", b"\0\0\0\0\x63rest")
p.flush()
print(server.server_port, flush=True)
sys.stdin.readline()
c = KafkaConsumer("avro-out", bootstrap_servers=sys.argv[1], auto_offset_reset="earliest", consumer_timeout_ms=20000)
seen = []
for m in c:
    assert m.value[:5] == b"\0\0\0\0\x4d", m.value[:5]
    seen.append(fastavro.schemaless_reader(io.BytesIO(m.value[5:]), fastavro.parse_schema(json.loads(schemas[77]))))
    if len(seen) == 300: break
assert [r["n"] for r in seen] == list(range(300)), seen[:3]
assert all((r["name"] is None) == (r["n"] % 5 == 0) for r in seen)
print("ok", flush=True)
"#;

#[test]
fn avro_is_read_and_written_with_a_registry_of_schemas() {
    let test = "avro_is_read_and_written";
    let (Some(broker), Some(python)) = (kafka(test), python(test)) else { return };
    broker.good(&["topics", "create", "avro-in"]);
    broker.good(&["topics", "create", "avro-out"]);
    let mut child = Command::new(&python)
        .args(["-c", AVRO, &broker.bootstrap])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut said = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a port");
    let registry = format!("http://127.0.0.1:{}", line.trim());
    let avro = [("format", "avro"), ("schema_registry", registry.as_str())];
    let columns = [int("n"), text("name"), label("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))];
    let options = [&[("topic", "avro-in")][..], &avro].concat();
    let mut source = open(broker, &options, &columns, &Positions::new());
    let read = drain(&mut *source, 302);
    assert_eq!(read.numbers(), (0..300).collect::<Vec<_>>());
    let told: Vec<(u64, &str)> = read.rejects.iter().map(|r| (r.offset, r.code)).collect();
    assert_eq!(told, [(201, "avro"), (202, "schema")]);
    let at = read.batches.iter().map(|(_, b, _)| b.column(2).null_count()).sum::<usize>();
    assert_eq!(at, 150, "the first schema has no such column");

    let rows: Vec<RecordBatch> = read.batches.into_iter().map(|(_, b, _)| b).filter(|b| b.num_rows() > 0).collect();
    let options = broker.options(&[&[("topic", "avro-out")][..], &avro].concat());
    let mut sink = SinkConnector::open(&Kafka, &options, Path::new("."), &rows[0].schema()).expect("a sink");
    for batch in &rows {
        let ids: Vec<String> = (0..batch.num_rows()).map(|n| format!("e1-{n}")).collect();
        sink.write(batch, &ids).expect("taken");
    }
    sink.flush().expect("delivered");
    child.stdin.take().expect("a pipe").write_all(b"go\n").expect("told");
    line.clear();
    said.read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "ok");
    assert!(child.wait().expect("an end").success());

    // A registry that is away is waited for; nothing is lost meanwhile.
    let away = [("topic", "avro-in"), ("format", "avro"), ("schema_registry", "http://127.0.0.1:1")];
    let mut source = open(broker, &away, &columns, &Positions::new());
    until("trouble", || {
        assert!(!matches!(pull(&mut *source), Pulled::Batches(b) if b.iter().any(|b| b.decoded.rows_read > 0)));
        source.trouble().is_some_and(|t| t.contains("schema registry"))
    });
}

#[test]
fn passwords_and_certificates_protect_the_connection() {
    let Some(broker) = own_kafka("secure", &[("KAFKA_SECURE", "1")]) else { return };
    let (address, ca) = broker.secure.clone().expect("a second listener");
    let ask = |user: &str, password: &str, mechanism: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.args(["topics", "ls", "--format", "csv"]);
        command.envs([("TIDEMILL_KAFKA_BROKERS", address.as_str()), ("TIDEMILL_KAFKA_SECURITY", "sasl_tls"), ("NO_COLOR", "1")]);
        command.env("TIDEMILL_KAFKA_TLS_CA", &ca).env("TIDEMILL_KAFKA_SASL_MECHANISM", mechanism);
        command.env("TIDEMILL_KAFKA_SASL_USER", user).env("TIDEMILL_KAFKA_SASL_PASSWORD", password);
        let output = command.output().expect("tidemill starts");
        (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    };
    broker.good(&["topics", "create", "protected"]);
    for mechanism in ["plain", "scram-sha-256"] {
        let (code, said) = ask("tidemill", "tidemill-secret", mechanism);
        assert_eq!((code, said.lines().nth(1)), (Some(0), Some("protected,1,1,0")), "{mechanism}: {said}");
    }
    let (code, said) = ask("tidemill", "guess", "scram-sha-256");
    assert!(code != Some(0) && !said.contains("guess"), "{said}");
    assert!(said.to_lowercase().contains("authentication"), "{said}");

    // A connection of a project holds all of it but the password.
    let project = tempfile::tempdir().expect("a directory");
    let toml = "name = \"x\"\n[connections.broker]\nconnector = \"kafka\"\nbrokers = \"${BROKERS}\"\nsecurity = \"sasl_tls\"\nsasl_user = \"tidemill\"\n\
        sasl_password = \"${KAFKA_PASSWORD}\"\ntls_ca = \"ca.pem\"\ngroup = \"shop\"\n";
    std::fs::write(project.path().join("tidemill.toml"), toml).expect("a file");
    std::fs::copy(&ca, project.path().join("ca.pem")).expect("a copy");
    let by_name = |name: &str, password: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.arg("-C").arg(project.path()).args(["topics", "ls", "--format", "csv", "--connection", name]).env("BROKERS", &address);
        command.envs(password.map(|p| ("KAFKA_PASSWORD", p)));
        let output = command.output().expect("tidemill starts");
        (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    };
    let (code, said) = by_name("broker", Some("tidemill-secret"));
    assert_eq!((code, said.lines().nth(1)), (Some(0), Some("protected,1,1,0")), "{said}");
    assert!(by_name("broker", None).1.contains("set that variable"));
    assert!(by_name("brokr", None).1.contains("did you mean `broker`?"));

    let secret = [
        ("brokers", address.as_str()),
        ("topic", "protected"),
        ("security", "sasl_tls"),
        ("sasl_user", "tidemill"),
        ("sasl_password", "tidemill-secret"),
        ("tls_ca", ca.to_str().expect("a path")),
    ];
    broker.send("protected", (0..5).map(|n| format!("{{\"n\":{n}}}")));
    let options: Options = secret.iter().map(|(k, v)| ((*k).to_string(), OptionValue::from(*v))).collect();
    let mut source = StreamConnector::open(&Kafka, &options, Path::new("."), &[int("n")], &Positions::new()).expect("a source");
    assert_eq!(drain(&mut *source, 5).numbers(), [0, 1, 2, 3, 4]);
}

fn int(name: &str) -> ColumnRead {
    ColumnRead::new(name, DataType::Int64)
}

fn text(name: &str) -> ColumnRead {
    ColumnRead::new(name, DataType::Utf8)
}

fn label(label: &str, data_type: DataType) -> ColumnRead {
    let name = label.replace(['@', '.'], "_");
    ColumnRead { label: label.into(), ..ColumnRead::new(name, data_type) }
}

fn open(broker: &Broker, options: &[(&str, &str)], columns: &[ColumnRead], from: &Positions) -> Box<dyn StreamSource> {
    let options = broker.options(options);
    let wrong = StreamConnector::check(&Kafka, &options, Path::new("."));
    assert!(wrong.is_empty(), "{wrong:?}");
    StreamConnector::open(&Kafka, &options, Path::new("."), columns, from).expect("a source")
}

/// What a source gave.
#[derive(Default)]
struct Read {
    batches: Vec<(String, RecordBatch, Vec<u64>)>,
    rejects: Vec<Reject>,
    positions: Positions,
    rows: usize,
}

impl Read {
    /// The first column, in the order read.
    fn numbers(&self) -> Vec<i64> {
        self.batches.iter().flat_map(|(_, b, _)| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
    }
}

fn pull(source: &mut dyn StreamSource) -> Pulled {
    source.pull(Budget { rows: 1000, bytes: 1 << 20, wait: Duration::from_millis(50) }).expect("a source that goes on")
}

/// Reads until so many messages came; more than that would be too many.
fn drain(source: &mut dyn StreamSource, messages: usize) -> Read {
    let read = drain_until(source, |r| r.rows + r.rejects.len() >= messages);
    assert_eq!(read.rows + read.rejects.len(), messages);
    read
}

fn drain_until(source: &mut dyn StreamSource, is_enough: impl Fn(&Read) -> bool) -> Read {
    let mut read = Read::default();
    let began = Instant::now();
    while !is_enough(&read) {
        assert!(began.elapsed() < PATIENCE, "only {} rows; {:?}", read.rows, source.trouble());
        let Pulled::Batches(batches) = pull(source) else { continue };
        for batch in batches {
            let decoded = batch.decoded;
            assert_eq!(decoded.rows_read as usize, decoded.batch.num_rows() + decoded.rejects.len());
            assert_eq!(decoded.lines.len(), decoded.batch.num_rows());
            read.rows += decoded.batch.num_rows();
            read.rejects.extend(decoded.rejects);
            read.positions.insert(batch.split.to_string(), batch.position);
            read.batches.push((batch.split.to_string(), decoded.batch, decoded.lines));
        }
    }
    read
}

fn count_numbers(pulled: &Pulled, seen: &mut [u8]) -> usize {
    let Pulled::Batches(batches) = pulled else { return 0 };
    let mut count = 0;
    for batch in batches {
        assert!(batch.decoded.rejects.is_empty());
        for n in batch.decoded.batch.column(0).as_primitive::<Int64Type>().values() {
            seen[*n as usize] += 1;
            count += 1;
        }
    }
    count
}

/// The error that a source ends with.
fn fails(source: &mut dyn StreamSource) -> tidemill_core::Error {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE);
        match source.pull(Budget { rows: 1000, bytes: 1 << 20, wait: Duration::from_millis(50) }) {
            Err(e) => return e,
            Ok(Pulled::Batches(batches)) => assert!(batches.iter().all(|b| b.decoded.rows_read == 0), "rows, and no error"),
            Ok(_) => {}
        }
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn run(python: &PathBuf, script: &str, arguments: &[&str]) -> String {
    let output = Command::new(python).args(["-c", script]).args(arguments).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

impl Broker {
    fn options(&self, more: &[(&str, &str)]) -> Options {
        let pairs = more.iter().copied().chain([("brokers", self.bootstrap.as_str())]);
        pairs.map(|(k, v)| (k.to_string(), OptionValue::from(v))).collect()
    }
}
