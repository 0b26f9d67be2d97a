use super::cells::{Block, CellError, Differing};
use super::columns::pairs;
use super::lines::{Lines, Stands};
use super::manifest::{Kind, TruthColumn, TruthTable};
use super::rows::{Aside, Copy, Rows, Why};
use super::tally::*;
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::HashSet;
use std::sync::Arc;

const COUNTRY: usize = 0;
const AGE: usize = 1;
const GONE: usize = 2;

/// Ten rows of three columns, the last of which is not scored; one error of each kind of cells, all mended.
struct Case {
    rows: Rows,
    errors: Vec<CellError>,
    differing: Vec<Differing>,
}

fn case() -> Case {
    let mut rows = Rows::new(10, Vec::new());
    for n in 1..=10 {
        rows.original.set(n);
        rows.in_clean.set(n);
    }
    let error = |n, column, kind, wrong: &str| CellError { n, column, kind, wrong: wrong.into() };
    let errors = vec![
        error(1, COUNTRY, TYPO, "Grmany"),
        error(2, AGE, INVALID, "999"),
        error(3, COUNTRY, MISSING, "N/A"),
        error(4, GONE, TYPO, "x"),
    ];
    Case { rows, errors, differing: Vec::new() }
}

impl Case {
    fn differs(mut self, n: u64, column: usize, got: Option<&str>) -> Case {
        self.differing.push(Differing { n, column, got: got.map(str::to_string), is_rightly_missing: false });
        self
    }

    /// Kind, and errors, detected, set aside, falsely, repaired, wrong.
    fn counts(self) -> Vec<(u16, [u64; 6])> {
        let mut tally = Tally::new(3);
        self.rows.count(0, &mut tally);
        let Case { rows, errors, differing } = self;
        let scored = [Some(true), Some(false), None];
        Block { from: 1, to: 11, rows: &rows, scored: &scored, errors, differing, copied: &HashSet::new() }.count(&mut tally);
        let mut out = Vec::new();
        for kind in MISSING..=RESENT {
            let mut all = [0; 6];
            for column in [Some(COUNTRY), Some(AGE), Some(GONE), None] {
                let c = *tally.at(kind, column);
                for (sum, n) in all.iter_mut().zip([c.errors, c.detected, c.set_aside, c.falsely, c.repaired, c.wrong]) {
                    *sum += n;
                }
            }
            if all != [0; 6] {
                out.push((kind, all));
            }
        }
        out
    }
}

const ALL_MENDED: [(u16, [u64; 6]); 3] = [(MISSING, [1, 1, 0, 0, 1, 0]), (TYPO, [1, 1, 0, 0, 1, 0]), (INVALID, [1, 1, 0, 0, 1, 0])];

/// What the counts are but for one kind's.
fn but(kind: u16, counts: [u64; 6]) -> Vec<(u16, [u64; 6])> {
    let mut out: Vec<_> = ALL_MENDED.into_iter().filter(|c| c.0 != kind).chain([(kind, counts)]).collect();
    out.sort_unstable();
    out
}

#[test]
fn what_is_mended_is_detected_and_repaired() {
    assert_eq!(case().counts(), ALL_MENDED, "and an error in a column that is not scored counts nowhere");
}

#[test]
fn a_missed_error_moves_both_recalls_of_its_kind_and_nothing_else() {
    assert_eq!(case().differs(1, COUNTRY, Some("Grmany")).counts(), but(TYPO, [1, 0, 0, 0, 0, 0]));
    assert_eq!(case().differs(1, COUNTRY, Some(" Grmany ")).counts(), but(TYPO, [1, 0, 0, 0, 0, 0]), "blanks alone are no change");
    assert_eq!(case().differs(2, AGE, Some("999.0")).counts(), but(INVALID, [1, 0, 0, 0, 0, 0]), "nor is another notation");
}

#[test]
fn a_wrong_repair_is_detected_and_wrong() {
    assert_eq!(case().differs(1, COUNTRY, Some("Germania")).counts(), but(TYPO, [1, 1, 0, 0, 0, 1]));
    assert_eq!(case().differs(2, AGE, Some("41")).counts(), but(INVALID, [1, 1, 0, 0, 0, 1]));
}

#[test]
fn a_cell_made_missing_is_detected_and_neither_repaired_nor_wrong() {
    assert_eq!(case().differs(2, AGE, None).counts(), but(INVALID, [1, 1, 0, 0, 0, 0]));
}

