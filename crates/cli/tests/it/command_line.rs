//! The program as it is met: arguments, exit codes, where output goes, the three formats, the log, the shell, on the starter project.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A starter project, not run yet.
struct Starter {
    home: tempfile::TempDir,
}

impl Starter {
    fn new() -> Starter {
        let home = tempfile::tempdir().expect("a temporary directory");
        let starter = Starter { home };
        let output = tidemill().current_dir(starter.home.path()).args(["init", "shop"]).output().expect("tidemill starts");
        assert_eq!(code(&output), 0, "{}", both(&output));
        starter
    }

    fn run() -> Starter {
        let starter = Starter::new();
        let output = starter.tidemill(&["run", "--quiet"]);
        assert_eq!(code(&output), 0, "{}", both(&output));
        assert_eq!(both(&output), "", "--quiet says nothing");
        starter
    }

    fn dir(&self) -> PathBuf {
        self.home.path().join("shop")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tidemill();
        command.arg("-C").arg(self.dir()).args(arguments);
        command
    }

    fn tidemill(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("tidemill starts")
    }

    /// With text on standard input.
    fn typed(&self, arguments: &[&str], text: &str) -> Output {
        let mut child =
            self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tidemill starts");
        child.stdin.take().expect("standard input").write_all(text.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.tidemill(arguments);
        assert_eq!(code(&output), 0, "{arguments:?}\n{}", both(&output));
        out(&output)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.good(arguments);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}\n{text}"))
    }
}

/// The program with nothing of the surroundings that could change what it says.
fn tidemill() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEMILL") {
            command.env_remove(name);
        }
    }
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn both(output: &Output) -> String {
    format!("{}{}", out(output), err(output))
}

#[test]
fn help_is_complete_and_usage_errors_end_with_2() {
    for command in ["demo", "init", "profile", "check", "plan", "run", "query", "shell", "audit", "explain", "completions"] {
        let output = tidemill().args([command, "--help"]).output().expect("tidemill starts");
        assert_eq!(code(&output), 0, "{command}");
        assert!(out(&output).contains("Examples:\n  "), "{command}: {}", out(&output));
    }
    for wrong in [&["rum"][..], &["run", "--fullest"], &["--format", "xml", "check"], &["query"], &["explain", "TM9999"]] {
        let output = tidemill().args(wrong).stdin(Stdio::null()).output().expect("tidemill starts");
        assert_eq!(code(&output), 2, "{wrong:?}: {}", both(&output));
        assert!(out(&output).is_empty(), "{wrong:?}: {}", out(&output));
        assert!(err(&output).contains("error:"), "{wrong:?}: {}", err(&output));
    }
    let script = tidemill().args(["completions", "bash"]).output().expect("tidemill starts");
    assert!(out(&script).contains("_tidemill"));
}

#[test]
fn a_directory_without_a_project_ends_with_78() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    for command in [&["run"][..], &["plan"], &["query", "SELECT 1"], &["audit"], &["config", "show"]] {
        let output = tidemill().arg("-C").arg(empty.path()).args(command).output().expect("tidemill starts");
        assert_eq!(code(&output), 78, "{command:?}: {}", both(&output));
        assert!(err(&output).contains("tidemill.toml"), "{command:?}: {}", err(&output));
    }
    let checked = tidemill().arg("-C").arg(empty.path()).arg("check").output().expect("tidemill starts");
    assert_eq!(code(&checked), 78);
    assert!(out(&checked).contains("error"), "what check finds is its result: {}", out(&checked));
}

