//! How each aggregate of a query is kept.

use super::refuse;
use crate::aggregate::accumulator::{Call, Kept};
use crate::aggregate::{is_extreme_known, own_kind};
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::udaf::AggregateFunctionExpr;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::{Lowering, SqlProblem};
use tidemill_project::spec::LiveSettings;

/// A refusal, or something that should not have happened.
pub(super) enum Trouble {
    Refused(SqlProblem),
    Failed(Error),
}

impl From<Error> for Trouble {
    fn from(e: Error) -> Self {
        Trouble::Failed(e)
    }
}

/// Aggregates whose result depends on the order in which rows come.
const IN_ORDER: [&str; 6] = ["first_value", "last_value", "nth_value", "array_agg", "string_agg", "list"];
/// Aggregates whose state is as long as their input.
const LONG: [&str; 7] = ["array_agg", "string_agg", "median", "percentile_cont", "quantile_cont", "nth_value", "mode"];

pub(super) fn call(
    expr: &Expr,
    schema: &DFSchema,
    updating: bool,
    settings: &LiveSettings,
    lowering: &Lowering,
    returns: &FieldRef,
) -> Result<Call, Trouble> {
    let lowered = lowering.aggregate(expr, schema)?;
    let aggregate: Arc<AggregateFunctionExpr> = lowered.aggregate;
    let name = aggregate.fun().name().to_string();
    let physical: &Schema = schema.as_arrow();
    let mut args: Vec<Arc<dyn PhysicalExpr>> = aggregate.expressions();
    args.extend(lowered.order_bys.iter().map(|o| Arc::clone(&o.expr)));
    let arg_fields = args.iter().map(|a| a.return_field(physical).map_err(tidemill_engine::failure)).collect::<Result<Vec<_>>>()?;
    let arg = arg_fields.first().map(|f| f.data_type());
    let ordered = !lowered.order_bys.is_empty();
    let distinct = aggregate.is_distinct();
    if !ordered && IN_ORDER.contains(&name.as_str()) && settings.deterministic {
        return Err(Trouble::Refused(refuse::unordered(&name)));
    }
    let result: &DataType = returns.data_type();
    let extreme = match name.as_str() {
        "min" => Some(true),
        "max" => Some(false),
        _ => None,
    };
    let own = own_kind(&name, arg, result, updating).filter(|_| !ordered);
    let (kept, distinct) = match (extreme, own) {
        (Some(least), _) if updating => (Kept::CountedExtreme { least }, false),
        (Some(least), _) if is_extreme_known(result) => (Kept::Extreme { least }, false),
        (_, Some(kind)) => (Kept::Own(kind), distinct),
        // Rows are kept anyhow, and are in no order until all are there.
        _ if !updating && ordered && name != "first_value" && name != "last_value" && IN_ORDER.contains(&name.as_str()) => {
            (Kept::Recomputed, distinct)
        }
        _ if !updating => (Kept::Foreign, distinct),
        _ if settings.recompute => (Kept::Recomputed, distinct),
        _ => return Err(Trouble::Refused(refuse::no_retraction(&name))),
    };
    // `count(*)` counts a literal: nothing to compute.
    let counts_all = matches!(kept, Kept::Own(kind) if kind == crate::aggregate::COUNT)
        && args.iter().all(|a| a.downcast_ref::<Literal>().is_some_and(|l| !l.value().is_null()));
    if counts_all && !distinct {
        args.clear();
    }
    Ok(Call {
        aggregate,
        kept,
        distinct,
        args,
        filter: lowered.filter,
        order: lowered.order_bys,
        arg_fields,
        returns: Arc::clone(returns),
        updating,
    })
}

/// Whether a call's state grows with every row, rather than with every group.
pub(super) fn grows(call: &Call) -> bool {
    call.distinct || matches!(call.kept, Kept::CountedExtreme { .. } | Kept::Recomputed) || LONG.contains(&call.aggregate.fun().name())
}
