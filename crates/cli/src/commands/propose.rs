//! `init --from`: a project made from the user's own data, and what was seen on the way.

use crate::Ended;
use crate::args::OutputFormat;
use crate::context::Context;
use crate::output::figures::{bytes, counted, duration};
use crate::output::grid::{Tone, paint, visible};
use crate::output::records::{Records, write_json};
use crate::progress::watcher;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use tidemill_pipeline::{Proposal, ProposeOptions, ProposedTable};
use tidemill_prepare::profile::Severity;

/// Findings shown of each table; all are in the project's README and in `tidemill profile`.
const FINDINGS: usize = 10;
/// What looking may keep in memory: a share of what a run gets.
const MEMORY_BYTES: usize = 384 << 20;

pub fn execute(dir: &Path, from: &[String], name: String, context: &Context, out: &mut dyn Write) -> Ended {
    let options = ProposeOptions {
        name,
        threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
        memory_bytes: MEMORY_BYTES,
        now_micros: context.clock.now_micros(),
    };
    let watch = watcher(context);
    let proposal = tidemill_pipeline::propose(dir, from, &options, &*watch)?;
    drop(watch);
    match context.style.format {
        OutputFormat::Json => write_json(out, &object(dir, &proposal))?,
        OutputFormat::Csv => {
            let mut records = Records::new(&["file"]);
            proposal.files.iter().for_each(|f| records.push(vec![f.display().to_string().into()]));
            records.write_csv(out)?;
        }
        OutputFormat::Human if context.global.quiet => {}
        OutputFormat::Human => for_people(dir, &proposal, context, out)?,
    }
    Ok(0)
}

fn object(dir: &Path, proposal: &Proposal) -> Value {
    let tables: Vec<Value> = proposal
        .tables
        .iter()
        .map(|t| {
            let findings: Vec<Value> = t
                .findings()
                .iter()
                .map(|f| json!({ "severity": f.severity.as_str(), "code": f.code, "column": f.column, "rows": f.rows, "text": f.text, "help": f.help }))
                .collect();
            json!({
                "name": t.name, "source": t.source, "rows": t.rows, "columns": t.columns, "bytes": t.bytes,
                "rules": t.active, "proposed": t.proposed, "findings": findings,
            })
        })
        .collect();
    let files: Vec<String> = proposal.files.iter().map(|f| f.display().to_string()).collect();
    let left_out: Vec<Value> = proposal.left_out.iter().map(|(path, why)| json!({ "path": path, "reason": why })).collect();
    json!({ "name": proposal.name, "directory": dir.display().to_string(), "files": files, "left_out": left_out, "tables": tables })
}

fn for_people(dir: &Path, proposal: &Proposal, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    for table in &proposal.tables {
        found(table, context, out)?;
    }
    for (path, why) in &proposal.left_out {
        writeln!(out, "{} {} is left out: {}\n", paint("!!", Tone::Bad, context.style.colour), visible(path), visible(why))?;
    }
    writeln!(out, "made the project {} in {}:", proposal.name, dir.display())?;
    for file in &proposal.files {
        let name = file.display().to_string();
        let table = proposal.tables.iter().find(|t| name == format!("tables/{}.toml", t.name));
        let about = table.map(|t| {
            let rules = match (t.active.len(), t.proposed.len()) {
                (0, 0) => String::new(),
                (a, 0) => format!("; {}", counted(a as u64, "cleaning rule")),
                (a, p) => format!("; {}, {p} more proposed", counted(a as u64, "cleaning rule")),
            };
            format!("  {}{rules}", t.types)
        });
        writeln!(out, "  {name:<36}{}", paint(&about.unwrap_or_default(), Tone::Dim, context.style.colour))?;
    }
    writeln!(out, "\nnext:")?;
    let first = proposal.tables.first().map_or("TABLE", |t| t.name.as_str());
    let steps = [
        ("run".to_string(), "read, clean, build"),
        (format!("profile clean.{first}"), "look closer, also as a page: --html report.html"),
        ("serve".to_string(), "a first page of it in a browser"),
        ("shell".to_string(), "ask questions"),
    ];
    next(&steps.map(|(rest, why)| (context.command_in(Some(dir), &rest), why)), out)
}

/// Commands and what they do, below each other.
pub fn next(steps: &[(String, &str)], out: &mut dyn Write) -> io::Result<()> {
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0).max(43);
    steps.iter().try_for_each(|(command, why)| writeln!(out, "  {command:<width$}  {why}"))
}

fn found(table: &ProposedTable, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let colour = context.style.colour;
    if table.columns == 0 {
        return writeln!(
            out,
            "{}: nothing in it yet; its columns will be those of the first file that has some\n",
            table.source.join(", ")
        );
    }
    writeln!(
        out,
        "{}: {}, {}, {} looked at in {}",
        table.name,
        counted(table.rows, "row"),
        counted(table.columns as u64, "column"),
        bytes(table.bytes),
        duration(Duration::from_secs_f64(table.seconds))
    )?;
    let findings = table.findings();
    for f in findings.iter().take(FINDINGS) {
        let (mark, tone) = match f.severity {
            Severity::Error => ("!!", Tone::Bad),
            Severity::Warning => (" !", Tone::Warn),
            Severity::Note => (" ·", Tone::Dim),
        };
        writeln!(out, "  {} {}", paint(mark, tone, colour), visible(&f.text))?;
    }
    if findings.len() > FINDINGS {
        writeln!(out, "    and {} more, in the project's README", findings.len() - FINDINGS)?;
    }
    if !table.active.is_empty() {
        writeln!(out, "  rules: {}", table.active.join("; "))?;
    }
    writeln!(out)
}
