//! What dependencies may be, by the lists in deny.toml: licences, registry, crates that must not come in, and crates of which there is one copy.

use crate::cargo;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Two versions of these would be two types of one name that do not fit together, or one large library linked twice.
const ONE_COPY: &[&str] =
    &["arrow", "arrow-array", "arrow-schema", "datafusion", "deltalake-core", "object_store", "parquet", "sqlparser", "tokio"];

#[test]
fn licences_are_on_the_list() {
    let allowed = strings_after("[licenses]", "allow");
    assert!(allowed.contains("Apache-2.0"), "deny.toml: no licences found");
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|p| !p["source"].is_null())
        .filter_map(|p| {
            let licence = p["license"].as_str().unwrap_or("none stated");
            (!is_allowed(licence, &allowed)).then(|| format!("{} {}: {licence}", text(p, "name"), text(p, "version")))
        })
        .collect();
    assert!(wrong.is_empty(), "licences that deny.toml does not allow:\n{}", wrong.join("\n"));
}

#[test]
fn everything_comes_from_the_registry_and_nothing_banned_does() {
    let banned = banned();
    assert!(!banned.is_empty(), "deny.toml: no banned crates found");
    let mut copies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for p in packages() {
        let name = text(&p, "name");
        copies.entry(name.clone()).or_default().insert(text(&p, "version"));
        if let Some(source) = p["source"].as_str() {
            assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name} comes from elsewhere");
        }
        assert!(!banned.contains(&name), "{name} must not come in: deny.toml says why");
    }
    for name in ONE_COPY {
        if let Some(versions) = copies.get(*name) {
            assert_eq!(versions.len(), 1, "{name} comes in {versions:?}");
        }
    }
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    let allowed: BTreeSet<String> = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].into_iter().map(str::to_string).collect();
    for (expression, yes) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("(GPL-3.0 OR LGPL-3.0) AND MIT", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), yes, "{expression}");
    }
}

/// Packages in use on this platform.
fn packages() -> Vec<Value> {
    let rustc = std::process::Command::new("rustc").arg("-vV").output().expect("rustc starts");
    let about = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = about.lines().find_map(|l| l.strip_prefix("host: ")).expect("rustc -vV names its host");
    cargo::metadata(&["--filter-platform", host])["packages"].as_array().expect("packages").clone()
}

fn text(package: &Value, key: &str) -> String {
    package[key].as_str().unwrap_or_default().to_string()
}

/// The strings of the array `key = [ … ]` in a section of deny.toml.
fn strings_after(section: &str, key: &str) -> BTreeSet<String> {
    let deny = std::fs::read_to_string(cargo::root().join("deny.toml")).expect("deny.toml");
    deny.lines()
        .skip_while(|l| *l != section)
        .skip_while(|l| !l.starts_with(&format!("{key} = [")))
        .skip(1)
        .take_while(|l| *l != "]")
        .filter_map(|l| l.split('"').nth(1))
        .map(str::to_string)
        .collect()
}

/// The crates that deny.toml bans: its lines `{ name = "…", reason = "…" },`.
fn banned() -> BTreeSet<String> {
    let deny = std::fs::read_to_string(cargo::root().join("deny.toml")).expect("deny.toml");
    deny.lines().filter_map(|l| l.trim().strip_prefix("{ name = \"")).filter_map(|l| l.split('"').next()).map(str::to_string).collect()
}

/// An SPDX expression: `OR` (or `/`) needs one side, `AND` both, brackets group, `WITH` belongs to its licence.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    !words.is_empty() && any_of(&words, &mut at, allowed) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut good = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        good |= all_of(words, at, allowed);
    }
    good
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut good = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        good &= one(words, at, allowed);
    }
    good
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let good = any_of(words, at, allowed);
        *at += 1;
        return good;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return allowed.contains(&format!("{word} WITH {exception}"));
    }
    allowed.contains(*word)
}
