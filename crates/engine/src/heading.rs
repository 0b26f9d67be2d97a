//! What a result's columns are called for people: where the planner's own name would show its inner types (`Int64(3)`), PostgreSQL's name.

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::logical_expr::{Expr, LogicalPlan};
use std::collections::HashSet;
use std::sync::Arc;

/// The schema with such names replaced, or `None` when there are none. Equal names are told apart by a number.
pub(crate) fn headings(plan: &LogicalPlan, schema: &SchemaRef) -> Option<SchemaRef> {
    let exprs = outermost(plan)?;
    if exprs.len() != schema.fields().len() {
        return None;
    }
    let named: Vec<Option<String>> = exprs.iter().map(heading).collect();
    if named.iter().all(Option::is_none) {
        return None;
    }
    let mut taken: HashSet<String> =
        schema.fields().iter().zip(&named).filter(|(_, n)| n.is_none()).map(|(f, _)| f.name().clone()).collect();
    let fields = schema.fields().iter().zip(named).map(|(field, name)| match name {
        None => field.as_ref().clone(),
        Some(name) => {
            let (mut free, mut n) = (name.clone(), 2);
            while !taken.insert(free.clone()) {
                (free, n) = (format!("{name}_{n}"), n + 1);
            }
            Field::new(free, field.data_type().clone(), field.is_nullable())
        }
    });
    Some(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

fn outermost(plan: &LogicalPlan) -> Option<&[Expr]> {
    match plan {
        LogicalPlan::Projection(p) => Some(&p.expr),
        LogicalPlan::Sort(s) => outermost(&s.input),
        LogicalPlan::Limit(l) => outermost(&l.input),
        _ => None,
    }
}

/// PostgreSQL's name for an expression without one: a function's own, else `?column?`.
fn heading(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Alias(_) => None,
        // An aggregate below: its name is all there is of it.
        Expr::Column(c) => {
            let call = c.name.split_once('(').filter(|_| c.relation.is_none() && shows_types(&c.name));
            call.map(|(function, _)| if is_name(function) { function.to_string() } else { UNNAMED.into() })
        }
        Expr::ScalarSubquery(_) => Some(UNNAMED.into()),
        other if !shows_types(&other.schema_name().to_string()) => None,
        Expr::ScalarFunction(f) => Some(f.name().to_string()),
        Expr::Case(_) => Some("case".into()),
        Expr::Cast(c) => heading(&c.expr),
        _ => Some(UNNAMED.into()),
    }
}

const UNNAMED: &str = "?column?";

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a literal is written with its type in it.
fn shows_types(name: &str) -> bool {
    ["Int64(", "UInt64(", "Float64(", "Utf8(", "Boolean(", "NULL", "Decimal128(", "IntervalMonthDayNano(", "Date32("]
        .iter()
        .any(|t| name.contains(t))
}
