//! The rules by which a table is prepared, as `[[clean]]` says them.

use super::{OptionValue, Span, Sql};
use arrow::datatypes::DataType;
use tidemill_core::Spanned;

/// One `[[clean]]` entry.
#[derive(Debug, Clone)]
pub struct RuleSpec {
    pub rule: Rule,
    /// Span of the entry's `rule = "…"` value.
    pub span: Span,
    pub description: String,
    pub on_stream: OnStream,
}

/// What becomes of a rule that a stream can't keep, while its table is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStream {
    /// The table can't be followed.
    #[default]
    Refuse,
    /// Rows that come are left as they are by it, until a run makes the table anew.
    Skip,
}

/// The preparation rules. `into` is a template: `{column}` stands in it where several columns are written (for one column its name is put in
/// already), `{value}` and `{part}` where encode and date_parts write several. Defaults are put in: `{column}_scaled`, `{column}_outlier`,
/// `{column}_{value}`, `{column}_code` (ordinal), `{column}_frequency`, `{column}_bin`, `{column}_{part}`. `None` means in place.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Text clean-up, in this order: Unicode form, trim, spaces, case, empty to NULL.
    Text {
        columns: Columns,
        unicode: Option<UnicodeForm>,
        trim: bool,
        collapse_spaces: bool,
        case: Option<Case>,
        empty_to_null: bool,
    },
    /// Cells for whose row `condition` is true become NULL.
    Invalid {
        columns: Columns,
        condition: Sql,
    },
    /// Missing cells.
    Missing {
        columns: Columns,
        with: Fill,
        by: Vec<Spanned<String>>,
        order_by: Vec<Spanned<String>>,
    },
    /// Rows that repeat another.
    Duplicates {
        key: DuplicateKey,
        keep: Keep,
    },
    /// Rows that are likely the same, though not letter for letter.
    NearDuplicates {
        like: Vec<Spanned<String>>,
        similarity_min: f64,
        /// Or else they are only listed.
        drop: bool,
    },
    /// Spellings brought to right ones. Several columns only for [`RepairTo::Frequent`].
    Repair {
        columns: Columns,
        to: RepairTo,
        distance_max: u32,
        confidence_min: f64,
        ignore_case: bool,
        trim: bool,
        otherwise: Otherwise,
        into: Option<Spanned<String>>,
    },
    /// Cells that contradict what the row's other columns say. Each entry of `by` is one column, or several that decide together.
    RepairBy {
        columns: Columns,
        by: Vec<Vec<Spanned<String>>>,
        confidence_min: f64,
    },
    /// Values that hold a neighbouring column's.
    RepairGlued {
        columns: Columns,
        confidence_min: f64,
    },
    Outliers {
        columns: Columns,
        method: OutlierMethod,
        action: OutlierAction,
        into: Option<Spanned<String>>,
    },
    Scale {
        columns: Columns,
        method: ScaleMethod,
        into: Option<Spanned<String>>,
    },
    Encode {
        column: Spanned<String>,
        method: EncodeMethod,
        into: Option<Spanned<String>>,
        drop: bool,
    },
    /// `edges = [30, 60]` with three labels: below 30, from 30 to below 60, from 60. Or `quantiles = n`.
    /// There is a label for every group, made up where none were given.
    Bin {
        column: Spanned<String>,
        cuts: Cuts,
        labels: Vec<String>,
        into: Spanned<String>,
    },
    /// A column from a SQL expression; aggregates in it are fitted over the table as it is at this rule.
    Derive {
        column: Spanned<String>,
        sql: Sql,
        data_type: Option<Spanned<DataType>>,
        description: String,
    },
    DateParts {
        column: Spanned<String>,
        parts: Vec<Spanned<DatePart>>,
        into: Option<Spanned<String>>,
    },
    /// Removes columns; `only_constant` stops the run if one of them varies.
    Drop {
        columns: Columns,
        only_constant: bool,
    },
    /// Keeps rows for which the predicate is true; the others are counted as filtered.
    Filter {
        condition: Sql,
    },
    Rename {
        pairs: Vec<(Spanned<String>, Spanned<String>)>,
    },
    /// Exactly these columns, in this order.
    Select {
        columns: Vec<Spanned<String>>,
    },
    /// A value that can't be cast becomes NULL and is counted.
    Cast {
        columns: Columns,
        data_type: Spanned<DataType>,
    },
}

