use super::*;
use crate::Environment;

/// The query of a text, and what is wrong with it.
fn read(text: &str) -> (NamedQuery, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("queries")).unwrap();
    std::fs::write(dir.path().join("tidemill.toml"), "name = \"t\"\n").unwrap();
    std::fs::write(dir.path().join("queries/q.sql"), text).unwrap();
    let (mut project, problems) = crate::load(dir.path(), &Environment::default());
    let problems = problems.into_iter().map(|p| {
        let at = p.place.span.map_or("", |s| &text[s]);
        format!("{} {} at {}", p.code, p.message, at.lines().next().unwrap_or(""))
    });
    (project.queries.remove(0), problems.collect())
}

fn given(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

const WHOLE: &str = "--! description = \"Orders\"\n--! [params]\n--! customer_id = \"text\"\n\
    --! months = { type = \"int\", default = 12, description = \"how far back\" }\n--! country = { type = \"text\", optional = true }\n\
    -- $not_here\nSELECT '$neither', \"$nor\", $$or$$ FROM orders WHERE customer_id = $customer_id\n\
    AND ($country IS NULL OR country = $country) LIMIT $months\n";

#[test]
fn a_query_is_read_whole() {
    let (q, problems) = read(WHOLE);
    assert_eq!(problems, Vec::<String>::new());
    let shown: Vec<_> = q.parameters.iter().map(|p| (p.name.value.as_str(), p.default.as_deref(), p.is_required())).collect();
    assert_eq!(shown, [("customer_id", None, true), ("months", Some("12"), false), ("country", None, false)]);
    assert_eq!((q.description.as_str(), q.parameters[1].description.as_str(), q.is_whole), ("Orders", "how far back", true));
}

#[test]
fn values_stand_beside_the_sql() {
    let (q, _) = read(WHOLE);
    let asked = q.asked(given(&[("customer_id", "C1' OR true")])).unwrap();
    assert!(asked.sql.contains("customer_id = CAST($1 AS VARCHAR)\nAND (CAST(NULL AS VARCHAR) IS NULL OR"), "{}", asked.sql);
    assert!(asked.sql.contains("'$neither', \"$nor\", $$or$$") && asked.sql.ends_with("LIMIT CAST($2 AS BIGINT)\n"), "{}", asked.sql);
    assert_eq!(asked.params, ["C1' OR true", "12"]);
    let all = q.asked(given(&[("customer_id", ""), ("country", "DE"), ("months", "+3")])).unwrap();
    assert_eq!(all.params, ["", "3", "DE"]);
}

#[test]
fn values_that_are_none_of_their_type_are_told() {
    let (q, _) = read(WHOLE);
    let refused = |values: &[(&str, &str)]| q.asked(given(values)).unwrap_err();
    assert_eq!(refused(&[]), "`customer_id` is missing: it is a text");
    assert_eq!(refused(&[("customer_id", "x"), ("months", "many")]), "`months` is `many`, and must be a whole number");
    assert_eq!(
        refused(&[("customer_id", "x"), ("colour", "red")]),
        "there is no parameter `colour`: the query takes `customer_id`, `months` and `country`"
    );
    for (data_type, good, bad) in [
        ("int8", "-128", "128"),
        ("int", "9223372036854775807", "9223372036854775808"),
        ("double", "1e300", "1e999"),
        ("double", "-0.5", "NaN"),
        ("decimal(5, 2)", "-999.99", "1000"),
        ("decimal(5, 2)", "12.3456", "999.995"),
        ("decimal(5, 2)", ".5", "."),
        ("bool", "true", "yes"),
        ("date", "2024-02", "2024-02-30"),
        ("date", "2024-02-29", "+262000-01-01"),
        ("timestamp", "2024-02-29T12:00:00Z", "12:00"),
        ("timestamp", "2024", "20245-01-01"),
        ("text", "\u{202e}\0", ""),
    ] {
        let (q, problems) = read(&format!("--! params.v = \"{data_type}\"\nSELECT $v AS v\n"));
        assert_eq!(problems, Vec::<String>::new());
        assert!(q.asked(given(&[("v", good)])).is_ok(), "{data_type} {good}");
        assert_eq!(q.asked(given(&[("v", bad)])).is_err(), data_type != "text", "{data_type} {bad}");
    }
}

#[test]
fn the_header_and_the_sql_speak_of_the_same_parameters() {
    let (q, problems) = read(
        "--! [params]\n--! a = \"texte\"\n--! b = { type = \"int\", default = \"x\" }\n--! c = { default = 1, optional = true }\n\
         --! D = \"int\"\n--! e = 7\nSELECT $a, $1, $f\n",
    );
    assert!(!q.is_whole);
    assert_eq!(
        problems,
        [
            "TM0202 there is no type `texte` at \"texte\"",
            "TM0414 the SQL has no `$b`, so the parameter does nothing at b",
            "TM0009 the default `x` is not a whole number at \"x\"",
            "TM0414 the SQL has no `$c`, so the parameter does nothing at c",
            "TM0007 parameter `c` has no `type` at { default = 1, optional = true }",
            "TM0012 `default` and `optional` do not go together at optional",
            "TM0011 `D` is no name of a parameter at D",
            "TM0414 the SQL has no `$D`, so the parameter does nothing at D",
            "TM0414 the SQL has no `$e`, so the parameter does nothing at e",
            "TM0006 `e` must be a type or a table, not a whole number at 7",
            "TM0413 the header declares no parameter `1` at $1",
            "TM0413 the header declares no parameter `f` at $f",
        ]
    );
}

#[test]
fn places_in_the_numbered_sql_lead_back() {
    let (q, _) = read("--! params.customer_id = \"text\"\nSELECT nam FROM t WHERE c = $customer_id AND nmae = $customer_id\n");
    let numbered = q.numbered();
    for (now, written) in [("nam ", "nam "), ("nmae", "nmae"), ("CAST($1 AS VARCHAR)", "$customer_id"), ("$1", "$customer_id")] {
        let at = numbered.text.rfind(now).unwrap();
        let back = numbered.back(at..at + now.len());
        assert_eq!(&q.sql.text[back], written);
    }
}
