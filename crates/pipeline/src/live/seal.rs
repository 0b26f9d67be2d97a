//! An epoch cut off what is in memory, and its commit: raw rows and those set aside, clean rows, what live views settled and what may still
//! change in them, their state; then the epoch is done, and only then are the sources told.

use super::feed::{self, Feed};
use super::guard::{Guard, Kept};
use super::hot::{self, Hot, HotView};
use crate::fingerprint::{self, Fingerprint};
use crate::ingest_step::blocking;
use crate::nodes;
use crate::report::SavepointReport;
use crate::state::{self, Outcome, QualityLine};
use crate::tables::Prepared;
use crate::workspace::Workspace;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_core::{Error, Reject, Result};
use tidemill_lake::{Commit, DataFile, Done, Lake, Lease, Manifest, NodeIntent, Removes, Snapshot, TableName, WriterOptions, quarantine};
use tidemill_live::OpenPage;
use tidemill_prepare::{Fitted, StreamApplied, StreamRecipe};

/// State up to this size is saved with every epoch. Larger state waits for this many, and until it holds this many rows more, since a start without
/// it would have to take them in again, or its size is little to the epochs that went by.
const SAVE_BYTES: u64 = 1 << 20;
const SAVE_EVERY: u32 = 20;
const SAVE_ROWS: u64 = 200_000;
const SAVE_BYTES_AN_EPOCH: u64 = 256 << 10;
const SAVE_AT_LAST: u32 = 240;
/// The part of an outcome that tells a view kept live from one that a run computed.
pub(crate) const FOLLOWED: &str = "kept live";

/// Whether an epoch is one of these: cut off, it is given up.
pub(crate) fn is_followed(manifest: &Manifest) -> bool {
    manifest.nodes.values().any(|n| n.positions.get("followed").is_some())
}

/// An epoch, ready to be committed.
pub(crate) struct Sealed {
    manifest: Manifest,
    tables: Vec<SealedTable>,
    views: Vec<SealedView>,
    alerts: Kept,
    /// Rows that came too late, of views that list them.
    late: Vec<RecordBatch>,
    versions: BTreeMap<TableName, i64>,
    /// Who waits for a savepoint of it.
    pub asked: Option<Asked>,
    /// A row of `system.recoveries`.
    pub recovered: Option<RecordBatch>,
}

/// Somebody wants a savepoint.
pub(crate) struct Asked {
    pub name: String,
    pub tell: std::sync::mpsc::Sender<Result<SavepointReport>>,
}

struct SealedTable {
    table: String,
    raw: Outcome,
    raw_rows: Vec<RecordBatch>,
    raw_schema: SchemaRef,
    rejects: Vec<Reject>,
    clean: Option<SealedClean>,
}

struct SealedClean {
    outcome: Outcome,
    rows: Vec<RecordBatch>,
    schema: SchemaRef,
    rejects: Vec<Reject>,
    partition_by: Vec<String>,
}

struct SealedView {
    name: String,
    outcome: Outcome,
    schema: SchemaRef,
    settled: Vec<RecordBatch>,
    /// Rows that may still change, of the pages in which something did.
    open: Vec<OpenPage>,
    /// The files of the other pages stay.
    kept: PageFiles,
    /// Files of the table that these take the place of; `None`: all of them.
    instead_of: Option<BTreeSet<String>>,
    /// State, where it is saved with this epoch.
    state: Option<Vec<u8>>,
    inputs: Vec<TableName>,
}

/// What stands before a view's state in its checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub epoch: u64,
    /// Of the SQL and everything else that decides what the state means.
    pub fingerprint: String,
    /// Version of each table read, that the state contains.
    pub versions: BTreeMap<String, i64>,
}

/// What came of an epoch.
pub(crate) struct Committed {
    pub snapshots: BTreeMap<TableName, Snapshot>,
    /// By view.
    pub pages: BTreeMap<String, PageFiles>,
}

/// Where pages of rows that may still change are stored: by the page's number its version, and the files.
pub(crate) type PageFiles = BTreeMap<u64, (u64, Vec<String>)>;

fn paths(pages: &PageFiles) -> BTreeSet<String> {
    pages.values().flat_map(|(_, files)| files.iter().cloned()).collect()
}

