//! Apache Kafka 3.x and 4.x: topics that are followed, and topics that rows are sent to.
//!
//! [`access`] is how brokers are reached, [`options`] what a user may write; [`source`] reads (where to begin: [`start`]; messages by partition:
//! [`gather`]; what is known about them beside their values: [`about`]; schemas by number: [`registry`]), [`sink`] writes rows, [`produce`] writes what is encoded
//! already, [`admin`] makes, changes and describes topics, [`tail`] reads a few messages for people. Outside this folder nobody names the client library.
//!
//! Invariants: partitions are assigned by us and read from our own offsets, which are kept with the rows; a group's offsets are told to the brokers
//! for their tools, and never read back unless `from = "committed"` asks for them. An offset that the brokers no longer keep is an error, never a jump.

pub mod about;
pub mod access;
pub mod admin;
pub mod gather;
pub mod options;
pub mod produce;
pub mod registry;
pub mod sink;
pub mod source;
pub mod start;
pub mod tail;

#[cfg(test)]
mod tests;

pub use access::Access;

use crate::options::{OptionDoc, OptionProblem, Options};
use crate::stream::{Positions, SinkConnector, StreamConnector, StreamSink, StreamSource};
use std::path::Path;
use tidemill_core::{ColumnRead, Error, Result};

/// `connector = "kafka"`.
pub struct Kafka;

impl StreamConnector for Kafka {
    fn kind(&self) -> &'static str {
        "kafka"
    }

    fn options(&self) -> &'static [OptionDoc] {
        options::SOURCE
    }

    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem> {
        options::SourceOptions::parse(options, base_dir).1
    }

    fn can_replay(&self) -> bool {
        true
    }

    fn open(&self, options: &Options, base_dir: &Path, columns: &[ColumnRead], from: &Positions) -> Result<Box<dyn StreamSource>> {
        let (options, problems) = options::SourceOptions::parse(options, base_dir);
        first(problems)?;
        Ok(Box::new(source::Source::open(options, columns, from)?))
    }
}

impl SinkConnector for Kafka {
    fn kind(&self) -> &'static str {
        "kafka"
    }

    fn options(&self) -> &'static [OptionDoc] {
        options::SINK
    }

    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem> {
        options::SinkOptions::parse(options, base_dir).1
    }

    fn open(&self, options: &Options, base_dir: &Path, schema: &arrow::datatypes::SchemaRef) -> Result<Box<dyn StreamSink>> {
        let (options, problems) = options::SinkOptions::parse(options, base_dir);
        first(problems)?;
        Ok(Box::new(sink::Sink::open(&options, schema)?))
    }
}

fn first(problems: Vec<OptionProblem>) -> Result<()> {
    match problems.into_iter().next() {
        None => Ok(()),
        Some(p) => Err(Error { help: p.help, ..Error::config(p.message) }),
    }
}
