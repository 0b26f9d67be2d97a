//! The data dictionary: everything that a project's files say about its data, put together for people who will read the data and not the
//! files. Tables with their contract and how they are cleaned, views with where each column comes from, functions, exports; and what
//! nobody has described yet.
//!
//! Nothing is read but what `check` has read; row counts are those of the last finished run, where there was one.

mod columns;
mod json;
mod rules;
#[cfg(test)]
mod tests;

use crate::check::Checked;
use crate::workspace::{Workspace, versions_of};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_core::{Error, Result, problem::did_you_mean};
use tidemill_engine::{Returns, Session};
use tidemill_lake::TableName;
use tidemill_project::NodeKind;
use tidemill_project::spec::{
    Export, Function, FunctionTest, FunctionTestKind, Load, Materialized, OptionValue, RawPolicy, Table, TestKind, TestSeverity, View,
    ViewTest,
};

#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    pub project: String,
    pub description: String,
    pub tables: Vec<TableEntry>,
    pub views: Vec<ViewEntry>,
    pub functions: Vec<FunctionEntry>,
    pub exports: Vec<ExportEntry>,
    pub last_run: Option<LastRun>,
}

/// The last finished epoch, and when it was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    pub epoch: u64,
    pub finished_at_micros: i64,
}

impl LastRun {
    /// `2024-05-01 10:15 UTC`
    pub fn when(&self) -> String {
        let when = chrono::DateTime::from_timestamp_micros(self.finished_at_micros).unwrap_or_default();
        when.format("%Y-%m-%d %H:%M UTC").to_string()
    }
}

/// A stored table at the last finished epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub rows: u64,
    pub version: i64,
}

