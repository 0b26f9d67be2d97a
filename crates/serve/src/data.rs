//! What a server needs of a project; whoever composes the program brings it.

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use serde::Serialize;
use std::path::PathBuf;
use tidemill_core::Result;
use tidemill_engine::Collected;
use tidemill_project::dashboard::Dashboard;

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
    fn columns(&self, view: &str) -> Result<SchemaRef>;
    /// Rows at one moment, the newest too. `params` are what `$1` and so on stand for. Given up when the future is dropped.
    async fn ask(&self, sql: &str, params: &[String], rows_max: usize) -> Result<Collected>;
    fn lineage(&self, view: &str) -> Result<Vec<ColumnOrigin>>;
    async fn last_run(&self, view: &str) -> Result<Option<LastRun>>;
    /// How the streams and live views are doing, for `/metrics`.
    fn figures(&self) -> Vec<Figure>;
}

#[derive(Debug, Clone, Default)]
pub struct About {
    pub name: String,
    pub description: String,
    pub version: String,
    /// The directory whose files are watched.
    pub dir: PathBuf,
    /// Whether anything in it is followed.
    pub live: bool,
}

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnOrigin {
    pub column: String,
    /// `clean.orders.total_amount`
    pub from: Vec<String>,
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
