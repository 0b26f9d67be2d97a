//! The export node: a relation or a SELECT, written to a file outside the lake. The file appears whole or not at all.

use crate::nodes::{self, NodePlan};
use crate::record::Step;
use crate::run::Run;
use crate::state;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::format::AvroOcfFormat;
use arrow_avro::writer::{AvroWriter, WriterBuilder};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::path::{Path, PathBuf};
use tidemill_core::{Error, Meter, Place, Problem, Result, problem::did_you_mean};
use tidemill_project::spec::{Export, OptionValue};
use tidemill_store::{durable, failpoint};

mod csv;

/// Where exports can go. A new one is a line here.
const CONNECTORS: &[&str] = &["files"];
const OPTIONS: &[&str] = &["path", "format", "compression", "delimiter", "header", "null"];
const FORMATS: &[&str] = &["parquet", "csv", "json", "avro"];
const COMPRESSIONS: &[&str] = &["none", "gzip", "zstd", "deflate"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Parquet,
    Csv,
    /// One object a line.
    Json,
    /// An object container file.
    Avro,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pack {
    None,
    Gzip,
    Zstd,
    /// Of Avro, whose blocks are packed one by one.
    Deflate,
}

#[derive(Debug, Clone)]
struct Target {
    path: String,
    format: Format,
    pack: Pack,
    delimiter: u8,
    header: bool,
    null: String,
}

/// Every mistake in an export's options.
pub(crate) fn check(export: &Export) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !CONNECTORS.contains(&export.connector.as_str()) {
        let p = Problem::error(
            "TM0605",
            Place::span(&export.file, export.connector.span.clone()),
            format!("unknown connector `{}`", *export.connector),
        );
        problems.push(p.help(format!("known connectors: {}", CONNECTORS.join(", "))));
        return problems;
    }
    for (key, value) in &export.options {
        if !OPTIONS.contains(&key.as_str()) {
            let p = Problem::error("TM0601", Place::span(&export.file, value.span.clone()), format!("unknown option `{key}`"));
            problems.push(
                p.help(
                    did_you_mean(key, OPTIONS.iter().copied())
                        .map_or_else(|| format!("options: {}", OPTIONS.join(", ")), |n| format!("did you mean `{n}`?")),
                ),
            );
        }
    }
    if let Err((key, message, help)) = target(export) {
        let span = export.options.get(key).map(|v| v.span.clone());
        let place = span.map_or_else(|| Place::file(&export.file), |s| Place::span(&export.file, s));
        problems.push(Problem::error("TM0602", place, message).help(help));
    }
    problems
}

/// Whether what was exported is still there.
pub(crate) fn targets_exist(export: &Export, dir: &Path) -> bool {
    target(export).is_ok_and(|t| dir.join(t.path).exists())
}

