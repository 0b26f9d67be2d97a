//! Files that stay: temporary file → write → sync → link or rename → sync the directory. Any crash leaves either the old state, or
//! the new one, and perhaps a temporary file (`name#digits`, which listings leave out and [`sweep`] removes).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tidemill_core::{Error, ErrorKind, Result};

/// Writes a new file durably; `false` when the name is taken.
pub fn put_new(path: &Path, pieces: &[&[u8]]) -> Result<bool> {
    put_new_io(path, pieces).map_err(|e| io_error("cannot write", path, e))
}

/// Writes a file durably over what may be there.
pub fn put_over(path: &Path, pieces: &[&[u8]]) -> Result<()> {
    put_over_io(path, pieces).map_err(|e| io_error("cannot write", path, e))
}

pub(crate) fn put_new_io(path: &Path, pieces: &[&[u8]]) -> io::Result<bool> {
    let (file, temporary) = temporary_file(path)?;
    let written = write_synced(file, pieces).and_then(|()| link(&temporary, path));
    let _ = std::fs::remove_file(&temporary);
    let fresh = written?;
    sync_parent_io(path)?;
    Ok(fresh)
}

pub(crate) fn put_over_io(path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    let (file, temporary) = temporary_file(path)?;
    if let Err(e) = write_synced(file, pieces).and_then(|()| std::fs::rename(&temporary, path)) {
        let _ = std::fs::remove_file(&temporary);
        return Err(e);
    }
    sync_parent_io(path)
}

/// Gives `temporary` its final name unless that is taken (`false`).
pub(crate) fn link(temporary: &Path, path: &Path) -> io::Result<bool> {
    match std::fs::hard_link(temporary, path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e),
    }
}

/// A file under its final name that is not durable before [`DurableFile::finish`]. What nobody finishes is garbage that nothing
/// refers to; names of data files are never used twice.
#[derive(Debug)]
pub struct DurableFile {
    file: File,
    path: PathBuf,
}

impl DurableFile {
    /// `None` when the name is taken.
    pub fn create(path: &Path) -> Result<Option<DurableFile>> {
        if let Some(parent) = path.parent() {
            make_directories(parent)?;
        }
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => Ok(Some(DurableFile { file, path: path.to_path_buf() })),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(e) => Err(io_error("cannot create", path, e)),
        }
    }

    /// Syncs the file and its directory.
    pub fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(|e| io_error("cannot sync", &self.path, e))?;
        sync_parent(&self.path)
    }

    /// Throws away what was written.
    pub fn discard(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Write for DurableFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes a directory and its missing parents, and syncs each directory that got a new entry.
pub fn make_directories(path: &Path) -> Result<()> {
    make_directories_io(path).map_err(|e| io_error("cannot make directory", path, e))
}

pub(crate) fn make_directories_io(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_directories_io(parent)?;
    }
    match std::fs::create_dir(path) {
        Ok(()) => sync_parent_io(path),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) => Err(e),
    }
}

/// Syncs the directory that holds `path`.
pub fn sync_parent(path: &Path) -> Result<()> {
    sync_parent_io(path).map_err(|e| io_error("cannot sync the directory of", path, e))
}

#[cfg(unix)]
pub(crate) fn sync_parent_io(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_parent_io(_: &Path) -> io::Result<()> {
    Ok(()) // directories can't be opened for syncing there; the file system journals its entries
}

/// An input/output error as one of ours: a full disk is a limit, the rest is the outside world's doing.
pub fn io_error(what: &str, path: &Path, e: io::Error) -> Error {
    let kind = match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => ErrorKind::Limit,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotADirectory => ErrorKind::Config,
        _ => ErrorKind::Unavailable,
    };
    let error = Error::new(kind, format!("{what}: {e}")).at(path.display().to_string());
    match kind {
        ErrorKind::Limit => error.help("make room on the disk, then run again; finished work is kept").because(e),
        ErrorKind::Config => error.help("check the path and its permissions").because(e),
        _ => error.because(e),
    }
}

/// Whether a file name is one that [`temporary_file`] gives.
pub fn is_temporary(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, digits)| digits.len() > 6 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Removes temporary files under `root` that were last touched before `before_micros`.
pub fn sweep(root: &Path, before_micros: i64) -> Result<u64> {
    let mut removed = 0;
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).map_err(|e| io_error("cannot list", &directory, e))? {
            let entry = entry.map_err(|e| io_error("cannot list", &directory, e))?;
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                directories.push(entry.path());
            } else if is_temporary(&entry.file_name().to_string_lossy()) && modified_micros(&meta) < before_micros {
                std::fs::remove_file(entry.path()).map_err(|e| io_error("cannot remove", &entry.path(), e))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// When a file was last written, in microseconds since 1970; 0 where the system does not say.
pub fn modified_micros(meta: &std::fs::Metadata) -> i64 {
    let since = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |d| d.as_micros() as i64)
}

/// A file beside `path` whose name no other writer uses: object-store listings hide names that end in `#digits`.
pub(crate) fn temporary_file(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    if let Some(parent) = path.parent() {
        make_directories_io(parent)?;
    }
    loop {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!("#{}{n:06}", std::process::id()));
        let temporary = path.with_file_name(name);
        match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

fn write_synced(mut file: File, pieces: &[&[u8]]) -> io::Result<()> {
    for piece in pieces {
        file.write_all(piece)?;
    }
    file.sync_all()
}
