//! The server over a small made-up project: what it answers, what it refuses, what it keeps.

mod access;
mod answers;
mod connections;
mod dashboards;
mod document;
mod entities;
mod events;
mod operations;
mod pages;
mod queries;

use crate::commands::{Commands, Replayed};
use crate::data::{About, Data, Figure, LastRun};
use crate::limits::Limits;
use crate::openapi::routes as asked_routes;
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
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tidemill_core::{Error, Result};
use tidemill_engine::{BatchStream, Collected, ColumnOrigin, LineageGraph};
use tidemill_project::Environment;
use tidemill_project::dashboard::Dashboard;
use tidemill_project::query::NamedQuery;
use tower::ServiceExt;

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
