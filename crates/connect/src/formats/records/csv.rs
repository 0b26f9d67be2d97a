//! Records that are rows of CSV. They are tokenised together, as a block of a file is; what would reach beyond its record is told before.

use super::{Piece, Record, index, indices};
use crate::formats::buffer::{Buffer, Pool};
use crate::formats::csv::decode::{Block, quote_fault};
use crate::formats::csv::dialect::Dialect;
use crate::formats::csv::encoding::{Encoding, lossless};
use crate::formats::csv::plan::FilePlan;
use crate::formats::csv::record::record_at;
use crate::formats::csv::tokenise::{PAD, Width};
use crate::formats::wanted::Wanted;
use std::sync::Arc;
use tidemill_core::{Error, Morsel, Reject, Result};

/// How records are separated into fields.
#[derive(Debug, Clone, Default)]
pub struct CsvRecords {
    pub dialect: Dialect,
    /// What the fields are called; `None`: they are the columns, in their order.
    pub labels: Option<Vec<String>>,
    /// A record with fewer fields is a row whose last ones are NULL.
    pub fill: bool,
}

/// The fields of a record that is a header.
pub fn csv_labels(record: &[u8], dialect: &Dialect) -> Vec<String> {
    let record = record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record);
    let Some(found) = record_at(record, 0, true, dialect) else { return Vec::new() };
    let cell = |i| found.value(record, i, dialect).map(|v| lossless(&v).trim().to_string()).unwrap_or_default();
    (0..found.fields.len()).map(cell).collect()
}

/// A record too long to be a row is told by its beginning.
const SHOWN_BYTES: usize = 64 << 10;

pub(super) struct Records {
    plan: Arc<FilePlan>,
    pool: Pool,
}

impl Records {
    pub(super) fn new(split: &str, csv: &CsvRecords, wanted: &Wanted) -> Result<Records> {
        let own: Vec<String> = wanted.columns.iter().map(|c| c.label.clone()).collect();
        let labels = csv.labels.as_ref().unwrap_or(&own);
        let mut fields = wanted.fields(labels);
        if csv.labels.is_none() || fields.iter().all(Option::is_none) {
            fields = (0..wanted.columns.len()).map(|i| (i < labels.len()).then_some(i)).collect();
        }
        let drift = wanted.check_drift(split, labels, &fields)?;
        let dialect = Dialect { comment: None, ..csv.dialect };
        let plan = FilePlan {
            split: split.into(),
            dialect,
            encoding: Encoding::Utf8,
            width: Width { fields: labels.len(), fill: csv.fill },
            trails: false,
            columns: wanted.file_columns(fields, dialect),
            schema: Arc::clone(&wanted.schema),
            drift,
        };
        Ok(Records { plan: Arc::new(plan), pool: Pool::default() })
    }

    pub(super) fn decode(&mut self, records: &[Record<'_>]) -> Result<Piece> {
        let bytes: usize = records.iter().map(|r| r.payload.len() + 1).sum();
        if bytes >= u32::MAX as usize {
            return Err(Error::bug(format!("{bytes} bytes of records in one batch")));
        }
        let mut data = Buffer::take(&self.pool, bytes + PAD);
        let mut starts: Vec<(u32, u32)> = Vec::with_capacity(records.len());
        let mut refused = Vec::new();
        for (at, record) in records.iter().enumerate() {
            let payload = record.payload.strip_suffix(b"\n").unwrap_or(record.payload);
            let payload = payload.strip_suffix(b"\r").unwrap_or(payload);
            match self.fault(payload) {
                None => {
                    starts.push((data.bytes.len() as u32, at as u32));
                    data.bytes.extend_from_slice(payload);
                    data.bytes.push(self.plan.dialect.newline);
                }
                Some((code, reason)) => refused.push(Reject {
                    split: Arc::clone(&self.plan.split),
                    line: 0,
                    offset: at as u64,
                    raw: lossless(&payload[..payload.len().min(SHOWN_BYTES.max(self.plan.dialect.record_bytes_max))]),
                    code,
                    column: None,
                    reason,
                }),
            }
        }
        let len = data.bytes.len();
        let plan = Arc::clone(&self.plan);
        let block = Block { data, len, offset: 0, line: 1, bytes_read: 0, rejects: Vec::new(), plan };
        let mut decoded = Box::new(block).decode()?;
        let of = indices(&starts, (0..decoded.batch.num_rows()).map(|row| decoded.text.offset(row)));
        for reject in &mut decoded.rejects {
            reject.offset = index(&starts, reject.offset);
        }
        decoded.rejects.append(&mut refused);
        Ok(Piece { decoded, of })
    }

    /// Why a record can't stand among others: it is none, more than one, or would swallow the next.
    fn fault(&self, payload: &[u8]) -> Option<(&'static str, String)> {
        let d = &self.plan.dialect;
        // As a line of a file it would be passed over.
        let is_blank = || self.plan.width.fields != 1 && payload.iter().all(|c| *c != d.delimiter && matches!(c, b' ' | b'\t'));
        if payload.is_empty() || is_blank() {
            return Some(("empty", "the record is empty".into()));
        }
        if payload.len() > d.record_bytes_max {
            let limit = d.record_bytes_max;
            return Some(("length", format!("a record of {} bytes, more than record_bytes_max = {limit}", payload.len())));
        }
        let quoted = d.quote.is_some_and(|q| memchr::memchr(q, payload).is_some());
        if !quoted && memchr::memchr(d.newline, payload).is_none() {
            return None;
        }
        match record_at(payload, 0, true, d) {
            Some(record) if record.is_malformed => Some(("quote", quote_fault(payload, d))),
            Some(record) if record.span.end == payload.len() => None,
            _ => Some(("fields", "several rows in one record".into())),
        }
    }
}
