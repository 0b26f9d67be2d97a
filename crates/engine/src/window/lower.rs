//! Windows as relational algebra.

use super::functions::{GROUP_END, GROUP_START, Which, is_micros, scalar};
use super::{END_COLUMN, END_FIELD, Kind, START_COLUMN, START_FIELD, Windows, instant, session};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, internal_err};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::{GroupingSet, ScalarFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, SortExpr, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowFunctionDefinition, cast, lit,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// Whose columns a window's bounds are below a GROUP BY, so that they meet none of the rows' own.
const OF_GROUPS: &str = "_window";
/// The windows of one row, until they are unnested.
const WINDOWS: &str = "_windows";

/// Windows in GROUP BY become columns below it.
pub(crate) fn lower(plan: LogicalPlan) -> Result<LogicalPlan> {
    let lowered = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => grouped(aggregate),
        other => Ok(Transformed::no(other)),
    })?;
    if !lowered.transformed {
        return Ok(lowered.data);
    }
    // Whether a bound can be NULL is known only now.
    Ok(lowered.data.transform_up_with_subqueries(|node| Ok(Transformed::yes(node.recompute_schema()?)))?.data)
}

/// The rows of `input` with the columns `window_start` and `window_end`, once per window that `time` is in; rows without a time are left out. In
/// FROM, columns of these names give way; in GROUP BY, the new ones are told apart by their table.
pub(super) fn windowed(input: LogicalPlan, windows: &Windows, time: Expr, keys: Vec<Expr>, in_group_by: bool) -> Result<LogicalPlan> {
    let is = time.get_type(input.schema())?;
    let wanted = instant(&is)?;
    let given = time.clone();
    let time = if is_micros(&is) { time } else { cast(time, wanted) };
    let kept: Vec<Expr> = input
        .schema()
        .columns()
        .into_iter()
        .filter(|c| in_group_by || (c.name != START_COLUMN && c.name != END_COLUMN))
        .map(Expr::Column)
        .collect();
    let rows = LogicalPlanBuilder::from(input).filter(given.is_not_null())?;
    let (rows, start, end) = match (windows.kind, windows.lists()) {
        (Kind::Session, _) => {
            let sessions = over(windows, time, keys);
            let name = sessions.schema_name().to_string();
            let each = Expr::Column(Column::from_name(name));
            (rows.window(vec![sessions])?, get_field(each.clone(), START_FIELD), get_field(each, END_FIELD))
        }
        (_, Some(which)) => {
            let list = scalar(which).call(vec![time, lit(windows.first), lit(windows.second)]).alias(WINDOWS);
            let rows = rows.project(kept.iter().cloned().chain([list]))?.unnest_column(Column::from_name(WINDOWS))?;
            let each = Expr::Column(Column::from_name(WINDOWS));
            (rows, get_field(each.clone(), START_FIELD), get_field(each, END_FIELD))
        }
        (_, None) => {
            let start = scalar(Which::TumbleStart).call(vec![time, lit(windows.first), lit(windows.second)]);
            let end = scalar(Which::WindowEnd).call(vec![start.clone(), lit(windows.first)]);
            (rows, start, end)
        }
    };
    let named = |bound: Expr, name: &str| if in_group_by { bound.alias_qualified(Some(OF_GROUPS), name) } else { bound.alias(name) };
    rows.project(kept.into_iter().chain([named(start, START_COLUMN), named(end, END_COLUMN)]))?.build()
}

fn over(windows: &Windows, time: Expr, keys: Vec<Expr>) -> Expr {
    let function = WindowFunctionDefinition::WindowUDF(Arc::new(session()));
    let mut call = WindowFunction::new(function, vec![time.clone(), lit(windows.first)]);
    call.params.partition_by = keys;
    call.params.order_by = vec![SortExpr::new(time, true, false)];
    call.params.window_frame = WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        WindowFrameBound::Following(ScalarValue::UInt64(None)),
    );
    Expr::WindowFunction(Box::new(call))
}

// ------------------------------------------------------------------------------------------------------------ GROUP BY

/// What a call that stands for a window's bound says.
fn read(call: &ScalarFunction) -> Result<Option<(Windows, Expr)>> {
    if call.name() != GROUP_START && call.name() != GROUP_END {
        return Ok(None);
    }
    let [
        Expr::Literal(kind, _),
        time,
        Expr::Literal(ScalarValue::Int64(Some(first)), _),
        Expr::Literal(ScalarValue::Int64(Some(second)), _),
    ] = call.args.as_slice()
    else {
        return internal_err!("a window of GROUP BY without its lengths");
    };
    let Some(kind) = kind.try_as_str().flatten().and_then(Kind::named) else { return internal_err!("a window of no kind") };
    Ok(Some((Windows { kind, first: *first, second: *second }, time.clone())))
}

fn in_expr(expr: &Expr) -> Result<Option<(Windows, Expr)>> {
    let mut found = None;
    expr.apply(|e| {
        if let Expr::ScalarFunction(call) = e {
            found = read(call)?;
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn grouped(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let mut found = None;
    for group in &aggregate.group_expr {
        found = in_expr(group)?.or(found);
    }
    let Some((windows, time)) = found else { return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate))) };
    let keys = if windows.kind == Kind::Session { other_groups(&aggregate.group_expr)? } else { Vec::new() };
    let input = windowed(Arc::unwrap_or_clone(aggregate.input), &windows, time, keys, true)?;
    // What stands above finds its columns by their names.
    let groups = aggregate.group_expr.into_iter().map(|group| {
        group.transform_up(|e| {
            let name = e.schema_name().to_string();
            Ok(match bound(&e, input.schema()) {
                Some(column) => Transformed::yes(column.alias(name)),
                None => Transformed::no(e),
            })
        })
    });
    let groups = groups.map(|g| g.map(|t| t.data)).collect::<Result<Vec<_>>>()?;
    let names = NamePreserver::new_for_projection();
    let computed = aggregate.aggr_expr.into_iter().map(|e| {
        let saved = names.save(&e);
        let new = e.transform_up(|e| Ok(bound(&e, input.schema()).map_or_else(|| Transformed::no(e), Transformed::yes)))?;
        Ok(if new.transformed { saved.restore(new.data) } else { new.data })
    });
    let computed = computed.collect::<Result<Vec<_>>>()?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), groups, computed)?)))
}

/// The column that a window's bound has become.
fn bound(expr: &Expr, rows: &DFSchema) -> Option<Expr> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let name = match call.name() {
        GROUP_START => START_COLUMN,
        GROUP_END => END_COLUMN,
        _ => return None,
    };
    let column = Column::new(Some(OF_GROUPS), name);
    rows.has_column(&column).then_some(Expr::Column(column))
}

/// What else is grouped by: a session's keys.
fn other_groups(groups: &[Expr]) -> Result<Vec<Expr>> {
    let mut keys = Vec::new();
    for group in groups {
        match group {
            Expr::GroupingSet(GroupingSet::GroupingSets(_) | GroupingSet::Rollup(_) | GroupingSet::Cube(_)) => {
                return internal_err!("sessions of grouping sets");
            }
            other if in_expr(other)?.is_none() => keys.push(other.clone().unalias()),
            _ => {}
        }
    }
    Ok(keys)
}
