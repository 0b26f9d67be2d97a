//! First views, and an export: what anybody asks of a table first.

use super::columns::missing_sql;
use super::look::{Look, Seen};
use super::text::{has_word, ident, literal, quoted};
use super::unfold;
use arrow::datatypes::DataType;
use tidemill_prepare::profile::ColumnProfile;

/// Columns listed in the quality view at most.
const QUALITY_MAX: usize = 40;

pub(super) fn files(look: &Look, key: &[String], tables: &[String]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if look.columns.is_empty() || look.profile.rows == 0 {
        return out;
    }
    let prefix = if tables.len() == 1 { String::new() } else { format!("{}_", look.name) };
    let taken = |n: &str| tables.iter().any(|t| t == n);
    let free = |n: String| if taken(&n) { format!("{n}_view") } else { n };
    let measures = measures(look, key);
    let table = ident(&look.name);
    let mut exported = None;
    let mut view = |name: String, text: String| {
        exported.get_or_insert(name.clone());
        out.push((format!("views/{name}.sql"), text));
    };
    if let Some((column, unit)) = time(look) {
        let c = ident(&column);
        // A day is a day, without a time of day at its end.
        let date = if unit == "hour" { "" } else { "::date" };
        let text = format!(
            "--! description = {}\n--! tests = [{{ unique = {} }}]\nSELECT date_trunc('{unit}', {c}){date} AS {unit}, count(*) AS row_count{}\nFROM {table}\nWHERE {c} IS NOT NULL\nGROUP BY 1\nORDER BY 1\n",
            quoted(&format!("Rows{} by {unit} of {column}.", and(&measures))),
            quoted(unit),
            select(&measures),
        );
        view(free(format!("{prefix}by_{unit}")), text);
    }
    for column in categories(look) {
        let c = ident(&column);
        let text = format!(
            "--! description = {}\n--! tests = [{{ unique = {} }}]\nSELECT {c}, count(*) AS row_count, round(100.0 * count(*) / sum(count(*)) OVER (), 2) AS percent{}\nFROM {table}\nGROUP BY {c}\nORDER BY {c}\n",
            quoted(&format!("Rows{} by {column}, and its share of all.", and(&measures))),
            quoted(&column),
            select(&measures),
        );
        view(free(format!("{prefix}by_{column}")), text);
    }
    if let Some(column) = many_valued(look) {
        let c = ident(&column);
        let order = measures.first().map_or("row_count".to_string(), |m| ident(&m.name));
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
    for (column, text) in unfold::views(look, key) {
        view(free(format!("{prefix}each_of_{column}")), text);
    }
    let quality = quality(look);
    if !quality.is_empty() {
        let text = format!("--! description = \"How much of each column is missing, and how many values it has.\"\n{quality}");
        view(free(format!("{prefix}quality")), text);
    }
    if let Some(name) = exported {
        // The order of a view's rows is the reader's matter.
        let sql = format!("SELECT * FROM {} ORDER BY 1", ident(&name));
        let text = format!("sql = {}\n\n[to]\npath = {}\n", quoted(&sql), quoted(&format!("reports/{name}.csv")));
        out.push((format!("exports/{name}.toml"), text));
    }
    out
}

/// Something worth adding up.
pub(super) struct Measure {
    pub name: String,
    pub sql: String,
}

fn select(measures: &[Measure]) -> String {
    measures.iter().map(|m| format!(",\n       {} AS {}", m.sql, m.name)).collect()
}

fn and(measures: &[Measure]) -> String {
    measures.iter().map(|m| format!(" and {}", m.name.replace('_', " "))).collect()
}

/// Measures in one view.
const MEASURES_MAX: usize = 2;
const AMOUNTS: &[&str] = &[
    "amount",
    "total",
    "revenue",
    "sales",
    "spend",
    "totalamount",
    "turnover",
    "sum",
    "summe",
    "betrag",
    "umsatz",
    "gross",
    "net",
    "due",
    "cost",
    "costs",
    "fee",
];
/// What a single piece costs, or a share: sums of it say nothing.
const UNITARY: &[&str] =
    &["price", "unitprice", "preis", "einzelpreis", "rate", "percent", "pct", "ratio", "share", "discount", "rabatt", "balance", "saldo"];

/// What has a name of money, or is money by its sign; else price times quantity; else a quantity; else the only number there is.
pub(super) fn measures(look: &Look, key: &[String]) -> Vec<Measure> {
    let numbers: Vec<&Seen> = look.columns.iter().filter(|c| !key.contains(&c.read.name) && is_figure(look, c)).collect();
    let has = |c: &Seen, words: &[&str]| has_word(&c.read.name, &c.read.label, words);
    let with = |words: &[&str]| numbers.iter().find(|c| has(c, words)).map(|c| c.read.name.clone());
    let sum = |c: &str| Measure { name: format!("{c}_sum"), sql: format!("sum({})", ident(c)) };
    let is_money = |c: &Seen| c.read.units.iter().any(|u| is_currency(u));
    let mut amounts: Vec<&Seen> = numbers.iter().copied().filter(|c| !has(c, UNITARY) && (has(c, AMOUNTS) || is_money(c))).collect();
    // What is called a total is one; of two amounts of money, the later is made of the earlier.
    amounts.sort_by_key(|c| (!has(c, AMOUNTS), !is_money(c)));
    let quantity = with(&["quantity", "qty", "units", "pieces", "menge"]);
    let price = with(&["price", "unitprice", "preis", "einzelpreis"]);
    if !amounts.is_empty() {
        return amounts.iter().take(MEASURES_MAX).map(|c| sum(&c.read.name)).collect();
    }
    match (quantity, price) {
        (Some(q), Some(p)) => vec![Measure { name: "revenue".into(), sql: format!("sum({} * {})", ident(&q), ident(&p)) }],
        (Some(q), None) => vec![sum(&q)],
        (None, Some(p)) if numbers.iter().any(|c| c.read.name == p && is_money(c)) => vec![sum(&p)],
        // A time series of one number: its mean.
        (None, _) => match &numbers[..] {
            [one] => vec![Measure { name: format!("{}_mean", one.read.name), sql: format!("avg({})", ident(&one.read.name)) }],
            _ => Vec::new(),
        },
    }
}

pub(super) fn is_currency(unit: &str) -> bool {
    const CODES: &[&str] = &["EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "INR", "CNY"];
    unit.contains(['$', '€', '£', '¥', '₹', '₽', '₩', '₺']) || CODES.contains(&unit.trim().to_uppercase().as_str())
}

/// A number that is measured or counted, not one that names something: no identifier, no year, no place on the earth.
pub(super) fn is_figure(look: &Look, c: &Seen) -> bool {
    const NAMES: &[&str] = &[
        "id",
        "no",
        "nr",
        "number",
        "index",
        "key",
        "code",
        "zip",
        "plz",
        "postcode",
        "year",
        "jahr",
        "since",
        "month",
        "day",
        "week",
        "hour",
        "lat",
        "lon",
        "latitude",
        "longitude",
        "version",
        "volume",
        "issue",
        "page",
        "rank",
        "phone",
        "ts",
        "timestamp",
    ];
    if !matches!(c.read.data_type, DataType::Int64 | DataType::Int32 | DataType::Float64 | DataType::Decimal128(..)) {
        return false;
    }
    let Some(p) = look.profiled(&c.read.name) else { return false };
    let is_whole = matches!(c.read.data_type, DataType::Int64 | DataType::Int32);
    let present = p.rows - p.missing;
    let (first, last) = p.numbers.as_ref().map_or((0.0, 0.0), |n| (n.min, n.max));
    let is_year = is_whole && first >= 1800.0 && last <= 2100.0;
    // Whole numbers that hardly repeat, over many rows, and fill their range are a numbering.
    let is_numbering = is_whole && present > 100 && p.distinct.count as f64 > 0.95 * present as f64 && last - first < 3.0 * present as f64;
    !has_word(&c.read.name, &c.read.label, NAMES) && !is_year && !is_numbering
}

/// The first column of time that is mostly filled, and a unit that gives between a few and some hundred rows.
pub(super) fn time(look: &Look) -> Option<(String, &'static str)> {
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
pub(super) fn categories(look: &Look) -> Vec<String> {
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
pub(super) fn many_valued(look: &Look) -> Option<String> {
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
    if columns.is_empty() {
        return String::new();
    }
    let list = |item: &dyn Fn(&str) -> String, indent: usize| wrapped(&columns.iter().map(|c| item(&c.name)).collect::<Vec<_>>(), indent);
    format!(
        "SELECT column_name, row_count, missing, round(100.0 * missing / nullif(row_count, 0), 2) AS missing_percent, distinct_values\nFROM (\n    SELECT row_count,\n        unnest([{}]) AS column_name,\n        unnest(missing) AS missing,\n        unnest(distinct_values) AS distinct_values\n    FROM (\n        SELECT count(*) AS row_count,\n            [{}] AS missing,\n            [{}] AS distinct_values\n        FROM {}\n    )\n)\n",
        list(&|c| literal(c), 12),
        list(&|c| missing_sql(c), 16),
        list(&|c| format!("count(DISTINCT {})", ident(c)), 16),
        ident(&look.name)
    )
}

/// Items between commas, on lines of some length.
fn wrapped(items: &[String], indent: usize) -> String {
    const WIDTH: usize = 130;
    let mut out = String::new();
    let mut width = indent;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
            width += 2;
            if width + item.len() > WIDTH {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                width = indent;
            } else {
                out.push(' ');
            }
        }
        out.push_str(item);
        width += item.len();
    }
    out
}
