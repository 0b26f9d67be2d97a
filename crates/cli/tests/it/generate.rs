//! `generate`: what it makes becomes a project without an edit; streams, rates and refusals.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn tidemill(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.current_dir(dir).args(arguments).env("NO_COLOR", "1").env_remove("TIDEMILL_ENV").stdin(Stdio::null());
    command
}

fn ends(dir: &Path, code: i32, arguments: &[&str]) -> Output {
    let output = tidemill(dir, arguments).output().expect("tidemill starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "tidemill {arguments:?}:\n{said}");
    output
}

fn good(dir: &Path, arguments: &[&str]) -> String {
    String::from_utf8(ends(dir, 0, arguments).stdout).expect("UTF-8")
}

fn json(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&good(dir, &[arguments, &["--format", "json"]].concat())).expect("JSON")
}

fn number(dir: &Path, project: &str, sql: &str) -> i64 {
    good(dir, &["-C", project, "query", sql, "--format", "csv"]).lines().nth(1).expect("a row").parse().expect("a number")
}

#[test]
fn a_messy_table_becomes_a_project_that_sets_its_corrupt_lines_aside() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    for (kind, table) in [("orders", "orders"), ("transactions", "transactions"), ("sensors", "sensors")] {
        let out = format!("{kind}-data");
        let made = json(dir, &["generate", kind, "--rows", "4k", "--seed", "11", "--out", &out, "--truth", &format!("{kind}-truth")]);
        let errors = &made["tables"][0]["errors"];
        let lines = made["tables"][0]["lines"].as_i64().expect("lines");
        assert!(errors["corrupt"].as_i64().is_some_and(|n| n > 0), "{made}");

        good(dir, &["init", kind, "--from", &format!("{out}/{table}.csv")]);
        good(dir, &["-C", kind, "run"]);
        good(dir, &["-C", kind, "audit"]);
        let (rows, set_aside) = (
            number(dir, kind, &format!("SELECT count(*) FROM raw.{table}")),
            number(dir, kind, &format!("SELECT count(*) FROM quarantine.{table} WHERE code IN ('fields', 'quote')")),
        );
        assert_eq!(set_aside, errors["corrupt"].as_i64().unwrap_or_default(), "{kind}: corrupt lines, and only those, are no records");
        assert!(rows + set_aside <= lines && rows > lines * 9 / 10, "{kind}: {rows} of {lines}");
    }
}

#[test]
fn a_shop_becomes_a_project_in_every_format() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    for format in ["csv", "jsonl", "parquet", "avro"] {
        let made = json(dir, &["generate", "shop", "--rows", "500", "--errors", "none", "--as", format, "--out", format]);
        assert_eq!(made["tables"].as_array().map(Vec::len), Some(6));
        let project = format!("{format}-project");
        let mut init = vec!["init".to_string(), project.clone()];
        for table in ["customers", "products", "orders", "order_lines", "reviews", "stock_movements"] {
            init.extend(["--from".to_string(), format!("{format}/{table}.{format}")]);
        }
        good(dir, &init.iter().map(String::as_str).collect::<Vec<_>>());
        good(dir, &["-C", &project, "run"]);
        assert_eq!(
            number(dir, &project, "SELECT count(*) FROM orders o JOIN customers c USING (customer_id) WHERE registered_at <= ordered_at"),
            500
        );
        let lines = made["tables"][3]["rows"].as_i64().expect("rows");
        assert_eq!(number(dir, &project, "SELECT count(*) FROM order_lines JOIN products USING (product_id)"), lines, "{format}");
    }
}

#[test]
fn standard_output_takes_one_table_and_a_reader_may_leave() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    let text = good(dir, &["generate", "shop", "--table", "orders", "--rows", "5", "--errors", "none", "--out", "-"]);
    assert!(text.starts_with("order_id,customer_id,") && text.lines().count() == 6, "{text}");
    let wrong = ends(dir, 2, &["generate", "shop", "--rows", "5", "--out", "-"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--table: customers, products"));

    let mut child = tidemill(dir, &["generate", "sensors", "--rows", "10M", "--out", "-", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tidemill starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert_eq!(first, "id,ts,value,status\n");
    let status = child.wait().expect("an end");
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(status.success() && said.is_empty(), "{status} {said}");
}

#[test]
fn a_rate_makes_a_source_that_ends_when_told() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    let made = json(dir, &["generate", "transactions", "--rate", "1000/s", "--rows", "200"]);
    assert_eq!(made["tables"][0]["rows"], 200);

    let mut child = tidemill(dir, &["generate", "sensors", "--rate", "500/s", "--out", "-", "-q"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("tidemill starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let seen: Vec<String> = lines.by_ref().take(50).map(|l| l.expect("a line")).collect();
    assert_eq!(seen.len(), 50, "rows come before the end");
    // SAFETY: the child is ours and lives.
    unsafe { libc::kill(i32::try_from(child.id()).expect("an id"), libc::SIGINT) };
    let rest = lines.count();
    assert!(child.wait().expect("an end").success() && rest < 100_000);
}

#[test]
fn changes_are_taken_by_key() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    good(dir, &["generate", "shop", "--updates", "--rows", "2000", "--errors", "none", "--out", "p/data"]);
    let table = "load = \"upsert\"\nkey = [\"customer_id\"]\n[source]\npath = \"data/customer_changes.csv\"\n[columns]\ncustomer_id = \"text\"\nop = \"text\"\n";
    std::fs::create_dir_all(dir.join("p/tables")).expect("a directory");
    std::fs::write(dir.join("p/tables/customers.toml"), table).expect("a file");
    std::fs::write(dir.join("p/tidemill.toml"), "name = \"p\"\n").expect("a file");
    good(dir, &["-C", "p", "run"]);
    let (customers, updated) =
        (number(dir, "p", "SELECT count(*) FROM customers"), number(dir, "p", "SELECT count(*) FROM customers WHERE op = 'update'"));
    assert!((900..1_200).contains(&customers) && updated > 400, "{customers} {updated}");
}

#[test]
fn what_is_there_stays_and_mistakes_are_told() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    good(dir, &["generate", "sensors", "--rows", "10"]);
    let again = ends(dir, 2, &["generate", "sensors", "--rows", "10"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    good(dir, &["generate", "sensors", "--rows", "10", "--force"]);
    for wrong in [
        &["generate", "shop", "--errors", "typos=1%"][..],
        &["generate", "shop", "--rows", "0"],
        &["generate", "shop", "--rows", "101M"],
        &["generate", "shop", "--table", "orderz"],
        &["generate", "orders", "--updates"],
        &["generate", "orders", "--rate", "5/s", "--start", "2024-01-01"],
        &["generate", "orders", "--rate", "5/s", "--as", "parquet"],
        &["generate", "orders", "--start", "2024-02-30"],
        &["generate", "trees"],
    ] {
        ends(dir, 2, wrong);
    }
}
