//! A project as who shows it to others asks of it: rows at one moment, a version that changes when they may, where columns come from.
//!
//! Of a project that is followed the moment is now; of another it is the last finished epoch, whoever finished it.

use crate::ingest_step::blocking;
use crate::lineage::WholeGraph;
use crate::live::Following;
use crate::live::status::Figures;
use crate::quarantine::QuarantineFilter;
use crate::reading::Reading;
use crate::report::{ReplayReport, Unwatched};
use crate::state;
use crate::workspace::{Workspace, versions_of};
use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use tidemill_core::{Error, Result, Severity, Spanned, problem::did_you_mean};
use tidemill_engine::{BatchStream, Collected, LineageKind, Session};
use tidemill_lake::{TableName, system};
use tidemill_project::query::NamedQuery;
use tidemill_project::spec::{Materialized, TestKind, TestSeverity, View, ViewTest};
use tidemill_project::{Environment, NodeKind, Project};

pub struct Desk {
    ws: Arc<Workspace>,
    now: Mutex<Now>,
    /// Of the last finished epoch, where the project is not followed.
    session: tokio::sync::Mutex<Option<((u64, String), Session)>>,
    /// By name. The project stays as it was opened, and to find this out takes longer than most answers.
    behind: Mutex<HashMap<String, Arc<Behind>>>,
    /// What the project says, in few letters: answers that outlive the process are of another version when it says something else.
    says: String,
    graph: OnceLock<Arc<WholeGraph>>,
}

/// What a view, a table or a named query stands on.
struct Behind {
    tables: BTreeSet<TableName>,
    /// What it gives depends on when it is asked.
    reads_clock: bool,
}

#[derive(Default)]
struct Now {
    following: Option<Following>,
    /// How often the project was opened anew: what is counted begins again then.
    openings: u64,
    /// The last finished epoch as of the last look.
    epoch: u64,
    finished_at_micros: i64,
    versions: BTreeMap<TableName, i64>,
    /// Of the journals of runs under way.
    journals: String,
}

/// Where a column comes from, through all views between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub column: String,
    /// `clean.orders.total`
    pub from: Vec<String>,
}

/// The run that made the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBy {
    pub run_id: String,
    pub ended_at_micros: i64,
}

impl Desk {
    pub fn new(ws: &Arc<Workspace>) -> Result<Desk> {
        let desk = Desk {
            ws: Arc::clone(ws),
            now: Mutex::default(),
            session: tokio::sync::Mutex::default(),
            behind: Mutex::default(),
            says: says(ws.project()),
            graph: OnceLock::new(),
        };
        desk.look()?;
        Ok(desk)
    }

    pub fn workspace(&self) -> &Workspace {
        &self.ws
    }

    /// From now on the project is followed, and this is what stands for it.
    pub fn follow(&self, following: &Following) {
        let mut now = self.now.lock();
        now.following = Some(following.clone());
        now.openings += 1;
    }

    /// Looks for runs under way, and for a newer epoch. Reads a directory, and one small file where the project is not followed.
    pub fn look(&self) -> Result<()> {
        let mut journals = self.ws.lake.journals_stamp()?;
        // A run that dies writes nothing any more.
        if !journals.is_empty() && self.ws.lake.owner()?.is_none() {
            journals.push_str("left");
        }
        self.now.lock().journals = journals;
        if self.now.lock().following.is_some() {
            return Ok(());
        }
        if let Some(done) = self.ws.lake.last_done()? {
            let mut now = self.now.lock();
            if now.epoch != done.epoch {
                now.versions = versions_of(&done);
                now.epoch = done.epoch;
                now.finished_at_micros = done.finished_at_micros;
            }
        }
        Ok(())
    }

    /// How streams and live views are doing; `None` where nothing is followed.
    pub fn figures(&self) -> Option<Figures> {
        let following = self.now.lock().following.clone()?;
        let figures = following.figures.lock().clone();
        Some(figures)
    }

    /// Whether there is something to ask of.
    pub fn is_ready(&self) -> bool {
        let now = self.now.lock();
        now.following.is_some() || now.epoch > 0
    }

    /// Whether rows come to it by themselves.
    pub fn is_live(&self, name: &str) -> bool {
        let Some(following) = self.now.lock().following.clone() else { return false };
        let Ok(behind) = self.behind(name) else { return false };
        let hot = following.hot.lock();
        behind.tables.iter().any(|t| hot.changes(t).is_some() || is_figures(t))
    }

    /// Until when what is asked now knows everything.
    pub fn as_of_micros(&self) -> i64 {
        let now = self.now.lock();
        if now.following.is_some() { self.ws.clock.now_micros() } else { now.finished_at_micros }
    }

    /// What time it is, by the project's clock.
    pub fn now_micros(&self) -> i64 {
        self.ws.clock.now_micros()
    }

