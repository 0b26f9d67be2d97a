//! `duplicates`: one row of those that repeat each other.

use crate::dedup::{KeepBest, KeepFirst};
use crate::program::{Act, Removal};
use crate::scope::Scope;
use tidemill_core::{codes, name};
use tidemill_project::spec::{DuplicateKey, Keep};

pub(super) fn compile(scope: &mut Scope, key: &DuplicateKey, keep: &Keep) {
    let slots: Vec<usize> = match key {
        DuplicateKey::Exact { ignore } => {
            let ignored: Vec<String> = ignore.iter().filter_map(|i| scope.column(i)).map(|c| c.name).collect();
            scope.visible().into_iter().filter(|c| !ignored.contains(&name::normalise(&c.name))).map(|c| c.slot).collect()
        }
        DuplicateKey::Key(columns) => {
            let found: Vec<usize> = columns.iter().filter_map(|c| scope.column(c)).map(|c| c.slot).collect();
            if found.len() < columns.len() {
                return;
            }
            found
        }
    };
    if slots.is_empty() {
        scope.error(codes::RULE_INCONSISTENT, &(0..0), "no column is left to compare rows by", "ignore fewer columns, or name a `key`");
        return;
    }
    let hash = scope.key;
    let mut inputs = slots.clone();
    let act = match keep {
        Keep::First => Act::Stream(Box::new(KeepFirst { key: hash })),
        Keep::Last => Act::Elect(Box::new(KeepBest { key: hash, by: None })),
        Keep::Latest(by) => {
            let Some(c) = scope.column(by) else { return };
            inputs.push(c.slot);
            Act::Elect(Box::new(KeepBest { key: hash, by: Some(c.data_type) }))
        }
    };
    scope.push(None, inputs, Vec::new(), None, Some(Removal::Deduplicated), act).distinct = slots;
}
