//! Which Arrow types a table can hold, and how Delta writes them down.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use serde_json::{Value, json};
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// The schema as a table stores it: every column nullable, and types that Delta lacks turned into the nearest one it has (unsigned integers
/// into wider signed ones, other time units into microseconds, dictionaries and views into their values, times and intervals into text).
/// Fails on a type that has no such neighbour, and on two columns whose names differ in case only.
pub fn storable(schema: &Schema) -> Result<SchemaRef> {
    let mut seen = std::collections::BTreeSet::new();
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if !seen.insert(field.name().to_lowercase()) {
            return Err(
                Error::config(format!("there are two columns named `{}`", field.name())).help("give one of them another name with AS")
            );
        }
        let data_type = storable_type(field.data_type()).ok_or_else(|| {
            Error::config(format!("column `{}` has type {}, which cannot be stored", field.name(), field.data_type())).help("cast it")
        })?;
        fields.push(Field::new(field.name(), data_type, true).with_metadata(comment(field)));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// A batch with the columns and types of `schema` (a [`storable`] one). Columns go by name; a missing one is NULL.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch.clone());
    }
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()).map_err(|e| e.at(format!("column `{}`", field.name()))),
        None => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// Casts without losing anything silently: a value that does not fit is an error.
pub(crate) fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if column.data_type() == to {
        return Ok(column.clone());
    }
    let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
    arrow::compute::cast_with_options(column.as_ref(), to, &options)
        .map_err(|e| Error::data(format!("{} does not fit {}: {e}", column.data_type(), to)).because(e))
}

fn storable_type(data_type: &DataType) -> Option<DataType> {
    use DataType as D;
    Some(match data_type {
        D::Boolean | D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::Float32 | D::Float64 | D::Utf8 | D::Binary | D::Date32 => {
            data_type.clone()
        }
        D::Null | D::LargeUtf8 | D::Utf8View | D::Time32(_) | D::Time64(_) | D::Duration(_) | D::Interval(_) => D::Utf8,
        D::UInt8 => D::Int16,
        D::UInt16 => D::Int32,
        D::UInt32 | D::UInt64 => D::Int64,
        D::Float16 => D::Float32,
        D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => D::Binary,
        D::Date64 => D::Date32,
        D::Timestamp(_, None) => D::Timestamp(TimeUnit::Microsecond, None),
        D::Timestamp(_, Some(_)) => D::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        D::Decimal32(p, s) | D::Decimal64(p, s) | D::Decimal128(p, s) if *s >= 0 => D::Decimal128(*p, *s),
        D::Decimal256(p, s) if *p <= 38 && *s >= 0 => D::Decimal128(*p, *s),
        D::Dictionary(_, value) => storable_type(value)?,
        D::RunEndEncoded(_, value) => storable_type(value.data_type())?,
        D::List(f) | D::LargeList(f) | D::ListView(f) | D::LargeListView(f) | D::FixedSizeList(f, _) => {
            D::List(Arc::new(Field::new("element", storable_type(f.data_type())?, true)))
        }
        D::Struct(fields) => {
            let fields = fields.iter().map(|f| Some(Field::new(f.name(), storable_type(f.data_type())?, true)));
            D::Struct(fields.collect::<Option<Vec<_>>>()?.into())
        }
        D::Map(entries, sorted) => {
            let D::Struct(pair) = entries.data_type() else { return None };
            let [key, value] = pair.as_ref() else { return None };
            let pair: Vec<FieldRef> = vec![
                Arc::new(Field::new("key", storable_type(key.data_type())?, false)),
                Arc::new(Field::new("value", storable_type(value.data_type())?, true)),
            ];
            D::Map(Arc::new(Field::new("key_value", D::Struct(Fields::from(pair)), false)), *sorted)
        }
        _ => return None,
    })
}

/// Descriptions travel as Delta's `comment`; all other metadata is Arrow's or Parquet's private matter.
fn comment(field: &Field) -> std::collections::HashMap<String, String> {
    let text = field.metadata().get("comment").or_else(|| field.metadata().get("description"));
    text.map(|t| ("comment".to_string(), t.clone())).into_iter().collect()
}

