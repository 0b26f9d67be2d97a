//! Everything that is found out about a table before a line is written: how its cells are read, and what is in it.

use super::ProposeOptions;
use super::columns::type_name;
use super::sources::{Group, files_options};
use super::text::counted;
use crate::report::{RunEvent, Status, StepReport, Watch};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_connect::infer::{self, Gravity, Remark, Row, Title};
use tidemill_connect::{OptionValue, ScanOptions};
use tidemill_core::{ColumnRead, Meter, OnInvalid, Result};
use tidemill_prepare::profile::{Finding, Profile, ProfileOptions, Severity, profile, ranked};

pub(super) use tidemill_connect::infer::Column as Seen;

pub(super) struct Look<'a> {
    pub name: String,
    pub group: &'a Group,
    /// Options of the source that must be written, beside `path`.
    pub options: Vec<(&'static str, OptionValue)>,
    /// What stands above the header.
    pub title: Option<Title>,
    /// Totals and notes at the end, and rows that are empty in every column.
    pub foot: Vec<Row>,
    pub empty_rows: u64,
    pub columns: Vec<Seen>,
    pub rows: u64,
    pub bytes: u64,
    /// Rows that can't be read, by reject code.
    pub rejects: BTreeMap<&'static str, u64>,
    pub profile: Profile,
    pub seconds: f64,
}

/// Small enough that a file of some tens of megabytes keeps every thread busy.
const MORSEL_BYTES: usize = 4 << 20;

impl Look<'_> {
    /// Gives these columns the type that all but a few of their cells are of, as far as that may be; the findings follow.
    pub fn type_now(&mut self, names: &std::collections::BTreeSet<String>) {
        for c in self.columns.iter_mut().filter(|c| names.contains(&c.read.name)) {
            c.type_now();
            let (Some(g), false) = (&c.guess, c.stays_text) else { continue };
            let name = &c.read.name;
            let findings = &mut self.profile.findings;
            findings.retain(|f| f.column.as_ref() != Some(name) || !["number_text", "kind"].contains(&f.code));
            let text = format!(
                "`{name}` holds {} that {} no {}",
                counted(g.bad_rows, "value"),
                if g.bad_rows == 1 { "is" } else { "are" },
                type_name(&c.read.data_type)
            );
            let help = Some(format!("give the column another type, or `on_invalid = \"null\"` under `[columns.{name}]`"));
            findings.push(Finding { code: "invalid", severity: Severity::Error, column: Some(name.clone()), text, rows: g.bad_rows, help });
        }
        self.profile.findings = ranked(std::mem::take(&mut self.profile.findings));
    }

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
        title: None,
        foot: Vec::new(),
        empty_rows: 0,
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
    let given = reading_findings(&reading.remarks);
    look.options = reading.options;
    look.rejects = reading.rejects;
    look.title = reading.title;
    look.foot = reading.foot;
    look.empty_rows = reading.empty_rows;
    look.columns = reading.columns;
    // What is written in a way of its own can't be cast afterwards: it is read as what it is, or not at all.
    look.columns.iter_mut().filter(|c| c.has_form()).for_each(Seen::type_now);

    let reads: Vec<ColumnRead> = look.columns.iter().map(|c| ColumnRead { on_invalid: OnInvalid::Null, ..c.read.clone() }).collect();
    let profile_options = ProfileOptions {
        name: look.name.clone(),
        labels: reads.iter().map(|r| (r.name.clone(), r.label.clone())).collect(),
        threads: options.threads,
        memory_bytes: options.memory_bytes,
        now_micros: options.now_micros,
        given,
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

/// What the way a source is written has to tell, as findings of its profile.
pub fn reading_findings(remarks: &[Remark]) -> Vec<Finding> {
    let finding = |r: &Remark| Finding {
        code: r.code,
        severity: match r.gravity {
            Gravity::Error => Severity::Error,
            Gravity::Warning => Severity::Warning,
            Gravity::Note => Severity::Note,
        },
        column: r.column.clone(),
        text: r.text.clone(),
        rows: r.rows,
        help: Some(r.help.clone()).filter(|h| !h.is_empty()),
    };
    remarks.iter().map(finding).collect()
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
