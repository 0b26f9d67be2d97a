//! Each rule against values computed by hand.

use crate::tests::{PLAIN, problems, rows, run, run_how, words};
use arrow::datatypes::DataType::{Boolean, Date32, Decimal128, Float64, Int64, Timestamp, Utf8};
use arrow::datatypes::TimeUnit;

fn rule(text: &str) -> String {
    format!("[[clean]]\n{text}\n")
}

#[test]
fn text_is_trimmed_collapsed_cased_and_emptied() {
    let input =
        words("a", &[Some("  Ada  Lovelace "), Some("ok"), None, Some("   "), Some("o'BRIEN and e\u{301}DITH"), Some("plain words")]);
    let r = run(&rule("rule = \"text\"\ncolumns = \"*\"\ncollapse_spaces = true\ncase = \"title\"\nunicode = \"nfc\""), &input);
    assert_eq!(r.column("a"), ["Ada Lovelace", "Ok", "-", "-", "O'brien And Édith", "Plain Words"]);
    assert_eq!(r.quality("text", Some("a")).cells_changed, 5);
    let first = r.changes("text")[0];
    assert_eq!((first.before.as_deref(), first.after.as_deref(), first.line), (Some("  Ada  Lovelace "), Some("Ada Lovelace"), 2));
    let r = run(&rule("rule = \"text\"\ncolumn = \"a\"\nempty_to_null = false\ncase = \"lower\""), &input);
    assert_eq!(r.column("a"), ["ada  lovelace", "ok", "-", "", "o'brien and e\u{301}dith", "plain words"]);
    assert_eq!(r.quality("text", Some("a")).cells_changed, 3);
    let r = run(
        &rule("rule = \"text\"\ncolumn = \"a\"\nunicode = \"nfkc\"\ncase = \"upper\""),
        &words("a", &[Some("ﬁn"), Some("straße"), Some("A")]),
    );
    assert_eq!(r.column("a"), ["FIN", "STRASSE", "A"]);
}

#[test]
fn invalid_cells_become_missing_by_a_condition_on_the_rows_before() {
    let input = rows(&[("a", Int64, "5 -1 200 - 40"), ("b", Int64, "1 2 3 4 5")]);
    let r = run(&rule("rule = \"invalid\"\ncolumns = [\"a\", \"b\"]\nwhere = \"a < 0 or a > 120\""), &input);
    assert_eq!((r.line("a"), r.line("b")), ("5 - - - 40".into(), "1 - - 4 5".into()));
    assert_eq!((r.quality("invalid", Some("a")).cells_changed, r.quality("invalid", Some("b")).cells_changed), (2, 2));
    let r = run(&rule("rule = \"invalid\"\ncolumn = \"b\"\nwhere = \"b > avg(b)\""), &input);
    assert_eq!(r.line("b"), "1 2 3 - -");
    assert_eq!(r.fitted_value("b", "avg(b)"), "3.0");
}

