//! Types from texts: what `init` and tables without declared types start from. Careful rather than clever: a column with one value that
//! doesn't fit stays text.

use super::convert::boolean::boolean;
use super::convert::pattern::{Pattern, iso};
use arrow::datatypes::{DataType, TimeUnit};
use std::collections::{BTreeSet, HashSet};

/// What the values of one column are.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    pub data_type: DataType,
    pub formats: Vec<String>,
    pub null_tokens: Vec<String>,
    /// What a person should know, as "`text` …".
    pub note: Option<String>,
}

impl Inferred {
    fn of(data_type: DataType) -> Self {
        Inferred { data_type, formats: Vec::new(), null_tokens: Vec::new(), note: None }
    }
}

/// Texts that commonly stand for a missing value where numbers or dates are.
const MISSING: [&str; 10] = ["NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "NaN", "nan", "\\N"];

/// Day first before month first: where the values leave it open, day first is assumed.
const DATES: [&str; 20] = [
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%b %d %Y",
    "%d %b, %Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%d-%b-%y",
    "%d.%m.%y",
    "%d/%b/%Y",
];
const TIMES: [&str; 4] = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p"];

/// Whether a cell is a number, a date or a timestamp.
pub fn looks_typed(cell: &str) -> bool {
    let cell = cell.trim();
    !cell.is_empty()
        && (is_number(cell) || iso(cell.as_bytes()).is_some() || date_patterns().iter().any(|(p, _)| p.parse(cell.as_bytes()).is_some()))
}

/// `values` are the column's texts; absent ones are NULL.
pub fn infer<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Inferred {
    let mut seen = HashSet::new();
    let distinct = values.flatten().map(str::trim).filter(|v| !v.is_empty() && seen.insert(*v));
    let (missing, real): (Vec<&str>, Vec<&str>) = distinct.partition(|v| MISSING.contains(v));
    if real.is_empty() {
        return Inferred::of(DataType::Utf8);
    }
    let mut found = infer_real(&real);
    if found.data_type != DataType::Utf8 {
        found.null_tokens = missing.iter().map(|m| (*m).to_string()).collect();
    }
    found
}

fn infer_real(values: &[&str]) -> Inferred {
    if is_boolean(values) {
        return Inferred::of(DataType::Boolean);
    }
    if values.iter().all(|v| is_integer(v)) {
        return Inferred::of(DataType::Int64);
    }
    // `12E5` is a code, unless a fraction or a power's sign shows that numbers are meant.
    let has_powers = values.iter().any(|v| v.contains(['e', 'E']));
    let are_numbers = !has_powers
        || values.iter().any(|v| v.contains('.') || v.contains("e-") || v.contains("e+") || v.contains("E-") || v.contains("E+"));
    if are_numbers && values.iter().all(|v| is_number(v)) {
        return Inferred::of(DataType::Float64);
    }
    infer_moments(values)
}

/// Words for true and false; single letters only where both are there, since a column of `F` alone may mean anything.
fn is_boolean(values: &[&str]) -> bool {
    let is_word = |v: &&str| v.as_bytes()[0].is_ascii_alphabetic() && boolean(v.as_bytes()).is_some();
    values.len() <= 8
        && values.iter().all(is_word)
        && (values.iter().any(|v| v.len() > 1) || {
            let sides: BTreeSet<_> = values.iter().map(|v| boolean(v.as_bytes())).collect();
            sides.len() == 2
        })
}

/// `17850` and `17850.0`, but not `007`, which is a code.
fn is_integer(text: &str) -> bool {
    let text = text.strip_suffix(".0").unwrap_or(text);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !has_leading_zero(digits) && text.parse::<i64>().is_ok()
}

fn is_number(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        || !body.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        return false;
    }
    if has_leading_zero(body.split(['.', 'e', 'E']).next().unwrap_or_default()) {
        return false;
    }
    // A long row of digits is a code that a float would spoil.
    let is_code = body.len() > 15 && body.bytes().all(|b| b.is_ascii_digit()) && text.parse::<i64>().is_err();
    !is_code && text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

fn date_patterns() -> &'static [(Pattern, String)] {
    static PATTERNS: std::sync::OnceLock<Vec<(Pattern, String)>> = std::sync::OnceLock::new();
    PATTERNS.get_or_init(|| {
        let with_times = DATES.iter().flat_map(|d| TIMES.iter().map(move |t| format!("{d} {t}")));
        let all = DATES.iter().map(|d| (*d).to_string()).chain(with_times);
        all.filter_map(|p| Pattern::compile(&p).ok().map(|c| (c, p))).collect()
    })
}

fn infer_moments(values: &[&str]) -> Inferred {
    let timestamp = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let by_iso: Vec<_> = values.iter().map_while(|v| iso(v.as_bytes())).collect();
    if by_iso.len() == values.len() {
        return Inferred::of(if by_iso.iter().any(|m| m.has_time) { timestamp() } else { DataType::Date32 });
    }
    let patterns = date_patterns();
    let mut left: Vec<&str> = values.to_vec();
    let mut chosen: Vec<usize> = Vec::new();
    let mut note = None;
    while !left.is_empty() {
        let covers = |p: &Pattern, v: &str| p.parse(v.as_bytes()).is_some();
        // A value that no pattern reads settles it, and text mostly shows that at once.
        if chosen.is_empty() && left.iter().any(|v| !patterns.iter().any(|(p, _)| covers(p, v))) {
            return Inferred::of(DataType::Utf8);
        }
        let counts: Vec<usize> = patterns.iter().map(|(p, _)| left.iter().filter(|v| covers(p, v)).count()).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        let Some(best) = counts.iter().position(|c| *c == most).filter(|_| most > 0 && chosen.len() < 4) else {
            return Inferred::of(DataType::Utf8);
        };
        let swapped = swap_day_month(&patterns[best].1);
        if let Some(other) = swapped.as_ref().and_then(|s| patterns.iter().position(|(_, p)| p == s)) {
            if chosen.contains(&other) {
                let example = left[0];
                return Inferred {
                    note: Some(format!("day and month come in both orders (\"{example}\"), so it stays text")),
                    ..Inferred::of(DataType::Utf8)
                };
            }
            if counts[other] == most {
                note = Some(format!("\"{}\" may be day first or month first; day first is assumed", left[0]));
            }
        }
        chosen.push(best);
        left.retain(|v| !covers(&patterns[best].0, v));
    }
    let has_time = chosen.iter().any(|i| patterns[*i].1.contains('M') && patterns[*i].1.contains(':'));
    chosen.sort_unstable();
    Inferred {
        data_type: if has_time { timestamp() } else { DataType::Date32 },
        formats: chosen.iter().map(|i| patterns[*i].1.clone()).collect(),
        null_tokens: Vec::new(),
        note,
    }
}

/// `%d/%m/%Y` for `%m/%d/%Y` and the other way round; nothing for patterns where the two can't be confused.
fn swap_day_month(pattern: &str) -> Option<String> {
    if let Some(rest) = pattern.strip_prefix("%d") {
        let separator = rest.get(..1)?;
        return rest[1..].strip_prefix("%m").map(|r| format!("%m{separator}%d{r}"));
    }
    let rest = pattern.strip_prefix("%m")?;
    let separator = rest.get(..1)?;
    rest[1..].strip_prefix("%d").map(|r| format!("%d{separator}%m{r}"))
}
