//! Columns: of clean tables by contract and recipe, of views by the plan of their SELECT.

use super::{ColumnEntry, one_line, rules};
use crate::check::Checked;
use crate::lineage;
use arrow::datatypes::{DataType, SchemaRef};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_core::OnInvalid;
use tidemill_engine::LineageKind;
use tidemill_project::spec::{Column, OptionValue, Rule, Table, View};

/// Longer expressions say less than where the column comes from.
const EXPRESSION_MAX: usize = 160;

/// Columns of the clean table, and those read that are not in it.
pub(super) fn of_table(t: &Table, checked: &Checked) -> (Vec<ColumnEntry>, Vec<ColumnEntry>) {
    let declared: BTreeMap<&str, &Column> = t.columns.iter().map(|c| (c.name.as_str(), c)).collect();
    let prepared = checked.tables.iter().find(|p| p.table.name == t.name);
    let clean = checked.schemas.get(&format!("clean.{}", t.name));
    let Some((prepared, clean)) = prepared.zip(clean) else {
        // The source can't be read, or is empty: what is declared is all that is known.
        let known = t.columns.iter().map(|c| of_declared(c, c.data_type.as_ref().map(|t| &t.value)));
        return (known.collect(), Vec::new());
    };
    // Of columns that rules make: what they are, and whether that is in the program's own words.
    let made: BTreeMap<String, (String, bool)> =
        t.clean.iter().flat_map(|r| rules::makes(&r.rule)).map(|m| (m.column, (m.text, m.is_own))).filter(|m| !m.1.0.is_empty()).collect();
    let renamed: BTreeMap<&str, &str> = t
        .clean
        .iter()
        .filter_map(|r| if let Rule::Rename { pairs } = &r.rule { Some(pairs) } else { None })
        .flatten()
        .map(|(old, new)| (new.value.as_str(), old.value.as_str()))
        .collect();
    let mut from: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in lineage::of_recipe(prepared, clean) {
        from.entry(line.target_column).or_default().push((line.source, line.source_column));
    }
    let original: BTreeMap<&str, &str> = prepared.reads.iter().map(|r| (r.name.as_str(), r.label.as_str())).collect();
    let entry = |name: &str, data_type: &DataType| {
        let read = *renamed.get(name).unwrap_or(&name);
        let mut entry = match declared.get(read) {
            Some(c) => of_declared(c, Some(data_type)),
            None => ColumnEntry { data_type: tidemill_engine::type_name(data_type), ..ColumnEntry::default() },
        };
        entry.name = name.to_string();
        entry.original = original.get(read).filter(|o| tidemill_core::name::normalise(o) != name).map(|o| (*o).to_string());
        let is_read = original.contains_key(read);
        if entry.description.is_empty()
            && let Some((text, is_own)) = made.get(name).cloned().or_else(|| rules::one_hot(&t.clean, name).map(|t| (t, true)))
        {
            (entry.description, entry.made) = (text, is_own);
        }
        if !is_read {
            entry.from = from.get(name).cloned().unwrap_or_default();
            entry.expression = derived(t, name);
        }
        entry
    };
    let columns: Vec<ColumnEntry> = clean.fields().iter().map(|f| entry(f.name(), f.data_type())).collect();
    let kept: BTreeSet<&str> = clean.fields().iter().map(|f| *renamed.get(f.name().as_str()).unwrap_or(&f.name().as_str())).collect();
    let read = prepared.reads.iter().filter(|r| !kept.contains(r.name.as_str()));
    let dropped = read.map(|r| entry(&r.name, &r.data_type)).collect();
    (columns, dropped)
}

fn derived(t: &Table, name: &str) -> Option<String> {
    let of = |r: &Rule| match r {
        Rule::Derive { column, sql, .. } if column.value == name => Some(one_line(&sql.text)),
        _ => None,
    };
    t.clean.iter().rev().find_map(|r| of(&r.rule)).filter(|e| e.len() <= EXPRESSION_MAX)
}

fn of_declared(c: &Column, data_type: Option<&DataType>) -> ColumnEntry {
    let mut contract = Vec::new();
    if c.required {
        contract.push("required".to_string());
    }
    if c.unique {
        contract.push("unique".to_string());
    }
    let bound = |v: &Option<tidemill_core::Spanned<OptionValue>>| v.as_ref().map(|v| rules::value(&v.value));
    match (bound(&c.min), bound(&c.max)) {
        (Some(min), Some(max)) => contract.push(format!("{min} to {max}")),
        (Some(min), None) => contract.push(format!("at least {min}")),
        (None, Some(max)) => contract.push(format!("at most {max}")),
        (None, None) => {}
    }
    if !c.accepted.is_empty() {
        contract.push(format!("one of {}", c.accepted.join(", ")));
    }
    contract.extend(c.checks.iter().map(|k| one_line(&k.sql.text)));
    if c.on_invalid == OnInvalid::Null {
        contract.push("what is not of its type becomes NULL".into());
    }
    let mut notation: Vec<String> = c.formats.iter().map(|f| f.value.clone()).collect();
    if !c.units.is_empty() {
        notation.push(format!("in {}", c.units.join(", ")));
    }
    if let Some(mark) = c.thousands {
        notation.push(format!("`{mark}` between thousands"));
    }
    if let Some(mark) = c.decimal.filter(|m| *m != '.') {
        notation.push(format!("`{mark}` before decimals"));
    }
    if !c.nulls.is_empty() {
        notation.push(format!("missing: {}", c.nulls.join(", ")));
    }
    if let Some(zone) = &c.timezone {
        notation.push(zone.value.clone());
    }
    ColumnEntry {
        name: c.name.value.clone(),
        data_type: data_type.map_or_else(|| "read from a sample".into(), tidemill_engine::type_name),
        description: c.description.clone(),
        original: c.from.as_ref().map(|f| f.value.clone()),
        contract,
        notation,
        ..ColumnEntry::default()
    }
}

pub(super) fn of_view(v: &View, checked: &Checked) -> Vec<ColumnEntry> {
    let schema: Option<&SchemaRef> = checked.schemas.get(&v.name);
    let lineage = checked.session.as_ref().and_then(|s| s.lineage(&v.sql.text).ok()).unwrap_or_default();
    let Some(schema) = schema else {
        // The view could not be typed: only what is described is known.
        let named = |(n, d): (&String, &String)| ColumnEntry { name: n.clone(), description: d.clone(), ..ColumnEntry::default() };
        return v.columns.iter().map(named).collect();
    };
    let fields = schema.fields().iter();
    fields
        .map(|f| {
            let traced = lineage.iter().find(|l| l.column == *f.name());
            let expression =
                traced.filter(|l| l.kind != LineageKind::Direct).map(|l| one_line(&l.expression).replace("count(1)", "count(*)"));
            ColumnEntry {
                name: f.name().clone(),
                data_type: tidemill_engine::type_name(f.data_type()),
                description: v.columns.get(f.name()).cloned().unwrap_or_default(),
                from: traced.map(|l| l.sources.clone()).unwrap_or_default(),
                expression: expression.filter(|e| e.len() <= EXPRESSION_MAX),
                ..ColumnEntry::default()
            }
        })
        .collect()
}
