//! `missing` with `forward`: the last value before it, in source order (as rows pass) or by other columns (over all rows).

use crate::budget::Budget;
use crate::hash::{HashKey, hash_rows};
use crate::program::{Act, Decision, ElectRule, Input, Part, StreamRule, open_part, open_state};
use crate::scope::{Scope, Taken};
use ahash::HashMap;
use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use tidemill_core::Result;

pub(super) fn push(scope: &mut Scope, c: &Taken, groups: &[Taken], orders: &[Taken]) {
    let mut inputs = vec![c.slot];
    inputs.extend(groups.iter().chain(orders).map(|t| t.slot));
    let (key, data_type) = (scope.key, c.data_type.clone());
    let act = if orders.is_empty() {
        Act::Stream(Box::new(InSourceOrder { key, data_type }))
    } else {
        let orders = orders.iter().map(|o| o.data_type.clone()).collect();
        Act::Elect(Box::new(InOrderOf { key, data_type, groups: groups.len(), orders }))
    };
    let out = scope.next(c, c.data_type.clone());
    scope.push(Some(&c.name), inputs, vec![out], Some(c.slot), None, act);
}

// ------------------------------------------------------------------------------------------------------------- source order

struct InSourceOrder {
    key: HashKey,
    data_type: DataType,
}

/// The last value of each group so far: group `g`'s is cell `g` of `values`.
struct Last {
    places: HashMap<u128, u32>,
    values: ArrayRef,
    budget: Budget,
}

struct Prepared {
    column: ArrayRef,
    /// One hash a row; empty where there are no groups.
    hashes: Vec<u128>,
}

impl StreamRule for InSourceOrder {
    fn begin(&self, budget: Budget, _: &std::path::Path) -> Part {
        Box::new(Last { places: HashMap::default(), values: new_null_array(&self.data_type, 0), budget })
    }
    fn prepare(&self, input: &Input) -> Result<Part> {
        let by: Vec<&ArrayRef> = input.arrays[1..].iter().collect();
        let hashes = if by.is_empty() { Vec::new() } else { hash_rows(&by, input.rows, self.key)? };
        Ok(Box::new(Prepared { column: input.arrays[0].clone(), hashes }))
    }
    fn pass(&self, state: &mut Part, part: Part) -> Result<Decision> {
        let state = open_state::<Last>(state)?;
        let Prepared { column, hashes } = open_part(part)?;
        let carried = state.values.len();
        // For each group, where in [nothing, carried values, this column] its last value is.
        let mut last: Vec<(usize, usize)> = (0..carried).map(|i| (1, i)).collect();
        let (mut rows, mut from) = (Vec::new(), Vec::new());
        for row in 0..column.len() {
            let hash = hashes.get(row).copied().unwrap_or(0);
            let fresh = state.places.len() as u32;
            let group = *state.places.entry(hash).or_insert(fresh) as usize;
            if group == last.len() {
                last.push((0, 0));
            }
            if column.is_valid(row) {
                last[group] = (2, row);
            } else if last[group].0 > 0 {
                rows.push(row as u32);
                from.push(last[group]);
            }
        }
        let nothing = new_null_array(&self.data_type, 1);
        let pool = [nothing.as_ref(), state.values.as_ref(), column.as_ref()];
        let cells = interleave(&pool, &from)?;
        state.values = interleave(&pool, &last)?;
        state.budget.resize(state.values.get_array_memory_size() + state.places.len() * 32)?;
        Ok(Decision::Cells { rows, cells })
    }
}

// ------------------------------------------------------------------------------------------------------------- other orders

struct InOrderOf {
    key: HashKey,
    data_type: DataType,
    groups: usize,
    orders: Vec<DataType>,
}

struct Line {
    group: u128,
    order: Box<[u8]>,
    morsel: u32,
    row: u32,
}

struct Lines {
    lines: Vec<Line>,
    columns: Vec<ArrayRef>,
    bytes: usize,
    budget: Budget,
}

struct Ordered {
    column: ArrayRef,
    lines: Vec<(u128, Box<[u8]>)>,
}

impl ElectRule for InOrderOf {
    fn begin(&self, budget: Budget) -> Part {
        Box::new(Lines { lines: Vec::new(), columns: Vec::new(), bytes: 0, budget })
    }
    fn prepare(&self, input: &Input) -> Result<Part> {
        let (by, orders) = input.arrays[1..].split_at(self.groups);
        let hashes = if by.is_empty() { vec![0; input.rows] } else { hash_rows(&by.iter().collect::<Vec<_>>(), input.rows, self.key)? };
        let converter = RowConverter::new(self.orders.iter().map(|t| SortField::new(t.clone())).collect())?;
        let rows = converter.convert_columns(orders)?;
        let lines = hashes.into_iter().zip(rows.iter()).map(|(h, r)| (h, r.as_ref().into())).collect();
        Ok(Box::new(Ordered { column: input.arrays[0].clone(), lines }))
    }
    fn fold(&self, state: &mut Part, part: Part) -> Result<()> {
        let state = open_state::<Lines>(state)?;
        let Ordered { column, lines } = open_part(part)?;
        let morsel = state.columns.len() as u32;
        state.bytes += column.get_array_memory_size();
        state.columns.push(column);
        for (row, (group, order)) in lines.into_iter().enumerate() {
            state.bytes += std::mem::size_of::<Line>() + order.len();
            state.lines.push(Line { group, order, morsel, row: row as u32 });
        }
        state.budget.resize(state.bytes)
    }
    fn finish(&self, state: Part) -> Result<Vec<Decision>> {
        let mut state: Lines = open_part(state)?;
        // Equal rows stay in source order.
        state.lines.sort_unstable_by(|a, b| {
            a.group.cmp(&b.group).then_with(|| a.order.cmp(&b.order)).then_with(|| (a.morsel, a.row).cmp(&(b.morsel, b.row)))
        });
        // Array 0 is a NULL, array m + 1 is morsel m.
        let mut from: Vec<Vec<(usize, usize)>> = state.columns.iter().map(|c| vec![(0, 0); c.len()]).collect();
        let mut last = (None, (0, 0));
        for l in &state.lines {
            let (morsel, row) = (l.morsel as usize, l.row as usize);
            if last.0 != Some(l.group) {
                last = (Some(l.group), (0, 0));
            }
            if state.columns[morsel].is_valid(row) {
                last.1 = (morsel + 1, row);
            }
            from[morsel][row] = last.1;
        }
        let nothing = new_null_array(&self.data_type, 1);
        let pool: Vec<&dyn Array> = std::iter::once(nothing.as_ref()).chain(state.columns.iter().map(|c| c.as_ref())).collect();
        from.iter().map(|f| Ok(Decision::Column(interleave(&pool, f)?))).collect()
    }
}
