//! Everything SQL: the DataFusion engine with its one memory pool, sessions over a catalog of relations, queries, column lineage,
//! row expressions for preparation and the user's own functions. No other room names a DataFusion context or plan.
//!
//! Read in this order: [`engine`] (threads, memory, spilling), [`catalog`] (what a session can name), [`session`] (what one can ask),
//! [`query`] (a running SELECT and what it cost), [`row_expr`] (expressions over one row, with values fitted over all rows),
//! [`memory`] (tables kept in memory), [`live_plan`] (what a continuous query is made from), [`function`] (CREATE FUNCTION), `table_function` and
//! `calls` (those that give rows), [`lineage`], and [`problem`] with `advice`, `syntax`, `locate` and `sql` (how a mistake is found in the text
//! and told); [`window`] (windows over time: `tumble` and its like), [`anomaly`] (detectors), `windows` settles what named windows stand for,
//! `row_number` counts rows of sorted partitions, `shared` computes once what a question names twice.
//!
//! Invariant: a mistake in SQL is a [`SqlProblem`] in our words with a byte range in the text, never a DataFusion message chain; and no SQL that
//! reaches a plan can write: only SELECT, WITH, VALUES, EXPLAIN, SHOW and DESCRIBE are taken.

mod advice;
pub mod anomaly;
mod as_of;
mod calls;
pub mod catalog;
mod dialect;
pub mod engine;
pub mod function;
pub mod heading;
pub mod hot;
mod lineage;
pub mod live_plan;
mod locate;
pub mod memory;
mod moment;
mod operators;
mod percentile;
mod planner;
pub mod problem;
pub mod query;
pub mod row_expr;
mod row_number;
pub mod session;
mod shared;
mod spill_pool;
mod sql;
mod syntax;
mod table_function;
pub mod window;
mod windows;

pub use catalog::{Catalog, FunctionProvider, Relation, RelationKind, TimeTravel, batch_table, batches_table, empty_table};
pub use engine::{Engine, EngineOptions, PlanOptions};
pub use lineage::{ColumnEdge, ColumnLineage, ColumnOrigin, GraphNode, LineageGraph, LineageKind};
pub use live_plan::Lowering;
pub use memory::{Counts, MemoryUse, TableUse, TablesInMemory};
pub use operators::Operator;
pub use problem::{SqlProblem, SqlProblemKind, type_name};
pub use query::{BatchStream, Collected, PlanMetrics, Query, failure};
pub use row_expr::{BoundExpr, FitAggregate, RowExpr};
pub use session::{Returns, Session, Signature};

/// Types of DataFusion that callers hand in or keep.
pub use datafusion::catalog::TableProvider;
pub use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
pub use datafusion::logical_expr::{Accumulator, ScalarUDF};
pub use datafusion::scalar::ScalarValue;

#[cfg(test)]
mod tests;
