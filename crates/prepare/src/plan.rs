//! How many passes over the rows a recipe needs, and what each does.
//!
//! A slot's *level* is the number of passes that must be over before its cells can be computed: 0 for the source's columns and whatever row rules
//! make of them. The rows themselves have a level: a rule that drops rows by a fitted bound raises it. A rule measures in the first pass in which its
//! inputs and the rows before it are known, and its output is one level higher; so rules that don't depend on each other share a pass, and most
//! recipes need one.

use crate::program::{Act, Program, Slot};

/// What is known already: fits loaded or given, decisions made.
pub(crate) struct Known<'a> {
    pub fitted: &'a dyn Fn(usize) -> bool,
    pub decided: &'a dyn Fn(usize) -> bool,
}

#[derive(Debug)]
pub(crate) struct Plan {
    /// For each node, the pass from which it can run.
    pub runs: Vec<u32>,
    /// For each node, the pass in which it measures or elects, if it must.
    pub learns: Vec<Option<u32>>,
    /// Passes needed before all is known.
    pub passes: u32,
}

pub(crate) fn plan(program: &Program, known: &Known) -> Plan {
    let mut level = vec![0u32; program.slots.len()];
    let mut rows = 0u32;
    let mut plan = Plan { runs: Vec::new(), learns: Vec::new(), passes: 0 };
    for (at, node) in program.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().map(|s| level[*s]).max().unwrap_or(0);
        let (runs, learns) = match &node.act {
            Act::Row(_) if (known.fitted)(at) => (inputs, None),
            Act::Row(_) => {
                let pass = inputs.max(rows);
                (pass + 1, Some(pass))
            }
            Act::Stream(_) => (inputs.max(rows), None),
            Act::Elect(_) if (known.decided)(at) => (inputs.max(rows), None),
            Act::Elect(_) => {
                let pass = inputs.max(rows);
                (pass + 1, Some(pass))
            }
        };
        node.outputs.iter().for_each(|s| level[*s] = runs);
        if node.removes_rows() {
            rows = rows.max(runs);
        }
        plan.passes = plan.passes.max(learns.map_or(0, |p| p + 1));
        plan.runs.push(runs);
        plan.learns.push(learns);
    }
    plan
}

impl Plan {
    /// Nodes that may run ahead of the last pass and have their outcome kept: those of level 0, as long as that changes no count. A rule that drops rows
    /// after one that must wait would take rows from it; and one that must wait and drops rows takes them from all after it.
    pub(crate) fn early(&self, program: &Program) -> Vec<bool> {
        let (mut waiting, mut shut) = (false, false);
        let of = |(at, node): (usize, &crate::program::Node)| {
            let ready = self.runs[at] == 0;
            shut |= node.removes_rows() && (waiting || !ready);
            waiting |= !ready;
            ready && !shut
        };
        program.nodes.iter().enumerate().map(of).collect()
    }

    /// Nodes that must run in `pass` for what is learnt in it: whatever an observed input comes from, and every rule that drops rows before an
    /// observation. `also` are wanted for their own sake.
    pub(crate) fn needed(&self, program: &Program, pass: u32, also: &[bool]) -> Vec<bool> {
        let mut wanted = vec![false; program.slots.len()];
        let mut observed = false;
        let mut needed = vec![false; program.nodes.len()];
        for (at, node) in program.nodes.iter().enumerate().rev() {
            let makes = node.outputs.iter().any(|s| wanted[*s]);
            let drops = node.removes_rows() && observed;
            if self.runs[at] <= pass && (makes || drops || also[at]) {
                needed[at] = true;
                node.inputs.iter().for_each(|s| wanted[*s] = true);
                // Whoever needs the order of rows needs the rows that are there.
                observed |= !matches!(node.act, Act::Row(_)) || also[at];
            }
            if self.learns[at] == Some(pass) {
                node.inputs.iter().for_each(|s| wanted[*s] = true);
                observed = true;
            }
        }
        needed
    }

    pub(crate) fn learns_in(&self, pass: u32) -> Vec<bool> {
        self.learns.iter().map(|l| *l == Some(pass)).collect()
    }
}

/// For each slot, the last node (by place) that reads it among `used`; `usize::MAX` for those in `keep`; `None` when nothing does.
pub(crate) fn last_uses(program: &Program, used: &[bool], keep: &[Slot]) -> Vec<Option<usize>> {
    let mut last = vec![None; program.slots.len()];
    for (at, node) in program.nodes.iter().enumerate().filter(|(at, _)| used[*at]) {
        node.inputs.iter().chain(&node.replaces).for_each(|s| last[*s] = Some(at));
    }
    keep.iter().for_each(|s| last[*s] = Some(usize::MAX));
    last
}
