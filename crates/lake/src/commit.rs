//! Commits: one table's part of an epoch, exactly once. Delta's `txn` action does not refuse a repetition by itself, so before every try
//! the newest state is loaded, and a table that has the epoch already is left alone.

use crate::lake::{Table, delta_error, lock};
use crate::{DataFile, Lake, Lease, TableName, schema};
use arrow::datatypes::{Schema, SchemaRef};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::StructType;
use object_store::path::Path;
use object_store::{PutMode, PutPayload};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_store::failpoint;

/// Tries before a table that others keep writing to is given up.
const TRIES: usize = 20;

/// What a commit does to a table.
#[derive(Debug, Clone)]
pub struct Commit {
    /// As [`crate::TableWriter::schema`] gave it. A table takes on a new one, if its remaining files can be read as that.
    pub schema: SchemaRef,
    pub adds: Vec<DataFile>,
    pub removes: Removes,
    /// Delta's word for it: `WRITE`, `RESTORE`, `OPTIMIZE`, …
    pub operation: String,
    pub partition_columns: Vec<String>,
}

/// Which of the table's data files a commit takes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Removes {
    #[default]
    None,
    All,
    /// By [`DataFile::path`]; one that is not in the table fails the commit.
    Paths(BTreeSet<String>),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The table's version with the commit in it.
    pub version: i64,
    /// The table had the epoch already; nothing was done.
    pub skipped: bool,
}

/// How a commit is recorded for exactly-once: the application id and its number.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub id: String,
    pub version: i64,
    /// The epoch that the commit belongs to, for [`Lake::abandon`] and the history.
    pub epoch: Option<u64>,
}

/// What kind of change a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// New rows, or rows that go.
    Rows,
    /// The same rows in other files.
    Rearrangement,
    /// Files that were in the table before, with the schema they were written under.
    Return,
    /// The same, taking back an epoch; the recorded number goes back too, so it refuses no repetition.
    Undo,
}

impl Lake {
    /// Commits a table's part of an epoch, once. Data files must have been finished before.
    pub async fn commit(&self, lease: &Lease, epoch: u64, table: &TableName, commit: Commit) -> Result<Committed> {
        let txn = Transaction { id: table.application_id(), version: epoch as i64, epoch: Some(epoch) };
        self.commit_as(lease, table, commit, Some(txn), Kind::Rows).await
    }

    /// One of several commits of an epoch to the same table, once each: `part` tells them apart and stays the same in every epoch. Does not
    /// count for [`Lake::table_epoch`].
    pub async fn commit_part(&self, lease: &Lease, epoch: u64, table: &TableName, part: &str, commit: Commit) -> Result<Committed> {
        let txn = Transaction { id: format!("{}/{part}", table.application_id()), version: epoch as i64, epoch: Some(epoch) };
        self.commit_as(lease, table, commit, Some(txn), Kind::Rows).await
    }

    /// The data files that [`Lake::commit_part`] added in this epoch, if it was done: what another try of the same work would write again,
    /// under other names.
    pub async fn part_files(&self, epoch: u64, name: &TableName, part: &str) -> Result<Option<Vec<DataFile>>> {
        let Some(table) = self.table_if_there(name)? else { return Ok(None) };
        let Some(state) = table.latest().await? else { return Ok(None) };
        let id = format!("{}/{part}", name.application_id());
        if stored_transaction(&table, &state, &id).await? != Some(epoch as i64) {
            return Ok(None);
        }
        for version in table.log_versions()?.into_iter().rev() {
            let entry = table.log_entry(version)?;
            if entry.iter().any(|a| a["txn"]["appId"] == id.as_str() && a["txn"]["version"] == epoch) {
                let added: BTreeSet<&str> = entry.iter().filter_map(|a| a["add"]["path"].as_str()).collect();
                let files = data_files(name, &state)?;
                return Ok(Some(files.into_iter().filter(|f| added.contains(f.path.as_str())).collect()));
            }
        }
        Ok(None)
    }

    /// The newest epoch that a table had at a version.
    pub async fn table_epoch_at(&self, table: &TableName, version: i64) -> Result<Option<u64>> {
        let Some(handle) = self.table_if_there(table)? else { return Ok(None) };
        let txn = stored_transaction(&handle, &handle.at(version).await?, &table.application_id()).await?;
        Ok(txn.filter(|epoch| *epoch > 0).map(|epoch| epoch as u64))
    }

    /// The newest epoch that a table has, and the version it is at; `None` for a table that is not there or has none.
    pub async fn table_epoch(&self, table: &TableName) -> Result<Option<(u64, i64)>> {
        let Some(handle) = self.table_if_there(table)? else { return Ok(None) };
        let Some(state) = handle.latest().await? else { return Ok(None) };
        let txn = stored_transaction(&handle, &state, &table.application_id()).await?;
        Ok(txn.filter(|epoch| *epoch > 0).map(|epoch| (epoch as u64, state.version().unwrap_or(0) as i64)))
    }

