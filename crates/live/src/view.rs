//! A view that runs.

use crate::compile::Built;
use crate::compiled::InputRef;
use crate::delta::{Delta, indices};
use crate::frontier::{Frontier, micros_of, moment, moments, natives};
use crate::operator::{Cx, Operator, Usage};
use crate::output::{OpenPage, Output};
use crate::state::checkpoint::{Checkpoint, Part};
use crate::watermark::Watermarks;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::{max, min, take_record_batch};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::{MemoryConsumer, MemoryPool, MemoryReservation};
use tidemill_project::spec::{Late, StateLimit, TimeDomain};

/// One compiled view with its state. It takes what changed in its inputs, in any batches, and knows its result at any moment: all settled rows
/// ever taken, and the open ones.
pub struct LiveView {
    built: Arc<Built>,
    operators: Vec<Box<dyn Operator>>,
    output: Output,
    watermarks: Watermarks,
    /// Rows of streams have come, so that tables are what they are.
    begun: bool,
    /// Something was taken in since the last flush.
    pending: bool,
    now: Option<i64>,
    starts_at: Option<i64>,
    told_at: Option<i64>,
    rows_in: u64,
    late: u64,
    late_rows: Vec<LateRow>,
    usage: Usage,
    memory: MemoryReservation,
}

/// A row that came after its time, where `late = "list"`.
#[derive(Debug, Clone)]
pub struct LateRow {
    pub input: InputRef,
    pub split: String,
    pub event_micros: i64,
    /// Where the view's watermark stood when it came.
    pub watermark: i64,
    /// One row, with the input's columns.
    pub row: RecordBatch,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    pub rows_in: u64,
    /// Rows settled so far; of an append-only view, all.
    pub rows_out: u64,
    pub late: u64,
    /// Microseconds; `None` while nothing is known.
    pub watermark: Option<i64>,
    /// Per input and split, the newest event time.
    pub splits: Vec<(InputRef, String, Option<i64>)>,
    pub state_bytes: u64,
    /// Groups, rows and values kept.
    pub state_rows: u64,
}

/// What a checkpoint was good for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Operators whose state was taken, by name.
    pub kept: Vec<String>,
    /// Those that must be rebuilt. When there is one the view is as new, and is to be loaded from its inputs.
    pub rebuilt: Vec<String>,
}

impl Restored {
    pub fn is_whole(&self) -> bool {
        self.rebuilt.is_empty()
    }
}

/// The split that stands for rows of which nobody said where they come from.
const NOWHERE: &str = "";
/// How many late rows are listed until somebody takes them.
const LATE_ROWS_MAX: usize = 10_000;

impl LiveView {
    pub(crate) fn start(built: Arc<Built>, memory: &Arc<dyn MemoryPool>) -> Result<LiveView> {
        let operators = built.nodes.iter().map(|n| n.stage.start()).collect::<Result<Vec<_>>>()?;
        let settings = &built.settings;
        // Of processing time nothing is late: it is the clock that says how late it is.
        let lateness = if settings.time == TimeDomain::Processing { 0 } else { settings.lateness_micros };
        let mut view = LiveView {
            output: Output::new(&built)?,
            operators,
            watermarks: Watermarks::new(lateness, settings.idle_micros),
            begun: false,
            pending: true,
            now: None,
            starts_at: None,
            told_at: None,
            rows_in: 0,
            late: 0,
            late_rows: Vec::new(),
            usage: Usage::default(),
            memory: MemoryConsumer::new(format!("live view {}", built.name)).register(memory),
            built,
        };
        view.expect_inputs(None);
        Ok(view)
    }

    /// An input from which nothing has come holds time back, until it counts as idle.
    fn expect_inputs(&mut self, now: Option<i64>) {
        for (at, input) in self.built.inputs.iter().enumerate() {
            let known = self.watermarks.splits.keys().any(|(i, _)| *i == at);
            if input.followed && input.event_time.is_some() && !known {
                self.watermarks.expect(at, NOWHERE, now);
            }
        }
    }

