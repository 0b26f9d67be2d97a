//! How many rows a second: `cargo run --release -p tidemill-generate --example speed -- transactions 10000000 2 [DIR]`.
//! Without a directory, rows go nowhere.

#![allow(clippy::print_stdout, clippy::disallowed_methods)] // it measures and says so

use std::io::Write;
use std::path::PathBuf;
use tidemill_core::{Meter, SystemClock};
use tidemill_generate::{Compression, Format, Options, Rates, Target, What, generate};

struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        Ok(buf.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let get = |i: usize, default: &str| args.get(i).cloned().unwrap_or_else(|| default.to_string());
    let what = match get(0, "transactions").as_str() {
        "shop" => What::Shop,
        "orders" => What::Orders,
        "sensors" => What::Sensors,
        _ => What::Transactions,
    };
    let mut options = Options { rows: get(1, "5000000").parse()?, threads: get(2, "2").parse()?, ..Options::new(what) };
    options.format = match get(4, "csv").as_str() {
        "jsonl" => Format::Jsonl,
        "parquet" => Format::Parquet,
        "avro" => Format::Avro,
        _ => Format::Csv,
    };
    options.compression = match get(5, "").as_str() {
        "gz" => Compression::Gzip,
        "zst" => Compression::Zstandard,
        _ => Compression::None,
    };
    options.overwrite = true;
    options.errors = Rates::parse(&get(6, "missing=2%,typo=1%,duplicate=1%,invalid=0.5%,format=1%,corrupt=0.1%"))?;
    let directory = get(3, "");
    let mut nowhere = Nowhere;
    let truth = args.get(7).map(PathBuf::from);
    let target =
        if directory.is_empty() || directory == "-" { Target::Stream(&mut nowhere) } else { Target::Directory(PathBuf::from(&directory)) };
    let (meter, began) = (Meter::default(), std::time::Instant::now());
    let report = generate(&options, target, truth.as_deref(), &SystemClock, &meter)?;
    let seconds = began.elapsed().as_secs_f64();
    let (rows, bytes): (u64, u64) = report.tables.iter().fold((0, 0), |(r, b), t| (r + t.lines, b + t.bytes));
    println!(
        "{what}: {rows} rows, {bytes} bytes in {seconds:.2} s: {:.2} million rows/s, {:.0} MB/s",
        rows as f64 / seconds / 1e6,
        bytes as f64 / seconds / 1e6
    );
    Ok(())
}
