//! One side of a join: its rows by key.

use super::Join;
use crate::frontier::moments;
use crate::rows::{Bytes, RowCodec};
use crate::stateless::evaluate;
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use hashbrown::{HashMap, HashTable};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::failure;

pub(super) struct Row {
    pub(super) row: Bytes,
    pub(super) weight: i64,
    /// How many rows of the other side it meets.
    pub(super) meets: i64,
    /// By what it is pruned; the greatest where nothing does.
    moment: i64,
}

/// The rows of one key.
#[derive(Default)]
struct OfKey {
    rows: Vec<Row>,
    /// Where a row is, by its bytes: among many that may go again. Empty while there are few.
    places: HashTable<usize>,
}

/// So many rows of a key are looked through one by one.
const FEW: usize = 16;

impl OfKey {
    /// Where a row is.
    fn find(&self, bytes: &[u8], build: &ahash::RandomState) -> Option<usize> {
        if self.places.is_empty() {
            return self.rows.iter().position(|r| r.row.as_ref() == bytes);
        }
        self.places.find(build.hash_one(bytes), |at| self.rows[*at].row.as_ref() == bytes).copied()
    }

    fn push(&mut self, row: Row, finds: bool, build: &ahash::RandomState) {
        self.rows.push(row);
        if !finds || (self.places.is_empty() && self.rows.len() < FEW) {
            return;
        }
        let hash = |at: &usize| build.hash_one(self.rows[*at].row.as_ref());
        let from = if self.places.is_empty() { 0 } else { self.rows.len() - 1 };
        for at in from..self.rows.len() {
            self.places.insert_unique(hash(&at), at, hash);
        }
    }

    fn remove(&mut self, at: usize, build: &ahash::RandomState) {
        if !self.places.is_empty() {
            let last = self.rows.len() - 1;
            let (hash, moved) = (build.hash_one(self.rows[at].row.as_ref()), build.hash_one(self.rows[last].row.as_ref()));
            if let Ok(found) = self.places.find_entry(hash, |p| *p == at) {
                found.remove();
            }
            // The last one takes its place.
            if let Some(place) = self.places.find_mut(moved, |p| *p == last).filter(|_| at != last) {
                *place = at;
            }
        }
        self.rows.swap_remove(at);
    }
}

pub(super) struct Side {
    pub(super) codec: RowCodec,
    keys: RowCodec,
    rows: HashMap<Bytes, OfKey, ahash::RandomState>,
    build: ahash::RandomState,
    /// Keys that have rows of a moment.
    by_moment: BTreeMap<i64, Vec<Bytes>>,
    pruned_by: Option<usize>,
    updating: bool,
    pub(super) count: u64,
    pub(super) bytes: u64,
}

const ENTRY: usize = 96;
const NEVER: i64 = i64::MAX;

/// A batch's rows as a side keeps them.
pub(super) struct Incoming {
    pub(super) keys: crate::rows::Encoded,
    pub(super) rows: crate::rows::Encoded,
    pub(super) moments: Option<Int64Array>,
    /// Rows with a NULL key, which meet nothing.
    pub(super) nulls: Vec<bool>,
}

impl Side {
    pub(super) fn new(join: &Join, side: usize) -> Result<Self> {
        let input = &join.inputs[side];
        let keys: Vec<Field> = join.keys[side]
            .iter()
            .enumerate()
            .map(|(at, k)| Ok(Field::new(at.to_string(), k.data_type(input).map_err(failure)?, true)))
            .collect::<Result<_>>()?;
        Ok(Side {
            codec: RowCodec::new(SchemaRef::clone(input))?,
            keys: RowCodec::new(Arc::new(Schema::new(keys)))?,
            rows: HashMap::default(),
            build: ahash::RandomState::default(),
            by_moment: BTreeMap::new(),
            pruned_by: join.pruned_by(side).map(|b| b.column),
            updating: join.updating[side],
            count: 0,
            bytes: 0,
        })
    }

