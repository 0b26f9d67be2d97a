//! A mistake in SQL, told so that its author can mend it.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use std::fmt;
use std::ops::Range;
use tidemill_core::Error;

/// What sort of mistake it is; a caller maps it to a problem code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlProblemKind {
    Syntax,
    /// A column that is unknown, ambiguous, or neither grouped nor aggregated.
    Column,
    Table,
    Function,
    Type,
    /// A statement that is not a question: it would write, or change the session.
    NotSelect,
    Other,
}

/// Message and help are lowercase and without a full stop, as in [`tidemill_core::Problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlProblem {
    pub kind: SqlProblemKind,
    pub message: String,
    /// Bytes of the text that was given; `None` when it is the text as a whole.
    pub span: Option<Range<usize>>,
    pub help: Option<String>,
}

impl SqlProblem {
    pub fn new(kind: SqlProblemKind, message: impl Into<String>) -> Self {
        SqlProblem { kind, message: message.into(), span: None, help: None }
    }
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
    #[must_use]
    pub fn at(mut self, span: Option<Range<usize>>) -> Self {
        self.span = span;
        self
    }
}

impl fmt::Display for SqlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SqlProblem {}

impl From<SqlProblem> for Error {
    fn from(problem: SqlProblem) -> Self {
        let mut error = Error::config(problem.message.clone());
        error.help.clone_from(&problem.help);
        error.because(problem)
    }
}

/// A type as one writes it in a CAST.
pub fn type_name(t: &DataType) -> String {
    match t {
        DataType::Null => "NULL".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int8 => "tinyint".into(),
        DataType::Int16 => "smallint".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "bigint".into(),
        DataType::UInt8 => "tinyint unsigned".into(),
        DataType::UInt16 => "smallint unsigned".into(),
        DataType::UInt32 => "int unsigned".into(),
        DataType::UInt64 => "bigint unsigned".into(),
        DataType::Float16 | DataType::Float32 => "real".into(),
        DataType::Float64 => "double".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytea".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond, zone) => {
            if zone.is_some() { "timestamp with time zone".into() } else { "timestamp".into() }
        }
        DataType::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime | IntervalUnit::MonthDayNano) | DataType::Duration(_) => {
            "interval".into()
        }
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            format!("decimal({p},{s})")
        }
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::ListView(f) => {
            format!("{}[]", type_name(f.data_type()))
        }
        DataType::Dictionary(_, value) => type_name(value),
        other => other.to_string().to_lowercase(),
    }
}
