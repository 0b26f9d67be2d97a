//! Rows set aside: written beside the run's tables, listed, shown, and tried again after a rule was corrected.

use crate::ingest;
use crate::nodes;
use crate::report::{ReplayReport, Rows, RunEvent, Status, Watch};
use crate::run::{Run, run_id};
use crate::state::{self, FileState};
use crate::tables::Prepared;
use crate::workspace::{QueryOptions, Workspace};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use tidemill_core::{Decoded, Error, Reject, Result, name};
use tidemill_lake::{Commit, DataFile, Done, Lease, Manifest, NodeIntent, Removes, TableName, TableWriter, WriterOptions, quarantine};
use tidemill_project::NodeKind;

/// Writes one node's rejects into the quarantine of its table, without holding them in memory.
pub(crate) struct Aside {
    table: TableName,
    writer: Option<TableWriter>,
    seq: u64,
    run_id: String,
    at: i64,
    rows: u64,
    adds: Vec<DataFile>,
    /// An earlier try of this epoch made them visible before it died.
    committed: bool,
    /// Files that could be read in part only, and why.
    pub damaged: BTreeMap<String, String>,
}

/// Codes of rejects that stand for everything after them in their file.
const DAMAGED: [&str; 2] = ["truncated", "corrupt"];

impl Aside {
    pub fn new(run: &Run, table: &str) -> Result<Aside> {
        let table = TableName::quarantine(table);
        let options = WriterOptions { file_per: Some("split".into()), ..WriterOptions::default() };
        let writer = Some(run.ws.lake.writer(&table, &quarantine::schema(), options)?);
        let run_id = run.recorder.run_id.clone();
        Ok(Aside {
            table,
            writer,
            seq: 0,
            run_id,
            at: run.manifest.started_at_micros,
            rows: 0,
            adds: Vec::new(),
            committed: false,
            damaged: BTreeMap::new(),
        })
    }

    pub fn take(&mut self, rejects: &[Reject]) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        for r in rejects.iter().filter(|r| DAMAGED.contains(&r.code)) {
            self.damaged.entry(r.split.to_string()).or_insert_with(|| r.reason.clone());
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

    /// Whether an interrupted try of this epoch has committed them already: then its files stand, and those just written, which hold the same
    /// rows under other names, are nobody's. To be asked before the names of the files are noted anywhere.
    pub async fn settle(&mut self, run: &Run, part: &str) -> Result<()> {
        if let Some(files) = run.ws.lake.part_files(run.manifest.epoch, &self.table, part).await? {
            self.adds = files;
            self.committed = true;
        }
        Ok(())
    }

    /// Notes in each file's state which quarantine files hold its rows, and whether it is incomplete.
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
            if let Some(why) = self.damaged.get(&f.path) {
                f.incomplete = Some(why.clone());
            }
        }
    }

    pub fn paths(&self) -> Vec<String> {
        self.adds.iter().map(|a| a.path.clone()).collect()
    }

    /// Makes the rejects visible, in place of `superseded` files.
    pub async fn commit(self, run: &Run, superseded: BTreeSet<String>, part: &str) -> Result<()> {
        if self.committed || (self.adds.is_empty() && superseded.is_empty()) {
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
        // All four of one row.
        let first = |column: &str, name: &str| format!("first_value({column} ORDER BY split, line, \"offset\", reason) AS {name}");
        let mut parts: Vec<String> = Vec::new();
        for p in &self.checked.tables {
            let table = TableName::quarantine(p.table.name.clone());
            if done.as_ref().is_some_and(|d| d.version(&table).is_some()) {
                parts.push(format!(
                    "SELECT {} AS \"table\", code, \"column\", status, count(*) AS rows, {}, {}, {}, {} FROM quarantine.{} GROUP BY code, \"column\", status",
                    text(&p.table.name),
                    first("reason", "example"),
                    first("split", "first_file"),
                    first("line", "first_line"),
                    first("raw", "first_raw"),
                    ident(&p.table.name)
                ));
            }
        }
        if parts.is_empty() {
            parts.push("SELECT '' AS \"table\", '' AS code, '' AS \"column\", '' AS status, 0 AS rows, '' AS example, '' AS first_file, 0 AS first_line, '' AS first_raw WHERE false".into());
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
    pub async fn quarantine_replay(
        self: &Arc<Self>,
        table: &str,
        filter: &QuarantineFilter,
        watch: Arc<dyn Watch>,
    ) -> Result<ReplayReport> {
        let p = Arc::clone(self.declared(table)?);
        let name = p.table.name.clone();
        if !p.keeps_raw() {
            return Err(Error::config(format!("`{name}` keeps no raw rows (raw = \"source\"), so its source is read again by every run"))
                .help(format!("run `tidemill run -s clean.{name} --full`")));
        }
        if matches!(p.table.load, tidemill_project::spec::Load::Upsert | tidemill_project::spec::Load::Diff) {
            return Err(Error::config(format!("`{name}` is loaded by key, so a row taken back alone might replace a newer one"))
                .help("run `tidemill run`: a corrected rule makes it read its files again, in order"));
        }
        let lease = self.lease("quarantine replay")?;
        crate::record_tables::settle_dead_runs(self, &lease).await?;
        if let Some(open) = self.lake.unfinished()? {
            return Err(Error::conflict(format!("run {} was interrupted", open.run_id)).help("finish it first: `tidemill run`"));
        }
        let before = nodes::last_outcome(&self.lake, &p.raw_node(), NodeKind::Raw).await?;
        let batches = self.set_aside_rows(&name).await?;
        let (tries, decoded) = retry(&p, &batches, filter)?;
        let accepted: u64 = decoded.iter().map(|d| d.batch.num_rows() as u64).sum();
        if accepted == 0 {
            let next = if tries == 0 {
                "no open row fits"
            } else {
                "correct the rule that rejects them (`tidemill quarantine show`), then replay again"
            };
            return Ok(ReplayReport { table: name, tried: tries, accepted, still_rejected: tries, next: next.into() });
        }
        let mut outcome = before.ok_or_else(|| Error::bug(format!("{} has rejects but no outcome", p.raw_node())))?;
        let started_at = self.clock.now_micros();
        let run_id = run_id(started_at, lease.fencing());
        // The raw table now holds more than its files and rules say; a part of its own records that, so that what reads it is rebuilt.
        outcome.parts.insert("replayed rows".into(), crate::fingerprint::hash(&format!("{run_id} {accepted}")));
        outcome.fingerprint = crate::fingerprint::Fingerprint { parts: outcome.parts.clone() }.whole();
        let intent =
            NodeIntent { fingerprint: outcome.fingerprint.clone(), positions: serde_json::json!({ "replay": true }), recipe: None };
        let manifest = self.begin(&lease, &run_id, started_at, BTreeMap::from([(p.raw_node(), intent)]))?;
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
        self.lake.commit(&lease, manifest.epoch, &raw_table, commit).await?;
        self.finish_replay(&lease, &manifest, &p).await?;
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
        // What the preparation set aside is judged anew by every run; only what the source's rules rejected can be tried alone.
        let wanted = (start..end).filter(|i| {
            !matches!(code.value(*i), "unique" | "key")
                // Half a record may look like a whole one.
                && !DAMAGED.contains(&code.value(*i))
                && filter.takes(code.value(*i), col.is_valid(*i).then(|| col.value(*i)), status.value(*i))
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
