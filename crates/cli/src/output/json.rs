//! Rows as JSON: one array, one object per line, NULL as `null`. Decimals are written digit by digit (a reader that wants exactness gets
//! it); NaN and infinities, which JSON has not, are `null`.

use super::cells::{Reader, formatter};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use std::io::{self, Write};

/// Writes batches of one result as they come: `begin`, then each, then `end`.
#[derive(Default)]
pub struct JsonRows {
    rows: u64,
}

impl JsonRows {
    pub fn write(&mut self, out: &mut dyn Write, batch: &RecordBatch) -> io::Result<()> {
        let names: Vec<String> = batch.schema().fields().iter().map(|f| quoted(f.name())).collect();
        let columns = batch.columns().iter().map(Encoder::new).collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let mut line = String::new();
        for row in 0..batch.num_rows() {
            line.clear();
            line.push_str(if self.rows == 0 { "[\n{" } else { ",\n{" });
            for (i, (name, column)) in names.iter().zip(&columns).enumerate() {
                if i > 0 {
                    line.push(',');
                }
                line.push_str(name);
                line.push(':');
                column.encode(row, &mut line).map_err(io::Error::other)?;
            }
            line.push('}');
            out.write_all(line.as_bytes())?;
            self.rows += 1;
        }
        Ok(())
    }

    pub fn end(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })
    }
}

/// How the values of one column become JSON; worked out once per batch.
enum Encoder<'a> {
    /// Integers, decimals, booleans: their text is JSON already.
    Bare(&'a dyn Array, arrow::util::display::ArrayFormatter<'a>),
    Float(&'a dyn Array, arrow::util::display::ArrayFormatter<'a>),
    Text(&'a dyn Array, arrow::util::display::ArrayFormatter<'a>),
    List(&'a dyn Array, Box<Encoder<'a>>, Vec<(usize, usize)>),
    Struct(&'a dyn Array, Vec<(String, Encoder<'a>)>),
    /// Dictionary: which value each row has.
    Coded(&'a dyn Array, Box<Encoder<'a>>, Vec<usize>),
}

impl<'a> Encoder<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let any: &dyn Array = array.as_ref();
        let spans = |offsets: &[i32]| offsets.windows(2).map(|w| (w[0] as usize, w[1] as usize)).collect::<Vec<_>>();
        Ok(match array.data_type() {
            t if t.is_integer() => Encoder::Bare(any, formatter(any, Reader::Program)?),
            DataType::Boolean | DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Encoder::Bare(any, formatter(any, Reader::Program)?)
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Encoder::Float(any, formatter(any, Reader::Program)?),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Encoder::List(any, Box::new(Encoder::new(list.values())?), spans(list.value_offsets()))
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                let spans = list.value_offsets().windows(2).map(|w| (w[0] as usize, w[1] as usize)).collect();
                Encoder::List(any, Box::new(Encoder::new(list.values())?), spans)
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let named = fields.iter().zip(columns).map(|(f, c)| Ok((quoted(f.name()), Encoder::new(c)?)));
                Encoder::Struct(any, named.collect::<Result<_, ArrowError>>()?)
            }
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                Encoder::Coded(any, Box::new(Encoder::new(dictionary.values())?), dictionary.normalized_keys())
            }
            _ => Encoder::Text(any, formatter(any, Reader::Program)?),
        })
    }

    fn encode(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        let array = match self {
            Encoder::Bare(a, _)
            | Encoder::Float(a, _)
            | Encoder::Text(a, _)
            | Encoder::List(a, ..)
            | Encoder::Struct(a, _)
            | Encoder::Coded(a, ..) => *a,
        };
        if super::is_null(array, row) {
            out.push_str("null");
            return Ok(());
        }
        match self {
            Encoder::Bare(_, text) => out.push_str(&text.value(row).try_to_string()?),
            Encoder::Float(_, text) => {
                let text = text.value(row).try_to_string()?;
                let finite = text.parse::<f64>().is_ok_and(f64::is_finite);
                out.push_str(if finite { &text } else { "null" });
            }
            Encoder::Text(_, text) => out.push_str(&quoted(&text.value(row).try_to_string()?)),
            Encoder::List(_, values, spans) => {
                out.push('[');
                for i in spans[row].0..spans[row].1 {
                    if i > spans[row].0 {
                        out.push(',');
                    }
                    values.encode(i, out)?;
                }
                out.push(']');
            }
            Encoder::Struct(_, fields) => {
                out.push('{');
                for (i, (name, field)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    out.push_str(name);
                    out.push(':');
                    field.encode(row, out)?;
                }
                out.push('}');
            }
            Encoder::Coded(_, values, keys) => values.encode(keys[row], out)?,
        }
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
