use super::chunk::last_record_end;
use super::dialect::{Dialect, detect_delimiter};
use super::encoding::{Encoding, detect};
use super::infer::infer;
use super::plan::{match_labels, names_of};
use super::quoted::{Quoted, quoted_end, unquote};
use super::record::records;
use super::survey::{CsvOptions, survey};
use crate::formats::convert::decimal::decimal;
use crate::formats::convert::number::NumberFormat;
use crate::formats::convert::pattern::{Moment, Pattern, days_of, iso};
use crate::formats::convert::zone::Zone;
use arrow::datatypes::DataType;
use proptest::prelude::*;
use tidemill_core::{ColumnRead, Negative};

fn moment(pattern: &str, text: &str) -> Option<Moment> {
    Pattern::compile(pattern).unwrap().parse(text.as_bytes())
}

fn date(pattern: &str, text: &str) -> Option<i32> {
    moment(pattern, text).map(|m| m.days)
}

#[test]
fn a_quoted_field_ends_at_a_quote_that_something_ends_after() {
    let d = Dialect::default();
    let end = |text: &str| quoted_end(text.as_bytes(), 0, true, &d);
    assert_eq!(end("\"a\",b"), Quoted::Closed(3));
    assert_eq!(end("\"a\"\"b\"\n"), Quoted::Closed(6));
    assert_eq!(end("\"a\nb\""), Quoted::Closed(5));
    assert_eq!(end("\"a\" ,b"), Quoted::Closed(4));
    assert_eq!(end("\"5\" pipe\",3"), Quoted::Closed(9));
    assert_eq!(end("\"abc,3\n5,\"x, y\",6\n"), Quoted::Malformed);
    assert_eq!(end("\"abc\"def,2\nx,\"y\"\n"), Quoted::Malformed);
    assert_eq!(end("\"abc"), Quoted::Malformed);
    // Two lost quotes before empty fields, and rows between them; a text that ends with a comma; a buffer that ends in the second's row.
    let rows = "c,3\n".repeat(9);
    assert_eq!(end(&format!("\",2\n{rows}x,\",4\n")[..]), Quoted::Malformed);
    assert_eq!(end(&format!("\",2\n{rows}x,\"\n")[..]), Quoted::Malformed);
    assert_eq!(end("\"a,\nb,\nc,\n,\",2\n"), Quoted::Closed(12));
    assert_eq!(quoted_end(format!("\",2\n{rows}x,\",").as_bytes(), 0, false, &d), Quoted::More);
    assert_eq!(quoted_end(b"\"abc", 0, false, &d), Quoted::More);
    assert_eq!(quoted_end(b"\"abc\"", 0, false, &d), Quoted::More);
    let escaped = Dialect { escape: Some(b'\\'), ..d };
    assert_eq!(quoted_end(br#""a\"b","#, 0, true, &escaped), Quoted::Closed(6));
    assert_eq!(&*unquote(br#""a\"b""#, &escaped), br#"a"b"#);
    assert_eq!(&*unquote(br#""a""b" "#, &d), br#"a"b"#);
    assert_eq!(&*unquote(br#""""#, &d), b"");
}

#[test]
fn dates_are_read_by_pattern() {
    assert_eq!(days_of(1970, 1, 1), Some(0));
    assert_eq!(days_of(2000, 2, 29), Some(11016));
    assert_eq!(days_of(1900, 2, 29), None);
    assert_eq!(days_of(2023, 2, 30), None);
    assert_eq!(days_of(0, 1, 1), None);
    for day in [days_of(1, 1, 1), days_of(1600, 3, 1), days_of(2024, 12, 31), days_of(9999, 12, 31)] {
        let day = day.unwrap();
        let by_chrono = chrono::NaiveDate::from_num_days_from_ce_opt(day + 719_163).unwrap();
        assert_eq!(date("%Y-%m-%d", &by_chrono.format("%Y-%m-%d").to_string()), Some(day));
    }
    let want = days_of(2023, 2, 5);
    for (pattern, text) in [
        ("%d/%m/%Y", "05/02/2023"),
        ("%d/%m/%Y", "5/2/2023"),
        ("%m/%d/%Y", "02/05/2023"),
        ("%b %d, %Y", "Feb 05, 2023"),
        ("%B %e, %Y", "february  5, 2023"),
        ("%d-%b-%y", "05-FEB-23"),
        ("%Y%m%d", "20230205"),
        ("%Y.%j", "2023.36"),
        ("%a, %d %b %Y", "Sun, 05 Feb 2023"),
        ("%F", "2023-02-05"),
        ("%G-W%V-%u", "2023-W05-7"),
    ] {
        assert_eq!(date(pattern, text), want, "{pattern} {text}");
    }
    for (pattern, text) in [
        ("%d/%m/%Y", "31/02/2023"),
        ("%d/%m/%Y", "05/02/23"),
        ("%Y-%m-%d", "0000-00-00"),
        ("%Y-%m-%d", "2023-02-05 "),
        ("%b %d, %Y", "Foo 05, 2023"),
        ("%b %d, %Y", "not a date"),
        ("%Y-%j", "2023-366"),
    ] {
        assert_eq!(date(pattern, text), None, "{pattern} {text}");
    }
    assert!(Pattern::compile("%Q").is_err());
    assert!(Pattern::compile("%d %H").is_err());
}

#[test]
fn times_are_read_by_pattern_and_as_iso() {
    let at = |days: Option<i32>, h: i64, m: i64, s: i64, micros: i64| (days.unwrap(), (h * 3600 + m * 60 + s) * 1_000_000 + micros);
    let of = |m: Option<Moment>| m.map(|m| (m.days, m.micros));
    let day = days_of(2010, 12, 1);
    assert_eq!(of(moment("%m/%d/%Y %H:%M", "12/1/2010 8:26")), Some(at(day, 8, 26, 0, 0)));
    assert_eq!(of(moment("%d/%m/%Y %I:%M:%S %p", "01/12/2010 12:26:05 am")), Some(at(day, 0, 26, 5, 0)));
    assert_eq!(of(moment("%Y-%m-%dT%H:%M:%S%.f%z", "2010-12-01T08:26:00.5+0100")), Some(at(day, 8, 26, 0, 500_000)));
    assert_eq!(of(moment("%s", "1291191960")), Some(at(day, 8, 26, 0, 0)));
    assert_eq!(of(moment("%s%3f", "1291191960042")), Some(at(day, 8, 26, 0, 42_000)));
    assert_eq!(of(moment("%s%6f", "1291191960000042")), Some(at(day, 8, 26, 0, 42)));
    assert_eq!(moment("%s%3f", "-1").map(|m| (m.days, m.micros)), Some((-1, 86_399_999_000)));
    assert_eq!(moment("%H:%M %d/%m/%Y", "24:00 01/12/2010"), None);
    assert_eq!(of(iso(b"2010-12-01 08:26")), Some(at(day, 8, 26, 0, 0)));
    assert_eq!(of(iso(b"2010-12-01T08:26:07.123456789Z")), Some(at(day, 8, 26, 7, 123_456)));
    assert_eq!(iso(b"2010-12-01T08:26:07+05:30").unwrap().offset_s, Some(19_800));
    assert_eq!(iso(b"2010-12-01T08:26:07 -0800").unwrap().offset_s, Some(-28_800));
    assert_eq!(iso(b"2010-12-01T8:26"), None);
    assert_eq!(iso(b"2010-12-01x"), None);
}

#[test]
fn local_times_become_utc_as_in_postgresql() {
    let mut z = Zone::named("America/New_York").unwrap();
    let local = |text: &str| {
        let m = iso(text.as_bytes()).unwrap();
        i64::from(m.days) * 86_400 + m.micros / 1_000_000
    };
    assert_eq!(z.offset_of_local(local("2023-01-15 12:00")), Some(-5 * 3600));
    assert_eq!(z.offset_of_local(local("2023-07-15 12:00")), Some(-4 * 3600));
    assert_eq!(z.offset_of_local(local("2023-03-12 02:30")), Some(-5 * 3600)); // skipped
    assert_eq!(z.offset_of_local(local("2023-11-05 01:30")), Some(-5 * 3600)); // twice
    assert!(Zone::named("Mars/Olympus").is_none());
}

#[test]
fn numbers_lose_units_and_separators_only_where_they_can_stand() {
    let mut column = ColumnRead::new("x", DataType::Float64);
    column.thousands = Some(',');
    column.units = vec!["kg".into(), "€".into(), "%".into()];
    let f = NumberFormat::new(&column);
    for (text, want) in [
        ("1,234.5", Some("1234.5")),
        ("12,34,567", Some("1234567")),
        ("1,2,3", None),
        ("€ 5", Some("5")),
        ("-€5", Some("-5")),
        ("€-5", Some("-5")),
        ("5 KG", Some("5")),
        ("5€", Some("5")),
        ("−7", Some("-7")),
        ("kg", None),
    ] {
        assert_eq!(f.plain(text).as_deref(), want, "{text}");
    }
    // Brackets and a minus behind mean less than nothing only where that was said.
    assert_eq!((f.plain("(5)"), f.plain("5-")), (Some("(5)".into()), Some("5-".into())));
    for (negative, cases) in [
        (
            Negative::Parentheses,
            [
                ("(1,078.65)", Some("-1078.65")),
                ("(€5)", Some("-5")),
                ("€ (5)", Some("-5")),
                ("(5 kg)", Some("-5")),
                ("(-5)", None),
                ("-5", Some("-5")),
            ],
        ),
        (
            Negative::Trailing,
            [
                ("191-", Some("-191")),
                ("1,500.5-", Some("-1500.5")),
                ("5 €-", Some("-5")),
                ("5- €", Some("-5")),
                ("-5-", None),
                ("-5", Some("-5")),
            ],
        ),
    ] {
        let f = NumberFormat::new(&ColumnRead { negative, ..column.clone() });
        for (text, want) in cases {
            assert_eq!(f.plain(text).as_deref(), want, "{text}");
        }
    }
    column.thousands = Some('.');
    column.decimal = ',';
    let f = NumberFormat::new(&column);
    assert!(!f.is_plain);
    assert_eq!(f.plain("1.234,5").as_deref(), Some("1234.5"));
    assert_eq!(f.plain("1.23"), None);
    column.thousands = Some(' ');
    assert_eq!(NumberFormat::new(&column).plain("1\u{202f}234,5").as_deref(), Some("1234.5"));
}

#[test]
fn decimals_are_exact_or_refused() {
    assert_eq!(decimal("12.34", 10, 2), Some(1234));
    assert_eq!(decimal("-12.3", 10, 2), Some(-1230));
    assert_eq!(decimal("12.340", 10, 2), Some(1234));
    assert_eq!(decimal("12.345", 10, 2), None);
    assert_eq!(decimal("1e3", 10, 2), Some(100_000));
    assert_eq!(decimal("1e400000000", 10, 2), None);
    assert_eq!(decimal("123456789", 5, 2), None);
    assert_eq!(decimal("99999999999999999999999999999999999999", 38, 0), Some(10i128.pow(38) - 1));
    assert_eq!(decimal(".", 10, 2), None);
}

#[test]
fn delimiters_and_headers_are_detected() {
    let of = |text: &str| detect_delimiter(text.as_bytes(), true, Dialect::default()) as char;
    assert_eq!(of("a,b\n1,2\n"), ',');
    assert_eq!(of("a;b;c\n1,5;2,5;3\n2,5;3,5;4\n"), ';');
    assert_eq!(of("a\tb\n1, 2\t3\n"), '\t');
    assert_eq!(of("a|b\n1|2\n"), '|');
    assert_eq!(of("a,b\n\"x;y;z\",2\n\"x;y;z\",3\n"), ',');
    assert_eq!(of("milk\nbread,butter\neggs\n"), ',');
    let header = |text: &str| survey(text.as_bytes(), true, Encoding::Utf8, &CsvOptions::default(), None).has_header;
    assert!(header("id,name\n1,x\n"));
    assert!(!header("1,x\n2,y\n"));
    assert!(header("name,city\nx,y\n"));
    assert!(header("id,when\n"));
    assert!(!header("2020-01-01,5\n2020-01-02,6\n"));
}

#[test]
fn types_are_inferred_with_care() {
    let of = |values: &[&str]| infer(values.iter().map(|v| Some(*v)));
    assert_eq!(of(&["1", "-2", "0"]).data_type, DataType::Int64);
    assert_eq!(of(&["17850.0", "13047.0"]).data_type, DataType::Int64);
    assert_eq!(of(&["1.0", "2.5"]).data_type, DataType::Float64);
    assert_eq!(of(&["10.00", "12.00"]).data_type, DataType::Float64);
    assert_eq!(of(&["007", "008"]).data_type, DataType::Utf8);
    assert_eq!(of(&["12345678901234567890"]).data_type, DataType::Utf8);
    assert_eq!(of(&["1", "x"]).data_type, DataType::Utf8);
    assert_eq!(of(&["yes", "no"]).data_type, DataType::Boolean);
    assert_eq!(of(&["F"]).data_type, DataType::Utf8);
    assert_eq!(of(&["F", "T"]).data_type, DataType::Boolean);
    assert_eq!(of(&["1", "0"]).data_type, DataType::Int64);
    assert_eq!(of(&[]).data_type, DataType::Utf8);
    let missing = of(&["1", "NA"]);
    assert_eq!((missing.data_type, missing.null_tokens), (DataType::Int64, vec!["NA".to_string()]));
    assert_eq!(of(&["2023-01-31"]).data_type, DataType::Date32);
    assert!(of(&["2023-01-31"]).formats.is_empty());
    assert!(matches!(of(&["2010-12-01 08:26:00"]).data_type, DataType::Timestamp(_, Some(_))));
    assert_eq!(of(&["31/01/2023", "02/01/2023"]).formats, ["%d/%m/%Y"]);
    assert_eq!(of(&["01/31/2023", "02/01/2023"]).formats, ["%m/%d/%Y"]);
    assert_eq!(of(&["12/1/2010 8:26", "12/31/2010 18:26"]).formats, ["%m/%d/%Y %H:%M"]);
    let both = of(&["03/04/2021", "05/06/2021"]);
    assert_eq!(both.formats, ["%d/%m/%Y"]);
    assert!(both.note.unwrap().contains("day first"));
    let torn = of(&["31/01/2023", "01/31/2023"]);
    assert_eq!(torn.data_type, DataType::Utf8);
    assert!(torn.note.is_some());
    assert_eq!(of(&["2023-01-31", "31/01/2023", "Jan 31, 2023"]).formats, ["%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y"]);
}

#[test]
fn labels_find_their_columns() {
    let labels: Vec<String> = ["ID", "Order Total", "a", "a"].map(String::from).to_vec();
    assert_eq!(names_of(&labels), ["id", "order_total", "a", "a_2"]);
    assert_eq!(names_of(&["".into(), "a".into(), " ".into()]), ["column_1", "a", "column_3"]);
    let column = |name: &str, label: &str| ColumnRead { label: label.into(), ..ColumnRead::new(name, DataType::Utf8) };
    let found = match_labels(&[column("a_2", "a"), column("x", "order_total"), column("key", "ID"), column("none", "none")], &labels);
    assert_eq!(found, [Some(3), Some(1), Some(0), None]);
}

#[test]
fn encodings_are_told() {
    assert_eq!(detect("naïve".as_bytes(), true), Encoding::Utf8);
    assert_eq!(detect(b"na\xEFve,1", true), Encoding::Windows1252);
    assert_eq!(detect(&"naï".as_bytes()[..3], false), Encoding::Utf8);
    assert_eq!(detect(b"a\0,\0b\0\n\0", true), Encoding::Utf16Le);
    assert_eq!(detect(b"\xFE\xFF\0a", true), Encoding::Utf16Be);
}

proptest! {
    /// Cutting anywhere must agree with reading from the start, however broken the quoting is.
    #[test]
    fn a_buffer_is_cut_where_a_record_ends(text in "[ab,\"\n\r#]{0,60}", at in 0usize..60, comment in any::<bool>()) {
        let d = Dialect { comment: comment.then_some(b'#'), record_bytes_max: 1 << 20, ..Dialect::default() };
        let at = at.min(text.len());
        if let Some(cut) = last_record_end(&text.as_bytes()[..at], false, &d) {
            let mut ends: Vec<usize> = records(text.as_bytes(), d, true).map(|r| r.next).collect();
            // Comments end too, though they are no records.
            if comment { ends.extend(text.match_indices('\n').map(|(i, _)| i + 1)); }
            prop_assert!(cut == 0 || ends.contains(&cut), "{text:?} cut at {cut}, records end at {ends:?}");
        }
    }
}

#[test]
fn a_title_ends_where_the_header_begins() {
    let found = |text: &str| super::title::title_of(text.as_bytes(), true, Encoding::Utf8, Dialect::default());
    let rows = "Booked,Text,Amount\n2024-01-01,a,1.5\n2024-01-02,b,2.5\n2024-01-03,c,3.5\n2024-01-04,d,4.5\n";
    assert_eq!(found(&format!("Statement 2024,,\nAccount: 0012,,\n,,\n{rows}")), Some((3, "Statement 2024 · Account: 0012".into())));
    assert_eq!(found(&format!("Statement of \"X\"\n\n{rows}")), Some((2, "Statement of \"X\"".into())));
    assert_eq!(found(rows), None);
    // Empty lines are no title, sparse rows neither, nor is there one above lines of many lengths or of words alone.
    assert_eq!(found(&format!("\n\n{rows}")), None);
    assert_eq!(found("milk\nbread,milk,eggs\nmilk,bread,eggs,tea\nmilk,tea\nbread,milk,eggs\n"), None);
    assert_eq!(found("a,,\nb,c,d\ne,f,g\nh,i,j\nk,l,m\n"), None);
    assert_eq!(found("a,b,c\n1,,\n1,2,3\n2,3,4\n3,4,5\n"), None);
    assert_eq!(found("2024-01-01,,\n2024-01-01,x,1\n2024-01-02,y,2\n2024-01-03,z,3\n2024-01-03,z,3\n"), None);
}
