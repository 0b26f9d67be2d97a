//! SQL expressions over the columns of a flow: compiled against all columns that a rule can name, run on those it reads.

use crate::cells::{cast_loosely, cell_json, json_cell, stored_type};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Error, Place, Problem, Result, codes};
use tidemill_engine::{BoundExpr, RowExpr, ScalarValue, Session, SqlProblem, SqlProblemKind};
use tidemill_project::spec::{Sql, Table};

/// A checked expression; `schema` holds just the columns it reads, in the order in which they must be given.
pub(crate) struct Expr {
    pub row: RowExpr,
    pub schema: SchemaRef,
    /// Its type as a table stores it.
    pub data_type: DataType,
}

impl Expr {
    /// `predicate`: it must be boolean.
    pub(crate) fn compile(session: &Session, text: &str, columns: &SchemaRef, predicate: bool) -> Result<Expr, SqlProblem> {
        let row = if predicate { session.row_predicate(text, columns)? } else { session.row_expr(text, columns)? };
        let fields: Vec<Field> =
            columns.fields().iter().filter(|f| row.columns_used.contains(f.name())).map(|f| f.as_ref().clone()).collect();
        let data_type = stored_type(&row.data_type).ok_or_else(|| {
            let message = format!("this gives {}, which a table can't store", tidemill_engine::type_name(&row.data_type));
            SqlProblem::new(SqlProblemKind::Type, message).help("cast it to a number, text, date or timestamp")
        })?;
        Ok(Expr { row, schema: Arc::new(Schema::new(fields)), data_type })
    }

    pub(crate) fn bind(&self, values: &[ScalarValue]) -> Result<Bound> {
        Ok(Bound { expr: self.row.bind(values)?, schema: self.schema.clone(), data_type: self.data_type.clone() })
    }

    /// Fitted aggregates as readable values: `{"avg(income)": 52247.25}`.
    pub(crate) fn values_json(&self, values: &[ScalarValue]) -> Result<Value> {
        let mut out = serde_json::Map::new();
        for (aggregate, value) in self.row.aggregates.iter().zip(values) {
            let cell = value.to_array().map_err(|e| Error::bug(format!("a fitted value can't be kept: {e}")))?;
            let stored = stored_type(cell.data_type()).ok_or_else(|| {
                Error::config(format!(
                    "`{}` gives {}, which can't be kept with a recipe",
                    aggregate.name,
                    tidemill_engine::type_name(cell.data_type())
                ))
            })?;
            out.insert(aggregate.name.clone(), cell_json(cast_loosely(&cell, &stored)?.as_ref(), 0));
        }
        Ok(Value::Object(out))
    }

    /// What [`Expr::values_json`] wrote.
    pub(crate) fn json_values(&self, fitted: &Value) -> Result<Vec<ScalarValue>> {
        let of = |a: &tidemill_engine::FitAggregate| {
            let stored = stored_type(&a.data_type).unwrap_or(DataType::Utf8);
            let cell = json_cell(crate::cells::field(fitted, &a.name)?, &stored)?;
            ScalarValue::try_from_array(&cast_loosely(&cell, &a.data_type)?, 0).map_err(|e| Error::bug(e.to_string()))
        };
        self.row.aggregates.iter().map(of).collect()
    }
}

/// An expression with its fitted values, ready to run.
pub(crate) struct Bound {
    expr: BoundExpr,
    schema: SchemaRef,
    data_type: DataType,
}

impl Bound {
    /// `arrays` in the order of [`Expr::schema`].
    pub(crate) fn evaluate(&self, arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let values = self.expr.evaluate(&batch_of(&self.schema, arrays, rows)?)?;
        cast_loosely(&values, &self.data_type)
    }

    /// Where it is true; NULL is not.
    pub(crate) fn holds(&self, arrays: &[ArrayRef], rows: usize) -> Result<BooleanBuffer> {
        self.holds_in(&batch_of(&self.schema, arrays, rows)?)
    }

    /// As [`Bound::holds`], over a batch that has the columns somewhere.
    pub(crate) fn holds_in(&self, batch: &RecordBatch) -> Result<BooleanBuffer> {
        Ok(crate::program::truth(&self.expr.evaluate_predicate(batch)?))
    }

    /// Where it is false; NULL is not.
    pub(crate) fn fails_in(&self, batch: &RecordBatch) -> Result<BooleanBuffer> {
        let values = self.expr.evaluate_predicate(batch)?;
        let values = arrow::compute::not(&values)?;
        Ok(crate::program::truth(&values))
    }
}

/// Columns as a batch, also when there are none.
pub(crate) fn batch_of(schema: &SchemaRef, arrays: &[ArrayRef], rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), arrays.to_vec(), &options)?)
}

/// A mistake in SQL, told at its place in the table's file.
pub(crate) fn sql_problem(table: &Table, sql: &Sql, p: SqlProblem, predicate: bool) -> Problem {
    let code = match p.kind {
        SqlProblemKind::Syntax => codes::SQL_SYNTAX,
        SqlProblemKind::Column => codes::SQL_COLUMN_UNKNOWN,
        SqlProblemKind::Table => codes::SQL_TABLE_UNKNOWN,
        SqlProblemKind::Function => codes::SQL_FUNCTION_UNKNOWN,
        SqlProblemKind::NotSelect => codes::SQL_NOT_SELECT,
        SqlProblemKind::Type if predicate && p.message.starts_with("a condition is expected") => codes::PREDICATE_TYPE,
        SqlProblemKind::Type | SqlProblemKind::Other => codes::SQL_TYPE,
    };
    let span = p.span.map_or_else(|| sql.span.clone(), |r| sql.locate(r));
    let problem = Problem::error(code, Place::span(&table.file, span), p.message);
    match p.help {
        Some(h) => problem.help(h),
        None => problem,
    }
}
