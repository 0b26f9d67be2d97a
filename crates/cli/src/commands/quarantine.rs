//! `quarantine`: rejected rows, and another try.

use super::write_report;
use crate::Ended;
use crate::args::{QuarantineCommand, QuarantineSelection};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::figures::{counted, grouped};
use crate::output::grid::{Tone, paint};
use crate::output::records::Records;
use crate::output::{Style, rows};
use crate::progress::watcher;
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_pipeline::live::door::Visit;
use tidemill_pipeline::report::ReplayReport;
use tidemill_pipeline::{QuarantineFilter, Workspace};

pub fn execute(command: &QuarantineCommand, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open()?;
    match command {
        QuarantineCommand::Ls => {
            let found = context.wait(workspace.quarantine_ls())?;
            rows::write(out, &found, &context.style, "")?;
        }
        QuarantineCommand::Show { selection, limit, rows: layout } => {
            // No limit at all would mean the pipeline's own default.
            let filter = filter(selection, Some(if *limit == 0 { usize::MAX } else { *limit }));
            let found = context.wait(workspace.quarantine_show(&selection.table, &filter))?;
            let style = Style { expanded: layout.expanded, ..context.style };
            rows::write(out, &found, &style, "--limit 0 shows all")?;
        }
        QuarantineCommand::Replay { selection } => return replay(selection, &workspace, context, out),
    }
    Ok(0)
}

fn replay(selection: &QuarantineSelection, workspace: &Arc<Workspace>, context: &Context, out: &mut dyn Write) -> Ended {
    let filter = filter(selection, None);
    let (report, signal) = match workspace.visit()? {
        Some(visit) => (context.wait(order(visit, selection.table.clone(), filter))?, None),
        None => try_again(selection, &filter, workspace, context)?,
    };
    let mut records = Records::new(&["table", "tried", "accepted", "still_rejected", "next"]);
    records.push(vec![
        report.table.as_str().into(),
        report.tried.into(),
        report.accepted.into(),
        report.still_rejected.into(),
        report.next.as_str().into(),
    ]);
    let object = || {
        json!({
            "table": report.table, "tried": report.tried, "accepted": report.accepted,
            "still_rejected": report.still_rejected, "next": report.next,
        })
    };
    if !write_report(out, context.style.format, object, &records)? {
        let colour = context.style.colour;
        if report.tried == 0 {
            writeln!(out, "nothing to try again in quarantine.{}", report.table)?;
        } else {
            let accepted =
                paint(&format!("{} accepted", grouped(report.accepted)), if report.accepted > 0 { Tone::Good } else { Tone::Dim }, colour);
            let rejected = paint(
                &format!("{} still rejected", grouped(report.still_rejected)),
                if report.still_rejected > 0 { Tone::Warn } else { Tone::Dim },
                colour,
            );
            writeln!(out, "{} of {} tried: {accepted}, {rejected}", counted(report.tried, "row"), report.table)?;
        }
        if !report.next.is_empty() {
            writeln!(out, "next: {}", report.next)?;
        }
    }
    match signal {
        Some(code) => Err(Failure::Interrupted(code)),
        None => Ok(0),
    }
}

/// By whoever serves the project: nobody else may write to it meanwhile. It goes on there even if nobody waits here any more.
async fn order(visit: Visit, table: String, filter: QuarantineFilter) -> Result<ReplayReport> {
    let asking = tokio::task::spawn_blocking(move || visit.replay(&table, &filter));
    asking.await.map_err(|e| Error::bug(e.to_string()))?
}

/// Here, which a signal stops at the next safe place.
fn try_again(
    selection: &QuarantineSelection,
    filter: &QuarantineFilter,
    workspace: &Arc<Workspace>,
    context: &Context,
) -> Result<(ReplayReport, Option<u8>), Failure> {
    let watcher = watcher(context);
    let work = workspace.quarantine_replay(&selection.table, filter, Arc::clone(&watcher));
    let stopped = Arc::clone(workspace);
    let (ended, signal) = context.wait_cancelling(work, move || stopped.cancel());
    drop(watcher);
    match (ended, signal) {
        (Ok(report), _) => Ok((report, signal)),
        (Err(_), Some(code)) => Err(Failure::Interrupted(code)),
        (Err(e), None) => Err(e.into()),
    }
}

fn filter(selection: &QuarantineSelection, limit: Option<usize>) -> QuarantineFilter {
    QuarantineFilter { code: selection.code.clone(), column: selection.column.clone(), status: selection.status.clone(), limit }
}
