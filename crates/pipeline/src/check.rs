//! Everything that can be known to be wrong before data is touched: what each file says, what connectors make of their options, whether
//! every expression and SELECT types. Source files are looked into (their first bytes), never read through.

use crate::followed;
use crate::tables::{self, Opened, Prepared, Probed};
use arrow::datatypes::{DataType, SchemaRef};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tidemill_core::{Place, Problem, Severity, codes, problem::did_you_mean};
use tidemill_engine::{Catalog, Engine, EngineOptions, PlanOptions, Relation, RelationKind, Session, SqlProblem, SqlProblemKind};
use tidemill_prepare::{Contract, Recipe};
use tidemill_project::query::NamedQuery;
use tidemill_project::spec::{Alert, Export, Materialized, Project, Sql, TestKind, View};
use tidemill_project::{Environment, Graph, type_name};

/// A project read and judged.
pub struct Checked {
    pub project: Project,
    pub graph: Graph,
    pub problems: Vec<Problem>,
    pub(crate) tables: Vec<Arc<Prepared>>,
    /// Tables whose source holds no row yet, by name, and why nothing can be made of them.
    pub(crate) empty: BTreeMap<String, String>,
    pub(crate) engine: Option<Arc<Engine>>,
    /// Output schema of every clean table and view that types.
    pub(crate) schemas: BTreeMap<String, SchemaRef>,
    /// Everything that could be judged, by its columns: good for planning.
    pub(crate) session: Option<Session>,
    /// The same for what is kept live: stored views are tables in it, all others are read through.
    pub(crate) live_session: Option<Session>,
}

impl Checked {
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }

    /// Nothing is wrong with the project itself; sources may be out of reach, or not what they were. What earlier runs stored can be asked all the same.
    pub fn can_be_asked(&self) -> bool {
        use tidemill_core::codes::{SOURCE_COLUMN_MISSING, SOURCE_UNREADABLE};
        self.problems.iter().all(|p| p.severity != Severity::Error || [SOURCE_COLUMN_MISSING, SOURCE_UNREADABLE].contains(&p.code))
    }
}

/// Reads and judges the project in `dir`. Every mistake found is in `problems`, in order of file and place.
pub fn check(dir: &Path, env: &Environment) -> Checked {
    let (project, mut problems) = tidemill_project::load(dir, env);
    let (graph, more) = tidemill_project::graph(&project);
    problems.extend(more);
    let told = problems.len();
    let mut checked = Checked {
        project,
        graph,
        problems,
        tables: Vec::new(),
        empty: BTreeMap::new(),
        engine: None,
        schemas: BTreeMap::new(),
        session: None,
        live_session: None,
    };
    match engine(&checked.project) {
        Ok(engine) => {
            checked.engine = Some(Arc::clone(&engine));
            match functions(&engine, &checked.project, &mut checked.problems) {
                Some((session, functions)) => {
                    let good = functions.good.clone();
                    judge(&mut checked, &session, functions);
                    checked.session = Some(session);
                    checked.live_session = crate::check_live::session(&engine, good, &checked);
                    crate::check_live::compile_all(&mut checked);
                }
                None => judge_tables_only(&mut checked),
            }
        }
        Err(e) => checked.problems.push(Problem::error(tidemill_core::codes::SETTING_VALUE, Place::file("tidemill.toml"), e.what)),
    }
    let mut later = checked.problems.split_off(told);
    // That a function can't be called has been told where it is written.
    let files = checked.problems.iter().chain(&later).map(|p| Path::new(&p.place.file));
    let wrong: BTreeSet<String> = files
        .filter(|f| f.parent() == Some(Path::new("functions")))
        .filter_map(|f| Some(format!("unknown function `{}`", f.file_stem()?.to_str()?)))
        .collect();
    later.retain(|p| !wrong.contains(&p.message));
    checked.problems = tidemill_project::merge(checked.problems, later, &checked.project, &checked.graph);
    checked
}

pub(crate) fn engine(project: &Project) -> tidemill_core::Result<Arc<Engine>> {
    Ok(Arc::new(Engine::new(engine_options(project))?))
}

