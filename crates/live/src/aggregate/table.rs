//! The groups of one window, or of all time: their keys, their values, and what changed since it was last told.

use super::Aggregate;
use super::accumulator::{Accumulator, Args};
use super::keys::Pieces;
use crate::delta::{Delta, batch, indices, joined, taken};
use crate::rows::{Bytes, Encoded, RowCodec};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::failure;

pub(crate) struct Table {
    spec: Arc<Aggregate>,
    /// The values of `times`, in native units; [`NULL`] for none.
    pub(crate) window: Vec<i64>,
    lookup: Lookup,
    keys: Pieces,
    groups: usize,
    /// How many rows each group has, where rows may go.
    counts: Vec<i64>,
    accumulators: Vec<Box<dyn Accumulator>>,
    /// Which flush a group was last touched before.
    touched: Vec<u32>,
    flush: u32,
    dirty: Vec<usize>,
    /// Groups below were told of, if they have rows.
    told: usize,
    /// What touched groups were.
    before: Vec<RecordBatch>,
    ids: Vec<usize>,
}

/// How a group is found by its key.
enum Lookup {
    /// There are no keys: one group, or none.
    One,
    /// The keys' bytes, by number. Windows with few groups each are many: what looks up a million keys takes tens of kilobytes for the first one.
    Few(Vec<Bytes>),
    Many(Box<dyn GroupValues>),
}

/// So many groups are looked for one after the other.
const FEW: usize = 16;
/// A batch of more rows of one window says that there is no need to save room.
const FEW_ROWS: usize = 64;

/// Stands for a NULL among moments.
pub(crate) const NULL: i64 = i64::MIN;

