//! Walks the logical plan, from the sources up.

use super::calls::{self, Trouble};
use super::{Node, hashed, moment_column, refuse};
use crate::aggregate::Aggregate;
use crate::compiled::InputInfo;
use crate::frontier::{Frontier, Through, is_time, native};
use crate::operator::Stage;
use crate::source::{Constant, Source};
use crate::stateless::{Filter, Project, Union, Unnest, evaluate};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use datafusion::common::{DFSchema, NullHandling, ScalarValue};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::{
    Aggregate as LogicalAggregate, Distinct, Expr, LogicalPlan, TableScan, Unnest as LogicalUnnest, utils::grouping_set_to_exprlist,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use std::any::Any;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{Lowering, Session, SqlProblem, SqlProblemKind};
use tidemill_project::spec::{Emit, LiveSettings};

/// Some moment, to see which columns have a frontier: 2024-01-01.
const SAMPLE: i64 = 1_704_067_200_000_000;

pub(crate) struct Compiler<'a> {
    pub(super) session: &'a Session,
    pub(super) lowering: Lowering,
    pub(super) sql: &'a str,
    pub(super) settings: &'a LiveSettings,
    known: &'a [InputInfo],
    /// Those that are read.
    pub(super) inputs: Vec<InputInfo>,
    pub(super) nodes: Vec<Node>,
    pub(super) problems: Vec<SqlProblem>,
    pub(super) may_be_late: bool,
    /// Window functions of which a filter wants only the least.
    pub(super) tops: Vec<super::over::Top>,
}

/// What a node has beside its stage.
pub(super) struct Facts {
    pub(super) schema: SchemaRef,
    pub(super) updating: bool,
    pub(super) raw: bool,
    pub(super) key: Option<Vec<usize>>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(session: &'a Session, sql: &'a str, settings: &'a LiveSettings, known: &'a [InputInfo]) -> Self {
        let lowering = session.lowering();
        Compiler {
            session,
            lowering,
            sql,
            settings,
            known,
            inputs: Vec::new(),
            nodes: Vec::new(),
            problems: Vec::new(),
            may_be_late: false,
            tops: Vec::new(),
        }
    }

    /// The plan as a whole. The order of a result's rows is nobody's: a view is a set of rows.
    pub(super) fn root(&mut self, plan: &LogicalPlan) -> Option<usize> {
        match plan {
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.root(&sort.input),
            LogicalPlan::SubqueryAlias(alias) => self.root(&alias.input),
            other => self.node(other),
        }
    }

    pub(super) fn refuse(&mut self, problem: SqlProblem) -> Option<usize> {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        None
    }

    pub(super) fn refuse_at(&mut self, problem: SqlProblem, word: &str) -> Option<usize> {
        let at = self.session.word_in(self.sql, word);
        self.refuse(problem.at(at))
    }

    /// The value, or the refusal noted.
    pub(super) fn take<T>(&mut self, made: Result<T, impl Into<Trouble>>) -> Option<T> {
        match made.map_err(Into::into) {
            Ok(value) => Some(value),
            Err(Trouble::Refused(problem)) => {
                let named = problem.message.split('`').nth(1).map(str::to_string);
                match named {
                    Some(word) => self.refuse_at(problem, &word),
                    None => self.refuse(problem),
                };
                None
            }
            Err(Trouble::Failed(error)) => {
                let mut problem = SqlProblem::new(SqlProblemKind::Other, error.what);
                problem.help = error.help;
                self.refuse(problem);
                None
            }
        }
    }

    pub(super) fn add(&mut self, stage: Arc<dyn Stage>, children: Vec<usize>, facts: Facts) -> Option<usize> {
        let inputs: Vec<Frontier> = children.iter().map(|c| self.nodes[*c].frontier.clone()).collect();
        let frontier = match (stage.as_ref() as &dyn Any).downcast_ref::<Source>() {
            Some(source) => Ok(source.at(Some(SAMPLE))),
            None => stage.frontier(&inputs),
        };
        let frontier = self.take(frontier)?;
        let is_static = match (stage.as_ref() as &dyn Any).downcast_ref::<Source>() {
            Some(source) => !self.inputs[source.input].followed,
            None => children.iter().all(|c| self.nodes[*c].is_static),
        };
        let below: Vec<&str> = children.iter().map(|c| self.nodes[*c].fingerprint.as_str()).collect();
        let fingerprint = hashed(&format!("{} over [{}]", stage.fingerprint(), below.join(" ")));
        let Facts { schema, updating, raw, key } = facts;
        self.nodes.push(Node { stage, children, schema, fingerprint, updating: updating && !is_static, is_static, raw, key, frontier });
        Some(self.nodes.len() - 1)
    }

