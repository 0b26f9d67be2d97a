//! A fitted recipe over rows as they come: one small batch after another, without an end.
//!
//! Nothing is learnt here: a stream uses what was fitted, also for a spelling that nobody had met at the fit. Rules that look at other rows are kept
//! incrementally: the first of each repeat stays, a key is taken once. What they remember comes from rows stored before
//! ([`StreamRecipe::load_keys`], [`StreamRecipe::load_rows`]) or from a checkpoint ([`StreamRecipe::restore`]). Rules that need rows still to come
//! can't be kept, and [`Recipe::stream_problems`] names them.
//!
//! Invariant: the rows of all batches together are those that [`Fitted::apply`] gives for the same rows in the same order.

use crate::apply::{QualityCount, result_batch};
use crate::budget::Budget;
use crate::cells::cast_strictly;
use crate::contract::Contract;
use crate::dedup::{Batch, KeySet};
use crate::enforced::Enforced;
use crate::fit::{NoText, result_slots};
use crate::fitted::Fitted;
use crate::flow::{Change, Course, Flow, Origin, Stage, Tally, Wanted};
use crate::hash::{HashKey, hash_rows};
use crate::plan::last_uses;
use crate::program::{Act, Decision, Input, Node, Op, Output, Part, Program, Slot, open_state};
use crate::recipe::Recipe;
use crate::turn::{Gate, Halt};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tidemill_core::{Decoded, Error, Problem, Reject, Result};
use tidemill_engine::MemoryPool;

/// A recipe at work on a stream. Owned by one thread; after an error it is of no more use.
pub struct StreamRecipe {
    program: Arc<Program>,
    key: HashKey,
    ops: Vec<Option<Arc<dyn Op>>>,
    /// What each rule has to say of itself, by node.
    messages: Vec<String>,
    /// What tells this fit of these rules from any other.
    mark: String,
    schema: SchemaRef,
    course: Course,
    decided: Vec<Option<Arc<Vec<Decision>>>>,
    elects: Vec<bool>,
    gates: Vec<Option<Gate<Part>>>,
    enforced: Option<Enforced>,
    halt: Arc<Halt>,
    /// Batches so far.
    seq: u64,
    samples: usize,
    wanted: Wanted,
}

/// What came of one batch: `rows_read = written + deduplicated + filtered + quarantined`.
#[derive(Debug, Clone)]
pub struct StreamApplied {
    /// In the clean table's columns.
    pub rows: RecordBatch,
    /// Number in its split of each of `rows`.
    pub lines: Vec<u64>,
    /// Of the decoder, the contract, the key and unique columns.
    pub rejects: Vec<Reject>,
    pub rows_read: u64,
    pub written: u64,
    pub deduplicated: u64,
    pub filtered: u64,
    pub quarantined: u64,
    /// Rules and columns of which something was changed, listed or removed.
    pub quality: Vec<QualityCount>,
    /// The first changes of each rule and column since the stream began, or since [`StreamRecipe::renew_samples`].
    pub changes: Vec<Change>,
    /// Cells that the decoder made NULL, by column.
    pub nulled: Vec<(String, u64)>,
}

impl Recipe {
    /// Rules that can't be kept on a stream, each with what can be done instead.
    pub fn stream_problems(&self) -> &[Problem] {
        &self.stream_problems
    }
}