impl Sealed {
    /// Takes what is new out of feeds and views. What is taken stays visible until [`Hot::settle`].
    /// `whole`: the state of every view is saved, also of those that would wait.
    pub fn cut(
        ws: &Workspace,
        run_id: &str,
        feeds: &mut [Feed],
        hot: &Mutex<Hot>,
        guard: &mut Guard,
        at: i64,
        whole: bool,
    ) -> Result<Sealed> {
        let epoch = ws.lake.next_epoch()?;
        let mut nodes: BTreeMap<String, NodeIntent> = BTreeMap::new();
        let mut hot = hot.lock();
        let mut tables = Vec::new();
        for feed in feeds.iter_mut().filter(|f| f.dirty) {
            feed.dirty = false;
            tables.push(cut_table(feed, &mut hot, epoch, run_id)?);
        }
        let mut views = Vec::new();
        let mut late = Vec::new();
        let versions = hot.versions.clone();
        for v in hot.views.iter_mut().filter(|v| v.has_news(whole)) {
            v.dirty = false;
            for b in v.live.take_settled()? {
                v.fresh.push(b);
            }
            v.sealed = v.fresh.take();
            late.extend(super::late::batch(&v.name, v.live.take_late(), at)?);
            let mut open = v.live.open_pages()?;
            let saves = whole || v.is_new || is_due(v);
            (v.unsaved, v.rows_saved) = if saves { (0, v.live.stats().rows_in) } else { (v.unsaved + 1, v.rows_saved) };
            let state = if saves { Some(v.live.save()?) } else { None };
            v.outcome.epoch = epoch;
            v.outcome.run_id = run_id.to_string();
            v.outcome.parts.insert(FOLLOWED.into(), String::new());
            v.outcome.fingerprint = Fingerprint { parts: v.outcome.parts.clone() }.whole();
            let settled_rows: u64 = v.sealed.iter().map(|b| b.num_rows() as u64).sum();
            v.settled_rows = if v.is_new { settled_rows } else { v.settled_rows + settled_rows };
            v.outcome.rows = v.settled_rows + open.iter().flat_map(|p| &p.rows).map(|b| b.num_rows() as u64).sum::<u64>();
            let mut kept = std::mem::take(&mut v.page_files);
            let versions: BTreeMap<u64, u64> = open.iter().map(|p| (p.id, p.version)).collect();
            kept.retain(|id, (version, _)| !v.is_new && versions.get(id) == Some(version));
            open.retain(|p| !kept.contains_key(&p.id));
            let stays = paths(&kept);
            views.push(SealedView {
                name: v.name.clone(),
                outcome: v.outcome.clone(),
                schema: Arc::clone(&v.schema),
                settled: v.sealed.clone(),
                open,
                kept,
                instead_of: (!v.is_new).then(|| v.open_files.difference(&stays).cloned().collect()),
                state,
                inputs: v.inputs.iter().map(|i| TableName::new(&i.schema, &i.name)).collect(),
            });
            v.is_new = false;
        }
        for t in &tables {
            let positions = serde_json::json!({"followed": t.raw.files.iter().filter(|f| f.followed).map(|f| (f.path.clone(), f.fingerprint.clone())).collect::<BTreeMap<_, _>>()});
            nodes.insert(format!("raw.{}", t.table), NodeIntent { fingerprint: t.raw.fingerprint.clone(), positions, recipe: None });
            if let Some(c) = &t.clean {
                let intent =
                    NodeIntent { fingerprint: c.outcome.fingerprint.clone(), positions: serde_json::Value::Null, recipe: c.outcome.recipe };
                nodes.insert(format!("clean.{}", t.table), intent);
            }
        }
        for v in &views {
            let positions = serde_json::json!({"followed": {}});
            nodes.insert(v.name.clone(), NodeIntent { fingerprint: v.outcome.fingerprint.clone(), positions, recipe: None });
        }
        if nodes.is_empty() {
            // An epoch of alerts only is recognised as one of these all the same.
            let positions = serde_json::json!({"followed": {}});
            nodes.insert("alerts".into(), NodeIntent { fingerprint: String::new(), positions, recipe: None });
        }
        let manifest = Manifest { epoch, run_id: run_id.to_string(), fencing: 0, started_at_micros: at, nodes };
        Ok(Sealed { manifest, tables, views, alerts: guard.keep()?, late, versions, asked: None, recovered: None })
    }

