//! `cast`: another type; what can't be cast becomes missing and is counted.

use crate::cells::{cast_loosely, missing, present};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::Scope;
use arrow::array::Array;
use arrow::datatypes::DataType;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Result, Spanned};
use tidemill_engine::type_name;
use tidemill_project::spec::Columns;

pub(super) fn compile(scope: &mut Scope, columns: &Columns, data_type: &Spanned<DataType>) {
    let to = &data_type.value;
    let wanted = format!("a type that can become {}", type_name(to));
    for c in scope.all(columns, &wanted, |t| arrow::compute::can_cast_types(t, to)) {
        if c.data_type == *to {
            continue;
        }
        let out = scope.next(&c, to.clone());
        scope.push_row(&c.name, vec![c.slot], out, Some(c.slot), Cast(to.clone()));
    }
}

#[derive(Clone)]
struct Cast(DataType);

impl RowRule for Cast {
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(self.clone()))
    }
    fn message(&self, _: &Value) -> String {
        format!("cast to {}; counted are cells that could not be", type_name(&self.0))
    }
}

impl Op for Cast {
    fn run(&self, input: &Input) -> Result<Output> {
        let before = &input.arrays[0];
        let after = cast_loosely(before, &self.0)?;
        if after.null_count() == before.null_count() {
            return Ok(Output::uncounted(after));
        }
        let lost = &missing(after.as_ref()) & &present(before.as_ref());
        Ok(Output::Changed(after, lost))
    }
}
