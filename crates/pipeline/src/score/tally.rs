//! What is counted of a table: errors by kind and column, which of them were noticed and mended, and what was taken for an error though it was right.

use super::report::{ScoreLine, ScoreTable};

/// Kinds that are counted where nothing else tells which one a right cell or row was taken for.
pub(super) const MISSING: u16 = 0;
pub(super) const TYPO: u16 = 1;
pub(super) const INVALID: u16 = 2;
pub(super) const FORMAT: u16 = 3;
pub(super) const CORRUPT: u16 = 4;
pub(super) const DUPLICATE: u16 = 5;
pub(super) const NEAR_DUPLICATE: u16 = 6;
pub(super) const RESENT: u16 = 7;
const NAMES: [&str; 8] = ["missing", "typo", "invalid", "format", "corrupt", "duplicate", "near_duplicate", "resent"];

/// Names of kinds; a truth may have more than the usual ones, which are then of cells.
pub(super) struct Kinds(Vec<String>);

impl Default for Kinds {
    fn default() -> Self {
        Kinds(NAMES.iter().map(|n| (*n).to_string()).collect())
    }
}

impl Kinds {
    pub(super) fn of(&mut self, name: &str) -> u16 {
        if let Some(at) = self.0.iter().position(|n| n == name) {
            return at as u16;
        }
        self.0.push(name.to_string());
        self.0.len() as u16 - 1
    }

    pub(super) fn is_of_rows(kind: u16) -> bool {
        (CORRUPT..=RESENT).contains(&kind)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub errors: u64,
    pub detected: u64,
    pub set_aside: u64,
    pub falsely: u64,
    pub repaired: u64,
    pub wrong: u64,
}

impl Counts {
    fn add(&mut self, o: &Counts) {
        self.errors += o.errors;
        self.detected += o.detected;
        self.set_aside += o.set_aside;
        self.falsely += o.falsely;
        self.repaired += o.repaired;
        self.wrong += o.wrong;
    }
}

/// What became of an error in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its row is not in the clean table.
    SetAside,
    /// The clean value is the right one.
    Right,
    /// It is missing now.
    Cleared,
    /// It is another value, and not the right one.
    Wrong,
    /// It is what it was.
    Unnoticed,
}

/// One table's counts, by kind and column; the last column stands for whole rows.
pub(super) struct Tally {
    columns: usize,
    counts: Vec<Vec<Counts>>,
}

impl Tally {
    pub(super) fn new(columns: usize) -> Tally {
        Tally { columns, counts: Vec::new() }
    }

    pub(super) fn at(&mut self, kind: u16, column: Option<usize>) -> &mut Counts {
        let (kind, column) = (usize::from(kind), column.unwrap_or(self.columns));
        if self.counts.len() <= kind {
            self.counts.resize(kind + 1, vec![Counts::default(); self.columns + 1]);
        }
        &mut self.counts[kind][column]
    }

    pub(super) fn cell(&mut self, kind: u16, column: usize, fate: Fate) {
        let c = self.at(kind, Some(column));
        c.errors += 1;
        c.detected += u64::from(fate != Fate::Unnoticed);
        c.set_aside += u64::from(fate == Fate::SetAside);
        c.repaired += u64::from(fate == Fate::Right);
        c.wrong += u64::from(fate == Fate::Wrong);
    }

    pub(super) fn report(
        &self,
        table: &str,
        truth: &str,
        columns: &[(String, String)],
        unscored: Vec<String>,
        kinds: &Kinds,
    ) -> ScoreTable {
        let mut lines = Vec::new();
        for (kind, by_column) in self.counts.iter().enumerate() {
            let line = |column: Option<&(String, String)>, c: &Counts| ScoreLine {
                table: table.to_string(),
                column: column.map(|c| c.1.clone()),
                kind: kinds.0[kind].clone(),
                errors: c.errors,
                detected: (kind != usize::from(RESENT)).then_some(c.detected),
                set_aside: c.set_aside,
                falsely: c.falsely,
                repaired: (kind != usize::from(CORRUPT)).then_some(c.repaired),
                wrong: c.wrong,
            };
            let mut all = Counts::default();
            by_column.iter().for_each(|c| all.add(c));
            if all == Counts::default() {
                continue;
            }
            lines.push(line(None, &all));
            let counted = by_column.iter().zip(columns).filter(|(c, _)| **c != Counts::default());
            lines.extend(counted.map(|(c, name)| line(Some(name), c)));
        }
        ScoreTable { table: table.to_string(), truth: truth.to_string(), columns: columns.to_vec(), unscored, lines }
    }
}
