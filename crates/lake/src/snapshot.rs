//! A table as it is at one version: its schema and its data files.

use crate::commit::data_files;
use crate::lake::{Table, delta_error};
use crate::{Lake, TableName};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_store::Store;

/// One data file of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFile {
    /// Relative to the table's directory.
    pub path: String,
    /// Bytes.
    pub size: u64,
    pub rows: u64,
    /// Delta's JSON: `numRecords`, `minValues`, `maxValues`, `nullCount`.
    pub stats: Option<String>,
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Milliseconds since 1970.
    pub modified_millis: i64,
}

impl DataFile {
    /// The one value that a text column has in every row of the file; `None` where it has several, or that is not known. Exact for
    /// the column of [`crate::WriterOptions::file_per`].
    pub fn constant(&self, column: &str) -> Option<String> {
        if let Some(value) = self.partition_values.get(column) {
            return value.clone();
        }
        let stats: serde_json::Value = serde_json::from_str(self.stats.as_deref()?).ok()?;
        if stats["nullCount"][column].as_u64() != Some(0) {
            return None;
        }
        let (least, greatest) = (stats["minValues"][column].as_str()?, stats["maxValues"][column].as_str()?);
        // A footer cuts texts and raises the cut end of the greatest, so that equal ends mean one value.
        (least == greatest).then(|| least.to_string())
    }
}

/// See the module. Files of a version stay until [`Lake::maintain`] finds them older than the retention.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub table: TableName,
    pub version: i64,
    /// Partition columns are where the schema has them, though data files do not store them.
    pub schema: SchemaRef,
    pub partition_columns: Vec<String>,
    /// In the order they were written.
    pub files: Vec<DataFile>,
    pub(crate) store: Store,
}

impl Snapshot {
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }
    /// Where its data files are.
    pub fn paths(&self) -> Vec<std::path::PathBuf> {
        self.files.iter().map(|f| self.store.root().join(&f.path)).collect()
    }
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }
    /// The columns that data files store.
    pub fn file_schema(&self) -> SchemaRef {
        let kept: Vec<_> = self.schema.fields().iter().filter(|f| !self.partition_columns.contains(f.name())).cloned().collect();
        Arc::new(Schema::new(kept))
    }
}

impl Lake {
    /// A table as it is now, or was at a version; `None` for a table that is not there. A version that has been cleaned away is an error.
    pub async fn snapshot(&self, name: &TableName, version: Option<i64>) -> Result<Option<Snapshot>> {
        let Some(table) = self.table_if_there(name)? else { return Ok(None) };
        let state = match version {
            Some(version) => table.at(version).await?,
            None => match table.latest().await? {
                Some(state) => state,
                None => return Ok(None),
            },
        };
        snapshot_of(&table, &state).map(Some)
    }

    /// Data files that are written but not committed, to be read like a table.
    pub fn staged(&self, name: &TableName, schema: &Schema, files: Vec<DataFile>) -> Result<Snapshot> {
        let table = self.table(name)?;
        let partition_columns = files.first().map(|f| f.partition_values.keys().cloned().collect()).unwrap_or_default();
        Ok(Snapshot {
            table: name.clone(),
            version: -1,
            schema: crate::schema::storable(schema)?,
            partition_columns,
            files,
            store: table.store.clone(),
        })
    }

    /// A table as of the last finished epoch, which is what every reader but the writer itself should see.
    pub async fn finished_snapshot(&self, name: &TableName) -> Result<Option<Snapshot>> {
        match self.last_done()?.and_then(|done| done.version(name)) {
            Some(version) => self.snapshot(name, Some(version)).await,
            None => Ok(None),
        }
    }
}

pub(crate) fn snapshot_of(table: &Table, state: &deltalake_core::DeltaTable) -> Result<Snapshot> {
    let loaded = state.snapshot().map_err(|e| delta_error(&table.name, e))?;
    let metadata = loaded.metadata();
    let mapping = metadata.configuration().get("delta.columnMapping.mode");
    if mapping.is_some_and(|mode| mode != "none") {
        return Err(Error::config(format!("{} uses column mapping, which tidemill does not read", table.name))
            .help("rewrite it with the program that made it, with delta.columnMapping.mode = none"));
    }
    let fields = loaded.snapshot().arrow_schema();
    let fields: Vec<Field> = fields.fields().iter().map(|f| plain(f)).collect();
    Ok(Snapshot {
        table: table.name.clone(),
        version: state.version().unwrap_or(0) as i64,
        schema: Arc::new(Schema::new(fields)),
        partition_columns: metadata.partition_columns().to_vec(),
        files: data_files(&table.name, state)?,
        store: table.store.clone(),
    })
}

/// The field without what Delta says about it, except for its description.
fn plain(field: &Field) -> Field {
    let comment = field.metadata().get("comment").map(|c| ("comment".to_string(), c.trim_matches('"').to_string()));
    let data_type = match field.data_type() {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    };
    Field::new(field.name(), data_type, field.is_nullable()).with_metadata(comment.into_iter().collect())
}
