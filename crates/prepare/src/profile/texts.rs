//! Figures of a text column.

use super::TextProfile;
use super::kept::KeptColumn;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

const SHAPES: usize = 10;
const SHAPE_LENGTH: usize = 40;

type Counts = HashMap<String, u64, BuildHasherDefault<std::collections::hash_map::DefaultHasher>>;

pub(super) fn texts(c: &KeptColumn) -> TextProfile {
    let mut p = TextProfile { length_min: u64::MAX, ..TextProfile::default() };
    let Some(texts) = &c.dictionary.texts else { return p };
    let mut shapes = Counts::default();
    let mut buffer = String::new();
    let (mut rows, mut length) = (0u64, 0u64);
    for (i, count) in c.dictionary.counts.iter().enumerate() {
        let text = texts.get(i);
        let chars = text.chars().count() as u64;
        p.length_min = p.length_min.min(chars);
        p.length_max = p.length_max.max(chars);
        rows += count;
        length += chars * count;
        if text.is_empty() {
            p.empty += count;
        } else if text.trim().len() != text.len() {
            p.padded += count;
        }
        if reads_as_number(text) {
            p.numeric += count;
        }
        shape(text, &mut buffer);
        match shapes.get_mut(&buffer) {
            Some(n) => *n += count,
            None => {
                shapes.insert(buffer.clone(), *count);
            }
        }
    }
    if rows == 0 {
        p.length_min = 0;
        return p;
    }
    p.length_mean = length as f64 / rows as f64;
    p.shape_count = shapes.len() as u64;
    let mut all: Vec<(String, u64)> = shapes.into_iter().collect();
    all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(SHAPES);
    // Counts of a sample of the distinct values stand for all.
    let shift = c.dictionary.shift;
    if shift > 0 {
        p.shape_count <<= shift.min(8);
        for n in [&mut p.empty, &mut p.padded, &mut p.numeric].into_iter().chain(all.iter_mut().map(|s| &mut s.1)) {
            *n <<= shift;
        }
    }
    p.shapes = all;
    p
}

/// `A` for a letter, `9` for a digit.
pub(super) fn shape(text: &str, into: &mut String) {
    into.clear();
    for (i, ch) in text.chars().enumerate() {
        if i == SHAPE_LENGTH {
            into.push('…');
            break;
        }
        into.push(if ch.is_ascii_digit() {
            '9'
        } else if ch.is_alphabetic() {
            'A'
        } else {
            ch
        });
    }
}

pub(super) fn reads_as_number(text: &str) -> bool {
    let t = text.trim();
    t.bytes().any(|b| b.is_ascii_digit())
        && !t.bytes().any(|b| b.is_ascii_alphabetic() && b != b'e' && b != b'E')
        && t.parse::<f64>().is_ok()
}

/// Lower case, without accents, white space and punctuation; punctuation between digits stays, since it makes another number.
pub(super) fn normalised(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    let chars: Vec<char> = if text.is_ascii() { text.chars().collect() } else { text.nfkd().filter(|c| !is_combining_mark(*c)).collect() };
    let mut out = String::with_capacity(text.len());
    for (i, c) in chars.iter().enumerate() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else {
            let digit = |at: Option<usize>| at.and_then(|a| chars.get(a)).is_some_and(char::is_ascii_digit);
            let sign = matches!(c, '-' | '+' | '<' | '>' | '%' | '$' | '€' | '£' | '#' | '&');
            if digit(Some(i + 1)) && (digit(i.checked_sub(1)) || sign) || (sign && !matches!(c, '-' | '#')) {
                out.push(*c);
            }
        }
    }
    out
}

/// The same, with its words in order: "Smith, John" is "john smith".
pub(super) fn fingerprint(text: &str) -> String {
    let mut words: Vec<String> = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '/' | '|')).map(normalised).collect();
    words.retain(|w| !w.is_empty());
    words.sort_unstable();
    words.concat()
}
