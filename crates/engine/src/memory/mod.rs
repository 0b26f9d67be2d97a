//! Tables kept in memory: columns of Arrow chunks under one budget, least recently used out.
//!
//! Read in this order: this file (what is kept, what is let go), [`column`] (a column as it is kept, with what its chunks say about
//! themselves), [`table`] (the relation a session names: it fills the cache when first read), [`scan`] (reading what is kept), [`told`] (what
//! is kept, as a table).
//!
//! Invariants: a table's version never changes, so what is kept of it never does either; a relation kept in memory answers every question
//! with the same rows, in the same order, as the one it was read from; and what is kept is counted in the engine's memory pool.

mod column;
mod scan;
mod table;
#[cfg(test)]
mod tests;
mod told;

use crate::engine::Engine;
use column::Column;
use datafusion::catalog::TableProvider;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use std::collections::{BTreeMap, HashMap};
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
    /// The table's version; of a view, what its rows were computed from. Empty while nothing is known of it.
    pub version: String,
    pub rows: u64,
    pub bytes: u64,
    /// How many of its columns are there.
    pub columns: usize,
    /// Of this table, in all its versions.
    pub counts: Counts,
    /// When the first column of this version was kept; `None` when none is.
    pub since_micros: Option<i64>,
    /// When a question last wanted it.
    pub used_micros: Option<i64>,
}

/// What became of what questions wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Columns that were there.
    pub hits: u64,
    /// Columns that had to be read first.
    pub loads: u64,
    /// Columns let go for others.
    pub evictions: u64,
    /// Questions that read the disk since what they wanted would not have fitted.
    pub refusals: u64,
}

/// One per engine; sessions share it.
#[derive(Debug)]
pub struct TablesInMemory {
    bytes_max: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    tables: BTreeMap<String, Held>,
    /// Of each table that was ever wanted: as many as the project has.
    counts: BTreeMap<String, (Counts, Option<i64>)>,
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
    since_micros: Option<i64>,
    /// Wanted before and found too large: not tried again for this version.
    too_large: bool,
}

impl TablesInMemory {
    pub(crate) fn new(bytes_max: u64) -> TablesInMemory {
        TablesInMemory { bytes_max, kept: Mutex::default() }
    }

    pub fn used(&self) -> MemoryUse {
        let kept = self.lock();
        let all = kept.counts();
        MemoryUse {
            tables: kept.known().into_iter().filter(|t| t.columns > 0).collect(),
            bytes: kept.bytes,
            bytes_max: self.bytes_max,
            hits: all.hits,
            loads: all.loads,
            evictions: all.evictions,
            refusals: all.refusals,
        }
    }

    /// Every table that was wanted: those of which something is kept, and those that did not fit or had to go.
    pub fn known(&self) -> Vec<TableUse> {
        self.lock().known()
    }

    /// What all tables together may hold.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Another number whenever something was wanted, read or let go.
    pub fn changes(&self) -> u64 {
        let kept = self.lock();
        // What is let go gives way to what is kept, which is a use.
        kept.clock + kept.counts().refusals
    }

    /// Lets everything go.
    pub fn clear(&self) {
        let mut kept = self.lock();
        kept.tables.clear();
        kept.bytes = 0;
        kept.reservation = None;
    }

    /// The columns that are there, by place in the table; and how many rows the table has, once that is known.
    fn look_up(&self, now_micros: i64, name: &str, version: &str, wanted: &[usize]) -> Found {
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        kept.of(name).1 = Some(now_micros);
        let Some(held) = kept.tables.get_mut(name).filter(|h| h.version == version) else { return Found::default() };
        let mut found = Found { columns: HashMap::new(), rows: Some(held.rows), too_large: held.too_large };
        for place in wanted {
            if let Some((column, used)) = held.columns.get_mut(place) {
                *used = now;
                found.columns.insert(*place, Arc::clone(column));
            }
        }
        kept.of(name).0.hits += found.columns.len() as u64;
        found
    }

    /// Keeps columns that were read. Whether they fitted; where they did not, nothing is kept of them.
    fn keep(&self, engine: &Engine, name: &str, version: &str, rows: usize, columns: Vec<(usize, Arc<Column>)>) -> bool {
        let bytes: u64 = columns.iter().map(|(_, c)| c.bytes).sum();
        let now_micros = engine.now_micros();
        let mut kept = self.lock();
        let (counts, used) = kept.of(name);
        counts.loads += columns.len() as u64;
        // Who reads columns wants them now, however long reading took.
        *used = Some(now_micros);
        kept.clock += 1;
        let now = kept.clock;
        // An older version's rows are of no use to the next question; and rows that were counted otherwise are another table's.
        if kept.tables.get(name).is_some_and(|h| h.version != version || h.rows != rows) {
            kept.forget(name);
        }
        let protected: Vec<usize> = columns.iter().map(|(place, _)| *place).collect();
        if bytes > self.bytes_max || !self.make_room(&mut kept, engine, bytes, name, &protected) {
            kept.of(name).0.refusals += 1;
            let held = kept.tables.entry(name.to_string()).or_insert_with(|| Held::new(version, rows));
            held.too_large |= bytes > self.bytes_max;
            return false;
        }
        let held = kept.tables.entry(name.to_string()).or_insert_with(|| Held::new(version, rows));
        held.since_micros = held.since_micros.filter(|_| !held.columns.is_empty()).or(Some(now_micros));
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
            kept.of(&table).0.evictions += 1;
        }
    }

    /// As [`TablesInMemory::look_up`], without counting as a use.
    fn peek(&self, name: &str, version: &str, wanted: &[usize]) -> Found {
        let kept = self.lock();
        let Some(held) = kept.tables.get(name).filter(|h| h.version == version) else { return Found::default() };
        let columns = wanted.iter().filter_map(|place| Some((*place, Arc::clone(&held.columns.get(place)?.0)))).collect();
        Found { columns, rows: Some(held.rows), too_large: held.too_large }
    }

    fn refused(&self, name: &str) {
        self.lock().of(name).0.refusals += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// What is counted of a table, and when it was last wanted.
    fn of(&mut self, name: &str) -> &mut (Counts, Option<i64>) {
        self.counts.entry(name.to_string()).or_default()
    }

    fn counts(&self) -> Counts {
        self.counts.values().fold(Counts::default(), |sum, (of, _)| Counts {
            hits: sum.hits + of.hits,
            loads: sum.loads + of.loads,
            evictions: sum.evictions + of.evictions,
            refusals: sum.refusals + of.refusals,
        })
    }

    fn known(&self) -> Vec<TableUse> {
        let of = |(name, (counts, used_micros)): (&String, &(Counts, Option<i64>))| {
            let held = self.tables.get(name);
            TableUse {
                name: name.clone(),
                version: held.map(|h| h.version.clone()).unwrap_or_default(),
                rows: held.map_or(0, |h| h.rows as u64),
                bytes: held.map_or(0, |h| h.columns.values().map(|(c, _)| c.bytes).sum()),
                columns: held.map_or(0, |h| h.columns.len()),
                counts: *counts,
                since_micros: held.filter(|h| !h.columns.is_empty()).and_then(|h| h.since_micros),
                used_micros: *used_micros,
            }
        };
        self.counts.iter().map(of).collect()
    }

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
        Held { version: version.to_string(), rows, columns: HashMap::new(), since_micros: None, too_large: false }
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
