//! Date patterns and time zones: whether they can mean anything.

use arrow::datatypes::DataType;
use chrono::format::{Fixed, Item, Numeric, StrftimeItems};
use tidemill_core::problem::did_you_mean;

/// What is wrong with a strftime pattern for a date or timestamp column, and what to write instead.
pub(crate) fn check_format(pattern: &str, data_type: Option<&DataType>) -> Result<(), (String, String)> {
    if !pattern.contains('%') {
        let help = match translate(pattern) {
            Some(ours) => format!("patterns are written with percent signs: `{ours}`"),
            None => "patterns are written with percent signs: `%d/%m/%Y` for 31/12/2024".to_string(),
        };
        return Err((format!("`{pattern}` is not a date pattern"), help));
    }
    let items: Vec<Item> = StrftimeItems::new(pattern).collect();
    if items.iter().any(|i| matches!(i, Item::Error)) {
        return Err((
            format!("`{pattern}` is not a date pattern"),
            "use %Y year, %m month, %d day, %b or %B month name, %H hour, %M minute, %S second, %p am or pm, %z zone".to_string(),
        ));
    }
    let (mut year, mut day, mut time, mut whole) = (false, false, false, false);
    for item in &items {
        match item {
            Item::Numeric(Numeric::Year | Numeric::YearMod100 | Numeric::IsoYear | Numeric::IsoYearMod100, _) => year = true,
            Item::Numeric(Numeric::Day | Numeric::Ordinal | Numeric::WeekFromSun | Numeric::WeekFromMon | Numeric::IsoWeek, _) => {
                day = true
            }
            Item::Numeric(Numeric::Hour | Numeric::Hour12 | Numeric::Minute | Numeric::Second, _) => time = true,
            Item::Numeric(Numeric::Timestamp, _) | Item::Fixed(Fixed::RFC2822 | Fixed::RFC3339) => whole = true,
            _ => {}
        }
    }
    if !(whole || year && day) {
        let lacks = if year { "a day" } else { "a year" };
        return Err((
            format!("`{pattern}` has no part for {lacks}"),
            "a date needs year, month and day, for example `%Y-%m-%d`".to_string(),
        ));
    }
    if data_type == Some(&DataType::Date32) && time && !whole {
        return Err((
            format!("`{pattern}` reads a time, and the column is a date"),
            "make the column a `timestamp`, or leave the time out of the pattern if the source has none".to_string(),
        ));
    }
    Ok(())
}

/// `dd/mm/yyyy` and the like, as strftime.
fn translate(pattern: &str) -> Option<String> {
    let mut out = pattern.to_string();
    for (theirs, ours) in
        [("yyyy", "%Y"), ("YYYY", "%Y"), ("dd", "%d"), ("DD", "%d"), ("HH", "%H"), ("hh", "%H"), ("ss", "%S"), ("SS", "%S")]
    {
        out = out.replacen(theirs, ours, 1);
    }
    // Minutes are written like months in some systems: whatever follows an hour is a minute.
    let (date, time) = match out.find("%H") {
        Some(at) => out.split_at(at),
        None => (out.as_str(), ""),
    };
    let date = date.replacen("MMM", "%b", 1).replacen("MM", "%m", 1).replacen("mm", "%m", 1);
    let date = if date.contains("%Y") { date } else { date.replacen("yy", "%y", 1).replacen("YY", "%y", 1) };
    let out = format!("{date}{}", time.replacen("mm", "%M", 1).replacen("MM", "%M", 1));
    (out != pattern && check_format(&out, None).is_ok()).then_some(out)
}

/// What to do about a time zone that there is not.
pub(crate) fn check_timezone(zone: &str) -> Result<(), String> {
    if zone.parse::<chrono_tz::Tz>().is_ok() {
        return Ok(());
    }
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|t| t.name());
    // A bare city is the commonest slip.
    let city = zone.trim().replace(' ', "_").to_lowercase();
    let by_city = names().find(|n| n.rsplit('/').next().is_some_and(|c| c.to_lowercase() == city));
    // Abbreviations are zones too, for the sake of old systems, but nothing to recommend.
    Err(match by_city.or_else(|| did_you_mean(zone, names().filter(|n| n.contains('/')))) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write an IANA name such as `Europe/Berlin`, or `UTC`".to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_mean_a_date_pass() {
        for p in ["%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y", "%d %B %y", "%Y-%j", "%s", "%F"] {
            assert_eq!(check_format(p, Some(&DataType::Date32)), Ok(()), "{p}");
        }
        assert_eq!(check_format("%Y-%m-%dT%H:%M:%S%.f%z", None), Ok(()));
    }

    #[test]
    fn others_are_explained() {
        assert!(check_format("dd/mm/yyyy", None).unwrap_err().1.contains("`%d/%m/%Y`"));
        assert!(check_format("yyyy-MM-dd HH:mm:ss", None).unwrap_err().1.contains("`%Y-%m-%d %H:%M:%S`"));
        assert!(check_format("%Y-%q-%d", None).is_err() || check_format("%Y-%!-%d", None).is_err());
        assert!(check_format("%m/%d", None).unwrap_err().0.contains("a year"));
        assert!(check_format("%Y-%m-%d %H:%M", Some(&DataType::Date32)).unwrap_err().0.contains("a time"));
    }

    #[test]
    fn zones_are_iana_names() {
        assert_eq!(check_timezone("Europe/Berlin"), Ok(()));
        assert_eq!(check_timezone("UTC"), Ok(()));
        assert_eq!(check_timezone("berlin"), Err("did you mean `Europe/Berlin`?".into()));
        assert!(check_timezone("Europe/Berln").unwrap_err().contains("Europe/Berlin"));
    }
}
