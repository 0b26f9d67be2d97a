//! `run`: everything up to date once, shown while it goes on, summed up at the end.

use super::{command_line, plan, write_report};
use crate::Ended;
use crate::args::OutputFormat;
use crate::args::RunArgs;
use crate::context::Context;
use crate::failure::{Failure, note, object as object_of};
use crate::output::figures::{bytes, counted, duration, grouped};
use crate::output::grid::{Cell, Grid, Tone, paint};
use crate::output::records::Records;
use crate::progress::watcher;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidemill_pipeline::Workspace;
use tidemill_pipeline::report::{RunOptions, RunReport, Status, StepReport, Watch};

pub fn execute(args: &RunArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let options = RunOptions {
        select: args.selection.select.clone(),
        frozen: args.frozen,
        full: args.full,
        dry_run: args.dry_run,
        command: command_line(),
    };
    if args.dry_run {
        return plan::show(&options, context, out);
    }
    let workspace = context.open()?;
    perform(&workspace, &options, context, context.global.directory.as_deref(), out)
}

/// Runs and sums up. `dir` is the project as the commands offered next should name it.
pub fn perform(workspace: &Arc<Workspace>, options: &RunOptions, context: &Context, dir: Option<&Path>, out: &mut dyn Write) -> Ended {
    let (report, signal) = watched(workspace, options, watcher(context), context)?;
    let records = records(&report);
    if !write_report(out, context.style.format, || object(&report), &records)? && !context.global.quiet {
        for_people(&report, context, dir, out)?;
    }
    // Results first, then what went wrong, so that the last line seen is the one to act on.
    out.flush()?;
    if let Some(code) = signal {
        // What was cut short would be told as failed, which it is not.
        note(context, "stopped", "the next run finishes what was begun");
        return Err(Failure::Interrupted(code));
    }
    tell_failures(&report, context, dir);
    Ok(u8::from(report.status == Status::Failed))
}

/// Runs. A signal that stopped it is given too, where there is a report none the less.
pub fn watched(
    workspace: &Arc<Workspace>,
    options: &RunOptions,
    watcher: Arc<dyn Watch>,
    context: &Context,
) -> Result<(RunReport, Option<u8>), Failure> {
    let stopped = Arc::clone(workspace);
    let (ended, signal) = context.wait_cancelling(workspace.run(options, Arc::clone(&watcher)), move || stopped.cancel());
    drop(watcher); // bars go before anything else is printed
    match (ended, signal) {
        (Ok(report), signal) => Ok((report, signal)),
        (Err(e), Some(code)) => {
            tracing::info!(error = %e, "the run was stopped");
            note(context, "stopped", "the next run finishes what was begun");
            Err(Failure::Interrupted(code))
        }
        (Err(e), None) => Err(e.into()),
    }
}

/// One node's steps together.
struct NodeSummary<'a> {
    node: &'a str,
    status: Status,
    rows: u64,
    elapsed: Duration,
    message: String,
}

fn nodes(report: &RunReport) -> Vec<NodeSummary<'_>> {
    let mut nodes: Vec<NodeSummary<'_>> = Vec::new();
    // In the order they began, which is that of the graph. The commit belongs to no node.
    let mut steps: Vec<&StepReport> = report.steps.iter().filter(|s| s.stage != "commit" || s.status == Status::Failed).collect();
    steps.sort_by_key(|s| s.step_id);
    for step in steps {
        let at = nodes.iter().position(|n| n.node == step.node).unwrap_or_else(|| {
            nodes.push(NodeSummary { node: &step.node, status: step.status, rows: 0, elapsed: Duration::ZERO, message: String::new() });
            nodes.len() - 1
        });
        let n = &mut nodes[at];
        n.elapsed += step.elapsed;
        // A test reads what a view wrote; it is not what the node holds.
        if step.stage != "test" && step.rows_written > 0 {
            n.rows = step.rows_written;
        }
        n.status = worse(n.status, step.status);
        let message = step.error.as_deref().unwrap_or(&step.message);
        if !message.is_empty() && (n.message.is_empty() || step.error.is_some() || step.stage == "apply") {
            n.message = message.to_string();
        }
    }
    nodes
}

