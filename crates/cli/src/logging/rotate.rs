//! A log file that is set aside when it has grown: `tidemill.log` becomes `tidemill.log.1`, that `.2`, and so on; the oldest goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Appends whole lines. Two processes may share the path: each line is one `write` in append mode, and a file that the other has set aside
/// is noticed when it is this one's turn.
pub struct RotatingFile {
    path: PathBuf,
    file: File,
    size: u64,
    size_max: u64,
    /// Files in all, the current one counted; at least one.
    files_max: usize,
}

impl RotatingFile {
    pub fn open(path: &Path, size_max: u64, files_max: usize) -> io::Result<RotatingFile> {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(parent)?;
        }
        let file = append(path)?;
        let size = file.metadata()?.len();
        Ok(RotatingFile { path: path.to_path_buf(), file, size, size_max: size_max.max(1), files_max: files_max.max(1) })
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        // Only the file we write to may be set aside, not one that another process has just begun.
        let ours = self.file.metadata()?;
        let current = fs::metadata(&self.path).ok();
        if current.is_some_and(|m| m.ino() == ours.ino() && m.dev() == ours.dev()) {
            if self.files_max == 1 {
                fs::remove_file(&self.path)?;
            } else {
                for n in (1..self.files_max - 1).rev() {
                    match fs::rename(self.numbered(n), self.numbered(n + 1)) {
                        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                        _ => {}
                    }
                }
                fs::rename(&self.path, self.numbered(1))?;
            }
        }
        self.file = append(&self.path)?;
        self.size = self.file.metadata()?.len();
        Ok(())
    }

    fn numbered(&self, n: usize) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        name.into()
    }
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let len = line.len() as u64;
        if self.size > 0 && self.size + len > self.size_max {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.size += len;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
