//! Exports beyond one file in one place: a snapshot at each run that changes it, directories by the values of columns, a link to the latest.

use crate::cargo;
use crate::workload::Project;
use std::path::Path;
use std::process::Command;

const ITEMS: &str = "[source]\npath = \"data/items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.kind]\ntype = \"text\"\n[columns.amount]\ntype = \"double\"\n";

fn project(to: &str) -> Project {
    Project::of(&[
        ("tables/items.toml", ITEMS),
        ("data/items.csv", "id,kind,amount\n1,a,5\n2,b/c,7\n3,,1\n4,a,2\n"),
        ("exports/items.toml", &format!("from = \"items\"\n[to]\n{to}\n")),
    ])
}

/// Every file under a directory, sorted; hidden ones too.
fn files(dir: &Path) -> Vec<String> {
    let mut out = Vec::new();
    let mut left = vec![dir.to_path_buf()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten().flatten() {
            if entry.path().is_dir() && !entry.path().is_symlink() {
                left.push(entry.path());
            } else {
                out.push(entry.path().strip_prefix(dir).expect("below").display().to_string());
            }
        }
    }
    out.sort();
    out
}

#[test]
fn each_run_that_changes_it_leaves_a_snapshot_and_the_latest_is_linked() {
    let project = project("path = \"out/{date}/items-{run}.csv\"\nlatest = \"out/latest.csv\"");
    project.run();
    project.run();
    let out = project.dir().join("out");
    let first = files(&out);
    assert_eq!(first.len(), 2, "one snapshot and the link: {first:?}");
    project.write("data/items.csv", "id,kind,amount\n9,z,9\n");
    project.run();
    let now = files(&out);
    assert_eq!(now.len(), 3, "a second snapshot: {now:?}");
    assert!(now.iter().all(|f| f == "latest.csv" || (f.contains("/items-") && f[..10].split('-').count() == 3)), "{now:?}");
    assert!(first.iter().all(|f| now.contains(f)), "the first one is still there");
    assert_eq!(std::fs::read_to_string(out.join("latest.csv")).expect("the latest"), "id,kind,amount\n9,z,9.0\n");
    assert!(std::fs::read_link(out.join("latest.csv")).expect("a link").is_relative(), "the directory can be moved");
    // Snapshots may be taken away; a link that is missing is made again.
    let old = first.iter().find(|f| *f != "latest.csv").expect("a snapshot");
    std::fs::remove_file(out.join(old)).expect("removed");
    assert!(project.good(&["plan"]).contains("everything is up to date"));
    std::fs::remove_file(out.join("latest.csv")).expect("removed");
    project.run();
    assert!(out.join("latest.csv").exists());
}

#[test]
fn a_run_that_was_killed_leaves_one_snapshot_under_its_own_name() {
    for edge in ["export.before", "export.after"] {
        let project = project("path = \"out/{date}/{time}/{run}/items.csv\"");
        let died = project.run_to(edge).output().expect("tidemill starts");
        assert!(!died.status.success(), "{edge} was not reached");
        let epoch = |p: &Project| p.json(&["plan"])["epoch"].as_u64().expect("an epoch");
        let killed = epoch(&project);
        // The wall clock goes on to another second; the epoch's does not.
        let second = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
        let then = second();
        while second() == then {
            std::thread::yield_now();
        }
        project.run();
        let all = files(&project.dir().join("out"));
        assert_eq!(all.len(), 1, "{edge}: {all:?}");
        assert!(all[0].ends_with(&format!("/{killed}/items.csv")), "{edge}: {all:?}");
    }
}

#[test]
fn rows_go_to_directories_by_the_values_of_columns() {
    let project = project("path = \"out/items\"\nformat = \"parquet\"\npartition_by = [\"kind\"]");
    project.run();
    let out = project.dir().join("out");
    assert_eq!(
        files(&out),
        ["items/kind=__HIVE_DEFAULT_PARTITION__/part.parquet", "items/kind=a/part.parquet", "items/kind=b%2Fc/part.parquet"]
    );
    if let Some(python) = crate::marketing::python("partitioned exports against DuckDB and pyarrow", "duckdb, pyarrow") {
        let script = "import sys, duckdb, pyarrow.dataset as d\n\
            rows = duckdb.sql(f\"SELECT id, kind, amount FROM read_parquet('{sys.argv[1]}/**/*.parquet', hive_partitioning=true) ORDER BY id\").fetchall()\n\
            assert rows == [(1, 'a', 5.0), (2, 'b/c', 7.0), (3, None, 1.0), (4, 'a', 2.0)], rows\n\
            t = d.dataset(sys.argv[1], partitioning='hive').to_table().sort_by('id').to_pydict()\n\
            assert (t['id'], t['kind']) == ([1, 2, 3, 4], ['a', 'b/c', None, 'a']), t\n";
        let output = Command::new(python).args(["-c", script]).arg(out.join("items")).current_dir(cargo::root()).output().expect("python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // The next export replaces all of it: no partition of before is left.
    project.write("data/items.csv", "id,kind,amount\n1,q,5\n");
    project.run();
    assert_eq!(files(&out), ["items/kind=q/part.parquet"]);
    assert_eq!(std::fs::read_dir(&out).expect("out").count(), 1, "nothing is left beside it");
    // What is not the export's own is never removed.
    std::fs::write(out.join("items/notes.txt"), "mine").expect("a file");
    project.write("data/items.csv", "id,kind,amount\n1,r,5\n");
    let said = project.ends(1, &["run"]);
    assert!(said.contains("holds `notes.txt`, which is no partition of this export"), "{said}");
    assert!(out.join("items/notes.txt").exists() && out.join("items/kind=q").exists());
}

#[test]
fn partitions_of_csv_keep_the_order_of_their_rows() {
    let mut rows = String::from("id,kind,amount\n");
    (0..5000).for_each(|i| rows.push_str(&format!("{i},{},{}.5\n", ["a", "b", "c"][i % 3], i % 7)));
    let project = project(
        "path = \"out/{run}/items\"\nformat = \"csv\"\ncompression = \"gzip\"\npartition_by = [\"kind\", \"amount\"]\nlatest = \"out/latest\"",
    );
    project.write("data/items.csv", &rows);
    project.write(
        "exports/items.toml",
        &std::fs::read_to_string(project.dir().join("exports/items.toml"))
            .expect("the export")
            .replace("from = \"items\"", "sql = \"SELECT * FROM items ORDER BY id DESC\""),
    );
    project.run();
    let latest = project.dir().join("out/latest");
    assert_eq!(std::fs::read_dir(&latest).expect("kinds").count(), 3);
    let one = latest.join("kind=b/amount=3.5/part.csv.gz");
    let text = Command::new("gzip").arg("-dc").arg(&one).output().expect("gzip").stdout;
    let ids: Vec<i64> = String::from_utf8(text).expect("text").lines().skip(1).map(|l| l.parse().expect("an id")).collect();
    assert!(ids.len() > 200 && ids.windows(2).all(|w| w[0] > w[1]), "{} rows, in order", ids.len());
    assert!(ids.iter().all(|i| i % 3 == 1 && i % 7 == 3));
}
