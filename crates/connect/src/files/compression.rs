//! Opening a file and undoing its compression.

use super::list::FileEntry;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Take};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidemill_core::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

pub struct Opened {
    pub reader: Box<dyn Read + Send>,
    pub compression: Compression,
    /// Bytes taken from the file so far.
    pub stored: Arc<AtomicU64>,
}

/// Reads just the bytes that the file had when it was listed.
pub fn open(entry: &FileEntry, base_dir: &Path, compression: Option<Compression>) -> Result<Opened> {
    let failed = |e: std::io::Error| {
        let error = if e.kind() == std::io::ErrorKind::NotFound {
            Error::conflict("the file is gone since it was listed")
        } else {
            Error::unavailable(format!("can't read the file: {e}"))
        };
        error.at(&entry.path).because(e)
    };
    let file = File::open(entry.locate(base_dir)).map_err(failed)?;
    let stored = Arc::new(AtomicU64::new(0));
    let mut counted = Counted { inner: file.take(entry.size), stored: Arc::clone(&stored) };
    let mut magic = Vec::with_capacity(4);
    counted.by_ref().take(4).read_to_end(&mut magic).map_err(failed)?;
    let compression = compression.unwrap_or(match magic[..] {
        [0x1F, 0x8B, ..] => Compression::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD] => Compression::Zstd,
        _ => Compression::None,
    });
    let whole = Cursor::new(magic).chain(counted);
    let reader: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(256 << 10, whole))),
        Compression::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(256 << 10, whole)).map_err(failed)?)
        }
    };
    Ok(Opened { reader, compression, stored })
}

struct Counted {
    inner: Take<File>,
    stored: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.stored.fetch_add(n as u64, Relaxed);
        Ok(n)
    }
}
