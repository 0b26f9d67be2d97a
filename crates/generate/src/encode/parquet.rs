//! Parquet: a piece is one row group, encoded where it was made and appended in order.

use super::Held;
use crate::table::{Cell, Kind, Row, write_cell};
use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use tidemill_core::{Error, Result};

const PRECISION: u8 = 18;

#[derive(Clone)]
pub struct Layout {
    schema: SchemaRef,
    root: TypePtr,
    properties: WriterPropertiesPtr,
    factory: Arc<ArrowRowGroupWriterFactory>,
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layout").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The columns of one row group, encoded.
pub struct RowGroup {
    chunks: Vec<ArrowColumnChunk>,
    rows: usize,
}

impl fmt::Debug for RowGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowGroup").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Layout {
    pub fn new(columns: &[Held]) -> Result<Layout> {
        let fields: Vec<Field> = columns.iter().map(|c| Field::new(c.name, data_type(c), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let root = ArrowSchemaConverter::new().convert(&schema).map_err(failed)?.root_schema_ptr();
        let level = ZstdLevel::try_new(1).map_err(failed)?;
        // The writer's own version would change the bytes with each release of it.
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).set_created_by("tidemill".into()).build();
        let properties = Arc::new(properties);
        // The factory wants a writer to copy the schema from; this one writes nothing.
        let model = SerializedFileWriter::new(Vec::<u8>::new(), root.clone(), properties.clone()).map_err(failed)?;
        let factory = Arc::new(ArrowRowGroupWriterFactory::new(&model, schema.clone()));
        Ok(Layout { schema, root, properties, factory })
    }

    pub fn builders(&self) -> Builders {
        Builders { columns: self.schema.fields().iter().map(|f| Builder::new(f.data_type())).collect(), scratch: Vec::new() }
    }

    pub fn group(&self, builders: Builders) -> Result<RowGroup> {
        let arrays: Vec<ArrayRef> = builders.columns.into_iter().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)?;
        let mut writers = self.factory.create_column_writers(0).map_err(failed)?;
        let mut leaf = 0;
        for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
            for leaves in compute_leaves(field, column).map_err(failed)? {
                let writer = writers.get_mut(leaf).ok_or_else(|| Error::bug("more leaves than columns"))?;
                writer.write(&leaves).map_err(failed)?;
                leaf += 1;
            }
        }
        let chunks = writers.into_iter().map(|w| w.close().map_err(failed)).collect::<Result<Vec<_>>>()?;
        Ok(RowGroup { chunks, rows: batch.num_rows() })
    }

    pub fn writer<W: Write + Send>(&self, sink: W) -> Result<Writer<W>> {
        Ok(Writer(SerializedFileWriter::new(sink, self.root.clone(), self.properties.clone()).map_err(failed)?))
    }
}

pub struct Writer<W: Write + Send>(SerializedFileWriter<W>);

impl<W: Write + Send> Writer<W> {
    pub fn append(&mut self, group: RowGroup) -> Result<u64> {
        if group.rows == 0 {
            return Ok(0);
        }
        let before = self.0.bytes_written();
        let mut writer = self.0.next_row_group().map_err(failed)?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut writer).map_err(failed)?;
        }
        writer.close().map_err(failed)?;
        Ok((self.0.bytes_written() - before) as u64)
    }

    pub fn finish(self) -> Result<W> {
        self.0.into_inner().map_err(failed)
    }
}

fn data_type(column: &Held) -> DataType {
    if column.as_text {
        return DataType::Utf8;
    }
    match column.kind {
        Kind::Text => DataType::Utf8,
        Kind::Int => DataType::Int64,
        Kind::Decimal => DataType::Decimal128(PRECISION, 2),
        Kind::Bool => DataType::Boolean,
        Kind::Date => DataType::Date32,
        Kind::Instant(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

pub struct Builders {
    columns: Vec<Builder>,
    scratch: Vec<u8>,
}

enum Builder {
    Text(StringBuilder),
    Int(Int64Builder),
    Decimal(Decimal128Builder),
    Bool(BooleanBuilder),
    Date(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
}

impl Builders {
    pub fn row(&mut self, row: Row<'_>, columns: &[Held]) {
        for ((cell, column), builder) in row.cells.iter().zip(columns).zip(&mut self.columns) {
            builder.push(*cell, column.kind, row.text, &mut self.scratch);
        }
    }
}

impl Builder {
    fn new(data_type: &DataType) -> Builder {
        match data_type {
            DataType::Int64 => Builder::Int(Int64Builder::new()),
            DataType::Decimal128(..) => Builder::Decimal(Decimal128Builder::new().with_data_type(data_type.clone())),
            DataType::Boolean => Builder::Bool(BooleanBuilder::new()),
            DataType::Date32 => Builder::Date(Date32Builder::new()),
            DataType::Timestamp(..) => Builder::Instant(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone())),
            _ => Builder::Text(StringBuilder::new()),
        }
    }

    fn push(&mut self, cell: Cell, kind: Kind, text: &[u8], scratch: &mut Vec<u8>) {
        match (self, cell) {
            (Builder::Text(b), Cell::Null) => b.append_null(),
            (Builder::Text(b), Cell::Word(w)) => b.append_value(w),
            (Builder::Text(b), cell) => {
                scratch.clear();
                write_cell(cell, kind, text, scratch);
                // Made of words and digits only: it is always UTF-8.
                b.append_value(String::from_utf8_lossy(scratch));
            }
            (Builder::Int(b), Cell::Int(n)) => b.append_value(n),
            (Builder::Decimal(b), Cell::Hundredths(n)) => b.append_value(i128::from(n)),
            (Builder::Bool(b), Cell::Bool(v)) => b.append_value(v),
            (Builder::Date(b), Cell::Date(d)) => b.append_value(d),
            (Builder::Instant(b), Cell::Instant(t)) => b.append_value(t),
            // What a column can't hold is never put there; NULL is all that is left.
            (Builder::Int(b), _) => b.append_null(),
            (Builder::Decimal(b), _) => b.append_null(),
            (Builder::Bool(b), _) => b.append_null(),
            (Builder::Date(b), _) => b.append_null(),
            (Builder::Instant(b), _) => b.append_null(),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Builder::Text(mut b) => Arc::new(b.finish()),
            Builder::Int(mut b) => Arc::new(b.finish()),
            Builder::Decimal(mut b) => Arc::new(b.finish()),
            Builder::Bool(mut b) => Arc::new(b.finish()),
            Builder::Date(mut b) => Arc::new(b.finish()),
            Builder::Instant(mut b) => Arc::new(b.finish()),
        }
    }
}

fn failed(e: parquet::errors::ParquetError) -> Error {
    if let parquet::errors::ParquetError::External(_) = &e {
        return Error::unavailable(format!("cannot write: {e}")).because(e);
    }
    Error::bug(format!("Parquet: {e}")).because(e)
}
