//! `dictionary`.

use clap::Args;
use std::path::PathBuf;

/// Describe every table, view, function and export.
///
/// Puts together what the project's files say: sources, keys, contracts, types, descriptions, how tables are cleaned, where each column of a
/// view comes from, tests; and lists what nobody has described. Needs no run; after one, row counts and versions are there too. --out writes a
/// Markdown file, or one HTML page with a search box.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tidemill dictionary\n  tidemill dictionary customers spend_by_education\n  tidemill dictionary --out dictionary.html\n  tidemill dictionary --out docs/data.md\n  tidemill dictionary --format json"
)]
pub struct DictionaryArgs {
    /// Only these: `customers`, `clean.customers`, a view, a function, `export.report`
    #[arg(value_name = "NODE")]
    pub nodes: Vec<String>,
    /// Write it to this file: `.md` or `.html`
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
