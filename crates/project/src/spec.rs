//! What a project says, after parsing: plain data with spans, no behaviour. Names are as the user wrote them; [`Spanned`] values
//! remember where.

mod rule;
mod view;

pub use rule::*;
pub use view::*;

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
    pub queries: Vec<crate::query::NamedQuery>,
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
