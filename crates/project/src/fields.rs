//! Walks one TOML table: typed look-ups that note what was asked for, and at the end a word on every key that nobody asked for.

use crate::document::{Data, Entries, Value};
use crate::settings::parse_duration;
use crate::sheet::Sheet;
use crate::spec::{OptionValue, Span, Sql};
use std::ops::RangeInclusive;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Problem, Spanned, codes};

pub(crate) struct Fields<'d> {
    /// For messages: "`[source]`", "rule `text`".
    pub owner: String,
    /// Where a missing key is reported.
    pub span: Span,
    entries: &'d Entries,
    known: Vec<&'static str>,
    passed_over: Vec<&'static str>,
}

impl<'d> Fields<'d> {
    pub fn new(owner: impl Into<String>, span: Span, entries: &'d Entries) -> Self {
        Fields { owner: owner.into(), span, entries, known: Vec::new(), passed_over: Vec::new() }
    }

    pub fn get(&mut self, key: &'static str) -> Option<&'d Value> {
        self.known.push(key);
        self.peek(key)
    }

    /// As `get`, but the key stays unknown.
    pub fn peek(&self, key: &str) -> Option<&'d Value> {
        self.entries.iter().find(|(k, _)| k.value == key).map(|(_, v)| v)
    }

    pub fn has(&self, key: &str) -> bool {
        self.peek(key).is_some()
    }

    /// Whether some look-up asked for `key`.
    pub fn asked(&self, key: &str) -> bool {
        self.known.contains(&key)
    }

    /// Takes a key out of the final reckoning without listing it as one that may be written.
    pub fn pass_over(&mut self, key: &'static str) {
        self.passed_over.push(key);
    }

    /// Where the key itself is written.
    pub fn key_span(&self, key: &str) -> Span {
        self.entries.iter().find(|(k, _)| k.value == key).map_or_else(|| self.span.clone(), |(k, _)| k.span.clone())
    }

    pub fn text(&mut self, key: &'static str, sheet: &mut Sheet) -> Option<Spanned<String>> {
        self.get(key).and_then(|v| text(v, key, sheet))
    }

    pub fn text_or_empty(&mut self, key: &'static str, sheet: &mut Sheet) -> String {
        self.text(key, sheet).map(|t| t.value).unwrap_or_default()
    }

    pub fn flag(&mut self, key: &'static str, default: bool, sheet: &mut Sheet) -> bool {
        let Some(v) = self.get(key) else { return default };
        match &v.data {
            Data::Bool(b) => *b,
            Data::Text(t) if t == "true" || t == "false" => {
                wrong_type(v, key, "true or false", Some(format!("write `{key} = {t}` without quotes")), sheet);
                default
            }
            _ => {
                wrong_type(v, key, "true or false", None, sheet);
                default
            }
        }
    }

    /// A word out of a list.
    pub fn choice<T: Clone>(&mut self, key: &'static str, choices: &[(&str, T)], sheet: &mut Sheet) -> Option<Spanned<T>> {
        let word = self.text(key, sheet)?;
        choice(&word, key, choices, sheet)
    }

    pub fn choice_or_default<T: Clone + Default>(&mut self, key: &'static str, choices: &[(&str, T)], sheet: &mut Sheet) -> T {
        self.choice(key, choices, sheet).map(|c| c.value).unwrap_or_default()
    }

    pub fn number(&mut self, key: &'static str, range: RangeInclusive<f64>, sheet: &mut Sheet) -> Option<Spanned<f64>> {
        let v = self.get(key)?;
        let n = number(v, key, sheet)?;
        if !range.contains(&n.value) {
            let (low, high) = (range.start(), range.end());
            let bounds = if high.is_finite() { format!("from {low} to {high}") } else { format!("{low} or more") };
            sheet.error(
                codes::VALUE_INVALID,
                &v.span,
                format!("`{key}` is {}, which is out of range", n.value),
                format!("it must be {bounds}"),
            );
            return None;
        }
        Some(n)
    }

