//! Commands about Kafka topics.

use clap::{Args, Subcommand};
use std::time::Duration;
use tidemill_generate::written::{count, per_second_milli};

/// Which brokers.
#[derive(Debug, Clone, Args)]
pub struct BrokerArgs {
    /// Brokers, `host:port` with commas between (default: TIDEMILL_KAFKA_BROKERS)
    #[arg(long, value_name = "HOST:PORT")]
    pub brokers: Option<String>,
    /// A connection of the project, `[connections.NAME]` of tidemill.toml, with all that protects it
    #[arg(long, value_name = "NAME", conflicts_with = "brokers")]
    pub connection: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// Make a topic.
    ///
    /// With so many partitions, which rows of different keys are spread over, and for as long as messages are to be kept. Settings that are not
    /// given are the brokers' own.
    #[command(
        after_help = "Examples:\n  tidemill topics create orders --partitions 4 --brokers localhost:9092\n  tidemill topics create sensor_data --retention 7d --config compression.type=zstd"
    )]
    Create {
        #[command(flatten)]
        topic: TopicArgs,
        /// Copies of each partition, on as many brokers (default: as the brokers say)
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=32))]
        replicas: Option<i32>,
        /// End well when the topic is there already
        #[arg(long)]
        if_missing: bool,
        #[command(flatten)]
        brokers: BrokerArgs,
    },
    /// Change a topic.
    ///
    /// Adds partitions (Kafka takes none away), or changes how long messages are kept and other settings; what is not named stays as it is.
    #[command(
        after_help = "Examples:\n  tidemill topics alter orders --partitions 8\n  tidemill topics alter orders --retention 30d --retention-bytes 10GB"
    )]
    Alter {
        #[command(flatten)]
        topic: TopicArgs,
        #[command(flatten)]
        brokers: BrokerArgs,
    },
    /// Remove topics.
    ///
    /// With all messages that are in them; nothing brings them back. A table that reads such a topic stops with an error rather than
    /// take a new topic of the same name for the old one.
    #[command(after_help = "Examples:\n  tidemill topics delete orders_test\n  tidemill topics delete a b c")]
    Delete {
        #[arg(value_name = "TOPIC", required = true)]
        topics: Vec<String>,
        #[command(flatten)]
        brokers: BrokerArgs,
    },
    /// List topics.
    ///
    /// One line for each, with its partitions and about how many messages it keeps (offsets between the oldest and the newest).
    #[command(
        after_help = "Examples:\n  tidemill topics ls\n  tidemill -C shop topics ls --connection broker\n  tidemill topics ls --brokers kafka-1:9092,kafka-2:9092 --format csv"
    )]
    Ls {
        #[command(flatten)]
        brokers: BrokerArgs,
    },
    /// Show a topic's partitions and settings.
    ///
    /// For each partition the offsets it keeps, its leader and its copies; then the settings that differ from the brokers' own.
    #[command(after_help = "Examples:\n  tidemill topics describe orders\n  tidemill topics describe orders --format json")]
    Describe {
        #[arg(value_name = "TOPIC")]
        topic: String,
        #[command(flatten)]
        brokers: BrokerArgs,
    },
    /// Send rows to a topic.
    ///
    /// Replays a file, or a table of the project, as JSON messages: as fast as the brokers take them, or at a rate, once or again and again.
    /// Ends when the brokers have every message, and says how many that are. Values of CSV are sent as texts, as they are written, unless
    /// --typed says to send numbers as numbers. Lines of a .jsonl file, and of standard input, are sent as they are.
    #[command(
        after_help = "Examples:\n  tidemill topics produce orders --from data/orders.csv --key customer_id\n  tidemill topics produce orders --from clean.orders --rate 1000/s --loop\n  printf '{\"id\":1}\\n' | tidemill topics produce orders --from -"
    )]
    Produce(ProduceArgs),
    /// Look at a topic's messages.
    ///
    /// The newest ones, or those from the beginning or an instant on; with --follow, those to come too, until Ctrl-C.
    #[command(
        after_help = "Examples:\n  tidemill topics tail orders\n  tidemill topics tail orders --from earliest --limit 100 --format json\n  tidemill topics tail orders --follow"
    )]
    Tail {
        #[arg(value_name = "TOPIC")]
        topic: String,
        /// Where to begin: earliest, latest, or an instant such as 2026-01-31T12:00:00Z (default: so that the newest are shown)
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
        /// At most so many messages; 0 means all (default: 10, and with --follow all)
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// Wait for more
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        brokers: BrokerArgs,
    },
    /// Show how far groups are behind.
    ///
    /// For each partition that a group has told its place of: that place, the topic's end, and the messages between. A followed table tells its
    /// place once its rows are stored, if its source names a `group`.
    #[command(after_help = "Examples:\n  tidemill topics lag\n  tidemill topics lag --group shop orders")]
    Lag {
        /// Only these topics
        #[arg(value_name = "TOPIC")]
        topics: Vec<String>,
        /// Only this group
        #[arg(long, value_name = "NAME")]
        group: Option<String>,
        #[command(flatten)]
        brokers: BrokerArgs,
    },
}

