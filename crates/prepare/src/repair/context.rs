//! `repair` with `by`: cells that contradict what the row's other columns say.
//!
//! For each column and each determinant (a column, or several together) the fit learns which values stand beside each value of the determinant, how well the determinant decides
//! the column at all, and whether what deviates looks like slips (once in a group) or like exceptions (again and again). One inner node
//! judges a row as it came, all its columns at once; one node for each column puts the verdict in. A row never votes for itself.

use super::evidence::{Beside, Groups, Spellings, Spelt};
use super::likeness::{Likeness, words};
use super::model::{ColumnFacts, Determinant, Model, Pair, Tally};
use super::verdict::{Judge, Put, RARER, verdicts_type};
use crate::measure::{Measured, measured};
use crate::program::{Act, Given, Op, RowRule};
use crate::scope::{Scope, Taken};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_core::{Result, Spanned, codes};
use tidemill_project::spec::Columns;

/// Groups kept while measuring, over all pairs of columns.
const GROUPS_MAX: usize = 1 << 22;
/// Groups kept in the stored recipe, over all pairs.
const STORED_MAX: usize = 1 << 20;
/// Rows in groups of two or more that a pair must have to be learnt from.
const ROWS_MIN: u64 = 10;
/// A determinant that agrees with fewer rows than this decides nothing.
const AGREEMENT_MIN: f64 = 0.5;
/// Words and values remembered of a column.
const REMEMBERED_MAX: usize = 50_000;
/// Words that stand for each other in this many groups, ...
const TWIN_MIN: u64 = 3;
/// ... and in this share of those that are not of one mind, are of two values.
const TWIN_SHARE: f64 = 0.1;
/// A word that stands in this many different values of a column is no slip.
const WORD_MIN: u32 = 3;

pub(super) fn compile(scope: &mut Scope, columns: &Columns, by: &[Vec<Spanned<String>>], confidence_min: f64) {
    let columns = scope.all(columns, "a column", |_| true);
    let mut inputs: Vec<Taken> = columns.clone();
    let mut determinants: Vec<Vec<usize>> = Vec::new();
    for together in by {
        let mut places = Vec::new();
        for name in together {
            let Some(c) = scope.column(name) else { continue };
            places.push(inputs.iter().position(|i| i.name == c.name).unwrap_or_else(|| {
                inputs.push(c);
                inputs.len() - 1
            }));
        }
        if places.len() == together.len() && !determinants.contains(&places) {
            determinants.push(places);
        }
    }
    if determinants.len() < by.len() || columns.is_empty() {
        return;
    }
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for column in 0..columns.len() {
        pairs.extend((0..determinants.len()).filter(|d| !determinants[*d].contains(&column)).map(|d| (column, d)));
    }
    if pairs.is_empty() {
        let span = by.first().and_then(|b| b.first()).map_or(0..0, |b| b.span.clone());
        scope.error(
            codes::RULE_INCONSISTENT,
            &span,
            "no column is decided by another one",
            "name other columns in `by`, or more in `columns`",
        );
        return;
    }
    let names: Vec<String> = inputs.iter().map(|i| i.name.clone()).collect();
    let rule = Context { names, columns: columns.len(), determinants: determinants.clone(), pairs: pairs.clone() };
    let verdicts = scope.slot("verdicts", verdicts_type(columns.len()));
    let slots = inputs.iter().map(|i| i.slot).collect();
    let node = scope.push(None, slots, vec![verdicts], None, None, Act::Row(Box::new(rule)));
    let groups_max = (GROUPS_MAX / pairs.len()).max(1 << 12);
    for (column, by) in &pairs {
        node.measure(Beside { groups_max }, std::iter::once(*column).chain(determinants[*by].iter().copied()).collect());
    }
    for column in 0..columns.len() {
        node.measure(Spellings { slips: false }, vec![column]);
    }
    for (at, c) in columns.iter().enumerate() {
        let out = scope.next(c, c.data_type.clone());
        let put = Put { at, data_type: c.data_type.clone(), confidence_min };
        scope.push_row(&c.name, vec![c.slot, verdicts], out, Some(c.slot), put);
    }
}

struct Context {
    /// Of the inputs; the first are the columns to repair.
    names: Vec<String>,
    columns: usize,
    /// Places among the inputs.
    determinants: Vec<Vec<usize>>,
    /// Column and determinant of each, in the order of the measures.
    pairs: Vec<(usize, usize)>,
}

/// How a determinant does, over all its groups.
struct Standing {
    /// Rows with a value, in groups of two or more such rows.
    rows: u64,
    agree: u64,
    /// Rows whose value deviates from their group's majority: as slips do (seen once there, or alike to it and far rarer), and otherwise.
    slips: u64,
    repeated: u64,
    /// Rows without a value: in groups that have values, and in groups that have none.
    missing_among: u64,
    missing_alone: u64,
}

