use super::{ask, block_on, catalog, customers, engine, lines, orders, shop, table};
use crate::{Catalog, Engine, EngineOptions, Relation, SqlProblem, SqlProblemKind};
use arrow::datatypes::DataType;
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidemill_core::ErrorKind;

#[test]
fn names_mean_a_view_or_else_a_clean_table() {
    let session = shop();
    assert_eq!(ask(&session, "SELECT count(*) FROM customers"), ["4"]);
    assert_eq!(ask(&session, "SELECT count(*) FROM Clean.Customers"), ["4"]);
    assert_eq!(ask(&session, "SELECT count(*) FROM tidemill.raw.customers"), ["4"]);
    assert_eq!(ask(&session, "SELECT * FROM spend ORDER BY 1"), ["1|12.0|2", "2|9.0|1"]);
    session.add_view("customers", "SELECT id FROM clean.customers WHERE id < 3").unwrap();
    assert_eq!(ask(&session, "SELECT count(*) FROM customers"), ["2"]);
    assert_eq!(ask(&session, "SELECT count(*) FROM clean.customers"), ["4"]);
}

#[test]
fn views_are_made_of_views_and_follow_what_replaces_their_parts() {
    let session = shop();
    session.add_view("rich", "SELECT customer_id FROM spend WHERE spent > 10").unwrap();
    assert_eq!(ask(&session, "SELECT name FROM customers JOIN rich ON id = customer_id"), ["Ann"]);
    session.add_relation(table("public", "spend", orders().project(&[1, 2]).unwrap()));
    assert_eq!(session.schema_of("SELECT * FROM rich").unwrap_err().message, "view `rich` is not valid: unknown column `spent`");
    session.add_relation(Relation::view("spend", "SELECT customer_id, total * 3 AS spent FROM orders"));
    assert_eq!(ask(&session, "SELECT * FROM rich ORDER BY 1"), ["1", "1", "2"]);
}

#[test]
fn a_broken_view_is_told_where_it_is_used_and_a_circle_is_broken() {
    let session = shop();
    session.add_relation(Relation::view("a", "SELECT * FROM b"));
    session.add_relation(Relation::view("b", "SELECT * FROM a"));
    let sql = "SELECT * FROM a";
    let problem = session.schema_of(sql).unwrap_err();
    assert_eq!(problem.message, "view `a` is made from itself, through `a`, `b`");
    assert_eq!(&sql[problem.span.unwrap()], "a");
    session.add_relation(Relation::view("b", "SELECT incme FROM customers"));
    let problem = session.schema_of("SELECT * FROM b").unwrap_err();
    assert_eq!(problem.message, "view `b` is not valid: unknown column `incme`");
    assert_eq!(problem.help.as_deref(), Some("did you mean `income`?"));
    assert!(session.add_view("c", "SELECT * FROM nowhere").is_err());
    assert!(session.schema_of("SELECT * FROM c").is_err());
}

#[test]
fn schemas_are_known_without_rows() {
    let session = shop();
    let schema = session.schema_of("SELECT id, income, name, joined, CAST(id AS text) AS t, now() AS n FROM customers").unwrap();
    let types: Vec<DataType> = schema.fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(types[..5], [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Date32, DataType::Utf8]);
    assert_eq!(session.columns_of("spend").unwrap().fields().len(), 3);
    assert_eq!(session.columns_of("clean.orders").unwrap().fields().len(), 5);
    assert!(session.columns_of("nothing").is_err());
    session.add_relation(Relation::provider("system", "none", crate::empty_table(&orders().schema()).unwrap()));
    assert!(ask(&session, "SELECT * FROM system.none").is_empty());
    let error = block_on(session.collect("SELECT * FROM system.runs", None)).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (ErrorKind::Data, "`system.runs` has not been computed yet"));
}

#[test]
fn show_and_describe_answer() {
    let session = shop();
    assert_eq!(
        ask(&session, "SHOW TABLES"),
        ["clean|customers|table", "clean|orders|table", "public|spend|view", "raw|customers|table", "system|runs|table"]
    );
    assert_eq!(ask(&session, "DESCRIBE spend"), ["customer_id|bigint", "spent|double", "orders|bigint"]);
    assert_eq!(ask(&session, "SHOW COLUMNS FROM clean.orders")[4], "ordered_at|timestamp with time zone");
    assert_eq!(ask(&session, "SELECT schema_name FROM information_schema.schemata"), ["clean", "public", "raw", "system"]);
    let plan = ask(&session, "EXPLAIN SELECT count(*) FROM customers");
    assert!(!plan.is_empty());
    assert!(ask(&session, "EXPLAIN ANALYZE SELECT count(*) FROM orders")[0].contains("output_rows"));
    assert!(block_on(session.explain("SELECT id FROM customers WHERE id > 1")).unwrap().contains("physical plan"));
    assert_eq!(ask(&session, "VALUES (1, 'a'), (2, 'b')"), ["1|a", "2|b"]);
}