/// A topic and its settings.
#[derive(Debug, Clone, Args)]
pub struct TopicArgs {
    #[arg(value_name = "TOPIC")]
    pub name: String,
    /// Partitions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: Option<i32>,
    /// How long messages are kept: 90s, 30min, 12h, 7d, or forever
    #[arg(long, value_name = "TIME", value_parser = retention_ms)]
    pub retention: Option<i64>,
    /// How much of each partition is kept: 500MB, 10GB
    #[arg(long, value_name = "SIZE", value_parser = retention_bytes)]
    pub retention_bytes: Option<i64>,
    /// Keep the newest message of each key instead
    #[arg(long)]
    pub compact: bool,
    /// Any other setting of a topic; may be given several times
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = super::global::key_value)]
    pub configs: Vec<(String, String)>,
}

#[derive(Debug, Clone, Args)]
pub struct ProduceArgs {
    #[arg(value_name = "TOPIC")]
    pub topic: String,
    /// A file (csv, json, jsonl, parquet, avro), a table or view of the project, or `-` for lines of standard input
    #[arg(long, value_name = "FILE or TABLE")]
    pub from: String,
    /// The column whose value is the message's key
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// At most so fast: 1000/s, 30/min
    #[arg(long, value_name = "RATE", value_parser = per_second_milli)]
    pub rate: Option<u64>,
    /// Begin again at the end
    #[arg(long = "loop")]
    pub again: bool,
    /// At most so many messages
    #[arg(long, value_name = "N", value_parser = count)]
    pub rows: Option<u64>,
    /// Send numbers, booleans and times of CSV as such; rows that have none where the others do are left out, and counted
    #[arg(long)]
    pub typed: bool,
    #[command(flatten)]
    pub brokers: BrokerArgs,
}

fn retention_ms(text: &str) -> Result<i64, String> {
    if text == "forever" {
        return Ok(-1);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("write a time such as 90s, 30min, 12h or 7d, or forever".into()),
    };
    let number = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(seconds)).filter(|n| *n > 0 && *n < 1 << 40);
    number.map(|n| Duration::from_secs(n).as_millis() as i64).ok_or_else(|| "write a time such as 90s, 30min, 12h or 7d, or forever".into())
}

fn retention_bytes(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: i64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => 0,
    };
    let size = digits.parse::<i64>().ok().filter(|n| *n > 0 && unit > 0).and_then(|n| n.checked_mul(unit));
    size.ok_or_else(|| "write a size such as 500MB or 10GB".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retentions_are_read_as_people_write_them() {
        assert_eq!((retention_ms("90s"), retention_ms("7d"), retention_ms("forever")), (Ok(90_000), Ok(604_800_000), Ok(-1)));
        assert!(["", "7", "7w", "-1d", "0s", "d"].iter().all(|bad| retention_ms(bad).is_err()));
        assert_eq!((retention_bytes("500MB"), retention_bytes("1024")), (Ok(500 << 20), Ok(1024)));
        assert!(["", "x", "10QB", "-5MB"].iter().all(|bad| retention_bytes(bad).is_err()));
    }
}
