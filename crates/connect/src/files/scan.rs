//! Many files as one stream of morsels.

use super::format::Format;
use super::list::FileEntry;
use super::open::{open, open_text, survey_of};
use super::options::FileOptions;
use crate::connector::ScanOptions;
use crate::formats::Pieces;
use crate::formats::buffer::Pool;
use crate::formats::csv::blocks::Blocks;
use crate::formats::csv::plan::FilePlan;
use crate::formats::wanted::Wanted;
use crate::formats::{avro, json, parquet};
use arrow::datatypes::SchemaRef;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tidemill_core::{ColumnRead, Morsel, Result, Scan};

/// How much of a file detection sees, whatever the morsel size, so that a probe and a scan conclude the same.
pub const HEAD_BYTES: usize = 4 << 20;
const MORSEL_BYTES_MAX: usize = 256 << 20;

pub struct FileScan {
    files: Vec<FileEntry>,
    base_dir: PathBuf,
    options: FileOptions,
    morsel_bytes: usize,
    wanted: Arc<Wanted>,
    pool: Pool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next_file: usize,
    current: Option<Box<dyn Pieces>>,
}

impl FileScan {
    pub fn new(
        files: &[FileEntry],
        columns: &[ColumnRead],
        options: &ScanOptions,
        file_options: &FileOptions,
        base_dir: &Path,
    ) -> Result<Self> {
        Ok(FileScan {
            files: files.to_vec(),
            base_dir: base_dir.to_path_buf(),
            options: file_options.clone(),
            morsel_bytes: options.morsel_bytes.clamp(1, MORSEL_BYTES_MAX),
            wanted: Arc::new(Wanted::new(columns, options)?),
            pool: Pool::default(),
            state: Mutex::default(),
        })
    }

    fn open(&self, entry: &FileEntry) -> Result<Box<dyn Pieces>> {
        Ok(match Format::of(entry, &self.options, &self.base_dir)? {
            Format::Csv => Box::new(self.csv(entry)?),
            Format::Json => {
                let text = open_text(entry, &self.options, &self.base_dir, HEAD_BYTES)?;
                Box::new(json::blocks::Blocks::open(
                    &entry.path,
                    text.bytes,
                    text.at_end,
                    text.source,
                    &self.options.json,
                    &self.wanted,
                    &self.pool,
                )?)
            }
            Format::Parquet => Box::new(parquet::RowGroups::open(
                &entry.path,
                &entry.locate(&self.base_dir),
                entry.size,
                &self.options.json,
                &self.wanted,
            )?),
            Format::Avro => {
                let source = open(entry, &self.options, &self.base_dir)?;
                Box::new(avro::Blocks::open(&entry.path, source, &self.options.json, &self.wanted)?)
            }
        })
    }

    fn csv(&self, entry: &FileEntry) -> Result<Blocks> {
        let text = open_text(entry, &self.options, &self.base_dir, HEAD_BYTES)?;
        let survey = survey_of(entry, &text, &self.options);
        let labels = &survey.labels;
        let mut fields = self.wanted.fields(labels);
        let by_order = !survey.has_header && fields.iter().all(Option::is_none);
        if by_order {
            fields = (0..self.wanted.columns.len()).map(|i| (i < labels.len()).then_some(i)).collect();
        }
        let drift = self.wanted.check_drift(&entry.path, labels, &fields)?;
        let plan = FilePlan {
            split: entry.path.as_str().into(),
            dialect: survey.dialect,
            encoding: survey.encoding,
            width: survey.width,
            trails: survey.trails,
            columns: self.wanted.file_columns(fields, survey.dialect),
            schema: Arc::clone(&self.wanted.schema),
            drift,
        };
        Ok(Blocks::new(text.bytes, text.source, &survey, Arc::new(plan), Arc::clone(&self.pool)))
    }
}

impl Scan for FileScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.wanted.schema)
    }

    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.current.is_none() {
                let Some(entry) = self.files.get(state.next_file) else { return Ok(None) };
                state.next_file += 1;
                state.current = Some(self.open(entry)?);
            }
            if let Some(pieces) = &mut state.current {
                match pieces.next(self.morsel_bytes)? {
                    Some(morsel) => return Ok(Some(morsel)),
                    None => state.current = None,
                }
            }
        }
    }

    fn total_bytes(&self) -> Option<u64> {
        Some(self.files.iter().map(|f| f.size).sum())
    }
}
