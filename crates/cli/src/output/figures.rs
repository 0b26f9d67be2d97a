//! Numbers as they stand in sentences and summaries; never in rows, which show values as they are.

use std::time::Duration;
use tidemill_engine::MemoryUse;

/// `2240` → `2,240`
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// `1 row`, `2,240 rows`
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Decimal units, three digits: `17 B`, `1.25 MB`, `180 MB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// `3 ms`, `0.4 s`, `12 s`, `2 min 5 s`, `1 h 3 min`
pub fn duration(d: Duration) -> String {
    let s = d.as_secs_f64();
    if s < 0.1 {
        format!("{} ms", d.as_millis())
    } else if s < 9.95 {
        format!("{s:.1} s")
    } else if s < 59.5 {
        format!("{s:.0} s")
    } else if s < 3600.0 {
        let whole = s.round() as u64;
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        let minutes = (s / 60.0).round() as u64;
        format!("{} h {} min", minutes / 60, minutes % 60)
    }
}

/// What is kept in memory, in a line.
pub fn memory(m: &MemoryUse) -> String {
    let columns: usize = m.tables.iter().map(|t| t.columns).sum();
    let wanted = m.hits + m.loads;
    format!(
        "{} of {}, {} of {}; {} of {} found there ({:.0} %), {} let go, {} too large",
        bytes(m.bytes),
        bytes(m.bytes_max),
        counted(columns as u64, "column"),
        counted(m.tables.len() as u64, "table"),
        grouped(m.hits),
        grouped(wanted),
        100.0 * m.hit_rate(),
        grouped(m.evictions),
        grouped(m.refusals),
    )
}

/// Rows per second: `940/s`, `18,200/s`, `1.2 M/s`
pub fn rate(per_second: f64) -> String {
    if per_second >= 999_500.0 { format!("{:.1} M/s", per_second / 1e6) } else { format!("{}/s", grouped(per_second.round() as u64)) }
}
