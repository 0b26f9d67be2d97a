use super::typo::typo;
use super::*;
use crate::words::places::COUNTRIES;
use crate::words::{Lexicon, goods::CATEGORIES};

fn fields(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut n = 1;
    for b in line {
        match b {
            b'"' => quoted = !quoted,
            b',' if !quoted => n += 1,
            _ => {}
        }
    }
    (!quoted).then_some(n)
}

#[test]
fn a_damaged_line_is_no_record_any_more() {
    let lines = [
        "1,2,\"12 Mill Lane, X\",4,5",
        "a,b,c,d",
        "C000000001,,\"12 Mill Lane, X\",4",
        "1,\"Köln, Übersee\",ä,ö,ü",
        "x,y,,",
        "\"a, b\",\"c, d\",\"e\",f",
    ];
    for line in lines {
        for draw in 0..400 {
            let mut out = b"before\n".to_vec();
            out.extend_from_slice(line.as_bytes());
            damage_line(Format::Csv, &mut out, 7, mix(draw));
            assert!(out.starts_with(b"before\n"));
            let damaged = &out[7..];
            assert!(!damaged.is_empty() && !damaged.contains(&b'\n'), "{line}");
            assert!(std::str::from_utf8(damaged).is_ok());
            // A quote that nothing closes is the last one of its line, and opens a field.
            let quotes: Vec<usize> = (0..damaged.len()).filter(|i| damaged[*i] == b'"').collect();
            assert!(quotes.len().is_multiple_of(2) || quotes.last().is_some_and(|q| *q == 0 || damaged[q - 1] == b','), "{line}");
            assert_ne!(fields(damaged), fields(line.as_bytes()), "{line}: {}", String::from_utf8_lossy(damaged));
        }
    }
}

#[test]
fn a_damaged_object_is_no_json_any_more() {
    for line in ["{\"a\":1,\"b\":\"x, y\",\"c\":null}", "{\"a\":\"Zürich\"}"] {
        for draw in 0..400 {
            let mut out = line.as_bytes().to_vec();
            damage_line(Format::Jsonl, &mut out, 0, mix(draw));
            assert!(!out.is_empty() && std::str::from_utf8(&out).is_ok());
            assert!(serde_json::from_slice::<serde_json::Value>(&out).is_err(), "{}", String::from_utf8_lossy(&out));
        }
    }
}

#[test]
fn a_slip_is_never_the_word_nor_another_of_its_list() {
    let mut d = Draws::from_key(7);
    let words = COUNTRIES.iter().map(|c| (c.name, Lexicon::Countries)).chain(CATEGORIES.iter().map(|c| (c.name, Lexicon::Categories)));
    for (word, lexicon) in words {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let wrong = typo(word, lexicon, &mut d).unwrap();
            assert!(wrong != word && !lexicon.contains(&wrong) && !wrong.trim().is_empty());
            let (a, b): (Vec<char>, Vec<char>) = (word.to_lowercase().chars().collect(), wrong.trim().to_lowercase().chars().collect());
            assert!(distance(&a, &b) <= 4, "{word} {wrong}"); // a swap is two edits here
            seen.insert(wrong);
        }
        assert!(seen.len() > 20, "{word}: {seen:?}");
    }
    assert_eq!(typo("", Lexicon::Open, &mut d), None);
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut left = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let up = row[j + 1];
            row[j + 1] = (left + usize::from(x != y)).min(up + 1).min(row[j] + 1);
            left = up;
        }
    }
    row[b.len()]
}

#[test]
fn other_notations_differ_and_impossible_values_are_impossible() {
    let mut text = Vec::new();
    let mut d = Draws::from_key(3);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        for (right, kind) in [(Cell::Date(19_782), Kind::Date), (Cell::Hundredths(123_450), Kind::Decimal), (Cell::Int(7), Kind::Int)] {
            let Some(Cell::Text { from, to }) = cells::format(right, kind, &mut d, &mut text) else { panic!("no text") };
            let mut plain = Vec::new();
            crate::table::write_cell(right, kind, &[], &mut plain);
            let wrong = &text[from as usize..to as usize];
            assert_ne!(wrong, plain);
            seen.insert(String::from_utf8(wrong.to_vec()).unwrap());
        }
        let Some(Cell::Int(age)) = cells::invalid(Invalid::Age, Cell::Int(30), true, Kind::Int, &mut d, &mut text) else {
            panic!("no age")
        };
        assert!(!(0..=120).contains(&age));
    }
    for expected in ["29/02/2024", "29.02.2024", "Feb 29, 2024", "29 Feb 2024", "2024/02/29", "1234,50", "€1234.50", "1,234.50", "7.0"] {
        assert!(seen.contains(expected), "{expected} in {seen:?}");
    }
    assert!(cells::invalid(Invalid::Day, Cell::Date(0), false, Kind::Date, &mut d, &mut text).is_none());
}

#[test]
fn a_quote_that_nothing_closes_closes_nothing_else_either() {
    for draw in 0..2000 {
        let mut line = b"M0000000001-2,P000004959,,purchase,51,".to_vec();
        super::line::damage_line(crate::options::Format::Csv, &mut line, 0, crate::random::mix(draw));
        let text = String::from_utf8(line).unwrap();
        assert!(!text.contains("\",") && !text.ends_with('"'), "{text}");
        let mut line = b"6.49,\"55 MG Road, Mumbai\",R1".to_vec();
        super::line::damage_line(crate::options::Format::Csv, &mut line, 0, crate::random::mix(draw));
        assert!(!line.ends_with(b",\""), "{line:?}");
    }
}