type Mistake = (&'static str, String, String);

fn target(export: &Export) -> std::result::Result<Target, Mistake> {
    let text = |key: &'static str| -> std::result::Result<Option<String>, Mistake> {
        match export.options.get(key).map(|v| &v.value) {
            None => Ok(None),
            Some(OptionValue::Text(t)) => Ok(Some(t.clone())),
            Some(_) => Err((key, format!("`{key}` must be text"), format!("write {key} = \"…\""))),
        }
    };
    let path = text("path")?
        .filter(|p| !p.is_empty())
        .ok_or_else(|| ("path", "an export to files needs a `path`".to_string(), format!("path = \"exports/{}.parquet\"", export.name)))?;
    let mut name = path.to_lowercase();
    let mut pack = None;
    for (ending, p) in [(".gz", Pack::Gzip), (".zst", Pack::Zstd)] {
        if let Some(rest) = name.strip_suffix(ending) {
            pack = Some(p);
            name = rest.to_string();
        }
    }
    let by_name = match name.rsplit('.').next() {
        Some("parquet") => Some("parquet"),
        Some("csv" | "tsv" | "txt") => Some("csv"),
        Some("json" | "jsonl" | "ndjson") => Some("json"),
        Some("avro") => Some("avro"),
        _ => None,
    };
    let given = text("format")?;
    let format = match given.as_deref().or(by_name) {
        Some("parquet") => Format::Parquet,
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some("avro") => Format::Avro,
        Some(other) => {
            let near = did_you_mean(other, FORMATS.iter().copied())
                .map_or_else(|| format!("formats: {}", FORMATS.join(", ")), |n| format!("did you mean `{n}`?"));
            return Err(("format", format!("unknown format `{other}`"), near));
        }
        None => {
            return Err((
                "path",
                format!("the name `{path}` does not tell the format"),
                "end it in .parquet, .csv, .json or .avro, or set `format`".into(),
            ));
        }
    };
    let by_default = match format {
        Format::Parquet => Pack::Zstd,
        Format::Avro => Pack::Deflate,
        Format::Csv | Format::Json => Pack::None,
    };
    let pack = match text("compression")?.as_deref() {
        None => pack.unwrap_or(by_default),
        Some("none") => Pack::None,
        Some("gzip") => Pack::Gzip,
        Some("zstd") => Pack::Zstd,
        Some("deflate") => Pack::Deflate,
        Some(other) => {
            return Err(("compression", format!("unknown compression `{other}`"), format!("one of: {}", COMPRESSIONS.join(", "))));
        }
    };
    if (pack == Pack::Gzip && format == Format::Avro) || (pack == Pack::Deflate && format != Format::Avro) {
        let help =
            if format == Format::Avro { "Avro has \"deflate\", \"zstd\" and \"none\"" } else { "use \"gzip\", \"zstd\" or \"none\"" };
        return Err(("compression", "this compression is not one of the format's".into(), help.into()));
    }
    let delimiter = match text("delimiter")?.as_deref() {
        None if name.ends_with(".tsv") => b'\t',
        Some("tab" | "\\t") => b'\t',
        None => b',',
        Some(d) if d.len() == 1 && d.is_ascii() => d.as_bytes()[0],
        Some(d) => return Err(("delimiter", format!("`{d}` is not one ASCII character"), "for example \",\", \";\" or \"\\t\"".into())),
    };
    let header = match export.options.get("header").map(|v| &v.value) {
        None => true,
        Some(OptionValue::Bool(b)) => *b,
        Some(_) => return Err(("header", "`header` must be true or false".into(), "header = false".into())),
    };
    Ok(Target { path, format, pack, delimiter, header, null: text("null")?.unwrap_or_default() })
}

impl Run {
    pub(crate) async fn export(&self, n: NodePlan) -> Result<()> {
        let export = self.ws.checked.project.exports.iter().find(|e| format!("export.{}", e.name) == n.name).cloned();
        let export = export.ok_or_else(|| Error::bug(format!("no export {}", n.name)))?;
        let step = self.recorder.step(&n.name, "export");
        match self.export_in(&export, &step).await {
            Ok((path, rows)) => {
                let mut outcome = self.outcome(&n);
                outcome.rows = rows;
                state::put(&self.ws.lake, &outcome)?;
                self.ws.lake.put_state(&nodes::pointer(&n.name), &self.manifest.epoch)?;
                step.ok(path);
                Ok(())
            }
            Err(e) => {
                step.fail(&e);
                Err(e)
            }
        }
    }

    async fn export_in(&self, export: &Export, step: &Step) -> Result<(String, u64)> {
        let target = target(export).map_err(|(_, message, help)| Error::config(message).at(export.name.clone()).help(help))?;
        let path = self.ws.checked.project.dir.join(&target.path);
        let versions = self.versions.lock().clone();
        let session = self.ws.session_over(&versions).await?;
        let sql = export.sql.as_ref().map_or_else(
            || format!("SELECT * FROM {}", export.from.value.split('.').map(crate::quarantine::ident).collect::<Vec<_>>().join(".")),
            |s| s.text.clone(),
        );
        let query = session.query(&sql).await?;
        let mut rows = query.stream()?;
        let mut out = Output::open(&path, &target, &query.schema)?;
        while let Some(batch) = rows.next().await {
            if step.meter.is_cancelled() {
                return Err(Error::conflict("cancelled"));
            }
            let batch = batch?;
            Meter::add(&step.meter.rows_read, batch.num_rows() as u64);
            tokio::task::block_in_place(|| out.write(&batch))?;
            Meter::add(&step.meter.rows_written, batch.num_rows() as u64);
        }
        tokio::task::block_in_place(|| out.finish())?;
        let size = std::fs::metadata(&path).map(|m| m.len()).unwrap_or(0);
        Meter::add(&step.meter.bytes_written, size);
        let metrics = query.metrics();
        Meter::add(&step.meter.bytes_spilled, metrics.bytes_spilled);
        Meter::add(&step.meter.bytes_exchanged, metrics.bytes_exchanged);
        Ok((target.path, Meter::get(&step.meter.rows_written)))
    }
}

