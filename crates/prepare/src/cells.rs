//! Cells as text, as numbers, as ranks and as JSON: the conversions that rules and measures share.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Float64Array, StringArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{self as types, DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// The type a column is kept as: texts, signed numbers and microseconds, as tables store them. `None` when a table can't.
pub(crate) fn stored_type(t: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match t {
        T::Boolean | T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64 | T::Decimal128(..) | T::Date32 | T::Utf8 => {
            t.clone()
        }
        T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        T::UInt32 | T::UInt64 => T::Int64,
        T::Float16 => T::Float32,
        T::Date64 => T::Date32,
        T::Decimal32(p, s) | T::Decimal64(p, s) => T::Decimal128(*p, *s),
        T::LargeUtf8 | T::Utf8View | T::Null => T::Utf8,
        T::Timestamp(_, None) => T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(_, Some(_)) => T::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        T::Dictionary(_, value) => return stored_type(value),
        _ => return None,
    })
}

/// `array` as `to`; cells that can't be become NULL.
pub(crate) fn cast_loosely(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    Ok(cast(array.as_ref(), to)?)
}

/// `array` as `to`; a cell that can't be is an error.
pub(crate) fn cast_strictly(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    Ok(cast_with_options(array.as_ref(), to, &CastOptions { safe: false, ..CastOptions::default() })?)
}

pub(crate) fn is_text(t: &DataType) -> bool {
    *t == DataType::Utf8
}

