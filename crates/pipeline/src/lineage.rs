//! Which source columns each column comes from: of views by their plan, of clean tables by their recipe.

use crate::check::Checked;
use crate::state::LineageLine;
use crate::tables::Prepared;
use arrow::datatypes::{Field, Schema, SchemaRef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_engine::{ColumnEdge, ColumnLineage, GraphNode, LineageGraph, Session};
use tidemill_project::NodeKind;
use tidemill_project::spec::{Columns, EncodeMethod, Materialized, Rule};

/// Every node that holds or passes on rows.
pub(crate) fn whole(checked: &Checked) -> LineageGraph {
    let mut graph = LineageGraph::default();
    for p in &checked.tables {
        add_table(&mut graph, checked, p);
    }
    let Some(session) = &checked.session else { return graph };
    for node in &checked.graph.nodes {
        let view = checked.project.views.iter().find(|v| v.name == node.name);
        let export = checked.project.exports.iter().find(|e| node.kind == NodeKind::Export && node.name == format!("export.{}", e.name));
        let (sql, kind) = match (view, export) {
            (Some(v), _) => (
                v.sql.text.clone(),
                match *v.materialized {
                    Materialized::View => "view",
                    Materialized::Table => "table",
                    Materialized::Live => "live",
                },
            ),
            (None, Some(e)) => {
                (e.sql.as_ref().map_or_else(|| format!("SELECT * FROM {}", relation(&e.from)), |s| s.text.clone()), "export")
            }
            (None, None) => continue,
        };
        let schema = checked.schemas.get(&node.name).cloned().or_else(|| session.schema_of(&sql).ok());
        graph.nodes.push(GraphNode { name: node.name.clone(), kind, schema: schema.unwrap_or_else(|| Arc::new(Schema::empty())) });
        graph.edges.extend(node.depends_on.iter().map(|d| (d.clone(), node.name.clone())));
        add_lines(&mut graph, &node.name, of_select(session, &sql));
    }
    let there: BTreeSet<String> = graph.nodes.iter().map(|n| n.name.clone()).collect();
    graph.edges.retain(|(from, _)| there.contains(from));
    // The record of work is read by views too, and made by no node.
    graph.columns.retain(|c| there.contains(&c.from));
    graph
}

fn add_table(graph: &mut LineageGraph, checked: &Checked, p: &Prepared) {
    let source = format!("source.{}", p.table.name);
    let labels: Vec<Field> = p.reads.iter().map(|c| Field::new(&c.label, c.data_type.clone(), true)).collect();
    graph.nodes.push(GraphNode { name: source.clone(), kind: "source", schema: Arc::new(Schema::new(labels)) });
    let first = if p.keeps_raw() { p.raw_node() } else { p.clean_node() };
    graph.edges.push((source.clone(), first));
    let label_of = |column: &str| p.reads.iter().find(|c| c.name == column).map_or(column, |c| c.label.as_str()).to_string();
    if p.keeps_raw() {
        graph.nodes.push(GraphNode { name: p.raw_node(), kind: "raw", schema: crate::ingest::raw_schema(&p.reads) });
        graph.edges.push((p.raw_node(), p.clean_node()));
        graph.columns.extend(p.reads.iter().map(|c| ColumnEdge {
            from: source.clone(),
            from_column: c.label.clone(),
            to: p.raw_node(),
            to_column: c.name.clone(),
            kind: "direct".into(),
        }));
    }
    let Some(schema) = checked.schemas.get(&p.clean_node()) else { return };
    graph.nodes.push(GraphNode { name: p.clean_node(), kind: "clean", schema: Arc::clone(schema) });
    let others = checked.graph.node(&p.clean_node()).into_iter().flat_map(|n| &n.depends_on).filter(|d| **d != p.raw_node());
    graph.edges.extend(others.map(|d| (d.clone(), p.clean_node())));
    let mut lines = of_recipe(p, schema);
    if !p.keeps_raw() {
        lines.iter_mut().for_each(|l| l.source_column = label_of(&l.source_column));
    }
    add_lines(graph, &p.clean_node(), lines);
}

fn add_lines(graph: &mut LineageGraph, to: &str, lines: Vec<LineageLine>) {
    let edges = lines.into_iter().map(|l| ColumnEdge {
        from: l.source,
        from_column: l.source_column,
        to: to.to_string(),
        to_column: l.target_column,
        kind: l.kind,
    });
    // One column may decide in several places.
    graph.columns.extend(edges.collect::<BTreeSet<_>>());
}

/// A node's name as SQL has it.
fn relation(node: &str) -> String {
    node.split('.').map(crate::quarantine::ident).collect::<Vec<_>>().join(".")
}

#[derive(Default, Clone)]
struct Trace {
    sources: BTreeSet<String>,
    rules: Vec<&'static str>,
    derived: bool,
}

/// Lineage of a clean table: column by column, through every rule that made or changed it.
pub(crate) fn of_recipe(p: &Prepared, output: &SchemaRef) -> Vec<LineageLine> {
    let source = if p.keeps_raw() { p.raw_node() } else { format!("source.{}", p.table.name) };
    let traces = trace(p);
    let mut lines = Vec::new();
    for f in output.fields() {
        let Some(t) = traces.get(f.name()).or_else(|| one_hot(p, &traces, f.name())) else { continue };
        for column in &t.sources {
            lines.push(LineageLine {
                target_column: f.name().clone(),
                source: source.clone(),
                source_column: column.clone(),
                kind: if t.derived { "derived" } else { "direct" }.into(),
                expression: t.rules.join(", "),
            });
        }
    }
    lines
}

fn trace(p: &Prepared) -> BTreeMap<String, Trace> {
    let mut columns: BTreeMap<String, Trace> =
        p.reads.iter().map(|c| (c.name.clone(), Trace { sources: BTreeSet::from([c.name.clone()]), ..Trace::default() })).collect();
    for spec in &p.table.clean {
        let kind = spec.rule.kind();
        let make = |columns: &mut BTreeMap<String, Trace>, from: &[&str], into: &str| {
            let made = made(columns, from, into, kind);
            columns.extend(made);
        };
        match &spec.rule {
            Rule::Text { columns: c, .. }
            | Rule::Invalid { columns: c, .. }
            | Rule::Missing { columns: c, .. }
            | Rule::Cast { columns: c, .. } => {
                for name in named(c) {
                    make(&mut columns, &[name], name);
                }
            }
            Rule::Outliers { columns: c, into, .. } | Rule::Scale { columns: c, into, .. } => {
                let ending = if matches!(spec.rule, Rule::Scale { .. }) { "{column}_scaled" } else { "{column}" };
                for name in named(c) {
                    make(&mut columns, &[name], &into.as_ref().map_or(ending, |i| i.as_str()).replace("{column}", name));
                }
            }
            Rule::Repair { columns: c, into, .. } => {
                for name in named(c) {
                    make(&mut columns, &[name], &into.as_ref().map_or("{column}", |i| i.as_str()).replace("{column}", name));
                }
            }
            Rule::RepairBy { columns: c, by, .. } => {
                let before = columns.clone();
                for name in named(c) {
                    let mut from: Vec<&str> = vec![name];
                    from.extend(by.iter().flatten().map(|b| b.value.as_str()));
                    columns.extend(made(&before, &from, name, kind));
                }
            }
            Rule::RepairGlued { columns: c, .. } => {
                let before = columns.clone();
                let names = named(c);
                for name in &names {
                    columns.extend(made(&before, &names, name, kind));
                }
            }
            Rule::Encode { column, into, method, .. } if !matches!(method, EncodeMethod::OneHot { .. }) => {
                make(&mut columns, &[column], &into.as_ref().map_or(column.as_str(), |i| i.as_str()).replace("{column}", column));
            }
            Rule::Bin { column, into, .. } => make(&mut columns, &[column], into),
            Rule::DateParts { column, parts, into } => {
                for part in parts {
                    let name = into.as_ref().map_or("{column}_{part}", |i| i.as_str()).replace("{column}", column);
                    make(&mut columns, &[column], &name.replace("{part}", &format!("{:?}", part.value).to_lowercase()));
                }
            }
            Rule::Derive { column, sql, .. } => {
                let names: Vec<String> = words(&sql.text).into_iter().filter(|w| columns.contains_key(w)).collect();
                make(&mut columns, &names.iter().map(String::as_str).collect::<Vec<_>>(), column);
            }
            Rule::Rename { pairs } => {
                for (old, new) in pairs {
                    if let Some(t) = columns.remove(&old.value) {
                        columns.insert(new.value.clone(), t);
                    }
                }
            }
            Rule::Encode { .. }
            | Rule::Duplicates { .. }
            | Rule::NearDuplicates { .. }
            | Rule::Drop { .. }
            | Rule::Filter { .. }
            | Rule::Select { .. } => {}
        }
    }
    columns
}

/// The trace of a column that a rule makes from others.
fn made(columns: &BTreeMap<String, Trace>, from: &[&str], into: &str, kind: &'static str) -> Option<(String, Trace)> {
    let mut t = Trace { derived: true, ..Trace::default() };
    for f in from {
        if let Some(s) = columns.get(*f) {
            t.sources.extend(s.sources.iter().cloned());
            t.rules.extend(s.rules.iter().filter(|_| *f == into));
        }
    }
    t.rules.push(kind);
    Some((into.to_string(), t))
}

fn named(c: &Columns) -> Vec<&str> {
    match c {
        Columns::Named(names) => names.iter().map(|n| n.value.as_str()).collect(),
        Columns::All(_) => Vec::new(),
    }
}

/// The column of a one-hot rule that this output column begins with.
fn one_hot<'a>(p: &Prepared, traces: &'a BTreeMap<String, Trace>, name: &str) -> Option<&'a Trace> {
    p.table.clean.iter().find_map(|s| match &s.rule {
        Rule::Encode { column, method: EncodeMethod::OneHot { .. }, .. } if name.starts_with(column.as_str()) => traces.get(&column.value),
        _ => None,
    })
}

/// Names in a SQL expression: words outside of string literals.
fn words(sql: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut in_text = false;
    for c in sql.chars().chain([' ']) {
        if c == '\'' {
            in_text = !in_text;
        }
        if !in_text && (c.is_alphanumeric() || c == '_') {
            word.extend(c.to_lowercase());
        } else if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
    }
    out
}

/// Lineage of a SELECT; empty where the engine can't tell (the view still works).
pub(crate) fn of_select(session: &Session, sql: &str) -> Vec<LineageLine> {
    let columns = session.lineage(sql).unwrap_or_default();
    columns.iter().flat_map(lines).collect()
}

fn lines(c: &ColumnLineage) -> Vec<LineageLine> {
    c.sources
        .iter()
        .map(|(source, source_column)| LineageLine {
            target_column: c.column.clone(),
            source: source.clone(),
            source_column: source_column.clone(),
            kind: c.kind.as_str().to_string(),
            expression: c.expression.clone(),
        })
        .collect()
}
