//! What `score` tells.

use std::path::PathBuf;

#[derive(Debug, Clone, Default)]
pub struct ScoreOptions {
    /// The directory that `generate --truth` wrote.
    pub truth: PathBuf,
    /// Tables of the project to score; empty: all that the truth knows. With the truth's name for it, where that differs.
    pub tables: Vec<(String, Option<String>)>,
    /// Columns of the truth with the clean table's names for them, where the project's files don't tell.
    pub columns: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub struct ScoreReport {
    pub epoch: u64,
    pub tables: Vec<ScoreTable>,
}

#[derive(Debug, Clone)]
pub struct ScoreTable {
    pub table: String,
    /// What the truth calls it.
    pub truth: String,
    /// The columns that are scored: the truth's name and the clean table's.
    pub columns: Vec<(String, String)>,
    /// Columns that the truth knows and the clean table does not have (any more) as they were.
    pub unscored: Vec<String>,
    /// For each kind first all columns together, then each column.
    pub lines: Vec<ScoreLine>,
}

/// Figures of one kind of error, in one column or in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreLine {
    pub table: String,
    /// As the clean table calls it; `None`: all columns, or whole rows.
    pub column: Option<String>,
    pub kind: String,
    pub errors: u64,
    /// Errors that were noticed; `None` where there is nothing to notice.
    pub detected: Option<u64>,
    /// Errors whose row is not in the clean table.
    pub set_aside: u64,
    /// Right cells and rows that were taken for such an error.
    pub falsely: u64,
    /// Errors whose clean value is right; `None` where nothing can be mended.
    pub repaired: Option<u64>,
    /// Errors that became another value, and not the right one.
    pub wrong: u64,
}

impl ScoreLine {
    /// Of what was taken for an error, the share that was one.
    pub fn detection_precision(&self) -> Option<f64> {
        self.detected.and_then(|d| share(d, d + self.falsely))
    }

    /// Of the errors, the share that was noticed.
    pub fn detection_recall(&self) -> Option<f64> {
        self.detected.and_then(|d| share(d, self.errors))
    }

    /// Of what was given another value, the share that got the right one.
    pub fn repair_precision(&self) -> Option<f64> {
        self.repaired.and_then(|r| share(r, r + self.wrong + self.falsely))
    }

    /// Of the errors, the share whose clean value is right.
    pub fn repair_recall(&self) -> Option<f64> {
        self.repaired.and_then(|r| share(r, self.errors))
    }
}

fn share(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}
