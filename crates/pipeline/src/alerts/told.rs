//! What happened to alarms, as rows of `system.alerts`.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_project::spec::AlertSeverity;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happened {
    Raised,
    Renotified,
    Resolved,
}

impl Happened {
    pub fn as_str(self) -> &'static str {
        match self {
            Happened::Raised => "raised",
            Happened::Renotified => "renotified",
            Happened::Resolved => "resolved",
        }
    }
}

/// Something that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The same from raising to resolving.
    pub alarm: String,
    pub happened: Happened,
    pub severity: AlertSeverity,
    /// JSON: the columns that name the alarm.
    pub key: String,
    /// JSON: the row that raised it, as it was last.
    pub row: String,
    pub at_micros: i64,
    pub raised_at_micros: i64,
    /// How often the alarm was told, with this one.
    pub times: i64,
}

impl Told {
    /// One text for this telling, the same whenever it is sent again.
    pub fn id(&self) -> String {
        format!("{}-{}", self.alarm, self.times)
    }
}

pub(crate) fn severity(severity: AlertSeverity) -> &'static str {
    match severity {
        AlertSeverity::Info => "info",
        AlertSeverity::Warning => "warning",
        AlertSeverity::Critical => "critical",
    }
}

/// As rows of `system.alerts`.
pub fn record(alert: &str, told: &[Told]) -> Result<RecordBatch> {
    let text = |f: &dyn Fn(&Told) -> String| Arc::new(told.iter().map(|t| Some(f(t))).collect::<StringArray>()) as ArrayRef;
    let instant = |f: &dyn Fn(&Told) -> i64| {
        Arc::new(TimestampMicrosecondArray::from_iter_values(told.iter().map(f)).with_timezone("UTC")) as ArrayRef
    };
    let columns = vec![
        text(&|_| alert.to_string()),
        text(&|t| t.alarm.clone()),
        text(&|t| t.happened.as_str().to_string()),
        text(&|t| severity(t.severity).to_string()),
        text(&|t| t.key.clone()),
        text(&|t| t.row.clone()),
        instant(&|t| t.at_micros),
        instant(&|t| t.raised_at_micros),
        Arc::new(told.iter().map(|t| t.times).collect::<Int64Array>()) as ArrayRef,
    ];
    Ok(RecordBatch::try_new(tidemill_lake::system::schema("alerts")?, columns)?)
}
