//! Rows as bytes: what is kept of single rows, compared and looked up by. Equal rows have equal bytes; bytes sort as the values do, NULL first.

use crate::delta::batch;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, RowParser, Rows, SortField};
use tidemill_core::Result;

pub(crate) type Bytes = Box<[u8]>;

pub(crate) struct RowCodec {
    schema: SchemaRef,
    /// `None`: there are no columns, and every row is no bytes.
    inner: Option<(RowConverter, RowParser)>,
}

/// Rows of one batch, encoded.
pub(crate) struct Encoded {
    rows: Option<Rows>,
    len: usize,
}

impl Encoded {
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        self.rows.as_ref().map_or(&[], |r| r.row(row).data())
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl RowCodec {
    pub(crate) fn new(schema: SchemaRef) -> Result<Self> {
        let fields: Vec<SortField> = schema.fields().iter().map(|f| SortField::new(f.data_type().clone())).collect();
        if fields.is_empty() {
            return Ok(RowCodec { schema, inner: None });
        }
        let converter = RowConverter::new(fields)?;
        let parser = converter.parser();
        Ok(RowCodec { schema, inner: Some((converter, parser)) })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn encode(&self, columns: &[ArrayRef], len: usize) -> Result<Encoded> {
        let rows = match &self.inner {
            Some((converter, _)) => Some(converter.convert_columns(columns)?),
            None => None,
        };
        Ok(Encoded { rows, len })
    }

    pub(crate) fn encode_batch(&self, rows: &RecordBatch) -> Result<Encoded> {
        self.encode(rows.columns(), rows.num_rows())
    }

    pub(crate) fn decode<'a>(&self, rows: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<RecordBatch> {
        let len = rows.len();
        let Some((converter, parser)) = &self.inner else { return batch(&self.schema, Vec::new(), len) };
        if len == 0 {
            return Ok(RecordBatch::new_empty(SchemaRef::clone(&self.schema)));
        }
        let columns = converter.convert_rows(rows.map(|r| parser.parse(r)))?;
        let typed = columns.into_iter().zip(self.schema.fields()).map(|(c, f)| {
            // A dictionary comes back as its values.
            if c.data_type() == f.data_type() { Ok(c) } else { cast(&c, f.data_type()) }
        });
        let columns = typed.collect::<Result<Vec<_>, _>>()?;
        batch(&self.schema, columns, len)
    }
}
