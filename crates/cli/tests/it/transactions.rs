//! The shipped transactions project on rows with known truth, as in `orders`: rows without a key.

use crate::marketing::python;
use crate::orders::{Ran, is_described};

#[test]
fn transactions_are_what_they_were_before_they_were_damaged() {
    let Some(python) = python("the transactions project against truth and DuckDB", "deltalake, duckdb, numpy, pandas, pyarrow") else {
        return;
    };
    let ran = Ran::new("transactions", "15000", "77");
    ran.script(&python, "crates/cli/tests/oracle/transactions.py", &[ran.truth().to_str().expect("UTF-8")]);
    ran.script(&python, "bench/oracle/views.py", &["--tidemill", env!("CARGO_BIN_EXE_tidemill"), "--self-check"]);
}

#[test]
fn the_transactions_project_holds_together() {
    is_described("transactions");
    let ran = Ran::new("transactions", "3000", "5");
    ran.holds_together(&["daily_totals", "by_type", "by_location", "monthly_by_type"]);
    for export in ["transactions", "rolling_by_customer"] {
        assert!(ran.dir().join(format!("out/{export}.parquet")).metadata().is_ok_and(|m| m.len() > 50_000), "{export}");
    }
    let spent = ran.one("SELECT sum(amount) FROM transactions");
    for view in
        ["daily_totals", "by_type", "by_location", "by_device", "by_age_group", "monthly_by_type", "customers", "rolling_by_customer"]
    {
        assert_eq!(ran.one(&format!("SELECT sum(amount) FROM {view}")), spent, "{view}");
    }
    let set_aside = ran.one("SELECT count(*) FROM quarantine.transactions WHERE code NOT IN ('fields', 'quote')");
    assert_eq!(set_aside.as_u64(), Some(0), "only damaged lines are set aside");
}
