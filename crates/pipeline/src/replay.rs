//! Rows set aside, tried again under rules that were corrected; and what depends on them brought up to date.

use crate::ingest;
use crate::nodes;
use crate::quarantine::{DAMAGED, QuarantineFilter, ident};
use crate::report::{ReplayReport, RunEvent, RunOptions, Status, Watch};
use crate::run::run_id;
use crate::state;
use crate::tables::Prepared;
use crate::workspace::{QueryOptions, Workspace};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tidemill_core::{Decoded, Error, Result, name};
use tidemill_lake::{Commit, Done, Lease, Manifest, NodeIntent, Removes, TableName, WriterOptions, quarantine};
use tidemill_project::NodeKind;

impl Workspace {
    /// Tries rejected rows again under the table's present rules. Those that pass enter the raw table where their file's rows are.
    pub async fn quarantine_replay(
        self: &Arc<Self>,
        table: &str,
        filter: &QuarantineFilter,
        watch: Arc<dyn Watch>,
    ) -> Result<ReplayReport> {
        self.replayable(table)?;
        let lease = self.lease("quarantine replay")?;
        self.replay_with(&lease, table, filter, &watch).await
    }

    /// The same, and what depends on the rows is brought up to date with them.
    pub async fn quarantine_take_in(
        self: &Arc<Self>,
        table: &str,
        filter: &QuarantineFilter,
        watch: Arc<dyn Watch>,
    ) -> Result<ReplayReport> {
        self.replayable(table)?;
        let lease = Arc::new(self.lease("quarantine replay")?);
        let report = self.replay_with(&lease, table, filter, &watch).await?;
        Ok(self.bring_up_to_date(&lease, report, &watch).await)
    }

    /// For who holds the lease, after a replay. The rows are in, whatever comes of the rest: what fails is told with them.
    pub(crate) async fn bring_up_to_date(
        self: &Arc<Self>,
        lease: &Arc<Lease>,
        mut report: ReplayReport,
        watch: &Arc<dyn Watch>,
    ) -> ReplayReport {
        if report.accepted == 0 {
            return report;
        }
        let options = RunOptions {
            select: vec![format!("clean.{}+", report.table)],
            command: format!("quarantine replay {}", report.table),
            ..RunOptions::default()
        };
        let failed = match self.run_nodes(lease, &options, Arc::clone(watch)).await {
            Ok(run) if run.status == Status::Failed => Some(run.error.unwrap_or_else(|| "a test of a view does not hold".into())),
            Ok(_) => None,
            Err(e) => {
                tracing::warn!(table = report.table, error = %e, "what depends on rows that were taken in could not be brought up to date");
                Some(e.to_string())
            }
        };
        report.next = match failed {
            Some(why) => format!("the rows are taken in, but not everything could be brought up to date with them: {why}"),
            None => format!("clean.{} and what depends on it are up to date", report.table),
        };
        report
    }

    /// Whether a rejected row of a table could be tried again: rows are judged one by one, and some reasons are not of one row.
    pub fn can_replay(&self, table: &str, code: &str) -> bool {
        is_of_one_row(code) && self.replayable(table).is_ok()
    }

    fn replayable(&self, table: &str) -> Result<&Arc<Prepared>> {
        let p = self.declared(table)?;
        let name = &p.table.name;
        if !p.keeps_raw() {
            return Err(Error::config(format!("`{name}` keeps no raw rows (raw = \"source\"), so its source is read again by every run"))
                .help(format!("run `tidemill run -s clean.{name} --full`")));
        }
        if matches!(p.table.load, tidemill_project::spec::Load::Upsert | tidemill_project::spec::Load::Diff) {
            return Err(Error::config(format!("`{name}` is loaded by key, so a row taken back alone might replace a newer one"))
                .help("run `tidemill run`: a corrected rule makes it read its files again, in order"));
        }
        Ok(p)
    }

