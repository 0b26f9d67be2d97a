//! Where a buffer may be cut: after its last whole record. This runs before decoding, one buffer after another, so it looks at quotes
//! only (there are few) and finds newlines near the end.

use super::dialect::Dialect;
use super::quoted::{Quoted, quoted_end};
use memchr::{memchr, memrchr};

/// Bytes at the end in which a boundary is looked for first.
const WINDOW: usize = 64 << 10;

/// Index just after the last record that ends within `buf`, which begins at a record's start; `None` if none ends there.
pub fn last_record_end(buf: &[u8], at_end: bool, d: &Dialect) -> Option<usize> {
    if at_end {
        return Some(buf.len());
    }
    let Some(quote) = d.quote else { return memrchr(d.newline, buf).map(|i| i + 1) };
    let window = buf.len().saturating_sub(WINDOW);
    match scan(buf, window, quote, d) {
        None if window > 0 => scan(buf, 0, quote, d),
        found => found,
    }
}

/// Boundaries before `window` are not looked for.
fn scan(buf: &[u8], window: usize, quote: u8, d: &Dialect) -> Option<usize> {
    let mut pos = 0; // outside quotes; what lies before it is no boundary
    // Where the stretch without quoted fields began that `pos` is in, and whether that was a line's start: a comment may hold quotes anywhere.
    let mut stretch = (0, true);
    let mut boundary = None;
    let last_newline = |from: usize, to: usize| {
        let from = from.max(window);
        (from < to).then(|| memrchr(d.newline, &buf[from..to]).map(|i| from + i + 1)).flatten()
    };
    loop {
        let Some(i) = memchr(quote, &buf[pos..]) else {
            return last_newline(pos, buf.len()).or(boundary);
        };
        let q = pos + i;
        let opens = q == 0 || buf[q - 1] == d.delimiter || buf[q - 1] == d.newline;
        boundary = last_newline(pos, q).or(boundary);
        if !opens {
            pos = q + 1;
            continue;
        }
        if let Some(comment) = d.comment {
            let (from, is_line) = stretch;
            let line = memrchr(d.newline, &buf[from..q]).map_or(is_line.then_some(from), |i| Some(from + i + 1));
            if line.is_some_and(|l| buf[l] == comment) {
                match memchr(d.newline, &buf[q..]) {
                    Some(i) => pos = q + i + 1,
                    None => return boundary,
                }
                boundary = (pos > window).then_some(pos).or(boundary);
                stretch = (pos, true);
                continue;
            }
        }
        match quoted_end(buf, q, false, d) {
            Quoted::Closed(end) => {
                pos = end;
                stretch = (pos, false);
            }
            Quoted::More => return boundary,
            Quoted::Malformed => match memchr(d.newline, &buf[q..]) {
                Some(i) => {
                    pos = q + i + 1;
                    boundary = (pos > window).then_some(pos).or(boundary);
                    stretch = (pos, true);
                }
                None => return boundary,
            },
        }
        if pos >= buf.len() {
            return boundary;
        }
    }
}
