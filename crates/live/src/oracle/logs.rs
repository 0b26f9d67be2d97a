//! Finite logs, the same for the same seed.

use crate::compiled::{InputInfo, InputRef};
use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use std::sync::Arc;
use tidemill_engine::{Catalog, Engine, EngineOptions, Relation, Session, batch_table};

/// SplitMix64.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub(super) struct Log {
    pub(super) name: &'static str,
    pub(super) rows: RecordBatch,
    pub(super) followed: bool,
    pub(super) event_time: Option<&'static str>,
    /// +1 or −1 per row, in an order that must be kept; `None`: all come once, in any order.
    pub(super) weights: Option<Vec<i64>>,
}

pub(super) struct Logs {
    pub(super) all: Vec<Log>,
}

/// 2024-03-01T10:00:00Z.
const START: i64 = 1_709_287_200_000_000;
const CATEGORIES: [&str; 5] = ["books", "games", "garden", "music", "toys"];
const COUNTRIES: [&str; 4] = ["de", "fr", "it", "pl"];
const PAGES: [&str; 6] = ["/", "/cart", "/help", "/item", "/pay", "/search"];
const METHODS: [&str; 3] = ["card", "cash", "invoice"];

fn pick<'a>(from: &[&'a str], rng: &mut Rng) -> &'a str {
    from[rng.below(from.len())]
}

fn times(all: &[Option<i64>]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(all.to_vec()).with_timezone("UTC"))
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

impl Logs {
    pub(super) fn new(seed: u64) -> Self {
        let rng = &mut Rng(seed);
        let all = vec![
            orders(rng),
            payments(rng),
            clicks(rng),
            sensors(rng),
            events(rng),
            customers(rng),
            accounts(rng),
            versions("tariffs", rng),
            versions("discounts", rng),
        ];
        Logs { all }
    }

    pub(super) fn infos(&self) -> Vec<InputInfo> {
        let info = |l: &Log| InputInfo {
            schema: "clean".into(),
            name: l.name.into(),
            columns: l.rows.schema(),
            followed: l.followed,
            event_time: l.event_time.map(Into::into),
            updates: l.weights.is_some(),
        };
        self.all.iter().map(info).collect()
    }

    pub(super) fn of(&self, input: &InputRef) -> &Log {
        self.all.iter().find(|l| l.name == input.name).unwrap()
    }

    /// All rows of each log, as they are in the end.
    pub(super) fn everything(&self) -> Vec<(&'static str, RecordBatch)> {
        self.all.iter().map(|l| (l.name, standing(l, l.rows.num_rows()))).collect()
    }

