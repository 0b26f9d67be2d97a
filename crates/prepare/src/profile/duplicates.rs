//! Rows that repeat others, in all columns, in all but a key, or nearly.

use super::encode::cell;
use super::kept::Kept;
use super::keys::distinct;
use super::texts::fingerprint;
use super::{CandidateKey, Duplicates, NearDuplicate, in_parallel};
use rapidfuzz::distance::damerau_levenshtein;
use std::collections::{HashMap, HashSet};
use tidemill_core::Result;

const EXAMPLES: usize = 5;
/// Rows that agree in all else than one column are compared among at most so many.
const BLOCK_MAX: usize = 20;
/// Texts are nearly equal from here on.
const SIMILAR: f64 = 0.85;

pub(super) fn duplicates(kept: &Kept, keys: &[CandidateKey], threads: usize) -> Result<Duplicates> {
    let mut hashes = kept.hashes.clone();
    let seen = hashes.len() as u64;
    let again = (seen - distinct(&mut hashes)) << kept.hash_shift;
    drop(hashes);
    let mut out = Duplicates { exact: again, is_counted: kept.hash_shift == 0, ..Duplicates::default() };
    if !kept.is_whole() || kept.columns.len() < 2 || kept.rows < 2 {
        return Ok(out);
    }
    let sums = sums(kept);
    let key_like: Vec<usize> = keys
        .iter()
        .filter(|k| k.columns.len() == 1 && k.duplicates * 100 <= kept.rows)
        .filter_map(|k| kept.columns.iter().position(|c| c.name == k.columns[0]))
        // What is measured is unique by chance, and no name of its row.
        .filter(|at| kept.columns[*at].is_text() || crate::cells::is_whole(&kept.columns[*at].data_type))
        .take(3)
        .collect();
    for at in &key_like {
        let codes = &kept.columns[*at].codes;
        let mut rest: Vec<u64> = sums.iter().enumerate().map(|(row, s)| s.wrapping_sub(cell(u64::from(codes.at(row)), *at))).collect();
        let n = kept.rows - distinct(&mut rest);
        if n > again && kept.columns.len() > 2 {
            out.ignoring.push((kept.columns[*at].name.clone(), n));
        }
    }
    out.near = near(kept, &sums, &key_like, threads)?;
    Ok(out)
}

/// The sum of each row's cells, from which any column's can be taken.
fn sums(kept: &Kept) -> Vec<u64> {
    let mut sums = vec![0u64; kept.in_memory()];
    for (at, c) in kept.columns.iter().enumerate() {
        sums.iter_mut().enumerate().for_each(|(row, s)| *s = s.wrapping_add(cell(u64::from(c.codes.at(row)), at)));
    }
    sums
}

fn near(kept: &Kept, sums: &[u64], key_like: &[usize], threads: usize) -> Result<Vec<NearDuplicate>> {
    // Texts that are not all known can't be compared; nor are there near texts among a few.
    let texts: Vec<usize> = (0..kept.columns.len()).filter(|at| is_comparable(kept, *at)).collect();
    let ignoring: Vec<Option<usize>> = std::iter::once(None).chain(key_like.first().copied().map(Some)).collect();
    let mut out: Vec<NearDuplicate> = Vec::new();
    for ignored in ignoring {
        let mut base = sums.to_vec();
        if let Some(at) = ignored {
            let codes = &kept.columns[at].codes;
            base.iter_mut().enumerate().for_each(|(row, s)| *s = s.wrapping_sub(cell(u64::from(codes.at(row)), at)));
        }
        let wanted: Vec<Option<usize>> =
            std::iter::once(None).chain(texts.iter().copied().filter(|t| Some(*t) != ignored).take(24).map(Some)).collect();
        let found = in_parallel(threads, wanted.len(), |i| {
            Ok(match wanted[i] {
                None => variants(kept, &base, &texts, ignored),
                Some(column) => similar(kept, &base, column, ignored),
            })
        })?;
        // Leaving a key out is worth telling where it shows more.
        for near in found.into_iter().flatten() {
            match out.iter_mut().find(|n| n.column == near.column) {
                Some(old) if old.rows < near.rows => *old = near,
                Some(_) => {}
                None => out.push(near),
            }
        }
    }
    out.sort_by_key(|n: &NearDuplicate| std::cmp::Reverse(n.rows));
    Ok(out)
}

fn is_comparable(kept: &Kept, at: usize) -> bool {
    let c = &kept.columns[at];
    c.is_text() && c.dictionary.is_exact() && c.distinct() > 1
}

