//! Detectors as SQL: over partitions, in order, and causal.

use super::{ask, block_on, engine, table};
use crate::{Catalog, Session};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::sync::Arc;

const SCORES: &str = "ewma(x, 0.5) OVER w, ewma_zscore(x, 0.2) OVER w, mad_score(x, 5) OVER w, \
                      seasonal_score(x, at, INTERVAL '1 hour', 6) OVER w, half_space_score(20, 7, x, y) OVER w";

fn readings(rows: i64) -> Session {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(|i| i * 300_000_000)).with_timezone("UTC"))),
        ("sensor", Arc::new(StringArray::from_iter_values((0..rows).map(|i| ["a", "b", "c"][(i % 3) as usize])))),
        ("x", Arc::new(Float64Array::from_iter((0..rows).map(|i| (i % 11 != 0).then_some((i * 7919 % 101) as f64))))),
        ("y", Arc::new(Int64Array::from_iter_values((0..rows).map(|i| i * 104_729 % 97)))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    engine().session(Catalog { relations: vec![table("clean", "readings", batch)], ..Catalog::default() }).unwrap()
}

#[test]
fn a_score_depends_on_the_rows_before_it_in_its_partition_alone() {
    let of = |session: &Session, from: &str| {
        ask(session, &format!("SELECT sensor, at, {SCORES} FROM {from} WINDOW w AS (PARTITION BY sensor ORDER BY at) ORDER BY at"))
    };
    let all = of(&readings(400), "readings");
    assert_eq!(of(&readings(150), "readings")[..], all[..150]);
    // A partition alone has the scores that it has among others.
    let alone = of(&readings(400), "(SELECT * FROM readings WHERE sensor = 'b') AS r");
    assert_eq!(alone, all.iter().filter(|l| l.starts_with("b|")).cloned().collect::<Vec<_>>());
    // Each function gives scores.
    for column in 2..7 {
        assert!(all.iter().any(|l| l.split('|').nth(column).unwrap() != "NULL"), "{column}");
    }
}

#[test]
fn an_order_is_asked_for_and_settings_are_written_out() {
    let session = readings(10);
    let problem = |call: &str| {
        let problems = session.problems(&format!("SELECT {call} FROM readings"));
        problems.first().map(|p| p.message.clone()).unwrap_or_default()
    };
    assert_eq!(problem("mad_score(x, 5) OVER (PARTITION BY sensor)"), "`mad_score` goes by what came before, and OVER gives no order");
    assert_eq!(
        problem("mad_score(x, 2) OVER (ORDER BY at)"),
        "the number of rows of `mad_score` is a whole number from 3 to 100000, written out"
    );
    assert_eq!(
        problem("mad_score(x, y) OVER (ORDER BY at)"),
        "the number of rows of `mad_score` is a whole number from 3 to 100000, written out"
    );
    assert_eq!(problem("ewma(x, 0) OVER (ORDER BY at)"), "the weight of `ewma` is a number above 0, at most 1, written out");
    assert_eq!(problem("ewma(sensor, 0.1) OVER (ORDER BY at)"), "`ewma` does not take (text, double)");
    assert_eq!(problem("ewma(x) OVER (ORDER BY at)"), "`ewma` does not take (double)");
    assert!(
        problem("seasonal_score(x, at, INTERVAL '1 month', 4) OVER (ORDER BY at)")
            .starts_with("the period of `seasonal_score` is an interval")
    );
    assert!(problem("mad_score(x, 5)").contains("`mad_score`"));
    assert_eq!(problem("ewma(y, 1) OVER (ORDER BY at)"), "");
    let schema = session.schema_of("SELECT ewma(x, 0.1) OVER (ORDER BY at) AS e FROM readings").unwrap();
    assert_eq!(schema.field(0).data_type(), &arrow::datatypes::DataType::Float64);
    block_on(session.collect("SELECT ewma(y, 1) OVER (ORDER BY at) FROM readings", None)).unwrap();
}
