//! `[columns.NAME]`: what a column must look like.

use crate::document::{Data, Entries, Value};
use crate::fields::{Fields, option_value, wrong_type};
use crate::formats::{check_format, check_timezone};
use crate::sheet::Sheet;
use crate::spec::{Check, Column, OptionValue, Span};
use crate::types::{parse_type, type_name};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;
use tidemill_core::{Negative, OnInvalid, Problem, Spanned, codes, name};

/// All columns under `[columns]`, in file order.
pub(crate) fn read_all(entries: &Entries, sheet: &mut Sheet) -> Vec<Column> {
    let mut stored: BTreeMap<String, String> = BTreeMap::new();
    let mut columns = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let Some(column) = read(key, value, sheet) else { continue };
        let stored_name = name::normalise(&key.value);
        if [name::FILE, name::LINE, name::INGESTED_AT].contains(&stored_name.as_str()) {
            let help = "the program adds this column itself; give yours another name and say `from = \"…\"`";
            sheet.error(codes::COLUMN_RESERVED, &key.span, format!("a column cannot be called `{stored_name}`"), help);
        }
        if let Some(other) = stored.insert(stored_name.clone(), key.value.clone()) {
            sheet.error(
                codes::COLUMN_DUPLICATE,
                &key.span,
                format!("columns `{other}` and `{}` are both stored as `{stored_name}`", key.value),
                format!("rename one and say where it comes from: `[columns.{stored_name}_2]` with `from = \"{}\"`", key.value),
            );
        }
        columns.push(column);
    }
    columns
}

/// A check list: one SQL text, or a list of texts and `{name, sql}` tables.
pub(crate) fn checks(fields: &mut Fields, key: &'static str, sheet: &mut Sheet) -> Vec<Check> {
    let Some(value) = fields.get(key) else { return Vec::new() };
    let items: Vec<&Value> = match &value.data {
        Data::List(items) => items.iter().collect(),
        _ => vec![value],
    };
    items.into_iter().filter_map(|item| check(item, key, sheet)).collect()
}

fn check(item: &Value, key: &'static str, sheet: &mut Sheet) -> Option<Check> {
    match &item.data {
        Data::Text(t) if t.trim().is_empty() => {
            sheet.error(codes::VALUE_INVALID, &item.span, format!("`{key}` is empty"), "write a SQL condition, or remove it");
            None
        }
        Data::Text(t) => Some(Check { name: None, sql: sheet.sql(Spanned::new(t.clone(), item.span.clone())) }),
        Data::Table(entries) => {
            let mut f = Fields::new("a check", item.span.clone(), entries);
            let name = f.text("name", sheet).map(|t| t.value);
            let sql = f.sql("sql", sheet);
            let sql = f.need("sql", sql, "sql = \"…\"", sheet);
            f.refuse_rest(sheet);
            Some(Check { name, sql: sql? })
        }
        _ => {
            wrong_type(item, key, "SQL text, or a table with `name` and `sql`", None, sheet);
            None
        }
    }
}

fn read(key: &Spanned<String>, value: &Value, sheet: &mut Sheet) -> Option<Column> {
    if key.value.trim().is_empty() {
        sheet.error(
            codes::NAME_INVALID,
            &key.span,
            "a column needs a name",
            "name it, and say `from = \"…\"` for what the source calls it",
        );
    }
    let mut column = Column {
        name: key.clone(),
        from: None,
        data_type: None,
        description: String::new(),
        required: false,
        unique: false,
        accepted: Vec::new(),
        min: None,
        max: None,
        checks: Vec::new(),
        nulls: Vec::new(),
        formats: Vec::new(),
        on_invalid: OnInvalid::default(),
        thousands: None,
        decimal: None,
        units: Vec::new(),
        negative: Negative::Minus,
        trim: false,
        timezone: None,
        span: key.span.clone(),
    };
    match &value.data {
        // `age = "int64"`
        Data::Text(t) => column.data_type = data_type(&Spanned::new(t.clone(), value.span.clone()), sheet),
        Data::Table(entries) => fill(&mut column, entries, sheet),
        _ => {
            let help = format!("write `{0} = \"int64\"`, or a section `[columns.{0}]`", key.value);
            wrong_type(value, &key.value, "a type or a table", Some(help), sheet);
            return None;
        }
    }
    Some(column)
}

