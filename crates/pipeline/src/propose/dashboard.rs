//! A first page of each table: how much there is, over time, by what analysts group by, how numbers are spread, what is missing, and the rows.

use super::look::{Look, Seen};
use super::text::{ident, quoted};
use super::views::{Measure, categories, is_currency, is_figure, many_valued, measures, time};
use arrow::datatypes::DataType;
use std::fmt::Write as _;

/// Numbers whose spread is shown.
const SPREADS_MAX: usize = 3;
/// Columns of the table of rows.
const COLUMNS_MAX: usize = 10;

/// Its text; `quality` is the view that says what is missing, where there is one. Nothing for a table without rows.
pub(super) fn text(look: &Look, key: &[String], quality: Option<&str>) -> Option<String> {
    if look.columns.is_empty() || look.profile.rows == 0 {
        return None;
    }
    let mut page = Page { look, out: String::new() };
    let (time, categories, many) = (time(look), categories(look), many_valued(look));
    let (measures, spreads) = (measures(look, key), spreads(look, key));
    let title = words(&look.name);
    let about = format!("{}, at a glance: a first page, made from what is in the data. Change it as you like.", look.shown_source());
    let _ = writeln!(page.out, "title = {}\ndescription = {}", quoted(&title), quoted(&about));

    time.iter().for_each(|(column, _)| page.filter(column));
    categories.iter().chain(&many).for_each(|c| page.filter(c));
    spreads.iter().take(1).for_each(|c| page.filter(c));

    let rows = "{ sql = \"count(*)\", label = \"Rows\", format = \"integer\" }".to_string();
    page.panel("Rows", "number", &[("y", &rows)]);
    for m in &measures {
        page.panel(&words(&m.name), "number", &[("y", &page.measure(m))]);
    }
    if let Some((column, unit)) = &time {
        let (x, bucket) = (quoted(column), quoted(unit));
        page.panel(&format!("Rows by {unit}"), "line", &[("x", &x), ("bucket", &bucket), ("y", &rows)]);
        for m in &measures {
            let y = page.measure(m);
            page.panel(&format!("{} by {unit}", words(&m.name)), "line", &[("x", &x), ("bucket", &bucket), ("y", &y)]);
        }
    }
    // What is added up says more than how many rows there are; a mean by group would hide how many.
    let summed = measures.iter().find(|m| m.sql.starts_with("sum(")).map_or(rows, |m| page.measure(m));
    for column in &categories {
        let title = format!("By {}", column.replace('_', " "));
        page.panel(&title, "bar", &[("x", &quoted(column)), ("y", &summed), ("order", "\"y desc\"")]);
    }
    if let Some(column) = &many {
        let title = format!("Foremost by {}", column.replace('_', " "));
        let here = [("where", &*quoted(&format!("{} IS NOT NULL", ident(column)))), ("x", &quoted(column)), ("y", &summed)];
        page.panel(&title, "bar", &[&here[..], &[("order", "\"y desc\""), ("limit", "20")]].concat());
    }
    for column in &spreads {
        page.panel(&format!("Spread of {}", column.replace('_', " ")), "histogram", &[("x", &quoted(column))]);
    }
    if let Some(view) = quality {
        let columns = "[\"column_name\", \"missing\", { sql = \"missing_percent / 100\", label = \"Share missing\", format = \"percent\" }, \"distinct_values\"]";
        page.of(view, "What is missing", "table", &[("columns", columns), ("order", "\"missing desc\""), ("width", "6")]);
    }
    let shown: Vec<String> = look.columns.iter().take(COLUMNS_MAX).map(|c| column(&c.read.name)).collect();
    let mut more = vec![("columns", format!("[{}]", shown.join(", ")))];
    let is_shown = |t: &str| ident(t) == t && look.columns.iter().take(COLUMNS_MAX).any(|c| c.read.name == t);
    if let Some((column, _)) = time.filter(|(t, _)| is_shown(t)) {
        more.push(("order", quoted(&format!("{column} desc"))));
    }
    let more: Vec<(&str, &str)> = more.iter().map(|(k, v)| (*k, v.as_str())).collect();
    page.panel("Rows, one by one", "table", &more);
    Some(page.out)
}

struct Page<'a> {
    look: &'a Look<'a>,
    out: String,
}

impl Page<'_> {
    fn filter(&mut self, column: &str) {
        let _ = writeln!(self.out, "\n[[filters]]\ncolumn = {}", quoted(column));
    }

    fn panel(&mut self, title: &str, kind: &str, more: &[(&str, &str)]) {
        let table = self.look.name.clone();
        self.of(&table, title, kind, more);
    }

    fn of(&mut self, view: &str, title: &str, kind: &str, more: &[(&str, &str)]) {
        let _ = writeln!(self.out, "\n[[panels]]\ntitle = {}\nkind = {}\nview = {}", quoted(title), quoted(kind), quoted(view));
        for (key, value) in more {
            let _ = writeln!(self.out, "{key} = {value}");
        }
    }

    fn measure(&self, m: &Measure) -> String {
        let column = self.look.columns.iter().find(|c| m.sql.contains(&format!("({})", ident(&c.read.name))));
        let currency = column.and_then(|c| c.read.units.iter().find(|u| is_currency(u)));
        let is_decimal = column.is_some_and(|c| matches!(c.read.data_type, DataType::Decimal128(..)));
        let is_money = m.name == "revenue" || is_decimal || currency.is_some();
        let whole = column.is_some_and(|c| matches!(c.read.data_type, DataType::Int64 | DataType::Int32)) && m.sql.starts_with("sum(");
        let format = if is_money {
            "money"
        } else if whole {
            "integer"
        } else {
            "number"
        };
        let unit = currency.map(|u| format!(", unit = {}", quoted(u))).unwrap_or_default();
        format!("{{ sql = {}, label = {}, format = \"{format}\"{unit} }}", quoted(&m.sql), quoted(&words(&m.name)))
    }
}

/// Numbers that are measured or counted and have more than a few values.
fn spreads(look: &Look, key: &[String]) -> Vec<String> {
    let has_values = |c: &Seen| look.profiled(&c.read.name).is_some_and(|p| p.distinct.count > 5 && p.missing * 2 < p.rows);
    let figures = look.columns.iter().filter(|c| !key.contains(&c.read.name) && is_figure(look, c) && has_values(c));
    figures.take(SPREADS_MAX).map(|c| c.read.name.clone()).collect()
}

/// A column of the table of rows is SQL: words of SQL have to be quoted there, and are shown without.
fn column(name: &str) -> String {
    let sql = ident(name);
    if sql == name { quoted(name) } else { format!("{{ sql = {}, label = {} }}", quoted(&sql), quoted(name)) }
}

/// `total_amount_sum` → `Total amount sum`
fn words(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get(..1) {
        let first = first.to_uppercase();
        text.replace_range(..1, &first);
    }
    text
}
