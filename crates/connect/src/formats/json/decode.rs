//! Records into a batch and rejects: each record's values are laid side by side, as CSV's fields are, and converted by the same converters.

use super::shape::Shape;
use super::token::{self, Fault, Kind, Sink, Value};
use super::{JsonOptions, Nested};
use crate::connector::{Drift, ScanOptions};
use crate::formats::buffer::Buffer;
use crate::formats::convert::Bad;
use crate::formats::csv::dialect::Dialect;
use crate::formats::csv::encoding::lossless;
use crate::formats::csv::quoted::unquote;
use crate::formats::growth::Growth;
use crate::formats::plan::FileColumn;
use crate::formats::strip::Strip;
use crate::formats::wanted::Wanted;
use arrow::datatypes::SchemaRef;
use memchr::{memchr, memchr_iter};
use std::sync::Arc;
use tidemill_core::{ColumnRead, Decoded, Morsel, Reject, Result, RowText};

/// How values are laid side by side: a text that would read as absent, or as quoted, is quoted with a byte that texts hardly have.
pub const DIALECT: Dialect =
    Dialect { delimiter: b',', quote: Some(QUOTE), escape: None, newline: b'\n', comment: None, record_bytes_max: usize::MAX };
const QUOTE: u8 = 0x1F;

const STRIP_ROWS: usize = 1024;
const STRIP_BYTES: usize = 192 << 10;

/// How the records of one file become batches.
#[derive(Debug)]
pub struct Plan {
    pub split: Arc<str>,
    shape: Shape,
    pub columns: Vec<FileColumn>,
    pub schema: SchemaRef,
    /// Set when every record must become a reject: why.
    drift: Option<String>,
    /// Whether a key that nobody knows makes its record a reject.
    refuses_unknown: bool,
    wanted: Arc<Wanted>,
    record_bytes_max: usize,
}

impl Plan {
    /// For records that come one by one: no record tells what the others have, so that a column which one lacks is no fault.
    pub fn of_records(split: &str, shape: Shape, wanted: &Arc<Wanted>, options: &JsonOptions, refuses_unknown: bool) -> Result<Plan> {
        Ok(Plan { refuses_unknown, ..Plan::new(split, shape, wanted, options)? })
    }

    pub fn new(split: &str, mut shape: Shape, wanted: &Arc<Wanted>, options: &JsonOptions) -> Result<Plan> {
        let (columns, drift) = shape.mark(wanted, split)?;
        Ok(Plan {
            split: split.into(),
            shape,
            columns,
            schema: Arc::clone(&wanted.schema),
            drift,
            refuses_unknown: wanted.drift != Drift::Evolve,
            wanted: Arc::clone(wanted),
            record_bytes_max: options.record_bytes_max,
        })
    }
}

/// Which parts of a block are records.
#[derive(Debug)]
pub enum Spans {
    /// Each line.
    Lines,
    Given(Vec<(u32, u32)>),
}

pub struct Block {
    pub data: Buffer,
    pub spans: Spans,
    /// Byte offset of the first byte in the decompressed file.
    pub offset: u64,
    /// Line of the first byte, from 1.
    pub line: u64,
    /// Bytes of the file as stored that were read for this block.
    pub bytes_read: u64,
    /// What the reader itself had to give up.
    pub rejects: Vec<Reject>,
    pub plan: Arc<Plan>,
}

/// Finds a row's text in its block again.
struct BlockText {
    data: Buffer,
    rows: Vec<(u32, u32)>,
    offset: u64,
}

impl RowText for BlockText {
    fn text(&self, row: usize) -> String {
        self.rows.get(row).map_or_else(String::new, |(start, end)| lossless(&self.data.bytes[*start as usize..*end as usize]))
    }

    fn offset(&self, row: usize) -> u64 {
        self.offset + self.rows.get(row).map_or(0, |r| u64::from(r.0))
    }
}

/// Decodes `records` (line, text), each an object, under `columns`. Rows and rejects carry the lines given.
pub fn given(split: &str, records: &[(u64, &str)], columns: &[ColumnRead], options: &JsonOptions) -> Result<Decoded> {
    let mut data = Vec::new();
    let mut spans = Vec::with_capacity(records.len());
    for (_, text) in records {
        let start = data.len() as u32;
        data.extend_from_slice(text.as_bytes());
        spans.push((start, data.len() as u32));
    }
    let ranges = spans.iter().map(|(start, end)| *start as usize..*end as usize);
    let look = super::shape::look(&data, ranges, options, 0);
    let wanted = Arc::new(Wanted::new(columns, &ScanOptions::default())?);
    let plan = Arc::new(Plan::new(split, look.shape, &wanted, options)?);
    let data = Buffer { bytes: data, pool: crate::formats::buffer::Pool::default() };
    let block = Block { data, spans: Spans::Given(spans.clone()), offset: 0, line: 1, bytes_read: 0, rejects: Vec::new(), plan };
    let mut out = Box::new(block).decode()?;
    // Records are known by where they begin; several may lie on one line here.
    let line_of = |offset: u64| spans.partition_point(|(start, _)| u64::from(*start) <= offset).checked_sub(1).map_or(0, |i| records[i].0);
    for (row, line) in out.lines.iter_mut().enumerate() {
        *line = line_of(out.text.offset(row));
    }
    for reject in &mut out.rejects {
        reject.line = line_of(reject.offset);
    }
    Ok(out)
}