#[test]
fn missing_cells_are_filled_with_statistics() {
    let input = rows(&[
        ("i", Int64, "1 2 - 4 8 - 8"),
        ("f", Float64, "1 2 - 4 - 8 2"),
        ("d", Date32, "2024-01-01 - 2024-01-04 2024-01-02 - 2024-01-03 -"),
        ("s", Utf8, "b a - b a - c"),
        ("m", Decimal128(10, 2), "1.00 2.25 - 4.00 - 8.00 2.26"),
        ("t", Boolean, "true false - true - - -"),
    ]);
    let r = run(&rule("rule = \"missing\"\ncolumns = [\"i\", \"f\", \"d\", \"m\"]\nwith = \"median\""), &input);
    // odd count: the middle; even: the mean of the two, rounded down for all but floats
    assert_eq!(r.line("i"), "1 2 4 4 8 4 8");
    assert_eq!(r.line("f"), "1.0 2.0 2.0 4.0 2.0 8.0 2.0");
    assert_eq!(r.column("d")[1], "2024-01-02");
    assert_eq!(r.column("m")[2], "2.26");
    assert_eq!(r.quality("missing", Some("i")).message, "filled with 4");
    let r = run(&rule("rule = \"missing\"\ncolumns = [\"i\", \"f\"]\nwith = \"mean\""), &input);
    assert_eq!((r.column("i")[2].as_str(), r.column("f")[2].as_str()), ("5", "3.4")); // 4.6 rounds to 5
    let r = run(&rule("rule = \"missing\"\ncolumns = [\"i\", \"s\", \"t\", \"d\"]\nwith = \"mode\""), &input);
    // ties to the smallest
    assert_eq!((r.line("i"), r.line("s")), ("1 2 8 4 8 8 8".into(), "b a a b a a c".into()));
    assert_eq!((r.line("t"), r.column("d")[1].as_str()), ("true false true true true true true".into(), "2024-01-01"));
    let r = run(&rule("rule = \"missing\"\ncolumn = \"s\"\nwith = \"constant\"\nvalue = \"?\""), &input);
    assert_eq!((r.line("s"), r.quality("missing", Some("s")).cells_changed), ("b a ? b a ? c".into(), 2));
    let r = run(&rule("rule = \"missing\"\ncolumns = [\"i\", \"s\"]\nwith = \"drop\""), &input);
    assert_eq!((r.line("i"), r.applied.filtered), ("1 2 4 8 8".into(), 2));
    let nothing = rows(&[("x", Int64, "- - -")]);
    assert_eq!(run(&rule("rule = \"missing\"\ncolumn = \"x\"\nwith = \"median\""), &nothing).line("x"), "- - -");
}

#[test]
fn missing_cells_are_filled_within_groups() {
    let input = rows(&[("g", Utf8, "a a a b b - - c"), ("x", Int64, "1 3 - 10 - 7 - -"), ("w", Utf8, "p - p q - r - -")]);
    let fill = |with: &str, c: &str| run(&rule(&format!("rule = \"missing\"\ncolumn = \"{c}\"\nwith = \"{with}\"\nby = [\"g\"]")), &input);
    // a group without a value takes the whole table's: values 1 3 7 10
    assert_eq!(fill("median", "x").line("x"), "1 3 2 10 10 7 7 5");
    assert_eq!(fill("mean", "x").line("x"), "1 3 2 10 10 7 7 5");
    assert_eq!(fill("mode", "w").line("w"), "p p p q q r r p");
    let r = fill("mean", "x");
    assert_eq!(r.quality("missing", Some("x")).cells_changed, 4);
    assert_eq!(r.fitted_value("x", "mean"), "5");
}

#[test]
fn missing_cells_take_the_last_value_before() {
    let input = rows(&[("x", Int64, "- 1 - - 2 - 3 -"), ("g", Utf8, "a a b b b a b a"), ("o", Int64, "8 7 6 5 4 3 2 1")]);
    let r = run(&rule("rule = \"missing\"\ncolumn = \"x\"\nwith = \"forward\""), &input);
    assert_eq!((r.line("x"), r.quality("missing", Some("x")).cells_changed), ("- 1 1 1 2 2 3 3".into(), 4));
    let r = run(&rule("rule = \"missing\"\ncolumn = \"x\"\nwith = \"forward\"\nby = [\"g\"]"), &input);
    assert_eq!(r.line("x"), "- 1 - - 2 1 3 1");
    // by o the rows come in the other direction
    let r = run(&rule("rule = \"missing\"\ncolumn = \"x\"\nwith = \"forward\"\norder_by = [\"o\"]"), &input);
    assert_eq!(r.line("x"), "1 1 2 2 2 3 3 -");
    let r = run(&rule("rule = \"missing\"\ncolumn = \"x\"\nwith = \"forward\"\nby = [\"g\"]\norder_by = [\"o\"]"), &input);
    assert_eq!(r.line("x"), "1 1 2 2 2 - 3 -");
}

