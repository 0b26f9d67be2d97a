//! Values that may be wrong, by evidence within the column alone.

use super::encode::{show, value};
use super::kept::KeptColumn;
use super::moments::{civil, day_of};
use super::numbers::fences;
use super::texts::{normalised, reads_as_number, shape};
use super::{NumberProfile, Suspicious, Why};
use crate::cells::{is_moment, is_number};
use rapidfuzz::distance::damerau_levenshtein;
use std::collections::{BTreeMap, HashMap};

/// Reported per column at most.
const SHOWN: usize = 200;
/// Columns with more distinct texts are not searched for misspellings of each other.
const SPELLINGS_MAX: usize = 50_000;
/// A misspelling is this much rarer than what was meant.
const RATIO: u64 = 5;
/// Pairs of spellings compared at most.
const PAIRS_MAX: usize = 4_000_000;

const PLACEHOLDERS: &[(&str, f64)] = &[
    ("n/a", 0.98),
    ("#n/a", 0.98),
    ("na", 0.8),
    ("null", 0.98),
    ("nil", 0.9),
    ("nan", 0.95),
    ("none", 0.6),
    ("missing", 0.9),
    ("unknown", 0.7),
    ("undefined", 0.9),
    ("unspecified", 0.7),
    ("not available", 0.95),
    ("not applicable", 0.9),
    ("not specified", 0.8),
    ("tbd", 0.9),
    ("tba", 0.8),
    ("test", 0.6),
    ("xxx", 0.8),
    ("xx", 0.6),
    ("-", 0.9),
    ("--", 0.95),
    ("---", 0.95),
    ("?", 0.9),
    ("??", 0.9),
    ("???", 0.9),
    (".", 0.9),
    ("..", 0.9),
    ("...", 0.9),
    ("#ref!", 0.98),
    ("#value!", 0.98),
    ("#div/0!", 0.98),
    ("#name?", 0.98),
    ("(blank)", 0.9),
    ("<null>", 0.98),
    ("\\n", 0.9),
    ("blank", 0.6),
    ("empty", 0.6),
    ("dummy", 0.7),
    ("asdf", 0.9),
    ("lorem ipsum", 0.9),
];

pub(super) fn suspicious(
    c: &KeptColumn,
    counted: &[(i64, u64)],
    numbers: Option<&NumberProfile>,
    now_micros: i64,
    rows: u64,
) -> Vec<Suspicious> {
    let mut found = Found::default();
    if c.is_text() {
        texts(c, &mut found, rows);
    } else if let Some(p) = numbers.filter(|_| is_number(&c.data_type)) {
        spikes(c, counted, p, &mut found);
    } else if is_moment(&c.data_type) {
        dates(c, counted, now_micros, &mut found);
    }
    found.ranked()
}

#[derive(Default)]
pub(super) struct Found(BTreeMap<String, Suspicious>);

impl Found {
    /// One reason per value: the first that is sure enough.
    pub(super) fn add(&mut self, value: &str, rows: u64, why: Why, meant: Option<String>, confidence: f64) {
        let new = Suspicious { value: value.to_string(), rows, why, meant, confidence };
        match self.0.get_mut(value) {
            Some(old) if old.confidence >= confidence => {}
            Some(old) => *old = new,
            None => {
                self.0.insert(value.to_string(), new);
            }
        }
    }

    fn ranked(self) -> Vec<Suspicious> {
        let mut all: Vec<Suspicious> = self.0.into_values().collect();
        let weight = |s: &Suspicious| s.confidence * (1.0 + (s.rows as f64).ln());
        all.sort_by(|a, b| {
            let rank = |s: &Suspicious| (s.confidence < 0.5, s.why);
            rank(a).cmp(&rank(b)).then(weight(b).total_cmp(&weight(a))).then_with(|| a.value.cmp(&b.value))
        });
        all.truncate(SHOWN);
        all
    }
}

