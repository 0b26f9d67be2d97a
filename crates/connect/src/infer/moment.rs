//! Dates and times as people write them: which patterns read a text.

use crate::formats::convert::pattern::{Pattern, iso};
use std::collections::HashMap;
use std::sync::OnceLock;

const DATES: [&str; 24] = [
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
    "%m.%d.%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%b %d %Y",
    "%d %b, %Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%d.%m.%y",
    "%d-%b-%y",
    "%d/%b/%Y",
    "%a %d %b %Y",
    "%a, %d %b %Y",
    "%d %b %y",
];
const TIMES: [&str; 4] = ["%H:%M", "%H:%M:%S%.f", "%I:%M %p", "%I:%M:%S %p"];

/// Which of the patterns read a text: bit `i` for pattern `i`; the top two bits say that it is ISO 8601, without and with a time of day.
pub(super) type Ways = u128;
pub(super) const ISO_DATE: Ways = 1 << 126;
pub(super) const ISO_TIME: Ways = 1 << 127;

pub(super) struct Known {
    pub text: String,
    pattern: Pattern,
    pub has_time: bool,
}

/// All patterns: each date alone, then each date with each time.
pub(super) fn known() -> &'static [Known] {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let alone = DATES.iter().map(|d| ((*d).to_string(), false));
        let timed = DATES.iter().flat_map(|d| TIMES.iter().map(move |t| (format!("{d} {t}"), true)));
        let all = alone.chain(timed);
        all.filter_map(|(text, has_time)| Some(Known { pattern: Pattern::compile(&text).ok()?, text, has_time })).collect()
    })
}

/// Reads texts, remembering which patterns can read a text of a certain shape.
#[derive(Default)]
pub(super) struct Moments {
    by_shape: HashMap<Vec<u8>, Vec<u16>>,
    shape: Vec<u8>,
}

impl Moments {
    /// No bit is set when the text is no date.
    pub(super) fn ways(&mut self, text: &str) -> Ways {
        let bytes = text.as_bytes();
        if !(6..=40).contains(&bytes.len()) || !bytes.iter().any(u8::is_ascii_digit) {
            return 0;
        }
        let mut ways = 0;
        // Eight bare digits are a number first.
        if let Some(m) = iso(bytes)
            && bytes.len() > 8
        {
            ways |= if m.has_time { ISO_TIME } else { ISO_DATE };
        }
        self.shape.clear();
        self.shape.extend(bytes.iter().map(|b| match b {
            b'0'..=b'9' => b'9',
            b'a'..=b'z' | b'A'..=b'Z' => b'a',
            b => *b,
        }));
        if let Some(candidates) = self.by_shape.get(&self.shape) {
            for i in candidates {
                if known()[*i as usize].pattern.parse(bytes).is_some() {
                    ways |= 1 << i;
                }
            }
            return ways;
        }
        // A pattern may fail for a value (month 13) and read another of the same shape: so shapes are tried with small figures too.
        let neutral = neutral(bytes);
        let mut candidates = Vec::new();
        for (i, k) in known().iter().enumerate().take(126) {
            let reads = k.pattern.parse(bytes).is_some();
            if reads {
                ways |= 1 << i;
            }
            if reads || k.pattern.parse(&neutral).is_some() {
                candidates.push(i as u16);
            }
        }
        if self.by_shape.len() < 4096 {
            self.by_shape.insert(self.shape.clone(), candidates);
        }
        ways
    }
}

/// The text with every number made a small one that is a day, a month, an hour or a year alike: `31/12/2020` → `01/01/2001`.
fn neutral(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < out.len() {
        let len = out[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        match len {
            0 => at += 1,
            _ => {
                out[at..at + len].fill(b'0');
                out[at + len - 1] = b'1';
                if len == 4 {
                    out[at] = b'2';
                }
                at += len;
            }
        }
    }
    out
}

/// `%d/%m/%Y` for `%m/%d/%Y` and the other way round; nothing for patterns where the two can't be confused.
pub(super) fn swapped(pattern: &str) -> Option<String> {
    let flip = |from: &str, to: &str| {
        let rest = pattern.strip_prefix(from)?;
        let separator = rest.get(..1)?;
        rest[1..].strip_prefix(to).map(|r| format!("{to}{separator}{from}{r}"))
    };
    flip("%d", "%m").or_else(|| flip("%m", "%d"))
}

/// Whether an ISO instant says its zone: `…T10:00:00Z`, `…+01:00`.
pub(super) fn has_zone(text: &str) -> bool {
    text.get(10..).is_some_and(|time| time.ends_with(['Z', 'z']) || time.contains(['+', '-']))
}

/// Dates of nothing but zeros, which databases write for none: `0000-00-00`, `00.00.0000 00:00`.
pub(super) fn is_zero_date(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (6..=17).contains(&digits)
        && text.bytes().all(|b| matches!(b, b'0' | b'-' | b'/' | b'.' | b':' | b' ' | b'T' | b'Z'))
        && text.bytes().filter(|b| matches!(b, b'-' | b'/' | b'.')).count() >= 2
}