#[test]
fn a_project_is_checked_planned_run_and_asked() {
    let shop = Starter::new();
    assert!(shop.good(&["check"]).starts_with("no mistakes in shop: 1 table, 2 views, 1 function, 1 export"));
    assert_eq!(shop.json(&["check", "--format", "json"]), serde_json::json!([]));

    let plan = shop.json(&["plan", "--format", "json"]);
    assert!(plan["nodes"].as_array().is_some_and(|n| n.iter().any(|n| n["node"] == "raw.orders" && n["action"] == "build")), "{plan}");
    let dry = shop.good(&["run", "--dry-run"]);
    assert!(dry.contains("raw.orders") && dry.contains("to bring up to date"), "{dry}");

    let output = shop.tidemill(&["run"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let (summary, progress) = (out(&output), err(&output));
    assert!(progress.lines().any(|l| l.starts_with("clean.orders ") && l.contains(" apply ")), "one line per step: {progress}");
    assert!(!both(&output).contains('\u{1b}'), "no colour in a pipe");
    assert!(summary.contains("quarantined:") && summary.contains("quarantine show orders"), "{summary}");
    assert!(summary.lines().last().is_some_and(|l| l.starts_with("succeeded in ")), "{summary}");

    let again = shop.json(&["run", "--format", "json"]);
    assert_eq!(again["status"], "up to date", "{again}");
    assert!(shop.good(&["plan"]).contains("everything is up to date"));

    let count = shop.json(&["query", "SELECT count(*) AS n FROM orders", "--format", "json"]);
    let n = count[0]["n"].as_u64().expect("a number");
    assert!(n > 5);
    assert!(shop.good(&["audit"]).contains("balanced"));
    assert_eq!(shop.json(&["audit", "--format", "json"])["balanced"], true);
    assert!(shop.good(&["runs", "ls", "--format", "csv"]).lines().count() >= 2);
    assert!(shop.good(&["runs", "show"]).contains("clean.orders"));
    assert!(!shop.good(&["runs", "logs"]).is_empty());
    assert!(shop.good(&["snapshot", "ls", "clean.orders"]).contains("version"));
}

#[test]
fn rows_come_as_tables_json_and_csv() {
    let shop = Starter::run();
    let sql = "SELECT country, orders FROM revenue_by_country ORDER BY country LIMIT 2";
    let table = shop.good(&["query", sql]);
    assert!(table.lines().next().is_some_and(|l| l.contains("country") && l.contains(" │ ")), "{table}");
    assert!(table.ends_with("(2 rows)\n"), "{table}");
    let rows = shop.json(&["query", sql, "--format", "json"]);
    assert!(rows[0]["country"].is_string() && rows[0]["orders"].is_u64(), "{rows}");
    let csv = shop.good(&["query", sql, "--format", "csv"]);
    assert!(csv.starts_with("country,orders\n") && csv.lines().count() == 3, "{csv}");
    assert!(shop.good(&["query", "-x", sql]).contains("─[ row 2 ]"));

    let typed = "SELECT 1 AS a; -- one; two\nSELECT ';' AS b;\n";
    let output = shop.typed(&["query", "-", "--format", "csv"], typed);
    assert_eq!((code(&output), out(&output).as_str()), (0, "a\n1\n\nb\n;\n"), "{}", both(&output));
    let limited = shop.good(&["query", "SELECT * FROM orders", "--limit", "2"]);
    assert!(limited.contains("(first 2 rows; --limit 0 shows all)"), "{limited}");
    assert_eq!(shop.json(&["query", "SELECT * FROM orders", "--limit", "2", "--format", "json"]).as_array().map(Vec::len), Some(2));
}

#[test]
fn a_mistake_in_a_question_points_at_it_and_ends_with_2() {
    let shop = Starter::run();
    let output = shop.tidemill(&["query", "SELECT\n  contry FROM orders"]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    let text = err(&output);
    assert!(text.starts_with("error: ") && text.contains("contry"), "{text}");
    assert!(text.contains("2 |   contry FROM orders\n  |   ^^^^^^\n"), "{text}");
    assert!(text.contains("help: ") && text.contains("country"), "{text}");
    let output = shop.tidemill(&["query", "--at", "77", "SELECT 1"]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    assert!(err(&output).contains("77"), "{}", err(&output));
}

#[test]
fn the_quarantine_is_listed_shown_and_replayed() {
    let shop = Starter::run();
    let listed = shop.json(&["quarantine", "ls", "--format", "json"]);
    let rows: u64 = listed.as_array().expect("rows").iter().filter_map(|r| r["rows"].as_u64()).sum();
    assert!(rows >= 2, "{listed}");
    let shown = shop.json(&["quarantine", "show", "orders", "--code", "type", "--format", "json", "--limit", "0"]);
    assert!(shown.as_array().is_some_and(|r| !r.is_empty() && r.iter().all(|r| r["code"] == "type")), "{shown}");
    let replayed = shop.json(&["quarantine", "replay", "orders", "--format", "json"]);
    assert_eq!(replayed["tried"].as_u64(), Some(rows), "{replayed}");
    let output = shop.tidemill(&["quarantine", "show", "oders"]);
    assert!(code(&output) != 0 && err(&output).contains("did you mean `orders`?"), "{}", both(&output));
}

#[test]
fn the_quarantines_example_is_one_row() {
    use crate::workload::Project;
    let project = Project::of(&[
        ("tables/items.toml", "[source]\npath = \"data.csv\"\n[columns]\nid = \"int\"\nnote = \"text\"\n"),
        ("data.csv", "id,note\n1,a\nzzz,first\naaa,second\n"),
    ]);
    project.run();
    let listed = project.json(&["quarantine", "ls"]);
    let row = &listed[0];
    assert_eq!(
        (row["rows"].as_u64(), row["first_line"].as_u64(), row["first_raw"].as_str()),
        (Some(2), Some(3), Some("zzz,first")),
        "{listed}"
    );
    assert!(row["example"].as_str().is_some_and(|e| e.contains("zzz")), "{listed}");
}

#[test]
fn columns_without_a_name_are_called_as_in_postgresql() {
    let shop = Starter::run();
    let head = |sql: &str| shop.good(&["query", "--format", "csv", sql]).lines().next().unwrap_or_default().to_string();
    assert_eq!(head("SELECT 3"), "?column?");
    assert_eq!(head("SELECT 1 + 2, 'a', 4 AS four"), "?column?,?column?_2,four");
    assert_eq!(head("SELECT round(amount, 1), count(*) FROM orders GROUP BY 1 ORDER BY 1 LIMIT 1"), "round,count(*)");
    assert_eq!(head("SELECT (SELECT count(*) FROM orders)"), "?column?");
    assert!(shop.good(&["query", "SELECT 3"]).contains("?column?"));
}

#[test]
fn snapshot_ls_lists_every_table_and_an_unknown_version_is_no_alarm() {
    let shop = Starter::run();
    let listed = shop.json(&["snapshot", "ls", "--format", "json"]);
    let names: Vec<&str> = listed.as_array().expect("rows").iter().filter_map(|r| r["table"].as_str()).collect();
    assert!(
        ["raw.orders", "clean.orders", "quarantine.orders", "revenue_by_country", "system.runs"].iter().all(|n| names.contains(n)),
        "{listed}"
    );
    for command in [
        &["query", "SELECT * FROM version_of('clean.orders', 77)"][..],
        &["snapshot", "diff", "clean.orders", "77"],
        &["snapshot", "restore", "clean.orders", "77"],
    ] {
        let output = shop.tidemill(command);
        assert!(code(&output) != 0 && err(&output).contains("77"), "{command:?}: {}", both(&output));
        assert!(!err(&output).contains("ERROR") && err(&output).lines().count() <= 5, "{command:?}: {}", err(&output));
    }
}

#[test]
fn with_json_errors_are_objects_too() {
    let shop = Starter::run();
    let objects = |output: &Output| -> Vec<Value> {
        err(output).lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {}", err(output)))).collect()
    };
    let output = shop.tidemill(&["query", "SELECT\n  contry FROM orders", "--format", "json"]);
    let told = objects(&output);
    assert_eq!((code(&output), told.len()), (2, 1));
    assert_eq!((&told[0]["line"], &told[0]["column"], &told[0]["file"]), (&2.into(), &3.into(), &Value::Null), "{told:?}");
    assert!(told[0]["message"].as_str().is_some_and(|m| m.contains("contry")) && told[0]["help"].is_string(), "{told:?}");
    std::fs::write(shop.dir().join("views/wrong.sql"), "SELECT contry, amont FROM orders").expect("a file");
    std::fs::write(shop.dir().join("views/worse.sql"), "SELEC 1").expect("a file");
    for command in ["run", "plan", "audit"] {
        let output = shop.tidemill(&[command, "--format", "json"]);
        let told = objects(&output);
        assert!(code(&output) == 78 && told.len() >= 2, "{command}: {told:?}");
        assert!(
            told.iter().all(|p| p["code"].is_string() && p["file"].is_string() && p["line"] == 1 && p["message"].is_string()),
            "{told:?}"
        );
    }
    let csv = shop.tidemill(&["run", "--format", "csv"]);
    assert!(err(&csv).contains("error[TM0402]"), "{}", err(&csv));
}

#[test]
fn settings_say_where_they_come_from() {
    let shop = Starter::new();
    let output = shop
        .command(&["--set", "engine.threads=3", "--log-level", "warn", "config", "show", "--format", "json"])
        .env("TIDEMILL__ENGINE__BATCH_ROWS", "1000")
        .output()
        .expect("tidemill starts");
    assert_eq!(code(&output), 0, "{}", both(&output));
    let entries: Value = serde_json::from_str(&out(&output)).expect("JSON");
    let entry = |key: &str| {
        let all = entries.as_array().expect("an array").iter().find(|e| e["key"] == key).unwrap_or_else(|| panic!("no {key}"));
        (all["value"].as_str().unwrap_or_default().to_string(), all["from"].as_str().unwrap_or_default().to_string())
    };
    assert_eq!(entry("engine.threads"), ("3".into(), "--set".into()));
    assert_eq!(entry("log.level"), ("warn".into(), "--log-level".into()));
    assert_eq!(entry("engine.batch_rows"), ("1000".into(), "TIDEMILL__ENGINE__BATCH_ROWS".into()));
    assert!(entry("lake.location").1.starts_with("tidemill.toml:"));
    assert_eq!(entry("log.files_max").1, "default");
    let wrong = shop.tidemill(&["--set", "engine.threads=x", "run"]);
    assert_eq!(code(&wrong), 78, "{}", both(&wrong));
    assert!(
        err(&wrong).contains("`--set engine.threads` cannot be `x`") && err(&wrong).contains("write a whole number"),
        "{}",
        err(&wrong)
    );
    let wrong = shop.command(&["run"]).env("TIDEMILL__ENGINE__THREADS", "x").output().expect("tidemill starts");
    assert!(err(&wrong).contains("`TIDEMILL__ENGINE__THREADS` cannot be `x`"), "{}", err(&wrong));
    std::fs::write(shop.dir().join(".env"), "A=1\nTIDEMILL__ENGINE__THREADS=x\n").expect("a file");
    let wrong = shop.tidemill(&["run"]);
    assert!(err(&wrong).contains("`TIDEMILL__ENGINE__THREADS` cannot be `x`") && err(&wrong).contains("--> .env"), "{}", err(&wrong));
    std::fs::remove_file(shop.dir().join(".env")).expect("a file");
    let wrong = shop.tidemill(&["--set", "engine.treads=3", "run"]);
    assert_eq!(code(&wrong), 78, "{}", both(&wrong));
    assert!(err(&wrong).contains("engine.threads"), "{}", err(&wrong));
}

#[test]
fn every_log_line_of_a_run_names_it() {
    let shop = Starter::new();
    let log = shop.home.path().join("logs/run.log");
    let path = log.display().to_string();
    let output = shop.tidemill(&["run", "--quiet", "--log-file", &path, "--log-format", "json", "--log-level", "debug"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let text = std::fs::read_to_string(&log).expect("a log");
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let within: Vec<&Value> = lines.iter().filter(|l| l["run"].is_string()).collect();
    assert!(!within.is_empty(), "{text}");
    assert!(within.iter().all(|l| l["run"] == within[0]["run"]), "one run, one id: {text}");
    assert!(within.iter().any(|l| !l["step"].is_null() && l["node"].is_string()), "steps are named: {text}");
}

#[test]
fn colour_is_only_for_those_who_want_it() {
    let shop = Starter::run();
    let sql = "SELECT NULL AS nothing";
    assert!(!shop.good(&["query", sql]).contains('\u{1b}'));
    assert!(shop.good(&["query", sql, "--color", "always"]).contains("\u{1b}["));
    let output = shop.command(&["query", sql, "--color", "auto"]).env("NO_COLOR", "1").output().expect("tidemill starts");
    assert!(!out(&output).contains('\u{1b}'));
}

#[test]
fn a_reader_who_has_enough_ends_the_query_quietly() {
    let shop = Starter::run();
    let sql =
        "SELECT a.value AS n, 'some text to fill the pipe' AS t FROM generate_series(1, 2000) a CROSS JOIN generate_series(1, 2000) b";
    let mut child =
        shop.command(&["query", sql, "--format", "csv"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tidemill starts");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("standard output"));
    reader.read_line(&mut line).expect("a line");
    drop(reader);
    let mut said = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut said).expect("UTF-8");
    let status = child.wait().expect("it ends");
    assert_eq!((line.as_str(), said.as_str(), status.code()), ("n,t\n", "", Some(0)));
}

#[test]
fn ctrl_c_ends_a_query_with_130() {
    let shop = Starter::run();
    let sql = "SELECT count(*) FROM generate_series(1, 300000) a CROSS JOIN generate_series(1, 300000) b WHERE a.value * b.value % 7 = 3";
    let mut child = shop.command(&["query", sql, "-vv"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("tidemill starts");
    let pid = i32::try_from(child.id()).expect("a process id");
    // However early the signal comes, the process ends with 130 once its handler is there, and by the signal itself before.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(child.try_wait().expect("a child").is_none(), "the query should still be running");
    // SAFETY: kill takes plain numbers; the process is our own child, not waited for yet.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn the_shell_reads_statements_and_commands() {
    let shop = Starter::run();
    let typed = "\\d orders\n\\x\nSELECT country,\n  orders FROM revenue_by_country\n  ORDER BY country LIMIT 1;\n\\x off\n\\timing\nSELECT 41 + 1 AS answer;\n\\q\nSELECT 2;\n";
    let output = shop.typed(&["shell"], typed);
    let text = out(&output);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(text.contains("decimal(12, 2)") && text.contains("What was paid"), "{text}");
    assert!(text.contains("─[ row 1 ]"), "{text}");
    assert!(text.contains("    42\n(1 row)\ntime: "), "{text}");
    assert_eq!(text.matches("(1 row)").count(), 2, "nothing after \\q: {text}");
    let wrong = shop.typed(&["shell"], "SELECT contry FROM orders;\nSELECT 5 AS five;\n");
    assert_eq!(code(&wrong), 2, "{}", both(&wrong));
    assert!(!out(&wrong).contains("five"), "a script stops at its first mistake");
}
