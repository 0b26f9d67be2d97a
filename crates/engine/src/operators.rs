//! What each operator of a plan did so far, over all its parts: told while it runs, and kept when it ended.

use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One operator.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    /// Counts from 0, each before those it reads from.
    pub id: u32,
    pub parent: Option<u32>,
    /// `Sort`, `HashJoin`, `Aggregate`, …
    pub operator: String,
    /// What it sorts by, joins on, …
    pub detail: String,
    /// Rows that it gave on.
    pub rows: u64,
    /// Time spent computing, over all threads, without what it reads from.
    pub seconds: f64,
    /// Time spent waiting for files.
    pub seconds_waiting: f64,
    pub bytes_read: u64,
    pub files_read: u64,
    pub bytes_spilled: u64,
    pub bytes_exchanged: u64,
    /// Of what is kept: data files, exported files.
    #[serde(default)]
    pub bytes_written: u64,
    /// How many parts it works in, and the rows of the largest.
    pub parts: u32,
    pub rows_of_largest: u64,
}

/// Letters of an operator's detail.
const DETAIL_MAX: usize = 500;

pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>) -> Vec<Operator> {
    let mut out = Vec::new();
    let mut left = vec![(None, plan)];
    while let Some((parent, plan)) = left.pop() {
        let id = out.len() as u32;
        out.push(operator(id, parent, plan));
        // The last one in is the first one out.
        left.extend(plan.children().into_iter().rev().map(|c| (Some(id), c)));
    }
    out
}

fn operator(id: u32, parent: Option<u32>, plan: &Arc<dyn ExecutionPlan>) -> Operator {
    let line = DisplayableExecutionPlan::new(plan.as_ref()).one_line().to_string();
    let name = plan.name().strip_suffix("Exec").unwrap_or(plan.name());
    let detail = line.trim().strip_prefix(plan.name()).unwrap_or(line.trim()).trim_start_matches(':').trim();
    let mut one = Operator {
        id,
        parent,
        operator: name.to_string(),
        detail: shortened(detail),
        parts: plan.output_partitioning().partition_count() as u32,
        ..Operator::default()
    };
    if let Some(metrics) = plan.metrics() {
        one.count(&metrics, plan.downcast_ref::<RepartitionExec>().is_some());
    }
    one
}

impl Operator {
    fn count(&mut self, metrics: &MetricsSet, exchanges: bool) {
        let seconds = |nanos: usize| nanos as f64 / 1e9;
        let (mut computed, mut of_phases) = (0.0, 0.0);
        let mut of_part: BTreeMap<usize, u64> = BTreeMap::new();
        for metric in metrics.iter() {
            match metric.value() {
                MetricValue::OutputRows(rows) => {
                    self.rows += rows.value() as u64;
                    if let Some(part) = metric.partition() {
                        *of_part.entry(part).or_default() += rows.value() as u64;
                    }
                }
                MetricValue::ElapsedCompute(time) => computed += seconds(time.value()),
                MetricValue::SpilledBytes(bytes) => self.bytes_spilled += bytes.value() as u64,
                MetricValue::OutputBytes(bytes) if exchanges => self.bytes_exchanged += bytes.value() as u64,
                MetricValue::Count { name, count } if name == "bytes_scanned" => self.bytes_read += count.value() as u64,
                MetricValue::Count { name, count } if name == "files_processed" => self.files_read += count.value() as u64,
                // Some count their phases beside, or instead.
                MetricValue::Time { name, time } => match name.as_ref() {
                    "build_time" | "join_time" | "repartition_time" | "time_elapsed_processing" => of_phases += seconds(time.value()),
                    "time_elapsed_opening" | "time_elapsed_scanning_until_data" => self.seconds_waiting += seconds(time.value()),
                    _ => {}
                },
                _ => {}
            }
        }
        self.seconds = f64::max(computed, of_phases);
        self.rows_of_largest = of_part.into_values().max().unwrap_or(0);
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(DETAIL_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
