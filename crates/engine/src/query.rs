//! A question that was planned: its rows as they come, and afterwards what they cost.

use crate::advice::sentence;
use crate::operators::{self, Operator};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::MetricValue;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, display::DisplayableExecutionPlan, execute_stream};
use futures::stream::{BoxStream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{Error, Result};

/// Batches in the plan's order; empty batches may occur.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// Nothing runs until a stream is taken and polled. One `Query` is run once: [`Query::stream`] or [`Query::partitions`].
#[derive(Debug, Clone)]
pub struct Query {
    pub schema: SchemaRef,
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    /// The columns as people should see them called, where that differs.
    headings: Option<SchemaRef>,
}

/// Rows gathered in memory.
#[derive(Debug, Clone)]
pub struct Collected {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// Whether there were more rows than were asked for.
    pub truncated: bool,
}

impl Collected {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// What a query did so far; may be read while it runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanMetrics {
    /// Rows of the result.
    pub rows: u64,
    /// Bytes written to the spill directory.
    pub bytes_spilled: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Bytes handed between partitions.
    pub bytes_exchanged: u64,
    /// From the first operator's start to the last one's end.
    pub elapsed: Duration,
    /// Time spent computing, over all threads.
    pub compute: Duration,
    /// The plan with each operator's own counts, for people.
    pub operators: String,
}

impl Query {
    pub(crate) fn new(plan: Arc<dyn ExecutionPlan>, task: Arc<TaskContext>, headings: Option<SchemaRef>) -> Self {
        Query { schema: plan.schema(), plan, task, headings }
    }

    /// The same with columns called as PostgreSQL calls those that the SQL gives no name: for answers, not for tables.
    pub fn for_people(mut self) -> Self {
        if let Some(headings) = &self.headings {
            self.schema = Arc::clone(headings);
        }
        self
    }

    /// All rows as one stream, in the order that the SQL asks for.
    pub fn stream(&self) -> Result<BatchStream> {
        let batches = self.batches()?;
        if self.schema == self.plan.schema() {
            return Ok(batches);
        }
        let schema = Arc::clone(&self.schema);
        let renamed = batches.map(move |b| b.and_then(|b| Ok(RecordBatch::try_new(Arc::clone(&schema), b.columns().to_vec())?)));
        Ok(renamed.boxed())
    }

    fn batches(&self) -> Result<BatchStream> {
        Ok(ours(execute_stream(Arc::clone(&self.plan), Arc::clone(&self.task)).map_err(failure)?))
    }

    /// One stream per partition of the plan, to be polled at the same time. A sorted result has one partition.
    pub fn partitions(&self) -> Result<Vec<BatchStream>> {
        let count = self.plan.output_partitioning().partition_count();
        (0..count).map(|i| Ok(ours(self.plan.execute(i, Arc::clone(&self.task)).map_err(failure)?))).collect()
    }

    /// Rows in memory, at most `limit` of them.
    pub async fn collect(&self, limit: Option<usize>) -> Result<Collected> {
        let mut left = limit.unwrap_or(usize::MAX);
        let mut out = Collected { schema: Arc::clone(&self.schema), batches: Vec::new(), truncated: false };
        let mut stream = self.stream()?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            if batch.num_rows() > left {
                out.truncated = true;
                if left > 0 {
                    out.batches.push(batch.slice(0, left));
                }
                break;
            }
            left -= batch.num_rows();
            if batch.num_rows() > 0 {
                out.batches.push(batch);
            }
        }
        Ok(out)
    }

    pub fn metrics(&self) -> PlanMetrics {
        let mut all = PlanMetrics { rows: self.plan.metrics().and_then(|m| m.output_rows()).unwrap_or(0) as u64, ..PlanMetrics::default() };
        let mut begin: Option<i64> = None;
        let mut end: Option<i64> = None;
        let mut left: Vec<&Arc<dyn ExecutionPlan>> = vec![&self.plan];
        while let Some(plan) = left.pop() {
            left.extend(plan.children());
            let Some(metrics) = plan.metrics() else { continue };
            all.bytes_spilled += metrics.spilled_bytes().unwrap_or(0) as u64;
            all.compute += Duration::from_nanos(metrics.elapsed_compute().unwrap_or(0) as u64);
            let exchanges = plan.downcast_ref::<RepartitionExec>().is_some();
            for metric in metrics.iter() {
                match metric.value() {
                    MetricValue::Count { name, count } if name == "bytes_scanned" => all.bytes_read += count.value() as u64,
                    MetricValue::OutputBytes(count) if exchanges => all.bytes_exchanged += count.value() as u64,
                    MetricValue::StartTimestamp(t) => {
                        let t = t.value().and_then(|t| t.timestamp_nanos_opt());
                        begin = [begin, t].into_iter().flatten().min();
                    }
                    MetricValue::EndTimestamp(t) => {
                        let t = t.value().and_then(|t| t.timestamp_nanos_opt());
                        end = [end, t].into_iter().flatten().max();
                    }
                    _ => {}
                }
            }
        }
        if let (Some(begin), Some(end)) = (begin, end) {
            all.elapsed = Duration::from_nanos(u64::try_from(end - begin).unwrap_or(0));
        }
        all.operators = DisplayableExecutionPlan::with_metrics(self.plan.as_ref()).indent(false).to_string();
        all
    }

    /// What each operator did so far; may be read while it runs.
    pub fn operators(&self) -> Vec<Operator> {
        operators::of(&self.plan)
    }

    /// The physical plan, for people.
    pub fn plan(&self) -> String {
        DisplayableExecutionPlan::new(self.plan.as_ref()).indent(false).to_string()
    }
}

