//! The benchmark folder works: the comparison for deciders gives equal results and a whole page, the one command gives its tables. Times are nobody's promise here.

use crate::cargo;
use crate::marketing::python;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_comparison_for_deciders_finds_equal_results_and_draws_every_chart() {
    let Some(python) = ready("the comparison for deciders", "deltalake, duckdb, pandas, pyarrow") else { return };
    let bench = cargo::root().join("bench");
    let home = tempfile::tempdir().expect("a temporary directory");
    script(&python, &bench.join("decide/selftest.py"), &[]);

    // PostgreSQL takes part where it is installed, with its Python library; the command says so where it is not.
    let out = home.path().join("out");
    let told = script(
        &python,
        &bench.join("decide/decide.py"),
        &["--rows", "1000", "--repeat", "1", "--scaling-rows", "1000", "--variation-rows", "0", "--out", path(&out)],
    );
    println!("{told}");
    let results: Value = serde_json::from_str(&std::fs::read_to_string(out.join("results.json")).expect("results")).expect("JSON");
    let ways: Vec<&str> = results["ways"].as_array().expect("ways").iter().filter_map(Value::as_str).collect();
    assert!(ways.starts_with(&["tidemill", "pandas"]), "{ways:?}\n{told}");
    for way in &ways {
        assert_eq!(results["differences"]["1000"][way], serde_json::json!([]), "{way}\n{told}");
    }
    for run in results["runs"].as_array().expect("runs") {
        assert_eq!(run["outcome"], "finished", "{run}");
        assert!(run["wall_s"].as_f64() > Some(0.0) && run["cpu_s"].as_f64() > Some(0.0) && run["peak_mb"].as_f64() > Some(10.0), "{run}");
    }

    let page = std::fs::read_to_string(out.join("decide.html")).expect("the page");
    let cores = results["machine"]["cores"].as_u64() > Some(1);
    for chart in ["time", "enough", "rows", "cpu", "memory", "cost"].into_iter().chain(cores.then_some("cores")) {
        let figure = page.split("<figure id=\"chart-").find_map(|part| part.strip_prefix(chart)?.strip_prefix('"')).unwrap_or_default();
        let figure = figure.split("</figure>").next().unwrap_or_default();
        assert!(figure.contains("<svg class=\"wide\"") && figure.contains("<svg class=\"narrow\""), "chart {chart}");
        assert!(figure.contains("<details>") && figure.contains("<table>"), "the table behind chart {chart}");
    }
    for outside in ["<script", "http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "the page holds everything it shows: {outside}");
    }

    // A run that is noted is not made again.
    let again =
        script(&python, &bench.join("decide/decide.py"), &["--rows", "1000", "--repeat", "1", "--scaling-rows", "0", "--out", path(&out)]);
    assert!(!again.contains("run 1:"), "{again}");
}

#[test]
fn the_benchmark_command_measures_generation_and_says_what_it_skips() {
    let Some(python) = ready("the benchmark command", "duckdb, pyarrow") else { return };
    let home = tempfile::tempdir().expect("a temporary directory");
    let nowhere = home.path().join("nowhere");
    let arguments = ["--rows", "1000", "--repeat", "1", "--only", "generation,w1", "--peers", "duckdb", "--peer-scripts", path(&nowhere)];
    let out = home.path().join("out");
    let told = script(&python, &cargo::root().join("bench/run.py"), &[&arguments[..], &["--out", path(&out)]].concat());
    assert!(told.contains("skipped: w1, because") && told.contains("--peer-scripts"), "{told}");
    let tables = std::fs::read_to_string(out.join("benchmarks.md")).expect("tables");
    for kind in ["orders", "transactions", "sensors", "shop", "transactions without errors: DuckDB"] {
        assert!(tables.lines().any(|line| line.starts_with(&format!("| {kind}"))), "{kind}\n{tables}");
    }
    assert!(tables.starts_with("1,000 rows, seed 3"), "{tables}");
}

/// The Python to run them with, on a system whose processes they can measure.
fn ready(test: &str, modules: &str) -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        println!("skipped: {test}, because it measures processes by Linux's /proc");
        return None;
    }
    python(test, modules)
}

/// What a script of the benchmark folder prints; it must end well.
fn script(python: &Path, script: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(python);
    command.arg("-B").arg(script);
    if !script.ends_with("selftest.py") {
        command.args(["--tidemill", env!("CARGO_BIN_EXE_tidemill")]);
    }
    let output = command.args(arguments).env_remove("TIDEMILL_ENV").output().expect("python starts");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {arguments:?}: {}\n{told}", script.display(), output.status);
    told
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
