//! The passes over all rows in which a recipe learns: what each measures, what is kept of the rows for later, and what is known at the end.

use crate::budget::Budget;
use crate::contract::Contract;
use crate::flow::{Course, Flow, Observation, Origin, Stage, Tally, Walked, Wanted};
use crate::measure::Measured;
use crate::plan::{Known, Plan, last_uses, plan};
use crate::program::{Act, Decision, Op, Part, Program, Slot};
use crate::stints::contract_stint;
use crate::turn::{Gate, Halt};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tidemill_core::{Decoded, Error, Meter, Morsel, Result, RowText, Scan, Stint, Task, drive};
use tidemill_engine::MemoryPool;

/// Opens the rows anew, from the first. Given names, only these columns are wanted (others may be there too).
pub type Rescan<'a> = dyn Fn(Option<&[String]>) -> Result<Box<dyn Scan>> + 'a;

/// What a fit works with.
pub struct FitContext<'a> {
    pub scan: &'a Rescan<'a>,
    /// For repairs to another table's column: its distinct values, by table and column as [`crate::Recipe::references`] names them.
    pub references: BTreeMap<(String, String), Vec<String>>,
    /// The project directory, for repairs to the lines of a file.
    pub base_dir: &'a Path,
    pub threads: usize,
    pub meter: &'a Meter,
    pub memory: Arc<dyn MemoryPool>,
    /// A directory for what does not fit in memory.
    pub scratch: &'a Path,
    /// Bytes of rows that may be kept in memory so that applying need not decode them again. 0: none.
    pub cache_bytes: u64,
    /// Given when the scan reads the source itself: rows that break it take no part.
    pub contract: Option<&'a Contract>,
}

/// What all passes share.
pub(crate) struct Env<'a> {
    pub scan: &'a Rescan<'a>,
    pub threads: usize,
    pub meter: &'a Meter,
    pub memory: &'a Arc<dyn MemoryPool>,
    pub scratch: &'a Path,
    pub cache_bytes: u64,
    pub contract: Option<&'a Contract>,
    pub samples: usize,
}

/// A morsel whose early nodes have run.
pub(crate) struct Kept {
    pub origin: Origin,
    pub flow: Flow,
    pub tally: Tally,
}

/// What is known of the rows of one scan: never stored, since other rows would need another.
#[derive(Default)]
pub(crate) struct Rows {
    pub decided: Vec<Option<Arc<Vec<Decision>>>>,
    /// The first morsels of the scan.
    pub kept: Vec<Kept>,
    /// Nodes that have run for the morsels kept.
    pub early: Vec<bool>,
    /// Whether all morsels are kept.
    pub whole: bool,
    pub budget: Option<Budget>,
}

impl Rows {
    /// Rows read in each morsel kept.
    pub(crate) fn rows_kept(&self) -> Vec<u64> {
        self.kept.iter().map(|k| k.origin.rows_read).collect()
    }
}

pub(crate) struct Knowledge {
    pub fits: Vec<Option<Value>>,
    pub ops: Vec<Option<Arc<dyn Op>>>,
    pub rows: Rows,
}

impl Knowledge {
    pub(crate) fn new(program: &Program) -> Self {
        let n = program.nodes.len();
        let rows = Rows { decided: vec![None; n], ..Rows::default() };
        Knowledge { fits: vec![None; n], ops: (0..n).map(|_| None).collect(), rows }
    }

    pub(crate) fn set(&mut self, program: &Program, at: usize, fitted: Value) -> Result<()> {
        if let Act::Row(rule) = &program.nodes[at].act {
            self.ops[at] = Some(rule.ready(&fitted)?);
            self.fits[at] = Some(fitted);
        }
        Ok(())
    }

    pub(crate) fn plan(&self, program: &Program) -> Plan {
        plan(program, &Known { fitted: &|at| self.ops[at].is_some(), decided: &|at| self.rows.decided[at].is_some() })
    }

    /// Makes as many passes as it takes until everything is fitted and decided.
    pub(crate) fn settle(&mut self, program: &Program, env: &Env) -> Result<()> {
        let plan = self.plan(program);
        for pass in 0..plan.passes {
            self.pass(program, &plan, pass, env)?;
        }
        Ok(())
    }

