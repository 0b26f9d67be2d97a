//! Text columns: the field's bytes are copied behind one another, with offsets beside them.

use super::cells::estimate;
use super::{Bad, ColumnBuilder, null_buffer};
use crate::formats::csv::dialect::Dialect;
use crate::formats::csv::quoted::unquote;
use crate::formats::plan::{ColumnPlan, NullTokens};
use crate::formats::strip::Strip;
use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// Short fields are copied as a word of this many bytes, which is faster than copying just their length.
const WORD: usize = 32;

pub struct Texts {
    /// Always longer than `len` by what the strip may need; what follows `len` means nothing.
    bytes: Vec<u8>,
    len: usize,
    offsets: Vec<i32>,
    valid: Vec<bool>,
    tokens: NullTokens,
    trim: bool,
    dialect: Dialect,
}

impl Texts {
    pub fn new(plan: &ColumnPlan) -> Self {
        Texts {
            bytes: Vec::new(),
            len: 0,
            offsets: vec![0],
            valid: Vec::new(),
            tokens: plan.tokens.clone(),
            trim: plan.read.trim,
            dialect: plan.dialect,
        }
    }

    #[inline(always)]
    fn push_word(&mut self, buf: &[u8], start: usize, end: usize) {
        let n = end - start;
        match (self.bytes.get_mut(self.len..self.len + WORD), buf.get(start..start + WORD)) {
            (Some(to), Some(from)) if n <= WORD => to.copy_from_slice(from),
            _ => self.bytes[self.len..self.len + n].copy_from_slice(&buf[start..end]),
        }
        self.len += n;
    }

    /// A field that is quoted, or a column that trims or has tokens. Whether it is there.
    #[inline(never)]
    fn push_other(&mut self, buf: &[u8], start: usize, end: usize) -> bool {
        let is_quoted = Some(buf[start]) == self.dialect.quote;
        if is_quoted && !self.trim && self.tokens.is_empty() {
            // Most quoted fields hold no quote.
            let quote = buf[start];
            if end - start >= 2
                && buf[end - 1] == quote
                && self.dialect.escape.is_none()
                && memchr::memchr(quote, &buf[start + 1..end - 1]).is_none()
            {
                self.push_word(buf, start + 1, end - 1);
                return true;
            }
        }
        let raw = &buf[start..end];
        let content = if is_quoted { unquote(raw, &self.dialect) } else { raw.into() };
        let trimmed = trim(&content);
        let kept = if self.trim { trimmed } else { &content[..] };
        if (kept.is_empty() && !is_quoted) || self.tokens.contains(trimmed) {
            return false;
        }
        let n = kept.len();
        self.bytes[self.len..self.len + n].copy_from_slice(kept);
        self.len += n;
        true
    }
}

/// Surrounding white space removed.
fn trim(content: &[u8]) -> &[u8] {
    match (content.first(), content.last()) {
        (Some(a), Some(b)) if a.is_ascii_graphic() && b.is_ascii_graphic() => content,
        _ => match std::str::from_utf8(content) {
            Ok(text) => text.trim().as_bytes(),
            Err(_) => content.trim_ascii(),
        },
    }
}

impl ColumnBuilder for Texts {
    fn read(&mut self, strip: &Strip, buf: &[u8], field: usize, _: &mut Vec<Bad>) {
        let needed = self.len + strip.bytes + WORD;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        self.offsets.reserve(strip.rows());
        self.valid.reserve(strip.rows());
        let is_plain = !self.trim && self.tokens.is_empty();
        for bounds in strip.rows_of_bounds() {
            let (start, end) = (bounds[field] as usize, bounds[field + 1] as usize - 1);
            let is_there = if start == end {
                false
            } else if is_plain && Some(buf[start]) != self.dialect.quote {
                self.push_word(buf, start, end);
                true
            } else {
                self.push_other(buf, start, end)
            };
            self.valid.push(is_there);
            self.offsets.push(self.len as i32);
        }
    }

    /// Text takes every row, so rows are dropped before it is read; this is for completeness.
    fn retain(&mut self, keep: &[bool]) {
        let first = self.valid.len() - keep.len();
        let (mut to, mut len) = (first, self.offsets[first] as usize);
        for (i, _) in keep.iter().enumerate().filter(|(_, k)| **k) {
            let row = first + i;
            let (start, end) = (self.offsets[row] as usize, self.offsets[row + 1] as usize);
            self.bytes.copy_within(start..end, len);
            self.valid[to] = self.valid[row];
            len += end - start;
            to += 1;
            self.offsets[to] = len as i32; // to <= row + 1, and the next row's start is at row + 1: not yet overwritten by another value
        }
        self.valid.truncate(to);
        self.offsets.truncate(to + 1);
        self.len = len;
    }

    fn skip(&mut self, rows: usize) {
        self.valid.resize(self.valid.len() + rows, false);
        self.offsets.resize(self.offsets.len() + rows, self.len as i32);
    }

    fn nulled(&self) -> u64 {
        0
    }

    fn reserve(&mut self, share_done: f64) {
        let bytes = estimate(self.len, share_done) + self.len;
        self.bytes.reserve(bytes.saturating_sub(self.bytes.len()));
        let rows = estimate(self.valid.len(), share_done);
        self.offsets.reserve(rows);
        self.valid.reserve(rows);
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef> {
        if i32::try_from(self.len).is_err() {
            return Err(Error::bug("a text column of one morsel holds more than 2 GB"));
        }
        self.bytes.truncate(self.len);
        let nulls = null_buffer(&self.valid);
        let offsets = OffsetBuffer::new(self.offsets.into());
        if !self.dialect.is_ascii() {
            return Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(self.bytes), nulls)?));
        }
        // SAFETY: a strip is checked to be UTF-8 before it is read, its fields are cut at ASCII bytes only (asked just above), and unquoting drops ASCII bytes
        // only, so every value is UTF-8; the offsets grow and end at the length of the bytes.
        Ok(Arc::new(unsafe { StringArray::new_unchecked(offsets, Buffer::from_vec(self.bytes), nulls) }))
    }
}
