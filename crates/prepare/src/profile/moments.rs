//! Dates and instants: what a column spans, and where rows are missing in time.

use super::columns::counted;
use super::encode::show;
use super::kept::{Kept, KeptColumn};
use super::{MomentProfile, TimeCoverage};
use crate::cells::is_moment;
use arrow::datatypes::DataType;
use chrono::{Datelike, Days, NaiveDate};
use std::collections::BTreeMap;
use tidemill_core::Result;

const DAY: i64 = 86_400_000_000;
const SERIES: usize = 400;
const GAPS: usize = 10;
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    const ALL: [Unit; 5] = [Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year];

    fn name(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Quarter => "quarter",
            Unit::Year => "year",
        }
    }

    /// The number of the unit that holds a day; neighbours differ by one.
    fn of(self, day: i64) -> i64 {
        let date = date(day);
        match self {
            Unit::Day => day,
            Unit::Week => (day + 3).div_euclid(7), // 1970-01-01 was a Thursday
            Unit::Month => i64::from(date.year()) * 12 + i64::from(date.month0()),
            Unit::Quarter => i64::from(date.year()) * 4 + i64::from(date.month0() / 3),
            Unit::Year => i64::from(date.year()),
        }
    }

    fn label(self, at: i64) -> String {
        match self {
            Unit::Day => date(at).to_string(),
            Unit::Week => date(at * 7 - 3).to_string(),
            Unit::Month => format!("{:04}-{:02}", at.div_euclid(12), at.rem_euclid(12) + 1),
            Unit::Quarter => format!("{:04}-Q{}", at.div_euclid(4), at.rem_euclid(4) + 1),
            Unit::Year => format!("{at:04}"),
        }
    }
}

/// The date of a day counted from 1970-01-01; the nearest there is where the calendar ends.
fn date(day: i64) -> NaiveDate {
    let epoch = NaiveDate::default();
    let moved =
        if day >= 0 { epoch.checked_add_days(Days::new(day as u64)) } else { epoch.checked_sub_days(Days::new(day.unsigned_abs())) };
    moved.unwrap_or(if day >= 0 { NaiveDate::MAX } else { NaiveDate::MIN })
}

