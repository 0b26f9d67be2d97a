//! What is said of lines, wherever they come from.

use super::lines::Cutting;
use crate::connector::Drift;
use crate::formats::csv::dialect::Dialect;
use crate::formats::json::{JsonOptions, Nested};
use crate::formats::records::{CsvRecords, RecordDecoder, RecordFormat};
use crate::options::{OptionDoc, OptionReader};
use tidemill_core::{ColumnRead, Error, Result};

/// How lines are written.
#[derive(Debug, Clone)]
pub struct LineOptions {
    pub is_json: bool,
    /// Whether the first line names the columns; of csv.
    pub header: bool,
    csv: CsvRecords,
    json: JsonOptions,
}

pub(super) const fn doc(name: &'static str, value: &'static str, default: &'static str, text: &'static str) -> OptionDoc {
    OptionDoc { name, value, default, text }
}

pub(super) const FORMAT: OptionDoc =
    doc("format", "\"json\" or \"csv\"", "\"json\"", "How a line is written: a JSON object, or a row of CSV.");
pub(super) const DELIMITER: OptionDoc =
    doc("delimiter", "one character", "\",\"", "What separates fields; \"tab\" means tab. Of csv, as are the next ones.");
pub(super) const QUOTE: OptionDoc = doc("quote", "one character", "\"\\\"\"", "What encloses fields; \"\" for none.");
pub(super) const HEADER: OptionDoc =
    doc("header", "true or false", "false", "Whether the first line (of each connection, of each file) names the columns.");
pub(super) const COLUMNS: OptionDoc =
    doc("columns", "list of texts", "the table's columns", "Names of the fields, in order, where no header says them.");
pub(super) const RAGGED: OptionDoc =
    doc("ragged", "\"quarantine\" or \"fill\"", "\"quarantine\"", "Lines with too few fields: `fill` sets the missing ones NULL.");
pub(super) const NESTED: OptionDoc = doc(
    "nested",
    "\"flatten\" or \"keep\"",
    "\"flatten\"",
    "Objects within objects: `flatten` makes their members columns (`address.city`), `keep` makes them JSON text. Of json.",
);
pub(super) const RECORD_BYTES_MAX: OptionDoc =
    doc("record_bytes_max", "size", "\"1MB\"", "A longer line is rejected; so is what follows a quote that is never closed.");

const RECORD_BYTES: usize = 1 << 20;

impl LineOptions {
    pub(super) fn read(r: &mut OptionReader, json_by_default: bool) -> LineOptions {
        let is_json = r.choice("format", &["json", "csv"]).map_or(json_by_default, |f| f == "json");
        let delimiter = match r.text("delimiter") {
            Some("tab" | "\\t") => b'\t',
            Some(_) => r.character("delimiter").flatten().unwrap_or(b','),
            None => b',',
        };
        let quote = r.character("quote").unwrap_or(Some(b'"'));
        let record_bytes_max = r.bytes("record_bytes_max").unwrap_or(RECORD_BYTES);
        if !(1024..=256 << 20).contains(&record_bytes_max) {
            r.problem("record_bytes_max", "`record_bytes_max` must be between 1kB and 256MB", "");
        }
        if quote == Some(delimiter) {
            r.problem("quote", "`quote` and `delimiter` are the same character", "");
        }
        let header = r.boolean("header").unwrap_or(false);
        let labels = r.texts("columns").filter(|l| !l.is_empty());
        if header && labels.is_some() {
            r.problem("columns", "`columns` names the fields where no header does, but `header` is true", "remove one of them");
        }
        let fill = r.choice("ragged", &["quarantine", "fill"]) == Some("fill");
        let nested = if r.choice("nested", &["flatten", "keep"]) == Some("keep") { Nested::Keep } else { Nested::Flatten };
        for key in ["delimiter", "quote", "header", "columns", "ragged"] {
            if is_json && r.get(key).is_some() {
                r.problem(key, format!("`{key}` means nothing for json"), "it is an option of csv: remove it, or set `format = \"csv\"`");
            }
        }
        if !is_json && r.get("nested").is_some() {
            r.problem("nested", "`nested` means nothing for csv", "it is an option of json: remove it");
        }
        LineOptions {
            is_json,
            header: header && !is_json,
            csv: CsvRecords { dialect: Dialect { delimiter, quote, record_bytes_max, ..Dialect::default() }, labels, fill },
            json: JsonOptions { root: None, nested, record_bytes_max },
        }
    }

    pub fn cutting(&self) -> Cutting {
        Cutting { csv: (!self.is_json).then_some(self.csv.dialect), record_bytes_max: self.json.record_bytes_max }
    }

    /// `header`: the names that the first line gave, where it is one.
    pub fn decoder(&self, split: &str, header: Option<Vec<String>>, columns: &[ColumnRead]) -> Result<RecordDecoder> {
        if let Some(c) = columns.iter().find(|c| c.label.starts_with('@')) {
            return Err(Error::config(format!("column `{}`: a line has no `{}`", c.name, c.label))
                .help("`@key`, `@timestamp` and `@header.…` are of Kafka's messages"));
        }
        RecordDecoder::new(split, &self.format(header), columns, Drift::Evolve)
    }

    pub fn format(&self, header: Option<Vec<String>>) -> RecordFormat {
        if self.is_json {
            RecordFormat::Json(self.json.clone())
        } else {
            RecordFormat::Csv(CsvRecords { labels: header.or_else(|| self.csv.labels.clone()), ..self.csv.clone() })
        }
    }

    /// The names in a header.
    pub fn labels(&self, header: &[u8]) -> Vec<String> {
        crate::formats::records::csv_labels(header, &self.csv.dialect)
    }
}
