//! The last pass: every row through every rule, the key's and unique columns' promises kept, and everything counted.

use crate::contract::Contract;
use crate::enforced::Enforced;
use crate::fit::{Env, Kept, Knowledge, Opened, Rescan, Rows, gates, other_rows, result_slots};
use crate::fitted::Fitted;
use crate::flow::{Change, Course, Flow, Origin, Stage, Tally, Wanted};
use crate::plan::last_uses;
use crate::program::{Act, Op, OutputColumn, Program};
use crate::stints::contract_stint;
use crate::turn::Halt;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::{Error, Lap, Meter, Reject, Result, Task, drive};
use tidemill_engine::MemoryPool;

/// Where clean rows go.
pub trait RowSink: Sync {
    /// Called once for each `seq` from 0, from any thread and in any order; batches may be empty.
    fn write(&self, seq: u64, batch: RecordBatch) -> Result<()>;
    /// Whether [`RowSink::write_from`] is to be called instead.
    fn wants_lines(&self) -> bool {
        false
    }
    /// The same, told where the rows came from: their file, and the line of each.
    fn write_from(&self, seq: u64, batch: RecordBatch, _split: &str, _lines: Vec<u64>) -> Result<()> {
        self.write(seq, batch)
    }
}

/// What applying works with.
pub struct ApplyContext<'a> {
    /// The rows; for a recipe that was just fitted, the rows of the fit.
    pub scan: &'a Rescan<'a>,
    pub sink: &'a dyn RowSink,
    /// Given every rejected row: of the decoder and the contract where the scan reads the source, and those whose key is taken. In source order.
    pub rejects: &'a (dyn Fn(Vec<Reject>) -> Result<()> + Sync),
    pub threads: usize,
    pub meter: &'a Meter,
    pub memory: Arc<dyn MemoryPool>,
    /// A directory for what does not fit in memory.
    pub scratch: &'a std::path::Path,
    /// Given when the scan reads the source itself.
    pub contract: Option<&'a Contract>,
    /// Changes to be shown of each rule and column, at most.
    pub samples: usize,
}

