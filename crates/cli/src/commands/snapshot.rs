//! `snapshot`: versions of a table, compared and restored.

use super::write_report;
use crate::Ended;
use crate::args::{OutputFormat, SnapshotCommand};
use crate::context::Context;
use crate::output::figures::{counted, grouped};
use crate::output::grid::{Tone, paint};
use crate::output::json::JsonRows;
use crate::output::records::{Records, write_json};
use crate::output::{Style, rows};
use serde_json::{Value, json};
use std::io::{self, Write};
use tidemill_pipeline::report::{Rows, SnapshotDiff};

pub fn execute(command: &SnapshotCommand, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open_to_ask()?;
    match command {
        SnapshotCommand::Ls { table } => {
            let found = match table {
                Some(table) => context.wait(workspace.snapshot_ls(table))?,
                None => context.wait(workspace.snapshot_tables())?,
            };
            rows::write(out, &found, &context.style, "")?;
        }
        SnapshotCommand::Diff { table, from, to, limit, rows: layout } => {
            let diff = context.wait(workspace.snapshot_diff(table, *from, *to, *limit))?;
            let style = Style { expanded: layout.expanded, ..context.style };
            write_diff(&diff, &style, out)?;
        }
        SnapshotCommand::Restore { table, version } => {
            let r = context.wait(workspace.snapshot_restore(table, *version))?;
            let object = || json!({ "table": r.table, "restored": r.restored, "version": r.version, "next": r.next });
            let mut records = Records::new(&["table", "restored", "version", "next"]);
            records.push(vec![r.table.as_str().into(), r.restored.into(), r.version.into(), r.next.as_str().into()]);
            if !write_report(out, context.style.format, object, &records)? {
                writeln!(out, "{} holds the rows of version {} again, as version {}", r.table, r.restored, r.version)?;
                writeln!(out, "{}", r.next)?;
            }
        }
    }
    Ok(0)
}

fn write_diff(diff: &SnapshotDiff, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match style.format {
        OutputFormat::Csv => rows::write(out, &diff.sample, style, ""),
        OutputFormat::Json => {
            let columns: Vec<Value> = diff
                .columns
                .iter()
                .map(|(change, name, kind)| json!({ "change": change.to_string(), "column": name, "type": kind }))
                .collect();
            write_json(
                out,
                &json!({
                    "table": diff.table, "from": diff.from, "to": diff.to, "rows_from": diff.rows_from, "rows_to": diff.rows_to,
                    "added": diff.added, "removed": diff.removed, "changed": diff.changed, "columns": columns, "sample": as_json(&diff.sample)?,
                }),
            )
        }
        OutputFormat::Human => {
            let count = |n: u64, word: &str, tone: Tone| {
                paint(&format!("{} {word}", grouped(n)), if n > 0 { tone } else { Tone::Dim }, style.colour)
            };
            writeln!(
                out,
                "{}: version {} ({}) to {} ({})",
                diff.table,
                diff.from,
                counted(diff.rows_from, "row"),
                diff.to,
                counted(diff.rows_to, "row")
            )?;
            writeln!(
                out,
                "{}, {}, {}",
                count(diff.added, "added", Tone::Good),
                count(diff.removed, "removed", Tone::Bad),
                count(diff.changed, "changed", Tone::Warn)
            )?;
            for (change, name, kind) in &diff.columns {
                let tone = if *change == '-' { Tone::Bad } else { Tone::Good };
                writeln!(out, "  {} {name} {}", paint(&change.to_string(), tone, style.colour), paint(kind, Tone::Dim, style.colour))?;
            }
            if diff.sample.batches.iter().any(|b| b.num_rows() > 0) {
                writeln!(out)?;
                rows::write(out, &diff.sample, style, "--limit shows more")?;
            }
            Ok(())
        }
    }
}

fn as_json(rows: &Rows) -> io::Result<Value> {
    let mut text = Vec::new();
    let mut json = JsonRows::default();
    for batch in &rows.batches {
        json.write(&mut text, batch)?;
    }
    json.end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}
