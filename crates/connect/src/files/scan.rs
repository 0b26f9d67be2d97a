//! Many files as one stream of morsels.

use super::list::FileEntry;
use super::options::FileOptions;
use super::reader::{Blocks, Head, open_head};
use crate::connector::{Drift, ScanOptions};
use crate::formats::csv::decode::Pool;
use crate::formats::csv::plan::{ColumnPlan, FileColumn, FilePlan, match_labels, names_of};
use arrow::datatypes::SchemaRef;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tidemill_core::read::schema_of;
use tidemill_core::{ColumnRead, Error, Morsel, Result, Scan, name};

/// How much of a file detection sees, whatever the morsel size, so that a probe and a scan conclude the same.
pub const HEAD_BYTES: usize = 4 << 20;
const MORSEL_BYTES_MAX: usize = 256 << 20;

pub struct FileScan {
    files: Vec<FileEntry>,
    base_dir: PathBuf,
    file_options: FileOptions,
    options: ScanOptions,
    columns: Vec<ColumnRead>,
    plans: Vec<ColumnPlan>,
    /// Where each column stands in the batches.
    outputs: Vec<Option<usize>>,
    schema: SchemaRef,
    pool: Pool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next_file: usize,
    current: Option<Blocks>,
}

impl FileScan {
    pub fn new(
        files: &[FileEntry],
        columns: &[ColumnRead],
        options: ScanOptions,
        file_options: &FileOptions,
        base_dir: &Path,
    ) -> Result<Self> {
        let plans = columns.iter().map(ColumnPlan::new).collect::<Result<Vec<_>>>()?;
        let mut outputs = vec![None; columns.len()];
        let schema = match &options.project {
            None => {
                outputs.iter_mut().enumerate().for_each(|(i, o)| *o = Some(i));
                schema_of(columns)
            }
            Some(names) => {
                let mut wanted = Vec::with_capacity(names.len());
                for (to, n) in names.iter().enumerate() {
                    let from = columns.iter().position(|c| c.name == *n);
                    let from = from.ok_or_else(|| Error::config(format!("there is no column `{n}` to read")))?;
                    if outputs[from].replace(to).is_some() {
                        return Err(Error::config(format!("column `{n}` is asked for twice")));
                    }
                    wanted.push(columns[from].clone());
                }
                schema_of(&wanted)
            }
        };
        Ok(FileScan {
            files: files.to_vec(),
            base_dir: base_dir.to_path_buf(),
            file_options: file_options.clone(),
            options: ScanOptions { morsel_bytes: options.morsel_bytes.clamp(1, MORSEL_BYTES_MAX), ..options },
            columns: columns.to_vec(),
            plans,
            outputs,
            schema,
            pool: Pool::default(),
            state: Mutex::default(),
        })
    }

    fn open(&self, entry: &FileEntry) -> Result<Blocks> {
        let head = open_head(entry, &self.file_options, &self.base_dir, HEAD_BYTES)?;
        let plan = self.plan(entry, &head)?;
        Ok(Blocks::new(head, Arc::new(plan)))
    }

    fn plan(&self, entry: &FileEntry, head: &Head) -> Result<FilePlan> {
        let survey = &head.survey;
        let labels = &survey.labels;
        let mut fields = match_labels(&self.columns, labels);
        let by_order = !survey.has_header && fields.iter().all(Option::is_none);
        if by_order {
            fields = (0..self.columns.len()).map(|i| (i < labels.len()).then_some(i)).collect();
        }
        let drift = match self.options.drift {
            Drift::Evolve => None,
            Drift::Quarantine | Drift::Fail => self.drift(labels, &fields),
        };
        if let (Drift::Fail, Some(why)) = (self.options.drift, &drift) {
            return Err(Error::data(why.clone()).at(&entry.path).help(
                "declare the columns it has, or set `drift = \"evolve\"` to take them or `drift = \"quarantine\"` to put its rows aside",
            ));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for ((plan, field), output) in self.plans.iter().zip(fields).zip(&self.outputs) {
            if output.is_some() || (field.is_some() && plan.can_reject()) {
                let plan = ColumnPlan { dialect: survey.dialect, ..plan.clone() };
                columns.push(FileColumn { plan, field, output: *output });
            }
        }
        Ok(FilePlan {
            split: entry.path.as_str().into(),
            dialect: survey.dialect,
            encoding: survey.encoding,
            width: survey.width,
            columns,
            schema: Arc::clone(&self.schema),
            drift,
        })
    }

    /// How a file's columns are not the wanted ones.
    fn drift(&self, labels: &[String], fields: &[Option<usize>]) -> Option<String> {
        let quoted = |names: Vec<&str>| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        let missing: Vec<&str> = self.columns.iter().zip(fields).filter(|(_, f)| f.is_none()).map(|(c, _)| c.label.as_str()).collect();
        let names = names_of(labels);
        let is_ignored = |i: usize| self.options.ignored.iter().any(|l| *l == labels[i] || name::normalise(l) == names[i]);
        let extra: Vec<&str> =
            (0..labels.len()).filter(|i| !fields.contains(&Some(*i)) && !is_ignored(*i)).map(|i| labels[i].as_str()).collect();
        match (missing.is_empty(), extra.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("the file lacks the declared columns {}", quoted(missing))),
            (true, false) => Some(format!("the file has columns that are not declared: {}", quoted(extra))),
            (false, false) => Some(format!("the file lacks {} and has {} instead", quoted(missing), quoted(extra))),
        }
    }
}

impl Scan for FileScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.current.is_none() {
                let Some(entry) = self.files.get(state.next_file) else { return Ok(None) };
                state.next_file += 1;
                state.current = Some(self.open(entry)?);
            }
            if let Some(blocks) = &mut state.current {
                match blocks.next_block(self.options.morsel_bytes, &self.pool)? {
                    Some(block) => return Ok(Some(Box::new(block))),
                    None => state.current = None,
                }
            }
        }
    }

    fn total_bytes(&self) -> Option<u64> {
        Some(self.files.iter().map(|f| f.size).sum())
    }
}
