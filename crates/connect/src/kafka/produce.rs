//! Messages sent to a topic, each counted when the brokers have it. The producer is idempotent: what is sent again after a lost answer, or a broker's
//! restart, is there once, and messages of one key keep their order.

use super::access::{Access, Heard, failed};
use super::start::partitions_of;
use crate::formats::csv::dialect::Dialect;
use crate::formats::csv::record::record_at;
use crate::formats::json::{shape, token};
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tidemill_core::{Error, Result};

/// How messages are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    pub compression: &'static str,
    /// How long a message may wait for others to be sent with.
    pub linger: Duration,
    /// How long brokers may be away before a message is given up.
    pub patience: Duration,
}

impl Default for Sending {
    fn default() -> Self {
        Sending { compression: "none", linger: Duration::from_millis(5), patience: Duration::from_secs(120) }
    }
}

/// Sends to one topic.
pub struct Producer {
    inner: BaseProducer<Counter>,
    topic: String,
    brokers: String,
    sent: u64,
}

/// Messages, and the bytes of their values, that the brokers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    pub messages: u64,
    pub bytes: u64,
}

impl Producer {
    /// The topic has to be there.
    pub fn open(access: &Access, topic: &str, sending: &Sending) -> Result<Producer> {
        let mut config = access.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Where Kafka's own clients put a key, so that producers of several languages agree.
            .set("partitioner", "murmur2_random")
            .set("compression.codec", sending.compression)
            .set("linger.ms", sending.linger.as_millis().to_string())
            .set("batch.num.messages", "100000")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "500000")
            .set("queue.buffering.max.kbytes", "65536")
            .set("message.max.bytes", (16 << 20).to_string())
            .set("message.timeout.ms", sending.patience.as_millis().to_string());
        let cannot = |e: &KafkaError, heard| failed(&format!("cannot write to topic {topic}"), &access.brokers, e, heard);
        let inner: BaseProducer<Counter> = config.create_with_context(Counter::default()).map_err(|e| cannot(&e, None))?;
        let producer = Producer { inner, topic: topic.into(), brokers: access.brokers.clone(), sent: 0 };
        match partitions_of(producer.inner.client(), topic, Duration::from_secs(10)) {
            Ok(_) => Ok(producer),
            Err(e) => {
                // What the library has to say is heard when it is asked.
                (0..10).for_each(|_| producer.inner.poll(Duration::from_millis(1)));
                Err(cannot(&e, producer.inner.context().heard.last()))
            }
        }
    }

    /// Takes a message; waits while too many are on their way.
    pub fn send(&mut self, key: Option<&[u8]>, value: &[u8], header: Option<(&str, &[u8])>) -> Result<()> {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic).payload(value);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some((key, value)) = header {
            record = record.headers(OwnedHeaders::new_with_capacity(1).insert(Header { key, value: Some(value) }));
        }
        self.sent += 1;
        // Answers are heard now and then; each costs a call.
        if self.sent.is_multiple_of(1000) {
            self.inner.poll(Duration::ZERO);
            self.check()?;
        }
        loop {
            match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                    record = same;
                    self.inner.poll(Duration::from_millis(50));
                    self.check()?;
                }
                Err((e, _)) => return Err(self.failed(&e)),
            }
        }
    }

    /// Returns when the brokers have everything, with how much that is since the beginning.
    pub fn flush(&mut self) -> Result<Delivered> {
        loop {
            match self.inner.flush(Duration::from_millis(200)) {
                Ok(()) => break,
                Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) => self.check()?,
                Err(e) => return Err(self.failed(&e)),
            }
        }
        self.check()?;
        let delivered = self.delivered();
        if delivered.messages != self.sent {
            return Err(
                Error::bug(format!("{} messages were sent and {} answered for", self.sent, delivered.messages)).at(self.topic.clone())
            );
        }
        Ok(delivered)
    }

    /// What the brokers have as far as they have answered.
    pub fn delivered(&self) -> Delivered {
        let counter = self.inner.context();
        Delivered { messages: counter.messages.load(Ordering::Relaxed), bytes: counter.bytes.load(Ordering::Relaxed) }
    }

    /// Hears answers that have come.
    pub fn poll(&mut self) -> Result<()> {
        self.inner.poll(Duration::ZERO);
        self.check()
    }

    fn check(&self) -> Result<()> {
        match self.inner.context().failure() {
            None => Ok(()),
            Some(e) => Err(self.failed(&e)),
        }
    }

    fn failed(&self, e: &KafkaError) -> Error {
        failed(&format!("cannot write to topic {}", self.topic), &self.brokers, e, self.inner.context().heard.last())
    }
}

/// Counts answers.
#[derive(Debug, Default)]
struct Counter {
    messages: AtomicU64,
    bytes: AtomicU64,
    failure: Mutex<Option<KafkaError>>,
    heard: Heard,
}

impl Counter {
    fn failure(&self) -> Option<KafkaError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Counter {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.hear(&error, reason);
    }
}

impl ProducerContext for Counter {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                self.messages.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(message.payload_len() as u64, Ordering::Relaxed);
            }
            Err((e, _)) => {
                self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| e.clone());
            }
        }
    }
}

/// The text of a JSON object's member; `None` where it is missing or NULL, or the text is no JSON.
pub fn json_member(object: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut found = Member { name: name.as_bytes(), value: None };
    token::record(object, 0, object.len(), &mut found).ok()?;
    shape::text_of(object, found.value?).map(String::into_bytes)
}

/// Keeps the value of one member.
struct Member<'a> {
    name: &'a [u8],
    value: Option<token::Value>,
}

impl token::Sink for Member<'_> {
    fn member(&mut self, _: usize, key: &[u8]) -> Option<usize> {
        (key == self.name).then_some(1)
    }
    fn enters(&mut self, node: usize) -> bool {
        node == 0
    }
    fn value(&mut self, _: usize, value: token::Value) {
        self.value = Some(value);
    }
}

/// The text of a CSV line's field, without quotes; `None` where it is missing or empty.
pub fn csv_field(line: &[u8], field: usize) -> Option<Vec<u8>> {
    let dialect = Dialect::default();
    let record = record_at(line, 0, true, &dialect)?;
    record.value(line, field, &dialect).filter(|v| !v.is_empty()).map(std::borrow::Cow::into_owned)
}
