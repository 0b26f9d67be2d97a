//! What a row must be to be taken in. Each promise becomes one mask over a morsel; rows are touched only where one fails, and the first promise
//! that a row breaks names the reason.

use crate::cells::{cast_loosely, is_text, missing, present, text_cell, text_of};
use crate::expr::{Bound, Expr, sql_problem};
use crate::hash::{HashKey, hash_rows};
use ahash::HashSet;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp;
use arrow::datatypes::DataType;
use std::sync::Arc;
use tidemill_core::{ColumnRead, Decoded, Place, Problem, Reject, Result, RowText, Spanned, codes, name};
use tidemill_engine::{Session, type_name};
use tidemill_project::spec::{Check, Column, OptionValue, Table};

/// A table's promises about its rows, compiled.
pub struct Contract {
    promises: Vec<Promise>,
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contract").field("promises", &self.promises.len()).finish()
    }
}

struct Promise {
    /// The column concerned; `None` for a check of the whole row.
    column: Option<String>,
    kind: Kind,
}

enum Kind {
    Required,
    Accepted(Accepted),
    Range { min: Option<ArrayRef>, max: Option<ArrayRef>, text: String },
    Check { bound: Bound, reads: Vec<String>, shown: String },
}

enum Accepted {
    Texts(HashSet<String>),
    /// Hashes of values of other types.
    Values(HashSet<u128>, HashKey),
}

impl Contract {
    /// `columns`: the rows' columns as they are read.
    pub fn compile(table: &Table, columns: &[ColumnRead], session: &Session) -> (Contract, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut promises = Vec::new();
        let schema = tidemill_core::read::schema_of(columns);
        let check = |column: Option<&str>, check: &Check, problems: &mut Vec<Problem>| {
            let compiled = Expr::compile(session, &check.sql.text, &schema, true).map_err(|p| sql_problem(table, &check.sql, p, true));
            let expr = match compiled {
                Ok(e) if e.row.aggregates.is_empty() => e,
                Ok(e) => {
                    let message = format!("`{}` looks at all rows, and a check looks at one", e.row.aggregates[0].name);
                    let place = Place::span(&table.file, check.sql.span.clone());
                    problems.push(Problem::error(codes::SQL_TYPE, place, message).help("compare with a number, or write a test in a view"));
                    return None;
                }
                Err(p) => {
                    problems.push(p);
                    return None;
                }
            };
            let reads = expr.row.columns_used.clone();
            let shown = check.name.clone().unwrap_or_else(|| check.sql.text.split_whitespace().collect::<Vec<_>>().join(" "));
            match expr.bind(&[]) {
                Ok(bound) => Some(Promise { column: column.map(str::to_string), kind: Kind::Check { bound, reads, shown } }),
                Err(e) => {
                    problems.push(Problem::error(codes::SQL_TYPE, Place::span(&table.file, check.sql.span.clone()), e.what));
                    None
                }
            }
        };
        for c in &table.columns {
            let stored = name::normalise(&c.name);
            let Some(read) = columns.iter().find(|r| r.name == stored) else { continue };
            let mut push = |kind| promises.push(Promise { column: Some(stored.clone()), kind });
            if c.required {
                push(Kind::Required);
            }
            if !c.accepted.is_empty()
                && let Some(accepted) = accepted(table, c, &read.data_type, &mut problems)
            {
                push(Kind::Accepted(accepted));
            }
            let min = c.min.as_ref().and_then(|v| bound(table, c, v, &read.data_type, &mut problems));
            let max = c.max.as_ref().and_then(|v| bound(table, c, v, &read.data_type, &mut problems));
            if min.is_some() || max.is_some() {
                let show = |b: &Option<ArrayRef>| b.as_ref().and_then(|b| text_of(b.as_ref(), 0)).unwrap_or_default();
                let text = match (&min, &max) {
                    (Some(_), Some(_)) => format!("outside {} to {}", show(&min), show(&max)),
                    (Some(_), None) => format!("below {}", show(&min)),
                    _ => format!("above {}", show(&max)),
                };
                push(Kind::Range { min, max, text });
            }
            for k in &c.checks {
                promises.extend(check(Some(&stored), k, &mut problems));
            }
        }
        for k in &table.checks {
            promises.extend(check(None, k, &mut problems));
        }
        (Contract { promises }, problems)
    }

