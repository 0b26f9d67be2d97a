//! Aggregates of a few numbers per group: count, sum, average, deviation, and, or. They can be read at any time, and take values back.

use super::accumulator::Accumulator;
use super::floats::{Odd, Wide};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Float64Array, Int64Array, PrimitiveArray, cast::AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, FieldRef, Float64Type, Int64Type, UInt64Type};
use std::sync::Arc;
use tidemill_core::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Count,
    Sum,
    Avg,
    Spread(Spread),
    All,
    Any,
}

/// Variance and deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) root: bool,
    pub(crate) sample: bool,
}

impl Kind {
    /// Which of these is called so, for arguments and result of these types; those that are only needed when values are taken back with `updating`.
    pub(crate) fn of(name: &str, arg: Option<&DataType>, returns: &DataType, updating: bool) -> Option<Kind> {
        use DataType::{Boolean, Decimal128, Float64, Int64, UInt64};
        Some(match (name, arg, returns) {
            ("count", _, Int64) => Kind::Count,
            ("sum", Some(a), r) if a == r && matches!(a, Int64 | UInt64 | Float64) => Kind::Sum,
            ("sum", Some(Decimal128(_, a)), Decimal128(_, r)) if a == r => Kind::Sum,
            ("avg", Some(Float64), Float64) => Kind::Avg,
            ("avg", Some(Decimal128(_, a)), Decimal128(_, r)) if r >= a => Kind::Avg,
            ("stddev" | "stddev_samp", Some(Float64), Float64) if updating => Kind::Spread(Spread { root: true, sample: true }),
            ("stddev_pop", Some(Float64), Float64) if updating => Kind::Spread(Spread { root: true, sample: false }),
            ("var" | "var_samp" | "var_sample", Some(Float64), Float64) if updating => Kind::Spread(Spread { root: false, sample: true }),
            ("var_pop" | "var_population", Some(Float64), Float64) if updating => Kind::Spread(Spread { root: false, sample: false }),
            ("bool_and", Some(Boolean), Boolean) => Kind::All,
            ("bool_or", Some(Boolean), Boolean) => Kind::Any,
            _ => return None,
        })
    }
}

pub(super) fn start(kind: Kind, returns: &FieldRef, arg: Option<&FieldRef>, exact: bool) -> Result<Box<dyn Accumulator>> {
    let wrong = || Error::bug(format!("no {kind:?} of {:?} giving {}", arg.map(|a| a.data_type().clone()), returns.data_type()));
    Ok(match (kind, returns.data_type()) {
        (Kind::Count, _) => Box::new(Count::default()),
        (Kind::Sum, DataType::Int64) => Box::new(Sum::<Int64Type>::new(returns, None)),
        (Kind::Sum, DataType::UInt64) => Box::new(Sum::<UInt64Type>::new(returns, None)),
        (Kind::Sum, DataType::Decimal128(..)) => Box::new(Sum::<Decimal128Type>::new(returns, None)),
        (Kind::Avg, DataType::Decimal128(_, to)) => {
            let Some(DataType::Decimal128(_, from)) = arg.map(|a| a.data_type()) else { return Err(wrong()) };
            // As the batch engine does it: more digits first, then a division that cuts.
            let factor = 10i128.pow(u32::try_from(to - from).unwrap_or(0));
            Box::new(Sum::<Decimal128Type>::new(returns, Some(factor)))
        }
        (Kind::Sum, DataType::Float64) => Box::new(Floats { exact, average: false, ..Floats::default() }),
        (Kind::Avg, DataType::Float64) => Box::new(Floats { exact, average: true, ..Floats::default() }),
        (Kind::Spread(spread), _) => Box::new(Spreads { spread, cells: Vec::new() }),
        (Kind::All, _) => Box::new(Truths { all: true, cells: Vec::new() }),
        (Kind::Any, _) => Box::new(Truths { all: false, cells: Vec::new() }),
        _ => return Err(wrong()),
    })
}

fn grow<T: Clone + Default>(cells: &mut Vec<T>, groups: usize) {
    if cells.len() < groups {
        cells.resize(groups, T::default());
    }
}

fn cell<T: Copy + Default>(cells: &[T], id: usize) -> T {
    cells.get(id).copied().unwrap_or_default()
}

// --------------------------------------------------------------------------------------------------------------- count

#[derive(Default)]
struct Count {
    counts: Vec<i64>,
}

