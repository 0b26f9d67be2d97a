//! The value of a parameter: whether a text is one of its type, and how SQL casts it.

use crate::dashboard::query::whole_time;
use arrow::datatypes::DataType;

/// The text as SQL casts it, always the same for the same value; or what it should have been, in words.
pub(super) fn of(data_type: &DataType, text: &str) -> Result<String, String> {
    let wrong = || words(data_type);
    let whole = |least: i64, greatest: i64| {
        let n = text.parse::<i64>().ok().filter(|n| (least..=greatest).contains(n));
        n.map(|n| n.to_string()).ok_or_else(wrong)
    };
    match data_type {
        DataType::Boolean => matches!(text, "true" | "false").then(|| text.to_string()).ok_or_else(wrong),
        DataType::Int8 => whole(i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => whole(i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => whole(i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => whole(i64::MIN, i64::MAX),
        DataType::Float32 | DataType::Float64 => match text.parse::<f64>() {
            Ok(n) if n.is_finite() => Ok(n.to_string()),
            _ => Err(wrong()),
        },
        DataType::Decimal128(precision, scale) => decimal(text, *precision, *scale).ok_or_else(wrong),
        DataType::Date32 => {
            let day = whole_time(text);
            chrono::NaiveDate::parse_from_str(&day, "%Y-%m-%d")
                .ok()
                .filter(|_| has_four_digits(&day) && day.len() == 10)
                .ok_or_else(wrong)?;
            Ok(day)
        }
        DataType::Timestamp(..) => {
            let moment = whole_time(text);
            crate::dashboard::query::is_time(&moment).then_some(moment).ok_or_else(wrong)
        }
        _ => Ok(text.to_string()),
    }
}

/// A number with a point that the type has room for.
fn decimal(text: &str, precision: u8, scale: i8) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let room = i64::from(precision) - i64::from(scale);
    // Rounding may add a digit before the point.
    let fits =
        i64::try_from(whole.trim_start_matches('0').len()).is_ok_and(|n| n < room || (n == room && part.len() <= scale.max(0) as usize));
    let is_there = !(whole.is_empty() && part.is_empty()) && part.len() <= 100;
    (is_there && is_number(whole) && is_number(part) && fits).then(|| text.strip_prefix('+').unwrap_or(text).to_string())
}

fn has_four_digits(day: &str) -> bool {
    day.len() > 4 && day.as_bytes()[..4].iter().all(u8::is_ascii_digit) && day.as_bytes()[4] == b'-'
}

/// What a value of the type is.
pub(super) fn words(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "`true` or `false`".into(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => format!("a whole number ({})", crate::type_name(data_type)),
        DataType::Int64 => "a whole number".into(),
        DataType::Float32 | DataType::Float64 => "a number".into(),
        DataType::Decimal128(..) => format!("a number ({})", crate::type_name(data_type)),
        DataType::Date32 => "a date such as `2024-05-31`".into(),
        DataType::Timestamp(..) => "a time such as `2024-05-31` or `2024-05-31T12:00:00Z`".into(),
        _ => "a text".into(),
    }
}

pub(super) fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INTEGER".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "REAL".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Date32 => "DATE".into(),
        DataType::Timestamp(..) => "TIMESTAMP".into(),
        _ => "VARCHAR".into(),
    }
}
