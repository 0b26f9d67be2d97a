//! What `repair` with `frequent` would do: found by the rule itself, so that nothing is announced which a run does not do.

use super::kept::Kept;
use super::{ColumnProfile, Mending, Why, in_parallel};
use crate::repair::rehearsal::{Table, rehearse};
use crate::repair::{can_tell, nearest};
use tidemill_core::Result;

/// Columns of more values are names of everything.
const VALUES_MAX: usize = 20_000;
/// Kept of a column.
const SHOWN: usize = 1_000;

pub(super) fn mendings(kept: &Kept, profiles: &[ColumnProfile], threads: usize) -> Result<Vec<Mending>> {
    let telling: Vec<usize> = (0..kept.columns.len()).filter(|at| can_tell(&kept.columns[*at].data_type)).collect();
    let wanted: Vec<usize> = (0..kept.columns.len())
        .filter(|at| kept.columns[*at].is_text() && kept.columns[*at].dictionary.is_exact())
        .filter(|at| (2..=VALUES_MAX).contains(&kept.columns[*at].distinct()))
        .filter(|at| profiles[*at].suspicious.iter().any(|s| matches!(s.why, Why::Spelling | Why::Variant | Why::Padding)))
        .collect();
    let found = in_parallel(threads, wanted.len(), |i| {
        let c = &kept.columns[wanted[i]];
        let mut beside = Table::default();
        if kept.is_whole() {
            for other in nearest(&telling, telling.iter().position(|t| *t == wanted[i]).unwrap_or(0)) {
                let codes = &kept.columns[other].codes;
                beside.add((0..kept.in_memory()).filter_map(|row| Some((c.text(c.codes.at(row))?, codes.at(row)))));
            }
        }
        let counts = c.dictionary.counts.iter().enumerate().filter_map(|(at, n)| Some((c.text(at as u32 + 1)?, *n)));
        let slips = rehearse(counts, &beside)?;
        let told = slips.into_iter().take(SHOWN).map(|s| Mending {
            column: c.name.clone(),
            from: s.from,
            to: s.to,
            rows: s.rows,
            confidence: s.confidence,
            is_made: s.is_made,
        });
        Ok(told.collect::<Vec<_>>())
    })?;
    Ok(found.into_iter().flatten().collect())
}
