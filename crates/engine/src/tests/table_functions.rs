//! Functions that give rows.

use super::{ask, catalog, engine, shop};
use crate::{Catalog, LineageKind, Relation, Session, SqlProblem, SqlProblemKind};

const TOP: &str = "CREATE FUNCTION best(least DOUBLE, n INT DEFAULT 1) RETURNS TABLE (customer TEXT, spent DOUBLE)
RETURN (SELECT c.name, s.spent FROM customers c JOIN spend s ON s.customer_id = c.id WHERE s.spent >= least ORDER BY s.spent DESC LIMIT n)";

fn with(functions: &[(&str, &str)]) -> Result<Session, SqlProblem> {
    let functions = functions.iter().map(|(n, s)| (n.to_string(), s.to_string())).collect();
    engine().session(Catalog { functions, ..catalog() })
}

/// The message, what it points at, and the help.
fn told(problem: SqlProblem, text: &str) -> (String, String, String) {
    (problem.message, problem.span.map_or(String::new(), |r| text[r].to_string()), problem.help.unwrap_or_default())
}

fn refused(name: &str, text: &str) -> (String, String, String) {
    told(shop().check_function(name, text).unwrap_err(), text)
}

#[test]
fn a_call_is_the_body_with_its_arguments() {
    let session = with(&[("best", TOP)]).unwrap();
    assert_eq!(ask(&session, "SELECT * FROM best(0, 5)"), ["Ann|12.0", "Bob|9.0"]);
    assert_eq!(ask(&session, "SELECT customer FROM best(10.5, 5)"), ["Ann"]);
    // Arguments are any constants; a default stands where nothing is given; names in any order.
    assert_eq!(ask(&session, "SELECT t.customer FROM best(3 * 2 + 1) t"), ["Ann"]);
    assert_eq!(ask(&session, "SELECT best.customer FROM best(n => 2, least => 9.0) ORDER BY 1"), ["Ann", "Bob"]);
    assert_eq!(ask(&session, "SELECT who FROM best(0, 5) AS t(who, much) WHERE much < 10"), ["Bob"]);
    // Twice in one question, with other arguments; and in a subquery.
    assert_eq!(ask(&session, "SELECT a.customer, b.customer FROM best(0, 1) a CROSS JOIN best(0, 2) b ORDER BY 2"), ["Ann|Ann", "Ann|Bob"]);
    assert_eq!(ask(&session, "SELECT count(*) FROM customers WHERE name IN (SELECT customer FROM best(0, 2))"), ["2"]);
    assert_eq!(session.schema_of("SELECT * FROM best(0)").unwrap().field(1).name(), "spent");
    assert!(session.functions().contains(&"best".to_string()));
}

#[test]
fn a_column_comes_before_a_parameter_of_its_name() {
    let text = "CREATE FUNCTION f(id INT, total DOUBLE) RETURNS TABLE (a INT, b DOUBLE) RETURN (SELECT id, f.total FROM orders WHERE total > f.total AND f.id < 5)";
    let session = with(&[("f", text)]).unwrap();
    assert_eq!(ask(&session, "SELECT * FROM f(3, 6.0) ORDER BY a"), ["11|6.0", "12|6.0"]);
    assert!(ask(&session, "SELECT * FROM f(7, 6.0)").is_empty());
}

#[test]
fn parameters_reach_into_subqueries_groups_and_other_functions() {
    let session = with(&[
        ("twice", "CREATE FUNCTION twice(x double) RETURNS double RETURN x * 2"),
        ("over", "CREATE FUNCTION over_(least double) RETURNS TABLE (id bigint, total double) RETURN (SELECT 1, 2.0)"),
    ]);
    assert!(session.is_err());
    let session = with(&[
        ("twice", "CREATE FUNCTION twice(x double) RETURNS double RETURN x * 2"),
        (
            "above",
            "CREATE FUNCTION above(least double) RETURNS TABLE (id bigint, total double)
             RETURN (SELECT o.id, o.total FROM orders o WHERE o.total > (SELECT max(least) FROM customers c WHERE c.id = o.customer_id AND c.income > least))",
        ),
        (
            "by_part",
            "CREATE FUNCTION by_part(part text, least double) RETURNS TABLE (at timestamp, orders bigint, total double) LANGUAGE sql AS $$
             WITH big AS (SELECT * FROM above(twice(least)))
             SELECT date_trunc(part, o.ordered_at), count(*), sum(b.total + least) FROM orders o JOIN big b ON b.id = o.id
             GROUP BY date_trunc(part, o.ordered_at) HAVING count(*) >= least - least
             $$",
        ),
    ])
    .unwrap();
    assert_eq!(ask(&session, "SELECT id FROM above(6) ORDER BY id"), ["11", "12"]);
    assert_eq!(ask(&session, "SELECT orders, total FROM by_part('year', 3)"), ["2|22.0"]);
}

