//! Sessions: rows of one key that follow each other within the gap.

use super::functions::{bounds, structs};
use super::{SESSION, instant};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimestampMicrosecondType};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};
use std::sync::Arc;

pub(crate) fn session() -> WindowUDF {
    WindowUDF::new_from_impl(Session { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Session {
    signature: Signature,
}

impl WindowUDFImpl for Session {
    fn name(&self) -> &str {
        SESSION
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Sessions))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let time = args.get_input_field(0);
        let of = instant(time.as_ref().map_or(&DataType::Null, |f| f.data_type()))?;
        Ok(Arc::new(Field::new(args.name(), DataType::Struct(bounds(&of)), time.is_none_or(|f| f.is_nullable()))))
    }

    fn sort_options(&self) -> Option<SortOptions> {
        None
    }
}

#[derive(Debug)]
struct Sessions;

impl PartitionEvaluator for Sessions {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let (Some(times), Some(gaps)) =
            (values[0].as_primitive_opt::<TimestampMicrosecondType>(), values[1].as_primitive_opt::<Int64Type>())
        else {
            return internal_err!("{SESSION} over {} and {}", values[0].data_type(), values[1].data_type());
        };
        let gap = if gaps.is_empty() { 0 } else { gaps.value(0) };
        let (mut starts, mut ends) = (vec![0; rows], vec![0; rows]);
        // Where the session of the row before began, and the time of that row.
        let mut last: Option<(i64, i64)> = None;
        for row in (0..rows).filter(|r| times.is_valid(*r)) {
            let at = times.value(row);
            let start = match last {
                Some((start, before)) if at <= before.saturating_add(gap) => start,
                _ => at,
            };
            (starts[row], ends[row]) = (start, at.saturating_add(gap));
            last = Some((start, at));
        }
        // An end is known when the session is over: from the back, each takes that of the row behind it.
        let mut behind: Option<usize> = None;
        for row in (0..rows).rev().filter(|r| times.is_valid(*r)) {
            if let Some(behind) = behind.filter(|b| starts[*b] == starts[row]) {
                ends[row] = ends[behind];
            }
            behind = Some(row);
        }
        structs(times.data_type(), starts, ends, times.nulls().filter(|n| n.null_count() > 0).cloned())
    }
}
