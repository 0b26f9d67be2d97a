use super::*;
use crate::dashboard::Panel;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

const HOSTILE: [&str; 5] = ["'; DROP TABLE orders; --", "\" OR 1=1 --", "$2", "*/ x /*", "\u{202e}\0\n)"];

/// The panel of a section's text.
fn read(toml: &str) -> Panel {
    let mut all = crate::dashboard::tests::read(&format!("title = \"t\"\n[[panels]]\n{toml}\n"));
    assert_eq!(all.1, Vec::<String>::new(), "{toml}");
    all.0.panels.remove(0)
}

fn columns() -> Vec<(String, Kind)> {
    let all = [
        ("country", Kind::Text),
        ("amount", Kind::Number),
        ("age", Kind::Integer),
        ("day", Kind::Date),
        ("at", Kind::Time),
        ("is_new", Kind::Boolean),
        ("odd \"name\"", Kind::Text),
    ];
    all.into_iter().map(|(name, kind)| (name.to_string(), kind)).collect()
}

fn none() -> Selections {
    Selections::new()
}

/// What a panel asks, which must be one statement of SQL.
fn sql(toml: &str, selections: &Selections) -> Asked {
    let asked = panel(&read(toml), &columns(), selections);
    parses(&asked);
    asked
}

fn parses(asked: &Asked) {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, &asked.sql).unwrap_or_else(|e| panic!("{e}\n{}", asked.sql));
    assert_eq!(statements.len(), 1, "{}", asked.sql);
    for n in 1..=asked.params.len() {
        assert!(asked.sql.contains(&format!("${n} ")), "${n} is not in\n{}", asked.sql);
    }
    assert!(!asked.sql.contains(&format!("${} ", asked.params.len() + 1)), "{}", asked.sql);
}

