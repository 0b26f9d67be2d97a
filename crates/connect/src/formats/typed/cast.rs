//! One column into the type asked for, strictly: a value that does not fit is told, never changed.

use super::text::{Shown, is_uuid};
use crate::formats::convert::builder;
use crate::formats::json::decode::DIALECT;
use crate::formats::plan::{ColumnPlan, Kind};
use crate::formats::strip::Strip;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type, TimeUnit};
use std::sync::Arc;
use tidemill_core::{OnInvalid, Result};

pub struct Cast {
    pub array: ArrayRef,
    /// Rows whose value does not fit, in order; NULL in `array`.
    pub invalid: Vec<u32>,
}

const STRIP_ROWS: usize = 1024;

pub fn cast(array: &ArrayRef, field: &FieldRef, plan: &ColumnPlan) -> Result<Cast> {
    let array = &plain(array)?;
    match direct(array.data_type(), plan) {
        true => by_type(array, plan),
        false => by_text(array, field, plan),
    }
}

/// Dictionaries and runs unfolded; instants in UTC, whatever zone they are shown in.
pub fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let to = match array.data_type() {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::RunEndEncoded(_, value) => value.data_type().clone(),
        DataType::Timestamp(unit, Some(zone)) if &**zone != "UTC" => DataType::Timestamp(*unit, Some("UTC".into())),
        _ => return Ok(Arc::clone(array)),
    };
    Ok(cast_with_options(array, &to, &CastOptions { safe: true, ..CastOptions::default() })?)
}

/// Whether Arrow's own conversion says the same as going by the text would.
fn direct(from: &DataType, plan: &ColumnPlan) -> bool {
    use DataType as T;
    if !plan.tokens.is_empty() {
        return false;
    }
    let is_utc = plan.read.timezone == "UTC";
    match (from, plan.kind) {
        (T::Null, _) => true,
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, Kind::Text) => !plan.read.trim,
        (T::Boolean, Kind::Boolean) | (T::Date32, Kind::Date) => true,
        (t, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Float64) if t.is_integer() => true,
        (T::Float16 | T::Float32 | T::Float64, Kind::Float64) | (T::Float16 | T::Float32, Kind::Float32) => true,
        (T::Decimal32(_, s) | T::Decimal64(_, s) | T::Decimal128(_, s), Kind::Decimal { scale, .. }) => *s == scale,
        (t, Kind::Decimal { .. }) if t.is_integer() => true,
        (T::Timestamp(_, Some(_)), Kind::Timestamp { utc: true }) | (T::Timestamp(_, None), Kind::Timestamp { utc: false }) => true,
        (T::Timestamp(..), Kind::Timestamp { .. }) => is_utc,
        _ => false,
    }
}

fn by_type(array: &ArrayRef, plan: &ColumnPlan) -> Result<Cast> {
    let to = &plan.read.data_type;
    let mut out = if array.data_type() == to {
        Arc::clone(array)
    } else {
        match (array.data_type(), to) {
            // The reading of the clock is kept when a zone is added or taken, which only happens for UTC.
            (DataType::Timestamp(_, Some(_)), DataType::Timestamp(unit, None)) => {
                let utc = cast_with_options(array, &DataType::Timestamp(*unit, Some("UTC".into())), &SAFE)?;
                Arc::new(utc.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().clone().with_timezone_opt(None::<Arc<str>>))
            }
            (DataType::Timestamp(_, None), DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => {
                let local = cast_with_options(array, &DataType::Timestamp(TimeUnit::Microsecond, None), &SAFE)?;
                Arc::new(local.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().clone().with_timezone("UTC")) as ArrayRef
            }
            _ => cast_with_options(array, to, &SAFE)?,
        }
    };
    let mut invalid: Vec<u32> = Vec::new();
    if out.null_count() > array.null_count() && *array.data_type() != DataType::Null {
        invalid.extend((0..array.len()).filter(|i| out.is_null(*i) && array.is_valid(*i)).map(|i| i as u32));
    }
    // NaN and infinity are no numbers here, as in texts.
    if let Kind::Float32 | Kind::Float64 = plan.kind {
        let is_finite = |i: usize| match to {
            DataType::Float32 => out.as_primitive::<Float32Type>().value(i).is_finite(),
            _ => out.as_primitive::<Float64Type>().value(i).is_finite(),
        };
        let infinite: Vec<u32> = (0..out.len()).filter(|i| out.is_valid(*i) && !is_finite(*i)).map(|i| i as u32).collect();
        if !infinite.is_empty() {
            let mut mask = vec![false; out.len()];
            infinite.iter().for_each(|i| mask[*i as usize] = true);
            out = arrow::compute::nullif(&out, &mask.into())?;
            invalid.extend(infinite);
        }
    }
    Ok(Cast { array: out, invalid })
}

const SAFE: CastOptions<'static> =
    CastOptions { safe: true, format_options: arrow::util::display::FormatOptions::new().with_display_error(false) };

/// By each value's text, as if it stood in a text file.
fn by_text(array: &ArrayRef, field: &FieldRef, plan: &ColumnPlan) -> Result<Cast> {
    let shown = Shown::new(array, Some(field))?;
    let is_text = matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        || is_uuid(field)
        || matches!(array.data_type(), DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    let mut plan = ColumnPlan { dialect: DIALECT, ..plan.clone() };
    plan.read.on_invalid = OnInvalid::Quarantine;
    let mut builder = builder(&plan, 0);
    let quote = char::from(DIALECT.quote.unwrap_or(0x1F));
    let (mut strip, mut bad, mut invalid) = (Strip::default(), Vec::new(), Vec::new());
    let mut cells = String::new();
    let mut from = 0;
    while from < array.len() {
        strip.clear(1);
        cells.clear();
        let to = (from + STRIP_ROWS).min(array.len());
        for row in from..to {
            strip.begin(0, 0, 0, cells.len() as u32);
            if !shown.is_null(row) {
                let start = cells.len();
                shown.push_text(row, &mut cells);
                // A text that is empty is there; one that begins with the quote would be taken for quoted.
                let is_special = cells.len() == start || cells[start..].starts_with(quote);
                if is_special && (is_text || cells.len() > start) {
                    let doubled = cells.split_off(start).replace(quote, "\u{1F}\u{1F}");
                    cells.extend([quote]);
                    cells.push_str(&doubled);
                    cells.extend([quote]);
                }
            }
            cells.push(',');
            strip.end_field(cells.len() as u32);
        }
        strip.bytes = cells.len();
        bad.clear();
        builder.read(&strip, cells.as_bytes(), 0, &mut bad);
        invalid.extend(bad.iter().map(|b| b.row + from as u32));
        from = to;
    }
    Ok(Cast { array: builder.finish()?, invalid })
}
