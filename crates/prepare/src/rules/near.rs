//! `duplicates` with `like`: rows that are likely the same, though not letter for letter.
//!
//! All pairs would be too many. Rows are put in two orders, by their words in order of the alphabet (as key collision does it) and by their text from its
//! end, and each is compared with the few before it. What differs in a digit is another thing, however alike it looks.

use crate::budget::Budget;
use crate::cells::texts;
use crate::program::{Act, Decision, ElectRule, Input, Op, Output, Part, Removal, RowRule, open_part, open_state};
use crate::scope::Scope;
use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, Float64Builder, StringBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Float64Type};
use rapidfuzz::distance::levenshtein;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Result, Spanned};

/// Rows before it that a row is compared with, in each order.
const WINDOW: usize = 6;

pub(super) fn compile(scope: &mut Scope, like: &[Spanned<String>], similarity_min: f64, drop: bool) {
    let columns: Vec<_> = like.iter().filter_map(|l| scope.column(l)).collect();
    if columns.len() < like.len() {
        return;
    }
    let slots: Vec<usize> = columns.iter().map(|c| c.slot).collect();
    if drop {
        let act = Act::Elect(Box::new(Near { similarity_min, drop }));
        scope.push(None, slots, Vec::new(), None, Some(Removal::Deduplicated), act);
        return;
    }
    let (shown, found) = (scope.slot("like", DataType::Utf8), scope.slot("found", DataType::Struct(fields())));
    let name = columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    scope.push(None, slots.clone(), vec![shown], None, None, Act::Row(Box::new(Joined)));
    scope.push(None, slots, vec![found], None, None, Act::Elect(Box::new(Near { similarity_min, drop })));
    let nowhere = scope.slot("listed", DataType::Utf8);
    scope.push(Some(&name), vec![shown, found], vec![nowhere], None, None, Act::Row(Box::new(List)));
}

fn fields() -> Fields {
    Fields::from(vec![Field::new("as", DataType::Utf8, true), Field::new("similarity", DataType::Float64, true)])
}

/// The columns' values as one text; empty where all are missing.
fn joined(columns: &[arrow::array::StringArray], row: usize) -> String {
    columns.iter().filter(|c| c.is_valid(row)).map(|c| c.value(row)).collect::<Vec<_>>().join(", ")
}

