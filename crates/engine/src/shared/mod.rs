//! What a question names twice is computed once. A `WITH` that is read several times is planned several times; here equal parts of a plan
//! are found and computed by whoever asks first, for all.
//!
//! [`rule`] finds them in the logical plan, whose nodes can be compared exactly; [`computed`] is the part of the physical plan that
//! computes or waits. What does not fit into memory is computed by each for itself, as without this.

mod computed;
mod rule;

pub(crate) use rule::{Share, SharingPlanner};
