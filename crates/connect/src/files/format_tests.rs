//! Every format through the door that users take: files, options, a probe, a scan.
use super::tests::{Case, Read};
use super::*;
use crate::connector::Drift;
use arrow::datatypes::{DataType, TimeUnit};
use tidemill_core::OnInvalid;

const LINES: &str = "{\"id\": 1, \"name\": \"Ana\", \"address\": {\"city\": \"Lyon\", \"geo\": {\"lat\": 45.75}}, \"tags\": [1, \"a b\"]}\n\
    {\"name\": \"Bo\\u00e9 \\\"x\\\"\", \"id\": 2, \"price\": 0.10000000000000000001, \"address\": null}\n\
    {\"id\": 3, \"name\": \"\", \"ok\": true, \"address\": {\"city\": null}}\n";

fn columns(case: Case, columns: &[(&str, DataType)]) -> Case {
    columns.iter().fold(case, |case, (name, t)| case.column(name, t.clone()))
}

#[test]
fn json_lines_give_their_texts() {
    let case = Case::new("a.jsonl", LINES);
    let probe = case.probe();
    assert_eq!((probe.format, probe.is_typed), ("json", false));
    assert_eq!(
        probe.labels,
        ["id", "name", "address.city", "address.geo.lat", "tags", "price", "address", "ok"]
            .iter()
            .filter(|l| **l != "address")
            .copied()
            .collect::<Vec<_>>()
    );
    assert_eq!(probe.columns[2].name, "address_city");
    assert_eq!(probe.columns[0].data_type, DataType::Int64);
    let read = case.read();
    assert_eq!(read.shown(), ["1|Ana|Lyon|45.75|[1,\"a b\"]|∅|∅", "2|Boé \"x\"|∅|∅|∅|0.10000000000000000001|∅", "3||∅|∅|∅|∅|true"]);
    assert_eq!(read.lines, [1, 2, 3]);
    assert_eq!(read.texts[1].1, LINES.lines().nth(1).unwrap());
    assert_eq!(read.texts[1].0, LINES.find('\n').unwrap() as u64 + 1);
}

#[test]
fn nested_objects_may_be_kept() {
    let read = Case::new("a.json", LINES).set("nested", "keep").read();
    assert_eq!(read.shown()[0], "1|Ana|{\"city\":\"Lyon\",\"geo\":{\"lat\":45.75}}|[1,\"a b\"]|∅|∅");
}

