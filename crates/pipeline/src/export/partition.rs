//! Rows in directories by the values of columns, as Hive has it: `month=2024-01/part.parquet`. All of it is written beside what was there,
//! and then takes its place.

use super::output::Output;
use super::target::Target;
use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::row::{OwnedRow, RowConverter, SortField};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use tidemill_connect::formats::typed::text::Shown;
use tidemill_core::{Error, Result};
use tidemill_store::durable;

/// Each open file costs a handle and memory.
const PARTITIONS_MAX: usize = 500;
/// What all files together may keep in memory before the largest is written out.
const PENDING_MAX: usize = 256 << 20;
/// What Hive calls a missing value.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

pub(super) struct Partitioned<'a> {
    target: &'a Target,
    /// Where it will be, and where it is written.
    at: PathBuf,
    beside: PathBuf,
    /// Of the partition columns, and of the others.
    by: Vec<usize>,
    kept: Vec<usize>,
    schema: SchemaRef,
    rows: RowConverter,
    open: HashMap<OwnedRow, usize>,
    outputs: Vec<Output>,
}

impl<'a> Partitioned<'a> {
    pub(super) fn open(at: &Path, target: &'a Target, schema: &SchemaRef) -> Result<Partitioned<'a>> {
        refuse_others(at, target)?;
        let by = target.partition_by.iter().map(|c| schema.index_of(c)).collect::<std::result::Result<Vec<_>, _>>()?;
        let kept: Vec<usize> = (0..schema.fields().len()).filter(|i| !by.contains(i)).collect();
        if kept.is_empty() {
            return Err(Error::config("every column is one to partition by").at(at.display().to_string()).help("leave one for the files"));
        }
        let fields = by.iter().map(|i| SortField::new(schema.field(*i).data_type().clone())).collect();
        let name = at.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = at.with_file_name(format!(".{name}.tmp"));
        let io = |e| durable::io_error("cannot write", &beside, e);
        if beside.exists() {
            std::fs::remove_dir_all(&beside).map_err(io)?;
        }
        durable::make_directories(&beside)?;
        Ok(Partitioned {
            target,
            at: at.to_path_buf(),
            schema: schema.project(&kept)?.into(),
            by,
            kept,
            rows: RowConverter::new(fields)?,
            open: HashMap::new(),
            outputs: Vec::new(),
            beside,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let values: Vec<ArrayRef> = self.by.iter().map(|i| batch.column(*i).clone()).collect();
        let rows = self.rows.convert_columns(&values)?;
        // In order of first appearance, each with its rows in theirs.
        let mut of: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for i in 0..batch.num_rows() {
            let output = match self.open.get(&rows.row(i).owned()) {
                Some(output) => *output,
                None => self.begin(&values, i, rows.row(i).owned(), batch)?,
            };
            of.entry(output).or_default().push(u32::try_from(i).unwrap_or(u32::MAX));
        }
        let kept = batch.project(&self.kept)?;
        for (output, rows) in of {
            let part = if rows.len() == batch.num_rows() { kept.clone() } else { take_record_batch(&kept, &UInt32Array::from(rows))? };
            self.outputs[output].write(&part)?;
        }
        while self.outputs.iter().map(Output::pending).sum::<usize>() > PENDING_MAX {
            let Some(largest) = self.outputs.iter_mut().max_by_key(|o| o.pending()) else { break };
            largest.flush()?;
        }
        Ok(())
    }

    /// Syncs everything and puts it in the place of what was there; gives the bytes written.
    pub(super) fn finish(self, before: impl FnOnce(), after: impl FnOnce()) -> Result<u64> {
        let mut size = 0;
        for output in self.outputs {
            size += output.finish(|| (), || ())?;
        }
        before();
        durable::replace_directory(&self.beside, &self.at)?;
        after();
        Ok(size)
    }

    fn begin(&mut self, values: &[ArrayRef], row: usize, key: OwnedRow, batch: &RecordBatch) -> Result<usize> {
        let place = || self.at.display().to_string();
        if self.outputs.len() == PARTITIONS_MAX {
            return Err(Error::new(tidemill_core::ErrorKind::Limit, format!("more than {PARTITIONS_MAX} partitions"))
                .at(place())
                .help("partition by something coarser: a month rather than a day"));
        }
        let schema = batch.schema();
        let mut directory = self.beside.clone();
        for (i, column) in self.by.iter().zip(values) {
            let field = &schema.fields()[*i];
            let mut text = String::new();
            if column.is_null(row) {
                text.push_str(MISSING);
            } else {
                let one = column.slice(row, 1);
                let mut shown = String::new();
                Shown::new(&one, Some(field))?.push_text(0, &mut shown);
                text = escaped(&shown);
            }
            directory.push(format!("{}={text}", escaped(field.name())));
        }
        durable::make_directories(&directory)?;
        let output = Output::open(&directory.join(self.target.part_name()), self.target, &self.schema)?;
        self.outputs.push(output);
        self.open.insert(key, self.outputs.len() - 1);
        Ok(self.outputs.len() - 1)
    }
}

/// A directory that is replaced must hold nothing but an earlier export's partitions.
fn refuse_others(at: &Path, target: &Target) -> Result<()> {
    let first = target.partition_by.first().map(|c| format!("{}=", escaped(c))).unwrap_or_default();
    let entries = match std::fs::read_dir(at) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(durable::io_error("cannot read", at, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| durable::io_error("cannot read", at, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_partition = entry.path().is_dir() && name.split_once('=').is_some();
        if !is_partition {
            return Err(Error::config(format!("the directory holds `{name}`, which is no partition of this export"))
                .at(at.display().to_string())
                .help(format!("give the export a directory of its own: all of it is replaced, and it holds `{first}…` only")));
        }
    }
    Ok(())
}

/// A name as it can be one of a directory, as Hive writes it: `%2F` for a slash.
fn escaped(text: &str) -> String {
    if text.is_empty() {
        return MISSING.to_string();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || "\"#%'*/:=?\\{[]^".contains(c) {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|b| out.push_str(&format!("%{b:02X}")));
        } else {
            out.push(c);
        }
    }
    match out.as_str() {
        "." => "%2E".into(),
        ".." => "%2E%2E".into(),
        _ => out,
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_are_those_of_hive() {
        assert_eq!(escaped("2024-01"), "2024-01");
        assert_eq!(escaped("a/b=c%"), "a%2Fb%3Dc%25");
        assert_eq!(escaped("Málaga 1"), "Málaga 1");
        assert_eq!(escaped(".."), "%2E%2E");
        assert_eq!(escaped("{\u{7}"), "%7B%07");
        assert_eq!(escaped(""), "__HIVE_DEFAULT_PARTITION__");
    }
}
