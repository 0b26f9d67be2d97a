//! `date_trunc` in microseconds.

use super::calendar;
use arrow::array::{AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::types::{NativeType, logical_date, logical_string};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::functions::datetime;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    TypeSignatureClass, Volatility,
};
use std::sync::Arc;

pub(crate) fn date_trunc() -> ScalarUDF {
    ScalarUDF::new_from_impl(DateTrunc { signature: signature(), others: datetime::date_trunc() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    signature: Signature,
    /// For times of day, other units than microseconds, and zones with an offset.
    others: Arc<ScalarUDF>,
}

/// As DataFusion's, but dates and texts become microseconds.
fn signature() -> Signature {
    let text = || Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
    let moment = Coercion::new_implicit(
        TypeSignatureClass::Timestamp,
        vec![TypeSignatureClass::Native(logical_string()), TypeSignatureClass::Native(logical_date())],
        NativeType::Timestamp(TimeUnit::Microsecond, None),
    );
    let time = Coercion::new_exact(TypeSignatureClass::Time);
    Signature::one_of(
        vec![TypeSignature::Coercible(vec![text(), moment]), TypeSignature::Coercible(vec![text(), time])],
        Volatility::Immutable,
    )
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.others.name()
    }

    fn aliases(&self) -> &[String] {
        self.others.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.others.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.others.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (Some(unit), Some(zone)) = (literal(&args.args[0]).and_then(Unit::named), micros_of_utc(&args.args[1].data_type())) else {
            return self.others.invoke_with_args(args);
        };
        let values = args.args[1].to_array(args.number_rows)?;
        let values = values.as_primitive::<TimestampMicrosecondType>();
        let cut: PrimitiveArray<TimestampMicrosecondType> = values.try_unary(|v| match unit.floor(v) {
            Some(v) => Ok(v),
            None => exec_err!("timestamp {v} µs out of range"),
        })?;
        let cut = cut.with_timezone_opt(zone);
        Ok(match &args.args[1] {
            ColumnarValue::Scalar(_) if !cut.is_empty() => ColumnarValue::Scalar(ScalarValue::try_from_array(&cut, 0)?),
            _ => ColumnarValue::Array(Arc::new(cut)),
        })
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.others.output_ordering(input)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.others.documentation()
    }
}

pub(super) fn literal(value: &ColumnarValue) -> Option<&str> {
    match value {
        ColumnarValue::Scalar(scalar) => scalar.try_as_str().flatten(),
        ColumnarValue::Array(_) => None,
    }
}

/// The zone of a type that is microseconds without an offset; `None` for any other type.
pub(super) fn micros_of_utc(data_type: &DataType) -> Option<Option<Arc<str>>> {
    match data_type {
        DataType::Timestamp(TimeUnit::Microsecond, zone) if zone.as_deref().is_none_or(|z| matches!(z, "UTC" | "+00:00" | "Z")) => {
            Some(zone.clone())
        }
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Unit {
    /// Of so many microseconds, all alike.
    Micros(i64),
    Week,
    /// Of so many months.
    Months(u32),
}

pub(super) const DAY: i64 = 86_400_000_000;

impl Unit {
    fn named(name: &str) -> Option<Unit> {
        Some(match name.to_ascii_lowercase().as_str() {
            "microsecond" => Unit::Micros(1),
            "millisecond" => Unit::Micros(1_000),
            "second" => Unit::Micros(1_000_000),
            "minute" => Unit::Micros(60_000_000),
            "hour" => Unit::Micros(3_600_000_000),
            "day" => Unit::Micros(DAY),
            "week" => Unit::Week,
            "month" => Unit::Months(1),
            "quarter" => Unit::Months(3),
            "year" => Unit::Months(12),
            _ => return None,
        })
    }

    /// The start of the unit that `micros` since 1970 lies in.
    fn floor(self, micros: i64) -> Option<i64> {
        let days = micros.div_euclid(DAY);
        match self {
            Unit::Micros(length) => micros.checked_sub(micros.rem_euclid(length)),
            // 1970-01-01 was a Thursday; weeks start on Monday (ISO 8601).
            Unit::Week => (days - (days + 3).rem_euclid(7)).checked_mul(DAY),
            Unit::Months(length) => {
                let (year, month, _) = calendar::date(days);
                calendar::first_of_month(year, (month - 1) / length * length + 1).checked_mul(DAY)
            }
        }
    }
}
