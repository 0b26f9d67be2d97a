//! Where rows come in: the columns that are read of an input.

use crate::delta::{Delta, batch};
use crate::frontier::{Frontier, moment};
use crate::operator::{Cx, Operator, Stage};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use std::sync::Arc;
use tidemill_core::{Error, Result};

#[derive(Clone)]
pub(crate) struct Source {
    /// Which of the view's inputs.
    pub(crate) input: usize,
    pub(crate) label: String,
    pub(crate) schema: SchemaRef,
    /// Which of the columns is the event time.
    pub(crate) event_time: Option<usize>,
}

impl Source {
    /// The frontier of its columns once the view's watermark stands there.
    pub(crate) fn at(&self, watermark: Option<i64>) -> Frontier {
        let mut all: Frontier = vec![None; self.schema.fields().len()];
        if let (Some(column), Some(micros)) = (self.event_time, watermark) {
            all[column] = moment(micros, self.schema.field(column).data_type());
        }
        all
    }
}

impl Stage for Source {
    fn name(&self) -> String {
        format!("read {}", self.label)
    }
    fn fingerprint(&self) -> String {
        format!("{} {:?} {:?}", self.name(), self.schema, self.event_time)
    }
    fn keeps(&self) -> Option<String> {
        None
    }
    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier> {
        Ok(inputs[0].clone())
    }
    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Reader { source: self.clone(), of: None }))
    }
}

struct Reader {
    source: Source,
    /// Where the columns were in the last batch's schema.
    of: Option<(SchemaRef, Vec<usize>)>,
}

impl Operator for Reader {
    fn push(&mut self, _: usize, delta: Delta, _: &mut Cx, out: &mut Vec<Delta>) -> Result<()> {
        let schema = delta.rows.schema();
        let known = self.of.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, &schema) || *of == schema);
        if !known {
            let wanted = self.source.schema.fields().iter();
            let columns = wanted.map(|f| {
                let missing = || Error::bug(format!("rows of `{}` come without column `{}`", self.source.label, f.name()));
                schema.index_of(f.name()).map_err(|_| missing())
            });
            self.of = Some((Arc::clone(&schema), columns.collect::<Result<_>>()?));
        }
        let columns = self.of.as_ref().map_or(&[][..], |(_, c)| c.as_slice());
        let columns = columns.iter().zip(self.source.schema.fields()).map(|(c, f)| {
            let column = delta.rows.column(*c);
            if column.data_type() == f.data_type() { Ok(Arc::clone(column)) } else { cast(column, f.data_type()) }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let rows = batch(&self.source.schema, columns, delta.len())?;
        out.push(Delta { rows, ..delta });
        Ok(())
    }
}

/// Rows that the SQL itself says: `VALUES`, or the one row of a SELECT without FROM. They are there from the beginning.
#[derive(Clone)]
pub(crate) struct Constant {
    pub(crate) rows: arrow::array::RecordBatch,
}

impl Stage for Constant {
    fn name(&self) -> String {
        "rows of the SQL itself".into()
    }
    fn fingerprint(&self) -> String {
        format!("{:?}", self.rows)
    }
    fn keeps(&self) -> Option<String> {
        None
    }
    fn frontier(&self, _: &[Frontier]) -> Result<Frontier> {
        Ok(vec![None; self.rows.num_columns()])
    }
    fn start(&self) -> Result<Box<dyn Operator>> {
        Ok(Box::new(Given { rows: Some(self.rows.clone()) }))
    }
}

struct Given {
    rows: Option<arrow::array::RecordBatch>,
}

impl Operator for Given {
    fn push(&mut self, _: usize, _: Delta, _: &mut Cx, _: &mut Vec<Delta>) -> Result<()> {
        Ok(())
    }
    fn flush(&mut self, out: &mut Vec<Delta>) -> Result<()> {
        out.extend(self.rows.take().map(Delta::inserted));
        Ok(())
    }
    fn restore(&mut self, _: &[arrow::array::RecordBatch]) -> Result<()> {
        // What was given went into the states that were saved.
        self.rows = None;
        Ok(())
    }
}
