//! Files that are not what their name says, and files in which there is nothing to read: they are named, not guessed at.

use super::remarks::{Gravity, Remark};
use crate::connector::Probe;
use crate::files::FileEntry;
use crate::files::compression::{self, Compression};
use crate::files::open::open_text;
use crate::files::options::FileOptions;
use crate::options::Options;
use std::io::Read;
use std::path::Path;
use tidemill_core::{Error, Result};

/// First bytes, what they are the first bytes of, and what to do about it.
const KINDS: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a zip archive, as Excel workbooks (.xlsx) are", EXPORT),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old Excel or Office file", EXPORT),
    (b"%PDF-", "a PDF", "a PDF holds pages, not rows: ask for the table as CSV"),
    (b"SQLite format 3\0", "an SQLite database", "export a table of it: sqlite3 -header -csv FILE 'SELECT * FROM …'"),
    (b"7z\xBC\xAF\x27\x1C", "a 7-zip archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"BZh", "compressed with bzip2", "unpack it first: bunzip2"),
    (b"\xFD7zXZ\0", "compressed with xz", "unpack it first: xz -d"),
    (b"\x89PNG", "a picture", ""),
    (b"\xFF\xD8\xFF", "a picture", ""),
    (b"GIF8", "a picture", ""),
    (b"{\\rtf", "a text document (RTF)", "save its table as CSV"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
];
const EXPORT: &str = "open it and save the sheet as CSV, or unpack it first if it is an archive";
const UNPACK: &str = "unpack it first";

/// An error for the first of `entries` that is of a kind that is not read.
pub fn refuse_foreign(entries: &[FileEntry], base_dir: &Path) -> Result<()> {
    for entry in entries {
        let mut head = Vec::new();
        let file = std::fs::File::open(entry.locate(base_dir));
        let read = file.and_then(|f| f.take(64).read_to_end(&mut head));
        read.map_err(|e| Error::unavailable(format!("can't read the file: {e}")).at(&entry.path).because(e))?;
        if let Some((what, help)) = kind(&head) {
            let e = Error::data(format!("this is {what}, and no file of rows")).at(&entry.path);
            return Err(if help.is_empty() { e } else { e.help(help) });
        }
    }
    Ok(())
}

fn kind(head: &[u8]) -> Option<(&'static str, &'static str)> {
    // `BZh` is a word as well; behind it comes the size of a block.
    let is = |magic: &[u8]| {
        head.starts_with(magic) && (magic != b"BZh" || head.get(3).is_some_and(u8::is_ascii_digit) && head.get(4) == Some(&b'1'))
    };
    if let Some((_, what, help)) = KINDS.iter().find(|(magic, ..)| is(magic)) {
        return Some((what, help));
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    (begins(b"<!doctype html") || begins(b"<html")).then_some((
        "a web page (HTML)",
        "the server may have answered with an error or a login page: look at the file, and fetch it again",
    ))
}

/// Why a probe found no column, where that is not because the files are empty.
pub fn nothing_in(given: &Options, entries: &[FileEntry], probe: &Probe, base_dir: &Path) -> Result<Option<Error>> {
    if let Some(damage) = probe.damage.first() {
        return Ok(Some(Error::data(damage.clone()).help("fetch or write the file again")));
    }
    let (options, _) = FileOptions::parse(given);
    for entry in entries.iter().filter(|e| e.size > 0) {
        let text = open_text(entry, &options, base_dir, 4096)?;
        let said: String = String::from_utf8_lossy(&text.bytes).trim_start_matches('\u{feff}').trim().chars().take(40).collect();
        if said.is_empty() {
            continue;
        }
        let e = match probe.format {
            "json" => {
                Error::data(format!("there is no record in it, but {said}")).help("a record is an object, {…}: one a line, or in an array")
            }
            _ => Error::data("there is something in it, but no row"),
        };
        return Ok(Some(e.at(&entry.path)));
    }
    Ok(None)
}

/// Files called .gz or .zst that are not compressed: they are read as they are.
pub(super) fn misnamed(entries: &[FileEntry], base_dir: &Path) -> Result<Option<Remark>> {
    let mut names = Vec::new();
    for entry in entries.iter().filter(|e| e.path.ends_with(".gz") || e.path.ends_with(".zst")) {
        if compression::open(entry, base_dir, None)?.compression == Compression::None && entry.size > 0 {
            names.push(entry.path.as_str());
        }
    }
    let Some(first) = names.first() else { return Ok(None) };
    let name = first.rsplit('/').next().unwrap_or(first);
    let more = if names.len() > 1 { format!(", as are {} others", names.len() - 1) } else { String::new() };
    Ok(Some(Remark {
        code: "file_name",
        gravity: Gravity::Note,
        column: None,
        rows: 0,
        text: format!("{name} is not compressed, though it is called so{more}"),
        help: "it is read as it is; rename it, lest another program stumbles over it".into(),
    }))
}
