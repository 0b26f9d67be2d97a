//! First views, and an export: what anybody asks of a table first.

use super::columns::missing_sql;
use super::look::{Look, Seen};
use super::text::{has_word, ident, literal, quoted};
use arrow::datatypes::DataType;
use tidemill_prepare::profile::ColumnProfile;

/// Columns listed in the quality view at most.
const QUALITY_MAX: usize = 40;

pub(super) fn files(look: &Look, tables: &[String]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if look.columns.is_empty() || look.profile.rows == 0 {
        return out;
    }
    let prefix = if tables.len() == 1 { String::new() } else { format!("{}_", look.name) };
    let taken = |n: &str| tables.iter().any(|t| t == n);
    let free = |n: String| if taken(&n) { format!("{n}_view") } else { n };
    let measures = measures(look);
    let table = ident(&look.name);
    let mut exported = None;
    let mut view = |name: String, text: String| {
        exported.get_or_insert(name.clone());
        out.push((format!("views/{name}.sql"), text));
    };
    if let Some((column, unit)) = time(look) {
        let c = ident(&column);
        let text = format!(
            "--! description = {}\n--! tests = [{{ unique = {} }}]\nSELECT date_trunc('{unit}', {c}) AS {unit}, count(*) AS row_count{}\nFROM {table}\nWHERE {c} IS NOT NULL\nGROUP BY date_trunc('{unit}', {c})\n",
            quoted(&format!("Rows{} by {unit} of {column}.", and(&measures))),
            quoted(unit),
            select(&measures),
        );
        view(free(format!("{prefix}by_{unit}")), text);
    }
    for column in categories(look) {
        let c = ident(&column);
        let text = format!(
            "--! description = {}\n--! tests = [{{ unique = {} }}]\nSELECT {c}, count(*) AS row_count, round(100.0 * count(*) / sum(count(*)) OVER (), 2) AS percent{}\nFROM {table}\nGROUP BY {c}\n",
            quoted(&format!("Rows{} by {column}, and its share of all.", and(&measures))),
            quoted(&column),
            select(&measures),
        );
        view(free(format!("{prefix}by_{column}")), text);
    }
    if let Some(column) = many_valued(look) {
        let c = ident(&column);
        let order = measures.first().map_or("row_count".to_string(), |m| m.name.clone());
        let text = format!(
            "--! description = {}\nSELECT {c}, count(*) AS row_count{}\nFROM {table}\nWHERE {c} IS NOT NULL\nGROUP BY {c}\nORDER BY {order} DESC, {c}\nLIMIT 50\n",
            quoted(&match measures.first() {
                Some(m) => format!("The 50 values of {column} with the most {}.", m.name.replace('_', " ")),
                None => format!("The 50 most frequent values of {column}."),
            }),
            select(&measures),
        );
        view(free(format!("{prefix}top_{column}")), text);
    }
    let quality = quality(look);
    if !quality.is_empty() {
        let text = format!("--! description = \"How much of each column is missing, and how many values it has.\"\n{quality}");
        view(free(format!("{prefix}quality")), text);
    }
    if let Some(name) = exported {
        let text = format!("from = {}\n\n[to]\npath = {}\n", quoted(&name), quoted(&format!("reports/{name}.csv")));
        out.push((format!("exports/{name}.toml"), text));
    }
    out
}

/// Something worth adding up.
struct Measure {
    name: String,
    sql: String,
}

fn select(measures: &[Measure]) -> String {
    measures.iter().map(|m| format!(",\n       {} AS {}", m.sql, m.name)).collect()
}

fn and(measures: &[Measure]) -> String {
    measures.iter().map(|m| format!(" and {}", m.name.replace('_', " "))).collect()
}

/// Price times quantity where both are there; else what has a name of money; else a quantity.
fn measures(look: &Look) -> Vec<Measure> {
    let number = |c: &&Seen| matches!(c.read.data_type, DataType::Int64 | DataType::Float64 | DataType::Decimal128(..));
    let with = |words: &[&str]| {
        look.columns.iter().filter(number).find(|c| has_word(&c.read.name, &c.read.label, words)).map(|c| c.read.name.clone())
    };
    let quantity = with(&["quantity", "qty", "units", "pieces"]);
    let price = with(&["price", "unitprice"]);
    let amount = with(&["amount", "total", "revenue", "sales", "spend", "totalamount", "turnover"]);
    match (amount, quantity, price) {
        (Some(a), ..) => vec![Measure { name: format!("{a}_sum"), sql: format!("sum({})", ident(&a)) }],
        (None, Some(q), Some(p)) => vec![Measure { name: "revenue".into(), sql: format!("sum({} * {})", ident(&q), ident(&p)) }],
        (None, Some(q), None) => vec![Measure { name: format!("{q}_sum"), sql: format!("sum({})", ident(&q)) }],
        (None, None, _) => {
            // A time series of one number: its mean.
            let plain: Vec<&Seen> = look
                .columns
                .iter()
                .filter(number)
                .filter(|c| !has_word(&c.read.name, &c.read.label, &["id", "no", "index", "key", "code", "year"]))
                .collect();
            match &plain[..] {
                [one] => vec![Measure { name: format!("{}_mean", one.read.name), sql: format!("avg({})", ident(&one.read.name)) }],
                _ => Vec::new(),
            }
        }
    }
}

