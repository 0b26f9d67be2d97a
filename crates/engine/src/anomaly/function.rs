//! Detectors as window functions.

use super::{NAMES, made};
use crate::planner::external;
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Expr, LogicalPlan, PartitionEvaluator, Signature, TypeSignature, Volatility, WindowFunctionDefinition, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::expressions::Literal;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(crate) fn functions() -> Vec<WindowUDF> {
    let signature = || Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    NAMES.into_iter().map(|name| WindowUDF::new_from_impl(Scored { name, signature: signature() })).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Scored {
    name: &'static str,
    signature: Signature,
}

fn usage(name: &str) -> &'static str {
    match name {
        "ewma" => "ewma(x, 0.1) OVER (PARTITION BY sensor ORDER BY ts)",
        "ewma_zscore" => "ewma_zscore(x, 0.1) OVER (PARTITION BY sensor ORDER BY ts)",
        "mad_score" => "mad_score(x, 100) OVER (PARTITION BY sensor ORDER BY ts)",
        "seasonal_score" => "seasonal_score(x, ts, INTERVAL '1 day', 24) OVER (PARTITION BY sensor ORDER BY ts)",
        _ => "half_space_score(250, 1, x1, x2) OVER (PARTITION BY sensor ORDER BY ts)",
    }
}

fn problem(name: &str, message: impl Into<String>) -> SqlProblem {
    SqlProblem::new(SqlProblemKind::Function, message).help(format!("for example `{}`", usage(name)))
}

fn of_type(name: &str, what: &str, is: &DataType) -> DataFusionError {
    let message = format!("{what} of `{name}` is {}", type_name(is));
    external(SqlProblem { kind: SqlProblemKind::Type, ..problem(name, message) })
}

impl WindowUDFImpl for Scored {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let count = match self.name {
            "seasonal_score" => given.len() == 4,
            "half_space_score" => given.len() >= 3,
            _ => given.len() == 2,
        };
        if !count {
            return Err(external(problem(self.name, format!("`{}` does not take {} arguments", self.name, given.len()))));
        }
        let number = |t: &DataType| {
            if t.is_numeric() || t.is_null() { Ok(DataType::Float64) } else { Err(of_type(self.name, "a value", t)) }
        };
        let whole = |t: &DataType| if t.is_integer() { Ok(DataType::Int64) } else { Err(of_type(self.name, "a number of rows", t)) };
        match self.name {
            "mad_score" => Ok(vec![number(&given[0])?, whole(&given[1])?]),
            "seasonal_score" => {
                let at = match &given[1] {
                    DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
                    DataType::Date32 | DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
                    other => return Err(of_type(self.name, "the time", other)),
                };
                let period = match &given[2] {
                    DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
                    other => return Err(of_type(self.name, "the period", other)),
                };
                Ok(vec![number(&given[0])?, at, period, whole(&given[3])?])
            }
            "half_space_score" => {
                let values = given[2..].iter().map(number);
                [whole(&given[0]), whole(&given[1])].into_iter().chain(values).collect()
            }
            _ => given.iter().map(number).collect(),
        }
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let constants = args.input_exprs().iter().map(|e| e.downcast_ref::<Literal>().map(|l| l.value().clone()));
        let constants: Vec<Option<ScalarValue>> = constants.collect();
        // Whether it can be made is settled before rows come.
        made(self.name, &constants).map_err(|e| told(self.name, &e))?;
        Ok(Box::new(Partition { name: self.name, constants }))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Float64, true)))
    }
}

fn told(name: &str, error: &tidemill_core::Error) -> DataFusionError {
    let told = problem(name, error.what.clone());
    external(match &error.help {
        Some(help) => told.help(help.clone()),
        None => told,
    })
}

#[derive(Debug)]
struct Partition {
    name: &'static str,
    constants: Vec<Option<ScalarValue>>,
}

impl PartitionEvaluator for Partition {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let failed = |e: tidemill_core::Error| DataFusionError::External(Box::new(e));
        let mut scorer = made(self.name, &self.constants).map_err(failed)?;
        let scores = scorer.score(values).map_err(failed)?;
        debug_assert_eq!(scores.len(), rows);
        Ok(Arc::new(scores))
    }
}

/// Refuses calls without an order, and settings that are none.
pub(crate) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|e| {
            e.apply(|e| {
                if let Expr::WindowFunction(call) = e
                    && let WindowFunctionDefinition::WindowUDF(udf) = &call.fun
                    && let Some(name) = NAMES.into_iter().find(|n| *n == udf.name())
                {
                    if call.params.order_by.is_empty() {
                        return Err(external(problem(name, format!("`{name}` goes by what came before, and OVER gives no order"))));
                    }
                    let constants: Vec<Option<ScalarValue>> = call.params.args.iter().map(constant).collect();
                    made(name, &constants).map_err(|e| told(name, &e))?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map(drop)
}

fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => constant(&cast.expr)?.cast_to(cast.field.data_type()).ok(),
        Expr::Negative(inner) => constant(inner)?.arithmetic_negate().ok(),
        Expr::Alias(alias) => constant(&alias.expr),
        _ => None,
    }
}

/// An interval without months, in microseconds.
pub(super) fn micros(value: &ScalarValue) -> Option<i64> {
    const DAY: i64 = 86_400_000_000;
    match value {
        ScalarValue::IntervalMonthDayNano(Some(v)) if v.months == 0 && v.nanoseconds % 1_000 == 0 => {
            i64::from(v.days).checked_mul(DAY)?.checked_add(v.nanoseconds / 1_000)
        }
        ScalarValue::IntervalDayTime(Some(v)) => i64::from(v.days).checked_mul(DAY)?.checked_add(i64::from(v.milliseconds) * 1_000),
        _ => None,
    }
}
