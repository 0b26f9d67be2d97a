//! Lines above a header that are no rows: titles, account numbers, dates of the export.

use super::dialect::{Dialect, mode};
use super::encoding::{Encoding, UTF8_BOM};
use super::infer::looks_typed;
use super::record::{Record, records};
use super::survey::{excel_separator, text_of};

const SAMPLE: usize = 200;
/// A longer title is no title.
const LINES_MAX: usize = 30;

/// How many lines stand above the header, and what they say. Careful: they must have at most half as many filled cells as the rows, the header must have a
/// text wherever the rows are filled, and the rows must be of even length with numbers or dates in them.
pub fn title_of(head: &[u8], at_end: bool, encoding: Encoding, dialect: Dialect) -> Option<(usize, String)> {
    let mut at = if head.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
    let mut lines = 0;
    if excel_separator(&head[at..], dialect.newline).is_some() {
        at += memchr::memchr(dialect.newline, &head[at..])? + 1;
        lines = 1;
    }
    let body = &head[at..];
    let all: Vec<Record> = records(body, dialect, at_end).take(SAMPLE).collect();
    let cells = |r: &Record| -> Vec<String> {
        let value = |i| r.value(body, i, &dialect).map(|v| text_of(v, encoding).trim().to_string());
        (0..r.fields.len()).map(|i| value(i).unwrap_or_default()).collect()
    };
    let rows: Vec<Vec<String>> = all.iter().map(cells).collect();
    let filled: Vec<usize> = rows.iter().map(|r| r.iter().filter(|c| !c.is_empty()).count()).collect();
    // Of the second half, which a title does not reach.
    let mut usual: Vec<usize> = filled[filled.len() / 2..].iter().copied().filter(|n| *n > 0).collect();
    usual.sort_unstable();
    let usual = *usual.get(usual.len() / 2)?;
    let header = filled.iter().position(|n| n * 10 >= usual * 7)?;
    let above = &filled[..header];
    let blank_only = all[..header].iter().all(|r| r.is_empty_line(body));
    if usual < 3 || !(1..=LINES_MAX).contains(&header) || blank_only || above.iter().any(|n| n * 2 > usual) {
        return None;
    }
    let below: Vec<&Vec<String>> = rows[header + 1..].iter().filter(|r| r.iter().any(|c| !c.is_empty())).collect();
    let width = mode(&below.iter().map(|r| r.len()).collect::<Vec<_>>());
    let even = below.iter().filter(|r| r.len() == width).count();
    let is_even = below.len() >= 3 && even * 10 >= below.len() * 9 && rows[header].len().abs_diff(width) <= 1;
    let names: Vec<&String> = rows[header].iter().filter(|c| !c.is_empty()).collect();
    if !is_even || names.iter().any(|c| looks_typed(c)) {
        return None;
    }
    let is_typed = |column: usize| {
        let values: Vec<&String> = below.iter().filter_map(|r| r.get(column)).filter(|c| !c.is_empty()).collect();
        values.len() * 2 > below.len() && values.iter().filter(|c| looks_typed(c)).count() * 10 >= values.len() * 8
    };
    if !(0..width).any(is_typed) {
        return None;
    }
    lines += usize::try_from(all[..header].iter().map(|r| r.lines).sum::<u64>()).ok()?;
    let said: Vec<&str> = rows[..header].iter().flatten().filter(|c| !c.is_empty()).map(String::as_str).collect();
    Some((lines, said.join(" · ").chars().take(80).collect()))
}
