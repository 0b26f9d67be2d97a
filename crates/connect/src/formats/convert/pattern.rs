//! Dates and times from text. ISO 8601 has a way of its own; the common strftime directives are read by hand; a pattern with others
//! goes through chrono.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

/// A point in local time, or in UTC when the text had a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Days since 1970-01-01.
    pub days: i32,
    /// Microseconds since midnight.
    pub micros: i64,
    /// Seconds east of UTC, where the text said so.
    pub offset_s: Option<i32>,
    /// Whether there was a time of day at all.
    pub has_time: bool,
}

/// A compiled strftime pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `%Y-%m-%d` and nothing else.
    IsoDate,
    Items(Vec<Item>),
    Chrono {
        pattern: String,
        has_time: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Byte(u8),
    Spaces,
    Year4,
    Year2,
    Month,
    MonthName,
    Day,
    DayOfYear,
    Weekday,
    Hour24,
    Hour12,
    AmPm,
    Minute,
    Second,
    /// Digits of a second; with `dot`, a point goes before, and both may be absent.
    Fraction {
        dot: bool,
    },
    Offset,
    /// Whole seconds since 1970, or, with `digits`, so many more digits for parts of one: `%s%3f` are milliseconds.
    Epoch {
        digits: u32,
    },
}

impl Pattern {
    /// An error says what is wrong with the pattern.
    pub fn compile(pattern: &str) -> Result<Pattern, String> {
        if pattern == "%Y-%m-%d" || pattern == "%F" {
            return Ok(Pattern::IsoDate);
        }
        if pattern.trim().is_empty() {
            return Err("an empty date format".into());
        }
        let mut items = Vec::new();
        match parse_items(pattern, &mut items) {
            Ok(()) if is_complete(&items) => Ok(Pattern::Items(items)),
            Ok(()) => Err(format!("the date format \"{pattern}\" has no year or no month")),
            Err(()) => {
                if chrono::format::StrftimeItems::new(pattern).any(|i| matches!(i, chrono::format::Item::Error)) {
                    return Err(format!("the date format \"{pattern}\" has a directive that strftime doesn't know"));
                }
                let has_time = ["%H", "%I", "%k", "%l", "%T", "%R", "%X", "%c", "%s", "%r", "%+"].iter().any(|d| pattern.contains(d));
                Ok(Pattern::Chrono { pattern: pattern.into(), has_time })
            }
        }
    }

    pub fn parse(&self, text: &[u8]) -> Option<Moment> {
        match self {
            Pattern::IsoDate => iso_date(text).map(|days| Moment { days, micros: 0, offset_s: None, has_time: false }),
            Pattern::Items(items) => parse_by(items, text),
            Pattern::Chrono { pattern, has_time } => parse_by_chrono(pattern, *has_time, std::str::from_utf8(text).ok()?),
        }
    }
}

