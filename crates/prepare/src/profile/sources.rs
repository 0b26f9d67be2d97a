//! Several sources that say different things of the same: a key of several columns of which one names the source and the others what the row is about.

use super::kept::Kept;
use super::{CandidateKey, Disagreement};
use std::collections::HashMap;

/// A column of more values names no source.
const SOURCES_MAX: usize = 60;
/// Rows that another row must be about the same as.
const SHARED_MIN: f64 = 0.5;
/// Between these, what the rows of one thing say is neither their own each time nor the same: of figures that change with the source, nothing is to be expected.
const AGREEMENT: std::ops::Range<f64> = 0.5..0.98;
/// Of what could be gained over chance, so much must be.
const GAIN: f64 = 0.4;
const ROWS_MIN: usize = 30;

pub(super) fn sources(kept: &Kept, keys: &[CandidateKey]) -> Vec<Disagreement> {
    let mut out: Vec<Disagreement> = Vec::new();
    if !kept.is_whole() || kept.in_memory() < ROWS_MIN {
        return out;
    }
    let place = |name: &String| kept.columns.iter().position(|c| c.name == *name);
    for key in keys.iter().filter(|k| (2..=3).contains(&k.columns.len()) && k.missing == 0) {
        let Some(columns) = key.columns.iter().map(place).collect::<Option<Vec<usize>>>() else { continue };
        let few =
            columns.iter().copied().filter(|at| kept.columns[*at].is_text() && (2..=SOURCES_MAX).contains(&kept.columns[*at].distinct()));
        let found: Vec<Disagreement> = few.filter_map(|source| among(kept, &columns, source)).collect();
        out.extend(found);
        if !out.is_empty() {
            break;
        }
    }
    // Of two columns that might name the source, that under which more agrees.
    out.sort_by_key(|d| std::cmp::Reverse(d.columns.iter().map(|(_, agree, _)| *agree).sum::<u64>()));
    out.truncate(1);
    out
}

fn among(kept: &Kept, key: &[usize], source: usize) -> Option<Disagreement> {
    let about: Vec<usize> = key.iter().copied().filter(|at| *at != source).collect();
    let rows = kept.in_memory();
    let mut groups: HashMap<Vec<u32>, Vec<u32>> = HashMap::new();
    for row in 0..rows {
        groups.entry(about.iter().map(|at| kept.columns[*at].codes.at(row)).collect()).or_default().push(row as u32);
    }
    // Three at least: of two that differ, neither is the odd one.
    let mut groups: Vec<Vec<u32>> = groups.into_values().filter(|g| g.len() >= 3).collect();
    groups.sort_unstable();
    let shared: usize = groups.iter().map(Vec::len).sum();
    if (shared as f64) < SHARED_MIN * rows as f64 {
        return None;
    }
    let mut columns = Vec::new();
    let mut by_source: HashMap<u32, (u64, u64)> = HashMap::new();
    for at in (0..kept.columns.len()).filter(|at| !key.contains(at)) {
        let codes = &kept.columns[at].codes;
        let (mut agree, mut all) = (0u64, 0u64);
        let mut odd: Vec<(u32, bool)> = Vec::new();
        let mut overall: HashMap<u32, u64> = HashMap::new();
        for g in &groups {
            let mut counts: HashMap<u32, u64> = HashMap::new();
            g.iter().map(|row| codes.at(*row as usize)).filter(|c| *c > 0).for_each(|c| *counts.entry(c).or_default() += 1);
            let Some((most, n)) = counts.iter().map(|(c, n)| (*c, *n)).max_by_key(|(c, n)| (*n, std::cmp::Reverse(*c))) else { continue };
            if n < 2 {
                continue;
            }
            agree += n;
            all += counts.values().sum::<u64>();
            counts.iter().for_each(|(c, n)| *overall.entry(*c).or_default() += n);
            odd.extend(
                g.iter()
                    .map(|row| *row as usize)
                    .filter(|row| codes.at(*row) > 0)
                    .map(|row| (kept.columns[source].codes.at(row), codes.at(row) != most)),
            );
        }
        let chance = overall.values().max().map_or(1.0, |n| *n as f64 / all.max(1) as f64);
        let agreement = agree as f64 / all.max(1) as f64;
        if (all as f64) < SHARED_MIN * rows as f64 || !AGREEMENT.contains(&agreement) || agreement - chance < GAIN * (1.0 - chance) {
            continue;
        }
        columns.push((kept.columns[at].name.clone(), agree, all));
        for (source, is_odd) in odd {
            let n = by_source.entry(source).or_default();
            *n = (n.0 + u64::from(is_odd), n.1 + 1);
        }
    }
    if columns.is_empty() {
        return None;
    }
    columns.sort_by(|a, b| (a.1 as f64 / a.2 as f64).total_cmp(&(b.1 as f64 / b.2 as f64)).then_with(|| a.0.cmp(&b.0)));
    let share = |n: &(u64, u64)| n.0 as f64 / n.1.max(1) as f64;
    let worst = by_source.iter().filter(|(_, n)| n.1 >= 10).max_by(|a, b| share(a.1).total_cmp(&share(b.1)).then(b.0.cmp(a.0)));
    Some(Disagreement {
        source: kept.columns[source].name.clone(),
        about: about.iter().map(|at| kept.columns[*at].name.clone()).collect(),
        columns,
        worst: worst.map(|(code, n)| (kept.columns[source].show(*code), n.0, n.1)),
    })
}
