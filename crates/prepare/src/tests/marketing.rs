//! The Kaggle marketing campaign file, against its known facts.

use super::{How, run_how};
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use std::sync::Arc;

/// The file's columns, typed as a project would have them; `None` where the file is not at hand.
fn file() -> Option<RecordBatch> {
    let places = ["projects/marketing/data/marketing_campaign.csv", "../shared/data/marketing_campaign.csv"];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = places.iter().find_map(|p| std::fs::read_to_string(root.join(p)).ok())?;
    let mut lines = text.lines();
    let header: Vec<String> = lines.next()?.split('\t').map(tidemill_core::name::normalise).collect();
    let cells: Vec<Vec<&str>> = lines.map(|l| l.split('\t').collect()).collect();
    let columns = header.iter().enumerate().map(|(at, name)| {
        let texts = cells.iter().map(|row| Some(row[at]).filter(|c| !c.is_empty()));
        let column: ArrayRef = match name.as_str() {
            "education" | "marital_status" => Arc::new(texts.collect::<StringArray>()),
            "income" => Arc::new(texts.map(|t| t.map(|t| t.parse().unwrap())).collect::<Float64Array>()),
            "dt_customer" => {
                let day = |t: &str| chrono::NaiveDate::parse_from_str(t, "%d-%m-%Y").unwrap();
                Arc::new(texts.map(|t| t.map(|t| (day(t) - chrono::NaiveDate::default()).num_days() as i32)).collect::<Date32Array>())
            }
            _ => Arc::new(texts.map(|t| t.map(|t| t.parse().unwrap())).collect::<Int64Array>()),
        };
        (name.clone(), column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).ok()
}

const TOML: &str = r#"
key = ["id"]
[[clean]]
rule = "invalid"
column = "year_birth"
where = "year_birth < 1920"
[[clean]]
rule = "missing"
columns = ["income", "year_birth"]
with = "median"
[[clean]]
rule = "repair"
column = "marital_status"
to = ["Single", "Together", "Married", "Divorced", "Widow"]
otherwise = { value = "Other" }
[[clean]]
rule = "drop"
columns = ["z_costcontact", "z_revenue"]
when = "constant"
[[clean]]
rule = "derive"
column = "spend"
sql = "mntwines + mntfruits + mntmeatproducts + mntfishproducts + mntsweetproducts + mntgoldprods"
[[clean]]
rule = "derive"
column = "tenure_days"
sql = "date_part('epoch', max(dt_customer)) / 86400 - date_part('epoch', dt_customer) / 86400"
type = "int64"
[[clean]]
rule = "scale"
columns = ["income", "spend", "recency"]
method = "standard"
into = "{column}_z"
[[clean]]
rule = "scale"
columns = ["income", "spend"]
method = "minmax"
into = "{column}_minmax"
[[clean]]
rule = "encode"
column = "marital_status"
method = "onehot"
"#;

#[test]
fn the_marketing_file_comes_out_as_its_facts_say() {
    let Some(input) = file() else {
        eprintln!("skipped: marketing, because marketing_campaign.csv is not at hand");
        return;
    };
    let r = run_how(TOML, &input, How { morsel: 500, threads: 3, cache: 1 << 26 }).unwrap();
    assert_eq!((r.applied.rows_read, r.applied.written, r.applied.quarantined), (2240, 2240, 0));
    assert_eq!((r.quality("missing", Some("income")).cells_changed, r.fitted_value("income", "median").as_str()), (24, "51381.5"));
    assert_eq!((r.quality("invalid", Some("year_birth")).cells_changed, r.quality("missing", Some("year_birth")).cells_changed), (3, 3));
    assert!(!r.column("income").contains(&"-".to_string()));
    // Alone 3, Absurd 2, YOLO 2
    assert_eq!(r.quality("repair", Some("marital_status")).cells_changed, 7);
    assert_eq!(r.column("marital_status_other").iter().filter(|v| *v == "1").count(), 7);
    assert!(!r.names().contains(&"z_revenue".to_string()));
    for name in ["income_z", "spend_z", "recency_z"] {
        let v = r.floats(name);
        let n = v.len() as f64;
        let mean = v.iter().sum::<f64>() / n;
        let sd = (v.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt();
        assert!(mean.abs() < 1e-9 && (sd - 1.0).abs() < 1e-9, "{name}: {mean} {sd}");
    }
    for name in ["income_minmax", "spend_minmax"] {
        let v = r.floats(name);
        assert_eq!((v.iter().copied().fold(9.0, f64::min), v.iter().copied().fold(-9.0, f64::max)), (0.0, 1.0));
    }
    assert_eq!(r.column("tenure_days").iter().map(|d| d.parse::<i64>().unwrap()).min(), Some(0));
    let ignoring = "[[clean]]\nrule = \"duplicates\"\nignore = [\"id\"]\n";
    assert_eq!(run_how(ignoring, &input, How { morsel: 77, threads: 4, cache: 0 }).unwrap().applied.deduplicated, 182);
}
