//! The OpenAPI document, from one list of routes and one of shapes. The router is made of the same list, so that no route is missing here; a test holds what
//! is really answered against the shapes.

mod operations;

use crate::server::{self, Served};
use crate::{dashboards, entities, events, panels, queries};
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

/// Something that changes the project: a POST with JSON.
pub struct Write {
    pub path: &'static str,
    pub summary: &'static str,
    /// Members of the body; none must be there.
    body: &'static [(&'static str, Shape, &'static str)],
    answer: Answer,
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
    /// Any names, a text each.
    Values,
    Maybe(&'static Shape),
    List(&'static Shape),
    Of(&'static str),
}

use Shape::{Any, List, Maybe, Number, Of, Text, Truth, Values, Whole};

const S: (&str, Shape, &str) =
    ("s", Text, "what is selected, as JSON: `{\"country\":[\"DE\",null],\"day\":{\"from\":\"2024-01\",\"to\":\"2024-06\"}}`");
const ASKED: &[u16] = &[400, 401, 404, 422, 503];

/// Everything that can be asked.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(operations::ROUTES)
}

/// Everything that changes something.
pub fn writes() -> impl Iterator<Item = &'static Write> {
    operations::WRITES.iter()
}

const ROUTES: &[Route] = &[
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
        path: "/api/queries",
        summary: "The queries that can be asked by name: what each takes, and its columns",
        query: &[],
        answer: Answer::Json(Of("QueryList")),
        refusals: &[401],
        handler: || get(queries::queries),
    },
    Route {
        path: "/api/queries/{name}",
        summary: "The rows of a query",
        query: &[("values", Values, "each by the name of its parameter, as /api/queries lists them: `?customer_id=5`")],
        answer: Answer::Json(Of("PanelRows")),
        refusals: ASKED,
        handler: || get(queries::query),
    },
    Route {
        path: "/api/entities",
        summary: "What pages are about one of: its column, the page, the views that have one row for each",
        query: &[],
        answer: Answer::Json(Of("EntityList")),
        refusals: &[401],
        handler: || get(entities::entities),
    },
    Route {
        path: "/api/entities/{entity}",
        summary: "Values that begin like this, in order",
        query: &[("q", Text, "letters that a value begins with"), ("limit", Whole, "20 when absent, 1,000 at most")],
        answer: Answer::Json(Of("EntityValues")),
        refusals: ASKED,
        handler: || get(entities::search),
    },
    Route {
        path: "/api/entities/{entity}/{key}",
        summary: "What is known of one",
        query: &[],
        answer: Answer::Json(Of("EntityDetail")),
        refusals: ASKED,
        handler: || get(entities::entity),
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
        handler: || get(server::openapi_document),
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
        &[
            ("name", Text),
            ("description", Text),
            ("version", Text),
            ("live", Truth),
            ("outdated", List(&Text)),
            ("dashboards", List(&Of("DashboardSummary"))),
        ],
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
    ("QueryList", &[("queries", List(&Of("Query")))]),
    ("Query", &[("name", Text), ("description", Text), ("params", List(&Of("Parameter"))), ("columns", List(&Of("ResultColumn")))]),
    ("Parameter", &[("name", Text), ("type", Text), ("required", Truth), ("default", Maybe(&Text)), ("description", Text)]),
    ("EntityList", &[("entities", List(&Of("EntitySummary")))]),
    ("EntitySummary", &[("name", Text), ("label", Text), ("dashboard", Text), ("profiles", List(&Text))]),
    ("EntityDetail", &[("entity", Text), ("key", Text), ("profiles", List(&Of("EntityProfile"))), ("as_of", Text), ("version", Text)]),
    ("EntityProfile", &[("view", Text), ("columns", List(&Of("ResultColumn"))), ("row", Maybe(&List(&Any)))]),
    ("EntityValues", &[("values", List(&Text))]),
    ("FilterChoices", &[("values", List(&Of("FilterChoice"))), ("min", Any), ("max", Any)]),
    ("FilterChoice", &[("value", Any), ("rows", Whole)]),
];

pub fn document() -> Value {
    let asked = routes().map(|r| (r.path.to_string(), json!({ "get": operation(r) })));
    let ordered = writes().map(|w| (w.path.to_string(), json!({ "post": order(w) })));
    let paths: Map<String, Value> = asked.chain(ordered).collect();
    let schemas: Map<String, Value> =
        SHAPES.iter().chain(operations::SHAPES).map(|(name, members)| (name.to_string(), object(members))).collect();
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
    let in_path = in_path(route.path);
    let in_query = route.query.iter().map(
        |(name, shape, about)| json!({ "name": name, "in": "query", "required": false, "description": about, "schema": shape.schema() }),
    );
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let responses = responses(route.summary, &route.answer, route.refusals);
    let mut operation = json!({ "summary": route.summary, "parameters": parameters, "responses": responses });
    if !route.refusals.contains(&401) {
        operation["security"] = json!([]);
    }
    operation
}

fn order(write: &Write) -> Value {
    let members = write.body.iter().map(|(name, shape, about)| {
        let mut schema = json!({ "anyOf": [shape.schema(), { "type": "null" }] });
        schema["description"] = json!(about);
        (name.to_string(), schema)
    });
    let body = json!({ "type": "object", "properties": members.collect::<Map<_, _>>(), "additionalProperties": false });
    json!({
        "summary": write.summary,
        "parameters": in_path(write.path).collect::<Vec<_>>(),
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": responses(write.summary, &write.answer, write.refusals),
    })
}

fn in_path(path: &'static str) -> impl Iterator<Item = Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": Text.schema() }))
}

fn responses(summary: &str, answer: &Answer, refusals: &[u16]) -> Map<String, Value> {
    let content = match answer {
        Answer::Json(shape) => json!({ "application/json": { "schema": shape.schema() } }),
        Answer::Text(kind) => json!({ *kind: { "schema": Text.schema() } }),
    };
    let mut responses = Map::new();
    responses.insert("200".into(), json!({ "description": summary, "content": content }));
    for status in refusals {
        let description = match status {
            400 => "what was asked can't be read",
            401 => "the token is missing",
            403 => "it comes from a page of somebody else's",
            404 => "there is no such thing",
            408 => "the body did not come in time",
            409 => "somebody else is at work on the project",
            415 => "the body is not JSON",
            422 => "the project's own SQL or data is at fault",
            _ => "too much at once, too slow, or not ready",
        };
        let problem = json!({ "application/json": { "schema": Of("Problem").schema() } });
        responses.insert(status.to_string(), json!({ "description": description, "content": problem }));
    }
    responses
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
            Values => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            Maybe(shape) => json!({ "anyOf": [shape.schema(), { "type": "null" }] }),
            List(shape) => json!({ "type": "array", "items": shape.schema() }),
            Of(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
        }
    }
}