    /// Makes the epoch durable, whole.
    pub async fn commit(self, ws: &Arc<Workspace>, lease: &Lease, maintain: bool) -> Result<Committed> {
        let (lake, epoch, at) = (&ws.lake, self.manifest.epoch, self.manifest.started_at_micros);
        lake.begin(lease, &self.manifest)?;
        let mut versions = self.versions;
        let mut touched: Vec<(TableName, BTreeSet<String>)> = Vec::new();
        for t in self.tables {
            let aside = TableName::quarantine(t.table.clone());
            let mut raw = t.raw;
            let files = set_aside(lake, lease, epoch, &aside, "ingest", t.rejects, &raw.run_id, at).await?;
            if let Some((files, version)) = files {
                versions.insert(aside.clone(), version);
                touched.push((aside.clone(), BTreeSet::new()));
                for f in &mut raw.files {
                    let mine = files.iter().filter(|a| a.constant("split").as_deref() == Some(f.path.as_str()));
                    f.quarantine_files.extend(mine.map(|a| a.path.clone()));
                }
            }
            state::put(lake, &raw)?;
            let name = TableName::raw(t.table.clone());
            let version = append(lake, lease, epoch, &name, &t.raw_schema, t.raw_rows, &[]).await?;
            versions.insert(name.clone(), version);
            touched.push((name, BTreeSet::new()));
            if let Some(c) = t.clean {
                let mut outcome = c.outcome;
                if let Some((files, version)) = set_aside(lake, lease, epoch, &aside, "prepare", c.rejects, &outcome.run_id, at).await? {
                    versions.insert(aside.clone(), version);
                    touched.push((aside, BTreeSet::new()));
                    outcome.quarantine_files.extend(files.iter().map(|a| a.path.clone()));
                }
                state::put(lake, &outcome)?;
                let name = TableName::clean(t.table.clone());
                let version = append(lake, lease, epoch, &name, &c.schema, c.rows, &c.partition_by).await?;
                versions.insert(name.clone(), version);
                touched.push((name, BTreeSet::new()));
            }
        }
        let mut pages = BTreeMap::new();
        for mut v in self.views {
            let name = TableName::public(v.name.clone());
            let settled = write(lake, &name, &v.schema, v.settled, &[]).await?;
            let mut open = Vec::new();
            for page in v.open {
                let (_, files) = write(lake, &name, &v.schema, page.rows, &[]).await?;
                v.kept.insert(page.id, (page.version, files.iter().map(|f| f.path.clone()).collect()));
                open.extend(files);
            }
            let open_paths = paths(&v.kept);
            v.outcome.open_files = open_paths.iter().cloned().collect();
            if v.state.is_some() {
                v.outcome.unsaved_files.clear();
            } else {
                v.outcome.unsaved_files.extend(settled.1.iter().map(|f| f.path.clone()));
            }
            state::put(lake, &v.outcome)?;
            let removes = match v.instead_of {
                None => Removes::All,
                Some(gone) if gone.is_empty() => Removes::None,
                Some(gone) => Removes::Paths(gone),
            };
            let adds = settled.1.into_iter().chain(open).collect();
            let commit = Commit { schema: settled.0, adds, removes, operation: "WRITE".into(), partition_columns: Vec::new() };
            let done = lake.commit(lease, epoch, &name, commit).await?;
            versions.insert(name.clone(), done.version);
            if let Some(bytes) = v.state {
                let read = v.inputs.iter().filter_map(|i| Some((i.to_string(), *versions.get(i)?))).collect();
                let fingerprint = v.outcome.parts.get("state").cloned().unwrap_or_default();
                put_state(lake, &v.name, epoch, &Head { epoch, fingerprint, versions: read }, &bytes)?;
            }
            let mut except = open_paths;
            except.extend(v.outcome.unsaved_files.iter().cloned());
            touched.push((name, except));
            pages.insert(v.name, v.kept);
        }
        let recovered = self.recovered.into_iter().collect();
        for (table, rows) in [("alerts", self.alerts.rows), ("late_rows", self.late), ("recoveries", recovered)] {
            let Some(first) = rows.first() else { continue };
            let rows = arrow::compute::concat_batches(&first.schema(), &rows)?;
            let done = lake.append(lease, epoch, table, rows).await?;
            versions.insert(TableName::system(table), done.version);
            touched.push((TableName::system(table), BTreeSet::new()));
        }
        for (name, state) in &self.alerts.states {
            put_state(lake, name, epoch, &Head { epoch, fingerprint: String::new(), versions: BTreeMap::new() }, state)?;
        }
        let told = versions.iter().map(|(k, v)| (format!("{}.{}", k.schema, k.name), *v)).collect();
        lake.finish(lease, &Done { epoch, finished_at_micros: ws.clock.now_micros(), versions: told })?;
        if let Some(asked) = self.asked {
            // Who asked may be gone.
            let _ = asked.tell.send(ws.write_savepoint(&asked.name).await);
        }
        tidy(ws, lease, &touched, epoch, maintain).await;
        let mut snapshots = BTreeMap::new();
        for (name, _) in touched {
            if let Some(s) = lake.snapshot(&name, None).await? {
                snapshots.insert(name, s);
            }
        }
        Ok(Committed { snapshots, pages })
    }
}

