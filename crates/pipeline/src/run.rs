//! A run: take the lease, say what will be done (the manifest), do it node by node in the graph's order, and call the epoch done.
//!
//! A node that fails fails its dependants only; everything else is finished, and the next run takes up what is missing. A run that was
//! killed is resumed under its own epoch when the project and its sources are still what its manifest says, and superseded otherwise.

use crate::live::Recovery;
use crate::nodes::{self, NodePlan, Planned};
use crate::record::Recorder;
use crate::report::{Action, FailedTest, IncompleteFile, RunEvent, RunOptions, RunReport, Status, Watch};
use crate::state::Outcome;
use crate::workspace::Workspace;
use crate::{measure, record_tables};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_core::{Error, Result};
use tidemill_lake::{Done, Lease, Manifest, NodeIntent, TableName};
use tidemill_project::NodeKind;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tracing::Instrument;

/// A run under way, as its nodes see it.
pub(crate) struct Run {
    pub ws: Arc<Workspace>,
    pub lease: Arc<Lease>,
    pub manifest: Manifest,
    pub recorder: Arc<Recorder>,
    pub frozen: bool,
    /// Newest committed version of every table.
    pub versions: Mutex<BTreeMap<TableName, i64>>,
    pub failed_tests: Mutex<Vec<FailedTest>>,
    pub quarantined: Mutex<BTreeMap<String, u64>>,
    /// By table and file, why the file could be read in part only.
    pub incomplete: Mutex<BTreeMap<(String, String), String>>,
    /// Ingest and preparation use every thread themselves, so one of them runs at a time.
    heavy: Semaphore,
    /// How many nodes work at a time. Each plan has a part for every thread, so more of them gain nothing, and share the memory.
    pub places: Semaphore,
    pub place_count: u32,
}

/// With more at a time, each has too little memory on a machine of many cores.
const PLACES_MAX: usize = 4;
/// How often running steps are told of, at first.
const BEAT: Duration = Duration::from_millis(500);

impl Workspace {
    /// Brings every selected node up to date. `Err` when the run could not begin or its record could not be written; a failed node is in
    /// the report.
    pub async fn run(self: &Arc<Self>, options: &RunOptions, watch: Arc<dyn Watch>) -> Result<RunReport> {
        let lease = Arc::new(self.lease("run")?);
        let ran = self.run_with(&lease, options, watch, None).await;
        self.end_life();
        ran
    }

    /// The same for who holds the lease: what has come to followed tables is taken in first. Who goes on following takes a recovery over.
    #[allow(clippy::disallowed_methods)] // how long a run took is measured, not decided by
    pub(crate) async fn run_with(
        self: &Arc<Self>,
        lease: &Arc<Lease>,
        options: &RunOptions,
        watch: Arc<dyn Watch>,
        goes_on: Option<&mut Option<Recovery>>,
    ) -> Result<RunReport> {
        let began = Instant::now();
        if !self.follows() {
            return self.run_nodes(lease, options, watch).await;
        }
        // A run that was interrupted is finished, or given up, before another epoch begins.
        let mut followed = Vec::new();
        if self.lake.unfinished()?.is_some_and(|open| !crate::live::is_followed(&open)) {
            let report = self.run_nodes(lease, options, Arc::clone(&watch)).await?;
            if report.status == Status::Failed {
                return Ok(report);
            }
            followed = report.steps;
        }
        followed.extend(self.drain(lease, options, &watch, goes_on).await?);
        let mut report = self.run_nodes(lease, options, Arc::clone(&watch)).await?;
        if report.status == Status::UpToDate && followed.iter().any(|s| s.rows_read > 0) {
            report.status = Status::Succeeded;
        }
        report.steps.splice(0..0, followed);
        report.elapsed = began.elapsed();
        Ok(report)
    }

