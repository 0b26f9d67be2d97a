//! How columns go together, on a sample of rows: Pearson's and Spearman's coefficients for numbers, Cramér's V with Bergsma's correction ("A bias-correction
//! for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42, 2013) for categories, the correlation ratio η for a number by a category.

use super::kept::Kept;
use super::{ColumnProfile, Correlation, Method, in_parallel};
use crate::cells::{is_moment, is_number};
use tidemill_core::Result;

const ROWS: usize = 40_000;
const COLUMNS: usize = 60;
const CATEGORIES: usize = 60;
const LEAST: f64 = 0.3;
const SHOWN: usize = 100;

struct Numbers {
    at: usize,
    values: Vec<f64>,
}

struct Categories {
    at: usize,
    codes: Vec<u32>,
    distinct: usize,
}

pub(super) fn correlations(kept: &Kept, profiles: &[ColumnProfile], threads: usize) -> Result<Vec<Correlation>> {
    let rows = kept.in_memory();
    let step = rows.div_ceil(ROWS).max(1);
    // Every so-manieth row, jumping about within each stretch so that no rhythm of the data is hit.
    let sample: Vec<usize> = (0..rows / step).map(|i| i * step + (super::encode::mix(i as u64) % step as u64) as usize).collect();
    if sample.len() < 10 {
        return Ok(Vec::new());
    }
    let is_identifier = |at: usize| profiles[at].distinct.count as f64 > 0.98 * (kept.rows - profiles[at].missing) as f64;
    let mut numbers = Vec::new();
    let mut categories = Vec::new();
    for (at, c) in kept.columns.iter().enumerate() {
        let distinct = c.distinct();
        if distinct < 2 {
            continue;
        }
        let whole = crate::cells::is_whole(&c.data_type);
        if (is_number(&c.data_type) || is_moment(&c.data_type)) && distinct > 2 && !(is_identifier(at) && whole) && numbers.len() < COLUMNS
        {
            let values = c.values();
            numbers.push(Numbers { at, values: sample.iter().map(|row| values[c.codes.at(*row) as usize]).collect() });
        } else if distinct <= CATEGORIES && categories.len() < COLUMNS {
            categories.push(Categories { at, codes: sample.iter().map(|row| c.codes.at(*row)).collect(), distinct });
        }
    }
    let name = |at: usize| kept.columns[at].name.clone();
    let of_numbers = in_parallel(threads, numbers.len(), |i| {
        let mut out = Vec::new();
        for other in &numbers[i + 1..] {
            let both: Vec<(f64, f64)> = numbers[i]
                .values
                .iter()
                .zip(&other.values)
                .map(|(a, b)| (*a, *b))
                .filter(|(a, b)| a.is_finite() && b.is_finite())
                .collect();
            if both.len() < 10 {
                continue;
            }
            let mut push = |method, value: Option<f64>| {
                if let Some(value) = value.filter(|v| v.abs() >= LEAST) {
                    out.push(Correlation { left: name(numbers[i].at), right: name(other.at), method, value, rows: both.len() as u64 });
                }
            };
            push(Method::Pearson, pearson(&both));
            push(Method::Spearman, pearson(&ranks(&both)));
        }
        Ok(out)
    })?;
    let of_categories = in_parallel(threads, categories.len(), |i| {
        let mut out = Vec::new();
        let c = &categories[i];
        for other in &categories[i + 1..] {
            if let Some((value, rows)) = cramers_v(c, other).filter(|(v, _)| *v >= LEAST) {
                out.push(Correlation { left: name(c.at), right: name(other.at), method: Method::CramersV, value, rows });
            }
        }
        for n in &numbers {
            if let Some((value, rows)) = correlation_ratio(c, n).filter(|(v, _)| *v >= LEAST) {
                out.push(Correlation { left: name(c.at), right: name(n.at), method: Method::CorrelationRatio, value, rows });
            }
        }
        Ok(out)
    })?;
    let mut out: Vec<Correlation> = of_numbers.into_iter().chain(of_categories).flatten().collect();
    out.sort_by(|a, b| {
        b.value.abs().total_cmp(&a.value.abs()).then_with(|| (&a.left, &a.right, a.method).cmp(&(&b.left, &b.right, b.method)))
    });
    out.truncate(SHOWN);
    Ok(out)
}

