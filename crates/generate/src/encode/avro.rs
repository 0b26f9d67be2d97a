//! Avro object container files (specification 1.11). Every field is a union of null and its type.

use super::Held;
use crate::random::{Stream, mix};
use crate::table::{Cell, Kind, Row, write_cell};
use serde_json::{Value, json};

/// A file's borders between blocks: 16 bytes, the same for the same seed.
pub fn marker(table: &str, seed: u64) -> [u8; 16] {
    let first = Stream::new(seed, table, "avro").at(0);
    let mut marker = [0; 16];
    marker[..8].copy_from_slice(&first.to_le_bytes());
    marker[8..].copy_from_slice(&mix(first).to_le_bytes());
    marker
}

pub fn header(table: &str, columns: &[Held], marker: &[u8; 16]) -> Vec<u8> {
    let fields: Vec<Value> = columns
        .iter()
        .map(|c| {
            // Names of Avro are letters, digits and `_`; the column's own name goes along.
            let name: String = c.name.chars().map(|ch| if ch.is_ascii_alphanumeric() { ch } else { '_' }).collect();
            let mut field = json!({ "name": name, "type": ["null", kind(c)], "default": null });
            if name != c.name {
                field["doc"] = json!(c.name);
            }
            field
        })
        .collect();
    let schema = json!({ "type": "record", "name": table, "namespace": "tidemill", "fields": fields }).to_string();
    let mut out = b"Obj\x01".to_vec();
    long(2, &mut out);
    for (key, value) in [("avro.codec", "null"), ("avro.schema", schema.as_str())] {
        bytes(key.as_bytes(), &mut out);
        bytes(value.as_bytes(), &mut out);
    }
    long(0, &mut out);
    out.extend_from_slice(marker);
    out
}

fn kind(column: &Held) -> Value {
    if column.as_text {
        return json!("string");
    }
    match column.kind {
        Kind::Text => json!("string"),
        Kind::Int => json!("long"),
        Kind::Decimal => json!({ "type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2 }),
        Kind::Bool => json!("boolean"),
        Kind::Date => json!({ "type": "int", "logicalType": "date" }),
        Kind::Instant(_) => json!({ "type": "long", "logicalType": "timestamp-micros" }),
    }
}

pub fn row(row: Row<'_>, columns: &[Held], out: &mut Vec<u8>) {
    for (cell, column) in row.cells.iter().zip(columns) {
        if *cell == Cell::Null {
            long(0, out);
            continue;
        }
        long(1, out);
        match (*cell, column.as_text) {
            (Cell::Int(n), false) => long(n, out),
            (Cell::Hundredths(n), false) => decimal(n, out),
            (Cell::Bool(b), false) => out.push(u8::from(b)),
            (Cell::Date(d), false) => long(i64::from(d), out),
            (Cell::Instant(t), false) => long(t, out),
            (Cell::Word(w), _) => bytes(w.as_bytes(), out),
            (Cell::Text { from, to }, _) => bytes(&row.text[from as usize..to as usize], out),
            (cell, _) => {
                let mut text = Vec::with_capacity(24);
                write_cell(cell, column.kind, row.text, &mut text);
                bytes(&text, out);
            }
        }
    }
}

/// Rows with their number, their length and the marker.
pub fn block(rows: Vec<u8>, count: u64, marker: &[u8; 16]) -> Vec<u8> {
    if count == 0 {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(rows.len() + 40);
    long(count as i64, &mut out);
    bytes(&rows, &mut out);
    out.extend_from_slice(marker);
    out
}

/// Zigzag, seven bits at a time.
#[inline]
fn long(n: i64, out: &mut Vec<u8>) {
    let mut z = (n << 1 ^ n >> 63) as u64;
    while z >= 0x80 {
        out.push(z as u8 | 0x80);
        z >>= 7;
    }
    out.push(z as u8);
}

fn bytes(data: &[u8], out: &mut Vec<u8>) {
    long(data.len() as i64, out);
    out.extend_from_slice(data);
}

/// Two's complement, the highest byte first, without bytes that say nothing.
fn decimal(n: i64, out: &mut Vec<u8>) {
    let all = n.to_be_bytes();
    let fill = if n < 0 { 0xFF } else { 0 };
    let mut from = 0;
    while from < 7 && all[from] == fill && (all[from + 1] ^ fill) & 0x80 == 0 {
        from += 1;
    }
    bytes(&all[from..], out);
}
