//! Hostile names, in data, columns, titles, file names and URLs: they are shown as what they are, and do nothing else. Pages that take nothing cost little.

use crate::dashboard::{Site, escaped};
use crate::workload::Project;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;

const TITLE: &str = "</script><script>alert('t')</script>";
const COLUMN: &str = "<img src=x onerror=alert(1)> \"'; DROP TABLE items; --";
const PATH: &str = "in <b>'\"& é\u{202e}.csv";

/// What somebody may write into a form.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>alert(1)</script>",
        "'; DROP TABLE items; --",
        "\"quoted\", and 'more'",
        "=HYPERLINK(\"http://evil.example\")",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\tafter a tab",
        "../../../../etc/passwd",
        "a/b?c=d&e#f%00%2f",
        "$1 $name ${HOME} {{x}}",
        "\u{202e}gnp.exe\u{202c}",
        "\u{200b}zero\u{feff}width",
        "line\none\r\ntwo",
        "\\u0000 \\ \\\\",
        "🦀́",
        "NULL",
    ]
    .map(str::to_string)
    .to_vec();
    names.push("x".repeat(10_000));
    names
}

fn project() -> Project {
    let mut csv = String::from("id,name\n");
    for (id, name) in names().iter().enumerate() {
        let _ = writeln!(csv, "{id},\"{}\"", name.replace('"', "\"\""));
    }
    let table = format!(
        "load = \"replace\"\n[source]\npath = {path}\n[columns.id]\ntype = \"int\"\n[columns.name]\ntype = \"text\"\n",
        path = toml(PATH)
    );
    let quoted = COLUMN.replace('"', "\"\"");
    let odd = format!(
        "--! materialized = \"table\"\n--! tests = [{{ unique = {} }}]\nSELECT id, name AS \"{quoted}\" FROM items\n",
        toml(COLUMN)
    );
    let page = format!(
        "title = {title}\ndescription = {title}\nentity = {column}\n[[filters]]\ncolumn = {column}\n[[panels]]\ntitle = {title}\nkind = \"table\"\n\
         view = \"odd\"\norder = \"id\"\n[[panels]]\ntitle = \"count\"\nkind = \"bar\"\nview = \"odd\"\nx = {column}\ny = {{ sql = \"count(*)\", label = {title} }}\n",
        title = toml(TITLE),
        column = toml(COLUMN)
    );
    let query = "--! params.name = \"text\"\nSELECT id, name FROM items WHERE name = $name\n";
    Project::of(&[
        ("tables/items.toml", &table),
        ("views/odd.sql", &odd),
        ("dashboards/odd.toml", &page),
        ("queries/named.sql", query),
        (PATH, &csv),
    ])
}

/// As a text of TOML.
fn toml(text: &str) -> String {
    json!(text).to_string()
}

/// As one part of a path, or a value of a query.
fn part(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        let _ = if b.is_ascii_alphanumeric() { write!(out, "{}", char::from(b)) } else { write!(out, "%{b:02X}") };
        out
    })
}

