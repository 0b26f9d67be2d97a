//! How a command ends when it does not end well: what is said on standard error, and the exit code.
//!
//! 78: the project is wrong. 2: the command line is wrong. 1: the work failed. 130 (143): stopped by Ctrl-C (a termination signal).
//! A reader that closed our pipe is no failure.

use crate::args::OutputFormat;
use crate::context::Context;
use crate::output::grid::{Tone, paint, visible};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use tidemill_core::{Error, Problem};
use tidemill_engine::SqlProblem;
use unicode_width::UnicodeWidthStr;

pub enum Failure {
    /// Mistakes in the project, told as a compiler would.
    Problems {
        problems: Vec<Problem>,
        files: BTreeMap<PathBuf, String>,
    },
    Error(Error),
    /// The command line asks for something impossible: an unknown code, SQL that does not parse.
    Usage(Error),
    /// A question that does not make sense, with its text to point into.
    Sql {
        error: Error,
        sql: String,
    },
    /// Stopped by a signal; the exit code is 128 and its number.
    Interrupted(u8),
    /// Nobody reads our output any more.
    ClosedPipe,
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Failure::Error(e)
    }
}

impl From<io::Error> for Failure {
    /// Commands meet bare I/O errors only when they print.
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::BrokenPipe {
            return Failure::ClosedPipe;
        }
        Failure::Error(Error::unavailable("cannot write the result").at("standard output").because(e))
    }
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Problems { .. } => 78,
            Failure::Error(e) => e.kind.exit_code(),
            Failure::Usage(_) | Failure::Sql { .. } => 2,
            Failure::Interrupted(code) => *code,
            Failure::ClosedPipe => 0,
        }
    }

    /// Says what went wrong on standard error. Whatever cannot be said there is lost, and nothing can be done about it.
    pub fn tell(&self, context: &Context) {
        if context.style.format == OutputFormat::Json {
            return self.json().iter().for_each(|object| context.say(&object.to_string()));
        }
        let text = match self {
            Failure::Problems { problems, files } => crate::render::render(problems, files, context.colour_errors),
            Failure::Error(e) => describe(e, context, true),
            Failure::Usage(e) => describe(e, context, false),
            Failure::Sql { error, sql } => describe_sql(error, sql, context),
            Failure::Interrupted(_) | Failure::ClosedPipe => return,
        };
        context.say(text.trim_end());
    }
}

impl Failure {
    /// One object for each thing that is wrong: `code`, `severity`, `message`, `file`, `line`, `column`, `help`; null where unknown.
    fn json(&self) -> Vec<Value> {
        match self {
            Failure::Problems { problems, files } => crate::render::objects(problems, files),
            Failure::Error(e) => vec![object(&e.to_string(), e.help.as_deref().or(Some(e.kind.hint())), None)],
            Failure::Usage(e) => vec![object(&e.to_string(), e.help.as_deref(), None)],
            Failure::Sql { error, sql } => {
                let problem = error.source.as_deref().and_then(|s| s.downcast_ref::<SqlProblem>());
                let span = problem.and_then(|p| p.span.clone()).filter(|s| sql.get(s.clone()).is_some());
                vec![object(&error.what, error.help.as_deref(), span.map(|s| crate::render::position(sql, s.start)))]
            }
            Failure::Interrupted(_) | Failure::ClosedPipe => Vec::new(),
        }
    }
}

/// An error that stands in no file.
pub fn object(message: &str, help: Option<&str>, position: Option<(usize, usize)>) -> Value {
    json!({ "code": null, "severity": "error", "file": null, "line": position.map(|p| p.0), "column": position.map(|p| p.1),
        "message": message, "help": help })
}

/// `error: place: what`, then help, then (with `-v`) the causes. The kind's own hint is about projects and runs, so a mistake on the
/// command line goes without.
pub fn describe(e: &Error, context: &Context, hint: bool) -> String {
    let colour = context.colour_errors;
    let mut text = format!("{} {e}", paint("error:", Tone::Bad, colour));
    let help = e.help.clone().or_else(|| hint.then(|| e.kind.hint().to_string()));
    if let Some(help) = help {
        text.push_str(&format!("\n {} {help}", paint("help:", Tone::Good, colour)));
    }
    let causes = e.causes();
    if context.global.verbose > 0 {
        for cause in causes {
            text.push_str(&format!("\n {} {cause}", paint("because:", Tone::Dim, colour)));
        }
    }
    text
}

/// An SQL mistake with the line it stands in and a caret under it, where the engine knows the place.
fn describe_sql(e: &Error, sql: &str, context: &Context) -> String {
    let problem = e.source.as_deref().and_then(|s| s.downcast_ref::<SqlProblem>());
    let Some(span) = problem.and_then(|p| p.span.clone()).filter(|s| sql.get(s.clone()).is_some()) else {
        return describe(e, context, false);
    };
    let colour = context.colour_errors;
    let begin = sql[..span.start].rfind('\n').map_or(0, |i| i + 1);
    let end = sql[begin..].find('\n').map_or(sql.len(), |i| begin + i);
    let number = (sql[..begin].matches('\n').count() + 1).to_string();
    let before = visible(&sql[begin..span.start]).width();
    let carets = visible(&sql[span.start..span.end.min(end).max(span.start)]).width().max(1);
    let gutter = |text: &str| paint(&format!("{text:>width$} |", width = number.len()), Tone::Dim, colour);
    let mut text = format!("{} {}\n", paint("error:", Tone::Bad, colour), e.what);
    text.push_str(&format!("{} {}\n", gutter(&number), visible(&sql[begin..end])));
    text.push_str(&format!("{} {}{}", gutter(""), " ".repeat(before), paint(&"^".repeat(carets), Tone::Bad, colour)));
    if let Some(help) = &e.help {
        text.push_str(&format!("\n {} {help}", paint("help:", Tone::Good, colour)));
    }
    text
}

/// A note on standard error that is not a failure.
pub fn note(context: &Context, word: &str, text: &str) {
    if !context.global.quiet {
        context.say(&format!("{} {text}", paint(&format!("{word}:"), Tone::Warn, context.colour_errors)));
    }
}

/// Writes a line to standard error, and does not mind when that is closed.
pub fn to_stderr(line: &str) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{line}");
}
