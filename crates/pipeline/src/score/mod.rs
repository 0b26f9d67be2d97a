//! `score`: a run's clean tables held against the truth that `generate` wrote beside its messy files.
//!
//! Read in this order: `manifest` (what a truth is), `lines` (which row a line is), `truth` (its errors and rows), `columns` (what is compared with
//! what), `rows` and `cells` (what became of each), `tally` (the figures).
//!
//! A clean table does not say which line a row came from. So the recipe of its last run is applied once more to the rows of that run, which gives
//! the same rows again, this time with their lines; and rows of the truth are known by their lines too, in tables with a key as in those without.
//! All of it goes through tables in a scratch lake and is compared a stretch of rows at a time: memory does not grow with the data but for
//! some bits a row, and the list of copies.

mod cells;
mod columns;
mod lines;
mod manifest;
mod report;
mod rows;
mod scratch;
mod tally;
#[cfg(test)]
mod tests;
mod truth;

pub use report::{ScoreLine, ScoreOptions, ScoreReport, ScoreTable};

use crate::clean_step::Input;
use crate::ingest_step::blocking;
use crate::nodes;
use crate::quarantine::ident;
use crate::report::{Action, RunOptions};
use crate::state::Outcome;
use crate::tables::Prepared;
use crate::workspace::{Workspace, versions_of};
use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use cells::{Block, CellError, Differing};
use columns::Pair;
use futures::StreamExt;
use lines::{Lines, Stands};
use manifest::{Kind, Truth, TruthTable};
use parking_lot::Mutex;
use rows::{Aside, Rows, Why};
use scratch::{Scratch, ScratchWriter};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use tally::{Kinds, NEAR_DUPLICATE, Tally};
use tidemill_connect::FileEntry;
use tidemill_core::{Error, Meter, Reject, Result, problem::did_you_mean};
use tidemill_engine::Session;
use tidemill_lake::{Done, Snapshot, TableName};
use tidemill_prepare::{ApplyContext, Fitted, RowSink};
use truth::{Listed, N};

/// Which of its row's lines a clean row came from: a copy's place in the list, or one of these.
const COPY: &str = "_copy";
const ORIGINAL: i32 = -1;
/// A line that is damaged, and stands in the clean table all the same.
const DAMAGED: i32 = -2;
/// Rows compared at a time.
const BLOCK_ROWS: u64 = 1 << 18;

impl Workspace {
    /// Holds the last finished run against the truth of its data.
    pub async fn score(self: &Arc<Self>, options: &ScoreOptions) -> Result<ScoreReport> {
        let truth = Truth::open(&options.truth)?;
        let Some(done) = self.lake.last_done()? else {
            return Err(Error::config("nothing has been run yet").help("run `tidemill run` first"));
        };
        let chosen = self.chosen(&truth, options)?;
        self.is_up_to_date(&chosen).await?;
        let spill = self.checked.project.settings.engine.spill_dir.as_ref().map(|d| self.checked.project.dir.join(d));
        let scratch = Arc::new(Scratch::new(spill.as_deref(), Arc::clone(&self.clock))?);
        let mut kinds = Kinds::default();
        let tables: Vec<&TruthTable> = chosen.iter().map(|(_, t)| t).collect();
        let mut listed = truth::errors(&truth, &tables, &mut kinds, &scratch, self.engine.threads())?;
        let session = self.session_over(&versions_of(&done)).await?;
        let mut out = Vec::new();
        for (p, table) in &chosen {
            let listed = listed.remove(&table.name).ok_or_else(|| Error::bug("errors of a table were not gathered"))?;
            out.push(self.score_table(p, &truth, table, listed, &done, &session, &scratch, &kinds, &options.columns).await?);
        }
        Ok(ScoreReport { epoch: done.epoch, tables: out })
    }

