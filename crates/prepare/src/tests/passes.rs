//! How few passes are made, what is read in them, and what is kept.

use super::{How, compile, engine, rows, table};
use crate::{ApplyContext, FitContext, RowSink};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType::{Float64, Int64, Utf8};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidemill_core::{Error, Meter, Result, Scan};

struct Nowhere(AtomicUsize);

impl RowSink for Nowhere {
    fn write(&self, _: u64, batch: RecordBatch) -> Result<()> {
        self.0.fetch_add(batch.num_rows(), Ordering::Relaxed);
        Ok(())
    }
}

/// The projection of each scan that fit and apply open.
fn scans(toml: &str, input: &RecordBatch, how: How) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let recipe = compile(&table(toml), input);
    let opened = Mutex::new(Vec::new());
    let scan = |columns: Option<&[String]>| {
        opened.lock().push(columns.unwrap_or_default().to_vec());
        super::chunks(input, how, columns)
    };
    let memory = engine(None).memory();
    let fitted = recipe
        .fit(&FitContext {
            scan: &scan,
            references: BTreeMap::new(),
            base_dir: Path::new("."),
            threads: how.threads,
            meter: &Meter::default(),
            memory: memory.clone(),
            scratch: &std::env::temp_dir(),
            cache_bytes: how.cache,
            contract: None,
        })
        .unwrap();
    let fit = std::mem::take(&mut *opened.lock());
    let sink = Nowhere(AtomicUsize::new(0));
    let cx = ApplyContext {
        scan: &scan,
        sink: &sink,
        rejects: &|_| Ok(()),
        threads: how.threads,
        meter: &Meter::default(),
        memory: memory.clone(),
        scratch: &std::env::temp_dir(),
        contract: None,
        samples: 1,
    };
    fitted.apply(&cx).unwrap();
    assert_eq!(memory.reserved(), 0, "memory is given back");
    (fit, opened.into_inner())
}

fn input() -> RecordBatch {
    rows(&[
        ("k", Int64, "1 2 3 2 5 6"),
        ("age", Int64, "5 - 300 7 8 9"),
        ("q", Int64, "1 -2 - 4 5 6"),
        ("p", Float64, "1 2 3 4 5 6"),
        ("total", Float64, "- 4 9 16 - 36"),
        ("c", Utf8, "frnace germany France x Germny -"),
        ("unused", Utf8, "a b c d e f"),
    ])
}

const W1: &str = r#"
[[clean]]
rule = "duplicates"
key = ["k"]
[[clean]]
rule = "repair"
column = "c"
to = ["France", "Germany"]
[[clean]]
rule = "invalid"
column = "age"
where = "age < 0 or age > 120"
[[clean]]
rule = "missing"
column = "age"
with = "median"
[[clean]]
rule = "derive"
column = "q"
sql = "abs(q)"
[[clean]]
rule = "missing"
column = "q"
with = "constant"
value = 1
[[clean]]
rule = "derive"
column = "total"
sql = "coalesce(total, round(q * p, 2))"
[[clean]]
rule = "scale"
column = "total"
method = "minmax"
into = "total_minmax"
[[clean]]
rule = "scale"
column = "total"
method = "standard"
into = "total_z"
[[clean]]
rule = "encode"
column = "c"
method = "frequency"
into = "share"
[[clean]]
rule = "drop"
columns = ["unused"]
"#;

#[test]
fn independent_fits_share_one_pass() {
    let how = How { morsel: 2, threads: 2, cache: 0 };
    let (fit, apply) = scans(W1, &input(), how);
    assert_eq!(fit, [["k", "age", "q", "p", "total", "c"].map(String::from)]);
    assert_eq!(apply, fit);
    // A fit that needs nothing but one column reads nothing else.
    let (fit, _) = scans("[[clean]]\nrule = \"scale\"\ncolumn = \"p\"\nmethod = \"minmax\"\n", &input(), how);
    assert_eq!(fit, [vec!["p".to_string()]]);
    // Nothing to learn: nothing is read.
    assert!(scans("[[clean]]\nrule = \"text\"\ncolumns = \"*\"\n", &input(), how).0.is_empty());
    // A figure of figures needs a second pass.
    let chain = "[[clean]]\nrule = \"missing\"\ncolumn = \"age\"\nwith = \"mean\"\n[[clean]]\nrule = \"scale\"\ncolumn = \"age\"\nmethod = \"standard\"\n";
    assert_eq!(scans(chain, &input(), how).0.len(), 2);
}

#[test]
fn rows_kept_are_not_read_again() {
    let (fit, apply) = scans(W1, &input(), How { morsel: 2, threads: 2, cache: 1 << 20 });
    assert_eq!((fit.len(), apply.len()), (1, 0));
    let chain = "[[clean]]\nrule = \"missing\"\ncolumn = \"age\"\nwith = \"mean\"\n[[clean]]\nrule = \"scale\"\ncolumn = \"age\"\nmethod = \"standard\"\n";
    let (fit, apply) = scans(chain, &input(), How { morsel: 2, threads: 2, cache: 1 << 20 });
    assert_eq!((fit.len(), apply.len()), (1, 0));
}

