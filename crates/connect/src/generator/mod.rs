//! `connector = "generator"`: made-up rows, in this process: to try a project on, to measure it, to show it.
//!
//! A row is a function of the seed and its number, so that any row can be made again: the position is the number of the next one, and of its line. With a
//! rate rows fall due as time goes, and are dated so from the moment of the first on; what fell due while nobody followed comes when somebody does.

mod options;
#[cfg(test)]
mod tests;

use crate::formats::json::JsonOptions;
use crate::formats::records::{Record, RecordDecoder, RecordFormat, decode_again};
use crate::options::{OptionDoc, OptionProblem, Options};
use crate::stream::{Budget, Lag, Positions, Pulled, StreamBatch, StreamConnector, StreamSource};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tidemill_core::{Clock, ColumnRead, Decoded, Error, Result, SystemClock};
use tidemill_generate::{Flowing, Live, flow, flowing};

/// Made-up rows.
pub struct Generator;

/// Units of a stretch, at most.
const STRETCH: u64 = 4096;
/// Stretches that wait to be pulled.
const QUEUE: usize = 4;
/// With a rate, rows are made this often: several at once cost less than each alone.
const BEAT: Duration = Duration::from_millis(5);
/// After what had fallen due when it was opened was given, so many pulls bring nothing: whoever only wants that can end.
const RESTS: u32 = 25;

impl StreamConnector for Generator {
    fn kind(&self) -> &'static str {
        "generator"
    }

    fn options(&self) -> &'static [OptionDoc] {
        options::DOCS
    }

    fn check(&self, options: &Options, _: &Path) -> Vec<OptionProblem> {
        options::parse(options).1
    }

    fn can_replay(&self) -> bool {
        true
    }

    fn open(&self, options: &Options, _: &Path, columns: &[ColumnRead], from: &Positions) -> Result<Box<dyn StreamSource>> {
        let (asked, problems) = options::parse(options);
        if let Some(p) = problems.into_iter().next() {
            return Err(Error { help: p.help, ..Error::config(p.message) });
        }
        if let Some(c) = columns.iter().find(|c| c.label.starts_with('@')) {
            return Err(Error::config(format!("column `{}`: a made-up row has no `{}`", c.name, c.label)));
        }
        // The machine's clock: this is an outside system, whose rows come when they come.
        let now = SystemClock.now_micros();
        // The first row that does not wait already falls due now.
        let from_now = asked.per_second_milli.map(|per_second_milli| {
            let before = Live { from: 0, per_second_milli }.at(asked.make.after.saturating_add(asked.backlog_rows));
            Live { from: now.saturating_sub(before), per_second_milli }
        });
        let backlog = asked.make.after.saturating_add(asked.backlog_rows);
        let mut make = tidemill_generate::Options { live: from_now, ..asked.make };
        let all = flowing(&make)?;
        let split: Arc<str> = all.table.into();
        let at = match from.get(&*split) {
            Some(text) => {
                Position::parse(text).ok_or_else(|| Error::data(format!("the position \"{text}\" is none of made-up rows")).at(&*split))?
            }
            None => Position { unit: if all.is_paced { make.after } else { 0 }, line: 1, live: from_now },
        };
        make.live = asked.per_second_milli.map(|rate| at.paced(rate, now));
        let flowing = flowing(&make)?;
        let live = make.live.filter(|_| flowing.is_paced);
        let border = live.map_or(0, |l| l.due(now)).min(flowing.units);
        let stop = Arc::new(AtomicBool::new(false));
        let (to, stretches) = sync_channel(QUEUE);
        let (halt, first) = (Arc::clone(&stop), at.unit);
        let at = Position { live: make.live, ..at };
        let thread = std::thread::Builder::new()
            .name("generator".into())
            .spawn(move || work(&make, first, live, &halt, &to))
            .map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
        let decoder = RecordDecoder::new(&split, &format(), columns, crate::connector::Drift::Evolve)?;
        Ok(Box::new(Made {
            split,
            decoder,
            at,
            live,
            flowing,
            border,
            backlog,
            rests: 0,
            stretches: Some(stretches),
            stop,
            thread: Some(thread),
        }))
    }

    fn decode_again(&self, _: &Options, _: &Path, split: &str, records: &[(u64, &str)], columns: &[ColumnRead]) -> Result<Decoded> {
        decode_again(split, &format(), records, columns)
    }
}

fn format() -> RecordFormat {
    RecordFormat::Json(JsonOptions::default())
}

/// Which unit and line come next, and since when rows come at which rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    unit: u64,
    line: u64,
    live: Option<Live>,
}

