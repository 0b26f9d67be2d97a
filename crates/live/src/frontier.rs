//! How far time has got, column by column: the least value that a change still to come can carry. It begins at the sources (the watermark) and
//! goes through expressions that keep the order of time, by computing them on it.

use crate::delta::batch;
use arrow::array::{Array, ArrayRef, Int64Array, StructArray, cast::AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{Lowering, failure};

/// Per column, the least value still to come; `None` where nothing is known.
pub(crate) type Frontier = Vec<Option<ScalarValue>>;

/// Functions that keep the order of their one argument that is no literal.
const KEEPS_ORDER: [&str; 8] =
    ["date_trunc", "date_bin", "_tumble_start", "_window_end", "_hop_windows", "_cumulate_windows", "get_field", "to_timestamp_micros"];

/// Stands for a moment of which nothing is known, where there must be one.
pub(crate) const UNKNOWN: i64 = i64::MIN;

/// How a column comes from time columns below, if it does.
#[derive(Debug, Clone)]
pub(crate) enum Through {
    Same(usize),
    /// An expression over a batch of that one column.
    Of {
        column: usize,
        schema: SchemaRef,
        expr: Arc<dyn PhysicalExpr>,
    },
}

impl Through {
    pub(crate) fn new(expr: &Expr, schema: &DFSchema, lowering: &Lowering) -> Result<Option<Through>> {
        let Some(column) = ordered_by(expr, schema) else { return Ok(None) };
        if let Expr::Column(_) = bare(expr) {
            return Ok(Some(Through::Same(column)));
        }
        let (qualifier, field) = schema.qualified_field(column);
        let one = DFSchema::new_with_metadata(vec![(qualifier.cloned(), Arc::clone(field))], Default::default()).map_err(failure)?;
        let made = lowering.expr(expr, &one)?;
        Ok(Some(Through::Of { column, schema: Arc::new(Schema::new(vec![Arc::clone(field)])), expr: made }))
    }

    pub(crate) fn apply(&self, input: &Frontier) -> Result<Option<ScalarValue>> {
        match self {
            Through::Same(column) => Ok(input[*column].clone()),
            Through::Of { column, schema, expr } => {
                let Some(value) = &input[*column] else { return Ok(None) };
                let rows = batch(schema, vec![value.to_array().map_err(failure)?], 1)?;
                let array = expr.evaluate(&rows).and_then(|v| v.into_array(1)).map_err(failure)?;
                Ok(Some(ScalarValue::try_from_array(&array, 0).map_err(failure)?).filter(|v| !v.is_null() && native(v) != Some(UNKNOWN)))
            }
        }
    }
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        other => other,
    }
}

/// The one column that an expression keeps the order of.
fn ordered_by(expr: &Expr, schema: &DFSchema) -> Option<usize> {
    match bare(expr) {
        Expr::Column(column) => schema.maybe_index_of_column(column),
        Expr::Cast(c) if is_time(c.field.data_type()) => ordered_by(&c.expr, schema),
        Expr::TryCast(c) if is_time(c.field.data_type()) => ordered_by(&c.expr, schema),
        Expr::BinaryExpr(b) if matches!(b.op, Operator::Plus | Operator::Minus) && is_literal(&b.right) => ordered_by(&b.left, schema),
        Expr::BinaryExpr(b) if b.op == Operator::Plus && is_literal(&b.left) => ordered_by(&b.right, schema),
        Expr::ScalarFunction(call) if KEEPS_ORDER.contains(&call.name()) => {
            let mut varying = call.args.iter().filter(|a| !is_literal(a));
            match (varying.next(), varying.next()) {
                (Some(one), None) => ordered_by(one, schema),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_literal(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Literal(..) => true,
        Expr::Cast(c) => is_literal(&c.expr),
        _ => false,
    }
}

/// Types whose values are moments, and that a frontier is compared with.
pub(crate) fn is_time(of: &DataType) -> bool {
    matches!(of, DataType::Timestamp(..) | DataType::Date32)
}

/// What a list's frontier says of its elements: per field of the struct, the least.
pub(crate) fn unnested(value: Option<&ScalarValue>) -> Option<ScalarValue> {
    let ScalarValue::List(list) = value? else { return None };
    let elements = list.value(0);
    match elements.as_struct_opt() {
        Some(windows) => {
            let least: Option<Vec<ArrayRef>> = windows.columns().iter().map(least).collect();
            let made = StructArray::try_new(windows.fields().clone(), least?, None).ok()?;
            Some(ScalarValue::Struct(Arc::new(made)))
        }
        None => ScalarValue::try_from_array(&least(&elements)?, 0).ok(),
    }
}

fn least(array: &ArrayRef) -> Option<ArrayRef> {
    let values = moments(array).ok()?;
    let (at, _) = values.iter().enumerate().filter_map(|(i, v)| v.map(|v| (i, v))).min_by_key(|(_, v)| *v)?;
    Some(array.slice(at, 1))
}

/// A moment in its type's own unit.
pub(crate) fn native(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(v, _)
        | ScalarValue::TimestampMillisecond(v, _)
        | ScalarValue::TimestampMicrosecond(v, _)
        | ScalarValue::TimestampNanosecond(v, _) => *v,
        ScalarValue::Date32(v) => v.map(i64::from),
        _ => None,
    }
}

/// The same for a column.
pub(crate) fn moments(array: &ArrayRef) -> Result<Int64Array> {
    let array = cast(array, &DataType::Int64)?;
    Ok(array.as_primitive::<arrow::datatypes::Int64Type>().clone())
}

/// A moment, given in microseconds, as a value of a column's type: not after it.
pub(crate) fn moment(micros: i64, of: &DataType) -> Option<ScalarValue> {
    Some(match of {
        DataType::Timestamp(TimeUnit::Second, z) => ScalarValue::TimestampSecond(Some(micros.div_euclid(1_000_000)), z.clone()),
        DataType::Timestamp(TimeUnit::Millisecond, z) => ScalarValue::TimestampMillisecond(Some(micros.div_euclid(1_000)), z.clone()),
        DataType::Timestamp(TimeUnit::Microsecond, z) => ScalarValue::TimestampMicrosecond(Some(micros), z.clone()),
        DataType::Timestamp(TimeUnit::Nanosecond, z) => ScalarValue::TimestampNanosecond(Some(micros.saturating_mul(1_000)), z.clone()),
        DataType::Date32 => ScalarValue::Date32(i32::try_from(micros.div_euclid(86_400_000_000)).ok()),
        _ => return None,
    })
}

/// Microseconds of a moment in a type's own unit.
pub(crate) fn micros_of(native: i64, of: &DataType) -> i64 {
    match of {
        DataType::Timestamp(TimeUnit::Second, _) => native.saturating_mul(1_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => native.saturating_mul(1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => native.div_euclid(1_000),
        DataType::Date32 => native.saturating_mul(86_400_000_000),
        _ => native,
    }
}

/// The frontier's moments, column by column, in native units.
pub(crate) fn natives(frontier: &Frontier) -> Vec<Option<i64>> {
    frontier.iter().map(|f| f.as_ref().and_then(native)).collect()
}
