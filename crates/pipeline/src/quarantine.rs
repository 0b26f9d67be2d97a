//! Rows set aside: written beside the run's tables, listed, shown, and tried again after a rule was corrected.

use crate::ingest;
use crate::report::{ReplayReport, Rows, RunEvent, Status, Watch};
use crate::run::{Run, run_id};
use crate::state::{self, FileState};
use crate::tables::Prepared;
use crate::workspace::{QueryOptions, Workspace};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, SchemaRef};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tidemill_core::{Error, Meter, Reject, Result, name};
use tidemill_lake::{Commit, DataFile, Done, NodeIntent, Removes, TableName, TableWriter, WriterOptions, quarantine};

/// Writes one node's rejects into the quarantine of its table, without holding them in memory.
pub(crate) struct Aside {
    table: TableName,
    writer: Option<TableWriter>,
    seq: u64,
    run_id: String,
    at: i64,
    rows: u64,
    adds: Vec<DataFile>,
}

impl Aside {
    pub fn new(run: &Run, table: &str) -> Result<Aside> {
        let table = TableName::quarantine(table);
        let options = WriterOptions { file_per: Some("split".into()), ..WriterOptions::default() };
        let writer = Some(run.ws.lake.writer(&table, &quarantine::schema(), options)?);
        let run_id = run.recorder.run_id.clone();
        Ok(Aside { table, writer, seq: 0, run_id, at: run.manifest.started_at_micros, rows: 0, adds: Vec::new() })
    }

    pub fn take(&mut self, rejects: &[Reject]) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        let batch = quarantine::batch(rejects, &self.run_id, self.at)?;
        self.rows += batch.num_rows() as u64;
        let seq = self.seq;
        self.seq += 1;
        match &self.writer {
            Some(w) => w.write(seq, batch),
            None => Err(Error::bug("rejects after the end")),
        }
    }

    pub fn finish(&mut self) -> Result<()> {
        if let Some(w) = self.writer.take() {
            self.adds = w.finish()?;
        }
        Ok(())
    }

    /// Notes in each file's state which quarantine files hold its rows.
    pub fn attribute(&mut self, files: &mut [FileState]) {
        let mut by_split: HashMap<String, Vec<String>> = HashMap::new();
        for a in &self.adds {
            if let Some(split) = a.constant("split") {
                by_split.entry(split).or_default().push(a.path.clone());
            }
        }
        for f in files {
            if let Some(paths) = by_split.remove(&f.path) {
                f.quarantine_files = paths;
            }
        }
    }

    pub fn paths(&self) -> Vec<String> {
        self.adds.iter().map(|a| a.path.clone()).collect()
    }

    /// Makes the rejects visible, in place of `superseded` files.
    pub async fn commit(self, run: &Run, superseded: BTreeSet<String>, part: &str) -> Result<()> {
        if self.adds.is_empty() && superseded.is_empty() {
            return Ok(());
        }
        let there: BTreeSet<String> = match run.ws.lake.snapshot(&self.table, None).await? {
            Some(s) => s.files.into_iter().map(|f| f.path).collect(),
            None => BTreeSet::new(),
        };
        let gone: BTreeSet<String> = superseded.intersection(&there).cloned().collect();
        let commit = Commit {
            schema: tidemill_lake::schema::storable(&quarantine::schema())?,
            adds: self.adds,
            removes: if gone.is_empty() { Removes::None } else { Removes::Paths(gone) },
            operation: "WRITE".into(),
            partition_columns: Vec::new(),
        };
        let done = run.ws.lake.commit_part(&run.lease, run.manifest.epoch, &self.table, part, commit).await?;
        run.set_version(self.table, done.version);
        Ok(())
    }
}

/// Which rejected rows are meant.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    pub code: Option<String>,
    pub column: Option<String>,
    /// `open` (the default), `replayed`, or `all`.
    pub status: Option<String>,
    pub limit: Option<usize>,
}

impl QuarantineFilter {
    fn condition(&self) -> String {
        let mut parts = Vec::new();
        match self.status.as_deref() {
            Some("all") => {}
            status => parts.push(format!("status = {}", text(status.unwrap_or("open")))),
        }
        parts.extend(self.code.as_ref().map(|c| format!("code = {}", text(c))));
        parts.extend(self.column.as_ref().map(|c| format!("\"column\" = {}", text(c))));
        if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) }
    }

    fn takes(&self, code: &str, column: Option<&str>, status: &str) -> bool {
        status == "open" && self.code.as_deref().is_none_or(|c| c == code) && (self.column.is_none() || self.column.as_deref() == column)
    }
}

