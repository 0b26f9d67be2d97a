//! Tables whose source never ends, and sources and targets of other environments: what can be said of them before anything is opened.

use crate::tables::{self, CONNECTORS};
use std::path::{Path, PathBuf};
use tidemill_connect::{FileOptions, FileSource, OptionFault, OptionProblem, Options, SINKS, STREAMS, StreamConnector};
use tidemill_core::{ColumnRead, Place, Problem, codes, problem::did_you_mean};
use tidemill_project::spec::{Load, RawPolicy, Source, Table};

/// A source that is followed: what opens it.
#[derive(Clone)]
pub struct Followed {
    pub connector: &'static dyn StreamConnector,
    pub options: Options,
    /// Relative paths in the options count from here.
    pub base_dir: PathBuf,
}

impl Followed {
    /// Whether rows can be read again from a position.
    pub fn can_replay(&self) -> bool {
        self.connector.can_replay()
    }
}

/// What follows a source, if it is one that is followed: by its connector, or by `follow = true` beside files.
pub fn stream_connector(source: &Source) -> Option<&'static dyn StreamConnector> {
    tidemill_connect::stream::followed(&source.connector, &tables::plain(&source.options))
}

/// Connectors by the names that are written.
fn stream_kinds() -> impl Iterator<Item = &'static str> {
    STREAMS.iter().map(|c| c.kind()).filter(|k| *k != "directory")
}

/// What follows a table's source; every mistake becomes a problem.
pub fn follow(table: &Table, connector: &'static dyn StreamConnector, dir: &Path, problems: &mut Vec<Problem>) -> Option<Followed> {
    let options = tables::plain(&table.source.options);
    let mistakes = connector.check(&options, dir);
    let failed = !mistakes.is_empty();
    problems.extend(mistakes.into_iter().map(|m| option_problem(&table.source, m)));
    let place = || Place::span(&table.source.file, table.source.connector.span.clone());
    let mut refuse = |message: &str, help: String| problems.push(Problem::error(codes::TABLE_FOLLOWED, place(), message).help(help));
    let file = shown(&table.file);
    let load = match table.load {
        Load::Append => None,
        Load::Replace => Some("replace"),
        Load::Upsert => Some("upsert"),
        Load::Diff => Some("diff"),
    };
    if let Some(load) = load {
        let message = format!("`{}` is followed, and `load = \"{load}\"` needs a source that has an end", table.name);
        refuse(&message, format!("write `load = \"append\"` in {file}; the newest row of each key is a live view's work"));
    }
    if table.raw == RawPolicy::Source {
        let message = format!("`{}` is followed, and with `raw = \"source\"` its rows would be nowhere", table.name);
        refuse(&message, format!("write `raw = \"keep\"` in {file}, or leave it out"));
    }
    (!failed).then(|| Followed { connector, options, base_dir: dir.to_path_buf() })
}

/// The columns of a followed table as far as they are known without its source: as last read, or as the files of another environment have them.
pub fn columns(table: &Table, dir: &Path, lake_at: &Path) -> Option<Vec<ColumnRead>> {
    if let Some(columns) = crate::remembered::get(lake_at, &table.name) {
        return Some(columns);
    }
    // A directory that is followed may hold files already.
    let mut all = [&table.source].into_iter().chain(table.alternatives.iter().map(|a| &a.source));
    let of_files = all.find(|s| s.connector.as_str() == "files")?;
    let (options, mistakes) = FileOptions::parse(&tables::plain(&of_files.options));
    let source = mistakes.is_empty().then(|| FileSource::new(&options, dir))?;
    // Whether those files are as they should be is that environment's business.
    match tables::probe(&Table { source: of_files.clone(), ..table.clone() }, &source, lake_at, &mut Vec::new()) {
        tables::Probed::Columns(columns) => Some(columns),
        _ => None,
    }
}

