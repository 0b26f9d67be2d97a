//! Versions of stored tables: listed, compared, brought back.

use crate::quarantine::ident;
use crate::report::{Rows, SnapshotDiff};
use crate::run::run_id;
use crate::workspace::Workspace;
use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tidemill_core::{Error, Result};
use tidemill_engine::{Catalog, Relation, RelationKind, Session};
use tidemill_lake::{Done, NodeIntent, TableName};

impl Workspace {
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

    async fn version(&self, table: &TableName, version: i64) -> Result<tidemill_lake::Snapshot> {
        let found = self.lake.snapshot(table, Some(version)).await?;
        found.ok_or_else(|| {
            Error::config(format!("{table} has no version {version}")).help(format!("`tidemill snapshot ls {table}` lists them"))
        })
    }

    /// Makes an older version of a table its newest. What reads the table is brought up to date by the next run.
    pub async fn snapshot_restore(&self, table: &str, version: i64) -> Result<i64> {
        let table = self.table_named(table)?;
        if table.schema == "system" {
            return Err(Error::config("system tables are the record of what was done and can't be restored"));
        }
        let lease = self.lease("snapshot restore")?;
        if let Some(open) = self.lake.unfinished()? {
            return Err(Error::conflict(format!("run {} was interrupted", open.run_id)).help("finish it first: `tidemill run`"));
        }
        self.version(&table, version).await?;
        let started_at = self.clock.now_micros();
        let run = run_id(started_at, lease.fencing());
        let node = if table.schema == "public" { table.name.clone() } else { table.to_string() };
        let kind = if table.schema == "raw" {
            tidemill_project::NodeKind::Raw
        } else if table.schema == "clean" {
            tidemill_project::NodeKind::Clean
        } else {
            tidemill_project::NodeKind::Table
        };
        let wanted = self.lake.history(&table).await?.into_iter().find(|v| v.version == version).and_then(|v| v.epoch);
        let outcome = match wanted {
            Some(e) => crate::state::get(&self.lake, e, &node)?,
            None => None,
        };
        let intent = NodeIntent { fingerprint: format!("restored {version}"), ..NodeIntent::default() };
        let manifest = self.begin(&lease, &run, started_at, BTreeMap::from([(node.clone(), intent)]))?;
        // The node's state goes back with its rows, so that the next run sees what is stored, not what was.
        let current = crate::nodes::last_outcome(&self.lake, &node, kind).await?;
        if let Some(mut o) = outcome.or(current) {
            o.epoch = manifest.epoch;
            o.run_id.clone_from(&run);
            o.parts.insert("restored".into(), crate::fingerprint::hash(&run));
            o.fingerprint = crate::fingerprint::Fingerprint { parts: o.parts.clone() }.whole();
            crate::state::put(&self.lake, &o)?;
        }
        self.lake.restore(&lease, manifest.epoch, &table, version).await?;
        let versions: BTreeMap<String, i64> =
            self.newest_versions().await?.into_iter().map(|(k, v)| (format!("{}.{}", k.schema, k.name), v)).collect();
        let now = versions.get(&format!("{}.{}", table.schema, table.name)).copied().unwrap_or(version);
        self.lake.finish(&lease, &Done { epoch: manifest.epoch, finished_at_micros: self.clock.now_micros(), versions })?;
        Ok(now)
    }
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