pub(crate) fn engine_options(project: &Project) -> EngineOptions {
    let s = &project.settings.engine;
    EngineOptions {
        threads: s.threads,
        memory_limit: (s.memory_limit > 0).then_some(s.memory_limit),
        partitions: s.partitions,
        batch_rows: s.batch_rows,
        tables_in_memory: s.cache,
        spill_dir: s.spill_dir.as_ref().map(|d| project.dir.join(d)),
        clock: None,
        plan: PlanOptions::default(),
    }
}

pub(crate) fn catalog_functions(project: &Project) -> Vec<(String, String)> {
    project.functions.iter().map(|f| (f.name.clone(), f.sql.text.clone())).collect()
}

/// The texts of all functions that a node calls, directly or through others; part of what it is made of.
pub(crate) fn functions_of(checked: &Checked, node: &str) -> Option<String> {
    let called: BTreeSet<&str> = checked.graph.functions_of(node).collect();
    let texts: String =
        checked.project.functions.iter().filter(|f| called.contains(f.name.as_str())).map(|f| f.sql.text.as_str()).collect();
    (!called.is_empty()).then_some(texts)
}

/// A session with those of the project's functions that are right; each of the others is told. The bodies of those that give rows are
/// judged later, when what they read is known.
fn functions(engine: &Arc<Engine>, project: &Project, problems: &mut Vec<Problem>) -> Option<(Session, Functions)> {
    let mut good = Vec::new();
    let mut functions = Functions::default();
    for f in &project.functions {
        let mut tried = good.clone();
        tried.push((f.name.clone(), f.sql.text.clone()));
        match engine.session(Catalog { functions: tried.clone(), ..Catalog::default() }) {
            Ok(_) => good = tried,
            Err(p) => {
                problems.push(sql_problem(&f.file, &f.sql, p));
                functions.judged.insert(f.name.clone());
                functions.lost.insert(f.name.clone());
                if f.gives_rows {
                    functions.bad.insert(f.name.clone());
                }
            }
        }
    }
    functions.good.clone_from(&good);
    Some((engine.session(Catalog { functions: good, ..Catalog::default() }).ok()?, functions))
}

/// How the functions that give rows were found.
#[derive(Default)]
struct Functions {
    judged: BTreeSet<String>,
    /// Not even declared.
    lost: BTreeSet<String>,
    /// Wrong, or not to be judged since what they read is not: nothing can be said about who calls them.
    bad: BTreeSet<String>,
    /// Name and text of those that can be called.
    good: Vec<(String, String)>,
}

impl Functions {
    /// Judges those of `names` that were not yet, each after those that it calls.
    fn judge(&mut self, names: &BTreeSet<String>, session: &Session, checked: &mut Checked, unknown: &BTreeSet<String>) {
        for f in checked.project.functions.iter().filter(|f| f.gives_rows && names.contains(&f.name)) {
            if !self.judged.insert(f.name.clone()) {
                continue;
            }
            let reads = checked.graph.function_reads.get(&f.name);
            let mut calls = checked.graph.functions_of(&format!("{}()", f.name)).map(str::to_string);
            if reads.is_some_and(|r| !r.is_disjoint(unknown) || !r.is_disjoint(&checked.graph.broken))
                || calls.any(|c| self.bad.contains(&c))
            {
                self.bad.insert(f.name.clone());
                continue;
            }
            let found = session.function_problems(&f.name);
            if !found.is_empty() {
                self.bad.insert(f.name.clone());
            }
            checked.problems.extend(found.into_iter().map(|p| sql_problem(&f.file, &f.sql, p)));
        }
    }
}

fn judge_tables_only(checked: &mut Checked) {
    for table in &checked.project.tables.clone() {
        if let Some(Opened::Files(source)) = tables::open_source(table, &checked.project.dir, &mut checked.problems) {
            tables::probe(table, &source, &checked.project.lake_at(), &mut checked.problems);
        }
    }
}