impl StreamRecipe {
    /// `scratch`: a directory for keys that don't fit in memory. `samples`: changes to be shown of each rule and column, at most.
    pub fn new(fitted: &Fitted, memory: Arc<dyn MemoryPool>, scratch: &Path, samples: usize) -> Result<StreamRecipe> {
        let program = Arc::clone(&fitted.program);
        let halt = Arc::new(Halt::default());
        let mut gates = Vec::with_capacity(program.nodes.len());
        for node in &program.nodes {
            gates.push(match &node.act {
                Act::Row(_) => None,
                Act::Stream(rule) if rule.keeps_keys() => {
                    Some(Gate::new(rule.begin(Budget::new(&memory, format!("rule `{}`", node.rule)), scratch), &halt))
                }
                Act::Stream(_) | Act::Elect(_) if program.skipped.contains(&node.rule_index) => None,
                Act::Stream(_) | Act::Elect(_) => {
                    return Err(Error::config(format!("rule `{}` can't be kept on a stream", node.rule)));
                }
            });
        }
        let nodes = program.nodes.len();
        let used = vec![true; nodes];
        let course = Course { last: last_uses(&program, &used, &result_slots(&program)), counted: used.clone(), used, early: Vec::new() };
        let knowledge = fitted.knowledge.lock();
        let op = |(node, op): (&Node, &Option<Arc<dyn Op>>)| match node.act {
            Act::Row(_) if node.replaces.is_none() || !program.skipped.contains(&node.rule_index) => op.clone(),
            _ => program.skipped.contains(&node.rule_index).then(|| Arc::new(LeftAlone) as Arc<dyn Op>),
        };
        let ops = program.nodes.iter().zip(&knowledge.ops).map(op).collect();
        let message = |(node, fit): (&Node, &Option<Value>)| match (&node.act, fit) {
            (Act::Row(rule), Some(fit)) => rule.message(fit),
            _ => String::new(),
        };
        let messages = program.nodes.iter().zip(&knowledge.fits).map(message).collect();
        Ok(StreamRecipe {
            key: fitted.key,
            ops,
            messages,
            mark: fitted.mark(&knowledge),
            schema: fitted.schema(),
            course,
            decided: vec![None; nodes],
            elects: vec![false; nodes],
            gates,
            enforced: Enforced::new(&program, fitted.key, &memory, scratch, &halt),
            halt,
            seq: 0,
            samples,
            wanted: Wanted::new(nodes, samples),
            program,
        })
    }

    /// Columns of the rows it gives: the clean table's.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Puts the next rows through the rules. With a contract, rows that break it become rejects first.
    pub fn apply(&mut self, decoded: Decoded, contract: Option<&Contract>) -> Result<StreamApplied> {
        // Whoever took rejects away before has counted them.
        let rows_read = (decoded.batch.num_rows() + decoded.rejects.len()) as u64;
        let (origin, flow, tally, rejects) = self.pass(decoded, contract)?;
        let rows = result_batch(&self.program.output, &self.schema, &flow)?;
        let lines = (0..flow.rows).map(|row| origin.lines.get(flow.morsel_row(row)).copied().unwrap_or(0)).collect();
        let (mut deduplicated, mut filtered, mut quality) = (0, 0, Vec::new());
        for (at, node) in self.program.nodes.iter().enumerate() {
            let (cells_changed, listed, rows_removed) = (tally.changed[at], tally.listed[at], tally.removed[at]);
            match node.removes {
                Some(r) if r.is_deduplication() => deduplicated += rows_removed,
                _ => filtered += rows_removed,
            }
            if !node.is_inner() && cells_changed + listed + rows_removed > 0 {
                let (column, message) = (node.column.clone(), self.messages[at].clone());
                let (rule_index, rule) = (node.rule_index, node.rule);
                quality.push(QualityCount { rule_index, rule, column, cells_changed, listed, rows_removed, message });
            }
        }
        let (written, quarantined) = (rows.num_rows() as u64, rejects.len() as u64);
        if rows_read != written + deduplicated + filtered + quarantined {
            return Err(Error::bug(format!(
                "the ledger does not balance: {rows_read} rows read, and {written} written, {deduplicated} deduplicated, {filtered} filtered, \
                 {quarantined} quarantined"
            )));
        }
        let changes = tally.samples.into_iter().filter(|(at, c)| self.wanted.take(*at, c.applied)).map(|(_, c)| c).collect();
        let nulled = origin.nulled;
        Ok(StreamApplied { rows, lines, rejects, rows_read, written, deduplicated, filtered, quarantined, quality, changes, nulled })
    }

    /// From here on the first changes of each rule and column are samples again: they are shown once, and then only counted.
    pub fn renew_samples(&mut self) {
        self.wanted = Wanted::new(self.program.nodes.len(), self.samples);
    }

    // ------------------------------------------------------------------------------------------- what is remembered of rows gone by

