//! Rows that were set aside: how many and why, the rows themselves, and another try of them.

use crate::answers::Question;
use crate::api::RowsPage;
use crate::commands::{Order, Replayed};
use crate::json::Json;
use crate::panels::{asked, columns};
use crate::refusal::Refusal;
use crate::server::Served;
use crate::values::{self, json_rows};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::Error;

#[derive(Serialize)]
pub struct QuarantineList {
    pub groups: Vec<QuarantineGroup>,
}

/// Rows of one table that were set aside for one reason.
#[derive(Serialize)]
pub struct QuarantineGroup {
    pub table: Value,
    pub code: Value,
    pub column: Value,
    /// `open`, `replayed` or `dropped`
    pub status: Value,
    pub rows: Value,
    /// The reason in words, of the first row.
    pub example: Value,
    pub first_file: Value,
    pub first_line: Value,
    pub first_raw: Value,
    /// Whether its rows can be tried again one by one.
    pub can_replay: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineQuery {
    pub code: Option<String>,
    pub column: Option<String>,
    /// `open` when absent; `all` for any.
    pub status: Option<String>,
    /// 100 when absent, 1,000 at most.
    pub limit: Option<u64>,
    pub offset: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayOrder {
    pub code: Option<String>,
    pub column: Option<String>,
}

#[derive(Serialize)]
pub struct ReplayResult {
    pub table: String,
    pub tried: u64,
    pub accepted: u64,
    pub still_rejected: u64,
    pub next: String,
}

/// Of a row's text so much is shown.
const LETTERS: usize = 4_000;

/// How many rows of each table are set aside, and why.
pub async fn list(State(served): State<Arc<Served>>) -> Result<Json<QuarantineList>, Refusal> {
    let mut groups = Vec::new();
    for table in served.data.quarantines() {
        let first = |column: &str| format!("first_value({column} ORDER BY split, line, \"offset\", reason)");
        let sql = format!(
            "SELECT code, \"column\", status, count(*) AS rows, {} AS example, {} AS first_file, {} AS first_line, {} AS first_raw FROM {} \
             GROUP BY code, \"column\", status ORDER BY status, rows DESC, code, \"column\"",
            short(&first("reason")),
            first("split"),
            first("line"),
            short(&first("raw")),
            relation(&table)
        );
        let rows_max = served.limits.rows_page_max;
        let answer = served.answers.ask(&named(&table), Question { sql, params: Vec::new(), rows_max }).await?;
        for row in json_rows(&answer.rows)? {
            let Ok([code, column, status, rows, example, first_file, first_line, first_raw]) = <[Value; 8]>::try_from(row) else {
                return Err(Error::bug("a group of another shape").into());
            };
            let can_replay = status == "open" && served.data.can_replay(&table, code.as_str().unwrap_or_default());
            let table = Value::from(table.as_str());
            groups.push(QuarantineGroup { table, code, column, status, rows, example, first_file, first_line, first_raw, can_replay });
        }
    }
    Ok(Json(QuarantineList { groups }))
}

/// Rows of one table, each with where it stood, what it said and what was wrong.
pub async fn rows(
    State(served): State<Arc<Served>>,
    Path(table): Path<String>,
    query: Result<Query<QuarantineQuery>, QueryRejection>,
) -> Result<Json<RowsPage>, Refusal> {
    let table = known(&served, &table)?;
    let asked = asked(query)?;
    let limit = asked.limit.unwrap_or(100).min(served.limits.rows_page_max as u64);
    let offset = asked.offset.unwrap_or(0).min(u64::from(u32::MAX));
    let status = asked.status.unwrap_or_else(|| "open".into());
    let wanted = [("code", asked.code), ("column", asked.column), ("status", Some(status).filter(|s| s != "all"))];
    let (mut params, mut conditions) = (Vec::new(), Vec::new());
    for (column, value) in wanted {
        if let Some(value) = value {
            params.push(value);
            conditions.push(format!("\"{column}\" = ${}", params.len()));
        }
    }
    let condition = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let from = format!("FROM {}{condition}", relation(&table));
    let sql = format!(
        "SELECT split AS file, line, code, \"column\", {} AS reason, {} AS raw, status, run_id, quarantined_at {from} ORDER BY split, line, \"offset\", \
         code, \"column\" LIMIT {limit} OFFSET {offset}",
        short("reason"),
        short("raw")
    );
    let rows_max = served.limits.rows_page_max;
    let view = named(&table);
    let page = served.answers.ask(&view, Question { sql, params: params.clone(), rows_max }).await?;
    let total = served.answers.ask(&view, Question { sql: format!("SELECT count(*) {from}"), params, rows_max: 1 }).await?;
    let total = values::whole(&total.rows.batches).unwrap_or(0);
    Ok(Json(RowsPage { columns: columns(&page.rows), rows: json_rows(&page.rows)?, total }))
}

/// Tries rows again under the table's rules, and brings what depends on them up to date.
pub async fn replay(
    State(served): State<Arc<Served>>,
    Path(table): Path<String>,
    Order(order): Order<ReplayOrder>,
) -> Result<Json<ReplayResult>, Refusal> {
    let table = known(&served, &table)?;
    let turn = Arc::clone(&served.replays).try_lock_owned().map_err(|_| {
        Refusal::new(StatusCode::CONFLICT, "conflict", "another try is under way").help("wait for it to end, then try again")
    })?;
    let commands = Arc::clone(&served.commands);
    // On its own, so that it comes to its end when who asked goes away.
    let work = async move {
        let _turn = turn;
        commands.replay(&table, order.code.as_deref(), order.column.as_deref()).await
    };
    let done = tokio::spawn(work).await.map_err(|e| Error::bug(format!("the replay panicked: {e}")))?;
    let Replayed { table, tried, accepted, still_rejected, next } = done.map_err(|e| Refusal::of_order(&e))?;
    Ok(Json(ReplayResult { table, tried, accepted, still_rejected, next }))
}

fn known(served: &Served, table: &str) -> Result<String, Refusal> {
    let found = served.data.quarantines().into_iter().find(|t| t == table);
    found.ok_or_else(|| Refusal::not_found("there is no such table"))
}

fn named(table: &str) -> String {
    format!("quarantine.{table}")
}

fn relation(table: &str) -> String {
    format!("quarantine.\"{}\"", table.replace('"', "\"\""))
}

/// A text of a source may be of any length.
fn short(text: &str) -> String {
    format!("CASE WHEN length({text}) > {LETTERS} THEN concat(left({text}, {LETTERS}), '…') ELSE {text} END")
}
