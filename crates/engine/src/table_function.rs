//! `CREATE FUNCTION best(of text, n int) RETURNS TABLE (product text, revenue double) RETURN (SELECT …)`: a SELECT with parameters. Its body is
//! planned once, with a placeholder for each parameter, and put where it is called with the arguments in their places, so that a call costs
//! nothing over writing the SELECT out, and whoever asks where a column comes from is led through it.

use crate::function::{self, fits, random_in};
use crate::planner::{Planner, external};
use crate::problem::{SqlProblem, SqlProblemKind, type_name};
use crate::sql;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{ColumnDef, CreateFunction, CreateFunctionBody, Expr as SqlExpr, Query, Spanned, Statement, Value};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

const EXAMPLE: &str = "for example `CREATE FUNCTION best(n int) RETURNS TABLE (name text, total double) RETURN SELECT name, total FROM sales ORDER BY total DESC LIMIT n`";

/// A function that gives rows. What its body reads is looked up when it is called, or judged.
#[derive(Debug)]
pub(crate) struct TableFunction {
    pub(crate) name: String,
    /// The whole statement: places of mistakes are bytes of it.
    pub(crate) text: Arc<str>,
    pub(crate) params: Vec<Parameter>,
    /// As declared after RETURNS TABLE.
    pub(crate) columns: Vec<Field>,
    body: Query,
    /// The text in which the body's places are: `text`, or the inside of `$$ … $$` with everything before it as blanks.
    body_text: Arc<str>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) field: Field,
    pub(crate) default: Option<SqlExpr>,
}

/// Reads what is declared; the body is only parsed.
pub(crate) fn declare(
    name: &str,
    text: &str,
    create: &CreateFunction,
    columns: Option<&[ColumnDef]>,
    planner: &Planner<'_>,
) -> Result<TableFunction, SqlProblem> {
    let problem = |message: String| SqlProblem::new(SqlProblemKind::Function, message);
    let params = function::parameters(create, text, planner, true)?;
    let columns = columns.filter(|c| !c.is_empty()).ok_or_else(|| {
        problem(format!("`{name}` does not say which columns it returns"))
            .at(sql::word(text, "table"))
            .help("write them out: `RETURNS TABLE (product text, revenue double)`")
    })?;
    let mut fields: Vec<Field> = Vec::new();
    for column in columns {
        let ident = &column.name;
        let called = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() };
        let at = sql::range(text, ident.span);
        if fields.iter().any(|f| *f.name() == called) {
            return Err(problem(format!("two columns are called `{called}`")).at(at).help("rename one of them"));
        }
        fields.push(Field::new(called, function::sql_type(&column.data_type, text, planner)?, true));
    }
    let (body, body_text) = body(create, text)?;
    Ok(TableFunction { name: name.into(), text: text.into(), params, columns: fields, body, body_text })
}

/// The SELECT, and the text in which its places are.
fn body(create: &CreateFunction, text: &str) -> Result<(Query, Arc<str>), SqlProblem> {
    let not_select = || {
        let problem = SqlProblem::new(SqlProblemKind::Function, "the body of a function that returns a table is one SELECT");
        let at = sql::word(text, "return").or_else(|| sql::word(text, "as")).or_else(|| sql::word(text, &create.name.to_string()));
        problem.at(at).help(EXAMPLE)
    };
    match function::body(create, text)? {
        CreateFunctionBody::Return(SqlExpr::Subquery(query)) => Ok((query.as_ref().clone(), text.into())),
        CreateFunctionBody::AsBeforeOptions { body: SqlExpr::Value(value), link_symbol: None } => {
            let quoted = sql::range(text, value.span).and_then(|span| inside(text, span, &value.value)).ok_or_else(not_select)?;
            let padded = padded(text, quoted);
            match sql::parse_question(&padded)? {
                DfStatement::Statement(inner) => match *inner {
                    Statement::Query(query) => Ok((*query, padded.into())),
                    _ => Err(not_select()),
                },
                _ => Err(not_select()),
            }
        }
        _ => Err(not_select()),
    }
}

/// Bytes of what stands between the quotes of a body; none where a doubled quote makes the text another.
pub(crate) fn inside(text: &str, span: Range<usize>, value: &Value) -> Option<Range<usize>> {
    let (inner, closing) = match value {
        Value::DollarQuotedString(s) => (&s.value, s.tag.as_ref().map_or(2, |t| t.len() + 2)),
        Value::SingleQuotedString(s) => (s, 1),
        _ => return None,
    };
    let at = span.start + closing;
    (text.get(at..at + inner.len()) == Some(inner.as_str())).then(|| at..at + inner.len())
}