#[test]
fn where_a_column_comes_from_is_seen_through_a_call() {
    let session = with(&[("best", TOP)]).unwrap();
    let lineage = session.lineage("SELECT customer, spent * 2 AS twice FROM best(1, 2)").unwrap();
    assert_eq!(lineage[0].sources, [("clean.customers".to_string(), "name".to_string())]);
    assert_eq!(lineage[1].sources, [("spend".to_string(), "spent".to_string())]);
    let kinds: Vec<LineageKind> = lineage[2..].iter().map(|l| l.kind).collect();
    assert!(kinds.contains(&LineageKind::Filter) && kinds.contains(&LineageKind::Join), "{lineage:?}");
    let clock = with(&[(
        "recent",
        "CREATE FUNCTION recent(days int) RETURNS TABLE (id bigint) RETURN (SELECT id FROM orders WHERE ordered_at > now())",
    )])
    .unwrap();
    assert!(clock.is_volatile("SELECT * FROM recent(3)").unwrap());
    assert!(!session.is_volatile("SELECT * FROM best(3)").unwrap());
}

#[test]
fn calls_are_checked() {
    let session = with(&[("best", TOP), ("ratio", "CREATE FUNCTION ratio(x double) RETURNS double RETURN x")]).unwrap();
    let said = |sql: &str| told(session.schema_of(sql).unwrap_err(), sql);
    let takes = "it takes: best(least double, n int = 1)".to_string();
    assert_eq!(said("SELECT * FROM best()"), ("`best` takes 1 to 2 arguments, not 0".into(), "best".into(), takes.clone()));
    assert_eq!(said("SELECT * FROM best(1, 2, 3)"), ("`best` takes 1 to 2 arguments, not 3".into(), "best".into(), takes.clone()));
    assert_eq!(said("SELECT * FROM best('x', 2)"), ("`least` of `best` is double, not text".into(), "best".into(), takes.clone()));
    assert_eq!(said("SELECT * FROM best(n => 2)"), ("`best` needs `least`".into(), "best".into(), takes));
    let (message, at, help) = said("SELECT * FROM best(1, m => 2)");
    assert_eq!((message.as_str(), at.as_str()), ("`best` has no parameter `m`", "m"));
    assert!(help.starts_with("it takes") || help.contains("did you mean"), "{help}");
    let (message, at, help) = said("SELECT * FROM customers c, LATERAL best(c.income, 2) t");
    assert_eq!(
        (message.as_str(), at.as_str()),
        ("an argument of `best` is one value for all rows, and `c.income` is a column", "c.income")
    );
    assert_eq!(help, "write a constant; or let `best` return the column, and join on it");
    assert_eq!(said("SELECT * FROM best((SELECT 1.0), 2)").0, "an argument of `best` is one value for all rows, and this is a SELECT");
    assert_eq!(said("SELECT * FROM best(random(), 2)").0, "an argument of `best` would be another at each use: `random`");
    assert_eq!(
        said("SELECT best(1, 2)"),
        ("`best` gives a table, not a value".into(), "best".into(), "read from it: `SELECT … FROM best(least double, n int = 1)`".into())
    );
    assert_eq!(said("SELECT * FROM ratio(1)").0, "`ratio` gives a value, not a table");
    let (message, at, help) = said("SELECT * FROM bests(1)");
    assert_eq!((message.as_str(), at.as_str(), help.as_str()), ("unknown table function `bests`", "bests", "did you mean `best`?"));
    // Every call is told at once.
    assert_eq!(session.problems("SELECT * FROM best() a, best(1, 2, 3) b").len(), 2);
}

