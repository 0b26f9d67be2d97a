//! Where the rows of the truth are after a run: in the clean table, in quarantine, or nowhere.

use super::tally::{CORRUPT, DUPLICATE, FORMAT, INVALID, NEAR_DUPLICATE, RESENT, Tally};
use std::collections::BTreeSet;

/// One bit for each row of the truth.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    fn new(rows: u64) -> Bits {
        Bits(vec![0; (rows / 64 + 1) as usize])
    }
    pub(super) fn set(&mut self, n: u64) {
        if let Some(word) = self.0.get_mut((n / 64) as usize) {
            *word |= 1 << (n % 64);
        }
    }
    pub(super) fn has(&self, n: u64) -> bool {
        self.0.get((n / 64) as usize).is_some_and(|word| word >> (n % 64) & 1 == 1)
    }
}

/// A row that comes again.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub kind: u16,
    /// The column whose value differs.
    pub column: Option<usize>,
    pub row_key: String,
    /// The row, once it is known.
    pub n: u64,
    pub in_clean: bool,
    pub aside: bool,
}

/// Why a row is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    Unreadable,
    Type,
    Contract,
    Key,
}

impl Why {
    pub(super) fn of(code: &str) -> Why {
        match code {
            "fields" | "quote" | "json" | "encoding" | "length" | "truncated" | "corrupt" | "drift" => Why::Unreadable,
            "type" => Why::Type,
            "key" | "unique" => Why::Key,
            _ => Why::Contract,
        }
    }
}

/// A row set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Aside {
    pub n: u64,
    pub why: Why,
    /// The truth's column that the reason names.
    pub column: Option<usize>,
}

pub(super) struct Rows {
    pub rows: u64,
    pub copies: Vec<Copy>,
    /// The line where the row stood first.
    pub original: Bits,
    /// The row, wherever it stood.
    pub in_clean: Bits,
    pub aside: Bits,
    pub corrupt: Bits,
    /// In order.
    pub set_aside: Vec<Aside>,
}

impl Rows {
    pub(super) fn new(rows: u64, copies: Vec<Copy>) -> Rows {
        let bits = || Bits::new(rows);
        Rows { rows, copies, original: bits(), in_clean: bits(), aside: bits(), corrupt: bits(), set_aside: Vec::new() }
    }

    /// Copies that stand in the clean table beside their row: all but the first where the row itself is gone.
    pub(super) fn extra(&self) -> Vec<u32> {
        let mut stand: BTreeSet<u64> = BTreeSet::new();
        let mut out = Vec::new();
        for (at, c) in self.copies.iter().enumerate().filter(|(_, c)| c.in_clean) {
            let original = self.original.has(c.n) && !self.corrupt.has(c.n);
            if original || !stand.insert(c.n) {
                out.push(at as u32);
            }
        }
        out
    }

    /// Copies that stand in the clean table in their row's place, by row.
    pub(super) fn survivors(&self) -> Vec<u32> {
        let extra = self.extra();
        (0..self.copies.len() as u32).filter(|at| self.copies[*at as usize].in_clean && extra.binary_search(at).is_err()).collect()
    }

    /// Counts what is of whole rows, but for what [`super::cells`] finds.
    pub(super) fn count(&self, corrupt: u64, tally: &mut Tally) {
        let extra = self.extra();
        for (at, c) in self.copies.iter().enumerate() {
            let is_gone = extra.binary_search(&(at as u32)).is_err();
            let stands = self.in_clean.has(c.n);
            let counts = tally.at(c.kind, None);
            counts.errors += 1;
            if c.kind == RESENT {
                counts.repaired += u64::from(stands && is_gone);
                counts.wrong += u64::from(!is_gone);
                continue;
            }
            // A copy that took its row's place brings its own time.
            let is_other = c.kind == NEAR_DUPLICATE && c.in_clean && is_gone && c.column.is_some();
            counts.detected += u64::from(is_gone);
            counts.set_aside += u64::from(is_gone && !stands);
            counts.repaired += u64::from(is_gone && stands && !is_other);
            counts.wrong += u64::from(is_other);
        }
        if corrupt > 0 {
            let unnoticed = (1..=self.rows).filter(|n| self.corrupt.has(*n) && self.original.has(*n)).count() as u64;
            let counts = tally.at(CORRUPT, None);
            counts.errors += corrupt;
            counts.detected += corrupt - unnoticed;
            counts.set_aside += corrupt - unnoticed;
        }
    }

    /// Whether a right row was set aside, and what for. `has_error` tells of a column of the row, or of any.
    pub(super) fn judge_aside(&self, a: &Aside, has_error: &dyn Fn(Option<usize>) -> bool, tally: &mut Tally) {
        if self.corrupt.has(a.n) {
            return;
        }
        let is_founded = match a.why {
            Why::Unreadable => false,
            Why::Type | Why::Contract => has_error(a.column),
            Why::Key => self.in_clean.has(a.n) || has_error(None),
        };
        if !is_founded {
            let kind = match a.why {
                Why::Unreadable => CORRUPT,
                Why::Type => FORMAT,
                Why::Contract => INVALID,
                Why::Key => DUPLICATE,
            };
            tally.at(kind, a.column).falsely += 1;
        }
    }
}
