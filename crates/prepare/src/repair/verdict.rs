//! What becomes of a row's cells, seeing what stands beside them elsewhere.
//!
//! Each determinant of a cell votes for the value that most other rows of its group have. A vote weighs more the better the determinant decides the
//! column, the clearer the group's majority is, and the better the row fits the determinant's group in its other columns (one that fits badly has a
//! wrong determinant rather than wrong cells). Votes are held against what speaks for the cell as it is: rows of its group that agree with it, and
//! whether its value is plausible: a slip of the pen of the other, or a value that is right in its own way.

use super::LISTED_MIN;
use super::evidence::joint;
use super::likeness::{ALIKE_MIN, Alike, Difference, WHOLE_MIN, words};
use super::model::{Model, Others, Pair};
use crate::cells::{cast_strictly, texts};
use crate::measure::hasher;
use crate::program::{Given, Input, Op, Output, RowRule};
use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, Float64Builder, StringArray, StringBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Float64Type};
use hashbrown::HashMap;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::Result;

/// A misspelling is this much rarer than what is meant, or occurs once.
pub(super) const RARER: f64 = 0.1;
/// Other rows of a group that must be of one mind before a value that only this group has is taken for a slip, though its words are right ones.
const GROUP_MIN: u32 = 3;
/// And so many letters in words that both have: short values that differ in a word are two values.
const SHARED_MIN: usize = 3;
/// A vote that counts as one more determinant of the same opinion.
const VOTE_MIN: f64 = 0.5;
/// What a row's other columns must tell before they speak for its determinant: one value that half the rows have, or several commoner ones.
const BACKED_MIN: f64 = 0.5;

pub(super) fn verdicts_type(columns: usize) -> DataType {
    DataType::Struct(verdict_fields(columns))
}

fn verdict_fields(columns: usize) -> Fields {
    let fields =
        |at: usize| [Field::new(format!("to_{at}"), DataType::Utf8, true), Field::new(format!("confidence_{at}"), DataType::Float64, true)];
    (0..columns).flat_map(fields).collect()
}

/// For each row, in the columns' order: column, the value it should have, how sure that is.
pub(super) fn verdicts<'a>(columns: usize, rows: usize, judged: impl Iterator<Item = Vec<(usize, &'a str, f64)>>) -> Result<ArrayRef> {
    let mut out: Vec<(StringBuilder, Float64Builder)> = (0..columns).map(|_| Default::default()).collect();
    for row in judged {
        let mut row = row.into_iter().peekable();
        for (at, (to, confidence)) in out.iter_mut().enumerate() {
            let verdict = row.next_if(|v| v.0 == at);
            to.append_option(verdict.map(|v| v.1));
            confidence.append_option(verdict.map(|v| v.2));
        }
    }
    let arrays = out.iter_mut().flat_map(|(to, confidence)| [Arc::new(to.finish()) as ArrayRef, Arc::new(confidence.finish()) as ArrayRef]);
    Ok(Arc::new(StructArray::try_new_with_length(verdict_fields(columns), arrays.collect(), None, rows)?))
}

/// Judges rows as they came: for each column what a cell should be, if not what it is, and how sure that is.
pub(super) struct Judge {
    pub model: Model,
}

struct Vote<'a> {
    weight: f64,
    /// Other rows that have the value.
    rows: u32,
    pair: &'a Pair,
    others: Others<'a>,
}

/// A row's look-ups: for each pair, what the other rows of its group say.
type Seen<'a> = Vec<Option<Others<'a>>>;
type Known = HashMap<(Box<str>, Box<str>), Alike, RandomState>;

/// How well a row fits the groups of a determinant: columns that agree with it, and that contradict it.
#[derive(Default, Clone, Copy)]
struct Fit {
    agrees: f64,
    contradicts: f64,
}

