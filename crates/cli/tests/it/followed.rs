//! Sources that go on: a directory that fills, a file that grows and is rotated, a socket that breaks. Nothing is lost or doubled, whatever happens to
//! the source or to the process (but for sockets, which can't be asked again).

use crate::live::{Served, until};
use crate::workload::Project;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// A table of numbers whose source is `source`.
fn project(source: &str) -> Project {
    let table = format!("[source]\n{source}\n[columns.id]\ntype = \"int\"\nrequired = true\n[columns.name]\ntype = \"text\"\n");
    let total = "--! materialized = \"live\"\nSELECT count(*) AS n, sum(id) AS s FROM items\n";
    Project::of(&[("tables/items.toml", &table), ("views/total.sql", total)])
}

fn csv(ids: std::ops::Range<u64>) -> String {
    ids.fold("id,name\n".to_string(), |text, i| format!("{text}{i},n{i}\n"))
}

fn json(ids: std::ops::Range<u64>) -> String {
    ids.map(|i| format!("{{\"id\":{i},\"name\":\"n{i}\"}}\n")).collect()
}

/// How many rows there are, how many different ones, and what the live view says of them.
const COUNTS: &str = "SELECT (SELECT count(*) FROM items) AS a, (SELECT count(DISTINCT id) FROM items) AS b, (SELECT n FROM total) AS c, (SELECT s FROM total) AS d";

fn counts(n: u64) -> String {
    format!("{n},{n},{n},{}", n * (n - 1) / 2)
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the file that grows");
    file.write_all(text.as_bytes()).expect("it takes lines");
}

fn balanced(project: &Project) {
    let audit = project.audit();
    assert_eq!(audit["balanced"], true, "{audit}");
}

#[test]
fn a_directory_that_fills_loses_and_doubles_nothing() {
    let project = project("path = \"in/*.csv\"\nfollow = true\npoll_ms = 20");
    project.write("in/0.csv", &csv(0..10));
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(10), &mut served);
    // Written in pieces under a hidden name, then renamed.
    append(&project.dir().join("in/_1"), "id,name\n10,");
    append(&project.dir().join("in/_1"), "x\n11,y\n");
    std::fs::rename(project.dir().join("in/_1"), project.dir().join("in/1.csv")).expect("its name");
    until(&project, COUNTS, &counts(12), &mut served);
    // Killed, again and again, while files come.
    for round in 0..4u64 {
        let from = 12 + round * 1000;
        project.write(&format!("in/r{round}.csv"), &csv(from..from + 1000));
        served.kill();
        served = Served::start(&project, None);
    }
    until(&project, COUNTS, &counts(4012), &mut served);
    // A row that can't be read is set aside, and taken in when its rule is mended.
    project.write("in/bad.csv", "id,name\nx,bad\n4012,good\n");
    until(&project, "SELECT count(*) FROM quarantine.items", "1", &mut served);
    served.stop();
    assert_eq!(project.ask(COUNTS), counts(4013));
    balanced(&project);
    // `run` takes what has come, and ends.
    project.write("in/last.csv", &csv(4013..4020));
    project.run();
    assert_eq!(project.ask(COUNTS), counts(4020));
    project.run();
    assert_eq!(project.ask(COUNTS), counts(4020));
    balanced(&project);
}

#[test]
fn a_file_that_was_taken_and_changes_stops_its_table_by_name() {
    let project = project("path = \"in\"\nfollow = true\npoll_ms = 20");
    project.write("in/a.csv", &csv(0..10));
    project.run();
    project.write("in/a.csv", &csv(0..20));
    let said = project.ends(1, &["run"]);
    assert!(said.contains("raw.items") && said.contains("in/a.csv") && said.contains("has changed") && said.contains("tail"), "{said}");
}

#[test]
fn following_a_directory_or_not_reads_nothing_twice() {
    let source = "path = \"in/*.csv\"\n";
    let project = project(source);
    let ways = ["", "follow = true\npoll_ms = 20\n", "follow = true\npoll_ms = 30\n", "", "follow = true\n"];
    let table = std::fs::read_to_string(project.dir().join("tables/items.toml")).expect("the table");
    let mut n = 0;
    for (at, way) in ways.iter().enumerate() {
        project.write("tables/items.toml", &table.replace(source, &format!("{source}{way}")));
        if at > 0 {
            // Nothing new: what was read in another way is there once.
            project.run();
            assert_eq!(project.ask(COUNTS), counts(n), "{at}");
        }
        project.write(&format!("in/{at}.csv"), &csv(n..n + 10));
        n += 10;
        project.run();
        assert_eq!(project.ask(COUNTS), counts(n), "{at}");
        balanced(&project);
    }
    // One that has changed since is told, by its name.
    project.write("tables/items.toml", &table);
    project.write("in/1.csv", &csv(10..30));
    let said = project.ends(1, &["run"]);
    assert!(said.contains("in/1.csv") && said.contains("while its directory was followed"), "{said}");
}

