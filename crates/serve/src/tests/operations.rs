//! What is answered to who runs the project, and who may change something.

use super::{TOKEN, bytes, shop, with_token};
use crate::commands::Replayed;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_engine::{ColumnEdge, GraphNode, LineageGraph};

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter(values.iter().map(|v| (*v != "-").then_some(*v))))
}

fn wholes(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).expect("a batch")
}

fn numbers(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn instants(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC"))
}

/// Sources, a table and what is made of it.
pub fn graph() -> LineageGraph {
    let schema = Arc::new(Schema::new(vec![Field::new("total", DataType::Float64, true)]));
    let node = |name: &str, kind| GraphNode { name: name.into(), kind, schema: Arc::clone(&schema) };
    let edge = |from: &str, to: &str| (from.to_string(), to.to_string());
    LineageGraph {
        nodes: vec![
            node("source.orders", "source"),
            node("raw.orders", "raw"),
            node("clean.orders", "clean"),
            node("sales", "view"),
            node("old", "table"),
        ],
        edges: vec![edge("source.orders", "raw.orders"), edge("raw.orders", "clean.orders"), edge("clean.orders", "sales")],
        columns: vec![ColumnEdge {
            from: "source.orders".into(),
            from_column: "Total".into(),
            to: "raw.orders".into(),
            to_column: "total".into(),
            kind: "direct".into(),
        }],
    }
}

/// A run that goes on: one step has ended, one is at work, one waits.
fn record(sql: &str) -> Option<RecordBatch> {
    if sql.contains("FROM system.operators") {
        return Some(batch(vec![
            ("step_id", wholes(&[1, 1])),
            ("id", wholes(&[0, 1])),
            ("parent", Arc::new(Int64Array::from(vec![None, Some(0)]))),
            ("operator", texts(&["Write", "Sort"])),
            ("detail", texts(&["", "total"])),
            ("rows", wholes(&[5, 5])),
            ("seconds", numbers(&[Some(1.0), Some(3.0)])),
            ("seconds_waiting", numbers(&[Some(0.5), Some(0.0)])),
            ("bytes_read", wholes(&[0, 0])),
            ("bytes_written", wholes(&[9, 0])),
            ("bytes_spilled", wholes(&[0, 7])),
            ("bytes_exchanged", wholes(&[0, 0])),
        ]));
    }
    if sql.contains("FROM system.steps WHERE") {
        let started = instants(&[Some(-9_000_000), Some(-4_000_000)]);
        let zeros = || wholes(&[0, 0]);
        return Some(batch(vec![
            ("step_id", wholes(&[1, 2])),
            ("node", texts(&["raw.orders", "clean.orders"])),
            ("stage", texts(&["ingest", "apply"])),
            ("status", texts(&["succeeded", "running"])),
            ("started_at", started),
            ("ended_at", instants(&[Some(-4_000_000), None])),
            ("seconds", numbers(&[Some(5.0), None])),
            ("began", numbers(&[Some(-9.0), Some(-4.0)])),
            ("progress", numbers(&[Some(1.0), Some(0.5)])),
            ("rows_read", wholes(&[5, 2])),
            ("rows_written", zeros()),
            ("rows_rejected", zeros()),
            ("rows_per_second", numbers(&[Some(1.0), None])),
            ("bytes_read", zeros()),
            ("bytes_written", zeros()),
            ("bytes_spilled", zeros()),
            ("bytes_exchanged", zeros()),
            ("cpu_seconds", numbers(&[Some(1.0), None])),
            ("peak_memory_bytes", zeros()),
            ("message", texts(&["-", "-"])),
            ("error", texts(&["-", "-"])),
            ("why", texts(&["it waited", "-"])),
        ]));
    }
    let known = sql.contains("FROM system.runs r") && !sql.contains("WHERE r.run_id = $1");
    known.then(|| {
        batch(vec![
            ("run_id", texts(&["r2"])),
            ("command", texts(&["run"])),
            ("status", texts(&["running"])),
            ("started_at", instants(&[Some(-9_000_000)])),
            ("ended_at", instants(&[None])),
            ("seconds", numbers(&[None])),
            ("began", numbers(&[Some(-9.0)])),
            ("epoch", wholes(&[7])),
            ("progress", numbers(&[Some(0.5)])),
            ("error", texts(&["-"])),
            ("cpu_seconds", numbers(&[None])),
            ("peak_memory_bytes", wholes(&[1])),
            ("steps", wholes(&[2])),
            ("rows_read", wholes(&[7])),
            ("nodes", texts(&["raw.orders clean.orders sales"])),
        ])
    })
}

/// What the made-up project has of its operations.
pub fn rows(sql: &str) -> Option<RecordBatch> {
    if sql.contains("system.runs") || sql.contains("system.steps") || sql.contains("system.operators") {
        return Some(record(sql).unwrap_or_else(|| RecordBatch::new_empty(Arc::new(Schema::empty()))));
    }
    if sql.contains("GROUP BY code") {
        return Some(batch(vec![
            ("code", texts(&["range", "unique"])),
            ("column", texts(&["total", "-"])),
            ("status", texts(&["open", "open"])),
            ("rows", wholes(&[3, 1])),
            ("example", texts(&["-5 is below 0", "twice"])),
            ("first_file", texts(&["orders.csv", "orders.csv"])),
            ("first_line", wholes(&[7, 9])),
            ("first_raw", texts(&["1,-5", "2,<b>"])),
        ]));
    }
    if sql.contains("count(*) FROM quarantine.") {
        return Some(batch(vec![("n", wholes(&[4]))]));
    }
    sql.contains("FROM quarantine.")
        .then(|| batch(vec![("file", texts(&["orders.csv"])), ("line", wholes(&[7])), ("raw", texts(&["1,-5"]))]))
}

pub fn replay(table: &str, code: Option<&str>) -> Result<Replayed> {
    match code {
        Some("busy") => Err(Error::conflict("the project is in use by `tidemill run`").help("wait for it to end, or stop it")),
        Some("keyed") => Err(Error::config("`orders` is loaded by key").help("run `tidemill run`")),
        _ => Ok(Replayed { table: table.into(), tried: 3, accepted: 2, still_rejected: 1, next: "up to date".into() }),
    }
}

fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let request = Request::post(path).header("host", "127.0.0.1:5000").header("authorization", format!("Bearer {TOKEN}"));
    let request = headers.iter().fold(request, |r, (name, value)| r.header(*name, *value));
    request.header("content-length", body.len()).body(Body::from(body.to_string())).expect("a request")
}

