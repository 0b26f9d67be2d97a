//! How far each split has got, and the view with them.

use std::collections::BTreeMap;

/// Which input, and which split of it.
type Split = (usize, String);

/// The least of what the splits have reached, less the lateness. A split from which nothing has come for a while does not count, and neither
/// does an input from which nothing has ever come. It never goes back.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Watermarks {
    pub(crate) lateness: i64,
    pub(crate) idle: i64,
    pub(crate) splits: BTreeMap<Split, Progress>,
    pub(crate) reached: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Progress {
    /// The newest event time, in microseconds; `None`: nothing has come.
    pub(crate) newest: Option<i64>,
    /// When something last came, by the clock; `None`: not since this process began.
    pub(crate) seen: Option<i64>,
}

impl Watermarks {
    pub(crate) fn new(lateness: i64, idle: i64) -> Self {
        Watermarks { lateness, idle, ..Watermarks::default() }
    }

    /// There is such a split, and time waits for it until it is idle.
    pub(crate) fn expect(&mut self, input: usize, split: &str, now: Option<i64>) {
        let progress = self.splits.entry((input, split.to_string())).or_default();
        progress.seen = progress.seen.or(now);
    }

    pub(crate) fn forget(&mut self, input: usize, split: &str) {
        self.splits.remove(&(input, split.to_string()));
    }

    pub(crate) fn saw(&mut self, input: usize, split: &str, newest: Option<i64>, now: Option<i64>) {
        // Looked up by reference first: this is done for every batch.
        let found = self.splits.iter_mut().find(|((i, s), _)| *i == input && s == split);
        let progress = match found {
            Some((_, progress)) => progress,
            None => self.splits.entry((input, split.to_string())).or_default(),
        };
        progress.newest = progress.newest.max(newest);
        progress.seen = now.or(progress.seen);
    }

    /// Where the watermark is at this time of the clock.
    pub(crate) fn advance(&mut self, now: Option<i64>) -> Option<i64> {
        let is_idle = |p: &Progress| matches!((now, p.seen), (Some(now), Some(seen)) if now.saturating_sub(seen) > self.idle);
        let mut waiting = self.splits.values().filter(|p| !is_idle(p)).peekable();
        let newest = match waiting.peek() {
            Some(_) => waiting.map(|p| p.newest).min().flatten(),
            // Nobody is behind anybody.
            None => self.splits.values().filter_map(|p| p.newest).max(),
        };
        let mark = newest.map(|n| n.saturating_sub(self.lateness));
        self.reached = self.reached.max(mark);
        self.reached
    }

    /// Splits that were read from a checkpoint have been seen by nobody yet: their time begins now.
    pub(crate) fn begin(&mut self, now: i64) {
        for progress in self.splits.values_mut() {
            progress.seen.get_or_insert(now);
        }
    }
}
