//! Files on disk: one, a glob, a directory or a list of these; plain, gzip or zstd.
//!
//! [`list`] finds them, [`fingerprint`] says whether one changed, [`options`] is what a user may set, [`mod@format`] tells how rows are written,
//! [`compression`] and [`open`] give the bytes, [`scan`] hands out pieces of many files, [`probe`] looks at beginnings.

pub mod compression;
pub mod fingerprint;
pub mod format;
pub mod list;
pub mod open;
pub mod options;
pub mod probe;
mod replay;
pub mod scan;

#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod typed_tests;

pub use list::FileEntry;
pub use options::FileOptions;

use crate::connector::{Connector, Probe, ScanOptions, Source};
use crate::options::{OptionDoc, OptionFault, OptionProblem, Options};
use std::path::{Path, PathBuf};
use tidemill_core::{ColumnRead, Error, Result, Scan};

/// `connector = "files"`.
pub struct Files;

impl Connector for Files {
    fn kind(&self) -> &'static str {
        "files"
    }

    fn options(&self) -> &'static [OptionDoc] {
        options::DOCS
    }

    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem> {
        let (options, mut problems) = FileOptions::parse(options);
        if problems.is_empty()
            && let Err(e) = list::list(&options.paths, options.format, base_dir)
        {
            problems.push(OptionProblem { key: Some("path".into()), fault: OptionFault::Unreadable, message: e.to_string(), help: e.help });
        }
        problems
    }

    fn source(&self, options: &Options, base_dir: &Path) -> Result<Box<dyn Source>> {
        let (options, problems) = FileOptions::parse(options);
        match problems.into_iter().next() {
            None => Ok(Box::new(FileSource::new(&options, base_dir))),
            Some(p) => Err(Error { help: p.help, ..Error::config(p.message) }),
        }
    }
}

/// Some files that hold rows of one table.
#[derive(Debug, Clone)]
pub struct FileSource {
    options: FileOptions,
    base_dir: PathBuf,
}

impl FileSource {
    /// Relative paths are taken from `base_dir`.
    pub fn new(options: &FileOptions, base_dir: &Path) -> Self {
        FileSource { options: options.clone(), base_dir: base_dir.to_path_buf() }
    }

    /// The files there are now, sorted by path, their fingerprints not yet known. An error when there are none.
    pub fn list(&self) -> Result<Vec<FileEntry>> {
        list::list(&self.options.paths, self.options.format, &self.base_dir)
    }

    /// A hash of the file's content; the content is not read where `known` (size, modified in microseconds, fingerprint) shows the same size and time.
    pub fn fingerprint(&self, entry: &FileEntry, known: Option<(u64, i64, &str)>) -> Result<String> {
        fingerprint::fingerprint(entry, &self.base_dir, known)
    }

    /// What one file looks like, from its first 4 MB.
    pub fn probe(&self, entry: &FileEntry) -> Result<Probe> {
        probe::probe(&[entry], &self.options, &self.base_dir)
    }

    /// What several files look like together: the first from its first 4 MB, the others from 256 kB each. A column is there when one of them has
    /// it, with a type that fits all.
    pub fn probe_all(&self, entries: &[FileEntry]) -> Result<Probe> {
        probe::probe(&entries.iter().collect::<Vec<_>>(), &self.options, &self.base_dir)
    }

    /// The labels of one file's columns.
    pub fn labels(&self, entry: &FileEntry) -> Result<Vec<String>> {
        Ok(probe::Beginning::open(entry, &self.options, &self.base_dir, probe::LATER_BYTES, false)?.labels().to_vec())
    }

    /// Reads files in the order given. `columns` are the wanted ones in the wanted order; `options.project` may narrow them. Each morsel is of one
    /// file.
    pub fn scan(&self, files: &[FileEntry], columns: &[ColumnRead], options: ScanOptions) -> Result<Box<dyn Scan>> {
        Ok(Box::new(scan::FileScan::new(files, columns, &options, &self.options, &self.base_dir)?))
    }
}

impl Source for FileSource {
    fn list(&self) -> Result<Vec<FileEntry>> {
        FileSource::list(self)
    }
    fn fingerprint(&self, entry: &FileEntry, known: Option<(u64, i64, &str)>) -> Result<String> {
        FileSource::fingerprint(self, entry, known)
    }
    fn probe(&self, entries: &[FileEntry]) -> Result<Probe> {
        self.probe_all(entries)
    }
    fn scan(&self, entries: &[FileEntry], columns: &[ColumnRead], options: ScanOptions) -> Result<Box<dyn Scan>> {
        FileSource::scan(self, entries, columns, options)
    }
}
