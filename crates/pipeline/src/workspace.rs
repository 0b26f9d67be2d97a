//! An opened project: its lake, its engine, and the doors through which the command line (and later the server) reach them.

use crate::check::{self, Checked};
use crate::nodes;
use crate::reading::Reading;
use crate::record::Cancelled;
use crate::report::{Plan, Rows, RunOptions};
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use tidemill_core::{Clock, Error, Result, problem::did_you_mean};
use tidemill_engine::{Catalog, Engine, MemoryUse, Relation, RelationKind, Session, TableProvider, TableUse, TimeTravel};
use tidemill_lake::{Done, Holder, Lake, Lease, TableName, system};
use tidemill_project::spec::{Materialized, Project};

pub struct Workspace {
    pub(crate) checked: Checked,
    pub(crate) lake: Arc<Lake>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancelled: Cancelled,
}

#[derive(Debug, Clone, Default)]
pub struct QueryOptions {
    /// Read every table as of this finished epoch; the last one by default.
    pub epoch: Option<u64>,
    pub limit: Option<usize>,
    pub reading: Reading,
}

impl Workspace {
    /// Opens what `check` found good, or good but for sources that can't be read, which only a run needs. Fails with `Config` when it found
    /// other mistakes.
    pub async fn open(checked: Checked, clock: Arc<dyn Clock>) -> Result<Arc<Workspace>> {
        if !checked.can_be_asked() {
            return Err(Error::config("the project has mistakes").help("run `tidemill check` to see them all"));
        }
        let engine = checked.engine.clone().ok_or_else(|| Error::bug("a good project without an engine"))?;
        let lake = Lake::open(&checked.project.lake_at(), Arc::clone(&clock))?;
        for table in &checked.project.tables {
            if let Some(at) = crate::tables::location(table, &checked.project.dir) {
                lake.place(&TableName::clean(table.name.clone()), &at)?;
            }
        }
        Ok(Arc::new(Workspace { checked, lake, engine, clock, cancelled: Cancelled::default() }))
    }

    pub fn project(&self) -> &Project {
        &self.checked.project
    }

    /// Where queries spill to, preparation does too.
    pub(crate) fn scratch(&self) -> std::path::PathBuf {
        let project = &self.checked.project;
        project.settings.engine.spill_dir.as_ref().map_or_else(std::env::temp_dir, |d| project.dir.join(d))
    }

    /// Asks a run under way to stop at its next convenient place. What was committed stays.
    pub fn cancel(&self) {
        self.cancelled.ask();
    }

    pub(crate) fn lease(&self, command: &str) -> Result<Lease> {
        self.lake.acquire(Holder { command: command.to_string(), pid: std::process::id(), host: host(), since_micros: 0 })
    }

    /// What is kept in memory, and how that served.
    pub fn memory_use(&self) -> MemoryUse {
        self.engine.tables_in_memory().used()
    }

    /// The same of each table and view, also of those that don't fit.
    pub fn memory_known(&self) -> Vec<TableUse> {
        self.engine.tables_in_memory().known()
    }

    /// What a run would do, and why. Reads no rows.
    pub async fn plan(self: &Arc<Self>, options: &RunOptions) -> Result<Plan> {
        let planned = nodes::plan(&self.checked, &self.lake, options).await?;
        // One of following is given up, not finished.
        let unfinished = self.lake.unfinished()?.filter(|m| !crate::live::is_followed(m));
        let epoch = match &unfinished {
            Some(m) => m.epoch,
            None => self.lake.next_epoch()?,
        };
        let mut plan = planned.report(epoch, unfinished.map(|m| m.run_id));
        let mut states = self.live_states(&planned).await?;
        plan.nodes.iter_mut().for_each(|n| n.live = states.remove(&n.node));
        Ok(plan)
    }

    /// Runs one SELECT over the last finished epoch (or an older one).
    pub async fn query(&self, sql: &str, options: &QueryOptions) -> Result<Rows> {
        Self::query_in(&self.session_reading(options.epoch, options.reading).await?, sql, options.limit).await
    }

    /// The same in a session that is there already: what is asked in one session is asked of one epoch.
    #[allow(clippy::disallowed_methods)] // how long a query took is measured, not decided by
    pub async fn query_in(session: &Session, sql: &str, limit: Option<usize>) -> Result<Rows> {
        let began = Instant::now();
        let c = session.query(sql).await?.for_people().collect(limit).await?;
        Ok(Rows { schema: c.schema, batches: c.batches, truncated: c.truncated, elapsed: began.elapsed() })
    }