/// The part of a text, at its place: blanks before it, lines kept.
pub(crate) fn padded(text: &str, part: Range<usize>) -> String {
    let before = text[..part.start].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' });
    before.collect::<String>() + &text[part]
}

impl TableFunction {
    /// `best(of text, n int = 10)`
    pub(crate) fn usage(&self) -> String {
        let one = |p: &Parameter| {
            let default = p.default.as_ref().map_or(String::new(), |d| format!(" = {d}"));
            format!("{} {}{default}", p.field.name(), type_name(p.field.data_type()))
        };
        format!("{}({})", self.name, self.params.iter().map(one).collect::<Vec<_>>().join(", "))
    }

    /// The parameters as columns of an outer query: what a name in the body means when no column is called so.
    pub(crate) fn scope(&self) -> Result<Arc<DFSchema>> {
        let schema = Schema::new(self.params.iter().map(|p| p.field.clone()).collect::<Vec<_>>());
        Ok(Arc::new(DFSchema::try_from_qualified_schema(TableReference::bare(self.name.as_str()), &schema)?))
    }

    /// The body as it is planned where everything it reads is there, or all that is wrong with it.
    pub(crate) fn plan(self: &Arc<Self>, planner: &Planner<'_>) -> Result<LogicalPlan, Vec<SqlProblem>> {
        let told = |e| planner.told(&e, &self.text);
        let scope = self.scope().map_err(told)?;
        let statement = DfStatement::Statement(Box::new(Statement::Query(Box::new(self.body.clone()))));
        let plan = planner.inside(self, scope).plan(statement, &self.body_text)?;
        self.refuse_other_columns(&plan).and_then(|()| self.refuse_other_defaults(planner)).map_err(|p| vec![p])?;
        let columns = plan.schema().columns();
        let typed = |(column, field): (Column, &Field)| cast(Expr::Column(column), field.data_type().clone()).alias(field.name());
        let exprs: Vec<Expr> = columns.into_iter().zip(&self.columns).map(typed).collect();
        LogicalPlanBuilder::from(plan).project(exprs).and_then(LogicalPlanBuilder::build).map_err(told)
    }

    fn refuse_other_columns(&self, plan: &LogicalPlan) -> Result<(), SqlProblem> {
        let (given, name) = (plan.schema().fields(), &self.name);
        if given.len() != self.columns.len() {
            let s = |n: usize| if n == 1 { "" } else { "s" };
            let (said, is) = (self.columns.len(), given.len());
            let message = format!("`{name}` says it returns {said} column{} and its SELECT gives {is}", s(said));
            let types: Vec<String> = given.iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
            let problem = SqlProblem::new(SqlProblemKind::Type, message).at(sql::word(&self.text, "table"));
            return Err(problem.help(format!("the SELECT gives ({})", types.join(", "))));
        }
        for (i, (declared, gives)) in self.columns.iter().zip(given).enumerate() {
            let at = || {
                sql::word(&self.text[self.table_word()..], declared.name()).map(|r| r.start + self.table_word()..r.end + self.table_word())
            };
            if !fits(gives.data_type(), declared.data_type()) {
                let (says, is) = (type_name(declared.data_type()), type_name(gives.data_type()));
                let message = format!("`{}` is declared {says}, and the SELECT gives {is}", declared.name());
                let help = format!("declare it `{is}`, or write `CAST(… AS {says})` in the SELECT");
                return Err(SqlProblem::new(SqlProblemKind::Type, message).at(at()).help(help));
            }
            if gives.name() != declared.name()
                && let Some(other) = given.iter().position(|g| g.name() == declared.name())
            {
                let message =
                    format!("`{}` is declared as column {}, and the SELECT gives it as column {}", declared.name(), i + 1, other + 1);
                let problem = SqlProblem::new(SqlProblemKind::Column, message).at(at());
                return Err(problem.help("columns go by their place: declare them in the order of the SELECT"));
            }
        }
        Ok(())
    }

    fn refuse_other_defaults(&self, planner: &Planner<'_>) -> Result<(), SqlProblem> {
        for param in &self.params {
            let Some(default) = &param.default else { continue };
            let (name, wanted) = (param.field.name(), param.field.data_type());
            let at = || sql::range(&self.text, default.span()).or_else(|| sql::word(&self.text, name));
            let nothing = Arc::new(DFSchema::empty());
            let is = planner.type_of(default, &nothing).map_err(|e| {
                let problem = sql::first(planner.told(&e, &self.text));
                if problem.span.is_some() { problem } else { problem.at(at()) }
            })?;
            let is_dated = wanted.is_temporal() && is.is_string();
            if !is_dated && !fits(&is, wanted) {
                let message = format!("`{name}` is {}, and its default {}", type_name(wanted), type_name(&is));
                return Err(SqlProblem::new(SqlProblemKind::Type, message).at(at()).help("give it a value of its type"));
            }
        }
        Ok(())
    }

