//! Epochs: what a run is about to do is made durable first, then every table commits under the epoch's number, then the epoch is done.
//! After a crash the manifest says exactly what to do again; tables that have the epoch already skip it.
//!
//! Files in `_tidemill/epochs/`: `N.manifest.json`, then `N.done.json`, or `N.leaving.json` and `N.abandoned.json`; N has 20 digits.

use crate::{Lake, Lease, TableName, sealed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidemill_core::{Error, Result};
use tidemill_store::failpoint;

const DIRECTORY: &str = "_tidemill/epochs";

/// What an epoch will do. Immutable once begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub epoch: u64,
    pub run_id: String,
    /// Set to the lease's by [`Lake::begin`].
    #[serde(default)]
    pub fencing: u64,
    pub started_at_micros: i64,
    /// By node name: `raw.orders`, `clean.orders`, `revenue_by_day`, …
    pub nodes: BTreeMap<String, NodeIntent>,
}

/// What one node of the graph will be at the end of the epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeIntent {
    /// Of everything that decides the node's content: its definition, its inputs' versions, positions, recipe.
    pub fingerprint: String,
    /// Where its source has been read to; the connector's own shape.
    pub positions: serde_json::Value,
    /// Version of the fitted recipe, for clean tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<u64>,
}

/// The mark that an epoch is whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub epoch: u64,
    pub finished_at_micros: i64,
    /// Delta version of every table of the lake as of this epoch, by full name (`public.NAME` for views). [`Lake::finish`] adds tables that
    /// the epoch did not touch.
    pub versions: BTreeMap<String, i64>,
}

