//! What is followed without a broker: a directory that fills ([`directory`]), a file that grows ([`tail`]), a socket ([`socket`]).
//!
//! [`lines`] cuts bytes into records as they come, and [`options`] is what a user may say of them.

pub mod directory;
pub mod lines;
pub mod options;
pub mod pace;
pub mod socket;
pub mod tail;

#[cfg(test)]
mod tests;
