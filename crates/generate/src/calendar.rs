//! Days and instants as whole numbers, and their texts.

use crate::digits::{two, whole};

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Days since 1970-01-01 of a date of the Gregorian calendar (Hinnant: "chrono-Compatible Low-Level Date Algorithms").
pub fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (month as i32 + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day as i32 - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Year, month, day.
#[inline]
pub fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097) as u32;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe as i32 + era * 400 + i32::from(month <= 2), month, day)
}

/// `YYYY-MM-DD`, between 1970 and 2262.
pub fn parse_date(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let (y, m, d) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || y.len() != 4 || m.len() != 2 || d.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    let (y, m, d): (i32, u32, u32) = (y.parse().ok()?, m.parse().ok()?, d.parse().ok()?);
    let days = days_from_civil(y, m, d);
    ((1..=12).contains(&m) && (1970..2262).contains(&y) && civil_from_days(days) == (y, m, d)).then_some(days)
}

/// 0 is Monday.
pub fn weekday(days: i32) -> usize {
    (days + 3).rem_euclid(7) as usize
}

#[inline]
pub fn day_of(micros: i64) -> i32 {
    micros.div_euclid(DAY) as i32
}

pub fn month_of(micros: i64) -> usize {
    civil_from_days(day_of(micros)).1 as usize - 1
}

pub fn hour_of(micros: i64) -> i64 {
    micros.rem_euclid(DAY) / HOUR
}

/// `2024-03-01`
#[inline]
pub fn write_date(days: i32, out: &mut Vec<u8>) {
    let (y, m, d) = civil_from_days(days);
    if (1000..=9999).contains(&y) {
        two((y / 100) as u32, out);
        two((y % 100) as u32, out);
    } else {
        whole(i64::from(y), out);
    }
    out.push(b'-');
    two(m, out);
    out.push(b'-');
    two(d, out);
}

/// `12:34:56`
#[inline]
pub fn write_clock(micros: i64, out: &mut Vec<u8>) {
    let seconds = (micros.rem_euclid(DAY) / SECOND) as u32;
    two(seconds / 3600, out);
    out.push(b':');
    two(seconds / 60 % 60, out);
    out.push(b':');
    two(seconds % 60, out);
}

/// How instants are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `2024-03-01T12:34:56Z`
    Seconds,
    /// `2024-03-01T12:34:56.789Z`
    Millis,
    /// `2024-03-01 12:34:56`
    Plain,
}

#[inline]
pub fn write_instant(micros: i64, form: Form, out: &mut Vec<u8>) {
    write_date(day_of(micros), out);
    out.push(if form == Form::Plain { b' ' } else { b'T' });
    write_clock(micros, out);
    if form == Form::Millis {
        out.push(b'.');
        let millis = (micros.rem_euclid(SECOND) / 1000) as u32;
        out.push(b'0' + (millis / 100) as u8);
        two(millis % 100, out);
    }
    if form != Form::Plain {
        out.push(b'Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_go_there_and_back() {
        for days in (-200_000..200_000).step_by(37) {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(parse_date("2024-02-29"), Some(19_782));
        for bad in ["2023-02-29", "2024-2-9", "2024-13-01", "20240101", "+024-01-01", "2024-01-01-"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
        assert_eq!(weekday(parse_date("2024-01-01").unwrap()), 0);
    }

    #[test]
    fn instants_have_three_forms() {
        let t = 1_709_296_496_789_000;
        assert_eq!(text(|o| write_instant(t, Form::Seconds, o)), "2024-03-01T12:34:56Z");
        assert_eq!(text(|o| write_instant(t, Form::Millis, o)), "2024-03-01T12:34:56.789Z");
        assert_eq!(text(|o| write_instant(t, Form::Plain, o)), "2024-03-01 12:34:56");
        assert_eq!(text(|o| write_instant(-1, Form::Plain, o)), "1969-12-31 23:59:59");
    }
}