#[test]
fn common_sql_works() {
    let session = shop();
    for (sql, expected) in [
        ("SELECT date_trunc('month', ordered_at) FROM orders LIMIT 1", "2024-01-01T00:00:00Z"),
        ("SELECT DATE '2024-03-01' - DATE '2024-02-01'", "29"),
        ("SELECT initcap('ann lee')", "Ann Lee"),
        ("SELECT to_char(DATE '2024-02-01', '%Y/%m')", "2024/02"),
        ("SELECT now()::date", "2024-01-01"),
        ("SELECT 7 / 2", "3"),
        ("SELECT string_agg(name, ',' ORDER BY name) FROM customers", "Ann,Bob,Dora"),
        ("SELECT count(*) FILTER (WHERE active) FROM customers", "2"),
        ("SELECT id FROM customers WHERE name ILIKE 'a%'", "1"),
        ("SELECT regexp_replace('a1b', '[0-9]', '-')", "a-b"),
        ("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY income) FROM customers", "200.0"),
        ("SELECT id FROM (SELECT id, row_number() OVER (ORDER BY income DESC NULLS LAST) AS n FROM customers) WHERE n = 1", "4"),
        ("SELECT sum(n) FROM (WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT n FROM t)", "55"),
        ("SELECT extract(year FROM joined) FROM customers LIMIT 1", "2022"),
        ("SELECT round(2.567, 2), abs(-1), sqrt(4.0)", "2.57|1|2.0"),
        ("SELECT encode(sha256('a'), 'hex') LIKE 'ca978112ca1bbdc%'", "true"),
    ] {
        assert_eq!(ask(&session, sql)[0], expected, "{sql}");
    }
}

#[test]
fn a_limit_cuts_and_says_so() {
    let session = shop();
    let rows = block_on(session.collect("SELECT * FROM generate_series(1, 10)", Some(3))).unwrap();
    assert_eq!((rows.rows(), rows.truncated), (3, true));
    let rows = block_on(session.collect("SELECT * FROM generate_series(1, 3)", Some(3))).unwrap();
    assert_eq!((rows.rows(), rows.truncated, lines(&rows).len()), (3, false, 3));
}

#[test]
fn a_query_tells_what_it_cost() {
    let session = shop();
    block_on(async {
        let query =
            session.query("SELECT value % 10 AS k, count(*) AS n FROM generate_series(1, 50000) AS t(value) GROUP BY 1").await.unwrap();
        let mut streams = query.partitions().unwrap();
        let mut rows = 0;
        for stream in &mut streams {
            while let Some(batch) = stream.next().await {
                rows += batch.unwrap().num_rows() as u64;
            }
        }
        let metrics = query.metrics();
        assert_eq!((rows, metrics.rows), (10, 10));
        assert!(metrics.bytes_exchanged > 0, "{}", metrics.operators);
        assert!(metrics.elapsed.as_nanos() > 0 && metrics.operators.contains("AggregateExec"));
    });
}

#[test]
fn memory_is_bounded_and_sorts_spill() {
    let dir = std::env::temp_dir().join(format!("tidemill-spill-{}", std::process::id()));
    let options = EngineOptions {
        threads: 2,
        batch_rows: 1024,
        memory_limit: Some(32 << 20),
        spill_dir: Some(dir.clone()),
        ..EngineOptions::default()
    };
    let small = Engine::new(options).unwrap();
    let session = small.session(Catalog::default()).unwrap();
    block_on(async {
        let sql = "SELECT md5(CAST(value AS text)) AS k, value FROM generate_series(1, 800000) AS t(value) ORDER BY k";
        let query = session.query(sql).await.unwrap();
        let rows = query.stream().unwrap().fold(0, |n, b| async move { n + b.unwrap().num_rows() }).await;
        assert_eq!(rows, 800_000);
        assert!(query.metrics().bytes_spilled > 0);
        assert!(small.memory_peak() > 0 && small.memory_peak() <= 32 << 20);
        // What cannot spill, as the side of a join that is kept in memory, is refused by name.
        let side = "(SELECT md5(CAST(value AS text)) AS k FROM generate_series(1, 2000000) AS t(value))";
        let sql = &format!("SELECT count(*) FROM {side} AS a JOIN {side} AS b ON a.k = b.k");
        let error = session.collect(sql, None).await.unwrap_err();
        assert_eq!((error.kind, error.what.as_str()), (ErrorKind::Limit, "this query needs more memory than `engine.memory_limit` allows"));
    });
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_failure_while_running_is_about_data() {
    let session = shop();
    let error = block_on(session.collect("SELECT 1 / (id - 1) FROM customers", None)).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (ErrorKind::Data, "division by zero"));
    let error = block_on(session.collect("SELECT CAST(name AS int) FROM customers", None)).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (ErrorKind::Data, "the text 'Ann' cannot be converted"));
}

