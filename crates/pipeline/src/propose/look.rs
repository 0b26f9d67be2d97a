//! Everything that is found out about a table before a line is written: how its cells are read, and what is in it.

use super::ProposeOptions;
use super::sources::{Group, files_options};
use crate::report::{RunEvent, Status, StepReport, Watch};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_connect::infer::{self, Guess};
use tidemill_connect::{OptionValue, ScanOptions};
use tidemill_core::{ColumnRead, Meter, OnInvalid, Result};
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
    /// Too many cells are not of that type to read it so.
    pub stays_text: bool,
}

/// Small enough that a file of some tens of megabytes keeps every thread busy.
const MORSEL_BYTES: usize = 4 << 20;

impl Seen {
    /// Whether its values are written in a way that must be told (a date's pattern, a unit), so that they can't be cast afterwards.
    pub fn has_form(&self) -> bool {
        let r = &self.read;
        !r.formats.is_empty() || self.has_decoration()
    }

    fn has_decoration(&self) -> bool {
        let r = &self.read;
        !r.units.is_empty() || r.thousands.is_some() || r.decimal != '.'
    }

    /// Reads it as the type that all but a few cells are of: of very few, the rows are set aside. Where there are more, it stays text, since a value
    /// that may be wrong is better than none; unless units stand in the way of all the others, then these cells become NULL, counted.
    pub fn type_now(&mut self) {
        let (Some(to), Some(g)) = (self.cast_to.clone(), &self.guess) else { return };
        let is_few = g.bad_rows * 100 <= g.filled;
        if is_few || self.has_decoration() {
            self.read.data_type = to;
            self.read.on_invalid = if is_few { OnInvalid::Quarantine } else { OnInvalid::Null };
            self.cast_to = None;
        } else {
            self.stays_text = true;
            self.read.formats.clear();
            self.read.null_tokens = g.evidence.tokens.keys().cloned().collect();
        }
    }
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

#[allow(clippy::disallowed_methods)] // how long a look took is shown, not decided by
pub(super) fn look<'a>(group: &'a Group, dir: &Path, options: &ProposeOptions, step: u32, watch: &dyn Watch) -> Result<Look<'a>> {
    let started = Instant::now();
    let bytes = group.entries.iter().map(|e| e.size).sum();
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
    if group.probe.is_none() {
        return Ok(look);
    }
    let steps = Steps { watch, node: look.shown_source(), first: step * 2 };
    let files = files_options(&group.found);
    let reading = steps.run(0, "infer", |meter| infer::read(&files, dir, options.threads, meter))?;
    look.options = reading.options;
    look.rejects = reading.rejects;
    look.columns =
        reading.columns.into_iter().map(|c| Seen { read: c.read, guess: c.guess, cast_to: c.almost, stays_text: false }).collect();
    // What is written in a way of its own can't be cast afterwards: it is read as what it is, or not at all.
    look.columns.iter_mut().filter(|c| c.has_form()).for_each(Seen::type_now);

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
        let scan = reading.source.scan(&reading.entries, &reads, ScanOptions { morsel_bytes: MORSEL_BYTES, ..ScanOptions::default() })?;
        Meter::add(&meter.bytes_total, scan.total_bytes().unwrap_or(bytes));
        profile(&*scan, &profile_options, meter)
    })?;
    look.rows = look.profile.rows + look.profile.rejected;
    look.seconds = started.elapsed().as_secs_f64();
    Ok(look)
}

/// Tells whoever watches what is going on.
struct Steps<'a> {
    watch: &'a dyn Watch,
    node: String,
    first: u32,
}

impl Steps<'_> {
    #[allow(clippy::disallowed_methods)] // how long a step took is shown, not decided by
    fn run<T>(&self, at: u32, stage: &'static str, work: impl FnOnce(&Meter) -> Result<T>) -> Result<T> {
        let meter = Arc::new(Meter::default());
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
