//! What this machine makes of this project: its questions from the disk and from memory, and with ways of planning turned off.
//!
//! Read in this order: [`questions`] (what is asked), [`clock`] (how a question is timed), [`cold`] (how the disk is made to be one again),
//! [`cache`] and [`plans`] (the two comparisons), [`live`] (live views at work), [`source`] (reading the source's own files instead of a table).
//!
//! Invariant: every figure is a measurement of this run; nothing is estimated, and what could not be measured is absent.

pub mod cache;
mod clock;
mod cold;
pub mod live;
pub mod machine;
pub mod plans;
mod questions;
mod source;
#[cfg(test)]
mod tests;

pub use cache::{CacheReport, Timed};
pub use live::{LiveOptions, LiveReport, LiveTimed, Paced, RecipeTimed};
pub use machine::Machine;
pub use plans::{PlanReport, Way, WayTimed};
pub use questions::Question;

/// What is measured, and how often.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Views by name; all of them, and the fixed set of questions, when empty.
    pub only: Vec<String>,
    /// Of each, the median of so many is told.
    pub repeat: usize,
}

impl Default for BenchOptions {
    fn default() -> Self {
        BenchOptions { only: Vec::new(), repeat: 3 }
    }
}

/// The middle of several times; of an even number, the faster of the two.
pub fn median(seconds: &[f64]) -> Option<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}
