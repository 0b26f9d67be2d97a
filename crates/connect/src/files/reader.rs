//! One file, cut into blocks that end where a record ends.

use super::compression::{Compression, Opened, open};
use super::list::FileEntry;
use super::options::FileOptions;
use crate::formats::csv::chunk::last_record_end;
use crate::formats::csv::decode::{Block, Buffer, Pool};
use crate::formats::csv::encoding::{self, Encoding, Utf16Reader, lossless};
use crate::formats::csv::plan::FilePlan;
use crate::formats::csv::survey::{Survey, survey};
use crate::formats::csv::tokenise::PAD;
use memchr::{memchr, memchr_iter};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tidemill_core::{Error, Reject, Result};

/// A file's beginning, looked at.
pub struct Head {
    pub survey: Survey,
    pub bytes: Vec<u8>,
    /// Whether `bytes` is the whole file.
    pub at_end: bool,
    source: Bytes,
}

/// Reads up to `bytes_max` and finds out what they say.
pub fn open_head(entry: &FileEntry, options: &FileOptions, base_dir: &Path, bytes_max: usize) -> Result<Head> {
    let Opened { mut reader, compression, stored } = open(entry, base_dir, options.compression)?;
    // UTF-16 can only be read through a decoder, so it is told first, by a few bytes.
    let mut first = Vec::new();
    let cut_short = Bytes::read(&mut reader, &mut first, 512, compression, entry)?;
    let utf16 = match options.encoding {
        None => encoding::detect_utf16(&first),
        Some(e) if e.is_utf16() => Some(encoding::detect_utf16(&first).unwrap_or(e)),
        Some(_) => None,
    };
    let whole = Cursor::new(first).chain(reader);
    let reader: Box<dyn Read + Send> = match utf16 {
        Some(e) => Box::new(Utf16Reader::new(whole, e)),
        None => Box::new(whole),
    };
    let mut source = Bytes { reader, compression, stored, entry: entry.clone(), at_end: false, failure: cut_short };
    let mut bytes = Vec::new();
    source.fill(&mut bytes, bytes_max)?;
    let at_end = source.at_end;
    let encoding = utf16.or(options.encoding).unwrap_or_else(|| match encoding::detect(&bytes, at_end) {
        e if e.is_utf16() => Encoding::Utf8, // by its beginning it is not
        e => e,
    });
    let name = entry.path.to_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let prefers_tab = name.ends_with(".tsv") || name.ends_with(".tab");
    let survey = survey(&bytes, at_end, encoding, &options.csv, prefers_tab);
    Ok(Head { survey, bytes, at_end, source })
}

/// The decompressed bytes of a file.
struct Bytes {
    reader: Box<dyn Read + Send>,
    compression: Compression,
    stored: Arc<std::sync::atomic::AtomicU64>,
    entry: FileEntry,
    at_end: bool,
    /// Why the compressed data ended early: reject code and reason.
    failure: Option<(&'static str, String)>,
}

impl Bytes {
    /// Appends to `buf` until it has `wanted` bytes or the file ends.
    fn fill(&mut self, buf: &mut Vec<u8>, wanted: usize) -> Result<()> {
        if self.at_end || buf.len() >= wanted {
            return Ok(());
        }
        let failure = Self::read(&mut self.reader, buf, wanted - buf.len(), self.compression, &self.entry)?;
        self.failure = self.failure.take().or(failure);
        self.at_end = buf.len() < wanted;
        let stored = self.stored.load(Relaxed);
        if self.at_end && self.compression == Compression::None && stored < self.entry.size {
            return Err(Error::conflict(format!(
                "the file became shorter while it was read ({} bytes, listed with {})",
                stored, self.entry.size
            ))
            .at(&self.entry.path)
            .help("run again when nobody writes to it"));
        }
        Ok(())
    }

