//! Savepoints: everything that a project was at a moment, under a name. The tables (raw, clean, quarantine, views) as they were stored, what was known of
//! them (and so how far each source had been read), and the state of live views and alerts. Going back makes all of it current again at once;
//! sources are then read again from where they stood.
//!
//! Who serves the project makes one at an epoch of its own, so that rows of one moment are in all of it; else what the last epoch left is taken.

use crate::live::seal;
use crate::nodes;
use crate::report::{Rows, SavepointReport};
use crate::run::run_id;
use crate::state::{self, Outcome};
use crate::workspace::{Workspace, versions_of};
use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{Error, Result, problem::did_you_mean};
use tidemill_lake::{Done, Held, Lake, NodeIntent, Savepoint, TableName};
use tidemill_project::NodeKind;

const FORMAT: u32 = 1;

/// What a savepoint holds beside tables.
#[derive(Serialize, Deserialize)]
struct More {
    format: u32,
    /// Of nodes that have a table.
    outcomes: Vec<Outcome>,
    /// What each state contains, by whose it is. A state that was behind its tables is not held: it is built from them.
    states: BTreeMap<String, seal::Head>,
}

impl Workspace {
    /// Makes a savepoint of what stands, while nobody serves the project; who does is asked through its door, see [`crate::live::door::Visit`].
    pub async fn savepoint_create(&self, name: &str) -> Result<SavepointReport> {
        let lease = self.lease("savepoint create")?;
        if let Some(open) = self.lake.unfinished()? {
            return Err(Error::conflict(format!("run {} was interrupted", open.run_id)).help("finish it first: `tidemill run`"));
        }
        let made = self.write_savepoint(name).await;
        drop(lease);
        made
    }

    /// The last finished epoch as a savepoint. Whoever calls holds the lease, so that nothing moves meanwhile.
    pub(crate) async fn write_savepoint(&self, name: &str) -> Result<SavepointReport> {
        if self.lake.savepoint(name)?.is_some() {
            return Err(Error::conflict(format!("there is a savepoint `{name}` already"))
                .help(format!("choose another name, or let it go: `tidemill savepoint rm {name}`")));
        }
        let done = self.lake.last_done()?.ok_or_else(|| Error::config("nothing has been run yet").help("run `tidemill run` first"))?;
        let (mut tables, mut outcomes) = (Vec::new(), Vec::new());
        for (table, version) in versions_of(&done).into_iter().filter(|(t, _)| t.schema != "system") {
            let Some(snapshot) = self.lake.snapshot(&table, Some(version)).await? else { continue };
            tables.push(Held::new(snapshot)?);
            if let Some(node) = node_of(&table)
                && let Some(epoch) = self.lake.table_epoch_at(&table, version).await?
            {
                outcomes.extend(state::get(&self.lake, epoch, &node)?);
            }
        }
        let mut states = BTreeMap::new();
        for of in seal::states(&self.lake)? {
            let Some((head, bytes)) = seal::newest_state(&self.lake, &of, done.epoch)? else { continue };
            if self.contains_all(&head, &done).await? {
                self.lake.put_bytes(&Lake::savepoint_path(name, &of), &bytes)?;
                states.insert(of, head);
            }
        }
        let more = serde_json::to_value(More { format: FORMAT, outcomes, states }).map_err(|e| Error::bug(e.to_string()))?;
        let savepoint = Savepoint { name: name.to_string(), epoch: done.epoch, at_micros: self.clock.now_micros(), tables, more };
        self.lake.put_savepoint(&savepoint)?;
        report(&savepoint)
    }