fn texts(c: &KeptColumn, found: &mut Found, rows: u64) {
    let Some(texts) = &c.dictionary.texts else { return };
    let counts = &c.dictionary.counts;
    let all: Vec<(&str, u64)> = counts.iter().enumerate().map(|(i, n)| (texts.get(i), *n)).collect();
    let present: u64 = counts.iter().sum();
    if present == 0 {
        return;
    }
    let numeric: u64 = all.iter().filter(|(t, _)| reads_as_number(t)).map(|(_, n)| n).sum();
    let share = numeric as f64 / present as f64;
    let mut shapes: HashMap<String, u64> = HashMap::new();
    let mut buffer = String::new();
    for (t, n) in &all {
        shape(t, &mut buffer);
        if let Some(count) = shapes.get_mut(&buffer) {
            *count += n;
        } else if shapes.len() < 4096 {
            shapes.insert(buffer.clone(), *n);
        }
    }
    let usual = shapes.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))).map(|(s, n)| (s.clone(), *n));
    // Codes have one shape, with digits in it and no words.
    let code = usual.filter(|(s, n)| *n as f64 >= 0.9 * present as f64 && s.contains('9') && !s.contains(' ') && s.len() >= 3);
    for (t, n) in &all {
        if let Some(meant) = misread(t) {
            found.add(t, *n, Why::Encoding, (!meant.is_empty()).then_some(meant), 0.97);
        } else if t.chars().any(is_stray) {
            found.add(t, *n, Why::Control, Some(t.chars().filter(|c| !is_stray(*c)).collect()), 0.95);
        }
        let trimmed = t.trim();
        if all.len() > 1 {
            let lower = trimmed.to_lowercase();
            // A word that many rows have is likelier a category.
            let often = n * 20 > present;
            if let Some((_, sure)) = PLACEHOLDERS.iter().find(|(p, sure)| *p == lower && (!often || *sure > 0.6)) {
                found.add(t, *n, Why::Placeholder, None, *sure);
            }
        }
        if trimmed.len() != t.len() && !trimmed.is_empty() {
            found.add(t, *n, Why::Padding, Some(trimmed.to_string()), 0.93);
        }
        let is_numeric = reads_as_number(t);
        if share >= 0.95 && !is_numeric && !trimmed.is_empty() {
            shape(t, &mut buffer);
            // A form that many rows have is another class of codes, no slip.
            let form = shapes.get(&buffer).copied().unwrap_or(0);
            if form * 200 < present {
                found.add(t, *n, Why::OddKind, None, 0.5 + 0.45 * share);
            }
        } else if share <= 0.02 && is_numeric && all.len() > 20 && code.is_none() {
            found.add(t, *n, Why::OddKind, None, 0.4);
        }
        if let Some((usual, _)) = &code {
            shape(t, &mut buffer);
            let odd = shapes.get(&buffer).copied().unwrap_or(0) as f64 / present as f64;
            if buffer != *usual && odd < 0.005 {
                found.add(t, *n, Why::Shape, None, 0.45);
            }
        }
    }
    super::forms::lost(&c.name, &all, present, found);
    units(&all, present, found);
    rare(&all, present, found);
    // Names of everything are not spellings of each other.
    if all.len() as u64 * 2 < present && rows > 0 {
        variants(&all, found);
        if all.len() <= SPELLINGS_MAX {
            spellings(&all, found);
        }
    } else {
        variants(&all, found);
    }
}

/// Categories of hardly any row, where there are few categories and many rows.
fn rare(all: &[(&str, u64)], present: u64, found: &mut Found) {
    if !(3..=40).contains(&all.len()) || present < 500 {
        return;
    }
    let typical = present / all.len() as u64;
    for (t, n) in
        all.iter().filter(|(t, n)| !t.contains(|c: char| c.is_ascii_digit()) && *n <= 20 && n * 500 <= present && n * 50 <= typical)
    {
        found.add(t, *n, Why::Rare, None, 0.5);
    }
}

