//! The residual of a seasonal series: a period has `n` phases of equal length, and a row is compared with what its phase was in earlier periods.
//!
//! The expected value is the seasonal mean of the classical additive decomposition (Hyndman and Athanasopoulos, *Forecasting: principles and
//! practice*, 3rd edition, section 3.4), smoothed from period to period as the seasonal coefficients of Brutlag (2000, *Aberrant behavior detection
//! in time series for network monitoring*, LISA XIV): `s ← s + γ(y − s)`, `y` being the mean of the phase's rows in one period. `γ` is 1 over
//! the number of periods seen, and at least a quarter, so that what a phase was half a dozen periods ago is all but forgotten. The score is the
//! residual in standard deviations of the residuals of all phases, whose variance is smoothed in the same way: with few periods, one
//! phase alone would not tell.

use super::Detector;
use super::ewma::deviations;
use super::state::{Reader, Writer};
use tidemill_core::Result;

/// The least weight of a new period.
const WEIGHT_MIN: f64 = 0.25;
/// Residuals before the first score.
const RESIDUALS_MIN: f64 = 3.0;

#[derive(Debug, Clone, PartialEq)]
pub struct SeasonalScore {
    period: i64,
    phases: Vec<Phase>,
    /// Of residuals: how many, and their mean square.
    residuals: f64,
    square: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Phase {
    /// Periods that the mean is made of.
    periods: f64,
    mean: f64,
    /// The period that is going on, and its rows so far.
    season: i64,
    rows: f64,
    sum: f64,
}

impl SeasonalScore {
    /// `period` in microseconds.
    pub fn new(period: i64, phases: usize) -> SeasonalScore {
        SeasonalScore { period, phases: vec![Phase::default(); phases], residuals: 0.0, square: 0.0 }
    }
}

impl Detector for SeasonalScore {
    fn score(&mut self, values: &[f64], at: i64) -> Option<f64> {
        let x = values[0];
        let length = self.period / self.phases.len() as i64;
        let season = at.div_euclid(self.period);
        let which = (at.rem_euclid(self.period) / length) as usize;
        // Residuals of about four periods are remembered.
        let weight_min = WEIGHT_MIN / self.phases.len() as f64;
        let phase = &mut self.phases[which];
        if phase.rows > 0.0 && season != phase.season {
            phase.periods += 1.0;
            phase.mean += (phase.sum / phase.rows - phase.mean) * (1.0 / phase.periods).max(WEIGHT_MIN);
            (phase.rows, phase.sum) = (0.0, 0.0);
        }
        phase.season = season;
        phase.rows += 1.0;
        phase.sum += x;
        if phase.periods == 0.0 {
            return None;
        }
        let off = x - phase.mean;
        let score = (self.residuals >= RESIDUALS_MIN).then(|| deviations(off, self.square.sqrt()));
        self.residuals += 1.0;
        self.square += (off * off - self.square) * (1.0 / self.residuals).max(weight_min);
        score
    }

    fn save(&self) -> Vec<u8> {
        let writer = Writer::new(4).whole(self.period).whole(self.phases.len() as i64).float(self.residuals).float(self.square);
        let all = self.phases.iter().fold(writer, |w, p| w.float(p.periods).float(p.mean).whole(p.season).float(p.rows).float(p.sum));
        all.done()
    }

    fn load(&mut self, bytes: &[u8]) -> Result<()> {
        let mut from = Reader::new(4, bytes)?;
        from.same(self.period)?;
        from.same(self.phases.len() as i64)?;
        let mut new = SeasonalScore { residuals: from.float()?, square: from.float()?, ..self.clone() };
        for phase in &mut new.phases {
            *phase = Phase { periods: from.float()?, mean: from.float()?, season: from.whole()?, rows: from.float()?, sum: from.float()? };
        }
        from.end()?;
        *self = new;
        Ok(())
    }
}