#[test]
fn a_log_that_is_rotated_under_load_and_kills_comes_whole() {
    let project = project("connector = \"tail\"\npath = \"log/items.jsonl\"\npoll_ms = 20");
    std::fs::create_dir_all(project.dir().join("log")).expect("a directory");
    let log = project.dir().join("log/items.jsonl");
    append(&log, &json(0..100));
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(100), &mut served);
    for round in 0..5u64 {
        let from = 100 + round * 200;
        let text = json(from..from + 200);
        // Half of a line stands at the end when the file is rotated, or the process is killed.
        let (first, second) = text.split_at(text.len() / 2);
        append(&log, first);
        if round % 2 == 0 {
            served.kill();
        }
        append(&log, second);
        for old in (1..=round).rev() {
            let name = |n: u64| project.dir().join(format!("log/items.jsonl.{n}"));
            std::fs::rename(name(old), name(old + 1)).expect("rotated");
        }
        std::fs::rename(&log, project.dir().join("log/items.jsonl.1")).expect("rotated");
        append(&log, "");
        if round % 2 == 0 {
            served = Served::start(&project, None);
        }
        until(&project, COUNTS, &counts(from + 200), &mut served);
    }
    served.stop();
    assert_eq!(project.ask(COUNTS), counts(1100));
    // No two rows have one place.
    assert_eq!(project.ask("SELECT count(*) FROM (SELECT _file, _line FROM raw.items GROUP BY 1, 2 HAVING count(*) > 1)"), "0");
    balanced(&project);
}

#[test]
fn a_socket_is_connected_to_again() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its address");
    let project = project(&format!("connector = \"socket\"\naddress = \"{address}\""));
    let mut served = Served::start(&project, None);
    for round in 0..3u64 {
        let (mut peer, _) = server.accept().expect("a connection");
        peer.write_all(json(round * 100..round * 100 + 100).as_bytes()).expect("it takes lines");
        until(&project, COUNTS, &counts(round * 100 + 100), &mut served);
        drop(peer);
    }
    // That it broke is told.
    let _peer = server.accept().expect("a connection");
    until(&project, "SELECT count(*) FROM system.streams WHERE trouble LIKE '%connections broke%'", "1", &mut served);
    served.stop();
    assert_eq!(project.ask(COUNTS), counts(300));
    balanced(&project);
}

