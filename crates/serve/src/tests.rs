//! The server over a small made-up project: what it answers, what it refuses, what it keeps.

mod operations;

use crate::commands::{Commands, Replayed};
use crate::data::{About, Data, Figure, LastRun};
use crate::limits::Limits;
use crate::openapi::{document, routes as asked_routes, writes};
use crate::server::{Served, routes};
use crate::token::Token;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use futures::StreamExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tidemill_core::{Error, Result};
use tidemill_engine::{BatchStream, Collected, ColumnOrigin, LineageGraph};
use tidemill_project::Environment;
use tidemill_project::dashboard::Dashboard;
use tidemill_project::query::NamedQuery;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

mod entities;
mod queries;

const TOKEN: &str = "0123456789abcdef";
const SALES: &str = r#"
title = "Sales"
position = 1

[[filters]]
column = "country"
default = "DE"

[[filters]]
column = "day"
default = "90d"

[[panels]]
title = "Revenue"
kind = "line"
view = "sales"
x = "day"
y = [{ sql = "sum(revenue)", label = "Revenue", format = "money", unit = "€" }, "count(*)"]
by = "country"

[[panels]]
title = "All"
kind = "table"
view = "sales"
columns = ["country", { sql = "revenue * 2", label = "Twice", format = "number" }]

[[panels]]
title = "Others"
kind = "number"
view = "others"
y = "count(*)"
"#;

/// The page of one country.
const COUNTRY: &str = "title = \"Country\"\nentity = \"country\"\n[[panels]]\nkind = \"table\"\nview = \"sales\"\n";

const QUERY: &str = "--! description = \"Sales of a country.\"\n--! [params]\n\
    --! country = { type = \"text\", default = \"DE\", description = \"two letters\" }\n--! least = { type = \"int\", optional = true }\n\
    SELECT * FROM sales WHERE country = $country AND ($least IS NULL OR orders >= $least)\n";

/// Answers everything with the same rows, and remembers what was asked.
struct Fake {
    dir: PathBuf,
    queries: Vec<NamedQuery>,
    /// What is kept by key.
    profile_rows: Mutex<RecordBatch>,
    version: AtomicU64,
    asked: Mutex<Vec<(String, Vec<String>)>>,
    slow: Mutex<Duration>,
    now: AtomicI64,
}

fn rows() -> RecordBatch {
    let day: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(1_500_000), None]).with_timezone("UTC"));
    let country: ArrayRef = Arc::new(StringArray::from(vec![Some("=1+1"), Some("a \"b\", c"), None]));
    let revenue: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN), None]));
    let orders: ArrayRef = Arc::new(Int64Array::from(vec![Some(-3), Some(0), None]));
    let vip: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, None]));
    RecordBatch::try_from_iter([("day", day), ("country", country), ("revenue", revenue), ("orders", orders), ("vip", vip)])
        .expect("a batch")
}

