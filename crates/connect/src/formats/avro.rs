//! Avro object container files. The container is read here, so that no length in a file is believed before it was held against a bound, and
//! blocks are unpacked here, for the same reason; what is in a block is decoded by `arrow-avro`, which is handed one block as a file of its own.
//!
//! Invariant: rows before damage are kept. After it, the next marker between blocks is looked for, so that one broken block costs itself only.

use super::bytes::Bytes;
use super::json::JsonOptions;
use super::typed::leaves::leaves;
use super::typed::look::Typed;
use super::typed::rows::{Plan, Whole, decode};
use super::wanted::Wanted;
use super::{Pieces, csv::dialect::Dialect};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow_avro::reader::ReaderBuilder;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tidemill_core::{Decoded, Morsel, Reject, Result};

/// Why a file, or a part of it, can't be read: a reject's code and its reason.
type Damage = (&'static str, String);
type Sound<T> = std::result::Result<T, Damage>;

const HEADER_MAX: usize = 16 << 20;
const MARKER: usize = 16;
/// What blocks of one piece may come to when they are unpacked.
const PIECE_BYTES_MAX: usize = 512 << 20;
const BATCH_ROWS: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

/// What a file's beginning says.
#[derive(Debug, Clone)]
struct Header {
    /// The schema, as an Avro file without rows and without a codec.
    file: Vec<u8>,
    schema: SchemaRef,
    codec: Codec,
    marker: [u8; MARKER],
}

/// What a file shows of itself, up to `rows_max` rows of its first blocks.
pub fn look(source: Bytes, options: &JsonOptions, rows_max: usize) -> Result<Typed> {
    let mut frames = Frames::new(source, options);
    let header = match frames.header()? {
        Ok(header) => header,
        Err((_, why)) => return Ok(Typed::damaged(why)),
    };
    let mut rows = 0;
    let mut batches = Vec::new();
    let mut damage = None;
    while rows < rows_max && damage.is_none() {
        match frames.block(&header)? {
            Frame::End => break,
            Frame::Lost(_, (_, why)) => damage = Some(why),
            Frame::Block(block) => match rows_of(&header, &block, frames.unpacked_max) {
                (batch, None) => {
                    let batch = batch.slice(0, batch.num_rows().min(rows_max - rows));
                    rows += batch.num_rows();
                    batches.push(batch);
                }
                (_, Some((_, why))) => damage = Some(why),
            },
        }
    }
    Ok(Typed { damage, ..Typed::new(&header.schema, options.nested, &batches)? })
}

/// One stored block.
#[derive(Debug, Clone)]
struct Block {
    /// Rows that it says it holds.
    rows: usize,
    data: Vec<u8>,
}

enum Frame {
    Block(Block),
    /// Bytes at this offset are no block.
    Lost(u64, Damage),
    End,
}

/// The container: header and blocks.
struct Frames {
    source: Bytes,
    buf: Vec<u8>,
    at: usize,
    /// Offset of `buf[0]`.
    offset: u64,
    block_max: usize,
    unpacked_max: usize,
}

impl Frames {
    fn new(source: Bytes, options: &JsonOptions) -> Frames {
        let block_max = options.record_bytes_max.saturating_mul(16);
        Frames { source, buf: Vec::new(), at: 0, offset: 0, block_max, unpacked_max: options.record_bytes_max.saturating_mul(4) }
    }

    /// Whether `n` bytes from `at` on are there; reads them if they are not yet.
    fn has(&mut self, n: usize) -> Result<bool> {
        if self.buf.len() - self.at < n && !self.source.at_end {
            if self.at > 1 << 20 {
                self.buf.drain(..self.at);
                self.offset += self.at as u64;
                self.at = 0;
            }
            let wanted = self.at + n.max(64 << 10);
            self.source.fill(&mut self.buf, wanted)?;
        }
        Ok(self.buf.len() - self.at >= n)
    }

    /// The next zigzag number; `None` where there is none.
    fn long(&mut self) -> Result<Option<i64>> {
        self.has(10)?;
        let mut n = 0u64;
        for i in 0..10 {
            let Some(b) = self.buf.get(self.at + i) else { return Ok(None) };
            n |= u64::from(b & 0x7F) << (7 * i);
            if b & 0x80 == 0 {
                self.at += i + 1;
                return Ok(Some((n >> 1) as i64 ^ -((n & 1) as i64)));
            }
        }
        Ok(None)
    }

    fn bytes(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(n) = self.long()?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= HEADER_MAX) else { return Ok(None) };
        if !self.has(n)? {
            return Ok(None);
        }
        let out = self.buf[self.at..self.at + n].to_vec();
        self.at += n;
        Ok(Some(out))
    }

    fn header(&mut self) -> Result<Sound<Header>> {
        if !self.has(4)? || !self.buf.starts_with(b"Obj\x01") {
            let what = if self.buf.is_empty() { "the file is empty, and Avro files never are" } else { "the file does not begin as Avro" };
            return Ok(Err((if self.buf.len() < 4 { "truncated" } else { "corrupt" }, what.into())));
        }
        self.at = 4;
        match self.metadata()? {
            Some((schema, codec, marker)) => Ok(Header::new(&schema, codec.as_deref(), marker)),
            None if self.source.at_end => Ok(Err(("truncated", "the file ends before its schema does, or its header is damaged".into()))),
            None => Ok(Err(("corrupt", "the header is damaged".into()))),
        }
    }

    #[allow(clippy::type_complexity)] // schema, codec, marker
    fn metadata(&mut self) -> Result<Option<(Vec<u8>, Option<Vec<u8>>, [u8; MARKER])>> {
        let (mut schema, mut codec) = (None, None);
        loop {
            let Some(mut n) = self.long()? else { return Ok(None) };
            if n == 0 {
                break;
            }
            if n < 0 {
                // The size of the entries follows, which need not be known.
                n = n.checked_neg().unwrap_or(i64::MAX);
                if self.long()?.is_none() {
                    return Ok(None);
                }
            }
            for _ in 0..n {
                let (Some(key), Some(value)) = (self.bytes()?, self.bytes()?) else { return Ok(None) };
                if self.offset as usize + self.at > HEADER_MAX {
                    return Ok(None);
                }
                match &key[..] {
                    b"avro.schema" => schema = Some(value),
                    b"avro.codec" => codec = Some(value),
                    _ => {}
                }
            }
        }
        if !self.has(MARKER)? {
            return Ok(None);
        }
        let marker = self.buf[self.at..self.at + MARKER].try_into().ok();
        self.at += MARKER;
        Ok(schema.zip(marker).map(|(schema, marker)| (schema, codec, marker)))
    }

    fn block(&mut self, header: &Header) -> Result<Frame> {
        if !self.has(1)? {
            return Ok(match self.source.failure.take() {
                Some(failure) => Frame::Lost(self.here(), (failure.code, failure.reason(self.here(), None))),
                None => Frame::End,
            });
        }
        let start = self.here();
        let (rows, size) = (self.long()?, self.long()?);
        let left = self.source.left().saturating_add((self.buf.len() - self.at) as u64);
        let damage = match (rows.map(usize::try_from), size.map(usize::try_from)) {
            (Some(Ok(rows)), Some(Ok(size))) => {
                if size as u64 > left {
                    ("truncated", format!("a block says that it has {size} bytes, and {left} are left of the file"))
                } else if size > self.block_max {
                    ("length", format!("a block says that it has {size} bytes, more than 16 times record_bytes_max"))
                } else if !self.has(size + MARKER)? {
                    match &self.source.failure {
                        Some(failure) => (failure.code, failure.reason(self.offset + self.buf.len() as u64, None)),
                        None => ("truncated", format!("the file ends in the middle of a block of {rows} rows")),
                    }
                } else if self.buf[self.at + size..self.at + size + MARKER] != header.marker {
                    ("corrupt", "a block does not end with the file's marker: its length is false, or the file is damaged".into())
                } else {
                    let data = self.buf[self.at..self.at + size].to_vec();
                    self.at += size + MARKER;
                    return Ok(Frame::Block(Block { rows, data }));
                }
            }
            (None, _) | (_, None) if self.source.at_end => ("truncated", "the file ends at the beginning of a block".into()),
            _ => ("corrupt", "a block says that it has a negative number of rows or bytes".into()),
        };
        self.source.failure = None;
        self.at = usize::try_from(start.saturating_sub(self.offset)).unwrap_or(self.at).min(self.at);
        let found = self.find(&header.marker)?;
        let lost = self.here() - start;
        let then = if found { "reading goes on after the next marker" } else { "rows after this are lost" };
        Ok(Frame::Lost(start, (damage.0, format!("{}; {lost} bytes are passed over, {then}", damage.1))))
    }

    fn here(&self) -> u64 {
        self.offset + self.at as u64
    }

    /// Goes to after the next marker, or to the end.
    fn find(&mut self, marker: &[u8; MARKER]) -> Result<bool> {
        loop {
            if let Some(i) = memchr::memmem::find(&self.buf[self.at..], marker) {
                self.at += i + MARKER;
                return Ok(true);
            }
            if self.source.at_end {
                self.at = self.buf.len();
                return Ok(false);
            }
            let kept = self.buf.len().saturating_sub(MARKER - 1).max(self.at);
            self.at = kept;
            let wanted = self.buf.len() - self.at + (1 << 20);
            self.buf.drain(..kept);
            self.offset += kept as u64;
            self.at = 0;
            self.source.fill(&mut self.buf, wanted)?;
        }
    }
}

