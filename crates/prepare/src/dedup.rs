//! Repeated rows. Rows are told apart by the 128-bit hashes of [`crate::hash`]; what has been seen is kept in a set of 17 to 34 bytes a row, in shards
//! so that growing needs little room at a time and looking up stays in the cache.

use crate::budget::Budget;
use crate::cells::{Ranked, is_text, texts};
use crate::hash::{HashKey, hash_rows};
use crate::program::{Decision, ElectRule, Input, Part, StreamRule, open_part, open_state};
use arrow::array::{Array, ArrayRef};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use tidemill_core::Result;

const SHARDS: usize = 64;

/// Hashes of one morsel, with its rows grouped by shard (in row order within each).
pub(crate) struct Batch {
    hashes: Vec<u128>,
    order: Vec<u32>,
}

impl From<Vec<u128>> for Batch {
    fn from(hashes: Vec<u128>) -> Self {
        let mut starts = [0u32; SHARDS + 1];
        hashes.iter().for_each(|h| starts[shard(*h) + 1] += 1);
        for i in 0..SHARDS {
            starts[i + 1] += starts[i];
        }
        let mut order = vec![0u32; hashes.len()];
        for (row, h) in hashes.iter().enumerate() {
            let at = &mut starts[shard(*h)];
            order[*at as usize] = row as u32;
            *at += 1;
        }
        Batch { hashes, order }
    }
}

fn shard(hash: u128) -> usize {
    (hash >> 122) as usize
}

/// The part of a hash that a table is addressed by.
fn short(hash: u128) -> u64 {
    hash as u64
}

/// Hashes seen so far.
pub(crate) struct KeySet {
    shards: Vec<HashTable<u128>>,
    budget: Budget,
}

impl KeySet {
    pub(crate) fn new(budget: Budget) -> Self {
        KeySet { shards: (0..SHARDS).map(|_| HashTable::new()).collect(), budget }
    }

    pub(crate) fn contains(&self, hash: u128) -> bool {
        self.shards[shard(hash)].find(short(hash), |h| *h == hash).is_some()
    }

    /// False when it was there.
    pub(crate) fn insert(&mut self, hash: u128) -> bool {
        match self.shards[shard(hash)].entry(short(hash), |h| *h == hash, |h| short(*h)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(v) => {
                v.insert(hash);
                true
            }
        }
    }

    /// Which rows were the first with their hash.
    pub(crate) fn insert_all(&mut self, batch: &Batch) -> Result<BooleanBuffer> {
        let mut fresh = arrow::array::BooleanBufferBuilder::new(batch.hashes.len());
        fresh.append_n(batch.hashes.len(), false);
        for row in &batch.order {
            if self.insert(batch.hashes[*row as usize]) {
                fresh.set_bit(*row as usize, true);
            }
        }
        self.account()?;
        Ok(fresh.finish())
    }

    /// Takes what the set has grown to from the pool.
    pub(crate) fn account(&mut self) -> Result<()> {
        self.budget.resize(self.shards.iter().map(HashTable::allocation_size).sum())
    }
}

/// Keeps the first row of each key, in source order.
pub(crate) struct KeepFirst {
    pub key: HashKey,
}

impl StreamRule for KeepFirst {
    fn begin(&self, budget: Budget) -> Part {
        Box::new(KeySet::new(budget))
    }
    fn prepare(&self, input: &Input) -> Result<Part> {
        Ok(Box::new(Batch::from(hash_rows(&input.arrays.iter().collect::<Vec<_>>(), input.rows, self.key)?)))
    }
    fn pass(&self, state: &mut Part, part: Part) -> Result<Decision> {
        let batch: Batch = open_part(part)?;
        Ok(Decision::Keep(open_state::<KeySet>(state)?.insert_all(&batch)?))
    }
}

/// Keeps the last row of each key or, with a rank column as last input, the one with the greatest rank (the last of several; NULL is lowest).
pub(crate) struct KeepBest {
    pub key: HashKey,
    /// Type of the column that ranks; `None`: the place in the source does.
    pub by: Option<DataType>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Nothing,
    Number(i64),
    Text(Box<str>),
}

struct Best {
    hash: u128,
    rank: Rank,
    morsel: u32,
    row: u32,
}

struct Candidates {
    hashes: Vec<u128>,
    ranks: Vec<Rank>,
}

struct Election {
    best: HashTable<Best>,
    /// Rows of each morsel.
    morsels: Vec<usize>,
    texts: usize,
    budget: Budget,
}

impl KeepBest {
    fn ranks(&self, column: &ArrayRef) -> Result<Vec<Rank>> {
        let mut ranks = vec![Rank::Nothing; column.len()];
        if is_text(column.data_type()) {
            let column = texts(column)?;
            ranks.iter_mut().enumerate().filter(|(i, _)| column.is_valid(*i)).for_each(|(i, r)| *r = Rank::Text(column.value(i).into()));
        } else {
            Ranked::each(column, |row, rank| ranks[row] = Rank::Number(rank))?;
        }
        Ok(ranks)
    }
}

impl ElectRule for KeepBest {
    fn begin(&self, budget: Budget) -> Part {
        Box::new(Election { best: HashTable::new(), morsels: Vec::new(), texts: 0, budget })
    }
    fn prepare(&self, input: &Input) -> Result<Part> {
        let keys = input.arrays.len() - usize::from(self.by.is_some());
        let hashes = hash_rows(&input.arrays[..keys].iter().collect::<Vec<_>>(), input.rows, self.key)?;
        let ranks = if self.by.is_some() { self.ranks(&input.arrays[keys])? } else { Vec::new() };
        Ok(Box::new(Candidates { hashes, ranks }))
    }
    fn fold(&self, state: &mut Part, part: Part) -> Result<()> {
        let state = open_state::<Election>(state)?;
        let Candidates { hashes, ranks } = open_part(part)?;
        let morsel = state.morsels.len() as u32;
        state.morsels.push(hashes.len());
        let mut ranks = ranks.into_iter();
        for (row, hash) in hashes.into_iter().enumerate() {
            let rank = ranks.next().unwrap_or(Rank::Nothing);
            if let Rank::Text(t) = &rank {
                state.texts += t.len();
            }
            let new = Best { hash, rank, morsel, row: row as u32 };
            match state.best.entry(short(hash), |b| b.hash == hash, |b| short(b.hash)) {
                Entry::Occupied(mut old) => {
                    if new.rank >= old.get().rank {
                        *old.get_mut() = new;
                    }
                }
                Entry::Vacant(v) => {
                    v.insert(new);
                }
            }
        }
        state.budget.resize(state.best.allocation_size() + state.texts)
    }
    fn finish(&self, state: Part) -> Result<Vec<Decision>> {
        let state: Election = open_part(state)?;
        let mut masks: Vec<arrow::array::BooleanBufferBuilder> = Vec::with_capacity(state.morsels.len());
        for rows in &state.morsels {
            let mut mask = arrow::array::BooleanBufferBuilder::new(*rows);
            mask.append_n(*rows, false);
            masks.push(mask);
        }
        for best in &state.best {
            masks[best.morsel as usize].set_bit(best.row as usize, true);
        }
        Ok(masks.iter_mut().map(|m| Decision::Keep(m.finish())).collect())
    }
}
