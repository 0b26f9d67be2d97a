//! Columns of values of one size: a fast way for the field as it mostly is, a slow one for quotes, spaces and NULL tokens.

use super::{Bad, ColumnBuilder, null_buffer};
use crate::formats::csv::dialect::Dialect;
use crate::formats::csv::quoted::unquote;
use crate::formats::plan::{ColumnPlan, NullTokens};
use crate::formats::strip::Strip;
use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;
use tidemill_core::{OnInvalid, Result};

/// How one type is read.
pub trait Parse: Send + 'static {
    type Native: Copy + Default + Send;
    /// The common form, from the raw field (never empty). A `None` only means that `slow` should look.
    fn fast(&mut self, raw: &[u8]) -> Option<Self::Native>;
    /// Any form, from the text without quotes and surrounding spaces (never empty).
    fn slow(&mut self, text: &str) -> Option<Self::Native>;
    fn array(self, values: Vec<Self::Native>, nulls: Option<NullBuffer>) -> Result<ArrayRef>;
}

pub struct Cells<P: Parse> {
    parse: P,
    values: Vec<P::Native>,
    valid: Vec<bool>,
    /// Where the last strip begins.
    last: usize,
    tokens: NullTokens,
    dialect: Dialect,
    on_invalid: OnInvalid,
    column: usize,
    nulled: u64,
    /// Rows of the last strip that were made NULL.
    nulled_rows: Vec<u32>,
}

enum Cell<T> {
    Value(T),
    Null,
    Invalid,
}

impl<P: Parse> Cells<P> {
    pub fn new(plan: &ColumnPlan, column: usize, parse: P) -> Self {
        Cells {
            parse,
            values: Vec::new(),
            valid: Vec::new(),
            last: 0,
            tokens: plan.tokens.clone(),
            dialect: plan.dialect,
            on_invalid: plan.read.on_invalid,
            column,
            nulled: 0,
            nulled_rows: Vec::new(),
        }
    }

    #[cold]
    #[inline(never)]
    fn other(&mut self, raw: &[u8]) -> Cell<P::Native> {
        let content = if raw.first().copied() == self.dialect.quote { unquote(raw, &self.dialect) } else { raw.into() };
        let Ok(text) = std::str::from_utf8(&content) else { return Cell::Invalid };
        let text = text.trim();
        if text.is_empty() || self.tokens.contains(text.as_bytes()) {
            return Cell::Null;
        }
        match self.parse.fast(text.as_bytes()).or_else(|| self.parse.slow(text)) {
            Some(v) => Cell::Value(v),
            None => Cell::Invalid,
        }
    }
}

impl<P: Parse> ColumnBuilder for Cells<P> {
    fn read(&mut self, strip: &Strip, buf: &[u8], field: usize, bad: &mut Vec<Bad>) {
        self.last = self.values.len();
        self.nulled_rows.clear();
        self.values.reserve(strip.rows());
        self.valid.reserve(strip.rows());
        let tokens = !self.tokens.is_empty();
        for (row, bounds) in strip.rows_of_bounds().enumerate() {
            let (start, end) = (bounds[field] as usize, bounds[field + 1] as usize - 1);
            if start == end {
                self.values.push(P::Native::default());
                self.valid.push(false);
                continue;
            }
            let raw = &buf[start..end];
            // A token such as -1 or 0 would read as a value, so tokens go first.
            if !tokens && let Some(v) = self.parse.fast(raw) {
                self.values.push(v);
                self.valid.push(true);
                continue;
            }
            let (value, valid) = match self.other(raw) {
                Cell::Value(v) => (v, true),
                Cell::Null => (P::Native::default(), false),
                Cell::Invalid => {
                    match self.on_invalid {
                        OnInvalid::Quarantine => bad.push(Bad { row: row as u32, column: self.column }),
                        OnInvalid::Null => self.nulled_rows.push(row as u32),
                    }
                    (P::Native::default(), false)
                }
            };
            self.values.push(value);
            self.valid.push(valid);
        }
        self.nulled += self.nulled_rows.len() as u64;
    }

    fn retain(&mut self, keep: &[bool]) {
        let mut to = self.last;
        for (row, _) in keep.iter().enumerate().filter(|(_, k)| **k) {
            self.values[to] = self.values[self.last + row];
            self.valid[to] = self.valid[self.last + row];
            to += 1;
        }
        self.values.truncate(to);
        self.valid.truncate(to);
        // A cell of a rejected row was not made NULL: it is in quarantine.
        self.nulled -= self.nulled_rows.iter().filter(|r| !keep[**r as usize]).count() as u64;
        self.nulled_rows.clear();
    }

    fn skip(&mut self, rows: usize) {
        self.last = self.values.len();
        self.nulled_rows.clear();
        self.values.resize(self.last + rows, P::Native::default());
        self.valid.resize(self.last + rows, false);
    }

    fn nulled(&self) -> u64 {
        self.nulled
    }

    fn reserve(&mut self, share_done: f64) {
        let more = estimate(self.values.len(), share_done);
        self.values.reserve(more);
        self.valid.reserve(more);
    }

    fn finish(self: Box<Self>) -> Result<ArrayRef> {
        let nulls = null_buffer(&self.valid);
        self.parse.array(self.values, nulls)
    }
}

/// How many more of something are to come, with a little to spare.
pub fn estimate(so_far: usize, share_done: f64) -> usize {
    if share_done <= 0.0 || share_done >= 1.0 {
        return 0;
    }
    (so_far as f64 * (1.0 / share_done - 1.0) * 1.06) as usize + 64
}