#[async_trait]
impl Data for Fake {
    fn about(&self) -> About {
        let profiles = self.dir.join("lake/_tidemill/profiles.redb");
        About { name: "shop".into(), description: String::new(), version: "1".into(), dir: self.dir.clone(), profiles, live: true }
    }
    fn dashboards(&self) -> Vec<Dashboard> {
        tidemill_project::load(&self.dir, &Environment::default()).0.dashboards
    }
    fn look(&self) -> Result<()> {
        Ok(())
    }
    fn is_ready(&self) -> bool {
        true
    }
    fn is_live(&self, view: &str) -> bool {
        view == "sales"
    }
    fn version(&self, view: &str) -> Result<String> {
        let version = self.version.load(Ordering::SeqCst);
        Ok(if view.ends_with("sales") { version.to_string() } else { "still".into() })
    }
    fn as_of_micros(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }
    fn now_micros(&self) -> i64 {
        self.now.load(Ordering::SeqCst) + 1_000_000
    }
    fn columns(&self, view: &str) -> Result<SchemaRef> {
        match view {
            "sales" | "query.sales" => Ok(rows().schema()),
            "others" => Ok(RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).expect("a batch").schema()),
            _ => Err(Error::config("no such view")),
        }
    }
    async fn ask(&self, sql: &str, params: &[String], rows_max: usize) -> Result<Collected> {
        self.asked.lock().push((sql.to_string(), params.to_vec()));
        let slow = *self.slow.lock();
        tokio::time::sleep(slow).await;
        let rows = operations::rows(sql).unwrap_or_else(rows);
        let shown = rows.slice(0, rows.num_rows().min(rows_max));
        Ok(Collected { schema: rows.schema(), truncated: shown.num_rows() < rows.num_rows(), batches: vec![shown] })
    }
    async fn stream(&self, sql: &str) -> Result<BatchStream> {
        self.asked.lock().push((sql.to_string(), Vec::new()));
        Ok(futures::stream::iter([Ok(self.profile_rows.lock().clone())]).boxed())
    }
    fn profiles(&self, column: &str) -> Vec<String> {
        if column == "country" { vec!["sales".into()] } else { Vec::new() }
    }
    fn lineage(&self, _: &str) -> Result<Vec<ColumnOrigin>> {
        Ok(vec![ColumnOrigin { column: "revenue".into(), from: vec!["clean.orders.total".into()] }])
    }
    fn queries(&self) -> &[NamedQuery] {
        &self.queries
    }
    async fn last_run(&self, _: &str) -> Result<Option<LastRun>> {
        Ok(Some(LastRun { run_id: "r1".into(), ended_at: "1970-01-01T00:00:00Z".into() }))
    }
    fn figures(&self) -> Vec<Figure> {
        vec![Figure { name: "stream_rows_total", help: "rows that came", of: "or\"ders".into(), value: 7.0 }]
    }
    fn quarantines(&self) -> Vec<String> {
        vec!["orders".into()]
    }
    fn graph(&self) -> Arc<LineageGraph> {
        Arc::new(operations::graph())
    }
    fn can_replay(&self, _: &str, code: &str) -> bool {
        code == "range"
    }
}

#[async_trait]
impl Commands for Fake {
    async fn replay(&self, table: &str, code: Option<&str>, _: Option<&str>) -> Result<Replayed> {
        operations::replay(table, code)
    }
}

struct Shop {
    fake: Arc<Fake>,
    served: Arc<Served>,
    app: Router,
    _dir: tempfile::TempDir,
}

fn shop() -> Shop {
    shop_within(Limits::default())
}

fn shop_within(limits: Limits) -> Shop {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("dashboards")).expect("a directory");
    std::fs::create_dir(dir.path().join("queries")).expect("a directory");
    std::fs::write(dir.path().join("tidemill.toml"), "name = \"shop\"\n").expect("a file");
    std::fs::write(dir.path().join("dashboards/sales.toml"), SALES).expect("a file");
    std::fs::write(dir.path().join("dashboards/country.toml"), COUNTRY).expect("a file");
    std::fs::write(dir.path().join("queries/sales.sql"), QUERY).expect("a file");
    let (project, problems) = tidemill_project::load(dir.path(), &Environment::default());
    assert_eq!(problems, []);
    let (dir_of, queries) = (dir.path().into(), project.queries);
    let fake = Arc::new(Fake {
        dir: dir_of,
        queries,
        profile_rows: Mutex::new(entities::profiles(&[])),
        version: AtomicU64::new(1),
        asked: Mutex::default(),
        slow: Mutex::default(),
        now: AtomicI64::new(0),
    });
    let token = Token::given(TOKEN).expect("a token");
    let served =
        Served::new(Arc::clone(&fake) as Arc<dyn Data>, Arc::clone(&fake) as Arc<dyn Commands>, token, limits, [127, 0, 0, 1].into());
    Shop { fake, app: routes(&served), served, _dir: dir }
}

impl Shop {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.expect("an answer")
    }

    async fn get(&self, path: &str) -> Response<Body> {
        self.send(with_token(path).body(Body::empty()).expect("a request")).await
    }

    async fn json(&self, path: &str) -> (StatusCode, Value) {
        let response = self.get(path).await;
        let status = response.status();
        (status, serde_json::from_slice(&bytes(response).await).unwrap_or(Value::Null))
    }

    fn asked(&self) -> Vec<(String, Vec<String>)> {
        std::mem::take(&mut self.fake.asked.lock())
    }
}

