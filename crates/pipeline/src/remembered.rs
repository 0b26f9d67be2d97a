//! The columns that a table's source was last seen to have, for the day when its files are empty: types are read from rows.

use serde_json::{Value, json};
use std::path::Path;
use tidemill_core::{ColumnRead, Result};
use tidemill_lake::Lake;
use tidemill_project::{parse_type, type_name};

fn place(table: &str) -> String {
    format!("columns/{table}.json")
}

/// Notes what was read just now.
pub fn put(lake: &Lake, table: &str, columns: &[ColumnRead]) -> Result<()> {
    let body: Vec<Value> = columns.iter().map(told).collect();
    match lake.get_state::<Vec<Value>>(&place(table)) {
        Ok(Some(there)) if there == body => Ok(()),
        _ => lake.put_state(&place(table), &body),
    }
}

/// What was read last, as a look at the source would show it. `None` when nothing was, or it can't be known any more.
pub fn get(lake_at: &Path, table: &str) -> Option<Vec<ColumnRead>> {
    let body: Vec<Value> = tidemill_lake::state::read(lake_at, &place(table)).ok()??;
    body.iter().map(column).collect()
}

fn told(c: &ColumnRead) -> Value {
    json!({"name": c.name, "label": c.label, "type": type_name(&c.data_type), "formats": c.formats, "nulls": c.null_tokens})
}

fn column(v: &Value) -> Option<ColumnRead> {
    let texts = |key: &str| Some(v[key].as_array()?.iter().filter_map(|t| t.as_str().map(str::to_string)).collect::<Vec<_>>());
    let data_type = parse_type(v["type"].as_str()?).ok()?;
    Some(ColumnRead {
        label: v["label"].as_str()?.to_string(),
        formats: texts("formats")?,
        null_tokens: texts("nulls")?,
        ..ColumnRead::new(v["name"].as_str()?, data_type)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, TimeUnit};

    #[test]
    fn columns_come_back_as_they_were_read() {
        let all = [
            DataType::Utf8,
            DataType::Boolean,
            DataType::Int8,
            DataType::Int64,
            DataType::Float32,
            DataType::Float64,
            DataType::Decimal128(12, 2),
            DataType::Date32,
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ];
        for (i, data_type) in all.into_iter().enumerate() {
            let read = ColumnRead {
                label: format!("Column {i}"),
                formats: vec!["%d/%m/%Y".into()],
                null_tokens: vec!["NA".into(), String::new()],
                ..ColumnRead::new(format!("column_{i}"), data_type)
            };
            assert_eq!(column(&told(&read)), Some(read));
        }
    }
}
