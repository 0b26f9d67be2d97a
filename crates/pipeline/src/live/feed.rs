//! One followed table: a thread that pulls its source and holds the rows to the contract, and what the table has come to.

use super::latency::Histogram;
use crate::ingest;
use crate::state::{FileState, LedgerLine, Outcome, QualityLine};
use crate::tables::Prepared;
use arrow::array::RecordBatch;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tidemill_connect::follow::directory::{Directory, position_of_whole};
use tidemill_connect::{Budget, Lag, Positions, Pulled, StreamConnector, StreamSource};
use tidemill_core::{Clock, Decoded, Error, Reject, Result};
use tidemill_prepare::StreamRecipe;

/// The edge of the ledger on which a source's rows come.
pub(crate) const FROM_SOURCE: &str = "source→raw";
/// A source that brings nothing is asked again after this long at the latest; it also bounds how long a stop takes.
const WAIT: Duration = Duration::from_millis(20);
/// A pull brings this much, about: small enough for latency, large enough for columns.
const ROWS: usize = 8192;
const BYTES: usize = 4 << 20;

/// One followed table, as the mill sees it.
pub(crate) struct Feed {
    pub p: Arc<Prepared>,
    /// `None` until its rules have been fitted; meanwhile rows reach the raw table only.
    pub recipe: Option<StreamRecipe>,
    /// Where each split has been read to, in memory.
    pub positions: Positions,
    /// As they will be at the next epoch.
    pub raw: Outcome,
    pub clean: Option<Outcome>,
    /// Set aside since the last epoch: by the contract, and by the key and unique columns.
    pub rejects: Vec<Reject>,
    pub rejects_prepared: Vec<Reject>,
    pub dirty: bool,
    pub so_far: SoFar,
    pump: Pump,
}

/// What a pump last knew of its source.
#[derive(Default, Clone)]
pub(crate) struct Standing {
    pub lag: Vec<Lag>,
    pub trouble: Option<String>,
    /// There was nothing more to read when it last looked.
    pub caught_up: bool,
}

/// What a pump sends: the index of its feed, and what happened.
pub(crate) type Sent = (usize, Message);

pub(crate) enum Message {
    Rows(Box<Taken>),
    /// Nothing will come any more, or nothing more is there just now.
    Quiet,
    Failed(Error),
}

/// Rows of one split that passed the contract, and those that did not.
pub(crate) struct Taken {
    pub decoded: Decoded,
    pub raw: RecordBatch,
    pub rejects: Vec<Reject>,
    pub position: String,
    pub source_micros: Option<i64>,
}

/// A source at work: it is opened once, and outlives the feeds that take what it brings.
pub(crate) struct Pump {
    control: Sender<Control>,
    standing: Arc<Mutex<Standing>>,
    thread: Option<JoinHandle<()>>,
    so_far: SoFar,
}

/// What a source has brought since it was opened.
#[derive(Default)]
pub(crate) struct SoFar {
    /// From the source's time to the time a query could see the row.
    pub latency: Histogram,
    pub rows_in: u64,
    pub rejected: u64,
    pub newest_micros: Option<i64>,
}

enum Control {
    Confirm(Positions),
    Stop,
}

impl Pump {
    /// Opens the source after what the table holds, and begins to pull.
    pub fn open(index: usize, p: &Arc<Prepared>, raw: &Outcome, clock: Arc<dyn Clock>, to: SyncSender<Sent>) -> Result<Pump> {
        let stream = p.stream.as_ref().ok_or_else(|| Error::bug(format!("{} is not followed", p.table.name)))?;
        let mut from = positions(raw);
        if stream.connector.kind() == Directory.kind() {
            // What was read before the directory was followed is not read again.
            let whole = raw.files.iter().filter(|f| !f.followed);
            from.extend(whole.map(|f| (f.path.clone(), position_of_whole(f.size, f.modified_micros, &f.fingerprint))));
        }
        let source = stream.connector.open(&stream.options, &stream.base_dir, &p.reads, &from).map_err(|e| e.within(p.raw_node()))?;
        let standing = Arc::new(Mutex::new(Standing::default()));
        let (control, orders) = channel();
        let work = Work { index, p: Arc::clone(p), source, to, orders, standing: Arc::clone(&standing), clock };
        let thread = std::thread::Builder::new()
            .name(format!("feed {}", p.table.name))
            .spawn(move || work.run())
            .map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
        Ok(Pump { control, standing, thread: Some(thread), so_far: SoFar::default() })
    }
}