impl Hot {
    /// What was committed is now read from the lake.
    pub fn settle(&mut self, committed: &Committed) {
        for (name, snapshot) in &committed.snapshots {
            self.versions.insert(name.clone(), snapshot.version);
            if let Some(t) = self.tables.iter_mut().find(|t| t.name == *name) {
                t.base = Some(snapshot.clone());
                t.sealed.clear();
            }
            if let Some(v) = self.views.iter_mut().find(|v| name.schema == "public" && v.name == name.name) {
                v.base = Some(snapshot.clone());
                v.sealed.clear();
                v.page_files = committed.pages.get(&v.name).cloned().unwrap_or_default();
                v.open_files = paths(&v.page_files);
                v.outcome.open_files = v.open_files.iter().cloned().collect();
            }
        }
    }
}

/// Whether it is time for a view's state to be saved.
fn is_due(v: &HotView) -> bool {
    let stats = v.live.stats();
    let epochs = v.unsaved + 1;
    let is_worth_it = stats.rows_in.saturating_sub(v.rows_saved) >= SAVE_ROWS
        || stats.state_bytes <= SAVE_BYTES_AN_EPOCH * u64::from(epochs)
        || epochs >= SAVE_AT_LAST;
    stats.state_bytes <= SAVE_BYTES || (epochs >= SAVE_EVERY && is_worth_it)
}

fn cut_table(feed: &mut Feed, hot: &mut Hot, epoch: u64, run_id: &str) -> Result<SealedTable> {
    let (raw_name, clean_name) = hot::names(feed);
    let p = Arc::clone(&feed.p);
    let mut rows = |name: &TableName| match hot.table(name) {
        Some(t) => {
            t.sealed = t.fresh.take();
            t.sealed.clone()
        }
        None => Vec::new(),
    };
    let (raw_rows, clean_rows) = (rows(&raw_name), rows(&clean_name));
    feed.raw.epoch = epoch;
    feed.raw.run_id = run_id.to_string();
    let mut parts = Fingerprint { parts: feed.raw.parts.clone() };
    parts.part("files", &format!("{:?}", feed.raw.files.iter().map(|f| (&f.path, &f.fingerprint, &f.spec)).collect::<Vec<_>>()));
    feed.raw.fingerprint = parts.whole();
    feed.raw.parts = parts.parts;
    let clean = match (&mut feed.clean, &mut feed.recipe) {
        (Some(clean), Some(recipe)) => {
            clean.epoch = epoch;
            clean.run_id = run_id.to_string();
            let mut parts = Fingerprint { parts: clean.parts.clone() };
            parts.part(format!("input {}", p.raw_node()), &feed.raw.fingerprint);
            clean.fingerprint = parts.whole();
            clean.parts = parts.parts;
            Some(SealedClean {
                outcome: clean.clone(),
                rows: clean_rows,
                schema: crate::clean_step::described(&recipe.schema(), &p),
                rejects: std::mem::take(&mut feed.rejects_prepared),
                partition_by: p.table.partition_by.iter().map(|c| c.value.clone()).collect(),
            })
        }
        _ => None,
    };
    Ok(SealedTable {
        table: p.table.name.clone(),
        raw: feed.raw.clone(),
        raw_rows,
        raw_schema: crate::ingest::raw_schema(&p.reads),
        rejects: std::mem::take(&mut feed.rejects),
        clean,
    })
}

/// What a batch came to in preparation, onto the clean table's account.
pub(super) fn count_clean(feed: &mut Feed, applied: &StreamApplied) {
    let Some(clean) = &mut feed.clean else { return };
    let table = feed.p.table.name.clone();
    let line = feed::ledger(&mut clean.ledger, &table, "raw→clean");
    line.rows_read += applied.rows_read;
    line.written += applied.rows.num_rows() as u64;
    line.quarantined += applied.rejects.len() as u64;
    line.deduplicated += applied.deduplicated;
    line.filtered += applied.filtered;
    clean.rows += applied.rows.num_rows() as u64;
    let lines = applied.quality.iter().map(|q| QualityLine {
        rule_index: q.rule_index,
        rule: q.rule.to_string(),
        column: q.column.clone(),
        cells_changed: q.cells_changed,
        listed: q.listed,
        rows_removed: q.rows_removed,
        message: q.message.clone(),
    });
    feed::add_quality(&mut clean.quality, lines);
}

