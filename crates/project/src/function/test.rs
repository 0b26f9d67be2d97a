//! `tests = […]` of a function's header: calls with the value that they must give, and SELECTs that must return no row.

use crate::document::{Data, Entries, Value};
use crate::fields::{Fields, quoted, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{FunctionTest, FunctionTestKind, TestSeverity};
use crate::sql;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Spanned, codes};

const KINDS: [&str; 2] = ["call", "sql"];
const EXAMPLE: &str = "for example `{ call = \"margin(10, 4)\", equals = 0.6 }`";

pub(super) fn read(value: &Value, sheet: &mut Sheet) -> Vec<FunctionTest> {
    let Data::List(items) = &value.data else {
        wrong_type(value, "tests", "a list of tables", Some(EXAMPLE.into()), sheet);
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| match &item.data {
            Data::Table(entries) => test(item, entries, sheet),
            _ => {
                sheet.error(codes::VALUE_TYPE, &item.span, format!("a test is a table, not {}", item.kind()), EXAMPLE);
                None
            }
        })
        .collect()
}

fn test(item: &Value, entries: &Entries, sheet: &mut Sheet) -> Option<FunctionTest> {
    let mut f = Fields::new("a test", item.span.clone(), entries);
    let severity = f.choice_or_default("severity", &[("error", TestSeverity::Error), ("warn", TestSeverity::Warn)], sheet);
    f.exclusive(&KINDS, sheet);
    let kind = if f.has("call") {
        f.owner = "test `call`".into();
        f.pass_over("sql");
        call(&mut f, sheet)
    } else if f.has("sql") {
        f.owner = "test `sql`".into();
        select(&mut f, sheet)
    } else {
        let (key, span) = f.rest().next().map_or_else(|| (String::new(), item.span.clone()), |(k, _)| (k.value.clone(), k.span.clone()));
        let help = match did_you_mean(&key, KINDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the tests of a function are {}; {EXAMPLE}", quoted(KINDS.into_iter(), "and")),
        };
        let message =
            if key.is_empty() { "a test that tests nothing".to_string() } else { format!("there is no test `{key}` of functions") };
        sheet.error(codes::TEST_UNKNOWN, &span, message, help);
        return None;
    };
    f.refuse_rest(sheet);
    Some(FunctionTest { kind: kind?, severity })
}

fn call(f: &mut Fields, sheet: &mut Sheet) -> Option<FunctionTestKind> {
    let call = f.sql("call", sheet);
    let words = f.spanned_words("equals", sheet);
    let one = (words.len() == 1).then(|| words.into_iter().next()).flatten();
    let equals = f.need("equals", one, "equals = 0.6", sheet)?;
    let value = (!equals.value.eq_ignore_ascii_case("null")).then_some(equals.value);
    Some(FunctionTestKind::Call { call: call?, equals: Spanned::new(value, equals.span) })
}

fn select(f: &mut Fields, sheet: &mut Sheet) -> Option<FunctionTestKind> {
    let name = f.text("name", sheet);
    let select = f.sql("sql", sheet);
    let name = f.need("name", name, "name = \"…\"", sheet);
    if let Some(select) = &select {
        sql::check_select(select, "a test", sheet);
    }
    Some(FunctionTestKind::Sql { name: name?.value, sql: select? })
}
