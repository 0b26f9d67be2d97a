//! `repair`, in its forms. `context` is repair by the row's other columns: it measures `evidence`, learns a `model`, and `verdict` judges rows by it, with
//! `likeness` to tell slips from other values. `glued` takes values apart that hold their neighbour's.
//!
//! Here: spellings brought to the values that are meant. What becomes of a spelling depends on the spelling and the canon alone, so it is found once
//! for each distinct spelling, when it is first met, by whichever thread meets it.

mod context;
mod evidence;
mod frequent;
mod glued;
mod likeness;
mod matcher;
mod model;
mod odds;
pub(crate) mod rehearsal;
#[cfg(test)]
mod tests;
mod verdict;

use crate::cells::{is_text, is_whole, text_list};
use crate::measure::{Measured, hasher, measured};
use crate::program::{Given, Input, Op, Output, RowRule, Slot};
use crate::scope::Scope;
use ahash::RandomState;
use arrow::array::{Array, AsArray, BooleanBufferBuilder, Float64Builder, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use evidence::{Beside, Groups, Spellings, Spelt};
use frequent::Parts;
use hashbrown::HashMap;
use matcher::{Canon, Matcher};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_project::spec::{Otherwise, RepairTo, Rule};

/// What is less likely than this is not even listed.
const LISTED_MIN: f64 = 0.5;
/// Spellings remembered at most; rarer ones beyond that are matched each time they are met.
const MEMO_MAX: usize = 1 << 20;
/// Repairs and unmatched spellings shown in a stored recipe, each.
const SHOWN_MAX: usize = 10_000;
/// Columns at most that are asked what they say of a frequent spelling's slips.
const WITNESSES_MAX: usize = 8;
/// Values of a mended column, over all columns beside it, for which what stands there is remembered.
const BESIDE_MAX: usize = 1 << 17;

pub(crate) fn compile(scope: &mut Scope, rule: &Rule) {
    if let Rule::RepairBy { columns, by, confidence_min } = rule {
        return context::compile(scope, columns, by, *confidence_min);
    }
    if let Rule::RepairGlued { columns, confidence_min } = rule {
        return glued::compile(scope, columns, *confidence_min);
    }
    let Rule::Repair { columns, to, distance_max, confidence_min, ignore_case, trim, otherwise, into } = rule else { return };
    let all = scope.all(columns, "text", is_text);
    let beside: Vec<Slot> = scope.visible().into_iter().filter(|c| can_tell(&c.data_type)).map(|c| c.slot).collect();
    for c in all.clone() {
        let mut repair = Repair {
            to: to.clone(),
            distance_max: *distance_max as usize,
            confidence_min: *confidence_min,
            ignore_case: *ignore_case,
            trim: *trim,
            otherwise: otherwise.clone(),
            columns: all.len(),
        };
        let Some((out, replaces)) = scope.write(&c, into.as_ref(), DataType::Utf8) else { continue };
        if !matches!(to, RepairTo::Frequent { .. }) {
            repair.columns = 0;
            scope.push_row(&c.name, vec![c.slot], out, replaces, repair);
            continue;
        }
        // Which characters get confused is learnt from all columns of the rule together.
        let others = all.iter().filter(|o| o.slot != c.slot).map(|o| o.slot);
        let mut inputs: Vec<_> = std::iter::once(c.slot).chain(others).collect();
        let spelt = inputs.len();
        let mut witnesses = Vec::new();
        // What differs in case and space alone is the same word, whatever stands beside it.
        let asked = if *distance_max > 0 { beside.as_slice() } else { &[] };
        for slot in nearest(asked, beside.iter().position(|slot| *slot == c.slot).unwrap_or(0)) {
            witnesses.push(inputs.iter().position(|input| *input == slot).unwrap_or(inputs.len()));
            if !inputs.contains(&slot) {
                inputs.push(slot);
            }
        }
        let node = scope.push_row(&c.name, inputs, out, replaces, repair);
        (0..spelt).for_each(|at| {
            node.measure(Spellings { slips: true }, vec![at]);
        });
        let groups_max = BESIDE_MAX / witnesses.len().max(1);
        witnesses.into_iter().for_each(|at| {
            node.measure(Beside { groups_max }, vec![at, 0]);
        });
    }
}

/// Names, codes and days go with a value; what is measured goes with anything.
pub(crate) fn can_tell(t: &DataType) -> bool {
    is_text(t) || is_whole(t) || matches!(t, DataType::Boolean | DataType::Date32)
}

/// Of the columns beside one (`at` is its place among them), those that stand nearest to it, in the table's order.
pub(crate) fn nearest<T: Copy>(all: &[T], at: usize) -> Vec<T> {
    let mut places: Vec<usize> = (0..all.len()).filter(|i| *i != at).collect();
    places.sort_by_key(|i| (i.abs_diff(at), *i));
    places.truncate(WITNESSES_MAX);
    places.sort_unstable();
    places.into_iter().map(|i| all[i]).collect()
}

struct Repair {
    to: RepairTo,
    distance_max: usize,
    confidence_min: f64,
    ignore_case: bool,
    trim: bool,
    otherwise: Otherwise,
    /// Of the rule: so many of the measures are of spellings, the others of columns beside.
    columns: usize,
}

impl RowRule for Repair {
    fn given(&self, given: &Given) -> Result<Option<Value>> {
        let canon: Vec<String> = match &self.to {
            RepairTo::List(values) => values.clone(),
            RepairTo::Frequent { .. } => return Ok(None),
            RepairTo::File(file) => {
                let text = std::fs::read_to_string(given.base_dir.join(&file.value)).map_err(|e| {
                    Error::config(format!("`{}` can't be read: {e}", file.value))
                        .help("paths are relative to the project directory")
                        .because(e)
                })?;
                let lines = text.trim_start_matches('\u{feff}').lines().map(|l| l.trim().to_string());
                lines.filter(|l| !l.is_empty()).collect()
            }
            RepairTo::Column { table, column } => {
                let values = given.references.get(&(table.value.clone(), column.clone()));
                values.cloned().ok_or_else(|| Error::bug(format!("the values of `{}.{column}` were not given to the fit", table.value)))?
            }
        };
        let mut canon = canon;
        canon.sort();
        canon.dedup();
        Ok(Some(json!({"canon": canon})))
    }

    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let RepairTo::Frequent { count_min, ratio_min } = &self.to else { return Ok(Value::Null) };
        let spelt: Vec<&Spelt> = (0..self.columns).map(|at| measured::<Spelt>(all, at)).collect::<Result<_>>()?;
        let beside: Vec<&Groups> = (self.columns..all.len()).map(|at| measured::<Groups>(all, at)).collect::<Result<_>>()?;
        frequent::learn(self, &spelt, &beside, *count_min, *ratio_min)
    }

    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let (matcher, parts) = match &self.to {
            RepairTo::Frequent { count_min, ratio_min } => frequent::ready(self, fitted, *count_min, *ratio_min)?,
            _ => {
                let canon = text_list(fitted, "canon")?;
                let canon = canon.iter().map(|t| Canon::new(t, 0, self.ignore_case, self.trim)).collect();
                let (distance_max, sure) = (self.distance_max, self.confidence_min);
                (Matcher::new(canon, BTreeMap::new(), None, distance_max, sure, self.ignore_case, self.trim, None), None)
            }
        };
        let says = fitted.get("model").map(Says::from_json).unwrap_or_default();
        // What was met before is found again, so that a stored recipe goes on knowing it.
        let mut memo = HashMap::with_hasher(hasher());
        let repaired = fitted.get("repairs").and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str);
        let unmatched = fitted.get("unmatched").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for text in repaired.chain(unmatched) {
            memo.insert(text.into(), find(&matcher, parts.as_ref(), Some(&says), text));
        }
        Ok(Arc::new(Mend { matcher, parts, says, otherwise: self.otherwise.clone(), memo: RwLock::new(memo) }))
    }

    fn message(&self, fitted: &Value) -> String {
        let met = fitted.get("spellings_repaired").and_then(Value::as_u64);
        let unmatched = fitted.get("spellings_unmatched").and_then(Value::as_u64);
        match (met, unmatched) {
            (Some(m), Some(u)) => format!("{m} spellings repaired, {u} matched nothing"),
            _ => String::new(),
        }
    }
}