    /// The project's tables that the truth knows, or those asked for.
    fn chosen(&self, truth: &Truth, options: &ScoreOptions) -> Result<Vec<(Arc<Prepared>, TruthTable)>> {
        let mine = |name: &str| self.checked.tables.iter().find(|p| p.table.name == name).cloned();
        let theirs = |name: &str| truth.tables.iter().find(|t| t.name == name || tidemill_core::name::normalise(&t.name) == name).cloned();
        if options.tables.is_empty() {
            let both: Vec<_> = self.checked.tables.iter().filter_map(|p| Some((Arc::clone(p), theirs(&p.table.name)?))).collect();
            if both.is_empty() {
                let names: Vec<&str> = truth.tables.iter().map(|t| t.name.as_str()).collect();
                return Err(Error::config(format!("the truth is of {}, and no table of the project has such a name", names.join(", ")))
                    .help("say which table it is of: --table MINE=THEIRS"));
            }
            return Ok(both);
        }
        let mut out = Vec::new();
        for (name, other) in &options.tables {
            let p = mine(name).ok_or_else(|| {
                let e = Error::config(format!("the project has no table `{name}`"));
                match did_you_mean(name, self.checked.tables.iter().map(|p| p.table.name.as_str())) {
                    Some(near) => e.help(format!("did you mean `{near}`?")),
                    None => e,
                }
            })?;
            let other = other.as_ref().unwrap_or(name);
            let t = theirs(other).ok_or_else(|| {
                let names: Vec<&str> = truth.tables.iter().map(|t| t.name.as_str()).collect();
                Error::config(format!("the truth knows nothing of `{other}`")).help(format!("it is of {}", names.join(", ")))
            })?;
            out.push((p, t));
        }
        Ok(out)
    }

