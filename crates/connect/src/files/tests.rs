use super::*;
use crate::connector::Drift;
use crate::options::OptionValue;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::io::Write;
use tempfile::TempDir;
use tidemill_core::{Meter, OnInvalid, Reject, drive};

/// What a scan gave, as texts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    pub(super) rows: Vec<Vec<Option<String>>>,
    pub(super) lines: Vec<u64>,
    pub(super) rejects: Vec<Reject>,
    pub(super) nulled: Vec<u64>,
    pub(super) texts: Vec<(u64, String)>,
}

impl Read {
    /// Cells joined by `|`, NULL as `∅`.
    pub(super) fn shown(&self) -> Vec<String> {
        self.rows.iter().map(|r| r.iter().map(|c| c.as_deref().unwrap_or("∅")).collect::<Vec<_>>().join("|")).collect()
    }
    pub(super) fn codes(&self) -> Vec<(u64, &str)> {
        self.rejects.iter().map(|r| (r.line, r.code)).collect()
    }
}

pub(super) struct Case {
    pub(super) dir: TempDir,
    pub(super) options: Options,
    pub(super) columns: Option<Vec<ColumnRead>>,
    pub(super) scan: ScanOptions,
    pub(super) threads: usize,
}

impl Case {
    pub(super) fn new(name: &str, bytes: impl AsRef<[u8]>) -> Case {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let options = Options::from([("path".to_string(), OptionValue::from(name))]);
        Case { dir, options, columns: None, scan: ScanOptions::default(), threads: 1 }
    }
    pub(super) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Case {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }
    pub(super) fn set(mut self, key: &str, value: impl Into<OptionValue>) -> Case {
        self.options.insert(key.into(), value.into());
        self
    }
    pub(super) fn column(mut self, name: &str, data_type: DataType) -> Case {
        self.columns.get_or_insert_default().push(ColumnRead::new(name, data_type));
        self
    }
    pub(super) fn with(mut self, change: impl Fn(&mut ColumnRead)) -> Case {
        change(self.columns.as_mut().unwrap().last_mut().unwrap());
        self
    }
    pub(super) fn morsel(mut self, bytes: usize) -> Case {
        self.scan.morsel_bytes = bytes;
        self
    }
    pub(super) fn drift(mut self, drift: Drift) -> Case {
        self.scan.drift = drift;
        self
    }
    pub(super) fn source(&self) -> FileSource {
        let (options, problems) = FileOptions::parse(&self.options);
        assert_eq!(problems, []);
        FileSource::new(&options, self.dir.path())
    }
    pub(super) fn probe(&self) -> Probe {
        let source = self.source();
        source.probe_all(&source.list().unwrap()).unwrap()
    }
    /// Columns that were not given are all of the file's, as text.
    pub(super) fn try_read(&self) -> Result<Read> {
        let source = self.source();
        let files = source.list()?;
        let columns = match &self.columns {
            Some(c) => c.clone(),
            None => {
                let as_text = |c| ColumnRead { data_type: DataType::Utf8, formats: vec![], null_tokens: vec![], ..c };
                source.probe_all(&files)?.columns.into_iter().map(as_text).collect()
            }
        };
        let scan = source.scan(&files, &columns, self.scan.clone())?;
        let mut out = Read { nulled: vec![0; scan.schema().fields().len()], ..Read::default() };
        let meter = Meter::default();
        let fold = |_, d: tidemill_core::Decoded| {
            assert_eq!(d.rows_read as usize, d.batch.num_rows() + d.rejects.len());
            assert_eq!(d.lines.len(), d.batch.num_rows());
            out.rows.extend(cells(&d.batch));
            out.texts.extend((0..d.batch.num_rows()).map(|r| (d.text.offset(r), d.text.text(r))));
            out.lines.extend(d.lines);
            out.rejects.extend(d.rejects);
            out.nulled.iter_mut().zip(d.nulled).for_each(|(a, b)| *a += b);
            Ok(())
        };
        drive(&*scan, self.threads, &meter, |_, d| Ok(d), fold, |_, ()| Ok(()))?;
        if files.iter().all(|f| f.size > 0) && !out.rows.is_empty() && files.len() == 1 {
            assert_eq!(Some(Meter::get(&meter.bytes_read)), scan.total_bytes());
        }
        Ok(out)
    }
    pub(super) fn read(&self) -> Read {
        self.try_read().unwrap()
    }
}

