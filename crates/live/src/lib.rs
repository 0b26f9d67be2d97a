//! Continuous queries: a view's SQL compiled into operators that take what changed in its inputs and give what changed in its result, with their
//! state, their windows and their watermarks.
//!
//! Read in this order: [`compiled`] (what a view is made from, before it has state), [`view`] (a view that runs), [`delta`] (what a change is),
//! `operator` (what does one step), `frontier` and `watermark` (how far time has got), `compile` (from SQL to operators, and what is refused),
//! then the operators: `stateless`, `aggregate`, `over`, `join`, `output`; `rows` and `state` are how rows are kept and checkpoints written.
//!
//! Invariant: after any sequence of changes, in whatever batches, the result is what the same SQL gives over the rows accepted as on time.

mod aggregate;
mod compile;
pub mod compiled;
pub mod delta;
mod frontier;
mod join;
mod operator;
#[cfg(test)]
mod oracle;
mod output;
mod over;
mod rows;
mod source;
mod state;
mod stateless;
pub mod view;
mod watermark;

pub use compiled::{Compared, Compiled, ENGINE, InputInfo, InputRef, OperatorInfo};
pub use delta::Delta;
pub use operator::Usage;
pub use output::OpenPage;
pub use view::{LateRow, LiveView, Restored, Stats};
