//! `bin`: a number's class: below the first edge, from one edge to below the next, from the last.

use crate::cells::{figure, floats, is_number, json_number, number_json};
use crate::fitted::figures;
use crate::measure::{Measured, Spread, SpreadOf, measured};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::Scope;
use arrow::array::{Array, StringBuilder};
use arrow::datatypes::DataType;
use serde_json::{Value, json};
use std::sync::Arc;
use tidemill_core::{Result, Spanned, codes};
use tidemill_project::spec::Cuts;

pub(super) fn compile(scope: &mut Scope, column: &Spanned<String>, cuts: &Cuts, labels: &[String], into: &Spanned<String>) {
    let Some(c) = scope.column(column) else {
        scope.mend(&into.value);
        return;
    };
    if !is_number(&c.data_type) {
        scope.unfit(&c, &column.span, "a number");
        scope.mend(&into.value);
        return;
    }
    let classes = match cuts {
        Cuts::Edges(edges) => {
            if edges.is_empty() || edges.windows(2).any(|w| w[0] >= w[1]) {
                scope.error(codes::RULE_INCONSISTENT, &(0..0), "`edges` must rise", "write them in order, each once: edges = [30, 60]");
                scope.mend(&into.value);
                return;
            }
            edges.len() + 1
        }
        Cuts::Quantiles(n) => *n,
    };
    if classes < 2 || (!labels.is_empty() && labels.len() != classes) {
        let message = format!("{} labels for {classes} classes", labels.len());
        scope.error(
            codes::RULE_INCONSISTENT,
            &into.span,
            message,
            format!("there is one class more than edges: write {classes} labels, or none"),
        );
        scope.mend(&into.value);
        return;
    }
    let Some((out, replaces)) = scope.write(&c, Some(into), DataType::Utf8) else { return };
    let name = scope.slots[out].name.clone();
    let node = scope.push_row(&name, vec![c.slot], out, replaces, Bin { cuts: cuts.clone(), labels: labels.to_vec() });
    if matches!(cuts, Cuts::Quantiles(_)) {
        node.measure(SpreadOf(c.data_type.clone()), vec![0]);
    }
}

struct Bin {
    cuts: Cuts,
    labels: Vec<String>,
}

impl Bin {
    /// Labels for these edges: the rule's own, or what the classes are.
    fn labels(&self, edges: &[f64]) -> Vec<String> {
        if !self.labels.is_empty() {
            return self.labels.clone();
        }
        let shown: Vec<String> = edges.iter().map(|e| figure(*e)).collect();
        let mut out = Vec::with_capacity(edges.len() + 1);
        for i in 0..=edges.len() {
            out.push(match (i.checked_sub(1).map(|j| &shown[j]), shown.get(i)) {
                (None, Some(upper)) => format!("< {upper}"),
                (Some(lower), Some(upper)) => format!("{lower} – {upper}"),
                (Some(lower), None) => format!(">= {lower}"),
                (None, None) => "all".into(),
            });
        }
        out
    }
}

impl RowRule for Bin {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(match &self.cuts {
            Cuts::Edges(edges) => Some(figures([("edges", Value::Array(edges.iter().map(|e| number_json(*e)).collect()))])),
            Cuts::Quantiles(_) => None,
        })
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let Cuts::Quantiles(n) = &self.cuts else { return Ok(Value::Null) };
        let s = measured::<Spread>(all, 0)?;
        let edges = (1..*n).map(|i| s.quantile(i as f64 / *n as f64).map_or(Value::Null, number_json));
        Ok(json!({"edges": edges.collect::<Vec<_>>()}))
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let edges = crate::cells::field(fitted, "edges")?.as_array().into_iter().flatten().filter(|v| !v.is_null());
        let edges = edges.map(json_number).collect::<Result<Vec<f64>>>()?;
        let labels = self.labels(&edges);
        Ok(Arc::new(Classify { edges, labels }))
    }
    fn message(&self, fitted: &Value) -> String {
        let edges = fitted.get("edges").and_then(Value::as_array).into_iter().flatten();
        let shown: Vec<String> = edges.filter_map(|v| json_number(v).ok()).map(figure).collect();
        format!("edges {}", shown.join(", "))
    }
}

struct Classify {
    edges: Vec<f64>,
    labels: Vec<String>,
}

impl Op for Classify {
    fn run(&self, input: &Input) -> Result<Output> {
        let values = floats(&input.arrays[0])?;
        let mut out = StringBuilder::with_capacity(values.len(), values.len() * 10);
        for i in 0..values.len() {
            if values.is_null(i) || values.value(i).is_nan() {
                out.append_null();
            } else {
                let class = self.edges.partition_point(|e| *e <= values.value(i));
                // Equal quantiles leave classes empty, and labels are one for each class.
                out.append_value(self.labels.get(class).map_or("", String::as_str));
            }
        }
        Ok(Output::Columns(vec![Arc::new(out.finish())]))
    }
}
