//! What holds for all rows of one class of a column and hardly elsewhere: invoices that begin with C have negative quantities only.

use super::kept::Kept;
use super::texts::shape;
use super::{Class, Condition, State, in_parallel};
use crate::cells::is_number;
use std::collections::BTreeMap;
use tidemill_core::Result;

/// A class has at least this share of the rows, and so many rows.
const SHARE: f64 = 0.005;
const ROWS: u64 = 10;
const CLASSES: usize = 20;
/// Elsewhere at most this share of rows may have the state.
const ELSEWHERE: f64 = 0.5;
const COLUMNS: usize = 100;
const SHOWN: usize = 60;

/// The classes of one column: per code 0, or a class's place plus one.
struct Classes {
    of_code: Vec<u8>,
    all: Vec<Class>,
}

pub(super) fn conditions(kept: &Kept, threads: usize) -> Result<Vec<Condition>> {
    let columns = kept.columns.len().min(COLUMNS);
    let found = in_parallel(threads, columns, |at| Ok(of_column(kept, at, columns)))?;
    let mut out: Vec<Condition> = found.into_iter().flatten().collect();
    // Classes by shape come first, since nobody else tells them; then how many rows, then how telling.
    let kind = |c: &Condition| u8::from(!matches!(c.class, Class::Begins(_) | Class::Shape(_)));
    out.sort_by(|a, b| kind(a).cmp(&kind(b)).then(b.rows.cmp(&a.rows)).then_with(|| (&a.column, &a.other).cmp(&(&b.column, &b.other))));
    out.truncate(SHOWN);
    Ok(out)
}

fn of_column(kept: &Kept, at: usize, columns: usize) -> Vec<Condition> {
    let Some(classes) = classes(kept, at) else { return Vec::new() };
    let codes = &kept.columns[at].codes;
    let rows = kept.in_memory();
    let mut out = Vec::new();
    let n = classes.all.len() + 1;
    let mut class_rows = vec![0u64; n];
    (0..rows).for_each(|row| class_rows[classes.of_code[codes.at(row) as usize] as usize] += 1);
    for (i, other) in kept.columns.iter().enumerate().take(columns).filter(|(i, _)| *i != at) {
        // Sign of each value, 1 to 3; 0 for a missing one.
        let states: Vec<u8> = if is_number(&other.data_type) {
            other.values().iter().map(|v| if v.is_nan() { 0 } else { 2 + u8::from(*v > 0.0) - u8::from(*v < 0.0) }).collect()
        } else {
            std::iter::once(0).chain(std::iter::repeat_n(4, other.distinct())).collect()
        };
        let mut kinds: Vec<u8> = states.clone();
        kinds.sort_unstable();
        kinds.dedup();
        let has_missing = other.dictionary.missing > 0;
        if kinds.iter().filter(|k| **k > 0).count() < 2 && !has_missing {
            continue;
        }
        let mut table = vec![[0u64; 5]; n];
        let theirs = &kept.columns[i].codes;
        for row in 0..rows {
            table[classes.of_code[codes.at(row) as usize] as usize][states[theirs.at(row) as usize] as usize] += 1;
        }
        let total: [u64; 5] = std::array::from_fn(|s| table.iter().map(|t| t[s]).sum());
        for (class, counts) in table.iter().enumerate().skip(1) {
            let inside = class_rows[class];
            let outside = rows as u64 - inside;
            if inside < ROWS || outside < ROWS {
                continue;
            }
            let states = [(0, State::Missing), (1, State::Negative), (2, State::Zero), (3, State::Positive)];
            for (s, state) in states {
                let elsewhere = total[s] - counts[s];
                if counts[s] == inside && (elsewhere as f64) < ELSEWHERE * outside as f64 {
                    out.push(condition(kept, at, &classes, class, inside, i, state, elsewhere, outside));
                }
            }
            // Always there, though mostly missing elsewhere.
            let elsewhere = (outside) - (total[0] - counts[0]);
            if counts[0] == 0 && total[0] > 0 && (elsewhere as f64) < ELSEWHERE * 0.4 * outside as f64 {
                out.push(condition(kept, at, &classes, class, inside, i, State::Present, elsewhere, outside));
            }
        }
    }
    out
}

#[allow(clippy::too_many_arguments)]
fn condition(
    kept: &Kept,
    at: usize,
    classes: &Classes,
    class: usize,
    rows: u64,
    other: usize,
    state: State,
    elsewhere: u64,
    outside: u64,
) -> Condition {
    Condition {
        column: kept.columns[at].name.clone(),
        class: classes.all[class - 1].clone(),
        rows,
        other: kept.columns[other].name.clone(),
        state,
        elsewhere,
        outside,
    }
}

/// Letters at the beginning where some values have some and others none; else few shapes; else few values. And being missing.
fn classes(kept: &Kept, at: usize) -> Option<Classes> {
    let c = &kept.columns[at];
    let rows = kept.in_memory() as f64;
    let distinct = c.distinct();
    let mut counts = vec![0u64; distinct + 1];
    (0..kept.in_memory()).for_each(|row| counts[c.codes.at(row) as usize] += 1);
    let enough = |n: u64| n >= ROWS && n as f64 >= SHARE * rows;
    let mut of_code = vec![0u8; distinct + 1];
    let mut all = Vec::new();
    // Gives whether there are any.
    let mut group = |names: Vec<Option<String>>, class: fn(String) -> Class| {
        let mut by_name: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, n) in names.iter().zip(&counts[1..]) {
            if let Some(name) = name {
                *by_name.entry(name).or_insert(0) += n;
                if by_name.len() > 50_000 {
                    return false;
                }
            }
        }
        let mut large: Vec<(&str, u64)> = by_name.into_iter().filter(|(_, n)| enough(*n)).collect();
        large.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
        large.truncate(CLASSES);
        for (name, _) in large {
            all.push(class(name.to_string()));
            for (i, other) in names.iter().enumerate() {
                if other.as_deref() == Some(name) {
                    of_code[i + 1] = all.len() as u8;
                }
            }
        }
        !all.is_empty()
    };
    if (2..=CLASSES).contains(&distinct) {
        group((1..=distinct as u32).map(|code| Some(c.show(code))).collect(), Class::Value);
    } else if c.is_text() && c.dictionary.is_exact() {
        let texts = || (1..=distinct as u32).map(|code| c.text(code).unwrap_or_default());
        let prefix = |t: &str| {
            let letters: String = t.chars().take_while(|c| c.is_alphabetic()).take(4).collect();
            let digit = t.chars().nth(letters.chars().count()).is_some_and(|c| c.is_ascii_digit() || matches!(c, '-' | '_' | '/'));
            (!letters.is_empty() && letters.chars().count() <= 3 && digit).then_some(letters)
        };
        let begins = group(texts().map(prefix).collect(), Class::Begins);
        if distinct <= 100_000 && !begins {
            let mut buffer = String::new();
            let shapes = texts().map(|t| {
                shape(t, &mut buffer);
                buffer.contains('9').then(|| buffer.clone())
            });
            group(shapes.collect(), Class::Shape);
        }
    }
    if enough(counts[0]) {
        all.push(Class::Missing);
        of_code[0] = all.len() as u8;
    }
    // One class of all rows tells nothing.
    (!all.is_empty()).then_some(Classes { of_code, all })
}
