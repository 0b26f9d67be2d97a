//! `connector = "files"` with `follow = true`: files as they appear.
//!
//! A file is taken when its size and time have stood still from one look to the next, and then once: rows that are to come later come in a new file.
//! What was taken and is another file now is an error, since nobody could say which of its rows are new.
//!
//! Position of a file: `done SIZE MODIFIED HASH`, or `at PIECES PIECE_BYTES SIZE MODIFIED` while it is read. Where pieces are cut depends on the bytes
//! and the size asked for alone, so that reading goes on after the last piece that was taken.

use super::pace::Pace;
use crate::connector::Connector;
use crate::connector::ScanOptions;
use crate::files::{FileEntry, FileOptions, FileSource, Files};
use crate::options::{OptionDoc, OptionProblem, Options};
use crate::stream::{Budget, Lag, Positions, Pulled, StreamBatch, StreamConnector, StreamSource};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{ColumnRead, Decoded, Error, ErrorKind, Result, Scan};

/// Files that are followed: what `connector = "files"` means where `follow = true` stands beside it.
pub struct Directory;

const PIECE_BYTES: usize = 1 << 20;

impl StreamConnector for Directory {
    fn kind(&self) -> &'static str {
        "directory"
    }

    fn options(&self) -> &'static [OptionDoc] {
        Files.options()
    }

    fn check(&self, options: &Options, _: &Path) -> Vec<OptionProblem> {
        // That nothing is there yet is no mistake.
        FileOptions::parse(options).1
    }

    fn can_replay(&self) -> bool {
        true
    }

    fn open(&self, options: &Options, base_dir: &Path, columns: &[ColumnRead], from: &Positions) -> Result<Box<dyn StreamSource>> {
        if let Some(p) = self.check(options, base_dir).into_iter().next() {
            return Err(Error { help: p.help, ..Error::config(p.message) });
        }
        if let Some(c) = columns.iter().find(|c| c.label.starts_with('@')) {
            return Err(Error::config(format!("column `{}`: a row of a file has no `{}`", c.name, c.label)));
        }
        let (options, _) = FileOptions::parse(options);
        let mut taken = BTreeMap::new();
        for (path, position) in from {
            let standing =
                Standing::parse(position).ok_or_else(|| Error::data(format!("the position \"{position}\" is none of a file")).at(path))?;
            taken.insert(path.clone(), standing);
        }
        Ok(Box::new(Follower {
            pace: Pace::new(Duration::from_millis(options.poll_ms as u64)),
            source: FileSource::new(&options, base_dir),
            base_dir: base_dir.to_path_buf(),
            columns: columns.to_vec(),
            taken,
            seen: BTreeMap::new(),
            ready: VecDeque::new(),
            current: None,
            trouble: None,
        }))
    }

    fn decode_again(
        &self,
        options: &Options,
        base_dir: &Path,
        split: &str,
        records: &[(u64, &str)],
        columns: &[ColumnRead],
    ) -> Result<Decoded> {
        FileSource::new(&FileOptions::parse(options).0, base_dir).decode_records(split, records, columns)
    }
}

/// The position of a file that was read whole by somebody else, of whom size, time and fingerprint are known.
pub fn position_of_whole(size: u64, modified_micros: i64, fingerprint: &str) -> String {
    Standing::Done { size, modified: modified_micros, hash: fingerprint.to_string() }.to_string()
}

/// The fingerprint of a file that was taken whole, by its position.
pub fn fingerprint_of_whole(position: &str) -> Option<String> {
    match Standing::parse(position)? {
        Standing::Done { hash, .. } => Some(hash),
        Standing::At { .. } => None,
    }
}

/// How far a file was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    At { pieces: u64, piece_bytes: usize, size: u64, modified: i64 },
    Done { size: u64, modified: i64, hash: String },
}

impl Standing {
    fn parse(text: &str) -> Option<Standing> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["done", size, modified, hash] => {
                Some(Standing::Done { size: size.parse().ok()?, modified: modified.parse().ok()?, hash: hash.to_string() })
            }
            ["at", pieces, piece_bytes, size, modified] => Some(Standing::At {
                pieces: pieces.parse().ok()?,
                piece_bytes: piece_bytes.parse().ok()?,
                size: size.parse().ok()?,
                modified: modified.parse().ok()?,
            }),
            _ => None,
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Standing::At { pieces, piece_bytes, size, modified } => write!(f, "at {pieces} {piece_bytes} {size} {modified}"),
            Standing::Done { size, modified, hash } => write!(f, "done {size} {modified} {hash}"),
        }
    }
}

