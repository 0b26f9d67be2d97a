//! `date_part` (and `EXTRACT`) of years, quarters, months and days, without a calendar library in the loop.

use super::calendar::{DAYS_MAX, date};
use super::date_trunc::{DAY, literal, micros_of_utc};
use arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{DataType, Date32Type, FieldRef, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::functions::datetime;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

pub(crate) fn date_part() -> ScalarUDF {
    ScalarUDF::new_from_impl(DatePart { others: datetime::date_part() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DatePart {
    /// For all other parts, types, and single values.
    others: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        self.others.name()
    }

    fn aliases(&self) -> &[String] {
        self.others.aliases()
    }

    fn signature(&self) -> &Signature {
        self.others.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.others.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.others.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let ([part, ColumnarValue::Array(values)], Some(known)) =
            (&args.args[..], args.args.first().and_then(literal).and_then(Part::named))
            && let Some(numbers) = known.of(values)
        {
            debug_assert!(matches!(part, ColumnarValue::Scalar(_)));
            return Ok(ColumnarValue::Array(Arc::new(numbers)));
        }
        self.others.invoke_with_args(args)
    }

    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        self.others.preimage(args, literal, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.others.documentation()
    }
}

#[derive(Clone, Copy)]
enum Part {
    Year,
    Quarter,
    Month,
    Day,
}

impl Part {
    fn named(name: &str) -> Option<Part> {
        Some(match name.to_ascii_lowercase().as_str() {
            "year" => Part::Year,
            "quarter" => Part::Quarter,
            "month" => Part::Month,
            "day" => Part::Day,
            _ => return None,
        })
    }

    /// `None`: not of this type, or of days that a library should judge.
    fn of(self, values: &ArrayRef) -> Option<Int32Array> {
        match values.data_type() {
            DataType::Date32 => {
                let days = values.as_primitive::<Date32Type>();
                self.of_days(days.values().iter().map(|d| i64::from(*d)), values)
            }
            other if micros_of_utc(other).is_some() => {
                let micros = values.as_primitive::<TimestampMicrosecondType>();
                self.of_days(micros.values().iter().map(|v| v.div_euclid(DAY)), values)
            }
            _ => None,
        }
    }

    fn of_days(self, days: impl Iterator<Item = i64>, values: &ArrayRef) -> Option<Int32Array> {
        match self {
            Part::Year => each(days, values, |(year, ..)| year as i32),
            Part::Quarter => each(days, values, |(_, month, _)| month.div_ceil(3) as i32),
            Part::Month => each(days, values, |(_, month, _)| month as i32),
            Part::Day => each(days, values, |(.., day)| day as i32),
        }
    }
}

/// What lies under a NULL is anything; it is computed, and not looked at.
fn each(days: impl Iterator<Item = i64>, values: &ArrayRef, part: impl Fn((i64, u32, u32)) -> i32) -> Option<Int32Array> {
    let mut is_far = false;
    let parts: Vec<i32> = days
        .map(|days| {
            is_far |= days.unsigned_abs() > DAYS_MAX.unsigned_abs();
            part(date(days))
        })
        .collect();
    (!is_far).then(|| Int32Array::new(parts.into(), values.nulls().cloned()))
}
