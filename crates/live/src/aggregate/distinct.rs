//! `count(DISTINCT x)` and the like: how often each value is there, and the aggregate fed with what appears and disappears.

use super::accumulator::{Accumulator, Call};
use crate::rows::{Bytes, RowCodec};
use arrow::array::{Array, ArrayRef, Int64Array, UInt32Array, UInt64Array, cast::AsArray};
use arrow::compute::take;
use arrow::datatypes::{Int64Type, Schema, UInt64Type};
use hashbrown::HashMap;
use hashbrown::hash_map::RawEntryMut;
use std::sync::Arc;
use tidemill_core::Result;

pub(super) struct Distinct {
    inner: Box<dyn Accumulator>,
    codec: RowCodec,
    /// Whether values may go again; else only that they are there is kept.
    updating: bool,
    /// By group and value.
    counts: HashMap<(usize, Bytes), i64, ahash::RandomState>,
    bytes: usize,
}

impl Distinct {
    pub(super) fn new(call: &Call, inner: Box<dyn Accumulator>) -> Result<Self> {
        let schema = Schema::new(call.arg_fields.clone());
        Ok(Distinct { inner, codec: RowCodec::new(Arc::new(schema))?, updating: call.updating, counts: HashMap::default(), bytes: 0 })
    }
}

fn hash(build: &ahash::RandomState, id: usize, value: &[u8]) -> u64 {
    build.hash_one((id, value))
}

impl Accumulator for Distinct {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()> {
        let encoded = self.codec.encode(args, ids.len())?;
        let (mut rows, mut signs) = (Vec::new(), Vec::new());
        let build = self.counts.hasher().clone();
        for (row, id) in ids.iter().enumerate() {
            if args.iter().any(|a| a.is_null(row)) {
                continue;
            }
            let weight = weights.map_or(1, |w| w.value(row));
            let value = encoded.row(row);
            let hashed = hash(&build, *id, value);
            match self.counts.raw_entry_mut().from_hash(hashed, |(i, v)| i == id && v.as_ref() == value) {
                RawEntryMut::Occupied(mut entry) => {
                    let count = entry.get_mut();
                    let before = *count;
                    *count += if self.updating { weight } else { 0 };
                    let after = *count;
                    if before <= 0 && after > 0 {
                        rows.push(row as u32);
                        signs.push(1);
                    } else if before > 0 && after <= 0 {
                        rows.push(row as u32);
                        signs.push(-1);
                    }
                    if after == 0 {
                        self.bytes -= value.len() + ENTRY;
                        entry.remove();
                    }
                }
                RawEntryMut::Vacant(entry) => {
                    self.bytes += value.len() + ENTRY;
                    entry.insert_with_hasher(hashed, (*id, value.into()), weight, |(i, v)| hash(&build, *i, v));
                    if weight > 0 {
                        rows.push(row as u32);
                        signs.push(1);
                    }
                }
            }
        }
        let rows = UInt32Array::from(rows);
        let values = args.iter().map(|a| take(a, &rows, None)).collect::<Result<Vec<_>, _>>()?;
        let changed: Vec<usize> = rows.values().iter().map(|r| ids[*r as usize]).collect();
        let signs = Int64Array::from(signs);
        self.inner.update(&values, &changed, Some(&signs), groups)
    }

    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        self.inner.read(ids)
    }

    fn read_before(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        self.inner.read_before(ids)
    }

    fn size(&self) -> usize {
        self.inner.size() + self.bytes
    }

    fn save(&mut self, _: usize) -> Result<Vec<ArrayRef>> {
        let all: Vec<(usize, &Bytes, i64)> = self.counts.iter().map(|((id, value), count)| (*id, value, *count)).collect();
        let values = self.codec.decode(all.iter().map(|(_, value, _)| value.as_ref()))?;
        let ids = UInt64Array::from_iter_values(all.iter().map(|(id, ..)| *id as u64));
        let counts = Int64Array::from_iter_values(all.iter().map(|(.., count)| *count));
        Ok([Arc::new(ids) as ArrayRef, Arc::new(counts)].into_iter().chain(values.columns().iter().cloned()).collect())
    }

    fn restore(&mut self, state: &[ArrayRef], groups: usize) -> Result<()> {
        let ids: Vec<usize> = state[0].as_primitive::<UInt64Type>().values().iter().map(|id| *id as usize).collect();
        let counts = state[1].as_primitive::<Int64Type>();
        // What the inner one holds follows from the values.
        self.update(&state[2..], &ids, Some(counts), groups)
    }
}

/// Bytes of an entry beside its value, about.
const ENTRY: usize = 48;
