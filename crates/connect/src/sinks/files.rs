//! `connector = "files"` as a sink: lines in files that grow to a size, and then the next one.
//!
//! A file is there under its name from its first row on, so that it can be watched; after a crash a last line without its end is cut off, since the row
//! it begins comes again.

use super::encode::{Encoding, FORMAT, IDS};
use crate::options::{OptionDoc, OptionProblem, OptionReader, Options};
use crate::stream::{SinkConnector, StreamSink};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tidemill_core::{Error, Result};

/// Files of lines.
pub struct Files;

const DOCS: &[OptionDoc] = &[
    OptionDoc {
        name: "path",
        value: "text",
        default: "",
        text: "A directory; it is made when it is not there. Files in it are `part-000001.jsonl` (or .csv) and so on. Relative to the project.",
    },
    OptionDoc { name: "file_bytes", value: "size", default: "\"64MB\"", text: "A file that has grown to this size is the last but one." },
    FORMAT,
    IDS,
];

const FILE_BYTES: usize = 64 << 20;

struct FilesOptions {
    path: String,
    file_bytes: u64,
    encoding: Encoding,
}

fn parse(options: &Options) -> (FilesOptions, Vec<OptionProblem>) {
    let mut r = OptionReader::new(options, DOCS);
    let path = r.required("path", "name a directory: path = \"out/orders\"").unwrap_or_default().to_string();
    let file_bytes = r.bytes("file_bytes").unwrap_or(FILE_BYTES) as u64;
    if file_bytes == 0 {
        r.problem("file_bytes", "`file_bytes` can't be 0", "");
    }
    let encoding = Encoding::read(&mut r, true);
    (FilesOptions { path, file_bytes, encoding }, r.problems)
}

impl SinkConnector for Files {
    fn kind(&self) -> &'static str {
        "files"
    }

    fn options(&self) -> &'static [OptionDoc] {
        DOCS
    }

    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem> {
        let (files, mut problems) = parse(options);
        if base_dir.join(&files.path).is_file() {
            problems.push(OptionProblem {
                key: Some("path".into()),
                fault: crate::options::OptionFault::Value,
                message: format!("\"{}\" is a file, and a directory is wanted", files.path),
                help: None,
            });
        }
        problems
    }

    fn open(&self, options: &Options, base_dir: &Path, schema: &SchemaRef) -> Result<Box<dyn StreamSink>> {
        if let Some(p) = self.check(options, base_dir).into_iter().next() {
            return Err(Error { help: p.help, ..Error::config(p.message) });
        }
        let (files, _) = parse(options);
        let dir = base_dir.join(&files.path);
        let mut sink = Parts {
            ending: if files.encoding.is_csv { "csv" } else { "jsonl" },
            header: files.encoding.header(schema),
            encoding: files.encoding,
            file_bytes: files.file_bytes,
            number: 0,
            file: None,
            size: 0,
            pending: Vec::new(),
            dir,
        };
        sink.resume().map_err(|e| sink.failed(e))?;
        Ok(Box::new(sink))
    }
}

struct Parts {
    dir: PathBuf,
    ending: &'static str,
    header: String,
    encoding: Encoding,
    file_bytes: u64,
    number: u64,
    file: Option<File>,
    size: u64,
    pending: Vec<u8>,
}

impl Parts {
    fn failed(&self, e: std::io::Error) -> Error {
        Error::unavailable(format!("can't write to {}: {e}", self.dir.display())).because(e)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("part-{number:06}.{}", self.ending))
    }

    /// Goes on with the last file, if there is one.
    fn resume(&mut self) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        for entry in std::fs::read_dir(&self.dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("part-").and_then(|n| n.strip_suffix(self.ending)?.strip_suffix('.')?.parse::<u64>().ok());
            self.number = self.number.max(number.unwrap_or(0));
        }
        if self.number > 0 {
            let mut file = File::options().read(true).write(true).open(self.path(self.number))?;
            self.size = whole_lines(&mut file)?;
            file.set_len(self.size)?;
            file.seek(SeekFrom::End(0))?;
            self.file = Some(file);
        }
        Ok(())
    }

    fn give(&mut self) -> std::io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.size >= self.file_bytes
            && let Some(file) = self.file.take()
        {
            file.sync_all()?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                self.number += 1;
                let path = self.path(self.number);
                self.size = 0;
                self.file.insert(File::options().read(true).write(true).create_new(true).open(path)?)
            }
        };
        if self.size == 0 {
            file.write_all(self.header.as_bytes())?;
            self.size += self.header.len() as u64;
        }
        file.write_all(&self.pending)?;
        self.size += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

impl StreamSink for Parts {
    fn write(&mut self, rows: &RecordBatch, ids: &[String]) -> Result<()> {
        let Parts { encoding, pending, .. } = self;
        encoding.rows(rows, ids, |_, line| {
            pending.extend_from_slice(line.as_bytes());
            pending.push(b'\n');
            Ok(())
        })?;
        if self.pending.len() > 1 << 20 {
            self.give().map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.give().and_then(|()| self.file.as_ref().map_or(Ok(()), File::sync_data)).map_err(|e| self.failed(e))
    }
}

/// Bytes up to the end of the last whole line.
fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut bytes = vec![0; 64 << 10];
    while end > 0 {
        let from = end.saturating_sub(bytes.len() as u64);
        file.seek(SeekFrom::Start(from))?;
        let part = &mut bytes[..(end - from) as usize];
        file.read_exact(part)?;
        if let Some(i) = memchr::memrchr(b'\n', part) {
            return Ok(from + i as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}
