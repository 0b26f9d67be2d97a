use crate::*;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use datafusion::prelude::SessionContext;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tidemill_core::clock::FixedClock;
use tidemill_core::{ErrorKind, Meter};

const NOW: i64 = 1_700_000_000_000_000;

struct Pond {
    dir: tempfile::TempDir,
    clock: Arc<FixedClock>,
    lake: Arc<Lake>,
}

fn pond() -> Pond {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock(AtomicI64::new(NOW)));
    let lake = Lake::open(&dir.path().join("lake"), clock.clone()).unwrap();
    Pond { dir, clock, lake }
}

fn holder(command: &str) -> Holder {
    Holder { command: command.into(), pid: 42, host: "here".into(), since_micros: 0 }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("_file", DataType::Utf8, true),
        Field::new("_line", DataType::Int64, true),
    ]))
}

fn batch(file: &str, ids: std::ops::Range<i64>) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(StringArray::from_iter(ids.clone().map(|i| (i % 7 != 0).then(|| format!("name {}", i % 100))))),
        Arc::new(StringArray::from_iter_values(ids.clone().map(|_| file))),
        Arc::new(Int64Array::from_iter_values(ids.map(|i| i + 2))),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

async fn write(p: &Pond, lease: &Lease, epoch: u64, table: &TableName, batches: Vec<RecordBatch>, removes: Removes) -> Committed {
    let writer =
        p.lake.writer(table, &batches[0].schema(), WriterOptions { file_per: Some("_file".into()), ..Default::default() }).unwrap();
    for (seq, b) in batches.into_iter().enumerate() {
        writer.write(seq as u64, b).unwrap();
    }
    let (schema, adds) = (writer.schema(), writer.finish().unwrap());
    let commit = Commit { schema, adds, removes, operation: "WRITE".into(), partition_columns: vec![] };
    p.lake.commit(lease, epoch, table, commit).await.unwrap()
}

fn ids(p: &Pond, snapshot: Snapshot) -> Vec<i64> {
    let scan = p.lake.scan(snapshot, Some(&["id".to_string()])).unwrap();
    let mut all = Vec::new();
    while let Some(m) = scan.next().unwrap() {
        all.extend(m.decode().unwrap().batch.column(0).as_primitive::<Int64Type>().values());
    }
    all
}

async fn query(p: &Pond, snapshot: Snapshot, sql: &str) -> String {
    let cx = SessionContext::new();
    cx.register_table("t", p.lake.provider(snapshot).unwrap()).unwrap();
    let batches = cx.sql(sql).await.unwrap().collect().await.unwrap();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

fn manifest(epoch: u64) -> Manifest {
    Manifest {
        epoch,
        run_id: format!("run-{epoch}"),
        fencing: 0,
        started_at_micros: NOW,
        nodes: BTreeMap::from([("raw.t".to_string(), NodeIntent::default())]),
    }
}

fn done(epoch: u64, table: &TableName, version: i64) -> Done {
    Done { epoch, finished_at_micros: NOW, versions: BTreeMap::from([(table.to_string(), version)]) }
}

#[tokio::test]
async fn rows_come_back_in_order_by_scan_and_by_sql() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::raw("orders");
    assert!(p.lake.snapshot(&t, None).await.unwrap().is_none());
    let c = write(&p, &lease, 1, &t, vec![batch("a.csv", 0..10), batch("b.csv", 10..15)], Removes::None).await;
    assert_eq!(c, Committed { version: 0, skipped: false });
    let c = write(&p, &lease, 2, &t, vec![batch("c.csv", 15..20)], Removes::None).await;
    assert_eq!(c.version, 1);

    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    assert_eq!((s.version, s.rows(), s.files.len()), (1, 20, 3));
    assert_eq!(s.schema, schema());
    assert_eq!(s.files[1].constant("_file").as_deref(), Some("b.csv"));
    assert_eq!(ids(&p, s.clone()), (0..20).collect::<Vec<_>>());
    let old = p.lake.snapshot(&t, Some(0)).await.unwrap().unwrap();
    assert_eq!(ids(&p, old), (0..15).collect::<Vec<_>>());
    let shown = query(&p, s.clone(), "SELECT count(*) n, sum(id) s, count(name) k FROM t WHERE _file <> 'a.csv'").await;
    assert!(shown.contains("| 10 | 145 | 9 |"), "{shown}");
    let shown = query(&p, s, "SELECT count(*) n, min(id) a, max(id) b FROM t").await;
    assert!(shown.contains("| 20 | 0 | 19 |"), "{shown}");

    // One file's rows are replaced by replacing its data files.
    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    let paths: BTreeSet<String> =
        s.files.iter().filter(|f| f.constant("_file").as_deref() == Some("b.csv")).map(|f| f.path.clone()).collect();
    write(&p, &lease, 3, &t, vec![batch("b.csv", 100..102)], Removes::Paths(paths)).await;
    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    assert_eq!(ids(&p, s), (0..10).chain(15..20).chain(100..102).collect::<Vec<_>>());
    assert_eq!(p.lake.tables().unwrap(), [t]);
}

