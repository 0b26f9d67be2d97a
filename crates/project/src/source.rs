//! Sections that name a connector: where a table's rows come from, where a live view's or an alarm's go to. What several of them share stands
//! in `tidemill.toml` once: `[connections.NAME]`, and the sources that an environment has for tables.

use crate::document::{Data, Entries, Value};
use crate::fields::{Fields, quoted};
use crate::options;
use crate::sheet::Sheet;
use crate::spec::{Source, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, Spanned, codes};

/// What `tidemill.toml` says for other files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    /// The environment chosen, if any.
    pub environment: Option<String>,
    pub connections: Vec<Connection>,
    /// Sources of tables by environment.
    pub tables: Vec<Elsewhere>,
}

/// `[connections.NAME]`: what many sources and sinks have in common.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub name: Spanned<String>,
    pub entries: Entries,
    /// Where it was said anew by an environment.
    pub environment: Option<String>,
}

/// `[environments.ENV.tables.TABLE]`
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    pub environment: String,
    pub table: Spanned<String>,
    pub entries: Entries,
    pub span: Span,
}

impl Shared {
    /// Whether the chosen environment has a source of its own for the table.
    pub fn replaces(&self, table: &str) -> bool {
        self.tables.iter().any(|e| self.is_chosen(&e.environment) && e.table.value == table)
    }

    pub fn is_chosen(&self, environment: &str) -> bool {
        self.environment.as_deref() == Some(environment)
    }

    /// The chosen environment's, or else the project's.
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        let of = |environment: Option<&str>| {
            self.connections.iter().find(move |c| c.name.value == name && c.environment.as_deref() == environment)
        };
        self.environment.as_deref().and_then(|e| of(Some(e))).or_else(|| of(None))
    }
}

/// The source or target that a section describes. `default` is the connector where none is named.
pub(crate) fn read(owner: &str, span: Span, entries: &Entries, default: Option<&str>, sheet: &mut Sheet) -> Source {
    let mut s = Fields::new(owner, span.clone(), entries);
    let named = s.text("connection", sheet);
    let written = s.text("connector", sheet);
    let mut options = options::read(&s, sheet);
    let mut shared = BTreeMap::new();
    let known = sheet.shared;
    let connection = named.as_ref().and_then(|name| {
        let found = known.connection(&name.value);
        if found.is_none() {
            tell_unknown(name, known, sheet);
        }
        found
    });
    let mut of_connection = None;
    for (key, value) in connection.into_iter().flat_map(|c| &c.entries) {
        if key.value == "connector" {
            of_connection = text_of(value);
        } else if !options.contains_key(&key.value) {
            let file = main_file();
            shared.insert(key.value.clone(), Place::span(&file, value.span.clone()));
            options.insert(key.value.clone(), options::option(&key.value, value, &file, sheet));
        }
    }
    if let (Some(own), Some(theirs), Some(name)) = (&written, &of_connection, &named)
        && own.value != *theirs
    {
        let message = format!("connection `{}` is of `{theirs}`, and this says `{}`", name.value, own.value);
        sheet.error(codes::KEY_CONFLICT, &own.span, message, "remove `connector`, or name another connection");
    }
    let connector = written.or_else(|| of_connection.map(|c| Spanned::new(c, named.as_ref().map_or(0..0, |n| n.span.clone()))));
    let connector = match (connector, default) {
        (Some(connector), _) => connector,
        (None, Some(default)) => Spanned::default_of(default.to_string()),
        (None, None) => {
            if named.is_none() {
                s.need("connector", None::<()>, "connector = \"…\"", sheet);
            }
            Spanned::default()
        }
    };
    Source { connector, options, span, file: sheet.file.clone(), shared }
}

/// `[connections.NAME]` sections, of the project or of one of its environments.
pub(crate) fn connections(entries: &Entries, environment: Option<&str>, shared: &mut Shared, sheet: &mut Sheet) {
    for (name, value) in entries {
        let Some(inner) = table(name, value, "connections", sheet) else { continue };
        let mut f = Fields::new(format!("connection `{}`", name.value), name.span.clone(), inner);
        let connector = f.text("connector", sheet);
        f.need("connector", connector, "connector = \"kafka\"", sheet);
        for (key, value) in inner {
            if let Data::Text(text) = &value.data {
                let place = sheet.place(&value.span);
                options::tell_secret(&key.value, text, place, sheet);
            }
        }
        let name = name.clone();
        shared.connections.push(Connection { name, entries: inner.clone(), environment: environment.map(str::to_string) });
    }
}

/// `[environments.ENV.tables.TABLE]` sections.
pub(crate) fn tables(entries: &Entries, environment: &str, shared: &mut Shared, sheet: &mut Sheet) {
    for (name, value) in entries {
        let Some(inner) = table(name, value, "tables", sheet) else { continue };
        let span = if value.span.is_empty() { name.span.clone() } else { value.span.clone() };
        shared.tables.push(Elsewhere { environment: environment.to_string(), table: name.clone(), entries: inner.clone(), span });
    }
}

pub(crate) fn main_file() -> PathBuf {
    Path::new(crate::load::MAIN).to_path_buf()
}

fn table<'v>(name: &Spanned<String>, value: &'v Value, section: &str, sheet: &mut Sheet) -> Option<&'v Entries> {
    if let Data::Table(inner) = &value.data {
        return Some(inner);
    }
    let help = format!("write a section `[{section}.{}]`", name.value);
    crate::fields::wrong_type(value, &name.value, "a table", Some(help), sheet);
    None
}

fn text_of(value: &Value) -> Option<String> {
    if let Data::Text(t) = &value.data { Some(t.clone()) } else { None }
}

fn tell_unknown(name: &Spanned<String>, shared: &Shared, sheet: &mut Sheet) {
    let names: Vec<&str> = shared.connections.iter().map(|c| c.name.value.as_str()).collect();
    let help = match did_you_mean(&name.value, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => format!("add a section `[connections.{}]` to tidemill.toml", name.value),
        None => format!("there are {}", quoted(names.into_iter(), "and")),
    };
    let problem = Problem::error(codes::CONNECTION_UNKNOWN, sheet.place(&name.span), format!("there is no connection `{}`", name.value));
    sheet.push(problem.help(help));
}