    /// There is such a split of an input; time waits for it until it is idle. Whoever knows the splits says so before the first row, so that
    /// one that is read first does not make the others late.
    pub fn expect_split(&mut self, input: &InputRef, split: &str, now_micros: i64) -> Result<()> {
        let at = self.input(input)?;
        self.watermarks.forget(at, NOWHERE);
        self.watermarks.expect(at, split, Some(now_micros));
        Ok(())
    }

    /// The time of the clock while history is loaded.
    pub fn starts_at(&mut self, now_micros: i64) {
        self.starts_at = Some(now_micros);
    }

    /// Rows of an input's history: never late, unless a checkpoint was taken up that had closed their windows. May be called many times before the first [`LiveView::apply`]; tables that are not followed are to
    /// be loaded before streams. Where the rows have a column `_file`, it says which split they came from.
    pub fn load(&mut self, input: &InputRef, rows: &RecordBatch) -> Result<()> {
        let at = self.input(input)?;
        if !self.built.inputs[at].followed && self.begun {
            return Err(
                Error::bug(format!("`{}.{}` is loaded after rows of streams have come", input.schema, input.name)).at(&self.built.name)
            );
        }
        if self.built.inputs[at].followed {
            self.begin()?;
        }
        self.rows_in += rows.num_rows() as u64;
        let delta = Delta::inserted(rows.clone());
        match (self.watermarks.reached, self.built.inputs[at].event_time.clone()) {
            // The state of a checkpoint goes on from where it was: what it had closed stays closed.
            (Some(mark), Some(column)) if self.built.may_be_late && self.built.inputs[at].followed => {
                self.take_in_by_time(at, NOWHERE, delta, &event_times(rows, &column)?, Some(mark))?;
            }
            _ => drop(self.take_in(at, delta)?),
        }
        self.note_history(at, rows)?;
        self.check_limit()
    }

    /// Rows that came (`weights` None: all inserted; else +1/-1 per row), from a split, at a time of the clock.
    pub fn apply(
        &mut self,
        input: &InputRef,
        split: &str,
        rows: &RecordBatch,
        weights: Option<&Int64Array>,
        now_micros: i64,
    ) -> Result<()> {
        let at = self.input(input)?;
        if self.now.is_none() {
            self.watermarks.begin(now_micros);
        }
        self.now = Some(now_micros.max(self.now.unwrap_or(now_micros)));
        let delta = Delta::weighed(rows.clone(), weights.cloned());
        self.rows_in += delta.len() as u64;
        if !self.built.inputs[at].followed {
            self.take_in(at, delta)?;
            return self.check_limit();
        }
        self.begin()?;
        self.watermarks.forget(at, NOWHERE);
        let Some(column) = self.built.inputs[at].event_time.clone() else {
            self.take_in(at, delta)?;
            return self.check_limit();
        };
        let delta = match self.built.settings.time {
            TimeDomain::Processing => timed(&delta, &column, now_micros)?,
            TimeDomain::Event => delta,
        };
        let times = event_times(&delta.rows, &column)?;
        let newest = newest(&times, self.now);
        self.take_in_by_time(at, split, delta, &times, self.watermarks.reached)?;
        self.watermarks.saw(at, split, newest, self.now);
        self.move_time()?;
        self.check_limit()
    }

    /// Time went on without rows: idle splits, processing time, periods.
    pub fn tick(&mut self, now_micros: i64) -> Result<()> {
        if self.now.is_none() {
            self.watermarks.begin(now_micros);
        }
        self.now = Some(now_micros.max(self.now.unwrap_or(now_micros)));
        if self.built.settings.time == TimeDomain::Processing {
            self.watermarks.reached = self.watermarks.reached.max(self.now);
        }
        self.move_time()
    }

    /// What changed in the result since the last call: rows with weights, each once; nothing when nothing changed.
    pub fn take_changes(&mut self) -> Result<Vec<Delta>> {
        self.flush_if_due()?;
        self.output.take_changes()
    }

