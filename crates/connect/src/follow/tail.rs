//! `connector = "tail"`: one file that grows, a line a row.
//!
//! A last line without its end waits. When the file is renamed and a new one takes its name (as logs are rotated), the old one is read to its end
//! first, also when that happened while nobody was following: it is looked for beside, by its number on the disk. When the file is cut to
//! nothing in its place, reading begins anew; what had been written to it and not been read is lost, and that is told.
//!
//! Position: `INODE OFFSET LINE MARK`. Lines are numbered on across files, so that a row's place is its own for good; the mark is a hash of what stands
//! before the offset, by which another file with the same number on the disk is told.

use super::lines::Cutting;
use super::options::{COLUMNS, DELIMITER, FORMAT, HEADER, LineOptions, NESTED, QUOTE, RAGGED, RECORD_BYTES_MAX, doc};
use super::pace::Pace;
use crate::files::format::Format;
use crate::formats::records::{Record, RecordDecoder, decode_again};
use crate::options::{OptionDoc, OptionProblem, OptionReader, Options};
use crate::stream::{Budget, Lag, Positions, Pulled, StreamBatch, StreamConnector, StreamSource};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{ColumnRead, Decoded, Error, Result};

/// A file that grows.
pub struct Tail;

const DOCS: &[OptionDoc] = &[
    doc("path", "text", "", "The file. Relative to the project. It need not be there yet."),
    doc("from", "\"beginning\" or \"end\"", "\"beginning\"", "Where reading begins the first time; later it goes on where it was."),
    doc("poll_ms", "integer", "200", "How often it is looked for new lines."),
    FORMAT,
    DELIMITER,
    QUOTE,
    HEADER,
    COLUMNS,
    RAGGED,
    NESTED,
    RECORD_BYTES_MAX,
];

/// What is read at a time.
const CHUNK: usize = 1 << 20;
/// Bytes before the offset that the mark is made of.
const MARKED: u64 = 64;

struct TailOptions {
    path: String,
    at_end: bool,
    poll: Duration,
    lines: LineOptions,
}

fn parse(options: &Options) -> (TailOptions, Vec<OptionProblem>) {
    let mut r = OptionReader::new(options, DOCS);
    let path = r.required("path", "name the file that grows: path = \"log/orders.jsonl\"").unwrap_or_default().to_string();
    if path.contains(['*', '?', '[']) {
        r.problem(
            "path",
            format!("\"{path}\" is a pattern, and one file is followed"),
            "for files that appear, use `connector = \"files\"` with `follow = true`",
        );
    }
    let at_end = r.choice("from", &["beginning", "end"]) == Some("end");
    let poll = r.count("poll_ms").unwrap_or(200);
    if poll == 0 {
        r.problem("poll_ms", "`poll_ms` can't be 0", "give 1 or more");
    }
    let is_json = Format::of_name(&path) != Some(Format::Csv);
    let lines = LineOptions::read(&mut r, is_json);
    (TailOptions { path, at_end, poll: Duration::from_millis(poll as u64), lines }, r.problems)
}

impl StreamConnector for Tail {
    fn kind(&self) -> &'static str {
        "tail"
    }

    fn options(&self) -> &'static [OptionDoc] {
        DOCS
    }

    fn check(&self, options: &Options, base_dir: &Path) -> Vec<OptionProblem> {
        let (tail, mut problems) = parse(options);
        if base_dir.join(&tail.path).is_dir() && !tail.path.is_empty() {
            problems.push(OptionProblem {
                key: Some("path".into()),
                fault: crate::options::OptionFault::Value,
                message: format!("\"{}\" is a directory", tail.path),
                help: Some("for files that appear in it, use `connector = \"files\"` with `follow = true`".into()),
            });
        }
        problems
    }

    fn can_replay(&self) -> bool {
        true
    }

    fn open(&self, options: &Options, base_dir: &Path, columns: &[ColumnRead], from: &Positions) -> Result<Box<dyn StreamSource>> {
        if let Some(p) = self.check(options, base_dir).into_iter().next() {
            return Err(Error { help: p.help, ..Error::config(p.message) });
        }
        let (tail, _) = parse(options);
        let split: Arc<str> = tail.path.as_str().into();
        let path = base_dir.join(&tail.path);
        let place = match from.get(&*split) {
            Some(text) => {
                Some(Place::parse(text).ok_or_else(|| Error::data(format!("the position \"{text}\" is none of a file")).at(&*split))?)
            }
            None => None,
        };
        let mut follower = Follower {
            cutting: tail.lines.cutting(),
            // Columns that a line can't have are told now.
            decoder: tail.lines.decoder(&split, None, columns).map(|d| (!tail.lines.header).then_some(d))?,
            lines: tail.lines,
            columns: columns.to_vec(),
            split,
            pace: Pace::new(tail.poll),
            place: Place { inode: 0, offset: 0, line: 1, mark: String::new() },
            queue: Vec::new(),
            buffer: Vec::new(),
            start: 0,
            modified: None,
            lost: 0,
            trouble: None,
            at_end: tail.at_end && place.is_none(),
            is_fresh: false,
            path,
        };
        if let Some(place) = place {
            follower.resume(place)?;
        }
        Ok(Box::new(follower))
    }

    fn decode_again(
        &self,
        options: &Options,
        base_dir: &Path,
        split: &str,
        records: &[(u64, &str)],
        columns: &[ColumnRead],
    ) -> Result<Decoded> {
        let (tail, _) = parse(options);
        let mut header = None;
        if tail.lines.header {
            // The file may have been followed by another; their headers are alike, or else nobody knows the old one's.
            let mut head = vec![0; CHUNK];
            let read = File::open(base_dir.join(&tail.path)).and_then(|f| read_at(&f, &mut head, 0));
            let n = read.map_err(|e| Error::unavailable("the file's header is wanted, and can't be read").at(split).because(e))?;
            header = tail.lines.cutting().next(&head[..n], 0, true).map(|cut| tail.lines.labels(&head[cut.span]));
        }
        decode_again(split, &tail.lines.format(header), records, columns)
    }
}