/// The table's fitted rules, ready for one batch after another; `None` until a run has fitted them to what the raw table holds, and whenever
/// the clean table is not that of these rules and rows.
pub(super) async fn recipe(ws: &Workspace, p: &Arc<Prepared>, raw: &Outcome, clean: Option<&Outcome>) -> Result<Option<StreamRecipe>> {
    let Some(clean) = clean else { return Ok(None) };
    let Some(generation) = clean.recipe else { return Ok(None) };
    let same = clean.parts.get("rules") == Some(&nodes::rules_part(p))
        && clean.parts.get(&format!("input {}", p.raw_node())) == Some(&fingerprint::hash(&raw.fingerprint));
    if !same {
        return Ok(None);
    }
    let Some(stored) = ws.lake.get_state::<serde_json::Value>(&nodes::recipe_path(&p.table.name, generation))? else { return Ok(None) };
    let fitted = Fitted::from_json(&stored, &p.recipe)?;
    let mut recipe = StreamRecipe::new(&fitted, ws.engine.memory(), &ws.scratch(), p.table.samples)?;
    if !recipe.needs_keys() {
        return Ok(Some(recipe));
    }
    // Which rows there were, so that a repeat of one is known for what it is.
    let by_clean = recipe.is_told_by_clean();
    let name = if by_clean { TableName::clean(p.table.name.clone()) } else { TableName::raw(p.table.name.clone()) };
    let Some(snapshot) = ws.lake.finished_snapshot(&name).await? else { return Ok(Some(recipe)) };
    let scan = ws.lake.scan(snapshot, None)?;
    blocking(move || {
        while let Some(morsel) = scan.next()? {
            let rows = morsel.decode()?.batch;
            if by_clean { recipe.load_keys(&rows)? } else { recipe.load_rows(&rows)? }
        }
        Ok(Some(recipe))
    })
    .await
}

/// Writes rows into data files that no commit names yet.
async fn write(
    lake: &Arc<Lake>,
    name: &TableName,
    schema: &SchemaRef,
    rows: Vec<RecordBatch>,
    partition_by: &[String],
) -> Result<(SchemaRef, Vec<DataFile>)> {
    let options = WriterOptions { partition_by: partition_by.to_vec(), ..WriterOptions::default() };
    let writer = lake.writer(name, schema, options)?;
    blocking(move || {
        let stored = writer.schema();
        for (seq, batch) in rows.into_iter().enumerate() {
            writer.write(seq as u64, batch)?;
        }
        Ok((stored, writer.finish()?))
    })
    .await
}

async fn append(
    lake: &Arc<Lake>,
    lease: &Lease,
    epoch: u64,
    name: &TableName,
    schema: &SchemaRef,
    rows: Vec<RecordBatch>,
    partition_by: &[String],
) -> Result<i64> {
    let (schema, adds) = write(lake, name, schema, rows, partition_by).await?;
    let commit = Commit { schema, adds, removes: Removes::None, operation: "WRITE".into(), partition_columns: partition_by.to_vec() };
    Ok(lake.commit(lease, epoch, name, commit).await?.version)
}

/// Appends rejects to the quarantine; the files that hold them and the version.
#[allow(clippy::too_many_arguments)]
async fn set_aside(
    lake: &Arc<Lake>,
    lease: &Lease,
    epoch: u64,
    name: &TableName,
    part: &str,
    rejects: Vec<Reject>,
    run_id: &str,
    at: i64,
) -> Result<Option<(Vec<DataFile>, i64)>> {
    if rejects.is_empty() {
        return Ok(None);
    }
    let batch = quarantine::batch(&rejects, run_id, at)?;
    let options = WriterOptions { file_per: Some("split".into()), ..WriterOptions::default() };
    let writer = lake.writer(name, &quarantine::schema(), options)?;
    let (schema, adds) = blocking(move || {
        let stored = writer.schema();
        writer.write(0, batch)?;
        Ok((stored, writer.finish()?))
    })
    .await?;
    let commit = Commit { schema, adds: adds.clone(), removes: Removes::None, operation: "WRITE".into(), partition_columns: Vec::new() };
    let done = lake.commit_part(lease, epoch, name, part, commit).await?;
    Ok(Some((adds, done.version)))
}

