//! `CREATE FUNCTION f(x double, y int) RETURNS double RETURN x / y`: the user's own functions, typed when read and inlined where called, so
//! that they cost nothing over writing the expression out.

use crate::advice::{OWN_WORDS, TYPES};
use crate::catalog::Relations;
use crate::moment;
use crate::planner::{Planner, VERSION_OF};
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use crate::session::volatile_in;
use crate::sql;
use crate::table_function::{self, Parameter, TableFunction};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::planner::PlannerContext;
use datafusion::sql::sqlparser::ast::{ArgMode, CreateFunction, CreateFunctionBody, DataType as SqlType, FunctionReturnType, Statement};
use std::any::Any;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A function of the user's.
pub(crate) enum Compiled {
    Value(Box<ScalarUDF>),
    Table(Arc<TableFunction>),
}

/// Reads a `CREATE FUNCTION`. `name` is what the project calls it; the text must call it the same.
/// Unless `inlines`, it is called as it is: to see what inlining is worth.
pub(crate) fn compile(name: &str, text: &str, state: &SessionState, relations: &Relations, inlines: bool) -> Result<Compiled, SqlProblem> {
    let problem = |message: String| SqlProblem::new(SqlProblemKind::Function, message);
    let statement = sql::parse_statement(text)?;
    let create = match &statement {
        DfStatement::Statement(inner) => match inner.as_ref() {
            Statement::CreateFunction(create) => Some(create),
            _ => None,
        },
        _ => None,
    };
    let first = sql::tokens(text).first().map(|t| t.span.clone());
    let Some(create) = create else {
        return Err(problem("a CREATE FUNCTION is expected here".into()).at(first).help(EXAMPLE));
    };
    let called = create.name.to_string().to_lowercase();
    if called != name {
        let problem =
            problem(format!("the function is called `{called}` and its file `{name}`")).at(sql::word(text, &create.name.to_string()));
        return Err(problem.help(format!("rename one of them: `functions/{called}.sql` or `CREATE FUNCTION {name}`")));
    }
    let builtin = state.scalar_functions().get(name).is_some_and(|f| user_function(f).is_none());
    let gives_table = state.table_functions().contains_key(name) || name == VERSION_OF;
    if builtin || gives_table || state.aggregate_functions().contains_key(name) || state.window_functions().contains_key(name) {
        return Err(problem(format!("`{name}` is a function already")).at(sql::word(text, name)).help("give it another name"));
    }

    let planner = Planner::new(state, relations, false);
    if let Some(FunctionReturnType::DataType(SqlType::Table(columns))) = &create.return_type {
        return table_function::declare(name, text, create, columns.as_deref(), &planner).map(|f| Compiled::Table(Arc::new(f)));
    }
    let params: Vec<Field> = parameters(create, text, &planner, false)?.into_iter().map(|p| p.field).collect();
    let schema = DFSchema::try_from(Schema::new(params.clone())).map_err(|e| sql::first(crate::advice::problems(&e, text)))?;
    let CreateFunctionBody::Return(body) = body(create, text)? else {
        let as_ = sql::word(text, "as").or(first);
        return Err(problem("a function's body is one expression after RETURN".into()).at(as_).help(EXAMPLE));
    };
    let told = |e: &DataFusionError| sql::first(crate::advice::problems_with(e, text, &|| planner.function_names()));
    let planned = planner.to_rel().sql_to_expr(body.clone(), &schema, &mut PlannerContext::new()).map_err(|e| told(&e))?;
    refuse_more_than_a_row(&planned, text)?;
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_config_options(Arc::clone(state.config_options())).build());
    planned.get_type(&schema).map_err(|e| told(&e))?;
    let settled = moment::settle_expr(planned, &schema).map_err(|e| told(&e))?.data;
    let typed = simplifier.coerce(settled, &schema).map_err(|e| told(&e))?;
    let typed = inline(typed).map_err(|e| told(&e))?;
    let gives = typed.get_type(&schema).map_err(|e| told(&e))?;

    let declared = match &create.return_type {
        Some(FunctionReturnType::DataType(t)) => sql_type(t, text, &planner)?,
        Some(FunctionReturnType::SetOf(_)) => {
            let help = "a function that gives rows says which: `RETURNS TABLE (name text, total double)`";
            return Err(problem("a function gives one value, not a set".into()).at(sql::word(text, "setof")).help(help));
        }
        None => {
            let help = format!("write `RETURNS {}` after its parameters", type_name(&gives));
            return Err(problem(format!("`{name}` does not say what it returns")).at(sql::word(text, name)).help(help));
        }
    };
    if !arrow::compute::can_cast_types(&gives, &declared) {
        let message = format!("`{name}` says it returns {} and gives {}", type_name(&declared), type_name(&gives));
        let problem = SqlProblem::new(SqlProblemKind::Type, message).at(sql::word(text, "returns"));
        return Err(problem.help(format!("write `RETURNS {}`", type_name(&gives))));
    }
    let typed = if gives == declared { typed } else { cast(typed, declared.clone()) };

    let compiled =
        create_physical_expr(&typed, &schema, state.execution_props(), &PhysicalPlanningContext::default()).map_err(|e| told(&e))?;
    let volatile = volatile_in(&typed);
    let volatility = if has_random(&typed) {
        Volatility::Volatile
    } else if volatile.is_empty() {
        Volatility::Immutable
    } else {
        Volatility::Stable
    };
    let signature = if params.is_empty() { Signature::nullary(volatility) } else { Signature::user_defined(volatility) };
    let udf = ScalarUDF::new_from_impl(UserFunction {
        name: name.into(),
        params,
        returns: declared,
        signature,
        reads_clock: !volatile.is_empty(),
        body: typed,
        compiled,
        inlines,
    });
    Ok(Compiled::Value(Box::new(udf)))
}

