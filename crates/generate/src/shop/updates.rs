//! A stream of changes to customers: new ones, and known ones with something changed, each record whole.
//!
//! Changes come in blocks of sixteen. A block brings new customers, and changes four of those that came one block before, two that came two
//! before, two that came four before; so what a customer looks like after each change is known without looking at the others.

use super::Shop;
use super::customers;
use crate::calendar::Form;
use crate::table::{Cell, Column, Kind, Rows, Table};

const BLOCK: u64 = 16;
/// Blocks ago, how many of that block's new customers change, and for the how-many-th time.
const CHANGES: [(u64, u64, u64); 3] = [(1, 4, 1), (2, 2, 2), (4, 2, 3)];

pub struct CustomerChanges<'a> {
    pub shop: &'a Shop,
    pub changes: u64,
}

/// New customers of a block: what is not a change.
fn fresh(block: u64) -> u64 {
    BLOCK - CHANGES.iter().filter(|(ago, _, _)| *ago <= block).map(|(_, n, _)| n).sum::<u64>()
}

/// New customers before a block.
fn before(block: u64) -> u64 {
    let settled = CHANGES[CHANGES.len() - 1].0;
    (0..block.min(settled)).map(fresh).sum::<u64>() + block.saturating_sub(settled) * fresh(settled)
}

impl CustomerChanges<'_> {
    /// The customer that change `i` is about, and how many changes that customer has had.
    pub fn target(&self, i: u64) -> (u64, u64) {
        let block = i / BLOCK;
        let mut slots: [u64; BLOCK as usize] = std::array::from_fn(|k| k as u64);
        let mut d = self.shop.streams.moved.draws(block ^ 1 << 62);
        for k in (1..slots.len()).rev() {
            slots.swap(k, d.below(k as u64 + 1) as usize);
        }
        let mut slot = slots[(i % BLOCK) as usize];
        for (ago, n, change) in CHANGES {
            if ago <= block {
                if slot < n {
                    return (before(block - ago) + slot, change);
                }
                slot -= n;
            }
        }
        (before(block) + slot, 0)
    }

    /// Customers that come up to change number `changes`.
    pub fn customers(changes: u64) -> u64 {
        before(changes.div_ceil(BLOCK))
    }
}

impl Table for CustomerChanges<'_> {
    fn name(&self) -> &'static str {
        "customer_changes"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 11] = {
            let c = customers::COLUMNS;
            [
                Column::sound("op", Kind::Text),
                Column::sound("updated_at", Kind::Instant(Form::Millis)),
                c[0],
                c[1],
                c[2],
                c[3],
                c[4],
                c[5],
                c[6],
                c[7],
                c[8],
            ]
        };
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[2, 1]
    }
    fn units(&self) -> u64 {
        self.changes
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let shop = self.shop;
        let (id, change) = self.target(i);
        let at = shop.times.within_second(i, shop.streams.time.at(i));
        rows.word(if change == 0 { "insert" } else { "update" });
        rows.push(Cell::Instant(at));
        let customer = shop.changed(id, change);
        // Who is new registered at that moment; later records repeat it.
        let registered = self.first_seen(id);
        customers::push(&customer, id, registered, rows);
    }
}

impl CustomerChanges<'_> {
    /// When a customer's first record came.
    fn first_seen(&self, id: u64) -> i64 {
        let settled = CHANGES[CHANGES.len() - 1].0;
        let mut block = 0;
        while block < settled && before(block + 1) <= id {
            block += 1;
        }
        if block == settled {
            block += (id - before(settled)) / fresh(settled);
        }
        let i = (block * BLOCK..(block + 1) * BLOCK).find(|i| self.target(*i) == (id, 0)).unwrap_or(block * BLOCK);
        let at = self.shop.times.at(i, self.shop.streams.time.at(i));
        at / crate::calendar::SECOND * crate::calendar::SECOND
    }
}
