//! Repeated rows. Rows are told apart by the 128-bit hashes of [`crate::hash`]; what has been seen is kept in a set of 17 to 34 bytes a row, in shards
//! so that growing needs little room at a time and looking up stays in the cache. When it has half of the memory that there is, or can have no more, it
//! is set aside in a file as a sorted run and begins anew: about 1.6 bytes of each row remain in memory (see [`crate::runs`]).

use crate::budget::Budget;
use crate::cells::{Ranked, is_text, texts};
use crate::hash::{HashKey, hash_rows};
use crate::program::{Decision, ElectRule, Input, Part, StreamRule, open_part, open_state};
use crate::runs::Run;
use arrow::array::{Array, ArrayRef};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::path::{Path, PathBuf};
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

/// A set smaller than this is not worth a run.
#[cfg(not(test))]
const RUN_MIN: usize = 64 << 20;
#[cfg(test)]
const RUN_MIN: usize = 4 << 10;

/// Hashes seen so far.
pub(crate) struct KeySet {
    shards: Vec<HashTable<u128>>,
    runs: Vec<Run>,
    budget: Budget,
    scratch: PathBuf,
}

impl KeySet {
    pub(crate) fn new(budget: Budget, scratch: &Path) -> Self {
        KeySet { shards: (0..SHARDS).map(|_| HashTable::new()).collect(), runs: Vec::new(), budget, scratch: scratch.to_path_buf() }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum::<usize>() + self.runs.iter().map(Run::len).sum::<usize>()
    }

    /// Tells every hash, in no order.
    pub(crate) fn each(&self, tell: &mut dyn FnMut(u128)) -> Result<()> {
        self.shards.iter().flatten().for_each(|h| tell(*h));
        self.runs.iter().try_for_each(|run| run.each(tell))
    }

    pub(crate) fn contains(&self, hash: u128) -> Result<bool> {
        if self.shards[shard(hash)].find(short(hash), |h| *h == hash).is_some() {
            return Ok(true);
        }
        for run in &self.runs {
            if run.contains(hash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// False when it was there.
    pub(crate) fn insert(&mut self, hash: u128) -> Result<bool> {
        match self.shards[shard(hash)].entry(short(hash), |h| *h == hash, |h| short(*h)) {
            Entry::Occupied(_) => return Ok(false),
            Entry::Vacant(v) => {
                for run in &self.runs {
                    if run.contains(hash)? {
                        return Ok(false);
                    }
                }
                v.insert(hash);
            }
        }
        Ok(true)
    }

    /// Which rows were the first with their hash.
    pub(crate) fn insert_all(&mut self, batch: &Batch) -> Result<BooleanBuffer> {
        let mut fresh = arrow::array::BooleanBufferBuilder::new(batch.hashes.len());
        fresh.append_n(batch.hashes.len(), false);
        for row in &batch.order {
            if self.insert(batch.hashes[*row as usize])? {
                fresh.set_bit(*row as usize, true);
            }
        }
        self.account()?;
        Ok(fresh.finish())
    }

    /// Takes what the set has grown to from the pool, or sets it aside.
    pub(crate) fn account(&mut self) -> Result<()> {
        let table: usize = self.shards.iter().map(HashTable::allocation_size).sum();
        let all = table + self.runs.iter().map(Run::bytes).sum::<usize>();
        let more = all.saturating_sub(self.budget.held());
        if table >= RUN_MIN && (table > self.budget.limit() / 2 || (more > 0 && !self.budget.try_grow(more))) {
            return self.set_aside();
        }
        self.budget.resize(all)
    }

    fn set_aside(&mut self) -> Result<()> {
        let hashes = self.shards.iter().map(HashTable::len).sum();
        // A shard's memory is free before the next one is sorted, and the shards are in the order of their hashes.
        let parts = self.shards.iter_mut().map(|s| std::mem::take(s).into_iter().collect());
        let run = Run::write(&self.scratch, hashes, parts, &self.budget)?;
        self.runs.push(run);
        self.budget.resize(self.runs.iter().map(Run::bytes).sum())
    }
}

/// Keeps the first row of each key, in source order.
pub(crate) struct KeepFirst {
    pub key: HashKey,
}

impl StreamRule for KeepFirst {
    fn begin(&self, budget: Budget, scratch: &Path) -> Part {
        Box::new(KeySet::new(budget, scratch))
    }
    fn prepare(&self, input: &Input) -> Result<Part> {
        Ok(Box::new(Batch::from(hash_rows(&input.arrays.iter().collect::<Vec<_>>(), input.rows, self.key)?)))
    }
    fn pass(&self, state: &mut Part, part: Part) -> Result<Decision> {
        let batch: Batch = open_part(part)?;
        Ok(Decision::Keep(open_state::<KeySet>(state)?.insert_all(&batch)?))
    }
    fn keeps_keys(&self) -> bool {
        true
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::HashKey;
    use std::collections::HashSet;
    use std::sync::Arc;
    use tidemill_engine::{Engine, EngineOptions};

    fn pool(bytes: u64) -> Arc<dyn tidemill_engine::MemoryPool> {
        Engine::new(EngineOptions { memory_limit: Some(bytes), ..EngineOptions::default() }).expect("an engine").memory()
    }

    /// Spread as the hashes of rows are; the same number gives the same hash.
    fn hash(number: u64) -> u128 {
        let column: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![number as i64]));
        hash_rows(&[&column], 1, HashKey::derive("t")).expect("a hash")[0]
    }

    #[test]
    fn what_does_not_fit_in_memory_is_still_seen() {
        let scratch = tempfile::tempdir().expect("a directory");
        let memory = pool(1 << 20);
        let mut set = KeySet::new(Budget::new(&memory, "a test"), scratch.path());
        let mut wanted = HashSet::new();
        // Each number comes about twice, near and far apart, in batches that cross runs.
        let mut state = 7u64;
        let mut numbers = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 100_000
        };
        for _ in 0..100 {
            let hashes: Vec<u128> = (0..2_000).map(|_| hash(numbers())).collect();
            let expected: Vec<bool> = hashes.iter().map(|h| wanted.insert(*h)).collect();
            let fresh = set.insert_all(&Batch::from(hashes)).expect("room on the disk");
            assert_eq!(fresh.iter().collect::<Vec<_>>(), expected);
        }
        assert!(set.runs.len() > 1, "nothing was set aside: the test tests nothing");
        assert!(wanted.iter().all(|h| set.contains(*h).expect("a look")));
        assert!((200_000..210_000).all(|n| !set.contains(hash(n)).expect("a look")));
        assert!(set.budget.held() < 600_000, "{} bytes held", set.budget.held());
        assert_eq!(std::fs::read_dir(scratch.path()).expect("a directory").count(), 0, "files have no names");
    }

    #[test]
    fn no_room_to_set_aside_is_told() {
        let memory = pool(1 << 20);
        let mut set = KeySet::new(Budget::new(&memory, "a test"), Path::new("/dev/null/nowhere"));
        let failed = set.insert_all(&Batch::from((0..60_000).map(hash).collect::<Vec<_>>())).expect_err("a refusal");
        assert!(failed.to_string().contains("set aside"), "{failed}");
    }
}
