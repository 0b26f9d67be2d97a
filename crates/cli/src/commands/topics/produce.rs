//! `topics produce`: a file, a table or lines of standard input, sent to a topic.

use super::access;
use crate::Ended;
use crate::args::ProduceArgs;
use crate::commands::write_report;
use crate::context::Context;
use crate::failure::{Failure, note};
use crate::output::figures::{bytes, counted, duration};
use crate::output::records::Records;
use crate::progress;
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use futures::StreamExt;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_connect::kafka::produce::{Delivered, Producer, Sending};
use tidemill_connect::kafka::sink::{json_lines, key_of, keys};
use tidemill_connect::{Connector, OptionValue, Options, ScanOptions};
use tidemill_core::{ColumnRead, Error, Meter, Result};
use tidemill_pipeline::{QueryOptions, Reading, RunEvent, Workspace};

/// Where rows come from.
enum Origin {
    /// Lines that are messages as they stand.
    Lines(Option<PathBuf>),
    File(PathBuf),
    Table(Arc<Workspace>, String),
}

#[allow(clippy::disallowed_methods)] // how long it took is shown, and a rate is kept by it
pub fn execute(args: &ProduceArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let origin = origin(args, context)?;
    let access = access(&args.brokers, context)?;
    let producer = Producer::open(&access, &args.topic, &Sending::default())?;
    let meter = Arc::new(Meter::default());
    let watch = progress::watcher(context);
    watch.on(&RunEvent::StepStarted { step_id: 1, node: args.topic.clone(), stage: "produce", meter: Arc::clone(&meter) });
    let began = Instant::now();
    let mut sending = Sender {
        producer,
        key: args.key.clone(),
        per_second_milli: args.rate,
        left: args.rows.unwrap_or(u64::MAX),
        began,
        sent: 0,
        rejected: 0,
        meter: Arc::clone(&meter),
        text: Vec::new(),
    };
    let stop = Arc::clone(&meter);
    let work = async {
        loop {
            let before = sending.sent;
            match &origin {
                Origin::Lines(path) => sending.lines(path.as_deref())?,
                Origin::File(path) => sending.file(path, args.typed)?,
                Origin::Table(workspace, name) => sending.table(workspace, name).await?,
            }
            if !args.again || sending.is_done() || sending.sent == before || matches!(origin, Origin::Lines(None)) {
                break;
            }
        }
        sending.producer.flush()
    };
    let (result, interrupted) = context.wait_cancelling(work, move || stop.cancel());
    drop(watch);
    let delivered = match (result, interrupted) {
        // Rows that never end are ended by their user.
        (Ok(delivered), code) if code.is_none() || args.again || args.rate.is_some() => delivered,
        (_, Some(code)) => return Err(Failure::Interrupted(code)),
        (Err(e), None) => return Err(Failure::Error(e)),
        (Ok(_), None) => return Err(Failure::Error(Error::bug("a result that is neither"))),
    };
    if sending.rejected > 0 {
        note(context, "note", &format!("{} could not be read and were left out", counted(sending.rejected, "row")));
    }
    report(&args.topic, delivered, sending.rejected, began.elapsed(), context, out)
}

/// What was delivered; also what `generate --to` says.
pub fn report(topic: &str, delivered: Delivered, rejected: u64, took: Duration, context: &Context, out: &mut dyn Write) -> Ended {
    let mut records = Records::new(&["topic", "messages", "bytes", "rejected"]);
    records.push(vec![json!(topic), json!(delivered.messages), json!(delivered.bytes), json!(rejected)]);
    let object = || json!({ "topic": topic, "messages": delivered.messages, "bytes": delivered.bytes, "rejected": rejected });
    if !write_report(out, context.style.format, object, &records)? && !context.global.quiet {
        let per_second = (delivered.messages as f64 / took.as_secs_f64().max(0.001)) as u64;
        let how = format!(
            "{}, {} in {}, {}/s",
            counted(delivered.messages, "message"),
            bytes(delivered.bytes),
            duration(took),
            counted(per_second, "message")
        );
        writeln!(out, "{topic} has {how}")?;
    }
    Ok(0)
}

/// A file if there is one of that name, else a table.
fn origin(args: &ProduceArgs, context: &Context) -> Result<Origin, Failure> {
    if args.from == "-" {
        return Ok(Origin::Lines(None));
    }
    let path = context.resolve(Path::new(&args.from));
    if path.is_file() {
        let is_lines = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("ndjson"));
        return Ok(if is_lines { Origin::Lines(Some(path)) } else { Origin::File(path) });
    }
    if args.from.contains('/') || !context.dir().join("tidemill.toml").is_file() {
        let help = "name a file, `-`, or (in a project's directory, or with -C) one of its tables";
        return Err(Failure::Usage(Error::config(format!("there is no file {}", path.display())).help(help)));
    }
    Ok(Origin::Table(context.open_to_ask()?, args.from.clone()))
}

