//! A start after a process that did not come to its end: what it costs to be where that one was, told in a line and kept in
//! `system.recoveries`.
//!
//! Whoever follows leaves a mark while it lives, and takes it away when it ends by itself, well or not. A start that finds one, or an epoch
//! that was cut off, is a recovery.

use super::mill::Mill;
use crate::workspace::Workspace;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_core::Result;
use tidemill_lake::Lease;

/// The mark, beside the lease.
const MARK: &str = "following.json";

#[derive(Serialize, Deserialize)]
struct Mark {
    fencing: u64,
}

/// A start, from its beginning until everything is as it was.
pub(crate) struct Recovery {
    began: Instant,
    /// The epoch that was undone.
    pub epoch: Option<u64>,
    pub undo: Duration,
    pub states: Duration,
    pub states_kept: u64,
    pub states_rebuilt: u64,
    /// Rows of tables that came after their view's checkpoint, or all of them where there was none.
    pub rows_from_tables: u64,
    pub sources: Duration,
    pub rows_from_sources: u64,
}

impl Workspace {
    /// Begins to follow; what an earlier life left is a recovery.
    #[allow(clippy::disallowed_methods)] // how long it took is measured, not decided by
    pub(super) async fn begin_life(&self, lease: &Lease) -> Result<Option<Recovery>> {
        let began = Instant::now();
        let died = self.lake.get_state::<Mark>(MARK)?.is_some();
        let epoch = self.give_up_followed(lease).await?;
        self.lake.put_state(MARK, &Mark { fencing: lease.fencing() })?;
        Ok((died || epoch.is_some()).then(|| Recovery {
            began,
            epoch,
            undo: began.elapsed(),
            states: Duration::ZERO,
            states_kept: 0,
            states_rebuilt: 0,
            rows_from_tables: 0,
            sources: Duration::ZERO,
            rows_from_sources: 0,
        }))
    }

    /// Comes to its end by itself. Whoever asks holds the lease still, or never began.
    pub(crate) fn end_life(&self) {
        if self.follows()
            && let Err(e) = self.lake.remove_state(MARK)
        {
            tracing::warn!(error = %e, "the mark of this process stays");
        }
    }
}

impl Recovery {
    /// What a mill did at its opening.
    pub(super) fn opened(&mut self, mill: &Mill, took: Duration) {
        self.states += took;
        let is_first = self.states_kept + self.states_rebuilt == 0;
        for view in &mill.hot.lock().views {
            self.rows_from_tables += view.rows_loaded;
            // Opened once more, they go on from what this life has saved.
            self.states_kept += u64::from(is_first && view.restored);
            self.states_rebuilt += u64::from(is_first && !view.restored);
        }
    }

    /// What it did until it had caught up.
    pub(super) fn took_in(&mut self, mill: &Mill, took: Duration) {
        self.sources += took;
        self.rows_from_sources += mill.feeds.iter().map(|f| f.so_far.rows_in).sum::<u64>();
    }

    /// It is over: in a line, and as a row of `system.recoveries`.
    pub(super) fn end(self, now: i64) -> Result<(String, RecordBatch)> {
        let took = self.began.elapsed();
        let undone = match self.epoch {
            Some(epoch) => format!("epoch {epoch} undone in {}", millis(self.undo)),
            None => "no epoch was cut off".into(),
        };
        let line = format!(
            "the process before did not come to its end; recovered in {}: {undone}, state of {} views taken up and of {} built anew in {} ({} rows from tables), {} rows from sources in {}",
            millis(took),
            self.states_kept,
            self.states_rebuilt,
            millis(self.states),
            self.rows_from_tables,
            self.rows_from_sources,
            millis(self.sources)
        );
        let whole = |n: Option<u64>| -> ArrayRef { Arc::new(Int64Array::from(vec![n.map(|n| n as i64)])) };
        let time = |d: Duration| -> ArrayRef { Arc::new(Float64Array::from(vec![d.as_secs_f64() * 1e3])) };
        let columns = vec![
            Arc::new(TimestampMicrosecondArray::from(vec![now]).with_timezone("UTC")) as ArrayRef,
            time(took),
            whole(self.epoch),
            time(self.undo),
            whole(Some(self.states_kept)),
            whole(Some(self.states_rebuilt)),
            time(self.states),
            whole(Some(self.rows_from_tables)),
            whole(Some(self.rows_from_sources)),
            time(self.sources),
        ];
        Ok((line, RecordBatch::try_new(tidemill_lake::system::schema("recoveries")?, columns)?))
    }
}

fn millis(d: Duration) -> String {
    format!("{:.0} ms", d.as_secs_f64() * 1e3)
}