fn cells(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default();
    let columns: Vec<_> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
    let cell = |c: usize, r: usize| (!batch.column(c).is_null(r)).then(|| columns[c].value(r).to_string());
    (0..batch.num_rows()).map(|r| (0..columns.len()).map(|c| cell(c, r)).collect()).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    e.write_all(text).unwrap();
    e.finish().unwrap()
}

#[test]
fn an_empty_field_is_null_and_a_quoted_one_is_empty() {
    let read = Case::new("a.csv", "a,b\n1,\n2,\"\"\n,x\n").read();
    assert_eq!(read.shown(), ["1|∅", "2|", "∅|x"]);
    assert_eq!(read.lines, [2, 3, 4]);
    let typed = Case::new("a.csv", "a,b\n1,\n2,\"\"\n3, \n").column("b", DataType::Int64).read();
    assert_eq!(typed.shown(), ["∅", "∅", "∅"]);
}

#[test]
fn quotes_newlines_and_delimiters_within_fields() {
    let read = Case::new("a.csv", "a,b\n\"x, y\",\"say \"\"hi\"\"\"\n\"two\nlines\",2\nplain \"q\" here,3\n").read();
    assert_eq!(read.shown(), ["x, y|say \"hi\"", "two\nlines|2", "plain \"q\" here|3"]);
    assert_eq!(read.lines, [2, 3, 5]);
    assert_eq!(read.texts[1], (24, "\"two\nlines\",2".to_string()));
}

#[test]
fn line_ends_bom_blank_lines_and_a_missing_last_newline() {
    assert_eq!(Case::new("a.csv", "\u{feff}id,b\r\n1,x\r\n\r\n \r\n2,\"y\"\r\n").read().shown(), ["1|x", "2|y"]);
    assert_eq!(Case::new("a.csv", "id,b\r1,x\r2,y").read().shown(), ["1|x", "2|y"]);
    let read = Case::new("a.csv", "\n\nid,b\n\n1,x\n\n2,\"y\"").read();
    assert_eq!((read.shown(), read.lines), (vec!["1|x".to_string(), "2|y".into()], vec![5, 7]));
    assert_eq!(Case::new("a.csv", "id\n1\n\n\"\"\n2\n").read().shown(), ["1", "", "2"]);
}

#[test]
fn excel_names_its_separator() {
    let case = Case::new("a.csv", "sep=;\r\na;b\r\n1,5;x\r\n");
    assert_eq!(case.probe().delimiter, ';');
    let read = case.read();
    assert_eq!((read.shown(), read.lines), (vec!["1,5|x".to_string()], vec![3]));
}

#[test]
fn other_separators_comments_and_lines_before_the_header() {
    let read = Case::new("a.tsv", "report of today\n# made by hand, \"so\na\tb\n1\t'x\ty'\n# \"end\n2\tz\n")
        .set("skip_rows", 1)
        .set("comment", "#")
        .set("quote", "'")
        .read();
    assert_eq!((read.shown(), read.lines), (vec!["1|x\ty".to_string(), "2|z".into()], vec![4, 6]));
    let read = Case::new("a.csv", "a,b\n\"x,1\n").set("quote", "").read();
    assert_eq!(read.shown(), ["\"x|1"]);
    let read = Case::new("a.csv", "a,b\n\"x \\\" y\",1\n").set("escape", "\\").read();
    assert_eq!(read.shown(), ["x \" y|1"]);
}

#[test]
fn ragged_rows_are_rejects_or_filled() {
    let text = "a,b,c\n1,2,3\n1,2\n1,2,3,4\n5\n";
    let read = Case::new("a.csv", text).read();
    assert_eq!(read.shown(), ["1|2|3"]);
    assert_eq!(read.codes(), [(3, "fields"), (4, "fields"), (5, "fields")]);
    assert_eq!(read.rejects[0].reason, "2 fields where 3 are expected");
    assert_eq!((read.rejects[1].raw.as_str(), read.rejects[1].offset), ("1,2,3,4", 16));
    let read = Case::new("a.csv", text).set("ragged", "fill").read();
    assert_eq!(read.shown(), ["1|2|3", "1|2|∅", "5|∅|∅"]);
    assert_eq!(read.codes(), [(4, "fields")]);
    assert_eq!(read.texts[1].1, "1,2");
}

