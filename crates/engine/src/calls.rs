//! Calls of the user's table functions, made ready for the planner: names of arguments become places, defaults stand where nothing was
//! given, and what can't be an argument is told where it stands.

use crate::planner::Planner;
use crate::problem::{SqlProblem, SqlProblemKind};
use crate::sql;
use crate::table_function::TableFunction;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, Spanned, Statement, TableAlias, TableFactor, TableFunctionArgs, Visit,
    VisitMut, Visitor, VisitorMut,
};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use tidemill_core::problem::did_you_mean;

/// The statement with each call as `f(positional, …) AS f`, or all that is wrong with its calls; and where each function is called.
pub(crate) fn settle(
    statement: &mut DfStatement,
    text: &str,
    planner: &Planner<'_>,
) -> Result<Vec<(String, Range<usize>)>, Vec<SqlProblem>> {
    let mut calls = Calls { planner, text, problems: Vec::new(), places: Vec::new() };
    if let Some(statement) = inner(statement) {
        let _ = statement.visit(&mut calls);
    }
    if calls.problems.is_empty() { Ok(calls.places) } else { Err(calls.problems) }
}

pub(crate) fn inner(statement: &mut DfStatement) -> Option<&mut Statement> {
    match statement {
        DfStatement::Statement(inner) => Some(inner.as_mut()),
        DfStatement::Explain(explain) => match explain.statement.as_mut() {
            DfStatement::Statement(inner) => Some(inner.as_mut()),
            _ => None,
        },
        _ => None,
    }
}

struct Calls<'a> {
    planner: &'a Planner<'a>,
    text: &'a str,
    problems: Vec<SqlProblem>,
    places: Vec<(String, Range<usize>)>,
}

impl VisitorMut for Calls<'_> {
    type Break = ();
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let (name, args, alias) = match factor {
            TableFactor::Table { name, args: Some(args), alias, .. } => (name, &args.args, alias),
            TableFactor::Function { name, args, alias, .. } => (name, &*args, alias),
            _ => return ControlFlow::Continue(()),
        };
        let [part] = name.0.as_slice() else { return ControlFlow::Continue(()) };
        let Some(ident) = part.as_ident().cloned() else { return ControlFlow::Continue(()) };
        let called = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() };
        let at = sql::range(self.text, ident.span);
        if let Some(at) = at.clone() {
            self.places.push((called.clone(), at));
        }
        let Some(function) = self.planner.table_function(&called) else { return ControlFlow::Continue(()) };
        let call = Call { function: &function, planner: self.planner, text: self.text, at };
        match call.settled(args) {
            Ok(settled) => {
                let own = || TableAlias { explicit: true, name: Ident::new(called.clone()), columns: Vec::new(), at: None };
                let alias = Some(alias.clone().unwrap_or_else(own));
                let args = settled.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect();
                *factor = TableFactor::Table {
                    name: ObjectName::from(vec![Ident::new(called)]),
                    alias,
                    args: Some(TableFunctionArgs { args, settings: None }),
                    with_hints: Vec::new(),
                    version: None,
                    with_ordinality: false,
                    partitions: Vec::new(),
                    json_path: None,
                    sample: None,
                    index_hints: Vec::new(),
                };
            }
            Err(problem) => self.problems.push(problem),
        }
        ControlFlow::Continue(())
    }
}

struct Call<'a> {
    function: &'a Arc<TableFunction>,
    planner: &'a Planner<'a>,
    text: &'a str,
    /// Where the function is named.
    at: Option<Range<usize>>,
}

