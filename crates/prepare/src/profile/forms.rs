//! Codes that lost something on their way through a spreadsheet: a mark, a leading zero, or everything, when two numbers were taken for a date.

use super::Why;
use super::suspicious::Found;
use std::collections::BTreeMap;

/// Of all rows, so many have the usual form, at least; and with those that lost something, nearly all.
const USUAL: f64 = 0.6;
const ACCOUNTED: f64 = 0.95;
/// A code of fewer letters and digits may lack a mark by right.
const LENGTH_MIN: usize = 5;
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

pub(super) fn lost(name: &str, all: &[(&str, u64)], present: u64, found: &mut Found) {
    marks(all, present, found);
    zeros(name, all, present, found);
    dates(all, present, found);
}

/// `0022-0477` as `####-####`.
fn form(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { '#' } else { c }).collect()
}

/// Codes of one form with a mark in it, and the same without.
fn marks(all: &[(&str, u64)], present: u64, found: &mut Found) {
    let mut forms: BTreeMap<String, u64> = BTreeMap::new();
    for (t, n) in all {
        if t.len() <= 40 {
            *forms.entry(form(t)).or_default() += n;
        }
        if forms.len() > 1_000 {
            return;
        }
    }
    let Some((usual, most)) = forms.iter().max_by_key(|(_, n)| **n) else { return };
    let marks = usual.chars().filter(|c| *c != '#').count();
    let bare = usual.chars().count() - marks;
    let plain: String = "#".repeat(bare);
    let without = forms.get(&plain).copied().unwrap_or(0);
    let is_mark = usual.chars().all(|c| matches!(c, '#' | '-' | '/'));
    if marks == 0 || !is_mark || bare < LENGTH_MIN || without == 0 || (*most as f64) < USUAL * present as f64 {
        return;
    }
    if ((*most + without) as f64) < ACCOUNTED * present as f64 || !all.iter().any(|(t, _)| t.contains(|c: char| c.is_ascii_digit())) {
        return;
    }
    for (t, n) in all.iter().filter(|(t, _)| form(t) == plain) {
        let mut letters = t.chars();
        let meant: String = usual.chars().filter_map(|c| if c == '#' { letters.next() } else { Some(c) }).collect();
        found.add(t, *n, Why::Mark, Some(meant), 0.9);
    }
}

/// Digits of one length, and a few that are shorter.
fn zeros(name: &str, all: &[(&str, u64)], present: u64, found: &mut Found) {
    let digits = |t: &str| t.chars().take_while(char::is_ascii_digit).count();
    let mut lengths: BTreeMap<usize, u64> = BTreeMap::new();
    for (t, n) in all.iter().filter(|(t, _)| digits(t) > 0 && t[digits(t)..].chars().all(|c| c == '-' || c.is_ascii_digit())) {
        *lengths.entry(digits(t)).or_default() += n;
    }
    let Some((usual, most)) = lengths.iter().max_by_key(|(_, n)| **n).map(|(l, n)| (*l, *n)) else { return };
    let short: u64 = lengths.iter().filter(|(l, _)| **l < usual && **l + 2 >= usual).map(|(_, n)| n).sum();
    let is_postal = name.split('_').any(|w| matches!(w, "zip" | "zipcode" | "postal" | "postcode" | "plz"));
    let has_zeros = all.iter().any(|(t, _)| t.starts_with('0') && digits(t) == usual);
    if usual < 4 || short == 0 || !(is_postal || has_zeros) || (most as f64) < 0.8 * present as f64 {
        return;
    }
    if ((most + short) as f64) < ACCOUNTED * present as f64 {
        return;
    }
    for (t, n) in all.iter().filter(|(t, _)| digits(t) == t.len() && t.len() < usual && t.len() + 2 >= usual && !t.starts_with('0')) {
        found.add(t, *n, Why::Zero, Some(format!("{t:0>usual$}")), 0.85);
    }
}

/// `Jun-01` and `1-Dec` beside `126-139`.
fn dates(all: &[(&str, u64)], present: u64, found: &mut Found) {
    let is_date = |t: &str| {
        let mut parts = t.split('-');
        let (Some(a), Some(b), None) = (parts.next(), parts.next(), parts.next()) else { return false };
        let number = |p: &str| (1..=2).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
        let month = |p: &str| MONTHS.contains(&p.to_lowercase().as_str());
        (number(a) && month(b)) || (month(a) && number(b))
    };
    let is_other = |t: &str| t.contains(|c: char| c.is_ascii_digit()) && !t.contains(' ');
    let of = |is: &dyn Fn(&str) -> bool| all.iter().filter(|(t, _)| is(t)).map(|(_, n)| n).sum::<u64>();
    let (dates, others) = (of(&is_date), of(&|t| is_other(t) && !is_date(t)));
    if dates == 0 || dates * 2 > present || others * 2 < present {
        return;
    }
    all.iter().filter(|(t, _)| is_date(t)).for_each(|(t, n)| found.add(t, *n, Why::Dated, None, 0.85));
}
