//! Parquet and Avro files through the door that users take, whole and damaged.
use super::tests::Case;
use crate::connector::Drift;
use arrow::array::*;
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use std::sync::Arc;
use tidemill_core::OnInvalid;

/// Columns of many types, `rows` rows.
fn batch(rows: usize) -> RecordBatch {
    let n = || 0..rows as i64;
    let city: StringArray = n().map(|i| (i % 3 > 0).then(|| format!("c{i}"))).collect();
    let valid = NullBuffer::from_iter(n().map(|i| i % 4 != 3));
    let geo = StructArray::new(vec![Field::new("city", DataType::Utf8, true)].into(), vec![Arc::new(city)], Some(valid));
    let tags = ListArray::from_iter_primitive::<Int32Type, _, _>(n().map(|i| (i % 2 == 0).then(|| vec![Some(i as i32), None])));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from_iter_values(n().map(|i| i as i32)))),
        ("big", Arc::new(Int64Array::from_iter(n().map(|i| (i != 1).then_some(i * 1_000_000_000_000))))),
        ("price", Arc::new(Float64Array::from_iter_values(n().map(|i| i as f64 / 4.0)))),
        ("money", Arc::new(Decimal128Array::from_iter_values(n().map(|i| i as i128 * 105)).with_precision_and_scale(12, 2).unwrap())),
        ("ok", Arc::new(BooleanArray::from_iter(n().map(|i| Some(i % 2 == 0))))),
        ("name", Arc::new(StringArray::from_iter_values(n().map(|i| if i == 0 { String::new() } else { format!("näme \"{i}\"") })))),
        ("day", Arc::new(Date32Array::from_iter_values(n().map(|i| i as i32)))),
        ("at", Arc::new(TimestampMillisecondArray::from_iter_values(n().map(|i| i * 1000)).with_timezone("UTC"))),
        ("raw", Arc::new(BinaryArray::from_iter_values(n().map(|i| vec![0xFF, i as u8])))),
        ("geo", Arc::new(geo)),
        ("tags", Arc::new(tags)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

fn parquet(batch: &RecordBatch, group: usize) -> Vec<u8> {
    let properties = ::parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut out = Vec::new();
    let mut w = ::parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
    w.write(batch).unwrap();
    w.close().unwrap();
    out
}

fn avro(batch: &RecordBatch, block: usize, codec: Option<arrow_avro::compression::CompressionCodec>) -> Vec<u8> {
    use arrow_avro::writer::{AvroWriter, WriterBuilder, format::AvroOcfFormat};
    let mut w: AvroWriter<Vec<u8>> =
        WriterBuilder::new(batch.schema().as_ref().clone()).with_compression(codec).build::<_, AvroOcfFormat>(Vec::new()).unwrap();
    for from in (0..batch.num_rows()).step_by(block) {
        w.write(&batch.slice(from, block.min(batch.num_rows() - from))).unwrap();
    }
    w.finish().unwrap();
    w.into_inner()
}

const ROWS: [&str; 4] = [
    "0|0|0.0|0.00|true||1970-01-01|1970-01-01T00:00:00Z|ff00|∅|[0,null]",
    "1|∅|0.25|1.05|false|näme \"1\"|1970-01-02|1970-01-01T00:00:01Z|ff01|c1|∅",
    "2|2000000000000|0.5|2.10|true|näme \"2\"|1970-01-03|1970-01-01T00:00:02Z|ff02|c2|[2,null]",
    "3|3000000000000|0.75|3.15|false|näme \"3\"|1970-01-04|1970-01-01T00:00:03Z|ff03|∅|∅",
];

fn all_of(case: Case) -> Case {
    let columns = case.probe().columns;
    Case { columns: Some(columns), ..case }
}

#[test]
fn typed_files_give_their_types() {
    use arrow_avro::compression::CompressionCodec::{Deflate, ZStandard};
    let b = batch(4);
    for (name, bytes) in [
        ("a.parquet", parquet(&b, 3)),
        ("noname", parquet(&b, 10)),
        ("a.avro", avro(&b, 3, None)),
        ("b.avro", avro(&b, 3, Some(Deflate))),
        ("c.avro", avro(&b, 3, Some(ZStandard))),
        ("d.avro.gz", gzip(&avro(&b, 3, None))),
    ] {
        let case = Case::new(name, &bytes);
        let probe = case.probe();
        assert!(probe.is_typed && probe.rows_seen > 0, "{name}");
        assert_eq!(probe.labels[8..], ["raw", "geo.city", "tags"], "{name}");
        let types: Vec<DataType> = probe.columns.iter().map(|c| c.data_type.clone()).collect();
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let wanted = [
            DataType::Int32,
            DataType::Int64,
            DataType::Float64,
            DataType::Decimal128(12, 2),
            DataType::Boolean,
            DataType::Utf8,
            DataType::Date32,
            at,
        ];
        assert_eq!(types[..8], wanted, "{name}");
        assert_eq!(probe.samples[1][..3], [Some("1".into()), None, Some("0.25".into())]);
        for morsel in [1, 100, 1 << 20] {
            let read = all_of(Case::new(name, &bytes)).morsel(morsel).read();
            assert_eq!(read.shown(), ROWS, "{name}");
            assert_eq!(read.lines, [1, 2, 3, 4]);
            assert_eq!(read.rejects, []);
            assert!(
                read.texts[1]
                    .1
                    .starts_with("{\"id\":1,\"big\":null,\"price\":0.25,\"money\":1.05,\"ok\":false,\"name\":\"näme \\\"1\\\"\""),
                "{}",
                read.texts[1].1
            );
        }
        let kept = Case::new(name, &bytes).set("nested", "keep").column("geo", DataType::Utf8).read();
        assert_eq!(kept.shown(), ["{\"city\":null}", "{\"city\":\"c1\"}", "{\"city\":\"c2\"}", "∅"]);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

#[test]
fn a_value_that_does_not_fit_sets_its_row_aside() {
    let b = RecordBatch::try_from_iter_with_nullable([
        ("u", Arc::new(UInt64Array::from(vec![1, u64::MAX, 3, 4])) as ArrayRef, true),
        ("f", Arc::new(Float64Array::from(vec![1.0, 2.0, f64::NAN, 4.5])) as ArrayRef, true),
        ("t", Arc::new(StringArray::from(vec![Some("2024-01-05"), Some("?"), None, Some("x")])) as ArrayRef, true),
    ])
    .unwrap();
    for morsel in [1, 1 << 20] {
        let case = Case::new("a.parquet", parquet(&b, 2)).morsel(morsel);
        let case = case
            .column("u", DataType::Int64)
            .column("f", DataType::Float64)
            .column("t", DataType::Date32)
            .with(|c| c.on_invalid = OnInvalid::Null);
        let read = case.read();
        assert_eq!((read.shown(), read.lines.clone()), (vec!["1|1.0|2024-01-05".into(), "4|4.5|∅".into()], vec![1, 4]));
        assert_eq!(read.codes(), [(2, "type"), (3, "type")]);
        assert_eq!(read.rejects[0].raw, "{\"u\":18446744073709551615,\"f\":2.0,\"t\":\"?\"}");
        assert_eq!(read.rejects[1].reason, "\"NaN\" is not a float64");
        assert_eq!(read.nulled, [0, 0, 1]);
    }
    let case =
        Case::new("a.parquet", parquet(&b, 2)).column("f", DataType::Int32).column("u", DataType::Utf8).column("no", DataType::Boolean);
    let read = case.read();
    assert_eq!(read.shown(), ["1|1|∅", "2|18446744073709551615|∅"]);
    let case = Case::new("a.parquet", parquet(&b, 2)).column("u", DataType::Utf8).drift(Drift::Quarantine);
    assert_eq!(case.read().codes(), [(1, "drift"), (2, "drift"), (3, "drift"), (4, "drift")]);
    // What a projection leaves out still rejects.
    let mut case = Case::new("a.parquet", parquet(&b, 2)).column("u", DataType::Int64).column("t", DataType::Utf8);
    case.scan.project = Some(vec!["t".into()]);
    assert_eq!(case.read().shown(), ["2024-01-05", "∅", "x"]);
}

#[test]
fn rejected_rows_of_typed_files_are_decoded_again() {
    let b = batch(3);
    let case = Case::new("a.parquet", parquet(&b, 2)).column("id", DataType::Boolean);
    let raw = case.read().rejects[0].raw.clone();
    let columns = all_of(Case::new("a.parquet", parquet(&b, 2))).columns.unwrap();
    let again = case.source().decode_records("a.parquet", &[(3, &raw)], &columns).unwrap();
    assert_eq!((again.rejects.len(), again.lines), (0, vec![3]));
    assert_eq!(again.batch.num_columns(), columns.len());
}

/// Rows read and rejects, which must balance however a file is damaged.
fn damaged(name: &str, bytes: &[u8]) -> (usize, Vec<(u64, &'static str)>) {
    let read = Case::new(name, bytes).column("id", DataType::Int64).column("name", DataType::Utf8).read();
    (read.rows.len(), read.rejects.iter().map(|r| (r.line, r.code)).collect())
}

#[test]
fn half_a_parquet_file_is_one_reject() {
    let whole = parquet(&batch(100), 25);
    for cut in [0, 3, 11, 100, whole.len() / 2, whole.len() - 1] {
        assert_eq!(damaged("a.parquet", &whole[..cut]), (0, vec![(0, "truncated")]), "{cut}");
        let probe = Case::new("a.parquet", &whole[..cut]).probe();
        assert!(probe.columns.is_empty() && probe.damage.len() == 1);
    }
    // A page of the second row group.
    let reader = ::parquet::file::serialized_reader::SerializedFileReader::new(bytes::Bytes::from(whole.clone())).unwrap();
    let column = ::parquet::file::reader::FileReader::metadata(&reader).row_group(1).column(0).clone();
    let (start, length) = column.byte_range();
    let mut page = whole.clone();
    page[start as usize..(start + length) as usize].fill(0xAA);
    let (rows, rejects) = damaged("a.parquet", &page);
    assert_eq!((rows, rejects), (75, vec![(26, "corrupt")]));
    let mut footer = whole.clone();
    let n = footer.len();
    footer[n - 8..n - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(damaged("a.parquet", &footer), (0, vec![(0, "corrupt")]));
}

#[test]
fn damage_in_avro_costs_its_block_only() {
    let whole = avro(&batch(30), 10, None);
    let marker = whole[whole.len() - 16..].to_vec();
    let markers: Vec<usize> = whole.windows(16).enumerate().filter(|(_, w)| *w == marker).map(|(i, _)| i).collect();
    assert_eq!(markers.len(), 4);
    assert_eq!(damaged("a.avro", &whole), (30, vec![]));
    // Cut in the middle of the third block, of the header, of the magic.
    assert_eq!(damaged("a.avro", &whole[..markers[3] - 5]), (20, vec![(21, "truncated")]));
    assert_eq!(damaged("a.avro", &whole[..40]), (0, vec![(0, "truncated")]));
    assert_eq!(damaged("a.avro", &whole[..2]), (0, vec![(0, "truncated")]));
    // A marker that is wrong.
    let mut wrong = whole.clone();
    wrong[markers[1]] ^= 1;
    assert_eq!(damaged("a.avro", &wrong), (10, vec![(1, "corrupt")]));
    // A length of 2^62 bytes, and one of a gigabyte.
    for length in [&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F][..], &[0x80, 0x80, 0x80, 0x80, 0x08]] {
        let mut false_length = whole[..markers[1] + 17].to_vec();
        false_length.extend_from_slice(length);
        false_length.extend_from_slice(&whole[markers[1] + 19..]);
        let (rows, rejects) = damaged("a.avro", &false_length);
        assert_eq!((rows, rejects.len()), (20, 1), "{rejects:?}");
    }
    // Values that make no sense, in the middle of a block.
    let mut inside = whole.clone();
    let middle = (markers[1] + markers[2]) / 2;
    inside[middle..middle + 12].fill(0xFF);
    let (rows, rejects) = damaged("a.avro", &inside);
    assert!((20..30).contains(&rows) && rejects.len() == 1 && rejects[0].1 == "corrupt", "{rows} {rejects:?}");
    // More rows than there are, and fewer.
    for count in [0x7E, 0x02] {
        let mut counted = whole.clone();
        counted[markers[1] + 16] = count;
        let (rows, rejects) = damaged("a.avro", &counted);
        assert!(rows >= 20 && rejects.len() == 1, "{rows} {rejects:?}");
    }
}

#[test]
fn typed_files_without_rows_are_no_error() {
    for (name, bytes) in [("a.parquet", parquet(&batch(0), 5)), ("a.avro", avro(&batch(0), 5, None))] {
        let case = all_of(Case::new(name, bytes));
        assert_eq!(case.columns.as_ref().unwrap().len(), 11);
        let read = case.read();
        assert_eq!((read.rows.len(), read.rejects.len()), (0, 0));
    }
}

#[test]
fn old_instants_of_parquet_are_read() {
    let schema = "message m { required int96 t; optional int64 u (TIMESTAMP(NANOS,true)); }";
    let schema = Arc::new(::parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut out = Vec::new();
    let mut w = ::parquet::file::writer::SerializedFileWriter::new(&mut out, schema, Arc::default()).unwrap();
    let mut g = w.next_row_group().unwrap();
    let mut c = g.next_column().unwrap().unwrap();
    // Noon of 1970-01-02 and of 9999-12-31, as Julian days and nanoseconds.
    let int96 = |day: u32| {
        let nanos = 43_200_000_000_000u64;
        let mut v = ::parquet::data_type::Int96::new();
        v.set_data(nanos as u32, (nanos >> 32) as u32, day);
        v
    };
    c.typed::<::parquet::data_type::Int96Type>().write_batch(&[int96(2_440_589), int96(5_373_484)], None, None).unwrap();
    c.close().unwrap();
    let mut c = g.next_column().unwrap().unwrap();
    c.typed::<::parquet::data_type::Int64Type>().write_batch(&[1_500], Some(&[1, 0]), None).unwrap();
    c.close().unwrap();
    g.close().unwrap();
    w.close().unwrap();
    let case = all_of(Case::new("a.parquet", out));
    let at = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(case.columns.as_ref().unwrap()[0].data_type, at);
    assert_eq!(case.read().shown(), ["1970-01-02T12:00:00|1970-01-01T00:00:00.000001Z", "9999-12-31T12:00:00|∅"]);
}

#[test]
fn schemas_of_several_files_are_brought_together() {
    let one = RecordBatch::try_from_iter([("a", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]).unwrap();
    let two = RecordBatch::try_from_iter([
        ("a", Arc::new(Float32Array::from(vec![2.5])) as ArrayRef),
        ("b", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
    ])
    .unwrap();
    let case = Case::new("1.parquet", parquet(&one, 5)).file("2.parquet", parquet(&two, 5)).set("path", "*.parquet");
    let probe = case.probe();
    assert_eq!(probe.columns[0].data_type, DataType::Float64);
    assert_eq!(all_of(case).read().shown(), ["1.0|∅", "2.5|x"]);
    let _ = Schema::empty();
}

/// Reads a file whatever it is; what is asserted is that it ends, balances and doesn't panic.
fn survives(name: &str, bytes: &[u8], morsel: usize) {
    let case = Case::new(name, bytes).column("id", DataType::Int64).column("name", DataType::Utf8).column("at", DataType::Date32);
    let case = if name.ends_with("parquet") { case } else { case.set("record_bytes_max", 4096) }.morsel(morsel);
    let source = case.source();
    let files = source.list().unwrap();
    let _ = source.probe_all(&files);
    let read = |columns: &[tidemill_core::ColumnRead]| -> tidemill_core::Result<()> {
        let scan = source.scan(&files, columns, case.scan.clone())?;
        let mut rows = 0;
        while let Some(m) = scan.next()? {
            let d = m.decode()?;
            assert_eq!(d.rows_read as usize, d.batch.num_rows() + d.rejects.len());
            assert_eq!(d.lines.len(), d.batch.num_rows());
            rows += d.rows_read;
            assert!(rows < 100_000, "more rows than the file can hold");
        }
        Ok(())
    };
    let _ = read(case.columns.as_ref().unwrap());
}

/// A file that is sound but for what `edits` do to it: flip a byte, cut, insert, repeat a part.
fn edited(bytes: &[u8], edits: &[(u8, u32, u8)]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (kind, at, value) in edits {
        let at = *at as usize % out.len().max(1);
        match kind % 5 {
            _ if out.is_empty() => {}
            0 => out[at] ^= (*value).max(1),
            1 => out.truncate(at),
            2 => out.insert(at, *value),
            3 => {
                let end = (at + *value as usize).min(out.len());
                let part = out[at..end].to_vec();
                out.splice(at..at, part);
            }
            _ => {
                let end = (at + *value as usize).min(out.len());
                out.drain(at..end);
            }
        }
    }
    out
}

fn mutated(name: &str, bytes: &[u8], cases: u32) {
    use proptest::prelude::*;
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let edits = proptest::collection::vec((any::<u8>(), any::<u32>(), any::<u8>()), 1..5);
    proptest!(config, |(edits in edits, small in any::<bool>())| {
        survives(name, &edited(bytes, &edits), if small { 64 } else { 1 << 20 });
    });
}

#[test]
fn mutated_csv_survives() {
    mutated("a.csv", b"id,name,at\n1,\"a\"\"b\",2024-01-01\n2,\"x\ny\",\n3,z,2024-02-30\n", 200);
    mutated("a.csv.gz", &gzip(b"id,name,at\n1,\"a\"\"b\",2024-01-01\n2,\"x\ny\",\n3,z,2024-02-30\n"), 100);
}

#[test]
fn mutated_json_survives() {
    mutated("a.json", b"[{\"id\": 1, \"name\": \"a\\u00e9\\n\"},\n {\"id\": 2, \"o\": {\"p\": [1, {\"q\": null}]}},\n {\"id\": 3.50, \"at\": \"2024-01-01\"}]", 200);
    mutated("a.jsonl", b"{\"id\": 1, \"name\": \"a\"}\n{\"id\": 2, \"o\": {\"p\": []}}\n{\"name\": \"\\ud83d\\ude00\"}\n", 200);
    mutated("b.json", b"{\n  \"data\": [\n    {\n      \"id\": 1\n    },\n    {\n      \"id\": 2\n    }\n  ],\n  \"n\": 2\n}\n", 200);
}

#[test]
fn mutated_parquet_survives() {
    mutated("a.parquet", &parquet(&batch(20), 7), 150);
}

#[test]
fn mutated_avro_survives() {
    mutated("a.avro", &avro(&batch(20), 7, None), 150);
    mutated("a.avro", &avro(&batch(20), 7, Some(arrow_avro::compression::CompressionCodec::Deflate)), 100);
}