    /// How many rows a replay would try, and how many of them would pass. Changes nothing.
    pub(crate) async fn replay_would(&self, table: &str, filter: &QuarantineFilter) -> Result<ReplayReport> {
        let p = self.replayable(table)?;
        let (tried, decoded) = retry(p, &self.set_aside_rows(&p.table.name).await?, filter)?;
        let accepted = decoded.iter().map(|d| d.batch.num_rows() as u64).sum();
        Ok(ReplayReport {
            next: nothing_taken(tried).into(),
            table: p.table.name.clone(),
            tried,
            accepted,
            still_rejected: tried - accepted,
        })
    }

    /// For who holds the lease.
    pub(crate) async fn replay_with(
        self: &Arc<Self>,
        lease: &Lease,
        table: &str,
        filter: &QuarantineFilter,
        watch: &Arc<dyn Watch>,
    ) -> Result<ReplayReport> {
        let p = Arc::clone(self.replayable(table)?);
        let name = p.table.name.clone();
        crate::record_tables::settle_dead_runs(self, lease).await?;
        if let Some(open) = self.lake.unfinished()? {
            return Err(Error::conflict(format!("run {} was interrupted", open.run_id)).help("finish it first: `tidemill run`"));
        }
        let before = nodes::last_outcome(&self.lake, &p.raw_node(), NodeKind::Raw).await?;
        let batches = self.set_aside_rows(&name).await?;
        let (tries, decoded) = retry(&p, &batches, filter)?;
        let accepted: u64 = decoded.iter().map(|d| d.batch.num_rows() as u64).sum();
        if accepted == 0 {
            return Ok(ReplayReport { table: name, tried: tries, accepted, still_rejected: tries, next: nothing_taken(tries).into() });
        }
        let mut outcome = before.ok_or_else(|| Error::bug(format!("{} has rejects but no outcome", p.raw_node())))?;
        let started_at = self.clock.now_micros();
        let run_id = run_id(started_at, lease.fencing());
        // The raw table now holds more than its files and rules say; a part of its own records that, so that what reads it is rebuilt.
        outcome.parts.insert("replayed rows".into(), crate::fingerprint::hash(&format!("{run_id} {accepted}")));
        outcome.fingerprint = crate::fingerprint::Fingerprint { parts: outcome.parts.clone() }.whole();
        let intent =
            NodeIntent { fingerprint: outcome.fingerprint.clone(), positions: serde_json::json!({ "replay": true }), recipe: None };
        let manifest = self.begin(lease, &run_id, started_at, BTreeMap::from([(p.raw_node(), intent)]))?;
        watch.on(&RunEvent::RunStarted { run_id: run_id.clone(), epoch: manifest.epoch, nodes: 1, resumed: None });

        let raw_table = TableName::raw(name.clone());
        let schema = ingest::raw_schema(&p.reads);
        let options = WriterOptions { file_per: Some(name::FILE.into()), ..WriterOptions::default() };
        let writer = self.lake.writer(&raw_table, &schema, options)?;
        for (seq, d) in decoded.into_iter().enumerate() {
            let rows = d.batch.num_rows() as u64;
            for f in outcome.files.iter_mut().filter(|f| f.path == *d.split) {
                f.rows_written += rows;
                f.rows_quarantined = f.rows_quarantined.saturating_sub(rows);
            }
            writer.write(seq as u64, ingest::raw_batch(&schema, d, started_at)?)?;
        }
        let stored = writer.schema();
        let adds = writer.finish()?;
        for f in &mut outcome.files {
            let mine = adds.iter().filter(|a| a.constant(name::FILE).as_deref() == Some(f.path.as_str()));
            f.data_files.extend(mine.map(|a| a.path.clone()));
        }
        outcome.epoch = manifest.epoch;
        outcome.run_id.clone_from(&run_id);
        outcome.rows += accepted;
        outcome.quality.clear();
        outcome.ledger = vec![state::LedgerLine {
            table: name.clone(),
            edge: "quarantine→raw".into(),
            rows_read: tries,
            written: accepted,
            quarantined: tries - accepted,
            ..state::LedgerLine::default()
        }];
        state::put(&self.lake, &outcome)?;
        let commit = Commit { schema: stored, adds, removes: Removes::None, operation: "WRITE".into(), partition_columns: Vec::new() };
        self.lake.commit(lease, manifest.epoch, &raw_table, commit).await?;
        self.finish_replay(lease, &manifest, &p).await?;
        watch.on(&RunEvent::RunEnded { run_id, status: Status::Succeeded });
        Ok(ReplayReport {
            next: format!("`tidemill run` brings clean.{name} and what depends on it up to date"),
            table: name,
            tried: tries,
            accepted,
            still_rejected: tries - accepted,
        })
    }