    #[allow(clippy::disallowed_methods)] // how long a run took is measured, not decided by
    pub(crate) async fn run_nodes(self: &Arc<Self>, lease: &Arc<Lease>, options: &RunOptions, watch: Arc<dyn Watch>) -> Result<RunReport> {
        let began = Instant::now();
        let cpu = measure::cpu_seconds();
        let lease = Arc::clone(lease);
        record_tables::settle_dead_runs(self, &lease).await?;
        let mut planned = nodes::plan(&self.checked, &self.lake, options).await?;
        let started_at = self.clock.now_micros();
        let run_id = run_id(started_at, lease.fencing());
        let (manifest, resumed) = match self.lake.unfinished()? {
            Some(open) if self.goes_on(&open, &planned)? => {
                self.leave_done(&mut planned, open.epoch);
                let resumed = open.run_id.clone();
                (Some(open), Some(resumed))
            }
            Some(open) => {
                self.lake.abandon(&lease, open.epoch, "the project or its sources changed before it could be finished").await?;
                // What it had committed is taken back, and so work again.
                planned = nodes::plan(&self.checked, &self.lake, options).await?;
                (self.manifest(&lease, &planned, &run_id, started_at)?, None)
            }
            None => (self.manifest(&lease, &planned, &run_id, started_at)?, None),
        };
        let Some(manifest) = manifest else {
            return Ok(self.idle_report(run_id, &planned, began, cpu, &watch));
        };

        let journal = self.lake.journal(&run_id)?;
        let recorder = Recorder::new(run_id.clone(), watch, Arc::clone(&self.clock), Some(journal));
        self.cancelled.watch(Some(Arc::clone(&recorder)));
        let span = tracing::info_span!("run", run = %run_id, epoch = manifest.epoch);
        let result = self.work(lease, manifest, planned, &recorder, options, resumed, started_at).instrument(span).await;
        self.cancelled.watch(None);
        let (run, statuses, error) = result?;
        let steps = recorder.finished();
        let failed_tests = run.failed_tests.lock().clone();
        let status = if error.is_some() || statuses.values().any(|s| *s == Status::Failed) || failed_tests.iter().any(|t| t.is_error) {
            Status::Failed
        } else {
            Status::Succeeded
        };
        recorder.tell(&RunEvent::RunEnded { run_id: run_id.clone(), status });
        let quarantined = run.quarantined.lock().clone().into_iter().filter(|(_, n)| *n > 0).collect();
        Ok(RunReport {
            run_id,
            epoch: run.manifest.epoch,
            status,
            elapsed: began.elapsed(),
            cpu_seconds: measure::cpu_seconds_since(cpu),
            peak_memory_bytes: measure::peak_memory_bytes(),
            steps,
            failed_tests,
            quarantined,
            incomplete: told_incomplete(&run.incomplete.lock()),
            error: error.map(|e| e.to_string()),
        })
    }

    fn idle_report(&self, run_id: String, planned: &Planned, began: Instant, cpu: f64, watch: &Arc<dyn Watch>) -> RunReport {
        let recorder = Recorder::new(run_id.clone(), Arc::clone(watch), Arc::clone(&self.clock), None);
        for n in
            planned.nodes.iter().filter(|n| planned.selected.contains(&n.name) && !matches!(n.kind, NodeKind::View | NodeKind::Function))
        {
            let status = if n.is_without_rows { Status::Skipped } else { Status::UpToDate };
            recorder.skipped(&n.name, stage_of(n.kind), status, n.reason.clone());
        }
        let incomplete = incomplete(planned);
        let error = incomplete_error(&incomplete);
        RunReport {
            run_id,
            epoch: self.lake.last_done().ok().flatten().map_or(0, |d| d.epoch),
            status: if error.is_some() { Status::Failed } else { Status::UpToDate },
            elapsed: began.elapsed(),
            cpu_seconds: measure::cpu_seconds_since(cpu),
            peak_memory_bytes: measure::peak_memory_bytes(),
            steps: recorder.finished(),
            failed_tests: Vec::new(),
            quarantined: Vec::new(),
            incomplete: told_incomplete(&incomplete),
            error: error.map(|e| e.to_string()),
        }
    }

