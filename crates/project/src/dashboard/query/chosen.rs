//! What somebody chose, as conditions over rows.

use super::{Kind, Param, Selection, Selections, applying, quoted};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// The first value that its column can't be compared with, in words; panels are not asked with such.
pub fn mistake(columns: &[(String, Kind)], selections: &Selections) -> Option<String> {
    for (column, kind, selection) in applying(columns, selections) {
        let values: Vec<&str> = match selection {
            Selection::In(values) => values.iter().flatten().map(String::as_str).collect(),
            Selection::Between(from, to) => from.iter().chain(to).map(String::as_str).collect(),
        };
        if let Some(wrong) = values.into_iter().find(|v| !fits(kind, v)) {
            let expected = match kind {
                Kind::Text => "a text",
                Kind::Integer | Kind::Number => "a number",
                Kind::Boolean => "`true` or `false`",
                Kind::Date | Kind::Time => "a time such as `2024-05-31` or `2024-05-31T12:00:00Z`",
            };
            return Some(format!("`{wrong}` is chosen of `{column}`, which is compared with {expected}"));
        }
    }
    None
}

fn fits(kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Text => true,
        Kind::Integer | Kind::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
        Kind::Boolean => matches!(value, "true" | "false"),
        Kind::Date | Kind::Time => is_time(&whole_time(value)),
    }
}

/// A day or a moment, of a year with four digits: what has more is before or after all that SQL can say.
pub(crate) fn is_time(text: &str) -> bool {
    let has_year = text.as_bytes().get(..5).is_some_and(|year| year[..4].iter().all(u8::is_ascii_digit) && year[4] == b'-');
    has_year
        && (NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
            || DateTime::parse_from_rfc3339(text).is_ok()
            || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok()
            || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok())
}

/// A year or a month is its first day.
pub(crate) fn whole_time(text: &str) -> String {
    let is_number = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('-') {
        None if text.len() == 4 && is_number(text) => format!("{text}-01-01"),
        Some((year, month)) if year.len() == 4 && month.len() == 2 && is_number(year) && is_number(month) => format!("{text}-01"),
        _ => text.to_string(),
    }
}

pub(super) fn condition(column: &str, kind: Kind, selection: &Selection, params: &mut Vec<Param>) -> String {
    let name = quoted(column);
    match selection {
        Selection::In(values) => {
            let given: Vec<String> = values.iter().flatten().map(|v| value(kind, v, params)).collect();
            let is_in = (!given.is_empty()).then(|| format!("{name} IN ({})", given.join(", ")));
            let is_null = values.contains(&None).then(|| format!("{name} IS NULL"));
            match (is_in, is_null) {
                (Some(a), Some(b)) => format!("({a} OR {b})"),
                (a, b) => a.or(b).unwrap_or_else(|| "true".into()),
            }
        }
        Selection::Between(from, to) => {
            let before = if kind.is_time() { "<" } else { "<=" };
            let from = from.as_ref().map(|v| format!("{name} >= {}", value(kind, v, params)));
            let to = to.as_ref().map(|v| format!("{name} {before} {}", value(kind, v, params)));
            from.into_iter().chain(to).collect::<Vec<_>>().join(" AND ")
        }
    }
}

/// The SQL of a value: a parameter, as what the column is compared with.
fn value(kind: Kind, text: &str, params: &mut Vec<Param>) -> String {
    let (text, sql_type) = match kind {
        Kind::Text => (text.to_string(), "VARCHAR"),
        Kind::Integer if text.parse::<i64>().is_ok() => (text.to_string(), "BIGINT"),
        Kind::Integer | Kind::Number => (text.to_string(), "DOUBLE"),
        Kind::Boolean => (text.to_string(), "BOOLEAN"),
        Kind::Date | Kind::Time => {
            let text = whole_time(text);
            let sql_type = if kind == Kind::Date && text.len() == 10 { "DATE" } else { "TIMESTAMP" };
            (text, sql_type)
        }
    };
    params.push(text);
    format!("CAST(${} AS {sql_type})", params.len())
}