    pub fn whole(&mut self, key: &'static str, range: RangeInclusive<i64>, sheet: &mut Sheet) -> Option<Spanned<i64>> {
        let v = self.get(key)?;
        match &v.data {
            Data::Integer(n) if range.contains(n) => Some(Spanned::new(*n, v.span.clone())),
            Data::Integer(n) => {
                let (low, high) = (*range.start(), *range.end());
                let bounds = if high == i64::MAX { format!("{low} or more") } else { format!("from {low} to {high}") };
                sheet.error(
                    codes::VALUE_INVALID,
                    &v.span,
                    format!("`{key}` is {n}, which is out of range"),
                    format!("it must be {bounds}"),
                );
                None
            }
            _ => {
                wrong_type(v, key, "a whole number", None, sheet);
                None
            }
        }
    }

    /// A time with its unit, such as `"500ms"`, in microseconds.
    pub fn duration(&mut self, key: &'static str, sheet: &mut Sheet) -> Option<Spanned<i64>> {
        let v = self.get(key)?;
        match &v.data {
            Data::Text(t) => match parse_duration(t) {
                Ok(d) => Some(Spanned::new(i64::try_from(d.as_micros()).unwrap_or(i64::MAX), v.span.clone())),
                Err(help) => {
                    sheet.error(codes::VALUE_INVALID, &v.span, format!("`{key}` cannot be `{t}`"), help);
                    None
                }
            },
            Data::Integer(n) => {
                let help = format!("write the unit: `{key} = \"{n}s\"`");
                wrong_type(v, key, "a time such as `\"10s\"`", Some(help), sheet);
                None
            }
            _ => {
                wrong_type(v, key, "a time such as `\"10s\"`", None, sheet);
                None
            }
        }
    }

    /// As `duration`, but more than nothing.
    pub fn some_time(&mut self, key: &'static str, sheet: &mut Sheet) -> Option<Spanned<i64>> {
        let time = self.duration(key, sheet)?;
        if time.value == 0 {
            sheet.error(codes::VALUE_INVALID, &time.span, format!("`{key}` cannot be nothing"), "write a time above 0, such as `\"10s\"`");
            return None;
        }
        Some(time)
    }

