//! Finds the windows that a batch's rows belong to, and closes windows that are over.

use super::Aggregate;
use super::accumulator::Args;
use super::table::{NULL, Table, key_schema};
use crate::delta::{Delta, batch, taken};
use crate::frontier::{Frontier, moments, natives};
use crate::operator::{Cx, Operator, Stage, Usage};
use crate::rows::RowCodec;
use crate::state::numbered;
use crate::stateless::evaluate;
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array, cast::AsArray, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{Int64Type, SchemaRef};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::failure;

pub(super) struct Groups {
    spec: Arc<Aggregate>,
    key_schema: SchemaRef,
    codec: RowCodec,
    tables: BTreeMap<Vec<i64>, Table>,
    /// For each moment of a window but the first, by which `tables` is ordered: the windows by it.
    by_moment: Vec<BTreeMap<i64, Vec<Vec<i64>>>>,
    /// Windows that have something to say.
    news: Vec<Vec<i64>>,
    /// Per moment of a window, the least that is not over.
    open_from: Vec<Option<i64>>,
    moved: bool,
    flushes: u32,
    usage: Usage,
    /// How many groups there were when their bytes were counted.
    sized_at: u64,
}

/// Rows of one window within a batch.
enum Rows {
    All,
    Range(usize, usize),
    Some(UInt32Array),
}

impl Groups {
    pub(super) fn new(spec: Arc<Aggregate>) -> Result<Self> {
        let key_schema = key_schema(&spec);
        let mut groups = Groups {
            open_from: vec![None; spec.times.len()],
            codec: RowCodec::new(Arc::clone(&key_schema))?,
            key_schema,
            tables: BTreeMap::new(),
            by_moment: vec![BTreeMap::new(); spec.times.len().saturating_sub(1)],
            news: Vec::new(),
            moved: false,
            flushes: 0,
            usage: Usage::default(),
            sized_at: 0,
            spec,
        };
        if groups.spec.is_global() {
            groups.open(Vec::new())?;
            groups.news.push(Vec::new());
            groups.usage.rows = 1;
        }
        Ok(groups)
    }

    fn open(&mut self, window: Vec<i64>) -> Result<&mut Table> {
        let table = Table::new(&self.spec, &self.key_schema, window.clone())?;
        for (by, moment) in self.by_moment.iter_mut().zip(window.iter().skip(1)) {
            by.entry(*moment).or_default().push(window.clone());
        }
        Ok(self.tables.entry(window).or_insert(table))
    }

    /// Windows that are over, without looking at the others.
    fn over(&mut self) -> Vec<Vec<i64>> {
        let mut over: Vec<Vec<i64>> = Vec::new();
        if let Some(Some(from)) = self.open_from.first() {
            over.extend(self.tables.range(..vec![*from]).map(|(window, _)| window.clone()).filter(|w| self.is_over(w)));
        }
        let from = self.open_from.iter().skip(1);
        for (by, from) in self.by_moment.iter_mut().zip(from) {
            let Some(from) = from else { continue };
            let open = by.split_off(from);
            let mut gone = std::mem::replace(by, open);
            // What has no such moment is not over by it.
            if let Some(null) = gone.remove(&NULL) {
                by.insert(NULL, null);
            }
            over.extend(gone.into_values().flatten());
        }
        over.sort_unstable();
        over.dedup();
        over
    }

    fn is_over(&self, window: &[i64]) -> bool {
        window.iter().zip(&self.open_from).any(|(moment, from)| *moment != NULL && from.is_some_and(|f| *moment < f))
    }

    fn add(&mut self, groups: &[ArrayRef], args: &[Args], delta: &Delta, cx: &mut Cx) -> Result<()> {
        let (rows, weights, origin) = (delta.len(), delta.weights.as_ref(), delta.origin.as_ref());
        let spec = Arc::clone(&self.spec);
        let mut keys: Vec<ArrayRef> = spec.keys.iter().map(|k| Arc::clone(&groups[*k])).collect();
        if !spec.sets.is_empty() {
            keys.extend(groups.last().cloned());
        }
        for (window, which) in windows(&spec, groups, rows)? {
            let count = match &which {
                Rows::All => rows,
                Rows::Range(_, len) => *len,
                Rows::Some(some) => some.len(),
            };
            if spec.may_be_late && self.is_over(&window) {
                match &which {
                    Rows::All => cx.leave_out(origin, 0..rows),
                    Rows::Range(from, len) => cx.leave_out(origin, *from..from + len),
                    Rows::Some(some) => cx.leave_out(origin, some.values().iter().map(|row| *row as usize)),
                }
                continue;
            }
            if !self.tables.contains_key(&window) {
                self.open(window.clone())?;
            }
            let Some(table) = self.tables.get_mut(&window) else { continue };
            let (had, had_news) = (table.groups(), table.has_news());
            let pick = |array: &ArrayRef| match &which {
                Rows::All => Ok(Arc::clone(array)),
                Rows::Range(from, len) => Ok(array.slice(*from, *len)),
                Rows::Some(some) => taken(array, some),
            };
            let keys = keys.iter().map(pick).collect::<Result<Vec<_>>>()?;
            let args = args.iter().map(|a| a.pick(pick)).collect::<Result<Vec<_>>>()?;
            let weights = match weights {
                Some(w) => Some(pick(&(Arc::new(w.clone()) as ArrayRef))?.as_primitive::<Int64Type>().clone()),
                None => None,
            };
            table.update(&keys, &args, weights.as_ref(), count, &self.codec)?;
            self.usage.rows += (table.groups() - had) as u64;
            if table.has_news() && !had_news {
                self.news.push(window);
            }
        }
        Ok(())
    }
}

