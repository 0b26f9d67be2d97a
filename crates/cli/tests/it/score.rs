//! `score`: what `generate` made wrong is found and mended, as far as a project's rules go, and said so to the last figure.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn tidemill(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.current_dir(dir).args(arguments).env("NO_COLOR", "1").env_remove("TIDEMILL_ENV").stdin(Stdio::null());
    let output = command.output().expect("tidemill starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn good(dir: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = tidemill(dir, arguments);
    assert_eq!(code, 0, "tidemill {arguments:?}:\n{out}{err}");
    out
}

/// A project with one table.
fn project(dir: &Path, name: &str, table: &str, text: &str) {
    fs::create_dir_all(dir.join(name).join("tables")).expect("a directory");
    fs::write(dir.join(name).join("tidemill.toml"), format!("name = \"{name}\"\n")).expect("a file");
    fs::write(dir.join(name).join(format!("tables/{table}.toml")), text).expect("a file");
}

struct Scores(Vec<Value>);

impl Scores {
    fn of(dir: &Path, project: &str, truth: &str) -> Scores {
        let text = good(dir, &["-C", project, "score", "--truth", truth, "--format", "json"]);
        let report: Value = serde_json::from_str(&text).expect("JSON");
        Scores(report["scores"].as_array().expect("scores").clone())
    }

    fn line(&self, kind: &str, column: Option<&str>) -> &Value {
        let found = self.0.iter().find(|l| l["kind"] == kind && l["column"].as_str() == column);
        found.unwrap_or_else(|| panic!("no {kind} of {column:?} in {:?}", self.0))
    }

    fn count(&self, kind: &str, what: &str) -> u64 {
        self.line(kind, None)[what].as_u64().unwrap_or_else(|| panic!("{what} of {kind} is no number"))
    }

    fn share(&self, kind: &str, column: Option<&str>, what: &str) -> f64 {
        self.line(kind, column)[what].as_f64().unwrap_or_else(|| panic!("{what} of {kind} in {column:?} is no number"))
    }

    /// Noticed without exception, and nothing else.
    fn is_found(&self, kind: &str) {
        assert!(self.count(kind, "errors") > 20, "{kind} is hardly there");
        assert_eq!((self.share(kind, None, "detection_precision"), self.share(kind, None, "detection_recall")), (1.0, 1.0), "{kind}");
    }

    fn is_repaired(&self, column: &str) {
        let line = self.line("typo", Some(column));
        let (precision, recall) = (self.share("typo", Some(column), "repair_precision"), self.share("typo", Some(column), "repair_recall"));
        assert!(precision >= 0.995 && recall >= 0.99, "{line}");
    }
}

const DATES: &str = r#"formats = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%b %d, %Y", "%d %b %Y", "%Y/%m/%d"], on_invalid = "null""#;

#[test]
fn a_projects_rules_find_and_mend_what_is_wrong_with_orders() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    good(dir, &["generate", "orders", "--rows", "8000", "--seed", "7411", "--errors", "5%", "--out", "p/data", "--truth", "truth"]);
    let countries = good(dir, &["generate", "orders", "--rows", "4000", "--errors", "none", "--out", "-"]);
    let mut countries: Vec<String> = countries.lines().skip(1).filter_map(|l| l.split(',').nth(3)).map(|c| format!("{c:?}")).collect();
    countries.sort();
    countries.dedup();
    project(
        dir,
        "p",
        "orders",
        &format!(
            r#"
            key = ["row_key"]
            nulls = ["N/A", "n/a", "NULL", "nan", "unknown", "-", "?"]
            source = {{ path = "data/orders.csv" }}
            [columns]
            customer_id = {{ from = "customer:CustomerID", type = "text" }}
            age = {{ from = "customer:Age", type = "int" }}
            country = {{ from = "customer:Country", type = "text" }}
            ordered = {{ from = "order:OrderDate", type = "date", {DATES} }}
            amount = {{ from = "order:TotalAmount", type = "text" }}
            product_id = {{ from = "product:ProductID", type = "text" }}
            product_name = {{ from = "product:ProductName", type = "text" }}
            category = {{ from = "product:Category", type = "text" }}
            [[clean]]
            rule = "duplicates"
            key = ["row_key"]
            [[clean]]
            rule = "text"
            columns = "*"
            [[clean]]
            rule = "select"
            columns = ["row_key", "customer_id", "age", "country", "ordered", "product_id", "product_name", "category"]
            [[clean]]
            rule = "invalid"
            columns = ["age"]
            where = "age < 0 OR age > 120"
            [[clean]]
            rule = "repair"
            column = "country"
            to = [{to}]
            confidence_min = 0.7
            [[clean]]
            rule = "repair"
            columns = ["country"]
            by = ["customer_id"]
            confidence_min = 0.5
            [[clean]]
            rule = "repair"
            column = "country"
            to = [{to}]
            distance_max = 3
            confidence_min = 0.5
            [[clean]]
            rule = "repair"
            columns = ["product_name", "category"]
            by = ["product_id"]
            confidence_min = 0.5
            "#,
            to = countries.join(", ")
        ),
    );
    good(dir, &["-C", "p", "run"]);
    let scores = Scores::of(dir, "p", "../truth");
    ["invalid", "corrupt", "duplicate"].iter().for_each(|kind| scores.is_found(kind));
    ["country", "product_name", "category"].iter().for_each(|column| scores.is_repaired(column));
    assert_eq!(scores.share("format", Some("ordered"), "repair_recall"), 1.0, "dates are read in every notation");
    assert_eq!(scores.count("resent", "repaired"), scores.count("resent", "errors"));
    // The truth's own count of what is scored.
    let manifest: Value = serde_json::from_str(&fs::read_to_string(dir.join("truth/truth.json")).expect("a file")).expect("JSON");
    let listed = &manifest["tables"][0]["errors"];
    assert_eq!(scores.line("typo", Some("country"))["errors"], listed["customer:Country"]["typo"]);
    assert_eq!(scores.line("corrupt", None)["errors"], listed["*"]["corrupt"]);

    let human = good(dir, &["-C", "p", "score", "--truth", "../truth"]);
    assert!(human.contains("not scored, since clean.orders has no such column") && human.contains("order:TotalAmount"), "{human}");
}