struct Follower {
    source: FileSource,
    base_dir: PathBuf,
    columns: Vec<ColumnRead>,
    pace: Pace,
    /// By path, as rows of it were given.
    taken: BTreeMap<String, Standing>,
    /// Files not taken, as they were at the last look.
    seen: BTreeMap<String, (u64, i64)>,
    ready: VecDeque<FileEntry>,
    current: Option<Reading>,
    trouble: Option<String>,
}

/// A file being read.
struct Reading {
    entry: FileEntry,
    scan: Box<dyn Scan>,
    pieces: u64,
    piece_bytes: usize,
    bytes_read: u64,
}

impl Follower {
    /// Looks which files there are now.
    fn look(&mut self) -> Result<()> {
        self.pace.looked();
        self.trouble = None;
        let files = match self.source.list() {
            Ok(files) => files,
            Err(e) => {
                // Nothing is there yet, or just now.
                let is_nothing = e.what.starts_with("no file");
                self.trouble = (!is_nothing).then(|| e.to_string());
                Vec::new()
            }
        };
        let here: BTreeMap<&str, &FileEntry> = files.iter().map(|f| (f.path.as_str(), f)).collect();
        for (path, standing) in &mut self.taken {
            let entry = here.get(path.as_str());
            match (standing, entry) {
                (Standing::Done { size, modified, hash }, Some(entry)) if (*size, *modified) != (entry.size, entry.modified_micros) => {
                    // It may only have been touched.
                    if *size != entry.size || self.source.fingerprint(entry, None)? != *hash {
                        return Err(changed(path));
                    }
                    *modified = entry.modified_micros;
                }
                (Standing::At { .. }, None) => {
                    return Err(Error::data(format!("`{path}` was taken in part, and is gone"))
                        .help("put it back, so that its other rows are read"));
                }
                (Standing::At { size, .. }, Some(entry)) if *size != entry.size => return Err(changed(path)),
                _ => {}
            }
        }
        let mut fresh: Vec<&FileEntry> = Vec::new();
        let mut seen = BTreeMap::new();
        let reading = |path: &str| self.current.as_ref().is_some_and(|c| c.entry.path == path);
        for entry in &files {
            let is_taken = matches!(self.taken.get(&entry.path), Some(Standing::Done { .. }));
            if is_taken || reading(&entry.path) || self.ready.iter().any(|r| r.path == entry.path) {
                continue;
            }
            let now = (entry.size, entry.modified_micros);
            // One that was begun had stood still before.
            if self.seen.get(&entry.path) == Some(&now) || self.taken.contains_key(&entry.path) {
                fresh.push(entry);
            } else {
                seen.insert(entry.path.clone(), now);
            }
        }
        fresh.sort_by_key(|f| (!self.taken.contains_key(&f.path), f.modified_micros));
        self.ready.extend(fresh.into_iter().cloned());
        self.seen = seen;
        Ok(())
    }

    /// Opens the next file, behind what was taken of it.
    fn begin(&mut self, entry: FileEntry) -> Result<()> {
        let (mut pieces, mut piece_bytes) = (0, PIECE_BYTES);
        if let Some(Standing::At { pieces: n, piece_bytes: bytes, .. }) = self.taken.get(&entry.path) {
            (pieces, piece_bytes) = (*n, *bytes);
        }
        let options = ScanOptions { morsel_bytes: piece_bytes, ..ScanOptions::default() };
        let scan = self.source.scan(std::slice::from_ref(&entry), &self.columns, options)?;
        for _ in 0..pieces {
            scan.next()?;
        }
        self.current = Some(Reading { entry, scan, pieces, piece_bytes, bytes_read: 0 });
        Ok(())
    }

