//! Proves the ledger: what was read is what was written, set aside, removed as a repetition or filtered; and what the ledger says was
//! written is what the tables really hold, counted anew.

use crate::nodes::RESTORED;
use crate::quarantine::ident;
use crate::report::{AuditEdge, AuditReport};
use crate::state::{self, Outcome};
use crate::tables::Prepared;
use crate::workspace::{Workspace, versions_of};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use tidemill_core::{Error, Result};
use tidemill_engine::Session;
use tidemill_lake::{Done, TableName};
use tidemill_project::spec::Load;

impl Workspace {
    /// Every edge of every table as of the last finished epoch; none where runs found nothing to read.
    pub async fn audit(&self) -> Result<AuditReport> {
        let Some(done) = self.lake.last_done()? else {
            if self.lake.was_owned()? {
                return Ok(AuditReport { epoch: 0, edges: Vec::new(), balanced: true });
            }
            return Err(Error::config("nothing has been run yet").help("run `tidemill run` first"));
        };
        let versions = versions_of(&done);
        let session = self.session_over(&versions).await?;
        let mut edges = Vec::new();
        for p in &self.checked.tables {
            // As of the finished epoch too: a run may be under way, or have died.
            let raw = self.outcome_at(&done, &TableName::raw(&p.table.name)).await?.filter(|_| p.keeps_raw());
            let clean = self.outcome_at(&done, &TableName::clean(&p.table.name)).await?;
            let has = |t: &TableName| versions.contains_key(t);
            let name = &p.table.name;
            let stored_raw = if has(&TableName::raw(name)) { Some(rows_of(&session, "raw", name, "").await?) } else { None };
            if let (Some(o), Some(stored)) = (&raw, stored_raw) {
                edges.push(self.source_edge(&session, p, o, stored, has(&TableName::quarantine(name))).await?);
            }
            if let Some(o) = &clean
                && has(&TableName::clean(name))
            {
                let stored = rows_of(&session, "clean", name, "").await?;
                let raw = raw.as_ref().zip(stored_raw);
                edges.push(self.clean_edge(&session, p, o, stored, raw, has(&TableName::quarantine(name))).await?);
            }
        }
        let balanced = edges.iter().all(|e| e.balanced);
        Ok(AuditReport { epoch: done.epoch, edges, balanced })
    }

    pub(crate) async fn outcome_at(&self, done: &Done, table: &TableName) -> Result<Option<Outcome>> {
        let Some(version) = done.version(table) else { return Ok(None) };
        match self.lake.table_epoch_at(table, version).await? {
            Some(epoch) => state::get(&self.lake, epoch, &table.to_string()),
            None => Ok(None),
        }
    }

    /// Source → raw, over everything that the raw table stands for.
    async fn source_edge(&self, session: &Session, p: &Prepared, o: &Outcome, stored: u64, has_quarantine: bool) -> Result<AuditEdge> {
        let sum = |f: fn(&crate::state::FileState) -> u64| o.files.iter().map(f).sum::<u64>();
        let (rows_read, mut written, quarantined) = (sum(|f| f.rows_read), sum(|f| f.rows_written), sum(|f| f.rows_quarantined));
        let line = o.ledger.first().cloned().unwrap_or_default();
        let by_key = matches!(p.table.load, Load::Upsert | Load::Diff);
        let mut remarks = Vec::new();
        let notes: Vec<String> = restored(o).into_iter().collect();
        let mut deduplicated = 0;
        let mut replaced = line.updated + line.deleted;
        if by_key {
            // Of rows loaded by key only the last state is stored; what gave way is told, not recounted.
            deduplicated = line.deduplicated;
            replaced = written.saturating_sub(stored + deduplicated);
            written = written.saturating_sub(deduplicated);
        } else if written != stored {
            remarks.push(format!("raw.{} holds {stored} rows, its ledger says {written}", p.table.name));
        }
        if rows_read != written + quarantined + deduplicated {
            remarks.push(format!("{rows_read} rows were read, {} are accounted for", written + quarantined + deduplicated));
        }
        if has_quarantine {
            let open = rows_of(session, "quarantine", &p.table.name, "WHERE status = 'open' AND code NOT IN ('unique', 'key')").await?;
            if open != quarantined {
                remarks.push(format!("quarantine.{} holds {open} open rows of the source, its ledger says {quarantined}", p.table.name));
            }
        }
        Ok(AuditEdge {
            table: p.table.name.clone(),
            edge: "source→raw",
            rows_read,
            written,
            quarantined,
            deduplicated,
            filtered: 0,
            late: 0,
            replaced,
            stored,
            balanced: remarks.is_empty(),
            remark: told(remarks, notes),
        })
    }

