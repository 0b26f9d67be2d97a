use super::about::About;
use super::gather::Gathered;
use super::options::{Format, From, SinkOptions, SourceOptions};
use super::{Access, Kafka, produce, start};
use crate::connector::Drift;
use crate::formats::json::JsonOptions;
use crate::formats::records::{RecordDecoder, RecordFormat};
use crate::options::{OptionFault, OptionValue, Options};
use crate::stream::{StreamConnector, StreamSource};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use std::path::Path;
use tidemill_core::{ColumnRead, Decoded, ErrorKind};

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(k, v)| ((*k).to_string(), OptionValue::from(*v))).collect()
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    let problems = SourceOptions::parse(&options(pairs), Path::new(".")).1;
    problems.into_iter().map(|p| format!("{}: {}", p.key.unwrap_or_default(), p.message)).collect()
}

const LEAST: [(&str, &str); 2] = [("brokers", "localhost:9092"), ("topic", "orders")];

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    LEAST.iter().chain(more).copied().collect()
}

#[test]
fn the_least_that_is_needed_is_brokers_and_a_topic() {
    let (read, wrong) = SourceOptions::parse(&options(&LEAST), Path::new("."));
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!((read.topics, read.format, read.from, read.group), (vec!["orders".to_string()], Format::Json, From::Earliest, None));
    assert!(!read.reads_uncommitted, "messages of transactions that were given up are not rows");
    let (_, missing) = SourceOptions::parse(&Options::new(), Path::new("."));
    assert_eq!(missing.iter().filter(|p| p.fault == OptionFault::Missing).count(), 2);
}

#[test]
fn every_mistake_in_the_options_is_told() {
    let told = problems(&[("brokers", "localhost"), ("topic", "a b"), ("from", "yesterday"), ("format", "jsn"), ("colour", "red")]);
    assert_eq!(told.len(), 5, "{told:#?}");
    assert_eq!(problems(&with(&[("from", "2026-01-31T12:00:00Z")])), Vec::<String>::new());
    assert_eq!(problems(&with(&[("from", "committed")])).len(), 1, "of which group?");
    assert_eq!(problems(&with(&[("from", "committed"), ("group", "shop")])), Vec::<String>::new());
    assert_eq!(problems(&with(&[("format", "avro")])), [": the option `schema_registry` is missing"]);
    assert_eq!(problems(&with(&[("delimiter", ";")])), ["delimiter: `delimiter` means nothing for json"]);
    assert_eq!(problems(&with(&[("sasl_user", "me")])).len(), 1, "a user without a password's protection");
    assert_eq!(problems(&with(&[("security", "sasl_tls")])).len(), 2, "user and password are missing");
    assert_eq!(problems(&with(&[("security", "tls"), ("tls_ca", "no/such/file.pem")])).len(), 1);
    assert_eq!(problems(&with(&[("security", "tls"), ("tls_key", "Cargo.toml")])).len(), 1, "a key without its certificate");
    assert!(SinkOptions::parse(&options(&with(&[("key", "id"), ("compression", "lz4")])), Path::new(".")).1.is_empty());
}

#[test]
fn secrets_are_not_shown() {
    let all = with(&[("security", "sasl"), ("sasl_user", "me"), ("sasl_password", "hunter2")]);
    let (read, wrong) = SourceOptions::parse(&options(&all), Path::new("."));
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(!format!("{read:?}").contains("hunter2"));
}

fn decoder(format: RecordFormat, columns: &[ColumnRead]) -> RecordDecoder {
    RecordDecoder::new("orders/3", &format, columns, Drift::Evolve).expect("a decoder")
}

