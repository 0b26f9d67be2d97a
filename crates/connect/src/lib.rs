//! Outside systems: where rows come from. Each system has one folder ([`files`]), each way of writing rows down one folder under
//! [`formats`] (csv). A connector decodes; a record that it can't decode becomes a reject with its place and its raw text, never an
//! error, and is never lost.
//!
//! Read in this order: [`connector`] (what the rest of the program sees), [`options`] (what a user may write), [`files`] (listing,
//! opening, cutting into morsels), [`formats::csv`] (from bytes to columns), [`infer`] (what the texts of a source are), [`stream`] (what never ends), [`follow`] (directories, files and sockets that are followed), [`generator`] (rows that are made up), [`sinks`] (where rows are sent).
//!
//! Invariant: where a file is cut into morsels depends on its bytes and the morsel size alone, and whether a row is accepted depends on
//! its bytes and the columns asked for, not on the projection, the morsel size or the number of threads.

pub mod connector;
pub mod files;
pub mod follow;
pub mod formats;
pub mod generator;
pub mod infer;
pub mod kafka;
pub mod options;
pub mod sinks;
pub mod stream;

pub use connector::{BUILTIN, Connector, Drift, Probe, ScanOptions, Source};
pub use files::{FileEntry, FileOptions, FileSource};
pub use options::{OptionDoc, OptionFault, OptionProblem, OptionValue, Options};
pub use stream::{Budget, Lag, Positions, Pulled, SINKS, STREAMS, SinkConnector, StreamBatch, StreamConnector, StreamSink, StreamSource};
