//! Everything that is found out about a table before a line is written: how its cells are read, and what is in it.

use super::ProposeOptions;
use super::sources::{Group, open_with};
use crate::report::{RunEvent, Status, StepReport, Watch};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_connect::infer::{self, Guess, Inference, Sureness};
use tidemill_connect::{OptionValue, Options, ScanOptions, Source};
use tidemill_core::{ColumnRead, Meter, OnInvalid, Result, Scan};
use tidemill_prepare::profile::{Profile, ProfileOptions, profile};

pub(super) struct Look<'a> {
    pub name: String,
    pub group: &'a Group,
    /// Options of the source that must be written, beside `path`.
    pub options: Vec<(&'static str, OptionValue)>,
    pub columns: Vec<Seen>,
    pub rows: u64,
    pub bytes: u64,
    /// Rows that can't be read, by reject code.
    pub rejects: BTreeMap<&'static str, u64>,
    pub profile: Profile,
    pub seconds: f64,
}

/// A column.
pub(super) struct Seen {
    /// How the project will read it.
    pub read: ColumnRead,
    /// `None`: the file itself carries types.
    pub guess: Option<Guess>,
    /// It is of a type but for a few damaged cells: read as text, mended, then cast to this.
    pub cast_to: Option<DataType>,
}

impl Look<'_> {
    /// The source's name for people.
    pub fn shown_source(&self) -> String {
        match &self.group.paths[..] {
            [one] => one.rsplit('/').next().unwrap_or(one).to_string(),
            many => format!("{} files", many.len()),
        }
    }

    pub fn column(&self, name: &str) -> Option<&Seen> {
        self.columns.iter().find(|c| c.read.name == name)
    }

    pub fn profiled(&self, name: &str) -> Option<&tidemill_prepare::profile::ColumnProfile> {
        self.profile.columns.iter().find(|c| c.name == name)
    }
}

/// Above this share of rows with another number of fields, a table is one of ragged lines, and not one with broken rows.
const RAGGED_SHARE: f64 = 0.02;

pub(super) fn look<'a>(group: &'a Group, dir: &Path, options: &ProposeOptions, step: u32, watch: &dyn Watch) -> Result<Look<'a>> {
    let started = Instant::now();
    let bytes = group.entries.iter().map(|e| e.size).sum();
    let mut written: Vec<(&'static str, OptionValue)> = Vec::new();
    let mut look = Look {
        name: group.name.clone(),
        group,
        options: Vec::new(),
        columns: Vec::new(),
        rows: 0,
        bytes,
        rejects: BTreeMap::new(),
        profile: Profile::default(),
        seconds: 0.0,
    };
    let Some(probe) = &group.probe else { return Ok(look) };
    let steps = Steps { watch, node: group.entries.first().map_or_else(String::new, |_| look.shown_source()), first: step * 2, bytes };

    let mut source = open_with(&group.found, Options::new(), dir)?;
    let mut reads: Vec<ColumnRead> = probe.columns.clone();
    let guesses: Vec<Option<Guess>> = if probe.is_typed {
        reads.iter().map(|_| None).collect()
    } else {
        let mut inference = steps.run(0, "infer", |meter| texts(&*source, group, &reads, options, meter))?;
        let broken = inference.rejects.get("fields").copied().unwrap_or(0);
        let is_ragged = inference.rows > 0 && broken as f64 > inference.rows as f64 * RAGGED_SHARE;
        let has_header = probe.has_header && !header_is_data(&inference);
        if probe.format == "csv" && (is_ragged || has_header != probe.has_header) {
            if is_ragged {
                written.push(("ragged", "fill".into()));
            }
            if !has_header {
                let widest = if is_ragged { widest(&inference, probe.delimiter).max(reads.len()) } else { reads.len() };
                let names: Vec<OptionValue> = (1..=widest).map(|i| format!("column_{i}").as_str().into()).collect();
                written.push(("header", false.into()));
                written.push(("columns", OptionValue::List(names)));
                reads = (1..=widest).map(|i| ColumnRead::new(format!("column_{i}"), DataType::Utf8)).collect();
            }
            source = open_with(&group.found, written.iter().map(|(k, v)| ((*k).to_string(), v.clone())).collect(), dir)?;
            inference = steps.run(0, "infer", |meter| texts(&*source, group, &reads, options, meter))?;
        }
        look.rejects = inference.rejects;
        inference.columns.into_iter().map(Some).collect()
    };
    if probe.format == "csv" {
        pin(probe, &mut written);
    }
    look.columns = reads
        .into_iter()
        .zip(guesses)
        .map(|(probed, guess)| {
            let mut seen = Seen { read: probed, guess, cast_to: None };
            if let Some(g) = &seen.guess {
                seen.read = g.read.clone();
                if g.sureness == Sureness::Almost {
                    // Whether the damaged cells can be mended shows only when the column is looked at as text, beside the others.
                    seen.cast_to = Some(std::mem::replace(&mut seen.read.data_type, DataType::Utf8));
                }
            }
            seen
        })
        .collect();

    let reads: Vec<ColumnRead> = look.columns.iter().map(|c| ColumnRead { on_invalid: OnInvalid::Null, ..c.read.clone() }).collect();
    let profile_options = ProfileOptions {
        name: look.name.clone(),
        labels: reads.iter().map(|r| (r.name.clone(), r.label.clone())).collect(),
        threads: options.threads,
        memory_bytes: options.memory_bytes,
        now_micros: options.now_micros,
        ..ProfileOptions::default()
    };
    look.profile = steps.run(1, "profile", |meter| {
        let scan = source.scan(&group.entries, &reads, ScanOptions::default())?;
        profile(&*scan, &profile_options, meter)
    })?;
    look.rows = look.profile.rows + look.profile.rejected;
    look.options = written;
    look.seconds = started.elapsed().as_secs_f64();
    Ok(look)
}

