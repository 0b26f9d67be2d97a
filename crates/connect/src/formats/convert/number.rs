//! Integers and floating point numbers.

use super::cells::Parse;
use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Float32Type, Float64Type};
use std::marker::PhantomData;
use std::sync::Arc;
use tidemill_core::{ColumnRead, Negative, Result};

/// How numbers of a column are written.
#[derive(Debug, Clone, Default)]
pub struct NumberFormat {
    pub thousands: Option<char>,
    pub decimal: char,
    /// Longest first.
    pub units: Vec<String>,
    pub negative: Negative,
    /// Whether a plain number with a point may be read as it stands.
    pub is_plain: bool,
}

impl NumberFormat {
    pub fn new(column: &ColumnRead) -> Self {
        let mut units: Vec<String> = column.units.iter().map(|u| u.trim().to_string()).filter(|u| !u.is_empty()).collect();
        units.sort_by_key(|u| std::cmp::Reverse(u.len()));
        let is_plain = column.decimal == '.' && column.thousands != Some('.');
        NumberFormat { thousands: column.thousands, decimal: column.decimal, units, negative: column.negative, is_plain }
    }

    /// The number in plain form (sign, digits, point, exponent), without units and separators; `None` if those stand where they can't.
    pub fn plain(&self, text: &str) -> Option<String> {
        let text = self.without_units(text)?;
        let (is_below_zero, text) = match self.marked(text) {
            Some(inner) => (true, self.without_units(inner)?),
            None => (false, text),
        };
        let (sign, text) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => ("-", rest),
            None => ("", text.strip_prefix('+').unwrap_or(text)),
        };
        let (sign, text) = match self.leading_unit(text.trim_start()) {
            Some(rest) => match rest.strip_prefix(['-', '\u{2212}']) {
                Some(rest) if sign.is_empty() => ("-", rest),
                _ => (sign, rest),
            },
            None => (sign, text),
        };
        let sign = match (is_below_zero, sign) {
            (true, "-") => return None,
            (true, _) => "-",
            (false, sign) => sign,
        };
        let (whole, fraction) = match text.split_once(self.decimal) {
            Some((w, f)) => (w, Some(f)),
            None => (text, None),
        };
        let mut out = String::with_capacity(text.len() + 2);
        out.push_str(sign);
        match self.thousands {
            Some(separator) if whole.contains(|c| is_separator(c, separator)) => {
                // 1,234,567 and, as in India, 12,34,567; but not 1,2,3.
                let groups: Vec<&str> = whole.split(|c| is_separator(c, separator)).collect();
                let last = groups.len() - 1;
                for (i, g) in groups.iter().enumerate() {
                    let fits = match i {
                        0 => (1..=3).contains(&g.len()),
                        _ if i == last => g.len() == 3,
                        _ => g.len() == 3 || g.len() == 2,
                    };
                    if !fits || !g.bytes().all(|b| b.is_ascii_digit()) {
                        return None;
                    }
                    out.push_str(g);
                }
            }
            _ => out.push_str(whole),
        }
        if let Some(f) = fraction {
            if f.contains(self.decimal) || (self.decimal != '.' && f.contains('.')) {
                return None;
            }
            out.push('.');
            out.push_str(f);
        } else if self.decimal != '.' && whole.contains('.') {
            return None;
        }
        Some(out)
    }

    /// What stands within the brackets, or before the minus, that say that a number is below zero.
    fn marked<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self.negative {
            Negative::Minus => None,
            Negative::Parentheses => text.strip_prefix('(')?.strip_suffix(')'),
            Negative::Trailing => text.strip_suffix(['-', '\u{2212}']),
        }
    }

    fn without_units<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = text.trim();
        for unit in &self.units {
            let Some(at) = text.len().checked_sub(unit.len()).filter(|at| text.is_char_boundary(*at)) else { continue };
            if text[at..].eq_ignore_ascii_case(unit) {
                let rest = text[..at].trim_end();
                return (!rest.is_empty()).then_some(rest);
            }
        }
        Some(self.leading_unit(text).unwrap_or(text))
    }

    fn leading_unit<'a>(&self, text: &'a str) -> Option<&'a str> {
        let unit = self.units.iter().find(|u| text.get(..u.len()).is_some_and(|t| t.eq_ignore_ascii_case(u)))?;
        Some(text[unit.len()..].trim_start())
    }
}

