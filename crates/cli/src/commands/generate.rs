//! `generate`: data to files or to standard output, and what was made of it.

use crate::Ended;
use crate::args::{BrokerArgs, FileFormat, GenerateArgs, OutputFormat};
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
use tidemill_connect::kafka::produce::{Producer, Sending, csv_field, json_member};
use tidemill_core::{Error, ErrorKind, Meter};
use tidemill_generate::{Compression, Format, Live, Options, Report, TableReport, Target, What, generate};
use tidemill_pipeline::RunEvent;

const ROWS: u64 = 10_000;

#[allow(clippy::disallowed_methods)] // how long it took is shown, not decided by
pub fn execute(args: &GenerateArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let began = Instant::now();
    let options = options(args, context);
    if let Some(address) = &args.to {
        return to_topic(address, args, &options, context, out);
    }
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
    let usual = Options::new(args.kind.what());
    Options {
        rows: args.rows.unwrap_or(if live.is_some() { u64::MAX } else { ROWS }),
        seed: args.seed,
        start_day: args.start,
        days: args.days,
        skew_milli: args.skew,
        errors: args.errors.unwrap_or(usual.errors),
        format: file_format(args).format(),
        compression: args.compress.map_or(Compression::None, |c| c.compression()),
        files: args.files,
        overwrite: args.force,
        threads: args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        updates: args.updates,
        tables: args.table.clone(),
        live,
        disorder: args.disorder,
        ..usual
    }
}

fn file_format(args: &GenerateArgs) -> FileFormat {
    args.file_format.unwrap_or(if args.to.is_some() { FileFormat::Jsonl } else { FileFormat::Csv })
}

/// Rows as messages of a topic: counted when the brokers have them.
#[allow(clippy::disallowed_methods)] // how long it took is shown, not decided by
fn to_topic(address: &str, args: &GenerateArgs, options: &Options, context: &Context, out: &mut dyn Write) -> Ended {
    let began = Instant::now();
    let place = address.strip_prefix("kafka://").and_then(|rest| rest.split_once('/')).filter(|(b, t)| !b.is_empty() && !t.is_empty());
    let Some((brokers, topic)) = place else {
        let error = Error::config(format!("--to can't be \"{address}\"")).help("write it as kafka://localhost:9092/TOPIC");
        return Err(Failure::Usage(error));
    };
    if !options.format.is_lines() {
        return Err(Failure::Usage(Error::config("messages are jsonl or csv").help("give --as jsonl")));
    }
    let access = super::topics::access(&BrokerArgs { brokers: Some(brokers.to_string()), connection: None }, context)?;
    let producer = Producer::open(&access, topic, &Sending::default())?;
    let mut messages = Messages::new(producer, options.format == Format::Csv, args.key.clone());
    let truth = args.truth.as_ref().map(|dir| context.resolve(dir));
    let meter = Arc::new(Meter::default());
    let watch = progress::watcher(context);
    watch.on(&RunEvent::StepStarted { step_id: 1, node: topic.to_string(), stage: "send", meter: Arc::clone(&meter) });
    let (work_meter, stop) = (Arc::clone(&meter), Arc::clone(&meter));
    let clock = Arc::clone(&context.clock);
    let (made, truth_dir, target) = (options, truth.as_deref(), &mut messages);
    let work = async move {
        let report = generate(made, Target::Stream(target), truth_dir, clock.as_ref(), &work_meter)?;
        Ok((report, target.producer.flush()?))
    };
    let (result, interrupted) = context.wait_cancelling(work, move || stop.cancel());
    drop(watch);
    let (report, delivered) = match (result, interrupted) {
        (Ok(done), code) if code.is_none() || options.live.is_some() => done,
        (_, Some(code)) => return Err(Failure::Interrupted(code)),
        (Err(e), None) if e.kind == ErrorKind::Config => return Err(Failure::Usage(e)),
        (Err(e), None) => {
            return Err(messages
                .failure
                .take()
                .map_or(Failure::Error(e), |e| if e.kind == ErrorKind::Config { Failure::Usage(e) } else { Failure::Error(e) }));
        }
        (Ok(_), None) => return Err(Failure::Error(Error::bug("a result that is neither"))),
    };
    let lines: u64 = report.tables.iter().filter(|t| !t.is_label).map(|t| t.lines).sum();
    if lines != delivered.messages {
        return Err(Failure::Error(Error::bug(format!("{lines} lines were made and {} messages delivered", delivered.messages))));
    }
    super::topics::produced(topic, delivered, began.elapsed(), context, out)
}

/// Lines written become messages.
struct Messages {
    producer: Producer,
    /// The names of columns, once they are known; a file of CSV begins with them, a topic doesn't.
    header: Option<Vec<String>>,
    is_csv: bool,
    key: Option<String>,
    /// Whether rows have the key.
    is_known: bool,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    /// What a bare I/O error stands for.
    failure: Option<Error>,
}

impl Messages {
    fn new(producer: Producer, is_csv: bool, key: Option<String>) -> Messages {
        Messages { producer, header: None, is_csv, key, is_known: false, rest: Vec::new(), failure: None }
    }

    fn line(&mut self, line: &[u8]) -> tidemill_core::Result<()> {
        if self.is_csv && self.header.is_none() {
            let names: Vec<String> = String::from_utf8_lossy(line).split(',').map(str::to_string).collect();
            if let Some(key) = &self.key
                && !names.contains(key)
            {
                return Err(no_such_key(key));
            }
            self.header = Some(names);
            return Ok(());
        }
        let key = match (&self.key, &self.header) {
            (None, _) => None,
            (Some(key), Some(names)) => names.iter().position(|n| n == key).and_then(|at| csv_field(line, at)),
            (Some(key), None) => {
                // Damaged lines have no key; whether there is such a column is told by the first whole one.
                if !self.is_known && line.ends_with(b"}") {
                    if !line
                        .windows(key.len() + 3)
                        .any(|w| w.starts_with(b"\"") && w.ends_with(b"\":") && &w[1..=key.len()] == key.as_bytes())
                    {
                        return Err(no_such_key(key));
                    }
                    self.is_known = true;
                }
                json_member(line, key)
            }
        };
        self.producer.send(key.as_deref(), line, None)
    }
}

impl Messages {
    fn stop(&mut self, e: Error) -> io::Error {
        self.failure = Some(e);
        io::Error::other("messages can't be sent")
    }
}

fn no_such_key(key: &str) -> Error {
    Error::config(format!("there is no column `{key}` to be the key"))
}

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut from = 0;
        while let Some(end) = bytes[from..].iter().position(|b| *b == b'\n').map(|i| from + i) {
            let done = if self.rest.is_empty() {
                self.line(&bytes[from..end])
            } else {
                let mut line = std::mem::take(&mut self.rest);
                line.extend_from_slice(&bytes[from..end]);
                self.line(&line)
            };
            done.map_err(|e| self.stop(e))?;
            from = end + 1;
        }
        self.rest.extend_from_slice(&bytes[from..]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.producer.poll().map_err(|e| self.stop(e))
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
