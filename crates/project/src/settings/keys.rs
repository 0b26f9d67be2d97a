//! Every setting: its dotted key, how its text is read, how it is printed. The one list that all layers share.

use super::{Settings, format_duration, format_size, parse_duration, parse_size};
use crate::fields::quoted;

pub(super) struct Key {
    pub name: &'static str,
    pub meaning: &'static str,
    /// Sets the value from text. The error says what to write.
    pub set: fn(&mut Settings, &str) -> Result<(), String>,
    pub print: fn(&Settings) -> String,
    /// What a value in TOML may be written as, beside text.
    pub shape: Shape,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// Whole numbers, without quotes.
    Count,
    /// Text with a unit; a plain whole number counts bytes.
    Size,
    Text,
}

macro_rules! count {
    ($name:literal, $($field:ident).+, $min:literal, $meaning:literal) => {
        Key { name: $name, meaning: $meaning, shape: Shape::Count,
            set: |s, t| count(t, $min).map(|n| s.$($field).+ = n), print: |s| s.$($field).+.to_string() }
    };
}
macro_rules! size {
    ($name:literal, $($field:ident).+, $min:literal, $meaning:literal) => {
        Key { name: $name, meaning: $meaning, shape: Shape::Size,
            set: |s, t| size(t, $min).map(|n| s.$($field).+ = n), print: |s| format_size(s.$($field).+) }
    };
}
macro_rules! duration {
    ($name:literal, $($field:ident).+, $meaning:literal) => {
        Key { name: $name, meaning: $meaning, shape: Shape::Text,
            set: |s, t| parse_duration(t).map(|d| s.$($field).+ = d), print: |s| format_duration(s.$($field).+) }
    };
}
macro_rules! optional {
    ($name:literal, $($field:ident).+, $meaning:literal) => {
        Key { name: $name, meaning: $meaning, shape: Shape::Text,
            set: |s, t| { s.$($field).+ = (!t.trim().is_empty()).then(|| t.trim().to_string()); Ok(()) },
            print: |s| s.$($field).+.clone().unwrap_or_default() }
    };
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "lake.location",
        meaning: "directory of the lake, relative to the project",
        shape: Shape::Text,
        set: |s, t| match t.trim() {
            "" => Err("write a directory".into()),
            t => {
                s.lake.location = t.to_string();
                Ok(())
            }
        },
        print: |s| s.lake.location.clone(),
    },
    duration!("lake.retention", lake.retention, "table versions younger than this are kept"),
    count!("engine.threads", engine.threads, 0, "worker threads; 0 for one per core"),
    size!("engine.memory_limit", engine.memory_limit, 64_000_000, "what sorts, joins, groups and fits may hold in memory together"),
    count!("engine.partitions", engine.partitions, 0, "partitions of a query plan; 0 for as many as threads"),
    count!("engine.batch_rows", engine.batch_rows, 1, "rows in one batch of a query"),
    optional!("engine.spill_dir", engine.spill_dir, "directory for spilled data; empty for the system's temporary directory"),
    size!(
        "engine.cache",
        engine.cache,
        0,
        "what may be kept in memory, at most: tables with `cache`, and decoded rows between fit and apply"
    ),
    duration!("live.checkpoint_interval", live.checkpoint_interval, "time between checkpoints"),
    count!("live.batch_rows_max", live.batch_rows_max, 1, "rows of a micro-batch, at most"),
    duration!("live.batch_delay_max", live.batch_delay_max, "a micro-batch waits no longer than this for more rows"),
    duration!("live.lateness", live.lateness, "how late a row may be, where a view does not say"),
    Key {
        name: "log.level",
        meaning: "off, error, warn, info, debug or trace; or a filter such as `info,tidemill_lake=debug`",
        shape: Shape::Text,
        set: |s, t| level(t).map(|l| s.log.level = l),
        print: |s| s.log.level.clone(),
    },
    Key {
        name: "log.format",
        meaning: "text or json",
        shape: Shape::Text,
        set: |s, t| word(t, &["text", "json"]).map(|w| s.log.format = w),
        print: |s| s.log.format.clone(),
    },
    optional!("log.file", log.file, "also log to this file; empty for standard error only"),
    size!("log.file_size_max", log.file_size_max, 1, "a log file is rotated at this size"),
    count!("log.files_max", log.files_max, 1, "rotated log files kept"),
];

fn count(text: &str, min: usize) -> Result<usize, String> {
    match text.trim().replace('_', "").parse::<usize>() {
        Ok(n) if n >= min && n <= 1 << 40 => Ok(n),
        _ => Err(format!("write a whole number, {min} or more")),
    }
}

fn size(text: &str, min: u64) -> Result<u64, String> {
    match parse_size(text)? {
        n if n < min => Err(format!("it must be {} or more", format_size(min))),
        n => Ok(n),
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A level, or comma-separated `target=level`.
fn level(text: &str) -> Result<String, String> {
    let text = text.trim().to_lowercase();
    for part in text.split(',') {
        word(part.rsplit('=').next().unwrap_or(part), &LEVELS)?;
    }
    Ok(text)
}

fn word(text: &str, allowed: &[&str]) -> Result<String, String> {
    let text = text.trim().to_lowercase();
    if allowed.contains(&text.as_str()) { Ok(text) } else { Err(format!("it is one of {}", quoted(allowed.iter().copied(), "or"))) }
}
