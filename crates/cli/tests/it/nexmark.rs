//! The Nexmark queries 0 to 22 of `bench/nexmark`: each is kept current over events that come out of order, in batches of any size, with its state
//! saved and taken up again in the middle, and ends equal to its batch result; and that is DuckDB's.

use crate::marketing::python;
use arrow::array::{Array, Float64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};
use tidemill_core::Meter;
use tidemill_core::clock::FixedClock;
use tidemill_engine::{Catalog, Engine, EngineOptions, Relation, Session, batches_table};
use tidemill_generate::{Options, Target, What, generate};
use tidemill_live::{Compiled, InputInfo, InputRef};
use tidemill_project::spec::{Project, TimeDomain, View};

/// Queries that can't be kept current yet: take those off that can.
const NOT_YET: &[&str] = &[];
const STREAMS: [&str; 3] = ["person", "auction", "bid"];
/// Enough for several windows of ten seconds: events are a tenth of a millisecond apart.
const EVENTS: u64 = 120_000;
/// So many events instead, in batches of a thousand.
const MEASURED: &str = "TIDEMILL_NEXMARK_EVENTS";
/// What the clock says all the while.
const NOW: i64 = 1_000_000;
const SEED: u64 = 11;

fn measured() -> Option<u64> {
    std::env::var(MEASURED).ok().map(|n| n.parse().expect("a number of events"))
}

fn project() -> Project {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/nexmark");
    let (project, problems) = tidemill_project::load(&dir, &tidemill_project::Environment::default());
    assert!(problems.is_empty(), "{problems:#?}");
    project
}

fn schema(project: &Project, table: &str) -> SchemaRef {
    let spec = project.tables.iter().find(|t| t.name == table).expect("a table");
    let of = |c: &tidemill_project::spec::Column| {
        let data_type = match c.name.as_str() {
            "datetime" | "expires" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            "name" | "emailaddress" | "creditcard" | "city" | "state" | "extra" | "itemname" | "description" | "channel" | "url"
            | "value" => DataType::Utf8,
            _ => DataType::Int64,
        };
        Field::new(c.name.as_str(), data_type, true)
    };
    Arc::new(Schema::new(spec.columns.iter().map(of).collect::<Vec<_>>()))
}

fn read(file: &Path, schema: &SchemaRef) -> RecordBatch {
    let reader =
        arrow::csv::ReaderBuilder::new(Arc::clone(schema)).with_header(true).build(File::open(file).expect("a file")).expect("CSV");
    let batches: Vec<RecordBatch> = reader.map(|b| b.expect("rows")).collect();
    arrow::compute::concat_batches(schema, &batches).expect("one batch")
}

fn session(engine: &Engine, project: &Project, tables: &BTreeMap<&'static str, RecordBatch>) -> Session {
    let provided = |(name, rows): (&&'static str, &RecordBatch)| {
        let parts = (0..rows.num_rows()).step_by(8192).map(|at| rows.slice(at, 8192.min(rows.num_rows() - at))).collect();
        Relation::provider("clean", *name, batches_table(rows.schema(), parts, 2).expect("a table"))
    };
    let catalog = Catalog {
        relations: tables.iter().map(provided).collect(),
        functions: project.functions.iter().map(|f| (f.name.clone(), f.sql.text.clone())).collect(),
        ..Catalog::default()
    };
    engine.session(catalog).expect("a session")
}

