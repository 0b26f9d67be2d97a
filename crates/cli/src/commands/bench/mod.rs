//! `bench`: what this machine makes of this project, on the terminal, as JSON or CSV, and as a page.

mod cache;
mod live;
mod page;
mod plans;

use crate::Ended;
use crate::args::{BenchCommand, ReportArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::figures::bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use tidemill_core::{Error, ErrorKind, Result};
use tidemill_pipeline::bench::{BenchOptions, Machine};

pub fn execute(command: &BenchCommand, context: &Context, out: &mut dyn Write) -> Ended {
    match command {
        BenchCommand::Cache(args) => cache::execute(args, context, out),
        BenchCommand::Plans(args) => plans::execute(args, context, out),
        BenchCommand::Live(args) => live::execute(args, context, out),
    }
}

fn options(views: &[String], report: &ReportArgs) -> BenchOptions {
    BenchOptions { only: views.to_vec(), repeat: usize::from(report.repeat) }
}

/// Waits for a measurement and shows how far it is. A view that there is not is a mistake on the command line.
fn measure<T>(context: &Context, work: impl AsyncFnOnce(&dyn Fn(&str, f64)) -> Result<T>) -> Result<T, Failure> {
    let bar = context.bars.add(ProgressBar::new(1000));
    if let Ok(style) = ProgressStyle::with_template("  {bar:24} {percent:>3} %  {msg}") {
        bar.set_style(style);
    }
    let told = |question: &str, share: f64| {
        bar.set_message(question.to_string());
        bar.set_position((share * 1000.0) as u64);
    };
    let done = context.wait(async { work(&told).await });
    bar.finish_and_clear();
    done.map_err(|f| match f {
        Failure::Error(e) if e.kind == ErrorKind::Config => Failure::Usage(e),
        other => other,
    })
}

fn write_file(context: &Context, path: &Path, content: &str) -> Result<(), Failure> {
    let path = context.resolve(path);
    std::fs::write(&path, content)
        .map_err(|e| Failure::Error(Error::unavailable(format!("cannot write the report: {e}")).at(path.display().to_string())))
}

fn machine_json(machine: &Machine) -> Value {
    json!({ "cpu": machine.cpu, "cores": machine.cores, "memory_bytes": machine.memory_bytes, "system": machine.system })
}

fn machine_line(machine: &Machine, threads: usize, repeat: usize) -> String {
    let cpu = if machine.cpu.is_empty() { machine.system.clone() } else { machine.cpu.clone() };
    let s = if repeat == 1 { "" } else { "s" };
    format!(
        "{cpu}, {} cores of which {threads} used, {} of memory; median of {repeat} repetition{s}; tidemill {}",
        machine.cores,
        bytes(machine.memory_bytes),
        env!("CARGO_PKG_VERSION")
    )
}

/// Seconds, three digits: `0.4 ms`, `31 ms`, `1.25 s`.
fn seconds(s: f64) -> String {
    let ms = s * 1000.0;
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        _ => format!("{s:.2} s"),
    }
}

/// How many times as fast: `3.2×`, `47×`.
fn times(factor: f64) -> String {
    if factor < 9.95 { format!("{factor:.1}×") } else { format!("{factor:.0}×") }
}

/// A bar of `share` of `width` cells, in eighths of a cell.
fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * (width * 8) as f64).round().max(1.0) as usize;
    let mut out = "█".repeat(eighths / 8);
    out.push_str(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]);
    out
}