impl Header {
    fn new(schema: &[u8], codec: Option<&[u8]>, marker: [u8; MARKER]) -> Sound<Header> {
        let codec = match codec {
            None | Some(b"null") => Codec::Null,
            Some(b"deflate") => Codec::Deflate,
            Some(b"snappy") => Codec::Snappy,
            Some(b"zstandard") => Codec::Zstandard,
            Some(other) => {
                let name = String::from_utf8_lossy(other).chars().take(40).collect::<String>();
                return Err(("corrupt", format!("the codec \"{name}\" is not one of null, deflate, snappy, zstandard")));
            }
        };
        let mut file = b"Obj\x01".to_vec();
        push_long(1, &mut file);
        for text in [&b"avro.schema"[..], schema] {
            push_long(text.len() as i64, &mut file);
            file.extend_from_slice(text);
        }
        push_long(0, &mut file);
        file.extend_from_slice(&marker);
        let schema = guarded(|| ReaderBuilder::new().build(Cursor::new(&file[..])).map(|r| r.schema()).map_err(|e| e.to_string()));
        match schema {
            Ok(schema) => Ok(Header { file, schema, codec, marker }),
            Err(why) => Err(("corrupt", format!("the schema can't be read: {why}"))),
        }
    }

    fn unpack(&self, data: &[u8], limit: usize) -> Sound<Vec<u8>> {
        let io = |e: std::io::Error| ("corrupt", format!("a block's compressed data is damaged ({e})"));
        let long = || ("length", format!("a block has more than {limit} bytes when it is unpacked, 4 times record_bytes_max"));
        let mut out = Vec::new();
        match self.codec {
            Codec::Null => out.extend_from_slice(data),
            Codec::Deflate => {
                flate2::read::DeflateDecoder::new(data).take(limit as u64 + 1).read_to_end(&mut out).map_err(io)?;
            }
            Codec::Zstandard => {
                let decoder = zstd::stream::read::Decoder::with_buffer(data).map_err(io)?;
                decoder.take(limit as u64 + 1).read_to_end(&mut out).map_err(io)?;
            }
            Codec::Snappy => {
                let bad = |e: snap::Error| ("corrupt", format!("a block's compressed data is damaged ({e})"));
                let (data, sum) =
                    data.split_at_checked(data.len().wrapping_sub(4)).ok_or(("corrupt", "a block is too short for snappy".to_string()))?;
                if snap::raw::decompress_len(data).map_err(bad)? > limit {
                    return Err(long());
                }
                out = snap::raw::Decoder::new().decompress_vec(data).map_err(bad)?;
                let mut crc = flate2::Crc::new();
                crc.update(&out);
                if crc.sum().to_be_bytes() != sum {
                    return Err(("corrupt", "a block's checksum is not that of its data".into()));
                }
            }
        }
        if out.len() > limit { Err(long()) } else { Ok(out) }
    }
}