    async fn set_aside_rows(&self, table: &str) -> Result<Vec<RecordBatch>> {
        let sql = format!("SELECT * FROM quarantine.{} ORDER BY split, line, \"offset\"", ident(table));
        Ok(self.query(&sql, &QueryOptions::default()).await?.batches)
    }

    /// The second half of a replay, whose raw rows are committed: marks what they came from, and ends the epoch. A replay that was killed
    /// between its halves is taken up here by whatever command comes next.
    pub(crate) async fn finish_replay(&self, lease: &Lease, manifest: &Manifest, p: &Prepared) -> Result<()> {
        let name = &p.table.name;
        let mut outcome =
            state::get(&self.lake, manifest.epoch, &p.raw_node())?.ok_or_else(|| Error::bug("a committed replay without an outcome"))?;
        // Rows that came with this epoch have its time; a row is known by its file and line.
        let raw = self.lake.snapshot(&TableName::raw(name.clone()), None).await?.ok_or_else(|| Error::bug("a replay into no table"))?;
        let relation = tidemill_engine::Relation::provider("public", "_raw", self.lake.provider(raw)?);
        let session = self
            .engine
            .session(tidemill_engine::Catalog { relations: vec![relation], ..tidemill_engine::Catalog::default() })
            .map_err(|e| Error::bug(e.message))?;
        let at = format!("arrow_cast(arrow_cast({}, 'Int64'), 'Timestamp(Microsecond, Some(\"UTC\"))')", manifest.started_at_micros);
        let found =
            session.collect(&format!("SELECT {}, {} FROM _raw WHERE {} = {at}", name::FILE, name::LINE, name::INGESTED_AT), None).await?;
        let mut taken: HashSet<(String, i64)> = HashSet::new();
        for b in &found.batches {
            let files = arrow::compute::cast(b.column(0), &DataType::Utf8)?;
            let lines = b.column(1).as_primitive::<Int64Type>();
            taken.extend(files.as_string::<i32>().iter().zip(lines.iter()).filter_map(|(f, l)| Some((f?.to_string(), l?))));
        }
        let table = TableName::quarantine(name.clone());
        let options = WriterOptions { file_per: Some("split".into()), ..WriterOptions::default() };
        let writer = self.lake.writer(&table, &quarantine::schema(), options)?;
        for (seq, batch) in self.set_aside_rows(name).await?.iter().enumerate() {
            writer.write(seq as u64, marked(batch, &taken)?)?;
        }
        let stored = writer.schema();
        let adds = writer.finish()?;
        for f in &mut outcome.files {
            let mine = adds.iter().filter(|a| a.constant("split").as_deref() == Some(f.path.as_str()));
            f.quarantine_files = mine.map(|a| a.path.clone()).collect();
        }
        state::put(&self.lake, &outcome)?;
        let commit = Commit { schema: stored, adds, removes: Removes::All, operation: "WRITE".into(), partition_columns: Vec::new() };
        self.lake.commit_part(lease, manifest.epoch, &table, "replay", commit).await?;
        crate::record_tables::append_outcome(self, lease, manifest.epoch, &manifest.run_id, &outcome).await?;
        let versions = self.newest_versions().await?.into_iter().map(|(k, v)| (format!("{}.{}", k.schema, k.name), v)).collect();
        self.lake.finish(lease, &Done { epoch: manifest.epoch, finished_at_micros: self.clock.now_micros(), versions })
    }
}

