//! What looks at other rows of the same partition: window functions, top-N, sessions, the first of each key.
//!
//! Right by construction: the rows of a partition are kept, a partition that was touched is computed again with the batch engine's own functions,
//! and what is told is the difference. What bounds the rows kept is known from the functions ([`reach`]) and from time: a partition that is over
//! goes; a row that no row still to come can change is frozen, and goes when none that can change looks at it; of a top-N only the first stay,
//! and where it is one of `row_number()` nothing is computed again at all ([`first`]).

mod first;
mod operator;
mod partition;
pub(crate) mod reach;
pub(crate) mod running;

use crate::delta::Delta;
use crate::frontier::{Frontier, Through, UNKNOWN, micros_of, moment, moments, native};
use crate::operator::{Cx, Operator, Stage};
use crate::rows::{Bytes, RowCodec};
use crate::stateless::evaluate;
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use reach::{Ahead, Back};
use running::Running;
use std::sync::Arc;
use tidemill_core::Result;

#[derive(Clone)]
pub(crate) struct Over {
    pub(crate) input: SchemaRef,
    /// The input's columns, then one per window function.
    pub(crate) schema: SchemaRef,
    pub(crate) windows: Vec<Arc<dyn WindowExpr>>,
    pub(crate) partition: Vec<Arc<dyn PhysicalExpr>>,
    /// How each partition expression comes from a moment, if it does.
    pub(crate) through: Vec<Option<Through>>,
    pub(crate) order: Vec<PhysicalSortExpr>,
    /// The input's column that orders rows by time, earliest first, if it does and has a frontier.
    pub(crate) time: Option<usize>,
    pub(crate) back: Back,
    pub(crate) ahead: Ahead,
    /// The session's length in microseconds, where that is the one function.
    pub(crate) session: Option<i64>,
    /// Only rows matter for which this window function gives at most so much.
    pub(crate) top: Option<(usize, u64)>,
    /// The first function numbers rows from 1 on, each by itself.
    pub(crate) is_row_number: bool,
    /// All functions go on from row to row in the order of time, so that settled rows need not be kept.
    pub(crate) running: Option<Vec<Running>>,
    pub(crate) hold: bool,
    pub(crate) may_be_late: bool,
}

/// The partitions whose time is over: those before the least moment that is open.
fn past<'a>(codec: &RowCodec, all: impl Iterator<Item = &'a Bytes>, open_from: &[Option<i64>]) -> Result<Vec<Bytes>> {
    if open_from.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let all: Vec<&Bytes> = all.collect();
    let keys = codec.decode(all.iter().map(|key| key.as_ref()))?;
    let mut over = vec![false; all.len()];
    for (key, from) in keys.columns().iter().zip(open_from) {
        let Some(from) = from else { continue };
        let moments = moments(key)?;
        over.iter_mut().enumerate().for_each(|(at, o)| *o |= moments.is_valid(at) && moments.value(at) < *from);
    }
    Ok(all.into_iter().zip(over).filter(|(_, over)| *over).map(|(key, _)| key.clone()).collect())
}

impl Over {
    /// Bytes of what rows are partitioned by.
    fn key_codec(&self) -> Result<RowCodec> {
        let field = |(at, p): (usize, &Arc<dyn PhysicalExpr>)| {
            Ok(Field::new(at.to_string(), p.data_type(&self.input).map_err(tidemill_engine::failure)?, true))
        };
        let fields = self.partition.iter().enumerate().map(field).collect::<Result<Vec<_>>>()?;
        RowCodec::new(Arc::new(Schema::new(fields)))
    }

    /// Per partition expression, the least moment that is not over.
    fn partitions_from(&self, input: &Frontier) -> Result<Vec<Option<i64>>> {
        self.through.iter().map(|t| Ok(t.as_ref().map_or(Ok(None), |t| t.apply(input))?.as_ref().and_then(native))).collect()
    }

    /// Rows before this moment come after their time: what looks ahead is not frozen yet, and is changed by no row before the frontier all the
    /// same.
    fn on_time_from(&self, input: &Frontier) -> Option<i64> {
        self.frozen_before(input).and(self.time).and_then(|c| input[c].as_ref()).and_then(native)
    }

