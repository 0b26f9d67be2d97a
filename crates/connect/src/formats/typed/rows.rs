//! Rows of a typed file into a batch of the columns asked for, and rejects.

use super::cast::{Cast, cast};
use super::leaves::Leaf;
use super::text;
use crate::formats::plan::FileColumn;
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::filter;
use arrow::datatypes::SchemaRef;
use std::sync::{Arc, OnceLock};
use tidemill_core::{Decoded, OnInvalid, Reject, Result, RowText};

/// How the rows of one file become batches.
#[derive(Debug)]
pub struct Plan {
    pub split: Arc<str>,
    pub leaves: Vec<Leaf>,
    /// Which leaf each column is.
    pub columns: Vec<FileColumn>,
    pub schema: SchemaRef,
    /// Set when every row must become a reject: why.
    pub drift: Option<String>,
}

impl Plan {
    /// Indices in the file's schema of the columns that are needed, in order.
    pub fn needed(&self) -> Vec<usize> {
        let mut needed: Vec<usize> = self.columns.iter().filter_map(|c| self.leaves.get(c.field?)?.path.first().copied()).collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }
}

/// Gives the rows with all of the file's columns; asked for only when a row's text is.
pub type Whole = Box<dyn Fn() -> Result<RecordBatch> + Send + Sync>;

struct Texts {
    /// Row of the piece, by row of the batch.
    rows: Vec<u32>,
    first: u64,
    whole: Whole,
    read: OnceLock<Option<RecordBatch>>,
}

impl Texts {
    fn of(&self, row: usize) -> String {
        let batch = self.read.get_or_init(|| (self.whole)().ok());
        let row = batch.as_ref().filter(|b| row < b.num_rows()).map(|b| text::row(b, row));
        row.and_then(Result::ok).unwrap_or_default()
    }
}

impl RowText for Texts {
    fn text(&self, row: usize) -> String {
        self.rows.get(row).map_or_else(String::new, |r| self.of(*r as usize))
    }
    fn offset(&self, row: usize) -> u64 {
        self.rows.get(row).map_or(self.first, |r| self.first + u64::from(*r))
    }
}

/// `batch` holds the columns `read` of the file's schema; `first` is the number of its first row, from 0; `rejects` come after its rows.
pub fn decode(
    plan: &Arc<Plan>,
    batch: &RecordBatch,
    read: &[usize],
    first: u64,
    whole: Whole,
    bytes_read: u64,
    mut rejects: Vec<Reject>,
) -> Result<Decoded> {
    let rows = batch.num_rows();
    let mut texts = Texts { rows: Vec::new(), first, whole, read: OnceLock::new() };
    let mut keep = vec![true; rows];
    let mut found = Vec::new();
    let mut reject = |row: usize, code, column: Option<String>, reason: String| {
        found.push(Reject {
            split: Arc::clone(&plan.split),
            line: first + row as u64 + 1,
            offset: first + row as u64,
            raw: texts.of(row),
            code,
            column,
            reason,
        });
    };
    let mut arrays: Vec<Option<ArrayRef>> = vec![None; plan.schema.fields().len()];
    let mut nulled = vec![0; plan.schema.fields().len()];
    if let Some(why) = &plan.drift {
        (0..rows).for_each(|row| reject(row, "drift", None, why.clone()));
        keep.fill(false);
    }
    // Columns that may cost a row its place come first.
    let mut casts: Vec<Option<Cast>> = Vec::with_capacity(plan.columns.len());
    let mut firsts: Vec<Option<usize>> = vec![None; rows];
    for (c, column) in plan.columns.iter().enumerate() {
        casts.push(match column.field {
            Some(field) if column.plan.can_reject() && plan.drift.is_none() => {
                let leaf = &plan.leaves[field];
                let done = cast(&leaf.array(batch, read)?, &leaf.field, &column.plan)?;
                for row in &done.invalid {
                    firsts[*row as usize].get_or_insert(c);
                }
                Some(done)
            }
            _ => None,
        });
    }
    for (row, column) in firsts.iter().enumerate() {
        let Some(column) = column.map(|c| &plan.columns[c]) else { continue };
        keep[row] = false;
        let leaf = &plan.leaves[column.field.unwrap_or(0)];
        let array = super::cast::plain(&leaf.array(batch, read)?.slice(row, 1))?;
        let mut shown = String::new();
        text::Shown::new(&array, Some(&leaf.field))?.push_text(0, &mut shown);
        reject(row, "type", Some(column.plan.read.name.clone()), column.plan.reason(&shown));
    }
    let mask = BooleanArray::from(keep.clone());
    let is_whole = mask.true_count() == rows;
    for (column, done) in plan.columns.iter().zip(casts) {
        let Some(out) = column.output else { continue };
        let kept = |array: ArrayRef| if is_whole { Ok(array) } else { filter(&array, &mask) };
        arrays[out] = Some(match (done, column.field) {
            (Some(done), _) => kept(done.array)?,
            (None, Some(field)) if plan.drift.is_none() => {
                let leaf = &plan.leaves[field];
                let done = cast(&kept(leaf.array(batch, read)?)?, &leaf.field, &column.plan)?;
                if column.plan.read.on_invalid == OnInvalid::Null || column.plan.is_text() {
                    nulled[out] = done.invalid.len() as u64;
                }
                done.array
            }
            _ => new_null_array(plan.schema.field(out).data_type(), mask.true_count()),
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(mask.true_count()));
    let arrays = arrays.into_iter().flatten().collect();
    let batch = RecordBatch::try_new_with_options(Arc::clone(&plan.schema), arrays, &options)?;
    texts.rows = (0..rows as u32).filter(|r| keep[*r as usize]).collect();
    let lines = texts.rows.iter().map(|r| first + u64::from(*r) + 1).collect();
    found.append(&mut rejects);
    Ok(Decoded {
        split: Arc::clone(&plan.split),
        rows_read: (batch.num_rows() + found.len()) as u64,
        batch,
        lines,
        rejects: found,
        bytes_read,
        nulled,
        text: Arc::new(texts),
    })
}
