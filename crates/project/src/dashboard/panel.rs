//! One `[[panels]]` section.

use super::spec::{Bucket, Format, Measure, Order, Panel, PanelKind};
use crate::document::{Data, Entries, Value};
use crate::fields::{Fields, quoted, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Span, Sql};
use crate::sql;
use tidemill_core::{Spanned, codes};

pub(super) fn read(entries: &Entries, span: Span, sheet: &mut Sheet) -> Option<Panel> {
    let mut f = Fields::new("the panel", span.clone(), entries);
    let title = f.text_or_empty("title", sheet);
    let description = f.text_or_empty("description", sheet);
    let kind = f.choice("kind", &PanelKind::ALL, sheet);
    let kind = f.need("kind", kind, "kind = \"line\"", sheet);
    let view = f.text("view", sheet);
    let view = f.need("view", view, "view = \"…\"", sheet);
    let condition = f.sql("where", sheet).filter(|s| sql::check_expression(s, "`where`", sheet));
    let x = f.text("x", sheet);
    let bucket = f.choice("bucket", &Bucket::ALL, sheet);
    let y = measures("y", &mut f, sheet);
    let by = f.text("by", sheet);
    let order = f.text("order", sheet);
    let limit = f.whole("limit", 1..=super::query::ROWS as i64, sheet).map(|n| n.value as u64);
    let bins = f.whole("bins", 2..=500, sheet).map(|n| n.value as u64);
    let columns = measures("columns", &mut f, sheet);
    let width = f.whole("width", 1..=12, sheet).map(|n| n.value as u8);
    if let Some(kind) = &kind {
        shape(kind.value, &f, y.len(), sheet);
    }
    let order = order.and_then(|o| self::order(&o, kind.as_ref().map(|k| k.value), sheet));
    if bucket.is_some() && x.is_none() && !f.has("x") {
        sheet.error(
            codes::PANEL_SHAPE,
            &f.key_span("bucket"),
            "`bucket` says how `x` is cut, and there is no `x`",
            "add `x = \"…\"`, a time",
        );
    }
    f.refuse_rest(sheet);
    let kind = kind?;
    let width = width.unwrap_or(kind.value.width());
    Some(Panel { title, description, view: view?, condition, x, bucket, y, by, order, limit, bins, columns, width, span, kind })
}

/// What a kind needs, what it may have, and how many `y`.
fn shape(kind: PanelKind, f: &Fields, y: usize, sheet: &mut Sheet) {
    use PanelKind::*;
    let (needs, may): (&[&str], &[&str]) = match kind {
        Number => (&["y"], &["x", "bucket"]),
        Line | Area => (&["x", "y"], &["bucket", "by"]),
        Bar | Stacked => (&["x", "y"], &["bucket", "by", "order", "limit"]),
        Histogram => (&["x"], &["bins"]),
        Heatmap | Cohort => (&["x", "y", "by"], &["bucket"]),
        Scatter => (&["x", "y"], &["by"]),
        Table => (&[], &["columns", "order", "limit"]),
    };
    let word = kind.as_str();
    for key in needs {
        let example = match *key {
            "x" => "x = \"…\"` with the name of a column",
            "by" => "by = \"…\"` with the name of a column",
            _ => "y = \"count(*)\"",
        };
        if !f.has(key) {
            let help = format!("add `{example}{}", if example.contains('`') { "" } else { "`" });
            sheet.error(codes::KEY_MISSING, &f.span, format!("a panel of kind `{word}` has no `{key}`"), help);
        }
    }
    for key in ["x", "bucket", "y", "by", "order", "limit", "bins", "columns"] {
        if f.has(key) && !needs.contains(&key) && !may.contains(&key) {
            let all = needs.iter().chain(may).copied();
            let help = format!("it takes {}; remove `{key}`, or choose another kind", quoted(all, "and"));
            sheet.error(codes::PANEL_SHAPE, &f.key_span(key), format!("`{key}` does nothing in a panel of kind `{word}`"), help);
        }
    }
    if matches!(kind, Number | Heatmap | Cohort) && y > 1 {
        let message = format!("a panel of kind `{word}` shows one `y`, and there are {y}");
        sheet.error(codes::PANEL_SHAPE, &f.key_span("y"), message, "keep one, and make a panel for each of the others");
    }
}

fn measures(key: &'static str, f: &mut Fields, sheet: &mut Sheet) -> Vec<Measure> {
    let Some(value) = f.get(key) else { return Vec::new() };
    let items: Vec<&Value> = match &value.data {
        Data::List(items) => items.iter().collect(),
        _ => vec![value],
    };
    if items.is_empty() {
        sheet.error(codes::VALUE_INVALID, &value.span, format!("`{key}` is an empty list"), "write what is to be shown, or remove the key");
    }
    items.into_iter().filter_map(|item| measure(item, key, sheet)).collect()
}

fn measure(item: &Value, key: &'static str, sheet: &mut Sheet) -> Option<Measure> {
    let plain = |sql: Sql| Measure { sql, label: None, format: None, unit: String::new() };
    let found = match &item.data {
        Data::Text(text) if text.trim().is_empty() => {
            let help = "write a SQL expression, or remove it";
            sheet.error(codes::VALUE_INVALID, &item.span, format!("`{key}` holds an empty text"), help);
            return None;
        }
        Data::Text(text) => plain(sheet.sql(Spanned::new(text.clone(), item.span.clone()))),
        Data::Table(entries) => {
            let mut f = Fields::new(format!("`{key}`"), item.span.clone(), entries);
            let sql = f.sql("sql", sheet);
            let sql = f.need("sql", sql, "sql = \"sum(revenue)\"", sheet);
            let label = f.text("label", sheet).map(|l| l.value);
            let format = f.choice("format", &Format::ALL, sheet).map(|c| c.value);
            let unit = f.text_or_empty("unit", sheet);
            f.refuse_rest(sheet);
            Measure { sql: sql?, label, format, unit }
        }
        _ => {
            let help = format!("for example `{key} = \"sum(revenue)\"`, or `{{ sql = \"sum(revenue)\", label = \"Revenue\" }}`");
            wrong_type(item, key, "SQL, or a table with `sql`", Some(help), sheet);
            return None;
        }
    };
    sql::check_expression(&found.sql, &format!("`{key}`"), sheet).then_some(found)
}

/// `x`, `y desc`; of a table a column.
fn order(written: &Spanned<String>, kind: Option<PanelKind>, sheet: &mut Sheet) -> Option<Spanned<Order>> {
    let text = written.value.trim();
    let (by, descending) = match text.rsplit_once(char::is_whitespace) {
        Some((by, word)) if word.eq_ignore_ascii_case("desc") => (by.trim(), true),
        Some((by, word)) if word.eq_ignore_ascii_case("asc") => (by.trim(), false),
        _ => (text, false),
    };
    let is_table = kind == Some(PanelKind::Table);
    if !is_table && !matches!(by, "x" | "y") {
        let help = "write `x`, `y` or `y desc`";
        sheet.error(codes::VALUE_UNKNOWN, &written.span, format!("`order` cannot be `{text}`"), help);
        return None;
    }
    Some(Spanned::new(Order { by: by.to_string(), descending }, written.span.clone()))
}
