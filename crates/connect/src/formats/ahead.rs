//! A file's bytes in blocks, each cut where a record ends: what follows the cut is kept for the next block.

use super::bytes::Bytes;
use tidemill_core::Result;

pub struct Ahead {
    pub source: Bytes,
    /// Read but not yet given out: `pending[start..]`.
    pending: Vec<u8>,
    start: usize,
}

impl Ahead {
    /// `head` is the file's beginning, already read from `source`; what is wanted of it begins at `start`.
    pub fn new(source: Bytes, head: Vec<u8>, start: usize) -> Ahead {
        Ahead { source, pending: head, start }
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.start == self.pending.len()
    }

    /// Whether all of the file was given out.
    pub fn at_end(&self) -> bool {
        self.source.at_end && self.is_empty()
    }

    /// Appends to `buf` until it has `wanted` bytes or the file ends.
    pub fn fill(&mut self, buf: &mut Vec<u8>, wanted: usize) -> Result<()> {
        if buf.len() < wanted && !self.is_empty() {
            let n = (wanted - buf.len()).min(self.pending.len() - self.start);
            buf.extend_from_slice(&self.pending[self.start..self.start + n]);
            self.start += n;
        }
        self.source.fill(buf, wanted)
    }

    /// Puts what follows `cut` back, for the next block.
    pub fn keep_rest(&mut self, buf: &mut Vec<u8>, cut: usize) {
        let rest = buf.len() - cut;
        if self.is_empty() {
            self.pending.clear();
            self.pending.extend_from_slice(&buf[cut..]);
            self.start = 0;
        } else {
            self.start -= rest; // the whole buffer came from there
        }
        buf.truncate(cut);
    }
}