impl Table {
    pub(crate) fn new(spec: &Arc<Aggregate>, key_schema: &SchemaRef, window: Vec<i64>) -> Result<Self> {
        let key_schema = Arc::clone(key_schema);
        let lookup = if key_schema.fields().is_empty() { Lookup::One } else { Lookup::Few(Vec::new()) };
        let accumulators = spec.calls.iter().map(|c| c.start()).collect::<Result<Vec<_>>>()?;
        let mut table = Table {
            spec: Arc::clone(spec),
            window,
            lookup,
            keys: Pieces::new(key_schema),
            groups: 0,
            counts: Vec::new(),
            accumulators,
            touched: Vec::new(),
            flush: 1,
            dirty: Vec::new(),
            told: 0,
            before: Vec::new(),
            ids: Vec::new(),
        };
        if spec.is_global() {
            // An aggregate of no rows is a row too.
            table.resize(1);
            table.touched[0] = table.flush;
            table.dirty.push(0);
        }
        Ok(table)
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    pub(crate) fn size(&self) -> usize {
        let fixed = self.counts.capacity() * 8 + self.touched.capacity() * 4 + self.dirty.capacity() * 8 + self.ids.capacity() * 8;
        let before: usize = self.before.iter().map(RecordBatch::get_array_memory_size).sum();
        let lookup = match &self.lookup {
            Lookup::One => 0,
            Lookup::Few(few) => few.iter().map(|key| key.len() + size_of::<Bytes>()).sum(),
            Lookup::Many(values) => values.size(),
        };
        fixed + before + lookup + self.keys.size() + self.accumulators.iter().map(|a| a.size()).sum::<usize>()
    }

    fn resize(&mut self, groups: usize) {
        self.groups = groups;
        self.touched.resize(groups, 0);
        if self.spec.updating {
            self.counts.resize(groups, 0);
        }
    }

    fn is_there(&self, id: usize) -> bool {
        !self.spec.updating || self.spec.is_global() || self.counts[id] > 0
    }

    /// Whether it will say something at the next flush.
    pub(crate) fn has_news(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Takes rows of this window: their keys, and what each aggregate wants of them.
    pub(crate) fn update(
        &mut self,
        keys: &[ArrayRef],
        args: &[Args],
        weights: Option<&Int64Array>,
        rows: usize,
        codec: &RowCodec,
    ) -> Result<()> {
        let mut ids = std::mem::take(&mut self.ids);
        self.find(keys, rows, codec, &mut ids)?;
        if !self.spec.hold {
            self.touch(&ids)?;
        }
        if self.spec.updating {
            for (row, id) in ids.iter().enumerate() {
                self.counts[*id] += weights.map_or(1, |w| w.value(row));
            }
        }
        for ((call, accumulator), args) in self.spec.calls.iter().zip(&mut self.accumulators).zip(args) {
            call.update(accumulator.as_mut(), args, &ids, weights, self.groups)?;
        }
        self.ids = ids;
        Ok(())
    }

    /// Numbers the rows' groups; new keys get new numbers.
    fn find(&mut self, keys: &[ArrayRef], rows: usize, codec: &RowCodec, ids: &mut Vec<usize>) -> Result<()> {
        if let Lookup::Few(few) = &mut self.lookup {
            let known = few.len();
            if rows <= FEW_ROWS && find_few(few, &codec.encode(keys, rows)?, ids) {
                let groups = few.len();
                return if groups > known { self.add_keys(keys, ids, groups) } else { Ok(()) };
            }
            let mut values = new_group_values(self.keys.schema(), &GroupOrdering::None).map_err(failure)?;
            if self.groups > 0 {
                values.intern(self.keys.all()?.columns(), ids).map_err(failure)?;
            }
            self.lookup = Lookup::Many(values);
        }
        match &mut self.lookup {
            Lookup::Many(values) => {
                values.intern(keys, ids).map_err(failure)?;
                let groups = values.len();
                if groups > self.groups {
                    self.add_keys(keys, ids, groups)?;
                }
            }
            Lookup::One | Lookup::Few(_) => {
                ids.clear();
                ids.resize(rows, 0);
                if self.groups == 0 && rows > 0 {
                    self.resize(1);
                }
            }
        }
        Ok(())
    }

    fn add_keys(&mut self, keys: &[ArrayRef], ids: &[usize], groups: usize) -> Result<()> {
        // Groups are numbered in the order in which they first come.
        let mut next = self.groups;
        let mut first = Vec::with_capacity(groups - next);
        for (row, id) in ids.iter().enumerate() {
            if *id == next {
                first.push(row);
                next += 1;
            }
        }
        let first = indices(first);
        let columns = keys.iter().map(|k| taken(k, &first)).collect::<Result<Vec<_>>>()?;
        self.keys.push(columns, first.values().len())?;
        self.resize(groups);
        Ok(())
    }

    /// Notes which groups change, and what those that were told of are now.
    fn touch(&mut self, ids: &[usize]) -> Result<()> {
        let first = self.dirty.len();
        // Without aggregates, a group that was told of is what it was: whoever reads it counts on rows being added only.
        let same = if self.spec.calls.is_empty() && !self.spec.updating { self.told } else { 0 };
        for id in ids {
            if self.touched[*id] != self.flush && *id >= same {
                self.touched[*id] = self.flush;
                self.dirty.push(*id);
            }
        }
        let old: Vec<usize> = self.dirty[first..].iter().copied().filter(|id| *id < self.told && self.is_there(*id)).collect();
        if !old.is_empty() {
            let rows = self.read(&old, true)?;
            self.before.push(rows);
        }
        Ok(())
    }

    /// The rows of these groups.
    fn read(&mut self, ids: &[usize], before: bool) -> Result<RecordBatch> {
        let keys = self.keys.take(ids)?;
        let spec = Arc::clone(&self.spec);
        let mut columns: Vec<Option<ArrayRef>> = vec![None; spec.width()];
        for (at, column) in spec.keys.iter().zip(keys.columns()) {
            columns[*at] = Some(Arc::clone(column));
        }
        if !spec.sets.is_empty() {
            columns[spec.groups.len()] = keys.columns().last().cloned();
        }
        for (at, moment) in spec.times.iter().zip(&self.window) {
            columns[*at] = Some(constant(*moment, spec.schema.field(*at).data_type(), ids.len())?);
        }
        let mut columns: Vec<ArrayRef> = columns.into_iter().flatten().collect();
        for accumulator in &mut self.accumulators {
            columns.push(if before { accumulator.read_before(ids)? } else { accumulator.read(ids)? });
        }
        batch(&spec.schema, columns, ids.len())
    }

    /// Says what changed.
    pub(crate) fn flush(&mut self, out: &mut Vec<Delta>) -> Result<()> {
        if self.spec.hold || self.dirty.is_empty() {
            return Ok(());
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        if !self.before.is_empty() {
            let before = joined(&self.spec.schema, &std::mem::take(&mut self.before))?;
            out.push(Delta::with_weight(before, -1));
        }
        dirty.retain(|id| self.is_there(*id));
        if !dirty.is_empty() {
            out.push(Delta::inserted(self.read(&dirty, false)?));
        }
        dirty.clear();
        self.dirty = dirty;
        self.told = self.groups;
        self.flush = self.flush.wrapping_add(1).max(1);
        Ok(())
    }

    /// All its rows, once: where nothing is said before the end.
    pub(crate) fn all(&mut self) -> Result<Option<Delta>> {
        let there: Vec<usize> = (0..self.groups).filter(|id| self.is_there(*id)).collect();
        if there.is_empty() {
            return Ok(None);
        }
        Ok(Some(Delta::inserted(self.read(&there, false)?)))
    }

    /// Keys and row counts; then, by aggregate, its state.
    pub(crate) fn save(&mut self) -> Result<(RecordBatch, Vec<i64>, Vec<Vec<ArrayRef>>)> {
        let counts = if self.spec.updating { self.counts.clone() } else { vec![1; self.groups] };
        let groups = self.groups;
        let states = self.accumulators.iter_mut().map(|a| a.save(groups)).collect::<Result<Vec<_>>>()?;
        Ok((self.keys.all()?, counts, states))
    }

    /// A table that was saved after a flush, with everything told.
    pub(crate) fn restore(&mut self, keys: &RecordBatch, counts: &[i64], states: &[Vec<ArrayRef>], codec: &RowCodec) -> Result<()> {
        if !matches!(self.lookup, Lookup::One) {
            self.find(keys.columns(), keys.num_rows(), codec, &mut Vec::new())?;
        }
        self.resize(counts.len());
        if self.spec.updating {
            self.counts = counts.to_vec();
        }
        for (accumulator, state) in self.accumulators.iter_mut().zip(states) {
            accumulator.restore(state, counts.len())?;
        }
        self.dirty.clear();
        self.told = self.groups;
        self.flush += 1;
        Ok(())
    }
}

/// Numbers rows by looking through a few keys; false when there are too many of them.
fn find_few(few: &mut Vec<Bytes>, keys: &Encoded, ids: &mut Vec<usize>) -> bool {
    ids.clear();
    for row in 0..keys.len() {
        let key = keys.row(row);
        let id = few.iter().position(|k| **k == *key).unwrap_or_else(|| {
            few.push(key.into());
            few.len() - 1
        });
        if few.len() > FEW {
            return false;
        }
        ids.push(id);
    }
    true
}

/// The columns that tell groups of one window apart.
pub(crate) fn key_schema(spec: &Aggregate) -> SchemaRef {
    let mut fields: Vec<_> = spec.keys.iter().map(|k| Arc::clone(&spec.schema.fields()[*k])).collect();
    if !spec.sets.is_empty() {
        fields.push(Arc::clone(&spec.schema.fields()[spec.groups.len()]));
    }
    Arc::new(Schema::new(fields))
}

/// A moment as a column.
fn constant(native: i64, of: &arrow::datatypes::DataType, rows: usize) -> Result<ArrayRef> {
    if native == NULL {
        return Ok(arrow::array::new_null_array(of, rows));
    }
    Ok(arrow::compute::cast(&Int64Array::from(vec![native; rows]), of)?)
}
