//! What the texts of a source are: a reading for every column, from all rows and not from the first few.
//!
//! [`infer`] reads a source once with every column as text, in parallel and in bounded memory, and gathers [`evidence::Evidence`] per column:
//! how many cells are whole numbers, decimals, numbers with a unit, dates by which pattern, words for true and false, tokens that
//! stand for nothing. [`decide`](decide::decide) turns the evidence into a [`Guess`]: how to read the column, how sure that is, and
//! what speaks for and against it. [`read`] does this for files, and settles their form. Nothing here is about one kind of data: a name is only a hint (`zip` is a code, `price` is money).

mod begin;
mod decide;
mod evidence;
mod foreign;
mod moment;
mod money;
mod names;
mod number;
mod place;
mod reading;
mod remarks;
mod settle;
#[cfg(test)]
mod tests;
mod units;

pub use begin::{Title, title};
pub use decide::{Doubt, Guess, Sureness};
pub use evidence::{Evidence, VALUES_MAX};
pub use foreign::{nothing_in, refuse_foreign};
pub use money::magnitude_of;
pub use names::words;
pub use place::{Ends, Row, Stretch};
pub use reading::{Column, Reading, read};
pub use remarks::{Gravity, Remark};

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use evidence::Partial;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tidemill_core::{ColumnRead, Meter, Result, Scan, drive};

/// What all rows of a source show.
#[derive(Debug)]
pub struct Inference {
    /// One per column, in the order asked for.
    pub columns: Vec<Guess>,
    /// Rows read, rejected ones among them.
    pub rows: u64,
    /// Rows that can't be read at all, by reject code.
    pub rejects: BTreeMap<&'static str, u64>,
    pub ends: Ends,
    /// The first rejects of each code: line and raw text.
    pub examples: BTreeMap<&'static str, Vec<(u64, String)>>,
}

const EXAMPLES_MAX: usize = 200;

/// Reads everything that `scan` gives; its columns must all be asked for as text, in the order of `columns`.
pub fn infer(scan: &dyn Scan, columns: &[ColumnRead], threads: usize, meter: &Meter) -> Result<Inference> {
    let mut all: Vec<Evidence> = columns.iter().map(|_| Evidence::default()).collect();
    // Only a hint that saves work: whether a column has too many values to count is decided where partials meet, in order.
    let crowded: Vec<AtomicBool> = columns.iter().map(|_| AtomicBool::new(false)).collect();
    let mut ends = Ends::default();
    let (mut rows, mut rejects, mut examples) = (0, BTreeMap::new(), BTreeMap::<_, Vec<(u64, String)>>::new());
    drive(
        scan,
        threads,
        meter,
        |_, decoded| {
            let mut partials = Vec::with_capacity(columns.len());
            let ends = Ends::of(&decoded);
            let line = |row: usize| decoded.lines.get(row).copied().unwrap_or(0);
            for (array, crowded) in decoded.batch.columns().iter().zip(&crowded) {
                let mut partial = Partial::new(!crowded.load(Relaxed));
                if *array.data_type() == DataType::Utf8 {
                    array.as_string::<i32>().iter().enumerate().for_each(|(row, v)| partial.see(v, line(row)));
                } else {
                    (0..array.len()).for_each(|row| partial.see(None, line(row)));
                }
                partials.push(partial.finish());
            }
            Ok((partials, decoded.rows_read, decoded.rejects, ends))
        },
        |_, (partials, rows_read, rejected, more)| {
            rows += rows_read;
            ends.absorb(more);
            for reject in rejected {
                *rejects.entry(reject.code).or_insert(0) += 1;
                let kept = examples.entry(reject.code).or_default();
                if kept.len() < EXAMPLES_MAX {
                    kept.push((reject.line, reject.raw));
                }
            }
            for ((evidence, partial), crowded) in all.iter_mut().zip(partials).zip(&crowded) {
                evidence.absorb(partial);
                crowded.store(evidence.values.is_none(), Relaxed);
            }
            Ok(())
        },
        |_, ()| Ok(()),
    )?;
    let columns = columns.iter().zip(all).map(|(c, e)| decide::decide(&c.name, &c.label, e)).collect();
    Ok(Inference { columns, rows, rejects, ends, examples })
}
