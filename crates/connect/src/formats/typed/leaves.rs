//! A schema's columns, structs taken apart.

use crate::formats::json::Nested;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, FieldRef, Schema};
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// Deeper structs are kept as JSON text.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone)]
pub struct Leaf {
    /// Names joined by points.
    pub label: String,
    /// Which column, then which member of each struct.
    pub path: Vec<usize>,
    pub field: FieldRef,
}

pub fn leaves(schema: &Schema, nested: Nested) -> Vec<Leaf> {
    let mut out = Vec::new();
    for (i, field) in schema.fields().iter().enumerate() {
        push(field, field.name().clone(), vec![i], nested, &mut out);
    }
    out
}

fn push(field: &FieldRef, label: String, path: Vec<usize>, nested: Nested, out: &mut Vec<Leaf>) {
    match field.data_type() {
        DataType::Struct(members) if nested == Nested::Flatten && path.len() < DEPTH_MAX && !members.is_empty() => {
            for (i, member) in members.iter().enumerate() {
                let path = path.iter().copied().chain([i]).collect();
                push(member, format!("{label}.{}", member.name()), path, nested, out);
            }
        }
        _ => out.push(Leaf { label, path, field: Arc::clone(field) }),
    }
}

impl Leaf {
    /// The leaf's values in a batch of the whole schema's columns `columns` (indices in the schema, in order).
    pub fn array(&self, batch: &RecordBatch, columns: &[usize]) -> Result<ArrayRef> {
        let missing = || Error::bug(format!("the column of `{}` was not read", self.label));
        let first = self.path.first().and_then(|c| columns.iter().position(|x| x == c)).ok_or_else(missing)?;
        let mut array = Arc::clone(batch.columns().get(first).ok_or_else(missing)?);
        for member in &self.path[1..] {
            let parent = array.as_struct_opt().ok_or_else(missing)?;
            let child = Arc::clone(parent.columns().get(*member).ok_or_else(missing)?);
            array = match parent.nulls() {
                // A member of a struct that is NULL is NULL, whatever its own bits say.
                Some(nulls) if nulls.null_count() > 0 => nullif(&child, &BooleanArray::new(!nulls.inner(), None))?,
                _ => child,
            };
        }
        Ok(array)
    }
}
