//! The newest rows, in memory: of each followed table and each live view, what is not in its Delta table as of the last finished epoch.

use super::feed::Feed;
use super::latency::Histogram;
use super::outlet::Outlet;
use super::seal::PageFiles;
use crate::reading::Reading;
use crate::state::Outcome;
use crate::workspace::Workspace;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{Session, TableProvider, hot};
use tidemill_lake::{Snapshot, TableName};
use tidemill_live::{InputRef, LiveView};

/// What queries and epochs look at, changed under one lock: whoever holds it sees every table and view after the same rows.
#[derive(Default)]
pub(crate) struct Hot {
    /// Of every table of the lake, as of the last finished epoch.
    pub versions: BTreeMap<TableName, i64>,
    pub tables: Vec<HotTable>,
    pub views: Vec<HotView>,
}

/// A followed table, raw or clean.
pub(crate) struct HotTable {
    pub name: TableName,
    /// The table as of the last finished epoch.
    pub base: Option<Snapshot>,
    /// Rows of the epoch that is being committed.
    pub sealed: Vec<RecordBatch>,
    /// Rows that came since.
    pub fresh: Rows,
}

pub(crate) struct HotView {
    pub name: String,
    pub live: LiveView,
    pub inputs: Vec<InputRef>,
    /// The tables it reads that are not followed, each at the version it has of them: `clean.products@12`.
    pub reads: Vec<String>,
    pub base: Option<Snapshot>,
    /// Files of `base` that hold rows which may still change: what is in memory stands in their place.
    pub open_files: BTreeSet<String>,
    /// Which of them hold which rows, as far as this process wrote them; while an epoch is committed it has this.
    pub page_files: PageFiles,
    pub sealed: Vec<RecordBatch>,
    pub fresh: Rows,
    pub outcome: Outcome,
    /// The stored rows are of another state (or there are none): the next epoch writes all of them.
    pub is_new: bool,
    /// Something came since the last epoch.
    pub dirty: bool,
    /// How often its rows changed, or may have: it only grows.
    pub changes: u64,
    /// Why it stopped.
    pub failed: Option<String>,
    pub latency: Histogram,
    pub schema: SchemaRef,
    /// Rows that will not change any more, in its table.
    pub settled_rows: u64,
    /// Where its changes are sent.
    pub outlet: Option<Outlet>,
    /// Epochs since its state was saved, and the rows it had taken in then.
    pub unsaved: u32,
    pub rows_saved: u64,
    /// At the start, its state was taken from a checkpoint.
    pub restored: bool,
    /// Rows of tables that were read into it then.
    pub rows_loaded: u64,
}

impl HotView {
    /// Whether an epoch has something to keep of it; `whole`: also state that would wait.
    pub fn has_news(&self, whole: bool) -> bool {
        self.failed.is_none() && (self.dirty || self.is_new || (whole && self.unsaved > 0))
    }
}

/// Batches as they come, the small ones put together.
#[derive(Default)]
pub(crate) struct Rows {
    batches: Vec<RecordBatch>,
    pub rows: usize,
    pub bytes: usize,
    /// How often something came: it only grows.
    pub arrivals: u64,
}

/// So many small batches become one.
const SMALL: usize = 64;
const SMALL_ROWS: usize = 1024;

impl Rows {
    pub fn push(&mut self, batch: RecordBatch) {
        if batch.num_rows() == 0 {
            return;
        }
        self.arrivals += 1;
        self.rows += batch.num_rows();
        self.bytes += batch.get_array_memory_size();
        self.batches.push(batch);
        let small = self.batches.iter().rev().take_while(|b| b.num_rows() < SMALL_ROWS).count();
        if small >= SMALL {
            let from = self.batches.len() - small;
            let schema = self.batches[from].schema();
            if let Ok(one) = arrow::compute::concat_batches(&schema, &self.batches[from..]) {
                self.batches.truncate(from);
                self.batches.push(one);
            }
        }
    }

    pub fn take(&mut self) -> Vec<RecordBatch> {
        (self.rows, self.bytes) = (0, 0);
        std::mem::take(&mut self.batches)
    }

    pub fn all(&self) -> &[RecordBatch] {
        &self.batches
    }
}

/// What a session needs of [`Hot`], taken in one moment.
pub(crate) struct Moment {
    pub versions: BTreeMap<TableName, i64>,
    tables: Vec<(TableName, Option<Snapshot>, Vec<RecordBatch>)>,
}

impl Hot {
    pub fn table(&mut self, name: &TableName) -> Option<&mut HotTable> {
        self.tables.iter_mut().find(|t| t.name == *name)
    }

    /// What is of a table in memory changes with this number; `None` for what is only stored.
    pub fn changes(&self, name: &TableName) -> Option<u64> {
        let table = || self.tables.iter().find(|t| t.name == *name).map(|t| t.fresh.arrivals);
        let is = |v: &&HotView| name.schema == "public" && v.name == name.name && v.failed.is_none();
        self.views.iter().find(is).map(|v| v.changes).or_else(table)
    }

    pub fn moment(&mut self) -> Result<Moment> {
        let mut tables = Vec::with_capacity(self.tables.len() + self.views.len());
        for t in &self.tables {
            let rows = t.sealed.iter().chain(t.fresh.all()).cloned().collect();
            tables.push((t.name.clone(), t.base.clone(), rows));
        }
        for v in self.views.iter_mut().filter(|v| v.failed.is_none()) {
            let settled = v.live.take_settled()?;
            v.dirty |= !settled.is_empty();
            settled.into_iter().for_each(|b| v.fresh.push(b));
            let mut base = v.base.clone();
            if let Some(base) = &mut base {
                base.files.retain(|f| !v.open_files.contains(&f.path));
            }
            let mut rows: Vec<RecordBatch> = v.sealed.iter().chain(v.fresh.all()).cloned().collect();
            rows.extend(v.live.open_rows()?);
            tables.push((TableName::public(v.name.clone()), base, rows));
        }
        Ok(Moment { versions: self.versions.clone(), tables })
    }
}

impl Workspace {
    /// A session that sees the last finished epoch and everything that came since.
    pub(crate) async fn session_hot(
        &self,
        hot: &Mutex<Hot>,
        reading: Reading,
        system: Vec<(&'static str, RecordBatch)>,
    ) -> Result<Session> {
        let moment = hot.lock().moment()?;
        let mut instead: BTreeMap<TableName, Arc<dyn TableProvider>> = BTreeMap::new();
        for (name, base, rows) in moment.tables {
            let stored = match base {
                Some(base) => self.lake.provider(base)?,
                None => {
                    let Some(first) = rows.first() else { continue };
                    tidemill_engine::empty_table(&first.schema())?
                }
            };
            instead.insert(name, hot::with_rows(stored, &rows)?);
        }
        instead.extend(self.with_journals(&moment.versions).await?);
        for (name, rows) in system {
            instead.insert(TableName::system(name), tidemill_engine::batch_table(rows)?);
        }
        self.session_with(&moment.versions, reading, instead).await
    }
}

/// The clean table's rows of a feed go here.
pub(crate) fn names(feed: &Feed) -> (TableName, TableName) {
    (TableName::raw(feed.p.table.name.clone()), TableName::clean(feed.p.table.name.clone()))
}