struct Sender {
    producer: Producer,
    key: Option<String>,
    per_second_milli: Option<u64>,
    left: u64,
    began: Instant,
    sent: u64,
    rejected: u64,
    meter: Arc<Meter>,
    text: Vec<u8>,
}

impl Sender {
    fn is_done(&self) -> bool {
        self.left == 0 || self.meter.is_cancelled()
    }

    /// One message, when it is due.
    fn send(&mut self, key: Option<&[u8]>, value: &[u8]) -> Result<()> {
        if let Some(rate) = self.per_second_milli {
            self.wait(rate)?;
        }
        self.producer.send(key, value, None)?;
        self.sent += 1;
        self.left -= 1;
        Meter::add(&self.meter.rows_written, 1);
        Meter::add(&self.meter.bytes_written, value.len() as u64);
        Ok(())
    }

    /// Waits until the next message is due; a message that is late is sent at once, so that the rate holds on the whole.
    #[allow(clippy::disallowed_methods)]
    fn wait(&mut self, per_second_milli: u64) -> Result<()> {
        let due = Duration::from_nanos((u128::from(self.sent) * 1_000_000_000_000 / u128::from(per_second_milli)) as u64);
        loop {
            let left = due.saturating_sub(self.began.elapsed());
            if left.is_zero() || self.meter.is_cancelled() {
                return Ok(());
            }
            self.producer.poll()?;
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }

    fn lines(&mut self, path: Option<&Path>) -> Result<()> {
        let reader: Box<dyn BufRead> = match path {
            None => Box::new(std::io::stdin().lock()),
            Some(path) => Box::new(BufReader::with_capacity(1 << 18, File::open(path).map_err(|e| unread(path, e))?)),
        };
        let place = path.unwrap_or(Path::new("standard input"));
        let mut reader = reader;
        let mut line = Vec::new();
        while !self.is_done() {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(|e| unread(place, e))? == 0 {
                break;
            }
            let value = line.trim_ascii_end();
            if value.is_empty() {
                continue;
            }
            let key = self.key.as_deref().and_then(|k| tidemill_connect::kafka::produce::json_member(value, k));
            self.send(key.as_deref(), value)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, typed: bool) -> Result<()> {
        let options = Options::from([("path".to_string(), OptionValue::Text(path.display().to_string()))]);
        let source = tidemill_connect::files::Files.source(&options, Path::new("."))?;
        let entries = source.list()?;
        let probe = source.probe(&entries)?;
        let mut columns = probe.columns;
        if probe.format == "csv" && !typed {
            columns = columns.into_iter().map(|c| ColumnRead { label: c.label, ..ColumnRead::new(c.name, DataType::Utf8) }).collect();
        }
        let scan = source.scan(&entries, &columns, ScanOptions::default())?;
        while !self.is_done()
            && let Some(morsel) = scan.next()?
        {
            let decoded = morsel.decode()?;
            self.rejected += decoded.rejects.len() as u64;
            self.batch(&decoded.batch)?;
        }
        Ok(())
    }

    async fn table(&mut self, workspace: &Workspace, name: &str) -> Result<()> {
        let options = QueryOptions { epoch: None, limit: None, reading: Reading::AsDeclared };
        let session = workspace.session_reading(options.epoch, options.reading).await?;
        let query = session.query(&format!("SELECT * FROM {name}")).await?;
        let mut stream = query.stream()?;
        while !self.is_done()
            && let Some(batch) = stream.next().await.transpose()?
        {
            self.batch(&batch)?;
        }
        Ok(())
    }

    fn batch(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let mut text = std::mem::take(&mut self.text);
        json_lines(rows, &mut text)?;
        let keys = match &self.key {
            Some(name) => Some(keys(rows.column(key_of(&rows.schema(), name)?))?),
            None => None,
        };
        for (row, line) in text.trim_ascii_end().split(|b| *b == b'\n').enumerate() {
            if self.is_done() {
                break;
            }
            let key = keys.as_ref().and_then(|k| k.get(row)?.as_deref()).map(str::as_bytes);
            self.send(key, line)?;
        }
        self.text = text;
        Ok(())
    }
}

fn unread(path: &Path, e: std::io::Error) -> Error {
    Error::unavailable(format!("cannot read: {e}")).at(path.display().to_string()).because(e)
}
