//! What computes windows row by row.

use super::{CUMULATE_WINDOWS, END_COLUMN, END_FIELD, HOP_WINDOWS, START_COLUMN, START_FIELD, TUMBLE_START, WINDOW_END, Windows, instant};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, PrimitiveArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{ScalarValue, exec_err, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// Where GROUP BY has a window's start and end until the plan is lowered: `(kind, ts, first, second)`.
pub(super) const GROUP_START: &str = "_group_window_start";
pub(super) const GROUP_END: &str = "_group_window_end";

/// All of them, for a session to know.
pub(crate) fn scalars() -> Vec<ScalarUDF> {
    [Which::TumbleStart, Which::WindowEnd, Which::Hop, Which::Cumulate, Which::GroupStart, Which::GroupEnd]
        .into_iter()
        .map(scalar)
        .collect()
}

pub(super) fn scalar(which: Which) -> ScalarUDF {
    let args = match which {
        Which::WindowEnd => 2,
        Which::GroupStart | Which::GroupEnd => 4,
        _ => 3,
    };
    ScalarUDF::new_from_impl(OfWindows { which, signature: Signature::any(args, Volatility::Immutable) })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Which {
    TumbleStart,
    WindowEnd,
    Hop,
    Cumulate,
    GroupStart,
    GroupEnd,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfWindows {
    which: Which,
    signature: Signature,
}

/// `struct<start, end>` of bounds of this type; its fields may be NULL, as those of structs made elsewhere are.
pub(super) fn bounds(of: &DataType) -> Fields {
    Fields::from(vec![Field::new(START_FIELD, of.clone(), true), Field::new(END_FIELD, of.clone(), true)])
}

fn list_field(of: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(bounds(of)), false))
}

impl ScalarUDFImpl for OfWindows {
    fn name(&self) -> &str {
        match self.which {
            Which::TumbleStart => TUMBLE_START,
            Which::WindowEnd => WINDOW_END,
            Which::Hop => HOP_WINDOWS,
            Which::Cumulate => CUMULATE_WINDOWS,
            Which::GroupStart => GROUP_START,
            Which::GroupEnd => GROUP_END,
        }
    }

    /// A window's bound in GROUP BY is called as it is selected.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match self.which {
            Which::GroupStart => Ok(START_COLUMN.into()),
            Which::GroupEnd => Ok(END_COLUMN.into()),
            _ => {
                let args: Vec<String> = args.iter().map(|a| a.schema_name().to_string()).collect();
                Ok(format!("{}({})", self.name(), args.join(",")))
            }
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match self.which {
            Which::TumbleStart | Which::WindowEnd => instant(&types[0]),
            Which::Hop | Which::Cumulate => Ok(DataType::List(list_field(&instant(&types[0])?))),
            Which::GroupStart | Which::GroupEnd => instant(&types[1]),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let time = usize::from(matches!(self.which, Which::GroupStart | Which::GroupEnd));
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, args.arg_fields[time].is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let times = args.args[0].to_array(args.number_rows)?;
        let Some(times) = times.as_primitive_opt::<TimestampMicrosecondType>() else {
            return internal_err!("{} over {}", self.name(), times.data_type());
        };
        let first = length(&args.args[1])?;
        let made: ArrayRef = match self.which {
            Which::TumbleStart => Arc::new(tumble_start(times, first, length(&args.args[2])?)),
            Which::WindowEnd => Arc::new(like(times, times.unary::<_, TimestampMicrosecondType>(|t| t.saturating_add(first)))),
            Which::Hop => hop_windows(times, first, length(&args.args[2])?)?,
            Which::Cumulate => cumulate_windows(times, first, length(&args.args[2])?)?,
            Which::GroupStart | Which::GroupEnd => return internal_err!("a window of GROUP BY was left in the plan"),
        };
        Ok(ColumnarValue::Array(made))
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(match self.which {
            Which::TumbleStart | Which::WindowEnd => inputs[0].sort_properties,
            _ => SortProperties::Unordered,
        })
    }
}

type Times = PrimitiveArray<TimestampMicrosecondType>;

fn like(times: &Times, made: Times) -> Times {
    made.with_data_type(times.data_type().clone())
}

fn length(value: &ColumnarValue) -> Result<i64> {
    match value {
        ColumnarValue::Scalar(ScalarValue::Int64(Some(micros))) => Ok(*micros),
        ColumnarValue::Array(all) if !all.is_empty() && all.as_primitive_opt::<Int64Type>().is_some() => {
            Ok(all.as_primitive::<Int64Type>().value(0))
        }
        other => exec_err!("a window's length is {}", other.data_type()),
    }
}

/// The start of the window of this size that `time` lies in.
pub(super) fn floor(time: i64, size: i64, offset: i64) -> i64 {
    time.saturating_sub(time.wrapping_sub(offset).rem_euclid(size))
}

fn tumble_start(times: &Times, size: i64, offset: i64) -> Times {
    // Neighbours are mostly in one window, and a comparison costs less than a division.
    let mut open = floor(0, size, offset);
    let starts = times.values().iter().map(|t| {
        if *t < open || t.wrapping_sub(open) >= size {
            open = floor(*t, size, offset);
        }
        open
    });
    like(times, Times::new(starts.collect(), times.nulls().cloned()))
}

fn hop_windows(times: &Times, slide: i64, size: i64) -> Result<ArrayRef> {
    let each = size / slide;
    lists(times, |t, starts, ends| {
        let last = floor(t, slide, 0);
        for back in (0..each).rev() {
            let start = last.saturating_sub(back * slide);
            starts.push(start);
            ends.push(start.saturating_add(size));
        }
    })
}

fn cumulate_windows(times: &Times, step: i64, size: i64) -> Result<ArrayRef> {
    lists(times, |t, starts, ends| {
        let start = floor(t, size, 0);
        let over = t.saturating_sub(start) / step;
        for steps in over + 1..=size / step {
            starts.push(start);
            ends.push(start.saturating_add(steps * step));
        }
    })
}

/// One list per time: `fill` adds the bounds of a time's windows.
fn lists(times: &Times, mut fill: impl FnMut(i64, &mut Vec<i64>, &mut Vec<i64>)) -> Result<ArrayRef> {
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut offsets: Vec<i32> = Vec::with_capacity(times.len() + 1);
    offsets.push(0);
    for time in times {
        if let Some(time) = time {
            fill(time, &mut starts, &mut ends);
        }
        let Ok(end) = i32::try_from(starts.len()) else {
            return exec_err!("one batch of rows is in more than two thousand million windows");
        };
        offsets.push(end);
    }
    let bound = |all: Vec<i64>| Arc::new(like(times, Times::from(all))) as ArrayRef;
    let windows = StructArray::try_new(bounds(times.data_type()), vec![bound(starts), bound(ends)], None)?;
    let nulls = times.nulls().filter(|n| n.null_count() > 0).cloned();
    let lists = ListArray::try_new(list_field(times.data_type()), OffsetBuffer::new(offsets.into()), Arc::new(windows), nulls)?;
    Ok(Arc::new(lists))
}

/// `struct<start, end>` of these bounds; NULL where there is none.
pub(super) fn structs(of: &DataType, starts: Vec<i64>, ends: Vec<i64>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let typed = |all: Vec<i64>| Arc::new(Times::from(all).with_data_type(of.clone())) as ArrayRef;
    Ok(Arc::new(StructArray::try_new(bounds(of), vec![typed(starts), typed(ends)], nulls)?))
}

impl Windows {
    /// Which function gives the windows of a row, for kinds that have one.
    pub(super) fn lists(&self) -> Option<Which> {
        match self.kind {
            super::Kind::Hop => Some(Which::Hop),
            super::Kind::Cumulate => Some(Which::Cumulate),
            super::Kind::Tumble | super::Kind::Session => None,
        }
    }
}

/// Whether a type is what the functions here take.
pub(super) fn is_micros(t: &DataType) -> bool {
    matches!(t, DataType::Timestamp(TimeUnit::Microsecond, _))
}
