//! Which format a file is in: by what the user says, else by its name, else by its first bytes.

use super::list::FileEntry;
use super::{FileOptions, open};
use std::path::Path;
use tidemill_core::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Csv,
    Json,
    Parquet,
    Avro,
}

impl Format {
    pub const NAMES: &[&str] = &["csv", "json", "parquet", "avro"];
    const ALL: [Format; 4] = [Format::Csv, Format::Json, Format::Parquet, Format::Avro];

    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Parquet => "parquet",
            Format::Avro => "avro",
        }
    }

    pub fn named(name: &str) -> Option<Format> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Endings of file names, before those of compression.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Format::Csv => &["csv", "tsv", "tab", "psv", "txt"],
            Format::Json => &["json", "jsonl", "ndjson"],
            Format::Parquet => &["parquet", "pq"],
            Format::Avro => &["avro"],
        }
    }

    /// By a file's name.
    pub fn of_name(path: &str) -> Option<Format> {
        let ending = ending(path);
        Self::ALL.into_iter().find(|f| f.endings().contains(&ending.as_str()))
    }

    /// By a file's first bytes, decompressed. What looks like nothing else is CSV.
    pub fn of_content(head: &[u8]) -> Format {
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
        let text: Vec<u8> =
            text.iter().copied().filter(|b| *b != 0).skip_while(|b| b.is_ascii_whitespace() || *b >= 0xFE).take(2).collect();
        match text[..] {
            _ if head.starts_with(b"PAR1") => Format::Parquet,
            _ if head.starts_with(b"Obj\x01") => Format::Avro,
            [b'{', ..] | [b'[', b'{' | b'[' | b']' | b'\n' | b'\r' | b' ' | b'\t'] => Format::Json,
            _ => Format::Csv,
        }
    }

    pub fn of(entry: &FileEntry, options: &FileOptions, base_dir: &Path) -> Result<Format> {
        if let Some(format) = options.format.or_else(|| Format::of_name(&entry.path)) {
            return Ok(format);
        }
        let mut head = Vec::new();
        open::open(entry, options, base_dir)?.fill(&mut head, 512)?;
        Ok(Format::of_content(&head))
    }
}

/// The ending of a file's name in lower case, without those of compression; empty where there is none.
pub fn ending(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    name.rsplit_once('.').map(|(_, e)| e.to_string()).unwrap_or_default()
}
