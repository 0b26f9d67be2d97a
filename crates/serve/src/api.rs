//! The JSON that goes out and what comes in, as the OpenAPI document describes it.

use crate::data::LastRun;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_engine::ColumnOrigin;

#[derive(Serialize)]
pub struct ProjectDetail {
    pub name: String,
    pub description: String,
    /// Of Tidemill.
    pub version: String,
    /// Whether anything comes by itself.
    pub live: bool,
    /// Files that are others than those the project was opened with: they take effect when it is served anew.
    pub outdated: Vec<String>,
    /// In the order of the menu.
    pub dashboards: Vec<DashboardSummary>,
}

#[derive(Serialize)]
pub struct DashboardSummary {
    pub name: String,
    pub title: String,
    pub description: String,
    /// The column that names what the page is about; such a page is not in the menu.
    pub entity: Option<String>,
    pub live: bool,
}

#[derive(Serialize)]
pub struct DashboardDetail {
    pub name: String,
    pub title: String,
    pub description: String,
    pub entity: Option<String>,
    pub filters: Vec<FilterDetail>,
    pub panels: Vec<PanelDetail>,
}

#[derive(Serialize)]
pub struct FilterDetail {
    pub column: String,
    pub label: String,
    /// `select`, `range` or `time`
    pub kind: String,
    /// A list of values; of a range or time `[from, to]`, an open end being empty; of a time also a text such as `90d`: so long before the newest.
    pub default: Value,
}

#[derive(Serialize)]
pub struct PanelDetail {
    pub id: String,
    pub title: String,
    pub description: String,
    pub kind: String,
    pub view: String,
    /// Of 12.
    pub width: u8,
    pub live: bool,
    pub x: Option<AxisDetail>,
    pub y: Vec<MeasureDetail>,
    pub by: Option<SeriesDetail>,
    /// Of a table.
    pub columns: Vec<ColumnDetail>,
    /// Columns of the view: selections of them apply.
    pub selectable: Vec<String>,
}

#[derive(Serialize)]
pub struct AxisDetail {
    pub column: String,
    pub label: String,
    /// `text`, `integer`, `number`, `boolean`, `date` or `time`
    #[serde(rename = "type")]
    pub data_type: String,
    pub bucket: Option<String>,
}

#[derive(Serialize)]
pub struct MeasureDetail {
    /// `y0`, `y1`, …: its column in the rows.
    pub name: String,
    pub label: String,
    pub format: Option<String>,
    pub unit: String,
}

#[derive(Serialize)]
pub struct SeriesDetail {
    pub column: String,
    pub label: String,
}

#[derive(Serialize)]
pub struct ColumnDetail {
    pub name: String,
    pub label: String,
    #[serde(rename = "type")]
    pub data_type: String,
    pub format: Option<String>,
}

#[derive(Serialize)]
pub struct ResultColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
}

/// What a panel shows.
#[derive(Serialize)]
pub struct PanelRows {
    /// `x`, `by`, `y0`, …; of a histogram `x`, `x1` (the edges) and `y0`; of a table its own names.
    pub columns: Vec<ResultColumn>,
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more rows than are shown.
    pub truncated: bool,
    /// Until when the answer knows everything.
    pub as_of: String,
    /// As long as it is the same, so is the answer.
    pub version: String,
    pub elapsed_ms: f64,
}

/// Rows behind a panel.
#[derive(Serialize)]
pub struct RowsPage {
    pub columns: Vec<ResultColumn>,
    pub rows: Vec<Vec<Value>>,
    pub total: i64,
}

/// Where a panel's numbers come from.
#[derive(Serialize)]
pub struct PanelSql {
    pub sql: String,
    /// What `$1` and so on stand for.
    pub params: Vec<String>,
    pub view: String,
    pub lineage: Vec<ColumnOrigin>,
    pub run: Option<LastRun>,
}

#[derive(Serialize)]
pub struct FilterChoices {
    /// The most frequent first.
    pub values: Vec<FilterChoice>,
    pub min: Value,
    pub max: Value,
}

#[derive(Serialize)]
pub struct FilterChoice {
    pub value: Value,
    pub rows: i64,
}

#[derive(Serialize)]
pub struct QueryList {
    pub queries: Vec<QueryDetail>,
}

#[derive(Serialize)]
pub struct QueryDetail {
    pub name: String,
    pub description: String,
    pub params: Vec<ParameterDetail>,
    pub columns: Vec<ResultColumn>,
}

#[derive(Serialize)]
pub struct ParameterDetail {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
    /// Without a value nothing is answered.
    pub required: bool,
    /// What it is without a value; NULL where there is none and none is required.
    pub default: Option<String>,
    pub description: String,
}

#[derive(Serialize)]
pub struct EntityList {
    pub entities: Vec<EntitySummary>,
}

#[derive(Serialize)]
pub struct EntitySummary {
    /// The column.
    pub name: String,
    pub label: String,
    /// The page of one.
    pub dashboard: String,
    /// Views with one row for each value.
    pub profiles: Vec<String>,
}

#[derive(Serialize)]
pub struct EntityDetail {
    pub entity: String,
    pub key: String,
    pub profiles: Vec<EntityProfile>,
    pub as_of: String,
    pub version: String,
}

#[derive(Serialize)]
pub struct EntityProfile {
    pub view: String,
    pub columns: Vec<ResultColumn>,
    /// `null` where the view has no row of this value.
    pub row: Option<Vec<Value>>,
}

#[derive(Serialize)]
pub struct EntityValues {
    pub values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelQuery {
    /// What is selected, as JSON: `{"country":["DE",null],"day":{"from":"2024-01","to":"2024-06"}}`.
    pub s: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowsQuery {
    /// As of a panel.
    pub s: Option<String>,
    /// 100 when absent, 1,000 at most.
    pub limit: Option<u64>,
    pub offset: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterQuery {
    /// Letters that a value holds.
    pub q: Option<String>,
    /// 50 when absent, 1,000 at most.
    pub limit: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// Letters that a value begins with.
    pub q: Option<String>,
    /// 20 when absent, 1,000 at most.
    pub limit: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// The dashboard whose panels are of interest; without it only `reload` and `ping` come.
    pub dashboard: Option<String>,
}
