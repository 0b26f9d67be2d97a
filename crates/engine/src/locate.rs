//! Finds the part of the text that is wrong when an error does not say: each part is planned by itself, smallest first, until one fails with
//! the same message.

use crate::planner::Planner;
use crate::problem::SqlProblem;
use crate::sql;
use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::planner::PlannerContext;
use datafusion::sql::sqlparser::ast::{Expr, Query, Select, Spanned, Statement, TableWithJoins, Visit, Visitor};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// Gives a place to each problem that has none.
pub(crate) fn in_statement(problems: Vec<SqlProblem>, statement: &DfStatement, text: &str, planner: &Planner<'_>) -> Vec<SqlProblem> {
    let statement = match statement {
        DfStatement::Statement(inner) => inner,
        DfStatement::Explain(explain) => match explain.statement.as_ref() {
            DfStatement::Statement(inner) => inner,
            _ => return problems,
        },
        _ => return problems,
    };
    let with = match statement.as_ref() {
        Statement::Query(query) => query.with.as_ref().map_or_else(String::new, |w| format!("{w} ")),
        _ => String::new(),
    };
    let place = |problem: SqlProblem| {
        if problem.span.is_some() {
            return problem;
        }
        let mut selects = Selects { planner, text, with: &with, message: &problem.message, found: None };
        let _ = statement.visit(&mut selects);
        let found = selects.found;
        problem.at(found)
    };
    problems.into_iter().map(place).collect()
}

/// The smallest part of `expr` over `rows` that fails with `message`.
pub(crate) fn in_expression(
    message: &str,
    expr: &impl Visit,
    text: &str,
    planner: &Planner<'_>,
    rows: &Arc<DFSchema>,
) -> Option<Range<usize>> {
    let mut parts = Parts { planner, text, message, rows, found: None };
    let _ = expr.visit(&mut parts);
    sql::range(text, parts.found?)
}

struct Selects<'a> {
    planner: &'a Planner<'a>,
    text: &'a str,
    with: &'a str,
    message: &'a str,
    found: Option<Range<usize>>,
}

impl Selects<'_> {
    fn scope(&self, from: &[TableWithJoins]) -> Option<Arc<DFSchema>> {
        if from.is_empty() {
            return Some(Arc::new(DFSchema::empty()));
        }
        let from = from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let statement = sql::parse_statement(&format!("{}SELECT * FROM {from}", self.with)).ok()?;
        let plan = self.planner.to_rel().statement_to_plan(statement).ok()?;
        // Under the projection of `*`, where columns still know their tables.
        plan.inputs().first().map(|input| Arc::clone(input.schema()))
    }
}

impl Visitor for Selects<'_> {
    type Break = ();
    // Inner selects are left before outer ones.
    fn post_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let Some(rows) = self.scope(&select.from) else { return ControlFlow::Continue(()) };
        let own = Select { from: Vec::new(), ..select.clone() };
        self.found = in_expression(self.message, &own, self.text, self.planner, &rows);
        if self.found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

struct Parts<'a> {
    planner: &'a Planner<'a>,
    text: &'a str,
    message: &'a str,
    rows: &'a Arc<DFSchema>,
    found: Option<datafusion::sql::sqlparser::tokenizer::Span>,
}

impl Visitor for Parts<'_> {
    type Break = ();
    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    // Children are left before their parents, so the first that fails is the smallest.
    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let planned = self.planner.to_rel().sql_to_expr(expr.clone(), self.rows, &mut PlannerContext::new());
        let typed =
            planned.and_then(|e| self.planner.simplifier(self.rows).coerce(e, self.rows)).and_then(|e| e.get_type(self.rows.as_ref()));
        let Err(error) = typed else { return ControlFlow::Continue(()) };
        if self.planner.told(&error, self.text).iter().any(|p| p.message == self.message) {
            self.found = Some(expr.span());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
