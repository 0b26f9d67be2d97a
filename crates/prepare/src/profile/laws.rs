//! What is told of columns that decide others, and of sources that contradict each other: each fact once.

use super::findings::{Found, listed, quoted, rows, s};
use super::{Dependency, Finding, Profile, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// Whether what two columns have to do with each other is told as a dependency.
pub(super) fn are_told(p: &Profile, a: &str, b: &str) -> bool {
    p.dependencies.iter().any(|d| {
        let (x, y) = (d.determinant.as_slice(), d.dependent.as_str());
        d.agreement() >= 0.9 && ((x == [a] && y == b) || (x == [b] && y == a))
    })
}

pub(super) fn dependencies(p: &Profile, out: &mut Vec<Finding>) {
    let laws = Laws::of(p);
    let some = |all: &[&Dependency]| {
        let names: Vec<String> = all.iter().take(6).map(|d| d.dependent.clone()).collect();
        let more = if all.len() > 6 { format!(" and {} more", all.len() - 6) } else { String::new() };
        (names, more)
    };
    for (column, all) in &laws.broken {
        let mut found = Found { out: &mut *out, column: Some(column) };
        let n = all.iter().map(|d| d.violations).max().unwrap_or(0);
        let (names, more) = some(all);
        let worst = all.iter().map(|d| d.agreement()).fold(1.0, f64::min);
        let text = format!(
            "rows with the same `{column}` mostly have the same {}{more}; {}{} disagree{} (agreement {:.1} %{})",
            listed(&names),
            if all.len() > 1 { "up to " } else { "" },
            rows(n),
            s(n),
            (worst * 1000.0).floor() / 10.0,
            if all.len() > 1 { " or more" } else { "" }
        );
        let columns = names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
        let help = format!("`rule = \"repair\"` with `columns = [{columns}]`, `by = [\"{column}\"]` follows the majority");
        found.add("dependency_broken", Severity::Note, n, text, help);
    }
    // Columns that say the same in other words.
    for c in p.columns.iter().map(|c| c.name.as_str()).filter(|c| !laws.mutual.iter().any(|(_, b)| b == c)) {
        let others = laws.mutual.iter().filter(|(a, _)| *a == c).map(|(_, b)| (*b).to_string());
        let twins: Vec<String> = std::iter::once(c.to_string()).chain(others).collect();
        if twins.len() > 1 {
            let mut found = Found { out: &mut *out, column: Some(c) };
            found.add("dependency", Severity::Note, p.rows, format!("{} decide each other in every row", listed(&twins)), "");
        }
    }
    for (column, all) in &laws.exact {
        let mut found = Found { out: &mut *out, column: Some(column) };
        let (names, more) = some(all);
        let n = all.iter().map(|d| d.rows).max().unwrap_or(0);
        found.add("dependency", Severity::Note, n, format!("`{column}` decides {}{more} in every row", listed(&names)), "");
    }
}

pub(super) fn sources(p: &Profile, out: &mut Vec<Finding>) {
    for d in &p.sources {
        let percent = |n: u64, of: u64| format!("{:.0} %", n as f64 / of.max(1) as f64 * 100.0);
        let differing: u64 = d.columns.iter().map(|(_, agree, all)| all - agree).max().unwrap_or(0);
        let columns: Vec<String> =
            d.columns.iter().take(4).map(|(c, agree, all)| format!("`{c}` is the majority's in {}", percent(*agree, *all))).collect();
        let worst = d.worst.as_ref().filter(|(_, odd, _)| *odd > 0);
        let worst = worst.map(|(s, odd, all)| format!("; {} differs most ({} of its cells)", quoted(s), percent(*odd, *all)));
        let mut found = Found { out: &mut *out, column: Some(&d.source) };
        found.add(
            "sources",
            Severity::Warning,
            differing,
            format!(
                "each `{}` says something of its own of the same {}: {}{}",
                d.source,
                listed(&d.about),
                columns.join(", "),
                worst.unwrap_or_default()
            ),
            "a view can take what most sources say, or one source's word before another's",
        );
    }
}

/// The dependencies worth telling, each once: what a column decides, without what follows from another that is told, and with those that it is decided
/// by in turn.
struct Laws<'a> {
    exact: BTreeMap<&'a str, Vec<&'a Dependency>>,
    broken: BTreeMap<&'a str, Vec<&'a Dependency>>,
    /// Columns of which each decides the other in every row.
    mutual: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Laws<'a> {
    fn of(p: &'a Profile) -> Laws<'a> {
        let same: BTreeSet<(&str, &str)> =
            p.identical.iter().flat_map(|(a, b)| [(a.as_str(), b.as_str()), (b.as_str(), a.as_str())]).collect();
        let single = |d: &&Dependency| d.determinant.len() == 1 && !same.contains(&(d.determinant[0].as_str(), d.dependent.as_str()));
        let all: Vec<&Dependency> = p.dependencies.iter().filter(single).collect();
        let ends = |d: &'a Dependency| (d.determinant[0].as_str(), d.dependent.as_str());
        let place = |c: &str| p.columns.iter().position(|x| x.name == *c);
        let exact: BTreeSet<(&str, &str)> = all.iter().filter(|d| d.violations == 0).map(|d| ends(d)).collect();
        let nearly: BTreeMap<(&str, &str), u64> = all.iter().filter(|d| d.agreement() >= 0.95).map(|d| (ends(d), d.violations)).collect();
        let mutual: BTreeSet<(&str, &str)> =
            exact.iter().copied().filter(|(a, b)| place(a) < place(b) && exact.contains(&(*b, *a))).collect();
        let first = |c: &'a str| {
            let twins = mutual.iter().filter(|(_, b)| *b == c).map(|(a, _)| *a);
            twins.min_by_key(|a| place(a)).unwrap_or(c)
        };
        let mut laws = Laws { exact: BTreeMap::new(), broken: BTreeMap::new(), mutual: mutual.clone() };
        for d in all {
            let (a, b) = ends(d);
            if d.violations == 0 {
                let is_told = mutual.contains(&(a, b)) || mutual.contains(&(b, a)) || first(a) != a;
                // a → c → b tells a → b too, unless c only tells a's own again.
                let follows = exact.iter().any(|(x, c)| *x == a && *c != b && exact.contains(&(*c, b)) && !exact.contains(&(*c, a)));
                if !is_told && !follows {
                    laws.exact.entry(a).or_default().push(d);
                }
            } else if let Some(n) = nearly.get(&(a, b)) {
                // Told from the side that breaks it less; with one that breaks it not at all, its exceptions are told there.
                let other = nearly.get(&(b, a));
                let from_there = other.is_some_and(|m| *m > 0 && (*m < *n || (*m == *n && b < a)));
                if !from_there && first(a) == a {
                    laws.broken.entry(a).or_default().push(d);
                }
            }
        }
        laws
    }
}