    /// One character.
    pub fn character(&mut self, key: &'static str, sheet: &mut Sheet) -> Option<char> {
        let t = self.text(key, sheet)?;
        let mut chars = t.value.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Some(c),
            _ => {
                sheet.error(
                    codes::VALUE_INVALID,
                    &t.span,
                    format!("`{key}` must be one character, not `{}`", t.value),
                    format!("for example `{key} = \",\"`"),
                );
                None
            }
        }
    }

    /// Names: one text, or a list of texts. A name that stands twice is a problem.
    pub fn names(&mut self, key: &'static str, sheet: &mut Sheet) -> Vec<Spanned<String>> {
        let Some(v) = self.get(key) else { return Vec::new() };
        names(v, key, sheet)
    }

    /// Texts where the order matters not: one, or a list; numbers and booleans count as their text.
    pub fn words(&mut self, key: &'static str, sheet: &mut Sheet) -> Vec<String> {
        self.spanned_words(key, sheet).into_iter().map(|w| w.value).collect()
    }

    pub fn spanned_words(&mut self, key: &'static str, sheet: &mut Sheet) -> Vec<Spanned<String>> {
        let Some(v) = self.get(key) else { return Vec::new() };
        let items = match &v.data {
            Data::List(items) => items.iter().collect(),
            _ => vec![v],
        };
        items
            .into_iter()
            .filter_map(|item| match scalar_text(item) {
                Some(t) => Some(Spanned::new(t, item.span.clone())),
                None => {
                    wrong_type(item, key, "text", None, sheet);
                    None
                }
            })
            .collect()
    }

    pub fn numbers(&mut self, key: &'static str, sheet: &mut Sheet) -> Vec<Spanned<f64>> {
        let Some(v) = self.get(key) else { return Vec::new() };
        match &v.data {
            Data::List(items) => items.iter().filter_map(|item| number(item, key, sheet)).collect(),
            _ => {
                wrong_type(v, key, "a list of numbers", None, sheet);
                Vec::new()
            }
        }
    }

    pub fn sql(&mut self, key: &'static str, sheet: &mut Sheet) -> Option<Sql> {
        let t = self.text(key, sheet)?;
        if t.value.trim().is_empty() {
            sheet.error(codes::VALUE_INVALID, &t.span, format!("`{key}` is empty"), "write a SQL expression, or remove the key");
            return None;
        }
        Some(sheet.sql(t))
    }

    pub fn table(&mut self, key: &'static str, sheet: &mut Sheet) -> Option<(&'d Entries, Span)> {
        let v = self.get(key)?;
        match &v.data {
            Data::Table(entries) => Some((entries, v.span.clone())),
            _ => {
                wrong_type(v, key, "a table", Some(format!("write a section `[{key}]`")), sheet);
                None
            }
        }
    }

    /// Reports `key` as missing when it is not there; a value that could not be read was reported already.
    pub fn need<T>(&self, key: &'static str, value: Option<T>, example: &str, sheet: &mut Sheet) -> Option<T> {
        // A near miss among the unknown keys is reported as one; it is not missing as well.
        let misspelt = || self.rest().any(|(k, _)| did_you_mean(&k.value, [key]).is_some());
        if value.is_none() && !self.has(key) && !misspelt() {
            sheet.error(codes::KEY_MISSING, &self.span, format!("{} has no `{key}`", self.owner), format!("add `{example}`"));
        }
        value
    }

    /// A problem for two keys that do not go together.
    pub fn exclusive(&self, keys: &[&str], sheet: &mut Sheet) {
        let mut there = keys.iter().filter(|k| self.has(k));
        if let (Some(first), Some(second)) = (there.next(), there.next()) {
            let span = self.key_span(second);
            let problem = Problem::error(codes::KEY_CONFLICT, sheet.place(&span), format!("`{first}` and `{second}` do not go together"));
            sheet.push(problem.help(format!("keep one of {}", quoted(keys.iter().copied(), "and"))));
        }
    }

    /// Every entry that no look-up asked for.
    pub fn rest(&self) -> impl Iterator<Item = &'d (Spanned<String>, Value)> + '_ {
        self.entries.iter().filter(|(k, _)| !self.known.contains(&k.value.as_str()) && !self.passed_over.contains(&k.value.as_str()))
    }

    /// Reports every entry that no look-up asked for.
    pub fn refuse_rest(self, sheet: &mut Sheet) {
        self.refuse_rest_as(codes::KEY_UNKNOWN, sheet);
    }

    pub fn refuse_rest_as(self, code: &'static str, sheet: &mut Sheet) {
        for (key, _) in self.rest() {
            let help = match did_you_mean(&key.value, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{} takes {}", self.owner, quoted(self.known.iter().copied(), "and")),
            };
            let message = format!("unknown key `{}` in {}", key.value, self.owner);
            sheet.error(code, &key.span, message, help);
        }
    }
}

pub(crate) fn wrong_type(v: &Value, key: &str, expected: &str, help: Option<String>, sheet: &mut Sheet) {
    let problem = Problem::error(codes::VALUE_TYPE, sheet.place(&v.span), format!("`{key}` must be {expected}, not {}", v.kind()));
    sheet.push(match help {
        Some(help) => problem.help(help),
        None if matches!(&v.data, Data::Text(t) if t.parse::<f64>().is_ok()) => problem.help("numbers are written without quotes"),
        None if expected.starts_with("text") && !matches!(v.data, Data::List(_) | Data::Table(_)) => problem.help("put it in quotes"),
        None => problem.help(format!("write {expected} here")),
    });
}