/// Rows by day, and by hour of the day where there are hours.
fn days(counted: &[(i64, u64)], t: &DataType) -> (BTreeMap<i64, u64>, Vec<u64>) {
    let mut days = BTreeMap::new();
    if *t == DataType::Date32 {
        counted.iter().for_each(|(d, n)| *days.entry(*d).or_insert(0) += n);
        return (days, Vec::new());
    }
    let mut hours = vec![0; 24];
    for (micros, n) in counted {
        let (day, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        *days.entry(day).or_insert(0) += n;
        hours[(rest / (DAY / 24)) as usize] += n;
    }
    if counted.iter().all(|(m, _)| m.rem_euclid(DAY) == 0) {
        hours.clear();
    }
    (days, hours)
}

fn by_unit(days: &BTreeMap<i64, u64>, unit: Unit) -> BTreeMap<i64, u64> {
    let mut out = BTreeMap::new();
    days.iter().for_each(|(d, n)| *out.entry(unit.of(*d)).or_insert(0) += n);
    out
}

fn span(units: &BTreeMap<i64, u64>) -> u64 {
    match (units.first_key_value(), units.last_key_value()) {
        (Some((a, _)), Some((b, _))) => (b - a) as u64 + 1,
        _ => 0,
    }
}

/// All units from first to last, in the finest unit that makes at most `most` of them.
fn series(days: &BTreeMap<i64, u64>, from: Unit, most: usize) -> (Vec<(String, u64)>, Unit) {
    let finest = Unit::ALL.into_iter().skip_while(|u| *u != from);
    let mut unit = Unit::Year;
    for u in finest {
        if span(&by_unit(days, u)) <= most as u64 {
            unit = u;
            break;
        }
    }
    let units = by_unit(days, unit);
    let (Some((a, _)), Some((b, _))) = (units.first_key_value(), units.last_key_value()) else { return (Vec::new(), unit) };
    let all = (*a..=*b).take(most * 4).map(|u| (unit.label(u), units.get(&u).copied().unwrap_or(0)));
    (all.collect(), unit)
}

pub(super) fn column(c: &KeptColumn, counted: &[(i64, u64)], now_micros: i64) -> MomentProfile {
    let (Some(first), Some(last)) = (counted.first(), counted.last()) else { return MomentProfile::default() };
    let (days, _) = days(counted, &c.data_type);
    let now = if c.data_type == DataType::Date32 { now_micros.div_euclid(DAY) } else { now_micros };
    MomentProfile {
        first: show(first.0 as u64, &c.data_type),
        last: show(last.0 as u64, &c.data_type),
        histogram: series(&days, Unit::Day, 40).0,
        future: counted.iter().rev().take_while(|(k, _)| *k > now).map(|(_, n)| n).sum(),
    }
}

/// Coverage of every column of dates or instants that has at least three different days.
pub(super) fn coverage(kept: &Kept) -> Result<Vec<TimeCoverage>> {
    let columns = kept.columns.iter().filter(|c| is_moment(&c.data_type));
    Ok(columns.filter_map(|c| cover(c, &counted(kept, c))).collect())
}

fn cover(c: &KeptColumn, counted: &[(i64, u64)]) -> Option<TimeCoverage> {
    let (days, hours) = days(counted, &c.data_type);
    if days.len() < 3 {
        return None;
    }
    let mut weekdays = [0u64; 7];
    days.iter().for_each(|(d, n)| weekdays[(d + 3).rem_euclid(7) as usize] += n);
    let filled = |u: Unit| {
        let units = by_unit(&days, u);
        units.len() as f64 / span(&units).max(1) as f64
    };
    let unit = Unit::ALL.into_iter().find(|u| filled(*u) >= 0.5).unwrap_or(Unit::Year);
    let units = by_unit(&days, unit);
    // With less than four weeks, a day of the week that is missing says nothing.
    let regular = unit == Unit::Day && span(&units) >= 28;
    let is_off = |d: i64| regular && weekdays[(d + 3).rem_euclid(7) as usize] == 0;
    let mut gaps: Vec<(i64, i64, u64)> = Vec::new();
    let mut empty_units = 0;
    for (a, b) in units.keys().zip(units.keys().skip(1)) {
        let missed = if regular { (a + 1..*b).filter(|d| !is_off(*d)).count() as u64 } else { (b - a - 1) as u64 };
        if missed > 0 {
            empty_units += missed;
            gaps.push((a + 1, b - 1, missed));
        }
    }
    gaps.sort_by_key(|g| std::cmp::Reverse(g.2));
    gaps.truncate(GAPS);
    let (series, series_unit) = series(&days, unit, SERIES);
    let show_at = |k: i64| show(k as u64, &c.data_type);
    Some(TimeCoverage {
        column: c.name.clone(),
        first: show_at(counted.first()?.0),
        last: show_at(counted.last()?.0),
        unit: unit.name(),
        units: span(&units),
        gaps: gaps.into_iter().map(|(a, b, n)| (unit.label(a), unit.label(b), n)).collect(),
        empty_units,
        weekdays_empty: if regular { (0..7).filter(|d| weekdays[*d] == 0).map(|d| WEEKDAYS[d]).collect() } else { Vec::new() },
        weekdays,
        hours,
        series,
        series_unit: series_unit.name(),
    })
}

/// Days from 1970 of a key, for whoever looks at single values.
pub(super) fn day_of(key: i64, t: &DataType) -> i64 {
    if *t == DataType::Date32 { key } else { key.div_euclid(DAY) }
}

/// Year, month and day of a day.
pub(super) fn civil(day: i64) -> (i32, u32, u32) {
    let d = date(day);
    (d.year(), d.month(), d.day())
}