#[tokio::test]
async fn a_morsel_knows_where_its_rows_came_from() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::raw("orders");
    write(&p, &lease, 1, &t, vec![batch("a.csv", 0..3)], Removes::None).await;
    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    let scan = p.lake.scan(s, Some(&["name".to_string()])).unwrap();
    let d = scan.next().unwrap().unwrap().decode().unwrap();
    assert_eq!((&*d.split, d.batch.num_columns(), d.lines), ("a.csv", 1, vec![2, 3, 4]));
    assert_eq!(Some(d.bytes_read), scan.total_bytes());
    assert_eq!(d.text.text(0), r#"{"id":0,"name":null,"_file":"a.csv","_line":2}"#);
    assert_eq!(d.text.offset(1), 3);
    assert!(scan.next().unwrap().is_none());
    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    assert_eq!(p.lake.scan(s, Some(&["nmae".to_string()])).err().unwrap().kind, ErrorKind::Config);
}

#[tokio::test]
async fn an_epoch_is_committed_once() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::raw("orders");
    assert_eq!(p.lake.table_epoch(&t).await.unwrap(), None);
    write(&p, &lease, 7, &t, vec![batch("a.csv", 0..3)], Removes::None).await;
    let again = write(&p, &lease, 7, &t, vec![batch("a.csv", 0..3)], Removes::None).await;
    assert_eq!(again, Committed { version: 0, skipped: true });
    assert!(write(&p, &lease, 6, &t, vec![batch("a.csv", 0..3)], Removes::None).await.skipped);
    assert_eq!(p.lake.table_epoch(&t).await.unwrap(), Some((7, 0)));

    // Another process, with an empty memory, skips as well; parts are told apart.
    drop(lease);
    let other = Lake::open(p.lake.location(), p.clock.clone()).unwrap();
    let lease = other.acquire(holder("run")).unwrap();
    let p = Pond { lake: other, ..p };
    assert!(write(&p, &lease, 7, &t, vec![batch("a.csv", 0..3)], Removes::None).await.skipped);
    for (part, skipped) in [("x", false), ("y", false), ("x", true)] {
        let writer = p.lake.writer(&t, &schema(), WriterOptions::default()).unwrap();
        writer.write(0, batch("p.csv", 0..1)).unwrap();
        let (schema, adds) = (writer.schema(), writer.finish().unwrap());
        let commit = Commit { schema, adds, removes: Removes::None, operation: "WRITE".into(), partition_columns: vec![] };
        assert_eq!(p.lake.commit_part(&lease, 7, &t, part, commit).await.unwrap().skipped, skipped);
    }
    assert_eq!(p.lake.snapshot(&t, None).await.unwrap().unwrap().rows(), 5);
}

#[tokio::test]
async fn a_lost_race_for_a_version_is_run_again() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::raw("orders");
    write(&p, &lease, 1, &t, vec![batch("a.csv", 0..3)], Removes::None).await;
    // Another program takes version 1 behind our back.
    let log = p.lake.directory(&t).join("_delta_log");
    std::fs::write(log.join(format!("{:020}.json", 1)), "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"OTHER\"}}\n").unwrap();
    assert_eq!(write(&p, &lease, 2, &t, vec![batch("b.csv", 3..5)], Removes::None).await.version, 2);
    let history = p.lake.history(&t).await.unwrap();
    let told: Vec<_> = history.iter().map(|v| (v.version, v.operation.as_str(), v.epoch, v.rows, v.files)).collect();
    assert_eq!(told, [(2, "WRITE", Some(2), 5, 2), (1, "OTHER", None, 3, 1), (0, "WRITE", Some(1), 3, 1)]);
    assert_eq!(history[0].at_micros, NOW);
}