#[test]
fn a_lost_quote_costs_one_line() {
    let read = Case::new("a.csv", "a,b\n1,x\n2,\"abc\n3,y\n4,\"d, e\"\n5,z\n").read();
    assert_eq!(read.shown(), ["1|x", "3|y", "4|d, e", "5|z"]);
    assert_eq!(read.codes(), [(3, "quote")]);
    assert_eq!(read.rejects[0].raw, "2,\"abc");
    for morsel in [1, 7, 20] {
        let read = Case::new("a.csv", "a,b\n1,x\n2,\"abc\n3,y\n").morsel(morsel).read();
        assert_eq!((read.shown().join(" "), read.codes()), ("1|x 3|y".to_string(), vec![(3, "quote")]));
    }
    // The second would close the first, and twenty rows would be the text between them.
    let rows = (3..23).map(|i| format!("{i},,x\n")).collect::<String>();
    let text = format!("a,b,c\n1,,x\n2,\",x\n{rows}23,\",x\n24,,x\n");
    for morsel in [1, 7, 20, 100, 1 << 20] {
        let read = Case::new("a.csv", &text).morsel(morsel).read();
        assert_eq!((read.shown().len(), read.codes()), (22, vec![(3, "quote"), (24, "quote")]));
    }
    let inch = Case::new("a.csv", "a,b\n1,\"5\" pipe\"\n").read();
    assert_eq!(inch.shown(), ["1|5\" pipe"]);
}

#[test]
fn bytes_that_are_not_utf8() {
    let bytes = b"a,b\n1,caf\xE9\n2,x\n";
    let read = Case::new("a.csv", bytes).set("encoding", "utf-8").read();
    assert_eq!((read.shown(), read.codes()), (vec!["2|x".to_string()], vec![(2, "encoding")]));
    assert_eq!(read.rejects[0].raw, "1,caf\\xE9");
    let case = Case::new("a.csv", b"a,b\n1,caf\xE9\n2,\x80 5\n3\n");
    assert_eq!(case.probe().encoding, "windows-1252");
    let read = case.read();
    assert_eq!((read.shown(), read.codes()), (vec!["1|café".to_string(), "2|€ 5".into()], vec![(4, "fields")]));
    assert_eq!((read.rejects[0].offset, read.texts[1].0), (17, 11));
    let wide: Vec<u8> = "\u{feff}a,b\n1,日本\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Case::new("a.csv", wide).read().shown(), ["1|日本"]);
    let wide: Vec<u8> = "name,b\n1,é\n2,f\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(Case::new("a.csv", wide).read().shown(), ["1|é", "2|f"]);
    assert_eq!(Case::new("a.csv", b"a,b\n1,x\0y\n").read().shown(), ["1|x\0y"]);
}

#[test]
fn compressed_files() {
    let text = b"a,b\n1,x\n2,y\n";
    let members = [gzip(b"a,b\n1,x\n"), gzip(b"2,y\n")].concat();
    assert_eq!(Case::new("a.csv.gz", gzip(text)).read().shown(), ["1|x", "2|y"]);
    assert_eq!(Case::new("a.csv.gz", members).read().shown(), ["1|x", "2|y"]);
    assert_eq!(Case::new("a.csv.zst", zstd::encode_all(&text[..], 3).unwrap()).read().shown(), ["1|x", "2|y"]);
    assert_eq!(Case::new("named_otherwise.csv", gzip(text)).read().shown(), ["1|x", "2|y"]);
}

#[test]
fn a_truncated_file_keeps_what_came_before() {
    let text: String = std::iter::once("a,b\n".to_string()).chain((0..60_000).map(|i| format!("{i},{}\n", i * 7919 % 10_007))).collect();
    for bytes in [gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 3).unwrap()] {
        let cut = Case::new("a.csv", &bytes[..bytes.len() / 2]).column("a", DataType::Int64).column("b", DataType::Int64);
        let read = cut.read();
        assert!(read.rows.len() < 60_000 && read.rejects.len() == 1, "{} rows", read.rows.len());
        assert_eq!((read.rejects[0].code, read.rejects[0].line as usize), ("truncated", read.rows.len() + 2));
        assert_eq!(read.rows, cut.morsel(1000).read().rows);
    }
    let mut bytes = gzip(text.as_bytes());
    let middle = bytes.len() / 2;
    bytes[middle..middle + 50].fill(0xAA);
    let read = Case::new("a.csv", bytes).column("a", DataType::Int64).column("b", DataType::Int64).read();
    assert_eq!(read.rejects.last().map(|r| r.code), Some("corrupt"));
}

