//! Tables that are needed while a run is scored, in a lake of their own that goes away with it: whatever their size, memory stays bounded.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tidemill_core::{Clock, Error, Result, Scan};
use tidemill_engine::{Catalog, Engine, Relation, Session};
use tidemill_lake::{Holder, Lake, Lease, Snapshot, TableName, TableWriter, WriterOptions};

pub(super) struct Scratch {
    lake: Arc<Lake>,
    _lease: Lease,
    _dir: TempDir,
}

impl Scratch {
    pub(super) fn new(beside: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Scratch> {
        let dir = match beside {
            Some(beside) => std::fs::create_dir_all(beside).and_then(|()| tempfile::tempdir_in(beside)),
            None => tempfile::tempdir(),
        };
        let dir = dir.map_err(|e| Error::unavailable(format!("no temporary directory can be made: {e}")).because(e))?;
        let lake = Lake::open(dir.path(), clock)?;
        let holder = Holder { command: "score".into(), pid: std::process::id(), host: "localhost".into(), since_micros: 0 };
        let lease = lake.acquire(holder)?;
        Ok(Scratch { lake, _lease: lease, _dir: dir })
    }

    pub(super) fn writer(&self, name: &str, schema: SchemaRef) -> Result<ScratchWriter> {
        let table = TableName::public(name);
        let writer = self.lake.writer(&table, &schema, WriterOptions::default())?;
        Ok(ScratchWriter { lake: Arc::clone(&self.lake), table, schema, writer, next: AtomicU64::new(0) })
    }

    /// A table's rows, in the order in which they were written.
    pub(super) fn scan(&self, snapshot: &Snapshot) -> Result<Box<dyn Scan>> {
        self.lake.scan(snapshot.clone(), None)
    }

    pub(super) fn session(&self, engine: &Engine, tables: &[(&str, &Snapshot)]) -> Result<Session> {
        let relation =
            |(name, snapshot): &(&str, &Snapshot)| Ok(Relation::provider("public", *name, self.lake.provider((*snapshot).clone())?));
        let relations = tables.iter().map(relation).collect::<Result<Vec<_>>>()?;
        engine.session(Catalog { relations, ..Catalog::default() }).map_err(|p| Error::bug(p.message))
    }
}

pub(super) struct ScratchWriter {
    lake: Arc<Lake>,
    table: TableName,
    schema: SchemaRef,
    writer: TableWriter,
    next: AtomicU64,
}

impl ScratchWriter {
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows, from whoever writes alone.
    pub(super) fn append(&self, batch: RecordBatch) -> Result<()> {
        self.write(self.next.fetch_add(1, Ordering::Relaxed), batch)
    }

    /// Rows by their number, from any thread.
    pub(super) fn write(&self, seq: u64, batch: RecordBatch) -> Result<()> {
        self.writer.write(seq, batch)
    }

    pub(super) fn finish(self) -> Result<Snapshot> {
        let schema: &Schema = &self.schema;
        let files = self.writer.finish()?;
        self.lake.staged(&self.table, schema, files)
    }
}
