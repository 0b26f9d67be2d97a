//! The local file system behind the `ObjectStore` trait, with writes that are durable when they return. The library's own
//! `LocalFileSystem` never syncs, and its `put` links the file before a wrapper could; so reads, lists and deletes are its, writes are ours.

use crate::durable;
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode, Result, UploadPart,
};
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module. `whole` has its root at `/`, `new` at a directory.
#[derive(Debug, Clone)]
pub struct DurableLocal {
    inner: Arc<LocalFileSystem>,
}

impl DurableLocal {
    /// Rooted at a directory that is there.
    pub fn new(root: &std::path::Path) -> tidemill_core::Result<DurableLocal> {
        let inner = LocalFileSystem::new_with_prefix(root)
            .map_err(|e| tidemill_core::Error::config(format!("cannot open directory: {e}")).at(root.display().to_string()))?;
        Ok(DurableLocal { inner: Arc::new(inner) })
    }

    /// Rooted at the root of the file system.
    pub fn whole() -> DurableLocal {
        DurableLocal { inner: Arc::new(LocalFileSystem::new()) }
    }
}

impl std::fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DurableLocal({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if matches!(opts.mode, PutMode::Update(_)) {
            return Err(Error::NotImplemented {
                operation: "`put_opts` with mode `PutMode::Update`".into(),
                implementer: self.to_string(),
            });
        }
        let path = self.inner.path_to_filesystem(location)?;
        blocking(move || {
            let pieces: Vec<&[u8]> = payload.iter().map(AsRef::as_ref).collect();
            if matches!(opts.mode, PutMode::Create) {
                new_or_taken(durable::put_new_io(&path, &pieces).map_err(|e| generic(&path, e))?, &path)?;
            } else {
                durable::put_over_io(&path, &pieces).map_err(|e| generic(&path, e))?;
            }
            Ok(PutResult { e_tag: None, version: None })
        })
        .await
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let path = self.inner.path_to_filesystem(location)?;
        let (file, temporary) = durable::temporary_file(&path).map_err(|e| generic(&path, e))?;
        Ok(Box::new(DurableUpload { file: Arc::new(Mutex::new(file)), temporary: Some(temporary), path, offset: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (self.inner.path_to_filesystem(from)?, self.inner.path_to_filesystem(to)?);
        blocking(move || {
            let mut source = File::open(&from).map_err(|e| generic(&from, e))?;
            let (mut file, temporary) = durable::temporary_file(&to).map_err(|e| generic(&to, e))?;
            let copied = io::copy(&mut source, &mut file).and_then(|_| file.sync_all());
            drop(file);
            place(copied, &temporary, &to, matches!(options.mode, CopyMode::Create))
        })
        .await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let (from, to) = (self.inner.path_to_filesystem(from)?, self.inner.path_to_filesystem(to)?);
        blocking(move || {
            // The bytes may have come from a writer that did not sync.
            let synced = File::open(&from).and_then(|f| f.sync_all());
            if let Some(parent) = to.parent() {
                durable::make_directories_io(parent).map_err(|e| generic(&to, e))?;
            }
            if let Err(e) = synced {
                return Err(generic(&from, e));
            }
            if options.target_mode == RenameTargetMode::Create {
                new_or_taken(durable::link(&from, &to).map_err(|e| generic(&to, e))?, &to)?;
                durable::sync_parent_io(&to).map_err(|e| generic(&to, e))?;
                std::fs::remove_file(&from).map_err(|e| generic(&from, e))?;
            } else {
                std::fs::rename(&from, &to).map_err(|e| generic(&to, e))?;
                durable::sync_parent_io(&to).map_err(|e| generic(&to, e))?;
            }
            durable::sync_parent_io(&from).map_err(|e| generic(&from, e))
        })
        .await
    }
}

/// Parts go to a temporary file as they come; `complete` syncs it and gives it its name.
#[derive(Debug)]
struct DurableUpload {
    file: Arc<Mutex<File>>,
    temporary: Option<PathBuf>,
    path: PathBuf,
    offset: u64,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (file, path, offset) = (self.file.clone(), self.path.clone(), self.offset);
        self.offset += data.content_length() as u64;
        Box::pin(blocking(move || {
            use std::io::Seek;
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(io::SeekFrom::Start(offset)).map_err(|e| generic(&path, e))?;
            data.iter().try_for_each(|piece| file.write_all(piece)).map_err(|e| generic(&path, e))
        }))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (file, path) = (self.file.clone(), self.path.clone());
        let Some(temporary) = self.temporary.take() else {
            return Err(generic(&path, io::Error::other("the upload is over already")));
        };
        blocking(move || {
            let synced = file.lock().unwrap_or_else(PoisonError::into_inner).sync_all();
            place(synced, &temporary, &path, false)?;
            Ok(PutResult { e_tag: None, version: None })
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        if let Some(temporary) = self.temporary.take() {
            std::fs::remove_file(&temporary).map_err(|e| generic(&temporary, e))?;
        }
        Ok(())
    }
}

impl Drop for DurableUpload {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// Gives a written and synced temporary file its name.
fn place(written: io::Result<()>, temporary: &std::path::Path, path: &std::path::Path, create: bool) -> Result<()> {
    let placed =
        written.and_then(|()| if create { durable::link(temporary, path) } else { std::fs::rename(temporary, path).map(|()| true) });
    if create || placed.is_err() {
        let _ = std::fs::remove_file(temporary);
    }
    new_or_taken(placed.map_err(|e| generic(path, e))?, path)?;
    durable::sync_parent_io(path).map_err(|e| generic(path, e))
}

fn new_or_taken(fresh: bool, path: &std::path::Path) -> Result<()> {
    if fresh {
        return Ok(());
    }
    Err(Error::AlreadyExists { path: path.display().to_string(), source: Box::new(io::Error::from(io::ErrorKind::AlreadyExists)) })
}

fn generic(path: &std::path::Path, e: io::Error) -> Error {
    if e.kind() == io::ErrorKind::NotFound {
        return Error::NotFound { path: path.display().to_string(), source: Box::new(e) };
    }
    Error::Generic { store: "DurableLocal", source: Box::new(io::Error::new(e.kind(), format!("{}: {e}", path.display()))) }
}

/// Runs file work off the async threads when there is a runtime, and in place when there is none.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}