/// The same records, written in every way that is understood.
fn ways() -> Vec<(&'static str, String)> {
    let records = [r#"{"id":1,"n":{"a":"x,}]"}}"#, r#"{"id":2,"n":{"a":"[{"}}"#, r#"{"id":3,"n":{}}"#];
    let pretty =
        "{\n  \"id\": 1,\n  \"n\": {\n    \"a\": \"x,}]\"\n  }\n}\n{\n  \"id\": 2,\n  \"n\": {\"a\": \"[{\"}\n}\n{\"id\": 3, \"n\": {}}\n";
    vec![
        ("lines", records.join("\n")),
        ("lines with blanks", format!("\u{feff}\n{}\n\n", records.join("\r\n \r\n"))),
        ("one after another", records.concat()),
        ("pretty", pretty.to_string()),
        ("array", format!("[{}]", records.join(","))),
        ("array, a record a line", format!("[{}]\n", records.join(",\n"))),
        ("pretty array", format!("[\n  {}\n]\n", records.join(",\n  "))),
        ("wrapped", format!("{{\"data\": [{}]}}", records.join(", "))),
        ("wrapped and pretty", format!("{{\n  \"data\": [\n    {}\n  ]\n}}", records.join(",\n    "))),
        ("wrapped with more", format!("{{\"count\": 3, \"rows\": [{}], \"next\": null}}", records.join(", "))),
    ]
}

#[test]
fn json_is_understood_in_every_way_it_is_written() {
    for (way, text) in ways() {
        for morsel in [1, 7, 40, 1 << 20] {
            let read = Case::new("a.json", &text).morsel(morsel).read();
            assert_eq!(read.shown(), ["1|x,}]", "2|[{", "3|∅"], "{way}, {morsel} bytes a morsel");
            assert_eq!(read.rejects, [], "{way}");
            for ((offset, raw), line) in read.texts.iter().zip(&read.lines) {
                let offset = *offset as usize;
                assert_eq!(&text[offset..offset + raw.len()], raw, "{way}");
                assert_eq!(*line as usize, 1 + text[..offset].matches('\n').count(), "{way}");
            }
        }
    }
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain("[{\"a\":\"é\"}]".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(Case::new("a.json", utf16).read().shown(), ["é"]);
    assert_eq!(Case::new("noending", "{\"a\":1}\n{\"a\":2}\n").read().shown(), ["1", "2"]);
    let root = Case::new("a.json", "{\"meta\": {\"x\": [{\"no\": 1}]}, \"r\": {\"items\": [{\"a\": 1}]}}");
    assert_eq!(root.set("root", "r.items").read().shown(), ["1"]);
}

#[test]
fn a_broken_json_record_costs_itself_only() {
    let lines = "{\"a\": 1}\n{\"a\": }\n{\"a\": 2\n[1]\n{\"a\": 3} x\n{\"a\": \"\\ud800\"}\n{\"a\": 01}\n{\"a\": 4}\n";
    for morsel in [1, 30, 1 << 20] {
        let read = Case::new("a.jsonl", lines).column("a", DataType::Int64).morsel(morsel).read();
        assert_eq!((read.shown(), read.lines.clone()), (vec!["1".into(), "4".into()], vec![1, 8]));
        let codes: Vec<(u64, &str)> = (2..8).map(|l| (l, "json")).collect();
        assert_eq!(read.codes(), codes);
        assert_eq!(read.rejects[0].raw, "{\"a\": }");
        assert_eq!(read.rejects[0].reason, "a value is expected (at byte 7 of the record)");
    }
    // A quote is missing on line 3: the record ends where the next begins.
    let pretty =
        "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a: 2\n  },\n  {\n    \"a\": 3\n  },\n  {\n    \"a\": 4,\n  },\n  {\n    \"a\": 5\n  }\n]\n";
    for morsel in [1, 30, 1 << 20] {
        let read = Case::new("a.json", pretty).morsel(morsel).read();
        assert_eq!(read.shown(), ["1", "3", "5"]);
        assert_eq!(read.codes(), [(5, "json"), (11, "json")], "{:?}", read.rejects);
    }
    // A bracket is missing.
    let stream = "{\n \"a\": 1\n}\n{\n \"a\": {\"b\": 2\n}\n{\n \"a\": 3\n}\n";
    let read = Case::new("a.json", stream).column("a", DataType::Utf8).read();
    assert_eq!(read.shown(), ["1", "3"]);
    assert_eq!(read.codes(), [(4, "json")]);
}

#[test]
fn values_of_json_are_converted_as_texts_are() {
    let text = r#"{"d":"05/03/2024","n":"1,234.50 kg","m":12.30,"b":"yes","t":"?","ts":"2024-01-01T10:00:00+02:00","i":17850.0}
{"d":null,"n":"?","m":"?","b":false,"t":"","ts":null,"i":"12"}
{"d":"x","n":1,"m":1,"b":true,"t":"a","ts":null,"i":1}
{"d":"06/03/2024","n":1,"m":1.005,"b":true,"t":"a","ts":null,"i":1}
{"d":"07/03/2024","n":1,"m":1,"b":true,"t":{"x":1},"ts":null,"i":1.5}
"#;
    let case = Case::new("a.jsonl", text).column("d", DataType::Date32).with(|c| c.formats = vec!["%d/%m/%Y".into()]);
    let case = case.column("n", DataType::Float64).with(|c| {
        c.thousands = Some(',');
        c.units = vec!["kg".into()];
        c.null_tokens = vec!["?".into()];
    });
    let case = case.column("m", DataType::Decimal128(10, 2)).with(|c| c.null_tokens = vec!["?".into()]);
    let case = case.column("b", DataType::Boolean).column("t", DataType::Utf8).with(|c| c.null_tokens = vec!["?".into()]);
    let case = case.column("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    let case = case.column("i", DataType::Int64).with(|c| c.on_invalid = OnInvalid::Null);
    let read = case.read();
    assert_eq!(
        read.shown(),
        ["2024-03-05|1234.5|12.30|true|∅|2024-01-01T08:00:00Z|17850", "∅|∅|∅|false||∅|12", "2024-03-07|1.0|1.00|true|{\"x\":1}|∅|∅"]
    );
    assert_eq!(read.codes(), [(3, "type"), (4, "type")]);
    assert_eq!(read.rejects[1].column.as_deref(), Some("m"));
    assert_eq!(read.rejects[1].reason, "\"1.005\" is not a decimal(10,2)");
    assert_eq!(read.nulled, [0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn keys_of_json_may_come_twice_late_or_not_at_all() {
    let text = "{\"a\": 1, \"a\": 2, \"o\": {\"x\": 1}, \"o\": {\"y\": 2}}\n{\"o.x\": 7}\n{\"a\": null}\n{\"A \": 3}\n{\"o\": 5}\n";
    let case = columns(
        Case::new("a.jsonl", text),
        &[("a", DataType::Int64), ("o.x", DataType::Utf8), ("o.y", DataType::Utf8), ("never", DataType::Utf8)],
    );
    assert_eq!(case.read().shown(), ["2|∅|2|∅", "∅|7|∅|∅", "∅|∅|∅|∅", "∅|∅|∅|∅", "∅|∅|∅|∅"]);
    let strict = Case::new("a.jsonl", "{\"a\": 1}\n{\"a\": 2, \"b\": 3}\n").column("a", DataType::Int64);
    assert_eq!(strict.drift(Drift::Quarantine).read().codes(), [(1, "drift"), (2, "drift")]);
}

#[test]
fn nesting_is_bounded() {
    let deep = |n: usize| format!("{{\"a\": {}1{}}}\n", "[".repeat(n), "]".repeat(n));
    let text = format!("{}{}{}{{\"a\": 1}}\n", deep(100), deep(127), deep(100_000));
    let read = Case::new("a.jsonl", text).read();
    assert_eq!(read.lines, [1, 2, 4]);
    assert_eq!(read.codes(), [(3, "json")]);
}

#[test]
fn a_long_json_record_is_bounded() {
    let long = "y".repeat(5000);
    for (text, lines) in [
        (format!("{{\"a\":1}}\n{{\"a\":\"{long}\"}}\n{{\"a\":2}}\n"), vec![1, 3]),
        (format!("[\n{{\"a\":1}},\n{{\"a\":\"{long}\"}},\n{{\"a\":2}}\n]"), vec![2, 4]),
        (format!("[\n{{\"a\":1}},\n{{\"a\":[{}]}},\n{{\"a\":2}}\n]", "[".repeat(5000)), vec![2, 4]),
    ] {
        for morsel in [16, 1 << 20] {
            let read = Case::new("a.json", &text).column("a", DataType::Utf8).set("record_bytes_max", 1024).morsel(morsel).read();
            assert_eq!((read.shown(), &read.lines), (vec!["1".into(), "2".into()], &lines), "{:?}", read.rejects);
            assert_eq!(read.rejects.len(), 1);
            assert!(read.rejects[0].raw.len() < 6000 && matches!(read.rejects[0].code, "length" | "json"), "{}", read.rejects[0].code);
        }
    }
}

#[test]
fn an_array_that_is_cut_keeps_what_is_whole() {
    let text = "[{\"a\": 1}, {\"a\": 2}, {\"a\": \"abc";
    for morsel in [1, 1 << 20] {
        let read = Case::new("a.json", text).column("a", DataType::Utf8).morsel(morsel).read();
        assert_eq!(read.shown(), ["1", "2"]);
        assert_eq!(read.codes(), [(1, "truncated")]);
        assert_eq!(read.rejects[0].raw, "{\"a\": \"abc");
        let read = Case::new("a.json", "[{\"a\": 1},\n").column("a", DataType::Utf8).morsel(morsel).read();
        assert_eq!((read.shown(), read.codes()), (vec!["1".to_string()], vec![(2, "truncated")]));
    }
}

#[test]
fn options_of_another_format_are_refused() {
    for (path, key, value, problem) in [
        ("a.json", "delimiter", ";", "`delimiter` means nothing for json"),
        ("a.csv", "root", "data", "`root` means nothing for csv"),
        ("a.parquet", "encoding", "utf-8", "`encoding` means nothing for parquet"),
        ("a.avro", "header", "auto", "`header` means nothing for avro"),
        ("a.jsonl", "encoding", "latin-1", "JSON is UTF-8 or UTF-16, not \"latin-1\""),
        ("a.xlsx", "ragged", "fill", "the format of \"a.xlsx\" is not told by its name (.xlsx)"),
    ] {
        let options = Options::from([("path".into(), path.into()), (key.into(), value.into())]);
        let (_, problems) = FileOptions::parse(&options);
        assert_eq!(problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(), [problem]);
    }
}

#[test]
fn files_of_one_source_are_of_one_format() {
    let case = Case::new("x", "").file("d/a.csv", "").file("d/b.json", "{\"a\":1}").set("path", "d");
    let error = case.source().list().unwrap_err();
    assert!(error.what.contains("several formats"), "{error}");
    assert_eq!(case.set("format", "json").read().shown(), ["1"]);
}

#[test]
fn an_empty_file_is_no_error() {
    for name in ["a.csv", "a.json", "a.jsonl", "a.txt"] {
        for text in ["", "\n\n", " \n"] {
            let case = Case::new(name, text);
            assert_eq!(case.probe().columns.len(), 0, "{name} {text:?}");
            let read = case.column("a", DataType::Utf8).read();
            assert_eq!((read.rows.len(), read.rejects.len()), (0, 0), "{name} {text:?} {:?}", read.rejects);
        }
    }
    let case = Case::new("a.csv", "id,name\n");
    assert_eq!(case.probe().labels, ["id", "name"]);
    assert_eq!(case.read(), Read { nulled: vec![0, 0], ..Read::default() });
    assert_eq!(Case::new("a.json", "[]\n").probe().columns.len(), 0);
}

#[test]
fn rows_of_json_are_decoded_again() {
    let case = Case::new("a.jsonl", "{\"a\": 1}\n{\"a\": \"x\", \"o\": {\"b\": 2}}\n");
    let columns = [ColumnRead::new("a", DataType::Utf8), ColumnRead { label: "o.b".into(), ..ColumnRead::new("o_b", DataType::Int64) }];
    let again = case.source().decode_records("a.jsonl", &[(2, "{\"a\": \"x\", \"o\": {\"b\": 2}}"), (9, "{")], &columns).unwrap();
    assert_eq!((again.batch.num_rows(), again.lines.clone()), (1, vec![2]));
    assert_eq!((again.rejects[0].line, again.rejects[0].code), (9, "json"));
    assert_eq!(again.text.text(0), "{\"a\": \"x\", \"o\": {\"b\": 2}}");
}

#[test]
fn delimiters_and_odd_quotes_of_csv() {
    for (name, text) in [
        ("a.psv", "a|b\n1|x,y\n"),
        ("a.tab", "a\tb\n1\tx,y\n"),
        ("a.txt", "a^b\n1^x,y\n2^z,\n"),
        ("a.txt", "a:b\n1:x,y\n"),
        ("a.txt", "a~b\n1~x,y\n"),
    ] {
        assert_eq!(Case::new(name, text).read().shown()[0], "1|x,y", "{text:?}");
    }
    // Times are not separated values.
    assert_eq!(Case::new("a.csv", "10:30\n11:45\n").probe().labels.len(), 1);
    // Every row ends with a delimiter that the header lacks.
    let read = Case::new("a.csv", "a,b\n1,x,\n2,,\n3,z,more\n4,y,\n").set("header", true).read();
    assert_eq!(read.codes(), [(2, "fields"), (3, "fields"), (4, "fields"), (5, "fields")], "one row says otherwise");
    let late = format!("a,b\n{}3,z,more\n4,y,\n", "1,x,\n".repeat(200));
    let read = Case::new("a.csv", late).read();
    assert_eq!((read.rows.len(), read.codes()), (201, vec![(202, "fields")]));
    assert_eq!(read.shown()[200], "4|y");
    let read = Case::new("a.csv", "a,b\n1,\"bad\"tail\n2,\"open\n3,x\n").read();
    assert_eq!(read.codes(), [(2, "quote"), (3, "quote")]);
    assert_eq!(read.rejects[0].reason, "`tail` follows the closing quote of a field (a quote within a quoted field is doubled)");
    assert_eq!(read.rejects[1].reason, "a quoted field is never closed");
}
