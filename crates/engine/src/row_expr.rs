//! Expressions over one row, for contracts and recipes. Aggregates in them (`income / avg(income)`) are pulled out: they are computed over
//! the whole table when a recipe is fitted, and put back as literals when it is applied.

use crate::advice::CONDITION;
use crate::catalog::Relations;
use crate::function;
use crate::locate;
use crate::moment;
use crate::planner::Planner;
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use crate::query::failure;
use crate::session::volatile_in;
use crate::sql;
use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Accumulator, Expr, ExprSchemable};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::scalar::ScalarValue;
use datafusion::sql::planner::PlannerContext;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Spanned, Visit, Visitor};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// A checked expression. It may be bound many times.
#[derive(Clone)]
pub struct RowExpr {
    pub data_type: DataType,
    /// Columns that it reads, for the row and for its aggregates, sorted.
    pub columns_used: Vec<String>,
    /// Columns that it reads of the row itself, sorted: what [`BoundExpr::evaluate`] needs.
    pub row_columns: Vec<String>,
    /// What to compute over the whole table, in the order in which [`RowExpr::bind`] wants the values.
    pub aggregates: Vec<FitAggregate>,
    /// Whether it gives the same for the same row always: no clock, no randomness.
    pub deterministic: bool,
    expr: Expr,
    /// The table's columns and one for each aggregate.
    schema: Arc<DFSchema>,
    state: Arc<SessionState>,
    text: Arc<str>,
}

/// An aggregate of a [`RowExpr`]: feed it every batch, then bind the result.
#[derive(Clone)]
pub struct FitAggregate {
    /// As written, more or less: `avg(income)`.
    pub name: String,
    pub data_type: DataType,
    /// Columns that it reads, sorted.
    pub columns: Vec<String>,
    /// The columns in the order the compiled parts want.
    input: SchemaRef,
    aggregate: Arc<AggregateFunctionExpr>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

/// An expression with all its values, ready to run on batches from several threads.
#[derive(Debug, Clone)]
pub struct BoundExpr {
    pub data_type: DataType,
    input: SchemaRef,
    expr: Arc<dyn PhysicalExpr>,
}

impl RowExpr {
    pub(crate) fn compile(text: &str, schema: &SchemaRef, state: &SessionState, relations: &Relations) -> Result<RowExpr, SqlProblem> {
        let parsed = sql::parse_expression(text)?;
        if let Some(alias) = &parsed.alias {
            let problem = SqlProblem::new(SqlProblemKind::Syntax, format!("an expression cannot be named here: `AS {alias}`"));
            return Err(problem.at(sql::range(text, alias.span)).help("leave the name out; the rule's own key gives it"));
        }
        refuse_subqueries(&parsed.expr, text)?;
        let planner = Planner::new(state, relations, false);
        let rows = df_schema(schema)?;
        let told = |e: &DataFusionError| {
            let problem = sql::first(planner.told(e, text));
            if !locate::wanted(&problem) {
                return problem;
            }
            let span = locate::in_expression(&problem.message, &parsed.expr, text, &planner, &rows).or(problem.span.clone());
            problem.at(span)
        };
        let planned = planner.to_rel().sql_to_expr(parsed.expr.clone(), &rows, &mut PlannerContext::new()).map_err(|e| told(&e))?;
        // Typed as written first: calls that fit nothing are told better before types are bent to fit.
        planned.get_type(rows.as_ref()).map_err(|e| told(&e))?;
        let settled = moment::settle_expr(planned, &rows).map_err(|e| told(&e))?.data;
        let typed = simplifier(state, &rows).coerce(settled, &rows).map_err(|e| told(&e))?;
        let typed = function::inline(typed).map_err(|e| told(&e))?;
        refuse_windows(&typed, text)?;
        let deterministic = volatile_in(&typed).is_empty();

        let mut lifted: Vec<Expr> = Vec::new();
        let expr = lift(typed, &mut lifted, text)?;
        let types = lifted.iter().map(|a| a.get_type(&rows)).collect::<Result<Vec<_>, _>>().map_err(|e| told(&e))?;
        let fitted = types.iter().enumerate().map(|(i, t)| Field::new(fitted_name(i), t.clone(), true));
        let all: Vec<Field> = rows.fields().iter().map(|f| f.as_ref().clone()).chain(fitted).collect();
        let all = df_schema(&Arc::new(Schema::new(all)))?;
        let data_type = expr.get_type(all.as_ref()).map_err(|e| told(&e))?;
        // Compiled once here, so that whatever is wrong is told now and not when rows arrive.
        physical(&expr, &all, state).map_err(|e| told(&e))?;
        let aggregates = lifted
            .iter()
            .zip(types)
            .map(|(a, t)| FitAggregate::compile(a, t, &rows, state).map_err(|e| told(&e)))
            .collect::<Result<Vec<_>, _>>()?;

        let row_columns: BTreeSet<String> = columns(&expr).into_iter().filter(|c| rows.field_with_unqualified_name(c).is_ok()).collect();
        let columns_used = row_columns.iter().chain(aggregates.iter().flat_map(|a| &a.columns)).cloned().collect::<BTreeSet<_>>();
        Ok(RowExpr {
            data_type,
            columns_used: columns_used.into_iter().collect(),
            row_columns: row_columns.into_iter().collect(),
            aggregates,
            deterministic,
            expr,
            schema: all,
            state: Arc::new(state.clone()),
            text: text.into(),
        })
    }

