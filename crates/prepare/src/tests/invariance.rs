//! The outcome depends on the rows and the rules alone.

use super::{How, Ran, run_how};
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use std::sync::Arc;

const RULES: &[&str] = &[
    "rule = \"text\"\ncolumns = \"*\"\ncase = \"lower\"",
    "rule = \"duplicates\"",
    "rule = \"duplicates\"\nkey = [\"k\"]",
    "rule = \"duplicates\"\nkey = [\"k\"]\nkeep = \"last\"",
    "rule = \"duplicates\"\nkey = [\"s\", \"k\"]\nkeep = \"latest\"\nby = \"d\"",
    "rule = \"invalid\"\ncolumn = \"x\"\nwhere = \"x > 40\"",
    "rule = \"missing\"\ncolumns = [\"x\", \"k\"]\nwith = \"median\"",
    "rule = \"missing\"\ncolumn = \"x\"\nwith = \"mean\"\nby = [\"s\"]",
    "rule = \"missing\"\ncolumn = \"s\"\nwith = \"mode\"",
    "rule = \"missing\"\ncolumn = \"d\"\nwith = \"forward\"\nby = [\"s\"]",
    "rule = \"missing\"\ncolumn = \"x\"\nwith = \"forward\"\norder_by = [\"d\", \"k\"]",
    "rule = \"missing\"\ncolumns = [\"d\"]\nwith = \"drop\"",
    "rule = \"repair\"\ncolumn = \"s\"\nto = [\"alpha\", \"beta\", \"gamma\"]\notherwise = { value = \"other\" }",
    "rule = \"repair\"\ncolumn = \"s\"\nfrequent = true\ncount_min = 4\nratio_min = 2",
    "rule = \"repair\"\ncolumns = [\"s\", \"d\", \"k\"]\nby = [\"k\", \"d\", [\"s\", \"x\"]]\nconfidence_min = 0.3",
    "rule = \"repair\"\ncolumns = [\"s\", \"k\"]\nglued = true\nconfidence_min = 0.1",
    "rule = \"duplicates\"\nlike = [\"s\", \"k\"]\nsimilarity_min = 0.7",
    "rule = \"duplicates\"\nlike = [\"s\"]\nsimilarity_min = 0.6\naction = \"drop\"",
    "rule = \"outliers\"\ncolumns = [\"x\", \"k\"]\nmethod = \"iqr\"\nfactor = 0.5\naction = \"drop\"",
    "rule = \"outliers\"\ncolumn = \"x\"\nmethod = \"zscore\"\nthreshold = 1.0\naction = \"clip\"",
    "rule = \"filter\"\nwhere = \"k is null or k <> 3\"",
    "rule = \"filter\"\nwhere = \"x is null or x < max(x)\"",
    // Never equal to what it replaces but for rounding: what counts as changed would depend on where morsels are cut.
    "rule = \"derive\"\ncolumn = \"x\"\nsql = \"x + k / 10.0 - avg(x) + 1000\"",
    "rule = \"encode\"\ncolumn = \"s\"\nmethod = \"frequency\"\ninto = \"share\"",
    "rule = \"encode\"\ncolumn = \"s\"\nmethod = \"onehot\"\nvalues_max = 4",
    "rule = \"bin\"\ncolumn = \"x\"\nquantiles = 3\ninto = \"third\"",
    "rule = \"scale\"\ncolumn = \"x\"\nmethod = \"standard\"\ninto = \"z\"",
    "rule = \"scale\"\ncolumn = \"x\"\nmethod = \"robust\"\ninto = \"robust\"",
];

