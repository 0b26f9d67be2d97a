//! A view's SQL as operators, without state: what `check` and `plan` need, and what a view is started from.

use crate::compile::{self, Built};
use crate::state::checkpoint::Head;
use crate::view::LiveView;
use arrow::datatypes::SchemaRef;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{MemoryPool, Session, SqlProblem};
use tidemill_project::spec::LiveSettings;

/// The engine whose states checkpoints hold.
pub const ENGINE: &str = datafusion::DATAFUSION_VERSION;

/// A relation that live views may read. Whatever else a view's SQL names (other live views) must be a view of the session, and is opened.
#[derive(Debug, Clone)]
pub struct InputInfo {
    pub schema: String,
    pub name: String,
    pub columns: SchemaRef,
    /// Rows come while the view runs. Of others, what was loaded before the first row came is what there is.
    pub followed: bool,
    /// The column that says when a row happened.
    pub event_time: Option<String>,
    /// Rows may be taken back: a keyed table whose rows are replaced.
    pub updates: bool,
}

/// An input that a view reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputRef {
    pub schema: String,
    pub name: String,
}

/// One step of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorInfo {
    /// For people: `aggregate by window_start, category`.
    pub name: String,
    /// Changes when its state would mean something else.
    pub fingerprint: String,
    /// What it keeps; `None`: nothing.
    pub keeps: Option<String>,
}

/// A view against a checkpoint: what [`LiveView::restore`] will make of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Every operator that keeps something, and whether the checkpoint has its state as it would be now.
    pub operators: Vec<(OperatorInfo, bool)>,
    /// The version of the engine that wrote it, where that is another one: its states may mean something else.
    pub engine: Option<String>,
    /// The view's state is taken from it: all of it, or nothing.
    pub is_whole: bool,
}

#[derive(Clone)]
pub struct Compiled {
    pub(crate) built: Arc<Built>,
}

impl Compiled {
    /// Every reason why the SQL can't be kept current, naming the clause and the nearest thing that works.
    pub fn new(
        name: &str,
        sql: &str,
        settings: &LiveSettings,
        session: &Session,
        inputs: &[InputInfo],
    ) -> Result<Compiled, Vec<SqlProblem>> {
        compile::compile(name, sql, settings, session, inputs).map(|built| Compiled { built: Arc::new(built) })
    }

    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.built.schema)
    }

    /// Tables that are read, whether as streams or as tables; those that are not followed first, since they are to be loaded first.
    pub fn inputs(&self) -> &[InputRef] {
        &self.built.input_refs
    }

    /// Columns that name one row of the result, if known.
    pub fn key(&self) -> Option<Vec<String>> {
        self.built.key.clone()
    }

    /// Whether rows of the result never change once they are given.
    pub fn is_append_only(&self) -> bool {
        self.built.append_only || self.built.hold
    }

    pub fn operators(&self) -> Vec<OperatorInfo> {
        self.built.operators()
    }

    /// What a checkpoint is good for, from what it says of itself.
    pub fn compare(&self, checkpoint: &[u8]) -> Result<Compared> {
        let head = Head::read(checkpoint)?;
        let engine = (head.engine != ENGINE).then_some(head.engine);
        let is_there = |of: &OperatorInfo| engine.is_none() && head.operators.iter().any(|o| o.fingerprint == of.fingerprint);
        let stateful = self.operators().into_iter().filter(|o| o.keeps.is_some());
        let operators: Vec<(OperatorInfo, bool)> = stateful.map(|o| (is_there(&o), o)).map(|(there, o)| (o, there)).collect();
        // Beside those of the operators there are the parts of time and of the result.
        let is_whole = engine.is_none() && head.view == self.built.fingerprint && head.operators.len() == self.built.nodes.len() + 2;
        Ok(Compared { operators, engine, is_whole })
    }

    pub fn start(&self, memory: Arc<dyn MemoryPool>) -> Result<LiveView> {
        LiveView::start(Arc::clone(&self.built), &memory)
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("name", &self.built.name).finish_non_exhaustive()
    }
}
