//! Rows as CSV: RFC 4180's quoting, a header, lines ended by a line feed as programs on Unix expect. NULL is an empty field, an empty
//! text is `""`: the same reading that Tidemill's own CSV source has, so a result can be read back.

use super::cells::{Reader, formatter};
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use std::io::{self, Write};

pub fn write_header(out: &mut dyn Write, schema: &Schema) -> io::Result<()> {
    write_record(out, schema.fields().iter().map(|f| Some(f.name().as_str())))
}

pub fn write_batch(out: &mut dyn Write, batch: &RecordBatch) -> io::Result<()> {
    let columns: Vec<_> =
        batch.columns().iter().map(|c| formatter(c, Reader::Program)).collect::<Result<_, _>>().map_err(io::Error::other)?;
    for row in 0..batch.num_rows() {
        let mut fields = Vec::with_capacity(columns.len());
        for (array, text) in batch.columns().iter().zip(&columns) {
            fields.push(if super::is_null(array, row) { None } else { Some(text.value(row).try_to_string().map_err(io::Error::other)?) });
        }
        write_record(out, fields.iter().map(Option::as_deref))?;
    }
    Ok(())
}

/// One line. `None` is NULL.
pub fn write_record<'a>(out: &mut dyn Write, fields: impl Iterator<Item = Option<&'a str>>) -> io::Result<()> {
    let mut line = String::new();
    for (i, field) in fields.enumerate() {
        if i > 0 {
            line.push(',');
        }
        match field {
            None => {}
            Some(text) if text.is_empty() || text.contains(['"', ',', '\n', '\r']) || text.trim() != text => {
                line.push('"');
                line.push_str(&text.replace('"', "\"\""));
                line.push('"');
            }
            Some(text) => line.push_str(text),
        }
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}
