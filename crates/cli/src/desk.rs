//! The project as the server is handed it.

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{BatchStream, Collected, ColumnOrigin, LineageGraph, TableUse};
use tidemill_pipeline::live::status::{StreamFigures, ViewFigures};
use tidemill_pipeline::{Desk, QuarantineFilter};
use tidemill_project::Environment;
use tidemill_project::dashboard::Dashboard;
use tidemill_project::query::NamedQuery;
use tidemill_serve::{About, Commands, Data, Figure, LastRun, Replayed, instant};

pub struct Shown {
    pub desk: Arc<Desk>,
    /// As the project was opened with: its files are read again when they change.
    pub environment: Environment,
}

#[async_trait]
impl Data for Shown {
    fn about(&self) -> About {
        let workspace = self.desk.workspace();
        let project = workspace.project();
        About {
            name: project.name.clone(),
            description: project.description.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            dir: project.dir.clone(),
            profiles: project.lake_at().join("_tidemill/profiles.redb"),
            live: workspace.follows(),
        }
    }
    fn dashboards(&self) -> Vec<Dashboard> {
        tidemill_project::load(&self.desk.workspace().project().dir, &self.environment).0.dashboards
    }
    fn look(&self) -> Result<()> {
        self.desk.look()
    }
    fn is_ready(&self) -> bool {
        self.desk.is_ready()
    }
    fn is_live(&self, view: &str) -> bool {
        self.desk.is_live(view)
    }
    fn version(&self, view: &str) -> Result<String> {
        self.desk.version(view)
    }
    fn as_of_micros(&self) -> i64 {
        self.desk.as_of_micros()
    }
    fn now_micros(&self) -> i64 {
        self.desk.now_micros()
    }
    fn columns(&self, view: &str) -> Result<SchemaRef> {
        self.desk.columns(view)
    }
    async fn ask(&self, sql: &str, params: &[String], rows_max: usize) -> Result<Collected> {
        self.desk.ask(sql, params, rows_max).await
    }
    async fn stream(&self, sql: &str) -> Result<BatchStream> {
        self.desk.stream(sql).await
    }
    fn profiles(&self, column: &str) -> Vec<String> {
        self.desk.profiles(column)
    }
    fn lineage(&self, view: &str) -> Result<Vec<ColumnOrigin>> {
        self.desk.origins(view)
    }
    fn queries(&self) -> &[NamedQuery] {
        self.desk.queries()
    }
    async fn last_run(&self, view: &str) -> Result<Option<LastRun>> {
        let made_by = self.desk.made_by(view).await?;
        Ok(made_by.map(|m| LastRun { run_id: m.run_id, ended_at: instant(m.ended_at_micros) }))
    }
    fn figures(&self) -> Vec<Figure> {
        let kept = self.desk.workspace().memory_known();
        let figures = self.desk.figures().unwrap_or_default();
        let followed = figures.streams.iter().flat_map(of_stream).chain(figures.views.iter().flat_map(of_view));
        followed.chain(kept.iter().flat_map(of_memory)).collect()
    }
    fn quarantines(&self) -> Vec<String> {
        self.desk.workspace().project().tables.iter().map(|t| t.name.clone()).collect()
    }
    fn graph(&self) -> Arc<LineageGraph> {
        self.desk.graph()
    }
    fn can_replay(&self, table: &str, code: &str) -> bool {
        self.desk.workspace().can_replay(table, code)
    }
}

#[async_trait]
impl Commands for Shown {
    async fn replay(&self, table: &str, code: Option<&str>, column: Option<&str>) -> Result<Replayed> {
        let filter = QuarantineFilter { code: code.map(str::to_string), column: column.map(str::to_string), ..QuarantineFilter::default() };
        let report = self.desk.replay(&self.environment, table, &filter).await?;
        Ok(Replayed {
            table: report.table,
            tried: report.tried,
            accepted: report.accepted,
            still_rejected: report.still_rejected,
            next: report.next,
        })
    }
}

fn of_stream(s: &StreamFigures) -> Vec<Figure> {
    figures(
        &s.table,
        [
            ("stream_rows_total", "rows that came", Some(s.rows_in as f64)),
            ("stream_rows_rejected_total", "rows that were set aside", Some(s.rejected as f64)),
            ("stream_behind", "what waits: rows, or bytes where the source counts those", s.behind.map(|b| b as f64)),
            ("stream_behind_seconds", "age of the newest row", s.behind_seconds),
            ("stream_latency_ms_p50", "from the source's time until queries see a row, median", s.latency_ms_p50),
            ("stream_latency_ms_p99", "from the source's time until queries see a row, 99 %", s.latency_ms_p99),
        ],
    )
}

fn of_view(v: &ViewFigures) -> Vec<Figure> {
    figures(
        &v.view,
        [
            ("view_rows_in_total", "rows that a live view took in", Some(v.rows_in as f64)),
            ("view_rows_late_total", "rows that came too late for a live view", Some(v.late as f64)),
            ("view_state_bytes", "state that a live view holds", Some(v.state_bytes as f64)),
            ("view_failed", "1 when a live view has stopped", Some(f64::from(u8::from(v.failed.is_some())))),
        ],
    )
}

fn of_memory(t: &TableUse) -> Vec<Figure> {
    figures(
        &t.name,
        [
            ("cache_bytes", "what is kept of a table or view in memory", Some(t.bytes as f64)),
            ("cache_hits_total", "columns that were in memory when a question wanted them", Some(t.counts.hits as f64)),
            ("cache_misses_total", "columns that had to be read first", Some(t.counts.loads as f64)),
            ("cache_evictions_total", "columns let go for others", Some(t.counts.evictions as f64)),
        ],
    )
}

fn figures<const N: usize>(of: &str, all: [(&'static str, &'static str, Option<f64>); N]) -> Vec<Figure> {
    let known = all.into_iter().filter_map(|(name, help, value)| Some(Figure { name, help, of: of.to_string(), value: value? }));
    known.collect()
}
