//! How a file holds its records: told from its beginning.

use super::structure::{End, next_record, skip_separators, value_end};
use super::token;
use super::{JsonOptions, shape};
use crate::formats::csv::encoding::UTF8_BOM;
use memchr::{memchr, memchr_iter, memrchr};
use std::ops::Range;
use tidemill_core::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A record a line.
    Lines,
    /// Records one after another, over as many lines as they like.
    Stream,
    /// Elements of an array.
    Array,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub layout: Layout,
    /// Where records begin.
    pub body: usize,
    /// Line of the first byte there, from 1.
    pub line: u64,
    /// White space before the first record on its line.
    pub indent: Vec<u8>,
    /// Whether the array is the whole file, and not a member of an object.
    pub is_bare: bool,
}

/// So many lines are looked at to tell a record a line.
const LINES: usize = 10;

/// `head` is the file's beginning, or, with `at_end`, all of it.
pub fn layout(head: &[u8], at_end: bool, options: &JsonOptions) -> Result<Opening> {
    let bom = if head.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
    let first = bom + head[bom..].iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x1E).count();
    if let Some(root) = &options.root {
        let body = find_root(head, first, root).ok_or_else(|| {
            Error::data(format!("no array under `{root}` at the file's beginning"))
                .help("`root` names the key of the array of records, such as \"data\"")
        })?;
        return Ok(opening(head, Layout::Array, body, false));
    }
    match head.get(first) {
        Some(b'[') => Ok(opening(head, Layout::Array, first + 1, true)),
        Some(b'{') if is_lines(head, first, at_end) => match wrapped(head, first, at_end, true) {
            Some(body) => Ok(opening(head, Layout::Array, body, false)),
            None => Ok(opening(head, Layout::Lines, bom, false)),
        },
        Some(b'{') => match wrapped(head, first, at_end, false) {
            Some(body) => Ok(opening(head, Layout::Array, body, false)),
            None => Ok(opening(head, Layout::Stream, first, false)),
        },
        _ => Ok(opening(head, Layout::Lines, bom, false)),
    }
}

fn opening(head: &[u8], layout: Layout, body: usize, is_bare: bool) -> Opening {
    let first = skip_separators(head, body);
    let line = memrchr(b'\n', &head[..first]).map_or(0, |i| i + 1).max(body.min(first));
    // An array's first record may stand on the line of its bracket; the others then begin their lines.
    let begins_line = line == 0 || head.get(line.wrapping_sub(1)) == Some(&b'\n');
    let indent = if begins_line { head[line..first].to_vec() } else { Vec::new() };
    Opening { layout, body, line: 1 + memchr_iter(b'\n', &head[..body]).count() as u64, indent, is_bare }
}

/// Whether most of the first lines are objects by themselves.
fn is_lines(head: &[u8], first: usize, at_end: bool) -> bool {
    let (mut at, mut lines, mut whole) = (first, 0, 0);
    while at < head.len() && lines < LINES {
        let (line, next) = match memchr(b'\n', &head[at..]) {
            Some(i) => (&head[at..at + i], at + i + 1),
            None if at_end => (&head[at..], head.len()),
            None => break,
        };
        at = next;
        let line = line.trim_ascii();
        if !line.is_empty() {
            lines += 1;
            whole += usize::from(line[0] == b'{' && value_end(line, 0, true) == End::At(line.len()));
        }
    }
    lines > 0 && whole * 2 > lines
}

