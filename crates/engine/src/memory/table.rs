//! The relation a session names. Its first reading fills the cache, column by column as questions want them.

use super::column::Column;
use super::scan::MemoryScan;
use crate::engine::Engine;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Statistics};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct TableInMemory {
    engine: Engine,
    name: String,
    version: String,
    inner: Arc<dyn TableProvider>,
    /// All columns are read when one is.
    whole: bool,
}

impl TableInMemory {
    pub(crate) fn new(engine: Engine, name: &str, version: &str, inner: Arc<dyn TableProvider>, whole: bool) -> Self {
        TableInMemory { engine, name: name.to_string(), version: version.to_string(), inner, whole }
    }

    /// The columns wanted, from memory or else read now; `None` when they don't fit.
    async fn columns(&self, state: &dyn Session, wanted: &[usize]) -> Result<Option<(usize, HashMap<usize, Arc<Column>>)>> {
        let cache = self.engine.tables_in_memory();
        let found = cache.look_up(self.engine.now_micros(), &self.name, &self.version, wanted);
        if let (Some(rows), true) = (found.rows, found.columns.len() == wanted.len()) {
            return Ok(Some((rows, found.columns)));
        }
        if found.too_large {
            cache.refused(&self.name);
            return Ok(None);
        }
        let mut missing: Vec<usize> = match self.whole {
            true => (0..self.schema().fields().len()).collect(),
            false => wanted.iter().copied().filter(|place| !found.columns.contains_key(place)).collect(),
        };
        // Without a column there would be nothing to count rows by.
        if missing.is_empty() {
            missing.push(0);
        }
        let Some(read) = self.read(state, &missing).await? else {
            cache.refused(&self.name);
            return Ok(None);
        };
        let rows = read.first().map_or(0, |(_, c)| c.chunks.iter().map(|chunk| chunk.len()).sum());
        if found.rows.is_some_and(|before| before != rows) {
            // Never so for a version that does not change; what was kept is dropped by `keep`.
            return Ok(None);
        }
        let kept = cache.keep(&self.engine, &self.name, &self.version, rows, read.clone());
        let mut columns = found.columns;
        columns.extend(read.into_iter().filter(|(place, _)| wanted.contains(place)));
        Ok(kept.then_some((rows, columns)))
    }

    /// Reads columns from where they come from, on all threads, in order. `None` when they are larger than all that may be kept.
    async fn read(&self, state: &dyn Session, places: &[usize]) -> Result<Option<Vec<(usize, Arc<Column>)>>> {
        let plan = self.inner.scan(state, Some(&places.to_vec()), &[], None).await?;
        let plan = match self.whole {
            true => plan,
            // One file is read in parts: they follow each other.
            false => plan.repartitioned(self.engine.threads(), state.config_options())?.unwrap_or(plan),
        };
        let task = state.task_ctx();
        let streams = (0..plan.output_partitioning().partition_count())
            .map(|part| Ok(plan.execute(part, Arc::clone(&task))?.try_collect::<Vec<RecordBatch>>()))
            .collect::<Result<Vec<_>>>()?;
        let parts = futures::future::try_join_all(streams.into_iter().map(|s| datafusion::common::runtime::SpawnedTask::spawn(s).join()));
        let parts = parts.await.map_err(|e| datafusion::error::DataFusionError::ExecutionJoin(Box::new(e)))?;
        let batches: Vec<RecordBatch> = parts.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        let bytes: usize = batches.iter().flat_map(|b| b.columns()).map(|c| c.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        if bytes as u64 > self.engine.tables_in_memory().bytes_max {
            return Ok(None);
        }
        let column = |(at, place): (usize, &usize)| -> Result<(usize, Arc<Column>)> {
            let pieces: Vec<ArrayRef> = batches.iter().map(|b| Arc::clone(b.column(at))).collect();
            Ok((*place, Arc::new(Column::new(&pieces)?)))
        };
        places.iter().enumerate().map(column).collect::<Result<Vec<_>>>().map(Some)
    }

    /// Which chunks may have rows that the filters let through.
    fn chunks(&self, state: &dyn Session, filters: &[Expr], columns: &HashMap<usize, Arc<Column>>, count: usize) -> Result<Vec<usize>> {
        let all = || (0..count).collect();
        if !self.engine.plan_options().pruning {
            return Ok(all());
        }
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(all()) };
        let schema = self.schema();
        let typed = DFSchema::try_from(Arc::clone(&schema))?;
        let Ok(physical) = state.create_physical_expr(filter, &typed) else { return Ok(all()) };
        let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&schema)).build(physical);
        let Some(predicate) = predicate else { return Ok(all()) };
        let knowledge = super::scan::Knowledge { schema: &schema, columns, count };
        let Ok(kept) = predicate.prune(&knowledge) else { return Ok(all()) };
        Ok(kept.iter().enumerate().filter(|(_, keep)| **keep).map(|(at, _)| at).collect())
    }
}

#[async_trait]
impl TableProvider for TableInMemory {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
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
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema().fields().len()).collect());
        let Some((rows, columns)) = self.columns(state, &wanted).await? else {
            return self.inner.scan(state, projection, filters, limit).await;
        };
        let chunks = self.chunks(state, filters, &columns, rows.div_ceil(super::CHUNK_ROWS))?;
        let schema = Arc::new(self.schema().project(&wanted)?);
        let columns: Vec<Arc<Column>> = wanted.iter().filter_map(|place| columns.get(place).cloned()).collect();
        let partitions = state.config().target_partitions();
        Ok(Arc::new(MemoryScan::new(format!("{}@{}", self.name, self.version), schema, columns, rows, &chunks, partitions)))
    }

    /// A filter leaves out chunks, and is applied again above.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let known = self.inner.statistics();
        let places: Vec<usize> = (0..self.schema().fields().len()).collect();
        let mut statistics = known.unwrap_or_else(|| Statistics::new_unknown(&self.schema()));
        let found = self.engine.tables_in_memory().peek(&self.name, &self.version, &places);
        if let Some(rows) = found.rows {
            statistics.num_rows = Precision::Exact(rows);
        }
        for (place, column) in found.columns {
            statistics.column_statistics[place] = column.statistics.clone();
        }
        Some(statistics)
    }
}
