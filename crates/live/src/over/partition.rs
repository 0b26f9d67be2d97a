//! The rows of one partition, and what the window functions said of them.

use super::Over;
use super::reach::Back;
use super::running::Running;
use crate::delta::indices;
use crate::frontier::moments;
use crate::operator::Usage;
use crate::rows::{Bytes, Encoded, RowCodec};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, cast, concat, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::failure;

/// A row, or what is said of it: kept, and told, in several places.
pub(super) type Shared = Arc<[u8]>;

/// A row, and what the functions say of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) row: Shared,
    pub(super) said: Shared,
    /// Nothing that may still come changes what is said of it; it is kept for others to look back at.
    pub(super) frozen: bool,
    /// What is said of it was told.
    pub(super) told: bool,
}

#[derive(Default)]
pub(super) struct Partition {
    pub(super) entries: Vec<Entry>,
    /// What came since the last flush.
    pub(super) pending: Vec<(Shared, i64)>,
    /// Where running functions stand behind the rows that are settled.
    pub(super) stands: Option<Vec<Bytes>>,
}

/// Rows and what is said of them, with how often.
pub(super) type Changes = Vec<(Shared, Shared, i64)>;

pub(super) struct Codecs {
    pub(super) rows: RowCodec,
    pub(super) said: RowCodec,
}

/// Bytes of a row beside its own.
const ENTRY: usize = 64;

/// How far time has got. `frozen_before`: rows before this moment are settled from now on. `settled_before`: those that were told of and lie before this
/// moment were settled at the last flush; computing them anew would only add noise to floats.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    pub(super) settled_before: Option<i64>,
    pub(super) frozen_before: Option<i64>,
}

/// A partition that is computed.
struct Work {
    before: Vec<Entry>,
    rows: Vec<Entry>,
    came: bool,
}

struct Ordered<'a> {
    times: Option<Int64Array>,
    said: Option<(Vec<ArrayRef>, &'a Encoded, usize)>,
}

/// Computes what is said of all rows of these partitions anew. They are put into columns and in order together: what a partition costs by itself is
/// only its functions.
pub(super) fn compute(partitions: &mut [Partition], spec: &Over, codecs: &Codecs, moments: Moments, out: &mut Changes) -> Result<()> {
    if let Some(running) = &spec.running {
        return partitions.iter_mut().try_for_each(|p| p.run(spec, running, codecs, moments.frozen_before, out));
    }
    let mut works: Vec<Work> = Vec::with_capacity(partitions.len());
    for partition in partitions.iter_mut() {
        let came = !partition.pending.is_empty();
        let before = std::mem::take(&mut partition.entries);
        let rows = partition.rows_now(before.clone());
        works.push(Work { before, rows, came });
    }
    let all: Vec<&[u8]> = works.iter().flat_map(|w| w.rows.iter().map(|e| e.row.as_ref())).collect();
    let batch = codecs.rows.decode(all.into_iter())?;
    let batch = in_order(spec, &batch, &mut works)?;
    let times = match spec.time {
        Some(column) => Some(crate::frontier::moments(batch.column(column))?),
        None => None,
    };
    // By function, what it says of partition after partition.
    let mut said: Vec<Vec<ArrayRef>> = vec![Vec::new(); spec.windows.len()];
    let mut from = 0;
    for work in &works {
        let rows = batch.slice(from, work.rows.len());
        from += work.rows.len();
        if work.came && rows.num_rows() > 0 {
            for (window, said) in spec.windows.iter().zip(&mut said) {
                said.push(window.evaluate(&rows).map_err(failure)?);
            }
        }
    }
    let columns = said.iter().filter(|s| !s.is_empty());
    let columns = columns.map(|s| concat(&s.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())).collect::<Result<Vec<_>, _>>()?;
    let encoded = match columns.first().map(|c| c.len()) {
        Some(rows) => Some(encoded(codecs, &columns, rows)?),
        None => None,
    };
    let (mut from, mut said_from, mut nth) = (0, 0, 0);
    for (partition, work) in partitions.iter_mut().zip(works) {
        let len = work.rows.len();
        let mut ordered = Ordered { times: times.as_ref().map(|t| t.slice(from, len)), said: None };
        if let (true, Some(encoded)) = (work.came && len > 0, &encoded) {
            ordered.said = Some((said.iter().map(|s| Arc::clone(&s[nth])).collect(), encoded, said_from));
            (said_from, nth) = (said_from + len, nth + 1);
        }
        from += len;
        partition.settle(spec, codecs, work, ordered, moments, out)?;
    }
    Ok(())
}

