//! The record of a run: every step's beginning, progress and end, to whoever watches, to the journal (for other processes, while the run
//! lasts) and to `system.runs` and `system.steps` at the end.

use crate::report::{RunEvent, Status, StepReport, Watch};
use crate::{measure, operators};
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;
use tidemill_core::{Clock, Error, Lap, Meter, Result, Task};
use tidemill_engine::{Operator, Query};
use tidemill_lake::Journal;

pub struct Recorder {
    pub run_id: String,
    watch: Arc<dyn Watch>,
    clock: Arc<dyn Clock>,
    journal: Option<Journal>,
    next_step: AtomicU32,
    steps: Mutex<Vec<StepReport>>,
    running: Mutex<Vec<Running>>,
    /// Counts the calls of [`Recorder::progress`].
    beats: AtomicU32,
}

struct Running {
    step: u32,
    meter: Arc<Meter>,
    work: Arc<Work>,
}

/// The plan that a step runs, once there is one, and what is done with its rows.
#[derive(Default)]
struct Work {
    query: Mutex<Option<Query>>,
    rows: AtomicU64,
    bytes: AtomicU64,
    write_nanos: AtomicU64,
}

/// Plans are told of less often than progress: they are longer.
const BEATS_A_PLAN: u32 = 4;

/// A step under way. Dropping it without [`Step::end`] records a failure, so that no path forgets one.
pub struct Step {
    recorder: Arc<Recorder>,
    pub id: u32,
    pub node: String,
    pub stage: &'static str,
    pub meter: Arc<Meter>,
    work: Arc<Work>,
    pub span: tracing::Span,
    began: Instant,
    cpu: f64,
    ended: bool,
}

/// Whether somebody asked the work to stop.
#[derive(Default)]
pub struct Cancelled {
    asked: AtomicBool,
    recorder: Mutex<Option<Arc<Recorder>>>,
}

impl Cancelled {
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        if let Some(r) = &*self.recorder.lock() {
            r.cancel_all();
        }
    }
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
    /// From now on, asking stops this run's steps.
    pub fn watch(&self, recorder: Option<Arc<Recorder>>) {
        *self.recorder.lock() = recorder;
    }
}

impl Recorder {
    pub fn new(run_id: String, watch: Arc<dyn Watch>, clock: Arc<dyn Clock>, journal: Option<Journal>) -> Arc<Self> {
        Arc::new(Recorder {
            run_id,
            watch,
            clock,
            journal,
            next_step: AtomicU32::new(1),
            steps: Mutex::new(Vec::new()),
            running: Mutex::new(Vec::new()),
            beats: AtomicU32::new(0),
        })
    }

    pub fn tell(&self, event: &RunEvent) {
        self.watch.on(event);
    }

    pub fn note(&self, node: &str, text: impl Into<String>) {
        let text = text.into();
        tracing::info!(node, "{text}");
        self.write(&json!({"at": self.clock.now_micros(), "kind": "note", "node": node, "text": text}));
        self.watch.on(&RunEvent::Note { node: node.to_string(), text });
    }

    /// A line in the journal. A journal that can't be written costs other processes their view of this run, not the run itself.
    pub fn write(&self, line: &serde_json::Value) {
        if let Some(j) = &self.journal
            && let Err(e) = j.append(line)
        {
            tracing::warn!(error = %e, "journal not written");
        }
    }

    #[allow(clippy::disallowed_methods)] // durations of steps are measured, not decided by
    pub fn step(self: &Arc<Self>, node: &str, stage: &'static str) -> Step {
        let id = self.next_step.fetch_add(1, Ordering::Relaxed);
        let meter = Arc::new(Meter::default());
        let span = tracing::info_span!("step", step = id, node = node, stage = stage);
        let began_at = self.clock.now_micros();
        let work = Arc::<Work>::default();
        self.running.lock().push(Running { step: id, meter: Arc::clone(&meter), work: Arc::clone(&work) });
        self.write(&json!({"at": began_at, "kind": "step_started", "step": id, "node": node, "stage": stage}));
        self.watch.on(&RunEvent::StepStarted { step_id: id, node: node.to_string(), stage, meter: Arc::clone(&meter) });
        tracing::info!(parent: &span, "started");
        Step {
            recorder: Arc::clone(self),
            id,
            node: node.to_string(),
            stage,
            meter,
            work,
            span,
            began: Instant::now(),
            cpu: measure::cpu_seconds(),
            ended: false,
        }
    }

