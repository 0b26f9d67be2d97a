//! The preparation node: fit the recipe (or load a fitted one), apply it, and commit the clean table as one new generation.

use crate::ingest;
use crate::ingest_step::blocking;
use crate::nodes::{self, NodePlan};
use crate::operators;
use crate::quarantine::{Aside, ident};
use crate::record::Step;
use crate::run::Run;
use crate::state::{self, ChangeLine, FileState, LedgerLine, Outcome, QualityLine};
use crate::tables::Prepared;
use crate::workspace::Workspace;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_connect::{FileEntry, ScanOptions};
use tidemill_core::{Error, Meter, Morsel, Reject, Result, Scan, Task};
use tidemill_lake::{Commit, Lake, Removes, Snapshot, TableName, TableWriter, WriterOptions};
use tidemill_prepare::{Applied, ApplyContext, FitContext, Fitted, RowSink};
use tidemill_project::spec::Refit;

/// Where a recipe's rows come from.
#[derive(Clone)]
pub(crate) enum Input {
    Raw(Arc<Lake>, Box<Snapshot>),
    Source(Arc<Prepared>, Vec<FileEntry>),
}

impl Input {
    pub(crate) fn scan(&self, columns: Option<&[String]>) -> Result<Box<dyn Scan>> {
        match self {
            Input::Raw(lake, snapshot) => lake.scan((**snapshot).clone(), columns),
            Input::Source(p, files) => {
                let options =
                    ScanOptions { drift: ingest::drift(p.table.drift), project: columns.map(<[String]>::to_vec), ..ScanOptions::default() };
                p.files()?.scan(files, &p.reads, options)
            }
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Input::Raw(_, s) => s.bytes(),
            Input::Source(_, files) => files.iter().map(|f| f.size).sum(),
        }
    }
}

/// What a table that has no row yet begins with, where its rules learn nothing from rows: they are fitted to none at all, so that the first row that
/// comes goes through them. `None` where rules have to wait for rows, or depend on other nodes.
pub(crate) async fn fit_on_nothing(ws: &Arc<Workspace>, p: &Arc<Prepared>) -> Result<Option<Outcome>> {
    let node = p.clean_node();
    let alone = ws.checked.graph.node(&node).is_some_and(|n| n.depends_on.iter().all(|d| *d == p.raw_node()));
    if p.recipe.needs_fit() || !p.recipe.references().is_empty() || !alone {
        return Ok(None);
    }
    let (q, threads, memory) = (Arc::clone(p), ws.engine.threads(), ws.engine.memory());
    let (dir, scratch) = (ws.checked.project.dir.clone(), ws.scratch());
    let fitted = blocking(move || {
        let schema = ingest::raw_schema(&q.reads);
        let scan = |_: Option<&[String]>| Ok(Box::new(NoRows(Arc::clone(&schema))) as Box<dyn Scan>);
        q.recipe.fit(&FitContext {
            scan: &scan,
            references: BTreeMap::new(),
            base_dir: &dir,
            threads,
            meter: &Meter::default(),
            memory,
            scratch: &scratch,
            cache_bytes: 0,
            contract: None,
        })
    })
    .await?;
    // One that nothing was committed with is nobody's.
    let generation = nodes::latest_recipe(&ws.lake, &p.table.name)?.unwrap_or(1);
    ws.lake.put_state(&nodes::recipe_path(&p.table.name, generation), &fitted.to_json())?;
    let mut parts = nodes::rules_parts(&ws.checked, p);
    parts.part("engine", nodes::ENGINE_GENERATION).part(format!("input {}", p.raw_node()), "");
    if let Some(functions) = crate::check::functions_of(&ws.checked, &node) {
        parts.part("functions", &functions);
    }
    Ok(Some(Outcome {
        format: state::FORMAT,
        node,
        fingerprint: parts.whole(),
        parts: parts.parts,
        lineage: crate::lineage::of_recipe(p, &fitted.schema()),
        recipe: Some(generation),
        ..Outcome::default()
    }))
}

struct NoRows(SchemaRef);

impl Scan for NoRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }
    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        Ok(None)
    }
}

struct Sink(TableWriter);

impl RowSink for Sink {
    fn write(&self, seq: u64, batch: RecordBatch) -> Result<()> {
        self.0.write(seq, batch)
    }
}

