//! What depends on what. The edges come from the SQL itself.

mod circle;
mod functions;
mod select;
#[cfg(test)]
mod tests;

use crate::spec::{Materialized, Project, RawPolicy, RepairTo, Rule, Span, Sql, TestKind};
use crate::sql::{Reference, references};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Place, Problem, codes};

/// Tables of the `system` schema, which the program itself keeps.
pub const SYSTEM: [&str; 16] = [
    "runs",
    "steps",
    "operators",
    "quality",
    "changes",
    "lineage",
    "ledger",
    "tests",
    "test_failures",
    "files",
    "alerts",
    "streams",
    "live_views",
    "cache",
    "late_rows",
    "recoveries",
];
const SCHEMAS: [&str; 6] = ["raw", "clean", "public", "quarantine", "system", "information_schema"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    Raw,
    Clean,
    /// Computed when asked.
    View,
    /// A stored view.
    Table,
    /// A function with tests: nothing is made of it, and nobody depends on it as a node.
    Function,
    Export,
    /// Looked at while the project is served.
    Alert,
    /// Asked by its name while the project is served.
    Query,
    /// Shown while the project is served.
    Dashboard,
}

impl NodeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            NodeKind::Raw => "raw",
            NodeKind::Clean => "clean",
            NodeKind::View => "view",
            NodeKind::Table => "table",
            NodeKind::Function => "function",
            NodeKind::Export => "export",
            NodeKind::Alert => "alert",
            NodeKind::Query => "query",
            NodeKind::Dashboard => "dashboard",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `raw.T`, `clean.T`, `V`, `F()`, `export.E`, `alert.A`, `query.Q`, `dashboard.D`.
    pub name: String,
    pub kind: NodeKind,
    /// Names of nodes, sorted.
    pub depends_on: Vec<String>,
    /// Relative to the project.
    pub file: PathBuf,
}

#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Each after everything it depends on; otherwise by kind and name. Nodes of a circle come last.
    pub nodes: Vec<Node>,
    /// Nodes whose SQL names something that there is not, does not parse, or runs in a circle: typing them would only repeat that.
    pub broken: BTreeSet<String>,
    /// The project's functions that a node's SQL calls, and those that these call, by node; of a function, by its name with `()`.
    pub calls: BTreeMap<String, BTreeSet<String>>,
    /// The nodes that a function's SELECT reads, and those that functions called in it read, by function.
    pub function_reads: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The functions that a node's SQL calls, directly or through others.
    pub fn functions_of<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a str> + 'a {
        self.calls.get(node).into_iter().flatten().map(String::as_str)
    }

    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|n| n.name == name)
    }

    /// The node that a name in SQL means: a view, or else the clean table.
    pub fn resolve(&self, name: &str) -> Option<&Node> {
        self.node(name).or_else(|| self.node(&format!("clean.{name}"))).or_else(|| self.node(name.strip_prefix("public.")?))
    }

    /// Nodes that depend directly on `name`, in graph order.
    pub fn dependents<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> + 'a {
        self.nodes.iter().filter(move |n| n.depends_on.iter().any(|d| d == name))
    }
}

/// The graph of a project, with every name that means nothing, every name that means two things, and every circle.
pub fn graph(project: &Project) -> (Graph, Vec<Problem>) {
    let mut builder = Builder {
        project,
        names: names(project),
        nodes: BTreeMap::new(),
        problems: Vec::new(),
        broken: BTreeSet::new(),
        places: BTreeMap::new(),
        calls: BTreeMap::new(),
        function_reads: BTreeMap::new(),
        broken_functions: BTreeSet::new(),
    };
    builder.duplicates();
    builder.functions();
    builder.tables();
    builder.views();
    builder.exports();
    builder.alerts();
    builder.queries();
    builder.dashboards();
    builder.tested_functions();
    let Builder { nodes, mut problems, mut broken, places, calls, function_reads, .. } = builder;
    let (ordered, circles) = circle::order(nodes);
    for members in circles {
        problems.push(circle::problem(&members, &places));
        broken.extend(members);
    }
    problems.sort_by_key(|p| (p.place.file.clone(), p.place.span.as_ref().map_or(0, |s| s.start), p.code));
    problems.dedup();
    (Graph { nodes: ordered, broken, calls, function_reads }, problems)
}

