//! `views/NAME.sql`: a SELECT with a TOML header, and the tests that its rows must pass.

use crate::document::{Data, Entries, Value};
use crate::fields::{Fields, names, text, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Materialized, Sql, TestKind, TestSeverity, View, ViewTest};
use crate::{header, live, sql};
use std::collections::BTreeMap;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Problem, Spanned, codes, name};

/// `lateness` is the project's, in microseconds.
pub(crate) fn read(view_name: &str, split: &header::Split, lateness: i64, sheet: &mut Sheet) -> View {
    let entries = sheet.parse();
    let mut f = Fields::new("the header", 0..0, &entries);
    let description = f.text_or_empty("description", sheet);
    let materialized = materialized(&mut f, sheet);
    let partition_by = f.names("partition_by", sheet);
    if f.has("partition_by") && materialized.value == Materialized::View {
        let problem = Problem::error(
            codes::KEY_CONFLICT,
            sheet.place(&f.key_span("partition_by")),
            "`partition_by` does nothing for a view that is not stored",
        );
        sheet.push(problem.help("add `materialized = \"table\"`, or remove `partition_by`"));
    }
    let columns = f.table("columns", sheet).map(|(entries, _)| descriptions(entries, sheet)).unwrap_or_default();
    let tests = f.get("tests").map(|v| tests(v, sheet)).unwrap_or_default();
    let cache = Spanned::new(f.flag("cache", false, sheet), f.key_span("cache"));
    let mut live = live::read(&mut f, lateness, sheet);
    live.key = f.names("key", sheet);
    live.sink = live::sink(&mut f, sheet);
    if materialized.value != Materialized::Live {
        live::refuse(&f, &["key", "sink"], "a view that is not live", "add `materialized = \"live\"`", sheet);
    }
    f.refuse_rest(sheet);
    late_lines(split, sheet);
    sql::check_select(&split.sql, "a view", sheet);
    View {
        name: view_name.to_string(),
        file: sheet.file.clone(),
        description,
        materialized,
        sql: split.sql.clone(),
        tests,
        columns,
        partition_by,
        cache,
        live,
    }
}

/// Settings after the SQL began are most likely meant, and would be ignored in silence.
pub(crate) fn late_lines(split: &header::Split, sheet: &mut Sheet) {
    for late in &split.late {
        sheet.error(
            codes::HEADER_MISPLACED,
            late,
            "a `--!` line after the SQL has begun is no setting",
            "move it to the top of the file, or make it a plain `--` comment",
        );
    }
}

fn materialized(f: &mut Fields, sheet: &mut Sheet) -> Spanned<Materialized> {
    let Some(word) = f.text("materialized", sheet) else { return Spanned::default_of(Materialized::View) };
    let kinds = [("view", Materialized::View), ("table", Materialized::Table), ("live", Materialized::Live)];
    crate::fields::choice(&word, "materialized", &kinds, sheet).unwrap_or_else(|| Spanned::default_of(Materialized::View))
}

fn descriptions(entries: &Entries, sheet: &mut Sheet) -> BTreeMap<String, String> {
    entries.iter().filter_map(|(k, v)| text(v, &k.value, sheet).map(|t| (name::normalise(&k.value), t.value))).collect()
}

// ---------------------------------------------------------------------------------------------- tests

const KINDS: [&str; 5] = ["not_null", "unique", "accepted_values", "relationships", "sql"];

fn tests(value: &Value, sheet: &mut Sheet) -> Vec<ViewTest> {
    let Data::List(items) = &value.data else {
        let help = "for example `tests = [ { not_null = \"id\" }, { unique = \"id\" } ]`";
        wrong_type(value, "tests", "a list of tables", Some(help.into()), sheet);
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| match &item.data {
            Data::Table(entries) => test(item, entries, sheet),
            _ => {
                sheet.error(
                    codes::VALUE_TYPE,
                    &item.span,
                    format!("a test is a table, not {}", item.kind()),
                    "for example `{ not_null = \"id\" }`",
                );
                None
            }
        })
        .collect()
}

fn test(item: &Value, entries: &Entries, sheet: &mut Sheet) -> Option<ViewTest> {
    let mut f = Fields::new("a test", item.span.clone(), entries);
    let severity = f.choice_or_default("severity", &[("error", TestSeverity::Error), ("warn", TestSeverity::Warn)], sheet);
    let kinds: Vec<&'static str> = KINDS.into_iter().filter(|k| f.has(k)).collect();
    let Some(kind) = kinds.first().copied() else {
        let (key, span) = f.rest().next().map_or_else(|| (String::new(), item.span.clone()), |(k, _)| (k.value.clone(), k.span.clone()));
        let help = match did_you_mean(&key, KINDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the tests are {}", crate::fields::quoted(KINDS.into_iter(), "and")),
        };
        let message = if key.is_empty() { "a test that tests nothing".to_string() } else { format!("there is no test `{key}`") };
        sheet.error(codes::TEST_UNKNOWN, &span, message, help);
        return None;
    };
    f.owner = format!("test `{kind}`");
    f.exclusive(&kinds, sheet);
    let kind = match kind {
        "not_null" => TestKind::NotNull(f.get("not_null").map(|v| names(v, "not_null", sheet))?),
        "unique" => TestKind::Unique(f.get("unique").map(|v| names(v, "unique", sheet))?),
        "accepted_values" => accepted_values(&mut f, sheet)?,
        "relationships" => relationships(&mut f, sheet)?,
        _ => sql_test(&mut f, sheet)?,
    };
    for other in kinds.iter().skip(1) {
        f.pass_over(other);
    }
    f.refuse_rest(sheet);
    Some(ViewTest { kind, severity, span: item.span.clone() })
}

fn accepted_values(f: &mut Fields, sheet: &mut Sheet) -> Option<TestKind> {
    let (entries, span) = f.table("accepted_values", sheet)?;
    let mut inner = Fields::new("test `accepted_values`", span, entries);
    let column = inner.text("column", sheet);
    let column = inner.need("column", column, "column = \"status\"", sheet);
    let values = inner.words("values", sheet);
    let values = inner.need("values", inner.has("values").then_some(values), "values = [\"…\"]", sheet);
    inner.refuse_rest(sheet);
    Some(TestKind::AcceptedValues { column: column?, values: values? })
}

fn relationships(f: &mut Fields, sheet: &mut Sheet) -> Option<TestKind> {
    let (entries, span) = f.table("relationships", sheet)?;
    let mut inner = Fields::new("test `relationships`", span, entries);
    let column = inner.text("column", sheet);
    let column = inner.need("column", column, "column = \"customer_id\"", sheet);
    let to = inner.text("to", sheet);
    let to = inner.need("to", to, "to = \"customers\"", sheet);
    let to_column = inner.text("to_column", sheet);
    let to_column = inner.need("to_column", to_column, "to_column = \"id\"", sheet);
    inner.refuse_rest(sheet);
    Some(TestKind::Relationships { column: column?, to: to?, to_column: to_column?.value })
}

fn sql_test(f: &mut Fields, sheet: &mut Sheet) -> Option<TestKind> {
    let test_name = f.text("name", sheet);
    let select: Option<Sql> = f.sql("sql", sheet);
    let test_name = f.need("name", test_name, "name = \"…\"", sheet);
    if let Some(select) = &select {
        sql::check_select(select, "a test", sheet);
    }
    Some(TestKind::Sql { name: test_name?.value, sql: select? })
}
