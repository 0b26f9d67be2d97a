//! What an aggregate must be able to do here, and which of them does it.

use super::{distinct::Distinct, foreign::Foreign, minmax, multiset::Multiset, own};
use crate::delta::no_nulls;
use crate::stateless::{evaluate, evaluate_predicate};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::{filter, not};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use std::sync::Arc;
use tidemill_core::Result;

/// One aggregate's values of all groups of a table. Groups are numbered from 0.
pub(crate) trait Accumulator: Send {
    /// Takes rows in: arguments, the group of each row, and how often it comes. `groups` is how many there are.
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()>;
    /// The values as they are now. What has never been updated is as of no rows.
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef>;
    /// The values before anything was updated since the last [`Accumulator::read`] of it: asked for before the update.
    fn read_before(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        self.read(ids)
    }
    /// Bytes kept, about.
    fn size(&self) -> usize;
    /// The state, in columns of one length of its own.
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>>;
    fn restore(&mut self, state: &[ArrayRef], groups: usize) -> Result<()>;
}

/// How an aggregate is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// A few numbers per group, of our own.
    Own(own::Kind),
    /// The least or the greatest, append-only.
    Extreme { least: bool },
    /// Every value and how often it is there: for what must be able to lose one.
    CountedExtreme { least: bool },
    /// As DataFusion does it, append-only.
    Foreign,
    /// Every row, and the aggregate computed over them when it is asked for.
    Recomputed,
}

/// An aggregate of a query.
pub(crate) struct Call {
    pub(crate) aggregate: Arc<AggregateFunctionExpr>,
    pub(crate) kept: Kept,
    /// Only the first of equal values counts.
    pub(crate) distinct: bool,
    /// Empty for `count(*)`.
    pub(crate) args: Vec<Arc<dyn PhysicalExpr>>,
    pub(crate) filter: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) order: Vec<PhysicalSortExpr>,
    /// Types of the arguments, those of the order with them.
    pub(crate) arg_fields: Vec<FieldRef>,
    pub(crate) returns: FieldRef,
    pub(crate) updating: bool,
}

/// What one batch has for a call.
pub(crate) struct Args {
    pub(crate) values: Vec<ArrayRef>,
    /// Which rows count, if not all.
    pub(crate) keep: Option<arrow::array::BooleanArray>,
}

impl Args {
    pub(crate) fn pick(&self, mut pick: impl FnMut(&ArrayRef) -> Result<ArrayRef>) -> Result<Args> {
        let values = self.values.iter().map(&mut pick).collect::<Result<Vec<_>>>()?;
        let keep = match &self.keep {
            Some(k) => Some(arrow::array::AsArray::as_boolean(&pick(&(Arc::new(k.clone()) as ArrayRef))?).clone()),
            None => None,
        };
        Ok(Args { values, keep })
    }
}

impl Call {
    pub(crate) fn fingerprint(&self) -> String {
        let args: Vec<String> = self.args.iter().map(ToString::to_string).collect();
        let order: Vec<String> = self.order.iter().map(ToString::to_string).collect();
        let filter = self.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} {:?} {} ({}) [{}] {{{}}}", self.aggregate.name(), self.kept, self.distinct, args.join(", "), order.join(", "), filter)
    }

    pub(crate) fn evaluate(&self, rows: &RecordBatch) -> Result<Args> {
        let values = self.args.iter().map(|a| evaluate(a, rows)).collect::<Result<Vec<_>>>()?;
        let keep = match &self.filter {
            Some(f) => Some(evaluate_predicate(f, rows)?),
            None => None,
        };
        Ok(Args { values, keep })
    }

    pub(crate) fn start(self: &Arc<Self>) -> Result<Box<dyn Accumulator>> {
        let inner: Box<dyn Accumulator> = match self.kept {
            Kept::Own(kind) => own::start(kind, &self.returns, self.arg_fields.first(), self.updating || self.distinct)?,
            Kept::Extreme { least } => minmax::start(least, &self.returns)?,
            Kept::CountedExtreme { least } => Box::new(Multiset::extreme(self, least)?),
            Kept::Foreign => Box::new(Foreign::new(Arc::clone(self))?),
            Kept::Recomputed => Box::new(Multiset::recomputed(self)?),
        };
        // What keeps all its rows, or DataFusion does, sees to it by itself.
        let by_values = self.distinct && matches!(self.kept, Kept::Own(_));
        Ok(if by_values { Box::new(Distinct::new(self, inner)?) } else { inner })
    }

    /// Updates an accumulator, leaving out the rows that its FILTER does.
    pub(crate) fn update(
        &self,
        accumulator: &mut dyn Accumulator,
        args: &Args,
        ids: &[usize],
        weights: Option<&Int64Array>,
        groups: usize,
    ) -> Result<()> {
        let Some(keep) = &args.keep else { return accumulator.update(&args.values, ids, weights, groups) };
        let keep = if no_nulls(keep) { keep.clone() } else { not(&not(&arrow::compute::prep_null_mask_filter(keep))?)? };
        let values = args.values.iter().map(|v| filter(v, &keep)).collect::<Result<Vec<_>, _>>()?;
        let kept: Vec<usize> = ids.iter().zip(keep.values()).filter_map(|(id, k)| k.then_some(*id)).collect();
        let weights = weights.map(|w| w.values().iter().zip(keep.values()).filter_map(|(w, k)| k.then_some(*w)).collect::<Int64Array>());
        accumulator.update(&values, &kept, weights.as_ref(), groups)
    }
}

/// Values of groups that there are not yet: what is read of no rows.
pub(crate) fn null_of(returns: &DataType, rows: usize) -> ArrayRef {
    arrow::array::new_null_array(returns, rows)
}
