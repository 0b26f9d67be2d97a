//! Any aggregate that DataFusion has, over rows that only come. Its accumulators lose what they are read of; so they are read by taking the state
//! out, merging it back, and evaluating a copy of the groups asked for. What was read last is kept, since a change is told with what was before.

use super::accumulator::{Accumulator, Call};
use crate::delta::{indices, taken};
use arrow::array::{Array, ArrayRef, Int64Array, new_empty_array};
use arrow::compute::{concat, interleave};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::failure;

pub(super) struct Foreign {
    call: Arc<Call>,
    inner: Box<dyn GroupsAccumulator>,
    groups: usize,
    /// As of the last reads, by group.
    read: ArrayRef,
}

impl Foreign {
    pub(super) fn new(call: Arc<Call>) -> Result<Self> {
        let inner = fresh(&call)?;
        let read = new_empty_array(call.returns.data_type());
        Ok(Foreign { call, inner, groups: 0, read })
    }

    fn take_state(&mut self) -> Result<Vec<ArrayRef>> {
        // Groups that only other aggregates have seen are made known.
        let none: Vec<ArrayRef> = self.call.arg_fields.iter().map(|f| new_empty_array(f.data_type())).collect();
        self.inner.update_batch(&none, &[], None, self.groups).map_err(failure)?;
        let state = self.inner.state(EmitTo::All).map_err(failure)?;
        if state.iter().any(|s| s.len() != self.groups) {
            return Err(Error::bug(format!("the state of `{}` is not one row per group", self.call.aggregate.name())));
        }
        self.inner = fresh(&self.call)?;
        let all: Vec<usize> = (0..self.groups).collect();
        self.inner.merge_batch(&state, &all, self.groups).map_err(failure)?;
        Ok(state)
    }
}

fn fresh(call: &Arc<Call>) -> Result<Box<dyn GroupsAccumulator>> {
    if call.aggregate.groups_accumulator_supported() {
        return call.aggregate.create_groups_accumulator().map_err(failure);
    }
    let aggregate = Arc::clone(&call.aggregate);
    Ok(Box::new(GroupsAccumulatorAdapter::new(move || aggregate.create_accumulator())))
}

impl Accumulator for Foreign {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], _: Option<&Int64Array>, groups: usize) -> Result<()> {
        self.groups = self.groups.max(groups);
        self.inner.update_batch(args, ids, None, self.groups).map_err(failure)
    }

    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        self.groups = self.groups.max(ids.iter().map(|id| id + 1).max().unwrap_or(0));
        if ids.is_empty() {
            return Ok(new_empty_array(self.call.returns.data_type()));
        }
        let state = self.take_state()?;
        let rows = indices(ids.iter().copied());
        let some = state.iter().map(|s| taken(s, &rows)).collect::<Result<Vec<_>>>()?;
        let mut copy = fresh(&self.call)?;
        copy.merge_batch(&some, &(0..ids.len()).collect::<Vec<_>>(), ids.len()).map_err(failure)?;
        let values = copy.evaluate(EmitTo::All).map_err(failure)?;
        // What was read replaces what was known.
        let null = super::accumulator::null_of(self.call.returns.data_type(), 1);
        let known = self.read.len();
        let mut at: Vec<(usize, usize)> = (0..self.groups).map(|id| if id < known { (0, id) } else { (2, 0) }).collect();
        ids.iter().enumerate().for_each(|(row, id)| at[*id] = (1, row));
        self.read = interleave(&[self.read.as_ref(), values.as_ref(), null.as_ref()], &at)?;
        Ok(values)
    }

    fn read_before(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        if ids.iter().any(|id| *id >= self.read.len()) {
            let missing = super::accumulator::null_of(self.call.returns.data_type(), self.groups.saturating_sub(self.read.len()));
            self.read = concat(&[self.read.as_ref(), missing.as_ref()])?;
        }
        taken(&self.read, &indices(ids.iter().copied()))
    }

    fn size(&self) -> usize {
        self.inner.size() + self.read.get_array_memory_size()
    }

    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        self.groups = self.groups.max(groups);
        self.take_state()
    }

    fn restore(&mut self, state: &[ArrayRef], groups: usize) -> Result<()> {
        self.groups = groups;
        self.inner.merge_batch(state, &(0..groups).collect::<Vec<_>>(), groups).map_err(failure)?;
        // Only groups that were told of are read for what they were.
        self.read(&(0..groups).collect::<Vec<_>>()).map(drop)
    }
}
