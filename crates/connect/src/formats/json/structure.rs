//! Where a value ends, told by its brackets and quotes alone: fast, for cutting. Whether it is JSON is for [`super::token`] to say.

use memchr::{memchr, memchr3};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Just after the value.
    At(usize),
    /// The buffer ends before the value does.
    More,
    /// A text that runs over a line's end, which JSON forbids: a quote is missing before this newline.
    Broken(usize),
}

/// `start` is the value's first byte.
pub fn value_end(buf: &[u8], start: usize, at_end: bool) -> End {
    match buf.get(start) {
        Some(b'{' | b'[') => {}
        Some(b'"') => return string_end(buf, start),
        _ => {
            let stop = |b: &u8| matches!(b, b',' | b'{' | b'}' | b'[' | b']' | b'"') || b.is_ascii_whitespace();
            return match buf[start.min(buf.len())..].iter().position(stop) {
                Some(0) => End::At(start + 1),
                Some(i) => End::At(start + i),
                None if at_end => End::At(buf.len()),
                None => End::More,
            };
        }
    }
    let (mut at, mut depth) = (start, 0usize);
    while let Some(c) = buf.get(at) {
        match c {
            b'"' => match string_end(buf, at) {
                End::At(end) => {
                    at = end;
                    continue;
                }
                other => return other,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return End::At(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    End::More
}

fn string_end(buf: &[u8], open: usize) -> End {
    let mut at = open + 1;
    loop {
        match memchr3(b'"', b'\\', b'\n', buf.get(at..).unwrap_or_default()) {
            None => return End::More,
            Some(i) => match buf[at + i] {
                b'"' => return End::At(at + i + 1),
                b'\\' => at += i + 2,
                _ => return End::Broken(at + i),
            },
        }
    }
}

/// The first byte from `at` on that is neither white space nor a comma.
pub fn skip_separators(buf: &[u8], at: usize) -> usize {
    let is_separator = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x1E);
    at + buf[at.min(buf.len())..].iter().take_while(|b| is_separator(b)).count()
}

/// Where, after damage before `from`, the next record surely begins: a line that is indented as records are and opens an object (or, at its
/// beginning, closes the array).
pub fn next_record(buf: &[u8], from: usize, indent: &[u8], in_array: bool) -> Option<usize> {
    let mut at = from;
    while let Some(i) = memchr(b'\n', buf.get(at..).unwrap_or_default()) {
        at += i + 1;
        let line = &buf[at..];
        if line.strip_prefix(indent).is_some_and(|l| l.first() == Some(&b'{')) {
            return Some(at + indent.len());
        }
        if in_array && line.first() == Some(&b']') {
            return Some(at);
        }
    }
    None
}
