//! Versions of stored tables: listed, compared, brought back.

use crate::fingerprint::Fingerprint;
use crate::nodes::{self, RESTORED};
use crate::quarantine::ident;
use crate::report::{Action, RestoreReport, Rows, RunOptions, SnapshotDiff};
use crate::run::run_id;
use crate::state::{self, FileState, LedgerLine, Outcome};
use crate::tables::Prepared;
use crate::workspace::Workspace;
use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{Error, Result, name};
use tidemill_engine::{Catalog, Relation, RelationKind, Session};
use tidemill_lake::{Done, NodeIntent, Snapshot, TableName};
use tidemill_project::NodeKind;
use tidemill_project::spec::Load;

impl Workspace {
    /// Every table, with its newest version and how many are kept.
    pub async fn snapshot_tables(&self) -> Result<Rows> {
        let mut newest = Vec::new();
        for table in self.lake.tables()? {
            let versions = self.lake.history(&table).await?;
            let named = if table.schema == "public" { table.name.clone() } else { table.to_string() };
            newest.extend(versions.iter().max_by_key(|v| v.version).map(|v| (named, versions.len() as u64, v.clone())));
        }
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("table", DataType::Utf8, false),
            Field::new("version", DataType::Int64, false),
            Field::new("versions", DataType::UInt64, false),
            Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
            Field::new("rows", DataType::UInt64, true),
            Field::new("files", DataType::UInt64, true),
            Field::new("bytes", DataType::UInt64, true),
        ]));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(StringArray::from_iter_values(newest.iter().map(|n| n.0.as_str()))),
                Arc::new(Int64Array::from_iter_values(newest.iter().map(|n| n.2.version))),
                Arc::new(UInt64Array::from_iter_values(newest.iter().map(|n| n.1))),
                Arc::new(TimestampMicrosecondArray::from_iter_values(newest.iter().map(|n| n.2.at_micros)).with_timezone("UTC")),
                Arc::new(UInt64Array::from_iter_values(newest.iter().map(|n| n.2.rows))),
                Arc::new(UInt64Array::from_iter_values(newest.iter().map(|n| n.2.files))),
                Arc::new(UInt64Array::from_iter_values(newest.iter().map(|n| n.2.bytes))),
            ],
        )?;
        Ok(Rows { schema, batches: vec![batch], truncated: false, elapsed: Duration::ZERO })
    }

    /// Every kept version of a table, newest first.
    pub async fn snapshot_ls(&self, table: &str) -> Result<Rows> {
        let table = self.table_named(table)?;
        let mut history = self.lake.history(&table).await?;
        history.sort_by_key(|v| std::cmp::Reverse(v.version));
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("version", DataType::Int64, false),
            Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
            Field::new("operation", DataType::Utf8, true),
            Field::new("epoch", DataType::UInt64, true),
            Field::new("rows", DataType::UInt64, true),
            Field::new("files", DataType::UInt64, true),
            Field::new("bytes", DataType::UInt64, true),
        ]));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(Int64Array::from_iter_values(history.iter().map(|v| v.version))),
                Arc::new(TimestampMicrosecondArray::from_iter_values(history.iter().map(|v| v.at_micros)).with_timezone("UTC")),
                Arc::new(StringArray::from_iter_values(history.iter().map(|v| v.operation.as_str()))),
                Arc::new(UInt64Array::from_iter(history.iter().map(|v| v.epoch))),
                Arc::new(UInt64Array::from_iter_values(history.iter().map(|v| v.rows))),
                Arc::new(UInt64Array::from_iter_values(history.iter().map(|v| v.files))),
                Arc::new(UInt64Array::from_iter_values(history.iter().map(|v| v.bytes))),
            ],
        )?;
        Ok(Rows { schema, batches: vec![batch], truncated: false, elapsed: Duration::ZERO })
    }

    /// What changed between two versions (by default the last two).
    pub async fn snapshot_diff(&self, table: &str, from: Option<i64>, to: Option<i64>, limit: usize) -> Result<SnapshotDiff> {
        let table = self.table_named(table)?;
        let newest = self.lake.snapshot(&table, None).await?.ok_or_else(|| Error::config(format!("{table} is empty")))?.version;
        let to = to.unwrap_or(newest);
        let from = from.unwrap_or((to - 1).max(0));
        let (a, b) = (self.version(&table, from).await?, self.version(&table, to).await?);
        let columns = column_changes(&a.schema, &b.schema);
        let (rows_from, rows_to) = (a.rows(), b.rows());
        // Where and when a row was read differs from run to run; what it says is compared.
        let shared: Vec<String> = b
            .schema
            .fields()
            .iter()
            .filter(|f| !f.name().starts_with('_') && a.schema.field_with_name(f.name()).is_ok_and(|g| g.data_type() == f.data_type()))
            .map(|f| ident(f.name()))
            .collect();
        let relation =
            |name: &str, provider| Relation { schema: "public".into(), name: name.into(), kind: RelationKind::Provider(provider) };
        let relations = vec![relation("_from", self.lake.provider(a)?), relation("_to", self.lake.provider(b)?)];
        let session = self.engine.session(Catalog { relations, ..Catalog::default() }).map_err(|p| Error::bug(p.message))?;
        let key: Vec<String> = self
            .checked
            .tables
            .iter()
            .find(|p| p.table.name == table.name && table.schema != "quarantine")
            .map(|p| p.table.key.iter().map(|k| ident(k)).collect())
            .unwrap_or_default();
        let list = shared.join(", ");
        let (added, removed, changed, sample) = if key.is_empty() || !key.iter().all(|k| shared.contains(k)) {
            let counts = |x: &str| format!("SELECT {list}, count(*) AS _n FROM {x} GROUP BY {list}");
            let joined = format!(
                "SELECT {}, coalesce(b._n, 0) - coalesce(a._n, 0) AS _d FROM ({}) a FULL JOIN ({}) b ON {}",
                shared.iter().map(|c| format!("coalesce(b.{c}, a.{c}) AS {c}")).collect::<Vec<_>>().join(", "),
                counts("_from"),
                counts("_to"),
                shared.iter().map(|c| format!("(a.{c} IS NOT DISTINCT FROM b.{c})")).collect::<Vec<_>>().join(" AND ")
            );
            let added = count(&session, &format!("SELECT coalesce(sum(_d), 0) FROM ({joined}) j WHERE _d > 0")).await?;
            let removed = count(&session, &format!("SELECT coalesce(-sum(_d), 0) FROM ({joined}) j WHERE _d < 0")).await?;
            let sample =
                format!("SELECT CASE WHEN _d > 0 THEN 'added' ELSE 'removed' END AS _change, {list} FROM ({joined}) j WHERE _d <> 0");
            (added, removed, 0, sample)
        } else {
            let on = key.iter().map(|k| format!("a.{k} = b.{k}")).collect::<Vec<_>>().join(" AND ");
            let k0 = &key[0];
            let differs = shared.iter().map(|c| format!("(a.{c} IS DISTINCT FROM b.{c})")).collect::<Vec<_>>().join(" OR ");
            let of = |x: &str| shared.iter().map(|c| format!("{x}.{c}")).collect::<Vec<_>>().join(", ");
            let only = |x: &str, y: &str| format!("FROM {x} LEFT JOIN {y} ON {on} WHERE {}.{k0} IS NULL", &y[y.len() - 1..]);
            let (fresh, gone) = (only("_to b", "_from a"), only("_from a", "_to b"));
            let both = format!("FROM _from a JOIN _to b ON {on} WHERE {differs}");
            let sample = format!(
                "SELECT 'added' AS _change, {nb} {fresh} UNION ALL SELECT 'removed', {na} {gone} UNION ALL SELECT 'before', {na} {both} UNION ALL SELECT 'after', {nb} {both}",
                na = of("a"),
                nb = of("b")
            );
            let sample = format!("SELECT * FROM ({sample}) s ORDER BY {}, _change DESC", key.join(", "));
            let n = |f: &str| format!("SELECT count(*) {f}");
            (count(&session, &n(&fresh)).await?, count(&session, &n(&gone)).await?, count(&session, &n(&both)).await?, sample)
        };
        let c = session.collect(&sample, Some(limit)).await?;
        let sample = Rows { schema: c.schema, batches: c.batches, truncated: c.truncated, elapsed: Duration::ZERO };
        Ok(SnapshotDiff { table: table.to_string(), from, to, rows_from, rows_to, added, removed, changed, columns, sample })
    }

    async fn version(&self, table: &TableName, version: i64) -> Result<Snapshot> {
        let found = self.lake.snapshot(table, Some(version)).await?;
        found.ok_or_else(|| {
            Error::config(format!("{table} has no version {version}")).help(format!("`tidemill snapshot ls {table}` lists them"))
        })
    }

    /// Makes an older version of a table its newest. It stays that until the table's sources or rules change; what reads the table is brought up
    /// to date by the next run.
    pub async fn snapshot_restore(&self, table: &str, version: i64) -> Result<RestoreReport> {
        let table = self.table_named(table)?;
        match table.schema.as_str() {
            "system" => return Err(Error::config("system tables are the record of what was done and can't be restored")),
            "quarantine" => {
                return Err(Error::config("the quarantine belongs to its table's rows and can't be restored alone")
                    .help(format!("an older version can be asked all the same: `tidemill snapshot ls {table}`")));
            }
            _ => {}
        }
        let lease = self.lease("snapshot restore")?;
        if let Some(open) = self.lake.unfinished()? {
            return Err(Error::conflict(format!("run {} was interrupted", open.run_id)).help("finish it first: `tidemill run`"));
        }
        let wanted = self.version(&table, version).await?;
        let started_at = self.clock.now_micros();
        let run = run_id(started_at, lease.fencing());
        let node = if table.schema == "public" { table.name.clone() } else { table.to_string() };
        let kind = match table.schema.as_str() {
            "raw" => NodeKind::Raw,
            "clean" => NodeKind::Clean,
            _ => NodeKind::Table,
        };
        let epoch_then = self.lake.history(&table).await?.into_iter().find(|v| v.version == version).and_then(|v| v.epoch);
        let then = match epoch_then {
            Some(e) => state::get(&self.lake, e, &node)?,
            None => None,
        };
        let intent = NodeIntent { fingerprint: format!("restored {version}"), ..NodeIntent::default() };
        let manifest = self.begin(&lease, &run, started_at, BTreeMap::from([(node.clone(), intent)]))?;
        // The outcome goes before the commit: what is stored and what is known of it never disagree.
        if let Some(now) = nodes::last_outcome(&self.lake, &node, kind).await? {
            let read_spec = (kind == NodeKind::Raw).then(|| self.read_spec_by_file(&table.name)).flatten();
            let mut o = restored(now, then, &wanted, read_spec);
            o.epoch = manifest.epoch;
            o.run_id.clone_from(&run);
            o.parts.insert(RESTORED.into(), format!("version {version} by {run}"));
            o.fingerprint = Fingerprint { parts: o.parts.clone() }.whole();
            state::put(&self.lake, &o)?;
        }
        self.lake.restore(&lease, manifest.epoch, &table, version).await?;
        let versions: BTreeMap<String, i64> =
            self.newest_versions().await?.into_iter().map(|(k, v)| (format!("{}.{}", k.schema, k.name), v)).collect();
        let now = versions.get(&format!("{}.{}", table.schema, table.name)).copied().unwrap_or(version);
        self.lake.finish(&lease, &Done { epoch: manifest.epoch, finished_at_micros: self.clock.now_micros(), versions })?;
        Ok(RestoreReport { next: self.after_restore(&node).await, table: node, restored: version, version: now })
    }

    /// How the table's files are read now, where its rows can be told apart by file.
    fn read_spec_by_file(&self, table: &str) -> Option<String> {
        let by_key = |p: &Prepared| matches!(p.table.load, Load::Upsert | Load::Diff);
        self.checked.tables.iter().find(|p| p.table.name == table && !by_key(p)).map(|p| p.read_spec.clone())
    }

    /// What the next run will do, in words.
    async fn after_restore(&self, node: &str) -> String {
        let Ok(planned) = nodes::plan(&self.checked, &self.lake, &RunOptions::default()).await else {
            return "`tidemill plan` says what the next run will do".into();
        };
        let follow: Vec<&str> = planned
            .nodes
            .iter()
            .filter(|n| n.name != node && matches!(n.action, Action::Build | Action::Extend))
            .map(|n| n.name.as_str())
            .collect();
        let follow = match follow.as_slice() {
            [] => String::new(),
            names => format!("; the next run brings up to date: {}", names.join(", ")),
        };
        match planned.nodes.iter().find(|n| n.name == node) {
            Some(n) if matches!(n.action, Action::Build | Action::Extend) => {
                let does = if n.action == Action::Build { "makes it anew" } else { "adds to it" };
                format!("the next run {does}: {}{follow}", n.reason)
            }
            _ => format!("it stays so until its sources or its rules change{follow}"),
        }
    }
}

