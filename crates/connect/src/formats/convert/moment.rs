//! Dates and timestamps.

use super::cells::Parse;
use super::pattern::{Moment, Pattern, iso, iso_date};
use super::zone::Zone;
use arrow::array::{ArrayRef, Date32Array, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use std::sync::Arc;
use tidemill_core::Result;

/// How a column's dates and times are written.
#[derive(Debug, Clone)]
pub struct MomentFormat {
    /// In the order they are tried; none means ISO 8601.
    pub patterns: Vec<Pattern>,
    pub zone: Zone,
}

impl MomentFormat {
    fn parse(&self, text: &[u8]) -> Option<Moment> {
        if self.patterns.is_empty() { iso(text) } else { self.patterns.iter().find_map(|p| p.parse(text)) }
    }
}

/// A time of day, where the text has one, is cut off: the column asks for the day. A text with a zone of its own is first moved to the
/// column's zone, which cuts days.
pub struct Dates {
    format: MomentFormat,
    is_iso_first: bool,
}

impl Dates {
    pub fn new(format: &MomentFormat) -> Self {
        let is_iso_first = matches!(format.patterns.first(), None | Some(Pattern::IsoDate));
        Dates { format: format.clone(), is_iso_first }
    }
}

impl Parse for Dates {
    type Native = i32;

    #[inline]
    fn fast(&mut self, raw: &[u8]) -> Option<i32> {
        if self.is_iso_first { iso_date(raw) } else { None }
    }

    fn slow(&mut self, text: &str) -> Option<i32> {
        let m = self.format.parse(text.as_bytes())?;
        let Some(offset) = m.offset_s else { return Some(m.days) };
        let utc = i64::from(m.days) * 86_400 + m.micros.div_euclid(1_000_000) - i64::from(offset);
        i32::try_from((utc + self.format.zone.offset_of_utc(utc)?).div_euclid(86_400)).ok()
    }

    fn array(self, values: Vec<i32>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(Arc::new(Date32Array::new(values.into(), nulls)))
    }
}

/// Microseconds: since 1970 in UTC, or, without `utc`, since 1970 by the clock on the wall.
pub struct Timestamps {
    format: MomentFormat,
    utc: bool,
}

impl Timestamps {
    pub fn new(format: &MomentFormat, utc: bool) -> Self {
        Timestamps { format: format.clone(), utc }
    }

    fn micros(&mut self, m: Moment) -> Option<i64> {
        let seconds = i64::from(m.days) * 86_400 + m.micros.div_euclid(1_000_000);
        let shift = match (m.offset_s, self.utc) {
            (None, false) => 0,
            (None, true) => -self.format.zone.offset_of_local(seconds)?,
            (Some(o), true) => -i64::from(o),
            (Some(o), false) => self.format.zone.offset_of_utc(seconds - i64::from(o))? - i64::from(o),
        };
        Some((seconds + shift) * 1_000_000 + m.micros.rem_euclid(1_000_000))
    }
}

impl Parse for Timestamps {
    type Native = i64;

    #[inline]
    fn fast(&mut self, raw: &[u8]) -> Option<i64> {
        if !self.format.patterns.is_empty() {
            return None;
        }
        let m = iso(raw)?;
        self.micros(m)
    }

    fn slow(&mut self, text: &str) -> Option<i64> {
        let m = self.format.parse(text.as_bytes())?;
        self.micros(m)
    }

    fn array(self, values: Vec<i64>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let array = TimestampMicrosecondArray::new(values.into(), nulls);
        Ok(if self.utc { Arc::new(array.with_timezone("UTC")) } else { Arc::new(array) })
    }
}