    /// A session over every table as of a finished epoch.
    pub async fn session(&self, epoch: Option<u64>) -> Result<Session> {
        self.session_reading(epoch, Reading::AsDeclared).await
    }

    /// The same, and where its tables are read from.
    pub async fn session_reading(&self, epoch: Option<u64>, reading: Reading) -> Result<Session> {
        let done = match epoch {
            None => self.lake.last_done()?,
            Some(e) => Some(self.lake.done(e)?.ok_or_else(|| {
                let last = self.lake.finished().ok().and_then(|f| f.last().copied());
                Error::config(format!("there is no finished epoch {e}"))
                    .help(last.map_or_else(|| "nothing has been run yet".to_string(), |l| format!("the last one is {l}")))
            })?),
        };
        let versions = done.as_ref().map(versions_of).unwrap_or_default();
        self.session_in(&self.engine, &versions, reading).await
    }

    /// A session in which every table has the given version; the project's other nodes are known by their columns only.
    pub(crate) async fn session_over(&self, versions: &BTreeMap<TableName, i64>) -> Result<Session> {
        self.session_in(&self.engine, versions, Reading::AsDeclared).await
    }

    /// The same, with other rows behind some of the names.
    pub(crate) async fn session_with(
        &self,
        versions: &BTreeMap<TableName, i64>,
        reading: Reading,
        instead: BTreeMap<TableName, Arc<dyn TableProvider>>,
    ) -> Result<Session> {
        self.session_of(&self.engine, versions, reading, instead).await
    }

    /// The same in an engine that may be another than the project's own.
    pub(crate) async fn session_in(&self, engine: &Engine, versions: &BTreeMap<TableName, i64>, reading: Reading) -> Result<Session> {
        self.session_of(engine, versions, reading, BTreeMap::new()).await
    }

    async fn session_of(
        &self,
        engine: &Engine,
        versions: &BTreeMap<TableName, i64>,
        reading: Reading,
        instead: BTreeMap<TableName, Arc<dyn TableProvider>>,
    ) -> Result<Session> {
        let mut relations = Vec::new();
        let mut there: BTreeSet<(String, String)> = BTreeSet::new();
        for (name, provider) in &instead {
            there.insert((name.schema.clone(), name.name.clone()));
            let kind = RelationKind::Provider(Arc::clone(provider));
            relations.push(Relation { schema: name.schema.clone(), name: name.name.clone(), kind });
        }
        for (name, version) in versions.iter().filter(|(name, _)| !instead.contains_key(*name)) {
            if let Some(snapshot) = self.lake.snapshot(name, Some(*version)).await? {
                there.insert((name.schema.clone(), name.name.clone()));
                let stored = self.as_declared(name, self.lake.provider(snapshot)?);
                let provider = self.read_from(engine, reading, name, *version, stored);
                relations.push(Relation { schema: name.schema.clone(), name: name.name.clone(), kind: RelationKind::Provider(provider) });
            }
        }
        // What is kept is known to who keeps it.
        there.insert(("system".into(), "cache".into()));
        let kept = RelationKind::Provider(engine.memory_told(system::schema("cache")?));
        relations.push(Relation { schema: "system".into(), name: "cache".into(), kind: kept });
        let known = |relations: &mut Vec<Relation>, schema: &str, name: &str, columns: &arrow::datatypes::SchemaRef| {
            if !there.contains(&(schema.to_string(), name.to_string())) {
                relations.push(Relation { schema: schema.into(), name: name.into(), kind: empty_or_unbuilt(schema, columns) });
            }
        };
        for (name, schema) in system::schemas() {
            known(&mut relations, "system", name, &schema);
        }
        for p in &self.checked.tables {
            known(&mut relations, "quarantine", &p.table.name, &tidemill_lake::quarantine::schema());
            for node in [p.raw_node(), p.clean_node()] {
                if let (Some(s), Some((schema, name))) = (self.checked.schemas.get(&node), node.split_once('.')) {
                    known(&mut relations, schema, name, s);
                }
            }
        }
        for v in &self.checked.project.views {
            match *v.materialized {
                Materialized::View => {
                    let kept = self.kept_version(reading, v, versions).map(|version| (engine.clone(), version));
                    let kind = RelationKind::View { sql: v.sql.text.clone(), kept };
                    relations.push(Relation { schema: "public".into(), name: v.name.clone(), kind });
                }
                Materialized::Table | Materialized::Live => {
                    if let Some(s) = self.checked.schemas.get(&v.name) {
                        known(&mut relations, "public", &v.name, s);
                    }
                }
            }
        }
        let lake = Arc::clone(&self.lake);
        let time_travel: TimeTravel = Arc::new(move |schema, name, version| {
            let (lake, table) = (Arc::clone(&lake), TableName::new(schema, name));
            async move {
                match lake.snapshot(&table, Some(version)).await? {
                    Some(s) => Ok(Some(lake.provider(s)?)),
                    None => Ok(None),
                }
            }
            .boxed()
        });
        let functions = check::catalog_functions(&self.checked.project);
        engine.session(Catalog { relations, functions, time_travel: Some(time_travel), ..Catalog::default() }).map_err(|p| {
            let e = Error::config(p.message);
            match p.help {
                Some(h) => e.help(h),
                None => e,
            }
        })
    }

