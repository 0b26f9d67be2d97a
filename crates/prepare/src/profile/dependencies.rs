//! Functional dependencies that mostly hold: equal zip, equal city.
//!
//! Measured is agreement with the majority among rows whose determinant occurs at least twice (g3 of Kivinen and Mannila, "Approximate
//! inference of functional dependencies from relations", 1995, over groups), against what chance would give: the share of the dependent's most frequent value.

use super::kept::{Codes, Kept};
use super::{CandidateKey, Dependency, in_parallel};
use arrow::datatypes::DataType;
use tidemill_core::Result;

/// Columns whose pairs are all tried; of more, those with the most repeated values.
const COLUMNS: usize = 60;
const AGREEMENT: f64 = 0.9;
/// Measurements are alike within groups rather than decided by them: nearly all have to agree.
const MEASURED: f64 = 0.98;
/// Of what could be gained over chance, so much must be.
const GAIN: f64 = 0.7;
/// Rows that pairs are tried on before all rows are asked.
const TRIED: usize = 60_000;
const SHOWN: usize = 400;
/// Pairs of determinants tried at most.
const COMPOSITES: usize = 300;

pub(super) fn dependencies(kept: &Kept, keys: &[CandidateKey], threads: usize) -> Result<Vec<Dependency>> {
    let rows = kept.in_memory();
    if rows < 4 {
        return Ok(Vec::new());
    }
    let is_key = |name: &str| keys.iter().any(|k| k.columns.len() == 1 && k.columns[0] == name && k.duplicates == 0);
    let constant = |at: usize| kept.columns[at].distinct() < 2;
    // A determinant repeats: its values have two rows or more on average, or nearly.
    let mut determinants: Vec<usize> = (0..kept.columns.len())
        .filter(|at| {
            let c = &kept.columns[*at];
            !constant(*at) && !is_key(&c.name) && (c.distinct() as f64) < 0.8 * (rows as f64 - missing(kept, *at))
        })
        .collect();
    let mut dependents: Vec<usize> = (0..kept.columns.len()).filter(|at| !constant(*at) && !is_key(&kept.columns[*at].name)).collect();
    for list in [&mut determinants, &mut dependents] {
        list.sort_by_key(|at| (std::cmp::Reverse(kept.columns[*at].distinct().min(rows / 3)), *at));
        list.truncate(COLUMNS);
        list.sort_unstable();
    }
    let found = in_parallel(threads, determinants.len(), |i| {
        let a = determinants[i];
        let codes = &kept.columns[a].codes;
        let groups = Groups::of(|row| codes.at(row), kept.columns[a].distinct(), rows);
        Ok(dependents.iter().filter(|b| **b != a).filter_map(|b| groups.decides(kept, *b, &[a])).collect::<Vec<_>>())
    })?;
    let mut out: Vec<(Vec<usize>, usize, Dependency)> = found.into_iter().flatten().collect();
    out.extend(composites(kept, &determinants, &dependents, &out, threads)?);
    let strength = |d: &Dependency| d.agreement() * (1.0 + (d.rows as f64).ln());
    out.sort_by(|a, b| strength(&b.2).total_cmp(&strength(&a.2)).then_with(|| (&a.0, a.1).cmp(&(&b.0, b.1))));
    out.truncate(SHOWN);
    Ok(out.into_iter().map(|(_, _, d)| d).collect())
}

fn missing(kept: &Kept, at: usize) -> f64 {
    kept.columns[at].dictionary.missing as f64 * kept.in_memory() as f64 / kept.rows.max(1) as f64
}

