//! `percentile_cont` to the last bit. DataFusion's rounds the place between two values to a millionth, so that quantiles are off in the seventh digit.

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, RecordBatch};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::functions_aggregate::percentile_cont::percentile_cont_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Documentation, EmitTo, GroupsAccumulator, Signature,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(crate) fn percentile_cont() -> AggregateUDF {
    AggregateUDF::new_from_impl(PercentileCont { others: percentile_cont_udaf() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PercentileCont {
    /// Types and checks; floats of less than 64 bits and DISTINCT altogether.
    others: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for PercentileCont {
    fn name(&self) -> &str {
        self.others.name()
    }

    fn aliases(&self) -> &[String] {
        self.others.aliases()
    }

    fn signature(&self) -> &Signature {
        self.others.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.others.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.others.inner().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let at = place(&args);
        let other = self.others.accumulator(args)?;
        Ok(match at {
            Some(at) => Box::new(Values { all: Vec::new(), at }),
            None => other,
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.others.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let at = place(&args);
        let gathered = self.others.create_groups_accumulator(args)?;
        Ok(match at {
            Some(at) => Box::new(Groups { gathered, at }),
            None => gathered,
        })
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.others.simplify()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.others.supports_within_group_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.others.documentation()
    }
}

/// Which part of the values lies below, 0 to 1; `None` for what is left to DataFusion.
fn place(args: &AccumulatorArgs) -> Option<f64> {
    if args.is_distinct || *args.expr_fields.first()?.data_type() != DataType::Float64 {
        return None;
    }
    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let at = match args.exprs.get(1)?.evaluate(&nothing).ok()? {
        ColumnarValue::Scalar(ScalarValue::Float64(Some(at))) => at,
        ColumnarValue::Scalar(ScalarValue::Float32(Some(at))) => f64::from(at),
        _ => return None,
    };
    Some(if args.order_bys.first().is_some_and(|sort| sort.options.descending) { 1.0 - at } else { at })
}

/// Reorders the values.
fn interpolated(values: &mut [f64], at: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let index = at * last as f64;
    let below = (index.floor() as usize).min(last);
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let part = index - below as f64;
    if part <= 0.0 {
        return Some(low);
    }
    // The next value is the least of those that do not lie below.
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (high - low) * part)
}

/// All values of one group, or of a window's frame.
#[derive(Debug)]
struct Values {
    all: Vec<f64>,
    at: f64,
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.all.extend(values[0].as_primitive::<Float64Type>().iter().flatten());
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.all.extend(list.as_primitive::<Float64Type>().iter().flatten());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for gone in values[0].as_primitive::<Float64Type>().iter().flatten() {
            match self.all.iter().position(|v| v.total_cmp(&gone).is_eq()) {
                Some(at) => self.all.swap_remove(at),
                None => return exec_err!("percentile_cont: a value leaves a frame that it is not in"),
            };
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let all = Float64Array::from(std::mem::take(&mut self.all));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, all.len() as i32]));
        let list = ListArray::try_new(Arc::new(Field::new_list_field(DataType::Float64, true)), offsets, Arc::new(all), None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // Their order is nobody's concern, so that a frame's values may stay as this leaves them.
        Ok(ScalarValue::Float64(interpolated(&mut self.all, self.at)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.all.capacity() * size_of::<f64>()
    }
}

/// DataFusion gathers each group's values; what is made of them is ours.
struct Groups {
    gathered: Box<dyn GroupsAccumulator>,
    at: f64,
}

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.gathered.update_batch(values, groups, filter, total)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.gathered.merge_batch(values, groups, total)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.gathered.state(emit_to)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let state = self.gathered.state(emit_to)?;
        let mut room = Vec::new();
        let made = state[0].as_list::<i32>().iter().map(|list| {
            room.clear();
            room.extend(list.iter().flat_map(|l| l.as_primitive::<Float64Type>().iter().flatten()));
            interpolated(&mut room, self.at)
        });
        Ok(Arc::new(made.collect::<Float64Array>()))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.gathered.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.gathered.size()
    }
}
