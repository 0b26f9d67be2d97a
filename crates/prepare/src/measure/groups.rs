//! A statistic of a column within groups of rows: the median income of each country.

use crate::budget::Budget;
use crate::cells::{Ranked, cell_json, floats, is_text, text_of, texts};
use crate::hash::{HashKey, hash_rows};
use crate::measure::counts::hasher;
use crate::measure::moments::Sum;
use crate::measure::values::Values;
use crate::measure::{Measure, Spread};
use crate::program::{Input, Part, open_part, open_state};
use ahash::RandomState;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use hashbrown::HashMap;
use serde_json::Value;
use tidemill_core::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupStatistic {
    Mean,
    Median,
    Mode,
}

/// Measures one statistic of its first input within groups of equal further inputs, as [`GroupValues`].
pub(crate) struct Grouped {
    pub statistic: GroupStatistic,
    pub data_type: DataType,
    pub key: HashKey,
}

/// What was gathered of one group.
enum Gathered {
    Sum(Sum, u64),
    Values(Values),
    Texts(HashMap<Box<str>, u64, RandomState>),
}

struct Group {
    /// The group's cells as JSON, to be read and to be found again.
    label: Vec<Value>,
    gathered: Gathered,
}

/// The fitted cell of each group, in order of label; groups without a value are left out.
pub(crate) struct GroupValues {
    pub groups: Vec<(Vec<Value>, ArrayRef)>,
}

type Groups = HashMap<u128, Group, RandomState>;

struct Totals {
    groups: Groups,
    bytes: usize,
}

impl Grouped {
    fn empty(&self) -> Gathered {
        match self.statistic {
            GroupStatistic::Mean => Gathered::Sum(Sum::default(), 0),
            GroupStatistic::Mode if is_text(&self.data_type) => Gathered::Texts(HashMap::with_hasher(hasher())),
            GroupStatistic::Median | GroupStatistic::Mode => Gathered::Values(Values::default()),
        }
    }

    fn value(&self, gathered: Gathered) -> Result<Option<ArrayRef>> {
        Ok(match gathered {
            Gathered::Sum(_, 0) => None,
            Gathered::Sum(sum, n) => Some(crate::cells::number_cell(sum.value() / n as f64, &self.data_type)?),
            Gathered::Texts(counts) => {
                let best = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
                best.and_then(|(text, _)| crate::cells::text_cell(text, &self.data_type))
            }
            Gathered::Values(values) => {
                let count = values.len();
                let spread = Spread::from_values(values, count, self.data_type.clone());
                match self.statistic {
                    GroupStatistic::Mode => spread.mode().map(|r| Ranked::cell(r, &self.data_type)).transpose()?,
                    _ => spread.middle().map(|(a, b)| Ranked::between(a, b, &self.data_type)).transpose()?,
                }
            }
        })
    }
}

impl Measure for Grouped {
    fn name(&self) -> Option<&'static str> {
        None
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(Totals { groups: HashMap::with_hasher(hasher()), bytes: 0 }))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        let (value, by) = (&input.arrays[0], &input.arrays[1..]);
        let hashes = hash_rows(&by.iter().collect::<Vec<_>>(), input.rows, self.key)?;
        let mut places: HashMap<u128, usize, RandomState> = HashMap::with_hasher(hasher());
        let mut groups: Vec<(u128, Group)> = Vec::new();
        let mut gather = |row: usize, with: &mut dyn FnMut(&mut Gathered)| {
            let at = *places.entry(hashes[row]).or_insert_with(|| {
                let label = by.iter().map(|c| cell_json(c.as_ref(), row)).collect();
                groups.push((hashes[row], Group { label, gathered: self.empty() }));
                groups.len() - 1
            });
            with(&mut groups[at].1.gathered);
        };
        match (self.statistic, is_text(&self.data_type)) {
            (GroupStatistic::Mean, _) => {
                let values = floats(value)?;
                let finite = crate::cells::present(&values);
                for row in finite.set_indices().filter(|row| values.value(*row).is_finite()) {
                    gather(row, &mut |g| {
                        if let Gathered::Sum(sum, n) = g {
                            sum.add(values.value(row));
                            *n += 1;
                        }
                    });
                }
            }
            (_, true) => {
                let values = texts(value)?;
                for row in crate::cells::present(&values).set_indices() {
                    gather(row, &mut |g| {
                        if let Gathered::Texts(counts) = g {
                            *counts.entry_ref(values.value(row)).or_insert(0) += 1;
                        }
                    });
                }
            }
            (_, false) => Ranked::each(value, |row, rank| {
                gather(row, &mut |g| {
                    if let Gathered::Values(v) = g {
                        v.push(rank);
                    }
                });
            })?,
        }
        // By hash, so that sums are joined in one order always.
        groups.sort_unstable_by_key(|(h, _)| *h);
        Ok(Box::new(groups))
    }
    fn fold(&self, total: &mut Part, part: Part, budget: &Budget) -> Result<()> {
        let total = open_state::<Totals>(total)?;
        let part: Vec<(u128, Group)> = open_part(part)?;
        for (hash, group) in part {
            let mine = total.groups.entry(hash).or_insert_with(|| {
                total.bytes += 128 + group.label.len() * 64;
                Group { label: group.label, gathered: self.empty() }
            });
            match (&mut mine.gathered, group.gathered) {
                (Gathered::Sum(sum, n), Gathered::Sum(s, m)) => {
                    sum.join(s);
                    *n += m;
                }
                (Gathered::Values(all), Gathered::Values(more)) => {
                    total.bytes -= all.bytes();
                    all.join(more);
                    total.bytes += all.bytes();
                }
                (Gathered::Texts(all), Gathered::Texts(more)) => {
                    for (text, n) in more {
                        let bytes = text.len() + 48;
                        *all.entry(text).or_insert_with(|| {
                            total.bytes += bytes;
                            0
                        }) += n;
                    }
                }
                _ => return Err(tidemill_core::Error::bug("groups of two kinds met")),
            }
        }
        budget.resize(total.bytes)
    }
    fn finish(&self, total: Part) -> Result<Part> {
        let total: Totals = open_part(total)?;
        let mut groups = Vec::new();
        for group in total.groups.into_values() {
            if let Some(cell) = self.value(group.gathered)? {
                groups.push((group.label, cell));
            }
        }
        groups.sort_by_cached_key(|(label, cell)| (label.iter().map(Value::to_string).collect::<Vec<_>>(), text_of(cell.as_ref(), 0)));
        Ok(Box::new(GroupValues { groups }))
    }
}
