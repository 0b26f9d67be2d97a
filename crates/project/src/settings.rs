//! Settings of a project, and where each value came from: defaults < `tidemill.toml` < the chosen environment < `TIDEMILL__SECTION__KEY`
//! (from the process or `.env`) < command line.

mod dotenv;
mod keys;
mod resolve;
#[cfg(test)]
mod tests;
mod units;

use std::collections::BTreeMap;

pub(crate) use dotenv::read as read_dotenv;
pub(crate) use resolve::{Layers, resolve};
pub use units::{format_duration, format_size, parse_duration, parse_size};

/// What stands outside the project directory and bears on it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `--env`; when there is none, `TIDEMILL_ENV` chooses.
    pub name: Option<String>,
    /// The process's environment variables. They win over those in `.env`.
    pub variables: BTreeMap<String, String>,
    /// The flag as given, and what it sets: `("--threads", "engine.threads=4")`.
    pub overrides: Vec<(String, String)>,
}

/// The resolved settings. Every field's origin stands in `origins` under its dotted key.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `--env`, or `TIDEMILL_ENV`, if any.
    pub environment: Option<String>,
    pub lake: LakeSettings,
    pub engine: EngineSettings,
    pub live: LiveSettings,
    pub log: LogSettings,
    pub origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Every setting as `config show` prints it, in a fixed order: dotted key, value, origin. An unset optional value is empty;
    /// anything that looks like a secret is `***`.
    pub fn entries(&self) -> Vec<(String, String, Origin)> {
        keys::KEYS
            .iter()
            .map(|key| {
                let value = if looks_secret(key.name) { "***".to_string() } else { (key.print)(self) };
                (key.name.to_string(), value, self.origins.get(key.name).cloned().unwrap_or(Origin::Default))
            })
            .collect()
    }

    /// What each setting means, in the order of [`Settings::entries`]: dotted key, default as printed, meaning.
    pub fn documentation() -> Vec<(&'static str, String, &'static str)> {
        let defaults = Settings::default();
        keys::KEYS.iter().map(|key| (key.name, (key.print)(&defaults), key.meaning)).collect()
    }
}

/// Whether the last part of a dotted key names something that must not be shown.
pub fn looks_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key).to_lowercase();
    ["password", "secret", "token", "credential", "private_key", "access_key", "api_key"].iter().any(|word| last.contains(word))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// `tidemill.toml:12`
    File {
        line: usize,
    },
    Environment {
        name: String,
        line: usize,
    },
    Variable {
        name: String,
        dotenv: bool,
    },
    CommandLine {
        flag: String,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { line } => write!(f, "tidemill.toml:{line}"),
            Origin::Environment { name, line } => write!(f, "tidemill.toml:{line} (environment {name})"),
            Origin::Variable { name, dotenv: false } => f.write_str(name),
            Origin::Variable { name, dotenv: true } => write!(f, "{name} in .env"),
            Origin::CommandLine { flag } => f.write_str(flag),
        }
    }
}

#[derive(Debug, Clone)]
pub struct LakeSettings {
    /// Directory, relative to the project.
    pub location: String,
    /// Table versions younger than this survive `snapshot` clean-up.
    pub retention: std::time::Duration,
}

#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// 0: one per core.
    pub threads: usize,
    /// Bytes that sorts, joins, groups and fits may hold in memory together.
    pub memory_limit: u64,
    /// Partitions of a query plan; 0: as threads.
    pub partitions: usize,
    pub batch_rows: usize,
    pub spill_dir: Option<String>,
    /// Bytes of decoded source rows kept between fit and apply, at most.
    pub cache: u64,
}

#[derive(Debug, Clone)]
pub struct LiveSettings {
    pub checkpoint_interval: std::time::Duration,
    pub batch_rows_max: usize,
    pub batch_delay_max: std::time::Duration,
    pub lateness: std::time::Duration,
}

#[derive(Debug, Clone)]
pub struct LogSettings {
    pub level: String,
    /// `text` or `json`
    pub format: String,
    /// None: standard error only.
    pub file: Option<String>,
    pub file_size_max: u64,
    pub files_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        use std::time::Duration;
        Settings {
            environment: None,
            lake: LakeSettings { location: "lake".into(), retention: Duration::from_secs(7 * 24 * 3600) },
            engine: EngineSettings {
                threads: 0,
                memory_limit: 2_000_000_000,
                partitions: 0,
                batch_rows: 8192,
                spill_dir: None,
                cache: 512_000_000,
            },
            live: LiveSettings {
                checkpoint_interval: Duration::from_secs(10),
                batch_rows_max: 65_536,
                batch_delay_max: Duration::from_millis(50),
                lateness: Duration::ZERO,
            },
            log: LogSettings { level: "info".into(), format: "text".into(), file: None, file_size_max: 10_000_000, files_max: 5 },
            origins: keys::KEYS.iter().map(|k| (k.name.to_string(), Origin::Default)).collect(),
        }
    }
}
