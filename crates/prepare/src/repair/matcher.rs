//! The nearest of many values by Levenshtein distance over characters.

use super::Meant;
use super::frequent::Evidence;
use crate::measure::hasher;
use ahash::RandomState;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Frequent values looked at to see how near they are to each other.
const CROWD_MAX: usize = 2000;

/// A value that spellings can be brought to.
pub(super) struct Canon {
    text: String,
    /// What is compared.
    key: Vec<char>,
    /// Which characters occur in it, by their last six bits.
    letters: u64,
    /// How often it occurs, where that matters.
    count: u64,
}

impl Canon {
    pub(super) fn new(text: &str, count: u64, ignore_case: bool, trim: bool) -> Self {
        let key: Vec<char> = key(text, ignore_case, trim).chars().collect();
        Canon { text: text.to_string(), letters: letters(&key), key, count }
    }
}

fn key(text: &str, ignore_case: bool, trim: bool) -> String {
    let text = if trim { text.trim() } else { text };
    if ignore_case { text.to_lowercase() } else { text.to_string() }
}

fn letters(key: &[char]) -> u64 {
    key.iter().fold(0, |m, c| m | 1 << (*c as u32 & 63))
}

pub(super) struct Matcher {
    /// In order of text, so that of several equally near the first is taken.
    canon: Vec<Canon>,
    by_text: HashMap<String, u32, RandomState>,
    by_key: HashMap<Vec<char>, u32, RandomState>,
    /// Places in `canon` by length of key.
    by_length: Vec<Vec<u32>>,
    /// How often spellings occur; only those that may be too frequent to be wrong.
    counts: BTreeMap<String, u64>,
    /// A canon value must be this many times as frequent as the spelling; `None`: counts don't matter.
    ratio_min: Option<f64>,
    distance_max: usize,
    confidence_min: f64,
    ignore_case: bool,
    trim: bool,
    /// Says how likely a spelling is a wrong one of another, where more than their distance is known.
    evidence: Option<Evidence>,
}

impl Matcher {
    #[allow(clippy::too_many_arguments)] // these are the rule's own keys
    pub(super) fn new(
        mut canon: Vec<Canon>,
        counts: BTreeMap<String, u64>,
        ratio_min: Option<f64>,
        distance_max: usize,
        confidence_min: f64,
        ignore_case: bool,
        trim: bool,
        evidence: Option<Evidence>,
    ) -> Self {
        canon.sort_by(|a, b| a.text.cmp(&b.text));
        let (by_text, by_key, by_length) = (HashMap::with_hasher(hasher()), HashMap::with_hasher(hasher()), Vec::new());
        let mut m =
            Matcher { canon, by_text, by_key, by_length, counts, ratio_min, distance_max, confidence_min, ignore_case, trim, evidence };
        // The most frequent first: a frequent spelling that one of them repairs is not itself one to bring others to.
        let mut order: Vec<u32> = (0..m.canon.len() as u32).collect();
        if ratio_min.is_some() {
            order.sort_by_key(|at| std::cmp::Reverse(m.canon[*at as usize].count));
        }
        for at in order {
            if ratio_min.is_none() || !m.is_made(&m.find(&m.canon[at as usize].text)) {
                m.admit(at);
            }
        }
        m
    }

    /// Spellings may be brought to this one.
    fn admit(&mut self, at: u32) {
        let c = &self.canon[at as usize];
        if self.by_length.len() <= c.key.len() {
            self.by_length.resize_with(c.key.len() + 1, Vec::new);
        }
        self.by_length[c.key.len()].push(at);
        self.by_text.entry(c.text.clone()).or_insert(at);
        self.by_key.entry(c.key.clone()).or_insert(at);
    }

    /// Whether a repair is sure enough to be made.
    pub(super) fn is_made(&self, meant: &Meant) -> bool {
        match meant {
            Meant::Canon(_, confidence) | Meant::Text(_, confidence) => *confidence >= self.confidence_min,
            Meant::Itself | Meant::Nothing => false,
        }
    }

    pub(super) fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    /// Of the values that may be brought to others, the share that has another within so many edits which is about as frequent: so both are right.
    pub(super) fn crowded(&self, edits: usize) -> f64 {
        let ratio = self.ratio_min.unwrap_or(1.0);
        let admitted: Vec<&Canon> = self.by_length.iter().flatten().map(|at| &self.canon[*at as usize]).collect();
        let sample = admitted.iter().step_by(admitted.len().div_ceil(CROWD_MAX).max(1));
        let (mut near, mut all) = (0u32, 0u32);
        for c in sample {
            all += 1;
            let other =
                |o: &Canon| o.text != c.text && (o.count as f64) < ratio * c.count as f64 && (c.count as f64) < ratio * o.count as f64;
            let found = self.nearest(&c.key, other);
            near += u32::from(found.filter(|(_, d, _)| *d <= edits).is_some_and(|(at, d, _)| {
                let o = &self.canon[at as usize];
                d == 0
                    || self.evidence.as_ref().is_none_or(|e| e.likely(&c.text, &o.text, 1.0) > 0.6 || e.likely(&o.text, &c.text, 1.0) > 0.6)
            }));
        }
        if all == 0 { 0.0 } else { f64::from(near) / f64::from(all) }
    }

