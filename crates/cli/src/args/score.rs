//! `score`: a run held against the truth.

use clap::Args;
use std::path::PathBuf;

/// Hold a run against the truth of generated data.
///
/// `tidemill generate … --truth DIR` says which rows are right and which errors were made. Here the clean tables of the last finished run are
/// compared with that: for each table and kind of error, how many were noticed and how many were mended, and how much that was right was taken
/// for an error. Values are compared as values, not as texts. The project must be up to date with its sources.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill -C shop score --truth truth\n  tidemill -C shop score --truth truth --table customers --columns\n  tidemill -C wide score --truth truth --table orders=wide --column 'order:Quantity=quantity' --format json"
)]
pub struct ScoreArgs {
    /// The directory that `generate --truth` wrote
    #[arg(long, value_name = "DIR")]
    pub truth: PathBuf,
    /// Only this table, with the truth's name for it where that differs; may be given several times
    #[arg(long, value_name = "TABLE[=TRUTH]")]
    pub table: Vec<String>,
    /// What the clean table calls a column of the truth, where that can't be told from the project's files; may be given several times
    #[arg(long, value_name = "TRUTH=COLUMN", value_parser = pair)]
    pub column: Vec<(String, String)>,
    /// Also each column by itself
    #[arg(long)]
    pub columns: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (theirs, mine) = text.rsplit_once('=').ok_or_else(|| "write it as TRUTH=COLUMN".to_string())?;
    Ok((theirs.to_string(), mine.to_string()))
}
