//! A project as who shows it to others asks of it: rows at one moment, a version that changes when they may, where columns come from.
//!
//! Of a project that is followed the moment is now; of another it is the last finished epoch, whoever finished it.

mod behind;
mod origins;
mod replay;

pub use origins::MadeBy;

use crate::live::Following;
use crate::live::status::Figures;
use crate::reading::Reading;
use crate::workspace::{Workspace, versions_of};
use arrow::datatypes::SchemaRef;
use behind::Behind;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use tidemill_core::{Error, Result, Spanned, problem::did_you_mean};
use tidemill_engine::{BatchStream, Collected, LineageGraph, Session};
use tidemill_lake::{TableName, system};
use tidemill_project::Project;
use tidemill_project::query::NamedQuery;
use tidemill_project::spec::{Materialized, TestKind, TestSeverity, View, ViewTest};

pub struct Desk {
    ws: Arc<Workspace>,
    now: Mutex<Now>,
    /// Of the last finished epoch, where the project is not followed.
    session: tokio::sync::Mutex<Option<((u64, String), Session)>>,
    /// By name. The project stays as it was opened, and to find this out takes longer than most answers.
    behind: Mutex<HashMap<String, Arc<Behind>>>,
    /// What the project says, in few letters: answers that outlive the process are of another version when it says something else.
    says: String,
    graph: OnceLock<Arc<LineageGraph>>,
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
