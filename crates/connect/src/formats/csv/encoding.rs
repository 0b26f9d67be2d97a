//! Bytes to UTF-8. Windows-1252 (and Latin-1, read as it) has one byte per character and ASCII where CSV's structure is, so a block is
//! decoded after it is cut, in parallel. UTF-16 is turned into UTF-8 while it is read.

use encoding_rs::{Decoder, WINDOWS_1252};
use std::io::{self, Read};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Windows1252,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Windows1252 => "windows-1252",
            Encoding::Utf16Le => "utf-16le",
            Encoding::Utf16Be => "utf-16be",
        }
    }

    pub fn is_utf16(self) -> bool {
        matches!(self, Encoding::Utf16Le | Encoding::Utf16Be)
    }
}

pub const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// What a file that begins so is written in. `at_end`: `head` is the whole file; otherwise a character may be cut at its end.
pub fn detect(head: &[u8], at_end: bool) -> Encoding {
    if let Some(e) = detect_utf16(head) {
        return e;
    }
    match std::str::from_utf8(head) {
        Ok(_) => Encoding::Utf8,
        Err(e) if e.error_len().is_none() && !at_end => Encoding::Utf8,
        Err(_) => Encoding::Windows1252,
    }
}

/// UTF-16 shows by its byte order mark, or by a NUL in every other byte of the first characters.
pub fn detect_utf16(head: &[u8]) -> Option<Encoding> {
    match head {
        [0xFF, 0xFE, ..] => return Some(Encoding::Utf16Le),
        [0xFE, 0xFF, ..] => return Some(Encoding::Utf16Be),
        _ => {}
    }
    let pairs: Vec<&[u8]> = head.chunks_exact(2).take(64).collect();
    if pairs.len() < 4 {
        return None;
    }
    let high = pairs.iter().filter(|p| p[0] == 0 && p[1] != 0).count();
    let low = pairs.iter().filter(|p| p[1] == 0 && p[0] != 0).count();
    if low * 10 >= pairs.len() * 8 {
        Some(Encoding::Utf16Le)
    } else if high * 10 >= pairs.len() * 8 {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

/// A block of Windows-1252 text as UTF-8; `None` when it is ASCII and thereby UTF-8 already.
pub fn decode_1252(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.is_ascii() {
        return None;
    }
    Some(WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned().into_bytes())
}

/// Text of bytes that may be wrong: what is not UTF-8 is shown as `\xNN`, so that nothing is lost.
pub fn lossless(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02X}"));
        }
    }
    out
}

/// Reads UTF-16 as UTF-8. Lone surrogates become U+FFFD.
pub struct Utf16Reader<R> {
    inner: R,
    decoder: Decoder,
    input: Vec<u8>,
    start: usize,
    output: Vec<u8>,
    given: usize,
    at_end: bool,
}

impl<R: Read> Utf16Reader<R> {
    pub fn new(inner: R, encoding: Encoding) -> Self {
        let kind = if encoding == Encoding::Utf16Be { encoding_rs::UTF_16BE } else { encoding_rs::UTF_16LE };
        Utf16Reader {
            inner,
            decoder: kind.new_decoder_with_bom_removal(),
            input: Vec::new(),
            start: 0,
            output: Vec::new(),
            given: 0,
            at_end: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.output.clear();
        self.given = 0;
        if self.start == self.input.len() {
            self.input.resize(64 << 10, 0);
            let n = self.inner.read(&mut self.input)?;
            self.input.truncate(n);
            self.start = 0;
            self.at_end = n == 0;
        }
        self.output.resize(3 * (self.input.len() - self.start) + 16, 0);
        let (_, read, written, _) = self.decoder.decode_to_utf8(&self.input[self.start..], &mut self.output, self.at_end);
        self.start += read;
        self.output.truncate(written);
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.given == self.output.len() {
            if self.at_end {
                return Ok(0);
            }
            self.refill()?;
        }
        let n = buf.len().min(self.output.len() - self.given);
        buf[..n].copy_from_slice(&self.output[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}
