//! Tables kept in memory: columns of Arrow chunks under one budget, least recently used out.
//!
//! Read in this order: this file (what is kept, what is let go), [`column`] (a column as it is kept, with what its chunks say about
//! themselves), [`table`] (the relation a session names: it fills the cache when first read), [`scan`] (reading what is kept).
//!
//! Invariants: a table's version never changes, so what is kept of it never does either; a relation kept in memory answers every question
//! with the same rows, in the same order, as the one it was read from; and what is kept is counted in the engine's memory pool.

mod column;
mod scan;
mod table;
#[cfg(test)]
mod tests;

use crate::engine::Engine;
use column::Column;
use datafusion::catalog::TableProvider;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rows of a chunk: what is kept, left out and moved as one.
pub(crate) const CHUNK_ROWS: usize = 65_536;

/// What the tables in memory are made of and did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// By name and version.
    pub tables: Vec<TableUse>,
    pub bytes: u64,
    pub bytes_max: u64,
    /// Columns that were there when a question wanted them.
    pub hits: u64,
    /// Columns that had to be read first.
    pub loads: u64,
    /// Columns let go for others.
    pub evictions: u64,
    /// Questions that read the disk since what they wanted would not have fitted.
    pub refusals: u64,
}

impl MemoryUse {
    /// Of the columns wanted, the share that was there; 0 when none was wanted.
    pub fn hit_rate(&self) -> f64 {
        let wanted = self.hits + self.loads;
        if wanted == 0 { 0.0 } else { self.hits as f64 / wanted as f64 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableUse {
    pub name: String,
    /// The table's version; of a view, what its rows were computed from.
    pub version: String,
    pub rows: u64,
    pub bytes: u64,
    /// How many of its columns are there.
    pub columns: usize,
}

/// One per engine; sessions share it.
#[derive(Debug)]
pub struct TablesInMemory {
    bytes_max: u64,
    kept: Mutex<Kept>,
    hits: AtomicU64,
    loads: AtomicU64,
    evictions: AtomicU64,
    refusals: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    tables: BTreeMap<String, Held>,
    /// Counts uses, to know which is the longest ago.
    clock: u64,
    reservation: Option<MemoryReservation>,
    bytes: u64,
}

/// What is kept of one table: of one version only.
#[derive(Debug)]
struct Held {
    version: String,
    rows: usize,
    columns: HashMap<usize, (Arc<Column>, u64)>,
    /// Wanted before and found too large: not tried again for this version.
    too_large: bool,
}

impl TablesInMemory {
    pub(crate) fn new(bytes_max: u64) -> TablesInMemory {
        TablesInMemory {
            bytes_max,
            kept: Mutex::default(),
            hits: AtomicU64::new(0),
            loads: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        }
    }

    pub fn used(&self) -> MemoryUse {
        let kept = self.lock();
        let tables = kept.tables.iter().filter(|(_, h)| !h.columns.is_empty()).map(|(name, held)| TableUse {
            name: name.clone(),
            version: held.version.clone(),
            rows: held.rows as u64,
            bytes: held.columns.values().map(|(c, _)| c.bytes).sum(),
            columns: held.columns.len(),
        });
        MemoryUse {
            tables: tables.collect(),
            bytes: kept.bytes,
            bytes_max: self.bytes_max,
            hits: self.hits.load(Ordering::Relaxed),
            loads: self.loads.load(Ordering::Relaxed),
            evictions: self.evictions.load(Ordering::Relaxed),
            refusals: self.refusals.load(Ordering::Relaxed),
        }
    }

    /// Lets everything go.
    pub fn clear(&self) {
        let mut kept = self.lock();
        kept.tables.clear();
        kept.bytes = 0;
        kept.reservation = None;
    }

    /// The columns that are there, by place in the table; and how many rows the table has, once that is known.
    fn look_up(&self, name: &str, version: &str, wanted: &[usize]) -> Found {
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        let Some(held) = kept.tables.get_mut(name).filter(|h| h.version == version) else { return Found::default() };
        let mut found = Found { columns: HashMap::new(), rows: Some(held.rows), too_large: held.too_large };
        for place in wanted {
            if let Some((column, used)) = held.columns.get_mut(place) {
                *used = now;
                found.columns.insert(*place, Arc::clone(column));
            }
        }
        drop(kept);
        self.hits.fetch_add(found.columns.len() as u64, Ordering::Relaxed);
        found
    }

    /// Keeps columns that were read. Whether they fitted; where they did not, nothing is kept of them.
    fn keep(&self, engine: &Engine, name: &str, version: &str, rows: usize, columns: Vec<(usize, Arc<Column>)>) -> bool {
        let bytes: u64 = columns.iter().map(|(_, c)| c.bytes).sum();
        self.loads.fetch_add(columns.len() as u64, Ordering::Relaxed);
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        // An older version's rows are of no use to the next question; and rows that were counted otherwise are another table's.
        if kept.tables.get(name).is_some_and(|h| h.version != version || h.rows != rows) {
            kept.forget(name);
        }
        let protected: Vec<usize> = columns.iter().map(|(place, _)| *place).collect();
        if bytes > self.bytes_max || !self.make_room(&mut kept, engine, bytes, name, &protected) {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            let held = kept.tables.entry(name.to_string()).or_insert_with(|| Held::new(version, rows));
            held.too_large |= bytes > self.bytes_max;
            return false;
        }
        let held = kept.tables.entry(name.to_string()).or_insert_with(|| Held::new(version, rows));
        let mut twice = 0;
        for (place, column) in columns {
            if let Some((before, _)) = held.columns.insert(place, (column, now)) {
                twice += before.bytes;
            }
        }
        kept.release(twice);
        true
    }

    /// Lets go what was used longest ago until `bytes` more fit. Columns just read are not among what goes.
    fn make_room(&self, kept: &mut Kept, engine: &Engine, bytes: u64, name: &str, protected: &[usize]) -> bool {
        loop {
            if kept.bytes + bytes <= self.bytes_max && kept.reserve(engine, bytes) {
                kept.bytes += bytes;
                return true;
            }
            let oldest = kept
                .tables
                .iter()
                .flat_map(|(table, held)| held.columns.iter().map(move |(place, (_, used))| (*used, table, *place)))
                .filter(|(_, table, place)| *table != name || !protected.contains(place))
                .min_by_key(|(used, _, place)| (*used, *place))
                .map(|(_, table, place)| (table.clone(), place));
            let Some((table, place)) = oldest else { return false };
            let Some((gone, _)) = kept.tables.get_mut(&table).and_then(|h| h.columns.remove(&place)) else { return false };
            kept.release(gone.bytes);
            self.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As [`TablesInMemory::look_up`], without counting as a use.
    fn peek(&self, name: &str, version: &str, wanted: &[usize]) -> Found {
        let kept = self.lock();
        let Some(held) = kept.tables.get(name).filter(|h| h.version == version) else { return Found::default() };
        let columns = wanted.iter().filter_map(|place| Some((*place, Arc::clone(&held.columns.get(place)?.0)))).collect();
        Found { columns, rows: Some(held.rows), too_large: held.too_large }
    }

    fn refused(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, name: &str) {
        if let Some(held) = self.tables.remove(name) {
            self.release(held.columns.values().map(|(c, _)| c.bytes).sum());
        }
    }

    fn reserve(&mut self, engine: &Engine, bytes: u64) -> bool {
        let reservation = self.reservation.get_or_insert_with(|| MemoryConsumer::new("tables kept in memory").register(&engine.memory()));
        usize::try_from(bytes).is_ok_and(|bytes| reservation.try_grow(bytes).is_ok())
    }

    fn release(&mut self, bytes: u64) {
        self.bytes -= bytes;
        if let Some(reservation) = &mut self.reservation {
            reservation.shrink(usize::try_from(bytes).unwrap_or(0));
        }
    }
}

impl Held {
    fn new(version: &str, rows: usize) -> Held {
        Held { version: version.to_string(), rows, columns: HashMap::new(), too_large: false }
    }
}

#[derive(Default)]
struct Found {
    columns: HashMap<usize, Arc<Column>>,
    rows: Option<usize>,
    too_large: bool,
}

impl Engine {
    /// A relation that is read from memory once it has been read from `inner`. `version` must change whenever its rows do.
    pub fn in_memory(&self, name: &str, version: &str, inner: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
        Arc::new(table::TableInMemory::new(self.clone(), name, version, inner, false))
    }

    /// The same for what is computed: all of it is kept when any of it is asked for, since computing it again may give another order.
    pub(crate) fn view_in_memory(&self, name: &str, version: &str, inner: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
        Arc::new(table::TableInMemory::new(self.clone(), name, version, inner, true))
    }
}
