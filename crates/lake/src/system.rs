//! The record of work: ordinary Delta tables in the `system` schema, so that monitoring is a query. All their columns are declared here.

use crate::commit::{Kind, Transaction, stored_transaction};
use crate::{Commit, Committed, Lake, Lease, Removes, TableName, WriterOptions};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;
use tidemill_core::{Error, Result};

#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    Int,
    Float,
    Instant,
    Bool,
}
use Type::{Bool, Float, Instant, Int, Text};

/// Name, what a row is, columns with their descriptions.
type Declaration = (&'static str, &'static str, &'static [(&'static str, Type, &'static str)]);

const TABLES: &[Declaration] = &[
    (
        "runs",
        "a run of the project",
        &[
            ("run_id", Text, "sorts by time"),
            ("command", Text, "run, serve, quarantine replay, …"),
            ("started_at", Instant, ""),
            ("ended_at", Instant, "NULL when it died"),
            ("status", Text, "running, succeeded, failed, interrupted or cancelled"),
            ("epoch", Int, "epoch it committed, or worked on"),
            ("error", Text, "what went wrong first"),
            ("selectors", Text, "nodes asked for; NULL for all"),
            ("tidemill_version", Text, ""),
            ("threads", Int, ""),
            ("memory_limit", Int, "bytes; NULL for none"),
            ("cpu_seconds", Float, "of all threads"),
            ("peak_memory_bytes", Int, "of the process"),
            ("nodes", Text, "those it had to work on"),
            ("progress", Float, "share of their work done, 0 to 1"),
        ],
    ),
    (
        "steps",
        "a stage of a node within a run",
        &[
            ("run_id", Text, ""),
            ("step_id", Int, "counts within the run"),
            ("node", Text, "raw.T, clean.T, a view or export.E"),
            ("stage", Text, "ingest, fit, apply, view, test, export or commit"),
            ("status", Text, "running, succeeded, failed, skipped, up_to_date or interrupted"),
            ("started_at", Instant, ""),
            ("ended_at", Instant, ""),
            ("progress", Float, "share done, 0 to 1"),
            ("rows_read", Int, ""),
            ("rows_written", Int, ""),
            ("rows_rejected", Int, "rows set aside"),
            ("bytes_read", Int, "as stored, compressed"),
            ("bytes_written", Int, ""),
            ("bytes_spilled", Int, "to disk, for want of memory"),
            ("bytes_exchanged", Int, "between partitions of a plan"),
            ("rows_per_second", Float, "rows read over elapsed time"),
            ("cpu_seconds", Float, "of the process while the step ran"),
            ("peak_memory_bytes", Int, "of the process up to the step's end"),
            ("error", Text, ""),
            ("message", Text, "what it did, in words"),
            ("why", Text, "why it took its time, in words; NULL when it was quick"),
        ],
    ),
    (
        "operators",
        "a part of a step's work: an operator of the plan by which it computed its rows, reading, a rule, writing",
        &[
            ("run_id", Text, ""),
            ("step_id", Int, ""),
            ("node", Text, ""),
            ("stage", Text, ""),
            ("started_at", Instant, "of the step"),
            ("operator_id", Int, "counts within the step, each before those whose rows it takes"),
            ("parent_id", Int, "the operator that takes its rows; NULL for the last"),
            ("operator", Text, "Sort, HashJoin, Aggregate, …; Read, Decode, Contract, Rule NAME, Unique, Write, SetAside, Commit, …"),
            ("detail", Text, "what it sorts by, joins on, …; the column of a rule"),
            ("rows", Int, "that it gave on, in all passes"),
            ("seconds", Float, "spent at work, over all threads, without what it reads from"),
            ("seconds_waiting", Float, "spent waiting for files, of Commit until they are durable"),
            ("bytes_read", Int, "from files"),
            ("files_read", Int, ""),
            ("bytes_spilled", Int, "to disk, for want of memory"),
            ("bytes_exchanged", Int, "between parts of the plan"),
            ("parts", Int, "it works in so many at a time"),
            ("rows_of_largest", Int, "of the part that had most"),
            ("bytes_written", Int, "to data files and exported files"),
        ],
    ),
    (
        "ledger",
        "where the rows that crossed an edge went: rows_read = written + quarantined + deduplicated + filtered + late",
        &[
            ("run_id", Text, ""),
            ("epoch", Int, ""),
            ("table", Text, ""),
            ("edge", Text, "source→raw, raw→clean, source→clean or quarantine→raw"),
            ("rows_read", Int, ""),
            ("written", Int, ""),
            ("quarantined", Int, ""),
            ("deduplicated", Int, ""),
            ("filtered", Int, ""),
            ("late", Int, ""),
            ("updated", Int, "stored rows that gave way to newer ones"),
            ("deleted", Int, "stored rows whose source is gone"),
            ("at", Instant, ""),
        ],
    ),
    (
        "quality",
        "what a rule did to a column in an epoch",
        &[
            ("run_id", Text, ""),
            ("epoch", Int, ""),
            ("table", Text, ""),
            ("rule_index", Int, "place in the table's recipe, from 0"),
            ("rule", Text, "missing, repair, outliers, …"),
            ("column", Text, ""),
            ("cells_changed", Int, ""),
            ("listed", Int, "changes too doubtful to be made"),
            ("rows_removed", Int, ""),
            ("message", Text, "fitted values, in words"),
        ],
    ),
    (
        "changes",
        "one cell that a rule changed, or would have; the first ones of each rule and column",
        &[
            ("run_id", Text, ""),
            ("table", Text, ""),
            ("rule_index", Int, ""),
            ("rule", Text, ""),
            ("column", Text, ""),
            ("row_key", Text, "the table's key of the row, if it has one"),
            ("file", Text, ""),
            ("line", Int, ""),
            ("before", Text, "NULL for a missing value"),
            ("after", Text, ""),
            ("confidence", Float, "0 to 1, for repairs"),
            ("applied", Bool, "false: too doubtful to be made, only listed"),
        ],
    ),
    (
        "lineage",
        "a column that a column comes from",
        &[
            ("epoch", Int, ""),
            ("target", Text, "table or view"),
            ("target_column", Text, ""),
            ("source", Text, "table or view"),
            ("source_column", Text, ""),
            ("kind", Text, "direct, derived, filter, join or group"),
            ("expression", Text, ""),
        ],
    ),
    (
        "tests",
        "a quality test of a view",
        &[
            ("run_id", Text, ""),
            ("view", Text, ""),
            ("test", Text, ""),
            ("severity", Text, "error or warn"),
            ("status", Text, "passed, failed or error"),
            ("failures", Int, "rows that fail"),
            ("at", Instant, ""),
        ],
    ),
    (
        "test_failures",
        "a row that failed a test; the first ones of each",
        &[("run_id", Text, ""), ("view", Text, ""), ("test", Text, ""), ("row", Text, "JSON")],
    ),
    (
        "files",
        "a source file as it was taken",
        &[
            ("table", Text, ""),
            ("file", Text, ""),
            ("size", Int, "bytes, compressed"),
            ("modified_at", Instant, ""),
            ("fingerprint", Text, "hash of the content"),
            ("rows", Int, "rows read"),
            ("status", Text, "new, changed, kept or removed"),
            ("epoch", Int, ""),
        ],
    ),
    (
        "streams",
        "a table that is followed, while the project is served",
        &[
            ("table", Text, ""),
            ("connector", Text, ""),
            ("prepared", Bool, "its rules have been fitted: rows go on to the clean table"),
            ("rows_in", Int, "since the start"),
            ("rows_per_second", Float, "over the last second"),
            ("rejected", Int, "rows set aside since the start"),
            ("behind", Int, "rows that the source has and the table not, where the source counts them; else bytes"),
            ("behind_seconds", Float, "age of the newest row"),
            ("watermark", Instant, "the least one of the live views that read it: up to this event time all of them are complete"),
            ("watermark_behind_seconds", Float, "from the watermark until now"),
            ("splits", Int, "partitions, files or connections"),
            ("latency_ms_p50", Float, "from the source's time to when a query sees the row"),
            ("latency_ms_p99", Float, ""),
            ("latency_ms_max", Float, ""),
            ("trouble", Text, "what is wrong with the source just now"),
            ("at", Instant, ""),
        ],
    ),
    (
        "live_views",
        "a view that is kept live, while the project is served",
        &[
            ("view", Text, ""),
            ("rows_in", Int, "since the start"),
            ("rows_out", Int, "changes of the result since the start"),
            ("rows_in_per_second", Float, "over the last second"),
            ("rows_out_per_second", Float, ""),
            ("late", Int, "rows that came after their window was closed"),
            ("watermark", Instant, "event time up to which the result is complete"),
            ("watermark_behind_seconds", Float, "from the watermark until now"),
            ("state_rows", Int, ""),
            ("state_bytes", Int, ""),
            ("latency_ms_p50", Float, "from the source's time to when a query sees the result"),
            ("latency_ms_p99", Float, ""),
            ("latency_ms_max", Float, ""),
            ("failed", Text, "why it stopped"),
            ("reads", Text, "tables that are not followed, each at the version that the view has of them"),
            ("at", Instant, ""),
        ],
    ),
    (
        "alerts",
        "something that happened to an alarm: it was raised, told again or resolved",
        &[
            ("alert", Text, ""),
            ("alarm", Text, "the same from raising to resolving"),
            ("event", Text, "raised, renotified or resolved"),
            ("severity", Text, "info, warning or critical"),
            ("key", Text, "JSON: the columns that name the alarm"),
            ("row", Text, "JSON: the row that raised it, as it was last"),
            ("at", Instant, ""),
            ("raised_at", Instant, "when the alarm was raised"),
            ("times", Int, "how often it was told, with this one"),
        ],
    ),
    (
        "cache",
        "a table or view that this process keeps in memory, or would where it fitted",
        &[
            ("node", Text, "raw.T, clean.T or a view"),
            (
                "version",
                Text,
                "the table's; of a view that is computed when asked, what its rows were computed from; NULL where none is there",
            ),
            ("rows", Int, ""),
            ("columns", Int, "how many of its columns are there"),
            ("bytes", Int, "that they hold"),
            ("bytes_max", Int, "`engine.cache`: what all tables together may hold"),
            ("hits", Int, "columns that were there when a question wanted them"),
            ("misses", Int, "columns that had to be read first"),
            ("evictions", Int, "columns let go for others"),
            ("refusals", Int, "questions that read the disk since what they wanted would not have fitted"),
            ("since", Instant, "when the first column of this version was kept; NULL when none is"),
            ("used_at", Instant, "when a question last wanted it"),
        ],
    ),
    (
        "recoveries",
        "a start after a process that followed and did not come to its end",
        &[
            ("at", Instant, "when everything was as before"),
            ("recovery_ms", Float, "from the start until then, without starting the program"),
            ("epoch", Int, "that was cut off and undone; NULL for none"),
            ("undo_ms", Float, ""),
            ("states_kept", Int, "live views that went on from their checkpoint"),
            ("states_rebuilt", Int, "those that were built anew from the tables"),
            ("states_ms", Float, "for both, and for opening sources and rules"),
            ("rows_from_tables", Int, "read into live views: those after their checkpoint, or all"),
            ("rows_from_sources", Int, "that had come and were in no finished epoch"),
            ("sources_ms", Float, ""),
        ],
    ),
    (
        "late_rows",
        "a row that came too late for a live view with `late = \"list\"`",
        &[
            ("view", Text, ""),
            ("table", Text, ""),
            ("row", Text, "JSON"),
            ("event_time", Instant, ""),
            ("watermark", Instant, "of the view when it came"),
            ("at", Instant, "when it came"),
        ],
    ),
];

/// Every system table's name and columns.
pub fn schemas() -> Vec<(&'static str, SchemaRef)> {
    TABLES.iter().map(|declaration| (declaration.0, declared(declaration))).collect()
}

/// The columns of one.
pub fn schema(table: &str) -> Result<SchemaRef> {
    let found = TABLES.iter().find(|d| d.0 == table);
    found.map(declared).ok_or_else(|| Error::bug(format!("there is no system table `{table}`")))
}

/// What a row of it is.
pub fn description(table: &str) -> Option<&'static str> {
    TABLES.iter().find(|d| d.0 == table).map(|d| d.1)
}