#[tokio::test]
async fn schemas_evolve_where_old_rows_can_be_read() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::clean("x");
    let small = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, true), Field::new("_file", DataType::Utf8, true)]));
    let one = RecordBatch::try_new(small, vec![Arc::new(arrow::array::Int32Array::from(vec![5])), Arc::new(StringArray::from(vec!["f"]))])
        .unwrap();
    write(&p, &lease, 1, &t, vec![one.clone()], Removes::None).await;
    let local = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let wide = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("at", local, true).with_metadata([("comment".to_string(), "when".to_string())].into()),
        Field::new("_file", DataType::Utf8View, false),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![i64::MAX])),
        Arc::new(arrow::array::TimestampNanosecondArray::from(vec![1_000])),
        Arc::new(arrow::array::StringViewArray::from(vec!["g"])),
    ];
    write(&p, &lease, 2, &t, vec![RecordBatch::try_new(wide, columns).unwrap()], Removes::None).await;
    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    assert_eq!(s.schema.field(1).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    assert_eq!(s.schema.field(1).metadata()["comment"], "when");
    let scan = p.lake.scan(s.clone(), None).unwrap();
    let old = scan.next().unwrap().unwrap().decode().unwrap().batch;
    assert_eq!(old.column(0).as_primitive::<Int64Type>().value(0), 5);
    assert!(old.column(1).is_null(0));
    let shown = query(&p, s, "SELECT a, at FROM t ORDER BY a").await;
    assert!(shown.contains("| 5                   |                            |"), "{shown}");
    assert!(shown.contains("1970-01-01T00:00:00.000001"), "{shown}");

    // Back to the narrow type only with the old rows gone.
    let writer = p.lake.writer(&t, &one.schema(), WriterOptions::default()).unwrap();
    let commit = Commit {
        schema: writer.schema(),
        adds: writer.finish().unwrap(),
        removes: Removes::None,
        operation: "WRITE".into(),
        partition_columns: vec![],
    };
    let refused = p.lake.commit(&lease, 3, &t, commit.clone()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Config);
    p.lake.commit(&lease, 3, &t, Commit { removes: Removes::All, ..commit }).await.unwrap();
    assert_eq!(p.lake.snapshot(&t, None).await.unwrap().unwrap().rows(), 0);
}

#[tokio::test]
async fn a_partitioned_table_reads_as_if_it_were_whole() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::public("v");
    let options = WriterOptions { partition_by: vec!["name".into()], ..Default::default() };
    let writer = p.lake.writer(&t, &schema(), options).unwrap();
    for seq in 0..4 {
        writer.write(seq, batch("a/b.csv", seq as i64 * 50..seq as i64 * 50 + 50)).unwrap();
    }
    let (schema, adds) = (writer.schema(), writer.finish().unwrap());
    assert!(adds.iter().all(|f| !f.path.contains(' ')), "no path needs escaping");
    let commit = Commit { schema, adds, removes: Removes::All, operation: "WRITE".into(), partition_columns: vec!["name".into()] };
    p.lake.commit(&lease, 1, &t, commit).await.unwrap();
    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    assert_eq!(s.partition_columns, ["name"]);
    let mut read = ids(&p, s.clone());
    read.sort_unstable();
    assert_eq!(read, (0..200).collect::<Vec<_>>());
    let shown = query(&p, s.clone(), "SELECT id, name FROM t WHERE name = 'name 6' ORDER BY id").await;
    assert!(shown.contains("| 6   | name 6 |") && shown.contains("| 106 | name 6 |") && shown.lines().count() == 6, "{shown}");
    let shown = query(&p, s, "SELECT count(*) n FROM t WHERE name IS NULL").await;
    assert!(shown.contains("| 29 |"), "{shown}");
}

#[test]
fn files_are_the_same_whatever_the_threads() {
    let write = |threads: usize, whole: bool| -> Vec<(String, blake3::Hash, Option<String>)> {
        let p = pond();
        let _lease = p.lake.acquire(holder("run")).unwrap();
        let t = TableName::raw("t");
        let options = WriterOptions {
            row_group_rows: 1000,
            file_bytes_max: 20_000,
            partition_by: if whole { vec![] } else { vec!["name".into()] },
            ..Default::default()
        };
        let writer = p.lake.writer(&t, &schema(), options).unwrap();
        let next = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|s| {
            for _ in 0..threads {
                s.spawn(|| {
                    loop {
                        let seq = next.fetch_add(1, Ordering::SeqCst);
                        if seq >= 60 {
                            return;
                        }
                        let start = seq as i64 * 3000;
                        // Pieces of all sizes, none among them and one of several groups.
                        let rows = [0, 1, 170, 999, 1000, 1499, 2600][seq as usize % 7];
                        writer.write(seq, batch("a.csv", start..start + rows)).unwrap();
                    }
                });
            }
        });
        let root = p.lake.directory(&t);
        let files = writer.finish().unwrap();
        assert!(files.len() > 2);
        files.into_iter().map(|f| (f.path.clone(), blake3::hash(&std::fs::read(root.join(&f.path)).unwrap()), f.stats)).collect()
    };
    for whole in [true, false] {
        let one = write(1, whole);
        for threads in [2, 5] {
            assert!(write(threads, whole) == one, "{threads} threads");
        }
    }
}

