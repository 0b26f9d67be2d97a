//! How a file separates and quotes, and finding that out from its beginning.

use super::record::records;

/// Bytes that structure a file. All are ASCII, so cutting at them never splits a UTF-8 character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: u8,
    /// Opens a quoted field, at a field's start only.
    pub quote: Option<u8>,
    /// Makes the next byte of a quoted field literal, beside a doubled quote, which always stands for one.
    pub escape: Option<u8>,
    /// `\n` (a `\r` before it is dropped), or `\r` for files that have no `\n` at all.
    pub newline: u8,
    /// A line that begins with it is passed over.
    pub comment: Option<u8>,
    /// A longer record is rejected.
    pub record_bytes_max: usize,
}

impl Default for Dialect {
    fn default() -> Self {
        Dialect { delimiter: b',', quote: Some(b'"'), escape: None, newline: b'\n', comment: None, record_bytes_max: 16 << 20 }
    }
}

impl Dialect {
    /// Whether all structure is in ASCII, so that whatever is cut out of UTF-8 is UTF-8. Options allow nothing else.
    pub fn is_ascii(&self) -> bool {
        let optional = |b: Option<u8>| b.is_none_or(|b| b.is_ascii());
        self.delimiter.is_ascii() && self.newline.is_ascii() && optional(self.quote) && optional(self.escape)
    }
}

const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Taken only where none of those fits header and rows, and every record agrees: they stand within values too, as in `10:30`.
const RARE: [u8; 3] = [b'^', b'~', b':'];
const ROWS: usize = 200;

/// The newline byte of a file that begins so.
pub fn detect_newline(head: &[u8]) -> u8 {
    if memchr::memchr(b'\n', head).is_none() && memchr::memchr(b'\r', head).is_some() { b'\r' } else { b'\n' }
}

/// The delimiter that gives the first records the most even number of fields. The first record, mostly a header, must have that number
/// too: it tells `a;b;c` over `1,5;2,5;3` from commas.
pub fn detect_delimiter(head: &[u8], at_end: bool, base: Dialect) -> u8 {
    let mut best = (0.0_f64, 0_usize, b',');
    let mut most = (0_usize, b',');
    for delimiter in CANDIDATES {
        let dialect = Dialect { delimiter, ..base };
        let counts: Vec<usize> = records(head, dialect, at_end).filter(|r| !r.is_blank()).take(ROWS).map(|r| r.fields.len()).collect();
        let Some(&first) = counts.first() else { continue };
        let separators: usize = counts.iter().map(|n| n - 1).sum();
        if separators > most.0 {
            most = (separators, delimiter);
        }
        let mode = mode(&counts);
        if mode < 2 {
            continue;
        }
        let even = counts.iter().filter(|n| **n == mode).count() as f64 / counts.len() as f64;
        let score = if first == mode { even } else { even / 2.0 };
        if score > best.0 + 0.05 || (score > best.0 - 0.05 && mode > best.1) {
            best = (score.max(best.0), mode, delimiter);
        }
    }
    if best.0 < 0.6 {
        for delimiter in RARE {
            let dialect = Dialect { delimiter, ..base };
            let found: Vec<_> = records(head, dialect, at_end).filter(|r| !r.is_blank()).take(ROWS).collect();
            let [first, others @ ..] = &found[..] else { continue };
            let n = first.fields.len();
            let is_named = !head[first.span.clone()].iter().any(u8::is_ascii_digit);
            if n > 1 && is_named && !others.is_empty() && others.iter().all(|r| r.fields.len() == n) {
                return delimiter;
            }
        }
    }
    if best.1 > 0 { best.2 } else { most.1 }
}

/// The most frequent number; of equally frequent ones the largest.
pub fn mode(counts: &[usize]) -> usize {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let mut best = (0, 0);
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() >= best.0 {
            best = (run.len(), run[0]);
        }
    }
    best.1
}
