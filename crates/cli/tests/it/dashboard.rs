//! A served project over HTTP: who may ask, what is answered, what is refused, and how soon a page is told of what changed.

use crate::live::append;
use crate::workload::Project;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const EVENTS: &str = r#"
title = "Events"

[[filters]]
column = "kind"

[[panels]]
title = "Events by kind"
kind = "bar"
view = "by_minute"
x = "kind"
y = ["sum(events)", { sql = "sum(total)", label = "Total", format = "money" }]

[[panels]]
title = "Amounts"
kind = "histogram"
view = "events"
x = "amount"

[[panels]]
title = "Rows"
kind = "table"
view = "events"
order = "id"
limit = 20

[[panels]]
title = "Fixed"
kind = "table"
view = "names"
"#;

/// Names that are formulas and markup; nothing in it comes by itself.
const NAMES: &str = "--! materialized = \"table\"\nSELECT * FROM (VALUES ('=HYPERLINK(\"http://x\")', -1.5), ('<script>alert(1)</script>', 2.0), \
    ('+1', NULL), ('plain', 3.0)) AS t(kind, n)\n";

fn project() -> Project {
    let project = crate::live::project();
    project.write("dashboards/events.toml", EVENTS);
    project.write("views/names.sql", NAMES);
    append(&project, 0..120);
    project
}

/// `serve` at work; killed when it goes.
pub struct Site {
    child: Child,
    pub host: String,
    pub token: String,
}

pub struct Said {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

impl Site {
    pub fn start(project: &Project) -> Site {
        Site::of(project.command(&["serve", "--port", "0"]), project.dir())
    }

    /// A command that serves the project in this directory, at a port of its choice.
    pub fn of(mut command: Command, dir: &Path) -> Site {
        let log = std::fs::File::create(dir.join("serve.log")).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("tidemill starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let log = || std::fs::read_to_string(dir.join("serve.log")).unwrap_or_default();
        let url = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("no URL: {line}\n{}", log()));
        let (host, token) = url.split_once("/?token=").expect("a token in the URL");
        Site { child, host: host.into(), token: token.into() }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a stream");
        stream
    }

    /// Sends what is given, byte by byte as it stands, and reads to the end.
    pub fn raw(&self, request: &str) -> Said {
        let mut stream = self.connect();
        // Whoever is refused early may be cut off while still speaking.
        let _ = stream.write_all(request.as_bytes());
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let all = String::from_utf8_lossy(&all).into_owned();
        let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Said { status, head: head.to_lowercase(), body: body.to_string() }
    }

    pub fn asked_with(&self, path: &str, headers: &str) -> Said {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", self.host))
    }

    pub fn get(&self, path: &str) -> Said {
        self.asked_with(path, &format!("Authorization: Bearer {}\r\n", self.token))
    }

    pub fn json(&self, path: &str) -> Value {
        let said = self.get(path);
        assert_eq!(said.status, 200, "{path}: {}", said.body);
        said.json()
    }

    /// A page that listens.
    pub fn listen(&self, path: &str) -> Events {
        let mut stream = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n", self.host, self.token);
        stream.write_all(request.as_bytes()).expect("it takes the request");
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).expect("an answer") > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Events(lines)
    }

    /// Orders something.
    pub fn post(&self, path: &str, body: &Value) -> Said {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            self.token,
            body.len()
        );
        self.raw(&(head + &body))
    }

    /// What the process holds in memory, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("its memory");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("a number") << 10
    }

    pub fn stop(mut self) {
        // SAFETY: kill of our own child.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status:?}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Events(BufReader<TcpStream>);

impl Events {
    /// The next event of this kind, and what it says.
    pub fn next(&mut self, wanted: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("an event") > 0, "the stream ended");
            if line.trim() == format!("event: {wanted}") {
                let mut data = String::new();
                self.0.read_line(&mut data).expect("its data");
                return serde_json::from_str(data.trim().strip_prefix("data: ").expect("data")).expect("JSON");
            }
        }
    }
}

