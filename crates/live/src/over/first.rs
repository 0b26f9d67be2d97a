//! The first rows of each partition by `row_number()`, where that is all that is asked: they are kept in order, and a row that comes finds its
//! place by bytes that sort as the order does. One that lies behind the last of a partition that is full is never kept at all.

use super::{Over, past};
use crate::delta::{Delta, batch};
use crate::frontier::Frontier;
use crate::operator::{Cx, Operator, Usage};
use crate::rows::{Bytes, RowCodec};
use crate::state::numbered;
use crate::stateless::evaluate;
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashMap;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::failure;

pub(super) struct First {
    spec: Arc<Over>,
    most: usize,
    rows: RowCodec,
    keys: RowCodec,
    /// Bytes by which rows are in order.
    order: Option<RowConverter>,
    /// By partition, where its rows are.
    places: HashMap<Bytes, usize, ahash::RandomState>,
    partitions: Vec<Partition>,
    /// Places that nobody has any more.
    free: Vec<usize>,
    touched: Vec<usize>,
    open_from: Vec<Option<i64>>,
    on_time_from: Option<i64>,
    moved: bool,
    flushes: u64,
    usage: Usage,
}

#[derive(Default)]
struct Partition {
    /// In order.
    entries: Vec<Entry>,
    /// What was told of rows that are not among the first any more.
    gone: Vec<(Bytes, u64)>,
    touched: bool,
}

struct Entry {
    order: Bytes,
    row: Bytes,
    /// The number under which it was told; 0 for not yet.
    told: u64,
}

impl Entry {
    fn size(&self) -> u64 {
        (self.order.len() + self.row.len() + ENTRY) as u64
    }
}

/// A row, its number, and whether it comes or goes.
type Changes = Vec<(Bytes, u64, i64)>;

/// Bytes of a row beside its own.
const ENTRY: usize = 64;
/// Partitions that nobody touches are looked at this seldom.
const SWEEP: u64 = 32;

impl First {
    /// `None`: more is asked of the partitions than that.
    pub(super) fn new(spec: &Arc<Over>) -> Result<Option<First>> {
        let Some((0, most)) = spec.top else { return Ok(None) };
        let is_plain = spec.windows.len() == 1 && spec.is_row_number && spec.session.is_none() && spec.running.is_none();
        // Told at the end and ordered by time, a row can be over before its partition is.
        if !is_plain || (spec.hold && spec.time.is_some()) {
            return Ok(None);
        }
        let Ok(most) = usize::try_from(most) else { return Ok(None) };
        let order = spec.order.iter().map(|o| {
            let data_type = o.expr.data_type(&spec.input).map_err(failure)?;
            Ok(SortField::new_with_options(data_type, o.options))
        });
        let order: Vec<SortField> = order.collect::<Result<_>>()?;
        let order = if order.is_empty() { None } else { Some(RowConverter::new(order)?) };
        Ok(Some(First {
            most,
            rows: RowCodec::new(SchemaRef::clone(&spec.input))?,
            keys: spec.key_codec()?,
            order,
            places: HashMap::default(),
            partitions: Vec::new(),
            free: Vec::new(),
            touched: Vec::new(),
            open_from: vec![None; spec.partition.len()],
            on_time_from: None,
            moved: false,
            flushes: 0,
            usage: Usage::default(),
            spec: Arc::clone(spec),
        }))
    }

    fn order_of(&self, rows: &RecordBatch) -> Result<Option<Rows>> {
        let Some(converter) = &self.order else { return Ok(None) };
        let columns = self.spec.order.iter().map(|o| evaluate(&o.expr, rows)).collect::<Result<Vec<_>>>()?;
        Ok(Some(converter.convert_columns(&columns)?))
    }

    fn place(&mut self, key: &[u8]) -> usize {
        if let Some(at) = self.places.get(key) {
            return *at;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.partitions.push(Partition::default());
            self.partitions.len() - 1
        });
        self.places.insert(key.into(), at);
        at
    }

    /// Puts a row in its place, if it is one of the first.
    fn put(&mut self, at: usize, order: &[u8], row: &[u8], told: bool) {
        let partition = &mut self.partitions[at];
        let place = partition.entries.partition_point(|e| (e.order.as_ref(), e.row.as_ref()) <= (order, row));
        if place >= self.most {
            return;
        }
        if partition.entries.len() == self.most
            && let Some(last) = partition.entries.pop()
        {
            self.usage.rows -= 1;
            self.usage.bytes -= last.size();
            if last.told > 0 {
                partition.gone.push((last.row, last.told));
            }
        }
        let entry = Entry { order: order.into(), row: row.into(), told: if told { place as u64 + 1 } else { 0 } };
        self.usage.rows += 1;
        self.usage.bytes += entry.size();
        partition.entries.insert(place, entry);
        if !told && !std::mem::replace(&mut partition.touched, true) {
            self.touched.push(at);
        }
    }

    fn tell(&self, changes: Changes, out: &mut Vec<Delta>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let rows = self.rows.decode(changes.iter().map(|(row, ..)| row.as_ref()))?;
        let numbers: ArrayRef = Arc::new(changes.iter().map(|(_, number, _)| *number).collect::<UInt64Array>());
        let field = self.spec.schema.field(self.spec.input.fields().len());
        let numbers = if numbers.data_type() == field.data_type() { numbers } else { cast(&numbers, field.data_type())? };
        let weights: Int64Array = changes.iter().map(|(.., weight)| *weight).collect();
        let columns = rows.columns().iter().cloned().chain([numbers]).collect();
        out.push(Delta::weighed(batch(&self.spec.schema, columns, changes.len())?, Some(weights)));
        Ok(())
    }

    /// Partitions whose time is over go as they are.
    fn close(&mut self, changes: &mut Changes) -> Result<()> {
        for key in past(&self.keys, self.places.keys(), &self.open_from)? {
            let Some(at) = self.places.remove(&key) else { continue };
            let partition = std::mem::take(&mut self.partitions[at]);
            self.free.push(at);
            for (nth, entry) in partition.entries.into_iter().enumerate() {
                self.usage.rows -= 1;
                self.usage.bytes -= entry.size();
                if self.spec.hold {
                    changes.push((entry.row, nth as u64 + 1, 1));
                }
            }
        }
        Ok(())
    }
}