/// What each schema-qualified name means; bare names are looked up by rule.
struct Names {
    views: BTreeSet<String>,
    tables: BTreeSet<String>,
    raw: BTreeSet<String>,
}

fn names(project: &Project) -> Names {
    Names {
        views: project.views.iter().map(|v| v.name.clone()).collect(),
        tables: project.tables.iter().map(|t| t.name.clone()).collect(),
        raw: project.tables.iter().filter(|t| t.raw == RawPolicy::Keep).map(|t| t.name.clone()).collect(),
    }
}

/// What a reference turns out to mean.
enum Meaning {
    Node(String),
    /// A table that the program keeps: nothing to wait for.
    Kept,
    Nothing {
        code: &'static str,
        message: String,
        help: String,
    },
}

impl Names {
    fn meaning(&self, r: &Reference) -> Meaning {
        let name = r.name.as_str();
        match r.schema.as_deref() {
            None | Some("public") if self.views.contains(name) => Meaning::Node(name.to_string()),
            None if self.tables.contains(name) => Meaning::Node(format!("clean.{name}")),
            Some("clean") if self.tables.contains(name) => Meaning::Node(format!("clean.{name}")),
            Some("raw") if self.raw.contains(name) => Meaning::Node(format!("raw.{name}")),
            Some("raw") if self.tables.contains(name) => Meaning::Nothing {
                code: codes::RAW_NOT_KEPT,
                message: format!("`raw.{name}` is not kept, since the table says `raw = \"source\"`"),
                help: format!("read `clean.{name}`, or write `raw = \"keep\"` in tables/{name}.toml"),
            },
            Some("quarantine") if self.tables.contains(name) => Meaning::Kept,
            Some("system") if SYSTEM.contains(&name) => Meaning::Kept,
            Some("information_schema") => Meaning::Kept,
            schema => self.nothing(schema, name),
        }
    }

    fn nothing(&self, schema: Option<&str>, name: &str) -> Meaning {
        let full = schema.map_or(name.to_string(), |s| format!("{s}.{name}"));
        let all: BTreeSet<&str> = self.views.iter().chain(&self.tables).map(String::as_str).collect();
        let bare = || all.iter().copied();
        let near = match schema {
            None | Some("public") => did_you_mean(name, bare()).map(str::to_string),
            Some("system") => did_you_mean(name, SYSTEM).map(|n| format!("system.{n}")),
            Some(s @ ("raw" | "clean" | "quarantine")) => {
                let all = || self.tables.iter().map(String::as_str);
                let view = self.views.contains(name).then(|| name.to_string());
                did_you_mean(name, all()).map(|n| format!("{s}.{n}")).or(view)
            }
            Some(s) => did_you_mean(s, SCHEMAS).map(|s| format!("{s}.{name}")),
        };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if schema.is_some_and(|s| !SCHEMAS.contains(&s)) => {
                "the schemas are raw, clean, public, quarantine and system".to_string()
            }
            None => match bare().next() {
                None => format!("the project has no tables yet; add tables/{name}.toml"),
                Some(_) => format!("there are {}", crate::fields::quoted(bare().take(12), "and")),
            },
        };
        Meaning::Nothing { code: codes::SQL_TABLE_UNKNOWN, message: format!("there is no view or table `{full}`"), help }
    }
}

struct Builder<'a> {
    project: &'a Project,
    names: Names,
    nodes: BTreeMap<String, Node>,
    problems: Vec<Problem>,
    broken: BTreeSet<String>,
    /// Where one node names another.
    places: BTreeMap<(String, String), Place>,
    calls: BTreeMap<String, BTreeSet<String>>,
    function_reads: BTreeMap<String, BTreeSet<String>>,
    broken_functions: BTreeSet<String>,
}