impl Rule {
    /// The word in the project file.
    pub fn kind(&self) -> &'static str {
        match self {
            Rule::Text { .. } => "text",
            Rule::Invalid { .. } => "invalid",
            Rule::Missing { .. } => "missing",
            Rule::Duplicates { .. } | Rule::NearDuplicates { .. } => "duplicates",
            Rule::Repair { .. } | Rule::RepairBy { .. } | Rule::RepairGlued { .. } => "repair",
            Rule::Outliers { .. } => "outliers",
            Rule::Scale { .. } => "scale",
            Rule::Encode { .. } => "encode",
            Rule::Bin { .. } => "bin",
            Rule::Derive { .. } => "derive",
            Rule::DateParts { .. } => "date_parts",
            Rule::Drop { .. } => "drop",
            Rule::Filter { .. } => "filter",
            Rule::Rename { .. } => "rename",
            Rule::Select { .. } => "select",
            Rule::Cast { .. } => "cast",
        }
    }
}

/// Which columns a rule touches.
#[derive(Debug, Clone)]
pub enum Columns {
    Named(Vec<Spanned<String>>),
    /// `columns = "*"`: all the rule can apply to (text rules: text columns; numeric rules: numbers).
    All(Span),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnicodeForm {
    Nfc,
    Nfkc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Lower,
    Upper,
    Title,
}

#[derive(Debug, Clone)]
pub enum Fill {
    /// Rows with a missing cell go (counted as filtered).
    Drop,
    Constant(Spanned<OptionValue>),
    Mean,
    /// Exact; the mean of the two middle values for an even count; rounded towards minus infinity for whole-number columns.
    Median,
    /// Most frequent; ties to the smallest.
    Mode,
    /// The last value before it, by `order_by` or else in source order.
    Forward,
}

#[derive(Debug, Clone)]
pub enum DuplicateKey {
    /// All columns but `ignore`; equal when every cell is (NULL equals NULL).
    Exact {
        ignore: Vec<Spanned<String>>,
    },
    Key(Vec<Spanned<String>>),
}

#[derive(Debug, Clone)]
pub enum Keep {
    First,
    Last,
    /// The row with the greatest value of this column; ties to the last in source order, NULL counts lowest.
    Latest(Spanned<String>),
}

#[derive(Debug, Clone)]
pub enum RepairTo {
    List(Vec<String>),
    /// One value a line, relative to the project.
    File(Spanned<String>),
    /// `clean.countries.name`: the distinct values of another table's column.
    Column {
        table: Spanned<String>,
        column: String,
    },
    /// The column's own values that occur at least `count_min` times and are `ratio_min` times as frequent as the spelling repaired.
    Frequent {
        count_min: u64,
        ratio_min: f64,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Otherwise {
    Keep,
    Null,
    Value(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OutlierMethod {
    /// Beyond `factor` times the interquartile range from the quartiles.
    Iqr {
        factor: f64,
    },
    /// Further than `threshold` sample standard deviations from the mean.
    ZScore {
        threshold: f64,
    },
    Quantile {
        lower: f64,
        upper: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutlierAction {
    Clip,
    Missing,
    Drop,
    /// Writes a boolean column `into` (default `{column}_outlier`).
    Flag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleMethod {
    /// (x − mean) / sample standard deviation; 0 where the deviation is 0.
    Standard,
    /// (x − min) / (max − min); 0 where max = min.
    MinMax,
    /// (x − median) / interquartile range; 0 where the range is 0.
    Robust,
}

#[derive(Debug, Clone)]
pub enum EncodeMethod {
    /// One 0/1 column per value, `into` default `{column}_{value}`. Values named here are known to `check`; else they are fitted,
    /// most frequent first, at most `values_max`.
    OneHot { values: Vec<String>, values_max: usize },
    /// Whole numbers from 0 in this order (or sorted order when empty); others NULL.
    Ordinal { order: Vec<String> },
    /// Share of rows that hold the value.
    Frequency,
}

#[derive(Debug, Clone)]
pub enum Cuts {
    Edges(Vec<f64>),
    Quantiles(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatePart {
    Year,
    Quarter,
    Month,
    /// ISO 8601 week.
    Week,
    Day,
    /// ISO 8601: Monday 1 to Sunday 7.
    Weekday,
    DayOfYear,
    Hour,
    Minute,
    /// Days since 1970-01-01.
    EpochDay,
}