    /// What the rows of a view are made from, in few letters: as long as it is the same, so are they. Where its SQL reads the clock it changes every second.
    pub fn version(&self, name: &str) -> Result<String> {
        let behind = self.behind(name)?;
        let tables = &behind.tables;
        let now = self.now.lock();
        let mut all = format!("{} {}", self.says, now.openings);
        match &now.following {
            Some(following) => {
                let figures = tables.iter().any(is_figures).then(|| following.figures.lock().at_micros);
                let hot = following.hot.lock();
                for t in tables {
                    let _ = match hot.changes(t) {
                        Some(n) => write!(all, " {t}+{n}"),
                        None => write!(all, " {t}@{}", hot.versions.get(t).copied().unwrap_or(-1)),
                    };
                }
                if let Some(at) = figures {
                    let _ = write!(all, " at {at}");
                }
            }
            None => tables.iter().for_each(|t| {
                let _ = write!(all, " {t}@{}", now.versions.get(t).copied().unwrap_or(-1));
            }),
        }
        if tables.iter().any(is_of_runs) {
            all.push_str(&now.journals);
        }
        if tables.iter().any(is_cache) {
            let _ = write!(all, " kept {}", self.ws.engine.tables_in_memory().changes());
        }
        drop(now);
        if behind.reads_clock {
            let _ = write!(all, " second {}", self.ws.clock.now_micros() / 1_000_000);
        }
        Ok(crate::fingerprint::hash(&all)[..16].to_string())
    }

    /// The columns of a view, a table, a system table, or of a named query as `query.NAME`.
    pub fn columns(&self, name: &str) -> Result<SchemaRef> {
        let checked = &self.ws.checked;
        if let Some((schema, table)) = name.split_once('.') {
            match schema {
                "system" => return system::schema(table).map_err(|_| self.unknown(name)),
                "quarantine" => return Ok(tidemill_lake::quarantine::schema()),
                _ => {}
            }
        }
        let node = checked.graph.resolve(name).ok_or_else(|| self.unknown(name))?;
        checked.schemas.get(&node.name).cloned().ok_or_else(|| self.unknown(name))
    }

    /// Asks at one moment, with values for `$1` and so on.
    pub async fn ask(&self, sql: &str, params: &[String], rows_max: usize) -> Result<Collected> {
        self.session_now().await?.query_with(sql, params).await?.collect(Some(rows_max)).await
    }

    /// All rows at one moment, batch by batch.
    pub async fn stream(&self, sql: &str) -> Result<BatchStream> {
        self.session_now().await?.query(sql).await?.stream()
    }

    async fn session_now(&self) -> Result<Session> {
        let following = self.now.lock().following.clone();
        match following {
            Some(following) => {
                let figures = following.figures.lock().tables()?;
                self.ws.session_hot(&following.hot, Reading::Memory, figures).await
            }
            None => self.stored().await,
        }
    }

    /// The tables and views that have one row for each value of a column: by their key, or by a test that must hold.
    pub fn profiles(&self, column: &str) -> Vec<String> {
        let checked = &self.ws.checked;
        let is_it = |columns: &[Spanned<String>]| matches!(columns, [one] if one.value == column);
        let has_it = |node: &str| checked.schemas.get(node).is_some_and(|s| s.column_with_name(column).is_some());
        let tables = checked.project.tables.iter().filter(|t| is_it(&t.key) && has_it(&format!("clean.{}", t.name))).map(|t| &t.name);
        let is_tested = |v: &View| {
            let is_unique = |t: &ViewTest| t.severity == TestSeverity::Error && matches!(&t.kind, TestKind::Unique(c) if is_it(c));
            v.tests.iter().any(is_unique) || (*v.materialized == Materialized::Live && is_it(&v.live.key))
        };
        let views = checked.project.views.iter().filter(|v| is_tested(v) && has_it(&v.name)).map(|v| &v.name);
        tables.chain(views).cloned().collect()
    }

    /// A session is made once an epoch, and for what journals tell of runs under way.
    async fn stored(&self) -> Result<Session> {
        let mut kept = self.session.lock().await;
        let (is_of, versions) = {
            let now = self.now.lock();
            ((now.epoch, now.journals.clone()), now.versions.clone())
        };
        if let Some((of, session)) = kept.as_ref()
            && *of == is_of
        {
            return Ok(session.clone());
        }
        // What a page asks once it asks again, with something else chosen.
        let instead = self.ws.with_journals(&versions).await?;
        let session = self.ws.session_with(&versions, Reading::Memory, instead).await?;
        *kept = Some((is_of, session.clone()));
        Ok(session)
    }

    /// All nodes of the project and where their columns come from.
    pub fn graph(&self) -> Arc<WholeGraph> {
        Arc::clone(self.graph.get_or_init(|| Arc::new(crate::lineage::whole(&self.ws.checked))))
    }

