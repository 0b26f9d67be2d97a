//! Rows that were set aside are taken in from the page: of a project that stands, and of one that is followed while rows come.

use crate::dashboard::Site;
use crate::owners::Held;
use crate::workload::Project;
use serde_json::{Value, json};
use std::io::Write;
use std::ops::Range;
use std::time::{Duration, Instant};

const PAGE: &str = "title = \"Items\"\n[[panels]]\ntitle = \"How many\"\nkind = \"number\"\nview = \"total\"\ny = \"sum(n)\"\n";

fn groups(site: &Site) -> Vec<Value> {
    site.json("/api/quarantine")["groups"].as_array().expect("groups").clone()
}

fn count(site: &Site) -> Value {
    site.json("/api/dashboards/items/panels/0")["rows"][0][0].clone()
}

fn balanced(project: &Project) {
    let audit = project.audit();
    assert_eq!(audit["balanced"], true, "{audit}");
}

const COUNTS: &str = "SELECT (SELECT count(*) FROM items) AS a, (SELECT count(DISTINCT id) FROM items) AS b, (SELECT n FROM total) AS c, \
    (SELECT s FROM total) AS d";

/// What these are when items 0 to `n` are all in.
fn wanted(n: u64) -> String {
    format!("{n},{n},{n},{}", n * (n - 1) / 2)
}

/// A table whose file grows, and which sets greater numbers aside.
fn tail(max: u64) -> String {
    format!(
        "[source]\nconnector = \"tail\"\npath = \"items.jsonl\"\npoll_ms = 20\n[columns.id]\ntype = \"int\"\nrequired = true\nmax = {max}\n\
         [columns.name]\ntype = \"text\"\n"
    )
}

fn followed(max: u64) -> Project {
    let total = "--! materialized = \"live\"\nSELECT count(*) AS n, sum(id) AS s FROM items\n";
    Project::of(&[("tables/items.toml", &tail(max)), ("views/total.sql", total), ("dashboards/items.toml", PAGE)])
}

fn append(project: &Project, ids: Range<u64>) {
    let log = project.dir().join("items.jsonl");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("the file that grows");
    let text: String = ids.map(|i| format!("{{\"id\":{i},\"name\":\"n{i}\"}}\n")).collect();
    file.write_all(text.as_bytes()).expect("it takes lines");
}

