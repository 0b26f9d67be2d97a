//! The machine's share of the work: threads, one memory pool, one place to spill to. Sessions come from here.

use crate::catalog::Catalog;
use crate::memory::TablesInMemory;
use crate::problem::SqlProblem;
use crate::session::Session;
use crate::spill_pool::SpillPool;
use datafusion::common::config::{ConfigOptions, Dialect};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{MemoryPool, PeakRecordingPool, TrackConsumersPool, UnboundedMemoryPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use tidemill_core::{Clock, Error, Result, SystemClock};

/// How much of the machine the engine may use. The default is all cores and no memory limit.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// 0: one per core. Decides the partitions of a plan where `partitions` does not.
    pub threads: usize,
    /// Bytes for all queries and everybody else who registers with [`Engine::memory`]; `None`: unlimited.
    pub memory_limit: Option<u64>,
    /// Partitions of a query plan; 0: as threads.
    pub partitions: usize,
    /// Rows of a batch between operators; 0: 8192.
    pub batch_rows: usize,
    /// Where sorts, joins and aggregates spill; made if absent. The system's temporary directory by default.
    pub spill_dir: Option<PathBuf>,
    /// Bytes for tables kept in memory; they count in `memory_limit` too. 0: none are kept.
    pub tables_in_memory: u64,
    /// Ways of planning, to be turned off one at a time.
    pub plan: PlanOptions,
    /// What `now()` says; the machine's own clock when absent.
    pub clock: Option<Arc<dyn Clock>>,
}

/// Ways of planning that can be turned off, to see what each is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// The small side of a join is read once and handed to every partition.
    pub broadcast: bool,
    /// Files, row groups, pages and chunks in which no row can match are left out.
    pub pruning: bool,
    /// Filters run inside scans, those among them that a join learns from its other side.
    pub pushdown: bool,
    /// The project's functions are written out where they are called.
    pub inlining: bool,
    /// What a question names twice is computed once.
    pub sharing: bool,
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions { broadcast: true, pruning: true, pushdown: true, inlining: true, sharing: true }
    }
}

/// One per process: every session shares its memory pool and disk manager.
#[derive(Debug, Clone)]
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
    config: SessionConfig,
    clock: Option<Arc<dyn Clock>>,
    threads: usize,
    plan: PlanOptions,
    tables: Arc<TablesInMemory>,
}

impl Engine {
    pub fn new(options: EngineOptions) -> Result<Engine> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = if options.threads == 0 { cores() } else { options.threads };
        let partitions = if options.partitions == 0 { threads } else { options.partitions };
        let memory_limit = options.memory_limit.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let pool: Arc<dyn MemoryPool> = match memory_limit {
            // Fair, so that two sorts of one plan share what there is and both spill instead of one of them failing; tracked, so that
            // a refusal can say who holds the memory.
            Some(bytes) => {
                Arc::new(PeakRecordingPool::new(Arc::new(TrackConsumersPool::new(SpillPool::new(bytes, partitions), TOP_CONSUMERS))))
            }
            None => Arc::new(PeakRecordingPool::new(Arc::new(UnboundedMemoryPool::default()))),
        };
        let mut disk = DiskManagerBuilder::default();
        if let Some(dir) = options.spill_dir {
            std::fs::create_dir_all(&dir).map_err(|e| {
                Error::config(format!("cannot make the spill directory: {e}"))
                    .at(dir.display().to_string())
                    .help("set `engine.spill_dir` to a directory that can be written")
            })?;
            disk = disk.with_mode(DiskManagerMode::Directories(vec![dir]));
        }
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|e| Error::config("cannot start the query engine").because(e))?;
        let tables = Arc::new(TablesInMemory::new(options.tables_in_memory));
        Ok(Engine {
            runtime,
            config: config(partitions, options.batch_rows, memory_limit, options.plan),
            clock: options.clock,
            threads,
            plan: options.plan,
            tables,
        })
    }

    /// A session over `catalog`. Views are planned when first used, so a broken one is reported to whoever uses it; a broken function is
    /// reported here.
    pub fn session(&self, catalog: Catalog) -> Result<Session, SqlProblem> {
        Session::new(self.clone(), catalog)
    }

    /// The pool all queries draw from; register a consumer for memory held outside of them.
    pub fn memory(&self) -> Arc<dyn MemoryPool> {
        Arc::clone(&self.runtime.memory_pool)
    }

    /// The most bytes that were ever reserved at once.
    pub fn memory_peak(&self) -> u64 {
        PeakRecordingPool::from_pool(self.runtime.memory_pool.as_ref()).map_or(0, |p| p.peak_reserved() as u64)
    }

    /// What `now()` says.
    pub(crate) fn now_micros(&self) -> i64 {
        self.clock.as_ref().map_or_else(|| SystemClock.now_micros(), |clock| clock.now_micros())
    }

    pub fn threads(&self) -> usize {
        self.threads
    }

    /// What is kept in memory, and how that served.
    pub fn tables_in_memory(&self) -> &TablesInMemory {
        &self.tables
    }

    pub(crate) fn runtime(&self) -> Arc<RuntimeEnv> {
        Arc::clone(&self.runtime)
    }
    pub(crate) fn config(&self) -> SessionConfig {
        self.config.clone()
    }
    pub(crate) fn plan_options(&self) -> PlanOptions {
        self.plan
    }
    pub(crate) fn clock(&self) -> Option<&Arc<dyn Clock>> {
        self.clock.as_ref()
    }
}