impl Morsel for Block {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        Ok(self.decode_telling()?.0)
    }
}

impl Block {
    /// Also tells whether there were keys that the plan does not know.
    pub fn decode_telling(self) -> Result<(Decoded, bool)> {
        let Block { data, spans, offset, line, bytes_read, mut rejects, plan } = self;
        let buf = &data.bytes[..];
        let mut growth = Growth::new(&plan.columns);
        let mut d = Decoding::new(&plan, buf, offset, line);
        let is_utf8 = std::str::from_utf8(buf).is_ok();
        match spans {
            Spans::Given(spans) => spans.iter().for_each(|(start, end)| d.record(*start as usize, *end as usize, is_utf8, &mut growth)),
            Spans::Lines => {
                let mut at = 0;
                while at < buf.len() {
                    let end = memchr(b'\n', &buf[at..]).map_or(buf.len(), |i| at + i);
                    let skipped = buf[at..end].iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x1E).count();
                    let record = at + skipped..at + skipped + buf[at + skipped..end].trim_ascii_end().len();
                    // A byte order mark stands before the first record only.
                    let mark = if offset == 0 && at == 0 && buf[record.clone()].starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
                    if record.start + mark < record.end {
                        d.record(record.start + mark, record.end, is_utf8, &mut growth);
                    }
                    at = end + 1;
                }
            }
        }
        d.flush(&mut growth);
        let Decoding { rejects: mut found, lines, rows, strangers, .. } = d;
        found.append(&mut rejects);
        found.sort_by_key(|r| r.offset);
        let (batch, nulled) = growth.finish(&plan.schema, rows.len())?;
        let decoded = Decoded {
            split: Arc::clone(&plan.split),
            rows_read: (batch.num_rows() + found.len()) as u64,
            batch,
            lines,
            rejects: found,
            bytes_read,
            nulled,
            text: Arc::new(BlockText { data, rows, offset }),
        };
        Ok((decoded, strangers))
    }
}

struct Decoding<'a> {
    plan: &'a Plan,
    buf: &'a [u8],
    offset: u64,
    /// Line of `buf[counted]`.
    line: u64,
    first_line: u64,
    counted: usize,
    /// Values of the record at hand, by slot.
    values: Vec<Value>,
    /// Which record a node was last met in, and the place in its members where the next key is looked for.
    nodes: Vec<(u64, usize)>,
    record: u64,
    /// A key that nobody knows, where that is a fault.
    unknown: Option<String>,
    /// Whether a key was met that the shape does not have.
    strangers: bool,
    path: Vec<usize>,
    /// Values of the rows of `strip`, side by side.
    cells: Vec<u8>,
    strip: Strip,
    rejects: Vec<Reject>,
    lines: Vec<u64>,
    rows: Vec<(u32, u32)>,
}

impl<'a> Decoding<'a> {
    fn new(plan: &'a Plan, buf: &'a [u8], offset: u64, line: u64) -> Self {
        let mut out = Decoding {
            plan,
            buf,
            offset,
            line,
            first_line: line,
            counted: 0,
            values: vec![Value::default(); plan.columns.len()],
            nodes: vec![(0, 0); plan.shape.nodes.len()],
            record: 0,
            unknown: None,
            strangers: false,
            path: Vec::new(),
            cells: Vec::new(),
            strip: Strip::default(),
            rejects: Vec::new(),
            lines: Vec::new(),
            rows: Vec::new(),
        };
        out.strip.clear(plan.columns.len());
        out
    }

    fn record(&mut self, start: usize, end: usize, is_utf8: bool, growth: &mut Growth) {
        self.line += memchr_iter(b'\n', &self.buf[self.counted..start]).count() as u64;
        self.counted = start;
        if end - start > self.plan.record_bytes_max {
            let limit = self.plan.record_bytes_max;
            let reason = format!("a record of {} bytes, more than record_bytes_max = {limit}", end - start);
            return self.reject(start, end, self.line, "length", None, reason);
        }
        if let Some(why) = &self.plan.drift {
            return self.reject(start, end, self.line, "drift", None, why.clone());
        }
        if !is_utf8 && let Err(e) = std::str::from_utf8(&self.buf[start..end]) {
            let at = start + e.valid_up_to();
            let reason = format!("byte 0x{:02X} at byte {} of the record is not UTF-8", self.buf[at], at - start + 1);
            return self.reject(start, end, self.line, "encoding", None, reason);
        }
        self.record += 1;
        self.unknown = None;
        self.values.fill(Value::default());
        if let Err(Fault { at, what }) = token::record(self.buf, start, end, self) {
            let reason = format!("{what} (at byte {} of the record)", at.saturating_sub(start) + 1);
            return self.reject(start, end, self.line, "json", None, reason);
        }
        if let Some(key) = self.unknown.take() {
            let reason = format!("the record has a key that is not declared: `{key}`");
            return self.reject(start, end, self.line, "drift", None, reason);
        }
        self.push(start, end);
        if self.strip.rows() == STRIP_ROWS || self.cells.len() > STRIP_BYTES {
            self.flush(growth);
        }
    }

