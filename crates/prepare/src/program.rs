//! What a recipe is compiled to: nodes over slots. A slot is one version of one column: a rule that changes a column in place writes a new slot, so
//! that which node needs which other is plain to see, and nodes can run early without changing what any of them reads.

use crate::measure::{Measure, Measured};
use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use serde_json::Value;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tidemill_core::Result;

/// Index into [`Program::slots`].
pub(crate) type Slot = usize;

pub(crate) struct SlotInfo {
    pub name: String,
    pub data_type: DataType,
}

/// A column of the result.
#[derive(Debug, Clone)]
pub(crate) struct OutputColumn {
    pub name: String,
    pub slot: Slot,
    /// The slot is a struct whose fields, known after the fit, are the columns.
    pub open: bool,
}

pub(crate) struct Program {
    pub slots: Vec<SlotInfo>,
    /// Columns of the input that any rule or the result can name.
    pub sources: Vec<(String, Slot)>,
    pub nodes: Vec<Node>,
    pub output: Vec<OutputColumn>,
    pub uniques: Vec<Unique>,
    /// The key's columns in the result, which name a row in change samples.
    pub key: Vec<Slot>,
    /// Rules that do nothing to rows of a stream, by their places in the table's list.
    pub skipped: BTreeSet<usize>,
}

/// Columns of the result that no two rows may share.
#[derive(Debug)]
pub(crate) struct Unique {
    /// `key` or `unique`.
    pub code: &'static str,
    pub names: Vec<String>,
    pub slots: Vec<Slot>,
    /// Two rows can't share them, since a rule has already removed repeats by the same columns.
    pub settled: bool,
}

/// One step over one column (or over whole rows). A rule of the project becomes one node for each of its columns.
pub(crate) struct Node {
    /// Index of the rule in the table's `clean` list.
    pub rule_index: usize,
    pub rule: &'static str,
    /// The column under which changes are counted; `None` for rules over whole rows.
    pub column: Option<String>,
    pub inputs: Vec<Slot>,
    pub outputs: Vec<Slot>,
    /// The slot of which `outputs[0]` is the next version; cells that differ are counted.
    pub replaces: Option<Slot>,
    pub removes: Option<Removal>,
    pub act: Act,
    /// No two rows after this node share all of these.
    pub distinct: Vec<Slot>,
    /// Measures for the fit and, for each, which of `inputs` it looks at.
    pub measures: Vec<(Arc<dyn Measure>, Vec<usize>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    Filtered,
    Deduplicated,
}

pub(crate) enum Act {
    /// Works on each row alone, once fitted.
    Row(Box<dyn RowRule>),
    /// Needs the rows before it, in source order.
    Stream(Box<dyn StreamRule>),
    /// Needs all rows.
    Elect(Box<dyn ElectRule>),
}

/// The cells a node reads, in the order of its inputs.
pub(crate) struct Input<'a> {
    pub arrays: &'a [ArrayRef],
    pub rows: usize,
}

/// What a node makes of its input.
pub(crate) enum Output {
    Columns(Vec<ArrayRef>),
    /// One column in place of another, and which of its cells differ.
    Changed(ArrayRef, BooleanBuffer),
    /// One column in place of another with repairs of which the rule is more or less sure.
    Proposed {
        column: ArrayRef,
        changed: BooleanBuffer,
        /// Repairs that were not made, since the rule is not sure enough.
        doubtful: BooleanBuffer,
        /// What the doubtful cells would have become.
        proposed: ArrayRef,
        confidence: Float64Array,
    },
    /// Rows to keep.
    Keep(BooleanBuffer),
    /// Nothing to do.
    Same,
}

/// What the fit is given from outside the table.
pub(crate) struct Given<'a> {
    pub references: &'a BTreeMap<(String, String), Vec<String>>,
    pub base_dir: &'a Path,
}

