//! Operators that look at one row at a time and keep nothing.

use crate::delta::{Delta, batch, indices, taken};
use crate::frontier::{Frontier, Through, unnested};
use crate::operator::{Cx, Operator, Stage};
use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, UInt32Array, cast::AsArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::failure;

pub(crate) fn evaluate(expr: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<ArrayRef> {
    expr.evaluate(rows).and_then(|v| v.into_array(rows.num_rows())).map_err(failure)
}

pub(crate) fn evaluate_predicate(expr: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<BooleanArray> {
    let values = evaluate(expr, rows)?;
    if values.data_type() == &DataType::Null {
        return Ok(BooleanArray::from(vec![false; rows.num_rows()]));
    }
    values.as_boolean_opt().cloned().ok_or_else(|| Error::bug("a condition gave something that is not boolean"))
}

#[derive(Clone)]
pub(crate) struct Filter {
    pub(crate) predicate: Arc<dyn PhysicalExpr>,
}

impl Stage for Filter {
    fn name(&self) -> String {
        format!("filter {}", self.predicate)
    }
    fn fingerprint(&self) -> String {
        self.name()
    }
    fn keeps(&self) -> Option<String> {
        None
    }
    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        Ok(inputs[0].clone())
    }
    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(self.clone()))
    }
}

impl Operator for Filter {
    fn push(&mut self, _: usize, delta: Delta, _: &mut Cx, out: &mut Vec<Delta>) -> Result<()> {
        let keep = evaluate_predicate(&self.predicate, &delta.rows)?;
        let count = keep.true_count();
        if count == delta.len() {
            out.push(delta);
        } else if count > 0 {
            out.push(delta.filter(&keep)?);
        }
        Ok(())
    }
}

#[derive(Clone)]
pub(crate) struct Project {
    pub(crate) schema: SchemaRef,
    pub(crate) exprs: Vec<Arc<dyn PhysicalExpr>>,
    pub(crate) through: Vec<Option<Through>>,
}

impl Stage for Project {
    fn name(&self) -> String {
        let exprs: Vec<String> = self.exprs.iter().map(ToString::to_string).collect();
        format!("project {}", exprs.join(", "))
    }
    fn fingerprint(&self) -> String {
        self.name()
    }
    fn keeps(&self) -> Option<String> {
        None
    }
    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        self.through.iter().map(|t| t.as_ref().map_or(Ok(None), |t| t.apply(&inputs[0]))).collect()
    }
    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(self.clone()))
    }
}

impl Operator for Project {
    fn push(&mut self, _: usize, delta: Delta, _: &mut Cx, out: &mut Vec<Delta>) -> Result<()> {
        let columns = self.exprs.iter().map(|e| evaluate(e, &delta.rows)).collect::<Result<Vec<_>>>()?;
        out.push(delta.with_columns(&self.schema, columns)?);
        Ok(())
    }
}

/// All rows of several inputs.
#[derive(Clone)]
pub(crate) struct Union {
    pub(crate) schema: SchemaRef,
}

impl Stage for Union {
    fn name(&self) -> String {
        "union".into()
    }
    fn fingerprint(&self) -> String {
        format!("union {:?}", self.schema)
    }
    fn keeps(&self) -> Option<String> {
        None
    }
    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        // A column is a moment only if it is one in every input: the least of them.
        Ok((0..self.schema.fields().len())
            .map(|column| {
                let mut all = inputs.iter().map(|f| f[column].clone());
                let first = all.next()??;
                all.try_fold(first, |least, next| {
                    let next = next?;
                    Some(if next.partial_cmp(&least)?.is_lt() { next } else { least })
                })
            })
            .collect())
    }
    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(self.clone()))
    }
}

impl Operator for Union {
    fn push(&mut self, _: usize, delta: Delta, _: &mut Cx, out: &mut Vec<Delta>) -> Result<()> {
        let columns = delta.rows.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(c, f)| if c.data_type() == f.data_type() { Ok(Arc::clone(c)) } else { cast(c, f.data_type()) });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        out.push(delta.with_columns(&self.schema, columns)?);
        Ok(())
    }
}

/// One row for each element of a list, and the fields of structs as columns.
#[derive(Clone)]
pub(crate) struct Unnest {
    pub(crate) schema: SchemaRef,
    /// The list, among the input's columns; `None`: only structs are opened.
    pub(crate) list: Option<usize>,
    pub(crate) structs: Vec<usize>,
    /// How many columns each of the input's becomes.
    pub(crate) widths: Vec<usize>,
    /// A row whose list is NULL or empty stays, with NULL.
    pub(crate) preserve: bool,
}

