//! What is known of the data: `errors.csv`, one line per error, and `truth.json`, what all the files are.

use crate::calendar::write_date;
use crate::options::{Options, What};
use crate::output::{at, create, partial};
use crate::piece::{Counts, List};
use crate::rates::ErrorKind;
use crate::table::Table;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tidemill_core::Result;

pub const ERRORS: &str = "errors.csv";
pub const MANIFEST: &str = "truth.json";

/// Version of the truth's files.
const FORMAT: u32 = 1;

/// The list of errors, in the order of the messy lines, table by table.
pub struct ErrorList {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    buffer: Vec<u8>,
}

impl ErrorList {
    pub fn new(directory: &Path, overwrite: bool) -> Result<ErrorList> {
        let path = directory.join(ERRORS);
        let mut file = BufWriter::with_capacity(1 << 18, create(&path, overwrite, false)?);
        file.write_all(b"table,row_key,file,line,column,kind,right,wrong\n").map_err(|e| at(&path, e))?;
        Ok(ErrorList { path, file: Some(file), buffer: Vec::new() })
    }

    pub fn write(&mut self, list: &List, first_line: u64) -> Result<()> {
        self.buffer.clear();
        list.write(first_line, &mut self.buffer);
        match &mut self.file {
            Some(file) => file.write_all(&self.buffer).map_err(|e| at(&self.path, e)),
            None => Ok(()),
        }
    }

    pub fn finish(mut self) -> Result<()> {
        if let Some(mut file) = self.file.take() {
            file.flush().map_err(|e| at(&self.path, e))?;
            drop(file);
            fs::rename(partial(&self.path), &self.path).map_err(|e| at(&self.path, e))?;
        }
        Ok(())
    }
}

impl Drop for ErrorList {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(partial(&self.path));
        }
    }
}

/// What was made of one table.
#[derive(Debug, Clone)]
pub struct TableReport {
    pub name: &'static str,
    /// Hidden labels, which are among the truth.
    pub is_label: bool,
    /// Clean rows; what else the messy files hold are copies.
    pub rows: u64,
    pub lines: u64,
    /// Of the messy files.
    pub bytes: u64,
    pub files: Vec<String>,
    /// How often each error was made.
    pub errors: Vec<(ErrorKind, u64)>,
    described: Value,
}

impl TableReport {
    pub fn new(table: &dyn Table, rows: u64, lines: u64, bytes: u64, files: Vec<String>, counts: &Counts) -> TableReport {
        let names: Vec<&str> = table.columns().iter().map(|c| c.name).chain(std::iter::once("*")).collect();
        let mut by_column = Map::new();
        for (name, kinds) in names.iter().zip(&counts.0) {
            let made = ErrorKind::ALL.iter().zip(kinds).filter(|(_, n)| **n > 0);
            let made: Map<String, Value> = made.map(|(kind, n)| (kind.name().to_string(), json!(n))).collect();
            if !made.is_empty() {
                by_column.insert((*name).to_string(), Value::Object(made));
            }
        }
        let total = |kind: ErrorKind| (kind, counts.0.iter().map(|kinds| kinds[kind as usize]).sum::<u64>());
        let columns: Vec<Value> = table.columns().iter().map(|c| json!({ "name": c.name, "type": c.kind.name() })).collect();
        let key: Vec<&str> = table.key().iter().map(|k| table.columns()[*k].name).collect();
        let described = json!({
            "name": table.name(), "key": key, "columns": columns, "labels": table.is_label(),
            "rows": rows, "lines": lines, "files": files, "errors": by_column,
        });
        let errors = ErrorKind::ALL.into_iter().map(total).filter(|(_, n)| *n > 0).collect();
        TableReport { name: table.name(), is_label: table.is_label(), rows, lines, bytes, files, errors, described }
    }
}

/// Says what the files of the truth are. A program that scores begins here.
pub fn write_manifest(directory: &Path, options: &Options, tables: &[TableReport], overwrite: bool) -> Result<()> {
    let mut start = Vec::new();
    write_date(options.start_day, &mut start);
    let manifest = json!({
        "format": FORMAT,
        "kind": options.what.name(),
        "updates": options.updates && options.what == What::Shop,
        "live": options.live.is_some(),
        "seed": options.seed,
        "start": String::from_utf8_lossy(&start),
        "days": options.days,
        "skew": options.skew(),
        "error_rates": options.errors.to_string(),
        "file_format": options.format.name(),
        "compression": options.compression.ending().trim_start_matches('.'),
        "errors": ERRORS,
        "tables": tables.iter().map(|t| t.described.clone()).collect::<Vec<_>>(),
    });
    let path = directory.join(MANIFEST);
    let mut file = create(&path, overwrite, false)?;
    let text = format!("{manifest:#}\n");
    file.write_all(text.as_bytes()).map_err(|e| at(&path, e))?;
    drop(file);
    fs::rename(partial(&path), &path).map_err(|e| at(&path, e))
}
