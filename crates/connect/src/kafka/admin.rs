//! Topics made, changed, removed, listed and described; groups and how far they are behind.

use super::access::{Access, Quiet, failed};
use super::start::partitions_of;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::Duration;
use tidemill_core::{Error, Result};

/// How long one question may take.
const ASK: Duration = Duration::from_secs(10);

/// Asks brokers about topics and groups.
pub struct Admin {
    access: Access,
    client: AdminClient<Quiet>,
    /// Asks what the administrative part can't.
    reader: BaseConsumer<Quiet>,
}

/// A topic as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    pub partitions: Option<i32>,
    /// The brokers' own choice when absent.
    pub replicas: Option<i32>,
    pub configs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub partitions: Vec<Partition>,
    /// Those that differ from the brokers' defaults.
    pub configs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub number: i32,
    pub leader: i32,
    pub replicas: usize,
    pub in_sync: usize,
    /// The oldest message kept, and one behind the newest.
    pub low: i64,
    pub high: i64,
}

impl Topic {
    /// Offsets between the oldest and the newest: as many messages, where none was compacted away.
    pub fn messages(&self) -> i64 {
        self.partitions.iter().map(|p| p.high - p.low).sum()
    }
}

/// Where a group stands in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLag {
    pub group: String,
    pub topic: String,
    pub partition: i32,
    pub committed: i64,
    pub high: i64,
}

impl Admin {
    pub fn open(access: &Access) -> Result<Admin> {
        let cannot = |e: KafkaError| failed("cannot ask the brokers", &access.brokers, &e, None);
        let client = access.client().create_with_context(Quiet::default()).map_err(cannot)?;
        let mut config = access.client();
        config.set("group.id", "tidemill-admin").set("enable.auto.commit", "false");
        let reader = config.create_with_context(Quiet::default()).map_err(cannot)?;
        Ok(Admin { access: access.clone(), client, reader })
    }

    fn failed(&self, what: &str, e: &KafkaError) -> Error {
        // What the library has to say is heard when it is asked.
        (0..10).for_each(|_| drop(self.reader.poll(Duration::from_millis(1))));
        let heard = self.client.inner().context().heard.last().or_else(|| self.reader.context().heard.last());
        failed(what, &self.access.brokers, e, heard)
    }

    /// Makes a topic.
    pub fn create(&self, wanted: &Wanted) -> Result<()> {
        let what = format!("cannot create topic {}", wanted.name);
        let mut topic = NewTopic::new(&wanted.name, wanted.partitions.unwrap_or(1), TopicReplication::Fixed(wanted.replicas.unwrap_or(-1)));
        for (key, value) in &wanted.configs {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(ASK)).request_timeout(Some(ASK));
        let answers = block_on(self.client.create_topics([&topic], &options)).map_err(|e| self.failed(&what, &e))?;
        self.one(&what, answers.into_iter().next().map(|a| a.map(|_| ())))?;
        // It is made when it can be read.
        self.until(&what, || self.is_ready(&wanted.name, 1))
    }

    /// Changes a topic: more partitions, other settings.
    pub fn alter(&self, wanted: &Wanted) -> Result<()> {
        let what = format!("cannot alter topic {}", wanted.name);
        let options = AdminOptions::new().operation_timeout(Some(ASK)).request_timeout(Some(ASK));
        if let Some(partitions) = wanted.partitions {
            let now = partitions_of(self.reader.client(), &wanted.name, ASK).map_err(|e| self.failed(&what, &e))?.len();
            if (partitions as usize) < now {
                return Err(Error::config(format!("{what}: it has {now} partitions, and Kafka takes none away"))
                    .help("make a new topic with fewer"));
            }
            if partitions as usize > now {
                let more = NewPartitions::new(&wanted.name, partitions as usize);
                let answers = block_on(self.client.create_partitions([&more], &options)).map_err(|e| self.failed(&what, &e))?;
                self.one(&what, answers.into_iter().next().map(|a| a.map(|_| ())))?;
                let count = partitions as usize;
                self.until(&what, || self.is_ready(&wanted.name, count))?;
            }
        }
        if !wanted.configs.is_empty() {
            // What is not named would go back to its default.
            let mut all = self.configs(&wanted.name)?;
            all.extend(wanted.configs.clone());
            let mut change = AlterConfig::new(ResourceSpecifier::Topic(&wanted.name));
            for (key, value) in &all {
                change = change.set(key, value);
            }
            let answers = block_on(self.client.alter_configs([&change], &options)).map_err(|e| self.failed(&what, &e))?;
            self.one(&what, answers.into_iter().next().map(|a| a.map(|_| ()).map_err(|(_, code)| (String::new(), code))))?;
        }
        Ok(())
    }

    /// Removes a topic with all that is in it.
    pub fn delete(&self, name: &str) -> Result<()> {
        let what = format!("cannot delete topic {name}");
        let options = AdminOptions::new().operation_timeout(Some(ASK)).request_timeout(Some(ASK));
        let answers = block_on(self.client.delete_topics(&[name], &options)).map_err(|e| self.failed(&what, &e))?;
        self.one(&what, answers.into_iter().next().map(|a| a.map(|_| ())))?;
        self.until(&what, || self.names().is_ok_and(|names| !names.iter().any(|n| n == name)))
    }

