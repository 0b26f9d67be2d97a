//! A topic, or several, followed: messages are polled, laid together by partition, and decoded a batch at a time.

use super::about::About;
use super::access::{Heard, failed};
use super::gather::Gathered;
use super::options::{Format, SourceOptions};
use super::registry::Registry;
use super::start::{self, ASK, Answer, Failed, Question, Start};
use crate::connector::Drift;
use crate::formats::csv::dialect::Dialect;
use crate::formats::records::{CsvRecords, RecordDecoder, RecordFormat};
use crate::stream::{Budget, Lag, Positions, Pulled, StreamBatch, StreamSource};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::statistics::Statistics;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::mpsc::TryRecvError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tidemill_core::{ColumnRead, Error, ErrorKind, Result};

/// How often brokers are asked nothing, but the library is: what the high-water marks are, and whether there are new partitions.
const STATISTICS_MS: &str = "250";
/// How often the library asks brokers for new partitions.
const METADATA_MS: &str = "5000";
/// How long to wait before what could not be decoded is tried again.
const HELD: Duration = Duration::from_millis(500);
/// Places within a batch are counted in 32 bits.
const BATCH_BYTES_MAX: usize = 1 << 30;

/// A connection to brokers that reads.
pub struct Source {
    consumer: Arc<BaseConsumer<Listener>>,
    options: SourceOptions,
    columns: Vec<ColumnRead>,
    format: RecordFormat,
    about: About,
    parts: Vec<Part>,
    /// By topic and number, where in `parts`.
    places: Vec<Vec<Option<u32>>>,
    /// Positions handed in, by topic and partition.
    from: BTreeMap<(usize, i32), i64>,
    is_open: bool,
    /// Where partitions begin, while it is being found out.
    asked: Option<Answer>,
    committed: Positions,
    /// Messages could not be decoded yet; no more are taken meanwhile.
    is_held: bool,
    trouble: Option<String>,
}

/// One partition.
struct Part {
    split: Arc<str>,
    topic: usize,
    partition: i32,
    next: i64,
    /// As it was known when the partition was opened.
    high: i64,
    decoder: RecordDecoder,
    gathered: Gathered,
    /// The position is to be told though no row has come, so that a restart goes on here.
    is_untold: bool,
}

