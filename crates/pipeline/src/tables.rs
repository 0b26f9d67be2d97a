//! A table of the project brought together with the outside world: its connector, its columns as they will be read, its contract and
//! its recipe. Made by `check`, used by everything after it.

use crate::followed::{self, Followed};
use arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tidemill_connect::OptionValue as Plain;
use tidemill_connect::{FileEntry, FileOptions, FileSource, Probe};
use tidemill_core::{ColumnRead, Error, Place, Problem, Result, problem::did_you_mean};
use tidemill_prepare::{Contract, Recipe};
use tidemill_project::spec::{Drift, Load, OptionValue, Options, RawPolicy, Table, Undeclared};

/// Connectors whose sources have an end. A new one is a line here.
pub const CONNECTORS: &[&str] = &["files"];

/// A table that `check` found good (or good enough to say more about).
pub struct Prepared {
    pub table: Table,
    /// Of a table that is read from files.
    pub files: Option<Arc<FileSource>>,
    /// Of a table that is followed.
    pub stream: Option<Followed>,
    pub reads: Vec<ColumnRead>,
    pub contract: Arc<Contract>,
    pub recipe: Arc<Recipe>,
    /// Hash of how files are read; see [`crate::fingerprint::read_spec`].
    pub read_spec: String,
    /// Hash of what rows must look like, wherever they come from.
    pub row_spec: String,
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
    /// The files that it is read from; an error for one that is followed.
    pub fn files(&self) -> Result<&FileSource> {
        let none = || Error::config(format!("`{}` is followed: its rows do not come from files", self.table.name));
        self.files.as_deref().ok_or_else(none)
    }
}

/// How many files are looked into for their columns; spread evenly over the sorted list.
const PROBED_FILES_MAX: usize = 8;

/// What a table's source turns out to be.
pub enum Opened {
    Files(FileSource),
    Stream(Followed),
}

/// Opens the source of `table`, as far as its options allow; every mistake becomes a problem. Nothing is connected to.
pub fn open_source(table: &Table, dir: &Path, problems: &mut Vec<Problem>) -> Option<Opened> {
    followed::elsewhere(table, dir, problems);
    if let Some(connector) = followed::stream_connector(&table.source) {
        return followed::follow(table, connector, dir, problems).map(Opened::Stream);
    }
    if !CONNECTORS.contains(&table.source.connector.as_str()) {
        problems.push(followed::unknown_connector(&table.source));
        return None;
    }
    let (options, mistakes) = FileOptions::parse(&plain(&table.source.options));
    let failed = !mistakes.is_empty();
    problems.extend(mistakes.into_iter().map(|m| followed::option_problem(&table.source, m)));
    if table.raw == RawPolicy::Source && matches!(table.load, Load::Upsert | Load::Diff) {
        problems.push(
            Problem::error(
                "TM0105",
                Place::file(&table.file),
                "`load = \"upsert\"` and `\"diff\"` need the stored rows, but `raw = \"source\"` keeps none",
            )
            .help("leave `raw` out (it is \"keep\" by default), or use `load = \"replace\"`"),
        );
    }
    (!failed).then(|| Opened::Files(FileSource::new(&options, dir)))
}

/// What a look into the source's files shows.
pub enum Probed {
    Columns(Vec<ColumnRead>),
    /// A problem says why.
    Unreadable,
    /// There are files, but no row that would say what the columns hold: which file is empty.
    Empty(String),
}

