//! Parquet. A file's footer says where everything is; pieces are row groups or parts of them, read in parallel, the needed columns only.
//!
//! Invariant: nothing in a file makes this panic or lose the rows before the damage. Where the reader itself panics it is caught.

use super::json::{JsonOptions, Nested};
use super::typed::leaves::leaves;
use super::typed::look::Typed;
use super::typed::rows::{Plan, Whole, decode};
use super::wanted::Wanted;
use super::{Pieces, csv::dialect::Dialect};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type;
use parquet::errors::ParquetError;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tidemill_core::{Decoded, Error, Morsel, Reject, Result};

/// Rows of one piece, at most.
const ROWS_MAX: usize = 1 << 18;
/// Bytes that one piece may come to when it is unpacked.
const MEMORY_MAX: usize = 1 << 30;
const FOOTER_MAX: u64 = 256 << 20;

/// Why a file, or a part of it, can't be read: a reject's code and its reason.
type Damage = (&'static str, String);

/// What a file shows of itself; of its first row group up to `rows_max` rows.
pub fn look(path: &Path, place: &str, size: u64, nested: Nested, rows_max: usize) -> Result<Typed> {
    let (metadata, file) = match open(path, place, size)? {
        Ok(opened) => opened,
        Err((_, why)) => return Ok(Typed::damaged(why)),
    };
    let groups: Vec<usize> = (0..metadata.metadata().num_row_groups()).take(1).collect();
    let first = if rows_max == 0 { Ok(Vec::new()) } else { read(&metadata, file, groups, 0, rows_max, ProjectionMask::all()) };
    let (batches, damage) = match first {
        Ok(batches) => (batches, None),
        Err((_, why)) => (Vec::new(), Some(why)),
    };
    Ok(Typed { damage, ..Typed::new(metadata.schema(), nested, &batches)? })
}

/// The footer, or what is wrong with the file.
fn open(path: &Path, place: &str, size: u64) -> Result<std::result::Result<(ArrowReaderMetadata, File), Damage>> {
    let io = |e: std::io::Error| Error::unavailable(format!("can't read the file: {e}")).at(place).because(e);
    let mut file = File::open(path).map_err(io)?;
    if size < 12 {
        return Ok(if size == 0 {
            Err(("truncated", "the file is empty, and Parquet files never are".into()))
        } else {
            Err(("truncated", format!("the file has {size} bytes, too few for Parquet")))
        });
    }
    // The footer's length is in the file; it is held against the file's before anything is reserved.
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(size - 8)).and_then(|_| file.read_exact(&mut tail)).map_err(io)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if &tail[4..] != b"PAR1" {
        let what = if &tail[4..] == b"PARE" {
            "the file is encrypted"
        } else {
            "the file does not end as Parquet: its end, which says what is where, is missing"
        };
        return Ok(Err((if &tail[4..] == b"PARE" { "corrupt" } else { "truncated" }, what.into())));
    }
    if length + 12 > size || length > FOOTER_MAX {
        return Ok(Err(("corrupt", format!("the file says that its footer has {length} bytes, but it has {size} in all"))));
    }
    let opened = guarded(|| {
        let options = ArrowReaderOptions::new();
        let plain = ArrowReaderMetadata::load(&file, options.clone())?;
        // Without a hint, the old 96-bit instants are read as nanoseconds, which end in 2262.
        match coarser(&plain) {
            Some(schema) => ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options.with_schema(Arc::new(schema))),
            None => Ok(plain),
        }
    });
    Ok(opened.map(|metadata| (metadata, file)).map_err(|why| ("corrupt", format!("the footer is damaged: {why}"))))
}

/// The schema with 96-bit instants in microseconds, if there are any.
fn coarser(metadata: &ArrowReaderMetadata) -> Option<Schema> {
    let parquet = metadata.parquet_schema();
    let mut found = false;
    let fields = metadata.schema().fields().iter().enumerate().map(|(root, field)| {
        let is_int96 =
            (0..parquet.num_columns()).any(|c| parquet.get_column_root_idx(c) == root && parquet.column(c).physical_type() == Type::INT96);
        match field.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_int96 => {
                found = true;
                Arc::new(Field::clone(field).with_data_type(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())))
            }
            _ => Arc::clone(field),
        }
    });
    let fields: Vec<_> = fields.collect();
    found.then(|| Schema::new_with_metadata(fields, metadata.schema().metadata().clone()))
}

