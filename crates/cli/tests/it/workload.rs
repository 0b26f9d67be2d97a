//! A project with something of everything that a crash could tear: two tables (one loaded by key), rows for the quarantine from ingest and
//! from preparation, repeated rows, a fitted recipe, tables built on tables, a view with tests, an export. Its sources come in revisions.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The sources of a project: `orders` files and `customers` files, each with its number and its revision.
type Sources = (&'static [(u64, u64)], &'static [(u64, u64)]);

/// Each state replaces the rows of files of the one before; none takes a file away, and a customer's row is of one file only, so that what
/// the tables hold does not depend on which states there were before.
pub const STATES: [Sources; 3] = [
    (&[(1, 1), (2, 1), (3, 1), (4, 1)], &[(1, 1), (2, 1)]),
    (&[(1, 1), (2, 2), (3, 1), (4, 1)], &[(1, 1), (2, 2)]),
    (&[(1, 1), (2, 3), (3, 1), (4, 2)], &[(1, 1), (2, 3)]),
];

const FILES: &[(&str, &str)] = &[
    ("tidemill.toml", "name = \"faults\"\n\n[lake]\nlocation = \"lake\"\n"),
    (
        "tables/orders.toml",
        r#"
[source]
connector = "files"
path = "data/orders-*.csv"

[columns.order_id]
type = "int"
required = true

[columns.receipt]
type = "text"
unique = true

[columns.customer_id]
type = "int"

[columns.city]
type = "text"

[columns.day]
type = "date"
format = "%Y-%m-%d"

[columns.quantity]
type = "int"
min = 1

[columns.amount]
type = "double"

[[clean]]
rule = "duplicates"
key = ["order_id"]
keep = "first"

[[clean]]
rule = "repair"
column = "city"
to = ["Lisbon", "Madrid", "Paris", "Vienna"]

[[clean]]
rule = "missing"
column = "amount"
with = "median"

[[clean]]
rule = "scale"
column = "amount"
method = "standard"
into = "amount_z"
"#,
    ),
    (
        "tables/customers.toml",
        r#"
load = "upsert"
key = ["id"]

[source]
connector = "files"
path = "data/customers-*.csv"

[columns.id]
type = "int"
required = true

[columns.name]
type = "text"

[columns.age]
type = "int"
range = [0, 120]

[[clean]]
rule = "missing"
column = "age"
with = "median"
"#,
    ),
    (
        "views/by_city.sql",
        "--! materialized = \"table\"\n--! tests = [{ unique = \"city\" }]\nSELECT o.city, count(*) AS orders, sum(o.quantity) AS items, sum(c.age) AS ages\nFROM orders o LEFT JOIN customers c ON c.id = o.customer_id GROUP BY o.city\n",
    ),
    (
        "views/shares.sql",
        "--! materialized = \"table\"\nSELECT city, orders, orders * 1000 / (SELECT sum(orders) FROM by_city) AS permille FROM by_city\n",
    ),
    (
        "views/totals.sql",
        "--! tests = [{ not_null = \"orders\" }]\nSELECT sum(orders) AS orders, count(*) AS cities, sum(permille) AS permille FROM shares\n",
    ),
    ("exports/shares.toml", "sql = \"SELECT * FROM shares ORDER BY city\"\n\n[to]\npath = \"out/shares.csv\"\n"),
];

const ORDERS: &str = "order_id, receipt, customer_id, city, day, quantity, amount";

/// Runs and steps that the record of work has more than once.
const RECORDED_TWICE: &str = "SELECT (SELECT count(*) - count(DISTINCT run_id) FROM system.runs) AS runs, \
    (SELECT count(*) - count(DISTINCT concat(run_id, '/', step_id)) FROM system.steps) AS steps";

/// A project directory, and the program to run in it.
pub struct Project {
    home: tempfile::TempDir,
    rows: u64,
}

/// Everything a reader can see: for every relation its rows, sorted, and the bytes of the exported file.
pub type Content = BTreeMap<String, Vec<String>>;

impl Project {
    /// With `rows` orders in its files and a tenth as many customers; not run yet.
    pub fn new(rows: u64) -> Project {
        let project = Project { home: tempfile::tempdir().expect("a temporary directory"), rows };
        for (name, text) in FILES {
            project.write(name, text);
        }
        project.state(0);
        project
    }

