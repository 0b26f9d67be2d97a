//! `audit`: the ledger, recounted.

use super::write_report;
use crate::Ended;
use crate::context::Context;
use crate::output::figures::grouped;
use crate::output::grid::{Cell, Grid, Tone, paint};
use crate::output::records::Records;
use serde_json::json;
use std::io::Write;
use tidemill_pipeline::report::AuditReport;

pub fn execute(context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    let report = context.wait(workspace.audit())?;
    let records = records(&report);
    let object = || json!({ "epoch": report.epoch, "balanced": report.balanced, "edges": records.json() });
    if !write_report(out, context.style.format, object, &records)? {
        for_people(&report, context, out)?;
    }
    Ok(u8::from(!report.balanced))
}

fn for_people(report: &AuditReport, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    let colour = context.style.colour;
    if report.edges.is_empty() {
        return writeln!(out, "balanced: no rows have been read yet");
    }
    let mut grid = Grid::new(&[
        "table",
        "edge",
        "#read",
        "#written",
        "#quarantined",
        "#deduplicated",
        "#filtered",
        "#late",
        "#replaced",
        "#stored",
        "balance",
    ]);
    for e in &report.edges {
        let number = |n: u64| Cell::toned(grouped(n), if n == 0 { Tone::Dim } else { Tone::Plain });
        let balance = match (e.balanced, e.remark.as_str()) {
            (true, "") => Cell::toned("holds", Tone::Good),
            (true, remark) => Cell::toned(format!("holds: {remark}"), Tone::Good),
            (false, remark) => Cell::toned(format!("broken: {remark}"), Tone::Bad),
        };
        let counts = [e.rows_read, e.written, e.quarantined, e.deduplicated, e.filtered, e.late, e.replaced, e.stored];
        let mut row = vec![Cell::new(&e.table), Cell::new(e.edge)];
        row.extend(counts.into_iter().map(number));
        row.push(balance);
        grid.push(row);
    }
    grid.write(out, context.style.width, colour)?;
    let broken: Vec<_> = report.edges.iter().filter(|e| !e.balanced).collect();
    if broken.is_empty() && report.balanced {
        return writeln!(
            out,
            "\n{} at epoch {}: every row read was written, quarantined, deduplicated, filtered or late",
            paint("balanced", Tone::Good, colour),
            report.epoch
        );
    }
    writeln!(out, "\n{} at epoch {}:", paint("not balanced", Tone::Bad, colour), report.epoch)?;
    broken.iter().try_for_each(|e| writeln!(out, "  {} {}: {}", e.table, e.edge, e.remark))
}

fn records(report: &AuditReport) -> Records {
    let mut records = Records::new(&[
        "table",
        "edge",
        "rows_read",
        "written",
        "quarantined",
        "deduplicated",
        "filtered",
        "late",
        "replaced",
        "stored",
        "balanced",
        "remark",
    ]);
    for e in &report.edges {
        records.push(vec![
            e.table.as_str().into(),
            e.edge.into(),
            e.rows_read.into(),
            e.written.into(),
            e.quarantined.into(),
            e.deduplicated.into(),
            e.filtered.into(),
            e.late.into(),
            e.replaced.into(),
            e.stored.into(),
            e.balanced.into(),
            e.remark.as_str().into(),
        ]);
    }
    records
}
