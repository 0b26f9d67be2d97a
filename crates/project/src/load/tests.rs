use super::*;
use crate::spec::{Drift, Load, OptionValue, TestKind, TestSeverity, Undeclared};
use arrow::datatypes::DataType;
use tidemill_core::OnInvalid;

const TABLE: &str = r#"description = "Bestellungen – alle"
load = "upsert"
drift = "quarantine"
timezone = "Europe/Berlin"
key = ["order_id", "line"]
undeclared = "drop"
nulls = ["n/a", "-"]
checks = ["total >= 0", { name = "paid", sql = "status <> 'open' OR total > 0" }]
samples = 5

[source]
path = ["a.csv", "${DIR}/b.csv"]
delimiter = ";"
skip_rows = 1

[columns]
order_id = "int64"

[columns.total]
from = "order:Total"
type = "decimal(18, 2)"
required = true
range = [0, 1_000]
on_invalid = "null"
decimal = ","
units = "€"

[columns.at]
type = "date"
formats = ["%Y-%m-%d", "%d.%m.%Y"]
min = 2020-01-01

[[clean]]
rule = "derive"
description = "mit Steuer"
column = "gross"
sql = """
total * 1.19"""
"#;

const VIEW: &str = r#"--! materialized = "table"
--! description = "Umsatz je Tag"
--! tests = [
--!   { not_null = ["day", "total"] },
--!   { accepted_values = { column = "status", values = ["a", 1] }, severity = "warn" },
--!   { name = "none", sql = "SELECT * FROM v WHERE total < 0" },
--! ]
--! [columns]
--! Day = "Tag"

-- größer
SELECT day, sum(total) AS total FROM orders GROUP BY day
"#;

const MAIN_TEXT: &str = "name = \"t\"\n[engine]\nmemory_limit = \"1GB\"\nthreads = 2\n[environments.prod.lake]\nretention = \"30d\"\n";

fn read(main: &str, table: &str, view: &str) -> (Project, Vec<Problem>) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [("tidemill.toml", main), ("tables/orders.toml", table), ("views/v.sql", view)] {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let variables = BTreeMap::from([("DIR".to_string(), "data".to_string())]);
    load(dir.path(), &Environment { variables, ..Environment::default() })
}

#[test]
fn a_project_reads_as_it_is_written() {
    let (project, problems) = read(MAIN_TEXT, TABLE, VIEW);
    assert_eq!(problems, []);
    let t = &project.tables[0];
    assert_eq!((t.load, t.drift, t.undeclared, t.samples), (Load::Upsert, Drift::Quarantine, Undeclared::Drop, 5));
    assert_eq!((t.timezone.as_str(), t.nulls.len(), t.key[1].value.as_str()), ("Europe/Berlin", 2, "line"));
    assert_eq!(t.checks[1].name.as_deref(), Some("paid"));
    let text = |sql: &crate::spec::Sql| TABLE[sql.span.clone()] == sql.text && sql.exact;
    assert!(t.checks.iter().all(|c| text(&c.sql)));
    let OptionValue::List(paths) = &t.source.options["path"].value else { panic!() };
    assert_eq!(paths[1].value, OptionValue::Text("data/b.csv".into()));
    let names: Vec<&str> = t.columns.iter().map(|c| c.name.value.as_str()).collect();
    assert_eq!(names, ["order_id", "total", "at"]);
    let total = &t.columns[1];
    assert_eq!(total.data_type.as_ref().unwrap().value, DataType::Decimal128(18, 2));
    assert_eq!((total.required, total.on_invalid, total.decimal, total.units.join("")), (true, OnInvalid::Null, Some(','), "€".into()));
    assert_eq!(total.max.as_ref().unwrap().value, OptionValue::Integer(1000));
    assert_eq!(t.columns[2].min.as_ref().unwrap().value, OptionValue::Text("2020-01-01".into()));
    let Rule::Derive { sql, .. } = &t.clean[0].rule else { panic!() };
    assert!(text(sql) && t.clean[0].description == "mit Steuer");

    let v = &project.views[0];
    assert!(v.sql.text.contains("-- größer") && VIEW[v.sql.span.clone()] == v.sql.text);
    assert_eq!((v.tests.len(), v.tests[1].severity, v.columns["day"].as_str()), (3, TestSeverity::Warn, "Tag"));
    let TestKind::Sql { sql, .. } = &v.tests[2].kind else { panic!() };
    assert_eq!(&VIEW[sql.span.clone()], sql.text);
    assert_eq!(project.settings.engine.threads, 2);
    assert_eq!(project.files.len(), 3);
}

#[test]
fn no_text_stops_the_reading() {
    // Files cut at many places, and with a character doubled there: whatever it gives, it must not panic, and spans must lie in the text.
    let well = |(project, problems): (Project, Vec<Problem>)| {
        let (_, more) = crate::graph(&project);
        for p in problems.iter().chain(&more) {
            let len = project.files.get(&p.place.file).map_or(usize::MAX, String::len);
            assert!(p.place.span.as_ref().is_none_or(|s| s.start <= s.end && s.end <= len), "{p:?}");
        }
    };
    for (at, c) in TABLE.char_indices().step_by(17) {
        well(read("", &TABLE[..at], VIEW));
        well(read(MAIN_TEXT, &format!("{}{c}{}", &TABLE[..at], &TABLE[at..]), ""));
    }
    for (at, c) in VIEW.char_indices().step_by(11) {
        well(read("", "", &VIEW[..at]));
        well(read("", "", &format!("{}{c}{}", &VIEW[..at], &VIEW[at..])));
    }
}