#[test]
fn a_writer_refuses_gaps_and_repetitions_and_leaves_nothing_behind() {
    let p = pond();
    let t = TableName::raw("t");
    assert_eq!(p.lake.writer(&t, &schema(), WriterOptions::default()).err().unwrap().kind, ErrorKind::Bug, "no lease");
    let _lease = p.lake.acquire(holder("run")).unwrap();
    let writer = p.lake.writer(&t, &schema(), WriterOptions { row_group_rows: 10, ..Default::default() }).unwrap();
    writer.write(0, batch("a", 0..100)).unwrap();
    writer.write(2, batch("a", 0..100)).unwrap();
    assert_eq!(std::fs::read_dir(p.lake.directory(&t)).unwrap().count(), 1);
    assert!(writer.finish().unwrap_err().what.contains("piece 1"));
    assert_eq!(std::fs::read_dir(p.lake.directory(&t)).unwrap().count(), 0);
    let writer = p.lake.writer(&t, &schema(), WriterOptions::default()).unwrap();
    writer.write(0, batch("a", 0..1)).unwrap();
    assert!(writer.write(0, batch("a", 0..1)).is_err());
}

#[test]
fn the_lease_is_one_processs_and_names_it() {
    let p = pond();
    assert_eq!(p.lake.owner().unwrap(), None);
    let first = p.lake.acquire(holder("serve")).unwrap();
    let other = Lake::open(p.lake.location(), p.clock.clone()).unwrap();
    let e = other.acquire(holder("run")).unwrap_err();
    assert_eq!(e.kind, ErrorKind::Conflict);
    assert!(e.what.contains("`tidemill serve` (process 42 on here, since 2023-11-14"), "{e}");
    assert_eq!(other.owner().unwrap().unwrap().command, "serve");
    drop(first);
    assert_eq!(other.owner().unwrap(), None);
    let second = other.acquire(holder("run")).unwrap();
    assert_eq!(second.fencing(), 2);
}

#[tokio::test]
async fn epochs_begin_end_and_are_taken_up_again() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::raw("t");
    assert_eq!(p.lake.next_epoch().unwrap(), 1);
    p.lake.begin(&lease, &manifest(1)).unwrap();
    p.lake.begin(&lease, &manifest(1)).unwrap();
    assert_eq!(p.lake.begin(&lease, &manifest(2)).unwrap_err().kind, ErrorKind::Bug);
    let different = Manifest { nodes: BTreeMap::new(), ..manifest(1) };
    assert_eq!(p.lake.begin(&lease, &different).unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(p.lake.unfinished().unwrap().unwrap().run_id, "run-1");
    write(&p, &lease, 1, &t, vec![batch("a", 0..3)], Removes::None).await;
    p.lake.finish(&lease, &done(1, &t, 0)).unwrap();
    assert!(p.lake.unfinished().unwrap().is_none());
    assert_eq!(p.lake.last_manifest().unwrap().unwrap().epoch, 1);

    // The next one dies half-way: readers see the last; giving it up takes back what it did.
    p.lake.begin(&lease, &manifest(2)).unwrap();
    write(&p, &lease, 2, &t, vec![batch("b", 3..5)], Removes::All).await;
    let fresh = TableName::clean("fresh");
    write(&p, &lease, 2, &fresh, vec![batch("b", 0..4)], Removes::None).await;
    assert_eq!(p.lake.finished_snapshot(&t).await.unwrap().unwrap().rows(), 3);
    assert!(p.lake.finished_snapshot(&fresh).await.unwrap().is_none());
    p.lake.append_record(&lease, 1, "runs", runs("r1")).await.unwrap();
    p.lake.append(&lease, 2, "runs", runs("r2")).await.unwrap();
    for _ in 0..2 {
        p.lake.abandon(&lease, 2, "it was a test").await.unwrap();
        assert_eq!(ids(&p, p.lake.snapshot(&t, None).await.unwrap().unwrap()), [0, 1, 2]);
        assert_eq!(p.lake.snapshot(&fresh, None).await.unwrap().unwrap().rows(), 0);
        assert_eq!(p.lake.table_epoch(&t).await.unwrap().unwrap().0, 1);
        assert_eq!(p.lake.table_epoch(&fresh).await.unwrap(), None);
        assert_eq!(p.lake.snapshot(&TableName::system("runs"), None).await.unwrap().unwrap().rows(), 1, "what belongs to no epoch stays");
    }
    let versions = p.lake.history(&t).await.unwrap().len();
    assert_eq!(versions, 3);
    assert_eq!(p.lake.next_epoch().unwrap(), 3);
    p.lake.begin(&lease, &manifest(3)).unwrap();
    assert!(!write(&p, &lease, 3, &t, vec![batch("b", 3..5)], Removes::None).await.skipped);
    p.lake.finish(&lease, &done(3, &fresh, 1)).unwrap();
    assert_eq!(p.lake.last_done().unwrap().unwrap().version(&t), Some(0), "versions of other tables are carried along");
    assert_eq!(p.lake.finished().unwrap(), [1, 3]);
    assert!(p.lake.abandon(&lease, 3, "no").await.is_err());
}

