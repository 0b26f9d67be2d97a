//! One Arrow value as text, for each format: instants as people read them, or as ISO 8601 for programs.

use super::grid::Kind;
use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};

/// For whom a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// `2014-08-16 10:00:00`, and `2014-08-16 10:00:00Z` for instants.
    Person,
    /// `2014-08-16T10:00:00`, `2014-08-16T10:00:00Z`.
    Program,
}

/// Formats the values of one column.
pub fn formatter(array: &dyn Array, reader: Reader) -> Result<ArrayFormatter<'_>, ArrowError> {
    ArrayFormatter::try_new(array, options(array.data_type(), reader))
}

/// `options` of a nested type are those of the instants in it.
fn options(data_type: &DataType, reader: Reader) -> &'static FormatOptions<'static> {
    const BASE: FormatOptions<'static> = FormatOptions::new().with_null("NULL").with_duration_format(DurationFormat::Pretty);
    static PERSON: FormatOptions<'static> =
        BASE.with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f")).with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.fZ"));
    static PERSON_ZONED: FormatOptions<'static> =
        BASE.with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f")).with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
    static PROGRAM: FormatOptions<'static> =
        BASE.with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f")).with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    static PROGRAM_ZONED: FormatOptions<'static> =
        BASE.with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f")).with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.f%:z"));
    match (reader, is_utc(data_type)) {
        (Reader::Person, true) => &PERSON,
        (Reader::Person, false) => &PERSON_ZONED,
        (Reader::Program, true) => &PROGRAM,
        (Reader::Program, false) => &PROGRAM_ZONED,
    }
}

fn is_utc(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, Some(zone)) => matches!(zone.as_ref(), "UTC" | "Z" | "+00:00" | "Etc/UTC"),
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::ListView(f) => is_utc(f.data_type()),
        DataType::Struct(fields) => fields.iter().all(|f| is_utc(f.data_type()) || !matches!(f.data_type(), DataType::Timestamp(..))),
        DataType::Dictionary(_, value) => is_utc(value),
        _ => false,
    }
}

/// How a column of this type is laid out.
pub fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Dictionary(_, value) => kind(value),
        t if t.is_numeric() => Kind::Number,
        t if t.is_temporal() || *t == DataType::Boolean => Kind::Whole,
        _ => Kind::Text,
    }
}
