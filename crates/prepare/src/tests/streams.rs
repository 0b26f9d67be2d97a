//! A recipe on a stream gives what it gives the same rows at once.

use super::{How, Numbered, apply, compile, fit, rows, shown, table};
use crate::{Fitted, Recipe, StreamApplied, StreamRecipe};
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType::{Int64, Utf8};
use proptest::prelude::*;
use std::sync::Arc;
use tidemill_core::Decoded;

const RULES: &[&str] = &[
    "rule = \"text\"\ncolumns = \"*\"\ncase = \"lower\"",
    "rule = \"duplicates\"",
    "rule = \"duplicates\"\nkey = [\"k\"]",
    "rule = \"duplicates\"\nkey = [\"s\", \"k\"]",
    "rule = \"invalid\"\ncolumn = \"x\"\nwhere = \"x > 40\"",
    "rule = \"missing\"\ncolumns = [\"x\"]\nwith = \"median\"",
    "rule = \"missing\"\ncolumn = \"x\"\nwith = \"mean\"\nby = [\"s\"]",
    "rule = \"missing\"\ncolumns = [\"d\"]\nwith = \"drop\"",
    "rule = \"repair\"\ncolumn = \"s\"\nto = [\"alpha\", \"beta\", \"gamma\"]\notherwise = { value = \"other\" }",
    "rule = \"repair\"\ncolumn = \"s\"\nfrequent = true\ncount_min = 4\nratio_min = 2",
    "rule = \"repair\"\ncolumns = [\"s\", \"d\", \"k\"]\nby = [\"k\", \"d\", [\"s\", \"x\"]]\nconfidence_min = 0.3",
    "rule = \"outliers\"\ncolumns = [\"x\", \"k\"]\nmethod = \"iqr\"\nfactor = 0.5\naction = \"drop\"",
    "rule = \"outliers\"\ncolumn = \"x\"\nmethod = \"zscore\"\nthreshold = 1.0\naction = \"clip\"",
    "rule = \"filter\"\nwhere = \"k is null or k <> 3\"",
    "rule = \"filter\"\nwhere = \"x is null or x < max(x)\"",
    "rule = \"derive\"\ncolumn = \"y\"\nsql = \"x + k / 10.0 - avg(x)\"",
    "rule = \"encode\"\ncolumn = \"s\"\nmethod = \"onehot\"\nvalues_max = 4",
    "rule = \"bin\"\ncolumn = \"x\"\nquantiles = 3\ninto = \"third\"",
    "rule = \"scale\"\ncolumn = \"x\"\nmethod = \"standard\"\ninto = \"z\"",
];

fn batch() -> impl Strategy<Value = RecordBatch> {
    let words = prop::sample::select(vec!["alpha", "Alpha ", "alpa", "beta", "betta", "gamma", "zzz", ""]);
    let row = (
        prop::option::weighted(0.95, 0i64..40),
        prop::option::weighted(0.8, -50i64..50),
        prop::option::weighted(0.8, words),
        prop::option::weighted(0.9, 0i32..6),
    );
    prop::collection::vec(row, 0..80).prop_map(|rows| {
        let k: ArrayRef = Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>());
        let x: ArrayRef = Arc::new(rows.iter().map(|r| r.1.map(|x| x as f64 + 0.1)).collect::<Float64Array>());
        let s: ArrayRef = Arc::new(rows.iter().map(|r| r.2).collect::<StringArray>());
        let d: ArrayRef = Arc::new(rows.iter().map(|r| r.3).collect::<Date32Array>());
        RecordBatch::try_from_iter_with_nullable([("k", k, true), ("x", x, true), ("s", s, true), ("d", d, true)]).unwrap()
    })
}

fn decoded(whole: &RecordBatch, from: usize, rows: usize) -> Decoded {
    Decoded {
        split: "x.csv".into(),
        batch: whole.slice(from, rows),
        lines: (0..rows as u64).map(|i| from as u64 + i + 2).collect(),
        rejects: Vec::new(),
        rows_read: rows as u64,
        bytes_read: 0,
        nulled: vec![0; whole.num_columns()],
        text: Arc::new(Numbered(from)),
    }
}

