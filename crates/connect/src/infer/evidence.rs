//! What the cells of one column are, counted.

use super::moment::{ISO_TIME, Moments, Ways, has_zone};
use super::number::{Number, Way, number};
use super::place::Stretch;
use crate::formats::convert::boolean::boolean;
use std::collections::{BTreeMap, HashMap};
use tidemill_core::Negative;

/// Distinct values counted at most; a column with more has `values: None`.
pub const VALUES_MAX: usize = 20_000;
const UNITS_MAX: usize = 64;
const ODD_MAX: usize = 2_000;
/// Numbers kept per unit, to compare sizes.
const SIZES_MAX: usize = 256;

/// Texts that stand for nothing wherever they are met. Compared without case.
pub(super) const MISSING: [&str; 14] = [
    "n/a", "#n/a", "null", "nan", "\\n", "<na>", "n.a.", "(null)", // and what a spreadsheet shows instead of a value it can't compute
    "#null!", "#ref!", "#value!", "#div/0!", "#name?", "#num!",
];
/// Texts that stand for nothing where numbers or dates are.
pub(super) const MISSING_AMONG_TYPED: [&str; 12] =
    ["na", "none", "-", "--", "?", ".", "nil", "unknown", "missing", "not available", "tbd", "#div/0!"];

/// Counts of one column's cells.
#[derive(Debug, Default)]
pub struct Evidence {
    pub rows: u64,
    /// Empty cells.
    pub missing: u64,
    /// Of `missing`: texts of no length, which a quoted `""` is.
    pub empty_texts: u64,
    /// Cells of nothing but white space.
    pub blank: u64,
    pub numbers: Numbers,
    pub booleans: u64,
    /// `0` and `1`.
    pub bits: u64,
    /// Instants with a zone of their own.
    pub zoned: u64,
    /// Where the numbers are, and where the texts that are none.
    pub stretches: [Stretch; 2],
    /// Cells by the patterns that read them, with an example.
    pub(super) moments: BTreeMap<Ways, (u64, String)>,
    /// Cells that stand for nothing, as written.
    pub tokens: BTreeMap<String, u64>,
    /// Cells that are none of these, by value; at most some thousands of values are kept.
    pub odd: BTreeMap<String, u64>,
    pub odd_rows: u64,
    /// Cells with white space at an end.
    pub spaced: u64,
    pub length_max: usize,
    /// All values (trimmed) with their counts, while there are not too many.
    pub values: Option<HashMap<Box<str>, u64>>,
    pub(super) begun: bool,
}

/// Cells that are numbers, by the way they are written. A cell with a unit counts under `units` too.
#[derive(Debug, Default, Clone)]
pub struct Numbers {
    pub integers: u64,
    pub leading_zeros: u64,
    pub huge: u64,
    pub point_zeros: u64,
    pub points: u64,
    pub exponents: u64,
    pub bare_exponents: u64,
    pub commas: u64,
    pub commas_or_thousands: u64,
    pub comma_thousands: u64,
    pub point_thousands: u64,
    pub space_thousands: u64,
    /// Of `points` and `point_zeros`: those like `1.234`, which may be a thousand.
    pub points_or_thousands: u64,
    pub negatives: u64,
    /// Of `negatives`: written `(5)`, and `5-`, of which some look like years.
    pub in_parentheses: u64,
    pub trailing: u64,
    pub trailing_years: u64,
    pub least: Option<f64>,
    pub most: Option<f64>,
    pub scale_max: u32,
    /// Cells by scale, 0 to 7.
    pub scales: [u64; 8],
    pub whole_max: u32,
    /// Of whole numbers: shortest and longest.
    pub digits_min: u32,
    /// Units after (and, with a `^` before them, signs in front of) numbers; `""`: none.
    pub units: BTreeMap<String, Unit>,
    pub unit_overflow: bool,
}

#[derive(Debug, Default, Clone)]
pub struct Unit {
    pub rows: u64,
    /// Some of the numbers.
    pub sizes: Vec<f64>,
}

impl Numbers {
    pub fn all(&self) -> u64 {
        self.integers
            + self.leading_zeros
            + self.huge
            + self.point_zeros
            + self.points
            + self.exponents
            + self.bare_exponents
            + self.commas
            + self.commas_or_thousands
            + self.comma_thousands
            + self.point_thousands
            + self.space_thousands
    }

