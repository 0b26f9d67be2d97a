//! The page's own tests, of its parts and of all of it in a real browser, so that `cargo test` is every test there is.

use crate::cargo;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

#[test]
fn the_page_holds_its_own_tests() {
    let Some(web) = web() else { return };
    npm(&web, "test");
    if has_browser() {
        npm(&web, "test:browser");
    }
}

#[test]
fn the_page_of_a_real_shop_is_walked_in_a_browser() {
    if let Some(web) = web()
        && has_browser()
    {
        npm(&web, "test:real");
    }
}

fn web() -> Option<PathBuf> {
    let web = cargo::root().join("web");
    if is_there("npm", "--version") && web.join("node_modules").exists() {
        return Some(web);
    }
    skipped("there is no npm, or nothing in web/node_modules, where a build puts it");
    None
}

/// A browser on Debian, or where CHROMIUM says.
fn has_browser() -> bool {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    let is_there = is_there(&chromium, "--version");
    if !is_there {
        skipped(&format!("there is no {chromium}"));
    }
    is_there
}

fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|o| o.status.success())
}

fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "the page: {why}; `.ci/run` installs what it needs");
    println!("skipped: the page, because {why}; `.ci/run` installs what it needs");
}

/// Two browsers at once would only wait for each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn npm(web: &Path, script: &str) {
    let _alone = ONE_AT_A_TIME.lock();
    let mut command = Command::new("npm");
    command.args(["run", script]).current_dir(web).env("NO_COLOR", "1").env("TIDEMILL_BIN", env!("CARGO_BIN_EXE_tidemill"));
    let output = command.output().expect("npm starts");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "npm run {script}\n{told}");
}
