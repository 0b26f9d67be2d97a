//! From a view's SQL to operators. What can't be kept current is refused with the clause and the nearest thing that works.
//!
//! `plan` walks the logical plan, `over` and `join` take its window functions and joins, `calls` decides how an aggregate is kept, `refuse` has
//! the words.

mod calls;
mod join;
mod over;
mod plan;
mod refuse;

use crate::compiled::{InputInfo, InputRef, OperatorInfo};
use crate::frontier::{Frontier, is_time, native};
use crate::operator::Stage;
use crate::source::Source;
use arrow::datatypes::{Schema, SchemaRef};
use std::any::Any;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{Session, SqlProblem};
use tidemill_project::spec::{Emit, LiveSettings};

/// A view's operators, children before parents; the last one gives the result.
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) settings: LiveSettings,
    pub(crate) inputs: Vec<Input>,
    pub(crate) input_refs: Vec<InputRef>,
    pub(crate) nodes: Vec<Node>,
    /// Per node, who takes what it says, and as which input.
    pub(crate) parents: Vec<Option<(usize, usize)>>,
    /// Per input, the nodes that read it.
    pub(crate) leaves: Vec<Vec<usize>>,
    /// What the view shows.
    pub(crate) schema: SchemaRef,
    /// What the last operator gives: columns more, at the end, by which rows settle.
    pub(crate) full_schema: SchemaRef,
    pub(crate) key: Option<Vec<String>>,
    pub(crate) append_only: bool,
    pub(crate) hold: bool,
    pub(crate) settles_by: Option<usize>,
    /// Some operator leaves out rows that come after their time.
    pub(crate) may_be_late: bool,
    pub(crate) fingerprint: String,
}

pub(crate) struct Input {
    pub(crate) reference: InputRef,
    pub(crate) followed: bool,
    pub(crate) event_time: Option<String>,
}

pub(crate) struct Node {
    pub(crate) stage: Arc<dyn Stage>,
    pub(crate) children: Vec<usize>,
    pub(crate) schema: SchemaRef,
    /// Of everything below, too.
    pub(crate) fingerprint: String,
    /// Its rows may be taken back.
    pub(crate) updating: bool,
    /// Nothing below is followed.
    pub(crate) is_static: bool,
    /// Rows come straight from sources: nobody has looked whether they are late.
    pub(crate) raw: bool,
    /// Columns that name one row.
    pub(crate) key: Option<Vec<usize>>,
    /// As of some moment: which columns have one.
    pub(crate) frontier: Frontier,
}

impl Built {
    /// How far time has got behind each node.
    pub(crate) fn frontiers(&self, watermark: Option<i64>) -> Result<Vec<Frontier>> {
        frontiers(&self.nodes, watermark)
    }

    pub(crate) fn operators(&self) -> Vec<OperatorInfo> {
        let info = |n: &Node| OperatorInfo { name: n.stage.name(), fingerprint: n.fingerprint.clone(), keeps: n.stage.keeps() };
        self.nodes.iter().map(info).collect()
    }
}

fn frontiers(nodes: &[Node], watermark: Option<i64>) -> Result<Vec<Frontier>> {
    let mut all: Vec<Frontier> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let frontier = match (node.stage.as_ref() as &dyn Any).downcast_ref::<Source>() {
            Some(source) => source.at(watermark),
            None => {
                let inputs: Vec<Frontier> = node.children.iter().map(|c| all[*c].clone()).collect();
                node.stage.frontier(&inputs)?
            }
        };
        all.push(frontier);
    }
    Ok(all)
}