/// On one line, without the blanks that keep comments apart.
fn line(text: &str) -> String {
    text.replace("(\n", "(").replace("\n)", ")").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn in_(values: &[&str]) -> Selection {
    Selection::In(values.iter().map(|v| Some(v.to_string())).collect())
}

fn between(from: &str, to: &str) -> Selection {
    let end = |t: &str| (!t.is_empty()).then(|| t.to_string());
    Selection::Between(end(from), end(to))
}

fn chosen<const N: usize>(all: [(&str, Selection); N]) -> Selections {
    all.into_iter().map(|(c, s)| (c.to_string(), s)).collect()
}

const BARS: &str = "kind = \"bar\"\nview = \"sales\"\nx = \"country\"\ny = \"sum(amount)\"";

#[test]
fn bars_are_groups_in_the_order_asked_for() {
    assert_eq!(
        line(&sql(BARS, &none()).sql),
        "SELECT \"country\" AS \"x\", (sum(amount)) AS \"y0\" FROM \"sales\" GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 2001"
    );
    assert_eq!(
        line(&sql(&format!("{BARS}\norder = \"x\"\nlimit = 20"), &none()).sql),
        "SELECT \"country\" AS \"x\", (sum(amount)) AS \"y0\" FROM \"sales\" GROUP BY 1 ORDER BY 1 ASC NULLS LAST LIMIT 20"
    );
    // Numbers along an axis stay in their order.
    let ages = sql("kind = \"bar\"\nview = \"sales\"\nx = \"age\"\ny = \"count(*)\"", &none()).sql;
    assert!(ages.contains("ORDER BY 1 ASC"), "{ages}");
    assert!(sql(&format!("{BARS}\norder = \"y\""), &none()).sql.contains("ORDER BY 2 ASC NULLS LAST, 1"));
}

#[test]
fn bars_with_parts_are_chosen_and_ordered_whole() {
    let asked = sql(&format!("{BARS}\nby = \"is_new\"\nlimit = 5\nwhere = \"amount > 0\""), &chosen([("age", between("18", ""))]));
    let text = line(&asked.sql);
    assert!(
        text.contains("JOIN (SELECT \"country\" AS \"~x\", (sum(amount)) AS \"~y\" FROM \"sales\" WHERE (amount > 0) AND \"age\" >= CAST($1 AS BIGINT) GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 5) AS \"~whole\""),
        "{text}"
    );
    assert!(text.ends_with("IS NOT DISTINCT FROM \"~x\" WHERE (amount > 0) AND \"age\" >= CAST($1 AS BIGINT) GROUP BY 1, 2 ORDER BY max(\"~y\") DESC NULLS LAST, 1, 2 LIMIT 2001"), "{text}");
    // In the order of x and all of them: no second look.
    let all = sql(&format!("{BARS}\nby = \"is_new\"\norder = \"x\""), &none()).sql;
    assert!(!all.contains("JOIN"), "{all}");
}

#[test]
fn times_are_cut_into_buckets_and_stay_what_they_are() {
    let toml = |x: &str| {
        format!("kind = \"line\"\nview = \"sales\"\nx = \"{x}\"\nbucket = \"month\"\ny = [\"sum(amount)\", \"count(*)\"]\nby = \"country\"")
    };
    assert_eq!(
        line(&sql(&toml("at"), &none()).sql),
        "SELECT * FROM (SELECT date_trunc('month', \"at\") AS \"x\", \"country\" AS \"by\", (sum(amount)) AS \"y0\", (count(*)) AS \"y1\" \
         FROM \"sales\" GROUP BY 1, 2 ORDER BY 1 DESC NULLS LAST, 2 LIMIT 2001) ORDER BY 1, 2"
    );
    assert!(sql(&toml("day"), &none()).sql.contains("SELECT CAST(date_trunc('month', \"day\") AS DATE) AS \"x\""));
}

#[test]
fn a_number_comes_alone_or_with_its_times() {
    let toml = "kind = \"number\"\nview = \"system.runs\"\ny = \"count(*)\"";
    assert_eq!(line(&sql(toml, &none()).sql), "SELECT (count(*)) AS \"y0\" FROM \"system\".\"runs\"");
    let asked = sql(&format!("{toml}\nx = \"at\"\nbucket = \"day\""), &chosen([("country", in_(&["DE"]))]));
    assert_eq!(
        line(&asked.sql),
        "SELECT * FROM (SELECT date_trunc('day', \"at\") AS \"x\", (count(*)) AS \"y0\" FROM \"system\".\"runs\" \
         WHERE \"country\" IN (CAST($1 AS VARCHAR)) GROUP BY 1 ORDER BY 1 DESC NULLS LAST LIMIT 2001) WHERE \"x\" IS NOT NULL ORDER BY 1"
    );
    assert_eq!(asked.params, ["DE"]);
}

#[test]
fn a_histogram_finds_its_own_bounds() {
    let toml = "kind = \"histogram\"\nview = \"sales\"\nx = \"age\"\nbins = 12\nwhere = \"amount > 0\"";
    let asked = sql(toml, &chosen([("country", in_(&["DE"]))]));
    let text = line(&asked.sql);
    assert!(text.contains("/ 12.0") && text.contains("greatest(1.0, \"raw\")"), "{text}");
    assert!(text.contains("FROM \"sales\" WHERE (amount > 0) AND \"country\" IN (CAST($1 AS VARCHAR))"), "{text}");
    let amounts = sql("kind = \"histogram\"\nview = \"sales\"\nx = \"amount\"", &none()).sql;
    assert!(amounts.contains("/ 30.0") && !amounts.contains("greatest"), "{amounts}");
}

#[test]
fn matrices_have_two_keys() {
    let toml = |kind: &str| format!("kind = \"{kind}\"\nview = \"sales\"\nx = \"age\"\nby = \"country\"\ny = \"avg(amount)\"");
    assert!(line(&sql(&toml("heatmap"), &none()).sql).contains("GROUP BY 1, 2 ORDER BY 1 ASC NULLS LAST, 2 LIMIT 2001"));
    assert!(line(&sql(&toml("cohort"), &none()).sql).contains("GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 2001"));
}

#[test]
fn a_scatter_shows_rows_that_have_an_x() {
    let toml = "kind = \"scatter\"\nview = \"sales\"\nx = \"age\"\ny = \"amount\"\nby = \"country\"";
    assert_eq!(
        line(&sql(toml, &none()).sql),
        "SELECT \"age\" AS \"x\", \"country\" AS \"by\", (amount) AS \"y0\" FROM \"sales\" WHERE \"age\" IS NOT NULL LIMIT 2001"
    );
    assert!(sql(&format!("{toml}\nwhere = \"amount > 1\""), &none()).sql.contains("\n)\n  AND \"age\" IS NOT NULL"));
}

#[test]
fn a_table_shows_its_columns_under_their_names() {
    let toml = "kind = \"table\"\nview = \"sales\"";
    let all = line(&sql(toml, &none()).sql);
    assert!(all.starts_with("SELECT \"country\", \"amount\", \"age\", \"day\", \"at\", \"is_new\", \"odd \"\"name\"\"\" FROM"), "{all}");
    assert!(all.ends_with("LIMIT 100"), "{all}");
    let some = format!(
        "{toml}\ncolumns = [\"country\", {{ sql = \"amount * 2\", label = \"Twice\" }}, 'Age', '\"odd \"\"name\"\"\"']\norder = \"amount desc\"\nlimit = 7"
    );
    assert_eq!(
        line(&sql(&some, &none()).sql),
        "SELECT (country) AS \"country\", (amount * 2) AS \"c1\", (Age) AS \"age\", (\"odd \"\"name\"\"\") AS \"odd \"\"name\"\"\" FROM \"sales\" \
         ORDER BY \"amount\" DESC NULLS LAST, \"country\", \"age\", \"day\", \"at\", \"is_new\", \"odd \"\"name\"\"\" LIMIT 7"
    );
}

#[test]
fn selections_become_conditions_by_the_kind_of_their_column() {
    let where_ = |selections: Selections| {
        let asked = sql(BARS, &selections);
        let text = line(&asked.sql);
        let (_, rest) = text.split_once(" WHERE ").unwrap_or(("", " GROUP"));
        (rest.split(" GROUP BY").next().unwrap_or("").trim().to_string(), asked.params)
    };
    let says = |column, selection, condition: &str, params: &[&str]| {
        assert_eq!(where_(chosen([(column, selection)])), (condition.to_string(), params.iter().map(|p| p.to_string()).collect()));
    };
    says("country", in_(&["DE", "FR"]), "\"country\" IN (CAST($1 AS VARCHAR), CAST($2 AS VARCHAR))", &["DE", "FR"]);
    let with_null = Selection::In(vec![Some("DE".into()), None]);
    says("country", with_null, "(\"country\" IN (CAST($1 AS VARCHAR)) OR \"country\" IS NULL)", &["DE"]);
    says("country", Selection::In(vec![None]), "\"country\" IS NULL", &[]);
    says("is_new", in_(&["true"]), "\"is_new\" IN (CAST($1 AS BOOLEAN))", &["true"]);
    says("age", between("18", "30"), "\"age\" >= CAST($1 AS BIGINT) AND \"age\" <= CAST($2 AS BIGINT)", &["18", "30"]);
    says("age", between("18.5", ""), "\"age\" >= CAST($1 AS DOUBLE)", &["18.5"]);
    says("amount", between("", "10"), "\"amount\" <= CAST($1 AS DOUBLE)", &["10"]);
    // The end of a time does not belong to it, or a month would hold the first moment of the next.
    says(
        "at",
        between("2024-01", "2024-02"),
        "\"at\" >= CAST($1 AS TIMESTAMP) AND \"at\" < CAST($2 AS TIMESTAMP)",
        &["2024-01-01", "2024-02-01"],
    );
    says("day", between("2024", "2024-02-03"), "\"day\" >= CAST($1 AS DATE) AND \"day\" < CAST($2 AS DATE)", &["2024-01-01", "2024-02-03"]);
    says("day", between("2024-01-01T12:00:00Z", ""), "\"day\" >= CAST($1 AS TIMESTAMP)", &["2024-01-01T12:00:00Z"]);
    says("country", between("A", "B"), "\"country\" >= CAST($1 AS VARCHAR) AND \"country\" <= CAST($2 AS VARCHAR)", &["A", "B"]);
    // What chooses nothing, and what the view does not have.
    for selection in [in_(&[]), between("", "")] {
        assert!(!sql(BARS, &chosen([("country", selection)])).sql.contains("WHERE"));
    }
    assert!(!sql(BARS, &chosen([("elsewhere", in_(&["1"]))])).sql.contains("WHERE"));
    let (all, params) = where_(chosen([("age", between("1", "2")), ("country", in_(&["DE"]))]));
    assert_eq!(all, "\"age\" >= CAST($1 AS BIGINT) AND \"age\" <= CAST($2 AS BIGINT) AND \"country\" IN (CAST($3 AS VARCHAR))");
    assert_eq!(params, ["1", "2", "DE"]);
}

#[test]
fn what_is_chosen_never_stands_in_the_text() {
    let kinds = [
        BARS,
        "kind = \"number\"\nview = \"sales\"\ny = \"count(*)\"\nx = \"at\"",
        "kind = \"histogram\"\nview = \"sales\"\nx = \"age\"",
        "kind = \"scatter\"\nview = \"sales\"\nx = \"age\"\ny = \"amount\"",
        "kind = \"table\"\nview = \"sales\"\nwhere = \"amount > 0 -- all that was paid\"",
        "kind = \"bar\"\nview = \"sales\"\nx = \"country\"\ny = \"sum(amount)\"\nby = \"is_new\"\nlimit = 3",
    ];
    for (toml, value) in kinds.iter().flat_map(|k| HOSTILE.map(|v| (k, v))) {
        let selections = chosen([("country", in_(&[value, value])), ("odd \"name\"", between(value, value))]);
        let safe = chosen([("country", in_(&["a", "b"])), ("odd \"name\"", between("c", "d"))]);
        let asked = sql(toml, &selections);
        assert_eq!(asked.params, [value; 4]);
        assert_eq!(asked.sql, sql(toml, &safe).sql, "the text depends on what is chosen");
        for asked in [rows(&read(toml), &columns(), &selections, 10, 20), count(&read(toml), &columns(), &selections)] {
            parses(&asked);
            assert_eq!(asked.params, [value; 4]);
        }
    }
    for value in HOSTILE {
        let asked = values("sales", "country", Some(value), 50);
        parses(&asked);
        assert_eq!((asked.sql, asked.params), (values("sales", "country", Some("x"), 50).sql, vec![value.to_string()]));
    }
}

#[test]
fn names_are_quoted_wherever_they_stand() {
    for name in ["select", "with \"quotes\"", "a; DROP TABLE x", "ünïcode ", "x\" AS y, \""] {
        let columns = vec![(name.to_string(), Kind::Text)];
        let toml = format!("kind = \"bar\"\nview = \"sales\"\nx = '''{name}'''\ny = \"count(*)\"\nby = '''{name}'''");
        let asked = panel(&read(&toml), &columns, &chosen([(name, in_(&["v"]))]));
        parses(&asked);
        let bare = asked.sql.replace(&quoted(name), "");
        assert!(!bare.contains(name), "{bare}");
        for asked in [values("system.runs", name, None, 5), bounds("sales", name)] {
            parses(&asked);
            assert!(asked.sql.contains(&quoted(name)));
        }
    }
    assert_eq!(relation("system.runs"), "\"system\".\"runs\"");
    assert_eq!(relation("a\"b"), "\"a\"\"b\"");
}

#[test]
fn rows_behind_a_panel_are_paged_in_an_order_of_their_own() {
    let line_of = read("kind = \"line\"\nview = \"sales\"\nx = \"at\"\nbucket = \"day\"\ny = \"count(*)\"\nwhere = \"age > 1\"");
    let asked = rows(&line_of, &columns(), &chosen([("country", in_(&["DE"]))]), 100, 200);
    assert_eq!(
        line(&asked.sql),
        "SELECT * FROM \"sales\" WHERE (age > 1) AND \"country\" IN (CAST($1 AS VARCHAR)) ORDER BY \"at\" DESC NULLS LAST, \"country\", \
         \"amount\", \"age\", \"day\", \"is_new\", \"odd \"\"name\"\"\" LIMIT 100 OFFSET 200"
    );
    let counted = count(&line_of, &columns(), &none());
    assert_eq!(line(&counted.sql), "SELECT count(*) AS \"rows\" FROM \"sales\" WHERE (age > 1)");
}

#[test]
fn filters_find_their_values_and_bounds() {
    assert_eq!(
        line(&values("sales", "country", None, 50).sql),
        "SELECT \"country\" AS \"value\", count(*) AS \"rows\" FROM \"sales\" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50"
    );
    let searched = values("sales", "country", Some("ger"), 1_000_000);
    assert!(line(&searched.sql).contains("WHERE strpos(lower(CAST(\"country\" AS VARCHAR)), lower(CAST($1 AS VARCHAR))) > 0"));
    assert!(searched.sql.ends_with("LIMIT 2001"));
    assert_eq!(line(&bounds("sales", "at").sql), "SELECT min(\"at\") AS \"min\", max(\"at\") AS \"max\" FROM \"sales\"");
}

#[test]
fn values_that_cannot_be_compared_are_told_before_anything_is_asked() {
    for (column, good, bad) in [
        ("age", vec!["1", "-2.5"], vec!["one", "", "NaN", "1; DROP"]),
        ("amount", vec!["1e3"], vec!["1,5", "inf"]),
        ("is_new", vec!["true"], vec!["yes", "TRUE"]),
        ("day", vec!["2024", "2024-02", "2024-02-29", "2024-01-01T00:00:00Z"], vec!["2024-02-30", "today", "2024-13", "20240101"]),
        ("at", vec!["2024-01-01T00:00:00.5", "2024-01-01 00:00:00", "2024-01-01T00:00:00+02:00"], vec!["now()", "1704067200"]),
        ("country", vec!["", "'"], vec![]),
    ] {
        for value in good {
            assert_eq!(mistake(&columns(), &chosen([(column, in_(&[value]))])), None, "{column} {value}");
        }
        for value in bad {
            let said = mistake(&columns(), &chosen([(column, between("", value).or_in(value))]));
            assert!(said.is_some_and(|s| s.contains(column)), "{column} {value}");
        }
    }
}

impl Selection {
    /// An empty end says nothing; as one of a list it is a value.
    fn or_in(self, value: &str) -> Selection {
        if value.is_empty() { in_(&[value]) } else { self }
    }
}

#[test]
fn kinds_are_those_of_the_columns_types() {
    use arrow::datatypes::TimeUnit;
    for (data_type, kind) in [
        (DataType::Utf8, Kind::Text),
        (DataType::Utf8View, Kind::Text),
        (DataType::Int64, Kind::Integer),
        (DataType::UInt8, Kind::Integer),
        (DataType::Decimal128(20, 0), Kind::Integer),
        (DataType::Decimal128(18, 2), Kind::Number),
        (DataType::Float64, Kind::Number),
        (DataType::Boolean, Kind::Boolean),
        (DataType::Date32, Kind::Date),
        (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), Kind::Time),
        (DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), Kind::Text),
    ] {
        assert_eq!(Kind::of(&data_type), kind, "{data_type}");
    }
}
