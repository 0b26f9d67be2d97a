//! Single records, decoded again as their file's would be: how rows leave the quarantine after a rule was corrected.

use super::format::Format;
use super::list::FileEntry;
use super::probe::{Beginning, LATER_BYTES};
use super::{FileOptions, FileSource};
use crate::connector::ScanOptions;
use crate::formats::json;
use std::io::Write;
use std::sync::Arc;
use tidemill_core::{ColumnRead, Decoded, Error, Reject, Result, RowText, read::schema_of};

impl FileSource {
    /// Decodes `records` (line in the file, raw text) of the file `split` under the present `columns`. The file's own labels and delimiter
    /// are used where it is still there, else those of another file of the source, else the columns' own. Rows and rejects carry the
    /// lines given.
    pub fn decode_records(&self, split: &str, records: &[(u64, &str)], columns: &[ColumnRead]) -> Result<Decoded> {
        let io = |e: std::io::Error| Error::unavailable("cannot write a temporary file").because(e);
        let (format, labels, delimiter) = self.shape(split, columns);
        if format != Format::Csv {
            return json::decode::given(split, records, columns, &self.options.json);
        }
        let mut text = Vec::new();
        // Line in the temporary file at which each record begins.
        let mut begins = Vec::with_capacity(records.len());
        let mut line = 1u64;
        for (_, raw) in records {
            let raw = raw.trim_end_matches(['\r', '\n']);
            begins.push(line);
            line += 1 + raw.bytes().filter(|b| *b == b'\n').count() as u64;
            text.extend_from_slice(raw.as_bytes());
            text.push(b'\n');
        }
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().map_err(io)?;
        file.write_all(&text).map_err(io)?;
        file.flush().map_err(io)?;
        let dir = file.path().parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let name = file.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut options: FileOptions = self.options.clone();
        options.paths = vec![name.clone()];
        options.compression = None;
        options.encoding = None;
        options.format = Some(Format::Csv);
        options.csv.delimiter = Some(delimiter);
        // Labels go in as names of a file without a header: no header line has to be written in the file's own way of quoting, and a file
        // that has no header itself still goes by order.
        options.csv.header = Some(false);
        options.csv.skip_rows = 0;
        options.csv.columns = labels;
        let entry = FileEntry { path: name, size: text.len() as u64, modified_micros: 0, fingerprint: None };
        let source = FileSource::new(&options, &dir);
        let scan = source.scan(&[entry], columns, ScanOptions { morsel_bytes: text.len().max(1), ..ScanOptions::default() })?;
        let split: Arc<str> = split.into();
        // A temporary file this small is one morsel; more would only be appended.
        let mut out: Option<Decoded> = None;
        let given = |line: u64| begins.binary_search(&line).map_or(line, |i| records[i].0);
        while let Some(morsel) = scan.next()? {
            let d = morsel.decode()?;
            let lines: Vec<u64> = d.lines.iter().map(|l| given(*l)).collect();
            let rejects = d.rejects.into_iter().map(|r| Reject { split: Arc::clone(&split), line: given(r.line), ..r });
            out = Some(match out {
                None => Decoded { split: Arc::clone(&split), lines, rejects: rejects.collect(), ..Decoded { rejects: Vec::new(), ..d } },
                Some(mut o) => {
                    o.batch = arrow::compute::concat_batches(&o.batch.schema(), [&o.batch, &d.batch])?;
                    o.lines.extend(lines);
                    o.rejects.extend(rejects);
                    o.rows_read += d.rows_read;
                    o
                }
            });
        }
        let mut out = match out {
            Some(o) => o,
            None => Decoded {
                split,
                batch: arrow::array::RecordBatch::new_empty(schema_of(columns)),
                lines: Vec::new(),
                rejects: Vec::new(),
                rows_read: 0,
                bytes_read: 0,
                nulled: vec![0; columns.len()],
                text: Arc::new(Given(Vec::new())),
            },
        };
        let texts = out.lines.iter().map(|l| records.iter().find(|r| r.0 == *l).map_or_else(String::new, |r| r.1.to_string())).collect();
        out.text = Arc::new(Given(texts));
        Ok(out)
    }

    /// How the file, or another one of the source, is written: format, labels and delimiter. The text of a row of any format but CSV is JSON.
    fn shape(&self, split: &str, columns: &[ColumnRead]) -> (Format, Vec<String>, u8) {
        let files = self.list().unwrap_or_default();
        let own = files.iter().find(|f| f.path == split).or_else(|| files.first());
        let format = own.and_then(|entry| Format::of(entry, &self.options, &self.base_dir).ok());
        let format = format.or(self.options.format).or_else(|| Format::of_name(split)).unwrap_or(Format::Csv);
        let own = own.filter(|_| format == Format::Csv);
        match own.and_then(|entry| Beginning::open(entry, &self.options, &self.base_dir, LATER_BYTES, false).ok()) {
            Some(Beginning::Csv(csv)) => (format, csv.1.labels, csv.1.dialect.delimiter),
            _ => (format, columns.iter().map(|c| c.label.clone()).collect(), self.options.csv.delimiter.unwrap_or(b',')),
        }
    }
}

/// Rows whose texts are known.
struct Given(Vec<String>);

impl RowText for Given {
    fn text(&self, row: usize) -> String {
        self.0.get(row).cloned().unwrap_or_default()
    }
    fn offset(&self, _: usize) -> u64 {
        0
    }
}
