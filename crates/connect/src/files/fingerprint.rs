//! Whether a file is the one that was read before.

use super::list::FileEntry;
use std::io::Read;
use std::path::Path;
use tidemill_core::{Error, Result};

/// BLAKE3 of size and content, in hex; the known one where size and time of change still agree.
pub fn fingerprint(entry: &FileEntry, base_dir: &Path, known: Option<(u64, i64, &str)>) -> Result<String> {
    match (known, &entry.fingerprint) {
        (Some((size, modified, fingerprint)), _) if size == entry.size && modified == entry.modified_micros => {
            return Ok(fingerprint.to_string());
        }
        (_, Some(fingerprint)) => return Ok(fingerprint.clone()),
        _ => {}
    }
    let failed = |e: std::io::Error| Error::unavailable(format!("can't read the file: {e}")).at(&entry.path).because(e);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&entry.size.to_le_bytes());
    let mut file = std::fs::File::open(entry.locate(base_dir)).map_err(failed)?.take(entry.size);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(failed(e)),
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}
