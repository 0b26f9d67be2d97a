//! Where what is shown comes from: each column, through all views between, and the run that made the rows.

use super::Desk;
use crate::state;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::{ColumnOrigin, LineageGraph, LineageKind};
use tidemill_lake::TableName;
use tidemill_project::NodeKind;

/// The run that made the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBy {
    pub run_id: String,
    pub ended_at_micros: i64,
}

/// Columns, and what each is made from.
type Lines = BTreeMap<String, Vec<(String, String)>>;

const DEPTH_MAX: usize = 64;

impl Desk {
    /// All nodes of the project and where their columns come from.
    pub fn graph(&self) -> Arc<LineageGraph> {
        Arc::clone(self.graph.get_or_init(|| Arc::new(crate::lineage::whole(&self.ws.checked))))
    }

    /// Where each column of a view comes from, down to prepared tables; of a prepared table, down to what was read.
    pub fn origins(&self, name: &str) -> Result<Vec<ColumnOrigin>> {
        let schema = self.columns(name)?;
        let mut known = BTreeMap::new();
        let mut origins = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let from = self.origin(name, field.name(), &mut known, 0).into_iter().collect();
            origins.push(ColumnOrigin { column: field.name().clone(), from });
        }
        Ok(origins)
    }

    fn origin(&self, name: &str, column: &str, known: &mut BTreeMap<String, Lines>, depth: usize) -> BTreeSet<String> {
        let checked = &self.ws.checked;
        let itself = || BTreeSet::from([format!("{name}.{column}")]);
        let Some(node) = checked.graph.resolve(name).filter(|_| depth < DEPTH_MAX) else { return itself() };
        if depth > 0 && !is_view(node.kind) {
            return itself();
        }
        if !known.contains_key(&node.name) {
            known.insert(node.name.clone(), self.lines(&node.name));
        }
        let sources = known.get(&node.name).and_then(|lines| lines.get(column)).cloned().unwrap_or_default();
        if !is_view(node.kind) {
            return sources.into_iter().map(|(table, column)| format!("{table}.{column}")).collect();
        }
        sources.iter().flat_map(|(table, column)| self.origin(table, column, known, depth + 1)).collect()
    }

    /// One step up from each column of a node.
    fn lines(&self, node: &str) -> Lines {
        let checked = &self.ws.checked;
        let view = checked.project.views.iter().find(|v| v.name == node);
        if let (Some(view), Some(session)) = (view, &checked.session) {
            let all = session.lineage(&view.sql.text).unwrap_or_default();
            let own = all.into_iter().filter(|l| matches!(l.kind, LineageKind::Direct | LineageKind::Derived));
            return own.map(|l| (l.column, l.sources)).collect();
        }
        let table = checked.tables.iter().find(|p| p.clean_node() == node);
        let (Some(p), Some(schema)) = (table, checked.schemas.get(node)) else { return Lines::new() };
        let mut lines = Lines::new();
        for line in crate::lineage::of_recipe(p, schema) {
            lines.entry(line.target_column).or_default().push((line.source, line.source_column));
        }
        lines
    }

    /// The newest run among those that made what a view reads.
    pub async fn made_by(&self, name: &str) -> Result<Option<MadeBy>> {
        let mut newest: Option<(u64, String)> = None;
        for table in &self.behind(name)?.tables {
            if let Some((epoch, _)) = self.ws.lake.table_epoch(table).await?
                && newest.as_ref().is_none_or(|(e, _)| *e < epoch)
                && let Some(outcome) = state::get(&self.ws.lake, epoch, &node_of(table))?
            {
                newest = Some((epoch, outcome.run_id));
            }
        }
        let Some((epoch, run_id)) = newest else { return Ok(None) };
        // Of an epoch long ago only the run is known.
        Ok(self.ws.lake.done(epoch)?.map(|done| MadeBy { run_id, ended_at_micros: done.finished_at_micros }))
    }
}

fn is_view(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::View | NodeKind::Table)
}

fn node_of(table: &TableName) -> String {
    if table.schema == "public" { table.name.clone() } else { table.to_string() }
}