pub(crate) fn compile(
    name: &str,
    sql: &str,
    settings: &LiveSettings,
    session: &Session,
    inputs: &[InputInfo],
) -> Result<Built, Vec<SqlProblem>> {
    if settings.deterministic {
        let found = session.volatile_functions(sql).map_err(|p| vec![p])?;
        if !found.is_empty() {
            return Err(found.iter().map(|f| refuse::volatile(f).at(session.word_in(sql, f))).collect());
        }
    }
    let plan = session.live_plan(sql)?;
    let mut compiler = plan::Compiler::new(session, sql, settings, inputs);
    let root = compiler.root(&plan);
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    let Some(root) = root else { return Err(vec![refuse::nothing()]) };
    let shown = Arc::clone(plan.schema().inner());
    finish(name, sql, settings, compiler, root, &shown).map_err(|p| vec![p])
}

/// What the operators come to as a whole.
fn finish(
    name: &str,
    sql: &str,
    settings: &LiveSettings,
    mut compiler: plan::Compiler<'_>,
    root: usize,
    shown: &SchemaRef,
) -> Result<Built, SqlProblem> {
    let is_final = settings.emit == Emit::Final;
    let append_only = !compiler.nodes[root].updating;
    let (root, settles_by) = if append_only { (root, None) } else { compiler.settled_by(root) };
    if is_final && !append_only && settles_by.is_none() {
        return Err(refuse::never_final());
    }
    let nodes = compiler.nodes;
    let mut parents = vec![None; nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        for (port, child) in node.children.iter().enumerate() {
            parents[*child] = Some((at, port));
        }
    }
    debug_assert_eq!(root, nodes.len() - 1);
    let last = &nodes[root];
    let width = shown.fields().len();
    // Everything may be NULL: what is known of the inputs now is no promise.
    let full: Vec<_> = last
        .schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, f)| {
            let name = if at < width { shown.field(at).name() } else { f.name() };
            f.as_ref().clone().with_name(name).with_nullable(true)
        })
        .collect();
    let full_schema = Arc::new(Schema::new(full.clone()));
    let schema = Arc::new(Schema::new(full[..width].to_vec()));
    let named =
        |columns: &Vec<usize>| columns.iter().map(|c| (*c < width).then(|| schema.field(*c).name().clone())).collect::<Option<Vec<_>>>();
    let key = match settings.key.as_slice() {
        [] => last.key.as_ref().and_then(named),
        given => Some(given.iter().map(|k| k.value.clone()).collect()),
    };
    let mut leaves = vec![Vec::new(); compiler.inputs.len()];
    for (at, node) in nodes.iter().enumerate() {
        if let Some(source) = (node.stage.as_ref() as &dyn Any).downcast_ref::<Source>() {
            leaves[source.input].push(at);
        }
    }
    let inputs: Vec<Input> = compiler
        .inputs
        .iter()
        .map(|i| Input {
            reference: InputRef { schema: i.schema.clone(), name: i.name.clone() },
            followed: i.followed,
            event_time: i.event_time.clone().filter(|e| i.columns.field_with_name(e).is_ok_and(|f| is_time(f.data_type()))),
        })
        .collect();
    let mut input_refs: Vec<(bool, InputRef)> = inputs.iter().map(|i| (i.followed, i.reference.clone())).collect();
    input_refs.sort();
    let said = format!(
        "{sql}\n{} {} {:?} {:?} {:?} {:?} {}",
        settings.lateness_micros, settings.recompute, settings.late, settings.emit, settings.time, settings.key, last.fingerprint
    );
    Ok(Built {
        name: name.to_string(),
        settings: settings.clone(),
        may_be_late: compiler.may_be_late,
        inputs,
        input_refs: input_refs.into_iter().map(|(_, r)| r).collect(),
        parents,
        leaves,
        schema,
        full_schema,
        key,
        append_only,
        hold: is_final && !append_only,
        settles_by,
        fingerprint: hashed(&said),
        nodes,
    })
}

pub(crate) fn hashed(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_string()
}

/// A column with a moment that is known, the first of them.
fn moment_column(frontier: &Frontier) -> Option<usize> {
    frontier.iter().position(|f| f.as_ref().and_then(native).is_some())
}
