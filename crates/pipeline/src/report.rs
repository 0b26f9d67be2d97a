//! What the pipeline tells its callers: plain data, printed by the command line today and served over HTTP tomorrow.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::Meter;

/// What a run would do to one node, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanNode {
    pub node: String,
    /// `ingest`, `prepare`, `view`, `table`, `export`
    pub kind: &'static str,
    pub action: Action,
    /// For people: "2 new files, 1 changed", "never built", "rule 3 (repair) changed", "clean.orders will be rebuilt".
    pub reason: String,
    /// Files to read, with their sizes, for ingest nodes.
    pub files: Vec<(String, u64)>,
    /// Of a live view over a followed table: what becomes of its state.
    pub live: Option<LiveState>,
}

/// What the next start makes of a live view's state.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveState {
    /// It goes on from its checkpoint; else it is built anew from the tables.
    pub kept: bool,
    pub why: String,
    /// Those that keep something.
    pub operators: Vec<LiveOperator>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LiveOperator {
    /// `aggregate by window_start, category`
    pub name: String,
    pub keeps: String,
    pub kept: bool,
    pub why: String,
}

/// What becomes of state, in a word.
pub fn kept_or_rebuilt(kept: bool) -> &'static str {
    if kept { "kept" } else { "rebuilt" }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read or computed again, whole.
    Build,
    /// Only what is new is read; what is stored stays.
    Extend,
    /// Finish what an interrupted run began.
    Resume,
    /// Up to date.
    Keep,
    /// A plain view: computed when asked.
    Virtual,
    /// Stays as it is; its tests are run.
    Test,
    /// Not selected.
    Skip,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Build => "build",
            Action::Extend => "extend",
            Action::Resume => "resume",
            Action::Keep => "keep",
            Action::Virtual => "view",
            Action::Test => "test",
            Action::Skip => "skip",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Plan {
    /// The epoch that the run would write.
    pub epoch: u64,
    /// Set when an interrupted run is finished first.
    pub resumes: Option<String>,
    pub nodes: Vec<PlanNode>,
}

#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// `-s`; empty means everything.
    pub select: Vec<String>,
    /// Apply the stored recipes without fitting them again.
    pub frozen: bool,
    /// Build every selected node even when it is up to date.
    pub full: bool,
    /// Plan only.
    pub dry_run: bool,
    /// The command line, for the record and for whoever meets the lease.
    pub command: String,
}

/// Told while a run goes on. Implementations must not block.
pub trait Watch: Send + Sync {
    fn on(&self, event: &RunEvent);
}

/// Watches nothing.
pub struct Unwatched;
impl Watch for Unwatched {
    fn on(&self, _: &RunEvent) {}
}

#[derive(Clone)]
pub enum RunEvent {
    RunStarted {
        run_id: String,
        epoch: u64,
        nodes: usize,
        resumed: Option<String>,
    },
    StepStarted {
        step_id: u32,
        node: String,
        stage: &'static str,
        meter: Arc<Meter>,
    },
    StepEnded(StepReport),
    /// Something a person should know, not tied to a step's end.
    Note {
        node: String,
        text: String,
    },
    RunEnded {
        run_id: String,
        status: Status,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Succeeded,
    Failed,
    /// Not tried because something it needs failed.
    Skipped,
    /// Was already up to date.
    UpToDate,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
            Status::UpToDate => "up to date",
        }
    }
}

#[derive(Debug, Clone)]
pub struct StepReport {
    pub step_id: u32,
    pub node: String,
    /// `ingest`, `fit`, `apply`, `view`, `test`, `export`, `commit`
    pub stage: &'static str,
    pub status: Status,
    pub elapsed: Duration,
    pub rows_read: u64,
    pub rows_written: u64,
    pub rows_rejected: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub bytes_spilled: u64,
    pub bytes_exchanged: u64,
    pub cpu_seconds: f64,
    /// Of the process, by the end of the step.
    pub peak_memory_bytes: u64,
    pub error: Option<String>,
    /// One line for people: "2 240 rows, 24 cells filled, 3 made missing".
    pub message: String,
}

#[derive(Debug, Clone)]
pub struct RunReport {
    pub run_id: String,
    pub epoch: u64,
    pub status: Status,
    pub elapsed: Duration,
    pub cpu_seconds: f64,
    pub peak_memory_bytes: u64,
    pub steps: Vec<StepReport>,
    /// View tests that did not hold: (view, test, rows, is an error).
    pub failed_tests: Vec<FailedTest>,
    /// Rows set aside by this run, per table.
    pub quarantined: Vec<(String, u64)>,
    /// Files that could be read in part only, now or by an earlier run. What could be read is taken in; the run fails all the same.
    pub incomplete: Vec<IncompleteFile>,
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct IncompleteFile {
    pub table: String,
    pub file: String,
    pub reason: String,
}

#[derive(Debug, Clone)]
pub struct FailedTest {
    pub view: String,
    pub test: String,
    pub rows: u64,
    pub is_error: bool,
}

/// Rows to print: what most commands give back.
#[derive(Debug, Clone)]
pub struct Rows {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// More rows existed than were asked for.
    pub truncated: bool,
    pub elapsed: Duration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplayReport {
    pub table: String,
    pub tried: u64,
    pub accepted: u64,
    pub still_rejected: u64,
    /// What to do next, when that is not nothing: "run again to refresh clean.orders and what depends on it".
    pub next: String,
}

#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// As a node is called: `clean.orders`, `revenue_by_month`.
    pub table: String,
    pub restored: i64,
    /// The version that holds the old rows now.
    pub version: i64,
    /// How long that lasts, and what the next run does.
    pub next: String,
}

/// A savepoint, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavepointReport {
    pub name: String,
    /// The finished epoch whose content it is.
    pub epoch: u64,
    pub at_micros: i64,
    pub tables: u64,
    pub rows: u64,
    /// Of data files, which are shared with the tables as long as these have them.
    pub bytes: u64,
    /// Places in followed sources.
    pub splits: u64,
    /// Of live views and alerts.
    pub states: u64,
}

#[derive(Debug, Clone)]
pub struct SnapshotDiff {
    pub table: String,
    pub from: i64,
    pub to: i64,
    pub rows_from: u64,
    pub rows_to: u64,
    /// By key where the table has one; else whole rows.
    pub added: u64,
    pub removed: u64,
    /// Same key, other values; always 0 without a key.
    pub changed: u64,
    /// Columns that came, went or changed type: ("+", name, type).
    pub columns: Vec<(char, String, String)>,
    /// The first differing rows, with a `_change` column: `added`, `removed`, `before`, `after`.
    pub sample: Rows,
}

#[derive(Debug, Clone)]
pub struct AuditReport {
    pub epoch: u64,
    pub edges: Vec<AuditEdge>,
    pub balanced: bool,
}

/// One edge of the ledger, recounted from the stored tables.
#[derive(Debug, Clone)]
pub struct AuditEdge {
    pub table: String,
    /// `source→raw`, `raw→clean`, `source→clean`
    pub edge: &'static str,
    pub rows_read: u64,
    pub written: u64,
    pub quarantined: u64,
    pub deduplicated: u64,
    pub filtered: u64,
    pub late: u64,
    /// Rows that a later file or snapshot replaced or deleted (`upsert`, `diff`, changed files).
    pub replaced: u64,
    /// What the stored table really holds.
    pub stored: u64,
    pub balanced: bool,
    /// Why not, when not; else what is worth knowing, such as that the table is to be brought up to date.
    pub remark: String,
}