    /// Where each column of a view comes from, down to prepared tables; of a prepared table, down to what was read.
    pub fn origins(&self, name: &str) -> Result<Vec<Origin>> {
        let schema = self.columns(name)?;
        let mut known = BTreeMap::new();
        let mut origins = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let from = self.origin(name, field.name(), &mut known, 0).into_iter().collect();
            origins.push(Origin { column: field.name().clone(), from });
        }
        Ok(origins)
    }

    fn origin(&self, name: &str, column: &str, known: &mut BTreeMap<String, Lines>, depth: usize) -> BTreeSet<String> {
        let checked = &self.ws.checked;
        let itself = || BTreeSet::from([format!("{name}.{column}")]);
        let Some(node) = checked.graph.resolve(name).filter(|_| depth < DEPTH_MAX) else { return itself() };
        if depth > 0 && !is_view(node.kind) {
            return itself();
        }
        if !known.contains_key(&node.name) {
            known.insert(node.name.clone(), self.lines(&node.name));
        }
        let sources = known.get(&node.name).and_then(|lines| lines.get(column)).cloned().unwrap_or_default();
        if !is_view(node.kind) {
            return sources.into_iter().map(|(table, column)| format!("{table}.{column}")).collect();
        }
        sources.iter().flat_map(|(table, column)| self.origin(table, column, known, depth + 1)).collect()
    }

    /// One step up from each column of a node.
    fn lines(&self, node: &str) -> Lines {
        let checked = &self.ws.checked;
        let view = checked.project.views.iter().find(|v| v.name == node);
        if let (Some(view), Some(session)) = (view, &checked.session) {
            let all = session.lineage(&view.sql.text).unwrap_or_default();
            let own = all.into_iter().filter(|l| matches!(l.kind, LineageKind::Direct | LineageKind::Derived));
            return own.map(|l| (l.column, l.sources)).collect();
        }
        let table = checked.tables.iter().find(|p| p.clean_node() == node);
        let (Some(p), Some(schema)) = (table, checked.schemas.get(node)) else { return Lines::new() };
        let mut lines = Lines::new();
        for line in crate::lineage::of_recipe(p, schema) {
            lines.entry(line.target_column).or_default().push((line.source, line.source_column));
        }
        lines
    }

    /// The newest run among those that made what a view reads.
    pub async fn made_by(&self, name: &str) -> Result<Option<MadeBy>> {
        let mut newest: Option<(u64, String)> = None;
        for table in &self.behind(name)?.tables {
            if let Some((epoch, _)) = self.ws.lake.table_epoch(table).await?
                && newest.as_ref().is_none_or(|(e, _)| *e < epoch)
                && let Some(outcome) = state::get(&self.ws.lake, epoch, &node_of(table))?
            {
                newest = Some((epoch, outcome.run_id));
            }
        }
        let Some((epoch, run_id)) = newest else { return Ok(None) };
        // Of an epoch long ago only the run is known.
        Ok(self.ws.lake.done(epoch)?.map(|done| MadeBy { run_id, ended_at_micros: done.finished_at_micros }))
    }

    fn behind(&self, name: &str) -> Result<Arc<Behind>> {
        if let Some(behind) = self.behind.lock().get(name) {
            return Ok(Arc::clone(behind));
        }
        let behind = Arc::new(Behind { tables: self.tables_behind(name)?, reads_clock: self.reads_clock(name) });
        self.behind.lock().insert(name.to_string(), Arc::clone(&behind));
        Ok(behind)
    }

    /// Tries rejected rows again and brings what depends on them up to date, so that who asks afterwards sees them. Where the project is followed, that is
    /// done by who follows it, under the rules it follows by; else under the rules as they stand in the project's files now.
    pub async fn replay(&self, environment: &Environment, table: &str, filter: &QuarantineFilter) -> Result<ReplayReport> {
        let orders = self.now.lock().following.as_ref().map(|f| f.orders.clone());
        if let Some(orders) = orders {
            // Nothing stands still for rows that don't pass.
            let mut would = self.ws.replay_would(table, filter).await?;
            if would.tried > 0 && would.accepted == 0 {
                would.next = "correct the rule that rejects them, serve the project anew, then try again".into();
            }
            return if would.accepted == 0 { Ok(would) } else { orders.replay(table, filter).await };
        }
        let (dir, environment) = (self.ws.project().dir.clone(), environment.clone());
        let checked = blocking(move || Ok(crate::check(&dir, &environment))).await?;
        // Before any row is taken in: what depends on it could not be made.
        if let Some(first) = checked.problems.iter().find(|p| p.severity == Severity::Error) {
            let e = Error::config(format!("the project has mistakes: {}", first.message));
            return Err(e.help("run `tidemill check` to see them all"));
        }
        let report =
            Workspace::open(checked, Arc::clone(&self.ws.clock)).await?.quarantine_take_in(table, filter, Arc::new(Unwatched)).await;
        self.look()?;
        report
    }

    /// The tables that a view's rows are read from: itself where it is kept, else those behind it.
    fn tables_behind(&self, name: &str) -> Result<BTreeSet<TableName>> {
        let mut found = BTreeSet::new();
        if let Some((schema @ ("system" | "quarantine"), table)) = name.split_once('.') {
            found.insert(TableName::new(schema, table));
            return Ok(found);
        }
        let checked = &self.ws.checked;
        let node = checked.graph.resolve(name).ok_or_else(|| self.unknown(name))?;
        let (mut left, mut seen) = (vec![node.name.clone()], BTreeSet::new());
        while let Some(name) = left.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            if let Some(reads) = checked.graph.function_reads.get(&name) {
                left.extend(reads.iter().cloned());
                continue;
            }
            let Some(node) = checked.graph.node(&name) else {
                found.extend(name.split_once('.').map(|(schema, table)| TableName::new(schema, table)));
                continue;
            };
            match node.kind {
                NodeKind::View | NodeKind::Query => {
                    left.extend(node.depends_on.iter().cloned());
                    // System and quarantine tables are no nodes, and are in no list of what a view depends on.
                    let view = checked.project.views.iter().find(|v| v.name == name).map(|v| &v.sql.text);
                    let sql = view.or_else(|| self.query(&name).map(|q| &q.sql.text));
                    found.extend(sql.map(|sql| strangers(sql)).unwrap_or_default());
                }
                NodeKind::Table => {
                    found.insert(TableName::public(name));
                }
                _ => found.extend(name.split_once('.').map(|(schema, table)| TableName::new(schema, table))),
            }
        }
        Ok(found)
    }

    /// Whether what a view gives depends on when it is asked.
    fn reads_clock(&self, name: &str) -> bool {
        let checked = &self.ws.checked;
        let Some(session) = &checked.session else { return false };
        let view = checked.project.views.iter().find(|v| v.name == name && *v.materialized == Materialized::View);
        let sql = view.map(|v| v.sql.text.clone()).or_else(|| self.query(name).map(|q| q.numbered().text));
        sql.is_some_and(|sql| session.is_volatile(&sql).unwrap_or(true))
    }

    /// The named query of a node `query.NAME`.
    fn query(&self, node: &str) -> Option<&NamedQuery> {
        let name = node.strip_prefix("query.")?;
        self.ws.checked.project.queries.iter().find(|q| q.name == name)
    }

    /// The queries that can be asked by name.
    pub fn queries(&self) -> &[NamedQuery] {
        &self.ws.checked.project.queries
    }

    fn unknown(&self, name: &str) -> Error {
        let e = Error::config(format!("there is no view or table `{name}`"));
        let names: Vec<&str> = self.ws.checked.graph.nodes.iter().map(|n| n.name.as_str()).collect();
        match did_you_mean(name, names) {
            Some(near) => e.help(format!("did you mean `{near}`?")),
            None => e,
        }
    }
}

