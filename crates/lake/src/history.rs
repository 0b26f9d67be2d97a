//! What became of a table, version by version, and the way back.

use crate::commit::{Kind, Transaction, stored_transaction};
use crate::lake::Table;
use crate::{Commit, Committed, DataFile, Lake, Lease, Removes, Snapshot, TableName};
use serde_json::Value;
use std::collections::BTreeSet;
use tidemill_core::{Error, Result};

/// One version of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionInfo {
    pub version: i64,
    /// Microseconds since 1970.
    pub at_micros: i64,
    /// `WRITE`, `RESTORE`, `OPTIMIZE`, …
    pub operation: String,
    /// The epoch that made it; `None` for maintenance and for other programs' commits.
    pub epoch: Option<u64>,
    /// Of the whole table at that version.
    pub rows: u64,
    pub files: u64,
    pub bytes: u64,
}

impl Lake {
    /// Every version whose log is kept, newest first. Empty for a table that is not there.
    pub async fn history(&self, name: &TableName) -> Result<Vec<VersionInfo>> {
        let Some(table) = self.table_if_there(name)? else { return Ok(Vec::new()) };
        let mut versions = Vec::new();
        for version in table.log_versions()?.into_iter().rev() {
            let entry = table.log_entry(version)?;
            let info = entry.iter().find_map(|action| action.get("commitInfo")).unwrap_or(&Value::Null);
            let ours = &info["tidemill"];
            let (rows, files, bytes) = match (ours["rows"].as_u64(), ours["files"].as_u64(), ours["bytes"].as_u64()) {
                (Some(rows), Some(files), Some(bytes)) => (rows, files, bytes),
                // Another program's commit: its state has to be put together.
                _ => match self.snapshot(name, Some(version)).await {
                    Ok(Some(s)) => (s.rows(), s.files.len() as u64, s.bytes()),
                    _ => (0, 0, 0),
                },
            };
            versions.push(VersionInfo {
                version,
                at_micros: info["timestamp"].as_i64().unwrap_or(0) * 1000,
                operation: info["operation"].as_str().unwrap_or("").to_string(),
                epoch: ours["epoch"].as_u64(),
                rows,
                files,
                bytes,
            });
        }
        Ok(versions)
    }

    /// Makes a table what it was at a version, as part of an epoch and once. Nothing is lost: the versions in between stay in its history.
    pub async fn restore(&self, lease: &Lease, epoch: u64, name: &TableName, version: i64) -> Result<Committed> {
        let missing = || {
            Error::data(format!("version {version} of {name} is not there"))
                .help(format!("`tidemill snapshot ls {name}` shows the versions that are kept"))
        };
        let target = self.snapshot(name, Some(version)).await?.ok_or_else(missing)?;
        let current = self.snapshot(name, None).await?.ok_or_else(missing)?;
        if let Some(gone) = target.files.iter().find(|f| !target.store.root().join(&f.path).is_file()) {
            return Err(Error::data(format!("version {version} of {name} is past its retention: {} is gone", gone.path))
                .help("choose a newer version; lake.retention says how long versions are kept"));
        }
        let txn = Transaction { id: name.application_id(), version: epoch as i64, epoch: Some(epoch) };
        let commit = way_to(&current, &target.files, &target);
        self.commit_as(lease, name, commit, Some(txn), Kind::Return).await
    }

    /// Takes back what an epoch did to a table: files it added go, files it removed return. What others committed since stays.
    pub(crate) async fn undo(&self, lease: &Lease, epoch: u64, name: &TableName, before: Option<i64>) -> Result<()> {
        let Some(table) = self.table_if_there(name)? else { return Ok(()) };
        let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
        let mut done = true;
        for version in table.log_versions()?.into_iter().filter(|v| before.is_none_or(|b| *v > b)) {
            let entry = table.log_entry(version)?;
            let info = entry.iter().find_map(|a| a.get("commitInfo")).unwrap_or(&Value::Null);
            if info["tidemill"]["epoch"].as_u64() != Some(epoch) {
                continue;
            }
            done = info["operation"] == UNDO;
            if !done {
                for action in &entry {
                    added.extend(action["add"]["path"].as_str().map(str::to_string));
                    removed.extend(action["remove"]["path"].as_str().map(str::to_string));
                }
            }
        }
        if done {
            return Ok(());
        }
        let Some(current) = self.snapshot(name, None).await? else { return Ok(()) };
        let earlier = match before {
            Some(version) => self.snapshot(name, Some(version)).await?,
            None => None,
        };
        let back =
            earlier.iter().flat_map(|s| &s.files).filter(|f| removed.contains(&f.path) && current.files.iter().all(|c| c.path != f.path));
        let target: Vec<DataFile> = current.files.iter().filter(|f| !added.contains(&f.path)).chain(back).cloned().collect();
        let commit = Commit { operation: UNDO.into(), ..way_to(&current, &target, earlier.as_ref().unwrap_or(&current)) };
        // The table stands at the epoch it stood at before.
        let id = name.application_id();
        let stood = match before {
            Some(version) => stored_transaction(&table, &table.at(version).await?, &id).await?.unwrap_or(0),
            None => 0,
        };
        let txn = Transaction { id, version: stood, epoch: Some(epoch) };
        self.commit_as(lease, name, commit, Some(txn), Kind::Undo).await?;
        Ok(())
    }
}

const UNDO: &str = "UNDO";

/// The commit that leaves exactly `files` of what `current` has, with the schema of `like`.
pub(crate) fn way_to(current: &Snapshot, files: &[DataFile], like: &Snapshot) -> Commit {
    let has: BTreeSet<&str> = current.files.iter().map(|f| f.path.as_str()).collect();
    let wanted: BTreeSet<&str> = files.iter().map(|f| f.path.as_str()).collect();
    Commit {
        schema: like.schema.clone(),
        adds: files.iter().filter(|f| !has.contains(f.path.as_str())).cloned().collect(),
        removes: Removes::Paths(has.difference(&wanted).map(|p| (*p).to_string()).collect()),
        operation: "RESTORE".into(),
        partition_columns: like.partition_columns.clone(),
    }
}

impl Table {
    /// Versions whose log entries are there, ascending.
    pub(crate) fn log_versions(&self) -> Result<Vec<i64>> {
        let names = self.store.names("_delta_log")?;
        Ok(names.iter().filter_map(|n| n.strip_suffix(".json")?.parse().ok()).collect())
    }

    /// The actions of a version's log entry.
    pub(crate) fn log_entry(&self, version: i64) -> Result<Vec<Value>> {
        let path = format!("_delta_log/{version:020}.json");
        let bytes = self.store.read(&path)?.unwrap_or_default();
        let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
        lines.map(|line| serde_json::from_slice(line).map_err(|e| Error::data(format!("cannot be read: {e}")).at(path.clone()))).collect()
    }
}