    /// A project of these files, named by their paths; not run yet.
    pub fn of(files: &[(&str, &str)]) -> Project {
        let project = Project { home: tempfile::tempdir().expect("a temporary directory"), rows: 0 };
        project.write("tidemill.toml", "name = \"small\"\n");
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// The same project elsewhere, as it stands.
    pub fn copy(&self) -> Project {
        let home = tempfile::tempdir().expect("a temporary directory");
        copy_directory(self.dir(), home.path());
        Project { home, rows: self.rows }
    }

    pub fn dir(&self) -> &Path {
        self.home.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.dir().join(name);
        std::fs::create_dir_all(path.parent().expect("a file in a directory")).expect("directories");
        // Beside it and then in its place: a run may be reading.
        let beside = self.dir().join("beside");
        std::fs::write(&beside, text).expect("a file");
        std::fs::rename(&beside, path).expect("its name");
    }

    /// Brings the sources to one of [`STATES`]. Files whose revision does not change stay untouched only in content.
    pub fn state(&self, state: usize) {
        let (orders, customers) = STATES[state];
        for (file, revision) in orders {
            self.write(&format!("data/orders-{file}.csv"), &orders_csv(*file, *revision, self.rows / orders.len() as u64));
        }
        for (file, revision) in customers {
            self.write(&format!("data/customers-{file}.csv"), &customers_csv(*file, *revision, self.rows / 10 / customers.len() as u64));
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDEMILL")) {
            command.env_remove(name);
        }
        command.arg("-C").arg(self.dir()).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn tidemill(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("tidemill starts")
    }

    /// What a command that must succeed prints.
    pub fn good(&self, arguments: &[&str]) -> String {
        let output = self.tidemill(arguments);
        assert!(output.status.success(), "{arguments:?}: {:?}\n{}", output.status, told(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// The JSON that a command that must succeed prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.good(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text}"))
    }

    /// Rows of a question, as CSV without its header, lines joined by a space.
    pub fn ask(&self, sql: &str) -> String {
        let text = self.good(&["query", "--format", "csv", sql]);
        text.lines().skip(1).collect::<Vec<_>>().join(" ")
    }

    /// What a command that must end with `code` says.
    pub fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.tidemill(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", told(&output));
        told(&output)
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.dir().join(name)).expect("a file to remove");
    }

    pub fn run(&self) {
        self.good(&["run", "--quiet"]);
    }

    /// A run that is to die, or to wait, at an edge.
    pub fn run_to(&self, edge: &str) -> Command {
        let mut command = self.command(&["run", "--quiet"]);
        command.env("TIDEMILL_FAILPOINT", edge);
        command
    }

    pub fn start(&self, mut command: Command) -> Child {
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("tidemill starts")
    }

    /// Every table of the lake as `schema.name`.
    pub fn tables(&self) -> Vec<String> {
        let mut tables = Vec::new();
        for schema in ["raw", "clean", "public", "quarantine", "system"] {
            let names = names(&self.dir().join("lake").join(schema));
            tables.extend(names.into_iter().map(|name| format!("{schema}.{name}")));
        }
        tables
    }

    /// What a reader sees, without when and by which run. `exact` to the last bit of a fitted value, which depends on the order in which
    /// files were read; otherwise to nine digits.
    pub fn content(&self, exact: bool) -> Content {
        let relations: Vec<String> =
            self.tables().into_iter().filter(|t| !t.starts_with("system.")).chain(["public.totals".to_string()]).collect();
        let selects: Vec<String> = relations
            .iter()
            .map(|r| match r.as_str() {
                "raw.orders" => format!("SELECT {ORDERS}, _file, _line FROM {r}"),
                "raw.customers" => format!("SELECT id, name, age, _file, _line FROM {r}"),
                "clean.orders" if !exact => format!("SELECT {ORDERS}, round(amount_z, 9) FROM {r}"),
                _ if r.starts_with("quarantine.") => {
                    format!("SELECT _id, split, line, \"offset\", raw, code, \"column\", reason, status FROM {r}")
                }
                _ => format!("SELECT * FROM {r}"),
            })
            .zip(&relations)
            .map(|(select, r)| format!("SELECT '--- {r}' AS relation; {select};"))
            .collect();
        let sql = format!("{}\nSELECT '--- recorded twice' AS relation; {RECORDED_TWICE}", selects.join("\n"));
        let text = self.good(&["query", "--format", "csv", "--limit", "0", &sql]);
        let mut content = Content::new();
        for section in text.split("--- ").skip(1) {
            let mut lines = section.lines();
            let name = lines.next().unwrap_or_default().to_string();
            let mut rows: Vec<String> = lines.filter(|l| !l.is_empty() && *l != "relation").map(str::to_string).collect();
            rows.sort();
            content.insert(name, rows);
        }
        assert_eq!(content.len(), relations.len() + 1, "{text}");
        let exported = std::fs::read_to_string(self.dir().join("out/shares.csv")).expect("the exported file");
        content.insert("the exported file".into(), vec![exported]);
        content.insert("the directory of exports".into(), names(&self.dir().join("out")));
        content
    }

    pub fn audit(&self) -> Value {
        let text = self.good(&["audit", "--format", "json"]);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
}

/// That two contents are the same, told by what differs.
pub fn assert_same(found: &Content, wanted: &Content, after: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{after}");
    for (name, rows) in wanted {
        let there = &found[name];
        if there != rows {
            let extra: Vec<_> = there.iter().filter(|r| rows.binary_search(r).is_err()).take(5).collect();
            let missing: Vec<_> = rows.iter().filter(|r| there.binary_search(r).is_err()).take(5).collect();
            panic!("{after}: {name} has {} rows, not {}; too much: {extra:#?}, missing: {missing:#?}", there.len(), rows.len());
        }
    }
}

pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for name in names(from) {
        let (from, to): (PathBuf, PathBuf) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy_directory(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("a copy");
        }
    }
}

/// Numbers that look random and are the same in every run (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn orders_csv(file: u64, revision: u64, rows: u64) -> String {
    let mut n = Numbers(file * 1000 + revision);
    let mut text = String::from("order_id,receipt,customer_id,city,day,quantity,amount\n");
    for i in 0..rows + revision * 7 {
        let id = file * 1_000_000 + i;
        let kind = n.below(60);
        let order = match kind {
            0 => String::new(),                     // set aside: required
            1 => (id - n.below(i + 1)).to_string(), // a repetition, perhaps
            _ => id.to_string(),
        };
        let receipt = if kind == 2 && i > 0 { file * 1_000_000 + n.below(i) } else { id }; // set aside by preparation: unique
        let city = ["Lisbon", "Madrid", "Paris", "Vienna", "Madird", "VIENNA", "Lisbn", ""][n.below(8) as usize];
        let day = if kind == 3 { "2025-02-30".into() } else { format!("2025-{:02}-{:02}", 1 + n.below(12), 1 + n.below(28)) };
        let quantity = if kind == 4 { 0 } else { 1 + n.below(9) };
        let amount = if n.below(25) == 0 { String::new() } else { format!("{}.{:02}", n.below(400), n.below(100)) };
        let tail = if kind == 5 { ",one,too,many" } else { "" };
        writeln!(text, "{order},R{receipt},{},{city},{day},{quantity},{amount}{tail}", n.below(2000)).expect("text");
    }
    text
}

fn customers_csv(file: u64, revision: u64, rows: u64) -> String {
    let mut n = Numbers(file * 77 + revision);
    let mut text = String::from("id,name,age\n");
    for i in 0..rows {
        let id = 2 * i + file % 2;
        // The same rows are bad in every revision: a good row would stay when its key's new row is set aside.
        let age = match i % 40 {
            7 => "about thirty".into(),
            13 => "400".into(),
            21 => String::new(),
            _ => (18 + n.below(70)).to_string(),
        };
        writeln!(text, "{id},customer {id} of revision {revision},{age}").expect("text");
        if i % 50 == 10 {
            writeln!(text, "{id},customer {id} corrected,{}", 20 + n.below(50)).expect("text");
        }
    }
    text
}