    /// Whether changes are gathered for [`LiveView::take_changes`]; they are unless one says no. Who never takes them should.
    pub fn follow_changes(&mut self, yes: bool) {
        self.output.follow(yes);
    }

    /// Rows of the result that will never change any more, since the last call.
    pub fn take_settled(&mut self) -> Result<Vec<RecordBatch>> {
        self.flush_if_due()?;
        Ok(self.output.take_settled())
    }

    /// The rest of the result as it is now: rows that may still change. Costs as much as changed since the last call.
    pub fn open_rows(&mut self) -> Result<Vec<RecordBatch>> {
        Ok(self.open_pages()?.into_iter().flat_map(|page| page.rows).collect())
    }

    /// The same in pages, of which those that did not change are told by their versions.
    pub fn open_pages(&mut self) -> Result<Vec<OpenPage>> {
        self.flush_if_due()?;
        self.output.open_pages()
    }

    pub fn stats(&self) -> Stats {
        let splits = self.watermarks.splits.iter().filter(|((_, split), _)| split != NOWHERE);
        let usage = self.usage_now();
        Stats {
            rows_in: self.rows_in,
            rows_out: self.output.rows_out,
            late: self.late,
            watermark: self.watermarks.reached,
            splits: splits.map(|((input, split), p)| (self.built.inputs[*input].reference.clone(), split.clone(), p.newest)).collect(),
            state_bytes: usage.bytes.max(self.usage.bytes),
            state_rows: usage.rows,
        }
    }