/// How many of the largest consumers a refusal for lack of memory names.
const TOP_CONSUMERS: NonZeroUsize = NonZeroUsize::new(3).unwrap();
const BATCH_ROWS: usize = 8192;
/// DataFusion's own default of what each sort keeps back for merging its spills.
const SORT_RESERVATION_MAX: usize = 10 << 20;

/// Up to these, a join's smaller side is read once for all partitions. An exchange costs both sides a copy, so on few cores it is worth while
/// only for sides that are large indeed; both bounds must hold.
const BROADCAST_BYTES_MAX: usize = 64 << 20;
const BROADCAST_ROWS_MAX: usize = 2_000_000;

fn config(partitions: usize, batch_rows: usize, memory_limit: Option<usize>, plan: PlanOptions) -> SessionConfig {
    let mut config = SessionConfig::from(ConfigOptions::default())
        .with_target_partitions(partitions)
        .with_batch_size(if batch_rows == 0 { BATCH_ROWS } else { batch_rows })
        .with_collect_statistics(true)
        // Relations are looked up in our own catalog, so DataFusion need not make one.
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(crate::catalog::CATALOG, crate::catalog::PUBLIC);
    if let Some(bytes) = memory_limit {
        config = config.with_sort_spill_reservation_bytes(SORT_RESERVATION_MAX.min(bytes / (16 * partitions)));
    }
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    options.sql_parser.collect_spans = true;
    // Tables hold Utf8; mixing in views would cost a cast per comparison.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some("UTC".into());
    // Where every second row is a group of its own, grouping before the exchange costs more than it saves.
    options.execution.skip_partial_aggregation_probe_ratio_threshold = 0.5;
    options.execution.parquet.pushdown_filters = plan.pushdown;
    options.optimizer.enable_dynamic_filter_pushdown = plan.pushdown;
    options.execution.parquet.pruning = plan.pruning;
    options.execution.parquet.enable_page_index = plan.pruning;
    options.execution.parquet.bloom_filter_on_read = plan.pruning;
    let (bytes, rows) = if plan.broadcast { (BROADCAST_BYTES_MAX, BROADCAST_ROWS_MAX) } else { (0, 0) };
    options.optimizer.hash_join_single_partition_threshold = bytes;
    options.optimizer.hash_join_single_partition_threshold_rows = rows;
    options.execution.parquet.schema_force_view_types = false;
    config
}