const REPLAY: &str = "/api/quarantine/orders/replay";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn an_order_is_taken_from_our_own_pages_and_from_programs_with_the_token() {
    let shop = shop();
    for (headers, status) in [
        (&[JSON][..], 200),
        (&[("content-type", "application/json; charset=utf-8")], 200),
        (&[JSON, ("origin", "http://127.0.0.1:5000"), ("sec-fetch-site", "same-origin")], 200),
        (&[], 415),
        (&[("content-type", "text/plain")], 415),
        (&[("content-type", "application/x-www-form-urlencoded")], 415),
        (&[JSON, ("origin", "http://evil.example")], 403),
        (&[JSON, ("origin", "http://127.0.0.1:5000.evil.example")], 403),
        (&[JSON, ("origin", "http://127.0.0.1:6000")], 403),
        (&[JSON, ("origin", "null")], 403),
        (&[JSON, ("sec-fetch-site", "cross-site")], 403),
        (&[JSON, ("sec-fetch-site", "same-site")], 403),
    ] {
        assert_eq!(shop.send(post(REPLAY, headers, "{}")).await.status().as_u16(), status, "{headers:?}");
    }
    let mut bare = post(REPLAY, &[JSON], "{}");
    bare.headers_mut().remove("authorization");
    assert_eq!(shop.send(bare).await.status(), StatusCode::UNAUTHORIZED);
    // A link, or an image, changes nothing.
    assert_eq!(shop.get(REPLAY).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_or_can_not_be_carried_out_is_told() {
    let shop = shop();
    let send = async |path: &str, body: &str| {
        let response = shop.send(post(path, &[JSON], body)).await;
        let status = response.status().as_u16();
        (status, serde_json::from_slice::<Value>(&bytes(response).await).expect("JSON"))
    };
    for body in ["", "x", "[]", "{\"code\": 5}", "{\"sql\": \"DROP TABLE orders\"}"] {
        assert_eq!(send(REPLAY, body).await.0, 400, "{body}");
    }
    assert_eq!(send("/api/quarantine/none/replay", "{}").await.0, 404);
    assert_eq!(send(REPLAY, &format!("{{\"code\": \"{}\"}}", "x".repeat(70_000))).await.0, 413);
    let (status, busy) = send(REPLAY, r#"{"code": "busy"}"#).await;
    assert_eq!(
        (status, &busy["error"]["code"], &busy["error"]["help"]),
        (409, &json!("conflict"), &json!("wait for it to end, or stop it"))
    );
    assert_eq!(send(REPLAY, r#"{"code": "keyed"}"#).await.0, 422);
    let (status, done) = send(REPLAY, r#"{"code": "range", "column": null}"#).await;
    assert_eq!((status, done), (200, json!({ "table": "orders", "tried": 3, "accepted": 2, "still_rejected": 1, "next": "up to date" })));
}

#[tokio::test]
async fn rows_are_tried_again_one_order_after_another() {
    let shop = shop();
    let turn = Arc::clone(&shop.served.replays).try_lock_owned().expect("nobody tries yet");
    let second = shop.send(post(REPLAY, &[JSON], "{}")).await;
    assert_eq!(second.status(), StatusCode::CONFLICT);
    let told: Value = serde_json::from_slice(&bytes(second).await).expect("JSON");
    assert_eq!((&told["error"]["code"], &told["error"]["message"]), (&json!("conflict"), &json!("another try is under way")));
    drop(turn);
    for _ in 0..2 {
        assert_eq!(shop.send(post(REPLAY, &[JSON], "{}")).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn rows_set_aside_are_grouped_and_shown_and_what_is_asked_for_is_a_value() {
    let shop = shop();
    let (_, list) = shop.json("/api/quarantine").await;
    assert_eq!(
        list["groups"][0],
        json!({ "table": "orders", "code": "range", "column": "total", "status": "open", "rows": 3, "example": "-5 is below 0",
            "first_file": "orders.csv", "first_line": 7, "first_raw": "1,-5", "can_replay": true })
    );
    assert_eq!((&list["groups"][1]["can_replay"], &list["groups"][1]["column"]), (&json!(false), &Value::Null));
    shop.asked();
    let (_, page) = shop.json("/api/quarantine/orders?code=%27%3B%20DROP&status=all&limit=5&offset=10").await;
    assert_eq!(page["total"], 4);
    for (sql, params) in shop.asked() {
        assert!(sql.contains("\"code\" = $1") && !sql.contains("DROP") && !sql.contains("status\" ="), "{sql}");
        assert_eq!(params, ["'; DROP"]);
    }
    assert_eq!(shop.json("/api/quarantine/none").await.0, StatusCode::NOT_FOUND);
    assert_eq!(shop.json("/api/quarantine/orders?where=1").await.0, StatusCode::BAD_REQUEST);
    let open = with_token("/api/quarantine/orders").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(open).await.status(), StatusCode::OK);
    assert!(shop.asked().iter().all(|(_, params)| params == &["open"]), "rows that nobody has taken back, unless told otherwise");
}

#[tokio::test]
async fn a_run_is_shown_while_it_goes_on_with_its_steps_their_plans_and_where_it_is() {
    let shop = shop();
    let (_, list) = shop.json("/api/runs?limit=5").await;
    let run = &list["runs"][0];
    assert_eq!(
        (&run["run_id"], &run["seconds"], &run["progress"], &run["ended_at"]),
        (&json!("r2"), &json!(10.0), &json!(0.5), &Value::Null)
    );
    assert!(shop.asked()[0].0.contains("LIMIT 5"));
    let (_, detail) = shop.json("/api/runs/latest").await;
    assert_eq!(detail["run"], *run);
    let steps = &detail["steps"];
    assert_eq!((&steps[0]["seconds"], &steps[1]["seconds"], &steps[0]["why"]), (&json!(5.0), &json!(5.0), &json!("it waited")));
    assert_eq!(
        steps[0]["operators"][1],
        json!({ "id": 1, "parent": 0, "operator": "Sort", "detail": "total", "rows": 5, "seconds": 3.0, "seconds_waiting": 0.0, "share": 0.75,
            "bytes_read": 0, "bytes_written": 0, "bytes_spilled": 7, "bytes_exchanged": 0 })
    );
    assert_eq!(steps[1]["operators"], json!([]));
    let statuses: Vec<&str> = detail["nodes"].as_array().expect("nodes").iter().map(|n| n["status"].as_str().expect("a status")).collect();
    assert_eq!(statuses, ["succeeded", "succeeded", "running", "waiting", "up_to_date"]);
    assert_eq!(detail["edges"][0], json!({ "from": "source.orders", "to": "raw.orders" }));
    shop.asked();
    assert_eq!(shop.json("/api/runs/x'%20OR%20true").await.0, StatusCode::NOT_FOUND);
    assert_eq!(shop.asked()[0].1, ["x' OR true"]);
    assert_eq!(shop.json("/api/runs?limit=x").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_whole_project_is_a_graph_by_column_that_knows_which_panels_show_it() {
    let (_, lineage) = shop().json("/api/lineage").await;
    let panels: Vec<&Value> = lineage["nodes"].as_array().expect("nodes").iter().map(|n| &n["dashboard_panels"]).collect();
    // Two of the page of sales, one of that of a country.
    assert_eq!(panels, [0, 0, 0, 3, 0]);
    assert_eq!(lineage["nodes"][0]["columns"], json!([{ "name": "total", "type": "number" }]));
    assert_eq!(
        lineage["edges"],
        json!([{ "from": "source.orders", "from_column": "Total", "to": "raw.orders", "to_column": "total", "kind": "direct" }])
    );
}