/// A SQL string literal.
pub(crate) fn text(s: &str) -> String {
    format!("'{}'", s.replace('\'', "''"))
}

/// A quoted SQL name.
pub(crate) fn ident(s: &str) -> String {
    format!("\"{}\"", s.replace('"', "\"\""))
}

impl Workspace {
    /// How many rows of each table are set aside, and why.
    pub async fn quarantine_ls(&self) -> Result<Rows> {
        let done = self.lake.last_done()?;
        let mut parts: Vec<String> = Vec::new();
        for p in &self.checked.tables {
            let table = TableName::quarantine(p.table.name.clone());
            if done.as_ref().is_some_and(|d| d.version(&table).is_some()) {
                parts.push(format!(
                    "SELECT {} AS \"table\", code, \"column\", status, count(*) AS rows, min(reason) AS example, min(split) AS first_file, min(line) AS first_line FROM quarantine.{} GROUP BY code, \"column\", status",
                    text(&p.table.name),
                    ident(&p.table.name)
                ));
            }
        }
        if parts.is_empty() {
            parts.push("SELECT '' AS \"table\", '' AS code, '' AS \"column\", '' AS status, 0 AS rows, '' AS example, '' AS first_file, 0 AS first_line WHERE false".into());
        }
        let sql = format!("SELECT * FROM ({}) q ORDER BY \"table\", rows DESC, code, \"column\"", parts.join(" UNION ALL "));
        self.query(&sql, &QueryOptions::default()).await
    }

    pub async fn quarantine_show(&self, table: &str, filter: &QuarantineFilter) -> Result<Rows> {
        let p = self.declared(table)?;
        let sql = format!(
            "SELECT split AS file, line, code, \"column\", reason, raw, status FROM quarantine.{} {} ORDER BY split, line",
            ident(&p.table.name),
            filter.condition()
        );
        self.query(&sql, &QueryOptions { limit: Some(filter.limit.unwrap_or(50)), ..QueryOptions::default() }).await
    }

    pub(crate) fn declared(&self, table: &str) -> Result<&Arc<Prepared>> {
        let wanted = ["raw.", "clean.", "quarantine."].iter().find_map(|p| table.strip_prefix(p)).unwrap_or(table);
        self.checked.tables.iter().find(|p| p.table.name == wanted).ok_or_else(|| {
            let names: Vec<&str> = self.checked.tables.iter().map(|p| p.table.name.as_str()).collect();
            let e = Error::config(format!("the project declares no table `{wanted}`"));
            match tidemill_core::problem::did_you_mean(wanted, names.iter().copied()) {
                Some(n) => e.help(format!("did you mean `{n}`?")),
                None => e.help(format!("tables: {}", names.join(", "))),
            }
        })
    }

