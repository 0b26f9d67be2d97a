//! What is known of a message beside its value: columns whose label begins with `@`.

use crate::formats::csv::encoding::lossless;
use crate::formats::records::is_about_record;
use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use std::sync::Arc;
use tidemill_core::problem::did_you_mean;
use tidemill_core::{ColumnRead, Error, Result};

/// A thing known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    Key,
    Timestamp,
    Topic,
    Partition,
    Offset,
    Header(String),
}

const THINGS: [&str; 5] = ["@key", "@timestamp", "@topic", "@partition", "@offset"];

/// What is asked for, in the order of the columns.
#[derive(Debug)]
pub struct About(Vec<Thing>);

/// What was noted of the messages gathered, by thing.
#[derive(Debug, Default)]
pub struct Noted(Vec<Notes>);

#[derive(Debug)]
enum Notes {
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
}

impl About {
    pub fn new(columns: &[ColumnRead]) -> Result<About> {
        columns.iter().filter(|c| is_about_record(c)).map(thing).collect::<Result<_>>().map(About)
    }

    /// An empty store of notes.
    pub fn noted(&self) -> Noted {
        let notes = |thing: &Thing| match thing {
            Thing::Key | Thing::Topic | Thing::Header(_) => Notes::Texts(Vec::new()),
            Thing::Timestamp | Thing::Partition | Thing::Offset => Notes::Numbers(Vec::new()),
        };
        Noted(self.0.iter().map(notes).collect())
    }

    /// Notes what is asked for of a message.
    #[inline]
    pub fn note(&self, message: &BorrowedMessage<'_>, noted: &mut Noted) {
        for (thing, notes) in self.0.iter().zip(&mut noted.0) {
            match notes {
                Notes::Texts(texts) => texts.push(match thing {
                    Thing::Key => message.key().map(lossless),
                    Thing::Header(name) => message.headers().and_then(|all| {
                        // The last of several headers of one name counts, as in Kafka's own clients.
                        let found = all.iter().filter(|h| h.key == name).last();
                        found.and_then(|h| h.value).map(lossless)
                    }),
                    _ => Some(message.topic().to_string()),
                }),
                Notes::Numbers(numbers) => numbers.push(match thing {
                    Thing::Timestamp => message.timestamp().to_millis().map(|ms| ms * 1000),
                    Thing::Partition => Some(i64::from(message.partition())),
                    _ => Some(message.offset()),
                }),
            }
        }
    }

    /// The notes as columns, of the type that comes naturally.
    pub fn arrays(&self, noted: &Noted) -> Vec<ArrayRef> {
        let array = |(thing, notes): (&Thing, &Notes)| -> ArrayRef {
            match notes {
                Notes::Texts(texts) => Arc::new(StringArray::from_iter(texts.iter().map(Option::as_deref))),
                Notes::Numbers(numbers) if *thing == Thing::Timestamp => {
                    Arc::new(TimestampMicrosecondArray::from(numbers.clone()).with_timezone("UTC"))
                }
                Notes::Numbers(numbers) => Arc::new(Int64Array::from(numbers.clone())),
            }
        };
        self.0.iter().zip(&noted.0).map(array).collect()
    }
}

fn thing(column: &ColumnRead) -> Result<Thing> {
    Ok(match column.label.as_str() {
        "@key" => Thing::Key,
        "@timestamp" => Thing::Timestamp,
        "@topic" => Thing::Topic,
        "@partition" => Thing::Partition,
        "@offset" => Thing::Offset,
        label => match label.strip_prefix("@header.") {
            Some(header) if !header.is_empty() => Thing::Header(header.into()),
            _ => {
                let help = match did_you_mean(label, THINGS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {} and @header.NAME", THINGS.join(", ")),
                };
                let error = Error::config(format!("a message has nothing called `{label}`"));
                return Err(error.at(format!("column `{}`", column.name)).help(help));
            }
        },
    })
}
