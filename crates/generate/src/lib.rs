//! Makes messy data with known truth: shops, wide orders, transactions, sensors, an auction house. The only room that knows what an order is.
//!
//! Invariant: every row is a pure function of the seed and its number, and so is every error in it. So the same seed gives the same bytes on every
//! machine, with any number of threads, and tables that tell of the same thing agree without looking at each other. No float
//! operation takes part whose last bit may differ between machines.
//!
//! Read [`random`] (chance by number), [`distribution`] and [`period`] (how it is spread), [`table`] (what a table is), the kinds ([`shop`],
//! [`transactions`], [`sensors`], [`nexmark`]; [`words`] are their vocabularies), then [`damage`] (errors), [`encode`] (formats), [`piece`] (a stretch of rows
//! made whole) and [`mod@generate`] (all of it, in order) or [`mod@flow`] (one table, as somebody takes it).

mod calendar;
mod catalogue;
mod damage;
mod digits;
mod distribution;
mod encode;
mod flow;
mod generate;
mod in_order;
mod nexmark;
mod options;
mod output;
mod period;
mod piece;
mod random;
mod rates;
mod sensors;
mod shop;
mod table;
#[cfg(test)]
mod tests;
mod transactions;
mod truth;
mod words;
pub mod written;

pub use calendar::parse_date;
pub use flow::{Flowing, flow, flowing};
pub use generate::{Report, generate};
pub use options::{Compression, Format, Live, Options, What};
pub use output::Target;
pub use rates::{ErrorKind, Rates};
pub use truth::TableReport;