    /// Tries rejected rows again under the table's present rules. Those that pass enter the raw table where their file's rows are.
    pub async fn quarantine_replay(self: &Arc<Self>, table: &str, filter: &QuarantineFilter, watch: Arc<dyn Watch>) -> Result<ReplayReport> {
        let p = Arc::clone(self.declared(table)?);
        if !p.keeps_raw() {
            return Err(Error::config(format!("`{}` keeps no raw rows (raw = \"source\"), so its source is read again by every run", p.table.name))
                .help(format!("run `tidemill run -s clean.{} --full`", p.table.name)));
        }
        let lease = self.lease("quarantine replay")?;
        crate::record_tables::settle_dead_runs(self, &lease).await?;
        if let Some(open) = self.lake.unfinished()? {
            return Err(Error::conflict(format!("run {} was interrupted", open.run_id)).help("finish it first: `tidemill run`"));
        }
        let raw_node = p.raw_node();
        let before = nodes_outcome(self, &raw_node).await?;
        let quarantine_table = TableName::quarantine(p.table.name.clone());
        let Some(snapshot) = self.lake.finished_snapshot(&quarantine_table).await? else {
            return Ok(ReplayReport { table: p.table.name.clone(), tried: 0, accepted: 0, still_rejected: 0, next: "nothing is set aside".into() });
        };
        let started_at = self.clock.now_micros();
        let run_id = run_id(started_at, lease.fencing());
        let schema = snapshot.schema.clone();
        let rows = self.query(&format!("SELECT * FROM quarantine.{} ORDER BY split, line, \"offset\"", ident(&p.table.name)), &QueryOptions::default()).await?;
        let tries = retry(&p, &rows.batches, filter)?;
        let tried: u64 = tries.iter().map(|t| t.tried).sum();
        let accepted: u64 = tries.iter().map(|t| t.accepted_rows()).sum();
        if accepted == 0 {
            let next = if tried == 0 { "no open row fits" } else { "correct the rule that rejects them (`tidemill quarantine show`), then replay again" };
            return Ok(ReplayReport { table: p.table.name.clone(), tried, accepted, still_rejected: tried, next: next.into() });
        }

        let mut intents = BTreeMap::new();
        let mut outcome = before.ok_or_else(|| Error::bug(format!("{raw_node} has rejects but no outcome")))?;
        // The raw table now holds more than its fingerprint says; a part of its own records that, so that what reads it is rebuilt.
        outcome.parts.insert("replayed rows".into(), crate::fingerprint::hash(&format!("{run_id} {accepted}")));
        outcome.fingerprint = crate::fingerprint::Fingerprint { parts: outcome.parts.clone() }.whole();
        intents.insert(raw_node.clone(), NodeIntent { fingerprint: outcome.fingerprint.clone(), ..NodeIntent::default() });
        let manifest = self.begin(&lease, &run_id, started_at, intents)?;
        watch.on(&RunEvent::RunStarted { run_id: run_id.clone(), epoch: manifest.epoch, nodes: 1, resumed: None });

        let raw_table = TableName::raw(p.table.name.clone());
        let raw_schema = ingest::raw_schema(&p.reads);
        let by_key = matches!(p.table.load, tidemill_project::spec::Load::Upsert | tidemill_project::spec::Load::Diff);
        let file_per = (!by_key).then(|| name::FILE.to_string());
        let raw_writer = self.lake.writer(&raw_table, &raw_schema, WriterOptions { file_per, ..WriterOptions::default() })?;
        let aside_writer =
            self.lake.writer(&quarantine_table, &schema, WriterOptions { file_per: Some("split".into()), ..WriterOptions::default() })?;
        let meter = Meter::default();
        for (seq, t) in tries.into_iter().enumerate() {
            for f in outcome.files.iter_mut().filter(|f| f.path == *t.split) {
                f.rows_written += t.accepted_rows();
                f.rows_quarantined = f.rows_quarantined.saturating_sub(t.accepted_rows());
            }
            raw_writer.write(seq as u64, ingest::raw_batch(&raw_schema, t.decoded, started_at)?)?;
            aside_writer.write(seq as u64, t.stored)?;
        }
        let adds = raw_writer.finish()?;
        let asides = aside_writer.finish()?;
        crate::ingest_step::count_written(&meter, &adds);
        for f in &mut outcome.files {
            let mine = |a: &&DataFile, column: &str| a.constant(column).as_deref() == Some(f.path.as_str());
            let more: Vec<String> = adds.iter().filter(|a| mine(a, name::FILE)).map(|a| a.path.clone()).collect();
            let rest: Vec<String> = asides.iter().filter(|a| mine(a, "split")).map(|a| a.path.clone()).collect();
            f.data_files.extend(more);
            f.quarantine_files = rest;
        }
        outcome.epoch = manifest.epoch;
        outcome.run_id.clone_from(&run_id);
        outcome.rows += accepted;
        outcome.ledger = vec![state::LedgerLine {
            table: p.table.name.clone(),
            edge: "quarantine→raw".into(),
            rows_read: tried,
            written: accepted,
            quarantined: tried - accepted,
            ..state::LedgerLine::default()
        }];
        state::put(&self.lake, &outcome)?;
        let storable = |s: &SchemaRef| tidemill_lake::schema::storable(s);
        let commit = |schema, adds, removes| Commit { schema, adds, removes, operation: "WRITE".into(), partition_columns: Vec::new() };
        self.lake.commit_part(&lease, manifest.epoch, &quarantine_table, "replay", commit(storable(&schema)?, asides, Removes::All)).await?;
        self.lake.commit(&lease, manifest.epoch, &raw_table, commit(storable(&raw_schema)?, adds, Removes::None)).await?;
        crate::record_tables::append_outcome(self, &lease, manifest.epoch, &run_id, &outcome).await?;
        let versions = self.newest_versions().await?.into_iter().map(|(k, v)| (format!("{}.{}", k.schema, k.name), v)).collect();
        self.lake.finish(&lease, &Done { epoch: manifest.epoch, finished_at_micros: self.clock.now_micros(), versions })?;
        watch.on(&RunEvent::RunEnded { run_id, status: Status::Succeeded });
        Ok(ReplayReport {
            table: p.table.name.clone(),
            tried,
            accepted,
            still_rejected: tried - accepted,
            next: format!("`tidemill run` brings clean.{} and what depends on it up to date", p.table.name),
        })
    }
}

