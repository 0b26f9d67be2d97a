//! Answers the SQL planner's questions from our catalog, without waiting: names, functions, versions of tables.

use crate::anomaly;
use crate::as_of;
use crate::calls;
use crate::catalog::{CATALOG, INFORMATION_SCHEMA, Key, PUBLIC, Relations, SchemaOnly, Stored, node_name};
use crate::function;
use crate::locate;
use crate::moment;
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use crate::sql;
use crate::table_function::TableFunction;
use crate::window;
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableProvider};
use datafusion::common::{DFSchema, TableReference};
use datafusion::config::ConfigOptions;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::{MemTable, ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner, TypePlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{AggregateUDF, Expr, ExprSchemable, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement;
use datafusion::sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Ident};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

pub(crate) const VERSION_OF: &str = "version_of";
/// Stands for the schema of table functions among what is being planned.
const FUNCTIONS: &str = "()";

/// Plans one statement. It lives for one call, so that a circle of views is seen.
pub(crate) struct Planner<'a> {
    state: &'a SessionState,
    relations: &'a Relations,
    /// Views are taken as tables of their own rather than opened: what lineage wants.
    opaque: bool,
    /// Views and table functions being planned, outermost first.
    open: RefCell<Vec<Key>>,
    /// The table function whose body is being planned, and its parameters.
    function: Option<(Arc<TableFunction>, Arc<DFSchema>)>,
    /// What `$1` and so on stand for; none where the text is not asked with values.
    params: Vec<ScalarValue>,
    operators: Vec<Arc<dyn ExprPlanner>>,
    windows: Vec<Arc<dyn RelationPlanner>>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(state: &'a SessionState, relations: &'a Relations, opaque: bool) -> Self {
        let ours: Arc<dyn ExprPlanner> = Arc::new(moment::Operators);
        let operators = std::iter::once(ours).chain(state.expr_planners().iter().cloned()).collect();
        let taken = relations.functions().into_iter().filter(|f| window::Kind::named(f).is_some()).collect();
        let windows: Vec<Arc<dyn RelationPlanner>> = vec![Arc::new(window::InFrom { taken })];
        Planner { state, relations, opaque, open: RefCell::default(), function: None, params: Vec::new(), operators, windows }
    }

    pub(crate) fn with_params(mut self, params: &[String]) -> Self {
        self.params = params.iter().map(|p| ScalarValue::Utf8(Some(p.clone()))).collect();
        self
    }

    /// A plan with its types settled, or all that is wrong with it.
    pub(crate) fn plan(&self, mut statement: Statement, text: &str) -> Result<LogicalPlan, Vec<SqlProblem>> {
        as_of::settle(&mut statement, text, self)?;
        let called = calls::settle(&mut statement, text, self)?;
        window::settle(&mut statement, text, self)?;
        let planned = self.untyped(statement.clone()).and_then(|untyped| self.analyse(untyped));
        planned.map_err(|e| {
            let problems = locate::in_statement(self.told(&e, text), &statement, text, self);
            problems.into_iter().map(|p| at_call(p, &called)).collect()
        })
    }

    fn untyped(&self, statement: Statement) -> Result<LogicalPlan> {
        match (&self.function, statement) {
            (Some((function, _)), Statement::Statement(inner)) => {
                let plan = self.to_rel().sql_statement_to_plan_with_context(*inner, &mut self.context())?;
                function.with_placeholders(plan)
            }
            (None, Statement::Statement(inner)) if !self.params.is_empty() => {
                let plan = self.to_rel().sql_statement_to_plan_with_context(*inner, &mut self.context())?;
                plan.with_param_values(self.params.clone())
            }
            (_, statement) => self.to_rel().statement_to_plan(statement),
        }
    }

    /// What names mean outside of any FROM: the parameters of the function being planned.
    fn context(&self) -> PlannerContext {
        let mut context = PlannerContext::new();
        if !self.params.is_empty() {
            let text = |n: usize| Some(Arc::new(Field::new(format!("${n}"), DataType::Utf8, true)));
            context = context.with_prepare_param_data_types((1..=self.params.len()).map(text).collect());
        }
        if let Some((_, scope)) = &self.function {
            context.append_outer_query_schema(Arc::clone(scope));
        }
        context
    }

    /// A planner for the body of a table function.
    pub(crate) fn inside(&self, function: &Arc<TableFunction>, scope: Arc<DFSchema>) -> Planner<'a> {
        Planner {
            open: RefCell::new(self.open.borrow().clone()),
            function: Some((Arc::clone(function), scope)),
            ..Planner::new(self.state, self.relations, self.opaque)
        }
    }

    pub(crate) fn told(&self, error: &DataFusionError, text: &str) -> Vec<SqlProblem> {
        let functions = || self.function_names();
        let told = crate::advice::problems_with(error, text, &functions);
        told.into_iter().map(|p| self.gives_a_table(p)).collect()
    }

    /// A function that is unknown among those that give a value may be one that gives a table.
    fn gives_a_table(&self, problem: SqlProblem) -> SqlProblem {
        let name = problem.message.strip_prefix("unknown function `").and_then(|m| m.strip_suffix('`'));
        let Some(function) = name.and_then(|n| self.table_function(n)) else { return problem };
        let told = SqlProblem::new(SqlProblemKind::Function, format!("`{}` gives a table, not a value", function.name));
        told.at(problem.span).help(format!("read from it: `SELECT … FROM {}`", function.usage()))
    }

    pub(crate) fn table_function(&self, name: &str) -> Option<Arc<TableFunction>> {
        self.relations.function(name)
    }

    /// Whether a name can only be a parameter of the function being planned.
    pub(crate) fn is_parameter(&self, parts: &[&Ident]) -> bool {
        let Some((function, _)) = &self.function else { return false };
        let name = |i: &Ident| if i.quote_style.is_some() { i.value.clone() } else { i.value.to_lowercase() };
        let is = |i: &Ident| function.params.iter().any(|p| *p.field.name() == name(i));
        match parts {
            [one] => is(one),
            [of, one] => name(of) == function.name && is(one),
            _ => false,
        }
    }

    /// The body of a table function, typed, with a placeholder for each parameter.
    pub(crate) fn function_plan(&self, function: &Arc<TableFunction>) -> Result<LogicalPlan, Vec<SqlProblem>> {
        // What is read opaquely is another plan.
        if !self.opaque
            && let Some(plan) = self.relations.function_plan(&function.name)
        {
            return Ok(plan);
        }
        let key = (FUNCTIONS.to_string(), function.name.clone());
        if self.open.borrow().contains(&key) {
            let message = format!("function `{}` is made from itself, through {}", function.name, self.through());
            return Err(vec![
                SqlProblem::new(SqlProblemKind::Table, message).help("break the circle: one of them must not read the other"),
            ]);
        }
        self.open.borrow_mut().push(key);
        let plan = function.plan(self);
        self.open.borrow_mut().pop();
        let plan = plan?;
        if !self.opaque {
            self.relations.keep_function_plan(&function.name, &plan);
        }
        Ok(plan)
    }

    fn through(&self) -> String {
        let told = |(s, n): &Key| if s == FUNCTIONS { format!("`{n}()`") } else { format!("`{}`", node_name(s, n)) };
        self.open.borrow().iter().map(told).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn to_rel(&self) -> SqlToRel<'_, Self> {
        SqlToRel::new_with_options(self, parser_options(self.state.config_options()))
    }

    pub(crate) fn simplifier(&self, schema: &Arc<DFSchema>) -> ExprSimplifier {
        let context = SimplifyContext::builder()
            .with_schema(Arc::clone(schema))
            .with_config_options(Arc::clone(self.state.config_options()))
            .with_query_execution_start_time(self.state.execution_props().query_execution_start_time)
            .build();
        ExprSimplifier::new(context)
    }

    /// The type of an expression over `rows`, or what is wrong with it.
    pub(crate) fn type_of(&self, expr: &SqlExpr, rows: &Arc<DFSchema>) -> Result<DataType> {
        let planned = self.to_rel().sql_to_expr(expr.clone(), rows, &mut self.context())?;
        planned.get_type(rows.as_ref())?;
        self.simplifier(rows).coerce(moment::settle_expr(planned, rows)?.data, rows)?.get_type(rows.as_ref())
    }

    fn analyse(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let plan = moment::settle(window::lower(plan)?)?;
        let analysed = self.state.analyzer().execute_and_check(plan, self.state.config_options(), |_, _| {})?;
        anomaly::check(&analysed)?;
        Ok(analysed)
    }

    pub(crate) fn function_names(&self) -> Vec<String> {
        [self.udf_names(), self.udaf_names(), self.udwf_names(), self.higher_order_function_names()].concat()
    }

    /// Whether a function of this name gives a value.
    pub(crate) fn is_function(&self, name: &str) -> bool {
        self.state.scalar_functions().contains_key(name)
    }

    /// The columns of a relation, if there is one of that name.
    pub(crate) fn columns(&self, schema: Option<&str>, name: &str) -> Option<SchemaRef> {
        let key = self.relations.resolve(schema, name)?;
        Some(self.provider(&key).ok()?.schema())
    }

    /// What stands behind a relation, views planned on first use.
    pub(crate) fn provider(&self, key: &Key) -> Result<Arc<dyn TableProvider>> {
        let (sql, kept, planned) = match self.relations.get(key) {
            None => return Err(external(self.relations.unknown(Some(&key.0), &key.1))),
            Some(Stored::Table(provider)) => return Ok(provider),
            Some(Stored::View { sql, kept, plan }) => (sql, kept, plan),
        };
        let view = match planned {
            Some(view) => view,
            None => {
                let view = self.plan_view(key, &sql)?;
                let view = match &kept {
                    Some((engine, version)) => engine.view_in_memory(&node_name(&key.0, &key.1), version, view),
                    None => view,
                };
                self.relations.keep_plan(key, Arc::clone(&view));
                view
            }
        };
        Ok(if self.opaque { Arc::new(SchemaOnly { name: node_name(&key.0, &key.1), schema: view.schema() }) } else { view })
    }

    fn plan_view(&self, key: &Key, text: &str) -> Result<Arc<dyn TableProvider>> {
        let name = node_name(&key.0, &key.1);
        if self.open.borrow().contains(key) {
            let message = format!("view `{name}` is made from itself, through {}", self.through());
            let problem = SqlProblem::new(SqlProblemKind::Table, message);
            return Err(external(problem.help("break the circle: one of them must not read the other")));
        }
        let statement = sql::parse_question(text).map_err(|p| external(broken("view", &name, &p)))?;
        self.open.borrow_mut().push(key.clone());
        // A view is always opened inside of itself, whatever is wanted outside.
        let inner = Planner { open: RefCell::new(self.open.borrow().clone()), ..Planner::new(self.state, self.relations, false) };
        let plan = inner.plan(statement, text);
        self.open.borrow_mut().pop();
        let plan = plan.map_err(|problems| {
            let problem = sql::first(problems);
            // A circle is told once, not once per view on it.
            external(if problem.message.contains("is made from itself") { problem.at(None) } else { broken("view", &name, &problem) })
        })?;
        Ok(Arc::new(ViewTable::new(plan, Some(text.to_string()))))
    }

    /// The rows of one call of a table function.
    fn call(&self, function: &Arc<TableFunction>, args: &[Expr]) -> Result<Arc<dyn TableProvider>> {
        let plan = self.function_plan(function).map_err(|problems| {
            let problem = sql::first(problems);
            external(if problem.message.contains("is made from itself") {
                problem.at(None)
            } else {
                broken("function", &function.name, &problem)
            })
        })?;
        Ok(Arc::new(ViewTable::new(function.call(plan, args, self)?, None)))
    }

    fn version_of(&self, args: &[Expr]) -> Result<Arc<dyn TableProvider>> {
        let (key, version) = version_arguments(args, self.relations).map_err(external)?;
        let name = node_name(&key.0, &key.1);
        if !self.relations.travels() {
            let problem = SqlProblem::new(SqlProblemKind::Table, "no versions are kept here");
            return Err(external(problem.help("`version_of` reads the lake's tables, after a first `tidemill run`")));
        }
        match self.relations.version(&key, version) {
            Some(Some(provider)) => Ok(provider),
            Some(None) => {
                let problem = SqlProblem::new(SqlProblemKind::Table, format!("`{name}` has no version {version}"));
                Err(external(problem.help(format!("`tidemill snapshot ls {name}` lists its versions"))))
            }
            // Only typing was asked for: the version's columns are taken to be today's.
            None => Ok(Arc::new(SchemaOnly { schema: self.provider(&key)?.schema(), name })),
        }
    }

    /// `information_schema.tables`, `.columns`, `.schemata` and `.routines`.
    fn information(&self, name: &str) -> Result<Arc<dyn TableProvider>> {
        let keys = self.relations.keys();
        let text = |values: Vec<String>| Arc::new(StringArray::from(values)) as ArrayRef;
        let kind = |k: &Key| match self.relations.get(k) {
            Some(Stored::View { .. }) => "VIEW".to_string(),
            _ => "BASE TABLE".to_string(),
        };
        let columns: Vec<(&str, ArrayRef)> = match name {
            "tables" => vec![
                ("table_catalog", text(vec![CATALOG.into(); keys.len()])),
                ("table_schema", text(keys.iter().map(|k| k.0.clone()).collect())),
                ("table_name", text(keys.iter().map(|k| k.1.clone()).collect())),
                ("table_type", text(keys.iter().map(kind).collect())),
            ],
            "columns" => {
                // A view that does not plan has no columns to show; whoever reads it is told why.
                let open = |k: &Key| self.provider(k).ok().map(|p| (k.clone(), p.schema()));
                let all: Vec<(Key, usize, Field)> = keys
                    .iter()
                    .filter_map(open)
                    .flat_map(|(k, s)| s.fields().iter().enumerate().map(|(i, f)| (k.clone(), i, f.as_ref().clone())).collect::<Vec<_>>())
                    .collect();
                vec![
                    ("table_catalog", text(vec![CATALOG.into(); all.len()])),
                    ("table_schema", text(all.iter().map(|(k, ..)| k.0.clone()).collect())),
                    ("table_name", text(all.iter().map(|(k, ..)| k.1.clone()).collect())),
                    ("column_name", text(all.iter().map(|(.., f)| f.name().clone()).collect())),
                    ("ordinal_position", Arc::new(Int64Array::from_iter_values(all.iter().map(|(_, i, _)| *i as i64 + 1)))),
                    ("is_nullable", text(all.iter().map(|(.., f)| if f.is_nullable() { "YES".into() } else { "NO".into() }).collect())),
                    ("data_type", text(all.iter().map(|(.., f)| type_name(f.data_type())).collect())),
                ]
            }
            "routines" => {
                let ours = self.relations.functions().into_iter().map(|f| (f, true, Some("TABLE".to_string())));
                let value = |f: String| {
                    let returns = self.state.scalar_functions().get(&f).and_then(|f| function::declared(f)).map(|d| d.1);
                    (f, returns.is_some(), returns.map(|t| type_name(&t)))
                };
                let mut all: Vec<(String, bool, Option<String>)> = ours.chain(self.function_names().into_iter().map(value)).collect();
                all.sort();
                all.dedup_by(|a, b| a.0 == b.0);
                let schema = |ours: bool| if ours { PUBLIC } else { "pg_catalog" }.to_string();
                vec![
                    ("routine_catalog", text(vec![CATALOG.into(); all.len()])),
                    ("routine_schema", text(all.iter().map(|f| schema(f.1)).collect())),
                    ("routine_name", text(all.iter().map(|f| f.0.clone()).collect())),
                    ("routine_type", text(vec!["FUNCTION".into(); all.len()])),
                    ("data_type", Arc::new(all.into_iter().map(|f| f.2).collect::<StringArray>()) as ArrayRef),
                ]
            }
            "schemata" => {
                let mut names: Vec<String> = keys.iter().map(|k| k.0.clone()).collect();
                names.dedup();
                vec![("catalog_name", text(vec![CATALOG.into(); names.len()])), ("schema_name", text(names))]
            }
            _ => {
                let problem = SqlProblem::new(SqlProblemKind::Table, format!("unknown table `{INFORMATION_SCHEMA}.{name}`"));
                return Err(external(problem.help("there are: `tables`, `columns`, `schemata`, `routines`")));
            }
        };
        let fields: Vec<Field> = columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), a.null_count() > 0)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, a)| a).collect())?;
        Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
    }
}

