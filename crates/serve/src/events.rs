//! Server-sent events: `changed` when data behind panels did, `reload` when a file of the project did, `ping` as a sign of life.

use crate::api::EventsQuery;
use crate::connection::closed;
use crate::pulse::{Seen, versions};
use crate::refusal::Refusal;
use crate::server::Served;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use futures::stream::{Stream, unfold};
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// One page that listens. It holds what it was told last, however long it takes nothing.
struct Listener {
    served: Arc<Served>,
    dashboard: Option<String>,
    seen: watch::Receiver<Seen>,
    closing: watch::Receiver<bool>,
    versions: BTreeMap<String, String>,
    reloads: u64,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.served.metrics.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Changes as they happen, until the page is closed.
pub async fn events(
    State(served): State<Arc<Served>>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let Query(query) = query.map_err(|e| Refusal::new(StatusCode::BAD_REQUEST, "bad_request", e.body_text()))?;
    if let Some(name) = &query.dashboard {
        served.dashboard(name)?;
    }
    let before = served.metrics.listeners.fetch_add(1, Ordering::Relaxed);
    let mut listener = Listener {
        seen: served.seen.subscribe(),
        closing: served.closing.subscribe(),
        versions: BTreeMap::new(),
        reloads: served.seen.borrow().reloads,
        dashboard: query.dashboard,
        served: Arc::clone(&served),
    };
    if before >= served.limits.listeners {
        let message = "too many pages are open";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "limit", message).help("close some of them"));
    }
    listener.versions = versions(&served);
    Ok(Sse::new(unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    })))
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        let ping = tokio::time::sleep(self.served.limits.ping);
        tokio::pin!(ping);
        loop {
            tokio::select! {
                () = closed(&mut self.closing) => return None,
                () = &mut ping => return Some(Event::default().event("ping").data("{}")),
                changed = self.seen.changed() => changed.ok()?,
            }
            if let Some(event) = self.news() {
                return Some(event);
            }
        }
    }

    fn news(&mut self) -> Option<Event> {
        let seen = self.seen.borrow_and_update().clone();
        if seen.reloads != self.reloads {
            self.reloads = seen.reloads;
            // The page asks for everything again.
            self.versions = versions(&self.served);
            return Some(Event::default().event("reload").data("{}"));
        }
        let before = std::mem::replace(&mut self.versions, seen.versions);
        let dashboard = self.served.dashboard(self.dashboard.as_ref()?).ok()?;
        let changed = |view: &str| self.versions.get(view) != before.get(view);
        let panels = dashboard.panels.iter().enumerate().filter(|(_, p)| changed(&p.view)).map(|(i, _)| i.to_string());
        let panels: Vec<String> = panels.collect();
        if panels.is_empty() {
            return None;
        }
        Some(Event::default().event("changed").data(json!({ "panels": panels }).to_string()))
    }
}
