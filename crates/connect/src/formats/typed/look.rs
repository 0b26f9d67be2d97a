//! What a typed file shows of itself.

use super::leaves::{Leaf, leaves};
use super::text::Shown;
use crate::formats::json::Nested;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use tidemill_core::{ColumnRead, Result};

#[derive(Debug, Clone, Default)]
pub struct Typed {
    pub labels: Vec<String>,
    pub columns: Vec<ColumnRead>,
    pub rows: Vec<Vec<Option<String>>>,
    /// Why nothing, or not all, can be read.
    pub damage: Option<String>,
}

impl Typed {
    pub fn damaged(why: impl Into<String>) -> Typed {
        Typed { damage: Some(why.into()), ..Typed::default() }
    }

    /// `batches` are the first rows.
    pub fn new(schema: &Schema, nested: Nested, batches: &[RecordBatch]) -> Result<Typed> {
        let found = leaves(schema, nested);
        let labels: Vec<String> = found.iter().map(|l| l.label.clone()).collect();
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let mut columns: Vec<ColumnRead> = found.iter().map(read_of).collect();
        let mut rows: Vec<Vec<Option<String>>> = Vec::new();
        for batch in batches {
            let before = rows.len();
            rows.resize(before + batch.num_rows(), vec![None; found.len()]);
            for (c, leaf) in found.iter().enumerate() {
                let array = super::cast::plain(&leaf.array(batch, &all)?)?;
                let shown = Shown::new(&array, Some(&leaf.field))?;
                for (i, row) in rows[before..].iter_mut().enumerate() {
                    if !shown.is_null(i) {
                        let mut text = String::new();
                        shown.push_text(i, &mut text);
                        row[c] = Some(text);
                    }
                }
                // As in texts, NaN among numbers means that there is none.
                if array.data_type().is_floating() && rows[before..].iter().any(|r| r[c].as_deref() == Some("NaN")) {
                    columns[c].null_tokens = vec!["NaN".into()];
                }
            }
        }
        Ok(Typed { labels, columns, rows, damage: None })
    }
}

fn read_of(leaf: &Leaf) -> ColumnRead {
    ColumnRead {
        label: leaf.label.clone(),
        ..ColumnRead::new(tidemill_core::name::normalise(&leaf.label), column_type(leaf.field.data_type()))
    }
}

/// The type that a column of this Arrow type is read as.
pub fn column_type(t: &DataType) -> DataType {
    use DataType as T;
    match t {
        T::Boolean | T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64 | T::Date32 => t.clone(),
        T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        T::UInt32 | T::UInt64 => T::Int64,
        T::Float16 => T::Float32,
        T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s) if *s >= 0 && *p <= 38 => T::Decimal128(*p, *s),
        T::Date64 => T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(_, zone) => T::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into())),
        T::Dictionary(_, value) => column_type(value),
        T::RunEndEncoded(_, value) => column_type(value.data_type()),
        _ => T::Utf8,
    }
}

/// What holds the values of both.
pub fn common_type(a: ColumnRead, b: &ColumnRead) -> ColumnRead {
    use DataType as T;
    let whole = |t: &T| matches!(t, T::Int8 | T::Int16 | T::Int32 | T::Int64);
    let width = |t: &T| t.primitive_width().unwrap_or(0);
    let data_type = match (&a.data_type, &b.data_type) {
        (x, y) if x == y => x.clone(),
        (x, y) if whole(x) && whole(y) => (if width(x) >= width(y) { x } else { y }).clone(),
        (x, y) if (whole(x) || x.is_floating()) && (whole(y) || y.is_floating()) => T::Float64,
        (T::Decimal128(p, s), T::Decimal128(q, r)) => {
            let (scale, digits) = (*s.max(r), (*p as i8 - s).max(*q as i8 - r));
            if digits + scale <= 38 { T::Decimal128((digits + scale) as u8, scale) } else { T::Utf8 }
        }
        (T::Decimal128(p, s), x) | (x, T::Decimal128(p, s)) if whole(x) => T::Decimal128((*p).max(19 + *s as u8).min(38), *s),
        (T::Date32, t @ T::Timestamp(..)) | (t @ T::Timestamp(..), T::Date32) => t.clone(),
        _ => T::Utf8,
    };
    let mut null_tokens = a.null_tokens.clone();
    null_tokens.extend(b.null_tokens.iter().filter(|t| !a.null_tokens.contains(t)).cloned());
    ColumnRead { data_type, null_tokens, ..a }
}