fn judge(checked: &mut Checked, session: &Session, mut functions: Functions) {
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    for table in checked.project.tables.clone() {
        let before = errors(&checked.problems);
        let lake_at = checked.project.lake_at();
        let functions = contract_functions(&table, checked);
        match prepare(&table, &checked.project.dir, &lake_at, (session, &functions), &mut checked.problems) {
            Source::Empty(file) => {
                checked.empty.insert(table.name.clone(), format!("nothing to read: `{file}` is empty"));
                unknown.insert(format!("clean.{}", table.name));
                unknown.insert(format!("raw.{}", table.name));
            }
            Source::Good(p) => {
                let p = *p;
                let output = p.recipe.output();
                if !output.open {
                    event_time(&p.table, &output.schema, &mut checked.problems);
                }
                if !output.open && errors(&checked.problems) == before {
                    checked.schemas.insert(p.clean_node(), Arc::clone(&output.schema));
                    add(session, "clean", &table.name, &output.schema);
                } else {
                    unknown.insert(p.clean_node());
                }
                if p.keeps_raw() {
                    let raw = crate::ingest::raw_schema(&p.reads);
                    add(session, "raw", &table.name, &raw);
                    checked.schemas.insert(p.raw_node(), raw);
                }
                checked.tables.push(Arc::new(p));
            }
            Source::Bad => {
                unknown.insert(format!("clean.{}", table.name));
                unknown.insert(format!("raw.{}", table.name));
            }
        }
    }
    for (name, schema) in tidemill_lake::system::schemas() {
        add(session, "system", name, &schema);
    }
    for table in &checked.project.tables {
        add(session, "quarantine", &table.name, &tidemill_lake::quarantine::schema());
    }
    repairs(checked);
    // The graph is in dependency order, so that a view's inputs are known before it is typed. What stands on something unknown can't be
    // judged; its cause has been told already.
    for node in checked.graph.nodes.clone() {
        let Some(view) = checked.project.views.iter().find(|v| v.name == node.name).cloned() else { continue };
        if node.depends_on.iter().any(|d| unknown.contains(d)) {
            unknown.insert(node.name.clone());
            continue;
        }
        let called: BTreeSet<String> = checked.graph.functions_of(&node.name).map(str::to_string).collect();
        functions.judge(&called, session, checked, &unknown);
        if !called.is_disjoint(&functions.bad) {
            unknown.insert(node.name.clone());
            continue;
        }
        match session.schema_of(&view.sql.text) {
            Ok(schema) => {
                check_view(&view, &schema, session, checked, &unknown);
                if let Err(p) = session.add_view(&view.name, &view.sql.text) {
                    checked.problems.push(sql_problem(&view.file, &view.sql, p));
                }
                checked.schemas.insert(view.name.clone(), schema);
            }
            Err(_) => {
                for p in session.problems(&view.sql.text) {
                    // The graph has already told of relations that don't exist.
                    if p.kind != SqlProblemKind::Table || !checked.problems.iter().any(|q| q.place.file == view.file && q.code == "TM0403")
                    {
                        checked.problems.push(sql_problem(&view.file, &view.sql, p));
                    }
                }
                unknown.insert(node.name.clone());
            }
        }
    }
    let all = checked.project.functions.iter().map(|f| f.name.clone()).collect();
    functions.judge(&all, session, checked, &unknown);
    for f in &checked.project.functions {
        let called: BTreeSet<&str> = checked.graph.functions_of(&format!("{}()", f.name)).collect();
        // What can't be called has been told of.
        let is_judged = !called.iter().chain([&f.name.as_str()]).any(|f| functions.bad.contains(*f) || functions.lost.contains(*f));
        let knows_all = is_judged && unknown.is_empty();
        if is_judged {
            checked.problems.extend(crate::function_tests::check(f, session, knows_all));
        }
    }
    for export in checked.project.exports.clone() {
        let node = format!("export.{}", export.name);
        if checked.graph.functions_of(&node).any(|f| functions.bad.contains(f)) {
            unknown.insert(node);
        }
        check_export(&export, session, checked, &unknown);
    }
    for alert in checked.project.alerts.clone() {
        let node = format!("alert.{}", alert.name);
        if checked.graph.functions_of(&node).any(|f| functions.bad.contains(f)) {
            unknown.insert(node);
        }
        check_alert(&alert, session, checked, &unknown);
    }
    for query in checked.project.queries.clone() {
        let node = format!("query.{}", query.name);
        if !checked.graph.functions_of(&node).any(|f| functions.bad.contains(f)) {
            check_query(&query, &node, session, checked, &unknown);
        }
    }
    for dashboard in checked.project.dashboards.clone() {
        crate::check_dashboards::check(&dashboard, session, checked);
    }
}