/// Where the next line begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    inode: u64,
    offset: u64,
    line: u64,
    mark: String,
}

impl Place {
    fn parse(text: &str) -> Option<Place> {
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|w| w.parse::<u64>().ok());
        let (inode, offset, line) = (number()?, number()?, number()?);
        Some(Place { inode, offset, line, mark: words.next().unwrap_or_default().to_string() })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {}", self.inode, self.offset, self.line, self.mark)
    }
}

struct Follower {
    path: PathBuf,
    split: Arc<str>,
    lines: LineOptions,
    cutting: Cutting,
    columns: Vec<ColumnRead>,
    /// `None` until the header of the file at hand was read.
    decoder: Option<RecordDecoder>,
    pace: Pace,
    place: Place,
    /// Files to read, each to its end but the last; the first is at hand.
    queue: Vec<File>,
    /// What was read of the file at hand from `place.offset` on, and is not given yet: `buffer[start..]`.
    buffer: Vec<u8>,
    start: usize,
    modified: Option<i64>,
    /// How often the file was cut before all of it was read.
    lost: u64,
    trouble: Option<String>,
    /// Begin at the end of the file that is there first.
    at_end: bool,
    /// The newest file was seen at the last look.
    is_fresh: bool,
}

impl Follower {
    /// Finds the file of a stored position again, and those that came after it.
    fn resume(&mut self, place: Place) -> Result<()> {
        let gone = || {
            Error::data(format!("`{}` was read to byte {}, and that file is gone with what followed there", self.split, place.offset))
                .help("put it back beside the file under a longer name (`app.log.1`); or give the table a new name, to begin anew")
        };
        if place.offset == 0 && place.inode == 0 {
            self.place = place;
            return Ok(());
        }
        let fits = |f: &File| mark(f, place.offset).is_some_and(|m| m == place.mark);
        let mut others = beside(&self.path);
        let of_inode = |f: &File| f.metadata().is_ok_and(|m| m.ino() == place.inode);
        let at = others.iter().position(|f| of_inode(f) && fits(f)).or_else(|| {
            // A copy that was made before the file was cut in its place.
            others.iter().position(|f| place.offset > 0 && fits(f))
        });
        let Some(at) = at else {
            if others.last().is_some_and(of_inode) {
                // Cut in its place while nobody looked.
                self.lost += 1;
                self.queue = others.split_off(others.len() - 1);
                self.place = Place { inode: place.inode, offset: 0, line: place.line, mark: String::new() };
                return Ok(());
            }
            return Err(gone());
        };
        self.queue = others.split_off(at);
        self.place = place;
        if self.lines.header && self.place.offset > 0 {
            self.read_header()?;
        }
        Ok(())
    }

    /// The names of the file at hand, whose beginning was read before.
    fn read_header(&mut self) -> Result<()> {
        let Some(file) = self.queue.first() else { return Ok(()) };
        let mut head = vec![0; self.cutting.record_bytes_max.min(CHUNK)];
        let n = read_at(file, &mut head, 0).map_err(|e| self.unreadable(e))?;
        if let Some(cut) = self.cutting.next(&head[..n], 0, true) {
            let labels = self.lines.labels(&head[cut.span]);
            self.decoder = Some(self.lines.decoder(&self.split, Some(labels), &self.columns)?);
        }
        Ok(())
    }