    pub(super) fn session(&self, tables: &[(&'static str, RecordBatch)]) -> Session {
        let engine = Engine::new(EngineOptions { threads: 1, partitions: 1, ..EngineOptions::default() }).unwrap();
        let mut relations: Vec<Relation> =
            tables.iter().map(|(name, rows)| Relation::provider("clean", *name, batch_table(rows.clone()).unwrap())).collect();
        relations.push(Relation::view(
            "minutes",
            "SELECT date_trunc('minute', ts) AS minute, category, sum(price * quantity) AS revenue, count(*) AS orders \
             FROM orders GROUP BY date_trunc('minute', ts), category",
        ));
        relations.push(Relation::view("dear_orders", "SELECT * FROM orders WHERE price > 50"));
        engine.session(Catalog { relations, ..Catalog::default() }).unwrap()
    }
}

/// The rows that are there after the first `upto` changes.
pub(super) fn standing(log: &Log, upto: usize) -> RecordBatch {
    let Some(weights) = &log.weights else { return log.rows.slice(0, upto) };
    let codec = crate::rows::RowCodec::new(log.rows.schema()).unwrap();
    let encoded = codec.encode_batch(&log.rows).unwrap();
    let mut there: Vec<usize> = Vec::new();
    for (row, weight) in weights.iter().enumerate().take(upto) {
        if *weight > 0 {
            there.push(row);
        } else if let Some(at) = there.iter().position(|t| encoded.row(*t) == encoded.row(row)) {
            there.remove(at);
        }
    }
    arrow::compute::take_record_batch(&log.rows, &crate::delta::indices(there)).unwrap()
}

/// Moments that rise, no two the same.
fn rising(count: usize, step: usize, rng: &mut Rng) -> Vec<i64> {
    let mut at = START;
    (0..count)
        .map(|_| {
            at += 1 + rng.below(2 * step) as i64;
            at
        })
        .collect()
}

fn orders(rng: &mut Rng) -> Log {
    let n = 420;
    let at = rising(n, 4_300_000, rng);
    let price: Vec<f64> = (0..n).map(|_| (rng.below(10_000) as f64) / 100.0).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(1..=n as i64))),
        ("customer_id", Arc::new((0..n).map(|_| (!rng.one_in(20)).then(|| rng.below(25) as i64)).collect::<Int64Array>())),
        ("category", Arc::new((0..n).map(|_| (!rng.one_in(25)).then(|| pick(&CATEGORIES, rng))).collect::<StringArray>())),
        ("price", Arc::new(Float64Array::from(price.clone()))),
        ("quantity", Arc::new((0..n).map(|_| (!rng.one_in(15)).then(|| 1 + rng.below(5) as i64)).collect::<Int64Array>())),
        (
            "total",
            Arc::new(
                price
                    .iter()
                    .map(|p| Some((p * 100.0).round() as i128 * 3))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
        ("paid", Arc::new((0..n).map(|_| (!rng.one_in(6)).then(|| rng.one_in(2))).collect::<BooleanArray>())),
        ("ts", times(&at.into_iter().map(Some).collect::<Vec<_>>())),
    ];
    Log { name: "orders", rows: table(columns), followed: true, event_time: Some("ts"), weights: None }
}

fn payments(rng: &mut Rng) -> Log {
    let n = 300;
    let at = rising(n, 6_000_000, rng);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("payment", Arc::new(Int64Array::from_iter_values(1..=n as i64))),
        // Near the order of the same moment, mostly.
        (
            "order_id",
            Arc::new(
                (0..n).map(|i| (!rng.one_in(30)).then(|| ((i * 14 / 10) as i64 + rng.below(9) as i64 - 4).max(1))).collect::<Int64Array>(),
            ),
        ),
        ("amount", Arc::new(Float64Array::from_iter_values((0..n).map(|_| rng.below(9_000) as f64 / 100.0)))),
        ("method", Arc::new((0..n).map(|_| Some(pick(&METHODS, rng))).collect::<StringArray>())),
        ("paid_at", times(&at.into_iter().map(Some).collect::<Vec<_>>())),
    ];
    Log { name: "payments", rows: table(columns), followed: true, event_time: Some("paid_at"), weights: None }
}

fn clicks(rng: &mut Rng) -> Log {
    let n = 500;
    let at = rising(n, 3_600_000, rng);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(Int64Array::from_iter_values((0..n).map(|_| rng.below(12) as i64)))),
        ("page", Arc::new((0..n).map(|_| Some(pick(&PAGES, rng))).collect::<StringArray>())),
        ("referrer", Arc::new((0..n).map(|_| rng.one_in(3).then(|| pick(&PAGES, rng))).collect::<StringArray>())),
        ("millis", Arc::new((0..n).map(|_| (!rng.one_in(9)).then(|| rng.below(3_000) as i64)).collect::<Int64Array>())),
        ("ts", times(&at.into_iter().map(Some).collect::<Vec<_>>())),
    ];
    Log { name: "clicks", rows: table(columns), followed: true, event_time: Some("ts"), weights: None }
}

fn sensors(rng: &mut Rng) -> Log {
    let n = 400;
    let at = rising(n, 4_500_000, rng);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("sensor", Arc::new((0..n).map(|_| Some(["a", "b", "c", "d"][rng.below(4)])).collect::<StringArray>())),
        ("value", Arc::new((0..n).map(|_| (!rng.one_in(12)).then(|| 20.0 + rng.below(1_000) as f64 / 100.0)).collect::<Float64Array>())),
        ("ok", Arc::new((0..n).map(|_| (!rng.one_in(12)).then(|| !rng.one_in(5))).collect::<BooleanArray>())),
        ("level", Arc::new(Int64Array::from_iter_values((0..n).map(|_| rng.below(4) as i64)))),
        ("ts", times(&at.into_iter().map(Some).collect::<Vec<_>>())),
    ];
    Log { name: "sensors", rows: table(columns), followed: true, event_time: Some("ts"), weights: None }
}

