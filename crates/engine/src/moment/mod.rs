//! Days and instants in SQL, as PostgreSQL has them: an instant is whole microseconds. DataFusion takes nanoseconds by default, which end at 1677
//! and 2262; one date with a slip of the pen (1010 for 2010) would fail a whole view.

mod calendar;
mod date_part;
mod date_trunc;

pub(crate) use date_part::date_part;
pub(crate) use date_trunc::date_trunc;

use crate::advice::OPERANDS;
use crate::planner::external;
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, TypePlanner};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast, lit};
use datafusion::sql::sqlparser::ast::{BinaryOperator as Op, DataType as SqlType, TimezoneInfo};
use std::sync::Arc;

/// `TIMESTAMP` and `TIMESTAMP WITH TIME ZONE` are microseconds, whatever their precision; the second is in the session's zone.
#[derive(Debug)]
pub(crate) struct Types {
    pub zone: Option<Arc<str>>,
}

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let zone = match sql_type {
            SqlType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => None,
            SqlType::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => self.zone.clone(),
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", DataType::Timestamp(TimeUnit::Microsecond, zone), true))))
    }
}

/// Instants are compared and subtracted as microseconds; `EXTRACT` is our `date_part`. Days and instants are not compared with numbers, which would silently be taken for days
/// since 1970.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    /// `EXTRACT(YEAR FROM x)`.
    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let call = ScalarFunction::new_udf(Arc::new(date_part()), args);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }

    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let compares = matches!(expr.op, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq);
        if !compares && !matches!(expr.op, Op::Minus) {
            return Ok(PlannerResult::Original(expr));
        }
        let (Ok(left), Ok(right)) = (expr.left.get_type(schema), expr.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(expr));
        };
        if compares && ((is_moment(&left) && right.is_numeric()) || (left.is_numeric() && is_moment(&right))) {
            let message = format!("`{}` {OPERANDS} {} and {}", expr.op, type_name(&left), type_name(&right));
            let help = "compare with a date, as in `> DATE '2024-12-31'`; `date_part('year', x)` is a number";
            return Err(external(SqlProblem::new(SqlProblemKind::Type, message).help(help)));
        }
        let RawBinaryExpr { op, left: l, right: r } = expr;
        Ok(PlannerResult::Original(RawBinaryExpr { op, left: micros(l, &left, &right), right: micros(r, &right, &left) }))
    }
}

/// The same for `BETWEEN` and `IN`, which no planner of expressions is asked about; and the seconds between two instants. Columns keep their names.
pub(crate) fn settle(plan: LogicalPlan) -> Result<LogicalPlan> {
    let settled = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        node.map_expressions(|e| {
            let name = names.save(&e);
            Ok(settle_expr(e, &schema)?.update_data(|e| name.restore(e)))
        })
    });
    settled.map(|t| t.data)
}

/// [`settle`] for one expression over rows of `schema`.
pub(crate) fn settle_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|e| {
        let of = |e: &Expr| e.get_type(schema).ok();
        match e {
            Expr::Between(Between { expr, negated, low, high }) => {
                let (Some(x), Some(l), Some(h)) = (of(&expr), of(&low), of(&high)) else {
                    return Ok(Transformed::no(Expr::Between(Between { expr, negated, low, high })));
                };
                // The one that is an instant, if there is one, says what the others become.
                let instant = [&x, &l, &h].into_iter().find(|t| matches!(t, DataType::Timestamp(..))).unwrap_or(&x).clone();
                let [expr, low, high] = [(expr, x), (low, l), (high, h)].map(|(e, t)| Box::new(micros(*e, &t, &instant)));
                Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })))
            }
            Expr::InList(InList { expr, list, negated }) => {
                let types: Option<Vec<DataType>> = std::iter::once(expr.as_ref()).chain(&list).map(of).collect();
                let Some(types) = types else {
                    return Ok(Transformed::no(Expr::InList(InList { expr, list, negated })));
                };
                let instant = types.iter().find(|t| matches!(t, DataType::Timestamp(..))).unwrap_or(&types[0]).clone();
                let expr = Box::new(micros(*expr, &types[0], &instant));
                let list = list.into_iter().zip(&types[1..]).map(|(e, t)| micros(e, t, &instant)).collect();
                Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })))
            }
            Expr::ScalarFunction(call) => Ok(match epoch_of(&call, of) {
                Some(seconds) => Transformed::yes(seconds),
                None => Transformed::no(Expr::ScalarFunction(call)),
            }),
            other => Ok(Transformed::no(other)),
        }
    })
}

/// The seconds between two instants. DataFusion's `date_part` loses the part below a second where there are more than two of them.
fn epoch_of(call: &ScalarFunction, of: impl Fn(&Expr) -> Option<DataType>) -> Option<Expr> {
    let ("date_part", [Expr::Literal(part, _), between]) = (call.name(), call.args.as_slice()) else { return None };
    let is_epoch = part.try_as_str().flatten().is_some_and(|p| p.eq_ignore_ascii_case("epoch"));
    let (true, DataType::Duration(unit)) = (is_epoch, of(between)?) else { return None };
    let in_a_second = match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    Some(cast(cast(between.clone(), DataType::Int64), DataType::Float64) / lit(in_a_second))
}

/// A side in microseconds, if it stands beside an instant.
fn micros(side: Expr, is: &DataType, other: &DataType) -> Expr {
    match (is, other) {
        (DataType::Date32, DataType::Timestamp(_, zone))
        | (DataType::Timestamp(TimeUnit::Nanosecond, zone), DataType::Timestamp(..) | DataType::Date32) => {
            cast(side, DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        _ => side,
    }
}

fn is_moment(t: &DataType) -> bool {
    matches!(t, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}