impl Standing {
    fn of(groups: &Groups) -> Standing {
        let alike = Likeness::default();
        let mut s = Standing { rows: 0, agree: 0, slips: 0, repeated: 0, missing_among: 0, missing_alone: 0 };
        for g in groups.groups.values() {
            let rows = u64::from(g.rows());
            if rows == 0 {
                s.missing_alone += if g.missing >= 2 { u64::from(g.missing) } else { 0 };
            }
            if rows < 2 {
                continue;
            }
            s.missing_among += u64::from(g.missing);
            s.rows += rows;
            let Some(first) = g.values.iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0))) else { continue };
            let (mut slips, mut repeated) = (0, 0);
            for (value, n) in &g.values {
                match (value == &first.0, *n) {
                    (true, n) if n >= 2 => s.agree += u64::from(n),
                    (true, _) => {}
                    (false, 1) => slips += 1,
                    // Of so many rows, some have the same slip.
                    (false, n) if f64::from(n) <= RARER * f64::from(first.1) && alike.of(value, &first.0).is_slip() => {
                        slips += u64::from(n)
                    }
                    (false, n) => repeated += u64::from(n),
                }
            }
            // Values that are only counted are as those that are known.
            let others = u64::from(g.others);
            let of_slips = (others * slips).checked_div(slips + repeated).unwrap_or(0);
            s.slips += slips + of_slips;
            s.repeated += repeated + others - of_slips;
        }
        s
    }

    fn agreement(&self) -> f64 {
        self.agree as f64 / self.rows.max(1) as f64
    }

    /// Of what deviates, the share that looks like exceptions to the rule and not like slips.
    fn exceptions(&self) -> f64 {
        (self.repeated as f64 + 0.5) / ((self.repeated + self.slips) as f64 + 1.0)
    }

    /// How likely a missing value beside values is an omission, and the row's determinant not simply another's.
    fn omission(&self) -> f64 {
        if self.missing_among == 0 {
            // Where nothing is ever missing, what is must be an omission.
            return if self.missing_alone == 0 { 1.0 } else { 0.0 };
        }
        let astray = (1.0 - self.agreement()) * self.missing_alone as f64;
        ((self.missing_among as f64 - astray) / self.missing_among as f64).max(0.0)
    }
}

impl Context {
    /// Which pairs are worth listening to: those that decide their column about as well as the best one does.
    fn chosen(&self, standings: &[Standing], rows: u64) -> Vec<bool> {
        let mut out = vec![false; self.pairs.len()];
        for column in 0..self.columns {
            let mine: Vec<usize> = (0..self.pairs.len()).filter(|p| self.pairs[*p].0 == column && standings[*p].rows >= ROWS_MIN).collect();
            let broad = |p: &&usize| standings[**p].rows as f64 >= (0.2 * rows as f64).max(20.0);
            let best = mine.iter().filter(broad).map(|p| 1.0 - standings[*p].agreement()).fold(f64::INFINITY, f64::min);
            let most = mine.iter().filter(broad).map(|p| standings[*p].rows).max().unwrap_or(0);
            if most == 0 {
                continue;
            }
            let best = best.max(0.002);
            let cut = best * 1.25 + (best / most as f64).sqrt();
            for p in mine {
                out[p] = 1.0 - standings[p].agreement() <= cut && standings[p].agreement() >= AGREEMENT_MIN;
            }
        }
        out
    }

    fn likeness(&self, chosen: &[bool], all: &[&Groups], spelt: &[&Spelt]) -> Likeness {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for (at, (column, _)) in self.pairs.iter().enumerate().filter(|(at, _)| chosen[*at]) {
            for g in all[at].groups.values() {
                let Some(first) = g.values.iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0))) else { continue };
                if first.1 < 3 || f64::from(first.1) < 0.6 * f64::from(g.rows() + g.missing) {
                    continue;
                }
                for (value, n) in &g.values {
                    let rare = *n == 1 && spelt[*column].counts.get(value).is_none_or(|n| *n <= 2);
                    if rare && value.chars().count() <= 200 && first.0.chars().count() <= 200 {
                        pairs.push((value, &first.0));
                    }
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        Likeness::learn(pairs.into_iter().take(REMEMBERED_MAX))
    }

    fn facts(spelt: &Spelt) -> ColumnFacts {
        let mut counts: Vec<(&str, u64)> = spelt.counts.iter().filter(|(_, n)| **n >= 2).map(|(v, n)| (&**v, *n)).collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let top = counts.first().map_or(0, |(_, n)| *n);
        counts.truncate(REMEMBERED_MAX);
        // In how many values a word stands, and in how many rows.
        let mut seen: BTreeMap<String, (u32, u64)> = BTreeMap::new();
        for (value, rows) in &spelt.counts {
            for word in words(value) {
                let (values, all) = seen.entry(word).or_default();
                *values += 1;
                *all += rows;
            }
        }
        let mut known: Vec<(String, (u32, u64))> = seen.into_iter().filter(|(_, n)| n.0 >= WORD_MIN).collect();
        known.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
        known.truncate(REMEMBERED_MAX);
        let counts = counts.into_iter().map(|(v, n)| (v.to_string(), n)).collect();
        ColumnFacts::new(counts, known.into_iter().map(|(w, n)| (w, n.1)).collect(), top as f64 / spelt.rows.max(1) as f64)
    }
}

