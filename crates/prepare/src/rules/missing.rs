//! `missing`: what becomes of missing cells.

use crate::cells::{
    Ranked, cell_json, field, filled, is_moment, is_number, is_text, json_cell, missing, number_cell, present, text_cell, text_of,
};
use crate::contract::option_cell;
use crate::hash::{HashKey, hash_rows};
use crate::measure::{Counted, Counts, GroupStatistic, GroupValues, Grouped, Measured, Moments, MomentsOf, Spread, SpreadOf, measured};
use crate::program::{Act, Input, Op, Output, Removal, RowRule};
use crate::rules::forward;
use crate::scope::{Scope, Taken};
use ahash::HashMap;
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use serde_json::{Value, json};
use std::sync::Arc;
use tidemill_core::{Error, Result, Spanned, codes};
use tidemill_engine::type_name;
use tidemill_project::spec::{Columns, Fill};

pub(super) fn compile(scope: &mut Scope, columns: &Columns, with: &Fill, by: &[Spanned<String>], order_by: &[Spanned<String>]) {
    let groups: Vec<Taken> = by.iter().filter_map(|b| scope.column(b)).collect();
    let orders: Vec<Taken> = order_by.iter().filter_map(|o| scope.column(o)).collect();
    if groups.len() < by.len() || orders.len() < order_by.len() {
        return;
    }
    let statistic = match with {
        Fill::Mean => Some(GroupStatistic::Mean),
        Fill::Median => Some(GroupStatistic::Median),
        Fill::Mode => Some(GroupStatistic::Mode),
        Fill::Drop | Fill::Constant(_) | Fill::Forward => None,
    };
    if statistic.is_none() && !matches!(with, Fill::Forward) && !by.is_empty() {
        scope.error(
            codes::RULE_INCONSISTENT,
            &by[0].span,
            "`by` means nothing for this way of filling",
            "remove `by`, or fill with mean, median, mode or forward",
        );
        return;
    }
    if !matches!(with, Fill::Forward) && !order_by.is_empty() {
        scope.error(
            codes::RULE_INCONSISTENT,
            &order_by[0].span,
            "`order_by` means nothing for this way of filling",
            "remove `order_by`, or fill with = \"forward\"",
        );
        return;
    }
    let any = |_: &DataType| true;
    match with {
        Fill::Drop => {
            let slots: Vec<_> = scope.all(columns, "a column", any).iter().map(|c| c.slot).collect();
            if !slots.is_empty() {
                scope.push(None, slots, Vec::new(), None, Some(Removal::Filtered), Act::Row(Box::new(DropMissing)));
            }
        }
        Fill::Constant(value) => {
            let star = matches!(columns, Columns::All(_));
            for c in scope.all(columns, "a column", any) {
                match option_cell(value, &c.data_type) {
                    Some(cell) => {
                        let out = scope.next(&c, c.data_type.clone());
                        scope.push_row(&c.name, vec![c.slot], out, Some(c.slot), Constant(cell));
                    }
                    // With `*` the value says which columns are meant.
                    None if star => {}
                    None => {
                        let message = format!("the value is not {}, the type of `{}`", type_name(&c.data_type), c.name);
                        scope.error(codes::RULE_COLUMN_TYPE, &value.span, message, "write a value of the column's type");
                    }
                }
            }
        }
        Fill::Mean | Fill::Median => {
            let fits = |t: &DataType| is_number(t) || is_moment(t);
            for c in scope.figures(columns, "a number, date or timestamp", fits) {
                fitted(scope, &c, &groups, statistic.unwrap_or(GroupStatistic::Mean));
            }
        }
        Fill::Mode => {
            for c in scope.all(columns, "a column", any) {
                fitted(scope, &c, &groups, GroupStatistic::Mode);
            }
        }
        Fill::Forward => {
            for c in scope.all(columns, "a column", any) {
                forward::push(scope, &c, &groups, &orders);
            }
        }
    }
}

fn fitted(scope: &mut Scope, c: &Taken, groups: &[Taken], statistic: GroupStatistic) {
    let mut inputs = vec![c.slot];
    inputs.extend(groups.iter().map(|g| g.slot));
    let key = scope.key;
    let out = scope.next(c, c.data_type.clone());
    let rule = Statistic {
        statistic,
        data_type: c.data_type.clone(),
        groups: groups.iter().map(|g| (g.name.clone(), g.data_type.clone())).collect(),
        key,
    };
    let grouped = (!groups.is_empty()).then(|| Grouped { statistic, data_type: c.data_type.clone(), key });
    let places = (0..inputs.len()).collect();
    let node = scope.push_row(&c.name, inputs, out, Some(c.slot), rule);
    // The figure of the whole table also serves groups that have none.
    match statistic {
        GroupStatistic::Mean => node.measure(MomentsOf, vec![0]),
        GroupStatistic::Mode if is_text(&c.data_type) => node.measure(Counts, vec![0]),
        GroupStatistic::Median | GroupStatistic::Mode => node.measure(SpreadOf(c.data_type.clone()), vec![0]),
    };
    if let Some(g) = grouped {
        node.measure(g, places);
    }
}

// ------------------------------------------------------------------------------------------------------------- drop, constant

struct DropMissing;

impl RowRule for DropMissing {
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(DropMissing))
    }
}

impl Op for DropMissing {
    fn run(&self, input: &Input) -> Result<Output> {
        let whole = input.arrays.iter().fold(BooleanBuffer::new_set(input.rows), |m, c| &m & &present(c.as_ref()));
        Ok(Output::Keep(whole))
    }
}

