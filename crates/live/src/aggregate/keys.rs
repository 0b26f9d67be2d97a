//! The keys of groups, by number, kept beside what looks them up: that gives its keys away only by forgetting them.

use crate::delta::{batch, indices, joined};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use tidemill_core::Result;

/// Rows that are only added to, in pieces whose sizes fall by half at least, so that there are few and each row is copied seldom.
pub(crate) struct Pieces {
    schema: SchemaRef,
    pieces: Vec<RecordBatch>,
    /// Where each piece begins.
    begins: Vec<usize>,
    len: usize,
}

impl Pieces {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Pieces { schema, pieces: Vec::new(), begins: Vec::new(), len: 0 }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    pub(crate) fn size(&self) -> usize {
        self.pieces.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    pub(crate) fn push(&mut self, columns: Vec<ArrayRef>, rows: usize) -> Result<()> {
        let mut added = batch(&self.schema, columns, rows)?;
        let mut begin = self.len;
        self.len += rows;
        while let Some(last) = self.pieces.last() {
            if last.num_rows() > 2 * added.num_rows() {
                break;
            }
            added = joined(&self.schema, &[last.clone(), added])?;
            self.pieces.pop();
            begin = self.begins.pop().unwrap_or(0);
        }
        self.pieces.push(added);
        self.begins.push(begin);
        Ok(())
    }

    /// Rows by number.
    pub(crate) fn take(&self, rows: &[usize]) -> Result<RecordBatch> {
        if self.schema.fields().is_empty() {
            return batch(&self.schema, Vec::new(), rows.len());
        }
        match self.pieces.as_slice() {
            [] => Ok(RecordBatch::new_empty(SchemaRef::clone(&self.schema))),
            [one] => Ok(arrow::compute::take_record_batch(one, &indices(rows.iter().copied()))?),
            many => {
                let at: Vec<(usize, usize)> = rows
                    .iter()
                    .map(|row| {
                        let piece = self.begins.partition_point(|b| b <= row) - 1;
                        (piece, row - self.begins[piece])
                    })
                    .collect();
                Ok(interleave_record_batch(&many.iter().collect::<Vec<_>>(), &at)?)
            }
        }
    }

    pub(crate) fn all(&self) -> Result<RecordBatch> {
        if self.pieces.is_empty() {
            return batch(&self.schema, self.schema.fields().iter().map(|f| arrow::array::new_empty_array(f.data_type())).collect(), 0);
        }
        joined(&self.schema, &self.pieces)
    }
}