impl Accumulator for Count {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()> {
        grow(&mut self.counts, groups);
        let counts = self.counts.as_mut_slice();
        let mut nulls = args.iter().filter(|a| a.logical_null_count() > 0).filter_map(|a| a.logical_nulls()).peekable();
        if nulls.peek().is_none() {
            match weights {
                None => ids.iter().for_each(|id| counts[*id] += 1),
                Some(w) => ids.iter().zip(w.values()).for_each(|(id, w)| counts[*id] += w),
            }
            return Ok(());
        }
        let nulls: Vec<_> = nulls.collect();
        for (row, id) in ids.iter().enumerate() {
            if nulls.iter().all(|n| n.is_valid(row)) {
                counts[*id] += weights.map_or(1, |w| w.value(row));
            }
        }
        Ok(())
    }
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| cell(&self.counts, *id)))))
    }
    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        self.read(&(0..groups).collect::<Vec<_>>()).map(|a| vec![a])
    }
    fn restore(&mut self, state: &[ArrayRef], _: usize) -> Result<()> {
        self.counts = state[0].as_primitive::<Int64Type>().values().to_vec();
        Ok(())
    }
}

// ----------------------------------------------------------------------------------------------------------------- sum

/// Numbers that wrap, as in the batch engine.
pub(super) trait Number: Copy + Default + Send {
    fn plus(self, other: Self) -> Self;
    fn times(self, weight: i64) -> Self;
    fn average(self, factor: Self, count: i64) -> Self;
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl Number for $t {
            fn plus(self, other: Self) -> Self { self.wrapping_add(other) }
            fn times(self, weight: i64) -> Self { self.wrapping_mul(weight as $t) }
            fn average(self, factor: Self, count: i64) -> Self { self.wrapping_mul(factor).wrapping_div((count as $t).max(1)) }
        }
    )*};
}
number!(i64, u64, i128);

/// A sum, and how many values are in it: NULL of none.
struct Sum<T: ArrowPrimitiveType> {
    returns: DataType,
    /// An average is wanted, of so many times the sum.
    average: Option<T::Native>,
    cells: Vec<(T::Native, i64)>,
}

impl<T: ArrowPrimitiveType> Sum<T> {
    fn new(returns: &FieldRef, average: Option<T::Native>) -> Self {
        Sum { returns: returns.data_type().clone(), average, cells: Vec::new() }
    }
}

impl<T: ArrowPrimitiveType> Accumulator for Sum<T>
where
    T::Native: Number,
{
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()> {
        grow(&mut self.cells, groups);
        let cells = self.cells.as_mut_slice();
        let values = args[0].as_primitive::<T>();
        if values.null_count() == 0 && weights.is_none() {
            for (id, value) in ids.iter().zip(values.values()) {
                let cell = &mut cells[*id];
                *cell = (cell.0.plus(*value), cell.1 + 1);
            }
            return Ok(());
        }
        for (row, id) in ids.iter().enumerate().filter(|(row, _)| values.is_valid(*row)) {
            let weight = weights.map_or(1, |w| w.value(row));
            let cell = &mut cells[*id];
            *cell = (cell.0.plus(values.value(row).times(weight)), cell.1 + weight);
        }
        Ok(())
    }
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        let sums = ids.iter().map(|id| {
            let (sum, count) = cell(&self.cells, *id);
            (count != 0).then(|| self.average.map_or(sum, |factor| sum.average(factor, count)))
        });
        Ok(Arc::new(sums.collect::<PrimitiveArray<T>>().with_data_type(self.returns.clone())))
    }
    fn size(&self) -> usize {
        self.cells.capacity() * size_of::<(T::Native, i64)>()
    }
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let sums =
            PrimitiveArray::<T>::from_iter_values((0..groups).map(|id| cell(&self.cells, id).0)).with_data_type(self.returns.clone());
        let counts = Int64Array::from_iter_values((0..groups).map(|id| cell(&self.cells, id).1));
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }
    fn restore(&mut self, state: &[ArrayRef], _: usize) -> Result<()> {
        let counts = state[1].as_primitive::<Int64Type>().values();
        self.cells = state[0].as_primitive::<T>().values().iter().copied().zip(counts.iter().copied()).collect();
        Ok(())
    }
}

// ------------------------------------------------------------------------------------------------- sums of floats, averages