impl Done {
    /// The version of a table that belongs to this epoch.
    pub fn version(&self, table: &TableName) -> Option<i64> {
        self.versions.get(&table.to_string()).copied()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Abandoned {
    epoch: u64,
    at_micros: i64,
    why: String,
}

impl Lake {
    /// The number the next epoch gets.
    pub fn next_epoch(&self) -> Result<u64> {
        Ok(self.epochs("manifest")?.last().map_or(1, |e| e + 1))
    }

    /// Makes a manifest durable. The same manifest may be begun again (after a crash); a different one under the same number is a conflict.
    pub fn begin(&self, lease: &Lease, manifest: &Manifest) -> Result<()> {
        self.check_lease(lease)?;
        if let Some(open) = self.unfinished()?
            && open.epoch != manifest.epoch
        {
            return Err(Error::bug(format!(
                "epoch {} is neither finished nor abandoned, so epoch {} cannot begin",
                open.epoch, manifest.epoch
            )));
        }
        let manifest = Manifest { fencing: lease.fencing(), ..manifest.clone() };
        failpoint("manifest.before");
        if !self.store.create(&path(manifest.epoch, "manifest"), &sealed::seal(&manifest)?)? {
            let there = self.manifest(manifest.epoch)?;
            let same = there.is_some_and(|t| t.nodes == manifest.nodes);
            if !same || self.is_over(manifest.epoch)? {
                return Err(Error::conflict(format!("epoch {} has been begun by another run", manifest.epoch)));
            }
        }
        failpoint("manifest.after");
        Ok(())
    }

    /// Marks the epoch as done. From now on readers see its versions.
    pub fn finish(&self, lease: &Lease, done: &Done) -> Result<()> {
        self.check_lease(lease)?;
        let mut done = done.clone();
        if let Some(before) = self.last_done()? {
            for (table, version) in before.versions {
                done.versions.entry(table).or_insert(version);
            }
        }
        failpoint("done.before");
        if !self.store.create(&path(done.epoch, "done"), &sealed::seal(&done)?)? {
            return Err(Error::conflict(format!("epoch {} is finished already", done.epoch)));
        }
        failpoint("done.after");
        Ok(())
    }

    /// The newest finished epoch: what readers see.
    pub fn last_done(&self) -> Result<Option<Done>> {
        match self.epochs("done")?.last() {
            Some(epoch) => self.done(*epoch),
            None => Ok(None),
        }
    }

    /// A finished epoch, for reading the lake as it was then.
    pub fn done(&self, epoch: u64) -> Result<Option<Done>> {
        let path = path(epoch, "done");
        self.store.read(&path)?.map(|bytes| sealed::open(&bytes, &path)).transpose()
    }

    /// Every finished epoch, oldest first.
    pub fn finished(&self) -> Result<Vec<u64>> {
        self.epochs("done")
    }

    /// The manifest of an epoch that was begun and is neither finished nor abandoned: what a restart has to do again.
    pub fn unfinished(&self) -> Result<Option<Manifest>> {
        match self.epochs("manifest")?.last() {
            Some(epoch) if !self.is_over(*epoch)? => self.manifest(*epoch),
            _ => Ok(None),
        }
    }

    pub fn manifest(&self, epoch: u64) -> Result<Option<Manifest>> {
        let path = path(epoch, "manifest");
        self.store.read(&path)?.map(|bytes| sealed::open(&bytes, &path)).transpose()
    }

    /// The manifest of the newest finished epoch.
    pub fn last_manifest(&self) -> Result<Option<Manifest>> {
        match self.epochs("done")?.last() {
            Some(epoch) => self.manifest(*epoch),
            None => Ok(None),
        }
    }

    /// Whether somebody began to give the epoch up. It must then be given up, not finished: some tables have taken it back already.
    pub fn is_leaving(&self, epoch: u64) -> Result<bool> {
        Ok(self.store.read(&path(epoch, "leaving"))?.is_some())
    }

    /// Gives an unfinished epoch up: what tables committed under it already is taken back, then the epoch is marked. Must be repeated after a
    /// crash, see [`Lake::is_leaving`].
    pub async fn abandon(&self, lease: &Lease, epoch: u64, why: &str) -> Result<()> {
        self.check_lease(lease)?;
        if self.store.read(&path(epoch, "done"))?.is_some() {
            return Err(Error::bug(format!("epoch {epoch} is finished and cannot be abandoned")));
        }
        let mark = Abandoned { epoch, at_micros: self.clock.now_micros(), why: why.to_string() };
        self.store.create(&path(epoch, "leaving"), &sealed::seal(&mark)?)?;
        failpoint("abandon.begun");
        let before = self.last_done()?;
        for table in self.tables()? {
            let version = before.as_ref().and_then(|d| d.version(&table));
            self.undo(lease, epoch, &table, version).await?;
        }
        failpoint("abandon.undone");
        self.store.create(&path(epoch, "abandoned"), &sealed::seal(&mark)?)?;
        failpoint("abandon.after");
        Ok(())
    }

    /// Removes the manifests and marks of epochs that ended before the oldest of the last `keep` finished ones.
    pub(crate) fn forget_epochs(&self, keep: usize) -> Result<()> {
        let done = self.epochs("done")?;
        let Some(oldest) = done.len().checked_sub(keep).and_then(|i| done.get(i)) else { return Ok(()) };
        for name in self.store.names(DIRECTORY)? {
            if name.split('.').next().and_then(|n| n.parse::<u64>().ok()).is_some_and(|epoch| epoch < *oldest) {
                self.store.remove(&format!("{DIRECTORY}/{name}"))?;
            }
        }
        Ok(())
    }

    fn is_over(&self, epoch: u64) -> Result<bool> {
        Ok(self.store.read(&path(epoch, "done"))?.is_some() || self.store.read(&path(epoch, "abandoned"))?.is_some())
    }

    fn epochs(&self, what: &str) -> Result<Vec<u64>> {
        let suffix = format!(".{what}.json");
        let names = self.store.names(DIRECTORY)?;
        Ok(names.iter().filter_map(|n| n.strip_suffix(&suffix)?.parse().ok()).collect())
    }
}

fn path(epoch: u64, what: &str) -> String {
    format!("{DIRECTORY}/{epoch:020}.{what}.json")
}
