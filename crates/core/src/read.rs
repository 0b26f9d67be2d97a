//! What a decoder is asked to give: typed columns, how each is spelled in the source, and what to do with a value that is not one.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// What becomes of a value that is there but does not parse as its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum OnInvalid {
    /// The whole row goes to quarantine.
    #[default]
    Quarantine,
    /// The cell becomes NULL and is counted per column.
    Null,
}

/// How numbers below zero are written. A minus in front is read always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Negative {
    #[default]
    Minus,
    /// `(1,078.65)`, as accountants do.
    Parentheses,
    /// `191-`, as SAP does.
    Trailing,
}

/// One column as a decoder should produce it.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnRead {
    /// Stored name (already normalised).
    pub name: String,
    /// What the source calls it: compared exactly first, then by normalised form. For headerless files, columns go by order.
    pub label: String,
    /// Boolean, Int8..Int64, Float32/Float64, Decimal128, Utf8, Date32 or Timestamp(Microsecond, None or UTC).
    pub data_type: DataType,
    /// strftime patterns tried in order, for dates, times and timestamps; empty means ISO 8601.
    pub formats: Vec<String>,
    /// Texts that mean NULL beside the unquoted empty field.
    pub null_tokens: Vec<String>,
    pub on_invalid: OnInvalid,
    /// IANA zone of timestamps written without one; also cuts days.
    pub timezone: String,
    /// `,` in 1,234.5 (removed before a number is read); none by default.
    pub thousands: Option<char>,
    /// `,` in 1234,5; `.` by default.
    pub decimal: char,
    /// Units that may follow (or, as a currency sign, precede) a number and are removed: `["kg", "€"]`.
    pub units: Vec<String>,
    pub negative: Negative,
    /// Surrounding white space is removed before a number, date or boolean is read always; for text only when this is set.
    pub trim: bool,
}

impl ColumnRead {
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        let name = name.into();
        ColumnRead {
            label: name.clone(),
            name,
            data_type,
            formats: Vec::new(),
            null_tokens: Vec::new(),
            on_invalid: OnInvalid::Quarantine,
            timezone: "UTC".into(),
            thousands: None,
            decimal: '.',
            units: Vec::new(),
            negative: Negative::Minus,
            trim: false,
        }
    }
}

/// The Arrow schema a decoder asked for `columns` gives: every column nullable, in this order.
pub fn schema_of(columns: &[ColumnRead]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|c| Field::new(&c.name, c.data_type.clone(), true)).collect::<Vec<_>>()))
}