/// What `version_of('schema.table', version)` was given.
pub(crate) fn version_arguments(args: &[Expr], relations: &Relations) -> Result<(Key, i64), SqlProblem> {
    let usage = || {
        let problem = SqlProblem::new(SqlProblemKind::Function, "`version_of` takes a table's name and a version, both written out");
        problem.help("for example `version_of('clean.customers', 3)`")
    };
    let [Expr::Literal(table, _), Expr::Literal(version, _)] = args else { return Err(usage()) };
    let table = table.try_as_str().flatten().ok_or_else(usage)?.trim().to_lowercase();
    let version = version.cast_to(&DataType::Int64).ok();
    let Some(ScalarValue::Int64(Some(version))) = version else { return Err(usage()) };
    let (schema, name) = table.split_once('.').map_or((None, table.as_str()), |(s, n)| (Some(s), n));
    let key = relations.resolve(schema, name).ok_or_else(|| relations.unknown(schema, name))?;
    Ok((key, version))
}

/// A problem without a place that names a function in backticks stands where that function is called.
fn at_call(problem: SqlProblem, called: &[(String, Range<usize>)]) -> SqlProblem {
    if problem.span.is_some() {
        return problem;
    }
    let at = called.iter().find(|(name, _)| problem.message.contains(&format!("`{name}`"))).map(|(_, at)| at.clone());
    problem.at(at)
}

