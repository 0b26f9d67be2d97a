use super::figures::{bytes, counted, duration, grouped, rate};
use super::grid::{Cell, Grid};
use super::*;
use arrow::array::*;
use arrow::datatypes::{Int8Type, Int32Type};
use std::sync::Arc;
use std::time::Duration;
use tidemill_pipeline::report::Rows;

fn sample() -> Rows {
    let instants: TimestampMicrosecondArray = vec![Some(1_408_183_200_000_000), None, Some(1_408_183_200_250_000)].into();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 20, 300]))),
        ("name", Arc::new(StringArray::from(vec![Some("Ann, \"x\""), None, Some("two\nlines")]))),
        ("note", Arc::new(StringArray::from(vec![Some(""), Some(" padded"), Some("plain")]))),
        ("mean", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(f64::NAN)]))),
        ("at", Arc::new(instants.clone().with_timezone("UTC"))),
        ("seen", Arc::new(instants)),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("money", Arc::new(Decimal128Array::from(vec![Some(12_345), None, Some(-5)]).with_precision_and_scale(10, 2).unwrap())),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None]), None, Some(vec![])]))),
        ("kind", Arc::new(vec![Some("a"), None, Some("b")].into_iter().collect::<DictionaryArray<Int8Type>>())),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    Rows { schema: batch.schema(), batches: vec![batch.slice(0, 2), batch.slice(2, 1)], truncated: false, elapsed: Duration::ZERO }
}

fn written(rows: &Rows, format: OutputFormat, width: Option<usize>, expanded: bool) -> String {
    let mut out = Vec::new();
    rows::write(&mut out, rows, &Style { format, colour: false, width, expanded }, "--limit 0 shows all").unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn json_is_one_array_of_objects_with_types_kept() {
    let text = written(&sample(), OutputFormat::Json, None, false);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let row = &value[0];
    assert_eq!(row["name"], "Ann, \"x\"");
    assert_eq!(row["at"], "2014-08-16T10:00:00Z");
    assert_eq!(row["seen"], "2014-08-16T10:00:00");
    assert_eq!(row["money"], 123.45);
    assert_eq!(row["list"], serde_json::json!([1, null]));
    assert_eq!(row["kind"], "a");
    assert_eq!(value[1]["name"], serde_json::Value::Null);
    assert_eq!(value[1]["ok"], false);
    assert_eq!(value[2]["at"], "2014-08-16T10:00:00.250Z");
    assert_eq!(value[2]["mean"], serde_json::Value::Null);
    assert_eq!(text.lines().count(), 5);
}

#[test]
fn no_rows_are_an_empty_array_and_a_bare_header() {
    let empty = Rows { batches: vec![], ..sample() };
    assert_eq!(written(&empty, OutputFormat::Json, None, false), "[]\n");
    assert_eq!(written(&empty, OutputFormat::Csv, None, false), "id,name,note,mean,at,seen,ok,money,list,kind\n");
    assert!(written(&empty, OutputFormat::Human, None, false).ends_with("(0 rows)\n"));
}

#[test]
fn csv_tells_null_from_empty_and_quotes_what_must_be() {
    let text = written(&sample(), OutputFormat::Csv, None, false);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("id,name,note,mean,at,seen,ok,money,list,kind"));
    assert_eq!(lines.next(), Some(r#"1,"Ann, ""x""","",0.5,2014-08-16T10:00:00Z,2014-08-16T10:00:00,true,123.45,"[1, NULL]",a"#));
    assert_eq!(lines.next(), Some(r#"20,," padded",,,,false,,,"#));
}

#[test]
fn people_get_aligned_columns_and_readable_instants() {
    let text = written(&sample(), OutputFormat::Human, None, false);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("  id │ name"), "{text}");
    assert!(lines[1].starts_with("─────┼─"), "{text}");
    assert!(lines[2].contains(" │ 2014-08-16 10:00:00Z     │ 2014-08-16 10:00:00     │ "), "{text}");
    assert!(lines[3].starts_with("  20 │ NULL"), "{text}");
    assert!(lines[4].contains("two↵lines"), "{text}");
    assert_eq!(lines[5], "(3 rows)");
}

#[test]
fn a_narrow_terminal_leaves_columns_out_and_says_so() {
    let text = written(&sample(), OutputFormat::Human, Some(50), false);
    assert!(text.lines().all(|l| unicode_width::UnicodeWidthStr::width(l) <= 70), "{text}");
    assert!(text.lines().take(5).all(|l| unicode_width::UnicodeWidthStr::width(l) <= 50), "{text}");
    assert!(text.contains("│ … │"), "{text}");
    assert!(text.contains("did not fit: -x shows all"), "{text}");
    let expanded = written(&sample(), OutputFormat::Human, Some(50), true);
    assert!(expanded.contains(" id    │ 300"), "{expanded}");
    assert!(expanded.contains("─[ row 3 ]"), "{expanded}");
    assert!(expanded.contains(" name  │ two\n       │ lines"), "{expanded}");
}

#[test]
fn text_is_shortened_before_anything_else_and_numbers_never() {
    let mut grid = Grid::new(&["#n", "text"]);
    grid.push(vec![Cell::new("123456789"), Cell::new("a long text that does not fit")]);
    let mut out = Vec::new();
    assert_eq!(grid.write(&mut out, Some(30), false).unwrap(), 0);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("123456789 │ a long text tha…"), "{text}");
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let mut grid = Grid::new(&["x"]);
    grid.push(vec![Cell::new("\u{1b}[31mred\u{7}")]);
    let mut out = Vec::new();
    grid.write(&mut out, None, false).unwrap();
    grid.write_expanded(&mut out, None, false).unwrap();
    assert!(!out.contains(&0x1b) && !out.contains(&7));
}

#[test]
fn colour_is_used_only_when_asked_for() {
    let mut out = Vec::new();
    rows::write(&mut out, &sample(), &Style { format: OutputFormat::Human, colour: true, width: None, expanded: false }, "").unwrap();
    assert!(String::from_utf8(out).unwrap().contains("\u{1b}["));
    assert!(!written(&sample(), OutputFormat::Human, None, false).contains('\u{1b}'));
}

#[test]
fn figures_read_well() {
    assert_eq!(
        (grouped(0), grouped(999), grouped(1000), grouped(1_234_567)),
        ("0".into(), "999".into(), "1,000".into(), "1,234,567".into())
    );
    assert_eq!((counted(1, "row"), counted(2240, "row")), ("1 row".into(), "2,240 rows".into()));
    assert_eq!(
        (bytes(17), bytes(1_250_000), bytes(180_000_000), bytes(999_999)),
        ("17 B".into(), "1.25 MB".into(), "180 MB".into(), "1.00 MB".into())
    );
    assert_eq!(duration(Duration::from_millis(3)), "3 ms");
    assert_eq!(duration(Duration::from_millis(1240)), "1.2 s");
    assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    assert_eq!(duration(Duration::from_secs(3780)), "1 h 3 min");
    assert_eq!((rate(940.2), rate(1_234_567.0)), ("940/s".into(), "1.2 M/s".into()));
}

#[test]
fn records_are_objects_or_lines() {
    let mut records = records::Records::new(&["node", "rows_read"]);
    records.push(vec!["raw.a".into(), 2240.into()]);
    records.push(vec!["b".into(), serde_json::Value::Null]);
    assert_eq!(records.json()[0]["rows_read"], 2240);
    let mut out = Vec::new();
    records.write_csv(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "node,rows_read\nraw.a,2240\nb,\n");
}