/// A space as separator stands for the spaces that typesetters use too.
fn is_separator(c: char, separator: char) -> bool {
    c == separator
        || (separator.is_whitespace() && matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'))
        || (separator == '\'' && c == '\u{2019}')
}

/// Integers of one width. `17850.0` is one; `17850.5` is not.
pub struct Integers<T> {
    format: NumberFormat,
    kind: PhantomData<fn() -> T>,
}

impl<T> Integers<T> {
    pub fn new(format: &NumberFormat) -> Self {
        Integers { format: format.clone(), kind: PhantomData }
    }
}

impl<T: ArrowPrimitiveType> Parse for Integers<T>
where
    T::Native: TryFrom<i64>,
{
    type Native = T::Native;

    #[inline]
    fn fast(&mut self, raw: &[u8]) -> Option<T::Native> {
        if !self.format.is_plain {
            return None;
        }
        short_integer(raw).and_then(|v| v.try_into().ok())
    }

    fn slow(&mut self, text: &str) -> Option<T::Native> {
        let text = self.format.plain(text)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        if !fraction.bytes().all(|b| b == b'0') {
            return None;
        }
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        whole.parse::<i64>().ok()?.try_into().ok()
    }

    fn array(self, values: Vec<T::Native>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls)))
    }
}

/// Up to 18 digits with an optional minus, and a point with zeros after it, as spreadsheets write integers.
#[inline]
pub fn short_integer(raw: &[u8]) -> Option<i64> {
    let (negative, digits) = match raw {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, raw),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut n = 0i64;
    for (i, b) in digits.iter().enumerate() {
        let d = b.wrapping_sub(b'0');
        if d > 9 {
            let zeros = &digits[i + 1..];
            if *b == b'.' && i > 0 && !zeros.is_empty() && zeros.iter().all(|z| *z == b'0') {
                break;
            }
            return None;
        }
        n = n * 10 + i64::from(d);
    }
    Some(if negative { -n } else { n })
}

/// Floating point numbers of one width, correctly rounded. NaN and infinity are not numbers here.
pub struct Floats<T> {
    format: NumberFormat,
    kind: PhantomData<fn() -> T>,
}

impl<T> Floats<T> {
    pub fn new(format: &NumberFormat) -> Self {
        Floats { format: format.clone(), kind: PhantomData }
    }
}

/// What [`Floats`] needs of a width.
pub trait Float: ArrowPrimitiveType {
    fn exact(mantissa: i64, divisor: f64) -> Option<Self::Native>;
    fn parse(text: &str) -> Option<Self::Native>;
}

impl Float for Float64Type {
    #[inline]
    fn exact(mantissa: i64, divisor: f64) -> Option<f64> {
        Some(mantissa as f64 / divisor)
    }
    fn parse(text: &str) -> Option<f64> {
        text.parse().ok().filter(|v: &f64| v.is_finite())
    }
}

impl Float for Float32Type {
    #[inline]
    fn exact(mantissa: i64, divisor: f64) -> Option<f32> {
        // Both exact in single precision, or the quotient would be rounded twice.
        (mantissa.unsigned_abs() < 1 << 24 && divisor <= 1e10).then(|| mantissa as f32 / divisor as f32)
    }
    fn parse(text: &str) -> Option<f32> {
        text.parse().ok().filter(|v: &f32| v.is_finite())
    }
}

impl<T: Float> Parse for Floats<T> {
    type Native = T::Native;

    #[inline]
    fn fast(&mut self, raw: &[u8]) -> Option<T::Native> {
        if !self.format.is_plain {
            return None;
        }
        let (mantissa, divisor) = short_fraction(raw)?;
        T::exact(mantissa, divisor)
    }

    fn slow(&mut self, text: &str) -> Option<T::Native> {
        let text = self.format.plain(text)?;
        // `parse` knows "inf" and "nan"; here a number begins with a digit or a point and ends with one.
        let body = text.strip_prefix('-').unwrap_or(&text);
        if !body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
            return None;
        }
        T::parse(&text)
    }

    fn array(self, values: Vec<T::Native>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls)))
    }
}

const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Up to 15 digits with an optional point and minus: mantissa and a power of ten, both exact as f64, so that one division rounds once.
#[inline]
fn short_fraction(raw: &[u8]) -> Option<(i64, f64)> {
    let (negative, body) = match raw {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, raw),
    };
    if body.len() > 16 {
        return None;
    }
    let mut n = 0i64;
    let mut point = usize::MAX;
    for (i, b) in body.iter().enumerate() {
        let d = b.wrapping_sub(b'0');
        if d <= 9 {
            n = n * 10 + i64::from(d);
        } else if *b == b'.' && point == usize::MAX {
            point = i;
        } else {
            return None;
        }
    }
    let (digits, fraction) = if point == usize::MAX { (body.len(), 0) } else { (body.len() - 1, body.len() - 1 - point) };
    if digits == 0 || digits > 15 || (negative && n == 0) {
        return None; // "-0.0" keeps its sign on the slow way
    }
    Some((if negative { -n } else { n }, POWERS[fraction]))
}
