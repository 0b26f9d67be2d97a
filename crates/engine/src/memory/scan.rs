//! Reading what is kept: chunks as batches, without a copy.

use super::CHUNK_ROWS;
use super::column::Column;
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column as ColumnName, ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(crate) struct MemoryScan {
    /// The table and its version, for people.
    what: String,
    schema: SchemaRef,
    columns: Arc<Vec<Arc<Column>>>,
    rows: usize,
    /// Chunks in each partition, in order; partitions follow each other.
    parts: Vec<Vec<usize>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MemoryScan {
    pub(crate) fn new(
        what: String,
        schema: SchemaRef,
        columns: Vec<Arc<Column>>,
        rows: usize,
        chunks: &[usize],
        partitions: usize,
    ) -> Self {
        let each = chunks.len().div_ceil(partitions.max(1)).max(1);
        let mut parts: Vec<Vec<usize>> = chunks.chunks(each).map(<[usize]>::to_vec).collect();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        // That a column ascends is not told: the planner would exchange and aggregate in its order, which costs more than it saves.
        let equivalence = EquivalenceProperties::new(Arc::clone(&schema));
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::NonCooperative);
        let metrics = ExecutionPlanMetricsSet::new();
        MemoryScan { what, schema, columns: Arc::new(columns), rows, parts, properties: Arc::new(properties), metrics }
    }

    fn length(&self, chunk: usize) -> usize {
        (self.rows - chunk * CHUNK_ROWS).min(CHUNK_ROWS)
    }
}

impl DisplayAs for MemoryScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let read: usize = self.parts.iter().map(Vec::len).sum();
        let all = self.rows.div_ceil(CHUNK_ROWS);
        write!(f, "MemoryScan: {}, columns=[{}], chunks={read} of {all}", self.what, names.join(", "))
    }
}

impl ExecutionPlan for MemoryScan {
    fn name(&self) -> &'static str {
        "MemoryScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>, _: ReplaceChildrenOptions) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batch_rows = context.session_config().batch_size();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let chunks = self.parts.get(partition).cloned().unwrap_or_default();
        let pieces = chunks.into_iter().flat_map({
            let this = self.clone();
            move |chunk| {
                let length = this.length(chunk);
                (0..length).step_by(batch_rows).map(move |from| (chunk, from, batch_rows.min(length - from))).collect::<Vec<_>>()
            }
        });
        let (columns, schema) = (Arc::clone(&self.columns), Arc::clone(&self.schema));
        let batches = pieces.map(move |(chunk, from, length)| {
            let arrays: Vec<ArrayRef> = columns.iter().map(|c| c.chunks[chunk].slice(from, length)).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(length));
            metrics.record_output(length);
            Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::iter(batches))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let chunks: Vec<usize> = match args.partition() {
            Some(part) => self.parts.get(part).cloned().unwrap_or_default(),
            None => self.parts.iter().flatten().copied().collect(),
        };
        let rows: usize = chunks.iter().map(|chunk| self.length(*chunk)).sum();
        let all = rows == self.rows;
        let columns = self.columns.iter().map(|c| if all { c.statistics.clone() } else { c.statistics.clone().to_inexact() });
        // What a join weighs its sides by: the cost of a row there is one value per column, however long a text is.
        let bytes = rows * self.schema.fields().iter().map(|f| f.data_type().primitive_width().unwrap_or(8)).sum::<usize>();
        Ok(Arc::new(Statistics {
            num_rows: Precision::Exact(rows),
            total_byte_size: Precision::Inexact(bytes),
            column_statistics: columns.collect(),
        }))
    }
}

/// What the chunks say of themselves, for leaving out those in which no row can match.
pub(crate) struct Knowledge<'a> {
    pub(crate) schema: &'a SchemaRef,
    pub(crate) columns: &'a HashMap<usize, Arc<Column>>,
    pub(crate) count: usize,
}

impl Knowledge<'_> {
    fn of(&self, name: &ColumnName) -> Option<&Arc<Column>> {
        self.columns.get(&self.schema.index_of(&name.name).ok()?)
    }
}

impl PruningStatistics for Knowledge<'_> {
    fn min_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        ScalarValue::iter_to_array(self.of(column)?.least.iter().cloned()).ok()
    }

    fn max_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        ScalarValue::iter_to_array(self.of(column)?.greatest.iter().cloned()).ok()
    }

    fn num_containers(&self) -> usize {
        self.count
    }

    fn null_counts(&self, column: &ColumnName) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.of(column)?.chunks.iter().map(|c| c.null_count() as u64))))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let column = self.columns.values().next()?;
        Some(Arc::new(UInt64Array::from_iter_values(column.chunks.iter().map(|c| c.len() as u64))))
    }

    fn contained(&self, _: &ColumnName, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
