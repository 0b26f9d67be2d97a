//! Bank and card transactions: one row each, in order of time, without a key.

use crate::calendar::{DAY, Form, HOUR, SECOND, hour_of};
use crate::distribution::{Curves, Strewn, Zipf, bell, weighted};
use crate::options::Options;
use crate::period::{BANKING, Busy, Times};
use crate::random::{Draws, Stream, below, mix};
use crate::shop::customer::{adult, city_of, place};
use crate::table::{Cell, Column, Invalid, Kind, Rows, Table};
use crate::words::Lexicon;
use crate::words::places::COUNTRIES;

const GENDERS: &[&str] = &["Female", "Male", "Other"];
const TYPES: &[&str] = &["Purchase", "Payment", "Transfer", "Withdrawal", "Deposit", "Refund"];
const DEVICES: &[&str] = &["Mobile", "Desktop", "POS", "ATM", "Tablet"];

/// Of each type: how often, and its median amount in cents.
const TYPE_WEIGHTS: [u32; 6] = [52, 18, 12, 9, 6, 3];
const MEDIANS: [u64; 6] = [3_200, 6_500, 14_000, 9_000, 42_000, 2_800];
/// Devices of a purchase; of anything else at a machine or at home.
const BUYING: [u32; 5] = [40, 20, 32, 0, 8];
const BANKING_AT: [u32; 5] = [58, 30, 0, 0, 12];

/// Transactions per customer, on average.
const PER_CUSTOMER: u64 = 40;
/// Rows of a block, which may hold one burst.
const BLOCK: u64 = 256;

#[derive(Debug)]
pub struct Transactions {
    rows: u64,
    end: i64,
    is_live: bool,
    times: Times,
    customers: u64,
    ranks: Zipf,
    strewn: Strewn,
    curves: Curves,
    person: Stream,
    row: Stream,
    time: Stream,
    burst: Stream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fraud {
    /// Several within minutes, each a little more.
    Burst,
    /// Far from home, and far too much.
    Abroad,
    /// At night, everything there is, from another device.
    Takeover,
}

impl Fraud {
    fn name(self) -> &'static str {
        match self {
            Fraud::Burst => "burst",
            Fraud::Abroad => "abroad",
            Fraud::Takeover => "takeover",
        }
    }
}

struct Transaction {
    customer: u64,
    at: i64,
    cents: i64,
    age: i64,
    gender: &'static str,
    what: &'static str,
    location: &'static str,
    device: &'static str,
    fraud: Option<Fraud>,
}

impl Transactions {
    pub fn new(options: &Options) -> Transactions {
        let rows = options.rows;
        let stream = |column: &str| Stream::new(options.seed, "transaction", column);
        let customers = (options.base_rows() / PER_CUSTOMER).max(1);
        let person = stream("person");
        let times = match options.live {
            Some(live) => Times::Steady { from: live.from, per_second_milli: live.per_second_milli },
            None => Times::Busy(Box::new(Busy::new(options.start_day, options.days, rows, &BANKING))),
        };
        Transactions {
            rows,
            end: i64::from(options.start_day) * DAY + i64::from(options.days) * DAY,
            is_live: options.live.is_some(),
            times,
            customers,
            ranks: Zipf::new(customers, options.skew()),
            strewn: Strewn::new(customers, person.at(u64::MAX)),
            curves: Curves::new(),
            person,
            row: stream("row"),
            time: stream("time"),
            burst: stream("burst"),
        }
    }

    /// The first row of the burst that row `i` is part of.
    #[inline]
    fn burst_of(&self, i: u64) -> Option<u64> {
        let key = self.burst.at(i / BLOCK);
        if below(key, 1000) >= 180 {
            return None;
        }
        let mut d = Draws::from_key(key);
        let first = i / BLOCK * BLOCK + d.below(BLOCK - 8);
        (first..first + 3 + d.below(4)).contains(&i).then_some(first)
    }