async fn nodes_outcome(ws: &Workspace, node: &str) -> Result<Option<state::Outcome>> {
    crate::nodes::last_outcome(&ws.lake, node, tidemill_project::NodeKind::Raw).await
}

/// One split's rejected rows after another try.
struct Retried {
    split: Arc<str>,
    tried: u64,
    /// Rows that pass now.
    decoded: tidemill_core::Decoded,
    /// All of the split's quarantine rows, with those that passed marked `replayed`.
    stored: RecordBatch,
}

impl Retried {
    fn accepted_rows(&self) -> u64 {
        self.decoded.batch.num_rows() as u64
    }
}

fn retry(p: &Prepared, batches: &[RecordBatch], filter: &QuarantineFilter) -> Result<Vec<Retried>> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let all = arrow::compute::concat_batches(&first.schema(), batches)?;
    let column = |name: &str| {
        let c = all.column_by_name(name).ok_or_else(|| Error::data(format!("the quarantine has no column `{name}`")))?;
        Ok::<_, Error>(arrow::compute::cast(c, &arrow::datatypes::DataType::Utf8)?)
    };
    let (split, raw, code, col, status) = (column("split")?, column("raw")?, column("code")?, column("column")?, column("status")?);
    let (split, raw, code, col, status) =
        (split.as_string::<i32>(), raw.as_string::<i32>(), code.as_string::<i32>(), col.as_string::<i32>(), status.as_string::<i32>());
    let line = all.column_by_name("line").ok_or_else(|| Error::data("the quarantine has no column `line`"))?;
    let line = arrow::compute::cast(line, &arrow::datatypes::DataType::Int64)?;
    let line = line.as_primitive::<Int64Type>();
    let mut out = Vec::new();
    let mut start = 0;
    while start < all.num_rows() {
        let mut end = start + 1;
        while end < all.num_rows() && split.value(end) == split.value(start) {
            end += 1;
        }
        let wanted: Vec<usize> =
            (start..end).filter(|i| filter.takes(code.value(*i), col.is_valid(*i).then(|| col.value(*i)), status.value(*i))).collect();
        let records: Vec<(u64, &str)> = wanted.iter().map(|i| (line.value(*i) as u64, raw.value(*i))).collect();
        let decoded = p.contract.apply(p.source.decode_records(split.value(start), &records, &p.reads)?)?;
        // A row is known by its line: what was decoded and accepted is no longer open.
        let passed: BTreeSet<u64> = decoded.lines.iter().copied().collect();
        let statuses: StringArray = (start..end)
            .map(|i| Some(if wanted.contains(&i) && passed.contains(&(line.value(i) as u64)) { "replayed" } else { status.value(i) }))
            .collect();
        let slice = all.slice(start, end - start);
        let index = slice.schema().index_of("status")?;
        let mut columns = slice.columns().to_vec();
        columns[index] = Arc::new(statuses);
        let stored = RecordBatch::try_new(slice.schema(), columns)?;
        out.push(Retried { split: split.value(start).into(), tried: wanted.len() as u64, decoded, stored });
        start = end;
    }
    Ok(out)
}

/// Keeps rows for which `keep` is true.
pub(crate) fn only(batch: &RecordBatch, keep: &BooleanArray) -> Result<RecordBatch> {
    Ok(arrow::compute::filter_record_batch(batch, keep)?)
}