impl Run {
    pub(crate) async fn clean(&self, n: NodePlan) -> Result<()> {
        let p = nodes::prepared(&self.ws.checked, &n.name)?;
        let input = self.input(&n, &p).await?;
        let generation = n.recipe.ok_or_else(|| Error::bug("a clean node without a recipe generation"))?;
        let path = nodes::recipe_path(&p.table.name, generation);
        let stored: Option<Fitted> = match self.ws.lake.get_state::<serde_json::Value>(&path)? {
            // A refit that was killed before its commit is made again, not trusted.
            Some(v) if self.frozen || self.committed_recipe(&n) == Some(generation) => Some(Fitted::from_json(&v, &p.recipe)?),
            _ => None,
        };
        let fitted = match stored {
            Some(f) => f,
            None => self.fit(&n, &p, &input, generation).await?,
        };
        self.apply(&n, &p, input, fitted, generation).await
    }

    fn committed_recipe(&self, n: &NodePlan) -> Option<u64> {
        n.before.as_ref().and_then(|b| b.recipe)
    }

    async fn input(&self, n: &NodePlan, p: &Arc<Prepared>) -> Result<Input> {
        if p.keeps_raw() {
            let table = TableName::raw(p.table.name.clone());
            let snapshot = self
                .ws
                .lake
                .snapshot(&table, None)
                .await?
                .ok_or_else(|| Error::bug(format!("{table} was not built")).help(format!("run `tidemill run -s {table}+`")))?;
            return Ok(Input::Raw(Arc::clone(&self.ws.lake), Box::new(snapshot)));
        }
        // Their rows would go without a word, though `on_removed` says that they stay.
        if let Some(f) = n.files.keep.iter().find(|f| !f.present) {
            return Err(Error::config(format!("`{}` is gone, and with `raw = \"source\"` its rows are nowhere else", f.path)).help(
                "put it back; or let its rows go with `on_removed = \"delete\"`; or use `raw = \"keep\"` for files that don't stay",
            ));
        }
        // Nothing is kept, so every file that is there is read, changed or not.
        let listed = p.files()?.list()?;
        let planned: BTreeSet<&str> = n.files.keep.iter().chain(n.files.read.iter().map(|r| &r.1)).map(|f| f.path.as_str()).collect();
        let files: Vec<FileEntry> = listed.into_iter().filter(|f| planned.contains(f.path.as_str())).collect();
        Ok(Input::Source(Arc::clone(p), files))
    }

    /// Values that repairs compare with, from other tables of this project.
    async fn references(&self, p: &Prepared, meter: &Meter) -> Result<BTreeMap<(String, String), Vec<String>>> {
        let mut out = BTreeMap::new();
        let given = meter.work.stint(Task::Given, self.ws.engine.threads());
        for (table, column) in p.recipe.references().to_vec() {
            let versions = self.versions.lock().clone();
            let session = self.ws.session_over(&versions).await?;
            let sql = format!("SELECT DISTINCT {c} AS v FROM {table} WHERE {c} IS NOT NULL ORDER BY 1", c = ident(&column));
            let query = session.query(&sql).await?;
            let found = query.collect(None).await?;
            operators::count(&query, &given);
            let mut values = Vec::new();
            for b in &found.batches {
                let text = arrow::compute::cast(b.column(0), &DataType::Utf8)?;
                values.extend(text.as_string::<i32>().iter().flatten().map(str::to_string));
            }
            Meter::add(&given.rows, values.len() as u64);
            out.insert((table, column), values);
        }
        Ok(out)
    }

    async fn fit(&self, n: &NodePlan, p: &Arc<Prepared>, input: &Input, generation: u64) -> Result<Fitted> {
        let step = self.recorder.step(&n.name, "fit");
        let result = self.fit_in(p, input, &step.meter).await;
        match result {
            Ok(fitted) => {
                let fitted = self.settle_on(n, p, fitted, generation)?;
                step.ok(format!("recipe generation {generation}"));
                Ok(fitted)
            }
            Err(e) => {
                step.fail(&e);
                Err(e)
            }
        }
    }

    /// Keeps the earlier generation's values where the table asks for that and the data has not drifted.
    fn settle_on(&self, n: &NodePlan, p: &Prepared, fitted: Fitted, generation: u64) -> Result<Fitted> {
        let mut fitted = fitted;
        if p.table.refit == Refit::OnDrift
            && let Some(last) = self.committed_recipe(n)
            && let Some(v) = self.ws.lake.get_state::<serde_json::Value>(&nodes::recipe_path(&p.table.name, last))?
            && let Ok(before) = Fitted::from_json(&v, &p.recipe)
        {
            let drifted = tidemill_prepare::drift(&before, &fitted);
            if drifted.is_empty() {
                fitted = before.with_state_of(fitted);
            } else {
                self.recorder.note(&n.name, format!("fitted anew: {}", drifted.join("; ")));
            }
        }
        self.ws.lake.put_state(&nodes::recipe_path(&p.table.name, generation), &fitted.to_json())?;
        Ok(fitted)
    }

