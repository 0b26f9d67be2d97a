//! Rules about rows and about the table's shape: duplicates, filter, drop, rename, select.

use super::{check_new_name, columns};
use crate::document::Data;
use crate::fields::{Fields, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{DuplicateKey, Keep, Rule};
use std::collections::BTreeMap;
use tidemill_core::{Problem, Spanned, codes};

#[derive(Clone, Copy, PartialEq)]
enum Which {
    First,
    Last,
    Latest,
}

/// How like rows must be to count as one.
const SIMILARITY_MIN: f64 = 0.95;

pub(super) fn duplicates(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    f.exclusive(&["key", "ignore", "like"], sheet);
    if f.has("like") {
        ["key", "ignore"].into_iter().filter(|k| f.has(k)).collect::<Vec<_>>().into_iter().for_each(|k| f.pass_over(k));
        let like = f.names("like", sheet);
        let similarity_min = f.number("similarity_min", 0.5..=1.0, sheet).map_or(SIMILARITY_MIN, |n| n.value);
        let drop = f.choice("action", &[("list", false), ("drop", true)], sheet).is_some_and(|c| c.value);
        if like.is_empty() {
            sheet.error(codes::VALUE_INVALID, &f.key_span("like"), "`like` is empty", "name the columns by which rows are compared");
            return None;
        }
        return Some(Rule::NearDuplicates { like, similarity_min, drop });
    }
    for key in ["similarity_min", "action"] {
        if f.get(key).is_none() {
            continue;
        }
        let problem = Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span(key)), format!("`{key}` is only for `like`"));
        sheet.push(problem.help(format!("remove `{key}`, or name the columns to compare loosely with `like = [\"…\"]`")));
    }
    let key = f.names("key", sheet);
    let ignore = f.names("ignore", sheet);
    let keep = f.choice("keep", &[("first", Which::First), ("last", Which::Last), ("latest", Which::Latest)], sheet);
    let by = f.text("by", sheet);
    let keep = match (keep.map(|k| k.value), by) {
        (Some(Which::Latest), Some(by)) => Keep::Latest(by),
        (Some(Which::Latest), None) => {
            f.need("by", None::<()>, "by = \"updated_at\"", sheet);
            return None;
        }
        (None, Some(by)) if !f.has("keep") => Keep::Latest(by),
        (_, Some(_)) => {
            let problem = Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span("by")), "`by` is only for `keep = \"latest\"`");
            sheet.push(problem.help("remove `by`, or write `keep = \"latest\"`"));
            return None;
        }
        (Some(Which::Last), None) => Keep::Last,
        (Some(Which::First) | None, None) => Keep::First,
    };
    let key = if f.has("key") { DuplicateKey::Key(key) } else { DuplicateKey::Exact { ignore } };
    Some(Rule::Duplicates { key, keep })
}

pub(super) fn filter(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let condition = f.sql("where", sheet);
    let condition = f.need("where", condition, "where = \"amount > 0\"", sheet);
    Some(Rule::Filter { condition: condition? })
}

pub(super) fn drop(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let only_constant = f.choice("when", &[("constant", ())], sheet).is_some();
    Some(Rule::Drop { columns: columns?, only_constant })
}

pub(super) fn rename(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let value = f.get("columns");
    let value = f.need("columns", value, "columns = { old = \"new\" }", sheet)?;
    let Data::Table(entries) = &value.data else {
        wrong_type(value, "columns", "a table of old and new names", Some("for example `columns = { old = \"new\" }`".into()), sheet);
        return None;
    };
    let mut targets: BTreeMap<String, String> = BTreeMap::new();
    let mut pairs = Vec::with_capacity(entries.len());
    for (old, new) in entries {
        let Some(new) = crate::fields::text(new, &old.value, sheet) else { continue };
        check_new_name(&new, "a column", sheet);
        if let Some(other) = targets.insert(new.value.clone(), old.value.clone()) {
            let message = format!("`{other}` and `{}` would both be called `{}`", old.value, new.value);
            sheet.error(codes::COLUMN_DUPLICATE, &new.span, message, "give each its own name");
        }
        pairs.push((old.clone(), new));
    }
    Some(Rule::Rename { pairs })
}

pub(super) fn select(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns: Vec<Spanned<String>> = f.names("columns", sheet);
    f.need("columns", f.has("columns").then_some(()), "columns = [\"…\"]", sheet)?;
    if columns.is_empty() {
        let span = f.key_span("columns");
        sheet.error(codes::VALUE_INVALID, &span, "`columns` is empty: no column would be left", "name the columns to keep");
        return None;
    }
    Some(Rule::Select { columns })
}
