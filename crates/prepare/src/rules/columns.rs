//! `drop`, `rename` and `select`: which columns there are and what they are called. Nothing is done to any row.

use crate::cells::text_of;
use crate::measure::{Measure, Measured, measured};
use crate::program::{Act, Input, Op, Output, Part, RowRule, open_part, open_state};
use crate::scope::Scope;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use serde_json::Value;
use std::sync::Arc;
use tidemill_core::{Error, Result, Spanned, codes, name};
use tidemill_project::spec::Columns;

pub(super) fn drop(scope: &mut Scope, columns: &Columns, only_constant: bool) {
    if let Columns::All(span) = columns {
        scope.error(codes::RULE_COLUMN_TYPE, span, "`drop` needs its columns by name", "write `columns = [\"a\", \"b\"]`");
        return;
    }
    for c in scope.all(columns, "a column", |_| true) {
        if only_constant {
            let (name, data_type) = (c.name.clone(), c.data_type.clone());
            let node = scope.push(Some(&c.name), vec![c.slot], Vec::new(), None, None, Act::Row(Box::new(Constant { name, data_type })));
            node.measure(Varies, vec![0]);
        }
        scope.remove(&c.name);
    }
}

pub(super) fn rename(scope: &mut Scope, pairs: &[(Spanned<String>, Spanned<String>)]) {
    // All at once, so that two columns can swap names.
    let mut renamed = Vec::new();
    for (old, new) in pairs {
        if let Some(c) = scope.column(old) {
            renamed.push((c, new));
        }
    }
    for (at, (c, new)) in renamed.iter().enumerate() {
        let freed = renamed.iter().any(|(other, _)| other.name == new.value);
        let twice = renamed[..at].iter().any(|(_, n)| n.value == new.value);
        if twice || (!freed && scope.columns.iter().any(|o| o.name == new.value && o.name != c.name)) {
            let message = format!("there is already a column `{}`", new.value);
            scope.error(codes::RULE_OUTPUT_EXISTS, &new.span, message, "choose another name, or drop the old column first");
        }
    }
    let names: Vec<(usize, String)> = renamed
        .iter()
        .filter_map(|(c, new)| scope.columns.iter().position(|o| o.name == c.name).map(|at| (at, name::normalise(&new.value))))
        .collect();
    for (at, new) in names {
        scope.columns[at].name = new;
    }
}

pub(super) fn select(scope: &mut Scope, columns: &[Spanned<String>]) {
    let mut kept = Vec::new();
    for written in columns {
        let Some(c) = scope.column(written) else { continue };
        if let Some(found) = scope.columns.iter().find(|o| o.name == c.name && !kept.iter().any(|k: &crate::scope::Named| k.name == o.name))
        {
            // Naming provenance keeps it.
            kept.push(crate::scope::Named { hidden: false, ..found.clone() });
        }
    }
    kept.extend(scope.columns.iter().filter(|c| c.broken).cloned());
    if !kept.is_empty() {
        scope.columns = kept;
    }
}

/// A column that is dropped because it says nothing: if it does say something, the run stops.
struct Constant {
    name: String,
    data_type: DataType,
}

/// The first two different values, as text.
#[derive(Default)]
struct Seen {
    values: Vec<Option<String>>,
}

struct Varies;

impl Varies {
    fn note(seen: &mut Seen, value: Option<String>) {
        if seen.values.len() < 2 && !seen.values.contains(&value) {
            seen.values.push(value);
        }
    }
    /// The first row's value and the first that differs.
    fn look(column: &ArrayRef) -> Result<Seen> {
        let mut seen = Seen::default();
        if column.is_empty() {
            return Ok(seen);
        }
        Self::note(&mut seen, text_of(column.as_ref(), 0));
        let first = crate::cells::repeat(&column.slice(0, 1), column.len())?;
        if let Some(other) = crate::cells::differ(&first, column)?.set_indices().next() {
            Self::note(&mut seen, text_of(column.as_ref(), other));
        }
        Ok(seen)
    }
}

impl Measure for Varies {
    fn name(&self) -> Option<&'static str> {
        Some("varies")
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(Seen::default()))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        Ok(Box::new(Self::look(&input.arrays[0])?))
    }
    fn fold(&self, total: &mut Part, part: Part, _: &crate::budget::Budget) -> Result<()> {
        let total = open_state::<Seen>(total)?;
        open_part::<Seen>(part)?.values.into_iter().for_each(|v| Self::note(total, v));
        Ok(())
    }
}

fn varies(name: &str, a: Option<&str>, b: Option<&str>) -> Error {
    let shown = |v: Option<&str>| v.map_or_else(|| "NULL".to_string(), |v| format!("'{v}'"));
    Error::data(format!("column `{name}` was to be dropped as constant, but it holds {} and {} (TM0905)", shown(a), shown(b)))
        .help("keep the column, or drop it without `when = \"constant\"`")
}

impl RowRule for Constant {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(None)
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let seen = measured::<Seen>(all, 0)?;
        match &seen.values[..] {
            [] => Ok(crate::fitted::figures([("constant", Value::Null)])),
            [one] => Ok(crate::fitted::figures([("constant", one.clone().map_or(Value::Null, Value::from))])),
            [a, b, ..] => Err(varies(&self.name, a.as_deref(), b.as_deref())),
        }
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let value = crate::cells::field(fitted, "constant")?.as_str().map(str::to_string);
        Ok(Arc::new(Verify { name: self.name.clone(), value, data_type: self.data_type.clone() }))
    }
    fn message(&self, fitted: &Value) -> String {
        format!("dropped: always {}", fitted.get("constant").and_then(Value::as_str).unwrap_or("missing"))
    }
}

/// Rows that a stored fit has not seen must not lose what they say either.
struct Verify {
    name: String,
    value: Option<String>,
    data_type: DataType,
}

impl Op for Verify {
    fn run(&self, input: &Input) -> Result<Output> {
        debug_assert_eq!(input.arrays[0].data_type(), &self.data_type);
        for value in Varies::look(&input.arrays[0])?.values {
            if value != self.value {
                return Err(varies(&self.name, self.value.as_deref(), value.as_deref()));
            }
        }
        Ok(Output::Same)
    }
}
