//! The project's live views at work on its own rows: how many rows a second each takes at full speed, how long a batch takes, and, at a given rate,
//! how long after its time a row is in the result.
//!
//! A view none of whose tables is followed is measured as if those with an event time were. The result is read every 50 ms, as `serve` does.
//!
//! Rows are those of the lake, in the order in which they are stored, from memory: neither source nor disk is in these figures. At a rate, batch
//! number n is due at n × rows ÷ rate from the start, whether the one before it is done or not, and its time counts from when it was due: a pause
//! counts with every batch that it holds up (no coordinated omission).

use super::{BenchOptions, Machine, median};
use crate::ingest_step::blocking;
use crate::live::latency::Histogram;
use crate::live::view::compile;
use crate::measure;
use crate::nodes;
use crate::tables::Prepared;
use crate::workspace::{Workspace, versions_of};
use arrow::array::RecordBatch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_core::{Decoded, Error, Result, RowText};
use tidemill_lake::TableName;
use tidemill_live::{Compiled, InputInfo, InputRef};
use tidemill_prepare::{Fitted, StreamRecipe};
use tidemill_project::spec::{Materialized, View};

/// What is measured of live views, beside [`BenchOptions`].
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Rows of a batch at full speed.
    pub batch_rows: usize,
    /// Rows a second for latency; 0: full speed only.
    pub rate: u64,
    /// How long the rate is kept up.
    pub seconds: f64,
    /// Rows that are read of each table, at most.
    pub rows_max: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions { batch_rows: 8192, rate: 10_000, seconds: 5.0, rows_max: 5_000_000 }
    }
}

#[derive(Debug, Clone)]
pub struct LiveReport {
    pub project: String,
    pub epoch: u64,
    pub threads: usize,
    pub repeat: usize,
    pub machine: Machine,
    pub options: LiveOptions,
    pub recipes: Vec<RecipeTimed>,
    pub views: Vec<LiveTimed>,
    pub peak_memory_bytes: u64,
}

/// The rules of a table, a batch after another.
#[derive(Debug, Clone)]
pub struct RecipeTimed {
    pub table: String,
    pub rows: u64,
    /// Of each repetition.
    pub seconds: Vec<f64>,
}

