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
