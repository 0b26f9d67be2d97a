//! What a data file's footer says about its columns, as Delta keeps it: rows, least and greatest values, NULLs.

use arrow::array::{Array, ArrayRef, AsArray, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Int8Type, Int16Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType};
use arrow::datatypes::{Date32Type, Decimal128Type, Float32Type, Float64Type};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::ParquetMetaData;
use std::collections::BTreeMap;
use std::fmt::Write;
use tidemill_core::{Error, Result};

/// The JSON text of an `add` action's `stats`. `exact` overrides columns whose one value is known, since a footer cuts long texts.
pub(crate) fn stats_json(schema: &Schema, metadata: &ParquetMetaData, exact: &BTreeMap<String, String>) -> Result<String> {
    let descriptor = metadata.file_metadata().schema_descr();
    let groups = metadata.row_groups();
    let (mut least, mut greatest, mut nulls) = (Vec::new(), Vec::new(), Vec::new());
    for field in schema.fields() {
        let key = serde_json::to_string(field.name()).map_err(|e| Error::bug(e.to_string()))?;
        if field.data_type().is_nested() {
            continue;
        }
        let converter = StatisticsConverter::try_new(field.name(), schema, descriptor).map_err(|e| Error::bug(e.to_string()))?;
        let counts = converter.row_group_null_counts(groups.iter()).map_err(|e| Error::bug(e.to_string()))?;
        if counts.null_count() == 0 {
            nulls.push(format!("{key}:{}", counts.values().iter().sum::<u64>()));
        }
        if let Some(value) = exact.get(field.name()) {
            let value = serde_json::to_string(value).map_err(|e| Error::bug(e.to_string()))?;
            least.push(format!("{key}:{value}"));
            greatest.push(format!("{key}:{value}"));
            continue;
        }
        let (Ok(minima), Ok(maxima)) = (converter.row_group_mins(groups.iter()), converter.row_group_maxes(groups.iter())) else {
            continue;
        };
        if let (Some(a), Some(b)) = (extreme(&minima, false), extreme(&maxima, true)) {
            least.push(format!("{key}:{a}"));
            greatest.push(format!("{key}:{b}"));
        }
    }
    let mut text = String::new();
    let rows = metadata.file_metadata().num_rows();
    let _ = write!(text, "{{\"numRecords\":{rows},\"minValues\":{{{}}},", least.join(","));
    let _ = write!(text, "\"maxValues\":{{{}}},\"nullCount\":{{{}}}}}", greatest.join(","), nulls.join(","));
    Ok(text)
}

/// The least or greatest of the row groups' values as JSON; `None` where there is none or JSON cannot say it.
fn extreme(values: &ArrayRef, greatest: bool) -> Option<String> {
    // A row group of NULLs only has no least value; it takes no part. But one whose footer says nothing at all can't be told from it, so a
    // missing value beside present ones is fine only because our own writer always writes statistics.
    let comparator = make_comparator(values, values, SortOptions::default()).ok()?;
    let mut best: Option<usize> = None;
    for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
        best = match best {
            Some(b) if (comparator(row, b) == std::cmp::Ordering::Greater) != greatest => Some(b),
            _ => Some(row),
        };
    }
    json_value(values, best?)
}

fn json_value(values: &ArrayRef, row: usize) -> Option<String> {
    Some(match values.data_type() {
        DataType::Int8 => values.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => values.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => values.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => values.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => serde_json::Number::from_f64(f64::from(values.as_primitive::<Float32Type>().value(row)))?.to_string(),
        DataType::Float64 => serde_json::Number::from_f64(values.as_primitive::<Float64Type>().value(row))?.to_string(),
        DataType::Decimal128(_, _) => values.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Utf8 => serde_json::to_string(values.as_string::<i32>().value(row)).ok()?,
        DataType::Date32 => format!("\"{}\"", values.as_primitive::<Date32Type>().value_as_date(row)?),
        DataType::Timestamp(_, zone) => {
            let at = values.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row)?;
            format!("\"{}{}\"", at.format("%Y-%m-%dT%H:%M:%S%.6f"), if zone.is_some() { "Z" } else { "" })
        }
        _ => return None,
    })
}
