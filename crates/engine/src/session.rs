//! What one can ask over a catalog.

use crate::anomaly;
use crate::catalog::{CATALOG, Catalog, INFORMATION_SCHEMA, Relation, Relations};
use crate::engine::Engine;
use crate::function::{self, Compiled};
use crate::lineage::{self, ColumnLineage};
use crate::moment;
use crate::percentile;
use crate::planner::{Planner, VERSION_OF, version_arguments};
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use crate::query::{Collected, Query, failure};
use crate::row_expr::RowExpr;
use crate::row_number::CountRows;
use crate::shared::{Share, SharingPlanner};
use crate::sql;
use crate::window;
use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::DateTime;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility, lit};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, ObjectName, ShowStatementIn, Spanned, Statement, TableFactor, Value, Visit, Visitor,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// Cheap to clone; clones share their relations. All planning is synchronous and touches no data.
#[derive(Clone)]
pub struct Session {
    engine: Engine,
    state: Arc<SessionState>,
    pub(crate) relations: Arc<Relations>,
}

/// How a function of the user's is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `margin(price double, cost double)`
    pub usage: String,
    /// Names and types.
    pub parameters: Vec<(String, String)>,
    pub returns: Returns,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returns {
    /// Of this type.
    Value(String),
    /// Rows of these columns and types.
    Table(Vec<(String, String)>),
}

