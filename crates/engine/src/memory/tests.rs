//! A relation kept in memory answers as the one it was read from; what it may hold is bounded; and it says what it did.

use super::{CHUNK_ROWS, Counts};
use crate::{Catalog, Engine, EngineOptions, Relation, RelationKind, Session, batch_table};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::TableProvider;
use proptest::prelude::*;
use std::sync::Arc;
use tidemill_core::clock::FixedClock;

const ROWS: usize = 3 * CHUNK_ROWS + 17;

fn engine(bytes: u64) -> Engine {
    Engine::new(EngineOptions { threads: 2, tables_in_memory: bytes, ..EngineOptions::default() }).unwrap()
}

/// Three chunks and a bit; `id` ascends, and the last chunk alone has amounts above 1,000.
fn orders(rows: usize) -> Arc<dyn TableProvider> {
    let amount = |i: usize| match i % 97 {
        0 => None,
        _ if i >= 3 * CHUNK_ROWS => Some(1_000.0 + i as f64),
        _ => Some((i * 7 % 1_000) as f64),
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows as i64))),
        ("country", Arc::new(StringArray::from_iter((0..rows).map(|i| (i % 11 > 0).then(|| ["FR", "DE", "IT"][i % 3]))))),
        ("amount", Arc::new(Float64Array::from_iter((0..rows).map(amount)))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    batch_table(batch).unwrap()
}

fn session(engine: &Engine, version: &str, rows: usize) -> Session {
    let relation = Relation::provider("clean", "orders", engine.in_memory("clean.orders", version, orders(rows)));
    engine.session(Catalog { relations: vec![relation], ..Catalog::default() }).unwrap()
}

