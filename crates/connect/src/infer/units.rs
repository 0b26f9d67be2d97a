//! Units: which of them may be taken away from their numbers without a loss.

use super::decide::Doubt;
use super::evidence::{Numbers, Unit};
use super::money::{is_currency, magnitude};

/// The units to be removed; `None` when they may not be of one size.
pub(super) fn units(n: &Numbers, doubts: &mut Vec<Doubt>) -> Option<Vec<String>> {
    let used: Vec<(&String, &Unit)> = n.units.iter().filter(|(u, _)| !u.is_empty()).collect();
    if used.is_empty() {
        return Some(Vec::new());
    }
    let listed = || {
        let mut units: Vec<(String, u64)> = used.iter().map(|(u, n)| (u.replace('\u{0}', " … "), n.rows)).collect();
        units.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        units
    };
    if used.iter().any(|(u, _)| is_sized(u)) {
        // `30B` beside `30A` is a seat.
        let is_size = |u: &str| is_sized(u) || parts(u).1.is_empty() || is_currency(parts(u).1);
        let units = listed();
        doubts.push(if used.iter().all(|(u, _)| is_size(u)) { Doubt::Magnitudes { units } } else { Doubt::Units { units } });
        return None;
    }
    let mut families: Vec<(String, u64, Vec<f64>)> = Vec::new();
    for (text, unit) in &n.units {
        let family = if text.is_empty() { String::new() } else { family(text) };
        match families.iter_mut().find(|(f, ..)| *f == family) {
            Some((_, rows, sizes)) => {
                *rows += unit.rows;
                sizes.extend(&unit.sizes);
            }
            None => families.push((family, unit.rows, unit.sizes.clone())),
        }
    }
    families.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    // One unit, and perhaps none: then the numbers without must be of the size of those with it.
    let of_one_size = match &mut families[..] {
        [_] => true,
        [a, b] if a.0.is_empty() || b.0.is_empty() => {
            let (x, y) = (median(&mut a.2), median(&mut b.2));
            // `12` and `12A` are two houses.
            used.iter().all(|(u, _)| is_known_unit(u)) && (x == 0.0 && y == 0.0 || x > 0.0 && y > 0.0 && (0.25..=4.0).contains(&(x / y)))
        }
        _ => false,
    };
    if !of_one_size {
        // Many of them are no units, but the ends of codes; few cells with one are damage.
        let with_unit: u64 = used.iter().map(|(_, u)| u.rows).sum();
        if used.len() > 6 || with_unit * 10 < n.all() {
            return None;
        }
        doubts.push(Doubt::Units { units: listed() });
        return None;
    }
    let mut out: Vec<String> = used.iter().flat_map(|(u, _)| u.split('\u{0}').map(String::from)).collect();
    // Compared without case when read.
    out.sort_by_key(|u| (u.to_lowercase(), u.clone()));
    out.dedup_by_key(|u| u.to_lowercase());
    Some(out)
}

/// What stands before and after a number, of the text that `Numbers::units` keeps of both.
fn parts(unit: &str) -> (&str, &str) {
    match unit.split_once('\u{0}') {
        Some(parts) => parts,
        None if is_currency(unit) => (unit, ""),
        None => ("", unit),
    }
}

pub(super) fn is_sized(unit: &str) -> bool {
    let (before, after) = parts(unit);
    magnitude(before, after)
}

pub(super) fn is_known_unit(unit: &str) -> bool {
    let (before, after) = parts(unit);
    unit.contains(['%', '°', '$', '€', '£', '¥', '₹'])
        || !before.is_empty()
        || is_currency(after)
        || FAMILIES.iter().any(|f| f[0] == family(unit))
}

/// Words for one unit each, the shortest first.
const FAMILIES: [&[&str]; 26] = [
    &["oz", "ounce", "ounces"],
    &["lb", "lbs", "pound", "pounds"],
    &["kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"],
    &["g", "gr", "gram", "grams", "gramm"],
    &["l", "lt", "liter", "litre", "liters", "litres"],
    &["ml", "milliliter", "millilitre"],
    &["min", "mins", "minute", "minutes"],
    &["h", "hr", "hrs", "hour", "hours"],
    &["s", "sec", "secs", "second", "seconds"],
    &["d", "day", "days"],
    &["yr", "yrs", "year", "years"],
    &["%", "percent", "pct"],
    &["km", "kms", "kilometer", "kilometre", "kilometers", "kilometres"],
    &["m", "meter", "metre", "meters", "metres"],
    &["cm", "centimeter", "centimetre", "centimeters", "centimetres"],
    &["mm", "millimeter", "millimetre", "millimeters", "millimetres"],
    &["mg", "milligram", "milligrams"],
    &["mi", "mile", "miles"],
    &["ft", "foot", "feet"],
    &["in", "inch", "inches"],
    &["wk", "wks", "week", "weeks"],
    &["month", "months"],
    &["pcs", "pc", "piece", "pieces", "stk", "stück"],
    &["€", "eur", "euro", "euros"],
    &["£", "gbp"],
    &["$", "usd", "us$", "dollar", "dollars"],
];

/// Spellings of one unit: case, full stops and what follows the unit's word (`oz. can`) say nothing.
fn family(unit: &str) -> String {
    let unit = unit.replace('\u{0}', " ").to_lowercase();
    let word: String = unit.split_whitespace().next().unwrap_or_default().chars().filter(|c| *c != '.').collect();
    match FAMILIES.iter().find(|f| f.contains(&word.as_str())) {
        Some(f) => f[0].to_string(),
        None => word,
    }
}

fn median(sizes: &mut [f64]) -> f64 {
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or(0.0)
}