fn errors(problems: &[Problem]) -> usize {
    problems.iter().filter(|p| p.severity == Severity::Error).count()
}

fn add(session: &Session, schema: &str, name: &str, columns: &SchemaRef) {
    session.add_relation(Relation { schema: schema.into(), name: name.into(), kind: RelationKind::Schema(Arc::clone(columns)) });
}

/// What became of a table's source.
enum Source {
    Good(Box<Prepared>),
    Bad,
    /// No row, and so no columns: this file is empty.
    Empty(String),
}

/// The texts of the functions that a table's contract calls: which rows are right depends on them.
fn contract_functions(table: &tidemill_project::spec::Table, checked: &Checked) -> String {
    let checks = table.checks.iter().chain(table.columns.iter().flat_map(|c| &c.checks));
    let called: BTreeSet<String> = checks.flat_map(|c| tidemill_project::sql::calls(&c.sql.text)).map(|c| c.name).collect();
    let through = called.iter().flat_map(|f| checked.graph.functions_of(&format!("{f}()")).map(str::to_string).collect::<Vec<_>>());
    let all: BTreeSet<String> = called.iter().cloned().chain(through).collect();
    checked.project.functions.iter().filter(|f| all.contains(&f.name)).map(|f| f.sql.text.as_str()).collect()
}

fn prepare(
    table: &tidemill_project::spec::Table,
    dir: &Path,
    lake_at: &Path,
    (session, functions): (&Session, &str),
    problems: &mut Vec<Problem>,
) -> Source {
    let Some(source) = tables::open_source(table, dir, problems) else { return Source::Bad };
    let probed = match &source {
        Opened::Files(files) => match tables::probe(table, files, lake_at, problems) {
            Probed::Columns(columns) => Some(columns),
            Probed::Empty(file) => return Source::Empty(file),
            // With every column declared the rest can be judged even though the source can't be read.
            Probed::Unreadable if table.columns.is_empty() => return Source::Bad,
            Probed::Unreadable => None,
        },
        Opened::Stream(_) => {
            let known = followed::columns(table, dir, lake_at);
            if !followed::undeclared(table, known.as_deref(), problems) {
                return Source::Bad;
            }
            known
        }
    };
    let (reads, p) = tidemill_prepare::reads(table, probed.as_deref());
    problems.extend(p);
    let (contract, p) = Contract::compile(table, &reads, session);
    problems.extend(p);
    let (recipe, p) = Recipe::compile(table, tidemill_core::read::schema_of(&reads), session);
    problems.extend(p);
    if matches!(source, Opened::Stream(_)) {
        problems.extend(recipe.stream_problems().iter().cloned());
    }
    let read_spec = crate::fingerprint::read_spec(table, &reads, functions);
    let row_spec = crate::fingerprint::hash(&crate::fingerprint::row_spec(table, &reads, functions));
    let (files, stream) = match source {
        Opened::Files(files) => (Some(Arc::new(files)), None),
        Opened::Stream(stream) => (None, Some(stream)),
    };
    Source::Good(Box::new(Prepared {
        table: table.clone(),
        files,
        stream,
        reads,
        contract: Arc::new(contract),
        recipe: Arc::new(recipe),
        read_spec,
        row_spec,
    }))
}

/// The column that says when a row happened must be there, and a time.
fn event_time(table: &tidemill_project::spec::Table, clean: &SchemaRef, problems: &mut Vec<Problem>) {
    let Some(column) = &table.event_time else { return };
    let place = Place::span(&table.file, column.span.clone());
    match clean.column_with_name(column) {
        None => {
            let names: Vec<&str> = clean.fields().iter().map(|f| f.name().as_str()).collect();
            let problem = Problem::error(
                codes::TABLE_COLUMN_UNKNOWN,
                place,
                format!("`event_time` names `{}`, which is no column of `{}`", **column, table.name),
            );
            problems.push(problem.help(suggest(column, &names)));
        }
        Some((_, field)) if !matches!(field.data_type(), DataType::Timestamp(..) | DataType::Date32) => {
            let message = format!("`event_time` names `{}`, which is {}", **column, type_name(field.data_type()));
            problems.push(
                Problem::error(codes::EVENT_TIME, place, message).help("name a timestamp or a date; a `cast` or `derive` rule makes one"),
            );
        }
        Some(_) => {}
    }
}

