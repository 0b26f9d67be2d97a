//! The same for a whole project: its nodes, and which columns become which. Here, since who finds it out and who shows it know nothing of each other.

use arrow::datatypes::SchemaRef;
use serde::Serialize;

/// A project from its sources to what leaves it, by node and by column.
#[derive(Debug, Clone, Default)]
pub struct LineageGraph {
    pub nodes: Vec<GraphNode>,
    /// From what is read to what reads it.
    pub edges: Vec<(String, String)>,
    pub columns: Vec<ColumnEdge>,
}

#[derive(Debug, Clone)]
pub struct GraphNode {
    /// `source.orders`, `raw.orders`, `clean.orders`, `revenue_by_day`, `export.revenue`
    pub name: String,
    /// `source`, `raw`, `clean`, `view`, `table`, `live` or `export`
    pub kind: &'static str,
    pub schema: SchemaRef,
}

/// A column that a column is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ColumnEdge {
    pub from: String,
    pub from_column: String,
    pub to: String,
    /// `*`: it decides about whole rows.
    pub to_column: String,
    /// `direct`, `derived`, `filter`, `join` or `group`
    pub kind: String,
}

/// Where a column comes from, through all views between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnOrigin {
    pub column: String,
    /// `clean.orders.total`
    pub from: Vec<String>,
}