/// What came of the rows: `rows_read = written + deduplicated + filtered + quarantined`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    pub rows_read: u64,
    pub written: u64,
    pub deduplicated: u64,
    pub filtered: u64,
    /// Rejected by the decoder, the contract, the key or a unique column.
    pub quarantined: u64,
    /// One entry for each rule and column, in the recipe's order.
    pub quality: Vec<QualityCount>,
    /// The first changes of each rule and column, in source order.
    pub changes: Vec<Change>,
    /// Cells that the decoder made NULL, by column (where the scan reads the source).
    pub nulled: Vec<(String, u64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct QualityCount {
    /// Index of the rule in the table's `clean` list.
    pub rule_index: usize,
    pub rule: &'static str,
    /// `None` for rules over whole rows.
    pub column: Option<String>,
    pub cells_changed: u64,
    /// Changes too doubtful to be made, that are only listed.
    pub listed: u64,
    pub rows_removed: u64,
    /// "filled with 51381.5"
    pub message: String,
}

pub(crate) fn apply(fitted: &Fitted, cx: &ApplyContext) -> Result<Applied> {
    let program = &*fitted.program;
    let mut knowledge = fitted.knowledge.lock();
    let env = Env {
        scan: cx.scan,
        threads: cx.threads,
        meter: cx.meter,
        memory: &cx.memory,
        scratch: cx.scratch,
        cache_bytes: 0,
        contract: cx.contract,
        samples: cx.samples,
    };
    knowledge.settle(program, &env)?;
    // Rows are used once: after this, another scan may be another's.
    let rows = std::mem::replace(&mut knowledge.rows, Rows { decided: vec![None; program.nodes.len()], ..Rows::default() });
    let total = last_pass(fitted, &knowledge, rows, &env, cx)?;
    // Repairs are found as spellings are met.
    let Knowledge { fits, ops, .. } = &mut *knowledge;
    for (fit, op) in fits.iter_mut().zip(ops) {
        if let (Some(fit), Some(op)) = (fit, op) {
            op.amend(fit);
        }
    }
    total.finish(program, &knowledge)
}

fn last_pass(fitted: &Fitted, knowledge: &Knowledge, mut rows: Rows, env: &Env, cx: &ApplyContext) -> Result<Totals> {
    let program = &*fitted.program;
    let work = &env.meter.work;
    let nodes = program.nodes.len();
    let results = result_slots(program);
    let all = vec![true; nodes];
    let course = Course { last: last_uses(program, &all, &results), used: all.clone(), counted: all.clone(), early: Vec::new() };
    let resumed = (!rows.kept.is_empty()).then(|| {
        let used: Vec<bool> = rows.early.iter().map(|e| !e).collect();
        Course { last: last_uses(program, &used, &results), counted: used.clone(), used, early: Vec::new() }
    });
    let whole = rows.whole;
    let rows_kept = rows.rows_kept();
    let (kept, budget) = (std::mem::take(&mut rows.kept), rows.budget.take());
    let halt = Arc::new(Halt::default());
    let stage = Stage {
        program,
        ops: &knowledge.ops,
        decided: &rows.decided,
        gates: gates(program, &course.used, &rows.decided, env, &halt),
        observations: Vec::new(),
        elects: vec![false; nodes],
        halt: halt.clone(),
        wanted: Wanted::new(nodes, env.samples),
        stints: program.stints(work, env.threads, |_| true),
        contract: contract_stint(env.contract, work, env.threads),
    };
    let from_memory = work.stint(Task::Kept, env.threads);
    let unique = program.unique_stint(work, env.threads);
    let writing = work.stint(Task::Write, env.threads);
    let setting_aside = work.stint(Task::SetAside, 1);
    let enforced = Enforced::new(&fitted.program, fitted.key, env.memory, env.scratch, &halt);
    let schema = result_schema(program, &knowledge.ops)?;
    let scan = Opened::new(env, program, &course, false, rows_kept, whole)?.guarded(halt.clone());
    let kept: Vec<parking_lot::Mutex<Option<Kept>>> = kept.into_iter().map(|k| parking_lot::Mutex::new(Some(k))).collect();
    let decided_morsels = rows.decided.iter().flatten().map(|d| d.len() as u64).max();

    let (contract, rejected, sink, meter) = (cx.contract, cx.rejects, cx.sink, cx.meter);
    let mut total = Totals::new(nodes);
    let result = drive(
        &scan,
        cx.threads,
        cx.meter,
        |seq, decoded| {
            halt.guard(|| {
                let slot = kept.get(seq as usize).and_then(|k| k.lock().take());
                let (mut origin, mut flow, before) = match slot {
                    Some(Kept { origin, flow, tally }) => {
                        if let Some(b) = &budget {
                            b.shrink(flow.bytes());
                        }
                        Meter::add(&from_memory.rows, flow.rows as u64);
                        (origin, flow, Some(tally))
                    }
                    None => {
                        let (origin, flow) = stage.load(decoded, contract, &course, enforced.is_some())?;
                        (origin, flow, None)
                    }
                };
                let course = if before.is_some() { resumed.as_ref().unwrap_or(&course) } else { &course };
                let mut walked = stage.walk(seq, &origin, &mut flow, course)?;
                if let Some(mut t) = before {
                    t.changed.iter_mut().zip(&walked.tally.changed).for_each(|(a, b)| *a += b);
                    t.listed.iter_mut().zip(&walked.tally.listed).for_each(|(a, b)| *a += b);
                    t.removed.iter_mut().zip(&walked.tally.removed).for_each(|(a, b)| *a += b);
                    t.samples.append(&mut walked.tally.samples);
                    walked.tally = t;
                }
                let taken = match &enforced {
                    Some(e) => {
                        let (lap, waited) = (Lap::begin(), flow.waited);
                        let taken = e.check(seq, &origin, &mut flow, &halt)?;
                        unique.worked(lap.nanos().saturating_sub(flow.waited - waited));
                        Meter::add(&unique.rows, flow.rows as u64);
                        taken
                    }
                    None => Vec::new(),
                };
                let batch = writing.time(|| result_batch(&program.output, &schema, &flow))?;
                let mut rejects = std::mem::take(&mut origin.rejects);
                rejects.extend(taken);
                let line = |row: usize| origin.lines.get(flow.morsel_row(row)).copied().unwrap_or(0);
                let lines = sink.wants_lines().then(|| (0..flow.rows).map(line).collect::<Vec<u64>>());
                Ok(Walked { origin, tally: walked.tally, rejects, batch, lines })
            })
        },
        |_, walked: Walked| {
            halt.guard(|| {
                let Walked { origin, tally, rejects, batch, lines } = walked;
                total.add(origin.rows_read, &origin.nulled, tally, rejects.len(), batch.num_rows(), &stage.wanted);
                if !rejects.is_empty() {
                    Meter::add(&meter.rows_rejected, rejects.len() as u64);
                    Meter::add(&setting_aside.rows, rejects.len() as u64);
                    setting_aside.time(|| rejected(rejects))?;
                }
                Ok((batch, lines, origin.split))
            })
        },
        |seq, (batch, lines, split)| {
            halt.guard(|| {
                let rows = batch.num_rows() as u64;
                Meter::add(&meter.rows_written, rows);
                Meter::add(&writing.rows, rows);
                writing.time(|| match lines {
                    Some(lines) => sink.write_from(seq, batch, &split, lines),
                    None => sink.write(seq, batch),
                })
            })
        },
    );
    halt.resolve(result)?;
    if decided_morsels.is_some_and(|d| d != total.morsels) && !whole {
        return Err(other_rows());
    }
    Ok(total)
}

struct Totals {
    applied: Applied,
    tally: Tally,
    nulled: BTreeMap<String, u64>,
    morsels: u64,
}

impl Totals {
    fn new(nodes: usize) -> Self {
        Totals { applied: Applied::default(), tally: Tally::new(nodes), nulled: BTreeMap::new(), morsels: 0 }
    }

    fn add(&mut self, rows_read: u64, nulled: &[(String, u64)], tally: Tally, rejects: usize, written: usize, wanted: &Wanted) {
        self.morsels += 1;
        self.applied.rows_read += rows_read;
        self.applied.quarantined += rejects as u64;
        self.applied.written += written as u64;
        nulled.iter().for_each(|(c, n)| *self.nulled.entry(c.clone()).or_default() += n);
        self.tally.changed.iter_mut().zip(&tally.changed).for_each(|(a, b)| *a += b);
        self.tally.listed.iter_mut().zip(&tally.listed).for_each(|(a, b)| *a += b);
        self.tally.removed.iter_mut().zip(&tally.removed).for_each(|(a, b)| *a += b);
        self.tally.samples.extend(tally.samples.into_iter().filter(|(at, c)| wanted.take(*at, c.applied)));
    }

    fn finish(mut self, program: &Program, knowledge: &Knowledge) -> Result<Applied> {
        for (at, node) in program.nodes.iter().enumerate() {
            let removed = self.tally.removed[at];
            match node.removes {
                Some(r) if r.is_deduplication() => self.applied.deduplicated += removed,
                _ => self.applied.filtered += removed,
            }
            if node.is_inner() {
                continue;
            }
            let message = match (&node.act, &knowledge.fits[at]) {
                (Act::Row(rule), Some(fit)) => rule.message(fit),
                _ => String::new(),
            };
            self.applied.quality.push(QualityCount {
                rule_index: node.rule_index,
                rule: node.rule,
                column: node.column.clone(),
                cells_changed: self.tally.changed[at],
                listed: self.tally.listed[at],
                rows_removed: removed,
                message,
            });
        }
        let mut samples = self.tally.samples;
        samples.sort_by_key(|(at, c)| (*at, !c.applied));
        self.applied.changes = samples.into_iter().map(|(_, c)| c).collect();
        self.applied.nulled = self.nulled.into_iter().collect();
        let a = &self.applied;
        if a.rows_read != a.written + a.deduplicated + a.filtered + a.quarantined {
            return Err(Error::bug(format!(
                "the ledger does not balance: {} rows read, and {} written, {} deduplicated, {} filtered, {} quarantined",
                a.rows_read, a.written, a.deduplicated, a.filtered, a.quarantined
            )));
        }
        Ok(self.applied)
    }
}

// ------------------------------------------------------------------------------------------------------------- results

/// The result's columns, with those that only the fit could name.
pub(crate) fn result_schema(program: &Program, ops: &[Option<Arc<dyn Op>>]) -> Result<SchemaRef> {
    use arrow::datatypes::{Field, Schema};
    let mut fields: Vec<Field> = Vec::new();
    for o in &program.output {
        if !o.open {
            fields.push(Field::new(&o.name, program.slots[o.slot].data_type.clone(), true));
            continue;
        }
        let maker = program.nodes.iter().position(|n| n.outputs.contains(&o.slot));
        let opened = maker.and_then(|at| ops[at].as_ref()).and_then(|op| op.opened());
        for f in opened.ok_or_else(|| Error::bug(format!("the columns of `{}` are not fitted", o.name)))?.iter() {
            fields.push(f.as_ref().clone());
        }
    }
    for (at, f) in fields.iter().enumerate() {
        if fields[..at].iter().any(|g| g.name() == f.name()) {
            return Err(Error::config(format!("two rules write a column `{}`", f.name())).help("give one of them another `into`"));
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

pub(crate) fn result_batch(output: &[OutputColumn], schema: &SchemaRef, flow: &Flow) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for o in output {
        let cell = flow.cell(o.slot)?;
        if o.open {
            columns.extend(cell.as_struct().columns().iter().cloned());
        } else {
            columns.push(cell);
        }
    }
    crate::expr::batch_of(schema, &columns, flow.rows)
}

/// A morsel after the recipe, before its turn to be counted and written.
struct Walked {
    origin: Origin,
    tally: Tally,
    rejects: Vec<Reject>,
    batch: RecordBatch,
    /// Of each row, where a sink wants them.
    lines: Option<Vec<u64>>,
}
