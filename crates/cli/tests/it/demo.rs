//! `tidemill demo`, as somebody meets it who has just built it: one command, a page that answers and moves, Ctrl-C, and the same command again.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn tidemill(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.current_dir(home).env("NO_COLOR", "1").env_remove("TIDEMILL_ENV").env_remove("TIDEMILL_TOKEN").stdin(Stdio::null());
    command
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_demo_is_refused_where_something_else_is() {
    let home = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(home.path().join("precious.txt"), "mine").expect("a file");
    let output = tidemill(home.path()).args(["demo", ".", "--no-serve"]).output().expect("tidemill starts");
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(both(&output).contains("--force"), "{}", both(&output));
    assert_eq!(std::fs::read_dir(home.path()).expect("a directory").count(), 1);
    let output = tidemill(home.path()).args(["--env", "stream", "demo", "new"]).output().expect("tidemill starts");
    assert!(output.status.code() == Some(2) && both(&output).contains("leave --env out"), "{}", both(&output));
}

#[test]
fn the_demo_makes_runs_and_asks_and_what_it_offers_works() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let run = |more: &[&str]| tidemill(home.path()).args(["demo", "try it", "--no-serve"]).args(more).output().expect("tidemill starts");
    let first = run(&["--rows", "400"]);
    assert!(first.status.success(), "{}", both(&first));
    let text = String::from_utf8_lossy(&first.stdout).into_owned();
    for wanted in ["generate shop --rows 400 ", " -C 'try it' run\n", " errors in them", "champions", " cells; built "] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(!both(&first).contains("http://"), "nothing is served: {text}");
    let commands: Vec<&str> = text.lines().filter(|l| l.contains(" -C 'try it' ") && l.starts_with("  ")).collect();
    assert!(commands.len() >= 6, "{text}");
    for command in commands.iter().filter(|c| !c.ends_with(" shell")) {
        let output = Command::new("sh").current_dir(home.path()).args(["-c", command.trim()]).output().expect("a shell");
        assert!(output.status.success() && !output.stdout.is_empty(), "{command}\n{}", both(&output));
    }
    // What is there is not made again, and another size is another demo.
    let runs = || std::fs::read_dir(home.path().join("try it/lake/_tidemill/epochs")).expect("epochs").count();
    let before = runs();
    let again = run(&[]);
    assert!(again.status.success() && String::from_utf8_lossy(&again.stdout).contains("champions"), "{}", both(&again));
    assert_eq!(runs(), before);
    let other = run(&["--rows", "500"]);
    assert!(other.status.code() == Some(2) && both(&other).contains("has 400 rows"), "{}", both(&other));
}

/// A demo at work; killed when it goes.
struct Demo {
    child: Child,
    host: String,
    token: String,
}

impl Demo {
    fn start(home: &Path, more: &[&str]) -> Demo {
        let log = std::fs::File::create(home.join("demo.log")).expect("a log");
        let mut command = tidemill(home);
        command.args(["demo", "shop", "--port", "0"]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("tidemill starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let url = lines.by_ref().map_while(Result::ok).find(|l| l.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no URL\n{}", std::fs::read_to_string(home.join("demo.log")).unwrap_or_default()));
        // Somebody reads on, as a terminal does.
        std::thread::spawn(move || lines.for_each(drop));
        let (host, token) = url["http://".len()..].split_once("/d/live?token=").expect("the page where numbers move");
        Demo { child, host: host.into(), token: token.into() }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a stream");
        let token = &self.token;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n", self.host);
        stream.write_all(request.as_bytes()).expect("it takes the request");
        let mut all = String::new();
        stream.read_to_string(&mut all).expect("an answer");
        let (head, body) = all.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {all}");
        body.to_string()
    }

    /// The number that a panel of the live page shows.
    fn number(&self, title: &str) -> i64 {
        let page: Value = serde_json::from_str(&self.get("/api/dashboards/live")).expect("JSON");
        let panels = page["panels"].as_array().expect("panels");
        let id = panels.iter().find(|p| p["title"] == title).and_then(|p| p["id"].as_str()).unwrap_or_else(|| panic!("{title}: {page}"));
        let rows: Value = serde_json::from_str(&self.get(&format!("/api/dashboards/live/panels/{id}"))).expect("JSON");
        rows["rows"][0][0].as_i64().unwrap_or_else(|| panic!("{rows}"))
    }

