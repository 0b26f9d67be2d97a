//! `score`: precision and recall of a run, by table and kind of error.

use super::write_report;
use crate::Ended;
use crate::args::ScoreArgs;
use crate::context::Context;
use crate::output::figures::grouped;
use crate::output::grid::{Cell, Grid, Tone};
use crate::output::records::Records;
use serde_json::{Value, json};
use std::io::Write;
use tidemill_pipeline::{ScoreLine, ScoreOptions, ScoreReport, ScoreTable};

pub fn execute(args: &ScoreArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    let table = |t: &String| match t.split_once('=') {
        Some((mine, theirs)) => (mine.to_string(), Some(theirs.to_string())),
        None => (t.clone(), None),
    };
    let options =
        ScoreOptions { truth: context.resolve(&args.truth), tables: args.table.iter().map(table).collect(), columns: args.column.clone() };
    let report = context.wait(workspace.score(&options))?;
    let records = records(&report);
    let object =
        || json!({ "epoch": report.epoch, "tables": report.tables.iter().map(described).collect::<Vec<_>>(), "scores": records.json() });
    if !write_report(out, context.style.format, object, &records)? {
        for_people(&report, args.columns, context, out)?;
    }
    Ok(0)
}

fn described(t: &ScoreTable) -> Value {
    let columns: serde_json::Map<String, Value> =
        t.columns.iter().filter(|c| !t.unscored.contains(&c.0)).map(|(theirs, mine)| (theirs.clone(), mine.as_str().into())).collect();
    json!({ "table": t.table, "truth": t.truth, "columns": columns, "unscored": t.unscored })
}

fn for_people(report: &ScoreReport, columns: bool, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    for (at, table) in report.tables.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", table.table)?;
        let mut grid = Grid::new(&[
            "kind",
            "column",
            "#errors",
            "#set aside",
            "#detected",
            "#falsely",
            "#precision",
            "#recall",
            "#repaired",
            "#wrongly",
            "#precision",
            "#recall",
        ]);
        if !columns {
            grid.columns.remove(1);
        }
        for line in table.lines.iter().filter(|l| columns || l.column.is_none()) {
            let mut row = cells(line);
            if !columns {
                row.remove(1);
            }
            grid.push(row);
        }
        grid.write(out, context.style.width, context.style.colour)?;
        if !table.unscored.is_empty() {
            writeln!(out, "not scored, since clean.{} has no such column: {}", table.table, table.unscored.join(", "))?;
        }
    }
    Ok(())
}

fn cells(line: &ScoreLine) -> Vec<Cell> {
    let count = |n: u64| Cell::toned(grouped(n), if n == 0 { Tone::Dim } else { Tone::Plain });
    let maybe = |n: Option<u64>| n.map_or_else(|| Cell::toned("–", Tone::Dim), count);
    let share = |s: Option<f64>| match s {
        None => Cell::toned("–", Tone::Dim),
        Some(s) => Cell::toned(rounded(s), if s >= 0.99 { Tone::Good } else { Tone::Plain }),
    };
    vec![
        Cell::new(&line.kind),
        line.column.as_ref().map_or_else(|| Cell::toned("*", Tone::Dim), Cell::new),
        count(line.errors),
        count(line.set_aside),
        maybe(line.detected),
        count(line.falsely),
        share(line.detection_precision()),
        share(line.detection_recall()),
        maybe(line.repaired),
        count(line.wrong),
        share(line.repair_precision()),
        share(line.repair_recall()),
    ]
}

/// Four places, never rounded up to the whole: 1.0000 means all.
fn rounded(share: f64) -> String {
    format!("{:.4}", (share * 1e4).floor() / 1e4)
}

fn records(report: &ScoreReport) -> Records {
    let mut records = Records::new(&[
        "table",
        "kind",
        "column",
        "errors",
        "set_aside",
        "detected",
        "falsely",
        "detection_precision",
        "detection_recall",
        "repaired",
        "wrongly",
        "repair_precision",
        "repair_recall",
    ]);
    for line in report.tables.iter().flat_map(|t| &t.lines) {
        records.push(vec![
            line.table.as_str().into(),
            line.kind.as_str().into(),
            line.column.as_deref().into(),
            line.errors.into(),
            line.set_aside.into(),
            line.detected.into(),
            line.falsely.into(),
            line.detection_precision().into(),
            line.detection_recall().into(),
            line.repaired.into(),
            line.wrong.into(),
            line.repair_precision().into(),
            line.repair_recall().into(),
        ]);
    }
    records
}
