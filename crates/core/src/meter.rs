//! How a piece of work reports what it does while it does it. Readers may look at any time.

use crate::Work;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one step. All are totals so far; all may be read while the step runs.
#[derive(Debug, Default)]
pub struct Meter {
    pub rows_read: AtomicU64,
    pub rows_written: AtomicU64,
    pub rows_rejected: AtomicU64,
    pub bytes_read: AtomicU64,
    /// Bytes expected in all; 0 when not known.
    pub bytes_total: AtomicU64,
    pub bytes_written: AtomicU64,
    pub bytes_spilled: AtomicU64,
    /// Bytes handed between partitions of a plan (repartitioning).
    pub bytes_exchanged: AtomicU64,
    /// What its parts took.
    pub work: Work,
    cancelled: std::sync::atomic::AtomicBool,
}

impl Meter {
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Relaxed)
    }
    /// Asks the work to stop at its next convenient place.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }
    /// Share done, 0 to 1, where the total is known.
    pub fn progress(&self) -> Option<f64> {
        let total = Self::get(&self.bytes_total);
        (total > 0).then(|| (Self::get(&self.bytes_read) as f64 / total as f64).min(1.0))
    }
}