    pub(super) fn node(&mut self, plan: &LogicalPlan) -> Option<usize> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => self.node(&alias.input),
            // Only a LIMIT makes an order matter, and it brings its own.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.node(&sort.input),
            LogicalPlan::Filter(filter) => {
                if let Some(top) = super::over::top_of(&filter.predicate, &filter.input) {
                    self.tops.push(top);
                }
                let input = self.node(&filter.input)?;
                self.filter(&filter.predicate, filter.input.schema(), input)
            }
            LogicalPlan::Projection(projection) => {
                let input = self.node(&projection.input)?;
                self.project(&projection.expr, projection.input.schema(), projection.schema.inner(), input)
            }
            LogicalPlan::Aggregate(aggregate) => {
                let input = self.node(&aggregate.input)?;
                self.aggregate(aggregate, input)
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let groups = input.schema().columns().into_iter().map(Expr::Column).collect();
                let aggregate = LogicalAggregate::try_new(Arc::clone(input), groups, Vec::new()).map_err(tidemill_engine::failure);
                let aggregate = self.take(aggregate)?;
                let input = self.node(input)?;
                self.aggregate(&aggregate, input)
            }
            LogicalPlan::Union(union) => {
                let children: Vec<Option<usize>> = union.inputs.iter().map(|i| self.node(i)).collect();
                let children: Vec<usize> = children.into_iter().collect::<Option<_>>()?;
                let facts = Facts {
                    schema: nullable(union.schema.inner()),
                    updating: children.iter().any(|c| self.nodes[*c].updating),
                    raw: children.iter().any(|c| self.nodes[*c].raw),
                    key: None,
                };
                self.add(Arc::new(Union { schema: SchemaRef::clone(&facts.schema) }), children, facts)
            }
            LogicalPlan::Unnest(unnest) => {
                let input = self.node(&unnest.input)?;
                self.unnest(unnest, input)
            }
            LogicalPlan::EmptyRelation(empty) => {
                let schema = nullable(empty.schema.inner());
                let rows = usize::from(empty.produce_one_row);
                let columns = schema.fields().iter().map(|f| arrow::array::new_null_array(f.data_type(), rows)).collect();
                self.constant(&schema, columns, rows)
            }
            LogicalPlan::Values(values) => {
                let schema = nullable(values.schema.inner());
                let one = DFSchema::empty();
                let cell = |e: &Expr, t: &DataType| -> Result<ArrayRef> {
                    let row = RecordBatch::try_new_with_options(
                        Arc::new(Schema::empty()),
                        Vec::new(),
                        &RecordBatchOptions::new().with_row_count(Some(1)),
                    )?;
                    Ok(arrow::compute::cast(&evaluate(&self.lowering.expr(e, &one)?, &row)?, t)?)
                };
                let columns: Result<Vec<ArrayRef>> = schema
                    .fields()
                    .iter()
                    .enumerate()
                    .map(|(at, f)| {
                        let cells = values.values.iter().map(|row| cell(&row[at], f.data_type())).collect::<Result<Vec<_>>>()?;
                        Ok(concat(&cells.iter().map(AsRef::as_ref).collect::<Vec<_>>())?)
                    })
                    .collect();
                let columns = self.take(columns)?;
                self.constant(&schema, columns, values.values.len())
            }
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Sort(sort) => self.first_rows(sort, 0, sort.fetch),
            LogicalPlan::RecursiveQuery(_) => self.refuse_at(refuse::recursive(), "recursive"),
            LogicalPlan::Subquery(_) => self.refuse(refuse::subquery()),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Join(join) => self.join(join),
            _ => self.refuse(refuse::nothing()),
        }
    }

    fn constant(&mut self, schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Option<usize> {
        let rows = crate::delta::batch(schema, columns, rows);
        let rows = self.take(rows)?;
        self.add(
            Arc::new(Constant { rows }),
            Vec::new(),
            Facts { schema: SchemaRef::clone(schema), updating: false, raw: false, key: None },
        )
    }

    fn scan(&mut self, scan: &TableScan) -> Option<usize> {
        let relation = self.lowering.relation(&scan.table_name);
        let found = relation.and_then(|(schema, name)| self.known.iter().find(|i| i.schema == schema && i.name == name));
        let Some(info) = found else {
            let name = scan.table_name.table().to_string();
            return self.refuse_at(refuse::unknown_input(&name), &name);
        };
        if scan.fetch.is_some() {
            return self.refuse_at(refuse::limit_without_order(), "limit");
        }
        let input = match self.inputs.iter().position(|i| i.schema == info.schema && i.name == info.name) {
            Some(input) => input,
            None => {
                self.inputs.push(info.clone());
                self.inputs.len() - 1
            }
        };
        // What the plan was made with says the types; rows that come as something else are cast.
        let mut schema = nullable(scan.projected_schema.inner());
        let mut event_time = info.event_time.as_ref().filter(|_| info.followed).and_then(|e| schema.index_of(e).ok());
        event_time = event_time.filter(|at| is_time(schema.field(*at).data_type()));
        if schema.fields().is_empty() {
            // `count(*)` reads no column; its rows must be counted all the same.
            schema = Arc::new(Schema::empty());
        }
        let label = format!("{}.{}", info.schema, info.name);
        let source = Source { input, label, schema: SchemaRef::clone(&schema), event_time };
        let facts = Facts { schema, updating: info.updates, raw: true, key: None };
        let mut node = self.add(Arc::new(source), Vec::new(), facts)?;
        for filter in &scan.filters {
            node = self.filter(filter, &scan.projected_schema, node)?;
        }
        Some(node)
    }

    pub(super) fn filter(&mut self, predicate: &Expr, schema: &DFSchema, input: usize) -> Option<usize> {
        let made = self.lowering.expr(predicate, schema);
        let predicate = self.take(made)?;
        let facts = self.like(input);
        self.add(Arc::new(Filter { predicate }), vec![input], facts)
    }

    /// The facts of a node that changes nothing about its rows.
    pub(super) fn like(&self, input: usize) -> Facts {
        let node = &self.nodes[input];
        Facts { schema: SchemaRef::clone(&node.schema), updating: node.updating, raw: node.raw, key: node.key.clone() }
    }

    pub(super) fn project(&mut self, exprs: &[Expr], from: &DFSchema, to: &SchemaRef, input: usize) -> Option<usize> {
        let lowered: Result<Vec<_>> = exprs.iter().map(|e| self.lowering.expr(e, from)).collect();
        let lowered = self.take(lowered)?;
        let through: Result<Vec<_>> = exprs.iter().map(|e| Through::new(e, from, &self.lowering)).collect();
        let through = self.take(through)?;
        let schema = nullable(to);
        // A key goes on as long as all its columns do.
        let place = |column: &usize| through.iter().position(|t| matches!(t, Some(Through::Same(c)) if c == column));
        let key = self.nodes[input].key.as_ref().and_then(|k| k.iter().map(place).collect());
        let facts = Facts { schema: SchemaRef::clone(&schema), key, ..self.like(input) };
        self.add(Arc::new(Project { schema, exprs: lowered, through }), vec![input], facts)
    }

    fn unnest(&mut self, unnest: &LogicalUnnest, input: usize) -> Option<usize> {
        let help = "unnest one column at a time, each in a subquery of its own";
        let list = match unnest.list_type_columns.as_slice() {
            [] => None,
            [(at, list)] if list.depth == 1 => Some(*at),
            _ => return self.refuse_at(refuse::cannot("`unnest` of several lists at once", help), "unnest"),
        };
        let fields = self.nodes[input].schema.fields().clone();
        let width = |at: usize, f: &Field| match f.data_type() {
            DataType::Struct(inner) if unnest.struct_type_columns.contains(&at) => inner.len(),
            _ => 1,
        };
        let widths: Vec<usize> = fields.iter().enumerate().map(|(at, f)| width(at, f)).collect();
        let schema = nullable(unnest.schema.inner());
        let stage = Unnest {
            schema: SchemaRef::clone(&schema),
            list,
            structs: unnest.struct_type_columns.clone(),
            widths,
            preserve: unnest.options.null_handling == NullHandling::Preserve,
        };
        let facts = Facts { schema, key: None, ..self.like(input) };
        self.add(Arc::new(stage), vec![input], facts)
    }

    pub(super) fn aggregate(&mut self, aggregate: &LogicalAggregate, input: usize) -> Option<usize> {
        let from = aggregate.input.schema();
        let schema = nullable(aggregate.schema.inner());
        let exprs = grouping_set_to_exprlist(&aggregate.group_expr).map_err(tidemill_engine::failure);
        let exprs: Vec<Expr> = self.take(exprs)?.into_iter().filter(|e| !matches!(e, Expr::GroupingSet(_))).cloned().collect();
        let sets = self.grouping_sets(aggregate, &exprs, &schema)?;
        let updating = self.nodes[input].updating;
        let groups: Result<Vec<_>> = exprs.iter().map(|e| self.lowering.expr(e, from)).collect();
        let groups = self.take(groups)?;
        let through: Result<Vec<_>> = exprs.iter().map(|e| Through::new(e, from, &self.lowering)).collect();
        let mut through = self.take(through)?;
        let width = groups.len() + usize::from(!sets.is_empty());
        let mut made = Vec::new();
        for (at, expr) in aggregate.aggr_expr.iter().enumerate() {
            let returns = Arc::clone(&schema.fields()[width + at]);
            let call = calls::call(expr, from, updating, self.settings, &self.lowering, &returns);
            if let Some(call) = self.take(call) {
                made.push(Arc::new(call));
            }
        }
        if !self.problems.is_empty() {
            return None;
        }
        let input_frontier = self.nodes[input].frontier.clone();
        let mut times = Vec::new();
        for (at, through) in through.iter_mut().enumerate() {
            let value = through.as_ref().map_or(Ok(None), |t| t.apply(&input_frontier));
            let value = self.take(value)?;
            // In a grouping set a moment may be left out, and then says nothing.
            let always = sets.iter().all(|(left_out, _)| !left_out[at]);
            if value.as_ref().and_then(native).is_some() && always && is_time(schema.field(at).data_type()) {
                times.push(at);
            } else if value.is_none() || !always {
                *through = None;
            }
        }
        let keys: Vec<usize> = (0..groups.len()).filter(|at| !times.contains(at)).collect();
        let is_static = self.nodes[input].is_static;
        let raw = self.nodes[input].raw && !is_static;
        let hold = self.settings.emit == Emit::Final && !times.is_empty();
        self.bounded(aggregate, &made, &times, is_static)?;
        let may_be_late = raw && !times.is_empty();
        self.may_be_late |= may_be_late;
        let key = sets.is_empty().then(|| (0..groups.len()).collect());
        let stage =
            Aggregate { schema: SchemaRef::clone(&schema), groups, sets, through, times, keys, calls: made, updating, hold, may_be_late };
        // Groups that are there do not change when nothing is computed of them and no row goes.
        let only_adds = hold || (stage.calls.is_empty() && !updating && !stage.is_global());
        self.add(Arc::new(stage), vec![input], Facts { schema, updating: !only_adds, raw: false, key })
    }

    /// State that grows for ever needs a limit.
    fn bounded(
        &mut self,
        aggregate: &LogicalAggregate,
        calls: &[Arc<crate::aggregate::accumulator::Call>],
        times: &[usize],
        is_static: bool,
    ) -> Option<()> {
        if is_static || !times.is_empty() || self.settings.state_limit.is_some() {
            return Some(());
        }
        if aggregate.group_expr.is_empty() {
            let Some(long) = calls.iter().find(|c| calls::grows(c)) else { return Some(()) };
            let name = long.aggregate.fun().name().to_string();
            let problem = refuse::grows(&format!("`{name}` over all rows keeps a value per row"), "group by a window");
            return self.refuse_at(problem, &name).map(drop);
        }
        let (what, word) = if calls.is_empty() { ("DISTINCT", "distinct") } else { ("GROUP BY without a window", "group") };
        self.refuse_at(refuse::grows(&format!("{what} keeps every group"), "group by a window over the event time"), word).map(drop)
    }

    fn grouping_sets(&mut self, aggregate: &LogicalAggregate, exprs: &[Expr], schema: &SchemaRef) -> Option<Vec<(Vec<bool>, ScalarValue)>> {
        let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() else { return Some(Vec::new()) };
        let sets: Vec<Vec<Expr>> = match sets {
            GroupingSet::GroupingSets(sets) => sets.clone(),
            GroupingSet::Rollup(all) => (0..=all.len()).rev().map(|n| all[..n].to_vec()).collect(),
            GroupingSet::Cube(all) if all.len() <= 8 => {
                let of = |set: u32| all.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, e)| e.clone()).collect();
                (0..1u32 << all.len()).map(of).collect()
            }
            GroupingSet::Cube(_) => {
                self.refuse_at(refuse::cannot("CUBE of more than eight columns", "write the GROUPING SETS that are wanted"), "cube");
                return None;
            }
        };
        let number_type = schema.field(exprs.len()).data_type().clone();
        let mut all: Vec<(Vec<bool>, ScalarValue)> = Vec::new();
        for set in &sets {
            let left_out: Vec<bool> = exprs.iter().map(|e| !set.contains(e)).collect();
            // The first expression is the highest bit.
            let number = left_out.iter().fold(0u64, |n, out| (n << 1) | u64::from(*out));
            if all.iter().any(|(other, _)| *other == left_out) {
                self.refuse_at(refuse::cannot("a grouping set that is there twice", "leave one of them out"), "group");
                return None;
            }
            let number = ScalarValue::UInt64(Some(number)).cast_to(&number_type).map_err(tidemill_engine::failure);
            all.push((left_out, self.take(number)?));
        }
        Some(all)
    }

    /// The column by which rows of the result settle; where it is not shown, it is carried along behind the others.
    pub(super) fn settled_by(&mut self, root: usize) -> (usize, Option<usize>) {
        if let Some(column) = moment_column(&self.nodes[root].frontier) {
            return (root, Some(column));
        }
        // Projections and filters above the first operator that knows a moment.
        let mut chain = Vec::new();
        let mut at = root;
        let (below, column) = loop {
            if let Some(column) = moment_column(&self.nodes[at].frontier) {
                break (at, column);
            }
            let stage = self.nodes[at].stage.as_ref() as &dyn Any;
            if !(stage.is::<Project>() || stage.is::<Filter>()) {
                return (root, None);
            }
            chain.push(at);
            at = self.nodes[at].children[0];
        };
        // Children come before their parents, and so the chain is the end of the nodes.
        let first = root + 1 - chain.len();
        if chain.iter().rev().copied().ne(first..=root) {
            return (root, None);
        }
        let old: Vec<Node> = self.nodes.drain(first..).collect();
        let mut input = below;
        let mut carried = column;
        for node in old {
            let stage = node.stage.as_ref() as &dyn Any;
            let facts = Facts { schema: SchemaRef::clone(&node.schema), updating: node.updating, raw: node.raw, key: node.key.clone() };
            let added = match stage.downcast_ref::<Project>() {
                Some(project) => {
                    let moment = self.nodes[input].schema.field(carried).clone();
                    let mut fields: Vec<Arc<Field>> = node.schema.fields().iter().cloned().collect();
                    fields.push(Arc::new(moment.with_name("_moment")));
                    let schema = Arc::new(Schema::new(Fields::from(fields)));
                    let mut project = project.clone();
                    let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(self.nodes[input].schema.field(carried).name(), carried));
                    project.exprs.push(column);
                    project.through.push(Some(Through::Same(carried)));
                    project.schema = SchemaRef::clone(&schema);
                    carried = schema.fields().len() - 1;
                    self.add(Arc::new(project), vec![input], Facts { schema, ..facts })
                }
                None => self.add(node.stage, vec![input], Facts { schema: SchemaRef::clone(&self.nodes[input].schema), ..facts }),
            };
            let Some(added) = added else { return (root, None) };
            input = added;
        }
        (input, Some(carried))
    }
}

/// What is known of NULLs now is no promise of each batch.
pub(super) fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    Arc::new(Schema::new(fields))
}
