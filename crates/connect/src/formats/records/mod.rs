//! Separate records into columns: messages of a topic, lines of a socket or of a file that grows. Each record stands by itself, so that a bad one costs
//! only itself: it becomes one reject with its raw text and its place.
//!
//! The converters are those of files ([`super::convert`]): a record reads the same in a message and in a file. Columns whose label begins with `@`
//! are about the record, such as its key or its time: whoever brings the records brings these columns too, and they are cast and put in their place here.
//!
//! Invariant: rows + rejects = records, and rows stay in the records' order.

mod avro;
mod csv;
mod json;
#[cfg(test)]
mod tests;

pub use avro::{SchemaId, SchemaLookup};
pub use csv::{CsvRecords, csv_labels};

use super::json::JsonOptions;
use super::plan::ColumnPlan;
use super::wanted::Wanted;
use crate::connector::{Drift, ScanOptions};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, filter, take};
use arrow::datatypes::{DataType, SchemaRef};
use std::sync::Arc;
use tidemill_core::read::schema_of;
use tidemill_core::{ColumnRead, Decoded, Error, Reject, Result, RowText};

/// One record as it came.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its number in its split: an offset, a line.
    pub line: u64,
    /// Where it begins in its split: the number again, where the split has no bytes of its own.
    pub offset: u64,
    pub payload: &'a [u8],
}

/// How records are written.
#[derive(Clone)]
pub enum RecordFormat {
    /// Each an object.
    Json(JsonOptions),
    /// Each one row, without a header.
    Csv(CsvRecords),
    /// Each with the id of its schema before it, as registries have it.
    Avro(Arc<dyn SchemaLookup>, JsonOptions),
}

impl std::fmt::Debug for RecordFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RecordFormat::Json(_) => "json",
            RecordFormat::Csv(_) => "csv",
            RecordFormat::Avro(..) => "avro",
        })
    }
}

/// Decodes the records of one split, batch after batch.
pub struct RecordDecoder {
    split: Arc<str>,
    by_format: ByFormat,
    schema: SchemaRef,
    /// Columns about the record, by their place among all.
    about: Vec<(usize, ColumnPlan)>,
    drift: Drift,
}

enum ByFormat {
    Json(json::Records),
    Csv(csv::Records),
    Avro(avro::Records),
}

/// Records decoded. A reject's `offset` is its record's index until it is placed.
struct Piece {
    decoded: Decoded,
    /// Index of the record of each row.
    of: Vec<u32>,
}

