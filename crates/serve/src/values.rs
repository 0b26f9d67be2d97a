//! Rows for programs: as JSON, and as CSV that a spreadsheet does not take for formulas.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;
use tidemill_core::{Error, Result};
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
fn json_columns(columns: &[ArrayRef]) -> Result<Vec<Vec<Value>>> {
    columns.iter().map(json_column).collect()
}

fn json_column(column: &ArrayRef) -> Result<Vec<Value>> {
    let all = 0..column.len();
    let column = plain(column)?;
    Ok(match Cells::of(&column)? {
        Cells::Null => vec![Value::Null; column.len()],
        Cells::Bool(a) => all.map(|i| if a.is_valid(i) { a.value(i).into() } else { Value::Null }).collect(),
        Cells::Whole(a) => all.map(|i| if a.is_valid(i) { a.value(i).into() } else { Value::Null }).collect(),
        Cells::Unsigned(a) => all.map(|i| if a.is_valid(i) { a.value(i).into() } else { Value::Null }).collect(),
        // What JSON has no word for (NaN, infinities) is null.
        Cells::Number(a) => all.map(|i| if a.is_valid(i) { Value::from(a.value(i)) } else { Value::Null }).collect(),
        Cells::Text(a, formatter) => all.map(|i| if a.is_valid(i) { formatter.value(i).to_string().into() } else { Value::Null }).collect(),
    })
}

/// Each of so many rows as a written list, without a value of every cell in between: for millions of them. It says what [`json_rows`] says.
pub fn each_row(columns: &[ArrayRef], rows: usize, mut row: impl FnMut(usize, &[u8])) -> Result<()> {
    let columns = columns.iter().map(plain).collect::<Result<Vec<_>>>()?;
    let cells = columns.iter().map(Cells::of).collect::<Result<Vec<_>>>()?;
    let (mut text, mut out) = (String::new(), Vec::new());
    for i in 0..rows {
        out.clear();
        for (place, cells) in cells.iter().enumerate() {
            out.push(if place == 0 { b'[' } else { b',' });
            cells.write(i, &mut text, &mut out)?;
        }
        if cells.is_empty() {
            out.push(b'[');
        }
        out.push(b']');
        row(i, &out);
    }
    Ok(())
}

enum Cells<'a> {
    Null,
    Bool(&'a BooleanArray),
    Whole(&'a Int64Array),
    Unsigned(&'a UInt64Array),
    Number(&'a Float64Array),
    Text(&'a ArrayRef, ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    /// Of a column that is [`plain`].
    fn of(column: &'a ArrayRef) -> Result<Cells<'a>> {
        Ok(match column.data_type() {
            DataType::Null => Cells::Null,
            DataType::Boolean => Cells::Bool(column.as_boolean()),
            DataType::UInt64 => Cells::Unsigned(column.as_primitive()),
            DataType::Int64 => Cells::Whole(column.as_primitive()),
            DataType::Float64 => Cells::Number(column.as_primitive()),
            _ => Cells::Text(column, ArrayFormatter::try_new(column.as_ref(), &OPTIONS)?),
        })
    }

    fn write(&self, i: usize, text: &mut String, out: &mut Vec<u8>) -> Result<()> {
        let told = |e: &dyn std::fmt::Display| Error::bug(format!("a value cannot be written: {e}"));
        let written = match self {
            Cells::Bool(a) if a.is_valid(i) => serde_json::to_writer(out, &a.value(i)),
            Cells::Whole(a) if a.is_valid(i) => serde_json::to_writer(out, &a.value(i)),
            Cells::Unsigned(a) if a.is_valid(i) => serde_json::to_writer(out, &a.value(i)),
            // What JSON has no word for (NaN, infinities) is null.
            Cells::Number(a) if a.is_valid(i) => serde_json::to_writer(out, &a.value(i)),
            Cells::Text(a, formatter) if a.is_valid(i) => {
                text.clear();
                write!(text, "{}", formatter.value(i)).map_err(|e| told(&e))?;
                serde_json::to_writer(out, text)
            }
            _ => serde_json::to_writer(out, &()),
        };
        written.map_err(|e| told(&e))
    }
}

/// A column as it is told: a number as JSON has them, an instant in UTC, wherever a column says that it was written.
fn plain(column: &ArrayRef) -> Result<ArrayRef> {
    Ok(match column.data_type() {
        DataType::UInt64 => Arc::clone(column),
        t if t.is_integer() => cast(column, &DataType::Int64)?,
        t if t.is_numeric() => cast(column, &DataType::Float64)?,
        DataType::Timestamp(unit, Some(_)) => cast(column, &DataType::Timestamp(*unit, None))?,
        DataType::Timestamp(TimeUnit::Nanosecond, None) => cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None))?,
        _ => Arc::clone(column),
    })
}

/// Instants in ISO 8601.
const OPTIONS: FormatOptions<'static> = FormatOptions::new()
    .with_null("")
    .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
    .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));

/// Every value as text.
fn texts(column: &ArrayRef) -> Result<Vec<Option<String>>> {
    let utc = if column.data_type().is_temporal() { plain(column)? } else { Arc::clone(column) };
    let formatter = ArrayFormatter::try_new(utc.as_ref(), &OPTIONS)?;
    Ok((0..utc.len()).map(|i| utc.is_valid(i).then(|| formatter.value(i).to_string())).collect())
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Decimal128Array, DictionaryArray, StringArray, TimestampNanosecondArray, new_null_array};
    use arrow::datatypes::{Field, Int8Type, Schema};

    /// What rows are written as is what their values are.
    #[test]
    fn rows_are_written_as_their_values() {
        let texts = vec![Some("plain"), None, Some("\"q\" \\ \n\u{1}\u{202e} é <script>"), Some("")];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(texts.clone())),
            Arc::new(texts.into_iter().collect::<DictionaryArray<Int8Type>>()),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None])),
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(0), Some(i64::MAX)])),
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(0), Some(1)])),
            Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(-0.1), Some(f64::INFINITY)])),
            Arc::new(Decimal128Array::from(vec![Some(1234), None, Some(-5), Some(0)]).with_precision_and_scale(10, 2).unwrap()),
            Arc::new(Date32Array::from(vec![Some(0), None, Some(-1), Some(20_000)])),
            Arc::new(TimestampNanosecondArray::from(vec![Some(1_500_000_000), None, Some(-1), Some(0)]).with_timezone("Europe/Berlin")),
            new_null_array(&DataType::Null, 4),
        ];
        let fields: Vec<Field> = columns.iter().enumerate().map(|(i, c)| Field::new(i.to_string(), c.data_type().clone(), true)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.clone()).unwrap();
        let values = json_rows(&Collected { schema: batch.schema(), batches: vec![batch], truncated: false }).unwrap();
        let mut written = Vec::new();
        each_row(&columns, 4, |i, row| written.push((i, serde_json::from_slice::<Vec<Value>>(row).unwrap()))).unwrap();
        assert_eq!(written, values.into_iter().enumerate().collect::<Vec<_>>());
        assert_eq!(written[0].1[8], "1970-01-01T00:00:01.500Z");
    }
}