    /// Itself, if it is boolean.
    pub fn into_predicate(self) -> Result<RowExpr, SqlProblem> {
        if matches!(self.data_type, DataType::Boolean | DataType::Null) {
            return Ok(self);
        }
        let message = format!("{CONDITION}, and this is {}", type_name(&self.data_type));
        let help = match &self.expr {
            Expr::Column(c) if self.data_type == DataType::Utf8 => format!("compare it: `{} = '…'`, or `{} IS NOT NULL`", c.name, c.name),
            Expr::Column(c) => format!("compare it: `{} > 0`, or `{} IS NOT NULL`", c.name, c.name),
            _ => "compare it with something, as in `… > 0`".into(),
        };
        let start = self.text.len() - self.text.trim_start().len();
        Err(SqlProblem::new(SqlProblemKind::Type, message).at(Some(start..self.text.trim_end().len())).help(help))
    }

    /// Puts in the aggregates' values, one for each of `aggregates` and in that order; a NULL of any type is taken.
    pub fn bind(&self, values: &[ScalarValue]) -> Result<BoundExpr> {
        if values.len() != self.aggregates.len() {
            return Err(Error::bug(format!("`{}` wants {} fitted values, and got {}", self.text, self.aggregates.len(), values.len())));
        }
        let literals =
            self.aggregates.iter().zip(values).map(|(a, v)| v.cast_to(&a.data_type)).collect::<Result<Vec<_>, _>>().map_err(failure)?;
        let expr = self.expr.clone().transform_up(|e| match &e {
            Expr::Column(c) => match literals.iter().enumerate().find(|(i, _)| fitted_name(*i) == c.name) {
                Some((_, value)) => Ok(Transformed::yes(Expr::Literal(value.clone(), None))),
                None => Ok(Transformed::no(e)),
            },
            _ => Ok(Transformed::no(e)),
        });
        let expr = expr.map_err(failure)?.data;
        // Folding constants once spares every batch from it; what cannot be folded (1 / 0 in an untaken CASE branch) stays as it is.
        let expr = simplifier(&self.state, &self.schema).simplify(expr).map_err(failure)?;
        let input = subset(&self.schema, &columns(&expr));
        let narrow = DFSchema::try_from(input.as_ref().clone()).map_err(failure)?;
        let expr = physical(&expr, &narrow, &self.state).map_err(failure)?;
        Ok(BoundExpr { data_type: self.data_type.clone(), input, expr })
    }
}

impl std::fmt::Debug for RowExpr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowExpr").field("text", &self.text).field("data_type", &self.data_type).finish_non_exhaustive()
    }
}

impl BoundExpr {
    /// One value per row. The batch may hold further columns, in any order.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let input = gather(batch, &self.input)?;
        self.expr.evaluate(&input).and_then(|v| v.into_array(batch.num_rows())).map_err(failure)
    }

    /// As [`BoundExpr::evaluate`], of a predicate. NULL stays NULL.
    pub fn evaluate_predicate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let values = self.evaluate(batch)?;
        if values.data_type() == &DataType::Null {
            return Ok(BooleanArray::new_null(batch.num_rows()));
        }
        let values = values.as_any().downcast_ref::<BooleanArray>();
        values.cloned().ok_or_else(|| Error::bug("a predicate gave something that is not boolean"))
    }
}

