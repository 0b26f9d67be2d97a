//! TOML text becomes an owned tree in which every key and value knows where it stands. Syntax errors do not stop the reading.

use crate::spec::Span;
use tidemill_core::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys in the order of the file.
pub(crate) type Entries = Vec<(Spanned<String>, Value)>;

#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub data: Data,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Text(String),
    Integer(i64),
    /// An integer that does not fit in 64 bits.
    Huge(String),
    Float(f64),
    Bool(bool),
    /// A TOML date or time, as written.
    Time(String),
    List(Vec<Value>),
    Table(Entries),
}

impl Value {
    /// For messages: "text", "a whole number", …
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Text(_) => "text",
            Data::Integer(_) | Data::Huge(_) => "a whole number",
            Data::Float(_) => "a number",
            Data::Bool(_) => "a boolean",
            Data::Time(_) => "a date or time",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
        }
    }
}

/// A mistake in the TOML itself.
pub(crate) struct SyntaxError {
    pub span: Span,
    pub message: String,
}

/// What could be read of `text`, and what could not: at most one error a line, since one slip tends to raise several.
pub(crate) fn parse(text: &str) -> (Entries, Vec<SyntaxError>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut seen_lines = std::collections::BTreeSet::new();
    let errors = errors
        .into_iter()
        .filter_map(|e| {
            let span = e.span().unwrap_or(0..0);
            let span = span.start.min(text.len())..span.end.min(text.len());
            seen_lines.insert(line_of(text, span.start)).then(|| SyntaxError { message: lower_first(e.message()), span })
        })
        .collect();
    (table(root.into_inner(), text), errors)
}

/// Line of a byte offset, from 0.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

fn table(entries: DeTable<'_>, text: &str) -> Entries {
    let mut out: Entries = entries
        .into_iter()
        .map(|(key, v)| {
            let span = key.span();
            (Spanned::new(key.into_inner().into_owned(), span), value(v, text))
        })
        .collect();
    out.sort_by_key(|(key, _)| key.span.start);
    out
}

fn value(v: toml::Spanned<DeValue<'_>>, text: &str) -> Value {
    let span = v.span();
    let data = match v.into_inner() {
        DeValue::String(s) => Data::Text(s.into_owned()),
        DeValue::Integer(i) => match i64::from_str_radix(i.as_str(), i.radix()) {
            Ok(n) => Data::Integer(n),
            Err(_) => Data::Huge(i.to_string()),
        },
        DeValue::Float(f) => Data::Float(f.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(b) => Data::Bool(b),
        DeValue::Datetime(t) => Data::Time(t.to_string()),
        DeValue::Array(items) => Data::List(items.into_iter().map(|item| value(item, text)).collect()),
        DeValue::Table(entries) => Data::Table(table(entries, text)),
    };
    Value { data, span }
}

fn lower_first(s: &str) -> String {
    let mut chars = s.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
