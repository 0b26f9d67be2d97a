//! The shipped shop, served: what comes is in the live figures, each shipped alert is raised, told again and resolved by events planted for it, and at
//! the end DuckDB gives what every live view holds.

use crate::cargo;
use crate::marketing::python;
use crate::orders::Ran;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LIVE: &str =
    "sale_lines,sales_per_minute,running_totals,revenue_by_category_now,top_products_now,active_customers,rolling_averages,stock_now";
const STREAMS: [&str; 3] = ["orders", "order_lines", "stock_movements"];

#[test]
fn the_shop_is_served_and_its_alerts_are_told() {
    let shop = Shop { ran: Ran::with("shop", &["--rows", "1000", "--start", "2024-01-01", "--days", "90", "--seed", "3"]) };
    shop.prepare();
    let customer = shop.ask("SELECT customer_id FROM customers ORDER BY customer_id LIMIT 1");
    let (best, value) = (
        shop.ask("SELECT customer_id FROM customer_metrics ORDER BY lifetime_value DESC, customer_id LIMIT 1"),
        shop.ask("SELECT max(lifetime_value) AS most FROM customer_metrics"),
    );
    shop.rewrite("alerts/high_value_customer.sql", &[(">= 10000", &format!(">= {value}"))]);
    let product = shop.ask("SELECT product_id FROM stock_now WHERE pieces >= 50 ORDER BY product_id LIMIT 1");
    let pieces: i64 = shop.ask(&format!("SELECT pieces FROM stock_now WHERE product_id = '{product}'")).parse().expect("a number");
    let lines: i64 = shop.ask("SELECT lines FROM running_totals").parse().expect("a number");

    let mut served = shop.serve();
    shop.until("SELECT count(*) AS n FROM system.streams WHERE prepared", "3", &mut served);
    // One piece is left.
    shop.come("stock_movements", &[movement(1, &product, 1 - pieces)]);
    // Six orders within ten minutes, and one of the best customer; a line each.
    let orders: Vec<Value> = (1..=6).map(|n| order(n, &customer)).chain([order(7, &best)]).collect();
    shop.come("orders", &orders);
    let of = |n: u64| json!({"order_id": number(n), "line": 1, "product_id": product, "quantity": 2, "unit_price": "10.00"});
    shop.come("order_lines", &(1..=7).map(of).collect::<Vec<_>>());
    shop.until("SELECT lines FROM running_totals", &(lines + 7).to_string(), &mut served);
    shop.until(&format!("SELECT pieces FROM stock_now WHERE product_id = '{product}'"), "1", &mut served);
    // A quarter of what comes is refused, and later hardly anything.
    let broken = |n: u64| if n.is_multiple_of(4) { json!({"movement_id": "?", "product_id": "?"}) } else { movement(n, "P000000000", 1) };
    shop.come("stock_movements", &(1_000..3_000).map(broken).collect::<Vec<_>>());
    shop.until(&told("system_health", "stock_movements", "raised"), "true", &mut served);
    shop.come("stock_movements", &(10_000..16_000).map(|n| movement(n, "P000000000", 1)).collect::<Vec<_>>());
    for (alert, key) in [("low_inventory", &product), ("unusual_order_pattern", &customer), ("high_value_customer", &number(7))] {
        shop.until(&told(alert, key, "raised"), "true", &mut served);
        shop.until(&told(alert, key, "renotified"), "true", &mut served);
    }
    shop.come("stock_movements", &[movement(2, &product, 500)]);
    for (alert, key) in [
        ("low_inventory", product.as_str()),
        ("unusual_order_pattern", &customer),
        ("high_value_customer", &number(7)),
        ("system_health", "stock_movements"),
    ] {
        shop.until(&told(alert, key, "resolved"), "true", &mut served);
    }
    // What was raised once is resolved once, under one id.
    let unequal = "SELECT count(*) AS n FROM (SELECT alarm FROM system.alerts GROUP BY alarm HAVING count(*) FILTER (WHERE event = 'raised') <> 1 \
        OR count(*) FILTER (WHERE event = 'resolved') > 1) odd";
    shop.until(unequal, "0", &mut served);
    served.stop();

    let audit: Value = serde_json::from_str(&shop.ran.tidemill(&["--env", "grown", "audit", "--format", "json"])).expect("JSON");
    assert_eq!(audit["balanced"], true, "{audit}");
    let Some(python) = python("the served shop against DuckDB", "deltalake, duckdb, pyarrow") else { return };
    let tidemill = env!("CARGO_BIN_EXE_tidemill");
    shop.ran.script(&python, "bench/oracle/views.py", &["--tidemill", tidemill, "--views", LIVE]);
}

/// Whether this happened to an alarm of that key.
fn told(alert: &str, key: &str, event: &str) -> String {
    format!("SELECT count(*) > 0 AS was FROM system.alerts WHERE alert = '{alert}' AND key LIKE '%{key}%' AND event = '{event}'")
}

