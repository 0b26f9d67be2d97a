//! Commands about what happened: rejected rows, table versions, the ledger, runs.

use super::RowArgs;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// Count rejected rows by table, code and column.
    ///
    /// One line for each reason that rows were set aside for, so that the most frequent fault is seen first.
    #[command(after_help = "Examples:\n  tidemill quarantine ls\n  tidemill quarantine ls --format json")]
    Ls,
    /// Show rejected rows of a table.
    ///
    /// Each with its file, line, raw text, the code and column of the rule it broke, and the reason in words.
    #[command(
        after_help = "Examples:\n  tidemill quarantine show customers\n  tidemill quarantine show customers --code type --column income -x"
    )]
    Show {
        #[command(flatten)]
        selection: QuarantineSelection,
        /// At most so many rows; 0 means all
        #[arg(long, value_name = "ROWS", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Try rejected rows again.
    ///
    /// Puts the selected rows through today's contract: those that pass go into the table, the others stay with their new reason. Run
    /// it after mending a rule or a type; then `run` brings what depends on the table up to date.
    #[command(
        after_help = "Examples:\n  tidemill quarantine replay customers\n  tidemill quarantine replay customers --code type --column income"
    )]
    Replay {
        #[command(flatten)]
        selection: QuarantineSelection,
    },
}

#[derive(Debug, Clone, Args)]
pub struct QuarantineSelection {
    /// The table's name: `customers`
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// Only this code: fields, type, required, accepted, range, check, unique, key, encoding, quote, drift, …
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Only rows rejected for this column
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// Only rows in this state (default: open); replay tries open rows only
    #[arg(long, value_name = "STATUS", value_parser = ["open", "replayed", "all"])]
    pub status: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// List the versions of a table.
    ///
    /// One line for each version that is still kept: when, by which epoch, rows, files and bytes.
    #[command(
        after_help = "Examples:\n  tidemill snapshot ls                 every table, with its newest version\n  tidemill snapshot ls clean.customers\n  tidemill snapshot ls raw.customers --format csv"
    )]
    Ls {
        /// `clean.customers`, `raw.customers`, or the name of a view kept as a table; without it, every table with its newest version
        #[arg(value_name = "TABLE")]
        table: Option<String>,
    },
    /// Compare two versions of a table.
    ///
    /// Counts rows that were added, removed and (for tables with a key) changed, lists columns that came or went, and shows the first
    /// differing rows.
    #[command(
        after_help = "Examples:\n  tidemill snapshot diff clean.customers          the last two versions\n  tidemill snapshot diff clean.customers 3        version 3 and the newest\n  tidemill snapshot diff clean.customers 3 5 -x"
    )]
    Diff {
        #[arg(value_name = "TABLE")]
        table: String,
        /// The older version (default: the one before TO)
        #[arg(value_name = "FROM")]
        from: Option<i64>,
        /// The newer version (default: the newest)
        #[arg(value_name = "TO")]
        to: Option<i64>,
        /// At most so many differing rows are shown
        #[arg(long, value_name = "ROWS", default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Make an older version of a table the current one.
    ///
    /// Writes a new version with the old one's content; nothing is lost, so it can be undone the same way. The table stays so until
    /// its sources or rules change; the next `run` brings what depends on it up to date.
    #[command(after_help = "Examples:\n  tidemill snapshot restore clean.customers 3")]
    Restore {
        #[arg(value_name = "TABLE")]
        table: String,
        #[arg(value_name = "VERSION")]
        version: i64,
    },
}

#[derive(Debug, Subcommand)]
pub enum SavepointCommand {
    /// Make a savepoint.
    ///
    /// While the project is served, the serving process makes it, of the moment at which it is asked; else it is what the last epoch left. It
    /// costs no copy: data files that it names stay for as long as it is there.
    #[command(after_help = "Examples:\n  tidemill savepoint create before-migration")]
    Create {
        /// Letters, digits, `-` and `_`
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List savepoints, the oldest first.
    ///
    /// Each with its moment and its epoch, and how many tables, rows, bytes, places in sources and states of live views it holds.
    #[command(after_help = "Examples:\n  tidemill savepoint ls\n  tidemill savepoint ls --format json")]
    Ls,
    /// Make everything what it was at a savepoint.
    ///
    /// Tables, positions in sources and the state of live views, all at once; only while nobody serves the project. What came since goes from
    /// the tables, and sources that can be read again are read again from there by the next `serve` or `run`; what no source gives again is told.
    #[command(after_help = "Examples:\n  tidemill savepoint restore before-migration")]
    Restore {
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Let a savepoint go.
    ///
    /// Data files that only it needs are removed by the next maintenance.
    #[command(after_help = "Examples:\n  tidemill savepoint rm before-migration")]
    Rm {
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Prove that no row was lost.
///
/// Recounts the stored tables and checks, for each step of each table, that rows read = written + quarantined + deduplicated + filtered +
/// late. Ends with code 1 when an account does not balance.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tidemill audit\n  tidemill audit --format json")]
pub struct AuditArgs {}

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, the newest first.
    ///
    /// Also lists the run that is going on in another process.
    #[command(after_help = "Examples:\n  tidemill runs ls\n  tidemill runs ls --limit 100 --format csv")]
    Ls {
        /// At most so many runs; 0 means all
        #[arg(long, value_name = "RUNS", default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Show the steps of a run.
    ///
    /// Rows and bytes read and written, rows per second, CPU seconds, peak memory and errors, step by step.
    #[command(after_help = "Examples:\n  tidemill runs show               the latest\n  tidemill runs show 0192f3 -x")]
    Show {
        /// The run's id, or the beginning of it
        #[arg(value_name = "RUN", default_value = "latest")]
        run: String,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Print the journal of a run.
    ///
    /// One line for each thing that happened, as it was recorded while the run went on.
    #[command(after_help = "Examples:\n  tidemill runs logs\n  tidemill runs logs 0192f3")]
    Logs {
        /// The run's id, or the beginning of it
        #[arg(value_name = "RUN", default_value = "latest")]
        run: String,
    },
}
