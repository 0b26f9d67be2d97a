//! The command that makes data.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tidemill_generate::{Compression, Format, Rates, What, parse_date};

/// Make messy data with known truth.
///
/// Writes customers, orders, transactions or sensor readings as real systems leave them: gaps, slips of the keys, impossible values, other
/// notations, copies, damaged lines, each as often as asked for. With --truth, the clean rows are written too, and a list of every error
/// with its line and the right value, so that cleaning can be scored. The same seed gives the same bytes on every machine.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill generate shop --rows 1000000 --out shop/data\n  tidemill generate orders --errors 5% --truth truth\n  tidemill generate transactions --rows 100M --as parquet --files 20\n  tidemill generate sensors --errors none --out - | head\n  tidemill generate transactions --rate 100/s\n  tidemill generate transactions --rate 5000/s --to kafka://localhost:9092/transactions --key CustomerID\n  tidemill generate shop --updates --rows 5000\n  tidemill generate nexmark --rows 10M --as parquet"
)]
pub struct GenerateArgs {
    /// What to make
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Kind,
    /// Rows of each entity, 1 to 100 million: 5000, 250k, 10M (default: 10000; with --rate no end)
    #[arg(long, value_name = "N", value_parser = count)]
    pub rows: Option<u64>,
    /// The same seed gives the same data
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// The first day of what is told
    #[arg(long, value_name = "DATE", default_value = "2024-01-01", value_parser = date, conflicts_with = "rate")]
    pub start: i32,
    /// How many days it goes on
    #[arg(long, value_name = "N", default_value_t = 366, conflicts_with = "rate")]
    pub days: u32,
    /// How much the most frequent customers and products stand out (Zipf's exponent): 0 not at all, 1.5 a lot
    #[arg(long, value_name = "NUMBER", default_value = "0.8", value_parser = thousandths)]
    pub skew: u32,
    /// Errors by kind, one rate for all kinds (5%), or none (default: missing=2%,typo=1%,duplicate=1%,invalid=0.5%,format=1%,corrupt=0.1%)
    #[arg(long, value_name = "KIND=RATE,…", value_parser = Rates::parse)]
    pub errors: Option<Rates>,
    /// Also write clean rows, hidden labels and the list of errors, into this directory
    #[arg(long, value_name = "DIR")]
    pub truth: Option<PathBuf>,
    /// The format of the files (default: csv; of messages: jsonl); --format is that of the summary
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    pub file_format: Option<FileFormat>,
    /// Compress the files as a whole
    #[arg(long, value_enum, value_name = "HOW")]
    pub compress: Option<Compress>,
    /// Where to write; `-` is standard output, for one table
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub out: PathBuf,
    /// Send rows to a Kafka topic instead, one message each: kafka://HOST:PORT/TOPIC
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["out", "compress", "files", "force"])]
    pub to: Option<String>,
    /// The column whose value is the message's key
    #[arg(long, value_name = "COLUMN", requires = "to")]
    pub key: Option<String>,
    /// Only this table of a shop; may be given several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub table: Vec<String>,
    /// Split each table into so many files
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub files: u64,
    /// Write rows as time goes, dated now, until --rows or Ctrl-C: 100/s, 30/min
    #[arg(long, value_name = "RATE", value_parser = per_second_milli)]
    pub rate: Option<u64>,
    /// A stream of new and changed customers by key, instead of a shop's tables
    #[arg(long)]
    pub updates: bool,
    /// Nexmark: events come out of order within groups of so many
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub disorder: u64,
    /// Threads (default: as many as there are cores)
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Write over files that are there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Customers, products, orders, order lines, reviews, stock movements
    Shop,
    /// One wide table of orders with their customers and products
    Orders,
    /// Bank and card transactions
    Transactions,
    /// Readings of sensors
    Sensors,
    /// Persons, auctions and bids of the Nexmark benchmark; --rows counts all events
    Nexmark,
}

