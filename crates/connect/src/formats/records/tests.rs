use super::*;
use crate::files::{FileOptions, FileSource};
use crate::options::{OptionValue, Options};
use arrow::array::{StringArray, TimestampMicrosecondArray};
use arrow::datatypes::TimeUnit;
use proptest::prelude::*;
use tidemill_core::OnInvalid;

fn columns() -> Vec<ColumnRead> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        ColumnRead::new("id", DataType::Int64),
        ColumnRead { on_invalid: OnInvalid::Null, ..ColumnRead::new("price", DataType::Float64) },
        ColumnRead::new("name", DataType::Utf8),
        ColumnRead::new("at", utc),
    ]
}

fn numbered<'a>(payloads: &'a [Vec<u8>]) -> Vec<Record<'a>> {
    payloads.iter().enumerate().map(|(i, p)| Record { line: 100 + i as u64, offset: 100 + i as u64, payload: p }).collect()
}

/// What the same records give as a file, a line each.
fn as_file(ending: &str, header: Option<&str>, payloads: &[Vec<u8>], columns: &[ColumnRead]) -> (RecordBatch, Vec<Reject>, u64) {
    let dir = tempfile::tempdir().unwrap();
    let name = format!("x.{ending}");
    let mut text = header.map(|h| format!("{h}\n").into_bytes()).unwrap_or_default();
    payloads.iter().for_each(|p| {
        text.extend_from_slice(p);
        text.push(b'\n');
    });
    std::fs::write(dir.path().join(&name), text).unwrap();
    let mut options: Options = [("path".to_string(), OptionValue::Text(name)), ("encoding".to_string(), "utf-8".into())].into();
    if header.is_some() {
        options.insert("header".into(), true.into());
        options.insert("delimiter".into(), ",".into());
    }
    let (options, problems) = FileOptions::parse(&options);
    assert!(problems.is_empty(), "{problems:?}");
    let source = FileSource::new(&options, dir.path());
    let scan = source.scan(&source.list().unwrap(), columns, ScanOptions::default()).unwrap();
    let (mut batches, mut rejects, mut nulled) = (Vec::new(), Vec::new(), 0);
    while let Some(morsel) = scan.next().unwrap() {
        let d = morsel.decode().unwrap();
        batches.push(d.batch);
        rejects.extend(d.rejects);
        nulled += d.nulled.iter().sum::<u64>();
    }
    (arrow::compute::concat_batches(&schema_of(columns), &batches).unwrap(), rejects, nulled)
}

fn in_batches(format: &RecordFormat, payloads: &[Vec<u8>], size: usize) -> (RecordBatch, Vec<Reject>, Vec<u64>, u64) {
    let records = numbered(payloads);
    let mut decoder = RecordDecoder::new("t/0", format, &columns(), Drift::Evolve).unwrap();
    let (mut batches, mut rejects, mut lines, mut nulled) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for part in records.chunks(size) {
        let d = decoder.decode(part, &[]).unwrap();
        assert_eq!(d.batch.num_rows() + d.rejects.len(), part.len());
        assert_eq!(d.rows_read, part.len() as u64);
        let mut all: Vec<u64> = d.lines.iter().copied().chain(d.rejects.iter().map(|r| r.line)).collect();
        all.sort_unstable();
        assert_eq!(all, part.iter().map(|r| r.line).collect::<Vec<_>>(), "each record is there once");
        for (row, line) in d.lines.iter().enumerate() {
            assert_eq!(d.text.text(row), encoding(&payloads[*line as usize - 100]));
            assert_eq!(d.text.offset(row), *line);
        }
        nulled += d.nulled.iter().sum::<u64>();
        batches.push(d.batch);
        lines.extend(d.lines);
        rejects.extend(d.rejects);
    }
    (arrow::compute::concat_batches(&schema_of(&columns()), &batches).unwrap(), rejects, lines, nulled)
}

fn encoding(payload: &[u8]) -> String {
    crate::formats::csv::encoding::lossless(payload)
}

fn told(rejects: &[Reject]) -> Vec<(String, &'static str, Option<String>, String)> {
    rejects.iter().map(|r| (r.raw.clone(), r.code, r.column.clone(), r.reason.clone())).collect()
}

