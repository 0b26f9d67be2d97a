//! The aggregates inside a SQL expression: `income / avg(income)`.

use crate::budget::Budget;
use crate::expr::batch_of;
use crate::measure::Measure;
use crate::program::{Input, Part, open_part, open_state};
use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use tidemill_core::Result;
use tidemill_engine::{Accumulator, FitAggregate, ScalarValue};

/// Measures all aggregates of one expression as `Vec<ScalarValue>`, over the columns that the expression reads.
pub(crate) struct Aggregates {
    pub aggregates: Vec<FitAggregate>,
    /// Columns of the inputs.
    pub schema: SchemaRef,
}

type Accumulators = Vec<Box<dyn Accumulator>>;

impl Aggregates {
    fn start(&self) -> Result<Accumulators> {
        self.aggregates.iter().map(FitAggregate::accumulator).collect()
    }
}

impl Measure for Aggregates {
    fn name(&self) -> Option<&'static str> {
        None
    }
    fn begin(&self) -> Result<Part> {
        Ok(Box::new(self.start()?))
    }
    fn observe(&self, input: &Input) -> Result<Part> {
        let batch = batch_of(&self.schema, input.arrays, input.rows)?;
        let parts = self.aggregates.iter().map(|a| a.partial(&batch)).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(parts))
    }
    fn fold(&self, total: &mut Part, part: Part, budget: &Budget) -> Result<()> {
        let total = open_state::<Accumulators>(total)?;
        let parts: Vec<Vec<ArrayRef>> = open_part(part)?;
        let mut size = 0;
        for ((aggregate, accumulator), part) in self.aggregates.iter().zip(total).zip(parts) {
            aggregate.merge(accumulator.as_mut(), &part)?;
            size += accumulator.size();
        }
        budget.resize(size)
    }
    fn finish(&self, total: Part) -> Result<Part> {
        let mut total: Accumulators = open_part(total)?;
        let values = self.aggregates.iter().zip(&mut total).map(|(a, acc)| a.finish(acc.as_mut()));
        Ok(Box::new(values.collect::<Result<Vec<ScalarValue>>>()?))
    }
}