    fn unreadable(&self, e: std::io::Error) -> Error {
        Error::unavailable(format!("can't read `{}`: {e}", self.split)).because(e)
    }

    /// Looks whether the file is another one, or shorter than it was.
    fn look(&mut self) -> Result<()> {
        self.pace.looked();
        self.trouble = None;
        self.is_fresh = false;
        let now = match File::open(&self.path) {
            Ok(f) => f,
            Err(e) => {
                // Whatever comes to a file that was not there is new.
                self.at_end = false;
                self.trouble = Some(match e.kind() {
                    std::io::ErrorKind::NotFound => format!("there is no file \"{}\" (yet)", self.split),
                    _ => format!("can't read \"{}\": {e}", self.split),
                });
                return Ok(());
            }
        };
        let meta = now.metadata().map_err(|e| self.unreadable(e))?;
        self.modified = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok()).map(|d| d.as_micros() as i64);
        match self.queue.last().map(|f| f.metadata()).transpose().map_err(|e| self.unreadable(e))? {
            None => {
                self.place.inode = meta.ino();
                if std::mem::take(&mut self.at_end) {
                    self.place.offset = line_start(&now, meta.len()).map_err(|e| self.unreadable(e))?;
                    self.place.mark = mark(&now, self.place.offset).unwrap_or_default();
                }
                self.queue.push(now);
                if self.lines.header && self.place.offset > 0 {
                    self.read_header()?;
                }
            }
            Some(last) if last.ino() != meta.ino() => {
                self.queue.push(now);
                // Who writes may write to the old one yet: it is left after the next look.
                self.is_fresh = true;
                return Ok(());
            }
            Some(_) => {
                let read_to = self.place.offset + (self.buffer.len() - self.start) as u64;
                let is_cut = meta.len() < read_to || mark(&now, self.place.offset).is_none_or(|m| m != self.place.mark);
                if self.queue.len() == 1 && is_cut {
                    self.cut(now)?;
                }
            }
        }
        Ok(())
    }

    /// The file was cut in its place: where a copy was made before, the rest is read from there.
    fn cut(&mut self, now: File) -> Result<()> {
        let mut others = beside(&self.path);
        others.pop();
        let copy =
            others.into_iter().rev().find(|f| self.place.offset > 0 && mark(f, self.place.offset).is_some_and(|m| m == self.place.mark));
        match copy {
            Some(copy) => {
                self.buffer.clear();
                self.start = 0;
                self.queue = vec![copy, now];
                Ok(())
            }
            None => {
                self.lost += 1;
                self.restart(now)
            }
        }
    }

    /// Begins with a file's first line.
    fn restart(&mut self, file: File) -> Result<()> {
        let inode = file.metadata().map_err(|e| self.unreadable(e))?.ino();
        self.place = Place { inode, offset: 0, line: self.place.line, mark: String::new() };
        self.buffer.clear();
        self.start = 0;
        if self.lines.header {
            self.decoder = None;
        }
        if self.queue.is_empty() {
            self.queue.push(file)
        } else {
            self.queue[0] = file
        }
        Ok(())
    }

    /// Reads on in the file at hand; false when nothing came.
    fn fill(&mut self) -> Result<bool> {
        let Some(file) = self.queue.first() else { return Ok(false) };
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let held = self.buffer.len();
        self.buffer.resize(held + CHUNK, 0);
        let read = read_at(file, &mut self.buffer[held..], self.place.offset + held as u64);
        let n = match read {
            Ok(n) => n,
            Err(e) => {
                self.buffer.truncate(held);
                return Err(self.unreadable(e));
            }
        };
        self.buffer.truncate(held + n);
        Ok(n > 0)
    }

    /// The lines that are whole, up to the budget.
    fn take(&mut self, budget: Budget, at_end: bool) -> Result<Option<StreamBatch>> {
        let (mut at, mut line) = (self.start, self.place.line);
        let mut spans: Vec<(std::ops::Range<usize>, u64)> = Vec::new();
        while spans.len() < budget.rows
            && at - self.start < budget.bytes
            && let Some(cut) = self.cutting.next(&self.buffer, at, at_end)
        {
            let begins = self.place.offset == 0 && at == self.start;
            let mut span = cut.span.clone();
            if begins && self.buffer[span.clone()].starts_with(b"\xEF\xBB\xBF") {
                span.start += 3;
            }
            if self.decoder.is_none() {
                let labels = self.lines.labels(&self.buffer[span]);
                self.decoder = Some(self.lines.decoder(&self.split, Some(labels), &self.columns)?);
            } else if !cut.is_blank(&self.buffer) {
                spans.push((span, line));
            }
            at = cut.next;
            line += cut.lines.max(u64::from(at_end && cut.lines == 0));
        }
        if at == self.start {
            return Ok(None);
        }
        let offset = self.place.offset;
        let record = |(span, line): &(std::ops::Range<usize>, u64)| Record {
            line: *line,
            offset: offset + (span.start - self.start) as u64,
            payload: &self.buffer[span.clone()],
        };
        let records: Vec<Record<'_>> = spans.iter().map(record).collect();
        let decoded = match &mut self.decoder {
            Some(d) => d.decode(&records, &[])?,
            None => return Err(Error::bug("lines were cut without a decoder")),
        };
        self.place.offset += (at - self.start) as u64;
        self.place.line = line;
        self.place.mark = self.queue.first().and_then(|f| mark(f, self.place.offset)).unwrap_or_default();
        self.start = at;
        Ok(Some(StreamBatch { split: Arc::clone(&self.split), decoded, position: self.place.to_string(), source_micros: self.modified }))
    }

    /// What there is without waiting.
    fn step(&mut self, budget: Budget) -> Result<Option<StreamBatch>> {
        loop {
            if let Some(batch) = self.take(budget, false)? {
                return Ok(Some(batch));
            }
            if self.fill()? {
                continue;
            }
            if self.queue.len() < 2 || self.is_fresh {
                return Ok(None);
            }
            // Another file took the name: nothing more comes to this one, and its last line is what it is.
            if let Some(batch) = self.take(budget, true)? {
                return Ok(Some(batch));
            }
            let file = self.queue.remove(1);
            self.restart(file)?;
        }
    }
}

