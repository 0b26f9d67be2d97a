//! One record, parsed strictly (but for `NaN` and `Infinity`, which some writers write for numbers). Values are told to a [`Sink`] by where they
//! stand; nothing is allocated.

use memchr::memchr;
use std::borrow::Cow;

/// Deeper nesting is refused, since each level costs stack.
pub const DEPTH_MAX: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Null,
    /// A number, `true` or `false`: the text as it stands.
    Literal,
    /// Between its quotes; `true` if it holds escapes.
    Text(bool),
    /// As it stands, brackets included.
    Object,
    Array,
}

/// A value: `buf[start..end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Value {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Who is told of a record's values. Nodes stand for keys, 0 for the record itself.
pub trait Sink {
    /// The node of the member `key` of the object at `node`, if anybody wants to know of it.
    fn member(&mut self, node: usize, key: &[u8]) -> Option<usize>;
    /// Whether members of an object at `node` are of interest; asked at its beginning.
    fn enters(&mut self, node: usize) -> bool;
    /// A value at `node`; of an object, after its members.
    fn value(&mut self, node: usize, value: Value);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Byte in the buffer.
    pub at: usize,
    pub what: &'static str,
}

type Parsed<T> = Result<T, Fault>;

/// Parses the object that is `buf[start..end]` but for white space around it.
pub fn record(buf: &[u8], start: usize, end: usize, sink: &mut impl Sink) -> Parsed<()> {
    let mut p = Parser { buf: &buf[..end], at: start };
    p.space();
    if p.peek() != Some(b'{') {
        return p.fault("a record must be an object, `{…}`");
    }
    p.object(Some(0), sink, 1)?;
    p.space();
    if p.at < end { p.fault("something follows the object's end") } else { Ok(()) }
}

struct Parser<'a> {
    buf: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn fault<T>(&self, what: &'static str) -> Parsed<T> {
        Err(Fault { at: self.at, what })
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.buf.get(self.at).copied()
    }

    #[inline(always)]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// At `{`. Members are told to the sink where `node` is one that it enters.
    fn object<S: Sink>(&mut self, node: Option<usize>, sink: &mut S, depth: usize) -> Parsed<()> {
        if depth > DEPTH_MAX {
            return self.fault("nested deeper than 128 levels");
        }
        let node = node.filter(|n| sink.enters(*n));
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.fault("a key in double quotes is expected");
            }
            let key = self.text()?;
            let member = match node {
                None => None,
                Some(node) => match key.kind {
                    Kind::Text(true) => match unescape(&self.buf[key.start..key.end]) {
                        Some(k) => sink.member(node, &k),
                        None => return self.fault("a key with an escape that means no character"),
                    },
                    _ => sink.member(node, &self.buf[key.start..key.end]),
                },
            };
            self.space();
            if self.peek() != Some(b':') {
                return self.fault("`:` is expected after a key");
            }
            self.at += 1;
            self.value(member, sink, depth)?;
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fault("`,` or `}` is expected after a member"),
            }
        }
    }

    fn array<S: Sink>(&mut self, sink: &mut S, depth: usize) -> Parsed<()> {
        if depth > DEPTH_MAX {
            return self.fault("nested deeper than 128 levels");
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(None, sink, depth)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fault("`,` or `]` is expected after an element"),
            }
        }
    }

    #[inline]
    fn value<S: Sink>(&mut self, node: Option<usize>, sink: &mut S, depth: usize) -> Parsed<()> {
        self.space();
        let start = self.at;
        let value = match self.peek() {
            Some(b'"') => self.text()?,
            Some(b'{') => {
                self.object(node, sink, depth + 1)?;
                Value { kind: Kind::Object, start, end: self.at }
            }
            Some(b'[') => {
                self.array(sink, depth + 1)?;
                Value { kind: Kind::Array, start, end: self.at }
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Value { kind: Kind::Literal, start, end: self.at }
            }
            Some(b'n') => {
                self.word(b"null")?;
                Value { kind: Kind::Null, start, end: self.at }
            }
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'N') => self.literal(b"NaN")?,
            Some(b'I') => self.literal(b"Infinity")?,
            None => return self.fault("the record ends in its middle"),
            _ => return self.fault("a value is expected"),
        };
        if let Some(node) = node {
            sink.value(node, value);
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Parsed<()> {
        if !self.buf[self.at..].starts_with(word) {
            return self.fault("a value is expected");
        }
        self.at += word.len();
        Ok(())
    }

    fn literal(&mut self, word: &'static [u8]) -> Parsed<Value> {
        let start = self.at;
        self.word(word)?;
        Ok(Value { kind: Kind::Literal, start, end: self.at })
    }

    #[inline]
    fn digits(&mut self) -> usize {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Parsed<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.peek() == Some(b'I') {
                return self.word(b"Infinity");
            }
        }
        let is_zero = self.peek() == Some(b'0');
        match self.digits() {
            0 => return self.fault("a digit is expected"),
            n if is_zero && n > 1 => return self.fault("a number may not begin with 0"),
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return self.fault("a digit is expected after the point");
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return self.fault("a digit is expected in the exponent");
            }
        }
        Ok(())
    }

    /// At a quote: what is between it and the closing one.
    #[inline]
    fn text(&mut self) -> Parsed<Value> {
        let start = self.at + 1;
        let mut at = start;
        let mut has_escapes = false;
        loop {
            match self.buf.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(Value { kind: Kind::Text(has_escapes), start, end: at });
                }
                Some(b'\\') => {
                    has_escapes = true;
                    self.at = at;
                    at += self.escape(at)?;
                }
                Some(0..0x20) => {
                    self.at = at;
                    return self.fault("a line's end or another control character stands within a text (is a quote missing?)");
                }
                Some(_) => at += 1,
                None => {
                    self.at = start - 1;
                    return self.fault("a text is never closed");
                }
            }
        }
    }

    /// Length of the escape at `at`.
    fn escape(&self, at: usize) -> Parsed<usize> {
        match self.buf.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') => match unit(self.buf, at) {
                Some(0xDC00..=0xDFFF) => self.fault("half of a character: a low surrogate without a high one"),
                Some(0xD800..=0xDBFF) => match unit(self.buf, at + 6) {
                    Some(0xDC00..=0xDFFF) => Ok(12),
                    _ => self.fault("half of a character: a high surrogate without a low one"),
                },
                Some(_) => Ok(6),
                None => self.fault("`\\u` must be followed by four hexadecimal digits"),
            },
            _ => self.fault("an escape that JSON does not have"),
        }
    }
}