const EXAMPLE: &str = "for example `CREATE FUNCTION margin(price double, cost double) RETURNS double RETURN (price - cost) / price`";

/// Replaces each call of a user's function by its body.
pub(crate) fn inline(expr: Expr) -> DfResult<Expr> {
    let inlined = expr.transform_up(|e| match &e {
        Expr::ScalarFunction(call) => match user_function(&call.func) {
            Some(f) => Ok(f.substitute(&call.args)?.map_or_else(|| Transformed::no(e.clone()), Transformed::yes)),
            None => Ok(Transformed::no(e)),
        },
        _ => Ok(Transformed::no(e)),
    });
    Ok(inlined?.data)
}

/// Whether it is a user's function that reads the clock or randomness.
pub(crate) fn reads_clock(udf: &ScalarUDF) -> bool {
    user_function(udf).is_some_and(|f| f.reads_clock)
}

/// What a user's function takes and returns.
pub(crate) fn declared(udf: &ScalarUDF) -> Option<(&[Field], DataType)> {
    user_function(udf).map(|f| (f.params.as_slice(), f.returns.clone()))
}

fn user_function(udf: &ScalarUDF) -> Option<&UserFunction> {
    (udf.inner().as_ref() as &dyn Any).downcast_ref()
}

#[derive(Debug)]
struct UserFunction {
    name: String,
    params: Vec<Field>,
    returns: DataType,
    signature: Signature,
    reads_clock: bool,
    /// Over columns called as the parameters; calls of other user functions are inlined already.
    body: Expr,
    compiled: Arc<dyn PhysicalExpr>,
    inlines: bool,
}

impl PartialEq for UserFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.params == other.params && self.returns == other.returns && self.body == other.body
    }
}
impl Eq for UserFunction {}
impl Hash for UserFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.body.hash(state);
    }
}

