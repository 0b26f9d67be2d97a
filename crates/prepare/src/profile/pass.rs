//! The one pass. Threads decode morsels and find their distinct values; in source order these join the dictionaries; then each thread writes its
//! rows down as codes.

use super::dictionary::{Dictionary, Local};
use super::encode::{NULL, cell, keys, mix, profiled, profiled_type};
use super::kept::{Codes, Kept, KeptColumn};
use super::{ProfileOptions, Rejected};
use crate::cells::is_number;
use crate::measure::Moments;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::DataType;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tidemill_core::{Decoded, Meter, Morsel, Result, Scan, drive};

/// Distinct values of one column kept at most.
const DISTINCT_MAX: usize = 1 << 20;

/// One morsel, looked at.
struct Part {
    rows: usize,
    columns: Vec<Local>,
    moments: Vec<Moments>,
    hashes: Vec<u64>,
    nulled: Vec<u64>,
    rejects: Vec<(&'static str, Option<String>, String)>,
}

/// One morsel's rows, on their way to be kept.
struct Coded {
    first_row: u64,
    rate: u32,
    columns: Vec<CodedColumn>,
}

/// The morsel's own codes, what they are in the dictionary (while it is whole), and the keys they stand for.
struct CodedColumn {
    codes: Vec<u32>,
    global: Option<Vec<u32>>,
    keys: Vec<u64>,
}

struct Chunk {
    first_row: u64,
    /// Rows are those whose number's hash begins with so many zero bits.
    rate: u32,
    rows: usize,
    columns: Vec<Codes>,
}

struct Total {
    dictionaries: Vec<Dictionary>,
    moments: Vec<Moments>,
    invalid: Vec<u64>,
    rows: u64,
    rejected: u64,
    rejects: BTreeMap<(&'static str, Option<String>), (u64, String)>,
    hashes: Vec<u64>,
    /// Row hashes kept are those that begin with so many zero bits.
    hash_shift: u32,
    cell_bytes: usize,
    rate: u32,
}

pub(super) fn read(scan: &dyn Scan, options: &ProfileOptions, meter: &Meter) -> Result<Kept> {
    let schema = scan.schema();
    let types: Vec<DataType> = schema.fields().iter().map(|f| profiled_type(f.data_type())).collect();
    let stopped = AtomicBool::new(false);
    let left = AtomicU64::new(options.limit.unwrap_or(u64::MAX));
    let scan = Limited { scan, stopped: &stopped };
    // Which rows are the first is only known one morsel after another.
    let threads = if options.limit.is_some() { 1 } else { options.threads };

    let dictionary_bytes = options.memory_bytes / 10 * 4;
    let cells_bytes = options.memory_bytes / 10 * 4;
    let hash_bytes = options.memory_bytes / 10 * 2;
    let mut total = Total {
        dictionaries: types.iter().map(|t| Dictionary::new(*t == DataType::Utf8)).collect(),
        moments: vec![Moments::default(); types.len()],
        invalid: vec![0; types.len()],
        rows: 0,
        rejected: 0,
        rejects: BTreeMap::new(),
        hashes: Vec::new(),
        hash_shift: 0,
        cell_bytes: 0,
        rate: 0,
    };
    let chunks: Mutex<Vec<Chunk>> = Mutex::new(Vec::new());

    let before = |_: u64, mut decoded: Decoded| {
        if options.limit.is_some() {
            let rows = decoded.batch.num_rows().min(left.load(Ordering::Relaxed) as usize);
            decoded.batch = decoded.batch.slice(0, rows);
            left.fetch_sub(rows as u64, Ordering::Relaxed);
            if left.load(Ordering::Relaxed) == 0 {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        look(&decoded)
    };
    let ordered = |_: u64, part: Part| {
        let first_row = total.rows;
        total.rows += part.rows as u64;
        total.rejected += part.rejects.len() as u64;
        Meter::add(&meter.rows_rejected, part.rejects.len() as u64);
        for (code, column, raw) in part.rejects {
            let entry = total.rejects.entry((code, column)).or_insert((0, raw));
            entry.0 += 1;
        }
        for (a, b) in total.moments.iter_mut().zip(&part.moments) {
            a.join(b);
        }
        for (a, b) in total.invalid.iter_mut().zip(&part.nulled) {
            *a += b;
        }
        let shift = total.hash_shift;
        total.hashes.extend(part.hashes.iter().filter(|h| shift == 0 || **h >> (64 - shift) == 0));
        while total.hashes.len() * 8 > hash_bytes && total.hash_shift < 32 {
            total.hash_shift += 1;
            let shift = total.hash_shift;
            total.hashes.retain(|h| h >> (64 - shift) == 0);
        }
        let mut columns = Vec::with_capacity(part.columns.len());
        for (dictionary, local) in total.dictionaries.iter_mut().zip(part.columns) {
            let global = dictionary.join(&local);
            // A code takes what the largest so far takes; a key takes eight bytes.
            total.cell_bytes += (part.rows * if global.is_some() { Codes::width(dictionary.keys.len()) } else { 8 }) >> total.rate;
            columns.push(CodedColumn { codes: local.codes, global, keys: local.keys });
        }
        for d in &mut total.dictionaries {
            while d.keys.len() > DISTINCT_MAX {
                d.shrink();
            }
        }
        // The largest gives first.
        while total.dictionaries.iter().map(Dictionary::bytes).sum::<usize>() > dictionary_bytes {
            let Some(d) = total.dictionaries.iter_mut().max_by_key(|d| d.bytes()).filter(|d| d.keys.len() > 4096) else { break };
            d.shrink();
        }
        while total.cell_bytes > cells_bytes && total.rate < 32 {
            total.rate += 1;
            total.cell_bytes /= 2;
            let rate = total.rate;
            chunks.lock().iter_mut().for_each(|c| c.thin(rate));
        }
        Ok(Coded { first_row, rate: total.rate, columns })
    };
    let after = |_: u64, coded: Coded| {
        let chunk = coded.keep();
        chunks.lock().push(chunk);
        Ok(())
    };
    drive(&scan, threads, meter, before, ordered, after)?;

    let mut chunks = chunks.into_inner();
    chunks.sort_by_key(|c| c.first_row);
    chunks.iter_mut().for_each(|c| c.thin(total.rate));
    let bytes = Meter::get(&meter.bytes_read);
    Ok(assemble(total, chunks, &types, &schema, options, bytes))
}

/// A scan that can be told to end.
struct Limited<'a> {
    scan: &'a dyn Scan,
    stopped: &'a AtomicBool,
}

impl Scan for Limited<'_> {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        self.scan.schema()
    }
    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        if self.stopped.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.scan.next()
    }
    fn total_bytes(&self) -> Option<u64> {
        self.scan.total_bytes()
    }
}

