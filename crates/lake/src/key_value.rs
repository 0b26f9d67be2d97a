//! Rows by key, in a file of their own: what is looked up one at a time. It holds nothing that can't be made from tables again, so a damaged
//! file, or one of another format, is put away and begun anew.
//!
//! Invariant: a set's rows and its mark are of one moment; whoever reads sees the moment before or the one after, never a mixture.

mod blocks;

use blocks::{Packer, Rows};
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableDefinition, TableError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tidemill_core::{Error, Result};

/// Of what is in the file.
const FORMAT: &str = "2";
/// Pages in memory; the system keeps the rest of what it can.
const MEMORY_BYTES: usize = 128 << 20;

const ABOUT: TableDefinition<&str, &str> = TableDefinition::new("about");
const MARKS: TableDefinition<&str, &[u8]> = TableDefinition::new("marks");

pub struct KeyValue {
    db: Database,
    path: PathBuf,
}

/// What a filling did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    pub rows: u64,
    /// Of the rows, before they are packed.
    pub bytes: u64,
    /// Of the blocks that were written, because a row in them is new, gone or another than it was.
    pub bytes_written: u64,
}

/// What is kept of a key, and whatever was said when its set was filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub mark: Vec<u8>,
    pub row: Option<Vec<u8>>,
}