    /// A table of the record of work has all its columns, also where it was written before there were some of them.
    pub(crate) fn as_declared(&self, name: &TableName, stored: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
        match system::schema(&name.name) {
            Ok(schema) if name.schema == "system" => tidemill_engine::hot::widened(stored, &schema),
            _ => stored,
        }
    }

    /// Schema, name and columns of everything that can be asked.
    pub async fn relations(&self) -> Result<Vec<(String, String, Vec<String>)>> {
        let session = self.session(None).await?;
        let mut out = Vec::new();
        for (schema, name) in session.relations() {
            if let Ok(s) = session.columns_of(&format!("{schema}.{name}")) {
                let columns = s.fields().iter().map(|f| f.name().clone()).collect();
                out.push((schema, name, columns));
            }
        }
        Ok(out)
    }

    /// A table by the name a person gave: `clean.customers`, `customers` (its clean table), a materialised view.
    pub(crate) fn table_named(&self, name: &str) -> Result<TableName> {
        let all = self.lake.tables()?;
        let full = |t: &TableName| if t.schema == "public" { t.name.clone() } else { format!("{}.{}", t.schema, t.name) };
        let wanted = name.strip_prefix("public.").unwrap_or(name);
        if let Some(t) = all.iter().find(|t| full(t) == wanted) {
            return Ok(t.clone());
        }
        if let Some(t) = all.iter().find(|t| t.schema == "clean" && t.name == wanted) {
            return Ok(t.clone());
        }
        let names: Vec<String> = all.iter().map(full).collect();
        let e = Error::config(format!("there is no stored table `{name}`"));
        Err(match did_you_mean(name, names.iter().map(String::as_str)) {
            Some(n) => e.help(format!("did you mean `{n}`?")),
            None if names.is_empty() => e.help("nothing has been built yet: `tidemill run`"),
            None => {
                let shown: Vec<&str> = names.iter().filter(|n| !n.starts_with("system.")).map(String::as_str).collect();
                e.help(format!("stored tables: {}", shown.join(", ")))
            }
        })
    }
}

/// Quarantine and system tables that were never written are empty; the project's own tables are not there yet, which is worth saying.
fn empty_or_unbuilt(schema: &str, columns: &arrow::datatypes::SchemaRef) -> RelationKind {
    if matches!(schema, "system" | "quarantine")
        && let Ok(t) = tidemill_engine::empty_table(columns)
    {
        return RelationKind::Provider(t);
    }
    RelationKind::Schema(Arc::clone(columns))
}

pub(crate) fn versions_of(done: &Done) -> BTreeMap<TableName, i64> {
    done.versions.iter().filter_map(|(k, v)| k.split_once('.').map(|(s, n)| (TableName::new(s, n), *v))).collect()
}

fn host() -> String {
    let mut name = [0u8; 256];
    // SAFETY: gethostname writes at most the length it is given.
    let ok = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } == 0;
    if !ok {
        return "localhost".into();
    }
    name.iter().position(|b| *b == 0).map_or_else(|| "localhost".into(), |end| String::from_utf8_lossy(&name[..end]).into_owned())
}
