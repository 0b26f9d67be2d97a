//! CSV and JSON lines.

use super::Held;
use crate::table::{Cell, Kind, Row, write_cell};

pub fn header(columns: &[Held]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, c) in columns.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(c.name.as_bytes());
    }
    out.push(b'\n');
    out
}

#[inline]
pub fn csv(row: Row<'_>, columns: &[Held], out: &mut Vec<u8>) {
    for (i, (cell, column)) in row.cells.iter().zip(columns).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match cell {
            Cell::Text { from, to } => write_field(&row.text[*from as usize..*to as usize], out),
            _ => write_cell(*cell, column.kind, row.text, out),
        }
    }
    out.push(b'\n');
}

/// A field of CSV, quoted where it must be.
#[inline]
pub fn write_field(field: &[u8], out: &mut Vec<u8>) {
    if !field.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        return out.extend_from_slice(field);
    }
    out.push(b'"');
    for b in field {
        if *b == b'"' {
            out.push(b'"');
        }
        out.push(*b);
    }
    out.push(b'"');
}

/// `,"name":` for every column; `{` instead of the comma for the first.
pub fn keys(columns: &[Held]) -> Vec<Vec<u8>> {
    let key = |(i, c): (usize, &Held)| format!("{}\"{}\":", if i == 0 { '{' } else { ',' }, c.name).into_bytes();
    columns.iter().enumerate().map(key).collect()
}

#[inline]
pub fn jsonl(row: Row<'_>, columns: &[Held], keys: &[Vec<u8>], out: &mut Vec<u8>) {
    for ((cell, column), key) in row.cells.iter().zip(columns).zip(keys) {
        out.extend_from_slice(key);
        match (cell, column.kind) {
            (Cell::Null, _) => out.extend_from_slice(b"null"),
            (Cell::Int(_) | Cell::Hundredths(_) | Cell::Bool(_), _) => write_cell(*cell, column.kind, row.text, out),
            (Cell::Text { from, to }, _) => string(&row.text[*from as usize..*to as usize], out),
            (_, kind) => {
                debug_assert!(matches!(kind, Kind::Text | Kind::Date | Kind::Instant(_)));
                out.push(b'"');
                write_cell(*cell, kind, row.text, out);
                out.push(b'"');
            }
        }
    }
    out.extend_from_slice(b"}\n");
}

fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for b in text {
        match b {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *b]),
            0..0x20 => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
            _ => out.push(*b),
        }
    }
    out.push(b'"');
}