#[test]
fn duplicates_keep_first_last_or_latest() {
    let input = rows(&[("id", Int64, "1 2 1 3 2 1"), ("v", Utf8, "a b c d b -"), ("n", Float64, "0.0 5 9 1 5 -")]);
    let dedup = |text: &str| run(&rule(&format!("rule = \"duplicates\"\n{text}")), &input);
    let r = dedup("");
    assert_eq!((r.line("id"), r.applied.deduplicated), ("1 2 1 3 1".into(), 1));
    assert_eq!(dedup("key = [\"id\"]").line("v"), "a b d");
    assert_eq!(dedup("key = [\"id\"]\nkeep = \"last\"").line("v"), "d b -");
    assert_eq!(dedup("key = [\"id\"]\nkeep = \"latest\"\nby = \"n\"").line("v"), "c d b");
    assert_eq!(dedup("key = [\"id\"]\nkeep = \"latest\"\nby = \"v\"").line("v"), "c d b");
    assert_eq!(dedup("ignore = [\"id\", \"n\"]").line("v"), "a b c d -");
}

#[test]
fn outliers_are_clipped_cleared_dropped_or_flagged() {
    // quartiles 2 and 4 (type 7 over 1 2 3 4 100), so the fences are -1 and 7
    let input = rows(&[("x", Int64, "3 1 - 100 2 4"), ("y", Float64, "3 1 - 100 2 4")]);
    let out = |text: &str| run(&rule(&format!("rule = \"outliers\"\n{text}")), &input);
    let r = out("columns = [\"x\", \"y\"]\nmethod = \"iqr\"\naction = \"clip\"");
    assert_eq!((r.line("x"), r.line("y")), ("3 1 - 7 2 4".into(), "3.0 1.0 - 7.0 2.0 4.0".into()));
    assert_eq!((r.quality("outliers", Some("x")).cells_changed, r.quality("outliers", Some("x")).message.as_str()), (1, "outside -1 to 7"));
    assert_eq!(out("column = \"x\"\nmethod = \"iqr\"\naction = \"missing\"").line("x"), "3 1 - - 2 4");
    let r = out("column = \"x\"\nmethod = \"iqr\"\naction = \"drop\"");
    assert_eq!((r.line("x"), r.applied.filtered), ("3 1 - 2 4".into(), 1));
    assert_eq!(out("column = \"x\"\nmethod = \"iqr\"\naction = \"flag\"").line("x_outlier"), "false false - true false false");
    // mean 22, sd 43.6: one deviation ends at 65.6
    assert_eq!(out("column = \"y\"\nmethod = \"zscore\"\nthreshold = 1.0\naction = \"missing\"").line("y"), "3.0 1.0 - - 2.0 4.0");
    // 10 % and 90 %: 1.4 and 61.6; whole numbers are clipped inside of them
    let r = out("columns = [\"x\", \"y\"]\nmethod = \"quantile\"\nlower = 0.1\nupper = 0.9\naction = \"clip\"");
    assert_eq!((r.line("x"), r.line("y")), ("3 2 - 61 2 4".into(), "3.0 1.4 - 61.60000000000001 2.0 4.0".into()));
}

#[test]
fn numbers_are_scaled() {
    let input = rows(&[("x", Int64, "1 2 3 4 - 10"), ("c", Float64, "7 7 7 7 7 7")]);
    let scale = |method: &str| {
        run(&rule(&format!("rule = \"scale\"\ncolumns = [\"x\", \"c\"]\nmethod = \"{method}\"\ninto = \"{{column}}_s\"")), &input)
    };
    let near =
        |a: Vec<f64>, b: &[f64]| a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-12 || (a.is_nan() && b.is_nan()), "{a} {b}"));
    let sd = 12.5f64.sqrt();
    near(scale("standard").floats("x_s"), &[-3.0 / sd, -2.0 / sd, -1.0 / sd, 0.0, f64::NAN, 6.0 / sd]);
    near(scale("minmax").floats("x_s"), &[0.0, 1.0 / 9.0, 2.0 / 9.0, 1.0 / 3.0, f64::NAN, 1.0]);
    near(scale("robust").floats("x_s"), &[-1.0, -0.5, 0.0, 0.5, f64::NAN, 3.5]);
    near(scale("standard").floats("c_s"), &[0.0; 6]);
    let r = run(&rule("rule = \"scale\"\ncolumn = \"x\"\nmethod = \"minmax\"\ninto = \"{column}\""), &input);
    assert_eq!((r.names(), r.quality("scale", Some("x")).cells_changed), (vec!["x".to_string(), "c".into()], 5));
}

