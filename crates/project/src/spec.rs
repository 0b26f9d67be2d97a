//! What a project says, after parsing: plain data with spans, no behaviour. Names are as the user wrote them; [`Spanned`] values
//! remember where.

use arrow::datatypes::DataType;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use tidemill_core::{Negative, OnInvalid, Place, Spanned};

pub type Span = Range<usize>;

/// A whole project directory, read.
#[derive(Debug, Clone)]
pub struct Project {
    /// Absolute path of the directory.
    pub dir: PathBuf,
    pub name: String,
    pub description: String,
    pub settings: crate::settings::Settings,
    pub tables: Vec<Table>,
    pub views: Vec<View>,
    pub functions: Vec<Function>,
    pub exports: Vec<Export>,
    pub alerts: Vec<Alert>,
    pub dashboards: Vec<crate::dashboard::Dashboard>,
    /// `[connections.NAME]`, as the chosen environment has them.
    pub connections: BTreeMap<String, BTreeMap<String, Spanned<OptionValue>>>,
    /// Text of every file read, by path relative to `dir`; problems quote it.
    pub files: BTreeMap<PathBuf, String>,
}

impl Project {
    /// The lake's directory.
    pub fn lake_at(&self) -> PathBuf {
        self.dir.join(&self.settings.lake.location)
    }

    /// Tables to which the chosen environment gives a source of its own.
    pub fn sources_chosen(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|t| t.alternatives.iter().any(|a| a.environment.is_none()))
    }
}

/// SQL inside a file: the text, and where its first byte stands, so that a span in the text becomes a span in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sql {
    pub text: String,
    /// Span of the text in its file (without quotes, for TOML strings).
    pub span: Span,
    /// Whether byte `i` of `text` is byte `span.start + i` of the file (false for TOML strings with escapes).
    pub exact: bool,
}

impl Sql {
    /// Where a range of `text` stands in the file.
    pub fn locate(&self, r: Range<usize>) -> Span {
        if self.exact { self.span.start + r.start..self.span.start + r.end } else { self.span.clone() }
    }
}

// ---------------------------------------------------------------------------------------------- tables

#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    /// `tables/NAME.toml`
    pub file: PathBuf,
    pub description: String,
    pub source: Source,
    pub load: Load,
    pub on_removed: OnRemoved,
    pub raw: RawPolicy,
    pub drift: Drift,
    pub refit: Refit,
    pub timezone: String,
    /// Columns whose values name one row of the clean table.
    pub key: Vec<Spanned<String>>,
    /// Declared columns, in file order.
    pub columns: Vec<Column>,
    /// What to do with source columns that are not declared.
    pub undeclared: Undeclared,
    /// Table-wide tokens that mean NULL, beside each column's own.
    pub nulls: Vec<String>,
    /// Predicates over the whole row; a row for which one is false goes to quarantine.
    pub checks: Vec<Check>,
    /// Preparation, in order.
    pub clean: Vec<RuleSpec>,
    /// Where the clean table's files live, if not under the lake.
    pub location: Option<Spanned<String>>,
    /// Columns by which the clean table's files are partitioned.
    pub partition_by: Vec<Spanned<String>>,
    /// How many changed cells per rule and column to keep in `system.changes`.
    pub samples: usize,
    /// Whether the clean table is kept in memory, once it has been read.
    pub cache: bool,
    /// The column of the clean table that says when a row happened: what watermarks are made of. Where absent, a live view takes the column
    /// that its windows are cut by.
    pub event_time: Option<Spanned<String>>,
    /// Of a table that is followed: rows reach its Delta tables this often, in microseconds.
    pub publish_micros: Option<Spanned<i64>>,
    /// Where its rows come from in other environments than the one chosen.
    pub alternatives: Vec<Alternative>,
}

/// A source that another environment has for a table.
#[derive(Debug, Clone)]
pub struct Alternative {
    /// `None`: the table's own `[source]`, in whose place the chosen environment has another.
    pub environment: Option<String>,
    /// Variables that are not set stand in it as written.
    pub source: Source,
}

/// A section that names a connector, such as `[source]`: which connector, and its options as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub connector: Spanned<String>,
    /// Every other key of the section, and those of the connection that it names; the connector checks them.
    pub options: Options,
    pub span: Span,
    /// The file that the section stands in.
    pub file: PathBuf,
    /// Of options that come from `[connections.NAME]`: where they stand.
    pub shared: BTreeMap<String, Place>,
}

