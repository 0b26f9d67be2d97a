//! One mistake is told once: what reading the project found is often found again by the rooms that compile it.

use crate::graph::Graph;
use crate::sheet::whole_line;
use crate::spec::Project;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tidemill_core::{Problem, Severity, codes};

/// Codes under which later rooms judge the same things again, as a safety net of their own.
const JUDGED_TWICE: [&str; 9] = [
    codes::TABLE_COLUMN_UNKNOWN,
    codes::PREDICATE_TYPE,
    codes::COLUMN_DUPLICATE,
    codes::COLUMN_OPTION_UNFIT,
    codes::RANGE_EMPTY,
    codes::BOUND_TYPE,
    codes::RULE_INCONSISTENT,
    codes::INTO_AMBIGUOUS,
    codes::REPAIR_TARGET,
];

/// `found` (by [`crate::load()`] and [`crate::graph()`]) and `later` (by whatever compiled the project) in order of file and place, without
/// those of `later` that only repeat one of `found`: the same code in the same file where both rooms judge the same things, anything on a
/// line already told of, and SQL that is known to be beyond typing.
pub fn merge(found: Vec<Problem>, later: Vec<Problem>, project: &Project, graph: &Graph) -> Vec<Problem> {
    let bodies = bodies(project);
    let mut bad_bodies: BTreeSet<&Path> = graph.nodes.iter().filter(|n| graph.broken.contains(&n.name)).map(|n| n.file.as_path()).collect();
    let mut lines: BTreeSet<(&Path, usize)> = BTreeSet::new();
    for p in found.iter().filter(|p| p.severity == Severity::Error) {
        let file = p.place.file.as_path();
        let start = p.place.span.as_ref().map(|s| s.start);
        if is_sql(p.code) && start.is_none_or(|s| bodies.get(file).is_some_and(|body| s >= *body)) {
            bad_bodies.insert(file);
        }
        if let (Some(start), Some(text)) = (start, project.files.get(file)) {
            lines.insert((file, whole_line(text, start).start));
        }
    }
    let repeats = |p: &Problem| {
        let file = p.place.file.as_path();
        let start = p.place.span.as_ref().map(|s| s.start);
        let in_bad_body =
            || p.code.starts_with("TM04") && bad_bodies.contains(file) && start.is_none_or(|s| bodies.get(file).is_some_and(|b| s >= *b));
        let on_told_line =
            || start.zip(project.files.get(file)).is_some_and(|(s, text)| lines.contains(&(file, whole_line(text, s).start)));
        let same = || JUDGED_TWICE.contains(&p.code) && found.iter().any(|f| f.code == p.code && f.place.file == p.place.file);
        in_bad_body() || on_told_line() || same()
    };
    let later: Vec<Problem> = later.into_iter().filter(|p| !repeats(p)).collect();
    let mut all: Vec<Problem> = found.into_iter().chain(later).collect();
    all.sort_by_key(|p| (p.place.file.clone(), p.place.span.as_ref().map_or(0, |s| s.start), p.code));
    all.dedup();
    all
}

/// Where the SQL of each file of SQL begins, after the settings.
fn bodies(project: &Project) -> BTreeMap<&Path, usize> {
    let views = project.views.iter().map(|v| (v.file.as_path(), v.sql.span.start));
    let views = views.chain(project.alerts.iter().map(|a| (a.file.as_path(), a.sql.span.start)));
    let views = views.chain(project.queries.iter().map(|q| (q.file.as_path(), q.sql.span.start)));
    views.chain(project.functions.iter().map(|f| (f.file.as_path(), f.sql.span.start))).collect()
}

fn is_sql(code: &str) -> bool {
    code.starts_with("TM04") || code.starts_with("TM05") || code == codes::FILE_EMPTY
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemill_core::Place;

    #[test]
    fn what_repeats_is_left_out_and_what_does_not_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("tidemill.toml", "name = \"t\"\n"),
            ("tables/t.toml", "[source]\npath = \"x.csv\"\n[columns.a]\ntype = \"int8\"\nmax = 1000\n[columns.b]\ntype = \"int8\"\n"),
            ("views/a.sql", "SELECT * FROM b\n"),
            ("views/b.sql", "SELECT * FROM a\n"),
            ("views/c.sql", "--! tests = [{ name = \"n\", sql = \"SELECT\" }]\nSELECT x FROM t\n"),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (project, mut found) = crate::load(dir.path(), &crate::Environment::default());
        let (graph, more) = crate::graph(&project);
        found.extend(more);
        assert_eq!(found.iter().map(|p| p.code).collect::<Vec<_>>(), ["TM0207", "TM0401", "TM0501"]);
        let at = |code, file: &str, word: &str| {
            let start = project.files[Path::new(file)].find(word).unwrap();
            Problem::error(code, Place::span(file, start..start + 1), "again")
        };
        let later = vec![
            at("TM0207", "tables/t.toml", "columns.a"),
            at("TM0604", "tables/t.toml", "columns.b"),
            at("TM0403", "views/a.sql", "b\n"),
            at("TM0403", "views/b.sql", "a\n"),
            at("TM0401", "views/c.sql", "name"),
            at("TM0402", "views/c.sql", "x FROM"),
        ];
        let all = merge(found, later, &project, &graph);
        let told: Vec<(&str, &str)> = all.iter().map(|p| (p.code, p.place.file.to_str().unwrap())).collect();
        assert_eq!(
            told,
            [
                ("TM0207", "tables/t.toml"),
                ("TM0604", "tables/t.toml"),
                ("TM0501", "views/a.sql"),
                ("TM0401", "views/c.sql"),
                ("TM0402", "views/c.sql")
            ]
        );
    }
}
