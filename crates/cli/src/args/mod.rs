//! The command line as clap reads it: plain data, no behaviour. `global` holds what every command takes; each family of commands has
//! its own file. Every command carries one paragraph of help and an `Examples:` section, which a test insists on.

mod bench;
mod dictionary;
mod generate;
mod global;
mod history;
mod profile;
mod project;
mod query;
mod score;
mod serve;
mod topics;

#[cfg(test)]
mod tests;

pub use bench::{BenchCacheArgs, BenchCommand, BenchLiveArgs, BenchPlansArgs, ReportArgs};
pub use dictionary::DictionaryArgs;
pub use generate::{FileFormat, GenerateArgs};
pub use global::{ColourChoice, Global, OutputFormat};
pub use history::{AuditArgs, QuarantineCommand, QuarantineSelection, RunsCommand, SavepointCommand, SnapshotCommand};
pub use profile::ProfileArgs;
pub use project::{CheckArgs, CompletionsArgs, ConfigCommand, DemoArgs, ExplainArgs, InitArgs, PlanArgs, RunArgs};
pub use query::{QueryArgs, RowArgs, ShellArgs};
pub use score::ScoreArgs;
pub use serve::{ServeArgs, TopArgs};
pub use topics::{BrokerArgs, ProduceArgs, TopicArgs, TopicsCommand};

use clap::{Parser, Subcommand};

/// Messy customer, product and order files in; clean tables, views and answers out.
///
/// A project is a directory of SELECTs and small TOML files. Tidemill reads the files it names, sets aside what is broken, cleans the
/// rest by declared rules, keeps the result as Delta tables, and answers SQL over them.
#[derive(Debug, Parser)]
#[command(
    name = "tidemill",
    version,
    disable_help_subcommand = true,
    after_help = "Start here:\n  tidemill demo                      a shop with messy data, run, served and opened in your browser\n  tidemill init shop                 a project of your own\n  tidemill -C shop check             every mistake in it, with file, line and help\n  tidemill -C shop run               bring everything up to date\n  tidemill -C shop shell             ask questions"
)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(DemoArgs),
    Init(InitArgs),
    Profile(ProfileArgs),
    Generate(GenerateArgs),
    Check(CheckArgs),
    Dictionary(DictionaryArgs),
    Plan(PlanArgs),
    Run(RunArgs),
    Serve(ServeArgs),
    Top(TopArgs),
    Query(QueryArgs),
    Shell(ShellArgs),
    /// Look at rejected rows, and try them again.
    ///
    /// A row that cannot be decoded or that breaks its table's contract is never dropped: it stands in `quarantine.TABLE` with its file,
    /// line, raw text, the rule it broke and why. After mending a rule, `replay` takes rows back in.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill quarantine ls\n  tidemill quarantine show customers --code type --limit 20\n  tidemill quarantine replay customers"
    )]
    Quarantine(QuarantineCommand),
    /// Look at versions of a table, compare them, go back.
    ///
    /// Every run that changes a table leaves a version of it. Versions younger than `lake.retention` can be listed, compared and restored;
    /// in SQL, `version_of('clean.customers', 3)` reads one.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill snapshot ls clean.customers\n  tidemill snapshot diff clean.customers 3 5\n  tidemill snapshot restore clean.customers 3"
    )]
    Snapshot(SnapshotCommand),
    /// Keep a moment of the whole project, and go back to it.
    ///
    /// A savepoint is everything at one moment, under a name: all tables, how far each source had been read, the state of live views and alerts.
    /// It stays until it is removed, whatever `lake.retention` says.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill savepoint create before-migration\n  tidemill savepoint ls\n  tidemill savepoint restore before-migration\n  tidemill savepoint rm before-migration"
    )]
    Savepoint(SavepointCommand),
    Audit(AuditArgs),
    Score(ScoreArgs),
    /// Settings, and where each value comes from.
    ///
    /// Settings come from defaults, `tidemill.toml`, the chosen `[environments.NAME]`, `TIDEMILL__SECTION__KEY` variables (of the process
    /// or a `.env` file) and the command line; later ones win.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill config show\n  tidemill --env production config show\n  TIDEMILL__ENGINE__THREADS=2 tidemill config show --format json"
    )]
    Config(ConfigCommand),
    /// What was run, when, and how it went.
    ///
    /// Each run and each of its steps is recorded in `system.runs` and `system.steps`, so everything shown here can also be asked in SQL.
    #[command(subcommand, after_help = "Examples:\n  tidemill runs ls --limit 5\n  tidemill runs show\n  tidemill runs logs 0192f3")]
    Runs(RunsCommand),
    /// What this machine makes of this project.
    ///
    /// Measures the project's own questions: from the disk and from memory (`cache`), with ways of planning turned off one at a time (`plans`),
    /// and its live views at work (`live`). Every figure is measured here and now; the project must have been run before.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill -C shop bench cache\n  tidemill -C shop bench cache --html cache.html\n  tidemill -C shop bench plans revenue_by_month\n  tidemill -C shop bench live"
    )]
    Bench(BenchCommand),
    /// Kafka topics: make, change, list, fill, look at.
    ///
    /// Everything a project needs to do with topics, without Kafka's own scripts. Brokers are named with --brokers, by a connection of the project with
    /// --connection, or in TIDEMILL_KAFKA_BROKERS;
    /// TIDEMILL_KAFKA_SECURITY, TIDEMILL_KAFKA_SASL_USER, TIDEMILL_KAFKA_SASL_PASSWORD, TIDEMILL_KAFKA_TLS_CA and so on protect the connection,
    /// with the values that a source's options of these names have.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill topics create orders --partitions 4 --brokers localhost:9092\n  tidemill topics produce orders --from data/orders.csv --rate 1000/s\n  tidemill topics tail orders --follow\n  tidemill topics lag"
    )]
    Topics(TopicsCommand),
    Explain(ExplainArgs),
    Completions(CompletionsArgs),
}

impl Command {
    /// Whether the process stays until somebody ends it.
    pub fn stays(&self) -> bool {
        match self {
            Command::Serve(_) => true,
            Command::Demo(args) => !args.no_serve,
            _ => false,
        }
    }
}
