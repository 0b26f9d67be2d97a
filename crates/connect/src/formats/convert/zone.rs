//! Local time to UTC.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// A time zone, with the last offset found kept: neighbouring rows mostly have neighbouring times.
#[derive(Debug, Clone)]
pub struct Zone {
    /// `None` is UTC.
    tz: Option<Tz>,
    to_utc: (i64, i64),
    to_local: (i64, i64),
}

/// Offsets change at quarters of an hour only.
const QUARTER_S: i64 = 900;

impl Zone {
    /// An IANA name.
    pub fn named(name: &str) -> Option<Zone> {
        let tz: Tz = name.parse().ok()?;
        let tz = if matches!(tz, Tz::UTC | Tz::Etc__UTC) { None } else { Some(tz) };
        Some(Zone { tz, to_utc: (i64::MIN, 0), to_local: (i64::MIN, 0) })
    }

    /// Seconds to subtract from local time to get UTC. A time that a change of clocks skips, or that comes twice, is taken in standard time, as
    /// PostgreSQL does.
    pub fn offset_of_local(&mut self, local_s: i64) -> Option<i64> {
        let Some(tz) = self.tz else { return Some(0) };
        let quarter = local_s.div_euclid(QUARTER_S);
        if self.to_utc.0 != quarter {
            self.to_utc = (quarter, offset_of_local(tz, naive(local_s)?)?);
        }
        Some(self.to_utc.1)
    }

    /// Seconds to add to UTC to get local time.
    pub fn offset_of_utc(&mut self, utc_s: i64) -> Option<i64> {
        let Some(tz) = self.tz else { return Some(0) };
        let quarter = utc_s.div_euclid(QUARTER_S);
        if self.to_local.0 != quarter {
            let offset = tz.offset_from_utc_datetime(&naive(utc_s)?).fix().local_minus_utc();
            self.to_local = (quarter, i64::from(offset));
        }
        Some(self.to_local.1)
    }
}

fn naive(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|d| d.naive_utc())
}

fn offset_of_local(tz: Tz, local: NaiveDateTime) -> Option<i64> {
    let seconds = |o: &<Tz as TimeZone>::Offset| i64::from(o.fix().local_minus_utc());
    match tz.offset_from_local_datetime(&local) {
        LocalResult::Single(o) => Some(seconds(&o)),
        LocalResult::Ambiguous(a, b) => Some(seconds(&a).min(seconds(&b))),
        LocalResult::None => (1..=48).find_map(|half_hours| {
            let before = local - chrono::TimeDelta::minutes(30 * half_hours);
            tz.offset_from_local_datetime(&before).latest().map(|o| seconds(&o))
        }),
    }
}
