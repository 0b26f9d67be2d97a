//! One file per command: ask, then print. The exit code of an orderly end is 0, or 1 where the answer itself is bad news.

mod about;
mod audit;
mod bench;
mod check;
mod config;
mod demo;
mod dictionary;
mod generate;
mod init;
mod plan;
mod profile;
mod propose;
mod quarantine;
mod query;
mod run;
mod runs;
mod savepoint;
mod score;
mod serve;
mod snapshot;
pub mod statements;
mod top;
mod topics;

pub use query::{TERMINAL_ROWS, answer, reading};

use crate::Ended;
use crate::args::{Command, OutputFormat};
use crate::context::Context;
use crate::output::records::{Records, write_json};
use serde_json::Value;
use std::io::{self, Write};

pub fn execute(command: Command, context: &Context, out: &mut dyn Write) -> Ended {
    match command {
        Command::Demo(args) => demo::execute(&args, context, out),
        Command::Init(args) => init::execute(&args, context, out),
        Command::Profile(args) => profile::execute(&args, context, out),
        Command::Generate(args) => generate::execute(&args, context, out),
        Command::Check(args) => check::execute(&args, context, out),
        Command::Dictionary(args) => dictionary::execute(&args, context, out),
        Command::Plan(args) => plan::execute(&args, context, out),
        Command::Run(args) => run::execute(&args, context, out),
        Command::Serve(args) => serve::execute(&args, context, out),
        Command::Top(args) => top::execute(&args, context, out),
        Command::Query(args) => query::execute(&args, context, out),
        Command::Shell(args) => crate::shell::execute(&args, context, out),
        Command::Quarantine(command) => quarantine::execute(&command, context, out),
        Command::Snapshot(command) => snapshot::execute(&command, context, out),
        Command::Savepoint(command) => savepoint::execute(&command, context, out),
        Command::Audit(_) => audit::execute(context, out),
        Command::Score(args) => score::execute(&args, context, out),
        Command::Config(command) => config::execute(&command, context, out),
        Command::Runs(command) => runs::execute(&command, context, out),
        Command::Bench(command) => bench::execute(&command, context, out),
        Command::Topics(command) => topics::execute(&command, context, out),
        Command::Explain(args) => about::explain(&args, context, out),
        Command::Completions(args) => about::completions(&args, out),
    }
}

/// Prints a report that is an object as JSON and a table as CSV. For people each command has its own way, so this gives false there.
fn write_report(out: &mut dyn Write, format: OutputFormat, object: impl FnOnce() -> Value, records: &Records) -> io::Result<bool> {
    match format {
        OutputFormat::Human => return Ok(false),
        OutputFormat::Json => write_json(out, &object())?,
        OutputFormat::Csv => records.write_csv(out)?,
    }
    Ok(true)
}

/// How the command line was, for the record of runs and for whoever meets the lease.
fn command_line() -> String {
    let mut args = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned());
    let mut text = "tidemill".to_string();
    while let Some(arg) = args.next() {
        // Settings may hold secrets; their keys are enough.
        if arg == "--set" {
            let key = args.next().unwrap_or_default();
            text.push_str(&format!(" --set {}=…", key.split('=').next().unwrap_or_default()));
        } else if let Some(pair) = arg.strip_prefix("--set=") {
            text.push_str(&format!(" --set={}=…", pair.split('=').next().unwrap_or_default()));
        } else {
            text.push_str(&format!(" {arg}"));
        }
    }
    text
}
