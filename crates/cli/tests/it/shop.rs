//! The shipped shop project over generated data: it runs whole, every view is what DuckDB makes of the same SQL, no row is lost, and a second run has
//! nothing to do.

use crate::cargo;
use crate::marketing::{both, copy, python};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROWS: &str = "50000";
const TABLES: [&str; 6] = ["customers", "products", "orders", "order_lines", "reviews", "stock_movements"];

#[test]
fn the_shop_project_gives_what_duckdb_gives_and_loses_no_row() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let shop = Shop { dir: home.path().join("shop") };
    copy(&cargo::root().join("projects/shop"), &shop.dir);
    let (data, truth) = (shop.dir.join("data"), home.path().join("truth"));
    // Two years, so that there is a year before.
    let period = ["generate", "shop", "--rows", ROWS, "--start", "2023-01-01", "--days", "731", "-q", "--force", "--out"];
    shop.tidemill(&[&period[..], &[text(&data), "--truth", text(&truth)]].concat());
    shop.tidemill(&["check", "--strict"]);
    shop.tidemill(&["run", "-q"]);

    rows_are_accounted_for(&shop, &truth);
    tables_end_up_with_their_columns(&shop);
    small_sides_are_handed_to_every_part(&shop);
    exports_are_there(&shop.dir.join("out"));
    let again: Value = serde_json::from_str(&shop.tidemill(&["run", "--format", "json"])).expect("JSON");
    assert_eq!(again["status"], "up to date", "{again}");

    let Some(python) = python("the shop project against DuckDB", "deltalake, duckdb, pyarrow") else { return };
    let output = Command::new(python)
        .arg(cargo::root().join("bench/oracle/views.py"))
        .args([text(&shop.dir), "--tidemill", env!("CARGO_BIN_EXE_tidemill"), "--self-check"])
        .output()
        .expect("python starts");
    assert!(output.status.success(), "the oracle disagrees\n{}", both(&output));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

/// The corrupt lines, and only those, are set aside; what is left of the others are the keys of the clean rows, each once.
fn rows_are_accounted_for(shop: &Shop, truth: &Path) {
    let told: Value = serde_json::from_str(&std::fs::read_to_string(truth.join("truth.json")).expect("the truth")).expect("JSON");
    let counts = TABLES.map(|t| {
        format!(
            "SELECT '{t}' AS name, (SELECT count(*) FROM raw.{t}) AS raw, (SELECT count(*) FROM {t}) AS clean, (SELECT count(*) FROM quarantine.{t}) AS aside"
        )
    });
    for counted in shop.query(&counts.join(" UNION ALL ")) {
        let (name, number) = (&counted["name"], |column: &str| counted[column].as_i64().expect("a number"));
        let told = told["tables"].as_array().and_then(|t| t.iter().find(|t| t["name"] == *name)).expect("a table");
        let (corrupt, resent) = (errors(told, "corrupt"), errors(told, "resent"));
        assert_eq!(number("aside"), corrupt, "{name}: corrupt lines");
        assert_eq!(Some(number("raw") + corrupt), told["lines"].as_i64(), "{name}: lines");
        assert_eq!(Some(number("clean") + corrupt - resent), told["rows"].as_i64(), "{name}: rows");
    }
    let audit: Value = serde_json::from_str(&shop.tidemill(&["audit", "--format", "json"])).expect("JSON");
    assert_eq!(audit["balanced"], true, "{audit}");
}

fn errors(table: &Value, kind: &str) -> i64 {
    table["errors"].as_object().expect("errors").values().filter_map(|kinds| kinds[kind].as_i64()).sum()
}

fn tables_end_up_with_their_columns(shop: &Shop) {
    // What waits for a model is NULL, and of the type that the model will give.
    for (table, columns) in [
        ("customer_metrics", "lifetime_value Decimal, segment Utf8 NULL, activity_score Float64, preferred_category Utf8, rfm_group Utf8"),
        ("product_metrics", "popularity_score Float64, profit_margin Float64, inventory_turnover Float64, recommendation_rank Int64 NULL"),
        ("order_metrics", "processing_time Float64, fraud_score Float64 NULL, customer_satisfaction Float64 NULL, revenue_impact Decimal"),
    ] {
        let columns: Vec<Vec<&str>> = columns.split(", ").map(|c| c.split(' ').collect()).collect();
        let asked: Vec<String> = columns.iter().map(|c| format!("arrow_typeof(max({0})) AS {0}, count({0}) AS {0}_filled", c[0])).collect();
        let row = shop.query(&format!("SELECT {} FROM {table}", asked.join(", "))).remove(0);
        for column in columns {
            let (name, of_type, waits) = (column[0], column[1], column.len() > 2);
            assert!(row[name].as_str().is_some_and(|t| t.starts_with(of_type)), "{table}.{name}: {row}");
            assert_eq!(row[format!("{name}_filled")].as_i64() == Some(0), waits, "{table}.{name}: {row}");
        }
    }
}

fn small_sides_are_handed_to_every_part(shop: &Shop) {
    let sql = std::fs::read_to_string(shop.dir.join("views/sales_star.sql")).expect("a view");
    let plan = shop.tidemill(&["query", &format!("EXPLAIN {}", &sql[sql.find("\nSELECT").expect("a SELECT")..]), "--format", "json"]);
    assert_eq!(plan.matches("mode=CollectLeft").count(), 3, "{plan}");
    assert_eq!(plan.matches("mode=Partitioned").count(), 0, "{plan}");
}

fn exports_are_there(out: &Path) {
    let lines = |file: &str| std::fs::read_to_string(out.join(file)).expect(file).lines().count();
    assert_eq!(lines("sales_by_month.csv"), 25);
    assert_eq!(lines("best_customers.csv"), 1001);
    assert_eq!(lines("cohorts.csv"), 25);
    let months = std::fs::read_dir(out.join("sales")).expect("sales").filter_map(|e| e.ok()?.file_name().into_string().ok());
    assert_eq!(months.filter(|m| m.starts_with("month=")).count(), 24);
    for file in ["customer_metrics.parquet", "product_metrics.parquet", "top_products.csv.gz", "sales_by_region.csv"] {
        assert!(std::fs::metadata(out.join(file)).expect(file).len() > 1_000, "{file}");
    }
}

struct Shop {
    dir: PathBuf,
}

impl Shop {
    /// Standard output of a command that must succeed.
    fn tidemill(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        let output = command.arg("-C").arg(&self.dir).args(arguments).env_remove("TIDEMILL_ENV").env("NO_COLOR", "1").output();
        let output = output.expect("tidemill starts");
        assert!(output.status.success(), "tidemill {arguments:?}: {}\n{}", output.status, both(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn query(&self, sql: &str) -> Vec<Value> {
        let answer = self.tidemill(&["query", sql, "--format", "json"]);
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{sql}: {e}\n{answer}"))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