#[derive(Debug, Clone)]
pub struct LiveTimed {
    pub view: String,
    /// Rows of all its streams.
    pub rows: u64,
    /// Rows of its result.
    pub result_rows: u64,
    /// At full speed, of each repetition.
    pub seconds: Vec<f64>,
    /// Of a batch at full speed, in microseconds, all repetitions together.
    pub batch_micros_p50: u64,
    pub batch_micros_p99: u64,
    pub state_rows: u64,
    pub state_bytes: u64,
    pub late: u64,
    /// At the rate.
    pub paced: Option<Paced>,
    /// Why it could not be measured.
    pub failed: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Paced {
    /// Reached; below what was asked for when the view can't keep up.
    pub rows_per_second: f64,
    /// From when a row was due to when it was in the result.
    pub micros_p50: u64,
    pub micros_p99: u64,
    pub micros_max: u64,
    /// Upper bounds in microseconds and rows.
    pub steps: Vec<(u64, u64)>,
}

impl LiveTimed {
    pub fn rows_per_second(&self) -> f64 {
        median(&self.seconds).filter(|s| *s > 0.0).map_or(0.0, |s| self.rows as f64 / s)
    }
}

impl RecipeTimed {
    pub fn rows_per_second(&self) -> f64 {
        median(&self.seconds).filter(|s| *s > 0.0).map_or(0.0, |s| self.rows as f64 / s)
    }
}

/// The result is asked for this often.
const TOLD_EVERY: Duration = Duration::from_millis(50);

/// Tables by name, and their rows.
type Stored = BTreeMap<TableName, Arc<Vec<RecordBatch>>>;

impl Workspace {
    /// Each live view over the rows that its tables hold. `told` hears what is measured next, and how far along that is.
    pub async fn bench_live(self: &Arc<Self>, options: &BenchOptions, live: &LiveOptions, told: &dyn Fn(&str, f64)) -> Result<LiveReport> {
        let done = self.lake.last_done()?.ok_or_else(|| Error::config("nothing has been run yet").help("run `tidemill run` first"))?;
        let versions = versions_of(&done);
        let views = self.live_views(&options.only)?;
        let session = self.live_session()?;
        let followed = self.live_inputs(None);
        // What is read from files all the same may be asked how it would do.
        let as_if: Vec<InputInfo> =
            followed.iter().map(|i| InputInfo { followed: i.followed || i.event_time.is_some(), ..i.clone() }).collect();
        let mut stored = Stored::new();
        let mut report = LiveReport {
            project: self.project().name.clone(),
            epoch: done.epoch,
            threads: self.engine.threads(),
            repeat: options.repeat,
            machine: Machine::this(),
            options: live.clone(),
            recipes: Vec::new(),
            views: Vec::new(),
            peak_memory_bytes: 0,
        };
        let steps = (views.len() + 1) as f64;
        for (at, view) in views.iter().enumerate() {
            told(&view.name, at as f64 / steps);
            let compiled = match compile(view, &session, &followed) {
                Ok(c) if c.inputs().iter().any(|i| is_stream(&followed, i)) => Ok((c, &followed)),
                Ok(_) => compile(view, &session, &as_if).map(|c| (c, &as_if)),
                Err(e) => Err(e),
            };
            let (compiled, inputs) = match compiled {
                Ok(c) => c,
                Err(e) => {
                    report.views.push(failed(&view.name, &e));
                    continue;
                }
            };
            for input in compiled.inputs() {
                let table = TableName::new(&input.schema, &input.name);
                if let (false, Some(version)) = (stored.contains_key(&table), versions.get(&table)) {
                    let rows = self.rows_of(&table, *version, live.rows_max).await?;
                    stored.insert(table, rows);
                }
            }
            let inputs = inputs.clone();
            let (engine, stored) = (Arc::clone(&self.engine), stored.clone());
            let (name, options, live) = (view.name.clone(), options.clone(), live.clone());
            let timed = blocking(move || {
                let work = Work { compiled: &compiled, inputs: &inputs, stored: &stored, options: &live };
                Ok(work.timed(&name, options.repeat, &|| engine.memory()).unwrap_or_else(|e| failed(&name, &e)))
            })
            .await?;
            report.views.push(timed);
        }
        for p in self.checked.tables.iter().filter(|_| options.only.is_empty()) {
            told(&p.clean_node(), (steps - 1.0) / steps);
            if let Some(timed) = self.recipe_timed(p, &versions, options.repeat, live).await? {
                report.recipes.push(timed);
            }
        }
        report.peak_memory_bytes = measure::peak_memory_bytes();
        Ok(report)
    }

    fn live_views(&self, only: &[String]) -> Result<Vec<View>> {
        let all: Vec<&View> = self.project().views.iter().filter(|v| *v.materialized == Materialized::Live).collect();
        if let Some(unknown) = only.iter().find(|n| all.iter().all(|v| v.name != **n)) {
            let names: Vec<&str> = all.iter().map(|v| v.name.as_str()).collect();
            return Err(Error::config(format!("there is no live view `{unknown}`")).help(format!("live views: {}", names.join(", "))));
        }
        if all.is_empty() {
            return Err(
                Error::config("the project has no live view").help("write `--! materialized = \"live\"` above a SELECT in views/NAME.sql")
            );
        }
        Ok(all.into_iter().filter(|v| only.is_empty() || only.contains(&v.name)).cloned().collect())
    }

    async fn rows_of(&self, table: &TableName, version: i64, most: usize) -> Result<Arc<Vec<RecordBatch>>> {
        let Some(snapshot) = self.lake.snapshot(table, Some(version)).await? else { return Ok(Arc::default()) };
        let scan = self.lake.scan(snapshot, None)?;
        blocking(move || {
            let (mut out, mut left) = (Vec::new(), most);
            while left > 0
                && let Some(morsel) = scan.next()?
            {
                let rows = morsel.decode()?.batch;
                let rows = rows.slice(0, rows.num_rows().min(left));
                left -= rows.num_rows();
                out.push(rows);
            }
            Ok(Arc::new(out))
        })
        .await
    }