    /// What was run must be what is there, since it is looked at again.
    async fn is_up_to_date(&self, chosen: &[(Arc<Prepared>, TruthTable)]) -> Result<()> {
        let planned = nodes::plan(&self.checked, &self.lake, &RunOptions::default()).await?;
        for (p, _) in chosen {
            let mine = [p.clean_node(), p.raw_node()];
            if let Some(n) = planned.nodes.iter().find(|n| mine.contains(&n.name) && n.action != Action::Keep) {
                return Err(
                    Error::config(format!("{} is not what the last run made: {}", n.name, n.reason)).help("run `tidemill run` first")
                );
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // one table, and what all of them share
    async fn score_table(
        self: &Arc<Self>,
        p: &Arc<Prepared>,
        truth: &Truth,
        table: &TruthTable,
        mut listed: Listed,
        done: &Done,
        session: &Session,
        scratch: &Arc<Scratch>,
        kinds: &Kinds,
        by_hand: &[(String, String)],
    ) -> Result<ScoreTable> {
        let name = TableName::clean(p.table.name.clone());
        let version =
            done.version(&name).ok_or_else(|| Error::config(format!("{name} was never built")).help("run `tidemill run` first"))?;
        let clean = self.lake.snapshot(&name, Some(version)).await?.ok_or_else(|| Error::bug(format!("{name} is not there")))?;
        let outcome = self.outcome_at(done, &name).await?.ok_or_else(|| Error::bug(format!("nothing is known of how {name} was made")))?;
        let (pairs, unscored) = columns::pairs(table, &p.table, &clean.schema, by_hand)?;
        let known = truth::rows(truth, table, &pairs, &mut listed, scratch, self.engine.threads())?;

        let mut rows = Rows::new(table.rows, std::mem::take(&mut listed.copies));
        for (file, line) in &listed.corrupt {
            if let Some(Stands::Row(n)) = listed.lines.stands(*file, *line) {
                rows.corrupt.set(n);
            }
        }
        let lines = Arc::new(std::mem::replace(&mut listed.lines, Lines::new(&[], false)));
        listed.lines = Lines::new(&[], false);
        let input = self.input_at(p, &outcome, done).await?;
        let (rows, cleaned) = self.apply_again(p, &outcome, input, clean.rows(), &pairs, &lines, rows, scratch).await?;
        let mut rows = rows;
        self.look_aside(p, table, session, &lines, &mut rows).await?;
        let read = outcome.ledger.first().map_or(0, |l| l.rows_read) + if p.keeps_raw() { self.aside_before(p, done).await? } else { 0 };
        if read != table.lines && !matches!(p.table.load, tidemill_project::spec::Load::Upsert | tidemill_project::spec::Load::Diff) {
            return Err(Error::config(format!(
                "the project read {read} rows of `{}`, and the truth is of {} lines",
                p.table.name, table.lines
            ))
            .help("score a project that reads the files which this truth was written beside"));
        }

        let mut tally = Tally::new(table.columns.len());
        rows.count(listed.corrupt.len() as u64, &mut tally);
        let lines = Arc::into_inner(lines).ok_or_else(|| Error::bug("a pass over the rows goes on"))?;
        listed.lines = lines;
        self.compare(table, &pairs, &listed, &rows, &known, &cleaned, scratch, &mut tally).await?;
        let scored: Vec<(String, String)> = (0..table.columns.len())
            .map(|at| {
                let theirs = table.columns[at].name.clone();
                let mine = pairs.iter().find(|p| p.at == at).map_or_else(|| theirs.clone(), |p| p.clean.clone());
                (theirs, mine)
            })
            .collect();
        Ok(tally.report(&p.table.name, &table.name, &scored, unscored, kinds))
    }

    /// The rows that the clean table was made of.
    async fn input_at(&self, p: &Arc<Prepared>, outcome: &Outcome, done: &Done) -> Result<Input> {
        if p.keeps_raw() {
            let table = TableName::raw(p.table.name.clone());
            let version = done.version(&table);
            let snapshot = self.lake.snapshot(&table, version).await?.ok_or_else(|| Error::bug(format!("{table} is not there")))?;
            return Ok(Input::Raw(Arc::clone(&self.lake), Box::new(snapshot)));
        }
        let taken: BTreeSet<&str> = outcome.files.iter().map(|f| f.path.as_str()).collect();
        let files: Vec<FileEntry> = p.files()?.list()?.into_iter().filter(|f| taken.contains(f.path.as_str())).collect();
        Ok(Input::Source(Arc::clone(p), files))
    }

    /// Rows of the source that never came to the raw table.
    async fn aside_before(&self, p: &Prepared, done: &Done) -> Result<u64> {
        let raw = self.outcome_at(done, &TableName::raw(p.table.name.clone())).await?;
        Ok(raw.map_or(0, |o| o.files.iter().map(|f| f.rows_quarantined).sum()))
    }

    /// The clean rows with their lines: scored columns, the row's number, and whether it is a copy.
    #[allow(clippy::too_many_arguments)]
    async fn apply_again(
        self: &Arc<Self>,
        p: &Arc<Prepared>,
        outcome: &Outcome,
        input: Input,
        expected: u64,
        pairs: &[Pair],
        lines: &Arc<Lines>,
        rows: Rows,
        scratch: &Scratch,
    ) -> Result<(Rows, Snapshot)> {
        let generation = outcome.recipe.ok_or_else(|| Error::bug("a clean table without a recipe"))?;
        let stored: serde_json::Value = self
            .lake
            .get_state(&nodes::recipe_path(&p.table.name, generation))?
            .ok_or_else(|| Error::data(format!("recipe {generation} of `{}` is gone", p.table.name)))?;
        let fitted = Fitted::from_json(&stored, &p.recipe)?;
        let mut fields = vec![Field::new(N, DataType::Int64, false), Field::new(COPY, DataType::Int32, false)];
        fields.extend(pairs.iter().map(|p| Field::new(p.cleaned(), p.data_type.clone(), true)));
        let writer = scratch.writer(&format!("cleaned_{}", p.table.name), Arc::new(Schema::new(fields)))?;
        let sink = Sink {
            writer,
            pairs: pairs.iter().map(|p| p.clean.clone()).collect(),
            lines: Arc::clone(lines),
            rows: Mutex::new(rows),
            table: p.table.name.clone(),
        };
        let (q, threads, memory) = (Arc::clone(p), self.engine.threads(), self.engine.memory());
        let spill = self.scratch();
        blocking(move || {
            let scan = |columns: Option<&[String]>| input.scan(columns);
            let rejects = |_: Vec<Reject>| Ok(());
            let contract = (!q.keeps_raw()).then_some(&*q.contract);
            let meter = Meter::default();
            let applied = fitted.apply(&ApplyContext {
                scan: &scan,
                sink: &sink,
                rejects: &rejects,
                threads,
                meter: &meter,
                memory,
                scratch: &spill,
                samples: 0,
                contract,
            })?;
            if applied.written != expected {
                return Err(Error::data(format!(
                    "clean.{} has {expected} rows, and its recipe gives {} of the rows it was made of",
                    q.table.name, applied.written
                ))
                .help("`tidemill run --full` makes it again"));
            }
            Ok((sink.rows.into_inner(), sink.writer.finish()?))
        })
        .await
    }

    /// Which rows are in quarantine, and why.
    async fn look_aside(&self, p: &Prepared, table: &TruthTable, session: &Session, lines: &Lines, rows: &mut Rows) -> Result<()> {
        let names: Vec<String> = table.columns.iter().map(|c| columns::read_as(&c.name, &p.table)).collect();
        let sql = format!("SELECT split, line, code, \"column\" FROM quarantine.{} WHERE status = 'open'", ident(&p.table.name));
        let mut found = session.query(&sql).await?.stream()?;
        while let Some(batch) = found.next().await {
            let batch = batch?;
            let texts = |at: usize| arrow::compute::cast(batch.column(at), &DataType::Utf8);
            let (split, code, column) = (texts(0)?, texts(2)?, texts(3)?);
            let (split, code, column) = (split.as_string::<i32>(), code.as_string::<i32>(), column.as_string::<i32>());
            let line = batch.column(1).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let place = lines.file(split.value(row)).and_then(|f| lines.stands(f, u64::try_from(line.value(row)).ok()?));
                match place {
                    Some(Stands::Copy(at)) => {
                        if let Some(c) = rows.copies.get_mut(at as usize) {
                            c.aside = true;
                        }
                    }
                    Some(Stands::Row(n)) => {
                        rows.aside.set(n);
                        let named = column.is_valid(row).then(|| names.iter().position(|n| n == column.value(row))).flatten();
                        rows.set_aside.push(Aside { n, why: Why::of(code.value(row)), column: named });
                    }
                    None => return Err(stranger(&p.table.name, split.value(row), line.value(row))),
                }
            }
        }
        rows.set_aside.sort_unstable();
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    async fn compare(
        &self,
        table: &TruthTable,
        pairs: &[Pair],
        listed: &Listed,
        rows: &Rows,
        known: &Snapshot,
        cleaned: &Snapshot,
        scratch: &Scratch,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut scored: Vec<Option<bool>> = vec![None; table.columns.len()];
        pairs.iter().for_each(|p| scored[p.at] = Some(p.kind == Kind::Text));
        let other_time = |at: &u32| {
            let c = &rows.copies[*at as usize];
            (c.kind == NEAR_DUPLICATE).then_some(c.column.map(|column| (c.n, column))).flatten()
        };
        let copied: HashSet<(u64, usize)> = rows.survivors().iter().filter_map(other_time).collect();
        let extra = rows.extra();
        let extra = (!extra.is_empty()).then(|| self.extra_table(scratch, &table.name, extra)).transpose()?;
        let mut relations = vec![("truth", known), ("cleaned", cleaned)];
        relations.extend(extra.as_ref().map(|e| ("extra", e)));
        let session = scratch.session(&self.engine, &relations)?;
        let scan = scratch.scan(&listed.cells)?;
        let mut errors: Vec<CellError> = Vec::new();
        let mut more = true;
        let mut from = 1;
        while from <= table.rows {
            let to = (from + BLOCK_ROWS).min(table.rows + 1);
            while more && errors.last().is_none_or(|e| e.n < to) {
                match truth::cells(listed, &*scan)? {
                    Some(next) => {
                        errors.extend(next.into_iter().map(|e| CellError { n: e.n, column: e.column, kind: e.kind, wrong: e.wrong }))
                    }
                    None => more = false,
                }
            }
            let later = errors.split_off(errors.partition_point(|e| e.n < to));
            let mine = std::mem::replace(&mut errors, later);
            let differing = if pairs.is_empty() { Vec::new() } else { differing(&session, pairs, from, to, extra.is_some()).await? };
            let block = Block { from, to, rows, scored: &scored, errors: mine, differing, copied: &copied };
            block.count(tally);
            from = to;
        }
        Ok(())
    }

    fn extra_table(&self, scratch: &Scratch, table: &str, extra: Vec<u32>) -> Result<Snapshot> {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new(COPY, DataType::Int32, false)]));
        let writer = scratch.writer(&format!("extra_{table}"), Arc::clone(&schema))?;
        let column: ArrayRef = Arc::new(Int32Array::from_iter_values(extra.into_iter().map(|at| at as i32)));
        writer.append(RecordBatch::try_new(schema, vec![column])?)?;
        writer.finish()
    }
}