    #[inline]
    fn transaction(&self, i: u64) -> Transaction {
        let first = self.burst_of(i);
        let anchor = first.unwrap_or(i);
        let mut at = self.times.at(anchor, self.time.at(anchor));
        let customer = self.strewn.id(self.ranks.rank(self.row.at(anchor)));
        if let (Some(first), false) = (first, self.is_live) {
            at = (at + (i - first) as i64 * (25 + below(self.time.at(i), 50) as i64) * SECOND).min(self.end - SECOND);
        } else if self.is_live {
            at = self.times.at(i, 0);
        }
        // Who: drawn from the customer alone. The bits of one draw do for several small choices.
        let who = self.person.at(customer);
        let gender = GENDERS[match who % 200 {
            0..101 => 0,
            101..198 => 1,
            _ => 2,
        }];
        let age = adult(43 + bell(mix(who)) * 15 / 256);
        let country = &COUNTRIES[place(who)];
        let (home, _) = city_of(country, who << 12);
        let wealth = bell(who.rotate_left(17));

        let mut d = Draws::from_key(self.row.at(i));
        let draw = d.next();
        let fraud = match (first, below(draw, 10_000)) {
            (Some(_), _) => Some(Fraud::Burst),
            (None, 0..16) => Some(Fraud::Abroad),
            (None, 16..32) => Some(Fraud::Takeover),
            _ => None,
        };
        let kind = match fraud {
            Some(Fraud::Takeover) => 2,
            Some(_) => 0,
            None => weighted(draw << 14, &TYPE_WEIGHTS),
        };
        let device = match kind {
            0 | 5 => weighted(draw << 24, &BUYING),
            3 => 3,
            _ => weighted(draw << 24, &BANKING_AT),
        };
        let mut cents = self.curves.log_normal(d.next(), MEDIANS[kind], 210) as i64;
        cents = self.curves.doubled(cents as u64, wealth / 2) as i64;
        if kind == 3 {
            cents = (cents / 1000).max(1) * 1000; // notes of ten
        }
        let travel = below(draw << 34, 1000);
        let mut location = match travel {
            0..920 => home,
            920..980 => city_of(country, draw << 44).0,
            _ => city_of(&COUNTRIES[place(d.next())], draw << 44).0,
        };
        let mut device = DEVICES[device];
        match fraud {
            None => {}
            Some(Fraud::Burst) => cents = cents / 4 + 900 + (i - anchor) as i64 * 1500,
            Some(Fraud::Abroad) => {
                let other = &COUNTRIES[place(d.next())];
                location = if other.name == country.name {
                    COUNTRIES[COUNTRIES.len() - 1 - place(who)].cities[0].0
                } else {
                    city_of(other, d.next()).0
                };
                cents = cents * 8 + 25_000;
            }
            Some(Fraud::Takeover) => {
                cents = cents * 10 + 60_000;
                device = DEVICES[[1, 4][(draw & 1) as usize]];
                if !self.is_live && !(1..5).contains(&hour_of(at)) {
                    at = at.div_euclid(DAY) * DAY + HOUR + (below(d.next(), 4 * 3600) as i64) * SECOND;
                }
            }
        }
        Transaction { customer, at, cents: cents.max(50), age, gender, what: TYPES[kind], location, device, fraud }
    }
}

impl Table for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 8] = [
            Column::key("CustomerID"),
            Column::instant("Date", Form::Plain),
            Column::decimal("Amount", Some(Invalid::Amount)),
            Column::int("Age", Some(Invalid::Age)),
            Column::word("Gender", Lexicon::Among(GENDERS)),
            Column::word("TransactionType", Lexicon::Among(TYPES)),
            Column::word("Location", Lexicon::Cities),
            Column::word("Device", Lexicon::Among(DEVICES)),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[]
    }
    fn units(&self) -> u64 {
        self.rows
    }
    #[inline]
    fn unit(&self, i: u64, rows: &mut Rows) {
        let t = self.transaction(i);
        debug_assert!(t.customer < self.customers);
        rows.code(b'C', 9, t.customer + 1);
        rows.push(Cell::Instant(t.at));
        rows.push(Cell::Hundredths(t.cents));
        rows.int(t.age);
        rows.word(t.gender);
        rows.word(t.what);
        rows.word(t.location);
        rows.word(t.device);
    }
}

/// Which rows are fraud: for the truth only.
pub struct TransactionLabels<'a>(pub &'a Transactions);

impl Table for TransactionLabels<'_> {
    fn name(&self) -> &'static str {
        "labels_transactions"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 3] =
            [Column::sound("row", Kind::Int), Column::sound("fraud", Kind::Bool), Column::sound("pattern", Kind::Text)];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.rows
    }
    fn is_label(&self) -> bool {
        true
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let t = self.0.transaction(i);
        rows.int(i as i64 + 1);
        rows.push(Cell::Bool(t.fraud.is_some()));
        rows.push(t.fraud.map_or(Cell::Null, |f| Cell::Word(f.name())));
    }
}
