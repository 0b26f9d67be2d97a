//! The command that makes data.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tidemill_generate::written::{count, per_second_milli, thousandths};
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

fn date(text: &str) -> Result<i32, String> {
    parse_date(text).ok_or_else(|| "write a day as 2024-12-31".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_says_what_the_default_is() {
        let usual = "missing=2%,typo=1%,duplicate=1%,invalid=0.5%,format=1%,corrupt=0.1%";
        assert_eq!(Rates::parse(usual), Ok(Rates::usual()));
    }
}
