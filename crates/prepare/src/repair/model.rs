//! What `repair` with `by` has learnt, in memory and as it is stored.

use super::evidence::Group;
use super::likeness::Likeness;
use crate::cells::{field, number_field};
use crate::measure::hasher;
use ahash::RandomState;
use hashbrown::HashMap;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_core::{Error, Result};

/// Values of a group that are stored; the others are only counted.
const VALUES_MAX: usize = 8;
/// Between the parts of a stored group.
const PART: char = '\u{1e}';

/// The values beside one value of a determinant, most frequent first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    pub values: Vec<(Box<str>, u32)>,
    /// Rows with a value.
    pub rows: u32,
    pub missing: u32,
}

/// A tally without the row that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Others<'a> {
    pub first: Option<(&'a str, u32)>,
    pub second: u32,
    /// Rows with a value.
    pub rows: u32,
    pub missing: u32,
    /// Other rows with the row's own value.
    pub own: u32,
}

impl Tally {
    pub(super) fn of(g: &Group) -> Tally {
        let mut values = g.values.clone();
        values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
        values.truncate(VALUES_MAX);
        Tally { values, rows: g.rows(), missing: g.missing }
    }

    pub(super) fn is_of_one_mind(&self) -> bool {
        self.values.len() == 1 && self.missing == 0
    }

    /// What the other rows of the group say. A row that was not among those learnt from counts as if it had been.
    pub(super) fn without(&self, own: Option<&str>) -> Others<'_> {
        let mut others = Others { first: None, second: 0, rows: self.rows, missing: self.missing, own: 0 };
        match own {
            Some(_) => others.rows = others.rows.saturating_sub(1),
            None => others.missing = others.missing.saturating_sub(1),
        }
        for (value, n) in &self.values {
            let n = if own == Some(value) {
                others.own = n - 1;
                n - 1
            } else {
                *n
            };
            if n == 0 {
                continue;
            }
            match others.first {
                Some((_, most)) if n <= most => others.second = others.second.max(n),
                Some((_, most)) => {
                    others.second = others.second.max(most);
                    others.first = Some((value, n));
                }
                None => others.first = Some((value, n)),
            }
        }
        others
    }

    fn to_text(&self, key: &str) -> String {
        let mut out = format!("{key}{PART}{}{PART}{}", self.rows, self.missing);
        for (value, n) in &self.values {
            out.push_str(&format!("{PART}{value}{PART}{n}"));
        }
        out
    }

    fn from_text(text: &str) -> Option<(&str, Tally)> {
        let mut parts = text.split(PART);
        let (key, rows, missing) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mut values = Vec::new();
        while let Some(value) = parts.next() {
            values.push((value.into(), parts.next()?.parse().ok()?));
        }
        Some((key, Tally { values, rows, missing }))
    }
}

/// One column, or several together, and what stands beside their values.
pub(super) struct Determinant {
    /// Places among the inputs.
    pub columns: Vec<usize>,
    /// The groups by the determinant's value.
    pub groups: HashMap<Box<str>, u32, RandomState>,
    /// For each pair of this determinant, the tally of each group.
    pub tallies: Vec<(usize, Vec<Option<Tally>>)>,
}

impl Determinant {
    pub(super) fn new(columns: Vec<usize>) -> Self {
        Determinant { columns, groups: HashMap::with_hasher(hasher()), tallies: Vec::new() }
    }

    pub(super) fn add(&mut self, pair: usize, groups: Vec<(String, Tally)>) {
        let mut tallies: Vec<Option<Tally>> = vec![None; self.groups.len()];
        for (key, tally) in groups {
            let fresh = self.groups.len() as u32;
            let at = *self.groups.entry(key.into()).or_insert(fresh) as usize;
            if at >= tallies.len() {
                tallies.resize(at + 1, None);
            }
            tallies[at] = Some(tally);
        }
        self.tallies.push((pair, tallies));
    }
}

/// A column and a determinant that has something to say about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub column: usize,
    pub by: usize,
    /// Share of rows that agree with the others of their group.
    pub agreement: f64,
    pub exceptions: f64,
    pub omission: f64,
    /// It says more than what the column's most frequent value would.
    pub telling: bool,
}

/// What is known of a column by itself.
#[derive(Debug)]
pub(super) struct ColumnFacts {
    /// How often values occur, of those that occur more than once.
    pub counts: BTreeMap<String, u64>,
    /// Words that stand in several values, and in how many rows.
    pub words: HashMap<String, u64, RandomState>,
    /// Words that stand for others in one group after another.
    pub twins: BTreeSet<(String, String)>,
    /// Share of the most frequent value.
    pub top: f64,
    /// Rows of the most frequent value.
    most: u64,
}

impl ColumnFacts {
    pub(super) fn new(counts: BTreeMap<String, u64>, words: HashMap<String, u64, RandomState>, top: f64) -> Self {
        let most = counts.values().copied().max().unwrap_or(0);
        ColumnFacts { counts, words, twins: BTreeSet::new(), top, most }
    }

