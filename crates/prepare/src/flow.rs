//! One morsel on its way through the nodes: its cells by slot, which rows are left, and what was counted on the way.

use crate::cells::{cast_strictly, differ, text_of};
use crate::contract::Contract;
use crate::program::{Act, Decision, Input, Node, Op, Output, Part, Program, Removal, Slot};
use crate::turn::{Gate, Halt};
use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{FilterBuilder, FilterPredicate};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidemill_core::{Decoded, Lap, Meter, Reject, Result, RowText, Stint};

/// A changed cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Index of the rule in the table's `clean` list.
    pub rule_index: usize,
    pub rule: &'static str,
    pub column: String,
    /// The row's key as it came, joined with commas; empty when the table has none.
    pub row_key: String,
    pub file: String,
    pub line: u64,
    pub before: Option<String>,
    pub after: Option<String>,
    /// 0 to 1, for repairs.
    pub confidence: Option<f64>,
    /// Whether it was made: one that is too doubtful is only listed, and the cell stays as it was.
    pub applied: bool,
}

/// Where a morsel's rows came from.
#[derive(Clone)]
pub(crate) struct Origin {
    pub split: Arc<str>,
    pub lines: Vec<u64>,
    pub text: Option<Arc<dyn RowText>>,
    pub keys: Vec<ArrayRef>,
    pub rows_read: u64,
    pub bytes_read: u64,
    pub rejects: Vec<Reject>,
    /// Cells that the decoder made NULL, by column.
    pub nulled: Vec<(String, u64)>,
}

#[derive(Clone)]
pub(crate) struct Flow {
    pub cells: Vec<Option<ArrayRef>>,
    pub rows: usize,
    /// For each row left, its row in the morsel; `None`: all are left.
    pub left: Option<Vec<u32>>,
    /// How long it waited for earlier morsels, in nanoseconds.
    pub waited: u64,
}

impl Flow {
    pub(crate) fn morsel_row(&self, row: usize) -> usize {
        self.left.as_ref().map_or(row, |l| l[row] as usize)
    }

    fn keep(&mut self, mask: &BooleanBuffer) -> Result<()> {
        let kept = mask.count_set_bits();
        if kept == self.rows {
            return Ok(());
        }
        let predicate: FilterPredicate = FilterBuilder::new(&BooleanArray::new(mask.clone(), None)).optimize().build();
        for cell in self.cells.iter_mut().flatten() {
            *cell = predicate.filter(cell.as_ref())?;
        }
        self.left = Some(match self.left.take() {
            Some(l) => mask.set_indices().map(|i| l[i]).collect(),
            None => mask.set_indices().map(|i| i as u32).collect(),
        });
        self.rows = kept;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        let cells: usize = self.cells.iter().flatten().map(|c| c.get_array_memory_size()).sum();
        cells + self.left.as_ref().map_or(0, |l| l.len() * 4)
    }

    pub(crate) fn inputs(&self, slots: &[Slot]) -> Result<Vec<ArrayRef>> {
        slots.iter().map(|s| self.cell(*s)).collect()
    }

    pub(crate) fn cell(&self, slot: Slot) -> Result<ArrayRef> {
        self.cells[slot].clone().ok_or_else(|| tidemill_core::Error::bug(format!("slot {slot} was read before it was written")))
    }
}

/// Counts of one morsel, by node.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub changed: Vec<u64>,
    /// Changes that were too doubtful to be made.
    pub listed: Vec<u64>,
    pub removed: Vec<u64>,
    pub samples: Vec<(usize, Change)>,
}

impl Tally {
    pub(crate) fn new(nodes: usize) -> Self {
        Tally { changed: vec![0; nodes], listed: vec![0; nodes], removed: vec![0; nodes], samples: Vec::new() }
    }
}

/// How many samples of each node are still wanted: of changes made, and of those only listed. Only a hint to workers: whoever folds the tallies takes the first ones in source order.
pub(crate) struct Wanted(Vec<AtomicUsize>);

