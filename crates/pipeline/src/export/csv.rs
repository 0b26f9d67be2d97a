//! CSV as this program reads it again: NULL is an empty field, an empty text is quoted.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use std::io::Write;
use tidemill_connect::formats::typed::text::Shown;
use tidemill_core::{Error, Result};

pub(super) struct Writer<W> {
    out: W,
    delimiter: u8,
    null: String,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, delimiter: u8, null: String) -> Self {
        Writer { out, delimiter, null, line: Vec::new() }
    }

    pub(super) fn header(&mut self, schema: &SchemaRef) -> std::io::Result<()> {
        self.line.clear();
        for (i, field) in schema.fields().iter().enumerate() {
            if i > 0 {
                self.line.push(self.delimiter);
            }
            self.push(field.name());
        }
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema();
        // Instants are written with the zone that they are shown in.
        let shown = batch.columns().iter().zip(schema.fields()).map(|(c, f)| Shown::new(c, Some(f))).collect::<Result<Vec<_>>>()?;
        let is_text: Vec<bool> = batch.columns().iter().map(|c| is_text(c.data_type())).collect();
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (i, column) in shown.iter().enumerate() {
                if i > 0 {
                    self.line.push(self.delimiter);
                }
                if column.is_null(row) {
                    self.line.extend_from_slice(self.null.as_bytes());
                    continue;
                }
                text.clear();
                column.push_text(row, &mut text);
                // A text that reads like NULL is quoted, so that it is told from one.
                if is_text[i] && text == self.null && !text.is_empty() {
                    self.push_quoted(&text);
                } else {
                    self.push(&text);
                }
            }
            // A line of nothing is no row.
            if self.line.is_empty() {
                self.line.extend_from_slice(b"\"\"");
            }
            self.line.push(b'\n');
            self.out.write_all(&self.line).map_err(|e| Error::unavailable(format!("cannot write: {e}")).because(e))?;
        }
        Ok(())
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }

    fn push(&mut self, text: &str) {
        let structures = |b: u8| b == self.delimiter || matches!(b, b'"' | b'\n' | b'\r');
        if text.is_empty() || text.bytes().any(structures) {
            self.push_quoted(text);
        } else {
            self.line.extend_from_slice(text.as_bytes());
        }
    }

    fn push_quoted(&mut self, text: &str) {
        self.line.push(b'"');
        for b in text.bytes() {
            if b == b'"' {
                self.line.push(b'"');
            }
            self.line.push(b);
        }
        self.line.push(b'"');
    }
}

fn is_text(t: &DataType) -> bool {
    match t {
        DataType::Dictionary(_, value) => is_text(value),
        other => matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn null_and_the_empty_text_are_told_apart() {
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some(""), None, Some("a,\"b\""), Some("NA"), Some(" x ")]));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-2.0), None, Some(0.0)]));
        let batch = RecordBatch::try_from_iter_with_nullable([("name", names, true), ("n", numbers, true)]).unwrap();
        let written = |null: &str| {
            let mut w = Writer::new(Vec::new(), b',', null.into());
            w.header(&batch.schema()).unwrap();
            w.write(&batch).unwrap();
            String::from_utf8(w.into_inner()).unwrap()
        };
        assert_eq!(written(""), "name,n\n\"\",1.5\n,\n\"a,\"\"b\"\"\",-2.0\nNA,\n x ,0.0\n");
        assert_eq!(written("NA"), "name,n\n\"\",1.5\nNA,NA\n\"a,\"\"b\"\"\",-2.0\n\"NA\",NA\n x ,0.0\n");
    }
}
