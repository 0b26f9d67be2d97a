//! Commands that measure.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    Cache(BenchCacheArgs),
    Plans(BenchPlansArgs),
    Live(BenchLiveArgs),
}

/// How fast live views are.
///
/// Puts the rows that the project's tables hold through each live view, a batch after another: at full speed, for rows a second and the time of
/// a batch; and at a given rate, for the time from when a row was due to when it was in the result. Told too are the rows a second of each
/// table's rules, and what each view keeps.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill bench live\n  tidemill bench live sales_per_minute --rate 50000 --html live.html\n  tidemill bench live --batch 1000 --json live.json"
)]
pub struct BenchLiveArgs {
    /// Only these live views (default: all)
    #[arg(value_name = "VIEW")]
    pub views: Vec<String>,
    /// Rows of a batch at full speed
    #[arg(long, value_name = "ROWS", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch: u32,
    /// Rows a second at which latency is measured; 0 leaves that out
    #[arg(long, value_name = "ROWS", default_value_t = 10_000)]
    pub rate: u64,
    /// How long the rate is kept up
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub seconds: f64,
    /// Rows read of each table, at most
    #[arg(long, value_name = "ROWS", default_value_t = 5_000_000)]
    pub rows: usize,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// The same questions from the disk and from memory.
///
/// Asks a fixed set over the largest clean table (scan, filter, aggregate, join, window, top) and each of the project's views, in up to four
/// ways: decoding the source's own files; the lake's tables, cold, their pages taken out of the system's cache; the same, warm; and from
/// memory, where they are kept up to `engine.cache`. Told is the median of the repetitions, from the question's text to its last row.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill bench cache\n  tidemill bench cache --repeat 5 --html cache.html\n  tidemill bench cache revenue_by_month --json cache.json\n  tidemill --set engine.cache=2GB bench cache"
)]
pub struct BenchCacheArgs {
    /// Only these views (default: all, and the fixed set)
    #[arg(value_name = "VIEW")]
    pub views: Vec<String>,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What each way of planning is worth.
///
/// Asks each of the project's views as a run would, and again with one way turned off or changed: broadcast of a join's small side, pruning
/// of row groups and pages, filters pushed into scans, tables in memory, the number of partitions, the project's functions written out where
/// they are called. Told are times, bytes read and exchanged, and how much of the plan differs; `--differences` prints those lines.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill bench plans\n  tidemill bench plans star_join --differences\n  tidemill bench plans --repeat 5 --json plans.json"
)]
pub struct BenchPlansArgs {
    /// Only these views (default: all)
    #[arg(value_name = "VIEW")]
    pub views: Vec<String>,
    /// Print the lines in which plans differ
    #[arg(long)]
    pub differences: bool,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// How often, and where to.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Repetitions of each measurement; the median is told
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeat: u16,
    /// Also write everything that was measured to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write a page with charts to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}
