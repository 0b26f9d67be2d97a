//! What the parts of a step's work took: reading, decoding, each rule, writing. Counted once a morsel, so that counting costs nothing worth telling;
//! looked at by whoever likes, while the step runs and after.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A part of a step's work. They follow each other as rows go through them, from the source on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Getting at the bytes of the source.
    Read,
    /// Making columns of them.
    Decode,
    Contract,
    /// Rows that are in memory from before, and so need no reading.
    Kept,
    /// What rules are given from elsewhere.
    Given,
    /// The node of a recipe that has this place.
    Rule(u32),
    /// The key and unique columns.
    Unique,
    Write,
    /// Telling rows just written from those stored, by key.
    Compare,
    /// Rows for the quarantine.
    SetAside,
    /// Making durable and visible what was written.
    Commit,
}

impl Task {
    /// Rows don't go on from here to the next task: it is one of several ways into, or out of, the row of tasks.
    pub fn is_aside(self) -> bool {
        matches!(self, Task::Kept | Task::Given | Task::Compare | Task::SetAside)
    }

    /// What it is called, and what it works on, where nobody knows better.
    fn usually(self) -> (&'static str, &'static str) {
        match self {
            Task::Read => ("Read", ""),
            Task::Decode => ("Decode", ""),
            Task::Contract => ("Contract", ""),
            Task::Kept => ("Memory", "rows decoded before"),
            Task::Given => ("References", "values of other tables"),
            Task::Rule(_) => ("Rule", ""),
            Task::Unique => ("Unique", ""),
            Task::Write => ("Write", ""),
            Task::Compare => ("Compare", "stored rows with those just read, by key"),
            Task::SetAside => ("SetAside", "rows for the quarantine"),
            Task::Commit => ("Commit", ""),
        }
    }
}

/// What one task took so far, over all threads.
#[derive(Debug, Default)]
pub struct Stint {
    /// As the plan calls it: `Decode`, `Rule missing`, …
    pub name: String,
    /// What it works on.
    pub detail: String,
    /// How many morsels it may work on at a time.
    pub parts: u32,
    /// Rows that it gave on.
    pub rows: AtomicU64,
    pub bytes_read: AtomicU64,
    pub files_read: AtomicU64,
    pub bytes_written: AtomicU64,
    nanos: AtomicU64,
    nanos_waiting: AtomicU64,
}

/// Since when something is being done.
#[derive(Debug, Clone, Copy)]
pub struct Lap(Instant);

impl Lap {
    #[allow(clippy::disallowed_methods)] // how long it takes is measured, not decided by
    pub fn begin() -> Lap {
        Lap(Instant::now())
    }

    pub fn nanos(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

impl Stint {
    /// Does some of the work, and counts the time.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let lap = Lap::begin();
        let done = work();
        self.worked(lap.nanos());
        done
    }

    pub fn worked(&self, nanos: u64) {
        self.nanos.fetch_add(nanos, Relaxed);
    }

    /// Waiting for disks is no work.
    pub fn waited(&self, nanos: u64) {
        self.nanos_waiting.fetch_add(nanos, Relaxed);
    }

    pub fn seconds(&self) -> f64 {
        self.nanos.load(Relaxed) as f64 / 1e9
    }

    pub fn seconds_waiting(&self) -> f64 {
        self.nanos_waiting.load(Relaxed) as f64 / 1e9
    }

    /// Whether it had anything to do: a task that was only looked at is none.
    pub fn has_worked(&self, task: Task) -> bool {
        let any = |counter: &AtomicU64| counter.load(Relaxed) > 0;
        let gave = any(&self.rows) || any(&self.bytes_read);
        match task {
            // These are asked for more, or to finish, also where there is nothing.
            Task::Read | Task::Kept | Task::SetAside => gave,
            _ => gave || any(&self.nanos) || any(&self.nanos_waiting),
        }
    }
}

/// The stints of a step, in the order of their tasks.
#[derive(Debug, Default)]
pub struct Work(Mutex<BTreeMap<Task, Arc<Stint>>>);

impl Work {
    /// The one of this task, which goes on where it is there already.
    pub fn stint(&self, task: Task, parts: usize) -> Arc<Stint> {
        self.stint_on(task, parts, || task.usually())
    }

    /// The same, with its name and what it works on.
    pub fn stint_on<N: Into<String>, D: Into<String>>(&self, task: Task, parts: usize, what: impl FnOnce() -> (N, D)) -> Arc<Stint> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let (name, detail) = what();
            Arc::new(Stint { name: name.into(), detail: detail.into(), parts: parts.max(1) as u32, ..Stint::default() })
        };
        Arc::clone(all.entry(task).or_insert_with(new))
    }

    /// Those that have done something.
    pub fn done(&self) -> Vec<(Task, Arc<Stint>)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(task, stint)| stint.has_worked(**task)).map(|(task, stint)| (*task, Arc::clone(stint))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stint_is_one_for_its_task_and_goes_on() {
        let work = Work::default();
        let rule = |at| work.stint_on(Task::Rule(at), 2, || ("Rule missing", "on income"));
        rule(1).time(|| ());
        rule(1).rows.fetch_add(7, Relaxed);
        rule(1).rows.fetch_add(5, Relaxed);
        rule(0).rows.fetch_add(12, Relaxed);
        work.stint(Task::Write, 2).waited(1_500_000_000);
        // Asked for rows, it had none.
        work.stint(Task::Read, 1).worked(3);
        work.stint(Task::Unique, 2);
        let done = work.done();
        assert_eq!(done.iter().map(|(t, _)| *t).collect::<Vec<_>>(), [Task::Rule(0), Task::Rule(1), Task::Write]);
        assert_eq!((done[1].1.rows.load(Relaxed), done[1].1.parts), (12, 2));
        assert_eq!((done[2].1.seconds(), done[2].1.seconds_waiting()), (0.0, 1.5));
    }
}
