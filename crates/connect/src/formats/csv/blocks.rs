//! One file, cut into blocks that end where a record ends.

use super::chunk::last_record_end;
use super::decode::Block;
use super::encoding::lossless;
use super::plan::FilePlan;
use super::survey::Survey;
use super::tokenise::PAD;
use crate::formats::Pieces;
use crate::formats::ahead::Ahead;
use crate::formats::buffer::{Buffer, Pool};
use crate::formats::bytes::Bytes;
use memchr::{memchr, memchr_iter};
use std::sync::Arc;
use tidemill_core::{Morsel, Reject, Result};

/// A file being read.
pub struct Blocks {
    ahead: Ahead,
    offset: u64,
    line: u64,
    bytes_reported: u64,
    is_done: bool,
    plan: Arc<FilePlan>,
    pool: Pool,
}

/// A record too long to be a row is told by its beginning.
const SHOWN_BYTES: usize = 64 << 10;

impl Blocks {
    /// `head` is the file's beginning, already read from `source`.
    pub fn new(head: Vec<u8>, source: Bytes, survey: &Survey, plan: Arc<FilePlan>, pool: Pool) -> Self {
        Blocks {
            ahead: Ahead::new(source, head, survey.body),
            offset: survey.body as u64,
            line: survey.line,
            bytes_reported: 0,
            is_done: false,
            plan,
            pool,
        }
    }

    /// The next records, about `morsel_bytes` of them.
    fn next_block(&mut self, morsel_bytes: usize) -> Result<Option<Block>> {
        if self.is_done {
            return Ok(None);
        }
        let mut buffer = Buffer::take(&self.pool, morsel_bytes + PAD);
        let mut wanted = morsel_bytes.max(1);
        loop {
            self.fill(&mut buffer.bytes, wanted)?;
            let at_end = self.ahead.at_end();
            let is_whole = at_end && self.ahead.source.failure.is_none();
            if let Some(cut) = last_record_end(&buffer.bytes, is_whole, &self.plan.dialect) {
                return self.give(buffer, cut, at_end);
            }
            if at_end {
                return self.give(buffer, 0, at_end);
            }
            if buffer.bytes.len() / 2 > self.plan.dialect.record_bytes_max {
                return self.skip_record(buffer).map(Some);
            }
            wanted = wanted.saturating_mul(2).min(buffer.bytes.len() + (64 << 20)).max(wanted + 1);
        }
    }

    fn fill(&mut self, buf: &mut Vec<u8>, wanted: usize) -> Result<()> {
        // Room for the whole block at once, or growing would copy it.
        buf.reserve((wanted + PAD).saturating_sub(buf.len()));
        self.ahead.fill(buf, wanted)
    }

    fn give(&mut self, mut buffer: Buffer, cut: usize, at_end: bool) -> Result<Option<Block>> {
        let mut rejects = Vec::new();
        let lines = memchr_iter(self.plan.dialect.newline, &buffer.bytes[..cut]).count() as u64;
        if at_end && let Some(failure) = self.ahead.source.failure.take() {
            let line = self.line + lines;
            let reason = failure.reason(self.offset + buffer.bytes.len() as u64, Some(line));
            rejects.push(self.reject(self.offset + cut as u64, line, lossless(&buffer.bytes[cut..]), failure.code, reason));
            buffer.bytes.truncate(cut);
        }
        self.ahead.keep_rest(&mut buffer.bytes, cut);
        self.is_done = at_end && self.ahead.is_empty();
        if cut == 0 && rejects.is_empty() {
            self.is_done = true;
            return Ok(None);
        }
        Ok(Some(self.block(buffer, lines, rejects)))
    }

    fn block(&mut self, buffer: Buffer, lines: u64, rejects: Vec<Reject>) -> Block {
        let stored = self.ahead.source.stored();
        let len = buffer.bytes.len();
        let block = Block {
            data: buffer,
            len,
            offset: self.offset,
            line: self.line,
            bytes_read: stored - self.bytes_reported,
            rejects,
            plan: Arc::clone(&self.plan),
        };
        self.bytes_reported = stored;
        self.offset += len as u64;
        self.line += lines;
        block
    }

    /// Passes over a record that has no end within twice the allowed length.
    fn skip_record(&mut self, mut buffer: Buffer) -> Result<Block> {
        let newline = self.plan.dialect.newline;
        let limit = self.plan.dialect.record_bytes_max;
        let reason = format!("a record of more than record_bytes_max = {limit} bytes; its beginning is kept here");
        let reject = self.reject(self.offset, self.line, lossless(&buffer.bytes[..SHOWN_BYTES.min(limit)]), "length", reason);
        let mut from = limit;
        loop {
            if let Some(i) = memchr(newline, &buffer.bytes[from..]) {
                let cut = from + i + 1;
                self.pass(&buffer.bytes[..cut]);
                self.ahead.keep_rest(&mut buffer.bytes, cut);
                break;
            }
            self.pass(&buffer.bytes);
            buffer.bytes.clear();
            from = 0;
            self.fill(&mut buffer.bytes, limit)?;
            if buffer.bytes.is_empty() {
                break;
            }
        }
        buffer.bytes.clear();
        Ok(self.block(buffer, 0, vec![reject]))
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.line += memchr_iter(self.plan.dialect.newline, bytes).count() as u64;
    }

    fn reject(&self, offset: u64, line: u64, raw: String, code: &'static str, reason: String) -> Reject {
        Reject { split: Arc::clone(&self.plan.split), line, offset, raw, code, column: None, reason }
    }
}

impl Pieces for Blocks {
    fn next(&mut self, morsel_bytes: usize) -> Result<Option<Box<dyn Morsel>>> {
        Ok(self.next_block(morsel_bytes)?.map(|b| Box::new(b) as Box<dyn Morsel>))
    }
}