impl Call<'_> {
    /// One expression per parameter.
    fn settled(&self, args: &[FunctionArg]) -> Result<Vec<Expr>, SqlProblem> {
        let (name, params) = (&self.function.name, &self.function.params);
        let mut given: Vec<Option<Expr>> = vec![None; params.len()];
        let mut named = false;
        for (i, arg) in args.iter().enumerate() {
            let (label, value) = match arg {
                FunctionArg::Unnamed(value) => (None, value),
                FunctionArg::Named { name, arg, .. } => (Some(name.clone()), arg),
                FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => (Some(name.clone()), arg),
                FunctionArg::ExprNamed { .. } => return Err(self.problem("an argument's name is a plain word")),
            };
            let FunctionArgExpr::Expr(value) = value else {
                return Err(self.problem(format!("`*` is no argument of `{name}`")));
            };
            let place = match &label {
                None if named => {
                    return Err(self
                        .problem("an argument without a name stands after one with a name")
                        .at(sql::range(self.text, value.span())));
                }
                None if i >= params.len() => return Err(self.miscounted(args.len())),
                None => i,
                Some(label) => {
                    named = true;
                    let wanted = if label.quote_style.is_some() { label.value.clone() } else { label.value.to_lowercase() };
                    let at = sql::range(self.text, label.span);
                    let Some(place) = params.iter().position(|p| *p.field.name() == wanted) else {
                        let problem = self.problem(format!("`{name}` has no parameter `{wanted}`")).at(at);
                        return Err(match did_you_mean(&wanted, params.iter().map(|p| p.field.name().as_str())) {
                            Some(near) => problem.help(format!("did you mean `{near}`?")),
                            None => problem,
                        });
                    };
                    if given[place].is_some() {
                        return Err(self.problem(format!("`{wanted}` is given twice")).at(at).help("remove one of them"));
                    }
                    place
                }
            };
            self.refuse_rows(value)?;
            given[place] = Some(value.clone());
        }
        let mut out = Vec::with_capacity(params.len());
        for (param, given) in params.iter().zip(given) {
            match given.or_else(|| param.default.clone()) {
                Some(value) => out.push(value),
                None if named => return Err(self.problem(format!("`{name}` needs `{}`", param.field.name()))),
                None => return Err(self.miscounted(args.len())),
            }
        }
        Ok(out)
    }

    fn problem(&self, message: impl Into<String>) -> SqlProblem {
        let problem = SqlProblem::new(SqlProblemKind::Function, message).at(self.at.clone());
        problem.help(format!("it takes: {}", self.function.usage()))
    }

    fn miscounted(&self, given: usize) -> SqlProblem {
        let (all, needed) = (self.function.params.len(), self.function.params.iter().filter(|p| p.default.is_none()).count());
        let wanted = if needed == all { all.to_string() } else { format!("{needed} to {all}") };
        let s = if all == 1 { "" } else { "s" };
        self.problem(format!("`{}` takes {wanted} argument{s}, not {given}", self.function.name))
    }

    /// A function is called once for the question, not once a row: its arguments can't look at rows.
    fn refuse_rows(&self, value: &Expr) -> Result<(), SqlProblem> {
        let mut looks = LooksAtRows { planner: self.planner, found: None };
        let _ = value.visit(&mut looks);
        let Some((what, span)) = looks.found else { return Ok(()) };
        let name = &self.function.name;
        let problem = SqlProblem::new(SqlProblemKind::Function, format!("an argument of `{name}` is one value for all rows, and {what}"));
        let help = format!("write a constant; or let `{name}` return the column, and join on it");
        Err(problem.at(span.and_then(|s| sql::range(self.text, s)).or_else(|| self.at.clone())).help(help))
    }
}

struct LooksAtRows<'a> {
    planner: &'a Planner<'a>,
    found: Option<(String, Option<datafusion::sql::sqlparser::tokenizer::Span>)>,
}

impl Visitor for LooksAtRows<'_> {
    type Break = ();
    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.found = Some(("this is a SELECT".into(), Some(query.span())));
        ControlFlow::Break(())
    }
    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let parts: Vec<&Ident> = match expr {
            Expr::Identifier(ident) => vec![ident],
            Expr::CompoundIdentifier(parts) => parts.iter().collect(),
            _ => return ControlFlow::Continue(()),
        };
        if self.planner.is_parameter(&parts) {
            return ControlFlow::Continue(());
        }
        let written = parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
        self.found = Some((format!("`{written}` is a column"), Some(expr.span())));
        ControlFlow::Break(())
    }
}