#[test]
fn a_torn_manifest_is_an_error_that_names_it() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    p.lake.begin(&lease, &manifest(1)).unwrap();
    let path = p.lake.location().join("_tidemill/epochs/00000000000000000001.manifest.json");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let e = p.lake.unfinished().unwrap_err();
    assert_eq!(e.kind, ErrorKind::Data);
    assert!(e.place.contains("00000000000000000001.manifest.json"), "{e}");
}

fn runs(id: &str) -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![Field::new("run_id", DataType::Utf8, true), Field::new("threads", DataType::UInt64, true)]));
    RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(vec![id])), Arc::new(arrow::array::UInt64Array::from(vec![2]))]).unwrap()
}

#[tokio::test]
async fn system_rows_are_appended_once_and_compacted() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let name = TableName::system("runs");
    for n in 1..=40 {
        assert!(!p.lake.append_record(&lease, n, "runs", runs(&format!("r{n:02}"))).await.unwrap().skipped);
        assert!(p.lake.append_record(&lease, n, "runs", runs("again")).await.unwrap().skipped);
    }
    assert!(p.lake.append(&lease, 1, "runs", batch("a", 0..1)).await.unwrap_err().what.contains("no column `id`"));
    assert!(p.lake.append(&lease, 1, "nonsense", runs("x")).await.is_err());
    let before = p.lake.snapshot(&name, None).await.unwrap().unwrap();
    assert_eq!((before.files.len(), before.rows()), (40, 40));
    let m = p.lake.maintain(&lease, std::slice::from_ref(&name), Duration::from_secs(3600)).await.unwrap();
    assert_eq!((m.compacted, m.checkpoints, m.files_removed), (1, 1, 0));
    let after = p.lake.snapshot(&name, None).await.unwrap().unwrap();
    assert_eq!((after.files.len(), after.rows()), (1, 40));
    let shown = query(&p, after, "SELECT min(run_id) a, max(run_id) b, sum(threads) n FROM t").await;
    assert!(shown.contains("| r01 | r40 | 80 |"), "{shown}");
    // A new process starts from the checkpoint.
    let other = Lake::open(p.lake.location(), p.clock.clone()).unwrap();
    assert_eq!(other.snapshot(&name, None).await.unwrap().unwrap().rows(), 40);
    assert!(p.lake.append_record(&lease, 40, "runs", runs("again")).await.unwrap().skipped);
}

