//! Rules that make columns: scale, encode, bin, derive, date_parts.

use super::{check_new_name, column, columns, into, single};
use crate::column::data_type;
use crate::fields::{Fields, choice};
use crate::sheet::Sheet;
use crate::spec::{Cuts, DatePart, EncodeMethod, Rule, ScaleMethod};
use tidemill_core::{Problem, Spanned, codes};

pub(super) fn scale(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let method =
        f.choice("method", &[("standard", ScaleMethod::Standard), ("minmax", ScaleMethod::MinMax), ("robust", ScaleMethod::Robust)], sheet);
    let method = f.need("method", method, "method = \"standard\"", sheet);
    let into = into(f, columns.as_ref(), Some("{column}_scaled"), sheet);
    Some(Rule::Scale { columns: columns?, method: method?.value, into })
}

#[derive(Clone, Copy, PartialEq)]
enum Method {
    OneHot,
    Ordinal,
    Frequency,
}

pub(super) fn encode(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let column = column(f, sheet);
    let method = f.choice("method", &[("onehot", Method::OneHot), ("ordinal", Method::Ordinal), ("frequency", Method::Frequency)], sheet);
    let method = f.need("method", method, "method = \"onehot\"", sheet).map(|m| m.value);
    let values = f.names("values", sheet);
    let values_max = f.whole("values_max", 1..=10_000, sheet).map_or(50, |n| n.value as usize);
    let order = f.names("order", sheet);
    let drop = f.flag("drop", false, sheet);
    for (key, of, word) in
        [("values", Method::OneHot, "onehot"), ("values_max", Method::OneHot, "onehot"), ("order", Method::Ordinal, "ordinal")]
    {
        if f.has(key) && method.is_some_and(|m| m != of) {
            let problem =
                Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span(key)), format!("`{key}` is only for `method = \"{word}\"`"));
            sheet.push(problem.help(format!("remove `{key}`, or change the method")));
        }
    }
    f.exclusive(&["values", "values_max"], sheet);
    let default = match method {
        Some(Method::Ordinal) => "{column}_code",
        Some(Method::Frequency) => "{column}_frequency",
        _ => "{column}_{value}",
    };
    let into = into(f, single(&column).as_ref(), Some(default), sheet);
    if method == Some(Method::OneHot) && f.has("into") && !into.as_ref().is_some_and(|i| i.value.contains("{value}")) {
        let span = f.peek("into").map_or(0..0, |v| v.span.clone());
        let message = "one column is written for every value, and `into` gives them all one name";
        sheet.error(codes::INTO_AMBIGUOUS, &span, message, "put the value in: `into = \"{column}_{value}\"`");
    }
    let texts = |names: Vec<Spanned<String>>| names.into_iter().map(|n| n.value).collect::<Vec<_>>();
    let method = match method? {
        Method::OneHot => EncodeMethod::OneHot { values: texts(values), values_max },
        Method::Ordinal => EncodeMethod::Ordinal { order: texts(order) },
        Method::Frequency => EncodeMethod::Frequency,
    };
    Some(Rule::Encode { column: column?, method, into, drop })
}

