//! `check`: every mistake at once. What it finds is its result, so it goes to standard output.

use crate::Ended;
use crate::args::{CheckArgs, OutputFormat};
use crate::context::Context;
use crate::failure::note;
use crate::output::figures::counted;
use crate::output::grid::{Tone, paint};
use crate::output::records::Records;
use crate::render::{render, render_json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use tidemill_core::{Problem, Severity};
use tidemill_project::Project;
use tidemill_project::spec::OptionValue;

pub fn execute(args: &CheckArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let checked = tidemill_pipeline::check(context.dir(), &context.environment());
    let (problems, project) = (&checked.problems, &checked.project);
    match context.style.format {
        OutputFormat::Json => writeln!(out, "{}", render_json(problems, &project.files).trim_end())?,
        OutputFormat::Csv => records(problems, &project.files).write_csv(out)?,
        OutputFormat::Human if !problems.is_empty() => {
            writeln!(out, "{}", render(problems, &project.files, context.style.colour).trim_end())?
        }
        OutputFormat::Human if context.global.quiet => {}
        OutputFormat::Human => {
            let mut parts = vec![
                counted(project.tables.len() as u64, "table"),
                counted(project.views.len() as u64, "view"),
                counted(project.functions.len() as u64, "function"),
                counted(project.exports.len() as u64, "export"),
            ];
            if !project.alerts.is_empty() {
                parts.push(counted(project.alerts.len() as u64, "alert"));
            }
            match project.queries.len() {
                0 => {}
                1 => parts.push("1 query".into()),
                n => parts.push(format!("{n} queries")),
            }
            if !project.dashboards.is_empty() {
                parts.push(counted(project.dashboards.len() as u64, "dashboard"));
            }
            writeln!(out, "{} {}: {}", paint("no mistakes in", Tone::Good, context.style.colour), project.name, parts.join(", "))?;
            environment(project, context, out)?;
        }
    }
    if checked.has_errors() {
        return Ok(78);
    }
    if args.strict && !problems.is_empty() {
        note(context, "note", "warnings count as errors with --strict");
        return Ok(78);
    }
    Ok(0)
}

/// The environment chosen, and what it reads from elsewhere.
pub fn environment(project: &Project, context: &Context, out: &mut dyn Write) -> std::io::Result<()> {
    let Some(name) = &project.settings.environment else { return Ok(()) };
    writeln!(out, "{}", paint(&format!("environment {name}"), Tone::Dim, context.style.colour))?;
    for table in project.sources_chosen() {
        let text = |key: &str| match table.source.options.get(key).map(|v| &v.value) {
            Some(OptionValue::Text(t)) => format!(" {t}"),
            _ => String::new(),
        };
        let what = ["topic", "path", "address"].into_iter().map(text).collect::<String>();
        writeln!(out, "  {} from {}{what}", table.name, *table.source.connector)?;
    }
    Ok(())
}

fn records(problems: &[Problem], files: &BTreeMap<PathBuf, String>) -> Records {
    let mut records = Records::new(&["severity", "code", "file", "line", "column", "message", "help"]);
    for p in problems {
        let position = p.place.span.as_ref().and_then(|span| Some(line_and_column(files.get(&p.place.file)?, span.start)));
        records.push(vec![
            if p.severity == Severity::Error { "error" } else { "warning" }.into(),
            p.code.into(),
            p.place.file.display().to_string().into(),
            position.map(|(line, _)| line).into(),
            position.map(|(_, column)| column).into(),
            p.message.as_str().into(),
            p.help.as_deref().into(),
        ]);
    }
    records
}

/// Both from 1; columns count characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
