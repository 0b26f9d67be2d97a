//! All values of a column, for exact medians, quantiles and modes: counted where they are few whole numbers, kept as [`Values`] otherwise.

use crate::budget::Budget;
use crate::cells::Ranked;
use crate::measure::Measure;
use crate::measure::values::Values;
use crate::program::{Input, Part, open_part, open_state};
use arrow::datatypes::DataType;
use tidemill_core::Result;

/// Whole numbers within a range this wide are counted: at most 8 MB.
const DENSE_MAX: i64 = 1 << 20;

/// Values as ranks: whole numbers whose order is that of the values (see [`Ranked`]).
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    data_type: DataType,
    ranks: Ranks,
    count: u64,
}

#[derive(Debug, Clone)]
enum Ranks {
    Dense { least: i64, counts: Vec<u64> },
    Kept(Values),
}

impl Spread {
    pub(crate) fn new(data_type: DataType) -> Self {
        Spread { data_type, ranks: Ranks::Kept(Values::default()), count: 0 }
    }

    pub(crate) fn from_values(values: Values, count: u64, data_type: DataType) -> Self {
        Spread { data_type, ranks: Ranks::Kept(values), count }
    }

    pub(crate) fn from_ranks(ranks: Vec<i64>, data_type: DataType) -> Self {
        let count = ranks.len() as u64;
        let (least, most) = ranks.iter().fold((i64::MAX, i64::MIN), |(a, b), r| (a.min(*r), b.max(*r)));
        let span = most.checked_sub(least).filter(|s| *s < DENSE_MAX && (*s as u64) < 4 * count.max(64));
        let ranks = match span {
            Some(span) if count > 0 => {
                let mut counts = vec![0; span as usize + 1];
                ranks.iter().for_each(|r| counts[(r - least) as usize] += 1);
                Ranks::Dense { least, counts }
            }
            _ => Ranks::Kept(Values::of(ranks)),
        };
        Spread { data_type, ranks, count }
    }

    pub(crate) fn bytes(&self) -> usize {
        match &self.ranks {
            Ranks::Dense { counts, .. } => counts.len() * 8,
            Ranks::Kept(v) => v.bytes(),
        }
    }

    pub(crate) fn join(&mut self, other: Spread) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        self.count += other.count;
        match (&mut self.ranks, other.ranks) {
            (Ranks::Dense { least, counts }, Ranks::Dense { least: l, counts: c })
                if span((*least, counts.len()), (l, c.len())) <= i128::from(DENSE_MAX) =>
            {
                if l < *least {
                    let more = (*least - l) as usize;
                    counts.splice(0..0, std::iter::repeat_n(0, more));
                    *least = l;
                }
                let at = (l - *least) as usize;
                counts.resize(counts.len().max(at + c.len()), 0);
                counts[at..].iter_mut().zip(c).for_each(|(a, b)| *a += b);
            }
            (mine, theirs) => {
                let mut all = std::mem::replace(mine, Ranks::Kept(Values::default())).values();
                all.join(theirs.values());
                *mine = Ranks::Kept(all);
            }
        }
    }

    /// The ranks at two places (from 0) in sorted order.
    fn at(&self, places: [u64; 2]) -> [i64; 2] {
        match &self.ranks {
            Ranks::Dense { least, counts } => places.map(|place| {
                let mut before = 0;
                let hit = counts.iter().position(|c| {
                    before += c;
                    before > place
                });
                least + hit.unwrap_or(counts.len() - 1) as i64
            }),
            Ranks::Kept(values) => values.at(places),
        }
    }

    /// The middle ranks: twice the same for an odd count. `None` without values.
    pub(crate) fn middle(&self) -> Option<(i64, i64)> {
        let last = self.count.checked_sub(1)?;
        let [a, b] = self.at([last / 2, self.count / 2]);
        Some((a, b))
    }

    /// Linear interpolation between the neighbours of `(n − 1) q`, as pandas and R's type 7. `None` without values.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.count.checked_sub(1)?;
        let place = last as f64 * q.clamp(0.0, 1.0);
        let low = (place.floor() as u64).min(last);
        let [a, b] = self.at([low, (low + 1).min(last)]);
        let (a, b) = (Ranked::value(a, &self.data_type), Ranked::value(b, &self.data_type));
        Some(a + (b - a) * (place - low as f64))
    }

    pub(crate) fn median(&self) -> Option<f64> {
        let (a, b) = self.middle()?;
        let (a, b) = (Ranked::value(a, &self.data_type), Ranked::value(b, &self.data_type));
        Some(a + (b - a) / 2.0)
    }

    /// The most frequent rank; the least of several.
    pub(crate) fn mode(&self) -> Option<i64> {
        match &self.ranks {
            Ranks::Dense { least, counts } => {
                let most = counts.iter().max().filter(|m| **m > 0)?;
                counts.iter().position(|c| c == most).map(|at| least + at as i64)
            }
            Ranks::Kept(values) => values.mode(),
        }
    }
}

/// How wide two counted ranges are together.
fn span(a: (i64, usize), b: (i64, usize)) -> i128 {
    let end = |r: (i64, usize)| i128::from(r.0) + r.1 as i128;
    end(a).max(end(b)) - i128::from(a.0.min(b.0))
}

impl Ranks {
    fn values(self) -> Values {
        match self {
            Ranks::Kept(values) => values,
            Ranks::Dense { least, counts } => {
                let found = counts.into_iter().enumerate().filter(|(_, n)| *n > 0);
                Values::counted(found.map(|(i, n)| (least + i as i64, n)).collect())
            }
        }
    }
}

/// Measures the [`Spread`] of its one input, of this type.
pub(crate) struct SpreadOf(pub DataType);

impl Measure for SpreadOf {
    fn name(&self) -> Option<&'static str> {
        Some("spread")
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(Spread::new(self.0.clone())))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        Ok(Box::new(Spread::from_ranks(Ranked::of(&input.arrays[0])?, self.0.clone())))
    }
    fn fold(&self, total: &mut Part, part: Part, budget: &Budget) -> Result<()> {
        let total = open_state::<Spread>(total)?;
        total.join(open_part(part)?);
        budget.resize(total.bytes())
    }
}
