use super::{ask, catalog, customers, engine, shop};
use crate::{Catalog, FunctionProvider, ScalarUDF, Session, SqlProblem, SqlProblemKind};
use std::sync::Arc;

fn with(functions: &[(&str, &str)]) -> Result<Session, SqlProblem> {
    let functions = functions.iter().map(|(n, s)| (n.to_string(), s.to_string())).collect();
    engine().session(Catalog { functions, ..catalog() })
}

fn refused(name: &str, sql: &str) -> (SqlProblemKind, String, Option<String>, String) {
    let problem = shop().check_function(name, sql).unwrap_err();
    let at = problem.span.clone().map(|r| sql[r].to_string());
    (problem.kind, problem.message, at, problem.help.unwrap_or_default())
}

#[test]
fn a_function_is_inlined_where_it_is_called() {
    let session = with(&[
        ("ratio", "CREATE FUNCTION ratio(x DOUBLE, y INT) RETURNS DOUBLE LANGUAGE SQL IMMUTABLE RETURN x / y"),
        ("percent", "CREATE FUNCTION percent(x DOUBLE, y INT) RETURNS INT RETURN round(ratio(x, y) * 100)"),
    ])
    .unwrap();
    assert_eq!(
        ask(&session, "SELECT ratio(total, quantity), percent(total, quantity * 10) FROM orders ORDER BY id"),
        ["5.0|50", "3.5|35", "3.0|30"]
    );
    assert_eq!(ask(&session, "SELECT ratio(1, 4)"), ["0.25"]);
    assert_eq!(ask(&session, "SELECT sum(ratio(total, 1)) FROM orders WHERE ratio(total, quantity) > 3"), ["12.0"]);
    let plan = super::block_on(session.explain("SELECT percent(total, quantity) FROM orders")).unwrap();
    assert!(plan.contains("round(orders.total /"), "{plan}");
    // In a row expression too, with a fitted value as argument.
    let expr = session.row_expr("ratio(income - avg(income), 2)", &customers().schema()).unwrap();
    assert_eq!(expr.aggregates.len(), 1);
    // Columns of the caller that are called like parameters are the caller's.
    assert_eq!(ask(&session, "SELECT ratio(y, x) FROM (SELECT 2 AS x, 10.0 AS y)"), ["5.0"]);
    assert!(session.functions().contains(&"percent".to_string()));
}

#[test]
fn an_argument_that_is_random_is_computed_once() {
    let session = with(&[("same", "CREATE FUNCTION same(x double) RETURNS boolean RETURN x = x + 0.0")]).unwrap();
    assert_eq!(ask(&session, "SELECT bool_and(same(random())) FROM generate_series(1, 100)"), ["true"]);
}

#[test]
fn a_function_that_reads_the_clock_makes_its_callers_volatile() {
    let session = with(&[("age", "CREATE FUNCTION age_of(y int) RETURNS int RETURN date_part('year', now()) - y")]);
    assert!(session.is_err());
    let session = with(&[("age_of", "CREATE FUNCTION age_of(y int) RETURNS int RETURN date_part('year', now()) - y")]).unwrap();
    assert_eq!(ask(&session, "SELECT age_of(birth_year) FROM customers ORDER BY id LIMIT 1"), ["44"]);
    assert!(session.is_volatile("SELECT age_of(1980)").unwrap());
    assert!(!session.row_expr("age_of(birth_year)", &customers().schema()).unwrap().deterministic);
}