#[test]
fn categories_are_encoded() {
    let input = rows(&[("c", Utf8, "red blue red - Red! green"), ("n", Int64, "10 9 10 - 9 10")]);
    let r = run(&rule("rule = \"encode\"\ncolumn = \"c\"\nmethod = \"onehot\"\nvalues = [\"red\", \"blue\"]"), &input);
    assert_eq!((r.line("c_red"), r.line("c_blue")), ("1 0 1 0 0 0".into(), "0 1 0 0 0 0".into()));
    // fitted: most frequent first, then by text; unlike values never share a column
    let r = run(&rule("rule = \"encode\"\ncolumn = \"c\"\nmethod = \"onehot\"\nvalues_max = 3\ndrop = true"), &input);
    assert_eq!(r.names(), ["n", "c_red", "c_red_", "c_blue"]);
    assert_eq!(r.quality("encode", Some("c")).message, "3 columns; 1 rarer values have none");
    let r = run(&rule("rule = \"encode\"\ncolumn = \"n\"\nmethod = \"ordinal\"\ninto = \"n_code\""), &input);
    assert_eq!(r.line("n_code"), "1 0 1 - 0 1");
    let r = run(&rule("rule = \"encode\"\ncolumn = \"c\"\nmethod = \"ordinal\"\norder = [\"blue\", \"red\"]\ninto = \"c_code\""), &input);
    assert_eq!(r.line("c_code"), "1 0 1 - - -");
    let r = run(&rule("rule = \"encode\"\ncolumn = \"n\"\nmethod = \"frequency\"\ninto = \"n_share\""), &input);
    assert_eq!(r.line("n_share"), "0.5 0.3333333333333333 0.5 - 0.3333333333333333 0.5");
}

#[test]
fn numbers_are_binned() {
    let input = rows(&[("age", Int64, "29 30 59 60 - 5"), ("q", Float64, "1 2 3 4 5 6")]);
    let r = run(
        &rule("rule = \"bin\"\ncolumn = \"age\"\nedges = [30, 60]\nlabels = [\"young\", \"middle\", \"senior\"]\ninto = \"group\""),
        &input,
    );
    assert_eq!(r.line("group"), "young middle middle senior - young");
    let r = run(&rule("rule = \"bin\"\ncolumn = \"q\"\nquantiles = 3\nlabels = [\"a\", \"b\", \"c\"]\ninto = \"third\""), &input);
    assert_eq!(r.line("third"), "a a b b c c");
}

#[test]
fn columns_are_derived_with_fitted_values() {
    let input = rows(&[("q", Int64, "2 -3 - 4"), ("p", Float64, "1.5 2 3 -"), ("total", Float64, "- 6 - 1")]);
    let toml = [
        rule("rule = \"derive\"\ncolumn = \"q\"\nsql = \"abs(q)\""),
        rule("rule = \"missing\"\ncolumn = \"q\"\nwith = \"constant\"\nvalue = 1"),
        rule("rule = \"derive\"\ncolumn = \"total\"\nsql = \"coalesce(total, round(q * p, 2))\""),
        rule("rule = \"derive\"\ncolumn = \"share\"\nsql = \"total / sum(total)\""),
        rule("rule = \"derive\"\ncolumn = \"big\"\nsql = \"q > 2\"\ntype = \"int64\""),
    ];
    let r = run(&toml.concat(), &input);
    assert_eq!((r.line("q"), r.line("total")), ("2 3 1 4".into(), "3.0 6.0 3.0 1.0".into()));
    assert_eq!((r.quality("derive", Some("q")).cells_changed, r.quality("derive", Some("total")).cells_changed), (1, 2));
    assert_eq!((r.floats("share"), r.line("big")), (vec![3.0 / 13.0, 6.0 / 13.0, 3.0 / 13.0, 1.0 / 13.0], "0 1 0 1".into()));
}

