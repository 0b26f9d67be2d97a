//! CSV as the world writes it. A file's beginning is surveyed ([`survey`]: encoding, delimiter, header); the reader cuts it into blocks at
//! record ends ([`chunk`]); a block is cut into fields ([`tokenise`]) a strip of rows at a time, so that the strip stays in the processor's
//! cache while every column converts its fields ([`super::convert`]) straight into Arrow buffers ([`decode`]).
//!
//! Invariants: [`chunk`], [`tokenise`] and [`record`] agree on where a quoted field ends because all three ask [`quoted`]; blocks
//! always end at a record's end.

pub mod blocks;
pub mod chunk;
pub mod decode;
pub mod dialect;
pub mod encoding;
pub mod plan;
pub mod quoted;
pub mod record;
pub mod survey;
pub mod title;
pub mod tokenise;

pub use super::{convert, infer};

#[cfg(test)]
mod tests;