impl Partition {
    /// What is told of it now against what was told: first what goes, then what comes.
    fn changes(&mut self, changes: &mut Changes) {
        self.touched = false;
        changes.extend(self.gone.drain(..).map(|(row, number)| (row, number, -1)));
        let moved = |(at, e): &(usize, &Entry)| e.told > 0 && e.told != *at as u64 + 1;
        changes.extend(self.entries.iter().enumerate().filter(moved).map(|(_, e)| (e.row.clone(), e.told, -1)));
        for (at, entry) in self.entries.iter_mut().enumerate() {
            let number = at as u64 + 1;
            if entry.told != number {
                changes.push((entry.row.clone(), number, 1));
                entry.told = number;
            }
        }
    }
}

impl Operator for First {
    fn push(&mut self, _: usize, delta: Delta, cx: &mut Cx, _: &mut Vec<Delta>) -> Result<()> {
        let (delta, keys) = self.spec.on_time(delta, &self.open_from, self.on_time_from, cx)?;
        if self.most == 0 || delta.is_empty() {
            return Ok(());
        }
        let keys = self.keys.encode(&keys, delta.len())?;
        let order = self.order_of(&delta.rows)?;
        let rows = self.rows.encode_batch(&delta.rows)?;
        for row in 0..delta.len() {
            let at = self.place(keys.row(row));
            let order = order.as_ref().map_or(&[][..], |o| o.row(row).data());
            for _ in 0..delta.weight(row).max(0) {
                self.put(at, order, rows.row(row), false);
            }
        }
        Ok(())
    }

    fn advance(&mut self, inputs: &[Frontier]) -> Result<()> {
        let open_from = self.spec.partitions_from(&inputs[0])?;
        self.moved |= open_from != self.open_from;
        self.open_from = open_from;
        self.on_time_from = self.spec.on_time_from(&inputs[0]);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<Delta>) -> Result<()> {
        let mut changes = Changes::new();
        for at in std::mem::take(&mut self.touched) {
            match self.spec.hold {
                true => self.partitions[at].touched = false,
                false => self.partitions[at].changes(&mut changes),
            }
        }
        self.flushes += 1;
        if self.moved && (self.spec.hold || self.flushes.is_multiple_of(SWEEP)) {
            self.moved = false;
            self.close(&mut changes)?;
        }
        self.tell(changes, out)
    }

    fn usage(&self) -> Usage {
        self.usage
    }

    /// As all partitions are saved: rows, what is said of them, whether they are frozen and told; where running functions stand (none do).
    fn save(&mut self) -> Result<Vec<RecordBatch>> {
        let all: Vec<(&Entry, u64)> = self.places.values().flat_map(|at| self.partitions[*at].entries.iter().zip(1u64..)).collect();
        let rows = self.rows.decode(all.iter().map(|(e, _)| e.row.as_ref()))?;
        let numbers: ArrayRef = Arc::new(all.iter().map(|(_, number)| *number).collect::<UInt64Array>());
        let flag = |value: bool| Arc::new(BooleanArray::from(vec![value; all.len()])) as ArrayRef;
        let none: ArrayRef = Arc::new(BinaryArray::from_iter_values(std::iter::empty::<&[u8]>()));
        let flags = vec![flag(false), flag(!self.spec.hold)];
        Ok(vec![numbered(rows.columns().to_vec())?, numbered(vec![numbers])?, numbered(flags)?, numbered(vec![none])?])
    }

    fn restore(&mut self, state: &[RecordBatch]) -> Result<()> {
        let [rows, _, flags, _] = state else { return Err(Error::bug("a checkpoint of first rows without them")) };
        let rows = batch(&self.spec.input, rows.columns().to_vec(), rows.num_rows())?;
        let keys = self.spec.partition.iter().map(|p| evaluate(p, &rows)).collect::<Result<Vec<_>>>()?;
        let keys = self.keys.encode(&keys, rows.num_rows())?;
        let order = self.order_of(&rows)?;
        let encoded = self.rows.encode_batch(&rows)?;
        let told = flags.column(1).as_boolean();
        for row in 0..rows.num_rows() {
            let at = self.place(keys.row(row));
            let order = order.as_ref().map_or(&[][..], |o| o.row(row).data());
            // A partition's rows come in their order, so that each is told by its place.
            self.put(at, order, encoded.row(row), told.value(row));
        }
        for at in self.touched.drain(..) {
            self.partitions[at].touched = false;
        }
        Ok(())
    }
}