fn is_stray(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{ad}')
}

/// UTF-8 that was read as Windows-1252, as it was meant; empty where that can't be told.
fn misread(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    if text.contains('\u{fffd}') {
        return Some(String::new());
    }
    if !text.contains(['Ã', 'Â', 'â', 'Å', 'Ä']) {
        return None;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(windows_1252).collect();
    let meant = String::from_utf8(bytes?).ok()?;
    (meant.chars().count() < text.chars().count()).then_some(meant)
}

fn windows_1252(c: char) -> Option<u8> {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match c as u32 {
        n @ (0..=0x7f | 0xa0..=0xff) => Some(n as u8),
        _ => HIGH.iter().position(|h| *h == c).map(|i| 0x80 + i as u8),
    }
}

/// Numbers with units: those whose unit few values have.
fn units(all: &[(&str, u64)], present: u64, found: &mut Found) {
    let mut by_unit: BTreeMap<&str, u64> = BTreeMap::new();
    let mut with_unit = 0;
    for (t, n) in all {
        if let Some((_, unit)) = split_unit(t) {
            *by_unit.entry(unit).or_insert(0) += n;
            with_unit += n;
        }
    }
    // Bare numbers, and a few with a unit: whether it belongs to all is not known.
    let bare: u64 = all.iter().filter(|(t, _)| reads_as_number(t)).map(|(_, n)| n).sum();
    if with_unit > 0 && bare > with_unit && (bare + with_unit) * 10 >= present * 9 && by_unit.len() <= 20 {
        for (t, n) in all.iter().filter(|(t, _)| split_unit(t).is_some()) {
            found.add(t, *n, Why::Unit, None, 0.96);
        }
        return;
    }
    if with_unit * 10 < present * 8 || by_unit.len() > 200 {
        return;
    }
    let Some((usual, most)) = by_unit.iter().max_by_key(|(_, n)| **n).map(|(u, n)| ((*u).to_string(), *n)) else { return };
    let alike: u64 = by_unit.iter().filter(|(u, _)| is_same_unit(&usual, u)).map(|(_, n)| n).sum();
    if alike * 10 < with_unit * 5 || most * 10 < with_unit {
        return;
    }
    for (t, n) in all {
        match split_unit(t) {
            Some((number, unit)) if unit != usual => {
                let space = if t.contains(' ') { " " } else { "" };
                let same = is_same_unit(&usual, unit);
                let meant = same.then(|| format!("{number}{space}{usual}"));
                found.add(t, *n, Why::Unit, meant, if same { 0.96 } else { 0.6 });
            }
            None if !t.trim().is_empty() => found.add(t, *n, Why::Unit, None, 0.5),
            _ => {}
        }
    }
}

/// Units that are written in several ways.
const UNITS: &[&[&str]] = &[
    &["oz", "ozs", "ounce", "ounces"],
    &["lb", "lbs", "pound", "pounds"],
    &["kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"],
    &["g", "gr", "gram", "grams"],
    &["mg", "milligram", "milligrams"],
    &["l", "ltr", "liter", "liters", "litre", "litres"],
    &["ml", "milliliter", "milliliters", "millilitre", "millilitres"],
    &["km", "kms", "kilometer", "kilometers", "kilometre", "kilometres"],
    &["m", "meter", "meters", "metre", "metres"],
    &["cm", "centimeter", "centimeters", "centimetre", "centimetres"],
    &["mm", "millimeter", "millimeters", "millimetre", "millimetres"],
    &["in", "inch", "inches"],
    &["ft", "foot", "feet"],
    &["mi", "mile", "miles"],
    &["h", "hr", "hrs", "hour", "hours"],
    &["min", "mins", "minute", "minutes"],
    &["s", "sec", "secs", "second", "seconds"],
    &["d", "day", "days"],
    &["%", "pct", "percent"],
];

fn is_same_unit(a: &str, b: &str) -> bool {
    let plain = |t: &str| t.to_lowercase().chars().filter(|c| c.is_alphabetic() || *c == '%').collect::<String>();
    let (a, b) = (plain(a), plain(b));
    a == b || UNITS.iter().any(|names| names.contains(&a.as_str()) && names.contains(&b.as_str()))
}

/// "12.0 oz." as ("12.0", "oz.").
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let t = text.trim();
    let end = t.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+')))?;
    let (number, unit) = t.split_at(end);
    let unit = unit.trim();
    let plain = !unit.is_empty() && unit.len() <= 24 && unit.starts_with(|c: char| c.is_alphabetic() || "%°€$£".contains(c));
    (plain && number.bytes().any(|b| b.is_ascii_digit()) && !unit.bytes().any(|b| b.is_ascii_digit())).then_some((number, unit))
}

