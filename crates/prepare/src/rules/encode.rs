//! `encode`: categories as numbers.

use crate::cells::{field, is_number, number_json, text_list, texts};
use crate::measure::{Counted, Counts, Measured, measured};
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::{Scope, Taken};
use ahash::HashMap;
use arrow::array::{Array, ArrayRef, Float64Builder, Int8Array, Int32Builder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use serde_json::{Value, json};
use std::sync::Arc;
use tidemill_core::{Error, Result, Spanned, name};
use tidemill_project::spec::EncodeMethod;

pub(super) fn compile(scope: &mut Scope, column: &Spanned<String>, method: &EncodeMethod, into: Option<&Spanned<String>>, drop: bool) {
    let Some(c) = scope.column(column) else { return };
    match method {
        EncodeMethod::OneHot { values, values_max } => one_hot(scope, &c, values, *values_max, into),
        EncodeMethod::Ordinal { order } => {
            let Some((out, replaces)) = scope.write(&c, into, DataType::Int32) else { return };
            let name = scope.slots[out].name.clone();
            // Cells become codes: another thing than a changed cell.
            let rule = Ordinal { order: order.clone(), numbers: is_number(&c.data_type) };
            let node = scope.push_row(&name, vec![c.slot], out, replaces.filter(|_| is_number(&c.data_type)), rule);
            if order.is_empty() {
                node.measure(Counts, vec![0]);
            }
        }
        EncodeMethod::Frequency => {
            let Some((out, replaces)) = scope.write(&c, into, DataType::Float64) else { return };
            let name = scope.slots[out].name.clone();
            let node = scope.push_row(&name, vec![c.slot], out, replaces.filter(|_| is_number(&c.data_type)), Frequency);
            node.measure(Counts, vec![0]);
        }
    }
    let in_place = !matches!(method, EncodeMethod::OneHot { .. }) && into.is_none();
    if drop && !in_place {
        scope.remove(&c.name);
    }
}

// ------------------------------------------------------------------------------------------------------------- one-hot

fn one_hot(scope: &mut Scope, c: &Taken, values: &[String], values_max: usize, into: Option<&Spanned<String>>) {
    let mut template = into.map_or_else(|| "{column}_{value}".to_string(), |i| i.value.clone()).replace("{column}", &c.name);
    if !template.contains("{value}") {
        template.push_str("_{value}");
    }
    let rule = |values: Vec<String>| OneHot { values, values_max, template: template.clone() };
    if values.is_empty() {
        let out = scope.open(&format!("{}_*", c.name));
        scope.push_row(&c.name, vec![c.slot], out, None, rule(Vec::new())).measure(Counts, vec![0]);
        return;
    }
    let span = into.map_or(0..0, |i| i.span.clone());
    let names = column_names(&template, values);
    let outputs: Vec<_> = names.iter().filter_map(|n| scope.create(n, &span, DataType::Int8)).collect();
    if outputs.len() == names.len() {
        let act = crate::program::Act::Row(Box::new(rule(values.to_vec())));
        scope.push(Some(&c.name), vec![c.slot], outputs, None, None, act);
    }
}

/// A column for each value: different values never share one.
fn column_names(template: &str, values: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(values.len());
    for v in values {
        let plain = name::normalise(&template.replace("{value}", v.trim()));
        let mut unique = plain.clone();
        let mut n = 2;
        while out.contains(&unique) {
            unique = format!("{plain}_{n}");
            n += 1;
        }
        out.push(unique);
    }
    out
}

struct OneHot {
    /// Empty: fitted.
    values: Vec<String>,
    values_max: usize,
    template: String,
}

impl RowRule for OneHot {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok((!self.values.is_empty()).then(|| json!({"values": self.values})))
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let counted = measured::<Counted>(all, 0)?;
        let values: Vec<&str> = counted.ranking().into_iter().take(self.values_max).map(|(v, _)| v).collect();
        Ok(json!({"values": values, "values_left_out": counted.values.len() - values.len()}))
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let values = text_list(fitted, "values")?;
        let fields: Fields = column_names(&self.template, &values).into_iter().map(|n| Field::new(n, DataType::Int8, true)).collect();
        let places = values.iter().enumerate().map(|(i, v)| (v.clone(), i)).collect();
        Ok(Arc::new(Indicate { places, fields, open: self.values.is_empty() }))
    }
    fn message(&self, fitted: &Value) -> String {
        let n = fitted.get("values").and_then(Value::as_array).map_or(0, Vec::len);
        match fitted.get("values_left_out").and_then(Value::as_u64) {
            Some(more) if more > 0 => format!("{n} columns; {more} rarer values have none"),
            _ => format!("{n} columns"),
        }
    }
}

