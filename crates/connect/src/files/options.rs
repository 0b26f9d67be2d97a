//! What a user may write for `connector = "files"`.

use super::compression::Compression;
use super::format::Format;
use crate::formats::csv::encoding::Encoding;
use crate::formats::csv::survey::CsvOptions;
use crate::formats::json::{JsonOptions, Nested};
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
    /// Told by the file's name, or its content, when absent.
    pub format: Option<Format>,
    pub csv: CsvOptions,
    /// `nested` is of every format but csv.
    pub json: JsonOptions,
    /// New files are taken as they appear.
    pub follow: bool,
    /// With `follow`: how often it is looked for them.
    pub poll_ms: usize,
}

const fn doc(name: &'static str, value: &'static str, default: &'static str, text: &'static str) -> OptionDoc {
    OptionDoc { name, value, default, text }
}

pub const DOCS: &[OptionDoc] = &[
    doc(
        "path",
        "text or list of texts",
        "",
        "A file, a glob (`data/*.csv`), a directory (all of its files with a known ending, also .gz and .zst, at any depth), or a list of these. \
         Relative to the project.",
    ),
    doc(
        "format",
        "\"csv\", \"json\", \"parquet\" or \"avro\"",
        "by the file's name",
        "How rows are written: .csv, .tsv, .tab, .psv and .txt are csv, .json, .jsonl and .ndjson json, .parquet and .pq parquet, .avro avro; files of \
         other names are told by their first bytes.",
    ),
    doc(
        "follow",
        "true or false",
        "false",
        "Whether new files are taken as they appear while the project is served, each once, when its size and time have stood still from one look to the \
         next. To be safe, write a file under a name that begins with `_` or `.`, and rename it.",
    ),
    doc("poll_ms", "integer", "200", "With `follow`: how often it is looked for new files."),
    doc("compression", "\"auto\", \"none\", \"gzip\" or \"zstd\"", "\"auto\"", "`auto` tells by the file's first bytes."),
    doc(
        "delimiter",
        "one character",
        "detected",
        "What separates fields; one of `,` `;` tab `|` `^` `~` `:` is found by itself. \"tab\" and \"\\t\" mean tab. Of csv, as are the next ones.",
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
        "root",
        "text",
        "detected",
        "Of json: the key of the array that holds the records, where the file is one object: `\"data\"` for `{\"data\": [{…}, …]}`; `\"a.b\"` for one within another.",
    ),
    doc(
        "nested",
        "\"flatten\" or \"keep\"",
        "\"flatten\"",
        "Of json, parquet and avro: members of an object within a record become columns (`address.city`, stored as `address_city`), or it is kept as JSON \
         text. Arrays are kept as JSON text.",
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
const POLL_MS: usize = 200;

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
        let format = r.choice("format", Format::NAMES).and_then(Format::named);
        if r.get("format").is_none() {
            for p in &paths {
                if let Some(ending) = unknown_ending(p) {
                    let help = "csv, json, parquet and avro are read; if these files are one of them all the same, set `format`";
                    r.problem("path", format!("the format of \"{p}\" is not told by its name (.{ending})"), help);
                }
            }
        }
        if let Some(told) = format.or_else(|| told_by_paths(&paths)) {
            refuse_options_of_others(told, &mut r);
            if told == Format::Parquet
                && let Some(p) = paths.iter().find(|p| p.ends_with(".gz") || p.ends_with(".zst"))
            {
                r.problem(
                    "path",
                    format!("\"{p}\" is compressed as a whole, and Parquet has to be read from its end"),
                    "decompress it first",
                );
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
        let root = r.text("root").map(str::to_string);
        if root.as_ref().is_some_and(|r| r.trim().is_empty()) {
            r.problem("root", "`root` is empty", "leave it out, or name the key of the array of records");
        }
        let nested = match r.choice("nested", &["flatten", "keep"]) {
            Some("keep") => Nested::Keep,
            _ => Nested::Flatten,
        };
        let follow = r.boolean("follow").unwrap_or(false);
        let poll_ms = r.count("poll_ms").unwrap_or(POLL_MS);
        if poll_ms == 0 {
            r.problem("poll_ms", "`poll_ms` can't be 0", "give 1 or more");
        }
        if !follow && r.get("poll_ms").is_some() {
            r.problem(
                "poll_ms",
                "`poll_ms` is how often one looks for new files, and these are not followed",
                "set `follow = true`, or remove it",
            );
        }
        let json = JsonOptions { root, nested, record_bytes_max: csv.record_bytes_max };
        (FileOptions { paths, compression, encoding, format, csv, json, follow, poll_ms }, r.problems)
    }
}

/// The format that all paths agree on, as far as their names tell.
fn told_by_paths(paths: &[String]) -> Option<Format> {
    let first = Format::of_name(paths.first()?)?;
    paths.iter().all(|p| Format::of_name(p) == Some(first)).then_some(first)
}

/// Options that mean something to some formats only.
const OF_FORMATS: &[(&str, &[Format])] = &[
    ("delimiter", &[Format::Csv]),
    ("quote", &[Format::Csv]),
    ("escape", &[Format::Csv]),
    ("header", &[Format::Csv]),
    ("skip_rows", &[Format::Csv]),
    ("comment", &[Format::Csv]),
    ("columns", &[Format::Csv]),
    ("ragged", &[Format::Csv]),
    ("encoding", &[Format::Csv, Format::Json]),
    ("record_bytes_max", &[Format::Csv, Format::Json, Format::Avro]),
    ("root", &[Format::Json]),
    ("nested", &[Format::Json, Format::Parquet, Format::Avro]),
    ("compression", &[Format::Csv, Format::Json, Format::Avro]),
];

fn refuse_options_of_others(format: Format, r: &mut OptionReader) {
    for (key, formats) in OF_FORMATS {
        if r.get(key).is_some() && !formats.contains(&format) {
            let names = formats.iter().map(|f| f.name()).collect::<Vec<_>>().join(", ");
            r.problem(key, format!("`{key}` means nothing for {}", format.name()), format!("it is an option of {names}: remove it"));
        }
    }
    if format == Format::Json
        && let Some(OptionValue::Text(t)) = r.get("encoding")
        && !matches!(t.to_ascii_lowercase().as_str(), "auto" | "utf-8" | "utf8" | "utf-16" | "utf16")
    {
        r.problem("encoding", format!("JSON is UTF-8 or UTF-16, not \"{t}\""), "remove `encoding`");
    }
}

/// The ending of a path when it names a format that is not read here.
fn unknown_ending(path: &str) -> Option<String> {
    let ending = super::format::ending(path);
    ["xlsx", "xls", "ods", "orc", "xml", "arrow", "feather", "sas7bdat", "dta", "sqlite", "db", "zip", "bz2", "xz", "7z"]
        .contains(&ending.as_str())
        .then_some(ending)
}
