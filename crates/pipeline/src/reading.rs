//! Where a session's tables are read from: the disk, or memory once they have been read.

use crate::fingerprint;
use crate::workspace::Workspace;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use tidemill_engine::{Engine, TableProvider};
use tidemill_lake::TableName;
use tidemill_project::spec::{Project, View};

/// Which tables are kept in memory once they have been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// Those that say `cache = true`.
    #[default]
    AsDeclared,
    /// None.
    Disk,
    /// All of the project's, and the views computed when asked that say so.
    Memory,
}

impl Reading {
    fn keeps(self, project: &Project, name: &TableName) -> bool {
        let own = matches!(name.schema.as_str(), "raw" | "clean" | "public");
        match self {
            Reading::Disk => false,
            Reading::Memory => own,
            Reading::AsDeclared => match name.schema.as_str() {
                "clean" => project.tables.iter().any(|t| t.name == name.name && t.cache),
                "public" => project.views.iter().any(|v| v.name == name.name && *v.cache),
                _ => false,
            },
        }
    }
}

impl Workspace {
    /// The relation as a session should read it.
    pub(crate) fn read_from(
        &self,
        engine: &Engine,
        reading: Reading,
        name: &TableName,
        version: i64,
        provider: Arc<dyn TableProvider>,
    ) -> Arc<dyn TableProvider> {
        match reading.keeps(self.project(), name) {
            true => engine.in_memory(&node_name(name), &version.to_string(), provider),
            false => provider,
        }
    }

    /// For a view whose rows are kept though they are stored nowhere: what they are computed from, its SQL and functions and the version of
    /// each table it reads, directly or through other views.
    pub(crate) fn kept_version(&self, reading: Reading, view: &View, versions: &BTreeMap<TableName, i64>) -> Option<String> {
        if reading == Reading::Disk || !*view.cache {
            return None;
        }
        let mut text = String::new();
        for function in &self.project().functions {
            let _ = writeln!(text, "{} {}", function.name, function.sql.text);
        }
        let (mut left, mut seen) = (vec![view.name.clone()], BTreeSet::new());
        while let Some(node) = left.pop() {
            if !seen.insert(node.clone()) {
                continue;
            }
            let stored = versions.iter().find(|(name, _)| node_name(name) == node);
            if let Some((_, version)) = stored {
                let _ = writeln!(text, "{node}@{version}");
                continue;
            }
            if let Some(view) = self.project().views.iter().find(|v| v.name == node) {
                let _ = writeln!(text, "{node} {}", view.sql.text);
            }
            left.extend(self.checked.graph.node(&node).map(|n| n.depends_on.clone()).unwrap_or_default());
        }
        Some(fingerprint::hash(&text)[..8].to_string())
    }
}

/// As the graph calls it: views bare.
pub(crate) fn node_name(name: &TableName) -> String {
    if name.schema == "public" { name.name.clone() } else { format!("{}.{}", name.schema, name.name) }
}