    pub(crate) async fn commit_as(
        &self,
        lease: &Lease,
        name: &TableName,
        commit: Commit,
        txn: Option<Transaction>,
        kind: Kind,
    ) -> Result<Committed> {
        self.check_lease(lease)?;
        let table = self.table(name)?;
        let mut unanswered = None;
        for _ in 0..TRIES {
            let state = table.latest().await?;
            if let (Some(txn), Some(state)) = (&txn, &state)
                && kind != Kind::Undo
                && stored_transaction(&table, state, &txn.id).await?.is_some_and(|stored| stored >= txn.version)
            {
                let version = state.version().unwrap_or(0) as i64;
                self.settle(&table, &commit);
                // A try whose answer was lost did arrive after all.
                return Ok(Committed { version, skipped: unanswered.is_none() });
            }
            if let Some(e) = unanswered {
                return Err(e);
            }
            let version = state.as_ref().and_then(DeltaTable::version).map_or(0, |v| v as i64 + 1);
            let actions = self.actions(lease, &table, state.as_ref(), &commit, txn.as_ref(), kind)?;
            let body: String = actions.iter().map(|a| format!("{a}\n")).collect();
            failpoint(&format!("commit.{name}.before"));
            let path = Path::from(format!("_delta_log/{version:020}.json"));
            let put = table.store.objects().put_opts(&path, PutPayload::from(body), PutMode::Create.into()).await;
            failpoint(&format!("commit.{name}.after"));
            match put {
                Ok(_) => {
                    self.settle(&table, &commit);
                    tracing::debug!(table = %name, version, operation = commit.operation, "committed");
                    return Ok(Committed { version, skipped: false });
                }
                Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(e) if txn.is_some() && kind != Kind::Undo => {
                    unanswered = Some(Error::unavailable(format!("cannot write the table's log: {e}")).at(name.to_string()).because(e));
                }
                Err(e) => return Err(Error::unavailable(format!("cannot write the table's log: {e}")).at(name.to_string()).because(e)),
            }
        }
        Err(Error::conflict(format!("another program kept writing to {name}")).help("stop it, then run again"))
    }

    fn settle(&self, table: &Table, commit: &Commit) {
        let mut in_flight = lock(&table.in_flight);
        for file in &commit.adds {
            in_flight.remove(&file.path);
        }
    }

    /// The lines of the log entry.
    fn actions(
        &self,
        lease: &Lease,
        table: &Table,
        state: Option<&DeltaTable>,
        commit: &Commit,
        txn: Option<&Transaction>,
        kind: Kind,
    ) -> Result<Vec<Value>> {
        let data_change = kind != Kind::Rearrangement;
        let now = self.clock.now_micros() / 1000;
        let active = state.map(|s| data_files(&table.name, s)).transpose()?.unwrap_or_default();
        let removed = self.removed(&table.name, &active, &commit.removes)?;
        let mut actions = vec![Value::Null];
        actions.extend(self.metadata(
            table,
            state,
            commit,
            matches!(kind, Kind::Return | Kind::Undo) || removed.len() == active.len(),
            now,
        )?);
        for file in &removed {
            actions.push(json!({"remove": {
                "path": file.path, "deletionTimestamp": now, "dataChange": data_change, "extendedFileMetadata": true,
                "partitionValues": file.partition_values, "size": file.size,
            }}));
        }
        for file in &commit.adds {
            actions.push(json!({"add": {
                "path": file.path, "partitionValues": file.partition_values, "size": file.size,
                "modificationTime": file.modified_millis, "dataChange": data_change, "stats": file.stats,
            }}));
        }
        if let Some(txn) = txn {
            actions.push(json!({"txn": {"appId": txn.id, "version": txn.version, "lastUpdated": now}}));
        }
        let sum = |files: &[DataFile], f: fn(&DataFile) -> u64| files.iter().map(f).sum::<u64>();
        let owned: Vec<DataFile> = removed.iter().map(|f| (*f).clone()).collect();
        let total = |f: fn(&DataFile) -> u64| sum(&active, f) - sum(&owned, f) + sum(&commit.adds, f);
        let mut info = json!({
            "timestamp": now,
            "operation": commit.operation,
            "operationParameters": {},
            "isBlindAppend": removed.is_empty() && data_change,
            "engineInfo": concat!("tidemill ", env!("CARGO_PKG_VERSION")),
            "operationMetrics": {
                "numAddedFiles": commit.adds.len(), "numRemovedFiles": removed.len(),
                "numAddedRows": sum(&commit.adds, |f| f.rows), "numRemovedRows": sum(&owned, |f| f.rows),
            },
            "tidemill": {
                "fencing": lease.fencing(), "epoch": txn.and_then(|t| t.epoch),
                "files": active.len() - removed.len() + commit.adds.len(), "rows": total(|f| f.rows), "bytes": total(|f| f.size),
            },
        });
        if let Some(read) = state.and_then(DeltaTable::version) {
            info["readVersion"] = read.into();
        }
        actions[0] = json!({"commitInfo": info});
        Ok(actions)
    }