/// Values that are the same but for case, accents, spaces and punctuation.
fn variants(all: &[(&str, u64)], found: &mut Found) {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::with_capacity(all.len());
    for (i, (t, _)) in all.iter().enumerate() {
        let n = normalised(t);
        if !n.is_empty() {
            groups.entry(n).or_default().push(i);
        }
    }
    for group in groups.into_values().filter(|g| g.len() > 1) {
        let Some(best) = group.iter().copied().max_by(|a, b| all[*a].1.cmp(&all[*b].1).then(all[*b].0.cmp(all[*a].0))) else { continue };
        let (meant, most) = all[best];
        for i in group.into_iter().filter(|i| *i != best) {
            let (t, n) = all[i];
            let sure = 0.6 + 0.35 * (1.0 - n as f64 / most.max(1) as f64);
            found.add(t, n, Why::Variant, Some(meant.to_string()), sure);
        }
    }
}

/// Rare spellings near frequent ones. What differs must be letters: codes that differ in a digit are different codes.
fn spellings(all: &[(&str, u64)], found: &mut Found) {
    let lower: Vec<Vec<char>> = all.iter().map(|(t, _)| t.trim().to_lowercase().chars().collect()).collect();
    let digits: Vec<String> = lower.iter().map(|t| t.iter().filter(|c| c.is_numeric()).collect()).collect();
    let most = all.iter().map(|(_, n)| *n).max().unwrap_or(0);
    if most < RATIO {
        return;
    }
    // Two spellings at most two edits apart share their beginning or their end.
    let mut blocks: HashMap<(bool, [char; 2]), Vec<usize>> = HashMap::new();
    for (i, t) in lower.iter().enumerate() {
        if all[i].1 >= RATIO && t.len() >= 4 {
            blocks.entry((true, [t[0], t[1]])).or_default().push(i);
            blocks.entry((false, [t[t.len() - 2], t[t.len() - 1]])).or_default().push(i);
        }
    }
    let words = words(all);
    let mut left = PAIRS_MAX;
    for (i, t) in lower.iter().enumerate() {
        let (text, n) = all[i];
        if t.len() < 4 || n * RATIO > most || left == 0 {
            continue;
        }
        let reach = if t.len() < 8 { 1 } else { 2 };
        let mut best: Option<(usize, u64, usize)> = None;
        for key in [(true, [t[0], t[1]]), (false, [t[t.len() - 2], t[t.len() - 1]])] {
            for j in blocks.get(&key).into_iter().flatten().copied() {
                let (m, u) = (all[j].1, &lower[j]);
                if j == i || m < n * RATIO || u.len().abs_diff(t.len()) > reach || digits[i] != digits[j] || u == t {
                    continue;
                }
                left = left.saturating_sub(1);
                let args = damerau_levenshtein::Args::default().score_cutoff(reach);
                let Some(d) = damerau_levenshtein::distance_with_args(t.iter().copied(), u.iter().copied(), &args) else { continue };
                if !is_slip(all[i].0, all[j].0, n, &words) {
                    continue;
                }
                if best.is_none_or(|(bd, bm, bj)| (d, std::cmp::Reverse(m), j) < (bd, std::cmp::Reverse(bm), bj)) {
                    best = Some((d, m, j));
                }
            }
        }
        if let Some((d, m, j)) = best {
            let near = 1.0 - d as f64 / t.len().max(lower[j].len()) as f64;
            // A lone "s" behind, or a word that exists by itself often, is likelier meant.
            let plural = t.len().abs_diff(lower[j].len()) == 1 && (t.ends_with(&['s']) != lower[j].ends_with(&['s']));
            let rare = 1.0 - (n as f64 * RATIO as f64 / m as f64).min(1.0) * 0.5;
            let sure = (near * rare * if plural { 0.6 } else { 1.0 }).clamp(0.0, 0.95);
            if sure >= 0.5 {
                found.add(text, n, Why::Spelling, Some(all[j].0.to_string()), sure);
            }
        }
    }
}

