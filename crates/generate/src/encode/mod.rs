//! Rows as bytes: CSV, JSON lines, Avro blocks, Parquet row groups. Pieces are encoded on any thread and put together in order.

mod avro;
mod parquet;
mod text;

pub use self::parquet::RowGroup;
pub use text::write_field;

use crate::damage::is_text;
use crate::options::{Compression, Format};
use crate::rates::Rates;
use crate::table::{Column, Kind, Row};
use std::io::Write;
use tidemill_core::{Error, Result};

/// What a file of a table looks like.
#[derive(Debug, Clone)]
pub struct Layout {
    pub format: Format,
    pub compression: Compression,
    pub table: &'static str,
    pub columns: Vec<Held>,
    /// Marks the borders of Avro blocks.
    marker: [u8; 16],
    parquet: Option<parquet::Layout>,
}

/// A column, and whether it is held as text in a binary format.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    pub name: &'static str,
    pub kind: Kind,
    pub as_text: bool,
}

/// A piece that is ready to be written.
#[derive(Debug)]
pub enum Piece {
    Bytes(Vec<u8>),
    Rows(RowGroup),
}

impl Layout {
    /// `rates` are those of the rows to be written: none for clean ones.
    pub fn new(
        table: &'static str,
        columns: &[Column],
        format: Format,
        compression: Compression,
        rates: &Rates,
        seed: u64,
    ) -> Result<Layout> {
        let as_text = |c: &Column| !format.is_lines() && c.kind != Kind::Text && is_text(c, rates);
        let columns: Vec<Held> = columns.iter().map(|c| Held { name: c.name, kind: c.kind, as_text: as_text(c) }).collect();
        let marker = avro::marker(table, seed);
        let parquet = if format == Format::Parquet { Some(parquet::Layout::new(&columns)?) } else { None };
        Ok(Layout { format, compression, table, columns, marker, parquet })
    }

    /// `orders.csv.gz`; with a number where there are several.
    pub fn file_name(&self, number: u64, files: u64) -> String {
        let ending = format!("{}{}", self.format.name(), self.compression.ending());
        if files == 1 {
            return format!("{}.{ending}", self.table);
        }
        let width = files.to_string().len();
        format!("{}-{:0width$}.{ending}", self.table, number + 1)
    }

    /// What a file begins with.
    pub fn head(&self) -> Result<Vec<u8>> {
        let head = match self.format {
            Format::Csv => text::header(&self.columns),
            Format::Avro => avro::header(self.table, &self.columns, &self.marker),
            Format::Jsonl | Format::Parquet => return Ok(Vec::new()),
        };
        compressed(head, self.compression)
    }

    /// Lines before the first row.
    pub fn lines_before(&self) -> u64 {
        u64::from(self.format == Format::Csv)
    }

    pub fn encoder(&self) -> Result<Encoder<'_>> {
        Ok(Encoder {
            layout: self,
            out: Vec::with_capacity(1 << 20),
            keys: if self.format == Format::Jsonl { text::keys(&self.columns) } else { Vec::new() },
            rows: 0,
            parquet: self.parquet.as_ref().map(|p| p.builders()),
        })
    }
}

/// Takes the rows of one piece.
pub struct Encoder<'a> {
    layout: &'a Layout,
    out: Vec<u8>,
    keys: Vec<Vec<u8>>,
    rows: u64,
    parquet: Option<parquet::Builders>,
}

impl Encoder<'_> {
    #[inline]
    pub fn row(&mut self, row: Row<'_>) {
        self.rows += 1;
        match self.layout.format {
            Format::Csv => text::csv(row, &self.layout.columns, &mut self.out),
            Format::Jsonl => text::jsonl(row, &self.layout.columns, &self.keys, &mut self.out),
            Format::Avro => avro::row(row, &self.layout.columns, &mut self.out),
            Format::Parquet => {
                if let Some(p) = &mut self.parquet {
                    p.row(row, &self.layout.columns);
                }
            }
        }
    }

    /// The lines so far, and where the next one begins.
    pub fn lines(&mut self) -> (&mut Vec<u8>, usize) {
        let at = self.out.len();
        (&mut self.out, at)
    }

    pub fn finish(self) -> Result<Piece> {
        if let (Some(layout), Some(builders)) = (&self.layout.parquet, self.parquet) {
            return Ok(Piece::Rows(layout.group(builders)?));
        }
        let bytes = if self.layout.format == Format::Avro { avro::block(self.out, self.rows, &self.layout.marker) } else { self.out };
        Ok(Piece::Bytes(compressed(bytes, self.layout.compression)?))
    }
}

/// Each piece is a member (gzip) or frame (zstandard) of its own; readers take several for one.
pub fn compressed(bytes: Vec<u8>, compression: Compression) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::bug("a piece could not be compressed").because(e);
    match compression {
        Compression::None => Ok(bytes),
        _ if bytes.is_empty() => Ok(bytes),
        Compression::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 3), flate2::Compression::new(5));
            out.write_all(&bytes).and_then(|()| out.finish()).map_err(failed)
        }
        Compression::Zstandard => zstd::bulk::compress(&bytes, 3).map_err(failed),
    }
}

/// Writes pieces of one file.
pub enum FileWriter<W: Write + Send> {
    Bytes(W),
    Parquet(Box<parquet::Writer<W>>),
}

impl<W: Write + Send> FileWriter<W> {
    pub fn new(layout: &Layout, mut sink: W) -> Result<FileWriter<W>> {
        if let Some(p) = &layout.parquet {
            return Ok(FileWriter::Parquet(Box::new(p.writer(sink)?)));
        }
        sink.write_all(&layout.head()?).map_err(unwritten)?;
        Ok(FileWriter::Bytes(sink))
    }

    pub fn write(&mut self, piece: Piece) -> Result<u64> {
        match (self, piece) {
            (FileWriter::Bytes(sink), Piece::Bytes(bytes)) => {
                sink.write_all(&bytes).map_err(unwritten)?;
                Ok(bytes.len() as u64)
            }
            (FileWriter::Parquet(writer), Piece::Rows(group)) => writer.append(group),
            _ => Err(Error::bug("a piece of another format")),
        }
    }

    pub fn finish(self) -> Result<W> {
        match self {
            FileWriter::Bytes(sink) => Ok(sink),
            FileWriter::Parquet(writer) => writer.finish(),
        }
    }
}

pub fn unwritten(e: std::io::Error) -> Error {
    Error::unavailable(format!("cannot write: {e}")).because(e)
}