/// The same rows, their times being the clock's.
fn now(tables: &BTreeMap<&'static str, RecordBatch>) -> BTreeMap<&'static str, RecordBatch> {
    let at = |rows: &RecordBatch| {
        let Ok(time) = rows.schema().index_of("datetime") else { return rows.clone() };
        let mut columns = rows.columns().to_vec();
        let same = TimestampMicrosecondArray::from_value(NOW, rows.num_rows());
        columns[time] = Arc::new(same.with_data_type(columns[time].data_type().clone()));
        RecordBatch::try_new(rows.schema(), columns).expect("rows")
    };
    tables.iter().map(|(name, rows)| (*name, at(rows))).collect()
}

struct Events {
    home: tempfile::TempDir,
    project: Project,
    tables: BTreeMap<&'static str, RecordBatch>,
    session: Session,
    engine: Engine,
}

impl Events {
    fn new(disorder: u64) -> Events {
        let home = tempfile::tempdir().expect("a directory");
        let options = Options { rows: measured().unwrap_or(EVENTS), seed: SEED, disorder, threads: 2, ..Options::new(What::Nexmark) };
        let target = Target::Directory(home.path().join("data"));
        generate(&options, target, None, &FixedClock(AtomicI64::new(0)), &Meter::default()).expect("events");
        let project = project();
        let mut tables = BTreeMap::new();
        for table in STREAMS {
            tables.insert(table, read(&home.path().join(format!("data/{table}.csv")), &schema(&project, table)));
        }
        tables.insert("side_input", read(&project.dir.join("side_input.csv"), &schema(&project, "side_input")));
        let engine = Engine::new(EngineOptions { threads: 2, ..EngineOptions::default() }).expect("an engine");
        let session = session(&engine, &project, &tables);
        Events { home, project, tables, session, engine }
    }

    fn views(&self) -> Vec<&View> {
        let mut views: Vec<&View> = self.project.views.iter().collect();
        views.sort_by_key(|v| v.name[1..].parse::<u32>().expect("a number"));
        assert_eq!(views.len(), 23);
        views
    }

    /// What the query gives over the rows as they are.
    fn batch(&self, view: &View) -> Vec<RecordBatch> {
        Events::answer(&self.session, view)
    }

    /// What it should end in when it is kept current: by the clock, all rows happen when they come.
    fn expected(&self, view: &View) -> Vec<RecordBatch> {
        match view.live.time {
            TimeDomain::Processing => Events::answer(&session(&self.engine, &self.project, &now(&self.tables)), view),
            TimeDomain::Event => self.batch(view),
        }
    }

    fn answer(session: &Session, view: &View) -> Vec<RecordBatch> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(session.collect(&view.sql.text, None)).unwrap_or_else(|e| panic!("{}: {e}", view.name)).batches
    }

    fn inputs(&self) -> Vec<InputInfo> {
        let info = |(name, rows): (&&'static str, &RecordBatch)| InputInfo {
            schema: "clean".into(),
            name: (*name).into(),
            columns: rows.schema(),
            followed: STREAMS.contains(name),
            event_time: STREAMS.contains(name).then(|| "datetime".into()),
            updates: false,
        };
        self.tables.iter().map(info).collect()
    }
}

/// Rows as text, sorted: doubles to nine digits, since sums of them depend on their order.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut out = Vec::new();
    for batch in batches {
        let columns: Vec<Box<dyn Fn(usize) -> String + '_>> = batch
            .columns()
            .iter()
            .map(|c| match c.as_any().downcast_ref::<Float64Array>() {
                Some(doubles) => {
                    Box::new(move |row| if doubles.is_null(row) { "NULL".into() } else { format!("{:.8e}", doubles.value(row)) }) as _
                }
                None => {
                    let formatter = ArrayFormatter::try_new(c.as_ref(), &options).expect("a formatter");
                    Box::new(move |row| formatter.value(row).to_string()) as Box<dyn Fn(usize) -> String>
                }
            })
            .collect();
        out.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c(row)).collect::<Vec<_>>().join("|")));
    }
    out.sort_unstable();
    out
}

