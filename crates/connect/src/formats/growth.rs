//! The columns of one block, growing strip by strip.

use super::convert::{Bad, ColumnBuilder, builder};
use super::plan::FileColumn;
use super::strip::Strip;
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use std::sync::Arc;
use tidemill_core::Result;

pub struct Growth<'a> {
    columns: &'a [FileColumn],
    builders: Vec<Box<dyn ColumnBuilder>>,
    bad: Vec<Bad>,
    keep: Vec<bool>,
}

impl<'a> Growth<'a> {
    pub fn new(columns: &'a [FileColumn]) -> Self {
        let builders = columns.iter().enumerate().map(|(i, c)| builder(&c.plan, i)).collect();
        Growth { columns, builders, bad: Vec::new(), keep: Vec::new() }
    }

    /// Takes the strip's rows, except those with a value that costs its row its place: they are told to `reject` and dropped from the strip.
    /// Columns that may reject a row come first, then text for the rows that are left.
    pub fn strip(&mut self, strip: &mut Strip, buf: &[u8], mut reject: impl FnMut(&Strip, &Bad)) {
        let Growth { columns, builders, bad, keep } = self;
        bad.clear();
        for (column, builder) in columns.iter().zip(builders.iter_mut()).filter(|(c, _)| !c.plan.is_text()) {
            match column.field {
                Some(field) if column.output.is_some() || column.plan.can_reject() => builder.read(strip, buf, field, bad),
                _ => builder.skip(strip.rows()),
            }
        }
        if !bad.is_empty() {
            // The first failing column, in their order, names the reason.
            bad.sort_by_key(|b| (b.row, b.column));
            bad.dedup_by_key(|b| b.row);
            keep.clear();
            keep.resize(strip.rows(), true);
            for b in bad.iter() {
                keep[b.row as usize] = false;
                reject(strip, b);
            }
            for (_, builder) in columns.iter().zip(builders.iter_mut()).filter(|(c, _)| !c.plan.is_text()) {
                builder.retain(keep);
            }
            strip.retain(keep);
        }
        for (column, builder) in columns.iter().zip(builders.iter_mut()).filter(|(c, _)| c.plan.is_text()) {
            match column.field {
                Some(field) if column.output.is_some() => builder.read(strip, buf, field, bad),
                _ => builder.skip(strip.rows()),
            }
        }
    }

    /// Says which share of the block is done.
    pub fn reserve(&mut self, share: f64) {
        self.builders.iter_mut().for_each(|b| b.reserve(share));
    }

    /// The batch of `rows` rows, and per column how many cells were made NULL because they were invalid.
    pub fn finish(self, schema: &SchemaRef, rows: usize) -> Result<(RecordBatch, Vec<u64>)> {
        let mut nulled = vec![0; schema.fields().len()];
        let mut arrays = vec![None; schema.fields().len()];
        for (column, builder) in self.columns.iter().zip(self.builders) {
            if let Some(out) = column.output {
                nulled[out] = builder.nulled();
                arrays[out] = Some(builder.finish()?);
            }
        }
        let arrays: Vec<_> = arrays.into_iter().flatten().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok((RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?, nulled))
    }
}
