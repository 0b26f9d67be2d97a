//! Figures of a number column.

use super::encode::value;
use super::kept::KeptColumn;
use super::{Bin, NumberProfile};
use crate::cells::is_whole;
use arrow::datatypes::DataType;

const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
/// Bins wanted, about.
const BINS: f64 = 30.0;

pub(super) fn numbers(c: &KeptColumn, counted: &[(i64, u64)], is_whole_table: bool) -> NumberProfile {
    let all: Vec<(f64, u64)> = counted.iter().map(|(k, n)| (value(*k as u64, &c.data_type), *n)).collect();
    let values: Vec<(f64, u64)> = all.iter().copied().filter(|(v, _)| v.is_finite()).collect();
    let m = &c.moments;
    let exact = c.dictionary.is_exact() || is_whole_table;
    let mut p = NumberProfile { exact, mean: m.mean(), stddev: m.deviation(), ..NumberProfile::default() };
    if m.count == 0 || values.is_empty() {
        return p;
    }
    p.min = m.min;
    p.max = m.max;
    p.not_finite = all.iter().filter(|(v, _)| !v.is_finite()).map(|(_, n)| n).sum();
    let seen: u64 = values.iter().map(|(_, n)| n).sum();
    // Counts of a sample stand for so many rows each.
    let scale = |n: u64| if exact || seen == 0 { n } else { (n as f64 * m.count as f64 / seen as f64).round() as u64 };
    let counting = |is: &dyn Fn(f64) -> bool| scale(values.iter().filter(|(v, _)| is(*v)).map(|(_, n)| n).sum());
    p.zeros = counting(&|v| v == 0.0);
    p.negatives = counting(&|v| v < 0.0);
    let q = quantiles(&values, &QUANTILES);
    p.quantiles = QUANTILES.into_iter().zip(q).collect();
    let (low, high) = fences(&p);
    p.outliers = if low < high { counting(&|v| v < low || v > high) } else { 0 };
    histogram(&mut p, &values, is_whole(&c.data_type), &scale);
    p.decimals = decimals(&values, &c.data_type);
    p
}

/// Tukey's outer fences; equal where half of all values are the same.
pub(super) fn fences(p: &NumberProfile) -> (f64, f64) {
    let at = |q: f64| p.quantiles.iter().find(|(x, _)| *x == q).map_or(0.0, |(_, v)| *v);
    let (a, b) = (at(0.25), at(0.75));
    (a - 3.0 * (b - a), b + 3.0 * (b - a))
}

/// Linear interpolation between the neighbours of `(n − 1) q`. `values` are sorted, with how often each occurs.
pub(super) fn quantiles(values: &[(f64, u64)], wanted: &[f64]) -> Vec<f64> {
    let mut ends = Vec::with_capacity(values.len());
    let mut n = 0;
    for (_, count) in values {
        n += count;
        ends.push(n);
    }
    let Some(last) = n.checked_sub(1) else { return vec![f64::NAN; wanted.len()] };
    let at = |place: u64| values[ends.partition_point(|e| *e <= place).min(values.len() - 1)].0;
    wanted
        .iter()
        .map(|q| {
            let place = last as f64 * q;
            let low = place.floor() as u64;
            let (a, b) = (at(low), at((low + 1).min(last)));
            a + (b - a) * (place - low as f64)
        })
        .collect()
}

/// 1, 2 or 5 times a power of ten, at least `least`.
pub(super) fn nice(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= least * 0.999_999).unwrap_or(10.0 * power)
}

fn histogram(p: &mut NumberProfile, values: &[(f64, u64)], whole: bool, scale: &dyn Fn(u64) -> u64) {
    let at = |q: f64| p.quantiles.iter().find(|(x, _)| *x == q).map_or(0.0, |(_, v)| *v);
    // A few far values would press all others into one bin.
    let (a, b) = (at(0.01), at(0.99));
    let spread = b - a;
    let (mut low, mut high) = (p.min, p.max);
    if spread > 0.0 && high - low > 4.0 * spread {
        (low, high) = (low.max(a - 0.25 * spread), high.min(b + 0.25 * spread));
    }
    if high - low <= 0.0 || !(high - low).is_finite() {
        p.histogram = vec![Bin { from: low, to: high, count: scale(values.iter().map(|v| v.1).sum()) }];
        return;
    }
    let mut step = nice((high - low) / BINS);
    if whole {
        step = step.max(1.0);
    }
    let first = (low / step).floor();
    let bins = ((high / step).floor() - first) as usize + 1;
    let mut counts = vec![0u64; bins];
    let (mut below, mut above) = (0, 0);
    let (edge_low, edge_high) = (first * step, (first + bins as f64) * step);
    for (v, n) in values {
        if *v < edge_low {
            below += n;
        } else if *v >= edge_high {
            above += n;
        } else {
            counts[(((v / step).floor() - first) as usize).min(bins - 1)] += n;
        }
    }
    let round = |v: f64| (v * 1e9 / step).round() * step / 1e9;
    let bin =
        |(i, n): (usize, u64)| Bin { from: round((first + i as f64) * step), to: round((first + i as f64 + 1.0) * step), count: scale(n) };
    p.histogram = counts.into_iter().enumerate().map(bin).collect();
    (p.below, p.above) = (scale(below), scale(above));
}

fn decimals(values: &[(f64, u64)], t: &DataType) -> Option<u32> {
    match t {
        _ if is_whole(t) => Some(0),
        DataType::Decimal128(_, s) => Some((*s).max(0) as u32),
        _ => {
            let mut most = 0;
            for (v, _) in values.iter().take(20_000) {
                let digits = (0..=6).find(|d| {
                    let scaled = v * 10f64.powi(*d as i32);
                    (scaled - scaled.round()).abs() <= 1e-9 * scaled.abs().max(1.0)
                })?;
                most = most.max(digits);
            }
            Some(most)
        }
    }
}
