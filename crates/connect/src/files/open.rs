//! A file's bytes, and its beginning as text.

use super::FileOptions;
use super::compression::{self, Compression};
use super::list::FileEntry;
use crate::formats::bytes::Bytes;
use crate::formats::csv::encoding::{self, Encoding, Utf16Reader};
use crate::formats::csv::survey::{Survey, survey};
use std::path::Path;
use tidemill_core::Result;

/// The beginning of a text, in UTF-8 or an encoding that has ASCII where it is.
pub struct Text {
    pub bytes: Vec<u8>,
    /// Whether `bytes` is the whole file.
    pub at_end: bool,
    pub encoding: Encoding,
    pub source: Bytes,
}

pub fn open(entry: &FileEntry, options: &FileOptions, base_dir: &Path) -> Result<Bytes> {
    let opened = compression::open(entry, base_dir, options.compression)?;
    let packed = match opened.compression {
        Compression::None => None,
        Compression::Gzip => Some("gzip"),
        Compression::Zstd => Some("zstd"),
    };
    Ok(Bytes::new(opened.reader, packed, opened.stored, &entry.path, entry.size))
}

/// Reads up to `bytes_max` and finds out how they are encoded.
pub fn open_text(entry: &FileEntry, options: &FileOptions, base_dir: &Path, bytes_max: usize) -> Result<Text> {
    let mut source = open(entry, options, base_dir)?;
    // UTF-16 can only be read through a decoder, so it is told first, by a few bytes.
    let mut first = Vec::new();
    source.fill(&mut first, 512)?;
    let utf16 = match options.encoding {
        None => encoding::detect_utf16(&first),
        Some(e) if e.is_utf16() => Some(encoding::detect_utf16(&first).unwrap_or(e)),
        Some(_) => None,
    };
    let mut source = source.after(first, |whole| match utf16 {
        Some(e) => Box::new(Utf16Reader::new(whole, e)),
        None => whole,
    });
    let mut bytes = Vec::new();
    source.fill(&mut bytes, bytes_max)?;
    let at_end = source.at_end;
    let encoding = utf16.or(options.encoding).unwrap_or_else(|| match encoding::detect(&bytes, at_end) {
        e if e.is_utf16() => Encoding::Utf8, // by its beginning it is not
        e => e,
    });
    Ok(Text { bytes, at_end, encoding, source })
}

/// What the beginning of a CSV file says about the whole.
pub fn survey_of(entry: &FileEntry, text: &Text, options: &FileOptions) -> Survey {
    let ending = super::format::ending(&entry.path);
    let named = match ending.as_str() {
        "tsv" | "tab" => Some(b'\t'),
        "psv" => Some(b'|'),
        _ => None,
    };
    survey(&text.bytes, text.at_end, text.encoding, &options.csv, named)
}
