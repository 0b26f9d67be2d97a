//! A look at the beginnings of files.

use super::list::FileEntry;
use super::options::FileOptions;
use super::reader::open_head;
use super::scan::HEAD_BYTES;
use crate::connector::Probe;
use crate::formats::csv::infer::{Inferred, infer};
use crate::formats::csv::plan::names_of;
use crate::formats::csv::survey::rows;
use std::borrow::Cow;
use std::path::Path;
use tidemill_core::{ColumnRead, Error, Result};

/// How much is read of the files after the first.
pub const LATER_BYTES: usize = 256 << 10;
const SAMPLES: usize = 20;

/// The first entry decides delimiter, encoding and samples; all add columns and values.
pub fn probe(entries: &[&FileEntry], options: &FileOptions, base_dir: &Path) -> Result<Probe> {
    let mut labels: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let Some((first, _)) = entries.split_first() else { return Err(Error::config("there is no file to look at")) };
    let first = open_head(first, options, base_dir, HEAD_BYTES)?;
    let mut values: Vec<Vec<Option<Cow<'_, str>>>> = Vec::new();
    let mut probe = Probe {
        format: "csv",
        is_typed: false,
        labels: Vec::new(),
        has_header: first.survey.has_header,
        delimiter: char::from(first.survey.dialect.delimiter),
        encoding: first.survey.encoding.name(),
        columns: Vec::new(),
        samples: Vec::new(),
        rows_seen: 0,
        notes: Vec::new(),
    };
    for (i, entry) in entries.iter().enumerate() {
        let later = if i == 0 { None } else { Some(open_head(entry, options, base_dir, LATER_BYTES)?) };
        let survey = &later.as_ref().unwrap_or(&first).survey;
        let file_names = names_of(&survey.labels);
        let places: Vec<usize> = file_names
            .iter()
            .zip(&survey.labels)
            .map(|(n, label)| {
                names.iter().position(|known| known == n).unwrap_or_else(|| {
                    names.push(n.clone());
                    labels.push(label.clone());
                    values.push(Vec::new());
                    names.len() - 1
                })
            })
            .collect();
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
            None => rows(&first.bytes, first.at_end, &first.survey).for_each(|row| {
                see(&row);
                row.into_iter().zip(&places).for_each(|(v, p)| values[*p].push(v));
            }),
            Some(head) => rows(&head.bytes, head.at_end, survey).for_each(|row| {
                see(&row);
                row.into_iter().zip(&places).for_each(|(v, p)| values[*p].push(v.map(|v| Cow::Owned(v.into_owned()))));
            }),
        }
    }
    for sample in &mut probe.samples {
        sample.resize(names.len(), None);
    }
    for ((name, label), values) in names.iter().zip(&labels).zip(&values) {
        let Inferred { data_type, formats, null_tokens, note } = infer(values.iter().map(Option::as_deref));
        if let Some(note) = note {
            probe.notes.push((name.clone(), note));
        }
        probe.columns.push(ColumnRead { label: label.clone(), formats, null_tokens, ..ColumnRead::new(name, data_type) });
    }
    probe.labels = labels;
    Ok(probe)
}
