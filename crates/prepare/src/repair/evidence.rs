//! What a fit measures for repairs: how often each value of a column stands beside each value of another, and which spellings a column has.
//! Both forget what they saw once when there would be too much of it, and say so; since parts are folded in source order, always the same.

use crate::budget::Budget;
use crate::cells::texts;
use crate::measure::{Measure, hasher};
use crate::program::{Input, Part, open_part, open_state};
use ahash::RandomState;
use arrow::array::{Array, StringArray};
use hashbrown::HashMap;
use tidemill_core::Result;

/// Between the values of columns that decide together.
pub(super) const JOINT: char = '\u{1f}';
/// Different values of a group that are told apart; the others are only counted.
const VALUES_MAX: usize = 32;

/// The values of a column within the rows of one group.
#[derive(Debug, Default, Clone)]
pub(super) struct Group {
    pub values: Vec<(Box<str>, u32)>,
    /// Rows with values beyond those.
    pub others: u32,
    /// Rows without a value.
    pub missing: u32,
}

impl Group {
    pub(super) fn rows(&self) -> u32 {
        self.values.iter().map(|(_, n)| n).sum::<u32>() + self.others
    }

    pub(super) fn add(&mut self, value: &str, n: u32) -> usize {
        if let Some((_, count)) = self.values.iter_mut().find(|(v, _)| **v == *value) {
            *count += n;
        } else if self.values.len() < VALUES_MAX {
            self.values.push((value.into(), n));
            return value.len() + 24;
        } else {
            self.others += n;
        }
        0
    }
}

type Grouped = HashMap<Box<str>, Group, RandomState>;

/// What [`Beside`] came to.
pub(super) struct Groups {
    pub groups: Grouped,
    pub rows: u64,
    /// Groups of this many rows or fewer were given up at some point.
    pub forgotten: u32,
    bytes: usize,
}

impl Groups {
    pub(super) fn of(groups: Grouped, rows: u64) -> Groups {
        Groups { groups, rows, forgotten: 0, bytes: 0 }
    }
}

/// Measures the values of its first input beside those of the others.
pub(super) struct Beside {
    pub groups_max: usize,
}

/// The values that decide, of each row; `None` where one is missing.
pub(super) fn joint(columns: &[&StringArray], row: usize, key: &mut String) -> bool {
    key.clear();
    for (at, c) in columns.iter().enumerate() {
        if c.is_null(row) {
            return false;
        }
        if at > 0 {
            key.push(JOINT);
        }
        key.push_str(c.value(row));
    }
    true
}

impl Measure for Beside {
    fn name(&self) -> Option<&'static str> {
        Some("beside")
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(Groups { groups: HashMap::with_hasher(hasher()), rows: 0, forgotten: 0, bytes: 0 }))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        let columns = input.arrays.iter().map(texts).collect::<Result<Vec<_>>>()?;
        let (column, by) = (&columns[0], columns[1..].iter().collect::<Vec<_>>());
        let mut groups: Grouped = HashMap::with_hasher(hasher());
        let mut key = String::new();
        for row in 0..input.rows {
            if !joint(&by, row, &mut key) {
                continue;
            }
            let group = groups.entry_ref(key.as_str()).or_default();
            if column.is_null(row) {
                group.missing += 1;
            } else {
                group.add(column.value(row), 1);
            }
        }
        // In order of key, so that nothing depends on where a table keeps it.
        let mut groups: Vec<(Box<str>, Group)> = groups.into_iter().collect();
        groups.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(Box::new((groups, input.rows as u64)))
    }
    fn fold(&self, total: &mut Part, part: Part, budget: &Budget) -> Result<()> {
        let total = open_state::<Groups>(total)?;
        let (groups, rows): (Vec<(Box<str>, Group)>, u64) = open_part(part)?;
        total.rows += rows;
        for (key, group) in groups {
            let length = key.len();
            let mine = total.groups.entry(key).or_insert_with(|| {
                total.bytes += length + 72;
                Group::default()
            });
            for (value, n) in &group.values {
                total.bytes += mine.add(value, *n);
            }
            mine.others += group.others;
            mine.missing += group.missing;
        }
        while total.groups.len() > self.groups_max {
            total.forgotten += 1;
            let least = total.forgotten;
            total.groups.retain(|_, g| g.rows() + g.missing > least);
            total.bytes = total.groups.iter().map(|(k, g)| k.len() + 72 + g.values.iter().map(|(v, _)| v.len() + 24).sum::<usize>()).sum();
        }
        budget.resize(total.bytes)
    }
}

/// How often each spelling of a column occurs.
pub(super) struct Spelt {
    pub counts: HashMap<Box<str>, u64, RandomState>,
    /// Rows that have one.
    pub rows: u64,
    /// Spellings that had occurred this often or less were given up at some point.
    pub forgotten: u64,
    /// Rare spellings and words, each with the frequent one it is likely a slip for: what shows which characters get confused.
    pub slips: Vec<(String, String)>,
    bytes: usize,
}

impl Spelt {
    /// Of spellings that are counted already.
    pub(super) fn of(counts: Vec<(Box<str>, u64)>) -> Spelt {
        let rows = counts.iter().map(|(_, n)| n).sum();
        let mut all = HashMap::with_hasher(hasher());
        all.extend(counts);
        let mut out = Spelt { counts: all, rows, forgotten: 0, slips: Vec::new(), bytes: 0 };
        out.slips = super::frequent::slips(&out);
        out
    }
}

/// Spellings of one column that are counted at a time.
const SPELLINGS_MAX: usize = 1 << 20;

/// Measures [`Spelt`] of its first input; given a second one, only of rows in which that is missing.
pub(super) struct Spellings {
    /// Also what looks like slips in it.
    pub slips: bool,
}

impl Measure for Spellings {
    fn name(&self) -> Option<&'static str> {
        Some(if self.slips { "spellings and slips" } else { "spellings" })
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(Spelt { counts: HashMap::with_hasher(hasher()), rows: 0, forgotten: 0, slips: Vec::new(), bytes: 0 }))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        let column = texts(&input.arrays[0])?;
        let mut counts: HashMap<&str, u64, RandomState> = HashMap::with_hasher(hasher());
        let without = input.arrays.get(1);
        for row in (0..input.rows).filter(|row| column.is_valid(*row) && without.is_none_or(|w| w.is_null(*row))) {
            *counts.entry(column.value(row)).or_default() += 1;
        }
        let counts: Vec<(Box<str>, u64)> = counts.into_iter().map(|(v, n)| (v.into(), n)).collect();
        Ok(Box::new(counts))
    }
    fn fold(&self, total: &mut Part, part: Part, budget: &Budget) -> Result<()> {
        let total = open_state::<Spelt>(total)?;
        let counts: Vec<(Box<str>, u64)> = open_part(part)?;
        for (value, n) in counts {
            total.rows += n;
            let length = value.len();
            *total.counts.entry(value).or_insert_with(|| {
                total.bytes += length + 48;
                0
            }) += n;
        }
        while total.counts.len() > SPELLINGS_MAX {
            total.forgotten += 1;
            let least = total.forgotten;
            total.counts.retain(|_, n| *n > least);
            total.bytes = total.counts.keys().map(|v| v.len() + 48).sum();
        }
        budget.resize(total.bytes)
    }
    fn finish(&self, total: Part) -> Result<Part> {
        let mut total: Spelt = open_part(total)?;
        if self.slips {
            total.slips = super::frequent::slips(&total);
        }
        Ok(Box::new(total))
    }
}