/// A stream can't be looked into: what is not declared is not known.
pub fn undeclared(table: &Table, known: Option<&[ColumnRead]>, problems: &mut Vec<Problem>) -> bool {
    let is_known = |name: &str, label: &str| known.is_some_and(|k| k.iter().any(|c| c.name == name || c.label == label));
    let before = problems.len();
    if table.columns.is_empty() && known.is_none_or(<[ColumnRead]>::is_empty) {
        let message = format!("`{}` is followed, and none of its columns is declared", table.name);
        let help = "add a section `[columns.NAME]` with `type = \"…\"` for each: a stream can't be looked into beforehand";
        problems.push(Problem::error(codes::TABLE_FOLLOWED, table.source.place(None), message).help(help));
    }
    for c in table.columns.iter().filter(|c| c.data_type.is_none()) {
        let label = c.from.as_ref().unwrap_or(&c.name);
        if !is_known(&c.name, label) {
            let message = format!("`{}` is followed, and its column `{}` has no type", table.name, *c.name);
            let problem = Problem::error(codes::TABLE_FOLLOWED, Place::span(&table.file, c.name.span.clone()), message);
            problems.push(problem.help("write `type = \"…\"`: a stream can't be looked into beforehand"));
        }
    }
    problems.len() == before
}

/// `publish` where nothing is ever followed, and what environments that are not chosen say: as far as it is wrong in itself.
pub fn elsewhere(table: &Table, dir: &Path, problems: &mut Vec<Problem>) {
    let all = table.alternatives.iter().map(|a| &a.source).chain([&table.source]);
    if let (Some(publish), false) = (&table.publish_micros, all.clone().any(|s| stream_connector(s).is_some())) {
        let place = Place::span(&table.file, publish.span.clone());
        let problem = Problem::error(codes::KEY_CONFLICT, place, "`publish` does nothing for a table that is not followed");
        problems.push(problem.help("remove it: a run commits the rows of files at its end"));
    }
    for other in table.alternatives.iter().map(|a| &a.source) {
        let mistakes = match other.connector.as_str() {
            "files" => FileOptions::parse(&tables::plain(&other.options)).1,
            _ => match stream_connector(other) {
                Some(connector) => connector.check(&tables::plain(&other.options), dir),
                None => {
                    problems.push(unknown_connector(other));
                    continue;
                }
            },
        };
        // Values may depend on variables that only that environment has.
        let certain = mistakes.into_iter().filter(|m| matches!(m.fault, OptionFault::Unknown | OptionFault::Missing));
        problems.extend(certain.map(|m| option_problem(other, m)));
    }
}

/// Whether rows can be sent there; every mistake becomes a problem.
pub fn check_sink(sink: &Source, dir: &Path, problems: &mut Vec<Problem>) {
    // That none is named has been told.
    if sink.connector.is_empty() {
        return;
    }
    match SINKS.iter().find(|c| c.kind() == sink.connector.as_str()) {
        Some(connector) => {
            problems.extend(connector.check(&tables::plain(&sink.options), dir).into_iter().map(|m| option_problem(sink, m)));
        }
        None => {
            let kinds: Vec<&str> = SINKS.iter().map(|c| c.kind()).collect();
            problems.push(unknown(sink, &kinds, "rows are not sent to"));
        }
    }
}

pub fn unknown_connector(source: &Source) -> Problem {
    let kinds: Vec<&str> = CONNECTORS.iter().copied().chain(stream_kinds()).collect();
    unknown(source, &kinds, "unknown connector")
}

fn unknown(source: &Source, kinds: &[&str], what: &str) -> Problem {
    let help = match did_you_mean(&source.connector, kinds.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known connectors: {}", kinds.join(", ")),
    };
    let place = Place::span(&source.file, source.connector.span.clone());
    Problem::error(codes::CONNECTOR_UNKNOWN, place, format!("{what} `{}`", *source.connector)).help(help)
}

/// A connector's complaint about an option, put where the option stands.
pub fn option_problem(source: &Source, m: OptionProblem) -> Problem {
    let code = match m.fault {
        OptionFault::Unknown => codes::OPTION_UNKNOWN,
        OptionFault::Missing | OptionFault::Value => codes::OPTION_VALUE,
        OptionFault::Unreadable => codes::SOURCE_UNREADABLE,
    };
    let p = Problem::error(code, source.place(m.key.as_deref()), m.message);
    match m.help {
        Some(h) => p.help(h),
        None => p,
    }
}

fn shown(file: &Path) -> String {
    file.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
