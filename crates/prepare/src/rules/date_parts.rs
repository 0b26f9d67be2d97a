//! `date_parts`: year, month, weekday and the like of a date or timestamp, each a column.

use crate::cells::{cast_loosely, is_moment};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::Scope;
use arrow::compute::{DatePart as ArrowPart, date_part};
use arrow::datatypes::DataType;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Result, Spanned, codes};
use tidemill_project::spec::DatePart;

pub(super) fn compile(scope: &mut Scope, column: &Spanned<String>, parts: &[Spanned<DatePart>], into: Option<&Spanned<String>>) {
    let Some(c) = scope.column(column) else { return };
    if !is_moment(&c.data_type) {
        return scope.unfit(&c, &column.span, "a date or timestamp");
    }
    for part in parts {
        let clock = matches!(part.value, DatePart::Hour | DatePart::Minute);
        if clock && c.data_type == DataType::Date32 {
            let message = format!("`{}` is a date and has no {}", c.name, word(part.value));
            scope.error(codes::RULE_COLUMN_TYPE, &part.span, message, "leave this part out, or give the column the type timestamp");
            continue;
        }
        let template = into.map_or("{column}_{part}", |i| i.value.as_str());
        let name = template.replace("{column}", &c.name).replace("{part}", word(part.value));
        if name == c.name {
            let message = format!("`{name}` would be written over itself");
            scope.error(codes::RULE_OUTPUT_EXISTS, &into.map_or(0..0, |i| i.span.clone()), message, "use `{column}_{part}`");
            continue;
        }
        let span = into.map_or(part.span.clone(), |i| i.span.clone());
        if let Some(out) = scope.create(&name, &span, DataType::Int32) {
            scope.push_row(&name, vec![c.slot], out, None, Part(part.value));
        }
    }
}

/// The word in the project file.
fn word(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "year",
        DatePart::Quarter => "quarter",
        DatePart::Month => "month",
        DatePart::Week => "week",
        DatePart::Day => "day",
        DatePart::Weekday => "weekday",
        DatePart::DayOfYear => "day_of_year",
        DatePart::Hour => "hour",
        DatePart::Minute => "minute",
        DatePart::EpochDay => "epoch_day",
    }
}

#[derive(Clone, Copy)]
struct Part(DatePart);

impl RowRule for Part {
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(*self))
    }
}

impl Op for Part {
    fn run(&self, input: &Input) -> Result<Output> {
        let array = &input.arrays[0];
        let part = match self.0 {
            DatePart::Year => ArrowPart::Year,
            DatePart::Quarter => ArrowPart::Quarter,
            DatePart::Month => ArrowPart::Month,
            DatePart::Week => ArrowPart::WeekISO,
            DatePart::Day => ArrowPart::Day,
            DatePart::Weekday => ArrowPart::DayOfWeekMonday0,
            DatePart::DayOfYear => ArrowPart::DayOfYear,
            DatePart::Hour => ArrowPart::Hour,
            DatePart::Minute => ArrowPart::Minute,
            DatePart::EpochDay => {
                let days = cast_loosely(&cast_loosely(array, &DataType::Date32)?, &DataType::Int32)?;
                return Ok(Output::Columns(vec![days]));
            }
        };
        let mut out = cast_loosely(&date_part(array.as_ref(), part)?, &DataType::Int32)?;
        if self.0 == DatePart::Weekday {
            let days = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int32Type>(&out);
            out = Arc::new(days.unary::<_, arrow::datatypes::Int32Type>(|d| d + 1));
        }
        Ok(Output::Columns(vec![out]))
    }
}
