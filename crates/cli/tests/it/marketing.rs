//! The shipped marketing project, run by the real binary, against an answer worked out by other programs: pandas for the clean table, DuckDB for
//! the views, deltalake and DuckDB as readers of what was written.

use crate::cargo;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of the project that has been run once.
struct Ran {
    home: tempfile::TempDir,
}

impl Ran {
    fn new() -> Ran {
        let home = tempfile::tempdir().expect("a temporary directory");
        copy(&cargo::root().join("projects/marketing"), &home.path().join("marketing"));
        let ran = Ran { home };
        ran.tidemill(&["run"]);
        ran
    }

    fn dir(&self) -> PathBuf {
        self.home.path().join("marketing")
    }

    /// Standard output of a command that must succeed.
    fn tidemill(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .arg("-C")
            .arg(self.dir())
            .args(arguments)
            .env_remove("TIDEMILL_ENV")
            .env("NO_COLOR", "1")
            .output()
            .expect("tidemill starts");
        assert!(output.status.success(), "tidemill {arguments:?}: {}\n{}", output.status, both(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn query(&self, sql: &str) -> Vec<Value> {
        let text = self.tidemill(&["query", sql, "--format", "json"]);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{sql}: {e}\n{text}"))
    }
}

#[test]
fn the_marketing_project_gives_what_independent_programs_give() {
    let Some(python) = python("the marketing project against pandas and DuckDB", "deltalake, duckdb, pandas, pyarrow") else { return };
    let ran = Ran::new();
    let results = ran.home.path().join("results");
    std::fs::create_dir(&results).expect("results");
    for view in views(&ran.dir()) {
        let csv = ran.tidemill(&["query", &format!("SELECT * FROM {view}"), "--format", "csv"]);
        std::fs::write(results.join(format!("{view}.csv")), csv).expect("a result");
    }
    let output = Command::new(python)
        .arg(cargo::root().join("crates/cli/tests/oracle/marketing.py"))
        .args([
            ran.dir().join("data/marketing_campaign.csv"),
            ran.dir().join("lake"),
            ran.dir().join("views"),
            results,
            ran.dir().join("out"),
        ])
        .output()
        .expect("python starts");
    assert!(output.status.success(), "the oracle disagrees\n{}", both(&output));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_marketing_project_says_what_it_changed() {
    let ran = Ran::new();
    let one = |sql: &str| ran.query(sql)[0]["n"].as_i64().unwrap_or_else(|| panic!("{sql}: {:?}", ran.query(sql)));
    assert_eq!(one("SELECT count(*) AS n FROM raw.customers"), 2240);
    assert_eq!(one("SELECT count(*) AS n FROM customers"), 2240);
    assert_eq!(one("SELECT count(*) AS n FROM raw.customers WHERE income IS NULL"), 24);
    assert_eq!(one("SELECT count(*) AS n FROM customers WHERE income IS NULL"), 0);
    assert_eq!(one("SELECT count(*) AS n FROM repeated_customers"), 182);

    // Every changed cell is counted per rule and column.
    let changed = |rule: &str, column: &str| {
        one(&format!(
            r#"SELECT sum(cells_changed) AS n FROM system.quality WHERE "table" = 'customers' AND rule = '{rule}' AND "column" = '{column}'"#
        ))
    };
    assert_eq!(changed("missing", "income"), 24);
    assert_eq!(changed("invalid", "year_birth"), 3);
    assert_eq!(changed("missing", "year_birth"), 3);
    assert_eq!(changed("missing", "marital_status"), 4);
    // And the first of them can be looked at.
    let income = ran.query(
        r#"SELECT row_key, "before", "after" FROM system.changes WHERE "table" = 'customers' AND rule = 'missing' AND "column" = 'income' ORDER BY line"#,
    );
    assert_eq!(income.len(), 24);
    assert_eq!(income[0]["row_key"], "1994");
    assert!(income[0]["before"].is_null());
    assert!(income[0]["after"].as_str().is_some_and(|v| v.starts_with("52028.5")), "{:?}", income[0]);

    let audit = ran.tidemill(&["audit"]);
    assert!(audit.contains("2240") || audit.contains("2,240") || audit.contains("2 240"), "{audit}");
}

/// Names of the project's views.
fn views(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir.join("views"))
        .expect("views")
        .filter_map(|e| e.ok()?.path().file_stem()?.to_str().map(str::to_string))
        .collect();
    names.sort();
    names
}

/// A Python that has the other readers. On a machine that can't have it the test says so; in continuous integration it fails.
pub(crate) fn python(test: &str, modules: &str) -> Option<PathBuf> {
    let python = std::env::var_os("TIDEMILL_PYTHON").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache")))?;
        Some(cache.join("tidemill/venv/bin/python"))
    });
    let problem = match &python {
        None => "there is no home directory to look for Python in".to_string(),
        Some(p) => match Command::new(p).args(["-c", &format!("import {modules}")]).output() {
            Ok(o) if o.status.success() => return python,
            Ok(o) => format!("{}: {}", p.display(), String::from_utf8_lossy(&o.stderr).lines().last().unwrap_or_default()),
            Err(e) => format!("{}: {e}", p.display()),
        },
    };
    assert!(std::env::var_os("CI").is_none(), "{test}: {problem}; `.ci/run` installs it");
    println!("skipped: {test}, because {problem}; `.ci/run` installs it");
    None
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a project") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        // What a run by hand may have left there.
        if name == "lake" || name == "out" {
            continue;
        }
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).expect("a copy");
        }
    }
}

fn both(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
