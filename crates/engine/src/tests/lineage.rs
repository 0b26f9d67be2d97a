use super::shop;
use crate::LineageKind;

/// `column <- kind relation.column, …` lines.
fn of(sql: &str) -> Vec<String> {
    let lines = shop().lineage(sql).unwrap().into_iter().map(|l| {
        let sources: Vec<String> = l.sources.iter().map(|(r, c)| format!("{r}:{c}")).collect();
        format!("{} <- {} {}", l.column, l.kind.as_str(), sources.join(" ")).trim_end().to_string()
    });
    lines.collect()
}

#[test]
fn columns_are_traced_to_the_relations_one_step_up() {
    assert_eq!(
        of("SELECT id, income * 2 AS twice, 7 AS seven FROM customers"),
        ["id <- direct clean.customers:id", "twice <- derived clean.customers:income", "seven <- derived"]
    );
    // A view is a relation of its own; raw and clean are told apart.
    assert_eq!(of("SELECT spent FROM spend"), ["spent <- direct spend:spent"]);
    assert_eq!(of("SELECT r.name FROM raw.customers r"), ["name <- direct raw.customers:name"]);
}

#[test]
fn joins_filters_and_groups_are_traced_for_the_rows() {
    let sql = "SELECT c.name, sum(o.total) AS spent FROM customers c JOIN orders o ON c.id = o.customer_id WHERE c.active GROUP BY c.name";
    assert_eq!(
        of(sql),
        [
            "name <- direct clean.customers:name",
            "spent <- derived clean.orders:total",
            "* <- filter clean.customers:active",
            "* <- join clean.customers:id clean.orders:customer_id",
            "* <- group clean.customers:name",
        ]
    );
    let found = shop().lineage(sql).unwrap();
    assert!(found[1].expression.contains("sum(") && found[1].expression.contains("total"), "{}", found[1].expression);
    assert_eq!(found[2].kind, LineageKind::Filter);
}

#[test]
fn ctes_unions_windows_and_subqueries_are_seen_through() {
    let sql = "WITH a AS (SELECT id, upper(name) AS n FROM customers) SELECT n AS shout FROM a";
    assert_eq!(of(sql), ["shout <- derived clean.customers:name"]);
    assert_eq!(shop().lineage(sql).unwrap()[0].expression.to_lowercase(), "upper(customers.\"name\")");
    assert_eq!(
        of("SELECT id FROM customers UNION ALL SELECT customer_id FROM orders")[0],
        "id <- direct clean.customers:id clean.orders:customer_id"
    );
    assert_eq!(
        of("SELECT id, row_number() OVER (PARTITION BY active ORDER BY income) AS n FROM customers"),
        ["id <- direct clean.customers:id", "n <- derived clean.customers:active clean.customers:income"]
    );
    let sql = "SELECT id, (SELECT max(total) FROM orders WHERE customer_id = customers.id) AS top FROM customers";
    assert_eq!(of(sql)[1], "top <- derived clean.orders:total");
    assert!(of(sql).contains(&"* <- filter clean.orders:customer_id".to_string()), "{:?}", of(sql));
    assert_eq!(
        of("SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders)"),
        ["id <- direct clean.customers:id", "* <- filter clean.customers:id clean.orders:customer_id"]
    );
    assert_eq!(of("SELECT DISTINCT name FROM customers ORDER BY name LIMIT 3"), ["name <- direct clean.customers:name"]);
    assert_eq!(
        of("WITH RECURSIVE t AS (SELECT id AS n FROM orders UNION ALL SELECT n + 1 FROM t WHERE n < 20) SELECT n FROM t")[0],
        "n <- derived clean.orders:id"
    );
    assert_eq!(of("SELECT count(*) AS n FROM customers"), ["n <- derived"]);
}