fn json_record() -> impl Strategy<Value = Vec<u8>> {
    let id = prop::sample::select(vec!["1", "-7", "\"12\"", "\"x\"", "null", "1.5"]);
    let name = prop::sample::select(vec!["\"a\"", "\"\"", "\"a\\\"b\\n\"", "\"é\"", "[1, 2]", "true"]);
    let sound = (id, name, prop::sample::select(vec!["1.25", "\"n/a\"", "null"]), any::<bool>(), 0u8..4).prop_map(
        |(id, name, price, at, other)| {
            let at = if at { ",\"at\":\"2024-05-01T10:00:00Z\"" } else { "" };
            let other = if other == 0 { ",\"other\":{\"deep\":1}" } else { "" };
            format!("{{\"id\":{id},\"NAME\":{name},\"price\":{price}{at}{other}}}").into_bytes()
        },
    );
    let broken = prop::sample::select(vec!["{\"id\":1", "[1]", "{\"id\" 1}", "null", "{\"id\":1}}", "\"text", "{\"name\":\"\u{1}\"}"]);
    prop_oneof![6 => sound, 1 => broken.prop_map(|b| b.as_bytes().to_vec()), 1 => Just(b"{\"name\":\"\xff\"}".to_vec())]
}

fn csv_record() -> impl Strategy<Value = Vec<u8>> {
    let id = prop::sample::select(vec!["1", "-7", "x", "", "\"12\""]);
    let name = prop::sample::select(vec!["a", "\"a,b\"", "\"a\"\"b\"", "\"two\nlines\"", "é", "in\"side", ""]);
    let sound = (id, prop::sample::select(vec!["1.25", "n/a", ""]), name)
        .prop_map(|(id, price, name)| format!("{id},{price},{name},2024-05-01T10:00:00Z").into_bytes());
    let broken = prop::sample::select(vec!["1,2", "1,2,3,4,5", "1,\"a\"b,c,", "one", "1,2,\"two\nlines\"x,"]);
    prop_oneof![6 => sound, 1 => broken.prop_map(|b| b.as_bytes().to_vec()), 1 => Just(b"1,2,\xff,".to_vec())]
}

proptest! {
    #[test]
    fn json_records_read_as_in_a_file(payloads in prop::collection::vec(json_record(), 1..30), size in 1usize..12) {
        let (batch, rejects, _, nulled) = in_batches(&RecordFormat::Json(JsonOptions::default()), &payloads, size);
        // A file's beginning tells what it is: here, a record a line, however broken the others are.
        let mut with_first = vec![b"{\"id\":0,\"NAME\":\"first\",\"price\":0.5,\"at\":null}".to_vec(); 40];
        with_first.extend(payloads.iter().cloned());
        let (file, file_rejects, file_nulled) = as_file("jsonl", None, &with_first, &columns());
        prop_assert_eq!(&batch, &file.slice(40, file.num_rows() - 40));
        prop_assert_eq!(told(&rejects), told(&file_rejects));
        prop_assert_eq!(nulled, file_nulled);
    }

    #[test]
    fn csv_records_read_as_in_a_file(payloads in prop::collection::vec(csv_record(), 1..30), size in 1usize..12) {
        let labels = Some(["id", "Price", "name", "at"].map(String::from).to_vec());
        let format = RecordFormat::Csv(CsvRecords { labels, ..CsvRecords::default() });
        let (batch, rejects, _, nulled) = in_batches(&format, &payloads, size);
        // In a file what is broken within quotes may end elsewhere: only the sound ones are compared.
        let sound: Vec<Vec<u8>> = payloads.iter().filter(|p| !p.windows(7).any(|w| w == b"lines\"x")).cloned().collect();
        let (file, file_rejects, file_nulled) = as_file("csv", Some("id,Price,name,at"), &sound, &columns());
        prop_assert_eq!(&batch, &file);
        let mine: Vec<Reject> = rejects.into_iter().filter(|r| !r.raw.contains("lines\"x")).collect();
        prop_assert_eq!(told(&mine), told(&file_rejects));
        prop_assert_eq!(nulled, file_nulled);
    }

    #[test]
    fn whatever_comes_is_a_row_or_a_reject(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20)) {
        let csv = RecordFormat::Csv(CsvRecords::default());
        for format in [RecordFormat::Json(JsonOptions::default()), csv, RecordFormat::Avro(Arc::new(Registry), JsonOptions::default())] {
            let records = numbered(&payloads);
            let d = RecordDecoder::new("t/0", &format, &columns(), Drift::Evolve).unwrap().decode(&records, &[]).unwrap();
            prop_assert_eq!(d.batch.num_rows() + d.rejects.len(), payloads.len());
        }
    }
}

