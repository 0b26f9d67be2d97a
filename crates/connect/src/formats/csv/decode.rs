//! One block of a file into a batch and rejects.

use super::dialect::Dialect;
use super::encoding::{Encoding, decode_1252, lossless};
use super::plan::FilePlan;
use super::quoted::unquote;
use super::record::record_at;
use super::tokenise::{Fault, FaultKind, PAD, Strip, Tokeniser, Width};
use crate::formats::convert::Bad;
use crate::formats::growth::Growth;
use std::sync::Arc;
use tidemill_core::{Decoded, Morsel, Reject, Result, RowText};

pub use crate::formats::buffer::{Buffer, Pool};

/// Whole records of one file, as they are stored (decompressed).
pub struct Block {
    /// Content, then [`PAD`] bytes at least.
    pub data: Buffer,
    pub len: usize,
    /// Byte offset of the first byte in the decompressed file.
    pub offset: u64,
    /// Line of the first byte, from 1.
    pub line: u64,
    /// Bytes of the file as stored that were read for this block.
    pub bytes_read: u64,
    /// What the reader itself had to give up; after the block's rows.
    pub rejects: Vec<Reject>,
    pub plan: Arc<FilePlan>,
}

/// Finds a row's text in its block again.
struct BlockText {
    data: Buffer,
    len: usize,
    starts: Vec<u32>,
    offset: u64,
    is_transcoded: bool,
    plan: Arc<FilePlan>,
}

impl RowText for BlockText {
    fn text(&self, row: usize) -> String {
        let Some(start) = self.starts.get(row) else { return String::new() };
        match record_at(&self.data.bytes[..self.len], *start as usize, true, &self.plan.dialect) {
            Some(record) => lossless(&self.data.bytes[record.span]),
            None => String::new(),
        }
    }

    fn offset(&self, row: usize) -> u64 {
        self.starts.get(row).map_or(self.offset, |s| self.offset + stored(&self.data.bytes, *s as usize, self.is_transcoded))
    }
}

/// How many bytes of the file the first `at` bytes of the block were: in a one-byte encoding, as many as characters.
fn stored(data: &[u8], at: usize, is_transcoded: bool) -> u64 {
    if is_transcoded { data[..at].iter().filter(|b| (**b & 0xC0) != 0x80).count() as u64 } else { at as u64 }
}

impl Morsel for Block {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        let mut block = *self;
        let plan = Arc::clone(&block.plan);
        let mut is_transcoded = false;
        if plan.encoding == Encoding::Windows1252
            && let Some(text) = decode_1252(&block.data.bytes[..block.len])
        {
            is_transcoded = true;
            block.len = text.len();
            block.data = Buffer { bytes: text, pool: Pool::default() };
        }
        block.data.bytes.resize(block.len + PAD, 0);
        block.data.bytes[block.len..].fill(0);
        let is_utf8 = is_transcoded || plan.encoding.is_utf16() || std::str::from_utf8(&block.data.bytes[..block.len]).is_ok();

        let mut growth = Growth::new(&plan.columns);
        let mut state = Decoding {
            plan: &plan,
            offset: block.offset,
            line: block.line,
            is_transcoded,
            lines: Vec::new(),
            starts: Vec::new(),
            rejects: Vec::new(),
        };
        state.strips(&mut growth, &mut block.data.bytes, block.len, is_utf8);
        let Decoding { lines, starts, mut rejects, .. } = state;
        rejects.sort_by_key(|r| r.offset);
        rejects.append(&mut block.rejects);
        let (batch, nulled) = growth.finish(&plan.schema, starts.len())?;
        Ok(Decoded {
            split: Arc::clone(&plan.split),
            rows_read: (batch.num_rows() + rejects.len()) as u64,
            batch,
            lines,
            rejects,
            bytes_read: block.bytes_read,
            nulled,
            text: Arc::new(BlockText { data: block.data, len: block.len, starts, offset: block.offset, is_transcoded, plan }),
        })
    }
}

struct Decoding<'a> {
    plan: &'a FilePlan,
    offset: u64,
    line: u64,
    is_transcoded: bool,
    lines: Vec<u64>,
    starts: Vec<u32>,
    rejects: Vec<Reject>,
}

