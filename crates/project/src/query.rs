//! `queries/NAME.sql`: a SELECT that is asked by its name, with values for the parameters that its header declares.
//!
//! A value never becomes part of the SQL: `$name` is written as `CAST($1 AS its type)`, and the value stands beside it.

mod value;

use crate::dashboard::query::Asked;
use crate::document::{Data, Entries, Value};
use crate::fields::{Fields, quoted, scalar_text, text, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Span, Sql};
use crate::sql::Call;
use crate::view::late_lines;
use crate::{header, sql, types};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Problem, Spanned, codes, name};

#[derive(Debug, Clone)]
pub struct NamedQuery {
    pub name: String,
    /// `queries/NAME.sql`
    pub file: PathBuf,
    pub description: String,
    /// With `$customer_id` where a value goes.
    pub sql: Sql,
    /// As the header lists them.
    pub parameters: Vec<Parameter>,
    /// Every `$name` has its parameter, and every parameter its type.
    pub is_whole: bool,
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: Spanned<String>,
    pub data_type: DataType,
    pub description: String,
    /// What it is when no value is given, as text.
    pub default: Option<String>,
    /// NULL when no value is given.
    pub optional: bool,
}

/// SQL whose parameters are numbered, and where it differs from what is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    pub text: String,
    /// Bytes of each parameter as written, and as it is now.
    moved: Vec<(Span, Span)>,
}

pub(crate) fn read(query_name: &str, split: &header::Split, sheet: &mut Sheet) -> NamedQuery {
    let entries = sheet.parse();
    let mut f = Fields::new("the header", 0..0, &entries);
    let description = f.text_or_empty("description", sheet);
    let written = f.table("params", sheet).map(|(entries, _)| entries);
    let parameters = written.map(|entries| parameters(entries, sheet)).unwrap_or_default();
    f.refuse_rest(sheet);
    late_lines(split, sheet);
    sql::check_select(&split.sql, "a query", sheet);
    // One whose type could not be read is declared all the same.
    let declared: Vec<&Spanned<String>> = written.into_iter().flatten().map(|(k, _)| k).collect();
    let is_whole = placeholders(&split.sql, &declared, sheet) && parameters.len() == declared.len();
    NamedQuery { name: query_name.to_string(), file: sheet.file.clone(), description, sql: split.sql.clone(), parameters, is_whole }
}

fn parameters(entries: &Entries, sheet: &mut Sheet) -> Vec<Parameter> {
    entries.iter().filter_map(|(key, value)| parameter(key, value, sheet)).collect()
}

fn parameter(key: &Spanned<String>, value: &Value, sheet: &mut Sheet) -> Option<Parameter> {
    if !name::is_plain(&key.value) {
        let help = format!("names are lower-case letters, digits and `_`: write `{}`", name::normalise(&key.value));
        sheet.error(codes::NAME_INVALID, &key.span, format!("`{}` is no name of a parameter", key.value), help);
        return None;
    }
    let plain = |data_type| Parameter { name: key.clone(), data_type, description: String::new(), default: None, optional: false };
    match &value.data {
        Data::Text(_) => data_type(&text(value, &key.value, sheet)?, sheet).map(plain),
        Data::Table(entries) => {
            let mut f = Fields::new(format!("parameter `{}`", key.value), value.span.clone(), entries);
            let word = f.text("type", sheet);
            let word = f.need("type", word, "type = \"text\"", sheet);
            let description = f.text_or_empty("description", sheet);
            let default = f.get("default");
            let optional = f.flag("optional", false, sheet);
            f.exclusive(&["default", "optional"], sheet);
            f.refuse_rest(sheet);
            let data_type = data_type(&word?, sheet)?;
            let default = default.and_then(|v| self::default(v, &data_type, sheet));
            Some(Parameter { description, default, optional, ..plain(data_type) })
        }
        _ => {
            let help = "write its type, such as `\"text\"`, or `{ type = \"int\", default = 10 }`";
            wrong_type(value, &key.value, "a type or a table", Some(help.into()), sheet);
            None
        }
    }
}

fn data_type(word: &Spanned<String>, sheet: &mut Sheet) -> Option<DataType> {
    match types::parse_type(&word.value) {
        Ok(data_type) => Some(data_type),
        Err(help) => {
            sheet.error(codes::TYPE_UNKNOWN, &word.span, format!("there is no type `{}`", word.value), help);
            None
        }
    }
}

fn default(written: &Value, data_type: &DataType, sheet: &mut Sheet) -> Option<String> {
    let Some(text) = scalar_text(written) else {
        wrong_type(written, "default", "one value", None, sheet);
        return None;
    };
    if let Err(expected) = value::of(data_type, &text) {
        let message = format!("the default `{text}` is not {expected}");
        sheet.error(codes::VALUE_INVALID, &written.span, message, "change it, or the type");
        return None;
    }
    Some(text)
}