    /// Rows that came after their time, where `late = "list"`.
    pub fn take_late(&mut self) -> Vec<LateRow> {
        std::mem::take(&mut self.late_rows)
    }

    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.built.schema)
    }

    /// The whole state, as of all rows taken in, with the settled rows and changes that nobody has taken yet: they come again after a restore.
    pub fn save(&mut self) -> Result<Vec<u8>> {
        self.flush()?;
        let mut parts = vec![Part { fingerprint: "-".into(), name: "time".into(), state: self.save_time()? }];
        for (node, operator) in self.built.nodes.iter().zip(&mut self.operators) {
            parts.push(Part { fingerprint: node.fingerprint.clone(), name: node.stage.name(), state: operator.save()? });
        }
        parts.push(Part { fingerprint: "-".into(), name: "result".into(), state: self.output.save()? });
        Checkpoint { view: self.built.fingerprint.clone(), parts }.to_bytes()
    }

    /// Takes a checkpoint up, on a view that has just been started. Which operators' states could be taken; when one could not, nothing was, and
    /// the view is to be loaded from its inputs.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored> {
        let stateful: Vec<(String, String)> =
            self.built.nodes.iter().filter(|n| n.stage.keeps().is_some()).map(|n| (n.fingerprint.clone(), n.stage.name())).collect();
        let names = |all: &[(String, String)]| all.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        let Some(checkpoint) = Checkpoint::from_bytes(bytes)? else {
            return Ok(Restored { kept: Vec::new(), rebuilt: names(&stateful) });
        };
        let parts = checkpoint.parts.as_slice();
        let [time, middle @ .., result] = parts else { return Err(Error::data("a checkpoint without parts").at(&self.built.name)) };
        if checkpoint.view != self.built.fingerprint || middle.len() != self.operators.len() {
            let (same, other): (Vec<_>, Vec<_>) = stateful.into_iter().partition(|(f, _)| middle.iter().any(|p| p.fingerprint == *f));
            // Nothing is taken in parts; but what changed is worth telling.
            let rebuilt = if other.is_empty() { vec!["result".to_string()] } else { names(&other) };
            return Ok(Restored { kept: names(&same), rebuilt });
        }
        for (operator, part) in self.operators.iter_mut().zip(middle) {
            operator.restore(&part.state)?;
        }
        self.output.restore(&result.state)?;
        self.restore_time(&time.state)?;
        self.begun = true;
        Ok(Restored { kept: names(&stateful), rebuilt: Vec::new() })
    }

    /// Brings the result up to all rows taken in, whatever the period.
    pub fn flush(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.pending) {
            return Ok(());
        }
        self.told_at = self.now;
        let mut out = Vec::new();
        for at in 0..self.operators.len() {
            self.operators[at].flush(&mut out)?;
            self.send(at, &mut out, &mut Cx::default())?;
        }
        let frontiers = self.built.frontiers(self.watermark())?;
        if let (Some(column), Some(last)) = (self.built.settles_by, frontiers.last()) {
            self.output.settle(natives(last)[column])?;
        }
        self.usage = self.usage_now();
        let bytes = usize::try_from(self.usage.bytes).unwrap_or(usize::MAX);
        self.memory.try_resize(bytes).map_err(|e| {
            Error::limit(format!("live view `{}` needs {bytes} bytes of memory, and there are none left", self.built.name))
                .help("raise `engine.memory_limit`, or give the view a smaller window or a `state_limit`")
                .because(e)
        })?;
        self.check_limit()
    }

    // ------------------------------------------------------------------------------------------------------ inside

    fn input(&self, input: &InputRef) -> Result<usize> {
        let found = self.built.inputs.iter().position(|i| i.reference == *input);
        found.ok_or_else(|| Error::bug(format!("live view `{}` does not read `{}.{}`", self.built.name, input.schema, input.name)))
    }

    /// The first row of a stream: what tables have is told to whoever waits for it.
    fn begin(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.pending = true;
            self.flush()?;
        }
        Ok(())
    }

    /// What operators go by: a window's state is kept for one lateness more where late rows are put into it.
    fn watermark(&self) -> Option<i64> {
        let kept = if self.built.settings.late == Late::Update { self.built.settings.lateness_micros } else { 0 };
        self.watermarks.reached.map(|mark| mark.saturating_sub(kept))
    }

    fn move_time(&mut self) -> Result<()> {
        let before = self.watermarks.reached;
        let after = self.watermarks.advance(self.now);
        if after != before || self.built.settings.time == TimeDomain::Processing {
            self.advance()?;
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<()> {
        self.pending = true;
        let frontiers = self.built.frontiers(self.watermark())?;
        for (at, node) in self.built.nodes.iter().enumerate() {
            let inputs: Vec<Frontier> = node.children.iter().map(|c| frontiers[*c].clone()).collect();
            self.operators[at].advance(&inputs)?;
        }
        Ok(())
    }

    /// Gives rows to every place where the view reads this input. Which late ones were left out somewhere.
    fn take_in(&mut self, input: usize, delta: Delta) -> Result<Vec<u32>> {
        if delta.is_empty() {
            return Ok(Vec::new());
        }
        self.pending = true;
        let mut cx = Cx::default();
        let mut out = Vec::new();
        let built = Arc::clone(&self.built);
        for leaf in &built.leaves[input] {
            self.operators[*leaf].push(0, delta.clone(), &mut cx, &mut out)?;
            self.send(*leaf, &mut out, &mut cx)?;
        }
        Ok(cx.left_out)
    }

    /// What an operator said goes on to whoever waits for it, and so on to the result.
    fn send(&mut self, from: usize, out: &mut Vec<Delta>, cx: &mut Cx) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let built = Arc::clone(&self.built);
        let said: Vec<Delta> = std::mem::take(out);
        for delta in said.into_iter().filter(|d| !d.is_empty()) {
            match built.parents[from] {
                None => self.output.push(delta)?,
                Some((parent, port)) => {
                    let mut more = Vec::new();
                    self.operators[parent].push(port, delta, cx, &mut more)?;
                    self.send(parent, &mut more, cx)?;
                }
            }
        }
        Ok(())
    }

    fn take_in_by_time(&mut self, at: usize, split: &str, delta: Delta, times: &Int64Array, mark: Option<i64>) -> Result<()> {
        match mark {
            Some(mark) if self.built.may_be_late && min(times).is_some_and(|oldest| oldest < mark) => {
                self.take_in_late(at, split, delta, times, mark)
            }
            _ => self.take_in(at, delta).map(drop),
        }
    }

    /// Rows some of which lie behind the watermark: which of those are left out is told by whoever does it.
    fn take_in_late(&mut self, at: usize, split: &str, delta: Delta, times: &Int64Array, mark: i64) -> Result<()> {
        let is_behind = |row: &usize| times.is_valid(*row) && times.value(*row) < mark;
        let (behind, on_time): (Vec<usize>, Vec<usize>) = (0..delta.len()).partition(is_behind);
        self.take_in(at, delta.take(&indices(on_time))?)?;
        let late = self.built.settings.late;
        let mut tardy = delta.take(&indices(behind.iter().copied()))?;
        tardy.origin = Some(indices(behind.iter().copied()));
        let mut left_out = self.take_in(at, tardy)?;
        left_out.sort_unstable();
        left_out.dedup();
        let told: Vec<usize> = if late == Late::Update { behind } else { left_out.into_iter().map(|row| row as usize).collect() };
        self.late += told.len() as u64;
        let room = if late == Late::List { LATE_ROWS_MAX.saturating_sub(self.late_rows.len()) } else { 0 };
        for row in told.into_iter().take(room) {
            self.late_rows.push(LateRow {
                input: self.built.inputs[at].reference.clone(),
                split: split.to_string(),
                event_micros: times.value(row),
                watermark: mark,
                row: take_record_batch(&delta.rows, &indices([row]))?,
            });
        }
        Ok(())
    }

    fn note_history(&mut self, at: usize, rows: &RecordBatch) -> Result<()> {
        let Some(column) = self.built.inputs[at].event_time.clone().filter(|_| self.built.inputs[at].followed) else { return Ok(()) };
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let (times, now) = (event_times(rows, &column)?, self.starts_at);
        let files = rows.column_by_name("_file").and_then(|f| f.as_string_opt::<i32>().cloned());
        match files {
            Some(files) => {
                self.watermarks.forget(at, NOWHERE);
                let mut newest: std::collections::BTreeMap<&str, i64> = Default::default();
                for row in (0..rows.num_rows()).filter(|r| times.is_valid(*r) && files.is_valid(*r)) {
                    let Some(time) = counted(times.value(row), now) else { continue };
                    let of = newest.entry(files.value(row)).or_insert(time);
                    *of = (*of).max(time);
                }
                for (split, time) in newest {
                    self.watermarks.saw(at, split, Some(time), None);
                }
            }
            None => self.watermarks.saw(at, NOWHERE, newest(&times, now), None),
        }
        Ok(())
    }

    fn flush_if_due(&mut self) -> Result<()> {
        // Time that history brought counts once somebody asks.
        if self.pending && self.now.is_none() {
            let before = self.watermarks.reached;
            if self.watermarks.advance(None) != before {
                self.advance()?;
            }
        }
        let due = match (self.built.settings.period_micros, self.told_at, self.now) {
            (Some(period), Some(told), Some(now)) => now.saturating_sub(told) >= period,
            _ => true,
        };
        if due { self.flush() } else { Ok(()) }
    }

    /// What the operators keep, and the bytes of the result that may change.
    fn usage_now(&self) -> Usage {
        let mut usage = Usage { rows: 0, ..self.output.usage() };
        self.operators.iter().for_each(|o| usage += o.usage());
        usage
    }

    fn check_limit(&self) -> Result<()> {
        let Some(limit) = &self.built.settings.state_limit else { return Ok(()) };
        let usage = self.usage_now();
        let reached = match limit.value {
            StateLimit::Rows(most) if usage.rows > most => format!("{} rows, and `state_limit` allows {most}", usage.rows),
            StateLimit::Bytes(most) if usage.bytes > most => format!("{} bytes, and `state_limit` allows {most}", usage.bytes),
            _ => return Ok(()),
        };
        Err(Error::limit(format!("live view `{}` keeps {reached}", self.built.name))
            .help("raise the view's `state_limit`, or bound what it keeps by a window or a bound in time"))
    }

    fn save_time(&self) -> Result<Vec<RecordBatch>> {
        let all: Vec<_> = self.watermarks.splits.iter().collect();
        let inputs: Int64Array = all.iter().map(|((input, _), _)| *input as i64).collect();
        let splits: arrow::array::StringArray = all.iter().map(|((_, split), _)| Some(split.as_str())).collect();
        let newest: Int64Array = all.iter().map(|(_, p)| p.newest).collect();
        let counts = Int64Array::from(vec![
            self.watermarks.reached,
            Some(self.rows_in as i64),
            Some(self.late as i64),
            Some(self.output.rows_out as i64),
        ]);
        let splits: Vec<ArrayRef> = vec![Arc::new(inputs), Arc::new(splits), Arc::new(newest)];
        Ok(vec![crate::state::numbered(splits)?, crate::state::numbered(vec![Arc::new(counts)])?])
    }

    fn restore_time(&mut self, state: &[RecordBatch]) -> Result<()> {
        let [splits, counts] = state else { return Err(Error::data("a checkpoint without its times").at(&self.built.name)) };
        self.watermarks.splits.clear();
        for row in 0..splits.num_rows() {
            let input = splits.column(0).as_primitive::<Int64Type>().value(row);
            let newest = splits.column(2).as_primitive::<Int64Type>();
            let split = splits.column(1).as_string::<i32>().value(row);
            let input = usize::try_from(input).unwrap_or(0);
            self.watermarks.expect(input, split, None);
            self.watermarks.saw(input, split, newest.is_valid(row).then(|| newest.value(row)), None);
        }
        let counts: Vec<Option<i64>> = counts.column(0).as_primitive::<Int64Type>().iter().collect();
        let count = |at: usize| counts.get(at).copied().flatten().and_then(|c| u64::try_from(c).ok()).unwrap_or(0);
        self.watermarks.reached = counts.first().copied().flatten();
        (self.rows_in, self.late, self.output.rows_out) = (count(1), count(2), count(3));
        self.advance()
    }
}