    /// Whether nothing but case and space may differ.
    pub(super) fn is_exact(&self) -> bool {
        self.distance_max == 0
    }

    /// Whether a spelling comes again more often than slips do.
    pub(super) fn is_repeated(&self, text: &str) -> bool {
        self.evidence.as_ref().is_some_and(|e| e.is_repeated(text))
    }

    /// The values that others may be brought to, and how often each occurs.
    pub(super) fn frequent(&self) -> impl Iterator<Item = (&str, u64)> {
        self.by_length.iter().flatten().map(|at| &self.canon[*at as usize]).map(|c| (c.text.as_str(), c.count))
    }

    pub(super) fn is_canon(&self, text: &str) -> bool {
        self.by_text.contains_key(text)
    }

    pub(super) fn text(&self, at: u32) -> &str {
        &self.canon[at as usize].text
    }

    /// How often a value of the canon occurs.
    pub(super) fn count(&self, at: u32) -> u64 {
        self.canon[at as usize].count
    }

    pub(super) fn find(&self, text: &str) -> Meant {
        self.find_near(text).map_or(Meant::Nothing, |(meant, _)| meant)
    }

    /// What is meant, and how many edits away it is.
    pub(super) fn find_near(&self, text: &str) -> Option<(Meant, usize)> {
        let key: Vec<char> = key(text, self.ignore_case, self.trim).chars().collect();
        // Without counts, a value of the canon is itself, and one that differs in case and space alone is that value.
        if self.ratio_min.is_none()
            && let Some(at) = self.by_text.get(text).or_else(|| self.by_key.get(&key))
        {
            return Some((Meant::Canon(*at, 1.0), 0));
        }
        // With counts, a value of the canon stays: nothing nearby was frequent enough when it was admitted.
        if self.ratio_min.is_some() && self.by_text.contains_key(text) {
            return Some((Meant::Itself, 0));
        }
        let least = self.ratio_min.map_or(0.0, |r| r * self.counts.get(text).copied().unwrap_or(0) as f64);
        let eligible = |c: &Canon| self.ratio_min.is_none() || c.count as f64 >= least;
        if self.evidence.as_ref().is_some_and(|e| !e.speaks_of(text)) {
            // Numbers and the like: nothing but another way to write them.
            let same = self.by_key.get(&key).filter(|at| eligible(&self.canon[**at as usize]));
            return same.map(|at| (Meant::Canon(*at, Evidence::rewritten(text)), 0));
        }
        let nearest = self.nearest(&key, eligible);
        let nearest = if self.evidence.is_some() && self.distance_max > 0 { self.with_exchanges(&key, nearest, eligible) } else { nearest };
        let (at, distance, equals) = nearest?;
        let right = &self.canon[at as usize];
        let longest = key.len().max(right.key.len());
        let confidence = if longest == 0 { 1.0 } else { 1.0 - distance as f64 / longest as f64 } / equals;
        match &self.evidence {
            Some(_) if distance == 0 => Some((Meant::Canon(at, Evidence::rewritten(text) / equals), 0)),
            Some(evidence) => {
                let confidence = evidence.confidence(text, &right.text, equals, distance);
                (confidence > 0.0).then_some((Meant::Canon(at, confidence), distance))
            }
            // Nothing in common is not a likeness, however short the words.
            None => (distance == 0 || (confidence > 0.0 && confidence >= self.confidence_min))
                .then_some((Meant::Canon(at, confidence), distance)),
        }
    }

    /// Two neighbouring letters that changed places are one slip, not two.
    fn with_exchanges(
        &self,
        key: &[char],
        nearest: Option<(u32, usize, f64)>,
        eligible: impl Fn(&Canon) -> bool,
    ) -> Option<(u32, usize, f64)> {
        let mut key = key.to_vec();
        let mut best = nearest;
        for at in 1..key.len() {
            key.swap(at - 1, at);
            let found = self.by_key.get(&key).filter(|c| eligible(&self.canon[**c as usize]));
            key.swap(at - 1, at);
            let Some(found) = found else { continue };
            best = Some(match best {
                Some((other, 1, equals)) if other != *found => {
                    let (at, weight) = self.likelier((other, equals * self.weight(other)), *found);
                    (at, 1, weight / self.weight(at))
                }
                Some((other, d, equals)) if other == *found || d > 1 => (*found, 1.min(d), if d > 1 { 1.0 } else { equals }),
                Some(best) => best,
                None => (*found, 1, 1.0),
            });
        }
        best
    }

