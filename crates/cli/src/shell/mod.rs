//! `tidemill shell`: a prompt for SQL. Statements end with `;` and may take several lines; what begins with `\` is a command of the shell.
//!
//! Read [`session`] (what a line does; knows no terminal, so tests and pipes use it as people do), [`command`] (the `\` commands),
//! [`complete`], [`highlight`] and [`edit`] (how a line is typed), [`words`] (what SQL is made of).

mod command;
mod complete;
mod edit;
mod highlight;
mod session;
mod words;

#[cfg(test)]
mod tests;

use crate::Ended;
use crate::args::ShellArgs;
use crate::context::Context;
use crate::failure::{Failure, note};
use reedline::Signal;
use session::{Next, Session};
use std::io::{BufRead, IsTerminal, Write};
use tidemill_core::Error;
use tidemill_pipeline::QueryOptions;

pub fn execute(args: &ShellArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let workspace = context.open_to_ask()?;
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let options = QueryOptions { epoch: args.at, limit: None, reading: crate::commands::reading(args.cache) };
    let mut session = Session::new(workspace, options, args.rows.expanded, context, interactive);
    if interactive { converse(&mut session, context, out) } else { read_through(&mut session, out) }
}

fn converse(session: &mut Session<'_>, context: &Context, out: &mut dyn Write) -> Ended {
    let vocabulary = session.vocabulary();
    let mut editor = edit::editor(session.project(), vocabulary.clone(), context)?;
    let prompt = edit::Prompt::new(&session.project().name, context.style.colour);
    if !context.global.quiet {
        writeln!(
            out,
            "tidemill {}: SQL over {}. \\? for help, \\d for tables, \\q to leave.",
            env!("CARGO_PKG_VERSION"),
            session.project().name
        )?;
        out.flush()?;
    }
    loop {
        let signal = editor.read_line(&prompt).map_err(|e| Error::unavailable("cannot read from the terminal").because(e))?;
        match signal {
            Signal::Success(line) => {
                match session.take(&line, out) {
                    Ok(Next::Leave) => break,
                    Ok(Next::Stay) => {}
                    Err(Failure::ClosedPipe) => return Err(Failure::ClosedPipe),
                    // Ctrl-C stops the statement, not the shell.
                    Err(Failure::Interrupted(_)) => note(context, "stopped", "the statement was given up"),
                    Err(failure) => failure.tell(context),
                }
                out.flush()?;
                // A run in another window may have made tables; what was typed may have shown new ones.
                *vocabulary.lock() = session.words();
            }
            Signal::CtrlC => {}
            Signal::CtrlD => break,
        }
    }
    editor.sync_history().map_err(|e| Error::unavailable("cannot write the shell's history").because(e))?;
    Ok(0)
}

/// Without a terminal: the same lines from standard input, up to the first mistake.
fn read_through(session: &mut Session<'_>, out: &mut dyn Write) -> Ended {
    let mut pending = String::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Failure::Usage(Error::config("cannot read the statements").at("standard input").because(e)))?;
        if pending.is_empty() && line.trim().is_empty() {
            continue;
        }
        pending.push_str(&line);
        pending.push('\n');
        if edit::is_complete(&pending) {
            let whole = std::mem::take(&mut pending);
            if matches!(session.take(&whole, out)?, Next::Leave) {
                return Ok(0);
            }
            out.flush()?;
        }
    }
    if !pending.trim().is_empty() {
        // The last semicolon may be missing at the end of a file, as in `query`.
        session.take(&pending, out)?;
    }
    Ok(0)
}