/// Looks into the source's files for their columns. Where all are empty, the columns are those of `lake_at`'s last reading.
pub fn probe(table: &Table, source: &FileSource, lake_at: &Path, problems: &mut Vec<Problem>) -> Probed {
    let place = table.source.place(Some("path"));
    let files = match source.list() {
        Ok(f) if f.is_empty() => {
            problems.push(
                Problem::error("TM0603", place, "no file matches")
                    .help("paths are relative to the project directory; `*` and `**` match names"),
            );
            return Probed::Unreadable;
        }
        Ok(f) => f,
        Err(e) => {
            problems.push(Problem::error("TM0603", place, format!("this source can't be read: {e}")));
            return Probed::Unreadable;
        }
    };
    let (mut looked_into, mut empty, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
    let chosen = to_look_into(table, source, &files);
    for entry in &chosen {
        match source.probe(entry) {
            // What can't be read at all becomes one row of the quarantine, and says nothing of the table's columns.
            Ok(p) if p.labels.is_empty() && !p.damage.is_empty() => damaged.push(p.damage.join("; ")),
            // A file without a header has no columns to differ from the table's.
            Ok(p) if p.labels.is_empty() && table.drift != Drift::Fail => empty.push(entry.path.as_str()),
            Ok(p) => {
                if p.rows_seen == 0 && p.damage.is_empty() {
                    empty.push(entry.path.as_str());
                }
                for damage in &p.damage {
                    problems.push(Problem::warning("TM0603", place.clone(), format!("a file is damaged: {damage}")));
                }
                looked_into.push((*entry, p));
            }
            Err(e) => problems.push(Problem::error("TM0603", place.clone(), format!("`{}` can't be read: {}", entry.path, e.what))),
        }
    }
    empty.extend(files.iter().filter(|f| f.size == 0 && !chosen.iter().any(|c| c.path == f.path)).map(|f| f.path.as_str()));
    for path in &empty {
        problems.push(Problem::warning("TM0603", place.clone(), format!("`{path}` is empty: there is no row in it")));
    }
    for damage in &damaged {
        problems.push(Problem::warning("TM0603", place.clone(), format!("a file can't be read: {damage}")));
    }
    if let (true, true, Some(damage)) = (looked_into.is_empty(), empty.is_empty(), damaged.first()) {
        return match crate::remembered::get(lake_at, &table.name) {
            Some(columns) => Probed::Columns(columns),
            None if table.columns.is_empty() => {
                problems.push(Problem::error("TM0603", place, format!("no file tells the table's columns: {damage}")));
                Probed::Unreadable
            }
            None => Probed::Columns(Vec::new()),
        };
    }
    missing_columns(table, &looked_into, problems);
    if let Some(path) = empty.first().filter(|_| looked_into.iter().all(|(_, p)| p.rows_seen == 0)) {
        if let Some(columns) = crate::remembered::get(lake_at, &table.name) {
            return Probed::Columns(columns);
        }
        let declared = |c: &ColumnRead| table.columns.iter().any(|d| is_label(d.from.as_ref().unwrap_or(&d.name), c));
        let unknown = looked_into.iter().flat_map(|(_, p)| &p.columns).any(|c| table.undeclared == Undeclared::Keep && !declared(c));
        if table.columns.is_empty() || unknown {
            return Probed::Empty((*path).to_string());
        }
    }
    // Types are read from the files together: one that leaves a column empty, or its dates open, takes nothing from what the others show.
    let usual = usual_columns(&looked_into);
    let together = match looked_into.as_slice() {
        [] if empty.is_empty() => return Probed::Unreadable,
        [] => return Probed::Columns(Vec::new()),
        [_] => looked_into.swap_remove(0).1,
        several => {
            let entries: Vec<FileEntry> = several.iter().map(|(e, _)| (*e).clone()).collect();
            match source.probe_all(&entries) {
                Ok(p) => p,
                Err(e) => {
                    problems.push(Problem::error("TM0603", place, format!("this source can't be read: {}", e.what)));
                    return Probed::Unreadable;
                }
            }
        }
    };
    guesses(table, &together, &place, problems);
    let mut columns = together.columns;
    if let (Some(usual), true) = (usual, table.drift != Drift::Evolve) {
        columns.retain(|c| usual.contains(&c.name));
    }
    Probed::Columns(columns)
}

/// Whether a declared column's label means this column of the source.
fn is_label(label: &str, c: &ColumnRead) -> bool {
    c.label == label || c.name == tidemill_core::name::normalise(label)
}

/// Declared columns that files don't have.
fn missing_columns(table: &Table, looked_into: &[(&FileEntry, Probe)], problems: &mut Vec<Problem>) {
    if table.drift == Drift::Quarantine {
        return;
    }
    for c in &table.columns {
        let label = c.from.as_ref().unwrap_or(&c.name).value.as_str();
        let has = |p: &Probe| p.columns.iter().any(|r| is_label(label, r));
        let elsewhere = looked_into.iter().any(|(_, p)| has(p));
        for (entry, p) in looked_into.iter().filter(|(_, p)| !has(p)) {
            let near = did_you_mean(label, p.columns.iter().map(|c| c.label.as_str()));
            let span = c.from.as_ref().map_or(c.name.span.clone(), |f| f.span.clone());
            let place = Place::span(&table.file, span);
            let mut message = format!("`{}` has no column `{label}`", entry.path);
            // Files may differ under `evolve`: what one lacks is NULL there, and a row that needs it is set aside.
            let problem = if table.drift == Drift::Fail || (!elsewhere && (c.required || near.is_some())) {
                Problem::error("TM0604", place, message)
            } else {
                if c.required {
                    message.push_str(", which is required: its rows go to quarantine");
                }
                Problem::warning("TM0604", place, message)
            };
            let names: Vec<&str> = p.columns.iter().take(30).map(|c| c.label.as_str()).collect();
            problems.push(problem.help(
                near.map_or_else(|| format!("it has: {}", names.join(", ")), |n| format!("did you mean `{n}`? (write from = \"{n}\")")),
            ));
        }
    }
}

/// Some of many files, since most are alike; and those with a column that none of these has, when such a column is to be taken.
fn to_look_into<'a>(table: &Table, source: &FileSource, files: &'a [FileEntry]) -> Vec<&'a FileEntry> {
    let mut chosen: Vec<&FileEntry> = spread(files, PROBED_FILES_MAX).collect();
    if files.len() > chosen.len() && table.drift == Drift::Evolve && table.undeclared == Undeclared::Keep {
        // What can't be opened is told where it is read.
        let labels = |f: &FileEntry| source.labels(f).unwrap_or_default();
        let mut known: BTreeSet<String> = chosen.iter().flat_map(|f| labels(f)).collect();
        let others: Vec<&FileEntry> = files.iter().filter(|f| !chosen.iter().any(|c| c.path == f.path)).collect();
        for file in others {
            let mut adds = false;
            for label in labels(file) {
                adds |= known.insert(label);
            }
            if adds {
                chosen.push(file);
            }
        }
    }
    chosen
}

