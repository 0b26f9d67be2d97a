//! `dictionary`: what the project's files say about its data, on the terminal, as JSON or CSV, as Markdown and as a page.

mod human;
mod markdown;
mod page;

use crate::Ended;
use crate::args::{DictionaryArgs, OutputFormat};
use crate::context::{Context, problems};
use crate::failure::Failure;
use crate::output::records::{Records, write_json};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tidemill_core::Error;
use tidemill_pipeline::Workspace;
use tidemill_pipeline::dictionary::{ColumnEntry, Dictionary, dictionary};

pub fn execute(args: &DictionaryArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let write: Option<fn(&Dictionary) -> String> = match args.out.as_deref().map(ending) {
        None => None,
        Some("md" | "markdown") => Some(markdown::text),
        Some("html" | "htm") => Some(page::page),
        Some(_) => return Err(Failure::Usage(Error::config("--out is a Markdown file or a page").help("end it in .md or .html"))),
    };
    let found = gathered(context)?.only(&args.nodes).map_err(Failure::Usage)?;
    match (write, &args.out) {
        (Some(write), Some(path)) => {
            let path = context.resolve(path);
            let io = |e: io::Error| Error::unavailable(format!("cannot write the dictionary: {e}")).at(path.display().to_string());
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(io)?;
            }
            std::fs::write(&path, write(&found)).map_err(io)?;
            let missing = found.undescribed().len();
            if context.is_human() {
                writeln!(out, "{}: {} of {} described", path.display(), found.describable() - missing, found.describable())?;
            }
        }
        _ => match context.style.format {
            OutputFormat::Json => write_json(out, &found.to_json())?,
            OutputFormat::Csv => records(&found).write_csv(out)?,
            OutputFormat::Human => human::write(&found, context.style, out)?,
        },
    }
    Ok(0)
}

/// From the files alone where nothing was ever run, so that asking makes no lake.
fn gathered(context: &Context) -> Result<Dictionary, Failure> {
    let checked = tidemill_pipeline::check(context.dir(), &context.environment());
    if !checked.can_be_asked() {
        return Err(problems(checked));
    }
    if !checked.project.lake_at().exists() {
        return Ok(dictionary(&checked));
    }
    context.wait(async {
        let workspace = Workspace::open(checked, Arc::clone(&context.clock)).await?;
        workspace.dictionary().await
    })
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default()
}

/// One line per column.
fn records(d: &Dictionary) -> Records {
    let mut records =
        Records::new(&["relation", "column", "type", "description", "original_name", "contract", "notation", "from", "expression"]);
    let mut push = |relation: &str, c: &ColumnEntry| {
        records.push(vec![
            json!(relation),
            json!(c.name),
            json!(c.data_type),
            if c.description.is_empty() { Value::Null } else { json!(c.description) },
            c.original.as_ref().map_or(Value::Null, |o| json!(o)),
            joined(&c.contract),
            joined(&c.notation),
            joined(&c.from.iter().map(|(r, c)| format!("{r}.{c}")).collect::<Vec<_>>()),
            c.expression.as_ref().map_or(Value::Null, |e| json!(e)),
        ]);
    };
    for t in &d.tables {
        t.columns.iter().for_each(|c| push(&format!("clean.{}", t.name), c));
        t.dropped.iter().for_each(|c| push(&format!("raw.{}", t.name), c));
    }
    for v in &d.views {
        v.columns.iter().for_each(|c| push(&v.name, c));
    }
    records
}

fn joined(texts: &[String]) -> Value {
    if texts.is_empty() { Value::Null } else { json!(texts.join("; ")) }
}

// ------------------------------------------------------------------------------------------ words that all forms share

/// Where a column comes from, in a few words: `clean.orders.amount`; relations with several columns are named once.
fn origin(c: &ColumnEntry) -> String {
    let mut by_relation: Vec<(&str, Vec<&str>)> = Vec::new();
    for (relation, column) in &c.from {
        match by_relation.iter_mut().find(|(r, _)| r == relation) {
            Some((_, columns)) => columns.push(column),
            None => by_relation.push((relation, vec![column])),
        }
    }
    let one = |(relation, columns): (&str, Vec<&str>)| match columns.as_slice() {
        [column] => format!("{relation}.{column}"),
        some if some.len() > 6 => format!("{relation} ({} columns)", some.len()),
        some => format!("{relation} ({})", some.join(", ")),
    };
    by_relation.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Contract and notation together.
fn rules(c: &ColumnEntry) -> String {
    c.contract.iter().chain(&c.notation).cloned().collect::<Vec<_>>().join("; ")
}

/// `2 tables, 3 views, 1 function, 1 export`
fn counts(d: &Dictionary) -> String {
    use crate::output::figures::counted;
    let all = [(d.tables.len(), "table"), (d.views.len(), "view"), (d.functions.len(), "function"), (d.exports.len(), "export")];
    let some: Vec<String> = all.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| counted(n as u64, what)).collect();
    if some.is_empty() { "nothing yet".into() } else { some.join(", ") }
}

/// `epoch 7 of 2024-05-01 10:15 UTC`
fn last_run(d: &Dictionary) -> Option<String> {
    d.last_run.map(|run| format!("epoch {} of {}", run.epoch, run.when()))
}
