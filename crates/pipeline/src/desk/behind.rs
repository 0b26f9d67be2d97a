//! What a view, a table or a named query stands on: as long as that is the same, so are its rows.

use super::Desk;
use std::collections::BTreeSet;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_lake::TableName;
use tidemill_project::NodeKind;
use tidemill_project::query::NamedQuery;
use tidemill_project::spec::{Function, Materialized, Sql};
use tidemill_project::sql::references;

/// What a view, a table or a named query stands on.
pub(super) struct Behind {
    pub(super) tables: BTreeSet<TableName>,
    /// What it gives depends on when it is asked.
    pub(super) reads_clock: bool,
}

impl Desk {
    /// Of a view, a table, a system table or a named query.
    pub(super) fn behind(&self, name: &str) -> Result<Arc<Behind>> {
        if let Some(behind) = self.behind.lock().get(name) {
            return Ok(Arc::clone(behind));
        }
        let behind = Arc::new(Behind { tables: self.tables_behind(name)?, reads_clock: self.reads_clock(name) });
        self.behind.lock().insert(name.to_string(), Arc::clone(&behind));
        Ok(behind)
    }

    /// The tables that a view's rows are read from: itself where it is kept, else those behind it.
    fn tables_behind(&self, name: &str) -> Result<BTreeSet<TableName>> {
        let mut found = BTreeSet::new();
        if let Some((schema @ ("system" | "quarantine"), table)) = name.split_once('.') {
            found.insert(TableName::new(schema, table));
            return Ok(found);
        }
        let checked = &self.ws.checked;
        let node = checked.graph.resolve(name).ok_or_else(|| self.unknown(name))?;
        let (mut left, mut seen) = (vec![node.name.clone()], BTreeSet::new());
        while let Some(name) = left.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(node) = checked.graph.node(&name) else {
                found.extend(name.split_once('.').map(|(schema, table)| TableName::new(schema, table)));
                continue;
            };
            match node.kind {
                NodeKind::View | NodeKind::Query => {
                    left.extend(node.depends_on.iter().cloned());
                    // System and quarantine tables are no nodes, and are in no list of what a view depends on.
                    let view = checked.project.views.iter().find(|v| v.name == name).map(|v| &v.sql);
                    let sql = view.or_else(|| self.query(&name).map(|q| &q.sql));
                    let called = checked.graph.functions_of(&name);
                    let functions = called.filter_map(|f| checked.project.functions.iter().find(|g| g.name == f)).map(Function::code);
                    found.extend(sql.into_iter().chain(functions).flat_map(strangers));
                }
                NodeKind::Table => {
                    found.insert(TableName::public(name));
                }
                _ => found.extend(name.split_once('.').map(|(schema, table)| TableName::new(schema, table))),
            }
        }
        Ok(found)
    }

    /// Whether what a view gives depends on when it is asked.
    fn reads_clock(&self, name: &str) -> bool {
        let checked = &self.ws.checked;
        let (Some(session), Some(node)) = (&checked.session, checked.graph.resolve(name)) else { return false };
        let view = checked.project.views.iter().find(|v| v.name == node.name && *v.materialized == Materialized::View);
        let sql = view.map(|v| v.sql.text.clone()).or_else(|| self.query(&node.name).map(|q| q.numbered().text));
        sql.is_some_and(|sql| session.is_volatile(&sql).unwrap_or(true))
    }

    /// The named query of a node `query.NAME`.
    fn query(&self, node: &str) -> Option<&NamedQuery> {
        let name = node.strip_prefix("query.")?;
        self.ws.checked.project.queries.iter().find(|q| q.name == name)
    }
}

/// The system and quarantine tables that a text reads.
fn strangers(sql: &Sql) -> Vec<TableName> {
    let named = references(sql).unwrap_or_default().into_iter();
    let kept = named.filter_map(|r| r.schema.filter(|s| matches!(s.as_str(), "system" | "quarantine")).map(|s| (s, r.name)));
    kept.map(|(schema, name)| TableName::new(schema, name)).collect()
}
