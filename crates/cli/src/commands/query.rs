//! `query`: one or more statements, each result printed in turn.

use super::statements;
use crate::Ended;
use crate::args::{OutputFormat, QueryArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::figures::{self, duration};
use crate::output::rows::RowWriter;
use crate::output::{Style, rows};
use futures::StreamExt;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tidemill_core::{Error, ErrorKind};
use tidemill_engine::Session;
use tidemill_pipeline::live::door::Visit;
use tidemill_pipeline::{QueryOptions, Reading, Workspace};

/// Rows shown on a terminal unless `--limit` says otherwise.
pub const TERMINAL_ROWS: usize = 1000;

pub fn execute(args: &QueryArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let statements = statements::all(&text(args)?).map_err(Failure::Usage)?;
    let workspace = context.open_to_ask()?;
    let style = Style { expanded: args.rows.expanded, ..context.style };
    let limit = match args.limit {
        Some(0) => None,
        Some(n) => Some(n),
        None => (context.style.width.is_some() && context.is_human()).then_some(TERMINAL_ROWS),
    };
    let options = QueryOptions { epoch: args.at, limit, reading: reading(args.cache) };
    if let Some(visit) = visit(args, &workspace)? {
        for (n, sql) in statements.iter().enumerate() {
            if n > 0 && style.format != OutputFormat::Json {
                writeln!(out)?;
            }
            let result = visit.query(sql, limit).map_err(|e| blame(e.into(), sql))?;
            rows::write(out, &result, &style, "--limit 0 shows all")?;
            out.flush()?;
        }
        return Ok(0);
    }
    // One session: all are asked of the same epoch.
    let first = statements.first().map_or("", String::as_str);
    let session = context.wait(workspace.session_reading(options.epoch, options.reading)).map_err(|f| blame(f, first))?;
    for (n, sql) in statements.iter().enumerate() {
        if n > 0 && style.format != OutputFormat::Json {
            writeln!(out)?;
        }
        answer_in(&session, sql, limit, &style, context, out)?;
        out.flush()?;
    }
    if context.global.verbose > 0 && !workspace.memory_use().tables.is_empty() {
        context.say(&format!("in memory: {}", figures::memory(&workspace.memory_use())));
    }
    Ok(0)
}

/// Whoever serves the project knows rows that no finished epoch has.
fn visit(args: &QueryArgs, workspace: &Workspace) -> Result<Option<Visit>, Failure> {
    if args.detached || args.at.is_some() || args.cache {
        return Ok(None);
    }
    Ok(workspace.visit()?)
}

/// SQL on the command line that does not make sense is not the project's fault.
fn blame(failure: Failure, sql: &str) -> Failure {
    match failure {
        Failure::Error(e) if e.kind == ErrorKind::Config => Failure::Sql { error: e, sql: sql.to_string() },
        other => other,
    }
}

/// Asks and prints; also what the shell does with a statement.
pub fn answer(
    workspace: &Workspace,
    sql: &str,
    options: &QueryOptions,
    style: &Style,
    context: &Context,
    out: &mut dyn Write,
) -> Result<Duration, Failure> {
    let session = context.wait(workspace.session_reading(options.epoch, options.reading)).map_err(|f| blame(f, sql))?;
    answer_in(&session, sql, options.limit, style, context, out)
}

/// For people all rows are gathered first, since a table's columns are as wide as their widest value; otherwise they are written as they
/// come, so that a reader who has enough ends the query.
#[allow(clippy::disallowed_methods)] // how long it took is shown, not decided by
fn answer_in(
    session: &Session,
    sql: &str,
    limit: Option<usize>,
    style: &Style,
    context: &Context,
    out: &mut dyn Write,
) -> Result<Duration, Failure> {
    let blame = |failure| blame(failure, sql);
    let began = Instant::now();
    if style.format == OutputFormat::Human {
        let result = context.wait(Workspace::query_in(session, sql, limit)).map_err(blame)?;
        rows::write(out, &result, style, "--limit 0 shows all")?;
    } else {
        let query = context.wait(async { Ok(session.query(sql).await?.for_people()) }).map_err(blame)?;
        let mut writer = RowWriter::begin(out, &query.schema, style.format)?;
        let mut left = limit.unwrap_or(usize::MAX);
        // Plans start tasks as they start, so even that needs the runtime.
        let mut stream = context.wait(async { query.stream() })?;
        while left > 0
            && let Some(batch) = context.wait(async { stream.next().await.transpose() }).map_err(blame)?
        {
            let batch = if batch.num_rows() > left { batch.slice(0, left) } else { batch };
            left -= batch.num_rows();
            writer.write(out, &batch)?;
        }
        writer.end(out)?;
    }
    let elapsed = began.elapsed();
    if context.global.verbose > 0 {
        context.say(&format!("answered in {}", duration(elapsed)));
    }
    Ok(elapsed)
}

/// Where `--cache` has tables read from.
pub fn reading(cache: bool) -> Reading {
    if cache { Reading::Memory } else { Reading::AsDeclared }
}

fn text(args: &QueryArgs) -> Result<String, Failure> {
    let from_stdin = || {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(|e| Failure::Usage(Error::config("cannot read the statements").at("standard input").because(e)))?;
        Ok(text)
    };
    match (&args.sql, &args.file) {
        (Some(sql), _) if sql == "-" => from_stdin(),
        (Some(sql), _) => Ok(sql.clone()),
        (None, Some(file)) if file == Path::new("-") => from_stdin(),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|e| Failure::Usage(Error::config(format!("cannot read the statements: {e}")).at(file.display().to_string()))),
        (None, None) if !std::io::stdin().is_terminal() => from_stdin(),
        (None, None) => Err(Failure::Usage(
            Error::config("no SQL was given").help("give it as one argument: tidemill query \"SELECT 1\"; or try `tidemill shell`"),
        )),
    }
}