#[test]
fn a_mistake_in_a_query_is_a_config_error_that_keeps_its_place() {
    let error = block_on(shop().collect("SELECT incme FROM customers", None)).unwrap_err();
    assert_eq!(
        (error.kind, error.what.as_str(), error.help.as_deref()),
        (ErrorKind::Config, "unknown column `incme`", Some("did you mean `income`?"))
    );
    let problem = error.source.as_ref().unwrap().downcast_ref::<SqlProblem>().unwrap();
    assert_eq!((problem.kind, problem.span.clone()), (SqlProblemKind::Column, Some(7..12)));
}

#[test]
fn what_reads_the_clock_or_randomness_is_volatile() {
    let session = shop();
    session.add_view("today", "SELECT current_date AS d").unwrap();
    for (sql, functions) in [
        ("SELECT now()", vec!["now"]),
        ("SELECT current_timestamp", vec!["now"]),
        ("SELECT current_date, random()", vec!["current_date", "random"]),
        ("SELECT id FROM customers WHERE id > random() * 3", vec!["random"]),
        ("SELECT uuid()", vec!["uuid"]),
        ("SELECT (SELECT max(now()) FROM orders)", vec!["now"]),
        ("SELECT d FROM today", vec!["current_date"]),
        ("SELECT upper(name), date_trunc('day', joined) FROM customers", vec![]),
    ] {
        assert_eq!(session.volatile_functions(sql).unwrap(), functions, "{sql}");
        assert_eq!(session.is_volatile(sql).unwrap(), !functions.is_empty());
    }
}

#[test]
fn stored_versions_are_read_by_number() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let mut catalog = catalog();
    catalog.time_travel = Some(Arc::new(move |schema, name, version| {
        count.fetch_add(1, Ordering::Relaxed);
        assert_eq!((schema, name), ("clean", "customers"));
        let rows = customers().slice(0, usize::try_from(version).unwrap().min(4));
        let table = match table("clean", "customers", rows).kind {
            crate::RelationKind::Provider(p) if version < 10 => Some(p),
            _ => None,
        };
        async move { Ok(table) }.boxed()
    }));
    let session = engine().session(catalog).unwrap();
    // Typed without being read.
    assert_eq!(session.schema_of("SELECT id FROM version_of('customers', 2)").unwrap().fields().len(), 1);
    assert_eq!(fetched.load(Ordering::Relaxed), 0);
    assert_eq!(ask(&session, "SELECT count(*) FROM version_of('clean.customers', 2)"), ["2"]);
    assert_eq!(
        ask(&session, "SELECT n.id FROM customers n LEFT JOIN version_of('customers', 3) AS o ON n.id = o.id WHERE o.id IS NULL"),
        ["4"]
    );
    assert_eq!(ask(&session, "WITH o AS (SELECT * FROM VERSION_OF('customers', 3)) SELECT count(*) FROM o"), ["3"]);
    assert_eq!(fetched.load(Ordering::Relaxed), 2);
    let error = block_on(session.collect("SELECT * FROM version_of('customers', 12)", None)).unwrap_err();
    assert_eq!(error.what, "`clean.customers` has no version 12");
    let lineage = session.lineage("SELECT id FROM version_of('customers', 7)").unwrap();
    assert_eq!(lineage[0].sources, [("clean.customers".to_string(), "id".to_string())]);
}