    fn until_more_than(&self, title: &str, least: i64) -> i64 {
        let began = Instant::now();
        loop {
            let number = self.number(title);
            if number > least {
                return number;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{title} stands at {number}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ctrl-C.
    fn interrupt(mut self, home: &Path) {
        // SAFETY: kill of our own child.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGINT) };
        let status = self.child.wait().expect("it ends");
        let log = std::fs::read_to_string(home.join("demo.log")).unwrap_or_default();
        assert!(status.success(), "{status:?}\n{log}");
        assert!(!log.contains("error"), "{log}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_is_served_moves_ends_and_goes_on() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let ask = |sql: &str| {
        let output = tidemill(home.path()).args(["-C", "shop", "query", sql, "--format", "csv"]).output().expect("tidemill starts");
        assert!(output.status.success(), "{sql}\n{}", both(&output));
        String::from_utf8_lossy(&output.stdout).lines().nth(1).unwrap_or_default().to_string()
    };
    let demo = Demo::start(home.path(), &["--rows", "300", "--no-open"]);
    assert!(demo.get("/d/live").contains("<!doctype html>"), "a page");
    let first = demo.number("Orders so far");
    assert!(demo.until_more_than("Orders so far", first) > first);
    // The process that serves answers others too.
    assert_eq!(ask("SELECT count(*) > 0 AS came FROM orders WHERE order_id > 'O0000000300'"), "true");
    demo.interrupt(home.path());
    let before: i64 = ask("SELECT orders FROM running_totals").parse().expect("a number");
    assert!(before > first);

    // The same command goes on: nothing is made again, what fell due meanwhile is there, and an interruption while it comes up is no failure.
    let files = || std::fs::metadata(home.path().join("shop/data/orders.csv")).and_then(|m| m.modified()).expect("a file");
    let made = files();
    let demo = Demo::start(home.path(), &[]);
    demo.interrupt(home.path());
    let demo = Demo::start(home.path(), &[]);
    demo.until_more_than("Orders so far", before);
    demo.interrupt(home.path());
    assert_eq!(files(), made);
    // Numbered one after another: what is not there was damaged on its way, and set aside.
    let numbers = "SELECT count(*) = count(DISTINCT order_id) AS once, max(CAST(substr(order_id, 2) AS BIGINT)) - 300 \
        - count(*) FILTER (WHERE order_id > 'O0000000300') AS missing FROM orders";
    let set_aside: i64 = ask("SELECT count(*) FROM quarantine.orders").parse().expect("a number");
    let (once, missing) = ask(numbers).split_once(',').map(|(o, m)| (o.to_string(), m.parse::<i64>().expect("a number"))).expect("two");
    assert!(once == "true" && (0..=set_aside).contains(&missing), "{once}: {missing} are missing, {set_aside} set aside");
    let audit = tidemill(home.path()).args(["-C", "shop", "audit"]).output().expect("tidemill starts");
    assert!(audit.status.success(), "{}", both(&audit));
}

/// Whatever moment it is stopped at, the same command finishes it.
#[test]
fn a_demo_that_was_killed_is_finished_by_the_next() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let demo = || {
        let mut command = tidemill(home.path());
        command.args(["demo", "shop", "--rows", "2000", "--no-serve"]);
        command
    };
    let wait_for = |part: &str, mut child: Child| {
        let began = Instant::now();
        while !home.path().join(part).exists() {
            assert!(child.try_wait().expect("a child").is_none() && began.elapsed() < Duration::from_secs(120), "{part} did not come");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("killed");
        child.wait().expect("it ends");
    };
    for part in ["shop/data/customers.csv", "shop/lake/_tidemill/epochs"] {
        wait_for(part, demo().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("tidemill starts"));
    }
    let output = demo().output().expect("tidemill starts");
    assert!(output.status.success() && both(&output).contains("champions"), "{}", both(&output));
}
