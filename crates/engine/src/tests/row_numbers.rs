//! Counting rows of partitions gives what the general window operator gives, however rows are cut into batches.

use super::{ask, block_on};
use crate::{Catalog, Engine, EngineOptions, Relation, Session, batch_table};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use std::sync::Arc;

fn session(rows: &[(Option<i64>, Option<String>)], batch_rows: usize, threads: usize) -> Session {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("k", Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.0)))),
        ("g", Arc::new(StringArray::from_iter(rows.iter().map(|r| r.1.clone())))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let relations = vec![Relation::provider("clean", "t", batch_table(batch).unwrap())];
    let engine = Engine::new(EngineOptions { threads, batch_rows, ..EngineOptions::default() }).unwrap();
    engine.session(Catalog { relations, ..Catalog::default() }).unwrap()
}

#[test]
fn it_stands_where_rows_are_only_counted() {
    let session = session(&[(Some(1), None), (Some(1), None), (None, None)], 2, 2);
    let plan = |sql: &str| block_on(session.explain(sql)).unwrap();
    let counted = plan("SELECT id, row_number() OVER (PARTITION BY k ORDER BY id) AS n FROM t");
    assert!(counted.contains("RowNumbers: partition_by=[k@1]") && !counted.contains("BoundedWindowAggExec"), "{counted}");
    let summed = plan("SELECT id, row_number() OVER w AS n, sum(id) OVER w AS s FROM t WINDOW w AS (PARTITION BY k ORDER BY id)");
    assert!(summed.contains("BoundedWindowAggExec"), "{summed}");
    assert_eq!(ask(&session, "SELECT id, row_number() OVER (PARTITION BY k ORDER BY id) AS n FROM t ORDER BY id"), ["0|1", "1|2", "2|1"]);
    assert_eq!(ask(&session, "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS n FROM t) r WHERE n <= 2"), ["2", "1"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_rows_in_any_batches(rows in prop::collection::vec((prop::option::of(0..4i64), prop::option::of("[ab]{0,1}")), 0..60), batch_rows in 1..9usize, threads in 1..4usize) {
        let session = session(&rows, batch_rows, threads);
        // The same number by counting the rows before, which no window takes part in.
        for (by, equal) in [("PARTITION BY k, g ", "b.k IS NOT DISTINCT FROM a.k AND b.g IS NOT DISTINCT FROM a.g AND "), ("PARTITION BY g ", "b.g IS NOT DISTINCT FROM a.g AND "), ("", "")] {
            let counted = ask(&session, &format!("SELECT id, row_number() OVER ({by}ORDER BY id DESC) AS n FROM t ORDER BY id"));
            let joined = ask(&session, &format!("SELECT a.id, count(*) AS n FROM t a JOIN t b ON {equal}b.id >= a.id GROUP BY a.id ORDER BY a.id"));
            prop_assert_eq!(counted, joined);
        }
    }
}