/// Whether everything that the SQL names is declared; what is not is told, and what is declared for nothing.
fn placeholders(sql: &Sql, declared: &[&Spanned<String>], sheet: &mut Sheet) -> bool {
    let used = sql::placeholders(&sql.text);
    let unknown: Vec<&Call> = used.iter().filter(|p| !declared.iter().any(|d| d.value == p.name)).collect();
    for p in &unknown {
        let names = || declared.iter().map(|d| d.value.as_str());
        let help = match did_you_mean(&p.name, names()) {
            _ if !name::is_plain(&p.name) => "parameters have names, which the header declares: `$customer_id`".to_string(),
            Some(near) => format!("did you mean `${near}`?"),
            None if declared.is_empty() => format!("declare it in the header: `--! params.{} = \"text\"`", p.name),
            None => format!("the header declares {}", quoted(names(), "and")),
        };
        let message = format!("the header declares no parameter `{}`", p.name);
        sheet.error(codes::PARAMETER_UNKNOWN, &sql.locate(p.span.clone()), message, help);
    }
    for d in declared.iter().filter(|d| !used.iter().any(|u| u.name == d.value)) {
        let message = format!("the SQL has no `${}`, so the parameter does nothing", d.value);
        let problem = Problem::warning(codes::PARAMETER_UNUSED, sheet.place(&d.span), message);
        sheet.push(problem.help("use it, or remove it"));
    }
    unknown.is_empty()
}

impl NamedQuery {
    /// The SQL to plan with, every parameter having a value.
    pub fn numbered(&self) -> Numbered {
        let place = |name: &str| self.parameters.iter().position(|p| p.name.value == name).map(|i| format!("${}", i + 1));
        self.written_with(place)
    }

    /// What to ask with these values, by parameter; or what is wrong with them, in words.
    pub fn asked(&self, mut given: BTreeMap<String, String>) -> Result<Asked, String> {
        let mut values: Vec<(&str, Option<usize>)> = Vec::new();
        let mut params = Vec::new();
        for p in &self.parameters {
            let name = p.name.value.as_str();
            let text = match given.remove(name) {
                Some(text) => Some(text),
                None if p.is_required() => return Err(format!("`{name}` is missing: it is {}", value::words(&p.data_type))),
                None => p.default.clone(),
            };
            let at = match text {
                Some(text) => {
                    let shown = || text.chars().take(100).collect::<String>();
                    let value =
                        value::of(&p.data_type, &text).map_err(|expected| format!("`{name}` is `{}`, and must be {expected}", shown()))?;
                    params.push(value);
                    Some(params.len())
                }
                None => None,
            };
            values.push((name, at));
        }
        if let Some(stranger) = given.keys().next() {
            let names: Vec<&str> = self.parameters.iter().map(|p| p.name.value.as_str()).collect();
            let shown: String = stranger.chars().take(100).collect();
            let takes = if names.is_empty() { "nothing".to_string() } else { quoted(names.into_iter(), "and") };
            return Err(format!("there is no parameter `{shown}`: the query takes {takes}"));
        }
        let numbered = self.written_with(|name| {
            let (_, at) = values.iter().find(|(n, _)| *n == name)?;
            Some(at.map_or_else(|| "NULL".to_string(), |n| format!("${n}")))
        });
        Ok(Asked { sql: numbered.text, params })
    }

    /// `place` is what stands for a parameter, before it is cast.
    fn written_with(&self, place: impl Fn(&str) -> Option<String>) -> Numbered {
        let written = &self.sql.text;
        let (mut out, mut moved, mut at) = (String::with_capacity(written.len() + 64), Vec::new(), 0);
        for Call { name, span } in sql::placeholders(written) {
            let found = self.parameters.iter().find(|p| p.name.value == name).zip(place(&name));
            let Some((parameter, place)) = found else { continue };
            out.push_str(&written[at..span.start]);
            let start = out.len();
            out.push_str(&format!("CAST({place} AS {})", value::sql_type(&parameter.data_type)));
            moved.push((span.clone(), start..out.len()));
            at = span.end;
        }
        out.push_str(&written[at..]);
        Numbered { text: out, moved }
    }
}

impl Parameter {
    pub fn is_required(&self) -> bool {
        self.default.is_none() && !self.optional
    }
}

impl Numbered {
    /// Where a range of the numbered text stands in the written one.
    pub fn back(&self, range: Span) -> Span {
        let back = |at: usize, end: bool| {
            let mut shift = 0i64;
            for (written, now) in &self.moved {
                if at >= now.end {
                    shift = written.end as i64 - now.end as i64;
                } else if at > now.start || (at == now.start && !end) {
                    return if end { written.end } else { written.start };
                }
            }
            usize::try_from(at as i64 + shift).unwrap_or(0)
        };
        back(range.start, false)..back(range.end, true)
    }
}

#[cfg(test)]
mod tests;