/// Delta's JSON of a storable schema.
pub(crate) fn delta_schema(schema: &Schema) -> Result<Value> {
    let fields = schema.fields().iter().map(|f| delta_field(f)).collect::<Result<Vec<_>>>()?;
    Ok(json!({"type": "struct", "fields": fields}))
}

fn delta_field(field: &Field) -> Result<Value> {
    let metadata: serde_json::Map<String, Value> =
        field.metadata().iter().filter(|(k, _)| *k == "comment").map(|(k, v)| (k.clone(), Value::from(v.clone()))).collect();
    Ok(json!({"name": field.name(), "type": delta_type(field.data_type())?, "nullable": field.is_nullable(), "metadata": metadata}))
}

fn delta_type(data_type: &DataType) -> Result<Value> {
    use DataType as D;
    Ok(match data_type {
        D::Boolean => "boolean".into(),
        D::Int8 => "byte".into(),
        D::Int16 => "short".into(),
        D::Int32 => "integer".into(),
        D::Int64 => "long".into(),
        D::Float32 => "float".into(),
        D::Float64 => "double".into(),
        D::Utf8 => "string".into(),
        D::Binary => "binary".into(),
        D::Date32 => "date".into(),
        D::Timestamp(TimeUnit::Microsecond, None) => "timestamp_ntz".into(),
        D::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp".into(),
        D::Decimal128(p, s) => format!("decimal({p},{s})").into(),
        D::List(f) => json!({"type": "array", "elementType": delta_type(f.data_type())?, "containsNull": f.is_nullable()}),
        D::Struct(fields) => {
            let fields = fields.iter().map(|f| delta_field(f)).collect::<Result<Vec<_>>>()?;
            json!({"type": "struct", "fields": fields})
        }
        D::Map(entries, _) => match entries.data_type() {
            D::Struct(pair) if pair.len() == 2 => json!({
                "type": "map", "keyType": delta_type(pair[0].data_type())?, "valueType": delta_type(pair[1].data_type())?,
                "valueContainsNull": pair[1].is_nullable(),
            }),
            _ => return Err(Error::bug("a map without key and value")),
        },
        other => return Err(Error::bug(format!("type {other} is not storable"))),
    })
}

/// Whether Delta has to be told that the table holds timestamps without a zone.
pub(crate) fn has_local_timestamps(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, None) => true,
        DataType::List(f) | DataType::Map(f, _) => has_local_timestamps(f.data_type()),
        DataType::Struct(fields) => fields.iter().any(|f| has_local_timestamps(f.data_type())),
        _ => false,
    }
}

/// Whether old files of type `from` can be read as `to` without loss.
pub fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType as D;
    let rank = |t: &DataType| match t {
        D::Int8 => Some(1),
        D::Int16 => Some(2),
        D::Int32 => Some(3),
        D::Int64 => Some(4),
        _ => None,
    };
    from == to
        || matches!((rank(from), rank(to)), (Some(a), Some(b)) if a <= b)
        || matches!((rank(from), to), (Some(a), D::Float64) if a <= 3)
        || matches!((from, to), (D::Float32, D::Float64) | (D::Date32, D::Timestamp(_, None)))
        || matches!((from, to), (D::Decimal128(p1, s1), D::Decimal128(p2, s2)) if s1 <= s2 && i16::from(*p1) - i16::from(*s1) <= i16::from(*p2) - i16::from(*s2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringViewArray, UInt64Array};

    #[test]
    fn what_delta_lacks_becomes_the_nearest_it_has_or_fails_loudly() {
        let schema = Schema::new(vec![Field::new("n", DataType::UInt64, false), Field::new("t", DataType::Utf8View, true)]);
        let stored = storable(&schema).unwrap();
        assert_eq!(stored.field(0).data_type(), &DataType::Int64);
        assert_eq!(stored.field(1).data_type(), &DataType::Utf8);
        let batch = |n: u64| {
            let columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(vec![n])), Arc::new(StringViewArray::from(vec!["a"]))];
            RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap()
        };
        assert_eq!(conform(&batch(5), &stored).unwrap().schema(), stored);
        assert!(conform(&batch(u64::MAX), &stored).is_err());
        let twice = Schema::new(vec![Field::new("a", DataType::Utf8, true), Field::new("A", DataType::Utf8, true)]);
        assert!(storable(&twice).unwrap_err().what.contains("two columns"));
    }
}
