//! Numbers and rates as people write them.

/// `5000`, `5_000`, `250k`, `10M`
pub fn count(text: &str) -> Result<u64, String> {
    let plain: String = text.trim().chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let (number, times) = match plain.strip_suffix(['k', 'K', 'm', 'M']) {
        Some(number) if plain.ends_with(['k', 'K']) => (number, 1_000),
        Some(number) => (number, 1_000_000),
        None => (plain.as_str(), 1),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(times)).ok_or_else(|| "write a whole number, such as 5000, 250k or 10M".into())
}

/// Rows per second, in thousandths.
pub fn per_second_milli(text: &str) -> Result<u64, String> {
    let wrong = || "write a rate such as 100/s, 30/min or 5000/h, from 4/h to 10M/s".to_string();
    let (number, unit) = text.trim().split_once('/').unwrap_or((text.trim(), "s"));
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1,
        "m" | "min" | "minute" => 60,
        "h" | "hour" => 3600,
        _ => return Err(wrong()),
    };
    let milli = count(number).ok().and_then(|n| n.checked_mul(1000)).ok_or_else(wrong)? / seconds;
    Some(milli).filter(|n| (1..=10_000_000_000).contains(n)).ok_or_else(wrong)
}

/// `0.8` as 800, without a float on the way.
pub fn thousandths(text: &str) -> Result<u32, String> {
    let wrong = || "write a number from 0 to 3, such as 0.8".to_string();
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if part.len() > 3 || whole.len() > 1 || (whole.is_empty() && part.is_empty()) {
        return Err(wrong());
    }
    format!("0{whole}{part:0<3}").parse().ok().filter(|n| *n <= 3000).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rates_and_skews_are_read_as_people_write_them() {
        assert_eq!((count("5_000"), count("250k"), count("10M"), count("7")), (Ok(5000), Ok(250_000), Ok(10_000_000), Ok(7)));
        assert!(count("").is_err() && count("1.5M").is_err() && count("-1").is_err() && count("99999999999999999M").is_err());
        assert_eq!((per_second_milli("100/s"), per_second_milli("30/min"), per_second_milli("2k")), (Ok(100_000), Ok(500), Ok(2_000_000)));
        assert!(["0/s", "1/h", "5/week", "/s", "99999M/s"].iter().all(|bad| per_second_milli(bad).is_err()));
        assert_eq!((thousandths("0.8"), thousandths("1.5"), thousandths("0"), thousandths(".25")), (Ok(800), Ok(1500), Ok(0), Ok(250)));
        assert!(thousandths("3.1").is_err() && thousandths("-1").is_err() && thousandths("x").is_err() && thousandths("").is_err());
    }
}
