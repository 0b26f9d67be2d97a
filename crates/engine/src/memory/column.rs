//! A column as it is kept: chunks of equal length, and what each says about its values.

use super::CHUNK_ROWS;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};
use datafusion::logical_expr::Accumulator;

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) chunks: Vec<ArrayRef>,
    pub(crate) bytes: u64,
    /// The least and the greatest value of each chunk; NULL where that is not known.
    pub(crate) least: Vec<ScalarValue>,
    pub(crate) greatest: Vec<ScalarValue>,
    pub(crate) statistics: ColumnStatistics,
}

impl Column {
    /// Cuts pieces of any length into chunks. The pieces' own memory is not held on to.
    pub(crate) fn new(pieces: &[ArrayRef]) -> Result<Column> {
        let rows: usize = pieces.iter().map(|p| p.len()).sum();
        let mut chunks = Vec::with_capacity(rows.div_ceil(CHUNK_ROWS));
        let mut open: Vec<ArrayRef> = Vec::new();
        let mut length = 0;
        for piece in pieces {
            let mut from = 0;
            while from < piece.len() {
                let take = (piece.len() - from).min(CHUNK_ROWS - length);
                open.push(piece.slice(from, take));
                (from, length) = (from + take, length + take);
                if length == CHUNK_ROWS {
                    chunks.push(joined(&open)?);
                    open.clear();
                    length = 0;
                }
            }
        }
        if length > 0 {
            chunks.push(joined(&open)?);
        }
        let (mut least, mut greatest) = (Vec::with_capacity(chunks.len()), Vec::with_capacity(chunks.len()));
        for chunk in &chunks {
            let (low, high) = bounds(chunk)?;
            least.push(low);
            greatest.push(high);
        }
        let nulls: usize = chunks.iter().map(|c| c.null_count()).sum();
        let bytes: usize = chunks.iter().map(|c| c.get_array_memory_size()).sum();
        let mut statistics = ColumnStatistics::new_unknown();
        statistics.null_count = Precision::Exact(nulls);
        statistics.byte_size = Precision::Exact(bytes);
        statistics.min_value = overall(&least, |a, b| a < b);
        statistics.max_value = overall(&greatest, |a, b| a > b);
        Ok(Column { chunks, bytes: bytes as u64, least, greatest, statistics })
    }
}

/// A copy, so that what it was a slice of can go.
fn joined(pieces: &[ArrayRef]) -> Result<ArrayRef> {
    let all: Vec<&dyn Array> = pieces.iter().map(|p| p.as_ref()).collect();
    if let [one] = all.as_slice() {
        // Concatenation of a single array gives back the same memory.
        return Ok(arrow::array::make_array(compact(*one)));
    }
    Ok(arrow::compute::concat(&all)?)
}

fn compact(array: &dyn Array) -> arrow::array::ArrayData {
    let data = array.to_data();
    let mut copy = arrow::array::MutableArrayData::new(vec![&data], false, data.len());
    // The range is the array's own, so it is within bounds.
    let _ = copy.try_extend(0, 0, data.len());
    copy.freeze()
}

/// The least and the greatest value, where their order is the order of comparisons in SQL.
fn bounds(chunk: &ArrayRef) -> Result<(ScalarValue, ScalarValue)> {
    let unknown = ScalarValue::try_new_null(chunk.data_type())?;
    if !ordered(chunk.data_type()) {
        return Ok((unknown.clone(), unknown));
    }
    let mut low = MinAccumulator::try_new(chunk.data_type())?;
    let mut high = MaxAccumulator::try_new(chunk.data_type())?;
    low.update_batch(std::slice::from_ref(chunk))?;
    high.update_batch(std::slice::from_ref(chunk))?;
    let (low, high) = (low.evaluate()?, high.evaluate()?);
    let is_nan = |v: &ScalarValue| {
        matches!(v, ScalarValue::Float64(Some(x)) if x.is_nan()) || matches!(v, ScalarValue::Float32(Some(x)) if x.is_nan())
    };
    if is_nan(&low) || is_nan(&high) { Ok((unknown.clone(), unknown)) } else { Ok((low, high)) }
}

fn ordered(data_type: &DataType) -> bool {
    use DataType::*;
    data_type.is_integer() || matches!(data_type, Float32 | Float64 | Date32 | Date64 | Timestamp(..) | Decimal128(..) | Utf8 | Boolean)
}

/// Of all chunks, where each of them says it. A chunk that holds nothing but NULL says nothing either, which costs only the knowledge.
fn overall(each: &[ScalarValue], better: impl Fn(&ScalarValue, &ScalarValue) -> bool) -> Precision<ScalarValue> {
    if each.is_empty() || each.iter().any(ScalarValue::is_null) {
        return Precision::Absent;
    }
    let mut best = &each[0];
    for value in each {
        if better(value, best) {
            best = value;
        }
    }
    Precision::Exact(best.clone())
}
