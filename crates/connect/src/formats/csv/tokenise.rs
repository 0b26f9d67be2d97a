//! A block into fields: 64 bytes at a time become a bit mask of delimiters, newlines and quotes, and only those bytes are looked at.

use super::dialect::Dialect;
use super::quoted::{Quoted, quoted_end};
use memchr::{memchr, memchr_iter};

pub use crate::formats::strip::Strip;

/// Zero bytes that must follow a block's content in its buffer: the tokeniser reads whole words of 64, puts a newline after the content,
/// and text is copied in words too.
pub const PAD: usize = 192;

/// Rows of one strip, at most.
pub const STRIP_ROWS: usize = 1024;
const STRIP_BYTES: usize = 192 << 10;

/// A record that is not a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub start: usize,
    pub end: usize,
    pub line: u32,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// So many fields.
    Fields(usize),
    Quote,
    Length,
}

/// How many fields a record must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    pub fields: usize,
    /// A shorter record is a row whose last fields are empty.
    pub fill: bool,
}

/// Goes over one block, which begins at a record's start and ends at a record's end.
pub struct Tokeniser<'a> {
    /// Content, then a newline, then zeros.
    buf: &'a [u8],
    len: usize,
    pos: usize,
    line: u32,
    dialect: Dialect,
    width: Width,
}

impl<'a> Tokeniser<'a> {
    /// `buf` holds `len` bytes of content and at least [`PAD`] more.
    pub fn new(buf: &'a mut [u8], len: usize, dialect: Dialect, width: Width) -> Self {
        debug_assert!(buf.len() >= len + PAD);
        buf[len] = dialect.newline;
        Tokeniser { buf, len, pos: 0, line: 0, dialect, width }
    }

    pub fn buf(&self) -> &'a [u8] {
        self.buf
    }

    /// Fills `strip` with the next rows and appends what is not a row to `faults`; false at the end.
    pub fn next_strip(&mut self, strip: &mut Strip, faults: &mut Vec<Fault>) -> bool {
        strip.starts.clear();
        strip.ends.clear();
        strip.lines.clear();
        if self.pos >= self.len {
            return false;
        }
        let stride = self.width.fields.saturating_add(1);
        // A width that no record has (every record is to become a fault) needs no room.
        let room = if self.width.fields == usize::MAX { 0 } else { stride };
        strip.stride = stride;
        strip.bounds.resize(room * STRIP_ROWS, 0);
        let from = self.pos;
        self.fill(strip, room, faults);
        strip.bytes = self.pos - from;
        true
    }

    fn fill(&mut self, strip: &mut Strip, room: usize, faults: &mut Vec<Fault>) {
        let Dialect { delimiter, newline, comment, .. } = self.dialect;
        let quote = self.dialect.quote;
        let is_lf = newline == b'\n';
        let needles = Needles::new(delimiter, newline, quote);
        let (buf, len) = (self.buf, self.len);
        let last = (self.pos + STRIP_BYTES).min(len);
        let fields = self.width.fields;

        let mut base = self.pos & !63;
        let mut mask = needles.find(buf, base) & (u64::MAX << (self.pos - base));
        let bounds = &mut strip.bounds[..];

        while strip.starts.len() < STRIP_ROWS && self.pos < last {
            let start = self.pos;
            if comment == Some(buf[start]) {
                self.pos = memchr(newline, &buf[start..=len]).map_or(len, |i| start + i) + 1;
                self.line += 1;
                base = self.pos & !63;
                if self.pos >= len {
                    break;
                }
                mask = needles.find(buf, base) & (u64::MAX << (self.pos - base));
                continue;
            }
            let row = &mut bounds[strip.starts.len() * room..(strip.starts.len() + 1) * room];
            let line = self.line;
            let mut found = 0; // fields ended so far
            let mut field = start;
            if let Some(first) = row.first_mut() {
                *first = start as u32;
            }
            let (end, fault) = loop {
                while mask == 0 {
                    base += 64;
                    mask = needles.find(buf, base);
                }
                let at = base + mask.trailing_zeros() as usize;
                mask &= mask - 1;
                let c = buf[at];
                if c == delimiter {
                    found += 1;
                    field = at + 1;
                    if let Some(slot) = row.get_mut(found) {
                        *slot = field as u32;
                    }
                } else if c == newline {
                    break (at, None);
                } else if at == field {
                    let to = match quoted_end(&buf[..len], at, true, &self.dialect) {
                        Quoted::Closed(end) => {
                            self.line += memchr_iter(newline, &buf[at..end]).count() as u32;
                            end
                        }
                        Quoted::Malformed | Quoted::More => {
                            let end = memchr(newline, &buf[at..=len]).map_or(len, |i| at + i);
                            break (end, Some(FaultKind::Quote));
                        }
                    };
                    if to < base + 64 {
                        mask &= u64::MAX << (to - base);
                    } else {
                        base = to & !63;
                        mask = needles.find(buf, base) & (u64::MAX << (to - base));
                    }
                }
            };
            self.pos = end + 1;
            self.line += 1;
            if fault.is_some() && self.pos < len {
                base = self.pos & !63;
                mask = needles.find(buf, base) & (u64::MAX << (self.pos - base));
            }
            let stop = if is_lf && end > start && buf[end - 1] == b'\r' { end - 1 } else { end };
            found += 1;
            if let Some(kind) = fault {
                faults.push(Fault { start, end: stop, line, kind });
            } else if stop - start > self.dialect.record_bytes_max {
                faults.push(Fault { start, end: stop, line, kind: FaultKind::Length });
            } else if found == fields && (found > 1 || stop > start) {
                row[found] = stop as u32 + 1;
                strip.starts.push(start as u32);
                strip.ends.push(stop as u32);
                strip.lines.push(line);
            } else if found == 1 && buf[start..stop].iter().all(|c| matches!(c, b' ' | b'\t')) {
                // A blank line is not a row.
            } else if self.width.fill && found < fields && room > 0 {
                for (i, slot) in row[found..].iter_mut().enumerate() {
                    *slot = (stop + 1 + i) as u32;
                }
                strip.starts.push(start as u32);
                strip.ends.push(stop as u32);
                strip.lines.push(line);
            } else {
                faults.push(Fault { start, end: stop, line, kind: FaultKind::Fields(found) });
            }
        }
    }
}