impl UserFunction {
    /// The body with the arguments in place; `None` when an argument would be computed twice and might differ.
    fn substitute(&self, args: &[Expr]) -> DfResult<Option<Expr>> {
        let mut uses: HashMap<&str, usize> = HashMap::new();
        self.body.apply(|e| {
            if let Expr::Column(c) = e {
                *uses.entry(c.name.as_str()).or_default() += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let unstable = |(p, a): (&Field, &Expr)| uses.get(p.name().as_str()).is_some_and(|n| *n > 1) && has_random(a);
        if args.len() != self.params.len() || self.params.iter().zip(args).any(unstable) {
            return Ok(None);
        }
        let given: HashMap<&str, &Expr> = self.params.iter().map(|p| p.name().as_str()).zip(args).collect();
        let body = self.body.clone().transform_up(|e| match &e {
            Expr::Column(c) => match given.get(c.name.as_str()) {
                // Jump: what comes from outside may have columns of the same names.
                Some(arg) => Ok(Transformed::new((*arg).clone(), true, TreeNodeRecursion::Jump)),
                None => Ok(Transformed::no(e)),
            },
            _ => Ok(Transformed::no(e)),
        })?;
        Ok(Some(body.data))
    }
}

impl ScalarUDFImpl for UserFunction {
    fn name(&self) -> &str {
        &self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, given: &[DataType]) -> DfResult<Vec<DataType>> {
        let wanted: Vec<DataType> = self.params.iter().map(|p| p.data_type().clone()).collect();
        let message = if given.len() != wanted.len() {
            let s = if wanted.len() == 1 { "" } else { "s" };
            format!("`{}` takes {} argument{s}, not {}", self.name, wanted.len(), given.len())
        } else if given.iter().zip(&wanted).all(|(g, w)| fits(g, w)) {
            return Ok(wanted);
        } else {
            format!("`{}` does not take ({})", self.name, listed(given.iter()))
        };
        let help = format!("it takes: {}({})", self.name, listed(wanted.iter()));
        plan_err!("{OWN_WORDS}{message}{OWN_WORDS}{help}{OWN_WORDS}")
    }
    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.returns.clone())
    }
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> DfResult<ExprSimplifyResult> {
        if !self.inlines {
            return Ok(ExprSimplifyResult::Original(args));
        }
        Ok(match self.substitute(&args)? {
            Some(body) => ExprSimplifyResult::Simplified(body),
            None => ExprSimplifyResult::Original(args),
        })
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|a| a.into_array(rows)).collect::<DfResult<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(self.params.clone())), columns, &options)?;
        self.compiled.evaluate(&batch)
    }
}

/// Whether an argument is taken without a CAST: numbers of any size, texts, and dates for timestamps.
pub(crate) fn fits(given: &DataType, wanted: &DataType) -> bool {
    given == wanted
        || given.is_null()
        || (given.is_numeric() && wanted.is_numeric())
        || (given.is_string() && wanted.is_string())
        || (given.is_temporal()
            && matches!(wanted, DataType::Timestamp(..))
            && !matches!(given, DataType::Duration(_) | DataType::Interval(_)))
        || matches!((given, wanted), (DataType::Interval(_) | DataType::Duration(_), DataType::Interval(_) | DataType::Duration(_)))
}

fn listed<'a>(types: impl Iterator<Item = &'a DataType>) -> String {
    types.map(type_name).collect::<Vec<_>>().join(", ")
}

fn has_random(expr: &Expr) -> bool {
    random_in(expr).is_some()
}

/// A function in it that gives another value each time.
pub(crate) fn random_in(expr: &Expr) -> Option<String> {
    let mut found = None;
    // The closure never fails.
    let _ = expr.apply(|e| match e {
        Expr::ScalarFunction(f) if f.func.signature().volatility == Volatility::Volatile => {
            found = Some(f.func.name().to_string());
            Ok(TreeNodeRecursion::Stop)
        }
        _ => Ok(TreeNodeRecursion::Continue),
    });
    found
}

