//! A change: rows, each with how many times it comes (+1) or goes (-1).

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat_batches, filter, filter_record_batch, take, take_record_batch};
use arrow::datatypes::{Int64Type, SchemaRef, UInt32Type};
use tidemill_core::Result;

#[derive(Debug, Clone)]
pub struct Delta {
    pub rows: RecordBatch,
    /// `None`: every row comes once.
    pub weights: Option<Int64Array>,
    /// Which late rows these come from, where somebody wants to know which of them were left out.
    pub(crate) origin: Option<UInt32Array>,
}

impl Delta {
    pub fn inserted(rows: RecordBatch) -> Self {
        Delta::weighed(rows, None)
    }

    /// `weights`: +1 or -1 per row; `None`: every row comes once.
    pub fn weighed(rows: RecordBatch, weights: Option<Int64Array>) -> Self {
        Delta { rows, weights, origin: None }
    }

    pub fn with_weight(rows: RecordBatch, weight: i64) -> Self {
        let weights = (weight != 1).then(|| Int64Array::from(vec![weight; rows.num_rows()]));
        Delta::weighed(rows, weights)
    }

    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn weight(&self, row: usize) -> i64 {
        self.weights.as_ref().map_or(1, |w| w.value(row))
    }

    pub(crate) fn filter(&self, keep: &BooleanArray) -> Result<Delta> {
        let weights = match &self.weights {
            Some(w) => Some(filter(w, keep)?.as_primitive::<Int64Type>().clone()),
            None => None,
        };
        let origin = match &self.origin {
            Some(o) => Some(filter(o, keep)?.as_primitive::<UInt32Type>().clone()),
            None => None,
        };
        Ok(Delta { rows: filter_record_batch(&self.rows, keep)?, weights, origin })
    }

    pub(crate) fn take(&self, rows: &UInt32Array) -> Result<Delta> {
        let weights = self.weights.as_ref().map(|w| rows.values().iter().map(|i| w.value(*i as usize)).collect::<Int64Array>());
        let origin = self.origin.as_ref().map(|o| rows.values().iter().map(|i| o.value(*i as usize)).collect::<UInt32Array>());
        Ok(Delta { rows: take_record_batch(&self.rows, rows)?, weights, origin })
    }

    /// The same rows with other columns.
    pub(crate) fn with_columns(&self, schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<Delta> {
        Ok(Delta { rows: batch(schema, columns, self.len())?, weights: self.weights.clone(), origin: self.origin.clone() })
    }
}

/// A batch that may have no columns.
pub(crate) fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows)).with_match_field_names(false);
    Ok(RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options)?)
}

/// One batch of many.
pub(crate) fn joined(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    match batches {
        [] => Ok(RecordBatch::new_empty(SchemaRef::clone(schema))),
        [one] => Ok(one.clone()),
        many if schema.fields().is_empty() => batch(schema, Vec::new(), many.iter().map(RecordBatch::num_rows).sum()),
        many => Ok(concat_batches(schema, many)?),
    }
}

/// These rows of an array.
pub(crate) fn taken(array: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef> {
    Ok(take(array.as_ref(), rows, None)?)
}

/// Row numbers as arrow wants them.
pub(crate) fn indices(rows: impl IntoIterator<Item = usize>) -> UInt32Array {
    UInt32Array::from_iter_values(rows.into_iter().map(|i| i as u32))
}

/// Whether an array may be counted on to have no NULL.
pub(crate) fn no_nulls(array: &dyn Array) -> bool {
    array.logical_null_count() == 0
}
