//! The log: one line per event, as text or JSON, on standard error or in a rotating file. Every line within a run carries the run's id, and
//! within a step the step's, whatever the level: the spans that hold them are always kept.
//!
//! What goes where: with a log file, everything at the level asked for goes there, and standard error hears only of warnings; without one,
//! standard error gets the level that was asked for on the command line, by `-v` or in the project, else warnings.

mod lines;
mod rotate;

use crate::context::Context;
use lines::Lines;
use rotate::RotatingFile;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tidemill_core::{Error, Result};
use tidemill_project::settings::{Origin, Settings};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterFn, Targets, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Starts the log for the rest of the process. A second call, for a second project in the same process, changes nothing.
pub fn start(context: &Context, project: &Path, settings: &Settings) -> Result<()> {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if STARTED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let log = &settings.log;
    let json = log.format == "json";
    let file = match &log.file {
        None => None,
        Some(path) => {
            // A path on the command line is the user's own; one in the project belongs to the project.
            let path = if context.global.log_file.is_some() { Path::new(path).to_path_buf() } else { project.join(path) };
            let file = RotatingFile::open(&path, log.file_size_max, log.files_max)
                .map_err(|e| Error::config("cannot write the log there").at(path.display().to_string()).because(e))?;
            let level = levels(&log.level)?;
            Some(
                fmt::layer()
                    .fmt_fields(JsonFields::new())
                    .event_format(Lines { json, colour: false })
                    .with_writer(Mutex::new(file))
                    .with_filter(level),
            )
        }
    };
    let heard = if file.is_some() { levels("warn")? } else { levels(&stderr_level(context, settings))? };
    let lines = Lines { json, colour: context.colour_errors && !json };
    let bars = context.bars.clone();
    let stderr =
        fmt::layer().fmt_fields(JsonFields::new()).event_format(lines).with_writer(move || AboveBars(bars.clone())).with_filter(heard);
    tracing_subscriber::registry().with(stderr).with(file).try_init().map_err(|e| Error::bug("the log was started twice").because(e))
}

fn stderr_level(context: &Context, settings: &Settings) -> String {
    let chosen = context.global.log_level.is_some() || !matches!(settings.origins.get("log.level"), None | Some(Origin::Default));
    match (context.global.verbose, chosen) {
        (0, true) => settings.log.level.clone(),
        (0, false) => "warn".into(),
        (1, _) if context.global.log_level.is_none() => "info".into(),
        (2, _) if context.global.log_level.is_none() => "debug".into(),
        (_, _) if context.global.log_level.is_none() => "trace".into(),
        _ => settings.log.level.clone(),
    }
}

/// A level stands for our own lines, with warnings of the libraries (but not the table format's, which calls it an error to look whether a
/// table exists, and whose real errors reach us as such); directives (`info,datafusion=debug`) are taken as they are.
fn levels(text: &str) -> Result<FilterFn<impl Fn(&tracing::Metadata<'_>) -> bool + use<>>> {
    let directives = if text.contains(['=', ',']) { text.to_string() } else { format!("warn,delta_kernel=off,tidemill={text}") };
    let directives = if text == "error" || text == "off" { text.to_string() } else { directives };
    let targets = Targets::from_str(&directives).map_err(|e| {
        Error::config(format!("`{text}` is not a log level"))
            .at("log.level")
            .help("use error, warn, info, debug or trace, or directives such as `info,datafusion=debug`")
            .because(e)
    })?;
    let most = targets.iter().map(|(_, level)| level).chain(targets.default_level()).max().unwrap_or(LevelFilter::WARN);
    let keeps = move |m: &tracing::Metadata<'_>| {
        if m.is_span() { m.target().starts_with("tidemill") } else { targets.would_enable(m.target(), m.level()) }
    };
    Ok(filter_fn(keeps).with_max_level_hint(most.max(LevelFilter::INFO)))
}

/// Standard error, with the bars out of the way while a line is written.
struct AboveBars(indicatif::MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write_all(line))?;
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

#[cfg(test)]
mod tests;
