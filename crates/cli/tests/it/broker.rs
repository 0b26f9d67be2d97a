//! A real Kafka for tests, started by services/kafka.sh: one for all tests that only use it, another for each that ends it. It ends when the tests'
//! process does, however that ends.

use crate::cargo;
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A broker on this machine.
pub struct Broker {
    dir: PathBuf,
    /// `host:port`.
    pub bootstrap: String,
    /// `host:port` with TLS and passwords, and the certificate to know it by.
    pub secure: Option<(String, PathBuf)>,
}

/// The broker that all share; `None` where there can't be one, which is an error in CI.
pub fn kafka(test: &str) -> Option<&'static Broker> {
    static SHARED: OnceLock<Option<Broker>> = OnceLock::new();
    if let Some(why) = missing() {
        return skip(test, &why);
    }
    SHARED.get_or_init(|| Some(start("shared", &[]))).as_ref()
}

/// A broker of one's own, with a secured listener if asked.
pub fn own_kafka(test: &str, variables: &[(&str, &str)]) -> Option<Broker> {
    match missing() {
        Some(why) => skip(test, &why),
        None => Some(start(test, variables)),
    }
}

/// A Python with Kafka's client for it; `None` where there is none.
pub fn python(test: &str) -> Option<PathBuf> {
    let Some(python) = std::env::var_os("TIDEMILL_PYTHON").map(PathBuf::from) else {
        return skip(test, "TIDEMILL_PYTHON names no Python");
    };
    let has = Command::new(&python).args(["-c", "import kafka"]).output().is_ok_and(|o| o.status.success());
    if has { Some(python) } else { skip(test, "its Python lacks kafka-python") }
}

fn skip<T>(test: &str, why: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "{test} can't run: {why}");
    println!("skipped: {test}, because {why}");
    None
}

fn missing() -> Option<String> {
    let absent = |program: &str, argument: &str| !Command::new(program).arg(argument).output().is_ok_and(|o| o.status.success());
    if absent("java", "-version") {
        return Some("there is no Java".into());
    }
    let cached = service().args(["install"]).output().is_ok_and(|o| o.status.success());
    (!cached).then(|| "Kafka could not be fetched (is Maven there?)".into())
}

fn service() -> Command {
    let mut command = Command::new("bash");
    command.arg(cargo::root().join("services/kafka.sh"));
    command
}

fn start(name: &str, variables: &[(&str, &str)]) -> Broker {
    let process = std::process::id();
    let dir = std::env::temp_dir().join(format!("tidemill-kafka-{process}-{name}"));
    let mut broker = Broker { dir, bootstrap: String::new(), secure: None };
    let mut command = broker.command("start");
    command.envs(variables.iter().copied());
    let output = command.output().expect("bash starts");
    let said = said(&output);
    assert!(output.status.success(), "Kafka did not start: {said}");
    let value = |key: &str| said.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('=')).map(str::to_string);
    broker.bootstrap = value("KAFKA_BOOTSTRAP").expect("an address");
    broker.secure = value("KAFKA_SECURE_BOOTSTRAP").zip(value("KAFKA_CA").map(PathBuf::from));
    broker
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Broker {
    fn command(&self, what: &str) -> Command {
        let mut command = service();
        command.args([what, "--dir"]).arg(&self.dir);
        if what == "start" {
            command.args(["--while", &std::process::id().to_string()]);
        }
        command
    }

    fn tell(&self, what: &str, more: &[&str]) {
        let output = self.command(what).args(more).output().expect("bash starts");
        assert!(output.status.success(), "kafka.sh {what}: {}", said(&output));
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        self.tell("stop", &["--now"]);
    }

    /// Starts it again where it was.
    pub fn restart(&self) {
        self.tell("start", &[]);
    }
}

/// Commands that are told of it.
impl Broker {
    pub fn tidemill(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.args(arguments).env("TIDEMILL_KAFKA_BROKERS", &self.bootstrap).env("NO_COLOR", "1");
        command
    }

    pub fn good(&self, arguments: &[&str]) -> String {
        let output = self.tidemill(arguments).output().expect("tidemill starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.good(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text}"))
    }

    pub fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.tidemill(arguments).output().expect("tidemill starts");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Sends lines as messages.
    pub fn send(&self, topic: &str, lines: impl Iterator<Item = String>) {
        let mut command = self.tidemill(&["topics", "produce", topic, "--from", "-", "--key", "n", "--quiet"]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("tidemill starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        lines.for_each(|line| writeln!(stdin, "{line}").expect("written"));
        drop(stdin);
        assert!(child.wait().expect("an end").success());
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The shared one is never dropped: it ends with the process.
        let _ = self.command("stop").arg("--now").output();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
