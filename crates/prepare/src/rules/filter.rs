//! `filter`: keeps rows for which a condition is true.

use crate::expr::{Bound, Expr};
use crate::measure::{Aggregates, Measured, measured};
use crate::program::{Act, Input, Op, Output, Removal, RowRule};
use crate::scope::Scope;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::ScalarValue;
use tidemill_project::spec::Sql;

pub(super) fn compile(scope: &mut Scope, condition: &Sql) {
    let Some((expr, slots)) = scope.expr(condition, true) else { return };
    let aggregates = expr.row.aggregates.clone();
    let schema = expr.schema.clone();
    let places = (0..slots.len()).collect();
    let node = scope.push(None, slots, Vec::new(), None, Some(Removal::Filtered), Act::Row(Box::new(Filter(expr))));
    if !aggregates.is_empty() {
        node.measure(Aggregates { aggregates, schema }, places);
    }
}

struct Filter(Expr);

impl RowRule for Filter {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(self.0.row.aggregates.is_empty().then_some(Value::Null))
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        self.0.values_json(measured::<Vec<ScalarValue>>(all, 0)?)
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(KeepWhere(self.0.bind(&self.0.json_values(fitted)?)?)))
    }
}

struct KeepWhere(Bound);

impl Op for KeepWhere {
    fn run(&self, input: &Input) -> Result<Output> {
        Ok(Output::Keep(self.0.holds(input.arrays, input.rows)?))
    }
}
