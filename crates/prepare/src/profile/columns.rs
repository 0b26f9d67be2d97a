//! One column by itself.

use super::encode::show;
use super::kept::{Kept, KeptColumn};
use super::{ColumnProfile, Distinct, ProfileOptions, moments, numbers, suspicious, texts};
use crate::cells::{is_moment, is_number};
use tidemill_core::Result;

const TOP: usize = 20;

pub(super) fn column(kept: &Kept, at: usize, options: &ProfileOptions) -> Result<ColumnProfile> {
    let c = &kept.columns[at];
    let (heaviest, top_error) = c.dictionary.heaviest(TOP);
    let top = heaviest.into_iter().map(|(key, text, count)| (text.unwrap_or_else(|| show(key, &c.data_type)), count)).collect();
    let counted = counted(kept, c);
    let numbers = is_number(&c.data_type).then(|| numbers::numbers(c, &counted, kept.is_whole()));
    let times = is_moment(&c.data_type).then(|| moments::column(c, &counted, options.now_micros));
    let texts = c.is_text().then(|| texts::texts(c));
    let rows = kept.rows;
    let suspicious = suspicious::suspicious(c, &counted, numbers.as_ref(), options.now_micros, rows);
    Ok(ColumnProfile {
        name: c.name.clone(),
        label: c.label.clone(),
        data_type: c.data_type.clone(),
        rows,
        missing: c.dictionary.missing,
        invalid: c.invalid,
        distinct: Distinct { count: c.dictionary.distinct(), exact: c.dictionary.is_exact() },
        top,
        top_error,
        numbers,
        moments: times,
        texts,
        suspicious,
    })
}

/// Ranks of the values and how many rows hold each, in order: of all rows where every distinct value was kept, of those in memory otherwise. Empty for texts.
pub(super) fn counted(kept: &Kept, c: &KeptColumn) -> Vec<(i64, u64)> {
    if c.is_text() {
        return Vec::new();
    }
    let mut all: Vec<(i64, u64)> = if c.dictionary.is_exact() {
        c.dictionary.keys.iter().zip(&c.dictionary.counts).map(|(k, n)| (*k as i64, *n)).collect()
    } else {
        let mut counts = vec![0u64; c.keys().len() + 1];
        (0..kept.in_memory()).for_each(|row| counts[c.codes.at(row) as usize] += 1);
        c.keys().iter().zip(&counts[1..]).map(|(k, n)| (*k as i64, *n)).collect()
    };
    all.sort_unstable();
    all
}
