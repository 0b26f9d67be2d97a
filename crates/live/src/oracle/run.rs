//! One run of a live view over logs, as a process that is killed now and then would have it.

use super::Case;
use super::compare::{difference, rows};
use super::logs::{Logs, Rng, standing};
use crate::compiled::{Compiled, InputRef};
use crate::delta::indices;
use crate::view::LiveView;
use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use std::collections::HashMap;
use std::sync::Arc;
use tidemill_engine::{Engine, EngineOptions};
use tidemill_project::spec::Emit;

/// The clock at the start, in 2030: after all that the logs tell of.
const NOW: i64 = 1_900_000_000_000_000;

/// One split of one input: its rows in the order in which they come.
struct Stream {
    input: InputRef,
    split: String,
    rows: Vec<usize>,
}

/// What readers of the view have.
#[derive(Clone, Default)]
struct Published {
    settled: Vec<RecordBatch>,
    /// Every change that was told, summed by row as shown.
    sums: HashMap<String, i64>,
}

struct Point {
    bytes: Vec<u8>,
    at: Vec<usize>,
    published: Published,
}

pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub(super) fn ends_where_batch_does(case: &Case, logs: &Logs, splits: usize, rng: &mut Rng) -> Result<(), String> {
    let session = logs.session(&logs.everything());
    let told = |p: Vec<tidemill_engine::SqlProblem>| {
        p.iter().map(|p| format!("{} ({})", p.message, p.help.clone().unwrap_or_default())).collect::<Vec<_>>().join("; ")
    };
    let compiled = Compiled::new(&case.name, &case.sql, &case.settings, &session, &logs.infos());
    let plan = || session.live_plan(&case.sql).map_or_else(told, |p| p.display_indent().to_string());
    let compiled = compiled.map_err(|p| format!("{}\n{}", told(p), plan()))?;
    let mut run = Run::new(case, logs, compiled, splits, rng)?;
    run.all(rng).map_err(|e| e.to_string())
}

struct Run<'a> {
    case: &'a Case,
    logs: &'a Logs,
    compiled: Compiled,
    engine: Engine,
    view: LiveView,
    streams: Vec<Stream>,
    /// How far each stream has been applied.
    at: Vec<usize>,
    published: Published,
    now: i64,
}

type Outcome = Result<(), String>;