/// The windows of a batch's rows, with their rows. Most batches lie in one or two.
fn windows(spec: &Aggregate, groups: &[ArrayRef], rows: usize) -> Result<Vec<(Vec<i64>, Rows)>> {
    if spec.times.is_empty() {
        return Ok(vec![(Vec::new(), Rows::All)]);
    }
    let times: Vec<Int64Array> = spec.times.iter().map(|t| moments(&groups[*t])).collect::<Result<_>>()?;
    let at = |time: &Int64Array, row: usize| if time.is_null(row) { NULL } else { time.value(row) };
    let mut found: Vec<Vec<i64>> = Vec::new();
    let mut many: Option<BTreeMap<Vec<i64>, u32>> = None;
    let mut slots: Vec<u32> = Vec::with_capacity(rows);
    let mut last = 0u32;
    // A window's rows lie together as long as no row goes back to one that was left.
    let mut together = true;
    let plain = times.iter().all(|t| t.null_count() == 0);
    for row in 0..rows {
        let is = |window: &[i64]| match plain {
            true => times.iter().zip(window).all(|(t, w)| t.values()[row] == *w),
            false => times.iter().zip(window).all(|(t, w)| at(t, row) == *w),
        };
        if !found.is_empty() && is(&found[last as usize]) {
            slots.push(last);
            continue;
        }
        let known = match &many {
            Some(many) => many.get(&times.iter().map(|t| at(t, row)).collect::<Vec<_>>()).copied(),
            None => found.iter().position(|w| is(w)).map(|i| i as u32),
        };
        last = known.unwrap_or_else(|| {
            let window: Vec<i64> = times.iter().map(|t| at(t, row)).collect();
            let slot = found.len() as u32;
            if let Some(many) = &mut many {
                many.insert(window.clone(), slot);
            }
            found.push(window);
            slot
        });
        if many.is_none() && found.len() > 16 {
            many = Some(found.iter().cloned().zip(0u32..).collect());
        }
        together &= known.is_none();
        slots.push(last);
    }
    if found.len() == 1 {
        return Ok(vec![(found.swap_remove(0), Rows::All)]);
    }
    if together {
        let mut begin = 0;
        let ranges = found.into_iter().zip(0u32..).map(|(window, slot)| {
            let len = slots[begin..].iter().take_while(|s| **s == slot).count();
            begin += len;
            (window, Rows::Range(begin - len, len))
        });
        return Ok(ranges.collect());
    }
    let mut by_slot: Vec<Vec<u32>> = vec![Vec::new(); found.len()];
    slots.iter().enumerate().for_each(|(row, slot)| by_slot[*slot as usize].push(row as u32));
    Ok(found.into_iter().zip(by_slot).map(|(window, rows)| (window, Rows::Some(rows.into()))).collect())
}

impl Operator for Groups {
    fn push(&mut self, _: usize, delta: Delta, cx: &mut Cx, _: &mut Vec<Delta>) -> Result<()> {
        if delta.is_empty() {
            return Ok(());
        }
        let spec = Arc::clone(&self.spec);
        let rows = delta.len();
        let groups = spec.groups.iter().map(|g| evaluate(g, &delta.rows)).collect::<Result<Vec<_>>>()?;
        let args = spec.calls.iter().map(|c| c.evaluate(&delta.rows)).collect::<Result<Vec<_>>>()?;
        if spec.sets.is_empty() {
            return self.add(&groups, &args, &delta, cx);
        }
        for (left_out, number) in &spec.sets {
            let mut set: Vec<ArrayRef> = groups
                .iter()
                .zip(left_out)
                .map(|(g, out)| if *out { new_null_array(g.data_type(), rows) } else { Arc::clone(g) })
                .collect();
            set.push(number.to_array_of_size(rows).map_err(failure)?);
            self.add(&set, &args, &delta, cx)?;
        }
        Ok(())
    }

