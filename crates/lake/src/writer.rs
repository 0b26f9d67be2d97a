//! Writes a table's data files: rows come in pieces with sequence numbers from any thread, row groups are encoded on the thread that
//! completed them, and files come out the same, byte for byte, whatever the number of threads.
//!
//! A piece waits until all earlier ones are there, then joins the rows pending in order. When enough are pending they become row
//! group number n; it is encoded outside every lock, waits until groups before n are in their files, and is appended.

use crate::{DataFile, schema, stats};
use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::collections::BTreeMap;
use std::io::Write;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidemill_core::{Error, Result};
use tidemill_store::{DurableFile, Store, failpoint};

/// How data files are cut and packed.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Zstandard level, 1 to 22.
    pub zstd_level: i32,
    /// Rows of a row group, about: batches are not cut for less than half a group.
    pub row_group_rows: usize,
    /// A file that has grown to this many bytes is closed.
    pub file_bytes_max: u64,
    /// Columns whose values decide the file a row goes to; they are not stored inside it.
    pub partition_by: Vec<String>,
    /// A text column each data file has one value of (`_file`): a new value begins a new file, so that its rows can be replaced by
    /// replacing whole files. See [`DataFile::constant`].
    pub file_per: Option<String>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions { zstd_level: 1, row_group_rows: 128 * 1024, file_bytes_max: 256 << 20, partition_by: Vec::new(), file_per: None }
    }
}

/// One value per partition column; `None` is NULL.
type Partition = Vec<Option<String>>;

/// See the module. Files that no commit names are garbage; [`TableWriter`] removes those it can when dropped unfinished.
pub struct TableWriter {
    place: Place,
    schema: SchemaRef,
    file_schema: SchemaRef,
    options: WriterOptions,
    factory: ArrowRowGroupWriterFactory,
    intake: Mutex<Intake>,
    outlet: Mutex<Outlet>,
    rows: AtomicU64,
    bytes: AtomicU64,
    failed: AtomicBool,
}

/// Where the next data file goes.
pub(crate) struct Place {
    pub store: Store,
    pub fencing: u64,
    pub counter: Arc<AtomicU64>,
    pub in_flight: Arc<Mutex<std::collections::BTreeSet<String>>>,
    pub now_millis: i64,
}

#[derive(Default)]
struct Intake {
    next_seq: u64,
    waiting: BTreeMap<u64, Vec<Piece>>,
    pending: BTreeMap<Partition, Pending>,
    pending_rows: usize,
    next_group: u64,
}

struct Piece {
    partition: Partition,
    file_key: Option<String>,
    batch: RecordBatch,
}

#[derive(Default)]
struct Pending {
    file_key: Option<String>,
    batches: Vec<RecordBatch>,
    rows: usize,
}

struct Group {
    number: u64,
    partition: Partition,
    file_key: Option<String>,
    batches: Vec<RecordBatch>,
    rows: usize,
}

struct Encoded {
    partition: Partition,
    file_key: Option<String>,
    rows: usize,
    chunks: Vec<ArrowColumnChunk>,
}

#[derive(Default)]
struct Outlet {
    next_group: u64,
    ready: BTreeMap<u64, Encoded>,
    open: BTreeMap<Partition, OpenFile>,
    done: Vec<DataFile>,
}

struct OpenFile {
    path: String,
    file_key: Option<String>,
    rows: u64,
    writer: SerializedFileWriter<Shared>,
    sink: Arc<Mutex<DurableFile>>,
}

/// The Parquet writer gives its sink back only by writing a second footer, so it is lent one.
struct Shared(Arc<Mutex<DurableFile>>);

impl Write for Shared {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).write(buf)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        lock(&self.0).flush()
    }
}

