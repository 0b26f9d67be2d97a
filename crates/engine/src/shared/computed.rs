//! Computes a shared part, or waits for whoever does.

use arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions, reset_plan_states};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::future::{BoxFuture, Shared as SharedFuture};
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What the equal parts of one plan share: the rows, or the wait for them.
#[derive(Default)]
pub(super) struct Part {
    asked: Mutex<Option<Asked>>,
}

struct Asked {
    /// Of the plan that is computed. Others, should they have been planned otherwise, compute for themselves.
    partitions: usize,
    rows: SharedFuture<BoxFuture<'static, Rows>>,
}

#[derive(Clone)]
enum Rows {
    /// Of each partition.
    Kept(Arc<Vec<Kept>>),
    /// They would not have fitted into memory. So it is for all partitions or none: computed again, a row may be in another.
    TooMany,
    Failed(Arc<DataFusionError>),
}

struct Kept {
    batches: Vec<RecordBatch>,
    /// Given back with the rows.
    _reservation: MemoryReservation,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part")
    }
}

#[derive(Debug)]
pub(super) struct SharedExec {
    input: Arc<dyn ExecutionPlan>,
    part: Arc<Part>,
    /// The plan run for this place alone, where rows are too many to be shared.
    alone: Arc<OnceLock<Arc<dyn ExecutionPlan>>>,
    metrics: ExecutionPlanMetricsSet,
}

impl SharedExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, part: Arc<Part>) -> Self {
        SharedExec { input, part, alone: Arc::default(), metrics: ExecutionPlanMetricsSet::new() }
    }

    /// The rows, computed from now on if nobody has asked before; `None` if this plan can't share.
    fn rows(&self, context: &Arc<TaskContext>) -> Result<Option<SharedFuture<BoxFuture<'static, Rows>>>> {
        let partitions = self.input.output_partitioning().partition_count();
        let mut asked = self.part.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = asked.as_ref() {
            return Ok((asked.partitions == partitions).then(|| asked.rows.clone()));
        }
        let parts = (0..partitions)
            .map(|partition| {
                let stream = self.input.execute(partition, Arc::clone(context))?;
                let reservation = MemoryConsumer::new("rows that a question reads twice").register(context.memory_pool());
                Ok(gathered(stream, reservation))
            })
            .collect::<Result<Vec<_>>>()?;
        let rows = all(parts).boxed().shared();
        *asked = Some(Asked { partitions, rows: rows.clone() });
        Ok(Some(rows))
    }
}

/// Computes all partitions side by side.
async fn all(parts: Vec<impl Future<Output = Result<Option<Kept>>> + Send + 'static>) -> Rows {
    let tasks: Vec<_> = parts.into_iter().map(SpawnedTask::spawn).collect();
    let mut kept = Vec::with_capacity(tasks.len());
    // A failure drops the other tasks, which ends them.
    for task in tasks {
        match task.join().await {
            Ok(Ok(Some(part))) => kept.push(part),
            Ok(Ok(None)) => return Rows::TooMany,
            Ok(Err(e)) => return Rows::Failed(Arc::new(e)),
            Err(e) => return Rows::Failed(Arc::new(DataFusionError::ExecutionJoin(Box::new(e)))),
        }
    }
    Rows::Kept(Arc::new(kept))
}

/// `None`: too many.
async fn gathered(mut stream: SendableRecordBatchStream, reservation: MemoryReservation) -> Result<Option<Kept>> {
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await.transpose()? {
        let bytes: usize = batch.columns().iter().map(|c| c.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        if reservation.try_grow(bytes).is_err() {
            return Ok(None);
        }
        batches.push(batch);
    }
    Ok(Some(Kept { batches, _reservation: reservation }))
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared: computed once")
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &'static str {
        "Shared"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    /// The parts must be planned alike.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().ok_or_else(|| DataFusionError::Internal("a shared part without an input".into()))?;
        Ok(Arc::new(SharedExec::new(input, Arc::clone(&self.part))))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    /// Run again, it must not give the rows of the run before.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(SharedExec::new(Arc::clone(&self.input), Arc::default())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(rows) = self.rows(&context)? else { return self.input.execute(partition, context) };
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let computed_alone = MetricBuilder::new(&self.metrics).counter("computed_alone", partition);
        let (input, alone) = (Arc::clone(&self.input), Arc::clone(&self.alone));
        let stream = async move {
            match rows.await {
                Rows::Kept(kept) => {
                    let count = kept.get(partition).map_or(0, |part| part.batches.len());
                    let batches = (0..count).map(move |at| {
                        let batch = kept[partition].batches[at].clone();
                        metrics.record_output(batch.num_rows());
                        Ok(batch)
                    });
                    Ok(futures::stream::iter(batches).boxed())
                }
                Rows::TooMany => {
                    // What was begun can't be begun again, so a fresh copy is run: one for all partitions of this place.
                    computed_alone.add(1);
                    let fresh = reset_plan_states(input)?;
                    Ok(alone.get_or_init(|| fresh).execute(partition, context)?.boxed())
                }
                Rows::Failed(e) => Err(DataFusionError::Shared(e)),
            }
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), futures::stream::once(stream).try_flatten())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(inputs.first().cloned().unwrap_or_else(|| Arc::new(Statistics::new_unknown(&self.schema()))))
    }
}