/// Where a table's splits have been read to.
fn positions(raw: &Outcome) -> Positions {
    raw.files.iter().filter(|f| f.followed).map(|f| (f.path.clone(), f.fingerprint.clone())).collect()
}

impl Feed {
    pub fn new(p: Arc<Prepared>, raw: Outcome, clean: Option<Outcome>, recipe: Option<StreamRecipe>, mut pump: Pump) -> Feed {
        Feed {
            p,
            recipe,
            positions: positions(&raw),
            raw,
            clean,
            rejects: Vec::new(),
            rejects_prepared: Vec::new(),
            dirty: false,
            so_far: std::mem::take(&mut pump.so_far),
            pump,
        }
    }

    /// The source, still open, for the feed that takes this one's place.
    pub fn into_pump(mut self) -> Pump {
        self.pump.so_far = self.so_far;
        self.pump
    }

    pub fn standing(&self) -> Standing {
        self.pump.standing.lock().clone()
    }

    /// Why what has come can't be known: the source can't be reached.
    pub fn away(&self) -> Option<String> {
        let standing = self.standing();
        standing.trouble.filter(|_| !standing.caught_up)
    }

    /// The rows up to here are durable.
    pub fn confirm(&self, upto: Positions) {
        // A pump that is gone has told why.
        let _ = self.pump.control.send(Control::Confirm(upto));
    }

    pub fn stop(&mut self) {
        let _ = self.pump.control.send(Control::Stop);
    }

    /// Waits until the source is let go. Whoever calls has let go of what the pump sends to.
    pub fn join(&mut self) {
        if let Some(thread) = self.pump.thread.take() {
            let _ = thread.join();
        }
    }

    /// Counts what came from a split into the raw table's account.
    pub fn count_raw(&mut self, taken: &Taken, read: u64, written: u64) {
        let split = taken.decoded.split.to_string();
        self.positions.insert(split.clone(), taken.position.clone());
        self.so_far.rows_in += read;
        self.so_far.rejected += taken.rejects.len() as u64;
        self.so_far.newest_micros = self.so_far.newest_micros.max(taken.source_micros);
        let file = split_state(&mut self.raw.files, &split, &self.p.read_spec);
        file.fingerprint = taken.position.clone();
        file.rows_read += read;
        file.rows_written += written;
        file.rows_quarantined += taken.rejects.len() as u64;
        self.raw.rows += written;
        let line = ledger(&mut self.raw.ledger, &self.p.table.name, FROM_SOURCE);
        line.rows_read += read;
        line.written += written;
        line.quarantined += taken.rejects.len() as u64;
        for (column, n) in self.p.reads.iter().zip(&taken.decoded.nulled).filter(|(_, n)| **n > 0) {
            let at = self.raw.quality.iter().position(|q| q.rule == "on_invalid" && q.column.as_deref() == Some(&column.name));
            let i = at.unwrap_or_else(|| {
                self.raw.quality.push(QualityLine {
                    rule_index: 0,
                    rule: "on_invalid".into(),
                    column: Some(column.name.clone()),
                    cells_changed: 0,
                    listed: 0,
                    rows_removed: 0,
                    message: String::new(),
                });
                self.raw.quality.len() - 1
            });
            self.raw.quality[i].cells_changed += n;
            self.raw.quality[i].message = crate::state::nulled(self.raw.quality[i].cells_changed);
        }
    }
}

/// The account of one split, made when it is new.
pub(crate) fn split_state<'a>(files: &'a mut Vec<FileState>, split: &str, spec: &str) -> &'a mut FileState {
    let at = files.binary_search_by(|f| f.path.as_str().cmp(split)).unwrap_or_else(|at| {
        let new = FileState {
            path: split.to_string(),
            size: 0,
            modified_micros: 0,
            fingerprint: String::new(),
            spec: spec.to_string(),
            rows_read: 0,
            rows_written: 0,
            rows_quarantined: 0,
            data_files: Vec::new(),
            quarantine_files: Vec::new(),
            present: true,
            restored: false,
            incomplete: None,
            followed: true,
        };
        files.insert(at, new);
        at
    });
    &mut files[at]
}