#[test]
fn a_right_cell_that_came_out_otherwise_is_a_false_one_of_what_it_was_taken_for() {
    assert_eq!(case().differs(7, COUNTRY, Some("Spain")).counts(), but(TYPO, [1, 1, 0, 1, 1, 0]));
    assert_eq!(case().differs(7, AGE, None).counts(), but(INVALID, [1, 1, 0, 1, 1, 0]));
    assert_eq!(case().differs(7, AGE, Some("40")).counts(), but(INVALID, [1, 1, 0, 1, 1, 0]));
    let mut filled = case();
    filled.differing.push(Differing { n: 7, column: AGE, got: Some("40".into()), is_rightly_missing: true });
    assert_eq!(filled.counts(), but(MISSING, [1, 1, 0, 1, 1, 0]));
}

fn without(n: u64) -> Case {
    let mut c = case();
    let mut rows = Rows::new(10, Vec::new());
    (1..=10).filter(|m| *m != n).for_each(|m| {
        rows.original.set(m);
        rows.in_clean.set(m);
    });
    c.rows = rows;
    c
}

fn aside(n: u64, why: Why, column: Option<usize>) -> Case {
    let mut c = without(n);
    c.rows.aside.set(n);
    c.rows.set_aside.push(Aside { n, why, column });
    c
}

#[test]
fn a_row_set_aside_for_its_error_is_detected_and_not_repaired() {
    assert_eq!(aside(2, Why::Contract, Some(AGE)).counts(), but(INVALID, [1, 1, 1, 0, 0, 0]));
    assert_eq!(
        aside(2, Why::Contract, None).counts(),
        but(INVALID, [1, 1, 1, 0, 0, 0]),
        "some error is reason enough for a check of the row"
    );
}

#[test]
fn a_right_row_set_aside_is_false() {
    assert_eq!(aside(7, Why::Contract, Some(AGE)).counts(), but(INVALID, [1, 1, 0, 1, 1, 0]));
    assert_eq!(aside(7, Why::Type, Some(AGE)).counts().last(), Some(&(FORMAT, [0, 0, 0, 1, 0, 0])));
    assert_eq!(aside(7, Why::Unreadable, None).counts().last(), Some(&(CORRUPT, [0, 0, 0, 1, 0, 0])));
    assert_eq!(aside(7, Why::Key, None).counts().last(), Some(&(DUPLICATE, [0, 0, 0, 1, 0, 0])));
    // An error in another column is none of the one that the reason names.
    let other = aside(1, Why::Contract, Some(AGE)).counts();
    assert_eq!(other[1..], [(TYPO, [1, 1, 1, 0, 0, 0]), (INVALID, [1, 1, 0, 1, 1, 0])]);
}

#[test]
fn a_right_row_that_is_gone_was_taken_for_a_copy() {
    assert_eq!(without(7).counts().last(), Some(&(DUPLICATE, [0, 0, 0, 1, 0, 0])));
    assert_eq!(without(2).counts(), but(INVALID, [1, 1, 1, 0, 0, 0]), "an erroneous one may be left out for its error");
}

fn copies(list: &[(u16, u64, bool)], originals: &[u64], corrupt: &[u64]) -> Vec<(u16, [u64; 6])> {
    let copy = |&(kind, n, in_clean): &(u16, u64, bool)| Copy {
        kind,
        column: (kind == NEAR_DUPLICATE).then_some(AGE),
        row_key: String::new(),
        n,
        in_clean,
        aside: false,
    };
    let mut c = case();
    c.errors.clear();
    c.rows = Rows::new(10, list.iter().map(copy).collect());
    for n in 1..=10 {
        if originals.contains(&n) || n > 4 {
            c.rows.original.set(n);
        }
        if corrupt.contains(&n) {
            c.rows.corrupt.set(n);
        }
        if (originals.contains(&n) && !corrupt.contains(&n)) || n > 4 || list.iter().any(|c| c.1 == n && c.2) {
            c.rows.in_clean.set(n);
        }
    }
    let mut tally = Tally::new(3);
    c.rows.count(corrupt.len() as u64, &mut tally);
    let all = |kind| {
        let c = *tally.at(kind, None);
        (kind, [c.errors, c.detected, c.set_aside, c.falsely, c.repaired, c.wrong])
    };
    [CORRUPT, DUPLICATE, NEAR_DUPLICATE, RESENT].map(all).into_iter().filter(|(_, c)| *c != [0; 6]).collect()
}

