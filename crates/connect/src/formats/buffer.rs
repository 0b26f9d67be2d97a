//! Memory of blocks, used again and again: asking the system for megabytes costs page faults.

use std::sync::Arc;

/// Memory of a block; given back for the next one when the last user is gone.
#[derive(Debug, Default)]
pub struct Buffer {
    pub bytes: Vec<u8>,
    pub pool: Pool,
}

/// Buffers to use again.
pub type Pool = Arc<std::sync::Mutex<Vec<Vec<u8>>>>;
const POOLED: usize = 8;

impl Buffer {
    /// An empty buffer with room for `bytes`, from the pool if there is one.
    pub fn take(pool: &Pool, bytes: usize) -> Buffer {
        let pooled = pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let mut buffer = pooled.unwrap_or_default();
        buffer.clear();
        buffer.reserve(bytes);
        Buffer { bytes: buffer, pool: Arc::clone(pool) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut pool = self.pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if pool.len() < POOLED && self.bytes.capacity() > 0 {
            pool.push(std::mem::take(&mut self.bytes));
        }
    }
}
