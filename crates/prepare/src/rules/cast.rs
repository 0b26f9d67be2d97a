//! `cast`: another type; what can't be cast becomes missing and is counted.

use crate::cells::{cast_loosely, is_text, is_whole, missing, present};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::Scope;
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
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
        let after = finite(cast_loosely(&plain_whole(before, &self.0), &self.0)?)?;
        if after.null_count() == before.null_count() {
            return Ok(Output::uncounted(after));
        }
        let lost = &missing(after.as_ref()) & &present(before.as_ref());
        Ok(Output::Changed(after, lost))
    }
}

/// Texts on their way to whole numbers: `17850.0` is one, as it is in a contract.
fn plain_whole(array: &ArrayRef, to: &DataType) -> ArrayRef {
    if !is_text(array.data_type()) || !is_whole(to) {
        return array.clone();
    }
    let texts: &StringArray = array.as_string();
    if !texts.value_data().contains(&b'.') {
        return array.clone();
    }
    Arc::new(texts.iter().map(|t| t.map(without_zero_fraction)).collect::<StringArray>())
}

fn without_zero_fraction(text: &str) -> &str {
    match text.trim().split_once('.') {
        Some((whole, fraction)) if whole.ends_with(|c: char| c.is_ascii_digit()) && fraction.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

/// NaN and infinity are no values, as in a contract.
fn finite(array: ArrayRef) -> Result<ArrayRef> {
    let lost = match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| !v.is_finite())).collect(),
        DataType::Float32 => array.as_primitive::<Float32Type>().iter().map(|v| v.map(|v| !v.is_finite())).collect(),
        _ => return Ok(array),
    };
    Ok(nullif(&array, &lost)?)
}
