//! The SQL of panels, as text: what a panel shows, the rows behind it, what a filter may choose. Values that somebody chose never stand in
//! the text: they are `$1`, `$2`, … and come beside it, in order.

mod chosen;
mod shape;
#[cfg(test)]
mod tests;

use super::spec::{Panel, PanelKind};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;

pub use chosen::mistake;
pub(crate) use chosen::{is_time, whole_time};

/// So many rows of a panel are shown at most; one more is asked for, to know whether there are more.
pub const ROWS: u64 = 2_000;

/// Rows of a table whose panel has no `limit`.
pub const TABLE_ROWS: u64 = 100;

/// Bins of a histogram that does not say how many.
pub const BINS: u64 = 30;

/// What the values of a column are, as far as a page is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
    Time,
}

impl Kind {
    pub fn of(data_type: &DataType) -> Kind {
        match data_type {
            DataType::Boolean => Kind::Boolean,
            t if t.is_integer() => Kind::Integer,
            DataType::Decimal128(_, 0) | DataType::Decimal256(_, 0) => Kind::Integer,
            t if t.is_numeric() => Kind::Number,
            DataType::Date32 | DataType::Date64 => Kind::Date,
            DataType::Timestamp(..) => Kind::Time,
            DataType::Dictionary(_, values) => Kind::of(values),
            _ => Kind::Text,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Time => "time",
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Kind::Integer | Kind::Number)
    }

    pub fn is_time(self) -> bool {
        matches!(self, Kind::Date | Kind::Time)
    }
}

/// What somebody chose, by column.
pub type Selections = BTreeMap<String, Selection>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// One of these; `None` is NULL. An empty list chooses nothing and does not apply.
    In(Vec<Option<String>>),
    /// Of times the end is left out, of anything else it belongs to it.
    Between(Option<String>, Option<String>),
}

/// The value of a `$n`, as text: the SQL casts it.
pub type Param = String;

/// SQL and the values of its `$1`, `$2`, ….
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub sql: String,
    pub params: Vec<Param>,
}

/// What the panel shows. `columns` are those of its view. The result's columns are `x`, `by`, `y0`, `y1`, …:
/// - number: `y0`; with `x` a row for each `x`, the newest last
/// - histogram: `x` and `x1` (the edges of a bin; bins without rows are left out) and `y0`
/// - table: its columns, by [`Panel::column_name`]
///
/// At most [`ROWS`] and one.
pub fn panel(panel: &Panel, columns: &[(String, Kind)], selections: &Selections) -> Asked {
    let asking = Asking::new(panel, columns, selections);
    let sql = match *panel.kind {
        PanelKind::Number => asking.number(),
        PanelKind::Histogram => asking.histogram(),
        PanelKind::Scatter => asking.scatter(),
        PanelKind::Table => asking.table(),
        _ => asking.groups(),
    };
    Asked { sql, params: asking.params }
}

/// Rows of the view that the panel is made of, all columns of each.
pub fn rows(panel: &Panel, columns: &[(String, Kind)], selections: &Selections, limit: u64, offset: u64) -> Asked {
    let asking = Asking::new(panel, columns, selections);
    let sql = format!("SELECT *\n{}\n{}LIMIT {limit} OFFSET {offset}", asking.from(), asking.row_order());
    Asked { sql, params: asking.params }
}

/// How many rows the panel is made of, in a column `rows`.
pub fn count(panel: &Panel, columns: &[(String, Kind)], selections: &Selections) -> Asked {
    let asking = Asking::new(panel, columns, selections);
    Asked { sql: format!("SELECT count(*) AS \"rows\"\n{}", asking.from()), params: asking.params }
}

/// What may be chosen of a column: each `value` and its number of `rows`, the most frequent first; with `search`, values that hold it.
pub fn values(view: &str, column: &str, search: Option<&str>, limit: u64) -> Asked {
    let (relation, column) = (relation(view), quoted(column));
    let search = search.filter(|s| !s.is_empty());
    let held =
        search.map_or(String::new(), |_| format!("WHERE strpos(lower(CAST({column} AS VARCHAR)), lower(CAST($1 AS VARCHAR))) > 0\n"));
    let sql = format!(
        "SELECT {column} AS \"value\", count(*) AS \"rows\"\nFROM {relation}\n{held}GROUP BY 1\nORDER BY 2 DESC, 1\nLIMIT {}",
        limit.min(ROWS + 1)
    );
    Asked { sql, params: search.map(str::to_string).into_iter().collect() }
}

/// The least and the greatest value of a column, in `min` and `max`.
pub fn bounds(view: &str, column: &str) -> Asked {
    let (relation, column) = (relation(view), quoted(column));
    Asked { sql: format!("SELECT min({column}) AS \"min\", max({column}) AS \"max\"\nFROM {relation}"), params: Vec::new() }
}

/// Which of `selections` apply to a panel whose view has `columns`.
pub fn applying<'a>(columns: &'a [(String, Kind)], selections: &'a Selections) -> impl Iterator<Item = (&'a str, Kind, &'a Selection)> {
    let says = |s: &Selection| !matches!(s, Selection::In(values) if values.is_empty()) && *s != Selection::Between(None, None);
    selections.iter().filter(move |(_, s)| says(s)).filter_map(|(name, selection)| {
        let (name, kind) = columns.iter().find(|(column, _)| column == name)?;
        Some((name.as_str(), *kind, selection))
    })
}

/// A name as SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `system.runs` and the like: each part of the name by itself.
pub fn relation(view: &str) -> String {
    view.splitn(2, '.').map(quoted).collect::<Vec<_>>().join(".")
}

impl Panel {
    /// What a column of a table is called in its result: a column of the view by its name, anything else `c0`, `c1`, … by its place.
    pub fn column_name(&self, at: usize) -> String {
        let text = self.columns.get(at).map_or("", |m| m.sql.text.trim());
        super::plain_column(text).unwrap_or_else(|| format!("c{at}"))
    }
}

/// A panel's SQL being written.
struct Asking<'a> {
    panel: &'a Panel,
    columns: &'a [(String, Kind)],
    params: Vec<Param>,
    /// `FROM` its view.
    table: String,
    /// Which rows count: `WHERE` on a line of its own, or nothing.
    filter: String,
}

impl<'a> Asking<'a> {
    fn new(panel: &'a Panel, columns: &'a [(String, Kind)], selections: &Selections) -> Self {
        let mut params = Vec::new();
        // On lines of its own: SQL may end in a comment.
        let own = panel.condition.iter().map(|c| format!("(\n{}\n)", c.text));
        let mut conditions: Vec<String> = own.collect();
        for (column, kind, selection) in applying(columns, selections) {
            conditions.push(chosen::condition(column, kind, selection, &mut params));
        }
        let filter = if conditions.is_empty() { String::new() } else { format!("\nWHERE {}", conditions.join("\n  AND ")) };
        Asking { panel, columns, params, table: format!("FROM {}", relation(&panel.view)), filter }
    }

    fn from(&self) -> String {
        format!("{}{}", self.table, self.filter)
    }

    fn kind_of(&self, column: &str) -> Option<Kind> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, kind)| *kind)
    }
}