/// The live result: settled rows and those still open; and what it cost, on one thread, as text.
fn live(events: &Events, view: &View, compiled: &Compiled) -> (Vec<RecordBatch>, String) {
    let failed = |e: tidemill_core::Error| -> ! { panic!("{}: {e}", view.name) };
    let mut running = compiled.start(events.engine.memory()).unwrap_or_else(|e| failed(e));
    let (mut settled, mut at, mut seed) = (Vec::new(), BTreeMap::from(STREAMS.map(|s| (s, 0))), SEED);
    let of = |input: &InputRef| &events.tables[input.name.as_str()];
    for input in compiled.inputs().iter().filter(|i| i.name == "side_input") {
        running.load(input, of(input)).unwrap_or_else(|e| failed(e));
    }
    let all: usize = STREAMS.iter().map(|s| events.tables[s].num_rows()).sum();
    let thousand = measured().map(|events| 1000.0 / events as f64);
    let (mut share, mut saved, mut took) = (0.0, false, Vec::<Duration>::new());
    while share < 1.0 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        share = f64::min(1.0, share + thousand.unwrap_or((seed >> 40) as f64 / (1u64 << 24) as f64 * 0.02));
        let began = Instant::now();
        for input in compiled.inputs().iter().filter(|i| i.name != "side_input") {
            let rows = of(input);
            let from = at.get_mut(input.name.as_str()).expect("a stream");
            let to = (rows.num_rows() as f64 * share) as usize;
            let batch = rows.slice(*from, to - *from);
            *from = to;
            running.apply(input, &format!("{}/0", input.name), &batch, None, NOW).unwrap_or_else(|e| failed(e));
        }
        settled.extend(running.take_settled().unwrap_or_else(|e| failed(e)));
        took.push(began.elapsed());
        if share > 0.5 && !saved {
            saved = true;
            let state = running.save().unwrap_or_else(|e| failed(e));
            running = compiled.start(events.engine.memory()).unwrap_or_else(|e| failed(e));
            assert!(running.restore(&state).unwrap_or_else(|e| failed(e)).is_whole(), "{}", view.name);
        }
    }
    let total: Duration = took.iter().sum();
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 100].as_micros();
    let figures = format!("{:.0} events/s on one core, p50 {} µs, p99 {} µs a batch", all as f64 / total.as_secs_f64(), at(50), at(99));
    settled.extend(running.take_settled().unwrap_or_else(|e| failed(e)));
    settled.extend(running.open_rows().unwrap_or_else(|e| failed(e)));
    assert_eq!(running.stats().late, 0, "{}", view.name);
    (settled, figures)
}

#[test]
fn every_query_is_kept_current_and_ends_equal_to_its_batch_result() {
    let events = Events::new(200);
    let (mut not_yet, mut wrong) = (Vec::new(), Vec::new());
    for view in events.views() {
        let compiled = match Compiled::new(&view.name, &view.sql.text, &view.live, &events.session, &events.inputs()) {
            Ok(compiled) => compiled,
            Err(problems) => {
                println!("{}: not yet: {}", view.name, problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
                not_yet.push(view.name.as_str());
                continue;
            }
        };
        let expected = lines(&events.expected(view));
        let (rows, figures) = live(&events, view, &compiled);
        let found = lines(&rows);
        println!("{}: {} rows, {figures} (seed {SEED})", view.name, found.len());
        if found != expected {
            let first = found.iter().zip(&expected).find(|(a, b)| a != b);
            wrong.push(format!("{}: {} rows instead of {}, the first that differs: {first:?}", view.name, found.len(), expected.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(not_yet.iter().all(|q| NOT_YET.contains(q)), "{not_yet:?}");
}

#[test]
fn every_querys_batch_result_is_duckdbs() {
    let Some(python) = python("the Nexmark queries against DuckDB", "duckdb") else { return };
    let events = Events::new(1);
    let answers = events.home.path().join("answers");
    std::fs::create_dir(&answers).expect("a directory");
    for view in events.views() {
        let file = File::create(answers.join(format!("{}.csv", view.name))).expect("a file");
        let mut out = arrow::csv::WriterBuilder::new().with_header(true).build(file);
        for batch in events.batch(view) {
            out.write(&batch).expect("CSV");
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/nexmark.py");
    let args: [PathBuf; 4] = [script, events.project.dir.join("views"), events.home.path().join("data"), answers];
    let output = Command::new(python).args(args).output().expect("Python");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