    /// Whether a state has every row that the tables have.
    async fn contains_all(&self, head: &seal::Head, done: &Done) -> Result<bool> {
        for (table, then) in &head.versions {
            let table: TableName = table.parse()?;
            let Some(now) = done.version(&table) else { return Ok(false) };
            if self.lake.appended(&table, *then, now).await?.is_none_or(|s| !s.files.is_empty()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn savepoints(&self) -> Result<Vec<SavepointReport>> {
        let mut all = self.lake.savepoints()?;
        all.sort_by_key(|s| s.at_micros);
        all.iter().map(report).collect()
    }

    pub fn savepoint_rm(&self, name: &str) -> Result<()> {
        self.savepoint_named(name)?;
        self.lake.remove_savepoint(name)
    }

    fn savepoint_named(&self, name: &str) -> Result<Savepoint> {
        if let Some(found) = self.lake.savepoint(name)? {
            return Ok(found);
        }
        let names: Vec<String> = self.lake.savepoints()?.into_iter().map(|s| s.name).collect();
        let e = Error::config(format!("there is no savepoint `{name}`"));
        Err(match did_you_mean(name, names.iter().map(String::as_str)) {
            Some(near) => e.help(format!("did you mean `{near}`?")),
            None if names.is_empty() => e.help("none has been made yet: `tidemill savepoint create NAME`"),
            None => e.help(format!("savepoints: {}", names.join(", "))),
        })
    }

    /// Makes everything what it was at a savepoint, in one epoch: all of it, or nothing. What else came since goes, and is read again from
    /// sources that can be; what can't be is told.
    pub async fn savepoint_restore(&self, name: &str) -> Result<(SavepointReport, Vec<String>)> {
        let lease = self.lease("savepoint restore")?;
        let savepoint = self.savepoint_named(name)?;
        let more = more(&savepoint)?;
        if let Some(gone) = self.lake.missing_file(&savepoint)? {
            return Err(Error::data(format!("{gone} is gone")).at(format!("savepoint {name}")).help("nothing was changed"));
        }
        if let Some(open) = self.lake.unfinished()? {
            seal::forget_states(&self.lake, open.epoch)?;
            self.lake.abandon(&lease, open.epoch, "a savepoint is restored").await?;
        }
        let lost = self.lost(&more).await?;
        let held: BTreeSet<&str> = savepoint.tables.iter().map(|t| t.table.as_str()).collect();
        let there: Vec<TableName> = self.lake.tables()?.into_iter().filter(|t| t.schema != "system").collect();
        let fresh: Vec<&TableName> = there.iter().filter(|t| !held.contains(t.to_string().as_str())).collect();
        let intent = NodeIntent { fingerprint: format!("savepoint {name}"), ..NodeIntent::default() };
        let touched = savepoint.tables.iter().map(|t| t.table.clone()).chain(fresh.iter().map(|t| t.to_string()));
        let started_at = self.clock.now_micros();
        let run = run_id(started_at, lease.fencing());
        let manifest = self.begin(&lease, &run, started_at, touched.map(|t| (t, intent.clone())).collect())?;
        let epoch = manifest.epoch;
        let mut versions = BTreeMap::new();
        for held in &savepoint.tables {
            let node = node_of(&held.name()?);
            // The outcome goes before the commit: what is stored and what is known of it never disagree.
            if let Some(o) = more.outcomes.iter().find(|o| Some(&o.node) == node.as_ref()) {
                state::put(&self.lake, &Outcome { epoch, run_id: run.clone(), ..o.clone() })?;
            }
            let done = self.lake.take_back(&lease, epoch, held).await?;
            versions.insert(held.table.clone(), done.version);
        }
        for table in fresh {
            self.lake.empty(&lease, epoch, table).await?;
        }
        for (of, head) in &more.states {
            let Some(bytes) = self.lake.get_bytes(&Lake::savepoint_path(name, of))? else { continue };
            let contains = head.versions.keys().filter_map(|t| Some((t.clone(), *versions.get(t)?))).collect();
            let head = seal::Head { epoch, fingerprint: head.fingerprint.clone(), versions: contains };
            seal::put_state(&self.lake, of, epoch, &head, &bytes)?;
        }
        let now = self.newest_versions().await?.into_iter().map(|(k, v)| (k.to_string(), v)).collect();
        self.lake.finish(&lease, &Done { epoch, finished_at_micros: self.clock.now_micros(), versions: now })?;
        Ok((report(&savepoint)?, lost))
    }

    /// Followed tables whose rows since then no source gives again.
    async fn lost(&self, more: &More) -> Result<Vec<String>> {
        let mut out = Vec::new();
        for p in self.checked.tables.iter().filter(|p| p.stream.as_ref().is_some_and(|s| !s.connector.can_replay())) {
            let node = p.raw_node();
            let now = nodes::last_outcome(&self.lake, &node, NodeKind::Raw).await?.map_or(0, |o| o.rows);
            let then = more.outcomes.iter().find(|o| o.node == node).map_or(0, |o| o.rows);
            if now > then {
                out.push(format!(
                    "{node}: {} rows that came since are gone, since a {} can't be read again",
                    now - then,
                    p.table.source.connector.value
                ));
            }
        }
        Ok(out)
    }
}

/// The savepoints as a table.
pub fn rows(all: &[SavepointReport]) -> Result<Rows> {
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("savepoint", DataType::Utf8, false),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("epoch", DataType::UInt64, false),
        Field::new("tables", DataType::UInt64, false),
        Field::new("rows", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("splits", DataType::UInt64, false),
        Field::new("states", DataType::UInt64, false),
    ]));
    let whole = |of: fn(&SavepointReport) -> u64| Arc::new(UInt64Array::from_iter_values(all.iter().map(of)));
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![
            Arc::new(StringArray::from_iter_values(all.iter().map(|s| s.name.as_str()))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(all.iter().map(|s| s.at_micros)).with_timezone("UTC")),
            whole(|s| s.epoch),
            whole(|s| s.tables),
            whole(|s| s.rows),
            whole(|s| s.bytes),
            whole(|s| s.splits),
            whole(|s| s.states),
        ],
    )?;
    Ok(Rows { schema, batches: vec![batch], truncated: false, elapsed: Duration::ZERO })
}

fn more(savepoint: &Savepoint) -> Result<More> {
    let unreadable = |e: serde_json::Error| Error::data(format!("cannot be read: {e}")).at(format!("savepoint {}", savepoint.name));
    let more: More = serde_json::from_value(savepoint.more.clone()).map_err(unreadable)?;
    if more.format > FORMAT {
        return Err(Error::config(format!("written by a newer Tidemill (format {})", more.format))
            .at(format!("savepoint {}", savepoint.name))
            .help("upgrade tidemill"));
    }
    Ok(more)
}

fn report(savepoint: &Savepoint) -> Result<SavepointReport> {
    let more = more(savepoint)?;
    Ok(SavepointReport {
        name: savepoint.name.clone(),
        epoch: savepoint.epoch,
        at_micros: savepoint.at_micros,
        tables: savepoint.tables.len() as u64,
        rows: savepoint.tables.iter().map(Held::rows).sum(),
        bytes: savepoint.tables.iter().map(Held::bytes).sum(),
        splits: more.outcomes.iter().flat_map(|o| &o.files).filter(|f| f.followed).count() as u64,
        states: more.states.len() as u64,
    })
}

/// The node whose rows a table holds; the quarantine's are of two.
fn node_of(table: &TableName) -> Option<String> {
    match table.schema.as_str() {
        "raw" | "clean" => Some(table.to_string()),
        "public" => Some(table.name.clone()),
        _ => None,
    }
}
