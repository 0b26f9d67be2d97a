//! `outliers`: values beyond fitted bounds.

use crate::cells::{cast_loosely, figure, is_moment, is_number, is_whole, nulled, number_field, number_json};
use crate::fitted::figures;
use crate::measure::{Measured, Moments, MomentsOf, Spread, SpreadOf, measured};
use crate::program::{Act, Input, Op, Output, Removal, RowRule};
use crate::scope::Scope;
use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Scalar};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::{cmp, zip::zip};
use arrow::datatypes::DataType;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Result, Spanned};
use tidemill_project::spec::{Columns, OutlierAction, OutlierMethod};

pub(super) fn compile(scope: &mut Scope, columns: &Columns, method: OutlierMethod, action: OutlierAction, into: Option<&Spanned<String>>) {
    let flag = Spanned::default_of("{column}_outlier".to_string());
    for c in scope.figures(columns, "a number", |t| is_number(t) && !is_moment(t)) {
        let rule = Outliers { method, action, data_type: c.data_type.clone() };
        let node = match action {
            OutlierAction::Flag => {
                let Some((out, _)) = scope.write(&c, Some(into.unwrap_or(&flag)), DataType::Boolean) else { continue };
                let name = scope.slots[out].name.clone();
                scope.push_row(&name, vec![c.slot], out, None, rule)
            }
            OutlierAction::Drop => {
                scope.push(Some(&c.name), vec![c.slot], Vec::new(), None, Some(Removal::Filtered), Act::Row(Box::new(rule)))
            }
            OutlierAction::Clip | OutlierAction::Missing => {
                let Some((out, replaces)) = scope.write(&c, into, c.data_type.clone()) else { continue };
                scope.push_row(&c.name, vec![c.slot], out, replaces, rule)
            }
        };
        match method {
            OutlierMethod::ZScore { .. } => node.measure(MomentsOf, vec![0]),
            OutlierMethod::Iqr { .. } | OutlierMethod::Quantile { .. } => node.measure(SpreadOf(c.data_type.clone()), vec![0]),
        };
    }
}

struct Outliers {
    method: OutlierMethod,
    action: OutlierAction,
    data_type: DataType,
}

impl RowRule for Outliers {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(None)
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let bounds = match self.method {
            OutlierMethod::Iqr { factor } => {
                let s = measured::<Spread>(all, 0)?;
                s.quantile(0.25).zip(s.quantile(0.75)).map(|(a, b)| (a - factor * (b - a), b + factor * (b - a)))
            }
            OutlierMethod::Quantile { lower, upper } => {
                let s = measured::<Spread>(all, 0)?;
                s.quantile(lower).zip(s.quantile(upper))
            }
            OutlierMethod::ZScore { threshold } => {
                let m = measured::<Moments>(all, 0)?;
                (m.count > 0).then(|| (m.mean() - threshold * m.deviation(), m.mean() + threshold * m.deviation()))
            }
        };
        let (lower, upper) = bounds.map_or((Value::Null, Value::Null), |(l, u)| (number_json(l), number_json(u)));
        Ok(figures([("lower", lower), ("upper", upper)]))
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let bounds = if crate::cells::field(fitted, "lower")?.is_null() {
            None
        } else {
            let (lower, upper) = (number_field(fitted, "lower")?, number_field(fitted, "upper")?);
            // Bounds as numbers of the column's type that are still inside: a whole number can't be clipped to 17.5.
            let inside = if is_whole(&self.data_type) { (lower.ceil(), upper.floor()) } else { (lower, upper) };
            Some(Bounds { lower, upper, least: typed(inside.0, &self.data_type)?, most: typed(inside.1, &self.data_type)? })
        };
        Ok(Arc::new(Apply { bounds, action: self.action }))
    }
    fn message(&self, fitted: &Value) -> String {
        match (number_field(fitted, "lower"), number_field(fitted, "upper")) {
            (Ok(l), Ok(u)) => format!("outside {} to {}", figure(l), figure(u)),
            _ => "no value is there to tell outliers by".into(),
        }
    }
}

/// The number as a cell of this type; the type's own limit where it is beyond it.
fn typed(v: f64, t: &DataType) -> Result<ArrayRef> {
    let number: ArrayRef = Arc::new(Float64Array::from(vec![v]));
    let cell = cast_loosely(&number, t)?;
    if cell.is_valid(0) {
        return Ok(cell);
    }
    let limit = match t {
        DataType::Int8 => i64::from(i8::MAX),
        DataType::Int16 => i64::from(i16::MAX),
        DataType::Int32 => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    crate::cells::Ranked::cell(if v < 0.0 { -limit } else { limit }, t)
}

struct Bounds {
    lower: f64,
    upper: f64,
    least: ArrayRef,
    most: ArrayRef,
}

struct Apply {
    bounds: Option<Bounds>,
    action: OutlierAction,
}

impl Op for Apply {
    fn run(&self, input: &Input) -> Result<Output> {
        let column = &input.arrays[0];
        let (low, high) = match &self.bounds {
            None => (BooleanBuffer::new_unset(input.rows), BooleanBuffer::new_unset(input.rows)),
            Some(b) => {
                let values = crate::cells::floats(column)?;
                let beyond = |mask: BooleanArray| crate::program::truth(&mask);
                let lower = Scalar::new(Float64Array::from(vec![b.lower]));
                let upper = Scalar::new(Float64Array::from(vec![b.upper]));
                (beyond(cmp::lt(&values, &lower)?), beyond(cmp::gt(&values, &upper)?))
            }
        };
        let out = &low | &high;
        Ok(match (self.action, &self.bounds) {
            (OutlierAction::Drop, _) => Output::Keep(!&out),
            (OutlierAction::Flag, _) => {
                // Of a missing value nobody knows.
                let flags = BooleanArray::new(out, column.nulls().cloned());
                Output::Columns(vec![Arc::new(flags)])
            }
            _ if !out.has_true() => Output::Same,
            (OutlierAction::Missing, _) => Output::Changed(nulled(column, &out)?, out),
            (OutlierAction::Clip, Some(b)) => {
                let mut clipped = column.clone();
                for (mask, bound) in [(low, &b.least), (high, &b.most)] {
                    if mask.has_true() {
                        clipped = zip(&BooleanArray::new(mask, None), &Scalar::new(ArrayRef::clone(bound)), &clipped)?;
                    }
                }
                Output::Changed(clipped, out)
            }
            (OutlierAction::Clip, None) => Output::Same,
        })
    }
}