/// The rows of partitions, one after the other, each in the order that the functions want. They come sorted by themselves.
fn in_order(spec: &Over, rows: &RecordBatch, works: &mut [Work]) -> Result<RecordBatch> {
    if spec.order.is_empty() || works.iter().all(|w| w.rows.len() < 2) {
        return Ok(rows.clone());
    }
    let whose: UInt32Array = works.iter().zip(0u32..).flat_map(|(w, at)| std::iter::repeat_n(at, w.rows.len())).collect();
    let mut by = vec![SortColumn { values: Arc::new(whose), options: None }];
    for order in &spec.order {
        by.push(order.evaluate_to_sort_column(rows).map_err(failure)?);
    }
    by.push(SortColumn { values: Arc::new(indices(0..rows.num_rows())), options: None });
    let order = lexsort_to_indices(&by, None)?;
    let mut from = 0;
    for work in works {
        let len = work.rows.len();
        let mut slots: Vec<Option<Entry>> = std::mem::take(&mut work.rows).into_iter().map(Some).collect();
        work.rows = order.values()[from..from + len].iter().filter_map(|i| slots[*i as usize - from].take()).collect();
        from += len;
    }
    Ok(take_record_batch(rows, &order)?)
}

impl Partition {
    pub(super) fn usage(&self) -> Usage {
        let bytes: usize = self.entries.iter().map(|e| e.row.len() + e.said.len() + ENTRY).sum();
        let stands: usize = self.stands.iter().flatten().map(|s| s.len() + ENTRY).sum();
        Usage { rows: self.entries.len() as u64 + u64::from(self.stands.is_some()), bytes: (bytes + stands) as u64 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.stands.is_none()
    }

    /// What is said of its rows, now that it is computed. `ordered`: its rows as the functions want them, with their times; `said`: what the functions
    /// say of them, as columns and as bytes, where something came.
    fn settle(
        &mut self,
        spec: &Over,
        codecs: &Codecs,
        work: Work,
        ordered: Ordered<'_>,
        moments: Moments,
        out: &mut Changes,
    ) -> Result<()> {
        let Work { before, mut rows, came } = work;
        let Ordered { times, said } = ordered;
        if let (Some(before), Some(times), None) = (moments.settled_before, &times, spec.session) {
            for (at, entry) in rows.iter_mut().enumerate().filter(|(_, e)| !e.said.is_empty()) {
                entry.frozen |= times.is_valid(at) && times.value(at) < before;
            }
        }
        let mut ends = None;
        if let Some((said, encoded, from)) = said {
            for (at, entry) in rows.iter_mut().enumerate().filter(|(_, e)| !e.frozen) {
                entry.said = encoded.row(from + at).into();
            }
            ends = Some(said);
        }
        let over = |at: usize| match (moments.frozen_before, &times) {
            (Some(before), Some(times)) => times.is_valid(at) && times.value(at) < before,
            _ => false,
        };
        let gone = match (spec.session, moments.frozen_before) {
            // A session goes as a whole.
            (Some(_), Some(before)) => {
                let said = match ends {
                    Some(said) => said,
                    None => codecs.said.decode(rows.iter().map(|e| e.said.as_ref()).collect::<Vec<_>>().into_iter())?.columns().to_vec(),
                };
                let ends = session_ends(&said[0])?;
                (0..rows.len()).map(|at| ends.is_valid(at) && ends.value(at) < before).collect()
            }
            _ => {
                for (at, entry) in rows.iter_mut().enumerate() {
                    entry.frozen |= spec.session.is_none() && over(at);
                }
                self.unseen(spec, &rows, times.as_ref(), moments.frozen_before, codecs)?
            }
        };
        if spec.hold {
            for (at, entry) in rows.iter_mut().enumerate() {
                let settled = if spec.session.is_some() { gone[at] } else { entry.frozen };
                if settled && !entry.told {
                    entry.told = true;
                    out.push((entry.row.clone(), entry.said.clone(), 1));
                }
            }
        } else if came {
            differences(&before, &mut rows, out);
        }
        let mut gone = gone.into_iter();
        rows.retain(|_| !gone.next().unwrap_or(false));
        self.entries = rows;
        Ok(())
    }

    /// The rows there are, with what came and without what went, sorted by themselves: equal moments are told apart by the rows, so that the order
    /// in which they came does not matter.
    fn rows_now(&mut self, mut rows: Vec<Entry>) -> Vec<Entry> {
        for (row, weight) in self.pending.drain(..) {
            if weight > 0 {
                let fresh = Entry { row, said: Shared::default(), frozen: false, told: false };
                rows.extend(std::iter::repeat_n(fresh, usize::try_from(weight).unwrap_or(0)));
                continue;
            }
            for _ in 0..weight.unsigned_abs() {
                if let Some(at) = rows.iter().position(|e| e.row == row && !e.frozen) {
                    rows.swap_remove(at);
                }
            }
        }
        rows.sort_by(|a, b| a.row.cmp(&b.row));
        rows
    }

    /// The same for functions that go on from row to row: settled rows go at once.
    fn run(&mut self, spec: &Over, running: &[Running], codecs: &Codecs, frozen_before: Option<i64>, out: &mut Changes) -> Result<()> {
        let before: Vec<Entry> = std::mem::take(&mut self.entries);
        let rows = self.rows_now(before.clone());
        let batch = codecs.rows.decode(rows.iter().map(|e| e.row.as_ref()).collect::<Vec<_>>().into_iter())?;
        let order = sorted(spec, &batch)?;
        let batch = take_record_batch(&batch, &order)?;
        let mut slots: Vec<Option<Entry>> = rows.into_iter().map(Some).collect();
        let mut rows: Vec<Entry> = order.values().iter().filter_map(|i| slots[*i as usize].take()).collect();
        let settled = match (spec.time, frozen_before) {
            (Some(column), Some(before)) => {
                let times = moments(batch.column(column))?;
                (0..rows.len()).take_while(|at| times.is_valid(*at) && times.value(*at) < before).count()
            }
            _ => 0,
        };
        let (mut said, mut stands) = (Vec::new(), Vec::new());
        for (at, function) in running.iter().enumerate() {
            let saved = self.stands.as_ref().and_then(|s| s.get(at)).map(AsRef::as_ref);
            let (column, stand) = function.over(saved, &batch, settled)?;
            said.push(column);
            stands.extend(stand);
        }
        if settled > 0 {
            self.stands = Some(stands);
        }
        let encoded = encoded(codecs, &said, rows.len())?;
        for (at, entry) in rows.iter_mut().enumerate() {
            entry.said = encoded.row(at).into();
            entry.frozen = at < settled;
        }
        if spec.hold {
            out.extend(rows[..settled].iter().map(|e| (e.row.clone(), e.said.clone(), 1)));
        } else {
            differences(&before, &mut rows, out);
        }
        self.entries = rows.split_off(settled);
        Ok(())
    }

    /// Which rows nobody will look at again.
    fn unseen(
        &self,
        spec: &Over,
        rows: &[Entry],
        times: Option<&Int64Array>,
        frozen_before: Option<i64>,
        codecs: &Codecs,
    ) -> Result<Vec<bool>> {
        if let Some((window, most)) = spec.top {
            let said = codecs.said.decode(rows.iter().map(|e| e.said.as_ref()).collect::<Vec<_>>().into_iter())?;
            let numbers = cast(said.column(window), &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            return Ok((0..rows.len()).map(|at| numbers.is_valid(at) && numbers.value(at) > most).collect());
        }
        let (Some(times), Some(before)) = (times, frozen_before) else { return Ok(vec![false; rows.len()]) };
        Ok(match spec.back {
            Back::Everything => vec![false; rows.len()],
            Back::Micros(back) => {
                let of = spec.time.map(|c| spec.input.field(c).data_type().clone()).unwrap_or(DataType::Null);
                let micros = crate::frontier::micros_of(before, &of).saturating_sub(back);
                let least = crate::frontier::moment(micros, &of).as_ref().and_then(crate::frontier::native).unwrap_or(i64::MIN);
                (0..rows.len()).map(|at| times.is_valid(at) && times.value(at) < least).collect()
            }
            Back::Rows(back) => {
                let frozen = rows.iter().filter(|e| e.frozen).count();
                let gone = frozen.saturating_sub(usize::try_from(back).unwrap_or(usize::MAX));
                let mut seen = 0;
                rows.iter()
                    .map(|e| {
                        seen += usize::from(e.frozen);
                        e.frozen && seen <= gone
                    })
                    .collect()
            }
        })
    }
}

/// In the order that the functions want; rows come sorted by themselves.
fn sorted(spec: &Over, rows: &RecordBatch) -> Result<UInt32Array> {
    if rows.num_rows() < 2 || spec.order.is_empty() {
        return Ok(indices(0..rows.num_rows()));
    }
    let mut by: Vec<SortColumn> =
        spec.order.iter().map(|o| o.evaluate_to_sort_column(rows).map_err(failure)).collect::<Result<Vec<_>>>()?;
    let itself: ArrayRef = Arc::new(indices(0..rows.num_rows()));
    by.push(SortColumn { values: itself, options: None });
    Ok(lexsort_to_indices(&by, None)?)
}

fn encoded(codecs: &Codecs, said: &[ArrayRef], rows: usize) -> Result<Encoded> {
    let typed = said.iter().zip(codecs.said.schema().fields());
    let typed = typed.map(|(c, f)| if c.data_type() == f.data_type() { Ok(Arc::clone(c)) } else { cast(c, f.data_type()) });
    codecs.said.encode(&typed.collect::<Result<Vec<_>, _>>()?, rows)
}

fn session_ends(sessions: &ArrayRef) -> Result<Int64Array> {
    match sessions.as_struct_opt() {
        Some(bounds) => moments(bounds.column(1)),
        None => Ok(Int64Array::from(vec![None; sessions.len()])),
    }
}

/// What is said of rows that can change, now against before.
fn differences(before: &[Entry], now: &mut [Entry], out: &mut Changes) {
    let mut counts: HashMap<(&Shared, &Shared), i64, ahash::RandomState> = HashMap::default();
    for entry in before.iter().filter(|e| !e.frozen && e.told) {
        *counts.entry((&entry.row, &entry.said)).or_default() -= 1;
    }
    for entry in now.iter_mut() {
        // Frozen just now, it may have been told something else.
        entry.told = true;
    }
    let was_frozen: usize = before.iter().filter(|e| e.frozen).count();
    let mut old_frozen: HashMap<(&Shared, &Shared), i64, ahash::RandomState> = HashMap::default();
    if was_frozen > 0 {
        for entry in before.iter().filter(|e| e.frozen) {
            *old_frozen.entry((&entry.row, &entry.said)).or_default() += 1;
        }
    }
    for entry in now.iter() {
        if entry.frozen
            && let Some(left) = old_frozen.get_mut(&(&entry.row, &entry.said))
            && *left > 0
        {
            *left -= 1;
            continue;
        }
        *counts.entry((&entry.row, &entry.said)).or_default() += 1;
    }
    let mut changed: Vec<_> = counts.into_iter().filter(|(_, count)| *count != 0).collect();
    changed.sort_by(|a, b| (a.1 > 0).cmp(&(b.1 > 0)).then(Ordering::Equal));
    out.extend(changed.into_iter().map(|((row, said), count)| (row.clone(), said.clone(), count)));
}