fn push_long(n: i64, out: &mut Vec<u8>) {
    let mut n = ((n << 1) ^ (n >> 63)) as u64;
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Runs what may panic on damaged input.
pub(super) fn guarded<T>(work: impl FnOnce() -> std::result::Result<T, String>) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the decoder gave up".into()))
}

/// Rows of unpacked data; what was read before damage comes with it. `rows` is how many there should be.
fn decode_rows(header: &Header, data: &[u8], rows: usize, batch_rows: usize) -> (Vec<RecordBatch>, Option<String>) {
    let mut out = Vec::new();
    let mut seen = 0;
    let done = guarded(|| {
        // The decoder is told of more rows than there can be: told of fewer than there are, it would never end.
        let mut head = header.file.clone();
        push_long(i64::MAX, &mut head);
        push_long(data.len() as i64, &mut head);
        let file = Cursor::new(head).chain(data).chain(&header.marker[..]);
        let reader = ReaderBuilder::new().with_batch_size(batch_rows);
        let reader = reader.build(std::io::BufReader::with_capacity(1 << 16, file)).map_err(|e| e.to_string())?;
        for batch in reader {
            let batch = batch.map_err(|e| e.to_string())?;
            seen += batch.num_rows();
            if seen > rows {
                return Err(format!("it holds more than the {rows} rows it says"));
            }
            out.push(batch);
        }
        if seen == rows { Ok(()) } else { Err(format!("it holds {seen} rows and says {rows}")) }
    });
    (out, done.err())
}

