//! `true` and `false` as people write them.

use super::cells::Parse;
use arrow::array::{ArrayRef, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use std::sync::Arc;
use tidemill_core::Result;

pub struct Booleans;

impl Parse for Booleans {
    type Native = bool;

    #[inline]
    fn fast(&mut self, raw: &[u8]) -> Option<bool> {
        boolean(raw)
    }

    fn slow(&mut self, _: &str) -> Option<bool> {
        None // `fast` is all there is
    }

    fn array(self, values: Vec<bool>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(values.len(), |i| values[i]), nulls)))
    }
}

/// true, t, yes, y, 1 and their opposites, in any case.
pub fn boolean(raw: &[u8]) -> Option<bool> {
    match raw {
        [b'1' | b't' | b'T' | b'y' | b'Y'] => Some(true),
        [b'0' | b'f' | b'F' | b'n' | b'N'] => Some(false),
        _ if raw.eq_ignore_ascii_case(b"true") || raw.eq_ignore_ascii_case(b"yes") => Some(true),
        _ if raw.eq_ignore_ascii_case(b"false") || raw.eq_ignore_ascii_case(b"no") => Some(false),
        _ => None,
    }
}