impl Wanted {
    pub(crate) fn new(nodes: usize, samples: usize) -> Self {
        Wanted((0..nodes * 2).map(|_| AtomicUsize::new(samples)).collect())
    }
    fn of(&self, node: usize, applied: bool) -> usize {
        self.0[node * 2 + usize::from(applied)].load(Ordering::Relaxed)
    }
    /// Takes one sample; false when there are enough.
    pub(crate) fn take(&self, node: usize, applied: bool) -> bool {
        self.0[node * 2 + usize::from(applied)].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
    }
}

/// Something to be measured at a node's place.
pub(crate) struct Observation {
    pub at: usize,
    pub slots: Vec<Slot>,
    pub measure: Arc<dyn crate::measure::Measure>,
}

/// Which nodes a walk runs and when a slot has been read for the last time.
pub(crate) struct Course {
    pub used: Vec<bool>,
    pub last: Vec<Option<usize>>,
    /// Nodes whose changes are counted.
    pub counted: Vec<bool>,
    /// Nodes whose outcome is kept when the flow is set aside; empty when it isn't.
    pub early: Vec<bool>,
}

/// What a pass works with.
pub(crate) struct Stage<'a> {
    pub program: &'a Program,
    pub ops: &'a [Option<Arc<dyn Op>>],
    pub decided: &'a [Option<Arc<Vec<Decision>>>],
    /// For stream rules not decided yet.
    pub gates: Vec<Option<Gate<Part>>>,
    pub observations: Vec<Observation>,
    /// Elections held in this pass.
    pub elects: Vec<bool>,
    pub halt: Arc<Halt>,
    pub wanted: Wanted,
    /// What the work of each node is counted as, and that of the contract; of a stream, whose batches are small, nothing is.
    pub stints: Vec<Option<Arc<Stint>>>,
    pub contract: Option<Arc<Stint>>,
}

/// What came of one walk.
#[derive(Default)]
pub(crate) struct Walked {
    /// One for each observation.
    pub parts: Vec<Part>,
    pub ballots: Vec<(usize, Part)>,
    pub decisions: Vec<(usize, Decision)>,
    pub tally: Tally,
    /// The flow as it was before the first node that is not early.
    pub aside: Option<Flow>,
}

