//! Live views at the start: their SQL compiled, their state taken from the newest checkpoint and brought up to the tables, or built anew from
//! them.

use super::feed::Feed;
use super::hot::{Hot, HotView, Rows};
use super::latency::Histogram;
use super::outlet::Outlet;
use super::seal::{FOLLOWED, PageFiles};
use super::standing::{Saved, Standing, standing};
use crate::fingerprint::{self, Fingerprint};
use crate::ingest_step::blocking;
use crate::nodes;
use crate::record::Recorder;
use crate::state::Outcome;
use crate::tables::Prepared;
use crate::workspace::Workspace;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tidemill_core::{Error, ErrorKind, Result};
use tidemill_engine::Session;
use tidemill_lake::{Snapshot, TableName};
use tidemill_live::{Compiled, InputInfo, InputRef, LiveView};
use tidemill_project::NodeKind;
use tidemill_project::spec::{LiveSettings, Materialized, View};

/// Bump when the meaning of saved state changes: all of it is then built anew.
const STATE_GENERATION: &str = "1";

/// Every live view that reads a followed table, ready for the next row.
pub(super) async fn open_all(ws: &Arc<Workspace>, feeds: &[Feed], hot: &Mutex<Hot>, recorder: &Recorder) -> Result<Vec<HotView>> {
    let versions = hot.lock().versions.clone();
    let session = ws.live_session()?;
    let inputs = ws.live_inputs(Some(feeds));
    let mut out = Vec::new();
    for view in ws.checked.project.views.iter().filter(|v| *v.materialized == Materialized::Live) {
        let compiled = compile(view, &session, &inputs)?;
        let followed = |i: &InputRef| feeds.iter().any(|f| f.recipe.is_some() && i.schema == "clean" && i.name == f.p.table.name);
        if !compiled.inputs().iter().any(followed) {
            continue;
        }
        out.push(open(ws, view, compiled, &versions, recorder).await.map_err(|e| e.within(view.name.clone()))?);
    }
    Ok(out)
}

pub(crate) fn compile(view: &View, session: &Session, inputs: &[InputInfo]) -> Result<Compiled> {
    compile_sql(&view.name, &view.sql.text, &view.file, &view.live, session, inputs)
}

pub(super) fn compile_sql(
    name: &str,
    sql: &str,
    file: &Path,
    settings: &LiveSettings,
    session: &Session,
    inputs: &[InputInfo],
) -> Result<Compiled> {
    Compiled::new(name, sql, settings, session, inputs).map_err(|problems| match problems.into_iter().next() {
        Some(p) => {
            let e = Error::config(p.message).at(file.display().to_string());
            p.help.into_iter().fold(e, |e, h| e.help(h))
        }
        None => Error::bug("a live view that is refused without a reason"),
    })
}

