//! The least and the greatest of values that only come.

use super::accumulator::Accumulator;
use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, Int64Array, PrimitiveArray, StringArray, cast::AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, FieldRef, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// Whether there is one for values of this type.
pub(crate) fn is_known(of: &DataType) -> bool {
    use DataType::{
        Date32, Date64, Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, Timestamp, UInt8, UInt16, UInt32, UInt64, Utf8,
    };
    matches!(
        of,
        Int8 | Int16
            | Int32
            | Int64
            | UInt8
            | UInt16
            | UInt32
            | UInt64
            | Float32
            | Float64
            | Decimal128(..)
            | Date32
            | Date64
            | Timestamp(..)
            | Utf8
    )
}

pub(super) fn start(least: bool, returns: &FieldRef) -> Result<Box<dyn Accumulator>> {
    macro_rules! of {
        ($t:ty) => {
            Box::new(Extremes::<$t> { least, returns: returns.data_type().clone(), cells: Vec::new() })
        };
    }
    Ok(match returns.data_type() {
        DataType::Int8 => of!(Int8Type),
        DataType::Int16 => of!(Int16Type),
        DataType::Int32 => of!(Int32Type),
        DataType::Int64 => of!(Int64Type),
        DataType::UInt8 => of!(UInt8Type),
        DataType::UInt16 => of!(UInt16Type),
        DataType::UInt32 => of!(UInt32Type),
        DataType::UInt64 => of!(UInt64Type),
        DataType::Float32 => of!(Float32Type),
        DataType::Float64 => of!(Float64Type),
        DataType::Decimal128(..) => of!(Decimal128Type),
        DataType::Date32 => of!(Date32Type),
        DataType::Date64 => of!(Date64Type),
        DataType::Timestamp(TimeUnit::Second, _) => of!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of!(TimestampNanosecondType),
        DataType::Utf8 => Box::new(Texts { least, cells: Vec::new() }),
        other => return Err(Error::bug(format!("no least or greatest of {other}"))),
    })
}

struct Extremes<T: ArrowPrimitiveType> {
    least: bool,
    returns: DataType,
    cells: Vec<Option<T::Native>>,
}

impl<T: ArrowPrimitiveType> Accumulator for Extremes<T> {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], _: Option<&Int64Array>, groups: usize) -> Result<()> {
        if self.cells.len() < groups {
            self.cells.resize(groups, None);
        }
        let values = args[0].as_primitive::<T>();
        let mut take = |id: usize, value: T::Native| {
            let cell = &mut self.cells[id];
            let better = cell.is_none_or(|c| if self.least { value.is_lt(c) } else { value.is_gt(c) });
            if better {
                *cell = Some(value);
            }
        };
        if values.null_count() == 0 {
            ids.iter().zip(values.values()).for_each(|(id, value)| take(*id, *value));
        } else {
            ids.iter().enumerate().filter(|(row, _)| values.is_valid(*row)).for_each(|(row, id)| take(*id, values.value(row)));
        }
        Ok(())
    }
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        let values: PrimitiveArray<T> = ids.iter().map(|id| self.cells.get(*id).copied().flatten()).collect();
        Ok(Arc::new(values.with_data_type(self.returns.clone())))
    }
    fn size(&self) -> usize {
        self.cells.capacity() * size_of::<Option<T::Native>>()
    }
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        self.read(&(0..groups).collect::<Vec<_>>()).map(|a| vec![a])
    }
    fn restore(&mut self, state: &[ArrayRef], _: usize) -> Result<()> {
        self.cells = state[0].as_primitive::<T>().iter().collect();
        Ok(())
    }
}

struct Texts {
    least: bool,
    cells: Vec<Option<Box<str>>>,
}

impl Accumulator for Texts {
    fn update(&mut self, args: &[ArrayRef], ids: &[usize], _: Option<&Int64Array>, groups: usize) -> Result<()> {
        if self.cells.len() < groups {
            self.cells.resize(groups, None);
        }
        let values = args[0].as_string::<i32>();
        for (row, id) in ids.iter().enumerate().filter(|(row, _)| values.is_valid(*row)) {
            let (cell, value) = (&mut self.cells[*id], values.value(row));
            let better = cell.as_deref().is_none_or(|c| if self.least { value < c } else { value > c });
            if better {
                *cell = Some(value.into());
            }
        }
        Ok(())
    }
    fn read(&mut self, ids: &[usize]) -> Result<ArrayRef> {
        Ok(Arc::new(ids.iter().map(|id| self.cells.get(*id).and_then(Option::as_deref)).collect::<StringArray>()))
    }
    fn size(&self) -> usize {
        let texts: usize = self.cells.iter().flatten().map(|t| t.len()).sum();
        self.cells.capacity() * size_of::<Option<Box<str>>>() + texts
    }
    fn save(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        self.read(&(0..groups).collect::<Vec<_>>()).map(|a| vec![a])
    }
    fn restore(&mut self, state: &[ArrayRef], _: usize) -> Result<()> {
        self.cells = state[0].as_string::<i32>().iter().map(|t| t.map(Into::into)).collect();
        Ok(())
    }
}
