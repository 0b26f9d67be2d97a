//! What a spelling's repetition and its rows' other columns say for or against its being a slip, beside its nearness to a frequent one.
//!
//! Slips are made one at a time: of the many that a word allows each is met once, seldom twice. A rare spelling that comes again and again is a value,
//! and where a column has such values, its rare spellings met once may be values too. And a slip leaves the row's other columns as they were: a town
//! that is one letter from another, with a zip code that the other never has, is another town.

use super::Meant;
use super::evidence::{Group, Groups};
use super::frequent::has_letters;
use super::matcher::Matcher;
use ahash::RandomState;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// What is less sure than this by its letters is no slip that would be counted.
const SURE: f64 = 0.6;
/// Rare spellings looked at; of more, an even choice.
const LOOKED_AT: usize = 20_000;
/// Single edits that a letter allows and people make: leaving it out, exchanging it, putting a neighbour in its place or beside it.
const EDITS: f64 = 4.0;
/// Of so many spellings near a value, the greatest tenth is left out of the reckoning how often slips are made: a value may be among them.
const KINDS_MIN: usize = 4;
/// More than this the other columns never say for a slip, ...
const FOR_MAX: f64 = 10.0;
/// ... nor against it.
const AGAINST_MIN: f64 = 1e-3;
/// Rows of a spelling that are heard: they are not independent of each other.
const HEARD: u32 = 3;
/// How well a frequent value must tell another column (mean logarithm of how much more often than elsewhere its values stand there) for that column
/// to speak for a slip.
const TELLING: f64 = 0.7;

/// A rare spelling near a frequent one.
pub(super) struct Near<'a> {
    pub text: &'a str,
    pub to: String,
    /// Rows that have it, and that have the frequent one.
    pub rows: u64,
    pub others: u64,
    /// One edit, or more.
    far: bool,
    noise: bool,
    sure: f64,
}

/// The rare spellings of `counts` that `matcher`, which knows nothing of their odds yet, would bring to frequent ones.
pub(super) fn near<'a>(matcher: &Matcher, counts: &mut dyn Iterator<Item = (&'a str, u64)>) -> (Vec<Near<'a>>, usize) {
    let mut rare: Vec<(&str, u64)> = counts.filter(|(t, _)| has_letters(t) && !matcher.is_canon(t)).collect();
    rare.sort_unstable();
    let step = rare.len().div_ceil(LOOKED_AT).max(1);
    let mut out = Vec::new();
    for (text, rows) in rare.iter().step_by(step) {
        let Some((Meant::Canon(at, sure), distance)) = matcher.find_near(text) else { continue };
        if distance == 0 {
            continue;
        }
        let to = matcher.text(at).to_string();
        let noise = matcher.evidence().is_some_and(|e| e.likeness.of(text, &to).noise_only);
        out.push(Near { text, rows: *rows, others: matcher.count(at), to, far: distance > 1, noise, sure });
    }
    (out, rare.len().div_ceil(step))
}

/// By how much each repeated spelling is less likely a slip than one that is met once; of those met once nothing is said.
pub(super) fn repetition(near: &[Near], matcher: &Matcher) -> BTreeMap<String, f64> {
    let mut slips: BTreeMap<&str, f64> = BTreeMap::new();
    near.iter().filter(|n| !n.far && !n.noise && n.sure > SURE).for_each(|n| *slips.entry(&n.to).or_default() += 1.0);
    let all: f64 = slips.values().sum();
    let rows: BTreeMap<&str, u64> = near.iter().map(|n| (n.to.as_str(), n.others)).collect();
    let rate = all / rows.values().sum::<u64>().max(1) as f64;
    let rates = [false, true].map(|far| usual(near, matcher, far).max(rate));
    let repeated = near.iter().filter(|n| n.rows > 1 && !n.noise);
    let odds = |n: &Near| round(again(n, slips.get(n.to.as_str()).copied().unwrap_or(0.0), rates[usize::from(n.far)]));
    repeated.map(|n| (n.text.to_string(), odds(n))).collect()
}

