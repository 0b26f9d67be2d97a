//! Finds the partitions of rows, computes those that were touched, and forgets what is over.

use super::partition::{self, Changes, Codecs, Entry, Moments, Partition};
use super::{Over, past};
use crate::delta::{Delta, batch};
use crate::frontier::Frontier;
use crate::operator::{Cx, Operator, Usage};
use crate::rows::{Bytes, RowCodec};
use crate::state::numbered;
use crate::stateless::evaluate;
use arrow::array::{ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use hashbrown::HashMap;
use std::sync::Arc;
use tidemill_core::{Error, Result};

pub(super) struct Partitions {
    spec: Arc<Over>,
    codecs: Codecs,
    keys: RowCodec,
    partitions: HashMap<Bytes, Partition, ahash::RandomState>,
    touched: Vec<Bytes>,
    /// Per partition expression, the least moment that is not over.
    open_from: Vec<Option<i64>>,
    frozen_before: Option<i64>,
    /// The same at the last flush.
    settled_before: Option<i64>,
    /// A checkpoint was taken up, made just after a flush.
    resumed: bool,
    /// Rows before this moment come after their time.
    on_time_from: Option<i64>,
    moved: bool,
    flushes: u64,
    usage: Usage,
}

/// Rows of partitions that are computed together, about.
const TOGETHER: usize = 16_384;
/// Partitions that nobody touches are looked at this seldom.
const SWEEP: u64 = 32;

fn minus(all: Usage, part: Usage) -> Usage {
    Usage { rows: all.rows.saturating_sub(part.rows), bytes: all.bytes.saturating_sub(part.bytes) }
}

impl Partitions {
    pub(super) fn new(spec: Arc<Over>) -> Result<Self> {
        let said: Vec<_> = spec.schema.fields().iter().skip(spec.input.fields().len()).cloned().collect();
        let codecs = Codecs { rows: RowCodec::new(SchemaRef::clone(&spec.input))?, said: RowCodec::new(Arc::new(Schema::new(said)))? };
        Ok(Partitions {
            codecs,
            keys: spec.key_codec()?,
            partitions: HashMap::default(),
            touched: Vec::new(),
            open_from: vec![None; spec.partition.len()],
            frozen_before: None,
            settled_before: None,
            resumed: false,
            on_time_from: None,
            moved: false,
            flushes: 0,
            usage: Usage::default(),
            spec,
        })
    }

    fn tell(&self, changes: Changes, out: &mut Vec<Delta>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let rows = self.codecs.rows.decode(changes.iter().map(|(row, ..)| row.as_ref()))?;
        let said = self.codecs.said.decode(changes.iter().map(|(_, said, _)| said.as_ref()))?;
        let columns = rows.columns().iter().chain(said.columns()).cloned().collect();
        let weights: Int64Array = changes.iter().map(|(.., weight)| *weight).collect();
        out.push(Delta::weighed(batch(&self.spec.schema, columns, changes.len())?, Some(weights)));
        Ok(())
    }

    /// Computes these partitions, some at a time; those of which nothing is left go.
    fn compute(&mut self, keys: Vec<Bytes>, changes: &mut Changes) -> Result<()> {
        let spec = Arc::clone(&self.spec);
        let moments = Moments { settled_before: self.settled_before, frozen_before: self.frozen_before };
        let mut keys = keys.into_iter().peekable();
        while keys.peek().is_some() {
            let (mut names, mut some, mut rows) = (Vec::new(), Vec::new(), 0);
            while rows < TOGETHER
                && let Some(key) = keys.next()
            {
                let Some(partition) = self.partitions.get_mut(&key) else { continue };
                self.usage = minus(self.usage, partition.usage());
                rows += partition.entries.len() + partition.pending.len();
                some.push(std::mem::take(partition));
                names.push(key);
            }
            partition::compute(&mut some, &spec, &self.codecs, moments, changes)?;
            for (key, partition) in names.into_iter().zip(some) {
                self.usage += partition.usage();
                if partition.is_empty() {
                    self.partitions.remove(&key);
                } else if let Some(place) = self.partitions.get_mut(&key) {
                    *place = partition;
                }
            }
        }
        Ok(())
    }

    /// Partitions whose time is over go as they are.
    fn close(&mut self, changes: &mut Changes) -> Result<()> {
        for key in past(&self.keys, self.partitions.keys(), &self.open_from)? {
            let Some(partition) = self.partitions.remove(&key) else { continue };
            self.usage = minus(self.usage, partition.usage());
            if self.spec.hold {
                changes.extend(partition.entries.into_iter().filter(|e| !e.told).map(|e| (e.row, e.said, 1)));
            }
        }
        Ok(())
    }
}

impl Operator for Partitions {
    fn push(&mut self, _: usize, delta: Delta, cx: &mut Cx, _: &mut Vec<Delta>) -> Result<()> {
        let (delta, keys) = self.spec.on_time(delta, &self.open_from, self.on_time_from, cx)?;
        let encoded_keys = self.keys.encode(&keys, delta.len())?;
        let rows = self.codecs.rows.encode_batch(&delta.rows)?;
        for row in 0..delta.len() {
            let key = encoded_keys.row(row);
            let partition = match self.partitions.get_mut(key) {
                Some(partition) => partition,
                None => self.partitions.entry(key.into()).or_default(),
            };
            if partition.pending.is_empty() {
                self.touched.push(key.into());
            }
            partition.pending.push((rows.row(row).into(), delta.weight(row)));
        }
        Ok(())
    }

    fn advance(&mut self, inputs: &[Frontier]) -> Result<()> {
        let open_from = self.spec.partitions_from(&inputs[0])?;
        let frozen_before = self.spec.frozen_before(&inputs[0]);
        self.moved |= open_from != self.open_from || frozen_before != self.frozen_before;
        (self.open_from, self.frozen_before) = (open_from, frozen_before);
        if std::mem::take(&mut self.resumed) {
            self.settled_before = frozen_before;
        }
        self.on_time_from = self.spec.on_time_from(&inputs[0]);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<Delta>) -> Result<()> {
        let mut changes = Changes::new();
        let touched = std::mem::take(&mut self.touched);
        self.compute(touched, &mut changes)?;
        self.flushes += 1;
        if self.moved && (self.spec.hold || self.flushes.is_multiple_of(SWEEP)) {
            self.moved = false;
            self.close(&mut changes)?;
            if self.frozen_before.is_some() {
                let all = self.partitions.keys().cloned().collect();
                self.compute(all, &mut changes)?;
            }
        }
        self.settled_before = self.frozen_before;
        self.tell(changes, out)?;
        Ok(())
    }

    fn usage(&self) -> Usage {
        self.usage
    }

    /// Rows with what is said of them, and whether they are frozen and told.
    fn save(&mut self) -> Result<Vec<RecordBatch>> {
        let all: Vec<&Entry> = self.partitions.values().flat_map(|p| &p.entries).collect();
        let rows = self.codecs.rows.decode(all.iter().map(|e| e.row.as_ref()))?;
        let said = self.codecs.said.decode(all.iter().map(|e| e.said.as_ref()))?;
        let flag = |of: fn(&Entry) -> bool| Arc::new(all.iter().map(|e| Some(of(e))).collect::<BooleanArray>()) as ArrayRef;
        let flags = vec![flag(|e| e.frozen), flag(|e| e.told)];
        let standing: Vec<(&Bytes, &Vec<Bytes>)> = self.partitions.iter().filter_map(|(k, p)| Some((k, p.stands.as_ref()?))).collect();
        let mut stands: Vec<ArrayRef> = vec![Arc::new(BinaryArray::from_iter_values(standing.iter().map(|(key, _)| key.as_ref())))];
        for function in 0..self.spec.running.as_ref().map_or(0, Vec::len) {
            stands.push(Arc::new(BinaryArray::from_iter_values(standing.iter().map(|(_, s)| s[function].as_ref()))));
        }
        Ok(vec![numbered(rows.columns().to_vec())?, numbered(said.columns().to_vec())?, numbered(flags)?, numbered(stands)?])
    }

    fn restore(&mut self, state: &[RecordBatch]) -> Result<()> {
        let [rows, said, flags, stands] = state else { return Err(Error::bug("a checkpoint of partitions without its rows")) };
        let rows = batch(&self.spec.input, rows.columns().to_vec(), rows.num_rows())?;
        let keys = self.spec.partition.iter().map(|p| evaluate(p, &rows)).collect::<Result<Vec<_>>>()?;
        let keys = self.keys.encode(&keys, rows.num_rows())?;
        let encoded = self.codecs.rows.encode_batch(&rows)?;
        let said = self.codecs.said.encode(said.columns(), rows.num_rows())?;
        let flag = |column: usize, row: usize| flags.column(column).as_boolean().value(row);
        for row in 0..rows.num_rows() {
            let entry = Entry { row: encoded.row(row).into(), said: said.row(row).into(), frozen: flag(0, row), told: flag(1, row) };
            self.partitions.entry(keys.row(row).into()).or_default().entries.push(entry);
        }
        for row in 0..stands.num_rows() {
            let bytes = |column: usize| -> Bytes { stands.column(column).as_binary::<i32>().value(row).into() };
            self.partitions.entry(bytes(0)).or_default().stands = Some((1..stands.num_columns()).map(bytes).collect());
        }
        self.partitions.values().for_each(|p| self.usage += p.usage());
        self.resumed = true;
        Ok(())
    }
}
