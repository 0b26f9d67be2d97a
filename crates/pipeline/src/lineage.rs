//! Which source columns each column comes from: of views by their plan, of clean tables by their recipe.

use crate::state::LineageLine;
use crate::tables::Prepared;
use arrow::datatypes::SchemaRef;
use std::collections::{BTreeMap, BTreeSet};
use tidemill_engine::{ColumnLineage, Session};
use tidemill_project::spec::{Columns, EncodeMethod, Rule};

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