/// What becomes of a spelling.
#[derive(Debug, Clone, PartialEq)]
enum Meant {
    /// This value of the canon.
    Canon(u32, f64),
    /// A text that was put together.
    Text(Arc<str>, f64),
    /// It stays: one of the frequent ones.
    Itself,
    Nothing,
}

/// What the columns beside say of spellings: to what each would be brought, and how much likelier, or less likely, that makes it a slip.
#[derive(Default)]
struct Says(BTreeMap<String, (String, f64)>);

impl Says {
    fn from_json(model: &Value) -> Says {
        let all = model.get("beside").and_then(Value::as_object).into_iter().flatten();
        Says(all.filter_map(|(from, says)| Some((from.clone(), (says.get(0)?.as_str()?.to_string(), says.get(1)?.as_f64()?)))).collect())
    }

    fn weigh(&self, from: &str, to: &str, sure: f64) -> f64 {
        self.0.get(from).filter(|(t, _)| t == to).map_or(sure, |(_, odds)| odds::after(sure, *odds))
    }
}

/// What becomes of a spelling: as a whole, or else by its parts; after the columns beside it were heard.
fn find(matcher: &Matcher, parts: Option<&Parts>, says: Option<&Says>, text: &str) -> Meant {
    match (spelt(matcher, parts, text), says) {
        (Meant::Canon(at, sure), Some(says)) => Meant::Canon(at, says.weigh(text, matcher.text(at), sure)),
        (Meant::Text(to, sure), Some(says)) => {
            let sure = says.weigh(text, &to, sure);
            Meant::Text(to, sure)
        }
        (meant, _) => meant,
    }
}

