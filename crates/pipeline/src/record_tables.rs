//! The record of work as tables: `system.runs`, `steps`, `quality`, `changes`, `lineage`, `ledger`, `tests`, `test_failures`, `files`. Runs and steps
//! are taken from journals, which outlive a crash; the rest from the outcomes of nodes, which do too.

use crate::measure;
use crate::nodes::{self, Planned};
use crate::reading::Reading;
use crate::report::{Action, Rows, Status};
use crate::run::Run;
use crate::state::{self, Outcome};
use crate::why::why;
use crate::workspace::Workspace;
use arrow::array::RecordBatch;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{Error, Result};
use tidemill_engine::Operator;
use tidemill_lake::{Lease, TableName, system};

/// Journals of this many ended runs are kept, for `runs logs`.
const LOGS_KEPT: usize = 100;

/// Tables of the system schema, and the rows that go to each.
#[derive(Default)]
struct Records(BTreeMap<&'static str, Vec<Value>>);

impl Records {
    fn push(&mut self, table: &'static str, row: Value) {
        self.0.entry(table).or_default().push(row);
    }

    fn outcome(&mut self, o: &Outcome, epoch: u64, run_id: &str, at: i64) {
        let name = o.node.split_once('.').map_or(o.node.as_str(), |x| x.1);
        for l in &o.ledger {
            self.push(
                "ledger",
                json!({"run_id": run_id, "epoch": epoch, "table": l.table, "edge": l.edge, "rows_read": l.rows_read, "written": l.written,
                    "quarantined": l.quarantined, "deduplicated": l.deduplicated, "filtered": l.filtered, "late": l.late,
                    "updated": l.updated, "deleted": l.deleted, "at": at}),
            );
        }
        for q in &o.quality {
            self.push(
                "quality",
                json!({"run_id": run_id, "epoch": epoch, "table": name, "rule_index": q.rule_index, "rule": q.rule, "column": q.column,
                    "cells_changed": q.cells_changed, "listed": q.listed, "rows_removed": q.rows_removed, "message": q.message}),
            );
        }
        for c in &o.changes {
            self.push(
                "changes",
                json!({"run_id": run_id, "epoch": epoch, "table": name, "rule_index": c.rule_index, "rule": c.rule, "column": c.column, "row_key": c.row_key,
                    "file": c.file, "line": c.line, "before": c.before, "after": c.after, "confidence": c.confidence, "applied": c.applied}),
            );
        }
        for l in &o.lineage {
            self.push(
                "lineage",
                json!({"epoch": epoch, "target": o.node, "target_column": l.target_column, "source": l.source,
                    "source_column": l.source_column, "kind": l.kind, "expression": l.expression}),
            );
        }
        self.tests(o, epoch, run_id, at);
        for f in o.files.iter().filter(|_| o.ledger.iter().any(|l| l.edge.starts_with("source"))) {
            self.push(
                "files",
                json!({"table": name, "file": f.path, "size": f.size, "modified_at": f.modified_micros, "fingerprint": f.fingerprint,
                    "rows": f.rows_written, "status": if f.present { "present" } else { "removed" }, "epoch": epoch}),
            );
        }
    }

    fn tests(&mut self, o: &Outcome, epoch: u64, run_id: &str, at: i64) {
        for t in &o.tests {
            self.push(
                "tests",
                json!({"run_id": run_id, "epoch": epoch, "view": o.node, "test": t.test, "severity": t.severity, "status": t.status, "failures": t.failures, "at": at}),
            );
            for row in &t.rows {
                self.push("test_failures", json!({"run_id": run_id, "epoch": epoch, "view": o.node, "test": t.test, "row": row}));
            }
        }
    }

    /// `system.runs` and `system.steps` as a journal tells them.
    fn journal(&mut self, lines: &[Value], live: bool) {
        let find = |kind: &str| lines.iter().find(|l| l["kind"] == kind);
        let Some(start) = find("run_started") else { return };
        let end = find("run_ended");
        let status = match (end, live) {
            (Some(e), _) => e["status"].clone(),
            (None, true) => json!("running"),
            (None, false) => json!("interrupted"),
        };
        let last = lines.iter().filter_map(|l| l["at"].as_i64()).max();
        let run_id = &start["run"];
        let memory_limit = start["memory_limit"].as_u64();
        self.push(
            "runs",
            json!({"run_id": run_id, "command": start["command"], "started_at": start["at"],
                "ended_at": if live && end.is_none() { Value::Null } else { json!(end.and_then(|e| e["at"].as_i64()).or(last)) },
                "status": status, "epoch": start["epoch"], "error": end.map_or(Value::Null, |e| e["error"].clone()),
                "selectors": start["selectors"].as_array().map(|a| a.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
                "tidemill_version": env!("CARGO_PKG_VERSION"), "threads": start["threads"], "memory_limit": start["memory_limit"],
                "cpu_seconds": end.map_or(Value::Null, |e| e["cpu_seconds"].clone()),
                "peak_memory_bytes": end.map_or(Value::Null, |e| e["peak_memory_bytes"].clone()),
                "nodes": start["nodes"].as_array().map(|a| a.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
                "progress": if status == "succeeded" { Some(1.0) } else { progress(start, lines) }}),
        );
        for s in lines.iter().filter(|l| l["kind"] == "step_started") {
            let mine = |kind: &str| lines.iter().rev().find(|l| l["kind"] == kind && l["step"] == s["step"]);
            let done = mine("step_ended");
            let seen = done.or_else(|| mine("progress")).unwrap_or(&Value::Null);
            let number = |key: &str| seen[key].as_u64().unwrap_or(0);
            // Of one under way, until it was last heard of.
            let heard = seen["at"].as_i64().zip(s["at"].as_i64()).map_or(0.0, |(at, began)| (at - began) as f64 / 1e6);
            let seconds = done.map_or(heard, |d| d["seconds"].as_f64().unwrap_or(0.0));
            let rows = number("rows_read").max(number("rows_written"));
            let operators: Vec<Operator> = mine("plan").and_then(|l| Deserialize::deserialize(&l["operators"]).ok()).unwrap_or_default();
            for o in &operators {
                let mut row = json!({"run_id": run_id, "step_id": s["step"], "node": s["node"], "stage": s["stage"], "started_at": s["at"],
                    "operator_id": o.id, "parent_id": o.parent, "operator": o.operator, "detail": o.detail});
                row["rows"] = json!(o.rows);
                row["seconds"] = json!(o.seconds);
                row["seconds_waiting"] = json!(o.seconds_waiting);
                row["bytes_read"] = json!(o.bytes_read);
                row["files_read"] = json!(o.files_read);
                row["bytes_spilled"] = json!(o.bytes_spilled);
                row["bytes_exchanged"] = json!(o.bytes_exchanged);
                row["parts"] = json!(o.parts);
                row["rows_of_largest"] = json!(o.rows_of_largest);
                row["bytes_written"] = json!(o.bytes_written);
                self.push("operators", row);
            }
            // What a plan under way counts comes to its step's meter only at its end.
            let (mut spilled, mut exchanged) = (number("bytes_spilled"), number("bytes_exchanged"));
            if done.is_none() {
                spilled = spilled.max(operators.iter().map(|o| o.bytes_spilled).sum::<u64>());
                exchanged = exchanged.max(operators.iter().map(|o| o.bytes_exchanged).sum::<u64>());
            }
            // Of one under way, as far as it has come.
            let so_far = done.map_or_else(|| last.zip(s["at"].as_i64()).map_or(0.0, |(last, at)| (last - at) as f64 / 1e6), |_| seconds);
            let why = why(seen, so_far, &operators, memory_limit);
            self.push(
                "steps",
                json!({"run_id": run_id, "step_id": s["step"], "node": s["node"], "stage": s["stage"],
                    "status": done.map_or(status.clone(), |d| d["status"].clone()), "started_at": s["at"],
                    "ended_at": done.map_or(Value::Null, |d| d["at"].clone()),
                    "progress": if done.is_some() { json!(1.0) } else { seen["progress"].clone() },
                    "rows_read": number("rows_read"), "rows_written": number("rows_written"), "rows_rejected": number("rows_rejected"),
                    "bytes_read": number("bytes_read"), "bytes_written": number("bytes_written"),
                    "bytes_spilled": spilled, "bytes_exchanged": exchanged,
                    "rows_per_second": if seconds > 0.0 { json!(rows as f64 / seconds) } else { Value::Null },
                    "cpu_seconds": seen["cpu_seconds"], "peak_memory_bytes": seen["peak_memory_bytes"],
                    "error": seen["error"], "message": seen["message"], "why": why}),
            );
        }
    }

    fn batches(self) -> Result<Vec<(&'static str, RecordBatch)>> {
        let schemas: BTreeMap<&str, _> = system::schemas().into_iter().collect();
        let mut out = Vec::new();
        for (table, rows) in self.0 {
            let schema = schemas.get(table).ok_or_else(|| Error::bug(format!("no system table {table}")))?;
            let mut decoder =
                arrow::json::ReaderBuilder::new(std::sync::Arc::clone(schema)).with_batch_size(rows.len().max(1)).build_decoder()?;
            decoder.serialize(&rows)?;
            if let Some(batch) = decoder.flush()? {
                out.push((table, batch));
            }
        }
        Ok(out)
    }
}

/// The share of a run's work that is done; each node counts the same. Unknown of runs of earlier versions.
fn progress(start: &Value, lines: &[Value]) -> Option<f64> {
    let nodes = start["nodes"].as_array().filter(|n| !n.is_empty())?;
    let done = |node: &Value| {
        let of_node = |kind: &'static str| lines.iter().rev().filter(move |l| l["kind"] == kind && l["node"] == *node);
        let Some(newest) = of_node("step_started").next() else { return 0.0 };
        let ended = of_node("step_ended").find(|l| l["step"] == newest["step"]);
        // Rules are fitted first and then applied.
        let (before, share) = match newest["stage"].as_str() {
            Some("fit") => (0.0, 0.5),
            Some("apply") if of_node("step_started").any(|l| l["stage"] == "fit") => (0.5, 0.5),
            _ => (0.0, 1.0),
        };
        let news = || lines.iter().rev().find(|l| l["kind"] == "progress" && l["step"] == newest["step"]);
        before + share * if ended.is_some() { 1.0 } else { news().and_then(|l| l["progress"].as_f64()).unwrap_or(0.0) }
    };
    Some(nodes.iter().map(done).sum::<f64>() / nodes.len() as f64)
}

/// Finishes, or lets go, a replay or a restore that was killed. Runs that were killed are taken up by the next run itself, and their
/// journals by its record.
pub(crate) async fn settle_dead_runs(ws: &Workspace, lease: &Lease) -> Result<()> {
    let Some(open) = ws.lake.unfinished()? else { return Ok(()) };
    for (node, intent) in &open.nodes {
        if intent.positions["replay"] == true {
            let p = nodes::prepared(&ws.checked, node)?;
            let table = tidemill_lake::TableName::raw(p.table.name.clone());
            return if ws.lake.table_epoch(&table).await?.is_some_and(|(epoch, _)| epoch == open.epoch) {
                ws.finish_replay(lease, &open, &p).await
            } else {
                ws.lake.abandon(lease, open.epoch, "a replay was interrupted before it changed anything").await
            };
        }
        if intent.fingerprint.starts_with("restored ") {
            return ws.lake.abandon(lease, open.epoch, "a restore was interrupted").await;
        }
    }
    Ok(())
}

/// The last line of a run's journal.
pub(crate) fn run_ended(run: &Run, statuses: &BTreeMap<String, Status>, error: Option<&Error>) -> Value {
    let failed = error.is_some() || statuses.values().any(|s| *s == Status::Failed) || run.failed_tests.lock().iter().any(|t| t.is_error);
    json!({"at": run.ws.clock.now_micros(), "kind": "run_ended", "status": if failed { "failed" } else { "succeeded" },
        "error": error.map(ToString::to_string), "cpu_seconds": measure::cpu_seconds_since(0.0), "peak_memory_bytes": measure::peak_memory_bytes()})
}

/// Appends everything the epoch leaves behind to the system tables. `last` are the lines that end this run's journal: they are written to it
/// when the epoch is done, until which nobody sees what is appended here.
pub(crate) async fn append(run: &Run, planned: &Planned, statuses: &BTreeMap<String, Status>, last: &[Value]) -> Result<()> {
    let at = run.ws.clock.now_micros();
    let mut records = Records::default();
    // Also what nodes committed in epochs that were never finished.
    let last_done = run.ws.lake.last_done()?.map_or(0, |d| d.epoch);
    for n in &planned.nodes {
        let Some(o) = nodes::last_outcome(&run.ws.lake, &n.name, n.kind).await? else { continue };
        if o.epoch > last_done {
            records.outcome(&o, run.manifest.epoch, &run.recorder.run_id, at);
        } else if n.action == Action::Test && statuses.contains_key(&n.name) {
            // A table stays at its epoch when it is only tested.
            records.tests(&o, run.manifest.epoch, &run.recorder.run_id, at);
        }
    }
    for id in journals_to_record(run).await? {
        let mut lines = run.ws.lake.read_journal(&id)?;
        if id == run.recorder.run_id {
            lines.extend_from_slice(last);
        }
        records.journal(&lines, false);
    }
    for (table, batch) in records.batches()? {
        run.ws.lake.append(&run.lease, run.manifest.epoch, table, batch).await?;
    }
    Ok(())
}

/// The journals that this epoch puts into `runs` and `steps`: each is recorded in one epoch only.
async fn journals_to_record(run: &Run) -> Result<Vec<String>> {
    let (ws, lake) = (&run.ws, &run.ws.lake);
    let mut journals = lake.journals()?;
    if journals == [run.recorder.run_id.as_str()] {
        return Ok(journals);
    }
    // A run may have died after its epoch was done, before it put its journal away.
    let recorded = recorded_runs(ws).await?;
    journals.retain(|id| !recorded.contains(id));
    // Or between `runs` and `steps`: then the steps are those of the runs that are there, and others come with the next epoch.
    if lake.table_epoch(&TableName::system("runs")).await?.is_some_and(|(epoch, _)| epoch == run.manifest.epoch) {
        let there = run_ids(&ws.session_over(&ws.newest_versions().await?).await?).await?;
        journals.retain(|id| there.contains(id));
    }
    Ok(journals)
}

/// Appends one outcome (of a replay).
pub(crate) async fn append_outcome(ws: &Workspace, lease: &Lease, epoch: u64, run_id: &str, o: &Outcome) -> Result<()> {
    let mut records = Records::default();
    records.outcome(&Outcome { quality: Vec::new(), changes: Vec::new(), ..o.clone() }, epoch, run_id, ws.clock.now_micros());
    for (table, batch) in records.batches()? {
        ws.lake.append(lease, epoch, table, batch).await?;
    }
    Ok(())
}

/// After the epoch is done: journals that are in the tables now become logs; old logs and outcomes nobody needs go.
pub(crate) async fn fold_journal(run: &Run) -> Result<()> {
    let lake = &run.ws.lake;
    let recorded: BTreeSet<String> = recorded_runs(&run.ws).await?;
    for id in lake.journals()? {
        if recorded.contains(&id) {
            lake.put_state(&format!("logs/{id}.json"), &newest_news(lake.read_journal(&id)?))?;
            lake.remove_journal(&id)?;
        }
    }
    let logs = lake.list_state("logs")?;
    for old in logs.iter().take(logs.len().saturating_sub(LOGS_KEPT)) {
        lake.remove_state(&format!("logs/{old}"))?;
    }
    state::sweep(lake, &run.ws.checked.graph.nodes.iter().map(|n| (n.name.clone(), n.kind)).collect::<Vec<_>>()).await
}

/// Of what a step told every now and then while it went on only the newest: a log does not grow with the time that a run takes.
fn newest_news(mut lines: Vec<Value>) -> Vec<Value> {
    let mut told = BTreeSet::new();
    lines.reverse();
    lines.retain(|l| {
        let is_news = matches!(l["kind"].as_str(), Some("progress" | "plan"));
        !is_news || told.insert((l["kind"].to_string(), l["step"].to_string()))
    });
    lines.reverse();
    lines
}

async fn recorded_runs(ws: &Workspace) -> Result<BTreeSet<String>> {
    run_ids(&ws.session(None).await?).await
}

async fn run_ids(session: &tidemill_engine::Session) -> Result<BTreeSet<String>> {
    let rows = session.collect("SELECT run_id FROM system.runs", None).await?;
    let mut out = BTreeSet::new();
    for b in &rows.batches {
        let ids = arrow::compute::cast(b.column(0), &arrow::datatypes::DataType::Utf8)?;
        out.extend(arrow::array::AsArray::as_string::<i32>(&ids).iter().flatten().map(str::to_string));
    }
    Ok(out)
}

impl Workspace {
    /// Runs, newest first: those recorded, those under way and those that died.
    pub async fn runs_ls(&self, limit: usize) -> Result<Rows> {
        self.record(
            &format!("SELECT run_id, command, status, started_at, ended_at, epoch, cpu_seconds, peak_memory_bytes, error FROM system.runs ORDER BY started_at DESC, run_id DESC LIMIT {limit}"),
        )
        .await
    }

    /// The steps of a run, by the beginning of its id, or of the newest (`latest`).
    pub async fn runs_show(&self, id: &str) -> Result<Rows> {
        let id = self.run_named(id).await?;
        self.record(&format!(
            "SELECT step_id, node, stage, status, progress, rows_read, rows_written, rows_rejected, bytes_read, bytes_written, bytes_spilled, bytes_exchanged, rows_per_second, cpu_seconds, peak_memory_bytes, started_at, ended_at, error, message FROM system.steps WHERE run_id = {} ORDER BY step_id",
            crate::quarantine::text(&id)
        ))
        .await
    }

    /// What a run wrote down, line by line.
    pub async fn runs_logs(&self, id: &str) -> Result<Vec<String>> {
        let id = self.run_named(id).await?;
        let lines: Vec<Value> = match self.lake.journals()?.contains(&id) {
            true => self.lake.read_journal(&id)?,
            false => self.lake.get_state(&format!("logs/{id}.json"))?.unwrap_or_default(),
        };
        Ok(lines.iter().filter(|l| l["kind"] != "progress" && l["kind"] != "plan").map(told).collect())
    }

    async fn run_named(&self, id: &str) -> Result<String> {
        let ids = self.record("SELECT run_id FROM system.runs ORDER BY started_at DESC, run_id DESC").await?;
        let mut all = Vec::new();
        for b in &ids.batches {
            let text = arrow::compute::cast(b.column(0), &arrow::datatypes::DataType::Utf8)?;
            all.extend(arrow::array::AsArray::as_string::<i32>(&text).iter().flatten().map(str::to_string));
        }
        let found = if id == "latest" { all.first() } else { all.iter().find(|a| a.starts_with(id)) };
        found.cloned().ok_or_else(|| {
            let e = Error::config(if all.is_empty() { "nothing has been run yet".into() } else { format!("no run begins with `{id}`") });
            e.help("`tidemill runs ls` lists them")
        })
    }

    /// Asks over recorded runs and steps together with those that only journals know.
    async fn record(&self, sql: &str) -> Result<Rows> {
        let versions = self.last_versions()?;
        let instead = self.with_journals(&versions).await?;
        let c = self.session_with(&versions, Reading::AsDeclared, instead).await?.collect(sql, None).await?;
        Ok(Rows { schema: c.schema, batches: c.batches, truncated: c.truncated, elapsed: Duration::ZERO })
    }

    /// The tables of runs and what belongs to them, at these versions, with what only journals know: runs under way, and those that died. Empty when
    /// there are none.
    pub(crate) async fn with_journals(
        &self,
        versions: &BTreeMap<TableName, i64>,
    ) -> Result<BTreeMap<TableName, Arc<dyn tidemill_engine::TableProvider>>> {
        let mut out = BTreeMap::new();
        let journals = self.lake.journals()?;
        let Some(newest) = journals.last().cloned() else { return Ok(out) };
        let recorded = run_ids(&self.session_over(versions).await?).await?;
        let owner = self.lake.owner()?.is_some();
        let mut records = Records::default();
        for id in journals.into_iter().filter(|id| !recorded.contains(id)) {
            let live = owner && newest == id;
            records.journal(&self.lake.read_journal(&id)?, live);
        }
        for (table, rows) in records.batches()? {
            let name = TableName::system(table);
            let stored = match versions.get(&name) {
                Some(version) => self.lake.snapshot(&name, Some(*version)).await?,
                None => None,
            };
            let stored = match stored {
                Some(stored) => self.as_declared(&name, self.lake.provider(stored)?),
                None => tidemill_engine::empty_table(&system::schema(table)?)?,
            };
            out.insert(name, tidemill_engine::hot::with_rows(stored, &[rows])?);
        }
        Ok(out)
    }
}

/// One journal line for people.
fn told(l: &Value) -> String {
    let at = l["at"].as_i64().and_then(chrono::DateTime::from_timestamp_micros).unwrap_or_default().format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let s = |k: &str| l[k].as_str().unwrap_or_default().to_string();
    let what = match l["kind"].as_str() {
        Some("run_started") => format!("run {} started: {} (epoch {})", s("run"), s("command"), l["epoch"]),
        Some("run_ended") => format!("run {} {}", s("status"), s("error")),
        Some("step_started") => format!("step {} {} {} started", l["step"], s("node"), s("stage")),
        Some("step_ended") => {
            let seconds = l["seconds"].as_f64().unwrap_or(0.0);
            let tail = if l["error"].is_null() { s("message") } else { s("error") };
            format!(
                "step {} {} {} {} in {seconds:.2} s: {} rows read, {} written, {} set aside. {tail}",
                l["step"],
                s("node"),
                s("stage"),
                s("status"),
                l["rows_read"],
                l["rows_written"],
                l["rows_rejected"]
            )
        }
        Some("note") => format!("{}: {}", s("node"), s("text")),
        _ => l.to_string(),
    };
    format!("{at} {}", what.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_under_way_is_told_as_far_as_it_was_heard_of() {
        let plan = Operator { operator: "Sort".into(), bytes_spilled: 70, bytes_exchanged: 5, ..Operator::default() };
        let lines = [
            json!({"at": 0, "kind": "run_started", "run": "r1", "command": "run", "epoch": 1, "nodes": ["sorted"]}),
            json!({"at": 1_000_000, "kind": "step_started", "step": 1, "node": "sorted", "stage": "view"}),
            json!({"at": 2_000_000, "kind": "progress", "step": 1, "rows_read": 1, "rows_written": 0, "bytes_exchanged": 9}),
            json!({"at": 2_000_000, "kind": "plan", "step": 1, "operators": [plan]}),
            json!({"at": 3_000_000, "kind": "progress", "step": 1, "rows_read": 10, "rows_written": 0, "rows_rejected": 3, "bytes_written": 4,
                "bytes_spilled": 0, "bytes_exchanged": 9}),
        ];
        let mut records = Records::default();
        records.journal(&lines, true);
        let step = &records.0["steps"][0];
        assert_eq!((&step["status"], &step["rows_per_second"]), (&json!("running"), &json!(5.0)));
        assert_eq!((&step["bytes_spilled"], &step["bytes_exchanged"]), (&json!(70), &json!(9)));
        assert_eq!((&step["rows_rejected"], &step["bytes_written"]), (&json!(3), &json!(4)));
    }

    #[test]
    fn a_log_keeps_the_newest_of_what_each_step_told_while_it_went_on() {
        let line = |at: u64, kind: &str, step: u64| json!({"at": at, "kind": kind, "step": step});
        let kept = [line(3, "progress", 2), line(4, "note", 1), line(5, "note", 1), line(6, "progress", 1), line(7, "plan", 1)];
        let mut lines = vec![line(0, "progress", 1), line(1, "plan", 1), line(2, "progress", 2)];
        lines.extend(kept.clone());
        assert_eq!(newest_news(lines), kept);
    }
}
