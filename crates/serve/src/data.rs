//! What a server needs of a project; whoever composes the program brings it.

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{BatchStream, Collected, ColumnOrigin, LineageGraph};
use tidemill_project::dashboard::Dashboard;
use tidemill_project::query::NamedQuery;

/// A project that is asked, at the moment of asking. Views are named as in SQL: `monthly_sales`, `clean.orders`, `system.runs`.
#[async_trait]
pub trait Data: Send + Sync + 'static {
    fn about(&self) -> About;
    /// Read from the project's files anew; what is wrong with one is told with it.
    fn dashboards(&self) -> Vec<Dashboard>;
    /// Looks whether somebody brought the project up to date meanwhile. Called several times a second.
    fn look(&self) -> Result<()>;
    /// Whether there is something to ask of yet.
    fn is_ready(&self) -> bool;
    /// Whether rows come to a view by themselves.
    fn is_live(&self, view: &str) -> bool;
    /// As long as this is the same, so is every answer from the view.
    fn version(&self, view: &str) -> Result<String>;
    /// Until when answers know everything.
    fn as_of_micros(&self) -> i64;
    /// What time it is: what goes on has lasted until now.
    fn now_micros(&self) -> i64;
    fn columns(&self, view: &str) -> Result<SchemaRef>;
    /// Rows at one moment, the newest too. `params` are what `$1` and so on stand for. Given up when the future is dropped.
    async fn ask(&self, sql: &str, params: &[String], rows_max: usize) -> Result<Collected>;
    /// All rows of a question, batch by batch.
    async fn stream(&self, sql: &str) -> Result<BatchStream>;
    /// The tables and views that have one row for each value of a column: by their key, or by a test that holds.
    fn profiles(&self, column: &str) -> Vec<String>;
    fn lineage(&self, view: &str) -> Result<Vec<ColumnOrigin>>;
    /// What can be asked by name, as the project was opened. Columns and version of one are those of `query.NAME`.
    fn queries(&self) -> &[NamedQuery];
    async fn last_run(&self, view: &str) -> Result<Option<LastRun>>;
    /// How the streams and live views are doing, for `/metrics`.
    fn figures(&self) -> Vec<Figure>;
    /// Tables of which rows may be set aside.
    fn quarantines(&self) -> Vec<String>;
    /// Whether rows of a table that were set aside for this kind of reason can be tried again, one by one.
    fn can_replay(&self, table: &str, code: &str) -> bool;
    /// Every node that holds or passes on rows.
    fn graph(&self) -> Arc<LineageGraph>;
}

#[derive(Debug, Clone, Default)]
pub struct About {
    pub name: String,
    pub description: String,
    pub version: String,
    /// The directory whose files are watched.
    pub dir: PathBuf,
    /// The file for profiles by key. It can be deleted at any time.
    pub profiles: PathBuf,
    /// Whether anything in it is followed.
    pub live: bool,
}

/// The run that made the rows a view reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastRun {
    pub run_id: String,
    /// ISO 8601, UTC.
    pub ended_at: String,
}

/// One number of `/metrics`: of a table or a view, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// `stream_rows_total`; it is shown with `tidemill_` before it. One that ends in `_total` only grows.
    pub name: &'static str,
    pub help: &'static str,
    pub of: String,
    pub value: f64,
}
