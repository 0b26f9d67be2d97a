//! What a table that only grows got between two of its versions: how a reader that stood at the first comes to the second.

use crate::{DataFile, Lake, Snapshot, TableName};
use serde_json::Value;
use std::collections::BTreeMap;
use tidemill_core::Result;

impl Lake {
    /// The rows that came to a table after one version and up to another, as a snapshot of the data files that brought them. `None` when rows
    /// also went, or when that can no longer be told: the log or a file of that time is gone. Files that were written together anew change
    /// nothing.
    pub async fn appended(&self, name: &TableName, after: i64, upto: i64) -> Result<Option<Snapshot>> {
        let Some(table) = self.table_if_there(name)? else { return Ok(None) };
        let Some(whole) = self.snapshot(name, Some(upto)).await? else { return Ok(None) };
        if after > upto {
            return Ok(None);
        }
        let mut files = Vec::new();
        for version in after + 1..=upto {
            let entry = table.log_entry(version)?;
            if entry.is_empty() {
                return Ok(None);
            }
            for action in &entry {
                if action["remove"]["dataChange"].as_bool() == Some(true) || action.get("metaData").is_some() {
                    return Ok(None);
                }
                if action["add"]["dataChange"].as_bool() == Some(true) {
                    files.push(data_file(&action["add"]));
                }
            }
        }
        if files.iter().any(|f| !whole.store.root().join(&f.path).is_file()) {
            return Ok(None);
        }
        Ok(Some(Snapshot { files, ..whole }))
    }
}

/// A file as the log's `add` tells of it.
fn data_file(add: &Value) -> DataFile {
    let stats = add["stats"].as_str().map(str::to_string);
    let rows = stats.as_deref().and_then(|s| serde_json::from_str::<Value>(s).ok()).and_then(|s| s["numRecords"].as_u64()).unwrap_or(0);
    let partitions = add["partitionValues"].as_object();
    let partition_values: BTreeMap<String, Option<String>> =
        partitions.into_iter().flatten().map(|(k, v)| (k.clone(), v.as_str().map(str::to_string))).collect();
    DataFile {
        path: add["path"].as_str().unwrap_or_default().to_string(),
        size: add["size"].as_u64().unwrap_or(0),
        rows,
        stats,
        partition_values,
        modified_millis: add["modificationTime"].as_i64().unwrap_or(0),
    }
}
