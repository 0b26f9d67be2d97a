//! The whole project as a graph: its nodes, and where each column comes from, down to the columns of sources.

use crate::json::Json;
use crate::server::Served;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use tidemill_engine::{ColumnEdge, GraphNode};
use tidemill_project::dashboard::query::Kind;

use crate::api::ResultColumn;

#[derive(Serialize)]
pub struct Lineage {
    pub nodes: Vec<LineageNode>,
    pub edges: Vec<ColumnEdge>,
}

#[derive(Serialize)]
pub struct LineageNode {
    pub name: String,
    /// `source`, `raw`, `clean`, `view`, `table`, `live` or `export`
    pub kind: String,
    /// How many panels show it.
    pub dashboard_panels: usize,
    pub columns: Vec<ResultColumn>,
}

/// What is read by whom.
#[derive(Serialize)]
pub struct GraphEdge {
    pub from: String,
    pub to: String,
}

/// Every node of the project with its columns, and where each comes from.
pub async fn lineage(State(served): State<Arc<Served>>) -> Json<Lineage> {
    let graph = served.data.graph();
    let dashboards = Arc::clone(&served.dashboards.read());
    let node = |n: &GraphNode| {
        let plain = n.name.strip_prefix("clean.").filter(|name| graph.nodes.iter().all(|o| o.name != *name));
        let panels = dashboards.iter().flat_map(|d| &d.panels).filter(|p| {
            let view = p.view.strip_prefix("public.").unwrap_or(p.view.as_str());
            view == n.name || Some(view) == plain
        });
        let columns = n.schema.fields().iter();
        let columns = columns.map(|f| ResultColumn { name: f.name().clone(), data_type: Kind::of(f.data_type()).as_str().into() });
        LineageNode { name: n.name.clone(), kind: n.kind.into(), dashboard_panels: panels.count(), columns: columns.collect() }
    };
    Json(Lineage { nodes: graph.nodes.iter().map(node).collect(), edges: graph.columns.clone() })
}