fn declared(declaration: &Declaration) -> SchemaRef {
    let fields = declaration.2.iter().map(|(name, kind, comment)| {
        let data_type = match kind {
            Text => DataType::Utf8,
            Int => DataType::Int64,
            Float => DataType::Float64,
            Bool => DataType::Boolean,
            Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        let field = Field::new(*name, data_type, true);
        if comment.is_empty() { field } else { field.with_metadata([("comment".to_string(), (*comment).to_string())].into()) }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Lake {
    /// Appends an epoch's rows to a system table, once: a second call for the same table and epoch does nothing. Columns go by name; one
    /// that the table lacks is a bug, one that the rows lack is NULL.
    pub async fn append(&self, lease: &Lease, epoch: u64, table: &str, rows: RecordBatch) -> Result<Committed> {
        let id = TableName::system(table).application_id();
        self.append_as(lease, table, rows, Transaction { id, version: epoch as i64, epoch: Some(epoch) }).await
    }

    /// As [`Lake::append`], for the one of several contributions of an epoch that is called `part`.
    pub async fn append_part(&self, lease: &Lease, epoch: u64, table: &str, part: &str, rows: RecordBatch) -> Result<Committed> {
        let id = format!("{}/{part}", TableName::system(table).application_id());
        self.append_as(lease, table, rows, Transaction { id, version: epoch as i64, epoch: Some(epoch) }).await
    }

    /// Appends rows that belong to no epoch (of a run that failed, say), once per `number`, which must grow from call to call: a number
    /// that is not greater than the last one does nothing. A run's fencing number will do.
    pub async fn append_record(&self, lease: &Lease, number: u64, table: &str, rows: RecordBatch) -> Result<Committed> {
        let id = format!("{}#record", TableName::system(table).application_id());
        self.append_as(lease, table, rows, Transaction { id, version: number as i64, epoch: None }).await
    }

    async fn append_as(&self, lease: &Lease, table: &str, rows: RecordBatch, txn: Transaction) -> Result<Committed> {
        let schema = schema(table)?;
        if let Some(stranger) = rows.schema_ref().fields().iter().find(|f| schema.field_with_name(f.name()).is_err()) {
            return Err(Error::bug(format!("system.{table} has no column `{}`", stranger.name())));
        }
        let name = TableName::system(table);
        let handle = self.table(&name)?;
        if let Some(state) = handle.latest().await?
            && stored_transaction(&handle, &state, &txn.id).await?.is_some_and(|stored| stored >= txn.version)
        {
            return Ok(Committed { version: state.version().unwrap_or(0) as i64, skipped: true });
        }
        let writer = self.writer(&name, &schema, WriterOptions::default())?;
        writer.write(0, rows)?;
        let (schema, adds) = (writer.schema(), writer.finish()?);
        let commit = Commit { schema, adds, removes: Removes::None, operation: "WRITE".into(), partition_columns: Vec::new() };
        self.commit_as(lease, &name, commit, Some(txn), Kind::Rows).await
    }
}