#[test]
fn keys_that_come_late_are_found_by_their_names() {
    let payloads: Vec<Vec<u8>> = ["{\"ID\":1}", "{\"ID\":2,\"Name\":\"b\"}", "{\"ID\":3,\"Name\":\"c\",\"At\":\"2024-05-01T00:00:00Z\"}"]
        .map(|t| t.as_bytes().to_vec())
        .to_vec();
    let (batch, rejects, lines, _) = in_batches(&RecordFormat::Json(JsonOptions::default()), &payloads, 1);
    assert!(rejects.is_empty(), "{rejects:?}");
    assert_eq!(lines, [100, 101, 102]);
    let names = batch.column(2).as_string::<i32>();
    assert_eq!(names.iter().collect::<Vec<_>>(), [None, Some("b"), Some("c")]);
    assert!(batch.column(3).is_valid(2));
}

#[test]
fn one_bad_quote_does_not_swallow_the_next_record() {
    let payloads: Vec<Vec<u8>> = ["1,2,\"open,", "2,2,b,", "3,2,c\",", "", "4,2,d,\n"].map(|t| t.as_bytes().to_vec()).to_vec();
    let records = numbered(&payloads);
    let mut decoder = RecordDecoder::new("t/0", &RecordFormat::Csv(CsvRecords::default()), &columns(), Drift::Evolve).unwrap();
    let d = decoder.decode(&records, &[]).unwrap();
    assert_eq!(d.lines, [101, 102, 104]);
    let told: Vec<(u64, &str)> = d.rejects.iter().map(|r| (r.line, r.code)).collect();
    assert_eq!(told, [(100, "quote"), (103, "empty")]);
}

#[test]
fn unknown_keys_are_a_fault_where_they_are_to_be() {
    let payloads: Vec<Vec<u8>> = ["{\"id\":1,\"other\":2}", "{\"id\":2}"].map(|t| t.as_bytes().to_vec()).to_vec();
    let records = numbered(&payloads);
    let json = RecordFormat::Json(JsonOptions::default());
    let d = RecordDecoder::new("t/0", &json, &columns(), Drift::Quarantine).unwrap().decode(&records, &[]).unwrap();
    assert_eq!((d.lines, d.rejects[0].code, d.rejects[0].line), (vec![101], "drift", 100));
    let failed = RecordDecoder::new("t/0", &json, &columns(), Drift::Fail).unwrap().decode(&records, &[]);
    assert!(failed.err().is_some_and(|e| e.what.contains("`other`")));
}

#[test]
fn what_is_about_a_record_gets_its_place_and_type() {
    let labelled = |name: &str, label: &str, t: DataType| ColumnRead { label: label.into(), ..ColumnRead::new(name, t) };
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns = vec![
        labelled("key", "@key", DataType::Int64),
        ColumnRead::new("id", DataType::Int64),
        labelled("sent", "@timestamp", utc.clone()),
        ColumnRead { on_invalid: OnInvalid::Null, ..labelled("trace", "@header.trace", DataType::Int64) },
    ];
    let payloads: Vec<Vec<u8>> = ["{\"id\":1}", "{\"id\":\"x\"}", "{\"id\":3}", "{\"id\":4}"].map(|t| t.as_bytes().to_vec()).to_vec();
    let records = numbered(&payloads);
    let mut decoder = RecordDecoder::new("t/0", &RecordFormat::Json(JsonOptions::default()), &columns, Drift::Evolve).unwrap();
    assert_eq!(decoder.about(), ["@key", "@timestamp", "@header.trace"]);
    let about: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("7"), Some("8"), Some("nine"), None])),
        Arc::new(TimestampMicrosecondArray::from(vec![10, 20, 30, 40]).with_timezone("UTC")),
        Arc::new(StringArray::from(vec![Some("1"), Some("1"), Some("1"), Some("z")])),
    ];
    let d = decoder.decode(&records, &about).unwrap();
    let told: Vec<(u64, Option<&str>, &str)> = d.rejects.iter().map(|r| (r.line, r.column.as_deref(), r.raw.as_str())).collect();
    assert_eq!(told, [(101, Some("id"), "{\"id\":\"x\"}"), (102, Some("key"), "{\"id\":3}")]);
    assert_eq!(d.lines, [100, 103]);
    let ints = |at: usize| d.batch.column(at).as_primitive::<arrow::datatypes::Int64Type>().iter().collect::<Vec<_>>();
    assert_eq!((ints(0), ints(1), ints(3)), (vec![Some(7), None], vec![Some(1), Some(4)], vec![Some(1), None]));
    assert_eq!(d.batch.column(2).as_primitive::<arrow::datatypes::TimestampMicrosecondType>().values()[..], [10, 40]);
    assert_eq!(d.nulled, [0, 0, 0, 1]);
    assert_eq!((d.text.text(1), d.text.offset(1)), ("{\"id\":4}".to_string(), 103));
}

// ------------------------------------------------------------------------------------------------------------- avro

struct Registry;

