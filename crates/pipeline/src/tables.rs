//! A table of the project brought together with the outside world: its connector, its columns as they will be read, its contract and
//! its recipe. Made by `check`, used by everything after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tidemill_connect::{FileOptions, FileSource, OptionFault};
use tidemill_connect::OptionValue as Plain;
use tidemill_core::{ColumnRead, Place, Problem, problem::did_you_mean};
use tidemill_prepare::{Contract, Recipe};
use tidemill_project::spec::{Drift, Load, OptionValue, Options, RawPolicy, Table};

/// Connectors that can be read from. A new one is a line here.
pub const CONNECTORS: &[&str] = &["files"];

/// A table that `check` found good (or good enough to say more about).
pub struct Prepared {
    pub table: Table,
    pub source: Arc<FileSource>,
    pub reads: Vec<ColumnRead>,
    pub contract: Arc<Contract>,
    pub recipe: Arc<Recipe>,
    /// Hash of how files are read; see [`crate::fingerprint::read_spec`].
    pub read_spec: String,
}

impl Prepared {
    pub fn raw_node(&self) -> String {
        format!("raw.{}", self.table.name)
    }
    pub fn clean_node(&self) -> String {
        format!("clean.{}", self.table.name)
    }
    pub fn keeps_raw(&self) -> bool {
        self.table.raw == RawPolicy::Keep
    }
}

/// How many files are looked into for their columns; spread evenly over the sorted list.
const PROBED_FILES_MAX: usize = 8;

/// Opens the source of `table`, as far as its options allow; every mistake becomes a problem.
pub fn open_source(table: &Table, dir: &Path, problems: &mut Vec<Problem>) -> Option<FileSource> {
    let place = |span: std::ops::Range<usize>| Place::span(&table.file, span);
    if !CONNECTORS.contains(&table.source.connector.as_str()) {
        let near = did_you_mean(&table.source.connector, CONNECTORS.iter().copied());
        let help = near.map_or_else(|| format!("known connectors: {}", CONNECTORS.join(", ")), |n| format!("did you mean `{n}`?"));
        problems.push(
            Problem::error("TM0605", place(table.source.connector.span.clone()), format!("unknown connector `{}`", *table.source.connector)).help(help),
        );
        return None;
    }
    let (options, mistakes) = FileOptions::parse(&plain(&table.source.options));
    let failed = !mistakes.is_empty();
    for m in mistakes {
        problems.push(option_problem(&table.file, &table.source.options, &table.source.span, m));
    }
    if table.raw == RawPolicy::Source && matches!(table.load, Load::Upsert | Load::Diff) {
        problems.push(
            Problem::error("TM0105", Place::file(&table.file), "`load = \"upsert\"` and `\"diff\"` need the stored rows, but `raw = \"source\"` keeps none")
                .help("leave `raw` out (it is \"keep\" by default), or use `load = \"replace\"`"),
        );
    }
    (!failed).then(|| FileSource::new(&options, dir))
}

/// A connector's complaint about an option, put where the option stands.
pub fn option_problem(
    file: &Path,
    options: &Options,
    whole: &std::ops::Range<usize>,
    m: tidemill_connect::OptionProblem,
) -> Problem {
    let span = m.key.as_ref().and_then(|k| options.get(k)).map_or(whole.clone(), |v| v.span.clone());
    let code = match m.fault {
        OptionFault::Unknown => "TM0601",
        OptionFault::Missing | OptionFault::Value => "TM0602",
        OptionFault::Unreadable => "TM0603",
    };
    let p = Problem::error(code, Place::span(file, span), m.message);
    match m.help {
        Some(h) => p.help(h),
        None => p,
    }
}

