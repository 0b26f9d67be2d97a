//! A table whose newest rows are in memory and whose others are stored: a query sees both, each once.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::{MemTable, TableType};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use std::sync::Arc;
use tidemill_core::{Error, Result};

#[derive(Debug)]
struct HotTable {
    stored: Arc<dyn TableProvider>,
    rows: MemTable,
}

/// `stored` and `rows` together, with the columns of `stored`. Columns go by name; one that the rows lack is NULL in them.
pub fn with_rows(stored: Arc<dyn TableProvider>, rows: &[RecordBatch]) -> Result<Arc<dyn TableProvider>> {
    if rows.iter().all(|b| b.num_rows() == 0) {
        return Ok(stored);
    }
    let schema = stored.schema();
    let rows = rows.iter().filter(|b| b.num_rows() > 0).map(|b| as_schema(b, &schema)).collect::<Result<Vec<_>>>()?;
    let rows = MemTable::try_new(schema, vec![rows]).map_err(|e| Error::bug("cannot make a table in memory").because(e))?;
    Ok(Arc::new(HotTable { stored, rows }))
}

#[derive(Debug)]
struct Widened {
    stored: Arc<dyn TableProvider>,
    schema: SchemaRef,
}

/// A table as it was stored when it had fewer columns than `schema`: those it lacks are NULL.
pub fn widened(stored: Arc<dyn TableProvider>, schema: &SchemaRef) -> Arc<dyn TableProvider> {
    let has = stored.schema();
    if schema.fields().iter().all(|f| has.index_of(f.name()).is_ok()) {
        return stored;
    }
    let known = has.fields().iter().cloned();
    let new = schema.fields().iter().filter(|f| has.index_of(f.name()).is_err()).cloned();
    let schema = Arc::new(Schema::new(known.chain(new).collect::<Vec<_>>()));
    Arc::new(Widened { stored, schema })
}

#[async_trait]
impl TableProvider for Widened {
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
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        // What is new stands after what is stored.
        let stored = self.stored.schema().fields().len();
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let there: Vec<usize> = wanted.iter().copied().filter(|i| *i < stored).collect();
        let plan = self.stored.scan(state, Some(&there), &[], limit).await?;
        if there.len() == wanted.len() {
            return Ok(plan);
        }
        let mut next = 0;
        let columns = wanted.iter().map(|i| {
            let field = self.schema.field(*i);
            let value: Arc<dyn PhysicalExpr> = if *i < stored {
                next += 1;
                Arc::new(Column::new(field.name(), next - 1))
            } else {
                Arc::new(Literal::new(ScalarValue::try_new_null(field.data_type())?))
            };
            Ok((value, field.name().clone()))
        });
        let columns = columns.collect::<DataFusionResult<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}

/// The batch with the columns of a schema, cast where their types differ.
pub fn as_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|f| match batch.column_by_name(f.name()) {
            Some(c) if c.data_type() == f.data_type() => Ok(Arc::clone(c)),
            Some(c) => Ok(arrow::compute::cast(c, f.data_type())?),
            None => Ok(new_null_array(f.data_type(), batch.num_rows())),
        })
        .collect::<Result<_>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)?)
}

#[async_trait]
impl TableProvider for HotTable {
    fn schema(&self) -> SchemaRef {
        self.stored.schema()
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
        let stored = self.stored.scan(state, projection, filters, limit).await?;
        let rows = self.rows.scan(state, projection, &[], limit).await?;
        UnionExec::try_new(vec![stored, rows])
    }
    /// A filter leaves out stored files, and is applied again above.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