/// The three bytes looked for.
#[derive(Clone, Copy)]
struct Needles {
    delimiter: u8,
    newline: u8,
    quote: u8,
}

impl Needles {
    fn new(delimiter: u8, newline: u8, quote: Option<u8>) -> Self {
        Needles { delimiter, newline, quote: quote.unwrap_or(delimiter) }
    }

    /// Bit `i` is set when `buf[base + i]` is one of them.
    #[inline(always)]
    fn find(self, buf: &[u8], base: usize) -> u64 {
        match buf.get(base..base + 64).and_then(|s| <&[u8; 64]>::try_from(s).ok()) {
            Some(word) => self.find_in(word),
            None => 1, // never: the padding holds a newline and whole words after it; a set bit keeps a broken caller from running on
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn find_in(self, word: &[u8; 64]) -> u64 {
        use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
        // SAFETY: SSE2 is part of x86_64, and every load is of 16 bytes within the 64 of `word`.
        unsafe {
            let (d, n, q) = (_mm_set1_epi8(self.delimiter as i8), _mm_set1_epi8(self.newline as i8), _mm_set1_epi8(self.quote as i8));
            let mut out = 0u64;
            for i in 0..4 {
                let x = _mm_loadu_si128(word.as_ptr().add(16 * i).cast::<__m128i>());
                let hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, d), _mm_cmpeq_epi8(x, n)), _mm_cmpeq_epi8(x, q));
                out |= u64::from(_mm_movemask_epi8(hit) as u32) << (16 * i);
            }
            out
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    fn find_in(self, word: &[u8; 64]) -> u64 {
        self.find_in_words(word)
    }

    /// The same eight bytes at a time, for any processor.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    fn find_in_words(self, word: &[u8; 64]) -> u64 {
        const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
        let spread = |b: u8| u64::from(b) * 0x0101_0101_0101_0101;
        let zeros = |x: u64| !(((x & LOW) + LOW) | x | LOW); // 0x80 in every byte of x that is 0
        let mut out = 0;
        for (i, chunk) in word.chunks_exact(8).enumerate() {
            let x = chunk.iter().rev().fold(0u64, |n, b| (n << 8) | u64::from(*b));
            let hit = zeros(x ^ spread(self.delimiter)) | zeros(x ^ spread(self.newline)) | zeros(x ^ spread(self.quote));
            out |= ((hit >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_finding_agree() {
        let needles = Needles::new(b',', b'\n', Some(b'"'));
        let mut x = 12345u64;
        for _ in 0..2000 {
            let mut word = [0u8; 64];
            for b in &mut word {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let few = b",\n\"abc\x00\xff-+\x8a\xac\xa2.";
                *b = few[(x >> 40) as usize % few.len()];
            }
            let plain = (0..64).fold(0u64, |m, i| m | (u64::from(matches!(word[i], b',' | b'\n' | b'"')) << i));
            assert_eq!(needles.find_in(&word), plain);
            assert_eq!(needles.find_in_words(&word), plain);
        }
    }
}
