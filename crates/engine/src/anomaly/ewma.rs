//! Exponentially weighted mean and deviation.
//!
//! The mean is Roberts's (1959, *Control chart tests based on geometric moving averages*): `m ← m + α(x − m)`. The variance goes with it as in Finch
//! (2009, *Incremental calculation of weighted mean and variance*, section 9): `v ← (1 − α)(v + α(x − m)²)`, `m` being the mean before.

use super::Detector;
use super::state::{Reader, Writer};
use tidemill_core::Result;

#[derive(Debug, Clone, PartialEq)]
pub struct Ewma {
    alpha: f64,
    mean: Option<f64>,
}

impl Ewma {
    pub fn new(alpha: f64) -> Ewma {
        Ewma { alpha, mean: None }
    }
}

impl Detector for Ewma {
    /// The mean with this row in it.
    fn score(&mut self, values: &[f64], _: i64) -> Option<f64> {
        let mean = self.mean.map_or(values[0], |m| m + self.alpha * (values[0] - m));
        self.mean = Some(mean);
        Some(mean)
    }

    fn save(&self) -> Vec<u8> {
        Writer::new(1).float(self.alpha).floats(self.mean.iter().copied().collect::<Vec<_>>().into_iter()).done()
    }

    fn load(&mut self, bytes: &[u8]) -> Result<()> {
        let mut from = Reader::new(1, bytes)?;
        from.same(self.alpha.to_bits() as i64)?;
        self.mean = from.floats()?.first().copied();
        from.end()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct EwmaScore {
    alpha: f64,
    rows: i64,
    mean: f64,
    variance: f64,
}

impl EwmaScore {
    pub fn new(alpha: f64) -> EwmaScore {
        EwmaScore { alpha, rows: 0, mean: 0.0, variance: 0.0 }
    }
}

impl Detector for EwmaScore {
    /// `(x − m) / √v` by the mean and variance before this row; none before the third.
    fn score(&mut self, values: &[f64], _: i64) -> Option<f64> {
        let x = values[0];
        let off = x - self.mean;
        let score = (self.rows >= 2).then(|| deviations(off, self.variance.sqrt()));
        if self.rows == 0 {
            self.mean = x;
        } else {
            let step = self.alpha * off;
            self.mean += step;
            self.variance = (1.0 - self.alpha) * (self.variance + off * step);
        }
        self.rows += 1;
        score
    }

    fn save(&self) -> Vec<u8> {
        Writer::new(2).float(self.alpha).whole(self.rows).float(self.mean).float(self.variance).done()
    }

    fn load(&mut self, bytes: &[u8]) -> Result<()> {
        let mut from = Reader::new(2, bytes)?;
        from.same(self.alpha.to_bits() as i64)?;
        (self.rows, self.mean, self.variance) = (from.whole()?, from.float()?, from.float()?);
        from.end()
    }
}

/// How many deviations `off` is. Where nothing ever deviated, what does is infinitely far.
pub(super) fn deviations(off: f64, deviation: f64) -> f64 {
    if deviation > 0.0 {
        off / deviation
    } else if off == 0.0 {
        0.0
    } else {
        f64::INFINITY.copysign(off)
    }
}
