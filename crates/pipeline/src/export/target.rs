//! What an export's options mean: where to, in which form, and what a path's placeholders stand for.

use chrono::DateTime;
use std::ops::Range;
use tidemill_core::{Spanned, problem::did_you_mean};
use tidemill_project::spec::{Export, OptionValue};

const FORMATS: &[&str] = &["parquet", "csv", "json", "avro"];
const COMPRESSIONS: &[&str] = &["none", "gzip", "zstd", "deflate"];
/// What stands in braces in a path.
pub(super) const PLACEHOLDERS: [&str; 3] = ["date", "time", "run"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Parquet,
    Csv,
    /// One object a line.
    Json,
    /// An object container file.
    Avro,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pack {
    None,
    Gzip,
    Zstd,
    /// Of Avro, whose blocks are packed one by one.
    Deflate,
}

#[derive(Debug, Clone)]
pub(super) struct Target {
    /// With its placeholders.
    pub path: String,
    pub format: Format,
    pub pack: Pack,
    pub delimiter: u8,
    pub header: bool,
    pub null: String,
    /// Columns by whose values rows go to directories.
    pub partition_by: Vec<Spanned<String>>,
    /// Where a link to what was written last is kept.
    pub latest: Option<String>,
}

/// Of which option, what is wrong, and what to do.
pub(super) type Mistake = (&'static str, String, String);

pub(super) fn target(export: &Export) -> std::result::Result<Target, Mistake> {
    let text = |key: &'static str| -> std::result::Result<Option<String>, Mistake> {
        match export.options.get(key).map(|v| &v.value) {
            None => Ok(None),
            Some(OptionValue::Text(t)) => Ok(Some(t.clone())),
            Some(_) => Err((key, format!("`{key}` must be text"), format!("write {key} = \"…\""))),
        }
    };
    let path = text("path")?
        .filter(|p| !p.is_empty())
        .ok_or_else(|| ("path", "an export to files needs a `path`".to_string(), format!("path = \"exports/{}.parquet\"", export.name)))?;
    let mut name = path.to_lowercase();
    let mut pack = None;
    for (ending, p) in [(".gz", Pack::Gzip), (".zst", Pack::Zstd)] {
        if let Some(rest) = name.strip_suffix(ending) {
            pack = Some(p);
            name = rest.to_string();
        }
    }
    let by_name = match name.rsplit('.').next() {
        Some("parquet") => Some("parquet"),
        Some("csv" | "tsv" | "txt") => Some("csv"),
        Some("json" | "jsonl" | "ndjson") => Some("json"),
        Some("avro") => Some("avro"),
        _ => None,
    };
    let given = text("format")?;
    let format = match given.as_deref().or(by_name) {
        Some("parquet") => Format::Parquet,
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some("avro") => Format::Avro,
        Some(other) => {
            let near = did_you_mean(other, FORMATS.iter().copied())
                .map_or_else(|| format!("formats: {}", FORMATS.join(", ")), |n| format!("did you mean `{n}`?"));
            return Err(("format", format!("unknown format `{other}`"), near));
        }
        None => {
            return Err((
                "path",
                format!("the name `{path}` does not tell the format"),
                "end it in .parquet, .csv, .json or .avro, or set `format`".into(),
            ));
        }
    };
    let by_default = match format {
        Format::Parquet => Pack::Zstd,
        Format::Avro => Pack::Deflate,
        Format::Csv | Format::Json => Pack::None,
    };
    let pack = match text("compression")?.as_deref() {
        None => pack.unwrap_or(by_default),
        Some("none") => Pack::None,
        Some("gzip") => Pack::Gzip,
        Some("zstd") => Pack::Zstd,
        Some("deflate") => Pack::Deflate,
        Some(other) => {
            return Err(("compression", format!("unknown compression `{other}`"), format!("one of: {}", COMPRESSIONS.join(", "))));
        }
    };
    if (pack == Pack::Gzip && format == Format::Avro) || (pack == Pack::Deflate && format != Format::Avro) {
        let help =
            if format == Format::Avro { "Avro has \"deflate\", \"zstd\" and \"none\"" } else { "use \"gzip\", \"zstd\" or \"none\"" };
        return Err(("compression", "this compression is not one of the format's".into(), help.into()));
    }
    let delimiter = match text("delimiter")?.as_deref() {
        None if name.ends_with(".tsv") => b'\t',
        Some("tab" | "\\t") => b'\t',
        None => b',',
        Some(d) if d.len() == 1 && d.is_ascii() => d.as_bytes()[0],
        Some(d) => return Err(("delimiter", format!("`{d}` is not one ASCII character"), "for example \",\", \";\" or \"\\t\"".into())),
    };
    let header = match export.options.get("header").map(|v| &v.value) {
        None => true,
        Some(OptionValue::Bool(b)) => *b,
        Some(_) => return Err(("header", "`header` must be true or false".into(), "header = false".into())),
    };
    let partition_by = match export.options.get("partition_by") {
        None => Vec::new(),
        Some(v) => columns(v).ok_or_else(|| {
            (
                "partition_by",
                "`partition_by` must be the name of a column, or a list of them".to_string(),
                "partition_by = [\"month\"]".to_string(),
            )
        })?,
    };
    let latest = text("latest")?.filter(|l| !l.is_empty());
    if let Some(latest) = &latest {
        if !placeholders(latest).is_empty() {
            return Err(("latest", "`latest` is one place, without placeholders".into(), "for example latest = \"out/latest.csv\"".into()));
        }
        if *latest == path {
            return Err(("latest", "`latest` is the path itself".into(), "remove it, or put a placeholder into `path`".into()));
        }
    }
    Ok(Target { path, format, pack, delimiter, header, null: text("null")?.unwrap_or_default(), partition_by, latest })
}

/// Names as they are looked up: one text, or a list of texts.
fn columns(v: &Spanned<OptionValue>) -> Option<Vec<Spanned<String>>> {
    let one = |v: &Spanned<OptionValue>| match &v.value {
        OptionValue::Text(t) if !t.is_empty() => Some(Spanned::new(t.clone(), v.span.clone())),
        _ => None,
    };
    match &v.value {
        OptionValue::List(items) if !items.is_empty() => items.iter().map(one).collect(),
        OptionValue::List(_) => None,
        _ => one(v).map(|c| vec![c]),
    }
}

/// Each `{word}` of a path: the word, and the bytes of all of it.
pub(super) fn placeholders(path: &str) -> Vec<(&str, Range<usize>)> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(open) = path[from..].find('{').map(|i| from + i) {
        let word = &path[open + 1..];
        let len = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
        if word[len..].starts_with('}') {
            out.push((&word[..len], open..open + len + 2));
        }
        from = open + 1;
    }
    out
}

