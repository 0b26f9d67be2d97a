//! One file, cut into blocks that end where a record ends.

use super::JsonOptions;
use super::decode::{Block, Plan, Spans};
use super::layout::{Layout, Opening, look};
use super::structure::{End, next_record, skip_separators, value_end};
use crate::formats::Pieces;
use crate::formats::ahead::Ahead;
use crate::formats::buffer::{Buffer, Pool};
use crate::formats::bytes::Bytes;
use crate::formats::csv::encoding::lossless;
use crate::formats::wanted::Wanted;
use memchr::{memchr, memchr_iter, memrchr};
use std::sync::Arc;
use tidemill_core::{Morsel, Reject, Result};

/// A record too long to be a row is told by its beginning.
const SHOWN_BYTES: usize = 64 << 10;

pub struct Blocks {
    ahead: Ahead,
    offset: u64,
    line: u64,
    bytes_reported: u64,
    is_done: bool,
    opening: Opening,
    /// Whether the array's end was seen.
    is_closed: bool,
    limit: usize,
    plan: Arc<Plan>,
    pool: Pool,
}

/// What one look over a buffer found.
#[derive(Default)]
struct Cut {
    spans: Vec<(u32, u32)>,
    rejects: Vec<Reject>,
    /// What follows is not yet told.
    end: usize,
    /// The record at `end` is longer than allowed.
    is_long: bool,
}

impl Blocks {
    /// `head` is the file's beginning, already read from `source`; with `at_end` it is all of it.
    pub fn open(
        split: &str,
        head: Vec<u8>,
        at_end: bool,
        source: Bytes,
        options: &JsonOptions,
        wanted: &Arc<Wanted>,
        pool: &Pool,
    ) -> Result<Blocks> {
        let (opening, look) = look(&head, at_end, options, 0).map_err(|e| e.at(split))?;
        let plan = Plan::new(split, look.shape, wanted, options)?;
        Ok(Blocks {
            ahead: Ahead::new(source, head, opening.body),
            offset: opening.body as u64,
            line: opening.line,
            bytes_reported: 0,
            is_done: false,
            opening,
            is_closed: false,
            limit: options.record_bytes_max,
            plan: Arc::new(plan),
            pool: Arc::clone(pool),
        })
    }

    fn next_block(&mut self, morsel_bytes: usize) -> Result<Option<Block>> {
        if self.is_done {
            return Ok(None);
        }
        if self.is_closed {
            return self.rest();
        }
        let mut buffer = Buffer::take(&self.pool, morsel_bytes);
        let mut wanted = morsel_bytes.max(1);
        loop {
            self.ahead.fill(&mut buffer.bytes, wanted)?;
            let at_end = self.ahead.at_end();
            let cut =
                if self.opening.layout == Layout::Lines { self.cut_lines(&buffer.bytes, at_end) } else { self.cut(&buffer.bytes, at_end) };
            if cut.end == 0 && cut.is_long {
                return self.skip_record(buffer).map(Some);
            }
            if cut.end > 0 || at_end {
                return self.give(buffer, cut, at_end);
            }
            wanted = wanted.saturating_mul(2).min(buffer.bytes.len() + (64 << 20)).max(wanted + 1);
        }
    }

    fn cut_lines(&self, buf: &[u8], at_end: bool) -> Cut {
        let end = match memrchr(b'\n', buf) {
            _ if at_end && self.ahead.source.failure.is_none() => buf.len(),
            Some(i) => i + 1,
            None => 0,
        };
        Cut { end, is_long: end == 0 && buf.len() > self.limit, ..Cut::default() }
    }

