//! The ingest node: reads what is new into the raw table, or merges it by key, and sets aside what breaks the contract.

use crate::ingest::{self, FilePlan, Taken};
use crate::nodes::{self, NodePlan};
use crate::quarantine::Aside;
use crate::run::Run;
use crate::state::{self, FileState, LedgerLine, Outcome, QualityLine};
use crate::tables::Prepared;
use crate::{merge, record};
use std::collections::BTreeSet;
use std::sync::Arc;
use tidemill_core::{Result, Task, name};
use tidemill_lake::{Commit, Removes, TableName, WriterOptions};
use tidemill_project::spec::{Load, Undeclared};

impl Run {
    pub(crate) async fn ingest(&self, n: NodePlan) -> Result<()> {
        let p = nodes::prepared(&self.ws.checked, &n.name)?;
        let step = self.recorder.step(&n.name, "ingest");
        match self.ingest_in(&n, &p, &step).await {
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

    async fn ingest_in(&self, n: &NodePlan, p: &Arc<Prepared>, step: &record::Step) -> Result<String> {
        let table = TableName::raw(p.table.name.clone());
        let by_key = matches!(p.table.load, Load::Upsert | Load::Diff);
        self.nothing_vanishes(n, p, &table).await?;
        let (taken, mut aside) = self.read(n, p, step, by_key).await?;
        if let Some(e) = ingest::loss(p, n.before.as_ref(), &aside.damaged, &n.files.read) {
            return Err(e);
        }
        let mut outcome = self.outcome(n);
        outcome.quality = nulled(&taken);
        let commit = if by_key {
            let merged = merge::merge(self, p, &n.files, &taken, step).await?;
            outcome.ledger.push(merged.ledger);
            // Which rows came from which file is no longer told by data files: every merge rewrites them.
            let files = taken.files.iter().cloned().map(|f| FileState { data_files: Vec::new(), ..f });
            outcome.files = n.files.keep.iter().cloned().chain(files).collect();
            let adds = merged.adds;
            Commit { schema: merged.schema, adds, removes: Removes::All, operation: "MERGE".into(), partition_columns: Vec::new() }
        } else {
            outcome.ledger.push(ingest::ledger(p, &taken, &n.files.drop));
            outcome.files = n.files.keep.iter().cloned().chain(taken.files.iter().cloned()).collect();
            let gone: BTreeSet<String> = n.files.drop.iter().flat_map(|f| f.data_files.iter().cloned()).collect();
            // With nothing kept, whatever the table holds goes: also what an abandoned epoch may have left in it.
            let removes = if n.files.keep.is_empty() {
                Removes::All
            } else if gone.is_empty() {
                Removes::None
            } else {
                Removes::Paths(gone)
            };
            Commit { schema: taken.schema(p)?, adds: taken.adds.clone(), removes, operation: "WRITE".into(), partition_columns: Vec::new() }
        };
        outcome.files.sort_by(|a, b| a.path.cmp(&b.path));
        aside.settle(self, "ingest").await?;
        aside.attribute(&mut outcome.files);
        self.note_incomplete(&p.table.name, &aside.damaged);
        outcome.rows = outcome.files.iter().map(|f| f.rows_written).sum();
        let unbalanced = outcome.ledger.iter().find(|l| !l.balances());
        if let Some(l) = unbalanced {
            return Err(tidemill_core::Error::bug(format!("the ledger of this step does not balance: {l:?}")));
        }
        if taken.rows_read > 0 {
            crate::remembered::put(&self.ws.lake, &p.table.name, &p.reads)?;
        }
        let superseded: BTreeSet<String> = n.files.drop.iter().flat_map(|f| f.quarantine_files.iter().cloned()).collect();
        let rows = commit.adds.iter().map(|a| a.rows).sum();
        let committing = async {
            state::put(&self.ws.lake, &outcome)?;
            aside.commit(self, superseded, "ingest").await?;
            self.ws.lake.commit(&self.lease, self.manifest.epoch, &table, commit).await
        };
        let committed = step.commits(rows, committing).await?;
        self.set_version(table, committed.version);
        if taken.rows_quarantined > 0 {
            *self.quarantined.lock().entry(p.table.name.clone()).or_default() += taken.rows_quarantined;
        }
        Ok(told(&outcome, &taken, &n.files))
    }

    /// Undeclared columns are known from the files that are there. One that rows of other files have must not go with the last file that shows it.
    async fn nothing_vanishes(&self, n: &NodePlan, p: &Prepared, table: &TableName) -> Result<()> {
        let rows_stay = p.table.load != Load::Diff && n.files.keep.iter().any(|f| !f.present);
        if !rows_stay || p.table.undeclared == Undeclared::Drop {
            return Ok(());
        }
        let Some(stored) = self.ws.lake.snapshot(table, None).await?.filter(|s| s.rows() > 0) else { return Ok(()) };
        let wanted = ingest::raw_schema(&p.reads);
        match stored.schema.fields().iter().find(|f| wanted.field_with_name(f.name()).is_err()) {
            None => Ok(()),
            Some(f) => Err(tidemill_core::Error::config(format!("no file has column `{}` any more, but stored rows do", f.name()))
                .help(format!("declare it, `[columns.{}]` with its `type`, to keep it; `undeclared = \"drop\"` lets it go", f.name()))),
        }
    }

    /// Reads the plan's files into staged Parquet files.
    async fn read(&self, n: &NodePlan, p: &Arc<Prepared>, step: &record::Step, by_key: bool) -> Result<(Taken, Aside)> {
        let meter = Arc::clone(&step.meter);
        meter.bytes_total.store(n.files.read.iter().map(|(e, _)| e.size).sum(), std::sync::atomic::Ordering::Relaxed);
        let table = TableName::raw(p.table.name.clone());
        let schema = ingest::raw_schema(&p.reads);
        let file_per = (!by_key).then(|| name::FILE.to_string());
        let writer = self.ws.lake.writer(&table, &schema, WriterOptions { file_per, ..WriterOptions::default() })?;
        let mut aside = Aside::new(self, &p.table.name)?;
        let (p, files, threads) = (Arc::clone(p), n.files.clone(), self.ws.engine.threads());
        let at = self.manifest.started_at_micros;
        blocking(move || {
            let taken = ingest::read_files(&p, &files, threads, at, &meter, writer, &mut |rejects| aside.take(&rejects))?;
            meter.work.stint(Task::SetAside, 1).time(|| aside.finish())?;
            Ok((taken, aside))
        })
        .await
    }
}

impl Taken {
    fn schema(&self, p: &Prepared) -> Result<arrow::datatypes::SchemaRef> {
        tidemill_lake::schema::storable(&ingest::raw_schema(&p.reads))
    }
}

/// Runs heavy work away from the threads that serve input and output.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|e| tidemill_core::Error::bug(format!("a step panicked: {e}")))?
}

fn nulled(taken: &Taken) -> Vec<QualityLine> {
    taken
        .nulled
        .iter()
        .map(|(column, n)| QualityLine {
            rule_index: 0,
            rule: "on_invalid".into(),
            column: Some(column.clone()),
            cells_changed: *n,
            listed: 0,
            rows_removed: 0,
            message: crate::state::nulled(*n),
        })
        .collect()
}

fn told(outcome: &Outcome, taken: &Taken, files: &FilePlan) -> String {
    let mut parts = vec![match files.read.len() {
        1 => files.read[0].0.path.clone(),
        n => format!("{n} files"),
    }];
    if taken.rows_quarantined > 0 {
        parts.push(format!("{} set aside", taken.rows_quarantined));
    }
    let l = outcome.ledger.first().cloned().unwrap_or_else(LedgerLine::default);
    for (n, what) in [(l.deduplicated, "repeated"), (l.updated, "replaced"), (l.deleted, "deleted")] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    parts.join(", ")
}
