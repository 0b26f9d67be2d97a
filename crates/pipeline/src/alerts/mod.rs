//! Alarms: what an alert's rows come to. A row that comes raises an alarm, one that goes resolves it; between the two it may be told again.
//!
//! Read in this order: [`alarms`] (the state of one alert, without clock and without anything outside), [`told`] (what it says, as rows of
//! `system.alerts`), [`actions`] (where that is sent).
//!
//! Invariant: what is told follows from the rows and the times handed in, and is the same whether rows come as changes or all at once; an
//! alarm has one id from raising to resolving, also when it is raised again after a crash.

mod actions;
mod alarms;
#[cfg(test)]
mod tests;
mod told;

pub use actions::Actions;
pub use alarms::Alarms;
pub use told::{Happened, Told, record};
