//! What the header of a live view says beside its SQL: how late a row may be, what becomes of it then, when results are given, how much may be kept.

use crate::document::Data;
use crate::fields::{Fields, wrong_type};
use crate::settings::parse_size;
use crate::sheet::Sheet;
use crate::source;
use crate::spec::{Emit, Late, LiveSettings, Source, StateLimit, TimeDomain};
use tidemill_core::{Spanned, codes};

/// The keys that [`read`] asks for.
const KEYS: [&str; 9] = ["lateness", "late", "emit", "period", "state_limit", "deterministic", "idle", "time", "recompute"];

/// What the header says, and what it leaves open; `lateness` is the project's, in microseconds.
pub(crate) fn read(f: &mut Fields, lateness: i64, sheet: &mut Sheet) -> LiveSettings {
    let default = LiveSettings::default();
    let settings = LiveSettings {
        lateness_micros: f.duration("lateness", sheet).map_or(lateness, |d| d.value),
        late: f.choice_or_default("late", &[("count", Late::Count), ("update", Late::Update), ("list", Late::List)], sheet),
        emit: f.choice_or_default("emit", &[("changes", Emit::Changes), ("final", Emit::Final)], sheet),
        period_micros: f.some_time("period", sheet).map(|d| d.value),
        state_limit: state_limit(f, sheet),
        deterministic: f.flag("deterministic", true, sheet),
        idle_micros: f.some_time("idle", sheet).map_or(default.idle_micros, |d| d.value),
        time: f.choice_or_default("time", &[("event", TimeDomain::Event), ("processing", TimeDomain::Processing)], sheet),
        recompute: f.flag("recompute", false, sheet),
        ..default
    };
    together(&settings, f, sheet);
    settings
}

/// Refuses every live setting that is written, for something that is not kept live.
pub(crate) fn refuse(f: &Fields, also: &[&'static str], what: &str, instead: &str, sheet: &mut Sheet) {
    for key in KEYS.iter().chain(also).filter(|k| f.has(k)) {
        let message = format!("`{key}` does nothing for {what}");
        sheet.error(codes::KEY_CONFLICT, &f.key_span(key), message, format!("{instead}, or remove `{key}`"));
    }
}

/// `[sink]`, or `sink = { connector = "…", … }`.
pub(crate) fn sink(f: &mut Fields, sheet: &mut Sheet) -> Option<Source> {
    let (entries, span) = f.table("sink", sheet)?;
    let span = if span.is_empty() { f.key_span("sink") } else { span };
    Some(source::read("`sink`", span, entries, None, sheet))
}

/// Settings each of which makes sense, but not with the other.
fn together(settings: &LiveSettings, f: &Fields, sheet: &mut Sheet) {
    let mut conflict = |key: &str, message: &str, help: &str| sheet.error(codes::KEY_CONFLICT, &f.key_span(key), message, help);
    if settings.late == Late::Update && settings.emit == Emit::Final {
        let message = "`late = \"update\"` changes rows that `emit = \"final\"` has given for good";
        conflict("late", message, "write `emit = \"changes\"`, or have late rows counted or listed");
    } else if settings.late == Late::Update && settings.lateness_micros == 0 {
        let message = "`late = \"update\"` keeps a window for one `lateness` more, and that is nothing here";
        conflict("late", message, "add `lateness = \"10s\"`, or however late rows may be");
    }
    if settings.time == TimeDomain::Processing {
        for key in ["lateness", "late", "idle"].into_iter().filter(|k| f.has(k)) {
            let message = format!("`{key}` does nothing with `time = \"processing\"`: no row is late then");
            conflict(key, &message, &format!("remove `{key}`, or go by the rows' own time"));
        }
    }
}

fn state_limit(f: &mut Fields, sheet: &mut Sheet) -> Option<Spanned<StateLimit>> {
    let v = f.get("state_limit")?;
    let Data::Text(text) = &v.data else {
        let help = "write rows or bytes: `state_limit = \"1M rows\"`, or `\"500MB\"`";
        wrong_type(v, "state_limit", "text", Some(help.into()), sheet);
        return None;
    };
    match parse_limit(text) {
        Ok(limit) => Some(Spanned::new(limit, v.span.clone())),
        Err(help) => {
            sheet.error(codes::VALUE_INVALID, &v.span, format!("`state_limit` cannot be `{text}`"), help);
            None
        }
    }
}

/// `1M rows`, `250_000 rows`, `500MB`. Errors say what to write.
fn parse_limit(text: &str) -> Result<StateLimit, String> {
    let help = || "write rows or bytes: `1M rows`, `250_000 rows`, `500MB`, `2GiB`".to_string();
    let text = text.trim();
    let lower = text.to_lowercase();
    let limit = match lower.strip_suffix("rows").or_else(|| lower.strip_suffix("row")) {
        Some(number) => {
            let number = number.trim();
            let digits = number.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(number.len());
            let factor = match number[digits..].trim() {
                "" => 1.0,
                "k" => 1e3,
                "m" => 1e6,
                "g" | "b" => 1e9,
                _ => return Err(help()),
            };
            let rows = number[..digits].replace('_', "").parse::<f64>().map_err(|_| help())? * factor;
            if !(1.0..9e15).contains(&rows) {
                return Err(help());
            }
            StateLimit::Rows(rows.round() as u64)
        }
        None if text.ends_with(|c: char| c.is_ascii_digit()) => return Err(help()),
        None => StateLimit::Bytes(parse_size(text).map_err(|_| help())?),
    };
    if matches!(limit, StateLimit::Rows(0) | StateLimit::Bytes(0)) { Err(help()) } else { Ok(limit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rows_or_bytes() {
        for (text, limit) in [
            ("1M rows", StateLimit::Rows(1_000_000)),
            ("250_000 rows", StateLimit::Rows(250_000)),
            ("1.5k rows", StateLimit::Rows(1_500)),
            ("1 row", StateLimit::Rows(1)),
            ("500MB", StateLimit::Bytes(500_000_000)),
            ("2 GiB", StateLimit::Bytes(2 << 30)),
        ] {
            assert_eq!(parse_limit(text), Ok(limit), "{text}");
        }
        for bad in ["", "rows", "0 rows", "0MB", "1000", "1 parsec", "1X rows", "-1 rows", "1e9 rows"] {
            assert!(parse_limit(bad).is_err(), "{bad}");
        }
    }
}
