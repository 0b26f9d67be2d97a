//! Titles above a header: what a statement, a report or an export says of itself before its table begins.

use crate::files::FileEntry;
use crate::files::format::Format;
use crate::files::open::{open_text, survey_of};
use crate::files::options::FileOptions;
use crate::formats::csv::title::title_of;
use crate::options::Options;
use std::path::Path;
use tidemill_core::Result;

/// Lines above the header that are no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    pub lines: usize,
    /// What they say, shortly.
    pub text: String,
}

/// Options that settle where the table begins.
const SETTLED: [&str; 4] = ["skip_rows", "header", "columns", "comment"];
const HEAD_BYTES: usize = 256 << 10;
/// Files looked at.
const FILES_MAX: usize = 64;

/// The title that all `entries` have, if they have one, and as long as each other's.
pub fn title(given: &Options, entries: &[FileEntry], base_dir: &Path) -> Result<Option<Title>> {
    let (options, problems) = FileOptions::parse(given);
    if !problems.is_empty() || SETTLED.iter().any(|k| given.contains_key(*k)) {
        return Ok(None);
    }
    let mut found: Option<Title> = None;
    for (at, entry) in entries.iter().take(FILES_MAX).enumerate() {
        if Format::of(entry, &options, base_dir)? != Format::Csv {
            return Ok(None);
        }
        let text = open_text(entry, &options, base_dir, HEAD_BYTES)?;
        let dialect = survey_of(entry, &text, &options).dialect;
        let Some((lines, said)) = title_of(&text.bytes, text.at_end, text.encoding, dialect) else { return Ok(None) };
        match &found {
            Some(first) if first.lines != lines => return Ok(None),
            _ if at == 0 => found = Some(Title { lines, text: said }),
            _ => {}
        }
    }
    Ok(found)
}