#[test]
fn dates_give_their_parts() {
    let micros = Timestamp(TimeUnit::Microsecond, None);
    let input = rows(&[("d", Date32, "2024-12-30 1970-01-04 -"), ("t", micros, "2024-12-30T23:59:00 1969-12-31T00:05:00 -")]);
    let parts = "parts = [\"year\", \"quarter\", \"month\", \"week\", \"day\", \"weekday\", \"day_of_year\", \"epoch_day\"]";
    let r = run(&rule(&format!("rule = \"date_parts\"\ncolumn = \"d\"\n{parts}")), &input);
    let all: Vec<String> = r.names()[2..].iter().map(|n| r.line(n)).collect();
    assert_eq!(all, ["2024 1970 -", "4 1 -", "12 1 -", "1 1 -", "30 4 -", "1 7 -", "365 4 -", "20087 3 -"]);
    let r = run(&rule("rule = \"date_parts\"\ncolumn = \"t\"\nparts = [\"hour\", \"minute\", \"epoch_day\"]\ninto = \"{part}\""), &input);
    assert_eq!((r.line("hour"), r.line("minute"), r.line("epoch_day")), ("23 0 -".into(), "59 5 -".into(), "20087 -1 -".into()));
}

#[test]
fn columns_are_dropped_renamed_selected_and_cast() {
    let input = rows(&[("a", Utf8, "1 x 3 -"), ("b", Int64, "7 7 7 7"), ("c", Int64, "1 2 3 4")]);
    let r = run(&rule("rule = \"drop\"\ncolumn = \"b\"\nwhen = \"constant\""), &input);
    assert_eq!((r.names(), r.quality("drop", Some("b")).message.as_str()), (vec!["a".to_string(), "c".into()], "dropped: always 7"));
    let Err(e) = run_how(&rule("rule = \"drop\"\ncolumn = \"c\"\nwhen = \"constant\""), &input, PLAIN) else { panic!() };
    assert!(e.what.contains("`c`") && e.what.contains("'1' and '2'"), "{e}");
    assert_eq!(run(&rule("rule = \"drop\"\ncolumns = [\"b\", \"c\"]"), &input).names(), ["a"]);
    assert_eq!(run(&rule("rule = \"rename\"\ncolumns = { a = \"c\", c = \"a\" }"), &input).line("a"), "1 2 3 4");
    assert_eq!(run(&rule("rule = \"select\"\ncolumns = [\"c\", \"a\"]"), &input).names(), ["c", "a"]);
    let r = run(&rule("rule = \"cast\"\ncolumns = [\"a\", \"c\"]\ntype = \"int64\""), &input);
    assert_eq!((r.line("a"), r.quality("cast", Some("a")).cells_changed), ("1 - 3 -".into(), 1));
    let texts = words("t", &[Some("17850.0"), Some(" 8. "), Some("3.7"), Some(".0"), None]);
    let r = run(&rule("rule = \"cast\"\ncolumn = \"t\"\ntype = \"int64\""), &texts);
    assert_eq!((r.line("t"), r.quality("cast", Some("t")).cells_changed), ("17850 8 - - -".into(), 2));
    let texts = words("t", &[Some("1.5"), Some("NaN"), Some("inf"), Some("1e400")]);
    let r = run(&rule("rule = \"cast\"\ncolumn = \"t\"\ntype = \"float64\""), &texts);
    assert_eq!((r.line("t"), r.quality("cast", Some("t")).cells_changed), ("1.5 - - -".into(), 3));
    let r = run(&rule("rule = \"filter\"\nwhere = \"c > 1 and a is not null\""), &input);
    assert_eq!((r.line("c"), r.applied.filtered), ("2 3".into(), 2));
}

#[test]
fn a_rule_over_all_columns_takes_those_it_can() {
    let input = rows(&[("k", Int64, "1 2 3"), ("x", Float64, "1 2 3"), ("s", Utf8, "a b c")]);
    let toml = format!("key = [\"k\"]\n{}", rule("rule = \"scale\"\ncolumns = \"*\"\nmethod = \"minmax\""));
    assert_eq!(run(&toml, &input).names(), ["k", "x", "s", "x_scaled"]);
    assert!(
        problems(&rule("rule = \"scale\"\ncolumns = \"*\"\nmethod = \"minmax\""), &words("w", &[None]))[0].message.contains("a number")
    );
}