pub fn escaped(s: &Value) -> String {
    s.to_string().bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[test]
fn a_served_project_is_shown_to_who_has_the_token_and_moves_by_itself() {
    let project = project();
    let site = Site::start(&project);

    // Who may ask.
    assert_eq!(site.asked_with("/healthz", "").status, 200);
    assert_eq!(site.get("/readyz").status, 200);
    for path in ["/", "/api/project", "/metrics", "/api/events", "/d/events"] {
        assert_eq!(site.asked_with(path, "").status, 401, "{path}");
        assert_eq!(site.asked_with(path, "Authorization: Bearer x\r\n").status, 401, "{path}");
    }
    let entered = site.asked_with(&format!("/d/events?token={}", site.token), "");
    assert!(
        entered.status == 303 && entered.head.contains("location: /d/events\r\n") && entered.head.contains("httponly"),
        "{}",
        entered.head
    );
    assert_eq!(site.asked_with("/api/project", &format!("Cookie: tidemill={}\r\n", site.token)).status, 200);
    let foreign = format!("GET /api/project HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {}\r\n\r\n", site.token);
    assert_eq!(site.raw(&foreign.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).status, 421);
    let kept = project.dir().join("lake/_tidemill/token");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(kept).expect("the token's file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let log = std::fs::read_to_string(project.dir().join("serve.log")).expect("a log");
    assert!(!log.contains(&site.token), "the token stands in the log");

    // What is refused.
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/tidemill.toml",
        "/assets/..%2f..%2ftidemill.toml",
        "//etc/passwd.txt",
    ] {
        let said = site.get(path);
        assert!(said.status == 404 && !said.body.contains("workspace"), "{path}: {} {}", said.status, said.body);
    }
    let large = format!(
        "POST /api/project HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: 10000000\r\nConnection: close\r\n\r\n",
        site.host, site.token
    );
    assert_eq!(site.raw(&large).status, 413);
    let long = site.asked_with("/api/project", &format!("X-Long: {}\r\n", "x".repeat(300_000)));
    assert!(long.status == 431 || long.status == 0, "{}", long.status);
    for s in [json!({ "colour": ["red"] }), json!({ "kind": "buy" }), json!({ "at": { "from": "soon" } }), json!([1])] {
        let said = site.get(&format!("/api/dashboards/events/panels/2?s={}", escaped(&s)));
        assert!(said.status == 400 && said.json()["error"]["code"] == "bad_selection", "{s}: {}", said.body);
    }

    // Every number is that of its SQL.
    let described = site.json("/api/dashboards/events");
    for panel in described["panels"].as_array().expect("panels") {
        let path = format!("/api/dashboards/events/panels/{}", panel["id"].as_str().expect("an id"));
        let shown = site.json(&path);
        let told = site.json(&format!("{path}/sql"));
        assert_eq!(told["params"], json!([]));
        let asked = project.json(&["query", told["sql"].as_str().expect("SQL"), "--limit", "0"]);
        let names: Vec<&str> = shown["columns"].as_array().expect("columns").iter().map(|c| c["name"].as_str().expect("a name")).collect();
        let rows =
            shown["rows"].as_array().expect("rows").iter().map(|row| {
                Value::Object(names.iter().zip(row.as_array().expect("a row")).map(|(n, v)| (n.to_string(), v.clone())).collect())
            });
        let rows: Vec<Value> = rows.collect();
        assert!(!rows.is_empty());
        assert_eq!(json!(rows), asked, "{}", panel["title"]);
    }
    let lineage = &site.json("/api/dashboards/events/panels/0/sql")["lineage"];
    assert!(lineage.as_array().expect("a list").contains(&json!({ "column": "total", "from": ["clean.events.amount"] })), "{lineage}");

    // What is selected counts, and is no SQL.
    let buys = escaped(&json!({ "kind": ["buy", "' OR true --"] }));
    let page = site.json(&format!("/api/dashboards/events/panels/2/rows?s={buys}&limit=5"));
    assert_eq!(page["total"].to_string(), project.ask("SELECT count(*) FROM events WHERE kind = 'buy'"));
    assert_eq!(page["rows"].as_array().expect("rows").len(), 5);
    let choices = site.json("/api/dashboards/events/filters/kind?q=U");
    assert_eq!(choices["values"][0]["value"], "buy", "{choices}");
    let month = escaped(&json!({ "at": { "from": "2024-01-01T00:01:00Z", "to": "2024-01-01T00:01:10Z" } }));
    let ten = site.json(&format!("/api/dashboards/events/panels/2?s={month}"));
    assert_eq!(
        ten["rows"].as_array().expect("rows").len().to_string(),
        project.ask("SELECT count(*) FROM events WHERE id >= 60 AND id < 70")
    );

    // As a file.
    let csv = site.get("/api/dashboards/events/panels/3/csv").body;
    assert!(csv.contains("\"'=HYPERLINK(\"\"http://x\"\")\",-1.5") && csv.contains("'+1,"), "{csv}");

    // It moves.
    assert_eq!(
        described["panels"].as_array().expect("panels").iter().map(|p| p["live"] == true).collect::<Vec<_>>(),
        [true, true, true, false]
    );
    let mut events = site.listen("/api/events?dashboard=events");
    let before = site.json("/api/dashboards/events/panels/0");
    append(&project, 120..121);
    let changed = events.next("changed");
    let panels: Vec<&str> = changed["panels"].as_array().expect("panels").iter().map(|p| p.as_str().expect("an id")).collect();
    assert!(panels.contains(&"1") && !panels.contains(&"3"), "{changed}");
    let after = site.json("/api/dashboards/events/panels/2/rows?limit=1");
    assert_eq!(after["total"].to_string(), project.ask("SELECT count(*) FROM events"));
    assert_ne!(site.json("/api/dashboards/events/panels/0")["version"], before["version"]);

    // A file that is edited.
    project.write("dashboards/events.toml", &EVENTS.replace("\"Events\"", "\"What happened\""));
    events.next("reload");
    assert_eq!(site.json("/api/dashboards/events")["title"], "What happened");
    assert_eq!(site.json("/api/project")["outdated"], json!([]));
    let view = std::fs::read_to_string(project.dir().join("views/by_minute.sql")).expect("a view");
    project.write("views/by_minute.sql", &format!("{view}-- more\n"));
    events.next("reload");
    assert_eq!(site.json("/api/project")["outdated"], json!(["views/by_minute.sql"]));

    // Pages that take nothing hold nobody up, and none of them is told more than it can hold.
    let stalled: Vec<Events> = (0..20).map(|_| site.listen("/api/events?dashboard=events")).collect();
    for n in 0..40 {
        append(&project, 121 + n * 5..126 + n * 5);
        site.json("/api/dashboards/events/panels/0");
    }
    let metrics = site.get("/metrics").body;
    assert!(metrics.contains("\ntidemill_listeners 21\n"), "{metrics}");
    assert!(metrics.contains("tidemill_stream_rows_total{name=\"events\"}"), "{metrics}");
    drop(stalled);
    site.stop();
}

#[test]
fn the_document_of_the_api_lists_every_route_and_none_of_them_answers_without_the_token() {
    let project = project();
    let site = Site::start(&project);
    let document = site.json("/api/openapi.json");
    let paths = document["paths"].as_object().expect("paths");
    let routes = [
        "/api/project",
        "/api/dashboards/{name}",
        "/api/dashboards/{name}/panels/{id}",
        "/api/dashboards/{name}/panels/{id}/rows",
        "/api/dashboards/{name}/panels/{id}/csv",
        "/api/dashboards/{name}/panels/{id}/sql",
        "/api/dashboards/{name}/filters/{column}",
        "/api/queries",
        "/api/queries/{name}",
        "/api/entities",
        "/api/entities/{entity}",
        "/api/entities/{entity}/{key}",
        "/api/events",
        "/api/runs",
        "/api/runs/{id}",
        "/api/lineage",
        "/api/quarantine",
        "/api/quarantine/{table}",
        "/api/quarantine/{table}/replay",
        "/api/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
    ];
    assert_eq!(paths.len(), routes.len(), "{paths:?}");
    for route in routes {
        assert!(paths.contains_key(route), "{route}");
        let path = route.replace("{name}", "events").replace("{id}", "0").replace("{column}", "kind").replace("{table}", "events");
        let path = path.replace("{entity}", "kind").replace("{key}", "buy");
        assert_eq!(site.asked_with(&path, "").status, if route == "/healthz" { 200 } else { 401 }, "{route}");
    }
    site.stop();
}

#[test]
fn a_project_in_which_nothing_is_followed_is_shown_as_of_its_last_run() {
    let items = "[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.name]\ntype = \"text\"\n";
    let page = "title = \"Items\"\n[[panels]]\ntitle = \"How many\"\nkind = \"number\"\nview = \"items\"\ny = \"count(id)\"\n";
    let project = Project::of(&[("tables/items.toml", items), ("dashboards/items.toml", page), ("items.csv", "id,name\n1,a\n2,b\n")]);
    let site = Site::start(&project);
    let count = || site.json("/api/dashboards/items/panels/0")["rows"][0][0].clone();
    assert_eq!(count(), json!(2));
    assert_eq!(site.json("/api/project")["live"], false);
    let run = &site.json("/api/dashboards/items/panels/0/sql")["run"];
    assert!(run["run_id"].is_string() && run["ended_at"].is_string(), "{run}");
    let mut events = site.listen("/api/events?dashboard=items");
    project.write("items.csv", "id,name\n1,a\n2,b\n3,c\n");
    project.run();
    assert_eq!(events.next("changed"), json!({ "panels": ["0"] }));
    assert_eq!(count(), json!(3));
    site.stop();
}