    /// Whether a row's outcome depends on rows before it.
    pub fn needs_keys(&self) -> bool {
        self.enforced.is_some() || self.gates.iter().any(Option::is_some)
    }

    /// Whether the clean table tells all that is remembered: [`StreamRecipe::load_keys`] is enough then. Otherwise what repeats are told by is not
    /// in the clean table, or a row that counts there was removed after; then the raw rows have to be gone through: [`StreamRecipe::load_rows`].
    pub fn is_told_by_clean(&self) -> bool {
        let stored = |slots: &[Slot]| slots.iter().all(|s| self.stored_as(*s).is_some());
        let gone_after = |at: usize| self.program.nodes[at + 1..].iter().any(|n| n.removes_rows());
        let refuses = self.program.uniques.iter().any(|u| !u.settled);
        let keeps = self.gates.iter().enumerate().filter(|(_, g)| g.is_some()).map(|(at, _)| at);
        keeps.into_iter().all(|at| stored(&self.program.nodes[at].inputs) && !gone_after(at) && !refuses)
    }

    /// Takes the keys of rows of the clean table, in any order: they are there, so that a repeat is none the less one.
    pub fn load_keys(&mut self, clean: &RecordBatch) -> Result<()> {
        let named = |slots: &[Slot], recipe: &StreamRecipe| -> Result<Vec<u128>> {
            let mut columns: Vec<ArrayRef> = Vec::with_capacity(slots.len());
            for slot in slots {
                let name = recipe.stored_as(*slot).ok_or_else(|| Error::bug("the clean table does not tell repeats by itself"))?;
                let column = clean.column_by_name(name).ok_or_else(|| Error::bug(format!("the clean table gave no column `{name}`")))?;
                columns.push(cast_strictly(column, &recipe.program.slots[*slot].data_type)?);
            }
            hash_rows(&columns.iter().collect::<Vec<_>>(), clean.num_rows(), recipe.key)
        };
        for at in 0..self.gates.len() {
            if self.gates[at].is_some() {
                let hashes = named(&self.program.nodes[at].inputs, self)?;
                if let Some(gate) = &mut self.gates[at] {
                    open_state::<KeySet>(gate.state())?.insert_all(&Batch::from(hashes))?;
                }
            }
        }
        if self.enforced.is_some() {
            for (at, unique) in Arc::clone(&self.program).uniques.iter().enumerate().filter(|(_, u)| !u.settled) {
                let hashes = named(&unique.slots, self)?;
                let whole: Vec<&ArrayRef> =
                    unique.slots.iter().filter_map(|s| clean.column_by_name(self.stored_as(*s).unwrap_or_default())).collect();
                // A row without a value has taken none.
                let kept = hashes.into_iter().enumerate().filter(|(row, _)| whole.iter().all(|c| c.is_valid(*row))).map(|(_, h)| h);
                let kept: Vec<u128> = kept.collect();
                if let Some(enforced) = &mut self.enforced {
                    enforced.sets()[at].insert_all(&Batch::from(kept))?;
                }
            }
        }
        Ok(())
    }

    /// Goes through rows stored as they were read, in the order in which they came, and remembers what it has to of them; gives and counts nothing.
    pub fn load_rows(&mut self, raw: &RecordBatch) -> Result<()> {
        let decoded = Decoded {
            split: "".into(),
            batch: raw.clone(),
            lines: Vec::new(),
            rejects: Vec::new(),
            rows_read: raw.num_rows() as u64,
            bytes_read: 0,
            nulled: Vec::new(),
            text: Arc::new(NoText),
        };
        let wanted = std::mem::replace(&mut self.wanted, Wanted::new(self.program.nodes.len(), 0));
        let done = self.pass(decoded, None);
        self.wanted = wanted;
        done.map(|_| ())
    }