    fn see(&mut self, n: &Number) {
        let counter = match n.way {
            Way::Integer => &mut self.integers,
            Way::LeadingZero => &mut self.leading_zeros,
            Way::Huge => &mut self.huge,
            Way::PointZero => &mut self.point_zeros,
            Way::Point => &mut self.points,
            Way::Exponent => &mut self.exponents,
            Way::BareExponent => &mut self.bare_exponents,
            Way::Comma => &mut self.commas,
            Way::CommaOrThousands => &mut self.commas_or_thousands,
            Way::CommaThousands => &mut self.comma_thousands,
            Way::PointThousands => &mut self.point_thousands,
            Way::SpaceThousands => &mut self.space_thousands,
        };
        *counter += 1;
        let is_group = matches!(n.way, Way::Point | Way::PointZero) && n.scale == 3 && (1..=3).contains(&n.whole);
        self.points_or_thousands += u64::from(is_group);
        self.negatives += u64::from(n.is_negative);
        self.in_parentheses += u64::from(n.negative == Negative::Parentheses);
        if n.negative == Negative::Trailing {
            self.trailing += 1;
            self.trailing_years += u64::from(n.way == Way::Integer && (1000.0..2200.0).contains(&n.value.abs()));
        }
        self.least = Some(self.least.map_or(n.value, |v| v.min(n.value)));
        self.most = Some(self.most.map_or(n.value, |v| v.max(n.value)));
        self.scale_max = self.scale_max.max(n.scale);
        self.scales[n.scale.min(7) as usize] += 1;
        self.whole_max = self.whole_max.max(n.whole);
        if n.scale == 0 && n.whole > 0 {
            self.digits_min = if self.digits_min == 0 { n.whole } else { self.digits_min.min(n.whole) };
        }
        let key = if n.prefix.is_empty() { n.unit } else { n.prefix };
        let key = match (n.prefix.is_empty(), n.unit.is_empty()) {
            (false, false) => std::borrow::Cow::Owned(format!("{}\u{0}{}", n.prefix, n.unit)),
            _ => std::borrow::Cow::Borrowed(key),
        };
        if !self.units.contains_key(&*key) {
            if self.units.len() >= UNITS_MAX {
                self.unit_overflow = true;
                return;
            }
            self.units.insert(key.clone().into_owned(), Unit::default());
        }
        let Some(unit) = self.units.get_mut(&*key) else { return };
        unit.rows += 1;
        if unit.sizes.len() < SIZES_MAX {
            unit.sizes.push(n.value.abs());
        }
    }

    fn absorb(&mut self, other: Numbers) {
        let pairs = [
            (&mut self.integers, other.integers),
            (&mut self.leading_zeros, other.leading_zeros),
            (&mut self.huge, other.huge),
            (&mut self.point_zeros, other.point_zeros),
            (&mut self.points, other.points),
            (&mut self.exponents, other.exponents),
            (&mut self.bare_exponents, other.bare_exponents),
            (&mut self.commas, other.commas),
            (&mut self.commas_or_thousands, other.commas_or_thousands),
            (&mut self.comma_thousands, other.comma_thousands),
            (&mut self.point_thousands, other.point_thousands),
            (&mut self.space_thousands, other.space_thousands),
            (&mut self.points_or_thousands, other.points_or_thousands),
            (&mut self.negatives, other.negatives),
            (&mut self.in_parentheses, other.in_parentheses),
            (&mut self.trailing, other.trailing),
            (&mut self.trailing_years, other.trailing_years),
        ];
        pairs.into_iter().for_each(|(a, b)| *a += b);
        self.least = self.least.into_iter().chain(other.least).reduce(f64::min);
        self.most = self.most.into_iter().chain(other.most).reduce(f64::max);
        self.scale_max = self.scale_max.max(other.scale_max);
        self.scales.iter_mut().zip(other.scales).for_each(|(a, b)| *a += b);
        self.whole_max = self.whole_max.max(other.whole_max);
        self.digits_min = match (self.digits_min, other.digits_min) {
            (0, n) | (n, 0) => n,
            (a, b) => a.min(b),
        };
        self.unit_overflow |= other.unit_overflow;
        for (text, unit) in other.units {
            if self.units.len() >= UNITS_MAX && !self.units.contains_key(&text) {
                self.unit_overflow = true;
                continue;
            }
            let mine = self.units.entry(text).or_default();
            mine.rows += unit.rows;
            let room = SIZES_MAX.saturating_sub(mine.sizes.len());
            mine.sizes.extend(unit.sizes.into_iter().take(room));
        }
    }
}

impl Evidence {
    /// Cells that hold something: neither empty nor a token that always means nothing.
    pub fn filled(&self) -> u64 {
        self.rows - self.missing - self.blank - self.tokens.values().sum::<u64>()
    }

    /// Distinct values, where there are few enough to count.
    pub fn distinct(&self) -> Option<usize> {
        self.values.as_ref().map(HashMap::len)
    }

    /// Values with their counts, most frequent first.
    pub fn top(&self) -> Vec<(&str, u64)> {
        let mut top: Vec<(&str, u64)> = self.values.iter().flatten().map(|(v, n)| (&**v, *n)).collect();
        top.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        top
    }

