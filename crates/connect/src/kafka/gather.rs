//! Messages of one partition as they come, laid one behind another until they are decoded together.

use super::about::{About, Noted};
use crate::formats::csv::encoding::lossless;
use crate::formats::records::{Record, RecordDecoder};
use rdkafka::message::{BorrowedMessage, Message};
use tidemill_core::{Decoded, Reject, Result};

/// Messages of one partition, in order.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Their values, one behind another.
    values: Vec<u8>,
    /// Where each value ends, and its message's offset.
    places: Vec<(u32, i64)>,
    /// What was asked for beside the value; by message.
    noted: Noted,
    /// Messages that are no rows whatever their value says.
    refused: Vec<(i64, String, &'static str, String)>,
    /// The newest message's instant, in milliseconds since 1970.
    pub newest_millis: Option<i64>,
}

impl Gathered {
    pub fn new(about: &About) -> Gathered {
        Gathered { noted: about.noted(), ..Gathered::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty() && self.refused.is_empty()
    }

    /// Takes a message, and gives its length. One without a value, or with one that is too long, is a reject.
    pub fn push(&mut self, message: &BorrowedMessage<'_>, about: &About, value_bytes_max: usize) -> usize {
        if let Some(millis) = message.timestamp().to_millis() {
            self.newest_millis = self.newest_millis.max(Some(millis));
        }
        let value = message.payload().unwrap_or_default();
        if self.push_value(message.offset(), value, value_bytes_max) {
            about.note(message, &mut self.noted);
        }
        value.len() + message.key_len()
    }

    /// Whether it may be a row.
    pub(super) fn push_value(&mut self, offset: i64, value: &[u8], value_bytes_max: usize) -> bool {
        if value.trim_ascii_start().is_empty() {
            self.refused.push((offset, lossless(value), "empty", "the message has no value (a tombstone)".into()));
            return false;
        }
        if value.len() > value_bytes_max {
            let reason = format!("a message of {} bytes, more than record_bytes_max = {value_bytes_max}", value.len());
            self.refused.push((offset, lossless(value), "length", reason));
            return false;
        }
        self.values.extend_from_slice(value);
        self.places.push((self.values.len() as u32, offset));
        true
    }

    /// Decodes what was gathered, and forgets it.
    pub fn decode(&mut self, decoder: &mut RecordDecoder, about: &About) -> Result<Decoded> {
        let mut from = 0;
        let records: Vec<Record<'_>> = self
            .places
            .iter()
            .map(|(to, offset)| {
                let payload = &self.values[from..*to as usize];
                from = *to as usize;
                Record { line: number(*offset), offset: number(*offset), payload }
            })
            .collect();
        let mut decoded = decoder.decode(&records, &about.arrays(&self.noted))?;
        for (offset, raw, code, reason) in self.refused.drain(..) {
            let number = number(offset);
            let reject =
                Reject { split: std::sync::Arc::clone(&decoded.split), line: number, offset: number, raw, code, column: None, reason };
            decoded.rejects.push(reject);
        }
        decoded.rejects.sort_by_key(|r| r.offset);
        decoded.rows_read = (decoded.batch.num_rows() + decoded.rejects.len()) as u64;
        self.values.clear();
        self.places.clear();
        self.noted = about.noted();
        self.newest_millis = None;
        Ok(decoded)
    }
}

fn number(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}
