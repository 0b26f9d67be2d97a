//! Messages of a topic for people to look at.

use super::access::{Access, failed};
use super::options::From;
use super::source::Listener;
use super::start::{self, Failed};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;
use tidemill_core::Result;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(10);

/// Messages of one topic, as they are.
pub struct Tail {
    consumer: BaseConsumer<Listener>,
    brokers: String,
    /// Partition, next offset, and where it ended when it was opened.
    parts: Vec<(i32, i64, i64)>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// Microseconds since 1970.
    pub timestamp: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// So many messages before the end of each partition.
    Last(u64),
    At(From),
}

impl Tail {
    pub fn open(access: &Access, topic: &str, begin: Begin) -> Result<Tail> {
        let cannot = |e: &KafkaError, heard| failed(&format!("cannot read topic {topic}"), &access.brokers, e, heard);
        let mut config = access.client();
        config
            .set("group.id", "tidemill-tail")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "100")
            .set("statistics.interval.ms", "250");
        let consumer: BaseConsumer<Listener> = config.create_with_context(Listener::default()).map_err(|e| cannot(&e, None))?;
        let heard = || consumer.context().heard.last();
        let numbers = start::partitions(&consumer, topic, ASK).map_err(|e| cannot(&e, heard()))?;
        let mut assigned = TopicPartitionList::new();
        let mut parts = Vec::new();
        for number in &numbers {
            let from = if let Begin::At(from) = begin { from } else { From::Earliest };
            let found = match start::find(&consumer, (0, topic), *number, None, false, from, ASK) {
                Ok(found) => found,
                Err(Failed::Lost(e)) => return Err(e),
                Err(Failed::Broker(e)) => return Err(cannot(&e, heard())),
            };
            let next = match begin {
                Begin::At(_) => found.next,
                Begin::Last(n) => found.next.max(found.high - i64::try_from(n).unwrap_or(i64::MAX)),
            };
            assigned.add_partition_offset(topic, *number, Offset::Offset(next)).map_err(|e| cannot(&e, None))?;
            parts.push((*number, next, found.high));
        }
        consumer.assign(&assigned).map_err(|e| cannot(&e, None))?;
        Ok(Tail { consumer, brokers: access.brokers.clone(), parts })
    }

    /// The next message; `None` when none came within the time.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Record>> {
        let message = match self.consumer.poll(wait) {
            None => return Ok(None),
            Some(Ok(message)) => message,
            Some(Err(e)) => {
                let heard = self.consumer.context().heard.last();
                let error = failed("cannot read", &self.brokers, &e, heard);
                // Brokers that are away may come back.
                return if error.kind.is_retryable() { Ok(None) } else { Err(error) };
            }
        };
        if let Some(part) = self.parts.iter_mut().find(|(n, ..)| *n == message.partition()) {
            part.1 = message.offset() + 1;
        }
        let headers = message.headers().map(|all| all.iter().map(|h| (h.key.to_string(), h.value.map(<[u8]>::to_vec))).collect());
        Ok(Some(Record {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().map(|ms| ms * 1000),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        }))
    }

    /// Whether everything was read that was there when it was opened.
    pub fn is_through(&self) -> bool {
        let news = self.consumer.context().news();
        self.parts.iter().all(|(number, next, high)| {
            // The last offsets may be a transaction's marks, which are no messages.
            let fetched = news.marks.iter().find(|((_, n), _)| n == number).is_some_and(|(_, m)| m.waiting == 0 && m.fetched >= *high);
            next >= high || fetched
        })
    }
}