    /// A new manifest, if there is work.
    fn manifest(&self, lease: &Lease, planned: &Planned, run_id: &str, started_at: i64) -> Result<Option<Manifest>> {
        let intents: BTreeMap<String, NodeIntent> = planned
            .nodes
            .iter()
            .filter(|n| n.has_work())
            .map(|n| {
                let positions = serde_json::json!(
                    n.files.read.iter().map(|(_, f)| (f.path.clone(), f.fingerprint.clone())).collect::<BTreeMap<_, _>>()
                );
                (n.name.clone(), NodeIntent { fingerprint: n.fingerprint.whole(), positions, recipe: n.recipe })
            })
            .collect();
        if intents.is_empty() {
            return Ok(None);
        }
        self.begin(lease, run_id, started_at, intents).map(Some)
    }

    /// Whether the interrupted epoch still says what is wanted.
    fn goes_on(&self, open: &Manifest, planned: &Planned) -> Result<bool> {
        let now: BTreeMap<&str, String> = planned.nodes.iter().map(|n| (n.name.as_str(), n.fingerprint.whole())).collect();
        Ok(!self.lake.is_leaving(open.epoch)?
            && open.nodes.iter().all(|(name, i)| now.get(name.as_str()) == Some(&i.fingerprint))
            && planned.nodes.iter().filter(|n| n.has_work()).all(|n| open.nodes.contains_key(&n.name)))
    }

    /// What the interrupted run committed under this epoch is done, also where every run would do it anew (`--full`): a table takes an epoch
    /// once, and its outcome must go on naming the files that it took.
    fn leave_done(&self, planned: &mut Planned, epoch: u64) {
        let again = |n: &&mut NodePlan| matches!(n.action, Action::Build | Action::Extend) && nodes::table_of(&n.name, n.kind).is_some();
        for n in planned.nodes.iter_mut().filter(again) {
            let Some(before) = n.before.as_ref().filter(|b| b.epoch == epoch && b.fingerprint == n.fingerprint.whole()) else { continue };
            let has_tests = self.checked.project.views.iter().any(|v| v.name == n.name && !v.tests.is_empty());
            (n.action, n.reason) = match nodes::to_be_tested(before).filter(|_| has_tests) {
                Some(why) => (Action::Test, why),
                None => (Action::Keep, "done by the run that was interrupted".into()),
            };
        }
    }

    /// Whether work on a node is anything that can be seen: a view that is computed when asked is there already, unless it is to be tested.
    fn has_steps(&self, n: &NodePlan) -> bool {
        let project = &self.checked.project;
        match n.kind {
            NodeKind::View => project.views.iter().any(|v| v.name == n.name && !v.tests.is_empty()),
            NodeKind::Alert | NodeKind::Dashboard => false,
            _ => true,
        }
    }

    pub(crate) fn begin(&self, lease: &Lease, run_id: &str, started_at: i64, nodes: BTreeMap<String, NodeIntent>) -> Result<Manifest> {
        let manifest = Manifest {
            epoch: self.lake.next_epoch()?,
            run_id: run_id.to_string(),
            fencing: lease.fencing(),
            started_at_micros: started_at,
            nodes,
        };
        self.lake.begin(lease, &manifest)?;
        Ok(manifest)
    }