#[derive(Debug, Clone, Copy, Default)]
struct FloatCell {
    sum: Wide,
    count: i64,
    odd: Odd,
}

/// Plain sums as long as values only come, wide ones where they also go.
#[derive(Default)]
struct Floats {
    exact: bool,
    average: bool,
    plain: Vec<(f64, i64)>,
    cells: Vec<FloatCell>,
}

impl Floats {
    fn value(&self, id: usize) -> Option<f64> {
        let (sum, count) = if self.exact {
            let cell = cell(&self.cells, id);
            (cell.odd.sum().unwrap_or(cell.sum.value()), cell.count)
        } else {
            cell(&self.plain, id)
        };
        (count != 0).then(|| if self.average { sum / count as f64 } else { sum })
    }
}

impl Accumulator for Floats {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()> {
        let values = args[0].as_primitive::<Float64Type>();
        if !self.exact {
            grow(&mut self.plain, groups);
            let cells = self.plain.as_mut_slice();
            let mut add = |id: usize, value: f64| {
                let cell = &mut cells[id];
                cell.0 += value;
                cell.1 += 1;
            };
            if values.null_count() == 0 {
                ids.iter().zip(values.values()).for_each(|(id, value)| add(*id, *value));
            } else {
                ids.iter().enumerate().filter(|(row, _)| values.is_valid(*row)).for_each(|(row, id)| add(*id, values.value(row)));
            }
            return Ok(());
        }
        grow(&mut self.cells, groups);
        for (row, id) in ids.iter().enumerate().filter(|(row, _)| values.is_valid(*row)) {
            let (value, weight) = (values.value(row), weights.map_or(1, |w| w.value(row)));
            let cell = &mut self.cells[*id];
            cell.count += weight;
            if value.is_finite() {
                cell.sum.add_product(value, weight as f64);
            } else {
                cell.odd.add(value, weight);
            }
        }
        Ok(())
    }
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        Ok(Arc::new(ids.iter().map(|id| self.value(*id)).collect::<Float64Array>()))
    }
    fn size(&self) -> usize {
        self.plain.capacity() * size_of::<(f64, i64)>() + self.cells.capacity() * size_of::<FloatCell>()
    }
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let all: Vec<FloatCell> = (0..groups)
            .map(|id| match self.exact {
                true => cell(&self.cells, id),
                false => {
                    let (sum, count) = cell(&self.plain, id);
                    FloatCell { sum: Wide { high: sum, low: 0.0 }, count, odd: Odd::default() }
                }
            })
            .collect();
        let floats = |of: fn(&FloatCell) -> f64| Arc::new(Float64Array::from_iter_values(all.iter().map(of))) as ArrayRef;
        let whole = |of: fn(&FloatCell) -> i64| Arc::new(Int64Array::from_iter_values(all.iter().map(of))) as ArrayRef;
        let odd = [whole(|c| c.odd.up), whole(|c| c.odd.down), whole(|c| c.odd.nan)];
        Ok([floats(|c| c.sum.high), floats(|c| c.sum.low), whole(|c| c.count)].into_iter().chain(odd).collect())
    }
    fn restore(&mut self, state: &[ArrayRef], groups: usize) -> Result<()> {
        let float = |at: usize, row: usize| state[at].as_primitive::<Float64Type>().value(row);
        let whole = |at: usize, row: usize| state[at].as_primitive::<Int64Type>().value(row);
        for row in 0..groups {
            if self.exact {
                let odd = Odd { up: whole(3, row), down: whole(4, row), nan: whole(5, row) };
                self.cells.push(FloatCell { sum: Wide { high: float(0, row), low: float(1, row) }, count: whole(2, row), odd });
            } else {
                self.plain.push((float(0, row), whole(2, row)));
            }
        }
        Ok(())
    }
}

// -------------------------------------------------------------------------------------------------------------- spread

#[derive(Debug, Clone, Copy, Default)]
struct SpreadCell {
    count: i64,
    sum: Wide,
    squares: Wide,
    odd: i64,
}

struct Spreads {
    spread: Spread,
    cells: Vec<SpreadCell>,
}