impl Position {
    fn parse(text: &str) -> Option<Position> {
        let numbers: Vec<i64> = text.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let (unit, line, live) = match numbers[..] {
            [unit, line] => (unit, line, None),
            [unit, line, from, rate] => (unit, line, Some(Live { from, per_second_milli: u64::try_from(rate).ok().filter(|r| *r > 0)? })),
            _ => return None,
        };
        Some(Position { unit: u64::try_from(unit).ok()?, line: u64::try_from(line).ok()?, live })
    }

    /// Since when rows would have come at this rate, so that the next one falls due when it would have.
    fn paced(&self, per_second_milli: u64, now: i64) -> Live {
        match self.live {
            Some(live) if live.per_second_milli == per_second_milli => live,
            before => {
                let next = before.map_or(now, |l| l.at(self.unit));
                let since = Live { from: 0, per_second_milli }.at(self.unit);
                Live { from: next.saturating_sub(since), per_second_milli }
            }
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.unit, self.line)?;
        self.live.map_or(Ok(()), |l| write!(f, " {} {}", l.from, l.per_second_milli))
    }
}

/// Lines, and the unit after them.
type Stretch = Result<(Vec<u8>, u64)>;

fn work(make: &tidemill_generate::Options, first: u64, live: Option<Live>, stop: &AtomicBool, to: &SyncSender<Stretch>) {
    let mut until = |done: u64| {
        loop {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let due = live.map_or(u64::MAX, |l| l.due(SystemClock.now_micros()));
            if due > done {
                return Some(due.min(done + STRETCH));
            }
            std::thread::sleep(BEAT);
        }
    };
    let result = flow(make, first, &mut until, &mut |lines, next| {
        let is_heard = to.send(Ok((lines, next))).is_ok();
        if live.is_some() {
            std::thread::sleep(BEAT);
        }
        is_heard
    });
    if let Err(e) = result {
        // Whoever is gone needs no word.
        let _ = to.send(Err(e));
    }
}

/// The source: takes stretches, numbers lines, decodes.
struct Made {
    split: Arc<str>,
    decoder: RecordDecoder,
    at: Position,
    /// Where rows fall due as time goes.
    live: Option<Live>,
    flowing: Flowing,
    /// The unit up to which rows had fallen due when it was opened.
    border: u64,
    /// The unit up to which rows only seem to have come before: nobody is late for them.
    backlog: u64,
    rests: u32,
    stretches: Option<Receiver<Stretch>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Made {
    fn rests(&self) -> bool {
        self.live.is_some() && self.at.unit >= self.border && self.rests < RESTS
    }

    fn decode(&mut self, lines: &[u8], next: u64) -> Result<StreamBatch> {
        let mut records = Vec::new();
        let mut at = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            let line = self.at.line + records.len() as u64;
            records.push(Record { line, offset: line, payload: &lines[at..end] });
            at = end + 1;
        }
        let decoded = self.decoder.decode(&records, &[])?;
        self.at = Position { unit: next, line: self.at.line + records.len() as u64, ..self.at };
        // When it fell due, not when it was made: who is late is seen to be.
        let source_micros = self.live.map(|l| l.at(next.saturating_sub(1))).filter(|_| next > self.backlog);
        Ok(StreamBatch { split: Arc::clone(&self.split), decoded, position: self.at.to_string(), source_micros })
    }
}

impl StreamSource for Made {
    fn pull(&mut self, budget: Budget) -> Result<Pulled> {
        if self.rests() {
            self.rests += 1;
            std::thread::sleep(budget.wait);
            return Ok(Pulled::Idle);
        }
        let mut batches = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while rows < budget.rows && bytes < budget.bytes && !self.rests() {
            let Some(stretches) = &self.stretches else { return Ok(Pulled::End) };
            let wait = if batches.is_empty() { budget.wait } else { Duration::ZERO };
            let (lines, next) = match stretches.recv_timeout(wait) {
                Ok(stretch) => stretch?,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) if batches.is_empty() => return Ok(Pulled::End),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            bytes += lines.len();
            let batch = self.decode(&lines, next)?;
            rows += batch.decoded.rows_read as usize;
            batches.push(batch);
        }
        Ok(if batches.is_empty() { Pulled::Idle } else { Pulled::Batches(batches) })
    }

    fn confirm(&mut self, _: &Positions) -> Result<()> {
        // It is stored: whoever waits for that waits no longer.
        if self.at.unit >= self.border {
            self.rests = RESTS;
        }
        Ok(())
    }

    fn lag(&mut self) -> Vec<Lag> {
        let due = match self.live {
            _ if self.rests > 0 && self.rests() => self.at.unit,
            Some(live) => live.due(SystemClock.now_micros()).min(self.flowing.units),
            None => self.flowing.units,
        };
        vec![Lag { split: Arc::clone(&self.split), behind: Some(due.saturating_sub(self.at.unit)), position: self.at.to_string() }]
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.stretches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
