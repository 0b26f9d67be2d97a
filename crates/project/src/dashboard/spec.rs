//! What a dashboard's file says, after parsing.

use crate::spec::{Span, Sql};
use std::path::PathBuf;
use tidemill_core::Spanned;

/// `dashboards/NAME.toml`: panels and filters over views.
#[derive(Debug, Clone)]
pub struct Dashboard {
    pub name: String,
    pub file: PathBuf,
    pub title: String,
    pub description: String,
    /// Place in the menu; those of one place by name.
    pub position: i64,
    /// The column that names what the page is about: every panel is filtered by it, and the page is not in the menu.
    pub entity: Option<Spanned<String>>,
    pub filters: Vec<Filter>,
    pub panels: Vec<Panel>,
}

/// A choice that applies to every panel whose view has a column of this name.
#[derive(Debug, Clone)]
pub struct Filter {
    pub column: Spanned<String>,
    pub label: Option<String>,
    /// By the column's type when absent.
    pub kind: Option<Spanned<FilterKind>>,
    /// As written; what it means depends on the kind: [`Filter::default_as`].
    pub default: Option<Spanned<Written>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterKind {
    Select,
    Range,
    Time,
}

/// One value or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    One(String),
    List(Vec<String>),
}

/// What a filter says before anybody has touched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterDefault {
    In(Vec<String>),
    /// `None`: without an end on that side.
    Between(Option<String>, Option<String>),
    /// So long before the newest value, in microseconds.
    Newest(i64),
}

#[derive(Debug, Clone)]
pub struct Panel {
    pub title: String,
    pub description: String,
    pub kind: Spanned<PanelKind>,
    /// A view, a table, or one of the program's own such as `system.runs`.
    pub view: Spanned<String>,
    /// Over a row of the view.
    pub condition: Option<Sql>,
    pub x: Option<Spanned<String>>,
    pub bucket: Option<Spanned<Bucket>>,
    /// Aggregates; of a scatter, columns of a row.
    pub y: Vec<Measure>,
    pub by: Option<Spanned<String>>,
    pub order: Option<Spanned<Order>>,
    pub limit: Option<u64>,
    pub bins: Option<u64>,
    /// Of a table; all columns of the view when empty.
    pub columns: Vec<Measure>,
    /// Of 12.
    pub width: u8,
    /// The section.
    pub span: Span,
}

impl Panel {
    /// Every piece of SQL in it.
    pub fn expressions(&self) -> impl Iterator<Item = &Sql> {
        self.condition.iter().chain(self.y.iter().chain(&self.columns).map(|m| &m.sql))
    }

    /// Columns that it names outside SQL.
    pub fn named(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.x.iter().chain(&self.by)
    }
}

/// Something shown: a value, and how.
#[derive(Debug, Clone)]
pub struct Measure {
    pub sql: Sql,
    pub label: Option<String>,
    pub format: Option<Format>,
    pub unit: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PanelKind {
    Number,
    Line,
    Area,
    Bar,
    Stacked,
    Histogram,
    Heatmap,
    Cohort,
    Scatter,
    Table,
}

impl PanelKind {
    pub const ALL: [(&'static str, PanelKind); 10] = [
        ("number", PanelKind::Number),
        ("line", PanelKind::Line),
        ("area", PanelKind::Area),
        ("bar", PanelKind::Bar),
        ("stacked", PanelKind::Stacked),
        ("histogram", PanelKind::Histogram),
        ("heatmap", PanelKind::Heatmap),
        ("cohort", PanelKind::Cohort),
        ("scatter", PanelKind::Scatter),
        ("table", PanelKind::Table),
    ];

    pub fn as_str(self) -> &'static str {
        word(&PanelKind::ALL, self)
    }

    /// How wide a panel is when its file does not say.
    pub fn width(self) -> u8 {
        match self {
            PanelKind::Number => 3,
            PanelKind::Cohort | PanelKind::Table => 12,
            _ => 6,
        }
    }
}

impl FilterKind {
    pub const ALL: [(&'static str, FilterKind); 3] =
        [("select", FilterKind::Select), ("range", FilterKind::Range), ("time", FilterKind::Time)];

    pub fn as_str(self) -> &'static str {
        word(&FilterKind::ALL, self)
    }
}

/// The steps in which time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Bucket {
    pub const ALL: [(&'static str, Bucket); 7] = [
        ("minute", Bucket::Minute),
        ("hour", Bucket::Hour),
        ("day", Bucket::Day),
        ("week", Bucket::Week),
        ("month", Bucket::Month),
        ("quarter", Bucket::Quarter),
        ("year", Bucket::Year),
    ];

    pub fn as_str(self) -> &'static str {
        word(&Bucket::ALL, self)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Integer,
    Number,
    Money,
    Percent,
    Bytes,
    Duration,
}

impl Format {
    pub const ALL: [(&'static str, Format); 6] = [
        ("integer", Format::Integer),
        ("number", Format::Number),
        ("money", Format::Money),
        ("percent", Format::Percent),
        ("bytes", Format::Bytes),
        ("duration", Format::Duration),
    ];

    pub fn as_str(self) -> &'static str {
        word(&Format::ALL, self)
    }
}

/// `x`, `y desc`; of a table, a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub by: String,
    pub descending: bool,
}

fn word<T: Copy + PartialEq>(all: &[(&'static str, T)], wanted: T) -> &'static str {
    all.iter().find(|(_, t)| *t == wanted).map_or("", |(word, _)| word)
}