    /// All that is remembered, 16 bytes a key: whole, so that loading the keys of the clean table anew is the cheaper way to begin where that will do.
    pub fn save(&mut self) -> Result<Vec<u8>> {
        let mark = self.mark.clone();
        let sets = self.sets()?;
        let keys: usize = sets.iter().map(|s| s.len()).sum();
        let mut out = Vec::with_capacity(keys * 16 + 128);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(&(sets.len() as u32).to_le_bytes());
        for set in sets {
            out.extend_from_slice(&(set.len() as u64).to_le_bytes());
            set.each(&mut |hash| out.extend_from_slice(&hash.to_le_bytes()))?;
        }
        Ok(out)
    }

    /// Takes what [`StreamRecipe::save`] gave; false, and nothing taken, where that was another recipe's, another fit's or another format's.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<bool> {
        let torn = || Error::data("what a stream's rules remembered is torn").help("load the keys from the stored rows");
        let Some(rest) = bytes.strip_prefix(MAGIC).and_then(|b| b.strip_prefix(self.mark.as_bytes())) else { return Ok(false) };
        let mut sets = self.sets()?;
        let (count, mut rest) = rest.split_first_chunk::<4>().ok_or_else(torn)?;
        if u32::from_le_bytes(*count) as usize != sets.len() {
            return Ok(false);
        }
        for set in &mut sets {
            let (count, after) = rest.split_first_chunk::<8>().ok_or_else(torn)?;
            let count = usize::try_from(u64::from_le_bytes(*count)).map_err(|_| torn())?;
            let (hashes, after) = count.checked_mul(16).and_then(|n| after.split_at_checked(n)).ok_or_else(torn)?;
            let hashes: Vec<u128> = hashes.as_chunks::<16>().0.iter().map(|h| u128::from_le_bytes(*h)).collect();
            for part in hashes.chunks(1 << 16) {
                set.insert_all(&Batch::from(part.to_vec()))?;
            }
            rest = after;
        }
        if rest.is_empty() { Ok(true) } else { Err(torn()) }
    }

    fn sets(&mut self) -> Result<Vec<&mut KeySet>> {
        let mut out = Vec::new();
        for gate in self.gates.iter_mut().flatten() {
            out.push(open_state::<KeySet>(gate.state())?);
        }
        out.extend(self.enforced.iter_mut().flat_map(|e| e.sets().iter_mut()));
        Ok(out)
    }

    fn stored_as(&self, slot: Slot) -> Option<&str> {
        self.program.output.iter().find(|o| !o.open && o.slot == slot).map(|o| o.name.as_str())
    }

    fn pass(&mut self, decoded: Decoded, contract: Option<&Contract>) -> Result<(Origin, Flow, Tally, Vec<Reject>)> {
        let seq = self.seq;
        self.seq += 1;
        let halt = Arc::clone(&self.halt);
        let stage = Stage {
            program: &self.program,
            ops: &self.ops,
            decided: &self.decided,
            gates: std::mem::take(&mut self.gates),
            observations: Vec::new(),
            elects: std::mem::take(&mut self.elects),
            halt: Arc::clone(&halt),
            wanted: std::mem::replace(&mut self.wanted, Wanted::new(0, 0)),
            stints: Vec::new(),
            contract: None,
        };
        let done = halt.guard(|| {
            let (mut origin, mut flow) = stage.load(decoded, contract, &self.course, self.enforced.is_some())?;
            let walked = stage.walk(seq, &origin, &mut flow, &self.course)?;
            let mut rejects = std::mem::take(&mut origin.rejects);
            if let Some(enforced) = &self.enforced {
                rejects.extend(enforced.check(seq, &origin, &mut flow, &halt)?);
            }
            Ok((origin, flow, walked.tally, rejects))
        });
        let Stage { gates, elects, wanted, .. } = stage;
        (self.gates, self.elects, self.wanted) = (gates, elects, wanted);
        halt.resolve(done)
    }
}

/// A rule that the project leaves out on streams.
struct LeftAlone;

impl Op for LeftAlone {
    fn run(&self, _: &Input) -> Result<Output> {
        Ok(Output::Same)
    }
}

/// What is saved begins so; the digit is the format.
const MAGIC: &[u8] = b"tidemill keys 1\n";

impl std::fmt::Debug for StreamRecipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamRecipe").field("schema", &self.schema).field("batches", &self.seq).finish_non_exhaustive()
    }
}