    /// Names of all topics but the brokers' own.
    pub fn names(&self) -> Result<Vec<String>> {
        let metadata = self.reader.fetch_metadata(None, ASK).map_err(|e| self.failed("cannot list topics", &e))?;
        let mut names: Vec<String> = metadata.topics().iter().map(|t| t.name().to_string()).filter(|n| !n.starts_with("__")).collect();
        names.sort();
        Ok(names)
    }

    /// A topic with its partitions; with its settings only if asked.
    pub fn describe(&self, name: &str, with_configs: bool) -> Result<Topic> {
        let what = format!("cannot describe topic {name}");
        let metadata = self.reader.fetch_metadata(Some(name), ASK).map_err(|e| self.failed(&what, &e))?;
        let unknown = || self.failed(&what, &KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
        let found = metadata.topics().iter().find(|t| t.name() == name).ok_or_else(unknown)?;
        if let Some(error) = found.error() {
            return Err(self.failed(&what, &KafkaError::MetadataFetch(error.into())));
        }
        let mut partitions = Vec::new();
        for p in found.partitions() {
            let (low, high) = self.reader.fetch_watermarks(name, p.id(), ASK).map_err(|e| self.failed(&what, &e))?;
            partitions.push(Partition {
                number: p.id(),
                leader: p.leader(),
                replicas: p.replicas().len(),
                in_sync: p.isr().len(),
                low,
                high,
            });
        }
        partitions.sort_by_key(|p| p.number);
        let configs = if with_configs { self.configs(name)? } else { BTreeMap::new() };
        Ok(Topic { name: name.into(), partitions, configs })
    }

    /// A topic's own settings.
    fn configs(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let what = format!("cannot describe topic {name}");
        let options = AdminOptions::new().request_timeout(Some(ASK));
        let topic = ResourceSpecifier::Topic(name);
        let answers = block_on(self.client.describe_configs([&topic], &options)).map_err(|e| self.failed(&what, &e))?;
        let Some(answer) = answers.into_iter().next() else { return Ok(BTreeMap::new()) };
        let resource = answer.map_err(|code| self.failed(&what, &KafkaError::AdminOp(code)))?;
        let own = resource.entries.into_iter().filter(|e| e.source == ConfigSource::DynamicTopic);
        Ok(own.filter_map(|e| Some((e.name, e.value?))).collect())
    }

    /// Names of groups that the brokers know.
    pub fn groups(&self) -> Result<Vec<String>> {
        let list = self.reader.fetch_group_list(None, ASK).map_err(|e| self.failed("cannot list groups", &e))?;
        let mut names: Vec<String> = list.groups().iter().map(|g| g.name().to_string()).collect();
        names.sort();
        Ok(names)
    }

    /// Where a group stands in the topics given; partitions that it has told nothing of are left out.
    pub fn lag(&self, group: &str, topics: &[String]) -> Result<Vec<GroupLag>> {
        let what = format!("cannot see where group {group} stands");
        let mut config = self.access.client();
        config.set("group.id", group).set("enable.auto.commit", "false");
        let member: BaseConsumer<Quiet> = config.create_with_context(Quiet::default()).map_err(|e| self.failed(&what, &e))?;
        let mut out = Vec::new();
        for topic in topics {
            let numbers = partitions_of(self.reader.client(), topic, ASK).map_err(|e| self.failed(&what, &e))?;
            let mut asked = TopicPartitionList::new();
            for number in numbers {
                asked.add_partition(topic, number);
            }
            let answer = member.committed_offsets(asked, ASK).map_err(|e| self.failed(&what, &e))?;
            for place in answer.elements() {
                let Offset::Offset(committed) = place.offset() else { continue };
                let (_, high) = self.reader.fetch_watermarks(topic, place.partition(), ASK).map_err(|e| self.failed(&what, &e))?;
                out.push(GroupLag { group: group.into(), topic: topic.clone(), partition: place.partition(), committed, high });
            }
        }
        Ok(out)
    }

    /// The answer to the one thing asked.
    fn one(&self, what: &str, answer: Option<std::result::Result<(), (String, RDKafkaErrorCode)>>) -> Result<()> {
        match answer {
            None | Some(Ok(())) => Ok(()),
            Some(Err((_, code))) => Err(self.failed(what, &KafkaError::AdminOp(code))),
        }
    }

    /// Whether every partition has a leader that answers.
    fn is_ready(&self, topic: &str, partitions: usize) -> bool {
        let numbers = partitions_of(self.reader.client(), topic, ASK).unwrap_or_default();
        numbers.len() >= partitions && numbers.iter().all(|n| self.reader.fetch_watermarks(topic, *n, ASK).is_ok())
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) -> Result<()> {
        for _ in 0..100 {
            if done() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(Error::unavailable(format!("{what}: the brokers have agreed, and do not show it yet")).at(self.access.brokers.clone()))
    }
}