impl Builder<'_> {
    fn duplicates(&mut self) {
        for view in &self.project.views {
            if let Some(table) = self.project.tables.iter().find(|t| t.name == view.name) {
                let place = Place::file(&view.file);
                let message = format!("`{}` is both a view and a table", view.name);
                let help = format!("rename one of them: {} or {}", slashed(&view.file), slashed(&table.file));
                self.problems.push(Problem::error(codes::NAME_DUPLICATE, place, message).help(help));
            }
        }
    }

    fn tables(&mut self) {
        for table in &self.project.tables {
            let clean = format!("clean.{}", table.name);
            let mut depends_on = BTreeSet::new();
            if table.raw == RawPolicy::Keep {
                let raw = format!("raw.{}", table.name);
                self.add(raw.clone(), NodeKind::Raw, BTreeSet::new(), &table.file);
                depends_on.insert(raw);
            }
            self.calls_in_file(&clean, &table.file);
            if table.raw == RawPolicy::Keep {
                self.calls_in_file(&format!("raw.{}", table.name), &table.file);
            }
            for rule in &table.clean {
                let Rule::Repair { to: RepairTo::Column { table: target, .. }, .. } = &rule.rule else { continue };
                let (schema, name) = match target.value.rsplit_once('.') {
                    Some((schema, name)) => (Some(schema.to_string()), name.to_string()),
                    None => (None, target.value.clone()),
                };
                let reference = Reference { schema, name, span: 0..0 };
                let place = Place::span(&table.file, target.span.clone());
                match self.names.meaning(&reference) {
                    // A view may depend on this very table through others; the circle, if there is one, is found with the rest.
                    Meaning::Node(node) => {
                        self.places.insert((clean.clone(), node.clone()), place);
                        depends_on.insert(node);
                    }
                    Meaning::Kept => {}
                    Meaning::Nothing { message, help, .. } => {
                        self.broken.insert(clean.clone());
                        self.problems.push(Problem::error(codes::REPAIR_TARGET, place, message).help(help));
                    }
                }
            }
            self.add(clean, NodeKind::Clean, depends_on, &table.file);
        }
    }

    fn views(&mut self) {
        for view in &self.project.views {
            let kind = match view.materialized.value {
                Materialized::View => NodeKind::View,
                // A run brings a live view up to date as it does a table.
                Materialized::Table | Materialized::Live => NodeKind::Table,
            };
            let depends_on = self.read_sql(&view.name, &view.sql, &view.file);
            self.add(view.name.clone(), kind, depends_on, &view.file);
            // Tests run when all is built, so what they read is no edge; but it must be there.
            for test in &view.tests {
                match &test.kind {
                    TestKind::Sql { sql, .. } => {
                        self.references(sql, &view.file);
                    }
                    TestKind::Relationships { to, .. } => {
                        let (schema, name) = to.value.split_once('.').map_or((None, to.value.as_str()), |(s, n)| (Some(s.to_string()), n));
                        let reference = Reference { schema, name: name.to_string(), span: 0..0 };
                        self.meaning_at(&reference, Place::span(&view.file, to.span.clone()));
                    }
                    TestKind::NotNull(_) | TestKind::Unique(_) | TestKind::AcceptedValues { .. } => {}
                }
            }
        }
    }

    fn exports(&mut self) {
        for export in &self.project.exports {
            let name = format!("export.{}", export.name);
            let depends_on = match &export.sql {
                Some(sql) => self.read_sql(&name, sql, &export.file),
                // Missing, or SQL in the wrong key: reported when it was read.
                None if export.from.value.is_empty() || export.from.value.contains(char::is_whitespace) => {
                    self.broken.insert(name.clone());
                    BTreeSet::new()
                }
                None => {
                    let from = export.from.value.as_str();
                    let (schema, bare) = from.split_once('.').map_or((None, from), |(s, n)| (Some(s.to_string()), n));
                    let reference = Reference { schema, name: bare.to_string(), span: 0..0 };
                    match self.meaning_at(&reference, Place::span(&export.file, export.from.span.clone())) {
                        Some(found) => found.into_iter().collect(),
                        None => {
                            self.broken.insert(name.clone());
                            BTreeSet::new()
                        }
                    }
                }
            };
            self.add(name, NodeKind::Export, depends_on, &export.file);
        }
    }

    fn alerts(&mut self) {
        for alert in &self.project.alerts {
            let name = format!("alert.{}", alert.name);
            let depends_on = self.read_sql(&name, &alert.sql, &alert.file);
            self.add(name, NodeKind::Alert, depends_on, &alert.file);
        }
    }

    fn queries(&mut self) {
        for query in &self.project.queries {
            let name = format!("query.{}", query.name);
            let depends_on = self.read_sql(&name, &query.sql, &query.file);
            self.add(name, NodeKind::Query, depends_on, &query.file);
        }
    }

    fn dashboards(&mut self) {
        for dashboard in &self.project.dashboards {
            let name = format!("dashboard.{}", dashboard.name);
            let mut depends_on = BTreeSet::new();
            for panel in &dashboard.panels {
                let place = Place::span(&dashboard.file, panel.view.span.clone());
                let view = panel.view.value.as_str();
                if view.trim().contains(char::is_whitespace) {
                    let message = "`view` is the name of a view or table, not SQL";
                    let help = format!("put the SELECT into a file of its own, views/{}.sql, and name it here", dashboard.name);
                    self.problems.push(Problem::error(codes::SQL_TABLE_UNKNOWN, place, message).help(help));
                    continue;
                }
                let (schema, bare) = view.split_once('.').map_or((None, view), |(s, n)| (Some(s.to_string()), n));
                let reference = Reference { schema, name: bare.to_string(), span: 0..0 };
                depends_on.extend(self.meaning_at(&reference, place).flatten());
                for sql in panel.expressions() {
                    depends_on.extend(self.read_calls(&name, sql, &dashboard.file));
                }
            }
            self.add(name, NodeKind::Dashboard, depends_on, &dashboard.file);
        }
    }

    fn add(&mut self, name: String, kind: NodeKind, depends_on: BTreeSet<String>, file: &Path) {
        let node = Node { name: name.clone(), kind, depends_on: depends_on.into_iter().collect(), file: file.to_path_buf() };
        self.nodes.entry(name).or_insert(node);
    }

    /// What `node` reads, with a place for each edge.
    fn read_sql(&mut self, node: &str, sql: &Sql, file: &Path) -> BTreeSet<String> {
        let Some(found) = self.references(sql, file) else {
            self.broken.insert(node.to_string());
            return BTreeSet::new();
        };
        let mut depends_on = BTreeSet::new();
        for (name, span) in found {
            self.places.entry((node.to_string(), name.clone())).or_insert_with(|| Place::span(file, span));
            depends_on.insert(name);
        }
        depends_on.extend(self.read_calls(node, sql, file));
        depends_on
    }

    /// The nodes that some SQL names; `None` when it does not parse or names something that there is not.
    fn references(&mut self, sql: &Sql, file: &Path) -> Option<Vec<(String, Span)>> {
        let mut whole = true;
        let mut out = Vec::new();
        for reference in references(sql)? {
            let span = sql.locate(reference.span.clone());
            match self.meaning_at(&reference, Place::span(file, span.clone())) {
                Some(node) => out.extend(node.map(|node| (node, span))),
                None => whole = false,
            }
        }
        whole.then_some(out)
    }

    /// `None`, and a problem, when the reference means nothing; `Some(None)` for a table that the program keeps.
    fn meaning_at(&mut self, reference: &Reference, place: Place) -> Option<Option<String>> {
        match self.names.meaning(reference) {
            Meaning::Node(node) => Some(Some(node)),
            Meaning::Kept => Some(None),
            Meaning::Nothing { code, message, help } => {
                self.problems.push(Problem::error(code, place, message).help(help));
                None
            }
        }
    }
}

fn slashed(path: &Path) -> String {
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
