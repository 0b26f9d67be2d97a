//! A fitted recipe: what was learnt, readable and storable, ready to be applied.

use crate::apply::{Applied, ApplyContext, apply, result_schema};
use crate::fit::{Env, FitContext, Knowledge, Rows};
use crate::hash::HashKey;
use crate::program::{Act, Given, Program};
use crate::recipe::Recipe;
use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_core::{Error, Lap, Result};

/// Version of the stored form.
const FORMAT: u64 = 1;

/// Everything a recipe learnt from the rows. Applying it twice gives the same.
pub struct Fitted {
    pub(crate) program: Arc<Program>,
    pub(crate) key: HashKey,
    pub(crate) knowledge: Mutex<Knowledge>,
    fingerprint: String,
    schema: SchemaRef,
}

/// One learnt figure.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedValue {
    /// Index of the rule in the table's `clean` list.
    pub rule_index: usize,
    pub rule: &'static str,
    /// Empty for rules over whole rows.
    pub column: String,
    pub name: String,
    pub value: String,
}

impl std::fmt::Debug for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fitted").field("fingerprint", &self.fingerprint).field("values", &self.describe()).finish_non_exhaustive()
    }
}

/// What a rule is given takes no time worth telling, unless it takes as long.
const WORTH_TELLING_NANOS: u64 = 1_000_000;

impl Fitted {
    pub(crate) fn fit(recipe: &Recipe, cx: &FitContext) -> Result<Fitted> {
        let program = recipe.program.clone();
        let mut knowledge = Knowledge::new(&program);
        let given = Given { references: &cx.references, base_dir: cx.base_dir };
        for at in 0..program.nodes.len() {
            let lap = Lap::begin();
            if let Act::Row(rule) = &program.nodes[at].act
                && let Some(fitted) = rule.given(&given)?
            {
                knowledge.set(&program, at, fitted)?;
            }
            // Most rules are given nothing; lists of what is right may be long.
            if lap.nanos() >= WORTH_TELLING_NANOS {
                program.stint(&cx.meter.work, cx.threads, at, &program.nodes[at]).worked(lap.nanos());
            }
        }
        let env = Env {
            scan: cx.scan,
            threads: cx.threads,
            meter: cx.meter,
            memory: &cx.memory,
            scratch: cx.scratch,
            cache_bytes: cx.cache_bytes,
            contract: cx.contract,
            samples: recipe.samples,
        };
        knowledge.settle(&program, &env)?;
        Fitted::new(recipe, knowledge)
    }

    fn new(recipe: &Recipe, knowledge: Knowledge) -> Result<Fitted> {
        let schema = result_schema(&recipe.program, &knowledge.ops)?;
        Ok(Fitted {
            program: recipe.program.clone(),
            key: recipe.key,
            knowledge: Mutex::new(knowledge),
            fingerprint: recipe.fingerprint().to_string(),
            schema,
        })
    }

    /// Puts every row of the scan through the rules. Straight after a fit the scan must give the rows of the fit: what was decided about each of them
    /// (which repeats stay) and the rows kept in memory are used, and then let go.
    pub fn apply(&self, cx: &ApplyContext) -> Result<Applied> {
        apply(self, cx)
    }

    /// Lets go of what the fit decided about single rows and of the rows kept: before other rows are given.
    pub fn forget_rows(&self) {
        let n = self.program.nodes.len();
        self.knowledge.lock().rows = Rows { decided: vec![None; n], ..Rows::default() };
    }

    /// Itself with what another fit of the same rows keeps in memory of them, as far as that doesn't rest on figures in which the two differ.
    #[must_use]
    pub fn with_state_of(self, other: Fitted) -> Fitted {
        let mut theirs = other.knowledge.into_inner();
        {
            let mut mine = self.knowledge.lock();
            let core = |k: &Knowledge, at: usize| k.fits[at].as_ref().map(learnt);
            let apart: Vec<usize> = (0..self.program.nodes.len()).filter(|at| core(&mine, *at) != core(&theirs, *at)).collect();
            // What was decided about a row may rest on any figure of a rule before it.
            let decided = theirs.rows.decided.iter().rposition(Option::is_some);
            let early = |at: usize| theirs.rows.early.get(at).copied().unwrap_or(false);
            let rests = apart.iter().any(|at| decided.is_some_and(|d| *at < d) || early(*at));
            let nothing = Rows { decided: vec![None; self.program.nodes.len()], ..Rows::default() };
            mine.rows = if rests || self.fingerprint != other.fingerprint { nothing } else { std::mem::take(&mut theirs.rows) };
        }
        self
    }

    /// What tells these rules, as fitted, from all others.
    pub(crate) fn mark(&self, knowledge: &Knowledge) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(self.fingerprint.as_bytes());
        for fit in &knowledge.fits {
            let text = fit.as_ref().map(|f| learnt(f).to_string()).unwrap_or_default();
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().to_hex().to_string()
    }

    /// Columns of the clean table.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Fingerprint of the recipe that was fitted.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The stored form, `format` 1. Repairs to a list hold the spellings met so far: store after applying to have them all.
    pub fn to_json(&self) -> Value {
        let knowledge = self.knowledge.lock();
        let mut rules = Vec::new();
        for (at, node) in self.program.nodes.iter().enumerate() {
            let mut fitted = knowledge.fits[at].clone().unwrap_or(Value::Null);
            if let Some(op) = &knowledge.ops[at] {
                op.amend(&mut fitted);
            }
            if !fitted.is_null() {
                rules.push(json!({"node": at, "rule_index": node.rule_index, "rule": node.rule, "column": node.column, "fitted": fitted}));
            }
        }
        json!({"format": FORMAT, "recipe": self.fingerprint, "rules": rules})
    }

