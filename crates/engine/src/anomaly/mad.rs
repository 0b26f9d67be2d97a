//! Robust deviations: the modified z-score of Iglewicz and Hoaglin (1993, *How to detect and handle outliers*, section 3.3),
//! `0.6745 (x − median) / MAD`, over the last `n` rows before this one; above 3.5 they call a value an outlier. Where more than half of
//! the rows are equal, so that the MAD is 0, the mean absolute deviation stands in: `(x − median) / (1.253314 · MeanAD)`.

use super::Detector;
use super::ewma::deviations;
use super::state::{Reader, Writer};
use std::collections::VecDeque;
use tidemill_core::Result;

/// The median absolute deviation of a normal distribution, in its standard deviations.
const MAD_OF_NORMAL: f64 = 0.6745;
/// The standard deviation of a normal distribution, in its mean absolute deviations.
const DEVIATION_BY_MEAN: f64 = 1.253_314;
/// Rows before the first score.
const ROWS_MIN: usize = 3;

#[derive(Debug, Clone, PartialEq)]
pub struct MadScore {
    n: usize,
    /// The last rows, the oldest first.
    rows: VecDeque<f64>,
    /// The same, the least first.
    sorted: Vec<f64>,
}

impl MadScore {
    pub fn new(n: usize) -> MadScore {
        MadScore { n, rows: VecDeque::new(), sorted: Vec::new() }
    }

    fn add(&mut self, x: f64) {
        if self.rows.len() == self.n
            && let Some(oldest) = self.rows.pop_front()
        {
            let at = self.sorted.partition_point(|v| v.total_cmp(&oldest).is_lt());
            self.sorted.remove(at);
        }
        self.rows.push_back(x);
        let at = self.sorted.partition_point(|v| v.total_cmp(&x).is_lt());
        self.sorted.insert(at, x);
    }
}

impl Detector for MadScore {
    fn score(&mut self, values: &[f64], _: i64) -> Option<f64> {
        let x = values[0];
        let score = (self.rows.len() >= ROWS_MIN).then(|| {
            let middle = median(&self.sorted);
            let mad = median_distance(&self.sorted, middle);
            if mad > 0.0 {
                MAD_OF_NORMAL * (x - middle) / mad
            } else {
                let mean = self.rows.iter().map(|v| (v - middle).abs()).sum::<f64>() / self.rows.len() as f64;
                deviations(x - middle, DEVIATION_BY_MEAN * mean)
            }
        });
        self.add(x);
        score
    }

    fn save(&self) -> Vec<u8> {
        Writer::new(3).whole(self.n as i64).floats(self.rows.iter().copied()).done()
    }

    fn load(&mut self, bytes: &[u8]) -> Result<()> {
        let mut from = Reader::new(3, bytes)?;
        from.same(self.n as i64)?;
        let rows = from.floats()?;
        from.end()?;
        self.sorted = rows.clone();
        self.sorted.sort_by(f64::total_cmp);
        self.rows = rows.into();
        Ok(())
    }
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// The median of the distances to `middle`: those to its left fall and those to its right rise, so that a walk outwards meets them in order.
fn median_distance(sorted: &[f64], middle: f64) -> f64 {
    let mut right = sorted.partition_point(|v| *v < middle);
    let mut left = right;
    let mut next = || {
        let below = left.checked_sub(1).map(|l| middle - sorted[l]);
        let above = sorted.get(right).map(|v| v - middle);
        match (below, above) {
            (Some(b), Some(a)) if b < a => {
                left -= 1;
                b
            }
            (Some(b), None) => {
                left -= 1;
                b
            }
            (_, Some(a)) => {
                right += 1;
                a
            }
            (None, None) => 0.0,
        }
    };
    let half = sorted.len() / 2;
    let mut before = 0.0;
    let mut at = 0.0;
    for _ in 0..=half {
        before = at;
        at = next();
    }
    if sorted.len() % 2 == 1 { at } else { f64::midpoint(before, at) }
}