    /// Finds the records of the buffer, and what is between them that is none.
    fn cut(&mut self, buf: &[u8], at_end: bool) -> Cut {
        let in_array = self.opening.layout == Layout::Array;
        let is_whole = at_end && self.ahead.source.failure.is_none();
        let mut out = Cut::default();
        loop {
            let at = skip_separators(buf, out.end);
            let Some(first) = buf.get(at) else {
                out.end = buf.len();
                if is_whole && in_array {
                    let what = "the file ends before the array does";
                    out.rejects.push(self.reject(buf, buf.len(), buf.len(), "truncated", what.into()));
                }
                return out;
            };
            if in_array && *first == b']' {
                self.is_closed = true;
                out.end = at + 1;
                return out;
            }
            let found = match first {
                b'}' | b']' | b':' => End::Broken(at),
                _ => value_end(buf, at, is_whole),
            };
            match found {
                // A record that ends with the buffer is whole if it has its bracket.
                End::At(end) => {
                    out.spans.push((at as u32, end as u32));
                    out.end = end;
                }
                End::Broken(from) => match next_record(buf, from, &self.opening.indent, in_array) {
                    Some(next) => {
                        out.rejects.push(self.reject(buf, at, next, "json", broken(buf, at, from)));
                        out.end = next;
                    }
                    None if is_whole => {
                        out.rejects.push(self.reject(buf, at, buf.len(), "json", broken(buf, at, from)));
                        out.end = buf.len();
                        return out;
                    }
                    None => {
                        out.end = at;
                        out.is_long = buf.len() - at > self.limit;
                        return out;
                    }
                },
                End::More if is_whole => {
                    // A bracket that is missing here swallowed what follows, or the file was cut.
                    let next = next_record(buf, at, &self.opening.indent, in_array);
                    let end = next.unwrap_or(buf.len());
                    let (code, what) = match next {
                        Some(_) => ("json", "the record is never closed: a bracket or a quote is missing"),
                        None => ("truncated", "the file ends in the middle of this record"),
                    };
                    out.rejects.push(self.reject(buf, at, end, code, what.into()));
                    out.end = end;
                    if next.is_none() {
                        return out;
                    }
                }
                End::More => {
                    out.end = at;
                    out.is_long = buf.len() - at > self.limit;
                    return out;
                }
            }
        }
    }

    fn give(&mut self, mut buffer: Buffer, mut cut: Cut, at_end: bool) -> Result<Option<Block>> {
        if at_end
            && !self.is_closed
            && let Some(failure) = self.ahead.source.failure.take()
        {
            let line = self.line + memchr_iter(b'\n', &buffer.bytes[..cut.end]).count() as u64;
            let reason = failure.reason(self.offset + buffer.bytes.len() as u64, Some(line));
            cut.rejects.push(self.reject(&buffer.bytes, cut.end, buffer.bytes.len(), failure.code, reason));
            buffer.bytes.truncate(cut.end);
        }
        self.ahead.keep_rest(&mut buffer.bytes, cut.end);
        self.is_done = at_end && self.ahead.is_empty() && !self.is_closed;
        if cut.end == 0 && cut.rejects.is_empty() {
            self.is_done = true;
            return Ok(None);
        }
        let spans = if self.opening.layout == Layout::Lines { Spans::Lines } else { Spans::Given(cut.spans) };
        Ok(Some(self.block(buffer, spans, cut.rejects)))
    }

    fn block(&mut self, buffer: Buffer, spans: Spans, rejects: Vec<Reject>) -> Block {
        let stored = self.ahead.source.stored();
        let lines = memchr_iter(b'\n', &buffer.bytes).count() as u64;
        let len = buffer.bytes.len() as u64;
        let block = Block {
            data: buffer,
            spans,
            offset: self.offset,
            line: self.line,
            bytes_read: stored - self.bytes_reported,
            rejects,
            plan: Arc::clone(&self.plan),
        };
        self.bytes_reported = stored;
        self.offset += len;
        self.line += lines;
        block
    }