/// Runs what may panic on damaged input.
fn guarded<T>(work: impl FnOnce() -> std::result::Result<T, ParquetError>) -> std::result::Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(e.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string()));
            Err(text.unwrap_or_else(|| "the reader gave up".into()))
        }
    }
}

/// Some rows of some row groups. On damage, what was read before it is lost: the caller asks again for less.
fn read(
    metadata: &ArrowReaderMetadata,
    file: File,
    groups: Vec<usize>,
    offset: usize,
    limit: usize,
    mask: ProjectionMask,
) -> std::result::Result<Vec<RecordBatch>, Damage> {
    let mut size = 0;
    let done = guarded(|| {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_row_groups(groups)
            .with_projection(mask)
            .with_offset(offset)
            .with_limit(limit)
            .with_batch_size(limit.clamp(1, 8192))
            .build()?;
        let mut out = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|e| ParquetError::General(e.to_string()))?;
            size += batch.get_array_memory_size();
            if size > MEMORY_MAX {
                return Ok(Err(("length", format!("{limit} rows come to more than {} MB when they are unpacked", MEMORY_MAX >> 20))));
            }
            out.push(batch);
        }
        Ok(Ok(out))
    });
    match done {
        Ok(done) => done,
        Err(why) => Err(("corrupt", why)),
    }
}

/// One file, row group after row group.
pub struct RowGroups {
    shared: Arc<Shared>,
    group: usize,
    /// Rows of the group given out.
    given: usize,
    /// Number of the next row, from 0.
    row: u64,
    bytes_reported: u64,
    size: u64,
    damage: Option<Damage>,
}

struct Shared {
    path: PathBuf,
    metadata: Option<ArrowReaderMetadata>,
    plan: Arc<Plan>,
    /// Columns of the schema that are read.
    needed: Vec<usize>,
}

impl RowGroups {
    pub fn open(split: &str, path: &Path, size: u64, options: &JsonOptions, wanted: &Wanted) -> Result<RowGroups> {
        let (metadata, damage) = match open(path, split, size)? {
            Ok((metadata, _)) => (Some(metadata), None),
            Err(damage) => (None, Some(damage)),
        };
        let leaves = metadata.as_ref().map(|m| leaves(m.schema(), options.nested)).unwrap_or_default();
        let labels: Vec<String> = leaves.iter().map(|l| l.label.clone()).collect();
        let fields = wanted.fields(&labels);
        let drift = if damage.is_some() { None } else { wanted.check_drift(split, &labels, &fields)? };
        let plan = Plan {
            split: split.into(),
            leaves,
            columns: wanted.file_columns(fields, Dialect::default()),
            schema: Arc::clone(&wanted.schema),
            drift,
        };
        let needed = plan.needed();
        let shared = Shared { path: path.to_path_buf(), metadata, plan: Arc::new(plan), needed };
        Ok(RowGroups { shared: Arc::new(shared), group: 0, given: 0, row: 0, bytes_reported: 0, size, damage })
    }
}

impl Pieces for RowGroups {
    fn next(&mut self, morsel_bytes: usize) -> Result<Option<Box<dyn Morsel>>> {
        let shared = &self.shared;
        let piece = |group, offset, rows, row, bytes, damage| Piece { shared: Arc::clone(shared), group, offset, rows, row, bytes, damage };
        if let Some(damage) = self.damage.take() {
            self.bytes_reported = self.size;
            return Ok(Some(Box::new(piece(0, 0, 0, 0, self.size, Some(damage)))));
        }
        let Some(metadata) = &self.shared.metadata else { return Ok(None) };
        while self.group < metadata.metadata().num_row_groups() {
            let group = metadata.metadata().row_group(self.group);
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            if self.given >= rows {
                self.group += 1;
                self.given = 0;
                continue;
            }
            // Unpacked, a row group may be large: so many rows of it come to about twice the wanted bytes.
            let unpacked = usize::try_from(group.total_byte_size()).unwrap_or(0).max(1);
            let share = rows.div_ceil(unpacked.div_ceil(morsel_bytes.saturating_mul(2).max(1)).max(1)).clamp(1, ROWS_MAX);
            let take = share.min(rows - self.given);
            let is_last = self.group + 1 == metadata.metadata().num_row_groups() && self.given + take == rows;
            let left = self.size - self.bytes_reported;
            let bytes = if is_last {
                left
            } else {
                let packed = u64::try_from(group.compressed_size()).unwrap_or(0);
                (packed.saturating_mul(take as u64) / rows as u64).min(left)
            };
            let out = piece(self.group, self.given, take, self.row, bytes, None);
            self.bytes_reported += bytes;
            self.given += take;
            self.row += take as u64;
            return Ok(Some(Box::new(out)));
        }
        if self.bytes_reported < self.size {
            let left = self.size - self.bytes_reported;
            self.bytes_reported = self.size;
            return Ok(Some(Box::new(piece(0, 0, 0, self.row, left, None))));
        }
        Ok(None)
    }
}

