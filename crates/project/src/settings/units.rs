//! Sizes and durations as people write them: `1GB`, `512MiB`, `10s`, `1h30m`.

use std::time::Duration;

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

const DURATIONS: [(&str, u64); 7] =
    [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000), ("w", 604_800_000_000)];

/// Bytes of `1GB` (10⁹), `512MiB` (2²⁹), `1.5 GB` or `4096`. Capitals do not matter, but the `i` does. Errors say what to write.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let help = || "write a number and a unit: `500MB`, `1GB`, `2GiB`".to_string();
    let number: f64 = number.replace('_', "").parse().map_err(|_| help())?;
    let factor = match unit {
        "" => 1,
        _ => SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, f)| *f).ok_or_else(help)?,
    };
    let bytes = number * factor as f64;
    // Whole bytes below 2⁵³ are exact in a double; more than that is no size of this world.
    if bytes.is_finite() && bytes < 9e15 { Ok(bytes.round() as u64) } else { Err(help()) }
}

/// `10s`, `500ms`, `7d`, `1h30m`; `0` needs no unit. Errors say what to write.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let help = || "write a number and a unit: `500ms`, `10s`, `5m`, `2h`, `7d`".to_string();
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(help());
    }
    let mut micros: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(help)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.trim_start().find(|c: char| !c.is_alphabetic()).unwrap_or(after.trim_start().len());
        let (unit, after) = after.trim_start().split_at(letters);
        let number: f64 = number.parse().map_err(|_| help())?;
        let factor = DURATIONS.iter().find(|(name, _)| *name == unit).map(|(_, f)| *f).ok_or_else(help)?;
        let part = number * factor as f64;
        if !part.is_finite() || part > 1e16 {
            return Err(help());
        }
        micros = micros.saturating_add(part.round() as u64);
        rest = after.trim_start();
    }
    Ok(Duration::from_micros(micros))
}

/// The shortest text that reads back as the same size.
pub fn format_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0B".into();
    }
    SIZES
        .iter()
        .filter(|(_, factor)| bytes.is_multiple_of(*factor))
        .map(|(name, factor)| format!("{}{name}", bytes / factor))
        .min_by_key(|s| (s.len(), s.contains('i')))
        .unwrap_or_else(|| format!("{bytes}B"))
}

/// The shortest text with one unit that reads back as the same duration, in whole microseconds.
pub fn format_duration(d: Duration) -> String {
    let micros = d.as_micros() as u64;
    if micros == 0 {
        return "0s".into();
    }
    // Weeks are left out: nobody looks for them.
    DURATIONS[..6]
        .iter()
        .rev()
        .find(|(_, factor)| micros.is_multiple_of(*factor))
        .map_or_else(|| format!("{micros}us"), |(name, factor)| format!("{}{name}", micros / factor))
}
