//! One record at a time, the plain way: for looking at a file's beginning and for getting a rejected row's text back.

use super::dialect::Dialect;
use super::quoted::{Quoted, quoted_end, unquote};
use memchr::{memchr, memchr_iter, memchr2};
use std::borrow::Cow;
use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Byte ranges of the fields, quotes included.
    pub fields: Vec<Range<usize>>,
    /// Without its newline.
    pub span: Range<usize>,
    /// Where the next record begins.
    pub next: usize,
    /// Line ends within it, its own included.
    pub lines: u64,
    pub is_malformed: bool,
}

impl Record {
    /// An empty line.
    pub fn is_blank(&self) -> bool {
        self.span.is_empty()
    }

    /// A line of nothing or of blanks, which is no row.
    pub fn is_empty_line(&self, buf: &[u8]) -> bool {
        self.fields.len() < 2 && buf[self.span.clone()].iter().all(|c| matches!(c, b' ' | b'\t'))
    }

    /// The field's text without quotes; `None` for an empty unquoted one.
    pub fn value<'a>(&self, buf: &'a [u8], field: usize, d: &Dialect) -> Option<Cow<'a, [u8]>> {
        let raw = &buf[self.fields.get(field)?.clone()];
        match raw.first() {
            None => None,
            Some(c) if Some(*c) == d.quote => Some(unquote(raw, d)),
            Some(_) => Some(Cow::Borrowed(raw)),
        }
    }
}

/// Records of a buffer that begins at a record's start. Without `at_end`, a last record that may go on is left out. Comments are too.
pub fn records(buf: &[u8], d: Dialect, at_end: bool) -> impl Iterator<Item = Record> + '_ {
    let mut pos = 0;
    std::iter::from_fn(move || {
        while pos < buf.len() {
            if d.comment == Some(buf[pos]) {
                pos = memchr(d.newline, &buf[pos..]).map_or(buf.len(), |i| pos + i + 1);
                continue;
            }
            let record = record_at(buf, pos, at_end, &d)?;
            pos = record.next;
            return Some(record);
        }
        None
    })
}

/// The record that begins at `start`; `None` when the buffer ends before it does and `at_end` is not set.
pub fn record_at(buf: &[u8], start: usize, at_end: bool, d: &Dialect) -> Option<Record> {
    let mut fields = Vec::new();
    let mut field = start;
    let mut at = start;
    loop {
        if d.quote.is_some() && at == field && buf.get(at).copied() == d.quote {
            match quoted_end(buf, at, at_end, d) {
                Quoted::Closed(end) => at = end,
                Quoted::More => return None,
                Quoted::Malformed => {
                    let end = match memchr(d.newline, &buf[at..]) {
                        Some(i) => at + i,
                        None if at_end => buf.len(),
                        None => return None,
                    };
                    fields.push(field..end);
                    return Some(finish(buf, start, end, fields, true, d));
                }
            }
        }
        match memchr2(d.delimiter, d.newline, &buf[at..]) {
            Some(i) if buf[at + i] == d.delimiter => {
                fields.push(field..at + i);
                at += i + 1;
                field = at;
            }
            Some(i) => {
                fields.push(field..at + i);
                return Some(finish(buf, start, at + i, fields, false, d));
            }
            None if at_end => {
                fields.push(field..buf.len());
                return Some(finish(buf, start, buf.len(), fields, false, d));
            }
            None => return None,
        }
    }
}

fn finish(buf: &[u8], start: usize, newline: usize, mut fields: Vec<Range<usize>>, is_malformed: bool, d: &Dialect) -> Record {
    let next = (newline + 1).min(buf.len());
    let lines = memchr_iter(d.newline, &buf[start..next]).count() as u64;
    let mut end = newline;
    if d.newline == b'\n' && end > start && buf[end - 1] == b'\r' {
        end -= 1;
        if let Some(last) = fields.last_mut() {
            last.end = last.end.min(end).max(last.start);
        }
    }
    Record { fields, span: start..end, next, lines, is_malformed }
}