impl Spreads {
    fn value(&self, id: usize) -> Option<f64> {
        let cell = cell(&self.cells, id);
        let n = cell.count as f64;
        let of = if self.spread.sample { n - 1.0 } else { n };
        if cell.count <= 0 || of <= 0.0 {
            return None;
        }
        if cell.odd > 0 {
            return Some(f64::NAN);
        }
        // n·Σx² − (Σx)², in wide numbers: what is left of two large ones.
        let variance = (cell.squares.times(n).minus(cell.sum.square()) / n / of).max(0.0);
        Some(if self.spread.root { variance.sqrt() } else { variance })
    }
}

impl Accumulator for Spreads {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()> {
        grow(&mut self.cells, groups);
        let values = args[0].as_primitive::<Float64Type>();
        for (row, id) in ids.iter().enumerate().filter(|(row, _)| values.is_valid(*row)) {
            let (value, weight) = (values.value(row), weights.map_or(1, |w| w.value(row)));
            let cell = &mut self.cells[*id];
            cell.count += weight;
            if !value.is_finite() {
                cell.odd += weight;
                continue;
            }
            cell.sum.add_product(value, weight as f64);
            for _ in 0..weight.unsigned_abs() {
                let signed = if weight < 0 { -value } else { value };
                cell.squares.add_product(value, signed);
            }
        }
        Ok(())
    }
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        Ok(Arc::new(ids.iter().map(|id| self.value(*id)).collect::<Float64Array>()))
    }
    fn size(&self) -> usize {
        self.cells.capacity() * size_of::<SpreadCell>()
    }
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let all: Vec<SpreadCell> = (0..groups).map(|id| cell(&self.cells, id)).collect();
        let floats = |of: fn(&SpreadCell) -> f64| Arc::new(Float64Array::from_iter_values(all.iter().map(of))) as ArrayRef;
        let whole = |of: fn(&SpreadCell) -> i64| Arc::new(Int64Array::from_iter_values(all.iter().map(of))) as ArrayRef;
        Ok(vec![
            whole(|c| c.count),
            floats(|c| c.sum.high),
            floats(|c| c.sum.low),
            floats(|c| c.squares.high),
            floats(|c| c.squares.low),
            whole(|c| c.odd),
        ])
    }
    fn restore(&mut self, state: &[ArrayRef], groups: usize) -> Result<()> {
        let float = |at: usize, row: usize| state[at].as_primitive::<Float64Type>().value(row);
        let whole = |at: usize, row: usize| state[at].as_primitive::<Int64Type>().value(row);
        self.cells = (0..groups)
            .map(|row| SpreadCell {
                count: whole(0, row),
                sum: Wide { high: float(1, row), low: float(2, row) },
                squares: Wide { high: float(3, row), low: float(4, row) },
                odd: whole(5, row),
            })
            .collect();
        Ok(())
    }
}

// ------------------------------------------------------------------------------------------------------------ and, or

/// How many are true, and how many false.
struct Truths {
    all: bool,
    cells: Vec<(i64, i64)>,
}

impl Accumulator for Truths {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], weights: Option<&Int64Array>, groups: usize) -> Result<()> {
        grow(&mut self.cells, groups);
        let values = cast(&args[0], &DataType::Boolean)?;
        let values = values.as_boolean();
        for (row, id) in ids.iter().enumerate().filter(|(row, _)| values.is_valid(*row)) {
            let weight = weights.map_or(1, |w| w.value(row));
            let cell = &mut self.cells[*id];
            if values.value(row) {
                cell.0 += weight;
            } else {
                cell.1 += weight;
            }
        }
        Ok(())
    }
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        let truths = ids.iter().map(|id| match cell(&self.cells, *id) {
            (0, 0) => None,
            (yes, no) => Some(if self.all { no == 0 } else { yes > 0 }),
        });
        Ok(Arc::new(truths.collect::<BooleanArray>()))
    }
    fn size(&self) -> usize {
        self.cells.capacity() * size_of::<(i64, i64)>()
    }
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let whole =
            |of: fn((i64, i64)) -> i64| Arc::new(Int64Array::from_iter_values((0..groups).map(|id| of(cell(&self.cells, id))))) as ArrayRef;
        Ok(vec![whole(|c| c.0), whole(|c| c.1)])
    }
    fn restore(&mut self, state: &[ArrayRef], groups: usize) -> Result<()> {
        let whole = |at: usize, row: usize| state[at].as_primitive::<Int64Type>().value(row);
        self.cells = (0..groups).map(|row| (whole(0, row), whole(1, row))).collect();
        Ok(())
    }
}
