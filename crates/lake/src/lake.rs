//! The lake itself: where its tables are, and the handle through which each table's log is read and written.

use crate::{TableName, TableWriter, WriterOptions, writer};
use arrow::datatypes::Schema;
use deltalake_core::DeltaTable;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidemill_core::{Clock, Error, Result};
use tidemill_store::Store;

/// Tables, epochs and records under one location. Any number of processes may read; who writes holds a [`crate::Lease`].
#[derive(Debug)]
pub struct Lake {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// Of the lease this process took last; names data files, so that no two processes ever use one name.
    pub(crate) fencing: AtomicU64,
    tables: Mutex<HashMap<TableName, Arc<Table>>>,
    places: Mutex<BTreeMap<TableName, PathBuf>>,
}

/// One table's storage and log.
pub(crate) struct Table {
    pub name: TableName,
    pub store: Store,
    pub log: LogStoreRef,
    /// The newest state seen; brought up to date before every use.
    pub state: tokio::sync::Mutex<Option<DeltaTable>>,
    counter: Arc<AtomicU64>,
    /// Files this process has written, or is writing, that no commit names yet.
    pub in_flight: Arc<Mutex<BTreeSet<String>>>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({})", self.name)
    }
}

impl Lake {
    /// Opens the lake in a local directory, which is made when it is not there. `clock` dates everything that is written.
    pub fn open(location: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Lake>> {
        let store = Store::local(location)?;
        let (tables, places) = (Mutex::default(), Mutex::default());
        Ok(Arc::new(Lake { store, clock, fencing: AtomicU64::new(0), tables, places }))
    }

    /// The directory of the lake.
    pub fn location(&self) -> &Path {
        self.store.root()
    }

    /// Puts a table at a directory of its own instead of `<lake>/<schema>/<name>`. Call it before the table is used; a table that is in use
    /// elsewhere already is a conflict.
    pub fn place(&self, table: &TableName, directory: &Path) -> Result<()> {
        if !directory.is_absolute() {
            return Err(Error::bug(format!("the location of {table} must be absolute, not {}", directory.display())));
        }
        if let Some(open) = lock(&self.tables).get(table)
            && directory.canonicalize().ok().as_deref() != Some(open.store.root())
        {
            return Err(Error::conflict(format!("{table} is in use at {} already", open.store.root().display())));
        }
        lock(&self.places).insert(table.clone(), directory.to_path_buf());
        Ok(())
    }

    /// The directory of a table, whether it is there or not.
    pub fn directory(&self, table: &TableName) -> PathBuf {
        lock(&self.places).get(table).cloned().unwrap_or_else(|| self.store.root().join(table.directory()))
    }

    /// Every table that has been committed to at least once, sorted by name.
    pub fn tables(&self) -> Result<Vec<TableName>> {
        let mut found = BTreeSet::new();
        for schema in self.store.names("")?.into_iter().filter(|n| !n.starts_with(['_', '.'])) {
            for name in self.store.names(&schema)? {
                found.insert(TableName::new(schema.clone(), name));
            }
        }
        found.extend(lock(&self.places).keys().cloned());
        Ok(found.into_iter().filter(|t| self.has_log(t)).collect())
    }

    /// A writer of data files for a table. Needs a lease to have been taken; nothing is visible before [`Lake::commit`].
    pub fn writer(&self, table: &TableName, schema: &Schema, options: WriterOptions) -> Result<TableWriter> {
        let fencing = self.fencing.load(Ordering::SeqCst);
        if fencing == 0 {
            return Err(Error::bug(format!("{table} is written to without a lease")));
        }
        let table = self.table(table)?;
        let place = writer::Place {
            store: table.store.clone(),
            fencing,
            counter: table.counter.clone(),
            in_flight: table.in_flight.clone(),
            now_millis: self.clock.now_micros() / 1000,
        };
        TableWriter::new(place, schema, options)
    }

    pub(crate) fn has_log(&self, table: &TableName) -> bool {
        self.directory(table).join("_delta_log").is_dir()
    }

    /// The table's handle; its directory is made when it is not there.
    pub(crate) fn table(&self, name: &TableName) -> Result<Arc<Table>> {
        if let Some(table) = lock(&self.tables).get(name) {
            return Ok(table.clone());
        }
        let store = Store::local(&self.directory(name))?;
        let log = default_logstore(store.objects(), store.whole(), store.url(), &StorageConfig::default());
        let table = Arc::new(Table {
            name: name.clone(),
            store,
            log,
            state: tokio::sync::Mutex::default(),
            counter: Arc::new(AtomicU64::new(1)),
            in_flight: Arc::default(),
        });
        Ok(lock(&self.tables).entry(name.clone()).or_insert(table).clone())
    }

    /// The table's handle if anything has ever been committed to it.
    pub(crate) fn table_if_there(&self, name: &TableName) -> Result<Option<Arc<Table>>> {
        if self.has_log(name) { self.table(name).map(Some) } else { Ok(None) }
    }
}

impl Table {
    /// The newest state; `None` for a table without a single version.
    pub(crate) async fn latest(&self) -> Result<Option<DeltaTable>> {
        // Asked for a log that is not there, the library writes an error to the log of the process.
        if self.store.names("_delta_log")?.is_empty() {
            return Ok(None);
        }
        let mut state = self.state.lock().await;
        let known = state.take();
        let mut table = known.clone().unwrap_or_else(|| DeltaTable::new(self.log.clone()));
        let mut updated = table.update_state().await;
        if updated.is_err() && known.is_some() {
            // The owner may have cleaned the log away from under an old state.
            table = DeltaTable::new(self.log.clone());
            updated = table.update_state().await;
        }
        match updated {
            Ok(()) => {
                *state = Some(table.clone());
                Ok(Some(table))
            }
            Err(deltalake_core::DeltaTableError::NotATable(_)) => Ok(None),
            Err(e) => Err(delta_error(&self.name, e)),
        }
    }

    /// The state at a version. Versions do not change, but their log may have been cleaned away.
    pub(crate) async fn at(&self, version: i64) -> Result<DeltaTable> {
        if let Some(table) = self.state.lock().await.as_ref()
            && table.version() == Some(version as u64)
        {
            return Ok(table.clone());
        }
        let missing = || {
            Error::data(format!("version {version} of {} is not there", self.name))
                .help(format!("`tidemill snapshot ls {}` shows the versions that are kept", self.name))
        };
        // Asked for a version that is not there, the library writes an error to the log of the process.
        let (entry, checkpoint) = (format!("{version:020}.json"), format!("{version:020}.checkpoint"));
        if version < 0 || !self.store.names("_delta_log")?.iter().any(|n| *n == entry || n.starts_with(&checkpoint)) {
            return Err(missing());
        }
        let mut table = DeltaTable::new(self.log.clone());
        table.load_version(version as u64).await.map_err(|e| missing().because(e))?;
        Ok(table)
    }
}

/// An error of the Delta library as one of ours.
pub(crate) fn delta_error(table: &TableName, e: deltalake_core::DeltaTableError) -> Error {
    use deltalake_core::DeltaTableError as E;
    let error = match &e {
        E::ObjectStore { .. } | E::Io { .. } => Error::unavailable(format!("cannot reach the table's log: {e}")),
        E::VersionAlreadyExists(v) => Error::conflict(format!("somebody else wrote version {v}")),
        _ => Error::data(format!("the table's log cannot be read: {e}")),
    };
    error.at(table.to_string()).because(e)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
