//! `savepoint`: a moment of the whole project, kept under a name.

use super::write_report;
use crate::Ended;
use crate::args::SavepointCommand;
use crate::context::Context;
use crate::failure::note;
use crate::output::figures::{bytes, counted};
use crate::output::records::Records;
use crate::output::rows;
use serde_json::json;
use std::io::{self, Write};
use tidemill_pipeline::report::SavepointReport;
use tidemill_pipeline::savepoint;

pub fn execute(command: &SavepointCommand, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open_to_ask()?;
    match command {
        SavepointCommand::Create { name } => {
            let made = match workspace.visit()? {
                Some(visit) => visit.savepoint(name)?,
                None => context.wait(workspace.savepoint_create(name))?,
            };
            report(&made, &[], "made", context, out)?;
        }
        SavepointCommand::Ls => {
            rows::write(out, &savepoint::rows(&workspace.savepoints()?)?, &context.style, "")?;
        }
        SavepointCommand::Restore { name } => {
            let (restored, lost) = context.wait(workspace.savepoint_restore(name))?;
            report(&restored, &lost, "restored", context, out)?;
            if context.is_human() {
                writeln!(out, "`{}` reads followed sources again from there", context.command("serve --headless"))?;
            }
        }
        SavepointCommand::Rm { name } => {
            workspace.savepoint_rm(name)?;
            let mut records = Records::new(&["savepoint", "removed"]);
            records.push(vec![name.as_str().into(), true.into()]);
            if !write_report(out, context.style.format, || json!({ "savepoint": name, "removed": true }), &records)? {
                writeln!(out, "savepoint {name} is let go; what only it needs is removed by maintenance")?;
            }
        }
    }
    Ok(0)
}

fn report(s: &SavepointReport, lost: &[String], what: &str, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let mut records = Records::new(&["savepoint", "epoch", "tables", "rows", "bytes", "splits", "states"]);
    records.push(vec![
        s.name.as_str().into(),
        s.epoch.into(),
        s.tables.into(),
        s.rows.into(),
        s.bytes.into(),
        s.splits.into(),
        s.states.into(),
    ]);
    let object = || {
        json!({ "savepoint": s.name, "epoch": s.epoch, "at_micros": s.at_micros, "tables": s.tables, "rows": s.rows, "bytes": s.bytes,
            "splits": s.splits, "states": s.states, "lost": lost })
    };
    if !write_report(out, context.style.format, object, &records)? {
        writeln!(
            out,
            "savepoint {} {what}: epoch {}, {} with {} ({}), {} in sources, {} of live views and alerts",
            s.name,
            s.epoch,
            counted(s.tables, "table"),
            counted(s.rows, "row"),
            bytes(s.bytes),
            counted(s.splits, "place"),
            counted(s.states, "state"),
        )?;
    }
    lost.iter().for_each(|line| note(context, "lost", line));
    Ok(())
}