fn parse_items(pattern: &str, items: &mut Vec<Item>) -> Result<(), ()> {
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            if c.is_whitespace() {
                if items.last() != Some(&Item::Spaces) {
                    items.push(Item::Spaces);
                }
            } else {
                let mut bytes = [0; 4];
                items.extend(c.encode_utf8(&mut bytes).bytes().map(Item::Byte));
            }
            continue;
        }
        let mut d = chars.next().ok_or(())?;
        if matches!(d, '-' | '_' | '0') {
            d = chars.next().ok_or(())?; // padding makes no difference to reading
        }
        match d {
            'Y' => items.push(Item::Year4),
            'y' => items.push(Item::Year2),
            'm' => items.push(Item::Month),
            'b' | 'B' | 'h' => items.push(Item::MonthName),
            'd' | 'e' => items.push(Item::Day),
            'j' => items.push(Item::DayOfYear),
            'a' | 'A' => items.push(Item::Weekday),
            'H' | 'k' => items.push(Item::Hour24),
            'I' | 'l' => items.push(Item::Hour12),
            'p' | 'P' => items.push(Item::AmPm),
            'M' => items.push(Item::Minute),
            'S' => items.push(Item::Second),
            'f' => items.push(Item::Fraction { dot: false }),
            's' => items.push(Item::Epoch { digits: 0 }),
            'z' => items.push(Item::Offset),
            ':' if chars.peek() == Some(&'z') => {
                chars.next();
                items.push(Item::Offset);
            }
            '3' | '6' | '9' if items.last() == Some(&Item::Epoch { digits: 0 }) && chars.next_if_eq(&'f').is_some() => {
                items.pop();
                items.push(Item::Epoch { digits: d.to_digit(10).unwrap_or(0) });
            }
            '.' | '3' | '6' | '9' => {
                let dot = d == '.';
                while chars.peek().is_some_and(char::is_ascii_digit) {
                    chars.next();
                }
                if chars.next() != Some('f') {
                    return Err(());
                }
                items.push(Item::Fraction { dot });
            }
            'F' => parse_items("%Y-%m-%d", items)?,
            'T' => parse_items("%H:%M:%S", items)?,
            'R' => parse_items("%H:%M", items)?,
            'D' => parse_items("%m/%d/%y", items)?,
            'n' | 't' => items.push(Item::Spaces),
            '%' => items.push(Item::Byte(b'%')),
            _ => return Err(()),
        }
    }
    Ok(())
}

fn is_complete(items: &[Item]) -> bool {
    let has = |i: &Item| items.contains(i);
    items.iter().any(|i| matches!(i, Item::Epoch { .. }))
        || ((has(&Item::Year4) || has(&Item::Year2)) && (has(&Item::Month) || has(&Item::MonthName) || has(&Item::DayOfYear)))
}

fn parse_by(items: &[Item], text: &[u8]) -> Option<Moment> {
    let mut t = text;
    let (mut year, mut month, mut day, mut day_of_year) = (0i32, 0u32, 1u32, None);
    let (mut hour, mut minute, mut second, mut micros) = (0u32, 0u32, 0u32, 0i64);
    let (mut half, mut hour12, mut has_time, mut offset_s, mut epoch) = (None, None, false, None, None);
    for item in items {
        match item {
            Item::Byte(b) => t = t.strip_prefix(std::slice::from_ref(b))?,
            Item::Spaces => {
                let n = t.iter().take_while(|c| c.is_ascii_whitespace()).count();
                if n == 0 {
                    return None;
                }
                t = &t[n..];
            }
            Item::Year4 => {
                year = fixed(t.get(..4)?)? as i32;
                t = &t[4..];
            }
            Item::Year2 => {
                let y = fixed(t.get(..2)?)? as i32;
                year = if y < 69 { 2000 + y } else { 1900 + y };
                t = &t[2..];
            }
            Item::Month => month = digits(&mut t, 2)?,
            Item::MonthName => month = month_name(&mut t)?,
            Item::Day => {
                t = t.trim_ascii_start();
                day = digits(&mut t, 2)?;
            }
            Item::DayOfYear => day_of_year = Some(digits(&mut t, 3)?),
            Item::Weekday => {
                let n = t.iter().take_while(|c| c.is_ascii_alphabetic()).count();
                if !WEEKDAYS.iter().any(|w| t[..n].eq_ignore_ascii_case(w) || t[..n].eq_ignore_ascii_case(&w[..3])) {
                    return None;
                }
                t = &t[n..];
            }
            Item::Hour24 => {
                t = t.trim_ascii_start();
                hour = digits(&mut t, 2)?;
                has_time = true;
            }
            Item::Hour12 => {
                t = t.trim_ascii_start();
                hour12 = Some(digits(&mut t, 2)?);
                has_time = true;
            }
            Item::AmPm => {
                half = match t.get(..2)? {
                    h if h.eq_ignore_ascii_case(b"am") => Some(0),
                    h if h.eq_ignore_ascii_case(b"pm") => Some(12),
                    _ => return None,
                };
                t = &t[2..];
            }
            Item::Minute => minute = digits(&mut t, 2)?,
            Item::Second => second = digits(&mut t, 2)?,
            Item::Fraction { dot } => {
                if *dot {
                    match t.strip_prefix(b".") {
                        Some(rest) => t = rest,
                        None => continue,
                    }
                }
                micros = fraction(&mut t)?;
            }
            Item::Offset => offset_s = Some(offset(&mut t)?),
            Item::Epoch { digits } => {
                let n = t.iter().take_while(|c| c.is_ascii_digit() || **c == b'-').count();
                let whole = std::str::from_utf8(&t[..n]).ok()?.parse::<i64>().ok()?;
                let per_second = 10i64.pow(*digits);
                epoch = Some(whole.div_euclid(per_second));
                micros = whole.rem_euclid(per_second) * 1_000_000 / per_second;
                t = &t[n..];
            }
        }
    }
    if !t.is_empty() {
        return None;
    }
    if let Some(s) = epoch {
        let days = i32::try_from(s.div_euclid(86_400)).ok()?;
        return Some(Moment { days, micros: s.rem_euclid(86_400) * 1_000_000 + micros, offset_s: Some(0), has_time: true });
    }
    match (hour12, half) {
        (Some(h @ 1..=12), Some(half)) => hour = h % 12 + half,
        (None, _) => {}
        _ => return None,
    }
    let days = match day_of_year {
        Some(n @ 1..=366) => {
            let first = days_of(year, 1, 1)?;
            let last = days_of(year, 12, 31)?;
            let d = first + n as i32 - 1;
            (d <= last).then_some(d)?
        }
        Some(_) => return None,
        None => days_of(year, month, day)?,
    };
    Some(Moment { days, micros: time_of(hour, minute, second)? + micros, offset_s, has_time })
}