/// By its letters alone.
fn spelt(matcher: &Matcher, parts: Option<&Parts>, text: &str) -> Meant {
    let whole = matcher.find(text);
    let Some(parts) = parts.filter(|_| whole != Meant::Itself) else { return whole };
    let part = parts.find(text);
    let sure = |m: &Meant| match m {
        Meant::Canon(_, sure) | Meant::Text(_, sure) => *sure,
        Meant::Itself | Meant::Nothing => 0.0,
    };
    match (&whole, &part) {
        // Two ways to mend it that don't come to the same: neither is sure.
        (Meant::Canon(at, a), Meant::Text(to, b)) if *a < 1.0 && matcher.text(*at) != &**to => {
            if a >= b {
                Meant::Canon(*at, a * 0.6)
            } else {
                Meant::Text(to.clone(), b * 0.6)
            }
        }
        // A value that is repeated as slips are not is none by its words either.
        (Meant::Canon(..), Meant::Text(..)) if matcher.is_repeated(text) => whole,
        _ if sure(&part) > sure(&whole) => part,
        _ => whole,
    }
}

struct Mend {
    matcher: Matcher,
    /// For frequent spellings: their words.
    parts: Option<Parts>,
    says: Says,
    otherwise: Otherwise,
    memo: RwLock<HashMap<Box<str>, Meant, RandomState>>,
}

impl Mend {
    fn meant(&self, text: &str) -> Meant {
        if let Some(m) = self.memo.read().get(text) {
            return m.clone();
        }
        find(&self.matcher, self.parts.as_ref(), Some(&self.says), text)
    }

    /// What becomes of each cell: looked up, or found now and remembered.
    fn resolve(&self, column: &StringArray) -> Vec<Meant> {
        let mut out = vec![Meant::Itself; column.len()];
        let mut unknown: Vec<usize> = Vec::new();
        {
            let memo = self.memo.read();
            for (row, (value, meant)) in column.iter().zip(&mut out).enumerate() {
                match value.map(|v| memo.get(v)) {
                    Some(Some(m)) => *meant = m.clone(),
                    Some(None) => unknown.push(row),
                    None => {}
                }
            }
        }
        if unknown.is_empty() {
            return out;
        }
        let mut fresh: HashMap<&str, Meant, RandomState> = HashMap::with_hasher(hasher());
        for row in unknown {
            let found =
                fresh.entry(column.value(row)).or_insert_with_key(|text| find(&self.matcher, self.parts.as_ref(), Some(&self.says), text));
            out[row] = found.clone();
        }
        let mut memo = self.memo.write();
        for (text, meant) in fresh {
            if memo.len() < MEMO_MAX {
                memo.entry_ref(text).or_insert(meant);
            }
        }
        out
    }
}