impl Source {
    /// Connects in the background: brokers that are down are no error.
    pub fn open(options: SourceOptions, columns: &[ColumnRead], from: &Positions) -> Result<Source> {
        let about = About::new(columns)?;
        let format = record_format(&options);
        // What is wrong with the columns is told before anything is read.
        RecordDecoder::new("", &format, columns, Drift::Evolve)?;
        let mut config = options.access.client();
        config
            // Without a group the library reads nothing; what is not asked for is never told to it.
            .set("group.id", options.group.as_deref().unwrap_or("tidemill"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", if options.reads_uncommitted { "read_uncommitted" } else { "read_committed" })
            .set("fetch.wait.max.ms", options.fetch_wait.as_millis().to_string())
            .set("fetch.error.backoff.ms", "100")
            // A full queue empties within milliseconds; the library's second of waiting would leave it empty most of the time.
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.min.messages", "1000000")
            .set("queued.max.messages.kbytes", (options.queue_bytes_max >> 10).to_string())
            .set("fetch.message.max.bytes", (4 << 20).to_string())
            .set("receive.message.max.bytes", (1 << 30).to_string())
            .set("check.crcs", "false")
            .set("topic.metadata.refresh.interval.ms", METADATA_MS)
            .set("statistics.interval.ms", STATISTICS_MS);
        let consumer: BaseConsumer<Listener> =
            config.create_with_context(Listener::default()).map_err(|e| failed("cannot read", &options.access.brokers, &e, None))?;
        let mut known = BTreeMap::new();
        for (split, position) in from {
            let place = split.rsplit_once('/').and_then(|(topic, partition)| {
                let topic = options.topics.iter().position(|t| t == topic)?;
                Some(((topic, partition.parse().ok()?), position.parse::<i64>().ok()?))
            });
            // Positions of a topic that is not read any more are kept by whoever has them.
            if let Some((at, next)) = place {
                known.insert(at, next);
            }
        }
        let places = vec![Vec::new(); options.topics.len()];
        Ok(Source {
            consumer: Arc::new(consumer),
            columns: columns.to_vec(),
            format,
            about,
            parts: Vec::new(),
            places,
            from: known,
            is_open: false,
            asked: None,
            committed: Positions::new(),
            is_held: false,
            trouble: None,
            options,
        })
    }

    /// Begins where an answer says that partitions do; asks if nobody has. True when an answer came.
    fn begin(&mut self, made_since: Option<Vec<(usize, i32)>>) -> std::result::Result<bool, Failed> {
        let Some(answer) = &self.asked else {
            let o = &self.options;
            let question = Question { topics: o.topics.clone(), known: self.from.clone(), from: o.from, made_since };
            self.asked = Some(start::ask(Arc::clone(&self.consumer), question).map_err(Failed::Lost)?);
            return Ok(false);
        };
        let starts = match answer.try_recv() {
            Err(TryRecvError::Empty) => return Ok(false),
            Err(TryRecvError::Disconnected) => return Err(Failed::Lost(Error::bug("a thread that asks brokers gave up"))),
            Ok(starts) => starts,
        };
        self.asked = None;
        self.add(&starts?)?;
        Ok(true)
    }

    /// Reads these partitions too.
    fn add(&mut self, starts: &[Start]) -> std::result::Result<(), Failed> {
        let mut assigned = TopicPartitionList::new();
        let mut parts = Vec::with_capacity(starts.len());
        for start in starts {
            let topic = &self.options.topics[start.topic];
            assigned.add_partition_offset(topic, start.partition, Offset::Offset(start.next))?;
            let split: Arc<str> = format!("{topic}/{}", start.partition).into();
            let decoder = RecordDecoder::new(&split, &self.format, &self.columns, Drift::Evolve).map_err(Failed::Lost)?;
            let gathered = Gathered::new(&self.about);
            let (next, high) = (start.next, start.high);
            parts.push(Part { split, topic: start.topic, partition: start.partition, next, high, decoder, gathered, is_untold: true });
        }
        self.consumer.incremental_assign(&assigned)?;
        for part in parts {
            let places = &mut self.places[part.topic];
            let number = part.partition as usize;
            if places.len() <= number {
                places.resize(number + 1, None);
            }
            places[number] = Some(self.parts.len() as u32);
            self.parts.push(part);
        }
        Ok(())
    }

    /// Partitions that were made since: all in them is new.
    fn look_for_partitions(&mut self) -> Result<()> {
        let mut made = Vec::new();
        if self.asked.is_none() {
            for (topic, partition) in std::mem::take(&mut self.consumer.context().news().partitions) {
                if let Some(topic) = self.options.topics.iter().position(|t| *t == topic)
                    && self.places[topic].get(partition as usize).copied().flatten().is_none()
                {
                    made.push((topic, partition));
                }
            }
            if made.is_empty() {
                return Ok(());
            }
        }
        match self.begin(Some(made)) {
            Ok(_) => Ok(()),
            // They are found again with the next statistics.
            Err(Failed::Broker(_)) => Ok(()),
            Err(Failed::Lost(e)) => Err(e),
        }
    }

    fn place(&self, message: &BorrowedMessage<'_>) -> Option<usize> {
        let topic = if let [_] = &self.options.topics[..] { 0 } else { self.options.topics.iter().position(|t| t == message.topic())? };
        self.places[topic].get(message.partition() as usize).copied().flatten().map(|p| p as usize)
    }

    /// What an error that came in place of a message means.
    fn hear(&mut self, e: &KafkaError) -> Result<()> {
        match e.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset) => {
                for part in &self.parts {
                    let topic = &self.options.topics[part.topic];
                    match self.consumer.fetch_watermarks(topic, part.partition, ASK) {
                        Ok((low, high)) => start::check(topic, part.partition, part.next, low, high)?,
                        Err(e) => self.trouble = Some(e.to_string()),
                    }
                }
                Err(Error::data("offset out of range: the brokers do not have what comes next").at(self.options.topics.join(", ")))
            }
            Some(
                RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed,
            ) => Err(failed("cannot read", &self.options.access.brokers, e, self.consumer.context().heard.last())),
            Some(RDKafkaErrorCode::PartitionEOF) => Ok(()),
            // Brokers that are away are told of by the statistics for as long as they are.
            _ => Ok(()),
        }
    }