    /// The next piece of the file at hand; `None` when it has no more. Its end is a position of its own, which comes with the last piece.
    fn piece(&mut self) -> Result<Option<StreamBatch>> {
        let Some(reading) = &mut self.current else { return Ok(None) };
        let entry = &reading.entry;
        let split: Arc<str> = entry.path.as_str().into();
        let morsel = reading.scan.next().map_err(|e| e.at(&entry.path))?;
        let done = morsel.is_none();
        let decoded = match morsel {
            Some(m) => m.decode()?,
            None => nothing(&split, &self.columns),
        };
        reading.bytes_read += decoded.bytes_read;
        reading.pieces += u64::from(!done);
        let (size, modified) = (entry.size, entry.modified_micros);
        let standing = if done {
            // It may be gone by now, which does no harm.
            if std::fs::metadata(entry.locate(&self.base_dir)).is_ok_and(|now| now.len() != size) {
                return Err(changed(&entry.path));
            }
            Standing::Done { size, modified, hash: self.source.fingerprint(entry, None)? }
        } else {
            Standing::At { pieces: reading.pieces, piece_bytes: reading.piece_bytes, size, modified }
        };
        let position = standing.to_string();
        self.taken.insert(entry.path.clone(), standing);
        if done {
            self.current = None;
        }
        Ok(Some(StreamBatch { split, decoded, position, source_micros: Some(modified) }))
    }
}

impl StreamSource for Follower {
    fn pull(&mut self, budget: Budget) -> Result<Pulled> {
        let mut wait = budget.wait;
        let mut batches = Vec::new();
        let (mut rows, mut bytes) = (0, 0u64);
        loop {
            if self.pace.is_due() {
                self.look()?;
            }
            if self.current.is_none()
                && let Some(entry) = self.ready.pop_front()
            {
                match self.begin(entry.clone()) {
                    // It may be readable again at another time.
                    Err(e) if e.kind == ErrorKind::Unavailable => {
                        self.trouble = Some(e.to_string());
                        self.ready.push_back(entry);
                    }
                    begun => begun?,
                }
            }
            if let Some(batch) = self.piece()? {
                rows += batch.decoded.rows_read as usize;
                bytes += batch.decoded.bytes_read;
                batches.push(batch);
                if rows < budget.rows && bytes < budget.bytes as u64 {
                    continue;
                }
            }
            if !batches.is_empty() {
                return Ok(Pulled::Batches(batches));
            }
            if wait.is_zero() {
                return Ok(Pulled::Idle);
            }
            self.pace.rest(&mut wait);
        }
    }

    fn confirm(&mut self, _: &Positions) -> Result<()> {
        Ok(())
    }

    fn lag(&mut self) -> Vec<Lag> {
        let standing = |path: &str| self.taken.get(path).map_or_else(String::new, Standing::to_string);
        let lag = |path: &str, behind: u64| Lag { split: path.into(), behind: Some(behind.max(1)), position: standing(path) };
        let mut out: Vec<Lag> = Vec::new();
        if let Some(c) = &self.current {
            out.push(lag(&c.entry.path, c.entry.size.saturating_sub(c.bytes_read)));
        }
        out.extend(self.ready.iter().map(|f| lag(&f.path, f.size)));
        out.extend(self.seen.iter().map(|(path, (size, _))| lag(path, *size)));
        out
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}

fn changed(path: &str) -> Error {
    Error::data(format!("`{path}` was taken and has changed, and files that are followed are taken once"))
        .help("put new rows into a new file (write it under a name that begins with `_`, then rename it); for one file that grows, `connector = \"tail\"`")
}

/// A batch without rows: a position moved.
fn nothing(split: &Arc<str>, columns: &[ColumnRead]) -> tidemill_core::Decoded {
    tidemill_core::Decoded {
        split: Arc::clone(split),
        batch: arrow::array::RecordBatch::new_empty(tidemill_core::read::schema_of(columns)),
        lines: Vec::new(),
        rejects: Vec::new(),
        rows_read: 0,
        bytes_read: 0,
        nulled: vec![0; columns.len()],
        text: Arc::new(NoText),
    }
}

struct NoText;

impl tidemill_core::RowText for NoText {
    fn text(&self, _: usize) -> String {
        String::new()
    }
    fn offset(&self, _: usize) -> u64 {
        0
    }
}