impl Output {
    /// One column in place of another, of which no cell counts as changed.
    pub(crate) fn uncounted(column: ArrayRef) -> Self {
        let rows = column.len();
        Output::Changed(column, BooleanBuffer::new_unset(rows))
    }
}

pub(crate) trait RowRule: Send + Sync {
    /// What the rule knows before it has seen a row; `None` when it must measure first.
    fn given(&self, _given: &Given) -> Result<Option<Value>> {
        Ok(Some(Value::Null))
    }
    /// What the rule learns from its measures, in their order. Readable, and all that [`RowRule::ready`] needs.
    fn learn(&self, _measured: &[&Measured]) -> Result<Value> {
        Ok(Value::Null)
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>>;
    /// What was done, for people: "filled with 51381.5".
    fn message(&self, _fitted: &Value) -> String {
        String::new()
    }
}

/// A fitted rule.
pub(crate) trait Op: Send + Sync {
    fn run(&self, input: &Input) -> Result<Output>;
    /// How sure the rule was of a change away from this text.
    fn confidence(&self, _before: &str) -> Option<f64> {
        None
    }
    /// Fields of the struct that an open column is.
    fn opened(&self) -> Option<arrow::datatypes::Fields> {
        None
    }
    /// What it met while it ran that belongs to what was fitted.
    fn amend(&self, _fitted: &mut Value) {}
}

/// What was decided for the rows of one morsel.
#[derive(Clone)]
pub(crate) enum Decision {
    Keep(BooleanBuffer),
    Column(ArrayRef),
    /// The first input, with other cells in these rows: what is remembered of a pass until the last one is as little as there is to remember.
    Cells {
        rows: Vec<u32>,
        cells: ArrayRef,
    },
}

pub(crate) type Part = Box<dyn Any + Send>;

/// A rule whose outcome for a row depends on the rows before it.
pub(crate) trait StreamRule: Send + Sync {
    /// `scratch`: where files may lie that nobody needs when the pass is over.
    fn begin(&self, budget: crate::budget::Budget, scratch: &std::path::Path) -> Part;
    /// In parallel.
    fn prepare(&self, input: &Input) -> Result<Part>;
    /// One morsel at a time, in source order.
    fn pass(&self, state: &mut Part, part: Part) -> Result<Decision>;
    /// Whether its state is a set of keys, so that it can be kept on a stream without an end.
    fn keeps_keys(&self) -> bool {
        false
    }
}

/// A rule whose outcome for a row depends on all rows.
pub(crate) trait ElectRule: Send + Sync {
    fn begin(&self, budget: crate::budget::Budget) -> Part;
    fn prepare(&self, input: &Input) -> Result<Part>;
    /// In source order; called once for every morsel.
    fn fold(&self, state: &mut Part, part: Part) -> Result<()>;
    /// One decision for each morsel folded.
    fn finish(&self, state: Part) -> Result<Vec<Decision>>;
}

impl Node {
    /// A step between columns: what it makes, only later nodes of its rule see.
    pub(crate) fn is_inner(&self) -> bool {
        self.column.is_none() && self.removes.is_none() && !self.outputs.is_empty()
    }
    pub(crate) fn removes_rows(&self) -> bool {
        self.removes.is_some()
    }
}

/// True where the predicate is true: NULL is not.
pub(crate) fn truth(predicate: &BooleanArray) -> BooleanBuffer {
    match predicate.nulls() {
        Some(n) if n.null_count() > 0 => predicate.values() & n.inner(),
        _ => predicate.values().clone(),
    }
}

/// Takes a state or part back out of its box.
pub(crate) fn open_part<T: 'static>(part: Part) -> Result<T> {
    part.downcast::<T>().map(|b| *b).map_err(|_| tidemill_core::Error::bug("a measure was handed another's part"))
}

pub(crate) fn open_state<T: 'static>(state: &mut Part) -> Result<&mut T> {
    state.downcast_mut::<T>().ok_or_else(|| tidemill_core::Error::bug("a rule was handed another's state"))
}
