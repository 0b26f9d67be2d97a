//! Streams, rates, changes, and what is refused.

use super::*;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use tidemill_core::{Clock, ErrorKind as Kind};

fn fixed() -> FixedClock {
    FixedClock(AtomicI64::new(0))
}

#[test]
fn one_table_may_go_to_a_stream() {
    let options = Options { tables: vec!["orders".into()], ..options(What::Shop, 300) };
    for format in [Format::Csv, Format::Parquet] {
        let options = Options { format, ..options.clone() };
        let mut out: Vec<u8> = Vec::new();
        generate(&options, Target::Stream(&mut out), None, &fixed(), &Meter::default()).unwrap();
        let files = make(&options);
        assert_eq!(out, files.messy[&format!("orders.{}", format.name())]);
    }
    let all = Options { tables: Vec::new(), ..options };
    let e = generate(&all, Target::Stream(&mut Vec::new()), None, &fixed(), &Meter::default()).unwrap_err();
    assert!(e.what.contains("6 tables") && e.help.unwrap().contains("stock_movements"));
}

#[test]
fn files_that_are_there_stay_unless_told_otherwise() {
    let home = tempfile::tempdir().unwrap();
    let go = |overwrite| {
        let target = Target::Directory(home.path().to_path_buf());
        generate(&Options { overwrite, ..options(What::Sensors, 10) }, target, None, &fixed(), &Meter::default())
    };
    go(false).unwrap();
    let e = go(false).unwrap_err();
    assert!(e.kind == Kind::Config && e.help.unwrap().contains("--force"));
    go(true).unwrap();
    let truth = home.path().to_path_buf();
    let target = Target::Directory(truth.clone());
    assert!(
        generate(&Options { overwrite: true, ..options(What::Sensors, 10) }, target, Some(&truth), &fixed(), &Meter::default()).is_err()
    );
}

#[test]
fn nothing_half_made_is_left() {
    let home = tempfile::tempdir().unwrap();
    let (out, truth) = (home.path().join("a"), home.path().join("b"));
    let meter = Meter::default();
    meter.cancel();
    let target = Target::Directory(out.clone());
    assert!(generate(&options(What::Orders, 100_000), target, Some(&truth), &fixed(), &meter).is_err());
    assert!(!out.exists() || read(&out).is_empty());
    assert!(read(&truth).is_empty());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let live = Some(Live { from: 0, per_second_milli: 1000 });
    let orders = options(What::Orders, 10);
    for bad in [
        Options { rows: 0, ..orders.clone() },
        Options { rows: 100_000_001, ..orders.clone() },
        Options { days: 0, ..orders.clone() },
        Options { skew_milli: 3001, ..orders.clone() },
        Options { updates: true, ..orders.clone() },
        Options { tables: vec!["customers".into()], ..orders.clone() },
        Options { format: Format::Parquet, compression: Compression::Gzip, ..orders.clone() },
        Options { format: Format::Parquet, live, ..orders.clone() },
        Options { files: 2, live, ..orders.clone() },
    ] {
        assert!(try_make(&bad).is_err_and(|e| e.kind == Kind::Config && e.help.is_some()), "{bad:?}");
    }
}

/// A clock that goes on by a tenth of a second whenever somebody looks.
#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now_micros(&self) -> i64 {
        self.0.fetch_add(100_000, Ordering::SeqCst)
    }
}

#[test]
fn at_a_rate_rows_come_as_time_goes() {
    let from = 1_750_000_000_000_000;
    for what in KINDS {
        let home = tempfile::tempdir().unwrap();
        let options = Options { live: Some(Live { from, per_second_milli: 100_000 }), errors: Rates::NONE, ..options(what, 50) };
        let target = Target::Directory(home.path().join("data"));
        let report =
            generate(&options, target, Some(&home.path().join("truth")), &Ticking(AtomicI64::new(from)), &Meter::default()).unwrap();
        let (name, column) = match what {
            What::Shop => ("orders", "ordered_at"),
            What::Orders => ("orders", "order:OrderDate"),
            What::Transactions => ("transactions", "Date"),
            What::Sensors => ("sensors", "ts"),
            What::Nexmark => ("bid", "dateTime"),
        };
        let files = Files { messy: read(&home.path().join("data")), truth: read(&home.path().join("truth")), report };
        let rows = records(&files.text(&format!("{name}.csv")));
        let at = rows[0].iter().position(|c| c == column).unwrap();
        assert_eq!(rows.len(), 51);
        assert!(rows[1..].iter().all(|r| r[at].starts_with("2025-06-15")), "{:?}", rows[1]);
        assert!(rows[1..].windows(2).all(|w| w[0][at] <= w[1][at]), "{what}");
        if what == What::Shop {
            let customers = records(&files.text("customers.csv"));
            assert_eq!(customers.len(), 10_001);
            assert!(customers[1..].iter().all(|c| c[8].as_str() < "2025-06-15"));
            assert!(rows[1..].iter().all(|r| r[2] == "placed" && r[7].is_empty()));
            assert!(files.messy.contains_key("order_lines.csv") && !files.messy.contains_key("reviews.csv"));
        }
    }
}

#[test]
fn a_live_source_without_an_end_stops_when_told() {
    let meter = Meter::default();
    let home = tempfile::tempdir().unwrap();
    let from = 1_750_000_000_000_000;
    let options = Options { live: Some(Live { from, per_second_milli: 1_000_000 }), rows: u64::MAX, ..options(What::Transactions, 1) };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while Meter::get(&meter.rows_written) < 500 {
                std::thread::yield_now();
            }
            meter.cancel();
        });
        let target = Target::Directory(home.path().to_path_buf());
        let report = generate(&options, target, None, &Ticking(AtomicI64::new(from)), &meter).unwrap();
        assert!(report.tables[0].rows >= 400);
    });
}

#[test]
fn changes_are_new_customers_and_known_ones_with_something_changed() {
    // On one day, so that many changes come within a second.
    let options = Options { updates: true, errors: Rates::NONE, days: 1, ..options(What::Shop, 40_000) };
    let files = make(&options);
    let rows = records(&files.text("customer_changes.csv")).split_off(1);
    let mut known: HashMap<String, Vec<String>> = HashMap::new();
    let mut updates = 0;
    for row in &rows {
        let (op, id) = (row[0].as_str(), row[2].clone());
        match (op, known.insert(id, row.clone())) {
            ("insert", None) => {}
            ("update", Some(before)) => {
                updates += 1;
                assert_ne!(before[3..], row[3..], "nothing changed");
                assert!(before[1] < row[1] && before[10] == row[10], "{before:?} {row:?}");
                assert!(before[9] == row[9], "nobody leaves the country");
            }
            other => panic!("{other:?} {row:?}"),
        }
    }
    assert!((18_000..22_000).contains(&updates), "{updates}");
    assert!(rows.windows(2).all(|w| w[0][1] <= w[1][1]));
}
