//! What a session can name: relations in schemas, looked up the way the project speaks of them.

use crate::engine::Engine;
use crate::problem::{SqlProblem, SqlProblemKind};
use crate::table_function::TableFunction;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session as DataFusionSession, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tidemill_core::Error;
use tidemill_core::problem::did_you_mean;

/// The only catalog: `tidemill.clean.customers` is `clean.customers`.
pub const CATALOG: &str = "tidemill";
/// The schema of views; a bare name is looked up here, and then in [`CLEAN`].
pub const PUBLIC: &str = "public";
pub const CLEAN: &str = "clean";
pub const INFORMATION_SCHEMA: &str = "information_schema";

/// Everything a session starts with.
#[derive(Clone, Default)]
pub struct Catalog {
    pub relations: Vec<Relation>,
    /// `(name, CREATE FUNCTION …)`, in the order in which they may call each other.
    pub functions: Vec<(String, String)>,
    /// Functions that other rooms bring.
    pub function_providers: Vec<Arc<dyn FunctionProvider>>,
    /// What `version_of('schema.table', version)` reads; without it that function is refused.
    pub time_travel: Option<TimeTravel>,
}

/// Fetches a stored version of a table: schema, table, version. `Ok(None)` when there is no such version.
pub type TimeTravel =
    Arc<dyn Fn(&str, &str, i64) -> BoxFuture<'static, tidemill_core::Result<Option<Arc<dyn TableProvider>>>> + Send + Sync>;

/// A room that brings functions of its own (a trained model, say).
pub trait FunctionProvider: Send + Sync {
    fn functions(&self) -> Vec<ScalarUDF>;
}

#[derive(Debug, Clone)]
pub struct Relation {
    pub schema: String,
    pub name: String,
    pub kind: RelationKind,
}

#[derive(Clone)]
pub enum RelationKind {
    Provider(Arc<dyn TableProvider>),
    /// Known only by its columns: good for planning; reading it is an error that says so.
    Schema(SchemaRef),
    /// A SELECT, computed wherever it is named.
    View {
        sql: String,
        /// Where its rows are kept in memory, if they are; and what they are computed from: it changes whenever they may.
        kept: Option<(Engine, String)>,
    },
}

impl Relation {
    pub fn provider(schema: impl Into<String>, name: impl Into<String>, provider: Arc<dyn TableProvider>) -> Self {
        Relation { schema: schema.into(), name: name.into(), kind: RelationKind::Provider(provider) }
    }
    pub fn schema(schema: impl Into<String>, name: impl Into<String>, columns: SchemaRef) -> Self {
        Relation { schema: schema.into(), name: name.into(), kind: RelationKind::Schema(columns) }
    }
    pub fn view(name: impl Into<String>, sql: impl Into<String>) -> Self {
        Relation { schema: PUBLIC.into(), name: name.into(), kind: RelationKind::View { sql: sql.into(), kept: None } }
    }
}

impl fmt::Debug for RelationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RelationKind::Provider(_) => f.write_str("Provider"),
            RelationKind::Schema(_) => f.write_str("Schema"),
            RelationKind::View { .. } => f.write_str("View"),
        }
    }
}

/// How the graph calls a relation: views bare, everything else with its schema.
pub fn node_name(schema: &str, name: &str) -> String {
    if schema == PUBLIC { name.to_string() } else { format!("{schema}.{name}") }
}

/// Schema and name.
pub(crate) type Key = (String, String);

/// `None`: there is no such version.
type Version = Option<Arc<dyn TableProvider>>;

type Declared = (Arc<TableFunction>, Option<LogicalPlan>);

#[derive(Clone)]
pub(crate) enum Stored {
    Table(Arc<dyn TableProvider>),
    /// `plan` is kept from the first use until the catalog changes.
    View {
        sql: Arc<str>,
        kept: Option<(Engine, String)>,
        plan: Option<Arc<dyn TableProvider>>,
    },
}

/// The relations of one session. Shared by all its clones; later additions are seen by all.
pub(crate) struct Relations {
    stored: RwLock<BTreeMap<Key, Stored>>,
    /// Functions that give tables, by name, with the plan of the body from its first use until the catalog changes.
    functions: RwLock<BTreeMap<String, Declared>>,
    time_travel: Option<TimeTravel>,
    /// Versions already fetched.
    versions: RwLock<HashMap<(Key, i64), Version>>,
}

impl Relations {
    pub(crate) fn new(relations: Vec<Relation>, time_travel: Option<TimeTravel>) -> Self {
        let this = Relations { stored: RwLock::default(), functions: RwLock::default(), time_travel, versions: RwLock::default() };
        for relation in relations {
            this.add(relation);
        }
        this
    }

    /// Adds or replaces. Plans of views are forgotten, since they may have used what was there before.
    pub(crate) fn add(&self, relation: Relation) {
        let key = (relation.schema, relation.name);
        let stored = match relation.kind {
            RelationKind::Provider(provider) => Stored::Table(provider),
            RelationKind::Schema(schema) => Stored::Table(Arc::new(SchemaOnly { name: node_name(&key.0, &key.1), schema })),
            RelationKind::View { sql, kept } => Stored::View { sql: sql.into(), kept, plan: None },
        };
        let mut all = write(&self.stored);
        for other in all.values_mut() {
            if let Stored::View { plan, .. } = other {
                *plan = None;
            }
        }
        all.insert(key, stored);
        for (_, plan) in write(&self.functions).values_mut() {
            *plan = None;
        }
    }

    pub(crate) fn add_function(&self, function: Arc<TableFunction>) {
        write(&self.functions).insert(function.name.clone(), (function, None));
    }

    pub(crate) fn function(&self, name: &str) -> Option<Arc<TableFunction>> {
        read(&self.functions).get(name).map(|(f, _)| Arc::clone(f))
    }

