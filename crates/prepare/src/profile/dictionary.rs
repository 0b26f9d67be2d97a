//! The distinct values of one column and how often each occurs: all of them while there is room, then a sample by hash, with the frequent ones apart.
//!
//! The sample is adaptive sampling (M. Wegman; P. Flajolet, "On adaptive sampling", Computing 43, 1990): values whose hash begins with `shift` zero
//! bits are kept, with their counts in full; `shift` grows when room runs out. It estimates how many distinct values there are within
//! 1.2/√kept (0.2 % at 400,000), and how many of them occur once. Frequent values are kept by mergeable counters (Misra and Gries; Agarwal et al.,
//! "Mergeable summaries", PODS 2012), whose counts are too small by at most `error`.

use super::encode::{Map, NULL, mix};
use arrow::array::StringArray;
use std::collections::BTreeMap;

/// Frequent values kept once not all values are.
const HEAVY: usize = 1024;

/// Texts end to end.
#[derive(Debug, Default, Clone)]
pub(super) struct Texts {
    bytes: String,
    ends: Vec<u32>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
    }
    pub(super) fn get(&self, at: usize) -> &str {
        let from = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[from..self.ends[at] as usize]
    }
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.ends.len() * 4
    }
}

/// The distinct values of one morsel, found by whichever thread decodes it.
pub(super) struct Local {
    pub keys: Vec<u64>,
    pub counts: Vec<u32>,
    /// The row each value was first met in.
    pub first: Vec<u32>,
    /// Per row: 0 where missing, else the value's place plus one.
    pub codes: Vec<u32>,
    /// The column, where it is of texts.
    pub texts: Option<StringArray>,
    pub missing: u64,
}

impl Local {
    pub(super) fn of(keys: &[u64], missing: u64, texts: Option<StringArray>) -> Local {
        let mut places: Map<u32> = Map::with_capacity_and_hasher(1024, super::encode::Spread);
        let mut local =
            Local { keys: Vec::new(), counts: Vec::new(), first: Vec::new(), codes: Vec::with_capacity(keys.len()), texts, missing };
        // Neighbours are often equal.
        let mut last = (NULL, 0u32);
        for (row, key) in keys.iter().enumerate() {
            if *key == NULL {
                local.codes.push(0);
                continue;
            }
            if *key != last.0 {
                let code = *places.entry(*key).or_insert_with(|| {
                    local.keys.push(*key);
                    local.counts.push(0);
                    local.first.push(row as u32);
                    local.keys.len() as u32
                });
                last = (*key, code);
            }
            local.counts[last.1 as usize - 1] += 1;
            local.codes.push(last.1);
        }
        local
    }
}

#[derive(Debug, Default)]
pub(super) struct Dictionary {
    places: Map<u32>,
    pub keys: Vec<u64>,
    pub counts: Vec<u64>,
    /// Of text columns.
    pub texts: Option<Texts>,
    /// 0: every value is here.
    pub shift: u32,
    /// What codes stood for when not all values could be kept any more; codes were handed out till then.
    pub coded: Option<Vec<u64>>,
    heavy: BTreeMap<u64, (u64, Option<Box<str>>)>,
    pub heavy_error: u64,
    pub missing: u64,
}

impl Dictionary {
    pub(super) fn new(is_text: bool) -> Self {
        Dictionary { texts: is_text.then(Texts::default), ..Dictionary::default() }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.shift == 0
    }

    pub(super) fn bytes(&self) -> usize {
        let map = self.places.capacity() * 18;
        map + self.keys.capacity() * 8
            + self.counts.capacity() * 8
            + self.texts.as_ref().map_or(0, Texts::bytes)
            + self.coded.as_ref().map_or(0, |c| c.capacity() * 8)
    }

    fn is_kept(key: u64, shift: u32) -> bool {
        shift == 0 || mix(key) >> (64 - shift) == 0
    }