/// What a node is after its table went back: made of what it is made of now, so that nothing looks changed, and holding what it held then.
fn restored(now: Outcome, then: Option<Outcome>, wanted: &Snapshot, read_spec: Option<String>) -> Outcome {
    let rows = wanted.rows();
    let mut o = Outcome { tests: Vec::new(), tested: false, quality: Vec::new(), changes: Vec::new(), rows, ..now };
    if wanted.table.schema == "raw" {
        if let Some(spec) = read_spec {
            o.files = files_of(o.files, then.map(|t| t.files).unwrap_or_default(), wanted, &spec);
        }
        return o;
    }
    match then {
        Some(then) => (o.ledger, o.lineage, o.recipe) = (then.ledger, then.lineage, then.recipe),
        // How it came about is not known any more; what it holds is.
        None => o.ledger.iter_mut().for_each(|l| {
            *l = LedgerLine { table: l.table.clone(), edge: l.edge.clone(), rows_read: rows, written: rows, ..LedgerLine::default() };
        }),
    }
    o
}

/// The source's files as they were seen last, with the rows that each has in the version that is restored.
fn files_of(now: Vec<FileState>, then: Vec<FileState>, wanted: &Snapshot, spec: &str) -> Vec<FileState> {
    let mut stored: BTreeMap<String, (Vec<String>, u64)> = BTreeMap::new();
    for f in &wanted.files {
        if let Some(path) = f.constant(name::FILE) {
            let (files, rows) = stored.entry(path).or_default();
            files.push(f.path.clone());
            *rows += f.rows;
        }
    }
    let mut out = now;
    // Files that are known no longer had rows then; they stay though no source has them.
    let known: BTreeSet<String> = out.iter().map(|f| f.path.clone()).collect();
    out.extend(then.into_iter().filter(|f| !known.contains(&f.path) && stored.contains_key(&f.path)).map(|f| FileState {
        spec: spec.to_string(),
        rows_quarantined: 0,
        quarantine_files: Vec::new(),
        present: false,
        restored: true,
        ..f
    }));
    for f in &mut out {
        (f.data_files, f.rows_written) = stored.remove(&f.path).unwrap_or_default();
        f.rows_read = f.rows_written + f.rows_quarantined;
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

fn column_changes(a: &SchemaRef, b: &SchemaRef) -> Vec<(char, String, String)> {
    let mut out = Vec::new();
    for f in b.fields() {
        match a.field_with_name(f.name()) {
            Err(_) => out.push(('+', f.name().clone(), tidemill_engine::type_name(f.data_type()))),
            Ok(g) if g.data_type() != f.data_type() => {
                let types = format!("{} → {}", tidemill_engine::type_name(g.data_type()), tidemill_engine::type_name(f.data_type()));
                out.push(('~', f.name().clone(), types));
            }
            Ok(_) => {}
        }
    }
    for f in a.fields() {
        if b.field_with_name(f.name()).is_err() {
            out.push(('-', f.name().clone(), tidemill_engine::type_name(f.data_type())));
        }
    }
    out
}

async fn count(session: &Session, sql: &str) -> Result<u64> {
    let c = session.collect(sql, None).await?;
    let n = c.batches.iter().find(|b| b.num_rows() > 0).map_or(0, |b| b.column(0).as_primitive::<Int64Type>().value(0));
    Ok(n.max(0) as u64)
}
