//! `scale`: numbers brought to a common measure.

use crate::cells::{field, figure, floats, is_number, json_number, number_field, number_json};
use crate::fitted::figures;
use crate::measure::{Measured, Moments, MomentsOf, Spread, SpreadOf, measured};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::Scope;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Float64Type};
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Result, Spanned};
use tidemill_project::spec::{Columns, ScaleMethod};

pub(super) fn compile(scope: &mut Scope, columns: &Columns, method: ScaleMethod, into: Option<&Spanned<String>>) {
    for c in scope.figures(columns, "a number", is_number) {
        let Some((out, replaces)) = scope.write(&c, into, DataType::Float64) else { continue };
        let name = scope.slots[out].name.clone();
        let node = scope.push_row(&name, vec![c.slot], out, replaces, Scale(method));
        match method {
            ScaleMethod::Standard | ScaleMethod::MinMax => node.measure(MomentsOf, vec![0]),
            ScaleMethod::Robust => node.measure(SpreadOf(c.data_type.clone()), vec![0]),
        };
    }
}

struct Scale(ScaleMethod);

impl RowRule for Scale {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(None)
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        Ok(match self.0 {
            ScaleMethod::Standard => {
                let m = measured::<Moments>(all, 0)?;
                figures([("mean", number_json(m.mean())), ("deviation", number_json(m.deviation()))])
            }
            ScaleMethod::MinMax => {
                let m = measured::<Moments>(all, 0)?;
                let (min, max) = if m.count == 0 { (0.0, 0.0) } else { (m.min, m.max) };
                figures([("min", number_json(min)), ("max", number_json(max))])
            }
            ScaleMethod::Robust => {
                let s = measured::<Spread>(all, 0)?;
                let q = |q| s.quantile(q).unwrap_or(0.0);
                figures([
                    ("median", number_json(s.median().unwrap_or(0.0))),
                    ("lower_quartile", number_json(q(0.25))),
                    ("upper_quartile", number_json(q(0.75))),
                ])
            }
        })
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let f = |name| number_field(fitted, name);
        let (offset, divisor) = match self.0 {
            ScaleMethod::Standard => (f("mean")?, f("deviation")?),
            ScaleMethod::MinMax => (f("min")?, f("max")? - f("min")?),
            ScaleMethod::Robust => (f("median")?, f("upper_quartile")? - f("lower_quartile")?),
        };
        Ok(Arc::new(Shift { offset, divisor }))
    }
    fn message(&self, fitted: &Value) -> String {
        let shown = |name: &str| field(fitted, name).and_then(json_number).map_or_else(|_| "?".into(), figure);
        match self.0 {
            ScaleMethod::Standard => format!("mean {}, deviation {}", shown("mean"), shown("deviation")),
            ScaleMethod::MinMax => format!("from {} to {}", shown("min"), shown("max")),
            ScaleMethod::Robust => {
                format!("median {}, quartiles {} and {}", shown("median"), shown("lower_quartile"), shown("upper_quartile"))
            }
        }
    }
}

struct Shift {
    offset: f64,
    divisor: f64,
}

impl Op for Shift {
    fn run(&self, input: &Input) -> Result<Output> {
        let (offset, divisor) = (self.offset, self.divisor);
        let values = floats(&input.arrays[0])?;
        // A column that never varies says nothing: 0.
        let scaled = if divisor == 0.0 || !divisor.is_finite() {
            values.unary::<_, Float64Type>(|_| 0.0)
        } else {
            values.unary::<_, Float64Type>(|v| (v - offset) / divisor)
        };
        Ok(Output::Columns(vec![Arc::new(scaled) as ArrayRef]))
    }
}
