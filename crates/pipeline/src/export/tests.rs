use super::target::{placeholders, target};
use tidemill_core::Spanned;
use tidemill_project::spec::{Export, OptionValue, Options};

fn export(options: &[(&str, &str)]) -> Export {
    let text = |t: &str| Spanned::default_of(OptionValue::Text(t.into()));
    Export {
        name: "e".into(),
        file: "exports/e.toml".into(),
        description: String::new(),
        from: Spanned::default(),
        sql: None,
        connector: Spanned::default_of("files".into()),
        options: options.iter().map(|(k, v)| ((*k).to_string(), text(v))).collect::<Options>(),
    }
}

#[test]
fn a_path_is_that_of_its_epoch() {
    assert_eq!(placeholders("a/{date}/{x_1}/{}/{ no}/{run").iter().map(|p| p.0).collect::<Vec<_>>(), ["date", "x_1", ""]);
    let t = target(&export(&[("path", "out/{date}/r-{time}-{run}.csv")])).unwrap();
    assert_eq!(t.path_of(7, 1_704_067_261_000_000), "out/2024-01-01/r-00-01-01-7.csv");
    assert!(t.is_snapshot());
    assert!(!target(&export(&[("path", "out/r.csv")])).unwrap().is_snapshot());
}

#[test]
fn files_of_partitions_are_named_by_their_form() {
    let name = |options: &[(&str, &str)]| target(&export(options)).unwrap().part_name();
    assert_eq!(name(&[("path", "out/r"), ("format", "parquet"), ("partition_by", "m")]), "part.parquet");
    assert_eq!(name(&[("path", "out/r"), ("format", "csv"), ("compression", "gzip")]), "part.csv.gz");
    assert_eq!(name(&[("path", "out/r"), ("format", "csv"), ("delimiter", "tab")]), "part.tsv");
    assert_eq!(name(&[("path", "out/r"), ("format", "avro")]), "part.avro");
}

#[test]
fn the_latest_is_one_place_of_its_own() {
    let wrong = |latest: &str| target(&export(&[("path", "out/r.csv"), ("latest", latest)])).unwrap_err().1;
    assert_eq!(wrong("out/r.csv"), "`latest` is the path itself");
    assert_eq!(wrong("out/{date}.csv"), "`latest` is one place, without placeholders");
}