fn ours(stream: SendableRecordBatchStream) -> BatchStream {
    stream.map(|batch| batch.map_err(failure)).boxed()
}

/// What went wrong while running, as a caller should treat it.
pub fn failure(error: DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => failure(*inner),
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(inner) => match inner.downcast::<DataFusionError>() {
                Ok(inner) => failure(*inner),
                Err(inner) => Error::unavailable(inner.to_string()).because(inner),
            },
        },
        DataFusionError::Shared(inner) => match Arc::try_unwrap(inner) {
            Ok(inner) => failure(inner),
            Err(inner) => shared(&inner),
        },
        other => {
            let error = shared(&other);
            error.because(other)
        }
    }
}

/// A value that could not be computed.
fn value(error: &ArrowError) -> Error {
    if matches!(error, ArrowError::DivideByZero) {
        return Error::data("division by zero").help("`nullif(x, 0)` as the divisor gives NULL instead");
    }
    let told = sentence(&error.to_string());
    match told.strip_prefix("cannot cast string ").and_then(|t| t.split_once(" to value of ")) {
        Some((text, _)) => Error::data(format!("the text {text} cannot be converted")).help("TRY_CAST gives NULL instead"),
        None => Error::data(told),
    }
}

/// As [`failure`], for an error that others hold too.
fn shared(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => shared(inner),
        DataFusionError::Shared(inner) => shared(inner),
        DataFusionError::External(inner) => match (inner.downcast_ref::<Error>(), inner.downcast_ref::<DataFusionError>()) {
            (Some(e), _) => Error { kind: e.kind, what: e.what.clone(), place: e.place.clone(), help: e.help.clone(), source: None },
            (None, Some(e)) => shared(e),
            (None, None) => Error::unavailable(inner.to_string()),
        },
        DataFusionError::ResourcesExhausted(m) if m.contains("disk") || m.contains("temp directory") => {
            Error::limit("the spill directory is full").help("free space there, or point `engine.spill_dir` elsewhere")
        }
        DataFusionError::ResourcesExhausted(_) => Error::limit("this query needs more memory than `engine.memory_limit` allows")
            .help("raise `engine.memory_limit`, or use fewer `engine.partitions` so that each gets more"),
        DataFusionError::ArrowError(e, _) => value(e),
        DataFusionError::Execution(m) => Error::data(sentence(m)),
        DataFusionError::IoError(e) => Error::unavailable(e.to_string()),
        DataFusionError::ObjectStore(e) => Error::unavailable(e.to_string()),
        DataFusionError::ParquetError(e) => Error::data(e.to_string()),
        DataFusionError::ExecutionJoin(_) => Error::bug("a part of the query panicked"),
        other => Error::bug(other.to_string()),
    }
}
