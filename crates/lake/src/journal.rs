//! A running run tells what it does, line by line, in `_tidemill/runs/<run id>.jsonl`, so that other processes can look at its progress, and
//! so that the next owner knows of a run that died. When a run has ended its journal goes into `system.runs` and `system.steps`.

use crate::Lake;
use crate::lake::lock;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use tidemill_core::{Error, Result};
use tidemill_store::{durable, failpoint};

const DIRECTORY: &str = "_tidemill/runs";

/// An open journal. Lines are flushed as they come but not synced: they are news, not state.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// Appends one line.
    pub fn append(&self, line: &serde_json::Value) -> Result<()> {
        failpoint("journal");
        // One write per line, so that a reader never sees lines of two threads mixed.
        let text = format!("{line}\n");
        lock(&self.file).write_all(text.as_bytes()).map_err(|e| durable::io_error("cannot write", &self.path, e))
    }
}

impl Lake {
    /// The journal of a run, to append to; made when it is not there.
    pub fn journal(&self, run_id: &str) -> Result<Journal> {
        let path = self.journal_path(run_id)?;
        durable::make_directories(&self.store.root().join(DIRECTORY))?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|e| durable::io_error("cannot open", &path, e))?;
        Ok(Journal { path, file: Mutex::new(file) })
    }

    /// Ids of the runs that have a journal: the running one, and those that died before theirs was put away. Sorted.
    pub fn journals(&self) -> Result<Vec<String>> {
        Ok(self.store.names(DIRECTORY)?.iter().filter_map(|n| n.strip_suffix(".jsonl").map(str::to_string)).collect())
    }

    /// Changes whenever a journal grows, comes or goes; empty when there is none.
    pub fn journals_stamp(&self) -> Result<String> {
        let mut stamp = String::new();
        for id in self.journals()? {
            // One that has just been put away is as good as none.
            if let Ok(meta) = std::fs::metadata(self.journal_path(&id)?) {
                stamp.push_str(&format!("{id}:{} ", meta.len()));
            }
        }
        Ok(stamp)
    }

    /// The lines of a journal; a last line that is torn is left out. Empty when there is none.
    pub fn read_journal(&self, run_id: &str) -> Result<Vec<serde_json::Value>> {
        self.journal_path(run_id)?;
        let bytes = self.store.read(&format!("{DIRECTORY}/{run_id}.jsonl"))?.unwrap_or_default();
        let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// Removes a journal whose content has been recorded.
    pub fn remove_journal(&self, run_id: &str) -> Result<()> {
        self.journal_path(run_id)?;
        self.store.remove(&format!("{DIRECTORY}/{run_id}.jsonl"))
    }

    fn journal_path(&self, run_id: &str) -> Result<PathBuf> {
        if run_id.is_empty() || !run_id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            return Err(Error::config(format!("`{run_id}` is not a run id")).help("`tidemill runs ls` shows them"));
        }
        Ok(self.store.root().join(DIRECTORY).join(format!("{run_id}.jsonl")))
    }
}
