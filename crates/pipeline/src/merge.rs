//! Loads by key: `upsert` (a row replaces the stored row with its key) and `diff` (the source is a whole snapshot: changed rows are
//! updated, missing ones deleted). Both make the raw table anew from the stored rows and the rows just read.

use crate::ingest::{FilePlan, Taken};
use crate::operators;
use crate::quarantine::ident;
use crate::record::Step;
use crate::run::Run;
use crate::state::LedgerLine;
use crate::tables::Prepared;
use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, SchemaRef};
use futures::StreamExt;
use std::collections::BTreeSet;
use tidemill_core::{Error, Result, Stint, Task, name};
use tidemill_engine::{Catalog, Relation, RelationKind, Session};
use tidemill_lake::{DataFile, TableName, WriterOptions};
use tidemill_project::spec::Load;

pub(crate) struct Merged {
    pub schema: SchemaRef,
    pub adds: Vec<DataFile>,
    pub ledger: LedgerLine,
}

/// Merges the rows of `taken`'s staged files into the stored raw table. A row without a key is nobody's newer state: each is kept, until its file
/// is read again, for the clean table to set aside.
pub(crate) async fn merge(run: &Run, p: &Prepared, files: &FilePlan, taken: &Taken, step: &Step) -> Result<Merged> {
    let table = TableName::raw(p.table.name.clone());
    let schema = crate::ingest::raw_schema(&p.reads);
    let lake = &run.ws.lake;
    let staged = lake.staged(&table, &schema, taken.adds.clone())?;
    let mut relations =
        vec![Relation { schema: "public".into(), name: "_new".into(), kind: RelationKind::Provider(lake.provider(staged)?) }];
    let old = match lake.snapshot(&table, None).await? {
        // Rows stored before a column was there have NULL in it.
        Some(mut s) => {
            s.schema = widened(&table, &s.schema, &schema)?;
            lake.provider(s)?
        }
        None => tidemill_engine::empty_table(&schema)?,
    };
    relations.push(Relation { schema: "public".into(), name: "_old".into(), kind: RelationKind::Provider(old) });
    let session = run.ws.engine.session(Catalog { relations, ..Catalog::default() }).map_err(|p| tidemill_core::Error::bug(p.message))?;

    let keys: Vec<String> = p.table.key.iter().map(|k| ident(k)).collect();
    let columns: Vec<String> = schema.fields().iter().map(|f| ident(f.name())).collect();
    let (list, key_list) = (columns.join(", "), keys.join(", "));
    let keyless = |of: &str| format!("({})", keys.iter().map(|k| format!("{of}{k} IS NULL")).collect::<Vec<_>>().join(" OR "));
    // The last row of a key wins: files are taken in path order, rows in line order.
    let latest = format!(
        "SELECT {list} FROM (SELECT *, row_number() OVER (PARTITION BY {key_list} ORDER BY {f} DESC, {l} DESC) AS _rank FROM _new) n WHERE _rank = 1 OR {}",
        keyless(""),
        f = name::FILE,
        l = name::LINE
    );
    session.add_view("_latest", &latest).map_err(|p| tidemill_core::Error::bug(p.message))?;
    let on = |a: &str, b: &str| keys.iter().map(|k| format!("{a}.{k} = {b}.{k}")).collect::<Vec<_>>().join(" AND ");
    let of = |a: &str| columns.iter().map(|c| format!("{a}.{c}")).collect::<Vec<_>>().join(", ");
    let first = &keys[0];
    let data: Vec<&String> = columns.iter().take(p.reads.len()).collect();
    let same = data.iter().map(|c| format!("(o.{c} IS NOT DISTINCT FROM n.{c})")).collect::<Vec<_>>().join(" AND ");
    let matched = format!("FROM _old o JOIN _latest n ON {}", on("o", "n"));

    let comparing = step.meter.work.stint(Task::Compare, run.ws.engine.threads());
    let deduplicated = taken.rows_written - count(&session, &comparing, "SELECT count(*) FROM _latest").await?;
    let old_rows = count(&session, &comparing, "SELECT count(*) FROM _old").await?;
    let (sql, updated, deleted, kept) = if p.table.load == Load::Upsert {
        let again: BTreeSet<&str> = files.read.iter().map(|(e, _)| e.path.as_str()).collect();
        let removed: BTreeSet<&str> = files.drop.iter().map(|f| f.path.as_str()).filter(|f| !again.contains(f)).collect();
        let gone = format!("({} OR ({} AND {}))", from_one_of(&removed), keyless("o."), from_one_of(&again));
        let left = format!("FROM _old o LEFT JOIN (SELECT {key_list} FROM _latest) n ON {} WHERE n.{first} IS NULL", on("o", "n"));
        let deleted = count(&session, &comparing, &format!("SELECT count(*) {left} AND {gone}")).await?;
        let sql = format!("SELECT {} {left} AND NOT {gone} UNION ALL SELECT {list} FROM _latest", of("o"));
        (sql, count(&session, &comparing, &format!("SELECT count(*) {matched}")).await?, deleted, 0)
    } else {
        let in_both = count(&session, &comparing, &format!("SELECT count(*) {matched}")).await?;
        let unchanged = count(&session, &comparing, &format!("SELECT count(*) {matched} WHERE {same}")).await?;
        // Rows that did not change keep where and when they were first read.
        let sql = format!(
            "SELECT {} {matched} WHERE {same} UNION ALL SELECT {} FROM _latest n LEFT JOIN _old o ON {} WHERE o.{first} IS NULL OR NOT ({same})",
            of("o"),
            of("n"),
            on("o", "n")
        );
        (sql, in_both - unchanged, old_rows - in_both, unchanged)
    };
    tracing::debug!(kept, updated, deleted, "merged by key");
    let query = session.query(&sql).await?;
    step.runs(&query);
    let writer = lake.writer(&table, &schema, WriterOptions::default())?;
    let mut rows = query.stream()?;
    let mut seq = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        tokio::task::block_in_place(|| step.writes(batch.num_rows(), || writer.write(seq, batch)))?;
        seq += 1;
    }
    drop(rows);
    let stored = writer.schema();
    let adds = tokio::task::block_in_place(|| step.writes(0, || writer.finish()))?;
    step.wrote(adds.iter().map(|a| a.size).sum());
    let ledger = LedgerLine {
        table: p.table.name.clone(),
        edge: "source→raw".into(),
        rows_read: taken.rows_read,
        written: taken.rows_written - deduplicated,
        quarantined: taken.rows_quarantined,
        deduplicated,
        updated,
        deleted,
        ..LedgerLine::default()
    };
    Ok(Merged { schema: stored, adds, ledger })
}

