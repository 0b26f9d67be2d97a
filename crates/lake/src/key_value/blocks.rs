//! Rows in blocks, some dozens to one: a tree with so many fewer entries is filled many times faster, and alike rows are packed to a fraction.
//!
//! Which key begins a block is settled by the key itself, so that a row that comes, goes or changes touches its own block and no other.
//! A block is `length, key, length, row` for each row, compressed as one Zstandard frame, with the length of it all before it (lengths of four
//! bytes, little-endian).

use std::io::{Error, ErrorKind, Result};
use zstd::bulk::Compressor;

/// One key in so many begins a block.
const ROWS_MEAN: u8 = 32;
/// A block this long ends, whatever its keys are.
const BYTES_MAX: usize = 64 << 10;
/// Lower levels pack JSON nearly as well and are much faster.
const LEVEL: i32 = 1;

/// Packs rows that come in order.
pub struct Packer {
    compressor: Compressor<'static>,
    first: Option<String>,
    plain: Vec<u8>,
}

/// By its first key.
pub type Block = (String, Vec<u8>);

impl Packer {
    pub fn new() -> Result<Packer> {
        Ok(Packer { compressor: Compressor::new(LEVEL)?, first: None, plain: Vec::new() })
    }

    /// The block that this row ends, if it begins another one.
    pub fn put(&mut self, key: &str, row: &[u8]) -> Result<Option<Block>> {
        let ended = if begins(key) || self.plain.len() >= BYTES_MAX { self.end()? } else { None };
        self.first.get_or_insert_with(|| key.to_string());
        for part in [key.as_bytes(), row] {
            self.plain.extend_from_slice(&length(part.len())?);
            self.plain.extend_from_slice(part);
        }
        Ok(ended)
    }

    /// The last one.
    pub fn end(&mut self) -> Result<Option<Block>> {
        let Some(first) = self.first.take() else { return Ok(None) };
        let mut packed = length(self.plain.len())?.to_vec();
        packed.extend(self.compressor.compress(&self.plain)?);
        self.plain.clear();
        Ok(Some((first, packed)))
    }
}

/// The rows of a block, in order.
pub struct Rows {
    plain: Vec<u8>,
    at: usize,
}

impl Rows {
    pub fn unpack(packed: &[u8]) -> Result<Rows> {
        let (length, frame) = packed.split_first_chunk().ok_or_else(damaged)?;
        let plain = zstd::bulk::decompress(frame, u32::from_le_bytes(*length) as usize)?;
        Ok(Rows { plain, at: 0 })
    }

    pub fn find(&mut self, key: &str) -> Result<Option<&[u8]>> {
        while let Some((at, row)) = self.step()? {
            if &self.plain[at] == key.as_bytes() {
                return Ok(Some(&self.plain[row]));
            }
        }
        Ok(None)
    }

    pub fn next_key(&mut self) -> Result<Option<String>> {
        let Some((key, _)) = self.step()? else { return Ok(None) };
        String::from_utf8(self.plain[key].to_vec()).map(Some).map_err(|_| damaged())
    }

    /// Where the next row's key and the row stand.
    #[allow(clippy::type_complexity)]
    fn step(&mut self) -> Result<Option<(std::ops::Range<usize>, std::ops::Range<usize>)>> {
        if self.at == self.plain.len() {
            return Ok(None);
        }
        let key = self.part()?;
        Ok(Some((key, self.part()?)))
    }

    fn part(&mut self) -> Result<std::ops::Range<usize>> {
        let begin = self.at + 4;
        let length: [u8; 4] = self.plain.get(self.at..begin).and_then(|b| b.try_into().ok()).ok_or_else(damaged)?;
        let end = begin + u32::from_le_bytes(length) as usize;
        if end > self.plain.len() {
            return Err(damaged());
        }
        self.at = end;
        Ok(begin..end)
    }
}

fn begins(key: &str) -> bool {
    blake3::hash(key.as_bytes()).as_bytes()[0].is_multiple_of(ROWS_MEAN)
}

fn length(of: usize) -> Result<[u8; 4]> {
    u32::try_from(of).map(u32::to_le_bytes).map_err(|_| Error::new(ErrorKind::InvalidInput, "a row of more than four gigabytes"))
}

fn damaged() -> Error {
    Error::new(ErrorKind::InvalidData, "a block of rows is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(rows: &[(String, Vec<u8>)]) -> Vec<Block> {
        let mut packer = Packer::new().unwrap();
        let mut blocks: Vec<Block> = rows.iter().filter_map(|(k, r)| packer.put(k, r).unwrap()).collect();
        blocks.extend(packer.end().unwrap());
        blocks
    }

    fn keys(blocks: &[Block]) -> Vec<String> {
        let mut keys = Vec::new();
        for (first, packed) in blocks {
            let mut rows = Rows::unpack(packed).unwrap();
            let mut of_block: Vec<String> = std::iter::from_fn(|| rows.next_key().unwrap()).collect();
            assert_eq!(of_block.first(), Some(first));
            keys.append(&mut of_block);
        }
        keys
    }

    fn made(n: usize) -> Vec<(String, Vec<u8>)> {
        (0..n).map(|i| (format!("{i:06}"), format!("[{i},\"x\"]").into_bytes())).collect()
    }

    #[test]
    fn what_is_packed_is_found_again() {
        let rows = made(1000);
        let blocks = pack(&rows);
        assert_eq!(keys(&blocks), rows.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>());
        let of = |key: &str| {
            let at = blocks.partition_point(|(first, _)| first.as_str() <= key) - 1;
            Rows::unpack(&blocks[at].1).unwrap().find(key).unwrap().map(<[u8]>::to_vec)
        };
        assert_eq!(of("000777"), Some(b"[777,\"x\"]".to_vec()));
        assert_eq!(of("0007770"), None);
        assert_eq!(pack(&[]), []);
    }

    #[test]
    fn a_change_touches_its_own_block_and_no_other() {
        let before = made(2000);
        let mut after = before.clone();
        after[700].1 = b"[]".to_vec();
        after.remove(1200);
        after.insert(1500, ("0014995".into(), b"new".to_vec()));
        let (old, new) = (pack(&before), pack(&after));
        let changed = new.iter().filter(|b| !old.contains(b)).count();
        assert!((1..=5).contains(&changed), "{changed} of {} blocks", new.len());
    }

    #[test]
    fn long_rows_stand_alone_and_damage_is_told() {
        let long: Vec<(String, Vec<u8>)> = (0..5).map(|i| (format!("{i}"), vec![b'x'; BYTES_MAX])).collect();
        let blocks = pack(&long);
        assert_eq!(blocks.len(), 5);
        for (_, packed) in &blocks {
            assert!(Rows::unpack(&packed[..packed.len() / 2]).is_err());
        }
        assert!(Rows::unpack(b"\x05\0\0\0no frame").is_err());
        let mut cut = vec![5, 0, 0, 0];
        cut.extend(zstd::bulk::compress(&[9, 0, 0, 0, b'a'], LEVEL).unwrap());
        assert!(Rows::unpack(&cut).unwrap().next_key().is_err());
    }
}
