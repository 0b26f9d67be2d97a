//! The key and the unique columns: no two rows of the clean table share their values. Which row has a value is decided in source order; a later row with
//! a taken value, and one whose key is missing, go to quarantine.

use crate::budget::Budget;
use crate::dedup::{Batch, KeySet};
use crate::flow::{Flow, Origin};
use crate::hash::{HashKey, hash_rows};
use crate::program::Program;
use crate::turn::{Gate, Halt};
use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tidemill_core::{Reject, Result};
use tidemill_engine::MemoryPool;

/// The key and the unique columns, checked on the clean rows: later rows with a taken value go to quarantine.
pub(crate) struct Enforced {
    program: Arc<Program>,
    key: HashKey,
    sets: Gate<Vec<KeySet>>,
}

impl Enforced {
    pub(crate) fn new(program: &Arc<Program>, key: HashKey, memory: &Arc<dyn MemoryPool>, scratch: &Path, halt: &Halt) -> Option<Self> {
        if program.uniques.iter().all(|u| u.settled && u.code != "key") {
            return None;
        }
        let sets = program.uniques.iter().map(|u| KeySet::new(Budget::new(memory, format!("the values of {}", quoted(&u.names))), scratch));
        Some(Enforced { program: Arc::clone(program), key, sets: Gate::new(sets.collect(), halt) })
    }

    /// The values taken so far, one set for each promise.
    pub(crate) fn sets(&mut self) -> &mut [KeySet] {
        self.sets.state()
    }

    pub(crate) fn check(&self, seq: u64, origin: &Origin, flow: &mut Flow, halt: &Halt) -> Result<Vec<Reject>> {
        let rows = flow.rows;
        // For each promise, the rows it looks at and their hashes.
        let mut looked: Vec<(BooleanBuffer, Vec<u128>)> = Vec::new();
        let mut rejected = Broken::new();
        for (at, u) in self.program.uniques.iter().enumerate() {
            let columns = flow.inputs(&u.slots)?;
            let whole = columns.iter().fold(BooleanBuffer::new_set(rows), |m, c| &m & &crate::cells::present(c.as_ref()));
            if u.code == "key" {
                (!&whole).set_indices().for_each(|row| {
                    rejected.entry(row).or_insert((at, true));
                });
            }
            let hashes = if u.settled { Vec::new() } else { hash_rows(&columns.iter().collect::<Vec<_>>(), rows, self.key)? };
            looked.push((whole, hashes));
        }
        let settled = looked.iter().all(|(_, hashes)| hashes.is_empty());
        let rejected = if settled && self.program.uniques.iter().all(|u| u.settled) {
            rejected
        } else {
            self.sets.pass(seq, halt, &mut flow.waited, |sets| Self::pass(sets, &looked, rows, rejected))?
        };
        if rejected.is_empty() {
            return Ok(Vec::new());
        }
        let mut out = Vec::with_capacity(rejected.len());
        for (row, (at, missing)) in &rejected {
            let u = &self.program.uniques[*at];
            let cells = flow.inputs(&u.slots)?;
            let shown: Vec<String> =
                cells.iter().map(|c| crate::cells::text_of(c.as_ref(), *row).unwrap_or_else(|| "NULL".into())).collect();
            let reason = if *missing {
                format!("{} names rows and is NULL", quoted(&u.names))
            } else {
                format!("{} {} is already taken by an earlier row", quoted(&u.names), shown.join(", "))
            };
            let morsel_row = flow.morsel_row(*row);
            let text = origin.text.as_ref();
            out.push(Reject {
                split: origin.split.clone(),
                line: origin.lines.get(morsel_row).copied().unwrap_or(0),
                offset: text.map_or(0, |t| t.offset(morsel_row)),
                raw: text.map_or_else(String::new, |t| t.text(morsel_row)),
                code: u.code,
                column: Some(u.names.join(",")),
                reason,
            });
        }
        let keep = BooleanBuffer::collect_bool(rows, |row| !rejected.contains_key(&row));
        let predicate = BooleanArray::new(keep.clone(), None);
        for cell in flow.cells.iter_mut().flatten() {
            *cell = arrow::compute::filter(cell.as_ref(), &predicate)?;
        }
        flow.left = Some(keep.set_indices().map(|r| flow.morsel_row(r) as u32).collect());
        flow.rows = keep.count_set_bits();
        Ok(out)
    }
}

/// Rows that break a promise: which one, and whether the value is missing (or else taken).
type Broken = BTreeMap<usize, (usize, bool)>;

impl Enforced {
    /// One morsel at a time: takes the rows' values, or finds them taken.
    fn pass(sets: &mut [KeySet], looked: &[(BooleanBuffer, Vec<u128>)], rows: usize, mut broken: Broken) -> Result<Broken> {
        if let [(whole, hashes)] = looked
            && whole.count_set_bits() == rows
        {
            // The usual case: one key without NULLs, taken in an order that is kind to caches.
            let fresh = sets[0].insert_all(&Batch::from(hashes.clone()))?;
            broken.extend((!&fresh).set_indices().map(|row| (row, (0, false))));
            return Ok(broken);
        }
        for row in 0..rows {
            if broken.contains_key(&row) {
                continue;
            }
            let applies = |at: &usize| !looked[*at].1.is_empty() && looked[*at].0.value(row);
            let mut taken = None;
            for at in (0..sets.len()).filter(applies) {
                if sets[at].contains(looked[at].1[row])? {
                    taken = Some(at);
                    break;
                }
            }
            match taken {
                Some(at) => {
                    broken.insert(row, (at, false));
                }
                None => {
                    for at in (0..sets.len()).filter(applies) {
                        sets[at].insert(looked[at].1[row])?;
                    }
                }
            }
        }
        sets.iter_mut().try_for_each(KeySet::account)?;
        Ok(broken)
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
