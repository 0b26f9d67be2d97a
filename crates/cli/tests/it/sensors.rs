//! The shipped sensors project: every view is what DuckDB makes of the same SQL, and what is told as strange was planted.

use crate::marketing::python;
use crate::orders::{Ran, is_described};

const TIDEMILL: &str = env!("CARGO_BIN_EXE_tidemill");

#[test]
fn the_sensors_project_holds_together_and_gives_what_duckdb_gives() {
    is_described("sensors");
    let ran = Ran::with("sensors", &["--rows", "20000", "--days", "2", "--seed", "5"]);
    let audit = ran.tidemill(&["audit", "--format", "json"]);
    assert!(audit.contains("\"balanced\":true") || audit.contains("\"balanced\": true"), "{audit}");
    assert_eq!(ran.one("SELECT count(*) FROM system.test_failures").as_u64(), Some(0), "tests of views fail");
    // A reading that comes again is the same reading.
    assert_eq!(
        ran.one("SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT id, ts FROM readings) d) AS again FROM readings").as_u64(),
        Some(0)
    );
    let Some(python) = python("the sensors project against DuckDB", "deltalake, duckdb, pyarrow") else { return };
    // What the detectors give has its own tests, beside them.
    let views = "heard,troubles,by_minute,rolling,sensors_now";
    ran.script(&python, "bench/oracle/views.py", &["--tidemill", TIDEMILL, "--views", views, "--self-check"]);
}

#[test]
fn what_is_strange_was_planted() {
    let Some(python) = python("anomalies against what was planted", "json") else { return };
    let ran = Ran::with("sensors", &["--rows", "200000", "--days", "3", "--seed", "9", "--errors", "none"]);
    ran.script(&python, "crates/cli/tests/oracle/sensors.py", &[ran.truth().to_str().expect("UTF-8"), "--tidemill", TIDEMILL]);
}
