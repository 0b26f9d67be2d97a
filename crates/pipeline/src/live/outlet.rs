//! Where the rows of a live view are sent as they change: a thread per view, behind a queue that slows the mill when the other side is slow.
//! At least once: rows of an epoch that was cut off are sent again, under the same ids.

use crate::tables::plain;
use crate::workspace::Workspace;
use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;
use tidemill_connect::{SINKS, StreamSink};
use tidemill_core::{Error, Result};
use tidemill_live::{Compiled, Delta};
use tidemill_project::spec::View;

/// Says of a row of a view whose rows may change that it is no longer in the result.
pub const DELETED: &str = "_deleted";
const QUEUE: usize = 64;
/// A sink that fails is tried again after this, and then after twice as long, up to the most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

pub(crate) struct Outlet {
    view: String,
    schema: SchemaRef,
    key: Vec<String>,
    is_append_only: bool,
    sender: Option<SyncSender<RecordBatch>>,
    closing: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Outlet {
    /// The sink of a view, if it has one.
    pub fn open(ws: &Workspace, view: &View, compiled: &Compiled) -> Result<Option<Outlet>> {
        let Some(target) = &view.live.sink else { return Ok(None) };
        let kind = target.connector.as_str();
        let connector = SINKS.iter().find(|s| s.kind() == kind).ok_or_else(|| Error::config(format!("rows are not sent to `{kind}`")))?;
        let is_append_only = compiled.is_append_only();
        let mut fields: Vec<_> = compiled.schema().fields().iter().cloned().collect();
        if !is_append_only {
            fields.push(Arc::new(Field::new(DELETED, DataType::Boolean, false)));
        }
        let schema = Arc::new(Schema::new(fields));
        let sink = connector.open(&plain(&target.options), &ws.checked.project.dir, &schema).map_err(|e| e.within(view.name.clone()))?;
        let (sender, rows) = sync_channel(QUEUE);
        let closing = Arc::new(AtomicBool::new(false));
        let (name, stop) = (view.name.clone(), Arc::clone(&closing));
        let thread = std::thread::Builder::new()
            .name(format!("sink {}", view.name))
            .spawn(move || send_all(&name, sink, &rows, &stop))
            .map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
        let key = match view.live.key.is_empty() {
            true => compiled.key().unwrap_or_default(),
            false => view.live.key.iter().map(|k| k.value.clone()).collect(),
        };
        Ok(Some(Outlet { view: view.name.clone(), schema, key, is_append_only, sender: Some(sender), closing, thread: Some(thread) }))
    }

    /// What a change says to the other side: rows as they are now, and those that are gone for good.
    pub fn rows(&self, delta: &Delta) -> Result<Option<RecordBatch>> {
        if self.is_append_only {
            return Ok((!delta.is_empty()).then(|| delta.rows.clone()));
        }
        let keys = self.keys(&delta.rows)?;
        let there: BTreeSet<&str> = (0..delta.len()).filter(|i| delta.weight(*i) > 0).map(|i| keys[i].as_str()).collect();
        let told: Vec<usize> = (0..delta.len()).filter(|i| delta.weight(*i) > 0 || !there.contains(keys[*i].as_str())).collect();
        if told.is_empty() {
            return Ok(None);
        }
        let deleted: BooleanArray = told.iter().map(|i| Some(delta.weight(*i) < 0)).collect();
        let rows = take_record_batch(&delta.rows, &UInt32Array::from_iter_values(told.iter().map(|i| *i as u32)))?;
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns.push(Arc::new(deleted));
        Ok(Some(RecordBatch::try_new(Arc::clone(&self.schema), columns)?))
    }

    fn keys(&self, rows: &RecordBatch) -> Result<Vec<String>> {
        if self.key.is_empty() {
            return crate::json_rows(std::slice::from_ref(rows));
        }
        let places = self.key.iter().map(|k| rows.schema_ref().index_of(k)).collect::<std::result::Result<Vec<_>, _>>();
        let places = places.map_err(|e| Error::bug(format!("{}: {e}", self.view)))?;
        crate::json_rows(&[rows.project(&places)?])
    }

    /// Where rows are handed over; whoever does waits while the queue is full.
    pub fn sender(&self) -> Option<SyncSender<RecordBatch>> {
        self.sender.clone()
    }

    /// Waits until everything is sent, unless the other side is away.
    pub fn close(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn send_all(view: &str, mut sink: Box<dyn StreamSink>, rows: &Receiver<RecordBatch>, closing: &AtomicBool) {
    let mut next = rows.recv().ok();
    while let Some(batch) = next {
        if !insist(view, closing, || sink.write(&batch, &ids(view, &batch)?)) {
            return;
        }
        next = match rows.try_recv() {
            Ok(batch) => Some(batch),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                if !insist(view, closing, || sink.flush()) {
                    return;
                }
                rows.recv().ok()
            }
        };
    }
    insist(view, closing, || sink.flush());
}

/// Tries until it is done; false when the project ends and the other side is still away.
#[allow(clippy::disallowed_methods)] // a pause between tries is one
fn insist(view: &str, closing: &AtomicBool, mut work: impl FnMut() -> Result<()>) -> bool {
    let mut pause = PAUSE;
    loop {
        match work() {
            Ok(()) => return true,
            Err(e) if closing.load(Ordering::SeqCst) => {
                tracing::error!(view, error = %e, "rows were not sent");
                return false;
            }
            Err(e) => {
                tracing::warn!(view, error = %e, "rows could not be sent; tried again");
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// One text per row: the same whenever the same row of the view is sent.
fn ids(view: &str, rows: &RecordBatch) -> Result<Vec<String>> {
    let texts = crate::json_rows(std::slice::from_ref(rows))?;
    Ok(texts.iter().map(|t| crate::fingerprint::hash(&format!("{view}\n{t}"))).collect())
}