    /// Lays the record's values side by side.
    fn push(&mut self, start: usize, end: usize) {
        let Decoding { cells, strip, values, buf, .. } = self;
        strip.begin(start as u32, end as u32, (self.line - self.first_line) as u32, cells.len() as u32);
        for value in values.iter() {
            let raw = &buf[value.start..value.end];
            match value.kind {
                Kind::Null => {}
                Kind::Literal => cells.extend_from_slice(raw),
                Kind::Object | Kind::Array => token::push_compact(raw, cells),
                Kind::Text(false) if !raw.is_empty() && raw[0] != QUOTE => cells.extend_from_slice(raw),
                Kind::Text(_) => {
                    cells.push(QUOTE);
                    let from = cells.len();
                    // The parser has accepted the escapes.
                    let _ = token::push_unescaped(raw, cells);
                    if memchr(QUOTE, &cells[from..]).is_some() {
                        let doubled: Vec<u8> =
                            cells.drain(from..).flat_map(|b| std::iter::repeat_n(b, 1 + usize::from(b == QUOTE))).collect();
                        cells.extend_from_slice(&doubled);
                    }
                    cells.push(QUOTE);
                }
            }
            cells.push(b',');
            strip.end_field(cells.len() as u32);
        }
    }

    fn flush(&mut self, growth: &mut Growth) {
        if self.strip.rows() == 0 {
            return;
        }
        let mut strip = std::mem::take(&mut self.strip);
        let mut cells = std::mem::take(&mut self.cells);
        strip.bytes = cells.len();
        growth.strip(&mut strip, &cells, |strip, bad| self.invalid(strip, &cells, bad));
        for row in 0..strip.rows() {
            let (start, end) = strip.row(row);
            self.rows.push((start as u32, end as u32));
            self.lines.push(self.first_line + u64::from(strip.lines[row]));
        }
        strip.clear(self.plan.columns.len());
        cells.clear();
        self.strip = strip;
        self.cells = cells;
    }

    fn invalid(&mut self, strip: &Strip, cells: &[u8], bad: &Bad) {
        let row = bad.row as usize;
        let (start, end) = strip.row(row);
        let column = &self.plan.columns[bad.column];
        let (from, to) = strip.field(row, column.field.unwrap_or(0));
        let raw = &cells[from..to];
        let text = if raw.first() == Some(&QUOTE) { unquote(raw, &DIALECT) } else { raw.into() };
        let reason = column.plan.reason(lossless(&text).trim());
        let line = self.first_line + u64::from(strip.lines[row]);
        self.reject(start, end, line, "type", Some(column.plan.read.name.clone()), reason);
    }

    fn reject(&mut self, start: usize, end: usize, line: u64, code: &'static str, column: Option<String>, reason: String) {
        self.rejects.push(Reject {
            split: Arc::clone(&self.plan.split),
            line,
            offset: self.offset + start as u64,
            raw: lossless(&self.buf[start..end]),
            code,
            column,
            reason,
        });
    }

    /// Forgets the values of a member that comes again.
    fn forget(&mut self, node: usize) {
        self.path.push(node);
        while let Some(node) = self.path.pop() {
            let node = &self.plan.shape.nodes[node];
            if let Some(slot) = node.slot {
                self.values[slot] = Value::default();
            }
            self.path.extend(node.members().iter().map(|(_, to)| *to));
        }
    }
}

impl Sink for Decoding<'_> {
    #[inline]
    fn member(&mut self, node: usize, key: &[u8]) -> Option<usize> {
        let mut hint = self.nodes[node].1;
        let found = self.plan.shape.member(node, key, &mut hint);
        self.nodes[node].1 = hint;
        self.strangers |= found.is_none();
        match found {
            Some(to) if self.nodes[to].0 == self.record => self.forget(to),
            Some(to) => self.nodes[to].0 = self.record,
            None if self.plan.refuses_unknown && node == 0 && self.unknown.is_none() => {
                let key = String::from_utf8_lossy(key);
                self.unknown = (!Shape::is_expected(&self.plan.wanted, &key)).then(|| key.into_owned());
            }
            None => {}
        }
        found
    }

    #[inline]
    fn enters(&mut self, node: usize) -> bool {
        self.nodes[node].1 = 0;
        node == 0 || (self.plan.shape.nested == Nested::Flatten && self.plan.shape.has_members(node))
    }

    #[inline]
    fn value(&mut self, node: usize, value: Value) {
        if let Some(slot) = self.plan.shape.nodes[node].slot {
            self.values[slot] = value;
        }
    }
}