    /// What a value weighs among those that are as near: the more frequent ones are meant the more often.
    fn weight(&self, at: u32) -> f64 {
        if self.ratio_min.is_some() { self.canon[at as usize].count.max(1) as f64 } else { 1.0 }
    }

    /// Of the likeliest value so far and another one as near: the likelier, the first of equals; and what all of them weigh.
    fn likelier(&self, (best, weight): (u32, f64), other: u32) -> (u32, f64) {
        let (mine, theirs) = (self.weight(best), self.weight(other));
        let at = if theirs > mine || (theirs == mine && other < best) { other } else { best };
        (at, weight + theirs)
    }

    /// The nearest value within `distance_max`, the likeliest of several; its distance; what all that are as near weigh, in its own weight.
    fn nearest(&self, key: &[char], eligible: impl Fn(&Canon) -> bool) -> Option<(u32, usize, f64)> {
        let pattern = Pattern::new(key);
        let mask = letters(key);
        let mut best: Option<(u32, usize, f64)> = None;
        let mut bound = self.distance_max;
        // From like lengths to unlike ones, so that the bound falls early.
        for apart in 0..=self.distance_max {
            if apart > bound {
                break;
            }
            let lengths = [key.len().checked_sub(apart), (apart > 0).then_some(key.len() + apart)];
            for at in lengths.into_iter().flatten().filter_map(|l| self.by_length.get(l)).flatten() {
                let c = &self.canon[*at as usize];
                // Each edit accounts for at most one letter that the other lacks.
                let lacking = (mask & !c.letters).count_ones().max((c.letters & !mask).count_ones()) as usize;
                if lacking > bound || !eligible(c) {
                    continue;
                }
                let Some(d) = pattern.distance(&c.key, bound) else { continue };
                best = Some(match best {
                    Some((likeliest, d0, weight)) if d0 == d => {
                        let (at, weight) = self.likelier((likeliest, weight), *at);
                        (at, d, weight)
                    }
                    _ => (*at, d, self.weight(*at)),
                });
                bound = d;
            }
        }
        best.map(|(at, d, weight)| (at, d, weight / self.weight(at)))
    }
}

/// A word prepared to be compared with many (Myers' bit vectors, for words of up to 64 characters).
struct Pattern<'a> {
    key: &'a [char],
    ascii: [u64; 128],
    others: Vec<(char, u64)>,
}

impl<'a> Pattern<'a> {
    fn new(key: &'a [char]) -> Self {
        let mut p = Pattern { key, ascii: [0; 128], others: Vec::new() };
        for (i, c) in key.iter().take(64).enumerate() {
            match p.ascii.get_mut(*c as usize) {
                Some(bits) => *bits |= 1 << i,
                None => match p.others.iter_mut().find(|(o, _)| o == c) {
                    Some((_, bits)) => *bits |= 1 << i,
                    None => p.others.push((*c, 1 << i)),
                },
            }
        }
        p
    }

    fn bits(&self, c: char) -> u64 {
        match self.ascii.get(c as usize) {
            Some(bits) => *bits,
            None => self.others.iter().find(|(o, _)| *o == c).map_or(0, |(_, b)| *b),
        }
    }

    /// The distance, if it is at most `bound`.
    fn distance(&self, other: &[char], bound: usize) -> Option<usize> {
        let length = self.key.len();
        if length == 0 || other.is_empty() {
            return Some(length.max(other.len())).filter(|d| *d <= bound);
        }
        if length > 64 {
            let args = rapidfuzz::distance::levenshtein::Args::default().score_cutoff(bound);
            return rapidfuzz::distance::levenshtein::distance_with_args(self.key.iter().copied(), other.iter().copied(), &args);
        }
        let (mut up, mut down) = (!0u64, 0u64);
        let last = 1u64 << (length - 1);
        let mut score = length;
        for (i, c) in other.iter().enumerate() {
            let same = self.bits(*c);
            let diagonal = (((same & up).wrapping_add(up)) ^ up) | same | down;
            let (mut right, mut left) = (down | !(diagonal | up), up & diagonal);
            score += usize::from(right & last != 0);
            score -= usize::from(left & last != 0);
            right = right << 1 | 1;
            left <<= 1;
            up = left | !(diagonal | right);
            down = right & diagonal;
            if score > bound + (other.len() - 1 - i) {
                return None;
            }
        }
        Some(score).filter(|d| *d <= bound)
    }
}

#[cfg(test)]
pub(super) fn distance(a: &str, b: &str, bound: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    Pattern::new(&a).distance(&b, bound)
}
