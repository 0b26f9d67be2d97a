//! Which files are one table: those with the same columns.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tidemill_connect::files::Files;
use tidemill_connect::{Connector, FileEntry, OptionValue, Options, Probe, Source, infer};
use tidemill_core::{Error, ErrorKind, Result, name};

/// Files that hold rows of one table.
pub(super) struct Group {
    /// What the table will be called.
    pub name: String,
    /// `path` of the source, as it will be written.
    pub paths: Vec<String>,
    /// The same, absolute: the project's directory may not be there yet.
    pub found: Vec<String>,
    pub entries: Vec<FileEntry>,
    /// `None`: the files are empty.
    pub probe: Option<Probe>,
    /// Lines above the header.
    title_lines: usize,
}

/// Files from which nothing can be read, with what is wrong with them.
pub(super) type LeftOut = Vec<(String, String)>;

/// Relative names in `from` are taken from the working directory; those in the groups from `dir`. An error where no file can be read at all.
pub(super) fn group(from: &[String], dir: &Path) -> Result<(Vec<Group>, LeftOut)> {
    let mut groups: Vec<Group> = Vec::new();
    let mut left_out = Vec::new();
    let mut worst = None;
    let mut taken = BTreeSet::new();
    for given in from {
        let path = absolute(given)?;
        let entries =
            open(std::slice::from_ref(&path), dir)?.list().map_err(|e| e.help("give a file, a glob in quotes, or a directory"))?;
        let mut of_path: Vec<Group> = Vec::new();
        for entry in entries {
            let (probe, title_lines) = match looked_at(&entry, dir) {
                Ok(seen) => seen,
                Err(e) if e.kind == ErrorKind::Data => {
                    left_out.push((relative(&entry.path, dir), e.what.clone()));
                    worst = worst.or(Some(e));
                    continue;
                }
                Err(e) => return Err(e),
            };
            match of_path.iter_mut().find(|g| same(g.probe.as_ref(), probe.as_ref()) && g.title_lines == title_lines) {
                Some(g) => g.entries.push(entry),
                None => {
                    let (name, paths, found) = (String::new(), Vec::new(), Vec::new());
                    of_path.push(Group { name, paths, found, entries: vec![entry], probe, title_lines });
                }
            }
        }
        let alone = of_path.len() == 1;
        for mut g in of_path {
            g.found = if alone { vec![path.clone()] } else { g.entries.iter().map(|e| e.path.clone()).collect() };
            g.paths = g.found.iter().map(|p| relative(p, dir)).collect();
            match groups
                .iter_mut()
                .find(|o| same(o.probe.as_ref(), g.probe.as_ref()) && g.probe.is_some() && o.title_lines == g.title_lines)
            {
                Some(o) => {
                    o.paths.append(&mut g.paths);
                    o.found.append(&mut g.found);
                    o.entries.append(&mut g.entries);
                }
                None => groups.push(g),
            }
        }
    }
    if let Some(e) = worst.filter(|_| groups.is_empty()) {
        return Err(e);
    }
    for g in &mut groups {
        let base = table_name(&g.entries);
        let mut candidate = base.clone();
        let mut n = 2;
        while !taken.insert(candidate.clone()) {
            candidate = format!("{base}_{n}");
            n += 1;
        }
        g.name = candidate;
    }
    Ok((groups, left_out))
}

/// A file's columns, and how many lines stand above its header.
fn looked_at(entry: &FileEntry, dir: &Path) -> Result<(Option<Probe>, usize)> {
    let entries = std::slice::from_ref(entry);
    infer::refuse_foreign(entries, dir)?;
    let mut options = files_options(std::slice::from_ref(&entry.path));
    let title = infer::title(&options, entries, dir)?;
    let lines = title.map_or(0, |t| t.lines);
    if lines > 0 {
        options.insert("skip_rows".into(), OptionValue::Integer(i64::try_from(lines).unwrap_or(0)));
    }
    let probe = Files.source(&options, dir)?.probe(entries)?;
    if !probe.columns.is_empty() {
        return Ok((Some(probe), lines));
    }
    match infer::nothing_in(&options, entries, &probe, dir)? {
        Some(why) => Err(why),
        None => Ok((None, lines)),
    }
}

/// The files connector over `paths`, everything else as detected.
fn open(paths: &[String], dir: &Path) -> Result<Box<dyn Source>> {
    Files.source(&files_options(paths), dir)
}

pub(super) fn files_options(paths: &[String]) -> Options {
    Options::from([("path".to_string(), OptionValue::List(paths.iter().map(|p| p.as_str().into()).collect()))])
}

fn same(a: Option<&Probe>, b: Option<&Probe>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let names = |p: &Probe| p.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
            a.has_header == b.has_header && a.format == b.format && (a.has_header || a.delimiter == b.delimiter) && names(a) == names(b)
        }
        (None, None) => true,
        _ => false,
    }
}

/// `given`, from the working directory.
fn absolute(given: &str) -> Result<String> {
    let here = std::env::current_dir().map_err(|e| Error::unavailable("the working directory can't be found").because(e))?;
    Ok(clean(&here.join(given)).to_string_lossy().into_owned())
}

/// An absolute path as it is written in a project in `dir`: relative where both lie in one place, else as it is.
fn relative(path: &str, dir: &Path) -> String {
    let (target, dir) = (Path::new(path), clean(dir));
    let shared = target.components().zip(dir.components()).take_while(|(a, b)| a == b).count();
    let up = dir.components().count() - shared;
    // Far up, an absolute path is easier to read.
    if shared < 2 || up > 3 {
        return path.to_string();
    }
    let mut out = PathBuf::new();
    (0..up).for_each(|_| out.push(".."));
    out.extend(target.components().skip(shared));
    out.to_string_lossy().into_owned()
}

/// Without `.` and `..`, by the words alone: what is named may be a pattern.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for c in path.components() {
        match c {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                out.pop();
            }
            c => out.push(c),
        }
    }
    out
}

/// `orders` for `orders-2024-01.csv.gz` and `orders-2024-02.csv.gz`; the whole name for a single file.
fn table_name(entries: &[FileEntry]) -> String {
    let stem = |e: &FileEntry| {
        let name = e.path.rsplit('/').next().unwrap_or(&e.path).to_string();
        let lower = name.to_lowercase();
        let cut = [".gz", ".zst"].iter().find_map(|s| lower.strip_suffix(s)).map_or(lower.len(), str::len);
        let name = &name[..cut.min(name.len())];
        name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_string()
    };
    let stems: Vec<String> = entries.iter().map(stem).collect();
    let Some((first, rest)) = stems.split_first() else { return "rows".into() };
    let mut common: &str = first;
    for other in rest {
        let len = common.char_indices().zip(other.chars()).take_while(|((_, a), b)| a == b).count();
        common = &common[..common.char_indices().nth(len).map_or(common.len(), |(i, _)| i)];
    }
    let common = if rest.is_empty() { common } else { common.trim_end_matches(|c: char| !c.is_alphabetic()) };
    let words: Vec<String> = name::normalise(common).split('_').filter(|w| !w.is_empty()).map(String::from).collect();
    let joined = words.join("_");
    match joined.chars().next() {
        None => "rows".into(),
        Some(c) if c.is_numeric() => format!("t_{joined}"),
        Some(_) => joined,
    }
}
