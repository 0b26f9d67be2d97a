//! One owner at a time. The lease is a lock on `_tidemill/lease`, which the system releases when its process dies however it dies;
//! `_tidemill/owner.json` says who holds it and carries the fencing number, which only ever grows.

use crate::{Lake, sealed};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{Error, Result};
use tidemill_store::durable;

const OWNER: &str = "_tidemill/owner.json";
const LOCK: &str = "_tidemill/lease";

/// Who holds, or wants, the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `run`, `serve`, …
    pub command: String,
    pub pid: u32,
    pub host: String,
    /// Microseconds since 1970; set when the lease is taken.
    #[serde(default)]
    pub since_micros: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Owner {
    fencing: u64,
    #[serde(flatten)]
    holder: Holder,
}

/// The right to write to the lake. Dropping it, or dying, gives it back.
#[derive(Debug)]
pub struct Lease {
    fencing: u64,
    holder: Holder,
    lock: File,
}

impl Lease {
    /// Greater than that of every earlier lease on this lake.
    pub fn fencing(&self) -> u64 {
        self.fencing
    }
    pub fn holder(&self) -> &Holder {
        &self.holder
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Lake {
    /// Takes the lease. Fails with `Conflict`, naming the owner, while another process has it.
    pub fn acquire(self: &Arc<Self>, holder: Holder) -> Result<Lease> {
        let path = self.store.root().join(LOCK);
        durable::make_directories(&self.store.root().join("_tidemill"))?;
        let lock = open_lock(&path)?;
        // Somebody may be looking who the owner is, which takes the lock for a moment.
        let mut tries = 0;
        while let Err(e) = lock.try_lock() {
            tries += 1;
            match e {
                TryLockError::WouldBlock if tries < 20 => std::thread::sleep(Duration::from_millis(5)),
                TryLockError::WouldBlock => return Err(self.taken()),
                TryLockError::Error(e) => return Err(durable::io_error("cannot lock", &path, e)),
            }
        }
        let fencing = self.last_owner()?.map_or(0, |o| o.fencing) + 1;
        let holder = Holder { since_micros: self.clock.now_micros(), ..holder };
        self.store.replace(OWNER, &sealed::seal(&Owner { fencing, holder: holder.clone() })?)?;
        self.fencing.store(fencing, std::sync::atomic::Ordering::SeqCst);
        Ok(Lease { fencing, holder, lock })
    }

    /// Who holds the lease now; `None` when nobody does.
    pub fn owner(&self) -> Result<Option<Holder>> {
        let path = self.store.root().join(LOCK);
        if !path.exists() {
            return Ok(None);
        }
        match open_lock(&path)?.try_lock_shared() {
            Ok(()) => Ok(None), // dropping the file gives the lock back
            Err(TryLockError::WouldBlock) => Ok(self.last_owner()?.map(|o| o.holder)),
            Err(TryLockError::Error(e)) => Err(durable::io_error("cannot lock", &path, e)),
        }
    }

    /// Whether anybody ever wrote here.
    pub fn was_owned(&self) -> Result<bool> {
        Ok(self.last_owner()?.is_some())
    }

    /// Fails unless `lease` is the newest one: a lock that a file system does not keep must not let two owners write.
    pub(crate) fn check_lease(&self, lease: &Lease) -> Result<()> {
        match self.last_owner()? {
            Some(owner) if owner.fencing == lease.fencing => Ok(()),
            Some(owner) => Err(Error::conflict(format!(
                "the lake was taken over by `tidemill {}` (process {} on {})",
                owner.holder.command, owner.holder.pid, owner.holder.host
            ))
            .help("nothing of this run after that moment was stored; run it again when the other process has ended")),
            None => Err(Error::conflict("the lake's owner file has disappeared").at(OWNER)),
        }
    }

    fn last_owner(&self) -> Result<Option<Owner>> {
        self.store.read(OWNER)?.map(|bytes| sealed::open(&bytes, OWNER)).transpose()
    }

    fn taken(&self) -> Error {
        let who = match self.last_owner() {
            Ok(Some(Owner { holder, .. })) => {
                let since = chrono::DateTime::from_timestamp_micros(holder.since_micros).unwrap_or_default();
                format!(
                    "`tidemill {}` (process {} on {}, since {})",
                    holder.command,
                    holder.pid,
                    holder.host,
                    since.format("%Y-%m-%d %H:%M:%S UTC")
                )
            }
            _ => "another process".into(),
        };
        Error::conflict(format!("the project is in use by {who}"))
            .at(self.store.root().display().to_string())
            .help("wait for it to end, or stop it; reading with `tidemill query` works meanwhile")
    }
}

fn open_lock(path: &std::path::Path) -> Result<File> {
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|e| durable::io_error("cannot open", path, e))
}