pub(super) fn bin(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let column = column(f, sheet);
    f.exclusive(&["edges", "quantiles"], sheet);
    let edges = f.numbers("edges", sheet);
    let quantiles = f.whole("quantiles", 2..=1000, sheet);
    let labels = f.spanned_words("labels", sheet);
    let into = into(f, single(&column).as_ref(), Some("{column}_bin"), sheet);
    let cuts = match (f.has("edges"), quantiles) {
        (true, _) => {
            if edges.is_empty() {
                sheet.error(codes::RULE_INCONSISTENT, &f.key_span("edges"), "`edges` is empty", "two groups need one edge: `edges = [18]`");
                return None;
            }
            if let Some(pair) = edges.windows(2).find(|w| w[0].value >= w[1].value) {
                let message = format!("edges must rise, and {} follows {}", pair[1].value, pair[0].value);
                sheet.error(codes::RULE_INCONSISTENT, &pair[1].span, message, "sort the edges, each once");
            }
            Cuts::Edges(edges.iter().map(|e| e.value).collect())
        }
        (false, Some(n)) => Cuts::Quantiles(n.value as usize),
        (false, None) => {
            if !f.has("quantiles") {
                let problem = Problem::error(codes::KEY_MISSING, sheet.place(&f.span), "rule `bin` does not say where to cut");
                sheet.push(problem.help("add `edges = [30, 60]` or `quantiles = 4`"));
            }
            return None;
        }
    };
    let default_labels = default_labels(&cuts);
    if f.has("labels") && labels.len() != default_labels.len() {
        let span = f.peek("labels").map_or(0..0, |v| v.span.clone());
        let what = match &cuts {
            Cuts::Edges(e) => format!("{} edge{} make {} groups", e.len(), if e.len() == 1 { "" } else { "s" }, e.len() + 1),
            Cuts::Quantiles(n) => format!("{n} quantiles make {n} groups"),
        };
        let help = format!("give {} labels, or leave `labels` out", default_labels.len());
        let count = if labels.len() == 1 { "there is 1 label".to_string() } else { format!("there are {} labels", labels.len()) };
        sheet.error(codes::RULE_INCONSISTENT, &span, format!("{what}, but {count}"), help);
    }
    let labels = if labels.is_empty() { default_labels } else { labels.into_iter().map(|l| l.value).collect() };
    // `into = "{column}"` means in place: the column's own name.
    let into = into.or_else(|| column.clone().map(|c| c.map(|name| tidemill_core::name::normalise(&name))));
    Some(Rule::Bin { column: column?, cuts, labels, into: into? })
}

fn default_labels(cuts: &Cuts) -> Vec<String> {
    match cuts {
        Cuts::Quantiles(n) => (1..=*n).map(|i| format!("q{i}")).collect(),
        Cuts::Edges(edges) => {
            let mut out = vec![format!("below {}", edges[0])];
            out.extend(edges.windows(2).map(|w| format!("{} to below {}", w[0], w[1])));
            out.push(format!("{} and above", edges[edges.len() - 1]));
            out
        }
    }
}

pub(super) fn derive(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let column = column(f, sheet);
    if let Some(c) = &column {
        check_new_name(c, "a column", sheet);
    }
    let sql = f.sql("sql", sheet);
    let sql = f.need("sql", sql, "sql = \"price * quantity\"", sheet);
    let data_type = f.text("type", sheet).and_then(|t| data_type(&t, sheet));
    let description = f.text_or_empty("description", sheet);
    Some(Rule::Derive { column: column?, sql: sql?, data_type, description })
}

const PARTS: [(&str, DatePart); 10] = [
    ("year", DatePart::Year),
    ("quarter", DatePart::Quarter),
    ("month", DatePart::Month),
    ("week", DatePart::Week),
    ("day", DatePart::Day),
    ("weekday", DatePart::Weekday),
    ("day_of_year", DatePart::DayOfYear),
    ("hour", DatePart::Hour),
    ("minute", DatePart::Minute),
    ("epoch_day", DatePart::EpochDay),
];

pub(super) fn date_parts(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let column = column(f, sheet);
    let words = f.names("parts", sheet);
    let words = f.need("parts", f.has("parts").then_some(words), "parts = [\"year\", \"month\"]", sheet);
    let words = words.unwrap_or_default();
    let parts: Vec<_> = words.iter().filter_map(|w| choice(w, "parts", &PARTS, sheet)).collect();
    let into = into(f, single(&column).as_ref(), Some("{column}_{part}"), sheet);
    if words.len() > 1 && !into.as_ref().is_some_and(|i| i.value.contains("{part}")) {
        let span = f.peek("into").map_or(0..0, |v| v.span.clone());
        let message = "one column is written for every part, and `into` gives them all one name";
        sheet.error(codes::INTO_AMBIGUOUS, &span, message, "put the part in: `into = \"{column}_{part}\"`");
    }
    if parts.is_empty() {
        return None;
    }
    Some(Rule::DateParts { column: column?, parts, into })
}