impl Session {
    pub(crate) fn new(engine: Engine, catalog: Catalog) -> Result<Session, SqlProblem> {
        let mut builder = SessionStateBuilder::new()
            .with_config(engine.config())
            .with_runtime_env(engine.runtime())
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(CountRows));
        if engine.plan_options().sharing {
            builder = builder.with_optimizer_rule(Arc::new(Share)).with_query_planner(Arc::new(SharingPlanner));
        }
        let mut state = builder.build();
        let quantiles = state.register_udaf(Arc::new(percentile::percentile_cont()));
        quantiles.map_err(|e| SqlProblem::new(SqlProblemKind::Function, e.to_string()))?;
        let mut register = |udf: Arc<datafusion::logical_expr::ScalarUDF>| {
            state.register_udf(udf).map(drop).map_err(|e| SqlProblem::new(SqlProblemKind::Function, e.to_string()))
        };
        register(Arc::new(moment::date_trunc()))?;
        register(Arc::new(moment::date_part()))?;
        for udf in window::scalars() {
            register(Arc::new(udf))?;
        }
        for provider in &catalog.function_providers {
            for udf in provider.functions() {
                register(Arc::new(udf))?;
            }
        }
        for udwf in anomaly::functions().into_iter().chain([window::session()]) {
            state.register_udwf(Arc::new(udwf)).map_err(|e| SqlProblem::new(SqlProblemKind::Function, e.to_string()))?;
        }
        let relations = Arc::new(Relations::new(catalog.relations, catalog.time_travel));
        for (name, text) in &catalog.functions {
            match function::compile(name, text, &state, &relations, engine.plan_options().inlining)? {
                Compiled::Value(udf) => {
                    state.register_udf(Arc::new(*udf)).map_err(|e| SqlProblem::new(SqlProblemKind::Function, e.to_string()))?;
                }
                Compiled::Table(function) => relations.add_function(function),
            }
        }
        Ok(Session { engine, state: Arc::new(state), relations })
    }

    /// Checks a `CREATE FUNCTION` without keeping it; `functions` of the catalog may be called from it.
    pub fn check_function(&self, name: &str, text: &str) -> Result<(), SqlProblem> {
        match function::compile(name, text, &self.state, &self.relations, true)? {
            Compiled::Value(_) => Ok(()),
            Compiled::Table(function) => {
                let plan = Planner::new(&self.state, &self.relations, false).function_plan(&function);
                plan.map(drop).map_err(sql::first)
            }
        }
    }

    /// Every mistake in the body of a table function of the catalog that can be found at once; none for other functions. Places are bytes of
    /// the function's text.
    pub fn function_problems(&self, name: &str) -> Vec<SqlProblem> {
        let planner = Planner::new(&self.state, &self.relations, false);
        planner.table_function(name).and_then(|f| planner.function_plan(&f).err()).unwrap_or_default()
    }

    /// How a function of the catalog is called, and what it gives; `None` for others.
    pub fn signature(&self, name: &str) -> Option<Signature> {
        if let Some(f) = self.relations.function(name) {
            let typed = |f: &Field| (f.name().clone(), type_name(f.data_type()));
            return Some(Signature {
                usage: f.usage(),
                parameters: f.params.iter().map(|p| typed(&p.field)).collect(),
                returns: Returns::Table(f.columns.iter().map(typed).collect()),
            });
        }
        let (parameters, returns) = function::declared(self.state.scalar_functions().get(name)?)?;
        let parameters: Vec<(String, String)> = parameters.iter().map(|p| (p.name().clone(), type_name(p.data_type()))).collect();
        let listed: Vec<String> = parameters.iter().map(|(n, t)| format!("{n} {t}")).collect();
        Some(Signature { usage: format!("{name}({})", listed.join(", ")), parameters, returns: Returns::Value(type_name(&returns)) })
    }

    /// Adds a relation, or replaces the one of that name.
    pub fn add_relation(&self, relation: Relation) {
        self.relations.add(relation);
    }

    /// Adds a view to the default schema, if it plans over what is there; its columns are returned.
    pub fn add_view(&self, name: &str, sql: &str) -> Result<SchemaRef, SqlProblem> {
        let schema = self.schema_of(sql)?;
        self.relations.add(Relation::view(name, sql));
        Ok(schema)
    }

    /// Schema and name of every relation, sorted.
    pub fn relations(&self) -> Vec<(String, String)> {
        self.relations.keys()
    }

    /// Columns of a relation, by name as in SQL: `clean.customers`, `customers`.
    pub fn columns_of(&self, name: &str) -> Result<SchemaRef, SqlProblem> {
        let (schema, table) = name.split_once('.').map_or((None, name), |(s, t)| (Some(s), t));
        let key = self.relations.resolve(schema, table).ok_or_else(|| self.relations.unknown(schema, table))?;
        let planner = Planner::new(&self.state, &self.relations, false);
        planner.provider(&key).map(|p| p.schema()).map_err(|e| sql::first(crate::advice::problems(&e, "")))
    }

    /// The columns that a question would answer with.
    pub fn schema_of(&self, text: &str) -> Result<SchemaRef, SqlProblem> {
        Ok(Arc::clone(self.plan(text, false).map_err(sql::first)?.schema().inner()))
    }

    /// Every mistake that can be found at once; none when the question plans.
    pub fn problems(&self, text: &str) -> Vec<SqlProblem> {
        self.plan(text, false).err().unwrap_or_default()
    }

    /// Plans a question to be run. A mistake in it is an error of kind `Config` whose source is the [`SqlProblem`].
    pub async fn query(&self, text: &str) -> Result<Query> {
        self.query_with(text, &[]).await
    }

    /// The same of a question with `$1`, `$2`, … in it. The values are texts that never become part of the SQL; it casts those that are to
    /// be something else.
    pub async fn query_with(&self, text: &str, params: &[String]) -> Result<Query> {
        let state = self.state_now();
        self.fetch_versions(text).await?;
        let planner = Planner::new(&state, &self.relations, false).with_params(params);
        let statement = sql::parse_question(text).and_then(|s| self.rewritten(s, text))?;
        let plan = planner.plan(statement, text).map_err(sql::first)?;
        let physical = state.create_physical_plan(&plan).await.map_err(|e| self.physical(e, text))?;
        let headings = crate::heading::headings(&plan, &physical.schema());
        Ok(Query::new(physical, Arc::new(TaskContext::from(&state)), headings))
    }

    /// Asks and gathers, at most `limit` rows.
    pub async fn collect(&self, text: &str, limit: Option<usize>) -> Result<Collected> {
        self.query(text).await?.collect(limit).await
    }

    /// The logical and the physical plan, for people.
    pub async fn explain(&self, text: &str) -> Result<String> {
        let query = self.query(text).await?;
        let plan = self.plan(text, false).map_err(sql::first)?;
        let logical = self.state.optimize(&plan).map_err(|e| self.physical(e, text))?;
        Ok(format!("logical plan\n{}\n\nphysical plan\n{}", logical.display_indent(), query.plan()))
    }

    /// Where each column of the answer comes from; see [`ColumnLineage`].
    pub fn lineage(&self, text: &str) -> Result<Vec<ColumnLineage>, SqlProblem> {
        let plan = self.plan(text, true).map_err(sql::first)?;
        Ok(lineage::trace(&plan, &self.relations))
    }

    /// Whether asking twice may give two answers over the same rows: it reads the clock, or randomness.
    pub fn is_volatile(&self, text: &str) -> Result<bool, SqlProblem> {
        Ok(!self.volatile_functions(text)?.is_empty())
    }

    /// The functions that make it so, sorted: `now`, `random`, `uuid`, …
    pub fn volatile_functions(&self, text: &str) -> Result<Vec<String>, SqlProblem> {
        let plan = self.plan(text, false).map_err(sql::first)?;
        let mut found = BTreeSet::new();
        let visited = plan.apply_with_subqueries(|node| {
            node.apply_expressions(|e| {
                found.extend(volatile_in(e));
                Ok(TreeNodeRecursion::Continue)
            })
        });
        visited.map_err(|e| sql::first(crate::advice::problems(&e, text)))?;
        Ok(found.into_iter().collect())
    }

    /// An expression over one row of `schema`; aggregates in it are values to be fitted over all rows.
    pub fn row_expr(&self, text: &str, schema: &SchemaRef) -> Result<RowExpr, SqlProblem> {
        RowExpr::compile(text, schema, &self.state_now(), &self.relations)
    }

    /// The value of an expression that looks at no rows, as text, with its type; `None` is NULL. That it can't be computed is a problem too.
    pub fn constant(&self, text: &str) -> Result<(DataType, Option<String>), SqlProblem> {
        let nothing: SchemaRef = Arc::new(Schema::empty());
        let expr = self.row_expr(text, &nothing)?;
        if !expr.aggregates.is_empty() {
            let problem = SqlProblem::new(SqlProblemKind::Function, "an aggregate looks at rows, and there are none");
            return Err(problem.help("write values where it stands"));
        }
        let one = RecordBatchOptions::new().with_row_count(Some(1));
        let computed = RecordBatch::try_new_with_options(nothing, Vec::new(), &one).map_err(Error::from);
        let computed = computed.and_then(|row| expr.bind(&[])?.evaluate(&row));
        let values = computed.map_err(|e| SqlProblem::new(SqlProblemKind::Other, format!("it can't be computed: {}", e.what)))?;
        let options = FormatOptions::default();
        let shown = ArrayFormatter::try_new(values.as_ref(), &options).map(|f| (!values.is_null(0)).then(|| f.value(0).to_string()));
        let shown = shown.map_err(|e| SqlProblem::new(SqlProblemKind::Other, e.to_string()))?;
        Ok((expr.data_type, shown.filter(|_| *values.data_type() != DataType::Null)))
    }

    /// As [`Session::row_expr`], and it must be boolean.
    pub fn row_predicate(&self, text: &str, schema: &SchemaRef) -> Result<RowExpr, SqlProblem> {
        self.row_expr(text, schema)?.into_predicate()
    }

    /// Names of all functions, sorted: for completion.
    pub fn functions(&self) -> Vec<String> {
        let mut names = Planner::new(&self.state, &self.relations, false).function_names();
        names.extend(self.relations.functions());
        names.extend(window::names());
        names.sort();
        names.dedup();
        names
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn plan(&self, text: &str, opaque: bool) -> Result<LogicalPlan, Vec<SqlProblem>> {
        let statement = sql::parse_question(text).and_then(|s| self.rewritten(s, text)).map_err(|p| vec![p])?;
        Planner::new(&self.state, &self.relations, opaque).plan(statement, text)
    }

    /// SHOW and DESCRIBE as questions to `information_schema`.
    fn rewritten(&self, statement: DfStatement, text: &str) -> Result<DfStatement, SqlProblem> {
        let DfStatement::Statement(inner) = &statement else { return Ok(statement) };
        let rewritten = match inner.as_ref() {
            Statement::ShowTables { .. } => format!(
                "SELECT table_schema AS schema, table_name AS name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS kind \
                 FROM {CATALOG}.{INFORMATION_SCHEMA}.tables ORDER BY 1, 2"
            ),
            Statement::ExplainTable { table_name, .. } => self.describe(table_name, text)?,
            Statement::ShowColumns { show_options, .. } => match &show_options.show_in {
                Some(ShowStatementIn { parent_name: Some(name), .. }) => self.describe(name, text)?,
                _ => {
                    let problem = SqlProblem::new(SqlProblemKind::Syntax, "SHOW COLUMNS of which table?").at(sql::word(text, "columns"));
                    return Err(problem.help("write `SHOW COLUMNS FROM orders`"));
                }
            },
            _ => return Ok(statement),
        };
        sql::parse_statement(&rewritten)
    }

    fn describe(&self, table: &ObjectName, text: &str) -> Result<String, SqlProblem> {
        let parts: Vec<String> = table.0.iter().filter_map(|p| p.as_ident()).map(sql::normal).collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [.., schema, name] => (Some(schema.as_str()), name),
            [] => (None, &String::new()),
        };
        let found = self.relations.resolve(schema, name);
        let (schema, name) = found.ok_or_else(|| self.relations.unknown(schema, name).at(sql::range(text, table.span())))?;
        // Told here, since a view with a mistake in it would otherwise seem to have no columns.
        let planner = Planner::new(&self.state, &self.relations, false);
        planner.provider(&(schema.clone(), name.clone())).map_err(|e| sql::first(crate::advice::problems(&e, text)))?;
        let quoted = |s: &str| s.replace('\'', "''");
        Ok(format!(
            "SELECT column_name AS column, data_type AS type FROM {CATALOG}.{INFORMATION_SCHEMA}.columns \
             WHERE table_schema = '{}' AND table_name = '{}' ORDER BY ordinal_position",
            quoted(&schema),
            quoted(&name)
        ))
    }

    /// The state with the time of asking in it.
    pub(crate) fn state_now(&self) -> SessionState {
        let mut state = self.state.as_ref().clone();
        let micros = self.engine.clock().map(|c| c.now_micros());
        let props = state.execution_props_mut();
        match micros.and_then(DateTime::from_timestamp_micros) {
            Some(now) => props.query_execution_start_time = Some(now),
            None => {
                props.mark_start_execution(Arc::clone(self.state.config_options()));
            }
        }
        state
    }

    /// Fetches what `version_of` in the text will read, so that planning need not wait. A text that does not parse has none; planning says so.
    async fn fetch_versions(&self, text: &str) -> Result<()> {
        let mut calls = VersionCalls::default();
        if let Ok(DfStatement::Statement(statement)) = sql::parse_question(text) {
            let _ = statement.visit(&mut calls);
        } else if let Ok(DfStatement::Explain(explain)) = sql::parse_question(text)
            && let DfStatement::Statement(statement) = explain.statement.as_ref()
        {
            let _ = statement.visit(&mut calls);
        }
        for args in calls.0 {
            if let Ok((key, version)) = version_arguments(&args, &self.relations) {
                self.relations.fetch_version(&key, version).await?;
            }
        }
        Ok(())
    }

    /// An error of the optimiser or the physical planner: a mistake in the SQL where it is one, else whatever it is.
    fn physical(&self, error: datafusion::error::DataFusionError, text: &str) -> Error {
        use datafusion::error::DataFusionError as E;
        match error.find_root() {
            E::Plan(_) | E::SchemaError(..) | E::NotImplemented(_) | E::SQL(..) => sql::first(crate::advice::problems(&error, text)).into(),
            _ => failure(error),
        }
    }
}