    fn pass(&mut self, program: &Program, plan: &Plan, pass: u32, env: &Env) -> Result<()> {
        let learns = plan.learns_in(pass);
        let work = &env.meter.work;
        let nodes = program.nodes.len();
        let early = plan.early(program);
        let is_stream = |at: usize| matches!(program.nodes[at].act, Act::Stream(_));
        let caches = pass == 0 && env.cache_bytes > 0;
        let resumes = !self.rows.kept.is_empty();
        let lean = |also: &[bool]| {
            let used = plan.needed(program, pass, also);
            let reads: Vec<bool> = (0..nodes).map(|at| used[at] || learns[at]).collect();
            Course { last: last_uses(program, &reads, &[]), used, counted: vec![false; nodes], early: Vec::new() }
        };
        // Order is decided for all rows or for none: a stream rule that runs for the rows kept runs for the others too.
        let streams: Vec<bool> = (0..nodes).map(|at| caches && early[at] && is_stream(at)).collect();
        let mut course = lean(&streams);
        let scan = Opened::new(env, program, &course, caches, self.rows.rows_kept(), self.rows.whole)?;
        let caches = caches && scan.fits_cache;
        if !caches && streams.contains(&true) {
            course = lean(&vec![false; nodes]);
        }
        let wide = caches.then(|| {
            let used: Vec<bool> = (0..nodes).map(|at| course.used[at] || early[at]).collect();
            let reads: Vec<bool> = (0..nodes).map(|at| used[at] || learns[at]).collect();
            Course { last: last_uses(program, &reads, &after_early(program, &early)), used, counted: early.clone(), early: early.clone() }
        });
        let resumed = resumes.then(|| {
            let used: Vec<bool> = (0..nodes).map(|at| course.used[at] && !self.rows.early[at]).collect();
            let reads: Vec<bool> = (0..nodes).map(|at| used[at] || learns[at]).collect();
            Course { last: last_uses(program, &reads, &[]), used, counted: vec![false; nodes], early: Vec::new() }
        });

        let halt = Arc::new(Halt::default());
        let gates = gates(program, &course.used, &self.rows.decided, env, &halt);
        let (observations, users) = observations(program, &learns, &course.used);
        let elects: Vec<bool> = (0..nodes).map(|at| learns[at] && matches!(program.nodes[at].act, Act::Elect(_))).collect();
        let stage = Stage {
            program,
            ops: &self.ops,
            decided: &self.rows.decided,
            gates,
            observations,
            elects,
            halt: halt.clone(),
            wanted: Wanted::new(nodes, env.samples),
            stints: program.stints(work, env.threads, |at| learns[at] || course.used[at] || (caches && early[at])),
            contract: contract_stint(env.contract, work, env.threads),
        };
        let from_memory = work.stint(Task::Kept, env.threads);

        let mut totals: Vec<(Part, Budget)> = Vec::new();
        for o in &stage.observations {
            totals.push((
                o.measure.begin()?,
                Budget::new(env.memory, format!("what `{}` measures of {}", program.nodes[o.at].rule, names(program, &o.slots))),
            ));
        }
        let mut votes: BTreeMap<usize, Part> = BTreeMap::new();
        for (at, node) in program.nodes.iter().enumerate() {
            if let (true, Act::Elect(rule)) = (stage.elects[at], &node.act) {
                votes.insert(at, rule.begin(Budget::new(env.memory, format!("rule `{}`", node.rule))));
            }
        }
        let mut decisions: BTreeMap<usize, Vec<Decision>> = BTreeMap::new();
        let full = AtomicBool::new(!caches);
        let budget = caches.then(|| Budget::new(env.memory, "rows kept between fit and apply"));
        let mut kept: Vec<Kept> = Vec::new();
        let morsels = AtomicUsize::new(0);
        let keep_text = program.uniques.iter().any(|u| !u.settled || u.code == "key");
        let rows = &self.rows;
        let contract = env.contract;
        let cache_bytes = env.cache_bytes;

        let scan = scan.guarded(halt.clone());
        let result = drive(
            &scan,
            env.threads,
            env.meter,
            |seq, decoded| {
                halt.guard(|| {
                    if let Some(k) = rows.kept.get(seq as usize) {
                        let course = resumed.as_ref().unwrap_or(&course);
                        Meter::add(&from_memory.rows, k.flow.rows as u64);
                        return Ok((None, stage.walk(seq, &k.origin, &mut k.flow.clone(), course)?));
                    }
                    let wide = wide.as_ref().filter(|_| !full.load(Ordering::Relaxed));
                    let course = wide.unwrap_or(&course);
                    let (origin, mut flow) = stage.load(decoded, contract, course, keep_text && wide.is_some())?;
                    let walked = stage.walk(seq, &origin, &mut flow, course)?;
                    Ok((Some(origin), walked))
                })
            },
            |_, (origin, mut walked): (Option<Origin>, Walked)| {
                halt.guard(|| {
                    morsels.fetch_add(1, Ordering::Relaxed);
                    for ((o, (total, budget)), part) in stage.observations.iter().zip(&mut totals).zip(walked.parts) {
                        timed(&stage.stints, o.at, || o.measure.fold(total, part, budget))?;
                    }
                    for (at, part) in walked.ballots {
                        if let (Act::Elect(rule), Some(state)) = (&program.nodes[at].act, votes.get_mut(&at)) {
                            timed(&stage.stints, at, || rule.fold(state, part))?;
                        }
                    }
                    for (at, decision) in walked.decisions {
                        decisions.entry(at).or_default().push(decision);
                    }
                    match (origin, walked.aside.take(), &budget) {
                        (Some(origin), Some(flow), Some(budget)) if !full.load(Ordering::Relaxed) => {
                            let bytes = flow.bytes() + origin.lines.len() * 8 + if keep_text { origin.bytes_read as usize } else { 0 };
                            if (budget.held() + bytes) as u64 <= cache_bytes && budget.try_grow(bytes) {
                                walked.tally.samples.retain(|(at, c)| stage.wanted.take(*at, c.applied));
                                kept.push(Kept { origin, flow, tally: walked.tally });
                            } else {
                                full.store(true, Ordering::Relaxed);
                            }
                        }
                        _ => {}
                    }
                    Ok(())
                })
            },
            |_, ()| Ok(()),
        );
        halt.resolve(result)?;

        let Stage { observations, stints, .. } = stage;
        let mut done: Vec<Part> = Vec::new();
        let mut budgets = Vec::new();
        for (o, (total, budget)) in observations.iter().zip(totals) {
            done.push(timed(&stints, o.at, || o.measure.finish(total))?);
            budgets.push(budget);
        }
        for (at, wanted) in users {
            if let Act::Row(rule) = &program.nodes[at].act {
                let measured: Vec<&Measured> = wanted.iter().map(|i| done[*i].as_ref()).collect();
                timed(&stints, at, || rule.learn(&measured).and_then(|fitted| self.set(program, at, fitted)))?;
            }
        }
        for (at, state) in votes {
            if let Act::Elect(rule) = &program.nodes[at].act {
                self.rows.decided[at] = Some(Arc::new(timed(&stints, at, || rule.finish(state))?));
            }
        }
        for (at, all) in decisions {
            self.rows.decided[at] = Some(Arc::new(all));
        }
        if caches {
            self.rows.whole = kept.len() == morsels.load(Ordering::Relaxed);
            self.rows.kept = kept;
            self.rows.early = early;
            self.rows.budget = budget;
        }
        Ok(())
    }
}