#[test]
fn numbers_as_people_write_them() {
    let read = Case::new("a.csv", "a\n17850.0\n 5 \n+7\n\"8\"\n-0\n12O\n1.5\n9223372036854775808\n").column("a", DataType::Int64).read();
    assert_eq!(read.shown(), ["17850", "5", "7", "8", "0"]);
    assert_eq!(read.codes(), [(7, "type"), (8, "type"), (9, "type")]);
    assert_eq!(read.rejects[0].reason, "\"12O\" is not an int64");
    assert_eq!(read.rejects[0].column.as_deref(), Some("a"));
    let read = Case::new("a.csv", "a\n127\n128\n-128\n").column("a", DataType::Int8).read();
    assert_eq!((read.shown(), read.codes()), (vec!["127".to_string(), "-128".into()], vec![(3, "type")]));
    let floats = "a\n1.5\n.5\n1e3\n-1.25E-2\n0.1\n123456789012345678\nNaN\ninf\n1e999\n1.2.3\n--\n#REF!\n";
    let read = Case::new("a.csv", floats).column("a", DataType::Float64).read();
    assert_eq!(read.shown(), ["1.5", "0.5", "1000.0", "-0.0125", "0.1", "1.2345678901234568e17"]);
    assert_eq!(read.rejects.len(), 6);
    let read = Case::new("a.csv", "a\n0.1\n3.4e38\n1e39\n16777217.5\n").column("a", DataType::Float32).read();
    assert_eq!((read.shown(), read.rejects.len()), (vec!["0.1".to_string(), "3.4e38".into(), "16777218.0".into()], 1));
    let read = Case::new("a.csv", "a\n12.5\n0.005\n-3\n1e2\n").column("a", DataType::Decimal128(10, 2)).read();
    assert_eq!((read.shown(), read.rejects.len()), (vec!["12.50".to_string(), "-3.00".into(), "100.00".into()], 1));
    assert_eq!(read.rejects[0].reason, "\"0.005\" is not a decimal(10,2)");
    let german = Case::new("a.csv", "a;b\n1.234,50 €;x\n-2,5;y\n3.5;z\n").column("a", DataType::Float64).with(|c| {
        c.thousands = Some('.');
        c.decimal = ',';
        c.units = vec!["€".into()];
    });
    assert_eq!((german.read().shown(), german.read().rejects.len()), (vec!["1234.5".to_string(), "-2.5".into()], 1));
}

#[test]
fn dates_booleans_and_tokens() {
    let dates = "d\n2023-01-31\n31/01/2023\n\"Jan 31, 2023\"\n2023-02-30\nsoon\n\n".to_string();
    let case = Case::new("a.csv", dates).column("d", DataType::Date32).with(|c| {
        c.formats = vec!["%Y-%m-%d".into(), "%d/%m/%Y".into(), "%b %d, %Y".into()];
        c.on_invalid = OnInvalid::Null;
    });
    let read = case.read();
    assert_eq!(read.shown(), ["2023-01-31", "2023-01-31", "2023-01-31", "∅", "∅"]);
    assert_eq!((read.nulled, read.rejects.len()), (vec![2], 0));
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let times = "t\n2023-07-01 12:00\n2023-07-01T12:00:00Z\n2023-07-01\n";
    let read = Case::new("a.csv", times).column("t", utc).with(|c| c.timezone = "Europe/Paris".into()).read();
    assert_eq!(read.shown(), ["2023-07-01T10:00:00Z", "2023-07-01T12:00:00Z", "2023-06-30T22:00:00Z"]);
    let read = Case::new("a.csv", "d\n2023-07-01T23:30:00Z\n2023-07-01 23:30\n")
        .column("d", DataType::Date32)
        .with(|c| c.timezone = "Europe/Paris".into())
        .read();
    assert_eq!(read.shown(), ["2023-07-02", "2023-07-01"]);
    let read = Case::new("a.csv", "b\ntrue\nF\nYES\nn\n1\n0\nmaybe\n").column("b", DataType::Boolean).read();
    assert_eq!((read.shown().join(" "), read.rejects.len()), ("true false true false true false".to_string(), 1));
    let read = Case::new("a.csv", "n,t\n-1,NA\n5, NA \n-1, x \n").column("n", DataType::Int64).with(|c| c.null_tokens = vec!["-1".into()]);
    let read = read.column("t", DataType::Utf8).with(|c| c.null_tokens = vec!["NA".into()]).read();
    assert_eq!(read.shown(), ["∅|∅", "5|∅", "∅| x "]);
    let read = Case::new("a.csv", "k,t\n1, x \n2,\u{a0}y\n3,   \n4,\"  \"\n").column("t", DataType::Utf8).with(|c| c.trim = true).read();
    assert_eq!(read.shown(), ["x", "y", "∅", ""]);
}