impl Kind {
    pub fn what(self) -> What {
        match self {
            Kind::Shop => What::Shop,
            Kind::Orders => What::Orders,
            Kind::Transactions => What::Transactions,
            Kind::Sensors => What::Sensors,
            Kind::Nexmark => What::Nexmark,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    Csv,
    /// JSON lines: one object a line
    Jsonl,
    Parquet,
    Avro,
}

impl FileFormat {
    pub fn format(self) -> Format {
        match self {
            FileFormat::Csv => Format::Csv,
            FileFormat::Jsonl => Format::Jsonl,
            FileFormat::Parquet => Format::Parquet,
            FileFormat::Avro => Format::Avro,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compress {
    /// gzip
    Gz,
    /// Zstandard
    Zst,
}

impl Compress {
    pub fn compression(self) -> Compression {
        match self {
            Compress::Gz => Compression::Gzip,
            Compress::Zst => Compression::Zstandard,
        }
    }
}

/// `5000`, `5_000`, `250k`, `10M`
pub(super) fn count(text: &str) -> Result<u64, String> {
    let plain: String = text.trim().chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let (number, times) = match plain.strip_suffix(['k', 'K', 'm', 'M']) {
        Some(number) if plain.ends_with(['k', 'K']) => (number, 1_000),
        Some(number) => (number, 1_000_000),
        None => (plain.as_str(), 1),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(times)).ok_or_else(|| "write a whole number, such as 5000, 250k or 10M".into())
}

fn date(text: &str) -> Result<i32, String> {
    parse_date(text).ok_or_else(|| "write a day as 2024-12-31".into())
}

/// `0.8` as 800, without a float on the way.
fn thousandths(text: &str) -> Result<u32, String> {
    let wrong = || "write a number from 0 to 3, such as 0.8".to_string();
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if part.len() > 3 || whole.len() > 1 || (whole.is_empty() && part.is_empty()) {
        return Err(wrong());
    }
    format!("0{whole}{part:0<3}").parse().ok().filter(|n| *n <= 3000).ok_or_else(wrong)
}

/// Rows per second, in thousandths.
pub(super) fn per_second_milli(text: &str) -> Result<u64, String> {
    let wrong = || "write a rate such as 100/s, 30/min or 5000/h, from 4/h to 10M/s".to_string();
    let (number, unit) = text.trim().split_once('/').unwrap_or((text.trim(), "s"));
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1,
        "m" | "min" | "minute" => 60,
        "h" | "hour" => 3600,
        _ => return Err(wrong()),
    };
    let milli = count(number).ok().and_then(|n| n.checked_mul(1000)).ok_or_else(wrong)? / seconds;
    Some(milli).filter(|n| (1..=10_000_000_000).contains(n)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rates_and_skews_are_read_as_people_write_them() {
        assert_eq!((count("5_000"), count("250k"), count("10M"), count("7")), (Ok(5000), Ok(250_000), Ok(10_000_000), Ok(7)));
        assert!(count("").is_err() && count("1.5M").is_err() && count("-1").is_err() && count("99999999999999999M").is_err());
        assert_eq!((per_second_milli("100/s"), per_second_milli("30/min"), per_second_milli("2k")), (Ok(100_000), Ok(500), Ok(2_000_000)));
        assert!(["0/s", "1/h", "5/week", "/s", "99999M/s"].iter().all(|bad| per_second_milli(bad).is_err()));
        let usual = "missing=2%,typo=1%,duplicate=1%,invalid=0.5%,format=1%,corrupt=0.1%";
        assert_eq!(Rates::parse(usual), Ok(Rates::usual()), "the help says what the default is");
        assert_eq!((thousandths("0.8"), thousandths("1.5"), thousandths("0"), thousandths(".25")), (Ok(800), Ok(1500), Ok(0), Ok(250)));
        assert!(thousandths("3.1").is_err() && thousandths("-1").is_err() && thousandths("x").is_err() && thousandths("").is_err());
    }
}