/// Rows of one block of an Avro file.
const AVRO_ROWS: usize = 8192;

/// The schema as other readers of Avro know it: texts and bytes in their plain forms, instants in microseconds.
fn avro_schema(schema: &SchemaRef) -> Schema {
    let plain = |f: &Field| {
        let t = match f.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
            DataType::Dictionary(_, v) if matches!(**v, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => DataType::Utf8,
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
            DataType::UInt32 => DataType::Int64,
            DataType::UInt64 => DataType::Decimal128(20, 0),
            DataType::Null => DataType::Utf8,
            other => other.clone(),
        };
        f.clone().with_data_type(t).with_nullable(true).with_metadata(std::collections::HashMap::new())
    };
    Schema::new(schema.fields().iter().map(|f| plain(f)).collect::<Vec<_>>())
}

/// Bytes on their way to a file that is not there before it is whole.
struct Output {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Parquet(Box<ArrowWriter<tempfile::NamedTempFile>>),
    Csv(Box<csv::Writer<Packed>>),
    Avro(Box<AvroWriter<std::io::BufWriter<tempfile::NamedTempFile>>>, SchemaRef),
    Json(Box<arrow::json::LineDelimitedWriter<Packed>>),
}

enum Packed {
    Plain(std::io::BufWriter<tempfile::NamedTempFile>),
    Gzip(Box<flate2::write::GzEncoder<std::io::BufWriter<tempfile::NamedTempFile>>>),
    Zstd(Box<zstd::Encoder<'static, std::io::BufWriter<tempfile::NamedTempFile>>>),
}

impl Write for Packed {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        match self {
            Packed::Plain(w) => w.write(b),
            Packed::Gzip(w) => w.write(b),
            Packed::Zstd(w) => w.write(b),
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Packed::Plain(w) => w.flush(),
            Packed::Gzip(w) => w.flush(),
            Packed::Zstd(w) => w.flush(),
        }
    }
}

impl Packed {
    fn finish(self) -> std::io::Result<tempfile::NamedTempFile> {
        let buffered = match self {
            Packed::Plain(w) => w,
            Packed::Gzip(w) => w.finish()?,
            Packed::Zstd(w) => w.finish()?,
        };
        buffered.into_inner().map_err(std::io::IntoInnerError::into_error)
    }
}

