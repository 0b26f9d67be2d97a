//! Groups and what is computed of each: GROUP BY, DISTINCT, and an aggregate of everything.
//!
//! Group expressions that are moments with a frontier (a window's start, `date_trunc('hour', ts)`) say when a group is over; there is one
//! [`table::Table`] for each of their values, dropped whole. `operator` finds the tables of a batch, `table` keeps groups and what changed in
//! them, `accumulator` says what an aggregate must be able to do, and the others do it: `own` (read in place), `minmax`, `distinct` and
//! `multiset` (values counted, so that they can be taken back), `foreign` (any of DataFusion's).

pub(crate) mod accumulator;
mod distinct;
mod floats;
mod foreign;
mod keys;
mod minmax;
mod multiset;
mod operator;
mod own;
pub(crate) mod table;

use crate::frontier::{Frontier, Through};
use crate::operator::{Operator, Stage};
use accumulator::Call;
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;
use tidemill_core::Result;

pub(crate) use minmax::is_known as is_extreme_known;
pub(crate) const COUNT: own::Kind = own::Kind::Count;

/// Which aggregate of our own is called so.
pub(crate) fn own_kind(
    name: &str,
    arg: Option<&arrow::datatypes::DataType>,
    returns: &arrow::datatypes::DataType,
    updating: bool,
) -> Option<own::Kind> {
    own::Kind::of(name, arg, returns, updating)
}

#[derive(Clone)]
pub(crate) struct Aggregate {
    /// Groups, then aggregates.
    pub(crate) schema: SchemaRef,
    pub(crate) groups: Vec<Arc<dyn PhysicalExpr>>,
    /// Per grouping set, which group expressions it leaves out, and the number that tells it from the others. Empty: there are no grouping sets.
    pub(crate) sets: Vec<(Vec<bool>, datafusion::common::ScalarValue)>,
    pub(crate) through: Vec<Option<Through>>,
    /// Groups that are moments with a frontier.
    pub(crate) times: Vec<usize>,
    pub(crate) keys: Vec<usize>,
    pub(crate) calls: Vec<Arc<Call>>,
    /// Rows may be taken back.
    pub(crate) updating: bool,
    /// Nothing is said of a group before it is over.
    pub(crate) hold: bool,
    /// Rows come straight from a source, and may be late.
    pub(crate) may_be_late: bool,
}

impl Aggregate {
    pub(crate) fn is_global(&self) -> bool {
        self.groups.is_empty()
    }

    pub(crate) fn width(&self) -> usize {
        self.groups.len() + usize::from(!self.sets.is_empty())
    }
}

impl Stage for Aggregate {
    fn name(&self) -> String {
        let groups: Vec<&str> = self.schema.fields().iter().take(self.width()).map(|f| f.name().as_str()).collect();
        match (groups.as_slice(), self.calls.as_slice()) {
            ([], _) => "aggregate of all rows".into(),
            (groups, []) => format!("distinct {}", groups.join(", ")),
            (groups, _) => format!("aggregate by {}", groups.join(", ")),
        }
    }

    fn fingerprint(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        let calls: Vec<String> = self.calls.iter().map(|c| c.fingerprint()).collect();
        format!(
            "{} by [{}] sets {:?} times {:?} of [{}] as {:?} updating {} hold {}",
            self.name(),
            groups.join(", "),
            self.sets,
            self.times,
            calls.join(", "),
            self.schema,
            self.updating,
            self.hold
        )
    }

    fn keeps(&self) -> Option<String> {
        Some(match (self.is_global(), self.times.is_empty()) {
            (true, _) => "one row".into(),
            (false, true) => "a row per group".into(),
            (false, false) => "a row per group of each window that is not over".into(),
        })
    }

    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        let mut all: Frontier = self.through.iter().map(|t| t.as_ref().map_or(Ok(None), |t| t.apply(&inputs[0]))).collect::<Result<_>>()?;
        all.resize(self.schema.fields().len(), None);
        Ok(all)
    }

    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(operator::Groups::new(Arc::new(self.clone()))?))
    }
}
