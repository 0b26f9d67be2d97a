//! What panels show, the rows behind, the same as a file, and where it comes from.

use crate::answers::{Answer, Question};
use crate::api::{FilterChoice, FilterChoices, FilterQuery, PanelQuery, PanelRows, PanelSql, ResultColumn, RowsPage, RowsQuery};
use crate::connection::closed;
use crate::dashboards::{called, find, measure_label};
use crate::json::Json;
use crate::limits::SEARCH_LETTERS_MAX;
use crate::refusal::Refusal;
use crate::selections;
use crate::server::Served;
use crate::values::{self, json_rows};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tidemill_engine::Collected;
use tidemill_project::dashboard::query::{self, Asked, Kind, Selections};
use tidemill_project::dashboard::{Dashboard, Panel};
use tokio::sync::watch;

/// How long what is asked ahead waits for those who are there.
const AHEAD_WAIT: Duration = Duration::from_millis(20);

pub type Asking<T> = Result<Query<T>, QueryRejection>;

/// What a panel shows.
pub async fn panel(
    State(served): State<Arc<Served>>,
    Path((name, id)): Path<(String, String)>,
    query: Asking<PanelQuery>,
) -> Result<Response, Refusal> {
    let chosen = Chosen::read(&served, &name, &id, asked(query)?.s.as_deref())?;
    let answer = served.ask(chosen.panel(), chosen.asked()).await?;
    sent(&answer)
}