/// The one line that a followed table's edge has; it is added to from epoch to epoch.
pub(crate) fn ledger<'a>(lines: &'a mut Vec<LedgerLine>, table: &str, edge: &str) -> &'a mut LedgerLine {
    if lines.is_empty() {
        lines.push(LedgerLine { table: table.to_string(), edge: edge.to_string(), ..LedgerLine::default() });
    }
    &mut lines[0]
}

/// What the pump's thread owns.
struct Work {
    index: usize,
    p: Arc<Prepared>,
    source: Box<dyn StreamSource>,
    to: SyncSender<Sent>,
    orders: Receiver<Control>,
    standing: Arc<Mutex<Standing>>,
    clock: Arc<dyn Clock>,
}

impl Work {
    fn run(mut self) {
        if let Err(e) = self.pump() {
            let _ = self.to.send((self.index, Message::Failed(e.within(self.p.raw_node()))));
        }
    }

    fn pump(&mut self) -> Result<()> {
        let schema = ingest::raw_schema(&self.p.reads);
        let mut upto: Option<Positions> = None;
        loop {
            loop {
                match self.orders.try_recv() {
                    Ok(Control::Confirm(positions)) => upto = Some(positions),
                    Ok(Control::Stop) | Err(TryRecvError::Disconnected) => {
                        return upto.map_or(Ok(()), |u| self.source.confirm(&u));
                    }
                    Err(TryRecvError::Empty) => break,
                }
            }
            if let Some(upto) = upto.take() {
                self.source.confirm(&upto)?;
            }
            let pulled = self.source.pull(Budget { rows: ROWS, bytes: BYTES, wait: WAIT })?;
            let (batches, ended) = match pulled {
                Pulled::Batches(batches) => (batches, false),
                Pulled::Idle => (Vec::new(), false),
                Pulled::End => (Vec::new(), true),
            };
            let quiet = batches.is_empty();
            for batch in batches {
                let mut decoded = self.p.contract.apply(batch.decoded)?;
                let rejects = std::mem::take(&mut decoded.rejects);
                let raw = ingest::raw_rows(&schema, &decoded.batch, &decoded.split, &decoded.lines, self.clock.now_micros())?;
                let taken = Taken { decoded, raw, rejects, position: batch.position, source_micros: batch.source_micros };
                if self.to.send((self.index, Message::Rows(Box::new(taken)))).is_err() {
                    return Ok(());
                }
            }
            let lag = self.source.lag();
            let caught_up = ended || (quiet && self.source.is_reading() && lag.iter().all(|l| l.behind.unwrap_or(0) == 0));
            let was = {
                let mut standing = self.standing.lock();
                let was = standing.caught_up;
                *standing = Standing { lag, trouble: self.source.trouble(), caught_up };
                was
            };
            if (caught_up && !was) && self.to.send((self.index, Message::Quiet)).is_err() {
                return Ok(());
            }
            if ended {
                // Orders may still come: what was read is confirmed once it is durable.
                match self.orders.recv() {
                    Ok(Control::Confirm(positions)) => upto = Some(positions),
                    Ok(Control::Stop) | Err(_) => return Ok(()),
                }
            }
        }
    }
}

/// Counts of a clean table's rules, added to those there.
pub(crate) fn add_quality(to: &mut Vec<QualityLine>, lines: impl IntoIterator<Item = QualityLine>) {
    let mut known: BTreeMap<(usize, Option<String>), usize> =
        to.iter().enumerate().map(|(i, q)| ((q.rule_index, q.column.clone()), i)).collect();
    for line in lines {
        match known.get(&(line.rule_index, line.column.clone())) {
            Some(i) => {
                to[*i].cells_changed += line.cells_changed;
                to[*i].listed += line.listed;
                to[*i].rows_removed += line.rows_removed;
            }
            None => {
                known.insert((line.rule_index, line.column.clone()), to.len());
                to.push(line);
            }
        }
    }
}