pub(crate) fn text(v: &Value, key: &str, sheet: &mut Sheet) -> Option<Spanned<String>> {
    match &v.data {
        Data::Text(t) => Some(Spanned::new(t.clone(), v.span.clone())),
        _ => {
            wrong_type(v, key, "text", None, sheet);
            None
        }
    }
}

pub(crate) fn number(v: &Value, key: &str, sheet: &mut Sheet) -> Option<Spanned<f64>> {
    match &v.data {
        Data::Integer(n) => Some(Spanned::new(*n as f64, v.span.clone())),
        Data::Float(n) if n.is_finite() => Some(Spanned::new(*n, v.span.clone())),
        _ => {
            wrong_type(v, key, "a number", None, sheet);
            None
        }
    }
}

pub(crate) fn names(v: &Value, key: &str, sheet: &mut Sheet) -> Vec<Spanned<String>> {
    let items: Vec<&Value> = match &v.data {
        Data::List(items) => items.iter().collect(),
        Data::Text(_) => vec![v],
        _ => {
            wrong_type(v, key, "text or a list of texts", None, sheet);
            return Vec::new();
        }
    };
    let mut out: Vec<Spanned<String>> = Vec::new();
    for item in items {
        let Some(name) = text(item, key, sheet) else { continue };
        if name.value.trim().is_empty() {
            sheet.error(codes::VALUE_INVALID, &name.span, format!("`{key}` holds an empty name"), "write a name, or remove it");
        } else if out.iter().any(|n| n.value == name.value) {
            sheet.error(codes::NAME_REPEATED, &name.span, format!("`{}` stands twice in `{key}`", name.value), "remove one of the two");
        } else {
            out.push(name);
        }
    }
    out
}

pub(crate) fn choice<T: Clone>(word: &Spanned<String>, key: &str, choices: &[(&str, T)], sheet: &mut Sheet) -> Option<Spanned<T>> {
    if let Some((_, t)) = choices.iter().find(|(name, _)| *name == word.value) {
        return Some(Spanned::new(t.clone(), word.span.clone()));
    }
    let names = || choices.iter().map(|(name, _)| *name);
    let allowed = format!("`{key}` is one of {}", quoted(names(), "or"));
    let help = did_you_mean(&word.value, names()).map_or(allowed.clone(), |near| format!("did you mean `{near}`? {allowed}"));
    sheet.error(codes::VALUE_UNKNOWN, &word.span, format!("`{key}` cannot be `{}`", word.value), help);
    None
}

/// The text of a scalar; `None` for lists and tables.
pub(crate) fn scalar_text(v: &Value) -> Option<String> {
    match &v.data {
        Data::Text(t) | Data::Time(t) | Data::Huge(t) => Some(t.clone()),
        Data::Integer(n) => Some(n.to_string()),
        Data::Float(n) => Some(n.to_string()),
        Data::Bool(b) => Some(b.to_string()),
        Data::List(_) | Data::Table(_) => None,
    }
}

/// A value as a plain option. Dates and times become their text.
pub(crate) fn option_value(v: &Value) -> Spanned<OptionValue> {
    let value = match &v.data {
        Data::Text(t) | Data::Time(t) | Data::Huge(t) => OptionValue::Text(t.clone()),
        Data::Integer(n) => OptionValue::Integer(*n),
        Data::Float(n) => OptionValue::Float(*n),
        Data::Bool(b) => OptionValue::Bool(*b),
        Data::List(items) => OptionValue::List(items.iter().map(option_value).collect()),
        Data::Table(entries) => OptionValue::Table(entries.iter().map(|(k, v)| (k.value.clone(), option_value(v))).collect()),
    };
    Spanned::new(value, v.span.clone())
}

/// "`a`, `b` and `c`"
pub(crate) fn quoted<'s>(words: impl Iterator<Item = &'s str>, last: &str) -> String {
    let mut words: Vec<String> = words.map(|w| format!("`{w}`")).collect();
    match words.pop() {
        None => "nothing".to_string(),
        Some(only) if words.is_empty() => only,
        Some(end) => format!("{} {last} {end}", words.join(", ")),
    }
}
