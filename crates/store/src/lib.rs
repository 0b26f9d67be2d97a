//! Where bytes are kept, and made to stay kept. A [`Store`] is a directory tree of objects at one location: today a local
//! directory; the seam for object storage and HDFS is that nothing above this room names a file-system call for lake data.
//!
//! Read in this order: [`Store`] (what the lake uses), [`durable`] (how a file becomes durable), [`local`] (the same promise behind
//! the `ObjectStore` trait, for the Delta log and Parquet readers), [`failpoint`] (how tests kill the process at an edge).
//!
//! Invariant: when a write returns, its bytes *and* its directory entry have been synced; a reader sees a whole object or none.

pub mod durable;
mod failpoint;
pub mod local;

pub use durable::DurableFile;
pub use failpoint::failpoint;
pub use local::DurableLocal;

use bytes::Bytes;
use object_store::ObjectStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tidemill_core::{Error, Result};
use url::Url;

/// Objects under one location. Paths are relative, with `/` between parts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    url: Url,
    objects: Arc<dyn ObjectStore>,
    whole: Arc<dyn ObjectStore>,
}

impl Store {
    /// Opens a local directory, and makes it (durably) when it is not there.
    pub fn local(root: &Path) -> Result<Store> {
        durable::make_directories(root)?;
        let root = root.canonicalize().map_err(|e| durable::io_error("cannot open directory", root, e))?;
        let url = Url::from_directory_path(&root).map_err(|()| Error::config("is not an absolute path").at(root.display().to_string()))?;
        let objects: Arc<dyn ObjectStore> = Arc::new(DurableLocal::new(&root)?);
        let whole: Arc<dyn ObjectStore> = Arc::new(DurableLocal::whole());
        Ok(Store { root, url, objects, whole })
    }

    /// The local directory of this store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The location with a trailing slash: `file:///…/`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// This store as an object store whose root is [`Store::url`].
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        self.objects.clone()
    }

    /// The same storage with its root at the root of the storage system, for readers that use absolute paths.
    pub fn whole(&self) -> Arc<dyn ObjectStore> {
        self.whole.clone()
    }

    /// The object's bytes; `None` when it is not there.
    pub fn read(&self, path: &str) -> Result<Option<Bytes>> {
        let file = self.root.join(path);
        match std::fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(durable::io_error("cannot read", &file, e)),
        }
    }

    /// Writes a new object durably. `false` when one of that name is there already (which is left as it is).
    pub fn create(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        durable::put_new(&self.root.join(path), &[bytes])
    }

    /// Writes an object durably, in place of one that may be there.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        durable::put_over(&self.root.join(path), &[bytes])
    }

    /// Removes an object; nothing happens when it is not there.
    pub fn remove(&self, path: &str) -> Result<()> {
        let file = self.root.join(path);
        match std::fs::remove_file(&file) {
            Ok(()) => durable::sync_parent(&file),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(durable::io_error("cannot remove", &file, e)),
        }
    }

    /// Names in a directory, sorted; files that are being written are left out. A directory that is not there is empty.
    pub fn names(&self, directory: &str) -> Result<Vec<String>> {
        let path = self.root.join(directory);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
            Err(e) => return Err(durable::io_error("cannot list", &path, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| durable::io_error("cannot list", &path, e))?.file_name().to_string_lossy().into_owned();
            if !durable::is_temporary(&name) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// A new file to be written piece by piece; `None` when one of that name is there already. See [`DurableFile`].
    pub fn create_file(&self, path: &str) -> Result<Option<DurableFile>> {
        DurableFile::create(&self.root.join(path))
    }

    /// Removes what processes that were killed left half-written, when older than `before_micros` since 1970. Returns how many.
    pub fn sweep(&self, before_micros: i64) -> Result<u64> {
        durable::sweep(&self.root, before_micros)
    }
}

#[cfg(test)]
mod tests;