/// The parameters, and what stands for them where nothing is given.
pub(crate) fn parameters(create: &CreateFunction, text: &str, planner: &Planner<'_>, defaults: bool) -> Result<Vec<Parameter>, SqlProblem> {
    let mut params: Vec<Parameter> = Vec::new();
    for arg in create.args.iter().flatten() {
        let problem = |message: String| SqlProblem::new(SqlProblemKind::Function, message);
        let Some(name) = &arg.name else {
            let written = arg.data_type.to_string();
            return Err(problem(format!("a parameter needs a name and a type: `{written}` is one of them"))
                .at(sql::word(text, &written))
                .help(EXAMPLE));
        };
        let name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
        if !matches!(arg.mode, None | Some(ArgMode::In)) {
            return Err(problem(format!("parameter `{name}` can only go in"))
                .at(sql::word(text, &name))
                .help("leave OUT, INOUT or VARIADIC away"));
        }
        if arg.default_expr.is_some() && !defaults {
            let problem = problem(format!("parameter `{name}` cannot have a default")).at(sql::word(text, &name));
            return Err(problem.help("write a second function without the parameter that calls this one"));
        }
        if arg.default_expr.is_none() && params.iter().any(|p| p.default.is_some()) {
            let problem = problem(format!("parameter `{name}` has no default, and one before it has")).at(sql::word(text, &name));
            return Err(problem.help("put parameters with a default last"));
        }
        if params.iter().any(|p| *p.field.name() == name) {
            return Err(problem(format!("two parameters are called `{name}`")).at(sql::word(text, &name)).help("rename one of them"));
        }
        let field = Field::new(name, sql_type(&arg.data_type, text, planner)?, true);
        params.push(Parameter { field, default: arg.default_expr.clone() });
    }
    Ok(params)
}

pub(crate) fn body<'a>(create: &'a CreateFunction, text: &str) -> Result<&'a CreateFunctionBody, SqlProblem> {
    create.function_body.as_ref().ok_or_else(|| {
        let problem = SqlProblem::new(SqlProblemKind::Function, format!("`{}` has no body", create.name));
        problem.at(sql::word(text, &create.name.to_string())).help(EXAMPLE)
    })
}

/// A type as SQL writes it.
pub(crate) fn sql_type(written: &SqlType, text: &str, planner: &Planner<'_>) -> Result<DataType, SqlProblem> {
    let unknown = || {
        let word = written.to_string();
        let problem = SqlProblem::new(SqlProblemKind::Type, format!("`{word}` is not a type")).at(sql::word(text, &word));
        problem.help(TYPES)
    };
    // The planner turns SQL types into its own in a CAST.
    let null = sql::parse_expression(&format!("CAST(NULL AS {written})")).map_err(|_| unknown())?;
    let nothing = DFSchema::empty();
    let typed = planner.to_rel().sql_to_expr(null.expr, &nothing, &mut PlannerContext::new()).map_err(|_| unknown())?;
    typed.get_type(&nothing).map_err(|_| unknown())
}

fn refuse_more_than_a_row(body: &Expr, text: &str) -> Result<(), SqlProblem> {
    let mut found: Option<SqlProblem> = None;
    // The closure never fails.
    let _ = body.apply(|e| {
        let name = match e {
            Expr::AggregateFunction(a) => a.func.name().to_string(),
            Expr::WindowFunction(w) => w.fun.name().to_string(),
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => "select".into(),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        let what = if name == "select" { "a subquery".to_string() } else { format!("`{name}`") };
        let problem =
            SqlProblem::new(SqlProblemKind::Function, format!("{what} looks at other rows, and a function sees its arguments only"));
        found = Some(problem.at(sql::word(text, &name)).help("aggregate in the view that calls the function"));
        Ok(TreeNodeRecursion::Stop)
    });
    found.map_or(Ok(()), Err)
}
