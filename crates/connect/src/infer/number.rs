//! Numbers as people write them: which of several ways a text is one.

use super::money::is_currency;
use tidemill_core::Negative;

/// A text that is a number, in some way of writing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number<'a> {
    pub way: Way,
    /// Digits after the decimal mark.
    pub scale: u32,
    /// Digits before it.
    pub whole: u32,
    pub value: f64,
    pub is_negative: bool,
    /// How that is said.
    pub negative: Negative,
    /// What stands before and after the number.
    pub prefix: &'a str,
    pub unit: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Integer,
    /// `007`
    LeadingZero,
    /// Whole, but too large for 64 bits.
    Huge,
    /// `17850.0`
    PointZero,
    /// `2.55`
    Point,
    /// `1.5e5`, `1e-5`
    Exponent,
    /// `12E5`, which may as well be a code
    BareExponent,
    /// `2,55`
    Comma,
    /// `1,234`: a thousand or a fraction
    CommaOrThousands,
    /// `1,234.50` or `1,234,567`
    CommaThousands,
    /// `1.234,50` or `1.234.567`
    PointThousands,
    /// `1 234,50`
    SpaceThousands,
}

/// The number in `text` (trimmed, not empty); `None` when it is none, even with a unit before or after it.
pub(super) fn number(text: &str) -> Option<Number<'_>> {
    if let Some(rest) = text.strip_suffix(')') {
        let (before, inner) = rest.split_once('(')?;
        let n = plain(inner.trim())?;
        let before = before.trim_end();
        let fits = !n.is_negative && is_money(before) && (before.is_empty() || n.prefix.is_empty());
        let prefix = if before.is_empty() { n.prefix } else { before };
        return fits.then_some(Number { value: -n.value, is_negative: true, negative: Negative::Parentheses, prefix, ..n });
    }
    if let Some(rest) = text.strip_suffix(['-', '\u{2212}'])
        && rest.ends_with(|c: char| c.is_ascii_digit())
    {
        let n = plain(rest)?;
        return (!n.is_negative).then_some(Number { value: -n.value, is_negative: true, negative: Negative::Trailing, ..n });
    }
    plain(text)
}

/// A number with no more than a minus in front.
fn plain(text: &str) -> Option<Number<'_>> {
    let is_digit = |c: char| c.is_ascii_digit();
    let first = text.find(is_digit)?;
    let last = text.rfind(is_digit)? + 1;
    let mut head = &text[..first];
    let mut is_negative = false;
    let mut start = first;
    // `.5`
    if let Some(h) = head.strip_suffix('.')
        && !h.ends_with(|c: char| c.is_alphanumeric())
    {
        head = h;
        start -= 1;
    }
    if let Some(h) = head.strip_suffix(['-', '\u{2212}']) {
        // The hyphen of `INV-1001` joins two parts of a name.
        if h.ends_with(char::is_alphanumeric) {
            return None;
        }
        is_negative = true;
        head = h;
    } else if let Some(h) = head.strip_suffix('+') {
        head = h;
    }
    let mut prefix = head.trim_end();
    if let Some(p) = prefix.strip_prefix(['-', '\u{2212}']) {
        is_negative = true;
        prefix = p.trim_start();
    }
    let tail = &text[last..];
    let (tail, body_end) = match tail.strip_prefix('.') {
        // `5.` but not `5.oz`
        Some(t) if t.trim().is_empty() => (t, last),
        _ => (tail, last),
    };
    let unit = tail.trim();
    if !is_money(prefix) || !is_unit(unit) {
        return None;
    }
    let body = &text[start..body_end];
    let (way, scale, whole, plain) = body_of(body)?;
    let value: f64 = plain.parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    let value = if is_negative { -value } else { value };
    Some(Number { way, scale, whole, value, is_negative, negative: Negative::Minus, prefix, unit })
}

/// Nothing, or a sign or code of a currency: all that may stand before a number. Other letters there make it the name of something.
fn is_money(text: &str) -> bool {
    text.is_empty() || is_currency(text)
}

/// Nothing, or what is short and has a letter or a sign of its own.
fn is_unit(text: &str) -> bool {
    text.is_empty()
        || text.chars().count() <= 16
            && !text.contains(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| {
                c.is_alphabetic() || matches!(c, '%' | '°' | '.' | '/' | ' ' | '-' | '²' | '³' | '€' | '$' | '£' | '¥' | '₹' | '"' | '\'')
            })
            && text.chars().any(|c| c.is_alphabetic() || matches!(c, '%' | '°' | '€' | '$' | '£' | '¥' | '₹' | '"' | '\''))
            && !text.starts_with(['-', '/', '.'])
}