/// Work for a node that is done outside of the walk.
fn timed<T>(stints: &[Option<Arc<Stint>>], at: usize, work: impl FnOnce() -> T) -> T {
    match stints.get(at) {
        Some(Some(stint)) => stint.time(work),
        _ => work(),
    }
}

/// A gate for each stream rule that runs and is not decided.
pub(crate) fn gates(
    program: &Program,
    used: &[bool],
    decided: &[Option<Arc<Vec<Decision>>>],
    env: &Env,
    halt: &Halt,
) -> Vec<Option<Gate<Part>>> {
    let gate = |(at, node): (usize, &crate::program::Node)| match &node.act {
        Act::Stream(rule) if used[at] && decided[at].is_none() => {
            Some(Gate::new(rule.begin(Budget::new(env.memory, format!("rule `{}`", node.rule)), env.scratch), halt))
        }
        _ => None,
    };
    program.nodes.iter().enumerate().map(gate).collect()
}

/// For each node that learns, its place and which of the observations it wants.
type Users = Vec<(usize, Vec<usize>)>;

/// What is measured in a pass, each thing once, and which node wants which.
fn observations(program: &Program, learns: &[bool], used: &[bool]) -> (Vec<Observation>, Users) {
    let mut all: Vec<(usize, Observation)> = Vec::new();
    let mut users = Vec::new();
    let mut version = 0;
    for (at, node) in program.nodes.iter().enumerate() {
        if learns[at] && matches!(node.act, Act::Row(_)) {
            let mut wanted = Vec::new();
            for (measure, inputs) in &node.measures {
                let slots: Vec<Slot> = inputs.iter().map(|i| node.inputs[*i]).collect();
                let same = all.iter().position(|(v, o)| {
                    *v == version && o.slots == slots && measure.name().is_some_and(|name| o.measure.name() == Some(name))
                });
                wanted.push(same.unwrap_or_else(|| {
                    all.push((version, Observation { at, slots, measure: measure.clone() }));
                    all.len() - 1
                }));
            }
            users.push((at, wanted));
        }
        if used[at] && node.removes_rows() {
            version += 1;
        }
    }
    (all.into_iter().map(|(_, o)| o).collect(), users)
}

/// Slots that are read after the early nodes have run.
pub(crate) fn after_early(program: &Program, early: &[bool]) -> Vec<Slot> {
    let late = program.nodes.iter().zip(early).filter(|(_, early)| !**early);
    let mut slots: Vec<Slot> = late.flat_map(|(n, _)| n.inputs.iter().chain(&n.replaces).copied()).collect();
    slots.extend(result_slots(program));
    slots
}