/// The rows of one block, as far as they can be read, and what is wrong with it.
fn rows_of(header: &Header, block: &Block, limit: usize) -> (RecordBatch, Option<Damage>) {
    let empty = || RecordBatch::new_empty(Arc::clone(&header.schema));
    let data = match header.unpack(&block.data, limit) {
        Ok(data) => data,
        Err((code, why)) => return (empty(), Some((code, format!("{why}; {} rows are lost", block.rows)))),
    };
    if block.rows > data.len() {
        let why = format!("a block says that it has {} rows in {} bytes", block.rows, data.len());
        return (empty(), Some(("corrupt", why)));
    }
    let (mut batches, mut why) = decode_rows(header, &data, block.rows, BATCH_ROWS.min(block.rows.max(1)));
    if why.is_some() {
        // One at a time, so that the rows before the damage come out.
        (batches, why) = decode_rows(header, &data, block.rows, 1);
    }
    let batch = concat_batches(&header.schema, &batches).unwrap_or_else(|_| empty());
    let lost = block.rows.saturating_sub(batch.num_rows());
    (batch, why.map(|why| ("corrupt", format!("a block is damaged: {why}; {lost} rows from this one on are lost"))))
}

/// One file, some blocks at a time.
pub struct Blocks {
    frames: Frames,
    shared: Option<Arc<Shared>>,
    /// Number of the next row, from 0.
    row: u64,
    bytes_reported: u64,
    is_done: bool,
    damage: Option<Damage>,
    plan: Arc<Plan>,
}

struct Shared {
    header: Header,
    unpacked_max: usize,
}

impl Blocks {
    pub fn open(split: &str, source: Bytes, options: &JsonOptions, wanted: &Wanted) -> Result<Blocks> {
        let mut frames = Frames::new(source, options);
        let (header, damage) = match frames.header()? {
            Ok(header) => (Some(header), None),
            Err(damage) => (None, Some(damage)),
        };
        let leaves = header.as_ref().map(|h| leaves(&h.schema, options.nested)).unwrap_or_default();
        let labels: Vec<String> = leaves.iter().map(|l| l.label.clone()).collect();
        let fields = wanted.fields(&labels);
        let drift = if damage.is_some() { None } else { wanted.check_drift(split, &labels, &fields)? };
        let columns = wanted.file_columns(fields, Dialect::default());
        let plan = Arc::new(Plan { split: split.into(), leaves, columns, schema: Arc::clone(&wanted.schema), drift });
        let unpacked_max = frames.unpacked_max;
        let shared = header.map(|header| Arc::new(Shared { header, unpacked_max }));
        Ok(Blocks { frames, shared, row: 0, bytes_reported: 0, is_done: false, damage, plan })
    }

    fn reject(&self, row: u64, offset: u64, (code, reason): Damage) -> Reject {
        Reject { split: Arc::clone(&self.plan.split), line: row, offset, raw: String::new(), code, column: None, reason }
    }

    /// Reads what nobody can use, so that all bytes of the file are accounted for.
    fn drain(&mut self) -> Result<()> {
        while !self.frames.source.at_end {
            self.frames.buf.clear();
            self.frames.at = 0;
            self.frames.source.fill(&mut self.frames.buf, 1 << 20)?;
        }
        Ok(())
    }
}

impl Pieces for Blocks {
    fn next(&mut self, morsel_bytes: usize) -> Result<Option<Box<dyn Morsel>>> {
        if self.is_done {
            return Ok(None);
        }
        let first = self.row;
        let mut blocks = Vec::new();
        let mut rejects = Vec::new();
        match (&self.shared, self.damage.take()) {
            (Some(shared), None) => {
                let shared = Arc::clone(shared);
                let (mut stored, mut unpacked) = (0, 0usize);
                while stored < morsel_bytes && unpacked < PIECE_BYTES_MAX {
                    match self.frames.block(&shared.header)? {
                        Frame::Block(block) => {
                            stored += block.data.len() + 1;
                            // Compressed data may come to a thousand times its size.
                            let most = match shared.header.codec {
                                Codec::Null => block.data.len(),
                                _ => block.data.len().saturating_mul(1032).min(shared.unpacked_max),
                            };
                            unpacked = unpacked.saturating_add(most);
                            self.row += block.rows as u64;
                            blocks.push(block);
                        }
                        Frame::Lost(offset, damage) => {
                            rejects.push(self.reject(self.row + 1, offset, damage));
                            // Rows are numbered in order, so what comes after damage is a piece of its own.
                            break;
                        }
                        Frame::End => {
                            self.is_done = true;
                            break;
                        }
                    }
                }
            }
            (_, Some(damage)) => {
                self.drain()?;
                self.is_done = true;
                rejects.push(self.reject(0, 0, damage));
            }
            (None, None) => self.is_done = true,
        }
        let stored = self.frames.source.stored();
        let bytes = stored - self.bytes_reported;
        self.bytes_reported = stored;
        if blocks.is_empty() && rejects.is_empty() && bytes == 0 {
            return Ok(None);
        }
        Ok(Some(Box::new(Piece { shared: self.shared.clone(), plan: Arc::clone(&self.plan), blocks, row: first, bytes, rejects })))
    }
}

