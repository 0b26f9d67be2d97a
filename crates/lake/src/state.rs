//! Small named records beside the tables: outcomes of nodes, fitted recipes, pointers. Durable, checksummed, replaced whole.

use crate::{Lake, sealed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use tidemill_core::Result;
use tidemill_store::{Store, failpoint};

const DIRECTORY: &str = "_tidemill";

/// A record of the lake at a location, without opening it; `None` when there is no such record, or no lake.
pub fn read<T: DeserializeOwned>(location: &Path, name: &str) -> Result<Option<T>> {
    let path = format!("{DIRECTORY}/{name}");
    if !location.join(&path).is_file() {
        return Ok(None);
    }
    match Store::local(location)?.read(&path)? {
        Some(bytes) => sealed::open(&bytes, &path).map(Some),
        None => Ok(None),
    }
}

impl Lake {
    /// Writes a record durably, in place of an older one. `name` is a relative path such as `recipes/customers/0000000001.json`.
    pub fn put_state<T: Serialize>(&self, name: &str, body: &T) -> Result<()> {
        self.store.replace(&format!("{DIRECTORY}/{name}"), &sealed::seal(body)?)?;
        failpoint(&format!("state.{}", name.split('/').next().unwrap_or(name)));
        Ok(())
    }

    /// The record, or `None` when there is none. A damaged one is an error that names it.
    pub fn get_state<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = format!("{DIRECTORY}/{name}");
        match self.store.read(&path)? {
            Some(bytes) => sealed::open(&bytes, &path).map(Some),
            None => Ok(None),
        }
    }

    /// Names in a directory of records, sorted.
    pub fn list_state(&self, directory: &str) -> Result<Vec<String>> {
        self.store.names(&format!("{DIRECTORY}/{directory}"))
    }

    pub fn remove_state(&self, name: &str) -> Result<()> {
        self.store.remove(&format!("{DIRECTORY}/{name}"))
    }
}

/// What stands before the bytes of a checkpoint: the format, then a hash of what follows.
const BYTES_HEAD: &[u8; 8] = b"TMBYTES1";

impl Lake {
    /// Writes bytes durably, in place of older ones, with a checksum.
    pub fn put_bytes(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut whole = Vec::with_capacity(bytes.len() + 40);
        whole.extend_from_slice(BYTES_HEAD);
        whole.extend_from_slice(blake3::hash(bytes).as_bytes());
        whole.extend_from_slice(bytes);
        self.store.replace(&format!("{DIRECTORY}/{name}"), &whole)?;
        failpoint(&format!("state.{}", name.split('/').next().unwrap_or(name)));
        Ok(())
    }

    /// What [`Lake::put_bytes`] wrote; `None` when there is nothing. Damaged bytes are an error of kind Data that names them.
    pub fn get_bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = format!("{DIRECTORY}/{name}");
        let Some(whole) = self.store.read(&path)? else { return Ok(None) };
        let rest = whole.strip_prefix(BYTES_HEAD.as_slice()).filter(|r| r.len() >= 32);
        match rest {
            Some(rest) if blake3::hash(&rest[32..]).as_bytes()[..] == rest[..32] => Ok(Some(rest[32..].to_vec())),
            _ => Err(tidemill_core::Error::data("is damaged: its checksum does not match").at(path)),
        }
    }
}