/// Rows equal but for case, accents, spaces, punctuation and the order of words.
fn variants(kept: &Kept, base: &[u64], texts: &[usize], ignored: Option<usize>) -> Option<NearDuplicate> {
    let mut hashes = base.to_vec();
    let mut changed = false;
    for at in texts.iter().copied().filter(|t| Some(*t) != ignored) {
        let c = &kept.columns[at];
        let mut known: HashMap<String, u32> = HashMap::new();
        // Each code's difference to that of the first text which reads the same.
        let mut differs = vec![0u64; c.distinct() + 1];
        let mut any = false;
        for code in 1..=c.distinct() as u32 {
            let print = c.text(code).map(fingerprint).unwrap_or_default();
            if print.is_empty() {
                continue;
            }
            let first = *known.entry(print).or_insert(code);
            if first != code {
                any = true;
                differs[code as usize] = cell(u64::from(first), at).wrapping_sub(cell(u64::from(code), at));
            }
        }
        if any {
            changed = true;
            hashes.iter_mut().enumerate().for_each(|(row, h)| *h = h.wrapping_add(differs[c.codes.at(row) as usize]));
        }
    }
    if !changed {
        return None;
    }
    // Rows that fall together only now.
    let mut together: Vec<(u64, u64, u32)> = hashes.iter().zip(base).enumerate().map(|(row, (h, b))| (*h, *b, row as u32)).collect();
    together.sort_unstable();
    let mut rows = 0;
    let mut examples = Vec::new();
    for group in together.chunk_by(|a, b| a.0 == b.0).filter(|g| g.len() > 1 && g[0].1 != g[g.len() - 1].1) {
        let kinds = group.chunk_by(|a, b| a.1 == b.1).count() as u64;
        rows += kinds - 1;
        if examples.len() < EXAMPLES {
            let (a, b) = (group[0].2, group[group.len() - 1].2);
            let differing = texts.iter().map(|t| &kept.columns[*t]).find(|c| c.codes.at(a as usize) != c.codes.at(b as usize));
            if let Some(c) = differing {
                examples.push((c.show(c.codes.at(a as usize)), c.show(c.codes.at(b as usize))));
            }
        }
    }
    let name = |at: usize| kept.columns[at].name.clone();
    (rows > 0).then(|| NearDuplicate { column: None, ignoring: ignored.map(name), rows, examples })
}

/// Rows equal in all columns but this one, where they have nearly the same text.
fn similar(kept: &Kept, base: &[u64], at: usize, ignored: Option<usize>) -> Option<NearDuplicate> {
    let c = &kept.columns[at];
    let others = kept.columns.iter().enumerate().filter(|(i, _)| *i != at && Some(*i) != ignored).count();
    if others == 0 {
        return None;
    }
    let mut blocks: Vec<(u64, u32)> =
        base.iter().enumerate().map(|(row, s)| (s.wrapping_sub(cell(u64::from(c.codes.at(row)), at)), c.codes.at(row))).collect();
    blocks.sort_unstable();
    let mut rows = 0;
    let mut examples: Vec<(String, String)> = Vec::new();
    let mut shown: HashSet<(u32, u32)> = HashSet::new();
    for block in blocks.chunk_by(|a, b| a.0 == b.0).filter(|b| b.len() > 1) {
        let mut codes: Vec<u32> = block.iter().map(|b| b.1).filter(|c| *c > 0).collect();
        codes.dedup();
        if codes.len() < 2 || codes.len() > BLOCK_MAX {
            continue;
        }
        for (i, code) in codes.iter().enumerate().skip(1) {
            let near = codes[..i].iter().find(|other| c.text(**other).zip(c.text(*code)).is_some_and(|(a, b)| is_near(a, b)));
            if let Some(other) = near {
                rows += 1;
                if examples.len() < EXAMPLES && shown.insert((*other, *code)) {
                    examples.push((c.show(*other), c.show(*code)));
                }
            }
        }
    }
    let name = |at: usize| kept.columns[at].name.clone();
    (rows > 0).then(|| NearDuplicate { column: Some(name(at)), ignoring: ignored.map(name), rows, examples })
}

fn is_near(a: &str, b: &str) -> bool {
    let digits = |t: &str| t.chars().filter(char::is_ascii_digit).collect::<String>();
    let longest = a.chars().count().max(b.chars().count());
    // What differs in a digit is another number, and short texts are near by chance.
    if longest < 5 || digits(a) != digits(b) {
        return false;
    }
    let d = damerau_levenshtein::distance(a.chars(), b.chars());
    1.0 - d as f64 / longest as f64 >= SIMILAR
}
