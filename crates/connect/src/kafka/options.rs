//! What a user may write for `connector = "kafka"`: of a source, and of a sink.

use super::access::{Access, DOCS, missing};
use crate::formats::json::{JsonOptions, Nested};
use crate::options::{OptionDoc, OptionProblem, OptionReader, Options};
use std::path::Path;
use std::time::Duration;

/// Options of `[source]` with `connector = "kafka"`, read.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    pub access: Access,
    pub topics: Vec<String>,
    pub format: Format,
    pub from: From,
    pub group: Option<String>,
    pub reads_uncommitted: bool,
    pub delimiter: u8,
    pub json: JsonOptions,
    pub schema_registry: Option<String>,
    pub queue_bytes_max: usize,
    pub fetch_wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
    Avro,
}

/// Where a partition begins that nothing is known of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Earliest,
    Latest,
    Committed,
    /// The first message of this instant or later, in milliseconds since 1970.
    Instant(i64),
}

const fn doc(name: &'static str, value: &'static str, default: &'static str, text: &'static str) -> OptionDoc {
    OptionDoc { name, value, default, text }
}

pub const SOURCE: &[OptionDoc] = &with_access::<11, 20>([
    doc("topic", "text or list of texts", "", "The topic to read, or several with messages of one kind."),
    doc(
        "format",
        "\"json\", \"csv\" or \"avro\"",
        "\"json\"",
        "How a message's value is written: an object, a line without a header, or a binary record.",
    ),
    doc(
        "from",
        "\"earliest\", \"latest\", \"committed\" or an instant",
        "\"earliest\"",
        "Where reading begins the first time: the oldest message kept, what comes from now on, where the group stands, or the first message of an instant \
         (`\"2026-01-31T12:00:00Z\"`) or later. After that it goes on where the table's rows end.",
    ),
    doc("group", "text", "", "A consumer group to tell how far the table's stored rows reach, so that Kafka's own tools show the lag."),
    doc(
        "isolation",
        "\"read_committed\" or \"read_uncommitted\"",
        "\"read_committed\"",
        "Whether messages of transactions that are still open, or were given up, are read too.",
    ),
    doc("delimiter", "one character", "\",\"", "Of csv: what separates fields. Columns are matched by order."),
    doc(
        "nested",
        "\"flatten\" or \"keep\"",
        "\"flatten\"",
        "Of json and avro: members of an object within a record become columns (`address.city`, stored as `address_city`), or it is kept as JSON text.",
    ),
    doc(
        "schema_registry",
        "text",
        "",
        "Of avro: the address (`http://host:8081`) of the registry that knows the schemas of messages by number.",
    ),
    doc("record_bytes_max", "size", "\"8MB\"", "A longer message is quarantined."),
    doc("queue_bytes_max", "size", "\"4MB\"", "Messages fetched ahead, in memory."),
    doc(
        "fetch_wait_ms_max",
        "integer",
        "100",
        "How long a broker may wait for more before it answers; a message is sent on at once all the same.",
    ),
]);

/// Options of a sink.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    pub access: Access,
    pub topic: String,
    pub format: Format,
    pub key: Option<String>,
    pub compression: &'static str,
    pub linger: Duration,
    pub schema_registry: Option<String>,
}

pub const SINK: &[OptionDoc] = &with_access::<6, 15>([
    doc("topic", "text", "", "The topic to write to; it has to be there."),
    doc("format", "\"json\" or \"avro\"", "\"json\"", "How a row becomes a message's value."),
    doc(
        "key",
        "text",
        "",
        "The column whose value is the message's key: rows of one key keep their order. Without it messages are spread over the partitions.",
    ),
    doc("compression", "\"none\", \"gzip\", \"snappy\", \"lz4\" or \"zstd\"", "\"none\"", "How batches of messages are compressed."),
    doc("linger_ms", "integer", "5", "How long a message may wait for others to be sent with."),
    doc("schema_registry", "text", "", "Of avro: the address of the registry that the schema is entered in."),
]);

/// Options of one's own before those of access.
const fn with_access<const OWN: usize, const ALL: usize>(own: [OptionDoc; OWN]) -> [OptionDoc; ALL] {
    assert!(OWN + DOCS.len() == ALL);
    let mut all = [DOCS[0]; ALL];
    let mut i = 0;
    while i < ALL {
        all[i] = if i < OWN { own[i] } else { DOCS[i - OWN] };
        i += 1;
    }
    all
}

