//! Rows sent to a topic as they come: a message for each, with the row's id in the header `id`, so that a reader can tell what was sent again.

use super::options::{Format, SinkOptions};
use super::produce::{Producer, Sending};
use super::registry::Registry;
use crate::stream::StreamSink;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::json::writer::LineDelimited;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_avro::schema::{AvroSchema, FingerprintStrategy};
use arrow_avro::writer::format::AvroSoeFormat;
use arrow_avro::writer::{Encoder, WriterBuilder};
use tidemill_core::{Error, Result};

/// Rows to one topic.
pub struct Sink {
    producer: Producer,
    key: Option<usize>,
    way: Way,
}

/// How a row becomes a message.
enum Way {
    /// With what the last rows were written in, to be used again.
    Json(Vec<u8>),
    /// Each with the number of the schema before it.
    Avro(Box<Encoder>),
}

impl Sink {
    pub fn open(options: &SinkOptions, schema: &SchemaRef) -> Result<Sink> {
        let key = options.key.as_deref().map(|name| key_of(schema, name)).transpose()?;
        let sending = Sending { compression: options.compression, linger: options.linger, ..Sending::default() };
        let producer = Producer::open(&options.access, &options.topic, &sending)?;
        let way = match (options.format, &options.schema_registry) {
            (Format::Avro, Some(address)) => Way::Avro(Box::new(encoder(schema, &Registry::new(address), &options.topic)?)),
            _ => Way::Json(Vec::new()),
        };
        Ok(Sink { producer, key, way })
    }
}

/// Rows as Avro, of a schema that the registry has a number for.
fn encoder(schema: &SchemaRef, registry: &Registry, topic: &str) -> Result<Encoder> {
    let unwritten = |e: String| Error::config(format!("rows of these types can't be written as Avro: {e}"));
    let avro = AvroSchema::try_from(schema.as_ref()).map_err(|e| unwritten(e.to_string()))?;
    let number = registry.enter(topic, &avro.json_string)?;
    let builder = WriterBuilder::new(schema.as_ref().clone()).with_fingerprint_strategy(FingerprintStrategy::Id(number));
    builder.build_encoder::<AvroSoeFormat>().map_err(|e| unwritten(e.to_string()))
}

/// Which column is the key.
pub fn key_of(schema: &SchemaRef, name: &str) -> Result<usize> {
    schema.index_of(name).map_err(|_| {
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let near = tidemill_core::problem::did_you_mean(name, names.iter().copied());
        Error::config(format!("there is no column `{name}` to be the key")).help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the columns are {}", names.join(", ")),
        })
    })
}

/// Rows as JSON, each followed by a newline; NULL is written.
pub fn json_lines(rows: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    let mut writer = arrow::json::WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut *out);
    writer.write(rows)?;
    writer.finish()?;
    Ok(())
}

/// Key texts of a column.
pub fn keys(array: &ArrayRef) -> Result<Vec<Option<String>>> {
    let options = FormatOptions::default();
    let texts = ArrayFormatter::try_new(array.as_ref(), &options)?;
    let text = |row: usize| array.is_valid(row).then(|| texts.value(row).try_to_string()).transpose();
    Ok((0..array.len()).map(text).collect::<std::result::Result<_, _>>()?)
}

impl StreamSink for Sink {
    fn write(&mut self, rows: &RecordBatch, ids: &[String]) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.key.map(|k| keys(rows.column(k))).transpose()?;
        let Sink { producer, way, .. } = self;
        let mut send = |row: usize, value: &[u8]| {
            let key = keys.as_ref().and_then(|k| k.get(row)?.as_deref()).map(str::as_bytes);
            producer.send(key, value, ids.get(row).map(|id| ("id", id.as_bytes())))
        };
        match way {
            Way::Json(text) => {
                json_lines(rows, text)?;
                let lines = text.trim_ascii_end().split(|b| *b == b'\n').enumerate();
                lines.into_iter().try_for_each(|(row, line)| send(row, line))?;
            }
            Way::Avro(encoder) => {
                encoder.encode(rows).map_err(|e| Error::data(format!("rows can't be written as Avro: {e}")))?;
                encoder.flush().iter().enumerate().try_for_each(|(row, value)| send(row, &value))?;
            }
        }
        self.producer.poll()
    }

    fn flush(&mut self) -> Result<()> {
        self.producer.flush().map(|_| ())
    }
}
