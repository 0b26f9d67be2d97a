//! Pieces are made on several threads and taken in order on the caller's. No more than a few are ever waiting, which bounds memory.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tidemill_core::{Error, Meter, Result};

struct State<T> {
    /// The next piece to be made, and the next to be taken.
    next: u64,
    taken: u64,
    ready: BTreeMap<u64, Result<T>>,
    stopped: bool,
}

/// Makes pieces `0..count` and hands them to `take` in order. The first error ends it.
pub fn in_order<T: Send>(
    count: u64,
    threads: usize,
    meter: &Meter,
    make: impl Fn(u64) -> Result<T> + Sync,
    mut take: impl FnMut(u64, T) -> Result<()>,
) -> Result<()> {
    let threads = threads.max(1);
    let window = threads as u64 + 2;
    let state = Mutex::new(State { next: 0, taken: 0, ready: BTreeMap::new(), stopped: false });
    let (made, room) = (Condvar::new(), Condvar::new());
    let worker = || {
        loop {
            let piece = {
                let mut s = lock(&state);
                while !s.stopped && s.next < count && s.next >= s.taken + window {
                    s = room.wait(s).unwrap_or_else(PoisonError::into_inner);
                }
                if s.stopped || s.next >= count {
                    return;
                }
                s.next += 1;
                s.next - 1
            };
            let result = if meter.is_cancelled() {
                Err(Error::conflict("cancelled"))
            } else {
                catch_unwind(AssertUnwindSafe(|| make(piece))).unwrap_or_else(|panic| {
                    let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string()));
                    Err(Error::bug(format!("a worker panicked: {}", text.unwrap_or_default())))
                })
            };
            lock(&state).ready.insert(piece, result);
            made.notify_one();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
        let mut taking = || -> Result<()> {
            for piece in 0..count {
                let result = {
                    let mut s = lock(&state);
                    loop {
                        if let Some(result) = s.ready.remove(&piece) {
                            s.taken = piece + 1;
                            break result;
                        }
                        s = made.wait(s).unwrap_or_else(PoisonError::into_inner);
                    }
                };
                room.notify_all();
                take(piece, result?)?;
            }
            Ok(())
        };
        // Workers must be let go even when the taker fails in its own way.
        let result = catch_unwind(AssertUnwindSafe(&mut taking)).unwrap_or_else(|_| Err(Error::bug("the writer panicked")));
        lock(&state).stopped = true;
        room.notify_all();
        result
    })
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_taken_in_order() {
        for threads in [1, 2, 5] {
            let mut seen = Vec::new();
            let take = |i, n: u64| {
                seen.push((i, n));
                Ok(())
            };
            in_order(100, threads, &Meter::default(), |i| Ok(i * i), take).unwrap();
            assert_eq!(seen, (0..100).map(|i| (i, i * i)).collect::<Vec<_>>());
        }
        in_order(0, 3, &Meter::default(), Ok, |_, _| Ok(())).unwrap();
    }

    #[test]
    fn an_error_a_panic_or_a_cancellation_ends_it() {
        let meter = Meter::default();
        let fail = |i| if i == 7 { Err(Error::data("seven")) } else { Ok(i) };
        assert_eq!(in_order(1000, 3, &meter, fail, |_, _| Ok(())).unwrap_err().what, "seven");
        let refuse = |i, _| if i == 5 { Err(Error::data("full")) } else { Ok(()) };
        assert_eq!(in_order(1000, 3, &meter, Ok, refuse).unwrap_err().what, "full");
        let panics = |i| {
            assert!(i < 9, "too far");
            Ok(i)
        };
        assert!(in_order(1000, 2, &meter, panics, |_, _| Ok(())).unwrap_err().what.contains("too far"));
        meter.cancel();
        assert_eq!(in_order(10, 2, &meter, Ok, |_, _| Ok(())).unwrap_err().what, "cancelled");
    }
}