    pub(crate) fn function_plan(&self, name: &str) -> Option<LogicalPlan> {
        read(&self.functions).get(name).and_then(|(_, plan)| plan.clone())
    }

    pub(crate) fn keep_function_plan(&self, name: &str, typed: &LogicalPlan) {
        if let Some((_, plan)) = write(&self.functions).get_mut(name) {
            *plan = Some(typed.clone());
        }
    }

    pub(crate) fn functions(&self) -> Vec<String> {
        read(&self.functions).keys().cloned().collect()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Stored> {
        read(&self.stored).get(key).cloned()
    }

    pub(crate) fn keep_plan(&self, key: &Key, planned: Arc<dyn TableProvider>) {
        if let Some(Stored::View { plan, .. }) = write(&self.stored).get_mut(key) {
            *plan = Some(planned);
        }
    }

    /// What a written name means: with a schema just that, bare a view and else a clean table.
    pub(crate) fn resolve(&self, schema: Option<&str>, name: &str) -> Option<Key> {
        let all = read(&self.stored);
        let mut schemas = schema.into_iter().chain(if schema.is_none() { &[PUBLIC, CLEAN][..] } else { &[] }.iter().copied());
        schemas.find_map(|s| {
            let key = (s.to_string(), name.to_string());
            all.contains_key(&key).then_some(key)
        })
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        read(&self.stored).keys().cloned().collect()
    }

    /// The problem of a name that means nothing; `span` is left to the caller.
    pub(crate) fn unknown(&self, schema: Option<&str>, name: &str) -> SqlProblem {
        let keys = self.keys();
        let written = schema.map_or_else(|| name.to_string(), |s| format!("{s}.{name}"));
        let problem = SqlProblem::new(SqlProblemKind::Table, format!("unknown table `{written}`"));
        // The same table in another schema is the likeliest slip; then a misspelling.
        let elsewhere = keys.iter().find(|(_, n)| n == name).map(|(s, n)| node_name(s, n));
        let near = || {
            let names: Vec<String> = keys.iter().filter(|(s, _)| schema.is_none_or(|w| w == s)).map(|(_, n)| n.clone()).collect();
            let name = did_you_mean(name, names.iter().map(String::as_str))?;
            let key = keys.iter().find(|(s, n)| n == name && schema.is_none_or(|w| w == s))?;
            let bare = schema.is_none() && key.0 == CLEAN && self.resolve(None, &key.1).as_ref() == Some(key);
            Some(if bare { key.1.clone() } else { node_name(&key.0, &key.1) })
        };
        let whole = || {
            let names: Vec<String> = keys.iter().map(|(s, n)| format!("{s}.{n}")).collect();
            let (schema, name) = did_you_mean(&written, names.iter().map(String::as_str))?.split_once('.')?;
            Some(node_name(schema, name))
        };
        if let Some(name) = elsewhere.or_else(near).or_else(whole) {
            return problem.help(format!("did you mean `{name}`?"));
        }
        let mut names: Vec<String> = keys.iter().filter(|(s, _)| s == PUBLIC || s == CLEAN).map(|(_, n)| n.clone()).collect();
        names.dedup();
        match names.as_slice() {
            [] => problem.help("the project has no table or view yet"),
            some => problem.help(format!("there are: {}", crate::advice::listed(some))),
        }
    }

    pub(crate) fn travels(&self) -> bool {
        self.time_travel.is_some()
    }

    /// Fetches a version, once.
    pub(crate) async fn fetch_version(&self, key: &Key, version: i64) -> tidemill_core::Result<()> {
        let known = (key.clone(), version);
        if read(&self.versions).contains_key(&known) {
            return Ok(());
        }
        let Some(time_travel) = &self.time_travel else { return Ok(()) };
        let provider = time_travel(&key.0, &key.1, version).await?;
        write(&self.versions).insert(known, provider);
        Ok(())
    }

    /// `None`: not fetched.
    pub(crate) fn version(&self, key: &Key, version: i64) -> Option<Version> {
        read(&self.versions).get(&(key.clone(), version)).cloned()
    }
}

/// A relation of which only the columns are known.
#[derive(Debug)]
pub(crate) struct SchemaOnly {
    pub(crate) name: String,
    pub(crate) schema: SchemaRef,
}

#[async_trait]
impl TableProvider for SchemaOnly {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    async fn scan(
        &self,
        _: &dyn DataFusionSession,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let error = Error::data(format!("`{}` has not been computed yet", self.name)).help("run `tidemill run` first");
        Err(DataFusionError::External(Box::new(error)))
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}
fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// A relation without rows.
pub fn empty_table(columns: &SchemaRef) -> tidemill_core::Result<Arc<dyn TableProvider>> {
    batch_table(arrow::array::RecordBatch::new_empty(Arc::clone(columns)))
}

/// A relation of rows that are in memory.
pub fn batch_table(batch: arrow::array::RecordBatch) -> tidemill_core::Result<Arc<dyn TableProvider>> {
    batches_table(batch.schema(), vec![batch], 1)
}

/// The same of several batches, read by so many threads.
pub fn batches_table(
    schema: SchemaRef,
    batches: Vec<arrow::array::RecordBatch>,
    partitions: usize,
) -> tidemill_core::Result<Arc<dyn TableProvider>> {
    let mut parts = vec![Vec::new(); partitions.clamp(1, batches.len().max(1))];
    let count = parts.len();
    for (at, batch) in batches.into_iter().enumerate() {
        parts[at % count].push(batch);
    }
    let table = datafusion::datasource::MemTable::try_new(schema, parts);
    Ok(Arc::new(table.map_err(|e| Error::bug("cannot make a table in memory").because(e))?))
}
