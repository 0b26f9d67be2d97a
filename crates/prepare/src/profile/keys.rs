//! Candidate keys: columns, pairs and triples whose values tell rows apart, and those that nearly do.

use super::encode::cell;
use super::kept::Kept;
use super::{CandidateKey, in_parallel};
use arrow::datatypes::DataType;
use tidemill_core::Result;

/// What is more often repeated than in one row of so many is no key.
const NEARLY: u64 = 20;
const WIDE: usize = 12;
const COMBINATIONS: usize = 220;
const SHOWN: usize = 8;
/// A combination is tried on so many rows first.
const TRIED: usize = 100_000;

pub(super) fn keys(kept: &Kept, threads: usize) -> Result<Vec<CandidateKey>> {
    let rows = kept.rows;
    if rows < 2 || kept.columns.is_empty() {
        return Ok(Vec::new());
    }
    let mut out: Vec<CandidateKey> = Vec::new();
    let mut single: Vec<usize> = Vec::new();
    for (at, c) in kept.columns.iter().enumerate() {
        let d = &c.dictionary;
        let present = rows - d.missing;
        // Of a sample of the values, those that occur once say the same about all.
        let repeated = if d.is_exact() {
            present - d.distinct()
        } else {
            let sampled: u64 = d.counts.iter().sum();
            let again = sampled - d.keys.len() as u64;
            if again == 0 { 0 } else { (again as f64 / sampled.max(1) as f64 * present as f64).round() as u64 }
        };
        // A list or an object that tells rows apart is what they hold, no name of theirs.
        if present > 1 && !is_nested(c) && repeated * NEARLY <= present && d.missing * NEARLY <= rows {
            single.push(at);
            out.push(CandidateKey { columns: vec![c.name.clone()], duplicates: repeated, missing: d.missing, is_counted: d.is_exact() });
        }
    }
    let is_key = |at: &usize| single.contains(at);
    // Columns that could be a part: they differ often, are nearly always there, and are no key already.
    let mut parts: Vec<usize> = (0..kept.columns.len())
        // What is measured tells rows apart by chance.
        .filter(|at| !matches!(kept.columns[*at].data_type, DataType::Float32 | DataType::Float64 | DataType::Decimal128(..)))
        .filter(|at| !is_nested(&kept.columns[*at]))
        .filter(|at| !is_key(at) && kept.columns[*at].distinct() > 1 && kept.columns[*at].dictionary.missing * NEARLY <= rows)
        .collect();
    parts.sort_by_key(|at| (std::cmp::Reverse(kept.columns[*at].distinct()), *at));
    parts.truncate(WIDE);
    parts.sort_unstable();
    let exact_single = out.iter().any(|k| k.duplicates == 0 && k.missing == 0);
    if kept.is_whole() && !exact_single {
        let mut pairs = Vec::new();
        for (i, a) in parts.iter().enumerate() {
            pairs.extend(parts[i + 1..].iter().map(|b| vec![*a, *b]));
        }
        let good = verify(kept, pairs, threads)?;
        let covered = |t: &[usize]| good.iter().any(|(p, duplicates)| *duplicates == 0 && p.iter().all(|c| t.contains(c)));
        let mut triples = Vec::new();
        for (i, a) in parts.iter().enumerate() {
            for (j, b) in parts.iter().enumerate().skip(i + 1) {
                triples.extend(parts[j + 1..].iter().map(|c| vec![*a, *b, *c]).filter(|t| !covered(t)));
            }
        }
        let better = verify(kept, triples, threads)?;
        // A wider key has to break far less than what it holds.
        let worth = better.into_iter().filter(|(t, n)| {
            let inner = good.iter().filter(|(p, _)| p.iter().all(|c| t.contains(c))).map(|(_, n)| *n).min();
            inner.is_none_or(|inner| *n * 3 < inner)
        });
        let worth: Vec<_> = worth.collect();
        for (columns, duplicates) in good.into_iter().chain(worth) {
            let missing = columns.iter().map(|c| kept.columns[*c].dictionary.missing).max().unwrap_or(0);
            out.push(CandidateKey {
                columns: columns.iter().map(|c| kept.columns[*c].name.clone()).collect(),
                duplicates,
                missing,
                is_counted: true,
            });
        }
    }
    out.sort_by_key(|k| {
        (k.duplicates + k.missing > 0, if k.duplicates + k.missing == 0 { k.columns.len() as u64 } else { 0 }, k.duplicates + k.missing)
    });
    out.truncate(SHOWN);
    Ok(out)
}

