//! Count, mean, deviation, least and greatest of a number column.

use crate::budget::Budget;
use crate::cells::floats;
use crate::measure::Measure;
use crate::program::{Input, Part, open_part, open_state};
use arrow::array::{Array, Float64Array};
use tidemill_core::Result;

/// A sum that carries what each addition rounds away (Neumaier's).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        let t = self.high + x;
        self.low += if self.high.abs() >= x.abs() { (self.high - t) + x } else { (x - t) + self.high };
        self.high = t;
    }
    pub(crate) fn join(&mut self, other: Sum) {
        self.add(other.high);
        self.add(other.low);
    }
    pub(crate) fn value(&self) -> f64 {
        self.high + self.low
    }
}

/// Figures of the finite values of a column; NULL, NaN and infinities are left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub count: u64,
    pub min: f64,
    pub max: f64,
    sum: Sum,
    /// Squared distances from the mean.
    squares: Sum,
}

impl Default for Moments {
    fn default() -> Self {
        Moments { count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, sum: Sum::default(), squares: Sum::default() }
    }
}

impl Moments {
    pub(crate) fn of(values: &Float64Array) -> Moments {
        let mut m = Moments::default();
        let mut first = |v: f64| {
            if v.is_finite() {
                m.count += 1;
                m.min = m.min.min(v);
                m.max = m.max.max(v);
                m.sum.add(v);
            }
        };
        let whole = values.null_count() == 0;
        if whole {
            values.values().iter().for_each(|v| first(*v));
        } else {
            values.iter().flatten().for_each(&mut first);
        }
        // Within a morsel the distances are taken from its own exact mean: nothing cancels.
        let mean = m.mean();
        let mut squares = Sum::default();
        let mut second = |v: f64| {
            if v.is_finite() {
                squares.add((v - mean) * (v - mean));
            }
        };
        if whole {
            values.values().iter().for_each(|v| second(*v));
        } else {
            values.iter().flatten().for_each(&mut second);
        }
        m.squares = squares;
        m
    }

    /// Chan's formula.
    pub(crate) fn join(&mut self, other: &Moments) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let apart = other.mean() - self.mean();
        self.squares.join(other.squares);
        self.squares.add(apart * apart * (a * b / (a + b)));
        self.sum.join(other.sum);
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// 0 when there is no value.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum.value() / self.count as f64 }
    }

    /// Sample standard deviation (n − 1); 0 for fewer than two values.
    pub(crate) fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares.value() / (self.count - 1) as f64).max(0.0).sqrt() }
    }
}

/// Measures [`Moments`] of its one input.
pub(crate) struct MomentsOf;

impl Measure for MomentsOf {
    fn name(&self) -> Option<&'static str> {
        Some("moments")
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(Moments::default()))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        Ok(Box::new(Moments::of(&floats(&input.arrays[0])?)))
    }
    fn fold(&self, total: &mut Part, part: Part, _: &Budget) -> Result<()> {
        open_state::<Moments>(total)?.join(&open_part(part)?);
        Ok(())
    }
}
