//! Finds the part of the text that is wrong when an error does not say: each part is planned by itself, smallest first, until one fails with
//! the same message.

use crate::advice::{CONDITION, OPERANDS};
use crate::planner::Planner;
use crate::problem::SqlProblem;
use crate::sql;
use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, Query, Select, Spanned, Statement, TableWithJoins, Visit, Visitor};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use tidemill_core::problem::did_you_mean;

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
        let problem = with_ctes(problem, statement);
        if !wanted(&problem) {
            return problem;
        }
        let mut selects = Selects { planner, text, with: &with, message: &problem.message, found: None };
        let _ = statement.visit(&mut selects);
        let span = selects.found.or(problem.span.clone());
        problem.at(span)
    };
    problems.into_iter().map(place).collect()
}

/// Whether a better place should be looked for: there is none, or it shows one operand and not the other.
pub(crate) fn wanted(problem: &SqlProblem) -> bool {
    problem.span.is_none() || problem.message.contains(OPERANDS)
}

/// Names of WITH are what an unknown table may have meant, too.
fn with_ctes(problem: SqlProblem, statement: &Statement) -> SqlProblem {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            self.0.extend(query.with.iter().flat_map(|w| &w.cte_tables).map(|c| c.alias.name.value.clone()));
            ControlFlow::Continue(())
        }
    }
    let unknown = problem.message.strip_prefix("unknown table `").and_then(|m| m.strip_suffix('`'));
    let Some(unknown) = unknown.filter(|_| problem.help.as_ref().is_none_or(|h| !h.starts_with("did you mean"))) else { return problem };
    let mut names = Names(Vec::new());
    let _ = statement.visit(&mut names);
    match did_you_mean(unknown, names.0.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    }
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
    Some(sql::closed(text, sql::range(text, parts.found?)?))
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
        // Side by side instead of joined, since what is wrong may be in an ON.
        let relations = from.iter().flat_map(|f| std::iter::once(&f.relation).chain(f.joins.iter().map(|j| &j.relation)));
        let from = relations.map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let plan = |with: &str| {
            let statement = sql::parse_statement(&format!("{with}SELECT * FROM {from}")).ok()?;
            self.planner.to_rel().statement_to_plan(statement).ok()
        };
        // First without the WITH, since what is wrong may be in it.
        let plan = plan("").or_else(|| plan(self.with))?;
        // Under the projection of `*`, where columns still know their tables.
        plan.inputs().first().map(|input| Arc::clone(input.schema()))
    }
}

impl Visitor for Selects<'_> {
    type Break = ();
    // Inner selects are left before outer ones.
    fn post_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let Some(rows) = self.scope(&select.from) else { return ControlFlow::Continue(()) };
        if self.message.starts_with(CONDITION) {
            let conditions = [&select.selection, &select.having, &select.qualify].into_iter().flatten();
            let wrong = conditions.into_iter().find(|e| self.planner.type_of(e, &rows).is_ok_and(|t| t != DataType::Boolean));
            self.found = wrong.and_then(|e| sql::range(self.text, e.span())).map(|r| sql::closed(self.text, r));
            return if self.found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        let own = Select { from: Vec::new(), ..select.clone() };
        self.found = in_expression(self.message, &own, self.text, self.planner, &rows)
            .or_else(|| in_expression(self.message, &select.from, self.text, self.planner, &rows));
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
    // Children are left before their parents, so the first that fails is the smallest.
    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Err(error) = self.planner.type_of(expr, self.rows) else { return ControlFlow::Continue(()) };
        if self.planner.told(&error, self.text).iter().any(|p| p.message == self.message) {
            self.found = Some(expr.span());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