pub(super) fn pearson(both: &[(f64, f64)]) -> Option<f64> {
    let n = both.len() as f64;
    let (ma, mb) = (both.iter().map(|p| p.0).sum::<f64>() / n, both.iter().map(|p| p.1).sum::<f64>() / n);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in both {
        let (x, y) = (a - ma, b - mb);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    let r = ab / (aa.sqrt() * bb.sqrt());
    r.is_finite().then_some(r.clamp(-1.0, 1.0))
}

/// Both sides as ranks; equal values share the mean of theirs.
pub(super) fn ranks(both: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let rank = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut order: Vec<(f64, u32)> = both.iter().enumerate().map(|(i, p)| (of(p), i as u32)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut out = vec![0.0; both.len()];
        let mut from = 0;
        for run in order.chunk_by(|a, b| a.0 == b.0) {
            let mean = from as f64 + (run.len() - 1) as f64 / 2.0;
            run.iter().for_each(|(_, i)| out[*i as usize] = mean);
            from += run.len();
        }
        out
    };
    let (a, b) = (rank(&|p| p.0), rank(&|p| p.1));
    a.into_iter().zip(b).collect()
}

fn cramers_v(a: &Categories, b: &Categories) -> Option<(f64, u64)> {
    let (da, db) = (a.distinct + 1, b.distinct + 1);
    let mut table = vec![0u32; da * db];
    a.codes.iter().zip(&b.codes).for_each(|(x, y)| table[*x as usize * db + *y as usize] += 1);
    // Missing cells take no part.
    let at = |x: usize, y: usize| f64::from(table[x * db + y]);
    let rows: Vec<f64> = (1..da).map(|x| (1..db).map(|y| at(x, y)).sum()).collect();
    let columns: Vec<f64> = (1..db).map(|y| (1..da).map(|x| at(x, y)).sum()).collect();
    let n: f64 = rows.iter().sum();
    if n < 30.0 {
        return None;
    }
    let mut chi = 0.0;
    for (x, r) in rows.iter().enumerate().filter(|(_, r)| **r > 0.0) {
        for (y, c) in columns.iter().enumerate().filter(|(_, c)| **c > 0.0) {
            let expected = r * c / n;
            chi += (at(x + 1, y + 1) - expected).powi(2) / expected;
        }
    }
    let used = |v: &[f64]| v.iter().filter(|x| **x > 0.0).count() as f64;
    let (r, k) = (used(&rows), used(&columns));
    let phi = (chi / n - (r - 1.0) * (k - 1.0) / (n - 1.0)).max(0.0);
    let (r, k) = (r - (r - 1.0).powi(2) / (n - 1.0), k - (k - 1.0).powi(2) / (n - 1.0));
    let v = (phi / (r.min(k) - 1.0)).sqrt();
    v.is_finite().then_some((v.min(1.0), n as u64))
}

fn correlation_ratio(c: &Categories, n: &Numbers) -> Option<(f64, u64)> {
    let mut sums = vec![(0.0f64, 0.0f64); c.distinct + 1];
    let (mut total, mut count) = (0.0, 0.0);
    for (code, v) in c.codes.iter().zip(&n.values).filter(|(code, v)| **code > 0 && v.is_finite()) {
        sums[*code as usize].0 += v;
        sums[*code as usize].1 += 1.0;
        total += v;
        count += 1.0;
    }
    let groups = sums.iter().filter(|s| s.1 > 0.0).count() as f64;
    if count < 30.0 || count <= groups {
        return None;
    }
    let mean = total / count;
    let between: f64 = sums.iter().filter(|s| s.1 > 0.0).map(|(s, n)| n * (s / n - mean).powi(2)).sum();
    let whole: f64 = c.codes.iter().zip(&n.values).filter(|(code, v)| **code > 0 && v.is_finite()).map(|(_, v)| (v - mean).powi(2)).sum();
    // Many groups explain some by chance alone; that is taken off (ε², Kelley 1935).
    let share = 1.0 - (whole - between) / (count - groups) / (whole / (count - 1.0));
    share.is_finite().then_some((share.clamp(0.0, 1.0).sqrt(), count as u64))
}