    /// Writes how far running steps are; called now and then.
    pub fn progress(&self) {
        let at = self.clock.now_micros();
        let with_plans = self.beats.fetch_add(1, Ordering::Relaxed) % BEATS_A_PLAN == BEATS_A_PLAN - 1;
        for Running { step, meter: m, work } in self.running.lock().iter() {
            self.write(&json!({"at": at, "kind": "progress", "step": step, "progress": m.progress(),
                "rows_read": Meter::get(&m.rows_read), "rows_written": Meter::get(&m.rows_written), "rows_rejected": Meter::get(&m.rows_rejected),
                "bytes_read": Meter::get(&m.bytes_read), "bytes_written": Meter::get(&m.bytes_written),
                "bytes_spilled": Meter::get(&m.bytes_spilled), "bytes_exchanged": Meter::get(&m.bytes_exchanged)}));
            if with_plans {
                self.write_plan(*step, m, work);
            }
        }
    }

    fn write_plan(&self, step: u32, meter: &Meter, work: &Work) {
        let operators = operators::tree(&meter.work.done(), work.operators());
        if !operators.is_empty() {
            self.write(&json!({"at": self.clock.now_micros(), "kind": "plan", "step": step, "operators": operators}));
        }
    }

    pub fn cancel_all(&self) {
        for Running { meter, .. } in self.running.lock().iter() {
            meter.cancel();
        }
    }

    pub fn finished(&self) -> Vec<StepReport> {
        let mut steps = self.steps.lock().clone();
        steps.sort_by_key(|s| s.step_id);
        steps
    }

    /// A step that was not needed or not tried.
    pub fn skipped(&self, node: &str, stage: &'static str, status: Status, message: String) {
        let id = self.next_step.fetch_add(1, Ordering::Relaxed);
        let report = StepReport {
            step_id: id,
            node: node.to_string(),
            stage,
            status,
            elapsed: std::time::Duration::ZERO,
            rows_read: 0,
            rows_written: 0,
            rows_rejected: 0,
            bytes_read: 0,
            bytes_written: 0,
            bytes_spilled: 0,
            bytes_exchanged: 0,
            cpu_seconds: 0.0,
            peak_memory_bytes: 0,
            error: None,
            message,
        };
        self.watch.on(&RunEvent::StepEnded(report.clone()));
        self.steps.lock().push(report);
    }
}

impl Work {
    fn operators(&self) -> Option<Vec<Operator>> {
        let query = self.query.lock().clone()?;
        let mut operators = query.operators();
        // What becomes of the rows is no part of the plan, and takes its time too.
        for o in &mut operators {
            o.id += 1;
            o.parent = Some(o.parent.map_or(0, |p| p + 1));
        }
        let counted = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let seconds = counted(&self.write_nanos) as f64 / 1e9;
        let (rows, bytes_written) = (counted(&self.rows), counted(&self.bytes));
        operators.insert(0, Operator { operator: "Write".into(), rows, bytes_written, seconds, parts: 1, ..Operator::default() });
        Some(operators)
    }
}

