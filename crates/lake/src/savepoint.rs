//! Savepoints: what tables held at a moment, under a name. Their data files are named one by one, so that a savepoint needs no log, and
//! maintenance leaves them alone for as long as it is there.
//!
//! `_tidemill/savepoints/NAME.json` is the savepoint; bytes that belong to it lie in `_tidemill/savepoints/NAME/` and are written before it.

use crate::commit::{Kind, Transaction};
use crate::history::way_to;
use crate::{Commit, Committed, DataFile, Lake, Lease, Removes, Snapshot, TableName};
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use tidemill_core::{Error, Result};

const DIRECTORY: &str = "savepoints";
const NAME_LENGTH_MAX: usize = 64;

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Savepoint {
    pub name: String,
    /// The finished epoch whose content it is.
    pub epoch: u64,
    pub at_micros: i64,
    pub tables: Vec<Held>,
    /// What else its maker wants to find again.
    pub more: serde_json::Value,
}

/// A table as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Held {
    /// In full: `raw.orders`.
    pub table: String,
    pub version: i64,
    pub files: Vec<DataFile>,
    partition_columns: Vec<String>,
    /// As an Arrow stream without rows, in hexadecimal.
    schema: String,
}

impl Held {
    pub fn new(snapshot: Snapshot) -> Result<Held> {
        let bytes = StreamWriter::try_new(Vec::new(), &snapshot.schema)?.into_inner()?;
        let schema = bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let Snapshot { table, version, files, partition_columns, .. } = snapshot;
        Ok(Held { table: table.to_string(), version, files, partition_columns, schema })
    }

    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }

    pub fn name(&self) -> Result<TableName> {
        self.table.parse()
    }

    fn schema(&self) -> Result<SchemaRef> {
        let digits = self.schema.as_bytes().chunks_exact(2);
        let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
        let bytes =
            digits.map(byte).collect::<Option<Vec<u8>>>().ok_or_else(|| Error::data("columns that can't be read").at(&self.table))?;
        Ok(StreamReader::try_new(bytes.as_slice(), None)?.schema())
    }
}

impl Lake {
    /// Makes a savepoint durable. There is none of that name yet.
    pub fn put_savepoint(&self, savepoint: &Savepoint) -> Result<()> {
        self.put_state(&record(&savepoint.name)?, savepoint)
    }

    pub fn savepoint(&self, name: &str) -> Result<Option<Savepoint>> {
        self.get_state(&record(name)?)
    }

    /// All of them, by name.
    pub fn savepoints(&self) -> Result<Vec<Savepoint>> {
        let names = self.list_state(DIRECTORY)?;
        let mut all = Vec::new();
        for name in names.iter().filter_map(|n| n.strip_suffix(".json")) {
            all.extend(self.savepoint(name)?);
        }
        Ok(all)
    }

    /// Lets a savepoint go: what only it needs is maintenance's from now on.
    pub fn remove_savepoint(&self, name: &str) -> Result<()> {
        self.remove_state(&record(name)?)?;
        let directory = format!("{DIRECTORY}/{name}");
        for file in self.list_state(&directory)? {
            self.remove_state(&format!("{directory}/{file}"))?;
        }
        Ok(())
    }

    /// Where bytes that belong to a savepoint are kept, for [`Lake::put_bytes`].
    pub fn savepoint_path(name: &str, of: &str) -> String {
        format!("{DIRECTORY}/{name}/{of}")
    }

    /// The first data file of a savepoint that is gone, in which case it can't be gone back to.
    pub fn missing_file(&self, savepoint: &Savepoint) -> Result<Option<String>> {
        for held in &savepoint.tables {
            let directory = self.directory(&held.name()?);
            if let Some(gone) = held.files.iter().find(|f| !directory.join(&f.path).is_file()) {
                return Ok(Some(format!("{}/{}", held.table, gone.path)));
            }
        }
        Ok(None)
    }

    /// Makes a table what it was, as part of an epoch and once.
    pub async fn take_back(&self, lease: &Lease, epoch: u64, held: &Held) -> Result<Committed> {
        let name = held.name()?;
        let schema = held.schema()?;
        let commit = match self.snapshot(&name, None).await? {
            Some(current) => {
                let like = Snapshot { schema, partition_columns: held.partition_columns.clone(), ..current.clone() };
                way_to(&current, &held.files, &like)
            }
            None => Commit {
                schema,
                adds: held.files.clone(),
                removes: Removes::None,
                operation: "RESTORE".into(),
                partition_columns: held.partition_columns.clone(),
            },
        };
        let txn = Transaction { id: name.application_id(), version: epoch as i64, epoch: Some(epoch) };
        self.commit_as(lease, &name, commit, Some(txn), Kind::Return).await
    }

    /// Takes every row out of a table, as part of an epoch and once. Its older versions keep them.
    pub async fn empty(&self, lease: &Lease, epoch: u64, name: &TableName) -> Result<()> {
        let Some(current) = self.snapshot(name, None).await? else { return Ok(()) };
        let commit = way_to(&current, &[], &current);
        let txn = Transaction { id: name.application_id(), version: epoch as i64, epoch: Some(epoch) };
        self.commit_as(lease, name, commit, Some(txn), Kind::Return).await?;
        Ok(())
    }

    /// Data files of a table that savepoints name.
    pub(crate) fn held_files(&self, name: &TableName) -> Result<BTreeSet<String>> {
        let of = name.to_string();
        let held = self.savepoints()?.into_iter().flat_map(|s| s.tables).filter(|t| t.table == of);
        Ok(held.flat_map(|t| t.files).map(|f| f.path).collect())
    }
}

/// The record's place; a name that could be a path, or hidden, is none.
fn record(name: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.chars().all(plain) {
        return Err(Error::config(format!("`{name}` is not a name for a savepoint"))
            .help(format!("use up to {NAME_LENGTH_MAX} letters, digits, `-` and `_`")));
    }
    Ok(format!("{DIRECTORY}/{name}.json"))
}