/// The UTF-16 unit of `\uXXXX` at `at`.
fn unit(buf: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = buf.get(at..at + 6)? else { return None };
    digits.iter().try_fold(0, |n, b| Some(n * 16 + char::from(*b).to_digit(16)?))
}

/// A text's content; `None` when an escape means nothing, which [`record`] has excluded.
pub fn unescape(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr(b'\\', raw).is_none() {
        return Some(Cow::Borrowed(raw));
    }
    let mut out = Vec::with_capacity(raw.len());
    push_unescaped(raw, &mut out)?;
    Some(Cow::Owned(out))
}

pub fn push_unescaped(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    while let Some(i) = memchr(b'\\', &raw[at..]) {
        out.extend_from_slice(&raw[at..at + i]);
        at += i;
        let c = match raw.get(at + 1)? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = unit(raw, at)?;
                at += 4;
                if (0xD800..0xDC00).contains(&high) {
                    let low = unit(raw, at + 2)?;
                    at += 6;
                    char::from_u32(0x10000 + ((high - 0xD800) << 10) + low.checked_sub(0xDC00)?)?
                } else {
                    char::from_u32(high)?
                }
            }
            c => char::from(*c),
        };
        at += 2;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.extend_from_slice(&raw[at..]);
    Some(())
}

/// JSON text without the white space that means nothing.
pub fn push_compact(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < raw.len() {
        match raw[at] {
            b' ' | b'\n' | b'\r' | b'\t' => at += 1,
            b'"' => {
                let mut end = at + 1;
                while end < raw.len() && raw[end] != b'"' {
                    end += if raw[end] == b'\\' { 2 } else { 1 };
                }
                let end = (end + 1).min(raw.len());
                out.extend_from_slice(&raw[at..end]);
                at = end;
            }
            c => {
                out.push(c);
                at += 1;
            }
        }
    }
}