impl RecordDecoder {
    /// `columns`: which, typed how, in which order. With [`Drift::Quarantine`], and [`Drift::Fail`], a key that no column has is a fault of its record.
    pub fn new(split: &str, format: &RecordFormat, columns: &[ColumnRead], drift: Drift) -> Result<RecordDecoder> {
        let mut about = Vec::new();
        let mut own = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            if is_about_record(column) {
                about.push((at, ColumnPlan::new(column)?));
            } else {
                own.push(column.clone());
            }
        }
        let wanted = |drift| Wanted::new(&own, &ScanOptions { drift, ..ScanOptions::default() }).map(Arc::new);
        let by_format = match format {
            RecordFormat::Json(options) => {
                ByFormat::Json(json::Records::new(split, options, &wanted(Drift::Evolve)?, drift != Drift::Evolve)?)
            }
            RecordFormat::Csv(options) => ByFormat::Csv(csv::Records::new(split, options, wanted(drift)?.as_ref())?),
            RecordFormat::Avro(schemas, options) => {
                ByFormat::Avro(avro::Records::new(split, Arc::clone(schemas), options, &wanted(drift)?))
            }
        };
        Ok(RecordDecoder { split: split.into(), by_format, schema: schema_of(columns), about, drift })
    }

    /// Labels of the columns about the record, in the order in which [`RecordDecoder::decode`] wants their values.
    pub fn about(&self) -> Vec<&str> {
        self.about.iter().map(|(_, plan)| plan.read.label.as_str()).collect()
    }

    /// `about`: for each of [`RecordDecoder::about`], one value per record, of whatever type comes naturally.
    pub fn decode(&mut self, records: &[Record<'_>], about: &[ArrayRef]) -> Result<Decoded> {
        let Piece { mut decoded, mut of } = match &mut self.by_format {
            ByFormat::Json(json) => json.decode(records)?,
            ByFormat::Csv(csv) => csv.decode(records)?,
            ByFormat::Avro(avro) => avro.decode(records)?,
        };
        if self.drift == Drift::Fail
            && let Some(reject) = decoded.rejects.iter().find(|r| r.code == "drift")
        {
            let help = "declare the column, or set `drift = \"evolve\"` to pass it over or `drift = \"quarantine\"` to put its rows aside";
            return Err(Error::data(reject.reason.clone()).at(&*self.split).help(help));
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        let mut nulled = Vec::with_capacity(self.schema.fields().len());
        let (mut own, mut next) = (decoded.batch.columns().iter().zip(&decoded.nulled), self.about.iter().zip(about).peekable());
        let mut refused: Vec<(usize, usize)> = Vec::new();
        let mut kept = None;
        for at in 0..self.schema.fields().len() {
            match next.next_if(|((place, _), _)| *place == at) {
                Some(((_, plan), values)) => {
                    let column = of_rows(values, &of)?;
                    let cast = cast_with_options(&column, &plan.read.data_type, &CastOptions { safe: true, ..CastOptions::default() })?;
                    let lost: Vec<usize> = match cast.null_count() == column.logical_null_count() {
                        true => Vec::new(),
                        false => (0..of.len()).filter(|row| cast.is_null(*row) && column.is_valid(*row)).collect(),
                    };
                    nulled.push(if plan.can_reject() { 0 } else { lost.len() as u64 });
                    if plan.can_reject() {
                        refused.extend(lost.into_iter().map(|row| (row, at)));
                    }
                    columns.push(cast);
                }
                None => {
                    let Some((column, n)) = own.next() else { return Err(Error::bug("records were decoded without their own columns")) };
                    columns.push(Arc::clone(column));
                    nulled.push(*n);
                }
            }
        }
        if !refused.is_empty() {
            refused.sort_unstable();
            refused.dedup_by_key(|r| r.0);
            for (row, at) in &refused {
                let Some(number) = self.about.iter().position(|(place, _)| place == at) else { continue };
                let shown = arrow::compute::cast(&about[number].slice(of[*row] as usize, 1), &DataType::Utf8)?;
                let plan = &self.about[number].1;
                decoded.rejects.push(Reject {
                    split: Arc::clone(&self.split),
                    line: 0,
                    offset: u64::from(of[*row]),
                    raw: super::csv::encoding::lossless(records[of[*row] as usize].payload),
                    code: "type",
                    column: Some(plan.read.name.clone()),
                    reason: format!("{}: {}", plan.read.label, plan.reason(shown.as_string::<i32>().value(0))),
                });
            }
            let keep: Vec<bool> = (0..of.len()).map(|row| refused.binary_search_by_key(&row, |r| r.0).is_err()).collect();
            let mask = BooleanArray::from(keep.clone());
            for column in &mut columns {
                *column = filter(column, &mask)?;
            }
            kept = Some((0..of.len() as u32).filter(|row| keep[*row as usize]).collect());
            of = of.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(of, _)| of).collect();
        }
        let options = RecordBatchOptions::new().with_row_count(Some(of.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        decoded.rejects.sort_by_key(|r| r.offset);
        for reject in &mut decoded.rejects {
            let record = &records[reject.offset as usize];
            (reject.line, reject.offset) = (record.line, record.offset);
        }
        let rows = of.iter().map(|of| &records[*of as usize]);
        Ok(Decoded {
            split: Arc::clone(&self.split),
            rows_read: records.len() as u64,
            lines: rows.clone().map(|r| r.line).collect(),
            text: Arc::new(Texts { by_format: decoded.text, kept, offsets: rows.map(|r| r.offset).collect() }),
            batch,
            rejects: decoded.rejects,
            bytes_read: records.iter().map(|r| r.payload.len() as u64).sum(),
            nulled,
        })
    }
}

/// Texts of the rows, each at its place in the split.
struct Texts {
    by_format: Arc<dyn RowText>,
    /// Rows of `by_format` that are left; `None`: all.
    kept: Option<Vec<u32>>,
    offsets: Vec<u64>,
}

impl RowText for Texts {
    fn text(&self, row: usize) -> String {
        self.by_format.text(self.kept.as_ref().map_or(row, |k| k[row] as usize))
    }
    fn offset(&self, row: usize) -> u64 {
        self.offsets.get(row).copied().unwrap_or(0)
    }
}

/// Decodes records that were set aside (number, raw text). What was about them is not known any more: those columns are NULL.
pub fn decode_again(split: &str, format: &RecordFormat, records: &[(u64, &str)], columns: &[ColumnRead]) -> Result<Decoded> {
    let mut decoder = RecordDecoder::new(split, format, columns, Drift::Evolve)?;
    let given: Vec<Record<'_>> = records.iter().map(|(line, raw)| Record { line: *line, offset: *line, payload: raw.as_bytes() }).collect();
    let about: Vec<ArrayRef> = decoder.about.iter().map(|_| new_null_array(&DataType::Utf8, given.len())).collect();
    decoder.decode(&given, &about)
}

/// Whether a column is about the record and not in it.
pub fn is_about_record(column: &ColumnRead) -> bool {
    column.label.starts_with('@')
}

/// The values of the records that became rows.
fn of_rows(values: &ArrayRef, of: &[u32]) -> Result<ArrayRef> {
    if of.len() == values.len() {
        return Ok(Arc::clone(values));
    }
    Ok(take(values, &UInt32Array::from(of.to_vec()), None)?)
}

/// Index of the record in which each of `offsets`, which rise, lies; `starts` are the records' own.
fn indices(starts: &[(u32, u32)], offsets: impl Iterator<Item = u64>) -> Vec<u32> {
    let mut at = 0;
    offsets
        .map(|offset| {
            while starts.get(at + 1).is_some_and(|s| u64::from(s.0) <= offset) {
                at += 1;
            }
            starts.get(at).map_or(0, |s| s.1)
        })
        .collect()
}

fn index(starts: &[(u32, u32)], offset: u64) -> u64 {
    starts.partition_point(|s| u64::from(s.0) <= offset).checked_sub(1).map_or(0, |at| u64::from(starts[at].1))
}