/// Where nobody listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// Connects as soon as somebody listens.
#[allow(clippy::disallowed_methods)] // a test that waits for another process has to
fn connected(port: u16) -> TcpStream {
    let began = Instant::now();
    loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            return stream;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nobody listens");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // a sender that takes its time has to
fn whoever_sends_at_the_very_first_moment_loses_nothing() {
    let rows = 20_000;
    // Rules that learn from rows wait for the first ones; others don't.
    for rule in ["", "[[clean]]\nrule = \"missing\"\ncolumn = \"id\"\nwith = \"median\"\n"] {
        let port = free_port();
        let project = project(&format!("connector = \"socket\"\nlisten = \"127.0.0.1:{port}\""));
        let table = std::fs::read_to_string(project.dir().join("tables/items.toml")).expect("the table");
        project.write("tables/items.toml", &format!("{table}\n{rule}"));
        let sender = std::thread::spawn(move || {
            let mut first = connected(port);
            let half = rows / 2;
            first.write_all(json(0..half).as_bytes()).expect("it takes lines");
            // It goes on for a while, into which fall the first epochs, and the fit where there is one.
            for n in 0..200 {
                let from = half + n * half / 200;
                first.write_all(json(from..from + half / 200).as_bytes()).expect("it takes lines");
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let mut served = Served::start(&project, None);
        sender.join().expect("sent");
        until(&project, COUNTS, &counts(rows), &mut served);
        served.stop();
        assert_eq!(project.ask(COUNTS), counts(rows));
        // Places are given once: nobody began anew.
        assert_eq!(project.ask("SELECT count(DISTINCT _line) AS n, max(_line) AS m FROM raw.items"), format!("{rows},{rows}"));
        balanced(&project);
    }
}

#[test]
fn a_run_leaves_sockets_to_who_stays() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its address");
    let project = project(&format!("connector = \"socket\"\naddress = \"{address}\""));
    project.run();
    server.set_nonblocking(true).expect("no waiting");
    assert!(server.accept().is_err(), "a run took up what it could not have kept");
}

#[test]
fn a_socket_that_listens_wants_its_token() {
    let port = free_port();
    let project =
        project(&format!("connector = \"socket\"\nlisten = \"127.0.0.1:{port}\"\ntoken = \"${{ITEMS_TOKEN}}\"\nformat = \"csv\""));
    project.write(".env", "ITEMS_TOKEN=open-sesame\n");
    let mut served = Served::start(&project, None);
    until(&project, "SELECT count(*) FROM system.streams", "1", &mut served);
    let send = |text: &str| TcpStream::connect(("127.0.0.1", port)).and_then(|mut s| s.write_all(text.as_bytes())).expect("a connection");
    send("wrong\n1,x\n");
    send("open-sesame\n0,a\n1,b\n");
    send("open-sesame\n2,c\n\"3\",\"d\"\nbroken\n");
    until(&project, COUNTS, &counts(4), &mut served);
    until(&project, "SELECT raw FROM quarantine.items", "broken", &mut served);
    until(&project, "SELECT count(*) FROM system.streams WHERE trouble LIKE '%connections were refused%'", "1", &mut served);
    served.stop();
    assert!(!project.good(&["check", "--format", "json"]).contains("open-sesame"));
    balanced(&project);
}

#[test]
fn what_was_set_aside_is_taken_in_when_its_rule_is_mended() {
    let project = project("connector = \"tail\"\npath = \"items.jsonl\"\npoll_ms = 20");
    let table = std::fs::read_to_string(project.dir().join("tables/items.toml")).expect("the table");
    let log = project.dir().join("items.jsonl");
    let limited =
        |max: u64| project.write("tables/items.toml", &table.replace("required = true", &format!("required = true\nmax = {max}")));
    let aside =
        "SELECT count(*) FILTER (WHERE status = 'open') AS o, count(*) FILTER (WHERE status = 'replayed') AS r FROM quarantine.items";
    limited(99);
    append(&log, &json(0..200));
    append(&log, "nonsense\n");
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(100), &mut served);
    until(&project, aside, "101,0", &mut served);
    served.stop();
    // Under the same rules nothing changes.
    assert!(project.good(&["quarantine", "replay", "items"]).contains("correct the rule"));
    limited(149);
    project.good(&["quarantine", "replay", "items"]);
    assert_eq!(project.ask(aside), "51,50");
    balanced(&project);
    // Whoever serves next has them, and goes on where the source was.
    append(&log, &json(200..205));
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(150), &mut served);
    append(&log, &json(205..210));
    until(&project, aside, "61,50", &mut served);
    served.stop();
    balanced(&project);
    // So does a run.
    limited(999);
    project.good(&["quarantine", "replay", "items"]);
    append(&log, &json(210..220));
    project.run();
    assert_eq!((project.ask(COUNTS), project.ask(aside)), (counts(220), "1,110".to_string()));
    assert_eq!(project.ask("SELECT count(*) FROM (SELECT _file, _line FROM raw.items GROUP BY 1, 2 HAVING count(*) > 1)"), "0");
    balanced(&project);
    let mut served = Served::start(&project, None);
    append(&log, &json(220..230));
    until(&project, COUNTS, &counts(230), &mut served);
    served.stop();
    balanced(&project);
}

#[test]
fn a_live_view_has_the_newest_version_of_a_table_that_is_not_followed() {
    let project = project("connector = \"tail\"\npath = \"items.jsonl\"\npoll_ms = 20");
    let log = project.dir().join("items.jsonl");
    project.write(
        "tables/kinds.toml",
        "load = \"replace\"\n[source]\npath = \"kinds.csv\"\n[columns.rest]\ntype = \"int\"\n[columns.kind]\ntype = \"text\"\n",
    );
    let sql = "SELECT k.kind, count(*) AS n, sum(i.id) AS s FROM items i JOIN kinds k ON k.rest = i.id % 3 GROUP BY k.kind";
    project.write("views/by_kind.sql", &format!("--! materialized = \"live\"\n--! state_limit = \"1000 rows\"\n{sql}\n"));
    project.write("kinds.csv", "rest,kind\n0,a\n1,b\n");
    append(&log, &json(0..90));
    // In one question: each is of one moment.
    let kept = "SELECT kind, n, s FROM by_kind";
    let unequal = format!("SELECT count(*) FROM (({kept} EXCEPT ALL {sql}) UNION ALL ({sql} EXCEPT ALL {kept})) q");
    let same = |when: &str| assert_eq!(project.ask(&unequal), "0", "{when}: {}", project.ask(kept));
    project.run();
    same("at first");
    // One kind has another name, one rest belongs to two, and one is new.
    project.write("kinds.csv", "rest,kind\n0,z\n1,b\n1,z\n2,c\n");
    project.run();
    same("after a run that changed it");
    append(&log, &json(90..120));
    let mut served = Served::start(&project, None);
    until(&project, COUNTS, &counts(120), &mut served);
    same("served");
    let reads = "SELECT reads FROM system.live_views WHERE \"view\" = 'by_kind'";
    until(&project, &format!("SELECT reads LIKE 'clean.kinds@%' AS told FROM ({reads}) q"), "true", &mut served);
    let reads = project.ask(reads);
    served.stop();
    // Whoever serves brings it up to date first.
    project.write("kinds.csv", "rest,kind\n2,a\n");
    let mut served = Served::start(&project, None);
    append(&log, &json(120..150));
    until(&project, COUNTS, &counts(150), &mut served);
    same("served anew");
    until(&project, &format!("SELECT reads <> '{reads}' AS newer FROM system.live_views WHERE \"view\" = 'by_kind'"), "true", &mut served);
    same("served anew, from memory too");
    assert_eq!(project.ask("SELECT count(*) FROM by_kind"), "1");
    served.stop();
    same("in the end");
}