/// Cells of some rows that are not what the truth says.
async fn differing(session: &Session, pairs: &[Pair], from: u64, to: u64, has_extra: bool) -> Result<Vec<Differing>> {
    let right: Vec<String> = pairs.iter().map(|p| format!("{} AS r{}", p.equal(), p.at)).collect();
    let all: Vec<String> = pairs.iter().map(|p| format!("r{}", p.at)).collect();
    let told = pairs
        .iter()
        .flat_map(|p| [format!("r{}", p.at), format!("{} AS g{}", p.got(), p.at), format!("{} AS m{}", p.is_missing_in_truth(), p.at)]);
    let told: Vec<String> = told.collect();
    let within = |of: &str| format!("{of}.{N} >= {from} AND {of}.{N} < {to}");
    let alone = if has_extra { format!(" AND c.{COPY} NOT IN (SELECT {COPY} FROM extra)") } else { String::new() };
    let columns: Vec<String> = pairs.iter().flat_map(|p| [format!("c.{}", p.cleaned()), format!("t.{}", p.truth())]).collect();
    let inner = format!(
        "SELECT c.{N}, {}, {} FROM cleaned c JOIN truth t ON c.{N} = t.{N} WHERE {} AND {} AND c.{COPY} > {DAMAGED}{alone}",
        columns.join(", "),
        right.join(", "),
        within("c"),
        within("t")
    );
    let told = told.join(", ").replace("c.c", "c").replace("t.t", "t");
    let sql = format!("SELECT {N}, {told} FROM ({inner}) x WHERE NOT ({})", all.join(" AND "));
    let mut stream = session.query(&sql).await?.stream()?;
    let mut out = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        for (i, pair) in pairs.iter().enumerate() {
            let right = batch.column(1 + 3 * i).as_boolean();
            let got = arrow::compute::cast(batch.column(2 + 3 * i), &DataType::Utf8)?;
            let got = got.as_string::<i32>();
            let missing = batch.column(3 + 3 * i).as_boolean();
            for row in (0..batch.num_rows()).filter(|row| !right.value(*row)) {
                out.push(Differing {
                    n: numbers.value(row) as u64,
                    column: pair.at,
                    got: got.is_valid(row).then(|| got.value(row).to_string()),
                    is_rightly_missing: missing.value(row),
                });
            }
        }
    }
    Ok(out)
}