impl Source {
    /// Where an option stands; the section, of one that is missing.
    pub fn place(&self, option: Option<&str>) -> Place {
        let own = || option.and_then(|o| self.options.get(o)).map_or(self.span.clone(), |v| v.span.clone());
        option.and_then(|o| self.shared.get(o).cloned()).unwrap_or_else(|| Place::span(&self.file, own()))
    }
}

/// Connector options with spans: only the connector knows what they mean.
pub type Options = BTreeMap<String, Spanned<OptionValue>>;

#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Spanned<OptionValue>>),
    Table(BTreeMap<String, Spanned<OptionValue>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Load {
    /// Every file's rows accumulate; a changed file replaces its own rows.
    #[default]
    Append,
    /// The table is what the source holds now.
    Replace,
    /// A row replaces the stored row with the same key.
    Upsert,
    /// The source is a whole snapshot: compared with the stored table by key; changed rows are updated, missing ones deleted.
    Diff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRemoved {
    #[default]
    Keep,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RawPolicy {
    /// Rows are kept as a raw table in the lake.
    #[default]
    Keep,
    /// The source is read again whenever raw rows are needed; no copy is kept.
    Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drift {
    /// New columns are added, types widened, missing columns filled with NULL.
    #[default]
    Evolve,
    /// Rows of a file whose columns are not the declared ones go to quarantine.
    Quarantine,
    /// Such a file fails the table.
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refit {
    #[default]
    Always,
    OnDrift,
    Manual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undeclared {
    /// Taken, with a type read from a sample.
    #[default]
    Keep,
    Drop,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: Spanned<String>,
    /// What the source calls it (`from`); the name itself by default.
    pub from: Option<Spanned<String>>,
    /// None: read from a sample.
    pub data_type: Option<Spanned<DataType>>,
    pub description: String,
    pub required: bool,
    pub unique: bool,
    /// Allowed values, as text compared after decoding.
    pub accepted: Vec<String>,
    pub min: Option<Spanned<OptionValue>>,
    pub max: Option<Spanned<OptionValue>>,
    pub checks: Vec<Check>,
    pub nulls: Vec<String>,
    pub formats: Vec<Spanned<String>>,
    pub on_invalid: OnInvalid,
    pub thousands: Option<char>,
    pub decimal: Option<char>,
    pub units: Vec<String>,
    pub negative: Negative,
    pub trim: bool,
    /// IANA zone, if not the table's.
    pub timezone: Option<Spanned<String>>,
    /// Span of the column's table in the file.
    pub span: Span,
}

/// A SQL predicate and its optional name.
#[derive(Debug, Clone)]
pub struct Check {
    pub name: Option<String>,
    pub sql: Sql,
}

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

// ---------------------------------------------------------------------------------------------- views and the rest

#[derive(Debug, Clone)]
pub struct View {
    pub name: String,
    /// `views/NAME.sql`
    pub file: PathBuf,
    pub description: String,
    pub materialized: Spanned<Materialized>,
    pub sql: Sql,
    pub tests: Vec<ViewTest>,
    /// Descriptions of columns, for the data dictionary.
    pub columns: BTreeMap<String, String>,
    pub partition_by: Vec<Spanned<String>>,
    /// Whether its rows are kept in memory, once they have been read.
    pub cache: Spanned<bool>,
    /// Of a live view.
    pub live: LiveSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Materialized {
    #[default]
    View,
    Table,
    /// Kept current while the project is served.
    Live,
}

/// What the header of a live view says. Times are in microseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveSettings {
    /// How far a row's event time may lie behind the newest of its split and still be on time.
    pub lateness_micros: i64,
    pub late: Late,
    pub emit: Emit,
    /// At most one emission in this time; `None`: at once.
    pub period_micros: Option<i64>,
    /// Bounds what grows with keys or rows; reaching it stops the view.
    pub state_limit: Option<Spanned<StateLimit>>,
    /// False: the SQL may read the clock, randomness or an unspecified order.
    pub deterministic: bool,
    /// A split from which nothing has come for so long does not hold the watermark back.
    pub idle_micros: i64,
    pub time: TimeDomain,
    /// Aggregates that can't be kept over updated rows are computed again for the groups touched.
    pub recompute: bool,
    /// Where its rows are sent: connector and options, as in an export.
    pub sink: Option<Source>,
    /// Columns that name one row of the result, for sinks and alerts; found from the SQL when absent.
    pub key: Vec<Spanned<String>>,
}

impl Default for LiveSettings {
    fn default() -> Self {
        LiveSettings {
            lateness_micros: 0,
            late: Late::default(),
            emit: Emit::default(),
            period_micros: None,
            state_limit: None,
            deterministic: true,
            idle_micros: 30_000_000,
            time: TimeDomain::default(),
            recompute: false,
            sink: None,
            key: Vec::new(),
        }
    }
}

/// What becomes of a row that comes after its time. It stays in its table, and is counted, whatever is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Late {
    /// Counted, and left out of the result.
    #[default]
    Count,
    /// Counted, and its result updated, as long as its window's state is kept: one lateness more.
    Update,
    /// Counted, left out, and listed in `system.late_rows`.
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emit {
    /// The result as it is now.
    #[default]
    Changes,
    /// A row once its window is over.
    Final,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeDomain {
    /// As the rows say.
    #[default]
    Event,
    /// When they were taken in.
    Processing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateLimit {
    Rows(u64),
    Bytes(u64),
}

/// A SELECT whose rows raise an alarm: `alerts/NAME.sql`.
#[derive(Debug, Clone)]
pub struct Alert {
    pub name: String,
    pub file: PathBuf,
    pub description: String,
    pub sql: Sql,
    pub severity: AlertSeverity,
    /// Columns that name one alarm; all columns when empty.
    pub key: Vec<Spanned<String>>,
    /// Asked this often over all rows. `None`: kept live, which the SQL must allow.
    pub every_micros: Option<Spanned<i64>>,
    /// An alarm that stands is told again after this time; `None`: never.
    pub renotify_micros: Option<i64>,
    /// After it was resolved, the same alarm is not raised again for this time.
    pub cooldown_micros: i64,
    /// A row that can't go away (a single order, say) resolves its alarm after this time.
    pub resolve_after_micros: Option<i64>,
    pub actions: Vec<AlertAction>,
    /// As of a live view, where it is kept live.
    pub live: LiveSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlertSeverity {
    Info,
    #[default]
    Warning,
    Critical,
}

/// What is done when an alarm is raised, told again or resolved, beside the line in `system.alerts`.
#[derive(Debug, Clone)]
pub enum AlertAction {
    Log,
    /// Connector and options, as in an export: `webhook`, `kafka`, …
    Send(Source),
}

#[derive(Debug, Clone)]
pub struct ViewTest {
    pub kind: TestKind,
    pub severity: TestSeverity,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestSeverity {
    /// A failing test fails the run (after all views were built).
    #[default]
    Error,
    Warn,
}

#[derive(Debug, Clone)]
pub enum TestKind {
    NotNull(Vec<Spanned<String>>),
    /// The columns together.
    Unique(Vec<Spanned<String>>),
    AcceptedValues {
        column: Spanned<String>,
        values: Vec<String>,
    },
    /// Every non-null value of `column` occurs in `to_column` of `to`.
    Relationships {
        column: Spanned<String>,
        to: Spanned<String>,
        to_column: String,
    },
    /// A SELECT that must return no row.
    Sql {
        name: String,
        sql: Sql,
    },
}

/// `CREATE FUNCTION name(arg TYPE, …) RETURNS TYPE RETURN expression`, or `… RETURNS TABLE (column TYPE, …) RETURN SELECT …`
#[derive(Debug, Clone)]
pub struct Function {
    pub name: String,
    pub file: PathBuf,
    pub description: String,
    /// The whole CREATE FUNCTION statement, its SELECT in brackets.
    pub sql: Sql,
    /// The SELECT of `AS $$ … $$`, which the statement holds as text.
    pub body: Option<Sql>,
    /// It is called in FROM.
    pub gives_rows: bool,
    /// Descriptions of parameters.
    pub parameters: BTreeMap<String, String>,
    /// Descriptions of the columns of its rows.
    pub columns: BTreeMap<String, String>,
    pub tests: Vec<FunctionTest>,
}

#[derive(Debug, Clone)]
pub struct FunctionTest {
    pub kind: FunctionTestKind,
    pub severity: TestSeverity,
}

#[derive(Debug, Clone)]
pub enum FunctionTestKind {
    /// An expression without rows, and its value as text; `None` is NULL.
    Call { call: Sql, equals: Spanned<Option<String>> },
    /// A SELECT that must return no row.
    Sql { name: String, sql: Sql },
}

impl Function {
    /// What it does, as SQL that can be looked into.
    pub fn code(&self) -> &Sql {
        self.body.as_ref().unwrap_or(&self.sql)
    }
}

#[derive(Debug, Clone)]
pub struct Export {
    pub name: String,
    pub file: PathBuf,
    pub description: String,
    /// A node's name, or a SELECT.
    pub from: Spanned<String>,
    /// Set when `from` was given as `sql`.
    pub sql: Option<Sql>,
    /// `files` by default.
    pub connector: Spanned<String>,
    pub options: Options,
}