/// The columns to store, of the types that Delta has for them, when stored rows can be read with these without loss.
fn widened(table: &TableName, stored: &SchemaRef, wanted: &SchemaRef) -> Result<SchemaRef> {
    let wanted = tidemill_lake::schema::storable(wanted)?;
    for field in wanted.fields() {
        if let Ok(old) = stored.field_with_name(field.name())
            && !tidemill_lake::schema::widens(old.data_type(), field.data_type())
        {
            let (from, to) = (tidemill_engine::type_name(old.data_type()), tidemill_engine::type_name(field.data_type()));
            return Err(Error::config(format!(
                "column `{}` of {table} changes from {from} to {to} while rows of the old type stay",
                field.name()
            ))
            .help("keep the old type, or give the column a new name"));
        }
    }
    Ok(wanted)
}

/// A condition: the stored row `o` came from one of these files.
fn from_one_of(files: &BTreeSet<&str>) -> String {
    if files.is_empty() {
        return "false".into();
    }
    let names: Vec<String> = files.iter().map(|f| format!("'{}'", f.replace('\'', "''"))).collect();
    format!("(o.{} IS NOT NULL AND o.{0} IN ({}))", name::FILE, names.join(", "))
}

async fn count(session: &Session, comparing: &Stint, sql: &str) -> Result<u64> {
    let query = session.query(sql).await?;
    let c = query.collect(None).await?;
    operators::count(&query, comparing);
    let n = c.batches.iter().find(|b| b.num_rows() > 0).map_or(0, |b| b.column(0).as_primitive::<Int64Type>().value(0));
    Ok(n.max(0) as u64)
}