fn stream(fitted: &Fitted) -> StreamRecipe {
    StreamRecipe::new(fitted, super::engine(None).memory(), &std::env::temp_dir(), 100).unwrap()
}

/// What came of `whole` from `from` on, in batches of `sizes`, again and again.
fn pull(recipe: &mut StreamRecipe, whole: &RecordBatch, from: usize, to: usize, sizes: &[usize]) -> Vec<StreamApplied> {
    let (mut at, mut out) = (from, Vec::new());
    for size in sizes.iter().cycle() {
        if at >= to {
            break;
        }
        let n = (*size).min(to - at);
        let applied = recipe.apply(decoded(whole, at, n), None).unwrap();
        assert_eq!(applied.lines.len(), applied.rows.num_rows());
        assert_eq!(applied.rows_read, n as u64);
        out.push(applied);
        at += n;
    }
    out
}

/// Recipe and fit over `input`, with the rows let go.
fn fitted(toml: &str, input: &RecordBatch) -> Option<(Recipe, Fitted)> {
    let recipe = compile(&table(toml), input);
    let fitted = fit(&recipe, input, How { morsel: 1000, threads: 1, cache: 0 }, None).ok()?;
    fitted.forget_rows();
    Some((recipe, fitted))
}

fn project(rules: &[usize], key: bool, unique: bool) -> String {
    let mut toml = if key { "key = [\"k\"]\n".to_string() } else { String::new() };
    if unique {
        toml.push_str("[columns.x]\ntype = \"double\"\nunique = true\n");
    }
    rules.iter().for_each(|i| toml.push_str(&format!("[[clean]]\n{}\n", RULES[*i])));
    toml
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_stream_gives_what_one_pass_gives(
        input in batch(),
        picked in prop::sample::subsequence((0..RULES.len()).collect::<Vec<_>>(), 1..7).prop_shuffle(),
        sizes in prop::collection::vec(0usize..9, 1..5),
        key in any::<bool>(),
        unique in any::<bool>(),
        cut in 0usize..80,
        again in 0usize..3,
    ) {
        prop_assume!(sizes.iter().sum::<usize>() > 0);
        let Some((_, fitted)) = fitted(&project(&picked, key, unique), &input) else { return Ok(()) };
        let (whole, applied, rejects) = apply(&fitted, &input, How { morsel: 1000, threads: 1, cache: 0 }, None).unwrap();
        let (cut, end) = (cut.min(input.num_rows()), input.num_rows());
        let mut first = stream(&fitted);
        let mut given = pull(&mut first, &input, 0, cut, &sizes);
        // It stops here, and another goes on with what is stored of it.
        let mut second = stream(&fitted);
        match again {
            0 => prop_assert!(second.restore(&first.save().unwrap()).unwrap()),
            1 if second.is_told_by_clean() => given.iter().for_each(|g| second.load_keys(&g.rows).unwrap()),
            _ => second.load_rows(&input.slice(0, cut)).unwrap(),
        }
        given.extend(pull(&mut second, &input, cut, end, &sizes));
        let rows: Vec<&RecordBatch> = given.iter().map(|g| &g.rows).collect();
        prop_assert_eq!(&concat_batches(&fitted.schema(), rows).unwrap(), &whole);
        let sum = |of: fn(&StreamApplied) -> u64| given.iter().map(of).sum::<u64>();
        prop_assert_eq!(sum(|a| a.rows_read), applied.rows_read);
        prop_assert_eq!(sum(|a| a.filtered), applied.filtered);
        // A row without a key repeats an earlier one or has none: the clean table can't tell which.
        prop_assert_eq!(sum(|a| a.deduplicated + a.quarantined), applied.deduplicated + applied.quarantined);
        if again != 1 {
            prop_assert_eq!(given.iter().flat_map(|g| g.rejects.clone()).collect::<Vec<_>>(), rejects);
            prop_assert_eq!(sum(|a| a.deduplicated), applied.deduplicated);
        }
        for quality in &applied.quality {
            let same = |q: &&crate::QualityCount| q.rule_index == quality.rule_index && q.column == quality.column;
            let changed: u64 = given.iter().flat_map(|g| g.quality.iter().filter(same)).map(|q| q.cells_changed).sum();
            prop_assert_eq!(changed, quality.cells_changed);
        }
    }
}

