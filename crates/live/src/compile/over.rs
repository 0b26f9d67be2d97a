//! Window functions, top-N, sessions, ORDER BY with LIMIT.

use super::plan::{Compiler, Facts, nullable};
use super::refuse;
use crate::frontier::{Through, is_time, native};
use crate::over::Over;
use crate::over::reach::{self, Ahead, Back};
use crate::over::running::Running;
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Expr, FetchType, Limit, LogicalPlan, LogicalPlanBuilder, Operator, SkipType, Sort, Window, WindowFunctionDefinition, lit,
};
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::failure;
use tidemill_project::spec::Emit;

/// A window function of which a filter above wants at most so much.
pub(crate) struct Top {
    /// The plan node, and which of its functions.
    pub(super) window: *const Window,
    pub(super) function: usize,
    pub(super) most: u64,
}

/// The session function's name and the reach of its struct.
const SESSION: &str = "_session";
/// Functions that number rows from 1 on, so that rows only move back as others come.
const NUMBERS: [&str; 3] = ["row_number", "rank", "dense_rank"];

/// Whether a predicate asks for the first rows by a window function below.
pub(super) fn top_of(predicate: &Expr, input: &LogicalPlan) -> Option<Top> {
    split_conjunction(predicate).into_iter().find_map(|part| {
        let Expr::BinaryExpr(b) = part else { return None };
        let (column, most, op) = match (b.left.as_ref(), b.right.as_ref()) {
            (Expr::Column(c), Expr::Literal(n, _)) => (c, n, b.op),
            (Expr::Literal(n, _), Expr::Column(c)) => (c, n, b.op.swap()?),
            (Expr::Cast(cast), Expr::Literal(n, _)) => match cast.expr.as_ref() {
                Expr::Column(c) => (c, n, b.op),
                _ => return None,
            },
            _ => return None,
        };
        let ScalarValue::Int64(Some(n)) = most.cast_to(&arrow::datatypes::DataType::Int64).ok()? else { return None };
        let most = match op {
            Operator::LtEq | Operator::Eq => n,
            Operator::Lt => n - 1,
            _ => return None,
        };
        let at = input.schema().maybe_index_of_column(column)?;
        let (window, function) = function_at(input, at)?;
        Some(Top { window, function, most: u64::try_from(most).ok()? })
    })
}

fn function_at(plan: &LogicalPlan, column: usize) -> Option<(*const Window, usize)> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => function_at(&alias.input, column),
        LogicalPlan::Projection(projection) => {
            let mut expr = projection.expr.get(column)?;
            while let Expr::Alias(alias) = expr {
                expr = &alias.expr;
            }
            let Expr::Column(c) = expr else { return None };
            function_at(&projection.input, projection.input.schema().maybe_index_of_column(c)?)
        }
        LogicalPlan::Window(window) => {
            let function = column.checked_sub(window.input.schema().fields().len())?;
            let numbers = matches!(bare(window.window_expr.get(function)?), Expr::WindowFunction(w) if NUMBERS.contains(&w.fun.name()));
            numbers.then_some((std::ptr::from_ref(window), function))
        }
        _ => None,
    }
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        other => other,
    }
}