fn with_token(path: &str) -> axum::http::request::Builder {
    Request::get(path).header("host", "127.0.0.1:5000").header("authorization", format!("Bearer {TOKEN}"))
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    to_bytes(response.into_body(), 1 << 20).await.expect("a body").to_vec()
}

/// As in a URL.
fn escaped(s: &Value) -> String {
    s.to_string().bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[tokio::test]
async fn everything_but_healthz_wants_the_token() {
    let shop = shop();
    let without = |path: &str| Request::get(path).header("host", "localhost").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(without("/healthz")).await.status(), StatusCode::OK);
    for route in asked_routes().filter(|r| r.path != "/healthz") {
        assert_eq!(shop.send(without(route.path)).await.status(), StatusCode::UNAUTHORIZED, "{}", route.path);
    }
    for page in ["/", "/d/sales", "/assets/x.js", "/?token=0123456789abcdeF", "/?token="] {
        let response = shop.send(without(page)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{page}");
        assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/html"), "{page}");
    }
    let wrong = with_token("/api/project").header("cookie", "tidemill=x");
    assert_eq!(shop.send(wrong.body(Body::empty()).expect("a request")).await.status(), StatusCode::OK, "the header counts");
    let cookie = without("/api/project");
    let (mut parts, body) = cookie.into_parts();
    parts.headers.insert("cookie", format!("a=b; tidemill={TOKEN}").parse().expect("a header"));
    assert_eq!(shop.send(Request::from_parts(parts, body)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_opened_url_sets_the_cookie_and_goes_on_without_the_token() {
    let shop = shop();
    for (path, to) in [("/", "/"), ("/d/sales", "/d/sales"), ("//evil.example/x", "/evil.example/x")] {
        let request = Request::get(format!("http://localhost{path}?token={TOKEN}&s=1")).header("host", "localhost");
        let response = shop.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()["location"], format!("{to}?s=1"));
        let cookie = response.headers()["set-cookie"].to_str().expect("text");
        assert_eq!(cookie, format!("tidemill={TOKEN}; HttpOnly; SameSite=Strict; Path=/"));
    }
}

#[tokio::test]
async fn only_hosts_of_this_machine_are_answered() {
    let shop = shop();
    for (host, status) in [
        ("localhost:5000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:5000", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("10.0.0.1:5000", 421),
        ("", 421),
    ] {
        let request = Request::get("/healthz").header("host", host).body(Body::empty()).expect("a request");
        assert_eq!(shop.send(request).await.status().as_u16(), status, "{host}");
    }
    let none = Request::get("/healthz").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(none).await.status().as_u16(), 421);
}

#[tokio::test]
async fn bodies_and_other_methods_are_refused() {
    let shop = shop();
    let of = |length: &str| with_token("/api/project").header("content-length", length).body(Body::empty()).expect("a request");
    assert_eq!(shop.send(of("70000")).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(shop.send(of("x")).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let chunked = with_token("/api/project").header("transfer-encoding", "chunked").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(chunked).await.status(), StatusCode::LENGTH_REQUIRED);
    for path in ["/api/project", "/", "/healthz"] {
        let post = with_token(path).method("POST").body(Body::empty()).expect("a request");
        assert_eq!(shop.send(post).await.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test]
async fn answers_say_what_a_page_may_do() {
    let response = shop().get("/api/project").await;
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_string();
    assert!(header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
    assert_eq!((header("x-content-type-options").as_str(), header("referrer-policy").as_str()), ("nosniff", "no-referrer"));
    assert_eq!(header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_dashboard_is_described() {
    let shop = shop();
    let (_, project) = shop.json("/api/project").await;
    assert_eq!(
        project["dashboards"],
        json!([
            { "name": "sales", "title": "Sales", "description": "", "entity": null, "live": true },
            { "name": "country", "title": "Country", "description": "", "entity": "country", "live": true }
        ])
    );
    let (_, sales) = shop.json("/api/dashboards/sales").await;
    assert_eq!(
        sales["filters"],
        json!([{ "column": "country", "label": "country", "kind": "select", "default": ["DE"] },
            { "column": "day", "label": "day", "kind": "time", "default": "90d" }])
    );
    let panel = &sales["panels"][0];
    assert_eq!(panel["x"], json!({ "column": "day", "label": "day", "type": "time", "bucket": null }));
    assert_eq!(panel["y"][0], json!({ "name": "y0", "label": "Revenue", "format": "money", "unit": "€" }));
    assert_eq!((&panel["live"], &sales["panels"][2]["live"]), (&json!(true), &json!(false)));
    let twice = json!({ "name": "c1", "label": "Twice", "type": "number", "format": "number" });
    assert_eq!(sales["panels"][1]["columns"][1], twice);
    assert_eq!(shop.json("/api/dashboards/none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn values_of_every_type_come_as_json() {
    let (status, shown) = shop().json("/api/dashboards/sales/panels/0").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        shown["rows"],
        json!([
            ["1970-01-01T00:00:00Z", "=1+1", 1.5, -3, true],
            ["1970-01-01T00:00:01.500Z", "a \"b\", c", null, 0, null],
            [null, null, null, null, null]
        ])
    );
    assert_eq!(shown["columns"][0], json!({ "name": "day", "type": "time" }));
    assert_eq!((&shown["truncated"], &shown["version"], &shown["as_of"]), (&json!(false), &json!("1"), &json!("1970-01-01T00:00:00Z")));
}

#[tokio::test]
async fn what_is_selected_is_a_value_and_never_sql() {
    let shop = shop();
    let evil = "'; DROP TABLE sales; --";
    let s = escaped(&json!({ "country": [evil, null], "day": { "from": "2024-01", "to": null } }));
    assert_eq!(shop.json(&format!("/api/dashboards/sales/panels/0?s={s}")).await.0, StatusCode::OK);
    let (sql, params) = shop.asked().pop().expect("it was asked");
    assert!(sql.contains("$1") && !sql.contains("DROP"), "{sql}");
    assert!(params.contains(&evil.to_string()), "{params:?}");
    // A column that only other panels have does not apply, and is no mistake.
    assert_eq!(shop.json(&format!("/api/dashboards/sales/panels/2?s={s}")).await.0, StatusCode::OK);
    assert!(shop.asked().pop().expect("it was asked").1.is_empty());
}

#[tokio::test]
async fn a_selection_that_makes_no_sense_is_told() {
    let shop = shop();
    for wrong in [
        json!("x"),
        json!({ "colour": ["red"] }),
        json!({ "country": "DE" }),
        json!({ "country": [["DE"]] }),
        json!({ "day": { "from": "2024-01", "until": "2024-02" } }),
        json!({ "day": { "from": "yesterday" } }),
        json!({ "orders": ["many"] }),
        json!({ "country": vec!["DE"; 501] }),
    ] {
        let (status, said) = shop.json(&format!("/api/dashboards/sales/panels/0?s={}", escaped(&wrong))).await;
        assert_eq!((status, &said["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("bad_selection")), "{wrong}");
    }
    for path in ["panels/0?s=%7B", "panels/0?t=1", "panels/0/rows?limit=x", "panels/0/rows?limit=-1"] {
        assert_eq!(shop.json(&format!("/api/dashboards/sales/{path}")).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let long = "x".repeat(20_000);
    assert_eq!(shop.json(&format!("/api/dashboards/sales/panels/0?s={long}")).await.0, StatusCode::BAD_REQUEST);
    for path in ["panels/3", "panels/-1", "panels/00", "panels/99999999999999999999", "filters/colour"] {
        assert_eq!(shop.json(&format!("/api/dashboards/sales/{path}")).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(shop.asked().is_empty(), "nothing of this is asked of the data");
}

#[tokio::test]
async fn an_answer_is_kept_until_its_data_changes() {
    let shop = shop();
    let path = "/api/dashboards/sales/panels/0";
    let (_, first) = shop.json(path).await;
    assert_eq!(shop.json(path).await.1, first);
    assert_eq!(shop.asked().len(), 1);
    shop.fake.version.store(2, Ordering::SeqCst);
    assert_eq!(shop.json(path).await.1["version"], "2");
    assert_eq!(shop.asked().len(), 1);
}

#[tokio::test]
async fn who_asks_the_same_at_the_same_time_waits_for_one_answer() {
    let shop = shop();
    *shop.fake.slow.lock() = Duration::from_millis(50);
    let path = "/api/dashboards/sales/panels/0";
    let gone = tokio::time::timeout(Duration::from_millis(5), shop.json(path));
    let (gone, a, b) = tokio::join!(gone, shop.json(path), shop.json(path));
    assert!(gone.is_err(), "it went away");
    assert_eq!((a.0, a), (StatusCode::OK, b));
    assert_eq!(shop.asked().len(), 2, "one that was given up, and one for the two others");
}

#[tokio::test]
async fn kept_answers_have_an_end() {
    let shop = shop_within(Limits { kept_bytes: 20_000, ..Limits::default() });
    for n in 0..100 {
        shop.fake.version.store(n, Ordering::SeqCst);
        assert_eq!(shop.json("/api/dashboards/sales/panels/0").await.0, StatusCode::OK);
        let (answers, bytes) = shop.served.answers.kept();
        assert!(bytes <= 20_000 && answers < 40, "{answers} of {bytes} bytes");
    }
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_given_up() {
    let shop = shop_within(Limits { question_max: Duration::from_millis(20), ..Limits::default() });
    *shop.fake.slow.lock() = Duration::from_secs(60);
    let (status, said) = shop.json("/api/dashboards/sales/panels/0").await;
    assert_eq!((status, &said["error"]["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("too_slow")));
    *shop.fake.slow.lock() = Duration::ZERO;
    assert_eq!(shop.json("/api/dashboards/sales/panels/0").await.0, StatusCode::OK, "nothing is left of it");
}

#[tokio::test]
async fn formulas_are_text_in_a_file() {
    let response = shop().get("/api/dashboards/sales/panels/0/csv").await;
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"sales-0.csv\"");
    let text = String::from_utf8(bytes(response).await).expect("text");
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines[1], "1970-01-01T00:00:00Z,'=1+1,1.5,-3,true", "a negative number is a number");
    assert_eq!(lines[2], "1970-01-01T00:00:01.500Z,\"a \"\"b\"\", c\",NaN,0,");
    assert_eq!(lines[3], ",,,,");
}

#[tokio::test]
async fn the_document_lists_every_route_and_what_is_answered_has_its_shapes() {
    let shop = shop();
    let (_, document) = shop.json("/api/openapi.json").await;
    for route in asked_routes() {
        assert!(document["paths"][route.path]["get"].is_object(), "{}", route.path);
        let path = route
            .path
            .replace("{name}", "sales")
            .replace("runs/{id}", "runs/latest")
            .replace("{id}", "0")
            .replace("{column}", "orders")
            .replace("{table}", "orders")
            .replace("{entity}", "country")
            .replace("{key}", "DE");
        if path == "/api/events" {
            continue;
        }
        let response = shop.get(&path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        if let Some(schema) = document["paths"][route.path]["get"]["responses"]["200"]["content"]["application/json"]["schema"].as_object()
        {
            let body = serde_json::from_slice(&bytes(response).await).expect("JSON");
            fits(&body, &Value::Object(schema.clone()), &document, &path);
        }
    }
    let (_, refused) = shop.json("/api/dashboards/none").await;
    fits(&refused, &json!({ "$ref": "#/components/schemas/Problem" }), &document, "a refusal");
}

/// The types of the page are made of that file. `UPDATE=1` writes it; then `npm run types` in web/.
#[test]
fn the_page_has_this_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
    let now = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{now:#}\n")).expect("web/ can be written");
    }
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).expect("web/openapi.json")).expect("JSON");
    assert!(kept == now, "web/openapi.json is another document: `UPDATE=1` with this test, then `npm run types` in web/");
}

/// As far as this document goes into JSON Schema.
fn fits(value: &Value, schema: &Value, document: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(value, &document["components"]["schemas"][name.rsplit('/').next().expect("a name")], document, at);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return if value.is_null() { assert_eq!(any[1]["type"], "null", "{at}") } else { fits(value, &any[0], document, at) };
    }
    match schema["type"].as_str() {
        Some("object") => {
            let members = value.as_object().unwrap_or_else(|| panic!("{at} is no object"));
            for name in schema["required"].as_array().expect("a list") {
                assert!(members.contains_key(name.as_str().expect("text")), "{at} lacks {name}");
            }
            for (name, value) in members {
                let of = &schema["properties"][name];
                assert!(of.is_object(), "{at}: {name} is in no shape");
                fits(value, of, document, &format!("{at}.{name}"));
            }
        }
        Some("array") => {
            value.as_array().unwrap_or_else(|| panic!("{at} is no list")).iter().for_each(|v| fits(v, &schema["items"], document, at))
        }
        Some("string") => assert!(value.is_string(), "{at}: {value}"),
        Some("integer") => assert!(value.is_i64() || value.is_u64(), "{at}: {value}"),
        Some("number") => assert!(value.is_number(), "{at}: {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}: {value}"),
        Some(other) => panic!("{at}: {other}"),
        None => {}
    }
}

#[test]
fn every_refusal_and_path_of_the_document_is_well_formed() {
    let document = document();
    assert_eq!(document["paths"].as_object().expect("paths").len(), asked_routes().count() + writes().count());
    let shapes = document["components"]["schemas"].as_object().expect("shapes");
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(shapes.contains_key(name), "there is no shape {name}");
    }
}

#[tokio::test]
async fn who_listens_is_told_of_what_changed_and_only_the_newest() {
    let shop = shop();
    let response = shop.get("/api/events?dashboard=sales").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(shop.served.metrics.listeners.load(Ordering::Relaxed), 1);
    let mut events = response.into_body().into_data_stream();
    // Much happens while nobody reads: it is one event.
    for n in 2..200 {
        shop.fake.version.store(n, Ordering::SeqCst);
        let versions = crate::pulse::versions(&shop.served);
        shop.served.seen.send_modify(|seen| seen.versions = versions);
    }
    let event = String::from_utf8(events.next().await.expect("an event").expect("bytes").to_vec()).expect("text");
    assert_eq!(event, "event: changed\ndata: {\"panels\":[\"0\",\"1\"]}\n\n");
    shop.served.seen.send_modify(|seen| seen.reloads += 1);
    let event = String::from_utf8(events.next().await.expect("an event").expect("bytes").to_vec()).expect("text");
    assert_eq!(event, "event: reload\ndata: {}\n\n");
    let nothing = tokio::time::timeout(Duration::from_millis(20), events.next()).await;
    assert!(nothing.is_err(), "nothing was left over: {nothing:?}");
    shop.served.closing.send_replace(true);
    assert!(events.next().await.is_none(), "the server closes");
    drop(events);
    assert_eq!(shop.served.metrics.listeners.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn so_many_listen_at_most() {
    let shop = shop_within(Limits { listeners: 2, ..Limits::default() });
    let held = [shop.get("/api/events").await, shop.get("/api/events").await];
    assert_eq!(shop.get("/api/events").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(held);
    assert_eq!(shop.get("/api/events").await.status(), StatusCode::OK);
    assert_eq!(shop.get("/api/events?dashboard=none").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn figures_are_as_prometheus_reads_them() {
    let shop = shop();
    shop.get("/api/dashboards/sales/panels/0").await;
    let text = String::from_utf8(bytes(shop.get("/metrics").await).await).expect("text");
    assert!(text.contains("# TYPE tidemill_stream_rows_total counter\ntidemill_stream_rows_total{name=\"or\\\"ders\"} 7\n"), "{text}");
    assert!(text.contains("tidemill_questions_total 1\n"), "{text}");
    assert!(text.contains("tidemill_http_requests_total{status=\"2xx\"} 1\n"), "{text}");
    assert!(!text.contains(TOKEN));
}

/// The same over a real socket; what comes back to what is sent, until the server ends it.
struct Listening {
    _shop: Shop,
    address: std::net::SocketAddr,
}

async fn listening(limits: Limits) -> Listening {
    let shop = shop_within(limits.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(crate::connection::serve(listener, shop.app.clone(), limits, shop.served.closing.subscribe()));
    Listening { _shop: shop, address }
}

impl Listening {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(text.as_bytes()).await.expect("it takes what is sent");
        stream
    }

    async fn answer(&self, text: &str) -> String {
        let mut stream = self.send(text).await;
        let mut all = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut all)).await;
        read.expect("the server ends it").expect("an answer");
        String::from_utf8_lossy(&all).into_owned()
    }
}

#[tokio::test]
async fn a_head_that_is_slow_or_long_is_not_waited_for() {
    let site = listening(Limits { header_max: Duration::from_millis(50), ..Limits::default() }).await;
    let whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(site.answer(whole).await.starts_with("HTTP/1.1 200"));
    let slow = site.answer("GET /healthz HTTP/1.1\r\nHost: local").await;
    assert!(!slow.starts_with("HTTP/1.1 200"), "{slow}");
    let idle = site.answer("").await;
    assert!(idle.is_empty() || !idle.starts_with("HTTP/1.1 200"), "{idle}");
    let nonsense = site.answer("\u{16}\u{3}\u{1} this is not HTTP\r\n\r\n").await;
    assert!(nonsense.starts_with("HTTP/1.1 400") || nonsense.is_empty(), "{nonsense}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let site = listening(Limits { connections: 1, stalled_max: Duration::from_millis(100), ..Limits::default() }).await;
    let one = format!("GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    let mut held = site.send(&one).await;
    // Far more than buffers hold is asked for, and nothing of it is read.
    let many = one.repeat(5_000);
    let asking = held.write_all(many.as_bytes());
    let other = site.answer("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let (_, other) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), asking), other);
    assert!(other.starts_with("HTTP/1.1 200"), "{other}");
}

#[tokio::test]
async fn so_many_are_connected_at_most_and_the_others_wait() {
    let site = listening(Limits { connections: 1, header_max: Duration::from_millis(200), ..Limits::default() }).await;
    let held = site.send("GET /healthz HTTP/1.1\r\nHost: local").await;
    let second = site.answer("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
    drop(held);
}

#[test]
fn a_token_is_made_once_and_kept_from_others() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("_tidemill/token");
    let made = Token::kept(&file).expect("a token");
    assert!(made.reveal().len() >= 32);
    assert!(Token::kept(&file).expect("a token").is(made.reveal()));
    assert_eq!(format!("{made:?}"), "Token(…)");
    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("a file");
    assert!(Token::kept(&file).is_err(), "others may read it");
    for wrong in ["short", "has a blank in its middle", "has;a;semicolon;in;it", ""] {
        assert!(Token::given(wrong).is_err(), "{wrong}");
    }
}

#[cfg(feature = "dashboard")]
#[tokio::test]
#[allow(clippy::print_stdout)] // a test that cannot run says so
async fn a_path_is_a_file_by_its_exact_name_or_a_page() {
    let shop = shop();
    for path in ["/assets/none.js", "/assets/../index.html", "/assets/..%2findex.html", "/.env", "/x/index.html"] {
        let response = shop.get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let page = shop.get("/").await;
    if page.status() == StatusCode::NOT_FOUND {
        println!("skipped: pages, because web/ was not there when the program was built");
        return;
    }
    let tag = page.headers()["etag"].clone();
    assert_eq!(page.headers()["cache-control"], "private, no-cache");
    let index = bytes(page).await;
    assert_eq!(bytes(shop.get("/d/sales").await).await, index, "the application finds its page by itself");
    let again = with_token("/e/customer_id/7").header("if-none-match", tag).body(Body::empty()).expect("a request");
    assert_eq!(shop.send(again).await.status(), StatusCode::NOT_MODIFIED);
    let text = String::from_utf8(index).expect("text");
    let asset = text.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).expect("a script");
    let packed = shop.send(with_token(asset).header("accept-encoding", "br, gzip").body(Body::empty()).expect("a request")).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["content-type"], "text/javascript; charset=utf-8");
    assert!(packed.headers()["cache-control"].to_str().expect("text").contains("immutable"));
}
