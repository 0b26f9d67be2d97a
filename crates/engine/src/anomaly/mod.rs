//! Anomaly detectors over rows in order, as window functions: `ewma_zscore(x, 0.1) OVER (PARTITION BY sensor ORDER BY ts)`. A row's score
//! depends on the rows before it in its partition, and on nothing behind it, so that asking for the score of a stored row and
//! scoring it on arrival give the same number.
//!
//! | function | score | of |
//! | --- | --- | --- |
//! | `ewma(x, alpha)` | the exponentially weighted mean, this row included | [`ewma`] |
//! | `ewma_zscore(x, alpha)` | deviations from the mean before this row | [`ewma`] |
//! | `mad_score(x, n)` | robust deviations from the median of the last `n` | [`mad`] |
//! | `seasonal_score(x, ts, period, n)` | deviations from what the same phase used to be | [`seasonal`] |
//! | `half_space_score(n, seed, x1, …)` | 0 to 1: how empty the place of this row is | [`half_space`] |
//!
//! A [`Scorer`] is one partition's state: whoever keeps scores current holds one per partition, and saves and loads it. A row in which a value is
//! missing has no score and teaches nothing.

pub mod ewma;
mod function;
pub mod half_space;
pub mod mad;
pub mod seasonal;
mod state;

pub(crate) use function::{check, functions};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use datafusion::scalar::ScalarValue;
use ewma::{Ewma, EwmaScore};
use half_space::HalfSpaceTrees;
use mad::MadScore;
use seasonal::SeasonalScore;
use std::fmt::Debug;
use tidemill_core::{Error, Result};

pub const NAMES: [&str; 5] = ["ewma", "ewma_zscore", "mad_score", "seasonal_score", "half_space_score"];

/// One partition's memory of the rows that came before.
pub trait Detector: Debug + Send {
    /// What the row is in the light of those before it; then it is one of them. `None` while too few are known. `at` is the row's time in
    /// microseconds, for those that take one.
    fn score(&mut self, values: &[f64], at: i64) -> Option<f64>;

    /// Everything that later scores depend on.
    fn save(&self) -> Vec<u8>;

    /// Takes up what `save` gave; what was made with other settings is refused.
    fn load(&mut self, bytes: &[u8]) -> Result<()>;
}

/// A detector, and which arguments of its function are a row's values.
#[derive(Debug)]
pub struct Scorer {
    detector: Box<dyn Detector>,
    values: Vec<usize>,
    at: Option<usize>,
    row: Vec<f64>,
}

impl Scorer {
    /// For a call of the function `name`, one constant per argument where it is one. `None` when there is no such function.
    pub fn new(name: &str, args: &[Option<ScalarValue>]) -> Option<Result<Scorer>> {
        NAMES.contains(&name).then(|| made(name, args))
    }

    /// One score per row. `args` are the call's arguments, evaluated over rows of one partition, in order; constants may be of any length.
    pub fn score(&mut self, args: &[ArrayRef]) -> Result<Float64Array> {
        let typed = || Error::bug("a detector over columns that are not numbers");
        let columns = self.values.iter().map(|i| args[*i].as_primitive_opt::<Float64Type>().ok_or_else(typed));
        let columns: Vec<&Float64Array> = columns.collect::<Result<_>>()?;
        let times = match self.at {
            Some(i) => Some(args[i].as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(typed)?),
            None => None,
        };
        let rows = columns.first().map_or(0, |c| c.len());
        let mut scores = Vec::with_capacity(rows);
        for row in 0..rows {
            let known = columns.iter().all(|c| c.is_valid(row) && c.value(row).is_finite()) && times.is_none_or(|t| t.is_valid(row));
            if !known {
                scores.push(None);
                continue;
            }
            self.row.clear();
            self.row.extend(columns.iter().map(|c| c.value(row)));
            scores.push(self.detector.score(&self.row, times.map_or(0, |t| t.value(row))));
        }
        Ok(scores.into())
    }

    pub fn save(&self) -> Vec<u8> {
        self.detector.save()
    }

    pub fn load(&mut self, bytes: &[u8]) -> Result<()> {
        self.detector.load(bytes)
    }
}

/// The settings of a call, checked: what is wrong is told with the argument's number.
pub(crate) fn made(name: &str, args: &[Option<ScalarValue>]) -> Result<Scorer> {
    let whole = |i: usize, what: &str, from: i64, to: i64| -> Result<i64> {
        let given = args.get(i).and_then(|a| a.as_ref()).and_then(|v| v.cast_to(&arrow::datatypes::DataType::Int64).ok());
        match given {
            Some(ScalarValue::Int64(Some(n))) if (from..=to).contains(&n) => Ok(n),
            _ => Err(Error::config(format!("{what} of `{name}` is a whole number from {from} to {to}, written out"))),
        }
    };
    let alpha = || match args.get(1).and_then(|a| a.as_ref()).and_then(|v| v.cast_to(&arrow::datatypes::DataType::Float64).ok()) {
        Some(ScalarValue::Float64(Some(a))) if a > 0.0 && a <= 1.0 => Ok(a),
        _ => Err(Error::config(format!("the weight of `{name}` is a number above 0, at most 1, written out"))),
    };
    let (detector, values, at): (Box<dyn Detector>, Vec<usize>, Option<usize>) = match name {
        "ewma" => (Box::new(Ewma::new(alpha()?)), vec![0], None),
        "ewma_zscore" => (Box::new(EwmaScore::new(alpha()?)), vec![0], None),
        "mad_score" => (Box::new(MadScore::new(whole(1, "the number of rows", 3, 100_000)? as usize)), vec![0], None),
        "seasonal_score" => {
            let period = args.get(2).and_then(|a| a.as_ref()).and_then(function::micros);
            let Some(period) = period.filter(|p| *p > 0) else {
                return Err(
                    Error::config(format!("the period of `{name}` is an interval without months, written out")).help("`INTERVAL '1 day'`")
                );
            };
            let phases = whole(3, "the number of phases", 1, 100_000)?;
            if period % phases != 0 {
                return Err(Error::config(format!("the period of `{name}` has {phases} phases, which are not whole microseconds")));
            }
            (Box::new(SeasonalScore::new(period, phases as usize)), vec![0], Some(1))
        }
        "half_space_score" => {
            let rows = whole(0, "the number of rows", 10, 1_000_000)? as usize;
            let seed = whole(1, "the seed", i64::MIN, i64::MAX)?;
            let values: Vec<usize> = (2..args.len()).collect();
            if values.is_empty() || values.len() > 256 {
                return Err(Error::config(format!("`{name}` takes 1 to 256 columns")));
            }
            (Box::new(HalfSpaceTrees::new(rows, seed as u64, values.len())), values, None)
        }
        _ => return Err(Error::bug(format!("`{name}` is no detector"))),
    };
    Ok(Scorer { detector, values, at, row: Vec::new() })
}

#[cfg(test)]
mod tests;