/// Slots of the result and of what is checked on it.
pub(crate) fn result_slots(program: &Program) -> Vec<Slot> {
    program.output.iter().map(|o| o.slot).chain(program.uniques.iter().flat_map(|u| u.slots.iter().copied())).collect()
}

fn names(program: &Program, slots: &[Slot]) -> String {
    slots.iter().map(|s| format!("`{}`", program.slots[*s].name)).collect::<Vec<_>>().join(", ")
}

// ------------------------------------------------------------------------------------------------------------- scanning

/// A scan whose kept morsels aren't decoded again, and whose failures let go whoever waits for a morsel that won't come.
pub(crate) struct Opened {
    inner: Option<Box<dyn Scan>>,
    /// Rows and bytes of the morsels kept.
    kept: Vec<u64>,
    next: AtomicUsize,
    pub fits_cache: bool,
    halt: Arc<Halt>,
    schema: SchemaRef,
}

impl Opened {
    /// `kept`: rows read in each morsel that is kept. `caches`: rows are to be kept, if they may fit: then all columns are read that the recipe reads.
    pub(crate) fn new(env: &Env, program: &Program, course: &Course, caches: bool, kept: Vec<u64>, whole: bool) -> Result<Opened> {
        let opened = |inner: Option<Box<dyn Scan>>, fits_cache| {
            let schema = inner.as_ref().map_or_else(|| Arc::new(Schema::empty()), |s| s.schema());
            Opened { inner, kept, next: AtomicUsize::new(0), fits_cache, halt: Arc::default(), schema }
        };
        if whole {
            return Ok(opened(None, false));
        }
        if caches {
            let all = program.columns_read(env.contract);
            let scan = (env.scan)(Some(&all))?;
            if scan.total_bytes().is_none_or(|bytes| bytes <= env.cache_bytes) {
                return Ok(opened(Some(scan), true));
            }
        }
        let mut wanted: Vec<String> = program.sources.iter().filter(|(_, s)| course.last[*s].is_some()).map(|(n, _)| n.clone()).collect();
        if let Some(c) = env.contract {
            c.add_columns(&mut wanted);
        }
        let scan = (env.scan)(Some(&wanted))?;
        Ok(opened(Some(scan), false))
    }

    pub(crate) fn guarded(mut self, halt: Arc<Halt>) -> Self {
        self.halt = halt;
        self
    }
}

impl Scan for Opened {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let inner = match &self.inner {
            Some(scan) => match scan.next()? {
                Some(m) => Some(m),
                None => return Ok(None),
            },
            None => None,
        };
        match (self.kept.get(at), inner) {
            (Some(rows), _) => Ok(Some(Box::new(Stub { rows: *rows }))),
            (None, Some(inner)) => Ok(Some(Box::new(Guarded { inner, halt: self.halt.clone() }))),
            (None, None) => Ok(None),
        }
    }
    fn total_bytes(&self) -> Option<u64> {
        self.inner.as_ref().and_then(|s| s.total_bytes())
    }
}

struct Guarded {
    inner: Box<dyn Morsel>,
    halt: Arc<Halt>,
}

impl Morsel for Guarded {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        let Guarded { inner, halt } = *self;
        halt.guard(|| inner.decode())
    }
}

/// Stands for a morsel that is kept.
struct Stub {
    rows: u64,
}

pub(crate) struct NoText;

impl RowText for NoText {
    fn text(&self, _: usize) -> String {
        String::new()
    }
    fn offset(&self, _: usize) -> u64 {
        0
    }
}

impl Morsel for Stub {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        Ok(Decoded {
            split: "".into(),
            batch: RecordBatch::new_empty(Arc::new(Schema::empty())),
            lines: Vec::new(),
            rejects: Vec::new(),
            rows_read: self.rows,
            bytes_read: 0,
            nulled: Vec::new(),
            text: Arc::new(NoText),
        })
    }
}

impl Program {
    /// Columns of the source that any rule or the result reads, in the source's order; with those the contract looks at.
    pub(crate) fn columns_read(&self, contract: Option<&Contract>) -> Vec<String> {
        let all = vec![true; self.nodes.len()];
        let last = last_uses(self, &all, &result_slots(self));
        let key = |slot: &Slot| self.key.contains(slot);
        let mut columns: Vec<String> = self.sources.iter().filter(|(_, s)| last[*s].is_some() || key(s)).map(|(n, _)| n.clone()).collect();
        if let Some(c) = contract {
            c.add_columns(&mut columns);
        }
        columns
    }
}

/// A fit whose rows are not those it is applied to.
pub(crate) fn other_rows() -> Error {
    Error::bug("a recipe was applied to other rows than it was fitted on").help("call `forget_rows` on the fitted recipe first")
}