fn look(decoded: &Decoded) -> Result<Part> {
    let batch: &RecordBatch = &decoded.batch;
    let rows = batch.num_rows();
    let mut hashes = vec![0u64; rows];
    let mut columns = Vec::with_capacity(batch.num_columns());
    let mut moments = Vec::with_capacity(batch.num_columns());
    for (at, array) in batch.columns().iter().enumerate() {
        let array = profiled(array)?;
        let (keys, missing) = keys(&array)?;
        hashes.iter_mut().zip(&keys).for_each(|(h, k)| *h = h.wrapping_add(cell(*k, at)));
        moments.push(if is_number(array.data_type()) { Moments::of(&crate::cells::floats(&array)?) } else { Moments::default() });
        let texts = array.as_string_opt::<i32>().cloned();
        columns.push(Local::of(&keys, missing, texts));
    }
    hashes.iter_mut().for_each(|h| *h = mix(*h));
    let reject = |r: &tidemill_core::Reject| (r.code, r.column.clone(), r.raw.chars().take(120).collect());
    Ok(Part { rows, columns, moments, hashes, nulled: decoded.nulled.clone(), rejects: decoded.rejects.iter().map(reject).collect() })
}

fn is_kept(row: u64, rate: u32) -> bool {
    rate == 0 || mix(row ^ 0x7469_6465_6d69_6c6c) >> (64 - rate) == 0
}

impl Coded {
    fn keep(self) -> Chunk {
        let rows = self.columns.first().map_or(0, |c| c.codes.len());
        let kept: Vec<usize> = (0..rows).filter(|r| is_kept(self.first_row + *r as u64, self.rate)).collect();
        let columns = self.columns.into_iter().map(|CodedColumn { codes, global, keys }| match global {
            Some(global) => {
                let most = global.iter().max().copied().unwrap_or(0);
                Codes::of(kept.iter().map(|r| if codes[*r] == 0 { 0 } else { global[codes[*r] as usize - 1] }), most as usize)
            }
            None => Codes::Keys(kept.iter().map(|r| if codes[*r] == 0 { NULL } else { keys[codes[*r] as usize - 1] }).collect()),
        });
        let columns = columns.collect();
        Chunk { first_row: self.first_row, rate: self.rate, rows: kept.len(), columns }
    }
}

impl Chunk {
    /// Rows have to be found again by their numbers, so these are computed anew: rows kept at one rate are among those kept at any lower one.
    fn thin(&mut self, rate: u32) {
        if rate <= self.rate {
            return;
        }
        let mut keep = Vec::with_capacity(self.rows);
        let mut row = self.first_row;
        while keep.len() < self.rows {
            if is_kept(row, self.rate) {
                keep.push(is_kept(row, rate));
            }
            row += 1;
        }
        for c in &mut self.columns {
            c.retain(&keep);
        }
        self.rows = keep.iter().filter(|k| **k).count();
        self.rate = rate;
    }
}

fn assemble(
    total: Total,
    chunks: Vec<Chunk>,
    types: &[DataType],
    schema: &arrow::datatypes::SchemaRef,
    options: &ProfileOptions,
    bytes: u64,
) -> Kept {
    let rows_kept: usize = chunks.iter().map(|c| c.rows).sum();
    let mut by_column: Vec<Vec<Codes>> = types.iter().map(|_| Vec::with_capacity(chunks.len())).collect();
    for chunk in chunks {
        for (to, codes) in by_column.iter_mut().zip(chunk.columns) {
            to.push(codes);
        }
    }
    let given = total.dictionaries.into_iter().zip(total.moments).zip(total.invalid).zip(by_column).enumerate();
    let columns = given.map(|(at, (((dictionary, moments), invalid), parts))| {
        let name = schema.field(at).name().clone();
        let label = options.labels.get(&name).cloned().unwrap_or_else(|| name.clone());
        KeptColumn::new(name, label, types[at].clone(), dictionary, moments, invalid, parts)
    });
    Kept {
        rows: total.rows,
        rejected: total.rejected,
        bytes,
        columns: columns.collect(),
        rows_kept,
        hashes: total.hashes,
        hash_shift: total.hash_shift,
        rejects: {
            let mut all: Vec<Rejected> =
                total.rejects.into_iter().map(|((code, column), (rows, example))| Rejected { code, column, rows, example }).collect();
            all.sort_by_key(|r| std::cmp::Reverse(r.rows));
            all
        },
    }
}
