//! Bytes into records as they come: what is not whole yet waits.

use crate::formats::csv::dialect::Dialect;
use crate::formats::csv::record::record_at;
use memchr::memchr;
use std::ops::Range;

/// Where a record ends: with its line or, in CSV, with the first line outside quotes.
#[derive(Debug, Clone, Copy)]
pub struct Cutting {
    pub csv: Option<Dialect>,
    pub record_bytes_max: usize,
}

/// A record that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Its bytes, without the line's end.
    pub span: Range<usize>,
    /// Where the next one begins.
    pub next: usize,
    /// Line ends within it, its own included.
    pub lines: u64,
}

impl Cut {
    /// A line of nothing or of blanks is no record.
    pub fn is_blank(&self, buf: &[u8]) -> bool {
        buf[self.span.clone()].trim_ascii().is_empty()
    }
}

impl Cutting {
    /// The record that begins at `at`; `None` while it is not whole. `at_end`: nothing will follow what is in `buf`.
    pub fn next(&self, buf: &[u8], at: usize, at_end: bool) -> Option<Cut> {
        if at >= buf.len() {
            return None;
        }
        let newline = memchr(b'\n', &buf[at..]).map(|i| at + i);
        let line = |end: usize, next: usize| {
            let stop = if end > at && buf[end - 1] == b'\r' { end - 1 } else { end };
            Some(Cut { span: at..stop, next, lines: u64::from(next > end) })
        };
        let first = newline.unwrap_or(buf.len());
        let quoted = self.csv.and_then(|d| Some((d, d.quote?))).filter(|(_, q)| memchr(*q, &buf[at..first]).is_some());
        if let Some((dialect, _)) = quoted {
            // Where a quote stays open for longer than a record may be, its line is a record by itself, and a bad one.
            if let Some(record) = record_at(buf, at, at_end, &dialect)
                && record.span.len() <= self.record_bytes_max
            {
                let is_ended = record.next > record.span.end;
                return (is_ended || at_end).then_some(Cut { span: record.span, next: record.next, lines: record.lines });
            }
            if buf.len() - at <= self.record_bytes_max && !at_end {
                return None;
            }
        }
        match newline {
            Some(end) => line(end, end + 1),
            None if at_end || buf.len() - at > self.record_bytes_max => line(buf.len(), buf.len()),
            None => None,
        }
    }
}