/// Repairs against another table's column need that column to be there.
fn repairs(checked: &mut Checked) {
    use tidemill_project::spec::{RepairTo, Rule};
    let mut found = Vec::new();
    for table in &checked.project.tables {
        for rule in &table.clean {
            let Rule::Repair { to: RepairTo::Column { table: other, column }, .. } = &rule.rule else { continue };
            let node = if other.value.contains('.') { other.value.clone() } else { format!("clean.{}", other.value) };
            let Some(schema) = checked.schemas.get(&node) else { continue };
            if schema.column_with_name(column).is_none() {
                let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                let p =
                    Problem::error("TM0301", Place::span(&table.file, other.span.clone()), format!("`{node}` has no column `{column}`"));
                found.push(p.help(suggest(column, &names)));
            }
        }
    }
    checked.problems.extend(found);
}

pub(crate) fn suggest(word: &str, names: &[&str]) -> String {
    match did_you_mean(word, names.iter().copied()) {
        Some(n) => format!("did you mean `{n}`?"),
        None => format!("columns: {}", names.iter().take(30).copied().collect::<Vec<_>>().join(", ")),
    }
}

fn check_view(view: &View, schema: &SchemaRef, session: &Session, checked: &mut Checked, unknown: &BTreeSet<String>) {
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let need = |column: &tidemill_core::Spanned<String>, problems: &mut Vec<Problem>| {
        if !names.contains(&column.value.as_str()) {
            let place = Place::span(&view.file, column.span.clone());
            problems.push(
                Problem::error("TM0402", place, format!("view `{}` has no column `{}`", view.name, column.value))
                    .help(suggest(column, &names)),
            );
        }
    };
    if *view.materialized == Materialized::Live {
        crate::check_live::check_view(view, schema, session, checked);
    }
    if *view.cache
        && *view.materialized == Materialized::View
        && let Some(function) = session.volatile_functions(&view.sql.text).ok().and_then(|f| f.into_iter().next())
    {
        let place = Place::span(&view.file, view.cache.span.clone());
        let p = Problem::error("TM0012", place, format!("the view calls `{function}`, so rows kept in memory would soon be wrong"));
        checked.problems.push(p.help("remove `cache`, or store the rows of each run with `materialized = \"table\"`"));
    }
    for test in &view.tests {
        match &test.kind {
            TestKind::NotNull(c) | TestKind::Unique(c) => c.iter().for_each(|c| need(c, &mut checked.problems)),
            TestKind::AcceptedValues { column, .. } => need(column, &mut checked.problems),
            TestKind::Relationships { column, to, to_column } => {
                need(column, &mut checked.problems);
                let node = resolve(&to.value, checked);
                if unknown.contains(&node) {
                    continue;
                }
                let place = Place::span(&view.file, to.span.clone());
                match checked.schemas.get(&node) {
                    Some(s) if s.column_with_name(to_column).is_none() => {
                        let names: Vec<&str> = s.fields().iter().map(|f| f.name().as_str()).collect();
                        let p = Problem::error("TM0402", place, format!("`{}` has no column `{to_column}`", to.value))
                            .help(suggest(to_column, &names));
                        checked.problems.push(p);
                    }
                    Some(_) => {}
                    None if checked.graph.nodes.iter().any(|n| n.name == node) => {}
                    None => {
                        let all: Vec<&str> = checked.graph.nodes.iter().map(|n| n.name.as_str()).collect();
                        let p = Problem::error("TM0403", place, format!("there is no table or view `{}`", to.value)).help(
                            did_you_mean(&to.value, all.iter().copied())
                                .map_or_else(|| "name a view, or `clean.TABLE`".into(), |n| format!("did you mean `{n}`?")),
                        );
                        checked.problems.push(p);
                    }
                }
            }
            TestKind::Sql { sql, .. } => {
                // A test may look at the view itself.
                let _ = session.add_view(&view.name, &view.sql.text);
                if let Err(p) = session.schema_of(&sql.text) {
                    checked.problems.push(sql_problem(&view.file, sql, p));
                }
            }
        }
    }
    for c in &view.partition_by {
        need(c, &mut checked.problems);
    }
    for name in view.columns.keys() {
        if !names.contains(&name.as_str()) {
            let p = Problem::warning(
                "TM0402",
                Place::file(&view.file),
                format!("a description is given for `{name}`, which the view does not have"),
            );
            checked.problems.push(p.help(suggest(name, &names)));
        }
    }
}

