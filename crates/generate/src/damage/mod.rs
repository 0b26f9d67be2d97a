//! Errors on purpose. Which cell of which row gets one, and what it looks like, follows from the seed and the row's number, as the row itself does.

mod cells;
mod line;
#[cfg(test)]
mod tests;
mod typo;

pub use line::damage_line;

use crate::calendar::SECOND;
use crate::options::Format;
use crate::random::{Draws, Stream, below, mix};
use crate::rates::{ErrorKind, Rates};
use crate::table::{Cell, Column, Invalid, Kind, Table};

/// A copy lands at most so many units after its row.
pub const DISTANCE_MAX: u64 = 1000;
/// Of a hundred copies, so many bear another time.
const NEAR_PERCENT: u64 = 20;

/// One damaged cell.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub column: usize,
    pub kind: ErrorKind,
}

/// The errors of one table.
#[derive(Debug)]
pub struct Damage {
    rates: Rates,
    columns: &'static [Column],
    /// Whether a column can hold any text: always in text files, else as [`is_text`] says.
    texts: Vec<bool>,
    /// Whether lines can be corrupt.
    lines: bool,
    /// Columns that anything may happen to.
    open: Vec<usize>,
    stamp: Option<usize>,
    rows: Stream,
    copies: Stream,
}

/// Whether a column of a binary format has to be text to hold the errors asked for.
pub fn is_text(column: &Column, rates: &Rates) -> bool {
    column.kind == Kind::Text || (column.format && rates.format > 0) || (column.invalid == Some(Invalid::Day) && rates.invalid > 0)
}

impl Damage {
    pub fn new(table: &dyn Table, rates: Rates, seed: u64, format: Format) -> Damage {
        let columns = table.columns();
        let texts = columns.iter().map(|c| format.is_lines() || is_text(c, &rates)).collect();
        let open = (0..columns.len()).filter(|c| columns[*c].missing || columns[*c].typo.is_some()).collect();
        let stamp = columns.iter().position(|c| matches!(c.kind, Kind::Instant(_)) && c.format);
        let stream = |purpose: &str| Stream::new(seed, table.name(), purpose);
        Damage { rates, columns, texts, lines: format.is_lines(), open, stamp, rows: stream("errors"), copies: stream("copies") }
    }

    #[inline]
    fn key(&self, unit: u64, k: u64) -> u64 {
        mix(self.rows.at(unit).wrapping_add(k.wrapping_mul(0xD134_2543_DE82_EF95)))
    }

    /// The draw for damaging a line, if this row's is.
    #[inline]
    pub fn corrupt(&self, unit: u64, k: u64) -> Option<u64> {
        if !self.lines || self.rates.corrupt == 0 {
            return None;
        }
        let key = self.key(unit, k);
        (below(key, 1_000_000) < u64::from(self.rates.corrupt)).then(|| mix(key ^ 0x636f_7272))
    }

    /// Damages cells of a row in place. Wrong texts are added to `text`.
    #[inline]
    pub fn cells(&self, unit: u64, k: u64, messy: &mut [Cell], text: &mut Vec<u8>, hits: &mut Vec<Hit>) {
        hits.clear();
        let limit = self.rates.cells();
        if limit == 0 {
            return;
        }
        let key = self.key(unit, k);
        for column in &self.open {
            let draw = mix(key.wrapping_add((*column as u64 + 1).wrapping_mul(0x9E6C_63D0_876A_68EE)));
            let at = below(draw, 1_000_000) as u32;
            if at < limit && messy[*column] != Cell::Null {
                self.cell(*column, at, draw, messy, text, hits);
            }
        }
    }

    fn cell(&self, column: usize, at: u32, draw: u64, messy: &mut [Cell], text: &mut Vec<u8>, hits: &mut Vec<Hit>) {
        let Rates { missing, typo, invalid, .. } = self.rates;
        let (about, right, texts) = (&self.columns[column], messy[column], self.texts[column]);
        let mut d = Draws::from_key(draw);
        let (kind, wrong) = if at < missing {
            (ErrorKind::Missing, about.missing.then(|| cells::missing(texts, &mut d, text)))
        } else if at < missing + typo {
            (ErrorKind::Typo, about.typo.and_then(|lexicon| typo::cell(right, lexicon, &mut d, text)))
        } else if at < missing + typo + invalid {
            (ErrorKind::Invalid, about.invalid.and_then(|how| cells::invalid(how, right, texts, about.kind, &mut d, text)))
        } else {
            (ErrorKind::Format, (about.format && texts).then(|| cells::format(right, about.kind, &mut d, text)).flatten())
        };
        if let Some(wrong) = wrong {
            messy[column] = wrong;
            hits.push(Hit { column, kind });
        }
    }

    /// Where the copy of row `k` of a unit lands, if there is one: after all rows of that unit.
    #[inline]
    pub fn copy(&self, unit: u64, k: u64, units: u64) -> Option<u64> {
        if self.rates.duplicate == 0 {
            return None;
        }
        let draw = self.copies.at(unit.wrapping_mul(16) + k);
        if below(draw, 1_000_000) >= u64::from(self.rates.duplicate) {
            return None;
        }
        // Most land soon, some late.
        let near = below(mix(draw), DISTANCE_MAX);
        let distance = 1 + near * near / DISTANCE_MAX;
        Some((unit + distance).min(units - 1))
    }

    /// Changes the time of a copy, if it is one of those that bear another: gives the column.
    pub fn restamp(&self, unit: u64, k: u64, messy: &mut [Cell]) -> Option<usize> {
        let column = self.stamp?;
        let draw = mix(self.copies.at(unit.wrapping_mul(16) + k) ^ 0x7374_616d);
        let Cell::Instant(at) = messy[column] else { return None };
        if below(draw, 100) >= NEAR_PERCENT {
            return None;
        }
        messy[column] = Cell::Instant(at + (1 + below(draw << 8, 90) as i64) * SECOND);
        Some(column)
    }
}
