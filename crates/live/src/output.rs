//! The result: rows that may still change, those that have settled, and what changed since somebody last asked.

mod pages;

use crate::compile::Built;
use crate::delta::{Delta, batch, indices, joined};
use crate::frontier::moments;
use crate::operator::Usage;
use crate::rows::{Bytes, RowCodec};
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, cast::AsArray};
use arrow::datatypes::{Int64Type, SchemaRef};
use hashbrown::HashMap;
use pages::{NEVER, Pages};
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// A part of the rows that may still change.
#[derive(Debug, Clone)]
pub struct OpenPage {
    pub id: u64,
    /// As long as it is the same, so are the rows.
    pub version: u64,
    pub rows: Vec<RecordBatch>,
}

/// Each row as often as it comes. None goes: it is told to nobody.
fn repeated(delta: &Delta) -> Result<RecordBatch> {
    let Some(weights) = delta.weights.as_ref().filter(|w| w.values().iter().any(|w| *w != 1)) else { return Ok(delta.rows.clone()) };
    if weights.values().iter().any(|w| *w < 0) {
        return Err(Error::bug("a row was taken back from a result that only grows"));
    }
    let rows = weights.values().iter().enumerate().flat_map(|(row, w)| std::iter::repeat_n(row, usize::try_from(*w).unwrap_or(0)));
    Ok(arrow::compute::take_record_batch(&delta.rows, &indices(rows))?)
}

/// Rows in one batch of a result.
const BATCH_ROWS: usize = 65_536;

pub(crate) struct Output {
    /// What the view shows; the operators' rows may have columns more, at the end.
    schema: SchemaRef,
    /// Rows never change once they are given.
    append_only: bool,
    /// Rows are shown when they have settled, not before.
    hold: bool,
    /// The column whose moments say when a row has settled.
    settles_by: Option<usize>,
    codec: RowCodec,
    /// Rows that may change.
    open: Pages,
    /// Rows before this moment have settled.
    frontier: Option<i64>,
    settled: Vec<RecordBatch>,
    changes: Vec<Delta>,
    follows: bool,
    pub(crate) rows_out: u64,
}

impl Output {
    pub(crate) fn new(built: &Built) -> Result<Self> {
        Ok(Output {
            schema: SchemaRef::clone(&built.schema),
            append_only: built.append_only,
            hold: built.hold,
            settles_by: built.settles_by,
            codec: RowCodec::new(SchemaRef::clone(&built.full_schema))?,
            open: Pages::new(),
            frontier: None,
            settled: Vec::new(),
            changes: Vec::new(),
            follows: true,
            rows_out: 0,
        })
    }

