//! The command that looks at data nobody knows yet.

use clap::Args;
use std::path::PathBuf;

/// Look at a file or a table nobody knows yet.
///
/// Reads it once and says what is in it: per column type, missing, distinct, distribution and suspicious values; for the whole table duplicates, candidate
/// keys, what decides what, correlations and gaps in time. Findings come first, the worst on top, each with what to do about it. Needs no
/// project for files; memory stays bounded, whatever the size.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill profile sales.csv\n  tidemill profile 'data/*.csv' --html report.html\n  tidemill profile sales.csv --target returned --columns amount,country,returned\n  tidemill profile sales.csv --format json > profile.json\n  tidemill -C shop profile clean.orders"
)]
pub struct ProfileArgs {
    /// A file, a glob or a directory; else a table or view of the project: `clean.orders`, `raw.orders`, `revenue_by_country`
    #[arg(value_name = "FILE|GLOB|TABLE")]
    pub what: String,
    /// Also write a self-contained page with plots
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the report to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only these columns
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Compare every other column by this one: the share of a value, or the mean of a number
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// Only the first so many rows
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<u64>,
    /// How a file is written, as under `[source]` of a table: `delimiter=;`, `encoding=latin-1`; may be given several times
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = super::global::key_value)]
    pub options: Vec<(String, String)>,
}