/// The node that a name in SQL or TOML means: a view, or else the clean table.
pub(crate) fn resolve(name: &str, checked: &Checked) -> String {
    if name.contains('.') || checked.graph.nodes.iter().any(|n| n.name == name) { name.to_string() } else { format!("clean.{name}") }
}

fn check_export(export: &Export, session: &Session, checked: &mut Checked, unknown: &BTreeSet<String>) {
    let mut columns = checked.schemas.get(&resolve(&export.from.value, checked)).cloned();
    if let Some(sql) = &export.sql {
        let node = checked.graph.nodes.iter().find(|n| n.name == format!("export.{}", export.name));
        if !node.is_some_and(|n| unknown.contains(&n.name) || n.depends_on.iter().any(|d| unknown.contains(d))) {
            match session.schema_of(&sql.text) {
                Ok(schema) => columns = Some(schema),
                Err(p)
                    if p.kind == SqlProblemKind::Table
                        && checked.problems.iter().any(|q| q.place.file == export.file && q.code == "TM0403") => {}
                Err(p) => checked.problems.push(sql_problem(&export.file, sql, p)),
            }
        }
    }
    let text = checked.project.files.get(&export.file).map_or("", String::as_str);
    let found = crate::export::check(export, text, columns.as_ref());
    checked.problems.extend(found);
}

fn check_alert(alert: &Alert, session: &Session, checked: &mut Checked, unknown: &BTreeSet<String>) {
    crate::check_live::check_actions(alert, checked);
    let name = format!("alert.{}", alert.name);
    let node = checked.graph.node(&name);
    if unknown.contains(&name)
        || checked.graph.broken.contains(&name)
        || node.is_none_or(|n| n.depends_on.iter().any(|d| unknown.contains(d)))
    {
        return;
    }
    match session.schema_of(&alert.sql.text) {
        Ok(schema) => {
            crate::check_live::check_alert(alert, &schema, session, checked);
            checked.schemas.insert(name, schema);
        }
        Err(_) => checked.problems.extend(session.problems(&alert.sql.text).into_iter().map(|p| sql_problem(&alert.file, &alert.sql, p))),
    }
}

fn check_query(query: &NamedQuery, node: &str, session: &Session, checked: &mut Checked, unknown: &BTreeSet<String>) {
    let reads = checked.graph.node(node);
    if !query.is_whole || checked.graph.broken.contains(node) || reads.is_none_or(|n| n.depends_on.iter().any(|d| unknown.contains(d))) {
        return;
    }
    let numbered = query.numbered();
    match session.schema_of(&numbered.text) {
        Ok(schema) => {
            checked.schemas.insert(node.to_string(), schema);
        }
        Err(_) => {
            let found = session.problems(&numbered.text).into_iter();
            let found = found.map(|p| SqlProblem { span: p.span.clone().map(|s| numbered.back(s)), ..p });
            checked.problems.extend(found.map(|p| sql_problem(&query.file, &query.sql, p)));
        }
    }
}

/// A mistake in SQL, put where the SQL stands in its file.
pub(crate) fn sql_problem(file: &Path, sql: &Sql, p: SqlProblem) -> Problem {
    let code = match p.kind {
        SqlProblemKind::Syntax => "TM0401",
        SqlProblemKind::Column => "TM0402",
        SqlProblemKind::Table => "TM0403",
        SqlProblemKind::Function => "TM0404",
        SqlProblemKind::NotSelect => "TM0406",
        SqlProblemKind::Type | SqlProblemKind::Other => "TM0405",
    };
    let span = p.span.map_or(sql.span.clone(), |s| sql.locate(s));
    let problem = Problem::error(code, Place::span(file, span), p.message);
    match p.help {
        Some(h) => problem.help(h),
        None => problem,
    }
}