    /// Takes a morsel's values in. Gives the code of each while codes are handed out.
    pub(super) fn join(&mut self, local: &Local) -> Option<Vec<u32>> {
        self.missing += local.missing;
        let mut codes = self.is_exact().then(|| Vec::with_capacity(local.keys.len()));
        let text = |i: usize| local.texts.as_ref().map(|t| t.value(local.first[i] as usize));
        for (i, key) in local.keys.iter().enumerate() {
            if !Self::is_kept(*key, self.shift) {
                continue;
            }
            let place = *self.places.entry(*key).or_insert_with(|| {
                self.keys.push(*key);
                self.counts.push(0);
                if let Some(texts) = &mut self.texts {
                    texts.push(text(i).unwrap_or_default());
                }
                self.keys.len() as u32 - 1
            });
            self.counts[place as usize] += u64::from(local.counts[i]);
            if let Some(codes) = &mut codes {
                codes.push(place + 1);
            }
        }
        if !self.is_exact() {
            for (i, key) in local.keys.iter().enumerate() {
                let entry = self.heavy.entry(*key).or_insert_with(|| (0, text(i).map(Box::from)));
                entry.0 += u64::from(local.counts[i]);
                if self.heavy.len() >= 16 * HEAVY {
                    self.thin();
                }
            }
            self.thin();
        }
        codes
    }

    /// Halves what is kept.
    pub(super) fn shrink(&mut self) {
        if self.is_exact() {
            self.coded = Some(self.keys.clone());
            let mut order: Vec<usize> = (0..self.keys.len()).collect();
            order.sort_unstable_by_key(|i| (std::cmp::Reverse(self.counts[*i]), self.keys[*i]));
            let text = |i: usize| self.texts.as_ref().map(|t| Box::from(t.get(i)));
            self.heavy = order.iter().take(16 * HEAVY).map(|i| (self.keys[*i], (self.counts[*i], text(*i)))).collect();
            // Those that are not among them were met so often at most.
            self.heavy_error = order.get(16 * HEAVY).map_or(0, |i| self.counts[*i]);
            self.thin();
        }
        self.shift += 1;
        let (keys, counts, texts) = (std::mem::take(&mut self.keys), std::mem::take(&mut self.counts), self.texts.take());
        let mut kept_texts = texts.as_ref().map(|_| Texts::default());
        self.places = Map::default();
        for (i, (key, count)) in keys.into_iter().zip(counts).enumerate() {
            if Self::is_kept(key, self.shift) {
                self.places.insert(key, self.keys.len() as u32);
                self.keys.push(key);
                self.counts.push(count);
                if let (Some(kept), Some(texts)) = (&mut kept_texts, &texts) {
                    kept.push(texts.get(i));
                }
            }
        }
        self.texts = kept_texts;
    }

    /// Brings the frequent values back to as many as are kept.
    fn thin(&mut self) {
        if self.heavy.len() <= HEAVY {
            return;
        }
        let mut counts: Vec<u64> = self.heavy.values().map(|v| v.0).collect();
        let (_, cut, _) = counts.select_nth_unstable_by(HEAVY, |a, b| b.cmp(a));
        let cut = *cut;
        self.heavy_error += cut;
        self.heavy.retain(|_, v| {
            v.0 = v.0.saturating_sub(cut);
            v.0 > 0
        });
    }

    /// How many distinct values there are, about where not exact.
    pub(super) fn distinct(&self) -> u64 {
        (self.keys.len() as u64) << self.shift
    }

    /// The most frequent values: place among the keys or text, and count. The second result is how much a count may be too small.
    pub(super) fn heaviest(&self, n: usize) -> (Vec<(u64, Option<String>, u64)>, u64) {
        let mut all: Vec<(u64, Option<&str>, u64)> = if self.is_exact() {
            let text = |i: usize| self.texts.as_ref().map(|t| t.get(i));
            // Only counts that can be among the first `n` are worth sorting.
            let mut counts = self.counts.clone();
            let least = if counts.len() > n { *counts.select_nth_unstable_by(n - 1, |a, b| b.cmp(a)).1 } else { 0 };
            let mut all = Vec::new();
            for (i, c) in self.counts.iter().enumerate() {
                if *c > least || (*c == least && all.len() < 1 << 16) {
                    all.push((self.keys[i], text(i), *c));
                }
            }
            all
        } else {
            self.heavy.iter().map(|(k, (c, t))| (*k, t.as_deref(), *c)).collect()
        };
        let by_value = |a: &(u64, Option<&str>, u64), b: &(u64, Option<&str>, u64)| match (a.1, b.1) {
            (Some(x), Some(y)) => x.cmp(y),
            _ => (a.0 as i64).cmp(&(b.0 as i64)),
        };
        all.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| by_value(a, b)));
        all.truncate(n);
        let error = if self.is_exact() { 0 } else { self.heavy_error };
        (all.into_iter().map(|(k, t, c)| (k, t.map(str::to_string), c)).collect(), error)
    }
}