/// An answer as it goes out; it is written once, however often it is asked for.
pub fn sent(answer: &Answer) -> Result<Response, Refusal> {
    let body = match answer.sent.get() {
        Some(body) => body.clone(),
        None => {
            let rows = PanelRows {
                columns: columns(&answer.rows),
                rows: json_rows(&answer.rows)?,
                truncated: answer.rows.truncated,
                as_of: values::instant(answer.as_of_micros),
                version: answer.version.clone(),
                elapsed_ms: answer.elapsed.as_secs_f64() * 1e3,
            };
            let body = serde_json::to_vec(&rows).map_err(|e| tidemill_core::Error::bug(e.to_string()))?;
            answer.sent.get_or_init(|| Bytes::from(body)).clone()
        }
    };
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// The rows that a panel is made of.
pub async fn rows(
    State(served): State<Arc<Served>>,
    Path((name, id)): Path<(String, String)>,
    query: Asking<RowsQuery>,
) -> Result<Json<RowsPage>, Refusal> {
    let asked = asked(query)?;
    let chosen = Chosen::read(&served, &name, &id, asked.s.as_deref())?;
    let limit = asked.limit.unwrap_or(100).min(served.limits.rows_page_max as u64);
    // Far behind the last row there is nothing, however far.
    let offset = asked.offset.unwrap_or(0).min(u64::from(u32::MAX));
    let panel = chosen.panel();
    let page = served.ask(panel, query::rows(panel, &chosen.columns, &chosen.selections, limit, offset)).await?;
    let total = served.ask(panel, query::count(panel, &chosen.columns, &chosen.selections)).await?;
    let total = values::whole(&total.rows.batches).unwrap_or(0);
    Ok(Json(RowsPage { columns: columns(&page.rows), rows: json_rows(&page.rows)?, total }))
}

/// What a panel shows, as a file for spreadsheets.
pub async fn csv(
    State(served): State<Arc<Served>>,
    Path((name, id)): Path<(String, String)>,
    query: Asking<PanelQuery>,
) -> Result<Response, Refusal> {
    let chosen = Chosen::read(&served, &name, &id, asked(query)?.s.as_deref())?;
    let answer = served.ask(chosen.panel(), chosen.asked()).await?;
    let header: Vec<String> = answer.rows.schema.fields().iter().map(|f| heading(chosen.panel(), f.name())).collect();
    let text = values::csv(&answer.rows, &header)?;
    // Nothing of a name from outside stands in a header: both are of the project, and cut down to what a file may be called.
    let plain: String = format!("{name}-{id}").chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let disposition = format!("attachment; filename=\"{plain}.csv\"");
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8".to_string()), (CONTENT_DISPOSITION, disposition)], text).into_response())
}

/// Where a panel's numbers come from: its SQL, the columns behind, the last run.
pub async fn sql(
    State(served): State<Arc<Served>>,
    Path((name, id)): Path<(String, String)>,
    query: Asking<PanelQuery>,
) -> Result<Json<PanelSql>, Refusal> {
    let chosen = Chosen::read(&served, &name, &id, asked(query)?.s.as_deref())?;
    let Asked { sql, params } = chosen.asked();
    let view = chosen.panel().view.value.clone();
    let lineage = served.data.lineage(&view)?;
    let run = served.data.last_run(&view).await?;
    Ok(Json(PanelSql { sql, params, view, lineage, run }))
}

/// What can be chosen of a column.
pub async fn filter(
    State(served): State<Arc<Served>>,
    Path((name, column)): Path<(String, String)>,
    query: Asking<FilterQuery>,
) -> Result<Json<FilterChoices>, Refusal> {
    let asked = asked(query)?;
    let dashboards = Arc::clone(&served.dashboards.read());
    let dashboard = find(&dashboards, &name)?;
    let (view, kind) =
        served.view_with(dashboard, &column).ok_or_else(|| Refusal::not_found("no view of this dashboard has such a column"))?;
    let search = asked.q.unwrap_or_default();
    if search.chars().count() > SEARCH_LETTERS_MAX {
        return Err(Refusal::selection(format!("`q` may have {SEARCH_LETTERS_MAX} letters")));
    }
    let limit = asked.limit.unwrap_or(50).min(served.limits.rows_page_max as u64);
    let search = Some(search.as_str()).filter(|s| !s.is_empty());
    let choices = served.ask_view(view, query::values(view, &column, search, limit)).await?;
    let values = json_rows(&choices.rows)?.into_iter().map(|row| {
        let mut row = row.into_iter();
        FilterChoice { value: row.next().unwrap_or_default(), rows: row.next().and_then(|n| n.as_i64()).unwrap_or(0) }
    });
    let (mut min, mut max) = (Value::Null, Value::Null);
    if kind.is_number() || kind.is_time() {
        let bounds = served.ask_view(view, query::bounds(view, &column)).await?;
        if let Some(row) = json_rows(&bounds.rows)?.pop() {
            let mut row = row.into_iter();
            (min, max) = (row.next().unwrap_or_default(), row.next().unwrap_or_default());
        }
    }
    Ok(Json(FilterChoices { values: values.collect(), min, max }))
}

/// A panel and what is selected.
struct Chosen {
    dashboards: Arc<Vec<Dashboard>>,
    at: (usize, usize),
    columns: Vec<(String, Kind)>,
    selections: Selections,
}

impl Chosen {
    fn read(served: &Served, name: &str, id: &str, s: Option<&str>) -> Result<Chosen, Refusal> {
        let dashboards = Arc::clone(&served.dashboards.read());
        let found = dashboards.iter().position(|d| d.name == name).ok_or_else(|| Refusal::not_found("there is no such dashboard"))?;
        let dashboard = &dashboards[found];
        let panels = 0..dashboard.panels.len();
        let panel = panels.into_iter().find(|i| i.to_string() == id).ok_or_else(|| Refusal::not_found("there is no such panel"))?;
        let selections = selections::read(s, |column| served.view_with(dashboard, column).is_some())?;
        let columns = served.columns(&dashboard.panels[panel].view);
        if let Some(mistake) = query::mistake(&columns, &selections) {
            return Err(Refusal::selection(mistake));
        }
        Ok(Chosen { at: (found, panel), dashboards, columns, selections })
    }

    fn panel(&self) -> &Panel {
        &self.dashboards[self.at.0].panels[self.at.1]
    }

    fn asked(&self) -> Asked {
        query::panel(self.panel(), &self.columns, &self.selections)
    }
}

impl Served {
    async fn ask(&self, panel: &Panel, asked: Asked) -> Result<Arc<Answer>, Refusal> {
        self.ask_view(&panel.view, asked).await
    }

    pub async fn ask_view(&self, view: &str, asked: Asked) -> Result<Arc<Answer>, Refusal> {
        let rows_max = self.limits.rows_panel_max;
        self.answers.ask(view, Question { sql: asked.sql, params: asked.params, rows_max }).await
    }
}

/// Asks, one after another, what each page shows before anybody has chosen something: the first visitor finds it there, and its columns in memory.
/// Who is there already goes first.
pub async fn ask_ahead(served: Arc<Served>, mut closing: watch::Receiver<bool>) {
    let work = async {
        while !served.data.is_ready() {
            tokio::time::sleep(served.limits.look_data).await;
        }
        let dashboards = Arc::clone(&served.dashboards.read());
        for panel in dashboards.iter().filter(|d| d.entity.is_none()).flat_map(|d| &d.panels) {
            while served.answers.is_busy() {
                tokio::time::sleep(AHEAD_WAIT).await;
            }
            // What is wrong is told to who looks at it.
            let asked = query::panel(panel, &served.columns(&panel.view), &Selections::new());
            let _ = served.ask(panel, asked).await;
        }
    };
    tokio::select! {
        () = closed(&mut closing) => {}
        () = work => {}
    }
}

pub fn asked<T>(query: Asking<T>) -> Result<T, Refusal> {
    let wrong = |e: QueryRejection| Refusal::new(StatusCode::BAD_REQUEST, "bad_request", e.body_text());
    query.map(|Query(q)| q).map_err(wrong)
}

pub fn columns(rows: &Collected) -> Vec<ResultColumn> {
    let column =
        |f: &Arc<arrow::datatypes::Field>| ResultColumn { name: f.name().clone(), data_type: Kind::of(f.data_type()).as_str().into() };
    rows.schema.fields().iter().map(column).collect()
}

/// What a column of a panel's rows is called for people.
fn heading(panel: &Panel, column: &str) -> String {
    let measure = |n: &str| n.parse::<usize>().ok().and_then(|i| panel.y.get(i));
    if let Some(measure) = column.strip_prefix('y').and_then(measure) {
        return measure_label(measure);
    }
    let of_table = (0..panel.columns.len()).find(|i| panel.column_name(*i) == column);
    match (column, &panel.x, &panel.by, of_table) {
        (_, _, _, Some(i)) => measure_label(&panel.columns[i]),
        ("x", Some(x), ..) => called(x),
        ("x1", Some(x), ..) => format!("{} to", called(x)),
        ("by", _, Some(by), _) => called(by),
        _ => column.to_string(),
    }
}
