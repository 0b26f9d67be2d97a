//! Every folder of `tests/broken` is a project with mistakes, and its `expected.txt` what `tidemill check` says about them. With `UPDATE=1`
//! in the environment, the files are written anew; read the difference before keeping it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut projects: Vec<PathBuf> =
        std::fs::read_dir(&root).expect("tests/broken").flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    projects.sort();
    let update = std::env::var_os("UPDATE").is_some_and(|v| v == "1");
    let mut codes = BTreeSet::new();
    let mut wrong = Vec::new();
    for project in &projects {
        let (said, status) = check(project);
        codes.extend(said.lines().filter_map(code).map(str::to_string));
        let name = project.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // 78 for mistakes; warnings alone do not fail.
        let expected_status = if said.contains("error[TM") { 78 } else { 0 };
        if status != Some(expected_status) || !said.contains("[TM") {
            wrong.push(format!("{name}: ended with {status:?}\n{said}"));
            continue;
        }
        let golden = project.join("expected.txt");
        if update {
            std::fs::write(&golden, &said).expect("expected.txt");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{name}: expected\n{expected}\n{name}: but it says\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ (UPDATE=1 rewrites)\n\n{}", wrong.len(), projects.len(), wrong.join("\n\n"));
    assert!(projects.len() >= 30 && codes.len() >= 30, "{} projects, {} distinct mistakes", projects.len(), codes.len());
}

/// What `check` prints, and its exit code.
fn check(project: &Path) -> (String, Option<i32>) {
    let out = Command::new(env!("CARGO_BIN_EXE_tidemill"))
        .arg("-C")
        .arg(project)
        .arg("check")
        .env_clear()
        .env("NO_COLOR", "1")
        .output()
        .expect("tidemill runs");
    let mut said = String::from_utf8(out.stdout).expect("UTF-8");
    // A crash must show in the difference.
    said.push_str(&String::from_utf8_lossy(&out.stderr));
    (said, out.status.code())
}

/// `TM0005` of `error[TM0005]: …`.
fn code(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("error[").or_else(|| line.strip_prefix("warning["))?;
    rest.split_once("]:").map(|(code, _)| code)
}
