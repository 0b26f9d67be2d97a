//! Which files there are.

use super::format::Format;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use tidemill_core::{Error, Result};

/// One file, as it was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Relative to the base directory where it lies under it, else absolute; separated by `/`.
    pub path: String,
    /// Bytes as stored. A scan reads just so many.
    pub size: u64,
    /// Microseconds since 1970, UTC.
    pub modified_micros: i64,
    /// Known once asked for: see [`super::FileSource::fingerprint`].
    pub fingerprint: Option<String>,
}

impl FileEntry {
    pub fn locate(&self, base_dir: &Path) -> PathBuf {
        base_dir.join(&self.path)
    }
}

/// All files that `paths` mean, each once, sorted by path. An error of kind Config if one of `paths` means none, or if the files are in several
/// formats and none is asked for.
pub fn list(paths: &[String], format: Option<Format>, base_dir: &Path) -> Result<Vec<FileEntry>> {
    let mut found = BTreeMap::new();
    for path in paths {
        let whole = base_dir.join(path);
        match std::fs::metadata(&whole) {
            Ok(m) if m.is_dir() => {
                let before = found.len();
                walk(&whole, format, base_dir, &mut found)?;
                if found.len() == before && !found.keys().any(|k: &String| base_dir.join(k).starts_with(&whole)) {
                    return Err(Error::config(format!("no file to read in the directory \"{path}\"")).help(
                        "a directory means its files named .csv, .tsv, .txt, .json, .jsonl, .parquet, .avro and the like, also with .gz or .zst; for \
                         others write a glob",
                    ));
                }
            }
            Ok(m) => add(&whole, &m, base_dir, &mut found),
            Err(_) if is_glob(path) => {
                let pattern = if Path::new(path).is_absolute() {
                    path.clone()
                } else {
                    format!("{}/{path}", glob::Pattern::escape(&base_dir.to_string_lossy()))
                };
                let matches = glob::glob(&pattern).map_err(|e| Error::config(format!("bad pattern \"{path}\": {}", e.msg)))?;
                let mut any = false;
                for entry in matches {
                    let file =
                        entry.map_err(|e| Error::unavailable(format!("can't read a directory that \"{path}\" matches")).because(e))?;
                    let m = std::fs::metadata(&file).map_err(|e| unreadable(&file, e))?;
                    if m.is_file() {
                        any = true;
                        add(&file, &m, base_dir, &mut found);
                    }
                }
                if !any {
                    return Err(Error::config(format!("no file matches \"{path}\"")).help("paths are relative to the project's directory"));
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::config(format!("there is no file \"{path}\"")).help("paths are relative to the project's directory"));
            }
            Err(e) => return Err(unreadable(&whole, e)),
        }
    }
    let found: Vec<FileEntry> = found.into_values().collect();
    if format.is_none() {
        one_format(&found)?;
    }
    Ok(found)
}

/// Rows of one table are written in one way.
fn one_format(files: &[FileEntry]) -> Result<()> {
    let named = |f: &FileEntry| Format::of_name(&f.path).map(|format| (format, f.path.clone()));
    let mut named = files.iter().filter_map(named);
    let Some((format, path)) = named.next() else { return Ok(()) };
    match named.find(|(f, _)| *f != format) {
        None => Ok(()),
        Some((other, second)) => Err(Error::config(format!(
            "the files are in several formats: \"{path}\" is {}, \"{second}\" is {}",
            format.name(),
            other.name()
        ))
        .help(format!("name those of one format, such as \"data/*.{}\"; of a directory, `format` chooses", format.endings()[0]))),
    }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

fn unreadable(path: &Path, e: std::io::Error) -> Error {
    Error::config(format!("can't read \"{}\": {e}", path.display())).because(e)
}

/// Files of a directory at any depth; hidden ones, and those that begin with `_`, are somebody's bookkeeping.
fn walk(dir: &Path, format: Option<Format>, base_dir: &Path, found: &mut BTreeMap<String, FileEntry>) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(|e| unreadable(dir, e))? {
        let entry = entry.map_err(|e| unreadable(dir, e))?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if name.starts_with(['.', '_']) {
            continue;
        }
        let path = entry.path();
        let m = std::fs::metadata(&path).map_err(|e| unreadable(&path, e))?;
        if m.is_dir() {
            walk(&path, format, base_dir, found)?;
        } else {
            if Format::of_name(&name).is_some_and(|f| format.is_none_or(|wanted| wanted == f)) {
                add(&path, &m, base_dir, found);
            }
        }
    }
    Ok(())
}

fn add(path: &Path, m: &Metadata, base_dir: &Path, found: &mut BTreeMap<String, FileEntry>) {
    let relative = path.strip_prefix(base_dir).unwrap_or(path);
    let name = relative.components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect::<PathBuf>();
    let name = name.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    let modified_micros = m.modified().ok().and_then(|t| match t.duration_since(UNIX_EPOCH) {
        Ok(d) => i64::try_from(d.as_micros()).ok(),
        Err(e) => i64::try_from(e.duration().as_micros()).ok().map(|n| -n),
    });
    found.insert(name.clone(), FileEntry { path: name, size: m.len(), modified_micros: modified_micros.unwrap_or(0), fingerprint: None });
}