    /// Takes what has come, waiting for the first message only.
    fn gather(&mut self, budget: Budget) -> Result<usize> {
        let until = now() + budget.wait;
        let (mut rows, mut bytes) = (0, 0);
        let mut wait = budget.wait;
        let bytes_max = budget.bytes.min(BATCH_BYTES_MAX);
        while rows < budget.rows && bytes < bytes_max {
            let polled = self.consumer.poll(wait);
            let message = match polled {
                None if rows > 0 || now() >= until => break,
                None => {
                    wait = until.saturating_duration_since(now());
                    continue;
                }
                Some(Ok(message)) => message,
                Some(Err(e)) => {
                    self.hear(&e)?;
                    wait = if rows > 0 { Duration::ZERO } else { until.saturating_duration_since(now()) };
                    continue;
                }
            };
            wait = Duration::ZERO;
            let Some(place) = self.place(&message) else { continue };
            let part = &mut self.parts[place];
            part.next = message.offset() + 1;
            bytes += part.gathered.push(&message, &self.about, self.options.json.record_bytes_max);
            rows += 1;
        }
        if rows > 0 {
            self.trouble = None;
            self.consumer.context().news().are_away = false;
        }
        Ok(rows)
    }

    /// Decodes what was gathered.
    fn batches(&mut self) -> Result<Vec<StreamBatch>> {
        let mut out = Vec::new();
        self.is_held = false;
        for part in &mut self.parts {
            if part.gathered.is_empty() && !part.is_untold {
                continue;
            }
            let newest = part.gathered.newest_millis;
            let decoded = match part.gathered.decode(&mut part.decoder, &self.about) {
                Ok(decoded) => decoded,
                // A registry of schemas that is away: what was gathered stays, and is decoded when it is back.
                Err(e) if e.kind == ErrorKind::Unavailable => {
                    self.trouble = Some(e.to_string());
                    self.is_held = true;
                    continue;
                }
                Err(e) => return Err(e),
            };
            part.is_untold = false;
            out.push(StreamBatch {
                split: Arc::clone(&part.split),
                decoded,
                position: part.next.to_string(),
                source_micros: newest.map(|ms| ms * 1000),
            });
        }
        Ok(out)
    }
}

impl StreamSource for Source {
    fn pull(&mut self, budget: Budget) -> Result<Pulled> {
        if !self.is_open {
            let until = now() + budget.wait;
            loop {
                match self.begin(None) {
                    Ok(true) => {
                        (self.is_open, self.trouble) = (true, None);
                        break;
                    }
                    Ok(false) => {}
                    Err(Failed::Lost(e)) => return Err(e),
                    Err(Failed::Broker(e)) => {
                        let heard = self.consumer.context().heard.last();
                        let e = failed("cannot read", &self.options.access.brokers, &e, heard);
                        if e.kind == ErrorKind::Config && !is_missing_topic(&e) {
                            return Err(e);
                        }
                        self.trouble = Some(e.to_string());
                    }
                }
                let left = until.saturating_duration_since(now());
                if left.is_zero() {
                    return Ok(Pulled::Idle);
                }
                // Whatever else the library has to say is heard meanwhile.
                if let Some(Err(e)) = self.consumer.poll(left.min(Duration::from_millis(5))) {
                    self.hear(&e)?;
                }
            }
        }
        if self.is_held {
            std::thread::sleep(budget.wait.min(HELD));
        } else {
            let rows = self.gather(budget)?;
            self.look_for_partitions()?;
            if rows == 0 && !self.parts.iter().any(|p| p.is_untold) {
                return Ok(Pulled::Idle);
            }
        }
        let batches = self.batches()?;
        Ok(if batches.is_empty() { Pulled::Idle } else { Pulled::Batches(batches) })
    }

