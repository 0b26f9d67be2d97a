//! What a file's beginning says about the whole: how it separates, what its columns are called, where its rows begin.

use super::dialect::{Dialect, detect_delimiter, detect_newline, mode};
use super::encoding::{Encoding, UTF8_BOM, decode_1252, lossless};
use super::infer::looks_typed;
use super::record::{Record, record_at, records};
use super::tokenise::Width;
use memchr::memchr;
use std::borrow::Cow;

/// CSV options as the user set them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Detected when absent.
    pub delimiter: Option<u8>,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub comment: Option<u8>,
    /// Detected when absent.
    pub header: Option<bool>,
    /// Lines before the header, or before the first row.
    pub skip_rows: usize,
    /// Labels for a file without a header.
    pub columns: Vec<String>,
    /// Short rows are filled with NULL.
    pub fill: bool,
    pub record_bytes_max: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions {
            delimiter: None,
            quote: Some(b'"'),
            escape: None,
            comment: None,
            header: None,
            skip_rows: 0,
            columns: Vec::new(),
            fill: false,
            record_bytes_max: 16 << 20,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    pub dialect: Dialect,
    pub encoding: Encoding,
    pub labels: Vec<String>,
    pub has_header: bool,
    pub width: Width,
    /// Offset of the first row.
    pub body: usize,
    /// Line of the first row, from 1.
    pub line: u64,
    /// Rows end with a delimiter that the header lacks: their last field, which is empty, is no column.
    pub trails: bool,
}

const SAMPLE_ROWS: usize = 100;
/// Detection looks at this much at most.
const SAMPLE_BYTES: usize = 1 << 20;

/// `head` is the file's beginning, or, with `at_end`, all of it. `named`: the delimiter that the file's name tells.
pub fn survey(head: &[u8], at_end: bool, encoding: Encoding, options: &CsvOptions, named: Option<u8>) -> Survey {
    let mut dialect = Dialect {
        delimiter: options.delimiter.unwrap_or(b','),
        quote: options.quote,
        escape: options.escape,
        newline: detect_newline(head),
        comment: options.comment,
        record_bytes_max: options.record_bytes_max,
    };
    let mut pos = if head.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
    let mut line = 1;
    for _ in 0..options.skip_rows {
        (pos, line) = next_line(head, pos, line, &dialect);
    }
    let separator = excel_separator(&head[pos..], dialect.newline);
    if separator.is_some() {
        (pos, line) = next_line(head, pos, line, &dialect);
    }
    dialect.delimiter = options.delimiter.or(separator).unwrap_or_else(|| {
        let sample = &head[pos..head.len().min(pos + SAMPLE_BYTES)];
        named.unwrap_or_else(|| detect_delimiter(sample, at_end && pos + sample.len() == head.len(), dialect))
    });

    let body = &head[pos..];
    let all_of_it = at_end || records(body, dialect, false).next().is_none();
    let sample: Vec<Record> = records(body, dialect, all_of_it).filter(|r| !r.is_empty_line(body)).take(SAMPLE_ROWS + 1).collect();
    let cells = |r: &Record| -> Vec<String> {
        (0..r.fields.len()).map(|i| r.value(body, i, &dialect).map(|v| text_of(v, encoding).into_owned()).unwrap_or_default()).collect()
    };
    let has_header = !sample.is_empty()
        && options.header.unwrap_or_else(|| {
            options.columns.is_empty() && {
                let rows: Vec<Vec<String>> = sample.iter().map(&cells).collect();
                detect_header(&rows)
            }
        });
    let counts: Vec<usize> = sample.iter().map(|r| r.fields.len()).collect();
    let mut labels: Vec<String> = match sample.first() {
        Some(first) if has_header => cells(first).into_iter().map(|l| l.trim().to_string()).collect(),
        _ => Vec::new(),
    };
    if !has_header {
        let seen = if options.fill { counts.iter().copied().max().unwrap_or(0) } else { mode(&counts) };
        labels.clone_from(&options.columns);
        if labels.is_empty() {
            labels = (1..=seen).map(|i| format!("column_{i}")).collect();
        }
    }
    let start = match sample.first() {
        Some(first) if has_header => {
            line += lines_before(body, first.next, &dialect);
            first.next
        }
        _ => 0,
    };
    let ends_empty = |r: &Record| r.fields.len() == labels.len() + 1 && r.fields.last().is_some_and(|f| f.is_empty());
    let trails = has_header && sample.len() > 1 && sample[1..].iter().all(ends_empty);
    let width = Width { fields: labels.len() + usize::from(trails), fill: options.fill };
    Survey { dialect, encoding, labels, has_header, width, body: pos + start, line, trails }
}

fn next_line(head: &[u8], pos: usize, line: u64, d: &Dialect) -> (usize, u64) {
    match memchr(d.newline, &head[pos..]) {
        Some(i) => (pos + i + 1, line + 1),
        None => (head.len(), line),
    }
}

fn lines_before(body: &[u8], end: usize, d: &Dialect) -> u64 {
    memchr::memchr_iter(d.newline, &body[..end]).count() as u64
}

/// `sep=;` as the first line, which Excel writes and obeys.
pub(super) fn excel_separator(head: &[u8], newline: u8) -> Option<u8> {
    let end = memchr(newline, head)?;
    let line = head[..end].strip_suffix(b"\r").unwrap_or(&head[..end]);
    let line = line.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\"")).unwrap_or(line);
    let (word, separator) = line.split_at_checked(4)?;
    match separator {
        [s] if word.eq_ignore_ascii_case(b"sep=") && s.is_ascii() => Some(*s),
        _ => None,
    }
}

/// The first row is a header unless it holds numbers or dates where the other rows do too.
fn detect_header(rows: &[Vec<String>]) -> bool {
    let Some((first, others)) = rows.split_first() else { return false };
    if others.is_empty() {
        return !first.iter().any(|c| looks_typed(c));
    }
    let (mut typed, mut typed_first) = (0, 0);
    for (i, cell) in first.iter().enumerate() {
        let mut values = others.iter().filter_map(|r| r.get(i)).map(|c| c.trim()).filter(|c| !c.is_empty()).peekable();
        if values.peek().is_some() && values.all(looks_typed) {
            typed += 1;
            typed_first += usize::from(looks_typed(cell));
        }
    }
    typed_first == 0 || typed_first * 2 < typed
}

/// A field's content as text.
pub fn text_of(content: Cow<'_, [u8]>, encoding: Encoding) -> Cow<'_, str> {
    if encoding == Encoding::Windows1252
        && let Some(text) = decode_1252(&content)
    {
        return Cow::Owned(lossless(&text));
    }
    match content {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map_or_else(|_| Cow::Owned(lossless(bytes)), Cow::Borrowed),
        Cow::Owned(bytes) => Cow::Owned(lossless(&bytes)),
    }
}

/// The rows of a surveyed beginning, each cell as text, `None` for an empty unquoted one. Records that are not rows are left out.
pub fn rows<'a>(head: &'a [u8], at_end: bool, survey: &'a Survey) -> impl Iterator<Item = Vec<Option<Cow<'a, str>>>> + 'a {
    let body = &head[survey.body..];
    let d = survey.dialect;
    let at_end = at_end || record_at(body, 0, false, &d).is_none();
    let width = survey.width;
    records(body, d, at_end)
        .filter(move |r| {
            let n = r.fields.len();
            !r.is_malformed && (n == width.fields || (width.fill && n < width.fields)) && !r.is_blank()
        })
        .map(move |r| (0..survey.labels.len()).map(|i| r.value(body, i, &survey.dialect).map(|v| text_of(v, survey.encoding))).collect())
}
