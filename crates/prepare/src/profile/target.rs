//! Every column against one: the share of a value, or the mean of a number, in each group of rows.

use super::kept::{Kept, KeptColumn};
use super::numbers::quantiles;
use super::{TargetColumn, TargetComparison, TargetGroup};
use crate::cells::{is_moment, is_number};
use tidemill_core::Result;

/// Values compared one by one; numbers with more are cut into so many groups of equal size.
const VALUES: usize = 12;
const GROUPS: usize = 8;
/// A target with more values than this is compared by its mean.
const SHARES: usize = 10;

pub(super) fn compare(kept: &Kept, at: usize) -> Result<TargetComparison> {
    let target = &kept.columns[at];
    let rows = kept.in_memory();
    let by_mean = is_number(&target.data_type) && target.distinct() > SHARES;
    let values = target.values();
    let mut counts = vec![0u64; target.distinct() + 1];
    (0..rows).for_each(|row| counts[target.codes.at(row) as usize] += 1);
    // Of two values the later one ("yes", 1, true) is of interest, of several the most frequent.
    let wanted = if target.distinct() == 2 {
        let later = if target.is_text() { target.show(2) > target.show(1) } else { values[2] > values[1] };
        if later { 2 } else { 1 }
    } else {
        (1..counts.len()).max_by_key(|i| (counts[*i], std::cmp::Reverse(*i))).unwrap_or(0) as u32
    };
    let figure = |code: u32| if by_mean { values[code as usize] } else { f64::from(u8::from(code == wanted)) };
    let known: Vec<bool> = (0..counts.len()).map(|i| i > 0 && (!by_mean || values[i].is_finite())).collect();
    let mut out = TargetComparison { column: target.name.clone(), ..TargetComparison::default() };
    out.value = (!by_mean).then(|| target.show(wanted));
    let mut sum = 0.0;
    for row in 0..rows {
        let code = target.codes.at(row);
        if known[code as usize] {
            out.rows += 1;
            sum += figure(code);
        }
    }
    out.overall = sum / out.rows.max(1) as f64;
    for (i, c) in kept.columns.iter().enumerate().filter(|(i, c)| *i != at && c.distinct() > 0) {
        let Some((of_code, labels)) = groups(kept, c) else { continue };
        let mut sums = vec![(0u64, 0.0f64, 0.0f64); labels.len()];
        for row in 0..rows {
            let code = target.codes.at(row);
            if known[code as usize] {
                let s = &mut sums[of_code[kept.columns[i].codes.at(row) as usize] as usize];
                let f = figure(code);
                s.0 += 1;
                s.1 += f;
                s.2 += f * f;
            }
        }
        let information = if by_mean { explained(&sums) } else { mutual(&sums) };
        let groups = labels.into_iter().zip(&sums).filter(|(_, s)| s.0 > 0);
        let groups: Vec<TargetGroup> = groups.map(|(label, s)| TargetGroup { label, rows: s.0, figure: s.1 / s.0 as f64 }).collect();
        if groups.len() > 1 {
            out.columns.push(TargetColumn { column: c.name.clone(), information, groups });
        }
    }
    out.columns.sort_by(|a, b| b.information.total_cmp(&a.information).then_with(|| a.column.cmp(&b.column)));
    Ok(out)
}

/// Groups of a column's codes, 0 for the missing ones; `None` where every row would be its own.
fn groups(kept: &Kept, c: &KeptColumn) -> Option<(Vec<u32>, Vec<String>)> {
    let distinct = c.distinct();
    let mut counts = vec![0u64; distinct + 1];
    (0..kept.in_memory()).for_each(|row| counts[c.codes.at(row) as usize] += 1);
    let mut labels = vec!["missing".to_string()];
    let mut of_code = vec![0u32; distinct + 1];
    let ordered = is_number(&c.data_type) || is_moment(&c.data_type);
    if ordered && distinct > VALUES {
        let values = c.values();
        let mut sorted: Vec<(f64, u64)> =
            values.iter().copied().zip(counts.iter().copied()).skip(1).filter(|(v, _)| v.is_finite()).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted: Vec<f64> = (1..GROUPS).map(|i| i as f64 / GROUPS as f64).collect();
        let mut cuts = quantiles(&sorted, &wanted);
        cuts.dedup();
        for (code, v) in values.iter().enumerate().skip(1) {
            of_code[code] = 1 + cuts.partition_point(|cut| cut < v) as u32;
        }
        let is_time = is_moment(&c.data_type);
        let show = |v: f64| if is_time { super::encode::show(v.round() as i64 as u64, &c.data_type) } else { short(v) };
        let mut from = sorted.first().map_or(0.0, |v| v.0);
        for cut in cuts.iter().copied().chain(sorted.last().map(|v| v.0)) {
            labels.push(format!("{} to {}", show(from), show(cut)));
            from = cut;
        }
        return Some((of_code, labels));
    }
    let mut order: Vec<usize> = (1..=distinct).collect();
    if !ordered {
        if distinct > VALUES && distinct * 4 > kept.in_memory() {
            return None;
        }
        order.sort_by_key(|i| (std::cmp::Reverse(counts[*i]), *i));
    } else {
        let values = c.values();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    }
    for (place, code) in order.iter().enumerate() {
        if place < VALUES {
            labels.push(c.show(*code as u32));
        } else if place == VALUES {
            labels.push("others".into());
        }
        of_code[*code] = (place.min(VALUES) + 1) as u32;
    }
    Some((of_code, labels))
}

pub(super) fn short(v: f64) -> String {
    if v.fract() == 0.0 || v.abs() >= 1e5 {
        format!("{v:.0}")
    } else if v.abs() >= 10.0 {
        format!("{v:.1}")
    } else {
        let text = format!("{v:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    }
}

/// Mutual information of group and target in bits, with Miller and Madow's correction for small groups.
fn mutual(sums: &[(u64, f64, f64)]) -> f64 {
    let n: f64 = sums.iter().map(|s| s.0 as f64).sum();
    let entropy = |p: f64| if p <= 0.0 || p >= 1.0 { 0.0 } else { -p * p.log2() - (1.0 - p) * (1.0 - p).log2() };
    let overall = sums.iter().map(|s| s.1).sum::<f64>() / n.max(1.0);
    let within: f64 = sums.iter().filter(|s| s.0 > 0).map(|s| s.0 as f64 / n * entropy(s.1 / s.0 as f64)).sum();
    let used = sums.iter().filter(|s| s.0 > 0).count() as f64;
    (entropy(overall) - within - (used - 1.0) / (2.0 * n * std::f64::consts::LN_2)).max(0.0)
}

/// The share of the target's variance between groups, less what as many groups explain by chance.
fn explained(sums: &[(u64, f64, f64)]) -> f64 {
    let n: f64 = sums.iter().map(|s| s.0 as f64).sum();
    let mean = sums.iter().map(|s| s.1).sum::<f64>() / n.max(1.0);
    let whole: f64 = sums.iter().map(|s| s.2).sum::<f64>() - n * mean * mean;
    let between: f64 = sums.iter().filter(|s| s.0 > 0).map(|s| s.0 as f64 * (s.1 / s.0 as f64 - mean).powi(2)).sum();
    let used = sums.iter().filter(|s| s.0 > 0).count() as f64;
    if whole <= 0.0 || n <= used {
        return 0.0;
    }
    (1.0 - (whole - between) / (n - used) / (whole / (n - 1.0))).clamp(0.0, 1.0)
}
