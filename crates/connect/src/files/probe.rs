//! A look at the beginnings of files.

use super::format::Format;
use super::list::FileEntry;
use super::open::{Text, open, open_text, survey_of};
use super::options::FileOptions;
use super::scan::HEAD_BYTES;
use crate::connector::Probe;
use crate::formats::csv::survey::{Survey, rows};
use crate::formats::infer::{Inferred, infer};
use crate::formats::plan::names_of;
use crate::formats::typed::look::{Typed, common_type};
use crate::formats::{avro, json, parquet};
use std::borrow::Cow;
use std::path::Path;
use tidemill_core::{ColumnRead, Error, Result};

/// How much is read of the files after the first.
pub const LATER_BYTES: usize = 256 << 10;
const SAMPLES: usize = 20;
/// Rows of typed files that a probe reads.
const TYPED_ROWS: usize = 1000;

/// A file's beginning, looked at.
pub enum Beginning {
    Csv(Box<(Text, Survey)>),
    Json(json::shape::Look, &'static str),
    Typed(Format, Typed),
}

type Row<'a> = Vec<Option<Cow<'a, str>>>;

impl Beginning {
    pub fn open(entry: &FileEntry, options: &FileOptions, base_dir: &Path, bytes_max: usize, with_rows: bool) -> Result<Beginning> {
        let rows_max = if with_rows { TYPED_ROWS } else { 0 };
        Ok(match Format::of(entry, options, base_dir)? {
            Format::Csv => {
                let text = open_text(entry, options, base_dir, bytes_max)?;
                let survey = survey_of(entry, &text, options);
                Beginning::Csv(Box::new((text, survey)))
            }
            Format::Json => {
                let text = open_text(entry, options, base_dir, bytes_max)?;
                let rows_max = if with_rows { usize::MAX } else { 0 };
                let (_, look) = json::layout::look(&text.bytes, text.at_end, &options.json, rows_max).map_err(|e| e.at(&entry.path))?;
                let encoding = if text.encoding.is_utf16() { text.encoding.name() } else { "utf-8" };
                Beginning::Json(look, encoding)
            }
            Format::Parquet => Beginning::Typed(
                Format::Parquet,
                parquet::look(&entry.locate(base_dir), &entry.path, entry.size, options.json.nested, rows_max)?,
            ),
            Format::Avro => Beginning::Typed(Format::Avro, avro::look(open(entry, options, base_dir)?, &options.json, rows_max)?),
        })
    }

    pub fn labels(&self) -> &[String] {
        match self {
            Beginning::Csv(csv) => &csv.1.labels,
            Beginning::Json(look, _) => &look.shape.labels,
            Beginning::Typed(_, typed) => &typed.labels,
        }
    }

    fn rows<'a>(&'a self, mut see: impl FnMut(Row<'a>)) {
        let borrowed = |row: &'a Vec<Option<String>>| row.iter().map(|v| v.as_deref().map(Cow::Borrowed)).collect();
        match self {
            Beginning::Csv(csv) => rows(&csv.0.bytes, csv.0.at_end, &csv.1).for_each(see),
            Beginning::Json(look, _) => look.rows.iter().for_each(|row| see(borrowed(row))),
            Beginning::Typed(_, typed) => typed.rows.iter().for_each(|row| see(borrowed(row))),
        }
    }

    fn format(&self) -> Format {
        match self {
            Beginning::Csv(_) => Format::Csv,
            Beginning::Json(..) => Format::Json,
            Beginning::Typed(format, _) => *format,
        }
    }
}

/// The first entry decides format, delimiter, encoding and samples; all add columns and values.
pub fn probe(entries: &[&FileEntry], options: &FileOptions, base_dir: &Path) -> Result<Probe> {
    let mut labels: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let Some((first, _)) = entries.split_first() else { return Err(Error::config("there is no file to look at")) };
    let first = Beginning::open(first, options, base_dir, HEAD_BYTES, true)?;
    let mut values: Vec<Vec<Option<Cow<'_, str>>>> = Vec::new();
    let mut types: Vec<Option<ColumnRead>> = Vec::new();
    let mut probe = Probe {
        labels: Vec::new(),
        format: first.format().name(),
        is_typed: true,
        has_header: !matches!(&first, Beginning::Csv(csv) if !csv.1.has_header),
        delimiter: match &first {
            Beginning::Csv(csv) => char::from(csv.1.dialect.delimiter),
            _ => ',',
        },
        encoding: match &first {
            Beginning::Csv(csv) => csv.1.encoding.name(),
            Beginning::Json(_, encoding) => encoding,
            Beginning::Typed(..) => "utf-8",
        },
        columns: Vec::new(),
        samples: Vec::new(),
        rows_seen: 0,
        notes: Vec::new(),
        damage: Vec::new(),
    };
    for (i, entry) in entries.iter().enumerate() {
        let later = if i == 0 { None } else { Some(Beginning::open(entry, options, base_dir, LATER_BYTES, true)?) };
        let file = later.as_ref().unwrap_or(&first);
        let file_names = names_of(file.labels());
        let places: Vec<usize> = file_names
            .iter()
            .zip(file.labels())
            .map(|(n, label)| {
                names.iter().position(|known| known == n).unwrap_or_else(|| {
                    names.push(n.clone());
                    labels.push(label.clone());
                    values.push(Vec::new());
                    types.push(None);
                    names.len() - 1
                })
            })
            .collect();
        match file {
            Beginning::Typed(_, typed) => {
                for (read, place) in typed.columns.iter().zip(&places) {
                    types[*place] = Some(match types[*place].take() {
                        None => read.clone(),
                        Some(other) => common_type(other, read),
                    });
                }
                if let Some(damage) = &typed.damage {
                    probe.damage.push(format!("{}: {damage}", entry.path));
                }
            }
            _ => probe.is_typed = false,
        }
        let mut see = |row: &[Option<Cow<'_, str>>]| {
            probe.rows_seen += 1;
            if probe.samples.len() < SAMPLES {
                let mut sample = vec![None; names.len()];
                row.iter().zip(&places).for_each(|(v, p)| sample[*p] = v.as_deref().map(String::from));
                probe.samples.push(sample);
            }
        };
        match &later {
            // Texts of the first file stay where they are; those of the others outlive what was read.
            None => first.rows(|row| {
                see(&row);
                row.into_iter().zip(&places).for_each(|(v, p)| values[*p].push(v));
            }),
            Some(file) => file.rows(|row| {
                see(&row);
                row.into_iter().zip(&places).for_each(|(v, p)| values[*p].push(v.map(|v| Cow::Owned(v.into_owned()))));
            }),
        }
    }
    for sample in &mut probe.samples {
        sample.resize(names.len(), None);
    }
    for (i, (name, label)) in names.iter().zip(&labels).enumerate() {
        if let Some(read) = types[i].take().filter(|_| probe.is_typed) {
            probe.columns.push(ColumnRead { label: label.clone(), name: name.clone(), ..read });
            continue;
        }
        let Inferred { data_type, formats, null_tokens, note } = infer(values[i].iter().map(Option::as_deref));
        if let Some(note) = note {
            probe.notes.push((name.clone(), note));
        }
        probe.columns.push(ColumnRead { label: label.clone(), formats, null_tokens, ..ColumnRead::new(name, data_type) });
    }
    probe.labels = labels;
    Ok(probe)
}
