//! The shipped orders project on rows with known truth: what can be known is repaired, nothing right is changed, every view is what DuckDB makes of the
//! same SQL, exports hold what the views do, and a second run has nothing to do.

use crate::cargo;
use crate::marketing::{both, copy, python};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of a shipped project, with data made for it, that has been run once.
pub(crate) struct Ran {
    pub(crate) home: tempfile::TempDir,
    name: &'static str,
}

impl Ran {
    pub(crate) fn new(name: &'static str, rows: &str, seed: &str) -> Ran {
        Ran::with(name, &["--rows", rows, "--seed", seed])
    }

    /// The same, with data made as these arguments of `generate` say.
    pub(crate) fn with(name: &'static str, how: &[&str]) -> Ran {
        let ran = Ran::made(name);
        copy(&cargo::root().join("projects").join(name), &ran.dir());
        let (data, truth) = (ran.dir().join("data"), ran.truth());
        let (data, truth) = (data.to_str().expect("UTF-8"), truth.to_str().expect("UTF-8"));
        ran.tidemill(&[&["generate", name, "--force", "--out", data, "--truth", truth], how].concat());
        ran.tidemill(&["run"]);
        ran
    }

    /// A place for a project that is not there yet.
    pub(crate) fn made(name: &'static str) -> Ran {
        Ran { home: tempfile::tempdir().expect("a temporary directory"), name }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join(self.name)
    }

    pub(crate) fn truth(&self) -> PathBuf {
        self.home.path().join("truth")
    }

    pub(crate) fn ends(&self, code: i32, arguments: &[&str]) -> Output {
        let output = tidemill(&self.dir(), arguments);
        assert_eq!(output.status.code(), Some(code), "tidemill {arguments:?}\n{}", both(&output));
        output
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn tidemill(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.ends(0, arguments).stdout).expect("UTF-8")
    }

    /// Standard output of a command that must succeed, with these variables.
    pub(crate) fn with_env(&self, arguments: &[&str], env: &[(&str, &str)]) -> String {
        let output = command(&self.dir(), arguments).envs(env.iter().copied()).output().expect("tidemill starts");
        assert!(output.status.success(), "tidemill {arguments:?} {env:?}\n{}", both(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) fn one(&self, sql: &str) -> Value {
        let text = self.tidemill(&["query", sql, "--format", "json"]);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{sql}: {e}\n{text}"));
        rows.first().and_then(|r| r.as_object()?.values().next().cloned()).unwrap_or_else(|| panic!("{sql}: {text}"))
    }

    /// A script of this repository, which must be content.
    pub(crate) fn script(&self, python: &Path, script: &str, arguments: &[&str]) {
        let output = Command::new(python)
            .args(["-W", "ignore"])
            .arg(cargo::root().join(script))
            .arg(self.dir())
            .args(arguments)
            .output()
            .expect("python starts");
        assert!(output.status.success(), "{script} is not content\n{}", both(&output));
        println!("{}", String::from_utf8_lossy(&output.stdout));
    }

    /// What the project says of itself: rows balance, nothing is left to do, each CSV report has the rows of its view.
    pub(crate) fn holds_together(&self, reports: &[&str]) {
        let audit = both(&self.ends(0, &["audit"]));
        assert!(audit.contains("balanced at epoch"), "{audit}");
        let again = both(&self.ends(0, &["run"]));
        assert!(again.contains("everything is up to date"), "{again}");
        for report in reports {
            let csv = std::fs::read_to_string(self.dir().join(format!("out/{report}.csv"))).unwrap_or_else(|e| panic!("{report}: {e}"));
            let rows = self.one(&format!("SELECT count(*) FROM {report}"));
            assert_eq!(Some(csv.lines().count() as u64 - 1), rows.as_u64(), "{report}.csv");
        }
        let failed = self.one("SELECT count(*) FROM system.test_failures");
        assert_eq!(failed.as_u64(), Some(0), "tests of views fail");
    }
}

fn tidemill(dir: &Path, arguments: &[&str]) -> Output {
    command(dir, arguments).output().expect("tidemill starts")
}

pub(crate) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.arg("-C").arg(dir).args(arguments).env_remove("TIDEMILL_ENV").env("NO_COLOR", "1");
    command
}

/// All columns of the clean table and of views have a description, for the data dictionary.
pub(crate) fn is_described(project: &str) {
    let views = cargo::root().join("projects").join(project).join("views");
    let mut seen = 0;
    for entry in std::fs::read_dir(views).expect("views") {
        let path = entry.expect("a view").path();
        let header: String = std::fs::read_to_string(&path)
            .expect("a view")
            .lines()
            .filter_map(|l| l.strip_prefix("--!"))
            .map(|l| format!("{}\n", l.trim_start()))
            .collect();
        for wanted in ["description = ", "tests = [", "[columns]"] {
            assert!(header.contains(wanted), "{}: no {wanted}", path.display());
        }
        seen += 1;
    }
    assert!(seen >= 5, "{project} has {seen} views");
}

#[test]
fn orders_are_what_they_were_before_they_were_damaged() {
    let Some(python) = python("the orders project against truth and DuckDB", "deltalake, duckdb, numpy, pandas, pyarrow") else { return };
    let ran = Ran::new("orders", "12000", "77");
    ran.script(&python, "crates/cli/tests/oracle/orders.py", &[ran.truth().to_str().expect("UTF-8")]);
    ran.script(&python, "bench/oracle/views.py", &["--tidemill", env!("CARGO_BIN_EXE_tidemill"), "--self-check"]);
}

#[test]
fn the_orders_project_holds_together() {
    is_described("orders");
    let ran = Ran::new("orders", "3000", "5");
    ran.holds_together(&[
        "demographics",
        "monthly_sales",
        "most_purchased_products",
        "trend_by_age_group",
        "trend_by_category",
        "trend_by_country",
    ]);
    assert!(ran.dir().join("out/orders.parquet").metadata().is_ok_and(|m| m.len() > 50_000));
    let months = std::fs::read_dir(ran.dir().join("lake/clean/orders"))
        .expect("a table")
        .filter(|e| e.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().starts_with("order_month=2024-")))
        .count();
    assert_eq!(months, 12, "the table is parted by month");
    // What was spent is the same wherever one looks.
    let spent = ran.one("SELECT sum(total_amount) FROM orders");
    for view in ["demographics", "customers_by_age", "monthly_sales", "most_purchased_products", "trend_by_country"] {
        assert_eq!(ran.one(&format!("SELECT sum(revenue) FROM {view}")), spent, "{view}");
    }
    let set_aside = ran.one("SELECT count(*) FROM quarantine.orders WHERE code NOT IN ('fields', 'quote')");
    assert_eq!(set_aside.as_u64(), Some(0), "only damaged lines are set aside");
}

#[test]
fn without_data_the_project_says_how_to_make_it() {
    for name in ["orders", "transactions"] {
        let home = tempfile::tempdir().expect("a temporary directory");
        copy(&cargo::root().join("projects").join(name), home.path());
        let _ = std::fs::remove_dir_all(home.path().join("data"));
        let output = tidemill(home.path(), &["run"]);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(&format!("tidemill generate {name} --rows 250000")), "{said}");
    }
}