/// Where the elements begin of the array that holds the records of a file which is one object: its elements are objects, no other member is such
/// an array, and it is the object's only member, or has several elements and is most of the object, or goes on beyond what was read.
fn wrapped(head: &[u8], first: usize, at_end: bool, is_line: bool) -> Option<usize> {
    let end = match value_end(head, first, at_end) {
        // Another record follows, or may follow.
        End::At(end) if skip_separators(head, end) < head.len() || !at_end => return None,
        End::At(end) => Some(end),
        _ if is_line => return None,
        _ => None,
    };
    let members: Vec<(usize, Option<usize>)> = members(head, first).map(|(_, start, end)| (start, end)).collect();
    let mut arrays = members.iter().filter(|(start, _)| head.get(*start) == Some(&b'[') && holds_objects(head, *start));
    let (start, stop) = arrays.next()?;
    if arrays.next().is_some() {
        return None;
    }
    let is_it = match (end, stop) {
        (Some(end), Some(stop)) => members.len() == 1 || ((stop - start) * 2 > end - first && elements(head, *start) > 1),
        (_, None) => true,
        (None, Some(_)) => false,
    };
    is_it.then_some(start + 1)
}

fn holds_objects(head: &[u8], array: usize) -> bool {
    head.get(skip_separators(head, array + 1)) == Some(&b'{')
}

fn elements(head: &[u8], array: usize) -> usize {
    let mut at = skip_separators(head, array + 1);
    let mut n = 0;
    while let Some(b'{') = head.get(at) {
        let End::At(end) = value_end(head, at, true) else { break };
        n += 1;
        at = skip_separators(head, end);
        if n > 1 {
            break;
        }
    }
    n
}

/// Where the elements of the array under `root` begin.
fn find_root(head: &[u8], first: usize, root: &str) -> Option<usize> {
    let mut at = first;
    let keys: Vec<&str> = if member(head, at, root).is_some() { vec![root] } else { root.split('.').collect() };
    for key in keys {
        at = member(head, at, key)?;
    }
    (head.get(at) == Some(&b'[')).then_some(at + 1)
}

/// Where the value of the member `key` begins, of the object that begins at `at`.
fn member(head: &[u8], at: usize, key: &str) -> Option<usize> {
    members(head, at).find(|(name, ..)| token::unescape(name).is_some_and(|n| *n == *key.as_bytes())).map(|(_, start, _)| start)
}

/// The members of the object that begins at `at`, as far as they can be told: key, start of the value, and its end where that was read.
fn members(head: &[u8], at: usize) -> impl Iterator<Item = (&[u8], usize, Option<usize>)> {
    let mut at = if head.get(at) == Some(&b'{') { at + 1 } else { head.len() };
    std::iter::from_fn(move || {
        at = skip_separators(head, at);
        let End::At(end) = value_end(head, at, false) else { return None };
        let name = head.get(at..end)?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let colon = skip_separators(head, end);
        if head.get(colon) != Some(&b':') {
            return None;
        }
        let start = skip_separators(head, colon + 1);
        let stop = match value_end(head, start, false) {
            End::At(stop) if start < head.len() => Some(stop),
            _ => None,
        };
        at = stop.unwrap_or(head.len());
        Some((name, start, stop))
    })
}

/// The records that are whole in a file's beginning.
pub fn head_records<'a>(head: &'a [u8], at_end: bool, opening: &'a Opening) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut at = opening.body;
    std::iter::from_fn(move || {
        loop {
            if opening.layout == Layout::Lines {
                let line = at;
                let end = match memchr(b'\n', head.get(at..)?) {
                    Some(i) => at + i,
                    None if at_end && at < head.len() => head.len(),
                    None => return None,
                };
                at = end + 1;
                if !head[line..end].trim_ascii().is_empty() {
                    return Some(line..end);
                }
                continue;
            }
            at = skip_separators(head, at);
            match head.get(at)? {
                b']' | b'}' => return None,
                _ => {}
            }
            match value_end(head, at, at_end) {
                End::At(end) => {
                    let span = at..end;
                    at = end;
                    return Some(span);
                }
                End::Broken(from) => at = next_record(head, from, &opening.indent, opening.layout == Layout::Array)?,
                End::More => return None,
            }
        }
    })
}

/// What a file's beginning shows.
pub fn look(head: &[u8], at_end: bool, options: &JsonOptions, rows_max: usize) -> Result<(Opening, shape::Look)> {
    let opening = layout(head, at_end, options)?;
    let found = shape::look(head, head_records(head, at_end, &opening), options, rows_max);
    Ok((opening, found))
}
