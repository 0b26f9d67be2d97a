//! Where partitions begin: at the positions handed in, checked against what the brokers keep, or where the options say.

use super::options::From;
use super::source::Listener;
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tidemill_core::{Error, Result};

/// How long one question to a broker may take.
pub const ASK: Duration = Duration::from_secs(5);
/// How long to wait before asking again.
const AGAIN: Duration = Duration::from_millis(200);

/// Where a partition begins, and what the brokers have of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub topic: usize,
    pub partition: i32,
    /// The next offset to read.
    pub next: i64,
    /// One behind the newest message there is.
    pub high: i64,
}

/// What could not be found out now, or will never be right.
pub enum Failed {
    /// May be tried again.
    Broker(KafkaError),
    Lost(Error),
}

impl std::convert::From<KafkaError> for Failed {
    fn from(e: KafkaError) -> Self {
        Failed::Broker(e)
    }
}

/// What is to be found out.
pub struct Question {
    pub topics: Vec<String>,
    /// By topic and partition, the positions handed in.
    pub known: BTreeMap<(usize, i32), i64>,
    pub from: From,
    /// These partitions only, which were made since; otherwise all.
    pub made_since: Option<Vec<(usize, i32)>>,
}

/// What comes of it; sent once.
pub type Answer = Receiver<std::result::Result<Vec<Start>, Failed>>;

/// Asks on a thread of its own, since brokers that are away take seconds to be given up.
pub fn ask(consumer: Arc<BaseConsumer<Listener>>, question: Question) -> Result<Answer> {
    let (tell, answer) = std::sync::mpsc::channel();
    let asking = std::thread::Builder::new().name("kafka-start".into()).spawn(move || {
        let found = find_all(&consumer, &question);
        if matches!(found, Err(Failed::Broker(_))) {
            // Asking again at once would keep brokers busy that have enough to do.
            std::thread::sleep(AGAIN);
        }
        // Nobody listens any more when the source was closed meanwhile.
        let _ = tell.send(found);
    });
    asking.map_err(|e| Error::limit("cannot start a thread").because(e))?;
    Ok(answer)
}

fn find_all(consumer: &BaseConsumer<Listener>, question: &Question) -> std::result::Result<Vec<Start>, Failed> {
    let Question { topics, known, from, made_since } = question;
    let mut starts = Vec::new();
    for (topic, name) in topics.iter().enumerate() {
        let was_read = made_since.is_some() || known.keys().any(|(t, _)| *t == topic);
        let numbers: Vec<i32> = match made_since {
            Some(made) => made.iter().filter(|(t, _)| *t == topic).map(|(_, p)| *p).collect(),
            None => partitions(consumer, name, ASK)?,
        };
        if let Some((_, gone)) = known.keys().find(|(t, p)| *t == topic && made_since.is_none() && !numbers.contains(p)) {
            return Err(Failed::Lost(
                Error::data(format!("the partition is not there any more: the topic has {}", numbers.len()))
                    .at(format!("{name}/{gone}"))
                    .help("the topic was deleted and made anew; read the new one under another name, or into a table of its own"),
            ));
        }
        for partition in numbers {
            let position = known.get(&(topic, partition)).copied();
            starts.push(find(consumer, (topic, name), partition, position, was_read, *from, ASK)?);
        }
    }
    Ok(starts)
}

/// The numbers of a topic's partitions.
pub fn partitions(consumer: &BaseConsumer<Listener>, topic: &str, limit: Duration) -> KafkaResult<Vec<i32>> {
    partitions_of(consumer.client(), topic, limit)
}

/// The same, asked by any client.
pub fn partitions_of<C: ClientContext>(client: &Client<C>, topic: &str, limit: Duration) -> KafkaResult<Vec<i32>> {
    let metadata = client.fetch_metadata(Some(topic), limit)?;
    let Some(found) = metadata.topics().iter().find(|t| t.name() == topic) else {
        return Err(KafkaError::MetadataFetch(rdkafka::error::RDKafkaErrorCode::UnknownTopicOrPartition));
    };
    if let Some(error) = found.error() {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    let mut numbers: Vec<i32> = found.partitions().iter().map(|p| p.id()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Finds where one partition begins. `known` is the position handed in; `is_new` says that its topic was read before it was there.
pub fn find(
    consumer: &BaseConsumer<Listener>,
    (topic, name): (usize, &str),
    partition: i32,
    known: Option<i64>,
    is_new: bool,
    from: From,
    limit: Duration,
) -> std::result::Result<Start, Failed> {
    let (low, high) = consumer.fetch_watermarks(name, partition, limit)?;
    let next = match known {
        Some(next) => {
            check(name, partition, next, low, high).map_err(Failed::Lost)?;
            next
        }
        None if is_new => low,
        None => match from {
            From::Earliest => low,
            From::Latest => high,
            From::Committed | From::Instant(_) => {
                let mut asked = TopicPartitionList::new();
                let given = if let From::Instant(millis) = from { Offset::Offset(millis) } else { Offset::Invalid };
                asked.add_partition_offset(name, partition, given)?;
                let answer = if from == From::Committed {
                    consumer.committed_offsets(asked, limit)?
                } else {
                    consumer.offsets_for_times(asked, limit)?
                };
                match (answer.find_partition(name, partition).map(|e| e.offset()), from) {
                    // What the group has read may be gone already.
                    (Some(Offset::Offset(n)), From::Committed) => {
                        check(name, partition, n, low, high).map_err(Failed::Lost)?;
                        n
                    }
                    (Some(Offset::Offset(n)), _) => n,
                    (_, From::Committed) => low,
                    _ => high,
                }
            }
        },
    };
    Ok(Start { topic, partition, next, high })
}

/// Whether reading can go on at `next` without a gap.
pub fn check(topic: &str, partition: i32, next: i64, low: i64, high: i64) -> Result<()> {
    if next < low {
        let lost = low - next;
        return Err(Error::data(format!(
            "offset out of range: reading stands at offset {next}, and the oldest message that the topic keeps is {low}: {lost} {} gone unread",
            if lost == 1 { "message is" } else { "messages are" }
        ))
        .at(format!("{topic}/{partition}"))
        .help("the topic's retention is shorter than the time nobody read it (`tidemill topics alter TOPIC --retention 7d`); Tidemill does not skip ahead by itself"));
    }
    if next > high {
        return Err(Error::data(format!(
            "offset out of range: reading stands at offset {next}, and the topic ends at {high}: it was deleted and made anew, or truncated"
        ))
        .at(format!("{topic}/{partition}"))
        .help(
            "rows that were read from the old topic stay in the table; read the new one under another name, or into a table of its own",
        ));
    }
    Ok(())
}