fn body_of(body: &str) -> Option<(Way, u32, u32, String)> {
    let bytes = body.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == bytes.len() {
        let way = match body.parse::<i64>() {
            _ if digits > 1 && bytes[0] == b'0' => Way::LeadingZero,
            Ok(_) => Way::Integer,
            Err(_) => Way::Huge,
        };
        return Some((way, 0, digits as u32, body.to_string()));
    }
    if let Some(e) = bytes.iter().position(|b| matches!(b, b'e' | b'E')) {
        let (mantissa, power) = (&body[..e], &body[e + 1..]);
        let power = power.strip_prefix(['-', '+']).unwrap_or(power);
        let is_mantissa = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.') && mantissa.matches('.').count() <= 1;
        let fits = is_mantissa && !mantissa.is_empty() && !power.is_empty() && power.bytes().all(|b| b.is_ascii_digit());
        let way = if mantissa.contains('.') || power.len() < body.len() - e - 1 { Way::Exponent } else { Way::BareExponent };
        return fits.then(|| (way, 0, 0, body.to_string()));
    }
    let (points, commas) = (body.matches('.').count(), body.matches(',').count());
    let spaces = body.matches([' ', '\u{a0}', '\u{202f}', '\'', '\u{2019}']).count();
    if digits + points + commas + spaces != body.chars().count() {
        return None;
    }
    if spaces > 0 {
        let (whole, fraction) = body.split_once([',', '.']).map_or((body, ""), |(w, f)| (w, f));
        let groups: Vec<&str> = whole.split([' ', '\u{a0}', '\u{202f}', '\'', '\u{2019}']).collect();
        let fits = points + commas <= 1 && are_groups(&groups) && fraction.bytes().all(|b| b.is_ascii_digit());
        let plain = format!("{}.{fraction}0", groups.concat());
        return fits.then(|| (Way::SpaceThousands, fraction.len() as u32, groups.concat().len() as u32, plain));
    }
    let split = |mark: char| body.rsplit_once(mark).unwrap_or((body, ""));
    match (points, commas) {
        (1, 0) => {
            let (w, f) = split('.');
            if w.len() > 1 && w.starts_with('0') {
                return Some((Way::LeadingZero, f.len() as u32, w.len() as u32, body.to_string()));
            }
            let way = if !f.is_empty() && f.bytes().all(|b| b == b'0') { Way::PointZero } else { Way::Point };
            Some((way, f.len() as u32, w.len() as u32, body.to_string()))
        }
        (0, 1) => {
            let (w, f) = split(',');
            let is_group = f.len() == 3 && (1..=3).contains(&w.len()) && !w.starts_with('0');
            let (way, plain) = if is_group { (Way::CommaOrThousands, format!("{w}{f}")) } else { (Way::Comma, format!("{w}.{f}")) };
            let (scale, whole) = if is_group { (0, w.len() + f.len()) } else { (f.len(), w.len()) };
            (!f.is_empty() && !w.is_empty()).then_some((way, scale as u32, whole as u32, plain))
        }
        (p, c) if p <= 1 && c >= 1 && (p == 0 || body.rfind('.') > body.rfind(',')) => {
            let (w, f) = if p == 1 { split('.') } else { (body, "") };
            let groups: Vec<&str> = w.split(',').collect();
            are_groups(&groups)
                .then(|| (Way::CommaThousands, f.len() as u32, groups.concat().len() as u32, format!("{}.{f}0", groups.concat())))
        }
        (p, c) if c <= 1 && p >= 1 => {
            let (w, f) = if c == 1 { split(',') } else { (body, "") };
            let groups: Vec<&str> = w.split('.').collect();
            are_groups(&groups)
                .then(|| (Way::PointThousands, f.len() as u32, groups.concat().len() as u32, format!("{}.{f}0", groups.concat())))
        }
        _ => None,
    }
}

/// `12`, `345`, `678`: every group but the first has three digits (or, as in India, two but for the last).
fn are_groups(groups: &[&str]) -> bool {
    let last = groups.len() - 1;
    last > 0
        && groups.iter().enumerate().all(|(i, g)| {
            g.bytes().all(|b| b.is_ascii_digit())
                && match i {
                    0 => (1..=3).contains(&g.len()),
                    _ if i == last => g.len() == 3,
                    _ => matches!(g.len(), 2 | 3),
                }
        })
}