#[test]
fn a_spelling_that_nobody_met_at_the_fit_is_decided_all_the_same() {
    let seen = rows(&[("id", Int64, "1 2"), ("s", Utf8, "red blue")]);
    let toml = "key = [\"id\"]\n[[clean]]\nrule = \"repair\"\ncolumn = \"s\"\nto = [\"red\", \"blue\"]\notherwise = \"null\"\n";
    let (_, fitted) = fitted(toml, &seen).unwrap();
    let mut recipe = stream(&fitted);
    let new = rows(&[("id", Int64, "3 4 3 -"), ("s", Utf8, "blu green red red")]);
    let applied = recipe.apply(decoded(&new, 0, 4), None).unwrap();
    assert_eq!(shown(&applied.rows, "s"), ["blue", "-"]);
    assert_eq!(applied.lines, [2, 3]);
    let told: Vec<String> = applied.rejects.iter().map(|r| format!("{} {} {}", r.line, r.raw, r.reason)).collect();
    assert_eq!(told, ["4 row 2 `id` 3 is already taken by an earlier row", "5 row 3 `id` names rows and is NULL"]);
    assert_eq!((applied.written, applied.quarantined, applied.quality[0].cells_changed), (2, 2, 2));
    assert_eq!(applied.changes[0].after.as_deref(), Some("blue"));
}

#[test]
fn rules_that_need_later_rows_are_named() {
    let input = rows(&[("id", Int64, "1"), ("s", Utf8, "red")]);
    let toml = "key = [\"id\"]\n\
        [[clean]]\nrule = \"duplicates\"\n\
        [[clean]]\nrule = \"duplicates\"\nkey = [\"id\"]\nkeep = \"last\"\n\
        [[clean]]\nrule = \"duplicates\"\nlike = [\"s\"]\n\
        [[clean]]\nrule = \"missing\"\ncolumn = \"s\"\nwith = \"forward\"\n";
    let recipe = compile(&table(toml), &input);
    let told: Vec<&str> = recipe.stream_problems().iter().map(|p| p.message.split(' ').next().unwrap()).collect();
    assert_eq!(told, ["`keep", "likely", "`with"]);
    assert!(recipe.stream_problems().iter().all(|p| p.code == "TM0309" && p.help.is_some()));
    let (_, fitted) = fitted(toml, &input).unwrap();
    let refused = StreamRecipe::new(&fitted, super::engine(None).memory(), &std::env::temp_dir(), 0);
    assert!(refused.unwrap_err().what.contains("can't be kept on a stream"));
}

#[test]
fn a_rule_left_out_on_streams_leaves_rows_as_they_come() {
    let toml = "[[clean]]\nrule = \"missing\"\ncolumn = \"s\"\nwith = \"forward\"\non_stream = \"skip\"\n\
        [[clean]]\nrule = \"duplicates\"\nkey = [\"id\"]\nkeep = \"last\"\non_stream = \"skip\"\n\
        [[clean]]\nrule = \"derive\"\ncolumn = \"s\"\nsql = \"coalesce(s, min(s))\"\non_stream = \"skip\"\n\
        [[clean]]\nrule = \"missing\"\ncolumn = \"s\"\nvalue = \"none\"\n";
    let seen = rows(&[("id", Int64, "1 2 2"), ("s", Utf8, "red - blue")]);
    let (recipe, fitted) = fitted(toml, &seen).unwrap();
    assert_eq!(recipe.stream_problems(), []);
    let mut recipe = stream(&fitted);
    let new = rows(&[("id", Int64, "3 3 4"), ("s", Utf8, "red - green")]);
    let applied = recipe.apply(decoded(&new, 0, 3), None).unwrap();
    assert_eq!(shown(&applied.rows, "s"), ["red", "none", "green"]);
    assert_eq!((applied.written, applied.deduplicated), (3, 0));
    let makes = "[[clean]]\nrule = \"derive\"\ncolumn = \"t\"\nsql = \"upper(s)\"\non_stream = \"skip\"\n";
    let (_, problems) = Recipe::compile(&table(makes), seen.schema(), &super::session());
    assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), ["TM0306"]);
}