/// In how many rows each word occurs.
fn words(all: &[(&str, u64)]) -> HashMap<String, u64> {
    let mut words: HashMap<String, u64> = HashMap::new();
    for (t, n) in all {
        for word in t.split_whitespace() {
            *words.entry(word.to_lowercase()).or_insert(0) += n;
        }
    }
    words
}

/// Whether what differs are slips within words: a word that other values have too is a word of its own ("box" and "pot").
fn is_slip(rare: &str, frequent: &str, n: u64, words: &HashMap<String, u64>) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (rare.split_whitespace().collect(), frequent.split_whitespace().collect());
    if a.len() != b.len() {
        return a.concat().to_lowercase() == b.concat().to_lowercase();
    }
    a.iter().zip(&b).all(|(x, y)| {
        let (x, y) = (x.to_lowercase(), y.to_lowercase());
        if x == y {
            return true;
        }
        let longest = x.chars().count().max(y.chars().count());
        let d = damerau_levenshtein::distance(x.chars(), y.chars());
        let elsewhere = words.get(&x).copied().unwrap_or(0).saturating_sub(n);
        // Codes differ in a letter because they are different codes.
        let digits = x.chars().filter(char::is_ascii_digit).count();
        let letters = x.chars().filter(|c| c.is_alphabetic()).count();
        longest >= 4 && letters >= 3 && letters >= 2 * digits && d <= 1.max(longest / 4) && elsewhere <= n
    })
}

/// A digit repeated, or all but one: 9999, 666666, 99999.99, and -1 or -999 where nothing else is negative.
fn is_filler(v: f64) -> bool {
    let text = format!("{}", v.abs());
    let mut digits = text.chars().filter(char::is_ascii_digit);
    let Some(first) = digits.next() else { return false };
    text.len() >= 4 && first != '0' && digits.all(|d| d == first)
}

/// Numbers that stand for none by custom: 999, -999, 9999, 99999.
fn is_stand_in(v: f64) -> bool {
    let size = v.abs();
    v.fract() == 0.0 && (99.0..1e12).contains(&size) && (size != 99.0 || v < 0.0) && format!("{size:.0}").bytes().all(|b| b == b'9')
}

/// Rows that a number for none is met in, at least.
const STAND_IN_ROWS_MIN: u64 = 3;

/// Numbers for none that come again and again, further from the others than these are from each other.
fn stand_ins(values: &[(f64, u64)], text: &dyn Fn(usize) -> String, found: &mut Found) {
    let is = |i: usize| is_stand_in(values[i].0) && values[i].1 >= STAND_IN_ROWS_MIN;
    let (mut low, mut high) = (0, values.len() - 1);
    while low < high && is(low) {
        low += 1;
    }
    while high > low && is(high) {
        high -= 1;
    }
    let (least, most) = (values[low].0, values[high].0);
    for i in (0..low).chain(high + 1..values.len()) {
        let (v, n) = values[i];
        let away = if v < least { least - v } else { v - most };
        if most > least && away > most - least {
            found.add(&text(i), n, Why::Placeholder, None, 0.95);
        }
    }
}

