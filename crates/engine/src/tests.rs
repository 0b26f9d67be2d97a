//! The room's tests, by part. Everything runs over one small shop that `shop()` makes.

mod anomalies;
mod functions;
mod lineage;
mod mistakes;
mod moments;
mod questions;
mod row_numbers;
mod rows;
mod shared;
mod table_functions;
mod windows_over_time;

use crate::{Catalog, Collected, Engine, EngineOptions, Relation, Session, batch_table};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use tidemill_core::clock::FixedClock;

/// 2024-01-01T00:00:00Z.
const NOW: i64 = 1_704_067_200_000_000;

fn engine() -> Engine {
    let clock = Arc::new(FixedClock(AtomicI64::new(NOW)));
    Engine::new(EngineOptions { threads: 2, clock: Some(clock), ..EngineOptions::default() }).unwrap()
}

fn customers() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
        ("name", Arc::new(StringArray::from(vec![Some("Ann"), Some("Bob"), None, Some("Dora")]))),
        ("income", Arc::new(Float64Array::from(vec![Some(100.0), Some(200.0), None, Some(600.0)]))),
        ("birth_year", Arc::new(Int32Array::from(vec![1980, 1990, 1893, 2000]))),
        ("joined", Arc::new(Date32Array::from(vec![19_000, 19_010, 19_020, 19_030]))),
        ("active", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

fn orders() -> RecordBatch {
    let at = TimestampMicrosecondArray::from(vec![NOW, NOW + 1, NOW + 2]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![10, 11, 12]))),
        ("customer_id", Arc::new(Int64Array::from(vec![1, 1, 2]))),
        ("total", Arc::new(Float64Array::from(vec![5.0, 7.0, 9.0]))),
        ("quantity", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("ordered_at", Arc::new(at)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

fn table(schema: &str, name: &str, batch: RecordBatch) -> Relation {
    Relation::provider(schema, name, batch_table(batch).unwrap())
}

fn catalog() -> Catalog {
    Catalog {
        relations: vec![
            table("raw", "customers", customers()),
            table("clean", "customers", customers()),
            table("clean", "orders", orders()),
            Relation::schema("system", "runs", orders().schema()),
            Relation::view("spend", "SELECT customer_id, sum(total) AS spent, count(*) AS orders FROM orders GROUP BY customer_id"),
        ],
        ..Catalog::default()
    }
}

fn shop() -> Session {
    engine().session(catalog()).unwrap()
}

/// Rows as `a|b|c` lines.
fn lines(rows: &Collected) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut out = Vec::new();
    for batch in &rows.batches {
        let columns: Vec<_> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            out.push(columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    out
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn ask(session: &Session, sql: &str) -> Vec<String> {
    lines(&block_on(session.collect(sql, None)).unwrap())
}