impl TableWriter {
    pub(crate) fn new(place: Place, schema: &Schema, options: WriterOptions) -> Result<TableWriter> {
        let schema = schema::storable(schema)?;
        for column in options.partition_by.iter().chain(&options.file_per) {
            let field =
                schema.field_with_name(column).map_err(|_| Error::config(format!("there is no column `{column}` to partition by")))?;
            if options.partition_by.contains(column) && !is_partitionable(field.data_type()) {
                return Err(Error::config(format!("column `{column}` of type {} cannot partition a table", field.data_type()))
                    .help("partition by text, whole numbers, dates or booleans"));
            }
        }
        let kept: Vec<_> = schema.fields().iter().filter(|f| !options.partition_by.contains(f.name())).cloned().collect();
        if kept.is_empty() {
            return Err(Error::config("a table needs at least one column that it is not partitioned by"));
        }
        let file_schema = Arc::new(Schema::new(kept));
        // The factory wants a writer to copy the schema from; this one writes nothing.
        let model = new_file_writer(Vec::<u8>::new(), &file_schema, &options)?;
        let factory = ArrowRowGroupWriterFactory::new(&model, file_schema.clone());
        let (intake, outlet) = (Mutex::default(), Mutex::default());
        let (rows, bytes, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Ok(TableWriter { place, schema, file_schema, options, factory, intake, outlet, rows, bytes, failed })
    }

    /// The schema the table will have: pass it on to the commit.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes written to files so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes piece `seq` of the table. Every number from 0 on comes exactly once, in any order, from any thread; a piece may be empty.
    /// Columns go by name and are cast to the table's types.
    pub fn write(&self, seq: u64, batch: RecordBatch) -> Result<()> {
        let result = self.write_piece(seq, &batch);
        if result.is_err() {
            self.failed.store(true, Ordering::SeqCst);
        }
        result
    }

    /// Completes all files and makes them durable. Files are in the order of their rows.
    pub fn finish(self) -> Result<Vec<DataFile>> {
        if self.failed.load(Ordering::SeqCst) {
            return Err(Error::bug("a table that failed to write was finished"));
        }
        let mut last = Vec::new();
        {
            let mut intake = lock(&self.intake);
            if let Some(seq) = intake.waiting.keys().next() {
                return Err(Error::bug(format!("piece {} of a table never came, but piece {seq} did", intake.next_seq)));
            }
            for (partition, pending) in mem::take(&mut intake.pending) {
                intake.cut(partition, pending, &mut last);
            }
        }
        for group in last {
            self.encode_and_append(group)?;
        }
        let mut files = {
            let mut outlet = lock(&self.outlet);
            for (partition, file) in mem::take(&mut outlet.open) {
                let (done, durable) = self.close(&partition, file)?;
                durable.finish()?;
                outlet.done.push(done);
            }
            mem::take(&mut outlet.done)
        };
        files.sort_by(|a, b| file_order(&a.path).cmp(&file_order(&b.path)));
        failpoint("data.written");
        Ok(files)
    }

    fn write_piece(&self, seq: u64, batch: &RecordBatch) -> Result<()> {
        let pieces = self.split(schema::conform(batch, &self.schema)?)?;
        let mut groups = Vec::new();
        {
            let mut intake = lock(&self.intake);
            if seq < intake.next_seq || intake.waiting.insert(seq, pieces).is_some() {
                return Err(Error::bug(format!("piece {seq} of a table was written twice")));
            }
            loop {
                let next = intake.next_seq;
                let Some(pieces) = intake.waiting.remove(&next) else { break };
                intake.next_seq += 1;
                for piece in pieces {
                    intake.take(piece, self.options.row_group_rows.max(1), &mut groups);
                }
            }
        }
        self.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        groups.into_iter().try_for_each(|group| self.encode_and_append(group))
    }

    /// One piece per partition and, where asked for, per run of one `file_per` value; in row order within each.
    fn split(&self, batch: RecordBatch) -> Result<Vec<Piece>> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let mut pieces = Vec::new();
        for (file_key, run) in self.runs(batch)? {
            if self.options.partition_by.is_empty() {
                pieces.push(Piece { partition: Vec::new(), file_key, batch: run });
                continue;
            }
            let mut rows: BTreeMap<Partition, Vec<u32>> = BTreeMap::new();
            let keys = self.options.partition_by.iter().map(|name| partition_texts(&run, name)).collect::<Result<Vec<_>>>()?;
            for row in 0..run.num_rows() {
                rows.entry(keys.iter().map(|k| k[row].clone()).collect()).or_default().push(row as u32);
            }
            let kept: Vec<usize> =
                (0..run.num_columns()).filter(|i| !self.options.partition_by.contains(run.schema_ref().field(*i).name())).collect();
            let stored = run.project(&kept)?;
            for (partition, rows) in rows {
                let batch = arrow::compute::take_record_batch(&stored, &UInt32Array::from(rows))?;
                pieces.push(Piece { partition, file_key: file_key.clone(), batch });
            }
        }
        Ok(pieces)
    }