    /// Reads the stored form of this recipe; another recipe's, or a newer format's, is refused.
    pub fn from_json(stored: &Value, recipe: &Recipe) -> Result<Fitted> {
        let format = stored.get("format").and_then(Value::as_u64);
        if format != Some(FORMAT) {
            let found = format.map_or_else(|| "none".to_string(), |f| f.to_string());
            return Err(Error::data(format!("a stored recipe has format {found}, and this version reads {FORMAT}"))
                .help("fit it again: run without `--frozen`, or use the version of tidemill that stored it"));
        }
        let fingerprint = stored.get("recipe").and_then(Value::as_str).unwrap_or_default();
        if fingerprint != recipe.fingerprint() {
            return Err(Error::config("the stored recipe was fitted for other rules than the table has now (TM0903)")
                .help("run without `--frozen` to fit the rules as they are"));
        }
        let program = &recipe.program;
        let mut knowledge = Knowledge::new(program);
        let stored: BTreeMap<u64, &Value> = stored
            .get("rules")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|r| Some((r.get("node")?.as_u64()?, r.get("fitted")?)))
            .collect();
        for at in 0..program.nodes.len() {
            let fitted = stored.get(&(at as u64)).map_or(Value::Null, |v| (*v).clone());
            knowledge.set(program, at, fitted)?;
        }
        Fitted::new(recipe, knowledge)
    }

    /// Every learnt figure, in the recipe's order.
    pub fn describe(&self) -> Vec<FittedValue> {
        let knowledge = self.knowledge.lock();
        let mut out = Vec::new();
        for (at, node) in self.program.nodes.iter().enumerate() {
            let mut fitted = knowledge.fits[at].clone().unwrap_or(Value::Null);
            if let Some(op) = &knowledge.ops[at] {
                op.amend(&mut fitted);
            }
            let mut flat = Vec::new();
            flatten("", &fitted, &mut flat);
            out.extend(flat.into_iter().map(|(name, value)| FittedValue {
                rule_index: node.rule_index,
                rule: node.rule,
                column: node.column.clone().unwrap_or_default(),
                name,
                value,
            }));
        }
        out
    }
}

/// A fitted value without what was merely met while it was applied.
fn learnt(fitted: &Value) -> Value {
    match fitted {
        Value::Object(map) => Value::Object(map.iter().filter(|(k, _)| !is_met(k)).map(|(k, v)| (k.clone(), v.clone())).collect()),
        other => other.clone(),
    }
}

/// Fields that say what was met, not what was learnt.
fn is_met(field: &str) -> bool {
    ["repairs", "unmatched", "spellings_repaired", "spellings_unmatched"].contains(&field)
}

fn flatten(prefix: &str, v: &Value, out: &mut Vec<(String, String)>) {
    let inside = |k: &str| if prefix.is_empty() { k.to_string() } else { format!("{prefix}.{k}") };
    match v {
        // What a rule learnt in bulk: in the stored recipe, but no figures for people.
        _ if prefix == "model" => {}
        Value::Null if prefix.is_empty() => {}
        Value::Object(map) => map.iter().for_each(|(k, v)| flatten(&inside(k), v, out)),
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().enumerate().for_each(|(i, v)| flatten(&inside(&i.to_string()), v, out));
        }
        Value::Array(list) => {
            let texts: Vec<String> = list.iter().map(plain).collect();
            out.push((prefix.to_string(), texts.join(", ")));
        }
        other => out.push((prefix.to_string(), plain(other))),
    }
}

fn plain(v: &Value) -> String {
    v.as_str().map_or_else(|| v.to_string(), str::to_string)
}

/// How far a figure may move, relative to the greater of the two, before it counts as drift.
const DRIFT: f64 = 0.1;

/// Where two fits of one recipe differ enough to matter, told for people: figures that moved by more than a tenth, other texts, values that came or
/// went. Empty when there is no drift. Spellings that were merely met don't count: what becomes of them is settled by the canon.
pub fn drift(before: &Fitted, after: &Fitted) -> Vec<String> {
    type Figures = BTreeMap<(usize, &'static str, String, String), String>;
    let figures = |f: &Fitted| -> Figures {
        let all = f.describe().into_iter().filter(|v| !is_met(v.name.split('.').next().unwrap_or_default()));
        all.map(|v| ((v.rule_index, v.rule, v.column, v.name), v.value)).collect()
    };
    let (old, new) = (figures(before), figures(after));
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut out = Vec::new();
    for key in keys {
        let (_, rule, column, name) = key;
        let what = if column.is_empty() { format!("{rule}: {name}") } else { format!("{rule} of `{column}`: {name}") };
        match (old.get(key), new.get(key)) {
            (Some(a), Some(b)) => {
                // How often a value of the canon occurs grows with the table; that it is one is what matters.
                let same = name.starts_with("counts.")
                    || match (a.parse::<f64>(), b.parse::<f64>()) {
                        (Ok(x), Ok(y)) => (x - y).abs() <= DRIFT * x.abs().max(y.abs()),
                        _ => a == b,
                    };
                if !same {
                    out.push(format!("{what} was {a} and is {b}"));
                }
            }
            (None, Some(b)) => out.push(format!("{what} is new: {b}")),
            (Some(a), None) => out.push(format!("{what} is gone: {a}")),
            (None, None) => {}
        }
    }
    out
}

/// An object of named figures.
pub(crate) fn figures<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<Map<_, _>>())
}
