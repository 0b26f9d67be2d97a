//! Options of a connector as plain values, and how they are read: every mistake is reported, none stops the reading.

use std::collections::BTreeMap;
use std::fmt;
use tidemill_core::problem::did_you_mean;

/// What a user wrote under `[source]`, without places: whoever has the places maps [`OptionProblem::key`] back to them.
pub type Options = BTreeMap<String, OptionValue>;

#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<OptionValue>),
    Table(BTreeMap<String, OptionValue>),
}

impl OptionValue {
    /// What kind of value this is, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            OptionValue::Text(_) => "a text",
            OptionValue::Integer(_) => "an integer",
            OptionValue::Float(_) => "a number",
            OptionValue::Bool(_) => "a boolean",
            OptionValue::List(_) => "a list",
            OptionValue::Table(_) => "a table",
        }
    }
}

impl From<&str> for OptionValue {
    fn from(text: &str) -> Self {
        OptionValue::Text(text.into())
    }
}

impl From<bool> for OptionValue {
    fn from(value: bool) -> Self {
        OptionValue::Bool(value)
    }
}

impl From<i64> for OptionValue {
    fn from(value: i64) -> Self {
        OptionValue::Integer(value)
    }
}

/// One option, documented where it is implemented; reference pages are made from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionDoc {
    pub name: &'static str,
    /// `text`, `true or false`, `"a" or "b"`, …
    pub value: &'static str,
    /// As it would be written; empty where the option must be given or is absent by default.
    pub default: &'static str,
    pub text: &'static str,
}

/// What is wrong with an option; decides its problem code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionFault {
    Unknown,
    Missing,
    Value,
    /// The option is well formed, but what it names can't be read or matches nothing.
    Unreadable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionProblem {
    /// The option concerned; `None` when it is missing or several are.
    pub key: Option<String>,
    pub fault: OptionFault,
    /// Lowercase, no full stop.
    pub message: String,
    pub help: Option<String>,
}

impl fmt::Display for OptionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Reads options one by one and gathers problems.
pub(crate) struct OptionReader<'a> {
    options: &'a Options,
    pub problems: Vec<OptionProblem>,
}

impl<'a> OptionReader<'a> {
    /// Every key that `docs` doesn't list is a problem.
    pub fn new(options: &'a Options, docs: &[OptionDoc]) -> Self {
        let mut problems = Vec::new();
        for key in options.keys() {
            if !docs.iter().any(|d| d.name == key) {
                let near = did_you_mean(key, docs.iter().map(|d| d.name));
                problems.push(OptionProblem {
                    key: Some(key.clone()),
                    fault: OptionFault::Unknown,
                    message: format!("unknown option `{key}`"),
                    help: Some(match near {
                        Some(n) => format!("did you mean `{n}`?"),
                        None => format!("the options are {}", docs.iter().map(|d| d.name).collect::<Vec<_>>().join(", ")),
                    }),
                });
            }
        }
        OptionReader { options, problems }
    }

    pub fn get(&self, key: &str) -> Option<&'a OptionValue> {
        self.options.get(key)
    }

    pub fn problem(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let help = help.into();
        self.problems.push(OptionProblem {
            key: Some(key.into()),
            fault: OptionFault::Value,
            message: message.into(),
            help: (!help.is_empty()).then_some(help),
        });
    }

    fn wrong_kind(&mut self, key: &str, wanted: &str, got: &OptionValue) {
        self.problem(key, format!("`{key}` takes {wanted}, not {}", got.kind()), "");
    }

    pub fn text(&mut self, key: &str) -> Option<&'a str> {
        match self.get(key)? {
            OptionValue::Text(t) => Some(t),
            other => {
                self.wrong_kind(key, "a text", other);
                None
            }
        }
    }

    pub fn choice(&mut self, key: &str, choices: &[&'static str]) -> Option<&'static str> {
        let text = self.text(key)?;
        let found = choices.iter().copied().find(|c| c.eq_ignore_ascii_case(text));
        if found.is_none() {
            let help = match did_you_mean(text, choices.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("allowed: {}", choices.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ")),
            };
            self.problem(key, format!("`{key}` can't be \"{text}\""), help);
        }
        found
    }

    /// One ASCII character; `Some(None)` for an empty text.
    pub fn character(&mut self, key: &str) -> Option<Option<u8>> {
        let text = self.text(key)?;
        let text = if text == "\\t" { "\t" } else { text };
        match text.as_bytes() {
            [] => Some(None),
            [c] if c.is_ascii() && !matches!(c, b'\n' | b'\r' | 0) => Some(Some(*c)),
            _ => {
                self.problem(key, format!("`{key}` takes one character, not \"{text}\""), "use one ASCII character, such as \";\"");
                None
            }
        }
    }

    pub fn boolean(&mut self, key: &str) -> Option<bool> {
        match self.get(key)? {
            OptionValue::Bool(b) => Some(*b),
            other => {
                self.wrong_kind(key, "true or false", other);
                None
            }
        }
    }

    /// A text that must be there.
    pub fn required(&mut self, key: &str, help: &str) -> Option<&'a str> {
        if self.get(key).is_none() {
            self.problems.push(OptionProblem {
                key: None,
                fault: OptionFault::Missing,
                message: format!("the option `{key}` is missing"),
                help: Some(help.into()),
            });
        }
        self.text(key)
    }

    pub fn count(&mut self, key: &str) -> Option<usize> {
        match self.get(key)? {
            OptionValue::Integer(n) if *n >= 0 => usize::try_from(*n).ok(),
            OptionValue::Integer(n) => {
                self.problem(key, format!("`{key}` can't be {n}"), "give 0 or more");
                None
            }
            other => {
                self.wrong_kind(key, "an integer", other);
                None
            }
        }
    }

    /// Bytes: an integer, or a text such as `"16MB"`.
    pub fn bytes(&mut self, key: &str) -> Option<usize> {
        let text = match self.get(key)? {
            OptionValue::Integer(_) => return self.count(key),
            OptionValue::Text(t) => t.trim(),
            other => {
                self.wrong_kind(key, "a size such as \"16MB\"", other);
                return None;
            }
        };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let unit: usize = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" | "kib" => 1 << 10,
            "mb" | "mib" => 1 << 20,
            "gb" | "gib" => 1 << 30,
            _ => 0,
        };
        let size = digits.parse::<usize>().ok().filter(|_| unit > 0).and_then(|n| n.checked_mul(unit));
        if size.is_none() {
            self.problem(key, format!("`{key}` is not a size: \"{text}\""), "write it as \"16MB\"");
        }
        size
    }

    /// One text or a list of texts.
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        match self.get(key)? {
            OptionValue::Text(t) => Some(vec![t.clone()]),
            OptionValue::List(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    match item {
                        OptionValue::Text(t) => out.push(t.clone()),
                        other => self.wrong_kind(key, "a list of texts", other),
                    }
                }
                Some(out)
            }
            other => {
                self.wrong_kind(key, "a text or a list of texts", other);
                None
            }
        }
    }
}
