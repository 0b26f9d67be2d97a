//! When things happen: over a period with growth, seasons, weekdays, hours and promotions, or steadily from now on.

use crate::calendar::{DAY, SECOND, civil_from_days, weekday};

/// The shape of business: weights of months, days of the week and hours, and how much a year adds.
#[derive(Debug, Clone, Copy)]
pub struct Season {
    pub months: [u32; 12],
    pub weekdays: [u32; 7],
    pub hours: [u32; 24],
    pub growth_percent: u32,
    pub promoted: bool,
}

pub const SHOPPING: Season = Season {
    months: [88, 84, 92, 95, 98, 96, 92, 90, 97, 104, 128, 142],
    weekdays: [98, 95, 94, 96, 104, 112, 108],
    hours: [14, 8, 5, 4, 4, 7, 16, 30, 44, 56, 64, 68, 72, 66, 62, 62, 66, 74, 84, 96, 100, 86, 58, 30],
    growth_percent: 18,
    promoted: true,
};

pub const BANKING: Season = Season {
    months: [97, 94, 98, 99, 100, 100, 98, 96, 100, 102, 108, 120],
    weekdays: [100, 98, 98, 102, 116, 104, 78],
    hours: [10, 6, 4, 3, 4, 8, 22, 44, 64, 74, 80, 86, 92, 84, 78, 78, 82, 90, 88, 74, 58, 42, 28, 16],
    growth_percent: 8,
    promoted: false,
};

/// A sale: from month and day to month and day, percent off, demand in percent.
struct Sale {
    from: (u32, u32),
    to: (u32, u32),
    off_percent: i64,
    demand_percent: u64,
}

const SALES: [Sale; 5] = [
    Sale { from: (1, 2), to: (1, 14), off_percent: 20, demand_percent: 125 },
    Sale { from: (4, 10), to: (4, 16), off_percent: 15, demand_percent: 115 },
    Sale { from: (7, 1), to: (7, 14), off_percent: 25, demand_percent: 130 },
    Sale { from: (11, 22), to: (11, 30), off_percent: 30, demand_percent: 190 },
    Sale { from: (12, 10), to: (12, 20), off_percent: 10, demand_percent: 120 },
];

/// The sale that a day falls into: its number and percent off.
pub fn sale(day: i32) -> Option<(usize, i64)> {
    let (_, month, date) = civil_from_days(day);
    SALES.iter().position(|s| (s.from..=s.to).contains(&(month, date))).map(|i| (i, SALES[i].off_percent))
}

/// Gives each of n things its instant; later numbers never come earlier.
#[derive(Debug, Clone)]
pub enum Times {
    Busy(Box<Busy>),
    /// `per_second` (in thousandths) from `from` on.
    Steady {
        from: i64,
        per_second_milli: u64,
    },
}

impl Times {
    /// In whole seconds, where things are not of now.
    #[inline]
    pub fn at(&self, i: u64, draw: u64) -> i64 {
        match self {
            Times::Busy(busy) => busy.at(i, draw) / SECOND * SECOND,
            Times::Steady { .. } => self.within_second(i, draw),
        }
    }

    /// To about a thousandth of a second.
    #[inline]
    pub fn within_second(&self, i: u64, draw: u64) -> i64 {
        match self {
            Times::Busy(busy) => busy.at(i, draw),
            Times::Steady { from, per_second_milli } => {
                from + (u128::from(i) * 1_000_000_000 / u128::from((*per_second_milli).max(1))) as i64
            }
        }
    }
}

#[derive(Debug, Clone)]
pub struct Busy {
    first_day: i32,
    /// Weight of all days before each.
    before: Vec<u64>,
    /// The first day worth looking at for a position, by its high bits.
    guide: Vec<u32>,
    guide_shift: u32,
    /// Seconds of the day by 1024ths of its business.
    clock: Vec<u32>,
    /// Weight per thing, in 2^64ths.
    step: u128,
}

impl Busy {
    pub fn new(first_day: i32, days: u32, n: u64, season: &Season) -> Busy {
        let mut before = vec![0u64];
        for d in 0..days.max(1) {
            let weight = day_weight(first_day + d as i32, d, season);
            before.push(before[d as usize] + weight);
        }
        let total = before[before.len() - 1];
        let guide_shift = (64 - total.leading_zeros()).saturating_sub(12);
        let mut day = 0u32;
        let guide = (0..=total >> guide_shift)
            .map(|g| {
                while before[day as usize + 1] <= g << guide_shift && u64::from(day) + 1 < u64::from(days.max(1)) {
                    day += 1;
                }
                day
            })
            .collect();
        Busy { first_day, before, guide, guide_shift, clock: clock(&season.hours), step: (u128::from(total) << 64) / u128::from(n.max(1)) }
    }

