//! The OpenAPI document, from one list of routes and one of shapes. The router is made of the same list, so that no route is missing here; a test holds what
//! is really answered against the shapes.

use crate::server::{self, Served};
use crate::{dashboards, events, panels};
use axum::routing::{MethodRouter, get};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Something to ask, and what comes back.
pub struct Route {
    pub path: &'static str,
    pub summary: &'static str,
    query: &'static [(&'static str, Shape, &'static str)],
    answer: Answer,
    /// How it may be refused.
    refusals: &'static [u16],
    pub handler: fn() -> MethodRouter<Arc<Served>>,
}

enum Answer {
    Json(Shape),
    /// Of this type.
    Text(&'static str),
}

enum Shape {
    Text,
    Whole,
    Number,
    Truth,
    Any,
    Maybe(&'static Shape),
    List(&'static Shape),
    Of(&'static str),
}

use Shape::{Any, List, Maybe, Number, Of, Text, Truth, Whole};

const S: (&str, Shape, &str) =
    ("s", Text, "what is selected, as JSON: `{\"country\":[\"DE\",null],\"day\":{\"from\":\"2024-01\",\"to\":\"2024-06\"}}`");
const ASKED: &[u16] = &[400, 401, 404, 422, 503];

pub const ROUTES: &[Route] = &[
    Route {
        path: "/api/project",
        summary: "The project and the dashboards there are, in the order of the menu",
        query: &[],
        answer: Answer::Json(Of("Project")),
        refusals: &[401],
        handler: || get(dashboards::project),
    },
    Route {
        path: "/api/dashboards/{name}",
        summary: "One dashboard: its filters and panels",
        query: &[],
        answer: Answer::Json(Of("Dashboard")),
        refusals: &[401, 404],
        handler: || get(dashboards::dashboard),
    },
    Route {
        path: "/api/dashboards/{name}/panels/{id}",
        summary: "What a panel shows",
        query: &[S],
        answer: Answer::Json(Of("PanelRows")),
        refusals: ASKED,
        handler: || get(panels::panel),
    },
    Route {
        path: "/api/dashboards/{name}/panels/{id}/rows",
        summary: "The rows that a panel is made of",
        query: &[S, ("limit", Whole, "100 when absent, 1,000 at most"), ("offset", Whole, "0 when absent")],
        answer: Answer::Json(Of("RowsPage")),
        refusals: ASKED,
        handler: || get(panels::rows),
    },
    Route {
        path: "/api/dashboards/{name}/panels/{id}/csv",
        summary: "What a panel shows, as a file for spreadsheets",
        query: &[S],
        answer: Answer::Text("text/csv"),
        refusals: ASKED,
        handler: || get(panels::csv),
    },
    Route {
        path: "/api/dashboards/{name}/panels/{id}/sql",
        summary: "Where a panel's numbers come from: its SQL, the columns behind, the last run",
        query: &[S],
        answer: Answer::Json(Of("PanelSql")),
        refusals: ASKED,
        handler: || get(panels::sql),
    },
    Route {
        path: "/api/dashboards/{name}/filters/{column}",
        summary: "What can be chosen of a column, the most frequent first",
        query: &[("q", Text, "letters that a value holds"), ("limit", Whole, "50 when absent, 1,000 at most")],
        answer: Answer::Json(Of("FilterChoices")),
        refusals: ASKED,
        handler: || get(panels::filter),
    },
    Route {
        path: "/api/events",
        summary: "Server-sent events: `changed` with `{\"panels\": [\"0\"]}`, `reload`, and `ping`",
        query: &[("dashboard", Text, "whose panels are of interest; without it only `reload` and `ping` come")],
        answer: Answer::Text("text/event-stream"),
        refusals: &[400, 401, 404, 503],
        handler: || get(events::events),
    },
    Route {
        path: "/api/openapi.json",
        summary: "This document",
        query: &[],
        answer: Answer::Json(Any),
        refusals: &[401],
        handler: || get(server::openapi),
    },
    Route {
        path: "/healthz",
        summary: "That the process is there; wants no token",
        query: &[],
        answer: Answer::Text("text/plain"),
        refusals: &[],
        handler: || get(server::healthz),
    },
    Route {
        path: "/readyz",
        summary: "That there is something to ask",
        query: &[],
        answer: Answer::Text("text/plain"),
        refusals: &[401, 503],
        handler: || get(server::readyz),
    },
    Route {
        path: "/metrics",
        summary: "How the server and the streams are doing, for Prometheus",
        query: &[],
        answer: Answer::Text("text/plain"),
        refusals: &[401],
        handler: || get(server::metrics),
    },
];

/// Objects, by name: each member and its shape. All members are always there, but for `help`.
const SHAPES: &[(&str, &[(&str, Shape)])] = &[
    ("Problem", &[("error", Of("ProblemDetail"))]),
    ("ProblemDetail", &[("code", Text), ("message", Text), ("help", Text)]),
    (
        "Project",
        &[("name", Text), ("description", Text), ("version", Text), ("live", Truth), ("dashboards", List(&Of("DashboardSummary")))],
    ),
    ("DashboardSummary", &[("name", Text), ("title", Text), ("description", Text), ("entity", Maybe(&Text)), ("live", Truth)]),
    (
        "Dashboard",
        &[
            ("name", Text),
            ("title", Text),
            ("description", Text),
            ("entity", Maybe(&Text)),
            ("filters", List(&Of("Filter"))),
            ("panels", List(&Of("Panel"))),
        ],
    ),
    ("Filter", &[("column", Text), ("label", Text), ("kind", Text), ("default", Any)]),
    (
        "Panel",
        &[
            ("id", Text),
            ("title", Text),
            ("description", Text),
            ("kind", Text),
            ("view", Text),
            ("width", Whole),
            ("live", Truth),
            ("x", Maybe(&Of("Axis"))),
            ("y", List(&Of("Measure"))),
            ("by", Maybe(&Of("Series"))),
            ("columns", List(&Of("Column"))),
            ("selectable", List(&Text)),
        ],
    ),
    ("Axis", &[("column", Text), ("label", Text), ("type", Text), ("bucket", Maybe(&Text))]),
    ("Measure", &[("name", Text), ("label", Text), ("format", Maybe(&Text)), ("unit", Text)]),
    ("Series", &[("column", Text), ("label", Text)]),
    ("Column", &[("name", Text), ("label", Text), ("type", Text), ("format", Maybe(&Text))]),
    ("ResultColumn", &[("name", Text), ("type", Text)]),
    (
        "PanelRows",
        &[
            ("columns", List(&Of("ResultColumn"))),
            ("rows", List(&List(&Any))),
            ("truncated", Truth),
            ("as_of", Text),
            ("version", Text),
            ("elapsed_ms", Number),
        ],
    ),
    ("RowsPage", &[("columns", List(&Of("ResultColumn"))), ("rows", List(&List(&Any))), ("total", Whole)]),
    (
        "PanelSql",
        &[("sql", Text), ("params", List(&Text)), ("view", Text), ("lineage", List(&Of("ColumnOrigin"))), ("run", Maybe(&Of("LastRun")))],
    ),
    ("ColumnOrigin", &[("column", Text), ("from", List(&Text))]),
    ("LastRun", &[("run_id", Text), ("ended_at", Text)]),
    ("FilterChoices", &[("values", List(&Of("FilterChoice"))), ("min", Any), ("max", Any)]),
    ("FilterChoice", &[("value", Any), ("rows", Whole)]),
];

pub fn document() -> Value {
    let paths: Map<String, Value> = ROUTES.iter().map(|r| (r.path.to_string(), json!({ "get": operation(r) }))).collect();
    let schemas: Map<String, Value> = SHAPES.iter().map(|(name, members)| (name.to_string(), object(members))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidemill",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What `tidemill serve` answers. Everything but /healthz wants the token: as `Authorization: Bearer TOKEN`, or as the cookie that the opened URL sets.",
        },
        "security": [{ "token": [] }, { "cookie": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "tidemill" },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": Text.schema() }));
    let in_query = route.query.iter().map(
        |(name, shape, about)| json!({ "name": name, "in": "query", "required": false, "description": about, "schema": shape.schema() }),
    );
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let content = match &route.answer {
        Answer::Json(shape) => json!({ "application/json": { "schema": shape.schema() } }),
        Answer::Text(kind) => json!({ *kind: { "schema": Text.schema() } }),
    };
    let mut responses = Map::new();
    responses.insert("200".into(), json!({ "description": route.summary, "content": content }));
    for status in route.refusals {
        let description = match status {
            400 => "what was asked can't be read",
            401 => "the token is missing",
            404 => "there is no such thing",
            422 => "the project's own SQL or data is at fault",
            _ => "too much at once, too slow, or not ready",
        };
        let problem = json!({ "application/json": { "schema": Of("Problem").schema() } });
        responses.insert(status.to_string(), json!({ "description": description, "content": problem }));
    }
    let mut operation = json!({ "summary": route.summary, "parameters": parameters, "responses": responses });
    if !route.refusals.contains(&401) {
        operation["security"] = json!([]);
    }
    operation
}

fn object(members: &[(&str, Shape)]) -> Value {
    let properties: Map<String, Value> = members.iter().map(|(name, shape)| (name.to_string(), shape.schema())).collect();
    let required: Vec<&str> = members.iter().map(|(name, _)| *name).filter(|name| *name != "help").collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

impl Shape {
    fn schema(&self) -> Value {
        match self {
            Text => json!({ "type": "string" }),
            Whole => json!({ "type": "integer" }),
            Number => json!({ "type": "number" }),
            Truth => json!({ "type": "boolean" }),
            Any => json!({}),
            Maybe(shape) => json!({ "anyOf": [shape.schema(), { "type": "null" }] }),
            List(shape) => json!({ "type": "array", "items": shape.schema() }),
            Of(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
        }
    }
}
