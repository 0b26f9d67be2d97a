//! Runs a scan on several threads, with one short stretch of each morsel's work in source order.
//!
//! A worker takes the next morsel, decodes and works on it in parallel with the others (`before`), waits until every earlier morsel has
//! passed the `ordered` stretch, passes it alone, and goes on in parallel (`after`). At most `threads` morsels are in flight, which bounds memory.

use crate::{Decoded, Error, Lap, Meter, Result, Scan, Task};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct Turn<F> {
    next: u64,
    failed: bool,
    ordered: F,
}

/// Folds every morsel of `scan` through the three stages. The first error stops all workers and is returned; rows read and bytes read are
/// counted in `meter`, with what reading and decoding took; its cancellation is honoured between morsels.
pub fn drive<A: Send, B: Send>(
    scan: &dyn Scan,
    threads: usize,
    meter: &Meter,
    before: impl Fn(u64, Decoded) -> Result<A> + Sync,
    ordered: impl FnMut(u64, A) -> Result<B> + Send,
    after: impl Fn(u64, B) -> Result<()> + Sync,
) -> Result<()> {
    let source = Mutex::new(0u64);
    let turn = Mutex::new(Turn { next: 0, failed: false, ordered });
    let turned = Condvar::new();
    let first_error: Mutex<Option<Error>> = Mutex::new(None);
    let read = meter.work.stint(Task::Read, 1);
    let decode = meter.work.stint(Task::Decode, threads);

    let worker = || {
        let result = (|| -> Result<()> {
            loop {
                let (seq, morsel) = {
                    let mut seq = lock(&source);
                    if lock(&turn).failed {
                        return Ok(());
                    }
                    if meter.is_cancelled() {
                        return Err(Error::conflict("cancelled"));
                    }
                    let Some(morsel) = read.time(|| scan.next())? else { return Ok(()) };
                    *seq += 1;
                    (*seq - 1, morsel)
                };
                let lap = Lap::begin();
                let decoded = morsel.decode()?;
                let nanos = lap.nanos();
                Meter::add(&meter.rows_read, decoded.rows_read);
                Meter::add(&meter.bytes_read, decoded.bytes_read);
                // A morsel that is in memory from before only says how many rows it has.
                if decoded.bytes_read > 0 || decoded.batch.num_rows() > 0 || !decoded.rejects.is_empty() {
                    Meter::add(&read.rows, decoded.rows_read);
                    Meter::add(&read.bytes_read, decoded.bytes_read);
                    Meter::add(&decode.rows, decoded.batch.num_rows() as u64);
                    decode.worked(nanos);
                }
                let a = before(seq, decoded)?;
                let b = {
                    let mut t = lock(&turn);
                    while t.next != seq && !t.failed {
                        t = turned.wait(t).unwrap_or_else(PoisonError::into_inner);
                    }
                    if t.failed {
                        return Ok(());
                    }
                    let b = (t.ordered)(seq, a)?;
                    t.next += 1;
                    turned.notify_all();
                    b
                };
                after(seq, b)?;
            }
        })();
        if let Err(e) = result {
            lock(&first_error).get_or_insert(e);
            lock(&turn).failed = true;
            turned.notify_all();
        }
    };
    // A panic in a stage must wake the others, or the scope would wait for ever.
    let guarded = || {
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(worker)) {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string()));
            lock(&first_error).get_or_insert(Error::bug(format!("a worker panicked: {}", text.unwrap_or_default())));
            lock(&turn).failed = true;
            turned.notify_all();
        }
    };
    std::thread::scope(|s| {
        for _ in 1..threads.max(1) {
            s.spawn(guarded);
        }
        guarded();
    });
    match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(e) => Err(e),
        None => Ok(()),
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Morsel, RowText};
    use arrow::array::RecordBatch;
    use arrow::datatypes::{Schema, SchemaRef};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Numbers(AtomicU64, u64);
    struct Number(u64);
    struct NoText;
    impl RowText for NoText {
        fn text(&self, _: usize) -> String {
            String::new()
        }
        fn offset(&self, _: usize) -> u64 {
            0
        }
    }
    impl Morsel for Number {
        fn decode(self: Box<Self>) -> Result<Decoded> {
            if self.0 == 77 {
                return Err(Error::data("seventy-seven"));
            }
            let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
            Ok(Decoded {
                split: "s".into(),
                batch,
                lines: vec![],
                rejects: vec![],
                rows_read: self.0,
                bytes_read: 1,
                nulled: vec![],
                text: Arc::new(NoText),
            })
        }
    }
    impl Scan for Numbers {
        fn schema(&self) -> SchemaRef {
            Arc::new(Schema::empty())
        }
        fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            Ok((n < self.1).then(|| Box::new(Number(n)) as _))
        }
    }

    #[test]
    fn the_ordered_stretch_sees_every_morsel_in_order() {
        let mut seen = Vec::new();
        let meter = Meter::default();
        drive(
            &Numbers(AtomicU64::new(0), 70),
            4,
            &meter,
            |_, d| Ok(d.rows_read),
            |seq, n| {
                seen.push((seq, n));
                Ok(())
            },
            |_, ()| Ok(()),
        )
        .unwrap();
        assert_eq!(seen, (0..70).map(|n| (n, n)).collect::<Vec<_>>());
        assert_eq!(Meter::get(&meter.bytes_read), 70);
        let work = meter.work.done();
        assert_eq!(work.iter().map(|(task, _)| *task).collect::<Vec<_>>(), [Task::Read, Task::Decode]);
        assert_eq!((Meter::get(&work[0].1.rows), Meter::get(&work[0].1.bytes_read)), (69 * 70 / 2, 70));
    }

    #[test]
    fn an_error_or_a_panic_ends_all_workers() {
        let meter = Meter::default();
        let r = drive(&Numbers(AtomicU64::new(0), 1000), 4, &meter, |_, d| Ok(d.rows_read), |_, n| Ok(n), |_, _| Ok(()));
        assert_eq!(r.unwrap_err().what, "seventy-seven");
        let r = drive(
            &Numbers(AtomicU64::new(0), 50),
            4,
            &meter,
            |_, d| Ok(d.rows_read),
            |_, n| {
                assert!(n < 20, "too far");
                Ok(n)
            },
            |_, _| Ok(()),
        );
        assert!(r.unwrap_err().what.contains("too far"));
    }
}
