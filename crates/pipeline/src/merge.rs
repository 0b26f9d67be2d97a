//! Loads by key: `upsert` (a row replaces the stored row with its key) and `diff` (the source is a whole snapshot: changed rows are
//! updated, missing ones deleted). Both make the raw table anew from the stored rows and the rows just read.

use crate::quarantine::ident;
use crate::run::Run;
use crate::state::LedgerLine;
use crate::tables::Prepared;
use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, SchemaRef};
use futures::StreamExt;
use tidemill_core::{Meter, Result, name};
use tidemill_engine::{Catalog, Relation, RelationKind, Session};
use tidemill_lake::{DataFile, TableName, WriterOptions};
use tidemill_project::spec::Load;

pub(crate) struct Merged {
    pub schema: SchemaRef,
    pub adds: Vec<DataFile>,
    pub ledger: LedgerLine,
}

/// Merges the rows of `taken`'s staged files into the stored raw table.
pub(crate) async fn merge(run: &Run, p: &Prepared, taken: &crate::ingest::Taken, meter: &Meter) -> Result<Merged> {
    let table = TableName::raw(p.table.name.clone());
    let schema = crate::ingest::raw_schema(&p.reads);
    let lake = &run.ws.lake;
    let staged = lake.staged(&table, &schema, taken.adds.clone())?;
    let mut relations = vec![Relation { schema: "public".into(), name: "_new".into(), kind: RelationKind::Provider(lake.provider(staged)?) }];
    let old = match lake.snapshot(&table, None).await? {
        Some(s) => lake.provider(s)?,
        None => tidemill_engine::empty_table(&schema)?,
    };
    relations.push(Relation { schema: "public".into(), name: "_old".into(), kind: RelationKind::Provider(old) });
    let session = run.ws.engine.session(Catalog { relations, ..Catalog::default() }).map_err(|p| tidemill_core::Error::bug(p.message))?;

    let keys: Vec<String> = p.table.key.iter().map(|k| ident(k)).collect();
    let columns: Vec<String> = schema.fields().iter().map(|f| ident(f.name())).collect();
    let (list, key_list) = (columns.join(", "), keys.join(", "));
    // The last row of a key wins: files are taken in path order, rows in line order.
    let latest = format!(
        "SELECT {list} FROM (SELECT *, row_number() OVER (PARTITION BY {key_list} ORDER BY {f} DESC, {l} DESC) AS _rank FROM _new) n WHERE _rank = 1",
        f = name::FILE,
        l = name::LINE
    );
    session.add_view("_latest", &latest).map_err(|p| tidemill_core::Error::bug(p.message))?;
    let on = |a: &str, b: &str| keys.iter().map(|k| format!("{a}.{k} = {b}.{k}")).collect::<Vec<_>>().join(" AND ");
    let of = |a: &str| columns.iter().map(|c| format!("{a}.{c}")).collect::<Vec<_>>().join(", ");
    let first = &keys[0];
    let data: Vec<&String> = columns.iter().take(p.reads.len()).collect();
    let same = data.iter().map(|c| format!("o.{c} IS NOT DISTINCT FROM n.{c}")).collect::<Vec<_>>().join(" AND ");
    let matched = format!("FROM _old o JOIN _latest n ON {}", on("o", "n"));

    let deduplicated = taken.rows_written - count(&session, "SELECT count(*) FROM _latest").await?;
    let old_rows = count(&session, "SELECT count(*) FROM _old").await?;
    let (sql, updated, deleted, kept) = if p.table.load == Load::Upsert {
        let sql = format!(
            "SELECT {} FROM _old o LEFT JOIN (SELECT {key_list} FROM _latest) n ON {} WHERE n.{first} IS NULL UNION ALL SELECT {list} FROM _latest",
            of("o"),
            on("o", "n")
        );
        (sql, count(&session, &format!("SELECT count(*) {matched}")).await?, 0, 0)
    } else {
        let in_both = count(&session, &format!("SELECT count(*) {matched}")).await?;
        let unchanged = count(&session, &format!("SELECT count(*) {matched} WHERE {same}")).await?;
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
    let writer = lake.writer(&table, &schema, WriterOptions::default())?;
    let mut rows = query.stream()?;
    let mut seq = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        tokio::task::block_in_place(|| writer.write(seq, batch))?;
        seq += 1;
    }
    drop(rows);
    let stored = writer.schema();
    let adds = tokio::task::block_in_place(|| writer.finish())?;
    crate::ingest_step::count_written(meter, &adds);
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

async fn count(session: &Session, sql: &str) -> Result<u64> {
    let c = session.collect(sql, None).await?;
    let n = c.batches.iter().find(|b| b.num_rows() > 0).map_or(0, |b| b.column(0).as_primitive::<Int64Type>().value(0));
    Ok(n.max(0) as u64)
}