    fn runs(&self, batch: RecordBatch) -> Result<Vec<(Option<String>, RecordBatch)>> {
        let Some(column) = &self.options.file_per else { return Ok(vec![(None, batch)]) };
        let keys = batch.column_by_name(column).map(|c| schema::cast(c, &DataType::Utf8)).transpose()?;
        let keys = keys.ok_or_else(|| Error::bug(format!("no column `{column}` in a batch")))?;
        let keys = keys.as_string::<i32>();
        let key = |row: usize| if keys.is_valid(row) { keys.value(row) } else { "" };
        let mut runs = Vec::new();
        let mut start = 0;
        for row in 1..=batch.num_rows() {
            if row == batch.num_rows() || key(row) != key(start) {
                runs.push((Some(key(start).to_string()), batch.slice(start, row - start)));
                start = row;
            }
        }
        Ok(runs)
    }

    fn encode_and_append(&self, group: Group) -> Result<()> {
        let mut writers = self.factory.create_column_writers(0).map_err(parquet_error)?;
        for batch in &group.batches {
            let mut column = writers.iter_mut();
            for (field, array) in self.file_schema.fields().iter().zip(batch.columns()) {
                for leaf in compute_leaves(field, array).map_err(parquet_error)? {
                    let writer = column.next().ok_or_else(|| Error::bug("more leaves than column writers"))?;
                    writer.write(&leaf).map_err(parquet_error)?;
                }
            }
        }
        let chunks = writers.into_iter().map(|w| w.close().map_err(parquet_error)).collect::<Result<Vec<_>>>()?;
        let Group { number, partition, file_key, rows, batches } = group;
        drop(batches);
        let mut closed = Vec::new();
        {
            let mut outlet = lock(&self.outlet);
            outlet.ready.insert(number, Encoded { partition, file_key, rows, chunks });
            loop {
                let next = outlet.next_group;
                let Some(encoded) = outlet.ready.remove(&next) else { break };
                outlet.next_group += 1;
                self.append(&mut outlet, encoded, &mut closed)?;
            }
        }
        // Syncing takes its time; others append meanwhile.
        closed.into_iter().try_for_each(DurableFile::finish)
    }

