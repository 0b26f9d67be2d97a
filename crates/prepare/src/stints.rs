//! What the work of a recipe's nodes is counted as.

use crate::contract::Contract;
use crate::program::{Node, Program};
use std::sync::Arc;
use tidemill_core::{Stint, Task, Work};

impl Program {
    /// A stint for each node that a pass works at.
    pub(crate) fn stints(&self, work: &Work, threads: usize, works_at: impl Fn(usize) -> bool) -> Vec<Option<Arc<Stint>>> {
        let stint = |(at, node): (usize, &Node)| works_at(at).then(|| self.stint(work, threads, at, node));
        self.nodes.iter().enumerate().map(stint).collect()
    }

    pub(crate) fn stint(&self, work: &Work, threads: usize, at: usize, node: &Node) -> Arc<Stint> {
        work.stint_on(Task::Rule(at as u32), threads, || (format!("Rule {}", node.rule), self.what(node)))
    }

    /// What a node works on: the column that it changes, else those it looks at.
    fn what(&self, node: &Node) -> String {
        match &node.column {
            Some(column) => format!("on {column}"),
            None if node.inputs.is_empty() => String::new(),
            None => format!("over {}", node.inputs.iter().map(|slot| self.slots[*slot].name.as_str()).collect::<Vec<_>>().join(", ")),
        }
    }

    /// The key and the unique columns.
    pub(crate) fn unique_stint(&self, work: &Work, threads: usize) -> Arc<Stint> {
        let names = || self.uniques.iter().map(|u| u.names.join(", ")).collect::<Vec<_>>().join("; ");
        work.stint_on(Task::Unique, threads, || ("Unique", names()))
    }
}

/// Of rows that are held to a contract before anything else; of one that promises nothing there is none.
pub fn contract_stint(contract: Option<&Contract>, work: &Work, threads: usize) -> Option<Arc<Stint>> {
    contract.filter(|c| !c.is_empty()).map(|_| work.stint(Task::Contract, threads))
}
