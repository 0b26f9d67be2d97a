//! `repair`, in its forms. `context` is repair by the row's other columns: it measures `evidence`, learns a `model`, and `verdict` judges rows by it, with
//! `likeness` to tell slips from other values. `glued` takes values apart that hold their neighbour's.
//!
//! Here: spellings brought to the values that are meant. What becomes of a spelling depends on the spelling and the canon alone, so it is found once
//! for each distinct spelling, when it is first met, by whichever thread meets it.

mod context;
mod evidence;
mod glued;
mod likeness;
mod matcher;
mod model;
#[cfg(test)]
mod tests;
mod verdict;

use crate::cells::{field, is_text, text_list};
use crate::fitted::figures;
use crate::measure::{Counted, Counts, Measured, hasher, measured};
use crate::program::{Given, Input, Op, Output, RowRule};
use crate::scope::Scope;
use ahash::RandomState;
use arrow::array::{Array, AsArray, BooleanBufferBuilder, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use hashbrown::HashMap;
use matcher::{Canon, Matcher};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_project::spec::{Otherwise, RepairTo, Rule};

/// Spellings remembered at most; rarer ones beyond that are matched each time they are met.
const MEMO_MAX: usize = 1 << 20;
/// Repairs and unmatched spellings shown in a stored recipe, each.
const SHOWN_MAX: usize = 10_000;

pub(crate) fn compile(scope: &mut Scope, rule: &Rule) {
    if let Rule::RepairBy { columns, by, confidence_min } = rule {
        return context::compile(scope, columns, by, *confidence_min);
    }
    if let Rule::RepairGlued { columns, confidence_min } = rule {
        return glued::compile(scope, columns, *confidence_min);
    }
    let Rule::Repair { columns, to, distance_max, confidence_min, ignore_case, trim, otherwise, into } = rule else { return };
    for c in scope.all(columns, "text", is_text) {
        let repair = Repair {
            to: to.clone(),
            distance_max: *distance_max as usize,
            confidence_min: *confidence_min,
            ignore_case: *ignore_case,
            trim: *trim,
            otherwise: otherwise.clone(),
        };
        let Some((out, replaces)) = scope.write(&c, into.as_ref(), DataType::Utf8) else { continue };
        let node = scope.push_row(&c.name, vec![c.slot], out, replaces, repair);
        if matches!(to, RepairTo::Frequent { .. }) {
            node.measure(Counts, vec![0]);
        }
    }
}

struct Repair {
    to: RepairTo,
    distance_max: usize,
    confidence_min: f64,
    ignore_case: bool,
    trim: bool,
    otherwise: Otherwise,
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
        let counted = measured::<Counted>(all, 0)?;
        // Counts are kept where they can decide: of the canon, and of spellings too frequent to be anybody's misspelling.
        let decides = |n: u64| n >= *count_min || n as f64 * ratio_min > *count_min as f64;
        let counts = counted.sorted().into_iter().filter(|(_, n)| decides(*n)).map(|(v, n)| (v.to_string(), Value::from(n)));
        Ok(figures([("counts", Value::Object(counts.collect::<Map<_, _>>()))]))
    }

    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let (canon, counts, ratio_min) = match &self.to {
            RepairTo::Frequent { count_min, ratio_min } => {
                let counts =
                    field(fitted, "counts")?.as_object().ok_or_else(|| Error::data("`counts` of a stored recipe is not a table"))?;
                let counts: BTreeMap<String, u64> = counts.iter().filter_map(|(k, v)| Some((k.clone(), v.as_u64()?))).collect();
                let canon = counts.iter().filter(|(_, n)| **n >= *count_min).map(|(t, n)| Canon::new(t, *n, self.ignore_case, self.trim));
                (canon.collect(), counts, Some(*ratio_min))
            }
            _ => {
                let canon = text_list(fitted, "canon")?;
                (canon.iter().map(|t| Canon::new(t, 0, self.ignore_case, self.trim)).collect(), BTreeMap::new(), None)
            }
        };
        let matcher = Matcher::new(canon, counts, ratio_min, self.distance_max, self.confidence_min, self.ignore_case, self.trim);
        // What was met before is found again, so that a stored recipe goes on knowing it.
        let mut memo = HashMap::with_hasher(hasher());
        let repaired = fitted.get("repairs").and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str);
        let unmatched = fitted.get("unmatched").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for text in repaired.chain(unmatched) {
            memo.insert(text.into(), matcher.find(text));
        }
        Ok(Arc::new(Mend { matcher, otherwise: self.otherwise.clone(), memo: RwLock::new(memo) }))
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
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meant {
    /// This value of the canon.
    Canon(u32, f64),
    /// It stays: one of the frequent ones.
    Itself,
    Nothing,
}

struct Mend {
    matcher: Matcher,
    otherwise: Otherwise,
    memo: RwLock<HashMap<Box<str>, Meant, RandomState>>,
}

impl Mend {
    fn meant(&self, text: &str) -> Meant {
        if let Some(m) = self.memo.read().get(text) {
            return *m;
        }
        self.matcher.find(text)
    }

    /// What becomes of each cell: looked up, or found now and remembered.
    fn resolve(&self, column: &StringArray) -> Vec<Meant> {
        let mut out = vec![Meant::Itself; column.len()];
        let mut unknown: Vec<usize> = Vec::new();
        {
            let memo = self.memo.read();
            for (row, (value, meant)) in column.iter().zip(&mut out).enumerate() {
                match value.map(|v| memo.get(v)) {
                    Some(Some(m)) => *meant = *m,
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
            out[row] = *fresh.entry(column.value(row)).or_insert_with_key(|text| self.matcher.find(text));
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
        let mut changed = BooleanBufferBuilder::new(column.len());
        for (row, meant) in meant.iter().enumerate() {
            if column.is_null(row) {
                out.append_null();
                changed.append(false);
                continue;
            }
            let before = column.value(row);
            let after = match meant {
                Meant::Canon(at, _) => Some(self.matcher.text(*at)),
                Meant::Itself => Some(before),
                Meant::Nothing => match &self.otherwise {
                    Otherwise::Keep => Some(before),
                    Otherwise::Null => None,
                    Otherwise::Value(v) => Some(v.as_str()),
                },
            };
            changed.append(after != Some(before));
            out.append_option(after);
        }
        Ok(Output::Changed(Arc::new(out.finish()), changed.finish()))
    }

    fn confidence(&self, before: &str) -> Option<f64> {
        match self.meant(before) {
            Meant::Canon(_, confidence) => Some(confidence),
            Meant::Itself => Some(1.0),
            Meant::Nothing => None,
        }
    }

    fn amend(&self, fitted: &mut Value) {
        let memo = self.memo.read();
        let (mut repairs, mut unmatched) = (BTreeMap::new(), Vec::new());
        for (text, meant) in memo.iter() {
            match meant {
                Meant::Canon(at, confidence) if self.matcher.text(*at) != &**text => {
                    repairs.insert(text.to_string(), json!({"to": self.matcher.text(*at), "confidence": (confidence * 1e4).round() / 1e4}));
                }
                Meant::Nothing => unmatched.push(text.to_string()),
                _ => {}
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
