//! From evidence to a reading.

use super::evidence::{Evidence, MISSING_AMONG_TYPED, Numbers, Unit};
use super::moment::{ISO_DATE, ISO_TIME, Ways, is_zero_date, known, swapped};
use super::money::is_currency;
use super::names::{is_code, is_money_name, is_time_name, is_version, words};
use super::units::{is_known_unit, is_sized, units};
use arrow::datatypes::{DataType, TimeUnit};
use tidemill_core::{ColumnRead, Negative};

/// How a column should be read, and why.
#[derive(Debug)]
pub struct Guess {
    pub read: ColumnRead,
    pub sureness: Sureness,
    pub doubts: Vec<Doubt>,
    /// Values that are not of the type, most frequent first, and how many cells they are.
    pub bad: Vec<(String, u64)>,
    pub bad_rows: u64,
    /// Of `bad_rows`: in rows that are no rows of the table, such as a total at its end.
    pub bad_rows_outside: u64,
    /// Cells that hold a value after NULL tokens are taken out.
    pub filled: u64,
    pub is_money: bool,
    pub evidence: Evidence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sureness {
    /// Every cell fits.
    Sure,
    /// All but a few cells fit (`bad`): they are the exception, or the guess is wrong.
    Almost,
}

/// What the data leave open.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// Every date could be day first or month first; day first was taken.
    DayOrMonth { example: String },
    /// Dates come day first and month first, so the column stays text.
    BothOrders { example: String },
    /// `1,234` is a thousand or a fraction; a thousand was taken.
    Thousands { example: String },
    /// Numbers with units that may not be of one size, so the column stays text.
    Units { units: Vec<(String, u64)> },
    /// Numbers behind which K, M or the like say their size, so the column stays text.
    Magnitudes { units: Vec<(String, u64)> },
    /// A word that may stand for a missing value in a text column.
    MaybeMissing { token: String, rows: u64 },
    /// Whole numbers, read as text since they are a code (a zip code, a phone number, a leading zero).
    Code { because: &'static str },
    /// Seconds or parts of them since 1970, read as instants.
    Epoch { parts: &'static str },
}

/// Numbers in brackets, or with a minus behind, that make a habit.
const MARKED_MIN: u64 = 3;

/// What fewer than one in so many numbers have is an exception.
const RARE: u64 = 50;

/// At most this share of cells may not fit a type that the column is nevertheless said to have.
const BAD_SHARE_MAX: f64 = 0.05;

pub(super) fn decide(name: &str, label: &str, evidence: Evidence) -> Guess {
    let words = words(label);
    let mut read = ColumnRead { label: label.to_string(), ..ColumnRead::new(name, DataType::Utf8) };
    let always: Vec<String> = evidence.tokens.keys().cloned().collect();
    let mut among_typed: Vec<(String, u64)> = evidence
        .odd
        .iter()
        .filter(|(v, _)| MISSING_AMONG_TYPED.iter().any(|m| m.eq_ignore_ascii_case(v)))
        .map(|(v, n)| (v.clone(), *n))
        .collect();
    let filled = evidence.filled();
    let absent: u64 = among_typed.iter().map(|(_, n)| n).sum();
    let typed_filled = filled - absent;
    let mut doubts = Vec::new();
    let mut sureness = Sureness::Sure;
    let mut fits = filled;

    let zeros: Vec<(String, u64)> = evidence.odd.iter().filter(|(v, _)| is_zero_date(v)).map(|(v, n)| (v.clone(), *n)).collect();
    let dated_filled = typed_filled - zeros.iter().map(|(_, n)| n).sum::<u64>();
    let mut found = None;
    if dated_filled > 0 {
        found =
            booleans(&evidence, filled).or_else(|| moments(&evidence, dated_filled, &mut doubts).inspect(|_| among_typed.extend(zeros)));
    }
    let typed_filled = if found.is_some() { filled - among_typed.iter().map(|(_, n)| n).sum::<u64>() } else { typed_filled };
    if found.is_none() && typed_filled > 0 {
        found = numbers(&evidence, typed_filled, &words, &mut doubts);
    }
    let mut is_money = false;
    match found {
        Some(f) => {
            read.data_type = f.data_type;
            read.formats = f.formats;
            read.units = f.units;
            read.thousands = f.thousands;
            read.decimal = f.decimal;
            read.negative = f.negative;
            is_money = f.is_money;
            fits = f.fits;
            read.null_tokens = always;
            read.null_tokens.extend(among_typed.into_iter().map(|(t, _)| t));
            if f.fits < typed_filled {
                sureness = Sureness::Almost;
            }
            if sureness == Sureness::Almost && is_a_kind(&evidence, &read.null_tokens) {
                // `C536379` among `536365` is no damage: the column holds codes.
                let read = ColumnRead {
                    label: label.to_string(),
                    null_tokens: evidence.tokens.keys().cloned().collect(),
                    ..ColumnRead::new(name, DataType::Utf8)
                };
                doubts.clear();
                return Guess {
                    read,
                    sureness: Sureness::Sure,
                    doubts,
                    bad: Vec::new(),
                    bad_rows: 0,
                    bad_rows_outside: 0,
                    filled,
                    is_money: false,
                    evidence,
                };
            }
        }
        None => {
            read.null_tokens = always;
            read.trim = evidence.spaced > 0;
            // A word for nothing is one only beside other values, and only when it is met more than once.
            for (token, rows) in among_typed {
                if rows > 1 && rows < filled {
                    doubts.push(Doubt::MaybeMissing { token, rows });
                }
            }
        }
    }
    let is_text = read.data_type == DataType::Utf8;
    let filled = if is_text { filled } else { typed_filled };
    let mut bad: Vec<(String, u64)> = Vec::new();
    if sureness == Sureness::Almost {
        bad = evidence.odd.iter().filter(|(v, _)| !read.null_tokens.contains(v)).map(|(v, n)| (v.clone(), *n)).collect();
        bad.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    }
    let bad_rows = if is_text { 0 } else { filled - fits.min(filled) };
    Guess { read, sureness, doubts, bad, bad_rows, bad_rows_outside: 0, filled, is_money, evidence }
}

/// A type that the column may have.
struct Found {
    data_type: DataType,
    formats: Vec<String>,
    units: Vec<String>,
    thousands: Option<char>,
    decimal: char,
    negative: Negative,
    is_money: bool,
    /// Cells that it reads.
    fits: u64,
}

impl Found {
    fn of(data_type: DataType, fits: u64) -> Self {
        Found {
            data_type,
            formats: Vec::new(),
            units: Vec::new(),
            thousands: None,
            decimal: '.',
            negative: Negative::Minus,
            is_money: false,
            fits,
        }
    }
}

/// Whether the values that don't fit are mostly of one shape, which damage is not.
fn is_a_kind(e: &Evidence, tokens: &[String]) -> bool {
    let mut shapes: std::collections::HashMap<String, (usize, u64)> = std::collections::HashMap::new();
    let mut rows = 0;
    for (value, n) in e.odd.iter().filter(|(v, _)| !tokens.contains(v)) {
        let shape = value.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let counts = shapes.entry(shape).or_default();
        counts.0 += 1;
        counts.1 += n;
        rows += n;
    }
    let most = shapes.values().max_by_key(|(_, n)| *n).copied().unwrap_or_default();
    most.1 * 2 > rows && most.0 >= 10
}

/// Whether so many of so many is all, or all but what may be damage.
fn is_most(fits: u64, filled: u64) -> bool {
    fits == filled || (filled >= 20 && (filled - fits) as f64 <= filled as f64 * BAD_SHARE_MAX)
}

/// Words, and `1` and `0` beside them: alone those are numbers. Single letters need both sides, since a column of `F` alone may mean anything.
fn booleans(e: &Evidence, filled: u64) -> Option<Found> {
    if e.booleans == 0 || e.booleans + e.bits != filled {
        return None;
    }
    let values: Vec<String> = e.odd.keys().map(|v| v.to_lowercase()).collect();
    let side = |words: [&str; 4]| values.iter().any(|v| words.contains(&v.as_str()));
    let both = side(["true", "yes", "t", "y"]) && side(["false", "no", "f", "n"]);
    both.then(|| Found::of(DataType::Boolean, filled))
}

fn moments(e: &Evidence, filled: u64, doubts: &mut Vec<Doubt>) -> Option<Found> {
    let seen: u64 = e.moments.values().map(|(n, _)| n).sum();
    if seen == 0 || !is_most(seen, filled) {
        return None;
    }
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let iso: u64 = e.moments.iter().filter(|(w, _)| **w & (ISO_DATE | ISO_TIME) != 0).map(|(_, (n, _))| n).sum();
    if iso == seen {
        let has_time = e.moments.keys().any(|w| w & ISO_TIME != 0);
        return Some(Found::of(if has_time { timestamp } else { DataType::Date32 }, seen));
    }
    let known = known();
    let mut left: Vec<(Ways, u64, &str)> =
        e.moments.iter().map(|(w, (n, example))| (*w & !(ISO_DATE | ISO_TIME), *n, example.as_str())).collect();
    let mut chosen: Vec<usize> = Vec::new();
    let mut fits = 0;
    while !left.is_empty() && chosen.len() < 5 {
        let count = |i: usize| left.iter().filter(|(w, ..)| w & (1 << i) != 0).map(|(_, n, _)| n).sum::<u64>();
        let counts: Vec<u64> = (0..known.len().min(126)).map(count).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        let Some(best) = counts.iter().position(|c| *c == most).filter(|_| most > 0) else { break };
        let example = left.iter().find(|(w, ..)| w & (1 << best) != 0).map_or("", |(.., x)| x).to_string();
        if let Some(other) = swapped(&known[best].text).and_then(|s| known.iter().position(|k| k.text == s)) {
            if chosen.contains(&other) {
                doubts.clear();
                doubts.push(Doubt::BothOrders { example });
                return None;
            }
            if left.iter().all(|(w, ..)| w & (1 << best) == 0 || w & (1 << other) != 0) {
                doubts.push(Doubt::DayOrMonth { example });
            }
        }
        chosen.push(best);
        fits += most;
        left.retain(|(w, ..)| w & (1 << best) == 0);
    }
    if !is_most(fits, filled) {
        return None;
    }
    chosen.sort_unstable();
    let has_time = chosen.iter().any(|i| known[*i].has_time);
    let formats = chosen.iter().map(|i| known[*i].text.clone()).collect();
    Some(Found { formats, ..Found::of(if has_time { timestamp } else { DataType::Date32 }, fits) })
}

fn numbers(e: &Evidence, filled: u64, words: &[String], doubts: &mut Vec<Doubt>) -> Option<Found> {
    let (n, slipped, negative) = without_slips(&e.numbers);
    let n = &n;
    // What a date reads is no number with a unit (`12 Jan`).
    let dated: u64 = e.moments.values().map(|(c, _)| c).sum();
    let fits = n.all().saturating_sub(dated + slipped);
    if fits == 0 || !is_most(fits, filled) || n.unit_overflow {
        return None;
    }
    if let Some(because) = as_code(e, n, words) {
        doubts.push(Doubt::Code { because });
        return None;
    }
    let (thousands, decimal) = separators(e, n, doubts)?;
    let units = units(n, doubts)?;
    let decimal_comma = decimal == ',';
    let fractions = n.points + n.exponents + n.bare_exponents + n.commas + n.scales[1..].iter().sum::<u64>();
    let is_whole = !decimal_comma && fractions == n.point_zeros;
    let is_plain = units.is_empty() && thousands.is_none() && negative == Negative::Minus;
    if is_plain
        && is_time_name(words)
        && let Some((format, parts)) = epoch(n)
    {
        doubts.push(Doubt::Epoch { parts });
        let timestamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        return Some(Found { formats: vec![format.to_string()], ..Found::of(timestamp, fits) });
    }
    if is_whole && is_plain && n.point_zeros == 0 && is_code(words, n) {
        doubts.push(Doubt::Code { because: "a number that nobody adds up" });
        return None;
    }
    let has_currency = units.iter().any(|u| u.contains(['$', '€', '£', '¥', '₹']) || is_currency(u));
    let is_money = (has_currency || is_money_name(words)) && n.exponents + n.bare_exponents == 0 && n.scale_max <= 6;
    let id_like =
        words.iter().any(|w| matches!(w.as_str(), "id" | "no" | "nr" | "num" | "number" | "key" | "code" | "index" | "count" | "year"));
    let data_type = if is_whole
        && (n.point_zeros == 0 || id_like || (e.missing > 0 && !is_money))
        && !(has_currency || (is_money && n.point_zeros > 0))
    {
        DataType::Int64
    } else if is_money {
        DataType::Decimal128(38, n.scale_max.max(2) as i8)
    } else {
        DataType::Float64
    };
    Some(Found { units, thousands, decimal, negative, is_money, ..Found::of(data_type, fits) })
}

/// The numbers without those that are likelier slips, how many these are, and how numbers below zero are written.
fn without_slips(all: &Numbers) -> (Numbers, u64, Negative) {
    let mut n = all.clone();
    // A letter behind one number in a hundred is no unit, a space within no mark of thousands, and `12E5` no power.
    let is_rare = |rows: u64| rows * RARE < all.all();
    let is_slip = |u: &str, unit: &Unit| !u.is_empty() && is_rare(unit.rows) && (is_sized(u) || !is_known_unit(u));
    let slips: Vec<String> = n.units.iter().filter(|(u, unit)| is_slip(u, unit)).map(|(u, _)| u.clone()).collect();
    let mut slipped: u64 = slips.iter().filter_map(|u| n.units.remove(u)).map(|u| u.rows).sum();
    if is_rare(n.space_thousands) {
        slipped += std::mem::take(&mut n.space_thousands);
    }
    if is_rare(n.bare_exponents) {
        slipped += n.bare_exponents;
    }
    // A bracket or two are remarks, brackets everywhere say nothing, and `1990-` is a year with an open end.
    let is_habit = |rows: u64| rows >= MARKED_MIN && rows < all.all();
    let negative = match (n.in_parentheses, n.trailing) {
        (0, 0) => Negative::Minus,
        (p, 0) if is_habit(p) => Negative::Parentheses,
        (0, t) if is_habit(t) && n.trailing_years < t && n.negatives == t => Negative::Trailing,
        (p, t) => {
            slipped += p + t;
            Negative::Minus
        }
    };
    (n, slipped, negative)
}

/// Why numbers name something, and are read as text.
fn as_code(e: &Evidence, n: &Numbers, words: &[String]) -> Option<&'static str> {
    if n.huge > 0 {
        return Some("it has numbers of more than 18 digits");
    }
    if n.leading_zeros > 0 {
        return Some("it has leading zeros");
    }
    let has_fractions = n.points + n.point_zeros + n.exponents + n.commas > 0;
    if n.bare_exponents > 0 && n.bare_exponents * RARE >= n.all() && !has_fractions {
        return Some("an E between digits, and no fraction anywhere, is likelier part of a code than a power of ten");
    }
    (n.points > 0 && is_version(words, e)).then_some("1.10 and 1.1 are two versions, and one number")
}

/// The pattern that reads seconds since 1970, or parts of them, where all numbers lie between 1985 and 2100.
fn epoch(n: &Numbers) -> Option<(&'static str, &'static str)> {
    let (least, most) = (n.least?, n.most?);
    let within = |per_second: f64| least >= 473_385_600.0 * per_second && most <= 4_102_444_800.0 * per_second;
    if n.exponents + n.bare_exponents > 0 {
        return None;
    }
    match n.points + n.point_zeros {
        0 if within(1.0) => Some(("%s", "seconds")),
        0 if within(1e3) => Some(("%s%3f", "milliseconds")),
        0 if within(1e6) => Some(("%s%6f", "microseconds")),
        0 if within(1e9) => Some(("%s%9f", "nanoseconds")),
        _ if within(1.0) => Some(("%s%.f", "seconds")),
        _ => None,
    }
}

/// The mark before fractions and the one between thousands, as all numbers of the column have them.
fn separators(e: &Evidence, n: &Numbers, doubts: &mut Vec<Doubt>) -> Option<(Option<char>, char)> {
    let comma_is_decimal = n.commas > 0 || n.point_thousands > 0;
    let point_is_decimal = n.point_zeros > 0 || n.comma_thousands > 0 || n.exponents + n.bare_exponents > 0 || n.points > 0;
    if comma_is_decimal {
        // `1.234` beside `2,50` is a thousand; `1.5` beside it can't be.
        if n.comma_thousands > 0 || n.exponents + n.bare_exponents > 0 || n.points + n.point_zeros > n.points_or_thousands {
            return None;
        }
        let thousands = if n.point_thousands + n.points_or_thousands > 0 { Some('.') } else { (n.space_thousands > 0).then_some(' ') };
        return Some((thousands, ','));
    }
    if n.commas_or_thousands > 0 && n.comma_thousands == 0 && !point_is_decimal && n.integers == 0 {
        let example = e.values.iter().flatten().map(|(v, _)| v).filter(|v| v.contains(',')).min();
        doubts.push(Doubt::Thousands { example: example.map(|v| v.to_string()).unwrap_or_default() });
    }
    if n.commas_or_thousands + n.comma_thousands > 0 {
        return (n.space_thousands == 0).then_some((Some(','), '.'));
    }
    Some(((n.space_thousands > 0).then_some(' '), '.'))
}