impl FitAggregate {
    fn compile(aggregate: &Expr, data_type: DataType, rows: &DFSchema, state: &SessionState) -> Result<FitAggregate, DataFusionError> {
        let used = columns(aggregate);
        let input = subset(rows, &used);
        let narrow = DFSchema::try_from(input.as_ref().clone())?;
        // `now()` and the like become values here: accumulators see arrays only.
        let context = simplifier(state, &Arc::new(narrow.clone()));
        let aggregate = aggregate.clone().map_children(|e| context.simplify(e).map(Transformed::yes))?.data;
        let props = state.execution_props();
        let lowered = LoweredAggregateBuilder::new(&aggregate, &narrow, &input, props, &PhysicalPlanningContext::default())
            .with_name(aggregate.schema_name().to_string())
            .build()?;
        let mut arguments = lowered.aggregate.expressions();
        arguments.extend(lowered.order_bys.iter().map(|o| Arc::clone(&o.expr)));
        Ok(FitAggregate {
            name: aggregate.schema_name().to_string(),
            data_type,
            columns: used.into_iter().collect(),
            input,
            aggregate: lowered.aggregate,
            arguments,
            filter: lowered.filter,
        })
    }

    pub fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.aggregate.create_accumulator().map_err(failure)
    }

    /// Takes a batch in. Floats are summed in the order of the calls, so call in the rows' order.
    pub fn update(&self, accumulator: &mut dyn Accumulator, batch: &RecordBatch) -> Result<()> {
        let mut input = gather(batch, &self.input)?;
        if let Some(filter) = &self.filter {
            let kept = filter.evaluate(&input).and_then(|v| v.into_array(input.num_rows())).map_err(failure)?;
            let kept =
                kept.as_any().downcast_ref::<BooleanArray>().ok_or_else(|| Error::bug("a FILTER gave something that is not boolean"))?;
            input = filter_record_batch(&input, kept)?;
        }
        let arrays = self.arguments.iter().map(|a| a.evaluate(&input).and_then(|v| v.into_array(input.num_rows())));
        accumulator.update_batch(&arrays.collect::<Result<Vec<_>, _>>().map_err(failure)?).map_err(failure)
    }

    /// What one batch comes to, alone: may be computed on any thread and then given to [`FitAggregate::merge`] in the rows' order.
    pub fn partial(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let mut accumulator = self.accumulator()?;
        self.update(accumulator.as_mut(), batch)?;
        let state = accumulator.state().map_err(failure)?;
        state.iter().map(|s| s.to_array().map_err(failure)).collect()
    }

    pub fn merge(&self, accumulator: &mut dyn Accumulator, partial: &[ArrayRef]) -> Result<()> {
        accumulator.merge_batch(partial).map_err(failure)
    }

    /// The value to bind.
    pub fn finish(&self, accumulator: &mut dyn Accumulator) -> Result<ScalarValue> {
        accumulator.evaluate().map_err(failure)
    }
}

impl std::fmt::Debug for FitAggregate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FitAggregate").field("name", &self.name).field("data_type", &self.data_type).finish_non_exhaustive()
    }
}

// ------------------------------------------------------------------------------------------------------- compiling

/// A name that no SQL can write without quotes.
fn fitted_name(index: usize) -> String {
    format!("\u{1}fitted{index}")
}