/// Whether its texts are JSON lists or objects, by a look at some.
pub(super) fn is_nested(c: &super::kept::KeptColumn) -> bool {
    let Some(texts) = c.dictionary.texts.as_ref().filter(|_| c.is_text()) else { return false };
    let some = c.dictionary.keys.len().min(50);
    let is = |t: &str| (t.starts_with('[') && t.ends_with(']')) || (t.starts_with('{') && t.ends_with('}'));
    some > 0 && (0..some).all(|at| is(texts.get(at)))
}

/// Those combinations that (nearly) tell rows apart, with the rows that they don't.
fn verify(kept: &Kept, mut combinations: Vec<Vec<usize>>, threads: usize) -> Result<Vec<(Vec<usize>, u64)>> {
    let rows = kept.in_memory();
    let most = |c: &Vec<usize>| c.iter().map(|at| kept.columns[*at].distinct() as f64).product::<f64>();
    combinations.retain(|c| most(c) >= rows as f64 * (1.0 - 1.0 / NEARLY as f64));
    combinations.sort_by(|a, b| most(b).total_cmp(&most(a)).then_with(|| a.cmp(b)));
    combinations.truncate(COMBINATIONS);
    let counted = in_parallel(threads, combinations.len(), |i| {
        let c = &combinations[i];
        let tried = rows.min(TRIED);
        // Neighbours are alike, so that the first rows repeat at least as often as all.
        if repeats(kept, c, tried) * NEARLY > tried as u64 * 2 {
            return Ok(None);
        }
        let n = repeats(kept, c, rows);
        Ok((n * NEARLY <= rows as u64).then_some(n))
    })?;
    let mut good: Vec<(Vec<usize>, u64)> = combinations.into_iter().zip(counted).filter_map(|(c, n)| Some((c, n?))).collect();
    good.sort_by_key(|(c, n)| (*n, c.clone()));
    Ok(good)
}

/// Rows among the first `rows` that repeat an earlier one in these columns.
pub(super) fn repeats(kept: &Kept, columns: &[usize], rows: usize) -> u64 {
    let mut hashes = vec![0u64; rows];
    for at in columns {
        let codes = &kept.columns[*at].codes;
        hashes.iter_mut().enumerate().for_each(|(row, h)| *h = h.wrapping_add(cell(u64::from(codes.at(row)), *at)));
    }
    rows as u64 - distinct(&mut hashes)
}

/// Columns that equal an earlier one of the same type in every row. A constant one equals others by chance.
pub(super) fn identical(kept: &Kept) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (i, b) in kept.columns.iter().enumerate() {
        let same = kept.columns[..i].iter().find(|a| {
            let alike = a.data_type == b.data_type && a.dictionary.missing == b.dictionary.missing && a.distinct() == b.distinct();
            let key = |c: &super::kept::KeptColumn, row: usize| (c.codes.at(row) as usize).checked_sub(1).map(|at| c.keys()[at]);
            alike && b.distinct() > 1 && (0..kept.in_memory()).all(|row| key(a, row) == key(b, row))
        });
        if let Some(a) = same {
            out.push((a.name.clone(), b.name.clone()));
        }
    }
    out
}

/// How many different numbers there are.
pub(super) fn distinct(hashes: &mut [u64]) -> u64 {
    hashes.sort_unstable();
    hashes.chunk_by(|a, b| a == b).count() as u64
}
