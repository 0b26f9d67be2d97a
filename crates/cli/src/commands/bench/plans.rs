//! `bench plans`: the table, the differences, the JSON and the page.

use super::{machine_json, machine_line, measure, options, page, seconds, write_file};
use crate::Ended;
use crate::args::BenchPlansArgs;
use crate::commands::write_report;
use crate::context::Context;
use crate::output::figures::bytes;
use crate::output::grid::{Cell, Grid, Tone, paint};
use crate::output::records::Records;
use serde_json::{Value, json};
use std::io::Write;
use tidemill_pipeline::bench::{PlanReport, WayTimed};

/// Slower or faster by less than this share is within what repetitions differ by.
pub(super) const NOISE: f64 = 0.10;

pub fn execute(args: &BenchPlansArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    let asked = options(&args.views, &args.report);
    let report = measure(context, async |told| workspace.bench_plans(&asked, told).await)?;
    if let Some(path) = &args.report.json {
        write_file(context, path, &format!("{:#}\n", object(&report)))?;
    }
    if let Some(path) = &args.report.html {
        write_file(context, path, &page::plans(&report))?;
    }
    if !write_report(out, context.style.format, || object(&report), &records(&report))? {
        for_people(&report, args.differences, context, out)?;
    }
    Ok(0)
}

/// `+35 %` is slower than usual.
pub(super) fn against_usual(way: &WayTimed, usual: &WayTimed) -> String {
    let share = way.median() / usual.median() - 1.0;
    format!("{}{:.0} %", if share < 0.0 { "−" } else { "+" }, 100.0 * share.abs())
}

fn for_people(report: &PlanReport, differences: bool, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    let colour = context.style.colour;
    let mut grid = Grid::new(&["view", "way", "#time", "#against usual", "#read", "#exchanged", "#spilled", "plan"]);
    for view in &report.views {
        for way in std::iter::once(&view.usual).chain(&view.ways) {
            let is_usual = std::ptr::eq(way, &view.usual);
            let share = way.median() / view.usual.median() - 1.0;
            let against = match is_usual {
                true => Cell::toned("", Tone::Dim),
                false if share.abs() < NOISE => Cell::toned(against_usual(way, &view.usual), Tone::Dim),
                false => Cell::toned(against_usual(way, &view.usual), if share > 0.0 { Tone::Warn } else { Tone::Good }),
            };
            let plan = match (is_usual, way.difference.len()) {
                (true, _) => Cell::toned("", Tone::Dim),
                (false, 0) => Cell::toned("the same", Tone::Dim),
                (false, n) => Cell::new(format!("{n} lines differ")),
            };
            let amount = |n: u64| Cell::toned(bytes(n), if n == 0 { Tone::Dim } else { Tone::Plain });
            grid.push(vec![
                Cell::new(if is_usual { view.view.as_str() } else { "" }),
                Cell::new(way.way.name()),
                Cell::new(seconds(way.median())),
                against,
                amount(way.bytes_read),
                amount(way.bytes_exchanged),
                amount(way.bytes_spilled),
                plan,
            ]);
        }
    }
    grid.write(out, context.style.width, colour)?;
    if differences {
        for view in &report.views {
            for way in view.ways.iter().filter(|w| !w.difference.is_empty()) {
                writeln!(out, "\n{}, {}:", view.view, way.way.name())?;
                for line in &way.difference {
                    writeln!(out, "  {}", paint(line, if line.starts_with('-') { Tone::Bad } else { Tone::Good }, colour))?;
                }
            }
        }
    } else {
        writeln!(out, "\nmore: --differences prints the lines in which plans differ, --html plans.html is a page")?;
    }
    writeln!(out, "{}", paint(&machine_line(&report.machine, report.threads, report.repeat), Tone::Dim, colour))
}

pub(super) fn object(report: &PlanReport) -> Value {
    let way = |w: &WayTimed| {
        json!({
            "way": w.way.name(), "seconds": w.seconds, "bytes_read": w.bytes_read, "bytes_exchanged": w.bytes_exchanged,
            "bytes_spilled": w.bytes_spilled, "difference": w.difference,
        })
    };
    json!({
        "project": report.project,
        "epoch": report.epoch,
        "version": env!("CARGO_PKG_VERSION"),
        "threads": report.threads,
        "repeat": report.repeat,
        "machine": machine_json(&report.machine),
        "views": report.views.iter().map(|v| json!({
            "view": v.view, "rows": v.rows, "usual": way(&v.usual), "ways": v.ways.iter().map(way).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn records(report: &PlanReport) -> Records {
    let mut records =
        Records::new(&["view", "way", "seconds", "against_usual", "bytes_read", "bytes_exchanged", "bytes_spilled", "plan_lines_differ"]);
    for view in &report.views {
        for way in std::iter::once(&view.usual).chain(&view.ways) {
            records.push(vec![
                json!(view.view),
                json!(way.way.name()),
                json!(way.median()),
                json!(way.median() / view.usual.median()),
                json!(way.bytes_read),
                json!(way.bytes_exchanged),
                json!(way.bytes_spilled),
                json!(way.difference.len()),
            ]);
        }
    }
    records
}
