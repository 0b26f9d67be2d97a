//! Fields of one column into an Arrow array, a strip of rows at a time. Types that a field may fail to be ([`cells`]) come before text,
//! which takes anything: a row that fails is dropped from the strip before its text is copied.

pub mod boolean;
pub mod cells;
pub mod decimal;
pub mod moment;
pub mod number;
pub mod pattern;
pub mod text;
pub mod zone;

use super::plan::{ColumnPlan, Kind};
use super::strip::Strip;
use arrow::array::ArrayRef;
use arrow::buffer::{BooleanBuffer, NullBuffer};
use tidemill_core::Result;

/// Grows one column. Rows are appended by `read` or `skip` and, until the next call, may be dropped again by `retain`.
pub trait ColumnBuilder: Send {
    /// Appends field `field` of every row of the strip; rows that must be rejected are appended to `bad` (and get some value).
    fn read(&mut self, strip: &Strip, buf: &[u8], field: usize, bad: &mut Vec<Bad>);
    /// Keeps, of the rows appended last, those for which `keep` is true.
    fn retain(&mut self, keep: &[bool]);
    /// Appends NULLs.
    fn skip(&mut self, rows: usize);
    /// Cells made NULL because they were invalid.
    fn nulled(&self) -> u64;
    /// Says how many rows and bytes of text are likely to come, from how many have come.
    fn reserve(&mut self, share_done: f64);
    fn finish(self: Box<Self>) -> Result<ArrayRef>;
}

/// A row to reject, by its place in the strip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    pub row: u32,
    pub column: usize,
}

/// A builder for the column; `column` is what [`Bad`] will say.
pub fn builder(plan: &ColumnPlan, column: usize) -> Box<dyn ColumnBuilder> {
    use arrow::datatypes::{Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
    let numbers = &plan.numbers;
    macro_rules! cells {
        ($parse:expr) => {
            Box::new(cells::Cells::new(plan, column, $parse))
        };
    }
    match &plan.kind {
        Kind::Text => Box::new(text::Texts::new(plan)),
        Kind::Boolean => cells!(boolean::Booleans),
        Kind::Int8 => cells!(number::Integers::<Int8Type>::new(numbers)),
        Kind::Int16 => cells!(number::Integers::<Int16Type>::new(numbers)),
        Kind::Int32 => cells!(number::Integers::<Int32Type>::new(numbers)),
        Kind::Int64 => cells!(number::Integers::<Int64Type>::new(numbers)),
        Kind::Float32 => cells!(number::Floats::<Float32Type>::new(numbers)),
        Kind::Float64 => cells!(number::Floats::<Float64Type>::new(numbers)),
        Kind::Decimal { precision, scale } => cells!(decimal::Decimals::new(numbers, *precision, *scale)),
        Kind::Date => cells!(moment::Dates::new(&plan.moments)),
        Kind::Timestamp { utc } => cells!(moment::Timestamps::new(&plan.moments, *utc)),
    }
}

/// Validity from one byte per row; `None` when every row is valid.
pub(super) fn null_buffer(valid: &[bool]) -> Option<NullBuffer> {
    if valid.iter().all(|v| *v) {
        return None;
    }
    Some(NullBuffer::new(BooleanBuffer::collect_bool(valid.len(), |i| valid[i])))
}
