//! Binary files hold what the text files hold, as their readers see it.

use super::*;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_avro::reader::ReaderBuilder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::io::Read;

type Rows = Vec<Vec<Option<String>>>;

pub fn parquet_rows(bytes: &[u8]) -> Rows {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::copy_from_slice(bytes)).unwrap().build().unwrap();
    reader.flat_map(|b| rows_of(&b.unwrap())).collect()
}

pub fn avro_rows(bytes: &[u8]) -> Rows {
    let reader = ReaderBuilder::new().build(std::io::Cursor::new(bytes)).unwrap();
    reader.flat_map(|b| rows_of(&b.unwrap())).collect()
}

fn rows_of(batch: &RecordBatch) -> Rows {
    (0..batch.num_rows()).map(|i| batch.columns().iter().map(|c| cell(c, i)).collect()).collect()
}

/// As CSV has it, but for the form of instants.
fn cell(column: &ArrayRef, i: usize) -> Option<String> {
    if column.is_null(i) {
        return None;
    }
    let mut out = Vec::new();
    match column.data_type() {
        DataType::Utf8 => return Some(column.as_string::<i32>().value(i).to_string()),
        DataType::Int64 => crate::digits::whole(column.as_primitive::<Int64Type>().value(i), &mut out),
        DataType::Decimal128(_, 2) => crate::digits::hundredths(column.as_primitive::<Decimal128Type>().value(i) as i64, &mut out),
        DataType::Boolean => return Some(column.as_boolean().value(i).to_string()),
        DataType::Date32 => crate::calendar::write_date(column.as_primitive::<Date32Type>().value(i), &mut out),
        DataType::Timestamp(..) => {
            let t = column.as_primitive::<TimestampMicrosecondType>().value(i);
            return Some(format!("@{t}"));
        }
        other => panic!("{other}"),
    }
    Some(String::from_utf8(out).unwrap())
}

/// An instant of any form, as microseconds.
fn instant(text: &str) -> Option<String> {
    let day = i64::from(parse_date(text.get(..10)?)?);
    let clock = text.get(11..)?.trim_end_matches('Z');
    let (clock, millis) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<i64> = clock.split(':').map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
    let [h, m, s] = parts[..] else { return None };
    Some(format!("@{}", ((day * 24 + h) * 60 + m) * 60_000_000 + s * 1_000_000 + millis.parse::<i64>().ok()? * 1000))
}

#[test]
fn clean_rows_are_the_same_in_every_format() {
    for what in KINDS {
        let text = make(&options(what, 700));
        for format in [Format::Parquet, Format::Avro] {
            let binary = make(&Options { format, piece_units: Some(300), ..options(what, 700) });
            for table in &binary.report.tables {
                let bytes = &binary.truth[&format!("{}.{}", table.name, format.name())];
                let rows = if format == Format::Parquet { parquet_rows(bytes) } else { avro_rows(bytes) };
                let expected = text.clean(&format!("{}.csv", table.name)).split_off(1);
                assert_eq!(rows.len(), expected.len());
                for (row, right) in rows.iter().zip(&expected) {
                    for (a, b) in row.iter().zip(right) {
                        let a = a.as_deref().unwrap_or_default();
                        assert!(a == b || Some(a) == instant(b).as_deref(), "{what} {format:?} {}: {a} {b}", table.name);
                    }
                }
            }
        }
    }
}

#[test]
fn compressed_files_hold_the_same() {
    let plain = make(&Options { piece_units: Some(100), ..options(What::Orders, 1000) });
    for compression in [Compression::Gzip, Compression::Zstandard] {
        let packed = make(&Options { compression, piece_units: Some(100), ..options(What::Orders, 1000) });
        let name = format!("orders.csv{}", compression.ending());
        for (files, expected) in [(&packed.messy, &plain.messy), (&packed.truth, &plain.truth)] {
            let mut out = Vec::new();
            let bytes = &files[&name][..];
            match compression {
                Compression::Gzip => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
                _ => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut out).unwrap(),
            };
            assert_eq!(out, expected["orders.csv"]);
        }
        // The list names the files as they are called.
        assert!(packed.errors().iter().all(|e| e[2] == name));
    }
}

#[test]
fn a_table_split_into_files_is_the_same_table() {
    let whole = make(&Options { errors: Rates::NONE, ..options(What::Sensors, 1000) });
    let split = make(&Options { errors: Rates::NONE, files: 12, ..options(What::Sensors, 1000) });
    let rows: Vec<String> = split
        .messy
        .values()
        .flat_map(|b| String::from_utf8(b.clone()).unwrap().lines().skip(1).map(str::to_string).collect::<Vec<_>>())
        .collect();
    assert_eq!(rows, whole.text("sensors.csv").lines().skip(1).collect::<Vec<_>>());
    assert_eq!((split.messy.len(), split.messy.contains_key("sensors-01.csv")), (12, true));
    assert_eq!(make(&Options { files: 12, ..options(What::Sensors, 3) }).messy.len(), 3);
}