    #[allow(clippy::too_many_arguments)]
    async fn work(
        self: &Arc<Self>,
        lease: Arc<Lease>,
        manifest: Manifest,
        planned: Planned,
        recorder: &Arc<Recorder>,
        options: &RunOptions,
        resumed: Option<String>,
        started_at: i64,
    ) -> Result<(Arc<Run>, BTreeMap<String, Status>, Option<Error>)> {
        let work = planned.nodes.iter().filter(|n| n.has_work()).count();
        recorder.write(&serde_json::json!({"at": started_at, "kind": "run_started", "run": recorder.run_id, "command": options.command,
            "epoch": manifest.epoch, "selectors": options.select, "nodes": planned.nodes.iter().filter(|n| n.has_work() && self.has_steps(n)).map(|n| &n.name).collect::<Vec<_>>(), "pid": std::process::id(), "threads": self.engine.threads(),
            "memory_limit": self.checked.project.settings.engine.memory_limit}));
        recorder.tell(&RunEvent::RunStarted { run_id: recorder.run_id.clone(), epoch: manifest.epoch, nodes: work, resumed });
        let place_count = self.engine.threads().clamp(1, PLACES_MAX);
        let run = Arc::new(Run {
            versions: Mutex::new(self.newest_versions().await?),
            ws: Arc::clone(self),
            lease,
            manifest,
            recorder: Arc::clone(recorder),
            frozen: options.frozen,
            failed_tests: Mutex::default(),
            quarantined: Mutex::default(),
            incomplete: Mutex::new(incomplete(&planned)),
            heavy: Semaphore::new(1),
            places: Semaphore::new(place_count),
            place_count: place_count as u32,
        });
        let beat = {
            let recorder = Arc::clone(recorder);
            tokio::spawn(async move {
                // The longer it takes already, the less often: the journal of a long run is not to grow as its time does.
                let mut elapsed = Duration::ZERO;
                loop {
                    let wait = (elapsed / 100).clamp(BEAT, BEAT * 20);
                    tokio::time::sleep(wait).await;
                    elapsed += wait;
                    recorder.progress();
                }
            })
        };
        let (statuses, mut error) = Arc::clone(&run).nodes(&planned).await;
        beat.abort();
        // Asked later than this, the run is already being recorded as what it was.
        if self.cancelled.is_asked() {
            error.get_or_insert(Error::conflict("cancelled").help("run again to finish; what was done is kept"));
        }
        if let (None, Some(e)) = (&error, incomplete_error(&run.incomplete.lock())) {
            error = Some(e);
        }
        if let Err(e) = run.close(&planned, &statuses, error.as_ref()).await {
            tracing::error!(error = %e, "the epoch could not be finished");
            return Err(e);
        }
        Ok((run, statuses, error))
    }

    /// The newest version of every table in the lake.
    pub(crate) async fn newest_versions(&self) -> Result<BTreeMap<TableName, i64>> {
        let mut out = BTreeMap::new();
        for table in self.lake.tables()? {
            if let Some(s) = self.lake.snapshot(&table, None).await? {
                out.insert(table, s.version);
            }
        }
        Ok(out)
    }
}

