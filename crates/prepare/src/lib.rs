//! From rows as they came to rows one can work with: what a row must be to be taken in, and the rules that clean it: fit, then apply.
//!
//! Read in this order: [`reads`] (which columns are read and how), [`contract`] (what goes to quarantine), [`recipe`] (rules, compiled to the nodes
//! of `program` by `rules` with `scope` as their eyes), `plan` (how few passes it takes), [`fit`] (learning, with what `measure` measures),
//! [`apply`] (the last pass), [`fitted`] (what was learnt). [`profile`] looks at rows nobody knows yet. `flow` is one morsel on its way, `turn` keeps
//! order where order matters, `dedup`, `hash`, `enforced` and `repair` do what they say, `stints` is where their time is counted. [`stream`] applies a fitted recipe to rows as they come, for ever.
//!
//! Invariants: every row read is written, deduplicated, filtered or quarantined, and counted as such; the outcome does not depend on the number of
//! threads; a fitted recipe applied to one row gives what it gives that row among a million, for every rule that isn't about other rows.

pub mod apply;
mod budget;
mod cells;
pub mod contract;
mod dedup;
mod enforced;
mod expr;
pub mod fit;
pub mod fitted;
pub mod flow;
mod hash;
mod measure;
mod plan;
pub mod profile;
mod program;
pub mod reads;
pub mod recipe;
mod repair;
mod rules;
mod runs;
mod scope;
mod stints;
pub mod stream;
#[cfg(test)]
mod tests;
mod turn;

pub use apply::{Applied, ApplyContext, QualityCount, RowSink};
pub use contract::Contract;
pub use fit::{FitContext, Rescan};
pub use fitted::{Fitted, FittedValue, drift};
pub use flow::Change;
pub use reads::reads;
pub use recipe::{Output, Recipe};
pub use stints::contract_stint;
pub use stream::{StreamApplied, StreamRecipe};
