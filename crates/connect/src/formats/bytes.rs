//! The bytes of a file after its compression was undone, wherever they come from.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidemill_core::{Error, Result};

pub struct Bytes {
    reader: Box<dyn Read + Send>,
    /// How the stored bytes are packed: "gzip", "zstd".
    packed: Option<&'static str>,
    stored: Arc<AtomicU64>,
    /// The file, for messages.
    place: String,
    /// Bytes stored when the file was listed.
    size: u64,
    pub at_end: bool,
    /// Why the compressed data ended early.
    pub failure: Option<Failure>,
}

/// Compressed data that ends early or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Reject code.
    pub code: &'static str,
    what: String,
}

impl Failure {
    /// `bytes`: decompressed so far; `line`: of the last record begun.
    pub fn reason(&self, bytes: u64, line: Option<u64>) -> String {
        let line = line.map(|l| format!(" (line {l})")).unwrap_or_default();
        format!("{}, after {bytes} decompressed bytes{line}; rows after this one are lost", self.what)
    }
}

impl Bytes {
    pub fn new(reader: Box<dyn Read + Send>, packed: Option<&'static str>, stored: Arc<AtomicU64>, place: &str, size: u64) -> Bytes {
        Bytes { reader, packed, stored, place: place.into(), size, at_end: false, failure: None }
    }

    /// Puts `bytes` before what is still to be read, and reads through `through`.
    #[must_use]
    pub fn after(mut self, bytes: Vec<u8>, through: impl FnOnce(Box<dyn Read + Send>) -> Box<dyn Read + Send>) -> Bytes {
        let rest = std::mem::replace(&mut self.reader, Box::new(std::io::empty()));
        let rest: Box<dyn Read + Send> = if self.at_end { Box::new(std::io::empty()) } else { rest };
        self.reader = through(Box::new(std::io::Cursor::new(bytes).chain(rest)));
        self.at_end = false;
        self
    }

    /// Bytes taken from the file so far, as stored.
    pub fn stored(&self) -> u64 {
        self.stored.load(Relaxed)
    }

    /// How many bytes can still come, at most, where that is known.
    pub fn left(&self) -> u64 {
        match self.packed {
            // The first bytes were looked at and put back.
            None if !self.at_end => (self.size - self.stored().min(self.size)).saturating_add(16),
            None => 0,
            Some(_) if self.at_end => 0,
            Some(_) => u64::MAX,
        }
    }

    /// Appends to `buf` until it has `wanted` bytes or the file ends. What came before damage is kept.
    pub fn fill(&mut self, buf: &mut Vec<u8>, wanted: usize) -> Result<()> {
        if self.at_end || buf.len() >= wanted {
            return Ok(());
        }
        if let Err(e) = self.reader.by_ref().take((wanted - buf.len()) as u64).read_to_end(buf) {
            let failure = self.failed(e)?;
            self.failure.get_or_insert(failure);
            self.at_end = true;
            return Ok(());
        }
        self.at_end = buf.len() < wanted;
        let stored = self.stored();
        if self.at_end && self.packed.is_none() && stored < self.size {
            return Err(Error::conflict(format!("the file became shorter while it was read ({stored} bytes, listed with {})", self.size))
                .at(&self.place)
                .help("run again when nobody writes to it"));
        }
        Ok(())
    }

    fn failed(&self, e: std::io::Error) -> Result<Failure> {
        match self.packed {
            Some(kind) if e.raw_os_error().is_none() => Ok(match e.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    Failure { code: "truncated", what: format!("the {kind} file ends in the middle of its data") }
                }
                _ => Failure { code: "corrupt", what: format!("the {kind} data is damaged ({e})") },
            }),
            _ => Err(Error::unavailable(format!("can't read the file: {e}")).at(&self.place).because(e)),
        }
    }
}