/// Quarantine rows, those taken back marked `replayed`.
fn marked(batch: &RecordBatch, taken: &HashSet<(String, i64)>) -> Result<RecordBatch> {
    let text = |name: &str| -> Result<arrow::array::ArrayRef> {
        let c = batch.column_by_name(name).ok_or_else(|| Error::data(format!("the quarantine has no column `{name}`")))?;
        Ok(arrow::compute::cast(c, &DataType::Utf8)?)
    };
    let (split, status) = (text("split")?, text("status")?);
    let line = batch.column_by_name("line").ok_or_else(|| Error::data("the quarantine has no column `line`"))?;
    let line = line.as_primitive::<Int64Type>();
    let statuses: StringArray = split
        .as_string::<i32>()
        .iter()
        .zip(line.iter())
        .zip(status.as_string::<i32>().iter())
        .map(|((split, line), status)| match (split, line, status) {
            (Some(s), Some(l), Some("open")) if taken.contains(&(s.to_string(), l)) => Some("replayed"),
            (_, _, status) => status,
        })
        .collect();
    let mut columns = batch.columns().to_vec();
    columns[batch.schema().index_of("status")?] = Arc::new(statuses);
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// What the preparation set aside is judged anew by every run; only what the source's rules rejected can be tried alone. Half a record may look like a
/// whole one.
fn is_of_one_row(code: &str) -> bool {
    !matches!(code, "unique" | "key") && !DAMAGED.contains(&code)
}

/// What to do when none of so many rows passed.
fn nothing_taken(tried: u64) -> &'static str {
    if tried == 0 { "no open row fits" } else { "correct the rule that rejects them (`tidemill quarantine show`), then replay again" }
}

/// Tries the wanted rows of each split again: how many were tried, and what passes.
fn retry(p: &Prepared, batches: &[RecordBatch], filter: &QuarantineFilter) -> Result<(u64, Vec<Decoded>)> {
    let Some(first) = batches.first() else { return Ok((0, Vec::new())) };
    let all = arrow::compute::concat_batches(&first.schema(), batches)?;
    let column = |name: &str| {
        let c = all.column_by_name(name).ok_or_else(|| Error::data(format!("the quarantine has no column `{name}`")))?;
        Ok::<_, Error>(arrow::compute::cast(c, &DataType::Utf8)?)
    };
    let (split, raw, code, col, status) = (column("split")?, column("raw")?, column("code")?, column("column")?, column("status")?);
    let (split, raw, code, col, status) =
        (split.as_string::<i32>(), raw.as_string::<i32>(), code.as_string::<i32>(), col.as_string::<i32>(), status.as_string::<i32>());
    let line = all.column_by_name("line").ok_or_else(|| Error::data("the quarantine has no column `line`"))?;
    let line = line.as_primitive::<Int64Type>();
    let (mut tried, mut out) = (0, Vec::new());
    let mut start = 0;
    while start < all.num_rows() {
        let mut end = start + 1;
        while end < all.num_rows() && split.value(end) == split.value(start) {
            end += 1;
        }
        let wanted = (start..end).filter(|i| {
            is_of_one_row(code.value(*i)) && filter.takes(code.value(*i), col.is_valid(*i).then(|| col.value(*i)), status.value(*i))
        });
        let records: Vec<(u64, &str)> = wanted.map(|i| (line.value(i) as u64, raw.value(i))).collect();
        if !records.is_empty() {
            tried += records.len() as u64;
            let split = split.value(start);
            let decoded = match &p.stream {
                Some(s) => s.connector.decode_again(&s.options, &s.base_dir, split, &records, &p.reads)?,
                None => p.files()?.decode_records(split, &records, &p.reads)?,
            };
            out.push(p.contract.apply(decoded)?);
        }
        start = end;
    }
    Ok((tried, out))
}