/// Functions in an expression that read the clock or randomness.
pub(crate) fn volatile_in(expr: &Expr) -> BTreeSet<String> {
    const CLOCK: [&str; 3] = ["now", "current_date", "current_time"];
    let mut found = BTreeSet::new();
    // The closure never fails.
    let _ = expr.apply(|e| {
        if let Expr::ScalarFunction(call) = e {
            let name = call.func.name();
            if call.func.signature().volatility == Volatility::Volatile || CLOCK.contains(&name) || function::reads_clock(&call.func) {
                found.insert(name.to_string());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// The arguments of each `version_of(…)` in FROM.
#[derive(Default)]
struct VersionCalls(Vec<Vec<Expr>>);

impl Visitor for VersionCalls {
    type Break = ();
    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(args), .. } = factor
            && name.to_string().eq_ignore_ascii_case(VERSION_OF)
        {
            let literal = |arg: &FunctionArg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Value(v))) => match &v.value {
                    Value::SingleQuotedString(s) => Some(lit(s.clone())),
                    Value::Number(n, _) => n.parse::<i64>().ok().map(lit),
                    _ => None,
                },
                _ => None,
            };
            self.0.extend(args.args.iter().map(literal).collect::<Option<Vec<_>>>());
        }
        ControlFlow::Continue(())
    }
}
