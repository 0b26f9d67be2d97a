use super::*;
use crate::options::OptionValue;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};

const SOON: Budget = Budget { rows: 1000, bytes: 1 << 20, wait: Duration::from_millis(5) };

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(k, v)| ((*k).to_string(), OptionValue::from(*v))).collect()
}

fn columns() -> Vec<ColumnRead> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![ColumnRead::new("id", DataType::Utf8), ColumnRead::new("ts", instant), ColumnRead::new("value", DataType::Float64)]
}

#[derive(Default)]
struct Got {
    /// Lines with what stands there.
    rows: Vec<(u64, String, i64)>,
    rejects: Vec<u64>,
    positions: Positions,
    ended: bool,
}

impl Got {
    fn pull(&mut self, source: &mut dyn StreamSource) -> usize {
        let batches = match source.pull(SOON).unwrap() {
            Pulled::Batches(batches) => batches,
            Pulled::Idle => return 0,
            Pulled::End => {
                self.ended = true;
                return 0;
            }
        };
        let before = self.rows.len() + self.rejects.len();
        for b in batches {
            let (ids, at) =
                (b.decoded.batch.column(0).as_string::<i32>(), b.decoded.batch.column(1).as_primitive::<TimestampMicrosecondType>());
            for (row, line) in b.decoded.lines.iter().enumerate() {
                self.rows.push((*line, ids.value(row).to_string(), at.value(row)));
            }
            self.rejects.extend(b.decoded.rejects.iter().map(|r| r.line));
            self.positions.insert(b.split.to_string(), b.position);
        }
        self.rows.len() + self.rejects.len() - before
    }
}

fn open(options: &Options, from: &Positions) -> Box<dyn StreamSource> {
    let problems = Generator.check(options, Path::new("."));
    assert!(problems.is_empty(), "{problems:?}");
    Generator.open(options, Path::new("."), &columns(), from).unwrap()
}

#[test]
fn rows_are_made_again_from_any_position() {
    let mut options = options(&[("kind", "sensors"), ("rows", "20k"), ("errors", "missing=1%,duplicate=1%,corrupt=1%")]);
    options.insert("seed".into(), OptionValue::Integer(7));
    let mut whole = Got::default();
    let mut source = open(&options, &Positions::new());
    while !whole.ended {
        whole.pull(source.as_mut());
    }
    assert_eq!(source.lag()[0].behind, Some(0));
    assert!(whole.rows.len() > 19_000 && !whole.rejects.is_empty());
    // Another process after each pull.
    let mut pieces = Got::default();
    let mut processes = 0;
    while !pieces.ended {
        let mut source = open(&options, &pieces.positions.clone());
        while pieces.pull(source.as_mut()) == 0 && !pieces.ended {}
        processes += 1;
    }
    assert!(processes > 3, "{processes}");
    assert_eq!(pieces.rows, whole.rows);
    assert_eq!(pieces.rejects, whole.rejects);
    let lines: std::collections::BTreeSet<u64> = whole.rows.iter().map(|r| r.0).chain(whole.rejects.iter().copied()).collect();
    assert_eq!(lines, (1..=(whole.rows.len() + whole.rejects.len()) as u64).collect());
}

#[test]
fn at_a_rate_rows_fall_due_and_what_fell_due_meanwhile_comes_later() {
    let options = options(&[("kind", "sensors"), ("rate", "2000/s"), ("errors", "none")]);
    let now = SystemClock.now_micros();
    let mut source = open(&options, &Positions::new());
    let mut got = Got::default();
    while got.rows.len() < 400 {
        got.pull(source.as_mut());
    }
    let told = SystemClock.now_micros();
    assert!(told - now >= 190_000, "400 rows at 2000 a second take a fifth of one");
    assert!(got.rows.iter().all(|r| r.2 >= now - 1000 && r.2 <= told + 1000));
    drop(source);
    // A position a minute old: a minute's rows are behind, and say so; then it has caught up for once.
    let at = Position::parse(&got.positions["sensors"]).unwrap();
    let older = Position { live: at.live.map(|l| Live { from: l.from - 60_000_000, ..l }), ..at };
    let mut source = open(&options, &Positions::from([("sensors".to_string(), older.to_string())]));
    assert!(source.lag()[0].behind >= Some(110_000));
    let mut later = Got::default();
    while source.lag()[0].behind > Some(0) {
        later.pull(source.as_mut());
    }
    assert!(later.rows.len() >= 110_000 && later.rows[0].0 == got.rows.len() as u64 + 1, "{}", later.rows.len());
    // And goes on.
    let before = later.rows.len();
    while later.rows.len() < before + 100 {
        later.pull(source.as_mut());
    }
}

#[test]
fn another_rate_goes_on_at_the_moment_where_the_first_one_stood() {
    let at = Position { unit: 1000, line: 1001, live: Some(Live { from: 5_000_000, per_second_milli: 100_000 }) };
    assert_eq!(Position::parse(&at.to_string()), Some(at));
    let faster = at.paced(1_000_000, 77);
    assert_eq!((faster.at(1000), faster.at(2000) - faster.at(1000)), (15_000_000, 1_000_000));
    assert_eq!(Position { live: None, ..at }.paced(1_000_000, 77_000_000).at(1000), 77_000_000);
    assert!(["", "1", "1 x", "1 2 3", "-1 2", "1 2 3 0"].iter().all(|bad| Position::parse(bad).is_none()));
}