    pub(super) fn incoming(&self, join: &Join, side: usize, rows: &RecordBatch) -> Result<Incoming> {
        let keys: Vec<ArrayRef> = join.keys[side].iter().map(|k| evaluate(k, rows)).collect::<Result<_>>()?;
        let mut nulls = vec![false; rows.num_rows()];
        if !join.null_meets_null {
            for key in keys.iter().filter(|k| k.logical_null_count() > 0) {
                if let Some(n) = key.logical_nulls() {
                    nulls.iter_mut().enumerate().for_each(|(row, null)| *null |= n.is_null(row));
                }
            }
        }
        let moments = match self.pruned_by {
            Some(column) => Some(moments(rows.column(column))?),
            None => None,
        };
        // Where a bound in time decides, a row without a time meets nothing either.
        if let Some(n) = moments.as_ref().and_then(|m| m.nulls()) {
            nulls.iter_mut().enumerate().for_each(|(row, null)| *null |= n.is_null(row));
        }
        Ok(Incoming { keys: self.keys.encode(&keys, rows.num_rows())?, rows: self.codec.encode_batch(rows)?, moments, nulls })
    }

    pub(super) fn of_key(&self, key: &[u8]) -> &[Row] {
        self.rows.get(key).map_or(&[], |of| of.rows.as_slice())
    }

    pub(super) fn row_mut(&mut self, key: &[u8], at: usize) -> Option<&mut Row> {
        self.rows.get_mut(key)?.rows.get_mut(at)
    }

    /// Adds a row, or takes it away.
    pub(super) fn put(&mut self, incoming: &Incoming, row: usize, weight: i64, meets: i64) {
        let (key, bytes) = (incoming.keys.row(row), incoming.rows.row(row));
        let moment = incoming.moments.as_ref().map_or(NEVER, |m| if m.is_valid(row) { m.value(row) } else { NEVER });
        let of = match self.rows.get_mut(key) {
            Some(of) => of,
            None => self.rows.entry(key.into()).or_default(),
        };
        // Where none goes, equal rows may stand beside each other, and need not be looked for.
        let same = if self.updating { of.find(bytes, &self.build) } else { None };
        match same {
            Some(at) => {
                of.rows[at].weight += weight;
                if of.rows[at].weight == 0 {
                    of.remove(at, &self.build);
                    self.count -= 1;
                    self.bytes -= (bytes.len() + ENTRY) as u64;
                    if of.rows.is_empty() {
                        self.rows.remove(key);
                    }
                }
            }
            None => {
                of.push(Row { row: bytes.into(), weight, meets, moment }, self.updating, &self.build);
                self.count += 1;
                self.bytes += (bytes.len() + ENTRY) as u64;
                if moment != NEVER {
                    let keys = self.by_moment.entry(moment).or_default();
                    if keys.last().is_none_or(|last| last.as_ref() != key) {
                        keys.push(key.into());
                    }
                }
            }
        }
    }

    /// Forgets rows before this moment.
    pub(super) fn prune(&mut self, least: i64) {
        while let Some(first) = self.by_moment.first_entry().filter(|e| *e.key() < least) {
            for key in first.remove() {
                let Some(of) = self.rows.get_mut(&key) else { continue };
                let before = of.rows.len();
                of.rows.retain(|r| {
                    let stays = r.moment >= least;
                    if !stays {
                        self.count -= 1;
                        self.bytes -= (r.row.len() + ENTRY) as u64;
                    }
                    stays
                });
                if of.rows.is_empty() {
                    self.rows.remove(&key);
                } else if of.rows.len() < before {
                    of.places.clear();
                    if self.updating && of.rows.len() >= FEW {
                        let rows = std::mem::take(&mut of.rows);
                        rows.into_iter().for_each(|row| of.push(row, true, &self.build));
                    }
                }
            }
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().flat_map(|of| &of.rows)
    }
}