/// Slips in a row of a frequent value, as is usual among them: whoever writes a column makes as many in one value as in another, while rare values
/// that are right stand near some frequent ones, and not near others.
fn usual(near: &[Near], matcher: &Matcher, far: bool) -> f64 {
    let mut of: BTreeMap<&str, (u64, Vec<u64>)> = BTreeMap::new();
    for (text, rows) in matcher.frequent() {
        of.insert(text, (rows, Vec::new()));
    }
    for n in near.iter().filter(|n| n.far == far && !n.noise && n.sure > SURE) {
        if let Some((_, kinds)) = of.get_mut(n.to.as_str()) {
            kinds.push(n.rows);
        }
    }
    let mut shares: Vec<f64> = of
        .into_values()
        .map(|(rows, mut kinds)| {
            kinds.sort_unstable();
            let left_out = if kinds.len() < KINDS_MIN { 0 } else { kinds.len().div_ceil(10) };
            let slips: u64 = match kinds.len() {
                n if n < KINDS_MIN => n as u64,
                n => kinds[..n - left_out].iter().sum(),
            };
            slips as f64 / rows.max(1) as f64
        })
        .collect();
    shares.sort_unstable_by(f64::total_cmp);
    shares.get(shares.len() / 2).copied().unwrap_or(0.0)
}

/// How often one certain slip of a value is to be expected, as many as there are of all; and so how likely it comes `rows` times, against a value that
/// is merely rare. Rare values come 1, 2, 3, … times as 1/2, 1/6, 1/12, …; slips as Poisson says.
fn again(near: &Near, slips: f64, rate: f64) -> f64 {
    let mut ways = EDITS * near.to.chars().count().max(1) as f64;
    if near.far {
        ways = ways * ways / 2.0;
    }
    let by_kind = -(1.0 - (slips / ways).min(0.95)).ln();
    let expected = by_kind.max(rate * near.others as f64 / ways);
    let n = near.rows as f64;
    // expected^(n-1) / (n-1)! · (n+1)/2
    let mut odds = (n + 1.0) / 2.0;
    for k in 1..near.rows.min(10_000) {
        odds *= expected / k as f64;
        // Beyond what is expected it only falls; before, it is as likely as can be.
        if k as f64 > expected && odds < 1e-6 {
            return 0.0;
        }
        odds = odds.min(1e6);
    }
    odds.min(1.0)
}

/// The share of spellings met once near a frequent one that are right nevertheless, of one edit and of more: as many values are met once as are met more
/// often.
pub(super) fn crowd(near: &[Near], repetition: &BTreeMap<String, f64>) -> [f64; 2] {
    let share = |far: bool| {
        let (mut values, mut once) = (0.0, 0.0);
        for n in near.iter().filter(|n| n.far == far && !n.noise && n.sure > SURE) {
            match repetition.get(n.text) {
                None => once += 1.0,
                // Beyond what its letters leave open, or many slips that come again would make a value.
                Some(odds) => values += (1.0 / (1.0 + n.sure / (1.0 - n.sure).max(0.01) * odds) - (1.0 - n.sure)).max(0.0),
            }
        }
        if values < 0.5 { 0.0 } else { (values / f64::max(once, 1.0)).min(1.0) }
    };
    let one = share(false);
    [one, share(true).max(one)]
}

/// How many of the spellings are near a frequent one, by edits.
pub(super) fn how_many(near: &[Near]) -> [usize; 2] {
    let of = |far: bool| near.iter().filter(|n| n.far == far && n.sure > SURE).count();
    [of(false), of(true)]
}

/// A column beside the one that is mended: for each of that one's values, its own.
pub(super) struct Witness<'a> {
    groups: &'a Groups,
    /// How often each of its values occurs.
    totals: HashMap<&'a str, u64, RandomState>,
    rows: u64,
}

impl<'a> Witness<'a> {
    pub(super) fn new(groups: &'a Groups) -> Self {
        let mut totals: HashMap<&str, u64, RandomState> = HashMap::with_hasher(crate::measure::hasher());
        let mut rows = 0;
        for g in groups.groups.values() {
            rows += u64::from(g.rows());
            g.values.iter().for_each(|(v, n)| *totals.entry(v).or_default() += u64::from(*n));
        }
        Witness { groups, totals, rows }
    }