fn plain(engine: &Engine, rows: usize) -> Session {
    engine.session(Catalog { relations: vec![Relation::provider("clean", "orders", orders(rows))], ..Catalog::default() }).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn ask(session: &Session, sql: &str) -> String {
    let rows = block_on(session.collect(sql, None)).unwrap();
    pretty_format_batches(&rows.batches).unwrap().to_string()
}

const QUESTIONS: [&str; 8] = [
    "SELECT count(*) FROM orders",
    "SELECT min(id), max(id), sum(amount), count(amount) FROM orders",
    "SELECT country, count(*), sum(id) FROM orders GROUP BY country ORDER BY country",
    "SELECT * FROM orders WHERE id BETWEEN 65530 AND 65540 ORDER BY id",
    "SELECT id FROM orders WHERE amount > 1000 ORDER BY id LIMIT 5",
    "SELECT id, amount FROM orders WHERE country IS NULL ORDER BY id DESC LIMIT 3",
    "SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) s FROM orders WHERE id < 9 ORDER BY id",
    "SELECT a.id FROM orders a JOIN orders b ON a.id = b.id + 1 WHERE b.amount > 990 AND b.country = 'FR' ORDER BY a.id LIMIT 10",
];

#[test]
fn it_answers_as_the_relation_it_was_read_from() {
    let engine = engine(1 << 30);
    let (kept, plain) = (session(&engine, "1", ROWS), plain(&engine, ROWS));
    for again in 0..2 {
        for sql in QUESTIONS {
            assert_eq!(ask(&kept, sql), ask(&plain, sql), "{sql} (asked {again} times before)");
        }
    }
    let used = engine.tables_in_memory().used();
    assert_eq!((used.loads, used.evictions, used.refusals), (3, 0, 0), "each column is read once: {used:?}");
    assert!(used.hits > 10, "{used:?}");
}

#[test]
fn what_no_row_of_a_chunk_can_match_is_left_out() {
    let engine = engine(1 << 30);
    let kept = session(&engine, "1", ROWS);
    for (sql, chunks) in [
        ("SELECT id FROM orders WHERE id < 10", "chunks=1 of 4"),
        ("SELECT id FROM orders WHERE amount > 1000", "chunks=1 of 4"),
        ("SELECT id FROM orders WHERE id > 1000000", "chunks=0 of 4"),
        ("SELECT id FROM orders WHERE country = 'FR'", "chunks=4 of 4"),
    ] {
        let plan = block_on(kept.explain(sql)).unwrap();
        assert!(plan.contains(chunks), "{sql}:\n{plan}");
    }
}

#[test]
fn another_version_is_read_anew_and_takes_the_place_of_the_old() {
    let engine = engine(1 << 30);
    assert!(ask(&session(&engine, "1", 10), "SELECT count(id) FROM orders").contains("10"));
    assert!(ask(&session(&engine, "2", 20), "SELECT count(id) FROM orders").contains("20"));
    let used = engine.tables_in_memory().used();
    assert_eq!(used.tables.iter().map(|t| (t.version.as_str(), t.rows)).collect::<Vec<_>>(), [("2", 20)]);
    assert_eq!(used.bytes, used.tables[0].bytes);
}

#[test]
fn the_column_used_longest_ago_goes_first() {
    // The two numbers fit together, or one of them and the text; never all three.
    let engine = engine(4_000_000);
    let kept = session(&engine, "1", ROWS);
    ask(&kept, "SELECT sum(id) FROM orders");
    ask(&kept, "SELECT sum(amount) FROM orders");
    assert_eq!(engine.tables_in_memory().used().evictions, 0);
    ask(&kept, "SELECT sum(id) FROM orders");
    ask(&kept, "SELECT max(country) FROM orders");
    let used = engine.tables_in_memory().used();
    assert_eq!((used.evictions, used.refusals), (1, 0), "{used:?}");
    assert!(used.bytes <= used.bytes_max, "{used:?}");
    ask(&kept, "SELECT sum(id) FROM orders");
    assert_eq!(engine.tables_in_memory().used().loads, 3, "the id stayed, the amount went");
}

#[test]
fn what_does_not_fit_is_read_from_where_it_comes_from() {
    let small = engine(1_000);
    let kept = session(&small, "1", ROWS);
    assert_eq!(ask(&kept, QUESTIONS[2]), ask(&plain(&small, ROWS), QUESTIONS[2]));
    let used = small.tables_in_memory().used();
    assert_eq!((used.bytes, used.tables.len()), (0, 0));
    assert!(used.refusals > 0);
    // Nor beyond what all queries together may hold.
    let options = EngineOptions { threads: 2, memory_limit: Some(64 << 20), tables_in_memory: 1 << 40, ..EngineOptions::default() };
    let pooled = Engine::new(options).unwrap();
    ask(&session(&pooled, "1", ROWS), "SELECT sum(id) FROM orders");
    assert!(pooled.memory().reserved() as u64 >= pooled.tables_in_memory().used().bytes);
    assert!(pooled.tables_in_memory().used().bytes > 0);
    pooled.tables_in_memory().clear();
    assert_eq!(pooled.memory().reserved(), 0);
}

/// The table that tells of the others says of each what became of its columns, and when.
#[test]
fn each_table_is_told_with_what_became_of_its_columns() {
    let clock = Arc::new(FixedClock::default());
    let options = EngineOptions { threads: 2, tables_in_memory: 4_000_000, clock: Some(clock.clone()), ..EngineOptions::default() };
    let engine = Engine::new(options).unwrap();
    let at = |seconds: i64| clock.0.store(seconds * 1_000_000, std::sync::atomic::Ordering::Relaxed);
    let told = || {
        engine
            .tables_in_memory()
            .known()
            .into_iter()
            .map(|t| (t.name, t.columns, t.counts, t.since_micros, t.used_micros))
            .collect::<Vec<_>>()
    };
    let counts = |hits, loads, evictions, refusals| Counts { hits, loads, evictions, refusals };
    assert_eq!((told(), engine.tables_in_memory().changes()), (Vec::new(), 0));
    at(1);
    ask(&session(&engine, "1", ROWS), "SELECT sum(id) FROM orders");
    at(2);
    ask(&session(&engine, "1", ROWS), "SELECT sum(id), sum(amount) FROM orders");
    assert_eq!(told(), [("clean.orders".to_string(), 2, counts(1, 2, 0, 0), Some(1_000_000), Some(2_000_000))]);
    // Another table's column takes the place of the one used longest ago; which is counted where it was.
    at(3);
    let other = Relation::provider("clean", "others", engine.in_memory("clean.others", "7", orders(ROWS)));
    let other = engine.session(Catalog { relations: vec![other], ..Catalog::default() }).unwrap();
    ask(&other, "SELECT max(country) FROM others");
    let all = told();
    assert_eq!((all[0].2.evictions, all[1].2), (1, counts(0, 1, 0, 0)), "{all:?}");
    assert_eq!((all[1].3, all[1].4), (Some(3_000_000), Some(3_000_000)));
    // A newer version begins anew; what was counted stays.
    at(4);
    ask(&session(&engine, "2", 10), "SELECT sum(id) FROM orders");
    let used = engine.tables_in_memory().used();
    assert_eq!(
        (used.tables[0].version.as_str(), used.tables[0].since_micros, used.tables[0].counts),
        ("2", Some(4_000_000), counts(1, 3, 1, 0))
    );
    assert_eq!((used.hits, used.loads, used.evictions, used.refusals), (1, 4, 1, 0));
    let before = engine.tables_in_memory().changes();
    ask(&session(&engine, "2", 10), "SELECT sum(id) FROM orders");
    assert!(engine.tables_in_memory().changes() > before);
    // One that does not fit is told too.
    let small = Engine::new(EngineOptions { threads: 2, tables_in_memory: 10, ..EngineOptions::default() }).unwrap();
    ask(&session(&small, "1", ROWS), "SELECT sum(id) FROM orders");
    let known = small.tables_in_memory().known();
    assert_eq!((known[0].bytes, known[0].counts, known[0].since_micros), (0, counts(0, 0, 0, 1), None));
    assert!(known[0].used_micros.is_some());
}

#[test]
fn a_view_is_computed_once() {
    let engine = engine(1 << 30);
    let sql = "SELECT country, sum(amount) AS total FROM orders GROUP BY country".to_string();
    let view = |version: &str| {
        let kind = RelationKind::View { sql: sql.clone(), kept: Some((engine.clone(), version.to_string())) };
        let relations =
            vec![Relation::provider("clean", "orders", orders(ROWS)), Relation { schema: "public".into(), name: "totals".into(), kind }];
        engine.session(Catalog { relations, ..Catalog::default() }).unwrap()
    };
    let computed = ask(&plain(&engine, ROWS), &format!("SELECT * FROM ({sql}) t ORDER BY country"));
    assert_eq!(ask(&view("a"), "SELECT * FROM totals ORDER BY country"), computed);
    // Asked of one column first, it is whole afterwards.
    assert_eq!(ask(&view("a"), "SELECT * FROM totals ORDER BY country"), computed);
    assert_eq!(engine.tables_in_memory().used().loads, 2);
    ask(&view("b"), "SELECT count(total) FROM totals");
    assert_eq!(engine.tables_in_memory().used().loads, 4, "made of something else, it is another");
    let plan = block_on(view("b").explain("SELECT total FROM totals")).unwrap();
    assert!(plan.contains("MemoryScan: totals@b") && !plan.contains("AggregateExec"), "{plan}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the rows, NULLs and NaN among them, and whatever is asked for.
    #[test]
    fn any_rows_any_bounds(values in prop::collection::vec(prop::option::of(prop_oneof![Just(f64::NAN), -5.0..5.0f64, Just(-0.0)]), 0..300), repeat in 1..600usize, low in -6.0..6.0f64) {
        let engine = engine(1 << 30);
        let amounts: Vec<Option<f64>> = values.iter().copied().cycle().take(values.len() * repeat).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![("amount", Arc::new(Float64Array::from(amounts)))];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
        let table = |kept: bool| {
            let inner = batch_table(batch.clone()).unwrap();
            let provider = if kept { engine.in_memory("clean.t", "1", inner) } else { inner };
            engine.session(Catalog { relations: vec![Relation::provider("clean", "t", provider)], ..Catalog::default() }).unwrap()
        };
        for sql in [format!("SELECT count(*), count(amount) FROM t WHERE amount > {low}"), format!("SELECT count(*) FROM t WHERE amount <= {low} OR amount IS NULL"), "SELECT count(*) FROM t WHERE amount = 0".into(), "SELECT max(amount), min(amount) FROM t".into()] {
            prop_assert_eq!(ask(&table(true), &sql), ask(&table(false), &sql), "{}", sql);
        }
    }
}
