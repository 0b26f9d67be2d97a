//! Exact decimals: money.

use super::cells::Parse;
use super::number::NumberFormat;
use arrow::array::{ArrayRef, Decimal128Array};
use arrow::buffer::NullBuffer;
use std::sync::Arc;
use tidemill_core::Result;

pub struct Decimals {
    format: NumberFormat,
    precision: u8,
    scale: i8,
}

impl Decimals {
    pub fn new(format: &NumberFormat, precision: u8, scale: i8) -> Self {
        Decimals { format: format.clone(), precision, scale }
    }
}

impl Parse for Decimals {
    type Native = i128;

    #[inline]
    fn fast(&mut self, raw: &[u8]) -> Option<i128> {
        if !self.format.is_plain {
            return None;
        }
        let (negative, body) = match raw {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, raw),
        };
        if body.len() > 17 {
            return None;
        }
        let mut n = 0i64;
        let mut point = None;
        for (i, b) in body.iter().enumerate() {
            let d = b.wrapping_sub(b'0');
            if d <= 9 {
                n = n * 10 + i64::from(d);
            } else if *b == b'.' && point.is_none() {
                point = Some(i);
            } else {
                return None;
            }
        }
        let fraction = point.map_or(0, |p| body.len() - 1 - p);
        if body.len() == usize::from(point.is_some()) {
            return None;
        }
        let shift = i32::from(self.scale) - fraction as i32;
        if !(0..=18).contains(&shift) {
            return None;
        }
        let value = i128::from(n) * 10i128.pow(shift as u32);
        (value < limit(self.precision)).then_some(if negative { -value } else { value })
    }

    fn slow(&mut self, text: &str) -> Option<i128> {
        decimal(&self.format.plain(text)?, self.precision, self.scale)
    }

    fn array(self, values: Vec<i128>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(Arc::new(Decimal128Array::new(values.into(), nulls).with_precision_and_scale(self.precision, self.scale)?))
    }
}

fn limit(precision: u8) -> i128 {
    10i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX)
}

/// A plain number, exactly or not at all: digits beyond the scale must be zeros.
pub fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(i) => (&body[..i], body[i + 1..].parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if (whole.is_empty() && fraction.is_empty()) || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    // value = digits * 10^(exponent - fraction.len()); stored = value * 10^scale
    let mut shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(i32::from(scale))?;
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip_while(|b| *b == b'0').collect();
    let mut digits = &digits[..];
    while shift < 0 {
        match digits {
            [] => break,
            [rest @ .., b'0'] => digits = rest,
            _ => return None,
        }
        shift += 1;
    }
    if digits.is_empty() {
        return Some(0);
    }
    if digits.len() as i64 + i64::from(shift) > i64::from(precision) {
        return None;
    }
    let mut n = 0i128;
    for b in digits {
        n = n.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
    }
    n = n.checked_mul(10i128.checked_pow(u32::try_from(shift).ok()?)?)?;
    (n < limit(precision)).then_some(if negative { -n } else { n })
}
