//! Windows over time: `tumble`, `hop`, `cumulate` and `session`, in FROM (`FROM tumble(orders, order_ts, INTERVAL '1 minute')`) and in GROUP BY
//! (`GROUP BY tumble(order_ts, INTERVAL '1 minute')`). Both are lowered to relational algebra, so that whoever computes a plan, once or
//! continuously, meets no operator that it does not know:
//!
//! - tumble: a projection with [`TUMBLE_START`]`(ts, size, offset)` as `window_start` and [`WINDOW_END`]`(window_start, size)` as `window_end`;
//! - hop, cumulate: [`HOP_WINDOWS`]`(ts, slide, size)` or [`CUMULATE_WINDOWS`]`(ts, step, size)`, a list of structs of `start` and `end`,
//!   unnested, then projected to `window_start` and `window_end`;
//! - session: [`SESSION`]`(ts, gap) OVER (PARTITION BY keys ORDER BY ts)`, a struct of `start` and `end`, projected to the same names.
//!
//! Lengths are literals in microseconds. Rows whose time is NULL are filtered out below. `ts` is microseconds, with or without a zone: a date is
//! its midnight. Windows are counted from 1970-01-01 UTC; a start is inclusive, an end exclusive. A session's end is its last row's time
//! and the gap after it; a row that comes exactly at the end still belongs to the session, as in Flink and Spark, so that a session is
//! over once time is *past* its end.
//!
//! Read in this order: `settle` (the statement: arguments made numbers, GROUP BY made ready, all mistakes), `relation` (in FROM), `lower` (the
//! plans), `functions` and `session` (what computes).

mod functions;
mod lower;
mod relation;
mod session;
mod settle;

pub(crate) use functions::scalars;
pub(crate) use lower::lower;
pub(crate) use relation::InFrom;
pub(crate) use session::session;
pub(crate) use settle::settle;

use crate::planner::external;
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::Result;

/// `_tumble_start(ts, size, offset)`: where the window of `ts` begins.
pub const TUMBLE_START: &str = "_tumble_start";
/// `_window_end(start, size)`.
pub const WINDOW_END: &str = "_window_end";
/// `_hop_windows(ts, slide, size)`: all windows that `ts` is in, the earliest first.
pub const HOP_WINDOWS: &str = "_hop_windows";
/// `_cumulate_windows(ts, step, size)`: all windows that `ts` is in, the shortest first.
pub const CUMULATE_WINDOWS: &str = "_cumulate_windows";
/// `_session(ts, gap) OVER (PARTITION BY keys ORDER BY ts)`: the session of `ts`.
pub const SESSION: &str = "_session";
pub const START_COLUMN: &str = "window_start";
pub const END_COLUMN: &str = "window_end";
/// Fields of the structs above.
pub const START_FIELD: &str = "start";
pub const END_FIELD: &str = "end";

/// What a row may be repeated: the most windows that it is in.
const WINDOWS_MAX: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Tumble, Kind::Hop, Kind::Cumulate, Kind::Session];

    pub(crate) fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Tumble => "tumble",
            Kind::Hop => "hop",
            Kind::Cumulate => "cumulate",
            Kind::Session => "session",
        }
    }

    fn in_from(self) -> &'static str {
        match self {
            Kind::Tumble => "FROM tumble(orders, order_ts, INTERVAL '1 minute')",
            Kind::Hop => "FROM hop(orders, order_ts, INTERVAL '1 minute', INTERVAL '5 minutes')",
            Kind::Cumulate => "FROM cumulate(orders, order_ts, INTERVAL '1 hour', INTERVAL '1 day')",
            Kind::Session => "FROM session(orders, order_ts, INTERVAL '30 minutes', customer_id)",
        }
    }

    fn in_group_by(self) -> &'static str {
        match self {
            Kind::Tumble => "GROUP BY tumble(order_ts, INTERVAL '1 minute')",
            Kind::Hop => "GROUP BY hop(order_ts, INTERVAL '1 minute', INTERVAL '5 minutes')",
            Kind::Cumulate => "GROUP BY cumulate(order_ts, INTERVAL '1 hour', INTERVAL '1 day')",
            Kind::Session => "GROUP BY session(order_ts, INTERVAL '30 minutes'), customer_id",
        }
    }
}

/// Names for completion.
pub(crate) fn names() -> impl Iterator<Item = String> {
    Kind::ALL.into_iter().map(|k| k.name().to_string())
}

/// One kind of windows and its two lengths, in microseconds: size and offset, slide and size, step and size, gap and nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) kind: Kind,
    pub(crate) first: i64,
    pub(crate) second: i64,
}

/// The type of a window's bounds over times of this type; what has no place in time is a mistake.
fn instant(of: &DataType) -> Result<DataType> {
    match of {
        DataType::Timestamp(_, zone) => Ok(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
        DataType::Date32 | DataType::Date64 | DataType::Null => Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
        other => {
            let problem = SqlProblem::new(SqlProblemKind::Type, format!("a window needs a timestamp or a date, not {}", type_name(other)));
            Err(external(problem.help(match other {
                t if t.is_string() => "declare the column a timestamp in its table's file, or write `CAST(… AS timestamp)`",
                t if t.is_integer() => {
                    "seconds since 1970 become a timestamp by `to_timestamp(…)`, milliseconds by `to_timestamp_millis(…)`"
                }
                _ => "the time comes before the lengths: `tumble(orders, order_ts, INTERVAL '1 minute')`",
            })))
        }
    }
}

/// Whether a function is part of how windows are computed, and nobody's to call.
pub(crate) fn is_inner(name: &str) -> bool {
    name.starts_with('_')
}
