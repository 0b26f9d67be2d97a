//! The server: what it holds, its routes, and how it comes up and goes down.

use crate::answers::Answers;
use crate::commands::Commands;
use crate::data::Data;
use crate::json::Json;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::openapi::{self, document};
use crate::pages::Pages;
use crate::profiles::{self, Profiles};
use crate::pulse::{self, Seen};
use crate::refusal::Refusal;
use crate::token::Token;
use crate::{connection, dashboards, guard, panels};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use parking_lot::RwLock;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_project::dashboard::Dashboard;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What every request sees.
pub struct Served {
    pub data: Arc<dyn Data>,
    pub commands: Arc<dyn Commands>,
    /// In the order of the menu.
    pub dashboards: RwLock<Arc<Vec<Dashboard>>>,
    /// Files of the project that changed and take effect only when it is served anew.
    pub outdated: RwLock<Vec<String>>,
    pub answers: Answers,
    /// Held by who has rows tried again: one after another.
    pub replays: Arc<tokio::sync::Mutex<()>>,
    pub profiles: Profiles,
    pub token: Token,
    pub limits: Limits,
    pub metrics: Metrics,
    pub pages: Pages,
    /// The address that was bound.
    pub bound: IpAddr,
    pub seen: watch::Sender<Seen>,
    pub closing: watch::Sender<bool>,
}

/// An address that is ours already; nobody is answered yet.
pub struct Bound {
    listener: std::net::TcpListener,
    pub address: SocketAddr,
}

/// A server at work.
pub struct Server {
    served: Arc<Served>,
    tasks: Vec<JoinHandle<()>>,
}

impl Bound {
    /// Port 0 is any free one.
    pub fn to(address: SocketAddr) -> Result<Bound> {
        let fail = |e: std::io::Error| {
            let help = match e.kind() {
                std::io::ErrorKind::AddrInUse => "another program listens there: name another one with `--port`, or 0 for any that is free",
                std::io::ErrorKind::AddrNotAvailable => "`--bind` takes an address of this machine",
                _ => "name another one with `--bind` and `--port`",
            };
            Error::unavailable(format!("cannot listen at {address}: {e}")).help(help)
        };
        let listener = std::net::TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Bound { listener, address })
    }

    /// Begins to answer. Must be called within the runtime.
    pub fn serve(self, data: Arc<dyn Data>, commands: Arc<dyn Commands>, token: Token, limits: Limits) -> Result<Server> {
        let listener = TcpListener::from_std(self.listener).map_err(|e| Error::unavailable("cannot listen").because(e))?;
        let served = Served::new(data, commands, token, limits, self.address.ip());
        let app = routes(&served);
        let tasks = vec![
            tokio::spawn(connection::serve(listener, app, served.limits.clone(), served.closing.subscribe())),
            tokio::spawn(pulse::beat(Arc::clone(&served), served.closing.subscribe())),
            tokio::spawn(ahead(Arc::clone(&served), served.closing.subscribe())),
        ];
        Ok(Server { served, tasks })
    }
}

/// What is made before anybody asks: what pages show first, and then, since many fewer want them so soon, profiles by key.
async fn ahead(served: Arc<Served>, closing: watch::Receiver<bool>) {
    panels::ask_ahead(Arc::clone(&served), closing.clone()).await;
    profiles::keep(served, closing).await;
}

impl Server {
    /// Takes nobody in any more, ends event streams, and lets answers under way go out.
    pub async fn close(self) {
        self.served.closing.send_replace(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

impl Served {
    pub fn new(data: Arc<dyn Data>, commands: Arc<dyn Commands>, token: Token, limits: Limits, bound: IpAddr) -> Arc<Served> {
        let answers = Answers::new(Arc::clone(&data), &limits);
        let profiles = Profiles::new(&*data, &limits);
        let dashboards = RwLock::new(Arc::new(in_order(data.dashboards())));
        let (seen, closing) = (watch::Sender::default(), watch::Sender::default());
        Arc::new(Served {
            data,
            commands,
            dashboards,
            outdated: RwLock::default(),
            answers,
            replays: Arc::default(),
            profiles,
            token,
            limits,
            metrics: Metrics::default(),
            pages: Pages::default(),
            bound,
            seen,
            closing,
        })
    }

    pub fn dashboard(&self, name: &str) -> Result<Dashboard, Refusal> {
        dashboards::find(&self.dashboards.read(), name).cloned()
    }

    /// Anew, from the project's files.
    pub async fn read_dashboards(&self) {
        let data = Arc::clone(&self.data);
        if let Ok(read) = tokio::task::spawn_blocking(move || data.dashboards()).await {
            *self.dashboards.write() = Arc::new(in_order(read));
        }
    }
}

fn in_order(mut dashboards: Vec<Dashboard>) -> Vec<Dashboard> {
    dashboards.sort_by(|a, b| (a.position, &a.name).cmp(&(b.position, &b.name)));
    dashboards
}

pub fn routes(served: &Arc<Served>) -> Router {
    let all = openapi::routes().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    let all = openapi::writes().fold(all, |router, write| router.route(write.path, (write.handler)()));
    all.fallback(fallback)
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this is not asked in this way").help("/api/openapi.json says how")
        })
        .layer(from_fn_with_state(Arc::clone(served), guard::guard))
        .with_state(Arc::clone(served))
}

/// That the process is there.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// That there is something to ask.
pub async fn readyz(State(served): State<Arc<Served>>) -> Result<&'static str, Refusal> {
    if served.data.is_ready() {
        return Ok("ready\n");
    }
    Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "nothing has been run yet"))
}

/// How the server and the streams are doing, for Prometheus.
pub async fn metrics(State(served): State<Arc<Served>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], served.metrics.text(&served)).into_response()
}

/// This document.
pub async fn openapi_document() -> Json<serde_json::Value> {
    Json(document())
}

async fn fallback(State(served): State<Arc<Served>>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return Refusal::not_found("there is nothing here").help("/api/openapi.json lists what there is").into_response();
    }
    if request.method() != axum::http::Method::GET && request.method() != axum::http::Method::HEAD {
        return Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this is only asked with GET").into_response();
    }
    served.pages.page(request.uri().path(), request.headers())
}
