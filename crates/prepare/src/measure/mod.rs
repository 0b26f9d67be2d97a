//! What a fit can measure over all rows: each morsel is looked at in parallel, its part folded into the total in source order, so that sums of floats
//! are the same in every run. Nodes that look at the same column of the same rows share one measure.

mod aggregates;
mod counts;
mod groups;
mod moments;
mod spread;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use aggregates::Aggregates;
pub(crate) use counts::{Counted, Counts, hasher};
pub(crate) use groups::{GroupStatistic, GroupValues, Grouped};
pub(crate) use moments::{Moments, MomentsOf};
pub(crate) use spread::{Spread, SpreadOf};

use crate::budget::Budget;
use crate::program::{Input, Part};
use std::any::Any;
use tidemill_core::{Error, Result};

/// The total, once every morsel was folded.
pub(crate) type Measured = dyn Any + Send;

pub(crate) trait Measure: Send + Sync {
    /// Two measures of one name over the same input are the same; `None`: never shared.
    fn name(&self) -> Option<&'static str>;
    fn begin(&self) -> Result<Part>;
    fn observe(&self, input: &Input) -> Result<Part>;
    fn fold(&self, total: &mut Part, part: Part, budget: &Budget) -> Result<()>;
    /// The total as rules want it.
    fn finish(&self, total: Part) -> Result<Part> {
        Ok(total)
    }
}

/// What a measure of type `T` came to.
pub(crate) fn measured<'a, T: 'static>(all: &[&'a Measured], at: usize) -> Result<&'a T> {
    all.get(at).and_then(|m| m.downcast_ref::<T>()).ok_or_else(|| Error::bug("a rule was handed another's measure"))
}
