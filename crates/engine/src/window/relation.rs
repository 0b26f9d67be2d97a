//! `FROM tumble(orders, order_ts, 60000000, 0)`: a call that `settle` has put in order, as a plan over the plan of its first argument.

use super::lower::windowed;
use super::{Kind, Windows, instant};
use datafusion::common::{Diagnostic, Span, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ExprSchemable;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Spanned, TableAlias, TableFactor, UnaryOperator, Value,
};

/// Takes calls of windows in FROM, but for names that are functions of the user's.
#[derive(Debug)]
pub(crate) struct InFrom {
    pub(crate) taken: Vec<String>,
}

impl RelationPlanner for InFrom {
    fn plan_relation(&self, relation: TableFactor, context: &mut dyn RelationPlannerContext) -> Result<RelationPlanning> {
        let Some(kind) = kind(&relation).filter(|k| !self.taken.iter().any(|t| t == k.name())) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let (args, alias) = match relation {
            TableFactor::Table { args: Some(args), alias, .. } => (args.args, alias),
            TableFactor::Function { args, alias, .. } => (args, alias),
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => values.push(value),
                other => return plan_err!("`{other}` is no argument of `{}`", kind.name()),
            }
        }
        let mut values = values.into_iter();
        let (Some(of), Some(time), Some(first), Some(second)) = (values.next(), values.next(), values.next(), values.next()) else {
            return plan_err!("`{}` needs its table, its time and its lengths", kind.name());
        };
        let windows = Windows { kind, first: number(&first)?, second: number(&second)? };
        let (source, name) = source(of, kind)?;
        let rows = context.plan(source)?;
        let place = Span::try_from_sqlparser_span(time.span());
        let time = context.sql_to_expr(time, rows.schema())?;
        let typed = time.get_type(rows.schema()).and_then(|t| instant(&t));
        typed.map_err(|e| match &e {
            DataFusionError::External(problem) => {
                let told = Diagnostic::new_error(problem.to_string(), place);
                e.with_diagnostic(told)
            }
            _ => e,
        })?;
        let keys = values.map(|key| context.sql_to_expr(key, rows.schema())).collect::<Result<Vec<_>>>()?;
        let plan = windowed(rows, &windows, time, keys, false)?;
        // Its columns are named as those of the table are, as if the table itself stood here.
        let alias = alias.unwrap_or_else(|| TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, Some(alias)))))
    }
}

/// Which windows a table factor calls, if it does.
pub(super) fn kind(factor: &TableFactor) -> Option<Kind> {
    let name = match factor {
        TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => name,
        _ => return None,
    };
    let [part] = name.0.as_slice() else { return None };
    Kind::named(&plain(part.as_ident()?))
}

/// A name in double quotes as it is written, another in lower case.
pub(super) fn plain(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// What is windowed, and what it is called.
fn source(of: Expr, kind: Kind) -> Result<(TableFactor, Ident)> {
    let table = |parts: Vec<Ident>| TableFactor::Table {
        name: ObjectName::from(parts),
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    match of {
        Expr::Identifier(name) => Ok((table(vec![name.clone()]), name)),
        Expr::CompoundIdentifier(parts) if !parts.is_empty() => {
            let name = parts[parts.len() - 1].clone();
            Ok((table(parts), name))
        }
        Expr::Subquery(subquery) => {
            Ok((TableFactor::Derived { lateral: false, subquery, alias: None, sample: None }, Ident::new(kind.name())))
        }
        other => plan_err!("`{other}` is no table"),
    }
}

/// A length that `settle` wrote.
fn number(value: &Expr) -> Result<i64> {
    match value {
        Expr::Value(v) => match &v.value {
            Value::Number(n, _) => n.parse().or_else(|_| plan_err!("`{n}` is no length")),
            other => plan_err!("`{other}` is no length"),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(-number(expr)?),
        other => plan_err!("`{other}` is no length"),
    }
}
