//! `topics tail`: messages for people to look at.

use super::access;
use crate::Ended;
use crate::args::{BrokerArgs, OutputFormat};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::csv::write_record;
use crate::output::grid::{Tone, paint, visible};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tidemill_connect::kafka::options::From;
use tidemill_connect::kafka::tail::{Begin, Record, Tail};
use tidemill_core::{Error, Result};

/// Messages shown unless told otherwise.
const LIMIT: usize = 10;
/// How long to wait before looking whether there is more at all.
const WAIT: Duration = Duration::from_millis(100);

pub fn execute(
    topic: &str,
    from: Option<&str>,
    limit: Option<usize>,
    follow: bool,
    brokers: &BrokerArgs,
    context: &Context,
    out: &mut dyn Write,
) -> Ended {
    let limit = match limit {
        Some(0) => usize::MAX,
        Some(n) => n,
        None if follow => usize::MAX,
        None => LIMIT,
    };
    let last = if limit == usize::MAX { LIMIT } else { limit };
    let begin = match from {
        None if limit == usize::MAX && !follow => Begin::At(From::Earliest),
        None => Begin::Last(last as u64),
        Some("earliest") => Begin::At(From::Earliest),
        Some("latest") => Begin::At(From::Latest),
        Some(text) => match instant_millis(text) {
            Some(millis) => Begin::At(From::Instant(millis)),
            None => {
                let help = "write earliest, latest, or an instant such as 2026-01-31T12:00:00Z";
                return Err(Failure::Usage(Error::config(format!("--from can't be \"{text}\"")).help(help)));
            }
        },
    };
    let mut tail = Tail::open(&access(brokers, context)?, topic, begin)?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let format = context.style.format;
    let mut printer = Printer { out, format, colour: context.style.colour, count: 0 };
    let work = async {
        printer.begin()?;
        if follow {
            while printer.count < limit && !asked.load(Ordering::Relaxed) {
                if let Some(record) = tail.next(WAIT)? {
                    printer.print(&record)?;
                }
            }
        } else {
            let mut held = Vec::new();
            let keeps_last = matches!(begin, Begin::Last(_));
            while !asked.load(Ordering::Relaxed) && (keeps_last || printer.count < limit) {
                match tail.next(WAIT)? {
                    Some(record) if keeps_last => held.push(record),
                    Some(record) => printer.print(&record)?,
                    None if tail.is_through() => break,
                    None => {}
                }
            }
            // Partitions come one after another; the newest of all are wanted.
            held.sort_by_key(|r| (r.timestamp, r.partition, r.offset));
            for record in &held[held.len().saturating_sub(limit)..] {
                printer.print(record)?;
            }
        }
        printer.end()
    };
    let (result, interrupted) = context.wait_cancelling(work, move || stop.store(true, Ordering::Relaxed));
    match (result, interrupted) {
        (Ok(()), _) => Ok(0),
        (Err(_), Some(code)) => Err(Failure::Interrupted(code)),
        (Err(e), None) => match e.source.as_deref().and_then(|s| s.downcast_ref::<io::Error>()) {
            Some(s) if s.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ClosedPipe),
            _ => Err(Failure::Error(e)),
        },
    }
}

struct Printer<'a> {
    out: &'a mut dyn Write,
    format: OutputFormat,
    colour: bool,
    count: usize,
}

impl Printer<'_> {
    fn begin(&mut self) -> Result<()> {
        let names = ["partition", "offset", "timestamp", "key", "value"];
        match self.format {
            OutputFormat::Human => Ok(()),
            OutputFormat::Json => self.out.write_all(b"["),
            OutputFormat::Csv => write_record(self.out, names.iter().map(|n| Some(*n))),
        }
        .map_err(unwritten)
    }

    fn print(&mut self, record: &Record) -> Result<()> {
        let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|b| String::from_utf8_lossy(b).into_owned());
        let (key, value) = (text(&record.key), text(&record.value));
        let time = record.timestamp.map(|t| instant(t, self.format == OutputFormat::Human)).unwrap_or_default();
        let done = match self.format {
            OutputFormat::Json => {
                let headers: Map<String, Value> = record.headers.iter().map(|(k, v)| (k.clone(), json!(text(v)))).collect();
                let mut object =
                    json!({ "partition": record.partition, "offset": record.offset, "timestamp": time, "key": key, "value": value });
                if !headers.is_empty() {
                    object["headers"] = Value::Object(headers);
                }
                write!(self.out, "{}\n  {object}", if self.count > 0 { "," } else { "" })
            }
            OutputFormat::Csv => {
                let fields = [Some(record.partition.to_string()), Some(record.offset.to_string()), Some(time), key, value];
                write_record(self.out, fields.iter().map(Option::as_deref))
            }
            OutputFormat::Human => {
                let place = paint(&format!("{}/{} {time}", record.partition, record.offset), Tone::Dim, self.colour);
                let key = key.map(|k| format!(" {}", paint(&visible(&k), Tone::Good, self.colour))).unwrap_or_default();
                let value = value.map_or_else(|| paint("no value", Tone::Dim, self.colour), |v| visible(&v));
                writeln!(self.out, "{place}{key} {value}")
            }
        };
        self.count += 1;
        done.and_then(|()| self.out.flush()).map_err(unwritten)
    }

    fn end(&mut self) -> Result<()> {
        let done = if self.format == OutputFormat::Json { self.out.write_all(b"\n]\n") } else { Ok(()) };
        done.map_err(unwritten)
    }
}

fn unwritten(e: io::Error) -> Error {
    Error::unavailable("cannot write the result").at("standard output").because(e)
}

fn instant(micros: i64, is_human: bool) -> String {
    use arrow::array::TimestampMicrosecondArray;
    let array = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    let reader = if is_human { crate::output::cells::Reader::Person } else { crate::output::cells::Reader::Program };
    crate::output::cells::formatter(&array, reader).and_then(|f| f.value(0).try_to_string()).unwrap_or_default()
}

fn instant_millis(text: &str) -> Option<i64> {
    arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text).ok().map(|n| n / 1_000_000)
}