#[derive(Debug, Clone)]
pub struct TableEntry {
    pub name: String,
    pub file: String,
    pub description: String,
    /// Where its rows come from, in a few words.
    pub source: String,
    /// How new files meet old rows, as a sentence.
    pub load: String,
    /// Whether `raw.NAME` can be asked.
    pub keeps_raw: bool,
    pub key: Vec<String>,
    pub partition_by: Vec<String>,
    /// Of the clean table, in its order.
    pub columns: Vec<ColumnEntry>,
    /// Read from the source, and not in the clean table.
    pub dropped: Vec<ColumnEntry>,
    /// What every row must satisfy, over several columns.
    pub checks: Vec<String>,
    pub rules: Vec<RuleEntry>,
    pub used_by: Vec<String>,
    pub stored: Option<Stored>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnEntry {
    pub name: String,
    pub data_type: String,
    pub description: String,
    /// The description is the program's own: it says which rule made the column.
    pub made: bool,
    /// What the source calls it, where that is another name.
    pub original: Option<String>,
    /// What its values must be: `required`, `0 to 10`, `one of a, b`.
    pub contract: Vec<String>,
    /// How its values are written in the source: formats, units, marks of what is missing.
    pub notation: Vec<String>,
    /// Relation and column that it is made of.
    pub from: Vec<(String, String)>,
    /// The SQL that makes it, where it is more than a name.
    pub expression: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleEntry {
    pub rule: &'static str,
    pub text: String,
    pub description: String,
}

#[derive(Debug, Clone)]
pub struct ViewEntry {
    pub name: String,
    pub file: String,
    pub description: String,
    pub is_stored: bool,
    pub partition_by: Vec<String>,
    pub columns: Vec<ColumnEntry>,
    pub reads: Vec<String>,
    pub tests: Vec<TestEntry>,
    pub used_by: Vec<String>,
    pub stored: Option<Stored>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEntry {
    pub text: String,
    pub is_warning: bool,
}

#[derive(Debug, Clone)]
pub struct FunctionEntry {
    pub name: String,
    pub file: String,
    pub description: String,
    /// `top_products(of text, n int = 10)`
    pub signature: String,
    /// `double`, or `a table`.
    pub returns: String,
    /// Name, type, description.
    pub parameters: Vec<(String, String, String)>,
    /// Of the rows that it gives: name, type, description.
    pub columns: Vec<(String, String, String)>,
    pub reads: Vec<String>,
    pub used_by: Vec<String>,
    pub tests: Vec<TestEntry>,
}

#[derive(Debug, Clone)]
pub struct ExportEntry {
    pub name: String,
    pub file: String,
    pub description: String,
    /// The node, or `a SELECT of its own`.
    pub from: String,
    pub path: String,
    pub reads: Vec<String>,
}

/// The dictionary of a project that `check` found good enough to be asked. No lake is needed.
pub fn dictionary(checked: &Checked) -> Dictionary {
    let p = &checked.project;
    Dictionary {
        project: p.name.clone(),
        description: p.description.clone(),
        tables: p.tables.iter().map(|t| table(t, checked)).collect(),
        views: p.views.iter().map(|v| view(v, checked)).collect(),
        functions: {
            let mut all: Vec<FunctionEntry> = p.functions.iter().map(|f| function(f, checked)).collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            all
        },
        exports: p.exports.iter().map(|e| export(e, checked)).collect(),
        last_run: None,
    }
}

impl Workspace {
    /// The dictionary, with what the last finished run left.
    pub async fn dictionary(&self) -> Result<Dictionary> {
        let mut out = dictionary(&self.checked);
        let Some(done) = self.lake.last_done()? else { return Ok(out) };
        out.last_run = Some(LastRun { epoch: done.epoch, finished_at_micros: done.finished_at_micros });
        let versions = versions_of(&done);
        let mut stored: BTreeMap<TableName, Stored> = BTreeMap::new();
        for (name, version) in versions.into_iter().filter(|(n, _)| n.schema == "clean" || n.schema == "public") {
            if let Some(s) = self.lake.snapshot(&name, Some(version)).await? {
                stored.insert(name, Stored { rows: s.rows(), version });
            }
        }
        for t in &mut out.tables {
            t.stored = stored.get(&TableName::clean(t.name.clone())).copied();
        }
        for v in out.views.iter_mut().filter(|v| v.is_stored) {
            v.stored = stored.get(&TableName::public(v.name.clone())).copied();
        }
        Ok(out)
    }
}

impl Dictionary {
    /// Only the entries named: `customers`, `clean.customers`, a view, a function, `export.report` or its name. An unknown one is an error.
    pub fn only(mut self, names: &[String]) -> Result<Dictionary> {
        if names.is_empty() {
            return Ok(self);
        }
        let known: Vec<String> = self.names();
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for name in names {
            let bare = ["clean.", "raw.", "public.", "export."].iter().find_map(|s| name.strip_prefix(s)).unwrap_or(name);
            let bare = bare.trim_end_matches("()");
            if !known.iter().any(|k| k == bare) {
                let e = Error::config(format!("there is no table, view, function or export `{name}`"));
                return Err(match did_you_mean(bare, known.iter().map(String::as_str)) {
                    Some(near) => e.help(format!("did you mean `{near}`?")),
                    None => e.help("`tidemill dictionary` shows all of them"),
                });
            }
            wanted.insert(bare.to_string());
        }
        self.tables.retain(|t| wanted.contains(&t.name));
        self.views.retain(|v| wanted.contains(&v.name));
        self.functions.retain(|f| wanted.contains(&f.name));
        self.exports.retain(|e| wanted.contains(&e.name));
        Ok(self)
    }

    /// What nobody has described: `table customers`, `column income of view spend`, in the order of the dictionary.
    pub fn undescribed(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut note = |described: bool, what: String| {
            if !described {
                out.push(what);
            }
        };
        for t in &self.tables {
            note(!t.description.is_empty(), format!("table `{}`", t.name));
            for c in t.columns.iter().chain(&t.dropped) {
                note(!c.description.is_empty(), format!("column `{}` of table `{}`", c.name, t.name));
            }
        }
        for v in &self.views {
            note(!v.description.is_empty(), format!("view `{}`", v.name));
            for c in &v.columns {
                note(!c.description.is_empty(), format!("column `{}` of view `{}`", c.name, v.name));
            }
        }
        for f in &self.functions {
            note(!f.description.is_empty(), format!("function `{}`", f.name));
            for (name, ..) in f.parameters.iter().filter(|p| p.2.is_empty()) {
                note(false, format!("parameter `{name}` of function `{}`", f.name));
            }
        }
        for e in &self.exports {
            note(!e.description.is_empty(), format!("export `{}`", e.name));
        }
        out
    }

    /// How many things there are that can be described.
    pub fn describable(&self) -> usize {
        let tables: usize = self.tables.iter().map(|t| 1 + t.columns.len() + t.dropped.len()).sum();
        let views: usize = self.views.iter().map(|v| 1 + v.columns.len()).sum();
        let functions: usize = self.functions.iter().map(|f| 1 + f.parameters.len()).sum();
        tables + views + functions + self.exports.len()
    }

    fn names(&self) -> Vec<String> {
        let tables = self.tables.iter().map(|t| &t.name).chain(self.views.iter().map(|v| &v.name));
        tables.chain(self.functions.iter().map(|f| &f.name)).chain(self.exports.iter().map(|e| &e.name)).cloned().collect()
    }
}

fn table(t: &Table, checked: &Checked) -> TableEntry {
    let (columns, dropped) = columns::of_table(t, checked);
    let text = |key: &str| match t.source.options.get(key).map(|v| &v.value) {
        Some(OptionValue::Text(t)) => Some(t.clone()),
        Some(OptionValue::List(l)) => {
            let texts: Vec<&str> =
                l.iter().filter_map(|v| if let OptionValue::Text(t) = &v.value { Some(t.as_str()) } else { None }).collect();
            Some(texts.join(", "))
        }
        _ => None,
    };
    let connector = t.source.connector.as_str();
    let place = text("path").unwrap_or_default();
    let check = |c: &tidemill_project::spec::Check| match &c.name {
        Some(name) => format!("{name}: {}", one_line(&c.sql.text)),
        None => one_line(&c.sql.text),
    };
    TableEntry {
        name: t.name.clone(),
        file: shown(&t.file),
        description: t.description.clone(),
        source: if connector == "files" { place } else { format!("{connector} {place}").trim().to_string() },
        load: load(t).to_string(),
        keeps_raw: t.raw == RawPolicy::Keep,
        key: t.key.iter().map(|k| k.value.clone()).collect(),
        partition_by: t.partition_by.iter().map(|c| c.value.clone()).collect(),
        columns,
        dropped,
        checks: t.checks.iter().map(check).collect(),
        rules: t.clean.iter().map(rules::entry).collect(),
        used_by: users(&[format!("clean.{}", t.name), format!("raw.{}", t.name)], &t.name, checked),
        stored: None,
    }
}

fn load(t: &Table) -> &'static str {
    match t.load {
        Load::Append => "append: rows of new files are added; a changed file replaces its own rows",
        Load::Replace => "replace: the table is what the source holds now",
        Load::Upsert => "upsert: a row replaces the stored row with the same key",
        Load::Diff => "diff: a whole snapshot, compared with the stored rows by key",
    }
}

fn view(v: &View, checked: &Checked) -> ViewEntry {
    ViewEntry {
        name: v.name.clone(),
        file: shown(&v.file),
        description: v.description.clone(),
        is_stored: *v.materialized != Materialized::View,
        partition_by: v.partition_by.iter().map(|c| c.value.clone()).collect(),
        columns: columns::of_view(v, checked),
        reads: checked.graph.node(&v.name).map(|n| n.depends_on.clone()).unwrap_or_default(),
        tests: v.tests.iter().map(test).collect(),
        used_by: users(std::slice::from_ref(&v.name), &v.name, checked),
        stored: None,
    }
}

/// Nodes that read one of `nodes`, but for those of the same name.
fn users(nodes: &[String], own: &str, checked: &Checked) -> Vec<String> {
    let mut out: BTreeSet<String> = BTreeSet::new();
    for (function, reads) in &checked.graph.function_reads {
        if nodes.iter().any(|n| reads.contains(n)) {
            out.insert(format!("{function}()"));
        }
    }
    let apart = [NodeKind::Raw, NodeKind::Function];
    for n in checked.graph.nodes.iter().filter(|n| !apart.contains(&n.kind) && n.name != format!("clean.{own}")) {
        if n.depends_on.iter().any(|d| nodes.contains(d)) {
            out.insert(n.name.clone());
        }
    }
    out.into_iter().collect()
}

fn test(t: &ViewTest) -> TestEntry {
    let list = |c: &[tidemill_core::Spanned<String>]| c.iter().map(|c| format!("`{}`", c.value)).collect::<Vec<_>>().join(", ");
    let text = match &t.kind {
        TestKind::NotNull(c) if c.len() == 1 => format!("{} is never missing", list(c)),
        TestKind::NotNull(c) => format!("{} are never missing", list(c)),
        TestKind::Unique(c) if c.len() == 1 => format!("no two rows have the same {}", list(c)),
        TestKind::Unique(c) => format!("no two rows have the same {} together", list(c)),
        TestKind::AcceptedValues { column, values } => format!("`{}` is one of {}", column.value, values.join(", ")),
        TestKind::Relationships { column, to, to_column } => format!("every `{}` occurs in `{}.{to_column}`", column.value, to.value),
        TestKind::Sql { name, .. } => format!("{}: a SELECT that must return no row", name.replace('_', " ")),
    };
    TestEntry { text, is_warning: t.severity == TestSeverity::Warn }
}

fn function(f: &Function, checked: &Checked) -> FunctionEntry {
    let signature = checked.session.as_ref().and_then(|s: &Session| s.signature(&f.name));
    let (usage, parameters, returns, columns) = match signature {
        Some(s) => {
            let described = |n: &String| f.parameters.get(n).cloned().unwrap_or_default();
            let parameters = s.parameters.iter().map(|(n, t)| (n.clone(), t.clone(), described(n))).collect();
            let (returns, columns) = match s.returns {
                Returns::Value(t) => (t, Vec::new()),
                Returns::Table(columns) => {
                    let described = |n: &String| f.columns.get(n).cloned().unwrap_or_default();
                    ("a table".to_string(), columns.into_iter().map(|(n, t)| (n.clone(), t, described(&n))).collect())
                }
            };
            (s.usage, parameters, returns, columns)
        }
        None => (format!("{}(…)", f.name), Vec::new(), String::new(), Vec::new()),
    };
    let calls = |node: &String| checked.graph.functions_of(node).any(|c| c == f.name);
    let mut used_by: Vec<String> = checked.graph.calls.keys().filter(|n| calls(n)).cloned().collect();
    used_by.retain(|n| !n.starts_with("raw."));
    FunctionEntry {
        name: f.name.clone(),
        file: shown(&f.file),
        description: f.description.clone(),
        signature: usage,
        returns,
        parameters,
        columns,
        reads: checked.graph.function_reads.get(&f.name).map(|r| r.iter().cloned().collect()).unwrap_or_default(),
        used_by,
        tests: f.tests.iter().map(function_test).collect(),
    }
}

fn function_test(t: &FunctionTest) -> TestEntry {
    let text = match &t.kind {
        FunctionTestKind::Call { call, equals } => {
            format!("`{}` is {}", one_line(&call.text), equals.value.as_deref().unwrap_or("missing"))
        }
        FunctionTestKind::Sql { name, .. } => format!("{}: a SELECT that must return no row", name.replace('_', " ")),
    };
    TestEntry { text, is_warning: t.severity == TestSeverity::Warn }
}

fn export(e: &Export, checked: &Checked) -> ExportEntry {
    let path = match e.options.get("path").map(|v| &v.value) {
        Some(OptionValue::Text(t)) => t.clone(),
        _ => String::new(),
    };
    let reads = checked.graph.node(&format!("export.{}", e.name)).map(|n| n.depends_on.clone()).unwrap_or_default();
    ExportEntry {
        name: e.name.clone(),
        file: shown(&e.file),
        description: e.description.clone(),
        from: if e.sql.is_some() { "a SELECT of its own".into() } else { e.from.value.clone() },
        path,
        reads,
    }
}

fn shown(file: &std::path::Path) -> String {
    file.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// SQL on one line.
pub(crate) fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}
