//! Functions that go on from row to row in the order of time: running sums, row numbers, detectors. Of rows that can't change any more only what
//! the function made of them is kept, a few numbers, and the rows themselves go.

use crate::stateless::evaluate;
use arrow::array::{Array, ArrayRef, RecordBatch, UInt64Array, new_empty_array};
use arrow::compute::{concat, partition};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Accumulator, WindowFrameUnits};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, WindowExpr};
use std::ops::Range;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::anomaly::{NAMES, Scorer};
use tidemill_engine::failure;

/// A function that goes on.
#[derive(Clone)]
pub(crate) struct Running {
    window: Arc<dyn WindowExpr>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    RowNumber,
    Rank,
    DenseRank,
    Aggregate,
    Detector { name: String, constants: Vec<Option<ScalarValue>> },
}

/// Where it stands behind some row.
enum State {
    Count(u64),
    Aggregate(Box<dyn Accumulator>),
    Detector(Scorer),
}

impl Running {
    /// `None`: it is none of those.
    pub(crate) fn new(name: &str, filtered: bool, window: &Arc<dyn WindowExpr>) -> Option<Running> {
        let kind = match name {
            "row_number" => Kind::RowNumber,
            "rank" => Kind::Rank,
            "dense_rank" => Kind::DenseRank,
            name if NAMES.contains(&name) => {
                let constant =
                    |e: &Arc<dyn datafusion::physical_expr::PhysicalExpr>| e.downcast_ref::<Literal>().map(|l| l.value().clone());
                Kind::Detector { name: name.to_string(), constants: window.expressions().iter().map(constant).collect() }
            }
            _ => {
                window.as_any().downcast_ref::<PlainAggregateWindowExpr>()?;
                let frame = window.get_window_frame();
                let from_the_first =
                    frame.start_bound.is_unbounded() && matches!(frame.units, WindowFrameUnits::Rows | WindowFrameUnits::Range);
                let to_here = matches!(frame.end_bound, datafusion::logical_expr::WindowFrameBound::CurrentRow);
                if filtered || !from_the_first || !to_here {
                    return None;
                }
                Kind::Aggregate
            }
        };
        Some(Running { window: Arc::clone(window), kind })
    }

    fn start(&self, saved: Option<&[u8]>) -> Result<State> {
        Ok(match &self.kind {
            Kind::RowNumber | Kind::Rank | Kind::DenseRank => {
                State::Count(saved.and_then(|s| s.first_chunk::<8>()).map_or(0, |s| u64::from_le_bytes(*s)))
            }
            Kind::Aggregate => {
                let plain = self.window.as_any().downcast_ref::<PlainAggregateWindowExpr>();
                let plain = plain.ok_or_else(|| Error::bug("a running aggregate that is none"))?;
                let mut accumulator = plain.get_aggregate_expr().create_accumulator().map_err(failure)?;
                if let Some(saved) = saved {
                    for state in StreamReader::try_new(saved, None)? {
                        accumulator.merge_batch(state?.columns()).map_err(failure)?;
                    }
                }
                State::Aggregate(accumulator)
            }
            Kind::Detector { name, constants } => {
                let mut scorer = Scorer::new(name, constants).ok_or_else(|| Error::bug(format!("`{name}` is no detector")))??;
                if let Some(saved) = saved {
                    scorer.load(saved)?;
                }
                State::Detector(scorer)
            }
        })
    }

    fn save(state: State) -> Result<Box<[u8]>> {
        Ok(match state {
            State::Count(count) => Box::from(count.to_le_bytes()),
            State::Aggregate(mut accumulator) => {
                let values = accumulator.state().map_err(failure)?;
                let columns = values.iter().map(|v| v.to_array().map_err(failure)).collect::<Result<Vec<_>>>()?;
                let rows = crate::state::numbered(columns)?;
                let mut stream = StreamWriter::try_new(Vec::new(), rows.schema_ref())?;
                stream.write(&rows)?;
                stream.finish()?;
                stream.into_inner()?.into_boxed_slice()
            }
            State::Detector(scorer) => scorer.save().into_boxed_slice(),
        })
    }

    /// What it says of rows, in order, behind those that made `saved`; and where it stands behind the first `settled` of them.
    pub(super) fn over(&self, saved: Option<&[u8]>, rows: &RecordBatch, settled: usize) -> Result<(ArrayRef, Option<Box<[u8]>>)> {
        let mut state = self.start(saved)?;
        if settled == 0 {
            return Ok((self.step(&mut state, rows)?, None));
        }
        let first = self.step(&mut state, &rows.slice(0, settled))?;
        let saved = Self::save(state)?;
        if settled == rows.num_rows() {
            return Ok((first, Some(saved)));
        }
        let mut state = self.start(Some(&saved))?;
        let rest = self.step(&mut state, &rows.slice(settled, rows.num_rows() - settled))?;
        Ok((concat(&[first.as_ref(), rest.as_ref()])?, Some(saved)))
    }

    fn step(&self, state: &mut State, rows: &RecordBatch) -> Result<ArrayRef> {
        match state {
            State::Count(count) => {
                let mut said: Vec<u64> = Vec::with_capacity(rows.num_rows());
                match self.kind {
                    Kind::RowNumber => {
                        said.extend((0..rows.num_rows() as u64).map(|i| *count + i + 1));
                        *count += rows.num_rows() as u64;
                    }
                    _ => {
                        for peers in self.peers(rows)? {
                            said.extend(std::iter::repeat_n(*count + 1, peers.len()));
                            *count += if let Kind::Rank = self.kind { peers.len() as u64 } else { 1 };
                        }
                    }
                }
                Ok(Arc::new(UInt64Array::from(said)))
            }
            State::Detector(scorer) => {
                let args = self.window.evaluate_args(rows).map_err(failure)?;
                Ok(Arc::new(scorer.score(&args)?))
            }
            State::Aggregate(accumulator) => {
                let args = self.window.evaluate_args(rows).map_err(failure)?;
                let field = self.window.field().map_err(failure)?;
                let mut said: Vec<ArrayRef> = vec![new_empty_array(field.data_type())];
                for peers in self.peers(rows)? {
                    let some: Vec<ArrayRef> = args.iter().map(|a| a.slice(peers.start, peers.len())).collect();
                    accumulator.update_batch(&some).map_err(failure)?;
                    said.push(accumulator.evaluate().and_then(|v| v.to_array_of_size(peers.len())).map_err(failure)?);
                }
                Ok(concat(&said.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?)
            }
        }
    }

    /// Rows that are looked at together: equal ones by the order, or each by itself.
    fn peers(&self, rows: &RecordBatch) -> Result<Vec<Range<usize>>> {
        let each = matches!(self.kind, Kind::Aggregate) && self.window.get_window_frame().units == WindowFrameUnits::Rows;
        let by: Vec<ArrayRef> = self.window.order_by().iter().map(|o| evaluate(&o.expr, rows)).collect::<Result<_>>()?;
        if each || by.is_empty() {
            return Ok((0..rows.num_rows()).map(|i| i..i + 1).collect());
        }
        Ok(partition(&by)?.ranges())
    }
}