async fn open(
    ws: &Arc<Workspace>,
    view: &View,
    compiled: Compiled,
    versions: &BTreeMap<TableName, i64>,
    recorder: &Recorder,
) -> Result<HotView> {
    let name = TableName::public(view.name.clone());
    let before = nodes::last_outcome(&ws.lake, &view.name, NodeKind::Table).await?;
    let mut base = match versions.get(&name) {
        Some(version) => ws.lake.snapshot(&name, Some(*version)).await?,
        None => None,
    };
    let fingerprint = state_fingerprint(ws, view);
    let (standing, _) = standing(ws, view, &compiled, before.as_ref().filter(|_| base.is_some()), versions).await?;
    let opened = match (standing, &before) {
        (Standing::Kept(saved), Some(outcome)) => restore(ws, &compiled, outcome, saved).await,
        (Standing::Rebuilt(why), _) => Ok(Err(why)),
        (Standing::Kept(_), None) => Ok(Err(String::new())),
    };
    let opened = match opened {
        Ok(Err(why)) => {
            if before.as_ref().is_some_and(|b| b.parts.contains_key(FOLLOWED)) {
                recorder.note(&view.name, format!("its state is rebuilt from the tables: {why}"));
            }
            built_anew(ws, &compiled, versions).await
        }
        Ok(Ok(opened)) => Ok(opened),
        Err(e) => Err(e),
    };
    // One that can't keep what its tables hold stops by itself, as it would while it goes on.
    let (mut opened, failed) = match opened {
        Ok(opened) => (opened, None),
        Err(e) if e.kind == ErrorKind::Limit => {
            recorder.note(&view.name, format!("the view reached its limit and stopped: {e}"));
            let open_files = before.iter().flat_map(|o| o.open_files.clone()).collect();
            (
                Opened { live: compiled.start(ws.engine.memory())?, is_new: false, restored: false, open_files, rows_loaded: 0 },
                Some(e.to_string()),
            )
        }
        Err(e) => return Err(e),
    };
    opened.live.follow_changes(view.live.sink.is_some());
    let outlet = Outlet::open(ws, view, &compiled)?;
    if opened.is_new {
        // What was there before the first row is no news.
        opened.live.take_changes()?;
    }
    tracing::info!(view = view.name, restored = opened.restored, "the view is ready");
    let mut outcome = before.unwrap_or_else(|| Outcome { format: crate::state::FORMAT, node: view.name.clone(), ..Outcome::default() });
    outcome.parts = parts(ws, view, &fingerprint);
    outcome.tested = true;
    let open_rows: u64 = base.iter().flat_map(|b| &b.files).filter(|f| opened.open_files.contains(&f.path)).map(|f| f.rows).sum();
    if let Some(base) = base.as_mut().filter(|_| opened.is_new) {
        // What is stored is of another state: from the first moment, also while the first epoch is being committed, only what is in memory counts.
        base.files.clear();
    }
    Ok(HotView {
        name: view.name.clone(),
        reads: reads(ws, compiled.inputs(), versions),
        inputs: compiled.inputs().to_vec(),
        schema: described(&compiled.schema(), view),
        live: opened.live,
        settled_rows: if opened.is_new { 0 } else { outcome.rows.saturating_sub(open_rows) },
        base,
        open_files: opened.open_files,
        page_files: PageFiles::default(),
        sealed: Vec::new(),
        fresh: Rows::default(),
        outcome,
        is_new: opened.is_new,
        // Rows that its tables had and its state did not: the stored result may lack them too, as after a stop at a limit.
        dirty: opened.rows_loaded > 0 && failed.is_none(),
        changes: 0,
        failed,
        latency: Histogram::default(),
        unsaved: 0,
        rows_saved: 0,
        restored: opened.restored,
        rows_loaded: opened.rows_loaded,
        outlet,
    })
}

/// Which versions of tables that are not followed a view reads. They stay while it is served: what changes them is a run, and that has the lake to itself.
fn reads(ws: &Workspace, inputs: &[InputRef], versions: &BTreeMap<TableName, i64>) -> Vec<String> {
    let tables = inputs.iter().map(|i| TableName::new(&i.schema, &i.name)).filter(|t| !ws.is_followed(t));
    tables.filter_map(|t| Some(format!("{t}@{}", versions.get(&t)?))).collect()
}

struct Opened {
    live: LiveView,
    is_new: bool,
    /// From a checkpoint.
    restored: bool,
    open_files: BTreeSet<String>,
    rows_loaded: u64,
}

/// State from all that the tables hold.
async fn built_anew(ws: &Arc<Workspace>, compiled: &Compiled, versions: &BTreeMap<TableName, i64>) -> Result<Opened> {
    let mut live = compiled.start(ws.engine.memory())?;
    let mut rows_loaded = 0;
    for input in compiled.inputs() {
        let table = TableName::new(&input.schema, &input.name);
        let Some(version) = versions.get(&table) else { continue };
        let Some(snapshot) = ws.lake.snapshot(&table, Some(*version)).await? else { continue };
        rows_loaded += snapshot.rows();
        live = load(ws, live, input, snapshot).await?;
    }
    Ok(Opened { live, is_new: true, restored: false, open_files: BTreeSet::new(), rows_loaded })
}