fn fill(column: &mut Column, entries: &Entries, sheet: &mut Sheet) {
    let mut f = Fields::new(format!("column `{}`", column.name.value), column.span.clone(), entries);
    let written_type = f.text("type", sheet);
    column.data_type = written_type.and_then(|t| data_type(&t, sheet));
    column.from = f.text("from", sheet);
    column.description = f.text_or_empty("description", sheet);
    column.required = f.flag("required", false, sheet);
    column.unique = f.flag("unique", false, sheet);
    let accepted = f.spanned_words("accepted", sheet);
    f.exclusive(&["min", "range"], sheet);
    f.exclusive(&["max", "range"], sheet);
    column.min = f.get("min").map(option_value);
    column.max = f.get("max").map(option_value);
    if let Some(range) = f.get("range") {
        match &range.data {
            Data::List(ends) if ends.len() == 2 => {
                column.min = Some(option_value(&ends[0]));
                column.max = Some(option_value(&ends[1]));
            }
            Data::List(_) => sheet.error(codes::VALUE_INVALID, &range.span, "`range` needs two values", "for example `range = [0, 120]`"),
            _ => wrong_type(range, "range", "a list of two values", Some("for example `range = [0, 120]`".into()), sheet),
        }
    }
    f.exclusive(&["check", "checks"], sheet);
    column.checks = checks(&mut f, "check", sheet);
    column.checks.extend(checks(&mut f, "checks", sheet));
    column.nulls = f.words("nulls", sheet);
    f.exclusive(&["format", "formats"], sheet);
    column.formats = f.names("format", sheet);
    column.formats.extend(f.names("formats", sheet));
    column.on_invalid = f.choice_or_default("on_invalid", &[("quarantine", OnInvalid::Quarantine), ("null", OnInvalid::Null)], sheet);
    column.thousands = f.character("thousands", sheet);
    column.decimal = f.character("decimal", sheet);
    column.units = f.words("units", sheet);
    column.negative = f.choice_or_default(
        "negative",
        &[("minus", Negative::Minus), ("parentheses", Negative::Parentheses), ("trailing", Negative::Trailing)],
        sheet,
    );
    column.trim = f.flag("trim", false, sheet);
    column.timezone = timezone(&mut f, sheet);

    let dated = column.data_type.as_ref().is_none_or(|t| matches!(t.value, DataType::Date32 | DataType::Timestamp(..)));
    for format in column.formats.iter().filter(|_| dated) {
        if let Err((message, help)) = check_format(&format.value, column.data_type.as_ref().map(|t| &t.value)) {
            sheet.error(codes::DATE_FORMAT, &format.span, message, help);
        }
    }
    if let (Some(t), Some(_)) = (column.thousands, column.decimal.or(Some('.')).filter(|d| Some(*d) == column.thousands)) {
        let span = f.key_span("thousands");
        let message = format!("`{t}` cannot be both the thousands and the decimal sign");
        sheet.error(codes::KEY_CONFLICT, &span, message, "for 1.234,5 write `thousands = \".\"` and `decimal = \",\"`");
    }
    if let Some(t) = &column.data_type {
        check_fit(column, &t.value, &f, sheet);
        for value in &accepted {
            check_bound("accepted", &OptionValue::Text(value.value.clone()), &value.span, &t.value, true, sheet);
        }
    }
    check_range(column, sheet);
    column.accepted = accepted.into_iter().map(|a| a.value).collect();
    f.refuse_rest(sheet);
}

/// `timezone = "…"`, of a column or a table.
pub(crate) fn timezone(f: &mut Fields, sheet: &mut Sheet) -> Option<Spanned<String>> {
    let zone = f.text("timezone", sheet)?;
    if let Err(help) = check_timezone(&zone.value) {
        sheet.error(codes::TIMEZONE_UNKNOWN, &zone.span, format!("there is no time zone `{}`", zone.value), help);
        return None;
    }
    Some(zone)
}

pub(crate) fn data_type(written: &Spanned<String>, sheet: &mut Sheet) -> Option<Spanned<DataType>> {
    match parse_type(&written.value) {
        Ok(t) => Some(Spanned::new(t, written.span.clone())),
        Err(help) => {
            sheet.error(codes::TYPE_UNKNOWN, &written.span, format!("there is no type `{}`", written.value), help);
            None
        }
    }
}

