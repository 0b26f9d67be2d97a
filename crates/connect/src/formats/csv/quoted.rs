//! Where a quoted field ends: the one place that decides it.
//!
//! A quote inside the field that is neither doubled nor followed by a delimiter or a line's end is taken literally (`"5" pipe",3` holds
//! `5" pipe`), but only within one line: a field with such a quote that runs over a line's end is an opening quote that was never closed.
//! That tells a lost quote from an embedded newline as soon as the next quoted field is met. Where the next one is an empty field with a lost
//! quote of its own (`,",`), it would close the first, and all lines between would be one text: they give themselves away by having as many
//! delimiters as each other.

use super::dialect::Dialect;
use memchr::{memchr, memchr_iter, memchr2, memrchr};
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoted {
    /// Index of the delimiter, `\r`, newline or end that follows the closing quote (and spaces after it).
    Closed(usize),
    /// Never closed, as far as a record may reach.
    Malformed,
    /// The buffer ends before that can be said.
    More,
}

/// `open` is the index of the opening quote. With `at_end`, nothing follows the buffer.
#[inline]
pub fn quoted_end(buf: &[u8], open: usize, at_end: bool, d: &Dialect) -> Quoted {
    let Some(quote) = d.quote else { return Quoted::Malformed };
    let limit = open.saturating_add(d.record_bytes_max);
    let end = buf.len().min(limit);
    let short = if at_end || buf.len() >= limit { Quoted::Malformed } else { Quoted::More };
    let mut at = open + 1;
    let mut is_odd = false;
    loop {
        let found = if is_odd {
            memchr2(quote, d.newline, &buf[at.min(end)..end])
        } else if let Some(escape) = d.escape {
            memchr2(quote, escape, &buf[at.min(end)..end])
        } else {
            memchr(quote, &buf[at.min(end)..end])
        };
        let Some(found) = found else { return short };
        let q = at + found;
        if buf[q] != quote {
            if is_odd && buf[q] == d.newline {
                return Quoted::Malformed;
            }
            at = q + 2; // escaped
            continue;
        }
        match buf.get(q + 1) {
            None => return if at_end { Quoted::Closed(q + 1) } else { Quoted::More },
            Some(&c) if c == quote => at = q + 2,
            Some(&c) if c == d.delimiter || c == d.newline || c == b'\r' => {
                return match opens_anew(buf, open, q, at_end, d) {
                    Some(true) => Quoted::Malformed,
                    Some(false) => Quoted::Closed(q + 1),
                    None => Quoted::More,
                };
            }
            Some(_) => {
                let mut after = q + 1;
                while after < buf.len() && (buf[after] == b' ' || buf[after] == b'\t') {
                    after += 1;
                }
                match buf.get(after) {
                    None => return if at_end { Quoted::Closed(after) } else { Quoted::More },
                    Some(&c) if c == d.delimiter || c == d.newline || c == b'\r' => return Quoted::Closed(after),
                    Some(_) if memchr(d.newline, &buf[open..q]).is_some() => return Quoted::Malformed,
                    Some(_) => {
                        is_odd = true;
                        at = q + 1;
                    }
                }
            }
        }
    }
}

/// Lines after the opening quote's that are looked at, and how many lines in all must be alike (that of the opening quote and that of the closing
/// one are the other two). Fewer lines may well be a text of somebody who likes commas; one of ten may be a damaged row itself.
const LINES: usize = 8;
const ALIKE_MIN: usize = 8;

/// Whether the quote at `q`, which could close the field that `open` opens, rather opens one itself, some rows later; `None` when the buffer ends
/// before that can be said.
fn opens_anew(buf: &[u8], open: usize, q: usize, at_end: bool, d: &Dialect) -> Option<bool> {
    if buf[q - 1] != d.delimiter {
        return Some(false);
    }
    let mut ends = memchr_iter(d.newline, &buf[open..q]).map(|i| open + i);
    let delimiters = |from: usize, to: usize| memchr_iter(d.delimiter, &buf[from..to]).count();
    let mut counts = [0; LINES + 2];
    let mut from = memrchr(d.newline, &buf[..open]).map_or(0, |i| i + 1);
    for count in &mut counts[..=LINES] {
        let Some(end) = ends.next() else { return Some(false) };
        *count = delimiters(from, end);
        from = end + 1;
    }
    let from = memrchr(d.newline, &buf[..q]).map_or(0, |i| i + 1);
    let to = match memchr(d.newline, &buf[q..]) {
        Some(i) => q + i,
        None if at_end => buf.len(),
        None => return None,
    };
    counts[LINES + 1] = delimiters(from, to);
    let is_row = |n: usize| n > 0 && counts.iter().filter(|c| **c == n).count() >= ALIKE_MIN;
    Some(is_row(counts[1]) || is_row(counts[2]) || is_row(counts[3]))
}

/// The content of a field that begins with a quote and is well formed.
pub fn unquote<'a>(raw: &'a [u8], d: &Dialect) -> Cow<'a, [u8]> {
    let Some(quote) = d.quote else { return Cow::Borrowed(raw) };
    // The closing quote is the last one: only spaces may follow it.
    let close = memchr::memrchr(quote, raw).unwrap_or(0).max(1);
    let inner = &raw[1..close];
    let needs = match d.escape {
        Some(escape) => memchr2(quote, escape, inner),
        None => memchr(quote, inner),
    };
    let Some(first) = needs else { return Cow::Borrowed(inner) };
    let mut out = Vec::with_capacity(inner.len());
    out.extend_from_slice(&inner[..first]);
    let mut i = first;
    while i < inner.len() {
        let c = inner[i];
        if i + 1 < inner.len() && ((c == quote && inner[i + 1] == quote) || Some(c) == d.escape) {
            out.push(inner[i + 1]);
            i += 2;
        } else {
            out.push(c);
            i += 1;
        }
    }
    Cow::Owned(out)
}