    pub(super) fn absorb(&mut self, other: Evidence) {
        let [numbers, texts] = other.stretches;
        self.stretches[0].absorb(numbers, self.rows);
        self.stretches[1].absorb(texts, self.rows);
        self.rows += other.rows;
        self.missing += other.missing;
        self.empty_texts += other.empty_texts;
        self.bits += other.bits;
        self.zoned += other.zoned;
        self.blank += other.blank;
        self.numbers.absorb(other.numbers);
        self.booleans += other.booleans;
        for (ways, (n, example)) in other.moments {
            self.moments.entry(ways).or_insert((0, example)).0 += n;
        }
        for (token, n) in other.tokens {
            *self.tokens.entry(token).or_insert(0) += n;
        }
        self.odd_rows += other.odd_rows;
        for (value, n) in other.odd {
            if self.odd.len() < ODD_MAX || self.odd.contains_key(&value) {
                *self.odd.entry(value).or_insert(0) += n;
            }
        }
        self.spaced += other.spaced;
        self.length_max = self.length_max.max(other.length_max);
        if !self.begun {
            self.begun = true;
            self.values = Some(HashMap::new());
        }
        self.values = match (self.values.take(), other.values) {
            (Some(mut mine), Some(theirs)) => {
                for (value, n) in theirs {
                    *mine.entry(value).or_insert(0) += n;
                }
                (mine.len() <= VALUES_MAX).then_some(mine)
            }
            _ => None,
        };
    }
}

/// The evidence of one morsel.
pub(super) struct Partial {
    evidence: Evidence,
    moments: Moments,
    /// What was found out about values that are neither plain numbers nor plain words, which repeat.
    known: HashMap<Box<str>, Ways>,
}

impl Partial {
    pub(super) fn new(counts_values: bool) -> Self {
        let evidence = Evidence { values: counts_values.then(HashMap::new), ..Evidence::default() };
        Partial { evidence, moments: Moments::default(), known: HashMap::new() }
    }

    pub(super) fn finish(self) -> Evidence {
        self.evidence
    }

    /// The next cell of the column, which is on line `line`.
    pub(super) fn see(&mut self, cell: Option<&str>, line: u64) {
        let e = &mut self.evidence;
        let at = (e.rows, line);
        e.rows += 1;
        let Some(cell) = cell else {
            e.missing += 1;
            return;
        };
        let text = cell.trim();
        if text.is_empty() {
            if cell.is_empty() {
                e.missing += 1;
                e.empty_texts += 1;
            } else {
                e.blank += 1
            }
            return;
        }
        e.spaced += u64::from(text.len() != cell.len());
        e.length_max = e.length_max.max(text.len());
        if let Some(values) = &mut e.values {
            if let Some(n) = values.get_mut(text) {
                *n += 1;
            } else if values.len() <= VALUES_MAX {
                values.insert(text.into(), 1);
            } else {
                e.values = None;
            }
        }
        let has_digit = text.bytes().any(|b| b.is_ascii_digit());
        if !has_digit {
            if text.len() <= 8 && MISSING.iter().any(|m| m.eq_ignore_ascii_case(text)) {
                *e.tokens.entry(text.to_string()).or_insert(0) += 1;
                return;
            }
            e.booleans += u64::from(text.len() <= 5 && boolean(text.as_bytes()).is_some());
            e.stretches[1].see(at);
            return self.odd(text);
        }
        e.bits += u64::from(matches!(text, "0" | "1"));
        if let Some(n) = number(text) {
            e.numbers.see(&n);
            e.stretches[0].see(at);
            // `12 Jan` would be a number with a unit: dates go on.
            if n.unit.is_empty() {
                return;
            }
        }
        let ways = match self.known.get(text) {
            Some(ways) => *ways,
            None => {
                let ways = self.moments.ways(text);
                if self.known.len() < 100_000 {
                    self.known.insert(text.into(), ways);
                }
                ways
            }
        };
        if ways != 0 {
            self.evidence.moments.entry(ways).or_insert_with(|| (0, text.to_string())).0 += 1;
            self.evidence.zoned += u64::from(ways & ISO_TIME != 0 && has_zone(text));
        } else if number(text).is_none() {
            self.evidence.stretches[1].see(at);
            self.odd(text);
        }
    }

    fn odd(&mut self, text: &str) {
        let e = &mut self.evidence;
        e.odd_rows += 1;
        if let Some(n) = e.odd.get_mut(text) {
            *n += 1;
        } else if e.odd.len() < ODD_MAX && text.len() <= 200 {
            e.odd.insert(text.to_string(), 1);
        }
    }
}