/// The columns that most files have, the first of equally many: where drift is not to be followed, they are the table's.
fn usual_columns(looked_into: &[(&FileEntry, Probe)]) -> Option<BTreeSet<String>> {
    let sets: Vec<BTreeSet<String>> = looked_into.iter().map(|(_, p)| p.columns.iter().map(|c| c.name.clone()).collect()).collect();
    let alike = |s: &BTreeSet<String>| sets.iter().filter(|o| *o == s).count();
    let most = sets.iter().map(alike).max()?;
    sets.iter().find(|s| alike(s) == most).cloned()
}

/// What was guessed about columns that the table does not declare, or not fully.
fn guesses(table: &Table, probe: &Probe, source: &Place, problems: &mut Vec<Problem>) {
    for c in &probe.columns {
        let declared = table.columns.iter().find(|d| {
            let label = d.from.as_ref().unwrap_or(&d.name).value.as_str();
            label == c.label || tidemill_core::name::normalise(label) == c.name
        });
        if declared.is_none() && table.undeclared == Undeclared::Drop {
            continue;
        }
        let place = declared.map_or_else(|| source.clone(), |d| Place::span(&table.file, d.name.span.clone()));
        let untyped = declared.is_none_or(|d| d.data_type.is_none());
        let moment = declared.is_none_or(|d| {
            d.formats.is_empty() && d.data_type.as_ref().is_none_or(|t| matches!(t.value, DataType::Date32 | DataType::Timestamp(..)))
        });
        for (_, note) in probe.notes.iter().filter(|(name, _)| moment && *name == c.name) {
            let help = format!("say which: [columns.{}] with `type` and `format = \"%d/%m/%Y\"` or `\"%m/%d/%Y\"`", c.name);
            problems.push(Problem::warning("TM0606", place.clone(), format!("column `{}`: {note}", c.name)).help(help));
        }
        if untyped && !c.null_tokens.is_empty() {
            let tokens = c.null_tokens.iter().map(|t| format!("\"{t}\"")).collect::<Vec<_>>().join(", ");
            let help = format!("say so: [columns.{}] with `type` and `nulls = [{tokens}]`", c.name);
            problems
                .push(Problem::warning("TM0606", place.clone(), format!("column `{}`: {tokens} is taken as missing", c.name)).help(help));
        }
    }
}

fn spread<T>(items: &[T], most: usize) -> impl Iterator<Item = &T> {
    let n = items.len().min(most);
    (0..n).map(move |i| &items[if n <= 1 { 0 } else { i * (items.len() - 1) / (n - 1) }])
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