    async fn fit_in(&self, p: &Arc<Prepared>, input: &Input, meter: &Arc<Meter>) -> Result<Fitted> {
        let references = self.references(p, meter).await?;
        let (p, input, meter) = (Arc::clone(p), input.clone(), Arc::clone(meter));
        meter.bytes_total.store(input.bytes(), std::sync::atomic::Ordering::Relaxed);
        let (threads, memory) = (self.ws.engine.threads(), self.ws.engine.memory());
        // One budget: what tables hold is taken from what decoded rows may.
        let in_tables = self.ws.engine.tables_in_memory().used().bytes;
        let cache_bytes = self.ws.checked.project.settings.engine.cache.saturating_sub(in_tables);
        let dir = self.ws.checked.project.dir.clone();
        let scratch = self.ws.scratch();
        blocking(move || {
            let contract = (!p.keeps_raw()).then_some(&*p.contract);
            let scan = |columns: Option<&[String]>| input.scan(columns);
            p.recipe.fit(&FitContext {
                scan: &scan,
                references,
                base_dir: &dir,
                threads,
                meter: &meter,
                memory,
                scratch: &scratch,
                cache_bytes,
                contract,
            })
        })
        .await
    }

    async fn apply(&self, n: &NodePlan, p: &Arc<Prepared>, input: Input, fitted: Fitted, generation: u64) -> Result<()> {
        let step = self.recorder.step(&n.name, "apply");
        let result = self.apply_in(n, p, input, fitted, generation, &step).await;
        match result {
            Ok(message) => {
                step.ok(message);
                Ok(())
            }
            Err(e) => {
                step.fail(&e);
                Err(e)
            }
        }
    }

    async fn apply_in(
        &self,
        n: &NodePlan,
        p: &Arc<Prepared>,
        input: Input,
        fitted: Fitted,
        generation: u64,
        step: &Step,
    ) -> Result<String> {
        let meter = &step.meter;
        let table = TableName::clean(p.table.name.clone());
        meter.bytes_total.store(input.bytes(), std::sync::atomic::Ordering::Relaxed);
        let schema = described(&fitted.schema(), p);
        let partition_by: Vec<String> = p.table.partition_by.iter().map(|c| c.value.clone()).collect();
        let options = WriterOptions { partition_by: partition_by.clone(), ..WriterOptions::default() };
        let writer = self.ws.lake.writer(&table, &schema, options)?;
        let stored_schema = writer.schema();
        let mut aside = Aside::new(self, &p.table.name)?;
        let (q, m, threads, memory) = (Arc::clone(p), Arc::clone(meter), self.ws.engine.threads(), self.ws.engine.memory());
        let scratch = self.ws.scratch();
        let (applied, adds, mut aside) = blocking(move || {
            let sink = Sink(writer);
            let asides = parking_lot::Mutex::new(&mut aside);
            let applied: Applied = {
                let scan = |columns: Option<&[String]>| input.scan(columns);
                let rejects = |r: Vec<Reject>| asides.lock().take(&r);
                let contract = (!q.keeps_raw()).then_some(&*q.contract);
                fitted.apply(&ApplyContext {
                    scan: &scan,
                    sink: &sink,
                    rejects: &rejects,
                    threads,
                    meter: &m,
                    memory,
                    scratch: &scratch,
                    samples: q.table.samples,
                    contract,
                })?
            };
            m.work.stint(Task::SetAside, 1).time(|| aside.finish())?;
            let writing = m.work.stint(Task::Write, threads);
            let adds = writing.time(|| sink.0.finish())?;
            let bytes = adds.iter().map(|a| a.size).sum();
            Meter::add(&writing.bytes_written, bytes);
            Meter::add(&m.bytes_written, bytes);
            Ok((applied, adds, aside))
        })
        .await?;
        if let Some(e) = ingest::loss(p, n.before.as_ref(), &aside.damaged, &n.files.read) {
            return Err(e);
        }
        let mut outcome = self.outcome(n);
        outcome.recipe = Some(generation);
        outcome.rows = applied.written;
        outcome.quality = quality(&applied);
        outcome.changes = changes(&applied);
        let listed: u64 = applied.quality.iter().map(|q| q.listed).sum();
        if listed > 0 {
            let what = if listed == 1 { "1 doubtful repair" } else { &format!("{listed} doubtful repairs") };
            let ask = format!("tidemill query \"SELECT * FROM system.changes WHERE NOT applied AND \\\"table\\\" = '{}'\"", p.table.name);
            self.recorder.note(&n.name, format!("{what} listed, not made: {ask}"));
        }
        outcome.lineage = crate::lineage::of_recipe(p, &stored_schema);
        let ledger = LedgerLine {
            table: p.table.name.clone(),
            edge: if p.keeps_raw() { "raw→clean" } else { "source→clean" }.into(),
            rows_read: applied.rows_read,
            written: applied.written,
            quarantined: applied.quarantined,
            deduplicated: applied.deduplicated,
            filtered: applied.filtered,
            ..LedgerLine::default()
        };
        if !ledger.balances() {
            return Err(Error::bug(format!("the ledger of this step does not balance: {ledger:?}")));
        }
        outcome.ledger.push(ledger);
        aside.settle(self, "prepare").await?;
        if !p.keeps_raw() {
            outcome.files = n.files.keep.iter().chain(n.files.read.iter().map(|r| &r.1)).cloned().collect::<Vec<FileState>>();
            outcome.files.sort_by(|a, b| a.path.cmp(&b.path));
            aside.attribute(&mut outcome.files);
            self.note_incomplete(&p.table.name, &aside.damaged);
        }
        if !p.keeps_raw() && applied.rows_read > 0 {
            crate::remembered::put(&self.ws.lake, &p.table.name, &p.reads)?;
        }
        outcome.quarantine_files = aside.paths();
        let superseded: BTreeSet<String> = n.before.iter().flat_map(|b| b.quarantine_files.iter().cloned()).collect();
        let commit =
            Commit { schema: stored_schema, adds, removes: Removes::All, operation: "WRITE".into(), partition_columns: partition_by };
        let committing = async {
            state::put(&self.ws.lake, &outcome)?;
            aside.commit(self, superseded, "prepare").await?;
            self.ws.lake.commit(&self.lease, self.manifest.epoch, &table, commit).await
        };
        let done = step.commits(applied.written, committing).await?;
        self.set_version(table, done.version);
        if applied.quarantined > 0 {
            *self.quarantined.lock().entry(p.table.name.clone()).or_default() += applied.quarantined;
        }
        Ok(told(&applied))
    }
}