#[test]
fn hostile_names_are_shown_as_what_they_are_and_do_nothing_else() {
    let project = project();
    let site = Site::start(&project);
    let names = names();

    // Of the project.
    let described = site.get("/api/dashboards/odd");
    assert!(described.head.contains("content-type: application/json") && described.head.contains("nosniff"), "{}", described.head);
    let described = described.json();
    assert_eq!(
        (&described["title"], &described["entity"], &described["filters"][0]["column"]),
        (&json!(TITLE), &json!(COLUMN), &json!(COLUMN))
    );
    assert_eq!(described["panels"][0]["selectable"], json!(["id", COLUMN]));
    let sql = site.json("/api/dashboards/odd/panels/0/sql");
    assert!(sql["sql"].as_str().expect("SQL").contains("\"\"'; DROP TABLE items; --\""), "{sql}");
    let page = site.get("/");
    assert!(!page.body.contains("alert("), "nothing of the project stands in the page");

    // Of the data.
    let shown = site.json("/api/dashboards/odd/panels/0");
    assert_eq!(shown["columns"][1]["name"], json!(COLUMN));
    let rows: Vec<&Value> = shown["rows"].as_array().expect("rows").iter().map(|r| &r[1]).collect();
    assert_eq!(rows, names.iter().map(|n| Value::from(n.as_str())).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    let csv = site.get("/api/dashboards/odd/panels/0/csv");
    assert!(csv.head.contains("content-disposition: attachment; filename=\"odd-0.csv\""), "{}", csv.head);
    for formula in ["'=HYPERLINK(", "'+1+1", "'-2+3", "'@SUM(A1)", "'\tafter a tab"] {
        assert!(csv.body.contains(formula), "{formula} is not escaped");
    }

    // From outside, as values.
    for (id, name) in names.iter().enumerate() {
        let s = escaped(&json!({ COLUMN: [name] }));
        if s.len() < 14_000 {
            let found = site.json(&format!("/api/dashboards/odd/panels/0?s={s}"));
            assert_eq!(found["rows"], json!([[id, name]]), "selected: {name:?}");
            let bars = site.json(&format!("/api/dashboards/odd/panels/1?s={s}"));
            assert_eq!(bars["rows"], json!([[name, 1]]), "{name:?}");
        }
        let found = site.json(&format!("/api/queries/named?name={}", part(name)));
        assert_eq!(found["rows"], json!([[id, name]]), "asked by name: {name:?}");
        let one = site.json(&format!("/api/entities/{}/{}", part(COLUMN), part(name)));
        assert_eq!(one["profiles"][0]["row"], json!([id, name]), "looked up: {name:?}");
        let begin: String = name.chars().take(100).collect();
        let like = site.json(&format!("/api/entities/{}?q={}", part(COLUMN), part(&begin)));
        assert_eq!(like["values"], json!([name]), "searched: {begin:?}");
        let held = site.json(&format!("/api/dashboards/odd/filters/{}?q={}", part(COLUMN), part(&begin)));
        assert!(held["values"].as_array().is_some_and(|v| v.iter().any(|v| v["value"] == json!(name))), "chosen: {begin:?}: {held}");
    }
    let total: i64 = site.json("/api/queries/named?name=%27+OR+%27a%27%3D%27a")["rows"].as_array().expect("rows").len() as i64;
    assert_eq!(total, 0);
    assert_eq!(project.ask("SELECT count(*) FROM items"), names.len().to_string());

    // From outside, as names: none is there, none is looked for elsewhere, and what is said of them is JSON.
    for name in
        names.iter().map(|n| part(n)).chain(["%2e%2e".into(), "%2e%2e%2ftidemill".into(), "..%5c..".into(), "%ff%fe".into(), "%".into()])
    {
        for path in [
            format!("/api/dashboards/{name}"),
            format!("/api/dashboards/odd/panels/{name}"),
            format!("/api/dashboards/odd/filters/{name}"),
            format!("/api/queries/{name}"),
            format!("/api/entities/{name}"),
            format!("/api/entities/{name}/1"),
            format!("/api/events?dashboard={name}"),
            format!("/assets/{name}.js"),
        ] {
            let said = site.get(&path);
            let shown = &path[..path.len().min(80)];
            assert!(matches!(said.status, 400 | 404), "{shown}: {} {}", said.status, said.body);
            assert!(said.body.is_empty() || !said.head.contains("text/html"), "{shown}: {}", said.head);
            assert!(!said.body.contains("root:") && !said.body.contains("[source]"), "{shown}: {}", said.body);
        }
    }
    // A header cannot be broken out of.
    let entered = site.asked_with(&format!("/%0d%0aSet-Cookie:%20x=y?token={}&a=%0d%0ab", site.token), "");
    assert!(!entered.head.contains("set-cookie: x=y"), "{}", entered.head);
    let log = std::fs::read_to_string(project.dir().join("serve.log")).expect("a log");
    assert!(!log.contains("panicked") && !log.contains(&site.token), "{log}");
    site.stop();
}

#[test]
fn pages_that_take_nothing_cost_little() {
    let project = crate::live::project();
    project.write("dashboards/events.toml", "title = \"E\"\n[[panels]]\nkind = \"number\"\nview = \"events\"\ny = \"count(*)\"\n");
    crate::live::append(&project, 0..100);
    let site = Site::start(&project);
    let count = || site.json("/api/dashboards/events/panels/0")["rows"][0][0].as_u64().expect("a number");
    let mut stalled = Vec::new();
    for _ in 0..100 {
        stalled.push(site.listen("/api/events?dashboard=events"));
    }
    let before = site.memory();
    // Others ask for far more than the system holds for them on the way, and take nothing of it either.
    let document =
        format!("GET /api/openapi.json HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n", site.host, site.token).repeat(1_000);
    let deaf: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = site.connect();
            stream.set_nonblocking(true).expect("a stream");
            // As much as it takes.
            let _ = stream.write(document.as_bytes()).expect("it takes some");
            stream
        })
        .collect();
    for n in 0..50 {
        let last = count();
        crate::live::append(&project, 100 + n * 10..110 + n * 10);
        // Each is to be told on its own, and the others have time to be answered.
        while count() == last {}
    }
    // Who listens is still told at once, whoever does not.
    let mut awake = site.listen("/api/events?dashboard=events");
    crate::live::append(&project, 600..610);
    assert_eq!(awake.next("changed"), json!({ "panels": ["0"] }));
    let after = site.memory();
    assert!(after < before + (64 << 20), "from {before} to {after} bytes with {} pages that take nothing", stalled.len());
    // The answers to all that was asked would be 700 MB.
    drop((stalled, deaf));
    site.stop();
}
