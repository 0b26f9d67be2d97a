//! What is asked for.

use crate::rates::Rates;
use std::fmt;
use tidemill_core::{Error, Result};

/// The most rows an entity may have.
pub const ROWS_MAX: u64 = 100_000_000;
/// Who there is already, where rows have no end.
const LIVE_ROWS: u64 = 200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Customers, products, orders, their lines, reviews, stock movements.
    Shop,
    /// One wide table.
    Orders,
    Transactions,
    Sensors,
    /// Persons, auctions, bids: the events of the Nexmark benchmark.
    Nexmark,
}

impl What {
    pub const ALL: [What; 5] = [What::Shop, What::Orders, What::Transactions, What::Sensors, What::Nexmark];

    pub fn name(self) -> &'static str {
        match self {
            What::Shop => "shop",
            What::Orders => "orders",
            What::Transactions => "transactions",
            What::Sensors => "sensors",
            What::Nexmark => "nexmark",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Jsonl,
    Parquet,
    Avro,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
            Format::Avro => "avro",
        }
    }
    /// Whether records are lines, which can be damaged, appended to and split anywhere.
    pub fn is_lines(self) -> bool {
        matches!(self, Format::Csv | Format::Jsonl)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstandard,
}

impl Compression {
    pub fn ending(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstandard => ".zst",
        }
    }
}

/// Rows come at a rate, and what they tell of happens now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// The first row's instant, in microseconds.
    pub from: i64,
    pub per_second_milli: u64,
}

impl Live {
    /// Rows that have fallen due by now: the first at once.
    pub fn due(&self, now: i64) -> u64 {
        let since = (now - self.from).max(0);
        (since as u128 * u128::from(self.per_second_milli) / 1_000_000_000) as u64 + 1
    }

    /// When a row falls due, by its number from 0 on.
    pub fn at(&self, row: u64) -> i64 {
        self.from.saturating_add((u128::from(row) * 1_000_000_000).div_ceil(u128::from(self.per_second_milli)) as i64)
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    pub what: What,
    /// Per entity; `u64::MAX` goes on until stopped, which only a live source may.
    pub rows: u64,
    pub seed: u64,
    /// Days since 1970.
    pub start_day: i32,
    pub days: u32,
    /// Of Zipf's law, in thousandths: 0 is even.
    pub skew_milli: u32,
    pub errors: Rates,
    pub format: Format,
    pub compression: Compression,
    /// Each table is split into so many.
    pub files: u64,
    /// Whether files that are there are written over.
    pub overwrite: bool,
    pub threads: usize,
    /// A stream of changes to customers instead of the tables.
    pub updates: bool,
    /// Only these tables; empty means all.
    pub tables: Vec<String>,
    pub live: Option<Live>,
    /// A live source goes on after so many rows that are elsewhere: of the same customers and articles, and numbered from there on. 0: it begins.
    pub after: u64,
    /// Nexmark's events come out of order within groups of so many.
    pub disorder: u64,
    /// Units made in one piece. The default suits each format; compressed and binary files depend on it.
    pub piece_units: Option<u64>,
}

impl Options {
    /// The defaults of the command.
    pub fn new(what: What) -> Options {
        Options {
            what,
            rows: 10_000,
            seed: 1,
            start_day: 19_723, // 2024-01-01
            days: 366,
            skew_milli: 800,
            errors: if what == What::Nexmark { Rates::NONE } else { Rates::usual() },
            format: Format::Csv,
            compression: Compression::None,
            files: 1,
            overwrite: false,
            threads: 1,
            updates: false,
            tables: Vec::new(),
            live: None,
            after: 0,
            disorder: 1,
            piece_units: None,
        }
    }

    pub fn skew(&self) -> f64 {
        f64::from(self.skew_milli) / 1000.0
    }

    /// Rows that decide how many customers, products and sensors there are.
    pub fn base_rows(&self) -> u64 {
        match (self.live, self.after) {
            (Some(_), 0) => LIVE_ROWS,
            (Some(_), after) => after,
            (None, _) => self.rows,
        }
    }

    /// What can't be done together.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str, help: &str| Err(Error::config(what).help(help));
        if self.live.is_none() && !(1..=ROWS_MAX).contains(&self.rows) {
            return wrong("--rows must be between 1 and 100,000,000", "a million is 1000000");
        }
        if self.rows == 0 || self.files == 0 || self.days == 0 || self.days > 36_500 {
            return wrong("--rows, --files and --days must be at least 1", "and a period no longer than 100 years");
        }
        if self.skew_milli > 3000 {
            return wrong("--skew must be between 0 and 3", "0 is even, 0.8 usual, 1.5 strong");
        }
        if self.after > 0 && (self.live.is_none() || self.after > ROWS_MAX) {
            return wrong("`after` is for rows that come at a rate, up to 100,000,000 of them", "say the rate too, or leave it out");
        }
        if self.disorder == 0 || self.disorder > 1 && self.what != What::Nexmark {
            return wrong("--disorder is for Nexmark's events, in groups of at least 1", "say `tidemill generate nexmark --disorder 100`");
        }
        if self.disorder.is_multiple_of(953) {
            return wrong("groups of --disorder can't be a multiple of 953", "events are dealt out by that prime");
        }
        if self.what == What::Nexmark && !self.errors.is_none() {
            return wrong("Nexmark's events have no errors", "leave --errors out");
        }
        if self.updates && self.what != What::Shop {
            return wrong("--updates is a stream of changes to a shop's customers", "say `tidemill generate shop --updates`");
        }
        if self.updates && !self.tables.is_empty() {
            return wrong("--updates has one table, customer_changes", "leave --table out");
        }
        if self.format == Format::Parquet && self.compression != Compression::None {
            return wrong("Parquet files are compressed inside", "leave --compress out");
        }
        if self.live.is_some() && (!self.format.is_lines() || self.compression != Compression::None || self.files > 1) {
            return wrong(
                "--rate writes lines as time goes: plain CSV or JSON lines, one file",
                "leave --compress and --files out, or write without --rate",
            );
        }
        Ok(())
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