/// Options that mean nothing for the type.
fn check_fit(column: &Column, t: &DataType, f: &Fields, sheet: &mut Sheet) {
    let number = t.is_numeric();
    let time = matches!(t, DataType::Date32 | DataType::Timestamp(..));
    let text = *t == DataType::Utf8;
    for (key, fits, takes) in [
        ("format", time, "dates and timestamps"),
        ("formats", time, "dates and timestamps"),
        ("timezone", time, "dates and timestamps"),
        ("thousands", number, "numbers"),
        ("decimal", number, "numbers"),
        ("units", number, "numbers"),
        ("negative", number, "numbers"),
        ("trim", text, "text; other types are always trimmed"),
        ("min", *t != DataType::Boolean, "numbers, text, dates and timestamps"),
        ("max", *t != DataType::Boolean, "numbers, text, dates and timestamps"),
        ("range", *t != DataType::Boolean, "numbers, text, dates and timestamps"),
    ] {
        if f.has(key) && !fits {
            let message = format!("`{key}` does nothing for column `{}`, which is `{}`", column.name.value, type_name(t));
            sheet.error(codes::COLUMN_OPTION_UNFIT, &f.key_span(key), message, format!("it is for {takes}; remove it, or change the type"));
        }
    }
    for (key, bound) in [("min", &column.min), ("max", &column.max)] {
        if let (Some(bound), true) = (bound, *t != DataType::Boolean) {
            check_bound(key, &bound.value, &bound.span, t, false, sheet);
        }
    }
}

fn check_bound(key: &str, value: &OptionValue, span: &Span, t: &DataType, from_text: bool, sheet: &mut Sheet) {
    let fits = match (t, value) {
        (_, OptionValue::List(_) | OptionValue::Table(_)) => false,
        (DataType::Utf8, OptionValue::Text(_)) => true,
        (DataType::Boolean, OptionValue::Text(s)) => from_text && matches!(s.as_str(), "true" | "false"),
        (DataType::Date32, OptionValue::Text(s)) => is_date(s),
        (DataType::Timestamp(..), OptionValue::Text(s)) => is_date(s) || is_timestamp(s),
        (t, OptionValue::Text(s)) if t.is_integer() => from_text && s.parse::<i64>().is_ok(),
        (t, OptionValue::Text(s)) if t.is_numeric() => {
            (from_text || matches!(t, DataType::Decimal128(..))) && s.parse::<f64>().is_ok_and(f64::is_finite)
        }
        (t, OptionValue::Integer(n)) => t.is_numeric() && fits_integer(t, *n),
        (t, OptionValue::Float(n)) => t.is_numeric() && n.is_finite() && (!t.is_integer() || n.fract() == 0.0),
        _ => false,
    };
    if !fits {
        let example = match t {
            DataType::Date32 => "a date is written `2024-12-31`",
            DataType::Timestamp(..) => "a timestamp is written `2024-12-31T23:59:00`",
            t if t.is_integer() => "write a whole number that the type can hold",
            t if t.is_numeric() => "write a number, without quotes",
            DataType::Boolean => "write `true` or `false`",
            _ => "write text in quotes",
        };
        sheet.error(codes::BOUND_TYPE, span, format!("`{key}` must be a value of the column's type, `{}`", type_name(t)), example);
    }
}

fn fits_integer(t: &DataType, n: i64) -> bool {
    match t {
        DataType::Int8 => i8::try_from(n).is_ok(),
        DataType::Int16 => i16::try_from(n).is_ok(),
        DataType::Int32 => i32::try_from(n).is_ok(),
        _ => true,
    }
}

fn is_date(s: &str) -> bool {
    chrono::NaiveDate::parse_from_str(s, "%Y-%m-%d").is_ok()
}

fn is_timestamp(s: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(s).is_ok()
        || ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
            .iter()
            .any(|p| chrono::NaiveDateTime::parse_from_str(s, p).is_ok())
}

fn check_range(column: &Column, sheet: &mut Sheet) {
    let (Some(min), Some(max)) = (&column.min, &column.max) else { return };
    let as_number = |v: &OptionValue| match v {
        OptionValue::Integer(n) => Some(*n as f64),
        OptionValue::Float(n) => Some(*n),
        _ => None,
    };
    let empty = match (&min.value, &max.value) {
        // ISO dates compare as their text does.
        (OptionValue::Text(a), OptionValue::Text(b)) => a > b && !column.data_type.as_ref().is_some_and(|t| t.is_numeric()),
        (a, b) => as_number(a).zip(as_number(b)).is_some_and(|(a, b)| a > b),
    };
    if empty {
        let problem =
            Problem::error(codes::RANGE_EMPTY, sheet.place(&max.span), "no value can be at least the minimum and at most the maximum");
        sheet.push(problem.help("swap the two"));
    }
}
