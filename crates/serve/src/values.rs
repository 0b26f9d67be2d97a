//! Rows for programs: as JSON, and as CSV that a spreadsheet does not take for formulas.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use std::borrow::Cow;
use tidemill_core::Result;
use tidemill_engine::Collected;
use tidemill_project::dashboard::query::Kind;

/// All rows, a list each.
pub fn json_rows(rows: &Collected) -> Result<Vec<Vec<Value>>> {
    let mut out = Vec::with_capacity(rows.rows());
    for batch in &rows.batches {
        let columns = json_columns(batch.columns())?;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        for _ in 0..batch.num_rows() {
            out.push(columns.iter_mut().map(|c| c.next().unwrap_or(Value::Null)).collect());
        }
    }
    Ok(out)
}

/// Every value of each column.
pub fn json_columns(columns: &[ArrayRef]) -> Result<Vec<Vec<Value>>> {
    columns.iter().map(json_column).collect()
}

fn json_column(column: &ArrayRef) -> Result<Vec<Value>> {
    let all = 0..column.len();
    let valid = |i: usize| !column.is_null(i);
    Ok(match column.data_type() {
        DataType::Null => vec![Value::Null; column.len()],
        DataType::Boolean => {
            let bools = column.as_boolean();
            all.map(|i| if valid(i) { bools.value(i).into() } else { Value::Null }).collect()
        }
        DataType::UInt64 => all
            .map(|i| if valid(i) { column.as_primitive::<arrow::datatypes::UInt64Type>().value(i).into() } else { Value::Null })
            .collect(),
        t if t.is_integer() => {
            let whole = cast(column, &DataType::Int64)?;
            let whole = whole.as_primitive::<Int64Type>();
            all.map(|i| if valid(i) { whole.value(i).into() } else { Value::Null }).collect()
        }
        t if t.is_numeric() => {
            let numbers = cast(column, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            // What JSON has no word for (NaN, infinities) is null.
            all.map(|i| if valid(i) { Value::from(numbers.value(i)) } else { Value::Null }).collect()
        }
        _ => texts(column)?.into_iter().map(|t| t.map_or(Value::Null, Value::from)).collect(),
    })
}

/// Every value as text: instants in ISO 8601.
fn texts(column: &ArrayRef) -> Result<Vec<Option<String>>> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new()
        .with_null("")
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    // Instants are UTC, wherever a column says that it was written.
    let utc = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => Some(cast(column, &DataType::Timestamp(*unit, None))?),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => Some(cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None))?),
        _ => None,
    };
    let column = utc.as_ref().unwrap_or(column);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &OPTIONS)?;
    Ok((0..column.len()).map(|i| (!column.is_null(i)).then(|| formatter.value(i).to_string())).collect())
}

/// With a header. NULL is an empty field.
pub fn csv(rows: &Collected, header: &[String]) -> Result<String> {
    let mut out = String::new();
    record(&mut out, header.iter().map(|h| unlike_formula(h)));
    for batch in &rows.batches {
        let columns = batch.columns().iter().map(csv_column).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            record(&mut out, columns.iter().map(|c| Cow::Borrowed(c[row].as_str())));
        }
    }
    Ok(out)
}

fn csv_column(column: &ArrayRef) -> Result<Vec<String>> {
    let texts = texts(column)?.into_iter().map(Option::unwrap_or_default);
    Ok(match Kind::of(column.data_type()) {
        Kind::Text => texts.map(|t| unlike_formula(&t).into_owned()).collect(),
        _ => texts.collect(),
    })
}

/// A spreadsheet computes what begins like a formula; with `'` before it, it is text there.
fn unlike_formula(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}

fn record<'a>(out: &mut String, fields: impl Iterator<Item = Cow<'a, str>>) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.push(',');
        }
        if field.contains(['"', ',', '\n', '\r']) || field.trim() != field {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&field);
        }
    }
    out.push_str("\r\n");
}

/// The one whole number of an answer of one row.
pub fn whole(batches: &[RecordBatch]) -> Option<i64> {
    let column = batches.iter().find(|b| b.num_rows() > 0)?.columns().first()?;
    let whole = cast(column, &DataType::Int64).ok()?;
    let whole = whole.as_primitive::<Int64Type>();
    (!whole.is_null(0)).then(|| whole.value(0))
}

/// A moment, in ISO 8601.
pub fn instant(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default().format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
}
