//! Records that are JSON objects.
//!
//! A file's beginning shows which keys there are; of records that come one by one, only those that have come do. So keys are learnt as they are met,
//! while there is a column that none of them is yet.

use super::{Piece, Record, index, indices};
use crate::formats::buffer::{Buffer, Pool};
use crate::formats::json::JsonOptions;
use crate::formats::json::decode::{Block, Plan, Spans};
use crate::formats::json::shape::Finder;
use crate::formats::wanted::Wanted;
use std::sync::Arc;
use tidemill_core::{Error, Result};

/// Keys that are learnt at most: objects whose keys are data have no end of them.
const KEYS_MAX: usize = 4096;

pub(super) struct Records {
    options: JsonOptions,
    wanted: Arc<Wanted>,
    split: Arc<str>,
    finder: Finder,
    plan: Arc<Plan>,
    /// Whether there are columns that no key met so far is.
    is_open: bool,
    pool: Pool,
}

impl Records {
    /// `refuses_unknown`: a key that no column is makes its record a reject. Then labels are taken as they are written.
    pub(super) fn new(split: &str, options: &JsonOptions, wanted: &Arc<Wanted>, refuses_unknown: bool) -> Result<Records> {
        let finder = Finder::new(options.nested);
        let plan = Plan::of_records(split, finder.shape().clone(), wanted, options, refuses_unknown)?;
        Ok(Records {
            options: options.clone(),
            wanted: Arc::clone(wanted),
            split: split.into(),
            finder,
            plan: Arc::new(plan),
            is_open: !refuses_unknown && !wanted.columns.is_empty(),
            pool: Pool::default(),
        })
    }

    pub(super) fn decode(&mut self, records: &[Record<'_>]) -> Result<Piece> {
        let (mut data, mut starts) = self.gather(records)?;
        if self.is_open && self.finder.shape().labels.is_empty() {
            self.learn(&data, &starts)?;
        }
        loop {
            let spans = starts.iter().map(|(start, at)| (*start, *start + records[*at as usize].payload.len() as u32)).collect();
            let plan = Arc::clone(&self.plan);
            let block = Block { data, spans: Spans::Given(spans), offset: 0, line: 1, bytes_read: 0, rejects: Vec::new(), plan };
            let (mut decoded, strangers) = block.decode_telling()?;
            if strangers && self.is_open {
                (data, starts) = self.gather(records)?;
                if self.learn(&data, &starts)? {
                    continue;
                }
            }
            let of = indices(&starts, (0..decoded.batch.num_rows()).map(|row| decoded.text.offset(row)));
            for reject in &mut decoded.rejects {
                reject.offset = index(&starts, reject.offset);
            }
            return Ok(Piece { decoded, of });
        }
    }

    /// All records in one buffer, a line each, and where each begins.
    fn gather(&self, records: &[Record<'_>]) -> Result<(Buffer, Vec<(u32, u32)>)> {
        let bytes: usize = records.iter().map(|r| r.payload.len() + 1).sum();
        if bytes >= u32::MAX as usize {
            return Err(Error::bug(format!("{bytes} bytes of records in one batch")));
        }
        let mut data = Buffer::take(&self.pool, bytes);
        let mut starts = Vec::with_capacity(records.len());
        for (at, record) in records.iter().enumerate() {
            starts.push((data.bytes.len() as u32, at as u32));
            data.bytes.extend_from_slice(record.payload);
            data.bytes.push(b'\n');
        }
        Ok((data, starts))
    }

    /// Learns the records' keys; true when a column was found among them that had not been.
    fn learn(&mut self, data: &Buffer, starts: &[(u32, u32)]) -> Result<bool> {
        let missing = |records: &Records| records.wanted.fields(&records.finder.shape().labels).iter().filter(|f| f.is_none()).count();
        let before = missing(self);
        for (i, (start, _)) in starts.iter().enumerate() {
            let end = starts.get(i + 1).map_or(data.bytes.len(), |next| next.0 as usize);
            self.finder.learn(&data.bytes, *start as usize..end);
            if self.finder.shape().nodes.len() > KEYS_MAX {
                self.is_open = false;
                break;
            }
        }
        let after = missing(self);
        self.is_open &= after > 0;
        let plan = Plan::of_records(&self.split, self.finder.shape().clone(), &self.wanted, &self.options, false)?;
        self.plan = Arc::new(plan);
        Ok(after < before)
    }
}