impl KeyValue {
    /// The one in `path`, made if there is none; `None` while another process has it. Reads the file through.
    pub fn open(path: &Path) -> Result<Option<KeyValue>> {
        let fail = |e: &dyn std::error::Error| Error::unavailable(format!("cannot keep rows by key: {e}")).at(path.display().to_string());
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|e| fail(&e))?;
        }
        match KeyValue::try_open(path) {
            Ok(opened) => Ok(Some(opened)),
            Err(DatabaseError::DatabaseAlreadyOpen) => Ok(None),
            Err(e) if is_damage(&e) => {
                tracing::warn!(file = %path.display(), error = %e, "rows by key are damaged; they are made anew");
                std::fs::remove_file(path).map_err(|e| fail(&e))?;
                KeyValue::try_open(path).map(Some).map_err(|e| fail(&e))
            }
            Err(e) => Err(fail(&e)),
        }
    }

    fn try_open(path: &Path) -> Result<KeyValue, DatabaseError> {
        let db = Builder::new().set_cache_size(MEMORY_BYTES).set_check_integrity_on_open(true).create(path)?;
        let opened = KeyValue { db, path: path.to_path_buf() };
        match opened.format() {
            Ok(Some(format)) if format == FORMAT => Ok(opened),
            Ok(None) => Ok(opened),
            Ok(Some(format)) => Err(corrupted(format!("its format is {format}"))),
            Err(e) => Err(corrupted(e.to_string())),
        }
    }

    /// `None` while nothing was ever written.
    fn format(&self) -> std::result::Result<Option<String>, redb::Error> {
        let read = self.db.begin_read()?;
        let about = match read.open_table(ABOUT) {
            Ok(about) => about,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        Ok(Some(about.get("format")?.map_or_else(String::new, |f| f.value().to_string())))
    }

    /// `None` for a set that was never filled.
    pub fn get(&self, set: &str, key: &str) -> Result<Option<Found>> {
        self.told(|| {
            let read = self.db.begin_read()?;
            let Some(marks) = opened(read.open_table(MARKS))? else { return Ok(None) };
            let Some(mark) = marks.get(set)?.map(|m| m.value().to_vec()) else { return Ok(None) };
            let Some(blocks) = opened(read.open_table(blocks(&name(set))))? else { return Ok(Some(Found { mark, row: None })) };
            let row = match blocks.range::<&str>(..=key)?.next_back() {
                Some(block) => Rows::unpack(block?.1.value())?.find(key)?.map(<[u8]>::to_vec),
                None => None,
            };
            Ok(Some(Found { mark, row }))
        })
    }

    pub fn mark(&self, set: &str) -> Result<Option<Vec<u8>>> {
        self.told(|| {
            let read = self.db.begin_read()?;
            let Some(marks) = opened(read.open_table(MARKS))? else { return Ok(None) };
            Ok(marks.get(set)?.map(|m| m.value().to_vec()))
        })
    }

    /// Keys that begin like this, in order.
    pub fn keys(&self, set: &str, prefix: &str, limit: usize) -> Result<Vec<String>> {
        self.told(|| {
            let read = self.db.begin_read()?;
            let Some(blocks) = opened(read.open_table(blocks(&name(set))))? else { return Ok(Vec::new()) };
            // The first of them may stand within a block that begins before it.
            let before = blocks.range::<&str>(..prefix)?.next_back();
            let mut found = Vec::new();
            for block in before.into_iter().chain(blocks.range(prefix..)?) {
                let mut rows = Rows::unpack(block?.1.value())?;
                while let Some(key) = rows.next_key()? {
                    if found.len() == limit || (key.as_str() > prefix && !key.starts_with(prefix)) {
                        return Ok(found);
                    }
                    if key.starts_with(prefix) {
                        found.push(key);
                    }
                }
            }
            Ok(found)
        })
    }

    /// Makes a set what `next` gives, batch by batch, until it gives `None`: keys in ascending order of their bytes, each once. Only what differs is
    /// written. When `next` fails, or there are more than `bytes_max`, everything stays as it was.
    pub fn fill(
        &self,
        set: &str,
        mark: &[u8],
        bytes_max: u64,
        mut next: impl FnMut() -> Result<Option<Vec<(String, Vec<u8>)>>>,
    ) -> Result<Filled> {
        let mut filled = Filled::default();
        let mut packer = self.told(|| Ok(Packer::new()?))?;
        let mut given: std::vec::IntoIter<(String, Vec<u8>)> = Vec::new().into_iter();
        let mut last: Option<String> = None;
        let mut is_read = false;
        let mut block = || -> Result<Option<blocks::Block>> {
            loop {
                let Some((key, row)) = given.next() else {
                    match if is_read { None } else { next()? } {
                        Some(batch) => given = batch.into_iter(),
                        None => {
                            is_read = true;
                            return self.told(|| Ok(packer.end()?));
                        }
                    }
                    continue;
                };
                if last.as_ref().is_some_and(|last| *last >= key) {
                    let told: String = key.chars().take(100).collect();
                    return Err(Error::data(format!("`{told}` stands twice, or in no order")).at(set));
                }
                filled.rows += 1;
                filled.bytes += (key.len() + row.len()) as u64;
                if filled.bytes > bytes_max {
                    return Err(Error::limit(format!("more than {bytes_max} bytes of rows")).at(set));
                }
                let ended = self.told(|| Ok(packer.put(&key, &row)?))?;
                last = Some(key);
                if ended.is_some() {
                    return Ok(ended);
                }
            }
        };
        let table = name(set);
        let read = self.told(|| Ok(self.db.begin_read()?))?;
        let before = self.told(|| opened(read.open_table(blocks(&table))))?;
        let mut before = self.told(|| Ok(before.as_ref().map(|t| t.range::<&str>(..)).transpose()?.into_iter().flatten()))?;
        let mut step = || self.told(|| Ok(before.next().transpose()?));
        let mut write = self.told(|| Ok(self.db.begin_write()?))?;
        // After a crash the file is good at once.
        write.set_quick_repair(true);
        let mut bytes_written = 0;
        {
            let mut after = self.told(|| Ok(write.open_table(blocks(&table))?))?;
            let mut old = step()?;
            loop {
                let new = block()?;
                let is_gone = |k: &str| new.as_ref().is_none_or(|(first, _)| k < first.as_str());
                while let Some((k, _)) = old.as_ref().filter(|(k, _)| is_gone(k.value())) {
                    self.told(|| Ok(after.remove(k.value())?.map(|_| ())))?;
                    old = step()?;
                }
                let Some((first, packed)) = new else { break };
                let same_key = old.as_ref().is_some_and(|(k, _)| k.value() == first);
                if !(same_key && old.as_ref().is_some_and(|(_, b)| b.value() == packed)) {
                    self.told(|| Ok(after.insert(first.as_str(), packed.as_slice())?.map(|_| ())))?;
                    bytes_written += (first.len() + packed.len()) as u64;
                }
                if same_key {
                    old = step()?;
                }
            }
            self.told(|| {
                write.open_table(MARKS)?.insert(set, mark)?;
                write.open_table(ABOUT)?.insert("format", FORMAT)?;
                Ok(())
            })?;
        }
        self.told(|| Ok(write.commit()?))?;
        filled.bytes_written = bytes_written;
        Ok(filled)
    }

    /// Forgets every set but these.
    pub fn keep_only(&self, sets: &[String]) -> Result<()> {
        self.told(|| {
            let read = self.db.begin_read()?;
            let Some(marks) = opened(read.open_table(MARKS))? else { return Ok(()) };
            let mut gone = Vec::new();
            for entry in marks.range::<&str>(..)? {
                let set = entry?.0.value().to_string();
                if !sets.contains(&set) {
                    gone.push(set);
                }
            }
            if gone.is_empty() {
                return Ok(());
            }
            let write = self.db.begin_write()?;
            for set in &gone {
                write.delete_table(blocks(&name(set)))?;
                write.open_table(MARKS)?.remove(set.as_str())?;
            }
            Ok(write.commit()?)
        })
    }

    fn told<T>(&self, work: impl FnOnce() -> std::result::Result<T, redb::Error>) -> Result<T> {
        work().map_err(|e| Error::unavailable("rows by key cannot be used").at(self.path.display().to_string()).because(e))
    }
}

fn name(set: &str) -> String {
    format!("blocks {set}")
}

fn blocks(name: &str) -> TableDefinition<'_, &'static str, &'static [u8]> {
    TableDefinition::new(name)
}

fn opened<T>(table: std::result::Result<T, TableError>) -> std::result::Result<Option<T>, redb::Error> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn corrupted(why: String) -> DatabaseError {
    DatabaseError::Storage(StorageError::Corrupted(why))
}

/// What no second try mends, and a new file does.
fn is_damage(e: &DatabaseError) -> bool {
    match e {
        DatabaseError::UpgradeRequired(_) | DatabaseError::RepairAborted | DatabaseError::LockProtocolMismatch => true,
        DatabaseError::Storage(StorageError::Corrupted(_)) => true,
        DatabaseError::Storage(StorageError::Io(e)) => matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