    pub(crate) fn follow(&mut self, yes: bool) {
        self.follows = yes;
        if !yes {
            self.changes.clear();
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage { rows: self.open.rows, bytes: self.open.bytes as u64 }
    }

    pub(crate) fn push(&mut self, delta: Delta) -> Result<()> {
        if delta.is_empty() {
            return Ok(());
        }
        if self.append_only {
            let rows = self.visible(&repeated(&delta)?)?;
            self.rows_out += rows.num_rows() as u64;
            if self.follows {
                self.changes.push(Delta::inserted(rows.clone()));
            }
            self.settled.push(rows);
            return Ok(());
        }
        let encoded = self.codec.encode_batch(&delta.rows)?;
        let times = match self.settles_by {
            Some(column) => Some(moments(delta.rows.column(column))?),
            None => None,
        };
        for row in 0..encoded.len() {
            let moment = times.as_ref().map_or(NEVER, |t| if t.is_null(row) { NEVER } else { t.value(row) });
            self.open.add(encoded.row(row), moment, delta.weight(row))?;
        }
        if self.follows && !self.hold {
            self.changes.push(Delta::weighed(self.visible(&delta.rows)?, delta.weights));
        }
        Ok(())
    }

    /// Time went on: nothing before this moment changes any more.
    pub(crate) fn settle(&mut self, frontier: Option<i64>) -> Result<()> {
        self.frontier = self.frontier.max(frontier);
        let Some(frontier) = self.frontier else { return Ok(()) };
        let settled = self.open.take_before(frontier);
        for rows in self.decoded(settled.iter().map(|(row, count)| (row.as_ref(), *count)))? {
            self.rows_out += rows.num_rows() as u64;
            if self.hold && self.follows {
                self.changes.push(Delta::inserted(rows.clone()));
            }
            self.settled.push(rows);
        }
        Ok(())
    }

    /// Rows as the view shows them, in batches.
    fn decoded<'a>(&self, rows: impl Iterator<Item = (&'a [u8], i64)>) -> Result<Vec<RecordBatch>> {
        decoded(&self.codec, &self.schema, rows)
    }

    fn visible(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        visible(&self.schema, rows)
    }

    pub(crate) fn take_settled(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.settled)
    }

    pub(crate) fn open_pages(&mut self) -> Result<Vec<OpenPage>> {
        if self.hold {
            return Ok(Vec::new());
        }
        let (codec, schema) = (&self.codec, &self.schema);
        let page = |page: &mut pages::Page| -> Result<OpenPage> {
            let rows = page.shown(|page| decoded(codec, schema, page.rows()))?.to_vec();
            Ok(OpenPage { id: page.id, version: page.version, rows })
        };
        self.open.each_mut().map(page).collect()
    }

    /// What changed, each row once.
    pub(crate) fn take_changes(&mut self) -> Result<Vec<Delta>> {
        let changes = std::mem::take(&mut self.changes);
        if self.append_only || self.hold || changes.is_empty() {
            return Ok(changes);
        }
        let codec = RowCodec::new(SchemaRef::clone(&self.schema))?;
        let mut sums: HashMap<Bytes, (i64, usize), ahash::RandomState> = HashMap::default();
        let mut next = 0;
        for delta in &changes {
            let encoded = codec.encode_batch(&delta.rows)?;
            for row in 0..encoded.len() {
                match sums.get_mut(encoded.row(row)) {
                    Some((sum, _)) => *sum += delta.weight(row),
                    None => {
                        sums.insert(encoded.row(row).into(), (delta.weight(row), next));
                        next += 1;
                    }
                }
            }
        }
        let mut left: Vec<(&Bytes, i64, usize)> =
            sums.iter().filter(|(_, (sum, _))| *sum != 0).map(|(row, (sum, order))| (row, *sum, *order)).collect();
        if left.is_empty() {
            return Ok(Vec::new());
        }
        // What goes comes first, each in the order in which it happened.
        left.sort_by_key(|(_, sum, order)| (*sum > 0, *order));
        let rows = codec.decode(left.iter().map(|(row, ..)| row.as_ref()))?;
        let weights: Int64Array = left.iter().map(|(_, sum, _)| *sum).collect();
        Ok(vec![Delta::weighed(rows, Some(weights))])
    }

    /// Rows that may change, with how often they are there, and where the frontier stands; then what nobody has taken yet: settled rows, and changes
    /// with their weights.
    pub(crate) fn save(&self) -> Result<Vec<RecordBatch>> {
        let all: Vec<(&[u8], i64)> = self.open.each().flat_map(pages::Page::rows).collect();
        let rows = self.codec.decode(all.iter().map(|(row, _)| *row))?;
        let counts: ArrayRef = Arc::new(all.iter().map(|(_, count)| *count).collect::<Int64Array>());
        let frontier: ArrayRef = Arc::new(Int64Array::from(vec![self.frontier]));
        let settled = joined(&self.schema, &self.settled)?;
        let changes: Vec<RecordBatch> = self.changes.iter().map(|c| c.rows.clone()).collect();
        let weights: Int64Array = self.changes.iter().flat_map(|c| (0..c.len()).map(|row| c.weight(row))).collect();
        Ok(vec![
            rows,
            crate::state::numbered(vec![counts])?,
            crate::state::numbered(vec![frontier])?,
            settled,
            joined(&self.schema, &changes)?,
            crate::state::numbered(vec![Arc::new(weights)])?,
        ])
    }

    pub(crate) fn restore(&mut self, state: &[RecordBatch]) -> Result<()> {
        let [rows, counts, frontier, settled, changes, change_weights] = state else {
            return Err(Error::bug("a checkpoint without its result"));
        };
        let follows = std::mem::replace(&mut self.follows, false);
        let weights = counts.column(0).as_primitive::<Int64Type>().clone();
        let rows = batch(self.codec.schema(), rows.columns().to_vec(), rows.num_rows())?;
        if !self.append_only {
            self.push(Delta::weighed(rows, Some(weights)))?;
        }
        self.follows = follows;
        self.frontier = frontier.column(0).as_primitive::<Int64Type>().iter().next().flatten();
        let as_shown = |rows: &RecordBatch| batch(&self.schema, rows.columns().to_vec(), rows.num_rows());
        if settled.num_rows() > 0 {
            self.settled = vec![as_shown(settled)?];
        }
        if changes.num_rows() > 0 {
            let weights = change_weights.column(0).as_primitive::<Int64Type>().clone();
            self.changes = vec![Delta::weighed(as_shown(changes)?, Some(weights))];
        }
        Ok(())
    }
}

/// Rows as the view shows them, each as often as it is there.
fn decoded<'a>(codec: &RowCodec, schema: &SchemaRef, rows: impl Iterator<Item = (&'a [u8], i64)>) -> Result<Vec<RecordBatch>> {
    let repeated: Vec<&[u8]> = rows.flat_map(|(row, count)| std::iter::repeat_n(row, usize::try_from(count).unwrap_or(0))).collect();
    repeated.chunks(BATCH_ROWS).map(|some| visible(schema, &codec.decode(some.iter().copied())?)).collect()
}

/// Without the columns that are only the operators'.
fn visible(schema: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch> {
    batch(schema, rows.columns()[..schema.fields().len()].to_vec(), rows.num_rows())
}
