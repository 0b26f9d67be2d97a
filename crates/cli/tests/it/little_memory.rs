//! What happens when there is little memory.

use crate::workload::Project;
use std::fmt::Write as _;

#[test]
fn views_that_have_too_little_memory_beside_others_have_it_alone() {
    let mut rows = String::from("id,word\n");
    for i in 0..60_000 {
        let _ = writeln!(rows, "{i},word number {}", i * 7919 % 60_000);
    }
    let project = Project::of(&[
        ("data/rows.csv", &rows),
        ("tables/rows.toml", "[source]\npath = \"data/rows.csv\"\n[columns]\nid = \"int\"\nword = \"text\"\n"),
    ]);
    // A set of words for each of 4,000 groups: one such view fits into 64 MB, two at a time do not.
    for k in 0..6 {
        let sql = format!(
            "--! materialized = \"table\"\nSELECT id % 4000 + {k} AS k, count(DISTINCT word) AS words, count(DISTINCT id) AS ids FROM rows GROUP BY 1\n"
        );
        project.write(&format!("views/v{k}.sql"), &sql);
    }
    project.write("tidemill.toml", "name = \"small\"\n\n[engine]\nmemory_limit = \"64MB\"\nthreads = 2\n");
    project.good(&["run"]);
}