#[test]
fn a_key_is_kept_though_the_rule_that_settles_it_is_left_out() {
    let toml = "key = [\"id\"]\n[[clean]]\nrule = \"duplicates\"\nkey = [\"id\"]\nkeep = \"last\"\non_stream = \"skip\"\n";
    let seen = rows(&[("id", Int64, "1 2 2"), ("s", Utf8, "red green blue")]);
    let (_, fitted) = fitted(toml, &seen).unwrap();
    let (stored, applied, _) = apply(&fitted, &seen, How { morsel: 1000, threads: 1, cache: 0 }, None).unwrap();
    assert_eq!((shown(&stored, "s"), applied.deduplicated), (vec!["red".to_string(), "blue".to_string()], 1));
    let mut recipe = stream(&fitted);
    recipe.load_keys(&stored).unwrap();
    let applied = recipe.apply(decoded(&rows(&[("id", Int64, "2 3 3"), ("s", Utf8, "a b c")]), 0, 3), None).unwrap();
    assert_eq!((shown(&applied.rows, "s"), applied.rejects.len()), (vec!["b".to_string()], 2));
}

#[test]
fn a_checkpoint_of_another_fit_is_not_taken() {
    let toml = "key = [\"id\"]\n[[clean]]\nrule = \"missing\"\ncolumn = \"x\"\nwith = \"median\"\n";
    let one = rows(&[("id", Int64, "1 2 3"), ("x", Int64, "1 1 1")]);
    let other = rows(&[("id", Int64, "1 2 3"), ("x", Int64, "9 9 9")]);
    let mut before = stream(&fitted(toml, &one).unwrap().1);
    before.apply(decoded(&one, 0, 3), None).unwrap();
    let saved = before.save().unwrap();
    assert!(!stream(&fitted(toml, &other).unwrap().1).restore(&saved).unwrap());
    let mut same = stream(&fitted(toml, &one).unwrap().1);
    assert!(same.restore(&saved[..saved.len() - 3]).unwrap_err().what.contains("torn"));
    let mut same = stream(&fitted(toml, &one).unwrap().1);
    assert!(same.restore(&saved).unwrap());
    assert_eq!(same.apply(decoded(&one, 0, 3), None).unwrap().rejects.len(), 3);
}

#[test]
fn memory_for_keys_is_of_the_pool() {
    let toml = "key = [\"id\"]\n";
    let input = rows(&[("id", Int64, "1"), ("x", Int64, "1")]);
    let (_, fitted) = fitted(toml, &input).unwrap();
    let engine = super::engine(Some(64 << 20));
    let pool = engine.memory();
    let mut recipe = StreamRecipe::new(&fitted, Arc::clone(&pool), &std::env::temp_dir(), 0).unwrap();
    let before = pool.reserved();
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
    let many = RecordBatch::try_from_iter_with_nullable([("id", id.clone(), true), ("x", id, true)]).unwrap();
    recipe.apply(decoded(&many, 0, 10_000), None).unwrap();
    assert!(pool.reserved() - before > 10_000 * 16, "{} bytes", pool.reserved() - before);
    drop(recipe);
    assert_eq!(pool.reserved(), before);
}