pub(super) fn state_path(of: &str, epoch: u64) -> String {
    format!("live/{of}.{epoch:020}.checkpoint")
}

pub(crate) fn put_state(lake: &Lake, of: &str, epoch: u64, head: &Head, state: &[u8]) -> Result<()> {
    let head = serde_json::to_vec(head).map_err(|e| Error::bug(e.to_string()))?;
    let mut bytes = Vec::with_capacity(state.len() + head.len() + 4);
    bytes.extend_from_slice(&(head.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(state);
    lake.put_bytes(&state_path(of, epoch), &bytes)
}

/// Whose states there are.
pub(crate) fn states(lake: &Lake) -> Result<BTreeSet<String>> {
    Ok(lake.list_state("live")?.iter().filter_map(|n| Some(named(n)?.0.to_string())).collect())
}

/// States of an epoch that was given up are of nothing.
pub(crate) fn forget_states(lake: &Lake, epoch: u64) -> Result<()> {
    for name in lake.list_state("live")?.iter().filter(|n| named(n).is_some_and(|(_, of)| of == epoch)) {
        lake.remove_state(&format!("live/{name}"))?;
    }
    Ok(())
}

/// Whose state a file is, and of which epoch.
fn named(file: &str) -> Option<(&str, u64)> {
    let (of, epoch) = file.strip_suffix(".checkpoint")?.rsplit_once('.')?;
    Some((of, epoch.parse().ok()?))
}

/// The newest state of a view that belongs to a finished epoch and is whole.
pub(crate) fn newest_state(lake: &Lake, of: &str, last_done: u64) -> Result<Option<(Head, Vec<u8>)>> {
    let finished = lake.finished()?;
    for epoch in newest_epochs(lake, of, last_done)?.into_iter().rev() {
        // The marks of old epochs are cleaned away. Of those that were given up no state is left.
        let is_forgotten = finished.first().is_some_and(|oldest| epoch < *oldest);
        if !is_forgotten && finished.binary_search(&epoch).is_err() {
            continue;
        }
        match lake.get_bytes(&state_path(of, epoch)) {
            Ok(Some(bytes)) => {
                let len = bytes.get(..4).map_or(0, |l| u32::from_le_bytes([l[0], l[1], l[2], l[3]]) as usize);
                let head = bytes.get(4..4 + len).and_then(|h| serde_json::from_slice(h).ok());
                if let Some(head) = head {
                    return Ok(Some((head, bytes[4 + len..].to_vec())));
                }
            }
            Ok(None) => {}
            // A torn one is told, and the one before it taken.
            Err(e) => tracing::warn!(view = of, epoch, error = %e, "a checkpoint can't be used"),
        }
    }
    Ok(None)
}

/// What is not needed any more goes: older states and outcomes, and now and then old versions. A failure costs space, not correctness.
async fn tidy(ws: &Workspace, lease: &Lease, touched: &[(TableName, BTreeSet<String>)], epoch: u64, maintain: bool) {
    let result: Result<()> = async {
        // Which of the quarantine's files hold whose rows is noted: they stay as they are.
        for (name, except) in touched.iter().filter(|(name, _)| name.schema != "quarantine") {
            ws.lake.compact_small(lease, name, except).await?;
        }
        if !maintain {
            return Ok(());
        }
        let tables: Vec<TableName> = touched.iter().map(|(n, _)| n.clone()).collect();
        ws.lake.maintain_followed(lease, &tables, super::HISTORY).await?;
        for name in ws.lake.list_state("live")? {
            let Some((of, at)) = named(&name) else { continue };
            let newer = newest_epochs(&ws.lake, of, epoch)?;
            if newer.len() >= 2 && at < newer[newer.len() - 2] {
                ws.lake.remove_state(&format!("live/{name}"))?;
            }
        }
        let all: Vec<_> = ws.checked.graph.nodes.iter().map(|n| (n.name.clone(), n.kind)).collect();
        state::sweep(&ws.lake, &all).await
    }
    .await;
    if let Err(e) = result {
        tracing::warn!(error = %e, "maintenance was not finished");
    }
}

fn newest_epochs(lake: &Lake, of: &str, upto: u64) -> Result<Vec<u64>> {
    let names = lake.list_state("live")?;
    let mut epochs: Vec<u64> = names.iter().filter_map(|n| named(n)).filter(|(o, e)| *o == of && *e <= upto).map(|(_, e)| e).collect();
    epochs.sort_unstable();
    Ok(epochs)
}
