//! `bench live`: the table, the JSON and the page.

use super::{machine_json, machine_line, measure, options, page, write_file};
use crate::Ended;
use crate::args::BenchLiveArgs;
use crate::commands::write_report;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::figures::{bytes, grouped, rate};
use crate::output::grid::{Cell, Grid, Tone, paint};
use crate::output::records::Records;
use serde_json::{Value, json};
use std::io::Write;
use tidemill_core::Error;
use tidemill_pipeline::bench::{LiveOptions, LiveReport, LiveTimed};

pub fn execute(args: &BenchLiveArgs, context: &Context, out: &mut dyn Write) -> Ended {
    if !(args.seconds > 0.0 && args.seconds <= 86_400.0) {
        return Err(Failure::Usage(Error::config("`--seconds` takes more than 0 and at most 86400")));
    }
    let workspace = context.open()?;
    let asked = options(&args.views, &args.report);
    let live = LiveOptions { batch_rows: args.batch as usize, rate: args.rate, seconds: args.seconds, rows_max: args.rows };
    let report = measure(context, async |told| workspace.bench_live(&asked, &live, told).await)?;
    if let Some(path) = &args.report.json {
        write_file(context, path, &format!("{:#}\n", object(&report)))?;
    }
    if let Some(path) = &args.report.html {
        write_file(context, path, &page::live(&report))?;
    }
    if !write_report(out, context.style.format, || object(&report), &records(&report))? {
        for_people(&report, context, out)?;
    }
    Ok(u8::from(report.views.iter().any(|v| v.failed.is_some())))
}

pub(super) const COLUMNS: &[&str] =
    &["live view", "#rows", "#rows/s", "#batch p50", "#batch p99", "#result", "#state", "#late", "#due→seen p50", "#p99", "#most", ""];

pub(super) fn cells(v: &LiveTimed) -> Vec<String> {
    let millis = |micros: u64| format!("{:.2} ms", micros as f64 / 1e3);
    let paced = |f: fn(&tidemill_pipeline::bench::Paced) -> u64| v.paced.as_ref().map_or_else(|| "–".into(), |p| millis(f(p)));
    vec![
        v.view.clone(),
        grouped(v.rows),
        rate(v.rows_per_second()),
        millis(v.batch_micros_p50),
        millis(v.batch_micros_p99),
        grouped(v.result_rows),
        bytes(v.state_bytes),
        grouped(v.late),
        paced(|p| p.micros_p50),
        paced(|p| p.micros_p99),
        paced(|p| p.micros_max),
        v.failed.clone().unwrap_or_default(),
    ]
}

fn for_people(report: &LiveReport, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    let mut grid = Grid::new(COLUMNS);
    for v in &report.views {
        let tone = if v.failed.is_some() { Tone::Bad } else { Tone::Plain };
        grid.push(cells(v).into_iter().map(|c| Cell::toned(c, tone)).collect());
    }
    grid.write(out, context.style.width, context.style.colour)?;
    if !report.recipes.is_empty() {
        writeln!(out)?;
        let mut rules = Grid::new(&["rules of", "#rows", "#rows/s", "#a row"]);
        for r in &report.recipes {
            let each = if r.rows_per_second() > 0.0 { 1e6 / r.rows_per_second() } else { 0.0 };
            rules.push(vec![
                Cell::new(r.table.clone()),
                Cell::new(grouped(r.rows)),
                Cell::new(rate(r.rows_per_second())),
                Cell::new(format!("{each:.2} µs")),
            ]);
        }
        rules.write(out, context.style.width, context.style.colour)?;
    }
    let o = &report.options;
    let line = format!(
        "batches of {} rows at full speed, on one thread; due→seen at {} rows a second for {} s; {} of memory at most",
        grouped(o.batch_rows as u64),
        grouped(o.rate),
        o.seconds,
        bytes(report.peak_memory_bytes)
    );
    writeln!(out, "\n{}", paint(&line, Tone::Dim, context.style.colour))?;
    writeln!(out, "{}", paint(&machine_line(&report.machine, report.threads, report.repeat), Tone::Dim, context.style.colour))
}

fn object(report: &LiveReport) -> Value {
    json!({
        "project": report.project,
        "epoch": report.epoch,
        "version": env!("CARGO_PKG_VERSION"),
        "threads": report.threads,
        "repeat": report.repeat,
        "machine": machine_json(&report.machine),
        "batch_rows": report.options.batch_rows,
        "rate": report.options.rate,
        "seconds": report.options.seconds,
        "peak_memory_bytes": report.peak_memory_bytes,
        "views": report.views.iter().map(view).collect::<Vec<_>>(),
        "recipes": report.recipes.iter().map(|r| json!({
            "table": r.table, "rows": r.rows, "seconds": r.seconds, "rows_per_second": r.rows_per_second(),
        })).collect::<Vec<_>>(),
    })
}

fn view(v: &LiveTimed) -> Value {
    json!({
        "view": v.view, "rows": v.rows, "result_rows": v.result_rows, "seconds": v.seconds, "rows_per_second": v.rows_per_second(),
        "batch_micros_p50": v.batch_micros_p50, "batch_micros_p99": v.batch_micros_p99, "state_rows": v.state_rows,
        "state_bytes": v.state_bytes, "late": v.late, "failed": v.failed,
        "paced": v.paced.as_ref().map(|p| json!({
            "rows_per_second": p.rows_per_second, "micros_p50": p.micros_p50, "micros_p99": p.micros_p99, "micros_max": p.micros_max, "steps": p.steps,
        })),
    })
}

fn records(report: &LiveReport) -> Records {
    let mut records = Records::new(&[
        "view",
        "rows",
        "rows_per_second",
        "batch_micros_p50",
        "batch_micros_p99",
        "state_bytes",
        "late",
        "paced_micros_p50",
        "paced_micros_p99",
        "failed",
    ]);
    for v in &report.views {
        records.push(vec![
            json!(v.view),
            json!(v.rows),
            json!(v.rows_per_second()),
            json!(v.batch_micros_p50),
            json!(v.batch_micros_p99),
            json!(v.state_bytes),
            json!(v.late),
            json!(v.paced.as_ref().map(|p| p.micros_p50)),
            json!(v.paced.as_ref().map(|p| p.micros_p99)),
            json!(v.failed),
        ]);
    }
    records
}
