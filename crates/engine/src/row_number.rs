//! `row_number()` over rows that come sorted: a counter that begins again with each partition. The planner's general window operator keeps
//! state per partition, which for hundreds of thousands of small ones (the best of each customer) costs more than the rest of the query.

use arrow::array::{ArrayRef, RecordBatch, UInt64Array, make_comparator};
use arrow::compute::{SortOptions, partition};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, InputOrderMode, PlanProperties,
};
use futures::StreamExt;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Puts [`RowNumbers`] in the place of window operators that do nothing else.
#[derive(Debug)]
pub(crate) struct CountRows;

impl PhysicalOptimizerRule for CountRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let counted = plan.transform_up(|node| match RowNumbers::instead_of(&node) {
            Some(numbers) => Ok(Transformed::yes(Arc::new(numbers) as Arc<dyn ExecutionPlan>)),
            None => Ok(Transformed::no(node)),
        });
        Ok(counted?.data)
    }

    fn name(&self) -> &'static str {
        "count_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct RowNumbers {
    /// What this stands for; it knows the schema, the order and what is asked of the input.
    window: Arc<dyn ExecutionPlan>,
    input: Arc<dyn ExecutionPlan>,
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    /// How many equal columns are wanted.
    columns: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl RowNumbers {
    fn instead_of(node: &Arc<dyn ExecutionPlan>) -> Option<RowNumbers> {
        let window = node.downcast_ref::<BoundedWindowAggExec>()?;
        let counts = |e: &Arc<dyn WindowExpr>| {
            let function = e.as_any().downcast_ref::<StandardWindowExpr>().map(|s| Arc::clone(s.get_standard_func_expr()));
            let function = function.as_ref().and_then(|f| f.as_any().downcast_ref::<WindowUDFExpr>().map(|u| u.fun().name().to_string()));
            function.as_deref() == Some("row_number")
        };
        if window.input_order_mode != InputOrderMode::Sorted || !window.window_expr().iter().all(counts) {
            return None;
        }
        let first = window.window_expr().first()?;
        Some(RowNumbers {
            window: Arc::clone(node),
            input: Arc::clone(window.input()),
            partition_by: first.partition_by().to_vec(),
            columns: window.window_expr().len(),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl DisplayAs for RowNumbers {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by: Vec<String> = self.partition_by.iter().map(ToString::to_string).collect();
        write!(f, "RowNumbers: partition_by=[{}]", by.join(", "))
    }
}

impl ExecutionPlan for RowNumbers {
    fn name(&self) -> &'static str {
        "RowNumbers"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.window.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.window.apply_expressions(f)
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.window.required_input_ordering()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.window.input_distribution_requirements()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let window = Arc::clone(&self.window).replace_children(children, options)?;
        Ok(match RowNumbers::instead_of(&window) {
            Some(numbers) => Arc::new(numbers),
            None => window,
        })
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, part: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(part, context)?;
        let metrics = BaselineMetrics::new(&self.metrics, part);
        let (schema, columns) = (self.schema(), self.columns);
        let mut counter = Counter { partition_by: self.partition_by.clone(), last: None, count: 0 };
        let told = Arc::clone(&schema);
        let numbered = input.map(move |batch| {
            let batch = batch?;
            let timer = metrics.elapsed_compute().timer();
            let numbers: ArrayRef = Arc::new(counter.number(&batch)?);
            let arrays = batch.columns().iter().cloned().chain(std::iter::repeat_n(numbers, columns)).collect();
            timer.done();
            metrics.record_output(batch.num_rows());
            Ok(RecordBatch::try_new(Arc::clone(&schema), arrays)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(told, numbered)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Goes over batches in order.
struct Counter {
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    /// The partition of the last row seen: arrays of one value each.
    last: Option<Vec<ArrayRef>>,
    count: u64,
}

impl Counter {
    fn number(&mut self, batch: &RecordBatch) -> Result<UInt64Array> {
        let rows = batch.num_rows();
        let keys = self.partition_by.iter().map(|e| e.evaluate(batch)?.into_array(rows)).collect::<Result<Vec<_>>>()?;
        if rows == 0 {
            return Ok(UInt64Array::from(Vec::<u64>::new()));
        }
        let ranges: Vec<Range<usize>> = if keys.is_empty() { std::iter::once(0..rows).collect() } else { partition(&keys)?.ranges() };
        let goes_on = match &self.last {
            Some(last) => same(last, &keys)?,
            None => false,
        };
        let mut numbers = Vec::with_capacity(rows);
        for (at, range) in ranges.iter().enumerate() {
            if at > 0 || !goes_on {
                self.count = 0;
            }
            numbers.extend(self.count + 1..=self.count + range.len() as u64);
            self.count += range.len() as u64;
        }
        // A copy, so that the batch can go.
        let last = keys.iter().map(|k| arrow::compute::take(k, &UInt64Array::from(vec![rows as u64 - 1]), None));
        self.last = Some(last.collect::<Result<_, _>>()?);
        Ok(UInt64Array::from(numbers))
    }
}

/// Whether the first row of `keys` is of the partition `last`; NULL is one value.
fn same(last: &[ArrayRef], keys: &[ArrayRef]) -> Result<bool> {
    for (a, b) in last.iter().zip(keys) {
        if make_comparator(a, b, SortOptions::default())?(0, 0).is_ne() {
            return Ok(false);
        }
    }
    Ok(true)
}
