//! Rows on their way to one file, in any format. The file appears whole, under its name, when it is finished.

use super::csv;
use super::target::{Format, Pack, Target};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::format::AvroOcfFormat;
use arrow_avro::writer::{AvroWriter, WriterBuilder};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::path::{Path, PathBuf};
use tidemill_core::{Error, Result};
use tidemill_store::durable;

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
pub(super) struct Output {
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
    pub(super) fn open(path: &Path, target: &Target, schema: &SchemaRef) -> Result<Output> {
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

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
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

    /// Bytes that are kept in memory until they make a block of the file.
    pub(super) fn pending(&self) -> usize {
        match &self.sink {
            Sink::Parquet(w) => w.memory_size(),
            Sink::Csv(_) | Sink::Avro(..) | Sink::Json(_) => 0,
        }
    }

    /// Writes what is kept in memory.
    pub(super) fn flush(&mut self) -> Result<()> {
        match &mut self.sink {
            Sink::Parquet(w) => w.flush().map_err(|e| Error::data(e.to_string()).at(self.path.display().to_string())),
            Sink::Csv(_) | Sink::Avro(..) | Sink::Json(_) => Ok(()),
        }
    }

    /// Syncs the file and puts it in the place of an older one; gives its size. `before` and `after` are called around that.
    pub(super) fn finish(self, before: impl FnOnce(), after: impl FnOnce()) -> Result<u64> {
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
        let size = file.as_file().metadata().map(|m| m.len()).unwrap_or(0);
        before();
        file.persist(&self.path).map_err(|e| io(e.error))?;
        durable::sync_parent(&self.path)?;
        after();
        Ok(size)
    }
}
