//! Every mistake with the place and the help that its author gets, in `mistakes.txt`; `UPDATE=1` writes it anew. A paragraph is SQL, and below it,
//! indented, what is said about it. SQL that begins with `row:` is an expression over a customer, with `if:` a predicate.

use super::{customers, shop};
use crate::SqlProblem;
use std::fmt::Write;

fn told(text: &str, problem: &SqlProblem) -> String {
    let place =
        problem.span.clone().map_or("(all)".to_string(), |r| format!("{}..{} `{}`", r.start, r.end, text[r.clone()].replace('\n', "⏎")));
    let mut out = format!("  {:?} at {place}: {}\n", problem.kind, problem.message);
    if let Some(help) = &problem.help {
        writeln!(out, "  help: {help}").unwrap();
    }
    out
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_mends_it() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/mistakes.txt");
    let golden = std::fs::read_to_string(&path).unwrap();
    let session = shop();
    let mut new = String::new();
    let mut fine = Vec::new();
    for paragraph in golden.split("\n\n").filter(|p| !p.trim().is_empty()) {
        let text = paragraph.lines().take_while(|l| !l.starts_with("  ")).collect::<Vec<_>>().join("\n");
        let problems = if let Some(row) = text.strip_prefix("row: ") {
            let problem = session.row_expr(row, &customers().schema()).err();
            problem.iter().map(|p| told(row, p)).collect::<String>()
        } else if let Some(row) = text.strip_prefix("if: ") {
            let problem = session.row_predicate(row, &customers().schema()).err();
            problem.iter().map(|p| told(row, p)).collect::<String>()
        } else {
            session.problems(&text).iter().map(|p| told(&text, p)).collect::<String>()
        };
        if problems.is_empty() {
            fine.push(text.clone());
        }
        write!(new, "{text}\n{problems}\n").unwrap();
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, new).unwrap();
    } else {
        assert!(fine.is_empty(), "no mistake is seen in: {fine:#?}");
        for (old, new) in golden.split("\n\n").zip(new.split("\n\n")) {
            assert_eq!(old.trim_end(), new.trim_end());
        }
    }
}

/// Half-typed SQL is what a shell and a check see most of; it must neither panic nor point outside of itself.
#[test]
fn half_typed_sql_is_told_without_a_panic() {
    let session = shop();
    let golden = include_str!("mistakes.txt");
    for text in golden.lines().filter(|l| l.contains("SELECT") && !l.starts_with(' ')).step_by(2) {
        for (end, _) in text.char_indices().skip(3).step_by(5) {
            for half in [text[..end].to_string(), format!("{} é", &text[..end]), format!("/* ß */\n{}'", &text[..end])] {
                for problem in session.problems(&half) {
                    if let Some(span) = &problem.span {
                        assert!(half.get(span.clone()).is_some(), "{span:?} in {half:?}: {problem:?}");
                    }
                    assert!(!problem.message.is_empty() && !problem.message.contains("DataFusion"), "{half:?}: {problem:?}");
                }
            }
        }
    }
    for text in ["", " ", ";", "\u{0}", "SELECT \u{0}", "''", "row(", "SELECT 'a\nb", "$$"] {
        assert!(!session.problems(text).is_empty(), "{text:?}");
        let _ = session.row_expr(text, &customers().schema());
    }
}
