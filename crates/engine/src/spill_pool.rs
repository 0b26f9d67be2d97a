//! The memory pool of a limited engine: what can spill shares what is left fairly, part is kept back for what cannot, and exchanges never wait.

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use std::fmt::{Display, Formatter};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Room for what merges the spills of one partition: a batch of each spill, and its keys.
const MERGE_ROOM: usize = 8 << 20;

/// What an exchange between partitions is called among the consumers.
const EXCHANGE: &str = "RepartitionExec";

/// As DataFusion's `FairSpillPool`, but with a part that only consumers that cannot spill may use. Without it, a sort that holds all there is
/// leaves nothing for the merge of its own spills, or of its sister's: whether a query then fails depends on which of them was faster.
///
/// An exchange is never refused: what it holds is a few batches per partition, and one that spills can wait for ever, on a file that nobody
/// will write to (<https://github.com/apache/datafusion/issues/24883>, mended after 55.2). What it holds is taken from what others may have.
#[derive(Debug)]
pub(crate) struct SpillPool {
    limit: usize,
    kept_back: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spillers: usize,
    spillable: usize,
    unspillable: usize,
}

impl SpillPool {
    /// `limit` in bytes. A quarter is kept back, of small limits up to half.
    pub(crate) fn new(limit: usize, partitions: usize) -> SpillPool {
        let kept_back = (limit / 4).max((limit / 2).min(partitions.saturating_mul(MERGE_ROOM)));
        SpillPool { limit, kept_back, state: Mutex::default() }
    }

    fn spills(consumer: &MemoryConsumer) -> bool {
        consumer.can_spill() && !consumer.name().starts_with(EXCHANGE)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPool for SpillPool {
    fn name(&self) -> &str {
        "spill"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if Self::spills(consumer) {
            self.state().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if Self::spills(consumer) {
            self.state().spillers -= 1;
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut state = self.state();
        if Self::spills(reservation.consumer()) { state.spillable += additional } else { state.unspillable += additional }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut state = self.state();
        if Self::spills(reservation.consumer()) { state.spillable -= shrink } else { state.unspillable -= shrink }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut state = self.state();
        let refused = |available: usize| {
            let consumer = reservation.consumer().name();
            DataFusionError::ResourcesExhausted(format!(
                "{consumer} holds {} bytes and needs {additional} more, of which {available} are there",
                reservation.size()
            ))
        };
        if Self::spills(reservation.consumer()) {
            let share = self.limit.saturating_sub(state.unspillable.max(self.kept_back)) / state.spillers.max(1);
            if reservation.size() + additional > share {
                return Err(refused(share.saturating_sub(reservation.size())));
            }
            state.spillable += additional;
        } else {
            let available = self.limit.saturating_sub(state.unspillable + state.spillable);
            if additional > available && !reservation.consumer().name().starts_with(EXCHANGE) {
                return Err(refused(available));
            }
            state.unspillable += additional;
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        let state = self.state();
        state.spillable + state.unspillable
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl Display for SpillPool {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({} bytes, {} of them for what cannot spill)", self.name(), self.limit, self.kept_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_cannot_spill_finds_room_whoever_came_first() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SpillPool::new(32 << 20, 2));
        let sort = MemoryConsumer::new("sort").with_can_spill(true).register(&pool);
        while sort.try_grow(1 << 20).is_ok() {}
        assert_eq!(sort.size(), 16 << 20);
        let merge = MemoryConsumer::new("merge").register(&pool);
        merge.try_grow(16 << 20).unwrap();
        assert!(merge.try_grow(1).is_err() && sort.try_grow(1).is_err());
        drop(merge);
        // Two share what one had; who holds more than its share gets no more.
        let other = MemoryConsumer::new("other").with_can_spill(true).register(&pool);
        assert!(sort.try_grow(1).is_err());
        sort.shrink(8 << 20);
        other.try_grow(8 << 20).unwrap();
        assert!(other.try_grow(1).is_err());
        drop((sort, other));
        assert_eq!(pool.reserved(), 0);
        // An exchange gets what it asks for, and leaves less to the others.
        let pool: Arc<dyn MemoryPool> = Arc::new(SpillPool::new(32 << 20, 2));
        let exchange = MemoryConsumer::new("RepartitionExec[0]").with_can_spill(true).register(&pool);
        exchange.try_grow(30 << 20).unwrap();
        let sort = MemoryConsumer::new("sort").with_can_spill(true).register(&pool);
        assert!(sort.try_grow(3 << 20).is_err());
        sort.try_grow(2 << 20).unwrap();
        exchange.try_grow(1 << 20).unwrap();
        assert_eq!(pool.reserved(), 33 << 20);
        // Of a large limit a quarter is kept back.
        let pool: Arc<dyn MemoryPool> = Arc::new(SpillPool::new(1 << 30, 2));
        let sort = MemoryConsumer::new("sort").with_can_spill(true).register(&pool);
        sort.try_grow(3 << 28).unwrap();
        assert!(sort.try_grow(1).is_err());
    }
}