impl Output {
    fn open(path: &Path, target: &Target, schema: &SchemaRef) -> Result<Output> {
        let dir = path.parent().unwrap_or(Path::new("."));
        durable::make_directories(dir)?;
        let io = |e: std::io::Error| durable::io_error("cannot write", path, e);
        // Always the same name, so that what a killed run leaves lying is gone with the next one.
        let name = format!(".{}.tmp", path.file_name().unwrap_or_default().to_string_lossy());
        let _ = std::fs::remove_file(dir.join(&name));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let file = tempfile::Builder::new().prefix(&name).rand_bytes(0).permissions(mode).tempfile_in(dir).map_err(io)?;
        let packed = |file| -> Result<Packed> {
            let w = std::io::BufWriter::with_capacity(1 << 18, file);
            Ok(match target.pack {
                Pack::None | Pack::Deflate => Packed::Plain(w),
                Pack::Gzip => Packed::Gzip(Box::new(flate2::write::GzEncoder::new(w, flate2::Compression::default()))),
                Pack::Zstd => Packed::Zstd(Box::new(zstd::Encoder::new(w, 3).map_err(io)?)),
            })
        };
        let sink = match target.format {
            Format::Parquet => {
                let compression = match target.pack {
                    Pack::None | Pack::Deflate => Compression::UNCOMPRESSED,
                    Pack::Gzip => Compression::GZIP(parquet::basic::GzipLevel::default()),
                    Pack::Zstd => Compression::ZSTD(ZstdLevel::default()),
                };
                let properties = WriterProperties::builder().set_compression(compression).build();
                let w = ArrowWriter::try_new(file, schema.clone(), Some(properties))
                    .map_err(|e| Error::data(e.to_string()).at(path.display().to_string()))?;
                Sink::Parquet(Box::new(w))
            }
            Format::Csv => {
                let mut w = csv::Writer::new(packed(file)?, target.delimiter, target.null.clone());
                // The header is written even when no row follows.
                if target.header {
                    w.header(schema).map_err(io)?;
                }
                Sink::Csv(Box::new(w))
            }
            Format::Avro => {
                let codec = match target.pack {
                    Pack::None => None,
                    Pack::Zstd => Some(CompressionCodec::ZStandard),
                    Pack::Deflate | Pack::Gzip => Some(CompressionCodec::Deflate),
                };
                let plain = avro_schema(schema);
                let w = WriterBuilder::new(plain.clone()).with_compression(codec);
                let w = w.build::<_, AvroOcfFormat>(std::io::BufWriter::with_capacity(1 << 18, file));
                Sink::Avro(Box::new(w.map_err(|e| Error::data(e.to_string()).at(path.display().to_string()))?), plain.into())
            }
            Format::Json => Sink::Json(Box::new(arrow::json::LineDelimitedWriter::new(packed(file)?))),
        };
        Ok(Output { path: path.to_path_buf(), sink })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let place = self.path.display().to_string();
        match &mut self.sink {
            Sink::Parquet(w) => w.write(batch).map_err(|e| Error::data(e.to_string()).at(place)),
            Sink::Csv(w) => w.write(batch).map_err(|e| e.at(place)),
            Sink::Avro(w, schema) => {
                // Blocks of a bounded number of rows, whatever the batch.
                for from in (0..batch.num_rows()).step_by(AVRO_ROWS) {
                    let rows = batch.slice(from, AVRO_ROWS.min(batch.num_rows() - from));
                    let columns = rows.columns().iter().zip(schema.fields()).map(|(c, f)| arrow::compute::cast(c, f.data_type()));
                    let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
                    let rows = RecordBatch::try_new(schema.clone(), columns)?;
                    w.write(&rows).map_err(|e| Error::data(e.to_string()).at(place.clone()))?;
                }
                Ok(())
            }
            Sink::Json(w) => w.write(batch).map_err(|e| Error::data(e.to_string()).at(place)),
        }
    }

    /// Syncs the file and puts it in the place of an older one.
    fn finish(self) -> Result<()> {
        let place = self.path.display().to_string();
        let io = |e: std::io::Error| durable::io_error("cannot write", &self.path, e);
        let file = match self.sink {
            Sink::Parquet(w) => w.into_inner().map_err(|e| Error::data(e.to_string()).at(place))?,
            Sink::Csv(w) => w.into_inner().finish().map_err(io)?,
            Sink::Avro(mut w, _) => {
                w.finish().map_err(|e| Error::data(e.to_string()).at(place))?;
                w.into_inner().into_inner().map_err(|e| io(e.into_error()))?
            }
            Sink::Json(mut w) => {
                w.finish().map_err(|e| Error::data(e.to_string()).at(place))?;
                w.into_inner().finish().map_err(io)?
            }
        };
        file.as_file().sync_all().map_err(io)?;
        failpoint("export.before");
        file.persist(&self.path).map_err(|e| io(e.error))?;
        durable::sync_parent(&self.path)?;
        failpoint("export.after");
        Ok(())
    }
}
