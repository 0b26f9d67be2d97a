//! A table's own source files as a relation: what a question costs whoever keeps no table.

use crate::workspace::Workspace;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tidemill_connect::ScanOptions;
use tidemill_core::{Error, Meter, Result};
use tidemill_engine::{Relation, batches_table};

/// Files of the sources of these tables, to be forgotten before they are read.
pub(super) fn files(ws: &Workspace, nodes: &[String]) -> Vec<PathBuf> {
    let prepared = ws.checked.tables.iter().filter(|p| nodes.contains(&p.clean_node()));
    prepared.filter_map(|p| p.files().ok()?.list().ok()).flatten().map(|entry| entry.locate(&ws.project().dir)).collect()
}

/// Whether these columns of the table are read from the source as they are.
pub(super) fn has(ws: &Workspace, node: &str, columns: &[String]) -> bool {
    let table = ws.checked.tables.iter().find(|p| p.clean_node() == node);
    table.is_some_and(|p| columns.iter().all(|c| p.reads.iter().any(|r| &r.name == c)))
}

/// Decodes the columns from the source's files, on all threads. Rows are as they came: not cleaned.
pub(super) fn decode(ws: &Workspace, node: &str, columns: &[String]) -> Result<Relation> {
    let table = ws.checked.tables.iter().find(|p| p.clean_node() == node).ok_or_else(|| Error::bug(format!("no table {node}")))?;
    let entries = table.files()?.list()?;
    let options = ScanOptions { project: Some(columns.to_vec()), ..ScanOptions::default() };
    let scan = table.files()?.scan(&entries, &table.reads, options)?;
    let batches = Mutex::new(Vec::new());
    let meter = Meter::default();
    tidemill_core::drive(
        scan.as_ref(),
        ws.engine.threads(),
        &meter,
        |_, decoded| {
            batches.lock().unwrap_or_else(PoisonError::into_inner).push(decoded.batch);
            Ok(())
        },
        |_, ()| Ok(()),
        |_, ()| Ok(()),
    )?;
    let batches = batches.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Relation::provider("clean", table.table.name.clone(), batches_table(Arc::clone(&scan.schema()), batches, ws.engine.threads())?))
}
