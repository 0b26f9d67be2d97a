//! Commands that ask.

use clap::Args;
use std::path::PathBuf;

/// Ask in SQL.
///
/// A bare name is a view, or else the clean table of that name; `raw.`, `clean.`, `quarantine.` and `system.` name the rest. Several
/// statements may be given, separated by `;`. With `-`, or with nothing on the command line and a pipe on standard input, the statements are
/// read from there.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill query \"SELECT count(*) FROM customers\"\n  tidemill query \"SELECT * FROM spend_by_group\" --format csv > spend.csv\n  tidemill query --at 3 \"SELECT count(*) FROM clean.customers\"\n  tidemill query --cache - < questions.sql\n  tidemill query \"SELECT run_id, status FROM system.runs ORDER BY started_at DESC\" --limit 5"
)]
pub struct QueryArgs {
    /// One or more statements; `-` reads them from standard input
    #[arg(value_name = "SQL", conflicts_with = "file")]
    pub sql: Option<String>,
    /// Read the statements from a file
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// See every table as it was at this epoch
    #[arg(long, value_name = "EPOCH")]
    pub at: Option<u64>,
    /// At most so many rows; 0 means all (default: 1000 on a terminal, all elsewhere)
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<usize>,
    /// Keep every table in memory once it has been read, up to `engine.cache`: for questions that read the same tables again
    #[arg(long)]
    pub cache: bool,
    /// Read the last finished epoch, also while somebody serves the project and knows newer rows
    #[arg(long)]
    pub detached: bool,
    #[command(flatten)]
    pub rows: RowArgs,
}

/// How rows are laid out for people.
#[derive(Debug, Clone, Copy, Args)]
pub struct RowArgs {
    /// One line per column instead of one line per row
    #[arg(short = 'x', long)]
    pub expanded: bool,
}

/// Ask in SQL, interactively.
///
/// Statements end with `;` and may take several lines; Tab completes keywords, tables, columns and functions; history is kept. `\?` lists
/// the commands: `\d` lists tables, `\d TABLE` its columns, `\x` turns rows on their side, `\timing` shows times. Without a terminal, reads
/// statements from standard input.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill shell\n  tidemill -C shop shell --cache\n  tidemill -C shop shell --at 3\n  tidemill shell < questions.sql"
)]
pub struct ShellArgs {
    /// See every table as it was at this epoch
    #[arg(long, value_name = "EPOCH")]
    pub at: Option<u64>,
    /// Keep every table in memory once it has been read, up to `engine.cache`: for questions that read the same tables again
    #[arg(long)]
    pub cache: bool,
    #[command(flatten)]
    pub rows: RowArgs,
}