impl Op for Judge {
    fn run(&self, input: &Input) -> Result<Output> {
        let columns = input.arrays.iter().map(texts).collect::<Result<Vec<_>>>()?;
        let m = &self.model;
        let by: Vec<Vec<&StringArray>> = m.determinants.iter().map(|d| d.columns.iter().map(|c| &columns[*c]).collect()).collect();
        let mut known: Known = HashMap::with_hasher(hasher());
        let mut key = String::new();
        let mut seen: Seen = vec![None; m.pairs.len()];
        let judged = (0..input.rows).map(|row| {
            let own = |column: usize| columns[column].is_valid(row).then(|| columns[column].value(row));
            seen.fill(None);
            let mut calm = true;
            for (d, by) in m.determinants.iter().zip(&by) {
                if d.tallies.is_empty() || !joint(by, row, &mut key) {
                    continue;
                }
                let Some(group) = d.groups.get(key.as_str()) else { continue };
                for (pair, tallies) in &d.tallies {
                    let Some(tally) = tallies.get(*group as usize).and_then(Option::as_ref) else { continue };
                    let cell = own(m.pairs[*pair].column);
                    let others = tally.without(cell);
                    calm &= others.first.is_none_or(|(value, _)| Some(value) == cell);
                    seen[*pair] = Some(others);
                }
            }
            if calm { Vec::new() } else { self.judge(&own, &seen, &mut known) }
        });
        Ok(Output::Columns(vec![verdicts(m.columns, input.rows, judged)?]))
    }
}