struct Indicate {
    places: HashMap<String, usize>,
    fields: Fields,
    open: bool,
}

impl Op for Indicate {
    fn run(&self, input: &Input) -> Result<Output> {
        let column = texts(&input.arrays[0])?;
        let mut marks = vec![vec![0i8; input.rows]; self.fields.len()];
        for (row, value) in column.iter().enumerate() {
            if let Some(value) = value
                && let Some(at) = self.places.get(value)
            {
                marks[*at][row] = 1;
            }
        }
        let columns: Vec<ArrayRef> = marks.into_iter().map(|m| Arc::new(Int8Array::from(m)) as ArrayRef).collect();
        if !self.open {
            return Ok(Output::Columns(columns));
        }
        let whole = StructArray::try_new_with_length(self.fields.clone(), columns, None, input.rows)?;
        Ok(Output::Columns(vec![Arc::new(whole)]))
    }
    fn opened(&self) -> Option<Fields> {
        self.open.then(|| self.fields.clone())
    }
}

// ------------------------------------------------------------------------------------------------------------- ordinal

struct Ordinal {
    /// Empty: fitted, sorted.
    order: Vec<String>,
    /// Sorted as numbers, not as text.
    numbers: bool,
}

impl RowRule for Ordinal {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok((!self.order.is_empty()).then(|| json!({"order": self.order})))
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let mut order: Vec<&str> = measured::<Counted>(all, 0)?.sorted().into_iter().map(|(v, _)| v).collect();
        if self.numbers {
            order.sort_by(|a, b| a.parse::<f64>().unwrap_or(f64::NAN).total_cmp(&b.parse::<f64>().unwrap_or(f64::NAN)));
        }
        Ok(json!({"order": order}))
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let order = text_list(fitted, "order")?;
        Ok(Arc::new(Codes(order.into_iter().enumerate().map(|(i, v)| (v, i as i32)).collect())))
    }
    fn message(&self, fitted: &Value) -> String {
        format!("{} values in order", fitted.get("order").and_then(Value::as_array).map_or(0, Vec::len))
    }
}

struct Codes(HashMap<String, i32>);

impl Op for Codes {
    fn run(&self, input: &Input) -> Result<Output> {
        let column = texts(&input.arrays[0])?;
        let mut out = Int32Builder::with_capacity(column.len());
        column.iter().for_each(|v| out.append_option(v.and_then(|v| self.0.get(v).copied())));
        Ok(Output::Columns(vec![Arc::new(out.finish())]))
    }
}

// ------------------------------------------------------------------------------------------------------------- frequency

struct Frequency;

impl RowRule for Frequency {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(None)
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let counted = measured::<Counted>(all, 0)?;
        let shares = counted.sorted().into_iter().map(|(v, n)| (v.to_string(), number_json(n as f64 / counted.rows as f64)));
        Ok(json!({"shares": shares.collect::<serde_json::Map<_, _>>()}))
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let shares = field(fitted, "shares")?.as_object().ok_or_else(|| Error::data("`shares` of a stored recipe is not a table"))?;
        let shares = shares.iter().map(|(k, v)| Ok((k.clone(), crate::cells::json_number(v)?))).collect::<Result<HashMap<_, _>>>()?;
        Ok(Arc::new(Shares(shares)))
    }
    fn message(&self, fitted: &Value) -> String {
        format!("{} values", fitted.get("shares").and_then(Value::as_object).map_or(0, serde_json::Map::len))
    }
}

struct Shares(HashMap<String, f64>);

impl Op for Shares {
    fn run(&self, input: &Input) -> Result<Output> {
        let column = texts(&input.arrays[0])?;
        let mut out = Float64Builder::with_capacity(column.len());
        column.iter().for_each(|v| out.append_option(v.and_then(|v| self.0.get(v).copied())));
        Ok(Output::Columns(vec![Arc::new(out.finish())]))
    }
}
