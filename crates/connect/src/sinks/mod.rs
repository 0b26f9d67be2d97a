//! Where rows are sent as they come: a webhook, a socket, files, the terminal.
//!
//! Each row carries its id, which is the same whenever the row is sent again: after a crash the rows since the last epoch come twice, and whoever
//! receives them can tell by the id. [`encode`] writes rows as lines.

pub mod console;
pub mod encode;
pub mod files;
pub mod socket;
pub mod webhook;

#[cfg(test)]
mod tests;