/// Views are computed from their SQL and functions, by this program.
fn says(project: &Project) -> String {
    let views = project.views.iter().map(|v| (&v.name, &v.sql.text));
    let functions = project.functions.iter().map(|f| (&f.name, &f.sql.text));
    let all: Vec<_> = views.chain(functions).collect();
    crate::fingerprint::hash(&format!("{} {all:?}", env!("CARGO_PKG_VERSION")))[..16].to_string()
}

/// Columns, and what each is made from.
type Lines = BTreeMap<String, Vec<(String, String)>>;

const DEPTH_MAX: usize = 64;

/// What is told of runs while they go on.
fn is_of_runs(table: &TableName) -> bool {
    table.schema == "system" && matches!(table.name.as_str(), "runs" | "steps" | "operators")
}

/// What streams and live views say of themselves stands in memory.
fn is_figures(table: &TableName) -> bool {
    table.schema == "system" && matches!(table.name.as_str(), "streams" | "live_views")
}

/// So does what is kept there of tables.
fn is_cache(table: &TableName) -> bool {
    table.schema == "system" && table.name == "cache"
}

fn is_view(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::View | NodeKind::Table)
}

fn node_of(table: &TableName) -> String {
    if table.schema == "public" { table.name.clone() } else { table.to_string() }
}

/// The system and quarantine tables that a text may read.
fn strangers(sql: &str) -> Vec<TableName> {
    let words = sql.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let named = words.filter_map(|w| w.split_once('.')).filter(|(schema, _)| matches!(*schema, "system" | "quarantine"));
    named.map(|(schema, name)| TableName::new(schema, name)).collect()
}
