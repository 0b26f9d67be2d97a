//! The export node: a relation or a SELECT, written outside the lake: to a file that appears whole or not at all, to a directory of files by
//! the values of columns, or to a new snapshot at each run that changes it.

mod csv;
mod output;
mod partition;
mod target;
#[cfg(test)]
mod tests;

use crate::nodes::{self, NodePlan};
use crate::record::Step;
use crate::run::Run;
use crate::state;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use output::Output;
use partition::Partitioned;
use std::path::Path;
use target::{PLACEHOLDERS, Target, placeholders, target};
use tidemill_core::{Error, Meter, Place, Problem, Result, problem::did_you_mean};
use tidemill_project::spec::{Export, Span};
use tidemill_store::{durable, failpoint};

/// Where exports can go. A new one is a line here.
const CONNECTORS: &[&str] = &["files"];
const OPTIONS: &[&str] = &["path", "format", "compression", "delimiter", "header", "null", "partition_by", "latest"];

/// Every mistake in an export's options. `text` is its file's, and `columns` are those of what it writes, where they are known.
pub(crate) fn check(export: &Export, text: &str, columns: Option<&SchemaRef>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !CONNECTORS.contains(&export.connector.as_str()) {
        let p = Problem::error(
            "TM0605",
            Place::span(&export.file, export.connector.span.clone()),
            format!("unknown connector `{}`", *export.connector),
        );
        problems.push(p.help(format!("known connectors: {}", CONNECTORS.join(", "))));
        return problems;
    }
    for (key, value) in &export.options {
        if !OPTIONS.contains(&key.as_str()) {
            let p = Problem::error("TM0601", Place::span(&export.file, value.span.clone()), format!("unknown option `{key}`"));
            problems.push(
                p.help(
                    did_you_mean(key, OPTIONS.iter().copied())
                        .map_or_else(|| format!("options: {}", OPTIONS.join(", ")), |n| format!("did you mean `{n}`?")),
                ),
            );
        }
    }
    match target(export) {
        Ok(target) => {
            problems.extend(unknown_placeholders(export, &target, text));
            problems.extend(columns.into_iter().flat_map(|c| unknown_columns(export, &target, c)));
        }
        Err((key, message, help)) => {
            let span = export.options.get(key).map(|v| v.span.clone());
            let place = span.map_or_else(|| Place::file(&export.file), |s| Place::span(&export.file, s));
            problems.push(Problem::error("TM0602", place, message).help(help));
        }
    }
    problems
}

fn unknown_placeholders(export: &Export, target: &Target, text: &str) -> Vec<Problem> {
    let Some(option) = export.options.get("path").map(|v| v.span.clone()) else { return Vec::new() };
    let unknown = placeholders(&target.path).into_iter().filter(|(word, _)| !PLACEHOLDERS.contains(word));
    let problem = |(word, _): (&str, Span)| {
        // Where it is written, if it is written as it is read.
        let written = text.get(option.clone()).and_then(|t| t.find(&format!("{{{word}}}")));
        let span = written.map_or(option.clone(), |at| option.start + at..option.start + at + word.len() + 2);
        let known = PLACEHOLDERS.map(|p| format!("`{{{p}}}`")).join(", ");
        let help =
            did_you_mean(word, PLACEHOLDERS).map_or_else(|| format!("there are {known}"), |near| format!("did you mean `{{{near}}}`?"));
        Problem::error("TM0602", Place::span(&export.file, span), format!("unknown placeholder `{{{word}}}`")).help(help)
    };
    unknown.map(problem).collect()
}

fn unknown_columns(export: &Export, target: &Target, columns: &SchemaRef) -> Vec<Problem> {
    let names: Vec<&str> = columns.fields().iter().map(|f| f.name().as_str()).collect();
    let mut problems = Vec::new();
    for (i, column) in target.partition_by.iter().enumerate() {
        let place = Place::span(&export.file, column.span.clone());
        if !names.contains(&column.as_str()) {
            let help = match did_you_mean(column, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("columns: {}", names.iter().take(30).copied().collect::<Vec<_>>().join(", ")),
            };
            problems.push(Problem::error("TM0402", place, format!("what is exported has no column `{}`", column.value)).help(help));
        } else if target.partition_by[..i].iter().any(|c| c.value == column.value) {
            problems.push(Problem::error("TM0602", place, format!("`{}` stands twice", column.value)).help("remove one of them"));
        }
    }
    if problems.is_empty() && !target.partition_by.is_empty() && target.partition_by.len() == names.len() {
        let place = Place::span(&export.file, target.partition_by[0].span.clone());
        problems
            .push(Problem::error("TM0602", place, "every column is one to partition by, and none is left to write").help("leave one out"));
    }
    problems
}

