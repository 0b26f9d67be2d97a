//! Views, how they are kept, and what is watched over them: tests and alerts.

use super::{Source, Span, Sql};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tidemill_core::Spanned;

#[derive(Debug, Clone)]
pub struct View {
    pub name: String,
    /// `views/NAME.sql`
    pub file: PathBuf,
    pub description: String,
    pub materialized: Spanned<Materialized>,
    pub sql: Sql,
    pub tests: Vec<ViewTest>,
    /// Descriptions of columns, for the data dictionary.
    pub columns: BTreeMap<String, String>,
    pub partition_by: Vec<Spanned<String>>,
    /// Whether its rows are kept in memory, once they have been read.
    pub cache: Spanned<bool>,
    /// Of a live view.
    pub live: LiveSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Materialized {
    #[default]
    View,
    Table,
    /// Kept current while the project is served.
    Live,
}

/// What the header of a live view says. Times are in microseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveSettings {
    /// How far a row's event time may lie behind the newest of its split and still be on time.
    pub lateness_micros: i64,
    pub late: Late,
    pub emit: Emit,
    /// At most one emission in this time; `None`: at once.
    pub period_micros: Option<i64>,
    /// Bounds what grows with keys or rows; reaching it stops the view.
    pub state_limit: Option<Spanned<StateLimit>>,
    /// False: the SQL may read the clock, randomness or an unspecified order.
    pub deterministic: bool,
    /// A split from which nothing has come for so long does not hold the watermark back.
    pub idle_micros: i64,
    pub time: TimeDomain,
    /// Aggregates that can't be kept over updated rows are computed again for the groups touched.
    pub recompute: bool,
    /// Where its rows are sent: connector and options, as in an export.
    pub sink: Option<Source>,
    /// Columns that name one row of the result, for sinks and alerts; found from the SQL when absent.
    pub key: Vec<Spanned<String>>,
}

impl Default for LiveSettings {
    fn default() -> Self {
        LiveSettings {
            lateness_micros: 0,
            late: Late::default(),
            emit: Emit::default(),
            period_micros: None,
            state_limit: None,
            deterministic: true,
            idle_micros: 30_000_000,
            time: TimeDomain::default(),
            recompute: false,
            sink: None,
            key: Vec::new(),
        }
    }
}

/// What becomes of a row that comes after its time. It stays in its table, and is counted, whatever is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Late {
    /// Counted, and left out of the result.
    #[default]
    Count,
    /// Counted, and its result updated, as long as its window's state is kept: one lateness more.
    Update,
    /// Counted, left out, and listed in `system.late_rows`.
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Emit {
    /// The result as it is now.
    #[default]
    Changes,
    /// A row once its window is over.
    Final,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeDomain {
    /// As the rows say.
    #[default]
    Event,
    /// When they were taken in.
    Processing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateLimit {
    Rows(u64),
    Bytes(u64),
}

/// A SELECT whose rows raise an alarm: `alerts/NAME.sql`.
#[derive(Debug, Clone)]
pub struct Alert {
    pub name: String,
    pub file: PathBuf,
    pub description: String,
    pub sql: Sql,
    pub severity: AlertSeverity,
    /// Columns that name one alarm; all columns when empty.
    pub key: Vec<Spanned<String>>,
    /// Asked this often over all rows. `None`: kept live, which the SQL must allow.
    pub every_micros: Option<Spanned<i64>>,
    /// An alarm that stands is told again after this time; `None`: never.
    pub renotify_micros: Option<i64>,
    /// After it was resolved, the same alarm is not raised again for this time.
    pub cooldown_micros: i64,
    /// A row that can't go away (a single order, say) resolves its alarm after this time.
    pub resolve_after_micros: Option<i64>,
    pub actions: Vec<AlertAction>,
    /// As of a live view, where it is kept live.
    pub live: LiveSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlertSeverity {
    Info,
    #[default]
    Warning,
    Critical,
}

/// What is done when an alarm is raised, told again or resolved, beside the line in `system.alerts`.
#[derive(Debug, Clone)]
pub enum AlertAction {
    Log,
    /// Connector and options, as in an export: `webhook`, `kafka`, …
    Send(Source),
}

#[derive(Debug, Clone)]
pub struct ViewTest {
    pub kind: TestKind,
    pub severity: TestSeverity,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestSeverity {
    /// A failing test fails the run (after all views were built).
    #[default]
    Error,
    Warn,
}

#[derive(Debug, Clone)]
pub enum TestKind {
    NotNull(Vec<Spanned<String>>),
    /// The columns together.
    Unique(Vec<Spanned<String>>),
    AcceptedValues {
        column: Spanned<String>,
        values: Vec<String>,
    },
    /// Every non-null value of `column` occurs in `to_column` of `to`.
    Relationships {
        column: Spanned<String>,
        to: Spanned<String>,
        to_column: String,
    },
    /// A SELECT that must return no row.
    Sql {
        name: String,
        sql: Sql,
    },
}
