//! Tables in memory: the same answers, read once, never stale; and the commands that measure what it is worth.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Shop {
    home: tempfile::TempDir,
}

impl Shop {
    fn new() -> Shop {
        let shop = Shop { home: tempfile::tempdir().expect("a temporary directory") };
        shop.write("tidemill.toml", "name = \"shop\"\n");
        shop.write("tables/orders.toml", "cache = true\nkey = [\"id\"]\n[source]\npath = \"data/orders.csv\"\n");
        shop.write("tables/customers.toml", "key = [\"customer\"]\n[source]\npath = \"data/customers.csv\"\n");
        shop.write(
            "functions/gross.sql",
            "CREATE FUNCTION gross(net DOUBLE) RETURNS DOUBLE RETURN CASE WHEN net > 500 THEN net * 1.2 ELSE net * 1.1 END\n",
        );
        shop.write(
            "views/totals.sql",
            "--! cache = true\nSELECT country, sum(amount) AS total, count(*) AS orders FROM orders GROUP BY country\n",
        );
        shop.write(
            "views/by_region.sql",
            "--! materialized = \"table\"\nSELECT c.region, sum(gross(o.amount)) AS revenue FROM orders o JOIN customers c ON o.customer = c.customer GROUP BY c.region\n",
        );
        shop.orders(3_000);
        let rows: Vec<String> = (0..50).map(|i| format!("{i},{}\n", ["north", "south"][i % 2])).collect();
        shop.write("data/customers.csv", &format!("customer,region\n{}", rows.concat()));
        shop.tidemill(&["run"]);
        shop
    }

    fn orders(&self, rows: usize) {
        let line = |i: usize| format!("{i},{},{},{}.5,2024-01-{:02} 10:00:00\n", i % 50, ["FR", "DE", "IT"][i % 3], i % 997, 1 + i % 28);
        self.write("data/orders.csv", &format!("id,customer,country,amount,ordered_at\n{}", (0..rows).map(line).collect::<String>()));
    }