fn decode(decoder: &mut RecordDecoder, first: i64, values: &[&str]) -> Decoded {
    let about = About::new(&[]).expect("nothing");
    let mut gathered = Gathered::new(&about);
    for (i, value) in values.iter().enumerate() {
        gathered.push_value(first + i as i64, value.as_bytes(), 60);
    }
    assert_eq!(gathered.is_empty(), values.is_empty());
    let decoded = gathered.decode(decoder, &about).expect("decoded");
    assert!(gathered.is_empty());
    decoded
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn a_message_is_a_row_or_a_reject_with_its_offset_and_its_text() {
    let columns = [ColumnRead::new("id", DataType::Int64), ColumnRead::new("name", DataType::Utf8)];
    let mut decoder = decoder(RecordFormat::Json(JsonOptions::default()), &columns);
    let long = format!(r#"{{"id":9,"name":"{}"}}"#, "x".repeat(60));
    let values = [r#"{"id":1,"name":"a"}"#, "{broken", "", "[1]", r#" {"id":3}"#, r#"{"id":"x"}"#, r#"{"name":"d","id":4} {}"#, &long];
    let decoded = decode(&mut decoder, 100, &values);
    assert_eq!(ids(&decoded.batch), [1, 3]);
    assert_eq!(decoded.lines, [100, 104]);
    assert_eq!((decoded.text.text(1).trim(), decoded.text.offset(1)), (r#"{"id":3}"#, 104));
    let told: Vec<(u64, u64, &str)> = decoded.rejects.iter().map(|r| (r.line, r.offset, r.code)).collect();
    let wanted = [(101, "json"), (102, "empty"), (103, "json"), (105, "type"), (106, "json"), (107, "length")];
    assert_eq!(told, wanted.map(|(offset, code)| (offset, offset, code)));
    assert_eq!((decoded.rejects[0].raw.as_str(), &decoded.rejects[5].raw), ("{broken", &long));
    assert_eq!(decoded.rows_read, 8);
    let nothing = decode(&mut decoder, 0, &[]);
    assert_eq!((nothing.batch.num_rows(), nothing.batch.num_columns(), nothing.rows_read), (0, 2, 0));
}

#[test]
fn what_is_asked_about_a_message_has_to_be_there_to_be_known() {
    let label = |label: &str| ColumnRead { label: label.into(), ..ColumnRead::new("x", DataType::Utf8) };
    let about = About::new(&[label("@key"), label("id"), label("@header.trace"), label("@offset")]).expect("known");
    assert_eq!(about.arrays(&about.noted()).len(), 3);
    let wrong = About::new(&[label("@kye")]).expect_err("unknown");
    assert_eq!((wrong.kind, wrong.help.as_deref()), (ErrorKind::Config, Some("did you mean `@key`?")));
    assert!(About::new(&[label("@header.")]).is_err());
}

#[test]
fn an_offset_that_is_gone_or_was_never_there_is_an_error_with_help() {
    assert!(start::check("orders", 3, 5, 5, 5).is_ok() && start::check("orders", 3, 7, 5, 9).is_ok());
    let gone = start::check("orders", 3, 4, 10, 20).expect_err("gone");
    assert_eq!((gone.kind, gone.place.as_str()), (ErrorKind::Data, "orders/3"));
    assert!(gone.what.contains("6 messages are gone unread") && gone.help.is_some(), "{gone}");
    let beyond = start::check("orders", 3, 21, 10, 20).expect_err("beyond the end");
    assert!(beyond.what.contains("ends at 20") && beyond.help.is_some(), "{beyond}");
}

#[test]
fn brokers_that_do_not_answer_are_trouble_and_no_error() {
    // Nothing listens on port 1.
    let options = options(&[("brokers", "127.0.0.1:1"), ("topic", "orders")]);
    let columns = [ColumnRead::new("id", DataType::Int64)];
    let mut source = Kafka.open(&options, Path::new("."), &columns, &crate::stream::Positions::new()).expect("open");
    let budget = crate::stream::Budget { rows: 10, bytes: 1000, wait: std::time::Duration::from_millis(50) };
    // That nobody answers is known once the connection has been tried.
    for _ in 0..200 {
        assert!(matches!(source.pull(budget).expect("no error"), crate::stream::Pulled::Idle));
        if source.trouble().is_some() {
            break;
        }
    }
    assert!(source.trouble().is_some_and(|t| t.contains("127.0.0.1:1")), "{:?}", source.trouble());
    let _: &dyn StreamSource = &*source;
}

#[test]
fn the_key_of_a_line_is_found_where_it_is() {
    let line = br#"{"a":{"id":7},"id":"x\n1","n":null,"b":12.50}"#;
    assert_eq!(produce::json_member(line, "id").as_deref(), Some(&b"x\n1"[..]));
    assert_eq!(produce::json_member(line, "b").as_deref(), Some(&b"12.50"[..]));
    assert_eq!(
        (produce::json_member(line, "n"), produce::json_member(line, "z"), produce::json_member(b"{oops", "id")),
        (None, None, None)
    );
    assert_eq!(produce::csv_field(b"a,\"b,\"\"c\",", 1).as_deref(), Some(&b"b,\"c"[..]));
    assert_eq!((produce::csv_field(b"a,,c", 1), produce::csv_field(b"a", 5)), (None, None));
    assert_eq!(Access::plain("a:1").brokers, "a:1");
}