    #[inline]
    fn at(&self, i: u64, draw: u64) -> i64 {
        let position = (u128::from(i) * self.step + (self.step >> 32) * u128::from(draw >> 32)) >> 64;
        let position = (position as u64).min(self.before[self.before.len() - 1] - 1);
        let mut day = self.guide[(position >> self.guide_shift) as usize] as usize;
        while self.before[day + 1] <= position {
            day += 1;
        }
        let weight = self.before[day + 1] - self.before[day];
        let share = ((position - self.before[day]) << 26) / weight;
        let (k, within) = ((share >> 16) as usize, share & 0xFFFF);
        let (low, high) = (u64::from(self.clock[k]), u64::from(self.clock[k + 1]));
        let micros = (((low << 16) + (high - low) * within) * SECOND as u64) >> 16;
        i64::from(self.first_day + day as i32) * DAY + (micros as i64).min(DAY - 1)
    }
}

/// Months are blended into each other; a weight is about ten million.
fn day_weight(day: i32, since: u32, season: &Season) -> u64 {
    let (_, month, date) = civil_from_days(day);
    let (this, date) = (month as usize - 1, u64::from(date));
    let other = if date <= 15 { (this + 11) % 12 } else { (this + 1) % 12 };
    // Half way between the months at their border, the month's own weight in its middle.
    let away = date.abs_diff(15);
    let month_weight = u64::from(season.months[this]) * (32 - away) + u64::from(season.months[other]) * away;
    let growth = 36_500 + u64::from(since) * u64::from(season.growth_percent);
    let demand = match sale(day) {
        Some((i, _)) if season.promoted => SALES[i].demand_percent,
        _ => 100,
    };
    (month_weight * u64::from(season.weekdays[weekday(day)]) * growth / 36_500 * demand / 100 * 32).max(1)
}

fn clock(hours: &[u32; 24]) -> Vec<u32> {
    let total: u64 = hours.iter().map(|h| u64::from(*h)).sum();
    (0..=1024u64)
        .map(|k| {
            let mut left = total * 3600 * k / 1024;
            for (hour, weight) in hours.iter().enumerate() {
                let here = u64::from(*weight) * 3600;
                if left < here {
                    return (hour as u64 * 3600 + left / u64::from(*weight)) as u32;
                }
                left -= here;
            }
            86_400
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{day_of, days_from_civil, hour_of};
    use crate::random::Stream;

    #[test]
    fn things_come_in_order_within_the_period_and_mostly_when_shops_are_busy() {
        let first = days_from_civil(2024, 1, 1);
        let n = 50_000;
        let times = Times::Busy(Box::new(Busy::new(first, 366, n, &SHOPPING)));
        let stream = Stream::new(1, "orders", "time");
        let all: Vec<i64> = (0..n).map(|i| times.at(i, stream.at(i))).collect();
        assert!(all.windows(2).all(|w| w[0] <= w[1]));
        assert!(day_of(all[0]) == first && day_of(all[all.len() - 1]) == first + 365);
        let share = |test: &dyn Fn(i64) -> bool| all.iter().filter(|t| test(**t)).count() as f64 / n as f64;
        let friday = share(&|t| (days_from_civil(2024, 11, 22)..=days_from_civil(2024, 11, 30)).contains(&day_of(t))) / 9.0;
        let march = share(&|t| (days_from_civil(2024, 3, 1)..=days_from_civil(2024, 3, 31)).contains(&day_of(t))) / 31.0;
        assert!(friday > 2.0 * march, "{friday} {march}");
        assert!(share(&|t| (18..22).contains(&hour_of(t))) > 8.0 * share(&|t| (2..6).contains(&hour_of(t))));
    }

    #[test]
    fn few_or_many_things_fit_any_period() {
        for (days, n) in [(1, 1), (1, 1_000_000), (3650, 1), (3650, 3), (36_500, 100_000_000)] {
            let times = Times::Busy(Box::new(Busy::new(0, days, n, &BANKING)));
            for (i, draw) in [(0, 0), (n / 2, 1 << 60), (n - 1, u64::MAX)] {
                let t = times.at(i, draw);
                assert!((0..i64::from(days) * DAY).contains(&t), "{days} {n} {i}: {t}");
            }
        }
        let steady = Times::Steady { from: 5, per_second_milli: 2000 };
        assert_eq!((steady.at(0, 0), steady.at(3, 9)), (5, 1_500_005));
    }
}