/// Notes where each clean row came from, and keeps what is compared.
struct Sink {
    writer: ScratchWriter,
    /// The scored columns.
    pairs: Vec<String>,
    lines: Arc<Lines>,
    rows: Mutex<Rows>,
    table: String,
}

impl RowSink for Sink {
    fn write(&self, _: u64, _: RecordBatch) -> Result<()> {
        Err(Error::bug("rows came without their lines"))
    }

    fn wants_lines(&self) -> bool {
        true
    }

    fn write_from(&self, seq: u64, batch: RecordBatch, split: &str, lines: Vec<u64>) -> Result<()> {
        let file = self.lines.file(split);
        let (mut numbers, mut copies) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
        {
            let mut rows = self.rows.lock();
            for line in lines {
                let place = file.and_then(|f| self.lines.stands(f, line));
                let (n, copy) = match place {
                    Some(Stands::Row(n)) => {
                        rows.original.set(n);
                        let is_damaged = rows.corrupt.has(n);
                        if !is_damaged {
                            rows.in_clean.set(n);
                        }
                        (n, if is_damaged { DAMAGED } else { ORIGINAL })
                    }
                    Some(Stands::Copy(at)) => {
                        let Some(c) = rows.copies.get_mut(at as usize) else { return Err(Error::bug("a copy that is not in its list")) };
                        c.in_clean = true;
                        let n = c.n;
                        rows.in_clean.set(n);
                        (n, at as i32)
                    }
                    None => return Err(stranger(&self.table, split, line as i64)),
                };
                numbers.push(n as i64);
                copies.push(copy);
            }
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(numbers)), Arc::new(Int32Array::from(copies))];
        for name in &self.pairs {
            let column = batch.column_by_name(name).ok_or_else(|| Error::bug(format!("the recipe gave no column `{name}`")))?;
            columns.push(Arc::clone(column));
        }
        let schema = Arc::clone(self.writer.schema());
        let typed =
            columns.iter().zip(schema.fields()).map(|(c, f)| Ok(arrow::compute::cast(c, f.data_type())?)).collect::<Result<Vec<_>>>()?;
        self.writer.write(seq, RecordBatch::try_new(schema, typed)?)
    }
}

fn stranger(table: &str, split: &str, line: i64) -> Error {
    Error::config(format!("the truth knows no line {line} of `{split}`, which `{table}` was read from"))
        .help("score a project that reads the files which this truth was written beside")
}
