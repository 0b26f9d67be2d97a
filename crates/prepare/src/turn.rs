//! A gate that morsels pass one at a time and in source order, while the work before and after it runs in parallel.
//!
//! A recipe may have several (two rules that drop repeated rows, then the key): each morsel passes them in turn, so that no morsel waits
//! for another's parallel work. Whoever takes the lowest morsel in flight never waits, hence no deadlock; and when any morsel fails, all who wait
//! are let go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tidemill_core::{Error, Lap, Result};

/// Shared by all gates of one pass: the first failure, which ends every wait.
#[derive(Default)]
pub(crate) struct Halt {
    failed: AtomicBool,
    first: Mutex<Option<Error>>,
    gates: Mutex<Vec<Arc<Condvar>>>,
}

impl Halt {
    /// Runs one morsel's work; if it fails or panics, everybody who waits at a gate fails too.
    pub(crate) fn guard<R>(&self, work: impl FnOnce() -> Result<R>) -> Result<R> {
        let failure = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
            Ok(Ok(r)) => return Ok(r),
            Ok(Err(e)) => e,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string()));
                Error::bug(format!("a worker panicked: {}", text.unwrap_or_default()))
            }
        };
        lock(&self.first).get_or_insert(failure);
        self.failed.store(true, Ordering::SeqCst);
        for gate in lock(&self.gates).iter() {
            gate.notify_all();
        }
        Err(stopped())
    }

    /// The failure that came first, in place of what the driver saw.
    pub(crate) fn resolve<R>(&self, result: Result<R>) -> Result<R> {
        result.map_err(|e| lock(&self.first).take().unwrap_or(e))
    }
}

/// A gate with the state that its passers share.
pub(crate) struct Gate<S> {
    turn: Mutex<(u64, S)>,
    turned: Arc<Condvar>,
}

impl<S> Gate<S> {
    /// The state, while nobody passes.
    pub(crate) fn state(&mut self) -> &mut S {
        &mut self.turn.get_mut().unwrap_or_else(PoisonError::into_inner).1
    }

    pub(crate) fn new(state: S, halt: &Halt) -> Self {
        let turned = Arc::new(Condvar::new());
        lock(&halt.gates).push(Arc::clone(&turned));
        Gate { turn: Mutex::new((0, state)), turned }
    }

    /// Waits until every earlier morsel has passed, then passes. Every morsel must pass exactly once. What it waited is added to `waited`,
    /// in nanoseconds: that is nobody's work.
    pub(crate) fn pass<R>(&self, seq: u64, halt: &Halt, waited: &mut u64, work: impl FnOnce(&mut S) -> Result<R>) -> Result<R> {
        let lap = Lap::begin();
        let mut turn = lock(&self.turn);
        while turn.0 != seq {
            if halt.failed.load(Ordering::SeqCst) {
                return Err(stopped());
            }
            // The time-out closes the small window between the look at `failed` and the wait.
            turn = self.turned.wait_timeout(turn, std::time::Duration::from_millis(50)).unwrap_or_else(PoisonError::into_inner).0;
        }
        *waited += lap.nanos();
        let result = work(&mut turn.1);
        if result.is_ok() {
            turn.0 += 1;
        }
        self.turned.notify_all();
        result
    }
}

fn stopped() -> Error {
    Error::conflict("stopped, since another part of the work failed")
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}