fn batch() -> impl Strategy<Value = RecordBatch> {
    let words = prop::sample::select(vec!["alpha", "Alpha ", "alpa", "beta", "betta", "gamma", "zzz", ""]);
    let row = (
        prop::option::weighted(0.9, 0i64..12),
        prop::option::weighted(0.8, -50i64..50),
        prop::option::weighted(0.8, words),
        prop::option::weighted(0.8, 0i32..6),
    );
    prop::collection::vec(row, 0..60).prop_map(|rows| {
        let k: ArrayRef = Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>());
        let x: ArrayRef = Arc::new(rows.iter().map(|r| r.1.map(|x| x as f64 + 0.1)).collect::<Float64Array>());
        let s: ArrayRef = Arc::new(rows.iter().map(|r| r.2).collect::<StringArray>());
        let d: ArrayRef = Arc::new(rows.iter().map(|r| r.3).collect::<Date32Array>());
        RecordBatch::try_from_iter_with_nullable([("k", k, true), ("x", x, true), ("s", s, true), ("d", d, true)]).unwrap()
    })
}

/// Equal but for what floats round, which may depend on where morsels are cut.
fn alike(a: &Ran, b: &Ran) -> Result<(), TestCaseError> {
    let counts = |r: &Ran| (r.applied.rows_read, r.applied.written, r.applied.deduplicated, r.applied.filtered, r.applied.quarantined);
    prop_assert_eq!(counts(a), counts(b));
    prop_assert_eq!(a.names(), b.names());
    for name in a.names() {
        for (x, y) in a.column(&name).iter().zip(b.column(&name)) {
            let near = match (x.parse::<f64>(), y.parse::<f64>()) {
                (Ok(x), Ok(y)) => (x - y).abs() <= 1e-9 * x.abs().max(y.abs()).max(1.0),
                _ => *x == y,
            };
            prop_assert!(near, "column {}: {} and {}", name, x, y);
        }
    }
    let quality = |r: &Ran| {
        r.applied.quality.iter().map(|q| (q.rule_index, q.column.clone(), q.cells_changed, q.listed, q.rows_removed)).collect::<Vec<_>>()
    };
    prop_assert_eq!(quality(a), quality(b));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn morsels_threads_and_memory_change_nothing(
        input in batch(),
        picked in prop::sample::subsequence((0..RULES.len()).collect::<Vec<_>>(), 1..7).prop_shuffle(),
        morsel in 1usize..20,
        threads in 1usize..5,
        cache in prop::sample::select(vec![0u64, 3_000, 1 << 30]),
        key in any::<bool>(),
    ) {
        let mut toml = if key { "key = [\"k\"]\n".to_string() } else { String::new() };
        let mut into = std::collections::BTreeSet::new();
        for (at, rule) in picked.iter().map(|i| RULES[*i]).enumerate() {
            // Each output once; and a one-hot's columns are known to nobody after it.
            if let Some((_, name)) = rule.split_once("into = ") && !into.insert(name) {
                continue;
            }
            toml.push_str(&format!("[[clean]]\n# {at}\n{rule}\n"));
        }
        let whole = run_how(&toml, &input, How { morsel: 1000, threads: 1, cache: 0 });
        let one = run_how(&toml, &input, How { morsel, threads: 1, cache: 0 });
        let cut = run_how(&toml, &input, How { morsel, threads, cache });
        match (whole, one, cut) {
            (Ok(whole), Ok(one), Ok(cut)) => {
                alike(&whole, &cut)?;
                // With the same morsels not a bit may differ.
                prop_assert_eq!(&one.batch, &cut.batch);
                prop_assert_eq!(one.fitted.to_json(), cut.fitted.to_json());
                prop_assert_eq!(&one.rejects, &cut.rejects);
                // A stored fit gives the same rows again.
                let recipe = super::compile(&super::table(&toml), &input);
                let stored = crate::Fitted::from_json(&cut.fitted.to_json(), &recipe).unwrap();
                let (again, applied, _) = super::apply(&stored, &input, How { morsel, threads, cache: 0 }, None).unwrap();
                prop_assert_eq!(&again, &cut.batch);
                prop_assert_eq!(applied.quality.len(), cut.applied.quality.len());
            }
            (Err(a), Err(b), Err(c)) => prop_assert!(a.what == b.what && b.what == c.what),
            (a, b, c) => prop_assert!(false, "{:?} {:?} {:?}", a.err(), b.err(), c.err()),
        }
    }
}