    #[allow(clippy::disallowed_methods)] // measuring is what this is for
    async fn recipe_timed(
        &self,
        p: &Arc<Prepared>,
        versions: &BTreeMap<TableName, i64>,
        repeat: usize,
        live: &LiveOptions,
    ) -> Result<Option<RecipeTimed>> {
        let (raw, clean) = (TableName::raw(p.table.name.clone()), TableName::clean(p.table.name.clone()));
        let (Some(version), true) = (versions.get(&raw), p.recipe.stream_problems().is_empty()) else { return Ok(None) };
        let Some(generation) =
            nodes::last_outcome(&self.lake, &clean.to_string(), tidemill_project::NodeKind::Clean).await?.and_then(|o| o.recipe)
        else {
            return Ok(None);
        };
        let Some(json) = self.lake.get_state::<serde_json::Value>(&nodes::recipe_path(&p.table.name, generation))? else { return Ok(None) };
        let fitted = Fitted::from_json(&json, &p.recipe)?;
        let rows = self.rows_of(&raw, *version, live.rows_max).await?;
        let (engine, scratch, name) = (Arc::clone(&self.engine), self.scratch(), p.table.name.clone());
        let batch_rows = live.batch_rows;
        let timed = blocking(move || {
            let mut timed = RecipeTimed { table: name, rows: rows.iter().map(|b| b.num_rows() as u64).sum(), seconds: Vec::new() };
            for _ in 0..repeat {
                let mut recipe = StreamRecipe::new(&fitted, engine.memory(), &scratch, 0)?;
                let began = Instant::now();
                for batch in pieces(&rows, batch_rows) {
                    recipe.apply(decoded(batch), None)?;
                }
                timed.seconds.push(began.elapsed().as_secs_f64());
            }
            Ok(timed)
        })
        .await?;
        Ok(Some(timed).filter(|t| t.rows > 0))
    }
}

struct Work<'a> {
    compiled: &'a Compiled,
    inputs: &'a [InputInfo],
    stored: &'a Stored,
    options: &'a LiveOptions,
}

/// The clock that views see, in 2100: rows of a table are not from the future.
const AFTERWARDS: i64 = 4_102_444_800_000_000;

impl Work<'_> {
    #[allow(clippy::disallowed_methods)] // measuring is what this is for
    fn timed(&self, name: &str, repeat: usize, memory: &dyn Fn() -> Arc<dyn tidemill_engine::MemoryPool>) -> Result<LiveTimed> {
        let streams: Vec<(&InputRef, &Vec<RecordBatch>)> = self.streams();
        let rows: u64 = streams.iter().flat_map(|(_, b)| b.iter()).map(|b| b.num_rows() as u64).sum();
        let mut timed = LiveTimed { rows, ..nothing(name) };
        let mut batches = Histogram::default();
        for _ in 0..repeat {
            let mut view = self.loaded(memory())?;
            let fed = interleaved(&streams, self.options.batch_rows);
            let began = Instant::now();
            let (mut told, mut settled) = (began, 0);
            for (input, batch) in &fed {
                let at = Instant::now();
                view.apply(input, "bench", batch, None, AFTERWARDS)?;
                if told.elapsed() >= TOLD_EVERY {
                    settled += view.take_settled()?.iter().map(RecordBatch::num_rows).sum::<usize>();
                    view.open_rows()?;
                    told = Instant::now();
                }
                batches.record(at.elapsed().as_micros() as i64, 1);
            }
            settled += view.take_settled()?.iter().map(RecordBatch::num_rows).sum::<usize>();
            let open: usize = view.open_rows()?.iter().map(RecordBatch::num_rows).sum();
            timed.seconds.push(began.elapsed().as_secs_f64());
            let stats = view.stats();
            timed.result_rows = (settled + open) as u64;
            (timed.state_rows, timed.state_bytes, timed.late) = (stats.state_rows, stats.state_bytes, stats.late);
        }
        timed.batch_micros_p50 = batches.quantile(0.5).unwrap_or(0);
        timed.batch_micros_p99 = batches.quantile(0.99).unwrap_or(0);
        if self.options.rate > 0 {
            timed.paced = Some(self.paced(&streams, memory())?);
        }
        Ok(timed)
    }

    /// Small batches, each due at its time.
    #[allow(clippy::disallowed_methods)] // measuring is what this is for
    fn paced(&self, streams: &[(&InputRef, &Vec<RecordBatch>)], memory: Arc<dyn tidemill_engine::MemoryPool>) -> Result<Paced> {
        let rate = self.options.rate as f64;
        // A batch a millisecond, as rows come from a socket or a topic.
        let size = ((rate / 1000.0).ceil() as usize).max(1);
        let mut view = self.loaded(memory)?;
        let fed = interleaved(streams, size);
        let most = (self.options.seconds * rate) as usize;
        let mut histogram = Histogram::default();
        let began = Instant::now();
        let mut rows = 0;
        for (input, batch) in &fed {
            if rows >= most {
                break;
            }
            let due = Duration::from_secs_f64(rows as f64 / rate);
            if let Some(early) = due.checked_sub(began.elapsed()) {
                std::thread::sleep(early);
            }
            view.apply(input, "bench", batch, None, AFTERWARDS)?;
            view.open_rows()?;
            let late = began.elapsed().saturating_sub(due);
            histogram.record(late.as_micros() as i64, batch.num_rows() as u64);
            rows += batch.num_rows();
        }
        let q = |q| histogram.quantile(q).unwrap_or(0);
        let rows_per_second = rows as f64 / began.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        Ok(Paced {
            rows_per_second,
            micros_p50: q(0.5),
            micros_p99: q(0.99),
            micros_max: histogram.max().unwrap_or(0),
            steps: histogram.steps(),
        })
    }

    fn is_stream(&self, input: &InputRef) -> bool {
        is_stream(self.inputs, input)
    }

    fn streams(&self) -> Vec<(&InputRef, &Vec<RecordBatch>)> {
        let all = self.compiled.inputs().iter().filter(|i| self.is_stream(i));
        all.filter_map(|i| Some((i, &**self.stored.get(&TableName::new(&i.schema, &i.name))?))).collect()
    }

    /// The view with the tables that do not move.
    fn loaded(&self, memory: Arc<dyn tidemill_engine::MemoryPool>) -> Result<tidemill_live::LiveView> {
        let mut view = self.compiled.start(memory)?;
        view.follow_changes(false);
        for input in self.compiled.inputs().iter().filter(|i| !self.is_stream(i)) {
            for batch in self.stored.get(&TableName::new(&input.schema, &input.name)).iter().flat_map(|b| b.iter()) {
                view.load(input, batch)?;
            }
        }
        Ok(view)
    }
}