    fn removed<'a>(&self, table: &TableName, active: &'a [DataFile], removes: &Removes) -> Result<Vec<&'a DataFile>> {
        match removes {
            Removes::None => Ok(Vec::new()),
            Removes::All => Ok(active.iter().collect()),
            Removes::Paths(paths) => {
                let found: Vec<&DataFile> = active.iter().filter(|f| paths.contains(&f.path)).collect();
                if found.len() < paths.len() {
                    let missing = paths.iter().find(|p| active.iter().all(|f| &f.path != *p));
                    return Err(Error::conflict(format!("{table} no longer has the file {}", missing.map_or("", |p| p))));
                }
                Ok(found)
            }
        }
    }

    /// `protocol` and `metaData` where the table is new or its schema changes.
    fn metadata(&self, table: &Table, state: Option<&DeltaTable>, commit: &Commit, fits: bool, now: i64) -> Result<Vec<Value>> {
        let wanted = schema::delta_schema(&commit.schema)?;
        let before = state.map(|s| s.snapshot().map_err(|e| delta_error(&table.name, e))).transpose()?;
        let local = commit.schema.fields().iter().any(|f| schema::has_local_timestamps(f.data_type()));
        let mut actions = Vec::new();
        let (id, created) = match before {
            Some(before) => {
                let wanted: StructType = serde_json::from_value(wanted.clone()).map_err(|e| Error::bug(format!("schema: {e}")))?;
                if before.schema().as_ref() == &wanted && before.metadata().partition_columns() == commit.partition_columns.as_slice() {
                    return Ok(Vec::new());
                }
                if !fits {
                    if before.metadata().partition_columns() != commit.partition_columns.as_slice() {
                        return Err(Error::config(format!("{} cannot be partitioned anew while old rows stay", table.name))
                            .help("load the table with load = \"replace\""));
                    }
                    check_evolution(&table.name, &before.snapshot().arrow_schema(), &commit.schema)?;
                }
                if local && before.protocol().min_reader_version() < 3 {
                    actions.push(protocol(true));
                }
                (before.metadata().id().to_string(), before.metadata().created_time().unwrap_or(now))
            }
            None => {
                actions.push(protocol(local));
                let seed =
                    format!("{}\n{}\n{now}\n{}", table.store.url(), table.name, self.fencing.load(std::sync::atomic::Ordering::SeqCst));
                let mut bytes = [0u8; 16];
                bytes.copy_from_slice(&blake3::hash(seed.as_bytes()).as_bytes()[..16]);
                (uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string(), now)
            }
        };
        actions.push(json!({"metaData": {
            "id": id, "name": table.name.to_string(), "format": {"provider": "parquet", "options": {}},
            "schemaString": wanted.to_string(), "partitionColumns": commit.partition_columns, "configuration": {}, "createdTime": created,
        }}));
        Ok(actions)
    }
}

/// The number recorded for an application id.
pub(crate) async fn stored_transaction(table: &Table, state: &DeltaTable, id: &str) -> Result<Option<i64>> {
    let snapshot = state.snapshot().map_err(|e| delta_error(&table.name, e))?;
    snapshot.transaction_version(table.log.as_ref(), id).await.map_err(|e| delta_error(&table.name, e))
}

/// The active data files of a state, in the order they were written.
pub(crate) fn data_files(table: &TableName, state: &DeltaTable) -> Result<Vec<DataFile>> {
    let snapshot = state.snapshot().map_err(|e| delta_error(table, e))?;
    let log = snapshot.snapshot().try_log_data().map_err(|e| delta_error(table, e))?;
    let mut files = Vec::with_capacity(log.num_files());
    for view in log.iter() {
        if view.deletion_vector_descriptor().is_some() {
            return Err(Error::config(format!("{table} has deletion vectors, which tidemill does not read"))
                .help("rewrite it with the program that made them (REORG TABLE … APPLY (PURGE))"));
        }
        files.push(DataFile {
            path: view.path().into_owned(),
            size: view.size().max(0) as u64,
            rows: view.num_records().unwrap_or(0) as u64,
            stats: view.stats(),
            partition_values: view.partition_values_map().into_iter().collect(),
            modified_millis: view.modification_time(),
        });
    }
    files.sort_by(|a, b| crate::writer::file_order(&a.path).cmp(&crate::writer::file_order(&b.path)));
    Ok(files)
}

fn protocol(local_timestamps: bool) -> Value {
    if local_timestamps {
        json!({"protocol": {
            "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"],
        }})
    } else {
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
    }
}

fn check_evolution(table: &TableName, before: &Arc<Schema>, after: &Schema) -> Result<()> {
    for field in after.fields() {
        if let Ok(old) = before.field_with_name(field.name())
            && !schema::widens(old.data_type(), field.data_type())
        {
            return Err(Error::config(format!(
                "column `{}` of {table} changes from {} to {} while rows of the old type stay",
                field.name(),
                old.data_type(),
                field.data_type()
            ))
            .help("keep the old type, give the column a new name, or load the table anew"));
        }
    }
    Ok(())
}
