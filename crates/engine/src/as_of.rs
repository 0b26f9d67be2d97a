//! `t FOR SYSTEM_TIME AS OF moment`: of a table that keeps versions of its rows, the one that held then (SQL:2011, temporal tables). It is lowered to what
//! it means before anything is planned: `valid_from <= moment AND (valid_to IS NULL OR moment < valid_to)`, in the join's condition or in WHERE.

use crate::calls;
use crate::planner::Planner;
use crate::problem::{SqlProblem, SqlProblemKind};
use crate::sql;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Select, Spanned, TableFactor, TableVersion, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// From when a version holds, and until when; the newest one has no end.
const FROM: &str = "valid_from";
const TO: &str = "valid_to";

pub(crate) fn settle(statement: &mut Statement, text: &str, planner: &Planner<'_>) -> Result<(), Vec<SqlProblem>> {
    let Some(statement) = calls::inner(statement) else { return Ok(()) };
    let mut versions = Versions { planner, text, problems: Vec::new() };
    let _ = VisitMut::visit(statement, &mut versions);
    if versions.problems.is_empty() { Ok(()) } else { Err(versions.problems) }
}

struct Versions<'a> {
    planner: &'a Planner<'a>,
    text: &'a str,
    problems: Vec<SqlProblem>,
}

impl VisitorMut for Versions<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut conditions = Vec::new();
        for from in &mut select.from {
            let before = self.taken(&mut from.relation);
            let may_be_absent = from.joins.iter().any(|j| {
                use JoinOperator::{FullOuter, Right, RightOuter};
                matches!(j.join_operator, Right(_) | RightOuter(_) | FullOuter(_))
            });
            if before.is_some() && may_be_absent {
                self.refuse(&from.relation, "of a side that a RIGHT or FULL JOIN may leave empty", "put it on the right of a LEFT JOIN");
            }
            conditions.extend(before);
            for join in &mut from.joins {
                let Some(condition) = self.taken(&mut join.relation) else { continue };
                use JoinOperator::{Inner, Join, Left, LeftOuter};
                match &mut join.join_operator {
                    Join(JoinConstraint::On(on))
                    | Inner(JoinConstraint::On(on))
                    | Left(JoinConstraint::On(on))
                    | LeftOuter(JoinConstraint::On(on)) => {
                        let given = std::mem::replace(on, Expr::Value(datafusion::sql::sqlparser::ast::Value::Null.into()));
                        *on = and(Expr::Nested(Box::new(given)), condition);
                    }
                    JoinOperator::CrossJoin(JoinConstraint::None) => conditions.push(condition),
                    _ => self.refuse(&join.relation, "of this kind of join", "write JOIN or LEFT JOIN with ON"),
                }
            }
        }
        for condition in conditions {
            select.selection = Some(match select.selection.take() {
                Some(given) => and(Expr::Nested(Box::new(given)), condition),
                None => condition,
            });
        }
        ControlFlow::Continue(())
    }

    /// What is left stands where no condition can be put.
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if matches!(factor, TableFactor::Table { version: Some(_), .. }) {
            let factor = factor.clone();
            self.refuse(&factor, "here", "name the table in FROM or JOIN itself, without brackets around it");
        }
        ControlFlow::Continue(())
    }
}

impl Versions<'_> {
    /// Takes the moment from a table, and gives the condition that it stands for.
    fn taken(&mut self, factor: &mut TableFactor) -> Option<Expr> {
        let TableFactor::Table { name, alias, version, .. } = factor else { return None };
        let Some(TableVersion::ForSystemTimeAsOf(_)) = version else { return None };
        let Some(TableVersion::ForSystemTimeAsOf(moment)) = version.take() else { return None };
        let (name, called) = (name.clone(), alias.as_ref().map(|a| a.name.clone()));
        self.look_for_versions(&name);
        let called = called.or_else(|| name.0.last()?.as_ident().cloned())?;
        let column = |column: &str| Expr::CompoundIdentifier(vec![called.clone(), Ident::new(column)]);
        let moment = Expr::Nested(Box::new(moment));
        let began = binary(column(FROM), BinaryOperator::LtEq, moment.clone());
        let ends = binary(moment, BinaryOperator::Lt, column(TO));
        let holds = binary(Expr::IsNull(Box::new(column(TO))), BinaryOperator::Or, ends);
        Some(and(began, Expr::Nested(Box::new(holds))))
    }

    /// A table of the catalog must have versions; what is named in a WITH tells itself when it has none.
    fn look_for_versions(&mut self, name: &ObjectName) {
        let parts: Vec<String> = name.0.iter().filter_map(|p| p.as_ident()).map(sql::normal).collect();
        let found = match parts.as_slice() {
            [table] => self.planner.columns(None, table),
            [.., schema, table] => self.planner.columns(Some(schema), table),
            [] => None,
        };
        let Some(columns) = found else { return };
        if let Some(missing) = [FROM, TO].into_iter().find(|c| columns.field_with_name(c).is_err()) {
            let problem =
                SqlProblem::new(SqlProblemKind::Column, format!("`{name}` has no versions to choose from: no column `{missing}`"));
            let help =
                "a table with versions says in `valid_from` and `valid_to` when each of its rows held; the newest one has no `valid_to`";
            self.problems.push(problem.at(sql::range(self.text, name.span())).help(help));
        }
    }

    fn refuse(&mut self, factor: &TableFactor, what: &str, help: &str) {
        let problem = SqlProblem::new(SqlProblemKind::Syntax, format!("a table can't be read FOR SYSTEM_TIME {what}"));
        let name = match factor {
            TableFactor::Table { name, .. } => name.span(),
            other => other.span(),
        };
        self.problems.push(problem.at(sql::range(self.text, name)).help(help));
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn and(left: Expr, right: Expr) -> Expr {
    binary(left, BinaryOperator::And, right)
}