    fn dir(&self) -> PathBuf {
        self.home.path().join("shop")
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.dir().join(path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        std::fs::write(path, content).expect("a file");
    }

    /// Standard output, and standard error.
    fn told(&self, arguments: &[&str]) -> (String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .arg("-C")
            .arg(self.dir())
            .args(arguments)
            .env_remove("TIDEMILL_ENV")
            .env("NO_COLOR", "1")
            .output()
            .expect("tidemill starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success(), "tidemill {arguments:?}: {}\n{out}\n{err}", output.status);
        (out, err)
    }

    fn tidemill(&self, arguments: &[&str]) -> String {
        self.told(arguments).0
    }
}

#[test]
fn what_is_kept_answers_the_same_and_is_read_once() {
    let shop = Shop::new();
    let questions = "SELECT count(*), sum(amount) FROM orders; SELECT sum(amount) FROM orders WHERE country = 'FR';
        SELECT * FROM totals ORDER BY country; SELECT country FROM totals ORDER BY total; SELECT max(customer) FROM customers";
    let (plain, told) = shop.told(&["query", "--format", "csv", "-v", questions]);
    // `orders` and `totals` say so themselves; the amount was wanted by two questions, the columns of `totals` by two.
    assert!(told.contains("in memory: ") && told.contains(" of 2 tables"), "{told}");
    assert!(!told.contains("; 0 of"), "{told}");
    let (kept, told) = shop.told(&["query", "--cache", "--format", "csv", "-v", questions]);
    assert_eq!(kept, plain);
    assert!(told.contains(" of 3 tables"), "{told}");
    let (nothing, told) = shop.told(&["--set", "engine.cache=0B", "query", "--cache", "--format", "csv", "-v", questions]);
    assert_eq!(nothing, plain);
    assert!(!told.contains("in memory"), "{told}");
}

#[test]
fn what_is_kept_is_a_table_too() {
    let shop = Shop::new();
    let of_cache = "SELECT node, rows, columns, bytes > 0 AS holds, bytes_max > bytes AS fits, hits, misses, evictions, refusals, since <= used_at AS used
        FROM system.cache ORDER BY node";
    // A process that has kept nothing has nothing to tell.
    let nothing = shop.tidemill(&["query", "--format", "csv", of_cache]);
    assert_eq!(nothing.lines().count(), 1, "{nothing}");
    let questions = format!("SELECT sum(amount) FROM orders; SELECT max(amount), max(customer) FROM orders; {of_cache}");
    let told = shop.tidemill(&["query", "--format", "csv", &questions]);
    // The amount was wanted twice, and was there the second time; of `totals` nothing was asked.
    assert_eq!(told.lines().last(), Some("clean.orders,3000,2,true,true,1,2,0,0,true"), "{told}");
    let told = shop.tidemill(&["--set", "engine.cache=1KB", "query", "--format", "csv", &questions]);
    assert_eq!(told.lines().last(), Some("clean.orders,0,0,false,true,0,0,0,2,"), "{told}");
}

#[test]
fn a_shell_sees_what_a_run_changed() {
    let shop = Shop::new();
    let script = shop.home.path().join("script.sql");
    std::fs::write(&script, "SELECT count(*) AS orders FROM orders;\n\\memory\n").expect("a script");
    let (out, _) = shop.told_from(&["shell", "--cache", "--format", "csv"], &script);
    assert!(out.contains("3000") && out.contains("clean.orders"), "{out}");
    shop.orders(3_100);
    shop.tidemill(&["run"]);
    let (out, _) = shop.told_from(&["shell", "--cache", "--format", "csv"], &script);
    assert!(out.contains("3100"), "{out}");
}

impl Shop {
    fn told_from(&self, arguments: &[&str], input: &Path) -> (String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .arg("-C")
            .arg(self.dir())
            .args(arguments)
            .env("NO_COLOR", "1")
            .stdin(std::fs::File::open(input).expect("the input"))
            .output()
            .expect("tidemill starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn bench_cache_measures_every_way_and_says_what_is_held() {
    let shop = Shop::new();
    let (json, page) = (shop.home.path().join("cache.json"), shop.home.path().join("cache.html"));
    let text = |p: &Path| p.display().to_string();
    let told = shop.tidemill(&["bench", "cache", "--repeat", "2", "--json", &text(&json), "--html", &text(&page)]);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).expect("the report")).expect("JSON");
    let questions = report["questions"].as_array().expect("questions");
    let names: Vec<&str> = questions.iter().filter_map(|q| q["name"].as_str()).collect();
    assert_eq!(names, ["scan", "filter", "aggregate", "join", "window", "top", "totals", "by_region"], "{told}");
    for q in questions {
        for way in ["cold_seconds", "warm_seconds", "memory_seconds"] {
            let times = q[way].as_array().expect("times");
            assert_eq!(times.len(), 2, "{q}");
            assert!(times.iter().all(|t| t.as_f64().is_some_and(|t| t > 0.0)), "{q}");
        }
        let from_source = q["source_seconds"].as_array().expect("times").len();
        assert_eq!(from_source, if q["is_fixed"] == true { 2 } else { 0 }, "{q}");
        assert!(told.contains(q["name"].as_str().expect("a name")), "{told}");
    }
    assert_eq!(questions[0]["rows_read"], 3_000);
    assert_eq!(questions[3]["rows_read"], 3_050, "the join reads both tables");
    assert!(report["memory"]["bytes"].as_u64().is_some_and(|b| b > 0 && b < 1_000_000), "{report}");
    let page = std::fs::read_to_string(&page).expect("the page");
    for name in names {
        assert!(page.contains(&format!("<h2>{name}</h2>")), "{name}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "the page stands by itself");
}

#[test]
fn bench_plans_turns_ways_off_one_at_a_time() {
    let shop = Shop::new();
    let told = shop.tidemill(&["bench", "plans", "by_region", "--repeat", "1", "--format", "json"]);
    let report: Value = serde_json::from_str(&told).expect("JSON");
    let view = &report["views"][0];
    let way = |name: &str| {
        let ways = view["ways"].as_array().expect("ways");
        ways.iter().find(|w| w["way"] == name).unwrap_or_else(|| panic!("no way {name}: {told}"))
    };
    let differs = |name: &str, word: &str| {
        let lines = way(name)["difference"].as_array().expect("lines");
        assert!(lines.iter().any(|l| l.as_str().is_some_and(|l| l.starts_with('+') && l.contains(word))), "{name}: {lines:?}");
    };
    differs("no broadcast", "mode=Partitioned");
    differs("in memory", "MemoryScan");
    differs("functions called", "gross(");
    assert_eq!(way("in memory")["bytes_read"], 0);
    assert!(view["usual"]["bytes_read"].as_u64().is_some_and(|b| b > 0), "{told}");
    let lines = way("1 partition")["difference"].as_array().expect("lines");
    assert!(lines.iter().any(|l| l.as_str().is_some_and(|l| l.starts_with("- ") && l.contains("RepartitionExec"))), "{lines:?}");
    // A view that calls no function has no such row; a name that is none is told.
    let told = shop.tidemill(&["bench", "plans", "totals", "--repeat", "1", "--format", "csv"]);
    assert!(!told.contains("functions called") && told.lines().count() == 9, "{told}");
}
