use super::*;

fn sql(text: &str) -> Sql {
    Sql { text: text.into(), span: 0..text.len(), exact: true }
}

fn names(text: &str) -> Vec<String> {
    references(&sql(text))
        .unwrap()
        .iter()
        .map(|r| {
            assert!(
                r.span.is_empty() || text[r.span.clone()].to_lowercase().contains(&r.name.to_lowercase()),
                "{:?}",
                &text[r.span.clone()]
            );
            r.schema.as_ref().map_or(r.name.clone(), |s| format!("{s}.{}", r.name))
        })
        .collect()
}

#[test]
fn relations_are_found_everywhere() {
    assert_eq!(names("SELECT * FROM Orders o JOIN raw.items USING (id) WHERE x IN (SELECT y FROM z)"), ["orders", "raw.items", "z"]);
    assert_eq!(names("SELECT ä, 'ü' FROM a UNION ALL SELECT 1, 2 FROM \"B\""), ["a", "B"]);
    assert_eq!(names("SELECT (SELECT max(x) FROM t) FROM (SELECT * FROM u) s, LATERAL (SELECT * FROM w) q"), ["t", "u", "w"]);
    assert_eq!(names("SELECT * FROM version_of('clean.customers', 3), generate_series(1, 3), unnest(ARRAY[1])"), ["clean.customers"]);
    assert_eq!(names("SELECT * FROM tumble(orders, ts, INTERVAL '1 minute')"), ["orders"]);
}

#[test]
fn common_table_expressions_hide_names_only_where_in_force() {
    assert_eq!(names("WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a) SELECT * FROM b"), ["t"]);
    // The name's own query sees the outer relation.
    assert_eq!(names("WITH orders AS (SELECT * FROM orders WHERE ok) SELECT * FROM orders"), ["orders"]);
    assert_eq!(names("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT * FROM n"), Vec::<String>::new());
    assert_eq!(names("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a"), ["a"]);
    // A later expression is not in force in an earlier one; a qualified name is never hidden.
    assert_eq!(names("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, clean.a, b"), ["b", "clean.a"]);
}

#[test]
fn what_does_not_parse_has_a_place_and_words() {
    for (text, said, at) in [
        ("SELECT a b c FROM t", "expected", "c"),
        ("SELECT a, FROM t", "expected", "FROM"),
        ("SELECT 'abc FROM t", "nterminated", "'"),
        ("SELECT (1 + 2", "ends where", ""),
        ("SELECT a FORM t WHERE x = 1", "expected", "t"),
    ] {
        let e = Parser::parse_sql(&PostgreSqlDialect {}, text).map(|_| text).expect_err(text);
        let (message, range, _) = explain(&e, text);
        assert!(message.contains(said), "{text}: {message}");
        assert_eq!(&text[range], at, "{text}: {message}");
    }
}

#[test]
fn common_slips_are_recognised() {
    let text = "SELECT ')' FROM (SELECT * FROM (SELECT 1)";
    let (message, range, _) = slip::bracket(text).unwrap();
    assert_eq!((message.as_str(), range), ("this bracket is never closed", 16..17));
    assert_eq!(slip::bracket("SELECT 1) -- (").unwrap().1, 8..9);
    assert!(slip::bracket("SELECT (1)").is_none());
    assert!(slip::keyword("SELECT a FORM t", 14).unwrap().contains("`FROM` instead of `FORM`"));
    assert!(slip::keyword("SELECT a FROM t", 14).is_none());
}
