//! Hashes that no longer fit in memory: sorted, in a file without a name. What stays in memory is a filter that knows most hashes which are not there
//! without a look at the file (12 bits a hash), and the first hash of each block (16 bytes in 256 hashes).

use crate::budget::Budget;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use tidemill_core::{Error, Result};

const BLOCK: usize = 256;
const BYTES: usize = size_of::<u128>();
/// Bits of the filter for each hash; 6 of a block of 512 are set, so that about one in a hundred absent hashes seems to be there.
const BITS: usize = 12;
const PROBES: usize = 6;
const WORDS: usize = 8;

/// One sorted run.
pub(crate) struct Run {
    file: File,
    fences: Vec<u128>,
    hashes: usize,
    filter: Vec<[u64; WORDS]>,
}

impl Run {
    /// `parts` come in rising order, each hash in them, too, after sorting; each is given back empty.
    pub(crate) fn write(scratch: &Path, hashes: usize, parts: impl Iterator<Item = Vec<u128>>, budget: &Budget) -> Result<Run> {
        let blocks = (hashes * BITS).div_ceil(512).max(1);
        let run_bytes = blocks * WORDS * 8 + hashes.div_ceil(BLOCK) * BYTES;
        budget.grow(run_bytes)?;
        let failed = |e: std::io::Error| {
            Error::limit("cannot set aside what does not fit in memory")
                .at(scratch.display().to_string())
                .because(e)
                .help("free space there, point `engine.spill_dir` elsewhere, or raise `engine.memory_limit`")
        };
        let file = nameless(scratch).map_err(failed)?;
        let mut out = BufWriter::with_capacity(1 << 18, &file);
        let mut filter = vec![[0u64; WORDS]; blocks];
        let mut fences = Vec::with_capacity(hashes.div_ceil(BLOCK));
        let mut written = 0;
        for mut part in parts {
            part.sort_unstable();
            for hash in part {
                if written % BLOCK == 0 {
                    fences.push(hash);
                }
                out.write_all(&hash.to_le_bytes()).map_err(failed)?;
                let block = &mut filter[block_of(hash, blocks)];
                for bit in bits(hash) {
                    block[bit / 64] |= 1 << (bit % 64);
                }
                written += 1;
            }
        }
        out.flush().map_err(failed)?;
        drop(out);
        Ok(Run { file, fences, hashes: written, filter })
    }

    pub(crate) fn contains(&self, hash: u128) -> Result<bool> {
        let block = &self.filter[block_of(hash, self.filter.len())];
        if bits(hash).any(|bit| block[bit / 64] & (1 << (bit % 64)) == 0) {
            return Ok(false);
        }
        let Some(at) = self.fences.partition_point(|first| *first <= hash).checked_sub(1) else { return Ok(false) };
        let held = BLOCK.min(self.hashes - at * BLOCK);
        let mut bytes = [0u8; BLOCK * BYTES];
        let bytes = &mut bytes[..held * BYTES];
        self.file
            .read_exact_at(bytes, (at * BLOCK * BYTES) as u64)
            .map_err(|e| Error::unavailable("cannot read back what was set aside").because(e))?;
        let (hashes, _) = bytes.as_chunks::<BYTES>();
        Ok(hashes.binary_search_by(|b| u128::from_le_bytes(*b).cmp(&hash)).is_ok())
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes
    }

    /// Tells every hash, in order.
    pub(crate) fn each(&self, tell: &mut dyn FnMut(u128)) -> Result<()> {
        let mut bytes = [0u8; BLOCK * BYTES];
        for at in (0..self.hashes).step_by(BLOCK) {
            let bytes = &mut bytes[..BLOCK.min(self.hashes - at) * BYTES];
            self.file
                .read_exact_at(bytes, (at * BYTES) as u64)
                .map_err(|e| Error::unavailable("cannot read back what was set aside").because(e))?;
            bytes.as_chunks::<BYTES>().0.iter().for_each(|b| tell(u128::from_le_bytes(*b)));
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.filter.len() * WORDS * 8 + self.fences.len() * BYTES
    }
}

/// From the upper half; the shards of a set use its upper six bits, which is of no matter here.
fn block_of(hash: u128, blocks: usize) -> usize {
    (((hash >> 64) as u64 as u128 * blocks as u128) >> 64) as usize
}

/// From the lower half, nine bits each.
fn bits(hash: u128) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |i| (hash as u64 >> (9 * i)) as usize & 511)
}

/// A file that is gone as soon as nobody holds it, however the program ends.
fn nameless(dir: &Path) -> std::io::Result<File> {
    std::fs::create_dir_all(dir)?;
    let mut number = 0u32;
    loop {
        let path = dir.join(format!("tidemill-{}-{number}.hashes", std::process::id()));
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(e),
        }
    }
}
