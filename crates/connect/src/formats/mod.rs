//! Ways of writing rows down, apart from where the bytes come from: a folder each. [`csv`] and [`json`] are texts, whose values are converted
//! by [`convert`]; [`parquet`] and [`avro`] carry types of their own, and share [`typed`], which turns Arrow values into the columns asked for.
//!
//! [`records`] decodes records that come one by one, without a file around them.
//!
//! [`bytes`] and [`ahead`] bring a file's bytes in blocks; [`plan`] is what is asked for, compiled; [`strip`] and [`growth`] are how texts become columns; [`infer`] guesses types from texts;
//! [`wanted`] brings the columns asked for and those of a file together.

pub mod ahead;
pub mod avro;
pub mod buffer;
pub mod bytes;
pub mod convert;
pub mod csv;
pub mod growth;
pub mod infer;
pub mod json;
pub mod parquet;
pub mod plan;
pub mod records;
pub mod strip;
pub mod typed;
pub mod wanted;

use tidemill_core::{Morsel, Result};

/// The rows of one file, a piece at a time, in order.
pub trait Pieces: Send {
    /// The next piece, of about `morsel_bytes` bytes of the file's content.
    fn next(&mut self, morsel_bytes: usize) -> Result<Option<Box<dyn Morsel>>>;
}