fn worse(a: Status, b: Status) -> Status {
    let rank = |s: Status| match s {
        Status::Failed => 3,
        Status::Skipped => 2,
        Status::Succeeded => 1,
        Status::UpToDate => 0,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn for_people(report: &RunReport, context: &Context, dir: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
    let colour = context.style.colour;
    let nodes = nodes(report);
    let kept = nodes.iter().filter(|n| n.status == Status::UpToDate).count() as u64;
    let mut grid = Grid::new(&["node", "status", "#rows", "#time", "what happened"]);
    for n in nodes.iter().filter(|n| n.status != Status::UpToDate || context.global.verbose > 0) {
        let tone = match n.status {
            Status::Succeeded => Tone::Good,
            Status::Failed => Tone::Bad,
            Status::Skipped => Tone::Warn,
            Status::UpToDate => Tone::Dim,
        };
        grid.push(vec![
            Cell::new(n.node),
            Cell::toned(n.status.as_str(), tone),
            Cell::new(if n.rows == 0 { String::new() } else { grouped(n.rows) }),
            Cell::new(duration(n.elapsed)),
            Cell::new(if n.message == n.status.as_str() { "" } else { &n.message }),
        ]);
    }
    if !grid.rows.is_empty() {
        grid.write(out, context.style.width, colour)?;
        writeln!(out)?;
    }
    let tables = report.quarantined.iter().filter(|(_, rows)| *rows > 0);
    for (table, rows) in tables {
        writeln!(
            out,
            "{} {} of {table} set aside; look at them with: {}",
            paint("quarantined:", Tone::Warn, colour),
            counted(*rows, "row"),
            context.command_in(dir, &format!("quarantine show {table}"))
        )?;
    }
    for t in &report.failed_tests {
        let (word, tone) = if t.is_error { ("failed test:", Tone::Bad) } else { ("warning:", Tone::Warn) };
        writeln!(out, "{} {} of {} does not hold for {}", paint(word, tone, colour), t.test, t.view, counted(t.rows, "row"))?;
    }
    if !report.failed_tests.is_empty() {
        let sql = format!("SELECT view, test, row FROM system.test_failures WHERE run_id = '{}'", report.run_id);
        writeln!(out, "  the rows: {}", context.command_in(dir, &format!("query \"{sql}\"")))?;
    }
    let (word, tone) = match report.status {
        Status::Failed => ("failed", Tone::Bad),
        Status::UpToDate => ("everything is up to date", Tone::Good),
        Status::Succeeded | Status::Skipped => ("succeeded", Tone::Good),
    };
    let mut line = format!("{} in {}", paint(word, tone, colour), duration(report.elapsed));
    if kept > 0 && report.status != Status::UpToDate {
        line.push_str(&format!("; {} up to date", counted(kept, "node")));
    }
    line.push_str(&format!(
        "; epoch {}, {:.1} CPU-seconds, peak memory {}, run {}",
        report.epoch,
        report.cpu_seconds,
        bytes(report.peak_memory_bytes),
        report.run_id
    ));
    writeln!(out, "{line}")
}

pub fn tell_failures(report: &RunReport, context: &Context, dir: Option<&Path>) {
    if context.style.format == OutputFormat::Json {
        // What the report on standard output holds, for whoever reads only errors.
        let steps =
            report.steps.iter().filter(|s| s.status == Status::Failed).filter_map(|s| Some(format!("{}: {}", s.node, s.error.as_ref()?)));
        let files = report.incomplete.iter().map(|f| format!("{}: `{}` is incomplete: {}", f.table, f.file, f.reason));
        let tests = report.failed_tests.iter().filter(|t| t.is_error).map(|t| format!("{}: the test {} does not hold", t.view, t.test));
        let mut all: Vec<String> = steps.chain(files).chain(tests).collect();
        if all.is_empty() {
            all.extend(report.error.clone());
        }
        return all.iter().for_each(|m| context.say(&object_of(m, None, None).to_string()));
    }
    let error = paint("error:", Tone::Bad, context.colour_errors);
    let mut told = 0;
    for step in report.steps.iter().filter(|s| s.status == Status::Failed) {
        if let Some(text) = &step.error {
            let place = if text.starts_with(&step.node) { String::new() } else { format!("{}: ", step.node) };
            context.say(&format!("{error} {place}{text}"));
            told += 1;
        }
    }
    for f in &report.incomplete {
        context.say(&format!("{error} {}: `{}` is incomplete: {}", f.table, f.file, f.reason));
        told += 1;
    }
    // The report on standard output names them, where there is one.
    let is_reported = context.style.format == OutputFormat::Human && !context.global.quiet;
    for t in report.failed_tests.iter().filter(|t| t.is_error && !is_reported) {
        context.say(&format!("{error} {}: the test {} does not hold for {}", t.view, t.test, counted(t.rows, "row")));
        told += 1;
    }
    if let (0, Some(text)) = (told, &report.error) {
        context.say(&format!("{error} {text}"));
    }
    let help = |text: String| context.say(&format!(" {} {text}", paint("help:", Tone::Good, context.colour_errors)));
    if report.status == Status::Failed {
        if !report.incomplete.is_empty() {
            help("what could be read is taken in; put the whole file in its place, or take it away, and run again".into());
        } else {
            help(format!("`{}` shows the steps; mend it and run again, what was finished is kept", context.command_in(dir, "runs show")));
        }
    }
}

pub fn object(report: &RunReport) -> Value {
    let quarantined: Vec<Value> = report.quarantined.iter().map(|(table, rows)| json!({ "table": table, "rows": rows })).collect();
    let incomplete: Vec<Value> =
        report.incomplete.iter().map(|f| json!({ "table": f.table, "file": f.file, "reason": f.reason })).collect();
    let tests: Vec<Value> = report
        .failed_tests
        .iter()
        .map(|t| json!({ "view": t.view, "test": t.test, "rows": t.rows, "severity": if t.is_error { "error" } else { "warn" } }))
        .collect();
    json!({
        "run_id": report.run_id,
        "epoch": report.epoch,
        "status": report.status.as_str(),
        "elapsed_seconds": report.elapsed.as_secs_f64(),
        "cpu_seconds": report.cpu_seconds,
        "peak_memory_bytes": report.peak_memory_bytes,
        "error": report.error,
        "quarantined": quarantined,
        "incomplete": incomplete,
        "failed_tests": tests,
        "steps": records(report).json(),
    })
}

pub fn records(report: &RunReport) -> Records {
    let mut records = Records::new(&[
        "step_id",
        "node",
        "stage",
        "status",
        "elapsed_seconds",
        "rows_read",
        "rows_written",
        "rows_rejected",
        "bytes_read",
        "bytes_written",
        "bytes_spilled",
        "bytes_exchanged",
        "cpu_seconds",
        "peak_memory_bytes",
        "error",
        "message",
    ]);
    for s in &report.steps {
        records.push(step_values(s));
    }
    records
}

fn step_values(s: &StepReport) -> Vec<Value> {
    vec![
        s.step_id.into(),
        s.node.as_str().into(),
        s.stage.into(),
        s.status.as_str().into(),
        s.elapsed.as_secs_f64().into(),
        s.rows_read.into(),
        s.rows_written.into(),
        s.rows_rejected.into(),
        s.bytes_read.into(),
        s.bytes_written.into(),
        s.bytes_spilled.into(),
        s.bytes_exchanged.into(),
        s.cpu_seconds.into(),
        s.peak_memory_bytes.into(),
        s.error.as_deref().into(),
        s.message.as_str().into(),
    ]
}