    fn confirm(&mut self, upto: &Positions) -> Result<()> {
        if self.options.group.is_none() || !self.is_open {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::new();
        for part in &self.parts {
            let Some(position) = upto.get(&*part.split) else { continue };
            let Ok(next) = position.parse::<i64>() else { continue };
            if self.committed.get(&*part.split) == Some(position) {
                continue;
            }
            let topic = &self.options.topics[part.topic];
            if offsets.add_partition_offset(topic, part.partition, Offset::Offset(next)).is_ok() {
                self.committed.insert(part.split.to_string(), position.clone());
            }
        }
        if offsets.count() > 0
            && let Err(e) = self.consumer.commit(&offsets, CommitMode::Async)
        {
            // The rows are safe; the group's offsets follow with the next ones.
            self.trouble = Some(format!("the group's offsets could not be told: {e}"));
            self.committed.clear();
        }
        Ok(())
    }

    fn lag(&mut self) -> Vec<Lag> {
        let news = self.consumer.context().news();
        let lag = |part: &Part| {
            let known = news.marks.get(&(self.options.topics[part.topic].clone(), part.partition));
            let mark = known.map_or(part.high, |m| if self.options.reads_uncommitted { m.high } else { m.stable });
            // Transactions leave marks of their own behind the last message; when all was fetched, and nothing of it waits, there is no more.
            let is_through = known.is_some_and(|m| m.waiting == 0 && m.fetched >= mark && m.fetched > part.next);
            let behind = if is_through { 0 } else { mark.max(part.high).saturating_sub(part.next).max(0) };
            Lag { split: Arc::clone(&part.split), behind: u64::try_from(behind).ok(), position: part.next.to_string() }
        };
        self.parts.iter().map(lag).collect()
    }

    fn is_reading(&self) -> bool {
        self.is_open
    }

    fn trouble(&self) -> Option<String> {
        let listener = self.consumer.context();
        let away = listener.news().are_away.then(|| listener.heard.last().unwrap_or_else(|| "no broker answers".into()));
        self.trouble.clone().or(away)
    }
}

fn record_format(options: &SourceOptions) -> RecordFormat {
    match (options.format, &options.schema_registry) {
        (Format::Csv, _) => {
            let dialect = Dialect { delimiter: options.delimiter, record_bytes_max: options.json.record_bytes_max, ..Dialect::default() };
            RecordFormat::Csv(CsvRecords { dialect, ..CsvRecords::default() })
        }
        (Format::Avro, Some(address)) => RecordFormat::Avro(Arc::new(Registry::new(address)), options.json.clone()),
        _ => RecordFormat::Json(options.json.clone()),
    }
}

/// A topic that is not there yet may come.
fn is_missing_topic(e: &Error) -> bool {
    let code = e.source.as_deref().and_then(|s| s.downcast_ref::<KafkaError>()).and_then(KafkaError::rdkafka_error_code);
    matches!(code, Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic))
}

/// What the library tells of itself.
#[derive(Debug, Default)]
pub struct Listener {
    pub(super) heard: Heard,
    news: Mutex<News>,
}

#[derive(Debug, Default)]
pub(super) struct News {
    /// Whether no broker is connected.
    pub are_away: bool,
    pub marks: BTreeMap<(String, i32), Marks>,
    /// Partitions that there are.
    pub partitions: Vec<(String, i32)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    pub high: i64,
    /// Up to which transactions are decided.
    pub stable: i64,
    pub fetched: i64,
    /// Messages fetched and not yet polled.
    pub waiting: i64,
}

impl Listener {
    pub(super) fn news(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Listener {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.hear(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let mut news = self.news();
        news.are_away = !statistics.brokers.values().any(|b| b.state == "UP");
        if !news.are_away {
            self.heard.forget();
        }
        news.partitions.clear();
        for (topic, t) in &statistics.topics {
            for (number, p) in t.partitions.iter().filter(|(number, _)| **number >= 0) {
                news.partitions.push((topic.clone(), *number));
                if p.hi_offset >= 0 {
                    let stable = if p.ls_offset >= 0 { p.ls_offset } else { p.hi_offset };
                    let marks = Marks { high: p.hi_offset, stable, fetched: p.next_offset, waiting: p.fetchq_cnt };
                    news.marks.insert((topic.clone(), *number), marks);
                }
            }
        }
    }
}

impl ConsumerContext for Listener {}

/// How long a pull may wait is all that is measured.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}
