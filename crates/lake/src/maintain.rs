//! House-keeping by the owner: checkpoints, so that logs stay short to read; system tables of many small files written together; and the end
//! of data files that no retained version needs.

use crate::commit::Kind;
use crate::lake::{Table, delta_error, lock};
use crate::{Commit, Lake, Lease, Removes, Snapshot, TableName, WriterOptions, writer};
use futures::TryStreamExt;
use std::collections::BTreeSet;
use std::time::Duration;
use tidemill_core::{Error, Result};

/// Commits between two checkpoints.
const CHECKPOINT_COMMITS: i64 = 20;
/// A system table with more files than this is written anew as one.
const SYSTEM_FILES_MAX: usize = 32;
/// In a table that is followed, files below this size are small, and so many of them are written together.
const SMALL_FILE_BYTES: u64 = 16 << 20;
const SMALL_FILES_MAX: usize = 24;
/// Log entries are small and are the history: they outlive their data files by at least this.
const LOG_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Finished epochs that can be named.
const EPOCHS_KEPT: usize = 1000;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintained {
    pub checkpoints: u64,
    pub compacted: u64,
    pub files_removed: u64,
    pub bytes_removed: u64,
}

impl Lake {
    /// Looks after tables. Data files go when no version younger than `retention`, nor the one of the last finished epoch, nor a savepoint needs
    /// them; a reader of an older version may find its files gone. Safe to be interrupted anywhere.
    pub async fn maintain(&self, lease: &Lease, tables: &[TableName], retention: Duration) -> Result<Maintained> {
        self.maintain_for(lease, tables, retention, retention.max(LOG_RETENTION)).await
    }

    /// The same for tables that are written to many times a minute, whose history would soon be larger than they are: their old versions, and
    /// the log of them, stay only for `retention`.
    pub async fn maintain_followed(&self, lease: &Lease, tables: &[TableName], retention: Duration) -> Result<Maintained> {
        self.maintain_for(lease, tables, retention, retention).await
    }

    async fn maintain_for(&self, lease: &Lease, tables: &[TableName], retention: Duration, log: Duration) -> Result<Maintained> {
        self.check_lease(lease)?;
        let mut done = Maintained::default();
        for name in tables {
            let Some(table) = self.table_if_there(name)? else { continue };
            if name.schema == "system" && self.compact(lease, name).await? {
                done.compacted += 1;
            }
            let Some(state) = table.latest().await? else { continue };
            let version = state.version().unwrap_or(0) as i64;
            if version - table.last_checkpoint()?.unwrap_or(-1) >= CHECKPOINT_COMMITS {
                deltalake_core::checkpoints::create_checkpoint(&state, None).await.map_err(|e| delta_error(name, e))?;
                done.checkpoints += 1;
            }
            let oldest = self.oldest_needed(&table, version, retention)?;
            let (files, bytes) = self.vacuum(&table, oldest, version, retention).await?;
            done.files_removed += files;
            done.bytes_removed += bytes;
            let cutoff = self.cutoff_micros(log) / 1000;
            let entries = table.log.as_ref();
            deltalake_core::checkpoints::cleanup_expired_logs_for(oldest.max(0) as u64, entries, cutoff, None)
                .await
                .map_err(|e| delta_error(name, e))?;
            table.store.sweep(self.cutoff_micros(Duration::from_secs(3600)))?;
        }
        self.forget_epochs(EPOCHS_KEPT)?;
        Ok(done)
    }

    /// Writes a table of many small files as few. The rows and their order stay.
    async fn compact(&self, lease: &Lease, name: &TableName) -> Result<bool> {
        let Some(snapshot) = self.snapshot(name, None).await? else { return Ok(false) };
        if snapshot.files.len() <= SYSTEM_FILES_MAX {
            return Ok(false);
        }
        self.rewrite(lease, name, snapshot).await.map(|()| true)
    }

    /// Writes the small files of a table as one, when there are many of them; files named in `except` stay as they are. The rows stay.
    pub async fn compact_small(&self, lease: &Lease, name: &TableName, except: &BTreeSet<String>) -> Result<bool> {
        let Some(mut snapshot) = self.snapshot(name, None).await? else { return Ok(false) };
        snapshot.files.retain(|f| f.size < SMALL_FILE_BYTES && !except.contains(&f.path));
        if snapshot.files.len() < SMALL_FILES_MAX {
            return Ok(false);
        }
        self.rewrite(lease, name, snapshot).await.map(|()| true)
    }