fn parse_by_chrono(pattern: &str, has_time: bool, text: &str) -> Option<Moment> {
    let from = |d: NaiveDateTime, offset_s| Moment {
        days: d.date().num_days_from_ce() - 719_163,
        micros: i64::from(d.time().num_seconds_from_midnight()) * 1_000_000 + i64::from(d.time().nanosecond() / 1000),
        offset_s,
        has_time: true,
    };
    if !has_time {
        let d = NaiveDate::parse_from_str(text, pattern).ok()?;
        return Some(Moment { days: d.num_days_from_ce() - 719_163, micros: 0, offset_s: None, has_time: false });
    }
    if let Ok(d) = chrono::DateTime::parse_from_str(text, pattern) {
        return Some(from(d.naive_local(), Some(d.offset().local_minus_utc())));
    }
    NaiveDateTime::parse_from_str(text, pattern).ok().map(|d| from(d, None))
}

/// `2023-01-31`.
#[inline]
pub fn iso_date(t: &[u8]) -> Option<i32> {
    let t: &[u8; 10] = t.try_into().ok()?;
    if t[4] != b'-' || t[7] != b'-' {
        return None;
    }
    days_of(fixed(&t[..4])? as i32, fixed(&t[5..7])?, fixed(&t[8..])?)
}

/// `2023-01-31`, `20230131`, `2023-01-31T08:26`, `2023-01-31 08:26:00.123456+02:00`, …Z.
pub fn iso(text: &[u8]) -> Option<Moment> {
    if text.len() == 8 && text.iter().all(u8::is_ascii_digit) {
        let days = days_of(fixed(&text[..4])? as i32, fixed(&text[4..6])?, fixed(&text[6..])?)?;
        return Some(Moment { days, micros: 0, offset_s: None, has_time: false });
    }
    let days = iso_date(text.get(..10)?)?;
    let mut t = &text[10..];
    if t.is_empty() {
        return Some(Moment { days, micros: 0, offset_s: None, has_time: false });
    }
    t = t.strip_prefix(b"T").or_else(|| t.strip_prefix(b"t")).or_else(|| t.strip_prefix(b" "))?;
    let hour = fixed(t.get(..2)?)?;
    if t.get(2) != Some(&b':') {
        return None;
    }
    let minute = fixed(t.get(3..5)?)?;
    t = &t[5..];
    let mut second = 0;
    let mut micros = 0;
    if let Some(rest) = t.strip_prefix(b":") {
        second = fixed(rest.get(..2)?)?;
        t = &rest[2..];
        if let Some(rest) = t.strip_prefix(b".").or_else(|| t.strip_prefix(b",")) {
            t = rest;
            micros = fraction(&mut t)?;
        }
    }
    t = t.trim_ascii_start();
    let offset_s = if t.is_empty() { None } else { Some(offset(&mut t)?) };
    t.is_empty().then_some(())?;
    Some(Moment { days, micros: time_of(hour, minute, second)? + micros, offset_s, has_time: true })
}