    /// Compressed data that ends early or makes no sense is the data's fault: what came before it is kept.
    fn read(
        reader: &mut impl Read,
        buf: &mut Vec<u8>,
        bytes: usize,
        c: Compression,
        entry: &FileEntry,
    ) -> Result<Option<(&'static str, String)>> {
        let e = match reader.by_ref().take(bytes as u64).read_to_end(buf) {
            Ok(_) => return Ok(None),
            Err(e) => e,
        };
        let kind = match c {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::None => return Err(Error::unavailable(format!("can't read the file: {e}")).at(&entry.path).because(e)),
        };
        if e.raw_os_error().is_some() {
            return Err(Error::unavailable(format!("can't read the file: {e}")).at(&entry.path).because(e));
        }
        Ok(Some(match e.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                ("truncated", format!("the {kind} file ends in the middle of its data; rows after this one are lost"))
            }
            _ => ("corrupt", format!("the {kind} data is damaged ({e}); rows after this one are lost")),
        }))
    }
}

/// A file being read.
pub struct Blocks {
    source: Bytes,
    /// Read but not yet given out: `pending[start..]`.
    pending: Vec<u8>,
    start: usize,
    offset: u64,
    line: u64,
    bytes_reported: u64,
    is_done: bool,
    plan: Arc<FilePlan>,
}

/// A record too long to be a row is told by its beginning.
const SHOWN_BYTES: usize = 64 << 10;

impl Blocks {
    pub fn new(head: Head, plan: Arc<FilePlan>) -> Self {
        Blocks {
            source: head.source,
            pending: head.bytes,
            start: head.survey.body,
            offset: head.survey.body as u64,
            line: head.survey.line,
            bytes_reported: 0,
            is_done: false,
            plan,
        }
    }

    /// The next records, about `morsel_bytes` of them.
    pub fn next_block(&mut self, morsel_bytes: usize, pool: &Pool) -> Result<Option<Block>> {
        if self.is_done {
            return Ok(None);
        }
        let mut buffer = Buffer::take(pool, morsel_bytes + PAD);
        let mut wanted = morsel_bytes.max(1);
        loop {
            self.fill(&mut buffer.bytes, wanted)?;
            let at_end = self.source.at_end && self.start == self.pending.len();
            let is_whole = at_end && self.source.failure.is_none();
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
        if buf.len() < wanted && self.start < self.pending.len() {
            let n = (wanted - buf.len()).min(self.pending.len() - self.start);
            buf.extend_from_slice(&self.pending[self.start..self.start + n]);
            self.start += n;
        }
        // Room for the whole block at once, or growing would copy it.
        buf.reserve((wanted + PAD).saturating_sub(buf.len()));
        self.source.fill(buf, wanted)
    }

    /// Puts what follows `cut` back, for the next block.
    fn keep_rest(&mut self, buf: &mut Vec<u8>, cut: usize) {
        let rest = buf.len() - cut;
        if self.start < self.pending.len() {
            self.start -= rest; // the whole buffer came from there
        } else {
            self.pending.clear();
            self.pending.extend_from_slice(&buf[cut..]);
            self.start = 0;
        }
        buf.truncate(cut);
    }

    fn give(&mut self, mut buffer: Buffer, cut: usize, at_end: bool) -> Result<Option<Block>> {
        let mut rejects = Vec::new();
        let lines = memchr_iter(self.plan.dialect.newline, &buffer.bytes[..cut]).count() as u64;
        if at_end && let Some((code, reason)) = self.source.failure.take() {
            rejects.push(self.reject(self.offset + cut as u64, self.line + lines, lossless(&buffer.bytes[cut..]), code, reason));
            buffer.bytes.truncate(cut);
        }
        self.keep_rest(&mut buffer.bytes, cut);
        self.is_done = at_end && self.start == self.pending.len();
        if cut == 0 && rejects.is_empty() {
            self.is_done = true;
            return Ok(None);
        }
        Ok(Some(self.block(buffer, lines, rejects)))
    }

    fn block(&mut self, buffer: Buffer, lines: u64, rejects: Vec<Reject>) -> Block {
        let stored = self.source.stored.load(Relaxed);
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
                self.keep_rest(&mut buffer.bytes, cut);
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
