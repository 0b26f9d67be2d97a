//! The project and its dashboards, described: which panels there are, what they show, how it is called.

use crate::api::{
    AxisDetail, ColumnDetail, DashboardDetail, DashboardSummary, FilterDetail, MeasureDetail, PanelDetail, ProjectDetail, SeriesDetail,
};
use crate::json::Json;
use crate::refusal::Refusal;
use crate::server::Served;
use axum::extract::{Path, State};
use serde_json::Value;
use std::sync::Arc;
use tidemill_project::dashboard::query::Kind;
use tidemill_project::dashboard::{Dashboard, Filter, FilterKind, Format, Measure, Panel, PanelKind, Written};

/// The project and the dashboards there are.
pub async fn project(State(served): State<Arc<Served>>) -> Json<ProjectDetail> {
    let about = served.data.about();
    let dashboards = served.dashboards.read().clone();
    let summary = |d: &Dashboard| DashboardSummary {
        name: d.name.clone(),
        title: d.title.clone(),
        description: d.description.clone(),
        entity: d.entity.as_ref().map(|e| e.value.clone()),
        live: d.panels.iter().any(|p| served.data.is_live(&p.view)),
    };
    let dashboards = dashboards.iter().map(summary).collect();
    let outdated = served.outdated.read().clone();
    Json(ProjectDetail { name: about.name, description: about.description, version: about.version, live: about.live, outdated, dashboards })
}

/// One dashboard: its filters and panels.
pub async fn dashboard(State(served): State<Arc<Served>>, Path(name): Path<String>) -> Result<Json<DashboardDetail>, Refusal> {
    let dashboards = Arc::clone(&served.dashboards.read());
    let dashboard = find(&dashboards, &name)?;
    let panels = dashboard.panels.iter().enumerate().map(|(id, p)| panel_detail(&served, id, p)).collect();
    Ok(Json(DashboardDetail {
        name: dashboard.name.clone(),
        title: dashboard.title.clone(),
        description: dashboard.description.clone(),
        entity: dashboard.entity.as_ref().map(|e| e.value.clone()),
        filters: dashboard.filters.iter().map(|f| filter_detail(&served, dashboard, f)).collect(),
        panels,
    }))
}

pub fn find<'d>(dashboards: &'d [Dashboard], name: &str) -> Result<&'d Dashboard, Refusal> {
    dashboards.iter().find(|d| d.name == name).ok_or_else(|| Refusal::not_found("there is no such dashboard"))
}

impl Served {
    /// Columns of a panel's view; none where it can't be told, so that the panel says what is wrong when it is asked.
    pub fn columns(&self, view: &str) -> Vec<(String, Kind)> {
        let Ok(schema) = self.data.columns(view) else { return Vec::new() };
        schema.fields().iter().map(|f| (f.name().clone(), Kind::of(f.data_type()))).collect()
    }

    /// The first view of a dashboard that has a column of this name, and the column's kind.
    pub fn view_with<'d>(&self, dashboard: &'d Dashboard, column: &str) -> Option<(&'d str, Kind)> {
        dashboard.panels.iter().find_map(|p| {
            let kind = self.columns(&p.view).into_iter().find(|(name, _)| name == column)?.1;
            Some((p.view.as_str(), kind))
        })
    }
}

fn filter_detail(served: &Served, dashboard: &Dashboard, filter: &Filter) -> FilterDetail {
    let kind = filter.kind_for(served.view_with(dashboard, &filter.column).map_or(Kind::Text, |(_, kind)| kind));
    let default = match filter.default.as_ref().map(|d| &d.value) {
        None => Value::Null,
        Some(Written::One(one)) if kind == FilterKind::Select => vec![one.clone()].into(),
        Some(Written::One(one)) => one.clone().into(),
        Some(Written::List(list)) => list.clone().into(),
    };
    let label = filter.label.clone().unwrap_or_else(|| called(&filter.column));
    FilterDetail { column: filter.column.value.clone(), label, kind: kind.as_str().into(), default }
}

fn panel_detail(served: &Served, id: usize, panel: &Panel) -> PanelDetail {
    let columns = served.columns(&panel.view);
    let kind_of = |name: &str| columns.iter().find(|(column, _)| column == name).map_or(Kind::Text, |(_, kind)| *kind);
    let x = panel.x.as_ref().map(|x| AxisDetail {
        column: x.value.clone(),
        label: called(x),
        data_type: kind_of(x).as_str().into(),
        bucket: panel.bucket.as_ref().map(|b| b.as_str().into()),
    });
    let y = panel.y.iter().enumerate().map(|(i, m)| MeasureDetail {
        name: format!("y{i}"),
        label: measure_label(m),
        format: m.format.map(|f| f.as_str().into()),
        unit: m.unit.clone(),
    });
    let shown = match *panel.kind {
        PanelKind::Table if panel.columns.is_empty() => {
            let all = columns.iter().map(|(name, kind)| (name.clone(), called(name), *kind, None));
            all.map(|(name, label, kind, format)| ColumnDetail { name, label, data_type: kind.as_str().into(), format }).collect()
        }
        PanelKind::Table => panel.columns.iter().enumerate().map(|(i, m)| column_detail(panel.column_name(i), m, &columns)).collect(),
        _ => Vec::new(),
    };
    PanelDetail {
        id: id.to_string(),
        title: panel.title.clone(),
        description: panel.description.clone(),
        kind: panel.kind.as_str().into(),
        view: panel.view.value.clone(),
        width: panel.width,
        live: served.data.is_live(&panel.view),
        x,
        y: y.collect(),
        by: panel.by.as_ref().map(|by| SeriesDetail { column: by.value.clone(), label: called(by) }),
        columns: shown,
        selectable: columns.into_iter().map(|(name, _)| name).collect(),
    }
}

fn column_detail(name: String, measure: &Measure, columns: &[(String, Kind)]) -> ColumnDetail {
    let kind = columns.iter().find(|(column, _)| *column == name).map(|(_, kind)| *kind);
    // Of an expression the rows tell the type; what has a format is a number.
    let kind = kind.unwrap_or(if measure.format.is_some() { Kind::Number } else { Kind::Text });
    let format: Option<&'static str> = measure.format.map(Format::as_str);
    ColumnDetail { name, label: measure_label(measure), data_type: kind.as_str().into(), format: format.map(String::from) }
}

pub fn measure_label(measure: &Measure) -> String {
    measure.label.clone().unwrap_or_else(|| called(measure.sql.text.trim()))
}

/// A column's name as people say it.
pub fn called(name: &str) -> String {
    name.replace('_', " ")
}