struct Piece {
    shared: Option<Arc<Shared>>,
    plan: Arc<Plan>,
    blocks: Vec<Block>,
    /// Number of the first row in the file, from 0.
    row: u64,
    bytes: u64,
    rejects: Vec<Reject>,
}

impl Morsel for Piece {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        let Piece { shared, plan, blocks, row, bytes, rejects } = *self;
        let Some(shared) = shared else {
            let empty = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
            let whole = empty.clone();
            return decode(&plan, &empty, &[], row, Box::new(move || Ok(whole.clone())), bytes, rejects);
        };
        let header = &shared.header;
        let all: Vec<usize> = (0..header.schema.fields().len()).collect();
        let mut found = Vec::new();
        let mut batches = Vec::with_capacity(blocks.len());
        let mut next = row;
        // Each stretch of rows without a gap, and the number of its first.
        let mut stretches: Vec<(u64, Vec<RecordBatch>)> = Vec::new();
        for block in blocks {
            let (batch, damage) = rows_of(header, &block, shared.unpacked_max);
            let read = batch.num_rows() as u64;
            batches.push(batch);
            if let Some((code, reason)) = damage {
                let at = next + read;
                found.push(Reject {
                    split: Arc::clone(&plan.split),
                    line: at + 1,
                    offset: at,
                    raw: String::new(),
                    code,
                    column: None,
                    reason,
                });
                stretches.push((
                    next - batches[..batches.len() - 1].iter().map(|b| b.num_rows() as u64).sum::<u64>(),
                    std::mem::take(&mut batches),
                ));
            }
            next += block.rows as u64;
        }
        if !batches.is_empty() || stretches.is_empty() {
            stretches.push((next - batches.iter().map(|b| b.num_rows() as u64).sum::<u64>(), batches));
        }
        let mut out: Option<Decoded> = None;
        let count = stretches.len();
        let mut texts = Vec::with_capacity(count);
        for (first, batches) in stretches {
            let batch = concat_batches(&header.schema, &batches)?;
            let whole = batch.clone();
            let whole: Whole = Box::new(move || Ok(whole.clone()));
            let d = decode(&plan, &batch, &all, first, whole, 0, Vec::new())?;
            texts.push((d.batch.num_rows(), Arc::clone(&d.text)));
            out = Some(match out {
                None => d,
                Some(mut o) => {
                    o.batch = concat_batches(&o.batch.schema(), [&o.batch, &d.batch])?;
                    o.lines.extend(d.lines);
                    o.rejects.extend(d.rejects);
                    o.nulled.iter_mut().zip(d.nulled).for_each(|(a, b)| *a += b);
                    o
                }
            });
        }
        let Some(mut out) = out else { return Err(tidemill_core::Error::bug("a piece without a stretch of rows")) };
        out.rejects.extend(found);
        out.rejects.sort_by_key(|r| r.line);
        out.rejects.extend(rejects);
        out.rows_read = (out.batch.num_rows() + out.rejects.len()) as u64;
        out.bytes_read = bytes;
        if count > 1 {
            out.text = Arc::new(Several(texts));
        }
        Ok(out)
    }
}

/// Texts of stretches of rows, one after another.
pub(super) struct Several(pub(super) Vec<(usize, Arc<dyn tidemill_core::RowText>)>);

impl Several {
    fn of(&self, mut row: usize) -> Option<(&dyn tidemill_core::RowText, usize)> {
        for (rows, text) in &self.0 {
            if row < *rows {
                return Some((text.as_ref(), row));
            }
            row -= rows;
        }
        None
    }
}

impl tidemill_core::RowText for Several {
    fn text(&self, row: usize) -> String {
        self.of(row).map_or_else(String::new, |(t, r)| t.text(r))
    }
    fn offset(&self, row: usize) -> u64 {
        self.of(row).map_or(0, |(t, r)| t.offset(r))
    }
}
