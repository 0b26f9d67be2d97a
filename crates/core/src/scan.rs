//! How rows come: a scan hands out morsels one after another, cheaply; decoding a morsel is the heavy part, needs nothing but the
//! morsel, and so runs on any thread. Consumers that need the source's order put results back by sequence number.

use crate::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

/// A row that could not be taken, whole: nothing of it is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Reject {
    /// File (relative to the project where possible), topic partition, …
    pub split: Arc<str>,
    /// Line of the first byte of the record, from 1; 0 where lines mean nothing.
    pub line: u64,
    /// Byte offset of the record in the (decompressed) split.
    pub offset: u64,
    pub raw: String,
    /// Machine-readable: `fields`, `type`, `required`, `accepted`, `range`, `check`, `unique`, `encoding`, `quote`, `length`, `drift`, …
    pub code: &'static str,
    pub column: Option<String>,
    /// For people: "`12O` is not an int64".
    pub reason: String,
}

/// Gives a decoded row's source text back, for rejects found after decoding.
pub trait RowText: Send + Sync {
    /// `row` counts the rows of the decoded batch.
    fn text(&self, row: usize) -> String;
    /// Byte offset of the row in its split.
    fn offset(&self, row: usize) -> u64;
}

/// What came out of one morsel. `batch.num_rows() + rejects.len() == rows_read`.
pub struct Decoded {
    pub split: Arc<str>,
    pub batch: RecordBatch,
    /// Line number of each row of `batch`.
    pub lines: Vec<u64>,
    pub rejects: Vec<Reject>,
    pub rows_read: u64,
    /// Bytes of the split as stored (compressed).
    pub bytes_read: u64,
    /// Cells made NULL by [`crate::OnInvalid::Null`], per column of `batch`.
    pub nulled: Vec<u64>,
    pub text: Arc<dyn RowText>,
}

/// A piece of a split. It owns what it needs.
pub trait Morsel: Send {
    /// Never fails for bad rows: those are rejects. Fails only when nothing can be decoded any more.
    fn decode(self: Box<Self>) -> Result<Decoded>;
}

/// An ordered stream of morsels. Morsel boundaries depend on the data alone, never on threads or time, so that whatever is folded over
/// morsels in order (sums of floats, say) comes out the same in every run.
pub trait Scan: Send + Sync {
    fn schema(&self) -> SchemaRef;
    /// The next morsel, or `None` at the end. Called from one thread at a time.
    fn next(&self) -> Result<Option<Box<dyn Morsel>>>;
    /// Bytes of the whole scan as stored, for progress.
    fn total_bytes(&self) -> Option<u64> {
        None
    }
}
