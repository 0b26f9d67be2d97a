//! `runs`: what was run, when, and how it went.

use crate::Ended;
use crate::args::{OutputFormat, RunsCommand};
use crate::context::Context;
use crate::output::{Style, rows};
use serde_json::Value;
use std::io::Write;

pub fn execute(command: &RunsCommand, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open_to_ask()?;
    match command {
        RunsCommand::Ls { limit, rows: layout } => {
            // It becomes a LIMIT, which is a signed number.
            let limit = if *limit == 0 { i64::MAX as usize } else { *limit };
            let found = context.wait(workspace.runs_ls(limit))?;
            rows::write(out, &found, &Style { expanded: layout.expanded, ..context.style }, "--limit 0 shows all")?;
        }
        RunsCommand::Show { run, rows: layout } => {
            let found = context.wait(workspace.runs_show(run))?;
            rows::write(out, &found, &Style { expanded: layout.expanded, ..context.style }, "")?;
        }
        RunsCommand::Logs { run } => {
            let lines = context.wait(workspace.runs_logs(run))?;
            match context.style.format {
                // A journal line is JSON already; one that is not (torn by a crash) is kept as text.
                OutputFormat::Json => {
                    let values: Vec<Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap_or_else(|_| l.as_str().into())).collect();
                    crate::output::records::write_json(out, &Value::Array(values))?;
                }
                OutputFormat::Csv => {
                    let mut records = crate::output::records::Records::new(&["line"]);
                    lines.iter().for_each(|l| records.push(vec![l.as_str().into()]));
                    records.write_csv(out)?;
                }
                OutputFormat::Human => lines.iter().try_for_each(|l| writeln!(out, "{l}"))?,
            }
        }
    }
    Ok(0)
}