fn texts(source: &dyn Source, group: &Group, reads: &[ColumnRead], options: &ProposeOptions, meter: &Meter) -> Result<Inference> {
    let texts: Vec<ColumnRead> =
        reads.iter().map(|r| ColumnRead { label: r.label.clone(), ..ColumnRead::new(&r.name, DataType::Utf8) }).collect();
    let scan: Box<dyn Scan> = source.scan(&group.entries, &texts, ScanOptions::default())?;
    infer::infer(&*scan, &texts, options.threads, meter)
}

/// Whether the first line's texts are met again in their columns, as names of columns are not.
fn header_is_data(inference: &Inference) -> bool {
    let met = inference.columns.iter().filter(|g| g.evidence.values.as_ref().is_some_and(|v| v.contains_key(g.read.label.trim()))).count();
    met > 0 && met * 2 > inference.columns.len()
}

/// Fields of the longest line among those that had too many or too few.
fn widest(inference: &Inference, delimiter: char) -> usize {
    let lines = inference.examples.get("fields").into_iter().flatten();
    lines.map(|(_, raw)| raw.matches(delimiter).count() + 1).max().unwrap_or(0)
}

/// What was detected is written down where it is not the usual: a later file must not change how the table is read.
fn pin(probe: &tidemill_connect::Probe, written: &mut Vec<(&'static str, OptionValue)>) {
    if probe.delimiter != ',' {
        written.push(("delimiter", probe.delimiter.to_string().as_str().into()));
    }
    if !probe.has_header && !written.iter().any(|(k, _)| *k == "header") {
        written.push(("header", false.into()));
    }
    if probe.encoding != "utf-8" {
        written.push(("encoding", if probe.encoding.starts_with("utf-16") { "utf-16" } else { probe.encoding }.into()));
    }
}

/// Tells whoever watches what is going on.
struct Steps<'a> {
    watch: &'a dyn Watch,
    node: String,
    first: u32,
    bytes: u64,
}

impl Steps<'_> {
    fn run<T>(&self, at: u32, stage: &'static str, work: impl FnOnce(&Meter) -> Result<T>) -> Result<T> {
        let meter = Arc::new(Meter::default());
        Meter::add(&meter.bytes_total, self.bytes);
        let step_id = self.first + at;
        self.watch.on(&RunEvent::StepStarted { step_id, node: self.node.clone(), stage, meter: Arc::clone(&meter) });
        let started = Instant::now();
        let result = work(&meter);
        self.watch.on(&RunEvent::StepEnded(StepReport {
            step_id,
            node: self.node.clone(),
            stage,
            status: if result.is_ok() { Status::Succeeded } else { Status::Failed },
            elapsed: started.elapsed().max(Duration::from_micros(1)),
            rows_read: Meter::get(&meter.rows_read),
            rows_written: 0,
            rows_rejected: 0,
            bytes_read: Meter::get(&meter.bytes_read),
            bytes_written: 0,
            bytes_spilled: 0,
            bytes_exchanged: 0,
            cpu_seconds: 0.0,
            peak_memory_bytes: 0,
            error: result.as_ref().err().map(ToString::to_string),
            message: String::new(),
        }));
        result
    }
}
