//! What the rest of the program sees of an outside system.

use crate::files::FileEntry;
use crate::options::{OptionDoc, OptionProblem, Options};
use std::path::Path;
use tidemill_core::{ColumnRead, Result, Scan};

/// A kind of outside system. A new one is a folder of this crate and a line in [`BUILTIN`].
pub trait Connector: Send + Sync {
    /// What `connector = "…"` names.
    fn kind(&self) -> &'static str;
    fn options(&self) -> &'static [OptionDoc];
    /// Every mistake in the options. Looks at no data beyond asking whether what is named exists.
    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem>;
    /// Relative paths are taken from `base_dir`. Mistakes in the options are an error of kind Config that names the first.
    fn source(&self, options: &Options, base_dir: &Path) -> Result<Box<dyn Source>>;
}

/// Connectors that this build has.
pub const BUILTIN: &[&dyn Connector] = &[&crate::files::Files];

/// Something that has an end: files, for now.
pub trait Source: Send + Sync {
    /// What there is to read now, in reading order. An error when nothing matches.
    fn list(&self) -> Result<Vec<FileEntry>>;
    /// A text that changes when the content does. `known` is what was learnt before (size in bytes, modified in microseconds, fingerprint):
    /// where size and time still agree, the content is not read again.
    fn fingerprint(&self, entry: &FileEntry, known: Option<(u64, i64, &str)>) -> Result<String>;
    /// What the entries look like, from their beginnings.
    fn probe(&self, entries: &[FileEntry]) -> Result<Probe>;
    /// Reads the entries in the order given. `columns` says which columns, typed how, in which order.
    fn scan(&self, entries: &[FileEntry], columns: &[ColumnRead], options: ScanOptions) -> Result<Box<dyn Scan>>;
}

/// What to do with a file whose columns are not the wanted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drift {
    /// A missing column is NULL, another one is passed over.
    #[default]
    Evolve,
    /// All its rows become rejects with code `drift`.
    Quarantine,
    /// The scan fails.
    Fail,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScanOptions {
    /// Bytes of a file's (decompressed) content per morsel, about; at most 256 MB.
    pub morsel_bytes: usize,
    pub drift: Drift,
    /// Names among the wanted columns, in the order the batches should have them; `None` = all. Columns left out are still checked where
    /// [`tidemill_core::OnInvalid::Quarantine`] stands, so that a projection never changes which rows are accepted.
    pub project: Option<Vec<String>>,
    /// Labels of columns that a file may have though nobody wants them: not drift.
    pub ignored: Vec<String>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        ScanOptions { morsel_bytes: 16 << 20, drift: Drift::default(), project: None, ignored: Vec::new() }
    }
}

/// What a look at the beginning of the data shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Column labels as the source has them, or `column_1`, … where it has none.
    pub labels: Vec<String>,
    /// `csv`, `json`, `parquet` or `avro`.
    pub format: &'static str,
    /// Whether the files themselves carry types: the columns' types are then theirs, and not guessed.
    pub is_typed: bool,
    pub has_header: bool,
    /// Of csv.
    pub delimiter: char,
    /// `utf-8`, `windows-1252`, `utf-16le`, `utf-16be`.
    pub encoding: &'static str,
    /// One per label. Of texts the type is inferred: int64, float64, bool, date, timestamp or text.
    pub columns: Vec<ColumnRead>,
    /// The first rows as texts; `None` is NULL: in csv, an empty unquoted field.
    pub samples: Vec<Vec<Option<String>>>,
    /// Rows that the inference saw.
    pub rows_seen: usize,
    /// What a person should know, by column name: "03/04/2021 may be day first or month first; day first is assumed".
    pub notes: Vec<(String, String)>,
    /// What of the entries can't be read, such as a file that ends before its footer.
    pub damage: Vec<String>,
}