fn say(e: tidemill_core::Error) -> String {
    format!("{} {:?} {:?}", e, e.help, e.causes())
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, logs: &'a Logs, compiled: Compiled, splits: usize, rng: &mut Rng) -> Result<Self, String> {
        let mut streams = Vec::new();
        for input in compiled.inputs().iter().filter(|i| logs.of(i).followed) {
            let log = logs.of(input);
            let splits = if log.weights.is_some() { 1 } else { splits };
            for split in 0..splits {
                let mut rows: Vec<usize> = (0..log.rows.num_rows()).filter(|r| splits == 1 || (r * 7 + r / 3) % splits == split).collect();
                if log.weights.is_none() {
                    let times =
                        log.event_time.map(|c| log.rows.column_by_name(c).unwrap().as_primitive::<TimestampMicrosecondType>().clone());
                    // Out of order, never by more than the lateness.
                    let late = case.settings.lateness_micros.max(0) as usize;
                    let comes: HashMap<usize, i64> = rows
                        .iter()
                        .map(|r| {
                            (
                                *r,
                                times.as_ref().map_or(0, |t| if t.is_valid(*r) { t.value(*r) } else { i64::MIN / 2 })
                                    + rng.below(late + 1) as i64,
                            )
                        })
                        .collect();
                    rows.sort_by_key(|r| comes[r]);
                }
                streams.push(Stream { input: input.clone(), split: format!("{}/{split}", input.name), rows });
            }
        }
        let engine = Engine::new(EngineOptions { threads: 1, ..EngineOptions::default() }).unwrap();
        let view = compiled.start(engine.memory()).map_err(say)?;
        let at = vec![0; streams.len()];
        Ok(Run { case, logs, compiled, engine, view, streams, at, published: Published::default(), now: NOW })
    }

    fn all(&mut self, rng: &mut Rng) -> Outcome {
        self.begin(rng)?;
        let total: usize = self.streams.iter().map(|s| s.rows.len()).sum();
        let mut points: Vec<Point> = Vec::new();
        let most = [1, 7, 40, 200][rng.below(4)];
        let (mut saves, mut kills) = (0, 0);
        loop {
            let left: Vec<usize> = (0..self.streams.len()).filter(|s| self.at[*s] < self.streams[*s].rows.len()).collect();
            if left.is_empty() {
                break;
            }
            // A step that is a quarter of all rows or more would leave out a checkpoint.
            self.step(left[rng.below(left.len())], (1 + rng.below(most)).min(total.div_ceil(5)), rng)?;
            let done: usize = self.at.iter().sum();
            if saves < 3 && done * 4 >= total * (saves + 1) {
                saves += 1;
                points.push(self.save(rng)?);
            } else if kills < saves && rng.one_in(6) {
                kills += 1;
                self.kill(points.last().unwrap())?;
            }
        }
        self.publish()?;
        self.same("in the end")?;
        if self.view.stats().late != 0 {
            return Err(format!("{} rows came late", self.view.stats().late));
        }
        if saves != 3 {
            return Err(format!("{saves} checkpoints"));
        }
        Ok(())
    }

    /// Tables first; then, sometimes, history.
    fn begin(&mut self, rng: &mut Rng) -> Outcome {
        for input in self.compiled.inputs().to_vec() {
            let log = self.logs.of(&input);
            if !log.followed {
                self.view.load(&input, &log.rows).map_err(say)?;
            }
        }
        for stream in &self.streams {
            self.view.expect_split(&stream.input, &stream.split, self.now).map_err(say)?;
        }
        if rng.one_in(3) {
            for s in 0..self.streams.len() {
                let stream = &self.streams[s];
                let log = self.logs.of(&stream.input);
                if log.weights.is_some() {
                    continue;
                }
                let upto = rng.below(stream.rows.len() / 3);
                let rows = take_record_batch(&log.rows, &indices(stream.rows[..upto].iter().copied())).unwrap();
                let files = Arc::new(arrow::array::StringArray::from(vec![stream.split.as_str(); upto]));
                let mut columns: Vec<(String, arrow::array::ArrayRef)> =
                    rows.schema().fields().iter().map(|f| f.name().clone()).zip(rows.columns().iter().cloned()).collect();
                columns.push(("_file".into(), files));
                let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
                self.view.load(&stream.input.clone(), &rows).map_err(say)?;
                self.at[s] = upto;
            }
        }
        Ok(())
    }

    fn step(&mut self, s: usize, rows: usize, rng: &mut Rng) -> Outcome {
        let stream = &self.streams[s];
        let log = self.logs.of(&stream.input);
        let end = (self.at[s] + rows).min(stream.rows.len());
        let picked = &stream.rows[self.at[s]..end];
        let batch = take_record_batch(&log.rows, &indices(picked.iter().copied())).unwrap();
        let weights: Option<Int64Array> = log.weights.as_ref().map(|w| picked.iter().map(|r| w[*r]).collect());
        self.now += 1_000;
        self.view.apply(&stream.input, &stream.split, &batch, weights.as_ref(), self.now).map_err(say)?;
        self.at[s] = end;
        match rng.below(8) {
            0 => self.publish(),
            1 => self.view.open_rows().map(drop).map_err(say),
            2 => self.view.tick(self.now).map_err(say),
            _ => Ok(()),
        }
    }

    fn publish(&mut self) -> Outcome {
        for delta in self.view.take_changes().map_err(say)? {
            let shown = rows(std::slice::from_ref(&delta.rows));
            for (at, row) in shown.iter().enumerate() {
                let sum = self.published.sums.entry(format!("{row:?}")).or_default();
                *sum += delta.weight(at);
            }
            self.published.sums.retain(|_, sum| *sum != 0);
        }
        self.published.settled.extend(self.view.take_settled().map_err(say)?);
        Ok(())
    }

    fn save(&mut self, _: &mut Rng) -> Result<Point, String> {
        self.publish()?;
        if self.case.settings.emit == Emit::Changes {
            self.same("at a checkpoint")?;
        }
        let bytes = self.view.save().map_err(say)?;
        Ok(Point { bytes, at: self.at.clone(), published: self.published.clone() })
    }

    fn kill(&mut self, point: &Point) -> Outcome {
        self.view = self.compiled.start(self.engine.memory()).map_err(say)?;
        let restored = self.view.restore(&point.bytes).map_err(say)?;
        if !restored.is_whole() {
            return Err(format!("rebuilt: {restored:?}"));
        }
        self.at.clone_from(&point.at);
        self.published = point.published.clone();
        Ok(())
    }

    /// Settled and open rows, and the changes told, against the batch engine over the rows taken in.
    fn same(&mut self, when: &str) -> Outcome {
        let mut live = rows(&self.published.settled);
        live.extend(rows(&self.view.open_rows().map_err(say)?));
        let mut tables = Vec::new();
        for log in &self.logs.all {
            let mine: Vec<(usize, &Stream)> = self.streams.iter().enumerate().filter(|(_, s)| s.input.name == log.name).collect();
            let table = match mine.as_slice() {
                [] => standing(log, log.rows.num_rows()),
                [(s, _)] if log.weights.is_some() => standing(log, self.at[*s]),
                some => {
                    let parts: Vec<RecordBatch> = some
                        .iter()
                        .map(|(s, stream)| take_record_batch(&log.rows, &indices(stream.rows[..self.at[*s]].iter().copied())).unwrap())
                        .collect();
                    concat_batches(&log.rows.schema(), &parts).unwrap()
                }
            };
            tables.push((log.name, table));
        }
        let session = self.logs.session(&tables);
        let sql = match (&self.case.closed, self.view.stats().watermark) {
            (Some(_), None) => format!("SELECT * FROM ({}) WHERE false", self.case.sql),
            (Some(closed), Some(mark)) => {
                let closed = closed.replace("{W}", &format!("to_timestamp_micros({mark})"));
                format!("SELECT * FROM ({}) WHERE {closed}", self.case.sql)
            }
            (None, _) => self.case.sql.clone(),
        };
        let batch = block_on(session.collect(&sql, None)).map_err(say)?;
        let wanted = rows(&batch.batches);
        if wanted.is_empty() && when == "in the end" && self.case.name != "no_rows" {
            return Err("the batch result has no rows: this shows nothing".into());
        }
        // What was told sums up to what is there.
        let mut sums = self.published.sums.clone();
        for row in &live {
            *sums.entry(format!("{row:?}")).or_default() -= 1;
        }
        sums.retain(|_, sum| *sum != 0);
        if let Some(different) = difference(live, wanted) {
            return Err(format!(
                "{when}: {different}\n  operators {:#?}",
                self.compiled.operators().iter().map(|o| &o.name).collect::<Vec<_>>()
            ));
        }
        if !sums.is_empty() {
            return Err(format!("{when}: changes do not sum up to the result: {:?}", sums.iter().take(4).collect::<Vec<_>>()));
        }
        Ok(())
    }
}