impl std::fmt::Debug for LiveView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveView").field("name", &self.built.name).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// The event time of each row, in microseconds.
/// A clock that goes ahead by more than this is wrong.
const AHEAD_MICROS: i64 = 10_000_000;

/// How far a row's time says that its split has got. One from the future says nothing (one sensor with a wrong clock would make all others late), and
/// one that is ahead by a little, as clocks are, no more than the present.
fn counted(time: i64, now: Option<i64>) -> Option<i64> {
    match now {
        Some(now) if time > now.saturating_add(AHEAD_MICROS) => None,
        Some(now) => Some(time.min(now)),
        None => Some(time),
    }
}

/// The newest of these times that counts.
fn newest(times: &Int64Array, now: Option<i64>) -> Option<i64> {
    let all = max(times)?;
    match counted(all, now) {
        Some(all) => Some(all),
        None => times.iter().flatten().filter_map(|time| counted(time, now)).max(),
    }
}

fn event_times(rows: &RecordBatch, column: &str) -> Result<Int64Array> {
    let array = rows.column_by_name(column).ok_or_else(|| Error::bug(format!("rows come without their event time `{column}`")))?;
    if let Some(micros) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        return Ok(micros.reinterpret_cast::<Int64Type>());
    }
    let of = array.data_type().clone();
    Ok(moments(array)?.unary(|native| micros_of(native, &of)))
}

/// The same rows, with now as their event time.
fn timed(delta: &Delta, column: &str, now: i64) -> Result<Delta> {
    let schema = delta.rows.schema();
    let at = schema.index_of(column)?;
    let mut columns = delta.rows.columns().to_vec();
    let value = moment(now, schema.field(at).data_type()).ok_or_else(|| Error::bug(format!("`{column}` is no moment")))?;
    columns[at] = value.to_array_of_size(delta.len()).map_err(tidemill_engine::failure)?;
    delta.with_columns(&schema, columns)
}