/// What is compared: words in lower case.
fn normal(text: &str) -> String {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

struct Near {
    similarity_min: f64,
    drop: bool,
}

/// All rows' texts, one after another.
struct Texts {
    shown: String,
    /// Where each row's text ends.
    ends: Vec<usize>,
    /// Rows of each morsel.
    morsels: Vec<usize>,
    budget: Budget,
}

impl Texts {
    fn of(&self, row: u32) -> &str {
        let row = row as usize;
        &self.shown[if row == 0 { 0 } else { self.ends[row - 1] }..self.ends[row]]
    }
}

impl ElectRule for Near {
    fn begin(&self, budget: Budget) -> Part {
        Box::new(Texts { shown: String::new(), ends: Vec::new(), morsels: Vec::new(), budget })
    }

    fn prepare(&self, input: &Input) -> Result<Part> {
        let columns = input.arrays.iter().map(texts).collect::<Result<Vec<_>>>()?;
        let (mut all, mut ends) = (String::new(), Vec::with_capacity(input.rows));
        for row in 0..input.rows {
            all.push_str(&joined(&columns, row));
            ends.push(all.len());
        }
        Ok(Box::new((all, ends)))
    }

    fn fold(&self, state: &mut Part, part: Part) -> Result<()> {
        let state = open_state::<Texts>(state)?;
        let (all, ends): (String, Vec<usize>) = open_part(part)?;
        let from = state.shown.len();
        state.morsels.push(ends.len());
        state.ends.extend(ends.into_iter().map(|e| from + e));
        state.shown.push_str(&all);
        state.budget.resize(state.shown.capacity() + state.ends.capacity() * 8)
    }

    fn finish(&self, state: Part) -> Result<Vec<Decision>> {
        let state: Texts = open_part(state)?;
        let rows = state.ends.len();
        // For each row, the earlier one that it is most like.
        let mut best: Vec<Option<(u32, f32)>> = vec![None; rows];
        // The keys of one order at a time.
        state.budget.resize(state.shown.capacity() * 3 + rows * 64)?;
        for from_the_end in [false, true] {
            let key = |row: u32| {
                let text = normal(state.of(row));
                if from_the_end {
                    return text.chars().rev().collect::<String>();
                }
                let mut words: Vec<&str> = text.split(' ').collect();
                words.sort_unstable();
                words.join(" ")
            };
            let mut order: Vec<(Box<str>, u32)> =
                (0..rows as u32).map(|r| (key(r).into_boxed_str(), r)).filter(|(k, _)| !k.is_empty()).collect();
            order.sort_unstable();
            // Of rows with one key, only the first is compared with others.
            let mut heads: Vec<(&str, u32)> = Vec::new();
            for (key, row) in &order {
                match heads.last() {
                    Some((k, head)) if **k == **key => {
                        let same = if from_the_end || normal(state.of(*row)) == normal(state.of(*head)) { 1.0 } else { 0.99 };
                        note(&mut best, *row, *head, same, self.similarity_min);
                    }
                    _ => {
                        for (other, head) in heads.iter().rev().take(WINDOW) {
                            note(&mut best, *row, *head, similarity(key, other, self.similarity_min), self.similarity_min);
                        }
                        heads.push((key, *row));
                    }
                }
            }
        }
        let mut from = 0;
        let mut out = Vec::with_capacity(state.morsels.len());
        for rows in &state.morsels {
            let mine = from..from + rows;
            from += rows;
            if self.drop {
                let mut keep = BooleanBufferBuilder::new(*rows);
                mine.for_each(|row| keep.append(best[row].is_none()));
                out.push(Decision::Keep(keep.finish()));
                continue;
            }
            let (mut other, mut sure) = (StringBuilder::new(), Float64Builder::new());
            for row in mine {
                other.append_option(best[row].map(|(b, _)| state.of(b)));
                sure.append_option(best[row].map(|(_, s)| (f64::from(s) * 1e4).round() / 1e4));
            }
            let arrays: Vec<ArrayRef> = vec![Arc::new(other.finish()), Arc::new(sure.finish())];
            out.push(Decision::Column(Arc::new(StructArray::try_new_with_length(fields(), arrays, None, *rows)?)));
        }
        Ok(out)
    }
}

/// The later of two rows is like the earlier one.
fn note(best: &mut [Option<(u32, f32)>], a: u32, b: u32, similarity: f64, least: f64) {
    let (earlier, later) = (a.min(b), a.max(b));
    let entry = &mut best[later as usize];
    if similarity >= least && entry.is_none_or(|(row, s)| (similarity as f32, row) > (s, earlier)) {
        *entry = Some((earlier, similarity as f32));
    }
}

/// 1: equal; 0: nothing in common, less than `least`, or with other digits in them.
fn similarity(a: &str, b: &str, least: f64) -> f64 {
    let digits = |t: &str| {
        let mut d: Vec<char> = t.chars().filter(|c| c.is_numeric()).collect();
        d.sort_unstable();
        d
    };
    if digits(a) != digits(b) {
        return 0.0;
    }
    let args = levenshtein::Args::default().score_cutoff(least);
    levenshtein::normalized_similarity_with_args(a.chars(), b.chars(), &args).unwrap_or(0.0)
}

struct Joined;

impl RowRule for Joined {
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(Joined))
    }
}

impl Op for Joined {
    fn run(&self, input: &Input) -> Result<Output> {
        let columns = input.arrays.iter().map(texts).collect::<Result<Vec<_>>>()?;
        let all = (0..input.rows).map(|row| Some(joined(&columns, row)));
        Ok(Output::Columns(vec![Arc::new(all.collect::<arrow::array::StringArray>())]))
    }
}

/// Lists rows that are like earlier ones.
struct List;

impl RowRule for List {
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(List))
    }
}

impl Op for List {
    fn run(&self, input: &Input) -> Result<Output> {
        let found = input.arrays[1].as_struct();
        let (other, similarity) = (found.column(0), found.column(1).as_primitive::<Float64Type>());
        let mut doubtful = BooleanBufferBuilder::new(input.rows);
        (0..input.rows).for_each(|row| doubtful.append(other.is_valid(row)));
        let mut none = BooleanBufferBuilder::new(input.rows);
        none.append_n(input.rows, false);
        Ok(Output::Proposed {
            column: input.arrays[0].clone(),
            changed: none.finish(),
            doubtful: doubtful.finish(),
            proposed: other.clone(),
            confidence: similarity.clone(),
        })
    }
}
