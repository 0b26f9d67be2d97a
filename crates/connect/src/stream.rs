//! Outside systems that never end: topics, sockets, files that grow, directories that fill. A stream is pulled, never pushed, so that a slow
//! reader slows its source; where it stands is a position per split, kept with the rows that came from before it, in one commit.

use crate::options::{OptionDoc, OptionProblem, OptionValue, Options};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{ColumnRead, Decoded, Error, Result};

/// A kind of outside system that is followed. A new one is a folder of this crate and a line in [`STREAMS`].
pub trait StreamConnector: Send + Sync {
    /// What `connector = "…"` names.
    fn kind(&self) -> &'static str;
    fn options(&self) -> &'static [OptionDoc];
    /// Every mistake in the options. Asks no system; looks at most whether a path exists.
    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem>;
    /// Whether what was read can be read again from a position. Of a socket it can't: what had not reached an epoch when the process died is lost.
    fn can_replay(&self) -> bool;
    /// Opens the stream just after `from`; splits that it does not name begin where the options say. `columns` says which columns, typed how,
    /// in which order; a label that begins with `@` asks for something about the record, such as `@key` or `@timestamp`.
    fn open(&self, options: &Options, base_dir: &Path, columns: &[ColumnRead], from: &Positions) -> Result<Box<dyn StreamSource>>;
    /// Decodes records of a split that were set aside (number, raw text), as it would decode them now: how rows leave the quarantine after a rule
    /// was corrected. Rows and rejects carry the numbers given.
    fn decode_again(&self, _: &Options, _: &Path, split: &str, _: &[(u64, &str)], _: &[ColumnRead]) -> Result<Decoded> {
        Err(Error::config(format!("what {} brought can't be decoded from its text", self.kind())).at(split))
    }
}

/// Connectors of this build that are followed.
pub const STREAMS: &[&dyn StreamConnector] = &[
    &crate::follow::directory::Directory,
    &crate::follow::tail::Tail,
    &crate::follow::socket::Socket,
    &crate::kafka::Kafka,
    &crate::generator::Generator,
];

/// Options that say how a source is looked at and reached, and none of its rows: changing one makes nothing be read again.
pub const CHANGE_NO_ROWS: &[&str] = &[
    "fetch_wait_ms_max",
    "follow",
    "group",
    "insecure_listen",
    "poll_ms",
    "queue_bytes_max",
    "sasl_mechanism",
    "sasl_password",
    "sasl_user",
    "security",
    "tls_ca",
    "tls_certificate",
    "tls_key",
    "tls_key_password",
    "token",
];

/// What `connector = "…"` means for a table that is followed: `files` with `follow = true` is a directory that fills.
pub fn followed(kind: &str, options: &Options) -> Option<&'static dyn StreamConnector> {
    let kind = match (kind, options.get("follow")) {
        ("files", Some(OptionValue::Bool(true))) => "directory",
        // Only beside `files`.
        ("directory", _) => return None,
        (kind, _) => kind,
    };
    STREAMS.iter().copied().find(|s| s.kind() == kind)
}

/// Where a stream has been read to: by split (`orders/3`, a file's path), the connector's own text.
pub type Positions = BTreeMap<String, String>;

/// Something that is followed. Owned by one thread.
pub trait StreamSource: Send {
    /// What has come, in order within each split. Returns at once when there is something, and after `budget.wait` at the latest. A source that
    /// can't be reached is tried again within: it is [`Pulled::Idle`], with the reason in [`StreamSource::trouble`], not an error. An error means
    /// that going on would lose rows (a position that the source no longer keeps), or that the options are wrong.
    fn pull(&mut self, budget: Budget) -> Result<Pulled>;
    /// The rows up to here are durable. Some sources like to know: Kafka's own tools then show the lag.
    fn confirm(&mut self, upto: &Positions) -> Result<()>;
    /// Per split, how far behind its end the last pulled row is, as far as known without waiting.
    fn lag(&mut self) -> Vec<Lag>;
    /// Whether the far side was reached, so that [`StreamSource::lag`] tells how far this is behind. Until then nobody knows whether there is more.
    fn is_reading(&self) -> bool {
        true
    }
    /// What is wrong just now, for people; `None` when all is well.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// How much a pull may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Rows, about.
    pub rows: usize,
    /// Bytes as the source has them, about.
    pub bytes: usize,
    pub wait: Duration,
}

pub enum Pulled {
    Batches(Vec<StreamBatch>),
    /// Nothing has come within the time.
    Idle,
    /// Nothing will come: the source has an end, and this is it.
    End,
}

/// Rows of one split.
pub struct StreamBatch {
    pub split: Arc<str>,
    /// `decoded.lines` holds the row's number in its split: an offset, a line.
    pub decoded: Decoded,
    /// Where the split has been read to with this batch.
    pub position: String,
    /// When the newest of these rows was written at the source, in microseconds since 1970, where the source tells.
    pub source_micros: Option<i64>,
}

/// How far a reader is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    pub split: Arc<str>,
    /// Rows where the source counts them, else bytes; `None` where it tells neither.
    pub behind: Option<u64>,
    pub position: String,
}

/// Where rows are sent as they come. At least once: what was written after the last epoch may come again after a crash, under the same ids.
pub trait StreamSink: Send {
    /// Takes rows; may hold some back until [`StreamSink::flush`]. `ids` holds one text per row, the same whenever the row is sent again.
    fn write(&mut self, rows: &arrow::array::RecordBatch, ids: &[String]) -> Result<()>;
    /// Returns when the other side has everything.
    fn flush(&mut self) -> Result<()>;
}

/// A kind of outside system that rows are sent to. A new one is a line in [`SINKS`].
pub trait SinkConnector: Send + Sync {
    fn kind(&self) -> &'static str;
    fn options(&self) -> &'static [OptionDoc];
    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem>;
    fn open(&self, options: &Options, base_dir: &Path, schema: &arrow::datatypes::SchemaRef) -> Result<Box<dyn StreamSink>>;
}

/// Connectors of this build that rows can be sent to.
pub const SINKS: &[&dyn SinkConnector] = &[
    &crate::sinks::webhook::Webhook,
    &crate::sinks::socket::Socket,
    &crate::sinks::files::Files,
    &crate::sinks::console::Console,
    &crate::kafka::Kafka,
];