impl Op for Mend {
    fn run(&self, input: &Input) -> Result<Output> {
        let column: &StringArray = input.arrays[0].as_string();
        let meant = self.resolve(column);
        let mut out = StringBuilder::with_capacity(column.len(), column.value_data().len());
        let (mut changed, mut doubtful) = (BooleanBufferBuilder::new(column.len()), BooleanBufferBuilder::new(column.len()));
        let (mut proposed, mut confidence) = (StringBuilder::new(), Float64Builder::with_capacity(column.len()));
        for (row, meant) in meant.iter().enumerate() {
            let before = column.is_valid(row).then(|| column.value(row));
            let (wanted, sure) = match meant {
                Meant::Canon(at, sure) => (Some(self.matcher.text(*at)), Some(*sure)),
                Meant::Text(text, sure) => (Some(&**text), Some(*sure)),
                Meant::Itself => (before, Some(1.0)),
                Meant::Nothing => (None, None),
            };
            let listed = wanted.is_some() && wanted != before && !self.matcher.is_made(meant) && sure.is_some_and(|s| s >= LISTED_MIN);
            let after = match meant {
                _ if before.is_none() => None,
                Meant::Itself => before,
                _ if self.matcher.is_made(meant) => wanted,
                _ => match &self.otherwise {
                    Otherwise::Keep => before,
                    Otherwise::Null => None,
                    Otherwise::Value(v) => Some(v.as_str()),
                },
            };
            changed.append(after != before);
            // What another value took the place of is no open question.
            doubtful.append(listed && before.is_some() && after == before);
            proposed.append_option(wanted.filter(|_| listed));
            confidence.append_option(sure.filter(|_| before.is_some()));
            out.append_option(after);
        }
        let (changed, doubtful) = (changed.finish(), doubtful.finish());
        let (column, proposed) = (Arc::new(out.finish()), Arc::new(proposed.finish()));
        Ok(Output::Proposed { column, changed, doubtful, proposed, confidence: confidence.finish() })
    }

    fn confidence(&self, before: &str) -> Option<f64> {
        match self.meant(before) {
            Meant::Canon(_, confidence) | Meant::Text(_, confidence) => Some(confidence),
            Meant::Itself => Some(1.0),
            Meant::Nothing => None,
        }
    }

    fn amend(&self, fitted: &mut Value) {
        let memo = self.memo.read();
        let (mut repairs, mut unmatched) = (BTreeMap::new(), Vec::new());
        for (text, meant) in memo.iter() {
            let (to, confidence) = match meant {
                Meant::Canon(at, confidence) => (self.matcher.text(*at), confidence),
                Meant::Text(to, confidence) => (&**to, confidence),
                Meant::Itself => continue,
                Meant::Nothing => {
                    unmatched.push(text.to_string());
                    continue;
                }
            };
            if !self.matcher.is_made(meant) {
                unmatched.push(text.to_string());
            } else if to != &**text {
                repairs.insert(text.to_string(), json!({"to": to, "confidence": (confidence * 1e4).round() / 1e4}));
            }
        }
        unmatched.sort_unstable();
        if let Value::Object(map) = fitted {
            // Of more than are shown, the number stays.
            let count = |name: &str, n: usize| map.get(name).and_then(Value::as_u64).unwrap_or(0).max(n as u64);
            let (repaired, nothing) = (count("spellings_repaired", repairs.len()), count("spellings_unmatched", unmatched.len()));
            map.insert("spellings_repaired".into(), repaired.into());
            map.insert("spellings_unmatched".into(), nothing.into());
            map.insert("repairs".into(), Value::Object(repairs.into_iter().take(SHOWN_MAX).collect()));
            unmatched.truncate(SHOWN_MAX);
            map.insert("unmatched".into(), unmatched.into());
        }
    }
}
