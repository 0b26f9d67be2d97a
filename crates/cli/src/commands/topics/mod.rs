//! `topics`: Kafka topics made, changed, listed, filled and looked at.

mod produce;
mod tail;

use super::write_report;
use crate::Ended;
use crate::args::{BrokerArgs, TopicArgs, TopicsCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::figures::{counted, grouped};
use crate::output::grid::{Cell, Grid, Tone, paint};
use crate::output::records::Records;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use tidemill_connect::OptionValue;
use tidemill_connect::kafka::access::{Access, DOCS};
use tidemill_connect::kafka::admin::{Admin, Topic, Wanted};
use tidemill_connect::kafka::options::check_topic;
use tidemill_connect::kafka::produce::Delivered;
use tidemill_core::{Error, Result};

/// Brokers and how they are reached are told by variables of this name and an option's.
const VARIABLES: &str = "TIDEMILL_KAFKA_";

pub fn execute(command: &TopicsCommand, context: &Context, out: &mut dyn Write) -> Ended {
    match command {
        TopicsCommand::Create { topic, replicas, if_missing, brokers } => create(topic, *replicas, *if_missing, brokers, context, out),
        TopicsCommand::Alter { topic, brokers } => {
            let wanted = wanted(topic, None)?;
            if wanted.partitions.is_none() && wanted.configs.is_empty() {
                return Err(Failure::Usage(Error::config("nothing is to be changed").help("give --partitions, --retention or --config")));
            }
            let admin = Admin::open(&access(brokers, context)?)?;
            admin.alter(&wanted)?;
            told(&admin.describe(&wanted.name, true)?, "altered", context, out)
        }
        TopicsCommand::Delete { topics, brokers } => delete(topics, brokers, context, out),
        TopicsCommand::Ls { brokers } => ls(brokers, context, out),
        TopicsCommand::Describe { topic, brokers } => {
            let admin = Admin::open(&access(brokers, context)?)?;
            describe(&admin.describe(topic, true)?, context, out)
        }
        TopicsCommand::Produce(args) => produce::execute(args, context, out),
        TopicsCommand::Tail { topic, from, limit, follow, brokers } => {
            tail::execute(topic, from.as_deref(), *limit, *follow, brokers, context, out)
        }
        TopicsCommand::Lag { topics, group, brokers } => lag(topics, group.as_deref(), brokers, context, out),
    }
}

/// Says what a topic was given.
pub fn produced(topic: &str, delivered: Delivered, took: Duration, context: &Context, out: &mut dyn Write) -> Ended {
    produce::report(topic, delivered, 0, took, context, out)
}

/// How brokers are reached: by the command line, or else the environment.
pub fn access(brokers: &BrokerArgs, context: &Context) -> Result<Access, Failure> {
    if let Some(name) = &brokers.connection {
        return of_connection(name, context);
    }
    let mut options = tidemill_connect::Options::new();
    for doc in &DOCS {
        let name = format!("{VARIABLES}{}", doc.name.to_ascii_uppercase());
        if let Ok(value) = std::env::var(&name)
            && !value.is_empty()
        {
            options.insert(doc.name.into(), OptionValue::Text(value));
        }
    }
    if let Some(brokers) = &brokers.brokers {
        options.insert("brokers".into(), OptionValue::Text(brokers.clone()));
    }
    if !options.contains_key("brokers") {
        let help = format!("give --brokers localhost:9092, or set {VARIABLES}BROKERS");
        return Err(Failure::Usage(Error::config("no brokers are named").help(help)));
    }
    let (access, problems) = Access::parse(&options, context.dir());
    match problems.into_iter().next() {
        None => Ok(access),
        Some(p) => {
            let place = p.key.map(|k| format!("{VARIABLES}{}", k.to_ascii_uppercase())).filter(|n| std::env::var_os(n).is_some());
            let error = Error { help: p.help, ..Error::config(p.message) };
            Err(Failure::Usage(match place {
                Some(place) if brokers.brokers.is_none() => error.at(place),
                _ => error,
            }))
        }
    }
}

/// A connection of the project, whatever else is in it.
fn of_connection(name: &str, context: &Context) -> Result<Access, Failure> {
    let (project, _) = tidemill_project::load(context.dir(), &context.environment());
    let usage = |message: String, help: String| Failure::Usage(Error::config(message).at("tidemill.toml").help(help));
    let Some(found) = project.connections.get(name) else {
        let near = tidemill_core::problem::did_you_mean(name, project.connections.keys().map(String::as_str));
        let help = near.map_or_else(|| format!("add a section `[connections.{name}]`"), |near| format!("did you mean `{near}`?"));
        return Err(usage(format!("there is no connection `{name}`"), help));
    };
    let mut options = tidemill_connect::Options::new();
    for (key, value) in found {
        match &value.value {
            tidemill_project::spec::OptionValue::Text(kind) if key == "connector" && kind == "kafka" => {}
            tidemill_project::spec::OptionValue::Text(kind) if key == "connector" => {
                let message = format!("connection `{name}` is of `{kind}`, and topics are Kafka's");
                return Err(usage(message, "name another connection".into()));
            }
            tidemill_project::spec::OptionValue::Text(text) if text.contains("${") => {
                return Err(usage(
                    format!("`{key}` of connection `{name}` names a variable that is not set"),
                    "set that variable, in the environment or in `.env`".into(),
                ));
            }
            tidemill_project::spec::OptionValue::Text(text) => drop(options.insert(key.clone(), OptionValue::Text(text.clone()))),
            tidemill_project::spec::OptionValue::List(items) => {
                let texts = items.iter().filter_map(|i| {
                    if let tidemill_project::spec::OptionValue::Text(t) = &i.value { Some(OptionValue::Text(t.clone())) } else { None }
                });
                options.insert(key.clone(), OptionValue::List(texts.collect()));
            }
            _ => {}
        }
    }
    // A connection may hold options of sources too.
    options.retain(|key, _| DOCS.iter().any(|d| d.name == key));
    let (access, problems) = Access::parse(&options, &project.dir);
    match problems.into_iter().next() {
        None => Ok(access),
        Some(p) => Err(usage(format!("connection `{name}`: {}", p.message), p.help.unwrap_or_default())),
    }
}

fn wanted(args: &TopicArgs, replicas: Option<i32>) -> Result<Wanted, Failure> {
    check_topic(&args.name)
        .map_err(|why| Failure::Usage(Error::config(why).help("a topic's name has letters, digits, `.`, `_` and `-`, at most 249")))?;
    let mut configs: BTreeMap<String, String> = args.configs.iter().cloned().collect();
    if let Some(ms) = args.retention {
        configs.insert("retention.ms".into(), ms.to_string());
    }
    if let Some(bytes) = args.retention_bytes {
        configs.insert("retention.bytes".into(), bytes.to_string());
    }
    if args.compact {
        configs.insert("cleanup.policy".into(), "compact".into());
    }
    Ok(Wanted { name: args.name.clone(), partitions: args.partitions, replicas, configs })
}

fn create(
    args: &TopicArgs,
    replicas: Option<i32>,
    if_missing: bool,
    brokers: &BrokerArgs,
    context: &Context,
    out: &mut dyn Write,
) -> Ended {
    let wanted = wanted(args, replicas)?;
    let admin = Admin::open(&access(brokers, context)?)?;
    if if_missing && admin.names()?.contains(&wanted.name) {
        return told(&admin.describe(&wanted.name, true)?, "there already", context, out);
    }
    admin.create(&wanted)?;
    told(&admin.describe(&wanted.name, true)?, "created", context, out)
}

/// What became of a topic.
fn told(topic: &Topic, what: &str, context: &Context, out: &mut dyn Write) -> Ended {
    let mut records = Records::new(&["topic", "status", "partitions"]);
    records.push(vec![json!(topic.name), json!(what), json!(topic.partitions.len())]);
    let object = || json!({ "topic": topic.name, "status": what, "partitions": topic.partitions.len(), "configs": topic.configs });
    if !write_report(out, context.style.format, object, &records)? {
        let configs: Vec<String> = topic.configs.iter().map(|(k, v)| format!("{k} = {v}")).collect();
        let configs = if configs.is_empty() { String::new() } else { format!("; {}", configs.join(", ")) };
        writeln!(out, "{} is {what}: {}{configs}", topic.name, counted(topic.partitions.len() as u64, "partition"))?;
    }
    Ok(0)
}

fn delete(topics: &[String], brokers: &BrokerArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let admin = Admin::open(&access(brokers, context)?)?;
    let mut records = Records::new(&["topic", "status"]);
    for topic in topics {
        admin.delete(topic)?;
        records.push(vec![json!(topic), json!("deleted")]);
        if context.is_human() {
            writeln!(out, "{topic} is deleted")?;
        }
    }
    write_report(out, context.style.format, || records.json(), &records)?;
    Ok(0)
}

fn ls(brokers: &BrokerArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let admin = Admin::open(&access(brokers, context)?)?;
    let mut topics = Vec::new();
    for name in admin.names()? {
        topics.push(admin.describe(&name, false)?);
    }
    let mut records = Records::new(&["topic", "partitions", "replicas", "messages"]);
    let replicas = |t: &Topic| t.partitions.iter().map(|p| p.replicas).min().unwrap_or(0);
    for t in &topics {
        records.push(vec![json!(t.name), json!(t.partitions.len()), json!(replicas(t)), json!(t.messages())]);
    }
    if !write_report(out, context.style.format, || records.json(), &records)? {
        let mut grid = Grid::new(&["topic", "#partitions", "#replicas", "#messages"]);
        for t in &topics {
            let messages = grouped(u64::try_from(t.messages()).unwrap_or(0));
            grid.push(vec![
                Cell::new(&t.name),
                Cell::new(t.partitions.len().to_string()),
                Cell::new(replicas(t).to_string()),
                Cell::new(messages),
            ]);
        }
        grid.write(out, context.style.width, context.style.colour)?;
        writeln!(out, "{}", paint(&format!("({})", counted(topics.len() as u64, "topic")), Tone::Dim, context.style.colour))?;
    }
    Ok(0)
}

fn describe(topic: &Topic, context: &Context, out: &mut dyn Write) -> Ended {
    let mut records = Records::new(&["partition", "oldest", "end", "messages", "leader", "replicas", "in_sync"]);
    for p in &topic.partitions {
        let numbers: [Value; 7] =
            [json!(p.number), json!(p.low), json!(p.high), json!(p.high - p.low), json!(p.leader), json!(p.replicas), json!(p.in_sync)];
        records.push(numbers.to_vec());
    }
    let object = || json!({ "topic": topic.name, "messages": topic.messages(), "partitions": records.json(), "configs": topic.configs });
    if write_report(out, context.style.format, object, &records)? {
        return Ok(0);
    }
    let mut grid = Grid::new(&["#partition", "#oldest", "#end", "#messages", "#leader", "#replicas", "#in sync"]);
    for p in &topic.partitions {
        let plain = |n: i64| Cell::new(grouped(u64::try_from(n).unwrap_or(0)));
        let in_sync = Cell::toned(p.in_sync.to_string(), if p.in_sync < p.replicas { Tone::Warn } else { Tone::Plain });
        grid.push(vec![
            Cell::new(p.number.to_string()),
            plain(p.low),
            plain(p.high),
            plain(p.high - p.low),
            Cell::new(p.leader.to_string()),
            Cell::new(p.replicas.to_string()),
            in_sync,
        ]);
    }
    grid.write(out, context.style.width, context.style.colour)?;
    for (key, value) in &topic.configs {
        writeln!(out, "{key} = {value}")?;
    }
    Ok(0)
}

fn lag(topics: &[String], group: Option<&str>, brokers: &BrokerArgs, context: &Context, out: &mut dyn Write) -> Ended {
    let admin = Admin::open(&access(brokers, context)?)?;
    let groups = group.map_or_else(|| admin.groups(), |g| Ok(vec![g.to_string()]))?;
    let topics = if topics.is_empty() { admin.names()? } else { topics.to_vec() };
    let mut found = Vec::new();
    for group in &groups {
        found.extend(admin.lag(group, &topics)?);
    }
    let mut records = Records::new(&["group", "topic", "partition", "committed", "end", "lag"]);
    for l in &found {
        let lag = (l.high - l.committed).max(0);
        records.push(vec![json!(l.group), json!(l.topic), json!(l.partition), json!(l.committed), json!(l.high), json!(lag)]);
    }
    if !write_report(out, context.style.format, || records.json(), &records)? {
        let mut grid = Grid::new(&["group", "topic", "#partition", "#committed", "#end", "#lag"]);
        let plain = |n: i64| grouped(u64::try_from(n).unwrap_or(0));
        for l in &found {
            let lag = (l.high - l.committed).max(0);
            grid.push(vec![
                Cell::new(&l.group),
                Cell::new(&l.topic),
                Cell::new(l.partition.to_string()),
                Cell::new(plain(l.committed)),
                Cell::new(plain(l.high)),
                Cell::toned(plain(lag), if lag > 0 { Tone::Warn } else { Tone::Good }),
            ]);
        }
        grid.write(out, context.style.width, context.style.colour)?;
        if found.is_empty() {
            writeln!(out, "no group has told its place in these topics")?;
        }
    }
    Ok(0)
}