/// `OVER (w …)` has the groups and the order of `w`: DataFusion by itself leaves them out and answers something else.
#[test]
fn a_window_made_from_another_has_its_groups_and_its_order() {
    let session = shop();
    let written = "SELECT id, sum(total) OVER (PARTITION BY customer_id ORDER BY id ROWS 1 PRECEDING) AS s FROM orders ORDER BY id";
    let expected = ask(&session, written);
    for named in [
        "SELECT id, sum(total) OVER (w ROWS 1 PRECEDING) AS s FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id) ORDER BY id",
        "SELECT id, sum(total) OVER (W ORDER BY id ROWS 1 PRECEDING) AS s FROM orders WINDOW w AS (PARTITION BY customer_id) ORDER BY id",
        "SELECT id, sum(total) OVER v AS s FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id), v AS (w ROWS 1 PRECEDING) ORDER BY id",
        "SELECT id, s FROM (SELECT id, sum(total) OVER (w ROWS 1 PRECEDING) AS s FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id)) x ORDER BY id",
        "WITH x AS (SELECT id, 0 + sum(total) OVER (w ROWS 1 PRECEDING) AS s FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id)) SELECT * FROM x ORDER BY id",
    ] {
        assert_eq!(ask(&session, named), expected, "{named}");
    }
    // A view's text is settled like a question's, and an inner SELECT does not see the outer one's windows.
    let view = "SELECT id, sum(total) OVER (w ROWS 1 PRECEDING) AS s FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id)";
    session.add_view("running", view).unwrap();
    assert_eq!(ask(&session, "SELECT * FROM running ORDER BY id"), expected);
    let inner = "SELECT (SELECT max(t) FROM (SELECT sum(total) OVER (w) AS t FROM orders) y) FROM orders WINDOW w AS (ORDER BY id)";
    assert_eq!(session.schema_of(inner).unwrap_err().message, "unknown window `w`");
}

#[test]
fn quantiles_are_exact_in_groups_in_frames_and_alone() {
    let session = shop();
    let from = "FROM (SELECT CAST(i AS DOUBLE) * 1e6 AS x, i % 2 AS g, i FROM generate_series(0, 7) AS s(i)) AS t";
    // The last digits of a double are the machine's.
    let ask = |select: &str| {
        ask(&session, &select.replace("third", "percentile_cont(0.3333333333) WITHIN GROUP (ORDER BY x").replace("from", from))
    };
    assert_eq!(ask("SELECT round(third), 6) from"), ["2333333.3331"]);
    assert_eq!(ask("SELECT round(third DESC), 6) from"), ["4666666.6669"]);
    assert_eq!(ask("SELECT g, round(third), 6) from GROUP BY g ORDER BY g"), ["0|1999999.9998", "1|2999999.9998"]);
    assert_eq!(
        ask("SELECT round(quantile_cont(x, 0.1) OVER (ORDER BY i ROWS 2 PRECEDING), 6) from ORDER BY i LIMIT 4"),
        ["0.0", "100000.0", "200000.0", "1200000.0"]
    );
    assert_eq!(ask("SELECT third) FILTER (WHERE x < 0), third) FILTER (WHERE i = 3) from"), ["NULL|3000000.0"]);
    let ends = "SELECT percentile_cont(0) WITHIN GROUP (ORDER BY x), percentile_cont(1) WITHIN GROUP (ORDER BY x) from";
    assert_eq!(ask(ends), ["0.0|7000000.0"]);
}

/// `FOR SYSTEM_TIME AS OF` is what its comparison written out is, in every place where it may stand.
#[test]
fn a_version_is_that_which_held_at_the_moment() {
    let session = shop();
    session
        .add_view(
            "prices",
            "SELECT * FROM (VALUES (1, 10, 0, 5), (1, 11, 5, 9), (1, 12, 9, NULL), (2, 20, 3, NULL)) v(id, price, valid_from, valid_to)",
        )
        .unwrap();
    session.add_view("sold", "SELECT * FROM (VALUES (1, 0), (1, 5), (1, 8), (1, 100), (2, 2), (2, 3), (1, NULL)) v(id, at)").unwrap();
    let joined = "SELECT s.id, s.at, p.price FROM sold s JOIN prices FOR SYSTEM_TIME AS OF s.at AS p ON s.id = p.id ORDER BY 1, 2";
    assert_eq!(ask(&session, joined), ["1|0|10", "1|5|11", "1|8|11", "1|100|12", "2|3|20"]);
    let left = "SELECT s.id, s.at, prices.price FROM sold s LEFT JOIN prices FOR SYSTEM_TIME AS OF s.at ON s.id = prices.id AND price > 10 \
                WHERE s.at < 5 ORDER BY 1, 2";
    assert_eq!(ask(&session, left), ["1|0|NULL", "2|2|NULL", "2|3|20"]);
    let then = "WITH old AS (SELECT id, price FROM prices FOR SYSTEM_TIME AS OF 4 WHERE price = 0 OR id < 3) SELECT * FROM old ORDER BY 1";
    assert_eq!(ask(&session, then), ["1|10", "2|20"]);
    let listed = "SELECT s.at, p.price FROM sold s, prices FOR SYSTEM_TIME AS OF s.at + 1 AS p WHERE s.id = p.id AND s.id = 2 ORDER BY 1";
    assert_eq!(ask(&session, listed), ["2|20", "3|20"]);
    // Where nothing speaks of it, these are names like others.
    assert_eq!(ask(&session, "SELECT count(*) FROM sold changes"), ["7"]);
}