/// Takes the outermost aggregates out, each once.
fn lift(expr: Expr, lifted: &mut Vec<Expr>, text: &str) -> Result<Expr, SqlProblem> {
    let mut nested: Option<String> = None;
    let lifting = expr.transform_down(|e| {
        if !matches!(e, Expr::AggregateFunction(_)) {
            return Ok(Transformed::no(e));
        }
        // The closure never fails.
        let _ = e.apply_children(|child| {
            child.apply(|inner| {
                if let Expr::AggregateFunction(a) = inner {
                    nested = Some(a.func.name().to_string());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        });
        let index = lifted.iter().position(|l| *l == e).unwrap_or_else(|| {
            lifted.push(e);
            lifted.len() - 1
        });
        Ok(Transformed::new(Expr::Column(Column::new_unqualified(fitted_name(index))), true, TreeNodeRecursion::Jump))
    });
    let expr = lifting.map_err(|e| sql::first(crate::advice::problems(&e, text)))?.data;
    match nested {
        None => Ok(expr),
        Some(name) => {
            let problem = SqlProblem::new(SqlProblemKind::Type, format!("`{name}` stands inside of another aggregate"));
            Err(problem.at(sql::word(text, &name)).help("put the inner value in a column of its own with a `derive` rule before this one"))
        }
    }
}

fn refuse_windows(expr: &Expr, text: &str) -> Result<(), SqlProblem> {
    let mut found = None;
    let _ = expr.apply(|e| {
        let problem = match e {
            Expr::WindowFunction(w) => {
                let name = w.fun.name().to_string();
                let problem =
                    SqlProblem::new(SqlProblemKind::Type, format!("`{name}(…) OVER` looks at other rows, and a row is all there is here"));
                Some(
                    problem
                        .at(sql::word(text, &name))
                        .help("write a view for it; an aggregate without OVER is a value fitted over the whole table"),
                )
            }
            Expr::Unnest(_) => Some(
                SqlProblem::new(SqlProblemKind::Type, "`unnest` makes several rows of one")
                    .at(sql::word(text, "unnest"))
                    .help("write a view for it"),
            ),
            Expr::Placeholder(p) => Some(SqlProblem::new(SqlProblemKind::Syntax, format!("parameter `{}` has no value here", p.id))),
            _ => None,
        };
        found = problem.or(found.take());
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found.map_or(Ok(()), Err)
}

fn refuse_subqueries(expr: &SqlExpr, text: &str) -> Result<(), SqlProblem> {
    struct Subqueries<'a>(&'a str, Option<SqlProblem>);
    impl Visitor for Subqueries<'_> {
        type Break = ();
        fn pre_visit_query(&mut self, query: &datafusion::sql::sqlparser::ast::Query) -> ControlFlow<()> {
            let span = sql::range(self.0, query.span()).map(|r| sql::word(self.0, "select").unwrap_or(r));
            let problem = SqlProblem::new(SqlProblemKind::Type, "a subquery cannot be asked here: a row is all there is");
            self.1 = Some(problem.at(span).help("write a view for it"));
            ControlFlow::Break(())
        }
    }
    let mut subqueries = Subqueries(text, None);
    let _ = expr.visit(&mut subqueries);
    subqueries.1.map_or(Ok(()), Err)
}

fn df_schema(schema: &SchemaRef) -> Result<Arc<DFSchema>, SqlProblem> {
    // Any column may be NULL: the schema given is what the table is like now, not what each batch promises.
    let fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    DFSchema::try_from(Schema::new(fields)).map(Arc::new).map_err(|e| sql::first(crate::advice::problems(&e, "")))
}

fn simplifier(state: &SessionState, schema: &Arc<DFSchema>) -> ExprSimplifier {
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(schema))
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    ExprSimplifier::new(context)
}

fn physical(expr: &Expr, schema: &DFSchema, state: &SessionState) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    create_physical_expr(expr, schema, state.execution_props(), &PhysicalPlanningContext::default())
}

fn columns(expr: &Expr) -> BTreeSet<String> {
    expr.column_refs().into_iter().map(|c| c.name.clone()).collect()
}

/// The columns of `names`, in the schema's order.
fn subset(schema: &DFSchema, names: &BTreeSet<String>) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().filter(|f| names.contains(f.name())).map(|f| f.as_ref().clone()).collect();
    Arc::new(Schema::new(fields))
}

fn gather(batch: &RecordBatch, wanted: &SchemaRef) -> Result<RecordBatch> {
    let column = |f: &Arc<Field>| {
        let column = batch.column_by_name(f.name()).ok_or_else(|| Error::bug(format!("a batch lacks column `{}`", f.name())))?;
        if column.data_type() != f.data_type() {
            let types = (type_name(column.data_type()), type_name(f.data_type()));
            return Err(Error::bug(format!("column `{}` comes as {}, and was checked as {}", f.name(), types.0, types.1)));
        }
        Ok(Arc::clone(column))
    };
    let columns = wanted.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(wanted), columns, &options)?)
}
