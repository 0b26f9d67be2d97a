//! How files nobody has described should be read: what [`infer`] finds, and what of the file's form a glance at its beginning got wrong.

use super::begin::{Title, title};
use super::foreign::{misnamed, nothing_in, refuse_foreign};
use super::place::Row;
use super::remarks::{Remark, bad_outside, foot, remarks};
use super::{Guess, Inference, Sureness, infer};
use crate::Connector;
use crate::connector::{Probe, ScanOptions, Source};
use crate::files::{FileEntry, Files};
use crate::options::{OptionValue, Options};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;
use std::path::Path;
use tidemill_core::{ColumnRead, Meter, Result, Scan};

/// Files, and how to read them.
pub struct Reading {
    pub source: Box<dyn Source>,
    pub entries: Vec<FileEntry>,
    pub probe: Probe,
    pub columns: Vec<Column>,
    /// Options that must be given beside `path` for this reading.
    pub options: Vec<(&'static str, OptionValue)>,
    /// Rows that can't be read, by reject code.
    pub rejects: BTreeMap<&'static str, u64>,
    /// What stands above the header.
    pub title: Option<Title>,
    /// Rows at the end that look like totals or notes.
    pub foot: Vec<Row>,
    /// Rows that are empty in every column.
    pub empty_rows: u64,
    pub remarks: Vec<Remark>,
}

/// A column, and how it is read. It begins as text where a few cells don't fit its type; see [`Column::type_now`].
pub struct Column {
    pub read: ColumnRead,
    /// `None`: the files themselves carry types.
    pub guess: Option<Guess>,
    /// The type that all but a few damaged cells are of.
    pub cast_to: Option<DataType>,
    /// Too many cells are not of that type to read it so.
    pub stays_text: bool,
}

/// Above this share of rows with another number of fields, a table is one of ragged lines, and not one with broken rows.
const RAGGED_SHARE: f64 = 0.1;

/// How often columns are added to a table of ragged lines.
const WIDENED_MAX: usize = 4;

/// Reads the files of `given` (options of the connector `files`) once, or twice where their form is not what it seemed. The meter's total grows
/// with each reading.
pub fn read(given: &Options, base_dir: &Path, threads: usize, meter: &Meter) -> Result<Reading> {
    let mut source = Files.source(given, base_dir)?;
    let entries = source.list()?;
    refuse_foreign(&entries, base_dir)?;
    let mut options = Vec::new();
    let mut with_title = given.clone();
    let title = title(given, &entries, base_dir)?;
    if let Some(t) = &title {
        let lines = OptionValue::Integer(i64::try_from(t.lines).unwrap_or(0));
        options.push(("skip_rows", lines.clone()));
        with_title.insert("skip_rows".into(), lines);
        source = Files.source(&with_title, base_dir)?;
    }
    let given = &with_title;
    let probe = source.probe(&entries)?;
    let mut reading = Reading {
        source,
        entries,
        columns: Vec::new(),
        options,
        rejects: BTreeMap::new(),
        title,
        foot: Vec::new(),
        empty_rows: 0,
        remarks: Vec::new(),
        probe,
    };
    let mut reads: Vec<ColumnRead> = reading.probe.columns.clone();
    if reads.is_empty() {
        return match nothing_in(given, &reading.entries, &reading.probe, base_dir)? {
            Some(why) => Err(why),
            None => Ok(reading),
        };
    }
    if reading.probe.is_typed {
        reading.columns = reads.into_iter().map(|read| Column { read, guess: None, cast_to: None, stays_text: false }).collect();
        return Ok(reading);
    }
    let mut inference = texts(&reading, &reads, threads, meter)?;
    let broken = inference.rejects.get("fields").copied().unwrap_or(0);
    let is_ragged = inference.rows > 0 && broken as f64 > inference.rows as f64 * RAGGED_SHARE && !given.contains_key("ragged");
    let has_header = reading.probe.has_header && (given.contains_key("header") || !header_is_data(&inference));
    if reading.probe.format == "csv" && (is_ragged || has_header != reading.probe.has_header) {
        if is_ragged {
            reading.options.push(("ragged", "fill".into()));
        }
        let names_columns = !has_header && !given.contains_key("columns");
        reading.probe.has_header = has_header;
        for _ in 0..WIDENED_MAX {
            let mut options = given.clone();
            options.extend(reading.options.iter().map(|(k, v)| ((*k).to_string(), v.clone())));
            if names_columns {
                // Of the many lines that were too long at first only some are seen, so a longer one may still come.
                let widest = if is_ragged { widest(&inference, reading.probe.delimiter).max(reads.len()) } else { reads.len() };
                reads = (1..=widest).map(|i| ColumnRead::new(format!("column_{i}"), DataType::Utf8)).collect();
                let names = reads.iter().map(|r| r.name.as_str().into()).collect();
                options.insert("header".into(), false.into());
                options.insert("columns".into(), OptionValue::List(names));
            }
            reading.source = Files.source(&options, base_dir)?;
            inference = texts(&reading, &reads, threads, meter)?;
            if !names_columns || widest(&inference, reading.probe.delimiter) <= reads.len() {
                break;
            }
        }
        if names_columns {
            reading.options.push(("header", false.into()));
            reading.options.push(("columns", OptionValue::List(reads.iter().map(|r| r.name.as_str().into()).collect())));
        }
    }
    if reading.probe.format == "csv" {
        pin(given, &mut reading);
    }
    // Objects may lack whatever they like; lines of a table may not.
    if reading.probe.format == "csv" {
        reading.foot = foot(&inference).into_iter().cloned().collect();
        reading.empty_rows = inference.ends.empty;
    }
    reading.remarks = remarks(&reading, &inference);
    let outside = bad_outside(&inference, &reading.foot);
    inference.columns.iter_mut().zip(outside).for_each(|(g, n)| g.bad_rows_outside = n);
    reading.remarks.extend(misnamed(&reading.entries, base_dir)?);
    reading.rejects = inference.rejects;
    reading.columns = inference
        .columns
        .into_iter()
        .map(|guess| {
            let mut read = guess.read.clone();
            let cast_to = (guess.sureness == Sureness::Almost).then(|| std::mem::replace(&mut read.data_type, DataType::Utf8));
            Column { read, guess: Some(guess), cast_to, stays_text: false }
        })
        .collect();
    Ok(reading)
}

fn texts(reading: &Reading, reads: &[ColumnRead], threads: usize, meter: &Meter) -> Result<Inference> {
    let texts: Vec<ColumnRead> =
        reads.iter().map(|r| ColumnRead { label: r.label.clone(), ..ColumnRead::new(&r.name, DataType::Utf8) }).collect();
    let scan: Box<dyn Scan> = reading.source.scan(&reading.entries, &texts, ScanOptions::default())?;
    Meter::add(&meter.bytes_total, scan.total_bytes().unwrap_or(0));
    infer(&*scan, &texts, threads, meter)
}

/// Whether the first line's texts are met again in their columns, as names of columns are not.
fn header_is_data(inference: &Inference) -> bool {
    let met = inference.columns.iter().filter(|g| g.evidence.values.as_ref().is_some_and(|v| v.contains_key(g.read.label.trim()))).count();
    met > 0 && met * 2 > inference.columns.len()
}

/// Fields of the longest line among those shown that had too many or too few.
fn widest(inference: &Inference, delimiter: char) -> usize {
    let lines = inference.examples.get("fields").into_iter().flatten();
    lines.map(|(_, raw)| raw.matches(delimiter).count() + 1).max().unwrap_or(0)
}

/// What was detected is written down where it is not the usual: a later file must not change how the table is read.
fn pin(given: &Options, reading: &mut Reading) {
    let probe = &reading.probe;
    let mut pinned: Vec<(&'static str, OptionValue)> = Vec::new();
    if probe.delimiter != ',' {
        pinned.push(("delimiter", probe.delimiter.to_string().as_str().into()));
    }
    if !probe.has_header {
        pinned.push(("header", false.into()));
    }
    if probe.encoding != "utf-8" {
        pinned.push(("encoding", if probe.encoding.starts_with("utf-16") { "utf-16" } else { probe.encoding }.into()));
    }
    for (key, value) in pinned {
        if !given.contains_key(key) && !reading.options.iter().any(|(k, _)| *k == key) {
            reading.options.push((key, value));
        }
    }
}