#[tokio::test]
async fn what_a_savepoint_names_stays_until_it_is_let_go() {
    let p = pond();
    let machine = tidemill_core::Clock::now_micros(&tidemill_core::SystemClock);
    let hours = |h: i64| p.clock.0.store(machine + h * 3_600_000_000, Ordering::SeqCst);
    hours(0);
    let lease = p.lake.acquire(holder("run")).unwrap();
    let (t, late) = (TableName::public("v"), TableName::public("late"));
    write(&p, &lease, 1, &t, vec![batch("a", 0..3)], Removes::All).await;
    let then = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    let tables = vec![Held::new(then).unwrap()];
    let savepoint = Savepoint { name: "s".into(), epoch: 1, at_micros: machine, tables, more: serde_json::json!({"x": 1}) };
    p.lake.put_savepoint(&savepoint).unwrap();
    p.lake.put_bytes(&Lake::savepoint_path("s", "v"), b"state").unwrap();
    assert!(p.lake.savepoint("../s").is_err() && p.lake.savepoint("other").unwrap().is_none());
    for epoch in 2..30 {
        write(&p, &lease, epoch, &t, vec![batch("b", 0..epoch as i64)], Removes::All).await;
    }
    write(&p, &lease, 29, &late, vec![batch("b", 0..2)], Removes::All).await;
    p.lake.finish(&lease, &done(29, &t, 28)).unwrap();
    hours(2000);
    let removed =
        async || p.lake.maintain_followed(&lease, std::slice::from_ref(&t), Duration::from_secs(600)).await.unwrap().files_removed;
    assert_eq!(removed().await, 27, "all but the newest and that of the savepoint");
    assert!(p.lake.snapshot(&t, Some(0)).await.is_err(), "its log is gone");
    let back = p.lake.savepoints().unwrap().remove(0);
    assert_eq!((back.tables[0].rows(), back.more["x"].as_i64()), (3, Some(1)));
    assert_eq!(p.lake.missing_file(&back).unwrap(), None);
    for _ in 0..2 {
        p.lake.take_back(&lease, 30, &back.tables[0]).await.unwrap();
        p.lake.empty(&lease, 30, &late).await.unwrap();
    }
    assert_eq!(ids(&p, p.lake.snapshot(&t, None).await.unwrap().unwrap()), [0, 1, 2]);
    assert_eq!(p.lake.snapshot(&late, None).await.unwrap().unwrap().rows(), 0);
    write(&p, &lease, 31, &t, vec![batch("c", 5..6)], Removes::All).await;
    p.lake.finish(&lease, &done(31, &t, 30)).unwrap();
    hours(4000);
    removed().await;
    assert_eq!(p.lake.missing_file(&back).unwrap(), None);
    p.lake.remove_savepoint("s").unwrap();
    assert!(p.lake.savepoints().unwrap().is_empty() && p.lake.get_bytes(&Lake::savepoint_path("s", "v")).unwrap().is_none());
    assert_eq!(removed().await, 1);
    assert!(p.lake.missing_file(&back).unwrap().is_some_and(|f| f.starts_with("public.v/part-")));
}

#[tokio::test]
async fn vacuum_keeps_what_retained_versions_need() {
    let p = pond();
    // File dates are the machine's, so the clock follows it here.
    let machine = tidemill_core::Clock::now_micros(&tidemill_core::SystemClock);
    let hours = |h: i64| p.clock.0.store(machine + h * 3_600_000_000, Ordering::SeqCst);
    hours(0);
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::public("v");
    write(&p, &lease, 1, &t, vec![batch("a", 0..3)], Removes::All).await;
    hours(1);
    write(&p, &lease, 2, &t, vec![batch("a", 0..4)], Removes::All).await;
    hours(2);
    write(&p, &lease, 3, &t, vec![batch("a", 0..5)], Removes::All).await;
    let orphan = p.lake.directory(&t).join("part-0000000000-000001.parquet");
    std::fs::write(&orphan, "left by a run that died").unwrap();
    let strange = p.lake.directory(&t).join("part-of-something-else.parquet");
    std::fs::write(&strange, "not ours").unwrap();
    let writing = p.lake.writer(&t, &schema(), WriterOptions { row_group_rows: 1, ..Default::default() }).unwrap();
    writing.write(0, batch("a", 0..9)).unwrap();
    let keep = Duration::from_secs(3600);
    let removed = async || p.lake.maintain(&lease, std::slice::from_ref(&t), keep).await.unwrap().files_removed;

    hours(2);
    p.lake.finish(&lease, &done(1, &t, 0)).unwrap();
    assert_eq!(removed().await, 1, "the orphan only: readers still see version 0");
    assert!(!orphan.exists() && strange.exists());
    p.lake.finish(&lease, &done(3, &t, 2)).unwrap();
    assert_eq!(removed().await, 1, "version 0 is over; version 1 was current an hour ago");
    assert_eq!(ids(&p, p.lake.snapshot(&t, Some(1)).await.unwrap().unwrap()).len(), 4);
    assert_eq!(p.lake.restore(&lease, 4, &t, 0).await.unwrap_err().kind, ErrorKind::Data);
    assert!(!p.lake.restore(&lease, 4, &t, 1).await.unwrap().skipped);
    assert!(p.lake.restore(&lease, 4, &t, 1).await.unwrap().skipped);
    assert_eq!(ids(&p, p.lake.snapshot(&t, None).await.unwrap().unwrap()).len(), 4);
    hours(48);
    p.lake.finish(&lease, &done(4, &t, 3)).unwrap();
    assert_eq!(removed().await, 1, "version 2 is over; the restored file and the one being written stay");
    assert_eq!(ids(&p, p.lake.snapshot(&t, None).await.unwrap().unwrap()).len(), 4);
    let adds = writing.finish().unwrap();
    let commit = Commit { schema: schema(), adds, removes: Removes::All, operation: "WRITE".into(), partition_columns: vec![] };
    p.lake.commit(&lease, 5, &t, commit).await.unwrap();
    assert_eq!(ids(&p, p.lake.snapshot(&t, None).await.unwrap().unwrap()).len(), 9);
}

