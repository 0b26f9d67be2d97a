//! Aggregates that keep every value of a group and how often it is there: the least and the greatest of values that may go again, and
//! whatever has to see all rows anew.

use super::accumulator::{Accumulator, Call};
use crate::rows::{Bytes, RowCodec};
use arrow::array::{Array, ArrayRef, Int64Array, UInt64Array, cast::AsArray};
use arrow::compute::{SortColumn, concat, lexsort_to_indices, take};
use arrow::datatypes::{Int64Type, Schema, UInt64Type};
use datafusion::common::ScalarValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::failure;

enum Reads {
    Least,
    Greatest,
    /// The aggregate computed over all rows, in its order.
    All(Arc<Call>),
}

pub(super) struct Multiset {
    reads: Reads,
    codec: RowCodec,
    groups: Vec<BTreeMap<Bytes, i64>>,
    bytes: usize,
}

impl Multiset {
    pub(super) fn extreme(call: &Call, least: bool) -> Result<Self> {
        Self::new(call, if least { Reads::Least } else { Reads::Greatest })
    }

    pub(super) fn recomputed(call: &Arc<Call>) -> Result<Self> {
        Self::new(call, Reads::All(Arc::clone(call)))
    }

    fn new(call: &Call, reads: Reads) -> Result<Self> {
        let codec = RowCodec::new(Arc::new(Schema::new(call.arg_fields.clone())))?;
        Ok(Multiset { reads, codec, groups: Vec::new(), bytes: 0 })
    }

    fn value(&self, id: usize, call: &Call) -> Result<ScalarValue> {
        let none = BTreeMap::new();
        let group = self.groups.get(id).unwrap_or(&none);
        let repeated: Vec<&[u8]> =
            group.iter().flat_map(|(row, count)| std::iter::repeat_n(row.as_ref(), usize::try_from(*count).unwrap_or(0))).collect();
        let mut columns = self.codec.decode(repeated.into_iter())?.columns().to_vec();
        if !call.order.is_empty() && columns[0].len() > 1 {
            let first = columns.len() - call.order.len();
            let by: Vec<SortColumn> = call
                .order
                .iter()
                .enumerate()
                .map(|(i, o)| SortColumn { values: Arc::clone(&columns[first + i]), options: Some(o.options) })
                .collect();
            let order = lexsort_to_indices(&by, None)?;
            columns = columns.iter().map(|c| take(c, &order, None)).collect::<Result<Vec<_>, _>>()?;
        }
        let mut accumulator = call.aggregate.create_accumulator().map_err(failure)?;
        if !columns.first().is_none_or(|c| c.is_empty()) {
            accumulator.update_batch(&columns).map_err(failure)?;
        }
        accumulator.evaluate().map_err(failure)
    }
}

impl Accumulator for Multiset {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()> {
        if self.groups.len() < groups {
            self.groups.resize_with(groups, BTreeMap::new);
        }
        let skips_nulls = !matches!(self.reads, Reads::All(_));
        let encoded = self.codec.encode(args, ids.len())?;
        for (row, id) in ids.iter().enumerate() {
            if skips_nulls && args[0].is_null(row) {
                continue;
            }
            let (value, weight) = (encoded.row(row), weights.map_or(1, |w| w.value(row)));
            let group = &mut self.groups[*id];
            match group.get_mut(value) {
                Some(count) => {
                    *count += weight;
                    if *count == 0 {
                        group.remove(value);
                        self.bytes -= value.len() + ENTRY;
                    }
                }
                None => {
                    group.insert(value.into(), weight);
                    self.bytes += value.len() + ENTRY;
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        let extreme = |id: &usize| {
            let group = self.groups.get(*id)?;
            let mut there = group.iter().filter(|(_, count)| **count > 0).map(|(value, _)| value);
            match self.reads {
                Reads::Least => there.next(),
                _ => there.next_back(),
            }
        };
        match &self.reads {
            Reads::Least | Reads::Greatest => {
                let found: Vec<Option<&Bytes>> = ids.iter().map(extreme).collect();
                let values = self.codec.decode(found.iter().flatten().map(|v| v.as_ref()).collect::<Vec<_>>().into_iter())?;
                let mut next = 0;
                let at: arrow::array::UInt32Array = found
                    .iter()
                    .map(|v| {
                        v.map(|_| {
                            next += 1;
                            next - 1
                        })
                    })
                    .collect();
                Ok(take(values.column(0), &at, None)?)
            }
            Reads::All(call) => {
                let values = ids.iter().map(|id| self.value(*id, call)).collect::<Result<Vec<_>>>()?;
                if values.is_empty() {
                    return Ok(arrow::array::new_empty_array(call.returns.data_type()));
                }
                let arrays = values.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>, _>>().map_err(failure)?;
                Ok(concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?)
            }
        }
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<BTreeMap<Bytes, i64>>()
    }

    fn save(&mut self, _: usize) -> Result<Vec<ArrayRef>> {
        let all: Vec<(usize, &Bytes, i64)> =
            self.groups.iter().enumerate().flat_map(|(id, group)| group.iter().map(move |(value, count)| (id, value, *count))).collect();
        let values = self.codec.decode(all.iter().map(|(_, value, _)| value.as_ref()))?;
        let ids = UInt64Array::from_iter_values(all.iter().map(|(id, ..)| *id as u64));
        let counts = Int64Array::from_iter_values(all.iter().map(|(.., count)| *count));
        Ok([Arc::new(ids) as ArrayRef, Arc::new(counts)].into_iter().chain(values.columns().iter().cloned()).collect())
    }

    fn restore(&mut self, state: &[ArrayRef], groups: usize) -> Result<()> {
        let ids: Vec<usize> = state[0].as_primitive::<UInt64Type>().values().iter().map(|id| *id as usize).collect();
        self.update(&state[2..], &ids, Some(state[1].as_primitive::<Int64Type>()), groups)
    }
}

/// Bytes of an entry beside its value, about.
const ENTRY: usize = 48;