#[test]
fn calls_are_checked() {
    let session = with(&[("ratio", "CREATE FUNCTION ratio(x DOUBLE, y INT) RETURNS DOUBLE RETURN x / y")]).unwrap();
    let sql = "SELECT id, ratio(total) FROM orders";
    let problem = session.schema_of(sql).unwrap_err();
    assert_eq!(problem.message, "`ratio` takes 2 arguments, not 1");
    assert_eq!(&sql[problem.span.unwrap()], "ratio");
    assert_eq!(problem.help.unwrap(), "it takes: ratio(double, int)");
    let problem = session.schema_of("SELECT ratio(ordered_at, 3) FROM orders").unwrap_err();
    assert_eq!(
        (problem.kind, problem.message.as_str()),
        (SqlProblemKind::Type, "`ratio` does not take (timestamp with time zone, bigint)")
    );
    let problem = session.schema_of("SELECT ratoi(total, 3) FROM orders").unwrap_err();
    assert_eq!(problem.help.unwrap(), "did you mean `ratio`?");
}

#[test]
fn a_bad_function_is_told() {
    use SqlProblemKind::{Column, Function, Syntax, Type};
    let (kind, message, at, help) = refused("f", "CREATE FUNCTION f(x double) RETURNS double RETURN y + 1");
    assert_eq!((kind, message.as_str(), at.as_deref()), (Column, "unknown column `y`", Some("y")));
    assert!(help.contains('x'), "{help}");
    let (kind, message, at, _) = refused("f", "CREATE FUNCTION g(x double) RETURNS double RETURN x");
    assert_eq!((kind, message.as_str(), at.as_deref()), (Function, "the function is called `g` and its file `f`", Some("g")));
    let (kind, message, at, _) = refused("round", "CREATE FUNCTION round(x double) RETURNS double RETURN x");
    assert_eq!((kind, message.as_str(), at.as_deref()), (Function, "`round` is a function already", Some("round")));
    let (kind, message, _, help) = refused("f", "CREATE FUNCTION f(x double) RETURN x");
    assert_eq!(
        (kind, message.as_str(), help.as_str()),
        (Function, "`f` does not say what it returns", "write `RETURNS double` after its parameters")
    );
    let (kind, message, at, _) = refused("f", "CREATE FUNCTION f(x double) RETURNS double RETURN sum(x)");
    assert_eq!((kind, at.as_deref()), (Function, Some("sum")));
    assert_eq!(message, "`sum` looks at other rows, and a function sees its arguments only");
    let (kind, message, at, _) = refused("f", "CREATE FUNCTION f(x strng) RETURNS double RETURN x");
    assert_eq!((kind, message.as_str(), at.as_deref()), (Type, "`strng` is not a type", Some("strng")));
    let (kind, message, at, help) = refused("f", "CREATE FUNCTION f(x date) RETURNS boolean RETURN x");
    assert_eq!((kind, message.as_str(), at.as_deref()), (Type, "`f` says it returns boolean and gives date", Some("RETURNS")));
    assert_eq!(help, "write `RETURNS date`");
    let (kind, message, ..) = refused("f", "CREATE FUNCTION f(x int, X int) RETURNS int RETURN x");
    assert_eq!((kind, message.as_str()), (Function, "two parameters are called `x`"));
    let (kind, message, ..) = refused("f", "CREATE FUNCTION f(x int) RETURNS int AS 'select 1' LANGUAGE sql");
    assert_eq!((kind, message.as_str()), (Function, "a function's body is one expression after RETURN"));
    let (kind, message, at, _) = refused("f", "SELECT 1");
    assert_eq!((kind, message.as_str(), at.as_deref()), (Function, "a CREATE FUNCTION is expected here", Some("SELECT")));
    let (kind, ..) = refused("f", "CREATE FUNCTION f(x int) RETURNS int RETURN x +");
    assert_eq!(kind, Syntax);
}

#[test]
fn other_rooms_bring_functions() {
    struct Models;
    impl FunctionProvider for Models {
        fn functions(&self) -> Vec<ScalarUDF> {
            let udf = datafusion::functions::math::abs();
            vec![udf.as_ref().clone().with_aliases(["fraud_score"])]
        }
    }
    let session = engine().session(Catalog { function_providers: vec![Arc::new(Models)], ..catalog() }).unwrap();
    assert_eq!(ask(&session, "SELECT fraud_score(-3)"), ["3"]);
}
