//! Commands about what goes on by itself.

use clap::Args;
use std::net::{IpAddr, Ipv4Addr};

/// Keep everything up to date, and show it in a browser.
///
/// Brings the project up to date as `run` does, then follows its sources: rows that come are checked, cleaned and seen by queries within
/// milliseconds, live views are kept current, and both reach the Delta tables several times a second. Ends with Ctrl-C, or SIGTERM, and goes on
/// where it was when it is started again, also after a crash.
///
/// Prints the URL to open once it is ready; the token in it is wanted for everything (TIDEMILL_TOKEN gives one of your own). A project in which nothing
/// is followed is brought up to date once, and shown as of the last finished run, whoever makes it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill -C shop serve\n  tidemill -C shop serve --port 8080 --bind 0.0.0.0\n  tidemill -C shop --env kafka serve --headless\n  tidemill -C shop serve --headless --until-caught-up"
)]
pub struct ServeArgs {
    /// Port of the pages and the API; 0 for any that is free
    #[arg(long, default_value_t = 5000, conflicts_with = "headless")]
    pub port: u16,
    /// Address to listen at. Any other than this machine's own shows the project to the network, unencrypted, to whoever has the token
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), conflicts_with = "headless")]
    pub bind: IpAddr,
    /// Without pages and API
    #[arg(long)]
    pub headless: bool,
    /// End once everything that had come has been taken in
    #[arg(long, requires = "headless")]
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