    /// Writes the files of the snapshot anew, together.
    async fn rewrite(&self, lease: &Lease, name: &TableName, snapshot: Snapshot) -> Result<()> {
        let removes = Removes::Paths(snapshot.files.iter().map(|f| f.path.clone()).collect());
        let (schema, partition_columns) = (snapshot.schema.clone(), snapshot.partition_columns.clone());
        let options = WriterOptions { partition_by: partition_columns.clone(), ..WriterOptions::default() };
        let writer = self.writer(name, &schema, options)?;
        let scan = self.scan(snapshot, None)?;
        let (writer, adds) = blocking(move || {
            let mut seq = 0;
            while let Some(morsel) = scan.next()? {
                writer.write(seq, morsel.decode()?.batch)?;
                seq += 1;
            }
            Ok((writer.schema(), writer.finish()?))
        })
        .await?;
        let commit = Commit { schema: writer, adds, removes, operation: "OPTIMIZE".into(), partition_columns };
        self.commit_as(lease, name, commit, None, Kind::Rearrangement).await?;
        Ok(())
    }

    /// The oldest version whose files must stay: what was current `retention` ago, or what the last finished epoch shows if that is older.
    fn oldest_needed(&self, table: &Table, newest: i64, retention: Duration) -> Result<i64> {
        let cutoff_millis = self.cutoff_micros(retention) / 1000;
        let mut oldest = newest;
        for version in table.log_versions()?.into_iter().rev() {
            let entry = table.log_entry(version)?;
            let at = entry.iter().find_map(|a| a["commitInfo"]["timestamp"].as_i64()).unwrap_or(i64::MAX);
            oldest = version;
            if at <= cutoff_millis {
                break;
            }
        }
        let shown = self.last_done()?.and_then(|d| d.version(&table.name));
        Ok(shown.map_or(oldest, |shown| shown.min(oldest)))
    }

    async fn vacuum(&self, table: &Table, oldest: i64, newest: i64, retention: Duration) -> Result<(u64, u64)> {
        let mut needed = self.needed(table, oldest, newest).await?;
        needed.extend(self.held_files(&table.name)?);
        let cutoff = self.cutoff_micros(retention) / 1000;
        let mut removed = (0, 0);
        let listed: Vec<_> = table
            .store
            .objects()
            .list(None)
            .try_collect()
            .await
            .map_err(|e| Error::unavailable(format!("cannot list files: {e}")).at(table.name.to_string()))?;
        for object in listed {
            let path = object.location.as_ref();
            let kept = needed.contains(path) || lock(&table.in_flight).contains(path);
            if kept || object.last_modified.timestamp_millis() >= cutoff || !writer::is_ours(path) {
                continue;
            }
            table.store.remove(path)?;
            tracing::debug!(table = %table.name, path, "removed a file that no retained version needs");
            removed = (removed.0 + 1, removed.1 + object.size);
        }
        Ok(removed)
    }

    /// The files of version `oldest` and of every one since.
    async fn needed(&self, table: &Table, oldest: i64, newest: i64) -> Result<BTreeSet<String>> {
        let snapshot: Option<Snapshot> = self.snapshot(&table.name, Some(oldest)).await?;
        let mut needed: BTreeSet<String> = snapshot.into_iter().flat_map(|s| s.files).map(|f| f.path).collect();
        for version in oldest + 1..=newest {
            for action in table.log_entry(version)? {
                needed.extend(action["add"]["path"].as_str().map(str::to_string));
            }
        }
        let latest = self.snapshot(&table.name, None).await?;
        needed.extend(latest.into_iter().flat_map(|s| s.files).map(|f| f.path));
        Ok(needed)
    }

    fn cutoff_micros(&self, age: Duration) -> i64 {
        self.clock.now_micros().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Table {
    fn last_checkpoint(&self) -> Result<Option<i64>> {
        let names = self.store.names("_delta_log")?;
        Ok(names.iter().filter(|n| n.contains(".checkpoint")).filter_map(|n| n.split('.').next()?.parse().ok()).max())
    }
}

/// Runs heavy work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::bug(format!("a task panicked: {e}")))?
}