#[test]
fn what_is_declared_must_be_what_the_select_gives() {
    let f = |columns: &str, select: &str| refused("f", &format!("CREATE FUNCTION f(n int) RETURNS TABLE {columns} RETURN ({select})"));
    let (message, at, help) = f("(id bigint, total text)", "SELECT id, total FROM orders");
    assert_eq!((message.as_str(), at.as_str()), ("`total` is declared text, and the SELECT gives double", "total"));
    assert_eq!(help, "declare it `double`, or write `CAST(… AS text)` in the SELECT");
    let (message, at, help) = f("(id bigint)", "SELECT id, total FROM orders");
    assert_eq!((message.as_str(), at.as_str()), ("`f` says it returns 1 column and its SELECT gives 2", "TABLE"));
    assert_eq!(help, "the SELECT gives (id bigint, total double)");
    assert_eq!(
        f("(total double, id double)", "SELECT id, total FROM orders").0,
        "`total` is declared as column 1, and the SELECT gives it as column 2"
    );
    assert_eq!(
        f("(id bigint)", "SELECT nope FROM orders"),
        ("unknown column `nope`".into(), "nope".into(), f("(id bigint)", "SELECT nope FROM orders").2)
    );
    assert_eq!(f("(id strng)", "SELECT id FROM orders").0, "`strng` is not a type");
    assert_eq!(f("", "SELECT id FROM orders").0, "`f` does not say which columns it returns");
    assert_eq!(f("(id bigint, ID int)", "SELECT id, id FROM orders").0, "two columns are called `id`");
    assert_eq!(
        refused("f", "CREATE FUNCTION f(n int DEFAULT 'x') RETURNS TABLE (n int) RETURN (SELECT n)").0,
        "`n` is int, and its default text"
    );
    assert_eq!(
        refused("f", "CREATE FUNCTION f(a int DEFAULT 1, b int) RETURNS TABLE (n int) RETURN (SELECT a)").0,
        "parameter `b` has no default, and one before it has"
    );
    assert_eq!(
        refused("f", "CREATE FUNCTION f(n int) RETURNS TABLE (n int) RETURN n").0,
        "the body of a function that returns a table is one SELECT"
    );
    let text = "CREATE FUNCTION f(n int) RETURNS TABLE (n int) LANGUAGE sql AS $b$\nSELECT nope FROM orders\n$b$";
    assert_eq!(refused("f", text).1, "nope");
    let problem =
        shop().check_function("version_of", "CREATE FUNCTION version_of(n int) RETURNS TABLE (n int) RETURN (SELECT n)").unwrap_err();
    assert_eq!((problem.kind, problem.message.as_str()), (SqlProblemKind::Function, "`version_of` is a function already"));
}

#[test]
fn a_function_that_calls_itself_is_refused() {
    let session = with(&[("f", "CREATE FUNCTION f(n int) RETURNS TABLE (x bigint) RETURN (SELECT x FROM v WHERE x > n)")]).unwrap();
    session.add_relation(Relation::view("v", "SELECT x FROM f(3)"));
    assert_eq!(session.function_problems("f")[0].message, "function `f` is made from itself, through `f()`, `v`");
    assert!(session.schema_of("SELECT * FROM v").unwrap_err().message.contains("is made from itself"));
}

#[test]
fn a_date_may_be_written_as_text() {
    let session = with(&[(
        "since",
        "CREATE FUNCTION since(day date) RETURNS TABLE (name text) RETURN (SELECT name FROM customers WHERE joined >= day)",
    )])
    .unwrap();
    assert_eq!(ask(&session, "SELECT count(*) FROM since('2022-01-20')"), ["2"]);
    let sql = "SELECT count(*) FROM since('soon')";
    assert_eq!(told(session.schema_of(sql).unwrap_err(), sql).0, "`soon` is not a date, as `day` of `since` is");
}