impl Step {
    /// From now on it runs this.
    pub fn runs(&self, query: &Query) {
        self.work.query.lock().replace(query.clone());
        for counter in [&self.work.rows, &self.work.bytes, &self.work.write_nanos] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// Does something with so many rows of its plan, and counts the time.
    pub fn writes<T>(&self, rows: usize, write: impl FnOnce() -> T) -> T {
        let lap = Lap::begin();
        let done = write();
        Meter::add(&self.work.write_nanos, lap.nanos());
        Meter::add(&self.work.rows, rows as u64);
        done
    }

    /// Files made of rows of its plan are complete.
    pub fn wrote(&self, bytes: u64) {
        Meter::add(&self.work.bytes, bytes);
        Meter::add(&self.meter.bytes_written, bytes);
    }

    /// Makes its work durable, with so many rows, and counts how long it waits.
    pub async fn commits<T>(&self, rows: u64, commit: impl Future<Output = Result<T>>) -> Result<T> {
        let stint = self.meter.work.stint(Task::Commit, 1);
        let lap = Lap::begin();
        let committed = commit.await;
        stint.waited(lap.nanos());
        if committed.is_ok() {
            Meter::add(&stint.rows, rows);
        }
        committed
    }

    pub fn ok(self, message: impl Into<String>) {
        self.end(Status::Succeeded, message.into(), None);
    }

    pub fn fail(self, e: &Error) {
        self.end(Status::Failed, String::new(), Some(e.to_string()));
    }

    fn end(mut self, status: Status, message: String, error: Option<String>) {
        self.finish(status, message, error);
    }

    /// The journal's line for this step as if it ended well now: the record of a run is written while its last step goes on, and is seen only
    /// once that has ended.
    pub fn ending(&self, message: &str) -> serde_json::Value {
        self.line(&self.report(Status::Succeeded, message.into(), None))
    }

    fn report(&self, status: Status, message: String, error: Option<String>) -> StepReport {
        let m = &self.meter;
        StepReport {
            step_id: self.id,
            node: self.node.clone(),
            stage: self.stage,
            status,
            elapsed: self.began.elapsed(),
            rows_read: Meter::get(&m.rows_read),
            rows_written: Meter::get(&m.rows_written),
            rows_rejected: Meter::get(&m.rows_rejected),
            bytes_read: Meter::get(&m.bytes_read),
            bytes_written: Meter::get(&m.bytes_written),
            bytes_spilled: Meter::get(&m.bytes_spilled),
            bytes_exchanged: Meter::get(&m.bytes_exchanged),
            cpu_seconds: measure::cpu_seconds_since(self.cpu),
            peak_memory_bytes: measure::peak_memory_bytes(),
            error,
            message,
        }
    }

    fn line(&self, report: &StepReport) -> serde_json::Value {
        json!({"at": self.recorder.clock.now_micros(), "kind": "step_ended", "step": self.id, "node": self.node, "stage": self.stage, "status": report.status.as_str(),
            "rows_read": report.rows_read, "rows_written": report.rows_written, "rows_rejected": report.rows_rejected,
            "bytes_read": report.bytes_read, "bytes_written": report.bytes_written, "bytes_spilled": report.bytes_spilled,
            "bytes_exchanged": report.bytes_exchanged, "cpu_seconds": report.cpu_seconds, "peak_memory_bytes": report.peak_memory_bytes,
            "seconds": report.elapsed.as_secs_f64(), "error": report.error, "message": report.message})
    }

    fn finish(&mut self, status: Status, message: String, error: Option<String>) {
        self.ended = true;
        let report = self.report(status, message, error);
        let r = &self.recorder;
        let line = self.line(&report);
        match &report.error {
            None => tracing::info!(parent: &self.span, rows_read = report.rows_read, rows_written = report.rows_written,
                rows_rejected = report.rows_rejected, seconds = report.elapsed.as_secs_f64(), "{}", if report.message.is_empty() { "ended" } else { &report.message }),
            Some(e) => tracing::error!(parent: &self.span, error = %e, "failed"),
        }
        r.running.lock().retain(|running| running.step != self.id);
        r.write_plan(self.id, &self.meter, &self.work);
        r.write(&line);
        r.watch.on(&RunEvent::StepEnded(report.clone()));
        r.steps.lock().push(report);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(Status::Failed, String::new(), Some("ended early".into()));
        }
    }
}