impl Compiler<'_> {
    pub(super) fn window(&mut self, window: &Window) -> Option<usize> {
        let input = self.node(&window.input)?;
        let from = window.input.schema();
        let schema = nullable(window.schema.inner());
        let functions: Vec<&WindowFunction> =
            window.window_expr.iter().filter_map(|e| if let Expr::WindowFunction(w) = bare(e) { Some(w.as_ref()) } else { None }).collect();
        let first = *functions.first()?;
        let made: Result<Vec<_>> = window.window_expr.iter().map(|e| self.lowering.window(e, from)).collect();
        let windows = self.take(made)?;
        let through: Result<Vec<_>> = first.params.partition_by.iter().map(|e| Through::new(e, from, &self.lowering)).collect();
        let mut through = self.take(through)?;
        let node = &self.nodes[input];
        let (input_schema, frontier, updating, raw, is_static) =
            (SchemaRef::clone(&node.schema), node.frontier.clone(), node.updating, node.raw, node.is_static);
        for through in &mut through {
            let value = through.as_ref().map_or(Ok(None), |t| t.apply(&frontier));
            if self.take(value)?.as_ref().and_then(native).is_none() {
                *through = None;
            }
        }
        let partition_over = through.iter().any(Option::is_some);
        let order = windows[0].order_by().to_vec();
        if order.is_empty() && self.settings.deterministic && functions.iter().any(|f| NUMBERS.contains(&f.fun.name())) {
            let name = first.fun.name().to_string();
            return self.refuse_at(refuse::unordered_window(&name), &name);
        }
        let session = match (functions.as_slice(), first.params.args.get(1)) {
            ([one], Some(Expr::Literal(ScalarValue::Int64(Some(gap)), _))) if one.fun.name() == SESSION => Some(*gap),
            _ => None,
        };
        // Earliest first, by a column whose frontier is known.
        let time = order.first().filter(|o| !o.options.descending).and_then(|o| o.expr.downcast_ref::<PhysicalColumn>().map(|c| c.index()));
        let time = time.filter(|c| is_time(input_schema.field(*c).data_type()) && frontier[*c].as_ref().and_then(native).is_some());
        let (mut back, mut ahead) = (Back::Rows(0), Ahead::Nothing);
        for function in &functions {
            let offset = match function.params.args.get(1) {
                None => Some(1),
                Some(Expr::Literal(n, _)) => match n.cast_to(&arrow::datatypes::DataType::Int64) {
                    Ok(ScalarValue::Int64(Some(n))) => Some(n),
                    _ => None,
                },
                Some(_) => None,
            };
            let (b, a) = reach::of(function.fun.name(), &function.params.window_frame, offset);
            (back, ahead) = (back.and(b), ahead.and(a));
        }
        if session.is_some() {
            (back, ahead) = (Back::Everything, Ahead::Nothing);
        }
        let top = self.tops.iter().find(|t| std::ptr::eq(t.window, window)).map(|t| (t.function, t.most)).filter(|_| !updating);
        // Only rows that come may be thrown away; and what looks at any row to come is never frozen.
        let time = time.filter(|_| ahead != Ahead::Anything);
        // Settled rows need not be kept where all functions only go on from them.
        let nulls_last = order.first().is_some_and(|o| !o.options.nulls_first);
        let running = match time.filter(|_| nulls_last && top.is_none() && session.is_none() && back == Back::Everything) {
            Some(_) => functions
                .iter()
                .zip(&windows)
                .map(|(f, w)| Running::new(f.fun.name(), f.params.filter.is_some(), w))
                .collect::<Option<Vec<_>>>(),
            None => None,
        };
        let bounded = partition_over
            || (running.is_some() && first.params.partition_by.is_empty())
            || (time.is_some() && (session.is_some() || back != Back::Everything))
            || (top.is_some() && first.params.partition_by.is_empty());
        if !bounded && !is_static && self.settings.state_limit.is_none() {
            let name = first.fun.name().to_string();
            let (what, help) = match top {
                Some(_) => (
                    format!("the first rows by `{name}` are kept of every partition"),
                    "partition by a window too, as in `PARTITION BY key, window_start`",
                ),
                None if running.is_some() => {
                    (format!("`{name}(…) OVER` keeps where it stands for every partition"), "partition by a window too, or by nothing")
                }
                None => (
                    format!("`{name}(…) OVER` keeps every row"),
                    "order by the event time and look back a bounded way (`ROWS 9 PRECEDING`, `RANGE INTERVAL '1 hour' PRECEDING`), or partition by a window",
                ),
            };
            let word = if name == SESSION { "session" } else { name.as_str() };
            return self.refuse_at(refuse::grows(&what, help), word);
        }
        let is_final = self.settings.emit == Emit::Final;
        let hold = is_final && !is_static && (partition_over || time.is_some());
        let may_be_late = raw && !is_static && (partition_over || time.is_some());
        self.may_be_late |= may_be_late;
        // The first row of each partition is named by what it is partitioned by.
        let key = match top {
            Some((function, 1)) if functions[function].fun.name() == "row_number" => {
                let column = |p: &Arc<dyn datafusion::physical_expr::PhysicalExpr>| p.downcast_ref::<PhysicalColumn>().map(|c| c.index());
                windows[0].partition_by().iter().map(column).collect()
            }
            _ => self.nodes[input].key.clone(),
        };
        let stage = Over {
            input: input_schema,
            schema: SchemaRef::clone(&schema),
            partition: windows[0].partition_by().to_vec(),
            windows,
            through,
            order,
            time,
            back,
            ahead,
            session,
            top,
            is_row_number: functions[0].fun.name() == "row_number",
            running,
            hold,
            may_be_late,
        };
        self.add(Arc::new(stage), vec![input], Facts { schema, updating: !hold, raw: false, key })
    }

    pub(super) fn limit(&mut self, limit: &Limit) -> Option<usize> {
        let (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(fetch))) = (limit.get_skip_type(), limit.get_fetch_type()) else {
            return self.refuse_at(refuse::limit_not_written(), "limit");
        };
        let mut input = limit.input.as_ref();
        // Projections between ORDER BY and LIMIT change no order.
        let mut above: Vec<&LogicalPlan> = Vec::new();
        while let LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) = input {
            above.push(input);
            input = input.inputs()[0];
        }
        let LogicalPlan::Sort(sort) = input else { return self.refuse_at(refuse::limit_without_order(), "limit") };
        let mut node = self.first_rows(sort, skip, fetch.map(|n| n + skip).or(sort.fetch))?;
        for plan in above.into_iter().rev() {
            if let LogicalPlan::Projection(projection) = plan {
                node = self.project(&projection.expr, projection.input.schema(), projection.schema.inner(), node)?;
            }
        }
        Some(node)
    }

    /// The rows from `skip` to `end` in an order: those whose number is right.
    pub(super) fn first_rows(&mut self, sort: &Sort, skip: usize, end: Option<usize>) -> Option<usize> {
        let Some(end) = end else {
            return self.refuse_at(refuse::cannot("OFFSET without LIMIT", "write a LIMIT too"), "offset");
        };
        let mut call = WindowFunction::new(WindowFunctionDefinition::WindowUDF(row_number_udwf()), Vec::new());
        call.params.order_by.clone_from(&sort.expr);
        let number = Expr::WindowFunction(Box::new(call));
        let name = number.schema_name().to_string();
        let number_column = Expr::Column(datafusion::common::Column::from_name(name));
        let all: Vec<Expr> = sort.input.schema().columns().into_iter().map(Expr::Column).collect();
        let (skip, end) = (skip as u64, end as u64);
        let built = LogicalPlanBuilder::from(Arc::clone(&sort.input)).window(vec![number]).and_then(|b| {
            let first = number_column.clone().lt_eq(lit(end));
            let wanted = if skip > 0 { first.and(number_column.gt(lit(skip))) } else { first };
            b.filter(wanted)?.project(all)?.build()
        });
        let built = built.map_err(failure);
        let plan = self.take(built)?;
        self.node(&plan)
    }
}
