//! What a user may write for `connector = "files"`.

use super::compression::Compression;
use crate::formats::csv::encoding::Encoding;
use crate::formats::csv::survey::CsvOptions;
use crate::options::{OptionDoc, OptionFault, OptionProblem, OptionReader, OptionValue, Options};

/// Options of `[source]` with `connector = "files"`, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileOptions {
    /// Files, globs and directories.
    pub paths: Vec<String>,
    /// Told by the file's first bytes when absent.
    pub compression: Option<Compression>,
    /// Detected when absent.
    pub encoding: Option<Encoding>,
    pub csv: CsvOptions,
}

const fn doc(name: &'static str, value: &'static str, default: &'static str, text: &'static str) -> OptionDoc {
    OptionDoc { name, value, default, text }
}

pub const DOCS: &[OptionDoc] = &[
    doc(
        "path",
        "text or list of texts",
        "",
        "A file, a glob (`data/*.csv`), a directory (all of its .csv, .tsv, .txt files, also .gz and .zst, at any depth), or a list of these. Relative \
         to the project.",
    ),
    doc("format", "\"csv\"", "by the file's name", "How rows are written. Files named .csv, .tsv, .tab or .txt are read as csv."),
    doc("compression", "\"auto\", \"none\", \"gzip\" or \"zstd\"", "\"auto\"", "`auto` tells by the file's first bytes."),
    doc(
        "delimiter",
        "one character",
        "detected",
        "What separates fields; one of `,` `;` tab `|` is found by itself. \"tab\" and \"\\t\" mean tab.",
    ),
    doc("quote", "one character", "\"\\\"\"", "What encloses fields; \"\" for none."),
    doc("escape", "one character", "", "What makes the next character of a quoted field literal, beside a doubled quote."),
    doc("header", "true, false or \"auto\"", "\"auto\"", "Whether the first row holds the columns' names."),
    doc(
        "encoding",
        "\"auto\", \"utf-8\", \"latin-1\", \"windows-1252\" or \"utf-16\"",
        "\"auto\"",
        "`auto`: UTF-16 where it shows, UTF-8 where the file's beginning is valid, else Windows-1252, which includes Latin-1.",
    ),
    doc("skip_rows", "integer", "0", "Lines to pass over before the header."),
    doc("comment", "one character", "", "Lines that begin with it are passed over."),
    doc("columns", "list of texts", "", "Names of the columns of a file without a header."),
    doc(
        "ragged",
        "\"quarantine\" or \"fill\"",
        "\"quarantine\"",
        "Rows with too few fields: `fill` sets the missing ones NULL. Too many are always quarantined.",
    ),
    doc(
        "record_bytes_max",
        "size",
        "\"16MB\"",
        "A longer record is quarantined; a quote that is not closed within it is taken as never closed.",
    ),
];

/// Larger records would not fit the 32-bit offsets of a morsel's text.
const RECORD_BYTES_LIMIT: usize = 256 << 20;

impl FileOptions {
    /// Reads what it can and reports every mistake.
    pub fn parse(options: &Options) -> (FileOptions, Vec<OptionProblem>) {
        let mut r = OptionReader::new(options, DOCS);
        let paths = r.texts("path").unwrap_or_default();
        if r.get("path").is_none() {
            r.problems.push(OptionProblem {
                key: None,
                fault: OptionFault::Missing,
                message: "the option `path` is missing".into(),
                help: Some("add `path = \"data/orders.csv\"`, a glob or a directory".into()),
            });
        } else if paths.is_empty() || paths.iter().any(|p| p.trim().is_empty()) {
            r.problem("path", "`path` is empty", "name a file, a glob or a directory");
        }
        for p in &paths {
            if let Err(e) = glob::Pattern::new(p) {
                r.problem("path", format!("`path` holds a bad pattern: {}", e.msg), "");
            }
        }
        let format = r.choice("format", &["csv"]);
        if r.get("format").is_none() && format.is_none() {
            for p in &paths {
                if let Some(ending) = unknown_ending(p) {
                    let help = "this version reads csv; if these files are csv all the same, set `format = \"csv\"`";
                    r.problem("path", format!("the format of \"{p}\" is not told by its name (.{ending})"), help);
                }
            }
        }
        let compression = match r.choice("compression", &["auto", "none", "gzip", "zstd"]) {
            Some("none") => Some(Compression::None),
            Some("gzip") => Some(Compression::Gzip),
            Some("zstd") => Some(Compression::Zstd),
            _ => None,
        };
        let encoding = match r
            .choice("encoding", &["auto", "utf-8", "utf8", "latin-1", "latin1", "iso-8859-1", "windows-1252", "cp1252", "utf-16", "utf16"])
        {
            Some("utf-8" | "utf8") => Some(Encoding::Utf8),
            Some("latin-1" | "latin1" | "iso-8859-1" | "windows-1252" | "cp1252") => Some(Encoding::Windows1252),
            Some("utf-16" | "utf16") => Some(Encoding::Utf16Le),
            _ => None,
        };
        let defaults = CsvOptions::default();
        let header = match r.get("header") {
            None => None,
            Some(OptionValue::Bool(b)) => Some(*b),
            Some(OptionValue::Text(t)) if t == "auto" => None,
            Some(_) => {
                r.problem("header", "`header` takes true, false or \"auto\"", "");
                None
            }
        };
        let delimiter = match r.get("delimiter") {
            Some(OptionValue::Text(t)) if t == "auto" => None,
            Some(OptionValue::Text(t)) if t == "tab" => Some(b'\t'),
            _ => match r.character("delimiter") {
                Some(None) => {
                    r.problem("delimiter", "`delimiter` is empty", "leave it out to have it detected");
                    None
                }
                found => found.flatten(),
            },
        };
        let csv = CsvOptions {
            delimiter,
            quote: r.character("quote").unwrap_or(defaults.quote),
            escape: r.character("escape").flatten(),
            comment: r.character("comment").flatten(),
            header,
            skip_rows: r.count("skip_rows").unwrap_or(0),
            columns: r.texts("columns").unwrap_or_default(),
            fill: r.choice("ragged", &["quarantine", "fill"]) == Some("fill"),
            record_bytes_max: r.bytes("record_bytes_max").unwrap_or(defaults.record_bytes_max),
        };
        if csv.delimiter.is_some() && csv.delimiter == csv.quote {
            r.problem("quote", "`quote` and `delimiter` are the same character", "");
        }
        if !(1024..=RECORD_BYTES_LIMIT).contains(&csv.record_bytes_max) {
            r.problem("record_bytes_max", "`record_bytes_max` must be between 1kB and 256MB", "");
        }
        if csv.header == Some(true) && !csv.columns.is_empty() {
            r.problem(
                "columns",
                "`columns` names the columns of files without a header, but `header` is true",
                "remove one of them; to rename a column, use `from` in its declaration",
            );
        }
        let csv = CsvOptions { escape: csv.escape.filter(|e| Some(*e) != csv.quote), ..csv };
        (FileOptions { paths, compression, encoding, csv }, r.problems)
    }
}

/// The ending of a path when it names a format that is not read here.
fn unknown_ending(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let (_, ending) = name.rsplit_once('.')?;
    let is_known = ["csv", "tsv", "tab", "txt"].iter().any(|e| ending.eq_ignore_ascii_case(e));
    let is_plain = !ending.is_empty() && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    (!is_known
        && is_plain
        && ["parquet", "json", "jsonl", "ndjson", "avro", "xlsx", "xls", "orc", "xml", "arrow", "feather"].contains(&ending))
    .then_some(ending)
}
