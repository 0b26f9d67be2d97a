//! Rows that were not taken, whole and with the reason, one Delta table per table: `quarantine.<table>`.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;
use tidemill_core::{Reject, Result};

/// A row that nobody has looked at yet.
pub const OPEN: &str = "open";
/// A row that a later rule took in after all.
pub const REPLAYED: &str = "replayed";
/// A row that somebody decided to do without.
pub const DROPPED: &str = "dropped";

/// The columns of every quarantine table.
pub fn schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = [
        ("_id", DataType::Utf8, "hash of where the row stood and what it said; the same in every run"),
        ("split", DataType::Utf8, "file or partition it came from"),
        ("line", DataType::Int64, "line in the file, from 1; 0 where lines mean nothing"),
        ("offset", DataType::Int64, "byte offset in the decompressed file"),
        ("raw", DataType::Utf8, "the row as the source has it"),
        (
            "code",
            DataType::Utf8,
            "kind of reason: fields, type, required, accepted, range, check, unique, encoding, quote, length, drift, …",
        ),
        ("column", DataType::Utf8, "column concerned, if one is"),
        ("reason", DataType::Utf8, "the reason in words"),
        ("run_id", DataType::Utf8, "run that set it aside"),
        ("quarantined_at", instant, "when that was"),
        ("status", DataType::Utf8, "open, replayed or dropped"),
    ];
    let fields = fields.map(|(name, data_type, comment)| {
        Field::new(name, data_type, true).with_metadata([("comment".to_string(), comment.to_string())].into())
    });
    Arc::new(Schema::new(fields.to_vec()))
}

/// Identifies a rejected row independently of the run: the same row of the same file has the same id for ever.
pub fn id(split: &str, offset: u64, raw: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(split.as_bytes());
    hasher.update(&[0]);
    hasher.update(&offset.to_le_bytes());
    hasher.update(raw.as_bytes());
    hasher.finalize().to_hex()[..32].to_string()
}

/// Rejects as rows with status `open`, in the given order.
pub fn batch(rejects: &[Reject], run_id: &str, at_micros: i64) -> Result<RecordBatch> {
    let text = |f: &dyn Fn(&Reject) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rejects.iter().map(f))) };
    let whole = |f: fn(&Reject) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rejects.iter().map(|r| i64::try_from(f(r)).unwrap_or(i64::MAX))))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rejects.iter().map(|r| id(&r.split, r.offset, &r.raw)))),
        text(&|r| &r.split),
        whole(|r| r.line),
        whole(|r| r.offset),
        text(&|r| &r.raw),
        text(&|r| r.code),
        Arc::new(StringArray::from_iter(rejects.iter().map(|r| r.column.as_deref()))),
        text(&|r| &r.reason),
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(run_id, rejects.len()))),
        Arc::new(TimestampMicrosecondArray::from(vec![at_micros; rejects.len()]).with_timezone("UTC")),
        text(&|_| OPEN),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
