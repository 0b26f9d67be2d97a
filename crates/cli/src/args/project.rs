//! Commands that make, check and run a project.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use tidemill_generate::written::count;

/// Make a shop, run it, and open a page where its numbers move.
///
/// Writes a project into a fresh directory and makes two years of an online shop's data for it, as messy as such data is; runs it, and shows a table
/// worth reading and the commands to type next; then serves it, with new orders and stock movements every second, and opens the dashboard. Each part is
/// printed as the command that does the same.
///
/// Ends with Ctrl-C. Started again it goes on where it was, with the orders that fell due meanwhile.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill demo\n  tidemill demo /tmp/try --rows 20000\n  tidemill demo --no-serve           make it, run it, ask, and end"
)]
pub struct DemoArgs {
    /// Where to write it
    #[arg(value_name = "DIR", default_value = "tidemill-demo")]
    pub dir: PathBuf,
    /// Customers, articles and orders to begin with, of each [default: 100,000]
    #[arg(long, value_name = "N", value_parser = count)]
    pub rows: Option<u64>,
    /// Port of the pages [default: 5000, or any that is free where that is taken]
    #[arg(long, conflicts_with = "no_serve")]
    pub port: Option<u16>,
    /// Open the page in a browser even where nobody looks at this output
    #[arg(long, conflicts_with_all = ["no_open", "no_serve"])]
    pub open: bool,
    /// Only print the page's address
    #[arg(long)]
    pub no_open: bool,
    /// End after the run and its answers
    #[arg(long)]
    pub no_serve: bool,
    /// Write even into a directory that holds other files
    #[arg(long)]
    pub force: bool,
}

/// Write a project: a starter, or one made from your own data.
///
/// Without --from, the project has one small messy CSV file, a table that reads and cleans it, views, a `.env.example` and a `.gitignore`:
/// enough to run at once and to edit from there.
///
/// With --from, the files named are read whole, and a project is written that reads them: types, key, contract, cleaning rules, first views
/// and an export. What is sure is in force; what is doubtful stands there as a comment with its evidence. Files with the same columns become one
/// table. A directory that already holds a project is left alone.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill init shop\n  tidemill init retail --from online_retail.csv\n  tidemill init shop --from 'data/orders-*.csv.gz' --from data/customers.json"
)]
pub struct InitArgs {
    /// Where to write it; made if it is not there
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// A file, a glob or a directory to make it from; several are allowed
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub from: Vec<String>,
    /// The project's name (default: the directory's)
    #[arg(long)]
    pub name: Option<String>,
}

/// Find every mistake in the project.
///
/// Reads all files of the project, types every rule and every SELECT against the columns it will meet, and reports all mistakes at
/// once, each with file, line, a caret and a suggestion. Looks at the first rows of source files; writes nothing. Ends with code 78 when
/// there is an error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tidemill check\n  tidemill -C shop check --format json")]
pub struct CheckArgs {
    /// Warnings count as errors
    #[arg(long)]
    pub strict: bool,
}

/// Say what a run would do, and why.
///
/// Compares the project and its sources with what the lake holds: which files are new or changed, which rules or SELECTs differ, what
/// follows from that, and what is up to date. Writes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill plan\n  tidemill plan -s clean.orders+\n  tidemill plan -v                  also lists the files to read"
)]
pub struct PlanArgs {
    #[command(flatten)]
    pub selection: Selection,
    /// As if nothing were up to date
    #[arg(long)]
    pub full: bool,
    /// As `run --frozen` would: stored recipes are not fitted again
    #[arg(long)]
    pub frozen: bool,
}

/// Bring everything up to date, once.
///
/// Reads new and changed files, sets broken rows aside, fits and applies the cleaning rules, builds views, tests and exports, and commits
/// all tables together. A run that is killed is finished by the next one; nothing is lost or taken twice. Ends with code 1 when a node or
/// a test failed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill run\n  tidemill run -s clean.orders+     orders, and all that depends on them\n  tidemill run -s +revenue --full   rebuild a view and all it needs\n  tidemill run --frozen             apply the stored recipes as they are"
)]
pub struct RunArgs {
    #[command(flatten)]
    pub selection: Selection,
    /// Apply the stored recipes without fitting them again
    #[arg(long)]
    pub frozen: bool,
    /// Build every selected node even when it is up to date
    #[arg(long)]
    pub full: bool,
    /// Only say what would be done (the same as `plan`)
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Selection {
    /// Only these nodes: `clean.orders`, `raw.*`, `x+` (and dependants), `+x` (and what it needs), `2+x`; may be given several times
    #[arg(short = 's', long = "select", value_name = "SELECTOR", num_args = 1..)]
    pub select: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting, its value and where that came from.
    ///
    /// Secrets are shown as `***`. The same settings are used by every other command with the same `--env` and `--set`.
    #[command(
        after_help = "Examples:\n  tidemill config show\n  tidemill config show engine\n  tidemill --set engine.memory_limit=1GB config show --format csv"
    )]
    Show {
        /// Only keys that begin so
        #[arg(value_name = "PREFIX")]
        prefix: Option<String>,
    },
}

/// Explain a problem's code.
///
/// Every mistake that `check` reports has a code such as TM0402; this prints what it means, an example and how to mend it. Without a
/// code, lists all of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tidemill explain TM0402\n  tidemill explain")]
pub struct ExplainArgs {
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Print a completion script for a shell.
///
/// The script completes commands and options; put it where your shell looks for such scripts.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill completions bash > ~/.local/share/bash-completion/completions/tidemill\n  tidemill completions zsh > ~/.zfunc/_tidemill\n  tidemill completions fish > ~/.config/fish/completions/tidemill.fish"
)]
pub struct CompletionsArgs {
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}