    async fn clean_edge(
        &self,
        session: &Session,
        p: &Prepared,
        o: &Outcome,
        stored: u64,
        raw: Option<(&Outcome, u64)>,
        has_quarantine: bool,
    ) -> Result<AuditEdge> {
        let line = o.ledger.first().cloned().unwrap_or_default();
        let mut remarks = Vec::new();
        let is_restored = o.parts.contains_key(RESTORED);
        let mut notes: Vec<String> = restored(o).into_iter().collect();
        if !line.balances() {
            remarks.push(format!(
                "{} rows were read, {} are accounted for",
                line.rows_read,
                line.written + line.quarantined + line.deduplicated + line.filtered
            ));
        }
        if line.written != stored {
            remarks.push(format!("clean.{} holds {stored} rows, its ledger says {}", p.table.name, line.written));
        }
        if let Some((raw, held)) = raw {
            let name = &p.table.name;
            let behind = o.parts.get(&format!("input {}", p.raw_node())) != Some(&crate::fingerprint::hash(&raw.fingerprint));
            if behind {
                // Between a replay, a restore or a run of some nodes only, and the run that follows.
                let since = if raw.parts.contains_key(RESTORED) { "stands at an older version" } else { "has changed" };
                notes.push(format!("raw.{name} {since} since clean.{name} was made; `tidemill run` brings it up to date"));
            }
            let held = if behind && !is_restored { self.raw_rows_at(p, o.epoch).await } else { Some(held) };
            if let Some(held) = held.filter(|held| *held != line.rows_read && !is_restored) {
                remarks.push(format!("clean.{name} was made of {} rows, raw.{name} held {held}", line.rows_read));
            }
        }
        if is_restored {
            // What the quarantine holds is of the last run, not of the version.
        } else if has_quarantine {
            let condition = if p.keeps_raw() { "WHERE status = 'open' AND code IN ('unique', 'key')" } else { "WHERE status = 'open'" };
            let open = rows_of(session, "quarantine", &p.table.name, condition).await?;
            if open != line.quarantined {
                remarks.push(format!("quarantine.{} holds {open} of its rows, its ledger says {}", p.table.name, line.quarantined));
            }
        } else if line.quarantined > 0 {
            remarks.push(format!("{} rows were set aside, but there is no quarantine.{}", line.quarantined, p.table.name));
        }
        Ok(AuditEdge {
            table: p.table.name.clone(),
            edge: if p.keeps_raw() { "raw→clean" } else { "source→clean" },
            rows_read: line.rows_read,
            written: line.written,
            quarantined: line.quarantined,
            deduplicated: line.deduplicated,
            filtered: line.filtered,
            late: line.late,
            replaced: 0,
            stored,
            balanced: remarks.is_empty(),
            remark: told(remarks, notes),
        })
    }

    /// How many rows the raw table had as of an epoch, where that is still known.
    async fn raw_rows_at(&self, p: &Prepared, epoch: u64) -> Option<u64> {
        let raw = TableName::raw(&p.table.name);
        let version = self.lake.done(epoch).ok()??.version(&raw)?;
        Some(self.lake.snapshot(&raw, Some(version)).await.ok()??.rows())
    }
}

async fn rows_of(session: &Session, schema: &str, table: &str, condition: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {schema}.{} {condition}", ident(table));
    let rows = session.collect(&sql, None).await?;
    Ok(rows.batches.iter().find(|b| b.num_rows() > 0).map_or(0, |b| b.column(0).as_primitive::<Int64Type>().value(0).max(0) as u64))
}

fn restored(o: &Outcome) -> Option<String> {
    o.parts.get(RESTORED).map(|what| format!("stands at {} on purpose (snapshot restore)", what.split(" by ").next().unwrap_or(what)))
}

/// What is wrong, or else what is worth knowing.
fn told(remarks: Vec<String>, notes: Vec<String>) -> String {
    if remarks.is_empty() { notes } else { remarks }.join("; ")
}
