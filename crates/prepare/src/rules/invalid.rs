//! `invalid`: cells of rows for which a condition is true become missing.

use crate::cells::{nulled, present};
use crate::expr::{Bound, Expr};
use crate::measure::{Aggregates, Measured, measured};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::Scope;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::ScalarValue;
use tidemill_project::spec::{Columns, Sql};

pub(super) fn compile(scope: &mut Scope, columns: &Columns, condition: &Sql) {
    let columns = scope.all(columns, "a column", |_| true);
    let Some((expr, slots)) = scope.expr(condition, true) else { return };
    let expr = Arc::new(expr);
    for c in columns {
        // The condition sees the columns as they were before this rule, whichever it clears first.
        let mut inputs = vec![c.slot];
        inputs.extend(&slots);
        let out = scope.next(&c, c.data_type.clone());
        let node = scope.push_row(&c.name, inputs, out, Some(c.slot), Invalid(expr.clone()));
        if !expr.row.aggregates.is_empty() {
            let measure = Aggregates { aggregates: expr.row.aggregates.clone(), schema: expr.schema.clone() };
            node.measure(measure, (1..=slots.len()).collect());
        }
    }
}

struct Invalid(Arc<Expr>);

impl RowRule for Invalid {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(self.0.row.aggregates.is_empty().then_some(Value::Null))
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        self.0.values_json(measured::<Vec<ScalarValue>>(all, 0)?)
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(Clear(self.0.bind(&self.0.json_values(fitted)?)?)))
    }
}

struct Clear(Bound);

impl Op for Clear {
    fn run(&self, input: &Input) -> Result<Output> {
        let mask = &self.0.holds(&input.arrays[1..], input.rows)? & &present(input.arrays[0].as_ref());
        Ok(if mask.has_true() { Output::Changed(nulled(&input.arrays[0], &mask)?, mask) } else { Output::Same })
    }
}