#[test]
fn copies_are_found_when_one_line_of_a_row_is_left() {
    assert_eq!(copies(&[(DUPLICATE, 1, false)], &[1, 2, 3, 4], &[]), [(DUPLICATE, [1, 1, 0, 0, 1, 0])]);
    assert_eq!(copies(&[(DUPLICATE, 1, true)], &[2, 3, 4], &[]), [(DUPLICATE, [1, 1, 0, 0, 1, 0])], "the copy may be the one that stays");
    assert_eq!(copies(&[(DUPLICATE, 1, true)], &[1, 2, 3, 4], &[]), [(DUPLICATE, [1, 0, 0, 0, 0, 0])]);
    let two = [(DUPLICATE, 1, true), (DUPLICATE, 1, true)];
    assert_eq!(copies(&two, &[2, 3, 4], &[]), [(DUPLICATE, [2, 1, 0, 0, 1, 0])]);
    assert_eq!(copies(&[(NEAR_DUPLICATE, 1, true)], &[2, 3, 4], &[]), [(NEAR_DUPLICATE, [1, 1, 0, 0, 0, 1])], "with its own time");
}

#[test]
fn a_damaged_line_is_found_when_it_is_no_clean_row_and_its_row_comes_again() {
    assert_eq!(copies(&[(RESENT, 1, true)], &[2, 3, 4], &[1]), [(CORRUPT, [1, 1, 1, 0, 0, 0]), (RESENT, [1, 0, 0, 0, 1, 0])]);
    assert_eq!(copies(&[(RESENT, 1, false)], &[2, 3, 4], &[1]), [(CORRUPT, [1, 1, 1, 0, 0, 0]), (RESENT, [1, 0, 0, 0, 0, 0])]);
    assert_eq!(copies(&[], &[1, 2, 3, 4], &[1]), [(CORRUPT, [1, 0, 0, 0, 0, 0])], "a damaged line among the clean rows");
}

#[test]
fn a_line_is_a_row_by_its_place_among_the_lines_that_are_no_copies() {
    let mut lines = Lines::new(&["a.csv".into(), "b.csv".into()], true);
    lines.add_copy(0, 4, 0);
    lines.add_copy(1, 2, 1);
    lines.set_rows(0, 3);
    lines.set_rows(1, 2);
    let stands = |file, line| lines.stands(file, line);
    assert_eq!([stands(0, 1), stands(0, 2), stands(0, 3)], [None, Some(Stands::Row(1)), Some(Stands::Row(2))]);
    assert_eq!([stands(0, 4), stands(0, 5), stands(0, 6)], [Some(Stands::Copy(0)), Some(Stands::Row(3)), None]);
    assert_eq!(
        [stands(1, 2), stands(1, 3), stands(1, 4), stands(1, 5)],
        [Some(Stands::Copy(1)), Some(Stands::Row(4)), Some(Stands::Row(5)), None]
    );
    assert_eq!((lines.file("data/b.csv"), lines.file("c.csv")), (Some(1), None));
}

#[test]
fn columns_are_found_under_the_names_that_the_project_gave_them() {
    let text = r#"
        [source]
        path = "data/x.csv"
        [columns.place]
        from = "customer:Country"
        type = "text"
        [columns.amount_given]
        from = "order:Amount"
        type = "text"
        [[clean]]
        rule = "rename"
        columns = { place = "country" }
        [[clean]]
        rule = "derive"
        column = "amount"
        sql = "money(amount_given)"
        [[clean]]
        rule = "scale"
        columns = ["score"]
        method = "minmax"
        into = "{column}"
    "#;
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(dir.path().join("tables")).expect("a directory");
    std::fs::write(dir.path().join("tidemill.toml"), "name = \"x\"\n").expect("a file");
    std::fs::write(dir.path().join("tables/x.toml"), text).expect("a file");
    let (project, problems) = tidemill_project::load(dir.path(), &tidemill_project::Environment::default());
    assert!(project.tables.len() == 1 && problems.is_empty(), "{problems:?}");
    let table = &project.tables[0];
    let column = |name: &str| TruthColumn { name: name.into(), kind: Kind::Text };
    let names = ["customer:Country", "order:Amount", "row key", "score", "lost"];
    let truth = TruthTable { name: "x".into(), columns: names.map(column).to_vec(), key: Vec::new(), rows: 0, lines: 0, files: Vec::new() };
    let clean =
        Arc::new(Schema::new(["country", "amount", "row_key", "score", "other"].map(|n| Field::new(n, DataType::Utf8, true)).to_vec()));
    let (found, without) = pairs(&truth, table, &clean, &[]).expect("pairs");
    let found: Vec<(usize, &str)> = found.iter().map(|p| (p.at, p.clean.as_str())).collect();
    assert_eq!(found, [(0, "country"), (1, "amount"), (2, "row_key")]);
    assert_eq!(without, ["score", "lost"], "a column on another scale is another");
    let (found, _) = pairs(&truth, table, &clean, &[("lost".into(), "other".into())]).expect("pairs");
    assert_eq!(found.last().map(|p| p.clean.as_str()), Some("other"));
    assert!(pairs(&truth, table, &clean, &[("lost".into(), "nowhere".into())]).is_err());
}
