//! Alerts at work: those kept live see every row that comes, the others are asked again and again; what happens to alarms is sent on a thread of
//! its own, and kept with the next epoch.

use super::Following;
use super::seal;
use super::view::compile_sql;
use crate::alerts::{Actions, Alarms, Told, record};
use crate::record::Recorder;
use crate::workspace::Workspace;
use arrow::array::RecordBatch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tidemill_core::{Error, Result};
use tidemill_lake::TableName;
use tidemill_live::{InputRef, LiveView};
use tidemill_project::spec::Alert;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// All alerts of a project.
#[derive(Default)]
pub(crate) struct Guard {
    watched: Vec<Watched>,
    /// To the thread that sends word; gone when there is nothing to send.
    sender: Option<Sender<(usize, Vec<Told>)>>,
    thread: Option<std::thread::JoinHandle<()>>,
    dirty: bool,
}

struct Watched {
    name: String,
    alarms: Alarms,
    /// What is over by itself is no news at the start.
    is_append_only: bool,
    ask: Ask,
    /// Since the last epoch.
    told: Vec<Told>,
    failed: bool,
}

enum Ask {
    Live { live: Box<LiveView>, inputs: Vec<InputRef> },
    Every { micros: i64, sql: String, due: i64, answer: Option<oneshot::Receiver<Result<Vec<RecordBatch>>>> },
}

/// What an epoch keeps of alerts.
#[derive(Default)]
pub(crate) struct Kept {
    pub rows: Vec<RecordBatch>,
    /// By the name of its state.
    pub states: BTreeMap<String, Vec<u8>>,
}

/// The name under which an alert's state is kept among those of views.
pub(super) fn state_name(alert: &str) -> String {
    format!("alert-{alert}")
}

impl Guard {
    /// Opens every alert; rows that are there already raise an alarm only where they may go away again: what is over is no news.
    pub async fn open(ws: &Arc<Workspace>, recorder: &Recorder) -> Result<Guard> {
        let mut watched = Vec::new();
        let mut actions = Vec::new();
        let last_done = ws.lake.last_done()?.map_or(0, |d| d.epoch);
        let versions = ws.last_versions()?;
        for alert in &ws.checked.project.alerts {
            let now = ws.clock.now_micros();
            actions.push(Actions::open(alert, &ws.checked.project.dir)?);
            let mut w = match &alert.every_micros {
                Some(every) => {
                    let ask = Ask::Every { micros: every.value, sql: alert.sql.text.clone(), due: now, answer: None };
                    Watched {
                        name: alert.name.clone(),
                        alarms: Alarms::new(alert, false),
                        is_append_only: false,
                        ask,
                        told: Vec::new(),
                        failed: false,
                    }
                }
                None => live(ws, alert, &versions).await?,
            };
            if let Some((_, state)) = seal::newest_state(&ws.lake, &state_name(&alert.name), last_done)? {
                w.alarms.restore(&state)?;
            }
            w.begin(now, recorder)?;
            watched.push(w);
        }
        if watched.is_empty() {
            return Ok(Guard::default());
        }
        let (sender, words) = channel();
        let thread = std::thread::Builder::new()
            .name("alerts".into())
            .spawn(move || send_all(&mut actions, &words))
            .map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
        let mut guard = Guard { watched, sender: Some(sender), thread: Some(thread), dirty: false };
        for index in 0..guard.watched.len() {
            let told = guard.watched[index].told.clone();
            guard.send(index, told);
        }
        Ok(guard)
    }

    /// Rows that came to a table.
    pub fn take(&mut self, table: &TableName, split: &str, rows: &RecordBatch, now: i64) {
        for w in self.watched.iter_mut().filter(|w| !w.failed) {
            let Ask::Live { live, inputs } = &mut w.ask else { continue };
            for input in inputs.iter().filter(|i| i.schema == table.schema && i.name == table.name) {
                if let Err(e) = live.apply(input, split, rows, None, now) {
                    tracing::error!(alert = w.name, error = %e, "the alert stopped");
                    w.failed = true;
                }
            }
        }
    }

    /// Looks at what changed, asks what is due, and sends word.
    pub fn look(&mut self, ws: &Arc<Workspace>, following: &Following, runtime: &Handle, now: i64) {
        for index in 0..self.watched.len() {
            let w = &mut self.watched[index];
            match w.look(ws, following, runtime, now) {
                Ok(told) => {
                    w.told.extend(told.iter().cloned());
                    self.send(index, told);
                }
                Err(e) => tracing::warn!(alert = w.name, error = %e, "the alert could not be looked at"),
            }
        }
    }

