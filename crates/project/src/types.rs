//! The names of column types in project files, both ways.

use arrow::datatypes::{DataType, TimeUnit};
use std::sync::Arc;
use tidemill_core::problem::did_you_mean;

const NAMES: [&str; 15] = [
    "text",
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "int",
    "float32",
    "float64",
    "float",
    "double",
    "decimal(p, s)",
    "date",
    "timestamp",
    "timestamp_local",
];

/// What other systems call our types.
const SYNONYMS: [(&str, &str); 22] = [
    ("string", "text"),
    ("str", "text"),
    ("varchar", "text"),
    ("char", "text"),
    ("object", "text"),
    ("utf8", "text"),
    ("category", "text"),
    ("boolean", "bool"),
    ("bit", "bool"),
    ("integer", "int64"),
    ("bigint", "int64"),
    ("long", "int64"),
    ("smallint", "int16"),
    ("tinyint", "int8"),
    ("real", "float32"),
    ("number", "float64"),
    ("numeric", "decimal(p, s)"),
    ("money", "decimal(18, 2)"),
    ("decimal", "decimal(18, 2)"),
    ("datetime", "timestamp"),
    ("timestamptz", "timestamp"),
    ("time", "timestamp"),
];

/// The type that a name in a project file means, or what to do about a name that means none.
pub fn parse_type(name: &str) -> Result<DataType, String> {
    let word = name.trim().to_lowercase();
    Ok(match word.as_str() {
        "text" => DataType::Utf8,
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" | "int" => DataType::Int64,
        "float32" => DataType::Float32,
        "float64" | "float" | "double" => DataType::Float64,
        "date" => DataType::Date32,
        "timestamp" => timestamp(Some("UTC")),
        "timestamp_local" => timestamp(None),
        _ => return parse_decimal(&word),
    })
}

/// The name of a type in project files; for a type that has none, Arrow's own name in lower case.
pub fn type_name(t: &DataType) -> String {
    match t {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Boolean => "bool".into(),
        DataType::Float32 => "float32".into(),
        DataType::Float64 => "float64".into(),
        DataType::Decimal128(p, s) => format!("decimal({p}, {s})"),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(_, Some(_)) => "timestamp".into(),
        DataType::Timestamp(_, None) => "timestamp_local".into(),
        DataType::Dictionary(_, value) => type_name(value),
        DataType::List(item) | DataType::LargeList(item) => format!("list({})", type_name(item.data_type())),
        other => other.to_string().to_lowercase(),
    }
}

fn timestamp(zone: Option<&str>) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.map(Arc::from))
}

fn parse_decimal(word: &str) -> Result<DataType, String> {
    if let Some(inside) = word.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')')) {
        let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
        let precision = parts.first().and_then(|p| p.parse::<u8>().ok());
        let scale = if parts.len() == 1 { Some(0) } else { parts.get(1).and_then(|s| s.parse::<i8>().ok()) };
        return match (precision, scale) {
            (Some(p @ 1..=38), Some(s)) if parts.len() <= 2 && s >= 0 && s as u8 <= p => Ok(DataType::Decimal128(p, s)),
            _ => Err("a decimal has 1 to 38 digits, of which at most as many after the point: `decimal(18, 2)`".into()),
        };
    }
    if let Some((_, ours)) = SYNONYMS.iter().find(|(theirs, _)| *theirs == word.split('(').next().unwrap_or(word)) {
        return Err(format!("here it is called `{ours}`"));
    }
    if matches!(word, "uint8" | "uint16" | "uint32" | "uint64") {
        return Err(format!("there are no unsigned types; use `int64` and `min = 0` instead of `{word}`"));
    }
    match did_you_mean(word, NAMES.into_iter().chain(SYNONYMS.iter().map(|(theirs, _)| *theirs))) {
        Some(near) => {
            let ours = SYNONYMS.iter().find(|(theirs, _)| *theirs == near).map_or(near, |(_, ours)| ours);
            Err(format!("did you mean `{ours}`?"))
        }
        None => Err(format!("the types are {}", crate::fields::quoted(NAMES.into_iter(), "and"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in ["text", "bool", "int8", "int64", "float32", "float64", "decimal(18, 2)", "date", "timestamp", "timestamp_local"] {
            assert_eq!(type_name(&parse_type(name).unwrap()), name);
        }
        assert_eq!(parse_type(" INT "), Ok(DataType::Int64));
        assert_eq!(parse_type("decimal(9)"), Ok(DataType::Decimal128(9, 0)));
    }

    #[test]
    fn other_peoples_names_are_translated() {
        assert!(parse_type("varchar(20)").unwrap_err().contains("`text`"));
        assert!(parse_type("in64").unwrap_err().contains("did you mean `int64`"));
        assert!(parse_type("interger").unwrap_err().contains("did you mean `int64`"));
        assert!(parse_type("decimal(40, 2)").unwrap_err().contains("38"));
        assert!(parse_type("decimal(4, 9)").is_err());
        assert!(parse_type("uint8").unwrap_err().contains("min = 0"));
    }
}
