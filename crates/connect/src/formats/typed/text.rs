//! Arrow values as text: scalars as they are written, anything nested as JSON.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, FieldRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fmt::Write;
use tidemill_core::{Error, Result};

/// Renders the values of one array.
pub struct Shown<'a> {
    array: &'a dyn Array,
    how: How<'a>,
}

enum How<'a> {
    /// Stands in JSON as it is.
    Plain(ArrayFormatter<'a>),
    /// A float, which may be NaN.
    Float(ArrayFormatter<'a>),
    Quoted(ArrayFormatter<'a>),
    Text,
    Bytes,
    Uuid,
    List(Vec<(usize, usize)>, Box<Shown<'a>>),
    Struct(Vec<(&'a str, Shown<'a>)>),
    /// Offsets, keys, values.
    Map(Vec<(usize, usize)>, Box<Shown<'a>>, Box<Shown<'a>>),
    Keyed(Vec<Option<usize>>, Box<Shown<'a>>),
    Null,
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(true);

/// Whether the bytes of this field are a UUID.
pub fn is_uuid(field: &FieldRef) -> bool {
    let says = |key: &str, value: &str| field.metadata().get(key).is_some_and(|v| v == value);
    *field.data_type() == DataType::FixedSizeBinary(16) && (says("logicalType", "uuid") || says("ARROW:extension:name", "arrow.uuid"))
}

impl<'a> Shown<'a> {
    pub fn new(array: &'a ArrayRef, field: Option<&FieldRef>) -> Result<Shown<'a>> {
        let array: &'a dyn Array = array.as_ref();
        let formatter = || ArrayFormatter::try_new(array, &OPTIONS).map_err(Error::from);
        let ranges = |offsets: &[i32]| offsets.windows(2).map(|w| (w[0] as usize, w[1] as usize)).collect::<Vec<_>>();
        let how = match array.data_type() {
            DataType::Null => How::Null,
            t if t.is_integer() || t.is_decimal() || *t == DataType::Boolean => How::Plain(formatter()?),
            t if t.is_floating() => How::Float(formatter()?),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => How::Text,
            DataType::FixedSizeBinary(_) if field.is_some_and(is_uuid) => How::Uuid,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => How::Bytes,
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                How::List(ranges(list.offsets()), Box::new(Shown::new(list.values(), Some(item))?))
            }
            DataType::LargeList(item) => {
                let list = array.as_list::<i64>();
                let ranges = list.offsets().windows(2).map(|w| (w[0] as usize, w[1] as usize)).collect();
                How::List(ranges, Box::new(Shown::new(list.values(), Some(item))?))
            }
            DataType::FixedSizeList(item, n) => {
                let list = array.as_fixed_size_list();
                let n = *n as usize;
                How::List((0..list.len()).map(|i| (i * n, (i + 1) * n)).collect(), Box::new(Shown::new(list.values(), Some(item))?))
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns().iter().zip(fields);
                How::Struct(columns.map(|(c, f)| Ok((f.name().as_str(), Shown::new(c, Some(f))?))).collect::<Result<_>>()?)
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let (keys, values) = (Shown::new(map.keys(), None)?, Shown::new(map.values(), None)?);
                How::Map(ranges(map.offsets()), Box::new(keys), Box::new(values))
            }
            DataType::Dictionary(..) => {
                let d = array.as_any_dictionary();
                let keys = d.normalized_keys();
                let keys = (0..array.len()).map(|i| array.is_valid(i).then(|| keys[i])).collect();
                How::Keyed(keys, Box::new(Shown::new(d.values(), None)?))
            }
            _ => How::Quoted(formatter()?),
        };
        Ok(Shown { array, how })
    }

    pub fn is_null(&self, row: usize) -> bool {
        match &self.how {
            How::Null => true,
            How::Keyed(keys, values) => keys[row].is_none_or(|k| values.is_null(k)),
            _ => self.array.is_null(row),
        }
    }

    /// The value as the text of a cell.
    pub fn push_text(&self, row: usize, out: &mut String) {
        match &self.how {
            How::Null => {}
            How::Plain(f) | How::Float(f) | How::Quoted(f) => {
                let _ = write!(out, "{}", f.value(row));
            }
            How::Text => out.push_str(self.str(row)),
            How::Bytes => push_bytes(self.bytes(row), out),
            How::Uuid => push_uuid(self.bytes(row), out),
            How::Keyed(keys, values) => {
                if let Some(key) = keys[row] {
                    values.push_text(key, out);
                }
            }
            How::List(..) | How::Struct(_) | How::Map(..) => self.push_json(row, out),
        }
    }

    /// The value in JSON.
    pub fn push_json(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            return out.push_str("null");
        }
        match &self.how {
            How::Plain(_) => self.push_text(row, out),
            How::Float(f) => {
                let text = f.value(row).to_string();
                match text.as_str() {
                    "inf" => out.push_str("Infinity"),
                    "-inf" => out.push_str("-Infinity"),
                    other => out.push_str(other),
                }
            }
            How::Keyed(keys, values) => match keys[row] {
                Some(key) => values.push_json(key, out),
                None => out.push_str("null"),
            },
            How::List(ranges, items) => {
                let (start, end) = ranges[row];
                out.push('[');
                for i in start..end {
                    if i > start {
                        out.push(',');
                    }
                    items.push_json(i, out);
                }
                out.push(']');
            }
            How::Struct(members) => push_object(members, row, out),
            How::Map(ranges, keys, values) => {
                let (start, end) = ranges[row];
                out.push('{');
                for i in start..end {
                    if i > start {
                        out.push(',');
                    }
                    let mut key = String::new();
                    keys.push_text(i, &mut key);
                    push_quoted(&key, out);
                    out.push(':');
                    values.push_json(i, out);
                }
                out.push('}');
            }
            _ => {
                let mut text = String::new();
                self.push_text(row, &mut text);
                push_quoted(&text, out);
            }
        }
    }

    fn str(&self, row: usize) -> &str {
        match self.array.data_type() {
            DataType::LargeUtf8 => self.array.as_string::<i64>().value(row),
            DataType::Utf8View => self.array.as_string_view().value(row),
            _ => self.array.as_string::<i32>().value(row),
        }
    }

    fn bytes(&self, row: usize) -> &[u8] {
        match self.array.data_type() {
            DataType::LargeBinary => self.array.as_binary::<i64>().value(row),
            DataType::BinaryView => self.array.as_binary_view().value(row),
            DataType::FixedSizeBinary(_) => self.array.as_fixed_size_binary().value(row),
            _ => self.array.as_binary::<i32>().value(row),
        }
    }
}

fn push_object(members: &[(&str, Shown<'_>)], row: usize, out: &mut String) {
    out.push('{');
    for (i, (name, value)) in members.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_quoted(name, out);
        out.push(':');
        value.push_json(row, out);
    }
    out.push('}');
}

/// A row of a batch as one JSON object.
pub fn row(batch: &RecordBatch, row: usize) -> Result<String> {
    let whole: ArrayRef = std::sync::Arc::new(StructArray::from(batch.slice(row, 1)));
    let mut out = String::new();
    Shown::new(&whole, None)?.push_json(0, &mut out);
    Ok(out)
}

/// Bytes that are text as they are, others in hexadecimal.
fn push_bytes(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => out.push_str(text),
        _ => bytes.iter().for_each(|b| {
            let _ = write!(out, "{b:02x}");
        }),
    }
}

fn push_uuid(bytes: &[u8], out: &mut String) {
    for (i, b) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{b:02x}");
    }
}

pub fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
