//! What every command takes.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The project's directory; also what DIR arguments are relative to
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,

    /// Use `[environments.NAME]` of tidemill.toml (default: TIDEMILL_ENV)
    #[arg(long, value_name = "NAME", global = true)]
    pub env: Option<String>,

    /// Override a setting, such as `engine.threads=2`; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, value_parser = key_value)]
    pub set: Vec<(String, String)>,

    /// How results are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human, global = true)]
    pub format: OutputFormat,

    /// Log level: error, warn, info, debug, trace, or directives such as `info,datafusion=debug`
    #[arg(long, value_name = "LEVEL", global = true)]
    pub log_level: Option<String>,

    /// Log lines as text or JSON
    #[arg(long, value_enum, value_name = "FORMAT", global = true)]
    pub log_format: Option<LogFormat>,

    /// Write the log to this file (rotated by size, see `[log]`) instead of standard error
    #[arg(long, value_name = "FILE", global = true)]
    pub log_file: Option<PathBuf>,

    /// Colour: `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColourChoice::Auto, global = true)]
    pub color: ColourChoice,

    /// No progress, no summaries: only results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Say more: causes of errors, timings, the log at info (-vv: debug)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Tables fitted to the terminal
    Human,
    /// Rows as one array of objects, reports as one object
    Json,
    /// Comma-separated, with a header; NULL is empty, an empty text is ""
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

impl LogFormat {
    pub fn as_str(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    Auto,
    Always,
    Never,
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_string(), value.trim().to_string())),
        _ => Err("write it as KEY=VALUE, for example engine.threads=2".into()),
    }
}
