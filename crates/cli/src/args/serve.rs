//! Commands about what goes on by itself.

use clap::Args;

/// Keep everything up to date.
///
/// Brings the project up to date as `run` does, then follows its sources: rows that come are checked, cleaned and seen by queries within
/// milliseconds, live views are kept current, and both reach the Delta tables several times a second. Ends with Ctrl-C, or SIGTERM, and goes on
/// where it was when it is started again, also after a crash.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill -C shop serve --headless\n  tidemill -C shop --env kafka serve --headless\n  tidemill -C shop serve --headless --until-caught-up"
)]
pub struct ServeArgs {
    /// Without pages in a browser: this version has none yet, so it must be given
    #[arg(long)]
    pub headless: bool,
    /// End once everything that had come has been taken in
    #[arg(long)]
    pub until_caught_up: bool,
}

/// Watch a served project.
///
/// Shows for each followed table and each live view how many rows come, how far behind it is, how long a row takes until a query sees it,
/// and how much it holds. The same stands in `system.streams` and `system.live_views`. In a pipe, and with `--once`, it prints once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tidemill -C shop top\n  tidemill -C shop top --once --format json\n  tidemill -C shop top --every 5")]
pub struct TopArgs {
    /// Print once and end
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub every: f64,
}