/// Two columns together decide what neither does alone.
fn composites(
    kept: &Kept,
    determinants: &[usize],
    dependents: &[usize],
    single: &[(Vec<usize>, usize, Dependency)],
    threads: usize,
) -> Result<Vec<(Vec<usize>, usize, Dependency)>> {
    let rows = kept.in_memory();
    let decided = |a: usize, b: usize| single.iter().any(|(d, dependent, _)| d[0] == a && *dependent == b);
    let mut pairs = Vec::new();
    for (i, a) in determinants.iter().enumerate() {
        for b in &determinants[i + 1..] {
            let product = kept.columns[*a].distinct() as f64 * kept.columns[*b].distinct() as f64;
            // Where one decides the other, the two say no more than one; nor do two that tell nearly all rows apart.
            if product < 4.0 * rows as f64 && product >= 16.0 && !decided(*a, *b) && !decided(*b, *a) {
                pairs.push((*a, *b));
            }
        }
    }
    pairs.truncate(COMPOSITES);
    let tried = rows.min(TRIED);
    let found = in_parallel(threads, pairs.len(), |i| {
        let (a, b) = pairs[i];
        let wanted: Vec<usize> = dependents.iter().copied().filter(|c| *c != a && *c != b && !decided(a, *c) && !decided(b, *c)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let (small, small_count) = joined(kept, a, b, tried);
        let trial = Groups::of(|row| small[row], small_count, tried);
        let promising: Vec<usize> = wanted.into_iter().filter(|c| trial.decides(kept, *c, &[a, b]).is_some()).collect();
        if promising.is_empty() || trial.share() < 0.2 {
            return Ok(Vec::new());
        }
        if tried == rows {
            return Ok(promising.into_iter().filter_map(|c| trial.decides(kept, c, &[a, b])).collect());
        }
        let (codes, count) = joined(kept, a, b, rows);
        let groups = Groups::of(|row| codes[row], count, rows);
        Ok(promising.into_iter().filter_map(|c| groups.decides(kept, c, &[a, b])).collect::<Vec<_>>())
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Codes of pairs of values, 0 where one is missing.
fn joined(kept: &Kept, a: usize, b: usize, rows: usize) -> (Vec<u32>, usize) {
    let (ca, cb) = (&kept.columns[a].codes, &kept.columns[b].codes);
    let mut known: super::encode::Map<u32> = super::encode::Map::default();
    let codes = (0..rows).map(|row| {
        let (x, y) = (ca.at(row), cb.at(row));
        if x == 0 || y == 0 {
            return 0;
        }
        let next = known.len() as u32 + 1;
        *known.entry(u64::from(x) << 32 | u64::from(y)).or_insert(next)
    });
    let codes: Vec<u32> = codes.collect();
    let n = known.len();
    (codes, n)
}

/// Rows by the value of a determinant, groups of one left out.
struct Groups {
    rows: Vec<u32>,
    /// Where groups end.
    ends: Vec<u32>,
    looked_at: usize,
}

impl Groups {
    fn of(code: impl Fn(usize) -> u32, distinct: usize, rows: usize) -> Groups {
        let mut counts = vec![0u32; distinct + 1];
        (0..rows).for_each(|row| counts[code(row) as usize] += 1);
        counts[0] = 0;
        let mut ends = Vec::new();
        // Where each value's rows begin; those of single rows nowhere.
        let mut total = 0u32;
        for n in &mut counts {
            let size = if *n >= 2 { *n } else { 0 };
            *n = if size > 0 { total } else { u32::MAX };
            if size > 0 {
                total += size;
                ends.push(total);
            }
        }
        let mut sorted = vec![0u32; total as usize];
        for row in 0..rows {
            let at = &mut counts[code(row) as usize];
            if *at != u32::MAX {
                sorted[*at as usize] = row as u32;
                *at += 1;
            }
        }
        Groups { rows: sorted, ends, looked_at: rows }
    }

    /// Rows that share their determinant, of all.
    fn share(&self) -> f64 {
        self.rows.len() as f64 / self.looked_at.max(1) as f64
    }

    /// The dependency of column `b`, if it is one.
    fn decides(&self, kept: &Kept, b: usize, determinant: &[usize]) -> Option<(Vec<usize>, usize, Dependency)> {
        let column = &kept.columns[b];
        let codes = &column.codes;
        // A look at some groups tells nearly all that are none.
        let step = self.ends.len() / 2_000;
        if step >= 4 {
            let some = self.count(codes, step);
            if some.rows > 500 && some.agreeing as f64 / (some.rows as f64) < AGREEMENT - 0.06 {
                return None;
            }
        }
        let all = self.count(codes, 1);
        if all.groups < 2 || all.rows == 0 {
            return None;
        }
        let agreement = all.agreeing as f64 / all.rows as f64;
        let chance = self.chance(codes, column.distinct());
        // A near-constant column agrees with everything.
        if agreement < AGREEMENT || agreement - chance < GAIN * (1.0 - chance) {
            return None;
        }
        // In small groups the first row agrees with itself: what is left has to agree too.
        let expected = all.groups as f64;
        if all.rows as f64 - expected <= 0.0 || (all.agreeing as f64 - expected) / (all.rows as f64 - expected) < AGREEMENT - 0.1 {
            return None;
        }
        // Instants and measurements decide things by chance, now and then.
        let measured = |d: &usize| matches!(kept.columns[*d].data_type, DataType::Timestamp(..) | DataType::Float32 | DataType::Float64);
        if all.agreeing < all.rows && determinant.iter().any(measured) {
            return None;
        }
        if agreement < MEASURED && measured(&b) {
            return None;
        }
        if all.rows < 20 && all.rows * 5 < self.looked_at as u64 {
            return None;
        }
        let name = |at: usize| kept.columns[at].name.clone();
        let dependency = Dependency {
            determinant: determinant.iter().map(|d| name(*d)).collect(),
            dependent: name(b),
            groups: all.groups,
            rows: all.rows,
            violations: all.rows - all.agreeing,
        };
        Some((determinant.to_vec(), b, dependency))
    }

    /// The share of the most frequent value among rows in groups.
    fn chance(&self, codes: &Codes, distinct: usize) -> f64 {
        let mut counts = vec![0u32; distinct + 1];
        let step = (self.rows.len() / 50_000).max(1);
        self.rows.iter().step_by(step).for_each(|row| counts[codes.at(*row as usize) as usize] += 1);
        let present: u32 = counts[1..].iter().sum();
        counts[1..].iter().max().map_or(1.0, |m| f64::from(*m) / f64::from(present.max(1)))
    }

    /// Over every `step`th group.
    fn count(&self, codes: &Codes, step: usize) -> Agreement {
        let mut out = Agreement::default();
        let mut values: Vec<u32> = Vec::new();
        for at in (0..self.ends.len()).step_by(step) {
            let from = if at == 0 { 0 } else { self.ends[at - 1] };
            values.clear();
            values.extend(self.rows[from as usize..self.ends[at] as usize].iter().map(|row| codes.at(*row as usize)).filter(|c| *c > 0));
            // A missing dependent neither agrees nor disagrees.
            if values.len() < 2 {
                continue;
            }
            let most = if values.iter().all(|v| *v == values[0]) {
                values.len()
            } else {
                values.sort_unstable();
                values.chunk_by(|a, b| a == b).map(<[u32]>::len).max().unwrap_or(0)
            };
            out.groups += 1;
            out.rows += values.len() as u64;
            out.agreeing += most as u64;
        }
        out
    }
}

#[derive(Default)]
struct Agreement {
    groups: u64,
    rows: u64,
    agreeing: u64,
}
