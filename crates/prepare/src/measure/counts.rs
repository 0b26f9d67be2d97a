//! How often each distinct value of a column occurs, as text.

use crate::budget::Budget;
use crate::cells::texts;
use crate::measure::Measure;
use crate::program::{Input, Part, open_part, open_state};
use ahash::RandomState;
use arrow::array::Array;
use hashbrown::HashMap;
use tidemill_core::Result;

/// Fixed keys: the order in which values are met must not decide anything, and this makes a slip show in every run.
pub(crate) fn hasher() -> RandomState {
    RandomState::with_seeds(0x7469_6465, 0x6d69_6c6c, 0x7072_6570, 0x6172_6521)
}

#[derive(Debug)]
pub(crate) struct Counted {
    pub values: HashMap<Box<str>, u64, RandomState>,
    /// Rows, with those whose cell is NULL.
    pub rows: u64,
    bytes: usize,
}

impl Default for Counted {
    fn default() -> Self {
        Counted { values: HashMap::with_hasher(hasher()), rows: 0, bytes: 0 }
    }
}

impl Counted {
    /// Most frequent first, then in order of text.
    pub(crate) fn ranking(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.values.iter().map(|(v, n)| (&**v, *n)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all
    }

    /// In order of text.
    pub(crate) fn sorted(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.values.iter().map(|(v, n)| (&**v, *n)).collect();
        all.sort_unstable();
        all
    }
}

/// Measures [`Counted`] of its one input.
pub(crate) struct Counts;

struct CountsPart {
    values: Vec<(Box<str>, u64)>,
    rows: u64,
}

impl Measure for Counts {
    fn name(&self) -> Option<&'static str> {
        Some("counts")
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(Counted::default()))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        let column = texts(&input.arrays[0])?;
        let mut counts: HashMap<&str, u64, RandomState> = HashMap::with_hasher(hasher());
        if column.null_count() == 0 {
            (0..column.len()).for_each(|i| *counts.entry(column.value(i)).or_default() += 1);
        } else {
            column.iter().flatten().for_each(|v| *counts.entry(v).or_default() += 1);
        }
        let values = counts.into_iter().map(|(v, n)| (v.into(), n)).collect();
        Ok(Box::new(CountsPart { values, rows: column.len() as u64 }))
    }
    fn fold(&self, total: &mut Part, part: Part, budget: &Budget) -> Result<()> {
        let total = open_state::<Counted>(total)?;
        let part: CountsPart = open_part(part)?;
        total.rows += part.rows;
        for (value, n) in part.values {
            let length = value.len();
            *total.values.entry(value).or_insert_with(|| {
                // text, its pointer and count, and the table's slack
                total.bytes += length + 48;
                0
            }) += n;
        }
        budget.resize(total.bytes)
    }
}
