//! Every error is on the list, as often as asked for; undoing them all gives the clean rows.

use super::formats::{avro_rows, parquet_rows};
use super::*;
use serde_json::Value;

/// Rows of a file as texts; NULL is nothing.
type Rows = Vec<Vec<Option<String>>>;

fn option(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}

fn lines_of(format: Format, bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().skip(usize::from(format == Format::Csv)).map(str::to_string).collect()
}

fn parse(format: Format, line: &str) -> Vec<Option<String>> {
    if format == Format::Csv {
        return record(line).iter().map(|f| option(f)).collect();
    }
    let object: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    // Keys in their order: serde_json sorts them, so they are looked for in the line.
    let mut keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    keys.sort_by_key(|k| line.find(&format!("\"{k}\":")));
    let text = |v: &Value| match v {
        Value::Null => None,
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        other => Some(other.to_string()),
    };
    keys.into_iter().map(|k| text(&object[k])).collect()
}

/// JSON numbers lose the zeros at their end, so numbers are compared as such.
fn same(a: &Option<String>, b: &Option<String>) -> bool {
    a == b || matches!((a, b), (Some(a), Some(b)) if a.parse::<f64>().is_ok_and(|x| b.parse::<f64>().is_ok_and(|y| x == y)))
}

fn undo(files: &Files, table: &TableReport, format: Format, columns: &[String]) -> Rows {
    let mut rows: Rows = Vec::new();
    for name in &table.files {
        let first_line = if format == Format::Csv { 2 } else { 1 };
        let mut lines: Vec<Option<String>> = Vec::new();
        let mut parsed: Vec<Option<Vec<Option<String>>>> = Vec::new();
        match format {
            Format::Parquet => parsed = parquet_rows(&files.messy[name]).into_iter().map(Some).collect(),
            Format::Avro => parsed = avro_rows(&files.messy[name]).into_iter().map(Some).collect(),
            _ => lines = lines_of(format, &files.messy[name]).into_iter().map(Some).collect(),
        }
        // Lines first: corrupt ones are put right, copies taken out.
        let errors: Vec<Vec<String>> = files.errors().into_iter().filter(|e| e[0] == table.name && e[2] == *name).collect();
        let at = |e: &Vec<String>| e[3].parse::<usize>().unwrap() - first_line;
        for e in errors.iter().filter(|e| e[5] == "corrupt") {
            assert_eq!(lines[at(e)].as_deref(), Some(e[7].as_str()));
            lines[at(e)] = Some(e[6].clone());
        }
        if format.is_lines() {
            parsed = lines.iter().map(|l| l.as_ref().map(|l| parse(format, l))).collect();
        }
        for e in &errors {
            match e[5].as_str() {
                "corrupt" => {}
                "duplicate" | "near_duplicate" | "resent" => parsed[at(e)] = None,
                _ => {
                    let column = columns.iter().position(|c| *c == e[4]).unwrap();
                    let cell = &mut parsed[at(e)].as_mut().unwrap()[column];
                    assert!(same(cell, &option(&e[7])), "{e:?}: {cell:?}");
                    assert_ne!(e[6], e[7]);
                    *cell = option(&e[6]);
                }
            }
        }
        rows.extend(parsed.into_iter().flatten());
    }
    rows
}

#[test]
fn undoing_every_error_gives_the_clean_rows() {
    for what in KINDS {
        for (format, files) in [(Format::Csv, 1), (Format::Csv, 3), (Format::Jsonl, 1), (Format::Parquet, 1), (Format::Avro, 2)] {
            let options = Options { format, files, errors: Rates::parse("6%").unwrap(), piece_units: Some(700), ..options(what, 2500) };
            let made = make(&options);
            for table in made.report.tables.iter().filter(|t| !t.is_label) {
                let clean = make(&Options { format: Format::Csv, files: 1, ..options.clone() });
                let mut expected = clean.clean(&format!("{}.csv", table.name));
                let columns = expected.remove(0);
                let rows = undo(&made, table, format, &columns);
                assert_eq!(rows.len(), expected.len(), "{what} {format:?} {}", table.name);
                for (i, (row, right)) in rows.iter().zip(&expected).enumerate() {
                    let right: Vec<Option<String>> = right.iter().map(|f| option(f)).collect();
                    assert!(row.iter().zip(&right).all(|(a, b)| same(a, b)), "{what} {format:?} {} {i}:\n{row:?}\n{right:?}", table.name);
                }
            }
        }
    }
}

#[test]
fn errors_come_as_often_as_asked_for() {
    let rates = Rates::parse("missing=4%,typo=3%,duplicate=5%,invalid=2%,format=6%,corrupt=1%").unwrap();
    let made = make(&Options { errors: rates, ..options(What::Orders, 20_000) });
    let errors = made.errors();
    let count = |kind: &str, column: &str| errors.iter().filter(|e| e[5] == kind && (column == "*" || e[4] == column)).count();
    let near = |n: usize, expected: usize| assert!(n.abs_diff(expected) < expected / 5, "{n}, not about {expected}");
    near(count("missing", "customer:Country"), 800);
    near(count("typo", "customer:Country"), 600);
    near(count("typo", "product:ProductName"), 600);
    near(count("invalid", "customer:Age"), 400);
    near(count("invalid", "order:OrderDate"), 400);
    near(count("format", "order:TotalAmount"), 1200);
    near(count("corrupt", "*"), 200);
    near(count("duplicate", "*"), 990);
    assert!((1..30).contains(&count("resent", "*")));
    assert_eq!(errors.iter().filter(|e| e[4] == "row_key" || e[4] == "customer:CustomerID").count(), 0, "keys stay");
    let reported: u64 = made.report.tables.iter().flat_map(|t| &t.errors).map(|(_, n)| n).sum();
    assert_eq!(reported as usize, errors.len());
    let manifest: Value = serde_json::from_slice(&made.truth["truth.json"]).unwrap();
    assert_eq!(manifest["tables"][0]["errors"]["customer:Country"]["typo"], count("typo", "customer:Country"));
    assert_eq!(manifest["tables"][0]["key"], serde_json::json!(["row_key"]));
}

#[test]
fn copies_are_exact_or_bear_another_time() {
    let made = make(&Options { errors: Rates::parse("duplicate=10%,typo=5%,corrupt=2%").unwrap(), ..options(What::Transactions, 5000) });
    let text = made.text("transactions.csv");
    let lines: Vec<&str> = text.lines().collect();
    let (mut exact, mut near) = (0, 0);
    for e in made.errors() {
        let line: usize = e[3].parse().unwrap();
        let here = lines[line - 1];
        match e[5].as_str() {
            "duplicate" => {
                exact += 1;
                assert!(lines[..line - 1].contains(&here), "line {line} is no copy");
            }
            "near_duplicate" => {
                near += 1;
                let original = here.replace(&e[7], &e[6]);
                assert!(e[6] != e[7] && e[4] == "Date" && lines[..line - 1].contains(&original.as_str()), "{e:?}");
            }
            _ => {}
        }
    }
    assert!(exact > 300 && near > 50, "{exact} {near}");
    let mut seen = std::collections::BTreeSet::new();
    let again = lines.iter().filter(|line| !seen.insert(**line)).count();
    assert_eq!(again, exact, "every line that comes again is on the list");
}

#[test]
fn without_errors_messy_is_clean() {
    for what in KINDS {
        let made = make(&Options { errors: Rates::NONE, ..options(what, 500) });
        for (name, bytes) in &made.messy {
            assert_eq!(bytes, &made.truth[name], "{name}");
        }
        assert!(made.errors().is_empty());
    }
}
