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

/// Puts the directory `new` in the place of `at`, and removes what was there. Readers find the one or the other: the two names are exchanged
/// at once where the system can do that (Linux, macOS); elsewhere there is a moment in which there is neither.
pub fn replace_directory(new: &Path, at: &Path) -> Result<()> {
    let io = |e: io::Error| io_error("cannot replace the directory", at, e);
    if at.symlink_metadata().is_err() {
        std::fs::rename(new, at).map_err(io)?;
        return sync_parent(at);
    }
    if exchange(new, at).is_err() {
        let old = at.with_file_name(format!(".{}.old", at.file_name().unwrap_or_default().to_string_lossy()));
        let _ = std::fs::remove_dir_all(&old);
        std::fs::rename(at, &old).map_err(io)?;
        std::fs::rename(new, at).map_err(io)?;
        sync_parent(at)?;
        return std::fs::remove_dir_all(&old).map_err(io);
    }
    sync_parent(at)?;
    std::fs::remove_dir_all(new).map_err(io)
}

/// Makes `link` a symbolic link to `to`, at once in the place of an older one. What is there and is no link stays, and is an error.
#[cfg(unix)]
pub fn link_over(to: &Path, link: &Path) -> Result<()> {
    let io = |e: io::Error| io_error("cannot link", link, e);
    if link.symlink_metadata().is_ok_and(|m| !m.file_type().is_symlink()) {
        return Err(Error::config("it is there already, and is no link")
            .at(link.display().to_string())
            .help("remove it, or name another place"));
    }
    let parent = link.parent().unwrap_or(Path::new("."));
    make_directories(parent)?;
    let temporary = parent.join(format!(".{}.tmp", link.file_name().unwrap_or_default().to_string_lossy()));
    let _ = std::fs::remove_file(&temporary);
    std::os::unix::fs::symlink(relative(to, parent), &temporary).map_err(io)?;
    std::fs::rename(&temporary, link).map_err(io)?;
    sync_parent(link)
}

#[cfg(not(unix))]
pub fn link_over(_: &Path, link: &Path) -> Result<()> {
    Err(Error::config("links are not made on this system").at(link.display().to_string()))
}

/// How to get to `to` from the directory `from`, so that both can be moved together.
#[cfg(unix)]
fn relative(to: &Path, from: &Path) -> PathBuf {
    let (to, from): (Vec<_>, Vec<_>) = (to.components().collect(), from.components().collect());
    let same = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(std::path::Component::ParentDir, from.len() - same);
    up.chain(to[same..].iter().copied()).collect()
}

/// Exchanges two names in one step.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let name = |p: &Path| std::ffi::CString::new(p.as_os_str().as_bytes()).map_err(io::Error::other);
    let (a, b) = (name(a)?, name(b)?);
    // SAFETY: both are texts that end in 0 and live through the call.
    #[cfg(target_os = "linux")]
    let failed =
        unsafe { libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, a.as_ptr(), libc::AT_FDCWD, b.as_ptr(), libc::RENAME_EXCHANGE) } != 0;
    // SAFETY: as above.
    #[cfg(target_os = "macos")]
    let failed = unsafe { libc::renamex_np(a.as_ptr(), b.as_ptr(), libc::RENAME_SWAP) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
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
