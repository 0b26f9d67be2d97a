//! How far a window function looks from its row.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// Rows, among those in the order of time.
    Rows(u64),
    /// Microseconds.
    Micros(i64),
    Everything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ahead {
    Nothing,
    Micros(i64),
    Anything,
}

impl Back {
    /// As far as both.
    pub(crate) fn and(self, other: Back) -> Back {
        match (self, other) {
            (Back::Rows(a), Back::Rows(b)) => Back::Rows(a.max(b)),
            (Back::Micros(a), Back::Micros(b)) => Back::Micros(a.max(b)),
            (Back::Rows(0), other) | (other, Back::Rows(0)) => other,
            _ => Back::Everything,
        }
    }
}

impl Ahead {
    pub(crate) fn and(self, other: Ahead) -> Ahead {
        match (self, other) {
            (Ahead::Nothing, other) | (other, Ahead::Nothing) => other,
            (Ahead::Micros(a), Ahead::Micros(b)) => Ahead::Micros(a.max(b)),
            _ => Ahead::Anything,
        }
    }
}

/// How far a function of this name and frame looks, `offset` being what `lag` and `lead` were told.
pub(crate) fn of(name: &str, frame: &WindowFrame, offset: Option<i64>) -> (Back, Ahead) {
    match name {
        "row_number" | "rank" | "dense_rank" => (Back::Everything, Ahead::Nothing),
        "percent_rank" | "cume_dist" | "ntile" => (Back::Everything, Ahead::Anything),
        "lag" | "lead" => match (name, offset) {
            ("lag", Some(n)) if n >= 0 => (Back::Rows(n.unsigned_abs()), Ahead::Nothing),
            ("lead", Some(n)) if n <= 0 => (Back::Rows(n.unsigned_abs()), Ahead::Nothing),
            _ => (Back::Everything, Ahead::Anything),
        },
        _ => (back(frame), ahead(frame)),
    }
}

fn back(frame: &WindowFrame) -> Back {
    match (&frame.start_bound, frame.units) {
        (WindowFrameBound::Preceding(n), WindowFrameUnits::Rows) => rows(n).map_or(Back::Everything, Back::Rows),
        (WindowFrameBound::Preceding(n), WindowFrameUnits::Range) => micros(n).map_or(Back::Everything, Back::Micros),
        // Peers of a row are at its own moment.
        (WindowFrameBound::CurrentRow | WindowFrameBound::Following(_), WindowFrameUnits::Range) => Back::Micros(0),
        (WindowFrameBound::CurrentRow | WindowFrameBound::Following(_), WindowFrameUnits::Rows) => Back::Rows(0),
        _ => Back::Everything,
    }
}

fn ahead(frame: &WindowFrame) -> Ahead {
    match (&frame.end_bound, frame.units) {
        (WindowFrameBound::Preceding(_) | WindowFrameBound::CurrentRow, _) => Ahead::Nothing,
        (WindowFrameBound::Following(n), WindowFrameUnits::Range) => micros(n).map_or(Ahead::Anything, Ahead::Micros),
        (WindowFrameBound::Following(n), WindowFrameUnits::Rows) if rows(n) == Some(0) => Ahead::Nothing,
        _ => Ahead::Anything,
    }
}

fn rows(n: &ScalarValue) -> Option<u64> {
    match n {
        ScalarValue::UInt64(n) => *n,
        ScalarValue::Int64(Some(n)) => u64::try_from(*n).ok(),
        _ => None,
    }
}

/// An interval without months, in microseconds: rounded up.
pub(crate) fn micros(n: &ScalarValue) -> Option<i64> {
    const DAY: i64 = 86_400_000_000;
    match n {
        ScalarValue::IntervalMonthDayNano(Some(i)) if i.months == 0 => Some(
            i64::from(i.days)
                .checked_mul(DAY)?
                .checked_add(i.nanoseconds.div_euclid(1_000) + i64::from(i.nanoseconds.rem_euclid(1_000) > 0))?,
        ),
        ScalarValue::IntervalDayTime(Some(i)) => Some(i64::from(i.days).checked_mul(DAY)?.checked_add(i64::from(i.milliseconds) * 1_000)?),
        ScalarValue::DurationSecond(Some(n)) => n.checked_mul(1_000_000),
        ScalarValue::DurationMillisecond(Some(n)) => n.checked_mul(1_000),
        ScalarValue::DurationMicrosecond(Some(n)) => Some(*n),
        ScalarValue::DurationNanosecond(Some(n)) => Some(n.div_euclid(1_000) + i64::from(n.rem_euclid(1_000) > 0)),
        _ => None,
    }
}