struct Constant(ArrayRef);

impl RowRule for Constant {
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(FillAll(self.0.clone())))
    }
    fn message(&self, _: &Value) -> String {
        told(&self.0)
    }
}

fn told(cell: &ArrayRef) -> String {
    text_of(cell.as_ref(), 0).map_or_else(|| "nothing to fill with: no value is there".into(), |t| format!("filled with {t}"))
}

struct FillAll(ArrayRef);

impl Op for FillAll {
    fn run(&self, input: &Input) -> Result<Output> {
        let before = &input.arrays[0];
        if before.null_count() == 0 || self.0.is_null(0) {
            return Ok(Output::Same);
        }
        Ok(Output::Changed(filled(before, &self.0)?, missing(before.as_ref())))
    }
}

// ------------------------------------------------------------------------------------------------------------- statistics

struct Statistic {
    statistic: GroupStatistic,
    data_type: DataType,
    groups: Vec<(String, DataType)>,
    key: HashKey,
}

impl Statistic {
    fn name(&self) -> &'static str {
        match self.statistic {
            GroupStatistic::Mean => "mean",
            GroupStatistic::Median => "median",
            GroupStatistic::Mode => "mode",
        }
    }

    fn whole(&self, all: &[&Measured]) -> Result<Option<ArrayRef>> {
        let t = &self.data_type;
        Ok(match self.statistic {
            GroupStatistic::Mean => {
                let m = measured::<Moments>(all, 0)?;
                (m.count > 0).then(|| number_cell(m.mean(), t)).transpose()?
            }
            GroupStatistic::Median => measured::<Spread>(all, 0)?.middle().map(|(a, b)| Ranked::between(a, b, t)).transpose()?,
            GroupStatistic::Mode if is_text(t) => measured::<Counted>(all, 0)?.ranking().first().and_then(|(text, _)| text_cell(text, t)),
            GroupStatistic::Mode => measured::<Spread>(all, 0)?.mode().map(|r| Ranked::cell(r, t)).transpose()?,
        })
    }
}

impl RowRule for Statistic {
    fn given(&self, _: &crate::program::Given) -> Result<Option<Value>> {
        Ok(None)
    }
    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let whole = self.whole(all)?.map_or(Value::Null, |c| cell_json(c.as_ref(), 0));
        let mut out = serde_json::Map::new();
        out.insert(self.name().into(), whole);
        if !self.groups.is_empty() {
            let groups = measured::<GroupValues>(all, 1)?;
            let groups = groups.groups.iter().map(|(label, cell)| json!({"group": label, self.name(): cell_json(cell.as_ref(), 0)}));
            out.insert("groups".into(), Value::Array(groups.collect()));
        }
        Ok(Value::Object(out))
    }
    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let whole = json_cell(field(fitted, self.name())?, &self.data_type)?;
        if self.groups.is_empty() {
            return Ok(Arc::new(FillAll(whole)));
        }
        let groups = field(fitted, "groups")?.as_array().ok_or_else(|| Error::data("`groups` of a stored recipe is not a list"))?;
        // One column of fill values: the whole table's first, then each group's.
        let mut values = vec![whole];
        let mut places = HashMap::default();
        for g in groups {
            let label = field(g, "group")?.as_array().filter(|l| l.len() == self.groups.len());
            let label = label.ok_or_else(|| Error::data("a group of a stored recipe has other columns than the rule"))?;
            let cells = label.iter().zip(&self.groups).map(|(v, (_, t))| json_cell(v, t)).collect::<Result<Vec<_>>>()?;
            let hash = hash_rows(&cells.iter().collect::<Vec<_>>(), 1, self.key)?;
            places.insert(hash[0], values.len() as u32);
            values.push(json_cell(field(g, self.name())?, &self.data_type)?);
        }
        let values = arrow::compute::concat(&values.iter().map(|v| v.as_ref()).collect::<Vec<_>>())?;
        Ok(Arc::new(FillGroups { values, places, key: self.key }))
    }
    fn message(&self, fitted: &Value) -> String {
        if !self.groups.is_empty() {
            let names: Vec<&str> = self.groups.iter().map(|(n, _)| n.as_str()).collect();
            let n = fitted.get("groups").and_then(Value::as_array).map_or(0, Vec::len);
            return format!("filled with the {} of {n} groups by {}", self.name(), names.join(", "));
        }
        let cell = fitted.get(self.name()).map(|v| json_cell(v, &self.data_type));
        cell.and_then(Result::ok).map_or_else(String::new, |c| told(&c))
    }
}

struct FillGroups {
    values: ArrayRef,
    places: HashMap<u128, u32>,
    key: HashKey,
}

impl Op for FillGroups {
    fn run(&self, input: &Input) -> Result<Output> {
        let before = &input.arrays[0];
        if before.null_count() == 0 {
            return Ok(Output::Same);
        }
        let hashes = hash_rows(&input.arrays[1..].iter().collect::<Vec<_>>(), input.rows, self.key)?;
        // A row takes its own cell (from the second array) or a fill value.
        let own = self.values.len() as u32;
        let indices = (0..input.rows)
            .map(|row| if before.is_valid(row) { own + row as u32 } else { self.places.get(&hashes[row]).copied().unwrap_or(0) });
        let pool = arrow::compute::concat(&[self.values.as_ref(), before.as_ref()])?;
        let after = arrow::compute::take(pool.as_ref(), &UInt32Array::from_iter_values(indices), None)?;
        let changed = &missing(before.as_ref()) & &present(after.as_ref());
        Ok(Output::Changed(after, changed))
    }
}