    fn advance(&mut self, inputs: &[Frontier]) -> Result<()> {
        if self.spec.times.is_empty() {
            return Ok(());
        }
        let all = natives(&self.spec.frontier(inputs)?);
        let now: Vec<Option<i64>> = self.spec.times.iter().map(|t| all[*t]).collect();
        self.moved |= now != self.open_from;
        self.open_from = now;
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<Delta>) -> Result<()> {
        let mut news = std::mem::take(&mut self.news);
        news.sort_unstable();
        for window in news.drain(..) {
            if let Some(table) = self.tables.get_mut(&window) {
                table.flush(out)?;
            }
        }
        self.news = news;
        if std::mem::take(&mut self.moved) {
            for window in self.over() {
                let Some(mut table) = self.tables.remove(&window) else { continue };
                self.usage.rows -= table.groups() as u64;
                if self.spec.hold {
                    out.extend(table.all()?);
                }
            }
        }
        // Looking at every table costs more than a flush that changes little.
        self.flushes = self.flushes.wrapping_add(1);
        if self.usage.rows.abs_diff(self.sized_at) * 16 > self.sized_at || self.flushes.is_multiple_of(64) {
            self.sized_at = self.usage.rows;
            self.usage.bytes = self.tables.values().map(|t| t.size() as u64).sum();
        }
        Ok(())
    }

    fn usage(&self) -> Usage {
        self.usage
    }

    /// Windows: their moments, how many groups, how long each aggregate's state. Groups: their keys and counts. Then each aggregate's state.
    fn save(&mut self) -> Result<Vec<RecordBatch>> {
        let calls = self.spec.calls.len();
        let mut windows: Vec<Vec<i64>> = vec![Vec::new(); self.spec.times.len() + 1 + calls];
        let mut keys: Vec<RecordBatch> = Vec::new();
        let mut counts: Vec<i64> = Vec::new();
        let mut states: Vec<Vec<Vec<ArrayRef>>> = vec![Vec::new(); calls];
        for table in self.tables.values_mut() {
            let (own_keys, own_counts, own_states) = table.save()?;
            for (column, moment) in windows.iter_mut().zip(&table.window) {
                column.push(*moment);
            }
            windows[self.spec.times.len()].push(own_counts.len() as i64);
            for (call, state) in own_states.into_iter().enumerate() {
                windows[self.spec.times.len() + 1 + call].push(state.first().map_or(0, |s| s.len()) as i64);
                states[call].push(state);
            }
            keys.push(own_keys);
            counts.extend(own_counts);
        }
        let whole = |columns: Vec<Vec<i64>>| numbered(columns.into_iter().map(|c| Arc::new(Int64Array::from(c)) as ArrayRef).collect());
        let key_schema = Arc::clone(&self.key_schema);
        let mut key_columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(counts))];
        for at in 0..key_schema.fields().len() {
            let parts: Vec<&dyn Array> = keys.iter().map(|k| k.column(at).as_ref()).collect();
            key_columns.push(if parts.is_empty() {
                arrow::array::new_empty_array(key_schema.field(at).data_type())
            } else {
                concat(&parts)?
            });
        }
        let mut saved = vec![whole(windows)?, numbered(key_columns)?];
        for tables in states {
            let width = tables.first().map_or(0, Vec::len);
            let columns = (0..width).map(|c| Ok(concat(&tables.iter().map(|t| t[c].as_ref()).collect::<Vec<&dyn Array>>())?));
            saved.push(numbered(columns.collect::<Result<Vec<_>>>()?)?);
        }
        Ok(saved)
    }

    fn restore(&mut self, state: &[RecordBatch]) -> Result<()> {
        let [windows, keys, states @ ..] = state else { return Err(Error::bug("a checkpoint of groups without its groups")) };
        let spec = Arc::clone(&self.spec);
        let number = |column: usize, row: usize| windows.column(column).as_primitive::<Int64Type>().value(row);
        let length = |column: usize, row: usize| usize::try_from(number(column, row)).unwrap_or(0);
        let times = spec.times.len();
        let mut group = 0;
        let mut begins = vec![0; states.len()];
        let key_schema = Arc::clone(&self.key_schema);
        for row in 0..windows.num_rows() {
            let window: Vec<i64> = (0..times).map(|t| number(t, row)).collect();
            let groups = length(times, row);
            let own: Vec<ArrayRef> = keys.columns()[1..].iter().map(|c| c.slice(group, groups)).collect();
            let own = own.into_iter().zip(key_schema.fields()).map(|(c, f)| cast(&c, f.data_type())).collect::<Result<Vec<_>, _>>()?;
            let own_keys = batch(&key_schema, own, groups)?;
            let counts = keys.column(0).slice(group, groups);
            let mut own_states = Vec::new();
            for (call, state) in states.iter().enumerate() {
                let len = length(times + 1 + call, row);
                own_states.push(state.columns().iter().map(|c| c.slice(begins[call], len)).collect::<Vec<_>>());
                begins[call] += len;
            }
            let mut table = Table::new(&spec, &key_schema, window.clone())?;
            table.restore(&own_keys, counts.as_primitive::<Int64Type>().values(), &own_states, &self.codec)?;
            self.open(window.clone())?;
            self.tables.insert(window, table);
            group += groups;
        }
        self.news.clear();
        self.usage.rows = self.tables.values().map(|t| t.groups() as u64).sum();
        Ok(())
    }
}