impl Run {
    /// Runs every node with work, each as soon as what it reads is there.
    async fn nodes(self: Arc<Self>, planned: &Planned) -> (BTreeMap<String, Status>, Option<Error>) {
        let mut waiting: BTreeMap<String, NodePlan> = BTreeMap::new();
        let mut statuses: BTreeMap<String, Status> = BTreeMap::new();
        let work: BTreeSet<&str> = planned.nodes.iter().filter(|n| n.has_work()).map(|n| n.name.as_str()).collect();
        for n in &planned.nodes {
            if work.contains(n.name.as_str()) {
                waiting.insert(n.name.clone(), n.clone());
            } else if planned.selected.contains(&n.name) && n.action == Action::Keep {
                self.recorder.skipped(&n.name, stage_of(n.kind), Status::UpToDate, n.reason.clone());
                statuses.insert(n.name.clone(), Status::UpToDate);
            } else if planned.selected.contains(&n.name) && n.is_without_rows {
                self.recorder.skipped(&n.name, stage_of(n.kind), Status::Skipped, n.reason.clone());
                statuses.insert(n.name.clone(), Status::Skipped);
            }
        }
        let mut running: JoinSet<(String, Result<()>)> = JoinSet::new();
        let mut first: Option<Error> = None;
        loop {
            let cancelled = self.ws.cancelled.is_asked();
            let ready: Vec<String> = waiting
                .values()
                .filter(|n| n.depends_on.iter().all(|d| !work.contains(d.as_str()) || statuses.contains_key(d)))
                .map(|n| n.name.clone())
                .collect();
            for name in ready {
                let Some(n) = waiting.remove(&name) else { continue };
                let broken = n.depends_on.iter().find(|d| matches!(statuses.get(*d), Some(Status::Failed | Status::Skipped)));
                if cancelled || broken.is_some() {
                    let why = broken.map_or_else(|| "the run was cancelled".to_string(), |d| format!("{d} failed"));
                    self.recorder.skipped(&n.name, stage_of(n.kind), Status::Skipped, why);
                    statuses.insert(name, Status::Skipped);
                    continue;
                }
                let run = Arc::clone(&self);
                let span = tracing::Span::current();
                running.spawn(async move { (n.name.clone(), run.node(n).await) }.instrument(span));
            }
            if running.is_empty() {
                if waiting.is_empty() {
                    break;
                }
                continue; // skipped nodes may have freed others
            }
            match running.join_next().await {
                Some(Ok((name, Ok(())))) => {
                    statuses.insert(name, Status::Succeeded);
                }
                Some(Ok((name, Err(e)))) => {
                    statuses.insert(name.clone(), Status::Failed);
                    first.get_or_insert(if e.place.is_empty() { e.at(name) } else { e });
                }
                Some(Err(e)) => {
                    first.get_or_insert(Error::bug(format!("a step panicked: {e}")));
                    // Which node it was is unknown: nothing that waits may go on.
                    for (name, _) in std::mem::take(&mut waiting) {
                        statuses.insert(name, Status::Skipped);
                    }
                }
                None => break,
            }
        }
        // Tests come last: they may look at anything.
        for n in &planned.nodes {
            let is_view = matches!(n.kind, NodeKind::View | NodeKind::Table | NodeKind::Function);
            if is_view
                && statuses.get(&n.name) == Some(&Status::Succeeded)
                && !self.ws.cancelled.is_asked()
                && let Err(e) = self.hold_to_tests(n).await
            {
                statuses.insert(n.name.clone(), Status::Failed);
                first.get_or_insert(if e.place.is_empty() { e.at(n.name.clone()) } else { e });
            }
        }
        (statuses, first)
    }

    async fn node(&self, n: NodePlan) -> Result<()> {
        let _turn = match n.kind {
            NodeKind::Raw | NodeKind::Clean => Some(taken(self.heavy.acquire().await)?),
            _ => None,
        };
        if matches!(n.kind, NodeKind::View | NodeKind::Table) {
            return self.view(n).await;
        }
        let _place = self.place().await?;
        tracing::debug!(node = n.name, reason = n.reason, "begins");
        match n.kind {
            NodeKind::Raw => self.ingest(n).await,
            NodeKind::Clean => self.clean(n).await,
            // Only its tests are run, after everything else.
            NodeKind::Function | NodeKind::Alert | NodeKind::Query | NodeKind::Dashboard => Ok(()),
            _ => self.export(n).await,
        }
    }