impl SourceOptions {
    /// Reads what it can and reports every mistake.
    pub fn parse(options: &Options, base_dir: &Path) -> (SourceOptions, Vec<OptionProblem>) {
        let mut r = OptionReader::new(options, SOURCE);
        let access = Access::read(&mut r, base_dir);
        let topics = r.texts("topic").unwrap_or_default();
        if r.get("topic").is_none() {
            r.problems.push(missing("topic", "add `topic = \"orders\"`"));
        } else {
            check_topics(&topics, &mut r);
        }
        let format = format(&mut r, &["json", "csv", "avro"]);
        let from = from(&mut r);
        let group = r.text("group").map(str::to_string);
        if group.as_ref().is_some_and(|g| g.trim().is_empty()) {
            r.problem("group", "`group` is empty", "leave it out, or name a group");
        }
        if from == From::Committed && group.is_none() {
            r.problem("from", "`from = \"committed\"` asks where a group stands, and `group` is missing", "name the group");
        }
        let reads_uncommitted = r.choice("isolation", &["read_committed", "read_uncommitted"]) == Some("read_uncommitted");
        let delimiter = r.character("delimiter").flatten().unwrap_or(b',');
        for (key, of) in
            [("delimiter", &[Format::Csv][..]), ("nested", &[Format::Json, Format::Avro]), ("schema_registry", &[Format::Avro])]
        {
            if r.get(key).is_some() && !of.contains(&format) {
                r.problem(key, format!("`{key}` means nothing for {}", format.name()), "remove it");
            }
        }
        let nested = if r.choice("nested", &["flatten", "keep"]) == Some("keep") { Nested::Keep } else { Nested::Flatten };
        let record_bytes_max = r.bytes("record_bytes_max").unwrap_or(8 << 20);
        if !(1024..=256 << 20).contains(&record_bytes_max) {
            r.problem("record_bytes_max", "`record_bytes_max` must be between 1kB and 256MB", "");
        }
        let queue_bytes_max = r.bytes("queue_bytes_max").unwrap_or(4 << 20);
        if !(1 << 20..=1 << 30).contains(&queue_bytes_max) {
            r.problem("queue_bytes_max", "`queue_bytes_max` must be between 1MB and 1GB", "");
        }
        let fetch_wait = Duration::from_millis(r.count("fetch_wait_ms_max").unwrap_or(100).clamp(1, 60_000) as u64);
        let schema_registry = registry(format, &mut r);
        let json = JsonOptions { root: None, nested, record_bytes_max };
        let out = SourceOptions {
            access,
            topics,
            format,
            from,
            group,
            reads_uncommitted,
            delimiter,
            json,
            schema_registry,
            queue_bytes_max,
            fetch_wait,
        };
        (out, r.problems)
    }
}

impl SinkOptions {
    /// Reads what it can and reports every mistake.
    pub fn parse(options: &Options, base_dir: &Path) -> (SinkOptions, Vec<OptionProblem>) {
        let mut r = OptionReader::new(options, SINK);
        let access = Access::read(&mut r, base_dir);
        let topic = r.text("topic").unwrap_or_default().to_string();
        if r.get("topic").is_none() {
            r.problems.push(missing("topic", "add `topic = \"orders\"`"));
        } else {
            check_topics(std::slice::from_ref(&topic), &mut r);
        }
        let format = format(&mut r, &["json", "avro"]);
        let key = r.text("key").map(str::to_string);
        let compression = r.choice("compression", &["none", "gzip", "snappy", "lz4", "zstd"]).unwrap_or("none");
        let linger = Duration::from_millis(r.count("linger_ms").unwrap_or(5).min(60_000) as u64);
        let schema_registry = registry(format, &mut r);
        (SinkOptions { access, topic, format, key, compression, linger, schema_registry }, r.problems)
    }
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Avro => "avro",
        }
    }
}

fn format(r: &mut OptionReader, choices: &[&'static str]) -> Format {
    match r.choice("format", choices) {
        Some("csv") => Format::Csv,
        Some("avro") => Format::Avro,
        _ => Format::Json,
    }
}

fn registry(format: Format, r: &mut OptionReader) -> Option<String> {
    let address = r.text("schema_registry").map(|a| a.trim_end_matches('/').to_string());
    match &address {
        None if format == Format::Avro && r.get("schema_registry").is_none() => {
            r.problems.push(missing("schema_registry", "add `schema_registry = \"http://localhost:8081\"`"));
        }
        Some(a) if !a.starts_with("http://") && !a.starts_with("https://") => {
            r.problem("schema_registry", format!("`schema_registry` can't be \"{a}\""), "write it as \"http://host:8081\"");
        }
        _ => {}
    }
    address
}

fn from(r: &mut OptionReader) -> From {
    match r.text("from") {
        None | Some("earliest") => From::Earliest,
        Some("latest") => From::Latest,
        Some("committed") => From::Committed,
        Some(text) => match chrono::DateTime::parse_from_rfc3339(text) {
            Ok(instant) => From::Instant(instant.timestamp_millis()),
            Err(_) => {
                let help = "allowed: \"earliest\", \"latest\", \"committed\", or an instant such as \"2026-01-31T12:00:00Z\"";
                r.problem("from", format!("`from` can't be \"{text}\""), help);
                From::Earliest
            }
        },
    }
}

fn check_topics(topics: &[String], r: &mut OptionReader) {
    if topics.is_empty() {
        r.problem("topic", "`topic` is empty", "name a topic");
    }
    for topic in topics {
        if let Err(why) = check_topic(topic) {
            r.problem("topic", why, "a topic's name has letters, digits, `.`, `_` and `-`, at most 249");
        }
    }
}

/// Whether brokers would take it for a topic's name.
pub fn check_topic(topic: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > 249 || topic == "." || topic == ".." || !topic.chars().all(is_plain) {
        return Err(format!("\"{topic}\" is not a topic's name"));
    }
    Ok(())
}
