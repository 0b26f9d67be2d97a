//! How alike two spellings are, and of what kind their difference is.
//!
//! What two texts share at both ends, token by token, says nothing: compared is what is left. Characters that stand in the place of many different
//! others far more often than chance (*noise characters*, learnt from pairs of a wrong and a right spelling) cost little.

use std::collections::{BTreeMap, BTreeSet};

/// Alike enough to be a misspelling.
pub(super) const ALIKE_MIN: f64 = 0.6;
/// Texts of several words that are alike so far as wholes have most of them in common.
pub(super) const WHOLE_MIN: f64 = 0.75;
/// Texts longer than this are not compared character by character.
pub(super) const LENGTH_MAX: usize = 400;
/// What a noise character in the place of another counts as an edit.
const NOISE_COST: f64 = 0.25;
/// A noise character has been seen in the place of others this many times, ...
const NOISE_SEEN: usize = 10;
/// ... for this many different ones, ...
const NOISE_KINDS: usize = 5;
/// ... and in this share of all edits.
const NOISE_SHARE: f64 = 0.25;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// Upper and lower case alone.
    Case,
    /// A digit for a digit, or one more or less: both may be right.
    Digits,
    /// Spaces or punctuation alone.
    Marks,
    Letters,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Alike {
    /// 1: equal but for case; 0: nothing in common. Of what the two texts do not share.
    pub score: f64,
    /// The same, of the texts as wholes.
    pub whole: f64,
    pub difference: Difference,
    /// Every edit is a noise character in the first text.
    pub noise_only: bool,
}

impl Alike {
    /// Whether the one text may be a misspelling of the other, as far as letters tell.
    pub(super) fn is_slip(self) -> bool {
        (self.score >= ALIKE_MIN || self.whole >= WHOLE_MIN) && matches!(self.difference, Difference::Letters | Difference::Case)
    }
}

const UNLIKE: Alike = Alike { score: 0.0, whole: 0.0, difference: Difference::Letters, noise_only: false };

#[derive(Debug, Default, Clone)]
pub(super) struct Likeness {
    noise: Vec<char>,
}

impl Likeness {
    pub(super) fn new(noise: impl IntoIterator<Item = char>) -> Self {
        Likeness { noise: noise.into_iter().collect() }
    }

    /// From wrong spellings and the right ones beside them.
    pub(super) fn learn<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs: BTreeSet<(Vec<char>, Vec<char>)> = pairs.map(|(wrong, right)| differing(wrong, right)).collect();
        let mut seen: BTreeMap<(Option<char>, Option<char>), usize> = BTreeMap::new();
        for (wrong, right) in &pairs {
            let edits = edits(wrong, right);
            // Two texts that differ in most places are no two spellings of one.
            if edits.is_empty() || edits.len() as f64 > (0.5 * wrong.len().max(right.len()) as f64).max(1.0) {
                continue;
            }
            edits.into_iter().collect::<BTreeSet<_>>().into_iter().for_each(|e| *seen.entry(e).or_default() += 1);
        }
        let all: usize = seen.values().sum();
        let mut of: BTreeMap<char, (usize, usize)> = BTreeMap::new();
        for ((from, to), n) in seen {
            if let (Some(from), Some(_)) = (from, to) {
                let (times, kinds) = of.entry(from).or_default();
                *times += n;
                *kinds += 1;
            }
        }
        let is_noise =
            |(times, kinds): (usize, usize)| times >= NOISE_SEEN && kinds >= NOISE_KINDS && times as f64 >= NOISE_SHARE * all as f64;
        Likeness { noise: of.into_iter().filter(|(_, n)| is_noise(*n)).map(|(c, _)| c).collect() }
    }

    pub(super) fn noise(&self) -> &[char] {
        &self.noise
    }

    pub(super) fn is_noise(&self, c: char) -> bool {
        self.noise.contains(&c)
    }

    /// How alike `wrong` is to `right`, were it a misspelling of it.
    pub(super) fn of(&self, wrong: &str, right: &str) -> Alike {
        if wrong.len() > LENGTH_MAX * 4 || right.len() > LENGTH_MAX * 4 {
            return UNLIKE;
        }
        let (a, b) = differing(wrong, right);
        if a == b {
            return Alike { score: 1.0, whole: 1.0, difference: Difference::Case, noise_only: false };
        }
        if a.len() > LENGTH_MAX || b.len() > LENGTH_MAX {
            return UNLIKE;
        }
        let edits = edits(&a, &b);
        let is_cheap = |e: &(Option<char>, Option<char>)| matches!(e, (Some(c), Some(_)) if self.is_noise(*c));
        let cost: f64 = edits.iter().map(|e| if is_cheap(e) { NOISE_COST } else { 1.0 }).sum();
        let digit = |c: &Option<char>| c.is_none_or(|c| c.is_numeric());
        let mark = |c: &Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        let difference = if edits.iter().any(|(x, y)| digit(x) && digit(y)) {
            Difference::Digits
        } else if edits.iter().all(|(x, y)| mark(x) && mark(y)) {
            Difference::Marks
        } else {
            Difference::Letters
        };
        let length = a.len().max(b.len()).max(1) as f64;
        let whole = wrong.chars().count().max(right.chars().count()).max(1) as f64;
        Alike {
            score: (1.0 - cost / length).max(0.0),
            whole: (1.0 - cost / whole).max(0.0),
            difference,
            noise_only: !edits.is_empty() && edits.iter().all(is_cheap),
        }
    }
}