/// State from a checkpoint and what came since; else why the checkpoint is good for nothing after all.
async fn restore(ws: &Arc<Workspace>, compiled: &Compiled, outcome: &Outcome, saved: Saved) -> Result<Result<Opened, String>> {
    let mut live = compiled.start(ws.engine.memory())?;
    match live.restore(&saved.state) {
        Ok(r) if r.is_whole() => {}
        Ok(_) => return Ok(Err("its checkpoint is of another view".into())),
        Err(e) => return Ok(Err(format!("its checkpoint can't be read: {e}"))),
    }
    let behind = !saved.since.is_empty() || saved.head.epoch < outcome.epoch;
    let mut rows_loaded = 0;
    for (input, snapshot) in saved.since {
        rows_loaded += snapshot.rows();
        live = load(ws, live, &input, snapshot).await?;
    }
    let mut open_files: BTreeSet<String> = outcome.open_files.iter().cloned().collect();
    if behind {
        open_files.extend(outcome.unsaved_files.iter().cloned());
    }
    Ok(Ok(Opened { live, is_new: false, restored: true, open_files, rows_loaded }))
}

/// Rows of a stored table into a view, off the async threads.
pub(super) async fn load(ws: &Arc<Workspace>, mut live: LiveView, input: &InputRef, snapshot: Snapshot) -> Result<LiveView> {
    let scan = ws.lake.scan(snapshot, None)?;
    let input = input.clone();
    live.starts_at(ws.clock.now_micros());
    blocking(move || {
        while let Some(morsel) = scan.next()? {
            live.load(&input, &morsel.decode()?.batch)?;
        }
        Ok(live)
    })
    .await
}

/// Everything that decides what saved state means: SQL and settings, functions, and the views that are read through. How much may be kept, and where
/// rows are sent, is none of it.
pub(super) fn state_fingerprint(ws: &Workspace, view: &View) -> String {
    let functions = crate::check::functions_of(&ws.checked, &view.name).unwrap_or_default();
    let key: Vec<&str> = view.live.key.iter().map(|k| k.value.as_str()).collect();
    let settings = format!("{} {} {key:?}", fingerprint::live_spec(&view.live), view.live.recompute);
    fingerprint::hash(&format!("{STATE_GENERATION}\n{}\n{settings}\n{functions}\n{}", view.sql.text.trim(), upstream(ws, &view.name)))
}

/// The SQL of views that are read through.
fn upstream(ws: &Workspace, node: &str) -> String {
    let mut text = String::new();
    let mut left: Vec<String> = ws.checked.graph.node(node).map(|n| n.depends_on.clone()).unwrap_or_default();
    let mut seen = BTreeSet::new();
    while let Some(next) = left.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        if let Some(v) = ws.checked.project.views.iter().find(|v| v.name == next) {
            text.push_str(v.sql.text.trim());
            text.push('\n');
            left.extend(ws.checked.graph.node(&next).map(|n| n.depends_on.clone()).unwrap_or_default());
        }
    }
    text
}

/// As a run would have them, so that it finds the view as it should be.
pub(super) fn parts(ws: &Workspace, view: &View, state: &str) -> BTreeMap<String, String> {
    let mut parts = Fingerprint::default();
    parts.part("engine", nodes::ENGINE_GENERATION).part("SQL", &fingerprint::view_spec(view));
    if let Some(functions) = crate::check::functions_of(&ws.checked, &view.name) {
        parts.part("functions", &functions);
    }
    parts.parts.insert("state".into(), state.to_string());
    parts.parts
}

/// The schema with the view's descriptions on its columns.
fn described(schema: &arrow::datatypes::SchemaRef, view: &View) -> arrow::datatypes::SchemaRef {
    crate::view_step::described(schema, view)
}

impl Workspace {
    /// Whether rows come to this table by themselves.
    pub(crate) fn is_followed(&self, table: &TableName) -> bool {
        matches!(table.schema.as_str(), "clean" | "raw")
            && self.checked.tables.iter().any(|p| p.table.name == table.name && p.stream.is_some())
    }

    /// What live views may read: every clean and raw table and stored view, by its columns. Without feeds (when a project is checked), whatever could be
    /// followed is.
    pub(crate) fn live_inputs(&self, feeds: Option<&[Feed]>) -> Vec<InputInfo> {
        let is_open = |p: &Prepared| feeds.is_none_or(|f| f.iter().any(|f| f.p.table.name == p.table.name && f.recipe.is_some()));
        crate::check_live::inputs(&self.checked, &|p| p.stream.is_some() && is_open(p))
    }

    /// A session in which views are open, so that live views are read through; those that are stored are tables.
    pub(crate) fn live_session(&self) -> Result<Session> {
        self.checked.live_session.clone().ok_or_else(|| Error::bug("a project without a session"))
    }
}
