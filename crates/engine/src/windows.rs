//! Named windows, put in where they are meant: `OVER (w ROWS 2 PRECEDING)` is the window `w` with a frame of its own, and `WINDOW v AS (w ORDER BY x)`
//! is made from `w`. DataFusion plans such a window as if it did not name another: without its groups and its order, the answer being another one.

use crate::problem::{SqlProblem, SqlProblemKind};
use crate::sql;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderByKind, Query, Select, SetExpr, VisitMut, VisitorMut, WindowSpec, WindowType,
    visit_expressions_mut,
};
use std::ops::ControlFlow;
use tidemill_core::problem::did_you_mean;

/// Every window of the statement stands for itself after this, or names one of its SELECT's that does.
pub(crate) fn settle(statement: &mut DfStatement, text: &str) -> Result<(), SqlProblem> {
    match statement {
        DfStatement::Statement(inner) => match inner.visit(&mut Windows { text }) {
            ControlFlow::Break(problem) => Err(*problem),
            ControlFlow::Continue(()) => Ok(()),
        },
        DfStatement::Explain(explain) => settle(&mut explain.statement, text),
        _ => Ok(()),
    }
}

struct Windows<'a> {
    text: &'a str,
}

/// What names stand for, in the order in which they are defined: a window may name those before it.
type Known = Vec<(Ident, WindowSpec)>;

impl VisitorMut for Windows<'_> {
    type Break = Box<SqlProblem>;

    // Inner SELECTs come first, so that what is left in this one is its own.
    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let mut known = Known::new();
        for NamedWindowDefinition(name, window) in &mut select.named_window {
            let spec = match window {
                NamedWindowExpr::NamedWindow(other) => self.find(&known, other)?.clone(),
                NamedWindowExpr::WindowSpec(spec) => {
                    self.complete(&known, spec)?;
                    spec.clone()
                }
            };
            *window = NamedWindowExpr::WindowSpec(spec.clone());
            known.push((name.clone(), spec));
        }
        for item in &mut select.projection {
            self.within(&known, item)?;
        }
        self.within(&known, &mut select.qualify)?;
        self.within(&known, &mut select.sort_by)
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let (SetExpr::Select(select), Some(order)) = (query.body.as_ref(), &mut query.order_by) else { return ControlFlow::Continue(()) };
        let known: Known = select
            .named_window
            .iter()
            .filter_map(|NamedWindowDefinition(name, window)| match window {
                NamedWindowExpr::WindowSpec(spec) => Some((name.clone(), spec.clone())),
                NamedWindowExpr::NamedWindow(_) => None,
            })
            .collect();
        match &mut order.kind {
            OrderByKind::Expressions(by) => self.within(&known, by),
            OrderByKind::All(_) => ControlFlow::Continue(()),
        }
    }
}

impl Windows<'_> {
    fn within<V: VisitMut>(&self, known: &Known, node: &mut V) -> ControlFlow<Box<SqlProblem>> {
        visit_expressions_mut(node, |expr| {
            let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
            match &mut function.over {
                Some(WindowType::WindowSpec(spec)) => self.complete(known, spec)?,
                Some(WindowType::NamedWindow(name)) => function.over = Some(WindowType::WindowSpec(self.find(known, name)?.clone())),
                None => {}
            }
            ControlFlow::Continue(())
        })
    }

    fn find<'k>(&self, known: &'k Known, name: &Ident) -> ControlFlow<Box<SqlProblem>, &'k WindowSpec> {
        if let Some((_, spec)) = known.iter().find(|(n, _)| is_same(n, name)) {
            return ControlFlow::Continue(spec);
        }
        let problem = self.problem(name, format!("unknown window `{}`", name.value));
        let near = did_you_mean(&name.value, known.iter().map(|(n, _)| n.value.as_str()));
        let help = near.map_or_else(|| "define it: `SELECT … FROM … WINDOW w AS (ORDER BY …)`".into(), |n| format!("did you mean `{n}`?"));
        ControlFlow::Break(Box::new(problem.help(help)))
    }

    /// Takes over what the window that it names has. What may be added to it is what PostgreSQL lets one add.
    fn complete(&self, known: &Known, spec: &mut WindowSpec) -> ControlFlow<Box<SqlProblem>> {
        let Some(name) = spec.window_name.take() else { return ControlFlow::Continue(()) };
        let base = self.find(known, &name)?;
        let refused = |what: &str| {
            let problem = self.problem(&name, format!("window `{}` has {what}, and what is made from it cannot have another", name.value));
            ControlFlow::Break(Box::new(problem.help("write the window out")))
        };
        if base.window_frame.is_some() {
            return refused("a frame");
        }
        if !spec.partition_by.is_empty() {
            let problem = self.problem(&name, format!("PARTITION BY cannot be added to window `{}`", name.value));
            return ControlFlow::Break(Box::new(problem.help("write the window out")));
        }
        if !spec.order_by.is_empty() && !base.order_by.is_empty() {
            return refused("an order");
        }
        spec.partition_by.clone_from(&base.partition_by);
        if spec.order_by.is_empty() {
            spec.order_by.clone_from(&base.order_by);
        }
        ControlFlow::Continue(())
    }

    fn problem(&self, name: &Ident, message: String) -> SqlProblem {
        SqlProblem::new(SqlProblemKind::Other, message).at(sql::range(self.text, name.span))
    }
}

/// Names in double quotes are as they are written, others whatever their case.
fn is_same(a: &Ident, b: &Ident) -> bool {
    let plain = |i: &Ident| if i.quote_style.is_some() { i.value.clone() } else { i.value.to_lowercase() };
    plain(a) == plain(b)
}
