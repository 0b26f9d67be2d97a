//! The result: rows that may still change, those that have settled, and what changed since somebody last asked.

use crate::compile::Built;
use crate::delta::{Delta, batch, indices, joined};
use crate::frontier::moments;
use crate::operator::Usage;
use crate::rows::{Bytes, RowCodec};
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, cast::AsArray};
use arrow::datatypes::{Int64Type, SchemaRef};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::{Error, Result};

type Counted = HashMap<Bytes, i64, ahash::RandomState>;

/// The moment of rows that never settle.
const NEVER: i64 = i64::MAX;
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
const ENTRY: usize = 64;

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
    /// Rows that may change, by moment.
    open: BTreeMap<i64, Counted>,
    bytes: usize,
    rows: u64,
    /// Rows before this moment have settled.
    frontier: Option<i64>,
    settled: Vec<RecordBatch>,
    changes: Vec<Delta>,
    follows: bool,
    shown: Option<Vec<RecordBatch>>,
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
            open: BTreeMap::new(),
            bytes: 0,
            rows: 0,
            frontier: None,
            settled: Vec::new(),
            changes: Vec::new(),
            follows: true,
            shown: None,
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
        Usage { rows: self.rows, bytes: self.bytes as u64 }
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
        self.shown = None;
        let encoded = self.codec.encode_batch(&delta.rows)?;
        let times = match self.settles_by {
            Some(column) => Some(moments(delta.rows.column(column))?),
            None => None,
        };
        let mut bucket: Option<(i64, Counted)> = None;
        for row in 0..encoded.len() {
            let moment = times.as_ref().map_or(NEVER, |t| if t.is_null(row) { NEVER } else { t.value(row) });
            if bucket.as_ref().is_none_or(|(of, _)| *of != moment) {
                if let Some((of, rows)) = bucket.take() {
                    self.put(of, rows);
                }
                bucket = Some((moment, self.open.remove(&moment).unwrap_or_default()));
            }
            let Some((_, counted)) = &mut bucket else { continue };
            let (value, weight) = (encoded.row(row), delta.weight(row));
            match counted.get_mut(value) {
                Some(count) => {
                    *count += weight;
                    if *count == 0 {
                        counted.remove(value);
                        self.bytes -= value.len() + ENTRY;
                        self.rows -= 1;
                    }
                }
                None => {
                    counted.insert(value.into(), weight);
                    self.bytes += value.len() + ENTRY;
                    self.rows += 1;
                }
            }
        }
        if let Some((of, rows)) = bucket {
            self.put(of, rows);
        }
        if self.follows && !self.hold {
            self.changes.push(Delta::weighed(self.visible(&delta.rows)?, delta.weights));
        }
        Ok(())
    }

    fn put(&mut self, moment: i64, rows: Counted) {
        if !rows.is_empty() {
            self.open.insert(moment, rows);
        }
    }

    /// Time went on: nothing before this moment changes any more.
    pub(crate) fn settle(&mut self, frontier: Option<i64>) -> Result<()> {
        self.frontier = self.frontier.max(frontier);
        let Some(frontier) = self.frontier else { return Ok(()) };
        while let Some(first) = self.open.first_entry().filter(|e| *e.key() < frontier && *e.key() != NEVER) {
            let rows = first.remove();
            self.shown = None;
            self.rows -= rows.len() as u64;
            self.bytes -= rows.keys().map(|k| k.len() + ENTRY).sum::<usize>();
            for rows in self.decoded(rows.iter())? {
                self.rows_out += rows.num_rows() as u64;
                if self.hold && self.follows {
                    self.changes.push(Delta::inserted(rows.clone()));
                }
                self.settled.push(rows);
            }
        }
        Ok(())
    }

    /// Rows as the view shows them, in batches.
    fn decoded<'a>(&self, rows: impl Iterator<Item = (&'a Bytes, &'a i64)>) -> Result<Vec<RecordBatch>> {
        let repeated: Vec<&[u8]> =
            rows.flat_map(|(row, count)| std::iter::repeat_n(row.as_ref(), usize::try_from(*count).unwrap_or(0))).collect();
        repeated.chunks(BATCH_ROWS).map(|some| self.visible(&self.codec.decode(some.iter().copied())?)).collect()
    }

    fn visible(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        batch(&self.schema, rows.columns()[..self.schema.fields().len()].to_vec(), rows.num_rows())
    }

    pub(crate) fn take_settled(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.settled)
    }

    pub(crate) fn open_rows(&mut self) -> Result<Vec<RecordBatch>> {
        if self.hold {
            return Ok(Vec::new());
        }
        if self.shown.is_none() {
            self.shown = Some(self.decoded(self.open.values().flatten())?);
        }
        Ok(self.shown.clone().unwrap_or_default())
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
        let all: Vec<(&Bytes, i64)> = self.open.values().flatten().map(|(row, count)| (row, *count)).collect();
        let rows = self.codec.decode(all.iter().map(|(row, _)| row.as_ref()))?;
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
