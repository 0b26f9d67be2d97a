//! Memory that grows with the rows, taken from the engine's pool before it is used.

use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// A share of the pool under one name; what was taken is given back when it is dropped.
pub(crate) struct Budget {
    reservation: MemoryReservation,
    what: String,
    limit: usize,
}

impl Budget {
    /// `what` completes "not enough memory for …".
    pub(crate) fn new(pool: &Arc<dyn MemoryPool>, what: impl Into<String>) -> Self {
        let what = what.into();
        let limit = match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => bytes,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        Budget { reservation: MemoryConsumer::new(format!("prepare: {what}")).register(pool), what, limit }
    }

    /// All that the pool has for everybody.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes `bytes` more, or says which setting to raise.
    pub(crate) fn grow(&self, bytes: usize) -> Result<()> {
        if bytes == 0 || self.try_grow(bytes) {
            return Ok(());
        }
        let held = self.reservation.size() >> 20;
        Err(Error::limit(format!("not enough memory for {} (it holds {held} MB and needs {} MB more)", self.what, (bytes >> 20).max(1)))
            .help("raise `engine.memory_limit` in tidemill.toml"))
    }

    /// Takes `bytes` more if they are to be had.
    pub(crate) fn try_grow(&self, bytes: usize) -> bool {
        self.reservation.try_grow(bytes).is_ok()
    }

    /// Brings what is held to `bytes`.
    pub(crate) fn resize(&self, bytes: usize) -> Result<()> {
        let held = self.reservation.size();
        if bytes > held {
            return self.grow(bytes - held);
        }
        self.shrink(held - bytes);
        Ok(())
    }

    pub(crate) fn shrink(&self, bytes: usize) {
        self.reservation.shrink(bytes.min(self.reservation.size()));
    }

    pub(crate) fn held(&self) -> usize {
        self.reservation.size()
    }
}
