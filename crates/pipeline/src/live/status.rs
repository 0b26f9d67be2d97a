//! How the streams are doing: rows a second, how far behind, how long a row takes; as tables that can be asked like any other.

use super::feed::Feed;
use super::hot::Hot;
use super::latency::Histogram;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_lake::system;

/// A followed table at work.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StreamFigures {
    pub table: String,
    pub connector: String,
    /// False until its rules have been fitted.
    pub prepared: bool,
    pub rows_in: u64,
    pub rows_per_second: f64,
    pub rejected: u64,
    /// Rows, where the source counts them; else bytes.
    pub behind: Option<u64>,
    pub splits: u64,
    /// How old the newest row is.
    pub behind_seconds: Option<f64>,
    /// The least one of the live views that read it.
    #[serde(default)]
    pub watermark_micros: Option<i64>,
    /// From the source's time to when a query sees the row, in milliseconds.
    pub latency_ms_p50: Option<f64>,
    pub latency_ms_p99: Option<f64>,
    pub latency_ms_max: Option<f64>,
    pub trouble: Option<String>,
}

/// A live view at work.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ViewFigures {
    pub view: String,
    pub rows_in: u64,
    pub rows_out: u64,
    pub rows_in_per_second: f64,
    pub rows_out_per_second: f64,
    pub late: u64,
    pub watermark_micros: Option<i64>,
    pub state_rows: u64,
    pub state_bytes: u64,
    pub latency_ms_p50: Option<f64>,
    pub latency_ms_p99: Option<f64>,
    pub latency_ms_max: Option<f64>,
    pub failed: Option<String>,
    /// Tables that are not followed, each at the version that the view has of them.
    #[serde(default)]
    pub reads: Vec<String>,
}

/// Everything that `tidemill top` shows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Figures {
    pub at_micros: i64,
    pub epochs: u64,
    pub streams: Vec<StreamFigures>,
    pub views: Vec<ViewFigures>,
    #[serde(skip)]
    rates: Rates,
}

/// Counts a while ago, for rows a second.
#[derive(Debug, Clone, Default)]
struct Rates {
    at: i64,
    streams: Vec<u64>,
    views: Vec<(u64, u64)>,
}

/// Rates are over at least this long.
const WINDOW_MICROS: i64 = 1_000_000;

impl Figures {
    pub(super) fn update(&mut self, now: i64, feeds: &[Feed], hot: &Mutex<Hot>, epochs: u64) {
        self.at_micros = now;
        self.epochs = epochs;
        let seconds = (now - self.rates.at) as f64 / 1e6;
        let due = now - self.rates.at >= WINDOW_MICROS;
        let before: Vec<f64> = self.streams.iter().map(|s| s.rows_per_second).collect();
        self.streams = feeds.iter().map(stream).collect();
        for (i, s) in self.streams.iter_mut().enumerate() {
            s.rows_per_second = match self.rates.streams.get(i) {
                Some(then) if due => (s.rows_in.saturating_sub(*then)) as f64 / seconds,
                _ => before.get(i).copied().unwrap_or(0.0),
            };
            s.behind_seconds = feeds[i].so_far.newest_micros.map(|m| ((now - m) as f64 / 1e6).max(0.0));
        }
        let before: Vec<(f64, f64)> = self.views.iter().map(|v| (v.rows_in_per_second, v.rows_out_per_second)).collect();
        self.views = hot
            .lock()
            .views
            .iter()
            .map(|v| {
                let stats = v.live.stats();
                ViewFigures {
                    view: v.name.clone(),
                    rows_in: stats.rows_in,
                    rows_out: stats.rows_out,
                    late: stats.late,
                    watermark_micros: stats.watermark,
                    state_rows: stats.state_rows,
                    state_bytes: stats.state_bytes,
                    latency_ms_p50: millis(&v.latency, 0.5),
                    latency_ms_p99: millis(&v.latency, 0.99),
                    latency_ms_max: millis(&v.latency, 1.0),
                    failed: v.failed.clone(),
                    reads: v.reads.clone(),
                    ..ViewFigures::default()
                }
            })
            .collect();
        let marks = watermarks(&hot.lock(), &self.views);
        for s in &mut self.streams {
            s.watermark_micros = marks.get(&s.table).copied();
        }
        for (i, v) in self.views.iter_mut().enumerate() {
            (v.rows_in_per_second, v.rows_out_per_second) = match self.rates.views.get(i) {
                Some((rows_in, rows_out)) if due => {
                    (v.rows_in.saturating_sub(*rows_in) as f64 / seconds, v.rows_out.saturating_sub(*rows_out) as f64 / seconds)
                }
                _ => before.get(i).copied().unwrap_or_default(),
            };
        }
        if due {
            self.rates = Rates {
                at: now,
                streams: self.streams.iter().map(|s| s.rows_in).collect(),
                views: self.views.iter().map(|v| (v.rows_in, v.rows_out)).collect(),
            };
        }
    }