    fn table_word(&self) -> usize {
        sql::word(&self.text, "returns").map_or(0, |r| r.end)
    }

    /// The rows of one call. `args` are as many as there are parameters, typed and simplified.
    pub(crate) fn call(&self, plan: LogicalPlan, args: &[Expr], planner: &Planner<'_>) -> Result<LogicalPlan> {
        let nothing = Arc::new(DFSchema::empty());
        let simplifier = planner.simplifier(&nothing);
        let mut given: HashMap<String, Expr> = HashMap::new();
        for (param, arg) in self.params.iter().zip(args) {
            let wanted = param.field.data_type();
            if let Some(name) = random_in(arg) {
                let message = format!("an argument of `{}` would be another at each use: `{name}`", self.name);
                return Err(external(SqlProblem::new(SqlProblemKind::Function, message).help("write a value that stays the same")));
            }
            let of = arg.get_type(nothing.as_ref()).unwrap_or(DataType::Null);
            let text = match arg {
                Expr::Literal(value, _) => value.try_as_str().flatten(),
                _ => None,
            };
            // A date may be written as text, as PostgreSQL has it; nothing else may.
            let is_dated = text.is_some() && wanted.is_temporal();
            if !is_dated && !fits(&of, wanted) {
                let message = format!("`{}` of `{}` is {}, not {}", param.field.name(), self.name, type_name(wanted), type_name(&of));
                let problem = SqlProblem::new(SqlProblemKind::Type, message);
                return Err(external(problem.help(format!("it takes: {}", self.usage()))));
            }
            let cast = simplifier.simplify(cast(arg.clone(), wanted.clone())).map_err(|e| match text {
                Some(text) => external(
                    SqlProblem::new(
                        SqlProblemKind::Type,
                        format!("`{text}` is not a {}, as `{}` of `{}` is", type_name(wanted), param.field.name(), self.name),
                    )
                    .help(format!("it takes: {}", self.usage())),
                ),
                None => e,
            })?;
            given.insert(self.placeholder(param.field.name()), cast);
        }
        replaced(plan, &|e| match e {
            Expr::Placeholder(p) => given.get(&p.id).cloned(),
            _ => None,
        })
    }

    /// `$best.n`, told apart from those of other functions.
    fn placeholder(&self, param: &str) -> String {
        format!("${}.{param}", self.name)
    }

    /// A plan in which each parameter is a placeholder instead of a column of an outer query: it can be typed as it stands.
    pub(crate) fn with_placeholders(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let plan = replaced(plan, &|e| match e {
            Expr::OuterReferenceColumn(field, column) if self.owns(column) => {
                let field = field.as_ref().clone().with_nullable(true);
                Some(Expr::Placeholder(Placeholder::new_with_field(self.placeholder(&column.name), Some(Arc::new(field)))))
            }
            _ => None,
        })?;
        Ok(plan)
    }

    fn owns(&self, column: &Column) -> bool {
        column.relation.as_ref().is_some_and(|r| r.table() == self.name) && self.params.iter().any(|p| *p.field.name() == column.name)
    }
}

/// A plan with some of its expressions replaced, its subqueries' too.
fn replaced(plan: LogicalPlan, with: &dyn Fn(&Expr) -> Option<Expr>) -> Result<LogicalPlan> {
    let out = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        let is_limit = matches!(node, LogicalPlan::Limit(_));
        // What is replaced is no column of the query around it any more.
        let node = match node {
            LogicalPlan::Subquery(mut s) => {
                s.outer_ref_columns.retain(|e| with(e).is_none());
                LogicalPlan::Subquery(s)
            }
            other => other,
        };
        let node = node.map_expressions(|e| {
            let saved = names.save(&e);
            let new = e.transform_up(|e| Ok(with(&e).map_or_else(|| Transformed::no(e), Transformed::yes)))?;
            Ok(if new.transformed { new.update_data(|e| if is_limit { plain_number(e) } else { saved.restore(e) }) } else { new })
        })?;
        node.map_data(LogicalPlan::recompute_schema)
    })?;
    Ok(out.data)
}

/// LIMIT wants its number written out.
fn plain_number(e: Expr) -> Expr {
    let value = match &e {
        Expr::Cast(c) => match c.expr.as_ref() {
            Expr::Literal(value, _) => value.cast_to(&DataType::Int64).ok(),
            _ => None,
        },
        Expr::Literal(value, _) => value.cast_to(&DataType::Int64).ok(),
        _ => None,
    };
    value.filter(|v| !matches!(v, ScalarValue::Null)).map_or(e, |v| Expr::Literal(v, None))
}