    /// The share of rows that have a value.
    pub(super) fn share(&self, value: &str) -> f64 {
        self.top * self.counts.get(value).copied().unwrap_or(0) as f64 / self.most.max(1) as f64
    }
}

pub(super) struct Model {
    pub columns: usize,
    pub facts: Vec<ColumnFacts>,
    pub determinants: Vec<Determinant>,
    pub pairs: Vec<Pair>,
    pub likeness: Likeness,
}

impl Model {
    pub(super) fn to_json(&self) -> Value {
        let columns = self.facts.iter().map(|f| {
            let counts: Vec<String> = f.counts.iter().map(|(v, n)| format!("{v}{PART}{n}")).collect();
            let mut words: Vec<String> = f.words.iter().map(|(w, n)| format!("{w}{PART}{n}")).collect();
            words.sort_unstable();
            let twins: Vec<String> = f.twins.iter().map(|(a, b)| format!("{a}{PART}{b}")).collect();
            json!({"counts": counts, "words": words, "twins": twins, "top": f.top})
        });
        let mut pairs: Vec<Value> = Vec::new();
        for (at, p) in self.pairs.iter().enumerate() {
            let d = &self.determinants[p.by];
            let mut keys: Vec<(&str, u32)> = d.groups.iter().map(|(k, g)| (&**k, *g)).collect();
            keys.sort_unstable();
            let tallies = d.tallies.iter().find(|(pair, _)| *pair == at).map(|(_, t)| t);
            let groups: Vec<String> = keys
                .iter()
                .filter_map(|(key, g)| tallies.and_then(|t| t.get(*g as usize)).and_then(Option::as_ref).map(|t| t.to_text(key)))
                .collect();
            pairs.push(json!({"column": p.column, "by": p.by, "agreement": p.agreement, "exceptions": p.exceptions,
                "omission": p.omission, "telling": p.telling, "groups": groups}));
        }
        json!({"columns": columns.collect::<Vec<_>>(), "pairs": pairs})
    }

    pub(super) fn from_json(fitted: &Value, columns: usize, determinants: &[Vec<usize>]) -> Result<Model> {
        let model = field(fitted, "model")?;
        let wrong = || {
            Error::data("what a stored recipe knows of columns beside columns can't be read").help("fit it again: run without `--frozen`")
        };
        let list = |v: &Value, name: &str| -> Result<Vec<Value>> { field(v, name)?.as_array().cloned().ok_or_else(wrong) };
        let mut facts = Vec::new();
        for c in list(model, "columns")? {
            // Recipes of before don't say how many rows have a word.
            let word = |w: &str| match w.rsplit_once(PART).map(|(w, n)| (w, n.parse())) {
                Some((w, Ok(n))) => (w.to_string(), n),
                _ => (w.to_string(), u64::MAX),
            };
            let count = |v: &Value| v.as_str()?.rsplit_once(PART).and_then(|(v, n)| Some((v.to_string(), n.parse().ok()?)));
            let twin = |v: &Value| v.as_str()?.split_once(PART).map(|(a, b)| (a.to_string(), b.to_string()));
            let twins = c.get("twins").and_then(Value::as_array).into_iter().flatten().filter_map(twin).collect();
            let of_column = ColumnFacts::new(
                list(&c, "counts")?.iter().map(|v| count(v).ok_or_else(wrong)).collect::<Result<_>>()?,
                list(&c, "words")?.iter().filter_map(Value::as_str).map(word).collect(),
                number_field(&c, "top")?,
            );
            facts.push(ColumnFacts { twins, ..of_column });
        }
        let mut determinants: Vec<Determinant> = determinants.iter().map(|d| Determinant::new(d.clone())).collect();
        let mut pairs = Vec::new();
        for p in field(model, "pairs")?.as_array().ok_or_else(wrong)? {
            let place = |name: &str| field(p, name)?.as_u64().map(|n| n as usize).ok_or_else(wrong);
            let pair = Pair {
                column: place("column")?,
                by: place("by")?,
                agreement: number_field(p, "agreement")?,
                exceptions: number_field(p, "exceptions")?,
                omission: number_field(p, "omission")?,
                telling: field(p, "telling")?.as_bool().ok_or_else(wrong)?,
            };
            if pair.column >= columns || pair.by >= determinants.len() || facts.len() != columns {
                return Err(wrong());
            }
            let mut groups = Vec::new();
            for text in field(p, "groups")?.as_array().ok_or_else(wrong)? {
                let (key, tally) = text.as_str().and_then(Tally::from_text).ok_or_else(wrong)?;
                groups.push((key.to_string(), tally));
            }
            determinants[pair.by].add(pairs.len(), groups);
            pairs.push(pair);
        }
        let noise = field(fitted, "noise")?.as_str().ok_or_else(wrong)?;
        Ok(Model { columns, facts, determinants, pairs, likeness: Likeness::new(noise.chars()) })
    }
}