/// The first column of time that is mostly filled, and a unit that gives between a few and some hundred rows.
fn time(look: &Look) -> Option<(String, &'static str)> {
    let coverage = look.profile.time.iter().find(|t| {
        look.column(&t.column).is_some_and(|c| matches!(c.read.data_type, DataType::Date32 | DataType::Timestamp(..)))
            && look.profiled(&t.column).is_some_and(|p| p.missing * 2 < p.rows && p.distinct.count > 1)
    })?;
    let day = |text: &str| {
        let part = |r: std::ops::Range<usize>| text.get(r).and_then(|t| t.parse::<i64>().ok());
        Some(part(0..4)? * 365 + part(5..7)? * 30 + part(8..10)?)
    };
    let days = day(&coverage.last)? - day(&coverage.first)?;
    let unit = match days {
        0..=2 => "hour",
        3..=70 => "day",
        71..=5500 => "month",
        _ => "year",
    };
    let is_date = look.column(&coverage.column).is_some_and(|c| c.read.data_type == DataType::Date32);
    Some((coverage.column.clone(), if is_date && unit == "hour" { "day" } else { unit }))
}

fn is_category(look: &Look, p: &ColumnProfile, from: u64, to: u64) -> bool {
    look.column(&p.name).is_some_and(|c| matches!(c.read.data_type, DataType::Utf8 | DataType::Boolean) && c.cast_to.is_none())
        && (from..=to).contains(&p.distinct.count)
        && p.rows - p.missing >= 4 * p.distinct.count
        && p.missing * 2 < p.rows.max(1)
}

/// Up to two columns with some values each: those that an analyst would group by.
fn categories(look: &Look) -> Vec<String> {
    let mut found: Vec<&ColumnProfile> = look.profile.columns.iter().filter(|p| is_category(look, p, 2, 60)).collect();
    found.sort_by_key(|p| {
        let known = has_word(
            &p.name,
            &p.label,
            &[
                "country",
                "category",
                "type",
                "region",
                "status",
                "state",
                "segment",
                "style",
                "class",
                "method",
                "education",
                "payment",
                "department",
                "condition",
            ],
        );
        // Of unknown names, about a dozen groups are the most telling.
        (!known, p.distinct.count.abs_diff(12), p.name.clone())
    });
    found.into_iter().take(2).map(|p| p.name.clone()).collect()
}

/// A text column with many values that repeat: products, customers, items.
fn many_valued(look: &Look) -> Option<String> {
    let mut found: Vec<&ColumnProfile> = look.profile.columns.iter().filter(|p| is_category(look, p, 61, u64::MAX)).collect();
    found.sort_by_key(|p| {
        let known = has_word(&p.name, &p.label, &["product", "description", "name", "item", "customer", "title", "city"]);
        let code = has_word(&p.name, &p.label, &["id", "no", "number", "code", "phone", "address"]);
        (!known, code, p.name.clone())
    });
    found.first().map(|p| p.name.clone())
}

/// One row per column; of many, those that lack most.
fn quality(look: &Look) -> String {
    let mut columns: Vec<&ColumnProfile> = look.profile.columns.iter().collect();
    if columns.len() > QUALITY_MAX {
        columns.sort_by_key(|c| std::cmp::Reverse(c.missing));
        columns.truncate(QUALITY_MAX);
    }
    let table = ident(&look.name);
    let rows: Vec<String> = columns
        .iter()
        .map(|c| {
            let missing = missing_sql(&c.name);
            format!(
                "SELECT {} AS column_name, count(*) AS row_count, {missing} AS missing,\n       round(100.0 * ({missing}) / nullif(count(*), 0), 2) AS missing_percent, count(DISTINCT {}) AS distinct_values\nFROM {table}\n",
                literal(&c.name),
                ident(&c.name)
            )
        })
        .collect();
    rows.join("UNION ALL\n")
}