#[test]
fn a_rejected_row_takes_no_part() {
    // The first failing column names the reason, and cells of rejected rows are not counted as made NULL.
    let text = "t,a,b,c\nx,1,2,3\ny,p,q,r\nz,4,5,s\n";
    let case = Case::new("a.csv", text).column("t", DataType::Utf8).column("a", DataType::Int64).column("b", DataType::Int64);
    let case = case.column("c", DataType::Int64).with(|c| c.on_invalid = OnInvalid::Null);
    let read = case.read();
    assert_eq!(read.shown(), ["x|1|2|3", "z|4|5|∅"]);
    assert_eq!((read.nulled.as_slice(), read.lines.as_slice()), (&[0, 0, 0, 1][..], &[2, 4][..]));
    assert_eq!(read.rejects[0].column.as_deref(), Some("a"));
    // A projection has the same rows.
    let mut narrow = case;
    narrow.scan.project = Some(vec!["c".into(), "t".into()]);
    let read = narrow.read();
    assert_eq!((read.shown(), read.rejects.len()), (vec!["3|x".to_string(), "∅|z".into()], 1));
    narrow.scan.project = Some(vec![]);
    assert_eq!(narrow.read().lines, [2, 4]);
}

#[test]
fn columns_that_come_and_go() {
    let case = || Case::new("1.csv", "a,b\n1,x\n").file("2.csv", "c,B,a\n9,y,2\n").file("3.csv", "a\n3\n").set("path", "*.csv");
    let case = || case().column("a", DataType::Int64).column("b", DataType::Utf8);
    assert_eq!(case().read().shown(), ["1|x", "2|y", "3|∅"]);
    let read = case().drift(Drift::Quarantine).read();
    assert_eq!((read.shown(), read.codes()), (vec!["1|x".to_string()], vec![(2, "drift"), (2, "drift")]));
    assert_eq!(read.rejects[0].reason, "the file has columns that are not declared: `c`");
    assert_eq!(read.rejects[1].reason, "the file lacks the declared columns `b`");
    let mut ignoring = case().drift(Drift::Quarantine);
    ignoring.scan.ignored = vec!["C".into()];
    assert_eq!(ignoring.read().shown(), ["1|x", "2|y"]);
    let error = case().drift(Drift::Fail).try_read().unwrap_err();
    assert_eq!((error.kind, error.place.as_str()), (tidemill_core::ErrorKind::Data, "2.csv"));
    let probe = case().probe();
    assert_eq!(probe.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn files_without_a_header_go_by_order() {
    let case = Case::new("a.csv", "1,x\n2,y\n").column("id", DataType::Int64).column("name", DataType::Utf8);
    assert_eq!(case.read().shown(), ["1|x", "2|y"]);
    let named = Case::new("a.csv", "x,1\ny,2\n")
        .set("columns", OptionValue::List(vec!["name".into(), "id".into()]))
        .column("id", DataType::Int64)
        .column("name", DataType::Utf8);
    assert_eq!(named.read().shown(), ["1|x", "2|y"]);
    assert_eq!(Case::new("a.csv", "x,y\nz\n").set("header", false).set("ragged", "fill").probe().labels, ["column_1", "column_2"]);
}

#[test]
fn a_record_too_long_is_rejected_and_passed_over() {
    let long = "z".repeat(5000);
    let text = format!("a,b\n1,x\n2,{long}\n3,\"{long}\n4,y\n5,z\n");
    for morsel in [1, 100, 4096, 1 << 20] {
        let read = Case::new("a.csv", &text)
            .set("record_bytes_max", 2000)
            .morsel(morsel)
            .column("a", DataType::Int64)
            .column("b", DataType::Utf8)
            .read();
        assert_eq!(read.shown(), ["1|x", "4|y", "5|z"], "morsel {morsel}");
        assert_eq!(read.rejects.iter().map(|r| r.line).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(read.rejects[0].code, "length");
    }
}

#[test]
fn globs_directories_and_lists_each_file_once() {
    let case = Case::new("top.csv", "a\n1\n")
        .file("d/1.csv", "a\n2\n")
        .file("d/e/2.tsv.gz", gzip(b"a\n3\n"))
        .file("d/_x.csv", "a\n4\n")
        .file("d/y.xml", "{}");
    let list = |c: &Case| c.source().list().unwrap().into_iter().map(|f| f.path).collect::<Vec<_>>();
    let case = case.set("path", "d");
    assert_eq!(list(&case), ["d/1.csv", "d/e/2.tsv.gz"]);
    let case = case.set("path", OptionValue::List(vec!["d/*.csv".into(), "./top.csv".into(), "d/1.csv".into()]));
    assert_eq!(list(&case), ["d/1.csv", "d/_x.csv", "top.csv"]);
    let error = case.set("path", "e/*.csv").source().list().unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (tidemill_core::ErrorKind::Config, "no file matches \"e/*.csv\""));
}

#[test]
fn single_records_are_decoded_as_in_their_file() {
    let records = [(7, "'x;y';12O"), (9, "'two\nlines';5"), (12, "z;6")];
    let case = Case::new("a.csv", "'n;m';v\n'a;b';1\n").set("quote", "'").column("t", DataType::Utf8).with(|c| c.label = "n;m".into());
    let case = case.column("v", DataType::Int64);
    let d = case.source().decode_records("a.csv", &records, case.columns.as_ref().unwrap()).unwrap();
    assert_eq!(cells(&d.batch), [[Some("two\nlines".to_string()), Some("5".into())], [Some("z".into()), Some("6".into())]]);
    assert_eq!((d.lines.as_slice(), d.rejects[0].line, d.text.text(1).as_str()), (&[9, 12][..], 7, "z;6"));
    let bare = Case::new("a.csv", "a,1\nb,2\n").column("t", DataType::Utf8).column("v", DataType::Int64);
    let d = bare.source().decode_records("gone.csv", &[(2, "c,3")], bare.columns.as_ref().unwrap()).unwrap();
    assert_eq!(cells(&d.batch), [[Some("c".to_string()), Some("3".into())]]);
}

#[test]
fn a_fingerprint_follows_the_content() {
    let case = Case::new("a.csv", "a\n1\n").file("b.csv", "a\n1\n").file("c.csv", "a\n2\n").set("path", "*.csv");
    let (source, files) = (case.source(), case.source().list().unwrap());
    let of = |i: usize| source.fingerprint(&files[i], None).unwrap();
    assert_eq!(of(0), of(1));
    assert_ne!(of(0), of(2));
    let (size, modified) = (files[0].size, files[0].modified_micros);
    assert_eq!(source.fingerprint(&files[0], Some((size, modified, "known"))).unwrap(), "known");
    assert_eq!(source.fingerprint(&files[0], Some((size, modified - 1, "known"))).unwrap(), of(0));
}

#[test]
fn every_wrong_option_is_told() {
    let options = Options::from([
        ("pth".to_string(), OptionValue::from("a.csv")),
        ("delimiter".into(), ";;".into()),
        ("header".into(), 3.into()),
        ("compression".into(), "gzp".into()),
        ("skip_rows".into(), (-1).into()),
        ("record_bytes_max".into(), "many".into()),
    ]);
    let (_, problems) = FileOptions::parse(&options);
    let told: Vec<(Option<&str>, &str)> = problems.iter().map(|p| (p.key.as_deref(), p.help.as_deref().unwrap_or(""))).collect();
    assert!(told.contains(&(Some("pth"), "did you mean `path`?")));
    assert!(told.contains(&(Some("compression"), "did you mean \"gzip\"?")));
    for key in ["delimiter", "header", "skip_rows", "record_bytes_max"] {
        assert!(told.iter().any(|(k, _)| *k == Some(key)), "{key} in {told:?}");
    }
    assert!(told.iter().any(|(k, _)| k.is_none()));
    let missing = Files.check(&Options::from([("path".to_string(), "no.csv".into())]), Path::new("/"));
    assert_eq!(missing[0].fault, OptionFault::Unreadable);
}

#[test]
fn real_files_are_probed_and_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = data.join("marketing_campaign.csv");
    if !path.exists() {
        eprintln!("skipped: real_files_are_probed_and_read, because marketing_campaign.csv is not on this machine");
        return;
    }
    let case = Case::new("marketing.csv", std::fs::read(path).unwrap());
    let probe = case.probe();
    assert_eq!((probe.delimiter, probe.columns.len(), probe.rows_seen), ('\t', 29, 2240));
    let when = probe.columns.iter().find(|c| c.name == "dt_customer").unwrap();
    assert_eq!((&when.data_type, &when.formats[..]), (&DataType::Date32, &["%d-%m-%Y".to_string()][..]));
    let mut case = case;
    case.columns = Some(probe.columns.clone());
    let read = case.read();
    let income = probe.columns.iter().position(|c| c.name == "income").unwrap();
    assert_eq!((read.rows.len(), read.rejects.len()), (2240, 0));
    assert_eq!(read.rows.iter().filter(|r| r[income].is_none()).count(), 24);
}

#[test]
fn quotes_in_a_comment_open_nothing_wherever_blocks_end() {
    let text = "x,y\n# it's 5\" wide, \"or so\n1,a\n# \"a\" ,\"\n2,\"b\nc\"\n#\",\"\n3,d\n";
    for morsel in 1..text.len() {
        let case = Case::new("a.csv", text).set("delimiter", ",").set("header", true).set("comment", "#").morsel(morsel);
        let read = case.column("x", DataType::Int64).column("y", DataType::Utf8).read();
        assert_eq!(read.rejects, [], "morsels of {morsel}");
        assert_eq!(read.rows.len(), 3, "morsels of {morsel}");
    }
}

mod property {
    use super::*;
    use proptest::prelude::*;

    fn field(value: &Option<String>, force: bool) -> String {
        match value {
            None => String::new(),
            Some(v) if v.is_empty() || force || v.contains(['"', ',', '\n', '\r']) => format!("\"{}\"", v.replace('"', "\"\"")),
            Some(v) => v.clone(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// What was written comes back, whatever the morsel size and the number of threads.
        #[test]
        fn tables_come_back(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of("[a-c,\"\n é日]{0,12}"), 3), 0..40),
            crlf in any::<bool>(), force in any::<bool>(), last_newline in any::<bool>(), morsel in 1usize..200, threads in 1usize..4,
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            // A leading key keeps rows apart from blank lines.
            let lines: Vec<String> = rows.iter().enumerate()
                .map(|(i, r)| format!("{i},{}", r.iter().map(|v| field(v, force)).collect::<Vec<_>>().join(","))).collect();
            let mut text = format!("k,a,b,c{end}{}", lines.join(end));
            if last_newline { text.push_str(end); }
            let mut case = Case::new("a.csv", &text).set("delimiter", ",").set("header", true).morsel(morsel);
            for c in ["k", "a", "b", "c"] {
                case = case.column(c, if c == "k" { DataType::Int64 } else { DataType::Utf8 });
            }
            case.threads = threads;
            let read = case.read();
            prop_assert_eq!(&read.rejects, &vec![]);
            let want: Vec<Vec<Option<String>>> = rows.iter().enumerate()
                .map(|(i, r)| std::iter::once(Some(i.to_string())).chain(r.iter().cloned()).collect()).collect();
            prop_assert_eq!(&read.rows, &want);
            for ((offset, row), line) in read.texts.iter().zip(&lines) {
                prop_assert_eq!(row, line);
                prop_assert_eq!(&text[*offset as usize..*offset as usize + line.len()], line);
            }
        }

        /// Broken input gives the same rows and rejects for every morsel size, and never fails.
        #[test]
        fn morsels_do_not_show(text in "[a1,\"\n\r# ]{0,120}", morsel in 1usize..80, comment in any::<bool>(), fill in any::<bool>()) {
            let case = |m: usize| {
                let mut c = Case::new("a.csv", format!("x,y\n{text}")).set("delimiter", ",").set("header", true).morsel(m);
                if comment { c = c.set("comment", "#"); }
                if fill { c = c.set("ragged", "fill"); }
                c.column("x", DataType::Int64).column("y", DataType::Utf8).read()
            };
            prop_assert_eq!(case(1 << 20), case(morsel));
        }
    }
}
