//! `generate`: data to files or to standard output, and what was made of it.

use crate::Ended;
use crate::args::{GenerateArgs, OutputFormat};
use crate::context::{Context, shell_quoted};
use crate::failure::{Failure, note};
use crate::output::figures::{bytes, counted, duration, grouped};
use crate::output::grid::{Cell, Grid, Tone, paint, visible};
use crate::output::records::{Records, write_json};
use crate::progress;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tidemill_core::{Error, ErrorKind, Meter};
use tidemill_generate::{Compression, Live, Options, Rates, Report, TableReport, Target, What, generate};
use tidemill_pipeline::RunEvent;

const ROWS: u64 = 10_000;

#[allow(clippy::disallowed_methods)] // how long it took is shown, not decided by
pub fn execute(args: &GenerateArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let began = Instant::now();
    let options = options(args, context);
    let streams = args.out.as_os_str() == "-";
    let directory = context.resolve(&args.out);
    let truth = args.truth.as_ref().map(|dir| context.resolve(dir));
    if !options.format.is_lines() && args.errors.is_some_and(|e| e.corrupt > 0) {
        note(context, "note", &format!("{} has no lines, so none can be corrupt; the other errors are made", options.format.name()));
    }

    let meter = Arc::new(Meter::default());
    let watch = progress::watcher(context);
    watch.on(&RunEvent::StepStarted { step_id: 1, node: options.what.name().into(), stage: "make", meter: Arc::clone(&meter) });
    let target = if streams { Target::Stream(&mut *out) } else { Target::Directory(directory.clone()) };
    let (work_meter, stop) = (Arc::clone(&meter), Arc::clone(&meter));
    let clock = Arc::clone(&context.clock);
    let (made, truth_dir) = (&options, truth.as_deref());
    // On this thread, which holds standard output; signals have their own.
    let work = async move { generate(made, target, truth_dir, clock.as_ref(), &work_meter) };
    let (result, interrupted) = context.wait_cancelling(work, move || stop.cancel());
    drop(watch);
    let report = match (result, interrupted) {
        // A live source is ended by its user.
        (Ok(report), code) if code.is_none() || options.live.is_some() => report,
        (_, Some(code)) => return Err(Failure::Interrupted(code)),
        (Err(e), None) if is_closed_pipe(&e) => return Err(Failure::ClosedPipe),
        (Err(e), None) if e.kind == ErrorKind::Config => return Err(Failure::Usage(e)),
        (Err(e), None) => return Err(Failure::Error(e)),
        (Ok(_), None) => return Err(Failure::Error(Error::bug("a result that is neither"))),
    };
    if !streams {
        let elapsed = began.elapsed();
        match context.style.format {
            OutputFormat::Json => write_json(out, &object(&options, &report, &directory, truth.as_deref()))?,
            OutputFormat::Csv => records(&report).write_csv(out)?,
            OutputFormat::Human if context.global.quiet => {}
            OutputFormat::Human => {
                let rows: u64 = report.tables.iter().map(|t| t.lines).sum();
                let took = paint(&format!("in {}", duration(elapsed)), Tone::Dim, context.style.colour);
                writeln!(out, "{}: {} in {}   {took}\n", options.what, counted(rows, "row"), visible(&directory.display().to_string()))?;
                human(&report, context, out)?;
                next(&report, &directory, truth.as_deref(), context, out)?;
            }
        }
    }
    Ok(0)
}

fn options(args: &GenerateArgs, context: &Context) -> Options {
    let live = args.rate.map(|per_second_milli| Live { from: context.clock.now_micros(), per_second_milli });
    Options {
        rows: args.rows.unwrap_or(if live.is_some() { u64::MAX } else { ROWS }),
        seed: args.seed,
        start_day: args.start,
        days: args.days,
        skew_milli: args.skew,
        errors: args.errors.unwrap_or_else(Rates::usual),
        format: args.file_format.format(),
        compression: args.compress.map_or(Compression::None, |c| c.compression()),
        files: args.files,
        overwrite: args.force,
        threads: args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        updates: args.updates,
        tables: args.table.clone(),
        live,
        ..Options::new(args.kind.what())
    }
}

fn is_closed_pipe(e: &Error) -> bool {
    let source = e.source.as_deref().and_then(|s| s.downcast_ref::<io::Error>());
    source.is_some_and(|s| s.kind() == io::ErrorKind::BrokenPipe)
}

fn human(report: &Report, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let mut grid = Grid::new(&["table", "#rows", "#size", "files", "errors"]);
    for t in report.tables.iter().filter(|t| !t.is_label) {
        let errors: Vec<String> = t.errors.iter().map(|(kind, n)| format!("{} {}", grouped(*n), kind.name().replace('_', " "))).collect();
        let files = match &t.files[..] {
            [one] => one.clone(),
            all => format!("{} … {}", all.first().map_or("", |f| f), all.last().map_or("", |f| f)),
        };
        grid.push(vec![
            Cell::new(t.name),
            Cell::new(grouped(t.lines)),
            Cell::new(bytes(t.bytes)),
            Cell::new(visible(&files)),
            Cell::toned(errors.join(", "), Tone::Dim),
        ]);
    }
    grid.write(out, context.style.width, context.style.colour)?;
    Ok(())
}

fn next(report: &Report, directory: &Path, truth: Option<&Path>, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    if let Some(truth) = truth {
        writeln!(out, "\nthe truth is in {}: clean rows, labels, errors.csv", visible(&truth.display().to_string()))?;
    }
    let Some(first) = report.tables.iter().find(|t| !t.is_label).and_then(|t| t.files.first()) else { return Ok(()) };
    let file = directory.join(first);
    writeln!(out, "\nnext:\n  {}", context.command_in(None, &format!("profile {}", shell_quoted(&visible(&file.display().to_string())))))
}

fn records(report: &Report) -> Records {
    let mut records = Records::new(&["table", "rows", "lines", "bytes", "files", "errors"]);
    for t in report.tables.iter().filter(|t| !t.is_label) {
        let errors: u64 = t.errors.iter().map(|(_, n)| n).sum();
        records.push(vec![json!(t.name), json!(t.rows), json!(t.lines), json!(t.bytes), json!(t.files.len()), json!(errors)]);
    }
    records
}

fn object(options: &Options, report: &Report, directory: &Path, truth: Option<&Path>) -> Value {
    let table = |t: &TableReport| {
        let errors: serde_json::Map<String, Value> = t.errors.iter().map(|(kind, n)| (kind.name().to_string(), json!(n))).collect();
        json!({ "table": t.name, "rows": t.rows, "lines": t.lines, "bytes": t.bytes, "files": t.files, "errors": errors })
    };
    let updates = options.updates && options.what == What::Shop;
    json!({
        "kind": options.what.name(), "updates": updates, "seed": options.seed, "errors": options.errors.to_string(),
        "directory": directory.display().to_string(), "truth": truth.map(|t| t.display().to_string()),
        "tables": report.tables.iter().filter(|t| !t.is_label).map(table).collect::<Vec<_>>(),
    })
}