/// Whether what was exported is still there. Snapshots may be taken away: those that were made are nobody's but their reader's.
pub(crate) fn targets_exist(export: &Export, dir: &Path) -> bool {
    let there =
        |t: Target| (t.is_snapshot() || dir.join(&t.path).exists()) && t.latest.is_none_or(|l| dir.join(l).symlink_metadata().is_ok());
    target(export).is_ok_and(there)
}

impl Run {
    pub(crate) async fn export(&self, n: NodePlan) -> Result<()> {
        let export = self.ws.checked.project.exports.iter().find(|e| format!("export.{}", e.name) == n.name).cloned();
        let export = export.ok_or_else(|| Error::bug(format!("no export {}", n.name)))?;
        let step = self.recorder.step(&n.name, "export");
        match self.export_in(&export, &step).await {
            Ok((path, rows)) => {
                let mut outcome = self.outcome(&n);
                outcome.rows = rows;
                state::put(&self.ws.lake, &outcome)?;
                self.ws.lake.put_state(&nodes::pointer(&n.name), &self.manifest.epoch)?;
                step.ok(path);
                Ok(())
            }
            Err(e) => {
                step.fail(&e);
                Err(e)
            }
        }
    }

    async fn export_in(&self, export: &Export, step: &Step) -> Result<(String, u64)> {
        let target = target(export).map_err(|(_, message, help)| Error::config(message).at(export.name.clone()).help(help))?;
        let shown = target.path_of(self.manifest.epoch, self.manifest.started_at_micros);
        let dir = &self.ws.checked.project.dir;
        let path = dir.join(&shown);
        let versions = self.versions.lock().clone();
        let session = self.ws.session_over(&versions).await?;
        let sql = export.sql.as_ref().map_or_else(
            || format!("SELECT * FROM {}", export.from.value.split('.').map(crate::quarantine::ident).collect::<Vec<_>>().join(".")),
            |s| s.text.clone(),
        );
        let query = session.query(&sql).await?;
        step.runs(&query);
        let mut rows = query.stream()?;
        let mut out = Sink::open(&path, &target, &query.schema)?;
        while let Some(batch) = rows.next().await {
            if step.meter.is_cancelled() {
                return Err(Error::conflict("cancelled"));
            }
            let batch = batch?;
            Meter::add(&step.meter.rows_read, batch.num_rows() as u64);
            tokio::task::block_in_place(|| step.writes(batch.num_rows(), || out.write(&batch)))?;
            Meter::add(&step.meter.rows_written, batch.num_rows() as u64);
        }
        let latest = target.latest.as_ref().map(|l| dir.join(l));
        let size = tokio::task::block_in_place(|| {
            let size = step.writes(0, || out.finish())?;
            if let Some(latest) = &latest {
                durable::link_over(&path, latest)?;
            }
            Ok::<u64, Error>(size)
        })?;
        step.wrote(size);
        let metrics = query.metrics();
        Meter::add(&step.meter.bytes_spilled, metrics.bytes_spilled);
        Meter::add(&step.meter.bytes_exchanged, metrics.bytes_exchanged);
        Ok((shown, Meter::get(&step.meter.rows_written)))
    }
}

/// A file, or a directory of files.
enum Sink<'a> {
    File(Box<Output>),
    Directory(Box<Partitioned<'a>>),
}

impl<'a> Sink<'a> {
    fn open(path: &Path, target: &'a Target, schema: &SchemaRef) -> Result<Sink<'a>> {
        Ok(if target.partition_by.is_empty() {
            Sink::File(Box::new(Output::open(path, target, schema)?))
        } else {
            Sink::Directory(Box::new(Partitioned::open(path, target, schema)?))
        })
    }

    fn write(&mut self, batch: &arrow::array::RecordBatch) -> Result<()> {
        match self {
            Sink::File(file) => file.write(batch),
            Sink::Directory(directory) => directory.write(batch),
        }
    }

    /// Puts it in the place of an older one; gives its bytes.
    fn finish(self) -> Result<u64> {
        let (before, after) = (|| failpoint("export.before"), || failpoint("export.after"));
        match self {
            Sink::File(file) => file.finish(before, after),
            Sink::Directory(directory) => directory.finish(before, after),
        }
    }
}