impl RowRule for Context {
    fn given(&self, _: &Given) -> Result<Option<Value>> {
        Ok(None)
    }

    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let n = self.pairs.len();
        let groups: Vec<&Groups> = (0..n).map(|at| measured::<Groups>(all, at)).collect::<Result<_>>()?;
        let spelt: Vec<&Spelt> = (0..self.columns).map(|at| measured::<Spelt>(all, n + at)).collect::<Result<_>>()?;
        let standings: Vec<Standing> = groups.iter().map(|g| Standing::of(g)).collect();
        let chosen = self.chosen(&standings, groups.iter().map(|g| g.rows).max().unwrap_or(0));
        let likeness = self.likeness(&chosen, &groups, &spelt);
        let mut facts: Vec<ColumnFacts> = spelt.iter().map(|s| Self::facts(s)).collect();
        for (at, (column, _)) in self.pairs.iter().enumerate().filter(|(at, _)| chosen[*at]) {
            facts[*column].twins.extend(twins(groups[at]));
        }
        let stored_max = STORED_MAX / chosen.iter().filter(|c| **c).count().max(1);

        let mut told = serde_json::Map::new();
        let mut determinants: Vec<Determinant> = self.determinants.iter().map(|d| Determinant::new(d.clone())).collect();
        let mut pairs = Vec::new();
        for (at, (column, by)) in self.pairs.iter().enumerate().filter(|(at, _)| chosen[*at]) {
            let s = &standings[at];
            let (kept, left_out) = kept(groups[at], stored_max);
            let name = format!(
                "{} by {}",
                self.names[*column],
                self.determinants[*by].iter().map(|d| self.names[*d].as_str()).collect::<Vec<_>>().join(" + ")
            );
            let mut figures = json!({"agreement": round(s.agreement())});
            if groups[at].forgotten > 0 || left_out > 0 {
                figures["capped"] = true.into();
            }
            told.insert(name, figures);
            let pair = Pair {
                column: *column,
                by: *by,
                agreement: round(s.agreement()),
                exceptions: round(s.exceptions()),
                omission: round(s.omission()),
                telling: 1.0 - s.agreement() <= 0.6 * (1.0 - facts[*column].top),
            };
            determinants[*by].add(pairs.len(), kept);
            pairs.push(pair);
        }
        let model = Model { columns: self.columns, facts, determinants, pairs, likeness };
        Ok(json!({"decides": told, "noise": model.likeness.noise().iter().collect::<String>(), "model": model.to_json()}))
    }

    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(Judge { model: Model::from_json(fitted, self.columns, &self.determinants)? }))
    }
}

/// Words that stand for each other in one group after another, as the names of two places do: values that differ in them are two values.
fn twins(groups: &Groups) -> Vec<(String, String)> {
    let mut of: BTreeMap<String, u64> = BTreeMap::new();
    let mut pairs: BTreeMap<(String, String), u64> = BTreeMap::new();
    for g in groups.groups.values().filter(|g| g.values.len() > 1) {
        let Some(first) = g.values.iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0))) else { continue };
        let usual = words(&first.0);
        let mut mine: BTreeSet<(String, String)> = BTreeSet::new();
        for (value, _) in g.values.iter().filter(|v| v.0 != first.0) {
            let other = words(value);
            if let ([a], [b]) = (&other.difference(&usual).collect::<Vec<_>>()[..], &usual.difference(&other).collect::<Vec<_>>()[..]) {
                mine.insert(((*a).clone(), (*b).clone()));
            }
        }
        mine.into_iter().for_each(|p| *pairs.entry(p).or_default() += 1);
        usual.into_iter().for_each(|w| *of.entry(w).or_default() += 1);
    }
    let is_usual =
        |(pair, n): &(&(String, String), &u64)| **n >= TWIN_MIN && **n as f64 >= TWIN_SHARE * of.get(&pair.1).map_or(0.0, |n| *n as f64);
    pairs.iter().filter(is_usual).map(|(pair, _)| pair.clone()).collect()
}

/// The groups worth storing: of two rows or more, those that are not of one mind first, then the greatest; in order of key. And how many are left out.
fn kept(groups: &Groups, most: usize) -> (Vec<(String, Tally)>, usize) {
    let mut all: Vec<(&str, Tally)> =
        groups.groups.iter().filter(|(_, g)| g.rows() + g.missing >= 2 && g.rows() > 0).map(|(k, g)| (&**k, Tally::of(g))).collect();
    let left_out = all.len().saturating_sub(most);
    if left_out > 0 {
        all.sort_by_cached_key(|(k, t)| (t.is_of_one_mind(), std::cmp::Reverse(t.rows), (*k).to_string()));
        all.truncate(most);
    }
    all.sort_unstable_by(|a, b| a.0.cmp(b.0));
    (all.into_iter().map(|(k, t)| (k.to_string(), t)).collect(), left_out)
}

fn round(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}
