//! Runs of the project, those under way too: what each did, step by step, and where in the project it is.

use crate::answers::Question;
use crate::json::Json;
use crate::lineage::GraphEdge;
use crate::panels::asked;
use crate::refusal::Refusal;
use crate::server::Served;
use crate::values::json_rows;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::Error;
use tidemill_engine::LineageGraph;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunsQuery {
    /// 50 when absent, 1,000 at most.
    pub limit: Option<u64>,
}

#[derive(Serialize)]
pub struct RunList {
    /// The newest first; each as `Run` of the document.
    pub runs: Vec<Value>,
}

#[derive(Serialize)]
pub struct RunDetail {
    pub run: Value,
    /// Each as `Step` of the document.
    pub steps: Vec<Value>,
    pub nodes: Vec<RunNode>,
    pub edges: Vec<GraphEdge>,
}

/// A node of the project, as a run has it.
#[derive(Serialize)]
pub struct RunNode {
    pub name: String,
    pub kind: String,
    /// `waiting`, `running`, `succeeded`, `failed`, `interrupted`, `skipped`, or `up_to_date`: the run had nothing to do there.
    pub status: String,
}

const RUN: &str = "SELECT r.run_id, r.command, r.status, r.started_at, r.ended_at, \
    date_part('epoch', r.ended_at) - date_part('epoch', r.started_at) AS seconds, date_part('epoch', r.started_at) AS began, r.epoch, r.progress, \
    r.error, r.cpu_seconds, r.peak_memory_bytes, coalesce(s.steps, 0) AS steps, coalesce(s.rows_read, 0) AS rows_read, r.nodes \
    FROM system.runs r LEFT JOIN (SELECT run_id, count(*) AS steps, sum(rows_read) AS rows_read FROM system.steps GROUP BY run_id) s \
    ON s.run_id = r.run_id";
const STEP: &str = "SELECT step_id, node, stage, status, started_at, ended_at, \
    date_part('epoch', ended_at) - date_part('epoch', started_at) AS seconds, date_part('epoch', started_at) AS began, progress, rows_read, \
    rows_written, rows_rejected, rows_per_second, bytes_read, bytes_written, bytes_spilled, bytes_exchanged, cpu_seconds, peak_memory_bytes, \
    message, error, why FROM system.steps WHERE run_id = $1 ORDER BY step_id";
const OPERATOR: &str = "SELECT step_id, operator_id AS id, parent_id AS parent, operator, detail, rows, seconds, seconds_waiting, \
    coalesce(bytes_read, 0) AS bytes_read, coalesce(bytes_written, 0) AS bytes_written, bytes_spilled, bytes_exchanged \
    FROM system.operators WHERE run_id = $1 ORDER BY step_id, operator_id";
/// More than any plan has operators.
const OPERATORS_MAX: usize = 20_000;

/// Runs, the newest first.
pub async fn runs(State(served): State<Arc<Served>>, query: Result<Query<RunsQuery>, QueryRejection>) -> Result<Json<RunList>, Refusal> {
    let limit = asked(query)?.limit.unwrap_or(50).min(served.limits.rows_page_max as u64);
    let sql = format!("{RUN} ORDER BY r.started_at DESC, r.run_id DESC LIMIT {limit}");
    let runs = served.objects(sql, Vec::new(), served.limits.rows_page_max).await?;
    Ok(Json(RunList {
        runs: runs
            .into_iter()
            .map(|mut run| {
                run.remove("nodes");
                Value::Object(run)
            })
            .collect(),
    }))
}