fn number(n: u64) -> String {
    format!("O99{n:08}")
}

fn order(n: u64, customer: &str) -> Value {
    json!({"order_id": number(n), "customer_id": customer, "status": "placed", "payment": "invoice", "device": "mobile", "discount": "0",
        "ordered_at": format!("2024-06-01T10:0{n}:00Z"), "processed_at": null, "shipped_at": null, "delivered_at": null})
}

fn movement(n: u64, product: &str, quantity: i64) -> Value {
    let kind = if quantity < 0 { "sale" } else { "purchase" };
    json!({"movement_id": format!("M99{n:08}-1"), "product_id": product, "order_id": null, "kind": kind, "quantity": quantity,
        "moved_at": "2024-06-01T10:00:00Z"})
}

struct Shop {
    ran: Ran,
}

impl Shop {
    /// An environment in which the streams are files that grow, and alerts that are told sooner than a shop would like.
    fn prepare(&self) {
        let dir = self.ran.dir();
        std::fs::create_dir(dir.join("live")).expect("a directory");
        let mut main = std::fs::read_to_string(dir.join("tidemill.toml")).expect("tidemill.toml");
        for table in STREAMS {
            std::fs::write(dir.join(format!("live/{table}.jsonl")), "").expect("a file");
            main += &format!("\n[environments.grown.tables.{table}]\nconnector = \"tail\"\npath = \"live/{table}.jsonl\"\npoll_ms = 20\n");
        }
        std::fs::write(dir.join("tidemill.toml"), main).expect("tidemill.toml");
        let sooner = [
            ("every = \"5s\"", "every = \"200ms\""),
            ("renotify = \"1h\"", "renotify = \"300ms\""),
            ("renotify = \"10m\"", "renotify = \"300ms\""),
            ("renotify = \"5m\"", "renotify = \"300ms\""),
            ("cooldown = \"30s\"", "cooldown = \"0s\""),
            ("resolve_after = \"30m\"", "resolve_after = \"3s\""),
            ("resolve_after = \"15m\"", "resolve_after = \"3s\""),
        ];
        for alert in std::fs::read_dir(cargo::root().join("projects/shop/alerts")).expect("alerts") {
            let name = alert.expect("an alert").file_name().to_string_lossy().into_owned();
            self.rewrite(&format!("alerts/{name}"), &sooner);
        }
    }

    fn rewrite(&self, file: &str, pairs: &[(&str, &str)]) {
        let path = self.ran.dir().join(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        let text = pairs.iter().fold(text, |text, (from, to)| text.replace(from, to));
        std::fs::write(&path, text).expect("a file");
    }

    fn come(&self, table: &str, rows: &[Value]) {
        let text: String = rows.iter().map(|r| format!("{r}\n")).collect();
        let path = self.ran.dir().join(format!("live/{table}.jsonl"));
        let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("the file that grows");
        file.write_all(text.as_bytes()).expect("it takes lines");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.arg("-C").arg(self.ran.dir()).args(["--env", "grown"]).args(arguments);
        command.env_remove("TIDEMILL_ENV").env("NO_COLOR", "1");
        command
    }

    /// One value.
    fn ask(&self, sql: &str) -> String {
        let output = self.command(&["query", sql, "--format", "csv"]).output().expect("tidemill starts");
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().nth(1).unwrap_or_default().to_string()
    }

    fn serve(&self) -> Served {
        let log = std::fs::File::create(self.ran.dir().join("serve.log")).expect("a log");
        let child = self.command(&["serve", "--headless", "--quiet"]).stdout(Stdio::null()).stderr(log).spawn().expect("tidemill starts");
        Served(child)
    }

    /// Waits until a question has this answer.
    #[allow(clippy::disallowed_methods)] // a test that waits for another process has to
    fn until(&self, sql: &str, wanted: &str, served: &mut Served) {
        let began = Instant::now();
        loop {
            let output = self.command(&["query", sql, "--format", "csv"]).output().expect("tidemill starts");
            let got = String::from_utf8_lossy(&output.stdout).lines().nth(1).unwrap_or_default().to_string();
            if got == wanted {
                return;
            }
            let log = || std::fs::read_to_string(self.ran.dir().join("serve.log")).unwrap_or_default();
            let ended = served.0.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", log());
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(began.elapsed() < Duration::from_secs(120), "{sql}: wanted {wanted}, got {got}\n{why}\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A served project; killed when it goes.
struct Served(Child);

impl Served {
    /// Asks it to end, and waits until it has.
    fn stop(mut self) {
        // SAFETY: kill of our own child.
        unsafe { libc::kill(self.0.id() as i32, libc::SIGTERM) };
        let status = self.0.wait().expect("it ends");
        assert!(status.success(), "{status:?}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
