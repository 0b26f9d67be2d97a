//! Checkpoints: a header in lines of text, then each operator's state as Arrow IPC.

pub(crate) mod checkpoint;

use crate::delta::batch;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use std::sync::Arc;
use tidemill_core::Result;

/// Columns called by their place.
pub(crate) fn numbered(columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let fields: Vec<Field> = columns.iter().enumerate().map(|(i, c)| Field::new(i.to_string(), c.data_type().clone(), true)).collect();
    let rows = columns.first().map_or(0, |c| c.len());
    batch(&Arc::new(Schema::new(fields)), columns, rows)
}