    fn append(&self, outlet: &mut Outlet, encoded: Encoded, closed: &mut Vec<DurableFile>) -> Result<()> {
        let Encoded { partition, file_key, rows, chunks } = encoded;
        let mut file = match outlet.open.remove(&partition) {
            Some(file) if file.file_key == file_key => file,
            other => {
                if let Some(file) = other {
                    let (done, durable) = self.close(&partition, file)?;
                    outlet.done.push(done);
                    closed.push(durable);
                }
                self.open(&partition, file_key)?
            }
        };
        let before = file.writer.bytes_written();
        let mut group = file.writer.next_row_group().map_err(parquet_error)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group).map_err(parquet_error)?;
        }
        group.close().map_err(parquet_error)?;
        file.rows += rows as u64;
        self.bytes.fetch_add((file.writer.bytes_written() - before) as u64, Ordering::Relaxed);
        if file.writer.bytes_written() as u64 >= self.options.file_bytes_max {
            let (done, durable) = self.close(&partition, file)?;
            outlet.done.push(done);
            closed.push(durable);
        } else {
            outlet.open.insert(partition, file);
        }
        Ok(())
    }

    fn open(&self, partition: &Partition, file_key: Option<String>) -> Result<OpenFile> {
        let directory: String =
            self.options.partition_by.iter().zip(partition).map(|(c, v)| format!("{c}={}/", safe(v.as_deref()))).collect();
        let (path, file) = loop {
            let number = self.place.counter.fetch_add(1, Ordering::Relaxed);
            let path = format!("{directory}part-{:010}-{number:06}.parquet", self.place.fencing);
            if let Some(file) = self.place.store.create_file(&path)? {
                break (path, file);
            }
        };
        lock(&self.place.in_flight).insert(path.clone());
        let sink = Arc::new(Mutex::new(file));
        let writer = new_file_writer(Shared(sink.clone()), &self.file_schema, &self.options)?;
        Ok(OpenFile { path, file_key, rows: 0, writer, sink })
    }

    fn close(&self, partition: &Partition, mut file: OpenFile) -> Result<(DataFile, DurableFile)> {
        let before = file.writer.bytes_written();
        let metadata = file.writer.finish().map_err(parquet_error)?;
        let size = file.writer.bytes_written() as u64;
        self.bytes.fetch_add(size - before as u64, Ordering::Relaxed);
        let exact: BTreeMap<String, String> = self.options.file_per.iter().cloned().zip(file.file_key).collect();
        let stats = stats::stats_json(&self.file_schema, &metadata, &exact)?;
        drop(file.writer);
        let durable = Arc::into_inner(file.sink).ok_or_else(|| Error::bug("a data file is still being written"))?;
        let durable = durable.into_inner().unwrap_or_else(PoisonError::into_inner);
        let partition_values = self.options.partition_by.iter().cloned().zip(partition.iter().cloned()).collect();
        let modified_millis = self.place.now_millis;
        Ok((DataFile { path: file.path, size, rows: file.rows, stats: Some(stats), partition_values, modified_millis }, durable))
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        // After `finish` both are empty. Otherwise nothing refers to these files and nothing ever will.
        let outlet = self.outlet.get_mut().unwrap_or_else(PoisonError::into_inner);
        let left = mem::take(&mut outlet.open).into_values().map(|f| f.path).chain(mem::take(&mut outlet.done).into_iter().map(|f| f.path));
        for path in left {
            let _ = self.place.store.remove(&path);
            lock(&self.place.in_flight).remove(&path);
        }
    }
}

impl Intake {
    fn take(&mut self, piece: Piece, target: usize, groups: &mut Vec<Group>) {
        // Another file begins: what is pending for the last one ends there.
        if self.pending.get(&piece.partition).is_some_and(|p| p.rows > 0 && p.file_key != piece.file_key)
            && let Some(pending) = self.pending.remove(&piece.partition)
        {
            self.cut(piece.partition.clone(), pending, groups);
        }
        let rows = piece.batch.num_rows();
        let pending = self.pending.entry(piece.partition.clone()).or_default();
        pending.file_key = piece.file_key;
        pending.batches.push(piece.batch);
        pending.rows += rows;
        self.pending_rows += rows;
        while let Some(pending) = self.pending.get_mut(&piece.partition)
            && pending.rows >= target
        {
            let head = if pending.rows < target + target / 2 { mem::take(pending) } else { pending.head(target) };
            let file_key = head.file_key.clone();
            pending.file_key = file_key;
            self.cut(piece.partition.clone(), head, groups);
        }
        // Many small partitions must not keep the whole table in memory.
        while self.pending_rows > 8 * target
            && let Some(largest) = self.pending.iter().max_by_key(|(k, p)| (p.rows, std::cmp::Reverse(*k))).map(|(k, _)| k.clone())
            && let Some(pending) = self.pending.remove(&largest)
        {
            self.cut(largest, pending, groups);
        }
    }