#[tokio::test]
async fn a_table_may_lie_elsewhere() {
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::clean("far");
    let elsewhere = p.dir.path().join("else where");
    p.lake.place(&t, &elsewhere).unwrap();
    write(&p, &lease, 1, &t, vec![batch("a", 0..3)], Removes::None).await;
    assert!(elsewhere.join("_delta_log").is_dir());
    assert_eq!(p.lake.tables().unwrap(), std::slice::from_ref(&t));
    let s = p.lake.snapshot(&t, None).await.unwrap().unwrap();
    let shown = query(&p, s, "SELECT sum(id) s FROM t").await;
    assert!(shown.contains("| 3 |"), "{shown}");
    assert_eq!(p.lake.place(&t, p.dir.path()).unwrap_err().kind, ErrorKind::Conflict);
}

#[test]
fn journals_are_read_while_they_are_written() {
    let p = pond();
    let j = p.lake.journal("20231114-1").unwrap();
    j.append(&serde_json::json!({"kind": "note", "text": "one\ntwo"})).unwrap();
    assert_eq!(p.lake.read_journal("20231114-1").unwrap()[0]["text"], "one\ntwo");
    std::fs::OpenOptions::new()
        .append(true)
        .open(p.lake.location().join("_tidemill/runs/20231114-1.jsonl"))
        .and_then(|mut f| std::io::Write::write_all(&mut f, b"{\"kind\":"))
        .unwrap();
    assert_eq!(p.lake.read_journal("20231114-1").unwrap().len(), 1);
    assert_eq!(p.lake.journals().unwrap(), ["20231114-1"]);
    p.lake.remove_journal("20231114-1").unwrap();
    assert!(p.lake.journals().unwrap().is_empty());
    assert!(p.lake.read_journal("../../etc").is_err());
}

#[test]
fn a_rejected_row_has_the_same_id_in_every_run() {
    let reject = tidemill_core::Reject {
        split: "a.csv".into(),
        line: 3,
        offset: 20,
        raw: "x;y".into(),
        code: "type",
        column: Some("n".into()),
        reason: "`x` is not an int64".into(),
    };
    let a = quarantine::batch(std::slice::from_ref(&reject), "r1", NOW).unwrap();
    let b = quarantine::batch(&[reject], "r2", NOW + 1).unwrap();
    assert_eq!(a.column(0), b.column(0));
    assert_eq!(a.schema(), quarantine::schema());
    assert_eq!(a.column_by_name("status").unwrap().as_string::<i32>().value(0), quarantine::OPEN);
}

#[test]
fn a_scan_is_driven_in_parallel_in_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::raw("t");
    let s = runtime.block_on(async {
        let writer = p.lake.writer(&t, &schema(), WriterOptions { row_group_rows: 50, ..Default::default() }).unwrap();
        writer.write(0, batch("a.csv", 0..1000)).unwrap();
        let (schema, adds) = (writer.schema(), writer.finish().unwrap());
        let commit = Commit { schema, adds, removes: Removes::None, operation: "WRITE".into(), partition_columns: vec![] };
        p.lake.commit(&lease, 1, &t, commit).await.unwrap();
        p.lake.snapshot(&t, None).await.unwrap().unwrap()
    });
    let scan = p.lake.scan(s, None).unwrap();
    let meter = Meter::default();
    let mut all = Vec::new();
    let ordered = |_: u64, d: tidemill_core::Decoded| {
        all.extend(d.batch.column(0).as_primitive::<Int64Type>().values().iter().copied());
        Ok(())
    };
    tidemill_core::drive(&*scan, 4, &meter, |_, d| Ok(d), ordered, |_, ()| Ok(())).unwrap();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());
    assert_eq!(Some(Meter::get(&meter.bytes_read)), scan.total_bytes());
}