impl StreamSource for Follower {
    fn pull(&mut self, budget: Budget) -> Result<Pulled> {
        let mut wait = budget.wait;
        loop {
            if self.pace.is_due() {
                self.look()?;
            }
            if let Some(batch) = self.step(budget)? {
                return Ok(Pulled::Batches(vec![batch]));
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
        let sizes: u64 = self.queue.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
        let waiting = (self.buffer.len() - self.start) as u64;
        // A last line without its end is not behind: it is not there yet.
        let held = if self.queue.len() < 2 { waiting } else { 0 };
        let behind = sizes.saturating_sub(self.place.offset + held);
        vec![Lag { split: Arc::clone(&self.split), behind: Some(behind), position: self.place.to_string() }]
    }

    fn trouble(&self) -> Option<String> {
        let lost = (self.lost > 0)
            .then(|| format!("\"{}\" was cut in its place {} time(s): what had not been read by then is lost", self.split, self.lost));
        match (&self.trouble, lost) {
            (Some(a), Some(b)) => Some(format!("{a}; {b}")),
            (a, b) => a.clone().or(b),
        }
    }
}

/// A hash of the last bytes before `offset`, empty at the beginning; `None` when the file has not so many.
fn mark(file: &File, offset: u64) -> Option<String> {
    if offset == 0 {
        return Some(String::new());
    }
    let n = offset.min(MARKED);
    let mut bytes = vec![0; n as usize];
    file.read_exact_at(&mut bytes, offset - n).ok()?;
    Some(blake3::hash(&bytes).to_hex()[..16].to_string())
}

fn read_at(file: &File, into: &mut [u8], offset: u64) -> std::io::Result<usize> {
    loop {
        match file.read_at(into, offset) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Where the last line begins that has no end yet, or else the end.
fn line_start(file: &File, len: u64) -> std::io::Result<u64> {
    let mut end = len;
    let mut bytes = vec![0; 64 << 10];
    while end > 0 {
        let from = end.saturating_sub(bytes.len() as u64);
        let part = &mut bytes[..(end - from) as usize];
        file.read_exact_at(part, from)?;
        if let Some(i) = memchr::memrchr(b'\n', part) {
            return Ok(from + i as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// The file and those beside it whose names begin with its own, oldest first, itself last.
fn beside(path: &Path) -> Vec<File> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().map(|n| n.to_string_lossy().into_owned())) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        let is_old = other.len() > name.len() && other.starts_with(&name) && !other.ends_with(".gz") && !other.ends_with(".zst");
        if is_old
            && let (Ok(file), Ok(meta)) = (File::open(entry.path()), entry.metadata())
            && meta.is_file()
        {
            found.push((meta.modified().ok(), other, file));
        }
    }
    found.sort_by(|a, b| (a.0, &b.1).cmp(&(b.0, &a.1)));
    let mut out: Vec<File> = found.into_iter().map(|f| f.2).collect();
    out.extend(File::open(path).ok());
    out
}
