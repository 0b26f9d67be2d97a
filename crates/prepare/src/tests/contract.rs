use super::{PLAIN, apply, compile, engine, fit, rows, session, table};
use crate::{Contract, FitContext};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType::{Date32, Int64, Utf8};
use std::collections::BTreeMap;
use tidemill_core::{ColumnRead, Meter, Reject};

fn reads(batch: &RecordBatch) -> Vec<ColumnRead> {
    batch.schema().fields().iter().map(|f| ColumnRead::new(f.name(), f.data_type().clone())).collect()
}

fn reject(r: &Reject) -> String {
    format!("{} {} {} {}: {}", r.line, r.raw, r.code, r.column.as_deref().unwrap_or("-"), r.reason)
}

const TOML: &str = r#"
checks = [{ name = "ends_after_start", sql = "b is null or a <= b" }]
[columns.a]
type = "int64"
required = true
range = [0, 120]
[columns.b]
type = "int64"
check = "b <> 13"
[columns.s]
type = "text"
accepted = ["x", "y"]
[columns.d]
type = "date"
min = "2020-01-01"
"#;

#[test]
fn broken_promises_go_to_quarantine_with_the_first_reason() {
    let input = rows(&[
        ("a", Int64, "1 - 121 5 6 7 8 9"),
        ("b", Int64, "2 1 1 13 7 8 - 5"),
        ("s", Utf8, "x y x x z - y z"),
        ("d", Date32, "2020-01-01 2021-01-01 - 2021-01-01 2021-01-01 2019-12-31 2021-01-01 2022-01-01"),
    ]);
    let t = table(TOML);
    let (contract, problems) = Contract::compile(&t, &reads(&input), &session());
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(contract.columns_read(), ["a", "b", "s", "d"]);
    let recipe = compile(&t, &input);
    let fitted = fit(&recipe, &input, PLAIN, Some(&contract)).unwrap();
    let (batch, applied, rejects) = apply(&fitted, &input, PLAIN, Some(&contract)).unwrap();
    assert_eq!(super::shown(&batch, "a"), ["1", "8"]);
    assert_eq!((applied.rows_read, applied.written, applied.quarantined), (8, 2, 6));
    let told: Vec<String> = rejects.iter().map(reject).collect();
    assert_eq!(
        told,
        [
            "3 row 1 required a: `a` is missing",
            "4 row 2 range a: `a` is 121, outside 0 to 120",
            "5 row 3 check b: check failed: b <> 13",
            "6 row 4 accepted s: `s` is 'z', which is not one of the accepted values",
            "7 row 5 range d: `d` is 2019-12-31, below 2020-01-01",
            "9 row 7 accepted s: `s` is 'z', which is not one of the accepted values",
        ]
    );
}

#[test]
fn key_and_unique_are_kept_on_clean_rows() {
    let input = rows(&[("id", Int64, "1 2 - 1 3 4 2"), ("mail", Utf8, "a B - c b - d"), ("n", Int64, "1 2 3 4 5 6 7")]);
    let toml = "key = [\"id\"]\n[columns.id]\ntype = \"int64\"\n[columns.mail]\ntype = \"text\"\nunique = true\n[[clean]]\nrule = \"text\"\ncolumn = \"mail\"\ncase = \"lower\"\n";
    let r = super::run(toml, &input);
    assert_eq!(r.line("n"), "1 2 6");
    let told: Vec<String> = r.rejects.iter().map(reject).collect();
    assert_eq!(
        told,
        [
            "4 row 2 key id: `id` names rows and is NULL",
            "5 row 3 key id: `id` 1 is already taken by an earlier row",
            "6 row 4 unique mail: `mail` b is already taken by an earlier row",
            "8 row 6 key id: `id` 2 is already taken by an earlier row",
        ]
    );
    assert_eq!((r.applied.rows_read, r.applied.written, r.applied.quarantined), (7, 3, 4));
    // With repeats removed by the key itself, only a missing key is left to refuse.
    let toml = "key = [\"id\"]\n[[clean]]\nrule = \"duplicates\"\nkey = [\"id\"]\n";
    let r = super::run(toml, &input);
    assert_eq!((r.line("n"), r.applied.deduplicated, r.applied.quarantined), ("1 2 5 6".into(), 2, 1));
}

#[test]
fn mistakes_in_a_contract_are_told() {
    let input = rows(&[("a", Int64, "1"), ("b", Int64, "1"), ("s", Utf8, "x"), ("d", Date32, "2020-01-01")]);
    let toml = r#"
checks = ["a + 1", "c > 2", "a < avg(a)"]
[columns.a]
accepted = ["1", "two"]
[columns.d]
min = 5
"#;
    let (_, problems) = Contract::compile(&table(toml), &reads(&input), &session());
    let codes: Vec<&str> = problems.iter().map(|p| p.code).collect();
    assert_eq!(codes, ["TM0207", "TM0207", "TM0201", "TM0402", "TM0405"], "{problems:#?}");
}

#[test]
fn bounds_are_read_as_the_project_writes_them() {
    use crate::contract::option_cell;
    use arrow::datatypes::{DataType, TimeUnit};
    use tidemill_project::spec::OptionValue::{Float, Integer, Text};
    for zone in [None, Some("UTC".into())] {
        let t = DataType::Timestamp(TimeUnit::Microsecond, zone);
        for text in ["2024-12-31", "2024-12-31T23:59:00", "2024-12-31 23:59", "2024-12-31T23:59:00.5"] {
            assert!(option_cell(&Text(text.into()), &t).is_some(), "{text} as {t}");
        }
    }
    assert!(option_cell(&Text("1.50".into()), &DataType::Decimal128(10, 2)).is_some());
    assert!(option_cell(&Integer(5), &DataType::Decimal128(10, 2)).is_some() && option_cell(&Float(5.0), &Int64).is_some());
    assert!(option_cell(&Float(5.5), &Int64).is_none() && option_cell(&Integer(300), &DataType::Int8).is_none());
}

#[test]
fn a_refused_pool_names_the_setting() {
    let input = rows(&[("id", Int64, &(0..20_000).map(|i| i.to_string()).collect::<Vec<_>>().join(" "))]);
    let recipe = compile(&table("[[clean]]\nrule = \"duplicates\"\nkeep = \"last\"\n"), &input);
    let scan =
        |_: Option<&[String]>| -> tidemill_core::Result<Box<dyn tidemill_core::Scan>> { Ok(Box::new(super::Chunks::new(&input, 1000))) };
    let failed = recipe.fit(&FitContext {
        scan: &scan,
        references: BTreeMap::new(),
        base_dir: std::path::Path::new("."),
        threads: 3,
        meter: &Meter::default(),
        memory: engine(Some(100_000)).memory(),
        scratch: &std::env::temp_dir(),
        cache_bytes: 0,
        contract: None,
    });
    let e = failed.unwrap_err();
    assert_eq!(e.kind, tidemill_core::ErrorKind::Limit);
    assert!(e.what.contains("duplicates") && e.help.unwrap().contains("engine.memory_limit"), "{}", e.what);
}