fn spikes(c: &KeptColumn, counted: &[(i64, u64)], p: &NumberProfile, found: &mut Found) {
    let values: Vec<(f64, u64)> =
        counted.iter().map(|(k, n)| (value(*k as u64, &c.data_type), *n)).filter(|(v, _)| v.is_finite()).collect();
    if values.len() < 10 {
        return;
    }
    let text = |at: usize| show(counted[at].0 as u64, &c.data_type);
    if values.len() == counted.len() {
        stand_ins(&values, &text, found);
    }
    let (low, high) = fences(p);
    let at = |q: f64| p.quantiles.iter().find(|(x, _)| *x == q).map_or(0.0, |(_, v)| *v);
    let median = at(0.5);
    let last = values.len() - 1;
    let offset = counted.len() - values.len(); // infinities stand at the ends; nothing is shown then
    if offset > 0 {
        return;
    }
    for (i, next) in [(0usize, 1usize), (last, last - 1)] {
        let (v, n) = values[i];
        let gap = (v - values[next].0).abs();
        let rest = (values[next].0 - median).abs();
        let outside = v < low || v > high;
        let alone = gap > 2.0 * rest && rest > 0.0 && low < high;
        if outside && is_filler(v) && gap > rest * 0.5 {
            found.add(&text(i), n, Why::Placeholder, None, if alone { 0.9 } else { 0.7 });
        } else if i == 0 && v < 0.0 && values[1].0 >= 0.0 && is_lonely_negative(v) {
            found.add(&text(i), n, Why::Placeholder, None, 0.8);
        } else if outside && alone {
            found.add(&text(i), n, Why::Spike, None, if n > 1 { 0.75 } else { 0.65 });
        }
    }
    // 9999 in the middle of a tail, but often.
    let typical = values.iter().map(|(_, n)| *n).sum::<u64>() / values.len() as u64;
    for (i, (v, n)) in values.iter().enumerate().rev().take(values.len() / 2) {
        if *v > high && is_filler(*v) && *n >= 5 && *n > typical * 10 {
            found.add(&text(i), *n, Why::Placeholder, None, 0.7);
        }
    }
}

fn is_lonely_negative(v: f64) -> bool {
    v == -1.0 || v == -9.0 || v == -99.0 || is_filler(v)
}

fn dates(c: &KeptColumn, counted: &[(i64, u64)], now_micros: i64, found: &mut Found) {
    let days: Vec<i64> = counted.iter().map(|(k, _)| day_of(*k, &c.data_type)).collect();
    let now = now_micros.div_euclid(86_400_000_000);
    let text = |i: usize| show(counted[i].0 as u64, &c.data_type);
    for (i, day) in days.iter().enumerate().rev().take(1000) {
        if *day <= now {
            break;
        }
        found.add(&text(i), counted[i].1, Why::Future, None, if *day > now + 3650 { 0.9 } else { 0.6 });
    }
    if days.len() < 10 {
        return;
    }
    let last = days.len() - 1;
    for (i, next) in [(0, 1), (last, last - 1)] {
        let gap = (days[i] - days[next]).abs();
        let rest = (days[next] - days[last - i.min(last)]).abs().max(1);
        let known = matches!(
            civil(days[i]),
            (1900, 1, 1) | (1970, 1, 1) | (1899, 12, 30..=31) | (1, 1, 1) | (9999, 12, 31) | (2099 | 2999, 12, 31)
        );
        if known && gap > 365 {
            found.add(&text(i), counted[i].1, Why::Placeholder, None, 0.95);
        } else if gap > rest && gap > 365 {
            found.add(&text(i), counted[i].1, Why::Spike, None, 0.7);
        }
    }
}
