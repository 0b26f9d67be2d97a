//! A snapshot as a [`Scan`]: one morsel per row group, files in the order they were written. Row groups do not depend on how many threads
//! wrote them, so neither does anything folded over the morsels.

use crate::provider::partition_value;
use crate::{DataFile, Lake, Snapshot, schema};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use tidemill_core::name::{FILE, LINE};
use tidemill_core::{Decoded, Error, Morsel, Result, RowText, Scan, name};
use tidemill_store::durable::io_error;

impl Lake {
    /// Reads a snapshot in order. `columns` names the ones wanted, in the order wanted; all when `None`.
    pub fn scan(&self, snapshot: Snapshot, columns: Option<&[String]>) -> Result<Box<dyn Scan>> {
        let wanted = match columns {
            None => snapshot.schema.clone(),
            Some(names) => {
                let field = |name: &String| {
                    let found = snapshot.schema.field_with_name(name).cloned();
                    found.map_err(|_| Error::config(format!("{} has no column `{name}`", snapshot.table)))
                };
                Arc::new(Schema::new(names.iter().map(field).collect::<Result<Vec<_>>>()?))
            }
        };
        let total = snapshot.bytes();
        let snapshot = Arc::new(snapshot);
        Ok(Box::new(SnapshotScan { snapshot, wanted, total, next: Mutex::default() }))
    }
}

struct SnapshotScan {
    snapshot: Arc<Snapshot>,
    wanted: SchemaRef,
    total: u64,
    next: Mutex<Next>,
}

#[derive(Default)]
struct Next {
    file: usize,
    open: Option<Arc<OpenFile>>,
    group: usize,
    first_row: u64,
}

/// A data file whose footer has been read.
struct OpenFile {
    snapshot: Arc<Snapshot>,
    file: DataFile,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The source file that all its rows are of, where that is known.
    split: Option<Arc<str>>,
}

impl Scan for SnapshotScan {
    fn schema(&self) -> SchemaRef {
        self.wanted.clone()
    }

    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        let mut next = crate::lake::lock(&self.next);
        loop {
            let open = match &next.open {
                Some(open) => open.clone(),
                None => {
                    let Some(file) = self.snapshot.files.get(next.file) else { return Ok(None) };
                    let open = Arc::new(OpenFile::new(self.snapshot.clone(), file.clone())?);
                    next.open = Some(open.clone());
                    open
                }
            };
            let groups = open.metadata.metadata().row_groups();
            let Some(group) = groups.get(next.group) else {
                *next = Next { file: next.file + 1, ..Next::default() };
                continue;
            };
            // Footers count towards the last group, so that the shares of a file add up to its size.
            let data: u64 = groups.iter().map(|g| g.compressed_size().max(0) as u64).sum();
            let rest = if next.group + 1 == groups.len() { open.file.size.saturating_sub(data) } else { 0 };
            let bytes = group.compressed_size().max(0) as u64 + rest;
            let (index, first_row) = (next.group, next.first_row);
            next.group += 1;
            next.first_row += group.num_rows().max(0) as u64;
            return Ok(Some(Box::new(RowGroup { open, index, first_row, bytes, wanted: self.wanted.clone() })));
        }
    }

    fn total_bytes(&self) -> Option<u64> {
        Some(self.total)
    }
}

impl OpenFile {
    fn new(snapshot: Arc<Snapshot>, file: DataFile) -> Result<OpenFile> {
        let path = snapshot.store.root().join(&file.path);
        let opened = File::open(&path).map_err(|e| io_error("cannot open a data file", &path, e))?;
        let metadata = ArrowReaderMetadata::load(&opened, ArrowReaderOptions::new()).map_err(|e| damaged(&path, e))?;
        let split = file.constant(FILE).map(Arc::from);
        Ok(OpenFile { snapshot, file, path, metadata, split })
    }

    /// Decodes columns of one row group; those that the file lacks are NULL, and partition columns have their one value.
    fn read(&self, group: usize, columns: &Schema) -> Result<RecordBatch> {
        let descriptor = self.metadata.parquet_schema();
        let stored = self.metadata.schema();
        let roots: Vec<usize> = columns.fields().iter().filter_map(|f| stored.index_of(f.name()).ok()).collect();
        let rows = self.metadata.metadata().row_group(group).num_rows().max(0) as usize;
        let file = File::open(&self.path).map_err(|e| io_error("cannot open a data file", &self.path, e))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_projection(ProjectionMask::roots(descriptor, roots))
            .with_row_groups(vec![group])
            .with_batch_size(rows.max(1))
            .build()
            .map_err(|e| damaged(&self.path, e))?;
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| damaged(&self.path, e))?;
        let read = match batches.len() {
            1 => batches.into_iter().next(),
            _ => None,
        };
        let read = read.ok_or_else(|| Error::data("a row group came in pieces").at(self.path.display().to_string()));
        let read = if rows == 0 { RecordBatch::new_empty(Arc::new(Schema::empty())) } else { read? };
        let column = |field: &arrow::datatypes::FieldRef| -> Result<ArrayRef> {
            if self.snapshot.partition_columns.contains(field.name()) {
                let value = partition_value(&self.file, field)?;
                return Ok(arrow::compute::take(&value, &UInt32Array::from(vec![0; rows]), None)?);
            }
            match read.column_by_name(field.name()) {
                Some(column) => {
                    schema::cast(column, field.data_type()).map_err(|e| e.at(format!("{}, column `{}`", self.snapshot.table, field.name())))
                }
                None => Ok(new_null_array(field.data_type(), rows)),
            }
        };
        let arrays = columns.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::new(columns.clone()), arrays, &options)?)
    }
}

