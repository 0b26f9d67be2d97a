//! The cells of some rows: what the truth says of them beside what the clean table has.

use super::rows::Rows;
use super::tally::{DUPLICATE, Fate, INVALID, MISSING, TYPO, Tally};
use std::collections::{HashMap, HashSet};

/// An error in a cell, as the truth lists it.
#[derive(Debug, Clone)]
pub(super) struct CellError {
    pub n: u64,
    /// Among the truth's columns.
    pub column: usize,
    pub kind: u16,
    pub wrong: String,
}

/// A cell of the clean table that is not what the truth says.
#[derive(Debug, Clone)]
pub(super) struct Differing {
    pub n: u64,
    pub column: usize,
    pub got: Option<String>,
    pub is_rightly_missing: bool,
}

pub(super) struct Block<'a> {
    /// Rows from here to before there.
    pub from: u64,
    pub to: u64,
    pub rows: &'a Rows,
    /// Which of the truth's columns are scored, and whether they are of text.
    pub scored: &'a [Option<bool>],
    pub errors: Vec<CellError>,
    pub differing: Vec<Differing>,
    /// Columns whose other value is a surviving copy's.
    pub copied: &'a HashSet<(u64, usize)>,
}

impl Block<'_> {
    pub(super) fn count(self, tally: &mut Tally) {
        let mut differing: HashMap<(u64, usize), Differing> = HashMap::with_capacity(self.differing.len());
        for d in self.differing {
            differing.insert((d.n, d.column), d);
        }
        let mut erroneous: HashSet<u64> = HashSet::new();
        let mut cells: HashSet<(u64, usize)> = HashSet::new();
        for e in &self.errors {
            erroneous.insert(e.n);
            cells.insert((e.n, e.column));
            let differs = differing.remove(&(e.n, e.column));
            if self.scored.get(e.column).copied().flatten().is_none() {
                continue;
            }
            let fate = match differs {
                _ if !self.rows.in_clean.has(e.n) => Fate::SetAside,
                None => Fate::Right,
                Some(Differing { got: None, .. }) => Fate::Cleared,
                Some(Differing { got: Some(got), .. }) if same(&got, &e.wrong) => Fate::Unnoticed,
                Some(_) => Fate::Wrong,
            };
            tally.cell(e.kind, e.column, fate);
        }
        for ((n, column), d) in differing {
            if self.copied.contains(&(n, column)) {
                continue;
            }
            let is_text = self.scored.get(column).copied().flatten() == Some(true);
            // What was done to a right cell tells what it was taken for.
            let kind = match (d.is_rightly_missing, d.got.is_some()) {
                (true, _) => MISSING,
                (false, true) if is_text => TYPO,
                (false, _) => INVALID,
            };
            tally.at(kind, Some(column)).falsely += 1;
        }
        let aside = &self.rows.set_aside;
        let first = aside.partition_point(|a| a.n < self.from);
        for a in aside[first..].iter().take_while(|a| a.n < self.to) {
            let has_error = |column: Option<usize>| match column {
                Some(column) => cells.contains(&(a.n, column)),
                None => erroneous.contains(&a.n),
            };
            self.rows.judge_aside(a, &has_error, tally);
        }
        let rows = self.rows;
        let is_removed = |n: &u64| !rows.in_clean.has(*n) && !rows.aside.has(*n) && !rows.corrupt.has(*n) && !erroneous.contains(n);
        let removed = (self.from..self.to).filter(is_removed).count() as u64;
        if removed > 0 {
            tally.at(DUPLICATE, None).falsely += removed;
        }
    }
}

/// Whether a clean value is still the one that the messy file had.
fn same(got: &str, wrong: &str) -> bool {
    let (got, wrong) = (got.trim(), wrong.trim());
    got == wrong || matches!((got.parse::<f64>(), wrong.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
}