fn until(project: &Project, sql: &str, wanted: &str) {
    let began = Instant::now();
    while project.ask(sql) != wanted {
        assert!(began.elapsed() < Duration::from_secs(60), "{sql}: {} is not {wanted}", project.ask(sql));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn of_a_project_that_stands_under_the_rules_as_they_are_in_its_files() {
    let table =
        |max: u64| format!("[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\n[columns.amount]\ntype = \"int\"\nmax = {max}\n");
    let total = "--! materialized = \"table\"\nSELECT count(*) AS n FROM items\n";
    let rows = "id,amount\n1,5\n2,60\n3,700\nx,1\n";
    let files = [
        ("tables/items.toml", table(10)),
        ("views/total.sql", total.into()),
        ("dashboards/items.toml", PAGE.into()),
        ("items.csv", rows.into()),
    ];
    let project = Project::of(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let site = Site::start(&project);
    assert_eq!(count(&site), json!(1));

    let found = groups(&site);
    let range = found.iter().find(|g| g["column"] == "amount").expect("a group");
    assert_eq!(
        (&range["table"], &range["status"], &range["rows"], &range["can_replay"]),
        (&json!("items"), &json!("open"), &json!(2), &json!(true))
    );
    assert_eq!((&range["first_file"], &range["first_line"], &range["first_raw"]), (&json!("items.csv"), &json!(3), &json!("2,60")));
    let page = site.json("/api/quarantine/items?column=amount&limit=1");
    assert_eq!(page["total"], 2);
    let names: Vec<&str> = page["columns"].as_array().expect("columns").iter().map(|c| c["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["file", "line", "code", "column", "reason", "raw", "status", "run_id", "quarantined_at"]);
    assert_eq!(page["rows"][0][5], "2,60");

    // Under the same rule nothing changes.
    let same = site.post("/api/quarantine/items/replay", &json!({})).json();
    assert_eq!((&same["tried"], &same["accepted"], &same["still_rejected"]), (&json!(3), &json!(0), &json!(3)), "{same}");
    assert!(same["next"].as_str().is_some_and(|n| n.contains("correct the rule")), "{same}");

    // The rule is corrected, and the page follows.
    let mut events = site.listen("/api/events?dashboard=items");
    project.write("tables/items.toml", &table(100));
    let taken = site.post("/api/quarantine/items/replay", &json!({ "column": "amount" })).json();
    assert_eq!((&taken["tried"], &taken["accepted"], &taken["still_rejected"]), (&json!(2), &json!(1), &json!(1)), "{taken}");
    assert_eq!(taken["next"], "clean.items and what depends on it are up to date");
    assert_eq!(count(&site), json!(2));
    while events.next("changed") != json!({ "panels": ["0"] }) {}
    assert!(groups(&site).iter().any(|g| g["status"] == "replayed" && g["rows"] == 1 && g["can_replay"] == false));
    assert_eq!(site.json("/api/quarantine/items?status=all")["total"], 3);
    balanced(&project);

    // Who is in the way is told with its name, and nothing is done.
    project.write("items.csv", &format!("{rows}4,8\n"));
    let other = Held::at(&project, "done.before", &format!("lake/_tidemill/epochs/{:020}.manifest.json", 4));
    let said = site.post("/api/quarantine/items/replay", &json!({}));
    assert_eq!(said.status, 409, "{}", said.body);
    let busy = said.json();
    assert!(busy["error"]["message"].as_str().is_some_and(|m| m.contains("in use by `tidemill run`")), "{busy}");
    assert!(busy["error"]["help"].is_string());
    other.kill();
    // What it left is to be finished first.
    let left = site.post("/api/quarantine/items/replay", &json!({}));
    assert_eq!(left.status, 409, "{}", left.body);
    assert!(left.body.contains("tidemill run"), "{}", left.body);
    project.run();
    assert_eq!(site.post("/api/quarantine/items/replay", &json!({})).status, 200);
    balanced(&project);
    site.stop();
}

#[test]
fn a_table_that_is_loaded_by_key_is_read_again_instead() {
    let table = "load = \"upsert\"\nkey = [\"id\"]\n[source]\npath = \"items.csv\"\n[columns.id]\ntype = \"int\"\nrequired = true\n[columns.amount]\ntype = \"int\"\nmax = 10\n";
    let project = Project::of(&[("tables/items.toml", table), ("items.csv", "id,amount\n1,5\n2,60\n")]);
    let site = Site::start(&project);
    assert_eq!(groups(&site)[0]["can_replay"], false);
    let said = site.post("/api/quarantine/items/replay", &json!({}));
    assert!(said.status == 422 && said.body.contains("loaded by key"), "{}: {}", said.status, said.body);
    site.stop();
}

#[test]
fn of_a_project_that_is_followed_nothing_is_lost_or_doubled_while_rows_come() {
    let project = followed(99);
    let append = |ids| append(&project, ids);
    let until = |sql: &str, wanted: &str| until(&project, sql, wanted);
    append(0..200);
    let site = Site::start(&project);
    until(COUNTS, &wanted(100));
    until("SELECT count(*) FROM quarantine.items", "100");
    let none = site.post("/api/quarantine/items/replay", &json!({})).json();
    assert_eq!((&none["tried"], &none["accepted"]), (&json!(100), &json!(0)), "{none}");
    assert!(none["next"].as_str().is_some_and(|n| n.contains("serve the project anew")), "{none}");
    site.stop();

    // The rule is corrected; rows come before, while and after those set aside are taken in.
    project.write("tables/items.toml", &tail(1_000_000));
    append(200..210);
    let site = Site::start(&project);
    until("SELECT count(*) FROM items WHERE id >= 200", "10");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut n = 210;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) && n < 100_000 {
                append(n..n + 5);
                n += 5;
                std::thread::yield_now();
            }
            n
        });
        let taken = site.post("/api/quarantine/items/replay", &json!({ "code": "range" })).json();
        assert_eq!((&taken["tried"], &taken["accepted"], &taken["still_rejected"]), (&json!(100), &json!(100), &json!(0)), "{taken}");
        // Who orders sees them at once.
        assert_eq!(site.json("/api/quarantine/items")["total"], 0);
        assert!(count(&site).as_u64().is_some_and(|n| n >= 210), "{}", count(&site));
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        writer.join().expect("the writer")
    });
    until(COUNTS, &wanted(written));
    assert_eq!(count(&site), json!(written));
    // And it goes on.
    append(written..written + 7);
    until(COUNTS, &wanted(written + 7));
    assert_eq!(project.ask("SELECT count(*) FROM (SELECT _file, _line FROM raw.items GROUP BY 1, 2 HAVING count(*) > 1)"), "0");
    site.stop();
    assert_eq!(project.ask(COUNTS), wanted(written + 7));
    balanced(&project);
}