    /// Whether every row is taken.
    pub fn is_empty(&self) -> bool {
        self.promises.is_empty()
    }

    /// Columns that the promises look at.
    pub fn columns_read(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.add_columns(&mut out);
        out
    }

    pub(crate) fn add_columns(&self, to: &mut Vec<String>) {
        for p in &self.promises {
            let checked = if let Kind::Check { reads, .. } = &p.kind { &reads[..] } else { &[] };
            let own = if matches!(p.kind, Kind::Check { .. }) { None } else { p.column.as_ref() };
            for c in own.into_iter().chain(checked) {
                if !to.contains(c) {
                    to.push(c.clone());
                }
            }
        }
    }

    /// Moves the rows that break a promise to the rejects. The batch must have the columns of [`Contract::columns_read`].
    pub fn apply(&self, decoded: Decoded) -> Result<Decoded> {
        let rows = decoded.batch.num_rows();
        // Rows that break something, and what first.
        let mut broken: Option<Vec<(u32, u32)>> = None;
        let mut good = BooleanBuffer::new_set(rows);
        for (at, promise) in self.promises.iter().enumerate() {
            let fails = promise.fails(&decoded)?;
            if fails.has_true() {
                let fresh = &fails & &good;
                broken.get_or_insert_default().extend(fresh.set_indices().map(|row| (row as u32, at as u32)));
                good = &good & &!&fails;
            }
        }
        let Some(mut broken) = broken else { return Ok(decoded) };
        broken.sort_unstable();
        let mut rejects = decoded.rejects;
        for (row, at) in broken {
            let row = row as usize;
            let (code, column, reason) = self.promises[at as usize].tell(&decoded.batch, row);
            rejects.push(Reject {
                split: decoded.split.clone(),
                line: decoded.lines.get(row).copied().unwrap_or(0),
                offset: decoded.text.offset(row),
                raw: decoded.text.text(row),
                code,
                column,
                reason,
            });
        }
        rejects.sort_by_key(|r| r.offset);
        let kept: Vec<u32> = good.set_indices().map(|i| i as u32).collect();
        let lines = if decoded.lines.is_empty() { Vec::new() } else { kept.iter().map(|i| decoded.lines[*i as usize]).collect() };
        let batch = filter_record_batch(&decoded.batch, &BooleanArray::new(good, None))?;
        let text = Arc::new(Remaining { text: decoded.text, kept });
        Ok(Decoded { batch, lines, rejects, text, ..decoded })
    }
}

/// Texts of the rows that are left.
struct Remaining {
    text: Arc<dyn RowText>,
    kept: Vec<u32>,
}

impl RowText for Remaining {
    fn text(&self, row: usize) -> String {
        self.text.text(self.kept[row] as usize)
    }
    fn offset(&self, row: usize) -> u64 {
        self.text.offset(self.kept[row] as usize)
    }
}

impl Promise {
    /// Rows for which it is broken. NULL breaks only `required`.
    fn fails(&self, decoded: &Decoded) -> Result<BooleanBuffer> {
        let rows = decoded.batch.num_rows();
        if let Kind::Check { bound, .. } = &self.kind {
            return bound.fails_in(&decoded.batch);
        }
        let Some(cells) = self.column.as_ref().and_then(|c| decoded.batch.column_by_name(c)) else {
            // A column that this file does not have: NULL throughout.
            return Ok(if matches!(self.kind, Kind::Required) { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) });
        };
        Ok(match &self.kind {
            Kind::Required => missing(cells.as_ref()),
            Kind::Range { min, max, .. } => {
                let mut fails = BooleanBuffer::new_unset(rows);
                if let Some(min) = min {
                    fails = &fails | &crate::program::truth(&cmp::lt(cells, &Scalar::new(min.clone()))?);
                }
                if let Some(max) = max {
                    fails = &fails | &crate::program::truth(&cmp::gt(cells, &Scalar::new(max.clone()))?);
                }
                fails
            }
            Kind::Accepted(Accepted::Texts(set)) => {
                let cells = cast_loosely(cells, &DataType::Utf8)?;
                let texts = cells.as_string::<i32>();
                let known = BooleanBuffer::collect_bool(rows, |i| set.contains(texts.value(i)));
                &present(texts) & &!&known
            }
            Kind::Accepted(Accepted::Values(set, key)) => {
                let hashes = hash_rows(&[cells], rows, *key)?;
                let known = BooleanBuffer::collect_bool(rows, |i| set.contains(&hashes[i]));
                &present(cells.as_ref()) & &!&known
            }
            Kind::Check { .. } => BooleanBuffer::new_unset(rows),
        })
    }

    /// Code, column and reason of a row that breaks it.
    fn tell(&self, batch: &arrow::array::RecordBatch, row: usize) -> (&'static str, Option<String>, String) {
        let name = self.column.clone().unwrap_or_default();
        let shown = || {
            let cell = batch.column_by_name(&name).and_then(|c| text_of(c.as_ref(), row)).unwrap_or_else(|| "NULL".into());
            if cell.chars().count() > 80 { format!("{}…", cell.chars().take(80).collect::<String>()) } else { cell }
        };
        match &self.kind {
            Kind::Required => ("required", Some(name.clone()), format!("`{name}` is missing")),
            Kind::Accepted(_) => {
                ("accepted", Some(name.clone()), format!("`{name}` is '{}', which is not one of the accepted values", shown()))
            }
            Kind::Range { text, .. } => ("range", Some(name.clone()), format!("`{name}` is {}, {text}", shown())),
            Kind::Check { shown: check, .. } => ("check", self.column.clone(), format!("check failed: {check}")),
        }
    }
}

