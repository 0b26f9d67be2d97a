//! A snapshot as a table that DataFusion can scan: the active Parquet files as one file scan, with pruning by what the log says of each
//! file, and partition columns in their place. It names only files and plain types, so that it can be shipped to other machines.

use crate::{DataFile, Lake, Snapshot, schema};
use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::path::Path;
use std::sync::Arc;
use tidemill_core::{Error, Result};

impl Lake {
    /// The snapshot as a DataFusion table.
    pub fn provider(&self, snapshot: Snapshot) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(SnapshotTable::new(snapshot)?))
    }
}

#[derive(Debug)]
struct SnapshotTable {
    snapshot: Snapshot,
    files: Vec<PartitionedFile>,
    /// Data columns, then partition columns: the order of a file scan, which is not the table's.
    scan_schema: TableSchema,
    /// Where each column of the table is in that order.
    positions: Vec<usize>,
    statistics: Statistics,
}

/// Without what columns are said to mean: plans where columns come together, as `UNION ALL` does, take different descriptions for different types.
fn undescribed(schema: &SchemaRef) -> SchemaRef {
    let bare = |f: &FieldRef| Arc::new(Field::clone(f).with_metadata(Default::default()));
    Arc::new(Schema::new(schema.fields().iter().map(bare).collect::<Vec<_>>()))
}

impl SnapshotTable {
    fn new(mut snapshot: Snapshot) -> Result<SnapshotTable> {
        snapshot.schema = undescribed(&snapshot.schema);
        let file_schema = snapshot.file_schema();
        let partitions: Vec<FieldRef> = snapshot
            .partition_columns
            .iter()
            .map(|name| Ok(Arc::new(snapshot.schema.field_with_name(name)?.clone())))
            .collect::<Result<_>>()?;
        let scan_schema = TableSchema::builder(file_schema.clone()).with_table_partition_cols(partitions.clone()).build();
        let positions =
            snapshot.schema.fields().iter().map(|f| Ok(scan_schema.table_schema().index_of(f.name())?)).collect::<Result<_>>()?;
        let files = snapshot.files.iter().map(|f| partitioned_file(&snapshot, f, &file_schema, &partitions)).collect::<Result<Vec<_>>>()?;
        let statistics = merged(&files, scan_schema.table_schema());
        Ok(SnapshotTable { snapshot, files, scan_schema, positions, statistics })
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        self.snapshot.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let columns: Vec<usize> = match projection {
            Some(wanted) => wanted.iter().map(|i| self.positions[*i]).collect(),
            None => self.positions.clone(),
        };
        if self.files.is_empty() {
            let schema = match projection {
                Some(wanted) => Arc::new(self.snapshot.schema.project(wanted)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let format = ParquetFormat::new().with_options(state.default_table_options().parquet).with_force_view_types(false);
        let source = Arc::new(ParquetSource::new(self.scan_schema.clone()));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_group(FileGroup::new(self.files.clone()))
            .with_statistics(self.statistics.clone())
            .with_projection_indices(Some(columns))?
            .with_limit(if filters.is_empty() { limit } else { None })
            .build();
        format.create_physical_plan(state, config).await
    }

    /// A filter is used to leave out files, row groups and pages, and is applied again above.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let columns = self.positions.iter().map(|i| self.statistics.column_statistics[*i].clone()).collect();
        Some(Statistics { column_statistics: columns, ..self.statistics.clone() })
    }
}

/// The value a partition column has in a file, with the column's type.
pub(crate) fn partition_value(file: &DataFile, field: &FieldRef) -> Result<ArrayRef> {
    let text = file.partition_values.get(field.name()).cloned().flatten().filter(|t| !t.is_empty());
    let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
    schema::cast(&text, field.data_type()).map_err(|e| e.at(format!("partition column `{}`", field.name())))
}

fn partitioned_file(snapshot: &Snapshot, file: &DataFile, file_schema: &SchemaRef, partitions: &[FieldRef]) -> Result<PartitionedFile> {
    let path = snapshot.store.root().join(&file.path);
    let location = Path::from_absolute_path(&path).map_err(|e| Error::bug(format!("{}: {e}", path.display())))?;
    let mut partitioned = PartitionedFile::new("", file.size);
    partitioned.object_meta.location = location;
    // Names are never used twice, so the date only has to be steady: footers are cached by name, size and date.
    partitioned.object_meta.last_modified = chrono::DateTime::from_timestamp_millis(file.modified_millis).unwrap_or_default();
    let values = partitions
        .iter()
        .map(|field| ScalarValue::try_from_array(&partition_value(file, field)?, 0).map_err(datafusion_error))
        .collect::<Result<Vec<_>>>()?;
    let no_nulls = values.iter().all(|v| !v.is_null());
    let partitioned = partitioned.with_partition_values(values);
    // The library takes a partition's value for never NULL, so a file whose value is goes without.
    Ok(match file_statistics(file, file_schema) {
        Some(statistics) if no_nulls => partitioned.with_statistics(Arc::new(statistics)),
        _ => partitioned,
    })
}

/// What the log says of a file's columns. Whole numbers and dates are exact; texts may be cut, and floats leave NaN out.
fn file_statistics(file: &DataFile, schema: &SchemaRef) -> Option<Statistics> {
    let stats: serde_json::Value = serde_json::from_str(file.stats.as_deref()?).ok()?;
    let rows = stats["numRecords"].as_u64()? as usize;
    let mut statistics = Statistics::new_unknown(schema);
    statistics.num_rows = Precision::Exact(rows);
    statistics.total_byte_size = Precision::Inexact(file.size as usize);
    for (field, column) in schema.fields().iter().zip(&mut statistics.column_statistics) {
        let value = |of: &str| scalar(&stats[of][field.name()], field.data_type());
        *column = ColumnStatistics::new_unknown();
        if let Some(nulls) = stats["nullCount"][field.name()].as_u64() {
            column.null_count = Precision::Exact(nulls as usize);
        }
        let exact = matches!(field.data_type(), DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Date32);
        let precise = |v| if exact { Precision::Exact(v) } else { Precision::Inexact(v) };
        if let (Some(least), Some(greatest)) = (value("minValues"), value("maxValues")) {
            column.min_value = precise(least);
            column.max_value = precise(greatest);
        }
    }
    Some(statistics)
}

fn scalar(value: &serde_json::Value, data_type: &DataType) -> Option<ScalarValue> {
    let text = match (value, data_type) {
        (serde_json::Value::Null, _) | (_, DataType::Float32 | DataType::Float64 | DataType::Timestamp(_, _)) => return None,
        (serde_json::Value::String(text), _) => text.clone(),
        // A decimal read as a double would have lost digits.
        (_, DataType::Decimal128(_, _)) => return None,
        (number, _) => number.to_string(),
    };
    ScalarValue::try_from_string(text, data_type).ok()
}

fn merged(files: &[PartitionedFile], schema: &SchemaRef) -> Statistics {
    let each: Option<Vec<&Statistics>> = files.iter().map(|f| f.statistics.as_deref()).collect();
    match each {
        Some(each) if !each.is_empty() => Statistics::try_merge_iter(each, schema).unwrap_or_else(|_| Statistics::new_unknown(schema)),
        _ => Statistics::new_unknown(schema),
    }
}

pub(crate) fn datafusion_error(e: DataFusionError) -> Error {
    Error::bug(e.to_string()).because(e)
}