    /// The rows that come in time, with what they are partitioned by; the others are counted.
    fn on_time(&self, delta: Delta, open_from: &[Option<i64>], from: Option<i64>, cx: &mut Cx) -> Result<(Delta, Vec<ArrayRef>)> {
        let keys_of = |rows: &RecordBatch| self.partition.iter().map(|p| evaluate(p, rows)).collect::<Result<Vec<_>>>();
        let keys = keys_of(&delta.rows)?;
        if !self.may_be_late {
            return Ok((delta, keys));
        }
        let mut late = vec![false; delta.len()];
        let mut mark = |column: &ArrayRef, least: i64| -> Result<()> {
            let moments = moments(column)?;
            late.iter_mut().enumerate().for_each(|(row, l)| *l |= moments.is_valid(row) && moments.value(row) < least);
            Ok(())
        };
        for (key, from) in keys.iter().zip(open_from) {
            if let Some(from) = from {
                mark(key, *from)?;
            }
        }
        if let (Some(column), Some(least)) = (self.time, from) {
            mark(delta.rows.column(column), least)?;
        }
        if !late.contains(&true) {
            return Ok((delta, keys));
        }
        let late = BooleanArray::from(late);
        cx.leave_out(delta.origin.as_ref(), (0..late.len()).filter(|row| late.value(*row)));
        let delta = delta.filter(&arrow::compute::not(&late)?)?;
        let keys = keys_of(&delta.rows)?;
        Ok((delta, keys))
    }

    /// Rows before this moment, in the time column's unit, can't change any more.
    fn frozen_before(&self, input: &Frontier) -> Option<i64> {
        let column = self.time?;
        let least = native(input[column].as_ref()?)?;
        let of = self.input.field(column).data_type();
        match self.ahead {
            Ahead::Nothing => Some(least),
            Ahead::Micros(ahead) => native(&moment(micros_of(least, of).saturating_sub(ahead), of)?),
            Ahead::Anything => None,
        }
    }
}

impl Stage for Over {
    fn name(&self) -> String {
        let windows: Vec<&str> = self.windows.iter().map(|w| w.name()).collect();
        match self.top {
            Some((_, most)) => format!("top {most} by {}", windows.join(", ")),
            None => format!("over {}", windows.join(", ")),
        }
    }

    fn fingerprint(&self) -> String {
        format!(
            "{} of {:?} partition {:?} order {:?} {:?} {:?} {:?} {:?} running {} hold {}",
            self.windows.iter().map(|w| w.name().to_string()).collect::<Vec<_>>().join(", "),
            self.input,
            self.partition.iter().map(ToString::to_string).collect::<Vec<_>>(),
            self.order.iter().map(ToString::to_string).collect::<Vec<_>>(),
            self.back,
            self.ahead,
            self.session,
            self.top,
            self.running.is_some(),
            self.hold
        )
    }

    fn keeps(&self) -> Option<String> {
        Some(match (&self.top, self.session, self.time.is_some() && self.back != Back::Everything) {
            (Some((_, most)), ..) => format!("the first {most} rows of each partition"),
            (_, Some(_), _) => "rows of sessions that are not over".into(),
            _ if self.running.is_some() => "where the functions stand in each partition, and rows that may change".into(),
            (_, _, true) => "rows that others still look back at".into(),
            _ if self.through.iter().any(Option::is_some) => "rows of partitions that are not over".into(),
            _ => "all rows".into(),
        })
    }

    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        let input = &inputs[0];
        let mut all: Frontier = vec![None; self.schema.fields().len()];
        // Whatever a row changes is in its own partition.
        for through in self.through.iter().flatten() {
            if let Through::Same(column) = through {
                all[*column] = input[*column].clone();
            }
        }
        if let (Some(column), Some(frozen), None) = (self.time, self.frozen_before(input), self.session) {
            let of = self.input.field(column).data_type();
            all[column] = moment(micros_of(frozen, of), of);
        }
        if let (Some(_), Some(column)) = (self.session, self.time)
            && let Some(value) = &input[column]
            && let Some(DataType::Struct(fields)) = self.schema.fields().last().map(|f| f.data_type())
        {
            // A session that is not over ends at the frontier or after it; where it began is not known.
            let start: ArrayRef = arrow::compute::cast(&arrow::array::Int64Array::from(vec![UNKNOWN]), fields[0].data_type())?;
            let end: ArrayRef = arrow::compute::cast(&value.to_array().map_err(tidemill_engine::failure)?, fields[1].data_type())?;
            let made = StructArray::try_new(fields.clone(), vec![start, end], None)?;
            if let Some(last) = all.last_mut() {
                *last = Some(ScalarValue::Struct(Arc::new(made)));
            }
        }
        Ok(all)
    }

    fn start(&self) -> Result<Box<dyn Operator>> {
        let spec = Arc::new(self.clone());
        match first::First::new(&spec)? {
            Some(first) => Ok(Box::new(first)),
            None => Ok(Box::new(operator::Partitions::new(spec)?)),
        }
    }
}