    /// What it says against the first being a slip for the second (1 or less), and what for it (1 or more).
    fn says(&self, rare: &str, frequent: &str) -> (f64, f64) {
        let (Some(mine), Some(theirs)) = (self.groups.groups.get(rare), self.groups.groups.get(frequent)) else { return (1.0, 1.0) };
        let (m, k) = (f64::from(theirs.rows()), f64::from(mine.rows()));
        let outside = self.rows as f64 - m - k;
        if m < 5.0 || k < 1.0 || outside < 5.0 {
            return (1.0, 1.0);
        }
        let of_theirs = |v: &str| theirs.values.iter().find(|(t, _)| **t == *v).map_or(0, |(_, n)| *n);
        let of_mine = |v: &str| mine.values.iter().find(|(t, _)| **t == *v).map_or(0, |(_, n)| *n);
        let total = |v: &str| self.totals.get(v).copied().unwrap_or(0);
        let elsewhere = |v: &str| total(v).saturating_sub(u64::from(of_theirs(v) + of_mine(v))) as f64;
        let strange: u32 = mine.values.iter().filter(|(v, _)| of_theirs(v) == 0).map(|(_, n)| n).sum::<u32>() + mine.others;
        let mut against = 1.0;
        if strange > 0 && theirs.others == 0 {
            // How often the frequent value has a new one beside it, and how often other values have one that it never has.
            let once: u32 = theirs.values.iter().filter(|(_, n)| *n == 1).map(|(_, n)| n).sum();
            let new = (f64::from(once) + 0.5) / (m + 1.0);
            let shared: f64 = theirs.values.iter().map(|(v, _)| elsewhere(v)).sum();
            let apart = ((outside - shared) / outside).max(0.0);
            if apart > new {
                against = (new / apart).powi(strange.min(HEARD) as i32).max(AGAINST_MIN);
            }
        }
        let mut speaks_for = 1.0;
        if strange < mine.rows() && self.tells(theirs, outside, &elsewhere) >= TELLING {
            let heard = mine.values.iter().filter(|(v, _)| of_theirs(v) >= 2);
            for (v, n) in heard {
                let usual = (elsewhere(v) + 0.5) / (outside + 1.0);
                let more = f64::from(of_theirs(v)) / m / usual;
                speaks_for *= more.powi((*n).min(HEARD) as i32);
            }
        }
        (against, speaks_for.clamp(1.0, FOR_MAX))
    }

    /// The mean logarithm of how much more often the group's values stand in it than elsewhere; a value that stands there once tells nothing.
    fn tells(&self, group: &Group, outside: f64, elsewhere: &dyn Fn(&str) -> f64) -> f64 {
        let m = f64::from(group.rows());
        let of = |(v, n): &(Box<str>, u32)| {
            let own = f64::from(*n - 1) / (m - 1.0).max(1.0);
            let usual = (elsewhere(v) + 0.5) / (outside + 1.0);
            f64::from(*n) / m * if *n < 2 { -2.0 } else { (own / usual).ln() }
        };
        group.values.iter().map(of).sum::<f64>() - 2.0 * f64::from(group.others) / m
    }
}

/// What all columns beside it say of one spelling's being a slip for another: the strongest against it, times the strongest for it.
pub(super) fn beside(witnesses: &[Witness], rare: &str, frequent: &str) -> f64 {
    let (mut against, mut speaks_for) = (1.0f64, 1.0f64);
    for w in witnesses {
        let (a, f) = w.says(rare, frequent);
        (against, speaks_for) = (against.min(a), speaks_for.max(f));
    }
    round(against * speaks_for)
}

/// A probability after evidence that is `odds` times likelier if it holds.
pub(super) fn after(sure: f64, odds: f64) -> f64 {
    if odds == 1.0 || sure <= 0.0 {
        return sure;
    }
    let sure = sure.min(0.995);
    let before = sure / (1.0 - sure) * odds;
    before / (1.0 + before)
}

fn round(x: f64) -> f64 {
    if x < 1e-4 { 0.0 } else { (x * 1e4).round() / 1e4 }
}