    /// Waits until there is room for one more.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>> {
        taken(self.places.acquire().await)
    }

    /// Waits until nobody else works, and keeps it so.
    pub async fn alone(&self) -> Result<SemaphorePermit<'_>> {
        taken(self.places.acquire_many(self.place_count).await)
    }

    pub fn outcome(&self, n: &NodePlan) -> Outcome {
        Outcome {
            format: crate::state::FORMAT,
            node: n.name.clone(),
            epoch: self.manifest.epoch,
            run_id: self.recorder.run_id.clone(),
            fingerprint: n.fingerprint.whole(),
            parts: n.fingerprint.parts.clone(),
            ..Outcome::default()
        }
    }

    pub fn note_incomplete(&self, table: &str, damaged: &BTreeMap<String, String>) {
        for (file, why) in damaged {
            tracing::warn!(table, file, "the file is incomplete");
            self.incomplete.lock().insert((table.to_string(), file.clone()), why.clone());
        }
    }

    pub fn set_version(&self, table: TableName, version: i64) {
        self.versions.lock().insert(table, version);
    }

    /// Writes the run's record, calls the epoch done, and tidies up.
    async fn close(self: &Arc<Self>, planned: &Planned, statuses: &BTreeMap<String, Status>, error: Option<&Error>) -> Result<()> {
        let step = self.recorder.step("epoch", "commit");
        let message = format!("epoch {}", self.manifest.epoch);
        let result = async {
            let last = step.ending(&message);
            let ended = record_tables::run_ended(self, statuses, error);
            record_tables::append(self, planned, statuses, &[last, ended.clone()]).await?;
            let versions = self.ws.newest_versions().await?.into_iter().map(|(k, v)| (format!("{}.{}", k.schema, k.name), v)).collect();
            let done = Done { epoch: self.manifest.epoch, finished_at_micros: self.ws.clock.now_micros(), versions };
            self.ws.lake.finish(&self.lease, &done)?;
            Ok(ended)
        }
        .await;
        match result {
            Ok(ended) => {
                step.ok(message);
                self.recorder.write(&ended);
            }
            Err(e) => {
                step.fail(&e);
                return Err(e);
            }
        }
        record_tables::fold_journal(self).await?;
        // Old versions and leftovers cost space, not correctness: a failure here is told and left for the next run.
        let tables = self.ws.lake.tables()?;
        if let Err(e) = self.ws.lake.maintain(&self.lease, &tables, self.ws.checked.project.settings.lake.retention).await {
            tracing::warn!(error = %e, "maintenance was not finished");
        }
        Ok(())
    }
}

fn taken<'a>(permit: std::result::Result<SemaphorePermit<'a>, AcquireError>) -> Result<SemaphorePermit<'a>> {
    permit.map_err(|e| Error::bug(e.to_string()))
}

/// Files taken by earlier runs, as far as they could be read, and not mended since.
fn incomplete(planned: &Planned) -> BTreeMap<(String, String), String> {
    let selected = planned.nodes.iter().filter(|n| planned.selected.contains(&n.name));
    let kept = selected.flat_map(|n| n.files.keep.iter().filter(|f| f.present).map(move |f| (n, f)));
    let table = |n: &NodePlan| n.name.split_once('.').map_or(n.name.clone(), |x| x.1.to_string());
    kept.filter_map(|(n, f)| Some(((table(n), f.path.clone()), f.incomplete.clone()?))).collect()
}

/// A run that could not read all there is has not succeeded, though what could be read is taken in.
fn incomplete_error(files: &BTreeMap<(String, String), String>) -> Option<Error> {
    let ((_, file), why) = files.iter().next()?;
    let more = if files.len() > 1 { format!(" (and {} more)", files.len() - 1) } else { String::new() };
    Some(Error::data(format!("`{file}` is incomplete{more}: {why}")))
}

fn told_incomplete(files: &BTreeMap<(String, String), String>) -> Vec<IncompleteFile> {
    let told = files.iter().map(|((table, file), reason)| (table.clone(), file.clone(), reason.clone()));
    told.map(|(table, file, reason)| IncompleteFile { table, file, reason }).collect()
}

pub(crate) fn stage_of(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Raw => "ingest",
        NodeKind::Clean => "apply",
        NodeKind::View | NodeKind::Table => "view",
        NodeKind::Function => "test",
        NodeKind::Export => "export",
        NodeKind::Alert => "alert",
        NodeKind::Query => "query",
        NodeKind::Dashboard => "dashboard",
    }
}

/// `20261121T101500-7`: when, and the lease's fencing number, which no other run has.
pub(crate) fn run_id(at_micros: i64, fencing: u64) -> String {
    let when = chrono::DateTime::from_timestamp_micros(at_micros).unwrap_or_default();
    format!("{}-{fencing}", when.format("%Y%m%dT%H%M%S"))
}