pub(crate) fn is_whole(t: &DataType) -> bool {
    matches!(t, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
}

pub(crate) fn is_number(t: &DataType) -> bool {
    is_whole(t) || matches!(t, DataType::Float32 | DataType::Float64 | DataType::Decimal128(..))
}

pub(crate) fn is_moment(t: &DataType) -> bool {
    matches!(t, DataType::Date32 | DataType::Timestamp(..))
}

/// A number column as doubles.
pub(crate) fn floats(array: &ArrayRef) -> Result<Float64Array> {
    let a = if is_moment(array.data_type()) {
        cast(&cast(array, &whole_of(array.data_type()))?, &DataType::Float64)?
    } else {
        cast_loosely(array, &DataType::Float64)?
    };
    Ok(a.as_primitive::<types::Float64Type>().clone())
}

fn whole_of(t: &DataType) -> DataType {
    if *t == DataType::Date32 { DataType::Int32 } else { DataType::Int64 }
}

/// A text column; others as text.
pub(crate) fn texts(array: &ArrayRef) -> Result<StringArray> {
    Ok(cast_loosely(array, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// A cell for people: `None` for NULL.
pub(crate) fn text_of(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    if let Some(a) = array.as_string_opt::<i32>() {
        return Some(a.value(row).to_string());
    }
    let options = FormatOptions::default();
    ArrayFormatter::try_new(array, &options).ok().map(|f| f.value(row).to_string())
}

/// Cells that differ; NULL differs from every value and not from NULL.
pub(crate) fn differ(before: &ArrayRef, after: &ArrayRef) -> Result<BooleanBuffer> {
    if Arc::ptr_eq(before, after) {
        return Ok(BooleanBuffer::new_unset(after.len()));
    }
    let before = cast_loosely(before, after.data_type())?;
    Ok(arrow::compute::kernels::cmp::distinct(&before, after)?.values().clone())
}

/// Which cells are there.
pub(crate) fn present(array: &dyn Array) -> BooleanBuffer {
    array.nulls().map_or_else(|| BooleanBuffer::new_set(array.len()), |n| n.inner().clone())
}

/// Which cells are missing.
pub(crate) fn missing(array: &dyn Array) -> BooleanBuffer {
    array.nulls().map_or_else(|| BooleanBuffer::new_unset(array.len()), |n| !n.inner())
}

/// Cells at `mask` become NULL.
pub(crate) fn nulled(array: &ArrayRef, mask: &BooleanBuffer) -> Result<ArrayRef> {
    if !mask.has_true() {
        return Ok(array.clone());
    }
    Ok(arrow::compute::nullif(array.as_ref(), &BooleanArray::new(mask.clone(), None))?)
}

/// `len` times the one cell of `cell`.
pub(crate) fn repeat(cell: &ArrayRef, len: usize) -> Result<ArrayRef> {
    let indices = arrow::array::UInt32Array::from(vec![0u32; len]);
    Ok(arrow::compute::take(cell.as_ref(), &indices, None)?)
}

/// `array` with its NULL cells filled from the one cell of `cell`.
pub(crate) fn filled(array: &ArrayRef, cell: &ArrayRef) -> Result<ArrayRef> {
    if array.null_count() == 0 || cell.is_null(0) {
        return Ok(array.clone());
    }
    let mask = BooleanArray::new(missing(array.as_ref()), None);
    Ok(arrow::compute::kernels::zip::zip(&mask, &arrow::array::Scalar::new(cell.clone()), array)?)
}

/// Values as whole numbers in the same order, which makes one code of medians and modes for all types.
pub(crate) struct Ranked;

impl Ranked {
    /// Ranks of the values that are there; NaN and infinities are left out.
    pub(crate) fn of(array: &ArrayRef) -> Result<Vec<i64>> {
        let mut out = Vec::with_capacity(array.len() - array.null_count());
        Self::each(array, |_, rank| out.push(rank))?;
        Ok(out)
    }

    /// Calls `with` for each value that is there, with its row and rank.
    pub(crate) fn each(array: &ArrayRef, mut with: impl FnMut(usize, i64)) -> Result<()> {
        fn go<T: ArrowPrimitiveType>(array: &ArrayRef, mut with: impl FnMut(usize, T::Native)) {
            let a = array.as_primitive::<T>();
            if a.null_count() == 0 {
                a.values().iter().enumerate().for_each(|(i, v)| with(i, *v));
            } else {
                for i in present(a).set_indices() {
                    with(i, a.value(i));
                }
            }
        }
        match array.data_type() {
            DataType::Boolean => {
                let a = array.as_boolean();
                present(a).set_indices().for_each(|i| with(i, i64::from(a.value(i))));
            }
            DataType::Int8 => go::<types::Int8Type>(array, |i, v| with(i, v.into())),
            DataType::Int16 => go::<types::Int16Type>(array, |i, v| with(i, v.into())),
            DataType::Int32 => go::<types::Int32Type>(array, |i, v| with(i, v.into())),
            DataType::Int64 => go::<types::Int64Type>(array, with),
            DataType::Date32 => go::<types::Date32Type>(array, |i, v| with(i, v.into())),
            DataType::Timestamp(TimeUnit::Microsecond, _) => go::<types::TimestampMicrosecondType>(array, with),
            DataType::Float32 => go::<types::Float32Type>(array, |i, v| {
                if v.is_finite() {
                    with(i, float_rank(v.into()));
                }
            }),
            DataType::Float64 => go::<types::Float64Type>(array, |i, v| {
                if v.is_finite() {
                    with(i, float_rank(v));
                }
            }),
            DataType::Decimal128(..) => {
                let mut wide = false;
                go::<types::Decimal128Type>(array, |i, v| match i64::try_from(v) {
                    Ok(v) => with(i, v),
                    Err(_) => wide = true,
                });
                if wide {
                    return Err(Error::data("a decimal of more than 18 digits can't be ranked").help("cast the column to double first"));
                }
            }
            other => return Err(Error::bug(format!("values of type {other} have no ranks"))),
        }
        Ok(())
    }

    /// A rank's value as a number.
    pub(crate) fn value(rank: i64, t: &DataType) -> f64 {
        match t {
            DataType::Float32 | DataType::Float64 => rank_float(rank),
            DataType::Decimal128(_, scale) => rank as f64 / 10f64.powi(i32::from(*scale)),
            _ => rank as f64,
        }
    }

    /// A rank's value as a cell.
    pub(crate) fn cell(rank: i64, t: &DataType) -> Result<ArrayRef> {
        use arrow::array::{BooleanArray, Decimal128Array, Int64Array};
        match t {
            DataType::Boolean => Ok(Arc::new(BooleanArray::from(vec![rank != 0]))),
            DataType::Float32 | DataType::Float64 => float_cell(rank_float(rank), t),
            DataType::Decimal128(p, s) => Ok(Arc::new(Decimal128Array::from(vec![i128::from(rank)]).with_precision_and_scale(*p, *s)?)),
            DataType::Date32 => {
                let days: ArrayRef = Arc::new(Int64Array::from(vec![rank]));
                cast_loosely(&cast_loosely(&days, &DataType::Int32)?, t)
            }
            _ => cast_loosely(&(Arc::new(Int64Array::from(vec![rank])) as ArrayRef), t),
        }
    }

    /// What lies in the middle of two ranks: the mean for floats, the mean rounded down for all else.
    pub(crate) fn between(a: i64, b: i64, t: &DataType) -> Result<ArrayRef> {
        match t {
            DataType::Float32 | DataType::Float64 => {
                let (a, b) = (rank_float(a), rank_float(b));
                float_cell(a + (b - a) / 2.0, t)
            }
            _ => Self::cell((i128::from(a) + i128::from(b)).div_euclid(2) as i64, t),
        }
    }
}

fn float_cell(v: f64, t: &DataType) -> Result<ArrayRef> {
    cast_loosely(&(Arc::new(Float64Array::from(vec![v])) as ArrayRef), t)
}

fn float_rank(v: f64) -> i64 {
    let bits = (v + 0.0).to_bits() as i64; // + 0.0 makes one zero of two
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn rank_float(rank: i64) -> f64 {
    f64::from_bits((rank ^ (((rank >> 63) as u64) >> 1) as i64) as u64)
}

/// A number as a cell of type `t`: rounded to the nearest for whole numbers, to the scale for decimals, to the nearest instant or day for times.
pub(crate) fn number_cell(v: f64, t: &DataType) -> Result<ArrayRef> {
    let number: ArrayRef = Arc::new(Float64Array::from(vec![if is_whole(t) || is_moment(t) { v.round() } else { v }]));
    match t {
        _ if is_moment(t) => cast_loosely(&cast_loosely(&number, &whole_of(t))?, t),
        _ => cast_loosely(&number, t),
    }
}

/// The text as a cell of type `t`, read as a literal would be. `None` when it is not one.
pub(crate) fn text_cell(text: &str, t: &DataType) -> Option<ArrayRef> {
    let a: ArrayRef = Arc::new(StringArray::from(vec![text]));
    cast_strictly(&a, t).ok().filter(|c| c.is_valid(0))
}

/// One cell as JSON: numbers and booleans as such where that loses nothing, all else as text.
pub(crate) fn cell_json(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Float64 => number_json(array.as_primitive::<types::Float64Type>().value(row)),
        DataType::Float32 => number_json(array.as_primitive::<types::Float32Type>().value(row).into()),
        t if is_whole(t) => text_of(array, row).and_then(|s| s.parse::<i64>().ok()).map_or(Value::Null, Value::from),
        t if is_moment(t) => {
            // Instants as whole numbers: no time zone and no calendar can come between.
            let whole = cast(array, &whole_of(t)).ok();
            whole.and_then(|w| text_of(w.as_ref(), row)).and_then(|s| s.parse::<i64>().ok()).map_or(Value::Null, Value::from)
        }
        _ => text_of(array, row).map_or(Value::Null, Value::from),
    }
}

/// What [`cell_json`] wrote.
pub(crate) fn json_cell(v: &Value, t: &DataType) -> Result<ArrayRef> {
    let wrong = || Error::data(format!("{v} is not a value of type {t}"));
    Ok(match v {
        Value::Null => new_null_array(t, 1),
        Value::Bool(b) => cast_loosely(&(Arc::new(BooleanArray::from(vec![*b])) as ArrayRef), t)?,
        Value::Number(_) if matches!(t, DataType::Float32 | DataType::Float64) => float_cell(json_number(v)?, t)?,
        Value::Number(n) => Ranked::cell(n.as_i64().ok_or_else(wrong)?, t)?,
        Value::String(s) if matches!(t, DataType::Float32 | DataType::Float64) => float_cell(s.parse().map_err(|_| wrong())?, t)?,
        Value::String(s) => text_cell(s, t).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    })
}

/// A double as a JSON number where JSON readers give the same double back, and as its shortest text otherwise.
pub(crate) fn number_json(v: f64) -> Value {
    let number = serde_json::Number::from_f64(v).map(Value::Number);
    let same = |n: &Value| serde_json::from_str::<f64>(&n.to_string()).is_ok_and(|back| back.to_bits() == v.to_bits());
    number.filter(same).unwrap_or_else(|| Value::String(v.to_string()))
}

pub(crate) fn json_number(v: &Value) -> Result<f64> {
    let number = match v {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| Error::data(format!("{v} is not a number")))
}

/// The field of a fitted value that must be there.
pub(crate) fn field<'a>(fitted: &'a Value, name: &str) -> Result<&'a Value> {
    fitted.get(name).ok_or_else(|| {
        Error::data(format!("a stored recipe has no `{name}` where one is needed")).help("fit it again: run without `--frozen`")
    })
}

pub(crate) fn number_field(fitted: &Value, name: &str) -> Result<f64> {
    json_number(field(fitted, name)?)
}

/// Texts of a list field.
pub(crate) fn text_list(fitted: &Value, name: &str) -> Result<Vec<String>> {
    let list = field(fitted, name)?.as_array().ok_or_else(|| Error::data(format!("`{name}` of a stored recipe is not a list")))?;
    Ok(list.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_string)).collect())
}

/// A number for people: no `.0` on whole ones.
pub(crate) fn figure(v: f64) -> String {
    if v.fract() == 0.0 && v.abs() < 1e15 { format!("{v:.0}") } else { format!("{v}") }
}