impl Stage for Unnest {
    fn name(&self) -> String {
        let columns: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        format!("unnest into {}", columns.join(", "))
    }
    fn fingerprint(&self) -> String {
        format!("{} {:?} {:?} {}", self.name(), self.list, self.structs, self.preserve)
    }
    fn keeps(&self) -> Option<String> {
        None
    }
    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        let mut all = Frontier::new();
        for (column, value) in inputs[0].iter().enumerate() {
            let value = if self.list == Some(column) { unnested(value.as_ref()) } else { value.clone() };
            if !self.structs.contains(&column) {
                all.push(value);
                continue;
            }
            match value {
                Some(datafusion::common::ScalarValue::Struct(fields)) => {
                    for field in fields.columns() {
                        all.push(Some(datafusion::common::ScalarValue::try_from_array(field, 0).map_err(failure)?));
                    }
                }
                _ => all.extend(std::iter::repeat_n(None, self.widths[column])),
            }
        }
        Ok(all)
    }
    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(self.clone()))
    }
}

impl Operator for Unnest {
    fn push(&mut self, _: usize, delta: Delta, _: &mut Cx, out: &mut Vec<Delta>) -> Result<()> {
        let mut columns = delta.rows.columns().to_vec();
        let mut weights = delta.weights.clone();
        let mut late = delta.origin.clone();
        let mut len = delta.len();
        if let Some(list) = self.list {
            let (elements, origin) = self.elements(&columns[list])?;
            len = origin.len();
            for (at, column) in columns.iter_mut().enumerate() {
                *column = if at == list { Arc::clone(&elements) } else { taken(column, &origin)? };
            }
            weights = weights.map(|w| origin.values().iter().map(|i| w.value(*i as usize)).collect::<Int64Array>());
            late = late.map(|l| origin.values().iter().map(|i| l.value(*i as usize)).collect::<UInt32Array>());
        }
        let mut opened = Vec::with_capacity(self.schema.fields().len());
        for (at, column) in columns.into_iter().enumerate() {
            match column.as_struct_opt().filter(|_| self.structs.contains(&at)) {
                // A NULL struct has NULL fields.
                Some(fields) => opened.extend(fields.clone().into_parts_with_nulls()),
                None => opened.push(column),
            }
        }
        if len > 0 {
            out.push(Delta { rows: batch(&self.schema, opened, len)?, weights, origin: late });
        }
        Ok(())
    }
}

impl Unnest {
    /// All elements, and the row that each comes from.
    fn elements(&self, column: &ArrayRef) -> Result<(ArrayRef, arrow::array::UInt32Array)> {
        let lists: ListArray = match column.data_type() {
            DataType::List(_) => column.as_list::<i32>().clone(),
            DataType::LargeList(f) | DataType::FixedSizeList(f, _) => {
                cast(column, &DataType::List(Arc::clone(f)))?.as_list::<i32>().clone()
            }
            other => return Err(Error::bug(format!("unnest of {other}"))),
        };
        let offsets = lists.value_offsets();
        let simple = lists.null_count() == 0 && (!self.preserve || offsets.windows(2).all(|o| o[0] < o[1]));
        let mut origin: Vec<u32> = Vec::with_capacity(lists.values().len());
        if simple {
            for (row, o) in offsets.windows(2).enumerate() {
                origin.extend(std::iter::repeat_n(row as u32, (o[1] - o[0]) as usize));
            }
            let values = lists.values().slice(offsets[0] as usize, origin.len());
            return Ok((values, origin.into()));
        }
        // One NULL stands behind all elements, for rows that stay without any.
        let with_null = if self.preserve {
            let null = arrow::array::new_null_array(lists.values().data_type(), 1);
            concat(&[lists.values().as_ref(), null.as_ref()])?
        } else {
            Arc::clone(lists.values())
        };
        let at_null = lists.values().len();
        let mut elements: Vec<usize> = Vec::with_capacity(lists.values().len());
        for (row, o) in offsets.windows(2).enumerate() {
            if lists.is_null(row) || o[0] == o[1] {
                if self.preserve {
                    elements.push(at_null);
                    origin.push(row as u32);
                }
                continue;
            }
            elements.extend(o[0] as usize..o[1] as usize);
            origin.extend(std::iter::repeat_n(row as u32, (o[1] - o[0]) as usize));
        }
        Ok((taken(&with_null, &indices(elements))?, origin.into()))
    }
}

/// Fields of a struct, NULL where the struct is.
trait PartsWithNulls {
    fn into_parts_with_nulls(self) -> Vec<ArrayRef>;
}

impl PartsWithNulls for arrow::array::StructArray {
    fn into_parts_with_nulls(self) -> Vec<ArrayRef> {
        let (_, columns, nulls) = self.into_parts();
        let Some(nulls) = nulls else { return columns };
        let hidden = BooleanArray::new(!nulls.inner(), None);
        columns.into_iter().map(|c| arrow::compute::nullif(&c, &hidden).unwrap_or(c)).collect()
    }
}