    /// As `system.streams` and `system.live_views`.
    pub(crate) fn tables(&self) -> Result<Vec<(&'static str, RecordBatch)>> {
        let at = self.at_micros;
        let text = |v: Vec<Option<String>>| -> ArrayRef { Arc::new(StringArray::from(v)) };
        let whole = |v: Vec<Option<u64>>| -> ArrayRef { Arc::new(Int64Array::from_iter(v.into_iter().map(|v| v.map(|v| v as i64)))) };
        let number = |v: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(v)) };
        let instant = |v: Vec<Option<i64>>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(v).with_timezone("UTC")) };
        let s = &self.streams;
        let streams = vec![
            text(s.iter().map(|s| Some(s.table.clone())).collect()),
            text(s.iter().map(|s| Some(s.connector.clone())).collect()),
            Arc::new(BooleanArray::from_iter(s.iter().map(|s| Some(s.prepared)))) as ArrayRef,
            whole(s.iter().map(|s| Some(s.rows_in)).collect()),
            number(s.iter().map(|s| Some(s.rows_per_second)).collect()),
            whole(s.iter().map(|s| Some(s.rejected)).collect()),
            whole(s.iter().map(|s| s.behind).collect()),
            number(s.iter().map(|s| s.behind_seconds).collect()),
            instant(s.iter().map(|s| s.watermark_micros).collect()),
            number(s.iter().map(|s| behind(at, s.watermark_micros)).collect()),
            whole(s.iter().map(|s| Some(s.splits)).collect()),
            number(s.iter().map(|s| s.latency_ms_p50).collect()),
            number(s.iter().map(|s| s.latency_ms_p99).collect()),
            number(s.iter().map(|s| s.latency_ms_max).collect()),
            text(s.iter().map(|s| s.trouble.clone()).collect()),
            instant(s.iter().map(|_| Some(at)).collect()),
        ];
        let v = &self.views;
        let views = vec![
            text(v.iter().map(|v| Some(v.view.clone())).collect()),
            whole(v.iter().map(|v| Some(v.rows_in)).collect()),
            whole(v.iter().map(|v| Some(v.rows_out)).collect()),
            number(v.iter().map(|v| Some(v.rows_in_per_second)).collect()),
            number(v.iter().map(|v| Some(v.rows_out_per_second)).collect()),
            whole(v.iter().map(|v| Some(v.late)).collect()),
            instant(v.iter().map(|v| v.watermark_micros).collect()),
            number(v.iter().map(|v| behind(at, v.watermark_micros)).collect()),
            whole(v.iter().map(|v| Some(v.state_rows)).collect()),
            whole(v.iter().map(|v| Some(v.state_bytes)).collect()),
            number(v.iter().map(|v| v.latency_ms_p50).collect()),
            number(v.iter().map(|v| v.latency_ms_p99).collect()),
            number(v.iter().map(|v| v.latency_ms_max).collect()),
            text(v.iter().map(|v| v.failed.clone()).collect()),
            text(v.iter().map(|v| (!v.reads.is_empty()).then(|| v.reads.join(", "))).collect()),
            instant(v.iter().map(|_| Some(at)).collect()),
        ];
        Ok(vec![
            ("streams", RecordBatch::try_new(system::schema("streams")?, streams)?),
            ("live_views", RecordBatch::try_new(system::schema("live_views")?, views)?),
        ])
    }
}

/// How far a watermark is behind the clock. One of a source that is ahead of it is not behind.
fn behind(at: i64, watermark: Option<i64>) -> Option<f64> {
    watermark.map(|mark| (at.saturating_sub(mark) as f64 / 1e6).max(0.0))
}

/// Of each followed table, how far the slowest of the live views that read it has got.
fn watermarks(hot: &Hot, figures: &[ViewFigures]) -> BTreeMap<String, i64> {
    let mut marks = BTreeMap::new();
    for (view, figures) in hot.views.iter().zip(figures).filter(|(v, f)| v.name == f.view && v.failed.is_none()) {
        let Some(mark) = figures.watermark_micros else { continue };
        for input in view.inputs.iter().filter(|i| matches!(i.schema.as_str(), "raw" | "clean")) {
            let least = marks.entry(input.name.clone()).or_insert(mark);
            *least = mark.min(*least);
        }
    }
    marks
}

/// A moment for people, to the second.
pub fn instant(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn stream(f: &Feed) -> StreamFigures {
    let standing = f.standing();
    let behind: Option<u64> = standing.lag.iter().map(|l| l.behind).sum();
    StreamFigures {
        table: f.p.table.name.clone(),
        connector: f.p.table.source.connector.value.clone(),
        prepared: f.recipe.is_some(),
        rows_in: f.so_far.rows_in,
        rejected: f.so_far.rejected,
        behind: behind.filter(|_| !standing.lag.is_empty()),
        splits: f.positions.len() as u64,
        latency_ms_p50: millis(&f.so_far.latency, 0.5),
        latency_ms_p99: millis(&f.so_far.latency, 0.99),
        latency_ms_max: millis(&f.so_far.latency, 1.0),
        trouble: standing.trouble,
        ..StreamFigures::default()
    }
}

fn millis(h: &Histogram, q: f64) -> Option<f64> {
    h.quantile(q).map(|m| m as f64 / 1e3)
}
