//! What a node is made of, as hashes. A node whose fingerprint equals that of its last committed epoch is up to date; the parts tell a
//! plan what changed. Nothing here depends on where in a file something stands, so comments and order of keys change nothing.

use std::collections::BTreeMap;
use std::fmt::Write;
use tidemill_connect::stream::CHANGE_NO_ROWS;
use tidemill_core::ColumnRead;
use tidemill_project::spec::{
    Check, Export, Function, FunctionTest, FunctionTestKind, LiveSettings, Materialized, OptionValue, Options, Table, View,
};

pub fn hash(text: &str) -> String {
    hash_bytes(text.as_bytes())
}

pub fn hash_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_string()
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    pub parts: BTreeMap<String, String>,
}

impl Fingerprint {
    pub fn part(&mut self, name: impl Into<String>, text: &str) -> &mut Self {
        self.parts.insert(name.into(), hash(text));
        self
    }
    pub fn whole(&self) -> String {
        hash(&self.parts.iter().fold(String::new(), |mut s, (k, v)| {
            let _ = writeln!(s, "{k}={v}");
            s
        }))
    }
    /// What differs from `before`, for people.
    pub fn changes_since(&self, before: &BTreeMap<String, String>) -> Vec<String> {
        let mut names: Vec<String> = self.parts.iter().filter(|(k, v)| before.get(*k) != Some(v)).map(|(k, _)| k.clone()).collect();
        names.extend(before.keys().filter(|k| !self.parts.contains_key(*k)).cloned());
        names
    }
}

/// How rows are read and what they must look like: the part of a table that decides whether files must be read again. `functions` are
/// the texts of those that its contract calls.
pub fn read_spec(table: &Table, columns: &[ColumnRead], functions: &str) -> String {
    let mut s = String::new();
    let _ = writeln!(s, "{}", *table.source.connector);
    let of_rows = table.source.options.iter().filter(|(k, _)| !CHANGE_NO_ROWS.contains(&k.as_str()));
    options(&mut s, &of_rows.map(|(k, v)| (k.clone(), v.clone())).collect());
    s.push_str(&row_spec(table, columns, functions));
    hash(&s)
}

/// What rows must look like, wherever they come from.
pub fn row_spec(table: &Table, columns: &[ColumnRead], functions: &str) -> String {
    let mut s = String::new();
    let _ = writeln!(s, "{columns:?} {:?} {:?}", table.drift, table.undeclared);
    for c in &table.columns {
        let _ = writeln!(s, "{} required={} accepted={:?}", *c.name, c.required, c.accepted);
        let bound = |v: &Option<tidemill_core::Spanned<OptionValue>>| v.as_ref().map(|v| value(v));
        let _ = writeln!(s, "min={:?} max={:?}", bound(&c.min), bound(&c.max));
        checks(&mut s, &c.checks);
    }
    checks(&mut s, &table.checks);
    s.push_str(functions);
    s
}

fn checks(s: &mut String, checks: &[Check]) {
    for c in checks {
        let _ = writeln!(s, "check {:?} {}", c.name, c.sql.text.trim());
    }
}

pub fn options(s: &mut String, options: &Options) {
    for (k, v) in options {
        let _ = writeln!(s, "{k}={}", value(v));
    }
}

fn value(v: &OptionValue) -> String {
    match v {
        OptionValue::Text(t) => format!("{t:?}"),
        OptionValue::Integer(i) => i.to_string(),
        OptionValue::Float(f) => format!("{f:?}"),
        OptionValue::Bool(b) => b.to_string(),
        OptionValue::List(l) => format!("[{}]", l.iter().map(|v| value(v)).collect::<Vec<_>>().join(",")),
        OptionValue::Table(t) => format!("{{{}}}", t.iter().map(|(k, v)| format!("{k}={}", value(v))).collect::<Vec<_>>().join(",")),
    }
}

pub fn view_spec(view: &View) -> String {
    let partitions: Vec<&str> = view.partition_by.iter().map(|c| c.value.as_str()).collect();
    let live = if *view.materialized == Materialized::Live { live_spec(&view.live) } else { String::new() };
    format!("{}\n{:?}\n{partitions:?}\n{:?}{live}", view.sql.text.trim(), *view.materialized, tests(view))
}

/// The settings that decide what the rows of a live view are; where they are sent, and how often, is none of these.
pub fn live_spec(live: &LiveSettings) -> String {
    format!("{} {:?} {:?} {} {:?}", live.lateness_micros, live.late, live.emit, live.idle_micros, live.time)
}

fn tests(view: &View) -> Vec<String> {
    use tidemill_project::spec::TestKind as T;
    let names = |c: &[tidemill_core::Spanned<String>]| c.iter().map(|c| c.value.clone()).collect::<Vec<_>>();
    view.tests
        .iter()
        .map(|t| match &t.kind {
            T::NotNull(c) => format!("not_null {:?} {:?}", names(c), t.severity),
            T::Unique(c) => format!("unique {:?} {:?}", names(c), t.severity),
            T::AcceptedValues { column, values } => format!("accepted {} {values:?} {:?}", column.value, t.severity),
            T::Relationships { column, to, to_column } => format!("rel {} {} {to_column} {:?}", column.value, to.value, t.severity),
            T::Sql { name, sql } => format!("sql {name} {} {:?}", sql.text.trim(), t.severity),
        })
        .collect()
}

pub fn function_tests(f: &Function) -> String {
    let one = |t: &FunctionTest| match &t.kind {
        FunctionTestKind::Call { call, equals } => format!("call {} {:?} {:?}\n", call.text.trim(), equals.value, t.severity),
        FunctionTestKind::Sql { name, sql } => format!("sql {name} {} {:?}\n", sql.text.trim(), t.severity),
    };
    f.tests.iter().map(one).collect()
}

pub fn export_spec(export: &Export) -> String {
    let mut s = format!("{} {}\n{}\n", export.from.value, export.sql.as_ref().map_or("", |q| q.text.trim()), *export.connector);
    options(&mut s, &export.options);
    s
}