/// Looks into the source's files for their columns. `None` (and a problem) when there is nothing to read.
pub fn probe(table: &Table, source: &FileSource, problems: &mut Vec<Problem>) -> Option<Vec<ColumnRead>> {
    let path = table.source.options.get("path").map_or(table.source.span.clone(), |v| v.span.clone());
    let place = Place::span(&table.file, path);
    let files = match source.list() {
        Ok(f) if f.is_empty() => {
            problems.push(
                Problem::error("TM0603", place, "no file matches").help("paths are relative to the project directory; `*` and `**` match names"),
            );
            return None;
        }
        Ok(f) => f,
        Err(e) => {
            problems.push(Problem::error("TM0603", place, format!("this source can't be read: {e}")));
            return None;
        }
    };
    let mut merged: Option<Vec<ColumnRead>> = None;
    for entry in spread(&files, PROBED_FILES_MAX) {
        match source.probe(entry) {
            Ok(p) => {
                for c in &table.columns {
                    let label = c.from.as_ref().unwrap_or(&c.name).value.as_str();
                    let found = p.columns.iter().any(|r| r.label == label || r.name == tidemill_core::name::normalise(label));
                    if !found && table.drift != Drift::Quarantine {
                        let near = did_you_mean(label, p.columns.iter().map(|c| c.label.as_str()));
                        let span = c.from.as_ref().map_or(c.name.span.clone(), |f| f.span.clone());
                        let message = format!("`{}` has no column `{label}`", entry.path);
                        let place = Place::span(&table.file, span);
                        let problem = if c.required || table.drift == Drift::Fail || near.is_some() {
                            Problem::error("TM0604", place, message)
                        } else {
                            Problem::warning("TM0604", place, message)
                        };
                        let names: Vec<&str> = p.columns.iter().take(30).map(|c| c.label.as_str()).collect();
                        problems.push(problem.help(near.map_or_else(
                            || format!("it has: {}", names.join(", ")),
                            |n| format!("did you mean `{n}`? (write from = \"{n}\")"),
                        )));
                    }
                }
                merged = Some(match merged {
                    None => p.columns,
                    Some(m) => merge(m, p.columns),
                });
            }
            Err(e) => problems.push(Problem::error("TM0603", place.clone(), format!("`{}` can't be read: {}", entry.path, e.what))),
        }
    }
    merged
}

fn spread<T>(items: &[T], most: usize) -> impl Iterator<Item = &T> {
    let n = items.len().min(most);
    (0..n).map(move |i| &items[if n <= 1 { 0 } else { i * (items.len() - 1) / (n - 1) }])
}

/// Columns of two files as one: new ones are added, types that differ are widened.
fn merge(mut a: Vec<ColumnRead>, b: Vec<ColumnRead>) -> Vec<ColumnRead> {
    use arrow::datatypes::DataType::{Date32, Float64, Int64, Timestamp, Utf8};
    for c in b {
        match a.iter_mut().find(|x| x.name == c.name) {
            None => a.push(c),
            Some(x) if x.data_type == c.data_type => {
                for f in c.formats {
                    if !x.formats.contains(&f) {
                        x.formats.push(f);
                    }
                }
            }
            Some(x) => {
                let (wide, formats) = match (&x.data_type, &c.data_type) {
                    (Int64, Float64) | (Float64, Int64) => (Float64, Vec::new()),
                    (Date32, t @ Timestamp(..)) | (t @ Timestamp(..), Date32) => {
                        (t.clone(), x.formats.iter().chain(&c.formats).cloned().collect())
                    }
                    _ => (Utf8, Vec::new()),
                };
                x.data_type = wide;
                x.formats = formats;
            }
        }
    }
    a
}

/// Options without their places, as connectors take them.
pub fn plain(options: &Options) -> BTreeMap<String, Plain> {
    options.iter().map(|(k, v)| (k.clone(), plain_value(v))).collect()
}

fn plain_value(v: &OptionValue) -> Plain {
    match v {
        OptionValue::Text(t) => Plain::Text(t.clone()),
        OptionValue::Integer(i) => Plain::Integer(*i),
        OptionValue::Float(f) => Plain::Float(*f),
        OptionValue::Bool(b) => Plain::Bool(*b),
        OptionValue::List(l) => Plain::List(l.iter().map(|v| plain_value(v)).collect()),
        OptionValue::Table(t) => Plain::Table(t.iter().map(|(k, v)| (k.clone(), plain_value(v))).collect()),
    }
}

/// Where the clean table's files live, when the project says so.
pub fn location(table: &Table, dir: &Path) -> Option<std::path::PathBuf> {
    table.location.as_ref().map(|l| dir.join(&l.value))
}