/// What a shop in files is, a stream goes on with: the next order is the one after theirs, of the same customers and articles.
#[test]
fn rows_go_on_after_those_of_files() {
    let column = |name: &str| ColumnRead::new(name, DataType::Utf8);
    let taken = |table: &str, columns: &[&str]| {
        let options =
            options(&[("kind", "shop"), ("table", table), ("rate", "1000/s"), ("after", "2k"), ("rows", "300"), ("errors", "none")]);
        assert!(Generator.check(&options, Path::new(".")).is_empty());
        let columns: Vec<ColumnRead> = columns.iter().map(|c| column(c)).collect();
        let now = SystemClock.now_micros();
        let mut source = Generator.open(&options, Path::new("."), &columns, &Positions::new()).unwrap();
        let mut rows: Vec<Vec<String>> = Vec::new();
        loop {
            match source.pull(SOON).unwrap() {
                Pulled::Batches(batches) => {
                    for b in batches {
                        let texts: Vec<_> = b.decoded.batch.columns().iter().map(|c| c.as_string::<i32>().clone()).collect();
                        rows.extend((0..b.decoded.batch.num_rows()).map(|r| texts.iter().map(|t| t.value(r).to_string()).collect()));
                    }
                }
                Pulled::Idle => {}
                Pulled::End => break,
            }
        }
        assert!(SystemClock.now_micros() - now >= 290_000, "300 at 1000 a second take their time");
        rows
    };
    let orders = taken("orders", &["order_id", "customer_id"]);
    let numbers: Vec<String> = (2001..=2300).map(|n| format!("O{n:010}")).collect();
    assert_eq!(orders.iter().map(|r| r[0].clone()).collect::<Vec<_>>(), numbers);
    assert!(orders.iter().all(|r| *r[1] >= *"C000000001" && *r[1] <= *"C000002000"), "{orders:?}");
    let lines = taken("order_lines", &["order_id", "product_id", "quantity"]);
    assert!(numbers.iter().all(|n| lines.iter().any(|l| l[0] == *n)) && lines.iter().all(|l| *l[1] <= *"P000002000"));
    // Each line takes its pieces from the shelf, and what is sold is bought again.
    let moved = taken("stock_movements", &["kind", "quantity"]);
    let sum = |kind: &str| moved.iter().filter(|m| m[0] == kind).map(|m| m[1].parse::<i64>().unwrap()).sum::<i64>();
    assert_eq!(-sum("sale"), lines.iter().map(|l| l[2].parse::<i64>().unwrap()).sum::<i64>());
    assert!((sum("purchase") + sum("sale")).abs() < -sum("sale"), "{} bought, {} sold", sum("purchase"), sum("sale"));
}

#[test]
fn what_would_have_come_before_is_there_at_once() {
    let options = options(&[("kind", "sensors"), ("rate", "10/s"), ("backlog_rows", "600"), ("errors", "none")]);
    let mut source = open(&options, &Positions::new());
    assert_eq!(source.lag()[0].behind, Some(601));
    let now = SystemClock.now_micros();
    let mut got = Got::default();
    while got.rows.len() < 601 {
        got.pull(source.as_mut());
    }
    let (first, last) = (got.rows[0].2, got.rows[600].2);
    assert!((59_000_000..=61_000_000).contains(&(now - first)) && (now - last).abs() < 1_000_000, "{first} to {last}, now {now}");
}

#[test]
fn mistakes_are_named() {
    let problems = |pairs: &[(&str, &str)]| {
        let told = Generator.check(&options(pairs), Path::new("."));
        told.into_iter().map(|p| format!("{} ({})", p.message, p.help.unwrap_or_default())).collect::<Vec<_>>().join("; ")
    };
    assert!(problems(&[]).contains("`kind` is missing"));
    assert!(problems(&[("kind", "sensor")]).contains("did you mean \"sensors\"?"));
    assert!(problems(&[("kind", "shop")]).contains("say which: customers, products, orders"));
    assert!(problems(&[("kind", "shop"), ("table", "ordres")]).contains("no table `ordres`"));
    assert!(problems(&[("kind", "sensors"), ("rate", "often")]).contains("100/s"));
    assert!(problems(&[("kind", "sensors"), ("rate", "5/s"), ("days", "3")]).contains("takes an integer"));
    assert!(problems(&[("kind", "sensors"), ("rate", "5/s"), ("start", "2024-01-01")]).contains("do not go together"));
    assert!(problems(&[("kind", "shop"), ("table", "orders"), ("after", "5")]).contains("`after` goes with `rate`"));
    assert!(problems(&[("kind", "sensors"), ("backlog_rows", "5")]).contains("`backlog_rows` goes with `rate`"));
    assert!(problems(&[("kind", "nexmark"), ("table", "bid"), ("errors", "5%")]).contains("no errors"));
    assert_eq!(problems(&[("kind", "shop"), ("table", "orders"), ("rate", "100/s"), ("errors", "5%")]), "");
    // Columns about the message are of Kafka.
    let keyed = vec![ColumnRead { label: "@key".into(), ..ColumnRead::new("key", DataType::Utf8) }];
    assert!(Generator.open(&options(&[("kind", "sensors")]), Path::new("."), &keyed, &Positions::new()).is_err());
    let again =
        Generator.decode_again(&Options::new(), Path::new("."), "sensors", &[(3, "{\"n\":3}")], &[ColumnRead::new("n", DataType::Int64)]);
    assert_eq!(again.unwrap().batch.column(0).as_primitive::<Int64Type>().value(0), 3);
}