/// Messages some of which come twice, and some without a time.
fn events(rng: &mut Rng) -> Log {
    let n = 300;
    let at = rising(n, 6_000_000, rng);
    let mut order: Vec<usize> = Vec::new();
    for i in 0..n {
        order.push(i);
        if rng.one_in(5) {
            order.push(i);
        }
    }
    let kinds: Vec<&str> = (0..n).map(|_| pick(&CATEGORIES, rng)).collect();
    let values: Vec<i64> = (0..n).map(|_| rng.below(100) as i64).collect();
    let none: Vec<bool> = (0..n).map(|_| rng.one_in(40)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(order.iter().map(|i| *i as i64)))),
        ("kind", Arc::new(StringArray::from_iter_values(order.iter().map(|i| kinds[*i])))),
        ("value", Arc::new(Int64Array::from_iter_values(order.iter().map(|i| values[*i])))),
        ("ts", times(&order.iter().map(|i| (!none[*i]).then(|| at[*i])).collect::<Vec<_>>())),
    ];
    Log { name: "events", rows: table(columns), followed: true, event_time: Some("ts"), weights: None }
}

fn customers(rng: &mut Rng) -> Log {
    let n = 22;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..n as i64))),
        ("name", Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("customer {i}"))))),
        ("country", Arc::new((0..n).map(|_| (!rng.one_in(7)).then(|| pick(&COUNTRIES, rng))).collect::<StringArray>())),
        ("limit_of_credit", Arc::new(Float64Array::from_iter_values((0..n).map(|_| rng.below(80) as f64)))),
    ];
    Log { name: "customers", rows: table(columns), followed: false, event_time: None, weights: None }
}

/// A keyed table whose rows are replaced.
fn accounts(rng: &mut Rng) -> Log {
    let mut now: Vec<Option<(f64, &str, i64)>> = vec![None; 30];
    let mut changes: Vec<(i64, f64, &str, i64, i64)> = Vec::new();
    for _ in 0..350 {
        let id = rng.below(now.len());
        if let Some((balance, status, visits)) = now[id].take() {
            changes.push((id as i64, balance, status, visits, -1));
            if rng.one_in(8) {
                continue;
            }
        }
        let next = (rng.below(100_000) as f64 / 100.0, ["open", "closed", "held"][rng.below(3)], rng.below(50) as i64);
        now[id] = Some(next);
        changes.push((id as i64, next.0, next.1, next.2, 1));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(changes.iter().map(|c| c.0)))),
        ("balance", Arc::new(Float64Array::from_iter_values(changes.iter().map(|c| c.1)))),
        ("status", Arc::new(StringArray::from_iter_values(changes.iter().map(|c| c.2)))),
        ("visits", Arc::new(Int64Array::from_iter_values(changes.iter().map(|c| c.3)))),
    ];
    let weights = changes.iter().map(|c| c.4).collect();
    Log { name: "accounts", rows: table(columns), followed: true, event_time: None, weights: Some(weights) }
}

/// Versions of a percentage per category, over the time of the orders. `tariffs` is a table as it is in the end; `discounts` changes while orders come: the
/// newest version of a category gets its end when the next one begins.
fn versions(name: &'static str, rng: &mut Rng) -> Log {
    let mut newest: Vec<Option<(f64, i64)>> = vec![None; CATEGORIES.len()];
    let mut changes: Vec<(usize, f64, i64, Option<i64>, i64)> = Vec::new();
    for at in rising(40, 45_000_000, rng) {
        let category = rng.below(CATEGORIES.len());
        if let Some((percent, from)) = newest[category].take() {
            changes.push((category, percent, from, None, -1));
            changes.push((category, percent, from, Some(at), 1));
        }
        // Now and then there is none for a while.
        if !rng.one_in(6) {
            let percent = rng.below(30) as f64;
            newest[category] = Some((percent, at));
            changes.push((category, percent, at, None, 1));
        }
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("category", Arc::new(StringArray::from_iter_values(changes.iter().map(|c| CATEGORIES[c.0])))),
        ("percent", Arc::new(Float64Array::from_iter_values(changes.iter().map(|c| c.1)))),
        ("valid_from", times(&changes.iter().map(|c| Some(c.2)).collect::<Vec<_>>())),
        ("valid_to", times(&changes.iter().map(|c| c.3).collect::<Vec<_>>())),
    ];
    let weights: Vec<i64> = changes.iter().map(|c| c.4).collect();
    let log = Log { name, rows: table(columns), followed: true, event_time: None, weights: Some(weights) };
    match name {
        "tariffs" => Log { rows: standing(&log, log.rows.num_rows()), followed: false, weights: None, ..log },
        _ => log,
    }
}