fn accepted(table: &Table, c: &Column, t: &DataType, problems: &mut Vec<Problem>) -> Option<Accepted> {
    if is_text(t) {
        return Some(Accepted::Texts(c.accepted.iter().cloned().collect()));
    }
    let key = HashKey::derive("accepted values");
    let mut set = HashSet::default();
    for text in &c.accepted {
        match text_cell(text, t) {
            Some(cell) => set.extend(hash_rows(&[&cell], 1, key).ok()?),
            // Of a declared type the project's reader has said so already.
            None if c.data_type.is_some() => {}
            None => {
                let message = format!("accepted value \"{text}\" of `{}` is not {}", c.name.value, type_name(t));
                problems.push(
                    Problem::error(codes::BOUND_TYPE, Place::span(&table.file, c.span.clone()), message)
                        .help("write it as the column's type, or change the type"),
                );
            }
        }
    }
    Some(Accepted::Values(set, key))
}

/// A bound as a cell of the column's type.
fn bound(table: &Table, c: &Column, v: &Spanned<OptionValue>, t: &DataType, problems: &mut Vec<Problem>) -> Option<ArrayRef> {
    let cell = option_cell(v, t);
    if cell.is_none() && c.data_type.is_none() {
        let message = format!("a bound of `{}` is not {}", c.name.value, type_name(t));
        let help =
            if crate::cells::is_moment(t) { "write dates as \"2024-12-31\"" } else { "write it as the column's type, or change the type" };
        problems.push(Problem::error(codes::BOUND_TYPE, Place::span(&table.file, v.span.clone()), message).help(help));
    }
    cell
}

/// A value of a project file as one cell of type `t`; `None` when it is not one.
pub(crate) fn option_cell(v: &OptionValue, t: &DataType) -> Option<ArrayRef> {
    use arrow::array::{Float64Array, Int64Array};
    let cell: ArrayRef = match v {
        // Seconds may be left out.
        OptionValue::Text(s) if matches!(t, DataType::Timestamp(..)) && s.len() == "2024-12-31 23:59".len() => {
            return text_cell(&format!("{s}:00"), t);
        }
        OptionValue::Text(s) if is_text(t) || crate::cells::is_moment(t) || matches!(t, DataType::Decimal128(..)) => {
            return text_cell(s, t);
        }
        OptionValue::Integer(i) if *t == DataType::Utf8 => return text_cell(&i.to_string(), t),
        OptionValue::Integer(i) if crate::cells::is_number(t) => Arc::new(Int64Array::from(vec![*i])),
        OptionValue::Float(f) if crate::cells::is_whole(t) && f.fract() != 0.0 => return None,
        OptionValue::Float(f) if crate::cells::is_number(t) => Arc::new(Float64Array::from(vec![*f])),
        OptionValue::Bool(b) if *t == DataType::Boolean => Arc::new(BooleanArray::from(vec![*b])),
        _ => return None,
    };
    crate::cells::cast_strictly(&cell, t).ok().filter(|c| c.is_valid(0))
}
