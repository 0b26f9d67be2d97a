//! `bench cache`: the table, the bars, the JSON and the page.

use super::{bar, machine_json, machine_line, measure, options, page, seconds, times, write_file};
use crate::Ended;
use crate::args::BenchCacheArgs;
use crate::commands::write_report;
use crate::context::Context;
use crate::output::figures::{bytes, grouped, memory, rate};
use crate::output::grid::{Cell, Grid, Tone, paint};
use crate::output::records::Records;
use serde_json::{Value, json};
use std::io::Write;
use tidemill_pipeline::bench::{CacheReport, Timed, median};

/// Cells of the longest bar.
const BAR: usize = 40;

pub fn execute(args: &BenchCacheArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    let asked = options(&args.views, &args.report);
    let report = measure(context, async |told| workspace.bench_cache(&asked, told).await)?;
    if let Some(path) = &args.report.json {
        write_file(context, path, &format!("{:#}\n", object(&report)))?;
    }
    if let Some(path) = &args.report.html {
        write_file(context, path, &page::cache(&report))?;
    }
    if !write_report(out, context.style.format, || object(&report), &records(&report))? {
        for_people(&report, context, out)?;
        if let Some(path) = &args.report.html {
            writeln!(out, "\nthe page with charts is {}", context.resolve(path).display())?;
        } else {
            writeln!(out, "\nmore: --html cache.html is a page with charts, --json cache.json has every repetition")?;
        }
    }
    Ok(0)
}

/// The ways a question is asked in, the slowest first, with their medians.
pub(super) fn ways(timed: &Timed) -> Vec<(&'static str, f64)> {
    let all = [("source", &timed.source), ("cold", &timed.cold), ("warm", &timed.warm), ("memory", &timed.memory)];
    all.into_iter().filter_map(|(name, each)| Some((name, median(each)?))).collect()
}

pub(super) fn name(timed: &Timed) -> &str {
    timed.question.as_ref().map_or("", |q| q.name.as_str())
}

/// How many times as fast memory is.
pub(super) fn gain(slow: &[f64], timed: &Timed) -> Option<f64> {
    Some(median(slow)? / median(&timed.memory)?)
}

fn for_people(report: &CacheReport, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    let colour = context.style.colour;
    let mut grid = Grid::new(&[
        "question",
        "#rows read",
        "#source",
        "#cold",
        "#warm",
        "#memory",
        "#over source",
        "#over cold",
        "#over warm",
        "#rows/s",
    ]);
    for t in &report.questions {
        let time = |each: &[f64]| median(each).map_or_else(|| Cell::toned("–", Tone::Dim), |s| Cell::new(seconds(s)));
        let factor = |each: &[f64]| match gain(each, t) {
            Some(f) => Cell::toned(times(f), if f >= 2.0 { Tone::Good } else { Tone::Plain }),
            None => Cell::toned("–", Tone::Dim),
        };
        let per_second = median(&t.memory).map_or_else(String::new, |s| rate(t.rows_read as f64 / s));
        let mut row = vec![Cell::new(name(t)), Cell::new(grouped(t.rows_read))];
        row.extend([time(&t.source), time(&t.cold), time(&t.warm), time(&t.memory)]);
        row.extend([factor(&t.source), factor(&t.cold), factor(&t.warm), Cell::new(per_second)]);
        grid.push(row);
    }
    grid.write(out, context.style.width, colour)?;
    writeln!(out)?;
    let widest = report.questions.iter().map(|t| name(t).chars().count()).max().unwrap_or(0);
    for t in &report.questions {
        let ways = ways(t);
        let longest = ways.iter().map(|(_, s)| *s).fold(f64::MIN_POSITIVE, f64::max);
        for (at, (way, s)) in ways.iter().enumerate() {
            let label = if at == 0 { name(t) } else { "" };
            let tone = if *way == "memory" { Tone::Good } else { Tone::Dim };
            let drawn = paint(&bar(s / longest, BAR), tone, colour);
            writeln!(out, "{label:widest$}  {way:>6} {drawn} {}", seconds(*s))?;
        }
    }
    writeln!(out)?;
    for t in &report.tables {
        let held = if t.bytes_memory == 0 { "none".to_string() } else { bytes(t.bytes_memory) };
        writeln!(out, "{}: {} rows, {} on disk, {held} of what was asked for in memory", t.name, grouped(t.rows), bytes(t.bytes_disk))?;
    }
    writeln!(out, "in memory: {}", memory(&report.memory))?;
    writeln!(out, "{}", paint(&machine_line(&report.machine, report.threads, report.repeat), Tone::Dim, colour))
}

pub(super) fn object(report: &CacheReport) -> Value {
    let m = &report.memory;
    json!({
        "project": report.project,
        "epoch": report.epoch,
        "version": env!("CARGO_PKG_VERSION"),
        "threads": report.threads,
        "repeat": report.repeat,
        "machine": machine_json(&report.machine),
        "tables": report.tables.iter().map(|t| json!({
            "name": t.name, "rows": t.rows, "bytes_disk": t.bytes_disk, "bytes_memory": t.bytes_memory,
        })).collect::<Vec<_>>(),
        "questions": report.questions.iter().map(|t| json!({
            "name": name(t),
            "is_fixed": t.question.as_ref().is_some_and(|q| q.is_fixed),
            "sql": t.question.as_ref().map(|q| q.sql.clone()),
            "reads": t.question.as_ref().map(|q| q.reads.clone()),
            "rows": t.rows,
            "rows_read": t.rows_read,
            "source_seconds": t.source,
            "cold_seconds": t.cold,
            "warm_seconds": t.warm,
            "memory_seconds": t.memory,
            "filling_seconds": t.filling,
        })).collect::<Vec<_>>(),
        "memory": {
            "bytes": m.bytes, "bytes_max": m.bytes_max, "hits": m.hits, "loads": m.loads, "hit_rate": m.hit_rate(),
            "evictions": m.evictions, "refusals": m.refusals,
        },
    })
}

fn records(report: &CacheReport) -> Records {
    let mut records = Records::new(&[
        "question",
        "rows",
        "rows_read",
        "source_seconds",
        "cold_seconds",
        "warm_seconds",
        "memory_seconds",
        "over_source",
        "over_cold",
        "over_warm",
    ]);
    for t in &report.questions {
        let number = |v: Option<f64>| v.map_or(Value::Null, |v| json!(v));
        records.push(vec![
            json!(name(t)),
            json!(t.rows),
            json!(t.rows_read),
            number(median(&t.source)),
            number(median(&t.cold)),
            number(median(&t.warm)),
            number(median(&t.memory)),
            number(gain(&t.source, t)),
            number(gain(&t.cold, t)),
            number(gain(&t.warm, t)),
        ]);
    }
    records
}