    fn cut(&mut self, partition: Partition, pending: Pending, groups: &mut Vec<Group>) {
        if pending.rows == 0 {
            return;
        }
        self.pending_rows -= pending.rows;
        groups.push(Group { number: self.next_group, partition, file_key: pending.file_key, batches: pending.batches, rows: pending.rows });
        self.next_group += 1;
    }
}

impl Pending {
    /// Splits the first `rows` rows off.
    fn head(&mut self, rows: usize) -> Pending {
        let mut head = Pending { file_key: self.file_key.clone(), ..Pending::default() };
        for batch in mem::take(&mut self.batches) {
            let wanted = (rows - head.rows).min(batch.num_rows());
            if wanted > 0 {
                head.batches.push(batch.slice(0, wanted));
                head.rows += wanted;
            }
            if wanted < batch.num_rows() {
                self.batches.push(batch.slice(wanted, batch.num_rows() - wanted));
            }
        }
        self.rows -= head.rows;
        head
    }
}

/// Data files of one table in the order they were written, wherever their partition puts them.
pub(crate) fn file_order(path: &str) -> (&str, &str) {
    (path.rsplit('/').next().unwrap_or(path), path)
}

/// Whether a file name is one that [`TableWriter`] gives. A table may lie in a directory with other people's files.
pub(crate) fn is_ours(path: &str) -> bool {
    let name = file_order(path).0.strip_prefix("part-").and_then(|n| n.strip_suffix(".parquet"));
    let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|b| b.is_ascii_digit());
    name.and_then(|n| n.split_once('-')).is_some_and(|(fencing, number)| digits(fencing, 10) && digits(number, 6))
}

fn new_file_writer<W: Write + Send>(sink: W, schema: &SchemaRef, options: &WriterOptions) -> Result<SerializedFileWriter<W>> {
    let level = ZstdLevel::try_new(options.zstd_level).map_err(|e| Error::config(format!("zstd level {}: {e}", options.zstd_level)))?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("tidemill ", env!("CARGO_PKG_VERSION")).to_string())
        // Page statistics cost time and space that skipping whole row groups does not need.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // A column of mostly different values soon goes on without a dictionary.
        .set_dictionary_page_size_limit(256 << 10)
        .set_max_row_group_row_count(None);
    for field in schema.fields() {
        // Line numbers only rise: differences pack into nearly nothing, a dictionary would be pure cost.
        if field.name() == "_line" && field.data_type() == &DataType::Int64 {
            let path = ColumnPath::from(field.name().as_str());
            properties =
                properties.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    let root = ArrowSchemaConverter::new().convert(schema).map_err(parquet_error)?.root_schema_ptr();
    SerializedFileWriter::new(sink, root, Arc::new(properties.build())).map_err(parquet_error)
}

fn is_partitionable(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Utf8 | DataType::Date32 | DataType::Boolean)
}

/// The values of a partition column as Delta writes them down.
fn partition_texts(batch: &RecordBatch, column: &str) -> Result<Vec<Option<String>>> {
    let column = batch.column_by_name(column).ok_or_else(|| Error::bug(format!("no column `{column}` in a batch")))?;
    let texts = schema::cast(column, &DataType::Utf8)?;
    // An empty text and NULL are the same to Delta's partitions.
    Ok(texts.as_string::<i32>().iter().map(|t| t.filter(|t| !t.is_empty()).map(str::to_string)).collect())
}

/// A directory name for a partition value; readers go by the log, so one that needs escaping is replaced by its hash.
fn safe(value: Option<&str>) -> String {
    match value {
        None => "__HIVE_DEFAULT_PARTITION__".into(),
        Some(v) if v.len() <= 64 && v.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') => v.into(),
        Some(v) => format!("_{}", &blake3::hash(v.as_bytes()).to_hex()[..16]),
    }
}

fn parquet_error(e: parquet::errors::ParquetError) -> Error {
    match e {
        parquet::errors::ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(io) => tidemill_store::durable::io_error("cannot write a data file", std::path::Path::new(""), *io),
            Err(source) => Error::unavailable(format!("cannot write a data file: {source}")),
        },
        other => Error::bug(format!("cannot encode: {other}")).because(other),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