#[test]
fn rows_without_a_key_are_known_by_their_lines_in_every_format() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    for format in ["csv", "jsonl", "parquet", "avro"] {
        let data = format!("{format}/data");
        good(
            dir,
            &[
                "generate",
                "sensors",
                "--rows",
                "3000",
                "--seed",
                "7412",
                "--files",
                "3",
                "--errors",
                "5%",
                "--as",
                format,
                "--out",
                &data,
                "--truth",
                format!("t-{format}").as_str(),
            ],
        );
        for raw in ["keep", "source"] {
            project(
                dir,
                format,
                "sensors",
                &format!(
                    "raw = \"{raw}\"\nload = \"replace\"\nsource = {{ path = \"data\" }}\n[columns]\nts = \"text\"\nvalue = \"text\"\n[[clean]]\nrule = \"duplicates\"\n"
                ),
            );
            good(dir, &["-C", format, "run"]);
            let scores = Scores::of(dir, format, &format!("../t-{format}"));
            scores.is_found("duplicate");
            if matches!(format, "csv" | "jsonl") {
                scores.is_found("corrupt");
            }
            // Nothing else was done: what is empty is missing, and all other errors are there as they were.
            assert_eq!(scores.share("typo", None, "detection_recall"), 0.0, "{format} {raw}");
            assert_eq!(scores.count("near_duplicate", "detected"), 0, "{format} {raw}");
            assert!(scores.0.iter().all(|l| l["falsely"] == 0), "{format} {raw}: {:?}", scores.0);
        }
    }
}

#[test]
fn what_cannot_be_scored_is_refused_with_a_reason() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = home.path();
    for (seed, rows) in [("1", "300"), ("2", "400")] {
        good(dir, &["generate", "sensors", "--rows", rows, "--seed", seed, "--out", &format!("d{seed}"), "--truth", &format!("t{seed}")]);
    }
    project(dir, "p", "readings", "load = \"replace\"\nsource = { path = \"../d1/sensors.csv\" }\n");
    let refused = |arguments: &[&str], what: &str| {
        let (code, _, err) = tidemill(dir, &[&["-C", "p", "score"], arguments].concat());
        assert!(code != 0 && err.contains(what), "score {arguments:?}: {err}");
    };
    refused(&["--truth", "../t1"], "nothing has been run yet");
    good(dir, &["-C", "p", "run"]);
    refused(&["--truth", "../nowhere"], "can't be read");
    refused(&["--truth", "../t1"], "no table of the project has such a name");
    refused(&["--truth", "../t1", "--table", "reading=sensors"], "did you mean `readings`");
    refused(&["--truth", "../t2", "--table", "readings=sensors"], "the truth");
    good(dir, &["-C", "p", "score", "--truth", "../t1", "--table", "readings=sensors"]);
    project(dir, "p", "readings", "load = \"replace\"\nsource = { path = \"../d1/sensors.csv\" }\n[[clean]]\nrule = \"duplicates\"\n");
    refused(&["--truth", "../t1", "--table", "readings=sensors"], "run `tidemill run` first");
}