/// The schema with the project's descriptions on its columns.
pub(crate) fn described(schema: &SchemaRef, p: &Prepared) -> SchemaRef {
    use tidemill_project::spec::Rule;
    let mut texts: BTreeMap<&str, &str> = p.table.columns.iter().map(|c| (c.name.value.as_str(), c.description.as_str())).collect();
    for r in &p.table.clean {
        if let Rule::Derive { column, description, .. } = &r.rule {
            texts.insert(&column.value, if description.is_empty() { &r.description } else { description });
        }
    }
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| match texts.get(f.name().as_str()) {
            Some(t) if !t.is_empty() => {
                let mut meta = f.metadata().clone();
                meta.insert("comment".into(), (*t).to_string());
                f.as_ref().clone().with_metadata(meta)
            }
            _ => f.as_ref().clone(),
        })
        .collect();
    Arc::new(arrow::datatypes::Schema::new(fields))
}

fn quality(applied: &Applied) -> Vec<QualityLine> {
    let nulled = applied.nulled.iter().filter(|n| n.1 > 0).map(|(column, n)| QualityLine {
        rule_index: 0,
        rule: "on_invalid".into(),
        column: Some(column.clone()),
        cells_changed: *n,
        listed: 0,
        rows_removed: 0,
        message: crate::state::nulled(*n),
    });
    let rules = applied.quality.iter().map(|q| QualityLine {
        rule_index: q.rule_index,
        rule: q.rule.to_string(),
        column: q.column.clone(),
        cells_changed: q.cells_changed,
        listed: q.listed,
        rows_removed: q.rows_removed,
        message: q.message.clone(),
    });
    nulled.chain(rules).collect()
}

fn changes(applied: &Applied) -> Vec<ChangeLine> {
    applied
        .changes
        .iter()
        .map(|c| ChangeLine {
            rule_index: c.rule_index,
            rule: c.rule.to_string(),
            column: c.column.clone(),
            row_key: c.row_key.clone(),
            file: c.file.to_string(),
            line: c.line,
            before: c.before.clone(),
            after: c.after.clone(),
            confidence: c.confidence.map(|c| (c * 1e3).round() / 1e3),
            applied: c.applied,
        })
        .collect()
}

fn told(applied: &Applied) -> String {
    let cells: u64 = applied.quality.iter().map(|q| q.cells_changed).sum();
    let listed: u64 = applied.quality.iter().map(|q| q.listed).sum();
    let mut parts = Vec::new();
    for (n, what, whats) in [
        (cells, "cell changed", "cells changed"),
        (applied.deduplicated, "duplicate removed", "duplicates removed"),
        (applied.filtered, "row filtered", "rows filtered"),
        (applied.quarantined, "set aside", "set aside"),
        (listed, "doubtful repair listed", "doubtful repairs listed"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {}", if n == 1 { what } else { whats }));
        }
    }
    parts.join(", ")
}