    fn send(&mut self, index: usize, told: Vec<Told>) {
        if !told.is_empty() {
            self.dirty = true;
            if let Some(sender) = &self.sender {
                // The thread ends only after this end of the channel.
                let _ = sender.send((index, told));
            }
        }
    }

    /// Something happened that no epoch has yet.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// What is to be kept with an epoch.
    pub fn keep(&mut self) -> Result<Kept> {
        self.dirty = false;
        let mut kept = Kept::default();
        for w in &mut self.watched {
            let told = std::mem::take(&mut w.told);
            if !told.is_empty() {
                kept.rows.push(record(&w.name, &told)?);
            }
            kept.states.insert(state_name(&w.name), w.alarms.save()?);
        }
        Ok(kept)
    }

    /// Waits until every word is sent, or given up.
    pub fn close(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Watched {
    /// At the start, what the tables hold.
    fn begin(&mut self, now: i64, recorder: &Recorder) -> Result<()> {
        let Ask::Live { live, .. } = &mut self.ask else { return Ok(()) };
        live.take_changes()?;
        let mut rows = live.take_settled()?;
        if self.is_append_only {
            return Ok(());
        }
        rows.extend(live.open_rows()?);
        self.told = self.alarms.rows(&rows, now)?;
        if !self.told.is_empty() {
            recorder.note(&format!("alert.{}", self.name), format!("{} raised or resolved by what the tables hold", self.told.len()));
        }
        Ok(())
    }

    fn look(&mut self, ws: &Arc<Workspace>, following: &Following, runtime: &Handle, now: i64) -> Result<Vec<Told>> {
        let mut told = Vec::new();
        match &mut self.ask {
            Ask::Live { live, .. } if !self.failed => {
                live.tick(now)?;
                for delta in live.take_changes()? {
                    told.extend(self.alarms.changes(&delta.rows, delta.weights.as_ref(), now)?);
                }
                live.take_settled()?;
            }
            Ask::Live { .. } => {}
            Ask::Every { micros, sql, due, answer } => {
                if let Some(mut waiting) = answer.take() {
                    match waiting.try_recv() {
                        Ok(rows) => told.extend(self.alarms.rows(&rows?, now)?),
                        Err(oneshot::error::TryRecvError::Empty) => *answer = Some(waiting),
                        Err(oneshot::error::TryRecvError::Closed) => {}
                    }
                }
                if answer.is_none() && *due <= now {
                    *due = now + *micros;
                    let (tell, told) = oneshot::channel();
                    let (ws, following, sql) = (Arc::clone(ws), following.clone(), sql.clone());
                    runtime.spawn(async move {
                        let _ = tell.send(ws.query_hot(&following, &sql, None).await.map(|rows| rows.batches));
                    });
                    *answer = Some(told);
                }
            }
        }
        told.extend(self.alarms.tick(now));
        Ok(told)
    }
}

async fn live(ws: &Arc<Workspace>, alert: &Alert, versions: &BTreeMap<TableName, i64>) -> Result<Watched> {
    let inputs = ws.live_inputs(None);
    let compiled = compile_sql(&alert.name, &alert.sql.text, &alert.file, &alert.live, &ws.live_session()?, &inputs)?;
    let mut live = compiled.start(ws.engine.memory())?;
    for input in compiled.inputs() {
        let table = TableName::new(&input.schema, &input.name);
        let Some(version) = versions.get(&table) else { continue };
        let Some(snapshot) = ws.lake.snapshot(&table, Some(*version)).await? else { continue };
        live = super::view::load(ws, live, input, snapshot).await?;
    }
    let ask = Ask::Live { live: Box::new(live), inputs: compiled.inputs().to_vec() };
    let is_append_only = compiled.is_append_only();
    Ok(Watched {
        name: alert.name.clone(),
        alarms: Alarms::new(alert, is_append_only),
        is_append_only,
        ask,
        told: Vec::new(),
        failed: false,
    })
}

fn send_all(actions: &mut [Actions], words: &Receiver<(usize, Vec<Told>)>) {
    while let Ok((index, told)) = words.recv() {
        if let Some(actions) = actions.get_mut(index) {
            actions.tell(&told);
        }
    }
}