/// What two texts, in lower case, do not share: without the tokens that are equal at both ends.
pub(super) fn differing(a: &str, b: &str) -> (Vec<char>, Vec<char>) {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (ta, tb) = (tokens(&a), tokens(&b));
    let shortest = ta.len().min(tb.len());
    let head = ta.iter().zip(&tb).take_while(|(x, y)| x == y).count();
    let tail = ta.iter().rev().zip(tb.iter().rev()).take(shortest - head).take_while(|(x, y)| x == y).count();
    let rest = |t: &[&str]| t[head..t.len() - tail].iter().flat_map(|t| t.chars()).collect();
    (rest(&ta), rest(&tb))
}

/// A text as runs of letters and digits and runs of other characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut from = 0;
    let mut last: Option<bool> = None;
    for (at, c) in text.char_indices() {
        let word = c.is_alphanumeric();
        if last.is_some_and(|l| l != word) {
            out.push(&text[from..at]);
            from = at;
        }
        last = Some(word);
    }
    if from < text.len() {
        out.push(&text[from..]);
    }
    out
}

/// The words of a text in lower case.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_string).collect()
}

/// A cheapest way from `a` to `b`, as what stands where in `a` and in `b`; `None`: nothing.
fn edits(a: &[char], b: &[char]) -> Vec<(Option<char>, Option<char>)> {
    let width = b.len() + 1;
    let mut cost: Vec<u32> = vec![0; (a.len() + 1) * width];
    (0..=b.len()).for_each(|j| cost[j] = j as u32);
    for i in 1..=a.len() {
        cost[i * width] = i as u32;
        for j in 1..=b.len() {
            let diagonal = cost[(i - 1) * width + j - 1] + u32::from(a[i - 1] != b[j - 1]);
            let (up, left) = (cost[(i - 1) * width + j] + 1, cost[i * width + j - 1] + 1);
            cost[i * width + j] = diagonal.min(up).min(left);
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut out = Vec::new();
    while i > 0 || j > 0 {
        let here = cost[i * width + j];
        if i > 0 && j > 0 && here == cost[(i - 1) * width + j - 1] + u32::from(a[i - 1] != b[j - 1]) {
            if a[i - 1] != b[j - 1] {
                out.push((Some(a[i - 1]), Some(b[j - 1])));
            }
            (i, j) = (i - 1, j - 1);
        } else if i > 0 && here == cost[(i - 1) * width + j] + 1 {
            out.push((Some(a[i - 1]), None));
            i -= 1;
        } else {
            out.push((None, Some(b[j - 1])));
            j -= 1;
        }
    }
    out
}