#[tokio::test]
async fn every_type_goes_there_and_back_also_through_a_checkpoint() {
    use arrow::array::*;
    use arrow::datatypes::{Fields, Int32Type};
    let p = pond();
    let lease = p.lake.acquire(holder("run")).unwrap();
    let t = TableName::clean("types");
    let inner: Fields = vec![Field::new("x", DataType::Int64, true), Field::new("y", DataType::Utf8, true)].into();
    let structs =
        StructArray::new(inner, vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringArray::from(vec![Some("a"), None]))], None);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("i8", Arc::new(Int8Array::from(vec![Some(-8), None]))),
        ("i16", Arc::new(Int16Array::from(vec![Some(16), None]))),
        ("u16", Arc::new(UInt16Array::from(vec![Some(65535), None]))),
        ("i32", Arc::new(Int32Array::from(vec![Some(i32::MIN), None]))),
        ("i64", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN)]))),
        ("f32", Arc::new(Float32Array::from(vec![Some(1.5), None]))),
        ("f64", Arc::new(Float64Array::from(vec![0.1, f64::INFINITY]))),
        ("text", Arc::new(StringArray::from(vec![Some("é\"\n".repeat(60)), Some(String::new())]))),
        ("view", Arc::new(StringViewArray::from(vec![Some("v"), None]))),
        ("dict", Arc::new(DictionaryArray::<Int32Type>::from_iter(["a", "b"]))),
        ("binary", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None]))),
        ("date", Arc::new(Date32Array::from(vec![Some(-25_000), Some(19_000)]))),
        ("instant", Arc::new(TimestampMicrosecondArray::from(vec![Some(NOW + 1), None]).with_timezone("Europe/Berlin"))),
        ("local", Arc::new(TimestampSecondArray::from(vec![Some(-1), None]))),
        (
            "money",
            Arc::new(
                Decimal128Array::from(vec![Some(-12_345_678_901_234_567_890_123_456), Some(5)]).with_precision_and_scale(38, 2).unwrap(),
            ),
        ),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None]), None]))),
        ("struct", Arc::new(structs)),
        ("empty", new_null_array(&DataType::Null, 2)),
        ("_file", Arc::new(StringArray::from(vec!["x".repeat(300); 2]))),
    ];
    let given = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let expected = schema::conform(&given, &schema::storable(&given.schema()).unwrap()).unwrap();
    for epoch in 1..=25 {
        write(&p, &lease, epoch, &t, vec![given.clone()], if epoch == 24 { Removes::All } else { Removes::None }).await;
    }
    for fresh in [false, true] {
        let lake = if fresh { Lake::open(p.lake.location(), p.clock.clone()).unwrap() } else { p.lake.clone() };
        let s = lake.snapshot(&t, None).await.unwrap().unwrap();
        assert_eq!((s.files.len(), s.rows()), (2, 4));
        assert_eq!(s.files[0].constant("_file"), Some("x".repeat(300)), "exact, however long");
        let read = lake.scan(s.clone(), None).unwrap().next().unwrap().unwrap().decode().unwrap().batch;
        assert_eq!(read, expected);
        let cx = SessionContext::new();
        cx.register_table("t", lake.provider(s).unwrap()).unwrap();
        let shown = cx.sql("SELECT * FROM t LIMIT 2").await.unwrap().collect().await.unwrap();
        assert_eq!(shown[0].columns(), expected.columns());
        for (condition, rows) in [
            ("money < 0", 2),
            ("date < DATE '2000-01-01'", 2),
            ("instant > TIMESTAMP '2023-01-01T00:00:00Z'", 2),
            ("f64 > 1", 2),
            ("i64 < 0", 2),
            ("text > 'a'", 2),
            ("view IS NULL", 2),
            ("local < TIMESTAMP '1970-01-01'", 2),
            ("u16 = 65535 AND \"list\" IS NOT NULL", 2),
        ] {
            let counted = cx.sql(&format!("SELECT 1 FROM t WHERE {condition}")).await.unwrap().count().await.unwrap();
            assert_eq!(counted, rows, "{condition}");
        }
        p.lake.maintain(&lease, std::slice::from_ref(&t), Duration::from_secs(3600)).await.unwrap();
    }
    assert!(p.lake.directory(&t).join("_delta_log/_last_checkpoint").exists());
}
