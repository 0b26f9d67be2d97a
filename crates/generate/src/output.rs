//! Where files go: under another name until they are whole, so that nobody takes a half for the whole.

use crate::encode::{FileWriter, Layout, Piece, unwritten};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tidemill_core::{Error, Result};

const PARTIAL: &str = ".partial";

/// A directory, or somebody who reads one table as it is made.
pub enum Target<'a> {
    Directory(PathBuf),
    Stream(&'a mut dyn Write),
}

/// What bytes are written into on the way to a target.
pub enum Outlet {
    File(BufWriter<File>),
    /// Emptied into the stream after each piece.
    Buffer(Arc<Mutex<Vec<u8>>>),
}

impl Write for Outlet {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Outlet::File(f) => f.write(buf),
            Outlet::Buffer(b) => b.lock().unwrap_or_else(PoisonError::into_inner).write(buf),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Outlet::File(f) => f.flush(),
            Outlet::Buffer(_) => Ok(()),
        }
    }
}

/// A file being written. Dropped unfinished, it is removed.
struct Open {
    writer: FileWriter<Outlet>,
    path: Option<PathBuf>,
    /// Written under its own name from the beginning, for readers that follow it.
    in_place: bool,
}

/// The files of one table, one after another.
pub struct Files {
    directory: Option<PathBuf>,
    overwrite: bool,
    in_place: bool,
    open: Option<Open>,
    buffer: Arc<Mutex<Vec<u8>>>,
    pub names: Vec<String>,
    pub bytes: u64,
}

impl Files {
    pub fn new(directory: Option<PathBuf>, overwrite: bool, in_place: bool) -> Files {
        Files { directory, overwrite, in_place, open: None, buffer: Arc::default(), names: Vec::new(), bytes: 0 }
    }

    /// Begins the next file, and completes the one before.
    pub fn next(&mut self, layout: &Layout, name: String) -> Result<()> {
        self.finish()?;
        let (outlet, path) = match &self.directory {
            None => (Outlet::Buffer(Arc::clone(&self.buffer)), None),
            Some(directory) => {
                let path = directory.join(&name);
                let file = create(&path, self.overwrite, self.in_place)?;
                (Outlet::File(BufWriter::with_capacity(1 << 18, file)), Some(path))
            }
        };
        self.open = Some(Open { writer: FileWriter::new(layout, outlet)?, path, in_place: self.in_place });
        self.names.push(name);
        Ok(())
    }

    pub fn write(&mut self, piece: Piece) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(|| Error::bug("no file is open"))?;
        self.bytes += open.writer.write(piece)?;
        Ok(())
    }

    /// Hands what is ready to the stream, or to the disk.
    pub fn flush(&mut self, stream: Option<&mut dyn Write>) -> Result<()> {
        if let Some(Open { writer: FileWriter::Bytes(sink), .. }) = &mut self.open {
            sink.flush().map_err(unwritten)?;
        }
        let ready = mem::take(&mut *self.buffer.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(stream) = stream {
            stream.write_all(&ready).and_then(|()| stream.flush()).map_err(unwritten)?;
        }
        Ok(())
    }

    pub fn finish(&mut self) -> Result<()> {
        let Some(Open { writer, path, in_place }) = self.open.take() else { return Ok(()) };
        let mut sink = writer.finish()?;
        sink.flush().map_err(unwritten)?;
        drop(sink);
        if let Some(path) = path.filter(|_| !in_place) {
            fs::rename(partial(&path), &path).map_err(|e| at(&path, e))?;
        }
        Ok(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(Open { path: Some(path), in_place: false, .. }) = &self.open {
            // Nobody needs it; if it can't be removed, its name says what it is.
            let _ = fs::remove_file(partial(path));
        }
    }
}

/// A file that is there already is left alone, unless told otherwise.
pub fn create(path: &Path, overwrite: bool, in_place: bool) -> Result<File> {
    if path.exists() && !overwrite {
        return Err(Error::config("the file is there already")
            .at(path.display().to_string())
            .help("name another directory, or give --force to write over it"));
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|e| at(directory, e))?;
    }
    let path = if in_place { path.to_path_buf() } else { partial(path) };
    File::create(&path).map_err(|e| at(&path, e))
}

pub fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(PARTIAL);
    PathBuf::from(name)
}

pub fn at(path: &Path, e: io::Error) -> Error {
    Error::unavailable(format!("cannot write: {e}")).at(path.display().to_string()).because(e)
}
