//! The `tidemill` program: arguments in, results out. It decides nothing about data; it asks `pipeline` and prints what comes back.
//!
//! Read [`args`] (what can be asked), [`commands`] (one file per command), [`output`] (rows and reports for people, JSON, CSV), then
//! [`context`] (what each command is handed), [`desk`] (what the server is handed), [`failure`] (how it ends badly), [`progress`], [`logging`], [`signals`] and [`shell`].
//! Results go to standard output; progress, notes, errors and the log go to standard error, always.

mod allocator;
mod args;
mod commands;
mod context;
mod desk;
mod failure;
mod logging;
mod output;
mod progress;
mod render;
mod shell;
mod signals;

use args::Args;
use clap::Parser;
use context::Context;
use failure::{Failure, to_stderr};
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;
use tidemill_core::SystemClock;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.command.stays() {
        allocator::stays();
    }
    let program = std::env::args().next().filter(|name| name.contains('/')).unwrap_or_else(|| "tidemill".into());
    let context = match Context::new(args.global, program, Arc::new(SystemClock)) {
        Ok(context) => context,
        Err(e) => {
            to_stderr(&format!("error: {e}"));
            return ExitCode::from(e.kind.exit_code());
        }
    };
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let ended = commands::execute(args.command, &context, &mut out).and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    let code = match ended {
        Ok(code) => code,
        Err(failure) => {
            // What was found before the failure is still worth having.
            let _ = out.flush();
            failure.tell(&context);
            failure.exit_code()
        }
    };
    // A buffer that could not be written must not be tried again on drop, where an error could only be lost or panic.
    let _ = out.into_parts();
    context.close();
    ExitCode::from(code)
}

/// What a command gives back: the exit code of an orderly end.
type Ended = Result<u8, Failure>;
