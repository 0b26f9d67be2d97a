//! Rows set aside: written beside the run's tables, listed and shown. [`crate::replay`] tries them again.

use crate::report::Rows;
use crate::run::Run;
use crate::state::FileState;
use crate::tables::Prepared;
use crate::workspace::{QueryOptions, Workspace};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tidemill_core::{Error, Reject, Result};
use tidemill_lake::{Commit, DataFile, Removes, TableName, TableWriter, WriterOptions, quarantine};

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
pub(crate) const DAMAGED: [&str; 2] = ["truncated", "corrupt"];

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

    pub(crate) fn takes(&self, code: &str, column: Option<&str>, status: &str) -> bool {
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
}