#[test]
fn what_could_not_be_brought_up_to_date_with_them_ends_nothing_and_is_made_good_later() {
    let prices = "[source]\npath = \"prices.csv\"\n[columns.id]\ntype = \"int\"\n";
    let project = followed(9);
    project.write("tables/prices.toml", prices);
    project.write("prices.csv", "id\n1\n");
    let append = |ids| append(&project, ids);
    let until = |sql: &str, wanted: &str| until(&project, sql, wanted);
    append(0..20);
    let site = Site::start(&project);
    until("SELECT count(*) FROM quarantine.items", "10");
    site.stop();
    project.write("tables/items.toml", &tail(1_000_000));
    append(20..30);
    let site = Site::start(&project);
    until("SELECT count(*) FROM items WHERE id >= 20", "10");

    // Another table's file is away, so that no run can be planned.
    project.remove("prices.csv");
    let taken = site.post("/api/quarantine/items/replay", &json!({}));
    assert_eq!(taken.status, 200, "{}", taken.body);
    let taken = taken.json();
    assert_eq!((&taken["tried"], &taken["accepted"]), (&json!(10), &json!(10)), "{taken}");
    let next = taken["next"].as_str().expect("what is next");
    assert!(next.contains("the rows are taken in, but not everything") && next.contains("prices.csv"), "{next}");
    // Rows go on to come, though their rules can't be fitted meanwhile.
    append(30..35);
    until("SELECT count(*) FROM raw.items", "35");

    project.write("prices.csv", "id\n1\n");
    append(35..40);
    until(COUNTS, &wanted(40));
    site.stop();
    balanced(&project);
}

#[test]
fn the_command_line_has_it_done_by_who_serves() {
    let project = followed(9);
    let replay = |arguments: &[&str]| project.json(&[&["quarantine", "replay", "items"], arguments].concat());
    append(&project, 0..20);
    let site = Site::start(&project);
    until(&project, "SELECT count(*) FROM quarantine.items", "10");
    // Who serves judges by the rules it serves by, whatever the files say since.
    project.write("tables/items.toml", &tail(1_000_000));
    let none = replay(&[]);
    assert_eq!((&none["tried"], &none["accepted"], &none["still_rejected"]), (&json!(10), &json!(0), &json!(10)), "{none}");
    assert!(none["next"].as_str().is_some_and(|n| n.contains("serve the project anew")), "{none}");
    site.stop();

    append(&project, 20..30);
    let site = Site::start(&project);
    until(&project, "SELECT count(*) FROM items WHERE id >= 20", "10");
    assert_eq!(replay(&["--code", "type"])["tried"], 0);
    assert!(project.ends(78, &["quarantine", "replay", "nothing"]).contains("declares no table `nothing`"));
    let taken = replay(&["--code", "range", "--column", "id"]);
    assert_eq!(
        taken,
        json!({ "table": "items", "tried": 10, "accepted": 10, "still_rejected": 0, "next": "clean.items and what depends on it are up to date" })
    );
    // Who asks afterwards sees them, and what came meanwhile.
    append(&project, 30..35);
    until(&project, COUNTS, &wanted(35));
    assert!(project.good(&["quarantine", "replay", "items"]).contains("nothing to try again in quarantine.items"));
    site.stop();
    assert_eq!(project.ask(COUNTS), wanted(35));
    balanced(&project);
}