/// Rows `offset..offset + rows` of a row group.
struct Piece {
    shared: Arc<Shared>,
    group: usize,
    offset: usize,
    rows: usize,
    /// Number of the first row in the file, from 0.
    row: u64,
    bytes: u64,
    /// Of the whole file.
    damage: Option<Damage>,
}

impl Piece {
    fn read(&self, columns: Option<&[usize]>, rows: usize) -> std::result::Result<RecordBatch, Damage> {
        let Some(metadata) = &self.shared.metadata else { return Err(("corrupt", "the file has no footer".into())) };
        let schema = metadata.schema();
        let (mask, schema) = match columns {
            None => (ProjectionMask::all(), Arc::clone(schema)),
            Some(columns) => {
                let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
                (mask, Arc::new(schema.project(columns).map_err(|e| ("corrupt", e.to_string()))?))
            }
        };
        let file = File::open(&self.shared.path).map_err(|e| ("corrupt", format!("the file can't be opened again: {e}")))?;
        let batches = read(metadata, file, vec![self.group], self.offset, rows, mask)?;
        concat_batches(&schema, &batches).map_err(|e| ("length", format!("{rows} rows do not fit one batch: {e}")))
    }
}

impl Morsel for Piece {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        let plan = Arc::clone(&self.shared.plan);
        let needed = self.shared.needed.clone();
        let empty = |piece: &Piece| match &piece.shared.metadata {
            Some(m) => Ok(RecordBatch::new_empty(Arc::new(m.schema().project(&needed)?))),
            None => Ok::<_, Error>(RecordBatch::new_empty(Arc::new(Schema::empty()))),
        };
        let mut damage = self.damage.clone();
        let mut batch = None;
        if damage.is_none() && self.rows > 0 {
            match self.read(Some(&needed), self.rows) {
                Ok(b) => batch = Some(b),
                // What comes before the damage is good: the most rows that can be read are found by halving.
                Err(why) => {
                    let (mut good, mut bad) = (0, self.rows);
                    while bad - good > 1 {
                        let middle = good + (bad - good) / 2;
                        match self.read(Some(&needed), middle) {
                            Ok(b) => {
                                batch = Some(b);
                                good = middle;
                            }
                            Err(_) => bad = middle,
                        }
                    }
                    let rows = self.rows - good;
                    let why_lost = format!("row group {}: {}; {rows} rows from this one on are lost", self.group + 1, why.1);
                    damage = Some((why.0, why_lost));
                }
            }
        }
        let batch = match batch {
            Some(batch) => batch,
            None => empty(&self)?,
        };
        // A damaged group may give fewer rows than it says without a word.
        if damage.is_none() && batch.num_rows() < self.rows {
            let lost = self.rows - batch.num_rows();
            damage = Some(("corrupt", format!("row group {}: {lost} rows are missing", self.group + 1)));
        }
        let row = self.row + batch.num_rows() as u64;
        let rejects: Vec<Reject> = damage
            .into_iter()
            .map(|(code, reason)| Reject {
                split: Arc::clone(&plan.split),
                line: if self.rows == 0 { 0 } else { row + 1 },
                offset: row,
                raw: String::new(),
                code,
                column: None,
                reason,
            })
            .collect();
        let (first, bytes, rows) = (self.row, self.bytes, batch.num_rows());
        let whole: Whole = Box::new(move || self.read(None, rows).map_err(|(_, why)| Error::data(why)));
        decode(&plan, &batch, &needed, first, whole, bytes, rejects)
    }
}