impl Target {
    /// The path of an epoch: the same however often it is tried, since its clock is the epoch's.
    pub(super) fn path_of(&self, epoch: u64, started_at_micros: i64) -> String {
        let at = DateTime::from_timestamp_micros(started_at_micros).unwrap_or_default();
        let mut out = self.path.clone();
        for (word, range) in placeholders(&self.path).into_iter().rev() {
            let value = match word {
                "date" => at.format("%Y-%m-%d").to_string(),
                "time" => at.format("%H-%M-%S").to_string(),
                "run" => epoch.to_string(),
                _ => continue,
            };
            out.replace_range(range, &value);
        }
        out
    }

    /// Whether each epoch has a path of its own.
    pub(super) fn is_snapshot(&self) -> bool {
        !placeholders(&self.path).is_empty()
    }

    /// What a file in a directory of its own is called.
    pub(super) fn part_name(&self) -> String {
        let format = match self.format {
            Format::Parquet => "parquet",
            Format::Csv if self.delimiter == b'\t' => "tsv",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Avro => "avro",
        };
        let pack = match (self.format, self.pack) {
            (Format::Csv | Format::Json, Pack::Gzip) => ".gz",
            (Format::Csv | Format::Json, Pack::Zstd) => ".zst",
            _ => "",
        };
        format!("part.{format}{pack}")
    }
}
