//! `derive`: a column from a SQL expression, with fitted values where it has aggregates.

use crate::cells::cast_loosely;
use crate::expr::{Bound, Expr};
use crate::measure::{Aggregates, Measured, measured};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::{Scope, Taken};
use arrow::datatypes::DataType;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Result, Spanned, codes, name};
use tidemill_engine::{ScalarValue, type_name};
use tidemill_project::spec::Sql;

pub(super) fn compile(scope: &mut Scope, column: &Spanned<String>, sql: &Sql, data_type: Option<&Spanned<DataType>>) {
    let target = name::normalise(column);
    let Some((expr, slots)) = scope.expr(sql, false) else {
        scope.mend(&target);
        return;
    };
    let wanted = data_type.map_or_else(|| expr.data_type.clone(), |t| t.value.clone());
    if !arrow::compute::can_cast_types(&expr.data_type, &wanted) {
        let message = format!("`{target}` gives {}, which can't become {}", type_name(&expr.data_type), type_name(&wanted));
        let span = data_type.map_or(0..0, |t| t.span.clone());
        scope.error(codes::SQL_TYPE, &span, message, "leave `type` out, or convert inside of the SQL");
        scope.mend(&target);
        return;
    }
    let old = scope.columns.iter().find(|c| c.name == target && !c.open).map(|c| c.slot);
    let output = match old {
        Some(slot) => {
            let taken = Taken { name: target.clone(), slot, data_type: scope.slots[slot].data_type.clone() };
            let next = scope.next(&taken, wanted.clone());
            if let Some(c) = scope.columns.iter_mut().find(|c| c.name == target) {
                c.broken = false;
            }
            Some(next)
        }
        None => scope.create(&target, &column.span, wanted.clone()),
    };
    let Some(output) = output else { return };
    let comparable = old.filter(|s| arrow::compute::can_cast_types(&scope.slots[*s].data_type, &wanted));
    let aggregates = expr.row.aggregates.clone();
    let schema = expr.schema.clone();
    let places = (0..slots.len()).collect();
    let node = scope.push_row(&target, slots, output, comparable, Derive { expr, wanted });
    if !aggregates.is_empty() {
        node.measure(Aggregates { aggregates, schema }, places);
    }
}

struct Derive {
    expr: Expr,
    wanted: DataType,
}

impl RowRule for Derive {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(self.expr.row.aggregates.is_empty().then_some(Value::Null))
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        self.expr.values_json(measured::<Vec<ScalarValue>>(all, 0)?)
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(Evaluate { bound: self.expr.bind(&self.expr.json_values(fitted)?)?, wanted: self.wanted.clone() }))
    }
}

struct Evaluate {
    bound: Bound,
    wanted: DataType,
}

impl Op for Evaluate {
    fn run(&self, input: &Input) -> Result<Output> {
        Ok(Output::Columns(vec![cast_loosely(&self.bound.evaluate(input.arrays, input.rows)?, &self.wanted)?]))
    }
}
