//! What a question names twice is computed once, and gives the same.

use super::{ask, block_on};
use crate::{Catalog, Engine, EngineOptions, PlanOptions, Relation, Session, batch_table};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use std::sync::Arc;

fn session(options: EngineOptions) -> Session {
    let rows = 20_000i64;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows))),
        ("customer", Arc::new(Int64Array::from_iter_values((0..rows).map(|i| i * i % 701)))),
        ("product", Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("p{}", i * 7 % 53))))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let relations = vec![Relation::provider("clean", "orders", batch_table(batch).unwrap())];
    Engine::new(options).unwrap().session(Catalog { relations, ..Catalog::default() }).unwrap()
}

fn options(sharing: bool, threads: usize, memory_limit: Option<u64>) -> EngineOptions {
    EngineOptions { threads, memory_limit, plan: PlanOptions { sharing, ..PlanOptions::default() }, ..EngineOptions::default() }
}

const QUESTIONS: [&str; 6] = [
    "WITH basket AS (SELECT DISTINCT customer, product FROM orders)
     SELECT x.product, y.product AS other, count(*) AS times FROM basket x JOIN basket y ON x.customer = y.customer AND x.product < y.product
     GROUP BY x.product, y.product ORDER BY times DESC, 1, 2 LIMIT 20",
    "WITH spend AS (SELECT customer, count(*) AS n FROM orders GROUP BY customer)
     SELECT count(*) FROM spend WHERE n > (SELECT avg(n) FROM spend)",
    "WITH spend AS (SELECT customer, count(*) AS n FROM orders GROUP BY customer)
     SELECT 'all' AS part, count(*) AS customers, sum(n) AS orders FROM spend UNION ALL SELECT 'some', count(*), sum(n) FROM spend WHERE n > 30 ORDER BY 1",
    "WITH spend AS (SELECT customer, count(*) AS n FROM orders GROUP BY customer)
     SELECT a.customer, a.n FROM spend a JOIN spend b ON a.customer = b.customer + 1 WHERE a.n > b.n ORDER BY a.customer LIMIT 10",
    "WITH spend AS (SELECT customer, count(*) AS n FROM orders GROUP BY customer)
     SELECT * FROM ((SELECT customer FROM spend ORDER BY customer LIMIT 3) UNION ALL (SELECT customer FROM spend ORDER BY customer DESC LIMIT 3)) u ORDER BY 1",
    "WITH w AS (SELECT customer, product, row_number() OVER (PARTITION BY customer ORDER BY product, id) AS n FROM orders)
     SELECT a.product, count(*) FROM w a JOIN w b ON a.customer = b.customer AND a.n = b.n + 1 GROUP BY a.product ORDER BY 1 LIMIT 10",
];

#[test]
fn shared_parts_give_the_same_rows() {
    for threads in [1, 2, 4] {
        let (shared, each) = (session(options(true, threads, None)), session(options(false, threads, None)));
        for sql in QUESTIONS {
            assert_eq!(ask(&shared, sql), ask(&each, sql), "{threads} threads: {sql}");
        }
    }
}

#[test]
fn equal_parts_are_found_and_others_are_not() {
    let session = session(options(true, 2, None));
    let parts = |sql: &str| block_on(session.explain(sql)).unwrap().matches("Shared: computed once").count();
    assert_eq!(parts(QUESTIONS[0]), 2);
    assert_eq!(parts(QUESTIONS[5]), 2);
    assert_eq!(parts("SELECT customer, count(*) FROM orders GROUP BY customer"), 0);
    assert_eq!(parts("SELECT a.id FROM orders a JOIN orders b ON a.id = b.id"), 0, "tables are read again");
    let random = "WITH r AS (SELECT customer, max(random()) AS x FROM orders GROUP BY customer) SELECT a.x FROM r a JOIN r b ON a.customer = b.customer";
    assert_eq!(parts(random), 0, "chance is not the same twice");
}

#[test]
fn what_does_not_fit_is_computed_by_each() {
    // The join gives over a million rows, and needs little to give them.
    let sql = "WITH w AS (SELECT a.id AS x, b.id AS y FROM orders a JOIN orders b ON a.customer = b.customer)
        SELECT sum(x) AS x, sum(y) AS y FROM w UNION ALL SELECT max(x), max(y) FROM w ORDER BY 1";
    let wanted = ask(&session(options(false, 2, None)), sql);
    let (mut alone, mut together) = (0, 0);
    for kilobytes in (4_000..60_000).step_by(8_000) {
        let tight = session(options(true, 2, Some(kilobytes << 10)));
        let answered = block_on(async {
            let query = tight.query(sql).await?;
            Ok::<_, tidemill_core::Error>((query.collect(None).await?, query.metrics().operators))
        });
        if let Ok((rows, operators)) = answered {
            assert_eq!(super::lines(&rows), wanted, "{kilobytes} kB");
            *(if operators.contains("computed_alone=") && !operators.contains("computed_alone=0") { &mut alone } else { &mut together }) +=
                1;
        }
        assert_eq!(tight.engine().memory().reserved(), 0, "everything is given back");
    }
    assert!(alone > 0 && together > 0, "both happened: {alone} and {together}");
}