impl Decoding<'_> {
    fn strips(&mut self, growth: &mut Growth, data: &mut [u8], len: usize, is_utf8: bool) {
        let width = match self.plan.drift {
            Some(_) => Width { fields: usize::MAX, fill: false },
            None => self.plan.width,
        };
        let mut dialect = self.plan.dialect;
        if self.is_transcoded {
            // The limit was applied to the bytes as stored.
            dialect.record_bytes_max = usize::MAX;
        }
        let mut tokens = Tokeniser::new(data, len, dialect, width);
        let buf = tokens.buf();
        let (mut strip, mut faults, mut keep) = (Strip::default(), Vec::new(), Vec::new());
        let mut done = 0;
        while tokens.next_strip(&mut strip, &mut faults) {
            for fault in faults.drain(..) {
                self.fault(buf, fault);
            }
            if !is_utf8 {
                self.drop_invalid_text(buf, &mut strip, &mut keep);
            }
            if self.plan.trails {
                self.drop_overfull(buf, &mut strip, &mut keep);
            }
            growth.strip(&mut strip, buf, |strip, bad| self.invalid(buf, strip, bad));
            self.lines.extend(strip.lines.iter().map(|l| self.line + u64::from(*l)));
            self.starts.extend_from_slice(&strip.starts);
            let is_first = done == 0;
            done += strip.bytes;
            if is_first && done < len {
                let share = done as f64 / len as f64;
                growth.reserve(share);
                let rows = (strip.rows() as f64 / share * 1.06) as usize;
                self.lines.reserve(rows);
                self.starts.reserve(rows);
            }
        }
    }

    /// Where rows end with a delimiter that the header lacks, what stands after it is a field too many.
    fn drop_overfull(&mut self, buf: &[u8], strip: &mut Strip, keep: &mut Vec<bool>) {
        let last = self.plan.width.fields - 1;
        keep.clear();
        for row in 0..strip.rows() {
            let (from, to) = strip.field(row, last);
            keep.push(from >= to);
            if from < to {
                let (start, end) = strip.row(row);
                let reason = format!("{} fields where {last} are expected", last + 1);
                self.reject(buf, start, end, strip.lines[row], "fields", None, reason);
            }
        }
        strip.retain(keep);
    }

    fn drop_invalid_text(&mut self, buf: &[u8], strip: &mut Strip, keep: &mut Vec<bool>) {
        keep.clear();
        for row in 0..strip.rows() {
            let (start, end) = strip.row(row);
            let bytes = &buf[start..end.max(start)];
            let fault = std::str::from_utf8(bytes).err();
            keep.push(fault.is_none());
            if let Some(e) = fault {
                let at = e.valid_up_to();
                let reason = format!(
                    "byte 0x{:02X} at byte {} of the record is not UTF-8 (if the file is in another encoding, set `encoding`)",
                    bytes[at],
                    at + 1
                );
                self.reject(buf, start, end, strip.lines[row], "encoding", None, reason);
            }
        }
        strip.retain(keep);
    }

    fn invalid(&mut self, buf: &[u8], strip: &Strip, bad: &Bad) {
        let (start, end) = strip.row(bad.row as usize);
        let column = &self.plan.columns[bad.column];
        let (from, to) = strip.field(bad.row as usize, column.field.unwrap_or(0));
        let raw = &buf[from..to];
        let text = if raw.first().copied() == self.plan.dialect.quote { unquote(raw, &self.plan.dialect) } else { raw.into() };
        let reason = column.plan.reason(lossless(&text).trim());
        let line = strip.lines[bad.row as usize];
        self.reject(buf, start, end, line, "type", Some(column.plan.read.name.clone()), reason);
    }

    fn fault(&mut self, buf: &[u8], fault: Fault) {
        let (code, reason) = match (&self.plan.drift, fault.kind) {
            (Some(why), FaultKind::Fields(_)) => ("drift", why.clone()),
            (_, FaultKind::Fields(n)) => (
                "fields",
                format!(
                    "{n} field{} where {} are expected",
                    if n == 1 { "" } else { "s" },
                    self.plan.width.fields - usize::from(self.plan.trails)
                ),
            ),
            (_, FaultKind::Quote) => ("quote", quote_fault(&buf[fault.start..fault.end], &self.plan.dialect)),
            (_, FaultKind::Length) => (
                "length",
                format!(
                    "a record of {} bytes, more than record_bytes_max = {}",
                    fault.end - fault.start,
                    self.plan.dialect.record_bytes_max
                ),
            ),
        };
        self.reject(buf, fault.start, fault.end, fault.line, code, None, reason);
    }

    #[allow(clippy::too_many_arguments)] // a reject has that many parts
    fn reject(&mut self, buf: &[u8], start: usize, end: usize, line: u32, code: &'static str, column: Option<String>, reason: String) {
        self.rejects.push(Reject {
            split: Arc::clone(&self.plan.split),
            line: self.line + u64::from(line),
            offset: self.offset + stored(buf, start, self.is_transcoded),
            raw: lossless(&buf[start..end.max(start)]),
            code,
            column,
            reason,
        });
    }
}

/// What is wrong with the quotes of a record: text after a closing quote, or no closing quote at all.
pub fn quote_fault(raw: &[u8], d: &Dialect) -> String {
    let Some(quote) = d.quote else { return String::new() };
    let mut at = 0;
    while let Some(i) = memchr::memchr(quote, &raw[at..]) {
        let open = at + i;
        at = open + 1;
        if open > 0 && raw[open - 1] != d.delimiter {
            continue;
        }
        // To the quote that closes the field: one that is not doubled.
        while let Some(i) = memchr::memchr(quote, &raw[at..]) {
            at += i + 1;
            match raw.get(at) {
                Some(c) if *c == quote => at += 1,
                Some(c) if *c != d.delimiter && *c != b'\r' => {
                    let end = memchr::memchr(d.delimiter, &raw[at..]).map_or(raw.len(), |i| at + i);
                    let tail: String = lossless(&raw[at..end]).chars().take(40).collect();
                    return format!("`{tail}` follows the closing quote of a field (a quote within a quoted field is doubled)");
                }
                _ => break,
            }
        }
    }
    "a quoted field is never closed".into()
}