#[test]
fn a_failing_morsel_or_sink_ends_the_work() {
    struct Broken(Box<dyn Scan>, AtomicUsize);
    struct Bad;
    impl tidemill_core::Morsel for Bad {
        fn decode(self: Box<Self>) -> Result<tidemill_core::Decoded> {
            Err(Error::data("torn file"))
        }
    }
    impl Scan for Broken {
        fn schema(&self) -> arrow::datatypes::SchemaRef {
            self.0.schema()
        }
        fn next(&self) -> Result<Option<Box<dyn tidemill_core::Morsel>>> {
            let next = self.0.next()?;
            Ok(next.map(|m| if self.1.fetch_add(1, Ordering::Relaxed) == 3 { Box::new(Bad) as _ } else { m }))
        }
    }
    let many = rows(&[("k", Int64, &(0..4000).map(|i| (i % 97).to_string()).collect::<Vec<_>>().join(" "))]);
    let recipe =
        compile(&table("[[clean]]\nrule = \"duplicates\"\n[[clean]]\nrule = \"scale\"\ncolumn = \"k\"\nmethod = \"minmax\"\n"), &many);
    let how = How { morsel: 10, threads: 4, cache: 0 };
    let scan = |c: Option<&[String]>| -> Result<Box<dyn Scan>> { Ok(Box::new(Broken(super::chunks(&many, how, c)?, AtomicUsize::new(0)))) };
    let failed = recipe.fit(&FitContext {
        scan: &scan,
        references: BTreeMap::new(),
        base_dir: Path::new("."),
        threads: 4,
        meter: &Meter::default(),
        memory: engine(None).memory(),
        scratch: &std::env::temp_dir(),
        cache_bytes: 0,
        contract: None,
    });
    assert_eq!(failed.unwrap_err().what, "torn file");

    struct Full;
    impl RowSink for Full {
        fn write(&self, seq: u64, _: RecordBatch) -> Result<()> {
            if seq == 5 { Err(Error::limit("no space left")) } else { Ok(()) }
        }
    }
    let fitted = super::fit(&recipe, &many, how, None).unwrap();
    fitted.forget_rows();
    let scan = |c: Option<&[String]>| super::chunks(&many, how, c);
    let failed = fitted.apply(&ApplyContext {
        scan: &scan,
        sink: &Full,
        rejects: &|_| Ok(()),
        threads: 4,
        meter: &Meter::default(),
        memory: engine(None).memory(),
        scratch: &std::env::temp_dir(),
        contract: None,
        samples: 0,
    });
    assert_eq!(failed.unwrap_err().what, "no space left");
}

/// Each part of the work, and the rows that it gave on: those of the fit, those of applying.
fn worked(toml: &str, input: &RecordBatch, how: How) -> [Vec<(String, u64)>; 2] {
    let recipe = compile(&table(toml), input);
    let scan = |columns: Option<&[String]>| super::chunks(input, how, columns);
    let memory = engine(None).memory();
    let (fitting, applying) = (Meter::default(), Meter::default());
    let fitted = recipe
        .fit(&FitContext {
            scan: &scan,
            references: BTreeMap::new(),
            base_dir: Path::new("."),
            threads: how.threads,
            meter: &fitting,
            memory: memory.clone(),
            scratch: &std::env::temp_dir(),
            cache_bytes: how.cache,
            contract: None,
        })
        .unwrap();
    let cx = ApplyContext {
        scan: &scan,
        sink: &Nowhere(AtomicUsize::new(0)),
        rejects: &|_| Ok(()),
        threads: how.threads,
        meter: &applying,
        memory,
        scratch: &std::env::temp_dir(),
        contract: None,
        samples: 1,
    };
    fitted.apply(&cx).unwrap();
    [fitting, applying].map(|meter| {
        let parts = meter.work.done().into_iter();
        parts.map(|(_, s)| (format!("{} {}", s.name, s.detail).trim().to_string(), Meter::get(&s.rows))).collect()
    })
}

#[test]
fn the_work_of_each_rule_is_counted_where_it_is_done() {
    const RULES: &str = "key = [\"k\"]\n[[clean]]\nrule = \"duplicates\"\nkey = [\"k\"]\n[[clean]]\nrule = \"missing\"\ncolumn = \"age\"\nwith = \"median\"\n\
        [[clean]]\nrule = \"derive\"\ncolumn = \"twice\"\nsql = \"2 * p\"\n";
    let named = |all: &[(&str, u64)]| all.iter().map(|(name, rows)| ((*name).to_string(), *rows)).collect::<Vec<_>>();
    for (morsel, threads) in [(1, 1), (2, 2), (6, 4)] {
        let [fit, apply] = worked(RULES, &input(), How { morsel, threads, cache: 0 });
        // Which repeats stay has to be known before the median is; deriving waits until rows are written.
        assert_eq!(
            fit,
            named(&[("Read", 6), ("Decode", 6), ("Rule duplicates over k", 5), ("Rule missing on age", 5)]),
            "{morsel} {threads}"
        );
        let all = [
            ("Read", 6),
            ("Decode", 6),
            ("Rule duplicates over k", 5),
            ("Rule missing on age", 5),
            ("Rule derive on twice", 5),
            ("Unique k", 5),
            ("Write", 5),
        ];
        assert_eq!(apply, named(&all), "{morsel} {threads}");
        // What the fit has done for rows that are kept is not done again.
        let [fit, apply] = worked(RULES, &input(), How { morsel, threads, cache: 1 << 20 });
        assert!(fit.contains(&("Rule derive on twice".into(), 5)), "{fit:?}");
        let rest = [("Memory rows decoded before", 5), ("Rule missing on age", 5), ("Unique k", 5), ("Write", 5)];
        assert_eq!(apply, named(&rest), "{morsel} {threads}");
    }
}