    /// What follows the array's end: nothing of value, unless something is wrong.
    fn rest(&mut self) -> Result<Option<Block>> {
        self.is_done = true;
        let mut buf = Vec::new();
        let mut shown = Vec::new();
        let at = self.offset;
        loop {
            buf.clear();
            self.ahead.fill(&mut buf, 1 << 20)?;
            if buf.is_empty() {
                break;
            }
            if self.opening.is_bare && shown.len() < SHOWN_BYTES {
                let more = if shown.is_empty() { buf.trim_ascii_start() } else { &buf[..] };
                shown.extend_from_slice(&more[..more.len().min(SHOWN_BYTES)]);
            }
            self.pass(&buf);
        }
        let mut rejects = Vec::new();
        let reject = |code, reason| Reject {
            split: Arc::clone(&self.plan.split),
            line: self.line,
            offset: at,
            raw: lossless(shown.trim_ascii_end()),
            code,
            column: None,
            reason,
        };
        if let Some(failure) = &self.ahead.source.failure {
            rejects.push(reject(failure.code, failure.reason(self.offset, Some(self.line))));
        } else if !shown.trim_ascii().is_empty() {
            rejects.push(reject("json", "something follows the array's end".to_string()));
        }
        if rejects.is_empty() && self.ahead.source.stored() == self.bytes_reported {
            return Ok(None);
        }
        Ok(Some(self.block(Buffer::take(&self.pool, 0), Spans::Given(Vec::new()), rejects)))
    }

    /// Passes over a record that is longer than allowed and has no end in sight.
    fn skip_record(&mut self, mut buffer: Buffer) -> Result<Block> {
        let limit = self.limit;
        let reason = format!("a record of more than record_bytes_max = {limit} bytes; its beginning is kept here");
        let shown = SHOWN_BYTES.min(limit).min(buffer.bytes.len());
        let reject = self.reject(&buffer.bytes, 0, shown, "length", reason);
        // A record is told from the next by a line's beginning, so bytes are passed a line at a time.
        let in_array = self.opening.layout == Layout::Array;
        let mut from = 0;
        loop {
            let next = match self.opening.layout {
                Layout::Lines => memchr(b'\n', &buffer.bytes[from..]).map(|i| from + i + 1),
                _ => next_record(&buffer.bytes, from, &self.opening.indent, in_array),
            };
            if let Some(cut) = next {
                self.pass(&buffer.bytes[..cut]);
                self.ahead.keep_rest(&mut buffer.bytes, cut);
                break;
            }
            // What follows the last newline may be the beginning of a record's line.
            let kept = match self.opening.layout {
                Layout::Lines => buffer.bytes.len(),
                _ => memrchr(b'\n', &buffer.bytes).filter(|i| buffer.bytes.len() - i < SHOWN_BYTES).unwrap_or(buffer.bytes.len()),
            };
            self.pass(&buffer.bytes[..kept]);
            buffer.bytes.drain(..kept);
            from = 0;
            let before = buffer.bytes.len();
            self.ahead.fill(&mut buffer.bytes, before + limit.max(1 << 16))?;
            if buffer.bytes.len() == before {
                self.pass(&buffer.bytes);
                break;
            }
        }
        buffer.bytes.clear();
        Ok(self.block(buffer, Spans::Given(Vec::new()), vec![reject]))
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.line += memchr_iter(b'\n', bytes).count() as u64;
    }

    /// `buf[start..end]`, in the block that begins at the present offset.
    fn reject(&self, buf: &[u8], start: usize, end: usize, code: &'static str, reason: String) -> Reject {
        let raw = buf[start..end].trim_ascii_end();
        Reject {
            split: Arc::clone(&self.plan.split),
            line: self.line + memchr_iter(b'\n', &buf[..start]).count() as u64,
            offset: self.offset + start as u64,
            raw: lossless(&raw[..raw.len().min(self.limit)]),
            code,
            column: None,
            reason,
        }
    }
}

fn broken(buf: &[u8], start: usize, at: usize) -> String {
    match buf.get(at) {
        Some(b'\n') if at > start => "a text runs over the line's end: a quote is missing".into(),
        Some(c) => format!("`{}` where a record is expected", char::from(*c)),
        None => "this is no record".into(),
    }
}

impl Pieces for Blocks {
    fn next(&mut self, morsel_bytes: usize) -> Result<Option<Box<dyn Morsel>>> {
        Ok(self.next_block(morsel_bytes)?.map(|b| Box::new(b) as Box<dyn Morsel>))
    }
}
