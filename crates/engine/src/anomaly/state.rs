//! Saved state: a number that says what it is of, then plain little-endian numbers.

use tidemill_core::{Error, Result};

#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(of: u8) -> Writer {
        Writer(vec![of])
    }
    pub(super) fn float(mut self, x: f64) -> Self {
        self.0.extend(x.to_bits().to_le_bytes());
        self
    }
    pub(super) fn whole(mut self, x: i64) -> Self {
        self.0.extend(x.to_le_bytes());
        self
    }
    pub(super) fn floats(self, all: impl ExactSizeIterator<Item = f64>) -> Self {
        let counted = self.whole(all.len() as i64);
        all.fold(counted, Writer::float)
    }
    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(of: u8, bytes: &'a [u8]) -> Result<Reader<'a>> {
        match bytes.split_first() {
            Some((first, rest)) if *first == of => Ok(Reader(rest)),
            _ => Err(other()),
        }
    }
    pub(super) fn whole(&mut self) -> Result<i64> {
        let (head, rest) = self.0.split_first_chunk::<8>().ok_or_else(other)?;
        self.0 = rest;
        Ok(i64::from_le_bytes(*head))
    }
    pub(super) fn float(&mut self) -> Result<f64> {
        self.whole().map(|bits| f64::from_bits(bits as u64))
    }
    pub(super) fn floats(&mut self) -> Result<Vec<f64>> {
        let count = self.whole()?;
        if count < 0 || count > (self.0.len() / 8) as i64 {
            return Err(other());
        }
        (0..count).map(|_| self.float()).collect()
    }
    /// The next number, which must be this: a setting.
    pub(super) fn same(&mut self, as_now: i64) -> Result<()> {
        if self.whole()? == as_now { Ok(()) } else { Err(other()) }
    }
    pub(super) fn end(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(other()) }
    }
}

fn other() -> Error {
    Error::data("the saved state is of another detector, or of other settings")
}