impl SchemaLookup for Registry {
    fn schema(&self, id: SchemaId) -> Result<Option<String>> {
        let field = |name: &str, t: &str| format!("{{\"name\":\"{name}\",\"type\":{t}}}");
        let record = |fields: &[String]| format!("{{\"type\":\"record\",\"name\":\"r\",\"fields\":[{}]}}", fields.join(","));
        let (id_, name) = (field("id", "\"long\""), field("name", "[\"null\",\"string\"]"));
        Ok(match id {
            SchemaId::Registry(1) => Some(record(&[id_, name])),
            SchemaId::Registry(2) | SchemaId::Fingerprint(2) => Some(record(&[name, id_, field("price", "\"double\"")])),
            SchemaId::Registry(9) => return Err(Error::unavailable("the registry is away")),
            _ => None,
        })
    }
}

fn long(n: i64, out: &mut Vec<u8>) {
    let mut n = ((n << 1) ^ (n >> 63)) as u64;
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// `schema` 1 or 2, in the registry's framing or, below zero, as single object.
fn avro(schema: i32, id: i64, name: Option<&str>) -> Vec<u8> {
    let mut out = vec![0];
    if schema < 0 {
        out = vec![0xC3, 1];
        out.extend_from_slice(&u64::from(schema.unsigned_abs()).to_le_bytes());
    } else {
        out.extend_from_slice(&schema.to_be_bytes());
    }
    let text = |out: &mut Vec<u8>| match name {
        None => long(0, out),
        Some(n) => {
            long(1, out);
            long(n.len() as i64, out);
            out.extend_from_slice(n.as_bytes());
        }
    };
    if schema == 1 {
        long(id, &mut out);
        text(&mut out);
    } else {
        text(&mut out);
        long(id, &mut out);
        out.extend_from_slice(&1.5f64.to_le_bytes());
    }
    out
}

fn avro_decoder() -> RecordDecoder {
    RecordDecoder::new("t/0", &RecordFormat::Avro(Arc::new(Registry), JsonOptions::default()), &columns(), Drift::Evolve).unwrap()
}

#[test]
fn avro_of_several_schemas_stays_in_order_and_damage_costs_only_itself() {
    let mut short = avro(1, 5, Some("five"));
    short.truncate(short.len() - 2);
    let mut long = avro(1, 6, Some("six"));
    long.extend_from_slice(&[0, 0, 0, 0, 0]);
    let mut wrong = avro(1, 7, Some("seven"));
    let at = wrong.len() - 5;
    wrong[at] = 0xFF;
    let payloads = vec![
        avro(1, 1, Some("one")),
        avro(2, 2, None),
        avro(-2, 3, Some("three")),
        avro(1, 4, Some("four")),
        short,
        avro(1, 44, None),
        long,
        wrong,
        b"{\"id\":1}".to_vec(),
        avro(3, 1, None),
        Vec::new(),
        avro(1, 8, Some("eight")),
    ];
    let mut decoder = avro_decoder();
    // What a damaged record did to the decoder must not be seen by later ones.
    for _ in 0..2 {
        let d = decoder.decode(&numbered(&payloads), &[]).unwrap();
        assert_eq!(d.lines, [100, 101, 102, 103, 105, 111], "{:?}", d.rejects);
        let ids = d.batch.column(0).as_primitive::<arrow::datatypes::Int64Type>();
        assert_eq!(ids.values()[..], [1, 2, 3, 4, 44, 8]);
        let names: Vec<Option<&str>> = d.batch.column(2).as_string::<i32>().iter().collect();
        assert_eq!(names, [Some("one"), None, Some("three"), Some("four"), None, Some("eight")]);
        let told: Vec<(u64, &str)> = d.rejects.iter().map(|r| (r.line, r.code)).collect();
        assert_eq!(told, [(104, "avro"), (106, "avro"), (107, "avro"), (108, "avro"), (109, "schema"), (110, "empty")]);
        assert!(d.text.text(0).contains("\"one\""));
    }
    let away = decoder.decode(&numbered(&[avro(9, 1, None)]), &[]).err().unwrap();
    assert!(away.what.contains("away"));
}

#[test]
fn nothing_in_is_nothing_out() {
    for format in [
        RecordFormat::Json(JsonOptions::default()),
        RecordFormat::Csv(CsvRecords::default()),
        RecordFormat::Avro(Arc::new(Registry), JsonOptions::default()),
    ] {
        let d = RecordDecoder::new("t/0", &format, &columns(), Drift::Evolve).unwrap().decode(&[], &[]).unwrap();
        assert_eq!((d.batch.num_rows(), d.rejects.len(), d.batch.num_columns()), (0, 0, 4));
    }
}