/// A problem on its way through the planner.
pub(crate) fn external(problem: SqlProblem) -> DataFusionError {
    DataFusionError::External(Box::new(problem))
}

fn broken(what: &str, name: &str, problem: &SqlProblem) -> SqlProblem {
    let mut told = SqlProblem::new(SqlProblemKind::Table, format!("{what} `{name}` is not valid: {}", problem.message));
    told.help.clone_from(&problem.help);
    told
}

fn parser_options(options: &ConfigOptions) -> ParserOptions {
    let sql = &options.sql_parser;
    ParserOptions::new()
        .with_collect_spans(sql.collect_spans)
        .with_map_string_types_to_utf8view(sql.map_string_types_to_utf8view)
        .with_parse_float_as_decimal(sql.parse_float_as_decimal)
        .with_enable_ident_normalization(sql.enable_ident_normalization)
        .with_default_null_ordering(NullOrdering::NullsMax)
}

impl ContextProvider for Planner<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        if let Some(catalog) = name.catalog().filter(|c| *c != CATALOG) {
            return Err(external(
                SqlProblem::new(SqlProblemKind::Table, format!("unknown catalog `{catalog}`")).help("name tables as `schema.table`"),
            ));
        }
        if name.schema() == Some(INFORMATION_SCHEMA) {
            return self.information(name.table()).map(provider_as_source);
        }
        let key = self
            .relations
            .resolve(name.schema(), name.table())
            .ok_or_else(|| external(self.relations.unknown(name.schema(), name.table())))?;
        self.provider(&key).map(provider_as_source)
    }

    fn get_table_function_source(&self, name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        let name = name.to_lowercase();
        let nothing = Arc::new(DFSchema::empty());
        let simplifier = self.simplifier(&nothing);
        let args = args
            .into_iter()
            .map(|arg| simplifier.coerce(arg, &nothing).and_then(|e| simplifier.simplify(e)))
            .collect::<Result<Vec<_>>>()?;
        if name == VERSION_OF {
            return self.version_of(&args).map(provider_as_source);
        }
        if let Some(function) = self.table_function(&name) {
            return self.call(&function, &args).map(provider_as_source);
        }
        let Some(function) = self.state.table_functions().get(&name) else {
            if self.function_names().contains(&name) {
                let problem = SqlProblem::new(SqlProblemKind::Function, format!("`{name}` gives a value, not a table"));
                return Err(external(problem.help(format!("call it in the SELECT list: `SELECT {name}(…)`"))));
            }
            let ours = self.relations.functions();
            let known: Vec<&str> = self.state.table_functions().keys().chain(&ours).map(String::as_str).chain([VERSION_OF]).collect();
            let mut problem = SqlProblem::new(SqlProblemKind::Function, format!("unknown table function `{name}`"));
            problem.help = tidemill_core::problem::did_you_mean(&name, known).map(|n| format!("did you mean `{n}`?"));
            return Err(external(problem));
        };
        function.create_table_provider_with_args(TableFunctionArgs::new(&args, self.state)).map(provider_as_source)
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.windows
    }
    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.operators
    }
    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(moment::Types { zone: self.options().execution.time_zone.as_deref().map(Arc::from) }))
    }
    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.scalar_functions().get(name).cloned()
    }
    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }
    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }
    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }
    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }
    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }
    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().filter(|f| !window::is_inner(f)).cloned().collect()
    }
    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }
    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }
    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().filter(|f| !window::is_inner(f)).cloned().collect()
    }
}
