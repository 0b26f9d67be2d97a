//! What a node's last committed epoch left behind: its outcome. The outcome is made durable before the table's commit, under the
//! epoch's number; a table's `txn` says which epoch it stands at, and so which outcome is its state. Whatever a crash interrupts, the
//! two can't disagree.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidemill_core::{Error, Result};
use tidemill_lake::Lake;

pub const FORMAT: u32 = 1;

/// One source file as it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    pub path: String,
    pub size: u64,
    pub modified_micros: i64,
    /// Hash of the content.
    pub fingerprint: String,
    /// Hash of how it was read: decoding, contract.
    pub spec: String,
    pub rows_read: u64,
    pub rows_written: u64,
    pub rows_quarantined: u64,
    /// Parquet files of the raw table that hold its rows, and only its.
    pub data_files: Vec<String>,
    /// Parquet files of the quarantine that hold its rejected rows, and only its.
    pub quarantine_files: Vec<String>,
    /// Whether the source still has it.
    pub present: bool,
    /// Whether its rows came back with an older version of the table, though the source no longer had it.
    #[serde(default)]
    pub restored: bool,
    /// Why only a part of it could be read: it ends too early, or is damaged.
    #[serde(default)]
    pub incomplete: Option<String>,
    /// It is a split of a source that is followed (a topic's partition, say), and `fingerprint` is where it has been read to.
    #[serde(default)]
    pub followed: bool,
}

/// One line of the ledger. `read = written + quarantined + deduplicated + filtered + late`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerLine {
    pub table: String,
    pub edge: String,
    pub rows_read: u64,
    pub written: u64,
    pub quarantined: u64,
    pub deduplicated: u64,
    pub filtered: u64,
    pub late: u64,
    /// Stored rows that gave way: of a changed file, or by key.
    pub updated: u64,
    pub deleted: u64,
}

impl LedgerLine {
    pub fn balances(&self) -> bool {
        self.rows_read == self.written + self.quarantined + self.deduplicated + self.filtered + self.late
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityLine {
    pub rule_index: usize,
    pub rule: String,
    pub column: Option<String>,
    pub cells_changed: u64,
    /// Changes too doubtful to be made.
    #[serde(default)]
    pub listed: u64,
    pub rows_removed: u64,
    pub message: String,
}

/// What became of values that did not parse, for people.
pub fn nulled(n: u64) -> String {
    match n {
        1 => "1 value that is not of the column's type became NULL".into(),
        n => format!("{n} values that are not of the column's type became NULL"),
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeLine {
    pub rule_index: usize,
    pub rule: String,
    pub column: String,
    pub row_key: String,
    pub file: String,
    pub line: u64,
    pub before: Option<String>,
    pub after: Option<String>,
    pub confidence: Option<f64>,
    #[serde(default = "made")]
    pub applied: bool,
}

/// Before doubtful changes were listed, every change was made.
fn made() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageLine {
    pub target_column: String,
    pub source: String,
    pub source_column: String,
    pub kind: String,
    pub expression: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestLine {
    pub test: String,
    pub severity: String,
    pub status: String,
    pub failures: u64,
    /// The first failing rows, as JSON objects.
    pub rows: Vec<String>,
}

impl TestLine {
    /// It did not hold, and a run fails for that.
    pub fn is_failed_error(&self) -> bool {
        self.failures > 0 && self.severity == "error"
    }
}

/// Everything a node's step leaves behind besides its table's files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub format: u32,
    pub node: String,
    pub epoch: u64,
    pub run_id: String,
    /// What the node was made of; equal means up to date.
    pub fingerprint: String,
    /// The fingerprint's parts, so that a plan can say which one changed.
    pub parts: BTreeMap<String, String>,
    pub files: Vec<FileState>,
    /// Quarantine files that belong to the node as a whole.
    pub quarantine_files: Vec<String>,
    pub ledger: Vec<LedgerLine>,
    pub quality: Vec<QualityLine>,
    pub changes: Vec<ChangeLine>,
    pub lineage: Vec<LineageLine>,
    pub tests: Vec<TestLine>,
    /// Whether its quality tests were run since it was built.
    pub tested: bool,
    /// Generation of the fitted recipe.
    pub recipe: Option<u64>,
    pub rows: u64,
    /// Of a live view: data files whose rows may still change.
    #[serde(default)]
    pub open_files: Vec<String>,
    /// Of a live view: data files with rows that came since its state was last saved. Who begins again from that state makes them again.
    #[serde(default)]
    pub unsaved_files: Vec<String>,
}

fn path(epoch: u64, node: &str) -> String {
    format!("outcomes/{epoch:020}.{node}.json")
}

pub fn put(lake: &Lake, outcome: &Outcome) -> Result<()> {
    lake.put_state(&path(outcome.epoch, &outcome.node), outcome)
}

/// The outcome of `node` at `epoch`, or `None` when there is none.
pub fn get(lake: &Lake, epoch: u64, node: &str) -> Result<Option<Outcome>> {
    let place = path(epoch, node);
    let Some(outcome): Option<Outcome> = lake.get_state(&place)? else { return Ok(None) };
    if outcome.format > FORMAT {
        return Err(Error::config(format!("written by a newer Tidemill (format {})", outcome.format)).at(place).help("upgrade tidemill"));
    }
    Ok(Some(outcome))
}

/// Removes outcomes that no table, view or export stands at any more. Kept are those of versions that can still be restored: all since
/// the oldest epoch that a table's history knows, which [`Lake::history`] bounds.
pub async fn sweep(lake: &Lake, nodes: &[(String, tidemill_project::NodeKind)]) -> Result<()> {
    /// Outcomes kept per node, beside the current one.
    const KEPT: usize = 50;
    let mut by_node: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in lake.list_state("outcomes")? {
        if let Some((_, node)) = name.strip_suffix(".json").and_then(|n| n.split_once('.')) {
            by_node.entry(node.to_string()).or_default().push(name);
        }
    }
    for (node, kind) in nodes {
        let Some(names) = by_node.get(node) else { continue };
        if names.len() <= KEPT {
            continue;
        }
        let current = crate::nodes::last_outcome(lake, node, *kind).await?.map(|o| path(o.epoch, node));
        for old in names.iter().take(names.len() - KEPT) {
            let name = format!("outcomes/{old}");
            if current.as_deref() != Some(&name) {
                lake.remove_state(&name)?;
            }
        }
    }
    Ok(())
}