impl Judge {
    /// Column, value and confidence, in the columns' order.
    fn judge<'a>(&self, own: &dyn Fn(usize) -> Option<&'a str>, seen: &Seen<'a>, known: &mut Known) -> Vec<(usize, &'a str, f64)> {
        let m = &self.model;
        // For each pair, how much it tells that the row fits its group, below 0 that it does not; `None`: that can't be said.
        let mut fits: Vec<Option<f64>> = vec![None; m.pairs.len()];
        let mut fit = vec![Fit::default(); m.determinants.len()];
        for (at, pair) in m.pairs.iter().enumerate() {
            let (Some(others), Some(cell)) = (&seen[at], own(pair.column)) else { continue };
            let Some((first, rows)) = others.first else { continue };
            if first == cell {
                // To have what nearly every row has says little about whose row it is.
                let telling = 1.0 - m.facts[pair.column].share(first);
                fits[at] = Some(telling);
                fit[pair.by].agrees += telling;
            } else if rows >= 2 * (others.own + 1) && self.alike(cell, first, known).score < ALIKE_MIN {
                fits[at] = Some(-1.0);
                fit[pair.by].contradicts += 1.0;
            }
        }
        // A determinant's fit by the row's other columns.
        let beside = |at: usize| {
            let mut f = fit[m.pairs[at].by];
            match fits[at] {
                Some(telling) if telling >= 0.0 => f.agrees -= telling,
                Some(_) => f.contradicts -= 1.0,
                None => {}
            }
            f
        };
        let mut out = Vec::new();
        for column in 0..m.columns {
            let cell = own(column);
            let mut votes: Vec<(&'a str, Vec<Vote>)> = Vec::new();
            let mut support: f64 = 0.0;
            for (at, pair) in m.pairs.iter().enumerate().filter(|(_, p)| p.column == column) {
                let Some(others) = seen[at] else { continue };
                let Some((value, rows)) = others.first else { continue };
                let f = beside(at);
                let trust = match (f.agrees >= BACKED_MIN, f.contradicts > 0.0) {
                    (_, false) => 1.0,
                    (true, true) => (f.agrees + 0.5) / (f.agrees + f.contradicts + 0.5),
                    (false, true) => 0.2,
                };
                let of = f64::from(others.rows.max(1));
                if others.own > 0 {
                    let own = f64::from(others.own);
                    support = support.max(pair.agreement * trust * own / of * (1.0 - (-own).exp()));
                }
                let rival = others.second.max(others.own);
                if Some(value) == cell || rows <= rival {
                    continue;
                }
                let (most, rival) = (f64::from(rows), f64::from(rival));
                let astray = (1.0 - pair.agreement).max(0.01);
                let clear = 1.0 - (-(most - rival) * ((1.0 - astray) * 3.0 / astray).ln() / 2.0).exp();
                let slips = 1.0 - (1.0 - pair.agreement) * (0.25 + 0.75 * pair.exceptions);
                let share = (most / (f64::from(others.rows) + 0.5)).min(1.0).sqrt();
                let weight = trust * clear * slips * (1.0 - 0.5 * rival / most) * share;
                let vote = Vote { weight, rows, pair, others };
                match votes.iter_mut().find(|(v, _)| *v == value) {
                    Some((_, votes)) => votes.push(vote),
                    None => votes.push((value, vec![vote])),
                }
            }
            votes.iter_mut().for_each(|(_, v)| v.sort_by(|a, b| b.weight.total_cmp(&a.weight)));
            let backed = |v: &Vote| m.pairs.iter().position(|p| p == v.pair).is_some_and(|at| beside(at).agrees >= BACKED_MIN);
            let mut best: Option<(&'a str, f64)> = None;
            for (value, mine) in &votes {
                let rivals = votes.iter().filter(|(v, _)| v != value).flat_map(|(_, v)| v.iter().map(|v| v.weight));
                let against = rivals.fold(support, f64::max);
                let sure = match cell {
                    None => missing(mine, against, mine.first().is_some_and(&backed)),
                    Some(cell) => self.contradicted(column, cell, value, mine, against, mine.first().is_some_and(&backed), known),
                };
                if best.is_none_or(|(v, s)| (sure, *value) > (s, v)) {
                    best = Some((value, sure));
                }
            }
            out.extend(best.filter(|(_, sure)| *sure > 0.0).map(|(value, sure)| (column, value, sure)));
        }
        out
    }

    #[allow(clippy::too_many_arguments)] // all that speaks for and against
    fn contradicted(&self, column: usize, cell: &str, value: &str, votes: &[Vote], against: f64, backed: bool, known: &mut Known) -> f64 {
        let facts = &self.model.facts[column];
        let alike = self.alike(cell, value, known);
        let both = together(votes);
        let rows = votes.iter().map(|v| v.rows).max().unwrap_or(0);
        let (mine, theirs) = (facts.counts.get(cell).copied().unwrap_or(1), facts.counts.get(value).copied().unwrap_or(1));
        if alike.difference == Difference::Case || (alike.difference == Difference::Marks && alike.score >= ALIKE_MIN) {
            // Two ways of writing one value: neither is wrong.
            return 0.8 * both * (1.0 - against);
        }
        let likeness = &self.model.likeness;
        let meant = words(value);
        let written = words(cell);
        // A word that is far rarer than one that it is alike to is a slip, in however many values it stands.
        let is_rare_slip = |w: &String, rows: u64| {
            let rarer = |m: &&String| rows as f64 <= RARER * facts.words.get(*m).copied().unwrap_or(0).max(theirs) as f64;
            meant.difference(&written).filter(rarer).any(|m| likeness.of(w, m).score >= ALIKE_MIN)
        };
        let is_word = |w: &&String| {
            let Some(rows) = facts.words.get(*w) else { return false };
            !w.chars().all(char::is_numeric) && !w.chars().any(|c| likeness.is_noise(c)) && !is_rare_slip(w, *rows)
        };
        let spelt_right = written.difference(&meant).any(|w| is_word(&w));
        let rare = mine as f64 <= (RARER * theirs as f64).max(1.0);
        if alike.score >= ALIKE_MIN && alike.difference == Difference::Letters && rare && !spelt_right {
            // One word against one: only noise can tell which of the two is wrong.
            let thin =
                if rows >= 2 || (alike.noise_only && !value.to_lowercase().chars().any(|c| likeness.is_noise(c) && !cell.contains(c))) {
                    1.0
                } else {
                    0.75
                };
            return 0.995 * (1.0 - (1.0 - both) * 0.35) * (1.0 - 0.9 * against) * thin;
        }
        // What stands in this group only, hardly ever, and is as a whole its value but for some letters: no words of its own make that another value,
        // where the group has no others.
        let here = votes.iter().map(|v| v.others.own).max().unwrap_or(0) + 1;
        let is_of_group = mine <= u64::from(here) && f64::from(here) <= (RARER * f64::from(rows)).max(1.0);
        let shared: usize = written.intersection(&meant).map(|w| w.chars().count()).sum();
        let apart = written.difference(&meant).flat_map(|a| meant.difference(&written).map(move |b| (a.clone(), b.clone())));
        let are_twins = !facts.twins.is_empty() && apart.into_iter().any(|pair| facts.twins.contains(&pair));
        if is_of_group
            && rare
            && shared >= SHARED_MIN
            && !are_twins
            && rows >= GROUP_MIN
            && alike.whole >= WHOLE_MIN
            && alike.difference == Difference::Letters
        {
            let exceptions = votes.iter().map(|v| v.pair.exceptions).fold(1.0, f64::min);
            return 0.98 * (1.0 - (1.0 - both) * 0.5) * (1.0 - 0.9 * against) * (1.0 - exceptions);
        }
        let telling: Vec<&Vote> = votes.iter().filter(|v| v.pair.telling).collect();
        if telling.is_empty() {
            return 0.3 * both * (1.0 - against);
        }
        let agree = telling.iter().filter(|v| v.weight >= VOTE_MIN && v.rows >= 2).count();
        let least = telling.iter().map(|v| v.pair.exceptions).fold(1.0, f64::min).max(0.02);
        let exceptions = if spelt_right && alike.score >= ALIKE_MIN { least.max(0.3) } else { least };
        let strength = match agree {
            0 | 1 if rows >= 4 => 1.0,
            0 | 1 => 0.5,
            n => n.min(3) as f64,
        };
        // Of two cells that contradict each other, either may be the wrong one, unless others take a side.
        let alone = match (agree >= 2, backed) {
            (true, _) => 1.0,
            (false, true) => 0.95,
            (false, false) => 0.8,
        };
        let few = if agree >= 2 && rows < 3 { 0.9 } else { 1.0 };
        // A value of its own that nobody could have meant otherwise is no mix-up.
        let own = if mine < 2 { 0.6 } else { 1.0 };
        both * (1.0 - against) * (1.0 - exceptions.powf(strength)) * alone * few * own
    }

    fn alike(&self, wrong: &str, right: &str, known: &mut Known) -> Alike {
        let key = (Box::from(wrong), Box::from(right));
        *known.entry(key).or_insert_with(|| self.model.likeness.of(wrong, right))
    }
}

/// How sure several votes are together: of the strongest three, that not all are wrong.
fn together(votes: &[Vote]) -> f64 {
    1.0 - votes.iter().take(3).fold(1.0, |q, v| q * (1.0 - v.weight))
}

/// How sure it is that a missing cell should have the value voted for.
fn missing(votes: &[Vote], against: f64, backed: bool) -> f64 {
    let strongest = votes.first().map_or(0.0, |v| v.weight);
    let omission = votes.iter().map(|v| v.pair.omission).fold(0.0, f64::max);
    let lacking = votes.iter().map(|v| f64::from(v.others.missing) / f64::from(v.others.rows.max(1))).fold(f64::INFINITY, f64::min);
    let rows = votes.iter().map(|v| v.rows).max().unwrap_or(0);
    let telling = votes.iter().any(|v| v.pair.telling || v.pair.agreement >= 0.98);
    let agree = votes.iter().filter(|v| v.weight >= VOTE_MIN).count();
    let thin = if rows >= 2 || agree >= 2 { 1.0 } else { 0.75 };
    // Where much is missing, it is missing for a reason.
    let usual = if lacking < 0.34 { 1.0 } else { 0.6 };
    // A single determinant may be another row's, unless the row fits it otherwise or it has never been wrong.
    let alone = match votes {
        [only] if !backed && only.pair.agreement < 0.999 => 0.9,
        _ => 1.0,
    };
    alone
        * (0.6 * strongest + 0.4 * together(votes))
        * (1.0 - against)
        * (0.4 + 0.6 * omission)
        * thin
        * usual
        * if telling { 1.0 } else { 0.8 }
}

/// Puts the verdicts on one column in.
pub(super) struct Put {
    /// The column's place in the verdicts.
    pub at: usize,
    pub data_type: DataType,
    pub confidence_min: f64,
}

impl RowRule for Put {
    fn given(&self, _: &Given) -> Result<Option<Value>> {
        Ok(Some(Value::Null))
    }
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(Put { at: self.at, data_type: self.data_type.clone(), confidence_min: self.confidence_min }))
    }
}

impl Op for Put {
    fn run(&self, input: &Input) -> Result<Output> {
        let (before, verdicts) = (&input.arrays[0], input.arrays[1].as_struct());
        let (to, confidence) = (verdicts.column(2 * self.at), verdicts.column(2 * self.at + 1).as_primitive::<Float64Type>());
        if to.null_count() == to.len() {
            return Ok(Output::Same);
        }
        let (mut changed, mut doubtful) = (BooleanBufferBuilder::new(input.rows), BooleanBufferBuilder::new(input.rows));
        for row in 0..input.rows {
            let sure = to.is_valid(row) && confidence.value(row) >= self.confidence_min;
            changed.append(sure);
            doubtful.append(to.is_valid(row) && !sure && confidence.value(row) >= LISTED_MIN);
        }
        let changed = changed.finish();
        let proposed = cast_strictly(to, &self.data_type)?;
        let mask = arrow::array::BooleanArray::new(changed.clone(), None);
        let column = arrow::compute::kernels::zip::zip(&mask, &proposed, before)?;
        Ok(Output::Proposed { column, changed, doubtful: doubtful.finish(), proposed, confidence: confidence.clone() })
    }
}