struct RowGroup {
    open: Arc<OpenFile>,
    index: usize,
    first_row: u64,
    bytes: u64,
    wanted: SchemaRef,
}

impl Morsel for RowGroup {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        // Where a row came from is needed beside what was asked for.
        let mut fields = self.wanted.fields().to_vec();
        let known =
            |name: &str| self.open.snapshot.schema.field_with_name(name).ok().filter(|_| self.wanted.field_with_name(name).is_err());
        let line = known(LINE).filter(|f| f.data_type() == &DataType::Int64);
        let file = if self.open.split.is_some() { None } else { known(FILE).filter(|f| f.data_type() == &DataType::Utf8) };
        fields.extend(line.into_iter().chain(file).map(|f| Arc::new(f.clone())));
        let read = self.open.read(self.index, &Schema::new(fields))?;

        let rows = read.num_rows();
        let lines: Vec<u64> = match read.column_by_name(LINE).and_then(|c| c.as_primitive_opt::<Int64Type>().cloned()) {
            Some(lines) => (0..rows).map(|row| if lines.is_valid(row) { lines.value(row).max(0) as u64 } else { 0 }).collect(),
            None => (0..rows as u64).map(|row| self.first_row + row + 1).collect(),
        };
        let split = match &self.open.split {
            Some(split) => split.clone(),
            None => same_text(&read).unwrap_or_else(|| self.open.file.path.as_str().into()),
        };
        let wanted: Vec<usize> = (0..self.wanted.fields().len()).collect();
        let batch = read.project(&wanted)?;
        let has_lines = self.open.snapshot.schema.field_with_name(LINE).is_ok();
        let text = Text {
            offsets: has_lines.then(|| lines.clone()),
            first_row: self.first_row,
            group: self.index,
            open: self.open.clone(),
            whole: OnceLock::new(),
        };
        let nulled = vec![0; batch.num_columns()];
        Ok(Decoded {
            split,
            batch,
            lines,
            rejects: Vec::new(),
            rows_read: rows as u64,
            bytes_read: self.bytes,
            nulled,
            text: Arc::new(text),
        })
    }
}

/// The one text that the `_file` column has in all rows.
fn same_text(batch: &RecordBatch) -> Option<Arc<str>> {
    let column = batch.column_by_name(FILE)?.as_string_opt::<i32>()?;
    let first = (!column.is_empty() && column.is_valid(0)).then(|| column.value(0))?;
    column.iter().all(|t| t == Some(first)).then(|| first.into())
}

/// Gives rows as JSON with all their columns, whatever was asked for. Decodes the row group once more when the first row is asked for, which
/// happens for rejects only.
struct Text {
    open: Arc<OpenFile>,
    group: usize,
    first_row: u64,
    offsets: Option<Vec<u64>>,
    whole: OnceLock<Option<RecordBatch>>,
}

impl RowText for Text {
    fn text(&self, row: usize) -> String {
        let whole = self.whole.get_or_init(|| self.open.read(self.group, &self.told()).ok());
        whole.as_ref().and_then(|batch| row_json(batch, row)).unwrap_or_default()
    }

    /// The line in the source where that is known, since a row's place in a data file may change; the row's number otherwise.
    fn offset(&self, row: usize) -> u64 {
        match &self.offsets {
            Some(lines) => lines.get(row).copied().unwrap_or(0),
            None => self.first_row + row as u64,
        }
    }
}

impl Text {
    /// The columns that say what a row is. When it was taken in differs from run to run, and the same row has the same text in all.
    fn told(&self) -> SchemaRef {
        let fields = self.open.snapshot.schema.fields().iter().filter(|f| f.name() != name::INGESTED_AT);
        Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
    }
}

/// One row as a JSON object, NULLs included.
pub(crate) fn row_json(batch: &RecordBatch, row: usize) -> Option<String> {
    let mut out = Vec::new();
    let mut writer =
        arrow::json::writer::WriterBuilder::new().with_explicit_nulls(true).build::<_, arrow::json::writer::LineDelimited>(&mut out);
    writer.write(&batch.slice(row, 1)).ok()?;
    writer.finish().ok()?;
    drop(writer);
    String::from_utf8(out).ok().map(|text| text.trim_end().to_string())
}

fn damaged(path: &std::path::Path, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::data(format!("the data file cannot be read: {e}"))
        .at(path.display().to_string())
        .help("restore it from a backup, or go back to an earlier version with `tidemill snapshot restore`")
        .because(e)
}
