//! `system.cache`: what is kept in memory, as a table that can be asked like any other. Its rows are those of the moment in which it is asked.

use super::TableUse;
use crate::engine::Engine;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{MemTable, TableType};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

#[derive(Debug)]
struct Told {
    engine: Engine,
    schema: SchemaRef,
}

impl Engine {
    /// What it keeps in memory, as `system.cache`, whose columns these are.
    pub fn memory_told(&self, schema: SchemaRef) -> Arc<dyn TableProvider> {
        Arc::new(Told { engine: self.clone(), schema })
    }
}

impl Told {
    fn now(&self) -> DataFusionResult<RecordBatch> {
        let memory = self.engine.tables_in_memory();
        let tables = memory.known();
        let text = |of: fn(&TableUse) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(tables.iter().map(of))) };
        let whole =
            |of: &dyn Fn(&TableUse) -> u64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(tables.iter().map(|t| of(t) as i64))) };
        let instant = |of: fn(&TableUse) -> Option<i64>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from_iter(tables.iter().map(of)).with_timezone("UTC"))
        };
        let columns = vec![
            text(|t| &t.name),
            Arc::new(StringArray::from_iter(tables.iter().map(|t| Some(&t.version).filter(|v| !v.is_empty())))),
            whole(&|t| t.rows),
            whole(&|t| t.columns as u64),
            whole(&|t| t.bytes),
            whole(&|_| memory.bytes_max()),
            whole(&|t| t.counts.hits),
            whole(&|t| t.counts.loads),
            whole(&|t| t.counts.evictions),
            whole(&|t| t.counts.refusals),
            instant(|t| t.since_micros),
            instant(|t| t.used_micros),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

#[async_trait]
impl TableProvider for Told {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        MemTable::try_new(self.schema(), vec![vec![self.now()?]])?.scan(state, projection, filters, limit).await
    }
}