/// One run, by its id or as `latest`: its steps, their plans, and where it is.
pub async fn run(State(served): State<Arc<Served>>, Path(id): Path<String>) -> Result<Json<RunDetail>, Refusal> {
    let (sql, params) = match id.as_str() {
        "latest" => (format!("{RUN} ORDER BY r.started_at DESC, r.run_id DESC LIMIT 1"), Vec::new()),
        id => (format!("{RUN} WHERE r.run_id = $1 LIMIT 1"), vec![id.to_string()]),
    };
    let found = served.objects(sql, params, 1).await?.pop();
    let mut run = found.ok_or_else(|| Refusal::not_found("there is no such run").help("/api/runs lists them"))?;
    let params = vec![run["run_id"].as_str().unwrap_or_default().to_string()];
    let mut steps = served.objects(STEP.into(), params.clone(), served.limits.rows_page_max).await?;
    let mut operators: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for mut operator in served.objects(OPERATOR.into(), params, OPERATORS_MAX).await? {
        let step = operator.remove("step_id").and_then(|s| s.as_i64()).unwrap_or_default();
        operators.entry(step).or_default().push(Value::Object(operator));
    }
    for step in &mut steps {
        let mut own = operators.remove(&step["step_id"].as_i64().unwrap_or_default()).unwrap_or_default();
        let seconds = |o: &Value| o["seconds"].as_f64().unwrap_or(0.0);
        let all: f64 = own.iter().map(seconds).sum();
        for operator in &mut own {
            operator["share"] = json!(if all > 0.0 { seconds(operator) / all } else { 0.0 });
        }
        step.insert("operators".into(), own.into());
    }
    let named = run.remove("nodes");
    let worked_on: Vec<&str> = named.as_ref().and_then(Value::as_str).unwrap_or_default().split(' ').filter(|n| !n.is_empty()).collect();
    let graph = served.data.graph();
    let nodes = nodes(&graph, &steps, &worked_on, run["status"] == "running");
    let edges = graph.edges.iter().map(|(from, to)| GraphEdge { from: from.clone(), to: to.clone() }).collect();
    Ok(Json(RunDetail { run: Value::Object(run), steps: steps.into_iter().map(Value::Object).collect(), nodes, edges }))
}

fn nodes(graph: &LineageGraph, steps: &[Map<String, Value>], worked_on: &[&str], runs: bool) -> Vec<RunNode> {
    let status = |node: &str| {
        // A source is read by whoever reads it.
        let reader = graph.edges.iter().find(|(from, _)| from == node && node.starts_with("source.")).map(|(_, to)| to.as_str());
        let node = reader.unwrap_or(node);
        let own = || steps.iter().filter(|s| s["node"] == node).filter_map(|s| s["status"].as_str());
        let has = |wanted: &str| own().any(|s| s == wanted);
        match ["failed", "interrupted", "running"].into_iter().find(|s| has(s)) {
            Some(status) => status,
            None if has("succeeded") => "succeeded",
            None if !worked_on.contains(&node) => "up_to_date",
            None if runs => "waiting",
            None => "skipped",
        }
    };
    graph.nodes.iter().map(|n| RunNode { name: n.name.clone(), kind: n.kind.into(), status: status(&n.name).into() }).collect()
}

impl Served {
    /// Rows of the record of work by name. What goes on has lasted until now.
    async fn objects(&self, sql: String, params: Vec<String>, rows_max: usize) -> Result<Vec<Map<String, Value>>, Refusal> {
        let answer = self.answers.ask("system.runs", Question { sql, params, rows_max }).await?;
        let names: Vec<&String> = answer.rows.schema.fields().iter().map(|f| f.name()).collect();
        // Not as of when the answer is: where nothing is followed, that is the end of the last epoch.
        let now = self.data.now_micros() as f64 / 1e6;
        let mut rows = Vec::with_capacity(answer.rows.rows());
        for row in json_rows(&answer.rows)? {
            let mut object: Map<String, Value> = names.iter().map(|n| n.to_string()).zip(row).collect();
            if let Some(began) = object.remove("began").and_then(|b| b.as_f64())
                && object["status"] == "running"
            {
                object["seconds"] = json!((now - began).max(0.0));
            }
            rows.push(object);
        }
        if rows.len() < answer.rows.rows() {
            return Err(Error::bug("rows were lost on the way to JSON").into());
        }
        Ok(rows)
    }
}
