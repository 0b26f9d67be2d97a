//! The proleptic Gregorian calendar by whole numbers (E. G. Richards, "Mapping time", in the form of H. Hinnant's `civil_from_days`): a dozen
//! operations a day, where a general library checks what cannot happen here.

/// Days from 0000-03-01 to 1970-01-01: years that begin in March have their leap day at the end.
const EPOCH: i64 = 719_468;
const DAYS_OF_400_YEARS: i64 = 146_097;
/// Days since 1970 that are surely within any calendar library's years (±262,000).
pub(super) const DAYS_MAX: i64 = 95_000_000;

/// Year, month (1 to 12) and day (1 to 31) of a day since 1970.
#[inline]
pub(super) fn date(days: i64) -> (i64, u32, u32) {
    let shifted = days + EPOCH;
    let era = shifted.div_euclid(DAYS_OF_400_YEARS);
    let of_era = shifted.rem_euclid(DAYS_OF_400_YEARS) as u32;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (i64::from(year_of_era) + era * 400 + i64::from(month <= 2), month, day)
}

/// The first day of a month, in days since 1970.
#[inline]
pub(super) fn first_of_month(year: i64, month: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let of_year = (153 * from_march + 2) / 5;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * DAYS_OF_400_YEARS + of_era - EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    #[test]
    fn every_day_is_as_the_library_has_it() {
        // 1200 years day by day, then far ones.
        let near = -200_000..240_000;
        let far = (-DAYS_MAX..DAYS_MAX).step_by(99_991);
        for days in near.chain(far) {
            let known = NaiveDate::from_epoch_days(days as i32).unwrap();
            assert_eq!(date(days), (i64::from(known.year()), known.month(), known.day()), "{days}");
            let first = known.with_day(1).unwrap().to_epoch_days();
            assert_eq!(first_of_month(i64::from(known.year()), known.month()), i64::from(first), "{days}");
        }
    }
}
