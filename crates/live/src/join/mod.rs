//! Joins: both sides kept by key, and a change on one side joined with what the other has. A side is kept only if the other can still change; what
//! no row still to come can meet is forgotten, which bounds in time in the join's condition decide.

mod operator;
mod side;

use crate::frontier::{Frontier, micros_of, moment, native};
use crate::operator::{Operator, Stage};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;
use tidemill_core::Result;

/// What a side's rows become when they meet nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alone {
    /// Nothing: they are given only with those that they meet.
    Nothing,
    /// Given with NULLs on the other side.
    WithNulls,
}

/// What a join gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// Pairs, and by side rows that meet nothing.
    Pairs { left: Alone, right: Alone },
    /// Rows of one side that meet something.
    Semi { side: usize },
    /// Rows of one side that meet nothing.
    Anti { side: usize },
    /// Rows of one side, and whether they meet something.
    Mark { side: usize },
}

impl Gives {
    /// Whether rows of this side must know how many they meet.
    fn counts(self, of: usize) -> bool {
        match self {
            Gives::Pairs { left, right } => [left, right][of] == Alone::WithNulls,
            Gives::Semi { side } | Gives::Anti { side } | Gives::Mark { side } => side == of,
        }
    }
}

/// `column of one side ≥ column of the other + shift`, in microseconds: rows of the first side are met by nothing any more when they lie before the
/// other's frontier and the shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) side: usize,
    pub(crate) column: usize,
    pub(crate) other: usize,
    pub(crate) shift: i64,
}

#[derive(Clone)]
pub(crate) struct Join {
    pub(crate) inputs: [SchemaRef; 2],
    pub(crate) schema: SchemaRef,
    /// Columns of both sides, for the filter.
    pub(crate) pair: SchemaRef,
    pub(crate) keys: [Vec<Arc<dyn PhysicalExpr>>; 2],
    pub(crate) null_meets_null: bool,
    pub(crate) filter: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) gives: Gives,
    pub(crate) bounds: Vec<Bound>,
    /// Which sides are kept: those whose other side can change.
    pub(crate) kept: [bool; 2],
    /// Which sides' rows may be taken back.
    pub(crate) updating: [bool; 2],
    /// Which sides' rows may come late.
    pub(crate) may_be_late: [bool; 2],
}

impl Join {
    /// Of a side's column, the least moment among rows that can still be met, by the other's frontier.
    fn least(&self, bound: &Bound, inputs: &[Frontier]) -> Option<i64> {
        let other = self.inputs[1 - bound.side].field(bound.other).data_type();
        let of = self.inputs[bound.side].field(bound.column).data_type();
        let reached = native(inputs[1 - bound.side][bound.other].as_ref()?)?;
        moment(micros_of(reached, other).saturating_add(bound.shift), of).as_ref().and_then(native)
    }

    /// The bound by which a side is pruned: the first there is.
    fn pruned_by(&self, side: usize) -> Option<&Bound> {
        self.bounds.iter().find(|b| b.side == side)
    }
}

impl Stage for Join {
    fn name(&self) -> String {
        let keys: Vec<String> = self.keys[0].iter().zip(&self.keys[1]).map(|(l, r)| format!("{l} = {r}")).collect();
        let how = match self.gives {
            Gives::Pairs { left: Alone::Nothing, right: Alone::Nothing } => "join",
            Gives::Pairs { left: Alone::WithNulls, right: Alone::Nothing } => "left join",
            Gives::Pairs { left: Alone::Nothing, right: Alone::WithNulls } => "right join",
            Gives::Pairs { .. } => "full join",
            Gives::Semi { .. } => "semi join",
            Gives::Anti { .. } => "anti join",
            Gives::Mark { .. } => "mark join",
        };
        format!("{how} on {}", keys.join(" and "))
    }

    fn fingerprint(&self) -> String {
        let filter = self.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} if {filter} {:?} {:?} {:?} {} {:?}", self.name(), self.gives, self.bounds, self.kept, self.null_meets_null, self.schema)
    }

    fn keeps(&self) -> Option<String> {
        let how = |side: usize| if self.pruned_by(side).is_some() { "rows within the bound" } else { "all rows" };
        match self.kept {
            [true, true] => Some(format!("{} of the left side, {} of the right", how(0), how(1))),
            [true, false] => Some(format!("{} of the left side", how(0))),
            [false, true] => Some(format!("{} of the right side", how(1))),
            [false, false] => None,
        }
    }

    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        // Old rows of a side still meet new ones of the other: only those that a bound keeps near.
        let of = |side: usize| -> Frontier {
            (0..self.inputs[side].fields().len())
                .map(|column| {
                    let own = inputs[side][column].as_ref().and_then(native);
                    let own = own?;
                    let of = self.inputs[side].field(column).data_type();
                    if !self.kept[side] {
                        return inputs[side][column].clone();
                    }
                    let kept =
                        self.bounds.iter().filter(|b| b.side == side && b.column == column).filter_map(|b| self.least(b, inputs)).max()?;
                    moment(micros_of(own.min(kept), of), of)
                })
                .collect()
        };
        let mut all = match self.gives {
            Gives::Pairs { .. } => [of(0), of(1)].concat(),
            Gives::Semi { side } | Gives::Anti { side } | Gives::Mark { side } => of(side),
        };
        all.resize(self.schema.fields().len(), None);
        Ok(all)
    }

    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(operator::Joined::new(Arc::new(self.clone()))?))
    }
}
