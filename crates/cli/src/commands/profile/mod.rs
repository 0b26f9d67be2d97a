//! `profile`: what is in a file or a table, on the terminal, as JSON or CSV, and as a page.

mod human;
mod source;
#[cfg(test)]
mod tests;

use crate::Ended;
use crate::args::{OutputFormat, ProfileArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::records::{Records, write_json};
use crate::progress;
use serde_json::{Value, json};
use source::Opened;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tidemill_core::{Error, ErrorKind, Meter};
use tidemill_pipeline::RunEvent;
use tidemill_prepare::profile::{Profile, ProfileOptions, html, profile};

#[allow(clippy::disallowed_methods)] // how long it took is shown, not decided by
pub fn execute(args: &ProfileArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let began = Instant::now();
    let Opened { name, scan, labels, rename, threads, findings: given } = source::open(args, context)?;
    let meter = Arc::new(Meter::default());
    let now_micros = context.clock.now_micros();
    let target = args.target.as_ref().map(|t| rename(t));
    let options =
        ProfileOptions { name: name.clone(), labels, threads, target, limit: args.limit, now_micros, given, ..ProfileOptions::default() };

    let watch = progress::watcher(context);
    if let Some(total) = scan.total_bytes() {
        meter.bytes_total.store(total, std::sync::atomic::Ordering::Relaxed);
    }
    watch.on(&RunEvent::StepStarted { step_id: 1, node: name, stage: "profile", meter: Arc::clone(&meter) });
    let (work_meter, stop) = (Arc::clone(&meter), Arc::clone(&meter));
    let work = async move {
        let done = tokio::task::spawn_blocking(move || profile(scan.as_ref(), &options, &work_meter)).await;
        done.map_err(|e| Error::bug(format!("the profile ended badly: {e}")))?
    };
    let (result, interrupted) = context.wait_cancelling(work, move || stop.cancel());
    drop(watch);
    if let Some(code) = interrupted {
        return Err(Failure::Interrupted(code));
    }
    let found = result.map_err(|e| if e.kind == ErrorKind::Config { Failure::Usage(e) } else { Failure::Error(e) })?;
    let elapsed = began.elapsed();

    if let Some(path) = &args.html {
        write_file(&context.resolve(path), html::page(&found).as_bytes())?;
    }
    match &args.output {
        None => write(&found, args, context, context.style.width, elapsed, out)?,
        Some(path) => {
            let mut bytes = Vec::new();
            write(&found, args, context, None, elapsed, &mut bytes)?;
            write_file(&context.resolve(path), &bytes)?;
        }
    }
    Ok(0)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes)
        .map_err(|e| Failure::Error(Error::unavailable(format!("cannot write the report: {e}")).at(path.display().to_string())))
}

fn write(
    found: &Profile,
    args: &ProfileArgs,
    context: &Context,
    width: Option<usize>,
    elapsed: std::time::Duration,
    out: &mut dyn Write,
) -> io::Result<()> {
    match context.style.format {
        OutputFormat::Json => write_json(out, &found.to_json()),
        OutputFormat::Csv => records(found).write_csv(out),
        OutputFormat::Human => {
            let colour = context.style.colour && args.output.is_none();
            human::write(found, human::Look { width, colour, help: context.global.verbose > 0 }, elapsed, out)?;
            if let Some(page) = &args.html {
                writeln!(out, "\nthe page with plots is {}", context.resolve(page).display())
            } else {
                writeln!(out, "\nmore: --html profile.html is a page with plots, --format json has everything")
            }
        }
    }
}

/// One line per column.
fn records(found: &Profile) -> Records {
    let mut records = Records::new(&[
        "column",
        "label",
        "type",
        "rows",
        "missing",
        "distinct",
        "distinct_exact",
        "min",
        "max",
        "mean",
        "stddev",
        "median",
        "top",
        "top_rows",
        "suspicious",
    ]);
    for c in &found.columns {
        let n = c.numbers.as_ref();
        let number = |v: Option<f64>| v.and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number);
        let median = n.and_then(|n| n.quantiles.iter().find(|(q, _)| *q == 0.5)).map(|(_, v)| *v);
        let (min, max) = match &c.moments {
            Some(m) => (json!(m.first), json!(m.last)),
            None => (number(n.map(|n| n.min)), number(n.map(|n| n.max))),
        };
        records.push(vec![
            json!(c.name),
            json!(c.label),
            json!(human::type_name(&c.data_type)),
            json!(c.rows),
            json!(c.missing),
            json!(c.distinct.count),
            json!(c.distinct.exact),
            min,
            max,
            number(n.map(|n| n.mean)),
            number(n.map(|n| n.stddev)),
            number(median),
            c.top.first().map_or(Value::Null, |t| json!(t.0)),
            c.top.first().map_or(Value::Null, |t| json!(t.1)),
            json!(c.suspicious.len()),
        ]);
    }
    records
}