impl Stage<'_> {
    /// Takes the source's columns in, as far as the course reads them.
    pub(crate) fn load(&self, decoded: Decoded, contract: Option<&Contract>, course: &Course, keep_text: bool) -> Result<(Origin, Flow)> {
        let decoded = match contract {
            Some(c) => match &self.contract {
                Some(stint) => {
                    let held = stint.time(|| c.apply(decoded))?;
                    Meter::add(&stint.rows, held.batch.num_rows() as u64);
                    held
                }
                None => c.apply(decoded)?,
            },
            None => decoded,
        };
        let batch = &decoded.batch;
        let mut cells = vec![None; self.program.slots.len()];
        for (name, slot) in &self.program.sources {
            if course.last[*slot].is_some() {
                let column =
                    batch.column_by_name(name).ok_or_else(|| tidemill_core::Error::bug(format!("the scan gave no column `{name}`")))?;
                cells[*slot] = Some(cast_strictly(column, &self.program.slots[*slot].data_type)?);
            }
        }
        let keys = self.program.key.iter().filter_map(|s| batch.column_by_name(&self.program.slots[*s].name).cloned()).collect();
        let names = batch.schema();
        let nulled = names.fields().iter().zip(&decoded.nulled).filter(|(_, n)| **n > 0).map(|(f, n)| (f.name().clone(), *n)).collect();
        let flow = Flow { cells, rows: batch.num_rows(), left: None, waited: 0 };
        let origin = Origin {
            split: decoded.split,
            lines: decoded.lines,
            text: keep_text.then_some(decoded.text),
            keys,
            rows_read: decoded.rows_read,
            bytes_read: decoded.bytes_read,
            rejects: decoded.rejects,
            nulled,
        };
        Ok((origin, flow))
    }

    /// Runs the course's nodes in order; observations are made at their places.
    pub(crate) fn walk(&self, seq: u64, origin: &Origin, flow: &mut Flow, course: &Course) -> Result<Walked> {
        let mut walked = Walked { tally: Tally::new(self.program.nodes.len()), ..Walked::default() };
        let set_aside = !course.early.is_empty();
        for (at, node) in self.program.nodes.iter().enumerate() {
            let is_observed = self.elects[at] || self.observations.iter().any(|o| o.at == at);
            let stint = self.stints.get(at).and_then(Option::as_ref).filter(|_| is_observed || course.used[at]);
            let begun = stint.map(|stint| (stint, Lap::begin(), flow.waited));
            for o in self.observations.iter().filter(|o| o.at == at) {
                let arrays = flow.inputs(&o.slots)?;
                walked.parts.push(o.measure.observe(&Input { arrays: &arrays, rows: flow.rows })?);
            }
            if self.elects[at]
                && let Act::Elect(rule) = &node.act
            {
                let arrays = flow.inputs(&node.inputs)?;
                walked.ballots.push((at, rule.prepare(&Input { arrays: &arrays, rows: flow.rows })?));
            }
            if course.used[at] {
                if set_aside && !course.early[at] && walked.aside.is_none() {
                    walked.aside = Some(flow.clone());
                }
                self.run(seq, at, node, origin, flow, course, &mut walked)?;
            }
            self.forget(at, node, flow, course);
            if let Some((stint, lap, waited)) = begun {
                stint.worked(lap.nanos().saturating_sub(flow.waited - waited));
                Meter::add(&stint.rows, flow.rows as u64);
            }
        }
        if set_aside && walked.aside.is_none() {
            walked.aside = Some(flow.clone());
        }
        Ok(walked)
    }

    #[allow(clippy::too_many_arguments)] // one step of `walk`, split out to be read
    fn run(&self, seq: u64, at: usize, node: &Node, origin: &Origin, flow: &mut Flow, course: &Course, walked: &mut Walked) -> Result<()> {
        let arrays = flow.inputs(&node.inputs)?;
        let input = Input { arrays: &arrays, rows: flow.rows };
        let output = match &node.act {
            Act::Row(_) => {
                let op = self.ops[at]
                    .as_ref()
                    .ok_or_else(|| tidemill_core::Error::bug(format!("rule {} ran before it was fitted", node.rule)))?;
                op.run(&input)?
            }
            Act::Stream(_) | Act::Elect(_) => match (&self.decided[at], &node.act, &self.gates[at]) {
                (Some(decided), _, _) => {
                    let decision = decided.get(seq as usize).cloned();
                    outcome(
                        decision.ok_or_else(|| tidemill_core::Error::bug("the source gave more rows than it did for the fit"))?,
                        &input,
                    )?
                }
                (None, Act::Stream(rule), Some(gate)) => {
                    let part = rule.prepare(&input)?;
                    let decision = gate.pass(seq, &self.halt, &mut flow.waited, |state| rule.pass(state, part))?;
                    walked.decisions.push((at, decision.clone()));
                    outcome(decision, &input)?
                }
                _ => match &self.ops[at] {
                    // Left out on a stream.
                    Some(op) => op.run(&input)?,
                    None => return Err(tidemill_core::Error::bug(format!("rule {} ran before its election", node.rule))),
                },
            },
        };
        let counted = course.counted[at];
        match output {
            Output::Keep(mask) => {
                if mask.len() != flow.rows {
                    return Err(tidemill_core::Error::bug(format!("rule {} decided over other rows than there are", node.rule)));
                }
                if counted {
                    walked.tally.removed[at] = (flow.rows - mask.count_set_bits()) as u64;
                }
                flow.keep(&mask)?;
            }
            Output::Columns(columns) => {
                if let (true, Some(before)) = (counted, node.replaces) {
                    let before = flow.cell(before)?;
                    let mask = differ(&before, &columns[0])?;
                    self.count(at, node, origin, flow, &Made { before: &before, after: &columns[0], mask: &mask, sure: None }, walked);
                }
                for (slot, column) in node.outputs.iter().zip(columns) {
                    flow.cells[*slot] = Some(column);
                }
            }
            Output::Changed(column, mask) => {
                if let (true, Some(before)) = (counted, node.replaces) {
                    let before = flow.cell(before)?;
                    self.count(at, node, origin, flow, &Made { before: &before, after: &column, mask: &mask, sure: None }, walked);
                }
                flow.cells[node.outputs[0]] = Some(column);
            }
            Output::Proposed { column, changed, doubtful, proposed, confidence } => {
                if counted {
                    // Before a column that is made anew, there is nothing to differ from.
                    let before = flow.cell(node.replaces.unwrap_or(node.inputs[0]))?;
                    let sure = Some(&confidence);
                    if node.replaces.is_some() {
                        self.count(at, node, origin, flow, &Made { before: &before, after: &column, mask: &changed, sure }, walked);
                    }
                    let made = Made { before: &before, after: &proposed, mask: &doubtful, sure };
                    walked.tally.listed[at] = doubtful.count_set_bits() as u64;
                    self.sample(at, node, origin, flow, &made, false, walked);
                }
                flow.cells[node.outputs[0]] = Some(column);
            }
            Output::Same => {
                let before = node.replaces.map(|slot| flow.cell(slot)).transpose()?.or_else(|| arrays.into_iter().next());
                if let (Some(slot), Some(cell)) = (node.outputs.first(), before) {
                    flow.cells[*slot] = Some(cell);
                }
            }
        }
        Ok(())
    }

    fn count(&self, at: usize, node: &Node, origin: &Origin, flow: &Flow, made: &Made, walked: &mut Walked) {
        walked.tally.changed[at] = made.mask.count_set_bits() as u64;
        self.sample(at, node, origin, flow, made, true, walked);
    }

    #[allow(clippy::too_many_arguments)] // a change is all of these
    fn sample(&self, at: usize, node: &Node, origin: &Origin, flow: &Flow, made: &Made, applied: bool, walked: &mut Walked) {
        for row in made.mask.set_indices().take(self.wanted.of(at, applied)) {
            let morsel_row = flow.morsel_row(row);
            let key: Vec<String> = origin.keys.iter().map(|k| text_of(k.as_ref(), morsel_row).unwrap_or_default()).collect();
            let old = text_of(made.before.as_ref(), row);
            let confidence = match made.sure {
                Some(sure) => sure.is_valid(row).then(|| sure.value(row)),
                None => old.as_deref().and_then(|old| self.ops[at].as_ref().and_then(|op| op.confidence(old))),
            };
            let change = Change {
                rule_index: node.rule_index,
                rule: node.rule,
                column: node.column.clone().unwrap_or_default(),
                row_key: key.join(","),
                file: origin.split.to_string(),
                line: origin.lines.get(morsel_row).copied().unwrap_or(0),
                before: old,
                after: text_of(made.after.as_ref(), row),
                confidence,
                applied,
            };
            walked.tally.samples.push((at, change));
        }
    }

    /// Drops cells that nobody reads any more, so that later filters don't copy them.
    fn forget(&self, at: usize, node: &Node, flow: &mut Flow, course: &Course) {
        for slot in node.inputs.iter().chain(&node.replaces).chain(&node.outputs) {
            if course.last[*slot].is_none_or(|last| last <= at) {
                flow.cells[*slot] = None;
            }
        }
    }
}

/// Changes of one column in one morsel.
struct Made<'a> {
    before: &'a ArrayRef,
    after: &'a ArrayRef,
    mask: &'a BooleanBuffer,
    /// How sure the rule is of each, where it says so row by row.
    sure: Option<&'a Float64Array>,
}

fn outcome(decision: Decision, input: &Input) -> Result<Output> {
    Ok(match decision {
        Decision::Keep(mask) => Output::Keep(mask),
        Decision::Column(column) => Output::Columns(vec![column]),
        Decision::Cells { rows, .. } if rows.is_empty() => Output::Same,
        Decision::Cells { rows, cells } => {
            let column = &input.arrays[0];
            let mut places: Vec<(usize, usize)> = (0..input.rows).map(|row| (0, row)).collect();
            for (at, row) in rows.into_iter().enumerate() {
                places[row as usize] = (1, at);
            }
            Output::Columns(vec![arrow::compute::interleave(&[column.as_ref(), cells.as_ref()], &places)?])
        }
    })
}

impl Removal {
    pub(crate) fn is_deduplication(self) -> bool {
        self == Removal::Deduplicated
    }
}