fn is_stream(inputs: &[InputInfo], input: &InputRef) -> bool {
    inputs.iter().any(|i| i.followed && i.schema == input.schema && i.name == input.name)
}

/// Batches of every stream in turn, in proportion to their lengths, so that all end together.
fn interleaved(streams: &[(&InputRef, &Vec<RecordBatch>)], size: usize) -> Vec<(InputRef, RecordBatch)> {
    let mut all: Vec<(f64, usize, RecordBatch)> = Vec::new();
    for (at, (_, batches)) in streams.iter().enumerate() {
        let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let mut seen = 0;
        for piece in pieces(batches, size) {
            seen += piece.num_rows();
            all.push((seen as f64 / total.max(1) as f64, at, piece));
        }
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.into_iter().map(|(_, at, batch)| (streams[at].0.clone(), batch)).collect()
}

fn pieces(batches: &[RecordBatch], size: usize) -> impl Iterator<Item = RecordBatch> + '_ {
    let size = size.max(1);
    batches.iter().flat_map(move |b| (0..b.num_rows()).step_by(size).map(move |at| b.slice(at, size.min(b.num_rows() - at))))
}

fn decoded(batch: RecordBatch) -> Decoded {
    let rows = batch.num_rows();
    Decoded {
        split: "bench".into(),
        lines: (0..rows as u64).collect(),
        rejects: Vec::new(),
        rows_read: rows as u64,
        bytes_read: 0,
        nulled: vec![0; batch.num_columns()],
        text: Arc::new(NoText),
        batch,
    }
}

struct NoText;
impl RowText for NoText {
    fn text(&self, _: usize) -> String {
        String::new()
    }
    fn offset(&self, row: usize) -> u64 {
        row as u64
    }
}

fn nothing(view: &str) -> LiveTimed {
    LiveTimed {
        view: view.to_string(),
        rows: 0,
        result_rows: 0,
        seconds: Vec::new(),
        batch_micros_p50: 0,
        batch_micros_p99: 0,
        state_rows: 0,
        state_bytes: 0,
        late: 0,
        paced: None,
        failed: None,
    }
}

fn failed(view: &str, e: &Error) -> LiveTimed {
    LiveTimed { failed: Some(e.to_string()), ..nothing(view) }
}