/// Days since 1970-01-01 of a day that exists, years 1 to 9999.
#[inline]
pub fn days_of(year: i32, month: u32, day: u32) -> Option<i32> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        1..=12 => 31,
        _ => return None,
    };
    if year < 1 || day < 1 || day > last {
        return None;
    }
    // The year begins in March here, so that the leap day is its last.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month as i32 + 9) % 12) + 2) / 5 + day as i32 - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Microseconds since midnight; a leap second counts as the one before it.
fn time_of(hour: u32, minute: u32, second: u32) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60).then(|| i64::from(hour * 3600 + minute * 60 + second.min(59)) * 1_000_000)
}

/// All of `t` as a number.
#[inline]
fn fixed(t: &[u8]) -> Option<u32> {
    t.iter().try_fold(0u32, |n, b| {
        let d = b.wrapping_sub(b'0');
        (d <= 9).then(|| n * 10 + u32::from(d))
    })
}

/// One digit at least, `max` at most.
fn digits(t: &mut &[u8], max: usize) -> Option<u32> {
    let n = t.iter().take(max).take_while(|c| c.is_ascii_digit()).count();
    if n == 0 {
        return None;
    }
    let (number, rest) = t.split_at(n);
    *t = rest;
    fixed(number)
}

/// Digits after the point as microseconds; more than six are cut off.
fn fraction(t: &mut &[u8]) -> Option<i64> {
    let n = t.iter().take_while(|c| c.is_ascii_digit()).count();
    if n == 0 || n > 9 {
        return None;
    }
    let value = fixed(&t[..n.min(6)])?;
    *t = &t[n..];
    Some(i64::from(value) * 10i64.pow(6 - n.min(6) as u32))
}

/// `Z`, `UTC`, `GMT`, `+02`, `+0200`, `+02:00` as seconds.
fn offset(t: &mut &[u8]) -> Option<i32> {
    for zero in [&b"Z"[..], b"z", b"UTC", b"GMT"] {
        if let Some(rest) = t.strip_prefix(zero) {
            *t = rest;
            return Some(0);
        }
    }
    let sign = match t.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = fixed(t.get(1..3)?)? as i32;
    *t = &t[3..];
    let colon = t.strip_prefix(b":");
    let rest = colon.unwrap_or(t);
    let minutes = match rest.get(..2) {
        Some(m) if m.iter().all(u8::is_ascii_digit) => {
            *t = &rest[2..];
            fixed(m)? as i32
        }
        _ if colon.is_some() => return None,
        _ => 0,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

const WEEKDAYS: [&[u8]; 7] = [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];
const MONTHS: [&[u8]; 12] =
    [b"january", b"february", b"march", b"april", b"may", b"june", b"july", b"august", b"september", b"october", b"november", b"december"];

fn month_name(t: &mut &[u8]) -> Option<u32> {
    let n = t.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    let word = &t[..n];
    let short = word.get(..3)?;
    let i = MONTHS.iter().position(|m| m[..3].eq_ignore_ascii_case(short))?;
    if n != 3 && !word.eq_ignore_ascii_case(MONTHS[i]) && !(i == 8 && n == 4 && word[3].eq_ignore_ascii_case(&b't')) {
        return None;
    }
    *t = &t[n..];
    Some(i as u32 + 1)
}
